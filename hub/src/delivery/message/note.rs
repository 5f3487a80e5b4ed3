//! An event read back from the hub's own format, and the parts of it that every kind uses. PURE.
//!
//! Missing parts are left out: a message of an older hub may wait in the outbox without title or text.

mod explained;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use self::explained::Explain;
use super::cut;
use crate::delivery::payload::OF_DEVICES;
use crate::delivery::sentence::length;
use crate::model::alert::called as rule_called;
use crate::model::device::Labels;
use crate::model::{called, shown};

/// Longest title; the shortest that a receiver takes is Slack's.
const TITLE: usize = 140;
/// Longest text: far more than a sentence needs, and the least that a receiver takes is 2,000.
const TEXT: usize = 2_000;
/// Longest value of a fact.
const FACT: usize = 200;

/// What happened.
#[derive(Debug, Deserialize)]
pub(super) struct Note {
    #[serde(rename = "type")]
    pub(super) event: String,
    #[serde(default)]
    pub(super) timestamp: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
    /// Seconds that it is late.
    delayed_by: Option<i64>,
    /// Why, where that is known.
    delayed_for: Option<String>,
    #[serde(default)]
    data: Data,
}

#[derive(Debug, Default, Deserialize)]
struct Data {
    alert: Option<About>,
    group: Option<Group>,
    summary: Option<Group>,
    /// A test has the id of its own webhook here.
    #[serde(default, deserialize_with = "if_object")]
    webhook: Option<Disabled>,
}

/// A webhook that gets no messages any more.
#[derive(Debug, Deserialize)]
pub(super) struct Disabled {
    pub(super) id: String,
    url: Option<String>,
}

/// Many devices, or many messages, that it is about.
#[derive(Debug, Deserialize)]
struct Group {
    #[serde(default)]
    severity: String,
    url: Option<String>,
}

/// The alert it is about.
#[derive(Debug, Deserialize)]
pub(super) struct About {
    pub(super) id: String,
    #[serde(default)]
    pub(super) rule: Rule,
    pub(super) device: Option<String>,
    #[serde(default)]
    pub(super) device_name: String,
    #[serde(default)]
    pub(super) sensor: String,
    #[serde(default)]
    measure: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    pub(super) severity: String,
    #[serde(default)]
    state: String,
    value: Option<f64>,
    worst_value: Option<f64>,
    last_value: Option<f64>,
    threshold: Option<f64>,
    /// Of what is unusual.
    usual: Option<Usual>,
    /// Of conditions that are joined, what each measured.
    #[serde(default)]
    parts: Vec<Part>,
    #[serde(default)]
    pub(super) started_at: String,
    #[serde(default)]
    pub(super) learned_at: String,
    pub(super) resolved_at: Option<String>,
    acked_at: Option<String>,
    #[serde(default)]
    pub(super) labels: Labels,
    #[serde(default)]
    pub(super) tags: Labels,
    pub(super) url: Option<String>,
    chart: Option<String>,
    explain: Option<Explain>,
}

/// What something unusual was, and what is usual, as people read it.
#[derive(Debug, Deserialize)]
struct Usual {
    #[serde(default)]
    value_text: String,
    #[serde(default)]
    usual_text: String,
}

/// One of several conditions.
#[derive(Debug, Deserialize)]
struct Part {
    #[serde(default)]
    sensor: String,
    #[serde(default)]
    measure: String,
    #[serde(default)]
    unit: String,
    value: Option<f64>,
    threshold: f64,
    #[serde(default)]
    is_true: bool,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Rule {
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// It is over.
    Well,
    Info,
    Warning,
    Critical,
}

impl Level {
    /// For receivers that show no colours.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Well => "🟢",
            Self::Info => "🔵",
            Self::Warning => "🟠",
            Self::Critical => "🔴",
        }
    }

    /// Red, green, blue.
    pub(super) const fn colour(self) -> u32 {
        match self {
            Self::Well => 0x2f_9e_44,
            Self::Info => 0x1c_7e_d6,
            Self::Warning => 0xf0_8c_00,
            Self::Critical => 0xe0_31_31,
        }
    }
}

impl Note {
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    pub(super) const fn alert(&self) -> Option<&About> {
        self.data.alert.as_ref()
    }

    /// The webhook that is off.
    pub(super) const fn disabled(&self) -> Option<&Disabled> {
        self.data.webhook.as_ref()
    }

