//! Who is told of what while a silence holds.

use super::*;
use crate::model::notice::Notice;
use crate::model::silence::{Silence, SilenceId, SilenceSpec};
use crate::model::weekly::Weekly;
use crate::rules::notify::silences::{InZone, Silences};
use jiff::tz::TimeZone;

#[test]
fn what_fires_and_ends_under_a_silence_is_never_told() {
    let mut scene = Told::with([silence_of("boiler*", 10, 20)]);
    assert_eq!(scene.reading(9, 31.0), ["1 firing 31 at 9"], "before it");
    assert_eq!(scene.reading(10, 1.0), ["1 resolved 1 at 10"], "whoever was told is told of the end");
    assert_eq!(scene.reading(11, 31.0), NOTHING);
    assert_eq!(scene.silences.poll_timeout(at(11)), Some(at(20)));
    assert_eq!(scene.reading(12, 1.0), NOTHING);
    assert_eq!(scene.silences.poll_timeout(at(12)), None);
    assert_eq!(scene.over(20), NOTHING);
    assert_eq!(scene.reading(20, 31.0), ["3 firing 31 at 20"]);
}

#[test]
fn what_outlasts_every_silence_over_it_is_told_when_the_last_one_ends() {
    let mut scene = Told::with([silence_of("*", 0, 20), silence_of("boiler-1", 10, 40)]);
    assert_eq!(scene.reading(5, 31.0), NOTHING);
    assert_eq!(scene.over(20), NOTHING);
    assert_eq!(scene.silences.poll_timeout(at(20)), Some(at(40)));
    assert_eq!(scene.over(40), ["1 firing 31 at 5"]);
    assert_eq!(scene.over(41), NOTHING, "once");
    assert_eq!(scene.reading(50, 1.0), ["1 resolved 1 at 50"]);
}

#[test]
fn a_deleted_silence_and_a_restart_tell_what_still_fires() {
    let mut scene = Told::with([silence_of("*", 0, 100)]);
    assert_eq!(scene.reading(5, 31.0), NOTHING);
    let muted = scene.marked.iter().filter(|(_, muted)| *muted).count();
    assert_eq!(muted, 1);
    scene.silences = Silences::new(vec![utc(silence_of("*", 0, 100))], scene.scene.stored.clone());
    assert_eq!(scene.over(6), NOTHING, "it holds across a restart");
    scene.silences.set(vec![]);
    assert_eq!(scene.over(7), ["1 firing 31 at 5"]);
}

#[test]
fn a_silence_reaches_what_it_names_and_nothing_else() {
    let reaches = |change: &dyn Fn(&mut SilenceSpec)| {
        let mut silence = silence_of("*", 0, 100);
        change(&mut silence.spec);
        Told::with([silence]).reading(5, 31.0).is_empty()
    };
    let labels = |room: &str| Labels::from([("room".to_owned(), room.to_owned())]);
    assert!(reaches(&|spec| spec.rule = Some(RuleId(1))) && !reaches(&|spec| spec.rule = Some(RuleId(2))));
    assert!(reaches(&|spec| spec.sensor = "t*".into()) && !reaches(&|spec| spec.sensor = "hum".into()));
    assert!(reaches(&|spec| spec.labels = labels("lab")) && !reaches(&|spec| spec.labels = labels("shed")));
    assert!(!reaches(&|spec| spec.from = at(6)) && !reaches(&|spec| spec.until = at(5)));
}

#[test]
fn a_weekly_silence_holds_in_its_hours_and_tells_what_outlasts_them() {
    // The scene begins on a Friday at 08:00 UTC.
    let weekly = Weekly { days: Weekly::day("fri").unwrap(), from: 8 * 60, until: 8 * 60 + 1, zone: "UTC".into() };
    let mut silence = silence_of("*", -100, 30 * 86_400);
    silence.spec.weekly = Some(weekly);
    let mut scene = Told::with([silence]);
    assert_eq!(scene.reading(50, 31.0), NOTHING);
    assert_eq!(scene.silences.poll_timeout(at(50)), Some(at(60)));
    assert_eq!(scene.over(59), NOTHING);
    assert_eq!(scene.over(60), ["1 firing 31 at 50"]);
    assert_eq!(scene.reading(61, 1.0), ["1 resolved 1 at 61"]);
    assert_eq!(scene.reading(62, 31.0), ["2 firing 31 at 62"], "outside its hours");
    let week = 7 * 86_400;
    assert_eq!(scene.reading(week + 1, 1.0), ["2 resolved 1 at 604801"], "whoever was told is told of the end");
    assert_eq!(scene.reading(week + 2, 31.0), NOTHING, "the next week");
    assert_eq!(scene.silences.poll_timeout(at(week + 2)), Some(at(week + 60)));
}

#[test]
fn a_proposal_that_is_dropped_mutes_nothing() {
    let mut scene = Told::with([silence_of("*", 0, 100)]);
    let proposed = scene.scene.propose(5, 31.0);
    let hushed = scene.silences.hush(at(5), &proposed.transitions, &scene.scene.catalog);
    assert_eq!((hushed.told.len(), hushed.marks.len()), (0, 1));
    assert_eq!(scene.silences.poll_timeout(at(5)), None);
    assert_eq!(scene.reading(5, 31.0), NOTHING);
    assert_eq!(scene.silences.poll_timeout(at(5)), Some(at(100)));
}

/// The scene of the engine, with silences behind it; what it says is what people are told.
struct Told {
    scene: Scene,
    silences: Silences,
    marked: Vec<(AlertId, bool)>,
}

impl Told {
    fn with(silences: impl IntoIterator<Item = Silence>) -> Self {
        let silences = Silences::new(silences.into_iter().map(utc).collect(), vec![]);
        Self { scene: Scene::with([above(30.0)]), silences, marked: vec![] }
    }

    fn reading(&mut self, second: i64, value: f64) -> Vec<String> {
        let proposed = self.scene.propose(second, value);
        let hushed = self.silences.hush(at(second), &proposed.transitions, &self.scene.catalog);
        let told = hushed.told.iter().map(said).collect();
        self.marked.extend(&hushed.marks);
        self.scene.committed(proposed);
        self.silences.apply(hushed);
        told
    }

    fn over(&mut self, second: i64) -> Vec<String> {
        let hushed = self.silences.over(at(second), &self.scene.catalog);
        let told = hushed.told.iter().map(said).collect();
        self.silences.apply(hushed);
        told
    }
}

fn utc(silence: Silence) -> InZone {
    (silence, TimeZone::UTC)
}

fn silence_of(device: &str, from: i64, until: i64) -> Silence {
    let spec = SilenceSpec {
        rule: None,
        device: device.into(),
        sensor: "*".into(),
        labels: Labels::new(),
        from: at(from),
        until: at(until),
        weekly: None,
        comment: String::new(),
    };
    Silence { id: SilenceId(1), spec, created_at: START }
}

/// What is told, as the change that it is.
fn said(notice: &Notice) -> String {
    let Notice::Changed { alert, occurred_at, points, .. } = notice else { panic!("{notice:?}") };
    say(&Transition::Put { alert: alert.clone(), occurred_at: *occurred_at, points: points.clone() })
}
