//! Errors of the store, as decisions for the caller.

use std::path::PathBuf;

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
        source: crate::age::Error,
    },
    /// The writer met an error it cannot go on after, and ended.
    #[error("the store's writer ended: {0}")]
    Fatal(String),
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// The engine did not do it.
    #[error("database: {source}")]
    Engine {
        /// What that means.
        what: Fault,
        /// What the engine says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What an error of the engine means to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The database is not what was written: nothing in it can be relied on.
    Damaged,
    /// A stored value is of another kind than was written: damage as well, but the rest may be whole.
    Unreadable,
    /// The disk or the connection failed.
    Failed,
    /// It refused one statement.
    Refused,
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

    /// Whether it says that what is stored is not what was written, and not merely that the disk or the caller is at fault.
    pub(super) const fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Engine { what: Fault::Damaged | Fault::Unreadable, .. })
    }

    /// Whether it is about the database, and not about the one write that met it.
    pub(super) const fn breaks_the_group(&self) -> bool {
        self.is_fatal() || matches!(self, Self::Full | Self::Engine { what: Fault::Damaged | Fault::Failed, .. })
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
