//! The tables `[[file]]`, `[[exec]]`, `[[listen]]` and `[[sensor]]`, and the errors in them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use wire::{SensorKind, SensorSpec};

use crate::deadband::Rule;
use crate::intake::{self, Address, Format, Naming, Source, line};
use crate::quantity;

/// A mistake in a table: which key, or none for the table as a whole, and what would be right.
pub(super) type Wrong = (&'static str, String);

/// A `[[file]]` table: a number, or JSON, in a file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileTable {
    /// Sensor name, or the start of it.
    pub name: String,
    pub path: PathBuf,
    /// `number` (the default), or `json` if there is a pointer, or `influx`.
    pub format: Option<String>,
    /// Which number in the JSON; empty for all.
    pub pointer: Option<String>,
    /// UCUM-like code.
    #[serde(default)]
    pub unit: String,
    /// `gauge`, `counter` or `state`.
    pub kind: Option<String>,
    /// Every value is multiplied with this.
    pub scale: Option<f64>,
    /// Time between readings, as text.
    pub interval: Option<String>,
}

/// An `[[exec]]` table: what a command prints.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecTable {
    /// Sensor name, or the start of it.
    pub name: String,
    pub command: Vec<String>,
    /// As in `[[file]]`.
    pub format: Option<String>,
    /// As in `[[file]]`.
    pub pointer: Option<String>,
    /// UCUM-like code.
    #[serde(default)]
    pub unit: String,
    /// `gauge`, `counter` or `state`.
    pub kind: Option<String>,
    /// Every value is multiplied with this.
    pub scale: Option<f64>,
    /// Time between runs, as text.
    pub interval: Option<String>,
    /// How long a run may take, as text.
    pub timeout: Option<String>,
}

/// A `[[listen]]` table: line protocol from other programs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenTable {
    /// Loopback address and port.
    pub udp: Option<String>,
    /// Path of a datagram socket.
    pub unix: Option<PathBuf>,
    /// Put before each name.
    #[serde(default)]
    pub prefix: String,
    /// Unit of timestamps: `ns` (the default), `us`, `ms` or `s`.
    pub precision: Option<String>,
}

/// A `[[sensor]]` table: how often the sensors of a name are told, and what they mean.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleTable {
    /// Name; a trailing `*` matches any rest.
    pub name: String,
    /// Changes up to this are not told.
    pub deadband: Option<f64>,
    /// Never more often than this.
    pub min_interval: Option<String>,
    /// Even without a change, at least this often.
    pub max_interval: Option<String>,
    /// UCUM-like code.
    pub unit: Option<String>,
    /// `gauge`, `counter` or `state`.
    pub kind: Option<String>,
}

impl FileTable {
    pub(super) fn check(self, root: &Path, interval: Duration) -> Result<Source, Wrong> {
        Ok(Source::File {
            path: intake::under(root, &self.path),
            format: format_of(self.format.as_deref(), self.pointer)?,
            naming: naming_of(self.name, self.unit, self.kind.as_deref(), self.scale)?,
            every: every_of(self.interval.as_deref(), interval)?,
        })
    }
}

impl ExecTable {
    pub(super) fn check(self, interval: Duration) -> Result<Source, Wrong> {
        if self.command.first().is_none_or(String::is_empty) {
            return wrong("command", "a list of program and arguments, such as [\"/usr/bin/sensor\", \"-n\"]");
        }
        let timeout = duration_of("timeout", self.timeout.as_deref().unwrap_or("10s"))?;
        if timeout.is_zero() {
            return wrong("timeout", "must be longer than 0");
        }
        Ok(Source::Exec {
            command: self.command,
            format: format_of(self.format.as_deref(), self.pointer)?,
            naming: naming_of(self.name, self.unit, self.kind.as_deref(), self.scale)?,
            every: every_of(self.interval.as_deref(), interval)?,
            timeout,
        })
    }
}

