//! Readings that gave way to figures: whatever comes late or again, before a fold, behind it or while minutes become hours,
//! each counts once. How far that goes for what is sent again is said in `store/rollup/again.rs`; this is what is promised.

use std::collections::BTreeMap;

use proptest::prelude::*;
use telemetry_hub::model::UnixMillis;
use telemetry_hub::model::reading::Batch;
use telemetry_hub::store::{Aggregates, Buckets, Columns, Commit, Group, Query, Tier};

use super::scene::{DAY, Hub, T0};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;

/// Consecutive readings of one sensor: milliseconds between the stretch before and its first, between two of them, and how
/// many.
type Stretch = (u16, i64, i64, usize);

/// What happens, one after the other.
#[derive(Debug, Clone)]
enum Event {
    /// A stretch comes, for the first time, or as it is.
    Send(usize),
    /// A part of one comes again, from here to there in per cent; with other values, as far as nothing of it was folded.
    Again(usize, u8, u8, bool),
    /// Days pass, and what grew too old goes.
    Days(i64),
    /// Everything is made into blocks.
    Blocks,
    /// The hub is started anew.
    Restart,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0_usize..6).prop_map(Event::Send),
        3 => (0_usize..6, 0_u8..100, 0_u8..=100, any::<bool>()).prop_map(|(n, from, to, new)| Event::Again(n, from, to, new)),
        3 => (1_i64..20).prop_map(Event::Days),
        1 => Just(Event::Days(100)),
        1 => Just(Event::Blocks),
        1 => Just(Event::Restart),
    ];
    prop::collection::vec(event, 1..16)
}

/// A reading as it should count.
#[derive(Debug, Clone, Copy)]
struct Known {
    value: f64,
    /// When it came first, and last, in days.
    first: i64,
    last: i64,
}

