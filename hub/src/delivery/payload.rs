//! The body of a webhook: what a receiver reads. PURE.
//!
//! It is written once, in the transaction that changes the alert, and sent unchanged at every attempt, but that what the receiver takes
//! more than a minute after it was caused says how many seconds (`delayed_by`), and `delayed_for` `quiet_hours` where it was caused in
//! those of the webhook; for receivers of other kinds
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
//! `alert.repeated` goes to those who want it (`repeat_every`), for as long as an alert fires and nobody has acknowledged it.
//!
//! `alert.past` tells of what was over when the hub learned of it, by readings that came late: once a rule and device; people also of
//! what was over before its message went, which waited for others of its rule. `count` says how many there were, the alert is the first
//! of them, `resolved_at` is when it ended. `new_normal`: it ended because the level stayed so long that it counts as usual.
//!
//! Of a device as a whole `sensor` is `device_offline`, `source_failing` or `clock_off`; `measure` is `silence`, `sources` (how many fail)
//! or `clock` (seconds ahead of the hub's, negative behind it). Of what ails the hub itself `device` is
//! null, `device_name` is `hub`, and `sensor` is what ails it.
//!
//! Many devices that went away at once are one message where people read it: see [`super::gathered`].
//!
//! `data.alert.explain` says why it fired: the version of its rule and its condition in words, how often it fired in the last 30 days
//! (`here`: about this, `anywhere`: about anything), how its device and its link were, with the readings `taken` and `lost` in the hour
//! and the one before, how late the hub knew (`late_s`), and what else fired within ten minutes. Of an end it says how they are
//! then, how late the hub knew of the end, and the rule only where that is still the version that fired; nothing beside. It is left out
//! where there was no time to find out, or no room.
//!
//! `data.alert.worded`: the title is that of the rule's own template.
//! `data.alert.chart` is a picture of the readings around, where the hub knows its own address: a link that needs no sign-in and ends
//! after 30 days ([`super::sign::PictureKey`]).
//!
//! Every time in it is RFC 3339 in UTC with three digits of fraction.
//!
//! `title` and `text` are for people: see [`super::sentence`]. They say what the data says, and are not made to be read by programs. Where
//! the rule has templates for them those are said; one that fails leaves the hub's own words, and `data.alert.template_error` says why.
//!
//! `data.alert.tags` are those of the rule when the alert began, at most 16; they are never left out.
//!
//! `measure` says what the values and `threshold` are, `unit` in what, and `threshold_unit` of the threshold, which is another one only of what
//! stands still (`s`): the reading (`value`, the sensor's unit), its change in
//! time (`rate`, `Cel/min`), how unusual it is (`sigmas`: standard deviations from the mean of its history, negative below
//! it, the threshold either side), in how many seconds it reaches its limit (`forecast`), or how long nothing came (`silence`, seconds; `value` is null).
//!
//! Where it is about what is unusual, `data.alert.usual` says what it was (`value`: the reading, of a season the mean of the last hour)
//! and what is usual (`low`, `high`), in the sensor's unit or its growth a second (`unit`), and both in words; of what is joined each part has its own.
//!
//! `value` is what fired it, `worst_value` the worst while it lasted, as far as it has, and `last_value` what ended it: null until
//! then, and where no reading did.

pub(super) mod alert;
pub(super) mod alone;
mod explain;
pub(super) mod worded;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::gathered::Gathered;
use super::sentence::{self, Told};
use super::sign::PictureKey;
use crate::model::UnixMillis;
use crate::model::alert::called as rule_called;
use crate::model::catalog::Catalog;
use crate::model::rule::Severity;
use crate::model::webhook::{Event, Grouped, NewDelivery, Webhook, WebhookId};
use crate::model::when::moment;
use crate::model::{called, shown};

/// Largest body; the advice of Standard Webhooks.
pub const BODY_LIMIT: usize = 20_000;
/// What is left of it when a message says that it is late.
const ROOM: usize = BODY_LIMIT - 70;
/// What stands in the place of a sensor where an alert is about a device as a whole.
pub(super) const OF_DEVICES: [&str; 3] = ["device_offline", "source_failing", "clock_off"];
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
    /// Signs links to pictures.
    pub pictures: PictureKey,
}

