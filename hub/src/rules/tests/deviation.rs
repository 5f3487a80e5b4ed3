//! Deviations: what is unusual, whatever the sensor is and whatever it showed before; live and in backtest.

use super::windows::{COUNT, deviation, wobble};
use super::*;
use crate::rules::backtest::{Replay, Trial};

/// A sensor that reports each second, and when a rule over half a minute fires by it: live, and in a backtest.
fn fires(spec: &RuleSpec, values: impl IntoIterator<Item = f64>) -> Vec<usize> {
    let values: Vec<f64> = values.into_iter().collect();
    let mut scene = Scene::with([spec.clone()]);
    let fires = |told: &[String]| told.iter().any(|one| one.contains("firing"));
    let live: Vec<usize> =
        (0..values.len()).filter(|second| fires(&scene.reading(*second as i64, values[*second]))).collect();
    let (trial, catalog) = (Trial::new(spec.clone(), START), catalog());
    let mut replay = Replay::new(&trial, &trial.series(&catalog)[0], at(0));
    replay.take(&(0..).zip(&values).map(|(second, value)| Point { at: at(second), value: *value }).collect::<Vec<_>>());
    let spans = replay.finish(at(values.len() as i64)).spans;
    let past: Vec<usize> = spans.iter().map(|span| span.from.since(START) as usize / 1_000).collect();
    assert_eq!(live, past, "a backtest says what the live engine says");
    live
}

fn over_half_a_minute(sigmas: f64) -> RuleSpec {
    deviation(sigmas, 30, None, None)
}

fn flat(value: f64) -> Vec<f64> {
    vec![value; 30]
}

#[test]
fn a_jump_from_a_flat_line_fires_and_one_step_of_the_sensor_does_not() {
    let never: [usize; 0] = [];
    let one = |before: f64, after: f64| fires(&over_half_a_minute(3.0), [flat(before), vec![after; 3]].concat());
    for (before, after) in
        [(20.0, 95.0), (0.0, 100.0), (-5.0, 40.0), (1e9, 1.5e9), (1_013.25, 950.0), (0.0, -3.7), (1e-3, 1.0)]
    {
        assert_eq!(one(before, after), [30], "{before} to {after}");
    }
    let steps = [
        (20.0, 20.0625),
        (20.0, 20.5),
        (20.0, 20.1),
        (20.0, 21.0),
        (0.0, 1.0),
        (1.0, 0.0),
        (-5.0, -5.0625),
        (0.0, -0.0),
    ];
    for (before, after) in steps {
        assert_eq!(one(before, after), never, "{before} to {after}");
    }
    // Of a number with so many digits the last is no step.
    assert_eq!(one(1e9, 1e9 + 4_096.0), never);
    assert_eq!(one(20.000_000_000_000_004, 20.0), never);
}

#[test]
fn what_is_usual_is_kept_with_what_is_not_and_with_its_end() {
    let mut scene = Scene::with([over_half_a_minute(3.0)]);
    (0..60).for_each(|second| drop(scene.reading(second, if second % 2 == 0 { 20.0 } else { 22.0 })));
    assert_eq!(scene.reading(60, 40.0).len(), 1);
    let usual = scene.stored[0].usual.unwrap();
    let about = |value: f64, of: f64| (value - of).abs() < 0.1;
    assert!(usual.is == 40.0 && about(usual.low, 18.97) && about(usual.high, 23.03), "{usual:?}");
    assert_eq!(scene.reading(61, 22.0).len(), 1);
    let usual = scene.stored[0].usual.unwrap();
    assert!(usual.is == 22.0 && about(usual.low, 18.97) && about(usual.high, 23.03), "{usual:?}");
}

#[test]
fn a_step_that_was_usual_is_usual_when_it_comes_again() {
    let never: [usize; 0] = [];
    let spec = over_half_a_minute(4.0);
    for base in [0.0, 0.2, 3.3, 20.0, 21.3, -18.0] {
        for step in [0.01, 0.037, 0.0625, 0.1, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 3.9] {
            if !fires(&spec, [flat(base), vec![base + step]].concat()).is_empty() {
                continue;
            }
            let stays = [flat(base), vec![base + step; 10]].concat();
            assert_eq!(fires(&spec, stays), never, "{base} and {step}, which stays");
            let again = [flat(base), vec![base + step], vec![base; 9], vec![base + step, base, base + step]].concat();
            assert_eq!(fires(&spec, again), never, "{base} and {step}, again");
            let jump = [flat(base), vec![base + step], vec![base; 9], vec![base + 95.0]].concat();
            assert_eq!(fires(&spec, jump), [40], "{base} and {step}, then a jump");
        }
    }
}

