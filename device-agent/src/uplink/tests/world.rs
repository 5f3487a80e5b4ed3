//! A world of one device and one hub: time moved by hand, a network with delay and loss, and a hub that checks what it gets.

use std::collections::{BTreeMap, HashMap, VecDeque};

use wire::discovery::Answer;
use wire::handshake::{JoinToken, NO_PSK, Responder, Start, Verdict, cookie_for};
use wire::message::{Ack, Hello, Message, Welcome};
use wire::packet::Data;
use wire::seal::Transport;
use wire::{KeyPair, SensorKind, SeqSet, UnixMillis};

use super::super::*;
use super::MS;
use crate::feed::Feed;
use crate::spool::{Limits, Spool};

/// Where the hub sees the device.
const DEVICE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)), 40_000);

pub(super) fn token() -> JoinToken {
    JoinToken::new(7, [5; 16])
}

pub(super) fn spec(name: &str) -> SensorSpec {
    SensorSpec { name: name.to_owned(), unit: "1".to_owned(), kind: SensorKind::Gauge, interval_ms: 1000 }
}

fn start() -> Now {
    Now { mono: crate::clock::now().mono, unix: UnixMillis(1_700_000_000_000) }
}

pub(super) struct World {
    pub(super) feed: Feed,
    pub(super) hub: Hub,
    pub(super) now: Now,
    pub(super) delay: Duration,
    pub(super) loss: f64,
    /// Whether multicast works.
    pub(super) groups: bool,
    pub(super) random: Random,
    /// When, whether to the hub, and the bytes.
    pub(super) wire: VecDeque<(Instant, bool, Vec<u8>)>,
    pub(super) events: Vec<Event>,
}

impl World {
    pub(super) fn new(change: impl FnOnce(&mut Config)) -> Self {
        let (now, hub) = (start(), Hub::new());
        let mut config = Config {
            keys: KeyPair::generate().unwrap(),
            epoch: Epoch(1),
            pinned: None,
            token: None,
            // Else it would wait for other hubs first.
            words: Some(words_of(hub.responder.public())),
            only_addresses: false,
            hello: Hello { name: "box".into(), ..Hello::default() },
            max_in_flight: 64,
            index: 0,
            start: Start::default(),
            seed: 11,
        };
        change(&mut config);
        let mut uplink = Uplink::new(config, now);
        uplink.set_sensors(&[spec("mem.used_pct")]);
        let spool = Spool::in_memory(Epoch(1), Limits::default(), now.mono);
        let feed = Feed { uplink, spool };
        let (random, wire) = (Random::new(5), VecDeque::new());
        Self { feed, hub, now, delay: 5 * MS, loss: 0.0, groups: true, random, wire, events: Vec::new() }
    }

    /// One reading at the beginning of each of so many intervals.
    pub(super) fn measure(&mut self, readings: usize, interval: Duration) {
        for _ in 0..readings {
            let now = self.now.mono;
            self.feed.spool.append(vec![0; 100], 1, 1, Lane::Live, now);
            self.run(interval);
        }
    }

    /// Lets time pass; returns in how many steps.
    pub(super) fn run(&mut self, time: Duration) -> usize {
        let end = self.now.mono + time;
        let mut steps = 0;
        loop {
            steps += 1;
            assert!(steps < 100_000, "the uplink spins");
            self.step();
            let next = [self.feed.uplink.poll_timeout(), self.wire.front().map(|(at, ..)| *at)];
            let next = next.into_iter().flatten().min().unwrap_or(end).max(self.now.mono);
            if next > end {
                self.now = self.now.plus(end - self.now.mono);
                return steps;
            }
            self.now = self.now.plus(next - self.now.mono);
        }
    }

    fn step(&mut self) {
        while let Some((_, to_hub, datagram)) = self.wire.pop_front_if_due(self.now.mono) {
            if to_hub {
                for answer in self.hub.receive(self.now, &datagram) {
                    self.put(false, answer);
                }
            } else {
                self.feed.uplink.handle_input(self.now, self.hub.address, &datagram);
            }
        }
        self.feed.uplink.handle_timeout(self.now);
        let events = &mut self.events;
        self.feed.settle(self.now, |_, event| events.push(event));
        self.feed.report(self.now);
        if let Some(probe) = self.feed.uplink.poll_search().filter(|_| self.groups) {
            self.put(true, probe);
        }
        let mut out = Vec::new();
        while let Some(to) = self.feed.uplink.poll_transmit(self.now, &mut out) {
            if to == self.hub.address {
                self.put(true, out.clone());
            }
        }
    }

