//! What the store keeps in memory beside the file, and the changes to it that wait for their commit.
//!
//! Invariant: [`Memory`] equals what is on disk. The writer collects [`Effects`] while a transaction is open and applies
//! them after COMMIT; a rolled-back write drops its effects with itself.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::Notify;

use super::head::Head;
use super::tally::Tallies;
use crate::model::catalog::{Catalog, Series};
use crate::model::device::{Device, DeviceNo};
use crate::model::reading::{Batch, Point, SeriesId};
use crate::model::{Epoch, SeqSet, UnixMillis};

/// Committed receive windows.
pub(super) type Windows = HashMap<(DeviceNo, Epoch), SeqSet>;

/// Everything that readers share and only the writer changes.
#[derive(Debug, Default)]
pub(super) struct Memory {
    catalog: RwLock<Catalog>,
    head: RwLock<Head>,
    windows: RwLock<Windows>,
    pub(super) tallies: Tallies,
    pub(super) counters: Counters,
    pub(super) outbox: Arc<Notify>,
}

/// Counts since the start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) readings: AtomicU64,
    pub(super) batches: AtomicU64,
    pub(super) repeats: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) commit_nanos: AtomicU64,
    pub(super) journal_rows: AtomicU64,
    pub(super) blocks: AtomicU64,
    pub(super) block_readings: AtomicU64,
    pub(super) degraded: AtomicBool,
}

/// A change to the catalog, to be made once it is on disk.
#[derive(Debug)]
pub(super) enum Change {
    PutDevice(Device),
    RemoveDevice(DeviceNo),
    PutSeries(Series),
    PushNumber(DeviceNo, SeriesId),
}

/// Journal rows of a device that the head need not hold any longer.
#[derive(Debug)]
pub(super) struct Forgotten {
    pub(super) device: DeviceNo,
    /// Up to which row.
    pub(super) row: i64,
    /// How far the blocks they went into reach; `None` when they were deleted.
    pub(super) reach: Option<UnixMillis>,
    pub(super) series: Vec<SeriesId>,
}

/// What writes of one transaction will change in memory.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) changes: Vec<Change>,
    pub(super) windows: Windows,
    /// Batches stored, and the journal row of each.
    pub(super) fresh: Vec<(i64, Batch)>,
    /// What is no longer only in the journal.
    pub(super) forgotten: Vec<Forgotten>,
    /// Devices whose raw readings before a moment gave way to rollups.
    pub(super) rolled: Vec<(DeviceNo, UnixMillis)>,
    /// Points that are the newest of their series, unless a newer one is known.
    pub(super) newest: Vec<(SeriesId, Point)>,
    pub(super) repeats: u64,
    /// Devices deleted by this transaction: batches behind it in the same group go nowhere.
    pub(super) gone: HashSet<DeviceNo>,
    /// Blocks made, and the readings in them.
    pub(super) blocks: u64,
    pub(super) block_readings: u64,
    /// Journal rows deleted.
    pub(super) rows_deleted: u64,
    /// Whether a delivery became due.
    pub(super) due: bool,
}

impl Effects {
    /// Adds the effects of a later write.
    pub(super) fn absorb(&mut self, later: Self) {
        self.changes.extend(later.changes);
        self.windows.extend(later.windows);
        self.windows.retain(|(device, _), _| !later.gone.contains(device));
        self.fresh.retain(|(_, batch)| !later.gone.contains(&batch.id.device));
        self.fresh.extend(later.fresh);
        self.forgotten.extend(later.forgotten);
        self.rolled.extend(later.rolled);
        self.newest.extend(later.newest);
        self.repeats += later.repeats;
        self.blocks += later.blocks;
        self.block_readings += later.block_readings;
        self.rows_deleted += later.rows_deleted;
        self.gone.extend(later.gone);
        self.due |= later.due;
    }
}

impl Memory {
    pub(super) fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn head(&self) -> RwLockReadGuard<'_, Head> {
        self.head.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn windows(&self) -> RwLockReadGuard<'_, Windows> {
        self.windows.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The catalog to be filled at start.
    pub(super) fn catalog_mut(&self) -> RwLockWriteGuard<'_, Catalog> {
        self.catalog.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The head to be filled at start.
    pub(super) fn head_mut(&self) -> RwLockWriteGuard<'_, Head> {
        self.head.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The windows to be filled at start.
    pub(super) fn windows_mut(&self) -> RwLockWriteGuard<'_, Windows> {
        self.windows.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes memory equal to disk after a commit that took `elapsed`.
    pub(super) fn apply(&self, effects: Effects, elapsed: Duration) {
        let Effects {
            changes,
            windows,
            fresh,
            forgotten,
            rolled,
            newest,
            repeats,
            gone,
            blocks,
            block_readings,
            rows_deleted,
            due,
        } = effects;
        self.counters.blocks.fetch_add(blocks, Ordering::Relaxed);
        self.counters.block_readings.fetch_add(block_readings, Ordering::Relaxed);
        if !changes.is_empty() {
            self.apply_changes(changes);
        }
        if !windows.is_empty() || !gone.is_empty() {
            let mut committed = self.windows_mut();
            if !gone.is_empty() {
                committed.retain(|(device, _), _| !gone.contains(device));
            }
            committed.extend(windows);
        }
        if !fresh.is_empty() || !forgotten.is_empty() || !rolled.is_empty() || !newest.is_empty() {
            let mut head = self.head_mut();
            newest.into_iter().for_each(|(series, point)| head.offer_latest(series, point));
            rolled.into_iter().for_each(|(device, moment)| head.raw_from(device, moment));
            for gone in forgotten {
                self.tallies.forget(gone.device);
                head.forget(gone.device, gone.row, &gone.series);
                gone.reach.into_iter().for_each(|reach| head.blocks_reach(gone.device, reach));
            }
            for (row, batch) in fresh.iter().filter(|(_, batch)| !batch.is_empty()) {
                head.add(*row, batch);
            }
        }
        self.count(&fresh, repeats, elapsed);
        self.counters.journal_rows.fetch_sub(rows_deleted, Ordering::Relaxed);
        if due {
            self.outbox.notify_one();
        }
    }

    fn apply_changes(&self, changes: Vec<Change>) {
        let mut catalog = self.catalog_mut();
        for change in changes {
            match change {
                Change::PutDevice(device) => catalog.put_device(device),
                Change::PutSeries(series) => catalog.put_series(series),
                Change::PushNumber(device, series) => catalog.push_number(device, series),
                Change::RemoveDevice(device) => {
                    self.tallies.forget(device);
                    self.head_mut().remove(device, catalog.series_of(device).map(|series| series.id));
                    catalog.remove_device(device);
                }
            }
        }
    }

    fn count(&self, fresh: &[(i64, Batch)], repeats: u64, elapsed: Duration) {
        let add = |counter: &AtomicU64, more: u64| counter.fetch_add(more, Ordering::Relaxed);
        let counters = &self.counters;
        add(&counters.readings, fresh.iter().map(|(_, batch)| batch.len() as u64).sum());
        add(&counters.batches, fresh.len() as u64);
        add(&counters.journal_rows, fresh.len() as u64);
        add(&counters.repeats, repeats);
        add(&counters.commits, 1);
        add(&counters.commit_nanos, u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX));
    }
}
