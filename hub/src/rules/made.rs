//! Rules that the hub makes by itself, each once, when the first device or sensor of its kind appears. PURE.
//!
//! People see, change, switch off and delete them like any rule; what was made once is remembered on disk and not made again. Where
//! a rule does so already, because somebody wrote it or a file of another hub brought it, that one counts as made. They tell all
//! webhooks, also those that are made later.

use std::time::Duration;

use crate::model::catalog::Catalog;
use crate::model::device::{Labels, Standing};
use crate::model::glob::Glob;
use crate::model::rule::{Condition, DeviceState, Join, Message, Op, Part, RuleSpec, Severity};

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

    /// Whether a rule that is there already stands for it: by its name, or because it watches the same of all devices.
    #[must_use]
    pub fn is_done_by(self, rule: &RuleSpec) -> bool {
        let is_of_all = rule.device == "*" && rule.labels.is_empty();
        // Of all sensors there are is about none of this kind.
        let is_of_these = self.sensor() == "*" || rule.sensor != "*" && Glob::new(&rule.sensor).matches(self.sensor());
        self.has_name_of(rule) || is_of_all && is_of_these && self.is_kind_of(&rule.condition)
    }

    /// Whether a rule is this one, as another hub made it and a file brought it here.
    #[must_use]
    pub fn is_itself(self, rule: &RuleSpec) -> bool {
        self.has_name_of(rule) && self.is_kind_of(&rule.condition)
    }

    fn has_name_of(self, rule: &RuleSpec) -> bool {
        rule.name.trim().eq_ignore_ascii_case(&self.spec().name)
    }

    /// Whether a condition is of its kind, with whatever limits.
    fn is_kind_of(self, condition: &Condition) -> bool {
        match (self, condition) {
            (Self::DiskFull, Condition::Joined { parts, .. }) => {
                parts.iter().any(|part| part.sensor.is_none() && self.is_kind_of(&part.condition))
            }
            (Self::DiskFull, Condition::Forecast { op, .. }) => matches!(op, Op::Above | Op::AtLeast),
            (Self::BatteryLow, Condition::Threshold { op, .. }) => matches!(op, Op::Below | Op::AtMost),
            (Self::DeviceOffline, Condition::Device(DeviceState::Offline { .. }))
            | (Self::SourceFailing, Condition::Device(DeviceState::SourceFailing))
            | (Self::ClockOff, Condition::Device(DeviceState::ClockOff { .. })) => true,
            _ => false,
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
                // A disk that fills by day and is cleared at night is rising whenever it is looked at: only one that is nearly
                // full as well is told.
                let used = Condition::Threshold { op: Op::Above, value: 80.0, clear: Some(75.0) };
                let parts = [full, used].map(|condition| Part { sensor: None, condition }).to_vec();
                let full = Condition::Joined { join: Join::All, parts, within: MINUTE * 15 };
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
    use crate::model::UnixMillis;
    use crate::model::catalog::Series;
    use crate::model::device::{self, Device, DeviceNo};
    use crate::model::reading::{Point, SeriesId};
    use crate::rules::backtest::{Replay, Trial};

    #[test]
    fn a_rule_that_does_the_same_stands_for_it() {
        let stands_for =
            |rule: &RuleSpec| Made::ALL.into_iter().filter(|made| made.is_done_by(rule)).collect::<Vec<_>>();
        for made in Made::ALL {
            let itself = made.spec();
            assert_eq!(stands_for(&itself), [made]);
            assert!(made.is_itself(&itself));
            let renamed = RuleSpec { name: "mine".to_owned(), ..itself.clone() };
            assert_eq!(stands_for(&renamed), [made], "it watches the same");
            assert!(!made.is_itself(&renamed));
            assert_eq!(stands_for(&RuleSpec { device: "attic".to_owned(), ..renamed.clone() }), [], "of one device");
            let only = Condition::Silence { after: MINUTE };
            let name = itself.name.to_uppercase();
            assert_eq!(
                stands_for(&RuleSpec { condition: only.clone(), name, ..itself.clone() }),
                [made],
                "by its name"
            );
            assert_eq!(stands_for(&RuleSpec { condition: only, ..renamed }), []);
        }
        let any = Condition::Threshold { op: Op::Below, value: 0.0, clear: None };
        let any = RuleSpec { name: "cold".to_owned(), sensor: "*".to_owned(), condition: any, ..Made::ClockOff.spec() };
        assert_eq!(stands_for(&any), []);
        assert_eq!(stands_for(&RuleSpec { sensor: "power.*".to_owned(), ..any }), [Made::BatteryLow]);
    }

    #[test]
    fn a_disk_that_is_cleared_each_night_is_not_full_soon_and_one_that_leaks_is() {
        let start = UnixMillis(1_800_000_000_000);
        let firings = |used: &dyn Fn(f64) -> f64, days: i64| {
            let points = (0..days * 288).map(|n| Point { at: start.plus(n * 300_000), value: used(n as f64 / 288.0) });
            let points: Vec<Point> = points.collect();
            let last = points[points.len() - 1].at;
            let trial = Trial::new(Made::DiskFull.spec(), last);
            let mut replay = Replay::new(&trial, &disk(), UnixMillis(i64::MIN));
            replay.take(&points);
            let days = |at: UnixMillis| at.since(start) as f64 / 86_400_000.0;
            replay.finish(last).spans.iter().map(|span| days(span.from)).collect::<Vec<_>>()
        };
        assert!(firings(&|day| 40.0 + 30.0 * day.fract(), 6).is_empty(), "40 to 70 % each day");
        let leak = firings(&|day| (50.0 + 10.0 * day).min(100.0), 6);
        assert!(leak.len() == 1 && (3.0..3.2).contains(&leak[0]), "at 80 %, two days before it is full: {leak:?}");
        let fast = firings(&|day| if day < 2.0 { 30.0 } else { (30.0 + 50.0 * (day - 2.0)).min(100.0) }, 4);
        assert!(fast.len() == 1 && fast[0] < 3.1, "{fast:?}");
    }

    fn disk() -> Series {
        let (sensor, unit) = ("disk.root.used_pct".to_owned(), "%".to_owned());
        let kind = SensorKind::Gauge;
        Series { id: SeriesId(1), device: DeviceNo(1), sensor, unit, kind, kind_by_owner: false, interval_ms: 300_000 }
    }

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
