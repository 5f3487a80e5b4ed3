//! Industrial I/O: barometers, converters, light and motion sensors, from `/sys/bus/iio/devices`.

use wire::SensorKind;

use super::files::{Content, Files, entries};
use super::limits::TEMPERATURE;
use super::{Error, Samples};

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

/// What a device measures that can be read one by one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Channel {
    /// `temp`, `voltage0`, `accel_x`.
    pub(super) name: String,
    unit: &'static str,
    factor: f64,
}

/// What a device calls itself, and its channels in alphabetical order, with what tells their files from others.
pub(super) fn describe(files: &mut Files) -> Result<(String, Vec<(Channel, u64)>), Error> {
    let name = files.word("name")?.unwrap_or_default();
    let mut found: Vec<(Channel, u64)> = entries(files.folder())
        .into_iter()
        .filter_map(|(file, ino)| {
            let rest = file.strip_prefix("in_")?;
            let channel = rest.strip_suffix("_input").or_else(|| rest.strip_suffix("_raw"))?;
            let (_, unit, factor) = TYPES.iter().find(|(kind, _, _)| *kind == kind_of(channel))?;
            Some((Channel { name: channel.to_owned(), unit, factor: *factor }, ino))
        })
        .collect();
    found.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
    found.dedup_by(|(one, _), (other, _)| one.name == other.name);
    Ok((name, found))
}

/// Adds the value of a channel, called `name`.
///
/// A channel that gives nothing is an error, whatever the driver says: who connects such a device wants to know.
pub(super) fn sample(channel: &Channel, files: &mut Files, name: &str, samples: &mut Samples) -> Result<(), Error> {
    let value = value(files, &channel.name)? * channel.factor;
    let impossible = match kind_of(&channel.name) {
        "temp" => TEMPERATURE.read(value * 1e3).err(),
        "humidityrelative" if !(-10.0..=120.0).contains(&value) => Some(format!("left out: {value} % cannot be")),
        _ => None,
    };
    match impossible {
        None => samples.add(name, channel.unit, SensorKind::Gauge, value),
        Some(why) => samples.leave_out(name, why),
    }
    Ok(())
}

/// `voltage0-voltage1` and `accel_x` are of type `voltage` and `accel`.
fn kind_of(channel: &str) -> &str {
    let end = channel.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(channel.len());
    channel.get(..end).unwrap_or_default()
}

/// The processed value, or `(raw + offset) * scale`, where scale and offset may be the channel's own or its type's.
fn value(files: &mut Files, channel: &str) -> Result<f64, Error> {
    if let Content::Number(value) = files.number(&format!("in_{channel}_input"))? {
        return Ok(value);
    }
    let raw = format!("in_{channel}_raw");
    let Content::Number(raw) = files.number(&raw)? else { return Err(nothing(files, &raw)) };
    let offset = factor(files, channel, "offset")?.unwrap_or(0.0);
    Ok((raw + offset) * factor(files, channel, "scale")?.unwrap_or(1.0))
}

/// A factor that is not there is nothing; one that is there and cannot be read is unknown.
fn factor(files: &mut Files, channel: &str, what: &str) -> Result<Option<f64>, Error> {
    for name in [format!("in_{channel}_{what}"), format!("in_{}_{what}", kind_of(channel))] {
        match files.number(&name)? {
            Content::Number(value) => return Ok(Some(value)),
            Content::Nothing => return Err(nothing(files, &name)),
            Content::NoFile => {}
        }
    }
    Ok(None)
}

fn nothing(files: &Files, name: &str) -> Error {
    Error::Read { path: files.named(name), why: "the driver has nothing to say".to_owned() }
}
