//! Data points as readings. PURE.
//!
//! A sum that only grows is a counter; one that may fall is a gauge. A program that sends how much more there is since its last
//! request (*delta*) gets sensors that end in `.delta`, whose readings are just that: to add them up here would count a request
//! twice that is sent again, and begin anew with each start of the hub, while the same reading of the same moment is stored once.

use std::collections::HashSet;

use super::message::{Buckets, ExponentialPoint, HistogramPoint, KeyValue, NumberPoint, SummaryPoint};
use super::source::{Source, UNKNOWN};
use crate::door::buckets::{UpTo, explicit, exponential, written};
use crate::door::called::{self, Labels};
use crate::ingest::gather::{DeviceSlot, Gathered};
use crate::model::{SensorKind, UnixMillis, pushed};

/// Flag of a point: the series ended, or has no value now.
const NO_RECORDED_VALUE: u32 = 1;

/// What became of a request.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    /// Points in it.
    pub points: usize,
    /// Points that are wrong.
    pub rejected: usize,
    /// Points that say that there is no value.
    pub no_value: usize,
    /// What is wrong with the first one.
    pub first: Option<String>,
}

/// Whether numbers are totals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Temporality {
    #[default]
    Unsaid,
    /// What came since the last point.
    Delta,
    /// All since a start.
    Cumulative,
}

impl From<u64> for Temporality {
    fn from(number: u64) -> Self {
        match number {
            1 => Self::Delta,
            2 => Self::Cumulative,
            _ => Self::Unsaid,
        }
    }
}

/// What is measured, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metric<'a> {
    pub(super) scope: &'a str,
    pub(super) name: &'a str,
    pub(super) unit: &'a str,
}

/// Gathers point after point.
pub(super) struct Reader<'g> {
    gathered: &'g mut Gathered,
    now: UnixMillis,
    read: Read,
    source: Source,
    /// The device of the source.
    device: Option<DeviceSlot>,
    /// Metrics that several scopes of the source have.
    shared: HashSet<String>,
}

/// Where the parts of a point go.
struct Place<'a> {
    name: String,
    labels: Labels,
    unit: Option<&'a str>,
    /// That of what only grows.
    total: SensorKind,
    device: DeviceSlot,
    at: UnixMillis,
}

impl<'g> Reader<'g> {
    pub(super) fn new(gathered: &'g mut Gathered, now: UnixMillis) -> Self {
        let (read, source, shared) = Default::default();
        Self { gathered, now, read, source, device: None, shared }
    }

    pub(super) fn done(self) -> Read {
        self.read
    }

    /// What follows is of this resource; these metrics are of several of its scopes.
    pub(super) fn begin(&mut self, attributes: Vec<KeyValue>, shared: HashSet<String>) {
        (self.source, self.shared) = (Source::of(attributes), shared);
        self.device = Some(self.gathered.device(&called::device(&self.source.device, UNKNOWN)));
    }

    fn reject(&mut self, why: impl FnOnce() -> String) {
        self.read.rejected += 1;
        self.read.first.get_or_insert_with(why);
    }

