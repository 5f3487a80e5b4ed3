//! Two sensors of one device: their difference, and conditions that are joined.

use super::*;
use crate::model::rule::{Join, Part};
use crate::rules::backtest::{Replay, Trial};

const MINUTE: Duration = Duration::from_secs(60);

fn differs(op: Op, value: f64, within: u64) -> RuleSpec {
    let within = Duration::from_secs(within);
    spec("temp", Condition::Difference { other: "door".into(), within, op, value, clear: None })
}

fn above(value: f64) -> Condition {
    Condition::Threshold { op: Op::Above, value, clear: None }
}

/// Warmer than 30, and the door more than half open.
pub(super) fn joined(join: Join, within: Duration) -> RuleSpec {
    let parts = vec![
        Part { sensor: None, condition: above(30.0) },
        Part { sensor: Some("door".into()), condition: above(0.5) },
    ];
    spec("temp", Condition::Joined { join, parts, within })
}

impl Scene {
    pub(super) fn door(&mut self, second: i64, value: f64) -> Vec<String> {
        self.group(second, &[batch(DOOR, at(second), &[(at(second), value)])])
    }

    /// Both, of one moment, in the order of this list.
    fn both(&mut self, second: i64, [first, then]: [(SeriesId, f64); 2]) -> Vec<String> {
        let mut both = batch(first.0, at(second), &[(at(second), first.1), (at(second), then.1)]);
        both.series = vec![first.0, then.0];
        self.group(second, &[both])
    }
}

#[test]
fn a_difference_is_that_to_the_last_reading_of_the_other() {
    let mut scene = Scene::with([differs(Op::Above, 5.0, 60)]);
    assert_eq!(scene.reading(0, 99.0), NOTHING, "nothing is known of the other");
    assert_eq!(scene.door(1, 20.0), NOTHING);
    assert_eq!(scene.reading(2, 24.0), NOTHING);
    assert_eq!(scene.door(3, 10.0), NOTHING, "judged at the readings of its own");
    assert_eq!(scene.reading(4, 24.0), ["1 firing 14 at 4"]);
    assert_eq!(scene.reading(64, 11.0), NOTHING, "the other is too old: nothing is known");
    assert_eq!(scene.both(65, [(TEMP, 11.0), (DOOR, 9.0)]), ["1 resolved 2 at 65"], "one moment counts together");
}

#[test]
fn all_is_bad_when_all_are_and_good_when_one_is() {
    let mut scene = Scene::with([joined(Join::All, MINUTE)]);
    assert_eq!(scene.reading(0, 31.0), NOTHING, "the door is not known");
    assert_eq!(scene.door(1, 1.0), ["1 firing 2 at 1"]);
    let parts: Vec<_> = scene.stored[0].parts.iter().map(|part| (&*part.sensor, part.value, part.is_true)).collect();
    assert_eq!(parts, [("", Some(31.0), true), ("door", Some(1.0), true)]);
    assert_eq!(scene.stored[0].threshold, 2.0);
    // The door says nothing for longer than a minute: it is not known whether all still are.
    assert_eq!(scene.reading(70, 32.0), NOTHING);
    assert_eq!(scene.reading(71, 29.0), ["1 resolved 0 at 71"], "one that is good is enough");
    let parts: Vec<_> = scene.stored[0].parts.iter().map(|part| (part.value, part.is_true)).collect();
    assert_eq!(parts, [(Some(29.0), false), (None, false)], "it is over by these");
}

