//! Rules about devices from second to second, with what the hub sees of them.

use std::time::Duration;

use super::*;
use crate::model::device::DeviceNo;
use crate::model::looked::Absence;
use crate::model::rule::{Rule, RuleId, RuleSpec};
use crate::rules::tests::scene::{START, at, device, disabled, hold, rule, spec};

const OFFLINE: DeviceState = DeviceState::Offline { after: Duration::from_secs(60) };

fn about(state: DeviceState) -> RuleSpec {
    spec("*", Condition::Device(state))
}

/// The hub from second to second.
struct Scene {
    engine: Engine,
    catalog: Catalog,
    usual_ms: i64,
    missed_at: UnixMillis,
}

impl Scene {
    fn new(state: DeviceState) -> Self {
        Self::with([rule(1, about(state))])
    }

    fn with(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut catalog = Catalog::default();
        (1..=3).for_each(|no| catalog.put_device(device(no)));
        let engine = Engine::new(rules.into_iter().collect(), Vec::new(), 1);
        Self { engine, catalog, usual_ms: 10_000, missed_at: START }
    }

    /// Looks each second from one to another, at devices that are offline, with the second at which they were last heard.
    fn look(&mut self, seconds: std::ops::Range<i64>, offline: &[(u32, i64)]) -> Vec<String> {
        let (usual_ms, missed_at) = (self.usual_ms, self.missed_at);
        let absence = |&(no, heard): &(u32, i64)| {
            let (device, heard) = (DeviceNo(no), at(heard));
            Absence { device, heard, usual_ms, missed_at: heard.plus(usual_ms).max(missed_at) }
        };
        let looked = Looked { offline: offline.iter().map(absence).collect(), ..Looked::default() };
        self.seen(seconds, &looked)
    }

    fn seen(&mut self, seconds: std::ops::Range<i64>, looked: &Looked) -> Vec<String> {
        let mut told = Vec::new();
        for second in seconds {
            let proposed = self.engine.look_for(at(second), &self.catalog, looked);
            told.extend(self.applied(proposed, second));
        }
        told
    }

    /// Tells what is proposed, and applies it.
    fn applied(&mut self, proposed: Proposed, second: i64) -> Vec<String> {
        let said = proposed.transitions.iter().filter_map(|transition| match transition {
            Transition::Put { alert, .. } => {
                let Subject::Device(device) = alert.about else { return None };
                Some(format!("{} {:?} of {} at {second}", alert.id.0, alert.state, device.0))
            }
            Transition::Cancel(id, _) => Some(format!("{} cancelled at {second}", id.0)),
            Transition::Amend(_) | Transition::TellPast { .. } => None,
        });
        let said = said.collect();
        self.engine.apply(proposed);
        said
    }

    fn rules(&mut self, second: i64, rules: Vec<Rule>) -> Vec<String> {
        let proposed = self.engine.set_rules(at(second), &self.catalog, rules);
        self.applied(proposed, second)
    }

    fn open(&self, no: u32) -> Alert {
        self.engine.devices.open[&(RuleId(1), DeviceNo(no))].as_ref().clone()
    }
}

fn failing(counts: &[(u32, u32)]) -> Looked {
    let failing = counts.iter().map(|(no, count)| (DeviceNo(*no), *count)).collect();
    Looked { failing, ..Looked::default() }
}

fn clocks(seconds: &[(u32, i64)]) -> Looked {
    let clocks = seconds.iter().map(|(no, second)| (DeviceNo(*no), second * 1_000)).collect();
    Looked { clocks, ..Looked::default() }
}

#[test]
fn one_alert_a_device_after_the_grace_and_one_end() {
    let mut scene = Scene::new(OFFLINE);
    assert_eq!(scene.look(100..400, &[(1, 100), (2, 130)]), ["1 Firing of 1 at 160", "2 Firing of 2 at 190"]);
    assert_eq!(scene.look(400..500, &[(2, 130)]), ["1 Resolved of 1 at 400"]);
    assert_eq!(scene.look(500..700, &[(1, 500), (2, 130)]), ["3 Firing of 1 at 560"]);
}

#[test]
fn who_is_silent_for_hours_as_ever_is_not_away_and_the_alert_says_how_long_it_was() {
    let mut scene = Scene { usual_ms: 240_000, ..Scene::new(OFFLINE) };
    assert!(scene.look(100..340, &[(1, 100)]).is_empty());
    assert_eq!(scene.look(340..341, &[(1, 100)]), ["1 Firing of 1 at 340"]);
    assert_eq!((scene.open(1).threshold, scene.open(1).started_at), (240.0, at(100)));
    // The hub was started at 200: who fell silent is missed from there on, and an alert that is open goes on.
    scene.missed_at = START.plus(440_000);
    assert_eq!(scene.look(341..500, &[(1, 100), (2, 190)]), ["2 Firing of 2 at 440"]);
}

