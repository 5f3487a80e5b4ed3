//! Alert rules.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema as _, ToSchema};

use super::condition::Condition;
use super::new_condition::{NewCondition, bounded, needed};
use crate::delivery::trial;
use crate::http::error::ApiError;
use crate::http::request::text;
use crate::model::device::Labels;
use crate::model::rule::{self, RuleSpec};
use crate::model::{UnixMillis, when};
use crate::rules::Watching;

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Rule {
    /// Text of its id.
    pub id: String,
    /// Counts its changes, from 1.
    pub version: u32,
    /// Name.
    pub name: String,
    /// Glob over the names of devices; an id is matched whole, or by more than eight characters.
    pub device: String,
    /// Glob over sensor names.
    pub sensor: String,
    /// Labels the device must have.
    pub labels: BTreeMap<String, String>,
    /// When it is true.
    pub condition: Condition,
    /// How long it must stay true before it fires.
    #[serde(rename = "for")]
    pub hold: String,
    /// How long it must be good again before it resolves.
    pub clear_for: String,
    /// How bad it is.
    pub severity: Severity,
    /// What its alerts are tagged with: `{"team": "x"}`.
    pub tags: BTreeMap<String, String>,
    /// Who is told.
    pub webhooks: Vec<String>,
    /// Whether all webhooks are told, also those that are made later; then `webhooks` is empty.
    pub all_webhooks: bool,
    /// `hub` where the hub made the rule by itself, once; null of all others.
    pub made_by: Option<&'static str>,
    /// Whether it is evaluated.
    pub enabled: bool,
    /// In which words its alerts are told; null where the hub's own are.
    pub message: Option<MessageTemplates>,
    /// Why those words fail of its newest alert, which the hub told in its own; null where they do not, and of a rule that was just changed.
    pub message_problem: Option<String>,
    /// What a series must have reported before the rule can evaluate it; null where the first reading is enough.
    pub needs: Option<Needs>,
    /// How many sensors it watches now; devices, where it is about devices as a whole. At 0 nothing is there that it is about.
    pub watches: usize,
    /// Other sensors that its condition names and none of the devices has that it watches: `all` and `difference` never fire
    /// without them, and `any` by its other parts only.
    pub missing: Vec<String>,
    /// The file that it is kept in: it is changed there, then by `telemetry-hub rules apply`; null of one that was made by hand.
    pub source: Option<RuleSource>,
    /// When it was made.
    pub created_at: String,
    /// When it was last changed.
    pub updated_at: String,
}

/// Where a rule stands that is kept in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RuleSource {
    /// With its folder.
    pub file: String,
    /// From 1.
    pub line: u32,
}

/// What a series must have reported before a rule can evaluate it, and how many have not yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Needs {
    /// Readings at least.
    pub readings: u32,
    /// From the first to the last of them at least.
    pub span: String,
    /// Series that the rule watches, as far as they were heard.
    pub series: usize,
    /// Those of them that have not enough readings yet, or too few for the length of the window.
    pub waiting: usize,
    /// Where readings come too seldom for the length of the window, so that no waiting helps: how often they come, and what would be long
    /// enough. Null where they come often enough, or nothing says how often.
    pub too_short: Option<String>,
}

impl Needs {
    /// What a condition asks for, of so many series.
    #[must_use]
    pub(crate) fn of(condition: &rule::Condition, watching: &Watching) -> Option<Self> {
        let needs = condition.needs()?;
        let Watching { series, waiting, ref seldom, .. } = *watching;
        let too_short = seldom.as_ref().map(|(many, seldom)| {
            if *many == series { seldom.text() } else { format!("of {many} of its {series} sensors {}", seldom.text()) }
        });
        Some(Self { readings: needs.readings, span: when::span(needs.span), series, waiting, too_short })
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look tomorrow.
    #[default]
    Warning,
    /// Look now.
    Critical,
}

impl From<rule::Severity> for Severity {
    fn from(severity: rule::Severity) -> Self {
        match severity {
            rule::Severity::Info => Self::Info,
            rule::Severity::Warning => Self::Warning,
            rule::Severity::Critical => Self::Critical,
        }
    }
}

impl From<Severity> for rule::Severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }
}

