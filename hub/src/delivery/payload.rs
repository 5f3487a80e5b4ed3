//! The body of a webhook: what a receiver reads. PURE.
//!
//! It is written once, in the transaction that changes the alert, and sent unchanged at every attempt, but that what the receiver takes
//! more than a minute after it was caused says how many seconds (`delayed_by`); for receivers of other kinds
//! [`super::message`] converts it. It stays under 20 kB: if it is larger, points are left out, then labels, and then long names are cut.
//!
//! `data.alert.sequence` counts what this webhook was told about an alert, from 1, so that a receiver can put repeats and late
//! arrivals in order.
//!
//! `alert.flapping` is sent to people, and to what calls them, instead of the fourth change in ten minutes: `data.alert.flapping` says how often it changed, in how
//! many seconds, between which values, and the clear value with which it would have been one alert. No change is told from
//! then on; once there was none for ten minutes the alert that was told of is resolved, or what fires is told.
//! `alert.acknowledged` goes to those who were told of the alert.
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

use std::collections::HashMap;
use std::fmt::Write as _;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::gathered::{self, Gathered};
use super::sentence::{self, Told};

use crate::model::UnixMillis;
use crate::model::alert::{self, Alert, AlertId, AlertState, Measure, Subject};
use crate::model::catalog::Catalog;
use crate::model::device::Labels;
use crate::model::notice::{Flaps, Hearers, Notice};
use crate::model::rule::{Condition, Rule, RuleSpec, Severity};
use crate::model::webhook::{Event, NewDelivery, Webhook, WebhookId};
use crate::model::when::moment;

/// Largest body; the advice of Standard Webhooks.
pub const BODY_LIMIT: usize = 20_000;
/// What is left of it when a message says that it is late.
const ROOM: usize = BODY_LIMIT - 40;
/// A name longer than this is cut when the body is too large.
const NAME_LIMIT: usize = 200;

#[derive(Serialize)]
pub(super) struct Body<'a, D> {
    pub(super) r#type: &'a str,
    pub(super) timestamp: String,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) data: D,
}

#[derive(Serialize)]
struct AlertData<'a> {
    alert: AlertBody<'a>,
}

#[derive(Serialize)]
struct AlertBody<'a> {
    id: String,
    sequence: u32,
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartBody<'a>>,
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
    /// What it did; only of one that flaps.
    #[serde(skip_serializing_if = "Option::is_none")]
    flapping: Option<FlappingBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acked_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acked_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack_comment: Option<&'a str>,
}

#[derive(Serialize)]
struct FlappingBody {
    changes: u32,
    within_s: f64,
    lowest: Option<f64>,
    highest: Option<f64>,
    clear: Option<f64>,
}

/// What one of several conditions measured; the sensor of the alert is named like any other.
#[derive(Serialize)]
struct PartBody<'a> {
    sensor: &'a str,
    measure: &'static str,
    unit: String,
    value: Option<f64>,
    threshold: f64,
    is_true: bool,
}

impl<'a> PartBody<'a> {
    fn of(part: &'a alert::Part, sensor: &'a str) -> Self {
        Self {
            sensor: cut(if part.sensor.is_empty() { sensor } else { &part.sensor }),
            measure: measure_name(part.measure),
            unit: part.measure.unit(cut(&part.unit)),
            value: part.value,
            threshold: part.threshold,
            is_true: part.is_true,
        }
    }
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

/// Who may be told.
pub struct Audience<'a> {
    /// The rules under which it was decided: for a rule deleted just now, the list from before.
    pub rules: &'a [Rule],
    pub webhooks: &'a [Webhook],
    /// How often a webhook was told of an alert before.
    pub said: &'a dyn Fn(AlertId, WebhookId) -> u32,
}

