//! How much a counter counted over the last while: its line, as [`super::Shares`] cuts it, in a bounded number of
//! marks.
//!
//! While the line has at most [`MOST`] readings all of them are kept, and the result is that of a query. Of more
//! readings those are kept at which the line bends most: a counter that grows evenly is exact with two of them,
//! whatever its interval. Where there is no room some are left out at once ([`LEFT_OUT`]), so that a reading costs little.

use std::collections::VecDeque;

use super::amount::Amount;
use super::machine::Mark;
use super::shares::between;
use crate::model::UnixMillis;

/// Marks that are kept, 24 bytes each.
const MOST: usize = 128;
/// Marks that are left out when one more comes, no two of them side by side: what the others cost without them stays as it was found.
const LEFT_OUT: usize = 40;

/// What a line is off at most by rounding, see [`super::Amount`]: of its numbers, and at all.
const ROUNDED: f64 = 1e-8;
const GRAIN: f64 = 1e-11;
/// Of larger numbers nothing is said.
const MOST_OFF: f64 = 1e6;

/// The newest part of a line.
#[derive(Debug, Clone, Default)]
pub struct Lately {
    marks: VecDeque<(UnixMillis, f64)>,
    /// What the line between the one before and each of them may be off, because of marks that were left out.
    off: VecDeque<f32>,
    /// What it would be off without each of them; of marks that have one on each side.
    cost: VecDeque<f32>,
}

impl Lately {
    /// Adds the next mark; one that is no later than the last is left out.
    pub fn push(&mut self, at: UnixMillis, total: f64) {
        if self.marks.back().is_some_and(|(last, _)| at <= *last) {
            return;
        }
        if self.marks.len() >= MOST {
            self.thin();
        }
        self.marks.push_back((at, total));
        self.off.push_back(0.0);
        self.cost.push_back(0.0);
        self.weigh(self.marks.len().saturating_sub(2));
    }

    /// Forgets what is older, but for what the line needs to reach back to that moment.
    pub fn forget(&mut self, oldest: UnixMillis) {
        while self.marks.get(1).is_some_and(|(second, _)| *second <= oldest) {
            self.marks.pop_front();
            self.off.pop_front();
            self.cost.pop_front();
        }
    }

    /// When it begins.
    #[must_use]
    pub fn began(&self) -> Option<UnixMillis> {
        self.marks.front().map(|(first, _)| *first)
    }

    /// Where it was at a moment, and behind its end on `tail`; where it begins, if that is later. `shown`: what the counter
    /// shows, of which an answer has no more digits than make sense.
    pub fn at(&self, moment: UnixMillis, tail: impl Iterator<Item = Mark>, shown: Amount) -> Option<Mark> {
        let marks = self.marks.iter().map(|&(at, total)| Mark { at, total: Amount::of(total), shown });
        let mut before: Option<Mark> = None;
        for mark in marks.chain(tail) {
            if mark.at >= moment {
                let Some(before) = before else { return Some(mark) };
                return Some(Mark { at: moment, total: before.total + between(before, mark, moment), shown });
            }
            before = Some(mark);
        }
        before
    }

    /// About where it was at a moment between its first two marks, as [`Self::forget`] leaves it, and by how much that may be off.
    #[must_use]
    pub fn about(&self, moment: UnixMillis) -> Option<(f64, f64)> {
        let (from, to) = (*self.marks.front()?, *self.marks.get(1)?);
        let part = moment.since(from.0) as f64 / to.0.since(from.0) as f64;
        let off = (from.1.abs() + to.1.abs()) * ROUNDED + GRAIN;
        ((0.0..=1.0).contains(&part) && off < MOST_OFF).then_some((from.1 + (to.1 - from.1) * part, off))
    }

