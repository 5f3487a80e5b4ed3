//! Which readings are meant, for commands that read the past: sensors by their own names, or by those that people read.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::outcome::Failure;
use super::remote::{Link, given};
use super::shown;
use crate::model::called;
use crate::model::glob::Glob;

/// So many names are told where one is not there.
const NAMED: usize = 4;

/// Which readings.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Selection {
    /// Devices, by id or name; repeatable, all when left out
    #[arg(long, value_name = "GLOB")]
    device: Vec<String>,
    /// Sensors, by their own names (`mem.used_pct`) or as they are shown (Memory used); repeatable, all when left out
    #[arg(long, value_name = "GLOB")]
    sensor: Vec<String>,
    /// Label the device must have, key=value; repeatable
    #[arg(long, value_name = "K=V")]
    label: Vec<String>,
    /// Start, included: RFC 3339, epoch milliseconds, or now-6h; an hour before the end when left out
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// End, not included; now when left out
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Device {
    id: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Latest {
    sensor: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    items: Vec<Latest>,
}

impl Selection {
    /// As parameters of a question. What is written and not there is refused, with what is.
    pub(super) async fn params(self, link: &Link) -> Result<Vec<(&'static str, String)>, Failure> {
        let labels: Vec<_> = self.label.iter().map(|label| ("label", label.clone())).collect();
        for device in &self.device {
            let of: Vec<_> = labels.iter().cloned().chain([("device", device.clone())]).collect();
            if !measures(link, &of).await? {
                is_there(device, &link.all("/devices", &labels).await?)?;
            }
        }
        let of = self.device.into_iter().map(|device| ("device", device)).chain(labels);
        let of: Vec<(&str, String)> = of.collect();
        let mut params = of.clone();
        let mut sensors = None;
        for sensor in self.sensor {
            let asked: Vec<_> = of.iter().cloned().chain([("sensor", sensor.clone())]).collect();
            if measures(link, &asked).await? {
                params.push(("sensor", sensor));
                continue;
            }
            let sensors = match &sensors {
                Some(sensors) => sensors,
                None => {
                    let latest: Vec<Latest> = link.all("/latest", &of).await?;
                    sensors.insert(latest.into_iter().map(|one| one.sensor).collect::<BTreeSet<_>>())
                }
            };
            params.extend(meant(&sensor, sensors)?.into_iter().map(|sensor| ("sensor", sensor)));
        }
        params.extend(given([("from", self.from), ("to", self.to)]));
        Ok(params)
    }
}

/// Whether any series fits.
async fn measures(link: &Link, of: &[(&str, String)]) -> Result<bool, Failure> {
    let of: Vec<_> = of.iter().cloned().chain([("limit", "1".to_owned())]).collect();
    let found: Page = link.read(&link.text("/latest", &of).await?)?;
    Ok(!found.items.is_empty())
}

/// Refuses a device that is not among these, by id or name.
fn is_there(wanted: &str, devices: &[Device]) -> Result<(), Failure> {
    let glob = Glob::new(wanted);
    if devices.iter().any(|device| glob.matches_device(&device.name, &device.id)) {
        return Ok(());
    }
    let names = devices.iter().map(|device| shown::name(&device.name)).collect();
    Err(Failure::Use(format!("--device: no device is called `{wanted}`{}", hint(wanted, names))))
}

/// What to subscribe to for sensors that are watched: the glob itself where it fits own names, or nothing that is known yet; else
/// the own names of those that are shown by it.
pub(super) async fn watched(link: &Link, device: &str, sensor: String) -> Result<Vec<String>, Failure> {
    let of = [("device", device.to_owned())];
    let latest: Vec<Latest> = link.all("/latest", &of).await?;
    let glob = Glob::new(&sensor);
    if latest.iter().any(|one| glob.matches(&one.sensor)) {
        return Ok(vec![sensor]);
    }
    let found = shown_as(&sensor, &latest.into_iter().map(|one| one.sensor).collect());
    Ok(if found.is_empty() { vec![sensor] } else { found })
}

/// The own names of sensors that are shown by this one, whatever its capitals; none where there is none.
fn shown_as(wanted: &str, sensors: &BTreeSet<String>) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let glob = Glob::new(&wanted);
    let fits =
        |sensor: &&String| glob.matches(&sensor.to_lowercase()) || glob.matches(&called::sensor(sensor).to_lowercase());
    sensors.iter().filter(fits).cloned().collect()
}