    fn put(&mut self, to_hub: bool, datagram: Vec<u8>) {
        if !self.random.chance(self.loss) && !self.hub.muted {
            self.wire.push_back((self.now.mono + self.delay, to_hub, datagram));
        }
    }

    pub(super) fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(event)).count()
    }
}

trait PopDue {
    fn pop_front_if_due(&mut self, now: Instant) -> Option<(Instant, bool, Vec<u8>)>;
}

impl PopDue for VecDeque<(Instant, bool, Vec<u8>)> {
    fn pop_front_if_due(&mut self, now: Instant) -> Option<(Instant, bool, Vec<u8>)> {
        self.front().filter(|(at, ..)| *at <= now)?;
        self.pop_front()
    }
}

pub(super) struct Hub {
    pub(super) responder: Responder,
    pub(super) address: SocketAddr,
    pub(super) sessions: HashMap<u32, Transport>,
    pub(super) newest: Option<u32>,
    pub(super) windows: BTreeMap<Epoch, SeqSet>,
    pub(super) standing: Standing,
    pub(super) adopts_token: bool,
    pub(super) known_sensors: u16,
    /// What it was told of sensors that it knows.
    pub(super) restated: Vec<(u16, Vec<SensorSpec>)>,
    pub(super) credit: u32,
    pub(super) clock_ahead_ms: i64,
    pub(super) muted: bool,
    /// Whoever knocks has to prove the address first.
    pub(super) busy: bool,
    pub(super) cookies: usize,
    pub(super) next_index: u32,
    pub(super) highest_counter: u64,
    pub(super) handshakes: usize,
    pub(super) batches_seen: usize,
    pub(super) repeats: usize,
    pub(super) refused: usize,
    pub(super) statuses: usize,
    pub(super) order: Vec<(u64, Lane)>,
    pub(super) bodies: BTreeMap<BatchSeq, Vec<u8>>,
    pub(super) hellos: Vec<Hello>,
    pub(super) healths: Vec<Health>,
}

impl Hub {
    pub(super) fn new() -> Self {
        Self {
            responder: Responder::new(KeyPair::generate().unwrap()),
            address: "10.0.0.1:5770".parse().unwrap(),
            sessions: HashMap::new(),
            newest: None,
            windows: BTreeMap::new(),
            standing: Standing::Adopted,
            adopts_token: false,
            known_sensors: 0,
            restated: Vec::new(),
            credit: 64,
            clock_ahead_ms: 0,
            bodies: BTreeMap::new(),
            muted: false,
            busy: false,
            cookies: 0,
            next_index: 100,
            highest_counter: 0,
            handshakes: 0,
            batches_seen: 0,
            repeats: 0,
            refused: 0,
            statuses: 0,
            order: Vec::new(),
            hellos: Vec::new(),
            healths: Vec::new(),
        }
    }

    /// Sessions are in memory, everything else is on disk.
    pub(super) fn restart(&mut self) {
        self.sessions.clear();
        self.newest = None;
    }

    pub(super) fn stored(&self) -> u64 {
        let in_set = |set: &SeqSet| set.mark().0 + set.islands().iter().map(|(start, end)| end - start).sum::<u64>();
        self.windows.values().map(in_set).sum()
    }

    pub(super) fn answer(&self, nonce: [u8; 8]) -> Vec<u8> {
        let key = *self.responder.public();
        Answer { accepting: true, hub: Id::of(&key), key, port: self.address.port(), nonce }.encode()
    }

