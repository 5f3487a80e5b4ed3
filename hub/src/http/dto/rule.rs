//! Alert rules.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::text;
use crate::http::error::ApiError;
use crate::model::rule::{self, RuleSpec};

/// Longest hold and silence: 30 days.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Rule {
    /// Text of its id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Glob over device id and name.
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
    /// How bad it is.
    pub severity: Severity,
    /// Who is told.
    pub webhooks: Vec<String>,
    /// Whether it is evaluated.
    pub enabled: bool,
    /// When it was made.
    pub created_at: String,
    /// When it was last changed.
    pub updated_at: String,
}

/// When a rule is true of a series.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Condition {
    /// The value is beyond a limit.
    Threshold {
        /// Direction.
        op: Op,
        /// The limit.
        value: f64,
        /// Back to normal only on the good side of this one.
        clear: Option<f64>,
    },
    /// No reading came for this long.
    Silence {
        /// How long.
        after: String,
    },
}

/// How a value is held against a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Op {
    /// Above.
    #[serde(rename = ">")]
    Above,
    /// At or above.
    #[serde(rename = ">=")]
    AtLeast,
    /// Below.
    #[serde(rename = "<")]
    Below,
    /// At or below.
    #[serde(rename = "<=")]
    AtMost,
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

impl From<rule::Op> for Op {
    fn from(op: rule::Op) -> Self {
        match op {
            rule::Op::Above => Self::Above,
            rule::Op::AtLeast => Self::AtLeast,
            rule::Op::Below => Self::Below,
            rule::Op::AtMost => Self::AtMost,
        }
    }
}

impl From<Op> for rule::Op {
    fn from(op: Op) -> Self {
        match op {
            Op::Above => Self::Above,
            Op::AtLeast => Self::AtLeast,
            Op::Below => Self::Below,
            Op::AtMost => Self::AtMost,
        }
    }
}

impl From<rule::Rule> for Rule {
    fn from(rule: rule::Rule) -> Self {
        let spec = rule.spec;
        let condition = match spec.condition {
            rule::Condition::Threshold { op, value, clear } => Condition::Threshold { op: op.into(), value, clear },
            rule::Condition::Silence { after } => Condition::Silence { after: text::span(after) },
        };
        Self {
            id: text::id(rule.id),
            name: spec.name,
            device: spec.device,
            sensor: spec.sensor,
            labels: spec.labels,
            condition,
            hold: text::span(spec.hold),
            severity: spec.severity.into(),
            webhooks: spec.webhooks.into_iter().map(text::id).collect(),
            enabled: spec.enabled,
            created_at: text::moment(rule.created_at),
            updated_at: text::moment(rule.updated_at),
        }
    }
}

/// A rule to make, or what one shall be from here on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRule {
    /// Name.
    name: String,
    /// Glob over device id and name; all when left out.
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
    /// How bad it is; `warning` when left out.
    #[serde(default)]
    severity: Severity,
    /// Who is told.
    #[serde(default)]
    webhooks: Vec<String>,
    /// Whether it is evaluated; true when left out.
    #[serde(default = "yes")]
    enabled: bool,
}

const fn yes() -> bool {
    true
}

/// All fields of all conditions, so that an error names the one that is missing or too many.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCondition {
    #[serde(rename = "type")]
    kind: ConditionKind,
    op: Option<Op>,
    value: Option<f64>,
    clear: Option<f64>,
    after: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ConditionKind {
    Threshold,
    Silence,
}

impl TryFrom<NewRule> for RuleSpec {
    type Error = ApiError;

    fn try_from(new: NewRule) -> Result<Self, ApiError> {
        let all = || "*".to_owned();
        let webhooks = new.webhooks.iter().enumerate().map(|(index, webhook)| {
            text::parse_id(webhook).map_err(|detail| ApiError::invalid(format!("webhooks[{index}]"), detail))
        });
        Ok(Self {
            name: text::name("name", new.name)?,
            device: text::glob("device", new.device.unwrap_or_else(all))?,
            sensor: text::glob("sensor", new.sensor.unwrap_or_else(all))?,
            labels: text::labels(new.labels)?,
            condition: new.condition.try_into().map_err(|error: ApiError| error.within("condition"))?,
            hold: new.hold.map_or(Ok(Duration::ZERO), |hold| bounded("for", &hold, Duration::ZERO))?,
            severity: new.severity.into(),
            webhooks: webhooks.collect::<Result<_, _>>()?,
            enabled: new.enabled,
        })
    }
}

impl TryFrom<NewCondition> for rule::Condition {
    type Error = ApiError;

    fn try_from(new: NewCondition) -> Result<Self, ApiError> {
        let missing = |field: &str| ApiError::invalid(field, format!("a condition of this type needs `{field}`"));
        let foreign = |field: &str| ApiError::invalid(field, format!("a condition of this type has no `{field}`"));
        match new.kind {
            ConditionKind::Threshold => {
                if new.after.is_some() {
                    return Err(foreign("after"));
                }
                let op = rule::Op::from(new.op.ok_or_else(|| missing("op"))?);
                let value = new.value.ok_or_else(|| missing("value"))?;
                let (good_side, side) = match op {
                    rule::Op::Above | rule::Op::AtLeast => (new.clear.is_none_or(|clear| clear <= value), "below"),
                    rule::Op::Below | rule::Op::AtMost => (new.clear.is_none_or(|clear| clear >= value), "above"),
                };
                if !good_side {
                    return Err(ApiError::invalid(
                        "clear",
                        format!("`clear` lies {side} `value`: the good side of it"),
                    ));
                }
                Ok(Self::Threshold { op, value, clear: new.clear })
            }
            ConditionKind::Silence => {
                for (field, given) in
                    [("op", new.op.is_some()), ("value", new.value.is_some()), ("clear", new.clear.is_some())]
                {
                    if given {
                        return Err(foreign(field));
                    }
                }
                let after = new.after.ok_or_else(|| missing("after"))?;
                Ok(Self::Silence { after: bounded("after", &after, Duration::from_secs(1))? })
            }
        }
    }
}

fn bounded(field: &str, text: &str, least: Duration) -> Result<Duration, ApiError> {
    let duration = text::duration(text).map_err(|detail| ApiError::invalid(field, detail))?;
    if !(least..=LONGEST).contains(&duration) {
        let detail = format!("`{field}` is between {} and {}", text::span(least), text::span(LONGEST));
        return Err(ApiError::invalid(field, detail));
    }
    Ok(duration)
}
