//! What becomes of alerts when only numbers of their rule are others: its limit, `clear`, `for`, `clear_for`, or how far it looks back. PURE.
//!
//! - One that fires goes on if what was measured last is beyond the new limit, or if nothing was: then the next reading decides. It has
//!   the limits of the new rule from then on, those of its parts too. Else it ends as it was: its rule ended it, no reading. Between the limit and `clear` it goes on only under the limit that it had, and so does one that
//!   has been good for less long than `clear_for` is now.
//! - One that is pending begins anew.
//! - A memory goes on where its readings are those that the new numbers ask for. One that has to reach back otherwise is read again from
//!   the store, and what was measured by the old one stands until then.
//! - A silence and a standstill have to have lasted as long as they may now.

use std::sync::Arc;

use super::condition::{Compiled, Judged, Verdict, millis, only_numbers_differ, threshold};
use super::draft::Draft;
use super::engine::Engine;
use super::instance::{Step, end};
use super::look::Look;
use super::track::{Past, Track, Watch};
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertState, Part};
use crate::model::rule::Condition;

/// What becomes of an alert that is open, by what was measured last; `None` where nothing was.
pub(super) fn renumbered(alert: &Arc<Alert>, rule: &Compiled, last: Option<Judged>, at: UnixMillis) -> Step {
    let limit = threshold(&rule.rule.spec.condition);
    let goes_on = match last.map(|judged| judged.verdict) {
        Some(Verdict::Bad) | None => true,
        // A new limit that the value is within ends it, whatever the clear value.
        Some(Verdict::Between) => limit == alert.threshold,
        // Since when it has been good is known: it ends once that is as long as the rule asks for now.
        Some(Verdict::Good) => {
            let is_well_for_long = |since: UnixMillis| at >= since.plus(rule.clear_for_ms);
            limit == alert.threshold && alert.well_since.is_some_and(|since| !is_well_for_long(since))
        }
    };
    // A silence and a standstill begin when they have lasted as long as they may.
    let begins_later = matches!(rule.rule.spec.condition, Condition::Silence { .. } | Condition::Stuck { .. });
    let later_ms = if begins_later { ((limit - alert.threshold) * 1_000.0) as i64 } else { 0 };
    let started_at = alert.started_at.plus(later_ms);
    let fired_at = alert.fired_at.map(|fired| fired.max(started_at));
    let parts = relimited(alert, rule);
    let is = Arc::new(Alert { threshold: limit, started_at, fired_at, parts, ..Alert::clone(alert) });
    match alert.state {
        AlertState::Firing if goes_on => Step::Worsen(is),
        AlertState::Firing | AlertState::Pending | AlertState::Resolved | AlertState::Historical => end(alert, at),
    }
}

/// What was measured of each of several conditions, or of devices that are counted, beside the limits of the rule as it is now.
fn relimited(alert: &Alert, rule: &Compiled) -> Arc<[Part]> {
    let condition = &rule.rule.spec.condition;
    let limits: Vec<f64> = if let Condition::Joined { parts, .. } = condition {
        parts.iter().map(|part| threshold(&part.condition)).collect()
    } else {
        vec![threshold(&rule.of_series().rule.spec.condition); alert.parts.len()]
    };
    alert.parts.iter().zip(limits).map(|(part, threshold)| Part { threshold, ..part.clone() }).collect()
}

/// The alert of a device that goes on though numbers of its rule are others; `None` where it ends. What is measured now its next look tells.
pub(super) fn of_device(alert: &Alert, (old, new): (&Compiled, &Compiled), now: UnixMillis) -> Option<Alert> {
    if alert.state != AlertState::Firing || !only_numbers_differ(&old.rule.spec, &new.rule.spec) {
        return None;
    }
    let (was, is) = (threshold(&old.rule.spec.condition), threshold(&new.rule.spec.condition));
    // A device whose readings come seldom is offline after its own time.
    let limit = if alert.is_offline() && alert.threshold > was { is.max(alert.threshold) } else { is };
    let is_long = !alert.is_offline() || now.since(alert.started_at) as f64 >= limit * 1_000.0;
    is_long.then(|| Alert { threshold: limit, ..alert.clone() })
}

