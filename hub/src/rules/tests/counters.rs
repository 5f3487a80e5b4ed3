//! Rules over what counters counted: whenever the hub starts and wherever a backtest begins, a rule says what a query says.

use super::windows::{COUNT, deviation, rate};
use super::*;
use crate::counter::Lead;
use crate::rules::backtest::{Outcome, Replay, Trial};

const MINUTE: i64 = 60;

/// More, or less, than so much over an hour.
fn increase(op: Op, value: f64) -> RuleSpec {
    spec("count", Condition::Increase { op, value, over: Duration::from_secs(3_600), clear: None })
}

/// What a store would say of readings a minute apart, of which the first is the first there ever was.
struct Stored(Vec<Point>);

impl Stored {
    fn of(values: impl IntoIterator<Item = f64>) -> Self {
        Self(values.into_iter().zip(0..).map(|(value, n)| Point { at: at(n * MINUTE), value }).collect())
    }

    fn lead(&self, from: UnixMillis) -> Lead {
        Lead { before: self.between(UnixMillis(i64::MIN), from), is_begin: true }
    }

    fn between(&self, from: UnixMillis, to: UnixMillis) -> Vec<Point> {
        self.0.iter().filter(|point| from <= point.at && point.at < to).copied().collect()
    }

    /// Has a hub that starts read what its rules have to know.
    fn recall(&self, scene: &mut Scene, now: i64) {
        while let Some(mut recall) = scene.engine.next_recall(at(now)) {
            recall.begin_behind(&self.lead(recall.from));
            recall.take(&self.between(recall.from, recall.to));
            scene.engine.recalled(recall);
        }
    }

    /// What a backtest says that begins after so many minutes.
    fn replay(&self, spec: &RuleSpec, minute: i64) -> Outcome {
        let (trial, catalog) = (Trial::new(spec.clone(), START), catalog());
        let series = &trial.series(&catalog)[0];
        let from = at(minute * MINUTE);
        let reads = from.plus(-trial.reach_ms(series));
        let mut replay = Replay::new(&trial, series, from);
        assert!(trial.wants_lead(series));
        replay.begin_behind(&self.lead(reads));
        replay.take(&self.between(reads, UnixMillis(i64::MAX)));
        replay.finish(self.0.last().unwrap().at)
    }
}

fn count(scene: &mut Scene, second: i64, value: f64) -> Vec<String> {
    scene.group(second, &[batch(COUNT, at(second), &[(at(second), value)])])
}

/// A boiler: it counts for hours, rests for six, then takes 2 kWh within a minute and rests again.
fn boiler() -> Vec<f64> {
    let growing = (0..200).map(|n| 90.0 + f64::from(n) / 100.0);
    growing.chain([92.0; 380]).chain([94.0; 15]).chain([94.001; 5]).collect()
}

#[test]
fn an_alert_over_what_a_counter_counted_outlasts_a_restart() {
    let values = boiler();
    let (last, stored) = (values.len() as i64 - 1, Stored::of(values.clone()));
    let mut before = Scene::with([increase(Op::Above, 1.0)]);
    for (n, value) in (0..).zip(&values) {
        // As the jump is more than ten times as high as any before, it waits for the next reading.
        let expected: &[&str] = if n == 581 { &["1 firing 2 at 34860"] } else { &NOTHING };
        assert_eq!(count(&mut before, n * MINUTE, *value), expected, "{n}");
    }
    // Until it has read what it knew it decides nothing, and then it says what it said.
    for reads in [false, true] {
        let mut after = before.restart();
        after.resume(last * MINUTE + 5, &[(COUNT, *stored.0.last().unwrap())]);
        if reads {
            stored.recall(&mut after, last * MINUTE + 5);
        }
        for minute in 1..20 {
            assert_eq!(count(&mut after, (last + minute) * MINUTE, 94.001), NOTHING, "{reads} {minute}");
        }
        if reads {
            let ends: Vec<_> =
                (20..80).flat_map(|minute| count(&mut after, (last + minute) * MINUTE, 94.001)).collect();
            assert_eq!(ends.len(), 1, "{ends:?}");
        }
    }
    // A rule made now says the same.
    let mut made = Scene::with([increase(Op::Above, 1.0)]);
    made.resume(last * MINUTE + 5, &[(COUNT, *stored.0.last().unwrap())]);
    stored.recall(&mut made, last * MINUTE + 5);
    assert_eq!(count(&mut made, (last + 1) * MINUTE, 94.001), ["1 firing 2.001 at 36000"]);
}

#[test]
fn a_backtest_says_the_same_wherever_it_begins() {
    let stored = Stored::of(boiler());
    for minute in [0, 100, 250, 300, 450, 500, 520, 550, 575, 580] {
        let outcome = stored.replay(&increase(Op::Above, 1.5), minute);
        let span = outcome.spans.first().map(|span| (span.from, span.to, span.value));
        assert_eq!((outcome.fires, span), (1, Some((at(581 * MINUTE), None, Some(2.0)))), "from minute {minute}");
    }
}

