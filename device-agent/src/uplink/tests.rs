//! The uplink in virtual time, against a hub of a hundred lines over the hub's half of `wire`.

mod busy;
mod gone;
mod world;

use wire::batch::{BatchBuilder, MAX_BODY, Rows};
use wire::handshake::JoinToken;
use wire::message::Welcome;
use wire::{KeyPair, Reading, SensorNo, UnixMillis};

use super::*;
use crate::timeline::{Repair, Timeline};
use world::{Hub, World, spec, token};

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

#[test]
fn a_device_joins_with_its_token_and_every_reading_arrives() {
    let mut world = World::new(|config| config.token = Some(token()));
    world.hub.standing = Standing::Pending;
    world.hub.adopts_token = true;
    world.measure(20, SEC);
    world.run(SEC);
    assert_eq!(world.count(|event| matches!(event, Event::Adopted { .. })), 1);
    assert_eq!(world.hub.stored(), 20);
    assert!(world.feed.spool.is_empty());
}

#[test]
fn nothing_is_sent_before_a_person_adopts_the_device() {
    let mut world = World::new(|_| {});
    world.hub.standing = Standing::Pending;
    world.feed.uplink.set_preview(vec![("mem.used_pct".into(), "%".into(), 42.0)]);
    world.measure(60, SEC);
    assert_eq!(world.feed.uplink.state(), State::Pending);
    assert_eq!(world.count(|event| matches!(event, Event::Pending { .. })), 1);
    assert_eq!(world.hub.batches_seen, 0);
    assert!((6..=8).contains(&world.hub.hellos.len()), "{}", world.hub.hellos.len());
    assert_eq!(world.hub.hellos[0].preview.len(), 1);

    world.hub.standing = Standing::Adopted;
    world.run(15 * SEC);
    assert_eq!(world.feed.uplink.state(), State::Streaming);
    assert_eq!(world.hub.stored(), 60);
}

#[test]
fn a_sensor_that_is_another_thing_is_told_again_and_again_but_not_for_ever() {
    let mut world = World::new(|_| {});
    world.feed.uplink.set_sensors(&["mem.used_pct", "a", "b", "c", "d", "e"].map(spec));
    world.measure(5, SEC);
    assert_eq!((world.hub.known_sensors, world.hub.restated.len()), (6, 0));
    let slow = |name: &str| SensorSpec { interval_ms: 60_000, ..spec(name) };
    for (number, name) in [(1, "a"), (2, "b"), (4, "d")] {
        world.feed.uplink.restate(SensorNo(number), slow(name), world.now);
    }
    world.run(2 * SEC);
    let once = [(1, vec![slow("a"), slow("b")]), (4, vec![slow("d")])];
    assert_eq!(world.hub.restated, once);
    // Nothing answers, so what was lost is made up for.
    world.hub.restated.clear();
    world.run(120 * SEC);
    assert_eq!(world.hub.restated, [once.clone(), once].concat());
    world.hub.restated.clear();
    world.run(600 * SEC);
    assert_eq!(world.hub.restated, []);
}

#[test]
fn a_sensor_that_is_another_thing_is_told_although_others_come_and_go_at_the_same_time() {
    let mut world = World::new(|_| {});
    let sensors = ["mem.used_pct", "a", "b"].map(spec);
    world.feed.uplink.set_numbering(&sensors, 1, Numbering::FIRST);
    world.measure(5, SEC);
    let slow = |name: &str| SensorSpec { interval_ms: 60_000, ..spec(name) };
    for (number, name) in [(1, "a"), (2, "b")] {
        world.feed.uplink.restate(SensorNo(number), slow(name), world.now);
    }
    // The number of `b` is free, which is told as another.
    let sensors = [spec("mem.used_pct"), slow("a"), spec("mem.used_pct"), spec("c")];
    world.feed.uplink.set_numbering(&sensors, 2, Numbering::FIRST);
    world.run(2 * SEC);
    assert_eq!((world.hub.known_sensors, &world.hub.restated[..]), (4, &[(1, vec![slow("a")])][..]));
}

#[test]
fn a_hub_that_welcomes_is_told_of_sensors_at_once_and_not_when_an_answer_is_overdue() {
    let mut world = World::new(|_| {});
    world.measure(5, SEC);
    world.hub.muted = true;
    world.feed.uplink.set_sensors(&["mem.used_pct", "a"].map(spec));
    world.run(50 * MS);
    world.hub.muted = false;
    let (now, from, session) = (world.now, world.hub.address, world.hub.newest.unwrap());
    let welcome = Welcome { standing: Standing::Adopted, known_sensors: 1, credit: 64, now: now.unix };
    let datagram = world.hub.seal_in(session, &Control::Welcome(welcome)).unwrap();
    world.feed.uplink.handle_input(now, from, &datagram);
    world.run(50 * MS);
    assert_eq!(world.hub.known_sensors, 2);
}

