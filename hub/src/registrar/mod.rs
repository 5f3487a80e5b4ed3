//! Handles what devices send that is not a reading: joins, sensors and links.
//!
//! It takes the endpoint's events, asks the store, and tells the endpoint the result. Many are handled at a time: each
//! waits for its commit, and commits that wait together become one, so thousands of devices join within seconds. Twice
//! a second it looks for join tokens that a command beside the hub made, and writes the ledger reports that came
//! meanwhile; once a second it looks for devices that went silent.

mod events;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use wire::ledger::Report;

use crate::clock::Clock;
use crate::live::{Bus, Update};
use crate::model::device::{DeviceNo, Standing};
use crate::model::{DeviceId, UnixMillis};
use crate::presence::Presence;
use crate::proto::command::{Command, Known};
use crate::proto::event::Event;
use crate::store::{self, DeviceNote, Floor, Store};

/// Longest time until the hub notices what a command beside it changed.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often it is saved when devices were last seen, and how often their readings are pushed.
const NOTE_EVERY: u32 = 60;

/// Events under way at once: what one commit may carry of them.
const AT_ONCE: usize = 128;
/// Reports of the ledger that wait for the next look, to be written together: those of 10,000 devices for over a minute.
const MAX_REPORTS: usize = 8_192;
/// Devices whose reports one command confirms: half of the datagrams that the endpoint holds until it next sends.
const ANSWERS_AT_ONCE: usize = 512;

/// What the registrar works with.
#[derive(Clone)]
pub(crate) struct Registrar {
    pub commands: mpsc::Sender<Command>,
    pub floors: mpsc::Sender<Floor>,
    /// Set when a join took a use from a token: the endpoint hears of it at the next look. The store counts exactly.
    pub tokens_used: Arc<AtomicBool>,
    /// Reports of the ledger since the last look.
    pub reports: Arc<Mutex<Vec<(DeviceNo, Report)>>>,
    /// Devices of which nothing is under way any more, for whoever waits for that.
    pub parted: broadcast::Sender<DeviceId>,
    /// Told when a command beside the hub wrote something: it may have ended sessions or tokens.
    pub access_ended: watch::Sender<()>,
    /// Where devices are kept.
    pub store: Store,
    /// Tells the rules that devices or sensors changed.
    pub rules_changed: Arc<Notify>,
    /// Links and pending devices.
    pub presence: Arc<Presence>,
    pub bus: Bus,
    pub clock: Clock,
}

impl Registrar {
    /// Runs until the endpoint drops its sender.
    ///
    /// # Errors
    /// The store failed for good.
    pub(crate) async fn run(self, mut events: mpsc::Receiver<Event>) -> Result<(), store::Error> {
        self.tell_tokens().await?;
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let mut online = HashSet::new();
        let mut looks = 0_u32;
        let mut under_way: FuturesUnordered<BoxFuture<'static, Result<(), store::Error>>> = FuturesUnordered::new();
        loop {
            tokio::select! {
                event = events.recv(), if under_way.len() < AT_ONCE => match event {
                    Some(Event::Parted(id)) => {
                        while let Some(done) = under_way.next().await {
                            registered(done)?;
                        }
                        self.record_reports().await?;
                        // What it gave up is in the pipeline's hands once there is room for everything.
                        let _ = self.floors.reserve_many(self.floors.max_capacity()).await;
                        // Who asked may have gone.
                        let _ = self.parted.send(id);
                    }
                    Some(event) => {
                        let desk = self.clone();
                        under_way.push(Box::pin(async move { desk.handle(event).await }));
                    }
                    None => break,
                },
                Some(done) = under_way.next() => registered(done)?,
                _ = look.tick() => {
                    looks = looks.wrapping_add(1);
                    let is_changed = self.store.changed_elsewhere()?;
                    if is_changed {
                        self.access_ended.send_replace(());
                    }
                    if is_changed | self.tokens_used.swap(false, Ordering::Relaxed) {
                        let told = self.tell_tokens().await;
                        self.tokens_used.fetch_or(told.is_err(), Ordering::Relaxed);
                        put_off(told)?;
                    }
                    self.record_reports().await?;
                    if looks.is_multiple_of(2) {
                        self.tell_status(&mut online);
                    }
                    if looks.is_multiple_of(2 * NOTE_EVERY) {
                        put_off(self.note_links().await)?;
                    }
                }
            }
        }
        while let Some(done) = under_way.next().await {
            registered(done)?;
        }
        self.record_reports().await?;
        put_off(self.note_links().await)
    }

