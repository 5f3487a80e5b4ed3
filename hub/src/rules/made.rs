//! Rules that the hub makes by itself, each once, when the first device or sensor of its kind appears. PURE.
//!
//! People see, change, switch off and delete them like any rule; what was made once is remembered on disk and not made again. They
//! tell all webhooks, also those that are made later.

use std::time::Duration;

use crate::model::catalog::Catalog;
use crate::model::device::{Labels, Standing};
use crate::model::glob::Glob;
use crate::model::rule::{Condition, DeviceState, Message, Op, RuleSpec, Severity};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// A rule that the hub makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Made {
    /// With the first device.
    DeviceOffline,
    /// With the first file system that an agent measures.
    DiskFull,
    /// With the first battery that an agent measures.
    BatteryLow,
    /// With the first agent.
    SourceFailing,
    /// With the first agent.
    ClockOff,
}

impl Made {
    /// All there are.
    pub const ALL: [Self; 5] =
        [Self::DeviceOffline, Self::DiskFull, Self::BatteryLow, Self::SourceFailing, Self::ClockOff];

    /// What it is remembered by.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::DeviceOffline => "device_offline",
            Self::DiskFull => "disk_full",
            Self::BatteryLow => "battery_low",
            Self::SourceFailing => "source_failing",
            Self::ClockOff => "clock_off",
        }
    }

    /// Whether there is something of its kind.
    #[must_use]
    pub fn is_due(self, catalog: &Catalog) -> bool {
        let mut adopted = catalog.devices().filter(|device| device.standing == Standing::Adopted);
        match self {
            Self::DeviceOffline => adopted.next().is_some(),
            Self::SourceFailing | Self::ClockOff => adopted.any(|device| device.has_key()),
            Self::DiskFull | Self::BatteryLow => {
                let sensor = Glob::new(self.sensor());
                catalog.all_series().any(|series| series.unit == "%" && sensor.matches(&series.sensor))
            }
        }
    }

    /// Which sensors it is about: those of agents have these names.
    const fn sensor(self) -> &'static str {
        match self {
            Self::DiskFull => "disk.*.used_pct",
            Self::BatteryLow => "power.*.charge_pct",
            Self::DeviceOffline | Self::SourceFailing | Self::ClockOff => "*",
        }
    }

    /// What it says.
    #[must_use]
    pub fn spec(self) -> RuleSpec {
        let (name, condition, hold) = match self {
            Self::DeviceOffline => {
                let offline = DeviceState::Offline { after: MINUTE };
                ("Device offline", Condition::Device(offline), Duration::ZERO)
            }
            Self::DiskFull => {
                let (op, value, clear) = (Op::AtLeast, 100.0, Some(95.0));
                let full = Condition::Forecast { op, value, within: DAY * 3, over: DAY, clear };
                ("Disk full within 3 days", full, MINUTE * 30)
            }
            Self::BatteryLow => {
                let low = Condition::Threshold { op: Op::Below, value: 20.0, clear: Some(25.0) };
                ("Battery low", low, Duration::ZERO)
            }
            Self::SourceFailing => ("Source fails", Condition::Device(DeviceState::SourceFailing), MINUTE * 5),
            Self::ClockOff => {
                let off = DeviceState::ClockOff { by: MINUTE };
                ("Clock off", Condition::Device(off), MINUTE * 5)
            }
        };
        RuleSpec {
            name: name.to_owned(),
            device: "*".to_owned(),
            sensor: self.sensor().to_owned(),
            labels: Labels::new(),
            condition,
            hold,
            clear_for: Duration::ZERO,
            severity: Severity::Warning,
            tags: Labels::new(),
            webhooks: Vec::new(),
            all_webhooks: true,
            message: Message::default(),
            enabled: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SensorKind;
    use crate::model::catalog::Series;
    use crate::model::device::{self, Device, DeviceNo};
    use crate::model::reading::SeriesId;

    #[test]
    fn each_is_made_with_the_first_of_its_kind() {
        let mut catalog = Catalog::default();
        let due = |catalog: &Catalog| Made::ALL.into_iter().filter(|made| made.is_due(catalog)).collect::<Vec<_>>();
        assert_eq!(due(&catalog), []);
        let pushed = Device::adopted(1);
        catalog.put_device(Device { key: device::no_key(pushed.id), ..pushed });
        assert_eq!(due(&catalog), [Made::DeviceOffline]);
        catalog.put_device(Device { standing: Standing::Blocked, ..Device::adopted(2) });
        assert_eq!(due(&catalog), [Made::DeviceOffline]);
        catalog.put_device(Device::adopted(3));
        assert_eq!(due(&catalog), [Made::DeviceOffline, Made::SourceFailing, Made::ClockOff]);
        for (id, sensor, unit) in
            [(1, "disk.root.used_pct", "By"), (2, "disk.root.used_pct", "%"), (3, "power.BAT0.charge_pct", "%")]
        {
            let (kind, device) = (SensorKind::Gauge, DeviceNo(3));
            let (sensor, unit) = (sensor.to_owned(), unit.to_owned());
            catalog.put_series(Series {
                id: SeriesId(id),
                device,
                sensor,
                unit,
                kind,
                kind_by_owner: false,
                interval_ms: 0,
            });
            assert_eq!(due(&catalog).len(), 2 + id as usize);
        }
    }
}
