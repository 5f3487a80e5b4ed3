//! Alerts about the hub itself, without a rule, sent like every other alert.
//!
//! ```text
//!   hub.disk_full          critical   nothing is stored for want of room
//!   hub.disk_nearly_full   warning    80 % of the cap or of the disk are used; over below 75 %
//!   hub.database_damaged   critical   a damaged database, or its log, was set aside
//! ```
//!
//! There is at most one open alert of each. They fire at once: none of them passes by itself.

use std::sync::Arc;

use super::condition::{Verdict, judge};
use super::engine::{Engine, Proposed};
use super::instance::is_written;
use crate::model::UnixMillis;
use crate::model::alert::{Ailment, Alert, AlertId, AlertState, Measure, Subject, Transition, Vitals};
use crate::model::room::{NEARLY_FULL, ROOM_AGAIN};
use crate::model::rule::{Op, RuleId, Severity};

impl Engine {
    /// Decides what the hub's own state means.
    #[must_use]
    pub fn examine(&self, now: UnixMillis, vitals: Vitals) -> Proposed {
        let mut proposed = Proposed { next_alert: self.next_alert, ..Proposed::default() };
        for ailment in Ailment::ALL {
            let open = self.ailing.get(&ailment);
            let alert = match (open, verdict(ailment, vitals)) {
                (None, Verdict::Bad) => {
                    proposed.next_alert += 1;
                    begin(ailment, AlertId(proposed.next_alert - 1), now, vitals)
                }
                (Some(open), Verdict::Good) => Alert {
                    state: AlertState::Resolved,
                    last: Some(value(ailment, vitals)),
                    resolved_at: Some(now),
                    learned_at: now,
                    ..open.as_ref().clone()
                },
                (Some(open), Verdict::Bad) => {
                    let Some(worse) = open.worsened(Some(value(ailment, vitals))) else { continue };
                    if is_written(open, &worse) {
                        proposed.transitions.push(Transition::Amend(worse.clone()));
                    }
                    proposed.ailing.push((ailment, Some(Arc::new(worse))));
                    continue;
                }
                (None, Verdict::Between | Verdict::Good) | (Some(_), Verdict::Between) => continue,
            };
            let stays = (alert.state == AlertState::Firing).then(|| Arc::new(alert.clone()));
            proposed.ailing.push((ailment, stays));
            let points = Vec::new();
            proposed.transitions.push(Transition::Put { alert, occurred_at: now, points });
        }
        proposed
    }
}

fn begin(ailment: Ailment, id: AlertId, now: UnixMillis, vitals: Vitals) -> Alert {
    let severity = match ailment {
        Ailment::DiskFull | Ailment::DatabaseDamaged => Severity::Critical,
        Ailment::DiskNearlyFull => Severity::Warning,
    };
    Alert {
        id,
        rule: RuleId::HUB,
        rule_name: ailment.rule_name().to_owned(),
        severity,
        tags: Arc::default(),
        about: Subject::Hub(ailment),
        state: AlertState::Firing,
        measure: Measure::Value,
        value: Some(value(ailment, vitals)),
        worst: Some(value(ailment, vitals)),
        last: None,
        threshold: threshold(ailment),
        started_at: now,
        parts: Arc::default(),
        usual: None,
        well_since: None,
        fired_at: Some(now),
        resolved_at: None,
        acked: None,
        new_normal: false,
        unknown_since: None,
        learned_at: now,
    }
}

fn verdict(ailment: Ailment, vitals: Vitals) -> Verdict {
    match ailment {
        // After a restart only readings can say that there is room: an alert that is open stays so until then.
        Ailment::DiskFull => match vitals.full {
            None => Verdict::Between,
            Some(true) => Verdict::Bad,
            Some(false) => Verdict::Good,
        },
        Ailment::DiskNearlyFull => judge(Op::AtLeast, NEARLY_FULL, Some(ROOM_AGAIN), vitals.used_pct),
        Ailment::DatabaseDamaged => judge(Op::Above, threshold(ailment), None, value(ailment, vitals)),
    }
}

