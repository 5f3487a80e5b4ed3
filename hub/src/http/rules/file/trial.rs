//! A test of a rule in its file: readings in, and when it has to fire. The engine is the hub's own. PURE.
//!
//! Times are counted from the first reading. A test is of one device that is there for it alone.

use serde::Deserialize;

use super::tree::{Part, Tree, Wrong};
use crate::http::error::ApiError;
use crate::http::request::body::parse;
use crate::http::request::text;
use crate::model::catalog::{Catalog, Series};
use crate::model::device::{Device, DeviceNo, Labels, Standing};
use crate::model::reading::{Point, SeriesId};
use crate::model::rule::RuleSpec;
use crate::model::when;
use crate::model::{DeviceId, PublicKey, SensorKind, UnixMillis};
use crate::rules::backtest::{Replay, Trial};

/// When the first reading is taken unless a test says so: midnight of a Thursday.
const START: UnixMillis = UnixMillis(1_767_225_600_000);
/// Readings of one test.
const MOST: usize = 1_000_000;
const DEVICE: DeviceNo = DeviceNo(1);

/// A test.
#[derive(Debug)]
pub(crate) struct Test {
    /// Where it begins, from 1.
    pub(crate) line: usize,
    /// The rule that it is about.
    pub(crate) rule: String,
    device: String,
    labels: Labels,
    start: UnixMillis,
    series: Vec<(Series, Vec<Point>)>,
    end: UnixMillis,
    fires: Vec<Expected>,
}

/// A firing that is expected, in milliseconds since the start.
#[derive(Debug)]
struct Expected {
    at: i64,
    until: Option<i64>,
    sensor: Option<String>,
    value: Option<f64>,
}

/// A test that did not come out as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) line: usize,
    pub(crate) rule: String,
    pub(crate) text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTest {
    /// Name of the rule.
    rule: Option<String>,
    /// Name of the device; one that the rule is about when left out.
    device: Option<String>,
    labels: Option<Labels>,
    start: Option<String>,
    /// How long the test lasts; until the last reading when left out.
    lasts: Option<String>,
    series: Vec<NewSeries>,
    fires: Vec<NewFiring>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSeries {
    /// Name of the sensor; that of the rule when left out.
    sensor: Option<String>,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    kind: Kind,
    /// Time between two values.
    every: Option<String>,
    values: Values,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Gauge,
    Counter,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a text such as \"20x5 31x10 _x2 25\", or a list of numbers")]
