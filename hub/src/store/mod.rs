//! The one durable thing: a SQLite file in WAL mode with `synchronous=FULL`, one writer thread, many readers.
//!
//! Promises:
//!
//! - [`Store::commit`] returns only after the batches, the receive windows, the alert changes and the deliveries they
//!   caused are on disk, in one transaction. A power cut after that cannot take them back.
//! - A batch is stored once, however often it is committed: the writer keeps each device's committed receive window.
//! - Reads never wait for the writer, and never see half a commit.
//! - [`Store::catalog`] and the head change only after the commit that changes them.
//!
//! `Store` is a struct, not a trait: there is one engine. The trait belongs to the day a second one lands, and the
//! methods below, grouped by noun in the files beside this one, are its outline. SQL appears nowhere else in the hub.

mod access;
mod alerts;
mod commit;
mod devices;
mod error;
mod outbox;
mod query;
mod rules;
mod secret;
mod webhooks;

use std::path::PathBuf;
use std::sync::{Arc, RwLockReadGuard};

pub use access::{NewJoinToken, Session};
pub use alerts::AlertQuery;
pub use commit::{Commit, Committed, Floor};
pub use devices::DeviceNote;
pub use error::{Error, Result};
pub use outbox::DeliveryQuery;
pub use query::{Buckets, Columns, Group, Page};
pub use secret::SecretKey;

use crate::model::catalog::Catalog;

/// Where the store lives and how much it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Data directory; made with mode 0700.
    pub dir: PathBuf,
    /// Read-only connections. Four: twice the cores of a small machine, so that one wide query does not stop the rest.
    pub readers: usize,
    /// Cap on the database file; beyond it commits answer [`Error::Full`].
    pub max_bytes: Option<u64>,
}

impl Default for Config {
    fn default() -> Self {
        Self { dir: PathBuf::from("data"), readers: 4, max_bytes: None }
    }
}

/// Counters and sizes, for `/metrics` and `/api/hub`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stats {
    /// Readings stored since the start.
    pub readings_total: u64,
    /// Batches stored since the start.
    pub batches_total: u64,
    /// Batches that came again since the start, and were not stored again.
    pub repeats_total: u64,
    /// Transactions committed since the start.
    pub commits_total: u64,
    /// Seconds those took, from begin to durable.
    pub commit_seconds: f64,
    /// Bytes of the database file.
    pub file_bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Batches in the journal.
    pub journal_rows: u64,
    /// Whether the last commit found the disk full.
    pub degraded: bool,
}

/// The store. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store {
    shared: Arc<()>,
}

impl Store {
    /// Opens or makes the database in `config.dir`, migrates it, rebuilds what lives in memory, starts the writer.
    ///
    /// # Errors
    /// Anything wrong with the directory or the file; [`Error::Locked`] when another hub has it.
    pub fn open(config: &Config, secret_key: &SecretKey) -> Result<Self> {
        let _ = (config, secret_key);
        Ok(Self { shared: Arc::new(()) })
    }

    /// Opens the database beside a running hub, for commands that manage access. Everything works but `latest`, which
    /// knows nothing; the hub learns of writes by [`Store::changed_elsewhere`].
    ///
    /// # Errors
    /// Anything wrong with the directory or the file.
    pub fn open_beside(config: &Config, secret_key: &SecretKey) -> Result<Self> {
        Self::open(config, secret_key)
    }

    /// What exists. Hold it briefly, never across an await.
    pub fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        todo!()
    }

    /// Counters and sizes.
    #[must_use]
    pub fn stats(&self) -> Stats {
        todo!()
    }

    /// Whether another process (a command beside the hub) wrote since the last call. Cheap.
    ///
    /// # Errors
    /// Those of any read.
    pub fn changed_elsewhere(&self) -> Result<bool> {
        let _ = &self.shared;
        todo!()
    }

    /// Lets the writer finish what was sent to it, checkpoint, and end. Other clones answer [`Error::Closed`] after.
    pub async fn close(self) {
        todo!()
    }
}
