//! What is brought back from other files of a hub counts once, however many of them know it.

use std::path::PathBuf;

use telemetry_hub::model::reading::Batch;
use telemetry_hub::model::{SensorKind, SensorNo, UnixMillis};
use telemetry_hub::store::{Buckets, Commit, Group, Recovered, backup};

use crate::scene::{DAY, Hub, T0, new_device, open, sensor};

const HOUR: i64 = 3_600_000;

/// A reading a minute for a day, received on that day.
async fn a_day(hub: &Hub, day: i64) {
    let batches = (0..24).map(|hour| {
        let readings: Vec<_> =
            (0..60).map(|n| (0, day * DAY + hour * HOUR + n * 60_000, f64::from(n as i32))).collect();
        Batch { received_at: T0.plus(day * DAY), ..hub.batch((day * 24 + hour) as u64, &readings) }
    });
    hub.store.commit(Commit { batches: batches.collect(), ..Commit::default() }).await.unwrap();
}

async fn counted(hub: &Hub, step: i64) -> Vec<u64> {
    let start = T0.0.div_euclid(step) * step;
    let edges = (0..=40 * DAY / step).map(|n| UnixMillis(start + n * step)).collect();
    let answer = hub.aggregate(vec![hub.series[0]], Buckets { edges }, Group::None).await;
    answer.results[0].count.iter().copied().filter(|count| *count > 0).collect()
}

#[tokio::test]
async fn two_backups_of_one_hub_bring_back_every_reading_and_figure_once() {
    let old = Hub::new().await;
    let mut files: Vec<PathBuf> = Vec::new();
    for day in 0..20 {
        a_day(&old, day).await;
        // The first knows some days by figures, the second those and more, and both have readings.
        if day == 16 || day == 19 {
            old.store.tidy_as_of(T0.plus(day * DAY)).await.unwrap();
            let file = old.dir.path().join(format!("{day}.backup"));
            backup(old.dir.path(), &file, &mut |_, _| {}).unwrap();
            files.push(file);
        }
    }
    let all = (counted(&old, HOUR).await, counted(&old, 60_000).await);
    assert_eq!(all.0.iter().sum::<u64>(), 20 * 24 * 60);

    let new = Hub::new().await;
    for _ in 0..2 {
        for file in &files {
            new.store.recover(file).await.unwrap();
            new.store.make_blocks().await.unwrap();
        }
    }
    assert_eq!((counted(&new, HOUR).await, counted(&new, 60_000).await), all);
    assert!(new.store.recover(&files[0]).await.unwrap().done_before);
}

#[tokio::test]
async fn what_belongs_to_a_device_that_is_not_known_yet_waits_for_it() {
    let old = Hub::new().await;
    let device = old.store.adopt(new_device(7, "late")).await.unwrap();
    a_day(&old, 0).await;
    let file = old.dir.path().join("one.backup");
    backup(old.dir.path(), &file, &mut |_, _| {}).unwrap();
    let new = Hub::new().await;
    let first = new.store.recover(&file).await.unwrap();
    assert_eq!((first.readings, first.strangers), (24 * 60, vec![device.name.clone()]));
    new.store.adopt(new_device(7, "late")).await.unwrap();
    let again = new.store.recover(&file).await.unwrap();
    assert_eq!((again.readings, again.strangers, again.done_before), (0, Vec::new(), false));
    let done = Recovered { done_before: true, ..Recovered::default() };
    assert_eq!(new.store.recover(&file).await.unwrap(), done);
}

#[tokio::test]
async fn what_its_owner_said_a_sensor_is_comes_back_with_it() {
    let old = Hub::new().await;
    let meter = old.store.register_sensors(old.device.no, SensorNo(3), vec![sensor("meter")]).await.unwrap()[3];
    let series: Vec<_> = old.series.iter().copied().chain([meter]).collect();
    let batch = crate::scene::batch_of(old.device.no, &series, 0, &[(3, HOUR, 5.0), (0, HOUR, 1.0)]);
    old.store.commit(Commit { batches: vec![batch], ..Commit::default() }).await.unwrap();
    for sensor in ["meter", "a"] {
        old.store.set_kind(old.device.id, sensor.to_owned(), Some(SensorKind::Counter)).await.unwrap();
    }
    let file = old.dir.path().join("one.backup");
    backup(old.dir.path(), &file, &mut |_, _| {}).unwrap();

    let new = Hub::new().await;
    new.store.recover(&file).await.unwrap();
    let kinds: Vec<_> = (new.store.catalog().series_of(new.device.no))
        .map(|series| (series.sensor.clone(), series.kind, series.kind_by_owner))
        .filter(|(sensor, ..)| sensor == "meter" || sensor == "a")
        .collect();
    // What is here already stays as it is.
    let expected = [("a", SensorKind::Gauge, false), ("meter", SensorKind::Counter, true)];
    assert_eq!(kinds, expected.map(|(sensor, kind, by_owner)| (sensor.to_owned(), kind, by_owner)));
}

#[tokio::test]
async fn a_column_that_damage_gave_another_name_sets_the_file_aside() {
    // A letter, and bytes that are no text.
    for other in ["'lafels '", "CAST(x'e0ff62656c7320' AS TEXT)"] {
        renamed(other).await;
    }
}

async fn renamed(other: &str) {
    let mut hub = Hub::new().await;
    a_day(&hub, 0).await;
    // With a copy of who is who that knows the device.
    hub.restart().await;
    hub.store.clone().close().await.unwrap();
    let file = hub.dir.path().join("telemetry.db");
    let conn = rusqlite::Connection::open(&file).unwrap();
    let damage = format!(
        "PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql, 'labels ', {other}) WHERE name = 'device';"
    );
    conn.execute_batch(&damage).unwrap();
    drop(conn);
    hub.store = open(hub.dir.path(), None).unwrap();
    assert!(hub.store.catalog().device_by_id(hub.device.id).is_some(), "no need to adopt it again");
    let aside = hub.store.set_aside();
    assert_eq!(aside.len(), 1);
    assert_eq!(hub.store.recover(&aside[0]).await.unwrap().readings, 24 * 60);
    assert_eq!(counted(&hub, HOUR).await.iter().sum::<u64>(), 24 * 60);
}
