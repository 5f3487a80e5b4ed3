//! The store's state in memory, and the changes to it that wait for their commit.
//!
//! Invariant: [`Memory`] equals what is on disk. The writer collects [`Effects`] while a transaction is open and applies
//! them after COMMIT; a rolled-back write drops its effects with itself.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::Notify;

use super::cap::Cap;
use super::engine::Engine;
use super::engine::upkeep::Seen;
use super::head::Head;
use super::head::tally::Tallies;
use super::stats::{Checked, Growth};
use super::windows::Windows;
use crate::model::catalog::{Catalog, Series};
use crate::model::device::{Device, DeviceNo};
use crate::model::limits::Limits;
use crate::model::reading::{Batch, Digest, Point, SeriesId};
use crate::model::retention::Retention;
use crate::model::{BatchSeq, Epoch, Numbering, SensorNo, UnixMillis};

/// Contents of batches, the newest last.
pub(super) type Digests = HashMap<DeviceNo, Vec<(Epoch, BatchSeq, Digest)>>;

/// Everything that readers share and only the writer changes.
#[derive(Debug)]
pub(super) struct Memory {
    catalog: RwLock<Catalog>,
    head: RwLock<Head>,
    windows: RwLock<Windows>,
    /// Contents of the batches in the journal at the start, until they are asked for.
    digests: RwLock<Digests>,
    pub(super) tallies: Tallies,
    retention: RwLock<Retention>,
    growth: RwLock<Growth>,
    checked: RwLock<Option<Checked>>,
    /// See [`Memory::seen`].
    seen: RwLock<Arc<Seen>>,
    /// See [`Memory::cap`].
    cap: Cap,
    pub(super) limits: Limits,
    /// To ask its disk.
    pub(super) engine: Arc<dyn Engine>,
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
    /// See [`Store::is_full`](super::Store::is_full).
    pub(super) full: AtomicBool,
    /// Whether the disk has so little room that everything is done in small steps.
    pub(super) scarce: AtomicBool,
    /// Pages in use at the last look.
    pages: AtomicI64,
    /// Pages that blocks need which are about to be written.
    reserved: AtomicI64,
    /// When the newest reading came that gave way to the cap; `NEVER` while none did.
    recycled_to: AtomicI64,
}

/// No moment.
const NEVER: i64 = i64::MIN;

impl Counters {
    pub(super) fn note_pages(&self, pages: i64) {
        self.pages.store(pages, Ordering::Relaxed);
    }

    /// Pages in use at the last look.
    pub(super) fn pages(&self) -> i64 {
        self.pages.load(Ordering::Relaxed)
    }

    /// Keeps readings from taking the pages that blocks are about to need.
    pub(super) fn reserve(&self, pages: i64) {
        self.reserved.store(pages, Ordering::Relaxed);
    }

    /// Pages that blocks are about to need.
    pub(super) fn reserved(&self) -> i64 {
        self.reserved.load(Ordering::Relaxed)
    }

    /// Readings that came up to a moment give way to the cap.
    pub(super) fn recycled(&self, received: UnixMillis) {
        self.recycled_to.fetch_max(received.0, Ordering::Relaxed);
    }

    /// When the newest reading came that gave way to the cap since the start.
    pub(super) fn recycled_to(&self) -> Option<UnixMillis> {
        let at = self.recycled_to.load(Ordering::Relaxed);
        (at != NEVER).then_some(UnixMillis(at))
    }
}

/// A change to the catalog, to be made once it is on disk.
#[derive(Debug)]
pub(super) enum Change {
    PutDevice(Device),
    RemoveDevice(DeviceNo),
    PutSeries(Series),
    PushNumber(DeviceNo, SensorNo, SeriesId),
    Renumber(DeviceNo, Numbering),
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
    /// Points that are the newest of their series, unless a newer one is known.
    pub(super) newest: Vec<(SeriesId, Point)>,
    pub(super) repeats: u64,
    /// Devices deleted by this transaction: batches behind it in the same group go nowhere.
    pub(super) gone: HashSet<DeviceNo>,
    /// Devices that go on with other hardware: the windows of the old are no longer theirs.
    pub(super) anew: HashSet<DeviceNo>,
    /// Devices and series added.
    pub(super) devices_added: usize,
    pub(super) series_added: usize,
    /// Blocks made, and the readings in them.
    pub(super) blocks: u64,
    pub(super) block_readings: u64,
    /// Journal rows deleted.
    pub(super) rows_deleted: u64,
    /// Whether the journal ceases to tell of batches: see `window`.
    pub(super) saves_windows: bool,
    /// Whether a delivery became due.
    pub(super) due: bool,
}

