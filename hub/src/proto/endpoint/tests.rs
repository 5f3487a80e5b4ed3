//! The endpoint against devices made of `wire` alone, in time moved by hand.

mod limits;

use std::net::SocketAddr;

use wire::batch::{BatchBuilder, MAX_BODY};
use wire::handshake::{Initiator, JoinToken as TokenText, NO_PSK, Offer, Verdict};
use wire::ledger::Report;
use wire::message::{self, Ack, Health, Hello, Message};
use wire::seal::Transport;
use wire::{KeyPair, Lane, Reading, SensorKind, SensorNo, SensorSpec, UnixMillis};

use super::super::session::STRANGER_TTL;
use super::*;
use crate::model::device::{Introduction, Labels, NewDevice};

const ADDRESS: &str = "10.0.0.7:4000";

/// An endpoint, a clock and a store made of nothing.
struct Scene {
    endpoint: Endpoint,
    hub: PublicKey,
    moment: Moment,
    counters: Arc<Counters>,
    pressure: Arc<Pressure>,
}

/// A device that says what it is told to.
struct FakeDevice {
    keys: KeyPair,
    counter: u64,
    session: Option<Transport>,
    address: SocketAddr,
}

impl Scene {
    fn new(policy: JoinPolicy) -> Self {
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
        Self { endpoint: Endpoint::new(moment.now, config), hub, moment, counters, pressure }
    }

    fn pass(&mut self, seconds: u64) {
        self.moment.now += Duration::from_secs(seconds);
        self.moment.wall = self.moment.wall.plus(seconds as i64 * 1_000);
        self.endpoint.handle_timeout(self.moment);
    }

    fn sent(&mut self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.endpoint.poll_transmit(self.moment)).map(|(_, datagram)| datagram).collect()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.endpoint.poll_event()).collect()
    }

    fn dropped(&self, reason: Drop) -> u64 {
        let name = Drop::REASONS[reason as usize];
        self.counters.drops().find(|(reason, _)| *reason == name).unwrap().1
    }

    /// Adopts a device as the registrar would.
    fn adopt(&mut self, device: &NewDevice, standing: Standing, sensors: usize) {
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
            handshake_counter: device.handshake_counter,
        };
        let sensors = (0..sensors as u32).map(SeriesId).collect();
        let known = Known { device: row, sensors, windows: Vec::new() };
        self.endpoint.handle_command(self.moment, Command::Known(Box::new(known)));
    }

    /// A device that is adopted and has an open session.
    fn adopted(&mut self, sensors: usize) -> FakeDevice {
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
    fn new() -> Self {
        Self { keys: KeyPair::generate().unwrap(), counter: 1, session: None, address: ADDRESS.parse().unwrap() }
    }

    fn introduction(&self, moment: Moment) -> NewDevice {
        NewDevice {
            key: self.keys.public,
            introduction: Introduction::default(),
            address: None,
            at: moment.wall,
            join_token: None,
            handshake_counter: 0,
        }
    }

    fn connect(&mut self, scene: &mut Scene, psk: &[u8; 32], token: u64) -> Option<Verdict> {
        self.counter += 1;
        let offer = Offer { counter: self.counter, token, caps: 0, mtu: 1_232 };
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

    fn send(&mut self, scene: &mut Scene, plain: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::new();
        self.session.as_mut().unwrap().seal(plain, &mut datagram).unwrap();
        scene.endpoint.handle_input(scene.moment, self.address, &datagram);
        datagram
    }

    fn say(&mut self, scene: &mut Scene, control: &Control) {
        let mut plain = Vec::new();
        control.encode(&mut plain);
        self.send(scene, &plain);
    }

    fn batch(&mut self, scene: &mut Scene, seq: u64, sensor: u16) -> Vec<u8> {
        self.batch_of(scene, Lane::Live, seq, sensor)
    }

    fn batch_of(&mut self, scene: &mut Scene, lane: Lane, seq: u64, sensor: u16) -> Vec<u8> {
        let mut builder = BatchBuilder::new(MAX_BODY);
        builder.push(&Reading { sensor: SensorNo(sensor), at: scene.moment.wall, value: 21.5 });
        let body = builder.finish();
        let mut plain = Vec::new();
        message::Batch { epoch: Epoch(1), seq: BatchSeq(seq), lane, body: &body }.encode(&mut plain);
        self.send(scene, &plain)
    }

    fn hears(&mut self, scene: &mut Scene) -> Vec<Control> {
        let datagrams = scene.sent();
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

    fn hears_acks(&mut self, scene: &mut Scene) -> Vec<Ack> {
        let acks = |control| if let Control::Ack(ack) = control { Some(ack) } else { None };
        self.hears(scene).into_iter().filter_map(acks).collect()
    }
}

fn hello() -> Control {
    Control::Hello(Hello { name: "box".to_owned(), ..Hello::default() })
}

#[test]
fn a_batch_is_acknowledged_only_after_it_was_committed() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    device.batch(&mut scene, 0, 0);
    let batch = scene.endpoint.poll_batch().expect("passed on");
    assert_eq!((batch.id.seq, batch.value.as_slice()), (BatchSeq(0), &[21.5][..]));
    assert_eq!(device.hears_acks(&mut scene), []);
    scene.endpoint.handle_committed(&[batch.id]);
    let acks = device.hears_acks(&mut scene);
    assert_eq!(acks.iter().map(|ack| ack.mark).collect::<Vec<_>>(), [BatchSeq(1)]);
}

#[test]
fn a_repeat_in_flight_is_silent_and_a_repeat_on_disk_is_acknowledged_again() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    device.batch(&mut scene, 0, 0);
    device.batch(&mut scene, 0, 0);
    let batch = scene.endpoint.poll_batch().unwrap();
    assert_eq!(scene.endpoint.poll_batch(), None);
    assert_eq!(device.hears_acks(&mut scene), []);
    scene.endpoint.handle_committed(&[batch.id]);
    device.hears_acks(&mut scene);
    device.batch(&mut scene, 0, 0);
    assert_eq!(scene.endpoint.poll_batch(), None);
    assert_eq!(device.hears_acks(&mut scene).len(), 1);
}

