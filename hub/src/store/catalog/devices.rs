//! Devices: adopted, blocked, renamed, deleted. Their sensors are in `sensors.rs`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;

use rusqlite::{Connection, named_params};

use super::device_rows::{changed, free_name, from_row, is_taken, number, read, set_standing, with_key};
use super::{join, sensors, swap};
use crate::model::catalog::Catalog;
use crate::model::device::{
    Device, DeviceNo, DevicePatch, Introduction, Labels, NewDevice, Retired, Standing, id_of, no_key,
};
use crate::model::glob::Glob;
use crate::model::reading::Digest;
use crate::model::{BatchSeq, DeviceId, Epoch, PublicKey, SeqSet, UnixMillis};
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::memory::{Change, Forgotten};
use crate::store::rollup::{self, Place};
use crate::store::sqlite::blocks;
use crate::store::sqlite::column::{signed, write_pairs};
use crate::store::sqlite::journal;
use crate::store::write::inbox::Scope;

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
        self.change(move |scope| {
            let known = number_of_key(scope.conn, &new.key)?;
            let joined = known.map(|no| read(scope.conn, no)).transpose()?;
            let joined = joined.is_some_and(|device| device.standing == Standing::Adopted && device.has_key());
            let labels = match new.join_token {
                // Whose answer was lost on the way joins again, by the use it has taken already.
                Some(token) if !joined => join::take_use(scope.conn, token, new.at)?,
                _ => Labels::new(),
            };
            let no = match known {
                Some(no) => {
                    let intro = &new.introduction;
                    heard(scope.conn, no, Some((&intro.model, &intro.version)), new.address, new.handshake_counter)?;
                    set_standing(scope.conn, no, Standing::Adopted)?;
                    // Of one that was imported the key was not known.
                    let key = named_params! { ":no": no, ":key": new.key.0 };
                    scope.conn.prepare_cached(SET_KEY)?.execute(key)?;
                    no
                }
                None => insert(scope, &new, Standing::Adopted, labels)?,
            };
            changed(scope, no)
        })
        .await
    }

    /// Blocks a known device, or inserts `pending` as blocked.
    ///
    /// # Errors
    /// `NotFound` when the device has no row and `pending` is not it; `Limit` when it would be a row too many.
    pub async fn block(&self, id: DeviceId, pending: Option<NewDevice>) -> Result<Device> {
        self.change(move |scope| {
            let no = match (number(scope.conn, id)?, pending) {
                (Some(no), _) => {
                    set_standing(scope.conn, no, Standing::Blocked)?;
                    no
                }
                (None, Some(new)) if id_of(&new.key) == id => insert(scope, &new, Standing::Blocked, Labels::new())?,
                (None, _) => return Err(Error::missing("device")),
            };
            changed(scope, no)
        })
        .await
    }

    /// Changes what people may change.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when the name is taken.
    pub async fn patch_device(&self, id: DeviceId, patch: DevicePatch, _now: UnixMillis) -> Result<Device> {
        self.change(move |scope| {
            let no = number(scope.conn, id)?.ok_or(Error::missing("device"))?;
            let mut device = read(scope.conn, no)?;
            if let Some(name) = patch.name.filter(|name| *name != device.name) {
                if is_taken(scope.conn, &name)? {
                    return Err(Error::conflict("name", format!("another device already has the name {name}")));
                }
                follow_name(scope.conn, &device, &name)?;
                device.name = name;
            }
            device.labels = patch.labels.unwrap_or(device.labels);
            device.interval_ms = patch.interval_ms.unwrap_or(device.interval_ms);
            scope.conn.prepare_cached(PATCH)?.execute(named_params! {
                ":no": no,
                ":name": device.name,
                ":labels": write_pairs(&device.labels),
                ":interval_ms": device.interval_ms,
            })?;
            match patch.notes.as_deref() {
                None => {}
                Some("") => {
                    scope.conn.prepare_cached(NO_NOTES)?.execute(named_params! { ":no": no })?;
                }
                Some(notes) => {
                    scope.conn.prepare_cached(SET_NOTES)?.execute(named_params! { ":no": no, ":notes": notes })?;
                }
            }
            changed(scope, no)
        })
        .await
    }

    /// Forgets who a device is and keeps what it measured: its key is a stranger's again.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn forget_device(&self, id: DeviceId) -> Result<Device> {
        self.change(move |scope| {
            let no = number(scope.conn, id)?.ok_or(Error::missing("device"))?;
            set_standing(scope.conn, no, Standing::Adopted)?;
            scope.conn.prepare_cached(SET_KEY)?.execute(named_params! { ":no": no, ":key": no_key(id).0 })?;
            changed(scope, no)
        })
        .await
    }

    /// Deletes a device with its series, readings, windows and alerts. Returns what hardware is known still as replaced.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_device(&self, id: DeviceId) -> Result<Vec<Retired>> {
        let mut place = Place::START;
        loop {
            let done = self.change(move |scope| {
                let no = number(scope.conn, id)?.ok_or(Error::missing("device"))?;
                if blocks::delete_some(scope.conn, no, DELETE_SPANS)? == DELETE_SPANS {
                    return Ok(ControlFlow::Continue(place));
                }
                let series: Vec<_> = scope.memory.catalog().series_of(no).map(|series| series.id).collect();
                let delete = |place| rollup::delete_some(scope.conn, &series, place, DELETE_ROLLUPS);
                // Once more from the start in the transaction that deletes the device: some may have been made meanwhile.
                if let Some(next) = delete(place)?.map_or_else(|| delete(Place::START), |next| Ok(Some(next)))? {
                    return Ok(ControlFlow::Continue(next));
                }
                let rows = scope.memory.head().rows(no);
                let some = rows.get(..DELETE_ROWS).unwrap_or(&rows);
                scope.own.saves_windows = true;
                scope.own.rows_deleted += journal::delete(scope.conn, some)? as u64;
                if let Some(&row) = some.last().filter(|_| some.len() < rows.len()) {
                    scope.own.forgotten.push(Forgotten { device: no, row, reach: None, series: Vec::new() });
                    return Ok(ControlFlow::Continue(place));
                }
                scope.conn.prepare_cached(DELETE)?.execute(named_params! { ":no": no })?;
                scope.own.changes.push(Change::RemoveDevice(no));
                scope.own.gone.insert(no);
                Ok(ControlFlow::Break(swap::retired(scope.conn)?))
            });
            match done.await? {
                ControlFlow::Continue(next) => place = next,
                ControlFlow::Break(retired) => return Ok(retired),
            }
        }
    }

    /// Saves what was heard of devices; those deleted meanwhile are left out.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn note_devices(&self, notes: Vec<DeviceNote>) -> Result<()> {
        self.change(move |scope| {
            for note in &notes {
                let intro = note.introduction.as_ref().map(|intro| (&*intro.model, &*intro.version));
                heard(scope.conn, note.no, intro, Some(note.address), note.handshake_counter)?;
                let seen = named_params! { ":no": note.no, ":at": note.last_seen.0 };
                if scope.conn.prepare_cached(SEEN)?.execute(seen)? > 0 {
                    if let Some(every_ms) = note.pushed_every_ms {
                        let push = named_params! { ":no": note.no, ":every_ms": every_ms.max(1) };
                        scope.conn.prepare_cached(PUSHED)?.execute(push)?;
                    }
                    changed(scope, note.no)?;
                }
            }
            Ok(())
        })
        .await
    }
}

