//! A counter's increase is the same whatever holds its readings: journal, blocks, minutes, hours, any mixture of them; and
//! whichever buckets are asked for, neighbours add up to the whole, to the last digit.

use std::collections::BTreeMap;

use proptest::prelude::*;
use telemetry_hub::counter::{Amount, Machine, Mark, Share, Shares};
use telemetry_hub::model::reading::{Batch, Point, SeriesId};
use telemetry_hub::model::{SensorKind, SensorNo, UnixMillis};
use telemetry_hub::store::{Aggregates, Buckets, Commit, Group, Query, Tier};

use super::scene::{DAY, Hub, T0, sensor};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;
/// On a full hour.
const START: i64 = 1_700_002_800_000 - T0.0;

/// A counter as the fourth sensor, and what it showed.
struct Meter {
    hub: Hub,
    series: SeriesId,
    readings: BTreeMap<i64, f64>,
    day: i64,
    seq: u64,
}

impl Meter {
    async fn new() -> Self {
        let hub = Hub::new().await;
        let meter = telemetry_hub::model::SensorSpec { kind: SensorKind::Counter, ..sensor("meter") };
        let series = hub.store.register_sensors(hub.device.no, SensorNo(3), vec![meter]).await.unwrap()[3];
        Self { hub, series, readings: BTreeMap::new(), day: 0, seq: 0 }
    }

    async fn send(&mut self, readings: &[(i64, f64)]) {
        for some in readings.chunks(50) {
            let all: Vec<SeriesId> = self.hub.series.iter().copied().chain([self.series]).collect();
            let body: Vec<(u16, i64, f64)> = some.iter().map(|&(at, value)| (3, at, value)).collect();
            let batch = super::scene::batch_of(self.hub.device.no, &all, self.seq, &body);
            let batch = Batch { received_at: T0.plus(self.day * DAY), ..batch };
            self.hub.store.commit(Commit { batches: vec![batch], ..Commit::default() }).await.unwrap();
            self.readings.extend(some.iter().copied());
            self.seq += 1;
        }
    }

    async fn pass(&mut self, days: i64) {
        self.day += days;
        self.hub.store.tidy_as_of(T0.plus(self.day * DAY)).await.unwrap();
    }

    async fn increase(&self, edges: &[i64]) -> (Vec<Option<f64>>, Tier) {
        let buckets = Buckets { edges: edges.iter().map(|edge| T0.plus(*edge)).collect() };
        let wanted = Aggregates { increase: true, ..Aggregates::default() };
        let query = Query { series: vec![self.series], buckets, group: Group::None, wanted, kind: None };
        let answer = self.hub.store.aggregate(query).await.unwrap();
        (answer.results[0].increase.clone(), answer.tier)
    }

    /// By the machine, with every reading.
    fn expected(&self, edges: &[i64]) -> Vec<Option<f64>> {
        let edges: Vec<UnixMillis> = edges.iter().map(|edge| T0.plus(*edge)).collect();
        let (mut machine, mut shares) = (Machine::new(true), Shares::new(&edges));
        let mut take = |mark: Mark| shares.take(mark);
        for (&at, &value) in &self.readings {
            machine.take(Point { at: T0.plus(at), value }, &mut take);
        }
        machine.finish(&mut take);
        shares.finish().iter().map(Share::increase).collect()
    }

    async fn check(&self, edges: &[i64]) -> Result<(), TestCaseError> {
        let (found, tier) = self.increase(edges).await;
        prop_assert_eq!(&found, &self.expected(edges), "{:?} on day {} by {:?}", tier, self.day, edges);
        let (whole, _) = self.increase(&[edges[0], edges[edges.len() - 1]]).await;
        let sum = found.iter().flatten().fold(Amount::ZERO, |sum, part| sum + Amount::of(*part));
        prop_assert_eq!(sum.value(), whole[0].unwrap_or_default());
        for (pair, part) in edges.windows(2).zip(&found) {
            prop_assert_eq!(&self.increase(pair).await.0[0], part, "{:?} alone", pair);
        }
        Ok(())
    }
}

/// How many readings, how many seconds apart, by how many tenths it grows each time, and what happens at the end.
type Run = (usize, i64, u32, Happening);