#[test]
fn under_pressure_previews_then_joins_then_backfill_are_given_up_and_live_readings_are_not() {
    let mut scene = Scene::new(JoinPolicy::Click);
    let (mut known, mut waiting) = (scene.adopted(1), FakeDevice::new());
    waiting.connect(&mut scene, &NO_PSK, 0).expect("answered");
    waiting.say(&mut scene, &hello());
    scene.events();
    for level in 0..=5 {
        scene.pressure.set(level);
        waiting.say(&mut scene, &hello());
        let is_pending = |event: &Event| matches!(event, Event::Pending(_));
        assert_eq!(scene.events().iter().any(is_pending), level < 1, "previews at {level}");
        let joins = FakeDevice::new().connect(&mut scene, &NO_PSK, 0).is_some();
        assert_eq!(joins, level < 4, "joins at {level}");
        known.batch_of(&mut scene, Lane::Recovered, 2 * u64::from(level), 0);
        assert_eq!(scene.endpoint.poll_batch().is_some(), level < 5, "backfill at {level}");
        known.batch(&mut scene, 2 * u64::from(level) + 1, 0);
        assert!(scene.endpoint.poll_batch().is_some(), "live at {level}");
        // Whoever is known or was let in before the pressure rose may come back.
        assert!(known.connect(&mut scene, &NO_PSK, 0).is_some() && waiting.connect(&mut scene, &NO_PSK, 0).is_some());
        scene.events();
    }
    let shed: Vec<_> = scene.pressure.counts().map(|(_, count)| count).collect();
    assert_eq!(shed, [5, 0, 0, 2, 1, 0]);
    assert_eq!(scene.dropped(Drop::Overload), 3);
}

#[test]
fn a_refused_batch_may_come_again() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    device.batch(&mut scene, 0, 0);
    let batch = scene.endpoint.poll_batch().unwrap();
    scene.endpoint.handle_refused(&[batch.id]);
    device.batch(&mut scene, 0, 0);
    assert!(scene.endpoint.poll_batch().is_some());
}

#[test]
fn holes_are_named_by_the_runs_around_them() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    for seq in [0, 2, 3] {
        device.batch(&mut scene, seq, 0);
    }
    let ids: Vec<BatchId> = std::iter::from_fn(|| scene.endpoint.poll_batch()).map(|batch| batch.id).collect();
    scene.endpoint.handle_committed(&ids);
    let acks = device.hears_acks(&mut scene);
    assert_eq!((acks[0].mark, acks[0].runs.as_slice()), (BatchSeq(1), &[(2, 4)][..]));
}