#[test]
fn a_hub_that_does_not_know_the_token_gets_no_reading() {
    let mut world = World::new(|config| config.token = Some(JoinToken::new(7, [1; 16])));
    world.measure(30, SEC);
    assert_eq!(world.feed.uplink.state(), State::Handshaking);
    assert_eq!(world.count(|event| matches!(event, Event::Silent { .. })), 1);
    assert_eq!((world.hub.hellos.len(), world.hub.batches_seen), (0, 0));
}

#[test]
fn a_restarted_hub_is_found_again_and_nothing_is_lost_or_stored_twice() {
    let mut world = World::new(|_| {});
    world.measure(10, SEC);
    for _ in 0..5 {
        world.hub.restart();
        world.measure(12, SEC);
        assert!(world.feed.uplink.is_streaming(), "back within 12 s");
    }
    world.run(SEC);
    assert_eq!(world.hub.stored(), 70);
    assert_eq!(world.hub.handshakes, 6);
}

#[test]
fn a_restarted_hub_hears_at_once_what_fails() {
    let mut world = World::new(|_| {});
    world.measure(3, SEC);
    let bad = Health { more: 1, ..Health::default() };
    let now = world.now;
    world.feed.uplink.set_health(bad.clone(), now);
    world.measure(3, SEC);
    world.hub.restart();
    world.measure(12, SEC);
    assert_eq!((world.hub.handshakes, world.hub.healths), (2, vec![bad.clone(), bad]));
}

#[test]
fn an_absent_hub_is_told_once_and_found_again_by_searching() {
    let mut world = World::new(|_| {});
    world.measure(3, SEC);
    world.hub.muted = true;
    world.measure(60, SEC);
    assert_eq!(world.count(|event| matches!(event, Event::Lost { .. })), 1);
    assert_eq!(world.count(|event| matches!(event, Event::Silent { .. })), 1, "told once that nobody answers");
    world.hub.restart();
    world.hub.address.set_port(6000);
    world.hub.muted = false;
    world.measure(15, SEC);
    world.run(5 * SEC);
    assert_eq!((world.hub.stored(), world.count(|event| matches!(event, Event::Adopted { .. }))), (78, 2));
}

#[test]
fn a_hub_that_returns_on_another_port_is_found_by_its_announcement() {
    let mut world = World::new(|_| {});
    world.measure(3, SEC);
    world.groups = false;
    world.hub.restart();
    world.hub.address.set_port(6000);
    world.run(10 * SEC);
    assert!(!world.feed.uplink.is_streaming());
    let announcement = world.hub.answer([0; 8]);
    let from = world.hub.address;
    world.feed.uplink.handle_input(world.now, from, &announcement);
    world.measure(8, SEC);
    world.run(SEC);
    assert_eq!((world.feed.uplink.hub().map(|hub| hub.1), world.hub.stored()), (Some(from), 11));
}

#[test]
fn loss_delays_and_loses_nothing() {
    let mut world = World::new(|_| {});
    world.loss = 0.3;
    world.measure(300, 200 * MS);
    world.run(20 * SEC);
    assert_eq!(world.hub.stored(), 300);
    assert!(world.hub.repeats < 300, "{} repeats", world.hub.repeats);
}

#[test]
fn keys_are_renewed_each_hour_without_a_gap() {
    let mut world = World::new(|_| {});
    world.measure(3 * 360 + 30, 10 * SEC);
    world.run(SEC);
    assert_eq!(world.hub.handshakes, 4);
    assert_eq!(world.hub.stored(), 3 * 360 + 30);
    assert_eq!(world.count(|event| matches!(event, Event::Lost { .. })), 0);
}

#[test]
fn a_pinned_device_talks_to_no_other_hub() {
    let mut world = World::new(|config| config.pinned = Some(PublicKey([9; 32])));
    world.measure(20, SEC);
    assert_eq!(world.feed.uplink.state(), State::Searching);
    assert_eq!(world.count(|event| matches!(event, Event::Foreign { .. })), 1);
    assert_eq!(world.hub.handshakes, 0);
}

/// Nothing tells which hub is its own.
fn open() -> World {
    World::new(|config| config.words = None)
}

