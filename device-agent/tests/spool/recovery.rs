//! The spool after a crash: whatever happened to its files, whole batches before and after the damage come back, and
//! the agent starts.

use std::fs;
use std::time::Duration;

use device_agent::sampler::Gather;
use device_agent::spool::segment::{self, Record};
use device_agent::spool::{Limits, Policy, SPILL_AFTER, Spool};
use proptest::prelude::*;
use wire::batch::Rows;
use wire::{BatchSeq, Epoch, Lane, Reading, SensorNo, UnixMillis};

use super::{append, append_large, body_of, now, open, segments, spilled, unreadable};

#[test]
fn a_segment_cut_at_any_byte_gives_back_every_whole_record() {
    let (bytes, ends) = sample();
    for length in 0..=bytes.len() {
        match segment::read(&bytes[..length]) {
            None => assert!(length < segment::HEADER),
            Some(contents) => {
                assert_eq!(
                    contents.records.len(),
                    ends.iter().filter(|end| **end <= length).count(),
                    "cut at {length}"
                );
            }
        }
    }
}

#[test]
fn a_flipped_bit_costs_at_most_the_record_it_is_in() {
    let (bytes, ends) = sample();
    for at in segment::HEADER..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let contents = segment::read(&flipped).unwrap();
            assert_eq!(contents.records.len(), ends.len() - 1, "byte {at} bit {bit}");
            assert!(contents.damaged >= 1);
            for (record, body) in contents.records {
                assert_eq!(flipped[body], body_of(record.seq), "never a wrong body");
            }
        }
    }
}

#[test]
fn a_foreign_or_empty_file_is_set_aside_and_the_rest_is_read() {
    let folder = spilled(5);
    fs::write(folder.path().join("00000007.seg"), b"not a segment at all").unwrap();
    fs::write(folder.path().join("00000008.seg"), b"").unwrap();
    fs::write(folder.path().join("notes.txt"), b"left alone").unwrap();
    let (spool, recovery) = open(folder.path(), 2);
    assert_eq!((spool.len(), recovery.foreign.len()), (5, 2));
    assert!(folder.path().join("notes.txt").exists());
}

#[test]
fn what_is_flushed_survives_and_is_sent_newest_first_as_recovered() {
    let folder = spilled(5);
    assert_eq!(Spool::highest_epoch(folder.path()), Epoch(1));
    let (mut spool, recovery) = open(folder.path(), 2);
    assert_eq!((recovery.batches, recovery.readings, recovery.damaged), (5, 15, 0));
    let taken: Vec<_> = std::iter::from_fn(|| spool.take_backlog()).collect();
    assert_eq!(taken.iter().map(|batch| batch.seq.0).collect::<Vec<_>>(), [4, 3, 2, 1, 0]);
    assert!(taken.iter().all(|batch| batch.lane == Lane::Recovered && batch.epoch == Epoch(1) && batch.sensors == 2));
    assert!(taken.iter().all(|batch| *batch.body == *body_of(batch.seq)));
}

#[test]
fn a_segment_is_deleted_when_the_last_of_it_is_acknowledged_and_not_before() {
    let folder = spilled(5);
    let (mut spool, _) = open(folder.path(), 2);
    while spool.take_backlog().is_some() {}
    spool.trim(Epoch(1), BatchSeq(0), &[(1, 5)]);
    assert_eq!(segments(folder.path()).len(), 1);
    assert_eq!(spool.floors(), [(Epoch(2), BatchSeq(0)), (Epoch(1), BatchSeq(0))]);
    assert_eq!(spool.trim(Epoch(1), BatchSeq(1), &[]), 3);
    assert_eq!((segments(folder.path()).len(), spool.is_empty()), (0, true));
}

#[test]
fn nothing_is_written_until_the_hub_has_been_silent_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 1);
    let t0 = now();
    append(&mut spool, 3, t0);
    spool.maintain(t0 + SPILL_AFTER - Duration::from_millis(1)).unwrap();
    assert_eq!(segments(folder.path()).len(), 0);
    spool.maintain(t0 + SPILL_AFTER).unwrap();
    append(&mut spool, 1, t0 + SPILL_AFTER);
    spool.maintain(t0 + SPILL_AFTER + Duration::from_secs(1)).unwrap();
    drop(spool);
    assert_eq!(open(folder.path(), 2).0.len(), 4, "while the hub is away, each second's readings are on disk");
}

