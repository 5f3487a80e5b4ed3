//! The one durable thing: a SQLite file in WAL mode with `synchronous=FULL`, one writer thread, many readers.
//!
//! Promises:
//!
//! - [`Store::commit`] returns only after the batches, the receive windows, the alert changes and the deliveries they
//!   caused are on disk, in one transaction. A power cut after that cannot take them back.
//! - A batch is stored once, however often it is committed: the writer keeps each device's committed receive window.
//! - Reads never wait for the writer, and never see half a commit.
//! - [`Store::catalog`] and the head change only after the commit that changes them.
//!
//! ```text
//!   write    commits, in groups ──▶ head    not yet in blocks: the journal, and what of it is in memory
//!   maker    a thread ────────────▶ block   blocks, and small ones merged      rollup   minutes and hours, what is let go
//!   query    what is asked of head, blocks and rollups                         catalog  devices, sensors, rules, deliveries
//!   pack     columns in few bytes, PURE                                        recover  what damage left, brought back
//!   ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
//!   engine   the port: what is asked of a database, and how it is changed      sqlite   the one that answers: SQL, the file
//! ```
//!
//! Nothing above `engine` knows which database it is, and nothing in `sqlite` knows what the store decides: `open` brings the two
//! together. SQL appears nowhere else in the hub (`hub/tests/house`).

mod block;
mod cap;
mod catalog;
mod check;
mod engine;
mod error;
mod handle;
mod head;
mod maker;
mod memory;
mod open;
mod order;
mod pack;
mod pairs;
mod query;
mod readers;
mod rebuild;
mod receiving;
mod recover;
mod rollup;
mod samples;
mod secret;
mod span;
mod sqlite;
mod stats;
mod tier;
mod trouble;
mod windows;
mod write;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{PoisonError, RwLockReadGuard};

pub use catalog::devices::DeviceNote;
pub use catalog::given::{Origin, Said, Wish};
pub use catalog::swap::Replaced;
pub use catalog::users::Who;
pub use engine::nouns::{AlertQuery, DeliveryQuery, NewJoinToken, OfRule, Swap};
pub use engine::salvage::Recovered;
pub use error::{Error, Fault, Result};
pub use handle::Store;
pub use query::Page;
pub use query::aggregate::{Aggregated, Aggregates, Buckets, Columns, Group, Query};
pub use query::sweep::Sweeper;
pub use secret::SecretKey;
pub use sqlite::file::is_own_file;
pub use sqlite::file::room::on as room_on;
pub use sqlite::recover::backup::{Contents, backup, restore};
pub use sqlite::recover::sealed::{backup_sealed, is_sealed, restore_sealed};
pub use stats::{Checked, Growth, Stats};
pub use tier::Tier;
pub use trouble::Trouble;
pub use write::acting::{acts, with_actor};
pub use write::commit::{Commit, Committed, Floor};

use crate::clock::Timepiece;
use crate::model::UnixMillis;
use crate::model::audit::Actor;
use crate::model::catalog::Catalog;
use crate::model::device::DeviceNo;
use crate::model::limits::Limits;
use crate::model::reading::SeriesId;
use crate::model::retention::{Ages, Preview, Retention};
use cap::PAGE;
use rollup::retention;

/// Where the store lives and how much it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Data directory; made with mode 0700.
    pub dir: PathBuf,
    /// Read-only connections. Four: twice the cores of a small machine, so that one wide query does not stop the rest.
    pub readers: usize,
    /// Cap on the database file with its log and the log's index together. The oldest readings give way; commits answer
    /// [`Error::Full`] only when nothing is left to give way.
    pub max_bytes: Option<u64>,
    /// How long readings are kept. For ever unless set: nothing that was acknowledged goes by itself.
    pub retention: Retention,
    /// How many devices and series it takes.
    pub limits: Limits,
    /// Who changes it, where no request says so: a person with a command.
    pub actor: Option<Actor>,
    /// By which it waits, and dates what it does. The machine's, unless a test moves one by hand.
    pub clock: Timepiece,
}

impl Default for Config {
    fn default() -> Self {
        let (retention, limits) = (Retention::default(), Limits::default());
        Self {
            dir: PathBuf::from("data"),
            readers: 4,
            max_bytes: None,
            retention,
            limits,
            actor: None,
            clock: Timepiece::Machine,
        }
    }
}

