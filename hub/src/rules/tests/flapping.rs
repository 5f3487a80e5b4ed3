//! What people and programs hear of an alert that flaps.

use super::*;
use std::sync::Arc;

use crate::model::alert::Ack;
use crate::model::notice::{Hearers, Mark, Notice};
use crate::model::rule::Severity;
use crate::model::silence::{Silence, SilenceId, SilenceSpec};
use crate::rules::backtest::{Replay, Trial};
use crate::rules::notify::{Before, Notifier};

const MINUTE: i64 = 60;

#[test]
fn the_fourth_change_in_ten_minutes_is_told_as_flapping_and_then_only_how_it_ended() {
    let mut scene = Calmed::with([above(90.0)]);
    assert_eq!(scene.reading(0, 91.0), ["1 firing to all"]);
    assert_eq!(scene.reading(MINUTE, 89.0), ["1 resolved to all"]);
    assert_eq!(scene.reading(2 * MINUTE, 91.0), ["2 firing to all"]);
    assert_eq!(scene.reading(3 * MINUTE, 89.2), ["2 resolved to each", "2 flaps 4 times in 180 s, clear 88.9"]);
    assert_eq!(scene.reading(4 * MINUTE, 91.0), ["3 firing to each"]);
    assert_eq!(scene.reading(5 * MINUTE, 89.0), ["3 resolved to each"]);
    assert_eq!(scene.notifier.poll_timeout(at(5 * MINUTE)), Some(at(15 * MINUTE)));
    assert_eq!(scene.over(14 * MINUTE), NOTHING);
    // The alert that was told of ends, and says when it was calm.
    assert_eq!(scene.over(15 * MINUTE), ["2 resolved to calmed"]);
    assert_eq!(scene.marks, [Mark::Flapping(AlertId(2), true), Mark::Flapping(AlertId(2), false)]);
    assert_eq!(scene.notifier.poll_timeout(at(15 * MINUTE)), None);
    assert_eq!(scene.reading(16 * MINUTE, 91.0), ["4 firing to all"], "it begins anew");
}

#[test]
fn what_fires_when_it_is_calm_again_is_told() {
    let mut scene = Calmed::with([above(90.0)]);
    for minute in 0..5 {
        scene.reading(minute * MINUTE, if minute % 2 == 0 { 91.0 } else { 89.0 });
    }
    assert_eq!(scene.over(14 * MINUTE), ["2 resolved to incidents", "3 firing to calmed"]);
    // Where it is the alert that was told of, nothing has to end.
    let mut scene = Calmed::with([above(90.0)]);
    scene.reading(0, 91.0);
    scene.reading(9 * MINUTE, 89.0);
    scene.reading(9 * MINUTE + 30, 91.0);
    scene.reading(9 * MINUTE + 40, 89.0);
    assert_eq!(scene.reading(10 * MINUTE, 91.0), ["3 firing to each"]);
    assert_eq!(scene.over(20 * MINUTE), ["2 resolved to incidents", "3 firing to calmed"]);
}

#[test]
fn a_slow_change_is_no_flapping() {
    let mut scene = Calmed::with([above(90.0)]);
    for round in 0..20 {
        let value = if round % 2 == 0 { 91.0 } else { 89.0 };
        let state = if round % 2 == 0 { "firing" } else { "resolved" };
        assert_eq!(scene.reading(round * 200, value), [format!("{} {state} to all", round / 2 + 1)]);
    }
}

#[test]
fn a_restart_goes_on_being_calm() {
    let mut scene = Calmed::with([above(90.0)]);
    for minute in 0..5 {
        scene.reading(minute * MINUTE, if minute % 2 == 0 { 91.0 } else { 89.0 });
    }
    let flapping = scene.scene.stored.iter().filter(|alert| alert.id == AlertId(2)).cloned().collect();
    let open = scene.scene.stored.iter().filter(|alert| alert.state == AlertState::Firing).cloned().collect();
    scene.notifier = Notifier::new(at(5 * MINUTE), Before { flapping, open, ..Before::default() });
    assert_eq!(scene.reading(6 * MINUTE, 89.0), ["3 resolved to each"]);
    assert_eq!(scene.over(15 * MINUTE), NOTHING);
    assert_eq!(scene.over(16 * MINUTE), ["2 resolved to calmed"]);
}

#[test]
fn a_start_knows_the_changes_before_it() {
    let mut scene = Calmed::with([above(90.0)]);
    for minute in 0..3 {
        scene.reading(minute * MINUTE, if minute % 2 == 0 { 91.0 } else { 89.0 });
    }
    let recent = scene.scene.stored.clone();
    scene.notifier = Notifier::new(at(3 * MINUTE), Before { recent, ..Before::default() });
    assert_eq!(scene.reading(3 * MINUTE, 89.0), ["2 resolved to each", "2 flaps 4 times in 180 s, clear 88.9"]);
    // What is long ago counts for nothing.
    let recent = scene.scene.stored.clone();
    scene.notifier = Notifier::new(at(30 * MINUTE), Before { recent, ..Before::default() });
    assert_eq!(scene.reading(30 * MINUTE, 91.0), ["3 firing to all"]);
}

