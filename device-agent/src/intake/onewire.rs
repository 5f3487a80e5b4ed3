//! Thermometers on the 1-Wire bus, from `/sys/bus/w1/devices`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use wire::SensorKind;

use super::Measured;

/// What the chip says right after power-on, before it has measured.
const POWER_ON: f64 = 85.0;

/// Thermometers remembered: more than one bus carries well.
const MOST_KNOWN: usize = 64;
/// How long one that is gone is missed; after that it was taken away, and nobody waits for it.
const MISSED_FOR: Duration = Duration::from_secs(86_400);

/// Serial numbers of the thermometers that gave a value since the start, and when they were last on the bus.
pub(super) type Known = BTreeMap<String, Instant>;

/// Reads `w1.<serial number>` from every thermometer that is on the bus at `now`, and says which gave nothing. Blocks for
/// most of a second each, while the chip measures. A bus without any is no trouble; one that was there and is gone is, for a
/// day, because the kernel takes away the folder of a chip that no longer answers.
pub(super) fn read(root: &Path, known: &mut Known, now: Instant) -> (Vec<Measured>, Option<String>) {
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
    let mut here = Vec::new();
    for (serial, folder) in folders {
        let (fast, checked) = (folder.join("temperature"), folder.join("w1_slave"));
        if !fast.exists() && !checked.exists() {
            continue;
        }
        here.push(serial.clone());
        let value = thousandths(&checked).or_else(|| fs::read_to_string(&fast).ok()?.trim().parse().ok());
        match value.map(|thousandths| thousandths / 1000.0).filter(|value| (-55.0..=125.0).contains(value)) {
            // A room of exactly 85 degrees is rarer than a chip that lost its power for a moment.
            Some(POWER_ON) | None => failed.push(serial),
            Some(value) => {
                readings.push(Measured {
                    name: format!("w1.{serial}"),
                    unit: "Cel".to_owned(),
                    kind: SensorKind::Gauge,
                    at: None,
                    value,
                });
                if known.len() < MOST_KNOWN {
                    known.insert(serial, now);
                }
            }
        }
    }
    for serial in &here {
        known.entry(serial.clone()).and_modify(|seen| *seen = now);
    }
    known.retain(|_, seen| now.saturating_duration_since(*seen) < MISSED_FOR);
    let gone = known.keys().filter(|serial| !here.contains(serial)).cloned();
    let said = [("no valid answer from", failed), ("gone from the bus:", gone.collect())];
    let said = said.iter().filter(|(_, which)| !which.is_empty());
    let said: Vec<String> = said.map(|(what, which)| format!("{what} {}", which.join(", "))).collect();
    (readings, (!said.is_empty()).then(|| said.join("; ")))
}

/// `... : crc=57 YES` and, on the next line, `... t=23125`; nothing if the checksum is wrong.
fn thousandths(path: &Path) -> Option<f64> {
    let text = fs::read_to_string(path).ok()?;
    let (first, second) = text.trim_end().split_once('\n')?;
    first.trim_end().ends_with("YES").then_some(())?;
    second.split_once("t=")?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thermometer_that_was_there_and_is_gone_is_named_until_it_is_back_or_a_day_has_passed() -> std::io::Result<()> {
        let root = tempfile::tempdir()?;
        let chip = |serial: &str| root.path().join("sys/bus/w1/devices").join(serial);
        let plug = |serial: &str| {
            fs::create_dir_all(chip(serial))?;
            fs::write(chip(serial).join("temperature"), "21500\n")
        };
        let (mut known, t0) = (Known::new(), crate::clock::now().mono);
        plug("28-0001")?;
        plug("28-0002")?;
        assert_eq!(read(root.path(), &mut known, t0).1, None);
        fs::remove_dir_all(chip("28-0001"))?;
        fs::write(chip("28-0002").join("temperature"), "85000\n")?;
        let trouble = "no valid answer from 28-0002; gone from the bus: 28-0001";
        assert_eq!(read(root.path(), &mut known, t0), (Vec::new(), Some(trouble.to_owned())));
        plug("28-0001")?;
        plug("28-0002")?;
        let (readings, trouble) = read(root.path(), &mut known, t0);
        assert_eq!((readings.len(), trouble), (2, None));

        // Somebody takes one away for good.
        fs::remove_dir_all(chip("28-0001"))?;
        let gone = Some("gone from the bus: 28-0001".to_owned());
        let (last, after) = (t0 + MISSED_FOR - Duration::from_secs(1), t0 + MISSED_FOR);
        assert_eq!((read(root.path(), &mut known, last).1, read(root.path(), &mut known, after).1), (gone, None));
        assert_eq!(known.keys().collect::<Vec<_>>(), ["28-0002"]);
        Ok(())
    }
}
