//! Theengs Gateway and OpenMQTTGateway: `<base>/BTtoMQTT/<address>` with what a Bluetooth beacon said. PURE.
//!
//! <https://docs.openmqttgateway.com/use/ble.html> and <https://decoder.theengs.io/devices/devices.html>, whose names of properties
//! have their units in them (`tempc`, `tempf`).

use serde_json::Value;

use super::message::Body;
use super::reading::{Found, Heard, Party};
use super::topic::{Topic, fitting};
use super::value;
use crate::model::SensorKind;

/// Units by property.
const UNITS: [(&str, &str); 34] = [
    ("tempc", "Cel"),
    ("tempc1", "Cel"),
    ("tempc2", "Cel"),
    ("tempc3", "Cel"),
    ("tempc4", "Cel"),
    ("tempc2_dp", "Cel"),
    ("tempf", "[degF]"),
    ("hum", "%"),
    ("moi", "%"),
    ("batt", "%"),
    ("volt", "V"),
    ("voltage", "V"),
    ("current", "A"),
    ("power", "W"),
    ("energy", "kWh"),
    ("rssi", "dBm"),
    ("lux", "lx"),
    ("fer", "uS/cm"),
    ("pres", "hPa"),
    ("co2", "ppm"),
    ("pm25", "ug/m3"),
    ("pm10", "ug/m3"),
    ("pm1", "ug/m3"),
    ("for", "ug/m3"),
    ("tvoc", "ppb"),
    ("weight", "kg"),
    ("distance", "m"),
    ("steps", ""),
    ("uptime", "s"),
    ("freemem", "By"),
    ("mqttport", ""),
    ("tempc_ext", "Cel"),
    ("presence", ""),
    ("bpm", "/min"),
];

/// Properties that say who it is, not how.
const NAMES: [&str; 14] = [
    "id",
    "name",
    "manufacturerdata",
    "servicedata",
    "servicedatauuid",
    "brand",
    "model",
    "model_id",
    "type",
    "mac",
    "mac_type",
    "adv_type",
    "txpower",
    "cidc",
];

/// Sensors of one message.
const MOST_SENSORS: usize = 60;

pub(super) fn read(topic: &Topic<'_>, body: &Body<'_>) -> Option<Heard> {
    let at = topic.levels.iter().position(|level| *level == "BTtoMQTT")?;
    let address = topic.levels.get(at + 1)?;
    let object = body.object()?;
    // What is heard of somebody who is not known is only that there is somebody.
    let name = object.get("name").and_then(Value::as_str).unwrap_or_default();
    let model = object.get("model").and_then(Value::as_str).unwrap_or(name);
    let called = if model.is_empty() { (*address).to_owned() } else { format!("{model} {address}") };
    let device = Party::known("bluetooth", address, fitting(&called));
    let numbers = value::numbers(object, MOST_SENSORS).unwrap_or_default();
    let is_measured = |path: &str| !NAMES.contains(&path) && !value::is_time(path);
    // The same in the other scale.
    let has_celsius = object.contains_key("tempc");
    let found = numbers.into_iter().filter(|(path, _)| is_measured(path) && !(has_celsius && path == "tempf")).map(
        |(path, number)| {
            let unit = UNITS.iter().find(|(name, _)| *name == path).map_or("", |(_, unit)| unit);
            let kind = (path == "energy").then_some(SensorKind::Counter).or_else(|| number.kind());
            Found { kind, ..Found::plain(&device, path, number.value) }.with_unit(unit)
        },
    );
    Some(Heard::Readings(found.collect()))
}
