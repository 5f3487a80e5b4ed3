//! Alert rules as people write them.

use std::time::Duration;

use super::UnixMillis;
use super::device::Labels;
pub use super::id::RuleId;
use super::id::WebhookId;
use super::measure::Measure;
pub use super::severity::Severity;

/// How a value is held against a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

/// When a rule is true of a series.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The value is beyond a limit.
    Threshold {
        op: Op,
        /// The limit.
        value: f64,
        /// Back to normal only once the value is on the good side of this one too; the limit itself when absent.
        clear: Option<f64>,
    },
    /// The value changes at a rate beyond a limit.
    Rate {
        op: Op,
        /// The limit: change per `per`. A value that falls has a negative rate.
        value: f64,
        /// The unit of time of `value` and `clear`.
        per: Duration,
        /// Over how long the change is measured, back from the reading.
        over: Duration,
        /// Back to normal only once the rate is on the good side of this one too.
        clear: Option<f64>,
    },
    /// The value changed by an amount beyond a limit: of a counter, how much it counted.
    Increase {
        op: Op,
        /// The limit.
        value: f64,
        /// In what time, back from the reading.
        over: Duration,
        /// Back to normal only once the amount is on the good side of this one too.
        clear: Option<f64>,
    },
    /// The value lies further from its own recent history than it usually does.
    Deviation {
        /// The limit, in standard deviations of that history, either side of its mean.
        sigmas: f64,
        /// How long the history is, back from the reading.
        over: Duration,
        /// Back to normal only once within so many.
        clear: Option<f64>,
        /// A difference up to this, in the sensor's unit, is never beyond the limit.
        least: Option<f64>,
    },
    /// A figure of the readings of the last while is beyond a limit: what a query gives for that time.
    Figure {
        figure: Figure,
        op: Op,
        /// The limit.
        value: f64,
        /// How long the while is, back from the reading.
        over: Duration,
        /// Back to normal only once the figure is on the good side of this one too.
        clear: Option<f64>,
    },
    /// Readings come, and the value has not left a band for this long.
    Stuck {
        /// How wide the band is, in the sensor's unit: what the highest and the lowest reading may be apart.
        least: f64,
        /// How long.
        after: Duration,
    },
    /// The mean of the last hour lies far from what it was at this time of day on the days before.
    Seasonal {
        /// The limit, in deviations (1.4826 times the median absolute one) from the median of those days, either side.
        sigmas: f64,
        /// Back to normal only once within so many.
        clear: Option<f64>,
        /// A difference up to this, in the sensor's unit, is never beyond the limit.
        least: Option<f64>,
    },
    /// The value minus that of another sensor of the device is beyond a limit; judged at the readings of this one.
    Difference {
        /// Name of the other sensor.
        other: String,
        /// How old its last reading may be.
        within: Duration,
        op: Op,
        /// The limit.
        value: f64,
        /// Back to normal only once the difference is on the good side of this one too.
        clear: Option<f64>,
    },
    /// Several conditions, of this sensor or of others of its device.
    Joined {
        join: Join,
        parts: Vec<Part>,
        /// How old the last reading of a part may be: one that is older says nothing.
        within: Duration,
    },
    /// The line through the readings of the last while reaches a limit within a time.
    Forecast {
        /// From which side: as it rises, or as it falls.
        op: Op,
        /// The limit.
        value: f64,
        /// Within what time.
        within: Duration,
        /// How long the while is, back from the reading.
        over: Duration,
        /// Back to normal only once it would not reach this one either.
        clear: Option<f64>,
    },
    /// How many devices are in a state, of all that the rule is about: beyond a limit.
    Count {
        /// The state: about one sensor. A device is in it as long as one of its sensors is.
        of: Box<Self>,
        op: Op,
        /// The limit, a number of devices.
        value: f64,
        /// Back to normal only once the number is on the good side of this one too.
        clear: Option<f64>,
    },
    /// No reading came for this long.
    Silence {
        /// How long.
        after: Duration,
    },
    /// A device as a whole is in a state: no sensor is asked.
    Device(DeviceState),
}

