//! What people read of every kind of alert.

mod unusual;

use std::time::Duration;

use super::*;
use crate::model::alert::{Ailment, AlertId, Part, Usual};
use crate::model::device::DeviceNo;
use crate::model::notice::Hearers;
use crate::model::reading::SeriesId;
use crate::model::rule::{RuleId, Severity};
use crate::model::webhook::Event;

const BEGAN: UnixMillis = UnixMillis(1_800_000_000_000);
const TEMP: Names<'static> = Names { device: "boiler-1", sensor: "temp", unit: "Cel", is_counter: false };
const MINUTE: Duration = Duration::from_secs(60);
const ABOVE: Condition = Condition::Threshold { op: Op::Above, value: 30.0, clear: None };

#[test]
fn what_fires_is_one_sentence_with_device_sensor_value_limit_and_since_when() {
    let below = Condition::Threshold { op: Op::AtMost, value: 30.0, clear: None };
    for (measure, value, condition, said) in [
        (Measure::Value, Some(31.5), ABOVE, "temp is 31.5 °C, above the limit of 30 °C"),
        (Measure::Value, Some(-4.0), below.clone(), "temp is -4 °C, below the limit of 30 °C"),
        (Measure::Value, Some(30.0), below.clone(), "temp is 30 °C, at the limit of 30 °C"),
        (Measure::Value, Some(29.998), below, "temp is 29.998 °C, below the limit of 30 °C"),
        (Measure::Value, Some(30.000_1), ABOVE, "temp is 30.0001 °C, above the limit of 30 °C"),
        (Measure::Value, Some(30.001), increase(), "temp changes by 30.001 °C in 1 h, above the limit of 30 °C"),
        (
            Measure::Sigmas,
            Some(-30.001),
            deviation(),
            "temp is 30.001 standard deviations below its usual value, the limit is 30",
        ),
        (
            Measure::Rate { per: MINUTE },
            Some(44.25),
            rate(),
            "temp changes by 44.25 °C/min, above the limit of 30 °C/min",
        ),
        (Measure::Value, Some(44.0), increase(), "temp changes by 44 °C in 1 h, above the limit of 30 °C"),
        (
            Measure::Sigmas,
            Some(-34.2),
            deviation(),
            "temp is 34.2 standard deviations below its usual value, the limit is 30",
        ),
        (Measure::Value, Some(44.0), average(), "temp is on average 44 °C in 10 min, above the limit of 30 °C"),
        (
            Measure::Sigmas,
            Some(-34.2),
            Condition::Seasonal { sigmas: 30.0, clear: None, least: None },
            "temp is 34.2 deviations below what is usual at this time of day, the limit is 30",
        ),
        (Measure::Value, Some(44.0), difference(), "temp is 44 °C above hum, above the limit of 30 °C"),
        (Measure::Stuck, Some(21.5), stuck(), "temp stands still at 21.5 °C for more than 30 s"),
        (Measure::Silence, None, silence(), "temp has sent nothing for more than 30 s"),
    ] {
        let told = told(&alert(measure, value), TEMP, Event::AlertFiring, Some(&condition));
        assert_eq!(told.title, "Too hot on boiler-1");
        // A silence began with the last reading, which its rule lets pass 30 s after; a standstill as much earlier.
        let since = if matches!(measure, Measure::Silence | Measure::Stuck) { "08:59" } else { "09:00" };
        assert_eq!(told.text, format!("boiler-1: {said}, since 2027-01-15 {since} CET."));
    }
}

#[test]
fn a_sensor_of_an_agent_is_called_as_on_the_page() {
    let names = Names { device: "Attic Pi", sensor: "mem.used_pct", unit: "%", is_counter: false };
    let told = told(&alert(Measure::Value, Some(91.0)), names, Event::AlertFiring, Some(&ABOVE));
    assert!(told.text.starts_with("Attic Pi: Memory used is 91 %, above the limit"), "{}", told.text);
}

