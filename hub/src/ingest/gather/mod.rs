//! Readings by the names of their devices and sensors, on their way to being batches.
//!
//! ```text
//!   names, values ──▶ Gathered ──resolve──▶ what is missing is made (store) ──▶ batches ──▶ queue
//! ```
//!
//! Pushed and imported readings have names where a datagram has numbers. They are gathered under small numbers of their own, each name
//! is looked up once, and then they are sorted by device and encoded as a device would do it: from then on they are batches like
//! all others.

pub(crate) mod arrivals;
mod batches;
pub(crate) mod lines;
pub(crate) mod precision;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use crate::access::pushed_device;
use crate::model::catalog::Catalog;
use crate::model::device::{Device, DeviceNo, Standing};
use crate::model::reading::SeriesId;
use crate::model::view::View;
use crate::model::{DeviceId, SensorKind, SensorNo, UnixMillis, numbering, unit};
use crate::store::{Origin, Said, Wish};

/// Reasons for readings that are not taken that are told of one request, or group.
const REASONS: usize = 100;

/// A device in this gathering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeviceSlot(u32);

/// A sensor in this gathering, of any of its devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SensorSlot(u32);

/// Readings by name.
#[derive(Debug)]
pub(crate) struct Gathered {
    origin: Origin,
    devices: Vec<Party>,
    /// By name or, in history, by id.
    by_name: HashMap<String, DeviceSlot>,
    sensors: Vec<Sensor>,
    rows: Vec<Row>,
    /// What is being read, where it has parts.
    part: Option<Part>,
    /// Who sent what is being read, where several are gathered together.
    sender: Option<SocketAddr>,
}

/// A part of what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A line, counted from 1.
    Line(u64),
    /// An object of an array, counted from 0.
    Item(u64),
}

/// A device as it is named.
#[derive(Debug)]
struct Party {
    name: String,
    /// What history says is its id.
    id: Option<DeviceId>,
    sensors: HashMap<String, SensorSlot>,
    no: Option<DeviceNo>,
    /// Where it is named first.
    part: Option<Part>,
    /// Who named it last.
    sender: Option<SocketAddr>,
}

#[derive(Debug)]
struct Sensor {
    said: Said,
    /// Where its readings go, once that is known.
    target: Option<Target>,
    /// Its readings are not taken, and nothing is made for them.
    is_left_out: bool,
}

#[derive(Debug, Clone, Copy)]
struct Target {
    device: DeviceNo,
    number: SensorNo,
    series: SeriesId,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    sensor: SensorSlot,
    at: UnixMillis,
    value: f64,
}

/// Readings that are not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Of whom, and why.
    pub why: Refusal,
    /// Where the device is named first.
    pub part: Option<Part>,
}

/// Readings that are left out while the others are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Of which device, and why they are.
    pub refused: Refused,
    /// How many.
    pub readings: usize,
}

/// Whose readings are not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The sender may only send readings of other devices.
    #[error("`{device}` is not one of the devices with {view}, and this token is only for those")]
    Outside {
        /// The device.
        device: String,
        /// What they may send readings of.
        view: View,
    },
    /// A person blocked the device.
    #[error("{0} is blocked")]
    Blocked(String),
    /// There is no device of this id, and none may be called so.
    #[error("there is no device with the id `{0}`, and a new one needs another name")]
    LikeAnId(String),
    /// The device sends this sensor itself.
    #[error("{sensor} of {device} is sent by the device's own agent: use another sensor name")]
    Own {
        /// The device.
        device: String,
        /// The sensor.
        sensor: String,
    },
}

impl Gathered {
    /// Nothing, yet.
    #[must_use]
    pub(crate) fn new(origin: Origin) -> Self {
        Self {
            origin,
            devices: Vec::new(),
            by_name: HashMap::new(),
            sensors: Vec::new(),
            rows: Vec::new(),
            part: None,
            sender: None,
        }
    }

    /// Whose they are.
    #[must_use]
    pub(crate) const fn origin(&self) -> Origin {
        self.origin
    }

