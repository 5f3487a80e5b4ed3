//! Shelly: the first generation below `shellies/<id>`, later ones below `<id>/status` and `<id>/events/rpc`. PURE.
//!
//! <https://shelly-api-docs.shelly.cloud/gen1/#mqtt-support> and <https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Mqtt>.

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
const MOST_SENSORS: usize = 100;

/// Later devices by the prefix of their topics, with what they call themselves.
#[derive(Debug, Default)]
pub(super) struct Shelly {
    ids: HashMap<String, String>,
}

impl Shelly {
    pub(super) fn read(&mut self, topic: &Topic<'_>, body: &Body<'_>) -> Option<Heard> {
        if let ["shellies", id, rest @ ..] = topic.levels.as_slice() {
            return Some(if rest.is_empty() { Heard::Announcement } else { first_generation(id, rest, body) });
        }
        if let Some(prefix) = topic.text.strip_suffix("/events/rpc") {
            return self.event(prefix, body);
        }
        if let Some((prefix, component)) = topic.text.rsplit_once("/status/") {
            return self.status(prefix, component, body);
        }
        let (prefix, last) = topic.last();
        if last == "online" && self.is_known(prefix) {
            let number = value::of_text(body.text()?)?;
            return Some(Heard::Readings(vec![Found::available(&self.device(prefix), number.value != 0.0)]));
        }
        let is_its_own = self.is_known(prefix.split('/').next().unwrap_or(prefix)) || self.is_known(prefix);
        is_its_own.then_some(Heard::Aside)
    }

    /// One of its own names begins with that of the maker; another prefix is known by its messages.
    fn is_known(&self, prefix: &str) -> bool {
        self.ids.contains_key(prefix) || is_its_name(prefix)
    }

    fn device(&self, prefix: &str) -> Arc<Party> {
        let id = self.ids.get(prefix).map_or(prefix, String::as_str);
        Party::known("shelly", id, fitting(prefix))
    }

    /// A notification: what changed, or all of it.
    fn event(&mut self, prefix: &str, body: &Body<'_>) -> Option<Heard> {
        let object = body.object()?;
        let (source, method) = (object.get("src")?.as_str()?, object.get("method")?.as_str()?);
        if !method.starts_with("Notify") {
            return None;
        }
        let is_short = prefix.len() <= LONGEST && source.len() <= LONGEST;
        if is_short && (self.ids.len() < MOST_DEVICES || self.ids.contains_key(prefix)) {
            self.ids.insert(prefix.to_owned(), source.to_owned());
        }
        if method == "NotifyEvent" {
            return Some(Heard::Aside);
        }
        let device = self.device(prefix);
        let parts = object.get("params")?.as_object()?;
        let mut found = Vec::new();
        for (component, part) in parts {
            if let Value::Object(part) = part {
                gather(&device, component, part, &mut found);
            }
        }
        let at = value::moment(parts);
        found.iter_mut().for_each(|found| found.at = at);
        Some(Heard::Readings(found))
    }

    fn status(&self, prefix: &str, component: &str, body: &Body<'_>) -> Option<Heard> {
        let part = body.object()?;
        let is_its_own = self.is_known(prefix) || (component.contains(':') && part.contains_key("id"));
        if !is_its_own {
            return None;
        }
        let mut found = Vec::new();
        gather(&self.device(prefix), component, part, &mut found);
        Some(Heard::Readings(found))
    }
}

fn is_its_name(prefix: &str) -> bool {
    // `shellyplus1pm-a8032ab12345`
    let is_hex = |tail: &str| tail.len() >= 6 && tail.bytes().all(|byte| byte.is_ascii_hexdigit());
    prefix.starts_with("shelly") && prefix.rsplit_once('-').is_some_and(|(_, tail)| is_hex(tail))
}

/// The numbers of a component of a later device.
fn gather(device: &Arc<Party>, component: &str, part: &Map<String, Value>, found: &mut Vec<Found>) {
    // What is of nobody's interest as a reading.
    if matches!(component, "cloud" | "mqtt" | "ws" | "ble" | "ui" | "eth") || component.starts_with("script") {
        return;
    }
    for (path, number) in value::numbers(part, MOST_SENSORS).unwrap_or_default() {
        let Some((unit, kind)) = known(&path) else { continue };
        let name = format!("{component}.{path}");
        found.push(
            Found { kind: kind.or_else(|| number.kind()), ..Found::plain(device, name, number.value) }.with_unit(unit),
        );
    }
}