/// A hub, and what it was told.
struct Told {
    hub: Hub,
    /// By sensor and time.
    readings: BTreeMap<(u16, i64), Known>,
    day: i64,
    seq: u64,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn each_reading_counts_once_whenever_it_comes_late_or_again(
        // Longer than a bucket: a minute, or an hour once minutes are gone.
        by_hours in any::<bool>(),
        stretches in prop::collection::vec((0_u16..3, 1_i64..200_000, 500_i64..40_000, 2_usize..40), 1..6),
        events in events(),
        group in prop::sample::select(vec![Group::None, Group::All]),
        (first, length) in (0_i64..90, 1_i64..90),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let bucket = if by_hours { HOUR } else { MINUTE };
            let stretches = lay_out(&stretches, bucket);
            let mut told = Told { hub: Hub::new().await, readings: BTreeMap::new(), day: 0, seq: 0 };
            for event in events {
                told.happens(&event, &stretches, bucket).await;
            }
            for bucket in if by_hours { vec![HOUR] } else { vec![MINUTE, HOUR] } {
                let start = T0.0.div_euclid(HOUR) * HOUR - T0.0;
                let first = if bucket == HOUR { first % 6 } else { first };
                let edges: Vec<i64> = (first..=first + length).map(|n| start + n * bucket).collect();
                told.check(&edges, group).await?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}

/// The readings of stretches that follow each other, sensor by sensor; each reaches over the end of a bucket.
fn lay_out(stretches: &[Stretch], bucket: i64) -> Vec<Vec<(u16, i64)>> {
    let mut ends = [0_i64; 3];
    let readings = |&(sensor, gap, step, count): &Stretch| {
        let end = &mut ends[usize::from(sensor)];
        let count = count.max((bucket / step) as usize + 2);
        let first = *end + gap;
        *end = first + step * (count as i64 - 1);
        (0..count as i64).map(|n| (sensor, first + n * step)).collect()
    };
    stretches.iter().map(readings).collect()
}

impl Told {
    async fn happens(&mut self, event: &Event, stretches: &[Vec<(u16, i64)>], bucket: i64) {
        match *event {
            Event::Send(n) => {
                let stretch = &stretches[n % stretches.len()];
                let of = |(sensor, at): (u16, i64)| f64::from(sensor) + at as f64 / 1e4;
                self.send(stretch, |known, reading| known.unwrap_or_else(|| of(reading))).await;
            }
            Event::Again(n, from, to, new) => {
                let stretch = &stretches[n % stretches.len()];
                if stretch.iter().any(|reading| !self.readings.contains_key(reading)) {
                    return;
                }
                let (from, to) =
                    (from.min(to) as usize * stretch.len() / 100, from.max(to) as usize * stretch.len() / 100);
                let part = &stretch[from..to.max(from + 1).min(stretch.len())];
                if part[part.len() - 1].1 - part[0].1 < bucket {
                    return;
                }
                let whole = part.iter().all(|reading| self.readings[reading].first >= self.day - 14);
                let change = if new && whole { 0.5 } else { 0.0 };
                self.send(part, |known, _| known.unwrap_or_default() + change).await;
            }
            // Minutes are gone after ninety days: then what comes again has to be longer than an hour.
            Event::Days(days) if bucket == MINUTE && self.day + days > 85 => {}
            Event::Days(days) => {
                self.day += days;
                self.hub.store.tidy_as_of(T0.plus(self.day * DAY)).await.unwrap();
            }
            Event::Blocks => self.hub.store.make_blocks().await.unwrap(),
            Event::Restart => self.hub.restart().await,
        }
    }

    async fn send(&mut self, readings: &[(u16, i64)], value: impl Fn(Option<f64>, (u16, i64)) -> f64) {
        let mut batches = Vec::new();
        for part in readings.chunks(50) {
            let mut body = Vec::new();
            for &reading in part {
                let known = self.readings.get(&reading);
                let first = known.map_or(self.day, |known| known.first);
                let value = value(known.map(|known| known.value), reading);
                self.readings.insert(reading, Known { value, first, last: self.day });
                body.push((reading.0, reading.1, value));
            }
            batches.push(Batch { received_at: T0.plus(self.day * DAY), ..self.hub.batch(self.seq, &body) });
            self.seq += 1;
        }
        self.hub.store.commit(Commit { batches, ..Commit::default() }).await.unwrap();
    }

    async fn check(&self, edges: &[i64], group: Group) -> Result<(), TestCaseError> {
        let wanted = Aggregates { percentiles: vec![50.0], ..Aggregates::usual() };
        for wanted in [Aggregates::usual(), wanted] {
            let buckets = Buckets { edges: edges.iter().map(|edge| T0.plus(*edge)).collect() };
            let query = Query { series: self.hub.series.clone(), buckets, group, wanted, kind: None };
            let answer = self.hub.store.aggregate(query).await.unwrap();
            for (n, columns) in answer.results.iter().enumerate() {
                for bucket in 0..edges.len() - 1 {
                    let counts = |sensor: u16| group == Group::All || usize::from(sensor) == n;
                    let within = |at: i64| edges[bucket] <= at && at < edges[bucket + 1];
                    let known = self.readings.iter().filter(|((sensor, at), _)| counts(*sensor) && within(*at));
                    self.check_bucket(columns, bucket, known.map(|((_, at), known)| (*at, *known)).collect())?;
                }
            }
        }
        Ok(())
    }

    fn check_bucket(&self, columns: &Columns, n: usize, mut known: Vec<(i64, Known)>) -> Result<(), TestCaseError> {
        known.sort_by_key(|(at, _)| *at);
        let values: Vec<f64> = known.iter().map(|(_, known)| known.value).collect();
        prop_assert_eq!(columns.count[n], values.len() as u64, "bucket {} on day {}", n, self.day);
        prop_assert_eq!(columns.min[n], values.iter().copied().reduce(f64::min));
        prop_assert_eq!(columns.max[n], values.iter().copied().reduce(f64::max));
        let near = |a: Option<f64>, b: Option<f64>| a.zip(b).map_or(a == b, |(a, b)| (a - b).abs() < 1e-6);
        let avg = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        prop_assert!(near(columns.avg[n], avg), "{:?} {avg:?}", columns.avg[n]);
        // Of several sensors two readings may have one time.
        if known.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            prop_assert_eq!(columns.first[n], values.first().copied());
            prop_assert_eq!(columns.last[n], values.last().copied());
        }
        if let Some(median) = columns.percentiles.first().map(|column| column[n]) {
            let folded = |day: i64| day < self.day - 14;
            let (raw, gone) = (known.iter().all(|(_, k)| !folded(k.first)), known.iter().any(|(_, k)| folded(k.last)));
            prop_assert!(median.is_none() || near(median, naive_median(&values)), "{median:?} of {values:?}");
            prop_assert!(!raw || median.is_none() == values.is_empty(), "all of it is there");
            prop_assert!(!gone || median.is_none(), "{median:?}: some of it is gone");
        }
        Ok(())
    }
}

fn naive_median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (below, above) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some((below + above) / 2.0)
}

