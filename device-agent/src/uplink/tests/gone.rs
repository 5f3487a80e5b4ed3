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