#[test]
fn no_captured_packet_is_accepted_twice() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    let captured = device.batch(&mut scene, 0, 0);
    scene.endpoint.poll_batch().unwrap();
    scene.endpoint.handle_refused(&[BatchId { device: DeviceNo(1), epoch: Epoch(1), seq: BatchSeq(0) }]);
    scene.endpoint.handle_input(scene.moment, "10.9.9.9:1".parse().unwrap(), &captured);
    assert_eq!(scene.endpoint.poll_batch(), None);
}

#[test]
fn a_replayed_handshake_is_refused() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(0);
    device.counter -= 1;
    assert!(device.connect(&mut scene, &NO_PSK, 0).is_none());
    assert_eq!(scene.dropped(Drop::HandshakeReplay), 1);
}

#[test]
fn strangers_and_blocked_devices_hear_nothing() {
    for policy in [JoinPolicy::Closed, JoinPolicy::Token] {
        let mut scene = Scene::new(policy);
        assert!(FakeDevice::new().connect(&mut scene, &NO_PSK, 0).is_none());
    }
    let mut scene = Scene::new(JoinPolicy::Open);
    let mut device = FakeDevice::new();
    let new = device.introduction(scene.moment);
    scene.adopt(&new, Standing::Blocked, 0);
    assert!(device.connect(&mut scene, &NO_PSK, 0).is_none());
    assert_eq!(scene.dropped(Drop::NotAdmitted), 1);
}

#[test]
fn a_blocked_key_and_an_unknown_one_leave_the_same_nothing() {
    let mut scene = Scene::new(JoinPolicy::Token);
    let (mut blocked, mut unknown) = (FakeDevice::new(), FakeDevice::new());
    let new = blocked.introduction(scene.moment);
    scene.adopt(&new, Standing::Blocked, 0);
    scene.events();
    let counts = |scene: &Scene| scene.counters.drops().map(|(_, count)| count).collect::<Vec<_>>();
    let mut steps = Vec::new();
    for turn in 0..4 {
        let device = if turn % 2 == 0 { &mut blocked } else { &mut unknown };
        let before = counts(&scene);
        // No token, and one that the hub does not have.
        assert!(device.connect(&mut scene, &NO_PSK, 0).is_none());
        assert!(device.connect(&mut scene, &[7; 32], 7).is_none());
        steps.push(counts(&scene).iter().zip(before).map(|(after, before)| after - before).collect::<Vec<_>>());
        assert_eq!((scene.events(), scene.sent()), (Vec::new(), Vec::<Vec<u8>>::new()));
        let Endpoint { sessions, pending, joining, handshakes, .. } = &scene.endpoint;
        assert_eq!((sessions.peers(), pending.len(), joining.len(), handshakes.len()), (0, 0, 0, 0));
    }
    assert!(steps.iter().all(|step| step == &steps[0] && step.iter().sum::<u64>() == 2), "{steps:?}");
}

#[test]
fn a_device_that_waits_for_a_click_stores_nothing_until_it_is_adopted() {
    let mut scene = Scene::new(JoinPolicy::Click);
    let mut device = FakeDevice::new();
    let verdict = device.connect(&mut scene, &NO_PSK, 0).expect("may ask");
    assert_eq!(verdict.standing, Admitted::Pending);
    device.say(&mut scene, &hello());
    assert!(matches!(scene.events()[..], [Event::Pending(_)]));
    device.batch(&mut scene, 0, 0);
    assert_eq!(scene.endpoint.poll_batch(), None);
    assert_eq!(scene.dropped(Drop::NotAdopted), 1);
    device.hears(&mut scene);
    let new = device.introduction(scene.moment);
    scene.adopt(&new, Standing::Adopted, 1);
    assert!(matches!(device.hears(&mut scene)[..], [Control::Welcome(Welcome { standing: Admitted::Adopted, .. })]));
    device.batch(&mut scene, 0, 0);
    assert!(scene.endpoint.poll_batch().is_some());
}

#[test]
fn a_pending_device_that_falls_silent_is_forgotten() {
    let mut scene = Scene::new(JoinPolicy::Click);
    let mut device = FakeDevice::new();
    device.connect(&mut scene, &NO_PSK, 0).expect("may ask");
    device.say(&mut scene, &hello());
    scene.events();
    scene.pass(16 * 60);
    assert!(matches!(scene.events()[..], [Event::PendingGone(_)]));
}

