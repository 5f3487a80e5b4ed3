//! The state machine of one rule on one series: what a reading, or time passing, does to it.
//!
//! ```text
//!   inactive ──true──▶ pending ──true for `hold`──▶ firing ──normal again──▶ resolved (the alert ends)
//!                         └──no longer true──▶ cancelled (nobody is told)
//! ```
//!
//! All times are event times: an alert starts when the first bad reading was taken and fires `hold` later, whenever the
//! hub gets to know. With `hold` 0 it fires at once. A pending alert needs every reading to be beyond the limit; a firing
//! one lasts until a reading is on the good side of the clear value.
//!
//! What is held against the limit is the value, its rate, or its deviation (see `window`). A reading that measures nothing,
//! because the history before it is too short, changes nothing.
//!
//! Silence is true from the last reading + `after` on; only time passing can start it, only a reading ends it.

use std::sync::Arc;

use super::condition::{Compiled, Verdict, millis, threshold, verdict};
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Subject};
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::model::rule::Condition;

/// What happens to an instance.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// It stays as it is.
    Stay,
    /// The alert begins, or changes its state; the moment is the event time of the change.
    Become(Arc<Alert>, UnixMillis),
    /// The pending alert goes away.
    Cancel,
}

/// One instance: a rule, a series, and the open alert if there is one.
pub(super) struct Instance<'a> {
    pub(super) rule: &'a Compiled,
    pub(super) device: DeviceNo,
    pub(super) series: SeriesId,
    pub(super) open: Option<&'a Arc<Alert>>,
    /// Id of the alert that begins, should one begin.
    pub(super) next: AlertId,
}

