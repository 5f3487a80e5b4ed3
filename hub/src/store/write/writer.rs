//! The writer: one thread that owns the only writing connection and commits in groups.
//!
//! ```text
//!   callers ──▶ inbox ──▶ queue ──▶ [ BEGIN IMMEDIATE, each write in its savepoint, COMMIT ] ──▶ memory ──▶ replies
//! ```
//!
//! While one commit syncs, the next group gathers: latency stays one fsync, throughput grows with load. What waits for what, and for
//! how long, is the queue's to decide ([`super::queue`]); how a group is committed is in [`super::group`]. A full disk fails the
//! whole group: nothing of it is applied, and the thread continues. Any other error of the file ends the thread, and with it the
//! store.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::mpsc;

use super::group::{Committer, Failure};
use super::inbox::{Inbox, Write};
use super::queue::{Next, PLACES, Queue, Room};
use crate::clock::Timepiece;
use crate::store::engine::{Role, Writes};
use crate::store::error::{Error, Result};
use crate::store::memory::Memory;
use crate::store::receiving::{Came, Receiving};
use crate::store::windows::Unsaved;

/// Starts the thread; `keep` lives as long as it does (the lock of the data directory).
pub(in crate::store) fn spawn(
    (engine, unsaved): (Box<dyn Writes>, Unsaved),
    (memory, clock): (Arc<Memory>, Timepiece),
    role: Role,
    keep: impl Send + 'static,
) -> Result<(Inbox, JoinHandle<Result<()>>)> {
    let (inbox, waiting) = mpsc::channel(PLACES);
    let next_row = engine.tx().next_row()?;
    let waiting = Receiving::new(waiting, clock.clone());
    let committer = Committer { engine, memory, role, next_row, unsaved, clock };
    let mut writer = Writer { committer, waiting, queue: Queue::new() };
    let thread = std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || {
            let done = writer.run();
            drop(keep);
            done
        })
        .map_err(|source| Error::File { path: "store-writer".into(), source })?;
    Ok((inbox, thread))
}

struct Writer {
    committer: Committer,
    waiting: Receiving<Write>,
    queue: Queue<Write>,
}

impl Writer {
    /// Applies writes, one group a transaction, until every sender is gone. What ends it before that is told to whoever asked
    /// it to write; an error is one of the last checkpoint.
    fn run(&mut self) -> Result<()> {
        while self.gather() {
            let room = self.room();
            match self.queue.next(self.committer.clock.now(), room) {
                Next::Idle => {}
                Next::Wait(until) => self.wait(until),
                Next::Refuse(writes) => {
                    self.tell(&Failure::Full);
                    for write in writes {
                        (write.apply(Err(Error::Full)).reply)(Err(Error::Full));
                    }
                }
                Next::Group { readings, tells_room } => {
                    if !self.commit(readings, tells_room) {
                        return Ok(());
                    }
                }
            }
        }
        match self.committer.role {
            Role::Owner => self.committer.engine.finish(),
            Role::Beside => Ok(()),
        }
    }

    /// Takes in what came, and waits for it if there is nothing else to do; `false` when there will never be.
    fn gather(&mut self) -> bool {
        if self.queue.is_empty() {
            return self.receive(None) != Came::TheEnd;
        }
        while self.queue.places() > 0
            && let Some(write) = self.waiting.next()
        {
            self.offer(write);
        }
        true
    }

    /// Waits for more, or for a moment.
    fn wait(&mut self, until: Instant) {
        if self.queue.places() == 0 || self.queue.is_closed() {
            // Nothing can come in: only time can change anything.
            let clock = &self.committer.clock;
            clock.sleep(until.saturating_duration_since(clock.now()));
        } else if self.receive(Some(until)) == Came::TheEnd {
            self.queue.close();
        }
    }

    fn receive(&mut self, until: Option<Instant>) -> Came {
        let mut writes = Vec::new();
        let came = self.waiting.receive(&mut writes, self.queue.places(), until);
        writes.into_iter().for_each(|write| self.offer(write));
        came
    }

    fn offer(&mut self, write: Write) {
        self.queue.offer(write.kind(), write.size(), write);
    }

    /// What there is for readings: on the disk, and under the cap.
    fn room(&mut self) -> Room {
        if self.committer.engine.is_full() {
            return Room::Full;
        }
        let cap = self.committer.memory.cap();
        // A look that fails is one that a commit will fail at as well, and say so.
        let is_shut = cap.bytes.is_some()
            && self
                .committer
                .engine
                .tx()
                .used_pages()
                .is_ok_and(|used| used + self.committer.memory.counters.reserved() >= cap.shut());
        if is_shut { Room::Shut } else { Room::Plenty }
    }

    /// Commits a group and answers those who are in it; `false` when nothing can be committed any longer.
    fn commit(&mut self, readings: bool, tells_room: bool) -> bool {
        let mut replies = Vec::new();
        match self.committer.commit(&mut self.queue, &mut replies) {
            Ok(()) => {
                if tells_room && self.committer.memory.counters.full.swap(false, Ordering::Relaxed) {
                    tracing::info!("there is space on the disk again: readings are stored");
                }
                replies.into_iter().for_each(|reply| reply(Ok(())));
            }
            Err(failure) => {
                if matches!(failure, Failure::Full) {
                    self.committer.engine.found_full();
                }
                self.tell(&failure);
                replies.into_iter().for_each(|reply| reply(Err(failure.error())));
                if !matches!(failure, Failure::Full) {
                    return false;
                }
            }
        }
        if readings {
            let bytes = self.committer.memory.head().bytes();
            self.queue.hold_back(self.committer.clock.now(), bytes, self.committer.memory.cap().journal());
        }
        let idle = self.queue.is_idle() && self.waiting.is_empty();
        if self.committer.role == Role::Owner
            && let Err(error) = self.committer.engine.tidy(idle, self.committer.memory.cap())
        {
            self.tell(&error.into());
            return false;
        }
        true
    }

    /// Says once what happened, before those who wait hear of it.
    fn tell(&self, failure: &Failure) {
        match failure {
            Failure::Fatal(text) => tracing::error!(error = %text, "the store cannot continue: {text}"),
            Failure::Damaged(text) => {
                tracing::error!(error = %text, "the database is damaged: {text}; the next start sets it aside");
                if let Err(error) = self.committer.memory.engine.note_damage(self.committer.clock.wall(), text) {
                    tracing::error!(%error, "that could not be noted for the next start: {error}");
                }
            }
            Failure::Full => {
                if !self.committer.memory.counters.full.swap(true, Ordering::Relaxed) {
                    tracing::error!("the disk is full: nothing is stored or acknowledged until there is space");
                }
            }
        }
    }
}