    /// Writes what devices reported since the last look, all of it in one change, and lets them know.
    async fn record_reports(&self) -> Result<(), store::Error> {
        let reports = std::mem::take(&mut *self.reports.lock().unwrap_or_else(PoisonError::into_inner));
        if reports.is_empty() {
            return Ok(());
        }
        let numbers: Vec<_> = reports.iter().map(|(device, report)| (*device, report.epoch, report.number)).collect();
        match self.store.record_ledger(reports, self.clock.wall()).await {
            Ok(()) => {
                for some in numbers.chunks(ANSWERS_AT_ONCE) {
                    let _ = self.commands.send(Command::Recorded(some.to_vec())).await;
                }
                Ok(())
            }
            Err(error) if error.is_fatal() => Err(error),
            // The disk is full, which is said elsewhere: devices that are not answered report again.
            Err(_) => Ok(()),
        }
    }

    /// Tells the endpoint a device as the store knows it.
    async fn tell_known(&self, no: DeviceNo) {
        if let Some(known) = known(&self.store, no) {
            let _ = self.commands.send(Command::Known(Box::new(known))).await;
        }
    }

    async fn tell_tokens(&self) -> Result<(), store::Error> {
        let tokens = self.store.join_tokens(self.clock.wall()).await?;
        let _ = self.commands.send(Command::JoinTokens(tokens)).await;
        Ok(())
    }

    /// Tells pages which devices came and went since the last look.
    fn tell_status(&self, online: &mut HashSet<DeviceId>) {
        let now = self.clock.wall();
        let seen: HashSet<DeviceId> = {
            let catalog = self.store.catalog();
            let is_online = |no| self.presence.is_online(no, catalog.expected_interval_ms(no).unwrap_or(0), now);
            catalog.devices().filter(|device| is_online(device.no)).map(|device| device.id).collect()
        };
        for id in seen.symmetric_difference(online) {
            self.bus.publish(Arc::new(Update::Device(*id)));
        }
        *online = seen;
    }

    async fn note_links(&self) -> Result<(), store::Error> {
        let notes: Vec<DeviceNote> = {
            let now = self.presence.read();
            let pushed = now.pushed.iter().filter(|(_, pushed)| pushed.is_of_this_start()).map(|(no, pushed)| {
                DeviceNote { pushed_every_ms: pushed.every_ms(), ..note(*no, pushed.address, pushed.last_seen) }
            });
            now.links.iter().map(|(no, link)| note(*no, link.address, link.last_seen)).chain(pushed).collect()
        };
        if notes.is_empty() { Ok(()) } else { self.store.note_devices(notes).await }
    }

    async fn note_link(&self, device: DeviceNo) -> Result<(), store::Error> {
        let note = self.presence.read().links.get(&device).map(|link| note(device, link.address, link.last_seen));
        match note {
            Some(note) => self.store.note_devices(vec![note]).await,
            None => Ok(()),
        }
    }
}

/// What a later look does again: a full disk or a busy store puts it off, a store that failed for good ends the hub.
fn put_off(done: Result<(), store::Error>) -> Result<(), store::Error> {
    unless_fatal(done, |error| tracing::debug!(%error, "put off: {error}"))
}

/// A device or sensor that could not be registered (its token is used up, the hub is full) is logged; a store that failed
/// for good ends the hub.
fn registered(done: Result<(), store::Error>) -> Result<(), store::Error> {
    unless_fatal(done, |error| tracing::warn!(%error, "a device or its sensors were not registered: {error}"))
}

fn unless_fatal(done: Result<(), store::Error>, tell: impl FnOnce(&store::Error)) -> Result<(), store::Error> {
    match done {
        Err(error) if !error.is_fatal() => {
            tell(&error);
            Ok(())
        }
        done => done,
    }
}

fn note(no: DeviceNo, address: SocketAddr, last_seen: UnixMillis) -> DeviceNote {
    DeviceNote { no, address, last_seen, pushed_every_ms: None, introduction: None, handshake_counter: 0 }
}

/// A device as the endpoint needs it, without windows: the endpoint has those from the start. None that has no key.
#[must_use]
pub(crate) fn known(store: &Store, no: DeviceNo) -> Option<Known> {
    let catalog = store.catalog();
    let device = catalog.device(no).filter(|device| device.has_key())?.clone();
    let sensors = if device.standing == Standing::Adopted { catalog.own_numbers(no).to_vec() } else { Vec::new() };
    let numbering = catalog.numbering(no);
    Some(Known { device, sensors, numbering, windows: Vec::new(), digests: Vec::new(), claim: None, since: None })
}