impl Rule {
    /// What a rule says, as JSON: without what is known of it beside.
    #[must_use]
    pub(super) fn said(spec: &RuleSpec) -> serde_json::Value {
        let (id, at) = (rule::RuleId(0), UnixMillis(0));
        let spec = spec.clone();
        let rule = rule::Rule {
            id,
            version: 1,
            version_since: at,
            spec,
            made_by_hub: false,
            created_at: at,
            updated_at: at,
            source: None,
        };
        let mut said = serde_json::to_value(Self::of(rule, Watching::default())).unwrap_or_default();
        if let Some(fields) = said.as_object_mut() {
            let known = NewRule::fields();
            fields.retain(|field, _| known.contains(field));
        }
        said
    }

    /// A rule, and what is known of the series it watches.
    #[must_use]
    pub(crate) fn of(rule: rule::Rule, watching: Watching) -> Self {
        let spec = rule.spec;
        let needs = Needs::of(&spec.condition, &watching);
        let condition = (&spec.condition).into();
        Self {
            id: text::id(rule.id),
            version: rule.version,
            name: spec.name,
            device: spec.device,
            sensor: spec.sensor,
            labels: spec.labels,
            condition,
            hold: when::span(spec.hold),
            clear_for: when::span(spec.clear_for),
            severity: spec.severity.into(),
            tags: spec.tags,
            webhooks: spec.webhooks.into_iter().map(text::id).collect(),
            all_webhooks: spec.all_webhooks,
            made_by: rule.made_by_hub.then_some("hub"),
            enabled: spec.enabled,
            message: MessageTemplates::of(spec.message),
            message_problem: None,
            needs,
            watches: watching.series,
            missing: watching.missing,
            source: rule.source.map(|rule::Source { file, line }| RuleSource { file, line }),
            created_at: when::moment(rule.created_at),
            updated_at: when::moment(rule.updated_at),
        }
    }
}

/// Templates of what people are told of a rule's alerts, in the language of Jinja; the hub's own words where one is left out. A name
/// that no message has is refused, and so is a tag that the rule has not. Where one fails because of what a message is about, the hub's own words are said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageTemplates {
    /// The title: `{{ device }} is too warm: {{ value_text }}`. Unless it asks for `event`, `Resolved: ` stands before it when it is over.
    #[serde(default)]
    #[schema(required = false)]
    title: Option<String>,
    /// The text. Unless it asks for `event`, the hub's own is said when the alert is over, flaps or is acknowledged.
    #[serde(default)]
    #[schema(required = false)]
    text: Option<String>,
}

impl MessageTemplates {
    fn of(message: rule::Message) -> Option<Self> {
        let rule::Message { title, text } = message;
        (title.is_some() || text.is_some()).then_some(Self { title, text })
    }

    /// The templates, tried; of a rule with these tags.
    fn checked(self, tags: &Labels) -> Result<rule::Message, ApiError> {
        let given =
            |text: Option<String>| text.map(|text| text.replace("\r\n", "\n")).filter(|text| !text.trim().is_empty());
        let message = rule::Message { title: given(self.title), text: given(self.text) };
        for (field, source, most) in [("title", &message.title, trial::TITLE), ("text", &message.text, trial::TEXT)] {
            let Some(source) = source else { continue };
            if source.len() > most {
                return Err(ApiError::invalid(field, format!("`{field}` must have at most {most} bytes")));
            }
            text::lines_seen(field, source)?;
        }
        trial::message(&message, tags).map_err(|trial::Refused { field, reason }| ApiError::invalid(field, reason))?;
        Ok(message)
    }
}

/// A rule to create, or the new version of one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRule {
    /// Name.
    #[serde(default)]
    #[schema(required)]
    name: Option<String>,
    /// Glob over the names of devices; an id is matched whole, or by more than eight characters. All when left out.
    device: Option<String>,
    /// Glob over sensor names; all when left out.
    sensor: Option<String>,
    /// Labels the device must have.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// When it is true.
    #[schema(value_type = Condition)]
    condition: NewCondition,
    /// How long it must stay true before it fires; at once when left out.
    #[serde(rename = "for")]
    hold: Option<String>,
    /// How long it must be good again before an alert resolves, for conditions about values; at once when left out.
    clear_for: Option<String>,
    /// How bad it is; `warning` when left out.
    #[serde(default)]
    severity: Severity,
    /// What its alerts are tagged with, for filters and for receivers: at most 16, such as `{"team": "x"}`. An alert keeps those
    /// that its rule had when it began.
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// Which webhooks are notified. When left out of a new rule: those with `for_new_rules`.
    webhooks: Option<Vec<String>>,
    /// Whether all webhooks are notified, also those that are made later: then `webhooks` is left out, or empty.
    #[serde(default)]
    all_webhooks: bool,
    /// Whether it is evaluated; true when left out.
    #[serde(default = "yes")]
    enabled: bool,
    /// In which words its alerts are told; the hub's own when left out.
    message: Option<MessageTemplates>,
}

