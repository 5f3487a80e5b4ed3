//! Readings by which a rule that looks back cannot become true are passed over when it is tried: a year has few others. PURE.
//!
//! ```text
//!   readings   ├─ chunk ─┼─ chunk ─┼─ chunk ─┼─ chunk ─┤     by the smallest and the largest of a chunk and of what its windows
//!                  over ─────────────┤                       reach back to: no reading in it can measure more than they say
//! ```
//!
//! - The change in a while is no larger than the difference of its extremes, a mean lies between them, and what differs by more than its
//!   band does not stand still. So a rate, a figure and what is stuck are settled by them as long as no alert is open.
//! - What is passed over has to measure something, as each reading does that no long gap lies before: else it would count otherwise.
//! - The window takes nothing of it. Before the next reading that is taken by itself it catches up: by what it missed, or, where that
//!   is more, by the last two whiles, from which it comes out the same: it keeps steps whose bounds are the same for all.

use std::collections::VecDeque;

use super::condition::{beyond, millis};
use super::sums::STEPS;
use crate::model::reading::Point;
use crate::model::rule::{Condition, Op};
use crate::model::{SensorKind, UnixMillis};

/// Readings that are settled together at least.
const CHUNK: usize = 64;
/// A while has at most this many chunks of full length.
const CHUNKS: i64 = 16;
/// Chunks that are looked at for one at most: of more, readings are taken one by one.
const MOST_CHUNKS: usize = 64;
/// Readings that are kept at most, 16 bytes each: two whiles of more are taken one by one.
pub(super) const MOST_KEPT: usize = 1 << 18;
/// A limit is farther away than what comes of rounding: amounts are whole numbers of 10^-12.
const ROUNDED: f64 = 1e-9;
const GRAIN: f64 = 4e-12;

/// What is known of readings that follow each other.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    count: usize,
    from: i64,
    to: i64,
    min: f64,
    max: f64,
}

/// What of a while settles that a rule stays as it is.
#[derive(Debug, Clone, Copy)]
enum By {
    /// No change of it reaches the limit, a change in one millisecond of the unit that is given.
    Change { op: Op, limit: f64, per_ms: f64 },
    /// Nothing in it is beyond the limit.
    Extremes { op: Op, limit: f64 },
    /// It moves by more than this.
    Moves(f64),
}

/// The readings of the last two whiles, and how many of them the window has not taken.
#[derive(Debug)]
pub(super) struct Skim {
    by: By,
    over_ms: i64,
    step_ms: i64,
    /// Readings further apart than this may leave a window that knows too little.
    near_ms: i64,
    pub(super) at: VecDeque<i64>,
    value: VecDeque<f64>,
    chunks: VecDeque<Chunk>,
    pub(super) missed: usize,
    #[cfg(test)]
    pub(super) passed: usize,
    /// The first reading behind the last long gap, or of all.
    unbroken: i64,
}

impl Skim {
    /// For a rule on a series of this kind; `None` where each reading may change something.
    pub(super) fn new(condition: &Condition, kind: SensorKind) -> Option<Self> {
        let (by, over) = match *condition {
            Condition::Rate { op, value, per, over, .. } if kind != SensorKind::Counter => {
                (By::Change { op, limit: value, per_ms: millis(per) as f64 }, over)
            }
            Condition::Figure { op, value, over, .. } => (By::Extremes { op, limit: value }, over),
            Condition::Stuck { least, after } => (By::Moves(least), after),
            Condition::Threshold { .. }
            | Condition::Rate { .. }
            | Condition::Increase { .. }
            | Condition::Deviation { .. }
            | Condition::Seasonal { .. }
            | Condition::Difference { .. }
            | Condition::Joined { .. }
            | Condition::Forecast { .. }
            | Condition::Count { .. }
            | Condition::Silence { .. }
            | Condition::Device(_) => return None,
        };
        let over_ms = millis(over);
        let step_ms = (over_ms / STEPS).max(1);
        let near_ms = over_ms / 2 - step_ms;
        (near_ms > 0 && over_ms < i64::MAX / 8).then(|| Self {
            by,
            over_ms,
            step_ms,
            near_ms,
            at: VecDeque::new(),
            value: VecDeque::new(),
            chunks: VecDeque::new(),
            missed: 0,
            #[cfg(test)]
            passed: 0,
            unbroken: i64::MAX,
        })
    }