#[test]
fn only_four_behind_one_address_may_wait() {
    let mut scene = Scene::new(JoinPolicy::Click);
    for _ in 0..5 {
        let mut device = FakeDevice::new();
        device.connect(&mut scene, &NO_PSK, 0).expect("may ask");
        device.say(&mut scene, &hello());
    }
    assert_eq!(scene.events().len(), 4);
    assert_eq!(scene.dropped(Drop::PendingFull), 1);
}

#[test]
fn a_token_admits_until_it_is_used_up_or_expired() {
    let mut scene = Scene::new(JoinPolicy::Token);
    let text = TokenText::new(7, [5; 16]);
    let token = |uses_left, expires_at| JoinToken {
        id: 7,
        psk: text.psk(),
        name: String::new(),
        uses_left,
        labels: Labels::new(),
        created_at: UnixMillis(0),
        expires_at,
    };
    let later = scene.moment.wall.plus(60_000);
    for (token, admitted) in [(token(1, later), true), (token(0, later), false), (token(1, UnixMillis(1)), false)] {
        scene.endpoint.handle_command(scene.moment, Command::JoinTokens(vec![token]));
        let mut device = FakeDevice::new();
        assert_eq!(device.connect(&mut scene, &text.psk(), 7).is_some(), admitted);
        if admitted {
            device.say(&mut scene, &hello());
            assert!(matches!(&scene.events()[..], [Event::Join(new)] if new.join_token == Some(7)));
        }
    }
}

#[test]
fn a_hello_repeated_while_the_store_works_is_one_join() {
    let mut scene = Scene::new(JoinPolicy::Open);
    let mut device = FakeDevice::new();
    device.connect(&mut scene, &NO_PSK, 0).expect("open");
    (0..3).for_each(|_| device.say(&mut scene, &hello()));
    assert_eq!(scene.events().len(), 1);
    scene.pass(30);
    device.say(&mut scene, &hello());
    assert_eq!(scene.events().len(), 1, "a join that failed may be tried again");
}

#[test]
fn the_open_window_closes_itself() {
    let mut scene = Scene::new(JoinPolicy::Token);
    let open_until = Some(scene.moment.now + Duration::from_secs(60));
    scene.endpoint.handle_command(scene.moment, Command::Policy { policy: JoinPolicy::Token, open_until });
    let mut device = FakeDevice::new();
    device.connect(&mut scene, &NO_PSK, 0).expect("open");
    device.say(&mut scene, &hello());
    assert!(matches!(&scene.events()[..], [Event::Join(_)]));
    scene.pass(61);
    assert!(FakeDevice::new().connect(&mut scene, &NO_PSK, 0).is_none());
}

#[test]
fn a_batch_with_unknown_sensors_is_not_accepted_until_they_are_described() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    device.batch(&mut scene, 0, 1);
    assert_eq!(scene.endpoint.poll_batch(), None);
    assert_eq!(device.hears_acks(&mut scene)[0].known_sensors, 1);
    let spec = |name: &str| SensorSpec {
        name: name.to_owned(),
        unit: String::new(),
        kind: SensorKind::Gauge,
        interval_ms: 1_000,
    };
    scene.events();
    device.say(&mut scene, &Control::Dictionary { first: SensorNo(0), sensors: vec![spec("a"), spec("b")] });
    let events = scene.events();
    assert!(matches!(&events[..], [Event::Sensors { first: SensorNo(1), sensors, .. }] if sensors.len() == 1));
    let new = device.introduction(scene.moment);
    scene.adopt(&new, Standing::Adopted, 2);
    device.batch(&mut scene, 0, 1);
    assert!(scene.endpoint.poll_batch().is_some());
}

#[test]
fn a_full_pipeline_drops_before_anything_changes() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    for seq in 0..=MAX_BATCHES as u64 {
        device.batch(&mut scene, seq, 0);
    }
    assert_eq!(scene.dropped(Drop::IngestQueue), 1);
    while scene.endpoint.poll_batch().is_some() {}
    device.batch(&mut scene, MAX_BATCHES as u64, 0);
    assert!(scene.endpoint.poll_batch().is_some());
}

