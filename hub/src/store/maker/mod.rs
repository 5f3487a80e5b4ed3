//! The maker: a thread that packs what the head holds into blocks and hands them to the writer, a few at a time.
//!
//! ```text
//!   look ──▶ who is due? ──▶ [ copy from the head, pack ] ──▶ writer: blocks + cut, one small transaction ──▶ head forgets
//!                                   5 ms of work, then as long a rest;            then sweep the journal in runs
//!                                   100 ms and no rest while the journal is too long
//! ```
//!
//! Packing happens here, not on the writer: an acknowledgement waits for the insertion of finished rows at most. A device
//! is due with [`POINTS`] points of one series, or when its oldest batch has waited [`AGE`]; when the journal reaches its
//! limit (`cap`) the largest devices are due, without a rest. Small cuts are merged when there is nothing else to do (`merge`). The
//! keeper (`keeper`) deletes here what is too old or has no room. A full disk leaves everything as it is.

pub(super) mod growth;
pub(super) mod keeper;
mod kept;
pub(super) mod trust;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::WeakSender;
use tokio::sync::oneshot;

use super::Store;
use super::block::cut::{self, Cut};
use super::block::merge::{self, Merged, Run};
use super::engine::Reads;
use super::engine::nouns::Known;
use super::engine::upkeep::CatalogState;
use super::error::{Error, Result};
use super::head::Waiting;
use super::head::arrived::arrived;
use super::memory::{Forgotten, Memory};
use super::order::Order;
use super::span::{Blocks, Level, day};
use super::write::inbox::{Inbox, Scope, Write};
use crate::clock::Clock;
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::room::{NEARLY_FULL, ROOM_AGAIN};
use kept::Kept;

/// Points of a series worth a block.
const POINTS: u32 = 1024;
/// Longest a reading waits for its block.
const AGE: i64 = 2 * 3_600_000;
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// Packing between two writes.
const SLICE: Duration = Duration::from_millis(5);
/// The same while the journal is too long: each write waits for a group to be committed, which takes longer than that then.
const PRESSED_SLICE: Duration = Duration::from_millis(100);
/// Dead rows worth a sweep.
const SWEEP: usize = 8 << 20;
/// Time between two looks for what is too small and what is too old.
const TIDY: Duration = Duration::from_mins(1);
/// The catalog (devices, sensors, rules) is copied aside at least this often, even when it did not change.
const COPY: Duration = Duration::from_hours(24);
/// Orders that may wait: they come from people and tests.
const ORDERS: usize = 4;
/// Free pages given back in one transaction: 2 MiB.
pub(super) const VACUUM_PAGES: i64 = 256;

/// Starts the thread. It ends when nobody can give orders any longer, or the writer's inbox is closed.
pub(super) fn spawn(
    reads: Box<dyn Reads>,
    memory: Arc<Memory>,
    inbox: &Inbox,
) -> Result<(SyncSender<Order>, JoinHandle<()>)> {
    let (orders, waiting) = sync_channel(ORDERS);
    let next_times = reads.ask().next_span()?;
    let now = Clock.now();
    let mut maker = Maker {
        reads,
        memory,
        inbox: inbox.downgrade(),
        next_times,
        dead: SWEEP,
        tidied: now,
        copied: None,
        low: false,
        kept: Kept::default(),
    };
    maker.remember_growth()?;
    let thread = std::thread::Builder::new()
        .name("store-maker".to_owned())
        .spawn(move || maker.run(&waiting))
        .map_err(|source| Error::File { path: "store-maker".into(), source })?;
    Ok((orders, thread))
}

impl Store {
    /// Makes blocks of all readings there are, whatever their number and age, and gives free space back. For measuring,
    /// testing and backing up: the hub does this by itself, little by little.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn make_blocks(&self) -> Result<()> {
        self.order(None).await
    }

    /// Like [`Store::make_blocks`], and lets go what is too old by the clock of the caller.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn tidy_as_of(&self, now: UnixMillis) -> Result<()> {
        self.order(Some(now)).await
    }

    async fn order(&self, now: Option<UnixMillis>) -> Result<()> {
        self.ask(|done| Order::All(now, done)).await
    }

    /// Makes blocks of all readings there are of a device, and lets go of their rows in the journal.
    pub(super) async fn pack_device(&self, device: DeviceNo) -> Result<()> {
        self.ask(|done| Order::One(device, done)).await
    }

    async fn ask(&self, order: impl FnOnce(oneshot::Sender<Result<()>>) -> Order) -> Result<()> {
        let (done, told) = oneshot::channel();
        let (orders, order) = (self.orders().ok_or(Error::Closed)?, order(done));
        tokio::task::spawn_blocking(move || orders.send(order))
            .await
            .map_err(|_| Error::Closed)?
            .map_err(|_| Error::Closed)?;
        told.await.map_err(|_| Error::Closed)?
    }
}

