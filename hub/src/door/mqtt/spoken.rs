//! What the hub says at a broker: readings of its agents' devices and what its rules find, announced as Home Assistant's discovery. PURE.
//!
//! ```text
//!   <prefix>/available                               online, offline (the broker's last word of a hub that is gone); kept
//!   <prefix>/<device>/<sensor's number>              a number
//!   <prefix>/rules/<rule's number>                   ON while an alert of it fires, OFF; kept
//!   homeassistant/sensor/<hub>/<sensor>/config       what that is; kept
//!   homeassistant/binary_sensor/<hub>/<rule>/config  likewise
//! ```
//!
//! Only devices with an agent are spoken of: what was heard at the broker is known there. Everything is said again at each connection.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use crate::model::{SensorKind, UnixMillis};

/// Messages of one turn. What is left is said at the next one.
const MOST: usize = 500;
/// Shortest time after which Home Assistant takes a sensor for gone, in seconds.
const EXPIRES_S: u32 = 60;

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Publish {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    /// Whether the broker keeps it for those who come later.
    pub(crate) is_kept: bool,
}

/// A sensor as it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) device: String,
    pub(crate) device_name: String,
    pub(crate) model: String,
    pub(crate) series: u64,
    pub(crate) sensor: String,
    /// As people write it.
    pub(crate) unit: String,
    pub(crate) kind: SensorKind,
    /// 0 when readings come as they please.
    pub(crate) interval_ms: u32,
    pub(crate) at: UnixMillis,
    pub(crate) value: f64,
}

/// A rule as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) rule: u64,
    pub(crate) name: String,
    pub(crate) is_firing: bool,
}

/// What was said.
#[derive(Debug)]
pub(crate) struct Spoken {
    prefix: String,
    /// What tells this hub from others.
    hub: String,
    sensors: HashMap<u64, Said>,
    rules: HashMap<u64, (String, bool)>,
}

#[derive(Debug)]
struct Said {
    config: String,
    at: UnixMillis,
    topic: String,
}

impl Spoken {
    /// Nothing yet: to be said below a prefix, by this hub.
    pub(crate) fn new(prefix: &str, hub: &str) -> Self {
        let (sensors, rules) = Default::default();
        Self { prefix: prefix.to_owned(), hub: hub.to_owned(), sensors, rules }
    }

    /// Whether a topic is one of these.
    pub(crate) fn is_own(prefix: &str, hub: &str, topic: &str) -> bool {
        let is_below = |beginning: &str| topic.strip_prefix(beginning).is_some_and(|rest| rest.starts_with('/'));
        is_below(prefix) || (topic.starts_with("homeassistant/") && topic.split('/').nth(2) == Some(hub))
    }

    /// Forgets what was said: at a new connection all of it is said again.
    pub(crate) fn begin(&mut self) {
        self.sensors.clear();
        self.rules.clear();
    }

    /// What there is to say now.
    pub(crate) fn turn(&mut self, rows: &[Row], findings: &[Finding]) -> Vec<Publish> {
        let mut messages = Vec::new();
        self.take_back(rows, findings, &mut messages);
        for row in rows {
            if messages.len() >= MOST {
                return messages;
            }
            self.sensor(row, &mut messages);
        }
        for finding in findings {
            if messages.len() >= MOST {
                return messages;
            }
            self.rule(finding, &mut messages);
        }
        messages
    }

    fn sensor(&mut self, row: &Row, messages: &mut Vec<Publish>) {
        let topic = format!("{}/{}/{}", self.prefix, row.device, row.series);
        let config = self.config_of(row, &topic);
        let said = self.sensors.get(&row.series);
        if said.is_none_or(|said| said.config != config) {
            let to = self.place("sensor", &format!("s{}", row.series));
            messages.push(Publish { topic: to, payload: config.clone().into_bytes(), is_kept: true });
        }
        if said.is_none_or(|said| said.at < row.at) {
            messages.push(Publish {
                topic: topic.clone(),
                payload: row.value.to_string().into_bytes(),
                is_kept: false,
            });
        }
        self.sensors.insert(row.series, Said { config, at: row.at, topic });
    }

