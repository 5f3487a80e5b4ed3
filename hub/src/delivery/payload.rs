//! The body of a webhook: what a receiver reads. PURE.
//!
//! It is written once, in the transaction that changes the alert, and sent unchanged at every attempt, but that what the receiver takes
//! more than a minute after it was caused says how many seconds (`delayed_by`); for receivers of other kinds
//! [`super::message`] converts it. It stays under 20 kB: if it is larger, points are left out, then labels, and then long names are cut.
//!
//! `data.alert.sequence` grows with each thing told about an alert (1 firing, 2 resolved), so that a receiver can put
//! repeats and late arrivals in order.
//!
//! `alert.past` tells of what was over when the hub learned of it, by readings that came late: once a rule and device.
//! `count` says how many there were, the alert is the first of them, `resolved_at` is when it ended. `new_normal`: it ended
//! because the level stayed so long that it counts as usual.
//!
//! Of a device that went away `sensor` is `device_offline`, `measure` is `silence`. Of what ails the hub itself `device` is
//! null, `device_name` is `hub`, and `sensor` is what ails it.
//!
//! Many devices that went away at once are one message where people read it: see [`super::gathered`].
//!
//! Every time in it is RFC 3339 in UTC with three digits of fraction.
//!
//! `title` and `text` are for people: see [`super::sentence`]. They say what the data says, and are not made to be read by programs.
//!
//! `measure` says what the values and `threshold` are, `unit` in what: the reading (`value`, the sensor's unit), its change in
//! time (`rate`, `Cel/min`), how unusual it is (`sigmas`: standard deviations from the mean of its history, negative below
//! it, the threshold either side), or how long nothing came (`silence`, seconds; `value` is null).
//!
//! `value` is what fired it, `worst_value` the worst while it lasted, as far as it has, and `last_value` what ended it: null until
//! then, and where no reading did.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::gathered::{self, Gathered};
use super::sentence::{self, Told};

use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertState, Measure, Subject, Transition};
use crate::model::catalog::Catalog;
use crate::model::device::Labels;
use crate::model::reading::Point;
use crate::model::rule::{Condition, Rule, Severity};
use crate::model::webhook::{Event, NewDelivery, Webhook, WebhookId};
use crate::model::when::moment;

/// Largest body; the advice of Standard Webhooks.
pub const BODY_LIMIT: usize = 20_000;
/// What is left of it when a message says that it is late.
const ROOM: usize = BODY_LIMIT - 40;
/// A name longer than this is cut when the body is too large.
const NAME_LIMIT: usize = 200;

#[derive(Serialize)]
struct Body<'a, D> {
    r#type: &'a str,
    timestamp: String,
    title: String,
    text: String,
    data: D,
}

#[derive(Serialize)]
struct AlertData<'a> {
    alert: AlertBody<'a>,
}

#[derive(Serialize)]
struct AlertBody<'a> {
    id: String,
    sequence: u8,
    rule: RuleBody<'a>,
    device: Option<String>,
    device_name: &'a str,
    sensor: &'a str,
    measure: &'a str,
    unit: String,
    severity: &'a str,
    state: &'a str,
    value: Option<f64>,
    worst_value: Option<f64>,
    last_value: Option<f64>,
    threshold: f64,
    started_at: String,
    resolved_at: Option<String>,
    new_normal: bool,
    occurred_at: String,
    learned_at: String,
    labels: &'a Labels,
    url: Option<String>,
    points: Vec<(i64, f64)>,
    /// How many were over; only of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
}

#[derive(Serialize)]
struct RuleBody<'a> {
    id: String,
    name: &'a str,
}

#[derive(Serialize)]
struct GroupData {
    group: Group,
}

#[derive(Serialize)]
struct Group {
    count: usize,
    severity: &'static str,
    url: Option<String>,
}

#[derive(Serialize)]
struct TestData<'a> {
    message: &'static str,
    webhook: String,
    name: &'a str,
}

#[derive(Serialize)]
struct DisabledData<'a> {
    webhook: DisabledWebhook<'a>,
}

#[derive(Serialize)]
struct DisabledWebhook<'a> {
    id: String,
    name: &'a str,
    reason: &'a str,
    failing_since: Option<String>,
    url: Option<String>,
}

/// What the hub that tells is to those who are told.
#[derive(Debug, Clone)]
pub struct Teller {
    /// Its page, for links.
    pub url: Option<String>,
    /// Where its clock is, for times that people read.
    pub zone: TimeZone,
}