pub(super) struct Maker {
    /// Reads only. It sees what the writer committed, and nobody else changes blocks and rollups.
    pub(super) reads: Box<dyn Reads>,
    pub(super) memory: Arc<Memory>,
    inbox: WeakSender<Write>,
    next_times: i64,
    /// When there was a look for what is too small and what is too old last.
    tidied: Instant,
    /// When who is who was copied last, and what told its state apart from others.
    copied: Option<(Instant, CatalogState)>,
    /// Whether it was said that the disk is nearly full.
    low: bool,
    /// Journal bytes that count no longer, about. A start does not know and sweeps once.
    pub(super) dead: usize,
    pub(super) kept: Kept,
}

impl Maker {
    fn run(mut self, orders: &Receiver<Order>) {
        self.keep_house();
        // Who asked may have gone; the work is done all the same.
        let answer = |outcome: Result<()>, done: oneshot::Sender<Result<()>>| {
            let ends = matches!(&outcome, Err(error) if error.is_fatal());
            let _ = done.send(outcome);
            if ends { Err(Error::Closed) } else { Ok(()) }
        };
        loop {
            let outcome = match orders.recv_timeout(LOOK) {
                Ok(Order::All(now, done)) => answer(self.all(now), done),
                Ok(Order::One(device, done)) => {
                    answer(self.make(&[device], true).and_then(|()| self.sweep(true)), done)
                }
                Err(RecvTimeoutError::Timeout) => self.look(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            match outcome {
                Ok(()) | Err(Error::Full) => {}
                Err(error) if error.is_fatal() => return,
                // The writer's to end on: the journal would grow without an end.
                Err(error @ Error::Engine { .. }) if error.is_damage() => {
                    let _ = self.write(move |_| Err::<(), _>(error));
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "readings could not be compressed and stay in the journal: {error}")
                }
            }
        }
    }

    fn all(&mut self, now: Option<UnixMillis>) -> Result<()> {
        let everybody = self.everybody();
        self.make(&everybody, true)?;
        self.sweep(true)?;
        self.merge(true)?;
        now.map_or(Ok(()), |now| self.retain(now))?;
        while self.write(|scope| scope.tx.give_back(VACUUM_PAGES))? {}
        self.memory.look_at_disk();
        Ok(())
    }

    fn everybody(&self) -> Vec<DeviceNo> {
        self.memory.head().waiting().map(|waiting| waiting.device).collect()
    }

    fn look(&mut self) -> Result<()> {
        self.memory.look_at_disk();
        let (waiting, bytes) = {
            let head = self.memory.head();
            (head.waiting().collect(), head.bytes())
        };
        let most = self.memory.cap().journal();
        let (due, pressed) = due(waiting, (bytes, most), Clock.wall());
        self.make(&due, pressed)?;
        if self.dead >= SWEEP.min(most / 4) {
            self.sweep(pressed)?;
        }
        self.make_room()?;
        if Clock.now().duration_since(self.tidied) >= TIDY {
            self.tidied = Clock.now();
            self.keep_house();
            if !pressed {
                self.merge(false)?;
            }
            let wall = Clock.wall();
            let sure = self.kept.trust.moment(wall, Clock.now());
            sure.map_or(Ok(()), |moment| self.retain(moment))?;
            self.give_back()?;
            self.look_at_growth(wall, sure.is_some())?;
        }
        Ok(())
    }

    /// Copies who is who for a day when the database is damaged, if it changed or is a day old; says it when the disk is
    /// nearly full.
    fn keep_house(&mut self) {
        let (now, state) = (Clock.now(), self.reads.ask().catalog_state());
        let is_fresh =
            |(at, of): (Instant, _)| state.as_ref().is_ok_and(|state| of == *state) && now.duration_since(at) < COPY;
        if !self.copied.is_some_and(is_fresh) {
            match state.and_then(|state| self.reads.ask().copy_catalog().map(|()| state)) {
                Ok(state) => self.copied = Some((now, state)),
                Err(error) => tracing::warn!(%error, "devices and rules could not be copied: {error}"),
            }
        }
        let limit = if self.low { ROOM_AGAIN } else { NEARLY_FULL };
        let room = self.memory.engine.room().filter(|room| room.used_pct() >= limit);
        if let (Some(room), false) = (room, self.low) {
            tracing::warn!(free = room.free, "the disk is nearly full: {} MiB are left", room.free >> 20);
        }
        self.low = room.is_some();
    }

    /// Cuts these devices, a few a transaction; a device with much in the journal takes several.
    fn make(&mut self, devices: &[DeviceNo], pressed: bool) -> Result<()> {
        let cap = self.memory.cap();
        // With the row up to which each is to be cut: what comes meanwhile is for the next look.
        let mut devices: VecDeque<(DeviceNo, Option<i64>)> = devices.iter().map(|device| (*device, None)).collect();
        while !devices.is_empty() {
            // Also when it came to that on the way: a thousand devices that are due take a while.
            let pressed = pressed || self.memory.head().bytes() >= cap.journal();
            let (began, mut cuts, mut bytes) = (Clock.now(), Vec::new(), 0);
            while let Some((device, last)) = devices.pop_front() {
                let mut fresh = self.memory.head().copy(device, UnixMillis(i64::MIN), UnixMillis(i64::MAX));
                let last = last.or_else(|| fresh.newest_row());
                fresh.truncate(cap.cut());
                let numbers = self.memory.catalog().sensor_numbers(device).into_owned();
                bytes += fresh.bytes();
                if let Some(cut) = cut::cut(device, &numbers, &fresh, &mut self.next_times)? {
                    if last.is_some_and(|last| cut.row < last) {
                        // Not before this one is written: the head still has it.
                        devices.push_back((device, last));
                    }
                    cuts.push((arrived(&fresh, 0), cut));
                }
                let enough = Clock.now().duration_since(began) >= if pressed { PRESSED_SLICE } else { SLICE };
                let twice = devices.front().is_some_and(|(next, _)| cuts.iter().any(|(_, cut)| cut.device == *next));
                if enough || twice || bytes >= cap.cut() {
                    break;
                }
            }
            let worked = Clock.now().duration_since(began);
            self.make_room_for(bytes)?;
            let written =
                self.write(move |scope| cuts.into_iter().try_for_each(|(arrived, cut)| insert(scope, cut, &arrived)));
            self.memory.counters.reserve(0);
            written?;
            self.dead += bytes;
            if cap.bytes.is_some() && self.dead >= cap.cut() {
                self.sweep(pressed)?;
            }
            rest(worked, pressed);
        }
        Ok(())
    }

    /// Merges small cuts, a few a transaction: all there are, without a rest, or those that have waited long enough.
    fn merge(&mut self, all: bool) -> Result<()> {
        let small = self.reads.ask().small_cuts()?;
        let mut runs = {
            let catalog = self.memory.catalog();
            let today = (!all).then(|| day(Clock.wall()));
            VecDeque::from(merge::runs(&small, today, |device| catalog.series_of(device).count()))
        };
        while !runs.is_empty() {
            // Before they are read: what gives way to the cap is not to come back.
            self.make_room_for(self.memory.cap().cut())?;
            let merged = self.merge_some(&mut runs, all);
            self.memory.counters.reserve(0);
            merged?;
        }
        Ok(())
    }

    fn merge_some(&mut self, runs: &mut VecDeque<Run>, all: bool) -> Result<()> {
        let (began, mut merged) = (Clock.now(), Vec::new());
        while let Some(run) = runs.pop_front() {
            let moment = self.reads.hold()?;
            merged.push(merge::merge(self.reads.ask(), run, &mut self.next_times)?);
            drop(moment);
            // One at a time under a cap: room is kept for one.
            if Clock.now().duration_since(began) >= SLICE || self.memory.cap().bytes.is_some() {
                break;
            }
        }
        let worked = Clock.now().duration_since(began);
        self.write(move |scope| {
            let is_there = |merged: &&Merged| scope.has_device(merged.device);
            merged.iter().filter(is_there).try_for_each(|merged| merged.write(scope.tx))
        })?;
        rest(worked, all);
        Ok(())
    }

    /// Deletes journal rows that count no longer, run by run.
    pub(super) fn sweep(&mut self, pressed: bool) -> Result<()> {
        // Whatever goes below is from before this: nobody else says what is in blocks.
        self.write(|scope| {
            scope.own.saves_windows = true;
            Ok(())
        })?;
        let mut from = Some(0);
        while let Some(begin) = from {
            let began = Clock.now();
            from = self.write(move |scope| {
                let (deleted, next) = scope.tx.sweep(begin)?;
                scope.own.rows_deleted += deleted as u64;
                Ok(next)
            })?;
            rest(Clock.now().duration_since(began), pressed);
        }
        self.dead = 0;
        Ok(())
    }

    /// Runs `work` on the writer in its next group, and waits for it.
    pub(super) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Scope<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        // Weak, so that the writer ends when the store is closed, whatever the maker is doing.
        let inbox = self.inbox.upgrade().ok_or(Error::Closed)?;
        let (write, answered) = Write::change(work);
        inbox.blocking_send(write).map_err(|_| Error::Closed)?;
        drop(inbox);
        answered.blocking_recv().map_err(|_| Error::Closed)?
    }
}