    fn rule(&mut self, finding: &Finding, messages: &mut Vec<Publish>) {
        let said = self.rules.get(&finding.rule);
        let topic = format!("{}/rules/{}", self.prefix, finding.rule);
        if said.is_none_or(|(name, _)| *name != finding.name) {
            let mut config = self.shared(&finding.name, &topic, &format!("r{}", finding.rule));
            config.insert("device_class".to_owned(), "problem".into());
            let device = json!({"identifiers": [self.hub], "name": "Telemetry hub", "model": "rules"});
            config.insert("device".to_owned(), device);
            let to = self.place("binary_sensor", &format!("r{}", finding.rule));
            messages.push(Publish {
                topic: to,
                payload: Value::Object(config).to_string().into_bytes(),
                is_kept: true,
            });
        }
        if said.is_none_or(|(_, is_firing)| *is_firing != finding.is_firing) {
            let word = if finding.is_firing { "ON" } else { "OFF" };
            messages.push(Publish { topic, payload: word.into(), is_kept: true });
        }
        self.rules.insert(finding.rule, (finding.name.clone(), finding.is_firing));
    }

    /// Takes back what is no more: an empty message that is kept is none.
    fn take_back(&mut self, rows: &[Row], findings: &[Finding], messages: &mut Vec<Publish>) {
        let there: HashSet<u64> = rows.iter().map(|row| row.series).collect();
        let gone: Vec<u64> = self.sensors.keys().filter(|series| !there.contains(series)).copied().collect();
        let empty = |topic: String| Publish { topic, payload: Vec::new(), is_kept: true };
        for series in gone {
            if let Some(said) = self.sensors.remove(&series) {
                messages.extend([empty(self.place("sensor", &format!("s{series}"))), empty(said.topic)]);
            }
        }
        let there: HashSet<u64> = findings.iter().map(|finding| finding.rule).collect();
        let gone: Vec<u64> = self.rules.keys().filter(|rule| !there.contains(rule)).copied().collect();
        for rule in gone {
            self.rules.remove(&rule);
            let state = format!("{}/rules/{rule}", self.prefix);
            messages.extend([empty(self.place("binary_sensor", &format!("r{rule}"))), empty(state)]);
        }
    }

    fn place(&self, component: &str, object: &str) -> String {
        format!("homeassistant/{component}/{}/{object}/config", self.hub)
    }

