//! Requests to the writer, and their answers.
//!
//! A write runs inside a savepoint of an open transaction, changes rows through its [`OpenWrite`], and leaves the changes to
//! memory in [`Effects`]. Its caller is answered only after that transaction was committed or rolled back.

use tokio::sync::{mpsc, oneshot};

use super::commit::{Commit, Committed};
use super::queue::Kind;
use crate::model::device::DeviceNo;
use crate::store::engine::transaction::Transaction;
use crate::store::error::{Error, Result};
use crate::store::memory::{Effects, Memory};

/// Every write of the system.
pub(in crate::store) enum Write {
    /// Readings and what they caused: nearly all writes.
    Group(Box<Commit>, oneshot::Sender<Result<Committed>>),
    /// A rare change by a person or a housekeeper.
    Change(Work),
}

/// A change, and who waits for it.
///
/// Called once: with the open transaction, or with the reason there is none.
type Work = Box<dyn FnOnce(Result<&mut OpenWrite<'_>>) -> Applied + Send>;
/// Told once: the commit stands, or why not.
pub(in crate::store) type Reply = Box<dyn FnOnce(Result<()>) + Send>;

/// What a write did inside the transaction.
pub(in crate::store) struct Applied {
    pub(in crate::store) outcome: Result<()>,
    pub(in crate::store) reply: Reply,
}

/// The open transaction as one write sees it.
pub(in crate::store) struct OpenWrite<'a> {
    /// The transaction, in which this write can be taken back alone.
    pub(in crate::store) tx: &'a dyn Transaction,
    /// What is on disk.
    pub(in crate::store) memory: &'a Memory,
    /// What earlier writes of the group will change.
    pub(in crate::store) group: &'a Effects,
    /// What this write will change.
    pub(in crate::store) own: Effects,
    /// Number of the next journal row.
    pub(in crate::store) next_row: &'a mut i64,
}

impl OpenWrite<'_> {
    /// Whether a device is there, also once what stands before this write in its group is committed.
    pub(in crate::store) fn has_device(&self, device: DeviceNo) -> bool {
        !self.group.gone.contains(&device) && self.memory.catalog().device(device).is_some()
    }

    /// Takes a place for another device.
    ///
    /// # Errors
    /// `Limit` when there is none. What this group deletes leaves its place to the next.
    pub(in crate::store) fn take_device_place(&mut self) -> Result<()> {
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
    pub(in crate::store) fn take_series_place(&mut self) -> Result<()> {
        let most = self.memory.limits.series;
        if self.memory.catalog().series_count() + self.group.series_added + self.own.series_added >= most {
            return Err(Error::limit("series", most));
        }
        self.own.series_added += 1;
        Ok(())
    }
}

/// Where writes go in.
pub(in crate::store) type Inbox = mpsc::Sender<Write>;

impl Write {
    /// A change, and where its outcome will be told.
    pub(in crate::store) fn change<T: Send + 'static>(
        work: impl FnOnce(&mut OpenWrite<'_>) -> Result<T> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T>>) {
        let (reply, answered) = oneshot::channel();
        (Self::Change(Box::new(|open| answer(open.and_then(work), reply))), answered)
    }

    /// What the queue has to know of it.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Group(commit, _) if commit.batches.is_empty() => Kind::Alerts,
            Self::Group(..) => Kind::Readings,
            Self::Change(_) => Kind::Change,
        }
    }

    /// Payload bytes it brings.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Group(commit, _) => commit.batches.iter().map(|batch| batch.payload.len()).sum(),
            Self::Change(_) => 0,
        }
    }
}

pub(super) fn answer<T: Send + 'static>(outcome: Result<T>, reply: oneshot::Sender<Result<T>>) -> Applied {
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
