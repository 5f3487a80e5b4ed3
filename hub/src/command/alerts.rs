//! `telemetry-hub alerts`: lists active alerts, or past ones, or tells of one.

mod one;

use std::collections::BTreeMap;

use serde::Deserialize;

use super::out::{print, tell};
use super::outcome::{Failure, Outcome};
use super::remote::{Link, Page, Remote, given};
use super::selection::hint;
use super::table::Table;
use super::{out, shown};
use crate::clock::Clock;
use crate::model::{UnixMillis, alert, called};

/// Flags of `alerts`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    hub: Remote,
    /// One alert, by its id: why it fired, and what happened
    #[arg(value_name = "ALERT", conflicts_with_all = ["past", "device", "rule", "tag", "from"])]
    alert: Option<String>,
    /// Past alerts, newest first, instead of those that are active
    #[arg(long)]
    past: bool,
    /// One device, by id or name
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// One rule, by id or by its name when the alerts began
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Only alerts with this tag of their rule; repeat it for those with all of several
    #[arg(long, value_name = "KEY:VALUE")]
    tag: Vec<String>,
    /// Only alerts that began at or after this: 2026-11-22T11:40:00Z, epoch milliseconds, or now-6h
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Print the hub's answer as JSON; sensors have their own names there
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
struct Alert {
    rule: Rule,
    device_name: String,
    sensor: String,
    severity: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    state: String,
    measure: String,
    unit: String,
    value: Option<f64>,
    threshold: f64,
    started_at: String,
    resolved_at: Option<String>,
    acked_at: Option<String>,
    acked_by: Option<String>,
    #[serde(default)]
    silenced_until: Option<String>,
    #[serde(default)]
    inhibited_by: Option<String>,
    #[serde(default)]
    unknown_since: Option<String>,
    #[serde(default)]
    was: Option<String>,
    #[serde(default)]
    parts: Vec<Part>,
    /// Some of the devices that are counted.
    #[serde(default)]
    devices: Vec<String>,
}

/// One of several conditions.
#[derive(Debug, Deserialize)]
struct Part {
    sensor: String,
    unit: String,
    value: Option<f64>,
    threshold: f64,
}

#[derive(Debug, Deserialize)]
struct Rule {
    id: String,
    name: String,
}

impl Alert {
    /// It is about a device as a whole.
    fn is_of_device(&self) -> bool {
        is_of_device(&self.sensor)
    }

    /// It is about the hub or a whole device, no sensor.
    fn has_no_sensor(&self) -> bool {
        self.rule.id == "rul_0" || self.is_of_device()
    }
}

/// Whether what stands in the place of a sensor says that an alert is about a device as a whole.
pub(super) fn is_of_device(sensor: &str) -> bool {
    ["device_offline", "source_failing", "clock_off"].contains(&sensor)
}

pub(super) async fn run(args: Args) -> Outcome {
    let link = args.hub.find().await?;
    if let Some(id) = args.alert {
        let text = link.text(&format!("/alerts/{id}"), &[]).await?;
        if args.json {
            print(text);
            return Ok(());
        }
        let alert: Alert = link.read(&text)?;
        out::write(&one::text(&link.read(&text)?, row(&alert, Clock.wall())));
        return Ok(());
    }
    if let Some(rule) = &args.rule {
        is_there(&link, rule).await?;
    }
    let states = if args.past { &["resolved", "historical"][..] } else { &["pending", "firing", "unknown"] };
    let mut params: Vec<_> = states.iter().map(|state| ("state", (*state).to_owned())).collect();
    params.extend(args.tag.into_iter().map(|tag| ("tag", tag)));
    params.extend(given([("device", args.device), ("rule", args.rule), ("from", args.from)]));
    if args.json {
        print(link.all_as_json("/alerts", &params).await?);
        return Ok(());
    }
    let now = Clock.wall();
    let alerts: Vec<Alert> = link.all("/alerts", &params).await?;
    let mut table =
        Table::new(["STATE", "SEVERITY", "RULE", "DEVICE", "SENSOR", "VALUE", "LIMIT", "SINCE", "UNTIL"]).right([5, 6]);
    for alert in &alerts {
        table.row(row(alert, now));
    }
    if table.is_empty() {
        tell(if args.past { "no past alert" } else { "no alert is active" });
    }
    out::write(&table.text());
    Ok(())
}