#[test]
fn from_a_flat_line_a_larger_jump_fires_wherever_a_smaller_one_does() {
    for base in [0.0, 1.0, 5.0, 20.0, 50.0, -18.0, 3.3, 0.0625, 1_013.25] {
        for sigmas in [3.0, 4.0, 8.0] {
            let spec = over_half_a_minute(sigmas);
            let jumps = (1..=200).map(|tenths| f64::from(tenths) / 10.0).chain([28.0, 95.0, 1_000.0, 1e6]);
            let fired = jumps.map(|jump| !fires(&spec, [flat(base), vec![base + jump]].concat()).is_empty());
            let fired: Vec<_> = fired.collect();
            assert!(fired.is_sorted() && fired.ends_with(&[true]), "{base}, {sigmas}: {fired:?}");
        }
    }
}

#[test]
fn what_came_for_a_moment_and_comes_to_stay_is_told_again() {
    // A reading a second of two minutes: three readings are a fortieth of it.
    let spec = deviation(4.0, 120, None, None);
    let values = [vec![20.0; 180], vec![95.0; 3], vec![20.0; 30], vec![95.0; 60]].concat();
    assert_eq!(fires(&spec, values), [180, 213]);
    let switch = [vec![20.0; 180], vec![95.0; 30], vec![20.0; 30], vec![95.0; 30]].concat();
    assert_eq!(fires(&spec, switch), [180], "a level that was held");
}

#[test]
fn the_situations_that_people_reported() {
    let alternating =
        |many: usize| (0..many).map(|second| if second % 2 == 0 { 20.0 } else { 20.1 }).collect::<Vec<_>>();
    let never: [usize; 0] = [];
    let [ten, thirty] = [10, 30].map(|over| deviation(3.0, over, None, None));
    let least = deviation(3.0, 30, None, Some(0.5));
    // Nine readings say too little, and so does less than half of the time.
    assert_eq!(fires(&ten, [alternating(9), vec![80.0]].concat()), never);
    for many in [10, 12] {
        assert_eq!(fires(&ten, [alternating(many), vec![80.0]].concat()), [many]);
        assert_eq!(fires(&thirty, [alternating(many), vec![80.0]].concat()), never);
    }
    for spec in [&ten, &thirty, &least] {
        assert_eq!(fires(spec, [alternating(30), vec![80.0]].concat()), [30]);
        assert_eq!(fires(spec, [flat(20.0), vec![20.0625]].concat()), never);
        assert_eq!(fires(spec, [flat(20.0), vec![95.0]].concat()), [30]);
        assert_eq!(fires(spec, [flat(20.0), vec![95.0; 3]].concat()), [30]);
        assert_eq!(fires(spec, [vec![20.0; 3], vec![95.0]].concat()), never);
        assert_eq!(fires(spec, [vec![20.0; 15], vec![20.0625], vec![20.0; 14], vec![95.0]].concat()), [30]);
        assert_eq!(fires(spec, [flat(0.0), vec![100.0; 2]].concat()), [30]);
        let steps = [vec![20.0; 10], vec![20.0625; 10], vec![20.0; 10], vec![20.125]].concat();
        assert_eq!(fires(spec, steps), never);
    }
    // A switch: nothing unusual, unless somebody says that half of its one step matters.
    let switched = [flat(0.0), vec![1.0; 3], vec![0.0]].concat();
    assert_eq!((fires(&thirty, switched.clone()), fires(&least, switched)), (vec![], vec![30]));
}

#[test]
fn a_strange_value_does_not_teach_the_spread() {
    for normal in [20.0, 0.0, -7.5, 1e9] {
        let mut values = flat(normal);
        let mut expected = Vec::new();
        for _ in 0..30 {
            expected.push(values.len());
            values.extend([if normal == 1e9 { 1e12 } else { 1e9 }, normal, normal]);
        }
        assert_eq!(fires(&over_half_a_minute(8.0), values), expected, "{normal}");
    }
}

