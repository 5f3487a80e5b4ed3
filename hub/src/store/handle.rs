//! The handle of the store that all callers hold, and the state that its clones share.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::engine::snapshot::Snapshot;
use super::engine::{Engine, Reads};
use super::error::{Error, Result};
use super::memory::Memory;
use super::order::Order;
use super::readers::Readers;
use super::secret::SecretKey;
use super::write::acting;
use super::write::commit::{Commit, Committed};
use super::write::inbox::{Inbox, OpenWrite, Write};
use crate::clock::Timepiece;
use crate::model::audit::Actor;

/// The store. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) memory: Arc<Memory>,
    pub(super) readers: Readers,
    /// `None` once closed.
    pub(super) inbox: Mutex<Option<Inbox>>,
    pub(super) writer: Mutex<Option<JoinHandle<Result<()>>>>,
    /// The thread that makes blocks, and the way to it; a command beside a hub has none, nor has a closed store.
    pub(super) maker: Mutex<Option<(mpsc::Sender<Order>, JoinHandle<()>)>>,
    /// A read-only connection for lookups of one or two rows, made on the caller's thread because waking a thread of the pool
    /// takes longer; and the count of writes by commands beside the hub, as it was last seen.
    pub(super) desk: Mutex<(Box<dyn Reads>, i64)>,
    pub(super) key: SecretKey,
    pub(super) actor: Option<Actor>,
    pub(super) clock: Timepiece,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("engine", &self.inner.engine).finish_non_exhaustive()
    }
}

impl Store {
    /// Reads a row or two in place: for what every request asks, such as whether its token holds.
    pub(super) fn glance<T>(&self, read: impl FnOnce(&dyn Snapshot) -> Result<T>) -> Result<T> {
        let desk = self.inner.desk.lock().unwrap_or_else(PoisonError::into_inner);
        read(desk.0.ask())
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

    pub(super) fn orders(&self) -> Option<mpsc::Sender<Order>> {
        let maker = self.inner.maker.lock().unwrap_or_else(PoisonError::into_inner);
        maker.as_ref().map(|(orders, _)| orders.clone())
    }

    pub(super) fn clock(&self) -> &Timepiece {
        &self.inner.clock
    }

    pub(super) fn key(&self) -> &SecretKey {
        &self.inner.key
    }
}

impl Store {
    /// Who acts at the moment, if anybody does.
    pub(super) fn actor(&self) -> Option<Actor> {
        acting::acting().or_else(|| self.inner.actor.clone())
    }

    /// Puts something into the audit log that changes nothing in the store, as done by whoever acts.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn note(&self, action: &'static str, name: String) -> Result<()> {
        match self.actor() {
            Some(actor) => self.note_of(actor, action, name).await,
            None => Ok(()),
        }
    }

    /// The same, as done by `actor`.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn note_of(&self, actor: Actor, action: &'static str, name: String) -> Result<()> {
        self.change_as(Some(actor), move |open| open.tx.note(action, &name)).await
    }
}

impl Store {
    /// Makes everything in `commit` durable, or nothing of it. When it returns `Ok`, a power cut cannot take it back.
    ///
    /// What belongs to a device or webhook that was deleted meanwhile is left out without an error.
    ///
    /// # Errors
    /// [`Error::Full`]: nothing applied, try again later. A fatal one: end the hub.
    pub async fn commit(&self, commit: Commit) -> Result<Committed> {
        self.write_commit(commit).await
    }

    /// Runs `work` on the writer in its next group, for the present actor; returns once that is committed.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut OpenWrite<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.change_as(self.actor(), work).await
    }

    /// The same, for `actor`.
    async fn change_as<T: Send + 'static>(
        &self,
        actor: Option<Actor>,
        work: impl FnOnce(&mut OpenWrite<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let clock = self.clock().clone();
        let (write, answered) = Write::change(move |open| match actor {
            Some(actor) => acting::act(open.tx, (&actor, clock.wall()), || work(open)),
            None => work(open),
        });
        self.send(write).await?;
        answered.await.map_err(|_| Error::Closed)?
    }

    /// Commits readings in the writer's next group.
    pub(super) async fn write_commit(&self, commit: Commit) -> Result<Committed> {
        let (reply, answered) = oneshot::channel();
        self.send(Write::Group(Box::new(commit), reply)).await?;
        answered.await.map_err(|_| Error::Closed)?
    }

    async fn send(&self, write: Write) -> Result<()> {
        let inbox = self.inbox().ok_or(Error::Closed)?;
        inbox.send(write).await.map_err(|_| Error::Closed)
    }
}