#[test]
fn a_device_is_followed_to_its_new_address() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    for step in 0..1_000_u64 {
        device.address = SocketAddr::from(([10, 1, (step >> 8) as u8, step as u8], 4_000));
        device.batch(&mut scene, step, 0);
        let batch = scene.endpoint.poll_batch().unwrap();
        scene.endpoint.handle_committed(&[batch.id]);
        let (to, _) = scene.endpoint.poll_transmit(scene.moment).expect("acknowledged");
        assert_eq!(to, device.address);
    }
}

#[test]
fn a_floor_lets_the_mark_pass_what_will_never_come() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    device.batch(&mut scene, 5, 0);
    let batch = scene.endpoint.poll_batch().unwrap();
    scene.endpoint.handle_committed(&[batch.id]);
    scene.events();
    device.hears(&mut scene);
    let floors = vec![(Epoch(1), BatchSeq(5))];
    device.say(&mut scene, &Control::Status(Status { floors, ..Status::default() }));
    assert!(matches!(scene.events()[..], [Event::Floor { below: BatchSeq(5), .. }]));
    assert_eq!(device.hears_acks(&mut scene)[0].mark, BatchSeq(6));
    assert_eq!(scene.counters.batches_given_up.load(Ordering::Relaxed), 5);
}

#[test]
fn nothing_unauthenticated_gets_back_more_than_it_sent() {
    let mut scene = Scene::new(JoinPolicy::Click);
    let mut sent = 0;
    for n in 0..200_u16 {
        let mut device = FakeDevice::new();
        device.address = SocketAddr::from(([10, 2, 0, 1], 4_000 + n));
        let offer = Offer { counter: 5, token: 0, caps: 0, mtu: 1_232 };
        let initiator = Initiator::start(&device.keys, &scene.hub, &NO_PSK, &offer, 9).unwrap();
        let probe = wire::discovery::Probe::new([1; 8]).encode();
        for datagram in [initiator.datagram(), &probe] {
            scene.endpoint.handle_input(scene.moment, device.address, datagram);
            sent += datagram.len();
        }
        scene.endpoint.handle_handshakes(scene.moment, 8);
    }
    let back: usize = scene.sent().iter().map(Vec::len).sum();
    assert!(back > 0 && back <= sent, "{back} bytes for {sent}");
}

fn device_at(n: u32) -> FakeDevice {
    let [_, b, c, d] = n.to_be_bytes();
    FakeDevice { address: SocketAddr::from(([10, b, c, d], 4_000)), ..FakeDevice::new() }
}

#[test]
fn strangers_hold_a_bounded_number_of_sessions_and_not_for_long() {
    let mut scene = Scene::new(JoinPolicy::Click);
    let mut adopted = scene.adopted(1);
    let mut strangers = 0;
    for n in 0..MAX_STRANGERS as u32 + 100 {
        if n % 180 == 0 {
            scene.pass(1);
        }
        let mut device = device_at(n);
        if device.connect(&mut scene, &NO_PSK, 0).is_some() {
            strangers += 1;
            device.say(&mut scene, &Control::Status(Status::default()));
        }
    }
    scene.events();
    assert!(strangers >= MAX_STRANGERS && scene.endpoint.sessions.peers() <= MAX_STRANGERS + 1, "{strangers}");
    assert!(scene.dropped(Drop::PendingFull) > 0);
    adopted.batch(&mut scene, 0, 0);
    assert!(scene.endpoint.poll_batch().is_some(), "an adopted device notices nothing");
    (0..STRANGER_TTL.as_secs() + 1).for_each(|_| scene.pass(1));
    assert_eq!(scene.endpoint.sessions.peers(), 1);
}

#[test]
fn answers_that_got_lost_keep_no_newcomer_out() {
    let mut scene = Scene::new(JoinPolicy::Click);
    let mut there = device_at(0);
    there.connect(&mut scene, &NO_PSK, 0).unwrap();
    there.say(&mut scene, &Control::Status(Status::default()));
    // None of these ever says a word: its answer was lost.
    for n in 1..MAX_STRANGERS as u32 + 500 {
        if n % 180 == 0 {
            scene.pass(1);
        }
        device_at(n).connect(&mut scene, &NO_PSK, 0).unwrap_or_else(|| panic!("the {n}th finds no place"));
    }
    assert_eq!(scene.dropped(Drop::PendingFull), 0);
    assert!(scene.endpoint.sessions.peers() <= MAX_STRANGERS);
    assert!(scene.endpoint.sessions.knows(&there.keys.public), "who spoke keeps its place");
}

