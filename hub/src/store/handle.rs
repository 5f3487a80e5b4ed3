//! The handle that everybody holds, and what all its clones share.

use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::engine::snapshot::Snapshot;
use super::error::Result;
use super::maker::order::Order;
use super::memory::Memory;
use super::secret::SecretKey;
use super::sqlite::readers::Readers;
use super::write::inbox::Inbox;
use crate::model::audit::Actor;

/// The store. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) memory: Arc<Memory>,
    pub(super) readers: Readers,
    /// `None` once closed.
    pub(super) inbox: Mutex<Option<Inbox>>,
    pub(super) writer: Mutex<Option<JoinHandle<Result<()>>>>,
    /// The thread that makes blocks, and the way to it; a command beside a hub has none, nor has a closed store.
    pub(super) maker: Mutex<Option<(SyncSender<Order>, JoinHandle<()>)>>,
    /// A read-only connection for lookups of one or two rows, made on the caller's thread because waking a thread of the pool
    /// takes longer; and the count of writes by commands beside the hub, as it was last seen.
    pub(super) desk: Mutex<(Connection, i64)>,
    pub(super) key: SecretKey,
    pub(super) actor: Option<Actor>,
    pub(super) file: PathBuf,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("file", &self.inner.file).finish_non_exhaustive()
    }
}

impl Store {
    /// Reads a row or two in place: for what every request asks, such as whether its token holds.
    pub(super) fn glance<T>(&self, read: impl FnOnce(&dyn Snapshot) -> Result<T>) -> Result<T> {
        let desk = self.inner.desk.lock().unwrap_or_else(PoisonError::into_inner);
        read(&desk.0)
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.inner.memory
    }

    pub(super) fn memory_shared(&self) -> Arc<Memory> {
        self.inner.memory.clone()
    }

    pub(super) fn readers(&self) -> &Readers {
        &self.inner.readers
    }

    pub(super) fn inbox(&self) -> Option<Inbox> {
        self.inner.inbox.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn orders(&self) -> Option<SyncSender<Order>> {
        let maker = self.inner.maker.lock().unwrap_or_else(PoisonError::into_inner);
        maker.as_ref().map(|(orders, _)| orders.clone())
    }

    pub(super) fn key(&self) -> &SecretKey {
        &self.inner.key
    }
}
