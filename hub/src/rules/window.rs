//! What a rate or a deviation remembers of one series: its readings of the last while, in at most 31 steps.
//!
//! ```text
//!            over                          A window moves in steps of a thirtieth of `over`. Of each step a rate keeps
//!   ├──┬──┬──┬─ ... ─┬──┬──┤               the first reading, a deviation the count, mean and spread. A step leaves once
//!   oldest              reading            its first reading is older than `over`. 16 and 32 bytes a step.
//! ```
//!
//! - It says nothing before its oldest reading is half of `over` old: after a start, a long gap, or for a sensor that
//!   reports too seldom, nothing is known, and nothing is decided.
//! - Time is that of the readings. One that is not newer than the last is a repeat: it measures nothing, teaches nothing.
//! - **Rate**: the change from the oldest reading in the window to this one, by the time between them. A counter that falls
//!   began anew at zero: what it shows after that is growth.
//! - **Deviation**: how many standard deviations (of a sample, n - 1) this reading is from the mean of the readings before
//!   it, at least [`ENOUGH`] of them. Of a counter, what deviates is its growth a second.
//! - A reading beyond the limit does not join the history: a fault does not become normal while it lasts, until nothing
//!   else is left in the window.
//! - The deviation is never taken as less than the finest step between two readings of the history (no sensor is known
//!   better than that), as long as the step is below 5 % of the mean; nor than what makes `least` the limit. A history
//!   that never moved has no scale at all: unless `least` gives one, the first other value is learned, not judged.

use std::collections::VecDeque;

use super::condition::{Verdict, millis, verdict};
use crate::model::reading::Point;
use crate::model::rule::Condition;
use crate::model::{SensorKind, UnixMillis};

/// Steps of a window.
const STEPS: i64 = 30;
/// Readings without which a spread means nothing.
const ENOUGH: u32 = 10;
/// A finest step larger than this part of the mean is a change, not the sensor's resolution.
const FINE: f64 = 0.05;

/// The memory of one rate or deviation rule on one series.
#[derive(Debug, Clone)]
pub(super) struct Window {
    condition: Condition,
    kind: SensorKind,
    over_ms: i64,
    /// The last reading taken.
    last: Option<Point>,
    /// What the last reading that measured something measured.
    measured: Option<f64>,
    memory: Memory,
}

#[derive(Debug, Clone)]
enum Memory {
    Rate {
        /// First reading of each step: when, and the value (of a counter: the growth since the window was made).
        marks: VecDeque<(UnixMillis, f64)>,
        /// The value, or growth, at the last reading.
        total: f64,
    },
    Deviation {
        steps: VecDeque<Step>,
        /// All steps but the newest, added up.
        older: Moments,
        /// The value last learned.
        learned: Option<f64>,
    },
}

/// The readings of one step.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// Time of the first.
    at: UnixMillis,
    moments: Moments,
}

impl Window {
    /// An empty window; `None` for a condition that needs none.
    pub(super) fn new(condition: &Condition, kind: SensorKind) -> Option<Self> {
        let (over, memory) = match *condition {
            Condition::Rate { over, .. } => (over, Memory::Rate { marks: VecDeque::new(), total: 0.0 }),
            Condition::Deviation { over, .. } => {
                (over, Memory::Deviation { steps: VecDeque::new(), older: Moments::NONE, learned: None })
            }
            Condition::Threshold { .. } | Condition::Silence { .. } => return None,
        };
        Some(Self { condition: *condition, kind, over_ms: millis(over), last: None, measured: None, memory })
    }

    /// What the series is, to the window.
    pub(super) const fn kind(&self) -> SensorKind {
        self.kind
    }

    /// What it is for.
    pub(super) const fn condition(&self) -> &Condition {
        &self.condition
    }

    /// The oldest moment it remembers.
    pub(super) fn began(&self) -> Option<UnixMillis> {
        match &self.memory {
            Memory::Rate { marks, .. } => marks.front().map(|&(at, _)| at),
            Memory::Deviation { steps, .. } => steps.front().map(|step| step.at),
        }
    }

