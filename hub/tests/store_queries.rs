//! Every figure a query can be asked for equals that of a plain map of the readings: late, repeated and overlapping ones,
//! clocks that step, in the journal, in blocks made at any moment, after a restart.

#![expect(clippy::unwrap_used, reason = "the scenes below the tests fail as loudly as the tests")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use telemetry_hub::counter::Machine;
use telemetry_hub::model::device::{DeviceNo, Introduction, NewDevice};
use telemetry_hub::model::reading::{Batch, BatchId, Point, SeriesId};
use telemetry_hub::model::{BatchSeq, Epoch, Lane, PublicKey, SensorKind, SensorNo, SensorSpec, UnixMillis};
use telemetry_hub::store::{Aggregates, Buckets, Columns, Commit, Config, Error, Group, Query, SecretKey, Store, Tier};
use wire::Reading;
use wire::batch::{BatchBuilder, MAX_BODY};

/// On an edge of five minutes, so that figures kept by five minutes can answer.
const T0: i64 = 1_700_000_100_000;
/// The last of the sensors is a counter.
const COUNTER: u16 = 2;

/// A run of readings of one sensor: which, from which second, how many, seconds between them, the first value.
type Run = (u16, i64, usize, i64, i32);

/// The readings by sensor and time.
type Reference = BTreeMap<(u16, i64), f64>;

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_figure_equals_a_naive_reference(
        runs in prop::collection::vec((0_u16..3, 0_i64..3_000, 1_usize..150, 1_i64..20, -50_i32..50), 1..12),
        steps in prop::collection::btree_set(-1_i64..14, 2..6),
        aligned in any::<bool>(),
        blocks_after in prop::collection::btree_set(0_usize..12, 0..4),
        restart in any::<bool>(),
        group in prop::sample::select(vec![Group::None, Group::All]),
        (ends, line, percentiles) in (any::<bool>(), any::<bool>(), prop::collection::vec(0.0..=100.0, 0..3)),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let result: Result<(), TestCaseError> = runtime.block_on(async {
            let mut scene = Scene::new().await;
            let mut reference = Reference::new();
            for (n, run) in runs.iter().enumerate() {
                scene.put(&readings(*run), &mut reference).await;
                if blocks_after.contains(&n) {
                    scene.store.make_blocks().await.unwrap();
                }
            }
            if restart {
                scene.restart().await;
            }
            let edge = |step: &i64| T0 + step * 300_000 + if aligned { 0 } else { step * 7_919 };
            let edges: Vec<i64> = steps.iter().map(edge).collect();
            let wanted = Aggregates { first: ends, last: ends, increase: line, rate: line, percentiles, ..Aggregates::usual() };
            // Twice: the second time some of it is remembered.
            for _ in 0..2 {
                let answer = scene.ask(&edges, group, &wanted).await.unwrap();
                prop_assert_eq!(answer.1, Tier::Raw);
                for (n, columns) in answer.0.iter().enumerate() {
                    let sensors: BTreeSet<u16> = if group == Group::All { (0..3).collect() } else { [n as u16].into() };
                    check(&reference, &sensors, &edges, &wanted, columns)?;
                }
                scene.put(&[(0, 10_000_000, 1.0)], &mut reference).await;
            }
            Ok(())
        });
        result?;
    }
}

#[tokio::test]
async fn a_query_that_needs_too_much_memory_is_refused_not_cut() {
    let mut scene = Scene::new().await;
    let mut reference = Reference::new();
    scene.put(&[(0, 0, 1.0)], &mut reference).await;
    let edges: Vec<i64> = (0..3).map(|n| T0 + n * 1_000).collect();
    let few = Aggregates { percentiles: vec![50.0], ..Aggregates::default() };
    assert!(scene.ask(&edges, Group::All, &few).await.is_ok());
    // A few megabytes on disk, more than a query may hold when each is a number of its own.
    let mut at = 0;
    while at < 4_300_000 {
        let batch: Vec<_> = (0..20_000).map(|n| (0, at + n, 1.0)).collect();
        scene.put(&batch, &mut Reference::new()).await;
        at += 20_000;
    }
    let edges = [T0, T0 + 10_000_000];
    assert!(matches!(scene.ask(&edges, Group::All, &few).await, Err(Error::TooLarge { .. })));
    let count = Aggregates { count: true, ..Aggregates::default() };
    scene.store.make_blocks().await.unwrap();
    assert!(matches!(scene.ask(&edges, Group::All, &few).await, Err(Error::TooLarge { .. })));
    assert_eq!(scene.ask(&edges, Group::All, &count).await.unwrap().0[0].count, [4_300_000]);
}

