//! What a deviation rule remembers of one series: its usual readings, and the unusual ones apart from them. PURE.
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
//! - **What returns is usual**, so a switch is told of once: a level that was held for [`HELD`] readings in a row and a sixteenth of `over`, and comes again
//!   within `over`; of a counter (whose slips are no readings at all) what it does for the third time; and whatever is strange
//!   as often as not, for [`ENOUGH`] readings. A single value that returns now and then is as strange as at first.
//! - **The first readings** cannot be judged. Of the first [`ENOUGH`] the one furthest off is left out if the others find it
//!   strange. What is found strange before anything is decided (half of `over`) joins after all if it is a tenth of the
//!   readings or more: a pump that runs now and then is usual.
//! - Where fewer than [`ENOUGH`] readings lie in `over`, those from before count as well, up to twice `over`.
//! - **The scale is never finer than the sensor** (see `spread`). The spread counts as no less than the smallest step between two readings
//!   that followed each other (at most 5 % of the mean, or the decimal or binary place the step lies in: 0.0625, 0.1, 1; or what it stood still at before is known to), nor
//!   than what makes `least` the limit. A history that never moved shows no step: unless `least` says what matters, 0.5 % of
//!   the value or the place that it shows stands for it. So one step of a thermometer or of a switch never
//!   fires, and a jump from a flat line does. Of a counter what deviates is its growth, and its scale is no finer than one step
//!   of what it shows in the time between two readings.
//!
//! 40 bytes a step and 24 for what it adds up to, at most 31 steps, and as many again while strange readings last.

mod steps;

use self::steps::Steps;
use super::spread::{Reading, Scale};
use crate::model::UnixMillis;
use crate::model::alert::Usual;
use crate::model::rule::ENOUGH;

/// Readings in a row that make a level, not a slip.
const HELD: u32 = 3;
/// The part of `over` that they last at least: what came for a moment and comes to stay is told again.
const HELD_PART: i64 = 16;
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
    pub(super) scale: Scale,
    usual: Steps,
    strange: Option<Box<Strange>>,
    /// The first readings, while they are too few to be judged.
    first: Vec<(UnixMillis, f64)>,
    /// Whether half of `over` was known once: from there on readings are decided about.
    is_settled: bool,
    last: Option<UnixMillis>,
    /// What the last reading was held against; `None` where nothing was said of it.
    told: Option<Usual>,
}

/// Readings beyond the limit, of the last `over`.
#[derive(Debug, Clone)]
struct Strange {
    /// The first of those that follow each other without a usual one between them, while they last.
    since: Option<UnixMillis>,
    /// How many these are, and when the last of them was.
    run: u32,
    until: UnixMillis,
    /// Whether there were [`HELD`] before that lasted long enough to be a level.
    was_held: bool,
    /// How long that is, in milliseconds.
    level_ms: i64,
    /// How often there were some before.
    runs: u32,
    /// Whether they returned: a second level that is usual too, however rare it is.
    is_known: bool,
    steps: Steps,
}

impl Strange {
    fn new(over_ms: i64) -> Self {
        Self {
            since: None,
            run: 0,
            until: UnixMillis(0),
            was_held: false,
            level_ms: over_ms / HELD_PART,
            runs: 0,
            is_known: false,
            steps: Steps::new(over_ms),
        }
    }

    fn learn(&mut self, at: UnixMillis, value: f64) {
        self.since.get_or_insert(at);
        self.until = at;
        self.run += 1;
        self.steps.learn(at, value);
    }

    /// A usual reading came.
    fn pause(&mut self) {
        if let Some(since) = self.since.take() {
            self.runs += 1;
            self.was_held |= self.run >= HELD && self.until.since(since) >= self.level_ms;
            self.run = 0;
        }
    }

    /// How far a reading is from those before, if it is what was there before.
    fn returns(&mut self, reading: Reading, scale: Scale) -> Option<f64> {
        let returns = self.since.is_none() && (self.was_held || reading.step.is_some() && self.runs >= 2);
        let sigmas = self.steps.away(reading, scale).filter(|sigmas| sigmas.abs() <= scale.sigmas);
        let sigmas = sigmas.filter(|_| self.is_known || returns);
        self.is_known |= sigmas.is_some();
        sigmas
    }
}

impl History {
    pub(super) fn new(over_ms: i64, scale: Scale) -> Self {
        let usual = Steps::new(over_ms);
        Self { over_ms, scale, usual, strange: None, first: Vec::new(), is_settled: false, last: None, told: None }
    }