#[test]
fn a_disk_that_refuses_keeps_readings_in_memory_up_to_the_bound() {
    for policy in [Policy::DropOldest, Policy::DropNewest] {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { memory: 64 << 10, disk: 3 << 20, ..Limits::default() };
        let (mut spool, _) = Spool::open(folder.path(), Epoch(1), limits, now()).unwrap();
        spool.set_policy(policy);
        fs::remove_dir(folder.path()).unwrap();
        let t0 = now();
        append(&mut spool, 30, t0);
        assert!(spool.flush().is_err());
        assert_eq!((spool.len(), spool.dropped()), (30, 0));
        for _ in 0..200 {
            spool.append(vec![7; 1000], 1, 1, Lane::Live, t0);
        }
        assert!(spool.maintain(t0).is_err());
        assert!(spool.len() <= 90 && spool.dropped() > 0);
        assert_eq!(spool.holds(Epoch(1), BatchSeq(0)), policy == Policy::DropNewest, "the user's choice");
        fs::create_dir(folder.path()).unwrap();
        spool.flush().unwrap();
        let held = spool.len();
        drop(spool);
        assert_eq!(open(folder.path(), 2).0.len(), held);
    }
}

#[test]
fn a_kill_while_the_hub_is_away_costs_at_most_a_second() {
    // At each second of an outage, as if the process were killed there: what comes back is all but the last second.
    for killed_at in [31, 32, 40, 59, 90, 150] {
        let folder = tempfile::tempdir().unwrap();
        let (mut spool, _) = open(folder.path(), 1);
        let (mut gather, t0) = (Gather::new(Lane::Live), now());
        let mut taken = 0;
        for second in 0..killed_at {
            let now = t0 + Duration::from_secs(second);
            for sensor in 0..20 {
                let value = (second * 37 + u64::from(sensor) * 11) as f64 / 7.0;
                let at = UnixMillis(1_700_000_000_000 + second as i64 * 1000);
                gather.push(&Reading { sensor: SensorNo(sensor), at, value }, &mut spool, now);
                taken += 1;
            }
            gather.round_ends(false, &mut spool, now);
            spool.maintain(now).unwrap();
            gather.journal(&mut spool).unwrap();
        }
        drop((spool, gather));
        let (mut spool, recovery) = open(folder.path(), 2);
        assert!(recovery.readings + 20 >= taken, "{} of {taken} at {killed_at} s", recovery.readings);
        let mut rows = Rows::default();
        while let Some(batch) = spool.take_backlog() {
            wire::batch::decode(&batch.body, &mut rows).unwrap();
        }
        assert_eq!(rows.len() as u64, recovery.readings, "each once");
        drop(spool);
        let (_, again) = open(folder.path(), 3);
        assert_eq!((again.readings, again.damaged), (recovery.readings, 0), "recovering is durable too");
    }
}

#[test]
fn what_is_known_of_a_wrong_clock_outlives_the_boot() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 1);
    let mut gather = Gather::new(Lane::Live);
    for at in [5_000, 1_700_000_000_000] {
        gather.push(&Reading { sensor: SensorNo(0), at: UnixMillis(at), value: 1.5 }, &mut spool, now());
        gather.close(&mut spool, now());
    }
    spool.moved(BatchSeq(0), BatchSeq(1), 1_699_999_990_000).unwrap();
    spool.flush().unwrap();
    drop(spool);
    let (mut spool, _) = open(folder.path(), 2);
    let mut rows = Rows::default();
    while let Some(batch) = spool.take_backlog() {
        wire::batch::decode(&batch.body, &mut rows).unwrap();
    }
    assert_eq!(rows.at, [UnixMillis(1_700_000_000_000), UnixMillis(1_699_999_995_000)]);
}

#[test]
fn a_torn_journal_costs_the_slot_it_was_in() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 1);
    let t0 = now();
    append(&mut spool, 1, t0);
    spool.maintain(t0 + SPILL_AFTER).unwrap();
    for readings in 1..=4 {
        spool.journal(&body_of(BatchSeq(readings)), readings as u16, 2).unwrap();
    }
    drop(spool);
    let path = folder.path().join("open");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096 + 30] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (mut spool, recovery) = open(folder.path(), 2);
    assert_eq!((recovery.batches, recovery.readings), (2, 3 + 3));
    assert_eq!(
        spool.take_backlog().map(|batch| (batch.seq, batch.body.to_vec())),
        Some((BatchSeq(1), body_of(BatchSeq(3))))
    );
}

#[test]
fn the_journal_is_empty_once_the_hub_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 1);
    let t0 = now();
    append(&mut spool, 1, t0);
    spool.maintain(t0 + SPILL_AFTER).unwrap();
    spool.journal(&body_of(BatchSeq(1)), 3, 2).unwrap();
    spool.trim(Epoch(1), BatchSeq(1), &[]);
    spool.maintain(t0 + SPILL_AFTER).unwrap();
    drop(spool);
    assert_eq!(open(folder.path(), 2).1.batches, 0);
}

