//! Rows of rollups, by the minute and by the hour, and how far those of a device reach (in `cut`).

use rusqlite::{Connection, OptionalExtension as _, named_params};

use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::store::engine::snapshot::Rollups;
use crate::store::engine::transaction::ChangeRollups;
use crate::store::error::{Error, Result};
use crate::store::pack::rollup::{Row, unpack};
use crate::store::tier::{DeletionCursor, Folded, HOURS, MINUTES, RolledUpTo, Table, Tier};

/// What a row takes beside its data, about.
const ROW_BYTES: u64 = 20;

/// Statements of a table.
struct Statements {
    read: &'static str,
    next: &'static str,
    oldest: &'static str,
    between: &'static str,
    weigh: &'static str,
    write: &'static str,
    delete: &'static str,
    expire: &'static str,
}

const OF_MINUTES: Statements = Statements {
    read: "SELECT count, data FROM minutes WHERE id = :id",
    next: "SELECT MIN(id) FROM minutes WHERE id >= :key",
    oldest: "SELECT MIN(id) FROM minutes",
    between: "SELECT id FROM minutes WHERE id BETWEEN :first AND :last",
    weigh: "SELECT length(data) FROM minutes WHERE id = :id",
    write: "INSERT INTO minutes (id, count, received_at, data) VALUES (:id, :count, :received_at, :data)
        ON CONFLICT (id) DO UPDATE SET count = excluded.count, data = excluded.data,
        received_at = MAX(received_at, excluded.received_at)",
    delete: "DELETE FROM minutes WHERE id = :id AND received_at < :received_before",
    expire: "DELETE FROM minutes WHERE id IN (SELECT id FROM minutes WHERE id < :before ORDER BY id LIMIT :at_most)",
};

const OF_HOURS: Statements = Statements {
    read: "SELECT count, data FROM hours WHERE id = :id",
    next: "SELECT MIN(id) FROM hours WHERE id >= :key",
    oldest: "SELECT MIN(id) FROM hours",
    between: "SELECT id FROM hours WHERE id BETWEEN :first AND :last",
    weigh: "SELECT length(data) FROM hours WHERE id = :id",
    write: "INSERT INTO hours (id, count, received_at, data) VALUES (:id, :count, :received_at, :data)
        ON CONFLICT (id) DO UPDATE SET count = excluded.count, data = excluded.data,
        received_at = MAX(received_at, excluded.received_at)",
    delete: "DELETE FROM hours WHERE id = :id AND received_at < :received_before",
    expire: "DELETE FROM hours WHERE id IN (SELECT id FROM hours WHERE id < :before ORDER BY id LIMIT :at_most)",
};

const fn of(table: Table) -> &'static Statements {
    match table.tier {
        Tier::Hour => &OF_HOURS,
        Tier::Raw | Tier::Minute => &OF_MINUTES,
    }
}

const ROLLED: &str = "SELECT rolled_to, minutes_from FROM cut WHERE device = :device";
const ANY: &str = "SELECT EXISTS (SELECT 1 FROM cut WHERE rolled_to > :from)";

