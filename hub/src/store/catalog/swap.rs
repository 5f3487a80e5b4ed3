//! Replaces the hardware of a device: its row continues under another key.
//!
//! ```text
//!   row 7   key A  name, labels, series, alerts     ──▶  row 7   key B   the same, what belongs to hardware begins anew
//!   row 9   key B  what it measured so far (if any) ──▶  row 9   no key  its readings stay, under a name that says so
//!   retired                                         ──▶  key A   nothing is taken from it, and it may be put back
//! ```
//!
//! Sensor numbers, boots, the session that counts as the device and its last known report belong to the hardware. The journal refers
//! to them, so the readings of the old hardware are packed into blocks first; if more arrived meanwhile, nothing is changed.

use std::collections::HashMap;

use super::device_rows::{changed, free_name, number};
use super::sensors::has_own_batches;
use crate::model::device::{Claim, Device, DeviceNo, NewDevice, Retired, Standing, no_key};
use crate::model::{DeviceId, Numbering, UnixMillis};
use crate::store::Store;
use crate::store::engine::nouns::Swap;
use crate::store::error::{Error, Result};
use crate::store::memory::Change;
use crate::store::windows::Windows;
use crate::store::write::inbox::OpenWrite;

/// Longest name that is made here.
const NAME: usize = 64;
/// Pieces of hardware that a device had before, and its swaps, that are kept: the newest.
const KEPT: u32 = 16;

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Replaced {
    /// The device, with its new hardware.
    pub device: Device,
    /// What is left of the device that the new hardware was until now.
    pub left: Option<Device>,
    /// Which start of its agent speaks for the device, as far as that is known of the new hardware.
    pub claim: Option<Claim>,
    /// All hardware that was replaced.
    pub retired: Vec<Retired>,
}

impl Store {
    /// Puts the hardware `new` in the place of a device's, which was last heard at `heard`. The device keeps its id, name,
    /// labels, series and alerts.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it is the same hardware, or readings of the old came meanwhile: nothing is changed then.
    pub async fn replace_device(&self, id: DeviceId, new: NewDevice, heard: Option<UnixMillis>) -> Result<Replaced> {
        let no = self.catalog().device_by_id(id).ok_or(Error::missing("device"))?.no;
        self.pack_device(no).await?;
        self.change(move |open| {
            let tx = open.tx;
            let no = number(tx, id)?;
            let device = tx.device(no)?;
            if device.key == new.key {
                return Err(Error::conflict("by", format!("{} has this hardware already", device.name)));
            }
            if has_own_batches(open, no) {
                let detail = format!("readings of {} arrived in the meantime: try again", device.name);
                return Err(Error::conflict("device", detail));
            }
            let left = tx.device_by_key(&new.key)?;
            begin_anew(open, &device, &new, heard)?;
            if let Some(from) = left {
                move_in(open, from, no)?;
            }
            let left = left.map(|from| leave(open, from, &device)).transpose()?;
            tx.set_hardware(no, &new)?;
            tx.set_standing(no, Standing::Adopted)?;
            let (claim, retired) = (tx.claim(no)?, tx.retired()?);
            Ok(Replaced { device: changed(open, no)?, left, claim, retired })
        })
        .await
    }

    /// When a device's hardware was replaced, oldest first.
    ///
    /// # Errors
    /// `NotFound`, and those of any read.
    pub async fn swaps(&self, id: DeviceId) -> Result<Vec<Swap>> {
        self.readers()
            .run(move |reader| {
                let ask = reader.ask()?;
                ask.swaps(number(ask, id)?)
            })
            .await
    }

    /// When the old hardware of each device was heard last: what the present one measured before is not the device's.
    ///
    /// # Errors
    /// `Busy` when too many read at once.
    pub async fn hardware_since(&self) -> Result<HashMap<DeviceNo, UnixMillis>> {
        self.readers().run(|reader| reader.ask()?.hardware_since()).await
    }

    /// Hardware from which nothing is taken.
    ///
    /// # Errors
    /// `Busy` when too many read at once.
    pub async fn retired(&self) -> Result<Vec<Retired>> {
        self.readers().run(|reader| reader.ask()?.retired()).await
    }

    /// Hardware that was replaced, to be put in somewhere at `at`; `None` where it is not known, or its key is not.
    ///
    /// # Errors
    /// `Busy` when too many read at once.
    pub async fn retired_hardware(&self, hardware: DeviceId, at: UnixMillis) -> Result<Option<NewDevice>> {
        self.readers().run(move |reader| reader.ask()?.retired_hardware(hardware, at)).await
    }
}

/// What belongs to the old hardware goes; it is remembered, and what comes in its place is no longer.
fn begin_anew(open: &mut OpenWrite<'_>, device: &Device, new: &NewDevice, heard: Option<UnixMillis>) -> Result<()> {
    open.tx.retire_hardware(device, new, heard, KEPT)?;
    // Its own numbers of sensors; those that the hub gave stay.
    open.tx.forget_numbers(device.no)?;
    open.own.changes.push(Change::Renumber(device.no, Numbering::FIRST));
    open.own.anew.insert(device.no);
    Ok(())
}

/// What belongs to the new hardware comes along from the device that it was: what is stored there is not taken again.
fn move_in(open: &mut OpenWrite<'_>, from: DeviceNo, no: DeviceNo) -> Result<()> {
    let of_from = |windows: &Windows| -> Windows {
        let of_from = windows.iter().filter(|((device, _), _)| *device == from);
        of_from.map(|((_, epoch), window)| ((no, *epoch), window.clone())).collect()
    };
    let mut windows = of_from(&open.memory.windows());
    windows.extend(of_from(&open.group.windows));
    for (key, known) in windows {
        open.tx.save_windows(&[(key, &known)])?;
        open.own.windows.insert(key, known);
    }
    open.tx.copy_hardware(from, no)
}

/// The device that the new hardware was until now keeps its readings under a name that says so.
fn leave(open: &mut OpenWrite<'_>, no: DeviceNo, device: &Device) -> Result<Device> {
    let was = open.tx.device(no)?;
    let mut wish = format!("{} before it replaced {}", was.name, device.name);
    wish.truncate(wish.floor_char_boundary(NAME));
    let name = free_name(open.tx, &wish, was.id)?;
    open.tx.leave_hardware(no, &no_key(was.id), &name)?;
    changed(open, no)
}