    /// What it takes in memory besides itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.marks.capacity() * size_of::<(UnixMillis, f64)>()
            + (self.off.capacity() + self.cost.capacity()) * size_of::<f32>()
    }

    /// Leaves out some of the marks that change the line least.
    fn thin(&mut self) {
        let (marks, off, cost) =
            (self.marks.make_contiguous(), self.off.make_contiguous(), self.cost.make_contiguous());
        // Costs are never below zero: they are in the order of their bits.
        let mut bits = [u32::MAX; MOST];
        let inner = 1..cost.len().saturating_sub(1);
        for (bits, cost) in bits.iter_mut().zip(cost.get(inner.clone()).unwrap_or_default()) {
            *bits = cost.to_bits();
        }
        let Some(bits) = bits.get_mut(..inner.len()).filter(|bits| bits.len() > LEFT_OUT) else { return };
        let limit = f32::from_bits(*bits.select_nth_unstable(LEFT_OUT - 1).1);
        let (mut left, mut kept, mut was_left) = (LEFT_OUT, 0, false);
        for n in 0..marks.len().min(off.len()).min(cost.len()) {
            if !was_left && left > 0 && cost[n] <= limit && inner.contains(&n) {
                (was_left, left) = (true, left - 1);
                // The line between those beside it is off by that; what it would be off without them is to be found anew.
                (off[n + 1], cost[n + 1], cost[kept - 1]) = (cost[n], f32::NAN, f32::NAN);
                continue;
            }
            (marks[kept], off[kept], cost[kept]) = (marks[n], off[n], cost[n]);
            (was_left, kept) = (false, kept + 1);
        }
        self.marks.truncate(kept);
        self.off.truncate(kept);
        self.cost.truncate(kept);
        for n in 1..kept.saturating_sub(1) {
            if self.cost[n].is_nan() {
                self.weigh(n);
            }
        }
    }

    /// Finds what the line would be off without this mark; a mark keeps that until one beside it goes or comes.
    fn weigh(&mut self, n: usize) {
        let around = (n.checked_sub(1).and_then(|n| self.marks.get(n)), self.marks.get(n), self.marks.get(n + 1));
        let (Some(before), Some(mark), Some(after)) = around else { return };
        let part = mark.0.since(before.0) as f64 / after.0.since(before.0).max(1) as f64;
        let off = (before.1 + (after.1 - before.1) * part - mark.1).abs() as f32;
        let was_off = |n: usize| self.off.get(n).copied().unwrap_or(0.0);
        let cost = off + was_off(n).max(was_off(n + 1));
        if let Some(of) = self.cost.get_mut(n) {
            *of = cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter::empty;

    use super::*;

    fn at(lately: &Lately, moment: i64) -> (i64, f64) {
        let mark = lately.at(UnixMillis(moment), empty(), Amount::of(1_000.0)).unwrap();
        (mark.at.0, mark.total.value())
    }

    #[test]
    fn between_two_readings_it_goes_straight_and_before_the_first_nothing_is_known() {
        let mut lately = Lately::default();
        assert_eq!(lately.at(UnixMillis(0), empty(), Amount::ZERO), None);
        [(10, 0.0), (20, 1.0), (40, 2.0)].into_iter().for_each(|(at, total)| lately.push(UnixMillis(at), total));
        assert_eq!((at(&lately, 15), at(&lately, 20), at(&lately, 35)), ((15, 0.5), (20, 1.0), (35, 1.75)));
        assert_eq!((at(&lately, 5), at(&lately, 50)), ((10, 0.0), (40, 2.0)));
        lately.forget(UnixMillis(25));
        assert_eq!((at(&lately, 25), at(&lately, 15)), ((25, 1.25), (20, 1.0)));
        let tail = [Mark { at: UnixMillis(60), total: Amount::of(4.0), shown: Amount::ZERO }];
        assert_eq!(lately.at(UnixMillis(50), tail.into_iter(), Amount::ZERO).unwrap().total.value(), 3.0);
    }

    #[test]
    fn the_marks_that_go_change_the_line_least_and_it_is_off_by_no_more_than_is_known() {
        let mut lately = Lately::default();
        let total = |n: i64| (n * 7_919 % 101) as f64 * if n % 9 == 0 { 1e3 } else { 1.0 };
        for n in 0..5_000 {
            let is_full = lately.marks.len() == MOST;
            lately.push(UnixMillis(n * 1_000), total(n));
            lately.forget(UnixMillis((n - 700) * 1_000));
            assert!(lately.marks.len() <= MOST && lately.off.len() == lately.cost.len(), "{n}");
            if !is_full {
                continue;
            }
            assert!(lately.marks.len() < MOST - LEFT_OUT / 3, "many go at once: {}", lately.marks.len());
            for second in lately.marks[0].0.0 / 1_000..n {
                let place = lately.marks.partition_point(|(mark, _)| mark.0 < second * 1_000);
                let (is, off) = (at(&lately, second * 1_000).1, f64::from(lately.off[place]));
                assert!((is - total(second)).abs() <= off * 1.001 + 1e-6, "{n} {second}: {is} {off}");
            }
        }
    }

    #[test]
    fn what_grows_evenly_is_exact_and_what_does_not_is_nearly_so_however_many_readings_there_are() {
        let (mut even, mut uneven) = (Lately::default(), Lately::default());
        let total = |n: i64| (n / 300) as f64 * 2.0 + (n * 7_919 % 101) as f64 / 1_000.0;
        for n in 0..20_000 {
            even.push(UnixMillis(n * 5_000), (0.01 * n as f64 * 1e4).round() / 1e4);
            uneven.push(UnixMillis(n * 5_000), total(n));
            even.forget(UnixMillis((n - 17_280) * 5_000));
            uneven.forget(UnixMillis((n - 17_280) * 5_000));
        }
        assert!(even.bytes() <= 3_100, "{}", even.bytes());
        assert_eq!(at(&even, 2_719 * 5_000 + 2_500), (2_719 * 5_000 + 2_500, 27.195));
        // It counts 115 in that time.
        let off = (at(&uneven, 2_719 * 5_000).1 - total(2_719)).abs();
        assert!(off < 2.0, "{off}");
    }
}
