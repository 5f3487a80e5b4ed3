//! Devices whose clocks are off.

use super::*;

#[test]
fn a_device_with_a_wrong_clock_is_not_silent() {
    let mut scene = Scene::with([silence(300)]);
    scene.reading(0, 1.0);
    scene.group(290, &[batch(TEMP, at(290), &[(at(-100_000), 1.0)])]);
    assert_eq!(scene.timeout(300), NOTHING);
}

#[test]
fn silence_is_measured_by_what_comes_not_by_the_clock_of_the_device() {
    // Six minutes slow, as is a program's that pushes: none of its readings is of this moment.
    for shift in [-360, 240, 100_000] {
        let mut scene = Scene::with([silence(30)]);
        scene.resume(1_000, &[(TEMP, Point { at: at(999 + shift), value: 1.0 })]);
        for second in 1_001..1_200 {
            assert_eq!(scene.group(second, &[batch(TEMP, at(second), &[(at(second + shift), 1.0)])]), NOTHING);
            assert_eq!(scene.timeout(second), NOTHING);
        }
        assert_eq!(scene.timeout(1_228), NOTHING);
        assert_eq!(scene.timeout(1_229), ["1 firing - at 1229"], "{shift}");
        let backlog = Batch { lane: Lane::Recovered, ..batch(TEMP, at(1_300), &[(at(1_250), 1.0)]) };
        assert_eq!(scene.group(1_300, &[backlog]), ["1 resolved 0 at 1300"]);
    }
}

#[test]
fn a_reading_from_ahead_hides_nothing_that_comes_after_it() {
    let mut scene = Scene::with([above(30.0)]);
    scene.reading(0, 20.0);
    assert_eq!(scene.group(1, &[batch(TEMP, at(1), &[(at(241), 20.0)])]), NOTHING);
    assert_eq!(scene.reading(2, 31.0), ["1 firing 31 at 2"]);
    // In one request, wherever it stands.
    for (second, [first, then]) in [(10, [10, 250]), (20, [260, 20])] {
        scene.group(second, &[batch(TEMP, at(second), &[(at(first), 20.0), (at(then), 20.0)])]);
        let told = [20.0, 31.0, 20.0].map(|value| scene.reading(second + 1, value).len());
        assert_eq!(told, [0, 1, 1]);
    }
}

#[test]
fn an_agent_whose_clock_is_known_to_run_ahead_is_judged_now_and_a_forecast_is_not() {
    let ahead = |second: i64, by: i64, value: f64| batch(TEMP, at(second), &[(at(second + by), value)]);
    let mut scene = Scene::with([hold(3, above(30.0))]);
    assert_eq!(scene.group(0, &[ahead(0, 600, 31.0)]), NOTHING);
    assert_eq!(scene.group(1, &[ahead(1, 600, 31.0)]), NOTHING, "nothing is known of its clock");
    scene.engine.set_clocks([(DeviceNo(1), 600_000)].into());
    assert_eq!(scene.group(2, &[ahead(2, 600, 31.0)]), ["1 pending 31 at 2"]);
    assert_eq!(scene.group(5, &[ahead(5, 600, 32.0)]), ["1 firing 32 at 5"]);
    // Its clock is set: what comes goes on, and hides nothing.
    scene.engine.set_clocks([].into());
    assert_eq!(scene.reading(6, 20.0), ["1 resolved 20 at 6"]);
    // Pushed by a program, and by an agent whose clock is right: forecasts.
    assert_eq!(scene.group(7, &[ahead(7, 600, 31.0)]), NOTHING);
    scene.engine.set_clocks([(DeviceNo(1), 600_000)].into());
    let mut pushed = ahead(8, 600, 31.0);
    pushed.id.epoch = numbering::epoch_of(SensorNo(300)).unwrap();
    assert_eq!(scene.group(8, &[pushed]), NOTHING);
    assert_eq!(scene.group(9, &[ahead(9, 86_400, 31.0)]), NOTHING);
}

#[test]
fn a_clock_that_runs_ahead_is_judged_by_when_its_readings_came() {
    let mut scene = Scene::with([hold(5, above(30.0)), rate(3.0)]);
    for second in 0..40 {
        let value = f64::from(second) * 2.0;
        let told =
            scene.group(second.into(), &[batch(TEMP, at(second.into()), &[(at(i64::from(second) + 240), value)])]);
        match second {
            16 => assert_eq!(told, ["1 pending 32 at 16"]),
            21 => assert_eq!(told, ["1 firing 42 at 21"]),
            _ => assert_eq!(told, NOTHING, "{second}"),
        }
    }
    // Many at once keep their distances.
    let rows: Vec<_> = (0..60).map(|second| (at(280 + second), 78.0 + 2.0 * second as f64)).collect();
    assert_eq!(scene.group(100, &[batch(TEMP, at(100), &rows)]), NOTHING);
}
