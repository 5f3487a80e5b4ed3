//! Tasmota: `tele/<topic>/SENSOR` and `STATE`, `LWT`, `stat/<topic>/...`, and what it says of itself below `tasmota/discovery`. PURE.
//!
//! <https://tasmota.github.io/docs/MQTT/>, `Sensor-API/` there for the names of measurements. The order of prefix and topic may be the
//! other one (`%topic%/%prefix%/`), and the topic may have several levels.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::message::Body;
use super::reading::{Found, Heard, Party};
use super::topic::{Topic, fitting};
use super::value;
use crate::model::SensorKind;

/// Devices that are remembered.
const MOST_DEVICES: usize = 5_000;
/// Longest name or topic that is remembered, in bytes.
const LONGEST: usize = 512;
/// Sensors of one message.
const MOST_SENSORS: usize = 200;

/// The names that devices gave themselves.
#[derive(Debug, Default)]
pub(super) struct Tasmota {
    /// By topic.
    names: HashMap<String, String>,
    /// Topics by address, which `sensors` messages have.
    addresses: HashMap<String, String>,
}

impl Tasmota {
    pub(super) fn read(&mut self, topic: &Topic<'_>, body: &Body<'_>) -> Option<Heard> {
        if let Some(below) = topic.below("tasmota/discovery") {
            self.discover(below, body);
            return Some(Heard::Announcement);
        }
        let (prefix, own, last) = parts(topic)?;
        let device = self.device(own);
        match (prefix, last) {
            ("tele", "LWT") => Some(availability(&device, body)),
            ("tele", "SENSOR") => Some(measured(&device, body.object()?)),
            ("tele" | "stat", "STATE" | "RESULT") => Some(state(&device, body.object()?)),
            ("stat", "STATUS8" | "STATUS10") => match body.object()?.get("StatusSNS")?.as_object() {
                Some(status) => Some(measured(&device, status)),
                None => Some(Heard::Aside),
            },
            ("stat", power) if power.starts_with("POWER") => {
                let number = value::of_text(body.text()?)?;
                let found = Found::plain(&device, power, number.value).of_kind(SensorKind::State);
                Some(Heard::Readings(vec![found]))
            }
            ("tele", "INFO1" | "INFO2" | "INFO3" | "UPTIME" | "HASS_STATE") => Some(Heard::Aside),
            ("stat", status) if status.starts_with("STATUS") || status == "LOGGING" || status == "UPGRADE" => {
                Some(Heard::Aside)
            }
            ("cmnd", _) => Some(Heard::Aside),
            _ => None,
        }
    }

    fn device(&self, topic: &str) -> Arc<Party> {
        let name = self.names.get(topic).map_or(topic, String::as_str);
        Party::known("tasmota", topic, fitting(name))
    }

    /// Learns what a device is called.
    fn discover(&mut self, below: &str, body: &Body<'_>) {
        let Some((address, "config")) = below.split_once('/') else { return };
        let Some(config) = body.object() else {
            if let Some(topic) = self.addresses.remove(address).filter(|_| body.is_empty()) {
                self.names.remove(&topic);
            }
            return;
        };
        let text = |name: &str| config.get(name)?.as_str().filter(|text| !text.is_empty());
        let first = config.get("fn").and_then(|names| names.get(0)?.as_str()).filter(|text| !text.is_empty());
        let (Some(topic), Some(name)) = (text("t"), text("dn").or(first)) else { return };
        let is_short = [address, topic, name].iter().all(|text| text.len() <= LONGEST);
        if is_short
            && (self.addresses.len() < MOST_DEVICES || self.addresses.contains_key(address))
            && (self.names.len() < MOST_DEVICES || self.names.contains_key(topic))
        {
            self.addresses.insert(address.to_owned(), topic.to_owned());
            self.names.insert(topic.to_owned(), name.to_owned());
        }
    }
}

/// Prefix, topic and command of a topic, in either order.
fn parts<'t>(topic: &Topic<'t>) -> Option<(&'t str, &'t str, &'t str)> {
    let is_prefix = |level: &str| matches!(level, "tele" | "stat" | "cmnd");
    let (before, last) = topic.last();
    let is_command = last.bytes().next()?.is_ascii_uppercase();
    if let Some((prefix, own)) = before.split_once('/')
        && is_prefix(prefix)
        && (is_command || prefix == "cmnd")
        && !own.is_empty()
    {
        return Some((prefix, own, last));
    }
    let (own, prefix) = before.rsplit_once('/')?;
    (is_prefix(prefix) && (is_command || prefix == "cmnd") && !own.is_empty()).then_some((prefix, own, last))
}

