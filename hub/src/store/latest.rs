//! What a start puts into the head: the newest point of each series, and the journal rows that are not in blocks.
//!
//! `latest` is saved with each cut for the device's series, so it stands for everything in blocks, and the rows behind
//! the cut complete it: the newest point of a sensor that fell silent a year ago is still right. A start reads the
//! journal once, in order, and nothing else grows with the data.

use rusqlite::{Connection, named_params};

use super::error::Result;
use super::head::Head;
use super::memory::Memory;
use super::{column, journal};
use crate::model::catalog::Catalog;
use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, BatchId, Point, SeriesId};
use crate::model::{BatchSeq, Epoch, Lane, UnixMillis};

const SAVE: &str = "INSERT INTO latest (series, at, value) VALUES (:series, :at, :value)
    ON CONFLICT (series) DO UPDATE SET at = excluded.at, value = excluded.value";

/// Saves the newest points of some series.
pub(super) fn save(conn: &Connection, head: &Head, series: &[SeriesId]) -> Result<()> {
    let mut save = conn.prepare_cached(SAVE)?;
    for (series, point) in series.iter().filter_map(|series| Some((series, head.latest(*series)?))) {
        save.execute(named_params! { ":series": series, ":at": point.at.0, ":value": point.value })?;
    }
    Ok(())
}

const LATEST: &str = "SELECT series, at, value FROM latest";
const REACH: &str = "SELECT device, MAX(end_at) AS end_at FROM times GROUP BY device";
const RAW_FROM: &str = "SELECT device, raw_from FROM cut WHERE raw_from IS NOT NULL";
const NOT_IN_BLOCKS: &str = "SELECT id, journal.device AS device, epoch, seq, lane, received_at, payload FROM journal
    LEFT JOIN cut ON cut.device = journal.device WHERE journal.id > COALESCE(cut.row, 0) ORDER BY id";

/// Fills the head at start. The catalog must be there already.
pub(super) fn rebuild(conn: &Connection, memory: &Memory) -> Result<()> {
    let catalog = memory.catalog();
    let mut head = memory.head_mut();
    let mut statement = conn.prepare(LATEST)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        head.restore_latest(row.get("series")?, Point { at: UnixMillis(row.get("at")?), value: row.get("value")? });
    }
    let mut statement = conn.prepare(REACH)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        head.blocks_reach(row.get("device")?, UnixMillis(row.get("end_at")?));
    }
    let mut statement = conn.prepare(RAW_FROM)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        head.raw_from(row.get("device")?, UnixMillis(row.get("raw_from")?));
    }
    let mut decoded = wire::batch::Rows::default();
    let mut statement = conn.prepare(NOT_IN_BLOCKS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, device) = (row.get("id")?, row.get("device")?);
        if let Some(batch) = batch(&catalog, row, id, device, &mut decoded)? {
            head.add(id, &batch);
        }
    }
    Ok(())
}

/// The batch of a row; `None` when it is damaged or its device is gone.
fn batch(
    catalog: &Catalog,
    row: &rusqlite::Row<'_>,
    id: i64,
    device: DeviceNo,
    decoded: &mut wire::batch::Rows,
) -> Result<Option<Batch>> {
    let payload: Vec<u8> = row.get("payload")?;
    if catalog.device(device).is_none() || !journal::decode(id, &payload, decoded) {
        return Ok(None);
    }
    let numbers = catalog.sensor_numbers(device);
    let mut batch = Batch {
        id: BatchId { device, epoch: Epoch(row.get("epoch")?), seq: BatchSeq(column::unsigned(row.get("seq")?)) },
        lane: if row.get::<_, i64>("lane")? == 0 { Lane::Live } else { Lane::Recovered },
        received_at: UnixMillis(row.get("received_at")?),
        payload,
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
    Ok(Some(batch))
}
