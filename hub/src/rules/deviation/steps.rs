//! Readings added up by thirtieths of a while, as a deviation needs them.

use crate::model::UnixMillis;
use crate::model::rule::ENOUGH;
use crate::rules::spread::{Moments, Reading, Scale, fineness};
use crate::rules::sums::Sums;

/// Readings added up by thirtieths of `over`.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    over_ms: i64,
    sums: Sums<Moments>,
    /// The value last learned.
    last: Option<f64>,
    /// How finely the value was known that they stood still at before they moved.
    known_to: f64,
}

impl Steps {
    pub(super) fn new(over_ms: i64) -> Self {
        Self { over_ms, sums: Sums::new(over_ms), last: None, known_to: 0.0 }
    }

    pub(super) fn began(&self) -> Option<UnixMillis> {
        self.sums.began()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.sums.bytes()
    }

    pub(super) fn moments(&self) -> Moments {
        self.sums.all()
    }

    /// How many standard deviations a reading is from the mean; `None` when these are too few to say.
    pub(super) fn deviation(&self, reading: Reading, scale: Scale) -> Option<f64> {
        self.moments().deviation(reading, scale, self.known_to)
    }

    /// The same of any number of them.
    pub(super) fn away(&self, reading: Reading, scale: Scale) -> Option<f64> {
        self.moments().away(reading, scale, self.known_to)
    }

    /// Forgets what is older; of a sensor that reports just too seldom it keeps as many as are needed, once as far back.
    pub(super) fn forget(&mut self, oldest: UnixMillis) {
        if self.began().is_none_or(|began| began >= oldest) {
            return;
        }
        let newest = self.sums.newest().map_or(0, |newest| newest.count);
        let mut left = self.sums.older().count.saturating_add(newest);
        let over_ms = self.over_ms;
        self.sums.forget(|step, _| {
            left = left.saturating_sub(step.sum.count);
            step.at < oldest && (left >= ENOUGH || oldest.since(step.at) > over_ms)
        });
    }

    /// Forgets what is older, however little is left.
    pub(super) fn forget_all(&mut self, oldest: UnixMillis) {
        self.sums.forget(|step, _| step.at < oldest);
    }

    /// Readings from a moment on, to a step.
    pub(super) fn count_since(&self, from: UnixMillis) -> u32 {
        self.sums.iter().filter(|step| step.at >= from).map(|step| step.sum.count).sum()
    }

    /// Whether any of them differed from the one before.
    fn has_moved(&self) -> bool {
        self.sums.older().has_moved() || self.sums.newest().is_some_and(Moments::has_moved)
    }

    pub(super) fn learn(&mut self, at: UnixMillis, value: f64) {
        let before = self.last.replace(value);
        if let Some(before) = before.filter(|before| *before != value && !self.has_moved()) {
            self.known_to = fineness(before);
        }
        self.sums.add(at, |moments| moments.learn(value, before));
    }

    /// Takes in the readings of another, of the same time.
    pub(super) fn join(&mut self, other: &Self) {
        self.sums.join(&other.sums);
    }
}
