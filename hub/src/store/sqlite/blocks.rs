//! Blocks as they lie on disk: a row of `times` for series of equal times, a row of `block` for each of them.
//!
//! Cuts (see `block::cut`) are numbered in the order of commits, so of two readings of a series at one time the one of the later
//! cut counts, and any reading still in the head before both. Blocks of different cuts may overlap (late data); within one
//! cut no series has a moment twice. Small cuts are merged into one that counts as the last of them (see `block::merge`).
//! A damaged block is left out of every answer and said in the log; it is never believed.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::row_sum;
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::store::block::cut::{Blocks, Times};
use crate::store::error::{Error, Result};
use crate::store::pack::beat;
use crate::store::pack::packed::{self, Figures, Summary, Values};
use crate::store::span::{Level, Outline, Span, key};

/// Blocks made here have positive numbers, blocks salvaged from another file negative ones: the next number is one above the
/// largest positive one.
const NEXT_TIMES: &str = "SELECT 1 + MAX(0, COALESCE(MAX(id), 0)) FROM times";

/// Number of the next row of `times`.
pub(in crate::store) fn next_times(conn: &Connection) -> Result<i64> {
    Ok(conn.query_row(NEXT_TIMES, [], |row| row.get(0))?)
}

const INSERT_TIMES: &str = "INSERT INTO times (id, cut, device, start_at, end_at, received_at, count, level, data, crc)
    VALUES (:id, :cut, :device, :start_at, :end_at, :received_at, :count, :level, :data, :crc)";
const INSERT_CELLS: &str = "INSERT INTO cells (times, data) VALUES (:times, :data)";
const INSERT_BLOCK: &str = "INSERT INTO block (id, scale, min, max, sum, first, last, data)
    VALUES (:id, :scale, :min, :max, :sum, :first, :last, :data)";

/// Writes blocks of a device.
pub(in crate::store) fn insert(conn: &Connection, device: DeviceNo, blocks: &Blocks, level: Level) -> Result<()> {
    let mut times = conn.prepare_cached(INSERT_TIMES)?;
    for Times { span, data, cells } in &blocks.times {
        times.execute(named_params! {
            ":id": span.id,
            ":cut": span.cut,
            ":device": device,
            ":start_at": span.start.0,
            ":end_at": span.end.0,
            ":received_at": blocks.received.0,
            ":count": i64::try_from(span.count).unwrap_or(i64::MAX),
            ":level": level as i64,
            ":data": data,
            ":crc": span.sum(device),
        })?;
        if let Some(cells) = cells {
            conn.prepare_cached(INSERT_CELLS)?.execute(named_params! { ":times": span.id, ":data": cells })?;
        }
    }
    let mut block = conn.prepare_cached(INSERT_BLOCK)?;
    for (id, packed) in &blocks.columns {
        let (scale, figures) = match &packed.summary {
            Summary::Scaled(scale, figures) => (Some(*scale), figures.all().map(Value::Integer)),
            Summary::Plain(figures) => (None, figures.all().map(Value::Real)),
        };
        let [min, max, sum, first, last] = figures;
        block.execute(named_params! {
            ":id": id,
            ":scale": scale,
            ":min": min,
            ":max": max,
            ":sum": sum,
            ":first": first,
            ":last": last,
            ":data": packed.data,
        })?;
    }
    Ok(())
}

const SPANS: &str = "SELECT id, cut, start_at, end_at, count, crc FROM times
    WHERE device = :device AND end_at >= :from AND start_at < :to";

/// A device's blocks that overlap `[from, to)`, by start.
pub(in crate::store) fn spans(
    conn: &Connection,
    device: DeviceNo,
    (from, to): (UnixMillis, UnixMillis),
) -> Result<Vec<Span>> {
    let mut statement = conn.prepare_cached(SPANS)?;
    let params = named_params! { ":device": device, ":from": from.0, ":to": to.0 };
    let mut rows = statement.query(params)?;
    let mut spans = Vec::new();
    while let Some(row) = rows.next()? {
        spans.extend(Span::believed(device, row)?);
    }
    // Here, not in the statement: SQLite would sort in a table of its own.
    spans.sort_unstable_by_key(|span: &Span| (span.start, span.id));
    Ok(spans)
}

const SOME: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM times
    WHERE device = :device AND end_at >= :from AND start_at < :to LIMIT :at_most)";

