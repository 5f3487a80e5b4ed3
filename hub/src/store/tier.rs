//! PURE. The two tables of rollups: which row and bucket hold a moment, and rows that are about to be written to them.

use crate::model::UnixMillis;
use crate::model::reading::SeriesId;

/// Milliseconds of a day.
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

/// One of the two tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Table {
    /// What an answer from it is called.
    pub(super) tier: Tier,
    /// Milliseconds of a bucket.
    pub(super) bucket: i64,
    /// Milliseconds of a row.
    pub(super) row: i64,
}

pub(super) const MINUTES: Table = Table { tier: Tier::Minute, bucket: 60_000, row: DAY };

pub(super) const HOURS: Table = Table { tier: Tier::Hour, bucket: 3_600_000, row: 7 * DAY };

impl Table {
    /// Start of the bucket that holds a moment.
    pub(super) const fn start(&self, at: i64) -> i64 {
        at.div_euclid(self.bucket).saturating_mul(self.bucket)
    }

    pub(super) const fn key(&self, row: i64, series: SeriesId) -> i64 {
        row << 32 | series.0 as i64
    }

    /// The row and the series of a key.
    pub(super) const fn unkey(key: i64) -> (i64, SeriesId) {
        (key >> 32, SeriesId(key as u32))
    }

    /// First key at or after a moment, of any series.
    pub(super) const fn key_at(&self, at: i64) -> i64 {
        at.div_euclid(self.row) << 32
    }

    /// Number of the row that holds a moment.
    pub(super) const fn row_of(&self, at: i64) -> i64 {
        at.div_euclid(self.row)
    }

    /// Where a row ends.
    pub(super) const fn row_end(&self, row: i64) -> i64 {
        row.saturating_add(1).saturating_mul(self.row)
    }

    /// Keys of some series in a row.
    pub(super) fn keys(&self, row: i64, series: &[SeriesId]) -> impl Iterator<Item = i64> {
        series.iter().map(move |series| self.key(row, *series))
    }
}

/// Where a device has rollups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RolledUpTo {
    /// They hold readings before this moment only; `None` when there are none.
    pub(super) to: Option<UnixMillis>,
    /// Before this moment only hours hold all of them.
    pub(super) minutes_from: Option<UnixMillis>,
}

/// A row of either table, packed before its transaction begins.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) table: Table,
    pub(super) key: i64,
    /// Buckets in it.
    pub(super) count: i64,
    /// When the last of its readings came.
    pub(super) received: UnixMillis,
    pub(super) data: Vec<u8>,
}

/// Where a deletion of all rollups of some series is: how many tables are done, and from which row on it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DeletionCursor(pub(super) usize, pub(super) i64);

impl DeletionCursor {
    pub(super) const START: Self = Self(0, i64::MIN);
}