#[test]
fn what_is_over_says_what_it_came_to_and_how_long_it_lasted() {
    for (measure, value, condition, said) in [
        (
            Measure::Value,
            Some(20.0),
            ABOVE,
            "temp is 20 °C again (limit 30 °C). The alert is over, it lasted 1 h 30 min.",
        ),
        (Measure::Value, Some(31.0), ABOVE, "temp is 31 °C (limit 30 °C). The alert is over, it lasted 1 h 30 min."),
        (
            Measure::Rate { per: MINUTE },
            Some(2.0),
            rate(),
            "temp changes by 2 °C/min again (limit 30 °C/min). The alert is over, it lasted 1 h 30 min.",
        ),
        (
            Measure::Sigmas,
            Some(1.0),
            deviation(),
            "temp is 1 standard deviation above its usual value again (limit 30). The alert is over, it lasted 1 h 30 min.",
        ),
        (Measure::Silence, Some(0.0), silence(), "temp had sent nothing for 1 h 30 min. The alert is over."),
    ] {
        let told = told(&over(alert(measure, value)), TEMP, Event::AlertResolved, Some(&condition));
        assert_eq!(told.title, "Resolved: Too hot on boiler-1");
        assert_eq!(told.text, format!("boiler-1: {said}"));
    }
    let changed = Alert { last: None, ..over(alert(Measure::Value, Some(44.0))) };
    let told_of = told(&changed, TEMP, Event::AlertResolved, Some(&ABOVE));
    let said = "The rule was changed or switched off, or is no longer about boiler-1: temp: the alert is over, it lasted 1 h 30 min.";
    assert_eq!(told_of.text, said);
    let still_silent = told(&over(alert(Measure::Silence, None)), TEMP, Event::AlertResolved, Some(&silence()));
    assert_eq!(still_silent.text, said, "its rule ended it: nothing was heard");
    let usual = Alert { new_normal: true, ..over(alert(Measure::Sigmas, Some(44.0))) };
    let told = told(&usual, TEMP, Event::AlertResolved, Some(&deviation()));
    assert!(told.text.contains("stayed at this level for 1 h 30 min, which counts as usual now"), "{}", told.text);
}

#[test]
fn what_was_over_before_it_was_known_says_from_when_until_when_and_how_often() {
    let past = |value, count| {
        let alert = Alert { state: AlertState::Historical, ..over(alert(Measure::Value, Some(value))) };
        of(&Notice::Past { alert, count, points: Vec::new() }, TEMP, Some(&ABOVE), &zone())
    };
    assert_eq!(past(31.5, 1).title, "Past alert: Too hot on boiler-1");
    assert_eq!(
        past(31.5, 1).text,
        "boiler-1: temp was 31.5 °C, above the limit of 30 °C, from 2027-01-15 09:00 CET until 2027-01-15 10:30 CET. \
         The readings arrived late."
    );
    assert!(past(31.5, 3).text.ends_with(" There were 2 more like it."));
    let short = |seconds: i64| {
        let alert = alert(Measure::Value, Some(31.5));
        let until = Some(alert.started_at.plus(seconds * 1_000));
        let alert = Alert { resolved_at: until, ..alert };
        of(&Notice::Past { alert, count: 1, points: Vec::new() }, TEMP, Some(&ABOVE), &zone()).text
    };
    assert!(short(40).contains(", from 2027-01-15 09:00:00 CET until 2027-01-15 09:00:40 CET."), "{}", short(40));
    assert!(short(0).contains(", at 2027-01-15 09:00:00 CET."), "{}", short(0));
}

#[test]
fn a_device_that_goes_away_and_the_hub_itself_have_their_own_words() {
    let names = Names { device: "shed", sensor: "device_offline", unit: "s", is_counter: false };
    let gone = Alert { about: Subject::Device(DeviceNo(1)), ..alert(Measure::Silence, None) };
    let away = told(&gone, names, Event::AlertFiring, None);
    assert_eq!(away.title, "shed is offline");
    assert_eq!(away.text, "shed is offline: nothing was heard from it for more than 30 s, since 2027-01-15 09:00 CET.");
    let unwatched = told(&over(gone.clone()), names, Event::AlertResolved, None);
    assert_eq!(unwatched.title, "Resolved: Too hot on shed");
    let said = "The rule was changed or switched off, or is no longer about shed: the alert is over, it lasted 1 h 30 min. shed may still be offline.";
    assert_eq!(unwatched.text, said);
    let back = told(&Alert { last: Some(0.0), ..over(gone) }, names, Event::AlertResolved, None);
    assert_eq!(back.title, "Resolved: shed offline");
    assert_eq!(back.text, "shed is no longer offline. Nothing was heard from it for 1 h 30 min.");
    for ailment in Ailment::ALL {
        let names = Names { device: "hub", sensor: ailment.sensor(), unit: ailment.unit(), is_counter: false };
        let ails = Alert { about: Subject::Hub(ailment), ..alert(Measure::Value, Some(82.25)) };
        let (ill, well) =
            (told(&ails, names, Event::AlertFiring, None), told(&over(ails), names, Event::AlertResolved, None));
        assert!(ill.title.starts_with("Telemetry hub: ") && well.title.starts_with("Resolved: telemetry hub, "));
        assert!(
            ill.text.contains("2027-01-15 09:00 CET") && well.text.contains("1 h 30 min"),
            "{} {}",
            ill.text,
            well.text
        );
    }
}

