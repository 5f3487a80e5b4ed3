//! Sparkplug B: edge nodes and their devices say at birth what they have, and later only what changed, by numbers. PURE.
//!
//! ```text
//!   spBv1.0/<group>/NBIRTH/<edge>             metrics with names, numbers (aliases) and types
//!   spBv1.0/<group>/DDATA/<edge>/<device>     what changed, by its number
//!   spBv1.0/<group>/NCMD/<edge>               what we send: say it again
//! ```
//!
//! <https://sparkplug.eclipse.org/specification/version/3.0/documents/sparkplug-specification-3.0.0.pdf>. Births are not kept by
//! brokers, so a hub that starts, or missed a message, asks for them. Not every client says goodbye, and not every broker passes its
//! will on: a device that is silent is offline by its silence, as all are.

mod payload;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use self::payload::{Metric, Payload, Type};
use super::message::Body;
use super::reading::{Found, Heard, Party, Why};
use super::topic::{Topic, fitting};
use crate::model::{SensorKind, UnixMillis};

/// Edge nodes of a broker, devices of one of them, and metrics of all of them, that are remembered.
const MOST_EDGES: usize = 1_000;
const MOST_DEVICES: usize = 1_000;
const MOST_METRICS: usize = 100_000;
/// Longest name of a metric, or of an edge node or device with its group, in bytes.
const LONGEST: usize = 255;
/// Time between two times that an edge node is asked for its birth, in milliseconds.
const ASK_EVERY_MS: i64 = 30_000;
/// Commands that wait to be sent.
const MOST_ASKED: usize = 64;

/// A command for an edge node: its topic and payload.
pub(crate) type Command = (String, Vec<u8>);

/// The edge nodes.
#[derive(Debug, Default)]
pub(super) struct Sparkplug {
    /// By group and name.
    edges: HashMap<(String, String), Edge>,
    commands: VecDeque<Command>,
}

#[derive(Debug, Default)]
struct Edge {
    /// What it said at birth, by the number; empty until it was born.
    metrics: HashMap<u64, Known>,
    /// The same by device and name, for those without numbers.
    named: HashMap<(String, String), Known>,
    /// Devices that were born.
    devices: Vec<String>,
    is_born: bool,
    /// The number of its last message.
    seq: Option<u64>,
    /// Counts its births: a death that comes late is of an earlier one.
    births: Option<f64>,
    asked_at: Option<UnixMillis>,
}

/// A metric as it was said at birth.
#[derive(Debug, Clone)]
struct Known {
    name: String,
    of: Type,
    unit: Option<String>,
}

impl Sparkplug {
    pub(super) fn read(&mut self, topic: &Topic<'_>, body: &Body<'_>, now: UnixMillis) -> Option<Heard> {
        let [version, group, message, edge, device @ ..] = topic.levels.as_slice() else {
            // Whether an application is there.
            let is_state = matches!(topic.levels.as_slice(), ["STATE", _] | ["spBv1.0", "STATE", _]);
            return is_state.then_some(Heard::Aside);
        };
        if !version.starts_with("spBv1.") || device.len() > 1 {
            return None;
        }
        let device = device.first().copied();
        let is_ours = matches!(*message, "NBIRTH" | "NDEATH" | "NDATA" | "DBIRTH" | "DDEATH" | "DDATA");
        if !is_ours || device.is_some() != message.starts_with('D') {
            return Some(Heard::Aside);
        }
        if topic.text.len() > LONGEST {
            return Some(Heard::Unread(Why::Name));
        }
        let key = ((*group).to_owned(), (*edge).to_owned());
        let others = self.edges.iter().filter(|(other, _)| **other != key).map(|(_, edge)| edge.known_metrics());
        let room = if is_birth(message) { MOST_METRICS.saturating_sub(others.sum()) } else { 0 };
        if self.edges.len() >= MOST_EDGES && !self.edges.contains_key(&key) {
            return Some(Heard::Unread(Why::TooManyDevices));
        }
        let Ok(payload) = Payload::read(body.bytes()) else { return Some(Heard::Unread(Why::Binary)) };
        let known = self.edges.entry(key).or_default();
        let party = party(group, edge, device);
        let found = match *message {
            "NBIRTH" => known.born(&payload, &party, room),
            "DBIRTH" => {
                known.follows(payload.seq);
                known.device_born(device.unwrap_or_default(), &payload, &party, room)
            }
            "NDEATH" => known.died(&payload, (group, edge), &party),
            "DDEATH" => {
                known.follows(payload.seq);
                vec![Found::available(&party, false)]
            }
            _ => {
                let is_next = known.follows(payload.seq);
                let (found, is_known) = known.data(device.unwrap_or_default(), &payload, &party);
                if !(is_next && is_known && known.is_born) && known.may_ask(now) && self.commands.len() < MOST_ASKED {
                    let topic = format!("{version}/{group}/NCMD/{edge}");
                    self.commands.push_back((topic, payload::rebirth(now)));
                }
                found
            }
        };
        Some(Heard::Readings(found))
    }