/// Refuses a rule that is not there and of which no alert ever was. Who may not see rules is answered all the same.
async fn is_there(link: &Link, wanted: &str) -> Outcome {
    let Ok(rules) = link.all::<Rule>("/rules", &[]).await else { return Ok(()) };
    if rules.iter().any(|rule| rule.id == wanted || rule.name == wanted) {
        return Ok(());
    }
    let asked = [("rule", wanted.to_owned()), ("limit", "1".to_owned())];
    let found: Page<serde::de::IgnoredAny> = link.read(&link.text("/alerts", &asked).await?)?;
    if !found.items.is_empty() {
        return Ok(());
    }
    let names = rules.iter().map(|rule| shown::name(&rule.name)).collect();
    Err(Failure::Use(format!("--rule: no rule is called `{wanted}`{}", hint(wanted, names))))
}

/// How long nothing came, until it did or until now: what is measured of silence.
fn silent(alert: &Alert, now: UnixMillis) -> Option<String> {
    let began = shown::read(&alert.started_at).filter(|_| alert.measure == "silence")?;
    let until = alert.resolved_at.as_deref().map_or(Some(now), shown::read)?;
    // That of a sensor begins once its limit is over; that of a device with the last that was heard.
    let before = if alert.is_of_device() { 0 } else { alert.threshold as i64 };
    Some(shown::length(until.since(began) / 1_000 + before))
}

fn length(seconds: f64) -> String {
    shown::length(seconds as i64)
}

/// What was measured, and its limit.
fn numbers(alert: &Alert, now: UnixMillis) -> (String, String) {
    let length = |seconds: f64| if seconds < 0.0 { format!("-{}", length(-seconds)) } else { length(seconds) };
    match (alert.value, silent(alert, now)) {
        (Some(value), _) if ["forecast", "clock"].contains(&&*alert.measure) => {
            (length(value), length(alert.threshold))
        }
        (Some(value), _) if alert.measure == "stuck" => (shown::value(value, &alert.unit), length(alert.threshold)),
        (Some(value), _) => shown::alike(value, alert.threshold, &alert.unit),
        (None, Some(value)) => (value, shown::length(alert.threshold as i64)),
        (None, None) => ("-".to_owned(), shown::value(alert.threshold, &alert.unit)),
    }
}

/// The same of several conditions, one beside the other.
fn of_parts(parts: &[Part]) -> (String, String) {
    let (values, limits): (Vec<_>, Vec<_>) = parts
        .iter()
        .map(|part| {
            let sensor = called::sensor(&part.sensor);
            match part.value {
                Some(value) => {
                    let (value, limit) = shown::alike(value, part.threshold, &part.unit);
                    (format!("{sensor} {value}"), limit)
                }
                None => (format!("{sensor} not known"), shown::value(part.threshold, &part.unit)),
            }
        })
        .unzip();
    (values.join(", "), limits.join(", "))
}

