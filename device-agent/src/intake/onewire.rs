//! Thermometers on the 1-Wire bus, from `/sys/bus/w1/devices`.

use std::fs;
use std::path::Path;

use wire::SensorKind;

use super::Measured;

/// What the chip says right after power-on, before it has measured.
const POWER_ON: f64 = 85.0;

/// Reads `w1.<serial number>` from every thermometer, and says which gave nothing. Blocks for most of a second each, while
/// the chip measures. A bus without any is no trouble.
pub(super) fn read(root: &Path) -> (Vec<Measured>, Option<String>) {
    let mut folders: Vec<_> = fs::read_dir(root.join("sys/bus/w1/devices"))
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with("w1_bus_master"))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    folders.sort_unstable();
    let mut readings = Vec::new();
    let mut failed = Vec::new();
    for (serial, folder) in folders {
        let (fast, checked) = (folder.join("temperature"), folder.join("w1_slave"));
        if !fast.exists() && !checked.exists() {
            continue;
        }
        let value = thousandths(&checked).or_else(|| fs::read_to_string(&fast).ok()?.trim().parse().ok());
        match value.map(|thousandths| thousandths / 1000.0).filter(|value| (-55.0..=125.0).contains(value)) {
            // A room of exactly 85 degrees is rarer than a chip that lost its power for a moment.
            Some(POWER_ON) | None => failed.push(serial),
            Some(value) => readings.push(Measured {
                name: format!("w1.{serial}"),
                unit: "Cel".to_owned(),
                kind: SensorKind::Gauge,
                at: None,
                value,
            }),
        }
    }
    let trouble = (!failed.is_empty()).then(|| format!("no valid answer from {}", failed.join(", ")));
    (readings, trouble)
}

/// `... : crc=57 YES` and, on the next line, `... t=23125`; nothing if the checksum is wrong.
fn thousandths(path: &Path) -> Option<f64> {
    let text = fs::read_to_string(path).ok()?;
    let (first, second) = text.trim_end().split_once('\n')?;
    first.trim_end().ends_with("YES").then_some(())?;
    second.split_once("t=")?.1.trim().parse().ok()
}
