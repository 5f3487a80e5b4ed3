//! Two machines with one key, and what only looks like it.

use wire::batch::{BatchBuilder, MAX_BODY};
use wire::handshake::{NO_PSK, Start};
use wire::message::{self, Ack, Claimed, Control, Status};
use wire::{KeyPair, Lane, Reading, SensorNo};

use super::scene::{FakeDevice, Scene, hello};
use crate::model::reading::BatchId;
use crate::model::{BatchSeq, Epoch, numbering};
use crate::proto::command::JoinPolicy;
use crate::proto::counters::Drop;
use crate::proto::event::Event;

const COPIED_AT: &str = "192.168.0.9:5000";

impl FakeDevice {
    /// Another machine with the same key, at another start.
    fn copy(&self, start: Start) -> Self {
        let keys = KeyPair { public: self.keys.public, secret: self.keys.secret };
        Self { keys, counter: self.counter + 1_000, session: None, address: COPIED_AT.parse().unwrap(), start }
    }

    fn opens(&mut self, scene: &mut Scene) {
        self.connect(scene, &NO_PSK, 0).expect("answered");
        self.say(scene, &hello());
    }

    /// Sends one reading under a number.
    fn reading(&mut self, scene: &mut Scene, (epoch, seq): (u32, u64), value: f64) {
        let mut builder = BatchBuilder::new(MAX_BODY);
        builder.push(&Reading { sensor: SensorNo(0), at: scene.moment.wall, value });
        let (body, mut plain) = (builder.finish(), Vec::new());
        message::Batch { epoch: Epoch(epoch), seq: BatchSeq(seq), lane: Lane::Live, body: &body }.encode(&mut plain);
        self.send(scene, &plain);
    }
}

fn start(number: u16, before: u16) -> Start {
    Start { number, before }
}

/// A scene with a device that says which start it is.
fn scene() -> (Scene, FakeDevice) {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    device.start = start(1, 0);
    device.opens(&mut scene);
    scene.sent();
    scene.events();
    (scene, device)
}

/// Commits what is there; ids and values.
fn stored(scene: &mut Scene) -> Vec<(BatchId, f64)> {
    let batches: Vec<_> = std::iter::from_fn(|| scene.endpoint.poll_batch()).collect();
    let ids: Vec<BatchId> = batches.iter().map(|batch| batch.id).collect();
    scene.endpoint.handle_committed(&ids);
    batches.iter().map(|batch| (batch.id, batch.value[0])).collect()
}

/// What both were told within 12 s of speaking in turns, of which only the values of the first are stored; of the other the
/// hub has acknowledged as many as are `known`.
fn in_turns(scene: &mut Scene, first: &mut FakeDevice, other: &mut FakeDevice, known: u64) -> [Vec<Claimed>; 2] {
    let mut told = [Vec::new(), Vec::new()];
    for second in 0..12 {
        first.reading(scene, (1, 100 + second), 1.0);
        other.reading(scene, (2, second), 2.0);
        other.say(scene, &Control::Status(Status::default()));
        assert!(stored(scene).iter().all(|(_, value)| *value == 1.0), "mixed");
        for (heard, told) in [&mut *first, other].into_iter().zip(&mut told) {
            for control in scene_to(scene, heard) {
                if let Control::Claimed(claimed) = control {
                    told.push(claimed);
                } else if let Control::Ack(ack) = control
                    && heard_is_other(heard)
                {
                    assert!(names_no_more(&ack, known), "{ack:?}");
                }
            }
        }
        scene.pass(1);
    }
    told
}

fn heard_is_other(device: &FakeDevice) -> bool {
    device.address == COPIED_AT.parse().unwrap()
}

fn names_no_more(ack: &Ack, known: u64) -> bool {
    ack.mark.0 <= known && ack.runs.is_empty()
}

/// What a device is told; what goes to the other stays.
fn scene_to(scene: &mut Scene, device: &mut FakeDevice) -> Vec<Control> {
    let (mine, others): (Vec<_>, Vec<_>) = scene.waiting().into_iter().partition(|(to, _)| *to == device.address);
    scene.kept = others;
    device.reads(mine.into_iter().map(|(_, datagram)| datagram))
}

fn claims(scene: &mut Scene) -> Vec<crate::model::device::Claim> {
    let claims = scene
        .events()
        .into_iter()
        .filter_map(|event| if let Event::Claim { claim, .. } = event { Some(claim) } else { None });
    claims.collect()
}

