use wire::Reading;
use wire::batch::BatchBuilder;

use super::*;
use crate::model::reading::BatchId;
use crate::model::{BatchSeq, Epoch, SensorNo};

const A: SeriesId = SeriesId(3);
const DEVICE: DeviceNo = DeviceNo(1);

fn batch(readings: &[(i64, f64)]) -> Batch {
    let mut builder = BatchBuilder::new(1_000);
    for &(at, value) in readings {
        assert!(builder.push(&Reading { sensor: SensorNo(0), at: UnixMillis(at), value }));
    }
    Batch {
        id: BatchId { device: DEVICE, epoch: Epoch(1), seq: BatchSeq(0) },
        lane: Lane::Live,
        received_at: UnixMillis(77),
        payload: builder.finish(),
        series: vec![A; readings.len()],
        at: readings.iter().map(|reading| UnixMillis(reading.0)).collect(),
        value: readings.iter().map(|reading| reading.1).collect(),
    }
}

fn values(fresh: &Fresh) -> Vec<(i64, f64)> {
    let mut found = Vec::new();
    fresh.decode(|row, rows| found.extend(rows.iter().map(|reading| (row, reading.value))));
    found
}

#[test]
fn a_late_point_is_not_the_latest_and_an_equal_one_is() {
    let mut head = Head::default();
    head.add(1, &batch(&[(10, 1.0), (30, 3.0)]));
    head.add(2, &batch(&[(20, 2.0), (30, 4.0)]));
    assert_eq!(head.latest(A), Some(Point { at: UnixMillis(30), value: 4.0 }));
    assert_eq!(head.latest(SeriesId(99)), None);
}

#[test]
fn a_point_from_the_future_does_not_hide_what_comes_after_it() {
    let mut head = Head::default();
    head.add(1, &batch(&[(10, 1.0), (77 + AHEAD_MS + 1, 9.0)]));
    assert_eq!(head.latest(A).map(|point| point.value), Some(1.0));
    head.add(2, &batch(&[(20, 2.0)]));
    head.add(3, &batch(&[(15, 3.0)]));
    assert_eq!(head.latest(A).map(|point| point.value), Some(2.0));
}

#[test]
fn a_point_a_few_minutes_ahead_neither_freezes_what_is_measured_now_nor_replaces_it() {
    let mut head = Head::default();
    let value = |head: &Head| head.latest(A).map(|point| point.value);
    let at = |came: i64, at: i64, value: f64| Batch { received_at: UnixMillis(came), ..batch(&[(at, value)]) };
    head.add(1, &at(10_000, 10_000, 1.0));
    head.add(2, &at(11_000, 251_000, 9.0));
    assert_eq!(value(&head), Some(1.0));
    head.add(3, &at(12_000, 12_000, 2.0));
    // The clock was put forward and stays so: soon that is the value, and the old one is not.
    for second in 13..73 {
        head.add(second, &at(second * 1_000, second * 1_000 + 240_000, second as f64));
    }
    assert_eq!(value(&head), Some(2.0));
    head.add(73, &at(73_000, 313_000, 73.0));
    head.add(74, &at(74_000, 314_000, 74.0));
    assert_eq!(value(&head), Some(74.0));
    // It is put right again; what it kept meanwhile is not of this moment.
    head.add(75, &Batch { lane: Lane::Recovered, ..at(75_000, 40_000, 5.0) });
    assert_eq!(value(&head), Some(74.0));
    head.add(76, &at(76_000, 76_000, 76.0));
    assert_eq!(value(&head), Some(76.0));
    assert_eq!(head.heard().collect::<Vec<_>>(), [(A, UnixMillis(76_000))]);
}

#[test]
fn a_copy_may_be_cut_short_but_never_to_nothing() {
    let mut head = Head::default();
    (1..=4).for_each(|n| head.add(n, &batch(&[(n * 10, n as f64)])));
    let mut copy = head.copy(DEVICE, UnixMillis(0), UnixMillis(99));
    let size = copy.bytes() / 4;
    copy.truncate(2 * size + 1);
    assert_eq!(values(&copy), [(1, 1.0), (2, 2.0)]);
    copy.truncate(1);
    assert_eq!((values(&copy), copy.newest_row()), (vec![(1, 1.0)], Some(1)));
}

#[test]
fn a_cut_leaves_the_batches_behind_it() {
    let mut head = Head::default();
    (1..=4).for_each(|n| head.add(n, &batch(&[(n * 10, n as f64)])));
    assert_eq!(head.waiting().map(|waiting| waiting.points).collect::<Vec<_>>(), [4]);
    head.forget(DEVICE, 2, &[A]);
    head.blocks_reach(DEVICE, UnixMillis(20));
    let copy = head.copy(DEVICE, UnixMillis(0), UnixMillis(40));
    assert_eq!(values(&copy), [(3, 3.0)]);
    assert!(copy.blocks_from(UnixMillis(20)) && !copy.blocks_from(UnixMillis(21)));
    assert_eq!((head.rows(DEVICE), head.latest(A).map(|point| point.value)), (vec![3, 4], Some(4.0)));
    head.remove(DEVICE, [A].into_iter());
    assert_eq!((head.bytes(), head.latest(A)), (0, None));
}
