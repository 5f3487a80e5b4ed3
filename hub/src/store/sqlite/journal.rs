//! The journal: one row a batch, as received, appended in the order of commits. It makes the acknowledgement true.
//!
//! ```text
//!   [ in blocks: swept in runs ..... ][ mixed: some devices' are in blocks ][ not yet in blocks ] newest
//! ```
//!
//! Readings stay here until they are in blocks; `cut` says how far each device is. Rows that count no longer are deleted
//! in the order they came, a run at a time: deleting device by device would write every page once a device. Only a start
//! reads the journal; whatever it holds that is not in blocks is in the [`head`](crate::store::head) as well. What its rows say of
//! themselves completes the receive windows, which are saved before a sweep ([`windows`](super::windows)).

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OptionalExtension, named_params, params};

use crate::model::device::DeviceNo;
use crate::model::reading::Batch;
use crate::model::{Epoch, Lane, numbering};
use crate::store::error::Result;
use crate::store::sqlite::column::signed;
use crate::store::sqlite::row_sum;

/// Rows a sweep looks at in one transaction: some milliseconds.
const SWEEP_ROWS: i64 = 4096;

/// Parameters by place: their names would be looked up for each of a hundred thousand rows a second.
const APPEND: &str = "INSERT INTO journal (id, device, epoch, seq, lane, received_at, payload, crc)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// What appends batches, prepared once a commit.
pub(in crate::store) fn appending(conn: &Connection) -> Result<CachedStatement<'_>> {
    Ok(conn.prepare_cached(APPEND)?)
}

/// Appends a batch that has readings.
pub(in crate::store) fn append(append: &mut CachedStatement<'_>, row: i64, batch: &Batch) -> Result<()> {
    append.execute(params![
        row,
        batch.id.device,
        batch.id.epoch.0,
        signed(batch.id.seq.0),
        match batch.lane {
            Lane::Live => 0,
            Lane::Recovered => 1,
        },
        batch.received_at.0,
        batch.payload,
        sum(row, batch.id.device, batch.id.epoch, &batch.payload),
    ])?;
    Ok(())
}

/// Sum of what places readings, and of the readings. An epoch of the hub's own says which sensors they are of.
pub(in crate::store) fn sum(row: i64, device: DeviceNo, epoch: Epoch, payload: &[u8]) -> i64 {
    let whole = ValueRef::Integer;
    let values = [whole(row), whole(device.0.into()), ValueRef::Blob(payload), whole(epoch.0.into())];
    row_sum::of(if numbering::is_own(epoch) { &values } else { &values[..3] })
}

const NEXT_ROW: &str = "SELECT 1 + MAX(COALESCE((SELECT MAX(id) FROM journal), 0),
    COALESCE((SELECT MAX(row) FROM cut), 0), latest_as_of) FROM progress";

/// Number of the next row. Never one that a cut covers, also when the newest rows were deleted.
pub(in crate::store) fn next_row(conn: &Connection) -> Result<i64> {
    Ok(conn.query_row(NEXT_ROW, [], |row| row.get(0))?)
}

const CUT: &str = "INSERT INTO cut (device, row) VALUES (:device, :row)
    ON CONFLICT (device) DO UPDATE SET row = MAX(row, excluded.row)";

/// Says that the device's rows up to `row` are in blocks.
pub(in crate::store) fn cut(conn: &Connection, device: DeviceNo, row: i64) -> Result<()> {
    conn.prepare_cached(CUT)?.execute(named_params! { ":device": device, ":row": row })?;
    Ok(())
}

const RUN_END: &str = "SELECT id FROM journal WHERE id >= :from ORDER BY id LIMIT 1 OFFSET :rows";
/// Rows of devices that are gone count as little as those in blocks.
const SWEEP: &str = "DELETE FROM journal WHERE id >= :from AND id < :to
    AND id <= COALESCE((SELECT cut.row FROM cut WHERE cut.device = journal.device), 0)";
const SWEEP_GONE: &str = "DELETE FROM journal WHERE id >= :from AND id < :to
    AND device NOT IN (SELECT no FROM device)";

/// Deletes what counts no longer of the run that begins at `from`; returns how many, and where the next run begins.
pub(in crate::store) fn sweep(conn: &Connection, from: i64) -> Result<(usize, Option<i64>)> {
    let params = named_params! { ":from": from, ":rows": SWEEP_ROWS };
    let next: Option<i64> = conn.prepare_cached(RUN_END)?.query_row(params, |row| row.get(0)).optional()?;
    let params = named_params! { ":from": from, ":to": next.unwrap_or(i64::MAX) };
    let in_blocks = conn.prepare_cached(SWEEP)?.execute(params)?;
    let gone = conn.prepare_cached(SWEEP_GONE)?.execute(params)?;
    Ok((in_blocks + gone, next))
}

const DELETE: &str = "DELETE FROM journal WHERE id = :id";

/// Deletes rows by number; returns how many there were.
pub(in crate::store) fn delete(conn: &Connection, rows: &[i64]) -> Result<usize> {
    let mut delete = conn.prepare_cached(DELETE)?;
    let mut deleted = 0;
    for id in rows {
        deleted += delete.execute(named_params! { ":id": id })?;
    }
    Ok(deleted)
}
