//! How much a counter counted over the last while: its line, as [`super::Shares`] cuts it, in a bounded number of
//! marks.
//!
//! While the line has at most [`MOST`] readings all of them are kept, and the result is that of a query. Of more
//! readings those are kept at which the line bends most: a counter that grows evenly is exact with two of them,
//! whatever its interval.

use std::collections::VecDeque;

use super::amount::Amount;
use super::machine::Mark;
use super::shares::between;
use crate::model::UnixMillis;

/// Costs that are compared at once.
const ROWS: usize = 8;
/// Marks that are kept, 24 bytes each.
const MOST: usize = 128;

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
            self.leave_one_out();
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

    /// What it takes in memory besides itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.marks.capacity() * size_of::<(UnixMillis, f64)>()
            + (self.off.capacity() + self.cost.capacity()) * size_of::<f32>()
    }

    /// Leaves out the mark that changes the line least.
    fn leave_one_out(&mut self) {
        let Some((n, off)) = self.cheapest().and_then(|n| Some((n, *self.cost.get(n)?))) else { return };
        self.marks.remove(n);
        self.off.remove(n);
        self.cost.remove(n);
        if let Some(after) = self.off.get_mut(n) {
            *after = off;
        }
        self.weigh(n - 1);
        self.weigh(n);
    }

    /// The first of those that cost least, of the marks that have one on each side.
    fn cheapest(&mut self) -> Option<usize> {
        let costs = self.cost.make_contiguous();
        let inner = costs.get(1..costs.len().saturating_sub(1))?;
        // Side by side, which takes a quarter of the time.
        let (rows, rest) = inner.as_chunks::<ROWS>();
        let mut least = [f32::INFINITY; ROWS];
        for costs in rows {
            for (least, cost) in least.iter_mut().zip(costs) {
                *least = if *cost < *least { *cost } else { *least };
            }
        }
        let least = least.iter().chain(rest).copied().fold(f32::INFINITY, f32::min);
        (!inner.is_empty()).then(|| 1 + inner.iter().position(|cost| *cost <= least).unwrap_or(0))
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
    fn the_mark_that_goes_is_the_first_of_those_that_cost_least() {
        let mut lately = Lately::default();
        let total = |n: i64| (n * 7_919 % 101) as f64 * if n % 9 == 0 { 1e3 } else { 1.0 };
        for n in 0..5_000 {
            lately.push(UnixMillis(n * 1_000), total(n));
            lately.forget(UnixMillis((n - 700) * 1_000));
            let inner: Vec<_> = lately.cost.iter().copied().enumerate().skip(1).collect();
            let inner = &inner[..inner.len().saturating_sub(1)];
            let slowly = inner.iter().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(n, _)| *n);
            assert_eq!(lately.cheapest(), slowly, "{n}");
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
