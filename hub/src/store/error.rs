//! What can go wrong in the store, as decisions for the caller.

use std::path::PathBuf;

use rusqlite::ErrorCode;

/// The store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing: 404.
    #[error("no such {what}")]
    NotFound {
        /// Which noun.
        what: &'static str,
    },
    /// It contradicts what is stored: 409, naming the field.
    #[error("{field}: {detail}")]
    Conflict {
        /// Which field of the request.
        field: &'static str,
        /// Why, for people.
        detail: String,
    },
    /// There are as many of these as the hub takes: 409. What exists goes on.
    #[error("the hub has {most} {what}, its maximum; delete devices, or raise --max-{what}")]
    Limit {
        /// `devices` or `series`.
        what: &'static str,
        /// How many.
        most: usize,
    },
    /// The disk (or the configured cap) is full. Nothing was applied; the store goes on and recovers when there is space.
    #[error("the disk is full")]
    Full,
    /// Too many reads at once, or one that took too long: 503, try again.
    #[error("the store is busy: {0}")]
    Busy(&'static str),
    /// A query would hold too many readings in memory at once: 400, ask for less.
    #[error("this needs more than {} MiB of memory at once", most >> 20)]
    TooLarge {
        /// Bytes a query may hold.
        most: usize,
    },
    /// The file was written by a later version of the hub.
    #[error(
        "the database has schema {found}, this version knows up to {known}: start the newer hub, or restore an older backup"
    )]
    Newer {
        /// Schema of the file.
        found: u32,
        /// Newest schema this binary knows.
        known: u32,
    },
    /// The SQLite library has a known way to lose data.
    #[error("SQLite {found} is too old: 3.51.3 fixes a way to lose commits")]
    OldSqlite {
        /// Version of the library.
        found: &'static str,
    },
    /// Another hub uses this data directory.
    #[error("another hub is already running in {0}")]
    Locked(PathBuf),
    /// A stored value cannot be read: damage, or the wrong `secret.key`.
    #[error("stored {what} cannot be read")]
    Corrupt {
        /// Which value.
        what: &'static str,
    },
    /// A file beside the database could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file beside the database has the wrong content.
    #[error("{}: {detail}", path.display())]
    BadFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and what to do.
        detail: &'static str,
    },
    /// A sealed backup does not open, or could not be made.
    #[error("{}: {source}", path.display())]
    Sealed {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: crate::age::Error,
    },
    /// The writer met an error it cannot go on after, and ended.
    #[error("the store's writer ended: {0}")]
    Fatal(String),
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// SQLite refused a statement.
    #[error("database: {0}")]
    Sqlite(rusqlite::Error),
}

/// What the store's methods return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Whether the hub should end: the store takes no more writes, and only a restart from disk helps.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Fatal(_) | Self::Closed)
    }

    /// Whether what is asked for or changed is not there.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    pub(super) const fn missing(what: &'static str) -> Self {
        Self::NotFound { what }
    }

    pub(super) const fn limit(what: &'static str, most: usize) -> Self {
        Self::Limit { what, most }
    }

    pub(super) fn conflict(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict { field, detail: detail.into() }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        // WAL-index growth reports a full disk under its own code (`IOERR_SHMSIZE`) instead of `FULL`.
        const SHM_SIZE: i32 = rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
        match error.sqlite_error() {
            Some(code) if code.code == ErrorCode::DiskFull || code.extended_code == SHM_SIZE => Self::Full,
            Some(code) if code.code == ErrorCode::OperationInterrupted => Self::Busy("the query took too long"),
            _ => Self::Sqlite(error),
        }
    }
}