/// What these transitions make the hub tell: each enabled webhook of the rule hears that an alert fires or has resolved,
/// and if it wants to, what was over when the hub learned of it. Pending and cancelled alerts tell nobody. What ails the
/// hub itself, and that a device went away, is told to every webhook that works; where people read it, of many devices at once
/// in one message.
///
/// `rules` are those the transitions were decided under: for a rule deleted just now, the list from before.
#[must_use]
pub fn deliveries_for(
    transitions: &[Transition],
    rules: &[Rule],
    webhooks: &[Webhook],
    catalog: &Catalog,
    teller: &Teller,
) -> Vec<NewDelivery> {
    let mut deliveries = Vec::new();
    let gathered = gathered::of(transitions);
    for group in &gathered {
        let told = webhooks.iter().filter(|webhook| webhook.works() && webhook.spec.kind.is_read_by_people());
        deliveries.extend(told.filter_map(|webhook| group_delivery(group, webhook, catalog, teller)));
    }
    for transition in transitions {
        let (alert, occurred_at, points, count) = match transition {
            Transition::Put { alert, occurred_at, points } => (alert, *occurred_at, points, None),
            Transition::TellPast { alert, count, points } => {
                (alert, alert.fired_at.unwrap_or(alert.started_at), points, Some(*count))
            }
            Transition::Amend(_) | Transition::Cancel(..) => continue,
        };
        let event = match (count, alert.state) {
            (Some(_), _) => Event::AlertPast,
            (None, AlertState::Pending | AlertState::Historical) => continue,
            (None, AlertState::Firing) => Event::AlertFiring,
            (None, AlertState::Resolved) => Event::AlertResolved,
        };
        // Of the hub itself everybody hears: no rule says who would.
        let rule = rules.iter().find(|rule| rule.id == alert.rule).map(|rule| &rule.spec);
        let hears = |webhook: &&Webhook| match alert.about {
            Subject::Hub(_) | Subject::Device(_) => true,
            Subject::Series { .. } => rule.is_some_and(|rule| rule.webhooks.contains(&webhook.id)),
        };
        let is_gathered = gathered.iter().any(|group| group.tells_of(alert, event));
        let wants = |webhook: &&Webhook| {
            webhook.works()
                && (event != Event::AlertPast || webhook.spec.past)
                && !(is_gathered && webhook.spec.kind.is_read_by_people())
        };
        let told: Vec<_> = webhooks.iter().filter(wants).filter(hears).map(|webhook| webhook.id).collect();
        if told.is_empty() {
            continue;
        }
        let condition = rule.map(|rule| &rule.condition);
        let what = What { alert, event, occurred_at, points, count, condition };
        let body = alert_body(&what, catalog, teller);
        deliveries.extend(told.into_iter().map(|webhook| NewDelivery {
            webhook,
            alert: Some(alert.id),
            event,
            body: body.clone(),
            created_at: alert.learned_at,
        }));
    }
    deliveries
}

