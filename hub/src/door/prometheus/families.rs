//! What is known of metrics by their names: their kinds and units. PURE.
//!
//! Prometheus sends what its targets say of their metrics once a minute, apart from the samples. It is remembered, and said with
//! the next samples. Until then, and of what nothing is said, the name says something: Prometheus' own rules for names end them in
//! their unit, and those of counters in `_total`.

use std::collections::HashMap;

use crate::model::SensorKind;

/// Metrics that are remembered of each sender. Others go by their names.
const MOST: usize = 20_000;
/// Longest name that is remembered, in bytes, and longest unit.
const LONGEST: usize = 255;

/// What a target says that a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Unknown,
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
}

impl From<u64> for Type {
    fn from(number: u64) -> Self {
        match number {
            1 => Self::Counter,
            2 => Self::Gauge,
            3 => Self::Histogram,
            4 => Self::GaugeHistogram,
            5 => Self::Summary,
            6 => Self::Info,
            7 => Self::StateSet,
            _ => Self::Unknown,
        }
    }
}

impl Type {
    /// As a target writes it.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "gaugehistogram" => Self::GaugeHistogram,
            "summary" => Self::Summary,
            "info" => Self::Info,
            "stateset" => Self::StateSet,
            _ => Self::Unknown,
        }
    }
}

/// A metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Family {
    pub(super) of: Type,
    /// Empty where it is not said.
    pub(super) unit: String,
}

/// What was said of metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Families(HashMap<String, Family>);

/// Ends of the names of the parts of a histogram or summary.
const PARTS: [&str; 4] = ["_bucket", "_count", "_sum", "_created"];

/// Ends of names that are units, with the units.
const UNITS: [(&str, &str); 20] = [
    ("seconds", "s"),
    ("milliseconds", "ms"),
    ("bytes", "By"),
    ("celsius", "Cel"),
    ("fahrenheit", "[degF]"),
    ("kelvin", "K"),
    ("percent", "%"),
    ("volts", "V"),
    ("amperes", "A"),
    ("amps", "A"),
    ("watts", "W"),
    ("joules", "J"),
    ("hertz", "Hz"),
    ("meters", "m"),
    ("grams", "g"),
    ("pascals", "Pa"),
    ("hpa", "hPa"),
    ("lux", "lx"),
    ("rpm", "rpm"),
    ("ppm", "ppm"),
];

impl Families {
    /// Remembers what was said of one.
    pub(super) fn learn(&mut self, name: &str, family: Family) {
        let fits = !name.is_empty() && name.len() <= LONGEST && family.unit.len() <= LONGEST;
        if let Some(known) = self.0.get_mut(name) {
            *known = family;
        } else if fits && self.0.len() < MOST {
            self.0.insert(name.to_owned(), family);
        }
    }

    /// What was said of one.
    pub(super) fn get(&self, name: &str) -> Option<&Family> {
        self.0.get(name)
    }

    /// Remembers all that others do.
    pub(super) fn learn_all(&mut self, others: Self) {
        for (name, family) in others.0 {
            self.learn(&name, family);
        }
    }

    /// Whether all of it is known.
    pub(super) fn has_all(&self, others: &Self) -> bool {
        others.0.iter().all(|(name, family)| self.0.get(name) == Some(family))
    }

    /// Whether nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was said of the metric that a series of this name belongs to, and which part of it the series is.
    fn find(&self, name: &str) -> Option<(&Family, &'static str)> {
        let end = PARTS.into_iter().find(|end| name.ends_with(end));
        let whole = self.0.get(name).or_else(|| self.0.get(name.strip_suffix("_total")?));
        if let Some(family) = whole {
            return Some((family, end.filter(|_| family.has_parts()).unwrap_or_default()));
        }
        let family = self.0.get(name.strip_suffix(end?)?)?;
        (family.has_parts() || (family.of, end) == (Type::Counter, Some("_created"))).then_some((family, end?))
    }