impl Rollups for Connection {
    fn rolled(&self, device: DeviceNo) -> Result<RolledUpTo> {
        let found = self.prepare_cached(ROLLED)?.query_row(named_params! { ":device": device }, |row| {
            let moment = |at| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.map(UnixMillis));
            Ok(RolledUpTo { to: moment(0)?, minutes_from: moment(1)? })
        });
        Ok(found.optional()?.unwrap_or_default())
    }

    fn has_rollups_from(&self, from: UnixMillis) -> Result<bool> {
        Ok(self.prepare_cached(ANY)?.query_row(named_params! { ":from": from.0 }, |row| row.get(0))?)
    }

    fn rollup_rows(&self, table: Table, (from, to): (i64, i64)) -> Result<Vec<i64>> {
        let mut next = from.div_euclid(table.row);
        let last = to.saturating_sub(1).div_euclid(table.row);
        let mut rows = Vec::new();
        let mut find = self.prepare_cached(of(table).next)?;
        while next <= last {
            let key = next.checked_mul(1 << 32).unwrap_or(i64::MIN);
            let found: Option<i64> = find.query_row(named_params! { ":key": key }, |row| row.get(0))?;
            let Some(row) = found.map(|key| key >> 32).filter(|row| *row <= last) else { break };
            rows.push(row);
            next = row + 1;
        }
        Ok(rows)
    }

    fn rollups(&self, table: Table, keys: &[i64], with: &mut dyn FnMut(&Row)) -> Result<()> {
        let mut read = self.prepare_cached(of(table).read)?;
        for &key in keys {
            let found = read.query_row(named_params! { ":id": key }, |row| {
                let count: u32 = row.get(0)?;
                Ok(unpack(row.get_ref(1)?.as_blob().unwrap_or_default(), count as usize, table.bucket, key))
            });
            match found.optional()? {
                None => with(&Row::default()),
                Some(Err(Error::Corrupt { .. })) => {
                    tracing::warn!(key, "rollup {key} is damaged and left out");
                    with(&Row::default());
                }
                Some(row) => with(&row?),
            }
        }
        Ok(())
    }

    fn oldest_rollup_end(&self, table: Table) -> Result<Option<UnixMillis>> {
        let oldest: Option<i64> = self.prepare_cached(of(table).oldest)?.query_row([], |row| row.get(0))?;
        Ok(oldest.map(|key| UnixMillis(((key >> 32) + 1) * table.row)))
    }

    fn weigh_rollups(&self, table: Table, series: &[SeriesId], before: UnixMillis) -> Result<(u64, u64)> {
        let (mut count, mut bytes) = (0, 0);
        let mut weigh = self.prepare_cached(of(table).weigh)?;
        let rows = self.rollup_rows(table, (i64::MIN, before.0))?;
        for row in rows.into_iter().filter(|row| table.row_end(*row) <= before.0) {
            for key in table.keys(row, series) {
                let found: Option<u32> = weigh.query_row(named_params! { ":id": key }, |row| row.get(0)).optional()?;
                count += u64::from(found.is_some());
                bytes += found.map_or(0, |length| u64::from(length) + ROW_BYTES);
            }
        }
        Ok((count, bytes))
    }
}

const BEGIN: &str = "INSERT INTO cut (device, row, rolled_to, minutes_from) VALUES (:device, 0, :to, :minutes_from)
    ON CONFLICT (device) DO UPDATE SET rolled_to = MAX(COALESCE(rolled_to, excluded.rolled_to), excluded.rolled_to),
    minutes_from = COALESCE(MAX(minutes_from, excluded.minutes_from), minutes_from, excluded.minutes_from)";
const ROLL: &str = "UPDATE cut SET rolled_to = MAX(COALESCE(rolled_to, :to), :to),
    minutes_from = CASE WHEN :minutes_from IS NULL THEN minutes_from
        ELSE MAX(COALESCE(minutes_from, :minutes_from), :minutes_from) END WHERE device = :device";
const MINUTES_GO: &str =
    "UPDATE cut SET minutes_from = MAX(COALESCE(minutes_from, :moment), :moment) WHERE device = :device";
const ALL_MINUTES_GO: &str = "UPDATE cut SET minutes_from = MAX(COALESCE(minutes_from, :moment), :moment)";

fn put_rolled(conn: &Connection, sql: &str, device: DeviceNo, rolled: RolledUpTo) -> Result<()> {
    conn.prepare_cached(sql)?.execute(named_params! {
        ":device": device,
        ":to": rolled.to.map(|moment| moment.0),
        ":minutes_from": rolled.minutes_from.map(|moment| moment.0),
    })?;
    Ok(())
}

impl ChangeRollups for Connection {
    fn put_rollups(&self, rows: &[Folded]) -> Result<()> {
        for row in rows {
            self.prepare_cached(of(row.table).write)?.execute(named_params! {
                ":id": row.key,
                ":count": row.count,
                ":received_at": row.received.0,
                ":data": row.data,
            })?;
        }
        Ok(())
    }

    fn begin_rollups(&self, device: DeviceNo, rolled: RolledUpTo) -> Result<()> {
        put_rolled(self, BEGIN, device, rolled)
    }

    fn roll(&self, device: DeviceNo, rolled: RolledUpTo) -> Result<()> {
        put_rolled(self, ROLL, device, rolled)
    }