const RULES: &str = "UPDATE rule SET device = :now WHERE device = :was";
const SILENCES: &str = "UPDATE silence SET device = :now WHERE device = :was";

/// Rules and silences that name a device go on with it under its new name; by its id, where the new name is a pattern.
fn follow_name(conn: &Connection, device: &Device, name: &str) -> Result<()> {
    let now = if Glob::new(name).is_pattern() { device.id.to_string() } else { name.to_owned() };
    for sql in [RULES, SILENCES] {
        conn.prepare_cached(sql)?.execute(named_params! { ":was": device.name, ":now": now })?;
    }
    Ok(())
}

const PATCH: &str = "UPDATE device SET name = :name, labels = :labels, interval_ms = :interval_ms WHERE no = :no";
const SET_NOTES: &str = "INSERT INTO note_of_device (device, notes) VALUES (:no, :notes)
    ON CONFLICT (device) DO UPDATE SET notes = excluded.notes";
const NO_NOTES: &str = "DELETE FROM note_of_device WHERE device = :no";
const DELETE: &str = "DELETE FROM device WHERE no = :no";
const SEEN: &str = "UPDATE device SET last_seen_at = MAX(COALESCE(last_seen_at, :at), :at) WHERE no = :no";
const PUSHED: &str = "INSERT INTO push_of_device (device, every_ms) VALUES (:no, :every_ms)
    ON CONFLICT (device) DO UPDATE SET every_ms = excluded.every_ms WHERE every_ms <> excluded.every_ms";