impl Audience<'_> {
    /// The webhooks that hear of this one by one. Of the hub itself, and of devices that went away, everybody does: no rule
    /// says who would. Of an acknowledgement those hear who know the alert.
    fn of(&self, notice: &Notice, is_gathered: bool) -> Vec<WebhookId> {
        let alert = notice.alert();
        let rule = self.rule(alert);
        let hears = |webhook: &&Webhook| match alert.about {
            Subject::Hub(_) | Subject::Device(_) => true,
            Subject::Series { .. } => rule.is_some_and(|rule| rule.webhooks.contains(&webhook.id)),
        };
        let wants = |webhook: &&Webhook| match notice {
            Notice::Changed { to: Hearers::All, .. } => true,
            Notice::Changed { to: Hearers::EachChange, .. } => webhook.spec.kind.hears_each_change(),
            Notice::Changed { to: Hearers::Calmed, .. } | Notice::Flapping { .. } => {
                !webhook.spec.kind.hears_each_change()
            }
            Notice::Past { .. } => webhook.spec.past,
            Notice::Acknowledged(_) => {
                webhook.spec.kind.takes_acknowledgements() && (self.said)(alert.id, webhook.id) > 0
            }
        };
        let is_alone = |webhook: &&Webhook| !(is_gathered && webhook.spec.kind.is_read_by_people());
        let told = self.webhooks.iter().filter(|webhook| webhook.works()).filter(is_alone).filter(wants).filter(hears);
        told.map(|webhook| webhook.id).collect()
    }

    fn rule(&self, alert: &Alert) -> Option<&RuleSpec> {
        self.rules.iter().find(|rule| rule.id == alert.rule).map(|rule| &rule.spec)
    }
}

/// The messages that these notices make: to each enabled webhook of the rule. Where people read it, of many devices at once,
/// or many acknowledgements, in one message.
#[must_use]
pub fn deliveries_for(
    notices: &[Notice],
    audience: &Audience<'_>,
    catalog: &Catalog,
    teller: &Teller,
) -> Vec<NewDelivery> {
    let mut deliveries = Vec::new();
    let gathered = gathered::of(notices);
    for group in &gathered {
        let is_told = |webhook: &&Webhook| {
            let knows = |alert: &&Alert| (audience.said)(alert.id, webhook.id) > 0;
            webhook.works()
                && webhook.spec.kind.is_read_by_people()
                && (group.event != Event::AlertAcknowledged || group.alerts.iter().any(knows))
        };
        let told = audience.webhooks.iter().filter(is_told);
        deliveries.extend(told.filter_map(|webhook| group_delivery(group, webhook, catalog, teller)));
    }
    // What is told of an alert here, by webhook: its next message is numbered after it.
    let mut numbers = HashMap::new();
    for notice in notices {
        let (alert, event) = (notice.alert(), event_of(notice));
        let is_gathered = gathered.iter().any(|group| group.tells_of(alert, event));
        let mut bodies: Vec<(u32, Vec<u8>)> = Vec::new();
        for webhook in audience.of(notice, is_gathered) {
            let number = numbers.entry((alert.id, webhook)).or_insert_with(|| (audience.said)(alert.id, webhook));
            *number += 1;
            let condition = audience.rule(alert).map(|rule| &rule.condition);
            let body = match bodies.iter().find(|(of, _)| of == number) {
                Some((_, body)) => body.clone(),
                None => {
                    let body = alert_body(&What { notice, event, sequence: *number, condition }, catalog, teller);
                    bodies.push((*number, body.clone()));
                    body
                }
            };
            let created_at = notice.learned_at();
            deliveries.push(NewDelivery { webhook, alert: Some(alert.id), event, body, created_at });
        }
    }
    deliveries
}