/// A state of a device as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceState {
    /// Nothing is heard of it: for three of its intervals at least.
    Offline {
        /// And for so long.
        after: Duration,
    },
    /// Its agent reports a source that fails.
    SourceFailing,
    /// Its agent's clock differs from the hub's.
    ClockOff {
        /// By more than this.
        by: Duration,
    },
}

/// How conditions are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// True when all are; over when one is good again.
    All,
    /// True when one is; over when all are good again.
    Any,
}

/// One of several conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Name of the sensor it is about; none for the rule's.
    pub sensor: Option<String>,
    /// About the readings of one sensor.
    pub condition: Condition,
}

/// Conditions that may be joined.
pub const PARTS: std::ops::RangeInclusive<usize> = 2..=4;

/// A figure of some readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Their plain mean: each reading counts once.
    Average,
    Minimum,
    Maximum,
}

/// What a series has to have reported before a rule says anything of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Readings at least.
    pub readings: u32,
    /// From the first to the last of them at least.
    pub span: Duration,
}

/// Readings without which a spread means nothing.
pub const ENOUGH: u32 = 10;
/// Readings within the time of a value that is stuck, without which nobody knows that it is.
pub const STUCK: u32 = 3;
/// Days whose hour has to be known before a season says anything.
pub const DAYS: u32 = 5;
/// Readings through which a line says where a value goes.
pub const LINE: u32 = 3;

impl Condition {
    /// Whether it is about what readings say, not about their absence.
    #[must_use]
    pub const fn is_about_values(&self) -> bool {
        !matches!(self, Self::Silence { .. } | Self::Device(_))
    }

    /// The limit as an alert shows it.
    #[must_use]
    pub fn limit(&self) -> f64 {
        match *self {
            Self::Threshold { value, .. }
            | Self::Rate { value, .. }
            | Self::Increase { value, .. }
            | Self::Figure { value, .. }
            | Self::Difference { value, .. }
            | Self::Count { value, .. } => value,
            Self::Joined { join: Join::All, ref parts, .. } => parts.len() as f64,
            Self::Joined { join: Join::Any, .. } => 1.0,
            Self::Deviation { sigmas, .. } | Self::Seasonal { sigmas, .. } => sigmas,
            Self::Forecast { within, .. } => within.as_secs_f64(),
            Self::Stuck { after, .. } | Self::Silence { after } => after.as_secs_f64(),
            Self::Device(DeviceState::Offline { after }) => after.as_secs_f64(),
            Self::Device(DeviceState::SourceFailing) => 0.0,
            Self::Device(DeviceState::ClockOff { by }) => by.as_secs_f64(),
        }
    }

    /// Whether it is about a device as a whole, not about one of its series.
    #[must_use]
    pub const fn is_about_device(&self) -> bool {
        matches!(self, Self::Device(_))
    }

    /// What each series is held against: of what counts devices, the state.
    #[must_use]
    pub const fn of_series(&self) -> &Self {
        if let Self::Count { of, .. } = self { of } else { self }
    }

    /// The other sensors it is about, each with the place of the part it belongs to.
    pub fn sources(&self) -> impl Iterator<Item = (usize, &str)> {
        let (one, many): (_, &[Part]) = match self {
            Self::Difference { other, .. } => (Some((0, other.as_str())), &[]),
            Self::Joined { parts, .. } => (None, parts),
            Self::Threshold { .. }
            | Self::Rate { .. }
            | Self::Increase { .. }
            | Self::Deviation { .. }
            | Self::Figure { .. }
            | Self::Stuck { .. }
            | Self::Seasonal { .. }
            | Self::Count { .. }
            | Self::Forecast { .. }
            | Self::Silence { .. }
            | Self::Device(_) => (None, &[]),
        };
        one.into_iter().chain(many.iter().enumerate().filter_map(|(part, of)| Some((part, of.sensor.as_deref()?))))
    }

