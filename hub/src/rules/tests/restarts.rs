//! What a start of the hub goes on with, and what it decides nothing about.

use super::*;
use crate::model::device::Device;
use crate::model::{SensorNo, numbering};

#[test]
fn after_a_restart_silence_counts_from_there() {
    let mut scene = Scene::with([silence(300)]);
    scene.resume(10_000, &[(TEMP, Point { at: at(0), value: 1.0 })]);
    assert_eq!(scene.timeout(10_299), NOTHING);
    assert_eq!(scene.engine.poll_timeout(), Some(at(10_300)));
    assert_eq!(scene.timeout(10_300), ["1 firing - at 300"], "who never comes back is told all the same");
    let mut scene = Scene::with([silence(5)]);
    scene.resume(10_000, &[(TEMP, Point { at: at(9_999), value: 1.0 })]);
    assert_eq!(scene.engine.poll_timeout(), Some(at(10_060)), "devices need a moment to come back");
}

#[test]
fn a_device_that_speaks_rarely_is_not_missed_after_a_restart_and_one_that_came_back_is_as_ever() {
    let mut scene = Scene::with([silence(180)]);
    scene.resume(10_000, &[(TEMP, Point { at: at(9_930), value: 1.0 })]);
    assert_eq!(scene.timeout(10_110), NOTHING);
    assert_eq!(scene.reading(10_155, 1.0), NOTHING);
    assert_eq!(scene.timeout(10_334), NOTHING);
    assert_eq!(scene.timeout(10_335), ["1 firing - at 10335"]);
    // Its interval counts where it is longer than the rule's patience.
    let mut scene = Scene::with([sensor("door", silence(180))]);
    scene.resume(10_000, &[(DOOR, Point { at: at(9_990), value: 1.0 })]);
    assert_eq!(scene.engine.poll_timeout(), Some(at(10_900)));
}

#[test]
fn what_was_pending_when_the_hub_stopped_is_not_told_by_a_start() {
    let mut before = Scene::with([hold(60, above(30.0))]);
    (0..50).for_each(|second| drop(before.reading(second, 31.0)));
    let stopped = [(TEMP, Point { at: at(49), value: 31.0 })];
    let mut after = before.restart();
    after.resume(60, &stopped);
    assert_eq!(after.timeout(60), NOTHING);
    // What the device measured meanwhile is on its way: the first that comes may have been preceded by better ones.
    assert_eq!(after.reading(70, 31.0), ["1 pending 31 at 70"]);
    assert_eq!(after.reading(71, 20.0), ["1 cancelled"]);
    // Going on where it left off proves it.
    let mut after = before.restart();
    after.resume(60, &stopped);
    assert_eq!(after.group(70, &[batch(TEMP, at(70), &[(at(50), 31.0), (at(60), 31.0)])]), ["1 firing 31 at 60"]);
    // A device that does not come back: pending for ever would be a lie as well.
    let mut after = before.restart();
    assert_eq!(after.timeout(304), NOTHING);
    assert_eq!(after.timeout(305), ["1 cancelled"]);
}

#[test]
fn since_when_it_is_good_again_outlasts_a_restart() {
    let mut before = Scene::with([RuleSpec { clear_for: Duration::from_secs(60), ..above(30.0) }]);
    assert_eq!(before.reading(0, 31.0), ["1 firing 31 at 0"]);
    (1..40).for_each(|second| assert_eq!(before.reading(second, 20.0), NOTHING));
    let stopped = [(TEMP, Point { at: at(39), value: 20.0 })];
    let mut after = before.restart();
    after.resume(41, &stopped);
    (40..61).for_each(|second| assert_eq!(after.reading(second, 20.0), NOTHING, "{second}"));
    assert_eq!(after.reading(61, 20.0), ["1 resolved 20 at 61"]);
    // What was not good any more when the hub stopped is not good since before.
    before.reading(40, 31.0);
    let mut after = before.restart();
    after.resume(42, &[(TEMP, Point { at: at(40), value: 31.0 })]);
    (41..101).for_each(|second| assert_eq!(after.reading(second, 20.0), NOTHING, "{second}"));
    assert_eq!(after.reading(101, 20.0), ["1 resolved 20 at 101"]);
}

#[test]
fn a_restart_resumes_pending_and_firing_alerts() {
    let mut before = Scene::with([hold(60, above(30.0))]);
    before.reading(4, 31.0);
    let mut after = before.restart();
    assert_eq!(after.reading(5, 31.0), NOTHING, "the clock of a pending alert does not start anew");
    (6..64).for_each(|second| assert_eq!(after.reading(second, 31.0), NOTHING));
    assert_eq!(after.reading(64, 31.0), ["1 firing 31 at 64"]);
    let mut again = after.restart();
    assert_eq!(again.reading(70, 20.0), ["1 resolved 20 at 70"]);
    assert_eq!(again.reading(71, 31.0), ["2 pending 31 at 71"]);
}

