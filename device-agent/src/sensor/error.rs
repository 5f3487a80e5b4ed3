//! Why a source gives no value.

use std::path::PathBuf;

/// Why a source gave nothing this time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error("{}: {why}", .path.display())]
    Read {
        path: PathBuf,
        /// What the file system said.
        why: String,
    },
    /// A file does not look as its format promises.
    #[error("{}: holds no number where one belongs", .0.display())]
    Format(PathBuf),
    /// A file that somebody waits for.
    #[error("{}: no answer", .0.display())]
    NoAnswer(PathBuf),
}
