//! What captured, replayed, made-up and blocked packets get: nothing, and in the same way.

use std::net::SocketAddr;
use std::time::Duration;

use wire::KeyPair;
use wire::handshake::{Initiator, NO_PSK, Offer, Start};
use wire::message::{Control, Status};
use wire::packet::Packet;

use super::scene::{FakeDevice, Scene, hello};
use crate::model::device::{DeviceNo, NewDevice, Standing};
use crate::model::reading::BatchId;
use crate::model::{BatchSeq, Epoch};
use crate::proto::command::JoinPolicy;
use crate::proto::counters::Drop;
use crate::proto::endpoint::Endpoint;
use crate::proto::endpoint::front::MAX_HANDSHAKES;
use crate::proto::endpoint::outgoing::MAX_TRANSMITS;

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
        let Endpoint { front, roster, .. } = &scene.endpoint;
        let (sessions, pending, joining) = (&front.sessions, &roster.pending, &roster.joining);
        assert_eq!((sessions.peers(), pending.len(), joining.len(), front.handshakes.len()), (0, 0, 0, 0));
    }
    assert!(steps.iter().all(|step| step == &steps[0] && step.iter().sum::<u64>() == 2), "{steps:?}");
}

#[test]
fn nothing_unauthenticated_gets_back_more_than_it_sent() {
    let mut scene = Scene::new(JoinPolicy::Click);
    let mut sent = 0;
    for n in 0..200_u16 {
        let mut device = FakeDevice::new();
        device.address = SocketAddr::from(([10, 2, 0, 1], 4_000 + n));
        let offer = Offer { counter: 5, token: 0, start: Start::default(), mtu: 1_232 };
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

#[test]
fn a_flood_of_handshakes_stays_in_its_queue_and_delays_no_data() {
    let mut scene = Scene::new(JoinPolicy::Token);
    let mut adopted = scene.adopted(1);
    let offer = Offer { counter: 5, token: 0, start: Start::default(), mtu: 1_232 };
    let storm: Vec<Initiator> = (0..16)
        .map(|_| Initiator::start(&KeyPair::generate().unwrap(), &scene.hub, &NO_PSK, &offer, 9).unwrap())
        .collect();
    for n in 0..20_000_u32 {
        let from = SocketAddr::from(([11, (n >> 16) as u8, (n >> 8) as u8, n as u8], 1_024 + (n % 7) as u16));
        scene.endpoint.handle_input(scene.moment, from, storm[n as usize % storm.len()].datagram());
        assert!(scene.endpoint.front.handshakes.len() <= MAX_HANDSHAKES);
        assert!(scene.endpoint.outgoing.transmits.len() <= 2 * MAX_TRANSMITS);
        if n % 200 == 0 {
            let seq = u64::from(n / 200);
            adopted.batch(&mut scene, seq, 0);
            let batch = scene.endpoint.poll_batch().expect("passed on at once");
            scene.endpoint.handle_committed(&[batch.id]);
            assert_eq!(adopted.hears_acks(&mut scene).last().map(|ack| ack.mark), Some(BatchSeq(seq + 1)));
        }
    }
    // Some were let in, some were sent a cookie, and most were told nothing.
    assert!(scene.dropped(Drop::HandshakeRate) > 4_000 && scene.dropped(Drop::CookieRate) > 15_000);
    // And who owns its address still gets in, by the cookie.
    scene.moment.now += Duration::from_secs(1);
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
