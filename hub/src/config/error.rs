//! Why a configuration cannot be used, with the key and what would be right.

use std::path::PathBuf;

/// The configuration cannot be used; exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("--config {}: {source}", path.display())]
    Unreadable {
        /// The file, as it was given.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not what it should be; the text names key and line.
    #[error("{}: {text}", path.display())]
    File {
        /// The file, as it was given.
        path: PathBuf,
        /// What is wrong, with line and column.
        text: String,
    },
    /// A value in the file, or what file and flags say together, cannot be.
    #[error("{key}: {text}")]
    Value {
        /// Which key.
        key: String,
        /// What is wrong.
        text: String,
    },
}

impl Error {
    pub(super) fn value(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Value { key: key.into(), text: text.into() }
    }
}