    /// Says what is read from here on.
    pub(crate) const fn begin(&mut self, part: Part) {
        self.part = Some(part);
    }

    /// Says who sent what is read from here on.
    pub(crate) const fn comes_from(&mut self, sender: SocketAddr) {
        self.sender = Some(sender);
    }

    /// The device of a name.
    pub(crate) fn device(&mut self, name: &str) -> DeviceSlot {
        self.named(name, None, name)
    }

    /// The device of an id, called so if it has to be made.
    pub(crate) fn device_by_id(&mut self, id: DeviceId, key: &str, name: &str) -> DeviceSlot {
        self.named(key, Some(id), name)
    }

    fn named(&mut self, key: &str, id: Option<DeviceId>, name: &str) -> DeviceSlot {
        let sender = self.sender;
        if let Some(slot) = self.by_name.get(key) {
            if let Some(party) = self.devices.get_mut(slot.0 as usize) {
                party.sender = sender;
            }
            return *slot;
        }
        let slot = DeviceSlot(self.devices.len() as u32);
        let (name, part) = (name.to_owned(), self.part);
        self.devices.push(Party { name, id, sensors: HashMap::new(), no: None, part, sender });
        self.by_name.insert(key.to_owned(), slot);
        slot
    }

    /// A sensor of a device; what is said last of its unit and its kind counts. Spellings of one unit are one.
    pub(crate) fn sensor(
        &mut self,
        device: DeviceSlot,
        name: &str,
        unit: Option<&str>,
        kind: Option<SensorKind>,
    ) -> SensorSlot {
        let slot = SensorSlot(self.sensors.len() as u32);
        // Places come from here alone.
        let Some(party) = self.devices.get_mut(device.0 as usize) else { return slot };
        let slot = match party.sensors.get(name) {
            Some(slot) => *slot,
            None => {
                party.sensors.insert(name.to_owned(), slot);
                self.sensors.push(Sensor { said: Said::default(), target: None, is_left_out: false });
                slot
            }
        };
        if let Some(Sensor { said, .. }) = self.sensors.get_mut(slot.0 as usize) {
            let unit = unit.map(unit::canonical);
            if unit.is_some() && said.unit.as_deref() != unit.as_deref() {
                said.unit = unit.map(Cow::into_owned);
            }
            said.kind = kind.or(said.kind);
        }
        slot
    }

    /// A reading.
    pub(crate) fn push(&mut self, sensor: SensorSlot, at: UnixMillis, value: f64) {
        self.rows.push(Row { sensor, at, value });
    }

    /// Leaves out each reading that another of its sensor and moment came behind, which the store would do; how many those are.
    pub(crate) fn keep_the_last(&mut self) -> usize {
        let mut newest = vec![UnixMillis(i64::MIN); self.sensors.len()];
        let is_in_order = self.rows.iter().all(|row| {
            let before = newest.get_mut(row.sensor.0 as usize).map(|newest| std::mem::replace(newest, row.at));
            before.is_none_or(|before| before < row.at)
        });
        if is_in_order {
            return 0;
        }
        let (mut seen, before) = (HashSet::with_capacity(self.rows.len()), self.rows.len());
        let mut is_last: Vec<_> = self.rows.iter().rev().map(|row| seen.insert((row.sensor, row.at))).collect();
        self.rows.retain(|_| is_last.pop().unwrap_or(true));
        before - self.rows.len()
    }

    /// Readings gathered.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Looks up every name. Returns what has to be created first, in the `view` of the sender; nothing when all exists.
    ///
    /// # Errors
    /// A device or sensor that readings are not taken for.
    pub(crate) fn resolve(&mut self, catalog: &Catalog, view: &View) -> Result<Vec<Wish>, Refused> {
        self.look_up(catalog, view, &mut |refused, _| Err(refused))
    }

