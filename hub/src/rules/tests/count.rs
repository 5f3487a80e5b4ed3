//! How many devices are in a state: one alert for all of them.

use super::*;
use crate::model::catalog::Series;
use crate::model::device::Device;
use crate::rules::backtest::{Outcome, Replay, Trial};
use crate::rules::tally;

/// `temp` of a device, from 1 on.
fn temp(no: u32) -> SeriesId {
    SeriesId(100 + no)
}

fn counting(op: Op, value: f64, clear: Option<f64>, state: RuleSpec) -> RuleSpec {
    spec("t", Condition::Count { of: Box::new(state.condition), op, value, clear })
}

fn at_least(number: i32, state: RuleSpec) -> RuleSpec {
    counting(Op::AtLeast, f64::from(number), None, state)
}

fn four() -> Catalog {
    let mut catalog = catalog();
    for no in 1..=4 {
        catalog.put_device(Device { name: format!("node-{no}"), ..device(no) });
        catalog.put_series(series(no));
    }
    catalog
}

fn series(no: u32) -> Series {
    Series {
        id: temp(no),
        device: DeviceNo(no),
        sensor: "t".into(),
        unit: "Cel".into(),
        kind: SensorKind::Gauge,
        kind_by_owner: false,
        interval_ms: 1_000,
    }
}

/// Four devices, and these rules.
fn scene(specs: impl IntoIterator<Item = RuleSpec>) -> Scene {
    let mut scene = Scene::with(specs);
    scene.catalog = four();
    scene
}

fn says(scene: &mut Scene, second: i64, no: u32, value: f64) -> Vec<String> {
    let mut batch = batch(temp(no), at(second), &[(at(second), value)]);
    batch.id.device = DeviceNo(no);
    scene.group(second, &[batch])
}

#[test]
fn one_alert_tells_of_so_many_devices_and_names_some() {
    let mut scene = scene([at_least(2, above(30.0))]);
    assert_eq!(says(&mut scene, 0, 1, 31.0), NOTHING);
    assert_eq!(says(&mut scene, 1, 3, 31.0), ["1 firing 2 at 1"]);
    let fired = scene.stored[0].clone();
    assert_eq!(
        (fired.about, fired.threshold, fired.measure),
        (Subject::Selection, 2.0, crate::model::measure::Measure::Devices)
    );
    assert_eq!(fired.counted().collect::<Vec<_>>(), ["node-1", "node-3"]);
    let of = fired.counting().unwrap();
    assert_eq!(
        (&*of.sensor, &*of.unit, of.threshold, of.value),
        ("t", "Cel", 30.0, Some(2.0)),
        "as far as they were heard"
    );
    assert_eq!(says(&mut scene, 2, 2, 31.0), NOTHING);
    assert_eq!(says(&mut scene, 3, 4, 31.0), NOTHING);
    assert_eq!(scene.stored[0].worst, Some(4.0));
    for (second, no) in [(4, 1), (5, 2)] {
        assert_eq!(says(&mut scene, second, no, 20.0), NOTHING);
    }
    assert_eq!(says(&mut scene, 6, 3, 20.0), ["1 resolved 1 at 6"]);
    assert_eq!(scene.engine.poll_timeout(), None);
}

#[test]
fn a_device_counts_once_and_until_none_of_its_sensors_is_in_the_state() {
    let mut scene = scene([RuleSpec { sensor: "t*".into(), ..at_least(1, above(30.0)) }]);
    assert_eq!(says(&mut scene, 0, 1, 31.0), ["1 firing 1 at 0"]);
    assert_eq!(scene.reading(1, 31.0), NOTHING, "the same device");
    assert_eq!(says(&mut scene, 2, 1, 20.0), NOTHING);
    assert_eq!(scene.reading(3, 20.0), ["1 resolved 0 at 3"]);
}

#[test]
fn a_hold_a_clear_value_and_a_clear_for_are_about_the_number_and_held_by_time() {
    let rule = || figures::clear_for(5, hold(10, counting(Op::AtLeast, 3.0, Some(2.0), above(30.0))));
    let mut scene = scene([rule()]);
    for no in 1..=2 {
        assert_eq!(says(&mut scene, 0, no, 31.0), NOTHING);
    }
    assert_eq!(says(&mut scene, 0, 3, 31.0), ["1 pending 3 at 0"]);
    assert_eq!(scene.engine.poll_timeout(), Some(at(10)));
    assert_eq!(scene.timeout(9), NOTHING);
    assert_eq!(scene.timeout(10), ["1 firing 3 at 10"]);
    assert_eq!(says(&mut scene, 20, 1, 20.0), NOTHING, "between");
    assert_eq!(says(&mut scene, 21, 2, 20.0), NOTHING, "good, not for long enough");
    assert_eq!(scene.engine.poll_timeout(), Some(at(26)));
    assert_eq!(says(&mut scene, 24, 2, 31.0), NOTHING, "no longer good");
    assert_eq!(says(&mut scene, 30, 2, 20.0), NOTHING);
    assert_eq!(scene.timeout(34), NOTHING);
    assert_eq!(scene.timeout(35), ["1 resolved 1 at 35"]);
}

