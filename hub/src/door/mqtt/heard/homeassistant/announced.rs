//! What one announcement says: entities with their topics, and where it is told whether their device is there. PURE.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::entity::{Entity, States};
use super::presence::Presence;
use super::short;
use crate::door::mqtt::heard::reading::Party;
use crate::door::mqtt::heard::template::Template;
use crate::door::mqtt::heard::topic::{Topic, fitting};
use crate::model::SensorKind;

/// Second levels of the topics of announcements.
pub(super) const COMPONENTS: [&str; 31] = [
    "device",
    "sensor",
    "binary_sensor",
    "number",
    "switch",
    "light",
    "lock",
    "cover",
    "climate",
    "fan",
    "valve",
    "humidifier",
    "water_heater",
    "siren",
    "alarm_control_panel",
    "button",
    "camera",
    "device_automation",
    "device_tracker",
    "event",
    "image",
    "lawn_mower",
    "notify",
    "scene",
    "select",
    "tag",
    "text",
    "update",
    "vacuum",
    "weather",
    "date",
];

/// An announcement that was understood.
#[derive(Debug)]
pub(super) struct Announced {
    pub(super) entities: Vec<Entity>,
    /// Topics that tell whether the device is there.
    pub(super) presence: Vec<(String, Presence)>,
}

/// Reads an announcement; `None` when it is none.
pub(super) fn announced(topic: &Topic<'_>, component: &str, config: &Map<String, Value>) -> Option<Announced> {
    let config = short::long(config);
    let node = (topic.levels.len() == 5).then(|| topic.levels.get(2).copied()).flatten();
    let object = topic.levels.iter().rev().nth(1).copied()?;
    let device = device(&config, node.unwrap_or(object));
    let mut entities = Vec::new();
    if component == "device" {
        for (id, part) in config.get("components")?.as_object()? {
            let Some(part) = part.as_object() else { continue };
            // What is said of the device is said of all its parts, unless a part says it otherwise.
            let shared = ["~", "availability", "state_topic", "qos"];
            let shared = shared.iter().filter_map(|name| Some((String::from(*name), config.get(*name)?.clone())));
            let mut whole: Map<String, Value> = shared.collect();
            whole.extend(part.clone());
            let part = short::long(&whole);
            let platform = part.get("platform").and_then(Value::as_str).unwrap_or_default();
            entities.extend(of(&device, id, platform, &part));
        }
    } else {
        let is_one = config.keys().any(|name| name.ends_with("topic") || name == "device" || name == "unique_id");
        if !is_one {
            return None;
        }
        entities.extend(of(&device, object, component, &config));
    }
    let presence = presence(&device, &config);
    Some(Announced { entities, presence })
}

/// The device: by its first identifier; without any by the node or the object.
fn device(config: &Map<String, Value>, otherwise: &str) -> Arc<Party> {
    let Some(device) = config.get("device").and_then(Value::as_object) else {
        return Party::named(fitting(otherwise));
    };
    let first = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => items.first()?.as_str().map(str::to_owned),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    };
    let connection = || Some(device.get("connections")?.as_array()?.first()?.as_array()?.get(1)?.as_str()?.to_owned());
    let id = device.get("identifiers").and_then(first).or_else(connection);
    let name = device.get("name").and_then(Value::as_str).filter(|name| !name.trim().is_empty());
    let id = id.unwrap_or_else(|| name.unwrap_or(otherwise).to_owned());
    Party::known("homeassistant", &id, fitting(name.unwrap_or(&id)))
}

fn text<'c>(config: &'c Map<String, Value>, name: &str) -> Option<&'c str> {
    config.get(name)?.as_str()
}

