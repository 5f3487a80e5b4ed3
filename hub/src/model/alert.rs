//! An alert: one rule that is true of one series, or a problem of the hub itself, from pending through firing to
//! resolved.

use std::sync::Arc;

use super::catalog::Catalog;
use super::device::{DeviceNo, Labels};
pub use super::id::AlertId;
use super::id::RuleId;
pub use super::measure::Measure;
use super::reading::{Point, SeriesId};
use super::severity::Severity;
use super::{SensorKind, UnixMillis};

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Series {
        device: DeviceNo,
        series: SeriesId,
    },
    /// A device as a whole: it went away, a source of it fails, its clock is off.
    Device(DeviceNo),
    /// All devices that its rule is about.
    Selection,
    Hub(Ailment),
}

const DISK_FULL: &str = "hub.disk_full";
const DISK_NEARLY_FULL: &str = "hub.disk_nearly_full";
const DATABASE_DAMAGED: &str = "hub.database_damaged";

/// What people call a rule. Those of the hub itself have names that are for programs.
#[must_use]
pub fn called(rule_name: &str) -> &str {
    match rule_name {
        DISK_FULL => "Disk full",
        DISK_NEARLY_FULL => "Disk nearly full",
        DATABASE_DAMAGED => "Database damaged",
        other => other,
    }
}

/// What may ail the hub, as it finds itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ailment {
    /// Nothing is stored: the disk is full, or the cap and nothing gives way.
    DiskFull,
    /// Four fifths of the cap, or of the disk, are used.
    DiskNearlyFull,
    /// The database or its log was damaged and set aside; readings wait to be recovered.
    DatabaseDamaged,
}

impl Ailment {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::DiskFull, Self::DiskNearlyFull, Self::DatabaseDamaged];

    /// The name of the hub's own rule: what an alert of it carries in place of a rule's name.
    #[must_use]
    pub const fn rule_name(self) -> &'static str {
        match self {
            Self::DiskFull => DISK_FULL,
            Self::DiskNearlyFull => DISK_NEARLY_FULL,
            Self::DatabaseDamaged => DATABASE_DAMAGED,
        }
    }

    /// What stands in the place of a sensor.
    #[must_use]
    pub fn sensor(self) -> &'static str {
        self.rule_name().trim_start_matches("hub.")
    }

    /// Unit of an alert's value and threshold.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::DiskFull | Self::DiskNearlyFull => "%",
            Self::DatabaseDamaged => "1",
        }
    }

    /// The ailment whose rule has this name.
    #[must_use]
    pub fn of_rule(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ailment| ailment.rule_name() == name)
    }
}

/// How the hub is, as far as alerts of it go.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Vitals {
    /// Whether nothing is stored for want of room; `None` before readings came since the start.
    pub full: Option<bool>,
    /// Per cent in use of the cap, or of the disk (of a large one its last 20 GiB).
    pub used_pct: f64,
    /// Damaged databases that wait to be recovered.
    pub damaged: usize,
}

/// Prometheus' words. Inactive is the absence of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    /// True, but not yet for long enough.
    Pending,
    /// True for long enough: people are told.
    Firing,
    /// Was firing, is no longer true: people are told.
    Resolved,
    /// Was true for long enough, and over already when the hub learned of it from late readings: notified as past, once a
    /// rule and device.
    Historical,
}

/// An acknowledgement: somebody has seen the alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    pub at: UnixMillis,
    /// Name of the user or token; empty where that was not kept.
    pub by: String,
    /// What they said.
    pub comment: Option<String>,
}

/// What is usual of what a condition found unusual, and what it was instead: in the sensor's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// What it was: the reading; of a season the mean of the last hour.
    pub is: f64,
    /// What is usual begins here: two deviations below the middle, or as many as the limit lets pass where these are fewer.
    pub low: f64,
    /// And ends here.
    pub high: f64,
    /// Whether it is growth a second, as of a counter.
    pub is_growth: bool,
}

/// What one of several conditions measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Name of the sensor; empty for the one that the alert is about.
    pub sensor: String,
    /// Its unit.
    pub unit: String,
    /// What `value` and `threshold` say.
    pub measure: Measure,
    /// What was measured; `None` where nothing was known.
    pub value: Option<f64>,
    pub threshold: f64,
    /// Whether it was true.
    pub is_true: bool,
    /// What is usual, where it is about what is unusual.
    pub usual: Option<Usual>,
}