    pub(super) fn receive(&mut self, now: Now, datagram: &[u8]) -> Vec<Vec<u8>> {
        let wall = now.unix.plus(self.clock_ahead_ms);
        match Packet::parse(datagram).unwrap() {
            Packet::Probe(probe) => vec![self.answer(probe.nonce)],
            Packet::Hs1(hs1) => self.handshake(wall, &hs1).into_iter().collect(),
            Packet::Data(data) => self.data(wall, &data).into_iter().collect(),
            Packet::Hs2(_) | Packet::Cookie(_) | Packet::Answer(_) => panic!("not for a hub"),
        }
    }

    fn handshake(&mut self, now: UnixMillis, hs1: &wire::packet::Hs1<'_>) -> Option<Vec<u8>> {
        let cookie = cookie_for(&[7; 32], &DEVICE);
        if self.busy && !self.responder.owns_address(hs1, &cookie) {
            self.cookies += 1;
            return self.responder.cookie_reply(hs1, &cookie, &[9; 24]).ok();
        }
        let received = self.responder.read(hs1).ok()?;
        assert!(received.offer.counter > self.highest_counter, "a counter came twice");
        self.highest_counter = received.offer.counter;
        let psk = if received.offer.token == 7 { token().psk() } else { NO_PSK };
        let verdict = Verdict { now, credit: self.credit, known_sensors: self.known_sensors, standing: self.standing };
        self.next_index += 1;
        let (transport, hs2) = received.accept(&psk, &verdict, self.next_index).ok()?;
        self.sessions.insert(self.next_index, transport);
        self.newest = Some(self.next_index);
        self.handshakes += 1;
        Some(hs2)
    }

    fn data(&mut self, now: UnixMillis, data: &Data<'_>) -> Option<Vec<u8>> {
        let mut plain = Vec::new();
        self.sessions.get_mut(&data.receiver)?.open(data, &mut plain).ok()?;
        let mut epoch = Epoch(1);
        let mut runs = Vec::new();
        match Message::decode(&plain).unwrap() {
            Message::Batch(batch) => {
                assert_eq!(self.standing, Standing::Adopted, "a reading left before adoption");
                self.batches_seen += 1;
                epoch = batch.epoch;
                self.bodies.entry(batch.seq).or_insert_with(|| batch.body.to_vec());
                match self.windows.entry(epoch).or_default().insert(batch.seq) {
                    wire::Inserted::New => self.order.push((batch.seq.0, batch.lane)),
                    wire::Inserted::Repeat => self.repeats += 1,
                    wire::Inserted::Full => self.refused += 1,
                }
                runs.extend(self.windows[&epoch].run_of(batch.seq).map(|run| (run.start, run.end)));
            }
            Message::Control(Control::Hello(hello)) => {
                self.hellos.push(hello);
                if self.adopts_token {
                    self.standing = Standing::Adopted;
                }
                let welcome =
                    Welcome { standing: self.standing, known_sensors: self.known_sensors, credit: self.credit, now };
                return self.seal(&Control::Welcome(welcome));
            }
            Message::Control(Control::Dictionary { first, sensors }) => {
                if first.0 < self.known_sensors {
                    self.restated.push((first.0, sensors));
                    return None;
                }
                assert_eq!(first.0, self.known_sensors, "one after the other");
                self.known_sensors += sensors.len() as u16;
            }
            Message::Control(Control::Status(_)) => self.statuses += 1,
            Message::Control(Control::Health(health)) => {
                self.healths.push(health);
                return None;
            }
            Message::Control(_) => return None,
        }
        let mark = self.windows.entry(epoch).or_default().mark();
        runs.retain(|(start, _)| *start >= mark.0);
        let (credit, known_sensors) = (self.credit, self.known_sensors);
        let ack = Ack { epoch, mark, runs, credit, known_sensors, echo_counter: data.counter, echo_received: now, now };
        self.seal(&Control::Ack(ack))
    }

    fn seal(&mut self, control: &Control) -> Option<Vec<u8>> {
        self.seal_in(self.newest?, control)
    }

    pub(super) fn seal_in(&mut self, session: u32, control: &Control) -> Option<Vec<u8>> {
        let (mut plain, mut out) = (Vec::new(), Vec::new());
        control.encode(&mut plain);
        self.sessions.get_mut(&session)?.seal(&plain, &mut out).ok()?;
        Some(out)
    }
}
