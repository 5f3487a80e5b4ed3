//! Everything behind one UDP port: who may open a session, what their packets say, what is acknowledged.
//!
//! The contract is in the header of [`crate::proto`]. A packet's way through this file:
//! `handle_input` (here) → `handle_data` (`messages`) → `handle_batch` (`batches`) → `poll_batch` … `handle_committed` →
//! `write_acks` (`acks`) → `poll_transmit`. What is kept of a device is in `entry`, handshakes are in `handshakes`, what the
//! rest of the hub tells in `commands`, what a second machine with a device's key gets in `rivals`, how hardware
//! goes that is replaced in `parting`.

mod acks;
mod batches;
mod commands;
mod entry;
mod handshakes;
mod messages;
mod parting;
mod rivals;
mod spelled;
#[cfg(test)]
mod tests;
mod waiting;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use wire::batch::Rows;
use wire::handshake::{Responder, Standing as Admitted};
use wire::message::{Control, Welcome};
use wire::packet::Packet;

use self::entry::{Aside, Entry, Parting, Registration, known_sensors, trim_epochs};
use super::admission::{Admission, Rate};
use super::command::JoinPolicy;
use super::counters::{Counters, Drop};
use super::discovery::{self, Card};
use super::event::Event;
use super::session::Sessions;
use super::{Moment, Random};
use crate::model::access::JoinToken;
use crate::model::device::{DeviceNo, Link, Pending};
use crate::model::reading::{Batch, BatchId};
use crate::model::{DeviceId, PublicKey, numbering};
use crate::pressure::Pressure;

/// Batches waiting for room in the ingest queue: what a thousand devices send while one fsync completes.
pub const MAX_BATCHES: usize = 256;
/// Extra places, only for devices that have nothing in the pipeline: in a burst each device's first batch gets through, so that its
/// alerts do not depend on luck.
const MAX_FIRST_BATCHES: usize = 256;
/// Other events waiting: one for each device of a large fleet that returns at once.
const MAX_EVENTS: usize = 4_096;
/// Datagrams waiting to be sent; acknowledgements are built only when there is room.
const MAX_TRANSMITS: usize = 1_024;
/// Handshakes waiting to be worked off: 1.6 s of one core, less than the devices wait for their answers; 1 MiB.
const MAX_HANDSHAKES: usize = 4_096;
/// Devices that may wait for adoption, in all and behind one address.
pub(crate) const MAX_PENDING: usize = 256;
const MAX_PENDING_PER_ADDRESS: usize = 4;
/// Devices that may be on their way into the store at once; beyond, they say hello again.
const MAX_JOINING: usize = 4_096;
/// Devices without a row that may have a session, besides a place for each device that has one: more than the store adopts
/// in a second, and no more than a few megabytes for who makes up keys.
const MAX_STRANGERS: usize = 2_048;
/// A pending device that is silent for this long is forgotten.
const PENDING_TTL: Duration = Duration::from_secs(15 * 60);
/// Datagrams of one device: enough for a backlog at full speed, too few to starve the others.
const DEVICE_RATE: Rate = Rate { per_second: 20_000.0, burst: 20_000.0 };
/// Batches of one device on their way to the disk under numbers of the hub: as many as it may have in flight.
const MAX_ASIDE: usize = CREDIT as usize;
/// Batches a device may have in flight while the way to the disk is clear, and while it is not.
const CREDIT: u32 = 256;
const CREDIT_BUSY: u32 = 16;
/// A join that took this long failed (its token was used up meanwhile): the device may try again.
const JOIN_WITHIN: Duration = Duration::from_secs(20);
/// How long sensors that had no place are not tried again.
const NO_PLACE_FOR: Duration = Duration::from_secs(60);
/// A report of the ledger that took this long to reach the disk did not: the device may send it again.
const RECORD_WITHIN: Duration = Duration::from_secs(20);
/// Housekeeping, and how often links are told.
const TICK: Duration = Duration::from_secs(1);

