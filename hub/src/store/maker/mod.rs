//! The maker: a thread that packs what the head holds into blocks and hands them to the writer, a few at a time.
//!
//! ```text
//!   look ──▶ who is due? ──▶ [ copy from the head, pack ] ──▶ writer: blocks + cut, one small transaction ──▶ head forgets
//!                                   5 ms of work, then as long a rest;            then sweep the journal in runs
//!                                   100 ms and no rest while the journal is too long
//! ```
//!
//! Packing happens here, not on the writer: an acknowledgement waits for the insertion of finished rows at most. What is due at a
//! look is the plan's to decide ([`plan`]), and how long to work and to rest ([`slice`](mod@slice)). Small cuts are merged when there
//! is nothing else to do. The keeper (`keeper`) deletes here what is too old or has no room. A full disk leaves everything as it is.

mod growth;
mod keeper;
mod kept;
mod pack;
mod plan;
mod slice;
mod trust;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::{self, WeakSender};
use tokio::sync::oneshot;

use super::Store;
use super::engine::Reads;
use super::error::{Error, Result};
use super::memory::Memory;
use super::order::Order;
use super::receiving::{Came, Receiving};
use super::write::inbox::{Inbox, OpenWrite, Write};
use crate::clock::Timepiece;
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use kept::Kept;
use plan::{Journal, Plan, Step};

/// Orders that may wait: they come from people and tests.
const ORDERS: usize = 4;
/// Free pages given back in one transaction: 2 MiB.
const VACUUM_PAGES: i64 = 256;

/// Starts the thread. It ends when nobody can give orders any longer, or the writer's inbox is closed.
pub(super) fn spawn(
    reads: Box<dyn Reads>,
    (memory, clock): (Arc<Memory>, Timepiece),
    inbox: &Inbox,
) -> Result<(mpsc::Sender<Order>, JoinHandle<()>)> {
    let (orders, waiting) = mpsc::channel(ORDERS);
    let waiting = Receiving::new(waiting, clock.clone());
    let next_times = reads.ask().next_span()?;
    let looks = reads.ask().looks()?;
    let plan = Plan::new(clock.now(), looks.last().map(|look| look.at));
    let mut maker = Maker { reads, memory, inbox: inbox.downgrade(), clock, next_times, plan, kept: Kept::default() };
    maker.remember_growth(looks)?;
    let thread = std::thread::Builder::new()
        .name("store-maker".to_owned())
        .spawn(move || maker.run(waiting))
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
        let orders = self.orders().ok_or(Error::Closed)?;
        orders.send(order(done)).await.map_err(|_| Error::Closed)?;
        told.await.map_err(|_| Error::Closed)?
    }
}

struct Maker {
    /// Reads only. It sees what the writer committed, and nobody else changes blocks and rollups.
    reads: Box<dyn Reads>,
    memory: Arc<Memory>,
    inbox: WeakSender<Write>,
    clock: Timepiece,
    next_times: i64,
    plan: Plan,
    kept: Kept,
}

impl Maker {
    fn run(mut self, mut orders: Receiving<Order>) {
        self.keep_house();
        let mut order = Vec::with_capacity(1);
        loop {
            let outcome = match orders.receive(&mut order, 1, Some(Plan::next_look(self.clock.now()))) {
                Came::Something => order.drain(..).try_for_each(|order| self.follow(order)),
                Came::Nothing => self.look(),
                Came::TheEnd => return,
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

    /// Does what is asked. Its error is told to whoever asked; what ends the maker ends it.
    fn follow(&mut self, order: Order) -> Result<()> {
        let (outcome, done) = match order {
            Order::All(now, done) => (self.all(now), done),
            Order::One(device, done) => (self.make(&[device], true).and_then(|()| self.sweep(true)), done),
        };
        let ends = matches!(&outcome, Err(error) if error.is_fatal());
        // Who asked may have gone; the work is done all the same.
        let _ = done.send(outcome);
        if ends { Err(Error::Closed) } else { Ok(()) }
    }

    fn all(&mut self, now: Option<UnixMillis>) -> Result<()> {
        let everybody: Vec<_> = self.memory.head().waiting().map(|waiting| waiting.device).collect();
        self.make(&everybody, true)?;
        self.sweep(true)?;
        self.merge(true)?;
        now.map_or(Ok(()), |now| self.retain(now))?;
        while self.write(|open| open.tx.give_back(VACUUM_PAGES))? {}
        self.memory.look_at_disk();
        Ok(())
    }

    fn look(&mut self) -> Result<()> {
        self.memory.look_at_disk();
        let (waiting, bytes) = {
            let head = self.memory.head();
            (head.waiting().collect(), head.bytes())
        };
        self.plan.look(Journal { waiting, bytes, most: self.memory.cap().journal() }, self.clock.wall());
        while let Some(step) = self.plan.next(self.clock.now(), self.clock.wall()) {
            self.step(step)?;
        }
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<()> {
        let pressed = self.plan.is_pressed();
        match step {
            Step::Pack(devices) => self.make(&devices, pressed),
            Step::Sweep => self.sweep(pressed),
            Step::MakeRoom => self.make_room(),
            Step::KeepHouse => {
                self.keep_house();
                Ok(())
            }
            Step::Merge => self.merge(false),
            Step::LetGo(now) => self.retain(now),
            Step::GiveBack => self.give_back(),
            Step::Measure { at, sure } => self.look_at_growth(at, sure),
        }
    }

    /// Copies who is who for a day when the database is damaged, if it changed or is a day old; says it when the disk is
    /// nearly full.
    fn keep_house(&mut self) {
        let (now, state) = (self.clock.now(), self.reads.ask().catalog_state());
        if !state.as_ref().is_ok_and(|state| !self.plan.copy_is_due(now, state)) {
            match state.and_then(|state| self.reads.ask().copy_catalog().map(|()| state)) {
                Ok(state) => self.plan.copied(now, state),
                Err(error) => tracing::warn!(%error, "devices and rules could not be copied: {error}"),
            }
        }
        let room = self.memory.engine.room();
        if self.plan.says_low(room) {
            let free = room.map_or(0, |room| room.free);
            tracing::warn!(free, "the disk is nearly full: {} MiB are left", free >> 20);
        }
    }

    /// Runs `work` on the writer in its next group, and waits for it.
    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut OpenWrite<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        // Weak, so that the writer ends when the store is closed, whatever the maker is doing.
        let inbox = self.inbox.upgrade().ok_or(Error::Closed)?;
        let (write, answered) = Write::change(work);
        inbox.blocking_send(write).map_err(|_| Error::Closed)?;
        drop(inbox);
        answered.blocking_recv().map_err(|_| Error::Closed)?
    }

    fn rest(&self, rest: Duration, pressed: bool) {
        if !pressed {
            self.clock.sleep(rest);
        }
    }
}
