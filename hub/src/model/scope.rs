//! What the bearer of a token may do.

/// What a bearer may do, from little to everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Send readings, and nothing else: look at nothing.
    Ingest,
    /// Look at everything, change nothing.
    Read,
    /// Look, acknowledge alerts, silence them for a day at most, send readings.
    Write,
    /// That, and what people do daily: rules, silences of any length, devices but for deleting them.
    Operate,
    /// Do everything.
    Admin,
}

impl Scope {
    /// Whether whoever has it may do what needs `needed`.
    #[must_use]
    pub const fn includes(self, needed: Self) -> bool {
        match self {
            Self::Ingest => matches!(needed, Self::Ingest),
            Self::Read => matches!(needed, Self::Read),
            Self::Write => !matches!(needed, Self::Operate | Self::Admin),
            Self::Operate => !matches!(needed, Self::Admin),
            Self::Admin => true,
        }
    }

    /// Whether a token with it may be only for devices with certain labels. What operators and admins do is about the whole hub.
    #[must_use]
    pub const fn may_be_limited(self) -> bool {
        matches!(self, Self::Ingest | Self::Read | Self::Write)
    }

    /// As it is written everywhere.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Write => "write",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}
