//! The condition of a rule as it is shown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::rule::{self, DeviceState, Figure, Join};
use crate::model::when;

/// The condition of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Condition {
    Sensor(SensorCondition),
    Sensors(DeviceCondition),
    Device(WholeCondition),
    Selection(SelectionCondition),
}

/// A condition about a device as a whole: the rule's `sensor` is not asked.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum WholeCondition {
    /// Nothing is heard of the device, for three of its intervals at least.
    Offline {
        /// And for so long; from 10 s to 30 d.
        after: String,
    },
    /// The device's agent reports a source of its sensors that fails.
    SourceFailing,
    /// The clock of the device's agent differs from the hub's.
    ClockOff {
        /// By more than this; 60 s when left out.
        #[schema(required = false)]
        by: String,
    },
}

/// A condition about all devices of a rule together: it has one alert.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum SelectionCondition {
    /// So many devices, at least or at most, are in a state. A device is in it as long as one of the rule's sensors is, and until it
    /// says otherwise; `for` and `clear_for` are held by time.
    Count {
        /// `>=`: at least so many; `<=`: at most.
        op: Op,
        /// The number of devices.
        value: u32,
        /// The alert resolves only once the number is back past this one; at `value` when left out.
        clear: Option<u32>,
        /// The state.
        condition: SensorCondition,
    },
}

/// A condition about several sensors of a device.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum DeviceCondition {
    /// The value minus that of another sensor of the device is beyond a limit; judged at the readings of the rule's sensor.
    Difference {
        /// Name of the other sensor.
        other: String,
        /// How old its last reading may be: with an older one nothing is decided. 5 min when left out.
        #[schema(required = false)]
        within: String,
        /// Direction.
        op: Op,
        /// The limit.
        value: f64,
        /// The alert resolves only once the difference is back past this limit; at `value` when left out.
        clear: Option<f64>,
    },
    /// All of two to four conditions are true; it resolves when one is good again.
    All {
        /// The conditions; one of them at least is about the rule's sensor.
        parts: Vec<Part>,
        /// How old the last reading of a part may be: one that is older is unknown, and neither fires nor resolves. 5 min when
        /// left out. A `for` is held as long as no more than this lies between two readings of any of them.
        #[schema(required = false)]
        within: String,
    },
    /// One of two to four conditions is true; it resolves when all are good again.
    Any {
        /// The conditions; one of them at least is about the rule's sensor.
        parts: Vec<Part>,
        /// As of `all`.
        #[schema(required = false)]
        within: String,
    },
}

/// One of several conditions.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Part {
    /// Name of the sensor, not a pattern; the rule's sensor when left out.
    #[schema(required = false)]
    pub sensor: Option<String>,
    /// The condition; not `silence`.
    pub condition: SensorCondition,
}

/// A condition about one sensor.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum SensorCondition {
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
    /// The line through the readings of the last while (least squares) reaches a limit within a time.
    Forecast {
        /// From which side: `>` and `>=` as the value rises, `<` and `<=` as it falls.
        op: Op,
        /// The limit.
        value: f64,
        /// Within what time from the reading.
        within: String,
        /// How long the while is, as of `average`; nothing is decided until half of it is known, by three readings.
        over: String,
        /// The alert resolves only once the line would not reach this limit either within that time; `value` when left out.
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
        match condition {
            rule::Condition::Difference { other, within, op, value, clear } => {
                Self::Sensors(DeviceCondition::Difference {
                    other: other.clone(),
                    within: when::span(*within),
                    op: (*op).into(),
                    value: *value,
                    clear: *clear,
                })
            }
            rule::Condition::Joined { join, parts, within } => {
                let part = |part: &rule::Part| Part {
                    sensor: part.sensor.clone(),
                    condition: SensorCondition::of(&part.condition),
                };
                let (parts, within) = (parts.iter().map(part).collect(), when::span(*within));
                Self::Sensors(match join {
                    Join::All => DeviceCondition::All { parts, within },
                    Join::Any => DeviceCondition::Any { parts, within },
                })
            }
            rule::Condition::Device(state) => Self::Device(match *state {
                DeviceState::Offline { after } => WholeCondition::Offline { after: when::span(after) },
                DeviceState::SourceFailing => WholeCondition::SourceFailing,
                DeviceState::ClockOff { by } => WholeCondition::ClockOff { by: when::span(by) },
            }),
            rule::Condition::Count { of, op, value, clear } => Self::Selection(SelectionCondition::Count {
                op: (*op).into(),
                value: *value as u32,
                clear: clear.map(|clear| clear as u32),
                condition: SensorCondition::of(of),
            }),
            rule::Condition::Threshold { .. }
            | rule::Condition::Rate { .. }
            | rule::Condition::Increase { .. }
            | rule::Condition::Deviation { .. }
            | rule::Condition::Figure { .. }
            | rule::Condition::Stuck { .. }
            | rule::Condition::Seasonal { .. }
            | rule::Condition::Forecast { .. }
            | rule::Condition::Silence { .. } => Self::Sensor(SensorCondition::of(condition)),
        }
    }
}

impl SensorCondition {
    fn of(condition: &rule::Condition) -> Self {
        match *condition {
            // Cannot happen: `new_condition` refuses a part that is about several sensors, or the whole device.
            rule::Condition::Count { ref of, .. } => Self::of(of),
            rule::Condition::Difference { within, .. } | rule::Condition::Joined { within, .. } => {
                Self::Silence { after: when::span(within) }
            }
            rule::Condition::Device(_) => Self::Silence { after: String::new() },
            rule::Condition::Forecast { op, value, within, over, clear } => {
                let (within, over) = (when::span(within), when::span(over));
                Self::Forecast { op: op.into(), value, within, over, clear }
            }
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