    /// What it takes in memory.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let steps = match &self.memory {
            Memory::Rate { marks, .. } => marks.capacity() * size_of::<(UnixMillis, f64)>(),
            Memory::Deviation { steps, .. } => steps.capacity() * size_of::<Step>(),
        };
        size_of::<Self>() + steps
    }

    /// What was last measured.
    pub(super) const fn measured(&self) -> Option<f64> {
        self.measured
    }

    /// How far back readings matter. A deviation also depends on which readings it left out, so twice as far.
    pub(super) const fn reach_ms(&self) -> i64 {
        match self.memory {
            Memory::Rate { .. } => self.over_ms,
            Memory::Deviation { .. } => self.over_ms.saturating_mul(2),
        }
    }

    /// Takes the next reading: what it measures by those before it, `None` when they say too little.
    pub(super) fn take(&mut self, point: Point) -> Option<f64> {
        if self.last.is_some_and(|last| point.at <= last.at) {
            return None;
        }
        let last = self.last.replace(point);
        let (oldest, half) = (point.at.plus(-self.over_ms), self.over_ms / 2);
        let step_of = |at: UnixMillis| at.0.div_euclid((self.over_ms / STEPS).max(1));
        let measured = match &mut self.memory {
            Memory::Rate { marks, total } => {
                *total = match (self.kind, last) {
                    (SensorKind::Counter, Some(last)) => *total + growth(last.value, point.value),
                    (SensorKind::Counter, None) => 0.0,
                    (SensorKind::Gauge | SensorKind::State, _) => point.value,
                };
                while marks.pop_front_if(|(at, _)| *at < oldest).is_some() {}
                let rate = marks.front().and_then(|&(from, was)| {
                    let time = point.at.since(from);
                    (time >= half).then(|| (*total - was) / time as f64 * per_ms(&self.condition))
                });
                if marks.back().is_none_or(|&(at, _)| step_of(at) != step_of(point.at)) {
                    marks.push_back((point.at, *total));
                }
                rate
            }
            Memory::Deviation { steps, older, learned } => {
                let value = match (self.kind, last) {
                    (SensorKind::Counter, Some(last)) => {
                        growth(last.value, point.value) / (point.at.since(last.at) as f64 / 1_000.0)
                    }
                    (SensorKind::Counter, None) => return None,
                    (SensorKind::Gauge | SensorKind::State, _) => point.value,
                };
                let before = steps.len();
                while steps.pop_front_if(|step| step.at < oldest).is_some() {}
                if steps.len() != before {
                    *older = steps.iter().rev().skip(1).fold(Moments::NONE, |sum, step| sum.and(&step.moments));
                }
                let history = steps.back().map_or(Moments::NONE, |newest| older.and(&newest.moments));
                let long = steps.front().is_some_and(|step| point.at.since(step.at) >= half);
                let deviation = if long { history.deviation(value, least_sigma(&self.condition)) } else { None };
                let beyond = deviation.and_then(|deviation| verdict(&self.condition, deviation)) == Some(Verdict::Bad);
                if !beyond {
                    match steps.back_mut().filter(|step| step_of(step.at) == step_of(point.at)) {
                        Some(step) => step.moments.learn(value, *learned),
                        None => {
                            *older = history;
                            let mut moments = Moments::NONE;
                            moments.learn(value, *learned);
                            steps.push_back(Step { at: point.at, moments });
                        }
                    }
                    *learned = Some(value);
                }
                deviation
            }
        };
        self.measured = measured.or(self.measured);
        measured
    }
}

/// The unit of time of a rate's limit, in milliseconds.
fn per_ms(condition: &Condition) -> f64 {
    match condition {
        Condition::Rate { per, .. } => millis(*per) as f64,
        Condition::Threshold { .. } | Condition::Deviation { .. } | Condition::Silence { .. } => 1.0,
    }
}

/// The standard deviation that makes `least` the limit.
fn least_sigma(condition: &Condition) -> f64 {
    match *condition {
        Condition::Deviation { sigmas, least: Some(least), .. } => least / sigmas,
        Condition::Deviation { .. }
        | Condition::Threshold { .. }
        | Condition::Rate { .. }
        | Condition::Silence { .. } => 0.0,
    }
}

/// What a counter grew by; one that fell began anew at zero.
fn growth(was: f64, is: f64) -> f64 {
    if is < was { is } else { is - was }
}

/// Count, mean and spread of some readings, and the finest step between two that followed each other.
#[derive(Debug, Clone, Copy)]
struct Moments {
    count: u32,
    /// Infinite when there was none.
    finest: f32,
    mean: f64,
    /// Sum of squares about the mean.
    squares: f64,
}

impl Moments {
    const NONE: Self = Self { count: 0, finest: f32::INFINITY, mean: 0.0, squares: 0.0 };

    /// One more (Welford).
    fn learn(&mut self, value: f64, before: Option<f64>) {
        self.count = self.count.saturating_add(1);
        let from_old = value - self.mean;
        self.mean += from_old / f64::from(self.count);
        self.squares += from_old * (value - self.mean);
        if let Some(before) = before.filter(|before| *before != value) {
            self.finest = self.finest.min((value - before).abs() as f32);
        }
    }

    /// Both together (Chan).
    fn and(&self, other: &Self) -> Self {
        let count = self.count.saturating_add(other.count);
        if count == 0 {
            return Self::NONE;
        }
        let (apart, part) = (other.mean - self.mean, f64::from(other.count) / f64::from(count));
        Self {
            count,
            finest: self.finest.min(other.finest),
            mean: self.mean + apart * part,
            squares: self.squares + other.squares + apart * apart * part * f64::from(self.count),
        }
    }

    /// How many standard deviations, and no less than `least` each, a value is from the mean.
    fn deviation(&self, value: f64, least: f64) -> Option<f64> {
        if self.count < ENOUGH {
            return None;
        }
        let finest = f64::from(self.finest);
        let resolution = if finest.is_finite() { finest.min(FINE * self.mean.abs()) } else { 0.0 };
        let sigma = (self.squares / f64::from(self.count - 1)).sqrt().max(resolution).max(least);
        (sigma > 0.0).then(|| (value - self.mean) / sigma)
    }
}
