//! Readings that programs push as JSON, and the answer to them.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::receive::Kept;
use crate::http::devices::kind::Kind;
use crate::http::error::ApiError;
use crate::http::request::body::parse;
use crate::http::request::text;
use crate::ingest::gather::{DeviceSlot, Gathered, Part};
use crate::model::{UnixMillis, pushed, when};

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
    /// Unit code, such as `Cel` or `%`, of at most 32 bytes; common spellings of it, such as `°C`, are understood. What is known
    /// of the sensor stays when left out.
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

/// What became of pushed readings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pushed {
    /// Readings on disk.
    stored: usize,
    /// Devices they are of.
    devices: usize,
    /// Readings that are not: with `partial` alone, else there are none.
    left_out: usize,
    /// What is wrong with the first twenty of those.
    problems: Vec<PushProblem>,
}

/// Why a reading is not stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PushProblem {
    /// The field to correct, with its line or index.
    field: Option<String>,
    /// What is wrong and what to do, for people.
    detail: String,
}

/// What is wrong in a body, where the rest of it is to be stored.
#[derive(Debug)]
pub(super) struct Partly {
    is_asked: bool,
    count: usize,
    first: Vec<ApiError>,
}

impl Partly {
    /// Nothing yet. Where it is not asked for, the first thing that is wrong ends the reading.
    pub(super) const fn new(is_asked: bool) -> Self {
        Self { is_asked, count: 0, first: Vec::new() }
    }

    /// Readings that are wrong.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Notes what is wrong with a reading, if the others are to be stored without it.
    fn note(&mut self, read: Result<(), ApiError>) -> Result<(), ApiError> {
        match read {
            Err(error) if self.is_asked => {
                self.count += 1;
                if self.first.len() < PROBLEMS {
                    self.first.push(error);
                }
                Ok(())
            }
            read => read,
        }
    }

    /// An error if something is wrong and nothing is left.
    pub(super) fn all_is_wrong(&self) -> Result<(), ApiError> {
        self.first.first().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// The answer.
    pub(super) fn pushed(self, Kept { readings, devices, left_out }: Kept) -> Pushed {
        let not_taken: usize = left_out.iter().map(|(_, readings)| readings).sum();
        let errors = self.first.into_iter().chain(left_out.into_iter().map(|(error, _)| error));
        let problem = |error: ApiError| PushProblem {
            field: error.named().map(str::to_owned),
            detail: error.detail().to_owned(),
        };
        let problems = errors.take(PROBLEMS).map(problem).collect();
        Pushed { stored: readings, devices, left_out: self.count + not_taken, problems }
    }
}

/// Problems that are told; the others are only counted.
const PROBLEMS: usize = 20;

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

/// Readings of one device that are read one by one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Loose<'a> {
    device: String,
    #[serde(borrow)]
    readings: Vec<&'a RawValue>,
}

/// Gathers a body of JSON: one object, or an array of them.
///
/// # Errors
/// [`ApiError`] naming the field.
pub(super) fn gather_json(
    body: &str,
    gathered: &mut Gathered,
    now: UnixMillis,
    partly: &mut Partly,
) -> Result<(), ApiError> {
    if partly.is_asked { gather_each(body, gathered, now, partly) } else { gather_all(body, gathered, now, partly) }
}

fn gather_all(body: &str, gathered: &mut Gathered, now: UnixMillis, partly: &mut Partly) -> Result<(), ApiError> {
    if !is_array(body) {
        return gather(&parse(body.as_bytes())?, gathered, now, partly);
    }
    let all: Vec<NewReadings> = parse(body.as_bytes())?;
    for (index, one) in all.iter().enumerate() {
        gathered.begin(Part::Item(index as u64));
        gather(one, gathered, now, partly).map_err(|error| error.within(&format!("[{index}]")))?;
    }
    Ok(())
}

/// The same, and a reading that has not its form is wrong alone.
fn gather_each(body: &str, gathered: &mut Gathered, now: UnixMillis, partly: &mut Partly) -> Result<(), ApiError> {
    let is_array = is_array(body);
    let all: Vec<Loose<'_>> = if is_array { parse(body.as_bytes())? } else { vec![parse(body.as_bytes())?] };
    for (index, one) in all.iter().enumerate() {
        let inside = |error: ApiError| if is_array { error.within(&format!("[{index}]")) } else { error };
        gathered.begin(Part::Item(index as u64));
        let device = match device_of(&one.device, gathered) {
            Ok(device) => device,
            Err(error) => {
                for _ in &one.readings {
                    partly.note(Err(inside(error.clone())))?;
                }
                continue;
            }
        };
        for (number, reading) in one.readings.iter().enumerate() {
            let read = parse(reading.get().as_bytes()).and_then(|new| gather_one(&new, device, gathered, now));
            partly.note(read.map_err(|error| inside(error.within(&format!("readings[{number}]")))))?;
        }
    }
    Ok(())
}

fn is_array(body: &str) -> bool {
    body.trim_start().starts_with('[')
}

/// Gathers a body of NDJSON.
///
/// # Errors
/// [`ApiError`] naming the line and the field.
pub(super) fn gather_ndjson(
    body: &str,
    gathered: &mut Gathered,
    now: UnixMillis,
    partly: &mut Partly,
) -> Result<(), ApiError> {
    for (number, text) in (1..).zip(body.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        gathered.begin(Part::Line(number));
        let read = parse(text.as_bytes()).and_then(|line| gather_line(line, gathered, now, partly));
        partly.note(read.map_err(|error| error.in_line(number)))?;
    }
    Ok(())
}

fn gather_line(line: Line, gathered: &mut Gathered, now: UnixMillis, partly: &mut Partly) -> Result<(), ApiError> {
    let Line { device, sensor, value, at, unit, kind, readings } = line;
    let is_bare = sensor.is_none() && value.is_none() && at.is_none() && unit.is_none() && kind.is_none();
    let missing = |field| ApiError::invalid(field, format!("missing field `{field}`"));
    match readings {
        Some(readings) if is_bare => gather(&NewReadings { device, readings }, gathered, now, partly),
        Some(_) => Err(ApiError::invalid("readings", "send either `readings`, or the fields of one reading")),
        None => {
            let sensor = sensor.ok_or_else(|| missing("sensor"))?;
            let value = value.ok_or_else(|| missing("value"))?;
            let device = device_of(&device, gathered)?;
            gather_one(&NewReading { sensor, value, at, unit, kind }, device, gathered, now)
        }
    }
}

fn gather(new: &NewReadings, gathered: &mut Gathered, now: UnixMillis, partly: &mut Partly) -> Result<(), ApiError> {
    let device = device_of(&new.device, gathered)?;
    for (index, reading) in new.readings.iter().enumerate() {
        let read = gather_one(reading, device, gathered, now);
        partly.note(read.map_err(|error| error.within(&format!("readings[{index}]"))))?;
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
    pushed::moment(at, now).map_err(|detail| ApiError::invalid("at", detail))?;
    pushed::sensor(&new.sensor).map_err(|detail| ApiError::invalid("sensor", detail))?;
    if let Some(unit) = &new.unit {
        pushed::unit(unit).map_err(|detail| ApiError::invalid("unit", detail))?;
    }
    if !new.value.0.is_finite() {
        return Err(ApiError::invalid("value", "this number is too large to be stored"));
    }
    let slot = gathered.sensor(device, &new.sensor, new.unit.as_deref(), new.kind.map(Into::into));
    gathered.push(slot, at, new.value.0);
    Ok(())
}
