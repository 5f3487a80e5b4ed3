//! How long readings are kept: age counts from receipt, labels may shorten it, and a preview says what goes.

use std::time::Duration;

use telemetry_hub::model::device::{DevicePatch, Labels};
use telemetry_hub::model::reading::Batch;
use telemetry_hub::model::retention::{Ages, LabelAges, Preview, Retention};
use telemetry_hub::model::{SensorNo, UnixMillis};
use telemetry_hub::store::{Buckets, Commit, Group};

use super::scene::{DAY, Hub, T0, batch_of, new_device, sensor};

#[tokio::test]
async fn age_counts_from_receipt_whatever_the_devices_clock_says() {
    let hub = Hub::new().await;
    // A clock at 1970, a history of years ago, and one that runs ahead: all received at T0.
    let times = [-T0.0 + 5_000, -900 * DAY, 0, 400 * DAY];
    for (seq, at) in times.into_iter().enumerate() {
        hub.put(seq as u64, &[(0, at, seq as f64)]).await;
    }
    let all = async |hub: &Hub| {
        let page = hub.store.readings(hub.series[0], UnixMillis(i64::MIN), UnixMillis(i64::MAX), 10).await.unwrap();
        page.points.iter().map(|point| point.value).collect::<Vec<_>>()
    };
    hub.store.make_blocks().await.unwrap();
    hub.store.tidy_as_of(T0.plus(13 * DAY)).await.unwrap();
    assert_eq!(all(&hub).await, [0.0, 1.0, 2.0, 3.0]);
    // What comes into days that gave way already is kept as long as anything else.
    hub.store.tidy_as_of(T0.plus(16 * DAY)).await.unwrap();
    assert_eq!(all(&hub).await, Vec::<f64>::new());
    let late = Batch { received_at: T0.plus(16 * DAY), ..hub.batch(9, &[(0, 1_000, 9.0)]) };
    hub.store.commit(Commit { batches: vec![late], ..Commit::default() }).await.unwrap();
    hub.store.tidy_as_of(T0.plus(29 * DAY)).await.unwrap();
    assert_eq!(all(&hub).await, [9.0]);
    // By the hour everything is there for five years from its receipt, also what claims to be older.
    let counted = async |hub: &Hub| {
        let edges = vec![UnixMillis(0), T0.plus(500 * DAY).max(UnixMillis(0))];
        let edges = edges.into_iter().map(|edge| UnixMillis(edge.0 / 3_600_000 * 3_600_000)).collect();
        let answer = hub.aggregate(vec![hub.series[0]], Buckets { edges }, Group::All).await;
        answer.results[0].count[0]
    };
    hub.store.tidy_as_of(T0.plus(4 * 365 * DAY)).await.unwrap();
    assert_eq!(counted(&hub).await, 5);
    // Also what claimed to be of a year later.
    hub.store.tidy_as_of(T0.plus(8 * 365 * DAY)).await.unwrap();
    assert_eq!(counted(&hub).await, 0);
}

#[tokio::test]
async fn a_label_may_keep_its_devices_readings_shorter_and_a_preview_says_what_goes() {
    let hub = Hub::new().await;
    let lab = Labels::from([("site".to_owned(), "lab".to_owned())]);
    let other = hub.store.adopt(new_device(2, "other")).await.unwrap();
    let labelled = DevicePatch { labels: Some(lab.clone()), ..DevicePatch::default() };
    hub.store.patch_device(other.id, labelled, T0).await.unwrap();
    let series = hub.store.register_sensors(other.no, SensorNo(0), vec![sensor("a")]).await.unwrap();
    let readings: Vec<_> = (0..100).map(|n| (0, n * 1_000, f64::from(n as u32) / 10.0)).collect();
    hub.put(0, &readings).await;
    let batches = vec![batch_of(other.no, &series, 0, &readings)];
    hub.store.commit(Commit { batches, ..Commit::default() }).await.unwrap();
    hub.store.make_blocks().await.unwrap();

    let ages = |days: u64| Ages { raw: Some(Duration::from_hours(24 * days)), ..Ages::default() };
    let policy = Retention { ages: ages(14), by_label: vec![LabelAges { labels: lab, ages: ages(2) }], ..Retention::default() };
    let preview = |days| hub.store.preview_retention(policy.clone(), T0.plus(days * DAY));
    assert_eq!(preview(2).await.unwrap(), Preview::default());
    let short = preview(4).await.unwrap();
    assert_eq!((short.readings, short.minute_days), (100, 0));
    assert!(short.bytes > 50);
    assert_eq!(preview(16).await.unwrap().readings, 200);

    hub.store.set_retention(policy);
    hub.store.tidy_as_of(T0.plus(4 * DAY)).await.unwrap();
    assert_eq!(hub.values(0, 0, 1 << 40).await.len(), 100);
    let page = hub.store.readings(series[0], T0, T0.plus(DAY), 1_000).await.unwrap();
    assert_eq!(page.points, []);
    let edges = vec![T0.plus(-60_000), T0.plus(DAY)];
    let answer = hub.aggregate(series, Buckets { edges }, Group::All).await;
    assert_eq!(answer.results[0].count, [100]);
}
