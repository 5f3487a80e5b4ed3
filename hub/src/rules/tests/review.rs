//! What becomes of readings that come too late: nothing at once, and an entry nobody is told of once they have settled.

mod clocks;

use super::*;

/// A scene, and the readings of `temp` as a store would hold them, with the late ones that wait.
struct Story {
    scene: Scene,
    readings: Vec<Point>,
    waiting: Option<Stretch>,
}

#[test]
fn a_storm_of_backfill_raises_no_alert_and_becomes_one_entry_a_firing() {
    let mut story = Story::with([above(30.0)]);
    // Ten firings, a minute each, told newest first.
    for minute in (0..20).rev() {
        let value = if minute % 2 == 0 { 31.0 } else { 20.0 };
        let rows: Vec<_> = (0..60).map(|second| (minute * 60 + second, value)).collect();
        assert_eq!(story.late(10_000 - minute, &rows), NOTHING);
    }
    assert_eq!(story.look(10_009), NOTHING, "it has not settled");
    let entries = story.look(10_020);
    assert_eq!(entries.len(), 11);
    assert_eq!(entries[0], "1 historical 31 at 0");
    assert_eq!(entries[9], "10 historical 31 at 1080");
    assert_eq!(entries[10], "told 1 and 9 more", "once");
    let first = &story.scene.stored[0];
    assert_eq!((first.started_at, first.resolved_at, first.learned_at), (at(0), Some(at(60)), at(10_020)));
    assert_eq!(story.look(20_000), NOTHING, "once");
    assert_eq!(story.scene.engine.poll_review(), None);
}

#[test]
fn a_live_reading_that_is_late_is_late_all_the_same() {
    let mut story = Story::with([above(30.0)]);
    assert_eq!(story.live(100, &[(0, 31.0), (1, 20.0)]), NOTHING);
    assert_eq!(story.look(200), ["1 historical 31 at 0", "told 1 and 0 more"]);
}

#[test]
fn one_that_is_overtaken_by_a_later_one_is_looked_at_too() {
    let mut story = Story::with([above(30.0)]);
    story.live(10, &[(10, 20.0)]);
    assert_eq!(story.live(11, &[(9, 99.0)]), NOTHING);
    assert_eq!(story.look(30), ["1 historical 99 at 9", "told 1 and 0 more"]);
}

#[test]
fn what_came_in_time_before_there_was_a_rule_is_not_entered_with_late_readings_beside_it() {
    let mut story = Story::with([]);
    story.live(0, &[(0, 31.0)]);
    story.live(5, &[(5, 20.0)]);
    story.scene.rules(10, vec![rule(1, above(30.0))]);
    story.live(40, &[(40, 20.0)]);
    story.late(41, &[(20, 20.0), (30, 20.0)]);
    assert_eq!(story.look(60), NOTHING);
}

#[test]
fn an_entry_holds_what_the_rule_says_with_its_hold_time() {
    let mut story = Story::with([hold(60, above(30.0))]);
    let rows: Vec<_> = (0..100).map(|second| (second, 31.0)).chain([(100, 20.0), (110, 31.0), (120, 20.0)]).collect();
    story.late(7_000, &rows);
    assert_eq!(story.look(7_010), ["1 historical 31 at 60", "told 1 and 0 more"]);
    let entry = &story.scene.stored[0];
    assert_eq!((entry.started_at, entry.fired_at, entry.resolved_at), (at(0), Some(at(60)), Some(at(100))));
}

#[test]
fn what_an_alert_told_of_is_not_told_again() {
    let mut story = Story::with([above(30.0)]);
    assert_eq!(story.live(0, &[(0, 31.0)]), ["1 firing 31 at 0"]);
    // Away for an hour; back, it is still too hot. The hour comes later: it cooled down in between.
    assert_eq!(story.live(3_600, &[(3_600, 32.0)]), NOTHING);
    story.late(3_601, &[(60, 31.0), (120, 20.0), (180, 33.0), (240, 33.0)]);
    assert_eq!(story.look(4_000), NOTHING);
}

