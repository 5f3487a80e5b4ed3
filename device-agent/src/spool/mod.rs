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
//! - A batch leaves only by [`Spool::trim`] or when the spool is full.
//! - What is dropped is chosen by the [`Policy`] and counted by its reason in [`Drops`].
//! - While batches go to disk, [`Spool::journal`] keeps the one that is being filled there too: a kill costs a second.
//! - Memory and disk are bounded; so is the index, because full segments are counted and not listed (see `cold`). Batches go to disk once the oldest has waited [`SPILL_AFTER`] without acknowledgement
//!   (flash wears, so short absences cost no write), when memory is full, and at [`Spool::flush`].
//! - Nothing found on disk keeps the agent from starting.

mod cold;
mod disk;
mod journal;
pub mod segment;
mod shift;
pub mod thin;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wire::{BatchSeq, Epoch, Lane};

use crate::uplink::Outgoing;
use disk::{Disk, Place, Summary};
use journal::Journal;
use segment::Record;
use shift::Shifts;

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

/// What gives way when the disk's share is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// The oldest readings.
    #[default]
    DropOldest,
    /// The newest readings, beyond what fits in memory.
    DropNewest,
    /// Some of the oldest readings, with peaks kept; the oldest once all were thinned.
    Thin,
}

impl std::str::FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "drop-oldest" => Ok(Self::DropOldest),
            "drop-newest" => Ok(Self::DropNewest),
            "thin" => Ok(Self::Thin),
            other => Err(format!("'{other}' is none of drop-oldest, drop-newest, thin")),
        }
    }
}

/// Readings dropped, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Drops {
    /// The oldest, for want of room.
    pub oldest: u64,
    /// The newest, for want of room.
    pub newest: u64,
    /// Left out between others that stayed.
    pub thinned: u64,
    /// The disk did not give them back.
    pub unreadable: u64,
}

