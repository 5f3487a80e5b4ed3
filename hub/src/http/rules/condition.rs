//! The condition of a rule, as it is written and as it is shown.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::model::rule::{self, Figure};
use crate::model::when;

/// Longest hold and silence: 30 days.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);
/// Shortest window of a condition: some readings of the quickest sensors.
const SHORTEST_WINDOW: Duration = Duration::from_secs(5);
/// Longest window: after a start it is read again from the store, series by series.
const LONGEST_WINDOW: Duration = Duration::from_secs(7 * 86_400);
/// Limits that make sense: two thirds of all values are within one deviation.
const SIGMAS: std::ops::RangeInclusive<f64> = 1.0..=100.0;
const LEAST: &str = "`least` must be 0 or more, in the sensor's unit";

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
    /// The plain mean of the readings of the last while is beyond a limit, as a query gives it.
    Average {
        /// Direction.
        op: Op,
        /// The limit.
        value: f64,
        /// How long the while is, back from the reading: at most so long, and at least 29 thirtieths of it, because it begins at
        /// a whole thirtieth; nothing is decided until half of it is known.
        over: String,
        /// The alert resolves only once the value is back past this limit; at `value` when left out.
        clear: Option<f64>,
    },
    /// The lowest reading of the last while is beyond a limit.
    Minimum {
        /// Direction.
        op: Op,
        /// The limit.
        value: f64,
        /// How long the while is, as of `average`.
        over: String,
        /// The alert resolves only once the value is back past this limit; at `value` when left out.
        clear: Option<f64>,
    },
    /// The highest reading of the last while is beyond a limit.
    Maximum {
        /// Direction.
        op: Op,
        /// The limit.
        value: f64,
        /// How long the while is, as of `average`.
        over: String,
        /// The alert resolves only once the value is back past this limit; at `value` when left out.
        clear: Option<f64>,
    },
    /// Readings come, and the value has not left a band. Silence is no standstill: with more than half of `after` between two
    /// readings it begins anew. A counter at rest stands still.
    Stuck {
        /// How wide the band is, in the sensor's unit: up to this the highest and the lowest reading may be apart; 0 for values
        /// that do not change at all.
        least: f64,
        /// How long.
        after: String,
    },
    /// The mean of the last hour lies far from what it was at this time of day (UTC) on the last 14 days, of which five have to be
    /// known. Of a counter nothing is decided.
    Seasonal {
        /// How far, either side of the median of those days, in deviations: 1.4826 times the median absolute one.
        sigmas: f64,
        /// The alert resolves only once the value is within this many; at `sigmas` when left out.
        clear: Option<f64>,
        /// A difference up to this, in the sensor's unit, is never beyond the limit. When left out the deviation counts as no
        /// less than 0.5 % of the median.
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

impl From<&rule::Condition> for Condition {
    fn from(condition: &rule::Condition) -> Self {
        match *condition {
            rule::Condition::Threshold { op, value, clear } => Self::Threshold { op: op.into(), value, clear },
            rule::Condition::Rate { op, value, per, over, clear } => {
                Self::Rate { op: op.into(), value, per: when::span(per), over: when::span(over), clear }
            }
            rule::Condition::Increase { op, value, over, clear } => {
                Self::Increase { op: op.into(), value, over: when::span(over), clear }
            }
            rule::Condition::Deviation { sigmas, over, clear, least } => {
                Self::Deviation { sigmas, over: when::span(over), clear, least }
            }
            rule::Condition::Figure { figure, op, value, over, clear } => {
                let (op, over) = (op.into(), when::span(over));
                match figure {
                    Figure::Average => Self::Average { op, value, over, clear },
                    Figure::Minimum => Self::Minimum { op, value, over, clear },
                    Figure::Maximum => Self::Maximum { op, value, over, clear },
                }
            }
            rule::Condition::Stuck { least, after } => Self::Stuck { least, after: when::span(after) },
            rule::Condition::Seasonal { sigmas, clear, least } => Self::Seasonal { sigmas, clear, least },
            rule::Condition::Silence { after } => Self::Silence { after: when::span(after) },
        }
    }
}

/// All fields of all conditions, so that an error names the one that is missing or too many.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCondition {
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
    Average,
    Minimum,
    Maximum,
    Stuck,
    Seasonal,
    Silence,
}

impl ConditionKind {
    /// Its fields; all but `clear` and, of what deviates, `least` are needed.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Threshold => &["op", "value", "clear"],
            Self::Rate => &["op", "value", "per", "over", "clear"],
            Self::Increase | Self::Average | Self::Minimum | Self::Maximum => &["op", "value", "over", "clear"],
            Self::Deviation => &["sigmas", "over", "clear", "least"],
            Self::Stuck => &["least", "after"],
            Self::Seasonal => &["sigmas", "clear", "least"],
            Self::Silence => &["after"],
        }
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
                let over = window(&needed("over", new.over)?)?;
                let sigmas = sigmas(new.sigmas, new.clear, new.least)?;
                Ok(Self::Deviation { sigmas, over, clear: new.clear, least: new.least })
            }
            ConditionKind::Average => figure(Figure::Average, new),
            ConditionKind::Minimum => figure(Figure::Minimum, new),
            ConditionKind::Maximum => figure(Figure::Maximum, new),
            ConditionKind::Stuck => {
                let (least, after) = (needed("least", new.least)?, needed("after", new.after)?);
                if least < 0.0 {
                    return Err(ApiError::invalid("least", LEAST));
                }
                Ok(Self::Stuck { least, after: within("after", &after, SHORTEST_WINDOW, LONGEST_WINDOW)? })
            }
            ConditionKind::Seasonal => {
                let sigmas = sigmas(new.sigmas, new.clear, new.least)?;
                Ok(Self::Seasonal { sigmas, clear: new.clear, least: new.least })
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

/// A figure over a while.
fn figure(figure: Figure, new: NewCondition) -> Result<rule::Condition, ApiError> {
    let (op, value) = (needed("op", new.op)?.into(), needed("value", new.value)?);
    let over = window(&needed("over", new.over)?)?;
    Ok(rule::Condition::Figure { figure, op, value, over, clear: good_side(op, value, new.clear)? })
}

/// The limit of what is unusual, with what belongs to it.
fn sigmas(sigmas: Option<f64>, clear: Option<f64>, least: Option<f64>) -> Result<f64, ApiError> {
    let sigmas = needed("sigmas", sigmas)?;
    if !SIGMAS.contains(&sigmas) {
        let detail = format!("`sigmas` must be between {} and {}, not {sigmas}", SIGMAS.start(), SIGMAS.end());
        return Err(ApiError::invalid("sigmas", detail));
    }
    if let Some(clear) = clear.filter(|clear| !(0.0..=sigmas).contains(clear)) {
        let detail = format!("`clear` must be between 0 and `sigmas` ({sigmas}), not {clear}");
        return Err(ApiError::invalid("clear", detail));
    }
    if least.is_some_and(|least| least < 0.0) {
        return Err(ApiError::invalid("least", LEAST));
    }
    Ok(sigmas)
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

/// How long a condition looks back.
fn window(text: &str) -> Result<Duration, ApiError> {
    within("over", text, SHORTEST_WINDOW, LONGEST_WINDOW)
}

pub(super) fn needed<T>(field: &str, given: Option<T>) -> Result<T, ApiError> {
    given.ok_or_else(|| ApiError::invalid(field, format!("`{field}` is missing")))
}

pub(super) fn bounded(field: &str, text: &str, least: Duration) -> Result<Duration, ApiError> {
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
