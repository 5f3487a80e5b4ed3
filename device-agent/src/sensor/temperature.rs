//! Temperatures: `/sys/class/hwmon` (chips) and `/sys/class/thermal` (zones).

use std::fs;
use std::path::Path;

use super::{Error, Samples, folders, name_part, number};

/// Adds `temp.<chip>.<label>` for every chip's probes and `temp.<zone>` for every thermal zone.
///
/// A machine without any (a container, a virtual machine) has none, and that is no error. A probe that cannot be read is
/// left out: many exist in `/sys` without hardware behind them. One that gives a text is named; the others are there.
pub(super) fn sample(root: &Path, samples: &mut Samples) -> Result<(), Error> {
    let mut named: Vec<String> = Vec::new();
    let mut broken = None;
    for chip in folders(&root.join("sys/class/hwmon"), "hwmon") {
        let chip_name = name_part(&fs::read_to_string(chip.join("name")).unwrap_or_default());
        for probe in 1..=16 {
            let Some(value) = celsius(&chip.join(format!("temp{probe}_input")), &mut broken) else { continue };
            let label = fs::read_to_string(chip.join(format!("temp{probe}_label")))
                .map_or_else(|_| probe.to_string(), |label| name_part(&label));
            add(samples, &mut named, format!("temp.{chip_name}.{label}"), value);
        }
    }
    for zone in folders(&root.join("sys/class/thermal"), "thermal_zone") {
        let kind = name_part(&fs::read_to_string(zone.join("type")).unwrap_or_default());
        if let Some(value) = celsius(&zone.join("temp"), &mut broken) {
            add(samples, &mut named, format!("temp.{kind}"), value);
        }
    }
    broken.map_or(Ok(()), Err)
}

/// Two chips of one kind have the same name: the second is called `.2`.
fn add(samples: &mut Samples, named: &mut Vec<String>, name: String, value: f64) {
    let same = named.iter().filter(|known| **known == name).count();
    match same {
        0 => samples.gauge(format_args!("{name}"), "Cel", value),
        _ => samples.gauge(format_args!("{name}.{}", same + 1), "Cel", value),
    }
    named.push(name);
}

/// Thousandths of a degree; values outside what silicon survives are a broken probe.
fn celsius(path: &Path, broken: &mut Option<Error>) -> Option<f64> {
    let thousandths = number(path, broken)?;
    let value = thousandths / 1000.0;
    (-100.0..=250.0).contains(&value).then_some(value)
}
