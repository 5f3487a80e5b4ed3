//! Who becomes a device: clicks, tokens, the open window, and how many may wait.

use std::net::SocketAddr;
use std::time::Duration;

use wire::handshake::{NO_PSK, Standing as Admitted};
use wire::message::{Control, Hello, Status, Welcome};

use super::scene::{FakeDevice, Scene, device_at, hello, spec, token};
use crate::model::UnixMillis;
use crate::model::device::Standing;
use crate::proto::command::{Command, JoinPolicy};
use crate::proto::counters::Drop;
use crate::proto::endpoint::MAX_PENDING;
use crate::proto::endpoint::handshakes::MAX_STRANGERS;
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
fn what_a_device_says_of_itself_is_seen_and_counted() {
    let mut scene = Scene::new(JoinPolicy::Click);
    let mut device = FakeDevice::new();
    device.connect(&mut scene, &NO_PSK, 0).expect("may ask");
    let odd = |text: &str| format!("{text}\u{202e}x");
    let hello = Hello {
        name: odd("attic"),
        labels: vec![("room".to_owned(), odd("north"))],
        preview: vec![(odd("temp"), "Cel".to_owned(), 21.5)],
        ..Hello::default()
    };
    device.say(&mut scene, &Control::Hello(hello));
    let [Event::Pending(pending)] = &scene.events()[..] else { panic!("not heard") };
    assert_eq!(pending.introduction.name, "attic<U+202E>x");
    assert_eq!(pending.introduction.labels["room"], "north<U+202E>x");
    assert_eq!(pending.preview[0].0, "temp<U+202E>x");
    assert_eq!(scene.counters.texts_spelled.load(std::sync::atomic::Ordering::Relaxed), 3);
    let mut adopted = scene.adopted(0);
    scene.events();
    let sensors = vec![spec("a\u{200b}"), spec("b")];
    adopted.say(&mut scene, &Control::Dictionary { first: wire::SensorNo(0), sensors });
    let events = scene.events();
    let named = events
        .iter()
        .find_map(|event| if let Event::Sensors { sensors, .. } = event { Some(&sensors[0].name) } else { None });
    assert_eq!(named.map(String::as_str), Some("a<U+200B>"));
}

#[test]
fn of_a_device_that_leaves_at_once_it_is_known_that_it_was_here() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    scene.events();
    device.batch(&mut scene, 0, 0);
    device.say(&mut scene, &Control::Bye);
    assert!(matches!(scene.events()[..], [Event::Links(_), Event::Left(_)]));
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

/// A stranger with a whole /64, against a device of the same hub that came first, and one that comes last.
#[test]
fn whoever_fills_the_list_of_those_who_wait_hides_nobody() {
    let mut scene = Scene::new(JoinPolicy::Click);
    let waits = |scene: &mut Scene, mut device: FakeDevice| {
        device.connect(scene, &NO_PSK, 0).expect("may ask");
        device.say(scene, &hello());
        device.keys.public
    };
    let first = waits(&mut scene, device_at(1));
    for n in 0..2 * MAX_PENDING as u16 {
        if n % 16 == 0 {
            scene.pass(1);
        }
        let address = SocketAddr::from(([0x2001, 0xdb8, 0, 1, 0, 0, 0, n], 4_000));
        waits(&mut scene, FakeDevice { address, ..FakeDevice::new() });
        scene.events();
    }
    let last = waits(&mut scene, device_at(2));
    assert_eq!(scene.endpoint.roster.pending.len(), MAX_PENDING);
    for device in [first, last] {
        assert!(scene.endpoint.roster.pending.contains_key(&device), "a true device is not seen");
    }
    assert!(matches!(scene.events()[..], [Event::PendingGone(_), Event::Pending(_)]));
    assert_eq!(scene.dropped(Drop::PendingFull), MAX_PENDING as u64 + 2);
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
    assert!(strangers >= MAX_STRANGERS && scene.endpoint.front.sessions.peers() <= MAX_STRANGERS + 1, "{strangers}");
    assert!(scene.dropped(Drop::PendingFull) > 0);
    adopted.batch(&mut scene, 0, 0);
    assert!(scene.endpoint.poll_batch().is_some(), "an adopted device notices nothing");
    (0..STRANGER_TTL.as_secs() + 1).for_each(|_| scene.pass(1));
    assert_eq!(scene.endpoint.front.sessions.peers(), 1);
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
    assert!(scene.endpoint.front.sessions.peers() <= MAX_STRANGERS);
    assert!(scene.endpoint.front.sessions.knows(&there.keys.public), "who spoke keeps its place");
}
