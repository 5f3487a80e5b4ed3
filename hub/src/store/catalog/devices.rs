//! Devices: adopted, blocked, renamed, deleted. Their sensors are in `sensors.rs`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;

use super::device_rows::{changed, free_name, number};
use super::join;
use crate::model::device::{
    Device, DeviceNo, DevicePatch, Introduction, Labels, NewDevice, Retired, Standing, id_of, no_key,
};
use crate::model::glob::Glob;
use crate::model::reading::Digest;
use crate::model::{BatchSeq, DeviceId, Epoch, PublicKey, SeqSet, UnixMillis};
use crate::store::Store;
use crate::store::engine::snapshot::Snapshot;
use crate::store::engine::transaction::Transaction;
use crate::store::error::{Error, Result};
use crate::store::memory::{Change, Forgotten};
use crate::store::tier::DeletionCursor;
use crate::store::write::inbox::OpenWrite;

/// Journal rows deleted in one write, so that deleting a device of years holds nobody up.
const DELETE_ROWS: usize = 2_000;
/// Rows of `times` deleted in one write, with their blocks.
const DELETE_SPANS: usize = 200;

/// Rows of rollups deleted in one write.
const DELETE_ROLLUPS: usize = 200;

/// What was heard of a device since the last note; saved now and then, never on the way of a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceNote {
    /// Which device.
    pub no: DeviceNo,
    /// Newest authenticated address.
    pub address: SocketAddr,
    /// Last authenticated data.
    pub last_seen: UnixMillis,
    /// Longest time between the last pushes in milliseconds, where readings are pushed and it is known.
    pub pushed_every_ms: Option<i64>,
    /// What it said of itself, if it did: model and version are kept; name and labels belong to people.
    pub introduction: Option<Introduction>,
    /// Highest handshake counter seen.
    pub handshake_counter: u64,
}

impl Store {
    /// Every receive window as committed: what the endpoint starts with.
    #[must_use]
    pub fn windows(&self) -> Vec<(DeviceNo, Epoch, SeqSet)> {
        self.memory().windows().iter().map(|(&(device, epoch), window)| (device, epoch, window.clone())).collect()
    }

    /// Contents of the batches that the journal held when the store was opened; to be taken once.
    #[must_use]
    pub fn take_digests(&self) -> HashMap<DeviceNo, Vec<(Epoch, BatchSeq, Digest)>> {
        std::mem::take(&mut *self.memory().digests_mut())
    }

    /// Inserts a device as adopted, or adopts it again. Takes one use from its join token, unless it is adopted already.
    ///
    /// # Errors
    /// `NotFound` when the join token does not exist, `Conflict` when it ran out or expired, `Limit` when the hub is full.
    pub async fn adopt(&self, new: NewDevice) -> Result<Device> {
        self.change(move |open| {
            let tx = open.tx;
            let known = number_of_key(tx, &new.key)?;
            let joined = known.map(|no| tx.device(no)).transpose()?;
            let joined = joined.is_some_and(|device| device.standing == Standing::Adopted && device.has_key());
            let labels = match new.join_token {
                // Whose answer was lost on the way joins again, by the use it has taken already.
                Some(token) if !joined => join::take_use(tx, token, new.at)?,
                _ => Labels::new(),
            };
            let no = match known {
                Some(no) => {
                    let intro = &new.introduction;
                    tx.hear_device(no, Some((&intro.model, &intro.version)), new.address, new.handshake_counter)?;
                    tx.set_standing(no, Standing::Adopted)?;
                    // Of one that was imported the key was not known.
                    tx.set_key(no, &new.key)?;
                    no
                }
                None => insert(open, &new, Standing::Adopted, labels)?,
            };
            changed(open, no)
        })
        .await
    }

    /// Blocks a known device, or inserts `pending` as blocked.
    ///
    /// # Errors
    /// `NotFound` when the device has no row and `pending` is not it; `Limit` when it would be a row too many.
    pub async fn block(&self, id: DeviceId, pending: Option<NewDevice>) -> Result<Device> {
        self.change(move |open| {
            let no = match (open.tx.device_by_id(id)?, pending) {
                (Some(no), _) => {
                    open.tx.set_standing(no, Standing::Blocked)?;
                    no
                }
                (None, Some(new)) if id_of(&new.key) == id => insert(open, &new, Standing::Blocked, Labels::new())?,
                (None, _) => return Err(Error::missing("device")),
            };
            changed(open, no)
        })
        .await
    }

    /// Changes what people may change.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when the name is taken.
    pub async fn patch_device(&self, id: DeviceId, patch: DevicePatch, _now: UnixMillis) -> Result<Device> {
        self.change(move |open| {
            let tx = open.tx;
            let no = number(tx, id)?;
            let mut device = tx.device(no)?;
            if let Some(name) = patch.name.filter(|name| *name != device.name) {
                if tx.device_name_is_taken(&name)? {
                    return Err(Error::conflict("name", format!("another device already has the name {name}")));
                }
                follow_name(tx, &device, &name)?;
                device.name = name;
            }
            device.labels = patch.labels.unwrap_or(device.labels);
            device.interval_ms = patch.interval_ms.unwrap_or(device.interval_ms);
            tx.patch_device(&device)?;
            patch.notes.map_or(Ok(()), |notes| tx.set_notes(no, &notes))?;
            changed(open, no)
        })
        .await
    }

