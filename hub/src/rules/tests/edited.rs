//! Rules that are edited while alerts of them are open.

use super::figures::{clear_for, figure, stuck};
use super::forecast::forecast;
use super::together::joined;
use super::windows::{deviation, rate, wobble};
use super::*;
use crate::model::rule::{Figure, Join, Part};
use crate::rules::condition::threshold as threshold_of;

#[test]
fn a_deleted_or_disabled_rule_resolves_its_alerts() {
    let mut scene = Scene::with([above(30.0), hold(60, above(20.0))]);
    assert_eq!(scene.reading(0, 31.0), ["1 firing 31 at 0", "2 pending 31 at 0"]);
    assert_eq!(scene.rules(5, vec![disabled(rule(1, above(30.0)))]), ["1 resolved 31 at 5", "2 cancelled"]);
    assert_eq!(scene.reading(6, 31.0), NOTHING);
    assert_eq!(scene.engine.poll_timeout(), None);
}

#[test]
fn a_rule_that_names_the_same_series_in_another_way_ends_nothing() {
    let mut scene = Scene::with([above(30.0)]);
    scene.reading(0, 31.0);
    let mut other = rule(1, above(30.0));
    (other.spec.device, other.spec.sensor) = ("boiler-?".into(), "te*".into());
    assert_eq!(scene.rules(1, vec![other.clone()]), NOTHING);
    other.spec.device = "elsewhere".into();
    assert_eq!(scene.rules(2, vec![other]), ["1 resolved 31 at 2"]);
}

#[test]
fn a_changed_rule_starts_afresh_but_a_changed_name_ends_nothing() {
    let mut scene = Scene::with([above(30.0)]);
    scene.reading(0, 31.0);
    let mut renamed = rule(1, above(30.0));
    renamed.spec.name = "other".into();
    assert_eq!(scene.rules(1, vec![renamed]), NOTHING);
    let grave = RuleSpec { severity: Severity::Critical, ..above(30.0) };
    assert_eq!(scene.rules(2, vec![rule(1, grave)]), ["1 resolved 31 at 2"]);
    assert_eq!(scene.reading(3, 31.0), ["2 firing 31 at 3"]);
}

#[test]
fn an_alert_goes_on_under_another_limit_that_the_last_reading_is_beyond_and_ends_under_one_that_it_is_within() {
    let mut scene = Scene::with([above(30.0)]);
    scene.reading(0, 31.0);
    assert_eq!(scene.rules(1, vec![rule(1, hold(60, threshold(Op::Above, 25.0, Some(20.0))))]), NOTHING);
    assert_eq!(scene.stored[0].threshold, 25.0);
    assert_eq!(scene.reading(2, 22.0), NOTHING, "between");
    let scene_after = scene.restart();
    assert_eq!(scene_after.resumed, NOTHING);
    assert_eq!(scene.rules(3, vec![rule(1, hold(5, threshold(Op::Above, 25.0, Some(21.0))))]), NOTHING);
    assert_eq!(scene.rules(4, vec![rule(1, threshold(Op::Above, 24.0, Some(20.0)))]), ["1 resolved 31 at 4"]);
    assert_eq!((scene.stored[0].threshold, scene.stored[0].last), (25.0, None), "its rule ended it, no reading");
    assert_eq!(scene.reading(5, 25.0), ["2 firing 25 at 5"]);
    assert_eq!(scene.rules(6, vec![rule(1, threshold(Op::Below, 40.0, None))]), ["2 resolved 25 at 6"], "another side");
    assert_eq!(scene.rules(7, vec![rule(1, hold(60, above(20.0)))]), NOTHING);
    assert_eq!(scene.reading(8, 25.0), ["3 pending 25 at 8"]);
    assert_eq!(scene.rules(9, vec![rule(1, hold(60, above(21.0)))]), ["3 cancelled"]);
}

