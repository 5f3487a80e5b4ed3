//! The condition of a rule as it is written: what is wrong with it is said at its field.

use std::time::Duration;

use serde::Deserialize;

use super::condition::Op;
use crate::http::error::ApiError;
use crate::http::request::text;
use crate::model::rule::{self, DeviceState, Figure, Join, PARTS};
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
/// Shortest absence that may be an alert: an agent says something every 5 s.
const SHORTEST_ABSENCE: Duration = Duration::from_secs(10);
/// By how much a clock may be off, unless a rule says so.
const CLOCK_OFF: Duration = Duration::from_secs(60);
/// How old the last reading of another sensor may be, unless a rule says so.
const WITHIN: Duration = Duration::from_secs(300);

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
    other: Option<String>,
    within: Option<String>,
    by: Option<String>,
    parts: Option<Vec<NewPart>>,
    condition: Option<Box<Self>>,
}

/// One of several conditions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPart {
    sensor: Option<String>,
    condition: NewCondition,
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
    Difference,
    All,
    Any,
    Forecast,
    Count,
    Silence,
    Offline,
    SourceFailing,
    ClockOff,
}

impl ConditionKind {
    /// Its fields; all but `clear`, `by`, `within` (needed of a forecast) and, of what deviates, `least` are needed.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Threshold => &["op", "value", "clear"],
            Self::Rate => &["op", "value", "per", "over", "clear"],
            Self::Increase | Self::Average | Self::Minimum | Self::Maximum => &["op", "value", "over", "clear"],
            Self::Deviation => &["sigmas", "over", "clear", "least"],
            Self::Stuck => &["least", "after"],
            Self::Seasonal => &["sigmas", "clear", "least"],
            Self::Difference => &["other", "within", "op", "value", "clear"],
            Self::All | Self::Any => &["parts", "within"],
            Self::Count => &["op", "value", "clear", "condition"],
            Self::Forecast => &["op", "value", "within", "over", "clear"],
            Self::Silence | Self::Offline => &["after"],
            Self::SourceFailing => &[],
            Self::ClockOff => &["by"],
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
            ConditionKind::Difference => {
                let (op, value) = (needed("op", new.op)?.into(), needed("value", new.value)?);
                let other = sensor("other", needed("other", new.other)?)?;
                let (within, clear) = (within_of(new.within)?, good_side(op, value, new.clear)?);
                Ok(Self::Difference { other, within, op, value, clear })
            }
            ConditionKind::All => joined(Join::All, new),
            ConditionKind::Any => joined(Join::Any, new),
            ConditionKind::Forecast => {
                let (op, value) = (needed("op", new.op)?.into(), needed("value", new.value)?);
                let within = bounded("within", &needed("within", new.within)?, Duration::from_secs(60))?;
                let (over, clear) = (window(&needed("over", new.over)?)?, good_side(op, value, new.clear)?);
                Ok(Self::Forecast { op, value, within, over, clear })
            }
            ConditionKind::Offline => {
                let after = bounded("after", &needed("after", new.after)?, SHORTEST_ABSENCE)?;
                Ok(Self::Device(DeviceState::Offline { after }))
            }
            ConditionKind::SourceFailing => Ok(Self::Device(DeviceState::SourceFailing)),
            ConditionKind::ClockOff => {
                let by = new.by.map_or(Ok(CLOCK_OFF), |by| bounded("by", &by, Duration::from_secs(1)))?;
                Ok(Self::Device(DeviceState::ClockOff { by }))
            }
            ConditionKind::Count => count(new),
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
            ("other", self.other.is_some()),
            ("within", self.within.is_some()),
            ("by", self.by.is_some()),
            ("parts", self.parts.is_some()),
            ("condition", self.condition.is_some()),
        ];
        match given.iter().find(|(field, given)| *given && !self.kind.fields().contains(field)) {
            Some((field, _)) => {
                let fields = self.kind.fields().join("`, `");
                let but =
                    if fields.is_empty() { ", nor any other field".to_owned() } else { format!(", but `{fields}`") };
                Err(ApiError::invalid(*field, format!("a condition of this type has no `{field}`{but}")))
            }
            None => Ok(()),
        }
    }
}

/// Most devices that a rule may ask for.
const DEVICES: f64 = 1_000_000.0;

