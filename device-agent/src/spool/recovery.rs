//! What earlier boots left: their segments, and the batch that was being filled when a run was killed.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use wire::{BatchSeq, Epoch, Lane};

use super::disk::{Disk, Recovered, Summary};
use super::journal::Journal;
use super::ledger::Ledger;
use super::segment::Record;
use super::shift::Shifts;
use super::tally::Tally;
use super::{Body, Held, Limits, OVERHEAD, Spool, Taken};

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
        let (disk, found) = Disk::open(folder, limits.age, now)?;
        let (journal, open) = Journal::open(folder);
        let (tally, drops) = Tally::open(folder);
        let (ledger, counted) = Ledger::open(folder);
        let mut spool = Self::in_memory(epoch, limits, now);
        (spool.tally, spool.drops, spool.ledger) = (tally, drops, ledger);
        spool.disk = Some(disk);
        spool.journal = Some(journal);
        spool.shifts = Shifts::open(folder);
        for (number, summary) in found.segments {
            let newest = spool.taken_earlier((summary.epoch, summary.last), found.newest.get(&number).cloned());
            spool.cold.insert(number, Summary { newest, ..summary });
        }
        spool.finish_condemned();
        spool.finish_ledger(counted, open.as_ref());
        spool.adopt_journal(open, now);
        let readings = spool.cold.values().map(|cold| cold.readings).sum::<u64>()
            + spool.held.values().map(|held| u64::from(held.readings)).sum::<u64>();
        let Recovered { damaged, foreign, unreadable, .. } = found;
        let recovery = Recovery { batches: spool.len(), readings, damaged, foreign, unreadable };
        Ok((spool, recovery))
    }

    /// Finishes what was begun with segments, and is counted.
    fn finish_condemned(&mut self) {
        for (number, left) in self.ledger.condemned() {
            // The note outlives this start until the ledger's file is written: it must not come to mean another segment.
            self.disk.iter_mut().for_each(|disk| disk.pass_over(number));
            if left == 0 {
                self.cold.remove(&number);
                self.remove_condemned(number);
                continue;
            }
            let to_thin = self.cold.get(&number).is_some_and(|cold| cold.readings > left);
            if !to_thin || self.finish_thinning(number, left) {
                self.ledger.done_with(number);
            }
        }
    }

    /// Counts what went to disk since the ledger was written.
    fn finish_ledger(&mut self, counted: Option<(Epoch, BatchSeq)>, open: Option<&(Epoch, Record, Vec<u8>)>) {
        let Some(counted) = counted else { return };
        let mut bodies: BTreeMap<(Epoch, BatchSeq), Vec<u8>> = BTreeMap::new();
        // The batch that was being filled, if it will be adopted.
        let passed = |epoch, seq| self.cold.values().any(|cold| cold.epoch == epoch && cold.last >= seq);
        let open = open.filter(|(epoch, record, _)| !passed(*epoch, record.seq));
        bodies.extend(open.map(|(epoch, record, body)| ((*epoch, record.seq), body.clone())));
        for (number, _) in self.cold.iter().filter(|(_, cold)| (cold.epoch, cold.last) >= counted) {
            let Some((epoch, records)) = self.disk.as_ref().and_then(|disk| disk.bodies(*number)) else { continue };
            bodies.extend(records.into_iter().map(|(record, body)| ((epoch, record.seq), body)));
        }
        for ((epoch, seq), body) in bodies.range(counted..) {
            self.ledger.take(*epoch, body, self.shifts.of(*epoch, *seq));
        }
        // What was counted is so from here on, whatever happens next.
        let _ = self.ledger.save((self.epoch, self.next));
    }

    /// The batch that was being filled when an earlier run was killed, unless it got into a segment after all.
    fn adopt_journal(&mut self, open: Option<(Epoch, Record, Vec<u8>)>, now: Instant) {
        let Some((epoch, record, body)) = open else { return };
        if !self.cold.values().any(|cold| cold.epoch == epoch && cold.last >= record.seq) {
            let key = (epoch, record.seq);
            self.memory += body.len() + OVERHEAD;
            let Record { readings, sensors, .. } = record;
            let taken = Taken::of_earlier(&body, self.shifts.of(key.0, key.1), now);
            let body = Body::Memory(body.into());
            self.held.insert(key, Held { body, readings, sensors, lane: Lane::Recovered, taken });
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
}
