//! The spool after a crash: whatever happened to its files, whole batches before and after the damage come back, and
//! the agent starts.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use device_agent::clock::{self, Now};
use device_agent::sampler::Gather;
use device_agent::spool::segment::{self, Record};
use device_agent::spool::{Drops, Limits, Policy, SPILL_AFTER, Spool};
use proptest::prelude::*;
use wire::batch::Rows;
use wire::ledger::DropReason;
use wire::{BatchSeq, Epoch, Lane, Reading, SensorNo, UnixMillis};

const WEEK: Duration = Duration::from_secs(7 * 86_400);

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
fn a_full_spool_drops_its_oldest_and_counts_them() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { memory: 256 << 10, disk: 3 << 20, ..Limits::default() };
    let (mut spool, _) = Spool::open(folder.path(), Epoch(1), limits, now()).unwrap();
    let t0 = now();
    for _ in 0..50 {
        for _ in 0..100 {
            spool.append(vec![7; 1000], 3, 2, Lane::Live, t0);
        }
        spool.maintain(t0).unwrap();
    }
    assert!(spool.dropped() > 0 && spool.len() > 1500);
    assert_eq!(spool.dropped() + 3 * spool.len() as u64, 15_000);
    let bytes: u64 = segments(folder.path()).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(bytes <= 3 << 20, "{bytes}");
    let floor = spool.floors()[0].1.0;
    assert_eq!(floor, 5000 - spool.len() as u64, "the hub is told what will never come");
}

#[test]
fn a_disk_that_refuses_keeps_readings_in_memory_up_to_the_bound() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { memory: 64 << 10, disk: 3 << 20, ..Limits::default() };
    let (mut spool, _) = Spool::open(folder.path(), Epoch(1), limits, now()).unwrap();
    fs::remove_dir(folder.path()).unwrap();
    let t0 = now();
    append(&mut spool, 30, t0);
    assert!(spool.flush().is_err());
    assert_eq!((spool.len(), spool.dropped()), (30, 0));
    for _ in 0..200 {
        spool.append(vec![7; 1000], 1, 1, Lane::Live, t0);
    }
    assert!(spool.maintain(t0).is_err());
    assert!(spool.len() <= 60 && spool.dropped() > 0);
    fs::create_dir(folder.path()).unwrap();
    spool.flush().unwrap();
    let held = spool.len();
    drop(spool);
    assert_eq!(open(folder.path(), 2).0.len(), held);
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
fn what_gives_way_when_the_spool_is_full_is_the_users_choice_and_counted_by_reason() {
    for (policy, first_stays) in [(Policy::DropOldest, false), (Policy::DropNewest, true), (Policy::Thin, true)] {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { memory: 256 << 10, disk: 4 << 20, ..Limits::default() };
        let (mut spool, _) = Spool::open(folder.path(), Epoch(1), limits, now()).unwrap();
        spool.set_policy(policy);
        let (mut gather, t0) = (Gather::new(Lane::Live), now());
        let mut taken = 0_u64;
        let mut second = 0;
        while spool.dropped() == 0 || second % 1_000 != 0 {
            let now = t0 + Duration::from_secs(second);
            for sensor in 0..20 {
                let noise = (second * 7_919 + u64::from(sensor) * 104_729) % 1_000_003;
                let at = UnixMillis(1_700_000_000_000 + second as i64 * 1000);
                gather.push(&Reading { sensor: SensorNo(sensor), at, value: noise as f64 / 3.0 }, &mut spool, now);
                taken += 1;
            }
            if second % 100 == 0 {
                spool.maintain(now).unwrap();
            }
            second += 1;
        }
        gather.close(&mut spool, t0);
        let drops = spool.drops();
        let mut rows = Rows::default();
        let mut first = u64::MAX;
        while let Some(batch) = spool.take_live(t0).or_else(|| spool.take_backlog()) {
            first = first.min(batch.seq.0);
            wire::batch::decode(&batch.body, &mut rows).unwrap();
        }
        assert_eq!(rows.len() as u64 + drops.total(), taken, "{policy:?}: {drops:?}");
        assert_eq!(first == 0, first_stays, "{policy:?}: {drops:?}");
        let reason = match policy {
            Policy::DropOldest => drops.oldest,
            Policy::DropNewest => drops.newest,
            Policy::Thin => drops.thinned,
        };
        assert_eq!(reason, drops.total(), "{policy:?}: {drops:?}");
    }
}

