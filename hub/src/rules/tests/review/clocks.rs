//! What comes late of devices whose clocks are off.

use super::*;

#[test]
fn what_was_told_of_a_clock_that_runs_ahead_is_not_told_again_as_what_is_yet_to_come() {
    // The second time nobody has measured the clock, or it was set meanwhile.
    for known in [200_000, 0] {
        let mut story = Story::with([above(30.0)]);
        story.scene.engine.set_clocks([(DeviceNo(1), known)].into());
        let ahead = |second: i64, value: f64| (second + 200, value);
        story.live(0, &[ahead(0, 20.0)]);
        assert_eq!(story.live(10, &[ahead(10, 31.0)]), ["1 firing 31 at 10"]);
        assert_eq!(story.live(16, &[ahead(16, 20.0)]), ["1 resolved 20 at 16"]);
        // The hub was away for some seconds; the rest of it comes afterwards.
        story.live(40, &[ahead(40, 20.0)]);
        story.late(41, &[ahead(12, 30.5), ahead(20, 20.0), ahead(30, 20.0)]);
        assert_eq!(story.look(60), NOTHING, "{known}");
    }
    // Something else, which nobody was told of: when it happened, and not when the device thought so.
    let mut story = Story::with([above(30.0)]);
    story.scene.engine.set_clocks([(DeviceNo(1), 400_000)].into());
    story.live(0, &[(400, 20.0)]);
    story.late(60, &[(420, 20.0), (430, 50.0), (434, 20.0), (459, 20.0)]);
    assert_eq!(story.look(80), ["1 historical 50 at 30", "told 1 and 0 more"]);
    assert_eq!(story.scene.stored[0].resolved_at, Some(at(34)));
}

#[test]
fn what_an_agent_kept_whose_clock_is_far_off_is_told_once_when_it_happened() {
    for off in [400, 7_200, -400, -7_200] {
        let by = |second: i64, value: f64| (second + off, value);
        let mut story = Story::with([above(30.0)]);
        story.scene.resume(40, &[]);
        // It is back before anybody measured its clock.
        assert_eq!(story.late(41, &[by(10, 20.0), by(15, 50.0), by(20, 20.0), by(39, 20.0)]), NOTHING);
        assert_eq!(story.live(42, &[by(42, 20.0)]), NOTHING);
        story.scene.engine.set_clocks([(DeviceNo(1), off * 1_000)].into());
        assert_eq!(story.live(50, &[by(50, 20.0)]), NOTHING);
        assert_eq!(story.look(52), ["1 historical 50 at 15", "told 1 and 0 more"], "{off}");
        assert_eq!(story.scene.stored[0].resolved_at, Some(at(20)));
        assert_eq!((story.look(100), story.waiting), (vec![], None), "{off}");
        // What happens now is judged now, be it the same once more.
        assert_eq!(story.live(101, &[by(101, 50.0)]), ["2 firing 50 at 101"], "{off}");
        assert_eq!(story.live(106, &[by(106, 20.0)]), ["2 resolved 20 at 106"], "{off}");
    }
}

#[test]
fn a_start_waits_for_a_clock_that_is_far_ahead_to_be_measured() {
    let mut story = Story::with([above(30.0)]);
    story.scene.resume(40, &[]);
    story.late(41, &[(410, 20.0), (415, 50.0), (420, 20.0), (439, 20.0)]);
    story.restart(50);
    assert_eq!(story.look(60), NOTHING, "the agent is not back");
    story.scene.engine.set_clocks([(DeviceNo(1), 400_000)].into());
    assert_eq!(story.look(80), ["1 historical 50 at 15", "told 1 and 0 more"]);
    // Of an agent whose clock is right it is a forecast.
    let mut story = Story::with([above(30.0)]);
    story.late(41, &[(410, 20.0), (415, 50.0), (420, 20.0), (439, 20.0)]);
    story.scene.engine.set_clocks([(DeviceNo(1), 0)].into());
    assert_eq!((story.look(80), story.waiting), (vec![], None));
}

#[test]
fn a_device_whose_clock_is_slow_is_judged_as_soon_as_that_is_known() {
    let mut story = Story::with([above(30.0)]);
    let mut told = Vec::new();
    for second in 0..700 {
        told.extend(story.live(second, &[(second - 7_200, 31.0)]));
        told.extend(story.look(second));
    }
    assert_eq!(told, ["1 firing 31 at -7140", "1 began at -7200"]);
    assert_eq!(story.live(700, &[(-6_500, 20.0)]), ["1 resolved 20 at -6500"]);
}
