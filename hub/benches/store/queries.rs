//! What it takes to find a day of readings again.

use std::time::Instant;

use telemetry_hub::model::UnixMillis;
use telemetry_hub::model::reading::SeriesId;
use telemetry_hub::store::{Aggregates, Buckets, Group, Query, Store};

use crate::day::Day;
use crate::fleet::SENSORS;
use crate::quantiles;
use crate::table::Table;

/// In process, without HTTP.
pub(crate) async fn in_process(table: &mut Table, store: &Store, day: &Day) {
    let (from, to) = (day.from, day.to);
    let edges = |count: i64| Buckets { edges: (0..=count).map(|n| from.plus(to.since(from) * n / count)).collect() };
    let (mut latest, mut chart, mut hour, mut wide) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for n in 0..200 {
        let device = &day.series[n * 7 % day.series.len()];
        let began = Instant::now();
        assert!(store.latest(device).iter().all(Option::is_some));
        latest.push(began.elapsed());
        let one = vec![device[n % SENSORS]];
        let began = Instant::now();
        assert_eq!(store.aggregate(query(one, edges(500))).await.unwrap().results[0].count.len(), 500);
        chart.push(began.elapsed());
        let began = Instant::now();
        let start = from.plus((to.since(from) - 3_600_000).max(0) / 2);
        let page = store.readings(device[n % SENSORS], start, start.plus(3_600_000), 1_000).await.unwrap();
        assert!(!page.points.is_empty());
        hour.push(began.elapsed());
    }
    let one_kind: Vec<SeriesId> = day.series.iter().map(|device| device[0]).collect();
    // Five minutes of the clock, as `every=5m` has them, and their means.
    let fives = (from.0.div_euclid(300_000)..=to.0.div_euclid(300_000)).map(|n| UnixMillis(n * 300_000));
    let fives = Buckets { edges: fives.collect() };
    let mean = Aggregates { avg: true, ..Aggregates::default() };
    for _ in 0..50 {
        let began = Instant::now();
        let query = Query { wanted: mean.clone(), ..query(one_kind.clone(), fives.clone()) };
        store.aggregate(query).await.unwrap();
        wide.push(began.elapsed());
    }
    table.row("in process: latest of one device's sensors", "-", quantiles(&mut latest), "");
    table.row("in process: all of one series at 500 points", "-", quantiles(&mut chart), "");
    table.row("in process: raw 1 h of one series", "-", quantiles(&mut hour), "");
    table.row("in process: one kind of all devices in 5 min buckets, mean", "-", quantiles(&mut wide), "");
}

fn query(series: Vec<SeriesId>, buckets: Buckets) -> Query {
    Query { series, buckets, group: Group::None, wanted: Aggregates::usual(), kind: None }
}
