//! Where a device's rollups stand: how far they hold what raw readings no longer do.

use rusqlite::{Connection, OptionalExtension, named_params};

use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::store::error::Result;

/// Where a device has rollups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::store) struct Rolled {
    /// They hold readings before this moment only; `None` when there are none.
    pub(in crate::store) to: Option<UnixMillis>,
    /// Before this moment only hours hold all of them.
    pub(in crate::store) minutes_from: Option<UnixMillis>,
}

const BEGIN: &str = "INSERT INTO cut (device, row, rolled_to, minutes_from) VALUES (:device, 0, :to, :minutes_from)
    ON CONFLICT (device) DO UPDATE SET rolled_to = MAX(COALESCE(rolled_to, excluded.rolled_to), excluded.rolled_to),
    minutes_from = COALESCE(MAX(minutes_from, excluded.minutes_from), minutes_from, excluded.minutes_from)";

/// Says that a device has rollups, also where nothing was cut yet.
pub(in crate::store) fn begin(conn: &Connection, device: DeviceNo, rolled: Rolled) -> Result<()> {
    conn.prepare_cached(BEGIN)?.execute(named_params! {
        ":device": device,
        ":to": rolled.to.map(|moment| moment.0),
        ":minutes_from": rolled.minutes_from.map(|moment| moment.0),
    })?;
    Ok(())
}

const ROLLED: &str = "SELECT rolled_to, minutes_from FROM cut WHERE device = :device";

/// Where a device has rollups.
pub(in crate::store) fn of(conn: &Connection, device: DeviceNo) -> Result<Rolled> {
    let found = conn.prepare_cached(ROLLED)?.query_row(named_params! { ":device": device }, |row| {
        let moment = |at| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.map(UnixMillis));
        Ok(Rolled { to: moment(0)?, minutes_from: moment(1)? })
    });
    Ok(found.optional()?.unwrap_or_default())
}

const ANY: &str = "SELECT EXISTS (SELECT 1 FROM cut WHERE rolled_to > :from)";

/// Whether any device has rollups of readings at or after a moment.
pub(in crate::store) fn any_from(conn: &Connection, from: UnixMillis) -> Result<bool> {
    Ok(conn.prepare_cached(ANY)?.query_row(named_params! { ":from": from.0 }, |row| row.get(0))?)
}

const BESIDE: &str = "SELECT beside FROM progress";

/// A number that changes when a command beside the hub has written, rollups perhaps.
pub(in crate::store) fn writes_beside(conn: &Connection) -> Result<i64> {
    Ok(conn.prepare_cached(BESIDE)?.query_row([], |row| row.get(0))?)
}
