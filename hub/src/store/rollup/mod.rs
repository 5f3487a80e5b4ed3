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
pub(super) mod row;
pub(super) mod table;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rusqlite::{Connection, OptionalExtension, named_params};

use super::error::{Error, Result};
use super::pack::bucket::Bucket;
use super::samples::Sample;
use crate::counter;
use crate::model::reading::{Point, SeriesId};
use crate::model::{SensorKind, UnixMillis};
use again::Hour;
use row::Row;
use table::{HOURS, MINUTES, ROW_BYTES, Rolled, Table, Tier};

impl Table {
    /// What is stored of a series with figures from elsewhere joined to it, ready to be written.
    pub(super) fn join(
        &self,
        conn: &Connection,
        series: SeriesId,
        other: &Row,
        received: UnixMillis,
    ) -> Result<Vec<Folded>> {
        let mut rows: BTreeMap<i64, Vec<(i64, Bucket)>> = BTreeMap::new();
        for (&start, bucket) in &other.buckets {
            rows.entry(self.row_of(start)).or_default().push((start, *bucket));
        }
        let knots = other.points();
        let mut folded = Vec::with_capacity(rows.len());
        for (row, more) in rows {
            let mut all = self.row(conn, self.key(row, series))?;
            for (start, bucket) in more {
                again::join(all.buckets.entry(start).or_default(), &bucket);
                within(&knots, start..start + self.bucket).iter().for_each(|knot| all.keep_one(*knot, self.bucket));
            }
            folded.push(self.folded(row, series, &all, received)?);
        }
        Ok(folded)
    }

    /// A row of a series as it is to be.
    fn folded(&self, row: i64, series: SeriesId, all: &Row, received: UnixMillis) -> Result<Folded> {
        let key = self.key(row, series);
        let data = row::pack(all, self.bucket, key)?;
        let count = i64::try_from(all.buckets.len()).unwrap_or(i64::MAX);
        Ok(Folded { write: self.write, key, count, received, data })
    }

    /// Calls `with` for each bucket of a series that begins in `[from, to)`, with its knots.
    pub(super) fn read(
        &self,
        conn: &Connection,
        series: SeriesId,
        (from, to): (i64, i64),
        rows: &[i64],
        mut with: impl FnMut(i64, &Bucket, &[Point]),
    ) -> Result<()> {
        for row in rows {
            let row = self.row(conn, self.key(*row, series))?;
            let knots = row.points();
            for (start, bucket) in row.buckets.range(from..to) {
                with(*start, bucket, within(&knots, *start..start.saturating_add(self.bucket)));
            }
        }
        Ok(())
    }

    /// Where the oldest stored row ends.
    pub(super) fn oldest_row_end(&self, conn: &Connection) -> Result<Option<UnixMillis>> {
        let oldest: Option<i64> = conn
            .prepare_cached(match self.tier {
                Tier::Hour => "SELECT MIN(id) FROM hours",
                Tier::Raw | Tier::Minute => "SELECT MIN(id) FROM minutes",
            })?
            .query_row([], |row| row.get(0))?;
        Ok(oldest.map(|key| UnixMillis(((key >> 32) + 1) * self.row)))
    }

    /// Numbers of the stored rows that overlap `[from, to)`.
    pub(super) fn rows(&self, conn: &Connection, (from, to): (i64, i64)) -> Result<Vec<i64>> {
        let mut next = from.div_euclid(self.row);
        let last = to.saturating_sub(1).div_euclid(self.row);
        let mut rows = Vec::new();
        let mut find = conn.prepare_cached(match self.tier {
            Tier::Hour => "SELECT MIN(id) FROM hours WHERE id >= :key",
            Tier::Raw | Tier::Minute => "SELECT MIN(id) FROM minutes WHERE id >= :key",
        })?;
        while next <= last {
            let key = next.checked_mul(1 << 32).unwrap_or(i64::MIN);
            let found: Option<i64> = find.query_row(named_params! { ":key": key }, |row| row.get(0))?;
            let Some(row) = found.map(|key| key >> 32).filter(|row| *row <= last) else { break };
            rows.push(row);
            next = row + 1;
        }
        Ok(rows)
    }