#[test]
fn a_longer_clear_for_goes_on_and_a_shorter_one_that_has_passed_ends_it() {
    let well = |clears: u64, limit: f64| clear_for(clears, above(limit));
    let good_since_2 = || {
        let mut scene = Scene::with([well(5, 30.0)]);
        scene.reading(0, 31.0);
        for second in 2..5 {
            assert_eq!(scene.reading(second, 20.0), NOTHING);
        }
        scene
    };
    let mut longer = good_since_2();
    assert_eq!(longer.rules(5, vec![rule(1, well(10, 30.0))]), NOTHING, "it has not been good for so long");
    assert_eq!(longer.stored[0].well_since, Some(at(2)));
    for second in 5..12 {
        assert_eq!(longer.reading(second, 20.0), NOTHING);
    }
    assert_eq!(longer.reading(12, 20.0), ["1 resolved 20 at 12"]);
    assert_eq!(good_since_2().rules(5, vec![rule(1, well(2, 30.0))]), ["1 resolved 31 at 5"]);
    assert_eq!(good_since_2().rules(5, vec![rule(1, well(10, 40.0))]), ["1 resolved 31 at 5"], "within a new limit");
}

#[test]
fn a_silence_that_may_last_longer_and_has_not_ends_with_its_rule_and_keeps_its_begin() {
    let mut scene = Scene::with([silence(100)]);
    scene.resume(-1_000, &[]);
    scene.reading(0, 1.0);
    assert_eq!(scene.timeout(100), ["1 firing - at 100"]);
    assert_eq!(scene.rules(150, vec![rule(1, silence(300))]), ["1 resolved - at 150"]);
    let over = &scene.stored[0];
    assert_eq!((over.threshold, over.started_at, over.last), (100.0, at(100), None), "silent since 0, and still");
    let mut heard = Scene::with([silence(100)]);
    heard.resume(-1_000, &[]);
    heard.reading(0, 1.0);
    heard.timeout(100);
    assert_eq!(heard.reading(150, 1.0), ["1 resolved 0 at 150"]);
}

/// Fires by these readings, a second apart; the scene, and the second after them.
fn fired(spec: &RuleSpec, values: impl IntoIterator<Item = f64>) -> (Scene, i64) {
    let mut scene = Scene::with([spec.clone()]);
    let mut second = 0;
    for value in values {
        scene.reading(second, value);
        second += 1;
    }
    assert_eq!(scene.stored.iter().filter(|alert| alert.state == AlertState::Firing).count(), 1, "{:?}", scene.stored);
    (scene, second)
}

#[test]
fn under_other_numbers_an_alert_goes_on_while_it_is_true_whatever_its_condition_is() {
    let rising = || (0..60).map(f64::from);
    let still = || std::iter::repeat_n(21.5, 40);
    let jump = || (0..40).map(wobble).chain([60.0]);
    let average = |value, over| figure(Figure::Average, Op::Above, value, over);
    let slower = |value, over| rate(Op::Above, value, 1, over, None);
    let increase = |value, over| {
        spec("temp", Condition::Increase { op: Op::Above, value, over: Duration::from_secs(over), clear: None })
    };
    let forecast = |value, within| forecast(Op::Above, value, (within, 30), None);
    type Case = (RuleSpec, Vec<f64>, RuleSpec, RuleSpec);
    let cases: [Case; 7] = [
        (average(10.0, 20), rising().collect(), average(40.0, 20), average(58.0, 20)),
        (average(10.0, 20), rising().collect(), average(40.0, 40), average(58.0, 40)),
        (slower(0.5, 10), rising().collect(), slower(0.9, 10), slower(1.5, 10)),
        (increase(5.0, 10), rising().collect(), increase(9.0, 20), increase(11.0, 10)),
        (stuck(0.5, 20), still().collect(), stuck(0.2, 30), stuck(0.5, 60)),
        (
            deviation(4.0, 30, None, None),
            jump().collect(),
            deviation(6.0, 30, None, None),
            deviation(1e6, 30, None, None),
        ),
        (forecast(100.0, 60), rising().collect(), forecast(95.0, 50), forecast(1_000.0, 60)),
    ];
    for (is, values, true_still, true_no_more) in cases {
        let (mut scene, second) = fired(&is, values.clone());
        let held = clear_for(9, hold(5, true_still.clone()));
        let told = scene.rules(second, vec![rule(1, held)]);
        // What stands still is an alert from when it has for as long as it may.
        assert!(told.iter().all(|said| said == "1 began at 30"), "{is:?}: {told:?}");
        let alert = scene.stored.last().unwrap();
        assert_eq!((alert.id.0, alert.state), (1, AlertState::Firing), "{is:?}");
        let next = if matches!(is.condition, Condition::Stuck { .. }) { 21.5 } else { second as f64 };
        assert_eq!(scene.reading(second, next), NOTHING, "the memory goes on: {is:?}");
        let (mut scene, second) = fired(&is, values);
        let told = scene.rules(second, vec![rule(1, true_no_more)]);
        assert!(told.len() == 1 && told[0].starts_with("1 resolved"), "{is:?}: {told:?}");
        let over = scene.stored.last().unwrap();
        assert_eq!(
            (over.last, over.threshold),
            (None, threshold_of(&is.condition)),
            "as it fired, and no reading ended it: {is:?}"
        );
    }
}