    /// Whether something was said of it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// What a series of this name is, and its unit, as far as something says so.
    pub(super) fn said_of<'a>(&'a self, name: &str) -> (Option<SensorKind>, Option<&'a str>) {
        match self.find(name) {
            Some((_, "_created")) => (Some(SensorKind::Gauge), Some("s")),
            Some((family, end)) => {
                let has_unit = !["_bucket", "_count"].contains(&end);
                let said = Some(&*family.unit).filter(|unit| !unit.is_empty());
                (kind_of(family.of, end), said.or_else(|| by_name(name)).filter(|_| has_unit))
            }
            None => (name.ends_with("_total").then_some(SensorKind::Counter), by_name(name)),
        }
    }
}

impl Family {
    const fn has_parts(&self) -> bool {
        matches!(self.of, Type::Histogram | Type::GaugeHistogram | Type::Summary)
    }
}

/// What a series is, by what its metric is and which part of that it is.
fn kind_of(of: Type, end: &str) -> Option<SensorKind> {
    match (of, end) {
        (Type::Unknown, _) => None,
        (Type::Counter | Type::Histogram, _) | (Type::Summary, "_count" | "_sum") => Some(SensorKind::Counter),
        (Type::StateSet, _) => Some(SensorKind::State),
        (Type::Gauge | Type::GaugeHistogram | Type::Summary | Type::Info, _) => Some(SensorKind::Gauge),
    }
}

/// The unit in which a name ends.
fn by_name(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix("_total").or_else(|| name.strip_suffix("_sum")).unwrap_or(name);
    let (_, end) = name.rsplit_once('_')?;
    UNITS.iter().find(|(word, _)| *word == end).map(|(_, unit)| *unit)
}

#[cfg(test)]
mod tests {
    use SensorKind::{Counter, Gauge, State};

    use super::*;

    #[test]
    fn kind_and_unit_are_those_that_were_said_or_that_the_name_says() {
        let mut families = Families::default();
        for (name, number, unit) in [
            ("http_requests", 1, ""),
            ("jobs_total", 1, ""),
            ("queue_count", 2, "jobs"),
            ("queue", 2, ""),
            ("wait_seconds", 3, ""),
            ("size", 5, "bytes"),
            ("mode", 7, ""),
            ("build_info", 6, ""),
            ("odd_total", 2, ""),
            ("new", 0, ""),
        ] {
            families.learn(name, Family { of: Type::from(number), unit: unit.to_owned() });
        }
        for (name, expected) in [
            ("http_requests_total", (Some(Counter), None)),
            ("jobs_total", (Some(Counter), None)),
            ("queue_count", (Some(Gauge), Some("jobs"))),
            ("wait_seconds_bucket", (Some(Counter), None)),
            ("wait_seconds_count", (Some(Counter), None)),
            ("wait_seconds_sum", (Some(Counter), Some("s"))),
            ("wait_seconds_created", (Some(Gauge), Some("s"))),
            ("size", (Some(Gauge), Some("bytes"))),
            ("size_sum", (Some(Counter), Some("bytes"))),
            ("mode", (Some(State), None)),
            ("build_info", (Some(Gauge), None)),
            ("odd_total", (Some(Gauge), None)),
            ("new", (None, None)),
            ("queue_sum", (None, None)),
            ("unheard_of", (None, None)),
            ("unheard_of_total", (Some(Counter), None)),
            ("node_cpu_seconds_total", (Some(Counter), Some("s"))),
            ("node_memory_MemFree_bytes", (None, Some("By"))),
            ("node_hwmon_temp_celsius", (None, Some("Cel"))),
            ("seconds", (None, None)),
        ] {
            assert_eq!(families.said_of(name), expected, "{name}");
        }
    }

    #[test]
    fn only_so_many_are_remembered() {
        let gauge = || Family { of: Type::Gauge, unit: String::new() };
        let mut families = Families::default();
        families.learn(&"x".repeat(LONGEST + 1), gauge());
        assert!(families.is_empty());
        for n in 0..=MOST {
            families.learn(&format!("m{n}"), gauge());
        }
        families.learn("m0", Family { of: Type::Counter, unit: String::new() });
        assert_eq!((families.0.len(), families.said_of("m0").0), (MOST, Some(Counter)));
    }
}
