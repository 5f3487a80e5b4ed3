//! Blocks as they lie on disk: a row of `times` for series of equal times, a row of `block` for each of them.
//!
//! Cuts (see `block::cut`) are numbered in the order of commits, so of two readings of a series at one time the one of the later
//! cut counts, and any reading still in the head before both. Blocks of different cuts may overlap (late data); within one
//! cut no series has a moment twice. Small cuts are merged into one that counts as the last of them (see `block::merge`).
//! A damaged block is left out of every answer and said in the log; it is never believed. How blocks come and go is in
//! `block_changes`.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{greedy, row_sum};
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::store::engine::snapshot::{Column, Part, Spans, TimesOfSpan, ValuesOfSpan};
use crate::store::error::{Error, Result};
use crate::store::pack::beat;
use crate::store::pack::packed::{self, Figures, Summary};
use crate::store::span::{Going, Outline, Small, Span, Unmerged, key};

const SPANS: &str = "SELECT id, cut, start_at, end_at, count, crc FROM times
    WHERE device = :device AND end_at >= :from AND start_at < :to";

const SOME: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM times
    WHERE device = :device AND end_at >= :from AND start_at < :to LIMIT :at_most)";

/// Answered from the index `times_by_device` alone: no row of `times` is read.
const OUTLINES: &str = "SELECT id, cut, start_at, end_at FROM times
    WHERE device = :device AND end_at >= :from AND start_at < :to";

const TIMES: &str = "SELECT data FROM times WHERE id = :id";

const BLOCK: &str = "SELECT scale, min, max, sum, first, last, data FROM block WHERE id = :id";

const CELLS: &str = "SELECT data FROM cells WHERE times = :id";

const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM block WHERE id = :id)";

const IS_THERE: &str = "SELECT EXISTS (SELECT 1 FROM times WHERE id = :times)";

/// Blocks made here have positive numbers, blocks salvaged from another file negative ones: the next number is one above the
/// largest positive one.
const NEXT_TIMES: &str = "SELECT 1 + MAX(0, COALESCE(MAX(id), 0)) FROM times";

const LOWEST_TIMES: &str = "SELECT MIN(0, COALESCE(MIN(id), 0)) FROM times";
const SMALL: &str = "SELECT device, cut, MAX(count), MAX(received_at) FROM times
    WHERE level = 0 AND cut >= 0 GROUP BY device, cut ORDER BY device, cut";

const UNMERGED: &str = "SELECT id, cut, start_at, end_at, count, received_at, crc FROM times
    WHERE device = :device AND level = 0 AND cut BETWEEN :first AND :last ORDER BY cut";

const OF_SPAN: &str = "SELECT scale, min, max, sum, first, last, data, id FROM block
    WHERE id >= :times << 32 AND id < (:times + 1) << 32";

const DUE: &str = "SELECT id, cut, start_at, end_at, count, received_at FROM times
    WHERE device = :device AND received_at < :before ORDER BY received_at LIMIT :at_most";
const OLDEST: &str =
    "SELECT id, cut, start_at, end_at, count, received_at, device FROM times ORDER BY cut LIMIT :at_most";

/// A row costs about this much beside its data.
const WEIGH_TIMES: &str =
    "SELECT id, count, length(data) + 60 FROM times WHERE device = :device AND received_at < :before";
const WEIGH_BLOCKS: &str = "SELECT COUNT(*), COALESCE(SUM(length(data) + 30), 0) FROM block
    WHERE id >= :times << 32 AND id < (:times + 1) << 32";

impl Spans for Connection {
    fn spans(&self, device: DeviceNo, (from, to): (UnixMillis, UnixMillis)) -> Result<Vec<Span>> {
        let mut statement = self.prepare_cached(SPANS)?;
        let params = named_params! { ":device": device, ":from": from.0, ":to": to.0 };
        let mut rows = statement.query(params)?;
        let mut spans = Vec::new();
        while let Some(row) = rows.next()? {
            spans.extend(believed_span(device, row)?);
        }
        // Here, not in the statement: SQLite would sort in a table of its own.
        spans.sort_unstable_by_key(|span: &Span| (span.start, span.id));
        Ok(spans)
    }

