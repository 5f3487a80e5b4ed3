//! Numbers and JSON by topic, where nothing better is known. PURE.
//!
//! ```text
//!   sensors/garden/temperature    21.5                 device sensors/garden     sensor temperature
//!   garden/weather                {"t":21.5,"w":{..}}  device garden/weather     sensors t, w.speed, ...
//!   garden/weather/state          {"t":21.5}           device garden/weather     sensor t
//! ```

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::message::Body;
use super::reading::{Found, Heard, Party, Why};
use super::topic::{Topic, fitting};
use super::value::{self, Number};

/// Devices that are made of one broker by the names of topics alone. Where topics have numbers of messages or times in them, there is
/// no end to them.
pub(super) const MOST_DEVICES: usize = 250;
/// Sensors of one message that are guessed.
const MOST_SENSORS: usize = 100;

/// Last levels that say what a message is rather than of what.
const GENERAL: [&str; 16] = [
    "state",
    "status",
    "data",
    "value",
    "values",
    "json",
    "telemetry",
    "sensor",
    "sensors",
    "reading",
    "readings",
    "measurement",
    "measurements",
    "attributes",
    "event",
    "up",
];

/// Last levels of topics by which things are told what to do.
const ORDERS: [&str; 7] = ["set", "get", "cmd", "cmnd", "command", "config", "rpc"];

/// The devices that were made so.
#[derive(Debug, Default)]
pub(super) struct Plain {
    devices: HashSet<String>,
}

impl Plain {
    /// Reads a message of which nothing is known.
    pub(super) fn read(&mut self, topic: &Topic<'_>, body: &Body<'_>) -> Heard {
        let last = topic.last().1;
        if ORDERS.iter().any(|order| last.eq_ignore_ascii_case(order)) {
            return Heard::Aside;
        }
        let Some(text) = body.text() else { return Heard::Unread(Why::Binary) };
        match body.json() {
            Some(Value::Object(object)) => {
                let Some(numbers) = value::numbers(object, MOST_SENSORS) else { return Heard::Unread(Why::TooMany) };
                let numbers: Vec<_> = numbers.into_iter().filter(|(path, _)| !says_when(path)).collect();
                if numbers.is_empty() {
                    return Heard::Unread(Why::NoNumber);
                }
                let at = value::moment(object);
                self.found(stem(topic, last), numbers, at)
            }
            Some(Value::Array(_)) => Heard::Unread(Why::NoNumber),
            json => {
                let number = json.map_or_else(|| value::of_text(text), value::of);
                let Some(number) = number else { return Heard::Unread(Why::Text) };
                let (device, sensor) = topic.last();
                let (device, sensor) = if device.is_empty() { (sensor, "value") } else { (device, sensor) };
                self.found(device, vec![(sensor.to_owned(), number)], None)
            }
        }
    }

    fn found(&mut self, device: &str, numbers: Vec<(String, Number)>, at: Option<crate::model::UnixMillis>) -> Heard {
        let device = fitting(device.trim_matches('/'));
        if device.is_empty() {
            return Heard::Unread(Why::Name);
        }
        if !self.devices.contains(device) {
            if self.devices.len() >= MOST_DEVICES {
                return Heard::Unread(Why::TooManyDevices);
            }
            self.devices.insert(device.to_owned());
        }
        let device = Party::named(device);
        let found = |(sensor, number): (String, Number)| Found {
            kind: number.kind(),
            at,
            ..Found::plain(&Arc::clone(&device), sensor, number.value)
        };
        Heard::Readings(numbers.into_iter().map(found).collect())
    }
}

fn says_when(path: &str) -> bool {
    value::is_time(path.rsplit('.').next().unwrap_or(path))
}

/// The device of a topic whose message has several sensors.
fn stem<'t>(topic: &Topic<'t>, last: &str) -> &'t str {
    let is_general = GENERAL.iter().any(|general| last.eq_ignore_ascii_case(general));
    let before = topic.last().0;
    if is_general && !before.is_empty() { before } else { topic.text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(plain: &mut Plain, topic: &str, payload: &str) -> Heard {
        plain.read(&Topic::of(topic), &Body::of(payload.as_bytes()))
    }

    fn names(heard: Heard) -> Vec<(String, String, f64)> {
        let Heard::Readings(found) = heard else { panic!("{heard:?}") };
        found.into_iter().map(|found| (found.device.name.clone(), found.sensor, found.value)).collect()
    }

    #[test]
    fn topics_are_devices_and_their_last_levels_or_the_names_in_json_are_sensors() {
        let mut plain = Plain::default();
        let one = |device: &str, sensor: &str, value| (device.to_owned(), sensor.to_owned(), value);
        assert_eq!(
            names(read(&mut plain, "sensors/garden/temperature", "21.5")),
            [one("sensors/garden", "temperature", 21.5)]
        );
        assert_eq!(
            names(read(&mut plain, "/garden/weather", r#"{"t":21,"w":{"speed":"3"},"ts":1796054400,"n":"x"}"#)),
            [one("garden/weather", "t", 21.0), one("garden/weather", "w.speed", 3.0)]
        );
        assert_eq!(names(read(&mut plain, "garden/weather/state", r#"{"t":1}"#)), [one("garden/weather", "t", 1.0)]);
        assert_eq!(names(read(&mut plain, "light", "ON")), [one("light", "value", 1.0)]);
    }

    #[test]
    fn what_is_no_reading_says_why() {
        let mut plain = Plain::default();
        assert_eq!(read(&mut plain, "a/b", "hello"), Heard::Unread(Why::Text));
        assert_eq!(read(&mut plain, "a/b", ""), Heard::Unread(Why::Text));
        assert_eq!(read(&mut plain, "a/b", "{\"x\":\"hello\"}"), Heard::Unread(Why::NoNumber));
        assert_eq!(read(&mut plain, "a/b", "[1,2]"), Heard::Unread(Why::NoNumber));
        assert_eq!(read(&mut plain, "a/b/set", "1"), Heard::Aside);
        assert_eq!(plain.read(&Topic::of("a/b"), &Body::of(&[0xff, 0xd8])), Heard::Unread(Why::Binary));
    }

    #[test]
    fn topics_without_end_make_no_devices_without_end() {
        let mut plain = Plain::default();
        for number in 0..MOST_DEVICES {
            assert!(matches!(read(&mut plain, &format!("m/{number}/x"), "1"), Heard::Readings(_)));
        }
        assert_eq!(read(&mut plain, "m/more/x", "1"), Heard::Unread(Why::TooManyDevices));
        assert!(matches!(read(&mut plain, "m/7/y", "1"), Heard::Readings(_)), "what is there goes on");
    }
}
