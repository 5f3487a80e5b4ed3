//! Averages, minima, maxima, what stands still, seasons; and how long it has to be good before an alert resolves.

use super::*;
use crate::model::rule::Figure;
use crate::rules::window::Window;

pub(super) fn clear_for(seconds: u64, spec: RuleSpec) -> RuleSpec {
    RuleSpec { clear_for: Duration::from_secs(seconds), ..spec }
}

pub(super) fn figure(figure: Figure, op: Op, value: f64, over: u64) -> RuleSpec {
    spec("temp", Condition::Figure { figure, op, value, over: Duration::from_secs(over), clear: None })
}

pub(super) fn stuck(least: f64, after: u64) -> RuleSpec {
    spec("temp", Condition::Stuck { least, after: Duration::from_secs(after) })
}

/// Some of each, with and without a hold and a `clear_for`.
pub(super) fn conditions() -> impl Strategy<Value = RuleSpec> {
    let figures = prop::sample::select(vec![Figure::Average, Figure::Minimum, Figure::Maximum]);
    let ops = prop::sample::select(vec![Op::Above, Op::Below]);
    let figures = (figures, ops, 40..70_i32).prop_map(|(of, op, limit)| figure(of, op, f64::from(limit) + 0.123, 60));
    let seasonal = Condition::Seasonal { sigmas: 3.0, clear: None, least: Some(0.5) };
    let all = prop_oneof![3 => figures, 2 => (0..6_i32).prop_map(|least| stuck(f64::from(least), 30)), 1 => Just(spec("temp", seasonal))];
    let seconds = || prop_oneof![Just(0_u64), Just(7)];
    (all, seconds(), seconds()).prop_map(|(spec, holds, clears)| hold(holds, clear_for(clears, spec)))
}

#[test]
fn an_average_a_minimum_and_a_maximum_are_those_of_the_while() {
    let found = |of: Figure, op: Op, limit: f64| {
        let mut scene = Scene::with([figure(of, op, limit, 60)]);
        // 20, and for ten seconds 50 from 100 s on.
        (0..200)
            .flat_map(|second| scene.reading(second, if (100..110).contains(&second) { 50.0 } else { 20.0 }))
            .collect::<Vec<_>>()
    };
    assert_eq!(found(Figure::Maximum, Op::Above, 40.0), ["1 firing 50 at 100", "1 resolved 20 at 169"]);
    assert_eq!(found(Figure::Minimum, Op::Below, 30.0), ["1 firing 20 at 30"]);
    assert_eq!(found(Figure::Average, Op::Above, 24.0).len(), 2);
    assert_eq!(found(Figure::Average, Op::Above, 25.5), NOTHING, "ten of sixty");
}

#[test]
fn what_stands_still_fires_and_silence_is_no_standstill() {
    let mut scene = Scene::with([stuck(0.5, 60)]);
    assert_eq!(scene.reading(0, 5.0), NOTHING);
    let told =
        (10..80).step_by(10).flat_map(|second| scene.reading(second, 21.0 + f64::from(second as i32 % 20) / 100.0));
    assert_eq!(told.collect::<Vec<_>>(), ["1 firing 21.1 at 70"]);
    assert_eq!(scene.stored[0].threshold, 60.0);
    assert_eq!(scene.reading(400, 21.0), NOTHING, "after a gap nothing is known");
    assert_eq!(scene.reading(410, 22.0), ["1 resolved 22 at 410"]);
    let mut quiet = Scene::with([stuck(0.5, 60)]);
    let told: Vec<_> = (0..2_000).step_by(100).flat_map(|second| quiet.reading(second, 1.0)).collect();
    assert_eq!(told, NOTHING);
}

#[test]
fn a_counter_at_rest_stands_still() {
    let mut scene = Scene::with([sensor("count", stuck(0.0, 60))]);
    let mut told = Vec::new();
    for second in 0..200 {
        let value = if second < 100 { second as f64 } else { 100.0 };
        told.extend(scene.group(second, &[batch(windows::COUNT, at(second), &[(at(second), value)])]));
    }
    assert_eq!(told, ["1 firing 100 at 160"]);
}

#[test]
fn an_alert_resolves_once_it_was_good_for_long_enough() {
    let mut scene = Scene::with([clear_for(30, threshold(Op::Above, 30.0, Some(28.0)))]);
    assert_eq!(scene.reading(0, 31.0), ["1 firing 31 at 0"]);
    // Back beyond the limit, or only between the two, and it begins anew.
    for (second, value) in [(1, 20.0), (29, 20.0), (30, 31.0), (31, 20.0), (50, 29.0), (51, 20.0), (80, 20.0)] {
        assert_eq!(scene.reading(second, value), NOTHING, "{second}");
    }
    assert_eq!(scene.reading(82, 20.0), ["1 resolved 20 at 81"], "when the time was over");
    assert_eq!(scene.reading(83, 31.0), ["2 firing 31 at 83"]);
    // Of what was between nobody knows.
    assert_eq!(scene.reading(90, 20.0), NOTHING);
    assert_eq!(scene.reading(500, 20.0), NOTHING);
    assert_eq!(scene.timeout(5_000), NOTHING, "silence ends nothing");
    assert_eq!(scene.reading(520, 20.0), NOTHING);
    assert_eq!(scene.reading(530, 20.0), ["2 resolved 20 at 530"]);
}

