//! Prometheus Alertmanager, API v2. PURE.
//!
//! Alertmanager identifies an alert by its labels, so these are values that never change during an alert; the
//! tags of its rule are among them, for routes. Names and labels of a device, which people change, are annotations. An alert that is not repeated counts as over after
//! `resolve_timeout` (5 min) unless it says when it ends. The hub sends it once, so it gives an end a year away, and
//! the real one when the alert is over. A restart of Alertmanager forgets alerts that fire.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::note::Note;
use super::request::{Request, To};

/// Path for alerts.
pub(super) const ALERTS: &str = "/api/v2/alerts";
/// How long Alertmanager is told that an alert fires; its real end is sent when it ends.
const LASTING: SignedDuration = SignedDuration::from_hours(365 * 24);
/// How long it is said that a webhook is off: nobody says when it is on again.
const OF_A_WEBHOOK: SignedDuration = SignedDuration::from_hours(24);
/// How long a test alert fires.
const OF_A_TEST: SignedDuration = SignedDuration::from_mins(5);

pub(super) fn request(note: &Note, to: &To<'_>) -> Request {
    let at: Timestamp = note.timestamp.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let after = |length: SignedDuration| moment(at.checked_add(length).unwrap_or(at));
    let mut labels = Map::new();
    let mut label = |name: &str, value: &str| {
        // To Prometheus a label without a value is none.
        if !value.is_empty() {
            labels.insert(name.to_owned(), json!(value));
        }
    };
    label("hub", to.from.hub);
    let mut alert = json!({"annotations": {"summary": note.title(), "description": note.text()}});
    match note.alert() {
        Some(about) => {
            label("alertname", &about.rule.name);
            label("severity", &about.severity);
            label("alert", &about.id);
            label("rule", &about.rule.id);
            label("device", about.device.as_deref().unwrap_or_default());
            label("sensor", &about.sensor);
            about.tags.iter().for_each(|(name, value)| label(&of_tag(name), value));
            alert["startsAt"] = json!(about.started_at);
            alert["endsAt"] = json!(about.resolved_at.clone().unwrap_or_else(|| after(LASTING)));
            let annotations = &mut alert["annotations"];
            annotations["device_name"] = json!(about.device_name);
            about.labels.iter().for_each(|(name, value)| annotations[annotation(name)] = json!(value));
        }
        None => {
            let (name, severity, lasting) = match note.disabled() {
                Some(webhook) => {
                    label("webhook", &webhook.id);
                    ("TelemetryHubWebhookDisabled", "warning", OF_A_WEBHOOK)
                }
                None => ("TelemetryHubTest", "info", OF_A_TEST),
            };
            label("alertname", name);
            label("severity", severity);
            alert["startsAt"] = json!(moment(at));
            alert["endsAt"] = json!(after(lasting));
        }
    }
    alert["labels"] = labels.into();
    if let Some(url) = note.link(2_048) {
        alert["generatorURL"] = json!(url);
    }
    let path = to.url.path().trim_end_matches('/');
    let mut url = to.url.clone();
    if !path.ends_with(ALERTS) {
        url.set_path(&format!("{path}{ALERTS}"));
    }
    Request::post(url, &Value::Array(vec![alert]))
}

/// As the hub writes every time in a message.
fn moment(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Labels that the hub gives itself.
const OWN: [&str; 7] = ["alert", "alertname", "device", "hub", "rule", "sensor", "severity"];

/// A tag of a rule as the name of a label: letters, digits and underscores, none of them the hub's own.
fn of_tag(tag: &str) -> String {
    let name = plain(tag);
    if OWN.contains(&name.as_str()) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("tag_{name}");
    }
    name
}

/// A label of a device as the name of an annotation: letters, digits and underscores.
fn annotation(label: &str) -> String {
    format!("label_{}", plain(label))
}

fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}
