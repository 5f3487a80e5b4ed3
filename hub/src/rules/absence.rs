//! Devices that went offline: an alert of the hub for each of them, without a rule, sent to every webhook.
//!
//! ```text
//!   look_for(now, absences)   once a second: who is offline, since when nothing was heard of them, how long they are
//!                             usually silent, and the grace
//!   hub.device_offline        warning    offline for longer than the grace; over when the device is heard again
//! ```
//!
//! A device is away once nothing was heard from it for the grace period *and* it was offline at [`LOOKS`] looks in a row, because
//! after a hub slept all devices seem to have been silent for hours. After a start no device is away before it had time to come
//! back (three hours, if its readings are pushed each hour), and a device that never came is not away. Switching the alert off
//! ends those that are open.

use std::collections::HashSet;
use std::sync::Arc;

use super::engine::{Engine, Proposed};
use super::instance::GRACE_MS;
use crate::model::UnixMillis;
use crate::model::alert::{
    Absence, Absences, Alert, AlertId, AlertState, DEVICE_OFFLINE, Measure, Subject, Transition,
};
use crate::model::catalog::Catalog;
use crate::model::device::{DeviceNo, Standing};
use crate::model::rule::{RuleId, Severity};

/// Looks in a row at which a device was offline before it counts, whatever the clock says.
const LOOKS: u32 = 5;

impl Engine {
    /// Counts who is offline, and decides who went away and who is back.
    #[must_use]
    pub fn look_for(&mut self, now: UnixMillis, catalog: &Catalog, absences: &Absences) -> Proposed {
        let offline: HashSet<DeviceNo> = absences.offline.iter().map(|absence| absence.device).collect();
        self.away.looks.retain(|device, _| offline.contains(device));
        // Deleted meanwhile: the store removed the row of the alert with the device's.
        self.away.open.retain(|device, _| catalog.device(*device).is_some());
        for device in &offline {
            *self.away.looks.entry(*device).or_default() += 1;
        }
        let mut proposed = Proposed { next_alert: self.next_alert, ..Proposed::default() };
        for (&device, open) in &self.away.open {
            let stays = absences.after_ms.is_some()
                && offline.contains(&device)
                && catalog.device(device).is_some_and(|device| device.standing == Standing::Adopted);
            if !stays {
                let alert = Alert {
                    state: AlertState::Resolved,
                    resolved_at: Some(now),
                    learned_at: now,
                    ..open.as_ref().clone()
                };
                put(&mut proposed, device, alert, now);
            }
        }
        let Some(after_ms) = absences.after_ms.filter(|_| now >= self.started.plus(GRACE_MS)) else { return proposed };
        for &Absence { device, heard, usual_ms, missed_at } in &absences.offline {
            let is_away = now.since(heard) >= after_ms
                && now >= missed_at
                && self.away.looks.get(&device).is_some_and(|looks| *looks >= LOOKS)
                && !self.away.open.contains_key(&device);
            if is_away {
                let id = AlertId(proposed.next_alert);
                proposed.next_alert += 1;
                put(&mut proposed, device, begin(id, device, (heard, now), after_ms.max(usual_ms)), now);
            }
        }
        proposed
    }
}

fn put(proposed: &mut Proposed, device: DeviceNo, alert: Alert, now: UnixMillis) {
    let stays = (alert.state == AlertState::Firing).then(|| Arc::new(alert.clone()));
    proposed.away.push((device, stays));
    proposed.transitions.push(Transition::Put { alert, occurred_at: now, points: Vec::new() });
}