/// How many of a device's spans overlap `[from, to)`, counted no further than `at_most`.
pub(in crate::store) fn count_spans(
    conn: &Connection,
    device: DeviceNo,
    (from, to): (UnixMillis, UnixMillis),
    at_most: usize,
) -> Result<usize> {
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    let params = named_params! { ":device": device, ":from": from.0, ":to": to.0, ":at_most": at_most };
    let count: i64 = conn.prepare_cached(SOME)?.query_row(params, |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

impl Span {
    /// A span of a row of `id, cut, start_at, end_at, count, crc`; `None` when it is damaged.
    fn believed(device: DeviceNo, row: &Row<'_>) -> Result<Option<Self>> {
        let span = Self::of_row(row)?;
        if !span.holds(device, row.get(5)?) {
            tracing::warn!(row = span.id, "block {} is damaged and left out", span.id);
            return Ok(None);
        }
        Ok(Some(span))
    }

    /// A span of a row of `id, cut, start_at, end_at, count`, as it is.
    pub(in crate::store) fn of_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            cut: row.get(1)?,
            start: UnixMillis(row.get(2)?),
            end: UnixMillis(row.get(3)?),
            count: row.get::<_, u32>(4)? as usize,
        })
    }

    /// Whether it is as it was written; a span without a sum is believed.
    pub(in crate::store) fn holds(&self, device: DeviceNo, sum: Option<i64>) -> bool {
        sum.is_none_or(|sum| sum == self.sum(device))
    }

    fn sum(&self, device: DeviceNo) -> i64 {
        let numbers = [self.id, self.cut, device.0.into(), self.start.0, self.end.0, self.count as i64];
        row_sum::of(&numbers.map(ValueRef::Integer))
    }
}

const SPAN: &str = "SELECT id, cut, start_at, end_at, count, crc, device FROM times WHERE id = :id";

/// One span, and whose it is; `None` when it is damaged.
pub(in crate::store) fn span(conn: &Connection, id: i64) -> Result<Option<(DeviceNo, Span)>> {
    let mut statement = conn.prepare_cached(SPAN)?;
    let mut rows = statement.query(named_params! { ":id": id })?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let device = row.get(6)?;
    Ok(Span::believed(device, row)?.map(|span| (device, span)))
}

const OF_SPAN: &str = "SELECT scale, min, max, sum, first, last, data, id FROM block
    WHERE id >= :times << 32 AND id < (:times + 1) << 32";

/// The values of every series in a span.
///
/// # Errors
/// `Corrupt` when one is damaged.
pub(in crate::store) fn all_values(conn: &Connection, span: &Span) -> Result<Vec<(SeriesId, Values)>> {
    let mut statement = conn.prepare_cached(OF_SPAN)?;
    let mut rows = statement.query(named_params! { ":times": span.id })?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let key: i64 = row.get(7)?;
        let data = row.get_ref(6)?.as_blob().unwrap_or_default();
        let values = packed::unpack(&summary(row)??, data, span.count, key)?;
        all.push((SeriesId(key as u32), values));
    }
    Ok(all)
}

const IS_THERE: &str = "SELECT EXISTS (SELECT 1 FROM times WHERE id = :times)";

/// Whether there is a span of that number.
pub(in crate::store) fn is_there(conn: &Connection, times: i64) -> Result<bool> {
    Ok(conn.prepare_cached(IS_THERE)?.query_row(named_params! { ":times": times }, |row| row.get(0))?)
}

const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM block WHERE id = :id)";

/// Whether a series has a block in a span, damaged or not.
pub(in crate::store) fn exists(conn: &Connection, span: &Span, series: SeriesId) -> Result<bool> {
    let params = named_params! { ":id": key(span.id, series) };
    Ok(conn.prepare_cached(EXISTS)?.query_row(params, |row| row.get(0))?)
}

/// Answered from the index `times_by_device` alone: no row of `times` is read.
const OUTLINES: &str = "SELECT id, cut, start_at, end_at FROM times
    WHERE device = :device AND end_at >= :from AND start_at < :to";

/// A device's blocks that overlap `[from, to)`; `None` when some of different cuts overlap each other.
pub(in crate::store) fn apart(
    conn: &Connection,
    device: DeviceNo,
    (from, to): (UnixMillis, UnixMillis),
) -> Result<Option<Vec<Outline>>> {
    let mut statement = conn.prepare_cached(OUTLINES)?;
    let mut rows = statement.query(named_params! { ":device": device, ":from": from.0, ":to": to.0 })?;
    let mut found: Vec<Outline> = Vec::new();
    while let Some(row) = rows.next()? {
        let (start, end) = (UnixMillis(row.get(2)?), UnixMillis(row.get(3)?));
        found.push(Outline { id: row.get(0)?, cut: row.get(1)?, start, end });
    }
    found.sort_unstable_by_key(|outline| outline.start);
    let overlap = found.iter().enumerate().any(|(n, one)| {
        let later = found.get(n + 1..).unwrap_or_default().iter().take_while(|other| other.start <= one.end);
        later.into_iter().any(|other| other.cut != one.cut)
    });
    Ok((!overlap).then_some(found))
}

const CELLS: &str = "SELECT data FROM cells WHERE times = :id";