/// The readings of one entity; a climate has several.
fn of(device: &Arc<Party>, object: &str, component: &str, config: &Map<String, Value>) -> Vec<Entity> {
    let class = text(config, "device_class");
    let name = name(device, object, class, config);
    let template = |of: &str| text(config, of).map(Template::of);
    let one = |topic: &str, of: &str, sensor: String, unit: Option<&str>, kind, states| {
        let (unit, template) = (unit.map(str::to_owned), template(of));
        Some(Entity {
            device: Arc::clone(device),
            topic: text(config, topic)?.to_owned(),
            sensor,
            unit,
            kind,
            template,
            states,
        })
    };
    let unit = text(config, "unit_of_measurement");
    let state = Some(SensorKind::State);
    let entities = match component {
        "sensor" => {
            // Dates, times and one of several words are no numbers.
            if matches!(class, Some("timestamp" | "date" | "enum")) {
                return Vec::new();
            }
            let is_total = match text(config, "state_class") {
                Some("total_increasing") => true,
                Some("total") => class.is_some_and(|class| matches!(class, "energy" | "gas" | "water")),
                _ => false,
            };
            vec![one(
                "state_topic",
                "value_template",
                name,
                unit,
                is_total.then_some(SensorKind::Counter),
                States::Numbers,
            )]
        }
        "number" => vec![one("state_topic", "value_template", name, unit, None, States::Numbers)],
        "binary_sensor" => {
            let states = States::said(config, ["payload_on", "ON"], ["payload_off", "OFF"]);
            vec![one("state_topic", "value_template", name, None, state, states)]
        }
        "switch" | "siren" => {
            let on = ["state_on", text(config, "payload_on").unwrap_or("ON")];
            let off = ["state_off", text(config, "payload_off").unwrap_or("OFF")];
            vec![one("state_topic", "value_template", name, None, state, States::said(config, on, off))]
        }
        "light" | "fan" | "humidifier" => {
            let states = States::said(config, ["payload_on", "ON"], ["payload_off", "OFF"]);
            let of = if component == "light" { "state_value_template" } else { "value_template" };
            let percentage = format!("{name} percentage");
            vec![
                one("state_topic", of, name, None, state, states),
                one(
                    "percentage_state_topic",
                    "percentage_value_template",
                    percentage,
                    Some("%"),
                    None,
                    States::Numbers,
                ),
            ]
        }
        "lock" => {
            let states = States::said(config, ["state_unlocked", "UNLOCKED"], ["state_locked", "LOCKED"]);
            vec![one("state_topic", "value_template", name, None, state, states)]
        }
        "cover" | "valve" => {
            let states = States::said(config, ["state_open", "open"], ["state_closed", "closed"]);
            let position = format!("{name} position");
            vec![
                one("state_topic", "value_template", name, None, state, states),
                one("position_topic", "position_template", position, Some("%"), None, States::Numbers),
            ]
        }
        "climate" | "water_heater" => {
            let unit = Some(text(config, "temperature_unit").unwrap_or("C")).map(|unit| match unit {
                "F" => "[degF]",
                _ => "Cel",
            });
            let called = |what: &str| format!("{name} {what}");
            vec![
                one(
                    "current_temperature_topic",
                    "current_temperature_template",
                    called("temperature"),
                    unit,
                    None,
                    States::Numbers,
                ),
                one(
                    "temperature_state_topic",
                    "temperature_state_template",
                    called("target temperature"),
                    unit,
                    None,
                    States::Numbers,
                ),
                one(
                    "current_humidity_topic",
                    "current_humidity_template",
                    called("humidity"),
                    Some("%"),
                    None,
                    States::Numbers,
                ),
            ]
        }
        _ => Vec::new(),
    };
    entities.into_iter().flatten().collect()
}

/// What an entity is called: without the name of its device, which some put before it.
fn name(device: &Arc<Party>, object: &str, class: Option<&str>, config: &Map<String, Value>) -> String {
    let said = text(config, "name").map(str::trim).filter(|name| !name.is_empty());
    let own = said.map(|name| {
        let rest = name.strip_prefix(device.name.as_str()).map(|rest| rest.trim_start_matches([' ', '-', ':', '_']));
        rest.filter(|rest| !rest.is_empty()).unwrap_or(name)
    });
    own.or(class).unwrap_or(object).to_owned()
}

/// The topics that tell whether a device is there.
fn presence(device: &Arc<Party>, config: &Map<String, Value>) -> Vec<(String, Presence)> {
    let one = |part: &Map<String, Value>, topic: &str, template: &str| {
        let word = |name: &str, usual: &str| text(part, name).unwrap_or(usual).to_owned();
        let presence = Presence {
            device: Arc::clone(device),
            there: word("payload_available", "online"),
            gone: word("payload_not_available", "offline"),
            template: text(part, template).map(Template::of),
        };
        Some((text(part, topic)?.to_owned(), presence))
    };
    let listed = match config.get("availability") {
        Some(Value::Array(parts)) => parts.iter().filter_map(Value::as_object).collect(),
        Some(Value::Object(part)) => vec![part],
        _ => Vec::new(),
    };
    let listed = listed.into_iter().filter_map(|part| one(part, "topic", "value_template"));
    listed.chain(one(config, "availability_topic", "availability_template")).collect()
}
