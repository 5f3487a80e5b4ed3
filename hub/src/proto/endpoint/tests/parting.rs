//! Hardware that is replaced: what is on its way arrives, then it is not heard, and what comes in its place begins anew.

use wire::handshake::NO_PSK;
use wire::{Lane, Numbering};

use super::scene::{FakeDevice, Scene, hello, token};
use crate::model::device::{DeviceNo, Retired, Standing};
use crate::model::{DeviceId, UnixMillis};
use crate::proto::command::{Command, JoinPolicy};
use crate::proto::counters::Drop;
use crate::proto::event::Event;

#[test]
fn what_is_under_way_arrives_before_a_device_parts() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    let id = DeviceId::of(&device.keys.public);
    device.batch(&mut scene, 0, 0);
    scene.events();
    scene.endpoint.handle_command(scene.moment, Command::Part(id));
    scene.pass(1);
    assert!(!parted(&mut scene).contains(&id), "a batch is on its way to the disk");
    assert!(device.connect(&mut scene, &NO_PSK, 0).is_none());
    let batch = scene.endpoint.poll_batch().unwrap();
    scene.endpoint.handle_committed(&[batch.id]);
    scene.pass(1);
    assert_eq!(parted(&mut scene), [id]);
    scene.pass(1);
    assert_eq!(parted(&mut scene), []);
    // It is not replaced after all.
    let row = device.introduction(scene.moment);
    scene.adopt(&row, Standing::Adopted, 1);
    assert!(device.connect(&mut scene, &NO_PSK, 0).is_some());
    device.batch(&mut scene, 1, 0);
    assert!(scene.endpoint.poll_batch().is_some());
}

#[test]
fn a_device_without_a_session_parts_at_once() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let unknown = DeviceId::from_bytes([4; 16]);
    scene.endpoint.handle_command(scene.moment, Command::Part(unknown));
    assert_eq!(parted(&mut scene), [unknown]);
}

#[test]
fn replaced_hardware_is_not_answered_which_is_counted_and_said_now_and_then() {
    let mut scene = Scene::new(JoinPolicy::Open);
    let mut device = scene.adopted(1);
    let hardware = DeviceId::of(&device.keys.public);
    let retired = Retired { hardware, device: DeviceNo(1) };
    scene.endpoint.handle_command(scene.moment, Command::Part(hardware));
    scene.endpoint.handle_command(scene.moment, Command::Retired(vec![retired]));
    scene.endpoint.handle_command(scene.moment, Command::Forgotten(hardware));
    scene.events();
    let (text, known) = token(1, UnixMillis(i64::MAX));
    scene.endpoint.handle_command(scene.moment, Command::JoinTokens(vec![known]));
    let mut said = Vec::new();
    for seconds in [0, 599, 1] {
        scene.pass(seconds);
        assert!(device.connect(&mut scene, &text.psk(), 7).is_none());
        let events = scene.events();
        said.push(
            events
                .iter()
                .filter(|event| matches!(event, Event::Returned { retired: one, .. } if *one == retired))
                .count(),
        );
        assert!(!events.iter().any(|event| matches!(event, Event::Join(_) | Event::Pending(_))), "{events:?}");
    }
    assert_eq!((said, scene.dropped(Drop::Replaced)), (vec![1, 0, 1], 3));
    // Its device was deleted: it is a stranger like any other.
    scene.endpoint.handle_command(scene.moment, Command::Retired(Vec::new()));
    assert!(device.connect(&mut scene, &text.psk(), 7).is_some());
}

#[test]
fn what_hardware_measured_while_the_old_one_was_heard_is_left_out() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = FakeDevice::new();
    let since = scene.moment.wall.plus(20_000);
    let row = device.introduction(scene.moment);
    scene.know(&row, Standing::Adopted, 1, (Numbering::FIRST, Some(since)));
    device.connect(&mut scene, &NO_PSK, 0).expect("answered");
    device.say(&mut scene, &hello());
    let taken = |scene: &mut Scene| scene.endpoint.poll_batch().unwrap().value.len();
    let mut seq = 0..;
    for (lane, readings) in [(Lane::Live, [0, 0, 1]), (Lane::Recovered, [0, 0, 1])] {
        scene.moment.wall = since.plus(-1);
        for wanted in readings {
            device.batch_of(&mut scene, lane, seq.next().unwrap(), 0);
            assert_eq!(taken(&mut scene), wanted, "{lane:?}");
            scene.moment.wall = scene.moment.wall.plus(1);
        }
    }
}

fn parted(scene: &mut Scene) -> Vec<DeviceId> {
    let parted = |event| if let Event::Parted(id) = event { Some(id) } else { None };
    scene.events().into_iter().filter_map(parted).collect()
}