const INSERT: &str = "INSERT INTO device
    (id, key, name, standing, labels, model, version, address, first_seen_at, handshake_counter)
    VALUES (:id, :key, :name, :standing, :labels, :model, :version, :address, :first_seen_at, :handshake_counter)";

/// Adds a row; labels of the join token win over those the device brought.
pub(in crate::store) fn insert(
    scope: &mut Scope<'_>,
    new: &NewDevice,
    standing: Standing,
    labels: Labels,
) -> Result<DeviceNo> {
    scope.take_device_place()?;
    let conn = scope.conn;
    let id = id_of(&new.key);
    let mut all_labels = new.introduction.labels.clone();
    all_labels.extend(labels);
    conn.prepare_cached(INSERT)?.execute(named_params! {
        ":id": id.as_bytes(),
        ":key": new.key.0,
        ":name": free_name(conn, &new.introduction.name, id)?,
        ":standing": standing,
        ":labels": write_pairs(&all_labels),
        ":model": new.introduction.model,
        ":version": new.introduction.version,
        ":address": new.address.map(|address| address.to_string()),
        ":first_seen_at": new.at.0,
        ":handshake_counter": signed(new.handshake_counter),
    })?;
    u32::try_from(conn.last_insert_rowid()).map(DeviceNo).map_err(|_| Error::Corrupt { what: "device number" })
}

const SET_KEY: &str = "UPDATE device SET key = :key WHERE no = :no AND key <> :key";
const HEARD: &str = "UPDATE device SET
    model = COALESCE(:model, model), version = COALESCE(:version, version), address = COALESCE(:address, address),
    handshake_counter = MAX(handshake_counter, :handshake_counter)
    WHERE no = :no";

fn heard(
    conn: &Connection,
    no: DeviceNo,
    about: Option<(&str, &str)>,
    address: Option<SocketAddr>,
    handshake_counter: u64,
) -> Result<()> {
    conn.prepare_cached(HEARD)?.execute(named_params! {
        ":no": no,
        ":model": about.map(|(model, _)| model),
        ":version": about.map(|(_, version)| version),
        ":address": address.map(|address| address.to_string()),
        ":handshake_counter": signed(handshake_counter),
    })?;
    Ok(())
}

/// The device of this hardware: that which has its key, which may have been another's before; else the one of its id whose
/// key is not known. Hardware that was replaced has neither, and does not get its old place back.
fn number_of_key(conn: &Connection, key: &PublicKey) -> Result<Option<DeviceNo>> {
    if let Some(no) = with_key(conn, key)? {
        return Ok(Some(no));
    }
    let (id, detail) =
        (id_of(key), "this hardware was replaced: delete `identity` in its state folder, and adopt it then");
    let no = number(conn, id)?;
    let is_taken = no.map(|no| read(conn, no)).transpose()?.is_some_and(|device| device.has_key());
    if is_taken || swap::is_retired(conn, id)? {
        return Err(Error::conflict("device", detail.to_owned()));
    }
    Ok(no)
}

const ALL: &str = "SELECT no, id, key, name, standing, labels, model, version, address, first_seen_at, last_seen_at,
    interval_ms, handshake_counter, notes, every_ms FROM device LEFT JOIN note_of_device AS note ON note.device = no
    LEFT JOIN push_of_device AS push ON push.device = no";
/// Fills the catalog at start.
pub(in crate::store) fn load(conn: &Connection, catalog: &mut Catalog) -> Result<()> {
    let mut statement = conn.prepare(ALL)?;
    for device in statement.query_map([], from_row)? {
        catalog.put_device(device?);
    }
    sensors::load(conn, catalog)
}