/// Calls `with` for the cells of a block, where they lie; `None` when it has none.
pub(in crate::store) fn with_cells<T>(
    conn: &Connection,
    id: i64,
    with: impl FnOnce(&[u8]) -> Result<T>,
) -> Result<Option<T>> {
    let mut statement = conn.prepare_cached(CELLS)?;
    let mut rows = statement.query(named_params! { ":id": id })?;
    let Some(row) = rows.next()? else { return Ok(None) };
    if let ValueRef::Blob(cells) = row.get_ref(0)? { with(cells).map(Some) } else { Ok(None) }
}

const TIMES: &str = "SELECT data FROM times WHERE id = :id";

/// The times of a span; `None` when they are damaged.
pub(in crate::store) fn times(conn: &Connection, span: &Span) -> Result<Option<Vec<i64>>> {
    let data = conn.prepare_cached(TIMES)?.query_row(named_params! { ":id": span.id }, |row| {
        let data = row.get_ref(0)?.as_blob().unwrap_or_default();
        Ok(beat::unpack_times(data, span.count, span.id, (span.start.0, span.end.0)))
    });
    believed(data.optional()?, span.id)
}

const BLOCK: &str = "SELECT scale, min, max, sum, first, last, data FROM block WHERE id = :id";

/// The values of a series in a span; `None` when it has none there.
pub(in crate::store) fn values(conn: &Connection, span: &Span, series: SeriesId) -> Result<Option<Values>> {
    with(conn, span, series, |summary, data, key| packed::unpack(summary, data, span.count, key))
}

/// The figures of a series in a span; `None` when it has none there.
pub(in crate::store) fn figures(conn: &Connection, span: &Span, series: SeriesId) -> Result<Option<Figures<f64>>> {
    with(conn, span, series, |summary, data, key| {
        packed::check(summary, data, key)?;
        summary.values().ok_or(Error::Corrupt { what: "block" })
    })
}

fn with<T>(
    conn: &Connection,
    span: &Span,
    series: SeriesId,
    read: impl Fn(&Summary, &[u8], i64) -> Result<T>,
) -> Result<Option<T>> {
    let key = key(span.id, series);
    let found = conn.prepare_cached(BLOCK)?.query_row(named_params! { ":id": key }, |row| {
        let summary = summary(row)?;
        Ok(summary.and_then(|summary| read(&summary, row.get_ref(6)?.as_blob().unwrap_or_default(), key)))
    });
    believed(found.optional()?, key)
}

fn summary(row: &Row<'_>) -> rusqlite::Result<Result<Summary>> {
    let figure = |at| row.get_ref(at);
    let all = [figure(1)?, figure(2)?, figure(3)?, figure(4)?, figure(5)?];
    Ok(match row.get::<_, Option<i64>>(0)? {
        Some(scale) => {
            let whole = all.map(|figure| if let ValueRef::Integer(whole) = figure { whole } else { i64::MIN });
            Ok(Summary::Scaled(u8::try_from(scale).unwrap_or(u8::MAX), Figures::of(whole)))
        }
        None => {
            let real = all.map(|figure| if let ValueRef::Real(real) = figure { real } else { f64::NAN });
            Ok(Summary::Plain(Figures::of(real)))
        }
    })
}

/// What was read, or nothing where it is damaged.
fn believed<T>(read: Option<Result<T>>, row: i64) -> Result<Option<T>> {
    match read {
        Some(Err(Error::Corrupt { .. })) => {
            tracing::warn!(row, "block {row} is damaged and left out");
            Ok(None)
        }
        other => other.transpose(),
    }
}

const SOME_OF: &str = "SELECT id FROM times WHERE device = :device LIMIT :at_most";
const DELETE_BLOCKS: &str = "DELETE FROM block WHERE id >= :times << 32 AND id < (:times + 1) << 32";
const DELETE_CELLS: &str = "DELETE FROM cells WHERE times = :times";
const DELETE_TIMES: &str = "DELETE FROM times WHERE id = :times";

/// Deletes up to `at_most` spans of a device with their blocks; returns how many.
pub(in crate::store) fn delete_some(conn: &Connection, device: DeviceNo, at_most: usize) -> Result<usize> {
    let mut statement = conn.prepare_cached(SOME_OF)?;
    let params = named_params! { ":device": device, ":at_most": i64::try_from(at_most).unwrap_or(i64::MAX) };
    let found: Vec<i64> = statement.query_map(params, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    delete(conn, &found)?;
    Ok(found.len())
}

/// Deletes spans with their blocks.
pub(in crate::store) fn delete(conn: &Connection, times: &[i64]) -> Result<()> {
    for times in times {
        conn.prepare_cached(DELETE_BLOCKS)?.execute(named_params! { ":times": times })?;
        conn.prepare_cached(DELETE_CELLS)?.execute(named_params! { ":times": times })?;
        conn.prepare_cached(DELETE_TIMES)?.execute(named_params! { ":times": times })?;
    }
    Ok(())
}
