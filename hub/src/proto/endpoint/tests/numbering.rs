//! A device that gives its sensor numbers to other sensors.

use wire::message::Control;
use wire::{Numbering, SensorNo};

use super::scene::{FakeDevice, Scene, spec};
use crate::model::device::Standing;
use crate::model::reading::BatchId;
use crate::model::{BatchSeq, Epoch};
use crate::proto::command::{Command, JoinPolicy};
use crate::proto::counters::Drop;
use crate::proto::event::Event;

const SECOND: Numbering = Numbering { epoch: Epoch(1), seq: BatchSeq(5) };

fn tells(device: &mut FakeDevice, scene: &mut Scene, numbering: Numbering, names: &[&str]) -> Vec<Control> {
    let sensors = names.iter().map(|name| spec(name)).collect();
    device.say(scene, &Control::Numbering { numbering, first: SensorNo(0), sensors });
    device.hears(scene)
}

#[test]
fn a_numbering_is_followed_once_nothing_of_the_old_one_is_on_its_way_and_no_batch_is_taken_meanwhile() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(2);
    let known = Control::Numbered { numbering: Numbering::FIRST, known_sensors: 2 };
    assert_eq!(tells(&mut device, &mut scene, Numbering::FIRST, &[]), [known]);

    device.batch(&mut scene, 0, 0);
    let on_the_way: Vec<BatchId> = std::iter::from_fn(|| scene.endpoint.poll_batch()).map(|batch| batch.id).collect();
    scene.events();
    assert_eq!(tells(&mut device, &mut scene, SECOND, &[]), []);
    assert_eq!(scene.events(), []);
    device.batch(&mut scene, 1, 0);
    assert_eq!((scene.endpoint.poll_batch(), scene.dropped(Drop::UnknownSensor)), (None, 1));

    scene.endpoint.handle_committed(&on_the_way);
    tells(&mut device, &mut scene, SECOND, &[]);
    let no = on_the_way[0].device;
    assert_eq!(scene.events(), [Event::Renumber { device: no, numbering: SECOND }]);
    // Asked once, however often the device says it.
    tells(&mut device, &mut scene, SECOND, &[]);
    device.say(&mut scene, &Control::Dictionary { first: SensorNo(0), sensors: vec![spec("a"), spec("b"), spec("c")] });
    assert_eq!(scene.events(), []);

    let new = device.introduction(scene.moment);
    scene.adopt_as(&new, Standing::Adopted, 0, SECOND);
    assert!(device.hears(&mut scene).contains(&Control::Numbered { numbering: SECOND, known_sensors: 0 }));
    // Words of the old numbering say nothing in this one.
    device.say(&mut scene, &Control::Dictionary { first: SensorNo(0), sensors: vec![spec("a")] });
    assert_eq!(scene.events(), []);
    tells(&mut device, &mut scene, SECOND, &["x"]);
    assert!(matches!(&scene.events()[..], [Event::Sensors { sensors, .. }] if sensors[0].name == "x"));
    scene.adopt_as(&new, Standing::Adopted, 1, SECOND);
    device.batch(&mut scene, 1, 0);
    assert!(scene.endpoint.poll_batch().is_some());
}

#[test]
fn a_numbering_that_cannot_be_followed_leaves_the_old_one_in_force() {
    let mut scene = Scene::new(JoinPolicy::Closed);
    let mut device = scene.adopted(1);
    scene.events();
    tells(&mut device, &mut scene, SECOND, &[]);
    let [Event::Renumber { device: no, .. }] = scene.events()[..] else { panic!("not asked") };
    scene.endpoint.handle_command(scene.moment, Command::NotRegistered { device: no, no_place: false });
    device.batch(&mut scene, 0, 0);
    assert!(scene.endpoint.poll_batch().is_some());
    // Nobody answered: not for ever.
    tells(&mut device, &mut scene, SECOND, &[]);
    device.batch(&mut scene, 1, 0);
    assert!(scene.endpoint.poll_batch().is_none());
    scene.pass(30);
    device.batch(&mut scene, 1, 0);
    assert!(scene.endpoint.poll_batch().is_some());
}
