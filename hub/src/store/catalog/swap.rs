//! New hardware in the place of old: a device's row goes on under another key.
//!
//! ```text
//!   row 7   key A  name, labels, series, alerts     ──▶  row 7   key B   the same, what belongs to hardware begins anew
//!   row 9   key B  what it measured so far (if any) ──▶  row 9   no key  its readings stay, under a name that says so
//!   retired                                         ──▶  key A   nothing is taken from it, and it may be put back
//! ```
//!
//! Numbers of sensors and of boots, who speaks for a device and which of its reports is known belong to hardware. What refers
//! to them is the journal, so the readings of the old one go into blocks before; where more came meanwhile, nothing is changed.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::claims;
use super::device_rows::{changed, free_name, number, read, set_standing, with_key};
use super::sensors::{forget_numbers, has_own_batches};
use crate::model::device::{
    Claim, Device, DeviceNo, Introduction, Labels, NewDevice, Retired, Standing, id_of, no_key,
};
use crate::model::{DeviceId, Numbering, PublicKey, UnixMillis};
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::memory::{Change, Windows};
use crate::store::sqlite::column::{signed, unsigned};
use crate::store::sqlite::windows;
use crate::store::write::inbox::Scope;

/// Longest name that is made here.
const NAME: usize = 64;
/// Pieces of hardware that a device had before, and its swaps, that are kept: the newest.
const KEPT: u32 = 16;

