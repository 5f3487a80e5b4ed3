//! Rollups: figures by the minute and by the hour, what is left of readings when the raw ones grow too old.
//!
//! ```text
//!   hours ............................................│
//!                      minutes .......................│ rolled_to
//!                      └─ minutes_from                    raw (blocks, head) anywhere
//! ```
//!
//! As long as raw readings exist they answer, exactly and with figures of their own in each block. Rollups are made when
//! raw readings are deleted, in the same transaction: [`fold`] adds to what a row holds. Each reading is in exactly one of
//! the two, so an answer is the sum of both, wherever late data lies. A bucket keeps the times of its first and last
//! reading, so that wider buckets over several series come out right, and so that readings which are sent again once they
//! are figures count once (see `again`, which says how far that goes).

pub(super) mod again;
pub(super) mod retention;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::engine::snapshot::{Rollups, Snapshot};
use super::error::Result;
use super::pack::bucket::Bucket;
use super::pack::rollup::{self as row, Rolled, Row};
use super::samples::Sample;
use super::tier::{Folded, HOURS, MINUTES, Table};
use crate::counter;
use crate::model::reading::{Point, SeriesId};
use crate::model::{SensorKind, UnixMillis};
use again::Hour;

/// What is stored of a series with figures from elsewhere joined to it, ready to be written.
pub(super) fn join(
    ask: &dyn Snapshot,
    table: Table,
    series: SeriesId,
    other: &Row,
    received: UnixMillis,
) -> Result<Vec<Folded>> {
    let mut rows: BTreeMap<i64, Vec<(i64, Bucket)>> = BTreeMap::new();
    for (&start, bucket) in &other.buckets {
        rows.entry(table.row_of(start)).or_default().push((start, *bucket));
    }
    let knots = other.points();
    let mut folded = Vec::with_capacity(rows.len());
    for (number, more) in rows {
        let mut all = stored(ask, table, number, series)?;
        for (start, bucket) in more {
            again::join(all.buckets.entry(start).or_default(), &bucket);
            within(&knots, start..start + table.bucket).iter().for_each(|knot| all.keep_one(*knot, table.bucket));
        }
        folded.push(packed(table, number, series, &all, received)?);
    }
    Ok(folded)
}

/// A row of a series as it is to be.
fn packed(table: Table, number: i64, series: SeriesId, all: &Row, received: UnixMillis) -> Result<Folded> {
    let key = table.key(number, series);
    let data = row::pack(all, table.bucket, key)?;
    let count = i64::try_from(all.buckets.len()).unwrap_or(i64::MAX);
    Ok(Folded { table, key, count, received, data })
}

/// A row of a series as it is; empty where there is none.
fn stored(ask: &dyn Snapshot, table: Table, number: i64, series: SeriesId) -> Result<Row> {
    let mut found = Row::default();
    ask.rollups(table, &[table.key(number, series)], &mut |row| found = row.clone())?;
    Ok(found)
}

/// Calls `with` for each bucket of a series that begins in `[from, to)`, with its knots; `rows` are those to look into.
pub(super) fn read(
    ask: &dyn Rollups,
    table: Table,
    series: SeriesId,
    (from, to): (i64, i64),
    rows: &[i64],
    mut with: impl FnMut(i64, &Bucket, &[Point]),
) -> Result<()> {
    let keys: Vec<i64> = rows.iter().map(|row| table.key(*row, series)).collect();
    ask.rollups(table, &keys, &mut |row| {
        let knots = row.points();
        for (start, bucket) in row.buckets.range(from..to) {
            with(*start, bucket, within(&knots, *start..start.saturating_add(table.bucket)));
        }
    })
}

/// The same of a stretch that lies in one row.
pub(super) fn read_within(
    ask: &dyn Rollups,
    table: Table,
    series: SeriesId,
    (from, to): (i64, i64),
    with: impl FnMut(i64, &Bucket, &[Point]),
) -> Result<()> {
    read(ask, table, series, (from, to), &[table.row_of(from)], with)
}

/// Those of points in order that lie in a stretch of time.
fn within(points: &[Point], range: std::ops::Range<i64>) -> &[Point] {
    let place = |at: i64| points.partition_point(|point| point.at.0 < at);
    points.get(place(range.start)..place(range.end)).unwrap_or_default()
}