impl Drops {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.oldest + self.newest + self.thinned + self.unreadable
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
            journal: None,
            shifts: Shifts::default(),
            held_back: false,
            cold: BTreeMap::new(),
            marks: BTreeMap::new(),
            thinned: BTreeSet::new(),
            policy: Policy::default(),
            opened: crate::clock::now().mono,
            spilling: false,
            drops: Drops::default(),
            acked: 0,
        }
    }

    /// A spool with its segments in `folder`; what earlier boots left becomes backlog.
    ///
    /// # Errors
    /// The folder cannot be made or listed. Damage inside it is no error.
    pub fn open(folder: &Path, epoch: Epoch, limits: Limits, now: Instant) -> io::Result<(Self, Recovery)> {
        let (disk, found) = Disk::open(folder)?;
        let (journal, open) = Journal::open(folder);
        let mut spool = Self::in_memory(epoch, limits);
        spool.opened = now;
        spool.disk = Some(disk);
        spool.journal = Some(journal);
        spool.shifts = Shifts::open(folder);
        spool.cold = found.segments;
        spool.adopt_journal(open, now);
        let readings = spool.cold.values().map(|cold| cold.readings).sum::<u64>()
            + spool.held.values().map(|held| u64::from(held.readings)).sum::<u64>();
        let recovery = Recovery { batches: spool.len(), readings, damaged: found.damaged, foreign: found.foreign };
        Ok((spool, recovery))
    }

    /// The batch that was being filled when an earlier run was killed, unless it got into a segment after all.
    fn adopt_journal(&mut self, open: Option<(Epoch, Record, Vec<u8>)>, now: Instant) {
        let Some((epoch, record, body)) = open else { return };
        if !self.cold.values().any(|cold| cold.epoch == epoch && cold.last >= record.seq) {
            let key = (epoch, record.seq);
            self.memory += body.len() + OVERHEAD;
            let Record { readings, sensors, .. } = record;
            let body = Body::Memory(body.into());
            self.held.insert(key, Held { body, readings, sensors, lane: Lane::Recovered, since: now });
            self.in_memory.insert(key);
            self.backlog.insert(key);
        }
        // A disk that refuses leaves it in the journal, and in memory, where the next attempt finds it.
        if self.spill().is_ok() {
            if let Some(journal) = &mut self.journal {
                let _ = journal.clear();
            }
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

    /// The number of the next batch.
    #[must_use]
    pub const fn next_number(&self) -> BatchSeq {
        self.next
    }

    /// Keeps everything until the time it was taken is known.
    pub fn hold_back(&mut self, hold_back: bool) {
        self.held_back = hold_back;
    }

    /// Batches of this boot from `from` on, before `until`, were taken by a clock that was `ms` behind: those that are not
    /// sent yet will say so.
    ///
    /// # Errors
    /// The disk refused: the next start will not know it.
    pub fn moved(&mut self, from: BatchSeq, until: BatchSeq, ms: i64) -> io::Result<()> {
        self.shifts.add(self.epoch, from, until, ms)
    }

    /// Hands out the oldest batch of the live lane.
    pub fn take_live(&mut self, now: Instant) -> Option<Outgoing> {
        if self.held_back {
            return None;
        }
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
        if self.held_back {
            return None;
        }
        loop {
            while let Some(key) = self.backlog.pop_last() {
                if let Some(outgoing) = self.hand_out(key, Lane::Recovered) {
                    return Some(outgoing);
                }
            }
            if !self.warm() {
                return None;
            }
        }
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
        self.trim_cold(epoch, start, end);
    }

    /// Writes to disk what has waited too long, and keeps the bounds. To be called about once a second.
    ///
    /// # Errors
    /// The disk refused; everything is still held, in memory as long as there is room.
    pub fn maintain(&mut self, now: Instant) -> io::Result<()> {
        let oldest = self.in_memory.first().and_then(|key| self.held.get(key));
        let waited = oldest.map_or(Duration::ZERO, |held| now.saturating_duration_since(held.since));
        self.spilling |= waited >= SPILL_AFTER;
        let full = self.policy == Policy::DropNewest
            && self.disk.as_ref().is_some_and(|disk| disk.bytes() + self.memory as u64 > self.limits.disk);
        let wanted = (self.spilling || self.memory > self.limits.memory) && !full;
        let spilled = if wanted { self.spill() } else { Ok(()) };
        self.cool();
        while self.memory > self.limits.memory {
            if full { self.drop_newest_in_memory() } else { self.drop_oldest_in_memory() }
        }
        self.make_room_on_disk();
        spilled?;
        if self.spilling {
            return Ok(());
        }
        // The hub is back: nothing stays on disk that it has, to be sent again at the next start.
        if let Some(disk) = &mut self.disk {
            disk.close_idle();
        }
        self.journal.as_mut().map_or(Ok(()), Journal::clear)
    }

    /// Keeps a copy of the batch that is being filled, which will get the next number; while batches go to disk.
    ///
    /// # Errors
    /// The disk refused: a kill would lose what the batch holds.
    pub fn journal(&mut self, body: &[u8], readings: u16, sensors: u16) -> io::Result<()> {
        let record = Record { seq: self.next, readings, sensors, lane: Lane::Live };
        match &mut self.journal {
            Some(journal) if self.spilling => journal.write(self.epoch, &record, body),
            _ => Ok(()),
        }
    }

    /// Whether batches go to disk as they come, because the hub is away.
    #[must_use]
    pub const fn is_spilling(&self) -> bool {
        self.spilling && self.disk.is_some()
    }

    /// Writes everything to disk: before the agent stops.
    ///
    /// # Errors
    /// The disk refused; what was not written is lost when the process ends.
    pub fn flush(&mut self) -> io::Result<()> {
        let spilled = self.spill();
        self.make_room_on_disk();
        spilled?;
        // What was being filled is a batch by then.
        self.journal.as_mut().map_or(Ok(()), Journal::clear)
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

    /// Readings dropped because the spool was full or the disk did not give them back.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.drops.total()
    }

    /// The same, by reason.
    #[must_use]
    pub const fn drops(&self) -> Drops {
        self.drops
    }

    /// Readings acknowledged.
    #[must_use]
    pub const fn acked(&self) -> u64 {
        self.acked
    }

    /// Per epoch, newest first: nothing below this number is held, so nothing below will ever come.
    #[must_use]
    pub fn floors(&self) -> Vec<(Epoch, BatchSeq)> {
        let mut floors: BTreeMap<Epoch, BatchSeq> = BTreeMap::new();
        let mut from = (Epoch(0), BatchSeq(0));
        while let Some((&(epoch, first), _)) = self.held.range(from..).next() {
            floors.insert(epoch, first);
            let Some(next) = epoch.0.checked_add(1) else { break };
            from = (Epoch(next), BatchSeq(0));
        }
        for cold in self.cold.values() {
            let floor = floors.entry(cold.epoch).or_insert(cold.first);
            *floor = (*floor).min(cold.first);
        }
        floors.entry(self.epoch).or_insert(self.next);
        floors.into_iter().rev().take(wire::message::FLOOR_LIMIT).collect()
    }

    fn hand_out(&mut self, key: Key, lane: Lane) -> Option<Outgoing> {
        let held = self.held.get(&key)?;
        let body = match &held.body {
            Body::Memory(body) => Some(Arc::clone(body)),
            Body::Disk(place) => self.disk.as_ref().and_then(|disk| disk.read(*place)).map(Arc::from),
        };
        let sensors = held.sensors;
        let Some(body) = body else {
            self.drops.unreadable += self.forget(key);
            return None;
        };
        self.handed.insert(key);
        let body = match self.shifts.of(key.0, key.1) {
            0 => body,
            ms => wire::batch::moved(&body, ms).map_or(body, Arc::from),
        };
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
            Some(key) => self.drops.oldest += self.forget(key),
            None => self.memory = 0,
        }
    }

    fn drop_newest_in_memory(&mut self) {
        match self.in_memory.last().copied() {
            Some(key) => self.drops.newest += self.forget(key),
            None => self.memory = 0,
        }
    }

    fn make_room_on_disk(&mut self) {
        if self.policy == Policy::DropNewest {
            return;
        }
        while self.disk.as_ref().is_some_and(|disk| disk.bytes() > self.limits.disk) {
            if self.thin_one() {
                continue;
            }
            let Some(disk) = self.disk.as_mut() else { return };
            let Some(oldest) = disk.oldest() else {
                disk.close_active();
                if disk.oldest().is_none() {
                    return;
                }
                continue;
            };
            disk.delete(oldest);
            self.drops.oldest += self.cold.remove(&oldest).map_or(0, |cold| cold.readings);
            let inside = |held: &Held| matches!(held.body, Body::Disk(place) if place.segment == oldest);
            let lost: Vec<Key> = self.held.iter().filter(|(_, held)| inside(held)).map(|(key, _)| *key).collect();
            for key in lost {
                self.drops.oldest += self.forget(key);
            }
        }
    }

    /// The readings of a batch that is held no more.
    fn forget(&mut self, key: Key) -> u64 {
        self.remove(key).map_or(0, |held| u64::from(held.readings))
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
