//! Readings added up by thirtieths of a while, and all of them together at any time. PURE.
//!
//! ```text
//!               anchor                          Of the steps before a bound of time it is known what they add up to from each of them
//!   ├──┬──┬──┬──┤├──┬──┬──┬──┤ newest           on, so a step that goes leaves a sum that is there. Once none of them is left the
//!    from each on   one sum    one step         bound behind the first that is left is taken: bounds are the same for all.
//! ```
//!
//! What they add up to depends on the steps alone, not on when they came: a memory that was read again says the same to the last digit.

use std::sync::Arc;

use super::strip::Strip;
use crate::model::UnixMillis;

/// Steps of a while.
pub(super) const STEPS: i64 = 30;
/// Steps from one bound to the next: fewer than lie in a while, so that what comes lies behind the bound that is taken.
const APART: i64 = STEPS - 2;

/// What adds up.
pub(super) trait Adds: Copy {
    /// Nothing.
    const NONE: Self;
    /// Both together.
    fn and(&self, other: &Self) -> Self;
}

/// The readings of one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<T> {
    /// Time of the first.
    pub(super) at: UnixMillis,
    pub(super) sum: T,
}

/// Some steps, and what they add up to.
#[derive(Debug, Clone)]
pub(super) struct Sums<T> {
    step_ms: i64,
    steps: Strip<Step<T>>,
    /// Where the newest ends.
    until: UnixMillis,
    /// The steps before this moment are the oldest.
    anchor: UnixMillis,
    /// Of these, but the newest of all: from each of them on until the last of them, added up. The oldest comes last; those that went
    /// are not taken out.
    oldest: Arc<[T]>,
    /// How many of them are left.
    left: usize,
    /// The steps behind them but the newest, added up.
    behind: T,
    /// All steps but the newest, added up.
    older: T,
}

impl<T: Adds> Sums<T> {
    /// Of a while of so many milliseconds.
    pub(super) fn new(over_ms: i64) -> Self {
        Self {
            step_ms: (over_ms / STEPS).max(1),
            steps: Strip::default(),
            until: UnixMillis(i64::MIN),
            anchor: UnixMillis(i64::MIN),
            oldest: Arc::new([]),
            left: 0,
            behind: T::NONE,
            older: T::NONE,
        }
    }

    /// How long a step is, in milliseconds.
    pub(super) const fn step_ms(&self) -> i64 {
        self.step_ms
    }

    /// Time of the oldest reading.
    pub(super) fn began(&self) -> Option<UnixMillis> {
        self.steps.front().map(|step| step.at)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Step<T>> {
        self.steps.iter()
    }

    /// What it takes in memory besides itself.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.steps.bytes() + size_of_val(&*self.oldest)
    }

    /// All steps but the newest, added up.
    pub(super) const fn older(&self) -> &T {
        &self.older
    }

    /// The newest step.
    pub(super) fn newest(&self) -> Option<&T> {
        self.steps.back().map(|step| &step.sum)
    }

    /// All of them.
    pub(super) fn all(&self) -> T {
        self.newest().map_or(T::NONE, |newest| self.older.and(newest))
    }

    /// Forgets the oldest as long as it is over, by it and the one behind it.
    pub(super) fn forget(&mut self, mut is_over: impl FnMut(&Step<T>, Option<&Step<T>>) -> bool) {
        let mut gone = 0;
        while self.steps.front().is_some_and(|step| is_over(step, self.steps.second())) {
            self.steps.pop_front();
            gone += 1;
        }
        if gone == 0 {
            return;
        }
        if self.steps.len() > 1 && self.left > gone {
            self.left -= gone;
            self.older = self.of_older();
        } else {
            self.add_up();
        }
    }

    /// Adds a reading: to the step that it lies in, or as the first of the next one.
    pub(super) fn add(&mut self, at: UnixMillis, with: impl FnOnce(&mut T)) {
        let is_here = at < self.until;
        if let Some(newest) = self.steps.back_mut().filter(|_| is_here) {
            return with(&mut newest.sum);
        }
        let mut sum = T::NONE;
        with(&mut sum);
        let is_behind = self.left > 0 && self.steps.back().is_some_and(|over| over.at >= self.anchor);
        if let Some(over) = self.steps.back().filter(|_| is_behind) {
            self.behind = self.behind.and(&over.sum);
            self.older = self.of_older();
        }
        self.steps.push(Step { at, sum });
        self.until = self.end(at);
        if !is_behind {
            self.add_up();
        }
    }

    /// Takes in the readings of others, of the same time.
    pub(super) fn join(&mut self, other: &Self) {
        let mut all: Vec<Step<T>> = self.iter().chain(other.iter()).copied().collect();
        all.sort_by_key(|step| step.at);
        (self.steps, self.until) = (Strip::default(), UnixMillis(i64::MIN));
        for step in all {
            let is_here = step.at < self.until;
            match self.steps.back_mut().filter(|_| is_here) {
                Some(last) => last.sum = last.sum.and(&step.sum),
                None => {
                    self.until = self.end(step.at);
                    self.steps.push(step);
                }
            }
        }
        self.add_up();
    }

    /// Where the step ends that a moment lies in.
    fn end(&self, at: UnixMillis) -> UnixMillis {
        UnixMillis(at.0.div_euclid(self.step_ms).saturating_add(1).saturating_mul(self.step_ms))
    }

    fn of_older(&self) -> T {
        let oldest = self.left.checked_sub(1).and_then(|n| self.oldest.get(n));
        oldest.map_or(self.behind, |oldest| oldest.and(&self.behind))
    }

    /// Adds up what is there.
    fn add_up(&mut self) {
        let apart_ms = self.step_ms.saturating_mul(APART);
        let front = self.began().map_or(0, |began| began.0);
        let anchor = UnixMillis(front.div_euclid(apart_ms).saturating_add(1).saturating_mul(apart_ms));
        let older = self.steps.len().saturating_sub(1);
        let many = self.steps.iter().take(older).take_while(|step| step.at < anchor).count();
        let (mut sums, mut sum, mut behind) = (Vec::with_capacity(many), T::NONE, T::NONE);
        self.steps.iter().take(older).skip(many).for_each(|step| behind = behind.and(&step.sum));
        for step in self.steps.iter().rev().skip(1 + older - many) {
            sum = step.sum.and(&sum);
            sums.push(sum);
        }
        (self.anchor, self.left, self.oldest, self.behind) = (anchor, sums.len(), sums.into(), behind);
        self.older = self.of_older();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Adds for u64 {
        const NONE: Self = 0;

        fn and(&self, other: &Self) -> Self {
            self + other
        }
    }

    proptest! {
        #[test]
        fn they_add_up_whatever_comes_and_goes(
            gaps in prop::collection::vec(prop_oneof![9 => 1..40_i64, 1 => 1..2_000_i64], 1..400), keeps in 1..1_200_i64,
        ) {
            let (mut sums, mut at) = (Sums::<u64>::new(900), UnixMillis(0));
            for gap in gaps {
                at = at.plus(gap);
                sums.forget(|step, _| step.at < at.plus(-keeps));
                sums.add(at, |sum| *sum += gap.unsigned_abs());
                prop_assert_eq!(sums.all(), sums.iter().map(|step| step.sum).sum::<u64>());
                let mut again = sums.clone();
                again.join(&Sums::new(900));
                prop_assert_eq!((again.older, again.left, again.behind), (sums.older, sums.left, sums.behind));
            }
        }
    }
}
