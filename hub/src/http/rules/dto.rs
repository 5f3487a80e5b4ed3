//! Alert rules.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::request::text;
use crate::model::rule::{self, RuleSpec};
use crate::model::when;
use crate::rules::Watching;

/// Longest hold and silence: 30 days.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);
/// Shortest window of a rate or a deviation: some readings of the quickest sensors.
const SHORTEST_WINDOW: Duration = Duration::from_secs(5);
/// Longest window: after a start it is read again from the store, series by series.
const LONGEST_WINDOW: Duration = Duration::from_secs(7 * 86_400);
/// Limits that make sense: two thirds of all values are within one deviation.
const SIGMAS: std::ops::RangeInclusive<f64> = 1.0..=100.0;

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Rule {
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
    /// What a series must have reported before the rule can evaluate it; null where the first reading is enough.
    pub needs: Option<Needs>,
    /// When it was made.
    pub created_at: String,
    /// When it was last changed.
    pub updated_at: String,
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
}

impl Needs {
    /// What a condition asks for, of so many series.
    #[must_use]
    pub(crate) fn of(condition: &rule::Condition, Watching { series, waiting }: Watching) -> Option<Self> {
        let needs = condition.needs()?;
        Some(Self { readings: needs.readings, span: when::span(needs.span), series, waiting })
    }
}

