//! What a seasonal rule remembers of one series: the means of the hours of the last days. PURE.
//!
//! ```text
//!   14 days ago   ├─ H-1 ─┼── H ──┤    of each day the two hours that the last hour of now lies in, by the part that it
//!   yesterday     ├─ H-1 ─┼── H ──┤    lies in either: what that day had at this time
//!   today           ├─last hour─┤      held against their median, in median absolute deviations
//! ```
//!
//! - What is judged is the mean of the last hour, so a single reading is not news, and a change shows within the hour.
//! - Hours are those of UTC: an hour of the day keeps its place when clocks are changed, what people do moves by one.
//! - Means are plain, each reading counts once, as a query gives them. An hour with a reading is known.
//! - It says nothing before [`DAYS`] of the last [`SEASON`] days are known at this time of day, and half of the last hour.
//! - The deviation is 1.4826 times the median absolute one (the standard deviation of what is spread normally), at least what makes
//!   `least` the limit, or where there is no `least` 0.5 % of the median. A day that was strange moves a median by little.
//! - Of a counter it says nothing: what that grows by is an `increase`.
//!
//! 8 bytes an hour of 15 days, and the last hour (see `summary`): 4.3 kB.

use super::spread::Scale;
use super::summary::Summary;
use crate::model::UnixMillis;
use crate::model::alert::Usual;
use crate::model::reading::Point;
use crate::model::rule::{DAYS, Figure};

/// Days that are looked back.
pub(super) const SEASON: i64 = 14;
pub(super) const HOUR_MS: i64 = 3_600_000;
/// How far readings matter, in milliseconds: the days, the hour before the first of them, and the one that runs.
pub(super) const REACH_MS: i64 = (SEASON * 24 + 2) * HOUR_MS;
/// Hours kept: more than [`REACH_MS`].
const HOURS: i64 = 15 * 24;
/// Of what is spread normally, the standard deviation by the median absolute one.
const NORMAL: f64 = 1.4826;
/// Assumed deviation of a value that is the same each day, as a part of it.
const KNOWN_TO: f64 = 0.005;

/// The memory of one seasonal rule on one series.
#[derive(Debug, Clone)]
pub(super) struct Season {
    pub(super) scale: Scale,
    /// Means of the hours, by their number since 1970 modulo [`HOURS`]; not a number where there was no reading.
    means: Vec<f64>,
    /// The hour that runs: its number, count and sum.
    running: Option<(i64, u32, f64)>,
    began: Option<UnixMillis>,
    lately: Summary,
    /// What the last hour was held against; `None` where nothing was said of it.
    told: Option<Usual>,
}

impl Season {
    pub(super) fn new(scale: Scale) -> Self {
        Self { scale, means: Vec::new(), running: None, began: None, lately: Summary::new(HOUR_MS), told: None }
    }

    /// What is usual beside the last hour.
    pub(super) const fn usual(&self) -> Option<Usual> {
        self.told
    }

    pub(super) const fn began(&self) -> Option<UnixMillis> {
        self.began
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.means.capacity() * size_of::<f64>() + self.lately.bytes()
    }

    /// Learns the mean of an hour that is over, by a moment in it; before the first reading.
    pub(super) fn learn_hour(&mut self, within: UnixMillis, mean: f64) {
        let hour = within.0.div_euclid(HOUR_MS);
        self.begin_hour(hour);
        self.running = Some((hour, 1, mean));
        self.began = self.began.or(Some(UnixMillis(hour * HOUR_MS)));
    }

    /// Judges the next reading, and learns it: how many deviations the last hour is away.
    pub(super) fn take(&mut self, point: Point) -> Option<f64> {
        self.began = self.began.or(Some(point.at));
        let hour = point.at.0.div_euclid(HOUR_MS);
        self.begin_hour(hour);
        if let Some((_, count, sum)) = &mut self.running {
            (*count, *sum) = (*count + 1, *sum + point.value);
        }
        self.lately.take(point);
        self.told = None;
        let mean = self.lately.figure(Figure::Average, point.at)?;
        let part = point.at.0.rem_euclid(HOUR_MS) as f64 / HOUR_MS as f64;
        let mut days: [f64; SEASON as usize] = [f64::NAN; SEASON as usize];
        let mut known = 0;
        for day in 1..=SEASON {
            let (before, this) = (self.mean(hour - day * 24 - 1), self.mean(hour - day * 24));
            let of_day = before * (1.0 - part) + this * part;
            if !of_day.is_nan() {
                days[known] = of_day;
                known += 1;
            }
        }
        if known < DAYS as usize {
            return None;
        }
        let days = &mut days[..known];
        let usual = median(days);
        let spread = NORMAL * median_away(days, usual);
        let reach = self.scale.usual() * spread;
        let least = self.scale.least.map_or_else(|| KNOWN_TO * usual.abs(), |least| least / self.scale.sigmas);
        let away = (mean - usual) / spread.max(least).max(4.0 * f64::EPSILON * usual.abs()).max(f64::MIN_POSITIVE);
        self.told = Some(Usual { is: mean, low: usual - reach, high: usual + reach, is_growth: false });
        (!away.is_nan()).then(|| away.clamp(f64::MIN, f64::MAX))
    }

    fn mean(&self, hour: i64) -> f64 {
        self.means.get(hour.rem_euclid(HOURS) as usize).copied().unwrap_or(f64::NAN)
    }

