//! A hub that is full, and a store that could not: who is turned away, who goes on.

use std::sync::atomic::Ordering;

use wire::batch::{BatchBuilder, MAX_BODY, Rows};
use wire::handshake::NO_PSK;
use wire::ledger::Report;
use wire::message::{self, Control};
use wire::{Lane, Reading, SensorNo};

use super::scene::{FakeDevice, Scene, hello, spec, token};
use crate::model::device::DeviceNo;
use crate::model::reading::{LAST_TIME, SeriesId};
use crate::model::{BatchSeq, Epoch, UnixMillis};
use crate::proto::command::{Command, JoinPolicy};
use crate::proto::counters::Drop;
use crate::proto::endpoint::outgoing::MAX_EVENTS;
use crate::proto::endpoint::peer::NO_PLACE_FOR;
use crate::proto::event::Event;

fn describe(device: &mut FakeDevice, scene: &mut Scene, first: u16, names: &[&str]) {
    let sensors = names.iter().map(|name| spec(name)).collect();
    device.say(scene, &Control::Dictionary { first: SensorNo(first), sensors });
}

fn not_registered(scene: &mut Scene, no_place: bool) {
    scene.endpoint.handle_command(scene.moment, Command::NotRegistered { device: DeviceNo(1), no_place });
}

#[test]
fn a_full_hub_is_silent_to_newcomers_counts_them_and_knows_its_own() {
    let mut scene = Scene::new(JoinPolicy::Open);
    let mut old = scene.adopted(1);
    scene.endpoint.roster.max_devices = 1;
    assert!(FakeDevice::new().connect(&mut scene, &NO_PSK, 0).is_none());
    let (text, token) = token(9, scene.moment.wall.plus(60_000));
    scene.endpoint.handle_command(scene.moment, Command::JoinTokens(vec![token]));
    assert!(FakeDevice::new().connect(&mut scene, &text.psk(), 7).is_none());
    assert_eq!((scene.dropped(Drop::DeviceLimit), scene.dropped(Drop::NotAdmitted)), (2, 0));
    old.connect(&mut scene, &NO_PSK, 0).expect("its own device may always come back");
    old.batch(&mut scene, 0, 0);
    assert!(scene.endpoint.poll_batch().is_some());
}

#[test]
fn the_last_place_is_given_once() {
    let mut scene = Scene::new(JoinPolicy::Open);
    scene.endpoint.roster.max_devices = 1;
    let [mut first, mut second] = [FakeDevice::new(), FakeDevice::new()];
    first.connect(&mut scene, &NO_PSK, 0).expect("there is a place");
    second.connect(&mut scene, &NO_PSK, 0).expect("nobody has it yet");
    first.say(&mut scene, &hello());
    second.say(&mut scene, &hello());
    assert!(matches!(&scene.events()[..], [Event::Join(new)] if new.key == first.keys.public));
    assert_eq!(scene.dropped(Drop::DeviceLimit), 1);
}

#[test]
fn a_person_sees_who_waits_at_a_full_hub() {
    let mut scene = Scene::new(JoinPolicy::Click);
    scene.endpoint.roster.max_devices = 0;
    let mut device = FakeDevice::new();
    device.connect(&mut scene, &NO_PSK, 0).expect("may ask");
    device.say(&mut scene, &hello());
    assert!(matches!(scene.events()[..], [Event::Pending(_)]));
}

#[test]
fn sensors_that_could_not_be_registered_may_be_described_again() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    scene.events();
    describe(&mut device, &mut scene, 1, &["b"]);
    assert!(matches!(scene.events()[..], [Event::Sensors { .. }]));
    describe(&mut device, &mut scene, 1, &["b"]);
    assert_eq!(scene.events(), [], "one at a time");
    not_registered(&mut scene, false);
    describe(&mut device, &mut scene, 1, &["b"]);
    assert!(matches!(scene.events()[..], [Event::Sensors { first: SensorNo(1), .. }]));
    assert_eq!(scene.dropped(Drop::SeriesLimit), 0);
}

