//! Readings that programs push as JSON, and the answer to them.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::devices::kind::Kind;
use crate::http::error::ApiError;
use crate::http::request::text;
use crate::ingest::gather::{DeviceSlot, Gathered, Part};
use crate::model::reading::AHEAD_MS;
use crate::model::{SensorSpec, UnixMillis, when};

/// Longest name of a pushed sensor, in bytes: Telegraf's names for containers have many tags.
const SENSOR_BYTES: usize = 255;
/// A reading from before this moment has a wrong unit of time: 2000-01-01.
const EARLIEST: UnixMillis = UnixMillis(946_684_800_000);

/// Readings of one device.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReadings {
    /// Name of the device; it appears with its first reading. An id or name of one that is there means that one.
    device: String,
    /// Its readings, in any order.
    readings: Vec<NewReading>,
}

/// One reading.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReading {
    /// Sensor.
    sensor: String,
    /// A number; true and false are 1 and 0.
    #[schema(value_type = f64)]
    value: Value,
    /// When it was taken: RFC 3339, epoch milliseconds or `now-5s`; the time of its arrival when left out.
    #[schema(value_type = Option<String>)]
    at: Option<At>,
    /// Unit code, such as `Cel` or `%`; what is known of the sensor stays when left out.
    unit: Option<String>,
    /// What its values are: `counter` for a total that only grows. What is known of the sensor stays when left out, and what
    /// its owner set stays in any case.
    kind: Option<Kind>,
}

/// A line of NDJSON: one reading with its device, or what a whole body of JSON has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    device: String,
    sensor: Option<String>,
    value: Option<Value>,
    at: Option<At>,
    unit: Option<String>,
    kind: Option<Kind>,
    readings: Option<Vec<NewReading>>,
}

/// What became of pushed readings: all of them are on disk.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pushed {
    /// Readings.
    pub stored: usize,
    /// Devices they are of.
    pub devices: usize,
}

/// A number, or a state.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Value(f64);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
                Ok(Value(value))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
                Ok(Value(value as f64))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
                Ok(Value(value as f64))
            }
            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
                Ok(Value(f64::from(u8::from(value))))
            }
        }
        from.deserialize_any(Number)
    }
}

/// A moment as it is written.
#[derive(Debug, Clone, PartialEq)]
enum At {
    Millis(i64),
    Text(String),
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Moment;
        impl Visitor<'_> for Moment {
            type Value = At;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("epoch milliseconds, or a string such as 2026-11-22T11:40:00Z")
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<At, E> {
                Ok(At::Millis(value))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<At, E> {
                i64::try_from(value)
                    .map(At::Millis)
                    .map_err(|_| E::custom("this number is too large for a time in epoch milliseconds"))
            }
            /// Not whole: refused as such, with what it looks like.
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<At, E> {
                Ok(At::Text(value.to_string()))
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<At, E> {
                Ok(At::Text(value.to_owned()))
            }
        }
        from.deserialize_any(Moment)
    }
}

/// Gathers a body of JSON: one object, or an array of them.
///
/// # Errors
/// [`ApiError`] naming the field.
pub(crate) fn gather_json(body: &str, gathered: &mut Gathered, now: UnixMillis) -> Result<(), ApiError> {
    if body.trim_start().starts_with('[') {
        let all: Vec<NewReadings> = crate::http::request::body::parse(body.as_bytes())?;
        for (index, one) in all.iter().enumerate() {
            gathered.begin(Part::Item(index as u64));
            gather(one, gathered, now).map_err(|error| error.within(&format!("[{index}]")))?;
        }
        return Ok(());
    }
    gather(&crate::http::request::body::parse(body.as_bytes())?, gathered, now)
}

/// Gathers a body of NDJSON.
///
/// # Errors
/// [`ApiError`] naming the line and the field.
pub(crate) fn gather_ndjson(body: &str, gathered: &mut Gathered, now: UnixMillis) -> Result<(), ApiError> {
    for (number, text) in (1..).zip(body.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        gathered.begin(Part::Line(number));
        let read = crate::http::request::body::parse(text.as_bytes()).and_then(|line| gather_line(line, gathered, now));
        read.map_err(|error| error.in_line(number))?;
    }
    Ok(())
}