    /// Where a point goes; nowhere if it has no value, or cannot be stored.
    fn place<'a>(
        &mut self,
        metric: Metric<'a>,
        temporality: Temporality,
        (attributes, nanos, flags): (Vec<KeyValue>, u64, u32),
    ) -> Option<Place<'a>> {
        self.read.points += 1;
        if flags & NO_RECORDED_VALUE != 0 {
            self.read.no_value += 1;
            return None;
        }
        let at = UnixMillis(i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX));
        let checked = || {
            let device = self.device.ok_or_else(|| "it is of no resource".to_owned())?;
            if metric.name.trim().is_empty() {
                return Err("it has no name".to_owned());
            }
            if nanos == 0 {
                return Err("it has no time (`time_unix_nano`)".to_owned());
            }
            pushed::moment(at, self.now).map(|()| device)
        };
        let device = match checked() {
            Ok(device) => device,
            Err(why) => {
                self.reject(|| format!("`{}`: {why}", metric.name));
                return None;
            }
        };
        let mut labels: Labels = attributes
            .iter()
            .map(|KeyValue { key, value }| (&**key, value.clone().map(|value| value.text()).unwrap_or_default()))
            .collect();
        for (label, value) in self.source.labels.iter() {
            labels.add(label, value);
        }
        if self.shared.contains(metric.name) {
            labels.add("otel.scope.name", metric.scope);
        }
        let is_delta = temporality == Temporality::Delta;
        let name = if is_delta { format!("{}.delta", metric.name) } else { metric.name.to_owned() };
        let total = if temporality == Temporality::Cumulative { SensorKind::Counter } else { SensorKind::Gauge };
        Some(Place { name, labels, unit: unit(metric.unit), total, device, at })
    }

    /// A reading of a part of a point.
    fn push(
        &mut self,
        place: &Place<'_>,
        part: &str,
        label: Option<(&str, &str)>,
        (unit, kind): (Option<&str>, SensorKind),
        value: f64,
    ) {
        let sensor = called::sensor(&format!("{}{part}", place.name), &place.labels, label);
        let slot = self.gathered.sensor(place.device, &sensor, unit, Some(kind));
        self.gathered.push(slot, place.at, value);
    }

    /// A point of a gauge; or of a sum, and then whether it is a total and only grows.
    pub(super) fn number(&mut self, metric: Metric<'_>, sum: Option<(Temporality, bool)>, point: NumberPoint) {
        let (temporality, only_grows) = sum.unwrap_or_default();
        let value = point.as_double.or_else(|| point.as_int.map(|value| value as f64));
        let said = (point.attributes, point.time_unix_nano, point.flags);
        let Some(place) = self.place(metric, temporality, said) else { return };
        match value {
            Some(value) if value.is_finite() => {
                let kind = if only_grows { place.total } else { SensorKind::Gauge };
                self.push(&place, "", None, (place.unit, kind), value);
            }
            Some(value) => self.reject(|| format!("`{}`: {value} is no number that can be stored", metric.name)),
            None => self.reject(|| format!("`{}`: it has no value", metric.name)),
        }
    }

    /// Count and sum, which only grow where they are totals, and the counts up to bounds.
    fn totals(&mut self, place: &Place<'_>, count: u64, sum: Option<f64>, up_to: &[UpTo]) {
        self.push(place, ".count", None, (None, place.total), count as f64);
        if let Some(sum) = sum.filter(|sum| sum.is_finite()) {
            self.push(place, ".sum", None, (place.unit, place.total), sum);
        }
        for UpTo { bound, count } in up_to {
            self.push(place, ".bucket", Some(("le", &written(*bound))), (None, place.total), *count);
        }
    }

    fn extremes(&mut self, place: &Place<'_>, min: Option<f64>, max: Option<f64>) {
        for (part, value) in [(".min", min), (".max", max)] {
            if let Some(value) = value.filter(|value| value.is_finite()) {
                self.push(place, part, None, (place.unit, SensorKind::Gauge), value);
            }
        }
    }

    /// A point of a histogram with explicit bounds.
    pub(super) fn histogram(&mut self, metric: Metric<'_>, temporality: Temporality, point: HistogramPoint) {
        let said = (point.attributes, point.time_unix_nano, point.flags);
        let Some(place) = self.place(metric, temporality, said) else { return };
        let counts = point.bucket_counts.iter().map(|count| *count as f64);
        let is_sorted = point.explicit_bounds.is_sorted_by(|one, other| one < other);
        let Some(up_to) = explicit(&point.explicit_bounds, counts).filter(|_| is_sorted) else {
            let (bounds, counts) = (point.explicit_bounds.len(), point.bucket_counts.len());
            let why = || {
                format!(
                    "`{}`: {bounds} bounds and {counts} counts: there must be one count more, and the bounds must grow",
                    metric.name
                )
            };
            return self.reject(why);
        };
        self.totals(&place, point.count, point.sum, &up_to);
        self.extremes(&place, point.min, point.max);
    }

    /// A point of a histogram whose bounds are powers of a base.
    pub(super) fn exponential(&mut self, metric: Metric<'_>, temporality: Temporality, point: ExponentialPoint) {
        let said = (point.attributes, point.time_unix_nano, point.flags);
        let Some(place) = self.place(metric, temporality, said) else { return };
        let below = point.negative.map(|buckets| buckets.bucket_counts).unwrap_or_default();
        let up_to_zero = below.iter().chain([&point.zero_count]).map(|count| *count as f64).sum();
        let Buckets { offset, bucket_counts } = point.positive.unwrap_or_default();
        let above = (i64::from(offset)..).zip(bucket_counts.into_iter().map(|count| count as f64));
        let up_to = exponential(point.scale, up_to_zero, above);
        self.totals(&place, point.count, point.sum, &up_to);
        self.extremes(&place, point.min, point.max);
    }

    /// A point of a summary.
    pub(super) fn summary(&mut self, metric: Metric<'_>, point: SummaryPoint) {
        let said = (point.attributes, point.time_unix_nano, point.flags);
        let Some(place) = self.place(metric, Temporality::Cumulative, said) else { return };
        self.totals(&place, point.count, point.sum, &[]);
        let known = |quantile: &f64| (0.0..=1.0).contains(quantile);
        for of in point.quantile_values.iter().filter(|of| known(&of.quantile)).take(QUANTILES) {
            let Some(value) = of.value.filter(|value| value.is_finite()) else { continue };
            let quantile = written(of.quantile);
            self.push(&place, "", Some(("quantile", &quantile)), (place.unit, SensorKind::Gauge), value);
        }
    }
}

/// Most quantiles of a summary.
const QUANTILES: usize = 64;

/// A unit of UCUM as the hub has it: a count has none, and what stands in braces is a word.
fn unit(code: &str) -> Option<&str> {
    let word = code.strip_prefix('{').and_then(|word| word.strip_suffix('}')).filter(|word| !word.contains(['{', '}']));
    let unit = word.unwrap_or(code).trim();
    (!["", "1"].contains(&unit) && pushed::unit(unit).is_ok()).then_some(unit)
}
