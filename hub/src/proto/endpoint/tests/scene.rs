//! An endpoint with a clock moved by hand and a store made of nothing, and devices that say what they are told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use wire::batch::{BatchBuilder, MAX_BODY};
use wire::handshake::{Initiator, JoinToken as TokenText, NO_PSK, Offer, Responder, Start, Verdict};
use wire::message::{self, Ack, Control, Hello, Message};
use wire::packet::Packet;
use wire::seal::Transport;
use wire::{KeyPair, Lane, Numbering, Reading, SensorKind, SensorNo, SensorSpec};

use crate::model::access::JoinToken;
use crate::model::device::{Device, DeviceNo, Introduction, Labels, NewDevice, Standing};
use crate::model::reading::SeriesId;
use crate::model::{BatchSeq, DeviceId, Epoch, PublicKey, UnixMillis};
use crate::pressure::Pressure;
use crate::proto::Moment;
use crate::proto::command::{Command, JoinPolicy, Known};
use crate::proto::counters::{Counters, Drop};
use crate::proto::discovery::Card;
use crate::proto::endpoint::{Config, Endpoint};
use crate::proto::event::Event;

pub(super) const ADDRESS: &str = "10.0.0.7:4000";

/// An endpoint, a clock and a store made of nothing.
pub(super) struct Scene {
    pub(super) endpoint: Endpoint,
    pub(super) hub: PublicKey,
    pub(super) moment: Moment,
    pub(super) counters: Arc<Counters>,
    pub(super) pressure: Arc<Pressure>,
    /// Sent to others than who was asked for.
    pub(super) kept: Vec<(SocketAddr, Vec<u8>)>,
}

/// A device that says what it is told to.
pub(super) struct FakeDevice {
    pub(super) keys: KeyPair,
    pub(super) counter: u64,
    pub(super) session: Option<Transport>,
    pub(super) address: SocketAddr,
    pub(super) start: Start,
}

impl Scene {
    pub(super) fn new(policy: JoinPolicy) -> Self {
        let clock = crate::clock::Clock;
        let moment = Moment { now: clock.now(), wall: UnixMillis(1_700_000_000_000) };
        let keys = KeyPair::generate().unwrap();
        let hub = keys.public;
        let (counters, pressure) = (Arc::<Counters>::default(), Arc::<Pressure>::default());
        let mut seed = 1_u64;
        let config = Config {
            responder: Responder::new(keys),
            card: Card { hub: DeviceId::of(&hub), key: hub, port: 5770, accepting: Arc::default() },
            policy,
            pressure: Arc::clone(&pressure),
            random: Box::new(move |bytes| {
                bytes.iter_mut().for_each(|byte| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    *byte = (seed >> 56) as u8;
                });
            }),
            discovery_random: Box::new(|bytes| bytes.fill(3)),
            counters: Arc::clone(&counters),
            max_devices: 20_000,
        };
        Self { endpoint: Endpoint::new(moment.now, config), hub, moment, counters, pressure, kept: Vec::new() }
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.moment.now += Duration::from_secs(seconds);
        self.moment.wall = self.moment.wall.plus(seconds as i64 * 1_000);
        self.endpoint.handle_timeout(self.moment);
    }

    pub(super) fn sent(&mut self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.endpoint.poll_transmit(self.moment)).map(|(_, datagram)| datagram).collect()
    }

    /// What was sent and kept, with its addresses.
    pub(super) fn waiting(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut waiting = std::mem::take(&mut self.kept);
        waiting.extend(std::iter::from_fn(|| self.endpoint.poll_transmit(self.moment)));
        waiting
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.endpoint.poll_event()).collect()
    }

    pub(super) fn dropped(&self, reason: Drop) -> u64 {
        let name = Drop::REASONS[reason as usize];
        self.counters.drops().find(|(reason, _)| *reason == name).unwrap().1
    }

    /// Adopts a device as the registrar would.
    pub(super) fn adopt(&mut self, device: &NewDevice, standing: Standing, sensors: usize) {
        self.adopt_as(device, standing, sensors, Numbering::FIRST);
    }

    /// The same with a numbering.
    pub(super) fn adopt_as(&mut self, device: &NewDevice, standing: Standing, sensors: usize, numbering: Numbering) {
        self.know(device, standing, sensors, (numbering, None));
    }

    /// The same with hardware that is the device's since a moment.
    pub(super) fn know(
        &mut self,
        device: &NewDevice,
        standing: Standing,
        sensors: usize,
        (numbering, since): (Numbering, Option<UnixMillis>),
    ) {
        let row = Device {
            no: DeviceNo(1),
            id: DeviceId::of(&device.key),
            key: device.key,
            name: "box".to_owned(),
            standing,
            labels: Labels::new(),
            model: String::new(),
            version: String::new(),
            address: None,
            first_seen: device.at,
            last_seen: None,
            interval_ms: None,
            pushed_every_ms: None,
            notes: String::new(),
            handshake_counter: device.handshake_counter,
        };
        let sensors = (0..sensors as u32).map(SeriesId).collect();
        let known =
            Known { device: row, sensors, numbering, windows: Vec::new(), digests: Vec::new(), claim: None, since };
        self.endpoint.handle_command(self.moment, Command::Known(Box::new(known)));
    }

    /// A device that is adopted and has an open session.
    pub(super) fn adopted(&mut self, sensors: usize) -> FakeDevice {
        let mut device = FakeDevice::new();
        let new = device.introduction(self.moment);
        self.adopt(&new, Standing::Adopted, sensors);
        device.connect(self, &NO_PSK, 0).expect("answered");
        device.say(self, &hello());
        self.sent();
        device
    }
}