#[test]
fn a_copy_of_a_running_device_gets_nothing_stored_and_both_are_told_where_the_other_is() {
    let (mut scene, mut device) = scene();
    let mut copy = device.copy(start(2, 1));
    copy.opens(&mut scene);
    let [to_device, to_copy] = in_turns(&mut scene, &mut device, &mut copy, 0);
    let (device_at, copy_at) = (device.address.to_string(), copy.address.to_string());
    assert!(to_device.iter().all(|told| told.goes_on && told.other == copy_at) && to_device.len() > 1);
    assert!(to_copy.iter().all(|told| !told.goes_on && told.other == device_at) && to_copy.len() > 1);
    assert!(scene.dropped(Drop::IdentityInUse) >= 12);
    let claim = claims(&mut scene).pop().expect("told");
    assert_eq!((claim.start, claim.refused.as_slice()), (1, &[2][..]));
    let conflict = claim.conflict.unwrap();
    assert_eq!((conflict.holder, conflict.other), (device.address, copy.address));

    // The original opens a fresh session, is started anew after the copy was, and goes on; the copy is known for what it is.
    device.opens(&mut scene);
    let mut again = copy.copy(start(4, 2));
    device.say(&mut scene, &Control::Bye);
    again.address = "192.168.0.10:5000".parse().unwrap();
    again.opens(&mut scene);
    again.reading(&mut scene, (3, 0), 2.0);
    assert_eq!(stored(&mut scene), []);
    (device.counter, device.start) = (device.counter + 500, start(3, 1));
    device.address = "192.168.0.11:5000".parse().unwrap();
    device.opens(&mut scene);
    device.reading(&mut scene, (2, 0), 1.0);
    assert_eq!(stored(&mut scene).len(), 1);
    again.reading(&mut scene, (3, 1), 2.0);
    scene.pass(1);
    let conflict = claims(&mut scene).pop().and_then(|claim| claim.conflict).expect("told where both are now");
    assert_eq!((conflict.holder, conflict.other), (device.address, again.address));

    // Nothing more of the copy: it is over.
    scene.pass(601);
    scene.pass(1);
    assert_eq!(claims(&mut scene).pop().expect("told").conflict, None);
}

#[test]
fn a_device_that_is_started_anew_is_no_second_machine() {
    let (mut scene, mut device) = scene();
    // It said goodbye.
    device.reading(&mut scene, (1, 0), 1.0);
    device.say(&mut scene, &Control::Bye);
    let mut next = FakeDevice { address: device.address, ..device.copy(start(2, 1)) };
    next.opens(&mut scene);
    next.reading(&mut scene, (2, 0), 1.0);
    assert_eq!(stored(&mut scene).len(), 2);
    // It was killed, at another address, with something still on the way: the next one waits for its silence.
    let mut third = next.copy(start(3, 2));
    third.opens(&mut scene);
    next.reading(&mut scene, (2, 1), 1.0);
    let mut waited = 0;
    while stored(&mut scene).iter().all(|(id, _)| id.epoch != Epoch(3)) {
        scene.pass(1);
        third.reading(&mut scene, (3, waited), 1.0);
        waited += 1;
        assert!(waited < 6, "waits for nobody");
    }
    assert!(waited >= 3);
    // Fresh keys and another address of the same start are taken at once.
    third.address = "10.0.0.1:7".parse().unwrap();
    third.opens(&mut scene);
    third.reading(&mut scene, (3, 50), 1.0);
    assert_eq!(stored(&mut scene).len(), 1);
    assert!(claims(&mut scene).iter().all(|claim| claim.conflict.is_none()));
}

#[test]
fn two_that_do_not_say_which_start_they_are_are_told_apart_by_speaking_in_turns() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    let mut copy = device.copy(Start::default());
    copy.opens(&mut scene);
    for second in 0..10 {
        device.reading(&mut scene, (1, second), 1.0);
        copy.reading(&mut scene, (2, second), 2.0);
        stored(&mut scene);
        scene.pass(1);
    }
    assert!(claims(&mut scene).pop().expect("told").conflict.is_some());
    scene.waiting();
    in_turns(&mut scene, &mut device, &mut copy, 5);
    // The original can open another session, although the copy has counted further.
    device.opens(&mut scene);
}

#[test]
fn other_readings_under_a_used_number_are_stored_and_only_what_is_stored_is_acknowledged() {
    let (mut scene, mut device) = scene();
    for seq in 0..3 {
        device.reading(&mut scene, (1, seq), 1.0);
    }
    stored(&mut scene);
    let acks = |scene: &mut Scene, device: &mut FakeDevice| {
        device.hears_acks(scene).into_iter().map(|ack| (ack.mark.0, ack.runs)).collect::<Vec<_>>()
    };
    assert_eq!(acks(&mut scene, &mut device).last(), Some(&(3, vec![])));

    // Its state was set back: the next start gives the same numbers to other readings.
    device.say(&mut scene, &Control::Bye);
    device.start = start(2, 9);
    device.opens(&mut scene);
    scene.sent();
    device.reading(&mut scene, (1, 1), 2.0);
    device.reading(&mut scene, (1, 1), 2.0);
    assert_eq!(acks(&mut scene, &mut device), [], "nothing of it is stored");
    let [(id, value)] = stored(&mut scene)[..] else { panic!("one batch") };
    assert_eq!((id.epoch, value), (numbering::ASIDE, 2.0));
    assert_eq!(acks(&mut scene, &mut device), [(0, vec![(1, 2)])], "the one that is stored, and no other");
    // What is on disk with these contents is a repeat.
    device.reading(&mut scene, (1, 1), 2.0);
    device.reading(&mut scene, (1, 2), 1.0);
    assert_eq!(stored(&mut scene), []);
    assert_eq!(acks(&mut scene, &mut device), [(0, vec![(1, 3)])]);
}
