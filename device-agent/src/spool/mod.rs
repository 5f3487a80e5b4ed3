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
//!   since the device's first start.
//! - While batches go to disk, [`Spool::journal`] keeps the one that is being filled there too: a kill costs a second.
//! - Memory and disk are bounded; so is the index, because full segments are counted and not listed (see `cold`). Batches go to disk once the oldest has waited [`SPILL_AFTER`] without acknowledgement
//!   (flash wears, so short absences cost no write), when memory is full, and at [`Spool::flush`].
//! - Nothing found on disk keeps the agent from starting.

mod age;
mod cold;
mod disk;
mod journal;
mod lanes;
mod ledger;
mod recovery;
mod room;
pub mod segment;
mod shift;
mod spill;
mod tally;
pub mod thin;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use wire::ledger::{DropReason, Report};
use wire::{BatchSeq, Epoch, Hour, Lane};

use age::Taken;
use disk::{Disk, Place, Summary};
use journal::Journal;
pub use lanes::LIVE_FOR;
use ledger::Ledger;
pub use recovery::Recovery;
pub use room::{Limits, Policy};
use shift::Shifts;
pub use spill::SPILL_AFTER;
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
    /// Whether its body lies in this segment.
    const fn is_in(&self, segment: u32) -> bool {
        matches!(self.body, Body::Disk(place) if place.segment == segment)
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
    /// A spool that lives in memory only: for simulated devices.
    #[must_use]
    pub fn in_memory(epoch: Epoch, limits: Limits) -> Self {
        let opened = crate::clock::now().mono;
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

    /// The number of the next batch.
    #[must_use]
    pub const fn next_number(&self) -> BatchSeq {
        self.next
    }

    /// Batches of this boot from `from` on, before `until`, were taken by a clock that was `ms` behind: those that are not
    /// sent yet will say so.
    ///
    /// # Errors
    /// The disk refused: the next start will not know it.
    pub fn moved(&mut self, from: BatchSeq, until: BatchSeq, ms: i64) -> io::Result<()> {
        let epoch = self.epoch;
        if from < until && ms != 0 {
            self.each_held(epoch, from, until, |ledger, body, moved| ledger.shift(epoch, body, moved, moved + ms));
        }
        self.shifts.add(epoch, from, until, ms)
    }

    /// The ledger's report that the hub should have, if there is one; the same until [`Spool::recorded`].
    pub fn report(&mut self, now: Instant) -> Option<&Report> {
        if self.ledger.is_due(self.is_empty(), self.opened, now) {
            self.ledger.seal(self.holds_from(), (self.epoch, self.next), now);
        }
        self.ledger.sent()
    }

    /// The hub has this report on disk.
    pub fn recorded(&mut self, epoch: Epoch, number: u32) {
        self.ledger.recorded(epoch, number);
    }

    /// Has the next [`Spool::report`] tell all there is to tell.
    pub fn tell_all(&mut self) {
        self.ledger.tell_all();
    }

    /// Whether the hub has everything the ledger says.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.ledger.is_told()
    }

    /// Hour of the oldest batch that is held.
    fn holds_from(&self) -> Option<Hour> {
        let first_of =
            |epoch, seq, body: &[u8]| wire::batch::starts_at(body).map(|at| at.plus(self.shifts.of(epoch, seq)).hour());
        let listed = self.held.first_key_value().map(|(key, held)| {
            let body = self.body(held);
            body.and_then(|body| first_of(key.0, key.1, &body)).unwrap_or_else(|| self.hour_of(held.taken))
        });
        let cold = self.cold.first_key_value().map(|(number, cold)| {
            let record = self.disk.as_ref().and_then(|disk| disk.bodies(*number)?.1.into_iter().next());
            let first = record.and_then(|(record, body)| first_of(cold.epoch, record.seq, &body));
            first.unwrap_or_else(|| self.hour_of(cold.newest))
        });
        [listed, cold].into_iter().flatten().min()
    }

    /// About the hour in which something was taken, where its readings cannot be asked.
    fn hour_of(&self, taken: Taken) -> Hour {
        match taken {
            Taken::Earlier(at) => at.hour(),
            Taken::Here(at) => {
                let now = crate::clock::now();
                let ago = now.mono.saturating_duration_since(at).as_millis();
                now.unix.plus(-i64::try_from(ago).unwrap_or(0)).hour()
            }
        }
    }

    fn body(&self, held: &Held) -> Option<Arc<[u8]>> {
        match &held.body {
            Body::Memory(body) => Some(Arc::clone(body)),
            Body::Disk(place) => self.disk.as_ref()?.read(*place).map(Arc::from),
        }
    }

    /// Shows every held batch of a stretch that was not handed out, with how far it is moved.
    fn each_held(
        &mut self,
        epoch: Epoch,
        from: BatchSeq,
        until: BatchSeq,
        mut with: impl FnMut(&mut Ledger, &[u8], i64),
    ) {
        let mut bodies: Vec<(BatchSeq, Arc<[u8]>)> = Vec::new();
        let listed = self.held.range((epoch, from)..(epoch, until)).filter(|(key, _)| !self.handed.contains(*key));
        bodies.extend(listed.filter_map(|(key, held)| Some((key.1, self.body(held)?))));
        for (number, _) in self.cold.iter().filter(|(_, cold)| cold.epoch == epoch) {
            let records = self.disk.as_ref().and_then(|disk| disk.bodies(*number)).map(|(_, records)| records);
            let inside = records.into_iter().flatten().filter(|(record, _)| (from..until).contains(&record.seq));
            bodies.extend(inside.map(|(record, body)| (record.seq, Arc::from(body))));
        }
        for (seq, body) in bodies {
            with(&mut self.ledger, &body, self.shifts.of(epoch, seq));
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

    /// Readings dropped since the device's first start.
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

    /// Gives a batch up, and counts the readings in it.
    fn lose(&mut self, key: Key, reason: DropReason) {
        let Some(held) = self.held.get(&key) else { return };
        let (readings, hour) = (u64::from(held.readings), self.hour_of(held.taken));
        let moved = self.shifts.of(key.0, key.1);
        let counted = self.body(held).map_or(0, |body| self.ledger.lose(key.0, &body, moved, reason));
        self.ledger.lose_at(key.0, hour, readings.saturating_sub(counted), reason);
        self.remove(key);
        self.drops.add(reason, readings);
    }

    /// Gives a whole segment up, and counts the readings in it that were still held: for `reason` those that can be read,
    /// as unreadable those that cannot. Whoever is killed in between finds the count on disk, and the segment's number with
    /// it.
    fn lose_segment(&mut self, number: u32, reason: DropReason) {
        let cold = self.cold.remove(&number);
        let bodies = self.disk.as_ref().and_then(|disk| disk.bodies(number));
        let (epoch, records) = bodies.unwrap_or((self.epoch, Vec::new()));
        let mark = self.marks.get(&epoch).copied().unwrap_or(BatchSeq(0));
        let mut readable = BTreeSet::new();
        for (record, body) in &records {
            let key = (epoch, record.seq);
            let held = self.held.get(&key);
            readable.insert(key);
            let here = held.is_some_and(|held| held.is_in(number));
            if here || (cold.is_some() && held.is_none() && record.seq >= mark) {
                let readings = u64::from(record.readings);
                let counted = self.ledger.lose(epoch, body, self.shifts.of(epoch, record.seq), reason);
                if let Some(cold) = &cold {
                    let hour = self.hour_of(cold.newest);
                    self.ledger.lose_at(epoch, hour, readings.saturating_sub(counted), reason);
                }
                self.drops.add(reason, readings);
            }
        }
        if let Some(cold) = &cold {
            self.lose_unreadable(cold, &records.iter().map(|(record, _)| *record).collect::<Vec<_>>());
        }
        // Those that are listed are known one by one, whatever the disk says of them.
        let inside = |(key, held): (&Key, &Held)| held.is_in(number).then_some(*key);
        let listed: Vec<Key> = self.held.iter().filter_map(inside).collect();
        for key in listed.iter().filter(|key| !readable.contains(*key)) {
            let Some(held) = self.held.get(key) else { continue };
            let (readings, hour) = (u64::from(held.readings), self.hour_of(held.taken));
            self.ledger.lose_at(key.0, hour, readings, DropReason::Unreadable);
            self.drops.add(DropReason::Unreadable, readings);
        }
        self.ledger.condemn(number, 0, (self.epoch, self.next));
        if let Some(disk) = &mut self.disk {
            disk.delete(number);
        }
        self.ledger.done_with(number);
        for key in listed {
            self.remove(key);
        }
    }

    /// Counts what a segment held and the disk does not give back, by the hour of the newest in it.
    ///
    /// How many that are is known to the reading unless part of them was acknowledged: which of them had how many
    /// readings is then as unreadable as they are, and each counts as the mean of the rest, rounded down. What that
    /// leaves out the hub shows as missing.
    fn lose_unreadable(&mut self, cold: &Summary, found: &[segment::Record]) {
        let mark = self.marks.get(&cold.epoch).copied().unwrap_or(BatchSeq(0));
        let batches = (cold.batches as u64).saturating_sub(found.len() as u64);
        let readings = cold.readings.saturating_sub(found.iter().map(|record| u64::from(record.readings)).sum());
        let below = mark.0.saturating_sub(cold.first.0).min(cold.batches as u64);
        let acked = below.saturating_sub(found.iter().filter(|record| record.seq < mark).count() as u64).min(batches);
        let lost = if acked == 0 { readings } else { readings / batches * (batches - acked) };
        self.ledger.lose_at(cold.epoch, self.hour_of(cold.newest), lost, DropReason::Unreadable);
        self.drops.add(DropReason::Unreadable, lost);
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
