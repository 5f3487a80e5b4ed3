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
//! - A batch leaves only by [`Spool::trim`] or, when the spool is full, oldest first and counted in [`Spool::dropped`].
//! - Memory and disk are bounded. Batches go to disk once the oldest has waited [`SPILL_AFTER`] without acknowledgement
//!   (flash wears, so short absences cost no write), when memory is full, and at [`Spool::flush`].
//! - Nothing found on disk keeps the agent from starting.

mod disk;
pub mod segment;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::{BatchSeq, Epoch, Lane};

use crate::uplink::Outgoing;
use disk::{Disk, Place};
use segment::Record;

/// How long batches wait in memory for an acknowledgement before they go to disk.
pub const SPILL_AFTER: Duration = Duration::from_secs(30);
/// Age past which an unsent batch is backlog: a live view has no use for it.
pub const LIVE_FOR: Duration = Duration::from_secs(10);
/// What one held batch costs in memory besides its body.
const OVERHEAD: usize = 128;

/// Which batch, oldest first.
type Key = (Epoch, BatchSeq);

/// How much the spool may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes in memory.
    pub memory: usize,
    /// Bytes in segments.
    pub disk: u64,
}

impl Default for Limits {
    /// 4 MiB of memory and 64 MiB of disk: a day of 20 sensors once a second takes about 6 MB.
    fn default() -> Self {
        Self { memory: 4 << 20, disk: 64 << 20 }
    }
}

#[derive(Debug)]
struct Held {
    body: Body,
    readings: u16,
    sensors: u16,
    lane: Lane,
    since: Instant,
}

#[derive(Debug)]
enum Body {
    Memory(Arc<[u8]>),
    Disk(Place),
}

/// What recovery found; worth a line in the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Batches of earlier boots that wait to be sent.
    pub batches: usize,
    /// Readings in them.
    pub readings: u64,
    /// Damaged stretches that were skipped.
    pub damaged: usize,
    /// Files that are no segments, and where they lie.
    pub foreign: Vec<PathBuf>,
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
    /// The hub is away: every maintenance writes what came since.
    spilling: bool,
    dropped: u64,
    acked: u64,
}