/// What an endpoint is made with.
pub struct Config {
    /// The hub's Noise responder.
    pub responder: Responder,
    /// What discovery says of the hub.
    pub card: Card,
    /// Who may join.
    pub policy: JoinPolicy,
    /// Unpredictable bytes.
    pub random: Random,
    /// The same for the discovery responder within.
    pub discovery_random: Random,
    /// Where drops are counted.
    pub counters: Arc<Counters>,
    /// Devices the hub takes; the store counts exactly, here newcomers are turned away before they cost anything.
    pub max_devices: usize,
    /// What is given up at the moment.
    pub pressure: Arc<Pressure>,
}

/// Protocol state of one UDP socket: every device session, and who may open one.
///
/// Does no I/O and reads no clock. After each `handle_*`, drain the `poll_*` until they return `None`, then wait for
/// input or for [`Endpoint::poll_timeout`].
pub struct Endpoint {
    responder: Responder,
    discovery: discovery::Responder,
    card: Card,
    policy: JoinPolicy,
    max_devices: usize,
    open_until: Option<Instant>,
    random: Random,
    counters: Arc<Counters>,
    pressure: Arc<Pressure>,
    admission: Admission,
    devices: HashMap<PublicKey, Entry>,
    keys: HashMap<DeviceNo, PublicKey>,
    pending: HashMap<PublicKey, (Pending, Instant)>,
    /// Keys whose `Join` is on its way to the store, and since when.
    joining: HashMap<PublicKey, Instant>,
    tokens: HashMap<u64, JoinToken>,
    /// Hardware that was replaced, and when it was last said that it is back.
    retired: HashMap<DeviceId, (DeviceNo, Option<Instant>)>,
    sessions: Sessions,
    handshakes: VecDeque<(SocketAddr, Vec<u8>)>,
    batches: VecDeque<Batch>,
    events: VecDeque<Event>,
    transmits: VecDeque<(SocketAddr, Vec<u8>)>,
    /// Sessions that are owed an acknowledgement.
    ack_due: VecDeque<u32>,
    next_aside: u64,
    congested: bool,
    tick_at: Instant,
    plain: Vec<u8>,
    rows: Rows,
    message: Vec<u8>,
}

impl Endpoint {
    /// An endpoint that knows nobody; tell it by [`Endpoint::handle_command`].
    #[must_use]
    pub fn new(now: Instant, mut config: Config) -> Self {
        let mut secrets = [[0; 32]; 2];
        secrets.iter_mut().for_each(|secret| (config.random)(secret));
        let discovery =
            discovery::Responder::new(config.card.clone(), now, config.discovery_random, Arc::clone(&config.counters));
        let endpoint = Self {
            responder: config.responder,
            discovery,
            card: config.card,
            policy: config.policy,
            max_devices: config.max_devices,
            open_until: None,
            random: config.random,
            counters: config.counters,
            pressure: config.pressure,
            admission: Admission::new(now, secrets),
            devices: HashMap::new(),
            keys: HashMap::new(),
            pending: HashMap::new(),
            joining: HashMap::new(),
            tokens: HashMap::new(),
            retired: HashMap::new(),
            sessions: Sessions::default(),
            handshakes: VecDeque::new(),
            batches: VecDeque::new(),
            events: VecDeque::new(),
            transmits: VecDeque::new(),
            ack_due: VecDeque::new(),
            next_aside: 0,
            congested: false,
            tick_at: now + TICK,
            plain: Vec::new(),
            rows: Rows::default(),
            message: Vec::new(),
        };
        endpoint.show_policy();
        endpoint
    }

    /// One datagram from the socket. What is wrong with it, if anything, is counted; nothing is answered.
    pub fn handle_input(&mut self, moment: Moment, from: SocketAddr, datagram: &[u8]) {
        Counters::count(&self.counters.datagrams_in);
        self.counters.bytes_in.fetch_add(datagram.len() as u64, Ordering::Relaxed);
        let outcome = match Packet::parse(datagram) {
            Ok(Packet::Data(data)) => self.handle_data(moment, from, &data),
            Ok(Packet::Hs1(hs1)) => {
                self.queue_handshake(moment.now, from, &hs1, datagram);
                Ok(())
            }
            Ok(Packet::Probe(probe)) => {
                if let Some(answer) = self.discovery.answer_unicast(moment.now, from, &probe) {
                    self.transmit(from, answer);
                }
                Ok(())
            }
            Ok(Packet::Hs2(_) | Packet::Cookie(_) | Packet::Answer(_)) => Ok(()),
            Err(reason) => Err(reason),
        };
        if let Err(reason) = outcome {
            self.counters.malformed(reason);
        }
    }