/// Its device, or some of those that are counted.
fn device_or_devices(alert: &Alert) -> String {
    if alert.devices.is_empty() {
        return shown::name(&alert.device_name);
    }
    let names = alert.devices.iter().map(|name| shown::name(name)).collect::<Vec<_>>().join(", ");
    match alert.value.map_or(0, |value| value as usize).saturating_sub(alert.devices.len()) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

/// The name of its rule, and in brackets what that tags its alerts with.
fn called_with_tags(alert: &Alert) -> String {
    let name = shown::name(alert::called(&alert.rule.name));
    let tags: Vec<_> = alert.tags.iter().map(|(key, value)| shown::name(&format!("{key}:{value}"))).collect();
    if tags.is_empty() { name } else { format!("{name} [{}]", tags.join(" ")) }
}

fn row(alert: &Alert, now: UnixMillis) -> [String; 9] {
    let moment = |text: &str| shown::read(text).map_or_else(|| "-".to_owned(), shown::moment);
    let acked = alert.acked_at.is_some() && alert.state == "firing";
    let state = match (&alert.acked_by, acked) {
        (Some(by), true) => &format!("acknowledged by {}", shown::name(by)),
        (None, true) => "acknowledged",
        (_, false) => &alert.state,
    };
    let state = match (&alert.unknown_since, &alert.was) {
        (Some(since), Some(was)) => format!("{state} since {} (was {was})", moment(since)),
        _ => state.to_owned(),
    };
    let state = if alert.inhibited_by.is_some() { format!("{state}, quiet: its device is offline") } else { state };
    let (value, limit) = if alert.parts.is_empty() { numbers(alert, now) } else { of_parts(&alert.parts) };
    [
        alert
            .silenced_until
            .as_deref()
            .map_or_else(|| state.clone(), |until| format!("{state}, silenced until {}", moment(until))),
        alert.severity.clone(),
        called_with_tags(alert),
        device_or_devices(alert),
        if alert.has_no_sensor() { "-".to_owned() } else { called::sensor(&alert.sensor) },
        value,
        limit,
        moment(&alert.started_at),
        alert.resolved_at.as_deref().map(moment).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_of_a_device_has_no_sensor_and_what_is_not_known_is_said() {
        let alert = serde_json::json!({
            "rule": {"id": "rul_1", "name": "Device offline"}, "device_name": "attic", "sensor": "device_offline",
            "severity": "warning", "state": "firing", "measure": "silence", "unit": "s", "value": null, "threshold": 60.0,
            "started_at": "2026-11-22T11:40:00Z", "resolved_at": null, "acked_at": null,
        });
        let now = shown::read("2026-11-22T11:43:00Z").unwrap();
        let mut alert: Alert = serde_json::from_value(alert).unwrap();
        assert_eq!(row(&alert, now)[..7], ["firing", "warning", "Device offline", "attic", "-", "3 min", "1 min"]);
        // Of one that is over it is known how long it lasted; that of a sensor began its limit later.
        alert.resolved_at = Some("2026-11-22T11:41:00Z".to_owned());
        assert_eq!(row(&alert, now)[5], "1 min");
        alert.sensor = "temperature".to_owned();
        assert_eq!(row(&alert, now)[5], "2 min");
        alert.state = "unknown".to_owned();
        alert.unknown_since = Some("2026-11-22T11:40:30Z".to_owned());
        alert.was = Some("firing".to_owned());
        alert.inhibited_by = Some("alr_7".to_owned());
        let state = row(&alert, now)[0].clone();
        assert!(
            state.starts_with("unknown since ") && state.ends_with(" (was firing), quiet: its device is offline"),
            "{state}"
        );
    }

    #[test]
    fn of_several_conditions_each_has_its_value_and_limit() {
        let alert = serde_json::json!({
            "rule": {"id": "rul_1", "name": "damp"}, "device_name": "attic", "sensor": "t", "severity": "warning",
            "state": "firing", "measure": "parts", "unit": "1", "value": 1.0, "threshold": 1.0,
            "started_at": "2026-11-22T11:40:00Z", "resolved_at": null, "acked_at": null, "acked_by": null,
            "parts": [
                {"sensor": "t", "unit": "Cel", "value": 31.5, "threshold": 30.0},
                {"sensor": "hum", "unit": "", "value": null, "threshold": 70.0},
            ],
        });
        let alert: Alert = serde_json::from_value(alert).unwrap();
        let row = row(&alert, shown::read("2026-11-22T11:43:00Z").unwrap());
        assert_eq!(row[5..7], ["t 31.5 °C, hum not known", "30 °C, 70"]);
    }

    #[test]
    fn an_acknowledged_alert_says_by_whom() {
        let alert = serde_json::json!({
            "rule": {"id": "rul_1", "name": "hot"}, "device_name": "attic", "sensor": "temperature",
            "severity": "warning", "state": "firing", "measure": "value", "unit": "Cel", "value": 31.5, "threshold": 30.0,
            "started_at": "2026-11-22T11:40:00Z", "resolved_at": null,
            "acked_at": "2026-11-22T11:41:00Z", "acked_by": "anna",
        });
        let now = shown::read("2026-11-22T11:43:00Z").unwrap();
        let mut alert: Alert = serde_json::from_value(alert).unwrap();
        assert_eq!(row(&alert, now)[0], "acknowledged by anna");
        assert_eq!(row(&alert, now)[2], "hot");
        alert.tags = [("shift", "a"), ("team", "x")].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        assert_eq!(row(&alert, now)[2], "hot [shift:a team:x]");
        alert.acked_by = None;
        assert_eq!(row(&alert, now)[0], "acknowledged");
    }
}
