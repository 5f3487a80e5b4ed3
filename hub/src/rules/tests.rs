//! The engine in virtual time: time is moved by hand, and "committed" means applied.

mod bounds;
mod clocks;
mod count;
mod counters;
mod deviation;
mod edited;
mod figures;
mod flapping;
mod forecast;
mod quiet;
mod recall;
mod repeats;
mod restarts;
mod review;
pub(in crate::rules) mod scene;
mod silences;
mod together;
mod unknown;
mod windows;

use std::time::Duration;

use proptest::prelude::*;

use self::scene::*;
use super::*;
use crate::model::alert::Transition;
use crate::model::device::{Device, DeviceNo, Labels, Standing};
use crate::model::reading::BatchId;
use crate::model::rule::{Condition, Op, RuleSpec, Severity};
use crate::model::{DeviceId, Lane, SensorKind, SensorNo, numbering};

#[test]
fn an_alert_fires_at_once_without_a_hold() {
    let mut scene = Scene::with([above(30.0)]);
    assert_eq!(scene.reading(0, 29.0), NOTHING);
    assert_eq!(scene.reading(1, 31.0), ["1 firing 31 at 1"]);
    assert_eq!(scene.reading(2, 32.0), NOTHING);
    assert_eq!(scene.reading(3, 30.0), ["1 resolved 30 at 3"]);
}

#[test]
fn an_alert_keeps_what_fired_it_the_worst_and_what_ended_it() {
    let numbers = |scene: &Scene| scene.stored.last().map(|alert| (alert.value, alert.worst, alert.last)).unwrap();
    let mut scene = Scene::with([hold(3, above(30.0))]);
    (0..3).for_each(|second| drop(scene.reading(second, 35.0)));
    scene.reading(3, 31.0);
    assert_eq!(numbers(&scene), (Some(31.0), Some(35.0), None), "it was worse before it fired");
    // Written when it is a tenth farther beyond the limit; a restart goes on from there.
    assert_eq!(scene.propose(4, 35.01).transitions, []);
    scene.reading(4, 40.0);
    assert_eq!(numbers(&scene), (Some(31.0), Some(40.0), None));
    scene.reading(5, 40.01);
    scene.reading(6, 33.0);
    let mut again = scene.restart();
    for scene in [&mut scene, &mut again] {
        scene.reading(7, 20.0);
    }
    assert_eq!(numbers(&scene), (Some(31.0), Some(40.01), Some(20.0)), "in memory it is exact");
    assert_eq!(numbers(&again), (Some(31.0), Some(40.0), Some(20.0)));
    let mut cold = Scene::with([threshold(Op::Below, -5.0, None)]);
    [-6.0, -20.0, -7.0, 1.0].into_iter().zip(0..).for_each(|(value, second)| drop(cold.reading(second, value)));
    assert_eq!(numbers(&cold), (Some(-6.0), Some(-20.0), Some(1.0)), "below the limit the smallest is the worst");
}

#[test]
fn an_alert_that_no_reading_ends_has_no_last_value() {
    let mut scene = Scene::with([above(30.0)]);
    scene.reading(0, 35.0);
    assert_eq!(scene.rules(1, Vec::new()), ["1 resolved 35 at 1"]);
    assert_eq!(scene.stored[0].last, None);
}

#[test]
fn an_alert_fires_only_after_its_hold_time() {
    let mut scene = Scene::with([hold(60, above(30.0))]);
    assert_eq!(scene.reading(0, 31.0), ["1 pending 31 at 0"]);
    for second in 1..60 {
        assert_eq!(scene.reading(second, 31.0), NOTHING);
    }
    assert_eq!(scene.reading(60, 32.0), ["1 firing 32 at 60"]);
    assert_eq!(scene.timeout(400), NOTHING);
    assert_eq!(scene.engine.poll_timeout(), None);
}

#[test]
fn one_reading_followed_by_silence_holds_nothing() {
    let mut scene = Scene::with([hold(60, above(30.0))]);
    scene.reading(0, 31.0);
    assert_eq!(scene.timeout(60), NOTHING);
    assert_eq!(scene.engine.poll_timeout(), Some(at(300)), "it is given up");
    assert_eq!(scene.timeout(300), ["1 cancelled"]);
    assert_eq!(scene.reading(400, 31.0), ["2 pending 31 at 400"]);
    // Two hours later it is true again, and nobody knows of the time between.
    assert_eq!(scene.reading(7_600, 31.0), ["2 pending 31 at 7600"]);
}

