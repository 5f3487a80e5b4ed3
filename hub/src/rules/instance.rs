//! The state machine of one rule on one series: what a reading, or time passing, does to it.
//!
//! ```text
//!   inactive ──true──▶ pending ──true for `hold`──▶ firing ──normal again──▶ resolved (the alert ends)
//!                         └──no longer true──▶ cancelled (nobody is told)
//! ```
//!
//! All times are event times: an alert starts when the first bad reading was taken and fires `hold` later, whenever the
//! hub gets to know. With `hold` 0 it fires at once. A pending alert needs every reading to be beyond the limit; a firing
//! one lasts until a reading is on the good side of the clear value, or until the level that stayed counts as usual. Where the rule
//! has a `clear_for`, readings have to be good for so long, none missing between them; it resolves when that time was over.
//!
//! **A `for` is held by readings.** It has run out when a reading so much later is still beyond the limit and none is missing
//! between them (see `rhythm`); time alone makes an alert fire only as long as the series announced to say nothing, and
//! only if its last reading measured something. One reading followed by silence fires nothing: its alert is given up.
//!
//! What is held against the limit is the value, its rate, or its deviation (see `window`). A reading that measures nothing,
//! because the history before it is too short, changes nothing, but that behind a gap what was pending is cancelled.
//!
//! Silence is true from the last reading + `after` on; only time passing can start it, only a reading ends it.

use std::sync::Arc;
use std::time::Duration;

use super::condition::{Compiled, Judged, Verdict, millis, threshold};
use super::rhythm::Rhythm;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Subject};
use crate::model::rule::Condition;

/// Silence does not fire for this long after a start: the devices need a moment to come back.
pub(super) const GRACE_MS: i64 = 60_000;

/// What happens to an instance.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// It stays as it is.
    Stay,
    /// The alert begins, or changes its state; the moment is the event time of the change.
    Become(Arc<Alert>, UnixMillis),
    /// The open alert goes on: this is the worst that it measured, and since when it has been good again.
    Worsen(Arc<Alert>),
    /// The pending alert goes away.
    Cancel,
}

/// One instance: a rule, a series, and the open alert if there is one.
pub(super) struct Instance<'a> {
    pub(super) rule: &'a Compiled,
    pub(super) about: Subject,
    pub(super) open: Option<&'a Arc<Alert>>,
    /// Id of the alert that begins, should one begin.
    pub(super) next: AlertId,
}

/// How a series is being heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pulse<'a> {
    /// When its last reading came, of any age.
    pub(super) heard: Option<UnixMillis>,
    pub(super) rhythm: &'a Rhythm,
    /// When the hub started.
    pub(super) started: UnixMillis,
    /// What its last reading measured for the rule; `None` when it measured nothing.
    pub(super) measured: Option<f64>,
}

impl Pulse<'_> {
    /// A silence is not told before: counted from the start of the hub, as one that begins then.
    fn patient_until(&self, after_ms: i64) -> UnixMillis {
        self.started.plus(GRACE_MS.max(after_ms).max(self.rhythm.interval_ms * 3 / 2))
    }

    /// When a pending alert is given up.
    fn gives_up(&self) -> UnixMillis {
        let since = self.heard.unwrap_or(self.started).max(self.started);
        since.plus(self.rhythm.gives_up_after_ms())
    }
}