impl Spool {
    /// A spool that lives in memory only: for simulated devices.
    #[must_use]
    pub fn in_memory(epoch: Epoch, limits: Limits) -> Self {
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
            spilling: false,
            dropped: 0,
            acked: 0,
        }
    }

    /// A spool with its segments in `folder`; what earlier boots left becomes backlog.
    ///
    /// # Errors
    /// The folder cannot be made or listed. Damage inside it is no error.
    pub fn open(folder: &Path, epoch: Epoch, limits: Limits, now: Instant) -> io::Result<(Self, Recovery)> {
        let (disk, found) = Disk::open(folder)?;
        let mut spool = Self::in_memory(epoch, limits);
        spool.disk = Some(disk);
        let mut recovery = Recovery { damaged: found.damaged, foreign: found.foreign, ..Recovery::default() };
        for (batch_epoch, record, place) in found.batches {
            let key = (batch_epoch, record.seq);
            let held = Held {
                body: Body::Disk(place),
                readings: record.readings,
                sensors: record.sensors,
                lane: Lane::Recovered,
                since: now,
            };
            recovery.readings += u64::from(record.readings);
            // The same batch twice, after a crash between two segments: one copy is enough.
            if let Some(Held { body: Body::Disk(place), readings, .. }) = spool.held.insert(key, held) {
                recovery.readings -= u64::from(readings);
                spool.release(place);
            }
            spool.backlog.insert(key);
        }
        recovery.batches = spool.held.len();
        Ok((spool, recovery))
    }

    /// The highest epoch in the segments of a folder; 0 when there is none.
    #[must_use]
    pub fn highest_epoch(folder: &Path) -> Epoch {
        disk::highest_epoch(folder)
    }

    /// Starts another epoch, as a reboot does: what is held becomes backlog.
    pub fn begin_epoch(&mut self, epoch: Epoch) {
        (self.epoch, self.next) = (epoch, BatchSeq(0));
        self.live.clear();
        self.handed.clear();
        self.backlog = self.held.keys().copied().collect();
    }

    /// Numbers a batch and keeps it until it is acknowledged.
    pub fn append(&mut self, body: Vec<u8>, readings: u16, sensors: u16, lane: Lane, now: Instant) -> BatchSeq {
        let seq = self.next;
        let key = (self.epoch, seq);
        self.next = BatchSeq(seq.0 + 1);
        self.memory += body.len() + OVERHEAD;
        let body = Body::Memory(body.into());
        self.held.insert(key, Held { body, readings, sensors, lane, since: now });
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

    /// Hands out the oldest batch of the live lane.
    pub fn take_live(&mut self, now: Instant) -> Option<Outgoing> {
        while let Some(key) = self.live.pop_front() {
            match self.held.get(&key) {
                Some(held) if now.saturating_duration_since(held.since) <= LIVE_FOR => {
                    if let Some(outgoing) = self.hand_out(key, Lane::Live) {
                        return Some(outgoing);
                    }
                }
                Some(_) => {
                    self.backlog.insert(key);
                }
                None => {}
            }
        }
        None
    }

    /// Hands out the newest batch of the backlog.
    pub fn take_backlog(&mut self) -> Option<Outgoing> {
        while let Some(key) = self.backlog.pop_last() {
            if let Some(outgoing) = self.hand_out(key, Lane::Recovered) {
                return Some(outgoing);
            }
        }
        None
    }

    /// Takes back everything handed out: the session was lost.
    pub fn rewind(&mut self) {
        for key in std::mem::take(&mut self.handed).into_iter().rev() {
            match self.held.get(&key) {
                Some(held) if held.lane == Lane::Live && key.0 == self.epoch => self.live.push_front(key),
                Some(_) => {
                    self.backlog.insert(key);
                }
                None => {}
            }
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
    }

    /// Writes to disk what has waited too long, and keeps the bounds. To be called about once a second.
    ///
    /// # Errors
    /// The disk refused; everything is still held, in memory as long as there is room.
    pub fn maintain(&mut self, now: Instant) -> io::Result<()> {
        let oldest = self.in_memory.first().and_then(|key| self.held.get(key));
        let waited = oldest.map_or(Duration::ZERO, |held| now.saturating_duration_since(held.since));
        self.spilling |= waited >= SPILL_AFTER;
        let spilled = if self.spilling || self.memory > self.limits.memory { self.spill() } else { Ok(()) };
        while self.memory > self.limits.memory {
            self.drop_oldest_in_memory();
        }
        self.drop_oldest_on_disk();
        spilled
    }

    /// Writes everything to disk: before the agent stops.
    ///
    /// # Errors
    /// The disk refused; what was not written is lost when the process ends.
    pub fn flush(&mut self) -> io::Result<()> {
        let spilled = self.spill();
        self.drop_oldest_on_disk();
        spilled
    }

    /// Whether the next [`Spool::maintain`] will write to disk.
    #[must_use]
    pub fn will_spill(&self, now: Instant) -> bool {
        let oldest = self.in_memory.first().and_then(|key| self.held.get(key));
        self.disk.is_some()
            && (self.spilling || oldest.is_some_and(|held| now.saturating_duration_since(held.since) >= SPILL_AFTER))
    }

    /// Whether this batch is held: not acknowledged and not dropped.
    #[must_use]
    pub fn holds(&self, epoch: Epoch, seq: BatchSeq) -> bool {
        self.held.contains_key(&(epoch, seq))
    }

    /// Batches held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether everything was acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Batches that wait to be handed out.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.live.len() + self.backlog.len()
    }

    /// Readings dropped because the spool was full or the disk did not give them back.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Readings acknowledged.
    #[must_use]
    pub const fn acked(&self) -> u64 {
        self.acked
    }

    /// Per epoch, newest first: nothing below this number is held, so nothing below will ever come.
    #[must_use]
    pub fn floors(&self) -> Vec<(Epoch, BatchSeq)> {
        let own = (self.epoch, BatchSeq(0));
        let mut floors = vec![(self.epoch, self.held.range(own..).next().map_or(self.next, |(key, _)| key.1))];
        let mut before = own;
        while let Some((&(epoch, _), _)) = self.held.range(..before).next_back() {
            if floors.len() == wire::message::FLOOR_LIMIT {
                break;
            }
            before = (epoch, BatchSeq(0));
            floors.extend(self.held.range(before..).next().map(|(key, _)| *key));
        }
        floors
    }

    fn hand_out(&mut self, key: Key, lane: Lane) -> Option<Outgoing> {
        let held = self.held.get(&key)?;
        let body = match &held.body {
            Body::Memory(body) => Some(Arc::clone(body)),
            Body::Disk(place) => self.disk.as_ref().and_then(|disk| disk.read(*place)).map(Arc::from),
        };
        let sensors = held.sensors;
        let Some(body) = body else {
            self.give_up(key);
            return None;
        };
        self.handed.insert(key);
        Some(Outgoing { epoch: key.0, seq: key.1, lane, sensors, body })
    }

    fn spill(&mut self) -> io::Result<()> {
        let Some(disk) = &mut self.disk else { return Ok(()) };
        while let Some(&(epoch, _)) = self.in_memory.first() {
            // One segment's worth at a time, so that a nearly full disk takes what it can.
            let keys: Vec<Key> = self.in_memory.range(..).take_while(|key| key.0 == epoch).take(512).copied().collect();
            let records = keys.iter().filter_map(|key| match self.held.get(key) {
                Some(Held { body: Body::Memory(body), readings, sensors, lane, .. }) => {
                    Some((Record { seq: key.1, readings: *readings, sensors: *sensors, lane: *lane }, &**body))
                }
                _ => None,
            });
            let places = disk.append(epoch, records)?;
            for (key, place) in keys.iter().zip(places) {
                self.in_memory.remove(key);
                if let Some(held) = self.held.get_mut(key) {
                    if let Body::Memory(body) = std::mem::replace(&mut held.body, Body::Disk(place)) {
                        self.memory -= body.len() + OVERHEAD;
                    }
                }
            }
        }
        Ok(())
    }

    fn drop_oldest_in_memory(&mut self) {
        match self.in_memory.first().copied() {
            Some(key) => self.give_up(key),
            None => self.memory = 0,
        }
    }

    fn drop_oldest_on_disk(&mut self) {
        while let Some(disk) = self.disk.as_mut().filter(|disk| disk.bytes() > self.limits.disk) {
            let Some(oldest) = disk.oldest() else {
                disk.close_active();
                if disk.oldest().is_none() {
                    return;
                }
                continue;
            };
            let lost: Vec<Key> = self
                .held
                .iter()
                .filter(|(_, held)| matches!(held.body, Body::Disk(place) if place.segment == oldest))
                .map(|(key, _)| *key)
                .collect();
            disk.delete(oldest);
            for key in lost {
                self.give_up(key);
            }
        }
    }

    fn give_up(&mut self, key: Key) {
        if let Some(held) = self.remove(key) {
            self.dropped += u64::from(held.readings);
        }
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
