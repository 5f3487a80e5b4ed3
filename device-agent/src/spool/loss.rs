//! Counts readings that are given up, by reason and hour, and reports them to the hub.
//!
//! Every reading that leaves without an acknowledgement is counted here and nowhere else, once in [`Drops`], which the
//! device shows, and once in the ledger, which tells the hub.
//!
//! A segment is dropped in this order: counted, marked as condemned in the ledger's file, removed, forgotten. So after a kill in
//! between, the next start knows that a segment which is still there has been counted. It stays condemned until its file is gone: removing it is
//! tried at every maintenance and at every start.

use std::collections::BTreeMap;

use wire::BatchSeq;
use wire::ledger::DropReason;

use super::disk::Disk;
use super::listed::Key;
use super::segment::Record;
use super::taken::Taken;
use super::{Drops, Spool};

impl Spool {
    /// Readings dropped since the device's first start.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.books.drops.total()
    }

    /// The same, by reason.
    #[must_use]
    pub const fn drops(&self) -> Drops {
        self.books.drops
    }

    /// Gives a batch up.
    pub(super) fn lose(&mut self, key: Key, reason: DropReason) {
        let Some(held) = self.listed.held.get(&key) else { return };
        let (readings, taken) = (u64::from(held.readings), held.taken);
        let body = self.files.body(held);
        self.count(key, body.as_deref().unwrap_or_default(), readings, taken, reason);
        self.remove(key);
    }

    /// Gives a whole segment up: for `reason` what is still held and can be read, as unreadable what cannot.
    pub(super) fn lose_segment(&mut self, number: u32, reason: DropReason) {
        let found =
            self.files.disk.as_ref().and_then(|disk| disk.bodies(number)).map_or_else(Vec::new, |(_, found)| found);
        self.settle(number, found.iter().map(|(record, _)| record));
        let found: BTreeMap<BatchSeq, (Record, Vec<u8>)> =
            found.into_iter().map(|(record, body)| (record.seq, (record, body))).collect();
        // Its batches are either counted together or listed one by one.
        if let Some(cold) = self.cold.segments.remove(&number) {
            for (seq, (record, body)) in &found {
                let key = (cold.epoch, *seq);
                // Of a batch that is in two segments the other copy is held.
                if !self.cold.is_acknowledged(key) && !self.listed.held.contains_key(&key) {
                    self.count(key, body, u64::from(record.readings), cold.newest, reason);
                }
            }
        }
        let listed = self.listed.in_segment(number);
        for key in &listed {
            let Some(held) = self.listed.held.get(key) else { continue };
            let (readings, taken) = (u64::from(held.readings), held.taken);
            match found.get(&key.1) {
                Some((_, body)) => self.count(*key, body, readings, taken, reason),
                None => self.count(*key, &[], readings, taken, DropReason::Unreadable),
            }
        }
        self.books.ledger.condemn(number, 0, (self.epoch, self.next));
        self.remove_condemned(number);
        for key in listed {
            self.remove(key);
        }
    }

    /// Removes a segment that is counted as lost; while its file stays, so does the ledger's note of it.
    pub(super) fn remove_condemned(&mut self, number: u32) {
        if self.files.disk.as_mut().is_none_or(|disk| disk.delete(number)) {
            self.books.ledger.done_with(number);
        }
    }

    /// Tries again to remove the files that could not be removed.
    pub(super) fn remove_leftovers(&mut self) {
        for number in self.files.disk.as_mut().map(Disk::delete_again).unwrap_or_default() {
            self.books.ledger.done_with(number);
        }
    }

    /// Counts as unreadable what a cold segment held and is not among the records that are `found` in it; from then on it
    /// holds those.
    ///
    /// How many readings are lost is known to the reading unless part of the segment was acknowledged: which of the lost
    /// batches had how many is then as unreadable as they are, and each counts as the mean of them, rounded down. What
    /// that leaves out the hub shows as missing.
    pub(super) fn settle<'a>(&mut self, number: u32, found: impl Iterator<Item = &'a Record> + Clone) {
        let Some(&cold) = self.cold.segments.get(&number) else { return };
        let batches = (cold.batches as u64).saturating_sub(found.clone().count() as u64);
        if batches == 0 {
            return;
        }
        let left = found.clone().map(|record| u64::from(record.readings)).sum();
        let readings = cold.readings.saturating_sub(left);
        let mark = self.cold.mark(cold.epoch);
        let below = mark.0.saturating_sub(cold.first.0).min(cold.batches as u64);
        let acked = below.saturating_sub(found.clone().filter(|record| record.seq < mark).count() as u64).min(batches);
        let lost = if acked == 0 { readings } else { readings / batches * (batches - acked) };
        self.count((cold.epoch, cold.first), &[], lost, cold.newest, DropReason::Unreadable);
        if let Some(cold) = self.cold.segments.get_mut(&number) {
            (cold.batches, cold.readings) = (found.clone().count(), left);
            cold.first = found.clone().map(|record| record.seq).min().unwrap_or(cold.first);
            cold.last = found.map(|record| record.seq).max().unwrap_or(cold.last);
        }
    }

    /// Counts a batch: what its body does not tell by about when it was taken.
    fn count(&mut self, key: Key, body: &[u8], readings: u64, taken: Taken, reason: DropReason) {
        let hour = self.hour_of(taken);
        self.books.lose(key, body, readings, hour, reason);
    }
}