/// The condition of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Condition {
    /// The value is beyond a limit.
    Threshold {
        /// Direction.
        op: Op,
        /// The limit.
        value: f64,
        /// The alert resolves only once the value is back past this limit; at `value` when left out.
        clear: Option<f64>,
    },
    /// The value changes at a rate beyond a limit. Of a counter: what it counted, never negative; a reading that fell waits for
    /// the next ones, which tell a restart from a slip.
    Rate {
        /// Direction.
        op: Op,
        /// The limit: change per `per`; use a negative limit for falling values.
        value: f64,
        /// The unit of time of `value` and `clear`: `1s`, `60s`, `1h`.
        per: String,
        /// Over how long the change is measured, back from the reading; nothing is decided until half of it is known.
        over: String,
        /// The alert resolves only once the value is back past this limit; at `value` when left out.
        clear: Option<f64>,
    },
    /// The value changed by an amount beyond a limit: of a counter, how much it counted.
    Increase {
        /// Direction.
        op: Op,
        /// The limit.
        value: f64,
        /// Within what time, back from the reading. Too large an increase fires at once, too small a one once nine
        /// tenths of this time are known.
        over: String,
        /// The alert resolves only once the value is back past this limit; at `value` when left out.
        clear: Option<f64>,
    },
    /// The value lies unusually far from the mean of its own history. Of a counter: its growth a second. The deviation is
    /// never taken as less than the smallest step the sensor has shown; of a value that never moved, as 0.5 % of it, or the
    /// decimal or binary place in which it differs.
    Deviation {
        /// How far, in standard deviations of the history, either side.
        sigmas: f64,
        /// How long the history is, back from the reading; nothing is decided before ten readings over half of it. A reading
        /// beyond the limit does not join it, unless that went on for all of it: then it counts as usual (`new_normal`).
        over: String,
        /// The alert resolves only once the value is within this many; at `sigmas` when left out.
        clear: Option<f64>,
        /// A difference up to this, in the sensor's unit, is never beyond the limit.
        least: Option<f64>,
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

impl Rule {
    /// A rule, and what is known of the series it watches.
    #[must_use]
    pub(crate) fn of(rule: rule::Rule, watching: Watching) -> Self {
        let spec = rule.spec;
        let needs = Needs::of(&spec.condition, watching);
        let condition = match spec.condition {
            rule::Condition::Threshold { op, value, clear } => Condition::Threshold { op: op.into(), value, clear },
            rule::Condition::Rate { op, value, per, over, clear } => {
                Condition::Rate { op: op.into(), value, per: when::span(per), over: when::span(over), clear }
            }
            rule::Condition::Increase { op, value, over, clear } => {
                Condition::Increase { op: op.into(), value, over: when::span(over), clear }
            }
            rule::Condition::Deviation { sigmas, over, clear, least } => {
                Condition::Deviation { sigmas, over: when::span(over), clear, least }
            }
            rule::Condition::Silence { after } => Condition::Silence { after: when::span(after) },
        };
        Self {
            id: text::id(rule.id),
            name: spec.name,
            device: spec.device,
            sensor: spec.sensor,
            labels: spec.labels,
            condition,
            hold: when::span(spec.hold),
            severity: spec.severity.into(),
            webhooks: spec.webhooks.into_iter().map(text::id).collect(),
            enabled: spec.enabled,
            needs,
            created_at: when::moment(rule.created_at),
            updated_at: when::moment(rule.updated_at),
        }
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
    /// Which webhooks are notified. When left out of a new rule: those with `for_new_rules`.
    webhooks: Option<Vec<String>>,
    /// Whether it is evaluated; true when left out.
    #[serde(default = "yes")]
    enabled: bool,
}

impl NewRule {
    /// Whether it leaves open who is told.
    #[must_use]
    pub const fn tells_nobody_by_name(&self) -> bool {
        self.webhooks.is_none()
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

/// All fields of all conditions, so that an error names the one that is missing or too many.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCondition {
    #[serde(rename = "type")]
    kind: ConditionKind,
    op: Option<Op>,
    value: Option<f64>,
    sigmas: Option<f64>,
    per: Option<String>,
    over: Option<String>,
    clear: Option<f64>,
    least: Option<f64>,
    after: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ConditionKind {
    Threshold,
    Rate,
    Increase,
    Deviation,
    Silence,
}

impl ConditionKind {
    /// Its fields; all but `clear` and `least` are needed.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Threshold => &["op", "value", "clear"],
            Self::Rate => &["op", "value", "per", "over", "clear"],
            Self::Increase => &["op", "value", "over", "clear"],
            Self::Deviation => &["sigmas", "over", "clear", "least"],
            Self::Silence => &["after"],
        }
    }
}

impl TryFrom<NewRule> for RuleSpec {
    type Error = ApiError;

    fn try_from(new: NewRule) -> Result<Self, ApiError> {
        let all = || "*".to_owned();
        let webhooks = new.webhooks.unwrap_or_default();
        let webhooks = webhooks.iter().enumerate().map(|(index, webhook)| {
            text::parse_id(webhook).map_err(|detail| ApiError::invalid(format!("webhooks[{index}]"), detail))
        });
        Ok(Self {
            name: text::name("name", needed("name", new.name)?)?,
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
        new.has_its_fields_only()?;
        match new.kind {
            ConditionKind::Threshold => {
                let (op, value) = (needed("op", new.op)?.into(), needed("value", new.value)?);
                Ok(Self::Threshold { op, value, clear: good_side(op, value, new.clear)? })
            }
            ConditionKind::Rate => {
                let (op, value) = (needed("op", new.op)?.into(), needed("value", new.value)?);
                Ok(Self::Rate {
                    op,
                    value,
                    per: bounded("per", &needed("per", new.per)?, Duration::from_secs(1))?,
                    over: window(&needed("over", new.over)?)?,
                    clear: good_side(op, value, new.clear)?,
                })
            }
            ConditionKind::Increase => {
                let (op, value) = (needed("op", new.op)?.into(), needed("value", new.value)?);
                let over = window(&needed("over", new.over)?)?;
                Ok(Self::Increase { op, value, over, clear: good_side(op, value, new.clear)? })
            }
            ConditionKind::Deviation => {
                let (sigmas, over) = (needed("sigmas", new.sigmas)?, window(&needed("over", new.over)?)?);
                if !SIGMAS.contains(&sigmas) {
                    let detail =
                        format!("`sigmas` must be between {} and {}, not {sigmas}", SIGMAS.start(), SIGMAS.end());
                    return Err(ApiError::invalid("sigmas", detail));
                }
                if let Some(clear) = new.clear.filter(|clear| !(0.0..=sigmas).contains(clear)) {
                    let detail = format!("`clear` must be between 0 and `sigmas` ({sigmas}), not {clear}");
                    return Err(ApiError::invalid("clear", detail));
                }
                if new.least.is_some_and(|least| least < 0.0) {
                    return Err(ApiError::invalid("least", "`least` must be 0 or more, in the sensor's unit"));
                }
                Ok(Self::Deviation { sigmas, over, clear: new.clear, least: new.least })
            }
            ConditionKind::Silence => {
                Ok(Self::Silence { after: bounded("after", &needed("after", new.after)?, Duration::from_secs(1))? })
            }
        }
    }
}

impl NewCondition {
    fn has_its_fields_only(&self) -> Result<(), ApiError> {
        let given = [
            ("op", self.op.is_some()),
            ("value", self.value.is_some()),
            ("sigmas", self.sigmas.is_some()),
            ("per", self.per.is_some()),
            ("over", self.over.is_some()),
            ("clear", self.clear.is_some()),
            ("least", self.least.is_some()),
            ("after", self.after.is_some()),
        ];
        match given.iter().find(|(field, given)| *given && !self.kind.fields().contains(field)) {
            Some((field, _)) => {
                let fields = self.kind.fields().join("`, `");
                Err(ApiError::invalid(*field, format!("a condition of this type has no `{field}`, but `{fields}`")))
            }
            None => Ok(()),
        }
    }
}

fn needed<T>(field: &str, given: Option<T>) -> Result<T, ApiError> {
    given.ok_or_else(|| ApiError::invalid(field, format!("`{field}` is missing")))
}

fn good_side(op: rule::Op, value: f64, clear: Option<f64>) -> Result<Option<f64>, ApiError> {
    let (is_good, side) = match op {
        rule::Op::Above | rule::Op::AtLeast => (clear.is_none_or(|clear| clear <= value), "below"),
        rule::Op::Below | rule::Op::AtMost => (clear.is_none_or(|clear| clear >= value), "above"),
    };
    if is_good {
        return Ok(clear);
    }
    Err(ApiError::invalid("clear", format!("`clear` must be {side} `value` ({value}), or equal to it")))
}

/// How long a rate or a deviation looks back.
fn window(text: &str) -> Result<Duration, ApiError> {
    within("over", text, SHORTEST_WINDOW, LONGEST_WINDOW)
}

fn bounded(field: &str, text: &str, least: Duration) -> Result<Duration, ApiError> {
    within(field, text, least, LONGEST)
}

fn within(field: &str, text: &str, least: Duration, most: Duration) -> Result<Duration, ApiError> {
    let duration = when::duration(text).map_err(|detail| ApiError::invalid(field, detail))?;
    if !(least..=most).contains(&duration) {
        let detail = format!("`{field}` must be between {} and {}, not `{text}`", when::span(least), when::span(most));
        return Err(ApiError::invalid(field, detail));
    }
    Ok(duration)
}