#[test]
fn flapping_around_a_limit_is_one_alert_with_a_clear_for() {
    let told = |spec: RuleSpec| {
        let mut scene = Scene::with([spec]);
        (0..60).map(|minute| scene.reading(minute * 60, 89.0 + 2.0 * f64::from(minute as i32 % 2)).len()).sum::<usize>()
    };
    assert_eq!(told(above(90.0)), 59);
    assert_eq!(told(clear_for(300, above(90.0))), 1);
}

#[test]
fn where_readings_are_missing_around_a_restart_it_has_to_be_good_for_the_whole_time_again() {
    let mut before = Scene::with([clear_for(10, above(30.0))]);
    before.reading(0, 31.0);
    before.reading(4, 20.0);
    let mut after = before.restart();
    for second in 6..16 {
        assert_eq!(after.reading(second, 20.0), NOTHING, "{second}");
    }
    assert_eq!(after.reading(16, 20.0), ["1 resolved 20 at 16"]);
}

#[test]
fn a_season_is_read_again_from_the_means_of_its_hours() {
    let seasonal = Condition::Seasonal { sigmas: 4.0, clear: None, least: Some(0.5) };
    let mut scene = Scene::with([spec("temp", seasonal)]);
    let begin = 15 * 86_400;
    let usual = |second: i64| if second.rem_euclid(86_400) < 43_200 { 15.0 } else { 25.0 };
    scene.resume(begin, &[(TEMP, Point { at: at(begin - 60), value: usual(begin - 60) })]);
    let mut recall = scene.engine.next_recall(at(begin)).expect("it wants its past");
    let hours = recall.wants_hours().expect("hours will do");
    let many = hours.1.since(hours.0) / 3_600_000;
    assert!((335..=338).contains(&many), "{many}");
    let means: Vec<_> =
        (0..many).map(|hour| Some(usual(hours.0.plus(hour * 3_600_000).since(START) / 1_000 + 1_800))).collect();
    recall.take_hours(hours, &means);
    let rest = recall.to.since(recall.from) / 1_000;
    assert!((3_600..=7_200).contains(&rest), "the last hour reading by reading: {rest}");
    let first = recall.from.since(START) / 1_000;
    let points: Vec<_> =
        (first..begin).step_by(60).map(|second| Point { at: at(second), value: usual(second) }).collect();
    recall.take(&points);
    scene.engine.recalled(recall);
    let told: Vec<_> = (begin..begin + 3_600).step_by(60).flat_map(|second| scene.reading(second, 25.0)).collect();
    assert_eq!(told.len(), 1, "{told:?}");
}

/// What a window says of readings, each judged by all before it.
fn expected(condition: &Condition, readings: &[Point]) -> Option<f64> {
    let now = readings.last()?.at;
    let Condition::Figure { figure, over, .. } = condition else { panic!("{condition:?}") };
    let (over, step) = (over.as_millis() as i64, over.as_millis() as i64 / 30);
    let begin = UnixMillis((now.0 - over + step - 1).div_euclid(step) * step);
    let whole: Vec<_> = readings.iter().filter(|point| point.at >= begin).collect();
    if now.since(whole[0].at) < over / 2 {
        return None;
    }
    let values = whole.iter().map(|point| point.value);
    Some(match figure {
        Figure::Average => values.sum::<f64>() / whole.len() as f64,
        Figure::Minimum => values.fold(f64::INFINITY, f64::min),
        Figure::Maximum => values.fold(f64::NEG_INFINITY, f64::max),
    })
}

proptest! {
    #[test]
    fn a_figure_is_what_all_readings_of_the_while_say(
        gaps in prop::collection::vec((prop_oneof![8 => 1..5_000_i64, 1 => 10_000..90_000_i64], -50..50_i32), 1..300),
        of in prop::sample::select(vec![Figure::Average, Figure::Minimum, Figure::Maximum]),
    ) {
        let condition = figure(of, Op::Above, 0.0, 60).condition;
        let mut window = Window::new(&condition, SensorKind::Gauge).unwrap();
        let (mut readings, mut now) = (Vec::new(), START);
        for (gap, value) in gaps {
            now = now.plus(gap);
            let point = Point { at: now, value: f64::from(value) / 4.0 };
            readings.push(point);
            let (is, should) = (window.take(point).map(|judged| judged.measured), expected(&condition, &readings));
            prop_assert_eq!(is.is_some(), should.is_some());
            prop_assert!(is.zip(should).is_none_or(|(is, should)| (is - should).abs() < 1e-9), "{:?} {:?}", is, should);
        }
    }

    #[test]
    fn what_stands_still_lies_in_a_band_and_what_moved_does_not(
        gaps in prop::collection::vec((1..4_000_i64, 0..4_i32), 1..300), least in 0..4_i32,
    ) {
        let condition = stuck(f64::from(least), 60).condition;
        let mut window = Window::new(&condition, SensorKind::Gauge).unwrap();
        let (mut readings, mut now) = (Vec::<Point>::new(), START);
        for (gap, value) in gaps {
            now = now.plus(gap);
            readings.push(Point { at: now, value: f64::from(value) });
            let band = |from: i64| {
                let of = || readings.iter().filter(|point| now.since(point.at) <= from).map(|point| point.value);
                of().fold(f64::NEG_INFINITY, f64::max) - of().fold(f64::INFINITY, f64::min)
            };
            let is_old = now.since(readings[0].at) >= 64_000;
            match window.take(*readings.last().unwrap()).map(|judged| judged.verdict) {
                // Up to a thirtieth more than the while is looked at.
                Some(condition::Verdict::Bad) => prop_assert!(band(60_000) <= f64::from(least)),
                Some(_) => prop_assert!(band(66_000) > f64::from(least)),
                None => prop_assert!(!is_old),
            }
        }
    }
}