    /// Works off at most `limit` waiting handshakes; each costs about 0.4 ms.
    pub fn handle_handshakes(&mut self, moment: Moment, limit: usize) {
        for _ in 0..limit {
            let Some((from, datagram)) = self.handshakes.pop_front() else { return };
            if let Ok(Packet::Hs1(hs1)) = Packet::parse(&datagram) {
                self.handle_handshake(moment, from, &hs1);
            }
        }
    }

    /// Whether handshakes wait.
    #[must_use]
    pub fn has_handshakes(&self) -> bool {
        !self.handshakes.is_empty()
    }

    /// These batches are on disk: their devices may be told.
    pub fn handle_committed(&mut self, batches: &[BatchId]) {
        for id in batches {
            let Some(key) = self.keys.get(&id.device) else { continue };
            let Some(entry) = self.devices.get_mut(key) else { continue };
            let (session, epoch, seq) = if id.epoch == numbering::ASIDE {
                let Some(aside) = entry.aside.remove(&id.seq) else { continue };
                entry.windows.entry(aside.epoch).or_default().stored_aside(aside.seq, aside.digest);
                (aside.session, aside.epoch, aside.seq)
            } else {
                let window = entry.windows.entry(id.epoch).or_default();
                let Some(session) = window.commit(id.seq) else { continue };
                (session, id.epoch, id.seq)
            };
            Self::owe_ack(&mut self.ack_due, &mut self.sessions, session, epoch, seq);
        }
    }

