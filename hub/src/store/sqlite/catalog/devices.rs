//! Rows of devices.

use std::net::SocketAddr;

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::sensors;
use crate::model::catalog::Catalog;
use crate::model::device::{Device, DeviceNo, Labels, NewDevice, Standing, id_of};
use crate::model::{DeviceId, PublicKey, UnixMillis};
use crate::store::engine::nouns::{ChangeDevices, Devices};
use crate::store::error::{Error, Result};
use crate::store::pairs::{read_pairs, write_pairs};
use crate::store::sqlite::column::{signed, unsigned};

const ALL: &str = "SELECT no, id, key, name, standing, labels, model, version, address, first_seen_at, last_seen_at,
    interval_ms, handshake_counter, notes, every_ms FROM device LEFT JOIN note_of_device AS note ON note.device = no
    LEFT JOIN push_of_device AS push ON push.device = no";
const ONE: &str = "SELECT no, id, key, name, standing, labels, model, version, address, first_seen_at, last_seen_at,
    interval_ms, handshake_counter, notes, every_ms FROM device LEFT JOIN note_of_device AS note ON note.device = no
    LEFT JOIN push_of_device AS push ON push.device = no WHERE no = :no";
const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM device WHERE no = :device)";
const NUMBER: &str = "SELECT no FROM device WHERE id = :id";
const WITH_KEY: &str = "SELECT no FROM device WHERE key = :key";
const IS_TAKEN: &str = "SELECT EXISTS (SELECT 1 FROM device WHERE name = :name)";

impl Devices for Connection {
    fn load_catalog(&self, catalog: &mut Catalog) -> Result<()> {
        let mut statement = self.prepare(ALL)?;
        for device in statement.query_map([], from_row)? {
            catalog.put_device(device?);
        }
        sensors::load(self, catalog)
    }

    fn has_device(&self, no: DeviceNo) -> Result<bool> {
        Ok(self.prepare_cached(EXISTS)?.query_row(named_params! { ":device": no }, |row| row.get(0))?)
    }

    fn device(&self, no: DeviceNo) -> Result<Device> {
        Ok(self.prepare_cached(ONE)?.query_row(named_params! { ":no": no }, from_row)?)
    }

    fn device_by_id(&self, id: DeviceId) -> Result<Option<DeviceNo>> {
        let id = named_params! { ":id": id.as_bytes() };
        Ok(self.prepare_cached(NUMBER)?.query_row(id, |row| row.get(0)).optional()?)
    }

    fn device_by_key(&self, key: &PublicKey) -> Result<Option<DeviceNo>> {
        let key = named_params! { ":key": key.0 };
        Ok(self.prepare_cached(WITH_KEY)?.query_row(key, |row| row.get(0)).optional()?)
    }

    fn device_name_is_taken(&self, name: &str) -> Result<bool> {
        Ok(self.prepare_cached(IS_TAKEN)?.query_row(named_params! { ":name": name }, |row| row.get(0))?)
    }
}

const INSERT: &str = "INSERT INTO device
    (id, key, name, standing, labels, model, version, address, first_seen_at, handshake_counter)
    VALUES (:id, :key, :name, :standing, :labels, :model, :version, :address, :first_seen_at, :handshake_counter)";
const SET_STANDING: &str = "UPDATE device SET standing = :standing WHERE no = :no";
const SET_KEY: &str = "UPDATE device SET key = :key WHERE no = :no AND key <> :key";
const PATCH: &str = "UPDATE device SET name = :name, labels = :labels, interval_ms = :interval_ms WHERE no = :no";
const SET_NOTES: &str = "INSERT INTO note_of_device (device, notes) VALUES (:no, :notes)
    ON CONFLICT (device) DO UPDATE SET notes = excluded.notes";
const NO_NOTES: &str = "DELETE FROM note_of_device WHERE device = :no";
const RULES: &str = "UPDATE rule SET device = :now WHERE device = :was";
const SILENCES: &str = "UPDATE silence SET device = :now WHERE device = :was";
const HEARD: &str = "UPDATE device SET
    model = COALESCE(:model, model), version = COALESCE(:version, version), address = COALESCE(:address, address),
    handshake_counter = MAX(handshake_counter, :handshake_counter)
    WHERE no = :no";
