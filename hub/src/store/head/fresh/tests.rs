use super::*;

fn entries() -> Vec<BatchSummary> {
    let entry = |row, epoch, lane, start, end, received_at| BatchSummary {
        row,
        epoch: Epoch(epoch),
        lane,
        is_imported: epoch == 4,
        start,
        end,
        received_at,
    };
    vec![
        entry(7, 3, Lane::Live, 1_000, 1_900, 2_000),
        entry(8, 3, Lane::Recovered, -5, 0, 2_100),
        // A clock that was set, a boot, what no clock says.
        entry(1 << 40, 4, Lane::Live, i64::MIN, i64::MAX, 90),
        entry(i64::MAX, u32::MAX, Lane::Recovered, i64::MAX, i64::MAX, i64::MAX),
    ]
}

fn fresh(entries: &[BatchSummary]) -> Fresh {
    let mut fresh = Fresh::default();
    for (n, entry) in entries.iter().enumerate() {
        assert_eq!(fresh.push(entry, &vec![n as u8; n * 100]), n * 100 + ROW);
    }
    fresh
}

fn listed(fresh: &Fresh) -> Vec<(BatchSummary, usize)> {
    fresh.iter().map(|(entry, payload)| (entry, payload.len())).collect()
}

#[test]
fn what_is_known_of_a_batch_comes_back_and_so_does_what_follows_one_that_went() {
    let all = entries();
    let expected: Vec<_> = all.iter().enumerate().map(|(n, entry)| (*entry, n * 100)).collect();
    for gone in 0..=all.len() {
        let mut rest = fresh(&all);
        let row = all.get(gone.wrapping_sub(1)).map_or(0, |entry| entry.row);
        let freed = rest.forget(row);
        assert_eq!(listed(&rest), expected[gone..]);
        assert_eq!(freed + rest.bytes(), 600 + 4 * ROW);
        assert_eq!(rest.first(), all.get(gone).copied());
        // What comes next is told apart from the last that is here, or was.
        let next = BatchSummary { row: i64::MAX, ..all[0] };
        rest.push(&next, b"next");
        assert_eq!(listed(&rest).last(), Some(&(next, 4)));
    }
    let some = fresh(&all).copy(|entry| entry.lane == Lane::Recovered);
    assert_eq!(listed(&some), [expected[1], expected[3]]);
    assert_eq!((some.newest_row(), Fresh::default().newest_row()), (Some(i64::MAX), None));
}

#[test]
fn the_oldest_that_fit_are_kept_and_one_at_least() {
    let all = entries();
    for (most, kept) in [(0, 1), (2 * ROW + 99, 1), (2 * ROW + 100, 2), (599 + 4 * ROW, 3), (600 + 4 * ROW, 4)] {
        let mut some = fresh(&all);
        some.truncate(most);
        assert_eq!((some.rows().count(), some.newest_row()), (kept, Some(all[kept - 1].row)), "{most}");
        let next = BatchSummary { row: i64::MAX, ..all[1] };
        some.push(&next, b"");
        assert_eq!(listed(&some).last(), Some(&(next, 0)));
    }
}

#[test]
fn little_is_taken_besides_the_readings() {
    let mut fresh = Fresh::default();
    for n in 0..10_000 {
        let at = 1_700_000_000_000 + n * 1_000;
        let entry = BatchSummary {
            row: n * 1_000,
            epoch: Epoch(1),
            lane: Lane::Live,
            is_imported: false,
            start: at,
            end: at + 40,
            received_at: at + 90,
        };
        fresh.push(&entry, &[0; 30]);
    }
    let beside = fresh.log.capacity() - 10_000 * 30;
    assert!(beside < 10_000 * 16, "{beside} bytes");
}
