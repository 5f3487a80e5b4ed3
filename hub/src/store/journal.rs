//! The journal: one row a batch, as received, appended in the order of commits. All readings are in it.
//!
//! A query asks for a device and a time range. An index that begins with the device would do, and would touch a page of
//! its own for every batch of every device: measured, 32 bytes written for each byte of payload. So the index begins with
//! the segment, a run of rows in order of arrival: inserts stay within its few newest pages, and a query looks into each
//! segment whose time overlaps the range.
//!
//! ```text
//!   segment 0            segment 1            segment 2            rows in order of arrival
//!   a a a b c c c ..     a a b b b c ..       a b b c c ..         their index entries, by device, then time
//!   12:00 - 12:07        12:07 - 12:15        11:02 - 12:21        time covered (a late batch widens it)
//! ```

use rusqlite::{Connection, named_params};

use super::error::Result;
use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, SeriesId};
use crate::model::{Lane, UnixMillis};

/// Rows of a segment: ten pages of index, a hundred looks for a query over two hundred thousand batches.
const SEGMENT_ROWS: i64 = 2048;
/// Segments looked into at start to find where a device's older rows end; beyond them a bound will do.
const LOOK_BACK: usize = 16;

/// A stored reading, and the journal row it came in: of two at one time the higher row counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    pub(super) at: UnixMillis,
    pub(super) row: i64,
    pub(super) value: f64,
}

/// Which of a device's sensor numbers are asked for, and the column each goes to.
pub(super) struct Wanted(Vec<Option<usize>>);

impl Wanted {
    /// `numbers` are the series of the device's sensor numbers; `columns` the series asked for, in order.
    pub(super) fn new(numbers: &[SeriesId], columns: &[SeriesId]) -> Self {
        Self(numbers.iter().map(|number| columns.iter().position(|series| series == number)).collect())
    }
}

/// How much of a device's journal a range covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) rows: i64,
    pub(super) start: UnixMillis,
    pub(super) end: UnixMillis,
}

const APPEND: &str = "INSERT INTO journal
    (id, device, epoch, seq, lane, received_at, start_at, end_at, segment, count, payload)
    VALUES (:id, :device, :epoch, :seq, :lane, :received_at, :start_at, :end_at, :segment, :count, :payload)";

const WIDEN_SEGMENT: &str = "INSERT INTO segment (id, start_at, end_at) VALUES (:id, :start_at, :end_at)
    ON CONFLICT (id) DO UPDATE SET start_at = MIN(start_at, excluded.start_at), end_at = MAX(end_at, excluded.end_at)
    WHERE excluded.start_at < start_at OR excluded.end_at > end_at";

/// Appends a batch that has readings.
pub(super) fn append(conn: &Connection, row: i64, batch: &Batch) -> Result<()> {
    let (start, end) = batch.at.iter().fold((i64::MAX, i64::MIN), |(start, end), at| (start.min(at.0), end.max(at.0)));
    let segment = row / SEGMENT_ROWS;
    let covered = named_params! { ":id": segment, ":start_at": start, ":end_at": end };
    conn.prepare_cached(WIDEN_SEGMENT)?.execute(covered)?;
    conn.prepare_cached(APPEND)?.execute(named_params! {
        ":id": row,
        ":device": batch.id.device,
        ":epoch": batch.id.epoch.0,
        ":seq": super::column::signed(batch.id.seq.0),
        ":lane": match batch.lane { Lane::Live => 0, Lane::Recovered => 1 },
        ":received_at": batch.received_at.0,
        ":start_at": start,
        ":end_at": end,
        ":segment": segment,
        ":count": i64::try_from(batch.len()).unwrap_or(i64::MAX),
        ":payload": batch.payload,
    })?;
    Ok(())
}

const NEXT_ROW: &str = "SELECT 1 + MAX(COALESCE((SELECT MAX(id) FROM journal), 0), latest_as_of) FROM progress";

/// Number of the next row. Never one that `latest` has already seen, also when the newest rows were deleted.
pub(super) fn next_row(conn: &Connection) -> Result<i64> {
    Ok(conn.query_row(NEXT_ROW, [], |row| row.get(0))?)
}

/// CROSS JOIN: the segments first, which are few.
const OVERLAPPING: &str = "SELECT journal.id AS id, journal.payload AS payload FROM segment CROSS JOIN journal
    WHERE segment.end_at >= :from AND segment.start_at < :to
    AND journal.segment = segment.id AND journal.device = :device AND journal.end_at >= :from AND journal.start_at < :to";

/// Collects the wanted readings with `from <= at < to`, in no order, into one column a wanted series.
pub(super) fn collect(
    conn: &Connection,
    device: DeviceNo,
    (from, to): (UnixMillis, UnixMillis),
    wanted: &Wanted,
    columns: &mut [Vec<Sample>],
) -> Result<()> {
    let mut decoded = wire::batch::Rows::default();
    let mut statement = conn.prepare_cached(OVERLAPPING)?;
    let mut rows = statement.query(named_params! { ":device": device, ":from": from.0, ":to": to.0 })?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get("id")?;
        if !decode(id, row.get_ref("payload")?.as_blob().unwrap_or_default(), &mut decoded) {
            continue;
        }
        for reading in decoded.iter().filter(|reading| from <= reading.at && reading.at < to) {
            let column = wanted.0.get(usize::from(reading.sensor.0)).copied().flatten();
            if let Some(column) = column.and_then(|column| columns.get_mut(column)) {
                column.push(Sample { at: reading.at, row: id, value: reading.value });
            }
        }
    }
    Ok(())
}