fn availability(device: &Arc<Party>, body: &Body<'_>) -> Heard {
    match body.text() {
        Some("Online") => Heard::Readings(vec![Found::available(device, true)]),
        Some("Offline") => Heard::Readings(vec![Found::available(device, false)]),
        _ => Heard::Aside,
    }
}

/// Measurements: each sensor has an object of its own, and `ENERGY` arrays where there are several phases.
fn measured(device: &Arc<Party>, object: &Map<String, Value>) -> Heard {
    let units = Units::of(object);
    let numbers = value::numbers(object, MOST_SENSORS).unwrap_or_default();
    let found = numbers.into_iter().filter_map(|(path, number)| {
        // `Id` of a bus and the like are names that may look like numbers.
        let name = path.split('.').rev().find(|level| level.parse::<u32>().is_err())?;
        if value::is_time(name) || matches!(name, "Id" | "Address" | "TotalStartTime" | "JsonSize") {
            return None;
        }
        let (unit, kind) = units.known(&path, name);
        Some(Found { kind: kind.or_else(|| number.kind()), ..Found::plain(device, path, number.value) }.with_unit(unit))
    });
    Heard::Readings(found.collect())
}

/// How a device is: switches, and what is of use of the rest.
fn state(device: &Arc<Party>, object: &Map<String, Value>) -> Heard {
    let numbers = value::numbers(object, MOST_SENSORS).unwrap_or_default();
    let found = numbers.into_iter().filter_map(|(path, number)| {
        let plain = Found::plain(device, path.clone(), number.value);
        Some(match path.as_str() {
            "UptimeSec" => plain.with_unit("s"),
            "Heap" => plain.with_unit("kB"),
            "Vcc" => plain.with_unit("V"),
            "LoadAvg" | "Wifi.RSSI" | "Dimmer" => plain.with_unit("%"),
            "Wifi.Signal" => plain.with_unit("dBm"),
            power if power.starts_with("POWER") => plain.of_kind(SensorKind::State),
            _ => return None,
        })
    });
    Heard::Readings(found.collect())
}

/// The units of this message, as far as it says.
struct Units<'o> {
    temperature: &'o str,
    pressure: &'o str,
    speed: &'o str,
}

impl<'o> Units<'o> {
    fn of(object: &'o Map<String, Value>) -> Self {
        let said = |name: &str| object.get(name).and_then(Value::as_str);
        let temperature = match said("TempUnit") {
            Some("F") => "[degF]",
            _ => "Cel",
        };
        Self { temperature, pressure: said("PressureUnit").unwrap_or("hPa"), speed: said("SpeedUnit").unwrap_or("m/s") }
    }

    /// Unit and kind by the name of a measurement.
    fn known(&self, path: &str, name: &str) -> (&'o str, Option<SensorKind>) {
        let unit = match name {
            "Temperature" | "DewPoint" | "HeatIndex" | "FeelsLike" => self.temperature,
            "Humidity" | "Moisture" | "Battery" => "%",
            "Pressure" | "SeaPressure" => self.pressure,
            "Power" | "ActivePower" => "W",
            "ApparentPower" => "VA",
            "ReactivePower" => "var",
            "Voltage" => "V",
            "Current" => "A",
            "Frequency" => "Hz",
            "Today" | "Yesterday" | "ExportActive" | "ImportActive" if path.starts_with("ENERGY") => "kWh",
            "Total" | "TotalTariff" if path.starts_with("ENERGY") => return ("kWh", Some(SensorKind::Counter)),
            "Illuminance" | "Ambient" => "lx",
            "CarbonDioxide" | "eCO2" | "CO2" => "ppm",
            "TVOC" => "ppb",
            "PM1" | "PM2.5" | "PM10" | "CF1" | "CF2.5" | "CF10" => "ug/m3",
            "WindSpeed" | "Speed" => self.speed,
            "UvIndex" => "",
            _ => "",
        };
        (unit, None)
    }
}
