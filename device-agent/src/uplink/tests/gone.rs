//! A hub that went away is told from one that is there and does not let the device in.

use super::world::World;
use super::*;

#[test]
fn a_hub_that_is_gone_is_not_taken_for_one_that_refuses_the_device_nor_for_one_that_knows_of_later_starts() {
    let mut world = World::new(|_| {});
    world.measure(3, SEC);
    world.hub.muted = true;
    for _ in 0..120 {
        world.run(SEC);
        assert!(!world.feed.uplink.is_kept_out(world.now), "nobody answers");
    }
    assert_eq!(world.feed.uplink.last_known().unwrap().1, world.hub.address);
    // Each of its answers comes several times, by every way that was asked.
    let answer = world.hub.answer(world.feed.uplink.probes.nonce);
    for _ in 0..8 {
        world.feed.uplink.handle_input(world.now, world.hub.address, &answer);
    }
    world.hub.restart();
    world.hub.muted = false;
    world.measure(15, SEC);
    assert!(world.feed.uplink.is_streaming());
    assert_eq!(world.feed.uplink.skipped_to(), None, "it refused nothing");
}

#[test]
fn a_hub_that_answers_and_lets_nobody_in_is_told_from_one_that_went_away() {
    let mut world = World::new(|config| config.token = Some(JoinToken::new(7, [1; 16])));
    world.run(15 * SEC);
    assert!(world.feed.uplink.is_kept_out(world.now));
    world.hub.muted = true;
    world.run(40 * SEC);
    assert!(!world.feed.uplink.is_kept_out(world.now), "what it answered is long ago");
}

#[test]
fn a_hub_that_comes_into_reach_does_not_keep_out_who_asked_it_before() {
    let mut world = World::new(|config| config.token = Some(JoinToken::new(7, [1; 16])));
    let answer = world.hub.answer(world.feed.uplink.probes.nonce);
    world.hub.muted = true;
    world.feed.uplink.handle_input(world.now, world.hub.address, &answer);
    world.run(10 * SEC);
    // Handshakes went into the void; the hub has yet to answer the first that reaches it.
    world.feed.uplink.handle_input(world.now, world.hub.address, &answer);
    assert!(world.feed.uplink.is_waiting_for_one(world.now));
    assert!(!world.feed.uplink.is_kept_out(world.now), "it has hardly been asked");
    world.hub.muted = false;
    world.run(15 * SEC);
    assert!(world.feed.uplink.is_kept_out(world.now));
}

#[test]
fn who_was_never_let_in_loses_no_connection() {
    let mut world = World::new(|_| {});
    world.hub.standing = Standing::Pending;
    world.measure(10, SEC);
    world.hub.muted = true;
    world.run(120 * SEC);
    let told =
        |world: &World| world.events.iter().filter(|event| matches!(event, Event::Lost { was_adopted: true })).count();
    assert_eq!(told(&world), 0);
    world.hub.muted = false;
    world.hub.standing = Standing::Adopted;
    world.hub.restart();
    world.measure(30, SEC);
    world.hub.muted = true;
    world.run(120 * SEC);
    assert_eq!(told(&world), 1);
}