/// The row of minutes that an hour lies in: from `days`, or as it is stored.
fn minutes_of<'a>(
    ask: &dyn Snapshot,
    days: &'a mut BTreeMap<i64, Row>,
    series: SeriesId,
    start: i64,
) -> Result<&'a mut Row> {
    Ok(match days.entry(MINUTES.row_of(start)) {
        Entry::Occupied(day) => day.into_mut(),
        Entry::Vacant(day) => {
            let stored = stored(ask, MINUTES, *day.key(), series)?;
            day.insert(stored)
        }
    })
}

/// Adds readings of the hour that begins at `start` to its figures, and to those of its minutes.
fn fold_hour(start: i64, samples: &[Sample], kind: SensorKind, hours: &mut Row, minutes: &mut Row) {
    let mut hour = Hour {
        whole: hours.buckets.remove(&start).unwrap_or_default(),
        minutes: minutes.buckets.extract_if(start..start + HOURS.bucket, |_, _| true).collect(),
    };
    // Between the figures there and what comes beside them a counter may fall.
    for (table, row, buckets) in
        [(HOURS, &mut *hours, &Rolled::from([(start, hour.whole)])), (MINUTES, &mut *minutes, &hour.minutes)]
    {
        let ends = buckets.values().filter(|it| kind == SensorKind::Counter && it.count > 0);
        ends.flat_map(|it| [it.first, it.last]).for_each(|end| row.keep_one(end, table.bucket));
    }
    // Readings that were sent again are in the figures already.
    let mut raw = samples.to_vec();
    hour.settle(&mut raw);
    let mut more = Rolled::new();
    for sample in raw {
        more.entry(MINUTES.start(sample.at.0)).or_default().add(sample.point());
    }
    for (start, minute) in more {
        hour.whole.merge(&minute);
        hour.minutes.entry(start).or_default().merge(&minute);
    }
    hours.buckets.insert(start, hour.whole);
    minutes.buckets.extend(hour.minutes.into_iter().filter(|(_, minute)| minute.count > 0));
}

/// Folds readings of one series, in order of time, into hours, and into minutes from `minutes_from` on. `received` is when
/// the last of them came.
pub(super) fn fold(
    ask: &dyn Snapshot,
    (series, kind): (SeriesId, SensorKind),
    samples: &[Sample],
    received: UnixMillis,
    minutes_from: Option<UnixMillis>,
) -> Result<Vec<Folded>> {
    let run: Vec<Point> = match kind {
        SensorKind::Counter => samples.iter().map(|sample| sample.point()).collect(),
        SensorKind::Gauge | SensorKind::State => Vec::new(),
    };
    let (of_hours, of_minutes) = (counter::knots(&run, HOURS.bucket), counter::knots(&run, MINUTES.bucket));
    let mut folded = Vec::new();
    // A row of hours at a time: its days are whole rows of minutes.
    for of_row in samples.chunk_by(|one, next| HOURS.row_of(one.at.0) == HOURS.row_of(next.at.0)) {
        let Some(row) = of_row.first().map(|sample| HOURS.row_of(sample.at.0)) else { continue };
        let mut hours = stored(ask, HOURS, row, series)?;
        let mut days: BTreeMap<i64, Row> = BTreeMap::new();
        for of_hour in of_row.chunk_by(|one, next| HOURS.start(one.at.0) == HOURS.start(next.at.0)) {
            let Some(start) = of_hour.first().map(|sample| HOURS.start(sample.at.0)) else { continue };
            let mut no_minutes = Row::default();
            let minutes = if minutes_from.is_none_or(|from| from.0 <= start) {
                minutes_of(ask, &mut days, series, start)?
            } else {
                &mut no_minutes
            };
            fold_hour(start, of_hour, kind, &mut hours, minutes);
            let range = start..start + HOURS.bucket;
            within(&of_hours, range.clone()).iter().for_each(|knot| hours.keep_one(*knot, HOURS.bucket));
            within(&of_minutes, range).iter().for_each(|knot| minutes.keep_one(*knot, MINUTES.bucket));
        }
        for (day, minutes) in days {
            folded.push(packed(MINUTES, day, series, &minutes, received)?);
        }
        folded.push(packed(HOURS, row, series, &hours, received)?);
    }
    Ok(folded)
}
