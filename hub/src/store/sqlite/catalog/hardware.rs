//! Rows of hardware that was replaced, and of when.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, named_params};

use crate::model::device::{Device, DeviceNo, Introduction, Labels, NewDevice, Retired, id_of};
use crate::model::{DeviceId, PublicKey, UnixMillis};
use crate::store::engine::nouns::{ChangeHardware, Hardware, Swap};
use crate::store::error::Result;
use crate::store::sqlite::column::{signed, unsigned};

const SWAPS: &str = "SELECT at, hardware, heard_at FROM swap WHERE device = :no ORDER BY at";
const SINCE: &str = "SELECT device, MAX(heard_at) AS since FROM swap WHERE heard_at IS NOT NULL GROUP BY device";
const RETIRED: &str = "SELECT hardware, device FROM retired";
const ONE_RETIRED: &str =
    "SELECT key, model, version, handshake_counter FROM retired WHERE hardware = :hardware AND key IS NOT NULL";
const IS_RETIRED: &str = "SELECT EXISTS (SELECT 1 FROM retired WHERE hardware = :hardware)";

impl Hardware for Connection {
    fn swaps(&self, no: DeviceNo) -> Result<Vec<Swap>> {
        let mut statement = self.prepare_cached(SWAPS)?;
        let rows = statement.query_map(named_params! { ":no": no }, |row| {
            Ok(Swap {
                at: UnixMillis(row.get("at")?),
                was: DeviceId::from_bytes(row.get("hardware")?),
                heard: row.get::<_, Option<i64>>("heard_at")?.map(UnixMillis),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn hardware_since(&self) -> Result<HashMap<DeviceNo, UnixMillis>> {
        let mut statement = self.prepare_cached(SINCE)?;
        let rows = statement.query_map([], |row| Ok((row.get("device")?, UnixMillis(row.get("since")?))))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn retired(&self) -> Result<Vec<Retired>> {
        let mut statement = self.prepare_cached(RETIRED)?;
        let rows = statement.query_map([], |row| {
            Ok(Retired { hardware: DeviceId::from_bytes(row.get("hardware")?), device: row.get("device")? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn retired_hardware(&self, hardware: DeviceId, at: UnixMillis) -> Result<Option<NewDevice>> {
        let mut statement = self.prepare_cached(ONE_RETIRED)?;
        let found = statement.query_row(named_params! { ":hardware": hardware.as_bytes() }, |row| {
            let (name, labels) = (String::new(), Labels::new());
            let introduction = Introduction { name, model: row.get("model")?, version: row.get("version")?, labels };
            Ok(NewDevice {
                key: PublicKey(row.get("key")?),
                introduction,
                address: None,
                at,
                join_token: None,
                handshake_counter: unsigned(row.get("handshake_counter")?),
            })
        });
        Ok(found.optional()?)
    }

    fn is_retired(&self, hardware: DeviceId) -> Result<bool> {
        let hardware = named_params! { ":hardware": hardware.as_bytes() };
        Ok(self.prepare_cached(IS_RETIRED)?.query_row(hardware, |row| row.get(0))?)
    }
}

/// What belongs to the hardware of a device, in one table each.
const OF_HARDWARE: [&str; 4] = [
    "DELETE FROM numbering WHERE device = :no",
    "DELETE FROM receive_window WHERE device = :no",
    "DELETE FROM claim WHERE device = :no",
    "DELETE FROM ledger_told WHERE device = :no",
];
const SWAPPED: &str = "INSERT INTO swap (device, at, hardware, heard_at) VALUES (:no, :at, :hardware, :heard)
    ON CONFLICT (device, at) DO UPDATE SET hardware = excluded.hardware, heard_at = excluded.heard_at";
const FEWER_SWAPS: &str = "DELETE FROM swap WHERE device = :no
    AND at NOT IN (SELECT at FROM swap WHERE device = :no ORDER BY at DESC LIMIT :kept)";
const RETIRE: &str = "INSERT INTO retired (hardware, device, at, key, model, version, handshake_counter)
    VALUES (:hardware, :no, :at, :key, :model, :version, :counter)
    ON CONFLICT (hardware) DO UPDATE SET device = excluded.device, at = excluded.at, key = excluded.key,
    model = excluded.model, version = excluded.version, handshake_counter = excluded.handshake_counter";
const TAKE_UP: &str = "DELETE FROM retired WHERE hardware = :hardware";
const FEWER_RETIRED: &str = "DELETE FROM retired WHERE device = :no
    AND hardware NOT IN (SELECT hardware FROM retired WHERE device = :no ORDER BY at DESC LIMIT :kept)";
const KEY: &str = "UPDATE device SET key = :key, model = :model, version = :version, address = :address,
    handshake_counter = :counter WHERE no = :no";
const KEYLESS: &str = "UPDATE device SET key = :key, name = :name WHERE no = :no";
const CLAIM: &str = "INSERT INTO claim (device, start, refused, holder, other, since_at)
    SELECT :no, start, refused, holder, other, since_at FROM claim WHERE device = :from";
const TOLD: &str = "INSERT INTO ledger_told (device, epoch, number, holds_from, told_at)
    SELECT :no, epoch, number, holds_from, told_at FROM ledger_told WHERE device = :from";

impl ChangeHardware for Connection {
    fn retire_hardware(&self, device: &Device, new: &NewDevice, heard: Option<UnixMillis>, kept: u32) -> Result<()> {
        let (no, was) = (device.no, id_of(&device.key));
        for delete in OF_HARDWARE {
            self.prepare_cached(delete)?.execute(named_params! { ":no": no })?;
        }
        self.prepare_cached(SWAPPED)?.execute(named_params! {
            ":no": no, ":at": new.at.0, ":hardware": was.as_bytes(), ":heard": heard.map(|at| at.0),
        })?;
        self.prepare_cached(FEWER_SWAPS)?.execute(named_params! { ":no": no, ":kept": kept })?;
        self.prepare_cached(RETIRE)?.execute(named_params! {
            ":hardware": was.as_bytes(),
            ":no": no,
            ":at": new.at.0,
            ":key": device.has_key().then_some(device.key.0),
            ":model": device.model,
            ":version": device.version,
            ":counter": signed(device.handshake_counter),
        })?;
        self.prepare_cached(TAKE_UP)?.execute(named_params! { ":hardware": id_of(&new.key).as_bytes() })?;
        self.prepare_cached(FEWER_RETIRED)?.execute(named_params! { ":no": no, ":kept": kept })?;
        Ok(())
    }

    fn copy_hardware(&self, from: DeviceNo, to: DeviceNo) -> Result<()> {
        for copy in [CLAIM, TOLD] {
            self.prepare_cached(copy)?.execute(named_params! { ":no": to, ":from": from })?;
        }
        Ok(())
    }

    fn set_hardware(&self, no: DeviceNo, new: &NewDevice) -> Result<()> {
        self.prepare_cached(KEY)?.execute(named_params! {
            ":no": no,
            ":key": new.key.0,
            ":model": new.introduction.model,
            ":version": new.introduction.version,
            ":address": new.address.map(|address| address.to_string()),
            ":counter": signed(new.handshake_counter),
        })?;
        Ok(())
    }

    fn leave_hardware(&self, no: DeviceNo, key: &PublicKey, name: &str) -> Result<()> {
        self.prepare_cached(KEYLESS)?.execute(named_params! { ":no": no, ":key": key.0, ":name": name })?;
        Ok(())
    }
}