#[test]
fn a_day_on_disk_comes_back_each_batch_once_and_is_not_listed_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 1);
    let t0 = now();
    for second in 0..60 {
        append_large(&mut spool, 200, t0);
        spool.maintain(t0 + SPILL_AFTER + Duration::from_secs(second)).unwrap();
    }
    assert_eq!((spool.len(), spool.waiting(), spool.floors()), (12_000, 12_000, vec![(Epoch(1), BatchSeq(0))]));
    assert!(spool.listed() < 3_000, "{} are listed", spool.listed());
    // Half of it in this run, acknowledged as it goes; the rest by the next.
    let mut seen = std::collections::BTreeSet::new();
    let take = |spool: &mut Spool, seen: &mut std::collections::BTreeSet<u64>, batches: usize| {
        for _ in 0..batches {
            let Some(batch) = spool.take_live(t0 + Duration::from_secs(3600)).or_else(|| spool.take_backlog()) else {
                return;
            };
            assert!(seen.insert(batch.seq.0));
            assert_eq!(batch.body.len(), 1000);
            spool.trim(Epoch(1), BatchSeq(0), &[(batch.seq.0, batch.seq.0 + 1)]);
        }
    };
    take(&mut spool, &mut seen, 6_000);
    assert_eq!((spool.len(), spool.acked()), (6_000, 18_000));
    drop(spool);
    let (mut spool, _) = open(folder.path(), 2);
    let mark = *seen.first().unwrap();
    take(&mut spool, &mut std::collections::BTreeSet::new(), 20_000);
    assert!(spool.is_empty() && mark > 0 && segments(folder.path()).len() <= 1);
}

#[test]
fn an_acknowledgement_of_everything_below_empties_segments_that_are_not_listed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 1);
    for _ in 0..20 {
        append_large(&mut spool, 200, now());
        spool.flush().unwrap();
    }
    drop(spool);
    let (mut spool, _) = open(folder.path(), 2);
    assert!(spool.trim(Epoch(1), BatchSeq(3_990), &[]) > 0);
    assert_eq!(segments(folder.path()).len(), 1);
    let left: Vec<u64> = std::iter::from_fn(|| spool.take_backlog()).map(|batch| batch.seq.0).collect();
    assert_eq!(left, (3_990..4_000).rev().collect::<Vec<_>>());
    assert_eq!((spool.acked(), spool.len()), (3 * 3_990, 10));
}

#[test]
fn a_segment_that_cannot_be_read_at_a_start_is_named_and_its_number_is_not_used_again() {
    let folder = spilled(5);
    let path = segments(folder.path()).remove(0);
    unreadable(&path);
    let (mut spool, recovery) = open(folder.path(), 2);
    assert_eq!((recovery.batches, recovery.unreadable.len(), &recovery.unreadable[0].0), (0, 1, &path));
    append(&mut spool, 2, now());
    spool.flush().unwrap();
    assert_eq!((spool.len(), segments(folder.path()).len()), (2, 2));
}

#[test]
fn batches_of_a_lost_session_are_handed_out_again() {
    let t0 = now();
    let mut spool = Spool::in_memory(Epoch(1), Limits::default(), t0);
    append(&mut spool, 3, t0);
    let first: Vec<_> = std::iter::from_fn(|| spool.take_live(t0)).collect();
    spool.trim(Epoch(1), BatchSeq(1), &[]);
    spool.rewind();
    let again: Vec<_> = std::iter::from_fn(|| spool.take_live(t0)).collect();
    assert_eq!(again, first[1..]);
    spool.rewind();
    let late = t0 + Duration::from_secs(11);
    assert!(spool.take_live(late).is_none(), "too old for a live view");
    assert_eq!(spool.take_backlog().map(|batch| batch.seq), Some(BatchSeq(2)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_a_segment_or_not_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = segment::read(&bytes);
        let mut tail = segment::header(Epoch(3)).to_vec();
        tail.extend_from_slice(&bytes);
        let _ = segment::read(&tail);
    }

    #[test]
    fn records_read_back_and_any_damage_only_removes(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..120), 1..12),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = segment::header(Epoch(9)).to_vec();
        for (number, body) in bodies.iter().enumerate() {
            let record = Record { seq: BatchSeq(number as u64), readings: 1, sensors: 1, lane: Lane::Live };
            segment::put(&record, body, &mut bytes).unwrap();
        }
        let whole = segment::read(&bytes).unwrap();
        prop_assert_eq!(whole.records.len(), bodies.len());
        for (at, with) in damage {
            let at = segment::HEADER + at.index(bytes.len() - segment::HEADER);
            bytes[at] ^= with;
        }
        bytes.truncate(segment::HEADER + cut.index(bytes.len() - segment::HEADER + 1));
        for (record, body) in segment::read(&bytes).unwrap().records {
            prop_assert_eq!(&bytes[body], &bodies[record.seq.0 as usize][..]);
        }
    }
}

/// A segment of five records, and where each ends.
fn sample() -> (Vec<u8>, Vec<usize>) {
    let mut bytes = segment::header(Epoch(4)).to_vec();
    let ends = (0..5)
        .map(|number| {
            let seq = BatchSeq(number);
            let record = Record { seq, readings: 3, sensors: 2, lane: Lane::Live };
            segment::put(&record, &body_of(seq), &mut bytes).unwrap().end
        })
        .collect();
    (bytes, ends)
}