fn gather_line(line: Line, gathered: &mut Gathered, now: UnixMillis) -> Result<(), ApiError> {
    let Line { device, sensor, value, at, unit, kind, readings } = line;
    let is_bare = sensor.is_none() && value.is_none() && at.is_none() && unit.is_none() && kind.is_none();
    let missing = |field| ApiError::invalid(field, format!("missing field `{field}`"));
    match readings {
        Some(readings) if is_bare => gather(&NewReadings { device, readings }, gathered, now),
        Some(_) => Err(ApiError::invalid("readings", "send either `readings`, or the fields of one reading")),
        None => {
            let sensor = sensor.ok_or_else(|| missing("sensor"))?;
            let value = value.ok_or_else(|| missing("value"))?;
            let device = device_of(&device, gathered)?;
            gather_one(&NewReading { sensor, value, at, unit, kind }, device, gathered, now)
        }
    }
}

fn gather(new: &NewReadings, gathered: &mut Gathered, now: UnixMillis) -> Result<(), ApiError> {
    let device = device_of(&new.device, gathered)?;
    for (index, reading) in new.readings.iter().enumerate() {
        gather_one(reading, device, gathered, now).map_err(|error| error.within(&format!("readings[{index}]")))?;
    }
    Ok(())
}

fn device_of(name: &str, gathered: &mut Gathered) -> Result<DeviceSlot, ApiError> {
    Ok(gathered.device(&text::name("device", name.to_owned())?))
}

fn gather_one(new: &NewReading, device: DeviceSlot, gathered: &mut Gathered, now: UnixMillis) -> Result<(), ApiError> {
    let at = match &new.at {
        None => now,
        Some(At::Millis(millis)) => {
            when::time(&millis.to_string(), now).map_err(|detail| ApiError::invalid("at", detail))?
        }
        Some(At::Text(text)) => when::time(text, now).map_err(|detail| ApiError::invalid("at", detail))?,
    };
    moment(at, now).map_err(|detail| ApiError::invalid("at", detail))?;
    sensor(&new.sensor).map_err(|detail| ApiError::invalid("sensor", detail))?;
    if let Some(unit) = &new.unit {
        self::unit(unit).map_err(|detail| ApiError::invalid("unit", detail))?;
    }
    if !new.value.0.is_finite() {
        return Err(ApiError::invalid("value", "this number is too large to be stored"));
    }
    let slot = gathered.sensor(device, &new.sensor, new.unit.as_deref(), new.kind.map(Into::into));
    gathered.push(slot, at, new.value.0);
    Ok(())
}

/// Checks the moment of a reading that is pushed.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn moment(at: UnixMillis, now: UnixMillis) -> Result<(), String> {
    if at.since(now) > AHEAD_MS {
        let (at, now) = (when::moment(at), when::moment(now));
        return Err(format!(
            "{at} is in the future: the hub's clock says {now}, and at most 5 minutes ahead are accepted"
        ));
    }
    if at < EARLIEST {
        let guess = when::guess::day(at.0 as f64).map(|guess| format!("it {guess}"));
        let guess = guess.unwrap_or_else(|| "is the time in the right unit?".to_owned());
        return Err(format!("{} is before the year 2000: {guess}", when::moment(at)));
    }
    Ok(())
}

/// Checks the name of a sensor that is pushed or imported.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn sensor(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > SENSOR_BYTES {
        return Err(format!("the name of a sensor must have 1 to {SENSOR_BYTES} bytes"));
    }
    text::hidden(name).map_or(Ok(()), |hidden| Err(format!("the name of the sensor has {hidden}")))
}

/// Checks a unit.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn unit(unit: &str) -> Result<(), String> {
    if unit.len() > SensorSpec::UNIT_LIMIT {
        return Err(format!("a unit must have at most {} bytes", SensorSpec::UNIT_LIMIT));
    }
    text::hidden(unit).map_or(Ok(()), |hidden| Err(format!("the unit has {hidden}")))
}
