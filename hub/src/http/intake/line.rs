//! The line protocol's points as readings: which device and sensor a field is of.
//!
//! ```text
//!   cpu,host=web01,cpu=cpu0 usage_user=3.5      device web01     sensor cpu.usage_user{cpu=cpu0}
//!   mem,host=web01 used_percent=41              device web01     sensor mem.used_percent
//!   weather,side=north temperature=21.5         device weather   sensor temperature{side=north}
//! ```
//!
//! The device is the tag `host`, which Telegraf puts on everything; without it the tag `device`, and without that the
//! measurement. (`host` first: Telegraf's disks have a tag `device` as well.) The other tags belong to the sensor's name, in
//! order of their names, because each combination of them is a series of its own. True and false are 1 and 0; texts are no
//! readings and are passed over.

use std::collections::HashMap;
use std::fmt::Write as _;

use axum::http::StatusCode;

use super::json as push;
use crate::http::error::ApiError;
use crate::ingest::gather::{DeviceSlot, Gathered, Part, SensorSlot};
use crate::line::{Error, Fields, Line, Lines, Series, Value};
use crate::model::UnixMillis;

/// The unit of timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Precision {
    /// Of them make a millisecond, or 1.
    divide: i64,
    /// Milliseconds of each, or 1.
    multiply: i64,
}

impl Precision {
    /// Nanoseconds: what counts when nothing is said.
    pub(crate) const NANOS: Self = Self { divide: 1_000_000, multiply: 1 };

    /// By the name that versions 1 and 2 of InfluxDB give it.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        let (divide, multiply) = match name {
            "ns" | "n" => (1_000_000, 1),
            "us" | "u" | "µ" => (1_000, 1),
            "ms" => (1, 1),
            "s" => (1, 1_000),
            "m" => (1, 60_000),
            "h" => (1, 3_600_000),
            _ => return None,
        };
        Some(Self { divide, multiply })
    }

    /// What is wrong with a timestamp, and the unit it is in by the looks of it.
    fn hint(self, timestamp: Option<i64>, what: String, now: UnixMillis) -> String {
        let Some(timestamp) = timestamp else { return what };
        let fits =
            |name: &&str| Self::named(name).is_some_and(|unit| push::moment(unit.millis(timestamp), now).is_ok());
        match UNITS.iter().find(|(name, _)| fits(name)) {
            Some((name, unit)) => format!("{what}; `{timestamp}` looks like {unit}: set precision={name}"),
            None => what,
        }
    }

    fn millis(self, timestamp: i64) -> UnixMillis {
        UnixMillis(timestamp.saturating_mul(self.multiply).div_euclid(self.divide))
    }
}

/// Units of timestamps, with their names for people.
const UNITS: [(&str, &str); 4] =
    [("s", "seconds"), ("ms", "milliseconds"), ("us", "microseconds"), ("ns", "nanoseconds")];

/// A series that was met in this text: its device, and its fields in the order they came.
struct Met<'a> {
    device: DeviceSlot,
    fields: Vec<(&'a str, SensorSlot)>,
}

/// Gathers a text; how many fields were texts and passed over.
///
/// # Errors
/// [`ApiError`] with the line and column.
pub(crate) fn gather(
    body: &str,
    precision: Precision,
    gathered: &mut Gathered,
    now: UnixMillis,
) -> Result<usize, ApiError> {
    let mut met: HashMap<&str, Met<'_>> = HashMap::new();
    let mut passed_over = 0;
    for line in Lines::of(body) {
        let line = line.map_err(refused)?;
        let at = line.timestamp.map_or(now, |timestamp| precision.millis(timestamp));
        push::moment(at, now)
            .map_err(|what| refused(line.error_in_timestamp(precision.hint(line.timestamp, what, now))))?;
        let series = match met.get_mut(line.key) {
            Some(series) => series,
            None => {
                let device = device(&line)?;
                gathered.begin(Part::Line(line.number as u64));
                let device = gathered.device(&device);
                met.entry(line.key).or_insert(Met { device, fields: Vec::new() })
            }
        };
        // Made when a field is new, which most are once.
        let mut names = None;
        for (place, field) in line.fields().enumerate() {
            let (name, value) = field.map_err(|(at, what)| refused(line.error_in_fields(at, what)))?;
            let value = match value {
                Value::Number(value) => value,
                Value::Switch(on) => f64::from(u8::from(on)),
                Value::Text(_) => {
                    passed_over += 1;
                    continue;
                }
            };
            // Fields come in the same order nearly always; where texts were passed over, a little later.
            let guess = series.fields.get(place).filter(|(known, _)| *known == name);
            let known = guess.or_else(|| series.fields.iter().find(|(known, _)| *known == name));
            let slot = match known {
                Some((_, slot)) => *slot,
                None => {
                    let names = match &mut names {
                        Some(names) => names,
                        None => names.insert(line.series().map_err(refused)?),
                    };
                    let sensor = sensor(names, &Fields::name(name));
                    push::sensor(&sensor).map_err(|what| {
                        refused(line.error(0, format!("`{sensor}`, made of measurement, field and tags: {what}")))
                    })?;
                    let slot = gathered.sensor(series.device, &sensor, None, None);
                    series.fields.push((name, slot));
                    slot
                }
            };
            gathered.push(slot, at, value);
        }
    }
    Ok(passed_over)
}

