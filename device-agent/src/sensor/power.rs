//! Batteries and mains, from `/sys/class/power_supply`.
//!
//! The kernel's rule is that current and power are positive into a battery and negative out of it; drivers keep to it, to
//! its opposite, or write no sign at all. So the sign is taken from `status`: charging is positive, discharging negative,
//! and only where that says neither (full, not charging, unknown) the driver's stands. A negative number that a driver
//! wrote as 32 bits without a sign (4294966046 for -1250) is understood. What no supply has is dropped and told.

#[cfg(test)]
mod tests;

use super::files::{Content, Files};
use super::number::{times, told};
use super::{Error, Samples};

/// A level: the files that tell it, the first of them that does; name, unit, what the kernel's number is multiplied with to
/// be in that unit, and what can be.
struct Level {
    files: &'static [&'static str],
    what: &'static str,
    unit: &'static str,
    factor: f64,
    least: f64,
    most: f64,
}

const fn level(
    files: &'static [&'static str],
    what: &'static str,
    unit: &'static str,
    factor: f64,
    most: f64,
) -> Level {
    Level { files, what, unit, factor, least: 0.0, most }
}

const fn both_ways(files: &'static [&'static str], what: &'static str, unit: &'static str, most: f64) -> Level {
    Level { files, what, unit, factor: 1e-6, least: -most, most }
}

const VOLTAGE: Level = level(&["voltage_now", "voltage_avg"], "voltage", "V", 1e-6, 1_000.0);
const CURRENT: Level = both_ways(&["current_now", "current_avg"], "current", "A", 1_000.0);
const POWER: Level = both_ways(&["power_now", "power_avg"], "power", "W", 100_000.0);
/// A little above full: batteries are calibrated now and then. It is told as full.
const CHARGE_PCT: Level = level(&["capacity"], "charge_pct", "%", 1.0, 110.0);
const ENERGY: Level = level(&["energy_now", "energy_avg"], "energy", "W.h", 1e-6, 1e6);
const CHARGE: Level = level(&["charge_now", "charge_avg"], "charge", "A.h", 1e-6, 1e6);
/// Counts from anywhere, and may be below zero.
const COUNTED: Level = both_ways(&["charge_counter"], "charge", "A.h", 1e6);
const TEMPERATURE: Level = Level { least: -60.0, ..level(&["temp"], "temp", "Cel", 0.1, 150.0) };
const ENERGY_FULL: Level = level(&["energy_full", "energy_full_design"], "charge_pct", "W.h", 1e-6, 1e6);
const CHARGE_FULL: Level = level(&["charge_full", "charge_full_design"], "charge_pct", "A.h", 1e-6, 1e6);
/// More than a battery lives through each hour for years; all bits set are none.
const CYCLES: Level = level(&["cycle_count"], "cycles", "1", 1.0, 60_000.0);
const ONLINE: Level = level(&["online"], "online", "", 1.0, 255.0);

/// All that a supply may tell.
const SENSORS: [&str; 10] = [
    CHARGE_PCT.what,
    VOLTAGE.what,
    CURRENT.what,
    POWER.what,
    ENERGY.what,
    CHARGE.what,
    TEMPERATURE.what,
    ONLINE.what,
    "charging",
    CYCLES.what,
];

/// Whether a supply that is called `name` may have this sensor.
pub(super) fn may_have(name: &str, sensor: &str) -> bool {
    let rest = sensor.strip_prefix("power.").and_then(|rest| rest.strip_prefix(name)?.strip_prefix('.'));
    rest.is_some_and(|what| SENSORS.contains(&what))
}

/// Adds `power.<supply>.<what>` for what the files of one supply say, called `name`; an empty bay is none.
///
/// A level that a driver has no answer for is left out, and that is noted: many list files that their chip does not fill. A file
/// that cannot be read is named.
pub(super) fn sample(files: &mut Files, name: &str, samples: &mut Samples) {
    let mut supply = Supply { files, name, samples };
    if supply.number("present", "present") == Some(0.0) {
        return;
    }
    let status = supply.status();
    let flow = status.as_deref().map_or(Flow::Unknown, Flow::of);
    let (voltage, current) = (supply.take(&VOLTAGE), supply.take(&CURRENT).map(|value| flow.sign(value)));
    let power = supply.take(&POWER).map(|value| flow.sign(value)).or_else(|| Some(product(current?, voltage?)));
    let (energy, charge) = (supply.take(&ENERGY), supply.take(&CHARGE));
    let charge_pct = supply
        .take(&CHARGE_PCT)
        .or_else(|| supply.share(energy?, &ENERGY_FULL))
        .or_else(|| supply.share(charge?, &CHARGE_FULL));
    let charge = charge.or_else(|| supply.take(&COUNTED));
    let (temperature, cycles, online) = (supply.take(&TEMPERATURE), supply.take(&CYCLES), supply.take(&ONLINE));
    for (level, value) in [
        (CHARGE_PCT, charge_pct.map(|value| value.min(100.0))),
        (VOLTAGE, voltage),
        (CURRENT, current),
        (POWER, power),
        (ENERGY, energy),
        (CHARGE, charge),
        (TEMPERATURE, temperature),
    ] {
        if let Some(value) = value {
            samples.gauge(format_args!("power.{name}.{}", level.what), level.unit, value);
        }
    }
    if let Some(online) = online {
        samples.state(format_args!("power.{name}.online"), f64::from(online != 0.0));
    }
    if status.is_some() {
        samples.state(format_args!("power.{name}.charging"), f64::from(flow == Flow::In));
    }
    if let Some(cycles) = cycles.filter(|cycles| *cycles > 0.0) {
        samples.counter(format_args!("power.{name}.cycles"), CYCLES.unit, cycles);
    }
}