impl FakeDevice {
    pub(super) fn new() -> Self {
        let keys = KeyPair::generate().unwrap();
        Self { keys, counter: 1, session: None, address: ADDRESS.parse().unwrap(), start: Start::default() }
    }

    pub(super) fn introduction(&self, moment: Moment) -> NewDevice {
        NewDevice {
            key: self.keys.public,
            introduction: Introduction::default(),
            address: None,
            at: moment.wall,
            join_token: None,
            handshake_counter: 0,
        }
    }

    pub(super) fn connect(&mut self, scene: &mut Scene, psk: &[u8; 32], token: u64) -> Option<Verdict> {
        self.counter += 1;
        let offer = Offer { counter: self.counter, token, start: self.start, mtu: 1_232 };
        let mut initiator = Initiator::start(&self.keys, &scene.hub, psk, &offer, 9).unwrap();
        scene.endpoint.handle_input(scene.moment, self.address, initiator.datagram());
        scene.endpoint.handle_handshakes(scene.moment, 8);
        scene.sent().iter().find_map(|datagram| {
            let Ok(Packet::Hs2(hs2)) = Packet::parse(datagram) else { return None };
            let (session, verdict) = initiator.finish(&hs2).ok()?;
            self.session = Some(session);
            Some(verdict)
        })
    }

    pub(super) fn send(&mut self, scene: &mut Scene, plain: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::new();
        self.session.as_mut().unwrap().seal(plain, &mut datagram).unwrap();
        scene.endpoint.handle_input(scene.moment, self.address, &datagram);
        datagram
    }

    pub(super) fn say(&mut self, scene: &mut Scene, control: &Control) {
        let mut plain = Vec::new();
        control.encode(&mut plain);
        self.send(scene, &plain);
    }

    pub(super) fn batch(&mut self, scene: &mut Scene, seq: u64, sensor: u16) -> Vec<u8> {
        self.batch_of(scene, Lane::Live, seq, sensor)
    }

    pub(super) fn batch_of(&mut self, scene: &mut Scene, lane: Lane, seq: u64, sensor: u16) -> Vec<u8> {
        let reading = Reading { sensor: SensorNo(sensor), at: scene.moment.wall, value: 21.5 };
        self.batch_with(scene, lane, seq, &reading)
    }

    pub(super) fn batch_with(&mut self, scene: &mut Scene, lane: Lane, seq: u64, reading: &Reading) -> Vec<u8> {
        let mut builder = BatchBuilder::new(MAX_BODY);
        builder.push(reading);
        let body = builder.finish();
        let mut plain = Vec::new();
        message::Batch { epoch: Epoch(1), seq: BatchSeq(seq), lane, body: &body }.encode(&mut plain);
        self.send(scene, &plain)
    }

    pub(super) fn hears(&mut self, scene: &mut Scene) -> Vec<Control> {
        self.reads(scene.sent())
    }

    pub(super) fn reads(&mut self, datagrams: impl IntoIterator<Item = Vec<u8>>) -> Vec<Control> {
        let session = self.session.as_mut().unwrap();
        let mut heard = Vec::new();
        for datagram in datagrams {
            let Ok(Packet::Data(data)) = Packet::parse(&datagram) else { continue };
            let mut plain = Vec::new();
            session.open(&data, &mut plain).unwrap();
            if let Ok(Message::Control(control)) = Message::decode(&plain) {
                heard.push(control);
            }
        }
        heard
    }

    pub(super) fn hears_acks(&mut self, scene: &mut Scene) -> Vec<Ack> {
        let acks = |control| if let Control::Ack(ack) = control { Some(ack) } else { None };
        self.hears(scene).into_iter().filter_map(acks).collect()
    }
}

pub(super) fn hello() -> Control {
    Control::Hello(Hello { name: "box".to_owned(), ..Hello::default() })
}

pub(super) fn device_at(n: u32) -> FakeDevice {
    let [_, b, c, d] = n.to_be_bytes();
    FakeDevice { address: SocketAddr::from(([10, b, c, d], 4_000)), ..FakeDevice::new() }
}

/// A join token, and the text of it that a device would bring.
pub(super) fn token(uses_left: u32, expires_at: UnixMillis) -> (TokenText, JoinToken) {
    let text = TokenText::new(7, [5; 16]);
    let (name, labels, created_at) = (String::new(), Labels::new(), UnixMillis(0));
    let token = JoinToken { id: 7, psk: text.psk(), name, uses_left, labels, created_at, expires_at };
    (text, token)
}

pub(super) fn spec(name: &str) -> SensorSpec {
    SensorSpec { name: name.to_owned(), unit: String::new(), kind: SensorKind::Gauge, interval_ms: 1_000 }
}
