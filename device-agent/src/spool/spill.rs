//! When batches go to disk: while the hub is away, when memory is full, and before the agent stops.

use std::io;
use std::time::{Duration, Instant};

use wire::Lane;

use super::listed::{Body, Held, Key};
use super::segment::Record;
use super::{Policy, Spool};

/// How long batches wait in memory for an acknowledgement before they go to disk.
pub const SPILL_AFTER: Duration = Duration::from_secs(30);

impl Spool {
    /// Writes to disk what has waited too long, and keeps the bounds. To be called about once a second.
    ///
    /// # Errors
    /// The disk refused; everything is still held, in memory as long as there is room.
    pub fn maintain(&mut self, now: Instant) -> io::Result<()> {
        let waited =
            self.listed.waits_since(self.opened).map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.files.spilling |= waited >= SPILL_AFTER;
        let full = self.policy == Policy::DropNewest
            && self.files.disk.as_ref().is_some_and(|disk| disk.bytes() + self.listed.memory as u64 > self.limits.disk);
        let wanted = (self.files.spilling || self.listed.memory > self.limits.memory) && !full;
        let has_news = !self.listed.in_memory.is_empty();
        let spilled = if wanted { self.spill() } else { Ok(()) };
        let spilled = if wanted && has_news {
            spilled.and_then(|()| self.books.ledger.keep((self.epoch, self.next), now))
        } else {
            spilled
        };
        self.cool();
        self.remove_leftovers();
        while self.listed.memory > self.limits.memory {
            match self.policy {
                Policy::DropNewest => self.drop_newest_in_memory(),
                Policy::DropOldest | Policy::Thin => self.drop_oldest_in_memory(),
            }
        }
        self.make_room_on_disk();
        let counted = self.books.tally.keep(self.books.drops, now);
        spilled.and(counted)?;
        if self.files.spilling {
            return Ok(());
        }
        // The hub is back: nothing stays on disk that it has, to be sent again at the next start.
        if let Some(disk) = &mut self.files.disk {
            disk.close_idle();
        }
        self.files.clear_journal()
    }

    /// Keeps a copy of the batch that is being filled, which will get the next number; while batches go to disk.
    ///
    /// # Errors
    /// The disk refused: a kill would lose what the batch holds.
    pub fn journal(&mut self, body: &[u8], readings: u16, sensors: u16) -> io::Result<()> {
        let record = Record { seq: self.next, readings, sensors, lane: Lane::Live };
        match &mut self.files.journal {
            Some(journal) if self.files.spilling => journal.write(self.epoch, &record, body),
            _ => Ok(()),
        }
    }

    /// Whether batches go to disk as they come, because the hub is away.
    #[must_use]
    pub const fn is_spilling(&self) -> bool {
        self.files.is_spilling()
    }

    /// Writes everything to disk: before the agent stops.
    ///
    /// # Errors
    /// The disk refused; what was not written is lost when the process ends.
    pub fn flush(&mut self) -> io::Result<()> {
        let spilled = self.spill();
        self.make_room_on_disk();
        let told = if self.books.ledger.is_told() { Ok(()) } else { self.books.ledger.save((self.epoch, self.next)) };
        let counted = self.books.tally.write(self.books.drops).and(told);
        spilled.and(counted)?;
        // What was being filled is a batch by then.
        self.files.clear_journal()
    }

    /// Whether the next [`Spool::maintain`] will write to disk.
    #[must_use]
    pub fn will_spill(&self, now: Instant) -> bool {
        let waited_long = |since| now.saturating_duration_since(since) >= SPILL_AFTER;
        self.files.disk.is_some()
            && (self.files.spilling || self.listed.waits_since(self.opened).is_some_and(waited_long))
    }

    pub(super) fn spill(&mut self) -> io::Result<()> {
        let Some(disk) = &mut self.files.disk else { return Ok(()) };
        while let Some(&(epoch, _)) = self.listed.in_memory.first() {
            // One segment's worth at a time, so that a nearly full disk takes what it can.
            let keys: Vec<Key> =
                self.listed.in_memory.range(..).take_while(|key| key.0 == epoch).take(512).copied().collect();
            let first = keys.first().and_then(|key| self.listed.held.get(key));
            let taken = first.map_or(self.opened, |held| held.taken.since(self.opened));
            let records = keys.iter().filter_map(|key| match self.listed.held.get(key) {
                Some(Held { body: Body::Memory(body), readings, sensors, lane, .. }) => {
                    Some((Record { seq: key.1, readings: *readings, sensors: *sensors, lane: *lane }, &**body))
                }
                _ => None,
            });
            let places = disk.append(epoch, taken, records)?;
            for (key, place) in keys.iter().zip(places) {
                self.listed.wrote(*key, place);
            }
        }
        Ok(())
    }
}