    /// What is usual beside the last reading.
    pub(super) const fn usual(&self) -> Option<Usual> {
        self.told
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
    pub(super) fn take(&mut self, at: UnixMillis, reading: Reading) -> Judged {
        self.forget(at);
        let usual = self.usual.moments();
        let is_long = self.usual.began().is_some_and(|began| at.since(began) >= self.over_ms / 2);
        if !is_long {
            self.is_settled = false;
        } else if usual.count >= ENOUGH && !self.is_settled {
            self.settle();
            return self.take(at, reading);
        }
        let sigmas = self.usual.deviation(reading, self.scale);
        let is_strange = sigmas.is_some_and(|sigmas| sigmas.abs() > self.scale.sigmas);
        if is_strange && self.is_settled && self.is_frequent() {
            self.let_in();
            return self.take(at, reading);
        }
        let strange = self.strange.as_mut().filter(|_| is_strange);
        let returned = strange.and_then(|strange| strange.returns(reading, self.scale));
        let learned = if is_strange { self.put_aside(at, reading) } else { self.learn(at, reading.value) };
        let sigmas = returned.or(learned).or(sigmas).filter(|_| self.is_settled);
        let held_against = match &self.strange {
            _ if learned.is_some() => self.usual.moments(),
            Some(strange) if returned.is_some() => strange.steps.moments(),
            Some(_) | None => usual,
        };
        self.told = sigmas.map(|_| held_against.usual(reading, self.scale));
        Judged { sigmas, is_new_normal: learned.is_some() && returned.is_none() && self.is_settled }
    }

    /// Learns the next reading where it is plain that it is usual, as nearly all are: as [`Self::take`], but what it is held against is not
    /// told. `false`: nothing changed that the same reading will not change as well.
    pub(super) fn take_usual(&mut self, at: UnixMillis, value: f64) -> bool {
        let is_near = self.last.is_some_and(|last| at.since(last) <= self.over_ms);
        if !self.is_settled || self.strange.is_some() || !is_near {
            return false;
        }
        self.usual.forget(at.plus(-self.over_ms));
        let is_long = self.usual.began().is_some_and(|began| at.since(began) >= self.over_ms / 2);
        if !is_long || !self.usual.moments().is_surely_within(value, self.scale) {
            return false;
        }
        self.last = Some(at);
        self.usual.learn(at, value);
        true
    }

    /// Forgets what is older than `over`. While strange readings last, the usual ones stand still.
    fn forget(&mut self, at: UnixMillis) {
        // After a gap that long nothing is known.
        if self.last.replace(at).is_some_and(|last| at.since(last) > self.over_ms) {
            *self = Self { last: Some(at), ..Self::new(self.over_ms, self.scale) };
        }
        let oldest = at.plus(-self.over_ms);
        let since = self.strange.as_ref().filter(|_| self.is_settled).and_then(|strange| strange.since);
        self.usual.forget(since.map_or(oldest, |since| since.plus(-self.over_ms)));
        if let Some(strange) = &mut self.strange {
            strange.steps.forget_all(oldest);
            if strange.since.is_none() && strange.steps.began().is_none() {
                self.strange = None;
            }
        }
    }

    /// Decides about what was found strange before anything was decided.
    fn settle(&mut self) {
        self.is_settled = true;
        self.first = Vec::new();
        let Some(strange) = &self.strange else { return };
        if strange.steps.moments().count >= self.usual.moments().count.div_ceil(9) {
            self.let_in();
        }
    }

    /// Whether what is strange now and then is as frequent as what is usual.
    fn is_frequent(&self) -> bool {
        let Some(strange) = self.strange.as_ref().filter(|strange| strange.since.is_none() && strange.runs >= 2) else {
            return false;
        };
        let count = strange.steps.moments().count;
        let beside = strange.steps.began().map_or(u32::MAX, |began| self.usual.count_since(began));
        count >= ENOUGH && count >= beside
    }

    fn let_in(&mut self) {
        if let Some(strange) = self.strange.take() {
            self.usual.join(&strange.steps);
        }
    }

    /// A reading beyond the limit: apart from the usual ones, until it has lasted. Then these are the usual ones; what the
    /// reading is among them.
    fn put_aside(&mut self, at: UnixMillis, reading: Reading) -> Option<f64> {
        let over_ms = self.over_ms;
        let strange = self.strange.get_or_insert_with(|| Box::new(Strange::new(over_ms)));
        strange.learn(at, reading.value);
        let moments = strange.steps.moments();
        let has_lasted = if self.is_settled {
            strange.since.is_some_and(|since| at.since(since) >= over_ms) && moments.count >= ENOUGH
        } else {
            // Of two levels the one that most readings are of.
            moments.count > self.usual.moments().count.max(ENOUGH)
        };
        if !has_lasted {
            return None;
        }
        self.usual = self.strange.take()?.steps;
        self.usual.deviation(reading, self.scale)
    }

    /// A reading that is usual, as far as is known.
    fn learn(&mut self, at: UnixMillis, value: f64) -> Option<f64> {
        self.usual.learn(at, value);
        if let Some(strange) = &mut self.strange {
            strange.pause();
        } else if !self.is_settled && self.usual.moments().count <= ENOUGH {
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
        let sigmas = others.away(Reading { value, step: None }, self.scale);
        if sigmas.is_some_and(|sigmas| sigmas.abs() > self.scale.sigmas) {
            self.usual = others;
            let mut strange = Strange::new(self.over_ms);
            strange.learn(at, value);
            self.strange = Some(Box::new(strange));
        }
    }
}
