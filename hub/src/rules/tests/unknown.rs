//! Alerts of which nobody knows whether they are still true, and what is told of the sensors of a device that is offline.

use super::*;
use crate::model::looked::{Absence, Looked};
use crate::model::rule::DeviceState;
use crate::rules::notify::{Before, Notifier};

fn offline() -> RuleSpec {
    spec("*", Condition::Device(DeviceState::Offline { after: Duration::from_secs(10) }))
}

impl Scene {
    /// Looks at the devices; the one that there is was last heard at a second, if it is offline.
    fn look(&mut self, second: i64, heard: Option<i64>) -> Vec<String> {
        let proposed = self.looked(second, heard);
        self.committed(proposed)
    }

    fn looked(&mut self, second: i64, heard: Option<i64>) -> Proposed {
        let absence = |heard| {
            let (device, heard, usual_ms) = (DeviceNo(1), at(heard), 10_000);
            Absence { device, heard, usual_ms, missed_at: heard.plus(usual_ms) }
        };
        let looked = Looked { offline: heard.into_iter().map(absence).collect(), ..Looked::default() };
        self.engine.look_for(at(second), &self.catalog, &looked)
    }

    /// Since which second the newest alert is unknown.
    fn unknown(&self) -> Option<i64> {
        self.stored.last()?.unknown_since.map(|at| at.since(START) / 1_000)
    }
}

#[test]
fn what_is_not_heard_for_three_intervals_is_unknown_until_it_is() {
    let mut scene = Scene::with([above(30.0)]);
    assert_eq!(scene.reading(0, 31.0), ["1 firing 31 at 0"]);
    assert_eq!(scene.reading(1, 31.0), NOTHING);
    assert_eq!(scene.look(61, None), NOTHING);
    assert_eq!(scene.unknown(), None, "a minute at least");
    scene.look(62, None);
    assert_eq!(scene.unknown(), Some(1));
    let mut scene = scene.restart();
    assert_eq!(scene.resumed, NOTHING);
    scene.resume(5, &[(TEMP, Point { at: at(1), value: 31.0 })]);
    scene.look(70, None);
    assert_eq!(scene.unknown(), Some(1), "of before the start");
    assert_eq!(scene.reading(100, 32.0), NOTHING);
    scene.look(101, None);
    assert_eq!((scene.unknown(), scene.stored[0].state), (None, AlertState::Firing), "it goes on");
    scene.look(397, None);
    assert_eq!(scene.unknown(), None, "99 s were between the last two");
    scene.look(398, None);
    assert_eq!(scene.unknown(), Some(100));
    assert_eq!(scene.reading(399, 1.0), ["1 resolved 1 at 399"]);
    assert_eq!(scene.unknown(), None);
}

#[test]
fn a_silence_is_never_unknown_and_nor_is_what_reports_seldom() {
    let mut scene = Scene::with([silence(30), sensor("door", above(0.5))]);
    scene.group(0, &[batch(DOOR, at(0), &[(at(0), 1.0)]), batch(TEMP, at(0), &[(at(0), 1.0)])]);
    scene.timeout(61);
    assert_eq!(scene.stored.len(), 2);
    scene.look(1_800, None);
    assert!(scene.stored.iter().all(|alert| alert.unknown_since.is_none()), "the door says something each ten minutes");
    scene.look(1_801, None);
    let unknown: Vec<_> = scene.stored.iter().filter(|alert| alert.unknown_since.is_some()).collect();
    assert_eq!(unknown.len(), 1);
    assert_eq!(unknown[0].rule, RuleId(2));
}

#[test]
fn with_its_device_offline_it_is_unknown_at_once_and_nobody_is_told() {
    let mut scene = Scene::with([above(30.0), offline()]);
    (0..100).for_each(|second| drop(scene.look(second, None)));
    scene.reading(100, 31.0);
    (101..110).for_each(|second| assert_eq!(scene.look(second, Some(100)), NOTHING));
    assert_eq!(scene.look(110, Some(100)), ["2 firing - at 110"]);
    assert_eq!(scene.look(111, Some(100)), NOTHING);
    let fired = (112..120).flat_map(|second| scene.look(second, Some(100))).collect::<Vec<_>>();
    assert_eq!(fired, NOTHING);
    assert_eq!(scene.stored.iter().filter(|alert| alert.unknown_since == Some(at(100))).count(), 1);
}

