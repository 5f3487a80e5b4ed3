//! What survives of the head: the newest point of each series, saved now and then, and the tail of the journal.
//!
//! ```text
//!   journal rows ........................│..................│ newest
//!                    latest is saved up to here (as_of)     │
//!                                  │ the head is filled from here (bounded work)
//! ```
//!
//! Because `latest` is saved with the journal row it stands for, the rows behind it complete it: a start reads the tail
//! of the journal and nothing else, and the newest point of a sensor that fell silent a year ago is still right.

use rusqlite::{Connection, named_params};

use super::error::Result;
use super::head::Head;
use super::journal;
use super::memory::Memory;
use crate::model::UnixMillis;
use crate::model::reading::{Point, SeriesId};

/// Journal bytes after which the latest points are saved: bounds what a start must read, at a few rows a minute.
pub(super) const SAVE_EVERY: usize = 16 << 20;
/// Most payload a start reads to fill the head.
const TAIL_BYTES: i64 = 64 << 20;
/// Readings a start decodes to fill the head: enough for the head's budget twice over.
const TAIL_READINGS: i64 = 4 << 20;

const SAVE: &str = "INSERT INTO latest (series, at, value) VALUES (:series, :at, :value)
    ON CONFLICT (series) DO UPDATE SET at = excluded.at, value = excluded.value";
const SAVE_AS_OF: &str = "UPDATE progress SET latest_as_of = :as_of";

/// Saves the latest points that changed; `as_of` is the newest journal row the head has seen.
pub(super) fn save(conn: &Connection, head: &Head, as_of: i64) -> Result<()> {
    let mut save = conn.prepare_cached(SAVE)?;
    for (series, point) in head.unsaved() {
        save.execute(named_params! { ":series": series, ":at": point.at.0, ":value": point.value })?;
    }
    conn.execute(SAVE_AS_OF, named_params! { ":as_of": as_of })?;
    Ok(())
}

const LATEST: &str = "SELECT series, at, value FROM latest";
const AS_OF: &str = "SELECT latest_as_of FROM progress";
const NEWEST_FIRST: &str = "SELECT id, length(payload) AS size, count FROM journal ORDER BY id DESC";
const TAIL: &str = "SELECT id, device, payload FROM journal WHERE id >= :first ORDER BY id";

/// Fills the head at start. The catalog must be there already.
pub(super) fn rebuild(conn: &Connection, memory: &Memory) -> Result<()> {
    let catalog = memory.catalog();
    let mut head = memory.head_mut();
    let mut statement = conn.prepare(LATEST)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        head.restore_latest(row.get("series")?, Point { at: UnixMillis(row.get("at")?), value: row.get("value")? });
    }
    let as_of: i64 = conn.query_row(AS_OF, [], |row| row.get(0))?;
    let first = tail_start(conn)?.min(as_of + 1);
    for device in catalog.devices() {
        if let Some(floor) = journal::bound_before(conn, device.no, first)? {
            catalog.series_of(device.no).for_each(|series| head.raise_floor(series.id, floor));
        }
    }
    let mut decoded = wire::batch::Rows::default();
    let mut statement = conn.prepare(TAIL)?;
    let mut rows = statement.query(named_params! { ":first": first })?;
    while let Some(row) = rows.next()? {
        let numbers: &[SeriesId] = catalog.sensor_numbers(row.get("device")?);
        if journal::decode(row.get("id")?, row.get_ref("payload")?.as_blob().unwrap_or_default(), &mut decoded) {
            for reading in decoded.iter() {
                if let Some(&series) = numbers.get(usize::from(reading.sensor.0)) {
                    head.insert(series, Point { at: reading.at, value: reading.value });
                }
            }
        }
    }
    Ok(())
}

/// First row of the tail that fills the head.
fn tail_start(conn: &Connection) -> Result<i64> {
    let (mut bytes, mut readings) = (0, 0);
    let mut statement = conn.prepare(NEWEST_FIRST)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        bytes += row.get::<_, i64>("size")?;
        readings += row.get::<_, i64>("count")?;
        if bytes >= TAIL_BYTES || readings >= TAIL_READINGS {
            return Ok(row.get("id")?);
        }
    }
    Ok(1)
}
