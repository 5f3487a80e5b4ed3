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
//! 40 bytes a thirtieth and 32 for what it adds up to, at most 32 of them: 2.3 kB.

use super::sums::{Adds, Sums};
use crate::model::UnixMillis;
use crate::model::reading::Point;
use crate::model::rule::{Figure, STUCK};

/// Some readings, added up.
#[derive(Debug, Clone, Copy)]
struct Totals {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Totals {
    fn learn(&mut self, value: f64) {
        *self = self.and(&Self { count: 1, sum: value, min: value, max: value });
    }
}

impl Adds for Totals {
    const NONE: Self = Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

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
    sums: Sums<Totals>,
    /// Where the while of the last reading began.
    begin: UnixMillis,
}

impl Summary {
    pub(super) fn new(over_ms: i64) -> Self {
        Self { over_ms, sums: Sums::new(over_ms), begin: UnixMillis(i64::MIN) }
    }

    /// Time of the oldest reading.
    pub(super) fn began(&self) -> Option<UnixMillis> {
        self.sums.began()
    }

    /// What it takes in memory besides itself.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.sums.bytes()
    }

    fn totals(&self) -> Totals {
        self.sums.all()
    }

    /// Where the while begins that ends with a reading at `at`.
    fn begin(&self, at: UnixMillis) -> UnixMillis {
        // The first of its bounds that is not before that.
        let step_ms = self.sums.step_ms();
        UnixMillis((at.0 - self.over_ms).saturating_add(step_ms - 1).div_euclid(step_ms).saturating_mul(step_ms))
    }

    /// Takes the next reading, and forgets what lies before the while that it ends.
    pub(super) fn take(&mut self, point: Point) {
        // Time only grows: as long as it has not left the one that was found, that is it.
        if point.at.0.saturating_sub(self.over_ms) > self.begin.0 {
            let begin = self.begin(point.at);
            self.begin = begin;
            self.sums.forget(|step, _| step.at < begin);
        }
        self.sums.add(point.at, |totals| totals.learn(point.value));
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
            self.before = (!self.lately.sums.is_empty() && max - min <= self.least).then_some((min, max));
            self.lately = Summary::new(over_ms);
        }
        // One more than lies in the while: it is whole only with a reading that is as old as that.
        let oldest = point.at.plus(-over_ms);
        self.lately.sums.forget(|_, next| next.is_some_and(|next| next.at <= oldest));
        self.lately.sums.add(point.at, |totals| totals.learn(point.value));
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
        assert!(standstill.bytes() <= 2_400, "{}", standstill.bytes());
        assert_eq!(standstill.take(Point { at: UnixMillis(10_000_100), value: 9.0 }), Some(false));
        let moved = (0..40).map(|n| standstill.take(Point { at: UnixMillis(10_002_000 + n * 2_000), value: 9.0 }));
        let moved: Vec<_> = moved.collect();
        assert_eq!((moved[0], moved[39]), (Some(false), Some(true)));
    }
}
