//! Rows of devices: found, read, named.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::device::{Device, DeviceNo, Standing};
use crate::model::{DeviceId, PublicKey, UnixMillis};
use crate::store::error::{Error, Result};
use crate::store::memory::Change;
use crate::store::sqlite::column::{read_pairs, unsigned};
use crate::store::write::inbox::Scope;

/// The wished name, or `name-2`, `name-3`, ..; a device without a wish, or with one that is the id of a device, is called after
/// its own id.
pub(in crate::store) fn free_name(conn: &Connection, wish: &str, id: DeviceId) -> Result<String> {
    let id = id.to_string();
    let is_none = wish.trim().is_empty() || wish.parse::<DeviceId>().is_ok();
    let wish = if is_none { format!("device-{}", id.get(..7).unwrap_or(&id)) } else { wish.to_owned() };
    if !is_taken(conn, &wish)? {
        return Ok(wish);
    }
    for count in 2_u32.. {
        let name = format!("{wish}-{count}");
        if !is_taken(conn, &name)? {
            return Ok(name);
        }
    }
    Err(Error::conflict("name", "every name is taken"))
}

const IS_TAKEN: &str = "SELECT EXISTS (SELECT 1 FROM device WHERE name = :name)";

pub(in crate::store) fn is_taken(conn: &Connection, name: &str) -> Result<bool> {
    Ok(conn.prepare_cached(IS_TAKEN)?.query_row(named_params! { ":name": name }, |row| row.get(0))?)
}

const SET_STANDING: &str = "UPDATE device SET standing = :standing WHERE no = :no";

pub(in crate::store) fn set_standing(conn: &Connection, no: DeviceNo, standing: Standing) -> Result<()> {
    conn.prepare_cached(SET_STANDING)?.execute(named_params! { ":no": no, ":standing": standing })?;
    Ok(())
}

const WITH_KEY: &str = "SELECT no FROM device WHERE key = :key";

/// The device that has this key now.
pub(in crate::store) fn with_key(conn: &Connection, key: &PublicKey) -> Result<Option<DeviceNo>> {
    let key = named_params! { ":key": key.0 };
    Ok(conn.prepare_cached(WITH_KEY)?.query_row(key, |row| row.get(0)).optional()?)
}

const NUMBER: &str = "SELECT no FROM device WHERE id = :id";

pub(in crate::store) fn number(conn: &Connection, id: DeviceId) -> Result<Option<DeviceNo>> {
    let id = named_params! { ":id": id.as_bytes() };
    Ok(conn.prepare_cached(NUMBER)?.query_row(id, |row| row.get(0)).optional()?)
}

/// Reads a changed device back, and has the catalog follow.
pub(in crate::store) fn changed(scope: &mut Scope<'_>, no: DeviceNo) -> Result<Device> {
    let device = read(scope.conn, no)?;
    scope.own.changes.push(Change::PutDevice(device.clone()));
    Ok(device)
}

const ONE: &str = "SELECT no, id, key, name, standing, labels, model, version, address, first_seen_at, last_seen_at,
    interval_ms, handshake_counter, notes, every_ms FROM device LEFT JOIN note_of_device AS note ON note.device = no
    LEFT JOIN push_of_device AS push ON push.device = no WHERE no = :no";

pub(in crate::store) fn read(conn: &Connection, no: DeviceNo) -> Result<Device> {
    Ok(conn.prepare_cached(ONE)?.query_row(named_params! { ":no": no }, from_row)?)
}

pub(in crate::store) fn from_row(row: &Row<'_>) -> rusqlite::Result<Device> {
    let labels: String = row.get("labels")?;
    let address: Option<String> = row.get("address")?;
    Ok(Device {
        no: row.get("no")?,
        id: DeviceId::from_bytes(row.get("id")?),
        key: PublicKey(row.get("key")?),
        name: row.get("name")?,
        standing: row.get("standing")?,
        labels: read_pairs(&labels),
        model: row.get("model")?,
        version: row.get("version")?,
        address: address.and_then(|address| address.parse().ok()),
        first_seen: UnixMillis(row.get("first_seen_at")?),
        last_seen: row.get::<_, Option<i64>>("last_seen_at")?.map(UnixMillis),
        interval_ms: row.get("interval_ms")?,
        pushed_every_ms: row.get("every_ms")?,
        notes: row.get::<_, Option<String>>("notes")?.unwrap_or_default(),
        handshake_counter: unsigned(row.get("handshake_counter")?),
    })
}
