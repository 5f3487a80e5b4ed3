//! Everything behind one UDP port: who may open a session, what their packets say, what is acknowledged.
//!
//! The contract is in the header of [`crate::proto`]. A packet's way through this file:
//! `handle_input` → `handle_data` → `handle_batch` → `poll_batch` … `handle_committed` → `poll_transmit`.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::batch::{Rows, decode};
use wire::handshake::{NO_PSK, Responder, Standing as Admitted, Verdict};
use wire::message::{self, Ack, Control, Hello, Message, RUN_LIMIT, Status, Welcome};
use wire::packet::{Data, Hs1, Packet};

use super::admission::{Admission, Bucket, Gate, Rate};
use super::command::{Command, JoinPolicy, Known};
use super::counters::{Counters, Drop};
use super::discovery::{self, Card};
use super::event::Event;
use super::session::Sessions;
use super::window::{Arrival, Window};
use super::{Moment, Random};
use crate::model::access::JoinToken;
use crate::model::device::{Device, DeviceNo, Introduction, Link, NewDevice, Pending, Standing};
use crate::model::reading::{Batch, BatchId, SeriesId};
use crate::model::{BatchSeq, DeviceId, Epoch, PublicKey, SensorNo, SensorSpec};

/// Batches waiting for room in the ingest queue: what a thousand devices send while one fsync completes.
const MAX_BATCHES: usize = 256;
/// Other events waiting: one for each device of a large fleet that returns at once.
const MAX_EVENTS: usize = 4_096;
/// Datagrams waiting to be sent; acknowledgements are built only when there is room.
const MAX_TRANSMITS: usize = 1_024;
/// Handshakes waiting to be worked off: 0.1 s of one core.
const MAX_HANDSHAKES: usize = 256;
/// Devices that may wait for adoption, in all and behind one address.
const MAX_PENDING: usize = 256;
const MAX_PENDING_PER_ADDRESS: usize = 4;
/// A pending device that is silent for this long is forgotten.
const PENDING_TTL: Duration = Duration::from_secs(15 * 60);
/// Datagrams of one device: enough for a backlog at full speed, too few to starve the others.
const DEVICE_RATE: Rate = Rate { per_second: 20_000.0, burst: 20_000.0 };
/// Epochs of one device whose windows are kept here; the store knows the older ones.
const MAX_EPOCHS: usize = 16;
/// Batches a device may have in flight while the way to the disk is clear, and while it is not.
const CREDIT: u32 = 256;
const CREDIT_BUSY: u32 = 16;
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
}