#[test]
fn a_hub_that_answers_later_has_its_say_before_anything_is_said_to_the_first() {
    let mut world = open();
    let (other, from) = (Hub::new(), "10.0.0.3:5770".parse().unwrap());
    world.run(2 * SEC);
    assert_eq!(world.hub.handshakes, 0, "others may still answer");
    world.feed.uplink.handle_input(world.now, from, &other.answer(world.feed.uplink.probes.nonce));
    world.run(25 * SEC);
    assert_eq!(world.hub.handshakes, 0);
    assert_eq!(world.count(|event| matches!(event, Event::Several { hubs } if hubs.len() == 2)), 1);
    // The other one is not heard of any more.
    world.measure(30, SEC);
    assert_eq!((world.hub.handshakes, world.hub.stored()), (1, 30));

    let mut alone = open();
    alone.measure(10, SEC);
    assert_eq!((alone.hub.handshakes, alone.hub.stored()), (1, 10));
}

#[test]
fn a_hub_that_was_asked_is_left_when_another_is_heard_of() {
    let mut world = open();
    world.hub.standing = Standing::Pending;
    world.measure(10, SEC);
    assert_eq!(world.feed.uplink.state(), State::Pending);
    let (other, from) = (Hub::new(), "10.0.0.3:5770".parse().unwrap());
    world.feed.uplink.handle_input(world.now, from, &other.answer([0; 8]));
    world.hub.standing = Standing::Adopted;
    world.run(20 * SEC);
    assert_eq!((world.feed.uplink.state(), world.hub.batches_seen), (State::Handshaking, 0));
    assert_eq!(world.count(|event| matches!(event, Event::Several { .. })), 1);
    assert_eq!(world.count(|event| matches!(event, Event::Lost { .. })), 0, "it had none");
}

/// Answers by three hundred keys, from one address or from many.
fn lie(world: &mut World, spread: bool) {
    for n in 0..300_u16 {
        let host = if spread { n as u8 } else { 66 };
        let from = SocketAddr::from(([10, 0, 1, host], 5770));
        let answer = Hub::new().answer(world.feed.uplink.probes.nonce);
        world.feed.uplink.handle_input(world.now, from, &answer);
    }
}

#[test]
fn a_liar_with_three_hundred_keys_hides_no_hub_and_fills_no_log() {
    let words = |config: &mut Config| config.token = None;
    let token = |config: &mut Config| (config.words, config.token) = (None, Some(token()));
    for spread in [true, false] {
        for world in [World::new(words), World::new(token)] {
            let mut world = world;
            lie(&mut world, spread);
            world.run(2 * SEC);
            lie(&mut world, spread);
            world.measure(3, SEC);
            assert_eq!((world.hub.handshakes, world.hub.stored()), (1, 3), "kept from joining");
            let lines = world
                .count(|event| matches!(event, Event::Found { .. } | Event::Foreign { .. } | Event::Several { .. }));
            assert!(lines <= 10, "{lines} lines in the log");
        }
    }
    // Without a word it waits, as long as the liar lies and hardly longer.
    let mut world = open();
    lie(&mut world, false);
    world.run(10 * SEC);
    assert_eq!(world.hub.handshakes, 0);
    assert_eq!(world.count(|event| matches!(event, Event::Several { hubs } if hubs.len() == 3)), 1);
    world.measure(35, SEC);
    assert_eq!((world.hub.handshakes, world.hub.stored()), (1, 35));
}

#[test]
fn with_several_hubs_and_no_token_it_waits_for_a_person() {
    let mut world = open();
    let (now, other) = (world.now, Hub::new());
    let from = "10.0.0.3:5770".parse().unwrap();
    world.hub.muted = true;
    let nonce = world.feed.uplink.probes.nonce;
    world.feed.uplink.handle_input(now, world.hub.address, &world.hub.answer(nonce));
    world.feed.uplink.handle_input(now, from, &other.answer(nonce));
    world.run(30 * SEC);
    assert_eq!(world.count(|event| matches!(event, Event::Several { hubs } if hubs.len() == 2)), 1);
    world.hub.muted = false;
    world.feed.uplink.handle_input(world.now, from, &other.answer(nonce));
    world.run(30 * SEC);
    assert_eq!(world.hub.handshakes, 0);
}

