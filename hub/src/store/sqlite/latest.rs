//! The newest point of each series, saved with the cut of its device; and how far blocks and rollups of a device reach.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, named_params};

use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::{Point, SeriesId};
use crate::store::error::Result;
use crate::store::sqlite::row_sum;

const SAVE: &str = "INSERT INTO latest (series, at, value, crc) VALUES (:series, :at, :value, :crc)
    ON CONFLICT (series) DO UPDATE SET at = excluded.at, value = excluded.value, crc = excluded.crc";

/// Saves newest points.
pub(super) fn save(conn: &Connection, points: &[(SeriesId, Point)]) -> Result<()> {
    let mut save = conn.prepare_cached(SAVE)?;
    for (series, point) in points {
        let crc = sum(*series, *point);
        save.execute(named_params! { ":series": series, ":at": point.at.0, ":value": point.value, ":crc": crc })?;
    }
    Ok(())
}

const SAVED: &str = "SELECT at FROM latest WHERE series = :series";

/// The time of the newest point that is saved of a series.
pub(super) fn of(conn: &Connection, series: SeriesId) -> Result<Option<UnixMillis>> {
    let saved = conn.prepare_cached(SAVED)?.query_row(named_params! { ":series": series }, |row| row.get(0));
    Ok(saved.optional()?.map(UnixMillis))
}

fn sum(series: SeriesId, point: Point) -> i64 {
    row_sum::of(&[ValueRef::Integer(series.0.into()), ValueRef::Integer(point.at.0), ValueRef::Real(point.value)])
}

const LATEST: &str = "SELECT series, at, value, crc FROM latest";
const REACH: &str = "SELECT device, MAX(end_at) AS end_at FROM times GROUP BY device";
const ROLLED: &str = "SELECT device, rolled_to FROM cut WHERE rolled_to IS NOT NULL";

/// All that are saved and not damaged.
pub(super) fn load(conn: &Connection) -> Result<Vec<(SeriesId, Point)>> {
    let mut statement = conn.prepare(LATEST)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (series, crc): (SeriesId, Option<i64>) = (row.get("series")?, row.get("crc")?);
        let point = Point { at: UnixMillis(row.get("at")?), value: row.get("value")? };
        if crc.is_some_and(|crc| crc != sum(series, point)) {
            tracing::warn!(series = series.0, "the newest value of series {} is damaged and left out", series.0);
            continue;
        }
        found.push((series, point));
    }
    Ok(found)
}

/// How far blocks and rollups of each device reach.
pub(super) fn reaches(conn: &Connection) -> Result<Vec<(DeviceNo, UnixMillis)>> {
    let mut found = Vec::new();
    for sql in [REACH, ROLLED] {
        let mut statement = conn.prepare(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, UnixMillis(row.get(1)?))))?;
        for reach in rows {
            found.push(reach?);
        }
    }
    Ok(found)
}