/// The engine with whoever decides what is told behind it.
struct Told {
    scene: Scene,
    notifier: Notifier,
    muted: Vec<Alert>,
}

impl Told {
    fn with(specs: impl IntoIterator<Item = RuleSpec>) -> Self {
        Self { scene: Scene::with(specs), notifier: Notifier::default(), muted: Vec::new() }
    }

    fn follow(&mut self, second: i64, proposed: Proposed) -> Vec<u64> {
        let told = self.notifier.decide(at(second), &proposed.transitions, &self.scene.catalog, false, |_| false);
        let said = told.notices.iter().map(|notice| notice.alert().id.0).collect();
        for mark in &told.marks {
            let crate::model::notice::Mark::Muted(id, muted) = mark else { continue };
            self.muted.retain(|alert| alert.id != *id);
            let alert = proposed.transitions.iter().rev().find_map(|transition| match transition {
                Transition::Put { alert, .. } if alert.id == *id => Some(alert.clone()),
                Transition::Put { .. }
                | Transition::Amend(_)
                | Transition::TellPast { .. }
                | Transition::Cancel(..) => None,
            });
            self.muted.extend(alert.filter(|_| *muted));
        }
        self.scene.committed(proposed);
        self.notifier.apply(told, &[]);
        said
    }

    fn look(&mut self, second: i64, heard: Option<i64>) -> Vec<u64> {
        let proposed = self.scene.looked(second, heard);
        self.follow(second, proposed)
    }

    fn timeout(&mut self, second: i64) -> Vec<u64> {
        let proposed = self.scene.engine.handle_timeout(at(second));
        self.follow(second, proposed)
    }

    fn reading(&mut self, second: i64, value: f64) -> Vec<u64> {
        let proposed = self.scene.propose(second, value);
        self.follow(second, proposed)
    }

    fn over(&mut self, second: i64) -> Vec<u64> {
        let told = self.notifier.over(at(second), &self.scene.catalog);
        let said = told.notices.iter().map(|notice| notice.alert().id.0).collect();
        self.notifier.apply(told, &[]);
        said
    }
}

#[test]
fn a_device_that_is_offline_keeps_what_its_sensors_begin_quiet_until_it_is_back() {
    let mut scene = Told::with([offline(), silence(90), above(30.0)]);
    scene.reading(0, 20.0);
    (1..100).for_each(|second| drop(scene.look(second, Some(0))));
    let fired: Vec<_> = scene.scene.stored.iter().map(|alert| (alert.id.0, alert.state)).collect();
    assert_eq!(fired, [(1, AlertState::Firing)], "it is offline, and told");
    assert!(scene.timeout(150).is_empty());
    assert_eq!(scene.muted.len(), 1, "that its sensor is silent is shown, not told");
    let alert = scene.muted[0].clone();
    assert_eq!(scene.notifier.inhibited_by(&alert), Some(AlertId(1)));
    assert!(scene.over(200).is_empty());
    // A restart knows it from the alerts that are open.
    let open = scene.scene.stored.clone();
    scene.notifier = Notifier::new(at(200), Before { muted: vec![alert.clone()], open, ..Before::default() });
    assert!(scene.over(201).is_empty());
    assert_eq!(scene.notifier.inhibited_by(&alert), Some(AlertId(1)));
    assert_eq!(scene.look(300, None), [1], "it is back");
    // It has a minute to send its readings.
    assert!(scene.over(359).is_empty());
    assert_eq!(scene.over(361), [2], "still silent: told then");
    assert!(scene.over(362).is_empty(), "once");
    assert_eq!(scene.reading(400, 20.0), [2], "and its end");
}

#[test]
fn what_ends_while_its_device_is_offline_is_never_told_and_what_was_told_is_told_of_its_end() {
    let mut scene = Told::with([offline(), silence(90), above(30.0)]);
    assert_eq!(scene.reading(0, 31.0), [1], "before it was offline");
    (1..100).for_each(|second| drop(scene.look(second, Some(0))));
    assert!(scene.timeout(150).is_empty());
    assert_eq!(scene.look(160, None), [2], "the device is back");
    assert_eq!(scene.reading(161, 20.0), [1], "that it is cooler; that it is not silent any more nobody needs to know");
    assert!(scene.over(400).is_empty());
}