enum Values {
    Text(String),
    List(Vec<f64>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewFiring {
    at: Option<String>,
    until: Option<String>,
    sensor: Option<String>,
    value: Option<f64>,
}

/// Reads a test. `names` are those of all rules, also of rules that were passed over because something is wrong with them; `None` where
/// one of these has none.
pub(super) fn test(
    tree: &Tree<'_>,
    part: &Part<'_>,
    rules: &[(&str, &RuleSpec)],
    names: Option<&[String]>,
) -> Result<Test, Wrong> {
    let json = tree.json(part)?;
    let line = tree.line(part);
    parse::<NewTest>(json.to_string().as_bytes())
        .and_then(|new| read(new, line, rules, names))
        .map_err(|error| tree.wrong_in(part, error.named().unwrap_or_default(), error.detail().to_owned()))
}

fn read(new: NewTest, line: usize, rules: &[(&str, &RuleSpec)], names: Option<&[String]>) -> Result<Test, ApiError> {
    let name = new
        .rule
        .ok_or_else(|| ApiError::invalid("rule", "`rule` is missing: write the name of the rule that is tested"))?;
    let rule = rules.iter().find(|(called, _)| *called == name);
    if let Some(names) = names.filter(|names| !names.contains(&name)) {
        let detail = format!("there is no rule `{name}` in this file, but {}", names.join(", "));
        return Err(ApiError::invalid("rule", detail));
    }
    let spec = rule.map(|(_, spec)| *spec);
    // A pattern is the name of one that it fits.
    let plain = |glob: &str| glob.replace(['*', '?'], "x");
    let device = new.device.unwrap_or_else(|| spec.map_or_else(|| "device".to_owned(), |spec| plain(&spec.device)));
    let labels = text::labels(new.labels.unwrap_or_else(|| spec.map(|spec| spec.labels.clone()).unwrap_or_default()))?;
    let start = match &new.start {
        Some(text) => when::moment_in_file(text).map_err(|detail| ApiError::invalid("start", detail))?,
        None => START,
    };
    let mut series = Vec::new();
    let mut end = start;
    for (n, one) in new.series.into_iter().enumerate() {
        let sensor =
            one.sensor.clone().unwrap_or_else(|| spec.map_or_else(|| "sensor".to_owned(), |spec| plain(&spec.sensor)));
        let (points, last, interval_ms) = points(&one, start).map_err(|error| error.within(&format!("series[{n}]")))?;
        end = end.max(last);
        let kind = match one.kind {
            Kind::Gauge => SensorKind::Gauge,
            Kind::Counter => SensorKind::Counter,
        };
        let id = SeriesId(u32::try_from(n).unwrap_or(u32::MAX));
        let of = Series { id, device: DEVICE, sensor, unit: one.unit, kind, kind_by_owner: false, interval_ms };
        series.push((of, points));
    }
    if series.is_empty() {
        return Err(ApiError::invalid("series", "a test needs a series: [[test.series]] with `every` and `values`"));
    }
    if let Some(lasts) = &new.lasts {
        end = end.max(start.plus(since("lasts", lasts)?));
    }
    let fires = new.fires.into_iter().enumerate().map(|(n, firing)| {
        let within = |error: ApiError| error.within(&format!("fires[{n}]"));
        let at = firing.at.ok_or_else(|| {
            within(ApiError::invalid(
                "at",
                "`at` is missing: how long after the first reading it fires, such as \"5m\"",
            ))
        })?;
        let at = since("at", &at).map_err(within)?;
        let until = firing.until.map(|until| since("until", &until)).transpose().map_err(within)?;
        Ok(Expected { at, until, sensor: firing.sensor, value: firing.value })
    });
    let fires = fires.collect::<Result<_, ApiError>>()?;
    Ok(Test { line, rule: name, device, labels, start, series, end, fires })
}

fn since(field: &str, text: &str) -> Result<i64, ApiError> {
    let duration = when::duration(text).map_err(|detail| ApiError::invalid(field, detail))?;
    Ok(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// The readings of a series, one step behind the last of them, and the time of a step.
fn points(new: &NewSeries, start: UnixMillis) -> Result<(Vec<Point>, UnixMillis, u32), ApiError> {
    let every = new
        .every
        .as_deref()
        .ok_or_else(|| ApiError::invalid("every", "`every` is missing: the time between two values, such as \"1m\""))?;
    let step = since("every", every)?;
    if step < 1 {
        return Err(ApiError::invalid("every", "`every` must be longer than nothing"));
    }
    let values = match &new.values {
        Values::List(values) => values.iter().map(|value| Some(*value)).collect(),
        Values::Text(text) => spoken(text)?,
    };
    if values.len() > MOST {
        return Err(ApiError::invalid("values", format!("a series has at most {MOST} values")));
    }
    let at = |n: usize| start.plus(step.saturating_mul(i64::try_from(n).unwrap_or(i64::MAX)));
    let points = values.iter().enumerate().filter_map(|(n, value)| Some(Point { at: at(n), value: (*value)? }));
    let interval = u32::try_from(step).unwrap_or(u32::MAX);
    Ok((points.collect(), at(values.len().saturating_sub(1)).plus(1), interval))
}

/// `20x5 21..25x5 _x2 30`: five times 20, then 21 to 25, two that did not come, 30.
fn spoken(text: &str) -> Result<Vec<Option<f64>>, ApiError> {
    let mut values = Vec::new();
    for word in text.split_whitespace() {
        let wrong = || {
            let detail = format!(
                "`{word}` is no value: write 21.5, 21.5x10 (ten times), 20..30x11 (from 20 to 30 in eleven values), _ (none came) or _x5"
            );
            ApiError::invalid("values", detail)
        };
        let (what, times) = match word.split_once('x') {
            Some((what, times)) => (what, times.parse::<usize>().map_err(|_| wrong())?),
            None => (word, 1),
        };
        if times == 0 || times > MOST || values.len() + times > MOST {
            return Err(wrong());
        }
        let number = |text: &str| text.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(wrong);
        if what == "_" {
            values.extend(std::iter::repeat_n(None, times));
        } else if let Some((from, to)) = what.split_once("..") {
            let (from, to) = (number(from)?, number(to)?);
            let part = |n: usize| if times == 1 { 0.0 } else { n as f64 / (times - 1) as f64 };
            values.extend((0..times).map(|n| Some(from + (to - from) * part(n))));
        } else {
            values.extend(std::iter::repeat_n(Some(number(what)?), times));
        }
    }
    Ok(values)
}

impl Test {
    /// Runs it; what is otherwise than it should be.
    pub(super) fn run(&self, rule: &RuleSpec) -> Result<(), Failed> {
        let failed = |text: String| Err(Failed { line: self.line, rule: self.rule.clone(), text });
        let mut catalog = Catalog::default();
        catalog.put_device(self.device());
        self.series.iter().for_each(|(series, _)| catalog.put_series(series.clone()));
        let trial = Trial::new(rule.clone(), self.start);
        let watched = trial.series(&catalog);
        if rule.condition.is_about_device() {
            return failed("a condition about the device as a whole is not tested by readings".to_owned());
        }
        if trial.counted().is_some() {
            return failed(
                "a count of devices is not tested by the readings of one: try the rule on what is stored".to_owned(),
            );
        }
        if watched.is_empty() {
            let sensors: Vec<&str> = self.series.iter().map(|(series, _)| series.sensor.as_str()).collect();
            return failed(format!(
                "the rule watches nothing of this test (device {}, sensors {}): its device is {}, its sensor {}",
                self.device,
                sensors.join(", "),
                rule.device,
                rule.sensor
            ));
        }
        if let Some(seldom) = trial.watching(&catalog).seldom.filter(|(many, _)| *many == watched.len()) {
            return failed(format!("the rule never decides anything here: {}", seldom.1.text()));
        }
        let mut found: Vec<Found> = Vec::new();
        for series in &watched {
            let beside = trial.beside(series, &catalog);
            let mut replay = Replay::new(&trial, series, self.start).listing_open().looking_beside(&beside);
            let all: Vec<&Series> = std::iter::once(series).chain(&beside).collect();
            while let Some(which) = replay.wants() {
                let of = all.get(which).and_then(|one| self.series.iter().find(|(series, _)| series.id == one.id));
                replay.take_of(which, of.map_or(&[], |(_, points)| points), false);
            }
            let outcome = replay.finish(self.end);
            let spans = outcome.spans.iter().map(|span| Found {
                at: span.from.since(self.start),
                until: span.to.map(|to| to.since(self.start)),
                sensor: series.sensor.clone(),
                value: span.value,
            });
            found.extend(spans);
        }
        found.sort_by_key(|one| one.at);
        let is_as_expected = found.len() == self.fires.len()
            && found.iter().zip(&self.fires).all(|(found, expected)| found.is_as(expected));
        if is_as_expected {
            return Ok(());
        }
        let expected: Vec<String> = self.fires.iter().map(ToString::to_string).collect();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        let said = |all: Vec<String>, not: &str, does: &str| {
            if all.is_empty() { not.to_owned() } else { format!("{does} {}", all.join(", ")) }
        };
        let expected = said(expected, "not to fire", "to fire");
        failed(format!("expected {expected}, but it {}", said(found, "does not fire", "fires")))
    }

    fn device(&self) -> Device {
        Device {
            no: DEVICE,
            id: DeviceId::from_bytes([1; 16]),
            key: PublicKey([1; 32]),
            name: self.device.clone(),
            standing: Standing::Adopted,
            labels: self.labels.clone(),
            model: String::new(),
            version: String::new(),
            address: None,
            first_seen: self.start,
            last_seen: None,
            interval_ms: None,
            pushed_every_ms: None,
            notes: String::new(),
            handshake_counter: 0,
        }
    }
}

/// A firing, in milliseconds since the start.
struct Found {
    at: i64,
    until: Option<i64>,
    sensor: String,
    value: Option<f64>,
}

impl Found {
    fn is_as(&self, expected: &Expected) -> bool {
        let is_close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0);
        (self.at, self.until) == (expected.at, expected.until)
            && expected.sensor.as_ref().is_none_or(|sensor| *sensor == self.sensor)
            && expected.value.is_none_or(|value| self.value.is_some_and(|found| is_close(found, value)))
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        said(f, self.at, self.until, Some(&self.sensor), self.value)
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        said(f, self.at, self.until, self.sensor.as_deref(), self.value)
    }
}

fn said(
    f: &mut std::fmt::Formatter<'_>,
    at: i64,
    until: Option<i64>,
    sensor: Option<&str>,
    value: Option<f64>,
) -> std::fmt::Result {
    write!(f, "at {}", span(at))?;
    match until {
        Some(until) => write!(f, " until {}", span(until))?,
        None => f.write_str(" to the end")?,
    }
    value.map_or(Ok(()), |value| write!(f, " with {value}"))?;
    sensor.map_or(Ok(()), |sensor| write!(f, " ({sensor})"))
}

fn span(ms: i64) -> String {
    let length = when::span(std::time::Duration::from_millis(ms.unsigned_abs()));
    if ms < 0 { format!("-{length}") } else { length }
}