#[test]
fn a_restart_ends_open_alerts_whose_rule_is_gone() {
    let mut before = Scene::with([above(30.0)]);
    before.reading(0, 31.0);
    let mut after = before.restart_with([]);
    assert_eq!(after.resumed, ["1 resolved 31 at 5"]);
    assert_eq!(after.resume(6, &[]), NOTHING, "once");
}

#[test]
fn what_was_pushed_around_a_restart_holds_together_and_what_an_agent_sent_does_not() {
    let pushed = |second: i64| {
        let mut batch = batch(TEMP, at(second), &[(at(second), 31.0)]);
        batch.id.epoch = numbering::epoch_of(SensorNo(300)).unwrap();
        [batch]
    };
    let mut before = Scene::with([hold(60, above(30.0))]);
    (0..46).for_each(|second| drop(before.group(second, &pushed(second))));
    let mut after = before.restart();
    after.resume(47, &[(TEMP, Point { at: at(45), value: 31.0 })]);
    (48..60).for_each(|second| assert_eq!(after.group(second, &pushed(second)), NOTHING, "{second}"));
    assert_eq!(after.group(60, &pushed(60)), ["1 firing 31 at 60"]);
    // Longer than readings hold a `for` together, nobody knows.
    let mut after = before.restart();
    after.resume(100, &[(TEMP, Point { at: at(45), value: 31.0 })]);
    assert_eq!(after.group(106, &pushed(106)), ["1 pending 31 at 106"]);
    // An agent keeps what it measured while the hub was away, and has still to say it.
    let mut after = before.restart();
    after.resume(47, &[(TEMP, Point { at: at(45), value: 31.0 })]);
    assert_eq!(after.reading(48, 31.0), ["1 pending 31 at 48"]);
}

#[test]
fn a_delay_that_was_usual_before_a_restart_is_so_after_it() {
    let mut scene = Scene::with([above(30.0)]);
    // Each second a reading, of which the newest is 100 s old when it comes.
    scene.resume(1_000, &[(TEMP, Point { at: at(890), value: 20.0 })]);
    scene.engine.hear([(TEMP, at(990))]);
    let hot: Vec<_> = (891..=900).map(|second| (at(second), 31.0)).collect();
    assert_eq!(scene.group(1_000, &[batch(TEMP, at(1_000), &hot)]), ["1 firing 31 at 891"]);
}

#[test]
fn an_excursion_that_crosses_two_uploads_outlasts_a_restart() {
    const HOUR: i64 = 3_600;
    // Each hour the readings of it, one each ten minutes or one in all; hot from the second-last before an upload on.
    let upload = |hour: i64, seconds: &[i64], hot: std::ops::Range<i64>| {
        let rows: Vec<_> =
            seconds.iter().map(|second| (at(*second), if hot.contains(second) { 40.0 } else { 20.0 })).collect();
        let mut batch = batch(TEMP, at(hour * HOUR), &rows);
        batch.id.epoch = numbering::epoch_of(SensorNo(300)).unwrap();
        [batch]
    };
    let told = |every_s: i64, hot: std::ops::Range<i64>, restarts: bool| {
        let mut scene = Scene::with([hold(1_200, above(30.0))]);
        let pushed_every_ms = Some(HOUR * 1_000);
        scene.catalog.put_device(Device { pushed_every_ms, interval_ms: Some(0), ..device(1) });
        let seconds = |hour: i64| -> Vec<_> { (1..=HOUR / every_s).map(|n| (hour - 1) * HOUR + n * every_s).collect() };
        for hour in 1..=3 {
            scene.group(hour * HOUR, &upload(hour, &seconds(hour), hot.clone()));
        }
        if restarts {
            scene = scene.restart();
            let last = Point { at: at(3 * HOUR), value: 40.0 };
            scene.resume(3 * HOUR + 300, &[(TEMP, last)]);
            scene.engine.hear([(TEMP, at(3 * HOUR))]);
        }
        assert_eq!(scene.timeout(4 * HOUR - 1), NOTHING);
        scene.group(4 * HOUR, &upload(4, &seconds(4), hot))
    };
    for restarts in [false, true] {
        let each_ten_minutes = told(600, 3 * HOUR - 600..4 * HOUR - 600, restarts);
        assert!(each_ten_minutes.iter().any(|line| line.contains("at 11400")), "{restarts} {each_ten_minutes:?}");
        let one = told(HOUR, 3 * HOUR..5 * HOUR, restarts);
        assert!(one.iter().any(|line| line.contains("firing")), "{restarts} {one:?}");
    }
}
