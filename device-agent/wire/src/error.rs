//! Every way bytes from the network can be wrong.
//!
//! All of them end the same way: silence and a counter. They are told apart so that the counter has a reason.

/// Why bytes were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DecodeError {
    /// Fewer bytes than the type needs.
    #[error("truncated")]
    Truncated,
    /// More bytes than the type has, or non-zero padding.
    #[error("trailing bytes")]
    Trailing,
    /// First byte names no known packet or message.
    #[error("unknown type {0:#04x}")]
    UnknownType(u8),
    /// A reserved bit is set: a newer peer, or noise.
    #[error("reserved bits set")]
    Reserved,
    /// A protocol version this side does not speak.
    #[error("unknown protocol version {0}")]
    Version(u8),
    /// Authentication failed: wrong key, forged or damaged.
    #[error("not authentic")]
    NotAuthentic,
    /// A packet counter that was seen before, or is too old to tell.
    #[error("replayed")]
    Replayed,
    /// A number outside its range.
    #[error("number out of range")]
    OutOfRange,
    /// A value that is NaN or infinite.
    #[error("value is not finite")]
    NotFinite,
    /// More readings than one datagram may carry.
    #[error("too many readings")]
    TooMany,
    /// The bytes of a message do not follow its grammar.
    #[error("malformed message")]
    Malformed,
}

impl DecodeError {
    /// Every reason as the label of a metric.
    pub const REASONS: [&'static str; 11] = [
        "truncated",
        "trailing",
        "unknown_type",
        "reserved",
        "version",
        "not_authentic",
        "replayed",
        "out_of_range",
        "not_finite",
        "too_many",
        "malformed",
    ];

    /// Position of this reason in [`DecodeError::REASONS`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Truncated => 0,
            Self::Trailing => 1,
            Self::UnknownType(_) => 2,
            Self::Reserved => 3,
            Self::Version(_) => 4,
            Self::NotAuthentic => 5,
            Self::Replayed => 6,
            Self::OutOfRange => 7,
            Self::NotFinite => 8,
            Self::TooMany => 9,
            Self::Malformed => 10,
        }
    }
}
