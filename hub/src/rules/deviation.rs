//! What a deviation remembers of one series: what its readings usually are, and those that are not so. PURE.
//!
//! ```text
//!   reading ──▶ judged by the usual ones ──within the limit──▶ joins them
//!                                        └──beyond──▶ strange: apart, until it has lasted for `over`, then it is the usual
//! ```
//!
//! - **A reading is judged before it is learned**, and one beyond the limit does not join the usual ones: a strange value,
//!   however large, teaches nothing. While strange ones last, the usual ones stand still.
//! - **A level that stays is learned**: strange readings that went on for `over` without one that is usual become the usual
//!   ones, which ends the alert, and is said ([`Judged::is_new_normal`]).
//! - **The first readings** cannot be judged. Of the first [`ENOUGH`] the one furthest off is left out if the others find it
//!   strange. What is found strange before anything is decided (half of `over`) joins after all if it is a tenth of the
//!   readings or more: a pump that runs now and then is usual.
//! - Where fewer than [`ENOUGH`] readings lie in `over`, those from before count as well, up to twice `over`.
//! - **The scale is never finer than the sensor.** The spread counts as no less than the smallest step between two readings
//!   that followed each other (at most 5 % of the mean, or the decimal or binary place the step lies in: 0.0625, 0.1, 1), nor
//!   than what makes `least` the limit. A history that never moved shows no step: unless `least` says what matters, 0.5 % of
//!   the value or the place in which the reading differs stands for it. So one step of a thermometer, of a switch or of a
//!   counter of whole numbers never fires, and a jump from a flat line does.
//!
//! 40 bytes a step, at most 31 steps, and as many again while strange readings last.

use std::collections::VecDeque;

use crate::model::UnixMillis;
use crate::model::rule::ENOUGH;

/// Steps of a window.
pub(super) const STEPS: i64 = 30;
/// A smallest step larger than this part of the mean is a change, not the sensor's resolution, unless it is a place.
const FINE: f64 = 0.05;
/// What a value that never moved is taken to be known to.
const KNOWN_TO: f64 = 0.005;
/// Differences smaller than this part of a value come from reckoning, not from a sensor.
const REAL: f64 = 1e-14;

/// The limit, as a deviation rule has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// Standard deviations beyond which a reading is strange.
    pub(super) sigmas: f64,
    /// The difference that is never beyond the limit.
    pub(super) least: Option<f64>,
}

/// What a reading is found to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Judged {
    /// Standard deviations from the mean of the usual readings; `None` when they say too little.
    pub(super) sigmas: Option<f64>,
    /// Whether what was strange became the usual by it.
    pub(super) is_new_normal: bool,
}

/// The memory of one deviation rule on one series.
#[derive(Debug, Clone)]
pub(super) struct History {
    over_ms: i64,
    scale: Scale,
    usual: Steps,
    strange: Option<Box<Strange>>,
    /// The first readings, while they are too few to be judged.
    first: Vec<(UnixMillis, f64)>,
    /// Whether half of `over` was known once: from there on readings are decided about.
    is_settled: bool,
    last: Option<UnixMillis>,
}

/// Readings beyond the limit.
#[derive(Debug, Clone)]
struct Strange {
    /// The first of those that followed each other without a usual one between them.
    since: UnixMillis,
    steps: Steps,
}

impl History {
    pub(super) const fn new(over_ms: i64, scale: Scale) -> Self {
        let usual = Steps::new(over_ms);
        Self { over_ms, scale, usual, strange: None, first: Vec::new(), is_settled: false, last: None }
    }

    /// The oldest reading that counts.
    pub(super) fn began(&self) -> Option<UnixMillis> {
        self.usual.began()
    }

