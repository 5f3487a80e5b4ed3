//! A device made of `wire` alone: joins with a token, sends numbered batches, keeps what was acknowledged.
//!
//! It shares no code with the agent, so that agent and hub cannot agree on a mistake.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use telemetry_hub::clock::Clock;
use wire::batch::{BatchBuilder, MAX_BODY};
use wire::discovery::Probe;
use wire::handshake::{Initiator, JoinToken, NO_PSK, Offer, Start};
use wire::message::{Batch, Control, Hello, Message, Status};
use wire::packet::Packet;
use wire::seal::Transport;
use wire::{BatchSeq, Epoch, KeyPair, Lane, PublicKey, Reading, SensorKind, SensorNo, SensorSpec, SeqSet, UnixMillis};

use super::eventually;

/// Readings a batch: small, so that a kill meets many commits.
pub const READINGS: u64 = 10;

/// How long a hub may take to acknowledge what it takes at all, also one with a slow disk.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct FakeDevice {
    socket: UdpSocket,
    hub: SocketAddr,
    keys: KeyPair,
    /// A device without one waits for adoption.
    token: Option<JoinToken>,
    joined: bool,
    counter: u64,
    session: Option<Transport>,
    /// How long the hub may say nothing before another session is opened. Nothing is waited for unless a test says so: a hub
    /// that was killed is found again at once.
    pub patience: Duration,
    heard_at: Instant,
    /// Its clock minus the hub's, in milliseconds: what it says of it at the start of a session, if anything.
    pub clock_offset_ms: Option<i64>,
    known_sensors: u16,
    next: u64,
    start: i64,
    unacked: BTreeMap<u64, (Lane, Vec<u8>)>,
    /// The independent ledger: batches the hub said are on disk.
    pub acked: SeqSet,
}

impl FakeDevice {
    pub fn new(hub: SocketAddr, token: &str, start: i64) -> Self {
        Self { token: Some(token.parse().unwrap()), start, ..Self::stranger(hub) }
    }

    /// A device that nobody let in.
    pub fn stranger(hub: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        Self {
            socket,
            hub,
            keys: KeyPair::generate().unwrap(),
            token: None,
            joined: false,
            counter: 0,
            session: None,
            patience: Duration::ZERO,
            heard_at: Instant::now(),
            clock_offset_ms: None,
            known_sensors: 0,
            next: 0,
            start: 0,
            unacked: BTreeMap::new(),
            acked: SeqSet::default(),
        }
    }

    pub fn id(&self) -> String {
        wire::Id::of(&self.keys.public).to_string()
    }

    /// Batches made so far.
    pub const fn made(&self) -> u64 {
        self.next
    }

