//! The two tables of rollups: what each is called, and which row and bucket hold a moment.

use std::collections::BTreeMap;

use crate::model::reading::SeriesId;
use crate::store::error::Error;
use crate::store::pack::bucket::Bucket;

pub(super) const DAMAGED: Error = Error::Corrupt { what: "rollup" };
pub(super) const DAY: i64 = 86_400_000;

/// What figures are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Every reading.
    Raw,
    /// Rollups of a minute.
    Minute,
    /// Rollups of an hour.
    Hour,
}

/// What a row takes beside its data, about.
pub(super) const ROW_BYTES: u64 = 20;

/// Buckets by their start.
pub(in crate::store) type Rolled = BTreeMap<i64, Bucket>;

/// One of the two tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Table {
    /// What an answer from it is called.
    pub(in crate::store) tier: Tier,
    /// Milliseconds of a bucket.
    pub(in crate::store) bucket: i64,
    /// Milliseconds of a row.
    pub(in crate::store) row: i64,
    pub(in crate::store) read: &'static str,
    pub(in crate::store) write: &'static str,
    pub(in crate::store) delete: &'static str,
    pub(in crate::store) expire: &'static str,
    pub(in crate::store) weigh: &'static str,
}

pub(in crate::store) const MINUTES: Table = Table {
    tier: Tier::Minute,
    bucket: 60_000,
    row: DAY,
    read: "SELECT count, data FROM minutes WHERE id = :id",
    write: "INSERT INTO minutes (id, count, received_at, data) VALUES (:id, :count, :received_at, :data)
        ON CONFLICT (id) DO UPDATE SET count = excluded.count, data = excluded.data,
        received_at = MAX(received_at, excluded.received_at)",
    delete: "DELETE FROM minutes WHERE id = :id AND received_at < :received_before",
    expire: "DELETE FROM minutes WHERE id IN (SELECT id FROM minutes WHERE id < :before ORDER BY id LIMIT :at_most)",
    weigh: "SELECT length(data) FROM minutes WHERE id = :id",
};

pub(in crate::store) const HOURS: Table = Table {
    tier: Tier::Hour,
    bucket: 3_600_000,
    row: 7 * DAY,
    read: "SELECT count, data FROM hours WHERE id = :id",
    write: "INSERT INTO hours (id, count, received_at, data) VALUES (:id, :count, :received_at, :data)
        ON CONFLICT (id) DO UPDATE SET count = excluded.count, data = excluded.data,
        received_at = MAX(received_at, excluded.received_at)",
    delete: "DELETE FROM hours WHERE id = :id AND received_at < :received_before",
    expire: "DELETE FROM hours WHERE id IN (SELECT id FROM hours WHERE id < :before ORDER BY id LIMIT :at_most)",
    weigh: "SELECT length(data) FROM hours WHERE id = :id",
};

impl Table {
    /// Start of the bucket that holds a moment.
    pub(in crate::store) const fn start(&self, at: i64) -> i64 {
        at.div_euclid(self.bucket).saturating_mul(self.bucket)
    }

    pub(in crate::store) const fn key(&self, row: i64, series: SeriesId) -> i64 {
        row << 32 | series.0 as i64
    }

    /// The row and the series of a key.
    pub(in crate::store) const fn unkey(key: i64) -> (i64, SeriesId) {
        (key >> 32, SeriesId(key as u32))
    }

    /// What it is called in the database.
    pub(in crate::store) const fn name(&self) -> &'static str {
        match self.tier {
            Tier::Hour => "hours",
            Tier::Raw | Tier::Minute => "minutes",
        }
    }

    /// First key at or after a moment, of any series.
    pub(in crate::store) const fn key_at(&self, at: i64) -> i64 {
        at.div_euclid(self.row) << 32
    }

    /// Number of the row that holds a moment.
    pub(in crate::store) const fn row_of(&self, at: i64) -> i64 {
        at.div_euclid(self.row)
    }
}