impl ListenTable {
    pub(super) fn check(self) -> Result<Source, Wrong> {
        let address = match (self.udp, self.unix) {
            (Some(udp), None) => match udp.parse::<SocketAddr>() {
                Ok(address) if address.ip().is_loopback() => Address::Udp(address),
                _ => return wrong("udp", &format!("'{udp}' is not a loopback address such as 127.0.0.1:8089")),
            },
            (None, Some(path)) => Address::Unix(path),
            (None, None) | (Some(_), Some(_)) => return wrong("", "set either udp or unix"),
        };
        let precision = match self.precision.as_deref() {
            None | Some("ns") => line::NANOSECONDS,
            Some("us") => 1_000,
            Some("ms") => 1_000_000,
            Some("s") => 1_000_000_000,
            Some(other) => return wrong("precision", &format!("'{other}' is not one of ns, us, ms, s")),
        };
        Ok(Source::Listen { address, prefix: self.prefix, precision })
    }
}

impl RuleTable {
    pub(super) fn check(self) -> Result<Rule, Wrong> {
        let time = |key, text: Option<String>| text.map(|text| duration_of(key, &text)).transpose();
        let (min, max) = (time("min_interval", self.min_interval)?, time("max_interval", self.max_interval)?);
        if self.deadband.is_some_and(|deadband| !deadband.is_finite() || deadband < 0.0) {
            return wrong("deadband", "must be 0 or more");
        }
        if let (Some(min), Some(max)) = (min, max) {
            if min > max {
                return wrong("min_interval", "is longer than max_interval");
            }
        }
        if let Some(unit) = &self.unit {
            check_unit(unit)?;
        }
        let kind = self.kind.as_deref().map(kind_of).transpose()?;
        Ok(Rule { name: self.name, deadband: self.deadband, min, max, unit: self.unit, kind })
    }
}

fn wrong<T>(key: &'static str, why: &str) -> Result<T, Wrong> {
    Err((key, why.to_owned()))
}

fn duration_of(key: &'static str, text: &str) -> Result<Duration, Wrong> {
    quantity::duration(text).map_err(|why| (key, why))
}

fn naming_of(name: String, unit: String, kind: Option<&str>, scale: Option<f64>) -> Result<Naming, Wrong> {
    if name.is_empty() || name.len() > SensorSpec::NAME_LIMIT || wire::text::unseen(&name).is_some() {
        return wrong(
            "name",
            &format!("1 to {} bytes without invisible or control characters", SensorSpec::NAME_LIMIT),
        );
    }
    check_unit(&unit)?;
    let scale = scale.unwrap_or(1.0);
    if !scale.is_finite() {
        return wrong("scale", "must be a number");
    }
    Ok(Naming { name, unit, kind: kind.map_or(Ok(SensorKind::Gauge), kind_of)?, scale })
}

fn check_unit(unit: &str) -> Result<(), Wrong> {
    if unit.len() > SensorSpec::UNIT_LIMIT {
        return wrong("unit", &format!("at most {} bytes", SensorSpec::UNIT_LIMIT));
    }
    if wire::text::unseen(unit).is_some() {
        return wrong("unit", "a text without invisible or control characters");
    }
    Ok(())
}

fn kind_of(text: &str) -> Result<SensorKind, Wrong> {
    match text {
        "gauge" => Ok(SensorKind::Gauge),
        "counter" => Ok(SensorKind::Counter),
        "state" => Ok(SensorKind::State),
        other => wrong("kind", &format!("'{other}' is not one of gauge, counter, state")),
    }
}

fn format_of(format: Option<&str>, pointer: Option<String>) -> Result<Format, Wrong> {
    let pointer_ok = pointer.as_ref().is_none_or(|pointer| pointer.is_empty() || pointer.starts_with('/'));
    match (format, pointer) {
        _ if !pointer_ok => wrong("pointer", "begins with a slash, such as /sensors/0/value"),
        (None | Some("json"), Some(pointer)) => Ok(Format::Json(pointer)),
        (None | Some("number"), None) => Ok(Format::Number),
        (Some("json"), None) => Ok(Format::Json(String::new())),
        (Some("influx"), None) => Ok(Format::Influx),
        (Some("number" | "influx"), Some(_)) => wrong("pointer", "is only for format \"json\""),
        (Some(other), _) => wrong("format", &format!("'{other}' is not one of number, json, influx")),
    }
}

fn every_of(text: Option<&str>, usual: Duration) -> Result<Duration, Wrong> {
    let every = text.map_or(Ok(usual), |text| duration_of("interval", text))?;
    if every < Duration::from_millis(10) { wrong("interval", "must be at least 10ms") } else { Ok(every) }
}
