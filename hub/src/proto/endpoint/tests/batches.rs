//! What becomes of batches and of what devices say besides: acknowledged, repeated, refused, given up before anything changed.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use wire::handshake::NO_PSK;
use wire::ledger::Report;
use wire::message::{Control, Health, Status};
use wire::{Lane, Numbering, Reading, SensorNo};

use super::scene::{FakeDevice, Scene, hello, spec};
use crate::model::device::{DeviceNo, Standing};
use crate::model::reading::BatchId;
use crate::model::{BatchSeq, Epoch, UnixMillis};
use crate::proto::command::{Command, JoinPolicy};
use crate::proto::counters::Drop;
use crate::proto::endpoint::MAX_BATCHES;
use crate::proto::endpoint::messages::RECORD_WITHIN;
use crate::proto::event::Event;

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
fn no_clock_is_too_far_off_for_hardware_that_took_over() {
    for (at, ahead) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (i64::MIN, i64::MIN), (i64::MAX, i64::MAX)] {
        for lane in [Lane::Live, Lane::Recovered] {
            let mut scene = Scene::new(JoinPolicy::Closed);
            let mut device = FakeDevice::new();
            let since = (Numbering::FIRST, Some(scene.moment.wall.plus(-60_000)));
            scene.know(&device.introduction(scene.moment), Standing::Adopted, 1, since);
            device.connect(&mut scene, &NO_PSK, 0).expect("answered");
            device.say(&mut scene, &hello());
            let reading = Reading { sensor: SensorNo(0), at: UnixMillis(at), value: 21.5 };
            device.batch_with(&mut scene, lane, 0, &reading);
            let clock = |ms| Control::Status(Status { clock_offset_ms: Some(ms), ..Status::default() });
            device.say(&mut scene, &clock(ahead));
            device.batch_with(&mut scene, lane, 1, &reading);
            while let Some(batch) = scene.endpoint.poll_batch() {
                assert_eq!(batch.at, [], "{at} {ahead}");
            }
            // And one that is right again is taken.
            device.say(&mut scene, &clock(0));
            device.batch(&mut scene, 2, 0);
            assert_eq!(scene.endpoint.poll_batch().expect("passed on").value, [21.5]);
        }
    }
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
fn a_batch_with_unknown_sensors_is_not_accepted_until_they_are_described() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    device.batch(&mut scene, 0, 1);
    assert_eq!(scene.endpoint.poll_batch(), None);
    assert_eq!(device.hears_acks(&mut scene)[0].known_sensors, 1);
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
fn what_a_device_says_first_is_taken_behind_a_full_queue() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let (mut loud, mut quiet) = (scene.adopted(1), scene.adopted(2));
    for seq in 0..2 * MAX_BATCHES as u64 {
        loud.batch(&mut scene, seq, 0);
    }
    assert_eq!(scene.endpoint.batches(), MAX_BATCHES);
    quiet.batch(&mut scene, 0, 0);
    quiet.batch(&mut scene, 1, 0);
    assert_eq!(scene.endpoint.batches(), MAX_BATCHES + 1, "one, and no more until that is on disk");
    let last = std::iter::from_fn(|| scene.endpoint.poll_batch()).last().unwrap();
    scene.endpoint.handle_committed(&[last.id]);
    for seq in 1_000..1_001 + MAX_BATCHES as u64 {
        loud.batch(&mut scene, seq, 0);
    }
    quiet.batch(&mut scene, 1, 0);
    assert_eq!(scene.endpoint.batches(), MAX_BATCHES + 1);
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
    // One of them was long on its way: the device counted it as dropped, so it is.
    device.batch(&mut scene, 3, 0);
    assert!(scene.endpoint.poll_batch().is_none());
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