    /// What it takes in memory besides itself.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let strange = self.strange.as_ref().map_or(0, |strange| size_of::<Strange>() + strange.steps.bytes());
        self.usual.bytes() + strange + self.first.capacity() * size_of::<(UnixMillis, f64)>()
    }

    /// Judges the next reading, then learns from it.
    pub(super) fn take(&mut self, at: UnixMillis, value: f64) -> Judged {
        self.forget(at);
        let usual = self.usual.moments();
        let is_long = self.usual.began().is_some_and(|began| at.since(began) >= self.over_ms / 2);
        if !is_long {
            self.is_settled = false;
        } else if usual.count >= ENOUGH && !self.is_settled {
            self.settle();
            return self.take(at, value);
        }
        let sigmas = usual.deviation(value, self.scale);
        let is_strange = sigmas.is_some_and(|sigmas| sigmas.abs() > self.scale.sigmas);
        let learned = if is_strange { self.put_aside(at, value) } else { self.learn(at, value) };
        let sigmas = learned.or(sigmas).filter(|_| self.is_settled);
        Judged { sigmas, is_new_normal: learned.is_some() && self.is_settled }
    }

    /// Forgets what is older than `over`. While strange readings last, the usual ones stand still.
    fn forget(&mut self, at: UnixMillis) {
        // After a gap that long nothing is known.
        if self.last.replace(at).is_some_and(|last| at.since(last) > self.over_ms) {
            *self = Self { last: Some(at), ..Self::new(self.over_ms, self.scale) };
        }
        let oldest = at.plus(-self.over_ms);
        let stands = self.strange.as_ref().filter(|_| self.is_settled);
        self.usual.forget(stands.map_or(oldest, |strange| strange.since.plus(-self.over_ms)));
        if let Some(strange) = &mut self.strange {
            strange.steps.forget(oldest);
        }
    }

    /// Decides about what was found strange before anything was decided.
    fn settle(&mut self) {
        self.is_settled = true;
        self.first = Vec::new();
        let Some(strange) = self.strange.take() else { return };
        if strange.steps.moments().count >= self.usual.moments().count.div_ceil(9) {
            self.usual.join(strange.steps);
        }
    }

    /// A reading beyond the limit: apart from the usual ones, until it has lasted. Then these are the usual ones; what the
    /// reading is among them.
    fn put_aside(&mut self, at: UnixMillis, value: f64) -> Option<f64> {
        let over_ms = self.over_ms;
        let strange = self.strange.get_or_insert_with(|| Box::new(Strange { since: at, steps: Steps::new(over_ms) }));
        strange.steps.learn(at, value);
        let moments = strange.steps.moments();
        let has_lasted = if self.is_settled {
            at.since(strange.since) >= over_ms && moments.count >= ENOUGH
        } else {
            // Of two levels the one that most readings are of.
            moments.count > self.usual.moments().count.max(ENOUGH)
        };
        if !has_lasted {
            return None;
        }
        self.usual = self.strange.take()?.steps;
        moments.deviation(value, self.scale)
    }

    /// A reading that is usual, as far as is known.
    fn learn(&mut self, at: UnixMillis, value: f64) -> Option<f64> {
        self.usual.learn(at, value);
        if self.is_settled {
            self.strange = None;
        } else if self.strange.is_none() && self.usual.moments().count <= ENOUGH {
            self.first.push((at, value));
            self.leave_one_out();
        }
        None
    }

    /// Leaves out the one of the first readings that the others find strange.
    fn leave_one_out(&mut self) {
        if self.first.len() < ENOUGH as usize {
            return;
        }
        let mut first = std::mem::take(&mut self.first);
        let mut values: Vec<f64> = first.iter().map(|(_, value)| *value).collect();
        values.sort_by(f64::total_cmp);
        let median = values[values.len() / 2];
        let off = |(_, value): &(UnixMillis, f64)| (value - median).abs();
        let Some(furthest) = (0..first.len()).max_by(|a, b| off(&first[*a]).total_cmp(&off(&first[*b]))) else {
            return;
        };
        let (at, value) = first.remove(furthest);
        let mut others = Steps::new(self.over_ms);
        first.iter().for_each(|(at, value)| others.learn(*at, *value));
        let sigmas = others.moments().away(value, self.scale);
        if sigmas.is_some_and(|sigmas| sigmas.abs() > self.scale.sigmas) {
            self.usual = others;
            let mut steps = Steps::new(self.over_ms);
            steps.learn(at, value);
            self.strange = Some(Box::new(Strange { since: at, steps }));
        }
    }
}

/// Readings added up by thirtieths of `over`.
#[derive(Debug, Clone)]
struct Steps {
    over_ms: i64,
    steps: VecDeque<Step>,
    /// All steps but the newest, added up.
    older: Moments,
    /// The value last learned.
    last: Option<f64>,
}

/// The readings of one step.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// Time of the first.
    at: UnixMillis,
    moments: Moments,
}

impl Steps {
    const fn new(over_ms: i64) -> Self {
        Self { over_ms, steps: VecDeque::new(), older: Moments::NONE, last: None }
    }

    fn began(&self) -> Option<UnixMillis> {
        self.steps.front().map(|step| step.at)
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.steps.capacity() * size_of::<Step>()
    }

    fn moments(&self) -> Moments {
        self.steps.back().map_or(Moments::NONE, |newest| self.older.and(&newest.moments))
    }