/// The same, and where there is none that is refused with the names there are.
fn meant(wanted: &str, sensors: &BTreeSet<String>) -> Result<Vec<String>, Failure> {
    let found = shown_as(wanted, sensors);
    if !found.is_empty() {
        return Ok(found);
    }
    let named = |sensor: &String| {
        let people = called::sensor(sensor);
        if people == *sensor { people } else { format!("{} ({people})", shown::name(sensor)) }
    };
    let hint = hint(wanted, sensors.iter().map(named).collect());
    Err(Failure::Use(format!(
        "--sensor: no sensor is called `{wanted}`{hint} `telemetry-hub query --raw` shows their own names."
    )))
}

/// Which names there are: those that look like what was written, else the first of all.
pub(super) fn hint(wanted: &str, names: BTreeSet<String>) -> String {
    let wanted = wanted.to_lowercase();
    let wanted = wanted.trim_matches(['*', '?']);
    let mut near: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for name in &names {
        let low = name.to_lowercase();
        if !wanted.is_empty() && low.contains(wanted) {
            near.entry(0).or_default().push(name);
        } else if low.split(|c: char| !c.is_alphanumeric()).any(|word| apart(word, wanted) <= wanted.len() / 4) {
            near.entry(1).or_default().push(name);
        }
    }
    let near: Vec<&str> = near.into_values().flatten().take(NAMED).collect();
    if !near.is_empty() {
        return format!(". Did you mean {}?", near.join(", "));
    }
    let all: Vec<&str> = names.iter().map(String::as_str).take(NAMED).collect();
    match names.len() {
        0 => "; there is none at all.".to_owned(),
        n if n > NAMED => format!(". There are {} and {} others.", all.join(", "), n - NAMED),
        _ => format!(". There are {}.", all.join(", ")),
    }
}

/// How many letters have to be changed, left out or put in to make one of another.
fn apart(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let changed = corner + usize::from(a != *b);
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(refused: Failure) -> String {
        match refused {
            Failure::Use(what) => what,
            Failure::Run(_) | Failure::Told => panic!("it was asked wrongly"),
        }
    }

    #[test]
    fn a_sensor_is_found_by_what_it_is_shown_as() {
        let sensors = ["mem.used_pct", "cpu.used_pct", "net.eth0.rx_bytes", "boiler.Flow"].map(str::to_owned).into();
        let of = |wanted| meant(wanted, &sensors).unwrap();
        assert_eq!(of("Memory used"), ["mem.used_pct"]);
        assert_eq!(of("memory USED"), ["mem.used_pct"]);
        assert_eq!(of("received, eth0"), ["net.eth0.rx_bytes"]);
        assert_eq!(of("BOILER.flow"), ["boiler.Flow"]);
        assert_eq!(of("*used*"), ["cpu.used_pct", "mem.used_pct"]);
        let told = wrong(meant("memory", &sensors).unwrap_err());
        assert!(told.contains("Did you mean mem.used_pct (Memory used)?") && told.contains("--raw"), "{told}");
        let told = wrong(meant("wind", &sensors).unwrap_err());
        assert!(told.contains("There are boiler.Flow, cpu.used_pct (CPU)"), "{told}");
    }

    #[test]
    fn a_device_that_is_not_there_has_a_sentence_of_its_own() {
        let device = |id: &str, name: &str| Device { id: id.into(), name: name.into() };
        let devices = [device("aaaa-1", "attic-pi"), device("bbbb-2", "boiler")];
        for known in ["attic-pi", "attic*", "bbbb-2"] {
            is_there(known, &devices).unwrap();
        }
        assert_eq!(
            wrong(is_there("atic", &devices).unwrap_err()),
            "--device: no device is called `atic`. Did you mean attic-pi?"
        );
        let told = wrong(is_there("shed", &devices).unwrap_err());
        assert_eq!(told, "--device: no device is called `shed`. There are attic-pi, boiler.");
        assert_eq!(
            wrong(is_there("shed", &[]).unwrap_err()),
            "--device: no device is called `shed`; there is none at all."
        );
    }
}