impl Instance<'_> {
    /// A reading was taken at `at`, and this was measured by it. `holds`: it goes on where the last one left off.
    pub(super) fn on_reading(&self, at: UnixMillis, judged: Option<Judged>, holds: bool) -> Step {
        let Some(Judged { measured, verdict }) = judged else { return self.on_gap(holds) };
        match (self.open, verdict) {
            (None, Verdict::Bad) if self.rule.hold_ms == 0 => self.begin_firing(at, Some(measured)),
            (None, Verdict::Bad) => self.begin_pending(at, Some(measured)),
            (None, Verdict::Between | Verdict::Good) => Step::Stay,
            (Some(alert), verdict) => match (alert.state, verdict) {
                // What was between is not known: it has been true since this reading.
                (AlertState::Pending, Verdict::Bad) if !holds => {
                    let again =
                        Alert { started_at: at, value: Some(measured), worst: Some(measured), ..Alert::clone(alert) };
                    Step::Become(Arc::new(again), at)
                }
                (AlertState::Pending, Verdict::Bad) if at >= self.held_at(alert) => self.fire(alert, Some(measured)),
                (AlertState::Pending | AlertState::Firing, Verdict::Bad) => match alert.worsened(Some(measured)) {
                    Some(alert) => Step::Worsen(Arc::new(Alert { well_since: None, ..alert })),
                    None => not_well(alert),
                },
                (AlertState::Pending, Verdict::Between | Verdict::Good) => Step::Cancel,
                (AlertState::Firing, Verdict::Good) => self.on_good(alert, at, measured, holds),
                (AlertState::Firing, Verdict::Between) => not_well(alert),
                (AlertState::Resolved | AlertState::Historical, _) => Step::Stay,
            },
        }
    }

    /// A reading is good while the alert fires: it resolves once that has been so for as long as the rule asks for.
    fn on_good(&self, alert: &Arc<Alert>, at: UnixMillis, measured: f64, holds: bool) -> Step {
        // Behind a gap it is not known what was between.
        let since = alert.well_since.filter(|_| holds).unwrap_or(at);
        let well_at = since.plus(self.rule.clear_for_ms);
        if at >= well_at {
            resolve(alert, well_at, Some(measured))
        } else if alert.well_since == Some(since) {
            Step::Stay
        } else {
            Step::Worsen(Arc::new(Alert { well_since: Some(since), ..Alert::clone(alert) }))
        }
    }

    /// A reading measured nothing: the history before it is too short. Behind a gap nobody knows whether what was pending went
    /// on, and it does not say so.
    fn on_gap(&self, holds: bool) -> Step {
        match self.open.map(|alert| alert.state) {
            Some(AlertState::Pending) if !holds => Step::Cancel,
            Some(AlertState::Pending | AlertState::Firing | AlertState::Resolved | AlertState::Historical) | None => {
                Step::Stay
            }
        }
    }

    /// The level that the alert is about has stayed so long that it counts as usual.
    pub(super) fn on_new_normal(&self, at: UnixMillis, measured: f64) -> Step {
        match self.open.map(|alert| (alert, alert.state)) {
            Some((alert, AlertState::Firing)) => {
                let (over, at) = resolved(alert, at, Some(measured));
                Step::Become(Arc::new(Alert { new_normal: true, ..over }), at)
            }
            Some((_, AlertState::Pending)) => Step::Cancel,
            Some((_, AlertState::Resolved | AlertState::Historical)) | None => Step::Stay,
        }
    }

    /// The device was heard: whatever it said, it is not silent.
    pub(super) fn on_heard(&self, at: UnixMillis) -> Step {
        if self.silence().is_none() {
            return Step::Stay;
        }
        match self.open {
            None => Step::Stay,
            Some(alert) => match alert.state {
                AlertState::Pending => Step::Cancel,
                // Nothing has been silent since: it ended by itself, and not by its rule.
                AlertState::Firing => resolve(alert, at, Some(0.0)),
                AlertState::Resolved | AlertState::Historical => Step::Stay,
            },
        }
    }

    /// Time passed.
    pub(super) fn on_timeout(&self, now: UnixMillis, pulse: Pulse<'_>) -> Step {
        match (self.silence(), self.open) {
            (None, Some(alert)) if alert.state == AlertState::Pending => match self.fires_alone(alert, pulse) {
                Some(at) if now >= at => self.fire(alert, pulse.measured),
                None if now >= pulse.gives_up() => Step::Cancel,
                _ => Step::Stay,
            },
            (Some(after), Some(alert)) if alert.state == AlertState::Pending => {
                let due = self.held_at(alert).max(pulse.patient_until(millis(after)));
                if now >= due { self.fire(alert, None) } else { Step::Stay }
            }
            (Some(after), None) => {
                let Some(silent_at) = pulse.heard.map(|at| at.plus(millis(after))) else { return Step::Stay };
                if now >= silent_at.plus(self.rule.hold_ms).max(pulse.patient_until(millis(after))) {
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
    pub(super) fn wake(&self, pulse: Pulse<'_>) -> Option<UnixMillis> {
        match (self.silence(), self.open) {
            (None, Some(alert)) if alert.state == AlertState::Pending => {
                Some(self.fires_alone(alert, pulse).unwrap_or_else(|| pulse.gives_up()))
            }
            (Some(after), Some(alert)) if alert.state == AlertState::Pending => {
                Some(self.held_at(alert).max(pulse.patient_until(millis(after))))
            }
            (Some(after), None) => {
                let silent_at = pulse.heard?.plus(millis(after));
                let patient_until = pulse.patient_until(millis(after));
                Some(if self.rule.hold_ms == 0 { silent_at.max(patient_until) } else { silent_at })
            }
            _ => None,
        }
    }

    /// After how long the rule fires if nothing is heard; `None` when it is about what is.
    const fn silence(&self) -> Option<Duration> {
        match &self.rule.rule.spec.condition {
            Condition::Silence { after } => Some(*after),
            Condition::Threshold { .. }
            | Condition::Rate { .. }
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

    /// When a pending alert fires without another reading: while the series keeps a silence that it announced, and only if
    /// its last reading proves something.
    fn fires_alone(&self, alert: &Alert, pulse: Pulse<'_>) -> Option<UnixMillis> {
        let at = self.held_at(alert);
        // What one sensor announced says nothing of others.
        let proves = self.rule.sources.is_empty() && pulse.measured.is_some() && spoke(pulse.heard, pulse.started);
        (proves && pulse.rhythm.speaks_until().is_some_and(|until| at <= until)).then_some(at)
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
        let worst = alert.worsened(value).unwrap_or_else(|| alert.clone());
        Step::Become(Arc::new(Alert { state: AlertState::Firing, value, fired_at: Some(at), ..worst }), at)
    }

    /// An alert that begins, pending.
    pub(super) fn begin(&self, at: UnixMillis, value: Option<f64>) -> Alert {
        let rule = &self.rule.rule;
        Alert {
            id: self.next,
            rule: rule.id,
            rule_name: rule.spec.name.clone(),
            severity: rule.spec.severity,
            tags: Arc::new(rule.spec.tags.clone()),
            about: self.about,
            state: AlertState::Pending,
            measure: rule.spec.condition.measure(),
            value,
            worst: value,
            last: None,
            threshold: threshold(&rule.spec.condition),
            parts: Arc::default(),
            started_at: at,
            usual: None,
            well_since: None,
            fired_at: None,
            resolved_at: None,
            acked: None,
            new_normal: false,
            unknown_since: None,
            // Whoever writes the change down says when.
            learned_at: at,
        }
    }
}

/// Whether a series was heard since the hub started: before, its own word is missing.
pub(super) fn spoke(heard: Option<UnixMillis>, started: UnixMillis) -> bool {
    heard.is_some_and(|heard| heard >= started)
}

/// Whether an alert that goes on is written: where the worst of it grew by a tenth, beyond its limit (so that a value that climbs does
/// not cost a write a reading), and where it began to be well, or is so no longer: a start goes on from there.
pub(super) fn is_written(was: &Alert, is: &Alert) -> bool {
    let tenths = |alert: &Alert| alert.worst.map(|worst| (alert.beyond_by(worst).ln() / 1.1_f64.ln()).floor());
    is.state == AlertState::Firing && (tenths(is) > tenths(was) || is.well_since != was.well_since)
}

/// Ends an alert that fires, or forgets one that is pending, for a reason other than a reading.
pub(super) fn end(alert: &Arc<Alert>, at: UnixMillis) -> Step {
    match alert.state {
        AlertState::Pending => Step::Cancel,
        AlertState::Firing => resolve(alert, at, None),
        AlertState::Resolved | AlertState::Historical => Step::Stay,
    }
}

/// A reading is not good: an alert that had begun to be well is so no longer.
fn not_well(alert: &Arc<Alert>) -> Step {
    match alert.well_since {
        Some(_) => Step::Worsen(Arc::new(Alert { well_since: None, ..Alert::clone(alert) })),
        None => Step::Stay,
    }
}

pub(super) fn resolve(alert: &Alert, at: UnixMillis, last: Option<f64>) -> Step {
    let (over, at) = resolved(alert, at, last);
    Step::Become(Arc::new(over), at)
}

/// The alert when it is over, and when that was.
fn resolved(alert: &Alert, at: UnixMillis, last: Option<f64>) -> (Alert, UnixMillis) {
    // A reading taken before the alert fired by timeout may arrive after it did: an alert never ends before it fires.
    let at = alert.fired_at.map_or(at, |fired| fired.max(at));
    let (state, resolved_at) = (AlertState::Resolved, Some(at));
    (Alert { state, last, resolved_at, well_since: None, unknown_since: None, ..alert.clone() }, at)
}