    /// Which thirtieth of `over` a moment lies in.
    fn place(&self, at: UnixMillis) -> i64 {
        at.0.div_euclid((self.over_ms / STEPS).max(1))
    }

    /// Forgets what is older; of a sensor that reports just too seldom it keeps as many as are needed, once as far back.
    fn forget(&mut self, oldest: UnixMillis) {
        let before = self.steps.len();
        while self.steps.front().is_some_and(|step| step.at < oldest) {
            let Some(step) = self.steps.pop_front() else { break };
            let left: u32 = self.steps.iter().map(|step| step.moments.count).sum();
            if left < ENOUGH && oldest.since(step.at) <= self.over_ms {
                self.steps.push_front(step);
                break;
            }
        }
        if self.steps.len() != before {
            self.sum();
        }
    }

    fn sum(&mut self) {
        self.older = self.steps.iter().rev().skip(1).fold(Moments::NONE, |sum, step| sum.and(&step.moments));
    }

    fn learn(&mut self, at: UnixMillis, value: f64) {
        let place = self.place(at);
        let before = self.last.replace(value);
        let is_here = self.steps.back().is_some_and(|step| self.place(step.at) == place);
        match self.steps.back_mut().filter(|_| is_here) {
            Some(step) => step.moments.learn(value, before),
            None => {
                self.older = self.moments();
                let mut moments = Moments::NONE;
                moments.learn(value, before);
                self.steps.push_back(Step { at, moments });
            }
        }
    }

    /// Takes in the readings of another, of the same time.
    fn join(&mut self, other: Self) {
        let mut all: Vec<Step> = self.steps.drain(..).chain(other.steps).collect();
        all.sort_by_key(|step| step.at);
        for step in all {
            let place = self.place(step.at);
            let is_here = self.steps.back().is_some_and(|last| self.place(last.at) == place);
            match self.steps.back_mut().filter(|_| is_here) {
                Some(last) => last.moments = last.moments.and(&step.moments),
                None => self.steps.push_back(step),
            }
        }
        self.sum();
    }
}

/// Count, mean and spread of some readings, and the smallest step between two that followed each other.
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
        let step = before.map_or(0.0, |before| (value - before).abs());
        if step > REAL * value.abs() {
            self.finest = self.finest.min(step as f32);
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

    /// How many standard deviations a value is from the mean; `None` when these are too few to say.
    fn deviation(&self, value: f64, scale: Scale) -> Option<f64> {
        if self.count < ENOUGH { None } else { self.away(value, scale) }
    }

    /// The same of any number of them.
    fn away(&self, value: f64, scale: Scale) -> Option<f64> {
        let sigmas = (value - self.mean) / self.sigma(value, scale);
        (!sigmas.is_nan()).then(|| sigmas.clamp(f64::MIN, f64::MAX))
    }

    fn sigma(&self, value: f64, scale: Scale) -> f64 {
        let spread = (self.squares / f64::from(self.count.max(2) - 1)).sqrt();
        let size = self.mean.abs();
        let finest = f64::from(self.finest);
        let least = scale.least.unwrap_or(0.0);
        let resolution = if finest <= FINE * size {
            finest
        } else if finest.is_finite() {
            finest.min(place(finest).max(FINE * size))
        } else if least > 0.0 {
            0.0
        } else {
            (KNOWN_TO * size).max(place(value - self.mean))
        };
        // Nothing is known better than the numbers that hold it.
        spread.max(resolution).max(least / scale.sigmas).max(4.0 * f64::EPSILON * size).max(f64::MIN_POSITIVE)
    }
}

/// Decimal and binary places.
const PLACES: [f64; 29] = [
    1.0,
    0.5,
    0.25,
    0.2,
    0.125,
    0.1,
    0.0625,
    0.05,
    0.031_25,
    0.025,
    0.02,
    0.015_625,
    0.0125,
    0.01,
    0.007_812_5,
    0.005,
    0.003_906_25,
    0.0025,
    0.002,
    0.001_953_125,
    0.001,
    0.000_976_562_5,
    0.0005,
    0.0002,
    1e-4,
    5e-5,
    2e-5,
    1e-5,
    1e-6,
];

/// The place a difference lies in: the largest that it is a whole number of.
fn place(difference: f64) -> f64 {
    let is_whole = |place: &&f64| {
        let number = difference / **place;
        // The values that differ were rounded to what a number holds.
        (number - number.round()).abs() <= 1e-6 * number.abs().clamp(1.0, 1e3)
    };
    *PLACES.iter().find(is_whole).unwrap_or(&1e-7)
}
