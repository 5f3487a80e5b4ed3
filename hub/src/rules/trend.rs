//! Where a value goes: the line through the readings of the last while, and when it reaches a limit. PURE.
//!
//! The line is that of least squares: the sum of the squares by which the readings miss it is the smallest there is. The while is cut
//! into thirtieths as in `summary`: it begins with the first of them that lies in `over` whole, and ends with this reading. It says
//! nothing before its oldest reading is half of `over` old, nor through fewer than [`LINE`] readings.
//!
//! 48 bytes a thirtieth, at most 32 of them: 1.5 kB. Of a counter it is about what that shows.

use std::collections::VecDeque;

use super::condition::{Judged, Verdict};
use super::sums::STEPS;
use crate::model::UnixMillis;
use crate::model::reading::Point;
use crate::model::rule::{Condition, LINE, Op};

/// What lies further ahead than this, in seconds, counts as this: ten years.
const FAR_S: f64 = 10.0 * 365.0 * 86_400.0;

/// The readings of one thirtieth.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// Time of the first.
    first: UnixMillis,
    moments: Moments,
}

/// Count, means, and sums of products about the means; of time in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Moments {
    count: f64,
    time: f64,
    value: f64,
    times: f64,
    both: f64,
}

impl Moments {
    const NONE: Self = Self { count: 0.0, time: 0.0, value: 0.0, times: 0.0, both: 0.0 };

    const fn of(point: Point) -> Self {
        Self { count: 1.0, time: point.at.0 as f64, value: point.value, times: 0.0, both: 0.0 }
    }

    /// Both together (Chan).
    fn and(&self, other: &Self) -> Self {
        let count = self.count + other.count;
        let (part, apart) = (other.count / count, other.time - self.time);
        let (risen, weight) = (other.value - self.value, self.count * part);
        Self {
            count,
            time: self.time + apart * part,
            value: self.value + risen * part,
            times: self.times + other.times + apart * apart * weight,
            both: self.both + other.both + apart * risen * weight,
        }
    }
}

/// The last while of one series.
#[derive(Debug, Clone)]
pub(super) struct Trend {
    over_ms: i64,
    steps: VecDeque<Step>,
}

/// The line through it, at its last reading.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Where it is.
    value: f64,
    /// How much it rises a second.
    slope: f64,
}

impl Trend {
    pub(super) const fn new(over_ms: i64) -> Self {
        Self { over_ms, steps: VecDeque::new() }
    }

    /// Time of the oldest reading.
    pub(super) fn began(&self) -> Option<UnixMillis> {
        self.steps.front().map(|step| step.first)
    }

    /// What it takes in memory besides itself.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.steps.capacity() * size_of::<Step>()
    }

    /// Takes the next reading, forgets what lies before the while that it ends: the line through the rest, `None` when that says
    /// too little.
    pub(super) fn take(&mut self, point: Point) -> Option<Line> {
        let step_ms = (self.over_ms / STEPS).max(1);
        let begin = point
            .at
            .0
            .saturating_sub(self.over_ms)
            .saturating_add(step_ms - 1)
            .div_euclid(step_ms)
            .saturating_mul(step_ms);
        while self.steps.pop_front_if(|step| step.first.0 < begin).is_some() {}
        let place = |at: UnixMillis| at.0.div_euclid(step_ms);
        match self.steps.back_mut().filter(|newest| place(newest.first) == place(point.at)) {
            Some(newest) => newest.moments = newest.moments.and(&Moments::of(point)),
            None => self.steps.push_back(Step { first: point.at, moments: Moments::of(point) }),
        }
        self.line(point.at)
    }

    /// The line through what is remembered, at the time of the last reading.
    pub(super) fn line(&self, at: UnixMillis) -> Option<Line> {
        self.began().filter(|began| at.since(*began) >= self.over_ms / 2)?;
        let all = self.steps.iter().fold(Moments::NONE, |all, step| all.and(&step.moments));
        let slope = all.both / all.times;
        let value = all.value + slope * (at.0 as f64 - all.time);
        let is_line = all.count >= f64::from(LINE) && value.is_finite();
        is_line.then_some(Line { value, slope: slope * 1_000.0 })
    }
}

impl Line {
    /// What it says of a forecast.
    pub(super) fn judged(&self, condition: &Condition) -> Option<Judged> {
        let Condition::Forecast { op, value, within, clear, .. } = *condition else { return None };
        let (measured, within_s) = (self.reaches(op, value), within.as_secs_f64());
        let verdict = match clear {
            _ if measured <= within_s => Verdict::Bad,
            Some(clear) if self.reaches(op, clear) <= within_s => Verdict::Between,
            Some(_) | None => Verdict::Good,
        };
        Some(Judged { measured, verdict })
    }

    /// In how many seconds it reaches a limit, as it rises or as it falls; none where it is beyond it.
    pub(super) fn reaches(&self, op: Op, limit: f64) -> f64 {
        let (ahead, slope) = match op {
            Op::Above | Op::AtLeast => (limit - self.value, self.slope),
            Op::Below | Op::AtMost => (self.value - limit, -self.slope),
        };
        match () {
            () if ahead <= 0.0 => 0.0,
            () if slope <= 0.0 => FAR_S,
            () => (ahead / slope).min(FAR_S),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(over_s: i64, readings: impl IntoIterator<Item = (i64, f64)>) -> Option<Line> {
        let mut trend = Trend::new(over_s * 1_000);
        let start = UnixMillis(1_800_000_000_000);
        let lines = readings.into_iter().map(|(second, value)| {
            let line = trend.take(Point { at: start.plus(second * 1_000), value });
            assert!(trend.bytes() <= 3_100, "{}", trend.bytes());
            line
        });
        lines.last().flatten()
    }

    #[test]
    fn a_line_reaches_its_limit_when_it_does() {
        let line = through(3_600, (0..=60).map(|minute| (minute * 60, 70.0 + minute as f64 / 10.0))).unwrap();
        assert!((line.value - 76.0).abs() < 1e-6 && (line.slope - 0.1 / 60.0).abs() < 1e-9, "{line:?}");
        assert!((line.reaches(Op::Above, 100.0) - 240.0 * 60.0).abs() < 1e-3);
        assert_eq!((line.reaches(Op::Above, 75.0), line.reaches(Op::AtMost, 20.0)), (0.0, FAR_S));
        assert_eq!(line.reaches(Op::AtLeast, 1e12), FAR_S, "further than ten years is ten years");
    }

    #[test]
    fn it_is_that_of_the_last_while_only_and_needs_half_of_it() {
        let falling_then_rising = (0..400).map(|n| (n * 10, if n < 200 { -n as f64 } else { n as f64 }));
        let line = through(600, falling_then_rising).unwrap();
        assert!((line.slope - 0.1).abs() < 1e-9, "{line:?}");
        assert!(through(600, [(0, 1.0), (10, 2.0), (299, 3.0)]).is_none());
        assert!(through(600, [(0, 1.0), (300, 3.0)]).is_none(), "two are no line to trust");
        assert!(through(600, [(0, 1.0), (10, 1.0), (300, 3.0)]).is_some());
    }

    #[test]
    fn a_level_has_no_direction() {
        let line = through(600, (0..60).map(|n| (n * 10, 0.1))).unwrap();
        assert_eq!((line.reaches(Op::Above, 1.0), line.reaches(Op::Below, 0.0)), (FAR_S, FAR_S));
    }
}