#[test]
fn a_hub_that_is_heard_both_ways_is_asked_by_the_address_that_tells_people_something() {
    let link_local: SocketAddr = "[fe80::1%2]:5771".parse().unwrap();
    let asked = |world: &mut World, wait: Duration| -> Vec<SocketAddr> {
        world.now = world.now.plus(wait);
        world.feed.uplink.handle_timeout(world.now);
        let mut out = Vec::new();
        std::iter::from_fn(|| world.feed.uplink.poll_transmit(world.now, &mut out)).collect()
    };
    for both in [true, false] {
        let mut world = World::new(|_| {});
        let (now, nonce) = (world.now, world.feed.uplink.probes.nonce);
        world.feed.uplink.handle_input(now, link_local, &world.hub.answer(nonce));
        assert_eq!(asked(&mut world, 100 * MS), []);
        if both {
            world.feed.uplink.handle_input(world.now, world.hub.address, &world.hub.answer(nonce));
            assert_eq!(asked(&mut world, Duration::ZERO), [world.hub.address]);
        } else {
            // Where nothing else answers, it is the way.
            assert_eq!(asked(&mut world, 100 * MS).iter().map(SocketAddr::is_ipv6).collect::<Vec<_>>(), [true]);
        }
    }
}

#[test]
fn a_hub_that_comes_back_is_gone_to_by_the_address_that_tells_people_something() {
    let link_local: SocketAddr = "[fe80::1%2]:5771".parse().unwrap();
    for seed in 0..20 {
        let mut world = World::new(|config| config.seed = seed);
        world.measure(2, SEC);
        let known = world.hub.address;
        world.hub.muted = true;
        world.measure(120, SEC);
        // Announced, or found by a probe.
        let nonce = if seed % 2 == 0 { [0; 8] } else { world.feed.uplink.probes.nonce };
        for from in [link_local, known] {
            let answer = world.hub.answer(nonce);
            world.feed.uplink.handle_input(world.now, from, &answer);
        }
        let (mut asked, mut out) = (None, Vec::new());
        while asked.is_none() {
            world.now = world.now.plus(10 * MS);
            world.feed.uplink.handle_timeout(world.now);
            while let Some(to) = world.feed.uplink.poll_transmit(world.now, &mut out) {
                let is_handshake = matches!(Packet::parse(&out), Ok(Packet::Hs1(_)));
                asked = asked.or_else(|| is_handshake.then_some(to));
            }
        }
        assert_eq!(asked, Some(known), "seed {seed}");
    }
}

#[test]
fn batches_of_a_new_sensor_wait_for_its_description() {
    let mut world = World::new(|_| {});
    world.measure(2, SEC);
    assert_eq!(world.hub.known_sensors, 1);
    let specs: Vec<SensorSpec> = (0..120).map(|n| spec(&format!("{n:060}"))).collect();
    world.feed.uplink.set_sensors(&specs);
    let now = world.now.mono;
    world.feed.spool.append(vec![0; 100], 1, 120, Lane::Live, now);
    world.run(SEC);
    assert_eq!((world.hub.known_sensors, world.hub.stored()), (120, 3));
    assert_eq!(world.hub.refused, 0);
}

#[test]
fn live_readings_overtake_a_backlog_that_comes_newest_first() {
    let mut world = World::new(|_| {});
    world.hub.muted = true;
    world.measure(100, SEC);
    world.hub.muted = false;
    world.hub.credit = 8;
    world.measure(30, SEC);
    let live: Vec<_> = world.hub.order.iter().filter(|(_, lane)| *lane == Lane::Live).map(|(seq, _)| *seq).collect();
    let backlog: Vec<_> =
        world.hub.order.iter().filter(|(_, lane)| *lane == Lane::Recovered).map(|(seq, _)| *seq).collect();
    assert!(live.is_sorted() && live.len() >= 25, "{live:?}");
    let ascents = backlog.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!(backlog.len() >= 85 && ascents <= 3, "{backlog:?}");
    assert_eq!(world.hub.stored(), 130);
}

#[test]
fn clock_and_round_trip_are_measured() {
    let mut world = World::new(|_| {});
    world.delay = 20 * MS;
    world.hub.clock_ahead_ms = 5_000;
    world.measure(20, SEC);
    let rtt = world.feed.uplink.round_trip().unwrap();
    assert!((38..=42).contains(&rtt.as_millis()), "{rtt:?}");
    let offset = world.feed.uplink.clock_offset_ms().unwrap();
    assert!((-5_005..=-4_995).contains(&offset), "{offset}");
}