/// One alert as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    pub id: AlertId,
    pub rule: RuleId,
    /// Its name when the alert began.
    pub rule_name: String,
    /// Its severity when the alert began.
    pub severity: Severity,
    /// The tags of its rule when the alert began.
    pub tags: Arc<Labels>,
    pub about: Subject,
    pub state: AlertState,
    /// What `value` and `threshold` say.
    pub measure: Measure,
    /// What was measured when it fired; while it is pending, when it began. `None` for silence, and of one that was resolved
    /// by a version that did not keep it.
    pub value: Option<f64>,
    /// Of all that was measured while it lasted, what lay farthest beyond the limit; `None` as `value` is. While it fires
    /// what is stored, and so what a restart goes on with, follows in steps of a tenth.
    pub worst: Option<f64>,
    /// What was measured when it ended; `None` for silence, and where no reading ended it.
    pub last: Option<f64>,
    /// The limit.
    pub threshold: f64,
    /// Of several conditions that are joined, what each measured when it fired; while it is pending, when it began. Of devices that
    /// are counted, some of those that are in the state: their names in place of sensors; and the state, see [`Alert::counting`].
    pub parts: Arc<[Part]>,
    /// What is usual where it is about what is unusual: when it fired, while it is pending when it began, of one that is resolved when it
    /// ended. `None` of other conditions, and of alerts of a version that did not keep it.
    pub usual: Option<Usual>,
    /// Event time at which the condition became true.
    pub started_at: UnixMillis,
    /// While it fires: event time since when it has been good again, where its rule waits before it resolves.
    pub well_since: Option<UnixMillis>,
    /// Event time at which it had been true for long enough.
    pub fired_at: Option<UnixMillis>,
    /// Event time at which it stopped being true. Of a historical one: or from when on more is not known, or another alert
    /// tells of it.
    pub resolved_at: Option<UnixMillis>,
    /// Who acknowledged it first, if anybody did.
    pub acked: Option<Arc<Ack>>,
    /// Whether it ended because the level that fired it had stayed so long that it counts as usual.
    pub new_normal: bool,
    /// While it fires: since when nothing is heard of what it is about, so that nobody knows whether it is still true.
    pub unknown_since: Option<UnixMillis>,
    /// When the hub learned of the last change.
    pub learned_at: UnixMillis,
}

/// What people call the thing an alert is about; empty where it was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Names<'a> {
    /// Name of the device; `hub` for the hub.
    pub device: &'a str,
    /// Name of the sensor; for the hub, of what ails it.
    pub sensor: &'a str,
    pub unit: &'a str,
    /// Whether it is a counter: then it is its growth that a deviation is about.
    pub is_counter: bool,
}

impl Alert {
    /// How far beyond the limit something is that was measured while the rule was true.
    #[must_use]
    pub fn beyond_by(&self, measured: f64) -> f64 {
        match self.measure {
            Measure::Sigmas => measured.abs() - self.threshold,
            Measure::Clock => measured.abs() - self.threshold,
            Measure::Value
            | Measure::Rate { .. }
            | Measure::Parts
            | Measure::Devices
            | Measure::Forecast
            | Measure::Sources
            | Measure::Silence => (measured - self.threshold).abs(),
            // It stands where it stands.
            Measure::Stuck => 0.0,
        }
    }

    /// The same alert after this was measured while the rule was true; `None` when there was worse.
    #[must_use]
    pub fn worsened(&self, measured: Option<f64>) -> Option<Self> {
        let measured = measured?;
        let is_worse = self.worst.is_none_or(|worst| self.beyond_by(measured) > self.beyond_by(worst));
        is_worse.then(|| Self { worst: Some(measured), ..self.clone() })
    }

    /// Whether its rule ended it, and nothing that was measured: it was changed or switched off, or is no longer about this. Of alerts of a
    /// version that kept no values that is not known.
    #[must_use]
    pub fn ended_by_its_rule(&self) -> bool {
        let is_kept = self.value.is_some() || self.measure == Measure::Silence;
        self.state == AlertState::Resolved && self.last.is_none() && is_kept && !matches!(self.about, Subject::Hub(_))
    }

