//! Segments whose batches are counted and not listed: an index of 64 MiB of batches would be larger than the agent.
//!
//! A segment is cold after recovery, and once it is full while the hub is away. It is warmed, newest first, when the backlog
//! that is listed has been handed out.

use wire::ledger::DropReason;
use wire::{BatchSeq, Epoch, Lane};

use super::disk::Summary;
use super::segment::{self, Record};
use super::thin::thinned;
use super::{Body, Held, Key, Policy, Spool, Taken};

/// A segment as it would be with fewer readings.
pub(super) struct Thinner {
    pub(super) epoch: Epoch,
    bytes: Vec<u8>,
    /// Readings before, and after.
    pub(super) readings: u64,
    pub(super) left: u64,
    /// The batches that change, before and after.
    pub(super) changed: Vec<(BatchSeq, Vec<u8>, Vec<u8>)>,
}

impl Spool {
    /// Lists the newest cold segment; `false` if there is none.
    pub(super) fn warm(&mut self) -> bool {
        let Some((&number, &summary)) = self.cold.last_key_value() else { return false };
        let records = self.disk.as_ref().and_then(|disk| disk.records(number)).unwrap_or_default();
        if records.is_empty() {
            self.lose_segment(number, DropReason::Unreadable);
            return true;
        }
        self.settle(number, records.iter().map(|(record, _)| record));
        self.cold.remove(&number);
        if let Some(disk) = &mut self.disk {
            disk.set_held(number, records.len() as u32);
        }
        for (record, place) in records {
            let key = (summary.epoch, record.seq);
            let acknowledged = self.is_acknowledged(key);
            // The same batch twice, after a crash between two segments: one copy is enough.
            if acknowledged || self.held.contains_key(&key) {
                self.acked += if acknowledged { u64::from(record.readings) } else { 0 };
                self.release(place);
                continue;
            }
            let Record { readings, sensors, .. } = record;
            let taken = summary.newest;
            let held = Held { body: Body::Disk(place), readings, sensors, lane: Lane::Recovered, taken };
            self.held.insert(key, held);
            self.backlog.insert(key);
        }
        true
    }

    /// Stops listing the batches of full segments, where all of them are still held and none is on its way.
    pub(super) fn cool(&mut self) {
        let Some(closed) = self.disk.as_mut().map(super::disk::Disk::take_closed) else { return };
        for number in closed {
            let keys = self.listed_in(number);
            let whole = self.disk.as_ref().is_some_and(|disk| disk.is_whole(number));
            let (Some(first), Some(last)) = (keys.first(), keys.last()) else { continue };
            if !whole || keys.iter().any(|key| self.handed.contains(key)) {
                continue;
            }
            let (epoch, first, last) = (first.0, first.1, last.1);
            let newest = self.held.get(&(epoch, last)).map_or(Taken::Here(self.opened), |held| held.taken);
            let mut summary = Summary { epoch, first, last, batches: keys.len(), readings: 0, newest };
            for key in keys {
                self.backlog.remove(&key);
                summary.readings += self.held.remove(&key).map_or(0, |held| u64::from(held.readings));
            }
            self.cold.insert(number, summary);
            self.live.retain(|key| self.held.contains_key(key));
        }
    }

    /// Forgets cold segments that lie wholly in an acknowledged run.
    pub(super) fn trim_cold(&mut self, epoch: Epoch, start: u64, end: u64) {
        if start == 0 {
            let mark = self.marks.entry(epoch).or_insert(BatchSeq(0));
            *mark = (*mark).max(BatchSeq(end));
        }
        let within = |cold: &Summary| cold.epoch == epoch && start <= cold.first.0 && cold.last.0 < end;
        let done: Vec<u32> = self.cold.iter().filter(|(_, cold)| within(cold)).map(|(number, _)| *number).collect();
        for number in done {
            self.acked += self.cold.remove(&number).map_or(0, |cold| cold.readings);
            if let Some(disk) = &mut self.disk {
                disk.delete(number);
            }
        }
    }

    /// Everything of this epoch below it was acknowledged.
    pub(super) fn mark(&self, epoch: Epoch) -> BatchSeq {
        self.marks.get(&epoch).copied().unwrap_or(BatchSeq(0))
    }

    /// Whether the hub has a batch, of those in cold segments.
    pub(super) fn is_acknowledged(&self, (epoch, seq): Key) -> bool {
        seq < self.mark(epoch)
    }

    /// Makes room in the oldest cold segment that was not thinned yet; `false` if there is none.
    pub(super) fn thin_one(&mut self) -> bool {
        if self.policy != Policy::Thin {
            return false;
        }
        // One that the hub has part of stays as it is: a start that finishes the thinning would not know which part.
        let whole = |cold: &Summary| !self.is_acknowledged((cold.epoch, cold.first));
        let mut fresh = self.cold.iter().filter(|(number, cold)| !self.thinned.contains(number) && whole(cold));
        let Some((&number, _)) = fresh.next() else { return false };
        self.thinned.insert(number);
        let Some(thinner) = self.thinner(number) else {
            // What the disk does not give back at the moment keeps its place until it is the oldest: the hub may still get it.
            if self.disk.as_ref().is_some_and(|disk| disk.gives(number)) {
                self.lose_segment(number, DropReason::Unreadable);
            }
            return true;
        };
        if thinner.changed.is_empty() {
            return true;
        }
        self.count_thinned(&thinner, false);
        self.ledger.condemn(number, thinner.left, (self.epoch, self.next));
        if !self.replace(number, &thinner) {
            self.count_thinned(&thinner, true);
        }
        self.ledger.done_with(number);
        true
    }

    /// Finishes the thinning of a segment that is to hold `left` readings, and is counted already. `false` if the disk
    /// refused.
    pub(super) fn finish_thinning(&mut self, number: u32, left: u64) -> bool {
        let Some(thinner) = self.thinner(number).filter(|thinner| thinner.left == left) else { return true };
        self.thinned.insert(number);
        self.replace(number, &thinner)
    }

    /// A cold segment with fewer readings; `None` if nothing in it can be read. What cannot is counted.
    fn thinner(&mut self, number: u32) -> Option<Thinner> {
        let (epoch, records) = self.disk.as_ref()?.bodies(number).filter(|(_, records)| !records.is_empty())?;
        self.settle(number, records.iter().map(|(record, _)| record));
        let mut thinner =
            Thinner { epoch, bytes: segment::header(epoch).to_vec(), readings: 0, left: 0, changed: Vec::new() };
        for (record, body) in records {
            thinner.readings += u64::from(record.readings);
            let (after, left) = match thinned(&body) {
                Some((after, left)) => {
                    thinner.changed.push((record.seq, body, after.clone()));
                    (after, left)
                }
                None => (body, record.readings),
            };
            segment::put(&Record { readings: left, ..record }, &after, &mut thinner.bytes)?;
            thinner.left += u64::from(left);
        }
        Some(thinner)
    }

    /// Either the old file or the thinned one: nothing in between is ever there.
    fn replace(&mut self, number: u32, thinner: &Thinner) -> bool {
        let (Some(disk), Some(cold)) = (&mut self.disk, self.cold.get_mut(&number)) else { return false };
        let replaced = disk.replace(number, &thinner.bytes).is_ok();
        if replaced {
            cold.readings = thinner.left;
        }
        replaced
    }
}
