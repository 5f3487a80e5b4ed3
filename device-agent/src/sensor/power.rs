//! Batteries and mains, from `/sys/class/power_supply`.

use std::fs;
use std::path::Path;

use super::{Error, Samples, name_part, number};

/// File, name, unit, and what the kernel's number is multiplied with to be in that unit.
const LEVELS: [(&str, &str, &str, f64); 7] = [
    ("capacity", "charge_pct", "%", 1.0),
    ("voltage_now", "voltage", "V", 1e-6),
    ("current_now", "current", "A", 1e-6),
    ("power_now", "power", "W", 1e-6),
    ("energy_now", "energy", "W.h", 1e-6),
    ("charge_now", "charge", "A.h", 1e-6),
    ("temp", "temp", "Cel", 0.1),
];

/// Adds `power.<supply>.<what>` for each supply; a machine without any has none.
///
/// A level that cannot be read is left out: drivers list files that their chip has no answer for. One that gives a text is
/// named; the others are there.
pub(super) fn sample(root: &Path, samples: &mut Samples) -> Result<(), Error> {
    let mut supplies: Vec<_> = fs::read_dir(root.join("sys/class/power_supply"))
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| (entry.file_name(), entry.path()))
        .collect();
    supplies.sort_unstable();
    let mut broken = None;
    for (name, folder) in supplies {
        let name = name_part(&name.to_string_lossy());
        let text = |file: &str| fs::read_to_string(folder.join(file)).ok();
        let mut number = |file: &str| number(&folder.join(file), &mut broken);
        for (file, what, unit, factor) in LEVELS {
            if let Some(value) = number(file) {
                samples.gauge(format_args!("power.{name}.{what}"), unit, value * factor);
            }
        }
        if let Some(online) = number("online") {
            samples.state(format_args!("power.{name}.online"), f64::from(online != 0.0));
        }
        if let Some(status) = text("status") {
            samples.state(format_args!("power.{name}.charging"), f64::from(status.trim() == "Charging"));
        }
        if let Some(cycles) = number("cycle_count").filter(|cycles| *cycles > 0.0) {
            samples.counter(format_args!("power.{name}.cycles"), "1", cycles);
        }
    }
    broken.map_or(Ok(()), Err)
}