/// The product of two numbers that the kernel tells in millionths, to the last digit.
fn product(one: f64, other: f64) -> f64 {
    (one * 1e6).round() * (other * 1e6).round() / 1e12
}

/// A supply that is being read.
struct Supply<'a> {
    files: &'a mut Files,
    name: &'a str,
    samples: &'a mut Samples,
}

impl Supply<'_> {
    fn fail(&mut self, what: &str, error: Error) {
        self.samples.fail(format!("power.{}.{what}", self.name), error);
    }

    /// The number in a file, if there is one; a file that cannot be read is named.
    fn number(&mut self, file: &str, what: &str) -> Option<f64> {
        match self.files.number(file) {
            Ok(Content::Number(number)) => Some(number),
            Ok(Content::NoFile) => None,
            Ok(Content::Nothing(how)) => {
                self.samples.be_silent(&format!("power.{}.{what}", self.name), file, how);
                None
            }
            Err(error) => {
                self.fail(what, error);
                None
            }
        }
    }

    /// What it says of the way that the energy goes; what cannot be read is named.
    fn status(&mut self) -> Option<String> {
        let status = self.files.word("status");
        if let Ok(None) = status {
            // As a number it says why there is no text.
            match self.files.number("status") {
                Ok(Content::Nothing(how)) => {
                    self.samples.be_silent(&format!("power.{}.charging", self.name), "status", how)
                }
                Err(error @ Error::Read { .. }) => self.fail("charging", error),
                Ok(Content::Number(_) | Content::NoFile) | Err(Error::Format(_) | Error::NoAnswer(_)) => {}
            }
        }
        status.unwrap_or_else(|error| {
            self.fail("charging", error);
            None
        })
    }

    fn take(&mut self, level: &Level) -> Option<f64> {
        let (file, raw) = level.files.iter().find_map(|file| Some((*file, self.number(file, level.what)?)))?;
        self.believed(level, file, raw)
    }

    /// The kernel's number in the unit of a level; what no supply has is named.
    fn believed(&mut self, level: &Level, file: &str, raw: f64) -> Option<f64> {
        let value = level.value(raw);
        if value.is_none() {
            let why = format!("{} is more or less than there can be", told(raw));
            self.fail(level.what, Error::Read { path: self.files.named(file), why });
        }
        value
    }

    /// How full a battery is that only counts what is in it, in percent.
    fn share(&mut self, now: f64, full: &Level) -> Option<f64> {
        let mut zero = None;
        // A chip that has not learned it yet says 0, where the design is known all the same.
        let found = full.files.iter().find_map(|file| {
            let raw = self.number(file, full.what)?;
            if raw == 0.0 {
                zero.get_or_insert(*file);
                return None;
            }
            Some((*file, raw))
        });
        let Some((file, raw)) = found else {
            let name = format!("power.{}.{}", self.name, CHARGE_PCT.what);
            self.samples.leave_out(&name, format!("left out: {} says 0, so that nothing is a share of it", zero?));
            return None;
        };
        let full = self.believed(full, file, raw)?;
        let share = 100.0 * now / full;
        if share > CHARGE_PCT.most {
            let name = format!("power.{}.{}", self.name, CHARGE_PCT.what);
            self.samples.leave_out(&name, format!("left out: it holds {} of {}", told(now), told(full)));
            return None;
        }
        Some(share)
    }
}

impl Level {
    /// The kernel's number in this unit; `None` if no supply has that.
    fn value(&self, raw: f64) -> Option<f64> {
        const SIGN: f64 = 2_147_483_648.0;
        let is_wrapped = self.least == -self.most && (SIGN..2.0 * SIGN).contains(&raw);
        let value = times(if is_wrapped { raw - 2.0 * SIGN } else { raw }, self.factor);
        (self.least..=self.most).contains(&value).then_some(value)
    }
}

/// Which way the energy goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    In,
    Out,
    Unknown,
}

impl Flow {
    fn of(status: &str) -> Self {
        match status {
            "Charging" => Self::In,
            "Discharging" => Self::Out,
            _ => Self::Unknown,
        }
    }

    fn sign(self, value: f64) -> f64 {
        match self {
            Self::In => value.abs(),
            Self::Out => -value.abs(),
            Self::Unknown => value,
        }
    }
}