#[test]
fn sources_and_clocks_of_a_device_have_their_own_words() {
    let of = |measure: Measure, value| Alert { about: Subject::Device(DeviceNo(1)), ..alert(measure, Some(value)) };
    let told = |alert: &Alert, event| told(alert, Names { device: "shed", ..Names::default() }, event, None);
    let failing = of(Measure::Sources, 1.0);
    let said = told(&failing, Event::AlertFiring);
    assert_eq!(said.title, "Too hot on shed");
    assert_eq!(said.text, "shed reports a source of its sensors that fails, since 2027-01-15 09:00 CET.");
    let works = told(&Alert { last: Some(0.0), ..over(failing) }, Event::AlertResolved);
    assert_eq!(works.title, "Resolved: Too hot on shed");
    assert_eq!(works.text, "No source of shed fails any more. The alert is over, it lasted 1 h 30 min.");
    let slow = of(Measure::Clock, -125.0);
    let said = told(&slow, Event::AlertFiring).text;
    assert_eq!(said, "The clock of shed is 2 min behind that of the hub (limit 30 s), since 2027-01-15 09:00 CET.");
    let right = told(&Alert { last: Some(0.4), ..over(slow.clone()) }, Event::AlertResolved).text;
    let said =
        "The clock of shed differs from that of the hub by 0 s (limit 30 s). The alert is over, it lasted 1 h 30 min.";
    assert_eq!(right, said);
    let off = told(&Alert { last: None, ..over(slow) }, Event::AlertResolved).text;
    assert!(off.starts_with("The rule was changed or switched off, or is no longer about shed:"), "{off}");
}

#[test]
fn a_forecast_says_when_the_limit_is_reached() {
    let (within, over_last) = (3 * 86_400, Duration::from_secs(86_400));
    let full = Condition::Forecast {
        op: Op::AtLeast,
        value: 100.0,
        within: Duration::from_secs(within),
        over: over_last,
        clear: None,
    };
    let names = Names { device: "nas", sensor: "disk_used", unit: "%", is_counter: false };
    let soon = Alert { threshold: within as f64, ..alert(Measure::Forecast, Some(187_200.0)) };
    let said = told(&soon, names, Event::AlertFiring, Some(&full)).text;
    assert_eq!(said, "nas: disk_used will reach 100 % in 2 d 4 h if it goes on as in the last 1 d.");
    let later = Alert { last: Some(900_000.0), ..over(soon.clone()) };
    let said = told(&later, names, Event::AlertResolved, Some(&full)).text;
    let expected = "nas: disk_used would reach 100 % in 10 d 10 h if it goes on as in the last 1 d (limit 3 d). The alert is over, it lasted 1 h 30 min.";
    assert_eq!(said, expected);
    let never = Alert { last: Some(10.0 * 365.0 * 86_400.0), ..over(soon) };
    let said = told(&never, names, Event::AlertResolved, Some(&full)).text;
    assert!(said.starts_with("nas: disk_used does not go towards 100 % (limit 3 d)."), "{said}");
}

