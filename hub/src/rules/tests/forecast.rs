//! When a value reaches its limit, if it goes on as it does.

use super::*;
use crate::rules::backtest::{Replay, Trial};

pub(super) fn forecast(op: Op, value: f64, (within, over): (u64, u64), clear: Option<f64>) -> RuleSpec {
    let [within, over] = [within, over].map(Duration::from_secs);
    spec("temp", Condition::Forecast { op, value, within, over, clear })
}

/// Forecasts of what goes up and down around 50.
pub(super) fn conditions() -> impl Strategy<Value = RuleSpec> {
    let way = prop_oneof![Just((Op::Above, 80.0, 70.0)), Just((Op::AtMost, 20.0, 30.0))];
    (way, prop_oneof![Just(30), Just(300)], 30..90_u64, any::<bool>(), prop_oneof![Just(0), Just(7)]).prop_map(
        |((op, value, clear), within, over, clears, seconds)| {
            hold(seconds, forecast(op, value, (within, over), clears.then_some(clear)))
        },
    )
}

#[test]
fn a_value_that_will_reach_its_limit_in_time_fires_and_one_that_turns_is_over() {
    let mut scene = Scene::with([forecast(Op::AtLeast, 100.0, (3_600, 600), None)]);
    // A hundredth a second from 60: 40 more take 4,000 s.
    let mut fired = None;
    for tick in 0..60 {
        let second = tick * 10;
        let told = scene.reading(second, 60.05 + second as f64 / 100.0);
        if !told.is_empty() && fired.is_none() {
            fired = Some(second);
        }
    }
    // It is 64 after 395 s, an hour before.
    assert_eq!(fired, Some(400));
    let alert = scene.stored.last().unwrap();
    assert!((alert.value.unwrap() - 3_595.0).abs() < 1.0 && alert.threshold == 3_600.0, "{alert:?}");
    let mut told = Vec::new();
    (60..200).for_each(|tick| told.extend(scene.reading(tick * 10, 66.0)));
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(scene.stored.last().unwrap().state, AlertState::Resolved);
}

#[test]
fn it_ends_once_it_would_not_reach_the_clear_value_either() {
    let run = |clear| {
        let mut scene = Scene::with([forecast(Op::Above, 100.0, (1_000, 600), clear)]);
        let rising = (0..60).map(|tick| (tick * 10, 50.0 + tick as f64 / 2.0));
        // Slower: by 7.2 in 600 s, and so in 1,067 s to 100, but in 233 s to 90.
        let slower = (60..=120).map(|tick| (tick * 10, 80.0 + (tick - 60) as f64 * 0.12));
        let told = rising.chain(slower).flat_map(|(second, value)| scene.reading(second, value));
        told.collect::<Vec<_>>().len()
    };
    assert_eq!((run(None), run(Some(90.0))), (2, 1));
}

#[test]
fn a_backtest_says_the_same_wherever_it_begins() {
    let spec = forecast(Op::Above, 80.0, (300, 60), None);
    let (trial, catalog) = (Trial::new(spec, START), catalog());
    let series = trial.series(&catalog);
    let value = |n: i64| 50.0 + ((n * 7) % 31) as f64 + ((n / 40) % 3) as f64 * 9.0;
    let points: Vec<_> = (0..600).map(|n| Point { at: at(n * 3), value: value(n) }).collect();
    let fires = |begin: UnixMillis, from: i64| {
        let mut replay = Replay::new(&trial, &series[0], at(from));
        replay.take(&points.iter().filter(|point| point.at >= begin).copied().collect::<Vec<_>>());
        let outcome = replay.finish(at(1_800));
        outcome
            .spans
            .iter()
            .filter(|span| span.from >= at(from))
            .map(|span| (span.from, span.value))
            .collect::<Vec<_>>()
    };
    for from in (600..1_200).step_by(17) {
        let begin = at(from).plus(-trial.reach_ms(&series[0]));
        let (whole, begun) = (fires(START, from), fires(begin, from));
        // What fired already before it is told by its begin: the rest is the same.
        assert!(whole.len().abs_diff(begun.len()) <= 1, "{from}");
        let common = whole.len().min(begun.len());
        assert_eq!(whole[whole.len() - common..], begun[begun.len() - common..], "{from}");
        assert!(common > 2, "{from}");
    }
}