    /// What a series has to have reported first; `None` where any reading, or none, says something.
    #[must_use]
    pub fn needs(&self) -> Option<Needs> {
        match *self {
            Self::Threshold { .. } | Self::Difference { .. } | Self::Silence { .. } | Self::Device(_) => None,
            Self::Count { ref of, .. } => of.needs(),
            Self::Joined { ref parts, .. } => {
                let needs = || parts.iter().filter_map(|part| part.condition.needs());
                let readings = needs().map(|needs| needs.readings).max()?;
                Some(Needs { readings, span: needs().map(|needs| needs.span).max()? })
            }
            Self::Rate { over, .. } => Some(Needs { readings: 2, span: over / 2 }),
            // Too much is too much however little of the window is there; for too little nearly all of it has to be.
            Self::Increase { op: Op::Above | Op::AtLeast, .. } => Some(Needs { readings: 2, span: Duration::ZERO }),
            Self::Increase { over, .. } => Some(Needs { readings: 2, span: over / 10 * 9 }),
            Self::Deviation { over, .. } => Some(Needs { readings: ENOUGH, span: over / 2 }),
            Self::Figure { over, .. } => Some(Needs { readings: 2, span: over / 2 }),
            Self::Stuck { after, .. } => Some(Needs { readings: STUCK, span: after }),
            Self::Forecast { over, .. } => Some(Needs { readings: LINE, span: over / 2 }),
            Self::Seasonal { .. } => Some(Needs { readings: 2 * DAYS, span: Duration::from_secs(86_400) * DAYS }),
        }
    }

    /// What the `value` and the `threshold` of its alerts say.
    #[must_use]
    pub const fn measure(&self) -> Measure {
        match *self {
            Self::Threshold { .. } | Self::Increase { .. } | Self::Figure { .. } | Self::Difference { .. } => {
                Measure::Value
            }
            Self::Joined { .. } => Measure::Parts,
            Self::Count { .. } => Measure::Devices,
            Self::Rate { per, .. } => Measure::Rate { per },
            Self::Deviation { .. } | Self::Seasonal { .. } => Measure::Sigmas,
            Self::Stuck { .. } => Measure::Stuck,
            Self::Forecast { .. } => Measure::Forecast,
            Self::Silence { .. } | Self::Device(DeviceState::Offline { .. }) => Measure::Silence,
            Self::Device(DeviceState::SourceFailing) => Measure::Sources,
            Self::Device(DeviceState::ClockOff { .. }) => Measure::Clock,
        }
    }
}

/// What a rule says; the same for a new one and a stored one.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSpec {
    /// Name shown to people.
    pub name: String,
    /// Glob over the names of devices; an id is matched whole, or by more than eight characters.
    pub device: String,
    /// Glob over sensor names.
    pub sensor: String,
    /// Labels the device must have.
    pub labels: Labels,
    /// When it is true.
    pub condition: Condition,
    /// How long it must stay true, in event time, before it fires.
    pub hold: Duration,
    /// How long it must be good again, in event time, before an alert that fires resolves; nothing for a silence.
    pub clear_for: Duration,
    /// How bad it is.
    pub severity: Severity,
    /// What its alerts are tagged with, for those who read them and for filters.
    pub tags: Labels,
    pub webhooks: Vec<WebhookId>,
    /// All webhooks are told, also those that are made later; then `webhooks` is empty.
    pub all_webhooks: bool,
    /// Whether it is evaluated.
    pub enabled: bool,
    /// In which words its alerts are told.
    pub message: Message,
}

/// Templates of what people are told; the hub's own words where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    pub title: Option<String>,
    pub text: Option<String>,
}

/// A stored rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub id: RuleId,
    /// Counts its changes, from 1.
    pub version: u32,
    /// When this version began.
    pub version_since: UnixMillis,
    pub spec: RuleSpec,
    /// Whether the hub made it by itself.
    pub made_by_hub: bool,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub updated_at: UnixMillis,
    /// The file that it is kept in; none of what was made by hand.
    pub source: Option<Source>,
}

/// Where a rule stands that is kept in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// With its folder.
    pub file: String,
    /// From 1.
    pub line: u32,
}

/// What becomes of a rule when files are applied.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Create(RuleSpec, Source),
    Replace(RuleId, RuleSpec, Source),
    /// It says what it said, and stands elsewhere.
    Move(RuleId, Source),
    Delete(RuleId),
}
