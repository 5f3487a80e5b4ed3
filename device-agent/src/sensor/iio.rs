//! Industrial I/O: barometers, converters, light and motion sensors, from `/sys/bus/iio/devices`.

use std::fs;
use std::path::Path;

use super::{Content, Error, Samples, folders, name_part, number};

/// Channel type of the kernel's ABI, UCUM-like unit, and what its number is multiplied with to be in that unit.
const TYPES: [(&str, &str, f64); 20] = [
    ("accel", "m/s2", 1.0),
    ("altvoltage", "V", 0.001),
    ("angl", "rad", 1.0),
    ("anglvel", "rad/s", 1.0),
    ("capacitance", "nF", 1.0),
    ("concentration", "%", 1.0),
    ("current", "A", 0.001),
    ("distance", "m", 1.0),
    ("electricalconductivity", "S/m", 1.0),
    ("humidityrelative", "%", 0.001),
    ("illuminance", "lx", 1.0),
    ("intensity", "1", 1.0),
    ("magn", "G", 1.0),
    ("ph", "[pH]", 1.0),
    ("power", "W", 0.001),
    ("pressure", "Pa", 1000.0),
    ("proximity", "1", 1.0),
    ("resistance", "Ohm", 1.0),
    ("temp", "Cel", 0.001),
    ("voltage", "V", 0.001),
];

/// Adds `iio.<device>.<channel>` for each channel; a second device of one name gets `.2`.
///
/// No device is no error. A channel that gives nothing is named, whatever the driver says: who connects such a device wants
/// to know.
pub(super) fn sample(root: &Path, samples: &mut Samples) -> Result<(), Error> {
    let mut named: Vec<String> = Vec::new();
    for device in folders(&root.join("sys/bus/iio/devices"), "iio:device") {
        let kind = name_part(&fs::read_to_string(device.join("name")).unwrap_or_default());
        let same = named.iter().filter(|known| **known == kind).count();
        let name = if same == 0 { kind.clone() } else { format!("{kind}.{}", same + 1) };
        named.push(kind);
        for (channel, unit, factor) in channels(&device) {
            match value(&device, &channel) {
                Ok(value) => samples.gauge(format_args!("iio.{name}.{channel}"), unit, value * factor),
                Err(error) => samples.fail(format!("iio.{name}.{channel}"), error),
            }
        }
    }
    Ok(())
}

/// The channels of a device that can be read one by one, in alphabetical order: `temp`, `voltage0`, `accel_x`.
fn channels(device: &Path) -> Vec<(String, &'static str, f64)> {
    let mut found: Vec<(String, &'static str, f64)> = fs::read_dir(device)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let rest = name.strip_prefix("in_")?;
            let channel = rest.strip_suffix("_input").or_else(|| rest.strip_suffix("_raw"))?;
            let (_, unit, factor) = TYPES.iter().find(|(kind, _, _)| *kind == kind_of(channel))?;
            Some((channel.to_owned(), *unit, *factor))
        })
        .collect();
    found.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    found.dedup_by(|one, other| one.0 == other.0);
    found
}

/// `voltage0-voltage1` and `accel_x` are of type `voltage` and `accel`.
fn kind_of(channel: &str) -> &str {
    let end = channel.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(channel.len());
    channel.get(..end).unwrap_or_default()
}

/// The processed value, or `(raw + offset) * scale`, where scale and offset may be the channel's own or its type's.
fn value(device: &Path, channel: &str) -> Result<f64, Error> {
    let optional = |name: String| match number(&device.join(name))? {
        Content::Number(value) => Ok(Some(value)),
        Content::Nothing | Content::NoFile => Ok(None),
    };
    if let Some(value) = optional(format!("in_{channel}_input"))? {
        return Ok(value);
    }
    let nothing = |name: &str| Error::Read { path: device.join(name), why: "the driver has nothing to say".to_owned() };
    let raw = format!("in_{channel}_raw");
    let raw_value = optional(raw.clone())?.ok_or_else(|| nothing(&raw))?;
    // A factor that is not there is 1; one that is there and cannot be read is unknown.
    let factor = |name: String| match number(&device.join(&name))? {
        Content::Number(value) => Ok(Some(value)),
        Content::NoFile => Ok(None),
        Content::Nothing => Err(nothing(&name)),
    };
    let of = |what: &str| match factor(format!("in_{channel}_{what}"))? {
        Some(own) => Ok(Some(own)),
        None => factor(format!("in_{}_{what}", kind_of(channel))),
    };
    Ok((raw_value + of("offset")?.unwrap_or(0.0)) * of("scale")?.unwrap_or(1.0))
}
