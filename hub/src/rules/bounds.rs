//! Readings that decide nothing, of series of which nothing is open: held against one line of numbers, and noted in one list. PURE.
//!
//! So it is with nearly every reading under rules that hold the value against a limit or wait for silence. What it changes is how the
//! series reports and which value was the last, and that is entered once the reading is on disk. Rules that look back learn from each
//! reading: their series have no bounds.

use super::slot::Slot;
use super::upload::Upload;
use crate::model::UnixMillis;
use crate::model::reading::Point;
use crate::model::rule::{Condition, Op};

/// What a reading of a series has to be so that nothing is decided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    least: f64,
    most: f64,
    /// What is older was overtaken.
    last: UnixMillis,
    pub(super) lately: Lately,
}

/// What a group did to a series so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lately {
    Nothing,
    /// The newest of its readings that were noted, by its place.
    Noted(u32),
    /// What changes of it, by its place: whatever else comes of it is entered there.
    Changed(u32),
}

/// A reading that decided nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noted {
    /// `None` once it is entered with what else changes of the series.
    pub(super) slot: Option<Slot>,
    pub(super) is_pushed: bool,
    /// The one of the same series before it, by its place.
    before: Option<u32>,
    pub(super) came: UnixMillis,
    /// When it was taken, by the hub's clock.
    pub(super) taken: UnixMillis,
    pub(super) point: Point,
}

impl Bounds {
    /// Of each reading there is more to find out.
    pub(super) const NONE: Self = Self { least: 1.0, most: 0.0, last: UnixMillis(i64::MAX), lately: Lately::Nothing };

    /// Those of a series whose last reading was judged at `last`, as long as nothing is held against it.
    pub(super) const fn behind(last: UnixMillis) -> Self {
        Self { least: f64::NEG_INFINITY, most: f64::INFINITY, last, lately: Lately::Nothing }
    }

    /// Those by one more condition, of which nothing is open and which remembers nothing; `None` where its value alone does not say enough.
    /// `is_queued`: a moment is set when the series is looked at.
    pub(super) fn under(mut self, condition: &Condition, is_queued: bool) -> Option<Self> {
        match *condition {
            Condition::Threshold { op, value, .. } => {
                self.stay_within(op, value);
                Some(self)
            }
            // What is heard only moves the moment that it wants, and that is found out when the one that is set has come.
            Condition::Silence { .. } => is_queued.then_some(self),
            Condition::Rate { .. }
            | Condition::Increase { .. }
            | Condition::Deviation { .. }
            | Condition::Figure { .. }
            | Condition::Stuck { .. }
            | Condition::Seasonal { .. }
            | Condition::Difference { .. }
            | Condition::Joined { .. }
            | Condition::Count { .. }
            | Condition::Forecast { .. }
            | Condition::Device(_) => None,
        }
    }

    fn stay_within(&mut self, op: Op, limit: f64) {
        match op {
            Op::Above => self.most = self.most.min(limit),
            Op::AtLeast => self.most = self.most.min(limit.next_down()),
            Op::Below => self.least = self.least.max(limit),
            Op::AtMost => self.least = self.least.max(limit.next_up()),
        }
    }

    /// Notes a reading if it decides nothing; whether it was.
    pub(super) fn note(&mut self, slot: Slot, upload: &Upload, point: Point, noted: &mut Vec<Noted>) -> bool {
        let Some(taken) = upload.plainly_taken(point.at) else { return false };
        let is_within = self.least <= point.value && point.value <= self.most;
        if !is_within || taken < self.last {
            return false;
        }
        let before = match self.lately {
            Lately::Nothing => None,
            Lately::Noted(before) => Some(before),
            Lately::Changed(_) => return false,
        };
        let Ok(place) = u32::try_from(noted.len()) else { return false };
        let (came, is_pushed) = (upload.came, upload.is_pushed);
        noted.push(Noted { slot: Some(slot), is_pushed, before, came, taken, point });
        self.lately = Lately::Noted(place);
        self.last = taken.min(came);
        true
    }

    /// What was noted of the series, oldest first, to be entered elsewhere.
    pub(super) fn take_noted(self, noted: &mut [Noted]) -> Vec<Noted> {
        let mut all = Vec::new();
        let Lately::Noted(newest) = self.lately else { return all };
        let mut next = Some(newest);
        while let Some(one) = next.and_then(|place| noted.get_mut(place as usize)) {
            all.push(*one);
            (one.slot, next) = (None, one.before);
        }
        all.reverse();
        all
    }
}