/// What a webhook is told that people read, of many devices at once.
pub(super) fn group_delivery(
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
        | Event::AlertRepeated
        | Event::AlertsSummary
        | Event::WebhookDisabled
        | Event::Test => "/",
    };
    let url = teller.url.as_deref().map(|hub| format!("{}{list}", hub.trim_end_matches('/')));
    let group = Group { count: gathered.alerts.len(), severity: severity_name(first.severity), url };
    let (kind, timestamp) = (gathered.event.word(), moment(gathered.at));
    let body = render(&Body { r#type: kind, timestamp, title, text, data: GroupData { group } });
    let created_at = if gathered.event == Event::AlertAcknowledged { gathered.at } else { first.learned_at };
    // What people were not told yet of some of them goes before it: messages about one alert go in order.
    let newest = gathered.alerts.iter().map(|alert| alert.id).max();
    let alert = if gathered.event == Event::AlertAcknowledged { newest } else { Some(first.id) };
    let group = gathered.first().map(|first| Grouped { rule: first.rule, about: first.about, until: None });
    Some(NewDelivery { webhook: webhook.id, alert, event: gathered.event, body, created_at, group })
}

/// The end of an alert that went with its device, made of the newest message about it; `None` of what is about many devices.
#[must_use]
pub fn gone(told: &NewDelivery, now: UnixMillis) -> Option<NewDelivery> {
    let mut body: Value = serde_json::from_slice(&told.body).ok()?;
    let alert = body.get_mut("data")?.get_mut("alert")?.as_object_mut()?;
    let sequence = alert.get("sequence").and_then(Value::as_u64).unwrap_or(1);
    alert.insert("sequence".to_owned(), (sequence + 1).into());
    alert.insert("state".to_owned(), "resolved".into());
    // It is told of how the device was, which is gone.
    alert.remove("explain");
    alert.remove("worded");
    for time in ["resolved_at", "occurred_at", "learned_at"] {
        alert.insert(time.to_owned(), moment(now).into());
    }
    let title = body.get("title").and_then(Value::as_str).unwrap_or_default();
    let subject = ["Flapping: ", "Acknowledged: "].iter().find_map(|of| title.strip_prefix(of)).unwrap_or(title);
    let title = format!("Resolved: {subject}");
    let whole = body.as_object_mut()?;
    whole.insert("type".to_owned(), Event::AlertResolved.word().into());
    whole.insert("timestamp".to_owned(), moment(now).into());
    whole.insert("title".to_owned(), title.into());
    whole.insert("text".to_owned(), "The device was deleted. The alert is over.".into());
    Some(NewDelivery { event: Event::AlertResolved, body: render(&body), created_at: now, group: None, ..told.clone() })
}

/// The message as it is sent so many seconds late, where `was_quiet` because of the quiet hours of its webhook.
#[must_use]
pub fn delayed(body: &[u8], seconds: Option<i64>, was_quiet: bool) -> Vec<u8> {
    let mut body = body.to_vec();
    if let Some(seconds) = seconds.filter(|_| body.pop_if(|last| *last == b'}').is_some()) {
        let comma = if body.ends_with(b"{") { "" } else { "," };
        let why = if was_quiet { ",\"delayed_for\":\"quiet_hours\"" } else { "" };
        body.extend(format!("{comma}\"delayed_by\":{seconds}{why}}}").into_bytes());
    }
    body
}

/// What a summary says of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    pub(super) title: String,
    pub(super) severity: Severity,
    /// Name of the rule; empty where no rule says it.
    pub(super) rule: String,
    /// Name of the device, `3 devices` of many; empty where it is about none.
    pub(super) device: String,
    /// Its sensor; empty where it is about the device.
    pub(super) sensor: String,
    /// Whether the title is in the words of the rule.
    pub(super) is_worded: bool,
    /// Whether it tells that a device is offline, or no longer.
    pub(super) is_offline: bool,
    /// Whether somebody has acknowledged the alert.
    pub(super) is_acked: bool,
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
        alert: Option<Alerted>,
        group: Option<Severe>,
    }
    #[derive(Deserialize)]
    struct Alerted {
        #[serde(default)]
        severity: String,
        rule: Option<Named>,
        device: Option<String>,
        #[serde(default)]
        device_name: String,
        #[serde(default)]
        sensor: String,
        #[serde(default)]
        worded: bool,
        acked_at: Option<String>,
    }
    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        name: String,
    }
    #[derive(Deserialize)]
    struct Severe {
        #[serde(default)]
        severity: String,
        #[serde(default)]
        count: usize,
    }
    let Told { title, data } = serde_json::from_slice(body).ok()?;
    let severity = match (&data.alert, &data.group) {
        (Some(alert), _) => Some(&alert.severity),
        (None, group) => group.as_ref().map(|group| &group.severity),
    };
    let severity = match severity.map(String::as_str) {
        Some("critical") => Severity::Critical,
        Some("warning") => Severity::Warning,
        _ => Severity::Info,
    };
    let title = cut(&title).to_owned();
    let Some(alert) = data.alert else {
        let device = data.group.map(|group| format!("{} devices", group.count)).unwrap_or_default();
        let (rule, sensor) = (String::new(), String::new());
        let (is_worded, is_offline, is_acked) = (false, false, false);
        return Some(Heading { title, severity, rule, device, sensor, is_worded, is_offline, is_acked });
    };
    let rule = alert.rule.map(|rule| shown::name(rule_called(&rule.name))).unwrap_or_default();
    let (device, sensor) = match alert.device {
        Some(_) if OF_DEVICES.contains(&&*alert.sensor) => (shown::name(&alert.device_name), String::new()),
        Some(_) => (shown::name(&alert.device_name), called::sensor(&alert.sensor)),
        None => (String::new(), String::new()),
    };
    let (is_worded, is_offline, is_acked) = (alert.worded, alert.sensor == OF_DEVICES[0], alert.acked_at.is_some());
    Some(Heading { title, severity, rule, device, sensor, is_worded, is_offline, is_acked })
}

/// What people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub title: String,
    pub text: String,
    /// Why it is not in the words of the rule's templates.
    pub template_error: Option<String>,
}

/// What people are told by a message in the hub's own form.
#[must_use]
pub fn words(body: &[u8]) -> Option<Words> {
    #[derive(Deserialize)]
    struct Told {
        title: String,
        text: String,
        #[serde(default)]
        data: Data,
    }
    #[derive(Default, Deserialize)]
    struct Data {
        alert: Option<About>,
    }
    #[derive(Deserialize)]
    struct About {
        template_error: Option<String>,
    }
    let Told { title, text, data } = serde_json::from_slice(body).ok()?;
    Some(Words { title, text, template_error: data.alert.and_then(|about| about.template_error) })
}

/// A message in the hub's own form, for templates.
pub(super) fn for_templates(body: &[u8]) -> minijinja::Value {
    serde_json::from_slice(body).unwrap_or_default()
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
    NewDelivery { webhook, alert: None, event: Event::Test, body, created_at: now, group: None }
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
    NewDelivery { webhook: to, alert: None, event, body, created_at: now, group: None }
}

fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_LIMIT)]
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
