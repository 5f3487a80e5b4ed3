//! What the spool gives up, for want of room, by age or because the disk does not give it back: counted once, by its reason,
//! and told to the hub.

use std::fs;
use std::path::Path;
use std::time::Duration;

use device_agent::clock::{self, Now};
use device_agent::sampler::Gather;
use device_agent::spool::{Drops, Limits, Policy, Spool, segment};
use wire::batch::{BatchBuilder, MAX_BODY, Rows};
use wire::ledger::DropReason;
use wire::{BatchSeq, Epoch, Lane, Reading, SensorNo, UnixMillis};

use super::{WEEK, append, append_large, now, open, segments, spilled, unreadable};

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
        let files = segments(folder.path());
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

/// A spool with three batches on disk, and two that were taken an hour later in memory.
fn two_hours(folder: &Path) -> (Spool, Now) {
    let (mut spool, _) = open(folder, 1);
    let t0 = clock::now();
    append(&mut spool, 3, t0.mono);
    spool.flush().unwrap();
    append(&mut spool, 2, t0.mono + Duration::from_secs(3600));
    (spool, t0)
}

#[test]
fn what_is_held_longer_than_readings_are_kept_is_dropped_and_counted_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, t0) = two_hours(folder.path());
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
fn what_is_too_old_of_a_segment_does_not_come_back_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, t0) = two_hours(folder.path());
    spool.flush().unwrap();
    for (after, held) in [(61, 15), (3_700, 0)] {
        spool.expire(t0.plus(WEEK + Duration::from_secs(after)), false);
        spool.flush().unwrap();
        let (again, _) = open(folder.path(), 2);
        let sum = again.dropped() + 3 * again.len() as u64;
        assert_eq!((3 * again.len() as u64, sum), (held, 15), "{after} s after a week");
    }
}

#[test]
fn thinning_counts_what_is_damaged_and_leaves_what_the_hub_has() {
    // The damage is done to the oldest segment: to one batch, to all of them, to the header.
    for (damage, lost) in [(40..41, Some(1)), (segment::HEADER..usize::MAX, None), (3..4, None)] {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { memory: 256 << 10, disk: 4 << 20, ..Limits::default() };
        let (mut spool, _) = Spool::open(folder.path(), Epoch(1), limits, now()).unwrap();
        spool.set_policy(Policy::Thin);
        let fill = |spool: &mut Spool, from: u64, until: u64| {
            for seq in from..until {
                spool.append(noise(seq), PER_BATCH, 1, Lane::Live, now());
                if seq % 50 == 0 {
                    spool.flush().unwrap();
                    spool.maintain(now()).unwrap();
                }
            }
        };
        // Three segments are full, none is thinned; of the first the hub has some.
        fill(&mut spool, 0, 4_000);
        let files = segments(folder.path());
        assert!(files.len() >= 3 && spool.listed() < 3_000 && spool.dropped() == 0, "{files:?} {}", spool.listed());
        let in_first = segment::read(&fs::read(&files[0]).unwrap()).unwrap().records.len() as u64;
        let mut bytes = fs::read(&files[1]).unwrap();
        let in_second = segment::read(&bytes).unwrap().records.len() as u64;
        let end = damage.end.min(bytes.len());
        bytes[damage.start..end].iter_mut().for_each(|byte| *byte ^= 0x55);
        fs::write(&files[1], bytes).unwrap();
        spool.trim(Epoch(1), BatchSeq(in_first / 2), &[]);
        let mut taken = 4_000;
        while spool.drops().thinned == 0 {
            fill(&mut spool, taken, taken + 100);
            taken += 100;
        }
        let lost = lost.unwrap_or(in_second);
        assert_eq!(spool.drops().unreadable, lost * u64::from(PER_BATCH));
        assert_eq!(told(&mut spool, DropReason::Unreadable), spool.drops().unreadable, "the hub hears of them");

        let mut rows = Rows::default();
        while let Some(batch) = spool.take_live(now()).or_else(|| spool.take_backlog()) {
            wire::batch::decode(&batch.body, &mut rows).unwrap();
        }
        let sum = spool.acked() + rows.len() as u64 + spool.dropped();
        assert_eq!(sum, taken * u64::from(PER_BATCH), "{:?}", spool.drops());
        assert_eq!(spool.acked(), in_first / 2 * u64::from(PER_BATCH), "acknowledged is neither thinned nor dropped");
    }
}