    /// The same, and leaves out the readings of devices and sensors that they are not taken for. The first reasons are told; what is
    /// left out for more of them is counted with the last one.
    pub(crate) fn resolve_the_rest(&mut self, catalog: &Catalog, view: &View) -> (Vec<Wish>, Vec<LeftOut>) {
        let mut left_out: Vec<LeftOut> = Vec::new();
        let mut reasons: HashMap<SensorSlot, usize> = HashMap::new();
        let wishes = self.look_up(catalog, view, &mut |refused, slots| {
            if left_out.len() < REASONS {
                left_out.push(LeftOut { refused, readings: 0 });
            }
            reasons.extend(slots.into_iter().map(|slot| (slot, left_out.len() - 1)));
            Ok(())
        });
        self.leave_out(
            |slot, _| reasons.contains_key(&slot),
            |slot| {
                if let Some(left_out) = reasons.get(&slot).and_then(|reason| left_out.get_mut(*reason)) {
                    left_out.readings += 1;
                }
            },
        );
        left_out.retain(|left_out| left_out.readings > 0);
        (wishes.unwrap_or_default(), left_out)
    }

    /// Leaves out the readings of everything that is not there and would have to be made; how many those are.
    pub(crate) fn leave_out_missing(&mut self) -> usize {
        self.leave_out(|_, sensor| sensor.target.is_none(), |_| {})
    }

    /// The same of one device, by what it is called if it is made.
    pub(crate) fn leave_out_missing_of(&mut self, name: &str) -> usize {
        let of_it = self.devices.iter().filter(|party| party.name == name);
        let slots: HashSet<SensorSlot> = of_it.flat_map(|party| party.sensors.values().copied()).collect();
        self.leave_out(|slot, sensor| sensor.target.is_none() && slots.contains(&slot), |_| {})
    }

    /// Leaves out the readings of some sensors, and says of which each one was; how many those are.
    fn leave_out(&mut self, is_meant: impl Fn(SensorSlot, &Sensor) -> bool, mut left: impl FnMut(SensorSlot)) -> usize {
        for (slot, sensor) in (0..).map(SensorSlot).zip(&mut self.sensors) {
            if is_meant(slot, sensor) {
                (sensor.is_left_out, sensor.target) = (true, None);
            }
        }
        let before = self.rows.len();
        let sensors = &self.sensors;
        self.rows.retain(|row| {
            let is_left_out = sensors.get(row.sensor.0 as usize).is_some_and(|sensor| sensor.is_left_out);
            if is_left_out {
                left(row.sensor);
            }
            !is_left_out
        });
        before - self.rows.len()
    }

    /// Looks up every name. `refuse` is told whose readings are not taken, with the sensors that this is about; where it goes on,
    /// those get no target.
    fn look_up(
        &mut self,
        catalog: &Catalog,
        view: &View,
        refuse: &mut dyn FnMut(Refused, Vec<SensorSlot>) -> Result<(), Refused>,
    ) -> Result<Vec<Wish>, Refused> {
        let mut wishes = Vec::new();
        for party in &mut self.devices {
            let part = party.part;
            let known = find(catalog, party);
            if let Some(why) = not_taken(party, known, view) {
                party.no = None;
                refuse(Refused { why, part }, party.sensors.values().copied().collect())?;
                continue;
            }
            let id = known.map_or_else(|| party.id.unwrap_or_else(|| pushed_device(&party.name)), |device| device.id);
            party.no = known.map(|device| device.no);
            let numbers = known.map(|device| given(catalog, device.no)).unwrap_or_default();
            let own = known.map(|device| catalog.own_numbers(device.no)).unwrap_or_default();
            let mut missing = Vec::new();
            for (name, slot) in &party.sensors {
                let Some(sensor) = self.sensors.get_mut(slot.0 as usize) else { continue };
                if sensor.is_left_out {
                    continue;
                }
                let found = numbers.get(&**name);
                let is_own = || match found {
                    Some((_, series)) => own.contains(series),
                    None => own.iter().filter_map(|series| catalog.series(*series)).any(|own| *own.sensor == **name),
                };
                if self.origin == Origin::Pushed && is_own() {
                    let why = Refusal::Own { device: party.name.clone(), sensor: name.clone() };
                    refuse(Refused { why, part }, vec![*slot])?;
                    continue;
                }
                let is_said = |series| catalog.series(series).is_some_and(|series| sensor.said.is_of(series));
                sensor.target = match (found, party.no) {
                    (Some(&(number, series)), Some(device)) if is_said(series) => {
                        Some(Target { device, number, series })
                    }
                    _ => {
                        missing.push((slot.0, (name.clone(), sensor.said.clone())));
                        None
                    }
                };
            }
            if !missing.is_empty() {
                // Numbered in the order in which they came: sensors that are neighbours in a batch are coded in the fewest bytes.
                missing.sort_unstable_by_key(|(slot, _)| *slot);
                let sensors = missing.into_iter().map(|(_, sensor)| sensor).collect();
                wishes.push(Wish { id, name: party.name.clone(), view: view.clone(), sensors });
            }
        }
        Ok(wishes)
    }

