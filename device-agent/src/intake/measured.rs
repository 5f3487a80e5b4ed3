//! A value from a source with its name and unit, and how a source's content is read and named.

use wire::{SensorKind, UnixMillis};

use crate::sensor::times;

/// One reading with the words that describe its sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Name of the sensor.
    pub name: String,
    /// UCUM-like code.
    pub unit: String,
    /// Gauge, counter or state.
    pub kind: SensorKind,
    /// When, if the source says so; else when it arrived.
    pub at: Option<UnixMillis>,
    /// The value; not checked to be finite.
    pub value: f64,
}

/// How numbers without words are called.
#[derive(Debug, Clone, PartialEq)]
pub struct Naming {
    /// Sensor name, or the start of it where a source gives several values.
    pub name: String,
    /// UCUM-like code.
    pub unit: String,
    /// Gauge, counter or state.
    pub kind: SensorKind,
    /// Every value is multiplied with this.
    pub scale: f64,
}

impl Naming {
    pub(super) fn measured(&self, rest: &str, value: f64) -> Measured {
        let name = match (self.name.is_empty(), rest.is_empty()) {
            (_, true) => self.name.clone(),
            (true, false) => rest.to_owned(),
            (false, false) => format!("{}.{rest}", self.name),
        };
        Measured { name, unit: self.unit.clone(), kind: self.kind, at: None, value: times(value, self.scale) }
    }
}

/// How a text becomes numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// The first word is a number, see `number`.
    Number,
    /// The number at this JSON pointer, or every number below it, named by its keys.
    Json(String),
    /// Influx line protocol.
    Influx,
}