/// A change of a device's hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swap {
    /// When.
    pub at: UnixMillis,
    /// The hardware that went.
    pub was: DeviceId,
    /// When that was heard last, as far as is known.
    pub heard: Option<UnixMillis>,
}

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
        self.change(move |scope| {
            let no = number(scope.conn, id)?.ok_or(Error::missing("device"))?;
            let device = read(scope.conn, no)?;
            if device.key == new.key {
                return Err(Error::conflict("by", format!("{} has this hardware already", device.name)));
            }
            if has_own_batches(scope, no) {
                let detail = format!("readings of {} arrived in the meantime: try again", device.name);
                return Err(Error::conflict("device", detail));
            }
            let left = with_key(scope.conn, &new.key)?;
            begin_anew(scope, &device, &new, heard)?;
            if let Some(from) = left {
                move_in(scope, from, no)?;
            }
            let left = left.map(|from| leave(scope, from, &device)).transpose()?;
            scope.conn.prepare_cached(KEY)?.execute(named_params! {
                ":no": no,
                ":key": new.key.0,
                ":model": new.introduction.model,
                ":version": new.introduction.version,
                ":address": new.address.map(|address| address.to_string()),
                ":counter": signed(new.handshake_counter),
            })?;
            set_standing(scope.conn, no, Standing::Adopted)?;
            let (claim, retired) = (claims::of_device(scope.conn, no)?, retired(scope.conn)?);
            Ok(Replaced { device: changed(scope, no)?, left, claim, retired })
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
                let conn = reader.conn()?;
                let no = number(conn, id)?.ok_or(Error::missing("device"))?;
                let mut statement = conn.prepare_cached(SWAPS)?;
                let rows = statement.query_map(named_params! { ":no": no }, |row| {
                    Ok(Swap {
                        at: UnixMillis(row.get("at")?),
                        was: DeviceId::from_bytes(row.get("hardware")?),
                        heard: row.get::<_, Option<i64>>("heard_at")?.map(UnixMillis),
                    })
                })?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// When the old hardware of each device was heard last: what the present one measured before is not the device's.
    ///
    /// # Errors
    /// `Busy` when too many read at once.
    pub async fn hardware_since(&self) -> Result<HashMap<DeviceNo, UnixMillis>> {
        self.readers()
            .run(|reader| {
                let mut statement = reader.conn()?.prepare_cached(SINCE)?;
                let rows = statement.query_map([], |row| Ok((row.get("device")?, UnixMillis(row.get("since")?))))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// Hardware from which nothing is taken.
    ///
    /// # Errors
    /// `Busy` when too many read at once.
    pub async fn retired(&self) -> Result<Vec<Retired>> {
        self.readers().run(|reader| retired(reader.conn()?)).await
    }

    /// Hardware that was replaced, to be put in somewhere at `at`; `None` where it is not known, or its key is not.
    ///
    /// # Errors
    /// `Busy` when too many read at once.
    pub async fn retired_hardware(&self, hardware: DeviceId, at: UnixMillis) -> Result<Option<NewDevice>> {
        self.readers()
            .run(move |reader| {
                let mut statement = reader.conn()?.prepare_cached(ONE_RETIRED)?;
                let found = statement.query_row(named_params! { ":hardware": hardware.as_bytes() }, |row| {
                    let (name, labels) = (String::new(), Labels::new());
                    let introduction =
                        Introduction { name, model: row.get("model")?, version: row.get("version")?, labels };
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
            })
            .await
    }
}

pub(super) fn retired(conn: &Connection) -> Result<Vec<Retired>> {
    let mut statement = conn.prepare_cached(RETIRED)?;
    let rows = statement.query_map([], |row| {
        Ok(Retired { hardware: DeviceId::from_bytes(row.get("hardware")?), device: row.get("device")? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

const SWAPS: &str = "SELECT at, hardware, heard_at FROM swap WHERE device = :no ORDER BY at";
const SINCE: &str = "SELECT device, MAX(heard_at) AS since FROM swap WHERE heard_at IS NOT NULL GROUP BY device";
const RETIRED: &str = "SELECT hardware, device FROM retired";
const ONE_RETIRED: &str =
    "SELECT key, model, version, handshake_counter FROM retired WHERE hardware = :hardware AND key IS NOT NULL";
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
const IS_RETIRED: &str = "SELECT EXISTS (SELECT 1 FROM retired WHERE hardware = :hardware)";
const KEY: &str = "UPDATE device SET key = :key, model = :model, version = :version, address = :address,
    handshake_counter = :counter WHERE no = :no";
const KEYLESS: &str = "UPDATE device SET key = :key, name = :name WHERE no = :no";
/// What belongs to the hardware of a device, in one table each.
const OF_HARDWARE: [&str; 4] = [
    "DELETE FROM numbering WHERE device = :no",
    "DELETE FROM receive_window WHERE device = :no",
    "DELETE FROM claim WHERE device = :no",
    "DELETE FROM ledger_told WHERE device = :no",
];
/// Its own numbers of sensors; those that the hub gave stay.
const CLAIM: &str = "INSERT INTO claim (device, start, refused, holder, other, since_at)
    SELECT :no, start, refused, holder, other, since_at FROM claim WHERE device = :from";
const TOLD: &str = "INSERT INTO ledger_told (device, epoch, number, holds_from, told_at)
    SELECT :no, epoch, number, holds_from, told_at FROM ledger_told WHERE device = :from";

/// Whether hardware was replaced.
pub(in crate::store) fn is_retired(conn: &Connection, hardware: DeviceId) -> Result<bool> {
    let hardware = named_params! { ":hardware": hardware.as_bytes() };
    Ok(conn.prepare_cached(IS_RETIRED)?.query_row(hardware, |row| row.get(0))?)
}

/// What belongs to the old hardware goes; it is remembered, and what comes in its place is no longer.
fn begin_anew(scope: &mut Scope<'_>, device: &Device, new: &NewDevice, heard: Option<UnixMillis>) -> Result<()> {
    let (conn, no, was) = (scope.conn, device.no, id_of(&device.key));
    for delete in OF_HARDWARE {
        conn.prepare_cached(delete)?.execute(named_params! { ":no": no })?;
    }
    forget_numbers(conn, no)?;
    scope.own.changes.push(Change::Renumber(no, Numbering::FIRST));
    scope.own.anew.insert(no);
    conn.prepare_cached(SWAPPED)?.execute(named_params! {
        ":no": no, ":at": new.at.0, ":hardware": was.as_bytes(), ":heard": heard.map(|at| at.0),
    })?;
    conn.prepare_cached(FEWER_SWAPS)?.execute(named_params! { ":no": no, ":kept": KEPT })?;
    conn.prepare_cached(RETIRE)?.execute(named_params! {
        ":hardware": was.as_bytes(),
        ":no": no,
        ":at": new.at.0,
        ":key": device.has_key().then_some(device.key.0),
        ":model": device.model,
        ":version": device.version,
        ":counter": signed(device.handshake_counter),
    })?;
    conn.prepare_cached(TAKE_UP)?.execute(named_params! { ":hardware": id_of(&new.key).as_bytes() })?;
    conn.prepare_cached(FEWER_RETIRED)?.execute(named_params! { ":no": no, ":kept": KEPT })?;
    Ok(())
}

/// What belongs to the new hardware comes along from the device that it was: what is stored there is not taken again.
fn move_in(scope: &mut Scope<'_>, from: DeviceNo, no: DeviceNo) -> Result<()> {
    let of_from = |windows: &Windows| -> Windows {
        let of_from = windows.iter().filter(|((device, _), _)| *device == from);
        of_from.map(|((_, epoch), window)| ((no, *epoch), window.clone())).collect()
    };
    let mut windows = of_from(&scope.memory.windows());
    windows.extend(of_from(&scope.group.windows));
    for (key, known) in windows {
        windows::save(scope.conn, key, &known)?;
        scope.own.windows.insert(key, known);
    }
    for copy in [CLAIM, TOLD] {
        scope.conn.prepare_cached(copy)?.execute(named_params! { ":no": no, ":from": from })?;
    }
    Ok(())
}

/// The device that the new hardware was until now keeps its readings under a name that says so.
fn leave(scope: &mut Scope<'_>, no: DeviceNo, device: &Device) -> Result<Device> {
    let was = read(scope.conn, no)?;
    let mut wish = format!("{} before it replaced {}", was.name, device.name);
    wish.truncate(wish.floor_char_boundary(NAME));
    let name = free_name(scope.conn, &wish, was.id)?;
    let params = named_params! { ":no": no, ":key": no_key(was.id).0, ":name": name };
    scope.conn.prepare_cached(KEYLESS)?.execute(params)?;
    changed(scope, no)
}
