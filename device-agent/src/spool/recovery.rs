//! What earlier boots left: their segments, and the batch that was being filled when a run was killed.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use wire::{BatchSeq, Epoch, Lane};

use super::books::Books;
use super::disk::{Disk, Recovered, Summary};
use super::files::Files;
use super::journal::Journal;
use super::ledger::Ledger;
use super::listed::{Body, Held};
use super::segment::Record;
use super::shift::Shifts;
use super::taken::Taken;
use super::tally::Tally;
use super::{Limits, Spool};

/// What recovery found; worth a line in the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Batches of earlier boots that wait to be sent.
    pub batches: usize,
    pub readings: u64,
    /// Damaged stretches that were skipped.
    pub damaged: usize,
    /// Files that are no segments, and where they lie.
    pub foreign: Vec<PathBuf>,
    /// Segments that cannot be read, and why. What was in them is not known here: the hub shows as missing what it was told
    /// was taken, up to the last report.
    pub unreadable: Vec<(PathBuf, String)>,
}

impl Spool {
    /// A spool with its segments in `folder`; what earlier boots left becomes backlog.
    ///
    /// # Errors
    /// The folder cannot be made or listed. Damage inside it is no error.
    pub fn open(folder: &Path, epoch: Epoch, limits: Limits, now: Instant) -> io::Result<(Self, Recovery)> {
        // 1. The segments first: only this can fail, and nothing else was touched by then.
        let (disk, found) = Disk::open(folder, limits.age, now)?;
        // 2. What tells how to count and when to believe a time, before anything is counted.
        let (journal, open) = Journal::open(folder);
        let (tally, drops) = Tally::open(folder);
        let (ledger, counted) = Ledger::open(folder);
        let mut spool = Self::in_memory(epoch, limits, now);
        spool.books = Books { shifts: Shifts::open(folder), drops, tally, ledger };
        spool.files = Files { disk: Some(disk), journal: Some(journal), spilling: false };
        // 3. Segments are counted and not listed; their age needs the shifts of above.
        for (number, summary) in found.segments {
            let newest = spool.taken_earlier((summary.epoch, summary.last), found.newest.get(&number).cloned());
            spool.cold.segments.insert(number, Summary { newest, ..summary });
        }
        // 4. What was begun with segments is finished before the ledger is saved: the file that step 5 writes says no more that it
        //    is to be done.
        spool.finish_condemned();
        // 5. Then the ledger takes what came to disk after it was written, the journal's batch among it, and is saved: a kill from
        //    here on counts nothing twice.
        spool.finish_ledger(counted, open.as_ref());
        // 6. Last the journal's batch goes into a segment and the journal is cleared: it is counted by then.
        spool.adopt_journal(open, now);
        let readings = spool.cold.segments.values().map(|cold| cold.readings).sum::<u64>()
            + spool.listed.held.values().map(|held| u64::from(held.readings)).sum::<u64>();
        let Recovered { damaged, foreign, unreadable, .. } = found;
        let recovery = Recovery { batches: spool.len(), readings, damaged, foreign, unreadable };
        Ok((spool, recovery))
    }

    /// Finishes what was begun with segments, and is counted.
    fn finish_condemned(&mut self) {
        for (number, left) in self.books.ledger.condemned() {
            // The note outlives this start until the ledger's file is written: it must not come to mean another segment.
            self.files.disk.iter_mut().for_each(|disk| disk.pass_over(number));
            if left == 0 {
                self.cold.segments.remove(&number);
                self.remove_condemned(number);
                continue;
            }
            let to_thin = self.cold.segments.get(&number).is_some_and(|cold| cold.readings > left);
            if !to_thin || self.finish_thinning(number, left) {
                self.books.ledger.done_with(number);
            }
        }
    }

    /// Counts what went to disk since the ledger was written.
    fn finish_ledger(&mut self, counted: Option<(Epoch, BatchSeq)>, open: Option<&(Epoch, Record, Vec<u8>)>) {
        let Some(counted) = counted else { return };
        let mut bodies: BTreeMap<(Epoch, BatchSeq), Vec<u8>> = BTreeMap::new();
        // The batch that was being filled, if it will be adopted.
        let open = open.filter(|(epoch, record, _)| !self.cold.reaches((*epoch, record.seq)));
        bodies.extend(open.map(|(epoch, record, body)| ((*epoch, record.seq), body.clone())));
        for (number, _) in self.cold.segments.iter().filter(|(_, cold)| (cold.epoch, cold.last) >= counted) {
            let Some((epoch, records)) = self.files.disk.as_ref().and_then(|disk| disk.bodies(*number)) else {
                continue;
            };
            bodies.extend(records.into_iter().map(|(record, body)| ((epoch, record.seq), body)));
        }
        for ((epoch, seq), body) in bodies.range(counted..) {
            let moved = self.books.moved((*epoch, *seq));
            self.books.ledger.take(*epoch, body, moved);
        }
        // What was counted is so from here on, whatever happens next.
        let _ = self.books.ledger.save((self.epoch, self.next));
    }

    /// The batch that was being filled when an earlier run was killed, unless it got into a segment after all.
    fn adopt_journal(&mut self, open: Option<(Epoch, Record, Vec<u8>)>, now: Instant) {
        let Some((epoch, record, body)) = open else { return };
        let key = (epoch, record.seq);
        if !self.cold.reaches(key) {
            let Record { readings, sensors, .. } = record;
            let taken = Taken::of_earlier(&body, self.books.moved(key), now);
            let body = Body::Memory(body.into());
            self.listed.insert(key, Held { body, readings, sensors, lane: Lane::Recovered, taken });
            self.lanes.queue(key, Lane::Recovered);
        }
        // A disk that refuses leaves it in the journal, and in memory, where the next attempt finds it.
        if self.spill().is_ok() {
            let _ = self.files.clear_journal();
        }
    }
}
