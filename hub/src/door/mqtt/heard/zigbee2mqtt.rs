//! Zigbee2MQTT: `<base>/bridge/devices` says what there is (`exposes`), `<base>/<friendly name>` says how it is. PURE.
//!
//! <https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html> and `exposes.html` there. The base is `zigbee2mqtt` unless
//! somebody chose another; it is known by its `bridge/devices`.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::message::Body;
use super::reading::{Found, Heard, Party, Why};
use super::topic::{Topic, fitting};
use super::value;
use crate::model::SensorKind;

/// Bridges of one broker, and devices of one bridge, that are remembered.
const MOST_BRIDGES: usize = 32;
const MOST_DEVICES: usize = 2_000;
/// Bytes of what all bridges say of their devices.
const MOST_BYTES: usize = 32 << 20;
/// What a bridge says of itself, below `<base>/bridge/`.
const OF_A_BRIDGE: [&str; 13] = [
    "state",
    "info",
    "logging",
    "log",
    "config",
    "groups",
    "event",
    "extensions",
    "converters",
    "definitions",
    "health",
    "request",
    "response",
];
/// Levels of features within features.
const DEEP: usize = 4;
/// The bit of `access` that says: it is published.
const PUBLISHED: u64 = 1;

/// The bridges, by base.
#[derive(Debug, Default)]
pub(super) struct Zigbee2Mqtt {
    bridges: HashMap<String, Bridge>,
    /// Bytes of what they say of their devices.
    bytes: usize,
}

#[derive(Debug, Default)]
struct Bridge {
    bytes: usize,
    /// By friendly name.
    devices: HashMap<String, Device>,
}

#[derive(Debug)]
struct Device {
    party: Arc<Party>,
    /// By the path in its messages.
    sensors: HashMap<String, Exposed>,
}

/// A sensor as it is announced.
#[derive(Debug)]
struct Exposed {
    unit: String,
    kind: Option<SensorKind>,
    /// What its two states are called.
    states: Option<(Value, Value)>,
}

impl Zigbee2Mqtt {
    pub(super) fn read(&mut self, topic: &Topic<'_>, body: &Body<'_>) -> Option<Heard> {
        if let Some((base, about)) = topic.text.split_once("/bridge/")
            && let Some(heard) = self.of_bridge(base, about, body)
        {
            return Some(heard);
        }
        let bases = topic.text.match_indices('/').map(|(at, _)| topic.text.split_at(at).0);
        let (base, bridge) = bases.into_iter().find_map(|base| Some((base, self.bridges.get(base)?)))?;
        Some(bridge.read(topic.below(base)?, body))
    }

    /// What a bridge says of itself and its devices.
    fn of_bridge(&mut self, base: &str, about: &str, body: &Body<'_>) -> Option<Heard> {
        if about != "devices" {
            // It says all that before it says what devices there are.
            let begin = about.split('/').next().unwrap_or(about);
            let is_of_a_bridge = self.bridges.contains_key(base) || OF_A_BRIDGE.contains(&begin);
            return (is_of_a_bridge && body.text().and_then(value::of_text).is_none_or(|said| said.is_state))
                .then_some(Heard::Aside);
        }
        let devices = body.json()?.as_array()?;
        let is_of_it = devices.iter().all(|device| device.get("ieee_address").is_some());
        if devices.is_empty() || !is_of_it || (self.bridges.len() >= MOST_BRIDGES && !self.bridges.contains_key(base)) {
            return None;
        }
        let bytes = body.bytes().len();
        self.bytes -= self.bridges.remove(base).map_or(0, |bridge| bridge.bytes);
        if self.bytes + bytes > MOST_BYTES {
            return Some(Heard::Unread(Why::TooManyDevices));
        }
        let devices = devices.iter().take(MOST_DEVICES).filter_map(Device::read).collect();
        self.bytes += bytes;
        self.bridges.insert(base.to_owned(), Bridge { bytes, devices });
        Some(Heard::Announcement)
    }
}

impl Bridge {
    /// Reads what stands below the base: the names of devices may have slashes.
    fn read(&self, below: &str, body: &Body<'_>) -> Heard {
        if let Some(device) = self.devices.get(below) {
            return device.state(body);
        }
        let Some((name, last)) = below.rsplit_once('/') else { return Heard::Aside };
        let Some(device) = self.devices.get(name) else { return Heard::Aside };
        if last == "availability" {
            return device.availability(body);
        }
        // With `output: attribute` each of them has a topic.
        device.attribute(last, body)
    }
}

