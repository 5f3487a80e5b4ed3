//! Why a question has no answer. PURE.

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It is no PromQL.
    #[error("{0}")]
    Parse(String),
    /// It is PromQL that cannot be answered, whatever the readings are.
    #[error("{0}")]
    Bad(String),
    /// It is PromQL that this hub does not know.
    #[error("{0} is not supported here")]
    Unsupported(String),
    /// The readings do not go together as it asks.
    #[error("{0}")]
    Execution(String),
    /// It takes more readings or values than one question may.
    #[error("the query touches too many readings: ask for fewer series, a shorter range or a longer step")]
    TooMuch,
    /// Whoever has the readings does not give them, and knows why.
    #[error("the readings cannot be read")]
    Source,
}

impl Error {
    pub(super) fn unsupported(what: &str) -> Self {
        Self::Unsupported(what.to_owned())
    }

    pub(super) fn bad(what: &str) -> Self {
        Self::Bad(what.to_owned())
    }

    pub(super) fn execution(what: impl Into<String>) -> Self {
        Self::Execution(what.into())
    }
}
