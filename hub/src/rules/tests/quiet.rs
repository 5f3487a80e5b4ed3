//! What is passed over changes nothing: a rule that is tried says the same as by each reading.

use super::*;
use crate::model::catalog::Series;
use crate::model::rule::Figure;
use crate::model::run::{Run, Takes as _};
use crate::rules::backtest::{Outcome, Replay, Trial};

/// What looks back, by limits that are reached now and then.
fn windows() -> impl Strategy<Value = RuleSpec> {
    let ops = prop::sample::select(vec![Op::Above, Op::AtLeast, Op::Below, Op::AtMost]);
    let figures = prop::sample::select(vec![Figure::Average, Figure::Minimum, Figure::Maximum]);
    let over = prop::sample::select(vec![20_u64, 60, 150, 601]).prop_map(Duration::from_secs);
    let kinds = prop::sample::select(vec![0, 0, 1, 1, 2, 3, 3, 4, 4, 5, 5, 6]);
    let least = prop::option::of(prop::sample::select(vec![0.5, 1.0, 3.0]));
    (kinds, ops, figures, -4..12_i32, over, prop::option::of(0..4_i32), least).prop_map(
        |(kind, op, figure, limit, over, gap, least)| {
            let value = f64::from(limit);
            let further = |gap: i32| f64::from(gap) * if matches!(op, Op::Above | Op::AtLeast) { -1.0 } else { 1.0 };
            let clear = gap.map(|gap| value + further(gap));
            let condition = match kind {
                0 => Condition::Rate { op, value, per: Duration::from_secs(60), over, clear },
                1 => Condition::Figure { figure, op, value, over, clear },
                2 => Condition::Stuck { least: value.abs() / 2.0, after: over },
                3 => Condition::Increase { op, value, over, clear },
                4 => Condition::Deviation { sigmas: value.abs() / 2.0 + 1.0, over, clear: None, least },
                5 => Condition::Seasonal { sigmas: value.abs() / 2.0 + 1.0, clear: None, least },
                _ => Condition::Forecast { op, value, within: over * 3, over, clear: None },
            };
            RuleSpec { condition, ..threshold(op, value, None) }
        },
    )
}

/// Limits and silences, with and without a clear value, a hold and a `clear_for`.
fn rules() -> impl Strategy<Value = RuleSpec> {
    let ops = prop::sample::select(vec![Op::Above, Op::AtLeast, Op::Below, Op::AtMost]);
    let limits = (ops, 0..12_i32, prop::option::of(0..4_i32)).prop_map(|(op, limit, gap)| {
        let limit = f64::from(limit);
        let further = |gap: i32| {
            if matches!(op, Op::Above | Op::AtLeast) { limit - f64::from(gap) } else { limit + f64::from(gap) }
        };
        threshold(op, limit, gap.map(further))
    });
    let all = prop_oneof![5 => limits, 2 => (1..200_u64).prop_map(silence), 8 => windows()];
    let seconds = || prop_oneof![3 => Just(0_u64), 1 => Just(5), 2 => Just(70)];
    (all, seconds(), seconds()).prop_map(|(spec, holds, clears)| {
        let clears = if spec.condition.is_about_values() { clears } else { 0 };
        hold(holds, figures::clear_for(clears, spec))
    })
}

/// Mostly a calm value that reports regularly; now and then it jumps, or nothing comes. Days of it are known where it reports seldom.
fn readings() -> impl Strategy<Value = Vec<Point>> {
    let slowness = prop::sample::select(vec![1_i64, 1, 1, 60, 900, 1_800]);
    let gap = prop_oneof![20 => Just(1_000_i64), 3 => 1..5_000_i64, 1 => 50_000..300_000_i64];
    let step = prop_oneof![20 => Just(0_i32), 6 => -1..=1_i32, 1 => -6..=6_i32];
    let sizes = prop::sample::select(vec![1.0, 1.0, 0.1, 1e9, 1.0 / 3.0]);
    (prop::collection::vec((gap, step), 1..900), slowness, sizes).prop_map(|(steps, slowness, size)| {
        let (mut at, mut value) = (START, 5);
        let point = |(gap, step): (i64, i32)| {
            (at, value) = (at.plus(gap * slowness), (value + step).clamp(0, 12));
            Point { at, value: f64::from(value) * size }
        };
        steps.into_iter().map(point).collect()
    })
}

