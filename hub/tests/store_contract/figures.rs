//! Figures of a query are those of a plain map of the readings, whatever holds them: memory, blocks, rollups.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use telemetry_hub::model::UnixMillis;
use telemetry_hub::store::{Buckets, Group, Tier};

use super::scene::{Hub, T0};

/// What a property feeds in: batches of (sensor, time, value).
type Batches = Vec<Vec<(u16, i64, i32)>>;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Late, repeated and overlapping points, in memory and in blocks made at any moment: the answers are a plain map's.
    #[test]
    fn aggregates_equal_a_naive_reference(
        batches in prop::collection::vec(prop::collection::vec((0_u16..3, 0_i64..400_000, -50_i32..50), 1..40), 1..30),
        edges in prop::collection::btree_set(-10_i64..700_000, 2..12),
        restart in any::<bool>(),
        blocks_after in prop::collection::btree_set(0_usize..30, 0..5),
        group in prop::sample::select(vec![Group::None, Group::All]),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(compare(batches, edges.into_iter().collect(), restart, &blocks_after, group))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Readings that gave way to rollups, also late ones, count, compare and begin and end buckets as if they were there.
    #[test]
    fn rollups_answer_like_the_readings_they_stand_for(
        times in prop::collection::btree_map(0_i64..4 * 86_400, (0_u16..3, -50_i32..50, any::<bool>()), 1..150),
        minutes in prop::collection::btree_set(0_i64..5 * 1_440, 2..8),
        hourly in any::<bool>(),
        in_blocks in any::<bool>(),
        restart in any::<bool>(),
        group in prop::sample::select(vec![Group::None, Group::All]),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut hub = Hub::new().await;
            let reading = |(&second, &(sensor, value, _)): (&i64, &(u16, i32, bool))| (sensor, second * 1_000, f64::from(value));
            let (late, live): (Vec<_>, Vec<_>) = times.iter().partition(|(_, (_, _, late))| *late);
            let all: Vec<_> = times.iter().map(reading).collect();
            let live: Vec<_> = live.into_iter().map(reading).collect();
            for (seq, part) in live.chunks(50).enumerate() {
                hub.put(seq as u64, part).await;
            }
            hub.store.tidy_as_of(T0.plus(16 * 86_400_000)).await.unwrap();
            let late: Vec<_> = late.into_iter().map(reading).collect();
            for (seq, part) in (100..).zip(late.chunks(50)) {
                hub.put(seq, part).await;
            }
            if in_blocks {
                hub.store.make_blocks().await.unwrap();
            }
            if restart {
                hub.restart().await;
            }
            let length = if hourly { 3_600_000 } else { 60_000 };
            let edges: BTreeSet<i64> = minutes.iter().map(|m| (T0.0 + m * 60_000) / length * length - T0.0).collect();
            let edges: Vec<i64> = edges.into_iter().collect();
            let buckets = Buckets { edges: edges.iter().map(|edge| T0.plus(*edge)).collect() };
            let answer = hub.aggregate(hub.series.clone(), buckets, group).await;
            for (n, columns) in answer.results.iter().enumerate() {
                for (bucket, edge) in edges.windows(2).enumerate() {
                    let mine = |&&(sensor, at, _): &&(u16, i64, f64)| {
                        (group == Group::All || usize::from(sensor) == n) && edge[0] <= at && at < edge[1]
                    };
                    let values: Vec<f64> = all.iter().filter(mine).map(|reading| reading.2).collect();
                    let avg = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
                    prop_assert_eq!(columns.count[bucket], values.len() as u64);
                    prop_assert_eq!(columns.min[bucket], values.iter().copied().reduce(f64::min));
                    prop_assert_eq!(columns.max[bucket], values.iter().copied().reduce(f64::max));
                    prop_assert_eq!(columns.avg[bucket], avg);
                    prop_assert_eq!(columns.first[bucket], values.first().copied());
                    prop_assert_eq!(columns.last[bucket], values.last().copied());
                }
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn each_tier_answers_where_the_finer_one_has_gone() {
    let mut hub = Hub::new().await;
    let day = 86_400_000;
    for seq in 0..48 {
        let at = seq as i64 * 3_600_000;
        hub.put_at(at + 60_000, seq, &[(0, at, seq as f64), (0, at + 60_000, 1.5)]).await;
    }
    let tier = async |hub: &Hub, step: i64| {
        let start = T0.0 / day * day;
        let edges = (0..=96 * 3_600_000 / step).map(|n| UnixMillis(start + n * step)).collect();
        let answer = hub.aggregate(vec![hub.series[0]], Buckets { edges }, Group::None).await;
        (answer.tier, answer.results[0].count.iter().sum::<u64>())
    };
    assert_eq!(tier(&hub, 60_000).await, (Tier::Raw, 96));
    hub.store.tidy_as_of(T0.plus(20 * day)).await.unwrap();
    assert_eq!(hub.values(0, 0, 5 * day).await, Vec::<f64>::new());
    assert_eq!(tier(&hub, 60_000).await, (Tier::Minute, 96));
    assert_eq!(tier(&hub, 3_600_000).await, (Tier::Hour, 96));
    hub.store.tidy_as_of(T0.plus(100 * day)).await.unwrap();
    hub.restart().await;
    assert_eq!(tier(&hub, 60_000).await, (Tier::Hour, 96));
    hub.store.tidy_as_of(T0.plus(6 * 365 * day)).await.unwrap();
    assert_eq!(tier(&hub, 3_600_000).await, (Tier::Raw, 0));
    assert_eq!(hub.store.latest(&hub.series)[0].map(|point| point.value), Some(1.5));
}

async fn compare(
    batches: Batches,
    edges: Vec<i64>,
    restart: bool,
    blocks_after: &BTreeSet<usize>,
    group: Group,
) -> Result<(), TestCaseError> {
    let mut hub = Hub::new().await;
    let filler: Vec<_> = (0..600).map(|n| (0, 600_000 + n, 0.0)).collect();
    for (part, seq) in filler.chunks(100).zip(1_000..) {
        hub.put(seq, part).await;
    }
    let mut reference: BTreeMap<(u16, i64), f64> = filler.iter().map(|&(s, at, value)| ((s, at), value)).collect();
    for (seq, batch) in batches.iter().enumerate() {
        // A coarse grid makes equal times likely, within a batch and between batches.
        let grid = |&(sensor, at, value): &(u16, i64, i32)| (sensor, at / 1_000 * 1_000, f64::from(value));
        let readings: Vec<_> = batch.iter().map(grid).collect();
        hub.put(seq as u64, &readings).await;
        reference.extend(readings.iter().map(|&(sensor, at, value)| ((sensor, at), value)));
        if blocks_after.contains(&seq) {
            hub.store.make_blocks().await.unwrap();
        }
    }
    if restart {
        hub.restart().await;
    }
    let (from, to) = (edges[0], edges[edges.len() - 1]);
    for (sensor, series) in hub.series.iter().enumerate() {
        let page = hub.store.readings(*series, T0.plus(from), T0.plus(to), 10_000).await.unwrap();
        let found: Vec<_> = page.points.iter().map(|point| (point.at.since(T0), point.value)).collect();
        let all = reference.iter().filter(|((of, at), _)| usize::from(*of) == sensor && from <= *at && *at < to);
        prop_assert_eq!(found, all.map(|((_, at), value)| (*at, *value)).collect::<Vec<_>>());
        let first = hub.store.readings(*series, T0.plus(from), T0.plus(to), 7).await.unwrap();
        prop_assert_eq!(&first.points[..], page.points.get(..7).unwrap_or(&page.points));
        prop_assert_eq!(first.more, page.points.len() > 7);
    }
    let buckets = Buckets { edges: edges.iter().map(|edge| T0.plus(*edge)).collect() };
    let answer = hub.aggregate(hub.series.clone(), buckets, group).await.results;
    prop_assert_eq!(answer.len(), if group == Group::All { 1 } else { 3 });
    for (n, columns) in answer.iter().enumerate() {
        for (bucket, edge) in edges.windows(2).enumerate() {
            let counts = |sensor: u16, at: i64| {
                (group == Group::All || usize::from(sensor) == n) && edge[0] <= at && at < edge[1]
            };
            let inside = reference.iter().filter(|((sensor, at), _)| counts(*sensor, *at));
            let values: Vec<f64> = inside.map(|(_, value)| *value).collect();
            let sum: f64 = values.iter().sum();
            prop_assert_eq!(columns.count[bucket], values.len() as u64);
            prop_assert_eq!(columns.min[bucket], values.iter().copied().reduce(f64::min));
            prop_assert_eq!(columns.max[bucket], values.iter().copied().reduce(f64::max));
            prop_assert_eq!(columns.avg[bucket], (!values.is_empty()).then(|| sum / values.len() as f64));
            if group == Group::None {
                prop_assert_eq!(columns.first[bucket], values.first().copied());
                prop_assert_eq!(columns.last[bucket], values.last().copied());
            }
        }
    }
    Ok(())
}