#[test]
fn the_first_reading_ever_is_a_slip_also_after_a_start() {
    let stored = Stored::of([0.0, 3737.0, 3737.5]);
    let mut made = Scene::with([increase(Op::Above, 100.0)]);
    made.resume(2 * MINUTE + 5, &[(COUNT, stored.0[2])]);
    stored.recall(&mut made, 2 * MINUTE + 5);
    assert_eq!(count(&mut made, 3 * MINUTE, 3738.0), NOTHING);
    assert_eq!(stored.replay(&increase(Op::Above, 100.0), 0).fires, 0);
}

#[test]
fn what_a_counter_counts_first_after_it_rested_is_told() {
    let values = || [0.0; 60].into_iter().chain([2.0; 31]).chain([2.001; 5]);
    let mut scene = Scene::with([increase(Op::Above, 1.0)]);
    let told: Vec<_> = values().zip(0..).flat_map(|(value, n)| count(&mut scene, n * MINUTE, value)).collect();
    assert_eq!(told, ["1 firing 2 at 3600"]);
    let spans = Stored::of(values()).replay(&increase(Op::Above, 1.0), 0).spans;
    assert_eq!((spans.len(), spans[0].from, spans[0].to), (1, at(60 * MINUTE), None));
}

#[test]
fn a_slip_of_two_readings_upwards_is_told_by_nobody_neither_while_it_lasts_nor_behind_it() {
    let steady = |n: i64| 13_000.0 + (n as f64) / 10.0;
    let slips: [&dyn Fn(i64) -> f64; 3] = [&|n| 130_000.0 + n as f64, &|_| 130_100.0, &|_| 9_999_999.0];
    let rate = |op, value| sensor("count", rate(op, value, 60, 3_600, None));
    let rules = [increase(Op::Above, 10.0), increase(Op::Below, 0.5), rate(Op::Above, 1.0), rate(Op::Below, 0.05)];
    for (slip, many) in slips.iter().flat_map(|slip| [(slip, 1), (slip, 2)]) {
        let values: Vec<f64> =
            (0..300).map(|n| if (100..100 + many).contains(&n) { slip(n) } else { steady(n) }).collect();
        let mut scene = Scene::with(rules.clone());
        for (n, value) in (0..).zip(&values) {
            assert_eq!(count(&mut scene, n * MINUTE, *value), NOTHING, "{n} {value}");
        }
        let stored = Stored::of(values);
        for (rule, minute) in rules.iter().flat_map(|rule| [(rule, 0), (rule, 101), (rule, 150)]) {
            assert_eq!(stored.replay(rule, minute).fires, 0, "{rule:?} {minute}");
        }
    }
}

#[test]
fn a_slip_that_lasted_is_taken_back_and_says_nothing_untrue_behind_it() {
    let value = |n: i64| if (100..110).contains(&n) { 130_100.0 } else { 13_000.0 + n as f64 / 10.0 };
    let mut scene = Scene::with([increase(Op::Above, 10.0), increase(Op::Below, 0.5)]);
    let told: Vec<_> = (0..300).flat_map(|n| count(&mut scene, n * MINUTE, value(n))).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("1 firing") && told[0].ends_with("at 6120"), "{told:?}");
    // As it grew more than ten times as much as ever while the slip lasted, one reading more is waited for.
    assert_eq!(told[1], "1 resolved 6 at 6660");
}

#[test]
fn a_rule_measures_the_whole_of_its_window_whatever_the_interval() {
    // 6 an hour, read each 5 s, each minute, each ten minutes and at odd times; hardly less, or more, is not so.
    let over = |op, hours: u64, value: f64| {
        let over = Duration::from_secs(hours * 3_600);
        spec("count", Condition::Increase { op, value, over, clear: None })
    };
    for hours in [1_u64, 2, 5, 24] {
        let truth = 6.0 * hours as f64;
        let specs = [
            over(Op::Below, hours, truth * 0.9999),
            over(Op::Above, hours, truth * 1.0001),
            over(Op::AtMost, hours, truth - 1e-6),
        ];
        let replays = |seconds: &dyn Fn(i64) -> i64, many: i64, fires: u64, spec: &RuleSpec| {
            let (trial, catalog) = (Trial::new(spec.clone(), START), catalog());
            let mut replay = Replay::new(&trial, &trial.series(&catalog)[0], at(0));
            for n in 0..many {
                let second = seconds(n);
                replay.take(&[Point { at: at(second), value: 1_000.0 + second as f64 / 600.0 }]);
            }
            let outcome = replay.finish(at(seconds(many - 1)));
            assert_eq!(outcome.fires, fires, "{hours} h {spec:?} {:?}", outcome.spans.first());
        };
        for spec in &specs {
            replays(&|n| n * 5, 20_000, 0, spec);
            replays(&|n| n * 60, 2_000, 0, spec);
            replays(&|n| n * 600, 300, 0, spec);
            replays(&|n| n * 37 + n * n % 11, 3_000, 0, spec);
        }
        // And a little more, or less, is.
        replays(&|n| n * 60, 2_000, 1, &over(Op::Above, hours, truth * 0.999));
        replays(&|n| n * 60, 2_000, 1, &over(Op::Below, hours, truth * 1.001));
    }
}

