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

/// Marks that are kept, 24 bytes each.
const MOST: usize = 128;

/// The newest part of a line.
#[derive(Debug, Clone, Default)]
pub struct Lately {
    marks: VecDeque<Bend>,
}

/// A mark, as small as it can be.
#[derive(Debug, Clone, Copy)]
struct Bend {
    at: UnixMillis,
    total: f64,
    /// What the line between the one before and this one may be off, because of marks that were left out.
    off: f32,
    /// What it would be off without this one; of marks that have one on each side.
    cost: f32,
}

impl Bend {
    fn mark(self, shown: Amount) -> Mark {
        Mark { at: self.at, total: Amount::of(self.total), shown }
    }
}

impl Lately {
    /// Adds the next mark; one that is no later than the last is left out.
    pub fn push(&mut self, at: UnixMillis, total: f64) {
        if self.marks.back().is_some_and(|last| at <= last.at) {
            return;
        }
        if self.marks.len() >= MOST {
            self.leave_one_out();
        }
        self.marks.push_back(Bend { at, total, off: 0.0, cost: 0.0 });
        self.weigh(self.marks.len().saturating_sub(2));
    }

    /// Forgets what is older, but for what the line needs to reach back to that moment.
    pub fn forget(&mut self, oldest: UnixMillis) {
        while self.marks.get(1).is_some_and(|second| second.at <= oldest) {
            self.marks.pop_front();
        }
    }

    /// When it begins.
    #[must_use]
    pub fn began(&self) -> Option<UnixMillis> {
        self.marks.front().map(|first| first.at)
    }

    /// Where it was at a moment, and behind its end on `tail`; where it begins, if that is later. `shown`: what the counter
    /// shows, of which an answer has no more digits than make sense.
    pub fn at(&self, moment: UnixMillis, tail: impl Iterator<Item = Mark>, shown: Amount) -> Option<Mark> {
        let mut before: Option<Mark> = None;
        for mark in self.marks.iter().map(|bend| bend.mark(shown)).chain(tail) {
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
        self.marks.capacity() * size_of::<Bend>()
    }

    /// Leaves out the mark that changes the line least.
    fn leave_one_out(&mut self) {
        let inner = self.marks.iter().enumerate().skip(1).take(self.marks.len().saturating_sub(2));
        let Some((n, off)) = inner.map(|(n, mark)| (n, mark.cost)).min_by(|a, b| a.1.total_cmp(&b.1)) else { return };
        self.marks.remove(n);
        if let Some(after) = self.marks.get_mut(n) {
            after.off = off;
        }
        self.weigh(n - 1);
        self.weigh(n);
    }

    /// Finds what the line would be off without this mark; a mark keeps that until one beside it goes or comes.
    fn weigh(&mut self, n: usize) {
        let around = (n.checked_sub(1).and_then(|n| self.marks.get(n)), self.marks.get(n), self.marks.get(n + 1));
        let (Some(before), Some(mark), Some(after)) = around else { return };
        let part = mark.at.since(before.at) as f64 / after.at.since(before.at).max(1) as f64;
        let off = (before.total + (after.total - before.total) * part - mark.total).abs() as f32;
        let cost = off + mark.off.max(after.off);
        if let Some(mark) = self.marks.get_mut(n) {
            mark.cost = cost;
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
