//! The device's side of the protocol. PURE: time is an argument, randomness a seed, datagrams are values.
//!
//! ```text
//!   Searching ── answer ──▶ Handshaking ── HS2 ──▶ Pending ── adopted ──▶ Streaming
//!       ▲                                             │                      │
//!       └───────────────── three answers missed ──────┴──────────────────────┘
//! ```
//!
//! The driver's contract: after each `handle_*`, drain [`Uplink::poll_event`], give batches while [`Uplink::has_room`],
//! drain [`Uplink::poll_search`] (to every group) and [`Uplink::poll_transmit`], then wait for input or for
//! [`Uplink::poll_timeout`]. The driver keeps every batch until [`Event::Acked`] names it, and takes back what it gave on
//! [`Event::Lost`].
//!
//! Promises: no reading leaves before a handshake proved the hub; a pinned device talks to no other hub; a token is used
//! until the device has joined, and never after.

mod candidates;
mod flight;
mod rtt;
mod session;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wire::discovery::{Answer, Probe};
use wire::handshake::{Initiator, JoinToken, NO_PSK, Offer, Standing};
use wire::message::{Ack, Batch, Control, Hello, Message, Status};
use wire::packet::{Cookie, Data, Hs2, MAX_DATAGRAM, Packet};
use wire::seal::KEEP_PREVIOUS_SECS;
use wire::{BatchSeq, Epoch, Id, KeyPair, Lane, PublicKey, SensorNo, SensorSpec};

use crate::clock::Now;
use crate::random::Random;
use candidates::{Candidate, Candidates};
use flight::Flight;
pub use flight::Outgoing;
use session::{HELLO_EVERY, Path, STATUS_EVERY, Session};

/// A fleet whose hub restarts comes back spread over this time.
const RETURN_WITHIN: Duration = Duration::from_secs(3);
/// Pauses between probes: doubling between these.
const FIRST_PROBE: Duration = Duration::from_secs(1);
const LONGEST_PROBE: Duration = Duration::from_secs(10);
/// Bytes of dictionary entries in one message, so that it fits a datagram.
const DICTIONARY_BYTES: usize = 1_100;
/// Missed answers after which a fresh session is tried beside the one that may be dead.
const DOUBT_AFTER: u32 = 2;
/// Handshakes without an answer after which the user is told.
const TELL_AFTER_TRIES: u32 = 3;

/// What an uplink is made of.
#[derive(Debug, Clone)]
pub struct Config {
    /// The device's keys.
    pub keys: KeyPair,
    /// This boot; also the upper half of every handshake counter.
    pub epoch: Epoch,
    /// The hub this device belongs to.
    pub pinned: Option<PublicKey>,
    /// Lets it join while it belongs to none.
    pub token: Option<JoinToken>,
    /// Whether hubs elsewhere than at [`Uplink::set_addresses`] count, before one is pinned.
    pub only_addresses: bool,
    /// How it introduces itself.
    pub hello: Hello,
    /// Batches in flight, however much credit the hub gives.
    pub max_in_flight: u32,
    /// Lower half of session names: tells devices apart that share a socket.
    pub index: u16,
    /// Seed of jitter and nonces.
    pub seed: u64,
}

/// What the driver acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A hub answered a probe at an address not known before.
    Found {
        /// Its key.
        hub: PublicKey,
        /// Where it says it is.
        address: SocketAddr,
    },
    /// Several hubs answered and nothing says which is ours: nothing is sent until one remains.
    Several {
        /// Their keys.
        hubs: Vec<PublicKey>,
    },
    /// Another hub than the pinned one answered; it is ignored.
    Foreign {
        /// Its key.
        hub: PublicKey,
    },
    /// A hub is there and does not answer handshakes: closed to joins, or the token is spent.
    Silent {
        /// Its key.
        hub: PublicKey,
        /// Where it is.
        address: SocketAddr,
    },
    /// The hub has the session and a person has to adopt the device.
    Pending {
        /// Its key.
        hub: PublicKey,
        /// Where it is.
        address: SocketAddr,
    },
    /// The hub takes readings: pin it.
    Adopted {
        /// Its key.
        hub: PublicKey,
        /// Where it is.
        address: SocketAddr,
    },
    /// The hub is gone, or has put the device back to pending: take back what was given.
    Lost,
    /// On the hub's disk: everything of `epoch` below `mark` and in `runs`.
    Acked {
        /// Boot whose batches are meant.
        epoch: Epoch,
        /// Everything below is on disk.
        mark: BatchSeq,
        /// `[start, end)` above the mark.
        runs: Vec<(u64, u64)>,
    },
}