#[test]
fn of_a_gauge_an_increase_is_its_change_over_the_whole_window() {
    let over = Duration::from_secs(600);
    let mut scene = Scene::with([spec("temp", Condition::Increase { op: Op::Below, value: -5.0, over, clear: None })]);
    // It falls by 0.5 a minute: exactly 5 in ten, never more.
    for n in 0..100 {
        assert_eq!(scene.reading(n * 45, 80.0 - n as f64 * 0.375), NOTHING, "{n}");
    }
    assert_eq!(scene.reading(100 * 45, 80.0 - 100.0 * 0.375 - 0.1), ["1 firing -5.1 at 4500"]);
}

#[test]
fn one_step_of_a_counter_is_no_deviation_and_a_burst_is() {
    let spec = || sensor("count", deviation(4.0, 7_200, None, None));
    let fires = |values: Vec<f64>| {
        let mut scene = Scene::with([spec()]);
        let fires = |told: &[String]| told.iter().any(|one| one.contains("firing"));
        let live = (0..).zip(&values).filter(|(n, value)| fires(&count(&mut scene, n * MINUTE, **value))).count();
        let replayed = Stored::of(values).replay(&spec(), 0).fires as usize;
        assert_eq!(live, replayed, "a backtest says what the live engine says");
        live
    };
    let rests = |value: f64, then: &[f64]| [vec![value; 180], then.to_vec()].concat();
    // A litre after three hours at rest.
    for (before, after) in [(812.345, 812.346), (812.0, 813.0), (0.0, 1.0), (812.3, 812.4), (4e9, 4e9 + 1.0)] {
        assert_eq!(fires(rests(before, &[after; 30])), 0, "{before} to {after}");
    }
    for (before, after) in [(812.345, 814.345), (812.0, 830.0), (0.0, 20.0), (812.3, 813.3), (90.1, 92.0)] {
        assert_eq!(fires(rests(before, &[after; 30])), 1, "{before} to {after}");
    }
    // A pulse each half hour, or a few: whatever one stands for it is told of twice at most.
    for (pulse, every) in [(0.001, 30), (1.0, 30), (0.25, 20), (10.0, 30), (10.0, 45), (0.5, 7)] {
        let meter = (0..600).map(|n| 812.0 + pulse * f64::from(n / every)).collect();
        let told = fires(meter);
        assert!(told == 0 || pulse > 1.0 && told <= 2, "{pulse} each {every} min: {told}");
    }
    // One that counts evenly, as finely as it shows it, and then four times as fast.
    let even = |n: usize| 812.0 + (n as f64 * 0.123).floor() / 10.0;
    assert_eq!(fires((0..400).map(even).collect()), 0);
    let steady = (0..400).map(|n| 812.0 + n as f64 * 0.4);
    assert_eq!(fires(steady.chain([812.0 + 400.0 * 0.4 + 2.0, 976.0, 976.4]).collect()), 1);
}

#[test]
fn the_growth_of_a_counter_behind_a_slip_is_what_it_grew() {
    // Of three readings upwards somebody is told; that they are taken back is no standstill.
    let value = |n: i64| if (200..204).contains(&n) { 130_100.0 } else { 13_000.0 + n as f64 * 0.1 };
    let mut scene = Scene::with([sensor("count", deviation(4.0, 7_200, None, None))]);
    let told: Vec<_> = (0..400).flat_map(|n| count(&mut scene, n * MINUTE, value(n))).collect();
    assert!(told.len() <= 2, "{told:?}");
}

#[test]
fn a_slip_is_to_live_rules_what_it_is_to_a_backtest() {
    let conditions = [
        increase(Op::Above, 10.0),
        increase(Op::Below, 0.5),
        spec(
            "count",
            Condition::Rate {
                op: Op::Above,
                value: 1.0,
                per: Duration::from_secs(60),
                over: Duration::from_secs(600),
                clear: None,
            },
        ),
    ];
    for slip in [0.0, -1.0, 1_300.0, 13_011.0, 13_015.0, 13_050.0, 13_300.0, 20_000.0, 130_100.0] {
        for many in 1..=5 {
            let values = (0..180).map(|n| match n {
                100.. if n < 100 + many => slip,
                _ => 13_000.0 + 0.1 * f64::from(n),
            });
            let stored = Stored::of(values.clone());
            for condition in &conditions {
                let mut scene = Scene::with([condition.clone()]);
                let mut told = Vec::new();
                for (n, value) in (0..).zip(values.clone()) {
                    told.extend(count(&mut scene, n * MINUTE, value));
                }
                let live = told.iter().filter(|one| one.contains("firing")).count() as u64;
                let past = [0, 50, 90, 99].map(|minute| stored.replay(condition, minute).fires);
                assert_eq!(past, [live; 4], "{many} times {slip}, {:?}: {told:?}", condition.condition);
            }
        }
    }
}