    /// Calls `with` for each bucket of a series that begins in `[from, to)`, which lies in one row.
    pub(super) fn read_within(
        &self,
        conn: &Connection,
        series: SeriesId,
        (from, to): (i64, i64),
        with: impl FnMut(i64, &Bucket, &[Point]),
    ) -> Result<()> {
        self.read(conn, series, (from, to), &[self.row_of(from)], with)
    }

    /// Where a row ends.
    pub(super) const fn row_end(&self, row: i64) -> i64 {
        row.saturating_add(1).saturating_mul(self.row)
    }

    /// Keys of some series in a row.
    pub(super) fn keys(&self, row: i64, series: &[SeriesId]) -> impl Iterator<Item = i64> {
        series.iter().map(move |series| self.key(row, *series))
    }

    fn keys_between(&self, conn: &Connection, first: i64, last: i64) -> Result<Vec<i64>> {
        let mut statement = conn.prepare_cached(match self.tier {
            Tier::Hour => "SELECT id FROM hours WHERE id BETWEEN :first AND :last",
            Tier::Raw | Tier::Minute => "SELECT id FROM minutes WHERE id BETWEEN :first AND :last",
        })?;
        let keys = statement.query_map(named_params! { ":first": first, ":last": last }, |row| row.get(0))?;
        Ok(keys.collect::<rusqlite::Result<_>>()?)
    }

    /// Deletes rows by key, as far as all in them came before a moment.
    pub(super) fn delete(&self, conn: &Connection, keys: &[i64], received_before: UnixMillis) -> Result<()> {
        let mut delete = conn.prepare_cached(self.delete)?;
        for key in keys {
            delete.execute(named_params! { ":id": key, ":received_before": received_before.0 })?;
        }
        Ok(())
    }

    /// Deletes up to `at_most` rows of buckets before a moment, whoever's; returns how many.
    pub(super) fn drop_before(&self, conn: &Connection, before: UnixMillis, at_most: usize) -> Result<usize> {
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let params = named_params! { ":before": self.key_at(before.0), ":at_most": at_most };
        Ok(conn.prepare_cached(self.expire)?.execute(params)?)
    }

    /// Rows of some series that end before a moment: how many, and their bytes.
    pub(super) fn weigh(&self, conn: &Connection, series: &[SeriesId], before: UnixMillis) -> Result<(u64, u64)> {
        let (mut count, mut bytes) = (0, 0);
        let mut weigh = conn.prepare_cached(self.weigh)?;
        for row in self.rows(conn, (i64::MIN, before.0))?.into_iter().filter(|row| self.row_end(*row) <= before.0) {
            for key in self.keys(row, series) {
                let found: Option<u32> = weigh.query_row(named_params! { ":id": key }, |row| row.get(0)).optional()?;
                count += u64::from(found.is_some());
                bytes += found.map_or(0, |length| u64::from(length) + ROW_BYTES);
            }
        }
        Ok((count, bytes))
    }

    fn row(&self, conn: &Connection, key: i64) -> Result<Row> {
        let found = conn.prepare_cached(self.read)?.query_row(named_params! { ":id": key }, |row| {
            let count: u32 = row.get(0)?;
            Ok(row::unpack(row.get_ref(1)?.as_blob().unwrap_or_default(), count as usize, self.bucket, key))
        });
        match found.optional()? {
            None => Ok(Row::default()),
            Some(Err(Error::Corrupt { .. })) => {
                tracing::warn!(key, "rollup {key} is damaged and left out");
                Ok(Row::default())
            }
            Some(other) => other,
        }
    }
}