#[test]
fn a_pending_number_that_falls_is_cancelled() {
    let mut scene = scene([hold(10, at_least(1, above(30.0)))]);
    assert_eq!(says(&mut scene, 0, 1, 31.0), ["1 pending 1 at 0"]);
    assert_eq!(says(&mut scene, 5, 1, 20.0), ["1 cancelled"]);
    assert_eq!(scene.timeout(20), NOTHING);
}

#[test]
fn devices_that_fall_silent_are_counted() {
    let mut scene = scene([at_least(3, silence(60))]);
    for no in 1..=4 {
        assert_eq!(says(&mut scene, i64::from(no), no, 1.0), NOTHING);
    }
    assert_eq!(scene.timeout(62), NOTHING);
    assert_eq!(scene.timeout(63), ["1 firing 3 at 63"]);
    assert_eq!(scene.timeout(64), NOTHING);
    assert_eq!(says(&mut scene, 70, 1, 1.0), NOTHING, "the fourth was silent as well");
    assert_eq!(says(&mut scene, 71, 2, 1.0), ["1 resolved 2 at 71"]);
}

#[test]
fn too_few_devices_are_told_of_once_it_is_known_what_they_are() {
    let running = || counting(Op::AtMost, 1.0, None, above(0.5));
    let mut scene = scene([running()]);
    scene.resume(0, &[]);
    assert_eq!(scene.timeout(100), NOTHING, "it watches nothing");
    assert_eq!(says(&mut scene, 101, 1, 1.0), ["1 firing 1 at 101"], "what is known after a minute is all there is");
    assert_eq!(says(&mut scene, 102, 2, 1.0), ["1 resolved 2 at 102"]);
    let mut scene = scene_of_new_rule(running());
    assert_eq!(says(&mut scene, 1_001, 1, 0.0), NOTHING, "a new rule waits for the others");
    assert_eq!(scene.engine.poll_timeout(), Some(at(1_060)));
    assert_eq!(scene.timeout(1_060), ["1 firing 0 at 1060"]);
}

/// A hub that has been running without a rule.
fn scene_of_new_rule(spec: RuleSpec) -> Scene {
    let mut scene = scene([]);
    scene.rules(1_000, vec![rule(1, spec)]);
    scene
}

#[test]
fn a_new_rule_goes_by_what_was_said_last() {
    let mut scene = scene_of_new_rule(at_least(2, above(30.0)));
    let latest: Vec<_> = (1..=2).map(|no| (temp(no), Point { at: at(990), value: 31.0 })).collect();
    scene.engine.recall(at(1_000), &scene.catalog, latest);
    assert!(scene.engine.poll_timeout().is_some_and(|due| due <= at(1_000)));
    assert_eq!(scene.timeout(1_001), ["1 firing 2 at 1001"]);
}

#[test]
fn a_restart_ends_nothing_before_the_devices_had_time_to_say_how_they_are() {
    let mut before = scene([at_least(2, above(30.0))]);
    says(&mut before, 0, 1, 31.0);
    assert_eq!(says(&mut before, 1, 2, 31.0), ["1 firing 2 at 1"]);
    let restarted = |latest: &[(SeriesId, Point)]| {
        let mut after = before.restart();
        for no in 1..=4 {
            after.catalog.put_series(series(no));
        }
        assert_eq!(after.resume(1_000, latest), NOTHING);
        after
    };
    // As they were: nobody is told again.
    let hot = |no| (temp(no), Point { at: at(900), value: 31.0 });
    let mut after = restarted(&[hot(1), hot(2)]);
    assert_eq!(after.timeout(1_100), NOTHING);
    assert_eq!(says(&mut after, 1_200, 1, 20.0), ["1 resolved 1 at 1200"]);
    // Nothing is known of them: they have a minute.
    let mut after = restarted(&[hot(1)]);
    assert_eq!(says(&mut after, 1_001, 1, 31.0), NOTHING);
    assert_eq!(after.engine.poll_timeout(), Some(at(1_060)));
    assert_eq!(says(&mut after, 1_002, 2, 31.0), NOTHING);
    assert_eq!(after.timeout(1_060), NOTHING);
    let mut after = restarted(&[hot(1)]);
    assert_eq!(after.timeout(1_060), ["1 resolved 1 at 1060"]);
    // Silence is counted anew from the start.
    let mut before = scene([at_least(2, silence(600))]);
    (1..=2).for_each(|no| drop(says(&mut before, 0, no, 1.0)));
    assert_eq!(before.timeout(600), ["1 firing 2 at 600"]);
    let mut after = before.restart();
    for no in 1..=4 {
        after.catalog.put_series(series(no));
    }
    let calm = |no| (temp(no), Point { at: at(0), value: 1.0 });
    after.resume(1_000, &[calm(1), calm(2)]);
    assert_eq!(after.timeout(1_599), NOTHING);
    assert_eq!(after.timeout(1_600), NOTHING, "they are silent still");
    assert_eq!(says(&mut after, 1_601, 1, 1.0), ["1 resolved 1 at 1601"]);
}

