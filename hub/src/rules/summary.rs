//! Readings of the last while, summed up by thirtieths of it: their mean, minimum and maximum, and whether they stand still. PURE.
//!
//! ```text
//!            over                          Time is cut into thirtieths of `over`, the same for all series. The while begins with the
//!   ├──┬──┬──┬─ ... ─┬──┬──┤               first of them that lies in `over` whole, and ends with this reading, included.
//!   begin               reading            So it is between 29 thirtieths and the whole of `over` long.
//! ```
//!
//! - **A figure is what a query gives for that time**, from `begin` until behind the reading: the mean is the plain one, each reading
//!   counts once, however long it stood. Of a counter it is about what that shows.
//! - It says nothing before its oldest reading is half of `over` old.
//! - **Still** is a value of which all readings lie in a band, back to one that is `over` old; of the thirtieth in which that lies all are
//!   looked at. At least [`STUCK`] readings, and no two that follow each other are more than half of `over` apart: silence is no
//!   standstill. Behind such a gap it begins anew, and knows still which band was left, if it was.
//!
//! 40 bytes a thirtieth, at most 32 of them: 1.3 kB.

use super::deviation::STEPS;
use super::strip::Strip;
use crate::model::UnixMillis;
use crate::model::reading::Point;
use crate::model::rule::{Figure, STUCK};

/// The readings of one thirtieth.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// Time of the first.
    first: UnixMillis,
    totals: Totals,
}

/// Some readings, added up.
#[derive(Debug, Clone, Copy)]
struct Totals {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Totals {
    const NONE: Self = Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    const fn of(value: f64) -> Self {
        Self { count: 1, sum: value, min: value, max: value }
    }

    fn and(&self, other: &Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

/// The last while of one series.
#[derive(Debug, Clone)]
pub(super) struct Summary {
    over_ms: i64,
    steps: Strip<Step>,
    /// All steps but the newest.
    older: Totals,
}

impl Summary {
    pub(super) fn new(over_ms: i64) -> Self {
        Self { over_ms, steps: Strip::default(), older: Totals::NONE }
    }

    /// Time of the oldest reading.
    pub(super) fn began(&self) -> Option<UnixMillis> {
        self.steps.front().map(|step| step.first)
    }

    /// What it takes in memory besides itself.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.steps.bytes()
    }

    fn step_ms(&self) -> i64 {
        (self.over_ms / STEPS).max(1)
    }

    fn totals(&self) -> Totals {
        self.steps.back().map_or(Totals::NONE, |newest| self.older.and(&newest.totals))
    }

    /// Where the while begins that ends with a reading at `at`.
    fn begin(&self, at: UnixMillis) -> UnixMillis {
        let step_ms = self.step_ms();
        UnixMillis((at.0 - self.over_ms).saturating_add(step_ms - 1).div_euclid(step_ms).saturating_mul(step_ms))
    }

    /// Takes the next reading, and forgets what lies before the while that it ends.
    pub(super) fn take(&mut self, point: Point) {
        let begin = self.begin(point.at);
        self.forget(|step, _| step.first < begin);
        self.learn(point);
    }

    /// A figure of them; `None` before half of the while is known.
    pub(super) fn figure(&self, figure: Figure, at: UnixMillis) -> Option<f64> {
        self.began().filter(|began| at.since(*began) >= self.over_ms / 2)?;
        let totals = self.totals();
        Some(match figure {
            Figure::Average => totals.sum / totals.count as f64,
            Figure::Minimum => totals.min,
            Figure::Maximum => totals.max,
        })
    }

    fn forget(&mut self, is_over: impl Fn(&Step, Option<&Step>) -> bool) {
        let before = self.steps.len();
        while self.steps.front().is_some_and(|step| is_over(step, self.steps.second())) {
            self.steps.pop_front();
        }
        if self.steps.len() != before {
            self.older = self.steps.iter().rev().skip(1).fold(Totals::NONE, |sum, step| sum.and(&step.totals));
        }
    }

    fn learn(&mut self, point: Point) {
        let step_ms = self.step_ms();
        let place = |at: UnixMillis| at.0.div_euclid(step_ms);
        match self.steps.back_mut() {
            Some(newest) if place(newest.first) == place(point.at) => {
                newest.totals = newest.totals.and(&Totals::of(point.value));
            }
            newest => {
                if let Some(newest) = newest {
                    self.older = self.older.and(&newest.totals);
                }
                self.steps.push(Step { first: point.at, totals: Totals::of(point.value) });
            }
        }
    }
}

/// Whether a series stands still.
#[derive(Debug, Clone)]
pub(super) struct Standstill {
    least: f64,
    lately: Summary,
    last: Option<UnixMillis>,
    /// Lowest and highest of what was known before the last gap.
    before: Option<(f64, f64)>,
}

impl Standstill {
    pub(super) fn new(over_ms: i64, least: f64) -> Self {
        Self { least, lately: Summary::new(over_ms), last: None, before: None }
    }

