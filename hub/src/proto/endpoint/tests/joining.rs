//! Who becomes a device: clicks, tokens, the open window, and how many may wait.

use std::time::Duration;

use wire::handshake::{NO_PSK, Standing as Admitted};
use wire::message::{Control, Status, Welcome};

use super::scene::{FakeDevice, Scene, device_at, hello, token};
use crate::model::UnixMillis;
use crate::model::device::Standing;
use crate::proto::command::{Command, JoinPolicy};
use crate::proto::counters::Drop;
use crate::proto::endpoint::MAX_STRANGERS;
use crate::proto::event::Event;
use crate::proto::session::STRANGER_TTL;

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
    let later = scene.moment.wall.plus(60_000);
    for ((text, token), admitted) in
        [(token(1, later), true), (token(0, later), false), (token(1, UnixMillis(1)), false)]
    {
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
fn the_second_device_of_a_token_for_one_does_not_become_a_device_to_click() {
    let mut scene = Scene::new(JoinPolicy::Token);
    let later = scene.moment.wall.plus(60_000);
    let ((text, open), (_, spent)) = (token(1, later), token(0, later));
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