/// A device with a row in the store.
struct Entry {
    device: Device,
    sensors: Vec<SeriesId>,
    windows: HashMap<Epoch, Window>,
    bucket: Bucket,
    /// On disk since the last acknowledgement.
    unacked: Vec<(Epoch, BatchSeq)>,
    ack_queued: bool,
    /// A `Sensors` event is on its way.
    registering: bool,
    status: Status,
    last_seen: Option<crate::model::UnixMillis>,
    link_changed: bool,
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
    open_until: Option<Instant>,
    random: Random,
    counters: Arc<Counters>,
    admission: Admission,
    devices: HashMap<PublicKey, Entry>,
    keys: HashMap<DeviceNo, PublicKey>,
    pending: HashMap<PublicKey, (Pending, Instant)>,
    tokens: HashMap<u64, JoinToken>,
    sessions: Sessions,
    handshakes: VecDeque<(SocketAddr, Vec<u8>)>,
    batches: VecDeque<Batch>,
    events: VecDeque<Event>,
    transmits: VecDeque<(SocketAddr, Vec<u8>)>,
    ack_due: VecDeque<PublicKey>,
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
            open_until: None,
            random: config.random,
            counters: config.counters,
            admission: Admission::new(now, secrets),
            devices: HashMap::new(),
            keys: HashMap::new(),
            pending: HashMap::new(),
            tokens: HashMap::new(),
            sessions: Sessions::default(),
            handshakes: VecDeque::new(),
            batches: VecDeque::new(),
            events: VecDeque::new(),
            transmits: VecDeque::new(),
            ack_due: VecDeque::new(),
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
        self.counters.bytes_in.fetch_add(datagram.len() as u64, std::sync::atomic::Ordering::Relaxed);
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
            entry.windows.entry(id.epoch).or_default().commit(id.seq);
            Self::owe_ack(&mut self.ack_due, entry, *key, id.epoch, id.seq);
        }
    }

    /// These batches could not be committed (the disk is full): they may come again.
    pub fn handle_refused(&mut self, batches: &[BatchId]) {
        for id in batches {
            let entry = self.keys.get(&id.device).and_then(|key| self.devices.get_mut(key));
            if let Some(window) = entry.and_then(|entry| entry.windows.get_mut(&id.epoch)) {
                window.forget(id.seq);
            }
        }
    }

    /// Follows a change made elsewhere in the hub.
    pub fn handle_command(&mut self, moment: Moment, command: Command) {
        match command {
            Command::Known(known) => self.know(moment, *known),
            Command::Forgotten(id) => {
                if let Some((key, no)) =
                    self.devices.iter().find(|(_, e)| e.device.id == id).map(|(k, e)| (*k, e.device.no))
                {
                    self.devices.remove(&key);
                    self.keys.remove(&no);
                    self.sessions.end(&key);
                }
            }
            Command::Ignored(id) => {
                if let Some(key) = self.pending.iter().find(|(_, (pending, _))| pending.id == id).map(|(key, _)| *key) {
                    self.pending.remove(&key);
                    self.sessions.end(&key);
                    self.event(Event::PendingGone(id));
                }
            }
            Command::JoinTokens(tokens) => self.tokens = tokens.into_iter().map(|token| (token.id, token)).collect(),
            Command::Policy { policy, open_until } => {
                (self.policy, self.open_until) = (policy, open_until);
                self.show_policy();
            }
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, moment: Moment) {
        if moment.now < self.tick_at {
            return;
        }
        self.tick_at = moment.now + TICK;
        self.sessions.sweep(moment.now);
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
        self.forget_silent_pending(moment.now);
        self.tell_links();
    }

    /// When [`Endpoint::handle_timeout`] is wanted.
    #[must_use]
    pub const fn poll_timeout(&self) -> Instant {
        self.tick_at
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self, moment: Moment) -> Option<(SocketAddr, Vec<u8>)> {
        while self.transmits.len() < MAX_TRANSMITS {
            let Some(key) = self.ack_due.pop_front() else { break };
            self.write_acks(moment, key);
        }
        let (to, datagram) = self.transmits.pop_front()?;
        Counters::count(&self.counters.datagrams_out);
        self.counters.bytes_out.fetch_add(datagram.len() as u64, std::sync::atomic::Ordering::Relaxed);
        Some((to, datagram))
    }

    /// The next batch for the disk.
    pub fn poll_batch(&mut self) -> Option<Batch> {
        self.batches.pop_front()
    }

    /// Whether batches wait because the way to the disk is blocked.
    #[must_use]
    pub fn has_batches(&self) -> bool {
        !self.batches.is_empty()
    }

    /// Tells the endpoint how full the way to the disk is: devices get less credit while it is congested.
    pub const fn set_congested(&mut self, congested: bool) {
        self.congested = congested;
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    // ---- handshakes ----

    fn queue_handshake(&mut self, now: Instant, from: SocketAddr, hs1: &Hs1<'_>, datagram: &[u8]) {
        if !self.responder.knows_us(hs1) {
            return self.counters.dropped(Drop::ForeignHandshake);
        }
        if let Gate::Prove(cookies) = self.admission.gate(now, from) {
            if !cookies.iter().any(|cookie| self.responder.owns_address(hs1, cookie)) {
                let mut nonce = [0; 24];
                (self.random)(&mut nonce);
                if let Ok(reply) = self.responder.cookie_reply(hs1, &cookies[0], &nonce) {
                    self.transmit(from, reply);
                }
                return self.counters.dropped(Drop::HandshakeRate);
            }
            if !self.admission.proven(now) {
                return self.counters.dropped(Drop::HandshakeRate);
            }
        }
        if self.handshakes.len() >= MAX_HANDSHAKES {
            return self.counters.dropped(Drop::HandshakeQueue);
        }
        self.handshakes.push_back((from, datagram.to_vec()));
    }

    fn handle_handshake(&mut self, moment: Moment, from: SocketAddr, hs1: &Hs1<'_>) {
        let received = match self.responder.read(hs1) {
            Ok(received) => received,
            Err(reason) => return self.counters.malformed(reason),
        };
        let (key, offer) = (received.device, received.offer);
        let token = (offer.token != 0).then_some(offer.token);
        let (psk, standing) = match self.admit(moment, &key, token) {
            Ok(admitted) => admitted,
            Err(reason) => return self.counters.dropped(reason),
        };
        if offer.counter <= self.highest_handshake(&key) {
            return self.counters.dropped(Drop::HandshakeReplay);
        }
        if let Some(entry) = self.devices.get_mut(&key) {
            entry.device.handshake_counter = offer.counter;
        }
        let known_sensors = self.devices.get(&key).map_or(0, known_sensors);
        let verdict = Verdict { now: moment.wall, credit: self.credit(), known_sensors, standing };
        let index = self.free_index();
        let Ok((transport, answer)) = received.accept(&psk, &verdict, index) else {
            return self.counters.dropped(Drop::NotAdmitted);
        };
        self.sessions.add(moment, index, transport, key, from, (token, offer.counter));
        Counters::count(&self.counters.handshakes);
        self.transmit(from, answer);
    }

    /// Whether a key may open a session now, with which pre-shared key, and as what.
    fn admit(&self, moment: Moment, key: &PublicKey, token: Option<u64>) -> Result<([u8; 32], Admitted), Drop> {
        let psk = match token {
            None => NO_PSK,
            Some(id) => match self.tokens.get(&id) {
                Some(token) => token.psk,
                None => return Err(Drop::NotAdmitted),
            },
        };
        if let Some(entry) = self.devices.get(key) {
            return match entry.device.standing {
                Standing::Adopted => Ok((psk, Admitted::Adopted)),
                Standing::Blocked => Err(Drop::NotAdmitted),
            };
        }
        if let Some(token) = token.and_then(|id| self.tokens.get(&id)) {
            let usable = token.uses_left > 0 && token.expires_at > moment.wall && self.policy != JoinPolicy::Closed;
            return if usable { Ok((psk, Admitted::Pending)) } else { Err(Drop::NotAdmitted) };
        }
        match self.policy_at(moment.now) {
            JoinPolicy::Open | JoinPolicy::Click => Ok((psk, Admitted::Pending)),
            JoinPolicy::Token | JoinPolicy::Closed => Err(Drop::NotAdmitted),
        }
    }

    fn highest_handshake(&self, key: &PublicKey) -> u64 {
        let known = self.devices.get(key).map(|entry| entry.device.handshake_counter);
        known.or_else(|| self.pending.get(key).map(|(pending, _)| pending.handshake_counter)).unwrap_or(0)
    }

    fn free_index(&mut self) -> u32 {
        loop {
            let mut bytes = [0; 4];
            (self.random)(&mut bytes);
            let index = u32::from_le_bytes(bytes);
            if !self.sessions.contains(index) {
                return index;
            }
        }
    }

    // ---- sealed packets ----

    fn handle_data(&mut self, moment: Moment, from: SocketAddr, data: &Data<'_>) -> Result<(), wire::DecodeError> {
        let Some(session) = self.sessions.get_mut(data.receiver) else {
            self.counters.dropped(Drop::UnknownSession);
            return Ok(());
        };
        let mut plain = std::mem::take(&mut self.plain);
        let outcome = session.open(moment, from, data, &mut plain);
        let (key, token, counter) = (session.peer, session.token, session.handshake_counter);
        let outcome = outcome.and_then(|()| {
            if let Some(entry) = self.devices.get_mut(&key) {
                entry.last_seen = Some(moment.wall);
                entry.link_changed = true;
                if !entry.bucket.take(DEVICE_RATE, moment.now) {
                    self.counters.dropped(Drop::DeviceRate);
                    return Ok(());
                }
            }
            match Message::decode(&plain)? {
                Message::Batch(batch) => self.handle_batch(moment, key, batch),
                Message::Control(control) => {
                    self.handle_control(moment, key, from, (token, counter), control);
                    Ok(())
                }
            }
        });
        self.plain = plain;
        outcome
    }

    fn handle_batch(
        &mut self,
        moment: Moment,
        key: PublicKey,
        batch: message::Batch<'_>,
    ) -> Result<(), wire::DecodeError> {
        let Some(entry) = self.devices.get_mut(&key).filter(|entry| entry.device.standing == Standing::Adopted) else {
            self.counters.dropped(Drop::NotAdopted);
            return Ok(());
        };
        if self.batches.len() >= MAX_BATCHES {
            // Before it changes anything: the device will repeat it.
            self.counters.dropped(Drop::IngestQueue);
            return Ok(());
        }
        if let Some(Arrival::Committed) = entry.windows.get(&batch.epoch).map(|window| window.arrival(batch.seq)) {
            self.counters.dropped(Drop::Repeat);
            Self::owe_ack(&mut self.ack_due, entry, key, batch.epoch, batch.seq);
            return Ok(());
        }
        self.rows.clear();
        decode(batch.body, &mut self.rows)?;
        let series: Option<Vec<SeriesId>> =
            self.rows.sensor.iter().map(|no| entry.sensors.get(usize::from(no.0)).copied()).collect();
        let Some(series) = series else {
            self.counters.dropped(Drop::UnknownSensor);
            // An empty acknowledgement says which sensors are known.
            Self::queue_ack(&mut self.ack_due, entry, key);
            return Ok(());
        };
        trim_epochs(&mut entry.windows, batch.epoch);
        match entry.windows.entry(batch.epoch).or_default().receive(batch.seq) {
            Arrival::New => {}
            Arrival::NoRoom => {
                self.counters.dropped(Drop::WindowFull);
                return Ok(());
            }
            Arrival::InFlight | Arrival::Committed => {
                self.counters.dropped(Drop::Repeat);
                return Ok(());
            }
        }
        Counters::count(&self.counters.batches);
        self.batches.push_back(Batch {
            id: BatchId { device: entry.device.no, epoch: batch.epoch, seq: batch.seq },
            lane: batch.lane,
            received_at: moment.wall,
            payload: batch.body.to_vec(),
            series,
            at: self.rows.at.clone(),
            value: self.rows.value.clone(),
        });
        Ok(())
    }

    fn handle_control(
        &mut self,
        moment: Moment,
        key: PublicKey,
        from: SocketAddr,
        (token, counter): (Option<u64>, u64),
        control: Control,
    ) {
        match control {
            Control::Hello(hello) => self.handle_hello(moment, key, from, (token, counter), hello),
            Control::Dictionary { first, sensors } => self.handle_dictionary(key, first, sensors),
            Control::Status(status) => self.handle_status(key, status),
            Control::Bye => {
                self.sessions.end(&key);
                if let Some(entry) = self.devices.get_mut(&key) {
                    entry.link_changed = false;
                    let no = entry.device.no;
                    self.event(Event::Left(no));
                }
            }
            // Only a hub says these.
            Control::Welcome(_) | Control::Ack(_) => self.counters.malformed(wire::DecodeError::Malformed),
        }
    }

    fn handle_hello(
        &mut self,
        moment: Moment,
        key: PublicKey,
        from: SocketAddr,
        (token, handshake_counter): (Option<u64>, u64),
        hello: Hello,
    ) {
        let Hello { name, model, version, labels, preview } = hello;
        let introduction = Introduction { name, model, version, labels: labels.into_iter().collect() };
        if let Some(entry) = self.devices.get(&key) {
            let device = entry.device.no;
            self.event(Event::Introduced { device, introduction, address: from, handshake_counter });
            return self.welcome(moment, key);
        }
        let token = token.filter(|id| self.tokens.get(id).is_some_and(|token| token.uses_left > 0));
        if token.is_some() || self.policy_at(moment.now) == JoinPolicy::Open {
            let device = NewDevice {
                key,
                introduction,
                address: Some(from),
                at: moment.wall,
                join_token: token,
                handshake_counter,
            };
            // Answered once the store has it: `know` sends the welcome. The store takes the use from the token.
            return self.event(Event::Join(Box::new(device)));
        }
        self.wait_for_adoption(moment, key, from, introduction, preview, handshake_counter);
    }

    fn wait_for_adoption(
        &mut self,
        moment: Moment,
        key: PublicKey,
        from: SocketAddr,
        introduction: Introduction,
        preview: Vec<(String, String, f64)>,
        handshake_counter: u64,
    ) {
        let first_seen = match self.pending.get(&key) {
            Some((known, _)) => known.first_seen,
            None => {
                let neighbours = self.pending.values().filter(|(pending, _)| pending.address.ip() == from.ip()).count();
                if self.pending.len() >= MAX_PENDING || neighbours >= MAX_PENDING_PER_ADDRESS {
                    self.counters.dropped(Drop::PendingFull);
                    return;
                }
                moment.wall
            }
        };
        let pending = Pending {
            id: DeviceId::of(&key),
            key,
            introduction,
            address: from,
            first_seen,
            last_seen: moment.wall,
            preview,
            handshake_counter,
        };
        self.event(Event::Pending(Box::new(pending.clone())));
        self.pending.insert(key, (pending, moment.now));
        self.welcome(moment, key);
    }

    fn handle_dictionary(&mut self, key: PublicKey, first: SensorNo, mut sensors: Vec<SensorSpec>) {
        let Some(entry) = self.devices.get_mut(&key) else { return };
        let known = entry.sensors.len();
        let Some(repeated) = known.checked_sub(usize::from(first.0)) else { return };
        if repeated >= sensors.len() {
            return Self::queue_ack(&mut self.ack_due, entry, key);
        }
        if entry.registering {
            return;
        }
        entry.registering = true;
        sensors.drain(..repeated);
        let device = entry.device.no;
        self.event(Event::Sensors { device, first: SensorNo(known as u16), sensors });
    }

    fn handle_status(&mut self, key: PublicKey, status: Status) {
        let Some(entry) = self.devices.get_mut(&key) else { return };
        let mut floors = Vec::new();
        for &(epoch, below) in &status.floors {
            let Some(window) = entry.windows.get_mut(&epoch) else { continue };
            if window.committed().mark() < below {
                let missing = window.raise(below);
                self.counters.batches_given_up.fetch_add(missing, std::sync::atomic::Ordering::Relaxed);
                floors.push(Event::Floor { device: entry.device.no, epoch, below });
            }
        }
        entry.status = status;
        // Answered, so that an idle device can tell that the hub is alive, and measure the way.
        Self::queue_ack(&mut self.ack_due, entry, key);
        floors.into_iter().for_each(|floor| self.event(floor));
    }

    // ---- what the rest of the hub decided ----

    fn know(&mut self, moment: Moment, known: Known) {
        let Known { device, sensors, windows } = known;
        let (key, no, standing) = (device.key, device.no, device.standing);
        if self.pending.remove(&key).is_some() {
            self.event(Event::PendingGone(device.id));
        }
        self.keys.insert(no, key);
        let entry = self.devices.entry(key).or_insert_with(|| Entry {
            device: device.clone(),
            sensors: Vec::new(),
            windows: HashMap::new(),
            bucket: Bucket::full(DEVICE_RATE, moment.now),
            unacked: Vec::new(),
            ack_queued: false,
            registering: false,
            status: Status::default(),
            last_seen: None,
            link_changed: false,
        });
        let handshake_counter = entry.device.handshake_counter.max(device.handshake_counter);
        let news =
            entry.device.standing != standing || sensors.len() != entry.sensors.len() || entry.last_seen.is_none();
        entry.device = Device { handshake_counter, ..device };
        entry.sensors = sensors;
        entry.registering = false;
        for (epoch, committed) in windows {
            entry.windows.entry(epoch).or_insert_with(|| Window::restored(committed));
            trim_epochs(&mut entry.windows, epoch);
        }
        match standing {
            Standing::Blocked => self.sessions.end(&key),
            Standing::Adopted if news => self.welcome(moment, key),
            Standing::Adopted => {}
        }
    }

    fn welcome(&mut self, moment: Moment, key: PublicKey) {
        let entry = self.devices.get(&key);
        let welcome = Welcome {
            standing: if entry.is_some() { Admitted::Adopted } else { Admitted::Pending },
            known_sensors: entry.map_or(0, known_sensors),
            credit: self.credit(),
            now: moment.wall,
        };
        self.send(key, &Control::Welcome(welcome));
    }

    // ---- acknowledgements ----

    fn owe_ack(due: &mut VecDeque<PublicKey>, entry: &mut Entry, key: PublicKey, epoch: Epoch, seq: BatchSeq) {
        entry.unacked.push((epoch, seq));
        Self::queue_ack(due, entry, key);
    }

    fn queue_ack(due: &mut VecDeque<PublicKey>, entry: &mut Entry, key: PublicKey) {
        if !entry.ack_queued {
            entry.ack_queued = true;
            due.push_back(key);
        }
    }

    /// Writes what a device is owed: for each epoch its mark and the runs around what has just reached the disk.
    fn write_acks(&mut self, moment: Moment, key: PublicKey) {
        let credit = self.credit();
        let Some(entry) = self.devices.get_mut(&key) else { return };
        let Some(session) = self.sessions.current(&key) else {
            // No way to it now; it will repeat, and be told then.
            entry.unacked.clear();
            entry.ack_queued = false;
            return;
        };
        entry.ack_queued = false;
        let mut owed = std::mem::take(&mut entry.unacked);
        owed.sort_unstable();
        owed.dedup();
        let (echo_counter, echo_received) = session.echo;
        let known_sensors = known_sensors(entry);
        let mut acks = Vec::new();
        for group in owed.chunk_by(|one, next| one.0 == next.0) {
            let epoch = group[0].0;
            let Some(window) = entry.windows.get(&epoch) else { continue };
            let committed = window.committed();
            let mut runs: Vec<(u64, u64)> = group
                .iter()
                .filter(|(_, seq)| *seq >= committed.mark())
                .filter_map(|(_, seq)| committed.run_of(*seq))
                .map(|run| (run.start, run.end))
                .collect();
            runs.dedup();
            // At least one acknowledgement for the mark; one more for every `RUN_LIMIT` runs.
            let mut chunks: Vec<Vec<(u64, u64)>> = runs.chunks(RUN_LIMIT).map(<[_]>::to_vec).collect();
            if chunks.is_empty() {
                chunks.push(Vec::new());
            }
            acks.extend(chunks.into_iter().map(|runs| (epoch, committed.mark(), runs)));
        }
        if acks.is_empty() {
            let newest = entry.windows.iter().max_by_key(|(epoch, _)| **epoch);
            let (epoch, mark) =
                newest.map_or((Epoch(0), BatchSeq(0)), |(epoch, window)| (*epoch, window.committed().mark()));
            acks.push((epoch, mark, Vec::new()));
        }
        for (epoch, mark, runs) in acks {
            let ack = Ack { epoch, mark, runs, credit, known_sensors, echo_counter, echo_received, now: moment.wall };
            Counters::count(&self.counters.acks);
            self.send(key, &Control::Ack(ack));
        }
    }

    // ---- small things ----

    fn send(&mut self, key: PublicKey, control: &Control) {
        let Some(session) = self.sessions.current(&key) else { return };
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
        // Beyond the limit the device says it again: hellos, dictionaries and floors are all repeated.
        if self.events.len() < MAX_EVENTS {
            self.events.push_back(event);
        } else if let Event::Sensors { device, .. } = event
            && let Some(entry) = self.keys.get(&device).and_then(|key| self.devices.get_mut(key))
        {
            entry.registering = false;
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
        self.card.accepting.store(accepting, std::sync::atomic::Ordering::Relaxed);
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
            let (Some(session), Some(last_seen)) = (self.sessions.current(key), entry.last_seen) else { continue };
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

const fn known_sensors(entry: &Entry) -> u16 {
    let count = entry.sensors.len();
    if count > u16::MAX as usize { u16::MAX } else { count as u16 }
}

/// Makes room for `epoch` among a device's windows by forgetting the oldest boot.
fn trim_epochs(windows: &mut HashMap<Epoch, Window>, epoch: Epoch) {
    if windows.len() >= MAX_EPOCHS
        && !windows.contains_key(&epoch)
        && let Some(oldest) = windows.keys().min().copied()
    {
        windows.remove(&oldest);
    }
}