#[test]
fn sensors_that_are_another_thing_are_registered_anew_and_a_repeat_is_not() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(2);
    scene.events();
    let slow = || wire::SensorSpec { interval_ms: 60_000, ..spec("a") };
    let say = |device: &mut FakeDevice, scene: &mut Scene| {
        device.say(scene, &Control::Dictionary { first: SensorNo(0), sensors: vec![slow()] });
        scene.events()
    };
    let events = say(&mut device, &mut scene);
    assert!(matches!(&events[..], [Event::Sensors { first: SensorNo(0), sensors, .. }] if *sensors == [slow()]));
    assert_eq!(say(&mut device, &mut scene), [], "its answer was lost");
    not_registered(&mut scene, false);
    assert_eq!(say(&mut device, &mut scene).len(), 1, "the disk was full");
    let new = device.introduction(scene.moment);
    scene.adopt(&new, crate::model::device::Standing::Adopted, 2);
    assert_eq!(say(&mut device, &mut scene), []);
}

#[test]
fn sensors_that_are_another_thing_while_others_are_written_down_are_registered_when_they_are_said_again() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    let new = device.introduction(scene.moment);
    scene.events();
    let slow = || wire::SensorSpec { interval_ms: 60_000, ..spec("a") };
    let say = |device: &mut FakeDevice, scene: &mut Scene| {
        device.say(scene, &Control::Dictionary { first: SensorNo(0), sensors: vec![slow()] });
        scene.events().len()
    };
    describe(&mut device, &mut scene, 1, &["b"]);
    assert_eq!(scene.events().len(), 1);
    assert_eq!(say(&mut device, &mut scene), 0);
    scene.adopt(&new, crate::model::device::Standing::Adopted, 2);
    describe(&mut device, &mut scene, 1, &["b"]);
    assert_eq!(scene.events(), [], "it had not heard yet that they are written");
    assert_eq!(say(&mut device, &mut scene), 1);
    scene.adopt(&new, crate::model::device::Standing::Adopted, 2);
    // There is no place for more: of those that have one it may say so all the same.
    describe(&mut device, &mut scene, 2, &["c"]);
    not_registered(&mut scene, true);
    scene.events();
    let all = ["a", "b", "c"].map(|name| wire::SensorSpec { interval_ms: 5_000, ..spec(name) }).to_vec();
    device.say(&mut scene, &Control::Dictionary { first: SensorNo(0), sensors: all });
    assert!(matches!(&scene.events()[..], [Event::Sensors { sensors, .. }] if sensors.len() == 2));
}

#[test]
fn a_device_that_described_sensors_while_others_were_written_down_is_welcomed_to_do_so_again() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    let new = device.introduction(scene.moment);
    let slow = wire::SensorSpec { interval_ms: 60_000, ..spec("a") };
    device.say(&mut scene, &Control::Dictionary { first: SensorNo(0), sensors: vec![slow] });
    describe(&mut device, &mut scene, 1, &["b"]);
    device.hears(&mut scene);
    scene.adopt(&new, crate::model::device::Standing::Adopted, 1);
    assert!(matches!(&device.hears(&mut scene)[..], [Control::Welcome(welcome)] if welcome.known_sensors == 1));
}

#[test]
fn a_report_that_finds_no_room_leaves_sensors_that_are_under_way_alone() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    scene.events();
    describe(&mut device, &mut scene, 1, &["b"]);
    (1..MAX_EVENTS).for_each(|_| device.say(&mut scene, &hello()));
    let report = Report { epoch: Epoch(1), number: 0, holds_from: None, entries: Vec::new() };
    device.say(&mut scene, &Control::Ledger(report.clone()));
    let events = scene.events();
    assert_eq!(events.len(), MAX_EVENTS);
    assert!(matches!(events[0], Event::Sensors { .. }));
    describe(&mut device, &mut scene, 1, &["b"]);
    assert_eq!(scene.events(), [], "the store is asked already");
    device.say(&mut scene, &Control::Ledger(report));
    assert!(matches!(scene.events()[..], [Event::Ledger { .. }]), "and the report may come again at once");
}

