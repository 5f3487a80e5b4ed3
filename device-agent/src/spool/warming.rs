//! How segments become cold, are thinned while they are, and are listed again: newest first, when the backlog that is listed has
//! been handed out.

use wire::ledger::DropReason;
use wire::{Epoch, Lane};

use super::Spool;
use super::disk::{Disk, Summary};
use super::limits::Policy;
use super::listed::{Body, Held};
use super::segment::{self, Record};
use super::taken::Taken;
use super::thin::{Thinner, thinned};

impl Spool {
    /// Lists the newest cold segment; `false` if there is none.
    pub(super) fn warm(&mut self) -> bool {
        let Some((&number, &summary)) = self.cold.segments.last_key_value() else { return false };
        let records = self.files.disk.as_ref().and_then(|disk| disk.records(number)).unwrap_or_default();
        if records.is_empty() {
            self.lose_segment(number, DropReason::Unreadable);
            return true;
        }
        self.settle(number, records.iter().map(|(record, _)| record));
        self.cold.segments.remove(&number);
        if let Some(disk) = &mut self.files.disk {
            disk.set_held(number, records.len() as u32);
        }
        for (record, place) in records {
            let key = (summary.epoch, record.seq);
            let acknowledged = self.cold.is_acknowledged(key);
            // The same batch twice, after a crash between two segments: one copy is enough.
            if acknowledged || self.listed.held.contains_key(&key) {
                self.acked += if acknowledged { u64::from(record.readings) } else { 0 };
                self.files.release(place);
                continue;
            }
            let Record { readings, sensors, .. } = record;
            let taken = summary.newest;
            let held = Held { body: Body::Disk(place), readings, sensors, lane: Lane::Recovered, taken };
            self.listed.insert(key, held);
            self.lanes.backlog.insert(key);
        }
        true
    }

    /// Stops listing the batches of full segments, where all of them are still held and none is on its way.
    pub(super) fn cool(&mut self) {
        let Some(closed) = self.files.disk.as_mut().map(Disk::take_closed) else { return };
        for number in closed {
            let keys = self.listed.in_segment(number);
            let whole = self.files.disk.as_ref().is_some_and(|disk| disk.is_whole(number));
            let (Some(first), Some(last)) = (keys.first(), keys.last()) else { continue };
            if !whole || keys.iter().any(|key| self.lanes.handed.contains(key)) {
                continue;
            }
            let (epoch, first, last) = (first.0, first.1, last.1);
            let newest = self.listed.held.get(&(epoch, last)).map_or(Taken::Here(self.opened), |held| held.taken);
            let mut summary = Summary { epoch, first, last, batches: keys.len(), readings: 0, newest };
            for key in keys {
                self.lanes.backlog.remove(&key);
                summary.readings += self.listed.remove(key).map_or(0, |held| u64::from(held.readings));
            }
            self.cold.segments.insert(number, summary);
            self.lanes.live.retain(|key| self.listed.held.contains_key(key));
        }
    }

    /// Forgets cold segments that lie wholly in an acknowledged run.
    pub(super) fn trim_cold(&mut self, epoch: Epoch, start: u64, end: u64) {
        for (number, readings) in self.cold.take_acknowledged(epoch, start, end) {
            self.acked += readings;
            if let Some(disk) = &mut self.files.disk {
                disk.delete(number);
            }
        }
    }

    /// Makes room in the oldest cold segment that was not thinned yet; `false` if there is none.
    pub(super) fn thin_one(&mut self) -> bool {
        if self.policy != Policy::Thin {
            return false;
        }
        // One that the hub has part of stays as it is: a start that finishes the thinning would not know which part.
        let whole = |cold: &Summary| !self.cold.is_acknowledged((cold.epoch, cold.first));
        let mut fresh =
            self.cold.segments.iter().filter(|(number, cold)| !self.cold.thinned.contains(number) && whole(cold));
        let Some((&number, _)) = fresh.next() else { return false };
        self.cold.thinned.insert(number);
        let Some(thinner) = self.thinner(number) else {
            // What the disk does not give back at the moment keeps its place until it is the oldest: the hub may still get it.
            if self.files.disk.as_ref().is_some_and(|disk| disk.gives(number)) {
                self.lose_segment(number, DropReason::Unreadable);
            }
            return true;
        };
        if thinner.changed.is_empty() {
            return true;
        }
        self.books.thin(&thinner, false);
        self.books.ledger.condemn(number, thinner.left, (self.epoch, self.next));
        if !self.replace(number, &thinner) {
            self.books.thin(&thinner, true);
        }
        self.books.ledger.done_with(number);
        true
    }

    /// Finishes the thinning of a segment that is to hold `left` readings, and is counted already. `false` if the disk
    /// refused.
    pub(super) fn finish_thinning(&mut self, number: u32, left: u64) -> bool {
        let Some(thinner) = self.thinner(number).filter(|thinner| thinner.left == left) else { return true };
        self.cold.thinned.insert(number);
        self.replace(number, &thinner)
    }

    /// A cold segment with fewer readings; `None` if nothing in it can be read. What cannot is counted.
    fn thinner(&mut self, number: u32) -> Option<Thinner> {
        let (epoch, records) = self.files.disk.as_ref()?.bodies(number).filter(|(_, records)| !records.is_empty())?;
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
        let (Some(disk), Some(cold)) = (&mut self.files.disk, self.cold.segments.get_mut(&number)) else {
            return false;
        };
        let replaced = disk.replace(number, &thinner.bytes).is_ok();
        if replaced {
            cold.readings = thinner.left;
        }
        replaced
    }
}