#[test]
fn a_silence_goes_on_as_long_as_it_is_one_by_its_new_time_and_begins_accordingly() {
    let silent = || {
        let mut scene = Scene::with([silence(100)]);
        scene.resume(-1_000, &[]);
        scene.reading(0, 1.0);
        assert_eq!(scene.timeout(100), ["1 firing - at 100"]);
        scene
    };
    let mut scene = silent();
    assert_eq!(scene.rules(150, vec![rule(1, silence(140))]), ["1 began at 140"]);
    assert_eq!((scene.stored[0].threshold, scene.stored[0].fired_at), (140.0, Some(at(140))));
    assert_eq!(scene.reading(160, 1.0), ["1 resolved 0 at 160"]);
    assert_eq!(silent().rules(150, vec![rule(1, silence(200))]), ["1 resolved - at 150"]);
}

#[test]
fn what_is_joined_goes_on_by_each_of_its_parts() {
    let both = |warm: f64, open: f64| {
        let above = |value| Condition::Threshold { op: Op::Above, value, clear: None };
        let parts = vec![
            Part { sensor: None, condition: above(warm) },
            Part { sensor: Some("door".into()), condition: above(open) },
        ];
        spec("temp", Condition::Joined { join: Join::All, parts, within: Duration::from_secs(60) })
    };
    let fired = || {
        let mut scene = Scene::with([joined(Join::All, Duration::from_secs(60))]);
        scene.reading(0, 31.0);
        assert_eq!(scene.door(1, 1.0), ["1 firing 2 at 1"]);
        scene
    };
    let mut scene = fired();
    assert_eq!(scene.rules(2, vec![rule(1, both(29.0, 0.9))]), NOTHING);
    let limits: Vec<_> = scene.stored[0].parts.iter().map(|part| part.threshold).collect();
    assert_eq!(limits, [29.0, 0.9], "those in force");
    assert_eq!(scene.door(3, 0.8), ["1 resolved 1 at 3"], "by the new limit, and what temp said is known still");
    assert_eq!(fired().rules(2, vec![rule(1, both(31.0, 0.5))]).len(), 1);
}

#[test]
fn a_memory_that_reaches_back_otherwise_is_read_again() {
    let average = |over| figure(Figure::Average, Op::Above, 10.0, over);
    let (mut scene, second) = fired(&average(20), (0..60).map(f64::from));
    while scene.engine.next_recall(at(second)).is_some() {}
    scene.rules(second, vec![rule(1, figure(Figure::Average, Op::Above, 12.0, 20))]);
    assert!(scene.engine.next_recall(at(second)).is_none(), "it is there");
    scene.rules(second, vec![rule(1, average(40))]);
    assert!(scene.engine.next_recall(at(second)).is_some());
}