    /// These batches could not be committed (the disk is full): they may come again.
    pub fn handle_refused(&mut self, batches: &[BatchId]) {
        for id in batches {
            let Some(entry) = self.keys.get(&id.device).and_then(|key| self.devices.get_mut(key)) else { continue };
            if id.epoch == numbering::ASIDE {
                entry.aside.remove(&id.seq);
            } else if let Some(window) = entry.windows.get_mut(&id.epoch) {
                window.forget(id.seq);
            }
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, moment: Moment) {
        if moment.now < self.tick_at {
            return;
        }
        self.tick_at = moment.now + TICK;
        let Self { sessions, devices, pending, joining, .. } = self;
        sessions.sweep(moment.now, |key| match devices.get(key) {
            Some(entry) => (true, entry.claims.holder()),
            None => (pending.contains_key(key) || joining.contains_key(key), None),
        });
        let random = &mut self.random;
        self.admission.rotate(moment.now, || {
            let mut secret = [0; 32];
            random(&mut secret);
            secret
        });
        if self.open_until.is_some_and(|until| moment.now >= until) {
            self.open_until = None;
            self.show_policy();
        }
        self.joining.retain(|_, since| moment.now.saturating_duration_since(*since) < JOIN_WITHIN);
        self.forget_silent_pending(moment.now);
        self.tell_links();
        self.tell_claims(moment.now);
        self.tell_parted();
    }

    /// When [`Endpoint::handle_timeout`] is wanted.
    #[must_use]
    pub const fn poll_timeout(&self) -> Instant {
        self.tick_at
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self, moment: Moment) -> Option<(SocketAddr, Vec<u8>)> {
        while self.transmits.len() < MAX_TRANSMITS {
            let Some(session) = self.ack_due.pop_front() else { break };
            self.write_acks(moment, session);
        }
        let (to, datagram) = self.transmits.pop_front()?;
        Counters::count(&self.counters.datagrams_out);
        self.counters.bytes_out.fetch_add(datagram.len() as u64, Ordering::Relaxed);
        Some((to, datagram))
    }

    /// The next batch for the disk.
    pub fn poll_batch(&mut self) -> Option<Batch> {
        self.batches.pop_front()
    }

    /// Batches that wait because the way to the disk is blocked, of [`MAX_BATCHES`] and the few beyond.
    #[must_use]
    pub fn batches(&self) -> usize {
        self.batches.len()
    }

    /// Tells the endpoint how full the way to the disk is: devices get less credit while it is congested.
    pub const fn set_congested(&mut self, congested: bool) {
        self.congested = congested;
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Tells a device where it stands: in this session, else in the one it is talked to through.
    fn welcome(&mut self, moment: Moment, key: PublicKey, session: Option<u32>) {
        let Some(session) = session.or_else(|| self.current(&key)) else { return };
        let entry = self.devices.get(&key);
        let welcome = Welcome {
            standing: if entry.is_some() { Admitted::Adopted } else { Admitted::Pending },
            known_sensors: entry.map_or(0, known_sensors),
            credit: self.credit(),
            now: moment.wall,
        };
        self.send(session, &Control::Welcome(welcome));
    }

    /// The session to talk to a device through.
    fn current(&self, key: &PublicKey) -> Option<u32> {
        self.sessions.current(key, self.devices.get(key).and_then(|entry| entry.claims.holder()))
    }

    fn send(&mut self, session: u32, control: &Control) {
        let Some(session) = self.sessions.get_mut(session) else { return };
        control.encode(&mut self.message);
        let mut datagram = Vec::with_capacity(self.message.len() + 32);
        if session.seal(&self.message, &mut datagram) {
            let to = session.address;
            self.transmit(to, datagram);
        }
    }

    fn transmit(&mut self, to: SocketAddr, datagram: Vec<u8>) {
        // Acknowledgements of one device may overshoot the limit by a few; strangers may not.
        if self.transmits.len() < 2 * MAX_TRANSMITS {
            self.transmits.push_back((to, datagram));
        } else {
            self.counters.dropped(Drop::SendQueue);
        }
    }

    fn event(&mut self, event: Event) {
        // Beyond the limit the device says it again: hellos, dictionaries, floors and reports are all repeated.
        if self.events.len() < MAX_EVENTS {
            self.events.push_back(event);
            return;
        }
        let (Event::Sensors { device, .. } | Event::Renumber { device, .. } | Event::Ledger { device, .. }) = event
        else {
            return;
        };
        let Some(entry) = self.keys.get(&device).and_then(|key| self.devices.get_mut(key)) else { return };
        if matches!(event, Event::Ledger { .. }) {
            entry.recording = None;
        } else {
            (entry.registration, entry.described) = (Registration::Open, 0);
        }
    }

    const fn credit(&self) -> u32 {
        if self.congested { CREDIT_BUSY } else { CREDIT }
    }

    fn policy_at(&self, now: Instant) -> JoinPolicy {
        if self.open_until.is_some_and(|until| now < until) { JoinPolicy::Open } else { self.policy }
    }

    fn show_policy(&self) {
        let accepting = self.open_until.is_some() || matches!(self.policy, JoinPolicy::Click | JoinPolicy::Open);
        self.card.accepting.store(accepting, Ordering::Relaxed);
    }

    fn forget_silent_pending(&mut self, now: Instant) {
        let silent: Vec<PublicKey> = self
            .pending
            .iter()
            .filter(|(_, (_, heard))| now.saturating_duration_since(*heard) >= PENDING_TTL)
            .map(|(key, _)| *key)
            .collect();
        for key in silent {
            self.pending.remove(&key);
            self.sessions.end(&key);
            self.event(Event::PendingGone(DeviceId::of(&key)));
        }
    }

    fn tell_links(&mut self) {
        let mut links = Vec::new();
        for (key, entry) in self.devices.iter_mut().filter(|(_, entry)| entry.link_changed) {
            entry.link_changed = false;
            let session = self.sessions.current(key, entry.claims.holder());
            let session = session.and_then(|session| self.sessions.get_mut(session));
            let (Some(session), Some(last_seen)) = (session, entry.last_seen) else { continue };
            let link = Link {
                address: session.address,
                last_seen,
                session_since: session.since,
                loss_pct: session.loss_pct(),
                rtt_ms: entry.status.rtt_us.map(|us| f64::from(us) / 1_000.0),
                clock_offset_ms: entry.status.clock_offset_ms.map(|ms| ms as f64),
                spool_batches: entry.status.spool_batches,
                dropped_readings: entry.status.dropped_readings,
            };
            links.push((entry.device.no, link));
        }
        if !links.is_empty() {
            self.event(Event::Links(links));
        }
    }
}