/// Sorts samples by time and keeps the one of the highest row at each time.
pub(super) fn settle(samples: &mut Vec<Sample>) {
    // Stable and adaptive: what comes nearly sorted costs little, and within one row the later reading stays last.
    samples.sort_by_key(|sample| (sample.at, sample.row));
    let mut kept = 0;
    for index in 0..samples.len() {
        if kept > 0 && samples[kept - 1].at == samples[index].at {
            samples[kept - 1] = samples[index];
        } else {
            samples[kept] = samples[index];
            kept += 1;
        }
    }
    samples.truncate(kept);
}

const EXTENT: &str = "SELECT COUNT(*), MIN(journal.start_at), MAX(journal.end_at) FROM segment CROSS JOIN journal
    WHERE segment.end_at >= :from AND segment.start_at < :to
    AND journal.segment = segment.id AND journal.device = :device AND journal.end_at >= :from AND journal.start_at < :to";

/// Rows that overlap `[from, to)` and the time they cover; read from the index alone. `None` when there are none.
pub(super) fn extent(
    conn: &Connection,
    device: DeviceNo,
    (from, to): (UnixMillis, UnixMillis),
) -> Result<Option<Extent>> {
    let params = named_params! { ":device": device, ":from": from.0, ":to": to.0 };
    Ok(conn.prepare_cached(EXTENT)?.query_row(params, |row| {
        let (start, end): (Option<i64>, Option<i64>) = (row.get(1)?, row.get(2)?);
        let rows = row.get(0)?;
        Ok(start.zip(end).map(|(start, end)| Extent { rows, start: UnixMillis(start), end: UnixMillis(end) }))
    })?)
}

const SEGMENTS_FROM: &str = "SELECT id, start_at FROM segment WHERE end_at >= :from ORDER BY start_at";
const FIRST_START: &str =
    "SELECT MIN(start_at) FROM journal WHERE segment = :segment AND device = :device AND end_at >= :from";

/// When the device's readings at or after `from` begin; `from` itself when a batch reaches over it.
pub(super) fn next_start(conn: &Connection, device: DeviceNo, from: UnixMillis) -> Result<Option<UnixMillis>> {
    let mut first: Option<i64> = None;
    let mut segments = conn.prepare_cached(SEGMENTS_FROM)?;
    let mut first_start = conn.prepare_cached(FIRST_START)?;
    let mut rows = segments.query(named_params! { ":from": from.0 })?;
    while let Some(row) = rows.next()? {
        let (segment, begins): (i64, i64) = (row.get(0)?, row.get(1)?);
        if first.is_some_and(|first| first <= begins.max(from.0)) {
            break;
        }
        let params = named_params! { ":segment": segment, ":device": device, ":from": from.0 };
        let found: Option<i64> = first_start.query_row(params, |row| row.get(0))?;
        first = [first, found].into_iter().flatten().min();
    }
    Ok(first.map(|first| from.max(UnixMillis(first))))
}

const SEGMENTS_BEFORE: &str = "SELECT id, end_at FROM segment WHERE id <= :last ORDER BY end_at DESC";
const LAST_END: &str = "SELECT MAX(end_at) FROM journal WHERE segment = :segment AND device = :device AND id < :first";

/// A moment after which the device has no readings in rows before `first`; `None` when it has none there at all.
pub(super) fn bound_before(conn: &Connection, device: DeviceNo, first: i64) -> Result<Option<UnixMillis>> {
    let mut newest: Option<i64> = None;
    let mut segments = conn.prepare_cached(SEGMENTS_BEFORE)?;
    let mut last_end = conn.prepare_cached(LAST_END)?;
    let mut rows = segments.query(named_params! { ":last": (first - 1) / SEGMENT_ROWS })?;
    let mut looked = 0;
    while let Some(row) = rows.next()? {
        let (segment, ends): (i64, i64) = (row.get(0)?, row.get(1)?);
        if newest.is_some_and(|newest| newest >= ends) {
            break;
        }
        if looked == LOOK_BACK {
            newest = Some(ends);
            break;
        }
        looked += 1;
        let params = named_params! { ":segment": segment, ":device": device, ":first": first };
        newest = newest.max(last_end.query_row(params, |row| row.get(0))?);
    }
    Ok(newest.map(UnixMillis))
}

/// Decodes a payload; `false` when it is damaged, which is said once a row and never stops a query.
pub(super) fn decode(row: i64, payload: &[u8], rows: &mut wire::batch::Rows) -> bool {
    rows.clear();
    let decoded = wire::batch::decode(payload, rows);
    if let Err(error) = decoded {
        tracing::warn!(row, %error, "journal row {row} is damaged and skipped: {error}");
    }
    decoded.is_ok()
}

const DELETE_SOME: &str = "DELETE FROM journal WHERE id IN (
    SELECT journal.id FROM segment CROSS JOIN journal
    WHERE journal.segment = segment.id AND journal.device = :device LIMIT :at_most)";

/// Deletes up to `at_most` rows of a device; returns how many.
pub(super) fn delete_some(conn: &Connection, device: DeviceNo, at_most: i64) -> Result<usize> {
    Ok(conn.prepare_cached(DELETE_SOME)?.execute(named_params! { ":device": device, ":at_most": at_most })?)
}
