//! What the number of a rule or an alert measures: the value, a change in some time, a deviation, a standstill, a forecast, a
//! silence, or how a device is.

use std::time::Duration;

/// What the numbers of an alert measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The reading itself.
    Value,
    /// Its change in so much time.
    Rate {
        /// The unit of time.
        per: Duration,
    },
    /// Standard deviations from the mean of its history, negative below it; the threshold is either side.
    Sigmas,
    /// The reading at which it stands still; the threshold is the time for which it may, in seconds.
    Stuck,
    /// How many of several conditions are true; the threshold is how many have to be.
    Parts,
    /// How many devices are in a state; the threshold is how many may be.
    Devices,
    /// Seconds until the value reaches its limit, if it goes on as it does; the threshold is within how many it is told.
    Forecast,
    /// How many sources of a device fail; the threshold is how many may.
    Sources,
    /// Seconds that a device's clock is ahead of the hub's, negative behind it; the threshold is either side.
    Clock,
    /// Seconds without a reading, or a word of a device; there is no value.
    Silence,
}

impl Measure {
    /// The unit of an alert's numbers, for a sensor of this unit: `Cel`, `Cel/min`, `sigma`, `s`.
    #[must_use]
    pub fn unit(self, sensor: &str) -> String {
        match self {
            Self::Value | Self::Stuck => sensor.to_owned(),
            Self::Rate { per } => format!("{sensor}/{}", per_text(per)),
            Self::Parts | Self::Devices | Self::Sources => "1".to_owned(),
            Self::Sigmas => "sigma".to_owned(),
            Self::Forecast | Self::Clock | Self::Silence => "s".to_owned(),
        }
    }

    /// The unit of the threshold, where it is not that of the value: a standstill lasts.
    #[must_use]
    pub fn limit_unit(self, sensor: &str) -> String {
        if self == Self::Stuck { "s".to_owned() } else { self.unit(sensor) }
    }

    /// What stands in the place of a sensor where an alert is about a device as a whole.
    #[must_use]
    pub const fn of_device(self) -> &'static str {
        match self {
            Self::Sources => "source_failing",
            Self::Clock => "clock_off",
            Self::Silence
            | Self::Value
            | Self::Rate { .. }
            | Self::Sigmas
            | Self::Stuck
            | Self::Parts
            | Self::Devices
            | Self::Forecast => "device_offline",
        }
    }
}

/// `min`, or `5min`: the codes of UCUM.
fn per_text(per: Duration) -> String {
    let millis = per.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];
    let (unit, size) = units.into_iter().find(|(_, size)| millis.is_multiple_of(*size)).unwrap_or(("ms", 1));
    match millis / size {
        1 => unit.to_owned(),
        many => format!("{many}{unit}"),
    }
}
