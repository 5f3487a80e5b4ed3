//! What earlier boots left: their segments, and the batch that was being filled when a run was killed.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use wire::{Epoch, Lane};

use super::disk::{Disk, Summary};
use super::journal::Journal;
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
}

impl Spool {
    /// A spool with its segments in `folder`; what earlier boots left becomes backlog.
    ///
    /// # Errors
    /// The folder cannot be made or listed. Damage inside it is no error.
    pub fn open(folder: &Path, epoch: Epoch, limits: Limits, now: Instant) -> io::Result<(Self, Recovery)> {
        let (disk, found) = Disk::open(folder, now)?;
        let (journal, open) = Journal::open(folder);
        let (tally, drops) = Tally::open(folder);
        let mut spool = Self::in_memory(epoch, limits);
        (spool.opened, spool.ages_due) = (now, now);
        (spool.tally, spool.drops) = (tally, drops);
        spool.disk = Some(disk);
        spool.journal = Some(journal);
        spool.shifts = Shifts::open(folder);
        for (number, summary) in found.segments {
            let newest = spool.taken_earlier((summary.epoch, summary.last), found.newest.get(&number).cloned());
            spool.cold.insert(number, Summary { newest, ..summary });
        }
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
