//! A restart of the hub, and a rule made now, tell what would have been told without them, whatever the clock of the device is.

use super::*;
use crate::rules::tests::windows::deviation;

/// A device that says something at each of these seconds; its readings are said to be of so many seconds later.
struct Story {
    scene: Scene,
    stored: Vec<Point>,
    is_pushed: bool,
    /// The clock of an agent, from the second on that it is measured at.
    clock: Option<(i64, i64)>,
    /// When it was heard last.
    heard: i64,
    told: Vec<String>,
}

impl Story {
    fn new(is_pushed: bool) -> Self {
        let increase = Condition::Increase { op: Op::Above, value: 50.0, over: Duration::from_secs(60), clear: None };
        let rate = windows::rate(Op::Above, 60.0, 60, 60, None);
        let scene = Scene::with([rate, deviation(4.0, 60, None, None), spec("temp", increase)]);
        Self { scene, stored: Vec::new(), is_pushed, clock: None, heard: 0, told: Vec::new() }
    }

    fn fill(stored: &[Point], mut recall: Recall) -> Recall {
        recall.begin_behind(&crate::counter::Lead { is_begin: false, before: Vec::new() });
        let wanted = stored.iter().filter(|point| recall.from <= point.at && point.at < recall.to);
        recall.take(&wanted.copied().collect::<Vec<_>>());
        recall
    }

    fn upload(&mut self, now: i64, rows: &[(i64, f64)]) {
        if let Some((_, off_s)) = self.clock.filter(|(from, _)| *from <= now) {
            self.scene.engine.set_clocks([(DeviceNo(1), off_s * 1_000)].into());
        }
        let rows: Vec<_> = rows.iter().map(|&(second, value)| (at(second), value)).collect();
        let mut batch = batch(TEMP, at(now), &rows);
        if self.is_pushed {
            batch.id.epoch = numbering::epoch_of(SensorNo(300)).unwrap();
        }
        let batches = [batch];
        self.scene.engine.prepare(&self.scene.catalog, &batches);
        let is_stored = !self.stored.is_empty();
        for recall in self.scene.engine.recalls_before(at(now), &batches, |_| is_stored) {
            self.scene.engine.recalled(Self::fill(&self.stored, recall));
        }
        self.told.extend(self.scene.group(now, &batches));
        self.heard = now;
        self.stored.extend(rows.into_iter().map(|(at, value)| Point { at, value }));
        self.stored.sort_by_key(|point| point.at);
    }

    fn read_ahead(&mut self, now: i64) {
        while let Some(recall) = self.scene.engine.next_recall(at(now)) {
            self.scene.engine.recalled(Self::fill(&self.stored, recall));
        }
    }

    fn restart(&mut self, now: i64) {
        self.scene = self.scene.restart();
        let latest = *self.stored.last().unwrap();
        self.scene.resume(now, &[(TEMP, latest)]);
        self.scene.engine.hear([(TEMP, at(self.heard))]);
        self.read_ahead(now);
    }
}

/// What one that reports each second tells of a jump at 220; the hub restarts at 200 and knows the clock again at 205.
fn of_a_jump(is_pushed: bool, off_s: i64, has_one_ahead: bool, restarts: bool) -> Vec<String> {
    let mut story = Story::new(is_pushed);
    story.clock = (!is_pushed).then_some((0, off_s));
    for now in 0..330 {
        if now == 200 && restarts {
            story.restart(now);
            story.clock = story.clock.map(|(_, off_s)| (205, off_s));
        }
        let value = if (220..250).contains(&now) { 95.0 } else { windows::wobble(now) };
        story.upload(now, &[(now + off_s, value)]);
        if has_one_ahead && now == 199 {
            story.upload(now, &[(now + 240, 20.0)]);
        }
    }
    story.told
}

#[test]
fn a_restart_changes_nothing_for_a_device_whose_clock_is_off() {
    let cases = [(true, 0), (true, 60), (true, 240), (false, 0), (false, 60), (false, 240), (false, 600)];
    let cases = cases.into_iter().chain([(false, -60), (false, -240), (false, -600)]);
    for (is_pushed, off_s) in cases {
        let steady = of_a_jump(is_pushed, off_s, false, false);
        assert!(steady.iter().any(|told| told.starts_with("1 firing")) && steady.len() == 6, "{steady:?}");
        assert_eq!(of_a_jump(is_pushed, off_s, false, true), steady, "{is_pushed} {off_s}");
    }
}

#[test]
fn one_reading_from_ahead_hides_nothing_behind_a_restart() {
    assert_eq!(of_a_jump(true, 0, true, true), of_a_jump(true, 0, false, false));
}

#[test]
fn a_logger_that_pauses_for_longer_than_a_rule_looks_back_loses_nothing_by_a_restart() {
    let told = |restarts: bool| {
        let mut story = Story::new(true);
        for upload in 1..6 {
            // Each five minutes all seconds of them; the fourth begins with a jump that lasts for 20 s.
            let now = upload * 300;
            let value = |second| if (900..920).contains(&second) { 95.0 } else { windows::wobble(second) };
            if upload == 4 && restarts {
                story.restart(now - 10);
            }
            story.upload(now, &(now - 300..now).map(|second| (second, value(second))).collect::<Vec<_>>());
        }
        story.told
    };
    let steady = told(false);
    assert!(steady.iter().any(|line| line.contains("historical")), "{steady:?}");
    assert_eq!(told(true), steady);
}

#[test]
fn a_rule_made_now_knows_the_past_of_a_device_whose_clock_is_off() {
    for (is_pushed, off_s) in [(true, 0), (true, 240), (true, 60), (false, 240), (false, -240)] {
        let mut story = Story::new(is_pushed);
        story.clock = (!is_pushed).then_some((0, off_s));
        let rules: Vec<_> = story.scene.engine.rules().cloned().collect();
        story.scene.rules(0, Vec::new());
        (0..200).for_each(|now| story.upload(now, &[(now + off_s, windows::wobble(now))]));
        story.scene.rules(200, rules);
        story.scene.engine.recall(at(200), &story.scene.catalog, [(TEMP, *story.stored.last().unwrap())]);
        story.read_ahead(200);
        (200..202).for_each(|now| story.upload(now, &[(now + off_s, 95.0)]));
        assert_eq!(story.told.len(), 3, "{off_s} {:?}", story.told);
    }
}
