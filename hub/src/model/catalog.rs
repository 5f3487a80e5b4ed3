//! Every device and series by number, id and name: the hub's index of what exists, kept in memory.
//!
//! The store owns it and changes it only after the change is on disk; all others only read.

use std::borrow::Cow;
use std::collections::HashMap;

use super::device::{Device, DeviceNo};
use super::reading::SeriesId;
use super::{DeviceId, Numbering, SensorKind, SensorNo, numbering};

/// One sensor of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    pub id: SeriesId,
    pub device: DeviceNo,
    /// The device's sensor name.
    pub sensor: String,
    /// Unit code; empty when dimensionless.
    pub unit: String,
    /// How values relate over time.
    pub kind: SensorKind,
    /// Whether its owner said so: then it stays, whatever senders say.
    pub kind_by_owner: bool,
    /// Expected time between readings in milliseconds; 0 when they come as they please.
    pub interval_ms: u32,
}

/// Devices and series, indexed.
#[derive(Debug, Default)]
pub struct Catalog {
    devices: HashMap<DeviceNo, Device>,
    by_id: HashMap<DeviceId, DeviceNo>,
    by_name: HashMap<String, DeviceNo>,
    series: HashMap<SeriesId, Series>,
    /// Series of a device, by name order of arrival.
    of_device: HashMap<DeviceNo, Vec<SeriesId>>,
    /// Series of a device's own sensor numbers, dense from 0. Two numbers may share a series (a unit changed).
    numbers: HashMap<DeviceNo, Vec<SeriesId>>,
    /// Which numbering those are of, where it is not the first.
    numberings: HashMap<DeviceNo, Numbering>,
    /// Series of the numbers that the hub gives, dense from [`numbering::FIRST`].
    given: HashMap<DeviceNo, Vec<SeriesId>>,
    /// How often a device took another name.
    renames: u64,
}

impl Catalog {
    /// The device with this row number.
    #[must_use]
    pub fn device(&self, no: DeviceNo) -> Option<&Device> {
        self.devices.get(&no)
    }

    /// The device with this id.
    #[must_use]
    pub fn device_by_id(&self, id: DeviceId) -> Option<&Device> {
        self.device(*self.by_id.get(&id)?)
    }

    /// The device with this name.
    #[must_use]
    pub fn device_by_name(&self, name: &str) -> Option<&Device> {
        self.device(*self.by_name.get(name)?)
    }

    /// All devices, in no order.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.values()
    }

    /// The series with this row number.
    #[must_use]
    pub fn series(&self, id: SeriesId) -> Option<&Series> {
        self.series.get(&id)
    }

    /// A device's series, in the order they appeared.
    pub fn series_of(&self, device: DeviceNo) -> impl Iterator<Item = &Series> {
        self.of_device.get(&device).into_iter().flatten().filter_map(|id| self.series.get(id))
    }

    /// Every series, in no order.
    pub fn all_series(&self) -> impl Iterator<Item = &Series> {
        self.series.values()
    }

    /// Expected time between a device's readings: what a person set, else the longest its sensors announced.
    #[must_use]
    pub fn expected_interval_ms(&self, no: DeviceNo) -> Option<u32> {
        let set = self.device(no)?.interval_ms;
        set.or_else(|| self.series_of(no).map(|series| series.interval_ms).filter(|ms| *ms > 0).max())
    }

    /// Series of the sensor numbers that a device gave itself, from number 0.
    #[must_use]
    pub fn own_numbers(&self, device: DeviceNo) -> &[SeriesId] {
        self.numbers.get(&device).map_or(&[], Vec::as_slice)
    }

    /// The numbering that those are of.
    #[must_use]
    pub fn numbering(&self, device: DeviceNo) -> Numbering {
        self.numberings.get(&device).copied().unwrap_or(Numbering::FIRST)
    }

    /// Series of the sensor numbers that the hub gave, from [`numbering::FIRST`].
    #[must_use]
    pub fn given_numbers(&self, device: DeviceNo) -> &[SeriesId] {
        self.given.get(&device).map_or(&[], Vec::as_slice)
    }

    /// Series of all sensor numbers of a device, from number 0; series 0, which is none, where a number is not given.
    #[must_use]
    pub fn sensor_numbers(&self, device: DeviceNo) -> Cow<'_, [SeriesId]> {
        let (own, given) = (self.own_numbers(device), self.given_numbers(device));
        if given.is_empty() {
            return Cow::Borrowed(own);
        }
        let mut all = own.to_vec();
        all.resize(usize::from(numbering::FIRST.0), SeriesId(0));
        all.extend_from_slice(given);
        Cow::Owned(all)
    }

    /// Number of devices.
    #[must_use]
    pub fn device_count(&self) -> usize {
        self.devices.len()
    }

    /// Number of series.
    #[must_use]
    pub fn series_count(&self) -> usize {
        self.series.len()
    }

    /// How often a device took another name: rules and silences that name it were changed with it each time.
    #[must_use]
    pub const fn renames(&self) -> u64 {
        self.renames
    }

    /// Adds a device or replaces what is known of it.
    pub fn put_device(&mut self, device: Device) {
        if let Some(old) = self.devices.get(&device.no) {
            self.by_name.remove(&old.name);
            self.renames += u64::from(old.name != device.name);
        }
        self.by_id.insert(device.id, device.no);
        self.by_name.insert(device.name.clone(), device.no);
        self.devices.insert(device.no, device);
    }

    /// Forgets a device and its series.
    pub fn remove_device(&mut self, no: DeviceNo) {
        if let Some(device) = self.devices.remove(&no) {
            self.by_id.remove(&device.id);
            self.by_name.remove(&device.name);
        }
        self.numbers.remove(&no);
        self.numberings.remove(&no);
        self.given.remove(&no);
        for id in self.of_device.remove(&no).into_iter().flatten() {
            self.series.remove(&id);
        }
    }

    /// Adds a series or replaces what is known of it.
    pub fn put_series(&mut self, series: Series) {
        let of_device = self.of_device.entry(series.device).or_default();
        if !of_device.contains(&series.id) {
            of_device.push(series.id);
        }
        self.series.insert(series.id, series);
    }

    /// Begins another numbering of a device's own: what its numbers stood for is forgotten.
    pub fn renumber(&mut self, device: DeviceNo, numbering: Numbering) {
        self.numbers.remove(&device);
        self.numberings.insert(device, numbering);
    }

    /// Gives a device's sensor number, the next of the device's own or of the hub's, to a series.
    pub fn push_number(&mut self, device: DeviceNo, number: SensorNo, series: SeriesId) {
        let numbers = if number < numbering::FIRST { &mut self.numbers } else { &mut self.given };
        numbers.entry(device).or_default().push(series);
    }
}