#[test]
fn an_entry_ends_where_the_alert_begins_that_was_told() {
    let mut story = Story::with([above(30.0)]);
    story.live(0, &[(0, 20.0)]);
    assert_eq!(story.live(3_600, &[(3_600, 32.0)]), ["1 firing 32 at 3600"]);
    assert_eq!(story.live(3_700, &[(3_700, 20.0)]), ["1 resolved 20 at 3700"]);
    story.late(3_701, &[(600, 20.0), (1_200, 31.0), (2_400, 31.0)]);
    assert_eq!(story.look(3_800), ["2 historical 31 at 1200", "told 2 and 0 more"]);
    assert_eq!(story.scene.stored[1].resolved_at, Some(at(3_600)));
}

#[test]
fn an_alert_that_was_told_learns_when_it_began() {
    let mut story = Story::with([above(30.0)]);
    story.live(0, &[(0, 20.0)]);
    assert_eq!(story.live(3_600, &[(3_600, 32.0)]), ["1 firing 32 at 3600"]);
    story.late(3_601, &[(600, 20.0), (1_200, 31.0), (2_400, 31.0)]);
    assert_eq!(story.look(3_700), ["1 began at 1200"]);
    assert_eq!(story.live(3_701, &[(3_701, 20.0)]), ["1 resolved 20 at 3701"], "the alert goes on as ever");
    assert_eq!(story.scene.stored.len(), 1);
    assert_eq!(story.scene.stored[0].started_at, at(1_200));
}

#[test]
fn what_still_lasts_when_a_device_comes_back_fires_with_its_true_start_if_the_readings_prove_it() {
    let mut story = Story::with([hold(600, above(30.0))]);
    story.live(0, &[(0, 20.0)]);
    assert_eq!(story.live(3_600, &[(3_600, 32.0)]), ["1 pending 32 at 3600"]);
    let hot: Vec<_> = (2_700..3_600).map(|second| (second, 31.0)).collect();
    story.late(3_601, &hot[450..]);
    story.late(3_602, &hot[..450]);
    story.late(3_602, &[(2_000, 31.0), (2_010, 20.0)]);
    assert_eq!(story.look(3_612), ["1 firing 31 at 3300"]);
    assert_eq!(story.scene.stored[0].started_at, at(2_700));
    assert_eq!(story.live(3_620, &[(3_620, 20.0)]), ["1 resolved 20 at 3620"]);
    // It was over before: nothing fires, and somebody hears of it once.
    let mut story = Story::with([hold(600, above(30.0))]);
    story.live(0, &[(0, 20.0)]);
    assert_eq!(story.live(3_600, &[(3_600, 20.0)]), NOTHING);
    story.late(3_601, &hot);
    assert_eq!(story.look(3_611), ["1 historical 31 at 3300", "told 1 and 0 more"]);
    // Pending since before what is known to be on time.
    let mut story = Story::with([hold(900, above(30.0))]);
    assert_eq!(story.live(3_600, &[(3_600, 32.0)]), ["1 pending 32 at 3600"]);
    story.late(3_601, &hot[300..]);
    assert_eq!(story.look(3_611), ["1 pending 31 at 3000"]);
}

#[test]
fn an_entry_that_is_found_again_is_not_learned_anew() {
    let mut story = Story::with([above(30.0)]);
    story.scene.resume(40, &[]);
    story.scene.engine.set_clocks([(DeviceNo(1), 90_000)].into());
    story.late(41, &[(100, 20.0), (105, 50.0), (110, 20.0), (129, 20.0)]);
    let waiting = story.waiting;
    assert_eq!(story.look(52), ["1 historical 50 at 15", "told 1 and 0 more"]);
    let learned_at = story.scene.stored[0].learned_at;
    // The hub is killed, and the clock measured anew.
    story.waiting = waiting;
    story.restart(60);
    story.scene.engine.set_clocks([(DeviceNo(1), 90_013)].into());
    assert_eq!(story.look(80), NOTHING);
    assert_eq!(story.scene.stored[0].learned_at, learned_at);
}

#[test]
fn the_same_excursion_once_more_is_another_one() {
    let mut story = Story::with([above(30.0)]);
    story.live(0, &[(0, 20.0)]);
    assert_eq!(story.live(10, &[(10, 31.0)]), ["1 firing 31 at 10"]);
    assert_eq!(story.live(15, &[(15, 20.0)]), ["1 resolved 20 at 15"]);
    story.late(60, &[(20, 20.0), (30, 31.0), (35, 20.0)]);
    assert_eq!(story.look(80), ["2 historical 31 at 30", "told 2 and 0 more"]);
}