#[test]
fn what_a_segment_held_that_the_disk_does_not_give_back_is_counted_as_unreadable() {
    for acked in [0, 500, 600] {
        let folder = tempfile::tempdir().unwrap();
        let (mut spool, _) = open(folder.path(), 1);
        let t0 = clock::now();
        for _ in 0..15 {
            append_large(&mut spool, 200, t0.mono);
            spool.flush().unwrap();
        }
        drop(spool);
        let (mut spool, _) = open(folder.path(), 2);
        let mut files = segments(folder.path());
        files.sort();
        let in_first = segment::read(&fs::read(&files[0]).unwrap()).unwrap().records.len() as u64;
        assert!(in_first > 600 && files.len() == 3);
        spool.trim(Epoch(1), BatchSeq(acked), &[]);
        unreadable(&files[0]);
        spool.expire(t0.plus(WEEK + Duration::from_secs(61)), false);
        // What is acknowledged of a segment is not lost with it; the other segments are readable, and counted as what they are.
        let expected =
            Drops { unreadable: 3 * (in_first - acked), expired: 3 * (3_000 - in_first), ..Drops::default() };
        assert_eq!(spool.drops(), expected);
        let told = &spool.report(t0.mono).unwrap().entries;
        let told =
            told.iter().flat_map(|entry| &entry.dropped).filter(|(code, _)| *code == DropReason::Unreadable.code());
        assert_eq!(told.map(|(_, readings)| readings).sum::<u64>(), expected.unreadable, "the hub hears of them");
    }
}

#[test]
fn listed_batches_of_a_segment_that_cannot_be_read_are_counted_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { disk: 2 << 20, ..Limits::default() };
    let (mut spool, _) = Spool::open(folder.path(), Epoch(1), limits, now()).unwrap();
    // A full segment, and nothing else in it.
    append_large(&mut spool, 1_100, now());
    spool.flush().unwrap();
    // Some are on their way, so that the segment's batches stay listed.
    let handed = (0..10).filter(|_| spool.take_live(now()).is_some()).count();
    assert_eq!((handed, spool.listed()), (10, 1_100));
    unreadable(&segments(folder.path())[0]);
    for _ in 0..10 {
        append_large(&mut spool, 200, now());
        spool.flush().unwrap();
    }
    assert_eq!(spool.drops(), Drops { unreadable: 3_300, ..Drops::default() });
    assert_eq!(spool.len() as u64 * 3 + spool.dropped(), 9_300);
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
fn what_is_held_longer_than_readings_are_kept_is_dropped_and_counted_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 1);
    let t0 = clock::now();
    append(&mut spool, 3, t0.mono);
    spool.flush().unwrap();
    append(&mut spool, 2, t0.mono + Duration::from_secs(3600));
    // A clock that runs wild is not believed: in this boot the monotonic one tells the age.
    spool.expire(Now { unix: t0.unix.plus(1 << 50), ..t0.plus(WEEK) }, true);
    assert_eq!((spool.len(), spool.drops()), (5, Drops::default()));
    spool.expire(t0.plus(WEEK + Duration::from_secs(61)), false);
    assert_eq!((spool.len(), spool.drops()), (2, Drops { expired: 9, ..Drops::default() }));
    assert_eq!(spool.floors(), [(Epoch(1), BatchSeq(3))], "the hub is told that they will never come");
    spool.expire(t0.plus(WEEK + Duration::from_secs(3700)), false);
    assert!(spool.is_empty() && spool.dropped() == 15);
    spool.flush().unwrap();
    drop(spool);
    assert_eq!(open(folder.path(), 2).0.drops().expired, 15, "a restart forgets none");
}

