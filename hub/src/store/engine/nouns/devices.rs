//! Devices, their sensors, the session that counts as the device, and the hardware they had before.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::model::catalog::{Catalog, Series};
use crate::model::device::{Claim, Device, DeviceNo, Labels, NewDevice, Retired, Standing};
use crate::model::reading::SeriesId;
use crate::model::{DeviceId, Numbering, PublicKey, SensorKind, SensorNo, SensorSpec, UnixMillis};
use crate::store::error::Result;

/// Devices.
pub(in crate::store) trait Devices {
    /// Fills the catalog: every device, sensor and number.
    fn load_catalog(&self, catalog: &mut Catalog) -> Result<()>;
    /// Whether a device is there.
    fn has_device(&self, no: DeviceNo) -> Result<bool>;
    /// One that is there.
    fn device(&self, no: DeviceNo) -> Result<Device>;
    /// The number of an id.
    fn device_by_id(&self, id: DeviceId) -> Result<Option<DeviceNo>>;
    /// The device that has this key now.
    fn device_by_key(&self, key: &PublicKey) -> Result<Option<DeviceNo>>;
    /// Whether a device is called so.
    fn device_name_is_taken(&self, name: &str) -> Result<bool>;
}

/// Changes of devices.
pub(in crate::store) trait ChangeDevices: Devices {
    /// Adds a device under a name, with these labels; its number.
    fn add_device(&self, new: &NewDevice, name: &str, labels: &Labels, standing: Standing) -> Result<DeviceNo>;
    /// Sets whether it is adopted or blocked.
    fn set_standing(&self, no: DeviceNo, standing: Standing) -> Result<()>;
    /// Sets its key, where it has another.
    fn set_key(&self, no: DeviceNo, key: &PublicKey) -> Result<()>;
    /// Sets what people may change: name, labels, interval.
    fn patch_device(&self, device: &Device) -> Result<()>;
    /// Sets the notes of people; none where they are empty.
    fn set_notes(&self, no: DeviceNo, notes: &str) -> Result<()>;
    /// Renames a device in the rules and silences that name it.
    fn follow_device_name(&self, was: &str, now: &str) -> Result<()>;
    /// Notes model and version if they are known, the address, and the highest handshake counter.
    fn hear_device(
        &self,
        no: DeviceNo,
        about: Option<(&str, &str)>,
        address: Option<SocketAddr>,
        handshake_counter: u64,
    ) -> Result<()>;
    /// Notes when it was seen last; whether there is such a device.
    fn see_device(&self, no: DeviceNo, at: UnixMillis) -> Result<bool>;
    /// Notes how long the pauses between its pushes are.
    fn push_of_device(&self, no: DeviceNo, every_ms: i64) -> Result<()>;
    /// Deletes its row, and what belongs to it in other tables of nouns.
    fn delete_device(&self, no: DeviceNo) -> Result<()>;
}

/// How a series is numbered, and the next number the hub would give.
pub(in crate::store) struct Numbers {
    pub(in crate::store) own: bool,
    pub(in crate::store) given: bool,
    pub(in crate::store) next: u16,
}

/// Sensors: series by name, and the numbers they have on the way.
pub(in crate::store) trait Sensors {
    /// The series of a sensor's name.
    fn series_by_name(&self, device: DeviceNo, sensor: &str) -> Result<Option<Series>>;
    /// The series of a device's own numbers, in order, with their names.
    fn own_numbers(&self, device: DeviceNo) -> Result<Vec<(SeriesId, String)>>;
    /// Which numbers a series of a device has.
    fn numbers_of(&self, device: DeviceNo, series: SeriesId) -> Result<Numbers>;
}

/// Changes of sensors.
pub(in crate::store) trait ChangeSensors: Sensors {
    /// Makes the series of a sensor's name.
    fn add_series(&self, device: DeviceNo, spec: &SensorSpec) -> Result<()>;
    /// Sets what is said of a sensor.
    fn change_series(&self, device: DeviceNo, spec: &SensorSpec) -> Result<()>;
    /// Sets what its owner says it is; with `None` senders say it.
    fn set_own_kind(&self, series: SeriesId, kind: Option<SensorKind>) -> Result<()>;
    /// Gives a series a number of a device.
    fn push_number(&self, device: DeviceNo, number: SensorNo, series: SeriesId) -> Result<()>;
    /// Forgets the numbers that a device gave its sensors; those that the hub gave stay.
    fn forget_numbers(&self, device: DeviceNo) -> Result<()>;
    /// Notes from which batch on a device's numbers count.
    fn set_numbering(&self, device: DeviceNo, numbering: Numbering) -> Result<()>;
}

/// Which start of an agent speaks for its device.
pub(in crate::store) trait Claims {
    /// Every claim.
    fn claims(&self) -> Result<HashMap<DeviceNo, Claim>>;
    /// That of a device.
    fn claim(&self, device: DeviceNo) -> Result<Option<Claim>>;
}

/// Changes of claims.
pub(in crate::store) trait ChangeClaims: Claims {
    /// Saves one, and the handshake counter in it; whether the device is there.
    fn save_claim(&self, device: DeviceNo, claim: &Claim) -> Result<bool>;
}

/// A change of a device's hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swap {
    pub at: UnixMillis,
    /// The hardware that went.
    pub was: DeviceId,
    /// When that was heard last, as far as is known.
    pub heard: Option<UnixMillis>,
}

/// Hardware that devices had before.
pub(in crate::store) trait Hardware {
    /// When a device's hardware was replaced, oldest first.
    fn swaps(&self, no: DeviceNo) -> Result<Vec<Swap>>;
    /// When the old hardware of each device was heard last.
    fn hardware_since(&self) -> Result<HashMap<DeviceNo, UnixMillis>>;
    /// Hardware from which nothing is taken.
    fn retired(&self) -> Result<Vec<Retired>>;
    /// Hardware that was replaced and whose key is known, to be put in somewhere at `at`.
    fn retired_hardware(&self, hardware: DeviceId, at: UnixMillis) -> Result<Option<NewDevice>>;
    /// Whether hardware was replaced.
    fn is_retired(&self, hardware: DeviceId) -> Result<bool>;
}

/// Changes of hardware.
pub(in crate::store) trait ChangeHardware: Hardware {
    /// Deletes what belongs to a device's hardware (numbering, windows, claim, what it told of the ledger), and remembers that as
    /// replaced by `new`, which is no longer remembered so itself. Of a device no more than `kept` are.
    fn retire_hardware(&self, was: &Device, new: &NewDevice, heard: Option<UnixMillis>, kept: u32) -> Result<()>;
    /// Copies the claim and the ledger of one device's hardware to another device.
    fn copy_hardware(&self, from: DeviceNo, to: DeviceNo) -> Result<()>;
    /// Gives a device other hardware.
    fn set_hardware(&self, no: DeviceNo, new: &NewDevice) -> Result<()>;
    /// Takes a device's hardware: it goes on under another name and a key that nobody has.
    fn leave_hardware(&self, no: DeviceNo, key: &PublicKey, name: &str) -> Result<()>;
}
