//! How many devices and series a hub accepts.

/// Beyond these nothing new is taken in; whatever is known already goes on. They bound memory, the files and a restart: the
/// defaults were measured on two cores (`cargo bench --bench fleet`). A limit below what exists refuses newcomers and
/// touches nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Devices with a row, blocked ones among them.
    pub devices: usize,
    /// Series of all devices.
    pub series: usize,
}

impl Limits {
    /// As many as there are.
    pub const NONE: Self = Self { devices: usize::MAX, series: usize::MAX };
}

impl Default for Limits {
    fn default() -> Self {
        Self { devices: 20_000, series: 100_000 }
    }
}