/// Where the uplink stands, for `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No hub is known, or none answers.
    Searching,
    /// A hub was found; its proof is awaited.
    Handshaking,
    /// A person has to adopt the device.
    Pending,
    /// Readings flow.
    Streaming,
}

/// Which candidates to try, and not before when.
struct Aim {
    hub: Option<PublicKey>,
    address: Option<SocketAddr>,
    from: Option<Instant>,
}

impl Aim {
    fn fits(&self, candidate: &Candidate) -> bool {
        self.hub.is_none_or(|hub| hub == candidate.hub)
            && self.address.is_none_or(|address| address == candidate.address)
    }
}

/// Protocol state of one device.
#[derive(Debug)]
pub struct Uplink {
    config: Config,
    random: Random,
    handshakes: u32,
    addresses: Vec<SocketAddr>,
    candidates: Candidates,
    nonce: [u8; 8],
    probes: u32,
    probe_due: Option<Instant>,
    search: bool,
    session: Option<Session>,
    previous: Option<(Session, Instant)>,
    /// The hub and address the driver was last told of as adopted.
    told: Option<(PublicKey, SocketAddr, Standing)>,
    foreign: Option<PublicKey>,
    several: usize,
    path: Path,
    flight: Flight,
    sensors: Vec<SensorSpec>,
    status: Status,
    datagrams: VecDeque<(SocketAddr, Vec<u8>)>,
    events: VecDeque<Event>,
    plain: Vec<u8>,
}

impl Uplink {
    /// An uplink that begins to search at once.
    #[must_use]
    pub fn new(config: Config, now: Now) -> Self {
        let mut random = Random::new(config.seed);
        let nonce = random.bits().to_le_bytes();
        Self {
            random,
            handshakes: 0,
            addresses: Vec::new(),
            candidates: Candidates::default(),
            nonce,
            probes: 0,
            probe_due: Some(now.mono),
            search: false,
            session: None,
            previous: None,
            told: None,
            foreign: None,
            several: 0,
            path: Path::default(),
            flight: Flight::default(),
            sensors: Vec::new(),
            status: Status::default(),
            datagrams: VecDeque::new(),
            events: VecDeque::new(),
            plain: Vec::new(),
            config,
        }
    }

    /// Addresses to ask directly: those `--hub` names.
    pub fn set_addresses(&mut self, addresses: Vec<SocketAddr>, now: Now) {
        if addresses != self.addresses {
            self.addresses = addresses;
            self.probe_due = self.probe_due.map(|_| now.mono);
        }
    }

    /// A hub known from before, by its pinned key: tried without asking.
    pub fn add_known(&mut self, hub: PublicKey, address: SocketAddr, now: Now) {
        self.candidates.note(address, hub, self.config.pinned, now.mono);
    }

    /// The device's sensors, in the order of their numbers.
    pub fn set_sensors(&mut self, sensors: &[SensorSpec]) {
        let known = self.sensors.len();
        self.sensors.extend(sensors.iter().skip(known).cloned());
    }

    /// What the next status says of the spool.
    pub fn report(&mut self, spool_batches: u64, dropped_readings: u64, floors: Vec<(Epoch, BatchSeq)>) {
        self.status.spool_batches = spool_batches;
        self.status.dropped_readings = dropped_readings;
        self.status.floors = floors;
    }

    /// A sample for the person who is asked to adopt the device.
    pub fn set_preview(&mut self, preview: Vec<(String, String, f64)>) {
        self.config.hello.preview = preview;
    }