    /// A command that is to be sent.
    pub(super) fn next_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }
}

fn party(group: &str, edge: &str, device: Option<&str>) -> Arc<Party> {
    let name = device.map_or_else(|| format!("{group}/{edge}"), |device| format!("{group}/{edge}/{device}"));
    Party::known("sparkplug", &name, fitting(&name))
}

fn is_birth(message: &str) -> bool {
    matches!(message, "NBIRTH" | "DBIRTH")
}

/// Whether a metric is about the node's software rather than what it measures.
fn is_control(name: &str) -> bool {
    name == "bdSeq" || name.starts_with("Node Control/") || name.starts_with("Device Control/")
}

impl Edge {
    fn born(&mut self, payload: &Payload, party: &Arc<Party>, room: usize) -> Vec<Found> {
        let asked_at = self.asked_at;
        *self = Self { is_born: true, seq: payload.seq, asked_at, births: births(payload), ..Self::default() };
        self.learn("", payload, room);
        self.found("", payload, party, true).0
    }

    fn device_born(&mut self, device: &str, payload: &Payload, party: &Arc<Party>, room: usize) -> Vec<Found> {
        if !self.devices.iter().any(|known| known == device) && self.devices.len() < MOST_DEVICES {
            self.devices.push(device.to_owned());
        }
        self.learn(device, payload, room);
        self.found(device, payload, party, true).0
    }

    /// It and all its devices are gone.
    fn died(&mut self, payload: &Payload, (group, edge): (&str, &str), own: &Arc<Party>) -> Vec<Found> {
        let of = births(payload);
        if self.births.is_some() && of.is_some() && of != self.births {
            return Vec::new();
        }
        self.is_born = false;
        let devices = self.devices.iter().map(|device| party(group, edge, Some(device)));
        devices.chain([Arc::clone(own)]).map(|party| Found::available(&party, false)).collect()
    }

    /// Whether a message is the one behind the last.
    fn follows(&mut self, seq: Option<u64>) -> bool {
        let is_next = match (self.seq, seq) {
            (Some(last), Some(seq)) => seq == (last + 1) % 256,
            _ => false,
        };
        self.seq = seq.or(self.seq);
        is_next
    }

    fn may_ask(&mut self, now: UnixMillis) -> bool {
        let may = self.asked_at.is_none_or(|asked| !(0..ASK_EVERY_MS).contains(&now.since(asked)));
        if may {
            self.asked_at = Some(now);
        }
        may
    }

    fn known_metrics(&self) -> usize {
        self.metrics.len() + self.named.len()
    }

    /// Remembers what is said at birth, as far as there is room.
    fn learn(&mut self, device: &str, payload: &Payload, room: usize) {
        for metric in &payload.metrics {
            let (Some(name), Some(datatype)) = (&metric.name, metric.datatype) else { continue };
            if self.known_metrics() >= room {
                return;
            }
            if name.len() > LONGEST {
                continue;
            }
            let known = Known { name: name.clone(), of: Type::of(datatype), unit: metric.unit.clone() };
            if let Some(alias) = metric.alias {
                self.metrics.insert(alias, known);
            } else {
                self.named.insert((device.to_owned(), name.clone()), known);
            }
        }
    }

    fn data(&self, device: &str, payload: &Payload, party: &Arc<Party>) -> (Vec<Found>, bool) {
        self.found(device, payload, party, false)
    }

