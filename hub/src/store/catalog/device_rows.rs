//! Finds and names devices.

use crate::model::DeviceId;
use crate::model::device::{Device, DeviceNo};
use crate::store::engine::snapshot::Snapshot;
use crate::store::error::{Error, Result};
use crate::store::memory::Change;
use crate::store::write::inbox::OpenWrite;

/// The wished name, or `name-2`, `name-3`, ..; a device without a wish, or with one that is the id of a device, is called after
/// its own id.
pub(in crate::store) fn free_name(ask: &dyn Snapshot, wish: &str, id: DeviceId) -> Result<String> {
    let id = id.to_string();
    let is_none = wish.trim().is_empty() || wish.parse::<DeviceId>().is_ok();
    let wish = if is_none { format!("device-{}", id.get(..7).unwrap_or(&id)) } else { wish.to_owned() };
    if !ask.device_name_is_taken(&wish)? {
        return Ok(wish);
    }
    for count in 2_u32.. {
        let name = format!("{wish}-{count}");
        if !ask.device_name_is_taken(&name)? {
            return Ok(name);
        }
    }
    Err(Error::conflict("name", "every name is taken"))
}

/// The number of a device that is there.
pub(in crate::store) fn number(ask: &dyn Snapshot, id: DeviceId) -> Result<DeviceNo> {
    ask.device_by_id(id)?.ok_or(Error::missing("device"))
}

/// Reads a changed device back, and has the catalog follow.
pub(in crate::store) fn changed(open: &mut OpenWrite<'_>, no: DeviceNo) -> Result<Device> {
    let device = open.tx.device(no)?;
    open.own.changes.push(Change::PutDevice(device.clone()));
    Ok(device)
}