#[test]
fn the_alert_ends_with_its_rule_and_goes_on_with_another_name() {
    let fired = || {
        let mut scene = scene([at_least(1, above(30.0))]);
        assert_eq!(says(&mut scene, 0, 1, 31.0), ["1 firing 1 at 0"]);
        scene
    };
    assert_eq!(fired().rules(5, vec![]), ["1 resolved 1 at 5"]);
    assert_eq!(fired().rules(5, vec![disabled(rule(1, at_least(1, above(30.0))))]), ["1 resolved 1 at 5"]);
    assert_eq!(fired().rules(5, vec![rule(1, at_least(1, sensor("te*", above(29.0))))]), NOTHING, "it is so still");
    assert_eq!(fired().rules(5, vec![rule(1, at_least(1, above(32.0)))]), ["1 resolved 1 at 5"]);
    assert_eq!(fired().rules(5, vec![rule(1, at_least(2, above(30.0)))]), ["1 resolved 1 at 5"]);
    assert_eq!(fired().rules(5, vec![rule(1, at_least(1, threshold(Op::Below, 40.0, None)))]), ["1 resolved 1 at 5"]);
    assert_eq!(fired().rules(5, vec![rule(1, above(30.0))]), ["1 resolved 1 at 5"]);
    let mut scene = fired();
    scene.rules(5, vec![rule(1, at_least(1, above(29.0)))]);
    assert!(scene.stored[0].parts.iter().all(|part| part.threshold == 29.0), "the limit in force");
    scene.rules(6, vec![rule(1, at_least(1, above(32.0)))]);
    assert_eq!((scene.stored[0].last, scene.stored[0].counting().unwrap().threshold), (None, 29.0));
    let mut scene = fired();
    let renamed = RuleSpec { name: "other".into(), ..at_least(1, above(30.0)) };
    assert_eq!(scene.rules(5, vec![rule(7, silence(50)), rule(1, renamed)]), NOTHING);
    assert_eq!(says(&mut scene, 6, 1, 20.0), ["1 resolved 0 at 6"]);
    // Off while the hub was.
    let mut after = fired().restart_with([]);
    assert_eq!(after.resumed, ["1 resolved 1 at 5"]);
    assert_eq!(after.timeout(1_000), NOTHING);
}

#[test]
fn a_deleted_device_is_no_longer_counted() {
    let mut scene = scene([at_least(2, above(30.0))]);
    says(&mut scene, 0, 1, 31.0);
    assert_eq!(says(&mut scene, 1, 2, 31.0), ["1 firing 2 at 1"]);
    scene.catalog.remove_device(DeviceNo(2));
    let proposed = scene.engine.catalog_changed(at(100), &scene.catalog);
    assert_eq!(scene.committed(proposed), NOTHING);
    assert!(scene.engine.poll_timeout().is_some_and(|due| due <= at(100)));
    assert_eq!(scene.timeout(100), ["1 resolved 1 at 100"]);
}

#[test]
fn a_proposal_that_is_dropped_counts_nothing() {
    let mut scene = scene([at_least(1, above(30.0))]);
    let hot = [batch(temp(1), at(0), &[(at(0), 31.0)])];
    scene.engine.prepare(&scene.catalog, &hot);
    drop(scene.engine.evaluate(at(0), &hot));
    assert_eq!(says(&mut scene, 1, 2, 20.0), NOTHING);
    assert_eq!(says(&mut scene, 2, 1, 31.0), ["1 firing 1 at 2"]);
}

#[test]
fn of_an_upload_only_how_the_device_is_now_counts() {
    let mut scene = scene([at_least(2, above(30.0))]);
    assert_eq!(says(&mut scene, 3_600, 1, 31.0), NOTHING);
    let mut brings = |from: i64, values: &[f64]| {
        let points: Vec<_> = values.iter().zip(from..).map(|(value, second)| (at(second), *value)).collect();
        let mut batch = batch(temp(2), at(from + 10), &points);
        batch.id.device = DeviceNo(2);
        scene.group(from + 10, &[batch])
    };
    assert_eq!(brings(3_600, &[20.0, 31.0, 32.0, 20.0]), NOTHING, "it was hot, and is not");
    assert_eq!(brings(3_620, &[31.0, 20.0, 32.0]), ["1 firing 2 at 3622"]);
}