    /// The readings of a payload, and whether all of it was said before.
    fn found(&self, device: &str, payload: &Payload, party: &Arc<Party>, is_birth: bool) -> (Vec<Found>, bool) {
        let mut is_known = true;
        let mut found = Vec::new();
        for metric in &payload.metrics {
            let Some(known) = self.known(device, metric) else {
                is_known = false;
                continue;
            };
            let Some(raw) = metric.raw.filter(|_| !metric.is_null && !is_control(&known.name)) else { continue };
            let Some(number) = known.of.number(raw) else { continue };
            let kind = (known.of == Type::Truth).then_some(SensorKind::State);
            let at = metric.at.or(payload.at);
            let plain = Found::plain(party, known.name.clone(), number);
            found.push(Found { kind, at, ..plain }.with_unit(known.unit.as_deref().unwrap_or_default()));
        }
        if is_birth {
            found.push(Found::available(party, true));
        }
        (found, is_known)
    }

    /// What is known of a metric; of one that says it all itself, that.
    fn known(&self, device: &str, metric: &Metric) -> Option<Known> {
        let by_alias = metric.alias.and_then(|alias| self.metrics.get(&alias));
        let by_name = || self.named.get(&(device.to_owned(), metric.name.clone()?));
        let said = || {
            let (name, datatype) = (metric.name.clone()?, metric.datatype?);
            Some(Known { name, of: Type::of(datatype), unit: metric.unit.clone() })
        };
        by_alias.or_else(by_name).cloned().or_else(said)
    }
}

/// The number of a birth, which its death repeats.
fn births(payload: &Payload) -> Option<f64> {
    let metric = payload.metrics.iter().find(|metric| metric.name.as_deref() == Some("bdSeq"))?;
    Type::Unsigned.number(metric.raw?)
}

#[cfg(test)]
mod tests {
    use super::payload::Raw;
    use super::payload::tests::written;
    use super::*;

    const T: u64 = 1_796_054_400_000;
    const NOW: UnixMillis = UnixMillis(T as i64 + 1_000);

    fn hear(sparkplug: &mut Sparkplug, topic: &str, payload: &[u8], now: UnixMillis) -> Vec<(String, String, f64)> {
        match sparkplug.read(&Topic::of(topic), &Body::of(payload), now) {
            Some(Heard::Readings(found)) => {
                found.into_iter().map(|found| (found.device.name.clone(), found.sensor, found.value)).collect()
            }
            other => panic!("{topic}: {other:?}"),
        }
    }

    fn one(device: &str, sensor: &str, value: f64) -> (String, String, f64) {
        (device.to_owned(), sensor.to_owned(), value)
    }

    #[test]
    fn data_are_read_by_the_numbers_of_the_birth_and_a_gap_asks_for_another() {
        let mut sparkplug = Sparkplug::default();
        let birth = written(
            Some(0),
            T,
            &[
                (Some("bdSeq"), None, Some(8), Raw::Whole(3)),
                (Some("Node Control/Rebirth"), None, Some(11), Raw::Truth(false)),
                (Some("level"), Some(7), Some(4), Raw::Whole((-5_i64) as u64)),
            ],
        );
        let node = "plant/press";
        assert_eq!(
            hear(&mut sparkplug, "spBv1.0/plant/NBIRTH/press", &birth, NOW),
            [one(node, "level", -5.0), one(node, "available", 1.0)]
        );
        let birth = written(Some(1), T, &[(Some("temp"), Some(8), Some(10), Raw::Real(21.5))]);
        let device = "plant/press/oil";
        assert_eq!(
            hear(&mut sparkplug, "spBv1.0/plant/DBIRTH/press/oil", &birth, NOW),
            [one(device, "temp", 21.5), one(device, "available", 1.0)]
        );
        let data = |seq, value| written(Some(seq), T, &[(None, Some(8), None, Raw::Real(value))]);
        let topic = "spBv1.0/plant/DDATA/press/oil";
        assert_eq!(hear(&mut sparkplug, topic, &data(2, 22.0), NOW), [one(device, "temp", 22.0)]);
        assert_eq!(sparkplug.next_command(), None);
        // One is missing: what came is stored all the same, and the birth is asked for, once.
        assert_eq!(hear(&mut sparkplug, topic, &data(4, 23.0), NOW), [one(device, "temp", 23.0)]);
        let (to, _) = sparkplug.next_command().unwrap();
        assert_eq!(to, "spBv1.0/plant/NCMD/press");
        hear(&mut sparkplug, topic, &data(9, 23.0), NOW);
        assert_eq!(sparkplug.next_command(), None);
        hear(&mut sparkplug, topic, &data(12, 23.0), UnixMillis(NOW.0 + ASK_EVERY_MS));
        assert!(sparkplug.next_command().is_some());
        // A death of an earlier birth is none.
        let death = |births| written(None, T, &[(Some("bdSeq"), None, Some(8), Raw::Whole(births))]);
        assert_eq!(hear(&mut sparkplug, "spBv1.0/plant/NDEATH/press", &death(2), NOW), []);
        assert_eq!(
            hear(&mut sparkplug, "spBv1.0/plant/NDEATH/press", &death(3), NOW),
            [one(device, "available", 0.0), one(node, "available", 0.0)]
        );
    }