#[test]
fn a_flood_of_handshakes_stays_in_its_queue_and_delays_no_data() {
    let mut scene = Scene::new(JoinPolicy::Token);
    let mut adopted = scene.adopted(1);
    let offer = Offer { counter: 5, token: 0, caps: 0, mtu: 1_232 };
    let storm: Vec<Initiator> = (0..16)
        .map(|_| Initiator::start(&KeyPair::generate().unwrap(), &scene.hub, &NO_PSK, &offer, 9).unwrap())
        .collect();
    for n in 0..20_000_u32 {
        let from = SocketAddr::from(([11, (n >> 16) as u8, (n >> 8) as u8, n as u8], 1_024 + (n % 7) as u16));
        scene.endpoint.handle_input(scene.moment, from, storm[n as usize % storm.len()].datagram());
        assert!(scene.endpoint.handshakes.len() <= MAX_HANDSHAKES);
        assert!(scene.endpoint.transmits.len() <= 2 * MAX_TRANSMITS);
        if n % 200 == 0 {
            let seq = u64::from(n / 200);
            adopted.batch(&mut scene, seq, 0);
            let batch = scene.endpoint.poll_batch().expect("passed on at once");
            scene.endpoint.handle_committed(&[batch.id]);
            assert_eq!(adopted.hears_acks(&mut scene).last().map(|ack| ack.mark), Some(BatchSeq(seq + 1)));
        }
    }
    assert!(scene.dropped(Drop::HandshakeRate) > 15_000);
    // And who owns its address still gets in, by the cookie.
    while scene.endpoint.has_handshakes() {
        scene.endpoint.handle_handshakes(scene.moment, 64);
    }
    scene.sent();
    adopted.counter += 1;
    let offer = Offer { counter: adopted.counter, ..offer };
    let mut initiator = Initiator::start(&adopted.keys, &scene.hub, &NO_PSK, &offer, 10).unwrap();
    scene.endpoint.handle_input(scene.moment, adopted.address, storm[0].datagram());
    (0..40).for_each(|_| scene.endpoint.handle_input(scene.moment, adopted.address, storm[0].datagram()));
    scene.sent();
    scene.endpoint.handle_input(scene.moment, adopted.address, initiator.datagram());
    let answers = scene.sent();
    let Ok(Packet::Cookie(cookie)) = Packet::parse(answers.last().expect("a cookie")) else { panic!("a cookie") };
    initiator.take_cookie(&cookie).unwrap();
    scene.endpoint.handle_input(scene.moment, adopted.address, initiator.datagram());
    while scene.endpoint.has_handshakes() {
        scene.endpoint.handle_handshakes(scene.moment, 64);
    }
    let finished = scene.sent().iter().any(|datagram| match Packet::parse(datagram) {
        Ok(Packet::Hs2(hs2)) => initiator.finish(&hs2).is_ok(),
        _ => false,
    });
    assert!(finished);
}

#[test]
fn the_second_device_of_a_token_for_one_does_not_become_a_device_to_click() {
    let mut scene = Scene::new(JoinPolicy::Token);
    let text = TokenText::new(7, [5; 16]);
    let token = |uses_left| JoinToken {
        id: 7,
        psk: text.psk(),
        name: String::new(),
        uses_left,
        labels: Labels::new(),
        created_at: UnixMillis(0),
        expires_at: scene.moment.wall.plus(60_000),
    };
    let (open, spent) = (token(1), token(0));
    scene.endpoint.handle_command(scene.moment, Command::JoinTokens(vec![open]));
    let (mut first, mut second) = (FakeDevice::new(), device_at(2));
    assert!(
        first.connect(&mut scene, &text.psk(), 7).is_some() && second.connect(&mut scene, &text.psk(), 7).is_some()
    );
    first.say(&mut scene, &hello());
    assert!(matches!(scene.events()[..], [Event::Join(_)]));
    scene.endpoint.handle_command(scene.moment, Command::JoinTokens(vec![spent]));
    second.say(&mut scene, &hello());
    first.say(&mut scene, &hello());
    assert_eq!(scene.events(), []);
    assert_eq!(second.hears(&mut scene), []);
    assert_eq!(scene.dropped(Drop::NotAdmitted), 1);
}