/// What a webhook is told that people read, of many devices at once.
fn group_delivery(
    gathered: &Gathered<'_>,
    webhook: &Webhook,
    catalog: &Catalog,
    teller: &Teller,
) -> Option<NewDelivery> {
    let first = gathered.alerts.first()?;
    let Told { title, text } = gathered.told(catalog, &teller.zone);
    let list = if gathered.event == Event::AlertFiring { "/?status=offline" } else { "/" };
    let url = teller.url.as_deref().map(|hub| format!("{}{list}", hub.trim_end_matches('/')));
    let group = Group { count: gathered.alerts.len(), severity: severity_name(first.severity), url };
    let (kind, timestamp) = (gathered.event.word(), moment(gathered.at));
    let body = render(&Body { r#type: kind, timestamp, title, text, data: GroupData { group } });
    let (alert, created_at) = (Some(first.id), first.learned_at);
    Some(NewDelivery { webhook: webhook.id, alert, event: gathered.event, body, created_at })
}

/// The message as it is sent so many seconds late.
#[must_use]
pub fn delayed(body: &[u8], seconds: Option<i64>) -> Vec<u8> {
    let mut body = body.to_vec();
    if let Some(seconds) = seconds.filter(|_| body.pop_if(|last| *last == b'}').is_some()) {
        let comma = if body.ends_with(b"{") { "" } else { "," };
        body.extend(format!("{comma}\"delayed_by\":{seconds}}}").into_bytes());
    }
    body
}

/// Of how many devices a message tells, where it is more than one.
#[must_use]
pub fn devices_in(body: &[u8]) -> Option<usize> {
    #[derive(Deserialize)]
    struct Told {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        group: Counted,
    }
    #[derive(Deserialize)]
    struct Counted {
        count: usize,
    }
    serde_json::from_slice::<Told>(body).ok().map(|told| told.data.group.count)
}

/// The delivery a person asks for to try a webhook.
#[must_use]
pub fn test_delivery(webhook: WebhookId, name: &str, now: UnixMillis) -> NewDelivery {
    let message = "A test from the telemetry hub: this webhook works.";
    let Told { title, text } = sentence::of_test(name);
    let data = TestData { message, webhook: format!("whk_{}", webhook.0), name: cut(name) };
    let body = render(&Body { r#type: Event::Test.word(), timestamp: moment(now), title, text, data });
    NewDelivery { webhook, alert: None, event: Event::Test, body, created_at: now }
}

/// What another webhook is told of one that is disabled for a reason at a moment.
#[must_use]
pub fn disabled_delivery(
    to: WebhookId,
    disabled: &Webhook,
    reason: &str,
    teller: &Teller,
    now: UnixMillis,
) -> NewDelivery {
    let since = disabled.failing_since;
    let Told { title, text } = sentence::of_disabled(&disabled.spec.name, reason, since, &teller.zone);
    let url = teller.url.as_deref().map(|hub| format!("{}/w", hub.trim_end_matches('/')));
    let data = DisabledData {
        webhook: DisabledWebhook {
            id: format!("whk_{}", disabled.id.0),
            name: cut(&disabled.spec.name),
            reason,
            failing_since: since.map(moment),
            url,
        },
    };
    let event = Event::WebhookDisabled;
    let body = render(&Body { r#type: event.word(), timestamp: moment(now), title, text, data });
    NewDelivery { webhook: to, alert: None, event, body, created_at: now }
}

/// The page with the sensor's chart around a moment.
fn chart_link(hub: &str, device: &str, sensor: &str, at: UnixMillis) -> String {
    const BEFORE_MS: i64 = 30 * 60_000;
    const AFTER_MS: i64 = 5 * 60_000;
    let mut name = String::new();
    for byte in sensor.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => name.push(char::from(byte)),
            // Twice escaped: the page separates names by commas before it reads each.
            _ => {
                let _ = write!(name, "%25{byte:02X}");
            }
        }
    }
    let (from, to) = (at.plus(-BEFORE_MS).0, at.plus(AFTER_MS).0);
    format!("{}/d/{device}?m={name}&from={from}&to={to}", hub.trim_end_matches('/'))
}

/// What is told of an alert.
struct What<'a> {
    alert: &'a Alert,
    event: Event,
    occurred_at: UnixMillis,
    points: &'a [Point],
    count: Option<u32>,
    condition: Option<&'a Condition>,
}

fn alert_body(what: &What<'_>, catalog: &Catalog, teller: &Teller) -> Vec<u8> {
    let &What { alert, event, occurred_at, points, count, condition } = what;
    let device = alert.device().and_then(|device| catalog.device(device));
    let names = alert.names(catalog);
    let none = Labels::new();
    let (sequence, state) = match event {
        Event::AlertResolved => (2, "resolved"),
        Event::AlertPast => (1, "historical"),
        Event::AlertFiring | Event::WebhookDisabled | Event::Test => (1, "firing"),
    };
    let id = format!("alr_{}", alert.id.0);
    let url = teller.url.as_deref().and_then(|hub| match alert.about {
        Subject::Hub(_) => Some(format!("{}/h", hub.trim_end_matches('/'))),
        Subject::Device(_) => Some(format!("{}/d/{}", hub.trim_end_matches('/'), device?.id)),
        Subject::Series { .. } => Some(chart_link(hub, &device?.id.to_string(), names.sensor, occurred_at)),
    });
    let body = AlertBody {
        id,
        sequence,
        rule: RuleBody { id: format!("rul_{}", alert.rule.0), name: &alert.rule_name },
        device: device.map(|device| device.id.to_string()),
        device_name: names.device,
        sensor: names.sensor,
        measure: measure_name(alert.measure),
        unit: alert.measure.unit(cut(names.unit)),
        severity: severity_name(alert.severity),
        state,
        value: alert.value,
        worst_value: alert.worst,
        last_value: alert.last,
        threshold: alert.threshold,
        started_at: moment(alert.started_at),
        resolved_at: alert.resolved_at.map(moment),
        new_normal: alert.new_normal,
        occurred_at: moment(occurred_at),
        learned_at: moment(alert.learned_at),
        labels: device.map_or(&none, |device| &device.labels),
        url,
        points: points.iter().map(|point| (point.at.0, point.value)).collect(),
        count,
    };
    let Told { title, text } = sentence::of(alert, names, event, condition, count, &teller.zone);
    let (kind, timestamp) = (event.word(), moment(occurred_at));
    let mut body = Body { r#type: kind, timestamp, title, text, data: AlertData { alert: body } };
    let whole = render(&body);
    if whole.len() <= ROOM {
        return whole;
    }
    body.data.alert.points.clear();
    let without_points = render(&body);
    if without_points.len() <= ROOM {
        return without_points;
    }
    let alert = &mut body.data.alert;
    alert.labels = &none;
    alert.rule.name = cut(alert.rule.name);
    (alert.device_name, alert.sensor) = (cut(alert.device_name), cut(alert.sensor));
    render(&body)
}

fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_LIMIT)]
}

const fn measure_name(measure: Measure) -> &'static str {
    match measure {
        Measure::Value => "value",
        Measure::Rate { .. } => "rate",
        Measure::Sigmas => "sigmas",
        Measure::Stuck => "stuck",
        Measure::Silence => "silence",
    }
}

const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// Structs of text and numbers always serialize; an empty body would show in the first test.
fn render(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

#[cfg(test)]
mod tests;