/// How many devices are in a state.
fn count(new: NewCondition) -> Result<rule::Condition, ApiError> {
    let (op, value): (rule::Op, _) = (needed("op", new.op)?.into(), needed("value", new.value)?);
    if !matches!(op, rule::Op::AtLeast | rule::Op::AtMost) {
        return Err(ApiError::invalid("op", "`op` must be `>=` (at least so many devices) or `<=` (at most so many)"));
    }
    let is_number = |value: f64| value.fract() == 0.0 && (0.0..=DEVICES).contains(&value);
    for (field, value) in [("value", Some(value)), ("clear", new.clear)] {
        if let Some(value) = value.filter(|value| !is_number(*value)) {
            let detail = format!("`{field}` must be a number of devices, 0 to {DEVICES}, not {value}");
            return Err(ApiError::invalid(field, detail));
        }
    }
    if op == rule::Op::AtLeast && value == 0.0 {
        return Err(ApiError::invalid("value", "at least 0 devices are always in the state: write 1 or more"));
    }
    let clear = good_side(op, value, new.clear)?;
    let state = needed("condition", new.condition)?;
    if matches!(
        state.kind,
        ConditionKind::Difference
            | ConditionKind::All
            | ConditionKind::Any
            | ConditionKind::Count
            | ConditionKind::Offline
            | ConditionKind::SourceFailing
            | ConditionKind::ClockOff
    ) {
        let detail = "the state of a device has to be about one sensor (`silence` for those that are gone): none of `difference`, `all`, `any`, `count`, `offline`, `source_failing`, `clock_off`";
        return Err(ApiError::invalid("condition.type", detail));
    }
    let of = Box::new(rule::Condition::try_from(*state).map_err(|error| error.within("condition"))?);
    Ok(rule::Condition::Count { of, op, value, clear })
}

/// Several conditions.
fn joined(join: Join, new: NewCondition) -> Result<rule::Condition, ApiError> {
    let parts = needed("parts", new.parts)?;
    if !PARTS.contains(&parts.len()) {
        let detail = format!("`parts` must be {} to {} conditions, not {}", PARTS.start(), PARTS.end(), parts.len());
        return Err(ApiError::invalid("parts", detail));
    }
    if parts.iter().all(|part| part.sensor.is_some()) {
        let detail = "one of the conditions has to be about the rule's sensor: leave its `sensor` out";
        return Err(ApiError::invalid("parts", detail));
    }
    let part = |(place, part): (usize, NewPart)| {
        let of_one = match part.condition.kind {
            ConditionKind::Difference
            | ConditionKind::All
            | ConditionKind::Any
            | ConditionKind::Count
            | ConditionKind::Silence
            | ConditionKind::Offline
            | ConditionKind::SourceFailing
            | ConditionKind::ClockOff => {
                let detail = "what is joined has to be about the readings of one sensor: none of `difference`, `all`, `any`, `count`, `silence`, `offline`, `source_failing`, `clock_off`";
                Err(ApiError::invalid("condition.type", detail))
            }
            ConditionKind::Threshold
            | ConditionKind::Rate
            | ConditionKind::Increase
            | ConditionKind::Deviation
            | ConditionKind::Average
            | ConditionKind::Minimum
            | ConditionKind::Maximum
            | ConditionKind::Stuck
            | ConditionKind::Seasonal
            | ConditionKind::Forecast => Ok(()),
        };
        let part = of_one.and_then(|()| {
            let sensor = part.sensor.map(|name| sensor("sensor", name)).transpose()?;
            let condition = rule::Condition::try_from(part.condition).map_err(|error| error.within("condition"))?;
            Ok(rule::Part { sensor, condition })
        });
        part.map_err(|error| error.within(&format!("parts[{place}]")))
    };
    let parts = parts.into_iter().enumerate().map(part).collect::<Result<_, _>>()?;
    Ok(rule::Condition::Joined { join, parts, within: within_of(new.within)? })
}

/// The name of one sensor.
fn sensor(field: &str, name: String) -> Result<String, ApiError> {
    if name.is_empty() || name.contains(['*', '?']) {
        let detail = format!("`{field}` must be the name of one sensor of the same device, not a pattern: `humidity`");
        return Err(ApiError::invalid(field, detail));
    }
    Ok(text::glob(field, name)?)
}

/// How old the last reading of another sensor may be.
fn within_of(given: Option<String>) -> Result<Duration, ApiError> {
    given.map_or(Ok(WITHIN), |given| within("within", &given, Duration::from_secs(1), LONGEST_WINDOW))
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
