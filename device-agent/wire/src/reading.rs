//! The nouns both sides share: who measured what, when, and in which unit.
//!
//! Newtypes carry the unit, so that a signature needs no comment: [`UnixMillis`] is never a duration, [`SensorNo`] is
//! never an index into something else. Nothing here reads a clock.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds. Negative before 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// This moment shifted by `ms` milliseconds, saturating at the ends of time.
    #[must_use]
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; negative if it lies before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The hour this moment lies in.
    #[must_use]
    pub const fn hour(self) -> Hour {
        Hour(self.0.div_euclid(Hour::MILLIS))
    }
}

/// Whole hours since 1970-01-01T00:00:00Z: what the loss ledger counts by. Negative before 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hour(pub i64);

impl Hour {
    /// Milliseconds in one.
    pub const MILLIS: i64 = 3_600_000;

    /// Its first moment, saturating at the ends of time.
    #[must_use]
    pub const fn start(self) -> UnixMillis {
        UnixMillis(self.0.saturating_mul(Self::MILLIS))
    }
}

/// A sensor's number on its device: dense from 0, kept across boots by the device. What it stands for is said by the
/// [`Numbering`] in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SensorNo(pub u16);

impl SensorNo {
    /// Sensors a device may have; it bounds what a device can cost the hub, and the decoder's state.
    pub const LIMIT: u16 = 256;
}

/// What a device's sensor numbers stand for: one begins whenever a number is given to another sensor, with the batch named
/// here. A device that never did so has the first, which begins with the first batch of all.
///
/// Batches before the one it begins with are of sensors that kept their numbers: a device gives a number to another sensor
/// only when no batch that speaks of the old one is left with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Numbering {
    /// Boot of that batch.
    pub epoch: Epoch,
    /// Its number.
    pub seq: BatchSeq,
}

impl Numbering {
    /// The first one.
    pub const FIRST: Self = Self { epoch: Epoch(0), seq: BatchSeq(0) };
}

/// What a sensor's values mean over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum SensorKind {
    /// A level that may go up and down: a temperature, a percentage.
    #[default]
    Gauge,
    /// A total that only grows and restarts from zero with the device: bytes sent, packets dropped.
    Counter,
    /// One of a few discrete levels: a door (0 shut, 1 open).
    State,
}

/// What a device says once about a sensor, before its first reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SensorSpec {
    /// Name, unique on the device; at most [`SensorSpec::NAME_LIMIT`] bytes of UTF-8.
    pub name: String,
    /// Unit in UCUM-like code (`Cel`, `%`, `By`, `By/s`); empty when dimensionless; at most [`SensorSpec::UNIT_LIMIT`] bytes.
    pub unit: String,
    /// How values relate over time.
    pub kind: SensorKind,
    /// Expected time between readings in milliseconds; 0 when readings come as they please.
    pub interval_ms: u32,
}

impl SensorSpec {
    /// Longest name in bytes.
    pub const NAME_LIMIT: usize = 64;
    /// Longest unit in bytes.
    pub const UNIT_LIMIT: usize = 16;

    /// Whether name and unit are within their limits and free of control characters.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        (1..=Self::NAME_LIMIT).contains(&self.name.len())
            && self.unit.len() <= Self::UNIT_LIMIT
            && !self.name.chars().chain(self.unit.chars()).any(char::is_control)
    }
}

/// One measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Which of the device's sensors.
    pub sensor: SensorNo,
    /// When it was taken, by the device's clock.
    pub at: UnixMillis,
    /// The value in the sensor's unit; always finite.
    pub value: f64,
}

/// Which of the two queues of a device a batch travels in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Lane {
    /// Sent as measured; never waits behind a backlog.
    Live,
    /// Kept while the hub was out of reach, or replayed from a file; never raises a live alert.
    Recovered,
}

/// A device's boot count: batch numbers start again at 0 in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch(pub u32);

/// Position of a batch in its epoch; without gaps from 0, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BatchSeq(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for BatchSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