#[test]
fn any_is_bad_when_one_is_and_good_when_all_are() {
    let mut scene = Scene::with([joined(Join::Any, MINUTE)]);
    assert_eq!(scene.reading(0, 20.0), NOTHING);
    assert_eq!(scene.door(1, 1.0), ["1 firing 1 at 1"]);
    assert_eq!(scene.reading(2, 31.0), NOTHING);
    assert_eq!(scene.door(3, 0.0), NOTHING, "the other is still");
    assert_eq!(scene.reading(4, 20.0), ["1 resolved 0 at 4"]);
    assert_eq!(scene.reading(200, 31.0), ["2 firing 1 at 200"], "whatever the door is");
    assert_eq!(scene.reading(201, 20.0), ["2 resolved 0 at 201"], "the door is not known, and did not raise it");
    assert_eq!(scene.door(202, 1.0), ["3 firing 1 at 202"]);
    assert_eq!(scene.reading(300, 20.0), NOTHING, "the door raised it, and may still be open");
    assert_eq!(scene.door(301, 0.0), ["3 resolved 0 at 301"]);
}

#[test]
fn a_part_that_raised_an_alert_holds_it_over_a_restart_and_no_longer_than_it_lasts() {
    let mut before = Scene::with([joined(Join::Any, MINUTE)]);
    before.reading(0, 20.0);
    assert_eq!(before.door(1, 1.0), ["1 firing 1 at 1"]);
    let mut after = before.restart();
    after.resume(300, &[(DOOR, Point { at: at(1), value: 1.0 }), (TEMP, Point { at: at(0), value: 20.0 })]);
    assert_eq!(after.reading(301, 20.0), NOTHING, "the door raised it");
    assert_eq!(after.door(302, 0.0), ["1 resolved 0 at 302"]);
    let mut scene = Scene::with([hold(10, joined(Join::Any, MINUTE))]);
    assert_eq!(scene.door(0, 1.0), ["1 pending 1 at 0"]);
    assert_eq!(scene.timeout(400), ["1 cancelled"]);
    scene.reading(500, 31.0);
    assert_eq!(scene.reading(511, 31.0), ["2 firing 1 at 510"]);
    assert_eq!(scene.reading(512, 20.0), ["2 resolved 0 at 512"], "what the door raised was given up");
}

#[test]
fn a_sensor_that_no_watched_device_has_is_named_and_has_no_unit() {
    let mut spec = joined(Join::Any, MINUTE);
    let Condition::Joined { parts, .. } = &mut spec.condition else { unreachable!() };
    parts.push(Part { sensor: Some("nosuch".into()), condition: above(1.0) });
    let mut scene = Scene::with([spec.clone()]);
    scene.door(0, 0.0);
    assert_eq!(scene.reading(1, 31.0), ["1 firing 1 at 1"]);
    let watching = scene.engine.watching();
    assert_eq!(watching.values().map(|one| one.missing.clone()).collect::<Vec<_>>(), [["nosuch"]]);
    assert_eq!(&*scene.stored[0].parts[2].unit, "");
    assert_eq!(scene.reading(2, 20.0), ["1 resolved 0 at 2"], "what is never known holds nothing");
    let (trial, catalog) = (Trial::new(spec, START), catalog());
    assert_eq!(trial.missing(&trial.series(&catalog), &catalog), ["nosuch"]);
    assert!(trial.missing(&[], &catalog).is_empty());
}

#[test]
fn a_backtest_counts_the_readings_of_all_that_it_looks_at() {
    let trial = Trial::new(joined(Join::All, MINUTE), START);
    let catalog = catalog();
    let series = trial.series(&catalog);
    let mut replay = Replay::new(&trial, &series[0], at(0)).looking_beside(&trial.beside(&series[0], &catalog));
    replay.take_of(0, &[Point { at: at(1), value: 31.0 }], false);
    replay.take_of(1, &[Point { at: at(2), value: 1.0 }], false);
    let outcome = replay.finish(at(10));
    assert_eq!((outcome.readings, outcome.judged, outcome.fires), (2, 1, 1));
}

