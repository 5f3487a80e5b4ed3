//! Industrial I/O: barometers, converters, light and motion sensors, from `/sys/bus/iio/devices`.

use wire::SensorKind;

use super::files::{Content, Files};
use super::number::{times, told};
use super::{Error, Samples};

/// Channel type of the kernel's ABI (`Documentation/ABI/testing/sysfs-bus-iio`), UCUM-like unit, and what its number is
/// multiplied with to be in that unit.
const TYPES: [(&str, &str, f64); 39] = [
    ("accel", "m/s2", 1.0),
    ("activity", "%", 1.0),
    ("altcurrent", "A", 0.001),
    ("altvoltage", "V", 0.001),
    ("angl", "rad", 1.0),
    ("anglvel", "rad/s", 1.0),
    ("attention", "%", 1.0),
    ("capacitance", "nF", 1.0),
    ("chromaticity", "1", 1.0),
    ("colortemp", "K", 1.0),
    ("concentration", "%", 1.0),
    ("count", "1", 1.0),
    ("current", "A", 0.001),
    ("deltaangl", "rad", 1.0),
    ("deltavelocity", "m/s", 1.0),
    ("distance", "m", 1.0),
    ("electricalconductivity", "S/m", 1.0),
    ("energy", "J", 1.0),
    ("gravity", "m/s2", 1.0),
    ("humidityrelative", "%", 0.001),
    ("illuminance", "lx", 1.0),
    ("incli", "deg", 1.0),
    ("index", "1", 1.0),
    ("intensity", "1", 1.0),
    ("magn", "G", 1.0),
    ("massconcentration", "ug/m3", 1.0),
    ("ph", "[pH]", 1.0),
    ("phase", "rad", 1.0),
    ("positionrelative", "%", 0.001),
    ("power", "W", 0.001),
    ("pressure", "Pa", 1000.0),
    ("proximity", "1", 1.0),
    ("resistance", "Ohm", 1.0),
    ("rot", "deg", 1.0),
    ("steps", "1", 1.0),
    ("temp", "Cel", 0.001),
    ("uvindex", "1", 1.0),
    ("velocity", "m/s", 1.0),
    ("voltage", "V", 0.001),
];

/// What thermometers of any kind can measure: a thermocouple of tungsten and rhenium, a pyrometer.
const DEGREES: std::ops::RangeInclusive<f64> = -273.15..=3_000.0;

/// What a device measures that can be read one by one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Channel {
    /// `temp`, `voltage0`, `accel_x`.
    pub(super) name: String,
    /// Of the files that tell it, the one that is read first.
    pub(super) file: String,
    /// Its unit, and what its number is multiplied with to be in it; nothing for a kind that is not known.
    unit: Option<(&'static str, f64)>,
}

/// What a device calls itself, and its channels in alphabetical order, with what tells their files from others.
pub(super) fn describe(files: &mut Files) -> Result<(String, Vec<(Channel, u64)>), Error> {
    let name = files.word("name")?.unwrap_or_default();
    let mut found: Vec<(Channel, u64)> = files
        .list("")?
        .into_iter()
        .filter_map(|(file, ino)| {
            let rest = file.strip_prefix("in_")?;
            let channel = rest.strip_suffix("_input").or_else(|| rest.strip_suffix("_raw"))?;
            let (name, unit) = (channel.to_owned(), unit_of(channel));
            Some((Channel { name, file, unit }, ino))
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
    let Some((unit, factor)) = channel.unit else {
        samples.leave_out(name, format!("left out: what in_{} measures in is not known", channel.name));
        return Ok(());
    };
    let value = match value(files, &channel.name)? {
        Told::Value(value) => value,
        Told::NoScale(file) => {
            samples.leave_out(name, format!("left out: {file} says 0, and nothing times 0 is a measurement"));
            return Ok(());
        }
    };
    let said = times(value, factor);
    let (is_possible, value) = match kind_of(&channel.name) {
        "temp" => (DEGREES.contains(&said), said),
        "humidityrelative" => ((-10.0..=120.0).contains(&said), said.clamp(0.0, 100.0)),
        _ => (true, said),
    };
    if is_possible {
        let totals = ["energy", "steps"].contains(&kind_of(&channel.name));
        samples.add(name, unit, if totals { SensorKind::Counter } else { SensorKind::Gauge }, value);
    } else {
        samples.leave_out(name, format!("left out: {} {unit} cannot be", told(said)));
    }
    Ok(())
}

/// Unit and factor of a channel. A turn told as a quaternion is four numbers, and none of them a level.
fn unit_of(channel: &str) -> Option<(&'static str, f64)> {
    if channel.ends_with("_quaternion") {
        return None;
    }
    TYPES.iter().find(|(kind, _, _)| *kind == kind_of(channel)).map(|(_, unit, factor)| (*unit, *factor))
}

/// `voltage0-voltage1` and `accel_x` are of type `voltage` and `accel`.
fn kind_of(channel: &str) -> &str {
    let end = channel.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(channel.len());
    channel.get(..end).unwrap_or_default()
}

/// What the files of a channel say.
enum Told {
    Value(f64),
    /// A driver that does not know its scale, in this file.
    NoScale(String),
}

/// The processed value, or `(raw + offset) * scale`, where scale and offset may be the channel's own or its type's.
fn value(files: &mut Files, channel: &str) -> Result<Told, Error> {
    if let Content::Number(value) = files.number(&format!("in_{channel}_input"))? {
        return Ok(Told::Value(value));
    }
    let raw = format!("in_{channel}_raw");
    let Content::Number(raw) = files.number(&raw)? else { return Err(nothing(files, &raw)) };
    let offset = factor(files, channel, "offset")?.map_or(0.0, |(offset, _)| offset);
    Ok(match factor(files, channel, "scale")? {
        Some((0.0, file)) => Told::NoScale(file),
        Some((scale, _)) => Told::Value(times(raw + offset, scale)),
        None => Told::Value(raw + offset),
    })
}

/// A factor of the channel, of its type (of a difference, of both its types), or of all inputs, and its file. One that is not
/// there is nothing; one that is there and cannot be read is unknown.
fn factor(files: &mut Files, channel: &str, what: &str) -> Result<Option<(f64, String)>, Error> {
    let kind = kind_of(channel);
    let both = channel.split_once('-').map(|(_, other)| format!("in_{kind}-{}_{what}", kind_of(other)));
    let of_type = format!("in_{kind}_{what}");
    let names = [Some(format!("in_{channel}_{what}")), both, Some(of_type), Some(format!("in_{what}"))];
    for name in names.into_iter().flatten().chain([what.to_owned()]) {
        match files.number(&name)? {
            Content::Number(value) => return Ok(Some((value, name))),
            Content::Nothing(_) => return Err(nothing(files, &name)),
            Content::NoFile => {}
        }
    }
    Ok(None)
}

fn nothing(files: &Files, name: &str) -> Error {
    Error::Read { path: files.named(name), why: "the driver has nothing to say".to_owned() }
}