#[test]
fn of_a_past_of_which_nothing_is_known_yet_nothing_is_said() {
    let rule = counting(Op::AtMost, 0.0, None, above(30.0));
    let trial = Trial::new(rule, START);
    let (of_series, all) = (trial.counted().unwrap(), [series(1), series(2)]);
    let told = |from: i64, readings: [&[(i64, f64)]; 2]| {
        let seen: Vec<_> = all
            .iter()
            .zip(readings)
            .map(|(one, readings)| {
                let points: Vec<_> =
                    readings.iter().map(|(second, value)| Point { at: at(*second), value: *value }).collect();
                let mut replay = Replay::new(&of_series, one, at(from)).listing_open().listing(tally::CHANGES);
                replay.take(&points);
                let first = replay.seen().first;
                (replay.finish(at(10_000)), first)
            })
            .collect();
        let states: Vec<_> = all.iter().zip(&seen).map(|(one, (outcome, first))| (one, outcome, *first)).collect();
        let found = tally::tried(&trial, &states, (at(from), at(10_000)));
        found
            .spans
            .iter()
            .map(|span| (span.from.since(START) / 1_000, span.to.map(|to| to.since(START) / 1_000)))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(0, [&[], &[]]), [], "nothing is known at all");
    assert_eq!(told(0, [&[(5_000, 20.0)], &[(6_000, 31.0)]]), [(5_060, Some(6_000))], "a minute after the first word");
    assert_eq!(told(0, [&[(5_000, 20.0)], &[(5_030, 31.0), (7_000, 20.0)]]), [(7_000, None)]);
    assert_eq!(told(5_500, [&[(5_000, 20.0)], &[(6_000, 31.0)]]), [(5_500, Some(6_000))], "known before");
}

proptest! {
    #[test]
    fn a_backtest_says_what_the_engine_says(
        steps in prop::collection::vec((1..40_i64, 1..5_u32, 0..6_i32), 1..150),
        number in 1..4_i32, more in 0..2_i32, holds in 0..2_u64, clears in 0..2_u64, is_silence in any::<bool>(),
    ) {
        // Between two readings: at one moment a device that falls silent and another that speaks come in any order.
        let quiet = spec("t", Condition::Silence { after: Duration::from_millis(60_500) });
        let state = if is_silence { quiet } else { threshold(Op::Above, 3.0, Some(2.0)) };
        let clear = (more == 1).then(|| f64::from(number) - 1.0);
        let rule = figures::clear_for(clears * 30, hold(holds * 20, counting(Op::AtLeast, f64::from(number), clear, state)));
        let mut live = scene([rule.clone()]);
        let mut points: Vec<Vec<Point>> = vec![Vec::new(); 5];
        let mut now = 0;
        let until = |live: &mut Scene, end: i64| {
            while let Some(due) = live.engine.poll_timeout().filter(|due| *due < at(end)) {
                let proposed = live.engine.handle_timeout(due);
                live.committed(proposed);
            }
        };
        for (gap, no, value) in steps {
            now += gap;
            until(&mut live, now);
            says(&mut live, now, no, f64::from(value));
            points[no as usize].push(Point { at: at(now), value: f64::from(value) });
        }
        let end = now + 500;
        until(&mut live, end);
        let trial = Trial::new(rule, START);
        let of_series = trial.counted().unwrap();
        let all: Vec<_> = (1..5).map(series).filter(|one| !points[(one.id.0 - 100) as usize].is_empty()).collect();
        let outcomes: Vec<Outcome> = all.iter().map(|one| {
            let mut replay = Replay::new(&of_series, one, START).listing_open().listing(tally::CHANGES);
            replay.take(&points[(one.id.0 - 100) as usize]);
            replay.finish(at(end))
        }).collect();
        // The rule was there long before.
        let states: Vec<_> = all.iter().zip(&outcomes).map(|(series, outcome)| (series, outcome, Some(at(-86_400)))).collect();
        let found = tally::tried(&trial, &states, (START, at(end)));
        let told: Vec<_> = live.stored.iter().filter_map(|alert| Some((alert.fired_at?, alert.resolved_at, alert.value))).collect();
        let tried: Vec<_> = found.spans.iter().map(|span| (span.from, span.to, span.value)).collect();
        prop_assert_eq!(tried, told);
    }
}