#[test]
fn hostile_and_endless_names_stay_short_and_move_nothing() {
    let (device, sensor) = ("ü".repeat(30_000), "\u{202e}a\r\nb\u{7}".to_owned());
    let alert = Alert { rule_name: "x".repeat(9_000), ..alert(Measure::Value, Some(f64::MAX)) };
    let told = told(
        &alert,
        Names { device: &device, sensor: &sensor, unit: "\u{1b}[2J", is_counter: false },
        Event::AlertFiring,
        None,
    );
    assert!(told.title.len() < 300 && told.text.len() < 500, "{}", told.text);
    assert!(!told.text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{:?}", told.text);
    let nobody = self::told(&alert, Names::default(), Event::AlertFiring, None);
    assert!(nobody.text.starts_with("a deleted device: a deleted sensor is "), "{}", nobody.text);
}

#[test]
fn after_it_flapped_what_fires_is_no_news_and_says_what_is_known() {
    let told = |alert: Alert| {
        let notice = Notice::Changed { alert, occurred_at: BEGAN, points: Vec::new(), to: Hearers::Calmed };
        of(&notice, TEMP, None, &zone())
    };
    let fires = alert(Measure::Value, Some(31.4));
    let calm = told(fires.clone());
    assert_eq!(calm.title, "Still firing: Too hot on boiler-1");
    assert_eq!(
        calm.text,
        "boiler-1: temp was 31.4 °C, above the limit of 30 °C, at 2027-01-15 09:00 CET. It flaps no longer, and has fired since 2027-01-15 09:00 CET."
    );
    let ack = crate::model::alert::Ack { at: BEGAN.plus(120_000), by: "anna".to_owned(), comment: None };
    let seen = Alert { acked: Some(std::sync::Arc::new(ack)), unknown_since: Some(BEGAN.plus(60_000)), ..fires };
    let unknown = told(seen);
    assert_eq!(unknown.title, "Still firing, acknowledged: Too hot on boiler-1");
    assert!(
        unknown.text.ends_with(
            "Nothing was heard of it since 2027-01-15 09:01 CET, so nobody knows whether it is still so. anna acknowledged the alert at 2027-01-15 09:02 CET."
        ),
        "{}",
        unknown.text
    );
}

fn told(alert: &Alert, names: Names<'_>, event: Event, condition: Option<&Condition>) -> Told {
    let state = if event == Event::AlertResolved { AlertState::Resolved } else { AlertState::Firing };
    let notice = Notice::Changed {
        alert: Alert { state, ..alert.clone() },
        occurred_at: BEGAN,
        points: Vec::new(),
        to: Hearers::All,
    };
    of(&notice, names, condition, &zone())
}

fn zone() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

fn rate() -> Condition {
    Condition::Rate { op: Op::Above, value: 30.0, per: MINUTE, over: MINUTE, clear: None }
}

fn increase() -> Condition {
    Condition::Increase { op: Op::Above, value: 30.0, over: MINUTE * 60, clear: None }
}

fn deviation() -> Condition {
    Condition::Deviation { sigmas: 30.0, over: MINUTE, clear: None, least: None }
}

fn average() -> Condition {
    Condition::Figure { figure: Figure::Average, op: Op::Above, value: 30.0, over: MINUTE * 10, clear: None }
}

fn stuck() -> Condition {
    Condition::Stuck { least: 0.5, after: Duration::from_secs(30) }
}

fn difference() -> Condition {
    Condition::Difference { other: "hum".into(), within: MINUTE, op: Op::Above, value: 30.0, clear: None }
}

#[test]
fn of_several_conditions_each_says_its_value() {
    let part = |sensor: &str, unit: &str, value, is_true| {
        let (sensor, unit) = (sensor.to_owned(), unit.to_owned());
        Part { sensor, unit, measure: Measure::Value, value, threshold: 30.0, is_true, usual: None }
    };
    let parts = [part("hum", "%", None, false), part("", "Cel", Some(31.0), true), part("flow", "", Some(32.5), true)];
    let alert = Alert { parts: parts.into(), ..alert(Measure::Parts, Some(2.0)) };
    let fires = told(&alert, TEMP, Event::AlertFiring, None);
    assert_eq!(
        fires.text,
        "boiler-1: temp is 31 °C (limit 30 °C) and Flow is 32.5 (limit 30); not known: hum, since 2027-01-15 09:00 CET."
    );
    let unclear = told(&over(alert.clone()), TEMP, Event::AlertResolved, None);
    assert_eq!(
        unclear.text,
        "boiler-1: what this rule looks for is no longer so. The alert is over, it lasted 1 h 30 min."
    );
    let parts = [part("hum", "%", Some(20.0), false), part("", "Cel", Some(31.0), true), part("flow", "", None, false)];
    let ended = told(&over(Alert { parts: parts.into(), ..alert }), TEMP, Event::AlertResolved, None);
    assert_eq!(
        ended.text,
        "boiler-1: hum is 20 % (limit 30 %); still so: temp is 31 °C (limit 30 °C); not known: Flow. The alert is over, it lasted 1 h 30 min."
    );
}

#[test]
fn what_stood_still_moves_again() {
    let moves = Alert { last: Some(22.0), ..over(alert(Measure::Stuck, Some(21.5))) };
    let told = told(&moves, TEMP, Event::AlertResolved, Some(&stuck()));
    assert_eq!(told.text, "boiler-1: temp moves again, it is 22 °C now. The alert is over, it lasted 1 h 30 min.");
}

fn silence() -> Condition {
    Condition::Silence { after: Duration::from_secs(30) }
}

fn alert(measure: Measure, value: Option<f64>) -> Alert {
    Alert {
        id: AlertId(5),
        rule: RuleId(3),
        rule_name: "Too hot".into(),
        severity: Severity::Critical,
        tags: std::sync::Arc::default(),
        about: Subject::Series { device: DeviceNo(1), series: SeriesId(0) },
        state: AlertState::Firing,
        measure,
        value,
        worst: value,
        last: None,
        threshold: 30.0,
        started_at: BEGAN,
        parts: std::sync::Arc::default(),
        usual: None,
        well_since: None,
        fired_at: Some(BEGAN),
        resolved_at: None,
        acked: None,
        new_normal: false,
        unknown_since: None,
        learned_at: BEGAN,
    }
}

fn over(alert: Alert) -> Alert {
    Alert { state: AlertState::Resolved, resolved_at: Some(BEGAN.plus(5_400_000)), last: alert.value, ..alert }
}