impl Effects {
    /// Adds the effects of a later write.
    pub(super) fn absorb(&mut self, later: Self) {
        self.changes.extend(later.changes);
        self.windows.retain(|(device, _), _| !later.anew.contains(device));
        self.windows.extend(later.windows);
        self.windows.retain(|(device, _), _| !later.gone.contains(device));
        self.fresh.retain(|(_, batch)| !later.gone.contains(&batch.id.device));
        self.fresh.extend(later.fresh);
        self.forgotten.extend(later.forgotten);
        self.newest.extend(later.newest);
        self.repeats += later.repeats;
        self.devices_added += later.devices_added;
        self.series_added += later.series_added;
        self.blocks += later.blocks;
        self.block_readings += later.block_readings;
        self.rows_deleted += later.rows_deleted;
        self.saves_windows |= later.saves_windows;
        self.gone.extend(later.gone);
        self.anew.extend(later.anew);
        self.due |= later.due;
    }
}

impl Memory {
    pub(super) fn new(engine: Arc<dyn Engine>, cap: Cap, limits: Limits, retention: Retention) -> Self {
        let counters = Counters { recycled_to: AtomicI64::new(NEVER), ..Counters::default() };
        Self {
            catalog: RwLock::default(),
            head: RwLock::default(),
            windows: RwLock::default(),
            digests: RwLock::default(),
            tallies: Tallies::default(),
            retention: RwLock::new(retention),
            growth: RwLock::default(),
            checked: RwLock::default(),
            seen: RwLock::new(Arc::new(engine.seen())),
            cap,
            limits,
            engine,
            counters,
            outbox: Arc::default(),
        }
    }

    /// How long readings are kept.
    pub(super) fn retention(&self) -> Retention {
        self.retention.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_retention(&self, retention: Retention) {
        *self.retention.write().unwrap_or_else(PoisonError::into_inner) = retention;
    }

    /// How fast the file grows, by the last look.
    pub(super) fn growth(&self) -> Growth {
        *self.growth.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_growth(&self, growth: Growth) {
        *self.growth.write().unwrap_or_else(PoisonError::into_inner) = growth;
    }

    /// How the cap is divided, and while the disk has little room, how small the steps are.
    pub(super) fn cap(&self) -> Cap {
        if self.counters.scarce.load(Ordering::Relaxed) { self.cap.in_small_steps() } else { self.cap }
    }

    /// How the last check of the file's pages went.
    pub(super) fn checked(&self) -> Option<Checked> {
        *self.checked.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_checked(&self, checked: Checked) {
        *self.checked.write().unwrap_or_else(PoisonError::into_inner) = Some(checked);
    }

    /// What the file system said of the database at the maker's last look, a quarter of a second ago or as long as it has
    /// been at work.
    pub(super) fn seen(&self) -> Arc<Seen> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the file system, which may hang.
    pub(super) fn look_at_disk(&self) {
        let seen = Arc::new(self.engine.seen());
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = seen;
    }

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

    /// Contents of batches, to be filled at start and taken once.
    pub(super) fn digests_mut(&self) -> RwLockWriteGuard<'_, Digests> {
        self.digests.write().unwrap_or_else(PoisonError::into_inner)
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
            newest,
            repeats,
            gone,
            anew,
            // Counted again with the catalog.
            devices_added: _,
            series_added: _,
            blocks,
            block_readings,
            rows_deleted,
            saves_windows: _,
            due,
        } = effects;
        self.counters.blocks.fetch_add(blocks, Ordering::Relaxed);
        self.counters.block_readings.fetch_add(block_readings, Ordering::Relaxed);
        if !changes.is_empty() {
            self.apply_changes(changes);
        }
        if !windows.is_empty() || !gone.is_empty() || !anew.is_empty() {
            let mut committed = self.windows_mut();
            if !gone.is_empty() || !anew.is_empty() {
                committed.retain(|(device, _), _| !gone.contains(device) && !anew.contains(device));
            }
            committed.extend(windows);
        }
        if !fresh.is_empty() || !forgotten.is_empty() || !newest.is_empty() {
            let mut head = self.head_mut();
            newest.into_iter().for_each(|(series, point)| head.offer_latest(series, point));
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
                Change::PushNumber(device, number, series) => catalog.push_number(device, number, series),
                Change::Renumber(device, numbering) => {
                    self.tallies.forget(device);
                    catalog.renumber(device, numbering);
                }
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