/// One that reports each minute.
fn series() -> Series {
    Series {
        id: TEMP,
        device: DeviceNo(1),
        sensor: "temp".into(),
        unit: "Cel".into(),
        kind: SensorKind::Gauge,
        kind_by_owner: false,
        interval_ms: 60_000,
    }
}

fn run(block: &[Point]) -> Run {
    let values = || block.iter().map(|point| point.value);
    let (first, last) = (block[0], block[block.len() - 1]);
    let (min, max) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    Run { count: block.len(), from: first.at, to: last.at, min, max, last: last.value }
}

fn give(replay: &mut Replay<'_>, block: &[Point]) {
    let (at, value): (Vec<_>, Vec<_>) = block.iter().map(|point| (point.at.0, point.value)).unzip();
    replay.take_columns(&at, &value);
}

/// As a store gives them that has them in blocks; and how many it did not look into.
fn in_blocks(mut replay: Replay<'_>, points: &[Point], sizes: &[usize], end: UnixMillis) -> (Outcome, usize) {
    let (mut rest, mut sizes, mut kept, mut passed) = (points, sizes.iter().cycle(), None::<&[Point]>, 0);
    while !rest.is_empty() {
        let (block, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        rest = after;
        if replay.may_pass() && replay.stays(&run(block)) {
            if let Some(before) = kept.replace(block) {
                passed += 1;
                replay.pass(&run(before));
            }
            continue;
        }
        if let Some(before) = kept.take() {
            give(&mut replay, before);
        }
        give(&mut replay, block);
    }
    if let Some(before) = kept {
        passed += 1;
        replay.pass(&run(before));
    }
    (replay.finish(end), passed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]
    #[test]
    fn a_rule_says_the_same_of_what_it_passes_over(
        spec in rules(), points in readings(), sizes in prop::collection::vec(1..300_usize, 1..20), begin in 0..200_usize,
        interval_ms in prop::sample::select(vec![0_u32, 1_000, 60_000]),
        kind in prop::sample::select(vec![SensorKind::Gauge, SensorKind::Gauge, SensorKind::Counter]),
    ) {
        let trial = Trial::new(spec, START);
        let series = Series { interval_ms, kind, ..series() };
        let from = points.get(begin).map_or(START, |point| point.at);
        let end = points.last().unwrap().at.plus(100_000);
        for lists_open in [false, true] {
            let new = || {
                let replay = Replay::new(&trial, &series, from);
                if lists_open { replay.listing_open() } else { replay }
            };
            let mut slow = new();
            slow.take(&points);
            let slow = slow.finish(end);
            prop_assert_eq!(&in_blocks(new(), &points, &sizes, end).0, &slow);
            prop_assert_eq!(&in_blocks(new(), &points, &[points.len()], end).0, &slow, "one block");
        }
    }
}

#[test]
fn what_was_passed_over_before_a_long_gap_is_known_behind_it() {
    let trial = Trial::new(
        RuleSpec { condition: Condition::Stuck { least: 2.0, after: Duration::from_secs(60) }, ..above(1.0) },
        START,
    );
    let series = series();
    // It moves by more than the band, and in the last seconds before the gap and behind it by no more.
    let value = |second: i64| if second < 136 { (second / 5 % 2) as f64 * 3.0 + 2.0 } else { 2.0 };
    let mut points: Vec<_> = (0..149).map(|second| Point { at: at(second), value: value(second) }).collect();
    points.extend([(264, 3.0), (265, 4.5)].map(|(second, value)| Point { at: at(second), value }));
    let mut slow = Replay::new(&trial, &series, START);
    slow.take(&points);
    let slow = slow.finish(at(300));
    assert_eq!(in_blocks(Replay::new(&trial, &series, START), &points, &[1], at(300)).0, slow);
}

#[test]
fn blocks_in_which_nothing_happens_are_passed_over() {
    let trial = Trial::new(hold(60, above(30.0)), START);
    let series = series();
    let value = |minute: i64| if (500..700).contains(&minute) { 31.0 } else { 20.0 };
    let points: Vec<_> = (0..1_000).map(|minute| Point { at: at(minute * 60), value: value(minute) }).collect();
    let (outcome, passed) = in_blocks(Replay::new(&trial, &series, START), &points, &[20], at(60_000));
    assert_eq!((outcome.fires, outcome.readings, outcome.judged), (1, 1_000, 1_000));
    assert_eq!(passed, 50 - 4, "what it fires and resolves in, and what is before each");
}

#[test]
fn what_looks_back_does_not_look_at_readings_by_which_nothing_can_happen() {
    let value = |minute: i64| if minute == 5_000 { 60.0 } else { 20.0 + (minute % 7) as f64 / 10.0 };
    let points: Vec<_> = (0..10_000).map(|minute| Point { at: at(minute * 60), value: value(minute) }).collect();
    let hour = Duration::from_secs(3_600);
    let rate = Condition::Rate { op: Op::Above, value: 1.0, per: hour / 60, over: hour / 12, clear: None };
    let mean = Condition::Figure { figure: Figure::Average, op: Op::Above, value: 30.0, over: hour, clear: None };
    for condition in [rate, mean, Condition::Stuck { least: 0.1, after: hour }] {
        let trial = Trial::new(RuleSpec { condition, ..above(1.0) }, START);
        let series = series();
        let mut replay = Replay::new(&trial, &series, START);
        let mut passed = 0;
        for block in points.chunks(1_000) {
            give(&mut replay, block);
            passed += replay.skimmed();
        }
        let mut slow = Replay::new(&trial, &series, START);
        slow.take(&points);
        assert_eq!(replay.finish(at(600_000)), slow.finish(at(600_000)));
        assert!(passed > 9_000, "{passed}");
    }
}

#[test]
fn what_remembers_each_reading_judges_few_of_them_and_says_the_same() {
    // Each day a little warmer or colder, each reading a little off, and one hour that is strange.
    let value = |minute: i64| {
        let of_day = (minute % 1_440) as f64 / 1_440.0 * std::f64::consts::TAU;
        let strange = if (25_000..25_060).contains(&minute) { 20.0 } else { 0.0 };
        let noise = (minute * 7_919 % 101) as f64 / 100.0 + (minute / 1_440 * 7 % 5) as f64;
        ((15.0 + 6.0 * of_day.sin() + noise + strange) * 10.0).round() / 10.0
    };
    let points: Vec<_> = (0..30_000).map(|minute| Point { at: at(minute * 60), value: value(minute) }).collect();
    let (hour, day) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
    let increase = Condition::Increase { op: Op::Above, value: 10.0, over: day, clear: None };
    let deviation = Condition::Deviation { sigmas: 5.0, over: hour, clear: None, least: Some(5.0) };
    let seasonal = Condition::Seasonal { sigmas: 4.0, clear: None, least: Some(1.0) };
    for condition in [increase, deviation, seasonal] {
        let trial = Trial::new(RuleSpec { condition, ..above(1.0) }, START);
        let series = series();
        let mut replay = Replay::new(&trial, &series, START);
        points.chunks(1_000).for_each(|block| give(&mut replay, block));
        let calm = replay.calm;
        let mut slow = Replay::new(&trial, &series, START);
        slow.take(&points);
        let (quick, slow) = (replay.finish(at(2_000_000)), slow.finish(at(2_000_000)));
        assert_eq!(quick, slow);
        assert!(slow.fires > 0 && calm > 20_000, "{} {calm}", slow.fires);
    }
}