#[test]
fn an_upload_of_an_hour_is_judged_as_it_comes() {
    let minutes = |from: i64, hot: std::ops::Range<i64>| -> Vec<(i64, f64)> {
        (from..from + 60).map(|minute| (minute * 60, if hot.contains(&minute) { 31.0 } else { 20.0 })).collect()
    };
    let spec = || hold(600, sensor("temp", above(30.0)));
    let mut story = Story::with([spec()]);
    assert_eq!(story.live(3_600, &minutes(0, 0..0)), NOTHING);
    // It began and ended within the hour.
    let told = story.live(7_200, &minutes(60, 70..95));
    assert_eq!(told, ["1 pending 31 at 4200", "1 historical 31 at 4800", "told 1 and 0 more"]);
    assert_eq!(story.scene.stored[0].resolved_at, Some(at(5_700)));
    // Too short to matter, and one that lasts.
    let told = story.live(10_800, &minutes(120, 130..139));
    assert_eq!(told, ["2 pending 31 at 7800", "2 cancelled"]);
    assert_eq!(story.live(14_400, &minutes(180, 220..260)), ["3 pending 31 at 13200", "3 firing 31 at 13800"]);
    assert_eq!(story.live(18_000, &minutes(240, 220..260)), ["3 resolved 20 at 15600"]);
    // Begun at the end of one upload, held by the next.
    assert_eq!(story.live(21_600, &minutes(300, 355..370)), ["4 pending 31 at 21300"]);
    assert_eq!(story.scene.timeout(21_900), NOTHING);
    assert_eq!(story.live(25_200, &minutes(360, 355..420)), ["4 firing 31 at 21900"]);
    assert_eq!(story.look(30_000), NOTHING, "nothing of it is late");
}

#[test]
fn of_a_series_that_nothing_is_known_of_the_readings_say_how_often_they_come() {
    let hour = |every: i64, until: i64| -> Vec<(i64, f64)> {
        (0..until / every).map(|n| (n * every, if n * every >= until - 1_800 { 31.0 } else { 20.0 })).collect()
    };
    // Every ten minutes, and the newest is seven minutes old: it lasts.
    let mut story = Story::with([hold(600, sensor("temp", above(30.0)))]);
    assert_eq!(story.live(3_420, &hour(600, 3_600)), ["1 pending 31 at 1800", "1 firing 31 at 2400"]);
    // Every minute, and the newest is eight minutes old: who knows.
    let mut story = Story::with([hold(600, sensor("temp", above(30.0)))]);
    assert_eq!(story.live(3_540 + 480, &hour(60, 3_600)), NOTHING);
    assert_eq!(story.look(3_540 + 490), ["1 historical 31 at 2400", "told 1 and 0 more"]);
    // One that is known to come each minute, and after an outage two of it: that they lie far apart says nothing.
    let mut story = Story::with([above(30.0)]);
    for minute in 0..5 {
        story.live(minute * 60, &[(minute * 60, 20.0)]);
    }
    assert_eq!(story.live(7_200, &[(300, 20.0), (3_000, 31.0)]), NOTHING);
}

#[test]
fn an_upload_is_judged_in_the_order_of_its_times() {
    let mut rows: Vec<_> = (0..41).map(|minute| (minute * 60, if minute > 20 { 31.0 } else { 20.0 })).collect();
    for round in 0..3 {
        let mut story = Story::with([hold(600, above(30.0))]);
        assert_eq!(story.live(2_400, &rows), ["1 pending 31 at 1260", "1 firing 31 at 1860"], "{round}");
        // The newest first, then in no order.
        if round == 0 { rows.reverse() } else { rows.sort_by_key(|(second, _)| second / 60 * 7_919 % 41) }
    }
}