    /// What happened; of a summary of one thing that it says how that is.
    fn happened(&self) -> &str {
        match self.alert().map(|alert| &*alert.state).filter(|_| self.event == "alerts.summary") {
            Some("resolved") => "alert.resolved",
            Some("historical") => "alert.past",
            _ => &self.event,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.happened() == "alert.resolved"
    }

    /// Over when the hub learned of it.
    pub(super) fn is_past(&self) -> bool {
        self.happened() == "alert.past"
    }

    /// Somebody has seen the alert.
    pub(super) fn is_acknowledged(&self) -> bool {
        self.event == "alert.acknowledged"
    }

    /// How bad it is to people: not what somebody has seen.
    pub(super) fn level(&self) -> Level {
        let is_seen = self.alert().is_some_and(|alert| alert.acked_at.is_some());
        if is_seen && !self.is_over() { Level::Info } else { self.severity() }
    }

    /// How bad it is.
    pub(super) fn severity(&self) -> Level {
        let of_group = || self.data.group.as_ref().or(self.data.summary.as_ref()).map(|group| group.severity.as_str());
        match self.alert().map(|alert| alert.severity.as_str()).or_else(of_group) {
            _ if self.is_over() => Level::Well,
            _ if self.is_past() || self.is_acknowledged() => Level::Info,
            Some("critical") => Level::Critical,
            Some("warning") => Level::Warning,
            None if self.disabled().is_some() => Level::Warning,
            _ => Level::Info,
        }
    }

    pub(super) fn title(&self) -> String {
        cut::units(if self.title.is_empty() { &self.event } else { &self.title }, TITLE)
    }

    /// The rule and the device, in the same words whatever happened; `None` where it is about no alert.
    pub(super) fn thing(&self) -> Option<String> {
        let alert = self.alert()?;
        let rule = shown::name(rule_called(&alert.rule.name));
        let thing = match &alert.device {
            Some(_) => format!("{rule} on {}", shown::name(&alert.device_name)),
            None => rule,
        };
        Some(cut::units(&thing, TITLE))
    }

    pub(super) fn text(&self) -> String {
        let text = if self.text.is_empty() { &self.event } else { &self.text };
        match self.delayed_by {
            Some(seconds) => {
                let why =
                    if self.delayed_for.as_deref() == Some("quiet_hours") { ", after the quiet hours" } else { "" };
                cut::units(&format!("{text} Sent {} late{why}.", length(seconds as f64)), TEXT)
            }
            None => cut::units(text, TEXT),
        }
    }

    /// Where the chart is, where the hub knows its own address.
    pub(super) fn link(&self, most: usize) -> Option<&str> {
        let of_group = || self.data.group.as_ref().or(self.data.summary.as_ref())?.url.as_deref();
        let of_webhook = || self.disabled()?.url.as_deref();
        let url = self.alert().and_then(|alert| alert.url.as_deref()).or_else(of_group).or_else(of_webhook)?;
        (url.starts_with("http") && url.len() <= most).then_some(url)
    }

    /// Where a picture of the readings is, which everybody may fetch who has the link.
    pub(super) fn chart(&self, most: usize) -> Option<&str> {
        let url = self.alert()?.chart.as_deref()?;
        (url.starts_with("http") && url.len() <= most).then_some(url)
    }

    /// What that link does.
    pub(super) const fn link_name(&self) -> &'static str {
        match (&self.data.group, self.disabled()) {
            (Some(_), _) => "Show the devices",
            (_, Some(_)) => "Show the webhooks",
            (None, None) if self.data.summary.is_some() && self.data.alert.is_none() => "Show the alerts",
            (None, None) => "Open the chart",
        }
    }

    /// What a glance looks for: none of a test.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let Some(alert) = self.alert() else { return Vec::new() };
        let mut facts = vec![("Device", shown::name(&alert.device_name))];
        let is_series = alert.device.is_some() && !OF_DEVICES.contains(&&*alert.sensor);
        if is_series && !alert.sensor.is_empty() {
            facts.push(("Sensor", shown::name(&alert.sensor)));
        }
        if alert.measure == "parts" {
            // How many of them are true is of no use to anybody.
            let parts: Vec<String> = alert.parts.iter().map(Part::text).collect();
            facts.extend((!parts.is_empty()).then(|| ("Conditions", parts.join(", "))));
        } else {
            // Since when something is heard again is no value.
            let is_heard = self.is_over() && alert.measure == "silence";
            let now = if self.is_over() { alert.last_value.filter(|_| !is_heard) } else { alert.value };
            let of_value = if let Some(usual) = &alert.usual {
                facts.push(("Value", usual.value_text.clone()));
                facts.push(("Usually", usual.usual_text.clone()));
                "Deviation"
            } else {
                "Value"
            };
            facts.extend(now.map(|value| (of_value, alert.figure(value))));
            let worst = alert.worst_value.filter(|&worst| Some(worst) != now);
            facts.extend(worst.map(|worst| ("Worst", alert.figure(worst))));
            facts.extend(alert.threshold.map(|limit| ("Limit", limit_text(&alert.measure, limit, &alert.unit))));
        }
        facts.push(("Severity", alert.severity.clone()));
        if let Some(explain) = &alert.explain {
            facts.extend(explain.facts((&alert.rule.name, &alert.device_name, &alert.sensor)));
        }
        facts.into_iter().map(|(name, value)| (name, cut::units(&value, FACT))).collect()
    }
}

fn if_object<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Disabled>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).ok())
}

impl About {
    fn figure(&self, value: f64) -> String {
        figure(&self.measure, value, &self.unit)
    }
}

impl Part {
    /// `Humidity 71 % (limit 70 %)`.
    fn text(&self) -> String {
        let sensor = called::sensor(&self.sensor);
        let limit = limit_text(&self.measure, self.threshold, &self.unit);
        match self.value {
            None => format!("{sensor} not known (limit {limit})"),
            Some(value) => {
                let so = if self.is_true { "" } else { ", not so" };
                format!("{sensor} {} (limit {limit}{so})", figure(&self.measure, value, &self.unit))
            }
        }
    }
}

/// A limit: of a standstill it is a time.
fn limit_text(measure: &str, limit: f64, unit: &str) -> String {
    if measure == "stuck" { shown::length(limit.round() as i64) } else { figure(measure, limit, unit) }
}

fn figure(measure: &str, value: f64, unit: &str) -> String {
    match measure {
        "silence" | "forecast" => shown::length(value.round() as i64),
        "clock" if value < 0.0 => format!("-{}", shown::length(-value.round() as i64)),
        "clock" => shown::length(value.round() as i64),
        _ => shown::value(value, unit),
    }
}