const SEEN: &str = "UPDATE device SET last_seen_at = MAX(COALESCE(last_seen_at, :at), :at) WHERE no = :no";
const PUSHED: &str = "INSERT INTO push_of_device (device, every_ms) VALUES (:no, :every_ms)
    ON CONFLICT (device) DO UPDATE SET every_ms = excluded.every_ms WHERE every_ms <> excluded.every_ms";
const DELETE: &str = "DELETE FROM device WHERE no = :no";

impl ChangeDevices for Connection {
    fn add_device(&self, new: &NewDevice, name: &str, labels: &Labels, standing: Standing) -> Result<DeviceNo> {
        self.prepare_cached(INSERT)?.execute(named_params! {
            ":id": id_of(&new.key).as_bytes(),
            ":key": new.key.0,
            ":name": name,
            ":standing": standing,
            ":labels": write_pairs(labels),
            ":model": new.introduction.model,
            ":version": new.introduction.version,
            ":address": new.address.map(|address| address.to_string()),
            ":first_seen_at": new.at.0,
            ":handshake_counter": signed(new.handshake_counter),
        })?;
        u32::try_from(self.last_insert_rowid()).map(DeviceNo).map_err(|_| Error::Corrupt { what: "device number" })
    }

    fn set_standing(&self, no: DeviceNo, standing: Standing) -> Result<()> {
        self.prepare_cached(SET_STANDING)?.execute(named_params! { ":no": no, ":standing": standing })?;
        Ok(())
    }

    fn set_key(&self, no: DeviceNo, key: &PublicKey) -> Result<()> {
        self.prepare_cached(SET_KEY)?.execute(named_params! { ":no": no, ":key": key.0 })?;
        Ok(())
    }

    fn patch_device(&self, device: &Device) -> Result<()> {
        self.prepare_cached(PATCH)?.execute(named_params! {
            ":no": device.no,
            ":name": device.name,
            ":labels": write_pairs(&device.labels),
            ":interval_ms": device.interval_ms,
        })?;
        Ok(())
    }

    fn set_notes(&self, no: DeviceNo, notes: &str) -> Result<()> {
        if notes.is_empty() {
            self.prepare_cached(NO_NOTES)?.execute(named_params! { ":no": no })?;
        } else {
            self.prepare_cached(SET_NOTES)?.execute(named_params! { ":no": no, ":notes": notes })?;
        }
        Ok(())
    }

    fn follow_device_name(&self, was: &str, now: &str) -> Result<()> {
        for sql in [RULES, SILENCES] {
            self.prepare_cached(sql)?.execute(named_params! { ":was": was, ":now": now })?;
        }
        Ok(())
    }

    fn hear_device(
        &self,
        no: DeviceNo,
        about: Option<(&str, &str)>,
        address: Option<SocketAddr>,
        handshake_counter: u64,
    ) -> Result<()> {
        self.prepare_cached(HEARD)?.execute(named_params! {
            ":no": no,
            ":model": about.map(|(model, _)| model),
            ":version": about.map(|(_, version)| version),
            ":address": address.map(|address| address.to_string()),
            ":handshake_counter": signed(handshake_counter),
        })?;
        Ok(())
    }

    fn see_device(&self, no: DeviceNo, at: UnixMillis) -> Result<bool> {
        Ok(self.prepare_cached(SEEN)?.execute(named_params! { ":no": no, ":at": at.0 })? > 0)
    }

    fn push_of_device(&self, no: DeviceNo, every_ms: i64) -> Result<()> {
        self.prepare_cached(PUSHED)?.execute(named_params! { ":no": no, ":every_ms": every_ms })?;
        Ok(())
    }

    fn delete_device(&self, no: DeviceNo) -> Result<()> {
        self.prepare_cached(DELETE)?.execute(named_params! { ":no": no })?;
        Ok(())
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Device> {
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
