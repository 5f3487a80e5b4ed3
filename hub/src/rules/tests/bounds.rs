//! Readings that decide nothing are held against one line of numbers: an engine says and knows the same as by each reading in full.

use super::*;
use crate::model::{BatchSeq, Epoch};
use crate::rules::bounds::Bounds;

/// An upload: how long ago it came in milliseconds, by whom, and the readings: whose, how old, and the value.
type Sent = (i64, Sender, Vec<(u32, i64, i32)>);

#[derive(Debug, Clone)]
enum Happens {
    Group(Vec<Sent>),
    /// A group whose commit fails.
    Lost(Vec<Sent>),
    Timeout,
    /// Rules as they are, said again.
    Again,
}

#[derive(Debug, Clone, Copy)]
enum Sender {
    Agent,
    Recovered,
    Program,
    File,
}

fn uploads() -> impl Strategy<Value = Vec<Sent>> {
    let sender = prop::sample::select(vec![
        Sender::Agent,
        Sender::Agent,
        Sender::Agent,
        Sender::Agent,
        Sender::Recovered,
        Sender::Program,
        Sender::File,
    ]);
    let age = prop_oneof![
        8 => 0..3_000_i64, 2 => -900..=1_100_i64, 1 => 56_000..62_000_i64, 1 => 100_000..900_000_i64, 1 => Just(-400_000),
    ];
    let rows = prop::collection::vec((0..4_u32, age, 0..10_i32), 1..6);
    prop::collection::vec((0..200_i64, sender, rows), 1..4)
}

fn happenings() -> impl Strategy<Value = Vec<(i64, Happens)>> {
    let wait = prop_oneof![10 => 0..3_000_i64, 2 => 10_000..90_000_i64, 1 => 300_000..700_000_i64];
    let happens = prop_oneof![
        16 => uploads().prop_map(Happens::Group),
        1 => uploads().prop_map(Happens::Lost),
        3 => Just(Happens::Timeout),
        1 => Just(Happens::Again),
    ];
    prop::collection::vec((wait, happens), 1..40)
}

/// Limits, silences, and a rate beside them: of the sensor, of another, and of how many devices.
fn rules() -> impl Strategy<Value = Vec<RuleSpec>> {
    let ops = || prop::sample::select(vec![Op::Above, Op::AtLeast, Op::Below, Op::AtMost]);
    let limit = || (ops(), 0..10_i32).prop_map(|(op, limit)| threshold(op, f64::from(limit), None));
    let counted = (ops(), 0..10_i32).prop_map(|(op, limit)| {
        let of = Condition::Threshold { op, value: f64::from(limit), clear: None };
        let of = Box::new(of);
        Condition::Count { op: Op::AtLeast, value: 1.0, clear: None, of }
    });
    let counted = counted.prop_map(|condition| spec("temp", condition));
    let one = prop_oneof![
        8 => limit(), 2 => (1..400_u64).prop_map(silence), 1 => Just(rate(1.0)), 1 => counted,
    ];
    let whose = prop::sample::select(vec!["temp", "temp", "door", "count", "*"]);
    let held = prop::sample::select(vec![0_u64, 0, 2, 70]);
    let one = (one, whose, held).prop_map(|(spec, whose, held)| hold(held, sensor(whose, spec)));
    prop::collection::vec(one, 1..5)
}

fn batches(now: UnixMillis, uploads: &[Sent], seq: &mut u64) -> Vec<Batch> {
    let batch = |(ago, sender, rows): &Sent| {
        *seq += 1;
        let came = now.plus(-ago);
        let mut batch = batch(TEMP, came, &[]);
        for (series, age, value) in rows {
            batch.series.push(SeriesId(*series));
            batch.at.push(came.plus(-age));
            batch.value.push(f64::from(*value));
        }
        let (epoch, number) = match sender {
            Sender::Agent | Sender::Recovered => (Epoch(1), BatchSeq(*seq)),
            Sender::Program => (Epoch(numbering::ASIDE.0 + 1), BatchSeq(*seq << numbering::BITS)),
            Sender::File => {
                (Epoch(numbering::ASIDE.0 + 1), BatchSeq((*seq << numbering::BITS) | numbering::IMPORTED.0))
            }
        };
        let lane = if matches!(sender, Sender::Recovered) { Lane::Recovered } else { Lane::Live };
        Batch { id: BatchId { epoch, seq: number, ..batch.id }, lane, ..batch }
    };
    uploads.iter().map(batch).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn a_reading_within_bounds_leaves_the_same_behind_as_one_that_is_looked_at_in_full(
        specs in rules(), happens in happenings(), offset in prop::sample::select(vec![None, Some(0_i64), Some(-1_500), Some(3_000)]),
    ) {
        let mut quick = Scene::with(specs.clone());
        let mut slow = Scene::with(specs);
        let (mut now, mut seq, mut noted) = (START, 0, 0);
        for scene in [&mut quick, &mut slow] {
            scene.resume(0, &[]);
            scene.engine.set_clocks(offset.map(|offset| (DeviceNo(1), offset)).into_iter().collect());
        }
        for (wait, happens) in happens {
            now = now.plus(wait);
            let mut said = Vec::new();
            let before = seq;
            for (scene, is_slow) in [(&mut quick, false), (&mut slow, true)] {
                seq = before;
                let engine = &mut scene.engine;
                let proposed = match &happens {
                    Happens::Group(uploads) | Happens::Lost(uploads) => {
                        let batches = batches(now, uploads, &mut seq);
                        engine.prepare(&scene.catalog, &batches);
                        if is_slow {
                            engine.room.bounds = vec![Bounds::NONE; engine.tracks.len()];
                        }
                        engine.evaluate(now, &batches)
                    }
                    Happens::Timeout => engine.handle_timeout(now),
                    Happens::Again => engine.catalog_changed(now, &scene.catalog),
                };
                noted += proposed.room.noted.iter().filter(|one| one.slot.is_some() && is_slow).count();
                said.push(format!("{:?} {:?} {:?}", proposed.transitions, proposed.waiting, proposed.told));
                if !matches!(happens, Happens::Lost(_)) {
                    engine.apply(proposed);
                }
                said.push(format!("{:?} {:?} {:?}", engine.tracks, engine.deadlines, engine.counts));
            }
            prop_assert_eq!(&said[0], &said[2]);
            prop_assert_eq!(&said[1], &said[3]);
        }
        prop_assert_eq!(noted, 0, "the slow one notes nothing");
    }
}

#[test]
fn most_readings_are_only_noted() {
    let mut scene = Scene::with([above(30.0), silence(60)]);
    scene.reading(0, 1.0);
    for second in 1..10 {
        let proposed = scene.propose(second, 20.0);
        assert_eq!((proposed.room.noted.len(), proposed.room.changes.len()), (1, 0));
        scene.committed(proposed);
    }
    assert_eq!(scene.reading(10, 31.0), ["1 firing 31 at 10"]);
    let proposed = scene.propose(11, 31.0);
    assert_eq!((proposed.room.noted.len(), proposed.room.changes.len()), (0, 1), "an alert is open");
    scene.committed(proposed);
    assert_eq!(scene.reading(12, 30.0), ["1 resolved 30 at 12"]);
    assert_eq!(scene.propose(13, 30.0).room.noted.len(), 1);
}
