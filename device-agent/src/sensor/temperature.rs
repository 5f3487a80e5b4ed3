//! Temperatures: `/sys/class/hwmon` (chips) and `/sys/class/thermal` (zones).

use std::fs;
use std::path::Path;

use super::{Content, Error, Samples, folders, name_part, number};

/// Adds `temp.<chip>.<label>` for every chip's probes and `temp.<zone>` for every thermal zone.
///
/// A machine without any (a container, a virtual machine) has none, and that is no error.
pub(super) fn sample(root: &Path, samples: &mut Samples) -> Result<(), Error> {
    let mut named: Vec<String> = Vec::new();
    for chip in folders(&root.join("sys/class/hwmon"), "hwmon") {
        let chip_name = name_part(&fs::read_to_string(chip.join("name")).unwrap_or_default());
        for probe in 1..=16 {
            let content = number(&chip.join(format!("temp{probe}_input")));
            if content == Ok(Content::NoFile) {
                continue;
            }
            let label = fs::read_to_string(chip.join(format!("temp{probe}_label")))
                .map_or_else(|_| probe.to_string(), |label| name_part(&label));
            add(samples, &mut named, format!("temp.{chip_name}.{label}"), content);
        }
    }
    for zone in folders(&root.join("sys/class/thermal"), "thermal_zone") {
        let kind = name_part(&fs::read_to_string(zone.join("type")).unwrap_or_default());
        add(samples, &mut named, format!("temp.{kind}"), number(&zone.join("temp")));
    }
    Ok(())
}

/// Two chips of one kind have the same name: the second is called `.2`, also while the first gives nothing.
fn add(samples: &mut Samples, named: &mut Vec<String>, name: String, content: Result<Content, Error>) {
    let same = named.iter().filter(|known| **known == name).count();
    let full = if same == 0 { name.clone() } else { format!("{name}.{}", same + 1) };
    named.push(name);
    match content {
        Ok(Content::Number(thousandths)) => {
            // Outside what silicon survives it is a probe that is not connected.
            let degrees = thousandths / 1000.0;
            if (-100.0..=250.0).contains(&degrees) {
                samples.gauge(format_args!("{full}"), "Cel", degrees);
            }
        }
        Ok(Content::Nothing | Content::NoFile) => {}
        Err(error) => samples.fail(full, error),
    }
}