fn value(ailment: Ailment, vitals: Vitals) -> f64 {
    match ailment {
        Ailment::DiskFull | Ailment::DiskNearlyFull => (vitals.used_pct * 10.0).round() / 10.0,
        Ailment::DatabaseDamaged => vitals.damaged as f64,
    }
}

const fn threshold(ailment: Ailment) -> f64 {
    match ailment {
        Ailment::DiskFull => 100.0,
        Ailment::DiskNearlyFull => NEARLY_FULL,
        Ailment::DatabaseDamaged => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn used(used_pct: f64) -> Vitals {
        Vitals { used_pct, full: Some(false), ..Vitals::default() }
    }

    /// Examines, applies, and tells the names and states of what changed.
    fn examine(engine: &mut Engine, vitals: Vitals) -> Vec<(u64, &'static str, AlertState)> {
        let proposed = engine.examine(NOW, vitals);
        let changed = proposed.transitions.iter().filter_map(|transition| match transition {
            Transition::Put { alert, .. } => {
                let Subject::Hub(ailment) = alert.about else { return None };
                Some((alert.id.0, ailment.rule_name(), alert.state))
            }
            Transition::Amend(_) | Transition::TellPast { .. } | Transition::Cancel(..) => None,
        });
        let changed = changed.collect();
        engine.apply(proposed);
        changed
    }

    #[test]
    fn a_disk_that_fills_and_empties_is_told_once_each_way() {
        let mut engine = Engine::new(Vec::new(), Vec::new(), 7);
        assert_eq!(examine(&mut engine, used(79.9)), []);
        assert_eq!(examine(&mut engine, used(80.0)), [(7, "hub.disk_nearly_full", AlertState::Firing)]);
        assert_eq!(examine(&mut engine, used(99.0)), []);
        let full = Vitals { full: Some(true), ..used(100.0) };
        assert_eq!(examine(&mut engine, full), [(8, "hub.disk_full", AlertState::Firing)]);
        assert_eq!(examine(&mut engine, used(77.0)), [(8, "hub.disk_full", AlertState::Resolved)]);
        assert_eq!(examine(&mut engine, used(74.0)), [(7, "hub.disk_nearly_full", AlertState::Resolved)]);
        assert_eq!(examine(&mut engine, used(81.0)), [(9, "hub.disk_nearly_full", AlertState::Firing)]);
    }

    #[test]
    fn a_restart_goes_on_with_the_alert_that_is_open() {
        let open = begin(Ailment::DatabaseDamaged, AlertId(3), NOW, Vitals { damaged: 1, ..Vitals::default() });
        let mut engine = Engine::new(Vec::new(), vec![open], 4);
        assert_eq!(examine(&mut engine, Vitals { damaged: 2, ..Vitals::default() }), []);
        assert_eq!(examine(&mut engine, Vitals::default()), [(3, "hub.database_damaged", AlertState::Resolved)]);
    }

    #[test]
    fn a_restart_on_a_full_disk_does_not_tell_that_it_is_over_before_readings_do() {
        let open = begin(Ailment::DiskFull, AlertId(3), NOW, used(100.0));
        let mut engine = Engine::new(Vec::new(), vec![open], 4);
        assert_eq!(examine(&mut engine, Vitals { full: None, ..used(70.0) }), []);
        assert_eq!(examine(&mut engine, used(70.0)), [(3, "hub.disk_full", AlertState::Resolved)]);
    }

    #[test]
    fn a_proposal_that_is_dropped_is_made_again() {
        let engine = Engine::new(Vec::new(), Vec::new(), 1);
        assert_eq!(engine.examine(NOW, used(90.0)).transitions, engine.examine(NOW, used(90.0)).transitions);
    }
}