pub(super) fn rest(worked: Duration, pressed: bool) {
    if !pressed {
        std::thread::sleep(worked.min(SLICE * 4));
    }
}

/// Devices that are due, longest waiting first; and whether the journal is so large that there is no time to rest.
fn due(mut waiting: Vec<Waiting>, (bytes, most): (usize, usize), now: UnixMillis) -> (Vec<DeviceNo>, bool) {
    if bytes >= most {
        waiting.sort_unstable_by_key(|waiting| std::cmp::Reverse(waiting.bytes));
        let mut enough = bytes / 2;
        waiting.retain(|waiting| {
            let wanted = enough > 0;
            enough = enough.saturating_sub(waiting.bytes);
            wanted
        });
        return (waiting.into_iter().map(|waiting| waiting.device).collect(), true);
    }
    waiting.retain(|waiting| waiting.points >= POINTS || now.since(waiting.since) >= AGE);
    waiting.sort_unstable_by_key(|waiting| waiting.since);
    (waiting.into_iter().map(|waiting| waiting.device).collect(), false)
}

/// Writes a cut into the open transaction, unless its device is gone.
fn insert(scope: &mut Scope<'_>, cut: Cut, arrived: &Known) -> Result<()> {
    let Cut { device, row, series, blocks } = cut;
    if !scope.has_device(device) {
        return Ok(());
    }
    scope.tx.put_blocks(device, &blocks, Level::Cut)?;
    scope.tx.cut(device, row)?;
    scope.tx.add_to_ledger(device, arrived)?;
    let newest: Vec<_> = {
        let head = scope.memory.head();
        series.iter().filter_map(|series| Some((*series, head.latest(*series)?))).collect()
    };
    scope.tx.save_latest(&newest)?;
    let Blocks { reach, readings, columns, .. } = blocks;
    scope.own.blocks += columns.len() as u64;
    scope.own.block_readings += readings as u64;
    scope.own.forgotten.push(Forgotten { device, row, reach: Some(reach), series });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOURNAL: usize = 64 << 20;

    fn waiting(device: u32, points: u32, since: i64, bytes: usize) -> Waiting {
        Waiting { device: DeviceNo(device), points, since: UnixMillis(since), bytes }
    }

    #[test]
    fn points_or_age_make_a_device_due_and_the_oldest_comes_first() {
        let all = vec![waiting(1, 1_024, 500, 9), waiting(2, 3, 0, 9), waiting(3, 1_023, 600, 9)];
        assert_eq!(due(all, (27, JOURNAL), UnixMillis(AGE)), (vec![DeviceNo(2), DeviceNo(1)], false));
    }

    #[test]
    fn a_full_journal_takes_the_largest_until_it_is_half() {
        let all = vec![waiting(1, 1, 0, JOURNAL / 8), waiting(2, 1, 0, JOURNAL * 5 / 8), waiting(3, 1, 0, JOURNAL / 4)];
        assert_eq!(due(all, (JOURNAL, JOURNAL), UnixMillis(0)), (vec![DeviceNo(2)], true));
    }
}
