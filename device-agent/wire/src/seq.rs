//! Which batches of one epoch are there: a contiguous mark and the islands above it.
//!
//! ```text
//!   0 ........ mark │ hole │ island │ hole │ island
//!   all of them     │      │  [start, end)
//! ```
//!
//! The same set serves as the hub's receive window, as its saved form, and as the device's memory of what was
//! acknowledged. It is bounded: at most [`SeqSet::MAX_ISLANDS`] islands, so a hostile or unlucky peer costs 16 KiB and no more.

use alloc::vec::Vec;
use core::ops::Range;

use serde::{Deserialize, Serialize};

use crate::reading::BatchSeq;

/// A set of batch numbers that is nearly contiguous.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SeqSet {
    /// Every number below is in the set.
    mark: u64,
    /// Disjoint, non-adjacent, ascending `[start, end)`, all above `mark`.
    islands: Vec<(u64, u64)>,
}

/// What [`SeqSet::insert`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// The number was not there before.
    New,
    /// The number was there already.
    Repeat,
    /// The set has no room for another island; nothing changed.
    Full,
}

impl SeqSet {
    /// Islands a set may hold. Loss on a live stream makes a handful; newest-first backfill one more.
    pub const MAX_ISLANDS: usize = 1024;

    /// Builds a set from its parts, or `None` when they are not ascending, disjoint and above `mark`.
    #[must_use]
    pub fn from_parts(mark: u64, islands: Vec<(u64, u64)>) -> Option<Self> {
        let ordered = islands
            .iter()
            .try_fold(mark, |end, &(start, next)| (start > end && next > start).then_some(next))
            .is_some();
        (ordered && islands.len() <= Self::MAX_ISLANDS).then_some(Self { mark, islands })
    }

    /// The first number that is not in the set.
    #[must_use]
    pub const fn mark(&self) -> BatchSeq {
        BatchSeq(self.mark)
    }

    /// The runs above the mark, ascending, as `[start, end)`.
    #[must_use]
    pub fn islands(&self) -> &[(u64, u64)] {
        &self.islands
    }

    /// Whether `seq` is in the set.
    #[must_use]
    pub fn contains(&self, seq: BatchSeq) -> bool {
        seq.0 < self.mark || self.island_at(seq.0).is_ok()
    }

    /// The run that holds `seq`, if any.
    #[must_use]
    pub fn run_of(&self, seq: BatchSeq) -> Option<Range<u64>> {
        if seq.0 < self.mark {
            return Some(0..self.mark);
        }
        let index = self.island_at(seq.0).ok()?;
        let (start, end) = *self.islands.get(index)?;
        Some(start..end)
    }

    /// Adds one number.
    pub fn insert(&mut self, seq: BatchSeq) -> Inserted {
        if self.contains(seq) {
            return Inserted::Repeat;
        }
        if seq.0 == u64::MAX {
            return Inserted::Full;
        }
        self.insert_run(seq.0..seq.0 + 1)
    }

    /// Adds every number of `run`. An empty run is a repeat.
    pub fn insert_run(&mut self, run: Range<u64>) -> Inserted {
        let (mut start, mut end) = (run.start, run.end);
        if start >= end || end <= self.mark {
            return Inserted::Repeat;
        }
        if start <= self.mark {
            self.mark = end;
            self.absorb();
            return Inserted::New;
        }
        // Every island that touches or overlaps [start, end) melts into it.
        let first = self.islands.partition_point(|island| island.1 < start);
        let last = self.islands.partition_point(|island| island.0 <= end);
        if let Some(touched) = self.islands.get(first..last).filter(|touched| !touched.is_empty()) {
            if matches!(touched, [only] if only.0 <= start && end <= only.1) {
                return Inserted::Repeat;
            }
            start = start.min(touched[0].0);
            end = end.max(touched[touched.len() - 1].1);
        } else if self.islands.len() >= Self::MAX_ISLANDS {
            return Inserted::Full;
        }
        self.islands.splice(first..last, [(start, end)]);
        Inserted::New
    }

    /// Treats everything below `floor` as present: those numbers will never come.
    pub fn raise_mark(&mut self, floor: BatchSeq) {
        if floor.0 > self.mark {
            self.mark = floor.0;
            self.absorb();
        }
    }

    /// How many numbers below `floor` are missing: what [`SeqSet::raise_mark`] would give up.
    #[must_use]
    pub fn missing_below(&self, floor: BatchSeq) -> u64 {
        let present: u64 = self.islands.iter().map(|&(start, end)| end.min(floor.0).saturating_sub(start)).sum();
        floor.0.saturating_sub(self.mark).saturating_sub(present)
    }

    /// Moves the mark over islands that it has reached.
    fn absorb(&mut self) {
        let reached = self.islands.iter().take_while(|island| island.0 <= self.mark).count();
        for (_, end) in self.islands.drain(..reached) {
            self.mark = self.mark.max(end);
        }
    }

    fn island_at(&self, seq: u64) -> Result<usize, usize> {
        self.islands.binary_search_by(|&(start, end)| {
            if end <= seq {
                core::cmp::Ordering::Less
            } else if start > seq {
                core::cmp::Ordering::Greater
            } else {
                core::cmp::Ordering::Equal
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_moves_over_islands_as_holes_fill() {
        let mut set = SeqSet::default();
        for seq in [0, 1, 3, 5, 4] {
            assert_eq!(set.insert(BatchSeq(seq)), Inserted::New);
        }
        assert_eq!((set.mark(), set.islands()), (BatchSeq(2), &[(3, 6)][..]));
        assert_eq!(set.insert(BatchSeq(4)), Inserted::Repeat);
        assert_eq!(set.insert(BatchSeq(2)), Inserted::New);
        assert_eq!((set.mark(), set.islands()), (BatchSeq(6), &[][..]));
    }

    #[test]
    fn a_full_set_refuses_another_island_but_still_fills_holes() {
        let mut set = SeqSet::default();
        for island in 0..SeqSet::MAX_ISLANDS as u64 {
            assert_eq!(set.insert(BatchSeq(island * 2 + 1)), Inserted::New);
        }
        assert_eq!(set.insert(BatchSeq(1_000_000)), Inserted::Full);
        assert_eq!(set.insert(BatchSeq(0)), Inserted::New);
        assert_eq!(set.mark(), BatchSeq(2));
    }

    #[test]
    fn giving_up_the_missing_ones_counts_them() {
        let mut set = SeqSet::default();
        for seq in [0, 3, 4, 8] {
            set.insert(BatchSeq(seq));
        }
        assert_eq!(set.missing_below(BatchSeq(8)), 5);
        set.raise_mark(BatchSeq(4));
        assert_eq!((set.mark(), set.islands()), (BatchSeq(5), &[(8, 9)][..]));
    }
}
