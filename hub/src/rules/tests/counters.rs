//! Rules over what counters counted: whenever the hub starts and wherever a backtest begins, a rule says what a query says.

use super::windows::COUNT;
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