const fn event_of(notice: &Notice) -> Event {
    match notice {
        Notice::Changed { alert, .. } => match alert.state {
            AlertState::Resolved => Event::AlertResolved,
            AlertState::Firing | AlertState::Pending | AlertState::Historical => Event::AlertFiring,
        },
        Notice::Past { .. } => Event::AlertPast,
        Notice::Flapping { .. } => Event::AlertFlapping,
        Notice::Acknowledged(_) => Event::AlertAcknowledged,
    }
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
    let list = match gathered.event {
        Event::AlertFiring => "/?status=offline",
        Event::AlertAcknowledged => "/a",
        Event::AlertResolved
        | Event::AlertPast
        | Event::AlertFlapping
        | Event::AlertsSummary
        | Event::WebhookDisabled
        | Event::Test => "/",
    };
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

/// What a summary says of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    pub(super) title: String,
    pub(super) severity: Severity,
}

/// What a summary says of a message in the hub's own form.
pub(super) fn heading(body: &[u8]) -> Option<Heading> {
    #[derive(Deserialize)]
    struct Told {
        title: String,
        #[serde(default)]
        data: Data,
    }
    #[derive(Default, Deserialize)]
    struct Data {
        alert: Option<Severe>,
        group: Option<Severe>,
    }
    #[derive(Deserialize)]
    struct Severe {
        #[serde(default)]
        severity: String,
    }
    let Told { title, data } = serde_json::from_slice(body).ok()?;
    let severity = match data.alert.or(data.group).map(|about| about.severity).as_deref() {
        Some("critical") => Severity::Critical,
        Some("warning") => Severity::Warning,
        _ => Severity::Info,
    };
    Some(Heading { title: cut(&title).to_owned(), severity })
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
    notice: &'a Notice,
    event: Event,
    sequence: u32,
    condition: Option<&'a Condition>,
}

fn alert_body(what: &What<'_>, catalog: &Catalog, teller: &Teller) -> Vec<u8> {
    let &What { notice, event, sequence, condition } = what;
    let (alert, occurred_at) = (notice.alert(), notice.occurred_at());
    let device = alert.device().and_then(|device| catalog.device(device));
    let names = alert.names(catalog);
    let none = Labels::new();
    let state = match event {
        Event::AlertResolved => "resolved",
        Event::AlertPast => "historical",
        // Whether it fires at this moment says nothing: it is not over.
        Event::AlertFiring
        | Event::AlertFlapping
        | Event::AlertAcknowledged
        | Event::AlertsSummary
        | Event::WebhookDisabled
        | Event::Test => "firing",
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
        parts: alert.parts.iter().map(|part| PartBody::of(part, names.sensor)).collect(),
        started_at: moment(alert.started_at),
        resolved_at: alert.resolved_at.map(moment),
        new_normal: alert.new_normal,
        occurred_at: moment(occurred_at),
        learned_at: moment(alert.learned_at),
        labels: device.map_or(&none, |device| &device.labels),
        url,
        points: notice.points().iter().map(|point| (point.at.0, point.value)).collect(),
        count: if let Notice::Past { count, .. } = notice { Some(*count) } else { None },
        flapping: if let Notice::Flapping { flaps, .. } = notice { Some(flapping_body(flaps)) } else { None },
        acked_at: alert.acked.as_ref().map(|ack| moment(ack.at)),
        acked_by: alert.acked.as_ref().map(|ack| cut(&ack.by)).filter(|by| !by.is_empty()),
        ack_comment: alert.acked.as_ref().and_then(|ack| ack.comment.as_deref()),
    };
    let Told { title, text } = sentence::of(notice, names, condition, &teller.zone);
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

fn flapping_body(flaps: &Flaps) -> FlappingBody {
    let Flaps { changes, within_ms, between, clear } = *flaps;
    let (lowest, highest) = (between.map(|(low, _)| low), between.map(|(_, high)| high));
    FlappingBody { changes, within_s: within_ms as f64 / 1_000.0, lowest, highest, clear }
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
        Measure::Parts => "parts",
        Measure::Silence => "silence",
    }
}

pub(super) const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// Structs of text and numbers always serialize; an empty body would show in the first test.
pub(super) fn render(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

#[cfg(test)]
mod tests;