    /// Takes a datagram.
    pub fn handle_input(&mut self, now: Now, from: SocketAddr, datagram: &[u8]) {
        // What cannot be read, or is not for us, changes nothing: silence is the answer to strangers.
        match Packet::parse(datagram) {
            Ok(Packet::Data(data)) => self.handle_data(now, from, &data),
            Ok(Packet::Hs2(hs2)) => self.handle_hs2(now, from, &hs2),
            Ok(Packet::Cookie(cookie)) => self.handle_cookie(&cookie),
            Ok(Packet::Answer(answer)) => self.handle_answer(now, from, &answer),
            Ok(Packet::Hs1(_) | Packet::Probe(_)) | Err(_) => {}
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.previous.as_ref().is_some_and(|(_, until)| now.mono >= *until) {
            self.previous = None;
        }
        let lost =
            self.session.as_mut().is_some_and(|session| session.misses_too_many(now.mono) || session.is_dead(now.mono));
        if lost {
            self.lose(now);
        }
        if self.flight.expires(self.path.acks.timeout()).is_some_and(|at| now.mono >= at)
            && self.flight.expire(now.mono, self.path.acks.timeout()) > 0
        {
            self.path.acks.back_off();
        }
        if self.probe_due.is_some_and(|due| now.mono >= due) {
            self.probe(now);
        }
        self.start_handshakes(now);
    }

    /// When [`Uplink::handle_timeout`] or [`Uplink::poll_transmit`] has something to do without input.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let mut earliest = self.probe_due;
        let mut consider = |at: Option<Instant>| earliest = [earliest, at].into_iter().flatten().min();
        if let Some(aim) = self.aim() {
            for candidate in self.candidates.iter().filter(|candidate| aim.fits(candidate)) {
                consider(Some(aim.from.map_or(candidate.next_at, |from| from.max(candidate.next_at))));
            }
        }
        consider(self.previous.as_ref().map(|(_, until)| *until));
        if let Some(session) = &self.session {
            consider(session.answer_due());
            if session.standing == Standing::Adopted {
                consider(Some(session.status_due));
            }
            if self.wants_hello(session) {
                consider(Some(session.hello_due));
            }
            if self.wants_dictionary(session) {
                consider(Some(session.dictionary_due));
            }
            consider(self.flight.expires(self.path.acks.timeout()));
        }
        earliest
    }

    /// Replaces `out` with the next datagram; returns where to send it.
    pub fn poll_transmit(&mut self, now: Now, out: &mut Vec<u8>) -> Option<SocketAddr> {
        if let Some((to, datagram)) = self.datagrams.pop_front() {
            out.clear();
            out.extend_from_slice(&datagram);
            return Some(to);
        }
        self.transmit_control(now, out).or_else(|| self.transmit_batch(now, out))
    }

    /// A probe for every multicast group on every interface, when it is time for one.
    pub fn poll_search(&mut self) -> Option<Vec<u8>> {
        std::mem::take(&mut self.search).then(|| Probe::new(self.nonce).encode())
    }

    /// The next thing the driver should know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether a batch of this lane may be given.
    #[must_use]
    pub fn has_room(&self, lane: Lane) -> bool {
        self.is_streaming() && self.flight.has_room(lane)
    }

    /// Takes a batch to send. The driver keeps it until it is acknowledged.
    pub fn push(&mut self, batch: Outgoing) {
        self.flight.push(batch);
    }

    /// Says goodbye; the datagram to send, if there is a session.
    pub fn close(&mut self, now: Now, out: &mut Vec<u8>) -> Option<SocketAddr> {
        let mut session = self.session.take()?;
        session.seal_control(now, &self.path, out, &Control::Bye)?;
        Some(session.address)
    }

