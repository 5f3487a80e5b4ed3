//! Series as sensors, and samples as readings. PURE.

use super::families::Families;
use super::native::Histogram;
use crate::door::buckets::{UpTo, written};
use crate::door::called::{self, Labels};
use crate::ingest::gather::{DeviceSlot, Gathered, SensorSlot};
use crate::model::{SensorKind, UnixMillis, pushed};

/// The number that is none and says that a series ended.
const STALE: u64 = 0x7ff0_0000_0000_0002;
/// The device of series without a job and an instance: rules that Prometheus computes, mostly.
const NOBODY: &str = "prometheus";

/// What became of a request.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    /// Samples that were understood.
    pub samples: usize,
    /// Histograms that were understood.
    pub histograms: usize,
    /// Of the samples and histograms, those that say that their series ended.
    pub ended: usize,
    /// Of the samples, those that are no number, as a quantile of nothing.
    pub no_numbers: usize,
    /// Samples and histograms that are wrong.
    pub rejected: usize,
    /// What is wrong with the first one.
    pub first: Option<String>,
    /// What was said of metrics.
    pub families: Families,
}

/// Gathers series after series.
pub(super) struct Reader<'a> {
    gathered: &'a mut Gathered,
    now: UnixMillis,
    /// What was said of metrics before.
    known: &'a Families,
    pub(super) read: Read,
    /// The device that was met last: series of a target come together.
    last: Option<(String, DeviceSlot)>,
    /// The device of all series, whatever they say.
    fixed: Option<DeviceSlot>,
}

/// A series, and where its samples go.
pub(super) struct Series {
    name: String,
    labels: Labels,
    device: DeviceSlot,
    /// The sensor of its samples, once there is one.
    sensor: Option<SensorSlot>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(gathered: &'a mut Gathered, now: UnixMillis, known: &'a Families) -> Self {
        Self { gathered, now, known, read: Read::default(), last: None, fixed: None }
    }

    /// The same, where all series are of one device.
    pub(super) fn of_device(
        device: DeviceSlot,
        gathered: &'a mut Gathered,
        now: UnixMillis,
        known: &'a Families,
    ) -> Self {
        Self { fixed: Some(device), ..Self::new(gathered, now, known) }
    }

    /// The series with these labels; `None` if it has no name.
    pub(super) fn series(&mut self, mut labels: Labels) -> Option<Series> {
        let name = labels.remove("__name__")?;
        let (job, instance) = (labels.remove("job"), labels.remove("instance"));
        if let Some(device) = self.fixed {
            // As Prometheus calls what a target says of others.
            for (label, value) in [("exported_job", job), ("exported_instance", instance)] {
                value.into_iter().for_each(|value| labels.add(label, value));
            }
            return Some(Series { name, labels, device, sensor: None });
        }
        let called = match (job, instance) {
            (Some(job), Some(instance)) => format!("{job}/{instance}"),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => NOBODY.to_owned(),
        };
        let device = match &self.last {
            Some((known, device)) if *known == called => *device,
            _ => {
                let device = self.gathered.device(&called::device(&called, NOBODY));
                self.last = Some((called, device));
                device
            }
        };
        // Two of a pair that watch the same targets differ in such a label alone.
        labels.retain(|label| !label.starts_with("__"));
        Some(Series { name, labels, device, sensor: None })
    }

    fn reject(&mut self, why: impl FnOnce() -> String) {
        self.read.rejected += 1;
        self.read.first.get_or_insert_with(why);
    }

    /// A sample that cannot be read.
    pub(super) fn broken(&mut self, why: impl FnOnce() -> String) {
        self.reject(why);
    }

    /// A sample or histogram of a series without a name.
    pub(super) fn nameless(&mut self) {
        self.reject(|| "a series has no label `__name__`".to_owned());
    }

    /// The moment of a sample, if it may be one.
    fn moment(&mut self, series: &Series, millis: i64) -> Option<UnixMillis> {
        let at = UnixMillis(millis);
        match pushed::moment(at, self.now) {
            Ok(()) => Some(at),
            Err(why) => {
                self.reject(|| format!("`{}`: {why}", series.name));
                None
            }
        }
    }

    /// What is said of a metric in this request, or was said before.
    fn said_of(&self, name: &str) -> (Option<SensorKind>, Option<String>) {
        let families = if self.read.families.has(name) { &self.read.families } else { self.known };
        let (kind, unit) = families.said_of(name);
        (kind, unit.filter(|unit| pushed::unit(unit).is_ok()).map(str::to_owned))
    }

    /// A sample.
    pub(super) fn sample(&mut self, series: &mut Series, millis: i64, value: f64) {
        if value.to_bits() == STALE {
            self.read.samples += 1;
            self.read.ended += 1;
            return;
        }
        if !value.is_finite() {
            self.read.samples += 1;
            self.read.no_numbers += 1;
            return;
        }
        let Some(at) = self.moment(series, millis) else { return };
        let slot = match series.sensor {
            Some(slot) => slot,
            None => {
                let (kind, unit) = self.said_of(&series.name);
                let name = called::sensor(&series.name, &series.labels, None);
                *series.sensor.insert(self.gathered.sensor(series.device, &name, unit.as_deref(), kind))
            }
        };
        self.read.samples += 1;
        self.gathered.push(slot, at, value);
    }

    /// A native histogram.
    pub(super) fn histogram(&mut self, series: &Series, histogram: &Histogram) {
        if histogram.sum.to_bits() == STALE {
            self.read.histograms += 1;
            self.read.ended += 1;
            return;
        }
        let Some(at) = self.moment(series, histogram.timestamp) else { return };
        let up_to = match histogram.up_to() {
            Ok(up_to) => up_to,
            Err(why) => return self.reject(|| format!("`{}`: {why}", series.name)),
        };
        self.read.histograms += 1;
        let kind = if histogram.is_gauge() { SensorKind::Gauge } else { SensorKind::Counter };
        let unit = self.said_of(&format!("{}_sum", series.name)).1;
        let mut push = |part: &str, label: Option<(&str, &str)>, unit: Option<&str>, value: f64| {
            if value.is_finite() {
                let name = called::sensor(&format!("{}{part}", series.name), &series.labels, label);
                let slot = self.gathered.sensor(series.device, &name, unit, Some(kind));
                self.gathered.push(slot, at, value);
            }
        };
        push("_count", None, None, histogram.count());
        push("_sum", None, unit.as_deref(), histogram.sum);
        for UpTo { bound, count } in up_to {
            push("_bucket", Some(("le", &written(bound))), None, count);
        }
    }
}