impl Instance<'_> {
    /// A live, timely reading was taken at `at`, and this was measured by it.
    pub(super) fn on_reading(&self, at: UnixMillis, measured: f64) -> Step {
        let Some(verdict) = verdict(&self.rule.rule.spec.condition, measured) else { return Step::Stay };
        match (self.open, verdict) {
            (None, Verdict::Bad) if self.rule.hold_ms == 0 => self.begin_firing(at, Some(measured)),
            (None, Verdict::Bad) => self.begin_pending(at, Some(measured)),
            (None, Verdict::Between | Verdict::Good) => Step::Stay,
            (Some(alert), verdict) => match (alert.state, verdict) {
                (AlertState::Pending, Verdict::Bad) if at >= self.held_at(alert) => self.fire(alert, Some(measured)),
                (AlertState::Pending, Verdict::Bad) => Step::Stay,
                (AlertState::Pending, Verdict::Between | Verdict::Good) => Step::Cancel,
                (AlertState::Firing, Verdict::Good) => resolve(alert, at, Some(measured)),
                (AlertState::Firing, Verdict::Bad | Verdict::Between)
                | (AlertState::Resolved | AlertState::Historical, _) => Step::Stay,
            },
        }
    }

    /// The device was heard: whatever it said, it is not silent.
    pub(super) fn on_heard(&self, at: UnixMillis) -> Step {
        let Condition::Silence { .. } = self.rule.rule.spec.condition else { return Step::Stay };
        match self.open {
            None => Step::Stay,
            Some(alert) => match alert.state {
                AlertState::Pending => Step::Cancel,
                AlertState::Firing => resolve(alert, at, None),
                AlertState::Resolved | AlertState::Historical => Step::Stay,
            },
        }
    }

    /// Time passed. `heard` is the last reading of any age, `last` what was last measured; silence does not fire before
    /// `grace`.
    pub(super) fn on_timeout(
        &self,
        now: UnixMillis,
        heard: Option<UnixMillis>,
        last: Option<f64>,
        grace: UnixMillis,
    ) -> Step {
        match (self.rule.rule.spec.condition, self.open) {
            (Condition::Threshold { .. } | Condition::Rate { .. } | Condition::Deviation { .. }, Some(alert))
                if alert.state == AlertState::Pending =>
            {
                if now >= self.held_at(alert) {
                    self.fire(alert, last.or(alert.value))
                } else {
                    Step::Stay
                }
            }
            (Condition::Silence { .. }, Some(alert)) if alert.state == AlertState::Pending => {
                if now >= self.held_at(alert).max(grace) { self.fire(alert, None) } else { Step::Stay }
            }
            (Condition::Silence { after }, None) => {
                let Some(silent_at) = heard.map(|at| at.plus(millis(after))) else { return Step::Stay };
                if now >= silent_at.plus(self.rule.hold_ms).max(grace) {
                    self.begin_firing(silent_at, None)
                } else if now >= silent_at && self.rule.hold_ms > 0 {
                    self.begin_pending(silent_at, None)
                } else {
                    Step::Stay
                }
            }
            _ => Step::Stay,
        }
    }

    /// When [`Self::on_timeout`] would do something, if nothing else happens before.
    pub(super) fn wake(&self, heard: Option<UnixMillis>, grace: UnixMillis) -> Option<UnixMillis> {
        match (self.rule.rule.spec.condition, self.open) {
            (Condition::Threshold { .. } | Condition::Rate { .. } | Condition::Deviation { .. }, Some(alert))
                if alert.state == AlertState::Pending =>
            {
                Some(self.held_at(alert))
            }
            (Condition::Silence { .. }, Some(alert)) if alert.state == AlertState::Pending => {
                Some(self.held_at(alert).max(grace))
            }
            (Condition::Silence { after }, None) => {
                let silent_at = heard?.plus(millis(after));
                Some(if self.rule.hold_ms == 0 { silent_at.max(grace) } else { silent_at })
            }
            _ => None,
        }
    }

    fn held_at(&self, alert: &Alert) -> UnixMillis {
        alert.started_at.plus(self.rule.hold_ms)
    }

    fn begin_pending(&self, at: UnixMillis, value: Option<f64>) -> Step {
        Step::Become(Arc::new(self.begin(at, value)), at)
    }

    fn begin_firing(&self, at: UnixMillis, value: Option<f64>) -> Step {
        self.fire(&self.begin(at, value), value)
    }

    fn fire(&self, alert: &Alert, value: Option<f64>) -> Step {
        let at = self.held_at(alert);
        let fired = Alert { state: AlertState::Firing, value, fired_at: Some(at), ..alert.clone() };
        Step::Become(Arc::new(fired), at)
    }

    /// An alert that begins, pending.
    pub(super) fn begin(&self, at: UnixMillis, value: Option<f64>) -> Alert {
        let rule = &self.rule.rule;
        Alert {
            id: self.next,
            rule: rule.id,
            rule_name: rule.spec.name.clone(),
            severity: rule.spec.severity,
            about: Subject::Series { device: self.device, series: self.series },
            state: AlertState::Pending,
            measure: rule.spec.condition.measure(),
            value,
            threshold: threshold(&rule.spec.condition),
            started_at: at,
            fired_at: None,
            resolved_at: None,
            acked_at: None,
            // Whoever writes the change down says when.
            learned_at: at,
        }
    }
}

/// Ends an alert that fires, or forgets one that is pending, for a reason other than a reading.
pub(super) fn end(alert: &Arc<Alert>, at: UnixMillis) -> Step {
    match alert.state {
        AlertState::Pending => Step::Cancel,
        AlertState::Firing => resolve(alert, at, alert.value),
        AlertState::Resolved | AlertState::Historical => Step::Stay,
    }
}

fn resolve(alert: &Alert, at: UnixMillis, value: Option<f64>) -> Step {
    // A reading taken before the alert fired by timeout may arrive after it did: an alert never ends before it fires.
    let at = alert.fired_at.map_or(at, |fired| fired.max(at));
    Step::Become(Arc::new(Alert { state: AlertState::Resolved, value, resolved_at: Some(at), ..alert.clone() }), at)
}