#[derive(Debug, Clone)]
enum Happening {
    Nothing,
    BlipsDown(usize),
    BlipUp,
    Restart,
    Gap(i64),
}

fn runs() -> impl Strategy<Value = Vec<Run>> {
    let happening = prop_oneof![
        Just(Happening::Nothing),
        (1_usize..3).prop_map(Happening::BlipsDown),
        Just(Happening::BlipUp),
        Just(Happening::Restart),
        (60_i64..40_000).prop_map(Happening::Gap),
    ];
    let runs = prop::collection::vec((12_usize..120, 1_i64..90, 0_u32..9, happening), 1..6);
    // What happens last is found out by what follows.
    runs.prop_map(|runs| [runs, vec![(12, 10, 1, Happening::Nothing)]].concat())
}

fn readings(runs: &[Run]) -> Vec<(i64, f64)> {
    let (mut at, mut tenths, mut readings) = (START, 37_370_i64, Vec::new());
    for (count, step, more, happening) in runs {
        let mut push = |value: f64| {
            at += step * 1_000;
            readings.push((at, value));
        };
        for n in 0..*count {
            // The first few of a run grow, so that what happened before is over.
            tenths += i64::from((*more).max(u32::from(n < 6)));
            push(tenths as f64 / 10.0);
        }
        match happening {
            Happening::Nothing => {}
            Happening::BlipsDown(count) => (0..*count).for_each(|_| push(0.0)),
            Happening::BlipUp => push(9_999_999.0),
            Happening::Restart => tenths = 0,
            Happening::Gap(seconds) => at += seconds * 1_000,
        }
    }
    readings
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn an_increase_is_the_same_from_whatever_it_is_made(
        runs in runs(),
        parts in prop::collection::vec((1_usize..200, prop::sample::select(vec![0_i64, 0, 3, 20])), 1..4),
        (first, length, width) in (0_i64..20, 1_i64..8, prop::sample::select(vec![MINUTE, 7 * MINUTE, HOUR, 5 * HOUR])),
        blocks in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut meter = Meter::new().await;
            let readings = readings(&runs);
            let mut rest = readings.as_slice();
            for (count, days) in parts {
                let (some, later) = rest.split_at(count.min(rest.len()));
                meter.send(some).await;
                rest = later;
                meter.pass(days).await;
            }
            meter.send(rest).await;
            if blocks {
                meter.hub.store.make_blocks().await.unwrap();
            }
            let edges: Vec<i64> = (first..=first + length).map(|n| START + n * width).collect();
            let hours: Vec<i64> = (first..=first + length).map(|n| START + n * HOUR).collect();
            for (days, edges) in [(0, &edges), (20, &edges), (100, &hours)] {
                meter.pass(days).await;
                meter.check(edges).await?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}

#[tokio::test]
async fn what_a_meter_that_blinked_counted_stays_when_hours_are_left() {
    let mut meter = Meter::new().await;
    let mut all: Vec<(i64, f64)> = (0..240).map(|n| (START + n * MINUTE, 3_737.0 + n as f64 / 2.0)).collect();
    (all[30].1, all[59].1, all[60].1, all[150].1) = (0.0, 373.7, 0.0, 9e9);
    all.extend((0..60).map(|n| (START + (240 + n) * MINUTE, n as f64 / 2.0)));
    meter.send(&all).await;
    let edges: Vec<i64> = (0..=5).map(|n| START + n * HOUR).collect();
    let expected = [30.0, 30.0, 30.0, 29.5, 29.5].map(Some);
    for (days, tier) in [(0, Tier::Raw), (20, Tier::Minute), (100, Tier::Hour)] {
        meter.pass(days).await;
        assert_eq!(meter.increase(&edges).await, (expected.to_vec(), tier));
    }
    // What comes late, where all the rest is figures of hours, is neither lost nor counted twice.
    meter.send(&[(START + 90 * MINUTE + 7, 3_782.0)]).await;
    assert_eq!(meter.increase(&edges).await.0, expected);
    meter.pass(20).await;
    assert_eq!(meter.increase(&edges).await, (expected.to_vec(), Tier::Hour));
}
