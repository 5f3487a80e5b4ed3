//! Mean and spread of readings, and how many standard deviations a value is away; the spread is never finer than the
//! sensor. PURE.

use super::sums::Adds;
use crate::model::alert::Usual;
use crate::model::rule::ENOUGH;

/// Deviations either side of the middle within which nearly all lies that is usual.
const NEARLY_ALL: f64 = 2.0;

/// A smallest step larger than this part of the mean is a change, not the sensor's resolution, unless it is a place.
const FINE: f64 = 0.05;
/// Assumed resolution of a value that never moved, as a part of it.
const KNOWN_TO: f64 = 0.005;
/// Differences smaller than this part of a value come from rounding, not from a sensor.
const REAL: f64 = 1e-14;
/// Of a limit: so much of it is below it, however it is rounded.
const SURELY: f64 = 1.0 - 1e-9;

/// The limit, as a deviation rule has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// Standard deviations beyond which a reading is strange.
    pub(super) sigmas: f64,
    /// The difference that is never beyond the limit.
    pub(super) least: Option<f64>,
}

impl Scale {
    /// How many deviations from the middle are told to be usual: never more than the limit lets pass.
    pub(super) const fn usual(self) -> f64 {
        self.sigmas.min(NEARLY_ALL)
    }
}

/// A value that is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// The value; of a counter its growth a second.
    pub(super) value: f64,
    /// Of a counter: the growth that one step of what it shows is, between this reading and the one before.
    pub(super) step: Option<f64>,
}

/// Count, mean and spread of some readings, and the smallest step between two that followed each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    pub(super) count: u32,
    /// Infinite when there was none.
    finest: f32,
    mean: f64,
    /// Sum of squares about the mean.
    squares: f64,
}

impl Adds for Moments {
    const NONE: Self = Self { count: 0, finest: f32::INFINITY, mean: 0.0, squares: 0.0 };

    // Chan.
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
}

impl Moments {
    /// One more (Welford).
    pub(super) fn learn(&mut self, value: f64, before: Option<f64>) {
        self.count = self.count.saturating_add(1);
        let from_old = value - self.mean;
        self.mean += from_old / f64::from(self.count);
        self.squares += from_old * (value - self.mean);
        let Some(before) = before else { return };
        let step = (value - before).abs();
        if step > REAL * value.abs() {
            self.finest = self.finest.min(step as f32);
        }
    }

    /// How many standard deviations a value is from the mean; `None` when these are too few to say.
    pub(super) fn deviation(&self, reading: Reading, scale: Scale, known_to: f64) -> Option<f64> {
        if self.count < ENOUGH { None } else { self.away(reading, scale, known_to) }
    }

    /// The same of any number of them. `known_to`: how finely the value was known that they stood still at before they moved.
    pub(super) fn away(&self, reading: Reading, scale: Scale, known_to: f64) -> Option<f64> {
        let sigmas = (reading.value - self.mean) / self.sigma(reading.step, scale, known_to);
        (!sigmas.is_nan()).then(|| sigmas.clamp(f64::MIN, f64::MAX))
    }

    /// Whether a value is no more deviations from the mean than the limit lets pass, where that is plain by the spread alone.
    pub(super) fn is_surely_within(&self, value: f64, scale: Scale) -> bool {
        let off = value - self.mean;
        let least = scale.least.unwrap_or(0.0) * SURELY;
        let by_spread = scale.sigmas * scale.sigmas * self.squares * SURELY;
        let is_within = off.abs() < least || off * off * f64::from(self.count.max(2) - 1) < by_spread;
        self.count >= ENOUGH && is_within && by_spread < f64::INFINITY
    }

    /// What a reading is beside what they are usually, as it is told: by their own spread, however fine.
    pub(super) fn usual(&self, reading: Reading, scale: Scale) -> Usual {
        let reach = scale.usual() * self.spread();
        let (is_growth, low) = (reading.step.is_some(), self.mean - reach);
        let low = if is_growth { low.max(0.0) } else { low };
        Usual { is: reading.value, low, high: self.mean + reach, is_growth }
    }

    /// The standard deviation.
    fn spread(&self) -> f64 {
        (self.squares / f64::from(self.count.max(2) - 1)).sqrt()
    }

    /// Whether they moved.
    pub(super) const fn has_moved(&self) -> bool {
        self.finest.is_finite()
    }

    fn sigma(&self, step: Option<f64>, scale: Scale, known_to: f64) -> f64 {
        let spread = self.spread();
        let size = self.mean.abs();
        let finest = f64::from(self.finest);
        let least = scale.least.unwrap_or(0.0);
        let resolution = if let Some(step) = step {
            // Of a growth no digit says how finely it is known: what the counter shows does.
            step.max(if finest.is_finite() { finest } else { KNOWN_TO * size })
        } else if finest <= FINE * size {
            finest
        } else if finest.is_finite() {
            // A step that was usual from where it stood still is usual when it comes again.
            finest.min(place(finest).max(FINE * size).max(known_to))
        } else if least > 0.0 {
            0.0
        } else {
            // Not the place of the reading: a jump that is a round number would count for less than a smaller one that is not.
            fineness(self.mean)
        };
        // Nothing is known better than the numbers that hold it.
        spread.max(resolution).max(least / scale.sigmas).max(4.0 * f64::EPSILON * size).max(f64::MIN_POSITIVE)
    }
}

/// How finely a value is known that never moved: to the place that it shows, and to no more than a part of it.
pub(super) fn fineness(value: f64) -> f64 {
    (KNOWN_TO * value.abs()).max(place(value))
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
pub(super) fn place(difference: f64) -> f64 {
    let is_whole = |place: &&f64| {
        let number = difference / **place;
        // The values that differ were rounded to what a number holds.
        (number - number.round()).abs() <= 1e-6 * number.abs().clamp(1.0, 1e3)
    };
    *PLACES.iter().find(is_whole).unwrap_or(&1e-7)
}
