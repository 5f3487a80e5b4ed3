//! What a rate or a deviation remembers of one series: its readings of the last while, in at most 31 steps.
//!
//! ```text
//!            over                          A window moves in steps of a thirtieth of `over`. Of each step a rate keeps
//!   ├──┬──┬──┬─ ... ─┬──┬──┤               the first reading, a deviation what `deviation` says. A step leaves once its
//!   oldest              reading            first reading is older than `over`. 16 bytes a step of a rate.
//! ```
//!
//! - It says nothing before its oldest reading is half of `over` old: after a start, a long gap, or for a sensor that
//!   reports too seldom, nothing is known, and nothing is decided.
//! - Time is that of the readings. One that is not newer than the last is a repeat: it measures nothing, teaches nothing.
//! - **Rate**: the change from the oldest reading in the window to this one, by the time between them. A counter that falls
//!   began anew at zero: what it shows after that is growth.
//! - **Deviation**: how many standard deviations (of a sample, n - 1) this reading is from the mean of the usual readings
//!   before it, see `deviation`. Of a counter, what deviates is its growth a second.

use std::collections::VecDeque;

use super::condition::millis;
use super::deviation::{History, Scale};
use crate::model::reading::Point;
use crate::model::rule::Condition;
use crate::model::{SensorKind, UnixMillis};

/// Steps of a window.
pub(super) const STEPS: i64 = 30;

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
    /// Whether by the last reading what was strange became the usual.
    is_new_normal: bool,
    /// Whether the last reading measured something.
    judges: bool,
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
    Deviation(History),
}

impl Window {
    /// An empty window; `None` for a condition that needs none.
    pub(super) fn new(condition: &Condition, kind: SensorKind) -> Option<Self> {
        let (over, memory) = match *condition {
            Condition::Rate { over, .. } => (over, Memory::Rate { marks: VecDeque::new(), total: 0.0 }),
            Condition::Deviation { sigmas, over, least, .. } => {
                (over, Memory::Deviation(History::new(millis(over), Scale { sigmas, least })))
            }
            Condition::Threshold { .. } | Condition::Silence { .. } => return None,
        };
        Some(Self {
            condition: *condition,
            kind,
            over_ms: millis(over),
            last: None,
            measured: None,
            is_new_normal: false,
            judges: false,
            memory,
        })
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
            Memory::Deviation(history) => history.began(),
        }
    }

    /// What it takes in memory.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let steps = match &self.memory {
            Memory::Rate { marks, .. } => marks.capacity() * size_of::<(UnixMillis, f64)>(),
            Memory::Deviation(history) => history.bytes(),
        };
        size_of::<Self>() + steps
    }

    /// What was last measured.
    pub(super) const fn measured(&self) -> Option<f64> {
        self.measured
    }

    /// Whether by the last reading a level that stayed became the usual: what it measures is no alert's any more.
    pub(super) const fn is_new_normal(&self) -> bool {
        self.is_new_normal
    }

    /// Whether it knows enough: the last reading measured something.
    pub(super) const fn judges(&self) -> bool {
        self.judges
    }

    /// How far back readings matter. A deviation also depends on which readings it left out, so twice as far.
    pub(super) const fn reach_ms(&self) -> i64 {
        match self.memory {
            Memory::Rate { .. } => self.over_ms,
            Memory::Deviation(_) => self.over_ms.saturating_mul(2),
        }
    }

    /// Takes the next reading: what it measures by those before it, `None` when they say too little.
    pub(super) fn take(&mut self, point: Point) -> Option<f64> {
        if self.last.is_some_and(|last| point.at <= last.at) {
            return None;
        }
        self.is_new_normal = false;
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
            Memory::Deviation(history) => {
                let value = match (self.kind, last) {
                    (SensorKind::Counter, Some(last)) => {
                        growth(last.value, point.value) / (point.at.since(last.at) as f64 / 1_000.0)
                    }
                    (SensorKind::Counter, None) => return None,
                    (SensorKind::Gauge | SensorKind::State, _) => point.value,
                };
                let judged = history.take(point.at, value);
                self.is_new_normal = judged.is_new_normal;
                judged.sigmas
            }
        };
        self.measured = measured.or(self.measured);
        self.judges = measured.is_some();
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

/// What a counter grew by; one that fell began anew at zero.
fn growth(was: f64, is: f64) -> f64 {
    if is < was { is } else { is - was }
}