/// Those of points in order that lie in a stretch of time.
fn within(points: &[Point], range: std::ops::Range<i64>) -> &[Point] {
    let place = |at: i64| points.partition_point(|point| point.at.0 < at);
    points.get(place(range.start)..place(range.end)).unwrap_or_default()
}

/// Where a deletion of all rollups of some series is: how many tables are done, and from which row on it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(usize, i64);

impl Place {
    pub(super) const START: Self = Self(0, i64::MIN);
}

/// Deletes up to `at_most` rows of some series from a place on; where to go on, `None` when none is left behind it.
pub(super) fn delete_some(
    conn: &Connection,
    series: &[SeriesId],
    Place(done, from): Place,
    at_most: usize,
) -> Result<Option<Place>> {
    let (first, last) = (series.iter().min().copied(), series.iter().max().copied());
    let Some((first, last)) = first.zip(last) else { return Ok(None) };
    let (mut deleted, mut from) = (0, from);
    for (n, table) in [MINUTES, HOURS].into_iter().enumerate().skip(done) {
        let begin = from.saturating_mul(table.row);
        for row in table.rows(conn, (begin, i64::MAX))? {
            let keys = table.keys_between(conn, table.key(row, first), table.key(row, last))?;
            let own: Vec<i64> = keys.into_iter().filter(|key| series.contains(&Table::unkey(*key).1)).collect();
            deleted += own.len();
            table.delete(conn, &own, UnixMillis(i64::MAX))?;
            if deleted >= at_most {
                return Ok(Some(Place(n, row)));
            }
        }
        from = i64::MIN;
    }
    Ok(None)
}

/// A row of either table, packed before its transaction begins.
#[derive(Debug)]
pub(super) struct Folded {
    write: &'static str,
    key: i64,
    count: i64,
    received: UnixMillis,
    data: Vec<u8>,
}

impl Folded {
    pub(super) fn write(&self, conn: &Connection) -> Result<()> {
        let params = named_params! {
            ":id": self.key,
            ":count": self.count,
            ":received_at": self.received.0,
            ":data": self.data,
        };
        conn.prepare_cached(self.write)?.execute(params)?;
        Ok(())
    }
}

/// Folds readings of one series, in order of time, into hours, and into minutes from `minutes_from` on. `received` is when
/// the last of them came.
pub(super) fn fold(
    conn: &Connection,
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
        let mut hours = HOURS.row(conn, HOURS.key(row, series))?;
        let mut days: BTreeMap<i64, Row> = BTreeMap::new();
        for of_hour in of_row.chunk_by(|one, next| HOURS.start(one.at.0) == HOURS.start(next.at.0)) {
            let Some(start) = of_hour.first().map(|sample| HOURS.start(sample.at.0)) else { continue };
            let range = start..start + HOURS.bucket;
            let mut no_minutes = Row::default();
            let minutes = if minutes_from.is_none_or(|from| from.0 <= start) {
                match days.entry(MINUTES.row_of(start)) {
                    Entry::Occupied(day) => day.into_mut(),
                    Entry::Vacant(day) => {
                        let key = MINUTES.key(*day.key(), series);
                        day.insert(MINUTES.row(conn, key)?)
                    }
                }
            } else {
                &mut no_minutes
            };
            let mut hour = Hour {
                whole: hours.buckets.remove(&start).unwrap_or_default(),
                minutes: minutes.buckets.extract_if(range.clone(), |_, _| true).collect(),
            };
            // Between the figures there and what comes beside them a counter may fall.
            for (table, row, buckets) in
                [(HOURS, &mut hours, &Rolled::from([(start, hour.whole)])), (MINUTES, &mut *minutes, &hour.minutes)]
            {
                let ends = buckets.values().filter(|it| kind == SensorKind::Counter && it.count > 0);
                ends.flat_map(|it| [it.first, it.last]).for_each(|end| row.keep_one(end, table.bucket));
            }
            let mut raw = of_hour.to_vec();
            hour.settle(&mut raw);
            let mut more = Rolled::new();
            for sample in raw {
                more.entry(MINUTES.start(sample.at.0)).or_default().add(sample.point());
            }
            for (start, minute) in more {
                hour.whole.merge(&minute);
                hour.minutes.entry(start).or_default().merge(&minute);
            }
            within(&of_hours, range.clone()).iter().for_each(|knot| hours.keep_one(*knot, HOURS.bucket));
            within(&of_minutes, range).iter().for_each(|knot| minutes.keep_one(*knot, MINUTES.bucket));
            hours.buckets.insert(start, hour.whole);
            minutes.buckets.extend(hour.minutes.into_iter().filter(|(_, minute)| minute.count > 0));
        }
        for (day, minutes) in days {
            folded.push(MINUTES.folded(day, series, &minutes, received)?);
        }
        folded.push(HOURS.folded(row, series, &hours, received)?);
    }
    Ok(folded)
}

