//! One group: a transaction with each write in its savepoint. A write that fails by itself is rolled back to its savepoint, and the
//! group continues.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::inbox::{Applied, OpenWrite, Reply, Write};
use super::queue::Queue;
use crate::clock::Timepiece;
use crate::model::SeqSet;
use crate::store::engine::{Role, Writes};
use crate::store::error::{Error, Result};
use crate::store::memory::{Effects, Memory};
use crate::store::windows::{Key, Unsaved, Windows};

/// Why a whole group failed.
pub(super) enum Failure {
    Full,
    Fatal(String),
    /// Fatal as well, and the next start has to set the file aside.
    Damaged(String),
}

impl Failure {
    pub(super) fn error(&self) -> Error {
        match self {
            Self::Full => Error::Full,
            Self::Fatal(text) | Self::Damaged(text) => Error::Fatal(text.clone()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if matches!(error, Error::Full) {
            return Self::Full;
        }
        if error.is_damage() { Self::Damaged(error.to_string()) } else { Self::Fatal(error.to_string()) }
    }
}

/// What commits groups, and is changed by nothing else.
pub(super) struct Committer {
    pub(super) engine: Box<dyn Writes>,
    pub(super) memory: Arc<Memory>,
    pub(super) role: Role,
    /// Number of the next journal row.
    pub(super) next_row: i64,
    /// Receive windows of which only the journal tells.
    pub(super) unsaved: Unsaved,
    pub(super) clock: Timepiece,
}

impl Committer {
    /// Commits what the queue gives as one transaction. `replies` are told its end, whatever it is.
    pub(super) fn commit(&mut self, queue: &mut Queue<Write>, replies: &mut Vec<Reply>) -> Result<(), Failure> {
        // A microsecond: a log that was allowed to grow on the last of the disk could not be copied back.
        let scarce = self.memory.engine.is_scarce();
        self.memory.counters.scarce.store(scarce, Ordering::Relaxed);
        if let Err(error) = self.engine.begin() {
            // Nothing began: whoever waits is told why.
            refuse(queue, replies);
            return Err(error.into());
        }
        let outcome = self.fill(queue, replies).and_then(|effects| {
            self.engine.commit()?;
            Ok(effects)
        });
        match outcome {
            Ok(effects) => {
                let took = queue.committed(self.clock.now());
                if effects.saves_windows {
                    self.unsaved.clear();
                } else {
                    self.unsaved.extend(effects.windows.keys());
                }
                self.memory.apply(effects, took);
                Ok(())
            }
            Err(failure) => {
                self.engine.roll_back()?;
                // Failed before the first write: those who wait must not wait for ever.
                if replies.is_empty() {
                    refuse(queue, replies);
                }
                Err(failure)
            }
        }
    }

    /// Applies writes to the open transaction until the group is big or old enough.
    fn fill(&mut self, queue: &mut Queue<Write>, replies: &mut Vec<Reply>) -> Result<Effects, Failure> {
        let (mut group, mut changed) = (Effects::default(), false);
        let budget = self.memory.cap().group();
        while let Some(write) = queue.take(self.clock.now(), budget) {
            changed |= matches!(write, Write::Change(_));
            let own = self.apply(write, &group, replies)?;
            group.absorb(own);
        }
        if group.saves_windows {
            let committed = self.memory.windows();
            self.engine.tx().save_windows(&untold(&self.unsaved, &committed, &group))?;
        }
        if changed {
            self.engine.sum_changes()?;
        }
        if self.role == Role::Beside {
            self.engine.mark_beside()?;
        }
        Ok(group)
    }

    /// One write in its savepoint. An error of its own is its caller's alone; an error of the file is the group's.
    fn apply(&mut self, write: Write, group: &Effects, replies: &mut Vec<Reply>) -> Result<Effects, Failure> {
        self.engine.begin_write()?;
        let mut open = OpenWrite {
            tx: self.engine.tx(),
            memory: &self.memory,
            group,
            own: Effects::default(),
            next_row: &mut self.next_row,
        };
        let Applied { outcome, reply } = write.apply(Ok(&mut open));
        let own = open.own;
        match outcome {
            Ok(()) => {
                replies.push(reply);
                self.engine.keep_write()?;
                Ok(own)
            }
            Err(error) if error.breaks_the_group() => {
                replies.push(reply);
                Err(error.into())
            }
            Err(error) => {
                let undone = self.engine.undo_write();
                reply(Err(error));
                undone?;
                Ok(Effects::default())
            }
        }
    }
}

/// Answers everybody who could have been in a group that no transaction could be begun.
fn refuse(queue: &mut Queue<Write>, replies: &mut Vec<Reply>) {
    replies.extend(queue.take_rest().into_iter().map(|write| write.apply(Err(Error::Closed)).reply));
}

/// Windows of which the journal is about to tell no longer: all that were not saved, as the open transaction sees them.
fn untold<'a>(unsaved: &Unsaved, committed: &'a Windows, group: &'a Effects) -> Vec<(Key, &'a SeqSet)> {
    let earlier = unsaved.iter().filter(|key| !group.windows.contains_key(key) && !group.gone.contains(&key.0));
    // Of a device with other hardware those in memory are of the old.
    let earlier = earlier.filter(|key| !group.anew.contains(&key.0));
    // Of a device that is deleted there is none any longer.
    let earlier = earlier.filter_map(|key| committed.get_key_value(key));
    earlier.chain(&group.windows).map(|(key, window)| (*key, window)).collect()
}
