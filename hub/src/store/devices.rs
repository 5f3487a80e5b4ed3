//! Devices, their sensors and their receive windows.

use std::net::SocketAddr;

use super::Store;
use super::error::Result;
use crate::model::device::{Device, DeviceNo, DevicePatch, Introduction, NewDevice};
use crate::model::reading::SeriesId;
use crate::model::{DeviceId, Epoch, SensorNo, SensorSpec, SeqSet, UnixMillis};

/// What was heard of a device since the last note; saved now and then, never on the way of a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceNote {
    /// Which device.
    pub no: DeviceNo,
    /// Newest authenticated address.
    pub address: SocketAddr,
    /// Last authenticated data.
    pub last_seen: UnixMillis,
    /// What it said of itself, if it did: model and version are kept; name and labels belong to people.
    pub introduction: Option<Introduction>,
    /// Highest handshake counter seen.
    pub handshake_counter: u64,
}

impl Store {
    /// Every receive window as committed: what the endpoint starts with.
    #[must_use]
    pub fn windows(&self) -> Vec<(DeviceNo, Epoch, SeqSet)> {
        todo!()
    }

    /// Inserts a device as adopted, or adopts it again. Takes one use from its join token.
    ///
    /// # Errors
    /// `NotFound` when the join token does not exist, `Conflict` when it ran out or expired.
    pub async fn adopt(&self, new: NewDevice) -> Result<Device> {
        let _ = new;
        todo!()
    }

    /// Blocks a known device, or inserts `pending` as blocked.
    ///
    /// # Errors
    /// `NotFound` when the device has no row and `pending` is `None`.
    pub async fn block(&self, id: DeviceId, pending: Option<NewDevice>) -> Result<Device> {
        let _ = (id, pending);
        todo!()
    }

    /// Changes what people may change.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when the name is taken.
    pub async fn patch_device(&self, id: DeviceId, patch: DevicePatch, now: UnixMillis) -> Result<Device> {
        let _ = (id, patch, now);
        todo!()
    }

    /// Deletes a device with its series, readings, windows and alerts.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_device(&self, id: DeviceId) -> Result<()> {
        let _ = id;
        todo!()
    }

    /// Saves what was heard of devices.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn note_devices(&self, notes: Vec<DeviceNote>) -> Result<()> {
        let _ = notes;
        todo!()
    }

    /// Gives sensor numbers from `first` on to sensors, making series as needed; repeating it changes nothing.
    /// Returns the series of all the device's numbers.
    ///
    /// # Errors
    /// `NotFound` for the device; `Conflict` when a number belongs to another sensor, leaves a gap, or is beyond the limit.
    pub async fn register_sensors(
        &self,
        device: DeviceNo,
        first: SensorNo,
        sensors: Vec<SensorSpec>,
    ) -> Result<Vec<SeriesId>> {
        let _ = (device, first, sensors);
        todo!()
    }
}