fn readings((sensor, start, count, step, value): Run) -> Vec<(u16, i64, f64)> {
    let value = |n: i64| match sensor {
        COUNTER => counted(start + n * step),
        1 => f64::from(value) + 0.25,
        _ => f64::from(value + n as i32 % 7) / 10.0,
    };
    (0..count as i64).map(|n| (sensor, (start + n * step) * 1_000, value(n))).collect()
}

/// What a counter shows at a second: it grows, begins again once, and slips to zero now and then.
fn counted(second: i64) -> f64 {
    match second {
        _ if second % 97 == 0 => 0.0,
        2_500.. => (second - 2_500) as f64 / 10.0,
        _ => 3_737.0 + second as f64 / 10.0,
    }
}

fn check(
    reference: &Reference,
    sensors: &BTreeSet<u16>,
    edges: &[i64],
    wanted: &Aggregates,
    columns: &Columns,
) -> Result<(), TestCaseError> {
    let near = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-6,
        (a, b) => a == b,
    };
    let lines: Vec<Vec<Option<(f64, f64)>>> =
        sensors.iter().map(|sensor| naive_line(reference, *sensor, edges)).collect();
    for (n, edge) in edges.windows(2).enumerate() {
        let inside = reference
            .iter()
            .filter(|((sensor, at), _)| sensors.contains(sensor) && edge[0] <= T0 + at && T0 + at < edge[1]);
        let mut inside: Vec<(i64, f64)> = inside.map(|((_, at), value)| (*at, *value)).collect();
        inside.sort_by_key(|(at, _)| *at);
        let values: Vec<f64> = inside.iter().map(|(_, value)| *value).collect();
        prop_assert_eq!(columns.count[n], values.len() as u64);
        prop_assert_eq!(columns.min[n], values.iter().copied().reduce(f64::min));
        prop_assert_eq!(columns.max[n], values.iter().copied().reduce(f64::max));
        let avg = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        prop_assert!(near(columns.avg[n], avg), "{:?} {:?}", columns.avg[n], avg);
        if wanted.first && sensors.len() == 1 {
            prop_assert_eq!(columns.first[n], values.first().copied());
            prop_assert_eq!(columns.last[n], values.last().copied());
        }
        for (percent, column) in wanted.percentiles.iter().zip(&columns.percentiles) {
            let naive = naive_percentile(&values, *percent);
            prop_assert!(near(column[n], naive), "p{percent}: {:?} {naive:?}", column[n]);
        }
        if wanted.rate {
            let naive = |figure: fn((f64, f64)) -> f64| {
                lines.iter().filter_map(|line| line[n].map(figure)).reduce(|a, b| a + b)
            };
            prop_assert!(near(columns.rate[n], naive(|(_, rate)| rate)), "{:?} {lines:?}", columns.rate[n]);
            let near = |a: Option<f64>, b: Option<f64>| a.zip(b).map_or(a == b, |(a, b)| (a - b).abs() < 1e-4);
            prop_assert!(
                near(columns.increase[n], naive(|(increase, _)| increase)),
                "{:?} {lines:?}",
                columns.increase[n]
            );
        }
    }
    Ok(())
}

fn naive_percentile(values: &[f64], percent: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = percent / 100.0 * (sorted.len().checked_sub(1)?) as f64;
    let (below, above) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
    Some(below + (above - below) * rank.fract())
}

