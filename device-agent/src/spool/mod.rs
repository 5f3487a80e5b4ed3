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
//! - What gives way for want of room is chosen by the [`Policy`]; everything that goes is counted by its reason in [`Drops`],
//!   since the device's first start, and told to the hub (see `loss`).
//! - While batches go to disk, [`Spool::journal`] keeps the one that is being filled there too: a kill costs a second.
//! - Memory and disk are bounded; so is the index, because full segments are counted and not listed (see `cold`).
//! - Batches go to disk once the oldest has waited [`SPILL_AFTER`] without acknowledgement (flash wears, so short absences
//!   cost no write), when memory is full, and at [`Spool::flush`].
//! - Nothing found on disk keeps the agent from starting.

mod age;
mod cold;
mod disk;
mod journal;
mod lanes;
mod ledger;
mod limits;
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

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use wire::{BatchSeq, Epoch, Lane};

use disk::{Disk, Place, Summary};
use journal::Journal;
pub use lanes::LIVE_FOR;
use ledger::Ledger;
pub use limits::{Limits, Policy};
pub use recovery::Recovery;
use shift::Shifts;
pub use spill::SPILL_AFTER;
use taken::Taken;
pub use tally::Drops;
use tally::Tally;

/// What one held batch costs in memory besides its body.
const OVERHEAD: usize = 128;

/// Which batch, oldest first.
type Key = (Epoch, BatchSeq);

#[derive(Debug)]
struct Held {
    body: Body,
    readings: u16,
    sensors: u16,
    lane: Lane,
    taken: Taken,
}

impl Held {
    /// The segment its body lies in.
    const fn segment(&self) -> Option<u32> {
        match self.body {
            Body::Disk(place) => Some(place.segment),
            Body::Memory(_) => None,
        }
    }
}

#[derive(Debug)]
enum Body {
    Memory(Arc<[u8]>),
    Disk(Place),
}

/// The unacknowledged batches of a device.
#[derive(Debug)]
pub struct Spool {
    epoch: Epoch,
    next: BatchSeq,
    limits: Limits,
    held: BTreeMap<Key, Held>,
    /// Keys whose bodies are in memory.
    in_memory: BTreeSet<Key>,
    memory: usize,
    live: VecDeque<Key>,
    backlog: BTreeSet<Key>,
    handed: BTreeSet<Key>,
    disk: Option<Disk>,
    journal: Option<Journal>,
    shifts: Shifts,
    /// Nothing is handed out: what is held has no time yet.
    held_back: bool,
    /// Segments whose batches are counted and not listed.
    cold: BTreeMap<u32, Summary>,
    /// Everything below was acknowledged; for batches that are not listed.
    marks: BTreeMap<Epoch, BatchSeq>,
    /// Segments that were thinned since the start.
    thinned: BTreeSet<u32>,
    policy: Policy,
    opened: Instant,
    /// The hub is away: every maintenance writes what came since.
    spilling: bool,
    drops: Drops,
    tally: Tally,
    ledger: Ledger,
    /// When to look again what is too old.
    ages_due: Instant,
    acked: u64,
}

impl Spool {
    /// A spool that lives in memory only, since `opened`: for simulated devices.
    #[must_use]
    pub fn in_memory(epoch: Epoch, limits: Limits, opened: Instant) -> Self {
        Self {
            epoch,
            next: BatchSeq(0),
            limits,
            held: BTreeMap::new(),
            in_memory: BTreeSet::new(),
            memory: 0,
            live: VecDeque::new(),
            backlog: BTreeSet::new(),
            handed: BTreeSet::new(),
            disk: None,
            journal: None,
            shifts: Shifts::default(),
            held_back: false,
            cold: BTreeMap::new(),
            marks: BTreeMap::new(),
            thinned: BTreeSet::new(),
            policy: Policy::default(),
            opened,
            spilling: false,
            drops: Drops::default(),
            tally: Tally::default(),
            ledger: Ledger::default(),
            ages_due: opened,
            acked: 0,
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
        self.ledger.begin_epoch();
        self.live.clear();
        self.handed.clear();
        self.backlog = self.held.keys().copied().collect();
    }

    /// Numbers a batch and keeps it until it is acknowledged.
    pub fn append(&mut self, body: Vec<u8>, readings: u16, sensors: u16, lane: Lane, now: Instant) -> BatchSeq {
        let seq = self.next;
        let key = (self.epoch, seq);
        self.next = BatchSeq(seq.0 + 1);
        self.ledger.take(self.epoch, &body, 0);
        self.memory += body.len() + OVERHEAD;
        let body = Body::Memory(body.into());
        self.held.insert(key, Held { body, readings, sensors, lane, taken: Taken::Here(now) });
        self.in_memory.insert(key);
        match lane {
            Lane::Live => self.live.push_back(key),
            Lane::Recovered => {
                self.backlog.insert(key);
            }
        }
        while self.memory > self.limits.memory && self.disk.is_none() {
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

    fn body(&self, held: &Held) -> Option<Arc<[u8]>> {
        match &held.body {
            Body::Memory(body) => Some(Arc::clone(body)),
            Body::Disk(place) => self.disk.as_ref()?.read(*place).map(Arc::from),
        }
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
            self.spilling = false;
        }
        trimmed
    }

    fn trim_run(&mut self, epoch: Epoch, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let from = (epoch, BatchSeq(start));
        let until = (epoch, BatchSeq(end));
        while let Some((&key, _)) = self.held.range(from..until).next() {
            if let Some(held) = self.remove(key) {
                self.acked += u64::from(held.readings);
            }
        }
        self.trim_cold(epoch, start, end);
    }

    /// Whether this batch is held: not acknowledged and not dropped.
    #[must_use]
    pub fn holds(&self, epoch: Epoch, seq: BatchSeq) -> bool {
        let within = |cold: &Summary| cold.epoch == epoch && (cold.first..=cold.last).contains(&seq);
        self.held.contains_key(&(epoch, seq)) || self.cold.values().any(within)
    }

    /// Batches held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len() + self.cold_batches()
    }

    /// Whether everything was acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.cold.is_empty()
    }

    /// Batches that wait to be handed out.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.live.len() + self.backlog.len() + self.cold_batches()
    }

    /// Batches that cost memory each; the others are counted by segment.
    #[must_use]
    pub fn listed(&self) -> usize {
        self.held.len()
    }

    fn cold_batches(&self) -> usize {
        self.cold.values().map(|cold| cold.batches).sum()
    }

    /// Readings acknowledged.
    #[must_use]
    pub const fn acked(&self) -> u64 {
        self.acked
    }

    /// Listed batches whose bodies lie in this segment, oldest first.
    fn listed_in(&self, segment: u32) -> Vec<Key> {
        self.held.iter().filter(|(_, held)| held.segment() == Some(segment)).map(|(key, _)| *key).collect()
    }

    /// Takes a batch out of every list but `live`, which skips what is not held.
    fn remove(&mut self, key: Key) -> Option<Held> {
        let held = self.held.remove(&key)?;
        self.handed.remove(&key);
        self.backlog.remove(&key);
        match &held.body {
            Body::Memory(body) => {
                self.in_memory.remove(&key);
                self.memory -= body.len() + OVERHEAD;
            }
            Body::Disk(place) => self.release(*place),
        }
        Some(held)
    }

    fn release(&mut self, place: Place) {
        if let Some(disk) = &mut self.disk {
            disk.release(place);
        }
    }
}