    fn shared(&self, name: &str, topic: &str, object: &str) -> Map<String, Value> {
        let shared = [
            ("name", Value::from(name)),
            ("state_topic", topic.into()),
            ("unique_id", format!("{}-{object}", self.hub).into()),
            ("availability_topic", format!("{}/available", self.prefix).into()),
            ("origin", json!({"name": "telemetry-hub", "sw": env!("CARGO_PKG_VERSION")})),
        ];
        shared.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn config_of(&self, row: &Row, topic: &str) -> String {
        let mut config = self.shared(&row.sensor, topic, &format!("s{}", row.series));
        let mut put = |name: &str, value: Value| config.insert(name.to_owned(), value);
        let id = format!("{}-{}", self.hub, row.device);
        let mut device = json!({"identifiers": [id], "name": row.device_name});
        if !row.model.is_empty() {
            device["model"] = row.model.as_str().into();
        }
        put("device", device);
        if !row.unit.is_empty() {
            put("unit_of_measurement", row.unit.as_str().into());
        }
        match row.kind {
            SensorKind::Gauge => drop(put("state_class", "measurement".into())),
            SensorKind::Counter => drop(put("state_class", "total_increasing".into())),
            SensorKind::State => {}
        }
        if let Some(class) = class(&row.unit, row.kind) {
            put("device_class", class.into());
        }
        if row.interval_ms > 0 {
            put("expire_after", (row.interval_ms.div_ceil(1_000).saturating_mul(3)).max(EXPIRES_S).into());
        }
        Value::Object(config).to_string()
    }
}

/// What Home Assistant calls a thing that is measured in a unit, where there is one thing alone.
fn class(unit: &str, kind: SensorKind) -> Option<&'static str> {
    Some(match (unit, kind) {
        ("°C" | "°F" | "K", SensorKind::Gauge) => "temperature",
        ("V" | "mV", SensorKind::Gauge) => "voltage",
        ("A" | "mA", SensorKind::Gauge) => "current",
        ("W" | "kW", SensorKind::Gauge) => "power",
        ("Wh" | "kWh", SensorKind::Counter) => "energy",
        ("Hz", SensorKind::Gauge) => "frequency",
        ("lx", SensorKind::Gauge) => "illuminance",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at: i64, value: f64) -> Row {
        Row {
            device: "abc".to_owned(),
            device_name: "Attic".to_owned(),
            model: "pi".to_owned(),
            series: 7,
            sensor: "cpu.temp".to_owned(),
            unit: "°C".to_owned(),
            kind: SensorKind::Gauge,
            interval_ms: 1_000,
            at: UnixMillis(at),
            value,
        }
    }

    fn finding(is_firing: bool) -> Finding {
        Finding { rule: 3, name: "hot".to_owned(), is_firing }
    }

    fn topics(messages: &[Publish]) -> Vec<(&str, &str, bool)> {
        messages
            .iter()
            .map(|one| (one.topic.as_str(), std::str::from_utf8(&one.payload).unwrap(), one.is_kept))
            .collect()
    }

    #[test]
    fn a_sensor_is_announced_once_and_each_reading_said_once() {
        let mut spoken = Spoken::new("telemetry", "hub-1");
        let first = spoken.turn(&[row(1, 21.5)], &[finding(false)]);
        let said = topics(&first);
        assert_eq!(said.len(), 4);
        let config: Value = serde_json::from_str(said[0].1).unwrap();
        assert_eq!((said[0].0, said[0].2), ("homeassistant/sensor/hub-1/s7/config", true));
        assert_eq!((&config["expire_after"], &config["device_class"]), (&json!(60), &json!("temperature")));
        assert_eq!(config["device"], json!({"identifiers": ["hub-1-abc"], "name": "Attic", "model": "pi"}));
        assert_eq!(said[1], ("telemetry/abc/7", "21.5", false));
        assert_eq!(said[3], ("telemetry/rules/3", "OFF", true));
        assert_eq!(spoken.turn(&[row(1, 21.5)], &[finding(false)]), []);
        assert_eq!(
            topics(&spoken.turn(&[row(2, 22.0)], &[finding(true)])),
            [("telemetry/abc/7", "22", false), ("telemetry/rules/3", "ON", true)]
        );
        spoken.begin();
        assert_eq!(spoken.turn(&[row(2, 22.0)], &[finding(true)]).len(), 4, "a new connection");
        let renamed = Row { device_name: "Loft".to_owned(), ..row(2, 22.0) };
        assert_eq!(spoken.turn(&[renamed], &[finding(true)]).len(), 1, "another name alone");
        assert_eq!(
            topics(&spoken.turn(&[], &[])),
            [
                ("homeassistant/sensor/hub-1/s7/config", "", true),
                ("telemetry/abc/7", "", true),
                ("homeassistant/binary_sensor/hub-1/r3/config", "", true),
                ("telemetry/rules/3", "", true),
            ]
        );
    }

    #[test]
    fn a_turn_is_bounded_and_the_rest_comes_at_the_next() {
        let mut spoken = Spoken::new("t", "hub-1");
        let rows: Vec<_> = (0..600).map(|series| Row { series, ..row(1, 1.0) }).collect();
        let counts: Vec<_> = (0..4).map(|_| spoken.turn(&rows, &[]).len()).collect();
        assert_eq!((counts.iter().sum::<usize>(), counts[3]), (1_200, 0), "{counts:?}");
    }

    #[test]
    fn its_own_topics_are_known() {
        for (topic, is_own) in [
            ("telemetry/abc/7", true),
            ("telemetry/available", true),
            ("telemetry2/abc", false),
            ("telemetry", false),
            ("homeassistant/sensor/hub-1/s7/config", true),
            ("homeassistant/sensor/hub-2/s7/config", false),
        ] {
            assert_eq!(Spoken::is_own("telemetry", "hub-1", topic), is_own, "{topic}");
        }
    }
}
