//! Every batch that is not acknowledged: in memory first, on disk when the hub stays away.
//!
//! ```text
//!   append ──▶ live (oldest first) ──▶ handed out ──▶ trimmed by an acknowledgement
//!                │ older than 10 s        │ rewind: the session was lost
//!                ▼                        ▼
//!              backlog (newest first) ◀───┘           batches of earlier boots start here
//! ```
//!
//! Promises:
//! - A batch leaves only by [`Spool::trim`], when the spool is full, or when it is older than readings are kept.
//! - When there is no room, the [`Policy`] chooses what is dropped. Everything that is dropped is counted by its reason in [`Drops`],
//!   since the device's first start, and reported to the hub (see `loss`).
//! - While batches go to disk, [`Spool::journal`] keeps the one that is being filled there too: a kill costs a second.
//! - Memory and disk are bounded; so is the index, because full segments are counted and not listed (see `cold`).
//! - Batches go to disk once the oldest has waited [`SPILL_AFTER`] without acknowledgement (flash wears, so short absences
//!   cost no write), when memory is full, and at [`Spool::flush`].
//! - Nothing found on disk keeps the agent from starting.
//!
//! A [`Spool`] is made of five parts, each a file: `listed` (batches, and where their bodies are), `lanes` (in which order they
//! leave), `cold` (segments that are counted and not listed), `files` (the disk), `books` (what is counted). The other files
//! are what is done with them: `handing`, `spill` and `warming` while all goes well, `room`, `age` and `loss` when something has
//! to go, `recovery` at the start, `telling` for the hub.

mod age;
mod books;
mod cold;
mod disk;
mod files;
mod handing;
mod journal;
mod lanes;
mod ledger;
mod limits;
mod listed;
mod loss;
mod moved;
mod recovery;
mod room;
pub mod segment;
mod shift;
mod spill;
mod taken;
mod tally;
mod telling;
pub mod thin;
mod warming;

use std::path::Path;
use std::time::Instant;

use wire::{BatchSeq, Epoch, Lane};

use books::Books;
use cold::Cold;
use files::Files;
pub use lanes::LIVE_FOR;
use lanes::Lanes;
pub use limits::{Limits, Policy};
use listed::{Body, Held, Key, Listed};
pub use recovery::Recovery;
pub use spill::SPILL_AFTER;
use taken::Taken;
pub use tally::Drops;

/// The unacknowledged batches of a device.
#[derive(Debug)]
pub struct Spool {
    epoch: Epoch,
    next: BatchSeq,
    limits: Limits,
    policy: Policy,
    opened: Instant,
    /// When to look again what is too old.
    ages_due: Instant,
    /// Readings acknowledged.
    acked: u64,
    listed: Listed,
    lanes: Lanes,
    cold: Cold,
    files: Files,
    books: Books,
}

impl Spool {
    /// A spool that lives in memory only, since `opened`: for simulated devices.
    #[must_use]
    pub fn in_memory(epoch: Epoch, limits: Limits, opened: Instant) -> Self {
        Self {
            epoch,
            next: BatchSeq(0),
            limits,
            policy: Policy::default(),
            opened,
            ages_due: opened,
            acked: 0,
            listed: Listed::default(),
            lanes: Lanes::default(),
            cold: Cold::default(),
            files: Files::default(),
            books: Books::default(),
        }
    }

    /// Chooses what gives way when the disk's share is full.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// The highest epoch in the segments of a folder; 0 when there is none.
    #[must_use]
    pub fn highest_epoch(folder: &Path) -> Epoch {
        disk::highest_epoch(folder)
    }

    /// Starts another epoch, as a reboot does: what is held becomes backlog.
    pub fn begin_epoch(&mut self, epoch: Epoch) {
        (self.epoch, self.next) = (epoch, BatchSeq(0));
        self.books.ledger.begin_epoch();
        self.lanes.begin_epoch(self.listed.held.keys().copied());
    }

    /// Numbers a batch and keeps it until it is acknowledged.
    pub fn append(&mut self, body: Vec<u8>, readings: u16, sensors: u16, lane: Lane, now: Instant) -> BatchSeq {
        let seq = self.next;
        let key = (self.epoch, seq);
        self.next = BatchSeq(seq.0 + 1);
        self.books.ledger.take(self.epoch, &body, 0);
        let body = Body::Memory(body.into());
        self.listed.insert(key, Held { body, readings, sensors, lane, taken: Taken::Here(now) });
        self.lanes.queue(key, lane);
        while self.listed.memory > self.limits.memory && self.files.disk.is_none() {
            self.drop_oldest_in_memory();
        }
        seq
    }

    /// The boot that batches are numbered in.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The number of the next batch.
    #[must_use]
    pub const fn next_number(&self) -> BatchSeq {
        self.next
    }

    /// Forgets what the hub has on disk: everything of `epoch` below `mark` and in `runs`. Returns the readings forgotten.
    pub fn trim(&mut self, epoch: Epoch, mark: BatchSeq, runs: &[(u64, u64)]) -> u64 {
        let before = self.acked;
        self.trim_run(epoch, 0, mark.0);
        for &(start, end) in runs {
            self.trim_run(epoch, start, end);
        }
        let trimmed = self.acked - before;
        if trimmed > 0 {
            self.files.spilling = false;
        }
        trimmed
    }

    fn trim_run(&mut self, epoch: Epoch, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let from = (epoch, BatchSeq(start));
        let until = (epoch, BatchSeq(end));
        while let Some((&key, _)) = self.listed.held.range(from..until).next() {
            if let Some(held) = self.remove(key) {
                self.acked += u64::from(held.readings);
            }
        }
        self.trim_cold(epoch, start, end);
    }

    /// Whether this batch is held: not acknowledged and not dropped.
    #[must_use]
    pub fn holds(&self, epoch: Epoch, seq: BatchSeq) -> bool {
        self.listed.held.contains_key(&(epoch, seq)) || self.cold.holds(epoch, seq)
    }

    /// Batches held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.listed.held.len() + self.cold.batches()
    }

    /// Whether everything was acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.held.is_empty() && self.cold.segments.is_empty()
    }

    /// Batches that wait to be handed out.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lanes.waiting() + self.cold.batches()
    }

    /// Batches that cost memory each; the others are counted by segment.
    #[must_use]
    pub fn listed(&self) -> usize {
        self.listed.held.len()
    }

    /// Readings acknowledged.
    #[must_use]
    pub const fn acked(&self) -> u64 {
        self.acked
    }

    /// Takes a batch out of every list, and gives its place on disk free.
    fn remove(&mut self, key: Key) -> Option<Held> {
        let held = self.listed.remove(key)?;
        self.lanes.forget(key);
        if let Body::Disk(place) = held.body {
            self.files.release(place);
        }
        Some(held)
    }
}