    /// All readings by the names of their devices and sensors, and what is said of those.
    #[cfg(test)]
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&str, &str, &Said, UnixMillis, f64)> {
        self.rows.iter().filter_map(|row| {
            let (device, sensor) = self.devices.iter().find_map(|party| {
                let (name, _) = party.sensors.iter().find(|(_, slot)| **slot == row.sensor)?;
                Some((&*party.name, &**name))
            })?;
            Some((device, sensor, &self.sensors.get(row.sensor.0 as usize)?.said, row.at, row.value))
        })
    }

    /// Names of the devices, and whether they are there.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, bool)> {
        self.devices.iter().map(|party| (&*party.name, party.no.is_some()))
    }

    /// The devices, and the newest reading of each.
    #[must_use]
    pub(crate) fn newest(&self) -> HashMap<DeviceNo, UnixMillis> {
        let mut newest = HashMap::new();
        for row in &self.rows {
            if let Some(target) = self.target(row.sensor) {
                let known = newest.entry(target.device).or_insert(row.at);
                *known = row.at.max(*known);
            }
        }
        newest
    }

    /// Who sent for which devices, where that was said.
    pub(crate) fn senders(&self) -> impl Iterator<Item = (DeviceNo, SocketAddr)> + '_ {
        self.devices.iter().filter_map(|party| party.no.zip(party.sender))
    }

    /// The devices, as far as they are there.
    pub(crate) fn devices(&self) -> impl Iterator<Item = DeviceNo> + '_ {
        self.devices.iter().filter_map(|party| party.no)
    }

    fn target(&self, slot: SensorSlot) -> Option<Target> {
        self.sensors.get(slot.0 as usize)?.target
    }
}

/// Why readings of a device are not taken, if so.
fn not_taken(party: &Party, known: Option<&Device>, view: &View) -> Option<Refusal> {
    if known.is_some_and(|device| !view.has(device)) {
        return Some(Refusal::Outside { device: party.name.clone(), view: view.clone() });
    }
    // A search for that id would also find a device with this name.
    if known.is_none() && party.name.parse().is_ok_and(|id: DeviceId| party.id != Some(id)) {
        return Some(Refusal::LikeAnId(party.name.clone()));
    }
    known.is_some_and(|device| device.standing == Standing::Blocked).then(|| Refusal::Blocked(party.name.clone()))
}

/// The device a name means: the one that is pushed for by it, or the one that people call so.
fn find<'a>(catalog: &'a Catalog, party: &Party) -> Option<&'a Device> {
    match party.id {
        Some(id) => catalog.device_by_id(id),
        None => {
            let pushed = catalog.device_by_id(pushed_device(&party.name));
            let by_id = || catalog.device_by_id(party.name.parse().ok()?);
            pushed.or_else(|| catalog.device_by_name(&party.name)).or_else(by_id)
        }
    }
}

/// A device's sensors that have a number of the hub's, by name.
fn given(catalog: &Catalog, device: DeviceNo) -> HashMap<&str, (SensorNo, SeriesId)> {
    let numbers = (numbering::FIRST.0..).map(SensorNo).zip(catalog.given_numbers(device));
    numbers.filter_map(|(no, series)| Some((&*catalog.series(*series)?.sensor, (no, *series)))).collect()
}