#[tokio::test]
async fn what_came_again_as_a_whole_counts_with_the_values_it_has_now() {
    let hub = Hub::new().await;
    let start = (T0.0.div_euclid(HOUR) + 1) * HOUR - T0.0;
    let readings = |value: f64| (0..120).map(|n| (0, start + n * 1_000, value)).collect::<Vec<_>>();
    hub.put(0, &readings(1.0)).await;
    hub.store.tidy_as_of(T0.plus(20 * DAY)).await.unwrap();
    let again = Batch { received_at: T0.plus(20 * DAY), ..hub.batch(1, &readings(3.0)) };
    hub.store.commit(Commit { batches: vec![again], ..Commit::default() }).await.unwrap();
    let ask = async || {
        let edges = (0..=60).map(|n| T0.plus(start + n * MINUTE)).collect();
        let answer = hub.aggregate(vec![hub.series[0]], Buckets { edges }, Group::None).await;
        let columns = &answer.results[0];
        (answer.tier, columns.count[..3].to_vec(), columns.avg[..3].to_vec())
    };
    let expected = (vec![60, 60, 0], vec![Some(3.0), Some(3.0), None]);
    assert_eq!(ask().await, (Tier::Raw, expected.0.clone(), expected.1.clone()));
    // And when it gives way itself.
    hub.store.tidy_as_of(T0.plus(40 * DAY)).await.unwrap();
    assert_eq!(ask().await, (Tier::Minute, expected.0, expected.1));
    let edges = vec![T0.plus(start), T0.plus(start + HOUR)];
    let answer = hub.aggregate(vec![hub.series[0]], Buckets { edges }, Group::None).await;
    assert_eq!((answer.tier, &answer.results[0].count[..]), (Tier::Hour, &[120][..]));
}

#[tokio::test]
async fn a_correction_counts_once_while_the_reading_it_corrects_is_folded() {
    let hub = Hub::new().await;
    let start = (T0.0.div_euclid(HOUR) + 1) * HOUR - T0.0;
    let put = async |seq, day: i64, readings: &[(u16, i64, f64)]| {
        let batch = Batch { received_at: T0.plus(day * DAY), ..hub.batch(seq, readings) };
        hub.store.commit(Commit { batches: vec![batch], ..Commit::default() }).await.unwrap();
    };
    put(0, 0, &(0..10).map(|n| (0, start + n * 1_000, 1.0)).collect::<Vec<_>>()).await;
    hub.store.make_blocks().await.unwrap();
    // One in the middle of the minute, from which nothing tells that it is there already.
    put(1, 10, &[(0, start + 5_000, 7.0)]).await;
    put(2, 11, &[(0, start + 6_000, 8.0)]).await;
    for day in [12, 20, 24, 30, 60] {
        hub.store.tidy_as_of(T0.plus(day * DAY)).await.unwrap();
        let edges = [0, MINUTE].map(|at| T0.plus(start + at)).to_vec();
        let answer = hub.aggregate(vec![hub.series[0]], Buckets { edges }, Group::None).await;
        let columns = &answer.results[0];
        assert_eq!((columns.count[0], columns.avg[0]), (10, Some(2.3)), "day {day}");
    }
}

#[tokio::test]
async fn times_at_the_ends_of_the_calendar_are_folded_like_others() {
    let hub = Hub::new().await;
    let last = 253_402_207_200_000;
    let times = [-last, -1, 0, last];
    hub.put(0, &times.map(|at| (0, at - T0.0, 1e308))).await;
    for day in [0, 20, 120] {
        hub.store.tidy_as_of(T0.plus(day * DAY)).await.unwrap();
        let edges =
            [-last - HOUR, -HOUR, HOUR, last + 2 * HOUR].map(|at| UnixMillis(at.div_euclid(HOUR) * HOUR)).to_vec();
        let answer = hub.aggregate(vec![hub.series[0]], Buckets { edges }, Group::None).await;
        assert_eq!(answer.results[0].count, [1, 2, 1], "day {day}");
        // Two of the largest numbers are more than there is a number for; each by itself is what it is.
        assert_eq!(answer.results[0].max, [Some(1e308); 3], "day {day}");
    }
}