    /// Where the uplink stands.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.session {
            Some(session) if session.standing == Standing::Adopted => State::Streaming,
            Some(_) => State::Pending,
            None if self.candidates.iter().next().is_some() => State::Handshaking,
            None => State::Searching,
        }
    }

    /// Whether readings flow.
    #[must_use]
    pub fn is_streaming(&self) -> bool {
        self.state() == State::Streaming
    }

    /// The hub of the session and its address.
    #[must_use]
    pub fn hub(&self) -> Option<(PublicKey, SocketAddr)> {
        self.session.as_ref().map(|session| (session.hub, session.address))
    }

    /// Smoothed round trip to the hub.
    #[must_use]
    pub const fn round_trip(&self) -> Option<Duration> {
        self.path.wire.smoothed()
    }

    /// The device's clock minus the hub's, in milliseconds.
    #[must_use]
    pub const fn clock_offset_ms(&self) -> Option<i64> {
        self.path.clock_offset_ms
    }

    /// Batches in flight or queued to be.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flight.len()
    }

    fn handle_answer(&mut self, now: Now, from: SocketAddr, answer: &Answer) {
        let asked = answer.nonce == self.nonce;
        let announced = answer.nonce == [0; 8];
        if !(asked || announced) || answer.port == 0 {
            return;
        }
        if self.config.pinned.is_some_and(|pinned| pinned != answer.key) {
            if self.foreign.replace(answer.key) != Some(answer.key) {
                self.events.push_back(Event::Foreign { hub: answer.key });
            }
            return;
        }
        // An answer from an address we were told stands for that very address: a router on the way may have changed the
        // port, and the hub cannot know.
        let told = self.addresses.contains(&from);
        if self.config.pinned.is_none() && self.config.only_addresses && !told {
            return;
        }
        let mut address = from;
        if !told {
            address.set_port(answer.port);
        }
        // A hub that announces itself unasked has every device listening: they come one after the other.
        let wait = if announced { self.random.between(Duration::ZERO, RETURN_WITHIN) } else { Duration::ZERO };
        if let Some(session) = &mut self.session {
            if announced && session.hub == answer.key && session.answer_due().is_none() {
                // It may have just started, and know nothing of this session.
                session.status_due = session.status_due.min(now.mono + wait);
            }
        }
        if self.candidates.note(address, answer.key, self.config.pinned, now.mono + wait) && self.session.is_none() {
            self.events.push_back(Event::Found { hub: answer.key, address });
        }
        if self.session.is_none() && self.is_undecided() {
            let hubs = self.candidates.hubs();
            if self.several != hubs.len() {
                self.several = hubs.len();
                self.events.push_back(Event::Several { hubs });
            }
        }
        self.start_handshakes(now);
    }

    fn handle_cookie(&mut self, cookie: &Cookie<'_>) {
        for candidate in self.candidates.iter_mut() {
            let address = candidate.address;
            if let Some(initiator) = candidate.handshake(cookie.receiver) {
                if initiator.take_cookie(cookie).is_ok() {
                    self.datagrams.push_back((address, initiator.datagram().to_vec()));
                }
                return;
            }
        }
    }

    fn handle_hs2(&mut self, now: Now, from: SocketAddr, hs2: &Hs2<'_>) {
        let finished = self.candidates.iter_mut().find_map(|candidate| {
            let hub = candidate.hub;
            let initiator = candidate.handshake(hs2.receiver)?;
            let (transport, verdict) = initiator.finish(hs2).ok()?;
            Some((transport, verdict, hub))
        });
        let Some((transport, verdict, hub)) = finished else { return };
        let session = Session::new(transport, hs2.receiver, from, hub, &verdict, now.mono);
        // Where to go for fresh keys, even if no answer ever named this address.
        self.candidates.note(from, hub, self.config.pinned, now.mono);
        for candidate in self.candidates.iter_mut() {
            candidate.rest(now.mono, Duration::ZERO);
        }
        if let Some(old) = self.session.replace(session) {
            self.previous = Some((old, now.mono + Duration::from_secs(KEEP_PREVIOUS_SECS)));
        }
        self.flight.set_credit(verdict.credit.min(self.config.max_in_flight));
        self.flight.restart();
        (self.probe_due, self.probes, self.several) = (None, 0, 0);
    }

    fn handle_data(&mut self, now: Now, from: SocketAddr, data: &Data<'_>) {
        let mut plain = std::mem::take(&mut self.plain);
        if self.open(from, data, &mut plain) {
            // A message of a newer hub is one we can do without; that it came at all says that the hub lives.
            if let Ok(Message::Control(control)) = Message::decode(&plain) {
                self.handle_control(now, control);
            }
        }
        self.plain = plain;
    }

    fn open(&mut self, from: SocketAddr, data: &Data<'_>, plain: &mut Vec<u8>) -> bool {
        if let Some(session) = self.session.as_mut().filter(|session| session.index == data.receiver) {
            let opened = session.open(from, data, plain).is_ok();
            session.confirmed |= opened;
            return opened;
        }
        let Some((session, _)) = self.previous.as_mut().filter(|(session, _)| session.index == data.receiver) else {
            return false;
        };
        if session.open(from, data, plain).is_err() {
            return false;
        }
        if self.session.is_none() {
            // The hub was slow, not gone.
            self.session = self.previous.take().map(|(session, _)| session);
            self.probe_due = None;
        }
        true
    }

    fn handle_control(&mut self, now: Now, control: Control) {
        match control {
            Control::Welcome(welcome) => {
                self.flight.set_credit(welcome.credit.min(self.config.max_in_flight));
                if let Some(session) = &mut self.session {
                    session.learn_sensors(welcome.known_sensors, now.mono);
                    session.standing = welcome.standing;
                    session.hello_due = now.mono + HELLO_EVERY;
                }
                self.tell_standing();
            }
            Control::Ack(ack) => self.handle_ack(now, ack),
            Control::Hello(_) | Control::Dictionary { .. } | Control::Status(_) | Control::Bye => {}
        }
    }

    fn handle_ack(&mut self, now: Now, ack: Ack) {
        self.flight.set_credit(ack.credit.min(self.config.max_in_flight));
        if let Some(session) = &mut self.session {
            session.learn_sensors(ack.known_sensors, now.mono);
            session.standing = Standing::Adopted;
            session.measure(now, &ack, &mut self.path);
        }
        let round_trip = self.path.acks.smoothed().unwrap_or(Duration::ZERO);
        if let Some(sent) = self.flight.acknowledged(ack.epoch, ack.mark, &ack.runs, round_trip, now.mono) {
            self.path.acks.sample(now.mono.saturating_duration_since(sent));
        }
        self.tell_standing();
        self.events.push_back(Event::Acked { epoch: ack.epoch, mark: ack.mark, runs: ack.runs });
    }

    /// Tells the driver when standing, hub or address changed; from adoption on the hub is pinned and the token spent.
    fn tell_standing(&mut self) {
        let Some(session) = self.session.as_ref().filter(|session| session.confirmed) else { return };
        let (hub, address, standing) = (session.hub, session.address, session.standing);
        if self.told == Some((hub, address, standing)) {
            return;
        }
        let was_adopted = matches!(self.told, Some((_, _, Standing::Adopted)));
        self.told = Some((hub, address, standing));
        match standing {
            Standing::Adopted => {
                self.config.pinned = Some(hub);
                self.config.token = None;
                self.candidates.keep_only(hub);
                self.events.push_back(Event::Adopted { hub, address });
            }
            Standing::Pending => {
                if was_adopted {
                    self.flight.clear();
                    self.events.push_back(Event::Lost);
                }
                self.events.push_back(Event::Pending { hub, address });
            }
        }
    }

    fn lose(&mut self, now: Now) {
        let Some(session) = self.session.take() else { return };
        let wait = self.random.between(Duration::ZERO, RETURN_WITHIN);
        // The address may be one that no answer ever named: the hub roamed.
        self.candidates.note(session.address, session.hub, self.config.pinned, now.mono);
        for candidate in self.candidates.iter_mut() {
            candidate.rest(now.mono, wait);
        }
        if session.confirmed {
            self.previous = Some((session, now.mono + Duration::from_secs(KEEP_PREVIOUS_SECS)));
        }
        self.told = None;
        self.flight.clear();
        self.events.push_back(Event::Lost);
        (self.probe_due, self.probes) = (Some(now.mono + wait / 2), 0);
    }

    fn probe(&mut self, now: Now) {
        // A nonce serves one search: an answer that comes after the next probe is as good.
        for address in &self.addresses {
            self.datagrams.push_back((*address, Probe::new(self.nonce).encode()));
        }
        // Told where the hub is, and not yet joined: other hubs are not asked at all.
        self.search = !self.config.only_addresses || self.config.pinned.is_some();
        let wait = (FIRST_PROBE * 2_u32.pow(self.probes.min(4))).min(LONGEST_PROBE);
        self.probes += 1;
        self.probe_due = Some(now.mono + self.random.between(wait.mul_f64(0.75), wait));
    }

    /// Which candidates to try, if any.
    fn aim(&self) -> Option<Aim> {
        match &self.session {
            // Several hubs, and neither a pin nor a token to tell which is ours: a person has to say.
            None if self.is_undecided() => None,
            None => Some(Aim { hub: self.config.pinned, address: None, from: None }),
            // Already doubtful: another address of the same hub may be the right one.
            Some(session) if session.misses >= DOUBT_AFTER => {
                Some(Aim { hub: Some(session.hub), address: None, from: None })
            }
            Some(session) => {
                Some(Aim { hub: Some(session.hub), address: Some(session.address), from: Some(session.rekey_due()) })
            }
        }
    }

    fn is_undecided(&self) -> bool {
        self.config.pinned.is_none() && self.config.token.is_none() && self.candidates.hubs().len() > 1
    }

    fn start_handshakes(&mut self, now: Now) {
        let Some(aim) = self.aim().filter(|aim| aim.from.is_none_or(|from| now.mono >= from)) else { return };
        let token = self.config.token.as_ref().filter(|_| self.config.pinned.is_none());
        let psk = token.map_or(NO_PSK, JoinToken::psk);
        for candidate in self.candidates.iter_mut() {
            if !aim.fits(candidate) || now.mono < candidate.next_at {
                continue;
            }
            let number = self.handshakes;
            self.handshakes = self.handshakes.wrapping_add(1);
            let offer = Offer {
                counter: u64::from(self.config.epoch.0) << 32 | u64::from(number),
                token: token.map_or(0, |token| token.id),
                caps: 0,
                mtu: MAX_DATAGRAM as u16,
            };
            let index = number << 16 | u32::from(self.config.index);
            // It fails only without randomness or with an impossible key: the next try is as good as any remedy.
            match Initiator::start(&self.config.keys, &candidate.hub, &psk, &offer, index) {
                Ok(initiator) => {
                    self.datagrams.push_back((candidate.address, initiator.datagram().to_vec()));
                    candidate.started(initiator, now.mono, &mut self.random);
                }
                Err(_) => candidate.rest(now.mono, LONGEST_PROBE),
            }
            if candidate.tries == TELL_AFTER_TRIES && self.session.is_none() {
                self.events.push_back(Event::Silent { hub: candidate.hub, address: candidate.address });
            }
        }
    }

    fn wants_hello(&self, session: &Session) -> bool {
        !session.confirmed || session.standing == Standing::Pending
    }

    fn wants_dictionary(&self, session: &Session) -> bool {
        session.standing == Standing::Adopted && usize::from(session.known_sensors) < self.sensors.len()
    }

    fn transmit_control(&mut self, now: Now, out: &mut Vec<u8>) -> Option<SocketAddr> {
        let session = self.session.as_ref()?;
        let repeat = now.mono + self.path.acks.timeout();
        let (hello, dictionary) = (self.wants_hello(session), self.wants_dictionary(session));
        let session = self.session.as_mut()?;
        if hello && now.mono >= session.hello_due {
            session.introduced(now.mono);
            let mut hello = self.config.hello.clone();
            if session.standing == Standing::Adopted {
                hello.preview.clear();
            }
            session.seal_control(now, &self.path, out, &Control::Hello(hello))?;
            return Some(session.address);
        }
        if dictionary && now.mono >= session.dictionary_due {
            session.dictionary_due = repeat;
            let first = SensorNo(session.known_sensors);
            let sensors = entries_of(&self.sensors, first);
            session.seal_control(now, &self.path, out, &Control::Dictionary { first, sensors })?;
            return Some(session.address);
        }
        if session.standing == Standing::Adopted && now.mono >= session.status_due {
            session.status_due = now.mono + STATUS_EVERY;
            self.status.rtt_us =
                self.path.wire.smoothed().map(|rtt| u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX));
            self.status.clock_offset_ms = self.path.clock_offset_ms;
            session.seal_control(now, &self.path, out, &Control::Status(self.status.clone()))?;
            return Some(session.address);
        }
        None
    }

    fn transmit_batch(&mut self, now: Now, out: &mut Vec<u8>) -> Option<SocketAddr> {
        let session = self.session.as_mut().filter(|session| session.standing == Standing::Adopted)?;
        let batch = self.flight.next(session.known_sensors)?;
        let key = (batch.epoch, batch.seq);
        let message = Batch { epoch: batch.epoch, seq: batch.seq, lane: batch.lane, body: &batch.body };
        let counter = session.seal(now, &self.path, out, |plain| message.encode(plain))?;
        self.flight.sent(key, counter, now.mono);
        Some(session.address)
    }
}

/// The entries from `first` on that fit one datagram.
fn entries_of(sensors: &[SensorSpec], first: SensorNo) -> Vec<SensorSpec> {
    let mut bytes = 0;
    sensors
        .iter()
        .skip(usize::from(first.0))
        .take_while(|spec| {
            // Two lengths, kind and the longest interval besides the texts.
            bytes += spec.name.len() + spec.unit.len() + 8;
            bytes <= DICTIONARY_BYTES
        })
        .cloned()
        .collect()
}

/// The six words a person compares, as one text.
#[must_use]
pub fn words_of(key: &PublicKey) -> String {
    Id::of(key).words().join(" ")
}
