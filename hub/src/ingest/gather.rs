//! Readings by the names of their devices and sensors, on their way to being batches.
//!
//! ```text
//!   names, values ──▶ Gathered ──resolve──▶ what is missing is made (store) ──▶ batches ──▶ queue
//! ```
//!
//! Pushed and imported readings have names where a datagram has numbers. They are gathered under small numbers of their own, each name
//! is looked up once, and then they are sorted by device and encoded as a device would do it: from then on they are batches like
//! all others.

use std::collections::HashMap;

use wire::Reading;
use wire::batch::{BatchBuilder, MAX_BODY};

use crate::access::pushed_device;
use crate::model::catalog::Catalog;
use crate::model::device::{Device, DeviceNo, Standing};
use crate::model::reading::{Batch, BatchId, SeriesId};
use crate::model::view::View;
use crate::model::{BatchSeq, DeviceId, Epoch, Lane, SensorKind, SensorNo, UnixMillis, numbering};
use crate::store::{Origin, Said, Wish};

/// A sensor's newest reading that is older than this when it comes was kept somewhere: it travels in the lane for that,
/// and the others of the sensor with it.
const KEPT_MS: i64 = 5 * 60_000;

/// A device in this gathering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeviceSlot(u32);

/// A sensor in this gathering, of any of its devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

#[derive(Debug)]
struct Sensor {
    said: Said,
    /// Where its readings go, once that is known.
    target: Option<Target>,
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

/// Whose readings are not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The sender may only send readings of other devices.
    Outside {
        /// The device.
        device: String,
        /// What they may send readings of.
        view: View,
    },
    /// A person blocked the device.
    Blocked(String),
    /// There is no device of this id, and none may be called so.
    LikeAnId(String),
    /// The device sends this sensor itself.
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
        Self { origin, devices: Vec::new(), by_name: HashMap::new(), sensors: Vec::new(), rows: Vec::new(), part: None }
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

    /// The device of a name.
    pub(crate) fn device(&mut self, name: &str) -> DeviceSlot {
        self.named(name, None, name)
    }

    /// The device of an id, called so if it has to be made.
    pub(crate) fn device_by_id(&mut self, id: DeviceId, key: &str, name: &str) -> DeviceSlot {
        self.named(key, Some(id), name)
    }

    fn named(&mut self, key: &str, id: Option<DeviceId>, name: &str) -> DeviceSlot {
        if let Some(place) = self.by_name.get(key) {
            return *place;
        }
        let place = DeviceSlot(self.devices.len() as u32);
        let (name, part) = (name.to_owned(), self.part);
        self.devices.push(Party { name, id, sensors: HashMap::new(), no: None, part });
        self.by_name.insert(key.to_owned(), place);
        place
    }

    /// A sensor of a device; what is said last of its unit and its kind counts.
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
                self.sensors.push(Sensor { said: Said::default(), target: None });
                slot
            }
        };
        if let Some(Sensor { said, .. }) = self.sensors.get_mut(slot.0 as usize) {
            if unit.is_some() && said.unit.as_deref() != unit {
                said.unit = unit.map(str::to_owned);
            }
            said.kind = kind.or(said.kind);
        }
        slot
    }

    /// A reading.
    pub(crate) fn push(&mut self, sensor: SensorSlot, at: UnixMillis, value: f64) {
        self.rows.push(Row { sensor, at, value });
    }

    /// Readings gathered.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Looks every name up; what has to be made first, nothing when all is there. What is made is in `view`, of whoever sends.
    ///
    /// # Errors
    /// A device or sensor that readings are not taken for.
    pub(crate) fn resolve(&mut self, catalog: &Catalog, view: &View) -> Result<Vec<Wish>, Refused> {
        let mut wishes = Vec::new();
        for party in &mut self.devices {
            let refused = |why| Refused { why, part: party.part };
            let known = find(catalog, party);
            if known.is_some_and(|device| !view.has(device)) {
                return Err(refused(Refusal::Outside { device: party.name.clone(), view: view.clone() }));
            }
            // Who looks for that id would find this one as well.
            let is_an_id = known.is_none() && party.name.parse().is_ok_and(|id: DeviceId| party.id != Some(id));
            if is_an_id {
                return Err(refused(Refusal::LikeAnId(party.name.clone())));
            }
            let id = known.map_or_else(|| party.id.unwrap_or_else(|| pushed_device(&party.name)), |device| device.id);
            party.no = known.map(|device| device.no);
            if known.is_some_and(|device| device.standing == Standing::Blocked) {
                return Err(refused(Refusal::Blocked(party.name.clone())));
            }
            let numbers = known.map(|device| given(catalog, device.no)).unwrap_or_default();
            let own = known.map(|device| catalog.own_numbers(device.no)).unwrap_or_default();
            let mut missing = Vec::new();
            for (name, slot) in &party.sensors {
                let Some(sensor) = self.sensors.get_mut(slot.0 as usize) else { continue };
                let found = numbers.get(&**name);
                if let Some((_, series)) = found
                    && self.origin == Origin::Pushed
                    && own.contains(series)
                {
                    return Err(refused(Refusal::Own { device: party.name.clone(), sensor: name.clone() }));
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
                // Numbered in the order they came: neighbours in a batch cost least.
                missing.sort_unstable_by_key(|(slot, _)| *slot);
                let sensors = missing.into_iter().map(|(_, sensor)| sensor).collect();
                wishes.push(Wish { id, name: party.name.clone(), view: view.clone(), sensors });
            }
        }
        Ok(wishes)
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

    /// The devices, as far as they are there.
    pub(crate) fn devices(&self) -> impl Iterator<Item = DeviceNo> + '_ {
        self.devices.iter().filter_map(|party| party.no)
    }

    /// The readings as batches, those of each device together and in the order they came. To be called when
    /// [`Gathered::resolve`] misses nothing: readings of what is missing are left out.
    #[must_use]
    pub(crate) fn batches(&self, now: UnixMillis) -> Vec<Batch> {
        let shelves = Shelves::of(self, now);
        let mut builder = BatchBuilder::new(MAX_BODY);
        let mut batches = Vec::new();
        for (key, rows) in shelves.iter() {
            let mut open = Open::new(key, rows.len());
            for row in rows {
                let Some(target) = self.target(row.sensor) else { continue };
                let reading = Reading { sensor: numbering::within(target.number), at: row.at, value: row.value };
                if !builder.push(&reading) {
                    batches.push(open.close(builder.finish(), now, self.origin));
                    open = Open::new(key, rows.len());
                    builder.push(&reading);
                }
                open.series.push(target.series);
                open.at.push(row.at);
                open.value.push(row.value);
            }
            if !builder.is_empty() {
                batches.push(open.close(builder.finish(), now, self.origin));
            }
        }
        batches
    }

    fn target(&self, slot: SensorSlot) -> Option<Target> {
        self.sensors.get(slot.0 as usize)?.target
    }
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

/// What the readings of one batch have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shelf {
    device: DeviceNo,
    epoch: Epoch,
    lane: Lane,
}