#[test]
fn what_was_over_is_told_once_a_rule_and_device_and_nobody_hears_of_what_is_imported() {
    let mut story = Story::with([above(30.0)]);
    for part in 0..20 {
        story.late(9_000 + part * 20, &[(part * 400, 31.0), (part * 400 + 30, 20.0)]);
        let told = story.look(9_000 + part * 20 + 15);
        assert_eq!(told.iter().filter(|one| one.starts_with("told")).count(), usize::from(part == 0), "{told:?}");
    }
    story.late(30_000, &[(29_000, 31.0), (29_030, 20.0)]);
    assert_eq!(story.look(30_010), ["21 historical 31 at 29000", "told 21 and 0 more"], "another time it is told");
    let mut story = Story::with([above(30.0), silence(60)]);
    story.import(9_000, &[(8_000, 31.0), (8_030, 20.0), (8_990, 31.0)]);
    assert_eq!(story.look(9_010), NOTHING, "what is imported is looked at by backtests");
    assert_eq!(story.scene.timeout(20_000), NOTHING, "and it is not heard by it");
}

#[test]
fn a_backfill_in_two_parts_makes_one_entry_of_what_belongs_together() {
    let mut story = Story::with([above(30.0)]);
    story.late(9_000, &[(0, 31.0), (30, 31.0)]);
    assert_eq!(story.look(9_010), ["1 historical 31 at 0", "told 1 and 0 more"]);
    story.late(9_100, &[(1_000, 31.0), (1_030, 20.0)]);
    assert_eq!(story.look(9_110), ["2 historical 31 at 1000"]);
    let between: Vec<_> = (31..1_000).map(|second| (second, 31.0)).collect();
    story.late(9_200, &between);
    assert_eq!(story.look(9_210), ["1 historical 31 at 0", "2 cancelled"]);
    let [entry] = story.scene.stored.as_slice() else { panic!("{:?}", story.scene.stored) };
    assert_eq!((entry.started_at, entry.resolved_at), (at(0), Some(at(1_030))));
}

#[test]
fn a_hub_that_is_killed_looks_at_it_when_it_starts_again() {
    let mut story = Story::with([above(30.0)]);
    story.late(9_000, &[(0, 31.0), (30, 20.0)]);
    story.late(9_001, &[(4_000, 32.0), (4_030, 20.0)]);
    story.restart(9_002);
    assert_eq!(story.look(9_011), NOTHING, "agents are not back yet, which tell how their clocks run");
    assert_eq!(story.look(9_012), ["1 historical 31 at 0", "2 historical 32 at 4000", "told 1 and 1 more"]);
    assert_eq!(story.waiting, None);
    story.restart(9_013);
    assert_eq!(story.look(9_100), NOTHING);
}

#[test]
fn what_is_looked_at_once_more_after_a_crash_makes_no_other_entries() {
    let mut story = Story::with([above(30.0)]);
    story.late(9_000, &[(0, 31.0), (30, 20.0), (40, 33.0)]);
    let waiting = story.waiting;
    assert_eq!(story.look(9_010), ["1 historical 31 at 0", "2 historical 33 at 40", "told 1 and 1 more"]);
    story.waiting = waiting;
    story.restart(9_011);
    assert_eq!(story.look(9_021), NOTHING);
    assert_eq!(story.scene.stored.len(), 2);
}

#[test]
fn what_comes_late_while_another_part_is_looked_at_waits_on() {
    let mut story = Story::with([above(30.0)]);
    story.late(9_000, &[(0, 31.0), (30, 20.0)]);
    let review = story.scene.engine.next_review(at(9_010), &story.scene.catalog).unwrap();
    story.late(9_011, &[(4_000, 31.0), (4_030, 20.0)]);
    assert_eq!(story.waiting, Some(Stretch { from: at(0), to: at(4_080) }), "both, should the hub be killed now");
    let mut hearing = review.hear(None);
    hearing.take(&story.readings[..2], false);
    let proposed = story.scene.engine.reviewed(at(9_012), hearing.finish(vec![]));
    assert_eq!(story.commit(proposed), ["1 historical 31 at 0", "told 1 and 0 more"]);
    assert_eq!(story.waiting, Some(Stretch { from: at(3_960), to: at(4_080) }));
    assert_eq!(story.look(9_021), ["2 historical 31 at 4000"]);
    assert_eq!(story.waiting, None);
}

#[test]
fn silence_and_readings_from_the_future_leave_nothing_to_look_at() {
    let mut story = Story::with([silence(60)]);
    story.late(5_000, &[(0, 1.0), (1_000, 1.0)]);
    assert_eq!(story.scene.engine.poll_review(), None);
    let mut story = Story::with([above(30.0)]);
    story.late(0, &[(600, 99.0)]);
    assert_eq!((story.look(10), story.waiting), (vec![], None));
}

