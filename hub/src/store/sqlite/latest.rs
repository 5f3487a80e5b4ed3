//! What a start puts into the head: the newest point of each series, and the journal rows that are not in blocks; and into
//! the receive windows: what all journal rows say.
//!
//! `latest` is saved with each cut for the device's series, so it stands for everything in blocks, and the rows behind
//! the cut complete it: the newest point of a sensor that fell silent a year ago is still right. A start reads the
//! journal once, in order, and nothing else grows with the data.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use wire::Inserted;
use wire::batch::Rows;

use super::journal;
use crate::model::catalog::Catalog;
use crate::model::reading::{Batch, BatchId, Digest, Point, SeriesId};
use crate::model::{BatchSeq, Epoch, Lane, UnixMillis, numbering};
use crate::store::error::Result;
use crate::store::head::Head;
use crate::store::head::fresh::decode;
use crate::store::memory::{Memory, Unsaved};
use crate::store::sqlite::column::unsigned;
use crate::store::sqlite::row_sum;
use crate::store::write::inbox::Scope;

const SAVE: &str = "INSERT INTO latest (series, at, value, crc) VALUES (:series, :at, :value, :crc)
    ON CONFLICT (series) DO UPDATE SET at = excluded.at, value = excluded.value, crc = excluded.crc";

/// Saves the newest points of some series.
pub(in crate::store) fn save(conn: &Connection, head: &Head, series: &[SeriesId]) -> Result<()> {
    let mut save = conn.prepare_cached(SAVE)?;
    for (series, point) in series.iter().filter_map(|series| Some((series, head.latest(*series)?))) {
        let crc = sum(*series, point);
        save.execute(named_params! { ":series": series, ":at": point.at.0, ":value": point.value, ":crc": crc })?;
    }
    Ok(())
}

const SAVED: &str = "SELECT at FROM latest WHERE series = :series";

/// Saves the newest points of a head that is not the hub's, where nothing newer is known.
pub(in crate::store) fn save_newer(scope: &mut Scope<'_>, head: &Head, series: &[SeriesId]) -> Result<()> {
    for &series in series {
        let Some(point) = head.latest(series) else { continue };
        let saved: Option<i64> = scope
            .conn
            .prepare_cached(SAVED)?
            .query_row(named_params! { ":series": series }, |row| row.get(0))
            .optional()?;
        let known = scope.memory.head().latest(series).is_some_and(|known| known.at >= point.at);
        if !known && saved.is_none_or(|at| at < point.at.0) {
            save(scope.conn, head, &[series])?;
            scope.own.newest.push((series, point));
        }
    }
    Ok(())
}

fn sum(series: SeriesId, point: Point) -> i64 {
    row_sum::of(&[ValueRef::Integer(series.0.into()), ValueRef::Integer(point.at.0), ValueRef::Real(point.value)])
}

const LATEST: &str = "SELECT series, at, value, crc FROM latest";
const REACH: &str = "SELECT device, MAX(end_at) AS end_at FROM times GROUP BY device";
const ROLLED: &str = "SELECT device, rolled_to FROM cut WHERE rolled_to IS NOT NULL";
const JOURNAL: &str = "SELECT id, journal.device AS device, epoch, seq, lane, received_at, payload, journal.crc AS crc,
    journal.id <= COALESCE(cut.row, 0) AS in_blocks
    FROM journal LEFT JOIN cut ON cut.device = journal.device ORDER BY id";

/// Fills the head at start, and completes the receive windows; returns those that grew. The catalog must be there already,
/// and the windows as they were saved.
pub(in crate::store) fn rebuild(conn: &Connection, memory: &Memory) -> Result<Unsaved> {
    let catalog = memory.catalog();
    let (mut head, mut windows, mut digests) = (memory.head_mut(), memory.windows_mut(), memory.digests_mut());
    refresh(conn, &mut head)?;
    let (mut decoded, mut grown) = (Rows::default(), Unsaved::new());
    let mut statement = conn.prepare(JOURNAL)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, device) = (row.get("id")?, row.get("device")?);
        let (epoch, payload) = (Epoch(row.get("epoch")?), row.get_ref("payload")?.as_blob().unwrap_or_default());
        if row.get::<_, Option<i64>>("crc")?.is_some_and(|crc| crc != journal::sum(id, device, epoch, payload)) {
            tracing::warn!(row = id, "journal row {id} is damaged and left out");
            continue;
        }
        if catalog.device(device).is_none() {
            continue;
        }
        let batch_id = BatchId { device, epoch, seq: BatchSeq(unsigned(row.get("seq")?)) };
        // What the hub sends itself has no window: nobody sends it again.
        if !numbering::is_own(epoch)
            && windows.entry((device, epoch)).or_default().insert(batch_id.seq) == Inserted::New
        {
            grown.insert((device, epoch));
        }
        if !numbering::is_own(epoch) {
            digests.entry(device).or_default().push((epoch, batch_id.seq, Digest::of(payload)));
        }
        if !row.get::<_, bool>("in_blocks")? && decode(id, epoch, payload, &mut decoded) {
            head.add(id, &batch(&catalog, row, batch_id, &decoded)?);
        }
    }
    Ok(grown)
}

/// Takes in what is saved beside the journal; also what a command beside the hub saved.
pub(in crate::store) fn refresh(conn: &Connection, head: &mut Head) -> Result<()> {
    let mut statement = conn.prepare(LATEST)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (series, crc): (SeriesId, Option<i64>) = (row.get("series")?, row.get("crc")?);
        let point = Point { at: UnixMillis(row.get("at")?), value: row.get("value")? };
        if crc.is_some_and(|crc| crc != sum(series, point)) {
            tracing::warn!(series = series.0, "the newest value of series {} is damaged and left out", series.0);
            continue;
        }
        head.offer_latest(series, point);
    }
    let mut statement = conn.prepare(REACH)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        head.blocks_reach(row.get("device")?, UnixMillis(row.get("end_at")?));
    }
    let mut statement = conn.prepare(ROLLED)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        head.blocks_reach(row.get("device")?, UnixMillis(row.get("rolled_to")?));
    }
    Ok(())
}

/// The batch of a row, of which the payload is decoded already.
fn batch(catalog: &Catalog, row: &Row<'_>, id: BatchId, decoded: &Rows) -> Result<Batch> {
    let numbers = catalog.sensor_numbers(id.device);
    let mut batch = Batch {
        id,
        lane: if row.get::<_, i64>("lane")? == 0 { Lane::Live } else { Lane::Recovered },
        received_at: UnixMillis(row.get("received_at")?),
        payload: row.get("payload")?,
        series: Vec::with_capacity(decoded.len()),
        at: Vec::with_capacity(decoded.len()),
        value: Vec::with_capacity(decoded.len()),
    };
    for reading in decoded.iter() {
        if let Some(&series) = numbers.get(usize::from(reading.sensor.0)) {
            batch.series.push(series);
            batch.at.push(reading.at);
            batch.value.push(reading.value);
        }
    }
    Ok(batch)
}