impl Store {
    /// What exists. Hold it briefly, never across an await.
    pub fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        self.memory().catalog()
    }

    /// Counters and sizes, all from memory: whoever asks does not wait for the disk.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counters = &self.memory().counters;
        let seen = self.memory().seen();
        let journal_bytes = self.memory().head().bytes() as u64;
        Stats {
            readings_total: counters.readings.load(Ordering::Relaxed),
            batches_total: counters.batches.load(Ordering::Relaxed),
            repeats_total: counters.repeats.load(Ordering::Relaxed),
            commits_total: counters.commits.load(Ordering::Relaxed),
            commit_seconds: counters.commit_nanos.load(Ordering::Relaxed) as f64 / 1e9,
            file_bytes: seen.file,
            wal_bytes: seen.log,
            used_bytes: u64::try_from(counters.pages() * PAGE).unwrap_or(0),
            max_bytes: self.memory().cap().bytes,
            usable_bytes: self.memory().cap().usable(),
            recycled_to: counters.recycled_to(),
            growth: self.memory().growth(),
            journal_rows: counters.journal_rows.load(Ordering::Relaxed),
            journal_bytes,
            blocks_total: counters.blocks.load(Ordering::Relaxed),
            block_readings_total: counters.block_readings.load(Ordering::Relaxed),
            reads: self.readers().reads(),
            full: self.is_full(),
            room: seen.room,
            set_aside: seen.set_aside.len(),
            checked: self.memory().checked(),
        }
    }

    /// How many devices and series it takes.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.memory().limits
    }

    /// How long readings are kept.
    #[must_use]
    pub fn retention(&self) -> Retention {
        self.memory().retention()
    }

    /// Sets how long readings are kept from now on. Not stored: the caller stores it.
    pub fn set_retention(&self, retention: Retention) {
        self.memory().set_retention(retention);
    }

    /// What a policy would delete at `now`, of readings that are in blocks.
    ///
    /// # Errors
    /// Those of any read; `Busy` when there is so much to weigh that it takes longer than 10 s.
    pub async fn preview_retention(&self, retention: Retention, now: UnixMillis) -> Result<Preview> {
        let memory = self.memory_shared();
        self.readers()
            .run(move |reader| {
                let devices: Vec<(DeviceNo, Ages, Vec<SeriesId>)> = {
                    let catalog = memory.catalog();
                    let series = |no| catalog.series_of(no).map(|series| series.id).collect();
                    catalog
                        .devices()
                        .map(|device| (device.no, retention.of(&device.labels), series(device.no)))
                        .collect()
                };
                let mut sum = Preview::default();
                if let Some(before) = retention::begins(retention.alerts, now) {
                    sum.alerts = reader.ask()?.old_alerts(before)?;
                }
                for (device, ages, series) in devices {
                    reader.go_on()?;
                    let own = retention::preview(reader.ask()?, (device, &series), ages, now)?;
                    sum.readings += own.readings;
                    sum.minute_days += own.minute_days;
                    sum.hour_weeks += own.hour_weeks;
                    sum.bytes += own.bytes;
                }
                Ok(sum)
            })
            .await
    }

    /// Whether another process (a command beside the hub) wrote since the last call. Cheap.
    ///
    /// # Errors
    /// Those of any read.
    pub fn changed_elsewhere(&self) -> Result<bool> {
        let mut desk = self.inner.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let (reads, seen) = &mut *desk;
        let written = reads.ask().writes_beside()?;
        let changed = std::mem::replace(seen, written) != written;
        if changed {
            // Readings may have been salvaged.
            rebuild::refresh(reads.ask(), &mut self.memory().head_mut())?;
        }
        Ok(changed)
    }

    /// Lets the writer finish what was sent to it, checkpoint, and end. Other clones answer [`Error::Closed`] after, and
    /// nothing of this store touches the directory any longer: the next one may open it.
    ///
    /// # Errors
    /// The disk failed while the log was copied back. What was committed is in the log, and the next start reads it.
    pub async fn close(self) -> Result<()> {
        drop(self.inner.inbox.lock().unwrap_or_else(PoisonError::into_inner).take());
        let maker = self.inner.maker.lock().unwrap_or_else(PoisonError::into_inner).take();
        let writer = self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ended = tokio::task::spawn_blocking(move || {
            // The maker first: the lock on the directory goes with the writer. It ends when nobody can give it orders; a panic
            // was reported by the thread itself.
            if let Some((orders, thread)) = maker {
                drop(orders);
                let _ = thread.join();
            }
            writer.and_then(|thread| thread.join().ok()).unwrap_or(Ok(()))
        });
        ended.await.unwrap_or(Ok(()))
    }
}
