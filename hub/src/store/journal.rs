//! The journal: one row a batch, as received, appended in the order of commits. All readings are in it.
//!
//! A query asks for a device and a time range. Most batches span seconds, a few (slow sensors, spooled data) span days;
//! an index on one end alone would make every look into the past read all that came after it. So rows carry a width
//! class, and the range is asked once a class, each with a bound on both sides:
//!
//! ```text
//!   overlaps [from, to)  ⇔  end_at >= from  and  start_at < to      and  start_at >= end_at - width  bounds end_at above
//! ```

use rusqlite::{Connection, named_params};

use super::error::Result;
use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, SeriesId};
use crate::model::{Lane, UnixMillis};

/// Longest span of each width class, in milliseconds.
const WIDTHS: [i64; 4] = [60_000, 3_600_000, 86_400_000, i64::MAX];

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
    (id, device, epoch, seq, lane, received_at, start_at, end_at, width, count, payload)
    VALUES (:id, :device, :epoch, :seq, :lane, :received_at, :start_at, :end_at, :width, :count, :payload)";

/// Appends a batch that has readings.
pub(super) fn append(conn: &Connection, row: i64, batch: &Batch) -> Result<()> {
    let (start, end) = batch.at.iter().fold((i64::MAX, i64::MIN), |(start, end), at| (start.min(at.0), end.max(at.0)));
    conn.prepare_cached(APPEND)?.execute(named_params! {
        ":id": row,
        ":device": batch.id.device,
        ":epoch": batch.id.epoch.0,
        ":seq": super::column::signed(batch.id.seq.0),
        ":lane": match batch.lane { Lane::Live => 0, Lane::Recovered => 1 },
        ":received_at": batch.received_at.0,
        ":start_at": start,
        ":end_at": end,
        ":width": width_class(end.saturating_sub(start)),
        ":count": i64::try_from(batch.len()).unwrap_or(i64::MAX),
        ":payload": batch.payload,
    })?;
    Ok(())
}

fn width_class(span: i64) -> i64 {
    WIDTHS.iter().zip(0..).find(|&(widest, _)| span <= *widest).map_or(0, |(_, class)| class)
}

const NEXT_ROW: &str = "SELECT 1 + MAX(COALESCE((SELECT MAX(id) FROM journal), 0), latest_as_of) FROM progress";

/// Number of the next row. Never one that `latest` has already seen, also when the newest rows were deleted.
pub(super) fn next_row(conn: &Connection) -> Result<i64> {
    Ok(conn.query_row(NEXT_ROW, [], |row| row.get(0))?)
}

const OVERLAPPING: &str = "SELECT id, payload FROM journal
    WHERE device = :device AND width = :width AND end_at >= :from AND end_at < :end_before AND start_at < :to";

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
    for (widest, class) in WIDTHS.iter().zip(0_i64..) {
        let mut rows = statement.query(named_params! {
            ":device": device,
            ":width": class,
            ":from": from.0,
            ":end_before": to.0.saturating_add(*widest),
            ":to": to.0,
        })?;
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

const EXTENT: &str = "SELECT COUNT(*), MIN(start_at), MAX(end_at) FROM journal
    WHERE device = :device AND width = :width AND end_at >= :from AND end_at < :end_before AND start_at < :to";

/// Rows that overlap `[from, to)` and the time they cover; read from the index alone. `None` when there are none.
pub(super) fn extent(
    conn: &Connection,
    device: DeviceNo,
    (from, to): (UnixMillis, UnixMillis),
) -> Result<Option<Extent>> {
    let mut statement = conn.prepare_cached(EXTENT)?;
    let mut all: Option<Extent> = None;
    for (widest, class) in WIDTHS.iter().zip(0_i64..) {
        let part = statement.query_row(
            named_params! {
                ":device": device,
                ":width": class,
                ":from": from.0,
                ":end_before": to.0.saturating_add(*widest),
                ":to": to.0,
            },
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i64>>(2)?)),
        )?;
        if let (rows, Some(start), Some(end)) = part {
            let so_far = all.unwrap_or(Extent { rows: 0, start: UnixMillis(start), end: UnixMillis(end) });
            all = Some(Extent {
                rows: so_far.rows + rows,
                start: so_far.start.min(UnixMillis(start)),
                end: so_far.end.max(UnixMillis(end)),
            });
        }
    }
    Ok(all)
}

const FIRST_END: &str = "SELECT MIN(end_at) FROM journal WHERE device = :device AND width = :width AND end_at >= :from";
const FIRST_START: &str =
    "SELECT MIN(start_at) FROM journal WHERE device = :device AND width = :width AND end_at >= :from";

/// A moment from `from` on before which the device has no readings; `None` when it has none at all after `from`.
pub(super) fn next_start(conn: &Connection, device: DeviceNo, from: UnixMillis) -> Result<Option<UnixMillis>> {
    let mut first: Option<i64> = None;
    for (widest, class) in WIDTHS.iter().zip(0_i64..) {
        // The widest class has no bound, so its few rows are looked at one by one, in the index.
        let (sql, back) = if *widest == i64::MAX { (FIRST_START, 0) } else { (FIRST_END, *widest) };
        let params = named_params! { ":device": device, ":width": class, ":from": from.0 };
        let found: Option<i64> = conn.prepare_cached(sql)?.query_row(params, |row| row.get(0))?;
        let start = found.map(|found| found.saturating_sub(back));
        first = [first, start].into_iter().flatten().min();
    }
    Ok(first.map(|first| from.max(UnixMillis(first))))
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

const DELETE_SOME: &str =
    "DELETE FROM journal WHERE id IN (SELECT id FROM journal WHERE device = :device LIMIT :at_most)";

/// Deletes up to `at_most` rows of a device; returns how many.
pub(super) fn delete_some(conn: &Connection, device: DeviceNo, at_most: i64) -> Result<usize> {
    Ok(conn.prepare_cached(DELETE_SOME)?.execute(named_params! { ":device": device, ":at_most": at_most })?)
}

/// Every width class.
pub(super) fn width_classes() -> impl Iterator<Item = i64> {
    (0..).take(WIDTHS.len())
}