    pub(super) fn began(&self) -> Option<UnixMillis> {
        self.lately.began()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.lately.bytes()
    }

    /// Whether all that is remembered lies in a band.
    pub(super) fn is_within(&self, least: f64) -> bool {
        let Totals { min, max, .. } = self.lately.totals();
        let (low, high) = self.before.map_or((min, max), |(low, high)| (low.min(min), high.max(max)));
        high - low <= least
    }

    /// Takes the next reading: whether it stands still, `None` when that is not known.
    pub(super) fn take(&mut self, point: Point) -> Option<bool> {
        let over_ms = self.lately.over_ms;
        if self.last.replace(point.at).is_some_and(|last| point.at.since(last) > over_ms / 2) {
            let Totals { min, max, .. } = self.lately.totals();
            self.before = (!self.lately.steps.is_empty() && max - min <= self.least).then_some((min, max));
            self.lately = Summary::new(over_ms);
        }
        // One more than lies in the while: it is whole only with a reading that is as old as that.
        let oldest = point.at.plus(-over_ms);
        self.lately.forget(|_, next| next.is_some_and(|next| next.first <= oldest));
        self.lately.learn(point);
        let Totals { count, min, max, .. } = self.lately.totals();
        let is_whole = self.began().is_some_and(|began| began <= oldest) && count >= STUCK.into();
        let (low, high) = self.before.map_or((min, max), |(low, high)| (low.min(min), high.max(max)));
        if max - min > self.least {
            self.before = None;
            return Some(false);
        }
        if is_whole {
            self.before = None;
            return Some(true);
        }
        (high - low > self.least).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn still(after_s: i64, least: f64, readings: &[(i64, f64)]) -> Vec<Option<bool>> {
        let mut standstill = Standstill::new(after_s * 1_000, least);
        readings
            .iter()
            .map(|&(second, value)| standstill.take(Point { at: UnixMillis(second * 1_000), value }))
            .collect()
    }

    #[test]
    fn a_value_stands_still_once_it_did_for_the_whole_time() {
        let readings: Vec<_> = (0..=12).map(|n| (n * 10, 21.5 + f64::from(n as i32 % 2) / 10.0)).collect();
        let found = still(60, 0.2, &readings);
        assert_eq!(found[..6], [None; 6]);
        assert_eq!(found[6..], [Some(true); 7]);
        assert_eq!(still(60, 0.05, &readings)[1..], [Some(false); 12], "the band is narrower");
    }

    #[test]
    fn silence_is_no_standstill_and_what_moved_during_it_is_known() {
        let mut readings: Vec<_> = (0..=7).map(|n| (n * 10, 5.0)).collect();
        readings.push((1_000, 5.0));
        assert_eq!(still(60, 0.0, &readings)[6..], [Some(true), Some(true), None]);
        readings[8].1 = 6.0;
        assert_eq!(still(60, 0.0, &readings)[8], Some(false));
        assert_eq!(still(60, 0.0, &[(0, 1.0), (100, 1.0), (200, 1.0), (300, 1.0)]), [None; 4], "it reports too seldom");
    }

    #[test]
    fn it_forgets_and_stays_small() {
        let mut standstill = Standstill::new(60_000, 1.0);
        for milli in (0..10_000_000).step_by(97) {
            standstill.take(Point { at: UnixMillis(milli), value: 0.0 });
        }
        assert!(standstill.bytes() <= 1_400, "{}", standstill.bytes());
        assert_eq!(standstill.take(Point { at: UnixMillis(10_000_100), value: 9.0 }), Some(false));
        let moved = (0..40).map(|n| standstill.take(Point { at: UnixMillis(10_002_000 + n * 2_000), value: 9.0 }));
        let moved: Vec<_> = moved.collect();
        assert_eq!((moved[0], moved[39]), (Some(false), Some(true)));
    }
}