impl Device {
    fn read(device: &Value) -> Option<(String, Self)> {
        let text = |name: &str| device.get(name)?.as_str();
        let (address, friendly) = (text("ieee_address")?, text("friendly_name")?);
        if text("type") == Some("Coordinator") {
            return None;
        }
        let party = Party::known("zigbee", address, fitting(friendly));
        let mut sensors = HashMap::new();
        let exposes = device.get("definition").and_then(|definition| definition.get("exposes")?.as_array());
        for exposed in exposes.into_iter().flatten() {
            Exposed::read(exposed, "", DEEP, &mut sensors);
        }
        Some((friendly.to_owned(), Self { party, sensors }))
    }

    fn state(&self, body: &Body<'_>) -> Heard {
        let Some(object) = body.object() else { return Heard::Aside };
        let mut found = Vec::new();
        self.gather(object, "", &mut found);
        let at = value::moment(object);
        found.iter_mut().for_each(|found: &mut Found| found.at = at);
        Heard::Readings(found)
    }

    fn gather(&self, object: &Map<String, Value>, before: &str, found: &mut Vec<Found>) {
        for (name, value) in object {
            let path = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
            match value.as_object().filter(|_| before.len() < 200) {
                Some(inner) => self.gather(inner, &path, found),
                None => found.extend(self.reading(&path, value)),
            }
        }
    }

    fn reading(&self, path: &str, value: &Value) -> Option<Found> {
        let exposed = self.sensors.get(path)?;
        let number = exposed.number(value)?;
        Some(Found { kind: exposed.kind, ..Found::plain(&self.party, path, number) }.with_unit(&exposed.unit))
    }

    fn attribute(&self, name: &str, body: &Body<'_>) -> Heard {
        let text = || body.text().map(|text| Value::String(text.to_owned()));
        let value = body.json().cloned().or_else(text);
        Heard::Readings(value.and_then(|value| self.reading(name, &value)).into_iter().collect())
    }

    fn availability(&self, body: &Body<'_>) -> Heard {
        let object = body.object().and_then(|object| object.get("state")?.as_str());
        let is_there = match object.or_else(|| body.text()) {
            Some("online") => true,
            Some("offline") => false,
            _ => return Heard::Aside,
        };
        Heard::Readings(vec![Found::available(&self.party, is_there)])
    }
}

impl Exposed {
    /// Gathers what a part of `exposes` says is published.
    fn read(part: &Value, before: &str, deep: usize, into: &mut HashMap<String, Self>) {
        let text = |name: &str| part.get(name).and_then(Value::as_str);
        let kind = text("type").unwrap_or_default();
        let property = text("property").unwrap_or_default();
        let path = match (before, property) {
            (before, "") => before.to_owned(),
            ("", property) => property.to_owned(),
            (before, property) => format!("{before}.{property}"),
        };
        if let Some(features) = part.get("features").and_then(Value::as_array) {
            // A light or a switch has its features beside it; one that is composite has them inside.
            let before = if kind == "composite" { path.as_str() } else { before };
            for feature in features.iter().filter(|_| deep > 0) {
                Self::read(feature, before, deep - 1, into);
            }
            return;
        }
        let is_published = part.get("access").and_then(Value::as_u64).is_none_or(|access| access & PUBLISHED != 0);
        if property.is_empty() || !is_published {
            return;
        }
        let unit = text("unit").unwrap_or_default();
        let states = match kind {
            "numeric" => None,
            "binary" => part.get("value_on").cloned().zip(part.get("value_off").cloned()),
            // One of several words, or any text.
            _ => return,
        };
        let kind = match kind {
            "binary" => Some(SensorKind::State),
            _ => is_total(property, unit).then_some(SensorKind::Counter),
        };
        into.insert(path, Self { unit: unit.to_owned(), kind, states });
    }

    fn number(&self, value: &Value) -> Option<f64> {
        match &self.states {
            Some((on, _)) if value == on => Some(1.0),
            Some((_, off)) if value == off => Some(0.0),
            _ => value::of(value).map(|number| number.value),
        }
    }
}

/// Whether it is a total that only grows: meters of energy, of water and of gas are.
fn is_total(property: &str, unit: &str) -> bool {
    let is_energy = ["kWh", "Wh", "MWh", "kVAh", "kVArh", "kvarh"].contains(&unit);
    let is_volume = ["m³", "L", "l"].contains(&unit);
    let says = |word: &str| property.contains(word);
    (is_energy && !says("today") && !says("yesterday") && !says("month") && !says("last"))
        || (is_volume && (says("consumed") || says("total")))
}