#[test]
fn a_late_answer_of_the_session_before_is_measured_by_what_was_said_in_that_one() {
    let mut world = World::new(|_| {});
    world.measure(3, SEC);
    let (old, then) = (world.hub.newest.unwrap(), world.now.unix);
    world.hub.muted = true;
    world.measure(8, SEC);
    world.hub.muted = false;
    world.measure(4, SEC);
    assert_eq!(world.hub.handshakes, 2);
    let ack = wire::message::Ack {
        epoch: Epoch(1),
        mark: BatchSeq(0),
        runs: Vec::new(),
        credit: 64,
        known_sensors: 1,
        echo_counter: 2,
        echo_received: then,
        now: world.now.unix,
    };
    let late = world.hub.seal_in(old, &Control::Ack(ack)).unwrap();
    world.feed.uplink.handle_input(world.now, world.hub.address, &late);
    // Packet 2 of the first session was sent within its three seconds; that of the second ten seconds later.
    let offset = world.feed.uplink.clock_offset_ms().unwrap();
    assert!(offset.abs() <= 1_500, "{offset}");
}

#[test]
fn a_clock_that_runs_fast_is_told_by_how_much() {
    let mut world = World::new(|_| {});
    for second in 0..1_800 {
        // The hub's clock falls behind by a millisecond every twenty seconds: 50 ppm.
        world.hub.clock_ahead_ms = -second / 20;
        world.measure(1, SEC);
    }
    let drift = world.feed.uplink.clock_drift_ppb().unwrap();
    assert!((49_000..=51_000).contains(&drift), "{drift}");
    world.feed.uplink.forget_clock_offset(world.now);
    assert_eq!(world.feed.uplink.clock_drift_ppb(), None);
}

#[test]
fn a_device_without_a_time_learns_it_before_it_sends_and_stores_correct_times() {
    let mut world = World::new(|_| {});
    let today = world.now.unix;
    world.hub.clock_ahead_ms = today.0;
    world.now.unix = UnixMillis(0);
    world.feed.spool.hold_back(true);
    let mut timeline = Timeline::new(world.now, 0);
    let mut builder = BatchBuilder::new(MAX_BODY);
    let mut taken = Vec::new();
    for _ in 0..20 {
        let before = world.feed.spool.next_number();
        if let Some(Repair::Move(ms)) = timeline.look(world.now, 0, world.feed.uplink.clock_offset_ms()) {
            world.feed.spool.moved(BatchSeq(0), before, ms).unwrap();
        }
        world.feed.spool.hold_back(!timeline.is_sure());
        builder.push(&Reading { sensor: SensorNo(0), at: timeline.stamp(world.now), value: 1.0 });
        let seq = world.feed.spool.append(builder.finish(), 1, 1, Lane::Live, world.now.mono);
        taken.push((seq, today.plus(world.now.unix.0)));
        world.run(SEC);
    }
    assert!(!timeline.is_unknown() && world.hub.stored() == 20);
    for (seq, at) in taken {
        let mut rows = Rows::default();
        wire::batch::decode(&world.hub.bodies[&seq], &mut rows).unwrap();
        assert!(rows.at[0].since(at).abs() <= 10, "{seq}: {} ms off", rows.at[0].since(at));
    }
}

#[test]
fn an_idle_device_is_heard_of_and_never_spins() {
    let mut world = World::new(|_| {});
    let steps = world.run(600 * SEC);
    assert!((115..=125).contains(&world.hub.statuses), "{}", world.hub.statuses);
    assert!(steps < 2_000, "{steps}");
    world.hub.muted = true;
    let steps = world.run(600 * SEC);
    assert!(steps < 2_000, "{steps}");
}

#[test]
fn an_idle_device_asks_more_than_three_times_before_it_gives_its_hub_up() {
    let mut world = World::new(|config| config.token = Some(token()));
    world.run(SEC);
    world.loss = 0.3;
    world.run(3_600 * SEC);
    let lost = world.events.iter().filter(|event| matches!(event, Event::Lost { .. })).count();
    assert!(lost < 6, "lost {lost} times in an hour");
}

#[test]
fn noise_changes_nothing() {
    let mut world = World::new(|_| {});
    world.measure(3, SEC);
    let mut random = Random::new(3);
    for length in 0..1_400 {
        let mut noise: Vec<u8> = (0..length).map(|_| random.bits() as u8).collect();
        if let Some(first) = noise.first_mut() {
            *first = [1, 2, 3, 4, 0x10, 0x11][length % 6];
        }
        let now = world.now;
        world.feed.uplink.handle_input(now, "10.6.6.6:1".parse().unwrap(), &noise);
    }
    world.measure(3, SEC);
    assert_eq!((world.hub.stored(), world.hub.handshakes), (6, 1));
}