#[test]
fn an_acknowledgement_while_it_flaps_is_told_with_what_fires_in_the_end() {
    let mut scene = Calmed::with([above(90.0)]);
    for minute in 0..5 {
        scene.reading(minute * MINUTE, if minute % 2 == 0 { 91.0 } else { 89.0 });
    }
    let firing = scene.scene.stored.iter().find(|alert| alert.state == AlertState::Firing).unwrap();
    let ack = Ack { at: at(5 * MINUTE), by: "anna".into(), comment: None };
    let acked = Alert { acked: Some(Arc::new(ack)), ..firing.clone() };
    let told = scene.notifier.acknowledged(at(5 * MINUTE), vec![acked], &scene.scene.catalog);
    assert_eq!(told.notices.len(), 1);
    assert_eq!(scene.over(14 * MINUTE), ["2 resolved to incidents", "3 firing to calmed", "3 acknowledged"]);
}

#[test]
fn what_ends_under_a_silence_is_told_when_that_is_over() {
    let mut scene = Calmed::with([above(90.0)]);
    for minute in 0..4 {
        scene.reading(minute * MINUTE, if minute % 2 == 0 { 91.0 } else { 89.0 });
    }
    scene.notifier.set_silences(vec![(silence_until(at(20 * MINUTE)), jiff::tz::TimeZone::UTC)]);
    assert_eq!(scene.over(13 * MINUTE), NOTHING);
    assert_eq!(scene.notifier.poll_timeout(at(13 * MINUTE)), Some(at(14 * MINUTE)), "it is looked at again");
    assert_eq!(scene.over(19 * MINUTE), NOTHING);
    assert_eq!(scene.over(20 * MINUTE), ["2 resolved to calmed"]);
}

#[test]
fn with_its_rule_it_ends() {
    let mut scene = Calmed::with([above(90.0)]);
    for minute in 0..5 {
        scene.reading(minute * MINUTE, if minute % 2 == 0 { 91.0 } else { 89.0 });
    }
    let proposed = scene.scene.engine.set_rules(at(6 * MINUTE), &scene.scene.catalog, vec![]);
    assert_eq!(scene.told(6 * MINUTE, proposed), ["3 resolved to each", "2 resolved to calmed"]);
    assert_eq!(scene.notifier.poll_timeout(at(6 * MINUTE)), None);
}

#[test]
fn what_a_person_changes_is_no_flapping_and_begins_anew() {
    let mut scene = Calmed::with([above(30.0)]);
    let edit = |scene: &mut Calmed, second, spec| {
        let proposed = scene.scene.engine.set_rules(at(second), &scene.scene.catalog, vec![rule(1, spec)]);
        scene.told(second, proposed)
    };
    let severe = |severity| RuleSpec { severity, ..above(30.0) };
    assert_eq!(scene.reading(0, 90.0), ["1 firing to all"]);
    assert_eq!(edit(&mut scene, 1, severe(Severity::Info)), ["1 resolved to all"]);
    assert_eq!(scene.reading(2, 95.0), ["2 firing to all"]);
    assert_eq!(edit(&mut scene, 3, severe(Severity::Critical)), ["2 resolved to all"]);
    assert_eq!(scene.reading(4, 95.0), ["3 firing to all"]);
    // What flaps is over with the edit, and from there on it is another course.
    for second in 5..=8 {
        scene.reading(second, if second % 2 == 0 { 95.0 } else { 20.0 });
    }
    assert_eq!(edit(&mut scene, 9, severe(Severity::Info)), ["5 resolved to each", "4 resolved to calmed"]);
    assert_eq!(scene.reading(10, 95.0), ["6 firing to all"]);
}

#[test]
fn with_other_numbers_flapping_begins_anew_whether_something_is_open_or_not() {
    let mut scene = Calmed::with([above(90.0)]);
    let edit = |scene: &mut Calmed, second, limit| {
        let proposed = scene.scene.engine.set_rules(at(second), &scene.scene.catalog, vec![rule(1, above(limit))]);
        scene.told(second, proposed)
    };
    let swings = |scene: &mut Calmed, seconds: &[i64]| {
        let told = seconds.iter().map(|second| scene.reading(*second, if second % 2 == 0 { 95.0 } else { 20.0 }));
        told.collect::<Vec<_>>().concat()
    };
    assert!(swings(&mut scene, &[0, 1, 2, 3]).iter().any(|said| said.contains("flaps")));
    let mut scene = Calmed::with([above(90.0)]);
    swings(&mut scene, &[0, 1]);
    assert_eq!(edit(&mut scene, 2, 91.0), NOTHING);
    assert_eq!(swings(&mut scene, &[4, 5]), ["2 firing to all", "2 resolved to all"]);
    let mut scene = Calmed::with([above(90.0)]);
    swings(&mut scene, &[0, 1, 2]);
    assert_eq!(edit(&mut scene, 3, 91.0), NOTHING, "it goes on");
    assert_eq!(swings(&mut scene, &[5]), ["2 resolved to all"]);
}

