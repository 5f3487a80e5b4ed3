//! When something began, and how long it lasted. PURE.

use super::About;
use super::times::{length, written};
use crate::model::UnixMillis;
use crate::model::alert::{Measure, Subject};

impl About<'_> {
    pub(super) fn lasted(&self) -> String {
        let end = self.alert.resolved_at.unwrap_or(self.alert.learned_at);
        // A standstill is an alert from when it has lasted for as long as its rule lets it: that is the time of its entry.
        let began = if self.alert.measure == Measure::Stuck { self.alert.started_at } else { self.began() };
        length(end.since(began) as f64 / 1_000.0)
    }

    /// When what it is about began: a silence with the last reading, which its rule lets pass some time after.
    pub(super) fn began(&self) -> UnixMillis {
        let is_by_rule = matches!(self.alert.measure, Measure::Silence | Measure::Stuck)
            && matches!(self.alert.about, Subject::Series { .. });
        let before = if is_by_rule { (self.alert.threshold * 1_000.0) as i64 } else { 0 };
        self.alert.started_at.plus(-before)
    }

    /// A time that is over; with seconds where minutes would not tell its ends apart.
    pub(super) fn between(&self, from: UnixMillis, until: Option<UnixMillis>) -> String {
        let Some(until) = until else { return format!("from {}", self.moment(from)) };
        if self.moment(from) != self.moment(until) {
            return format!("from {} until {}", self.moment(from), self.moment(until));
        }
        let second = |at| self.written(at, "%Y-%m-%d %H:%M:%S %Z");
        if second(from) == second(until) {
            return format!("at {}", second(from));
        }
        format!("from {} until {}", second(from), second(until))
    }

    /// `2027-01-15 08:59 CET`.
    pub(super) fn moment(&self, at: UnixMillis) -> String {
        self.written(at, "%Y-%m-%d %H:%M %Z")
    }

    fn written(&self, at: UnixMillis, form: &str) -> String {
        written(at, self.zone, form)
    }
}
