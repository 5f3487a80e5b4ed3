//! Segments whose batches are counted and not listed: an index of 64 MiB of batches would be larger than the agent.
//!
//! A segment is cold after recovery, and once it is full while the hub is away; `warming` lists it again.

use std::collections::{BTreeMap, BTreeSet};

use wire::{BatchSeq, Epoch};

use super::disk::Summary;
use super::listed::Key;

/// Segments that are counted, and what is known of them besides.
#[derive(Debug, Default)]
pub(super) struct Cold {
    pub(super) segments: BTreeMap<u32, Summary>,
    /// Everything below was acknowledged; for batches that are not listed.
    marks: BTreeMap<Epoch, BatchSeq>,
    /// Segments that were thinned since the start.
    pub(super) thinned: BTreeSet<u32>,
}

impl Cold {
    /// Batches in all of them.
    pub(super) fn batches(&self) -> usize {
        self.segments.values().map(|cold| cold.batches).sum()
    }

    /// Whether a batch is in one of them.
    pub(super) fn holds(&self, epoch: Epoch, seq: BatchSeq) -> bool {
        let within = |cold: &Summary| cold.epoch == epoch && (cold.first..=cold.last).contains(&seq);
        self.segments.values().any(within)
    }

    /// Whether one of them has a batch of this boot as late as this or later.
    pub(super) fn reaches(&self, (epoch, seq): Key) -> bool {
        self.segments.values().any(|cold| cold.epoch == epoch && cold.last >= seq)
    }

    /// Everything of this epoch below it was acknowledged.
    pub(super) fn mark(&self, epoch: Epoch) -> BatchSeq {
        self.marks.get(&epoch).copied().unwrap_or(BatchSeq(0))
    }

    /// Whether the hub has a batch.
    pub(super) fn is_acknowledged(&self, (epoch, seq): Key) -> bool {
        seq < self.mark(epoch)
    }

    /// Takes out those that lie wholly in an acknowledged run; their numbers, and the readings in them.
    pub(super) fn take_acknowledged(&mut self, epoch: Epoch, start: u64, end: u64) -> Vec<(u32, u64)> {
        if start == 0 {
            let mark = self.marks.entry(epoch).or_insert(BatchSeq(0));
            *mark = (*mark).max(BatchSeq(end));
        }
        let within = |cold: &Summary| cold.epoch == epoch && start <= cold.first.0 && cold.last.0 < end;
        let done = self.segments.iter().filter(|(_, cold)| within(cold));
        let done: Vec<(u32, u64)> = done.map(|(number, cold)| (*number, cold.readings)).collect();
        for (number, _) in &done {
            self.segments.remove(number);
        }
        done
    }
}