#[test]
fn a_reading_behind_a_gap_that_measures_nothing_holds_nothing_either() {
    let mut scene = Scene::with([hold(7, windows::rate(Op::Above, 1.0, 1, 20, None))]);
    (0..30).for_each(|second| drop(scene.reading(second, 20.0)));
    assert_eq!(scene.reading(30, 90.0), ["1 pending 3.5 at 30"]);
    // Nothing is known of the minute between, and the rate begins anew: it was true for one reading.
    assert_eq!(scene.reading(100, 90.0), ["1 cancelled"]);
    assert_eq!(scene.timeout(200), NOTHING);
}

#[test]
fn a_reading_that_measures_nothing_fires_nothing() {
    let mut scene = Scene::with([hold(7, windows::rate(Op::Above, 2.0, 60, 60, None))]);
    [(1, 50.0), (49, 50.0)].into_iter().for_each(|(second, value)| drop(scene.reading(second, value)));
    assert_eq!(scene.reading(54, 80.0), ["1 pending 33.9622641509434 at 54"]);
    assert_eq!(scene.reading(59, 80.0), NOTHING);
    // The reading that the rate was counted from has left the window, so nobody knows whether it rises still.
    assert_eq!(scene.reading(62, 80.0), NOTHING);
    assert_eq!(scene.timeout(70), NOTHING);
}

#[test]
fn a_sensor_that_announced_to_say_nothing_for_so_long_fires_without_another_reading() {
    let mut scene = Scene::with([hold(60, sensor("door", above(0.5)))]);
    let mut door = |second: i64, value: f64| scene.group(second, &[batch(DOOR, at(second), &[(at(second), value)])]);
    door(0, 1.0);
    assert_eq!(scene.timeout(59), NOTHING);
    assert_eq!(scene.timeout(60), ["1 firing 1 at 60"]);
}

#[test]
fn a_later_reading_fires_a_held_alert_without_waiting_for_the_timer() {
    let mut scene = Scene::with([hold(10, above(30.0))]);
    scene.reading(0, 31.0);
    assert_eq!(scene.reading(9, 32.0), NOTHING);
    assert_eq!(scene.reading(12, 33.0), ["1 firing 33 at 10"]);
}

#[test]
fn a_pending_alert_whose_condition_goes_away_is_cancelled_and_the_next_has_a_new_id() {
    let mut scene = Scene::with([hold(60, above(30.0))]);
    scene.reading(0, 31.0);
    assert_eq!(scene.reading(10, 29.0), ["1 cancelled"]);
    assert_eq!(scene.timeout(70), NOTHING);
    assert_eq!(scene.reading(80, 31.0), ["2 pending 31 at 80"]);
}

#[test]
fn a_firing_alert_lasts_until_the_clear_value_is_reached() {
    let mut scene = Scene::with([threshold(Op::Above, 30.0, Some(28.0))]);
    scene.reading(0, 31.0);
    assert_eq!(scene.reading(1, 29.0), NOTHING);
    assert_eq!(scene.reading(2, 30.5), NOTHING);
    assert_eq!(scene.reading(3, 28.0), ["1 resolved 28 at 3"]);
    assert_eq!(scene.reading(4, 29.0), NOTHING);
    assert_eq!(scene.reading(5, 31.0), ["2 firing 31 at 5"]);
}

#[test]
fn backfill_raises_no_alert_and_ends_none() {
    let mut scene = Scene::with([above(30.0)]);
    let recovered = Batch { lane: Lane::Recovered, ..batch(TEMP, at(0), &[(at(0), 99.0)]) };
    assert_eq!(scene.group(0, &[recovered]), NOTHING);
    scene.reading(1, 31.0);
    let recovered = Batch { lane: Lane::Recovered, ..batch(TEMP, at(2), &[(at(2), 0.0)]) };
    assert_eq!(scene.group(2, &[recovered]), NOTHING);
}

#[test]
fn readings_too_late_or_from_the_future_decide_nothing() {
    let mut scene = Scene::with([above(30.0)]);
    assert_eq!(scene.group(61, &[batch(TEMP, at(61), &[(at(0), 99.0)])]), NOTHING);
    assert_eq!(scene.group(61, &[batch(TEMP, at(61), &[(at(61 + 301), 99.0)])]), NOTHING);
    assert_eq!(scene.group(61, &[batch(TEMP, at(61), &[(at(1), 99.0)])]), ["1 firing 99 at 1"]);
}