#[test]
fn what_earlier_boots_left_ages_by_its_own_time_once_the_clock_is_sure() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 1);
    let mut gather = Gather::new(Lane::Live);
    let taken = UnixMillis(1_770_000_000_000);
    // Two segments: the second was begun seven hours after the first.
    for hours in [0, 7] {
        let wait = Duration::from_secs(hours * 3600);
        let at = taken.plus(wait.as_millis() as i64);
        gather.push(&Reading { sensor: SensorNo(0), at, value: 1.5 }, &mut spool, now() + wait);
        gather.close(&mut spool, now() + wait);
        spool.flush().unwrap();
    }
    drop(spool);
    let start = Now { mono: now(), unix: taken.plus(WEEK.as_millis() as i64 + 1) };
    let (mut spool, _) = Spool::open(folder.path(), Epoch(2), Limits::default(), start.mono).unwrap();
    spool.expire(start.plus(Duration::from_secs(1800)), true);
    assert_eq!(spool.len(), 2, "the clock may yet be set");
    spool.expire(start.plus(Duration::from_secs(3700)), false);
    assert_eq!(spool.len(), 2, "the clock is not sure");
    spool.expire(start.plus(Duration::from_secs(3800)), true);
    assert_eq!((spool.len(), spool.drops().expired), (1, 1));
    assert!(spool.take_backlog().is_some());
    spool.expire(start.plus(Duration::from_secs(8 * 3600)), true);
    assert_eq!((spool.len(), spool.drops().expired), (0, 2), "also when it has been handed out");
}

#[test]
fn readings_of_a_clock_that_was_never_set_age_from_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 1);
    let mut gather = Gather::new(Lane::Live);
    gather.push(&Reading { sensor: SensorNo(0), at: UnixMillis(5_000), value: 1.5 }, &mut spool, now());
    gather.close(&mut spool, now());
    spool.flush().unwrap();
    drop(spool);
    let start = clock::now();
    let (mut spool, _) = Spool::open(folder.path(), Epoch(2), Limits::default(), start.mono).unwrap();
    spool.expire(start.plus(Duration::from_secs(7200)), true);
    assert_eq!(spool.len(), 1);
    spool.expire(start.plus(WEEK + Duration::from_secs(61)), true);
    assert_eq!(spool.drops().expired, 1);
}

#[test]
fn batches_of_a_lost_session_are_handed_out_again() {
    let mut spool = Spool::in_memory(Epoch(1), Limits::default());
    let t0 = now();
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

fn now() -> Instant {
    clock::now().mono
}

fn body_of(seq: BatchSeq) -> Vec<u8> {
    (0..20 + seq.0 as u8 * 3).map(|byte| byte ^ seq.0 as u8).collect()
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

fn open(folder: &Path, epoch: u32) -> (Spool, device_agent::spool::Recovery) {
    Spool::open(folder, Epoch(epoch), Limits::default(), now()).unwrap()
}

fn append(spool: &mut Spool, batches: u64, at: Instant) {
    for _ in 0..batches {
        let seq = BatchSeq(spool.len() as u64);
        spool.append(body_of(seq), 3, 2, Lane::Live, at);
    }
}

fn append_large(spool: &mut Spool, batches: u64, at: Instant) {
    for _ in 0..batches {
        spool.append(vec![7; 1000], 3, 2, Lane::Live, at);
    }
}

/// A folder in which the spool of epoch 1 left so many batches.
fn spilled(batches: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 1);
    append(&mut spool, batches, now());
    spool.flush().unwrap();
    folder
}

/// Puts something in a segment's place that no read gets through, whoever reads.
fn unreadable(path: &Path) {
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "seg")).collect()
}