/// Unit and kind of a number of a later device; `None` where it says nothing that is measured.
fn known(path: &str) -> Option<(&'static str, Option<SensorKind>)> {
    let last = path.rsplit('.').next().unwrap_or(path);
    let unit = match last {
        "apower" | "act_power" | "a_act_power" | "b_act_power" | "c_act_power" | "total_act_power" => "W",
        "aprt_power" | "a_aprt_power" | "b_aprt_power" | "c_aprt_power" | "total_aprt_power" => "VA",
        "voltage" | "a_voltage" | "b_voltage" | "c_voltage" | "V" => "V",
        "current" | "a_current" | "b_current" | "c_current" | "n_current" | "total_current" => "A",
        "freq" | "a_freq" | "b_freq" | "c_freq" => "Hz",
        "total" if path.contains("energy") => return Some(("Wh", Some(SensorKind::Counter))),
        name if name.ends_with("_act_energy") || name.ends_with("_act_ret_energy") || name == "total_act" => {
            return Some(("Wh", Some(SensorKind::Counter)));
        }
        "total_act_ret" => return Some(("Wh", Some(SensorKind::Counter))),
        "tC" => "Cel",
        "rh" | "percent" | "current_pos" | "brightness" => "%",
        "lux" => "lx",
        "rssi" => "dBm",
        "uptime" => "s",
        "ram_free" | "fs_free" => "By",
        "pf" | "a_pf" | "b_pf" | "c_pf" => "",
        "output" | "state" | "alarm" | "mute" | "present" | "overtemp" => return Some(("", Some(SensorKind::State))),
        "xvoltage" | "xpercent" | "xcounts" | "xfreq" => "",
        _ => return None,
    };
    Some((unit, None))
}

/// A message of the first generation: one number a topic.
fn first_generation(id: &str, rest: &[&str], body: &Body<'_>) -> Heard {
    let device = Party::known("shelly", id, fitting(id));
    let [.., last] = rest else { return Heard::Aside };
    match *last {
        "online" => {
            let number = body.text().and_then(value::of_text);
            return number
                .map_or(Heard::Aside, |number| Heard::Readings(vec![Found::available(&device, number.value != 0.0)]));
        }
        "announce" | "info" => return Heard::Announcement,
        "command" | "set" | "settings" | "longpush" | "input_event" | "temperature_f" | "temperature_status" => {
            return Heard::Aside;
        }
        _ => {}
    }
    let name = rest.join(".");
    if let Some(object) = body.object() {
        let numbers = value::numbers(object, MOST_SENSORS).unwrap_or_default();
        let found = numbers.into_iter().filter_map(|(path, number)| {
            let kind = number.kind();
            let (unit, kind) = match path.as_str() {
                "ison" | "overpower" => ("", Some(SensorKind::State)),
                "brightness" | "gain" | "white" => ("%", kind),
                "power" => ("W", kind),
                _ => return None,
            };
            Some(Found { kind, ..Found::plain(&device, format!("{name}.{path}"), number.value) }.with_unit(unit))
        });
        return Heard::Readings(found.collect());
    }
    let Some(number) = body.text().and_then(value::of_text) else { return Heard::Aside };
    let (unit, kind) = match *last {
        "power" => ("W", None),
        "reactive_power" => ("var", None),
        "voltage" => ("V", None),
        "current" => ("A", None),
        // Of relays in watt minutes since the start, of energy meters in the total in watt hours.
        "energy" | "returned_energy" => ("W.min", Some(SensorKind::Counter)),
        "total" | "total_returned" => ("Wh", Some(SensorKind::Counter)),
        "temperature" => ("Cel", None),
        "humidity" | "battery" | "pos" => ("%", None),
        "lux" => ("lx", None),
        "concentration" => ("ppm", None),
        "flood" | "smoke" | "motion" | "vibration" | "overtemperature" | "charger" | "tilt" if number.is_state => {
            ("", Some(SensorKind::State))
        }
        _ => ("", None),
    };
    let is_switch = rest.len() == 2 && matches!(rest.first(), Some(&("relay" | "input" | "light" | "white")));
    let kind = kind.or_else(|| number.kind()).or_else(|| is_switch.then_some(SensorKind::State));
    Heard::Readings(vec![Found { kind, ..Found::plain(&device, name, number.value) }.with_unit(unit)])
}