    fn minutes_go(&self, device: Option<DeviceNo>, moment: UnixMillis) -> Result<()> {
        match device {
            Some(device) => {
                let params = named_params! { ":device": device, ":moment": moment.0 };
                self.prepare_cached(MINUTES_GO)?.execute(params)?
            }
            None => self.prepare_cached(ALL_MINUTES_GO)?.execute(named_params! { ":moment": moment.0 })?,
        };
        Ok(())
    }

    fn delete_rollups(&self, table: Table, keys: &[i64], received_before: UnixMillis) -> Result<()> {
        let mut delete = self.prepare_cached(of(table).delete)?;
        for key in keys {
            delete.execute(named_params! { ":id": key, ":received_before": received_before.0 })?;
        }
        Ok(())
    }

    fn drop_rollups(&self, table: Table, before: UnixMillis, at_most: usize) -> Result<usize> {
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let params = named_params! { ":before": table.key_at(before.0), ":at_most": at_most };
        Ok(self.prepare_cached(of(table).expire)?.execute(params)?)
    }

    fn delete_some_rollups(
        &self,
        series: &[SeriesId],
        DeletionCursor(done, from): DeletionCursor,
        at_most: usize,
    ) -> Result<Option<DeletionCursor>> {
        let (first, last) = (series.iter().min().copied(), series.iter().max().copied());
        let Some((first, last)) = first.zip(last) else { return Ok(None) };
        let (mut deleted, mut from) = (0, from);
        for (n, table) in [MINUTES, HOURS].into_iter().enumerate().skip(done) {
            let begin = from.saturating_mul(table.row);
            for row in self.rollup_rows(table, (begin, i64::MAX))? {
                let keys = keys_between(self, table, table.key(row, first), table.key(row, last))?;
                let own: Vec<i64> = keys.into_iter().filter(|key| series.contains(&Table::unkey(*key).1)).collect();
                deleted += own.len();
                self.delete_rollups(table, &own, UnixMillis(i64::MAX))?;
                if deleted >= at_most {
                    return Ok(Some(DeletionCursor(n, row)));
                }
            }
            from = i64::MIN;
        }
        Ok(None)
    }
}

fn keys_between(conn: &Connection, table: Table, first: i64, last: i64) -> Result<Vec<i64>> {
    let mut statement = conn.prepare_cached(of(table).between)?;
    let keys = statement.query_map(named_params! { ":first": first, ":last": last }, |row| row.get(0))?;
    Ok(keys.collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::Point;
    use crate::store::pack::bucket::Bucket;
    use crate::store::pack::rollup::Rolled;
    use crate::store::rollup::{join, read};
    use crate::store::tier::DAY;

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
            conn.put_rollups(&join(&conn, MINUTES, series, &some, UnixMillis(9)).unwrap()).unwrap();
        }
        let rows = conn.rollup_rows(MINUTES, (0, i64::MAX)).unwrap();
        assert_eq!(rows, [0, 1]);
        let mut found = Vec::new();
        read(&conn, MINUTES, series, (0, DAY), &rows, |start, b, _| {
            found.push((start, b.count, b.min, b.sum, b.first.at.0, b.last.value))
        })
        .unwrap();
        assert_eq!(found, [(0, 3, 0.1, 43.3, 0, 21.7), (60_000, 1, 0.25, 0.25, 60_000, 0.25)]);
        // The sum has more places than the figures beside it.
        let fine =
            Rolled::from([(120_000, bucket(&[(120_000, 1.0), (120_001, 1.01), (120_002, 2.0), (120_003, 1.0)]))]);
        let fine = Row { buckets: fine, ..Row::default() };
        conn.put_rollups(&join(&conn, MINUTES, series, &fine, UnixMillis(9)).unwrap()).unwrap();
        read(&conn, MINUTES, series, (120_000, DAY), &rows, |_, b, _| assert_eq!(b.sum, 5.01)).unwrap();
        conn.delete_rollups(MINUTES, &[MINUTES.key(0, series)], UnixMillis(9)).unwrap();
        assert_eq!(conn.rollup_rows(MINUTES, (0, i64::MAX)).unwrap(), [0, 1]);
        assert_eq!(conn.drop_rollups(MINUTES, UnixMillis(DAY), 9).unwrap(), 1);
        assert_eq!(conn.rollup_rows(MINUTES, (0, i64::MAX)).unwrap(), [1]);
    }
}