#[test]
fn a_reading_of_no_calendar_is_left_out_and_the_rest_is_stored() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    let mut builder = BatchBuilder::new(MAX_BODY);
    for at in [UnixMillis(i64::MAX), LAST_TIME, UnixMillis(i64::MIN), UnixMillis(-LAST_TIME.0)] {
        assert!(builder.push(&Reading { sensor: SensorNo(0), at, value: 1.5 }));
    }
    let (mut plain, body) = (Vec::new(), builder.finish());
    message::Batch { epoch: Epoch(1), seq: BatchSeq(0), lane: Lane::Live, body: &body }.encode(&mut plain);
    device.send(&mut scene, &plain);
    let batch = scene.endpoint.poll_batch().expect("the rest is stored");
    assert_eq!(batch.at, [LAST_TIME, UnixMillis(-LAST_TIME.0)]);
    assert_eq!(scene.counters.readings_refused.load(Ordering::Relaxed), 2);
}

#[test]
fn a_device_goes_on_without_the_sensors_that_have_no_place() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    scene.events();
    describe(&mut device, &mut scene, 1, &["b", "c"]);
    not_registered(&mut scene, true);
    scene.events();
    assert_eq!(device.hears_acks(&mut scene).last().map(|ack| ack.known_sensors), Some(3), "no need to ask again");
    describe(&mut device, &mut scene, 3, &["d"]);
    assert_eq!(scene.events(), [], "nor is the store asked");
    assert_eq!(device.hears_acks(&mut scene).last().map(|ack| ack.known_sensors), Some(4));
    assert_eq!(scene.dropped(Drop::SeriesLimit), 2);

    let mut builder = BatchBuilder::new(MAX_BODY);
    for (sensor, value) in [(0, 1.5), (1, 2.5), (0, 3.5), (3, 4.5)] {
        builder.push(&Reading { sensor: SensorNo(sensor), at: scene.moment.wall, value });
    }
    let (mut plain, body) = (Vec::new(), builder.finish());
    message::Batch { epoch: Epoch(1), seq: BatchSeq(0), lane: Lane::Live, body: &body }.encode(&mut plain);
    device.send(&mut scene, &plain);
    let batch = scene.endpoint.poll_batch().expect("the rest is stored");
    assert_eq!((&batch.value[..], &batch.series[..]), (&[1.5, 3.5][..], &[SeriesId(0), SeriesId(0)][..]));
    let mut rows = Rows::default();
    wire::batch::decode(&batch.payload, &mut rows).unwrap();
    assert_eq!(rows.value, batch.value, "what goes to disk says the same");
    assert_eq!(scene.counters.readings_refused.load(Ordering::Relaxed), 2);
    device.batch(&mut scene, 1, 4);
    assert_eq!(scene.dropped(Drop::UnknownSensor), 1, "what was never described is not left out in silence");

    // A new session asks again: not the store at once, and then it may have a place.
    device.connect(&mut scene, &NO_PSK, 0).expect("its own");
    device.say(&mut scene, &hello());
    scene.events();
    describe(&mut device, &mut scene, 1, &["b"]);
    assert_eq!(scene.events(), []);
    scene.pass(NO_PLACE_FOR.as_secs());
    let verdict = device.connect(&mut scene, &NO_PSK, 0).expect("its own");
    assert_eq!(verdict.known_sensors, 1, "without what has no place");
    device.say(&mut scene, &hello());
    scene.events();
    describe(&mut device, &mut scene, 1, &["b"]);
    assert!(matches!(scene.events()[..], [Event::Sensors { first: SensorNo(1), .. }]));
}

#[test]
fn a_device_without_any_place_keeps_its_readings() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(0);
    scene.events();
    describe(&mut device, &mut scene, 0, &["a"]);
    not_registered(&mut scene, true);
    scene.events();
    device.batch(&mut scene, 0, 0);
    assert_eq!(scene.endpoint.poll_batch(), None);
    assert_eq!(device.hears_acks(&mut scene).last().map(|ack| (ack.mark, ack.known_sensors)), Some((BatchSeq(0), 0)));
    describe(&mut device, &mut scene, 0, &["a"]);
    assert_eq!((scene.events(), scene.dropped(Drop::SeriesLimit)), (Vec::new(), 2));
}
