//! How much a spool may hold, and what is dropped when it is full.

use std::time::Duration;

/// How much the spool may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes in memory.
    pub memory: usize,
    /// Bytes in segments.
    pub disk: u64,
    /// How long readings are kept.
    pub age: Duration,
}

impl Default for Limits {
    /// 4 MiB of memory, 64 MiB of disk, a week: a day of 20 sensors once a second takes about 6 MB.
    fn default() -> Self {
        Self { memory: 4 << 20, disk: 64 << 20, age: Duration::from_secs(7 * 86_400) }
    }
}

/// What gives way when the disk's share is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// The oldest readings.
    #[default]
    DropOldest,
    /// The newest readings, beyond what fits in memory.
    DropNewest,
    /// Some of the oldest readings, with peaks kept; the oldest once all were thinned.
    Thin,
}

impl std::str::FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "drop-oldest" => Ok(Self::DropOldest),
            "drop-newest" => Ok(Self::DropNewest),
            "thin" => Ok(Self::Thin),
            other => Err(format!("'{other}' is not one of drop-oldest, drop-newest, thin")),
        }
    }
}