#[test]
fn a_proposal_that_is_dropped_leaves_nothing_to_look_at() {
    let mut scene = Scene::with([above(30.0)]);
    let batches = [Batch { lane: Lane::Recovered, ..batch(TEMP, at(500), &[(at(0), 99.0)]) }];
    scene.engine.prepare(&scene.catalog, &batches);
    drop(scene.engine.evaluate(at(500), &batches));
    assert_eq!(scene.engine.poll_review(), None);
}

#[test]
fn rules_that_change_meanwhile_apply_as_they_are_when_it_is_looked_at() {
    let mut story = Story::with([above(30.0)]);
    story.late(500, &[(0, 25.0)]);
    story.scene.rules(501, vec![rule(1, above(20.0))]);
    assert_eq!(story.look(600), ["1 historical 25 at 0", "told 1 and 0 more"]);
    story.late(700, &[(100, 25.0)]);
    story.scene.rules(701, vec![]);
    assert_eq!(story.look(800), NOTHING);
}

impl Story {
    fn with(specs: impl IntoIterator<Item = RuleSpec>) -> Self {
        Self { scene: Scene::with(specs), readings: Vec::new(), waiting: None }
    }

    fn late(&mut self, second: i64, rows: &[(i64, f64)]) -> Vec<String> {
        self.come(Lane::Recovered, second, rows)
    }

    fn live(&mut self, second: i64, rows: &[(i64, f64)]) -> Vec<String> {
        self.come(Lane::Live, second, rows)
    }

    /// From a file.
    fn import(&mut self, second: i64, rows: &[(i64, f64)]) -> Vec<String> {
        let rows: Vec<_> = rows.iter().map(|&(second, value)| (at(second), value)).collect();
        self.readings.extend(rows.iter().map(|&(at, value)| Point { at, value }));
        let mut batch = batch(TEMP, at(second), &rows);
        batch.id = BatchId { epoch: numbering::epoch_of(SensorNo(300)).unwrap(), seq: numbering::IMPORTED, ..batch.id };
        self.scene.engine.prepare(&self.scene.catalog, std::slice::from_ref(&batch));
        let proposed = self.scene.engine.evaluate(at(second), &[batch]);
        self.commit(proposed)
    }

    fn come(&mut self, lane: Lane, second: i64, rows: &[(i64, f64)]) -> Vec<String> {
        let rows: Vec<_> = rows.iter().map(|&(second, value)| (at(second), value)).collect();
        self.readings.extend(rows.iter().map(|&(at, value)| Point { at, value }));
        self.readings.sort_by_key(|point| point.at);
        let batches = [Batch { lane, ..batch(TEMP, at(second), &rows) }];
        self.scene.engine.prepare(&self.scene.catalog, &batches);
        let proposed = self.scene.engine.evaluate(at(second), &batches);
        self.commit(proposed)
    }

    /// Looks at what has settled, in small pages.
    fn look(&mut self, second: i64) -> Vec<String> {
        let mut said = Vec::new();
        while let Some(review) = self.scene.engine.next_review(at(second), &self.scene.catalog) {
            let mut hearing = review.hear(None);
            while let Some((from, to)) = hearing.wants() {
                let wanted = self.readings.iter().filter(|point| from <= point.at && point.at < to);
                let page: Vec<_> = wanted.take(38).copied().collect();
                hearing.take(&page[..page.len().min(37)], page.len() > 37);
            }
            let reviewed = hearing.finish(self.scene.stored.clone());
            let proposed = self.scene.engine.reviewed(at(second), reviewed);
            said.extend(self.commit(proposed));
        }
        said
    }

    fn commit(&mut self, proposed: Proposed) -> Vec<String> {
        for (_, waiting) in &proposed.waiting {
            self.waiting = *waiting;
        }
        self.scene.committed(proposed)
    }

    /// Another start of the hub, from what is on disk.
    fn restart(&mut self, second: i64) {
        self.scene = self.scene.restart();
        self.scene.resume(second, &[(TEMP, *self.readings.last().unwrap())]);
        self.scene.engine.remember_late(at(second), self.waiting.map(|stretch| (TEMP, stretch)));
    }
}