    /// Forgets who a device is and keeps what it measured: its key is a stranger's again.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn forget_device(&self, id: DeviceId) -> Result<Device> {
        self.change(move |open| {
            let no = number(open.tx, id)?;
            open.tx.set_standing(no, Standing::Adopted)?;
            open.tx.set_key(no, &no_key(id))?;
            changed(open, no)
        })
        .await
    }

    /// Deletes a device with its series, readings, windows and alerts. Returns what hardware is known still as replaced.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_device(&self, id: DeviceId) -> Result<Vec<Retired>> {
        let mut cursor = DeletionCursor::START;
        loop {
            let done = self.change(move |open| {
                let no = number(open.tx, id)?;
                if open.tx.delete_some_spans(no, DELETE_SPANS)? == DELETE_SPANS {
                    return Ok(ControlFlow::Continue(cursor));
                }
                let series: Vec<_> = open.memory.catalog().series_of(no).map(|series| series.id).collect();
                let delete = |cursor| open.tx.delete_some_rollups(&series, cursor, DELETE_ROLLUPS);
                // Once more from the start in the transaction that deletes the device: some may have been made meanwhile.
                if let Some(next) =
                    delete(cursor)?.map_or_else(|| delete(DeletionCursor::START), |next| Ok(Some(next)))?
                {
                    return Ok(ControlFlow::Continue(next));
                }
                let rows = open.memory.head().rows(no);
                let some = rows.get(..DELETE_ROWS).unwrap_or(&rows);
                open.own.saves_windows = true;
                open.own.rows_deleted += open.tx.delete_rows(some)? as u64;
                if let Some(&row) = some.last().filter(|_| some.len() < rows.len()) {
                    open.own.forgotten.push(Forgotten { device: no, row, reach: None, series: Vec::new() });
                    return Ok(ControlFlow::Continue(cursor));
                }
                open.tx.delete_device(no)?;
                open.own.changes.push(Change::RemoveDevice(no));
                open.own.gone.insert(no);
                Ok(ControlFlow::Break(open.tx.retired()?))
            });
            match done.await? {
                ControlFlow::Continue(next) => cursor = next,
                ControlFlow::Break(retired) => return Ok(retired),
            }
        }
    }

    /// Saves what was heard of devices; those deleted meanwhile are left out.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn note_devices(&self, notes: Vec<DeviceNote>) -> Result<()> {
        self.change(move |open| {
            for note in &notes {
                let intro = note.introduction.as_ref().map(|intro| (&*intro.model, &*intro.version));
                open.tx.hear_device(note.no, intro, Some(note.address), note.handshake_counter)?;
                if open.tx.see_device(note.no, note.last_seen)? {
                    if let Some(every_ms) = note.pushed_every_ms {
                        open.tx.push_of_device(note.no, every_ms.max(1))?;
                    }
                    changed(open, note.no)?;
                }
            }
            Ok(())
        })
        .await
    }
}

/// Rules and silences that name a device go on with it under its new name; by its id, where the new name is a pattern.
fn follow_name(tx: &dyn Transaction, device: &Device, name: &str) -> Result<()> {
    let now = if Glob::new(name).is_pattern() { device.id.to_string() } else { name.to_owned() };
    tx.follow_device_name(&device.name, &now)
}

/// Adds a row; labels of the join token win over those the device brought.
pub(in crate::store) fn insert(
    open: &mut OpenWrite<'_>,
    new: &NewDevice,
    standing: Standing,
    labels: Labels,
) -> Result<DeviceNo> {
    open.take_device_place()?;
    let mut all_labels = new.introduction.labels.clone();
    all_labels.extend(labels);
    let name = free_name(open.tx, &new.introduction.name, id_of(&new.key))?;
    open.tx.add_device(new, &name, &all_labels, standing)
}

/// The device of this hardware: that which has its key, which may have been another's before; else the one of its id whose
/// key is not known. Hardware that was replaced has neither, and does not get its old place back.
fn number_of_key(ask: &dyn Snapshot, key: &PublicKey) -> Result<Option<DeviceNo>> {
    if let Some(no) = ask.device_by_key(key)? {
        return Ok(Some(no));
    }
    let (id, detail) =
        (id_of(key), "this hardware was replaced: delete `identity` in its state folder, and adopt it then");
    let no = ask.device_by_id(id)?;
    let is_taken = no.map(|no| ask.device(no)).transpose()?.is_some_and(|device| device.has_key());
    if is_taken || ask.is_retired(id)? {
        return Err(Error::conflict("device", detail.to_owned()));
    }
    Ok(no)
}