#[test]
fn a_proposal_that_is_dropped_is_no_change() {
    let mut scene = Calmed::with([above(90.0)]);
    for minute in 0..3 {
        scene.reading(minute * MINUTE, if minute % 2 == 0 { 91.0 } else { 89.0 });
    }
    let propose = |scene: &mut Calmed| {
        let proposed = scene.scene.propose(3 * MINUTE, 89.0);
        let now = at(3 * MINUTE);
        scene.notifier.decide(now, &proposed.transitions, &scene.scene.catalog, proposed.is_by_hand(), |rule| {
            proposed.renews(rule)
        })
    };
    let first = propose(&mut scene);
    assert_eq!(first.notices.len(), 2);
    assert_eq!(propose(&mut scene), first);
    assert_eq!(scene.notifier.poll_timeout(at(3 * MINUTE)), None);
}

proptest::proptest! {
    /// With the clear value that the message names, the same readings are one alert, by the engine's own backtest.
    #[test]
    fn the_clear_value_that_is_told_would_have_made_it_one_alert(
        values in proptest::collection::vec(-200..200_i32, 8..40),
        op in proptest::sample::select(&[Op::Above, Op::AtLeast, Op::Below, Op::AtMost][..]),
        limit in -50..50_i32,
    ) {
        let limit = f64::from(limit) / 10.0;
        let readings: Vec<Point> =
            values.iter().zip(0..).map(|(value, n)| Point { at: at(n * 15), value: f64::from(*value) / 10.0 }).collect();
        let mut scene = Calmed::with([threshold(op, limit, None)]);
        for (point, n) in readings.iter().zip(0..) {
            let told = scene.reading(n * 15, point.value);
            let Some(clear) = told.iter().find_map(|told| told.split_once("clear ")) else { continue };
            let clear: f64 = clear.1.parse().unwrap();
            let trial = Trial::new(threshold(op, limit, Some(clear)), at(0));
            let series = scene.scene.catalog.series(TEMP).unwrap();
            let mut replay = Replay::new(&trial, series, at(0));
            replay.take(&readings[..=usize::try_from(n).unwrap()]);
            let outcome = replay.finish(at(n * 15 + 1));
            proptest::prop_assert_eq!(outcome.fires, 1, "clear {} of limit {}", clear, limit);
            return Ok(());
        }
    }
}

/// The scene of the engine with the notifier behind it; what it says is what is told, and to whom.
struct Calmed {
    scene: Scene,
    notifier: Notifier,
    marks: Vec<Mark>,
}

impl Calmed {
    fn with(specs: impl IntoIterator<Item = RuleSpec>) -> Self {
        Self { scene: Scene::with(specs), notifier: Notifier::default(), marks: vec![] }
    }

    fn reading(&mut self, second: i64, value: f64) -> Vec<String> {
        let proposed = self.scene.propose(second, value);
        self.told(second, proposed)
    }

    fn told(&mut self, second: i64, proposed: Proposed) -> Vec<String> {
        let catalog = &self.scene.catalog;
        let notified =
            self.notifier.decide(at(second), &proposed.transitions, catalog, proposed.is_by_hand(), |rule| {
                proposed.renews(rule)
            });
        self.scene.committed(proposed);
        self.applied(notified)
    }

    fn over(&mut self, second: i64) -> Vec<String> {
        let notified = self.notifier.over(at(second), &self.scene.catalog);
        self.applied(notified)
    }

    fn applied(&mut self, notified: notify::Notified) -> Vec<String> {
        let told = notified.notices.iter().map(said).collect();
        self.marks.extend(&notified.marks);
        self.notifier.apply(notified, &[]);
        told
    }
}

fn said(notice: &Notice) -> String {
    match notice {
        Notice::Changed { alert, to, .. } => {
            let to = match to {
                Hearers::All => "all",
                Hearers::EachChange => "each",
                Hearers::Calmed => "calmed",
                Hearers::Incidents => "incidents",
                Hearers::One(_) => "one",
            };
            format!("{} {} to {to}", alert.id.0, word(alert.state))
        }
        Notice::Flapping { alert, flaps, .. } => {
            let clear = flaps.clear.map_or_else(String::new, |clear| format!(", clear {clear}"));
            format!("{} flaps {} times in {} s{clear}", alert.id.0, flaps.changes, flaps.within_ms / 1_000)
        }
        Notice::Acknowledged { alert, .. } => format!("{} acknowledged", alert.id.0),
        Notice::Repeated { .. } | Notice::Past { .. } => panic!("{notice:?}"),
    }
}

fn silence_until(until: UnixMillis) -> Silence {
    let spec = SilenceSpec {
        rule: None,
        device: "*".into(),
        sensor: "*".into(),
        labels: Labels::new(),
        from: START,
        until,
        weekly: None,
        comment: String::new(),
    };
    Silence { id: SilenceId(1), spec, created_at: START }
}
