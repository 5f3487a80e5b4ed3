//! A hub under load asks who knocks to prove the address first; and a fleet whose hub restarts does not return as one.

use wire::handshake::Responder;

use super::world::World;
use super::*;

/// A device that has just sent its first handshake, which is still under way.
fn knocking() -> (World, Vec<u8>) {
    let mut world = World::new(|_| {});
    world.hub.busy = true;
    let nonce = world.feed.uplink.probes.nonce;
    let answer = world.hub.answer(nonce);
    world.feed.uplink.handle_input(world.now, world.hub.address, &answer);
    let sent = datagrams(&mut world);
    let [hs1] = sent.iter().filter(|datagram| is_hs1(datagram)).collect::<Vec<_>>()[..] else { panic!("{sent:?}") };
    let hs1 = hs1.clone();
    (world, hs1)
}

#[test]
fn a_busy_hub_gets_the_proof_it_asks_for_and_the_readings_flow() {
    let mut world = World::new(|_| {});
    world.hub.busy = true;
    world.measure(10, SEC);
    world.run(SEC);
    assert_eq!((world.hub.cookies, world.hub.handshakes, world.hub.stored()), (1, 1, 10));
}

#[test]
fn the_same_handshake_goes_again_with_the_proof_and_then_waits_in_the_queue() {
    let (mut world, first) = knocking();
    let cookie = world.hub.receive(world.now, &first).remove(0);
    world.feed.uplink.handle_input(world.now, world.hub.address, &cookie);
    let [second] = &datagrams(&mut world)[..] else { panic!("one answer to one question") };
    let (Ok(Packet::Hs1(first)), Ok(Packet::Hs1(second))) = (Packet::parse(&first), Packet::parse(second)) else {
        panic!("not two handshakes")
    };
    assert_eq!((first.noise, first.mac1), (second.noise, second.mac1), "one counter counts for both");
    assert!(*first.mac2 == [0; 16] && *second.mac2 != [0; 16]);

    // The hub is there, and busy: another try comes after two to four seconds, however often the question is repeated.
    let asked_at = world.now;
    let is_another =
        |datagram: &Vec<u8>| matches!(Packet::parse(datagram), Ok(Packet::Hs1(hs1)) if hs1.mac1 != first.mac1);
    while !datagrams(&mut world).iter().any(is_another) {
        world.now = world.now.plus(100 * MS);
        world.feed.uplink.handle_input(world.now, world.hub.address, &cookie);
        assert!(world.now.mono - asked_at.mono <= 4 * SEC + 100 * MS, "the question holds it up");
    }
    assert!(world.now.mono - asked_at.mono >= 2 * SEC);
}

#[test]
fn a_forged_cookie_changes_nothing() {
    let (mut world, hs1) = knocking();
    let stranger = Responder::new(KeyPair::generate().unwrap());
    let Ok(Packet::Hs1(asked)) = Packet::parse(&hs1) else { panic!("not a handshake") };
    let true_one = world.hub.receive(world.now, &hs1).remove(0);
    let of_another_hub = stranger.cookie_reply(&asked, &[1; 16], &[2; 24]).unwrap();
    // The hub's own, for a handshake of the same name by another device.
    let mut other = World::new(|config| {
        config.seed = 99;
        config.words = Some(words_of(world.hub.responder.public()));
    });
    let answer = world.hub.answer(other.feed.uplink.probes.nonce);
    other.feed.uplink.handle_input(other.now, world.hub.address, &answer);
    let others_hs1 = datagrams(&mut other).into_iter().find(|datagram| is_hs1(datagram)).unwrap();
    let of_another_device = world.hub.receive(world.now, &others_hs1).remove(0);
    assert_eq!(true_one[4..8], of_another_device[4..8], "both call it the same");

    let due = world.feed.uplink.poll_timeout();
    let mut forged = vec![of_another_hub, of_another_device];
    forged.extend((4..true_one.len()).map(|at| {
        let mut flipped = true_one.clone();
        flipped[at] ^= 1;
        flipped
    }));
    for cookie in forged {
        world.feed.uplink.handle_input(world.now, world.hub.address, &cookie);
        assert_eq!(datagrams(&mut world), Vec::<Vec<u8>>::new());
        assert_eq!(world.feed.uplink.poll_timeout(), due, "not even a pause");
    }
    world.feed.uplink.handle_input(world.now, world.hub.address, &true_one);
    assert_eq!(datagrams(&mut world).len(), 1, "the true one still counts");
}

#[test]
fn a_fleet_that_doubts_its_hub_returns_spread_over_the_whole_time_it_has() {
    let mut after: Vec<Duration> = (0..200)
        .map(|seed| {
            let mut world = World::new(|config| config.seed = seed);
            world.measure(3, SEC);
            world.hub.muted = true;
            let now = world.now.mono;
            world.feed.spool.append(vec![0; 100], 1, 1, Lane::Live, now);
            while world.feed.uplink.link.session.as_ref().is_some_and(|session| session.presence() == Presence::There) {
                world.run(MS);
            }
            let doubted_at = world.now;
            next_hs1(&mut world, doubted_at).0
        })
        .collect();
    after.sort_unstable();
    let last = after[after.len() - 1];
    assert!(last <= RETURN_WITHIN, "{last:?}");
    // Evenly: in each eighth of the time between a twentieth and a fifth of them.
    for eighth in 0..8 {
        let (from, to) = (RETURN_WITHIN * eighth / 8, RETURN_WITHIN * (eighth + 1) / 8);
        let inside = after.iter().filter(|wait| (from..to).contains(*wait)).count();
        assert!((10..=45).contains(&inside), "{inside} between {from:?} and {to:?}");
    }
}

fn is_hs1(datagram: &[u8]) -> bool {
    matches!(Packet::parse(datagram), Ok(Packet::Hs1(_)))
}

/// What the device sends at this moment.
fn datagrams(world: &mut World) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    world.feed.uplink.handle_timeout(world.now);
    let mut out = Vec::new();
    while world.feed.uplink.poll_transmit(world.now, &mut out).is_some() {
        sent.push(out.clone());
    }
    sent
}

/// How long after `from` the next handshake starts, and its datagram.
fn next_hs1(world: &mut World, from: Now) -> (Duration, Vec<u8>) {
    for _ in 0..100 {
        if let Some(hs1) = datagrams(world).into_iter().find(|datagram| is_hs1(datagram)) {
            return (world.now.mono - from.mono, hs1);
        }
        let next = world.feed.uplink.poll_timeout().unwrap().max(world.now.mono + MS / 10);
        world.now = world.now.plus(next - world.now.mono);
    }
    panic!("no handshake")
}
