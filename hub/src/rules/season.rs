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
//! 8 bytes an hour of 15 days, and the last hour (see `summary`): 5.3 kB.

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
    scale: Scale,
    /// Means of the hours, by their number since 1970 modulo [`HOURS`]; not a number where there was no reading.
    means: Vec<f64>,
    /// The hour that runs: its number, count and sum.
    running: Option<(i64, u32, f64)>,
    began: Option<UnixMillis>,
    lately: Summary,
    /// What is usual all through an hour, and all through a quarter of it, once somebody asked.
    usually: [Option<Usually>; 2],
    /// What the last hour was held against; `None` where nothing was said of it.
    told: Option<Usual>,
}

/// Between which lines a mean surely is no stranger than the limit lets pass, all through an hour or a part of it.
#[derive(Debug, Clone, Copy)]
struct Usually {
    hour: i64,
    /// Parts of the hour.
    from: f64,
    to: f64,
    /// How much both rise in an hour.
    slope: f64,
    low: f64,
    high: f64,
}

/// Whether a reading was found to be usual, where that was plain; else how many deviations it is away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Found {
    Usual,
    Away(Option<f64>),
}

impl Usually {
    /// Whether a mean is usual at a part of the hour. Where too few days are known these are not numbers.
    fn holds(self, mean: f64, part: f64) -> bool {
        let level = mean - self.slope * part;
        (self.from..=self.to).contains(&part) && self.low < level && level < self.high
    }
}

impl Season {
    pub(super) fn new(scale: Scale) -> Self {
        let lately = Summary::new(HOUR_MS);
        Self { scale, means: Vec::new(), running: None, began: None, lately, usually: [None; 2], told: None }
    }

    /// The same memory by another limit.
    pub(super) fn rescale(&mut self, scale: Scale) {
        (self.scale, self.usually) = (scale, [None; 2]);
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
        let mean = self.learn(point)?;
        self.away(point.at, mean)
    }

    /// The same, but where it is plain that the last hour is usual, as nearly all are, nothing more is said of it.
    pub(super) fn take_usual(&mut self, point: Point) -> Found {
        let Some(mean) = self.learn(point) else { return Found::Away(None) };
        let (hour, part) = place(point.at);
        let quarter = (part * 4.0).floor() / 4.0;
        // Of the part more is known; it is asked for where the hour does not say enough.
        for (n, (from, to)) in [(0.0, 1.0), (quarter, quarter + 0.25)].into_iter().enumerate() {
            let known = self.usually[n].filter(|usually| (usually.hour, usually.from) == (hour, from));
            let usually = known.unwrap_or_else(|| self.usually(hour, from, to));
            self.usually[n] = Some(usually);
            if usually.holds(mean, part) {
                return Found::Usual;
            }
        }
        Found::Away(self.away(point.at, mean))
    }

    /// Learns the next reading: the mean of the last hour.
    fn learn(&mut self, point: Point) -> Option<f64> {
        self.began = self.began.or(Some(point.at));
        self.begin_hour(point.at.0.div_euclid(HOUR_MS));
        if let Some((_, count, sum)) = &mut self.running {
            (*count, *sum) = (*count + 1, *sum + point.value);
        }
        self.lately.take(point);
        self.told = None;
        self.lately.figure(Figure::Average, point.at)
    }

    /// How many deviations a mean of the last hour is away from what is usual.
    fn away(&mut self, at: UnixMillis, mean: f64) -> Option<f64> {
        let (hour, part) = place(at);
        let mut days: [f64; SEASON as usize] = [f64::NAN; SEASON as usize];
        let mut known = 0;
        for (before, this) in self.days(hour) {
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

    /// Of each of the last days: the means of the hour before this one of the day, and of this one.
    fn days(&self, hour: i64) -> impl Iterator<Item = (f64, f64)> {
        (1..=SEASON).map(move |day| (self.mean(hour - day * 24 - 1), self.mean(hour - day * 24)))
    }

    /// What is surely usual in an hour, from one part of it to another. In it each day goes straight from one mean to the next. Seen from a line that goes as most of
    /// them do each stays between two numbers, and so do their median and what they are away from it: a median never falls where
    /// no number does.
    fn usually(&self, hour: i64, from: f64, to: f64) -> Usually {
        let unknown = Usually { hour, from, to, slope: 0.0, low: f64::NAN, high: f64::NAN };
        let mut days = [(0.0, 0.0); SEASON as usize];
        let mut known = 0;
        for (before, this) in self.days(hour).filter(|(before, this)| !before.is_nan() && !this.is_nan()) {
            let at = |part: f64| before + (this - before) * part;
            days[known] = (at(from), at(to));
            known += 1;
        }
        let Some(days) = days.get(..known).filter(|days| days.len() >= DAYS as usize) else { return unknown };
        let of = |number: &dyn Fn(f64, f64) -> f64| {
            let mut numbers = [0.0; SEASON as usize];
            for (of, (before, this)) in numbers.iter_mut().zip(days) {
                *of = number(*before, *this);
            }
            numbers.get_mut(..known).map_or(f64::NAN, median)
        };
        let slope = of(&|before, this| this - before);
        let low = of(&|before, this| before.min(this - slope));
        let high = of(&|before, this| before.max(this - slope));
        let away = of(&|before, this| (before.min(this - slope) - high).max(low - before.max(this - slope)).max(0.0));
        let (lowest, highest) = (low + slope.min(0.0), high + slope.max(0.0));
        let nearest = if lowest <= 0.0 && highest >= 0.0 { 0.0 } else { lowest.abs().min(highest.abs()) };
        let least = self.scale.least.unwrap_or(self.scale.sigmas * KNOWN_TO * nearest);
        // A limit is farther away than what comes of rounding.
        let rounding = 1e-9 * lowest.abs().max(highest.abs()).max(slope.abs()).max(away);
        let limit = (self.scale.sigmas * NORMAL * away).max(least) * (1.0 - 1e-9) - rounding;
        // The line goes through both ends of the part: it is drawn from the begin of the hour on.
        let (slope, begin) = (slope / (to - from), slope / (to - from) * from);
        Usually { hour, from, to, slope, low: high - limit - begin, high: low + limit - begin }
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

/// The hour of a moment, and the part of it that is over.
fn place(at: UnixMillis) -> (i64, f64) {
    (at.0.div_euclid(HOUR_MS), at.0.rem_euclid(HOUR_MS) as f64 / HOUR_MS as f64)
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
        assert!(season.bytes() <= 5_300, "{}", season.bytes());
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
