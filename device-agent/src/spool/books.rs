//! What is counted of a spool: readings given up, in the file of the device and in the ledger for the hub, and by how much the
//! clock was wrong that took them.

use wire::Hour;
use wire::ledger::DropReason;

use super::ledger::Ledger;
use super::listed::Key;
use super::shift::Shifts;
use super::tally::{Drops, Tally};
use super::thin::Thinner;

/// The books of a spool.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) shifts: Shifts,
    pub(super) drops: Drops,
    pub(super) tally: Tally,
    pub(super) ledger: Ledger,
}

impl Books {
    /// By how many milliseconds the readings of a batch are moved.
    pub(super) fn moved(&self, key: Key) -> i64 {
        self.shifts.of(key.0, key.1)
    }

    /// Counts a batch that is given up: its readings by their own hours, and those that its body does not tell by `hour`.
    pub(super) fn lose(&mut self, key: Key, body: &[u8], readings: u64, hour: Hour, reason: DropReason) {
        let told = self.ledger.lose(key.0, body, self.moved(key), reason);
        self.ledger.lose_at(key.0, hour, readings.saturating_sub(told), reason);
        self.drops.add(reason, readings);
    }

    /// Counts what thinning leaves out; or, if it failed after all, takes that back.
    pub(super) fn thin(&mut self, thinner: &Thinner, failed: bool) {
        for (seq, before, after) in &thinner.changed {
            self.ledger.thin(thinner.epoch, before, after, self.shifts.of(thinner.epoch, *seq), failed);
        }
        let gone = thinner.readings - thinner.left;
        self.drops.thinned = if failed { self.drops.thinned.saturating_sub(gone) } else { self.drops.thinned + gone };
    }
}