    /// Batches the hub acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acked.mark().0 + self.acked.islands().iter().map(|(start, end)| end - start).sum::<u64>()
    }

    /// Time and value of reading `n` of batch `seq`: known to both sides of the ledger.
    pub const fn reading(&self, seq: u64, n: u64) -> (i64, f64) {
        let nth = seq * READINGS + n;
        (self.start + nth as i64, (nth % 1_000) as f64 / 10.0)
    }

    /// Makes a new batch and keeps it until it is acknowledged.
    pub fn make(&mut self) {
        let readings: Vec<_> = (0..READINGS).map(|n| self.reading(self.next, n)).collect();
        self.make_of(Lane::Live, &readings);
    }

    /// Makes a new batch of these times and values.
    pub fn make_of(&mut self, lane: Lane, readings: &[(i64, f64)]) {
        let mut builder = BatchBuilder::new(MAX_BODY);
        for &(at, value) in readings {
            assert!(builder.push(&Reading { sensor: SensorNo(0), at: UnixMillis(at), value }));
        }
        self.unacked.insert(self.next, (lane, builder.finish()));
        self.next += 1;
    }

    /// Makes a batch of one reading taken now.
    pub fn make_now(&mut self, lane: Lane, value: f64) {
        self.make_of(lane, &[(Clock.wall().0, value)]);
    }

    /// Makes so many batches more, a few at a time so that they are many commits, and exchanges until all it ever made are
    /// acknowledged.
    pub fn deliver(&mut self, batches: u64) {
        let wanted = self.made() + batches;
        eventually("all batches acknowledged", PATIENCE, || {
            (self.made()..wanted).take(8).for_each(|_| self.make());
            self.exchange(Duration::from_millis(100));
            (self.made() == wanted && self.acknowledged() == wanted).then_some(())
        });
    }

    /// Exchanges until all it ever made is acknowledged.
    pub fn settle(&mut self) {
        self.deliver(0);
    }

    /// Sends what is not acknowledged (some of it twice), and hears what the hub says. Opens a session when there is none.
    pub fn exchange(&mut self, limit: Duration) {
        let end = Instant::now() + limit;
        if self.session.is_none() && !self.connect(end) {
            return;
        }
        if self.known_sensors == 0 {
            let spec =
                SensorSpec { name: "ledger".to_owned(), unit: "1".to_owned(), kind: SensorKind::Gauge, interval_ms: 0 };
            self.say(&Control::Dictionary { first: SensorNo(0), sensors: vec![spec] });
        } else {
            let batches: Vec<(u64, (Lane, Vec<u8>))> =
                self.unacked.iter().take(64).map(|(seq, batch)| (*seq, batch.clone())).collect();
            for (seq, (lane, body)) in batches {
                let mut plain = Vec::new();
                Batch { epoch: Epoch(1), seq: BatchSeq(seq), lane, body: &body }.encode(&mut plain);
                self.send(&plain);
                if seq % 5 == 0 {
                    self.send(&plain);
                }
            }
        }
        let mut heard = false;
        while Instant::now() < end && (!heard || !self.unacked.is_empty()) {
            heard |= self.hear();
        }
        if heard {
            self.heard_at = Instant::now();
        } else if self.heard_at.elapsed() >= self.patience {
            self.session = None;
        }
    }

    /// Says hello, in a session of its own when there is none; whether it has one.
    pub fn introduce(&mut self, limit: Duration) -> bool {
        let hello = Control::Hello(Hello { name: "stranger".to_owned(), ..Hello::default() });
        if self.session.is_some() {
            self.say(&hello);
            return true;
        }
        self.connect(Instant::now() + limit)
    }

    fn connect(&mut self, end: Instant) -> bool {
        let Some(hub) = self.probe(end) else { return false };
        let (psk, token) = match &self.token {
            Some(token) if !self.joined => (token.psk(), token.id),
            _ => (NO_PSK, 0),
        };
        self.counter += 1;
        let offer = Offer { counter: self.counter, token, start: Start::default(), mtu: 1_232 };
        let mut initiator = Initiator::start(&self.keys, &hub, &psk, &offer, self.counter as u32).unwrap();
        let _ = self.socket.send_to(initiator.datagram(), self.hub);
        while Instant::now() < end {
            let Some(datagram) = self.receive() else { continue };
            match Packet::parse(&datagram) {
                Ok(Packet::Cookie(cookie)) => {
                    initiator.take_cookie(&cookie).unwrap();
                    let _ = self.socket.send_to(initiator.datagram(), self.hub);
                }
                Ok(Packet::Hs2(hs2)) => {
                    let Ok((session, verdict)) = initiator.finish(&hs2) else { continue };
                    self.session = Some(session);
                    self.heard_at = Instant::now();
                    self.known_sensors = verdict.known_sensors;
                    self.say(&Control::Hello(Hello { name: "ledger".to_owned(), ..Hello::default() }));
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    fn probe(&self, end: Instant) -> Option<PublicKey> {
        let _ = self.socket.send_to(&Probe::new([1; 8]).encode(), self.hub);
        while Instant::now() < end {
            if let Some(datagram) = self.receive()
                && let Ok(Packet::Answer(answer)) = Packet::parse(&datagram)
            {
                return Some(answer.key);
            }
        }
        None
    }

    fn hear(&mut self) -> bool {
        let Some(datagram) = self.receive() else { return false };
        let (Ok(Packet::Data(data)), Some(session)) = (Packet::parse(&datagram), &mut self.session) else {
            return false;
        };
        let mut plain = Vec::new();
        if session.open(&data, &mut plain).is_err() {
            return false;
        }
        match Message::decode(&plain) {
            Ok(Message::Control(Control::Ack(ack))) => {
                self.known_sensors = ack.known_sensors;
                if ack.epoch == Epoch(1) {
                    self.acked.raise_mark(ack.mark);
                    ack.runs.iter().for_each(|&(start, end)| {
                        self.acked.insert_run(start..end);
                    });
                }
                let acked = &self.acked;
                self.unacked.retain(|seq, _| !acked.contains(BatchSeq(*seq)));
            }
            Ok(Message::Control(Control::Welcome(welcome))) => {
                self.joined = true;
                self.known_sensors = welcome.known_sensors;
                if self.clock_offset_ms.is_some() {
                    self.say(&Control::Status(Status { clock_offset_ms: self.clock_offset_ms, ..Status::default() }));
                }
            }
            _ => {}
        }
        true
    }

    fn say(&mut self, control: &Control) {
        let mut plain = Vec::new();
        control.encode(&mut plain);
        self.send(&plain);
    }

    fn send(&mut self, plain: &[u8]) {
        let mut datagram = Vec::new();
        if let Some(session) = &mut self.session {
            session.seal(plain, &mut datagram).unwrap();
            // A killed hub answers by ICMP; that is no fault of the device.
            let _ = self.socket.send_to(&datagram, self.hub);
        }
    }

    fn receive(&self) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 2_048];
        let (length, _) = self.socket.recv_from(&mut buffer).ok()?;
        buffer.truncate(length);
        Some(buffer)
    }
}
