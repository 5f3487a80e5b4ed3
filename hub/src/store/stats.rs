//! Counters and sizes, as others see them.

use crate::model::UnixMillis;
use crate::model::room::{Room, is_nearly_full};

/// Counters and sizes, for `/metrics` and `/api/hub`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stats {
    /// Readings stored since the start.
    pub readings_total: u64,
    /// Batches stored since the start.
    pub batches_total: u64,
    /// Batches that came again since the start, and were not stored again.
    pub repeats_total: u64,
    /// Transactions committed since the start.
    pub commits_total: u64,
    /// Seconds those took, from begin to durable.
    pub commit_seconds: f64,
    /// Bytes of the database file.
    pub file_bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Bytes of the file that hold something; the rest is free for reuse.
    pub used_bytes: u64,
    /// Cap on the files, and how much of it the database may fill before the oldest readings give way.
    pub max_bytes: Option<u64>,
    /// See `max_bytes`.
    pub usable_bytes: Option<u64>,
    /// When the newest reading came that gave way to the cap since the start.
    pub recycled_to: Option<UnixMillis>,
    /// How fast it grows.
    pub growth: Growth,
    /// Batches in the journal: not yet in blocks, or not yet swept.
    pub journal_rows: u64,
    /// Bytes of the journal that are not yet in blocks.
    pub journal_bytes: u64,
    /// Blocks made since the start.
    pub blocks_total: u64,
    /// Readings in those.
    pub block_readings_total: u64,
    /// Queries that run or wait for a reader.
    pub reads: usize,
    /// See [`Store::is_full`].
    pub full: bool,
    /// Room on its disk, where the system says.
    pub room: Option<Room>,
    /// Damaged databases that wait to be salvaged.
    pub set_aside: usize,
    /// How the pages of the file were found to hang together when they were last checked.
    pub checked: Option<Checked>,
}

impl Stats {
    /// Whether what the cap allows, or the disk, is nearly full.
    #[must_use]
    pub fn is_nearly_full(&self) -> bool {
        is_nearly_full(self.used_pct())
    }

    /// Per cent in use of the cap or of the disk, whichever is fuller.
    #[must_use]
    pub fn used_pct(&self) -> f64 {
        let of_cap = self.usable_bytes.filter(|usable| *usable > 0);
        let of_cap = of_cap.map_or(0.0, |usable| self.used_bytes as f64 / usable as f64 * 100.0);
        of_cap.min(100.0).max(self.room.map_or(0.0, |room| room.used_pct()))
    }
}

/// A check that found nothing wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// When it ended.
    pub at: UnixMillis,
    /// Whether everything was read; else there was not the time for all of it.
    pub whole: bool,
}

/// What was seen at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Look {
    pub(in crate::store) at: UnixMillis,
    /// Bytes in use that stay: without the journal.
    pub(in crate::store) used: u64,
    /// Bytes ever written to the disk, over all starts.
    pub(in crate::store) written: u64,
}

/// How it goes, a day.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Growth {
    /// Bytes the file grows by, a day; negative when it shrinks.
    pub bytes_per_day: Option<f64>,
    /// Bytes written to the disk, a day: what wears flash.
    pub written_per_day: Option<f64>,
    /// Days until there is no room at this rate; `None` when it does not grow or nobody knows.
    pub full_in_days: Option<f64>,
}
