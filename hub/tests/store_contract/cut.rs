//! Days that begin on a half hour, where only summaries are left.

use telemetry_hub::store::{Aggregates, Buckets, Group, Query, Tier};

use super::scene::{DAY, Hub, T0};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Midnights of Kolkata, 18:30 UTC, relative to T0.
fn midnights() -> Vec<i64> {
    let first = T0.0.div_euclid(DAY) * DAY + 18 * HOUR + 30 * MINUTE;
    (0..4).map(|day| first + day * DAY - T0.0).collect()
}

/// A day of zeros, one of hundreds, one of zeros; a reading every so often, from `after` midnight on.
async fn three_days(every: i64, after: i64) -> Hub {
    let hub = Hub::new().await;
    let days = midnights();
    for (seq, day) in days.windows(2).enumerate() {
        let value = if seq == 1 { 100.0 } else { 0.0 };
        let readings: Vec<_> = (day[0] + after..day[1]).step_by(every as usize).map(|at| (0, at, value)).collect();
        hub.put(seq as u64, &readings).await;
    }
    hub
}

/// Counts, averages and maxima of some days, and what they were made from.
async fn ask(hub: &Hub, days: &[i64]) -> (Vec<u64>, Vec<f64>, Vec<f64>, Tier, bool) {
    let buckets = Buckets { edges: days.iter().map(|edge| T0.plus(*edge)).collect() };
    let mut answer = hub.aggregate(vec![hub.series[0]], buckets, Group::None).await;
    let columns = answer.results.remove(0);
    let all = |column: Vec<Option<f64>>| column.into_iter().flatten().collect();
    (columns.count, all(columns.avg), all(columns.max), answer.tier, answer.cut)
}

/// Whether an edge is said to cut a summary where only increases are asked for.
async fn is_cut_for_increases(hub: &Hub, days: &[i64]) -> bool {
    let buckets = Buckets { edges: days.iter().map(|edge| T0.plus(*edge)).collect() };
    let wanted = Aggregates { increase: true, ..Aggregates::default() };
    let query = Query { series: vec![hub.series[0]], buckets, group: Group::None, wanted, kind: None };
    hub.store.aggregate(query).await.unwrap().cut
}

#[tokio::test]
async fn days_that_begin_on_a_half_hour_are_exact_as_long_as_there_are_minutes_and_said_not_to_be_afterwards() {
    let (hub, days) = (three_days(20 * MINUTE, 0).await, midnights());
    let exact = |tier| (vec![72, 72, 72], vec![0.0, 100.0, 0.0], vec![0.0, 100.0, 0.0], tier, false);
    assert_eq!(ask(&hub, &days).await, exact(Tier::Raw));
    hub.store.tidy_as_of(T0.plus(20 * DAY)).await.unwrap();
    assert_eq!(ask(&hub, &days).await, exact(Tier::Minute));
    assert!(!is_cut_for_increases(&hub, &days).await);
    hub.store.tidy_as_of(T0.plus(120 * DAY)).await.unwrap();
    let (count, _, _, tier, cut) = ask(&hub, &days).await;
    assert_eq!((count, tier, cut), (vec![74, 72, 70], Tier::Hour, true));
    assert!(is_cut_for_increases(&hub, &days).await);
    // The same day has the same figures, whatever the range begins with.
    let (alone, .., cut) = ask(&hub, &days[1..]).await;
    assert_eq!((alone, cut), (vec![72, 70], true));
    // On full hours nothing is cut.
    let hours: Vec<i64> = days.iter().map(|day| day - 30 * MINUTE).collect();
    let (.., tier, cut) = ask(&hub, &hours).await;
    assert_eq!((tier, cut), (Tier::Hour, false));
    assert!(!is_cut_for_increases(&hub, &hours).await);
}

#[tokio::test]
async fn a_summary_counts_where_its_readings_lie() {
    // At a quarter to each hour: every reading of the hour that midnight cuts lies behind it.
    let (hub, days) = (three_days(HOUR, 15 * MINUTE).await, midnights());
    hub.store.tidy_as_of(T0.plus(120 * DAY)).await.unwrap();
    for begin in 0..3 {
        let values: Vec<f64> = [0.0, 100.0, 0.0][begin..].to_vec();
        let expected = (vec![24; 3 - begin], values.clone(), values, Tier::Hour, false);
        assert_eq!(ask(&hub, &days[begin..]).await, expected);
    }
    // What is sent again is still known.
    let again: Vec<_> = (0..24).map(|n| (0, days[1] + 15 * MINUTE + n * HOUR, 7.0)).collect();
    hub.put(9, &again).await;
    for begin in 0..2 {
        let (count, avg, _, _, cut) = ask(&hub, &days[begin..]).await;
        assert_eq!((count, &avg[1 - begin..], cut), (vec![24; 3 - begin], &[7.0, 0.0][..], false));
    }
}