#[test]
fn a_short_absence_and_one_that_nobody_watched_are_no_alert() {
    let mut scene = Scene::new(OFFLINE);
    assert!(scene.look(0..59, &[(1, 0)]).is_empty());
    assert!(scene.look(59..60, &[]).is_empty());
    // The hub slept for an hour; the device is heard again some seconds after it woke.
    assert!(scene.look(3_600..3_604, &[(1, 58)]).is_empty());
    assert!(scene.look(3_604..3_700, &[]).is_empty());
}

#[test]
fn after_a_start_devices_have_a_minute_to_come_back_and_open_alerts_go_on() {
    let mut scene = Scene::new(OFFLINE);
    assert_eq!(scene.look(100..161, &[(1, 100)]), ["1 Firing of 1 at 160"]);
    let (alert, rules) = (scene.open(1), scene.engine.rules().cloned().collect::<Vec<_>>());
    scene.engine = Engine::new(rules, vec![alert.clone()], 2);
    let resumed = scene.engine.resume(START.plus(1_000_000), &scene.catalog, []);
    assert!(scene.applied(resumed, 1_000).is_empty());
    assert!(scene.look(1_000..1_060, &[(1, 100), (2, 200)]).is_empty());
    assert_eq!(scene.look(1_060..1_062, &[(1, 100), (2, 200)]), ["2 Firing of 2 at 1060"]);
    assert_eq!(scene.look(1_062..1_063, &[(2, 200)]), ["1 Resolved of 1 at 1062"]);
    scene.engine = Engine::new(Vec::new(), vec![alert], 3);
    let resumed = scene.engine.resume(START.plus(2_000_000), &scene.catalog, []);
    assert_eq!(scene.applied(resumed, 2_000), ["1 Resolved of 1 at 2000"], "of a rule that is gone");
}

#[test]
fn what_a_rule_does_not_mean_any_more_ends_and_a_device_that_was_deleted_leaves_nothing() {
    let mut scene = Scene::new(OFFLINE);
    scene.look(100..200, &[(1, 100), (2, 100), (3, 100)]);
    scene.catalog.remove_device(DeviceNo(2));
    let others = rule(1, RuleSpec { device: "d3".into(), name: "gone".into(), ..about(OFFLINE) });
    assert_eq!(scene.rules(200, vec![others.clone()]), ["1 Resolved of 1 at 200"], "a name changes nothing");
    assert_eq!(scene.rules(201, vec![disabled(others)]), ["3 Resolved of 3 at 201"]);
    assert!(scene.engine.devices.open.is_empty());
    assert!(scene.look(202..300, &[(1, 100), (3, 100)]).is_empty(), "it is off");
}

#[test]
fn two_rules_of_one_device_are_two_alerts() {
    let later = DeviceState::Offline { after: Duration::from_secs(120) };
    let mut scene = Scene::with([rule(1, about(OFFLINE)), rule(2, about(later))]);
    assert_eq!(scene.look(100..300, &[(1, 100)]), ["1 Firing of 1 at 160", "2 Firing of 1 at 220"]);
    assert_eq!(scene.look(300..301, &[]), ["1 Resolved of 1 at 300", "2 Resolved of 1 at 300"]);
}

#[test]
fn a_source_that_fails_is_told_and_of_who_is_away_nothing_is_known() {
    let mut scene = Scene::new(DeviceState::SourceFailing);
    assert_eq!(scene.seen(100..110, &failing(&[(1, 2), (2, 0)])), ["1 Firing of 1 at 104"]);
    assert_eq!((scene.open(1).value, scene.open(1).threshold), (Some(2.0), 0.0));
    assert!(scene.seen(110..120, &failing(&[(1, 3)])).is_empty());
    assert_eq!(scene.open(1).worst, Some(3.0));
    assert!(scene.seen(120..200, &failing(&[])).is_empty(), "it is not known");
    assert_eq!(scene.seen(200..201, &failing(&[(1, 0)])), ["1 Resolved of 1 at 200"]);
}

#[test]
fn a_hold_and_a_clear_for_are_kept() {
    let off = DeviceState::ClockOff { by: Duration::from_secs(60) };
    let spec = RuleSpec { clear_for: Duration::from_secs(20), ..hold(30, about(off)) };
    let mut scene = Scene::with([rule(1, spec)]);
    assert!(scene.seen(90..100, &clocks(&[(1, 60), (2, -60)])).is_empty(), "on the limit is within it");
    assert_eq!(scene.seen(100..120, &clocks(&[(1, -61)])), ["1 Pending of 1 at 104"]);
    assert_eq!(scene.seen(120..121, &clocks(&[(1, 0)])), ["1 cancelled at 120"]);
    assert_eq!(scene.seen(121..200, &clocks(&[(1, -61)])), ["2 Pending of 1 at 125", "2 Firing of 1 at 155"]);
    assert!(scene.seen(200..210, &clocks(&[(1, 1)])).is_empty());
    assert!(scene.seen(210..211, &clocks(&[(1, 99)])).is_empty(), "it is off again");
    assert_eq!(scene.seen(211..300, &clocks(&[(1, 1)])), ["2 Resolved of 1 at 231"]);
}