#[test]
fn one_strange_value_among_the_first_teaches_nothing_and_what_comes_now_and_then_does() {
    for place in 0..15 {
        let mut values: Vec<f64> = (0..40).map(|second| wobble(second * 13)).collect();
        values[place] = 1e9;
        assert_eq!(fires(&over_half_a_minute(6.0), [values, vec![95.0]].concat()), [40], "{place}");
    }
    // A pump that runs four seconds of twenty.
    let pump = (0..400).map(|second| if second % 20 < 4 { 500.0 } else { 0.0 });
    assert_eq!(fires(&deviation(3.0, 120, None, None), pump.chain([3_000.0])), [400]);
}

#[test]
fn what_returns_within_the_time_that_a_rule_looks_back_is_usual() {
    let spec = deviation(4.0, 60, None, None);
    let switch =
        |on: usize, off: usize| (0..600).map(move |second| if second % (on + off) < off { 2.0 } else { 1_500.0 });
    for (on, off) in [(30, 30), (20, 40), (5, 30), (5, 40), (40, 40), (50, 10)] {
        // Once, as nobody knows it then.
        let told = fires(&spec, switch(on, off));
        assert!(told.len() <= 1, "{on} on, {off} off: {told:?}");
        // What it never did is strange all the same.
        let told = fires(&spec, switch(on, off).take(400).chain([9_000.0]));
        assert_eq!(told.last(), Some(&400), "{on} on, {off} off");
    }
    // With power that varies.
    let fridge =
        (0..900).map(|second| if second % 55 < 35 { 0.0 } else { 80.0 + (second * 7_919 % 101) as f64 / 10.0 });
    assert!(fires(&spec, fridge).len() <= 1);
    // An input that trembles by one step from some time on, and by nothing before.
    let zero = |second: usize| if second > 300 && second % 2 == 1 { 0.000_188 } else { 0.0 };
    let told = fires(&spec, (0..600).map(zero));
    assert!(told.len() <= 10 && told.last() < Some(&325), "{told:?}");
    // A single value that comes now and then is a slip each time.
    let slips = (0..600).map(|second| if second > 100 && second % 20 == 0 { 95.0 } else { 20.0 });
    assert_eq!(fires(&spec, slips).len(), 24);
    // So is what was held but is another each time.
    let others = (0..600_i32).map(|second| if second % 50 < 40 { 20.0 } else { 100.0 * 2_f64.powi(second / 50) });
    assert!(fires(&spec, others).len() >= 10);
}

#[test]
fn what_moves_as_it_always_does_is_nothing_unusual() {
    let never: [usize; 0] = [];
    let spec = deviation(4.0, 60, None, None);
    let drift = (0..1_000).map(|second| (20.0 + second as f64 * 0.01 - 0.005).mul_add(16.0, 0.0).round() / 16.0);
    assert_eq!(fires(&spec, drift), never);
    let wave = (0..1_000).map(|second| 1e9 + (f64::from(second) / 7.0).sin());
    assert_eq!(fires(&spec, wave.chain([1e9 + 9.0])), [1_000]);
    let whole = (0..1_000).map(|second| f64::from(second * 7 % 3));
    assert_eq!(fires(&spec, whole), never);
    let huge = (0..200).map(|second| if second % 2 == 0 { f64::MAX } else { f64::MIN });
    assert_eq!(fires(&spec, huge), never);
}

#[test]
fn a_sensor_that_reports_just_too_seldom_for_the_window_is_judged_all_the_same() {
    let mut scene = Scene::with([deviation(3.0, 10, None, None)]);
    let mut read = |place: i64, value: f64| {
        let moment = START.plus(place * 1_050);
        scene.group(100, &[batch(TEMP, moment, &[(moment, value)])])
    };
    for place in 0..40 {
        assert_eq!(read(place, wobble(place)), NOTHING);
    }
    assert_eq!(read(40, 95.0).len(), 1);
}

#[test]
fn a_level_that_stays_is_learned_after_its_time_and_that_is_said() {
    let mut scene = Scene::with([over_half_a_minute(3.0)]);
    for second in 0..100 {
        scene.reading(second, if second < 40 { wobble(second) } else { 95.0 + wobble(second) });
    }
    let [alert] = scene.stored.as_slice() else { panic!("{:?}", scene.stored) };
    assert_eq!((alert.started_at, alert.resolved_at, alert.new_normal), (at(40), Some(at(70)), true));
    // And the old one is strange.
    assert_eq!(scene.reading(100, 20.0).len(), 1);
    let resolved = scene.reading(101, 115.0);
    assert!(resolved.len() == 1 && !scene.stored[1].new_normal, "{resolved:?}");
}

