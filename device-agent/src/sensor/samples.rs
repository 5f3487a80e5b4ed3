//! The result of one round of sampling: values, failures, and what was left out.

use std::fmt;
use std::io;

use rustix::io::Errno;
use wire::{SensorKind, UnixMillis};

use super::Error;

/// One measured value with the words that describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'a> {
    /// Such as `mem.used_pct`.
    pub name: &'a str,
    /// UCUM-like code.
    pub unit: &'static str,
    /// Gauge or counter.
    pub kind: SensorKind,
    pub at: UnixMillis,
    /// Always finite.
    pub value: f64,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    /// Where its name ends.
    end: usize,
    unit: &'static str,
    kind: SensorKind,
    at: UnixMillis,
    value: f64,
}

/// What one round of sampling gave; reused from round to round, so that a round in which all is well allocates nothing.
#[derive(Debug, Default)]
pub struct Samples {
    names: String,
    rows: Vec<Row>,
    /// Sensors that should be there and gave nothing.
    pub(super) failed: Vec<(String, Error)>,
    /// Sensors whose value was not taken, and why.
    pub(super) left_out: Vec<(String, String)>,
    /// Sensors of which the driver says that there is nothing to measure, and how it does.
    pub(super) silent: Vec<(String, String)>,
}

impl Samples {
    /// Forgets the last round.
    pub fn clear(&mut self) {
        self.names.clear();
        self.rows.clear();
        self.failed.clear();
        self.left_out.clear();
        self.silent.clear();
    }

    /// Adds a level.
    pub fn gauge(&mut self, name: fmt::Arguments<'_>, unit: &'static str, value: f64) {
        self.write(name, unit, SensorKind::Gauge, value);
    }

    /// Adds a total that only grows.
    pub fn counter(&mut self, name: fmt::Arguments<'_>, unit: &'static str, value: f64) {
        self.write(name, unit, SensorKind::Counter, value);
    }

    /// Adds one of a few levels: a door, a plug.
    pub fn state(&mut self, name: fmt::Arguments<'_>, value: f64) {
        self.write(name, "", SensorKind::State, value);
    }

    /// Notes that a sensor cannot be read. The other ones of its source are.
    pub fn fail(&mut self, name: String, error: Error) {
        self.failed.push((name, error));
    }

    /// Notes that a sensor was read and its value not taken, and why: nothing is wrong with the source.
    pub fn leave_out(&mut self, name: &str, why: impl Into<String>) {
        self.left_out.push((name.to_owned(), why.into()));
    }

    /// Notes that of a sensor the driver says in its `file` that there is nothing to measure. Many files never say anything else.
    pub(super) fn be_silent(&mut self, name: &str, file: &str, how: Errno) {
        let said = format!("{file}: the driver has nothing to say ({})", io::Error::from(how));
        self.silent.push((name.to_owned(), said));
    }

    /// Whether there is a value of this sensor in it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.iter().any(|sample| sample.name == name)
    }

    /// Adds a value under a name that is ready.
    pub(super) fn add(&mut self, name: &str, unit: &'static str, kind: SensorKind, value: f64) {
        if value.is_finite() {
            self.names.push_str(name);
            self.push(unit, kind, value);
        }
    }

    /// The same, as of `at`.
    pub(super) fn add_at(&mut self, at: UnixMillis, name: &str, unit: &'static str, kind: SensorKind, value: f64) {
        self.names.push_str(name);
        self.rows.push(Row { end: self.names.len(), unit, kind, at, value });
    }

    fn write(&mut self, name: fmt::Arguments<'_>, unit: &'static str, kind: SensorKind, value: f64) {
        if value.is_finite() {
            let _ = fmt::Write::write_fmt(&mut self.names, name);
            self.push(unit, kind, value);
        }
    }

    fn push(&mut self, unit: &'static str, kind: SensorKind, value: f64) {
        self.rows.push(Row { end: self.names.len(), unit, kind, at: UnixMillis(0), value });
    }

    /// Adds the values of another round, as of `at`.
    pub(super) fn append(&mut self, other: &Self, at: UnixMillis) {
        let before = self.names.len();
        self.names.push_str(&other.names);
        self.rows.extend(other.rows.iter().map(|row| Row { end: row.end + before, at, ..*row }));
    }

    /// Adds the values of another round, as of `at`, but for sensors that are in `known`.
    pub(super) fn append_but(&mut self, known: &Self, other: &Self, at: UnixMillis) {
        for sample in other.iter().filter(|sample| !known.has(sample.name)) {
            self.add_at(at, sample.name, sample.unit, sample.kind, sample.value);
        }
    }

    /// Gives the same sensors other values, as of `at`.
    pub(super) fn set(&mut self, values: impl Iterator<Item = f64>, at: UnixMillis) {
        self.rows.iter_mut().zip(values).for_each(|(row, value)| (row.value, row.at) = (value, at));
    }

    /// Whether there is no value in it.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What was added since [`Samples::clear`].
    pub fn iter(&self) -> impl Iterator<Item = Sample<'_>> {
        let mut start = 0;
        self.rows.iter().map(move |&Row { end, unit, kind, at, value }| {
            let name = self.names.get(start..end).unwrap_or_default();
            start = end;
            Sample { name, unit, kind, at, value }
        })
    }
}