#[test]
fn a_for_is_held_by_the_readings_of_all() {
    let mut scene = Scene::with([hold(10, joined(Join::All, MINUTE))]);
    scene.reading(0, 31.0);
    assert_eq!(scene.door(1, 1.0), ["1 pending 2 at 1"]);
    assert_eq!(scene.reading(8, 31.0), NOTHING);
    assert_eq!(scene.door(12, 1.0), ["1 firing 2 at 11"]);
    let mut gap = Scene::with([hold(10, joined(Join::All, MINUTE))]);
    gap.both(0, [(DOOR, 1.0), (TEMP, 31.0)]);
    assert_eq!(gap.both(100, [(DOOR, 1.0), (TEMP, 31.0)]), ["1 pending 2 at 100"], "nobody knows what was between");
    assert_eq!(gap.timeout(120), NOTHING);
    assert_eq!(gap.timeout(100 + 300), ["1 cancelled"]);
}

#[test]
fn after_a_restart_and_for_a_rule_made_now_the_others_are_known() {
    let mut before = Scene::with([joined(Join::All, MINUTE * 5)]);
    before.door(0, 1.0);
    assert_eq!(before.reading(1, 31.0).len(), 1);
    let mut after = before.restart();
    after.resume(5, &[(DOOR, Point { at: at(0), value: 1.0 }), (TEMP, Point { at: at(1), value: 31.0 })]);
    assert_eq!(after.door(10, 0.0), ["1 resolved 1 at 10"]);
    assert_eq!(after.door(11, 1.0), ["2 firing 2 at 11"]);
    let mut scene = Scene::with([]);
    scene.rules(0, vec![rule(1, spec("*", above(1e9)))]);
    scene.both(1, [(DOOR, 1.0), (TEMP, 31.0)]);
    scene.rules(2, vec![rule(1, spec("*", above(1e9))), rule(2, differs(Op::Above, 5.0, 60))]);
    assert_eq!(scene.reading(3, 31.0), ["1 firing 30 at 3"]);
}

#[test]
fn a_part_that_looks_back_is_read_again_from_the_store() {
    let average = Condition::Figure {
        figure: crate::model::rule::Figure::Average,
        op: Op::Above,
        value: 0.5,
        over: MINUTE,
        clear: None,
    };
    let parts =
        vec![Part { sensor: None, condition: above(30.0) }, Part { sensor: Some("door".into()), condition: average }];
    let mut scene = Scene::with([spec("temp", Condition::Joined { join: Join::All, parts, within: MINUTE })]);
    let last = |series| (series, Point { at: at(100), value: 1.0 });
    scene.resume(100, &[last(TEMP), last(DOOR)]);
    let mut recall = scene.engine.next_recall(at(100)).expect("the door's average");
    assert_eq!((recall.series, recall.from, recall.to), (DOOR, at(40), at(100).plus(1)));
    recall.take(&(40..=100).map(|second| Point { at: at(second), value: 1.0 }).collect::<Vec<_>>());
    scene.engine.recalled(recall);
    assert!(scene.engine.next_recall(at(100)).is_none());
    let bytes = |track: &Track| Some(track.watches.first()?.window.as_ref()?.beside()?.bytes());
    let bytes = scene.engine.tracks.iter().find_map(bytes);
    assert!(bytes.is_some_and(|bytes| bytes <= 2_400), "{bytes:?}");
    assert_eq!(scene.both(101, [(DOOR, 1.0), (TEMP, 31.0)]), ["1 firing 2 at 101"]);
}

#[test]
fn without_the_other_sensor_nothing_is_decided_and_nothing_differs_from_itself() {
    let mut scene = Scene::with([RuleSpec { sensor: "*".into(), ..differs(Op::AtLeast, 0.0, 60) }]);
    assert_eq!(scene.door(0, 1.0), NOTHING);
    assert_eq!(scene.door(1, 1.0), NOTHING);
    assert_eq!(scene.reading(2, 0.0), NOTHING);
    assert_eq!(scene.reading(3, 1.0), ["1 firing 0 at 3"]);
}