/// Readings sorted by shelf, without comparing any two of them: shelves are few.
struct Shelves {
    shelves: Vec<Shelf>,
    /// Where the rows of each end.
    ends: Vec<usize>,
    rows: Vec<Row>,
}

impl Shelves {
    fn of(gathered: &Gathered, now: UnixMillis) -> Self {
        let mut known: HashMap<(DeviceNo, Epoch), usize> = HashMap::new();
        let mut shelves = Vec::new();
        // Two a device and epoch, one a lane.
        let of_sensor: Vec<Option<usize>> = gathered
            .sensors
            .iter()
            .map(|sensor| {
                let Target { device, number, .. } = sensor.target?;
                let epoch = numbering::epoch_of(number)?;
                Some(*known.entry((device, epoch)).or_insert_with(|| {
                    shelves.extend([Lane::Live, Lane::Recovered].map(|lane| Shelf { device, epoch, lane }));
                    shelves.len() - 2
                }))
            })
            .collect();
        let mut newest = vec![UnixMillis(i64::MIN); gathered.sensors.len()];
        for row in &gathered.rows {
            if let Some(newest) = newest.get_mut(row.sensor.0 as usize) {
                *newest = row.at.max(*newest);
            }
        }
        let is_kept = |row: &Row| newest.get(row.sensor.0 as usize).is_none_or(|newest| now.since(*newest) > KEPT_MS);
        let kept = |row: &Row| gathered.origin == Origin::Imported || is_kept(row);
        let shelf = |row: &Row| Some(of_sensor.get(row.sensor.0 as usize).copied()?? + usize::from(kept(row)));
        let mut ends = vec![0; shelves.len()];
        for row in gathered.rows.iter().filter_map(shelf) {
            ends[row] += 1;
        }
        let mut end = 0;
        for count in &mut ends {
            // Where its first row goes; by the time the last is put, where they end.
            end += std::mem::replace(count, end);
        }
        let nothing = Row { sensor: SensorSlot(0), at: now, value: 0.0 };
        let mut rows = vec![nothing; end];
        for row in &gathered.rows {
            if let Some(shelf) = shelf(row) {
                rows[ends[shelf]] = *row;
                ends[shelf] += 1;
            }
        }
        Self { shelves, ends, rows }
    }

    fn iter(&self) -> impl Iterator<Item = (Shelf, &[Row])> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        let ranges = starts.zip(&self.ends).map(|(start, end)| self.rows.get(start..*end).unwrap_or_default());
        self.shelves.iter().copied().zip(ranges).filter(|(_, rows)| !rows.is_empty())
    }
}

/// A batch that is being filled.
struct Open {
    shelf: Shelf,
    series: Vec<SeriesId>,
    at: Vec<UnixMillis>,
    value: Vec<f64>,
}

impl Open {
    fn new(shelf: Shelf, readings: usize) -> Self {
        // Some hundred fit a body.
        let room = readings.min(512);
        Self { shelf, series: Vec::with_capacity(room), at: Vec::with_capacity(room), value: Vec::with_capacity(room) }
    }

    fn close(self, payload: Vec<u8>, received_at: UnixMillis, origin: Origin) -> Batch {
        let Self { shelf: Shelf { device, epoch, lane }, series, at, value } = self;
        // The rest of its number comes at the desk.
        let seq = if origin == Origin::Imported { numbering::IMPORTED } else { BatchSeq(0) };
        Batch { id: BatchId { device, epoch, seq }, lane, received_at, payload, series, at, value }
    }
}
