//! Batteries and mains, from `/sys/class/power_supply`.

use std::fs;
use std::path::Path;

use super::{Content, Error, Samples, name_part, number};

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
/// A level that a driver has no answer for is left out: many list files that their chip does not fill.
pub(super) fn sample(root: &Path, samples: &mut Samples) -> Result<(), Error> {
    let mut supplies: Vec<_> = fs::read_dir(root.join("sys/class/power_supply"))
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| (entry.file_name(), entry.path()))
        .collect();
    supplies.sort_unstable();
    for (name, folder) in supplies {
        let name = name_part(&name.to_string_lossy());
        for (file, what, unit, factor) in LEVELS {
            if let Some(value) = level(samples, &folder.join(file), &name, what) {
                samples.gauge(format_args!("power.{name}.{what}"), unit, value * factor);
            }
        }
        if let Some(online) = level(samples, &folder.join("online"), &name, "online") {
            samples.state(format_args!("power.{name}.online"), f64::from(online != 0.0));
        }
        if let Ok(status) = fs::read_to_string(folder.join("status")) {
            samples.state(format_args!("power.{name}.charging"), f64::from(status.trim() == "Charging"));
        }
        if let Some(cycles) =
            level(samples, &folder.join("cycle_count"), &name, "cycles").filter(|cycles| *cycles > 0.0)
        {
            samples.counter(format_args!("power.{name}.cycles"), "1", cycles);
        }
    }
    Ok(())
}

/// The number in a file, if there is one; a file that cannot be read is noted as the sensor's failure.
fn level(samples: &mut Samples, path: &Path, supply: &str, what: &str) -> Option<f64> {
    match number(path) {
        Ok(Content::Number(value)) => Some(value),
        Ok(Content::Nothing | Content::NoFile) => None,
        Err(error) => {
            samples.fail(format!("power.{supply}.{what}"), error);
            None
        }
    }
}