/// What becomes of the alert of a rule that counts devices, of which so many are in the state by its new numbers.
pub(super) fn recounted(
    draft: &mut Draft<'_>,
    alert: &Arc<Alert>,
    rule: &Compiled,
    (devices, knows_all): (usize, bool),
    now: UnixMillis,
) -> Option<Arc<Alert>> {
    let judged = Judged::of(&rule.rule.spec.condition, devices as f64);
    let judged = Some(judged).filter(|judged| knows_all || judged.verdict == Verdict::Bad);
    match renumbered(alert, rule, judged, now) {
        Step::Worsen(alert) => {
            draft.amended(&alert);
            Some(alert)
        }
        step @ (Step::Stay | Step::Become(..) | Step::Cancel) => {
            draft.emit(step, (alert.id, None), &[]);
            None
        }
    }
}

impl Engine {
    /// Whether it is the same rule, of which only numbers differ.
    fn has_other_numbers(&self, was: &Watch, rules: &[Compiled], watch: &Watch) -> bool {
        let (Some(old), Some(new)) = (self.rules.get(was.rule), rules.get(watch.rule)) else { return false };
        old.rule.id == new.rule.id && only_numbers_differ(&old.rule.spec, &new.rule.spec)
    }

    /// Has a watch of a track go on under a rule of which only numbers are others, with its alert if that is still true; `false` where it is
    /// another rule.
    pub(super) fn renumber(
        &self,
        draft: &mut Draft<'_>,
        (track, was): (&Track, &Watch),
        rules: &[Compiled],
        (watch, now): (&mut Watch, UnixMillis),
    ) -> bool {
        if !self.has_other_numbers(was, rules, watch) {
            return false;
        }
        let Some(whole) = rules.get(watch.rule) else { return false };
        let rule = whole.of_series();
        let condition = &rule.rule.spec.condition;
        let judged = match &was.window {
            Some(look) => {
                let (memory, is_whole, judged) = look.renumbered(condition);
                watch.window = memory.or_else(|| watch.window.take());
                watch.past = if is_whole { was.past } else { Past::Unasked };
                judged
            }
            None => track.judged(condition, now),
        };
        let Some(alert) = &was.open else { return true };
        let step = renumbered(alert, rule, judged.map(|judged| track.stood(judged, alert, condition)), now);
        // Of what counts devices nobody is told of one of them.
        let is_told = whole.inner.is_none();
        match step {
            Step::Worsen(alert) if is_told => draft.amend(&alert, watch),
            Step::Worsen(alert) => watch.open = Some(alert),
            step @ (Step::Stay | Step::Become(..) | Step::Cancel) if is_told => {
                draft.emit(step, (alert.id, alert.device()), &track.recent);
            }
            Step::Stay | Step::Become(..) | Step::Cancel => {}
        }
        true
    }
}

impl Track {
    /// A standstill has to have lasted for as long as it may now, since it began.
    fn stood(&self, judged: Judged, alert: &Alert, condition: &Condition) -> Judged {
        let Condition::Stuck { after, .. } = condition else { return judged };
        let began = alert.started_at.plus(-((alert.threshold * 1_000.0) as i64));
        let is_long = self.last.is_some_and(|last| last.since(began) >= millis(*after));
        let verdict = if is_long { judged.verdict } else { Verdict::Good };
        Judged { verdict, ..judged }
    }

    /// What its last reading says of a condition without a memory, or its silence.
    fn judged(&self, condition: &Condition, now: UnixMillis) -> Option<Judged> {
        if let Condition::Silence { after } = condition {
            let is_silent = self.heard.is_none_or(|heard| now >= heard.plus(millis(*after)));
            return Some(Judged { measured: 0.0, verdict: if is_silent { Verdict::Bad } else { Verdict::Good } });
        }
        self.recent.back().map(|last| Judged::of(condition, last.value))
    }
}

impl Look {
    /// The same memory for other numbers, as far as it can serve them; whether nothing of it has to be read again; and what the last reading
    /// says by them.
    fn renumbered(&self, condition: &Condition) -> (Option<Self>, bool, Option<Judged>) {
        match self {
            Self::Back(window) => {
                let (memory, judged) = window.renumbered(condition);
                let is_whole = memory.is_some();
                (memory.map(|window| Self::Back(Box::new(window))), is_whole, judged)
            }
            Self::Beside(kind, together) => {
                let (memory, is_whole, judged) = together.renumbered(condition);
                (memory.map(|together| Self::Beside(*kind, Box::new(together))), is_whole, judged)
            }
        }
    }
}
