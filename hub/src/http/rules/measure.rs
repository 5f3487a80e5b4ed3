//! What a rule looks at, as alerts and backtests say it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::alert;

/// What `value` and `threshold` say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measure {
    /// The reading.
    Value,
    /// Its change in the time that `unit` names.
    Rate,
    /// Standard deviations from the mean of its history, or from what is usual at this time of day, negative below it; the
    /// threshold is either side.
    Sigmas,
    /// The reading at which it stands still; the threshold is for how long it may, in seconds.
    Stuck,
    /// How many of several conditions are true; the threshold is how many have to be.
    Parts,
    /// How many devices are in a state; the threshold is how many may be, or have to be.
    Devices,
    /// Seconds until the value reaches its limit if it goes on as it does, at most ten years; the threshold is within how many it
    /// has to.
    Forecast,
    /// How many sources of a device fail; the threshold is 0.
    Sources,
    /// Seconds that the device's clock is ahead of the hub's, negative behind it; the threshold is either side.
    Clock,
    /// Seconds without a reading, or a word of the device.
    Silence,
}

impl From<alert::Measure> for Measure {
    fn from(measure: alert::Measure) -> Self {
        match measure {
            alert::Measure::Value => Self::Value,
            alert::Measure::Rate { .. } => Self::Rate,
            alert::Measure::Sigmas => Self::Sigmas,
            alert::Measure::Stuck => Self::Stuck,
            alert::Measure::Parts => Self::Parts,
            alert::Measure::Forecast => Self::Forecast,
            alert::Measure::Sources => Self::Sources,
            alert::Measure::Clock => Self::Clock,
            alert::Measure::Devices => Self::Devices,
            alert::Measure::Silence => Self::Silence,
        }
    }
}