fn rules() -> impl Strategy<Value = RuleSpec> {
    let joins = (prop::sample::select(vec![Join::All, Join::Any]), prop_oneof![Just(8), Just(60)]);
    let joins = joins.prop_map(|(join, within)| joined(join, Duration::from_secs(within)));
    let rate = Condition::Rate { op: Op::Above, value: 3.0, per: MINUTE, over: MINUTE, clear: None };
    let parts = vec![
        Part { sensor: Some("door".into()), condition: rate },
        Part { sensor: None, condition: above(30.0) },
        Part { sensor: Some("temp".into()), condition: above(25.0) },
    ];
    let three = spec("temp", Condition::Joined { join: Join::All, parts, within: MINUTE });
    let differs = prop_oneof![Just(differs(Op::Above, 29.4, 8)), Just(differs(Op::Below, 20.3, 60))];
    let seconds = || prop_oneof![Just(0_u64), Just(7)];
    (prop_oneof![3 => joins, 1 => Just(three), 2 => differs], seconds(), seconds())
        .prop_map(|(spec, holds, clears)| hold(holds, figures::clear_for(clears, spec)))
}

proptest! {
    #[test]
    fn a_backtest_of_several_sensors_says_what_the_live_engine_would_have_said(
        spec in rules(),
        events in prop::collection::vec((prop_oneof![8 => 0..6_i64, 1 => 20..90_i64], 0..3_u8, 15..40_i32, any::<bool>()), 1..200),
    ) {
        let mut scene = Scene::with([spec.clone()]);
        let (mut now, mut spans) = (0, Vec::new());
        let (mut temps, mut doors) = (Vec::<Point>::new(), Vec::<Point>::new());
        let mut follow = |told: Vec<windows::Told>| {
            for (_, state, at, value) in told {
                match state {
                    "firing" => spans.push((at, None, Some(value))),
                    "resolved" => spans.last_mut().unwrap().1 = Some(at),
                    _ => {}
                }
            }
        };
        for (gap, which, value, is_open) in events {
            now += gap + 1;
            let temp = (TEMP, Point { at: at(now), value: f64::from(value) });
            let door = (DOOR, Point { at: at(now), value: f64::from(u8::from(is_open)) });
            let rows = match which {
                0 => vec![temp],
                1 => vec![door],
                _ if is_open => vec![temp, door],
                _ => vec![door, temp],
            };
            for (series, point) in &rows {
                if *series == TEMP { temps.push(*point) } else { doors.push(*point) }
            }
            while let Some(due) = scene.engine.poll_timeout().filter(|due| *due < at(now)) {
                follow(windows::committed(&mut scene, |engine, _| engine.handle_timeout(due)));
            }
            let mut all = batch(TEMP, at(now), &rows.iter().map(|(_, point)| (point.at, point.value)).collect::<Vec<_>>());
            all.series = rows.iter().map(|(series, _)| *series).collect();
            follow(windows::committed(&mut scene, |engine, catalog| {
                engine.prepare(catalog, std::slice::from_ref(&all));
                engine.evaluate(at(now), std::slice::from_ref(&all))
            }));
        }
        let trial = Trial::new(spec, START);
        let catalog = catalog();
        let series = trial.series(&catalog);
        prop_assert_eq!(series.len(), 1);
        let beside = trial.beside(&series[0], &catalog);
        prop_assert_eq!(beside.len(), 1);
        let mut replay = Replay::new(&trial, &series[0], at(0)).looking_beside(&beside);
        let (mut pages, ends) = ([temps.chunks(37), doors.chunks(23)], [temps.len(), doors.len()]);
        let mut taken = [0, 0];
        while let Some(which) = replay.wants() {
            let page = pages[which].next().unwrap_or(&[]);
            taken[which] += page.len();
            replay.take_of(which, page, taken[which] < ends[which]);
        }
        let outcome = replay.finish(at(now));
        let found: Vec<_> = outcome.spans.iter().map(|span| (span.from, span.to, span.value)).collect();
        prop_assert_eq!(outcome.fires, spans.len() as u64);
        spans.truncate(backtest::SPANS);
        prop_assert_eq!(found, spans);
    }
}