    /// How many of some readings are looked at together.
    pub(super) fn length(&self, at: &[i64]) -> usize {
        let within = |time_ms: i64| {
            let end = at.first().map_or(0, |first| first.saturating_add(time_ms));
            at.partition_point(|at| *at <= end)
        };
        let length = within(self.over_ms / CHUNKS).max(CHUNK).min(at.len());
        match self.by {
            By::Change { .. } | By::Extremes { .. } => length,
            // The whiles of all its readings have most in common.
            By::Moves(_) => length.min(within(self.over_ms / 4)),
        }
    }

    /// Keeps readings; whether by them the rule stays as it is, if no alert is open.
    pub(super) fn settles(&mut self, at: &[i64], value: &[f64]) -> bool {
        let (Some(&from), Some(&to)) = (at.first(), at.last()) else { return true };
        let mut last = self.at.back().copied();
        let mut is_in_order = true;
        for &at in at {
            let gap = last.map_or(i64::MAX, |last| at.saturating_sub(last));
            if gap > self.near_ms {
                self.unbroken = at;
            }
            is_in_order &= gap > 0;
            last = Some(at);
        }
        let chunk = Chunk {
            count: at.len(),
            from,
            to,
            min: value.iter().copied().fold(f64::INFINITY, f64::min),
            max: value.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        };
        self.at.extend(at);
        self.value.extend(value);
        self.chunks.push_back(chunk);
        let is_known = self.unbroken <= self.begin(from).saturating_sub(self.step_ms);
        is_in_order && is_known && self.at.len() <= MOST_KEPT && self.stays(chunk)
    }

    /// Whether no reading of the newest chunk can make the rule true.
    fn stays(&self, newest: Chunk) -> bool {
        let oldest = match self.by {
            By::Change { .. } | By::Extremes { .. } => newest.from.saturating_sub(self.over_ms),
            // What lies in the whiles of all its readings.
            By::Moves(_) => newest.to.saturating_sub(self.over_ms),
        };
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for (n, chunk) in self.chunks.iter().rev().enumerate() {
            let reaches = match self.by {
                By::Change { .. } | By::Extremes { .. } => chunk.to >= oldest,
                By::Moves(_) => chunk.from > oldest,
            };
            if !reaches {
                break;
            }
            if n >= MOST_CHUNKS {
                return false;
            }
            if n > 0 || !matches!(self.by, By::Moves(_)) {
                (min, max) = (min.min(chunk.min), max.max(chunk.max));
            }
        }
        match self.by {
            By::Change { op, limit, per_ms } => {
                // No window is younger than that, as no gap is long.
                let least_ms = (self.over_ms - self.step_ms - self.near_ms) as f64;
                let most = (max - min + GRAIN) / least_ms * per_ms * (1.0 + ROUNDED);
                most.is_finite() && !beyond(op, limit, most) && !beyond(op, limit, -most)
            }
            By::Extremes { op, limit } => {
                let off = min.abs().max(max.abs()) * ROUNDED;
                off.is_finite() && !beyond(op, limit, max + off) && !beyond(op, limit, min - off)
            }
            By::Moves(least) => max - min > least,
        }
    }

    /// From where on readings make the same window as all of them, up to one at this moment: the begin of a step, so far back
    /// that steps leave the window before it.
    pub(super) fn begin(&self, last: i64) -> i64 {
        last.saturating_sub(2 * self.over_ms).div_euclid(self.step_ms).saturating_mul(self.step_ms)
    }

    /// Forgets what no window will need.
    pub(super) fn forget(&mut self) {
        let Some(&last) = self.at.back() else { return };
        let begin = self.begin(last);
        while self.chunks.front().is_some_and(|chunk| chunk.to < begin) {
            let Some(chunk) = self.chunks.pop_front() else { return };
            self.at.drain(..chunk.count);
            self.value.drain(..chunk.count);
        }
    }

    pub(super) fn points(&self, from: usize, to: usize) -> impl Iterator<Item = Point> {
        let points = self.at.range(from..to).zip(self.value.range(from..to));
        points.map(|(&at, &value)| Point { at: UnixMillis(at), value })
    }
}