    /// What `sparkplug-client` 3.2.4 sent to mosquitto in November 2026.
    #[test]
    fn a_client_of_npm_is_understood() {
        let mut sparkplug = Sparkplug::default();
        let bytes = |hex: &str| -> Vec<u8> {
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        };
        let node = bytes(concat!(
            "089babf6eda23412210a144e6f646520436f6e74726f6c2f52656269727468189babf6eda234200b7000121d0a056c6576656c10",
            "01189babf6eda234200458fbffffffffffffffff01120b0a056264536571200858001800"
        ));
        let device = bytes(concat!(
            "089babf6eda23412350a0b74656d70657261747572651002189babf6eda234200a4a120a07656e67556e69741207080c4203c2b0",
            "436900000000000034401801"
        ));
        let data = bytes("08e9acf6eda2341214100218e9acf6eda234200a6900000000008034401802");
        assert_eq!(
            hear(&mut sparkplug, "spBv1.0/plant/NBIRTH/press", &node, NOW)[0],
            one("plant/press", "level", -5.0)
        );
        let heard = sparkplug.read(&Topic::of("spBv1.0/plant/DBIRTH/press/oil"), &Body::of(&device), NOW);
        let Some(Heard::Readings(found)) = heard else { panic!() };
        assert_eq!((found[0].value, found[0].unit.as_deref()), (20.0, Some("°C")));
        assert_eq!(
            hear(&mut sparkplug, "spBv1.0/plant/DDATA/press/oil", &data, NOW),
            [one("plant/press/oil", "temperature", 20.5)]
        );
        assert_eq!(sparkplug.next_command(), None);
    }

    #[test]
    fn a_hub_that_missed_the_birth_asks_for_it() {
        let mut sparkplug = Sparkplug::default();
        let data = written(Some(77), T, &[(None, Some(8), None, Raw::Real(1.0))]);
        assert_eq!(hear(&mut sparkplug, "spBv1.0/plant/DDATA/press/oil", &data, NOW), []);
        assert!(sparkplug.next_command().is_some());
        let aside = sparkplug.read(&Topic::of("spBv1.0/STATE/host"), &Body::of(b"{}"), NOW);
        assert_eq!(aside, Some(Heard::Aside));
        let aside = sparkplug.read(&Topic::of("spBv1.0/plant/NCMD/press"), &Body::of(b""), NOW);
        assert_eq!(aside, Some(Heard::Aside));
    }

    #[test]
    fn what_was_kept_while_it_was_away_has_its_own_time() {
        let mut sparkplug = Sparkplug::default();
        let payload = written(Some(0), T - 3_600_000, &[(Some("t"), Some(1), Some(9), Raw::Real(1.0))]);
        let heard = sparkplug.read(&Topic::of("spBv1.0/g/NBIRTH/e"), &Body::of(&payload), NOW);
        let Some(Heard::Readings(found)) = heard else { panic!() };
        assert_eq!(found[0].at, Some(UnixMillis(T as i64 - 3_600_000)));
    }
}