    /// Another hour begins: the one that ran is over, and those between them had no readings.
    fn begin_hour(&mut self, hour: i64) {
        let Some((running, count, sum)) = self.running.filter(|(running, ..)| *running < hour) else {
            self.running = self.running.or(Some((hour, 0, 0.0)));
            return;
        };
        if self.means.is_empty() {
            self.means = vec![f64::NAN; HOURS as usize];
        }
        self.means[running.rem_euclid(HOURS) as usize] = if count == 0 { f64::NAN } else { sum / f64::from(count) };
        for empty in (running + 1..hour).take(HOURS as usize) {
            self.means[empty.rem_euclid(HOURS) as usize] = f64::NAN;
        }
        self.running = Some((hour, 0, 0.0));
    }
}

/// Of some numbers, of which there is one at least.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    if numbers.len() % 2 == 1 { numbers[middle] } else { f64::midpoint(numbers[middle - 1], numbers[middle]) }
}

/// The median of how far sorted numbers are from a number in their middle: those beside it are the nearest.
fn median_away(sorted: &[f64], from: f64) -> f64 {
    let away = |n: Option<usize>| n.and_then(|n| sorted.get(n)).map_or(f64::INFINITY, |number| (number - from).abs());
    let mut above = sorted.partition_point(|number| *number < from);
    let (mut below, mut before, mut last) = (above, 0.0, 0.0);
    for _ in 0..=sorted.len() / 2 {
        before = last;
        let (down, up) = (away(below.checked_sub(1)), away(Some(above)));
        if down < up {
            (below, last) = (below - 1, down);
        } else {
            (above, last) = (above + 1, up);
        }
    }
    if sorted.len() % 2 == 1 { last } else { f64::midpoint(before, last) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_found_from_the_middle() {
        for count in 1..15 {
            for seed in 0..50_usize {
                let mut numbers: Vec<f64> = (0..count).map(|n| ((n * 31 + seed * 17) % 23) as f64 / 7.0).collect();
                let middle = median(&mut numbers);
                let mut away: Vec<f64> = numbers.iter().map(|number| (number - middle).abs()).collect();
                assert_eq!(median_away(&numbers, middle), median(&mut away), "{numbers:?}");
            }
        }
    }

    /// Warm by day, and each day a little different.
    fn usual(minute: i64) -> f64 {
        let of_day = (minute % 1_440) as f64 / 1_440.0;
        20.0 - 5.0 * (of_day * std::f64::consts::TAU).cos() + (minute / 1_440 * 7 % 5) as f64 * 0.1
    }

    fn season(least: Option<f64>) -> Season {
        Season::new(Scale { sigmas: 4.0, least })
    }

    fn take(season: &mut Season, minute: i64, value: f64) -> Option<f64> {
        season.take(Point { at: UnixMillis(minute * 60_000), value })
    }

    #[test]
    fn five_days_have_to_be_known_and_a_usual_day_is_usual() {
        let mut season = season(Some(0.5));
        let mut first = None;
        for minute in 0..20 * 1_440 {
            let found = take(&mut season, minute, usual(minute));
            if found.is_some() {
                first.get_or_insert(minute);
            }
            assert!(found.is_none_or(|sigmas| sigmas.abs() < 3.0), "{minute} {found:?}");
        }
        assert_eq!(first, Some(5 * 1_440 + 60), "five days, and the hour before the first of them");
        assert!(season.bytes() <= 4_300, "{}", season.bytes());
    }

    #[test]
    fn what_is_usual_at_noon_is_not_at_midnight() {
        let mut season = season(None);
        let night = 15 * 1_440;
        (0..night).for_each(|minute| {
            let _ = take(&mut season, minute, usual(minute));
        });
        let noon = usual(night + 720);
        let mut after = None;
        for minute in night..night + 60 {
            if take(&mut season, minute, noon).is_some_and(|sigmas| sigmas > 4.0) {
                after.get_or_insert(minute - night);
            }
        }
        assert!(after.is_some_and(|after| after < 15), "{after:?}");
        let usual = season.usual().unwrap();
        assert!((usual.is - noon).abs() < 1e-9, "{usual:?}");
        assert!(usual.low > 14.0 && usual.high - usual.low > 0.5 && usual.high < 16.5, "{usual:?}");
    }

    #[test]
    fn hours_that_are_told_are_as_good_as_their_readings() {
        let (mut whole, mut told) = (season(None), season(None));
        let begin = 10 * 1_440;
        (0..begin).for_each(|minute| {
            let _ = take(&mut whole, minute, usual(minute));
        });
        for hour in 0..10 * 24 - 1 {
            let mean = (0..60).map(|minute| usual(hour * 60 + minute)).sum::<f64>() / 60.0;
            told.learn_hour(UnixMillis(hour * HOUR_MS), mean);
        }
        (begin - 60..begin).for_each(|minute| {
            let _ = take(&mut told, minute, usual(minute));
        });
        for minute in begin..begin + 300 {
            let (is, should) = (take(&mut told, minute, 30.0), take(&mut whole, minute, 30.0));
            assert!((is.unwrap() / should.unwrap() - 1.0).abs() < 1e-9, "{is:?} {should:?}");
        }
    }

    #[test]
    fn a_day_without_readings_is_not_known_and_a_long_gap_forgets() {
        let mut season = season(None);
        (0..10 * 1_440).for_each(|minute| {
            let _ = take(&mut season, minute, usual(minute));
        });
        let later = 26 * 1_440;
        for minute in later..later + 120 {
            assert_eq!(take(&mut season, minute, 50.0), None, "{minute}");
        }
    }
}