impl NewRule {
    /// Names of what a rule may say: all else in an answer is what the hub says of it.
    #[must_use]
    pub(super) fn fields() -> Vec<String> {
        match Self::schema() {
            RefOr::T(Schema::Object(object)) => object.properties.keys().cloned().collect(),
            RefOr::T(_) | RefOr::Ref(_) => Vec::new(),
        }
    }

    /// Whether it leaves open who is told.
    #[must_use]
    pub const fn tells_nobody_by_name(&self) -> bool {
        self.webhooks.is_none() && !self.all_webhooks
    }

    /// Whether it has no templates of its own.
    #[must_use]
    pub(super) const fn is_in_the_hubs_words(&self) -> bool {
        self.message.is_none()
    }

    /// Given a name where it has none: to be tried it needs none.
    #[must_use]
    pub fn named(mut self) -> Self {
        self.name = self.name.filter(|name| !name.trim().is_empty()).or_else(|| Some("trial".to_owned()));
        self
    }
}

const fn yes() -> bool {
    true
}

impl TryFrom<NewRule> for RuleSpec {
    type Error = ApiError;

    fn try_from(new: NewRule) -> Result<Self, ApiError> {
        let all = || "*".to_owned();
        let webhooks = new.webhooks.unwrap_or_default();
        if new.all_webhooks && !webhooks.is_empty() {
            let detail = "with `all_webhooks` all are notified: leave `webhooks` out, or `all_webhooks`";
            return Err(ApiError::invalid("webhooks", detail));
        }
        let webhooks = webhooks.iter().enumerate().map(|(index, webhook)| {
            text::parse_id(webhook).map_err(|detail| ApiError::invalid(format!("webhooks[{index}]"), detail))
        });
        let condition = rule::Condition::try_from(new.condition).map_err(|error| error.within("condition"))?;
        let is_own = |other: &str| new.sensor.as_deref() == Some(other);
        if matches!(&condition, rule::Condition::Difference { other, .. } if is_own(other)) {
            let detail = "this is the sensor of the rule itself: name another sensor of the same device";
            return Err(ApiError::invalid("condition.other", detail));
        }
        if condition.is_about_device() && new.sensor.as_deref().is_some_and(|sensor| sensor != "*") {
            let detail = "this condition is about the device as a whole: leave `sensor` out";
            return Err(ApiError::invalid("sensor", detail));
        }
        let span =
            |field, text: Option<String>| text.map_or(Ok(Duration::ZERO), |text| bounded(field, &text, Duration::ZERO));
        let clear_for = span("clear_for", new.clear_for)?;
        if !clear_for.is_zero() && matches!(condition, rule::Condition::Silence { .. }) {
            return Err(ApiError::invalid(
                "clear_for",
                "a silence is over with the first reading: leave `clear_for` out",
            ));
        }
        let tags = text::tags(new.tags)?;
        let message = new.message.map(|message| message.checked(&tags)).transpose();
        let message = message.map_err(|error| error.within("message"))?.unwrap_or_default();
        Ok(Self {
            name: text::name("name", needed("name", new.name)?)?,
            device: text::glob("device", new.device.unwrap_or_else(all))?,
            sensor: text::glob("sensor", new.sensor.unwrap_or_else(all))?,
            labels: text::labels(new.labels)?,
            condition,
            hold: span("for", new.hold)?,
            clear_for,
            severity: new.severity.into(),
            tags,
            webhooks: webhooks.collect::<Result<_, _>>()?,
            all_webhooks: new.all_webhooks,
            enabled: new.enabled,
            message,
        })
    }
}