#[test]
fn a_slow_sensor_may_be_late_by_two_of_its_intervals() {
    let mut scene = Scene::with([sensor("door", above(0.5))]);
    assert_eq!(scene.group(1201, &[batch(DOOR, at(1201), &[(at(0), 1.0)])]), NOTHING);
    assert_eq!(scene.group(1200, &[batch(DOOR, at(1200), &[(at(0), 1.0)])]), ["1 firing 1 at 0"]);
}

#[test]
fn a_reading_older_than_the_last_evaluated_one_is_ignored() {
    let mut scene = Scene::with([above(30.0)]);
    scene.reading(10, 31.0);
    assert_eq!(scene.group(11, &[batch(TEMP, at(11), &[(at(9), 0.0)])]), NOTHING);
    assert_eq!(scene.group(11, &[batch(TEMP, at(11), &[(at(10), 0.0)])]), ["1 resolved 0 at 10"]);
}

#[test]
fn silence_fires_after_its_time_and_ends_with_the_next_reading() {
    let mut scene = Scene::with([silence(300)]);
    scene.reading(0, 1.0);
    scene.reading(100, 1.0);
    assert_eq!(scene.timeout(300), NOTHING, "the reading at 100 s moved the deadline");
    assert_eq!(scene.engine.poll_timeout(), Some(at(400)));
    assert_eq!(scene.timeout(400), ["1 firing - at 400"]);
    assert_eq!(scene.engine.poll_timeout(), None);
    assert_eq!(scene.reading(450, 1.0), ["1 resolved 0 at 450"]);
    assert_eq!(scene.engine.poll_timeout(), Some(at(750)));
}

#[test]
fn silence_with_a_hold_is_pending_in_between() {
    let mut scene = Scene::with([hold(60, silence(300))]);
    scene.reading(0, 1.0);
    assert_eq!(scene.timeout(300), ["1 pending - at 300"]);
    assert_eq!(scene.reading(310, 1.0), ["1 cancelled"]);
    assert_eq!(scene.timeout(610), ["2 pending - at 610"]);
    assert_eq!(scene.timeout(670), ["2 firing - at 670"]);
}

#[test]
fn a_series_never_heard_is_not_silent() {
    let mut scene = Scene::with([silence(300)]);
    scene.resume(0, &[]);
    assert_eq!(scene.engine.poll_timeout(), None);
}

#[test]
fn a_device_that_loses_its_label_loses_its_alerts_and_a_deleted_one_takes_them_along() {
    let mut labelled = above(30.0);
    labelled.labels = Labels::from([("room".into(), "lab".into())]);
    let mut scene = Scene::with([labelled, above(20.0)]);
    assert_eq!(scene.reading(0, 31.0).len(), 2);
    let mut device = scene.catalog.device(DeviceNo(1)).cloned().unwrap();
    device.labels.clear();
    scene.catalog.put_device(device);
    let proposed = scene.engine.catalog_changed(at(1), &scene.catalog);
    assert_eq!(scene.committed(proposed), ["1 resolved 31 at 1"]);
    scene.catalog.remove_device(DeviceNo(1));
    let proposed = scene.engine.catalog_changed(at(2), &scene.catalog);
    assert_eq!(scene.committed(proposed), NOTHING, "the store has removed the rows");
}

#[test]
fn of_a_blocked_device_nothing_fires_any_more_and_once_it_is_let_in_again_it_does() {
    let mut scene = Scene::with([above(30.0), silence(60)]);
    assert_eq!(scene.reading(0, 31.0), ["1 firing 31 at 0"]);
    let stands = |scene: &mut Scene, second, standing| {
        let device = scene.catalog.device(DeviceNo(1)).cloned().unwrap();
        scene.catalog.put_device(Device { standing, ..device });
        let proposed = scene.engine.catalog_changed(at(second), &scene.catalog);
        scene.committed(proposed)
    };
    assert_eq!(stands(&mut scene, 1, Standing::Blocked), ["1 resolved 31 at 1"]);
    assert_eq!(scene.timeout(600), NOTHING, "nor is it missed");
    assert_eq!(stands(&mut scene, 601, Standing::Adopted), NOTHING);
    assert_eq!(scene.reading(602, 31.0), ["2 firing 31 at 602"]);
}

#[test]
fn a_rule_reaches_devices_by_name_and_by_id_and_no_others() {
    let id = DeviceId::from_bytes([1; 16]).to_string();
    for (glob, reached) in [("boiler*", true), (id.as_str(), true), ("pump*", false)] {
        let mut scene = Scene::with([RuleSpec { device: glob.into(), ..above(30.0) }]);
        assert_eq!(!scene.reading(0, 31.0).is_empty(), reached, "{glob}");
    }
}