/// Millisecond by millisecond would be the definition; this adds up the share of each pair of readings in each bucket: how
/// much, and how much a second.
fn naive_line(reference: &Reference, sensor: u16, edges: &[i64]) -> Vec<Option<(f64, f64)>> {
    let own = reference.iter().filter(|((of, _), _)| *of == sensor);
    let mut own: Vec<(i64, f64)> = own.map(|((_, at), value)| (T0 + at, *value)).collect();
    if sensor == COUNTER {
        let (mut machine, mut line) = (Machine::new(true), Vec::new());
        own.iter().for_each(|&(at, value)| {
            machine.take(Point { at: UnixMillis(at), value }, |mark| line.push((mark.at.0, mark.total.value())));
        });
        machine.finish(|mark| line.push((mark.at.0, mark.total.value())));
        own = line;
    }
    let share = |edge: &[i64]| {
        let (mut grown, mut covered) = (0.0, 0.0);
        for pair in own.windows(2) {
            let ((begin, before), (end, after)) = (pair[0], pair[1]);
            let shared = (end.min(edge[1]) - begin.max(edge[0])).max(0) as f64;
            grown += (after - before) * shared / (end - begin) as f64;
            covered += shared;
        }
        (covered > 0.0).then(|| (grown, grown / covered * 1e3))
    };
    edges.windows(2).map(share).collect()
}

/// A store with one device: two gauges and a counter.
struct Scene {
    dir: tempfile::TempDir,
    store: Store,
    device: DeviceNo,
    series: Vec<SeriesId>,
    seq: u64,
}

impl Scene {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let device = NewDevice {
            key: PublicKey([1; 32]),
            introduction: Introduction { name: "meter".to_owned(), ..Introduction::default() },
            address: None,
            at: UnixMillis(T0),
            join_token: None,
            handshake_counter: 1,
        };
        let device = store.adopt(device).await.unwrap().no;
        let sensor = |(name, kind): (&str, SensorKind)| SensorSpec {
            name: name.to_owned(),
            unit: String::new(),
            kind,
            interval_ms: 1_000,
        };
        let sensors = [("a", SensorKind::Gauge), ("b", SensorKind::Gauge), ("c", SensorKind::Counter)];
        let series = store.register_sensors(device, SensorNo(0), sensors.map(sensor).to_vec()).await.unwrap();
        Self { dir, store, device, series, seq: 0 }
    }

    async fn restart(&mut self) {
        self.store.clone().close().await.unwrap();
        self.store = open(&self.dir);
    }

    /// Commits readings in batches of a hundred.
    async fn put(&mut self, readings: &[(u16, i64, f64)], reference: &mut Reference) {
        let mut batches = Vec::new();
        for some in readings.chunks(100) {
            let mut builder = BatchBuilder::new(MAX_BODY);
            for &(sensor, at, value) in some {
                let reading = Reading { sensor: SensorNo(sensor), at: UnixMillis(T0 + at), value };
                assert!(builder.push(&reading), "the batch is too large");
                reference.insert((sensor, at), value);
            }
            batches.push(Batch {
                id: BatchId { device: self.device, epoch: Epoch(1), seq: BatchSeq(self.seq) },
                lane: Lane::Live,
                received_at: UnixMillis(T0),
                payload: builder.finish(),
                series: some.iter().map(|reading| self.series[usize::from(reading.0)]).collect(),
                at: some.iter().map(|reading| UnixMillis(T0 + reading.1)).collect(),
                value: some.iter().map(|reading| reading.2).collect(),
            });
            self.seq += 1;
        }
        self.store.commit(Commit { batches, ..Commit::default() }).await.unwrap();
    }

    async fn ask(&self, edges: &[i64], group: Group, wanted: &Aggregates) -> Result<(Vec<Columns>, Tier), Error> {
        let buckets = Buckets { edges: edges.iter().copied().map(UnixMillis).collect() };
        let query = Query { series: self.series.clone(), buckets, group, wanted: wanted.clone(), kind: None };
        self.store.aggregate(query).await.map(|answer| (answer.results, answer.tier))
    }
}

fn open(dir: &tempfile::TempDir) -> Store {
    let key = SecretKey::load_or_create(dir.path()).unwrap();
    Store::open(&Config { dir: dir.path().to_owned(), ..Config::default() }, &key).unwrap()
}
