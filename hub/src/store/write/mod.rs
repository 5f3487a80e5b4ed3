//! What the writer is asked to do, and how the caller hears of it.
//!
//! A write runs inside a savepoint of an open transaction, changes rows through its [`Scope`], and leaves the changes to
//! memory in [`Effects`]. Its caller hears nothing before that transaction stands or falls.
//!
//! What a person changes goes into the audit log in the same savepoint: who they are is [`acting`]'s, what is kept of it [`trail`]'s.

pub(super) mod acting;
pub(super) mod commit;
pub(super) mod trail;
pub(super) mod writer;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::Store;
use super::error::{Error, Result};
use super::memory::{Effects, Memory};
use crate::model::audit::Actor;
use commit::{Commit, Committed};

/// Every write of the system.
pub(super) enum Write {
    /// Readings and what they caused: nearly all writes.
    Group(Box<Commit>, oneshot::Sender<Result<Committed>>),
    /// A rare change by a person or a housekeeper.
    Change(Work),
}

/// A change, and who waits for it.
///
/// Called once: with the open transaction, or with the reason there is none.
type Work = Box<dyn FnOnce(Result<&mut Scope<'_>>) -> Applied + Send>;
/// Told once: the commit stands, or why not.
pub(super) type Reply = Box<dyn FnOnce(Result<()>) + Send>;

/// What a write did inside the transaction.
pub(super) struct Applied {
    pub(super) outcome: Result<()>,
    pub(super) reply: Reply,
}

/// The open transaction as one write sees it.
pub(super) struct Scope<'a> {
    /// The connection, inside a savepoint.
    pub(super) conn: &'a Connection,
    /// What is on disk.
    pub(super) memory: &'a Memory,
    /// What earlier writes of the group will change.
    pub(super) group: &'a Effects,
    /// What this write will change.
    pub(super) own: Effects,
    /// Number of the next journal row.
    pub(super) next_row: &'a mut i64,
}

impl Scope<'_> {
    /// Takes a place for another device.
    ///
    /// # Errors
    /// `Limit` when there is none. What this group deletes leaves its place to the next.
    pub(super) fn take_device_place(&mut self) -> Result<()> {
        let most = self.memory.limits.devices;
        if self.memory.catalog().device_count() + self.group.devices_added + self.own.devices_added >= most {
            return Err(Error::limit("devices", most));
        }
        self.own.devices_added += 1;
        Ok(())
    }

    /// Takes a place for another series.
    ///
    /// # Errors
    /// `Limit` when there is none. What this group deletes leaves its place to the next.
    pub(super) fn take_series_place(&mut self) -> Result<()> {
        let most = self.memory.limits.series;
        if self.memory.catalog().series_count() + self.group.series_added + self.own.series_added >= most {
            return Err(Error::limit("series", most));
        }
        self.own.series_added += 1;
        Ok(())
    }
}

/// Where writes go in.
pub(super) type Inbox = mpsc::Sender<Write>;

impl Write {
    /// A change, and where its outcome will be told.
    pub(super) fn change<T: Send + 'static>(
        work: impl FnOnce(&mut Scope<'_>) -> Result<T> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T>>) {
        let (reply, answered) = oneshot::channel();
        (Self::Change(Box::new(|scope| answer(scope.and_then(work), reply))), answered)
    }

    /// Whether it brings readings: those wait while there is no room, alerts and changes do not.
    pub(super) fn has_readings(&self) -> bool {
        matches!(self, Self::Group(commit, _) if !commit.batches.is_empty())
    }

    /// Payload bytes it brings.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Group(commit, _) => commit.batches.iter().map(|batch| batch.payload.len()).sum(),
            Self::Change(_) => 0,
        }
    }

    /// Does it in the open transaction, or takes note that there is none.
    pub(super) fn apply(self, scope: Result<&mut Scope<'_>>) -> Applied {
        match self {
            Self::Group(commit, reply) => answer(scope.and_then(|scope| commit::apply(scope, *commit)), reply),
            Self::Change(work) => work(scope),
        }
    }
}

fn answer<T: Send + 'static>(outcome: Result<T>, reply: oneshot::Sender<Result<T>>) -> Applied {
    // A caller that went away does not mind: its write stands or falls with the group all the same.
    match outcome {
        Ok(value) => Applied { outcome: Ok(()), reply: Box::new(|verdict| drop(reply.send(verdict.map(|()| value)))) },
        Err(error) => Applied {
            outcome: Err(error),
            reply: Box::new(|verdict| {
                if let Err(error) = verdict {
                    drop(reply.send(Err(error)));
                }
            }),
        },
    }
}

impl Store {
    /// Has the writer do `work` in its next group, for whoever acts; returns once that is committed.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Scope<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.change_as(self.actor(), work).await
    }

    /// The same, for `actor`.
    async fn change_as<T: Send + 'static>(
        &self,
        actor: Option<Actor>,
        work: impl FnOnce(&mut Scope<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (write, answered) = Write::change(move |scope| match actor {
            Some(actor) => acting::act(scope.conn, &actor, || work(scope)),
            None => work(scope),
        });
        self.send(write).await?;
        answered.await.map_err(|_| Error::Closed)?
    }

    /// Has the writer commit readings in its next group.
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