    fn count_spans(&self, device: DeviceNo, (from, to): (UnixMillis, UnixMillis), at_most: usize) -> Result<usize> {
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let params = named_params! { ":device": device, ":from": from.0, ":to": to.0, ":at_most": at_most };
        let count: i64 = self.prepare_cached(SOME)?.query_row(params, |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    fn outlines(&self, device: DeviceNo, (from, to): (UnixMillis, UnixMillis)) -> Result<Vec<Outline>> {
        let mut statement = self.prepare_cached(OUTLINES)?;
        let mut rows = statement.query(named_params! { ":device": device, ":from": from.0, ":to": to.0 })?;
        let mut found: Vec<Outline> = Vec::new();
        while let Some(row) = rows.next()? {
            let (start, end) = (UnixMillis(row.get(2)?), UnixMillis(row.get(3)?));
            found.push(Outline { id: row.get(0)?, cut: row.get(1)?, start, end });
        }
        found.sort_unstable_by_key(|outline| outline.start);
        Ok(found)
    }

    fn times(&self, spans: &[Span]) -> Result<Vec<TimesOfSpan>> {
        let mut read = self.prepare_cached(TIMES)?;
        let of = |span: &Span| {
            let data = read.query_row(named_params! { ":id": span.id }, |row| {
                let data = row.get_ref(0)?.as_blob().unwrap_or_default();
                Ok(beat::unpack_times(data, span.count, span.id, (span.start.0, span.end.0)))
            });
            believed(data.optional()?, span.id)
        };
        spans.iter().map(of).collect()
    }

    fn columns(
        &self,
        series: SeriesId,
        wanted: &[(Span, Part)],
        with: &mut dyn FnMut(usize, Column) -> Result<()>,
    ) -> Result<()> {
        let mut read = self.prepare_cached(BLOCK)?;
        for (place, (span, part)) in wanted.iter().enumerate() {
            let key = key(span.id, series);
            let found = read.query_row(named_params! { ":id": key }, |row| {
                let summary = summary(row)?;
                let data = row.get_ref(6)?.as_blob().unwrap_or_default();
                Ok(summary.and_then(|summary| column(&summary, data, (span, key), *part)))
            });
            if let Some(column) = believed(found.optional()?, key)? {
                with(place, column)?;
            }
        }
        Ok(())
    }

    fn cells(&self, spans: &[Outline], with: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
        let mut read = self.prepare_cached(CELLS)?;
        for (place, outline) in spans.iter().enumerate() {
            let mut rows = read.query(named_params! { ":id": outline.id })?;
            match rows.next()?.map(|row| row.get_ref(0)).transpose()? {
                Some(ValueRef::Blob(cells)) => with(place, cells)?,
                _ => with(place, &[])?,
            }
        }
        Ok(())
    }

    fn has_blocks(&self, spans: &[Span], series: SeriesId) -> Result<Vec<bool>> {
        let mut exists = self.prepare_cached(EXISTS)?;
        let has = |span: &Span| Ok(exists.query_row(named_params! { ":id": key(span.id, series) }, |row| row.get(0))?);
        spans.iter().map(has).collect()
    }

    fn has_spans(&self, ids: &[i64]) -> Result<bool> {
        let mut is_there = self.prepare_cached(IS_THERE)?;
        for id in ids {
            if !is_there.query_row(named_params! { ":times": id }, |row| row.get::<_, bool>(0))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn next_span(&self) -> Result<i64> {
        Ok(self.query_row(NEXT_TIMES, [], |row| row.get(0))?)
    }

    fn lowest_span(&self) -> Result<i64> {
        Ok(self.query_row(LOWEST_TIMES, [], |row| row.get(0))?)
    }

    fn small_cuts(&self) -> Result<Vec<Small>> {
        let mut statement = self.prepare_cached(SMALL)?;
        let small = statement.query_map([], |row| {
            let points = row.get::<_, u32>(2)? as usize;
            Ok(Small { device: row.get(0)?, cut: row.get(1)?, points, received: UnixMillis(row.get(3)?) })
        })?;
        Ok(small.collect::<rusqlite::Result<_>>()?)
    }

    fn unmerged(&self, device: DeviceNo, first: i64, last: i64) -> Result<Vec<Unmerged>> {
        let mut statement = self.prepare_cached(UNMERGED)?;
        let params = named_params! { ":device": device, ":first": first, ":last": last };
        let spans = statement.query_map(params, |row| {
            let span = span_of(row)?;
            Ok(Unmerged { span, received: UnixMillis(row.get(5)?), is_whole: holds(&span, device, row.get(6)?) })
        })?;
        Ok(spans.collect::<rusqlite::Result<_>>()?)
    }

    fn contents(&self, spans: &[Span], with: &mut dyn FnMut(&[i64], ValuesOfSpan) -> Result<()>) -> Result<()> {
        for span in spans {
            let times = self.times(&[*span])?.pop().flatten().ok_or(Error::Corrupt { what: "block" })?;
            with(&times, all_values(self, span)?)?;
        }
        Ok(())
    }

    fn due(&self, device: DeviceNo, before: UnixMillis, at_most: usize) -> Result<Going> {
        let mut going = Going::default();
        let mut statement = self.prepare_cached(DUE)?;
        let params = named_params! { ":device": device, ":before": before.0, ":at_most": at_most as i64 };
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            going.add(device, span_of(row)?, UnixMillis(row.get(5)?));
        }
        Ok(going)
    }

    fn oldest(&self, at_most: usize) -> Result<Going> {
        let mut going = Going::default();
        let mut statement = self.prepare_cached(OLDEST)?;
        let mut rows = statement.query(named_params! { ":at_most": at_most as i64 })?;
        while let Some(row) = rows.next()? {
            going.add(row.get(6)?, span_of(row)?, UnixMillis(row.get(5)?));
        }
        Ok(going)
    }

    fn weigh_spans(&self, device: DeviceNo, before: UnixMillis) -> Result<(u64, u64)> {
        let (mut readings, mut all) = (0, 0);
        let mut times = self.prepare_cached(WEIGH_TIMES)?;
        let mut of_row = self.prepare_cached(WEIGH_BLOCKS)?;
        let mut rows = times.query(named_params! { ":device": device, ":before": before.0 })?;
        while let Some(row) = rows.next()? {
            let (id, count, bytes): (i64, u32, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let (blocks, data): (u32, u32) =
                of_row.query_row(named_params! { ":times": id }, |row| Ok((row.get(0)?, row.get(1)?)))?;
            readings += u64::from(count) * u64::from(blocks);
            all += u64::from(bytes) + u64::from(data);
        }
        Ok((readings, all))
    }

    fn greediest(&self) -> Result<Option<DeviceNo>> {
        greedy::greediest(self)
    }
}

const SPAN: &str = "SELECT id, cut, start_at, end_at, count, crc, device FROM times WHERE id = :id";

/// One span, and whose it is; `None` when it is damaged.
pub(in crate::store) fn span(conn: &Connection, id: i64) -> Result<Option<(DeviceNo, Span)>> {
    let mut statement = conn.prepare_cached(SPAN)?;
    let mut rows = statement.query(named_params! { ":id": id })?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let device = row.get(6)?;
    Ok(believed_span(device, row)?.map(|span| (device, span)))
}

/// A span of a row of `id, cut, start_at, end_at, count, crc`; `None` when it is damaged.
fn believed_span(device: DeviceNo, row: &Row<'_>) -> Result<Option<Span>> {
    let span = span_of(row)?;
    if !holds(&span, device, row.get(5)?) {
        tracing::warn!(row = span.id, "block {} is damaged and left out", span.id);
        return Ok(None);
    }
    Ok(Some(span))
}

/// A span of a row of `id, cut, start_at, end_at, count`, as it is.
fn span_of(row: &Row<'_>) -> rusqlite::Result<Span> {
    Ok(Span {
        id: row.get(0)?,
        cut: row.get(1)?,
        start: UnixMillis(row.get(2)?),
        end: UnixMillis(row.get(3)?),
        count: row.get::<_, u32>(4)? as usize,
    })
}

/// Whether a span is as it was written; one without a sum is believed.
fn holds(span: &Span, device: DeviceNo, stored: Option<i64>) -> bool {
    stored.is_none_or(|stored| stored == sum(span, device))
}

/// Sum of what places a span.
pub(super) fn sum(span: &Span, device: DeviceNo) -> i64 {
    let numbers = [span.id, span.cut, device.0.into(), span.start.0, span.end.0, span.count as i64];
    row_sum::of(&numbers.map(ValueRef::Integer))
}

/// The values of every series in a span; `Corrupt` when one is damaged.
fn all_values(conn: &Connection, span: &Span) -> Result<ValuesOfSpan> {
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

fn column(summary: &Summary, data: &[u8], (span, key): (&Span, i64), part: Part) -> Result<Column> {
    match part {
        Part::Values => packed::unpack(summary, data, span.count, key).map(Column::Values),
        Part::Figures => {
            packed::check(summary, data, key)?;
            summary.values().map(Column::Figures).ok_or(Error::Corrupt { what: "block" })
        }
    }
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