    /// Whether it tells that its device is offline.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        matches!(self.about, Subject::Device(_)) && self.measure == Measure::Silence
    }

    /// Whose series; `None` for the hub's own.
    #[must_use]
    pub const fn device(&self) -> Option<DeviceNo> {
        match self.about {
            Subject::Series { device, .. } | Subject::Device(device) => Some(device),
            Subject::Selection | Subject::Hub(_) => None,
        }
    }

    /// Which series; `None` for those of a whole device and the hub's own.
    #[must_use]
    pub const fn series(&self) -> Option<SeriesId> {
        match self.about {
            Subject::Series { series, .. } => Some(series),
            Subject::Device(_) | Subject::Selection | Subject::Hub(_) => None,
        }
    }

    /// What each of several conditions measured that are joined; nothing of others.
    #[must_use]
    pub fn joined(&self) -> &[Part] {
        if self.measure == Measure::Devices { &[] } else { &self.parts }
    }

    /// Names of some of the devices that are counted.
    pub fn counted(&self) -> impl Iterator<Item = &str> {
        self.of_counted().iter().filter(|part| part.is_true).map(|part| part.sensor.as_str())
    }

    /// Of devices that are counted the state that each is held against: the sensor as the rule names it, its unit and limit; the value is how
    /// many devices it is about. `None` of others, and of alerts of a version that did not keep it.
    #[must_use]
    pub fn counting(&self) -> Option<&Part> {
        self.of_counted().iter().find(|part| !part.is_true)
    }

    fn of_counted(&self) -> &[Part] {
        if self.measure == Measure::Devices { &self.parts } else { &[] }
    }

    /// What people call what it is about.
    #[must_use]
    pub fn names<'a>(&self, catalog: &'a Catalog) -> Names<'a> {
        match self.about {
            Subject::Hub(ailment) => {
                Names { device: "hub", sensor: ailment.sensor(), unit: ailment.unit(), is_counter: false }
            }
            Subject::Selection => Names { device: "several devices", sensor: "", unit: "", is_counter: false },
            Subject::Device(device) => Names {
                device: catalog.device(device).map_or("", |device| &device.name),
                sensor: self.measure.of_device(),
                unit: "",
                is_counter: false,
            },
            Subject::Series { device, series } => {
                let series = catalog.series(series);
                Names {
                    device: catalog.device(device).map_or("", |device| &device.name),
                    sensor: series.map_or("", |series| &series.sensor),
                    unit: series.map_or("", |series| &series.unit),
                    is_counter: series.is_some_and(|series| series.kind == SensorKind::Counter),
                }
            }
        }
    }
}

/// One change of one alert, decided by the rules, to be committed with the readings that caused it.
#[derive(Debug, Clone, PartialEq)]
pub enum Transition {
    /// Write the alert as it now stands (insert, or replace the row with the same id).
    Put {
        /// The alert after the change.
        alert: Alert,
        /// Event time of the change.
        occurred_at: UnixMillis,
        /// A few points around the change, oldest first.
        points: Vec<Point>,
    },
    /// Write the alert as it now stands, tell nobody: what is known of its beginning changed.
    Amend(Alert),
    /// Tell of alerts that were over when the hub learned of them: the first of `count` of a rule and a device. They are in
    /// the list already.
    TellPast {
        /// The first of them.
        alert: Alert,
        /// How many there were.
        count: u32,
        /// A few points around it, oldest first.
        points: Vec<Point>,
    },
    /// A pending alert whose condition went away before it fired, or a historical one that is part of another: remove its
    /// row, tell nobody. With the device it was about; none for the hub's own.
    Cancel(AlertId, Option<DeviceNo>),
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_rate_is_in_the_sensors_unit_by_time() {
        let rate = |seconds| Measure::Rate { per: Duration::from_secs(seconds) };
        assert_eq!(rate(60).unit("Cel"), "Cel/min");
        assert_eq!(rate(1).unit("By"), "By/s");
        assert_eq!(rate(300).unit(""), "/5min");
        assert_eq!(rate(90).unit("1"), "1/90s");
    }
}