fn device(line: &Line<'_>) -> Result<String, ApiError> {
    let series = line.series().map_err(refused)?;
    let (name, what) = match device_tag(&series) {
        Some(tag) => (series.tag(tag).unwrap_or_default(), format!("the tag `{tag}`")),
        None => (&*series.measurement, "the measurement".to_owned()),
    };
    crate::http::request::text::name("device", name.to_owned()).map_err(|_| {
        let rule = "must have 1 to 64 bytes, all of them visible characters";
        refused(line.error(0, format!("{what} is the name of the device and {rule}")))
    })
}

/// The tag that names the device.
fn device_tag(series: &Series<'_>) -> Option<&'static str> {
    ["host", "device"].into_iter().find(|tag| series.tag(tag).is_some())
}

fn sensor(series: &Series<'_>, field: &str) -> String {
    let device = device_tag(series);
    // Telegraf and others call a field `value` where a measurement has one.
    let mut name = match device {
        None => field.to_owned(),
        Some(_) if field == "value" => series.measurement.to_string(),
        Some(_) => format!("{}.{field}", series.measurement),
    };
    let others = series.tags.iter().filter(|(tag, _)| device != Some(&**tag));
    for (index, (tag, value)) in others.enumerate() {
        // Writing to a text does not fail.
        let _ = write!(name, "{}{tag}={value}", if index == 0 { '{' } else { ',' });
    }
    if series.tags.len() > usize::from(device.is_some()) {
        name.push('}');
    }
    name
}

fn refused(error: Error) -> ApiError {
    let field = format!("line {}", error.line);
    ApiError::new(StatusCode::BAD_REQUEST, "invalid", error.to_string()).field(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_and_sensor_follow_from_measurement_field_and_tags() {
        let cases = [
            ("mem,host=web01 used_percent=41", "web01", "mem.used_percent"),
            ("cpu,host=web01,cpu=cpu0 usage_user=3", "web01", "cpu.usage_user{cpu=cpu0}"),
            ("disk,host=web01,path=/,device=sda1 free=3", "web01", "disk.free{device=sda1,path=/}"),
            ("disk,device=sda1,path=/,host=web01 free=3", "web01", "disk.free{device=sda1,path=/}"),
            ("climate,device=attic temperature=3", "attic", "climate.temperature"),
            ("temperature,device=attic value=3", "attic", "temperature"),
            ("weather,side=north temperature=3", "weather", "temperature{side=north}"),
            ("weather value=3", "weather", "value"),
        ];
        for (text, device_is, sensor_is) in cases {
            let line = Lines::of(text).next().unwrap().unwrap();
            let (field, _) = line.fields().next().unwrap().unwrap();
            assert_eq!((&*device(&line).unwrap(), &*sensor(&line.series().unwrap(), field)), (device_is, sensor_is));
        }
    }

    #[test]
    fn a_timestamp_is_in_the_unit_that_is_said_and_rounded_down() {
        let at = |name, timestamp| Precision::named(name).unwrap().millis(timestamp).0;
        assert_eq!((at("ns", 1_999_999), at("ns", -1), at("us", 1_999), at("ms", 7)), (1, -1, 1, 7));
        assert_eq!((at("s", 7), at("m", 1), at("h", 1), at("s", i64::MAX)), (7_000, 60_000, 3_600_000, i64::MAX));
        assert_eq!(Precision::named("day"), None);
    }
}