#[test]
fn several_changes_of_one_series_in_one_group_come_in_order() {
    let mut scene = Scene::with([hold(10, above(30.0))]);
    let rows = [(at(0), 31.0), (at(5), 1.0), (at(6), 31.0), (at(20), 31.0), (at(21), 1.0), (at(22), 31.0)];
    assert_eq!(
        scene.group(22, &[batch(TEMP, at(22), &rows)]),
        [
            "1 pending 31 at 0",
            "1 cancelled",
            "2 pending 31 at 6",
            "2 firing 31 at 16",
            "2 resolved 1 at 21",
            "3 pending 31 at 22"
        ]
    );
}

#[test]
fn a_reading_taken_before_the_alert_fired_by_timeout_ends_it_no_earlier_than_it_fired() {
    let mut scene = Scene::with([hold(60, sensor("door", above(0.5)))]);
    scene.group(0, &[batch(DOOR, at(0), &[(at(0), 1.0)])]);
    scene.timeout(60);
    assert_eq!(scene.group(65, &[batch(DOOR, at(65), &[(at(30), 0.0)])]), ["1 resolved 0 at 60"]);
}

#[test]
fn a_transition_carries_the_thirty_newest_points() {
    let mut scene = Scene::with([above(30.0)]);
    for second in 0..50 {
        scene.reading(second, second.min(20) as f64);
    }
    scene.engine.prepare(&scene.catalog, &[]);
    let proposed = scene.engine.evaluate(at(50), &[batch(TEMP, at(50), &[(at(50), 31.0)])]);
    let [Transition::Put { points, .. }] = proposed.transitions.as_slice() else { panic!("{proposed:?}") };
    assert_eq!(points.len(), 30);
    assert_eq!((points[0].at, points[29].at), (at(21), at(50)));
}

#[test]
fn evaluate_without_apply_changes_nothing() {
    let mut scene = Scene::with([hold(60, above(30.0)), silence(10)]);
    scene.reading(0, 31.0);
    // They follow from the tracks, and are found again.
    scene.engine.room.bounds.clear();
    let before = format!("{:?}", scene.engine);
    let rows = batch(TEMP, at(61), &[(at(61), 31.0), (at(62), 1.0)]);
    assert!(!scene.engine.evaluate(at(62), &[rows]).is_empty());
    assert!(!scene.engine.handle_timeout(at(100)).is_empty());
    assert!(!scene.engine.set_rules(at(100), &scene.catalog, vec![]).is_empty());
    assert_eq!(format!("{:?}", scene.engine), before);
}

#[test]
fn readings_nobody_watches_propose_nothing() {
    let mut scene = Scene::with([sensor("door", above(0.5))]);
    let rows = [batch(TEMP, at(0), &[(at(0), 1.0)])];
    scene.engine.prepare(&scene.catalog, &rows);
    assert!(scene.engine.evaluate(at(0), &rows).is_empty());
}

proptest! {
    #[test]
    fn a_group_gives_exactly_what_its_readings_give_one_by_one(
        rows in prop::collection::vec((0..2_u32, -70..70_i64, 0..40_i32), 1..120),
        cuts in prop::collection::vec(1..20_usize, 1..40),
    ) {
        let rules = || [hold(5, above(30.0)), threshold(Op::Below, 10.0, Some(15.0)), hold(20, silence(30)), silence(5)];
        let (mut grouped, mut single) = (Scene::with(rules()), Scene::with(rules()));
        let (mut rest, mut cuts, mut now) = (rows.as_slice(), cuts.into_iter().cycle(), 0);
        while !rest.is_empty() {
            let (group, after) = rest.split_at(cuts.next().unwrap().min(rest.len()));
            rest = after;
            now += 7;
            let batches: Vec<_> = group
                .iter()
                .map(|&(series, shift, value)| batch(SeriesId(series), at(now), &[(at(now + shift), f64::from(value))]))
                .collect();
            let together = grouped.group(now, &batches);
            let apart: Vec<_> = batches.iter().flat_map(|one| single.group(now, std::slice::from_ref(one))).collect();
            prop_assert_eq!(together, apart);
            if now % 3 == 0 {
                prop_assert_eq!(grouped.timeout(now), single.timeout(now));
            }
        }
        // A deadline may be queued earlier than needed, at different moments in the two: looking removes that.
        now += 1000;
        prop_assert_eq!(grouped.timeout(now), single.timeout(now));
        prop_assert_eq!(grouped.engine.poll_timeout(), single.engine.poll_timeout());
        prop_assert!(grouped.engine.poll_timeout().is_none_or(|next| next > at(now)));
    }
}