proptest! {
    #[test]
    fn only_what_is_far_off_fires_and_each_time(
        centre in prop_oneof![Just(0.0), Just(-40.0), Just(20.0), Just(1e9)],
        noise in prop::collection::vec(-8..=8_i32, 200..300),
        spikes in prop::collection::btree_map(70..200_usize, prop_oneof![Just(1e12), Just(-1e12), 20.0..1e6_f64], 0..30),
    ) {
        let mut values: Vec<f64> = noise.iter().map(|step| centre + f64::from(*step) / 16.0).collect();
        let mut expected = Vec::new();
        for (place, spike) in spikes {
            values[place] = centre + spike;
            // What follows a spike at once is the same alert.
            if !expected.contains(&(place - 1)) {
                expected.push(place);
            } else {
                values[place] = centre;
            }
        }
        prop_assert_eq!(fires(&deviation(8.0, 60, None, None), values), expected);
    }
}

#[test]
fn a_value_far_from_its_history_fires_and_does_not_become_normal_while_it_lasts() {
    let mut scene = Scene::with([deviation(4.0, 600, Some(3.0), None)]);
    for second in 0..400 {
        assert_eq!(scene.reading(second, wobble(second)), NOTHING, "{second}");
    }
    assert_eq!(scene.reading(400, 25.0).len(), 1);
    // Were these learned, half a minute of them would make the spread so wide that the alert ends.
    for second in 401..900 {
        assert_eq!(scene.reading(second, 25.0), NOTHING, "{second}");
    }
    assert_eq!(scene.reading(900, 20.1).len(), 1, "back to normal");
    assert_eq!(scene.stored[0].state, AlertState::Resolved);
}

#[test]
fn a_level_that_outlasts_the_history_is_the_new_normal() {
    let mut scene = Scene::with([deviation(4.0, 600, None, None)]);
    for second in 0..400 {
        scene.reading(second, wobble(second));
    }
    for second in 400..1_600 {
        scene.reading(second, 5.0 + wobble(second));
    }
    let [alert] = scene.stored.as_slice() else { panic!("{:?}", scene.stored) };
    let lasted = alert.resolved_at.unwrap().since(alert.started_at) / 1_000;
    assert!((600..1_000).contains(&lasted), "{lasted} s");
}

#[test]
fn a_constant_series_does_not_fire_at_its_first_ticks_but_at_a_jump_that_stays() {
    let mut scene = Scene::with([deviation(4.0, 600, None, None)]);
    for second in 0..600 {
        assert_eq!(scene.reading(second, 20.0), NOTHING);
    }
    for second in 600..800 {
        assert_eq!(scene.reading(second, if second % 50 < 2 { 20.1 } else { 20.0 }), NOTHING, "{second}");
    }
    let mut scene = Scene::with([deviation(4.0, 600, None, None)]);
    (0..600).for_each(|second| assert_eq!(scene.reading(second, 20.0), NOTHING));
    assert_eq!(scene.reading(600, 80.0).len(), 1);
    assert_eq!(scene.reading(601, 80.0), NOTHING);
}

#[test]
fn a_difference_up_to_the_least_that_matters_is_no_deviation() {
    let fires = |value: f64| {
        let mut scene = Scene::with([deviation(4.0, 600, None, Some(2.0))]);
        (0..600).for_each(|second| assert_eq!(scene.reading(second, wobble(second) * 0.01), NOTHING));
        scene.reading(600, value).len() == 1
    };
    assert!(!fires(2.1));
    assert!(fires(2.3));
}

#[test]
fn of_a_counter_the_growth_deviates() {
    let mut scene = Scene::with([sensor("count", deviation(5.0, 600, None, None))]);
    let mut total = 0.0;
    let mut count = |second: i64, more: f64| {
        // Once the device starts anew: no deviation.
        total = if second == 300 { more } else { total + more };
        scene.group(second, &[batch(COUNT, at(second), &[(at(second), total)])])
    };
    for second in 0..500 {
        assert_eq!(count(second, 10.0 + (second % 3) as f64), NOTHING, "{second}");
    }
    assert_eq!(count(500, 100.0).len(), 1);
}