#[cfg(test)]
mod tests {
    use super::table::DAY;
    use super::*;

    fn bucket(points: &[(i64, f64)]) -> Bucket {
        let mut bucket = Bucket::default();
        points.iter().for_each(|&(at, value)| bucket.add(Point { at: UnixMillis(at), value }));
        bucket
    }

    #[test]
    fn what_is_folded_in_twice_adds_up_and_comes_back() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            include_str!("../../../../migrations/sqlite/0003_rollups.sql").split("-- A device").next().unwrap(),
        )
        .unwrap();
        conn.execute_batch("ALTER TABLE minutes ADD COLUMN received_at INTEGER NOT NULL DEFAULT 0").unwrap();
        let series = SeriesId(7);
        let first = Rolled::from([(0, bucket(&[(1, 21.5), (2, 21.7)])), (DAY, bucket(&[(DAY, -1.0)]))]);
        let late = Rolled::from([(0, bucket(&[(0, 0.1)])), (60_000, bucket(&[(60_000, 0.25)]))]);
        for some in [first, late].map(|buckets| Row { buckets, ..Row::default() }) {
            MINUTES.join(&conn, series, &some, UnixMillis(9)).unwrap().iter().for_each(|row| row.write(&conn).unwrap());
        }
        let rows = MINUTES.rows(&conn, (0, i64::MAX)).unwrap();
        assert_eq!(rows, [0, 1]);
        let mut found = Vec::new();
        MINUTES
            .read(&conn, series, (0, DAY), &rows, |start, b, _| {
                found.push((start, b.count, b.min, b.sum, b.first.at.0, b.last.value))
            })
            .unwrap();
        assert_eq!(found, [(0, 3, 0.1, 43.3, 0, 21.7), (60_000, 1, 0.25, 0.25, 60_000, 0.25)]);
        // The sum has more places than the figures beside it.
        let fine =
            Rolled::from([(120_000, bucket(&[(120_000, 1.0), (120_001, 1.01), (120_002, 2.0), (120_003, 1.0)]))]);
        let fine = Row { buckets: fine, ..Row::default() };
        MINUTES.join(&conn, series, &fine, UnixMillis(9)).unwrap().iter().for_each(|row| row.write(&conn).unwrap());
        MINUTES.read(&conn, series, (120_000, DAY), &rows, |_, b, _| assert_eq!(b.sum, 5.01)).unwrap();
        MINUTES.delete(&conn, &[MINUTES.key(0, series)], UnixMillis(9)).unwrap();
        assert_eq!(MINUTES.rows(&conn, (0, i64::MAX)).unwrap(), [0, 1]);
        assert_eq!(MINUTES.drop_before(&conn, UnixMillis(DAY), 9).unwrap(), 1);
        assert_eq!(MINUTES.rows(&conn, (0, i64::MAX)).unwrap(), [1]);
    }
}
