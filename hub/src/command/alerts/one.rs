//! `telemetry-hub alerts ID`: one alert, why it fired and what happened.

use serde::Deserialize;

use crate::command::shown;
use crate::model::alert::called;
use crate::model::called as names;

/// What explains an alert.
#[derive(Debug, Deserialize)]
pub(super) struct Detail {
    rule_then: Option<RuleThen>,
    device_then: Option<DeviceThen>,
    late_s: Option<i64>,
    fired: Fired,
    beside: Vec<Beside>,
    story: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct RuleThen {
    version: u32,
    is_current: bool,
    since: String,
}

#[derive(Debug, Deserialize)]
struct DeviceThen {
    online: bool,
    taken: Option<u64>,
    lost: Option<u64>,
    vitals: Vec<Vital>,
}

#[derive(Debug, Deserialize)]
struct Vital {
    sensor: String,
    value: f64,
    unit: String,
}

#[derive(Debug, Deserialize)]
struct Fired {
    days: u32,
    here: u32,
    anywhere: u32,
}

#[derive(Debug, Deserialize)]
struct Beside {
    rule: Named,
    device_name: String,
    sensor: String,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

/// What happened; a hub newer than this command may tell more.
#[derive(Debug, Deserialize)]
struct Entry {
    at: String,
    what: String,
    webhook_name: Option<String>,
    state: Option<String>,
    by: Option<String>,
    comment: Option<String>,
    error: Option<String>,
}

/// All of it, the line of the list first.
pub(super) fn text(detail: &Detail, line: [String; 9]) -> String {
    let [state, severity, rule, device, sensor, value, limit, since, until] = line;
    let until = if until.is_empty() { until } else { format!(" until {until}") };
    let mut all = vec![
        format!("{rule} on {device}: {state}, {severity}, {since}{until}"),
        format!("{sensor} {value}, limit {limit}"),
    ];
    all.extend(detail.rule_then.as_ref().map(|rule| {
        let now = if rule.is_current { "" } else { ", changed or deleted since" };
        format!("The rule: version {}, since {}{now}", rule.version, moment(&rule.since))
    }));
    let Fired { days, here, anywhere } = detail.fired;
    all.push(format!("It fired {} here in the last {days} days, {} in all", times(here), times(anywhere)));
    all.extend(detail.device_then.as_ref().map(then));
    all.extend(
        detail.late_s.filter(|late| *late > 60).map(|late| format!("The hub knew {} later", shown::length(late))),
    );
    all.extend(detail.beside.iter().map(|one| {
        let device = shown::name(&one.device_name);
        format!(
            "Fired about then: {} on {device} ({})",
            shown::name(called(&one.rule.name)),
            names::sensor(&one.sensor)
        )
    }));
    all.push(String::new());
    all.extend(detail.story.iter().map(|one| format!("{}  {}", moment(&one.at), happened(one))));
    all.join("\n") + "\n"
}

fn then(device: &DeviceThen) -> String {
    let state = if device.online { "online" } else { "offline" };
    let lost = device
        .taken
        .zip(device.lost)
        .map(|(taken, lost)| format!(", {lost} of {taken} readings lost in that hour and the one before"));
    let vital = |one: &Vital| format!(", {} {}", names::sensor(&one.sensor), shown::value(one.value, &one.unit));
    let vitals: String = device.vitals.iter().map(vital).collect();
    format!("The device: {state}{}{vitals}", lost.unwrap_or_default())
}

fn happened(one: &Entry) -> String {
    let said = one.comment.as_deref().filter(|text| !text.is_empty()).map(|text| format!(": {}", shown::name(text)));
    let said = said.unwrap_or_default();
    let webhook = shown::name(one.webhook_name.as_deref().unwrap_or_default());
    match (one.what.as_str(), one.state.as_deref()) {
        ("told", Some("delivered")) => format!("{webhook} was told"),
        ("told", Some(state)) => {
            let error = one.error.as_deref().map(|error| format!(" ({})", shown::name(error))).unwrap_or_default();
            format!("{webhook} is not told: {state}{error}")
        }
        ("acknowledged", _) => {
            let by = one.by.as_deref().map(|by| format!(" by {}", shown::name(by))).unwrap_or_default();
            format!("acknowledged{by}{said}")
        }
        ("rule_changed", _) => "its rule was changed or switched off, or is no longer about it".to_owned(),
        (what, _) => format!("{}{said}", shown::name(what)),
    }
}

fn times(number: u32) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}

fn moment(text: &str) -> String {
    shown::read(text).map_or_else(|| "-".to_owned(), shown::moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_says_why_it_fired_and_what_happened() {
        let detail = serde_json::json!({
            "rule": {"id": "rul_1", "name": "hot"}, "device_name": "attic", "sensor": "temperature",
            "severity": "warning", "state": "resolved", "measure": "value", "unit": "Cel", "value": 31.5, "threshold": 30.0,
            "started_at": "2026-11-22T11:40:00Z", "resolved_at": "2026-11-22T11:50:00Z", "acked_at": null, "acked_by": null,
            "rule_then": {"version": 2, "is_current": false, "since": "2026-11-20T10:00:00Z"},
            "device_then": {"online": true, "taken": 7200, "lost": 12, "vitals": [{"sensor": "battery", "value": 87.5, "unit": "%"}]},
            "late_s": 0, "fired": {"days": 30, "here": 1, "anywhere": 3},
            "beside": [{"rule": {"id": "rul_2", "name": "damp"}, "device_name": "cellar", "sensor": "hum"}],
            "story": [
                {"at": "2026-11-22T11:40:00Z", "what": "began"},
                {"at": "2026-11-22T11:41:00Z", "what": "told", "webhook_name": "phone", "state": "failed", "error": "no answer"},
                {"at": "2026-11-22T11:42:00Z", "what": "acknowledged", "by": "anna", "comment": "on it"},
                {"at": "2026-11-22T11:50:00Z", "what": "rule_changed"},
            ],
        });
        let detail: Detail = serde_json::from_value(detail).unwrap();
        let line = ["resolved", "warning", "hot", "attic", "Temperature", "31.5 °C", "30 °C", "11:40", "11:50"];
        let text = text(&detail, line.map(str::to_owned));
        for line in [
            "hot on attic: resolved, warning, 11:40 until 11:50",
            "Temperature 31.5 °C, limit 30 °C",
            "The rule: version 2, since ",
            ", changed or deleted since",
            "It fired once here in the last 30 days, 3 times in all",
            "The device: online, 12 of 7200 readings lost in that hour and the one before, Battery 87.5 %",
            "Fired about then: damp on cellar (hum)",
            "  began",
            "phone is not told: failed (no answer)",
            "acknowledged by anna: on it",
            "its rule was changed or switched off, or is no longer about it",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