#[test]
fn a_handshake_counter_below_the_stored_one_is_a_replay_even_after_a_restart() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = FakeDevice::new();
    let new = NewDevice { handshake_counter: 7 << 32 | 2, ..device.introduction(scene.moment) };
    scene.adopt(&new, Standing::Adopted, 0);
    for (counter, admitted) in
        [(1, false), (6 << 32 | 9, false), (7 << 32 | 2, false), (7 << 32 | 3, true), (8 << 32, true)]
    {
        device.counter = counter - 1;
        assert_eq!(device.connect(&mut scene, &NO_PSK, 0).is_some(), admitted, "{counter}");
    }
    device.counter = 8 << 32;
    assert!(device.connect(&mut scene, &NO_PSK, 0).is_some());
    scene.pass(1);
    assert_eq!(scene.dropped(Drop::HandshakeReplay), 3);
}

#[test]
fn a_whole_captured_session_does_nothing_when_it_comes_again() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    let mut captured: Vec<Vec<u8>> = (0..200).map(|seq| device.batch(&mut scene, seq, 0)).collect();
    for control in [hello(), Control::Status(Status::default()), Control::Bye] {
        let mut plain = Vec::new();
        control.encode(&mut plain);
        let mut datagram = Vec::new();
        device.session.as_mut().unwrap().seal(&plain, &mut datagram).unwrap();
        if control != Control::Bye {
            scene.endpoint.handle_input(scene.moment, device.address, &datagram);
            captured.push(datagram);
        }
    }
    let ids: Vec<BatchId> = std::iter::from_fn(|| scene.endpoint.poll_batch()).map(|batch| batch.id).collect();
    scene.endpoint.handle_refused(&ids);
    scene.events();
    scene.sent();
    let thief: SocketAddr = "10.9.9.9:4000".parse().unwrap();
    for datagram in captured.iter().rev().chain(&captured) {
        scene.endpoint.handle_input(scene.moment, thief, datagram);
    }
    assert_eq!((scene.endpoint.poll_batch(), scene.events(), scene.sent().len()), (None, Vec::new(), 0));
    device.batch(&mut scene, 0, 0);
    let batch = scene.endpoint.poll_batch().expect("the device's own repeat");
    scene.endpoint.handle_committed(&[batch.id]);
    assert_eq!(scene.endpoint.poll_transmit(scene.moment).map(|(to, _)| to), Some(device.address));
}

#[test]
fn a_report_of_the_ledger_is_handed_on_one_at_a_time_and_answered_once_it_is_recorded() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    scene.events();
    let report = |number| Report { epoch: Epoch(4), number, holds_from: None, entries: Vec::new() };
    device.say(&mut scene, &Control::Ledger(report(0)));
    device.say(&mut scene, &Control::Ledger(report(0)));
    assert_eq!(scene.events(), [Event::Ledger { device: DeviceNo(1), report: report(0) }]);
    let heard = device.hears(&mut scene);
    assert!(!heard.is_empty() && heard.iter().all(|control| matches!(control, Control::Ack(_))), "{heard:?}");
    scene.endpoint.handle_command(scene.moment, Command::Recorded(vec![(DeviceNo(1), Epoch(4), 0)]));
    assert_eq!(device.hears(&mut scene), [Control::Recorded { epoch: Epoch(4), number: 0 }]);
    // One that never reached the disk may come again.
    device.say(&mut scene, &Control::Ledger(report(1)));
    scene.events();
    scene.pass(RECORD_WITHIN.as_secs());
    device.say(&mut scene, &Control::Ledger(report(1)));
    assert!(scene.events().contains(&Event::Ledger { device: DeviceNo(1), report: report(1) }));
}

#[test]
fn what_a_device_finds_wrong_with_itself_is_handed_on_and_a_blocked_ones_is_not() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    scene.events();
    let health = Health { more: 3, ..Health::default() };
    device.say(&mut scene, &Control::Health(health.clone()));
    assert_eq!(scene.events(), [Event::Health { device: DeviceNo(1), health: health.clone() }]);
    let mut waits = Scene::new(JoinPolicy::Click);
    let mut stranger = FakeDevice::new();
    stranger.connect(&mut waits, &NO_PSK, 0).unwrap();
    stranger.say(&mut waits, &hello());
    waits.events();
    stranger.say(&mut waits, &Control::Health(health));
    stranger.say(
        &mut waits,
        &Control::Ledger(Report { epoch: Epoch(1), number: 0, holds_from: None, entries: Vec::new() }),
    );
    assert_eq!((waits.events(), waits.dropped(Drop::NotAdopted)), (Vec::new(), 2));
}