fn begin(id: AlertId, device: DeviceNo, (heard, now): (UnixMillis, UnixMillis), after_ms: i64) -> Alert {
    Alert {
        id,
        rule: RuleId::HUB,
        rule_name: DEVICE_OFFLINE.to_owned(),
        severity: Severity::Warning,
        tags: Arc::default(),
        about: Subject::Device(device),
        state: AlertState::Firing,
        measure: Measure::Silence,
        value: None,
        worst: None,
        last: None,
        threshold: after_ms as f64 / 1_000.0,
        started_at: heard,
        parts: Arc::default(),
        well_since: None,
        fired_at: Some(now),
        resolved_at: None,
        acked: None,
        new_normal: false,
        learned_at: now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::scene::{START, device};

    /// The hub from second to second: devices that are offline, with the second at which they were last heard.
    struct Scene {
        engine: Engine,
        catalog: Catalog,
        after_ms: Option<i64>,
        usual_ms: i64,
        missed_at: UnixMillis,
    }

    impl Scene {
        fn new() -> Self {
            let mut catalog = Catalog::default();
            (1..=3).for_each(|no| catalog.put_device(device(no)));
            let engine = Engine::new(Vec::new(), Vec::new(), 1);
            Self { engine, catalog, after_ms: Some(60_000), usual_ms: 10_000, missed_at: START }
        }

        /// Looks each second from one to another, and tells what was proposed and applied.
        fn look(&mut self, seconds: std::ops::Range<i64>, offline: &[(u32, i64)]) -> Vec<String> {
            let mut told = Vec::new();
            for second in seconds {
                let at = |second: i64| START.plus(second * 1_000);
                let absence = |&(no, heard): &(u32, i64)| {
                    let (usual_ms, heard) = (self.usual_ms, at(heard));
                    Absence {
                        device: DeviceNo(no),
                        heard,
                        usual_ms,
                        missed_at: heard.plus(usual_ms).max(self.missed_at),
                    }
                };
                let offline = offline.iter().map(absence).collect();
                let absences = Absences { after_ms: self.after_ms, offline };
                let proposed = self.engine.look_for(at(second), &self.catalog, &absences);
                for transition in &proposed.transitions {
                    let Transition::Put { alert, .. } = transition else { continue };
                    let Subject::Device(device) = alert.about else { continue };
                    told.push(format!("{} {:?} of {} at {second}", alert.id.0, alert.state, device.0));
                }
                self.engine.apply(proposed);
            }
            told
        }
    }

    #[test]
    fn one_alert_a_device_after_the_grace_and_one_end() {
        let mut scene = Scene::new();
        assert_eq!(scene.look(100..400, &[(1, 100), (2, 130)]), ["1 Firing of 1 at 160", "2 Firing of 2 at 190"]);
        assert_eq!(scene.look(400..500, &[(2, 130)]), ["1 Resolved of 1 at 400"]);
        assert_eq!(scene.look(500..700, &[(1, 500), (2, 130)]), ["3 Firing of 1 at 560"]);
    }

    #[test]
    fn who_is_silent_for_hours_as_ever_is_not_away_and_the_alert_says_how_long_it_was() {
        let mut scene = Scene { usual_ms: 240_000, ..Scene::new() };
        assert!(scene.look(100..340, &[(1, 100)]).is_empty());
        assert_eq!(scene.look(340..341, &[(1, 100)]), ["1 Firing of 1 at 340"]);
        assert_eq!(scene.engine.away.open[&DeviceNo(1)].threshold, 240.0);
        // The hub was started at 200: who fell silent is missed from there on, and an alert that is open goes on.
        scene.missed_at = START.plus(440_000);
        assert_eq!(scene.look(341..500, &[(1, 100), (2, 190)]), ["2 Firing of 2 at 440"]);
    }

    #[test]
    fn a_short_absence_and_one_that_nobody_watched_are_no_alert() {
        let mut scene = Scene::new();
        assert!(scene.look(0..59, &[(1, 0)]).is_empty());
        assert!(scene.look(59..60, &[]).is_empty());
        // The hub slept for an hour; the device is heard again some seconds after it woke.
        assert!(scene.look(3_600..3_604, &[(1, 58)]).is_empty());
        assert!(scene.look(3_604..3_700, &[]).is_empty());
    }

    #[test]
    fn after_a_start_devices_have_a_minute_to_come_back_and_open_alerts_go_on() {
        let mut scene = Scene::new();
        let [open] = [scene.look(100..161, &[(1, 100)])];
        assert_eq!(open, ["1 Firing of 1 at 160"]);
        let alert = scene.engine.away.open[&DeviceNo(1)].as_ref().clone();
        scene.engine = Engine::new(Vec::new(), vec![alert], 2);
        let resumed = scene.engine.resume(START.plus(1_000_000), &scene.catalog, []);
        scene.engine.apply(resumed);
        assert!(scene.look(1_000..1_060, &[(1, 100), (2, 200)]).is_empty());
        assert_eq!(scene.look(1_060..1_062, &[(1, 100), (2, 200)]), ["2 Firing of 2 at 1060"]);
        assert_eq!(scene.look(1_062..1_063, &[(2, 200)]), ["1 Resolved of 1 at 1062"]);
    }

    #[test]
    fn switched_off_it_ends_and_a_device_that_was_deleted_leaves_nothing() {
        let mut scene = Scene::new();
        scene.look(100..200, &[(1, 100), (2, 100)]);
        scene.catalog.remove_device(DeviceNo(2));
        scene.after_ms = None;
        assert_eq!(scene.look(200..300, &[(1, 100)]), ["1 Resolved of 1 at 200"]);
        assert!(scene.engine.away.open.is_empty());
    }
}