#[test]
fn a_segment_that_cannot_be_read_for_a_moment_is_not_given_up_by_thinning() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { memory: 256 << 10, disk: 4 << 20, ..Limits::default() };
    let (mut spool, _) = Spool::open(folder.path(), Epoch(1), limits, now()).unwrap();
    spool.set_policy(Policy::Thin);
    let (mut taken, mut in_the_way) = (0, None);
    while spool.drops().thinned == 0 {
        for _ in 0..50 {
            spool.append(noise(taken), PER_BATCH, 1, Lane::Live, now());
            taken += 1;
        }
        spool.flush().unwrap();
        spool.maintain(now()).unwrap();
        if taken == 4_000 {
            // The first that will be thinned.
            let path = segments(folder.path()).remove(0);
            in_the_way = Some((fs::read(&path).unwrap(), path.clone()));
            unreadable(&path);
        }
    }
    assert_eq!(spool.drops(), Drops { thinned: spool.drops().thinned, ..Drops::default() });
    let (bytes, path) = in_the_way.expect("nothing was thinned before");
    fs::remove_dir(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    let mut rows = Rows::default();
    while let Some(batch) = spool.take_live(now()).or_else(|| spool.take_backlog()) {
        wire::batch::decode(&batch.body, &mut rows).unwrap();
    }
    assert_eq!(rows.len() as u64 + spool.dropped(), taken * u64::from(PER_BATCH), "{:?}", spool.drops());
}

#[test]
fn a_segment_that_cannot_be_removed_is_tried_again_and_counted_once() {
    for restarted in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (mut spool, _) = open(folder.path(), 1);
        let t0 = clock::now();
        append(&mut spool, 5, t0.mono);
        spool.flush().unwrap();
        drop(spool);
        let (mut spool, _) = open(folder.path(), 2);
        let path = segments(folder.path()).remove(0);
        let bytes = fs::read(&path).unwrap();
        unreadable(&path);
        spool.expire(t0.plus(WEEK + Duration::from_secs(61)), false);
        let counted = Drops { unreadable: 15, ..Drops::default() };
        assert_eq!((spool.drops(), spool.is_empty()), (counted, true));
        spool.maintain(t0.mono).unwrap();
        assert!(path.exists(), "nothing removes a folder as if it were a file");

        // Whatever was in the way is gone, and all is readable again.
        fs::remove_dir(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        if restarted {
            spool.flush().unwrap();
            drop(spool);
            spool = open(folder.path(), 3).0;
        } else {
            spool.maintain(t0.mono).unwrap();
        }
        assert!(!path.exists() && spool.is_empty());
        assert_eq!((spool.drops(), told(&mut spool, DropReason::Unreadable)), (counted, 15));
        drop(spool);
        let (again, recovery) = open(folder.path(), 4);
        assert_eq!((again.drops(), recovery.readings), (counted, 0));
    }
}

const PER_BATCH: u16 = 80;

/// A batch of one sensor whose readings are all different.
fn noise(seq: u64) -> Vec<u8> {
    let mut builder = BatchBuilder::new(MAX_BODY);
    for number in 0..u64::from(PER_BATCH) {
        let at = UnixMillis(1_700_000_000_000 + 10 * (seq * u64::from(PER_BATCH) + number) as i64);
        let value = ((seq * 7_919 + number * 104_729) % 1_000_003) as f64 / 3.0;
        assert!(builder.push(&Reading { sensor: SensorNo(0), at, value }));
    }
    builder.finish()
}

/// What the next report says was dropped for this reason.
fn told(spool: &mut Spool, reason: DropReason) -> u64 {
    let report = spool.report(now()).unwrap();
    let dropped = report.entries.iter().flat_map(|entry| &entry.dropped);
    dropped.filter(|(code, _)| *code == reason.code()).map(|(_, readings)| readings).sum()
}

#[test]
fn the_number_of_a_segment_that_was_given_up_is_not_given_to_another() {
    let folder = spilled(3);
    let (mut spool, _) = open(folder.path(), 2);
    let t0 = clock::now();
    let late = t0.plus(WEEK + Duration::from_secs(61));
    spool.expire(late, true);
    let told = segments(folder.path());
    assert!(told.is_empty() && spool.drops().expired == 9);
    drop(spool);
    let ledger = folder.path().join("ledger");
    let noted = fs::read(&ledger).unwrap();
    let (mut spool, _) = open(folder.path(), 3);
    append(&mut spool, 2, now());
    spool.flush().unwrap();
    drop(spool);
    // Killed before the ledger's file was written again.
    fs::write(&ledger, noted).unwrap();
    assert_eq!(open(folder.path(), 4).1.batches, 2);
}
