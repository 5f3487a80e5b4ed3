//! What happens when room runs out: a full disk, a cap.

use std::time::Duration;

use telemetry_hub::model::reading::Batch;
use telemetry_hub::model::webhook::NewDelivery;
use telemetry_hub::model::{BatchSeq, SensorNo};
use telemetry_hub::store::{Buckets, Commit, Error, Group};

use crate::scene::{DAY, Hub, T0, batch_of, new_device, open, point, sensor, to};

#[tokio::test]
async fn a_full_disk_applies_nothing_says_so_and_recovers() {
    let hub = Hub::with(Some(2 << 20)).await;
    let webhook = hub.webhook().await;
    // Deliveries never give way to anything.
    let mut seq = 0;
    let error = loop {
        let reading = |n: i64| (0, (seq * 60 + n) * 1_000, (n * 7_919 % 1_000) as f64 / 3.0);
        let batch = hub.batch(seq as u64, &(0..60).map(reading).collect::<Vec<_>>());
        let batch = Batch { received_at: T0.plus((seq + 1) * 60_000), ..batch };
        let deliveries = vec![NewDelivery { body: vec![b' '; 64 << 10], ..to(&webhook, Some(seq as u64)) }];
        match hub.store.commit(Commit { batches: vec![batch], deliveries, ..Commit::default() }).await {
            Ok(_) => seq += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Full) && !error.is_fatal(), "{error}");
    assert!(hub.store.is_full());
    assert_eq!(hub.store.windows()[0].2.mark(), BatchSeq(seq as u64));
    assert_eq!(hub.store.latest(&hub.series)[0].map(|point| point.at), Some(T0.plus((seq * 60 - 1) * 1_000)));

    // Deleting makes room, and the store goes on as if nothing had been.
    hub.store.delete_webhook(webhook.id).await.unwrap();
    assert_eq!(hub.put(seq as u64, &[(0, seq * 60_000, 5.0)]).await, 1);
    assert!(!hub.store.is_full());
    assert_eq!(hub.store.latest(&hub.series)[0], Some(point(seq * 60_000, 5.0)));
}

/// Commits new batches, again and again when there was no room for two seconds, as devices do: on a disk that has other
/// work to do the oldest need longer to go, and until they have readings are refused at once.
async fn store_all(hub: &Hub, batches: Vec<Batch>) {
    let all = batches.len();
    for _ in 0..600 {
        match hub.store.commit(Commit { batches: batches.clone(), ..Commit::default() }).await {
            Err(Error::Full) => tokio::time::sleep(Duration::from_millis(100)).await,
            stored => return assert_eq!(stored.unwrap().fresh.len(), all),
        }
    }
    panic!("there was never room");
}

/// Readings without end under a cap: the files stay below it at every moment, all are taken, and what is newest is there;
/// what gave way is counted by its rollups.
#[tokio::test]
async fn a_capped_store_takes_readings_for_ever_and_lets_the_oldest_go() {
    const CAP: u64 = 6 << 20;
    let mut hub = Hub::with(Some(CAP)).await;
    let size = |hub: &Hub| -> u64 {
        let files = ["telemetry.db", "telemetry.db-wal", "telemetry.db-shm"].map(|file| hub.dir.path().join(file));
        files.iter().filter_map(|file| Some(std::fs::metadata(file).ok()?.len())).sum()
    };
    // Noise in every bit: nothing to compress.
    let value = |n: i64| {
        let mixed = (n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64 / 1e16
    };
    let mut seq = 0_i64;
    for round in 0..2 {
        // Twice the cap each round, in groups, as noisy as readings can be.
        for _ in 0..600 {
            let batches = (0..16).map(|n| {
                let reading = |k: i64| ((k % 3) as u16, ((seq + n) * 20 + k / 3) * 1_000, value((seq + n) * 60 + k));
                hub.batch((seq + n) as u64, &(0..60).map(reading).collect::<Vec<_>>())
            });
            store_all(&hub, batches.collect()).await;
            seq += 16;
            assert!(size(&hub) <= CAP, "round {round}, batch {seq}: {} bytes", size(&hub));
        }
        let last = seq * 20 * 1_000;
        assert_eq!(hub.values(0, last - 600_000, last).await.len(), 600, "the last ten minutes");
        let counted = async |hub: &Hub| {
            let edges = vec![T0.plus(-3_600_000), T0.plus(1 << 40)];
            let answer = hub.aggregate(hub.series.clone(), Buckets { edges }, Group::All).await;
            answer.results[0].count[0]
        };
        assert!(round == 0 || hub.store.stats().recycled_to.is_some(), "nothing had to go");
        assert_eq!(counted(&hub).await, seq as u64 * 60, "by rollups and readings together");
        hub.store.clone().close().await.unwrap();
        hub.store = open(hub.dir.path(), Some(CAP)).unwrap();
        assert_eq!(counted(&hub).await, seq as u64 * 60);
    }
}

/// A quiet device, and one that sends many times what the cap holds: the greedy one makes room for itself.
#[tokio::test]
async fn a_greedy_device_makes_room_with_its_own_readings() {
    const CAP: u64 = 6 << 20;
    let hub = Hub::with(Some(CAP)).await;
    let other = hub.store.adopt(new_device(2, "quiet")).await.unwrap();
    let series = hub.store.register_sensors(other.no, SensorNo(0), vec![sensor("a")]).await.unwrap();
    let value = |n: i64| {
        let mixed = (n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64 / 1e16
    };
    for seq in 0..100_i64 {
        let readings: Vec<_> = (0..60).map(|k| (0, (seq * 60 + k) * 1_000, value(seq * 60 + k))).collect();
        let batches = vec![batch_of(other.no, &series, seq as u64, &readings)];
        hub.store.commit(Commit { batches, ..Commit::default() }).await.unwrap();
    }
    hub.store.make_blocks().await.unwrap();
    for first in (0..9_600_i64).step_by(16) {
        let batches = (first..first + 16).map(|seq| {
            let reading = |k: i64| ((k % 3) as u16, (seq * 20 + k / 3) * 1_000, value(seq * 60 + k));
            hub.batch(seq as u64, &(0..60).map(reading).collect::<Vec<_>>())
        });
        store_all(&hub, batches.collect()).await;
    }
    assert!(hub.store.stats().recycled_to.is_some(), "nothing had to go");
    let page = hub.store.readings(series[0], T0, T0.plus(6_000 * 1_000), 10_000).await.unwrap();
    assert_eq!(page.points.len(), 6_000, "another sender pushed them out");
    let last = 9_600 * 20 * 1_000;
    assert_eq!(hub.values(0, last - 600_000, last).await.len(), 600, "the last ten minutes of the greedy one");
}

/// Less than there is already, readings that did not compress among it: the oldest go until it fits, and ingest goes on.
#[tokio::test]
async fn a_cap_below_what_is_there_makes_the_file_shrink_to_it() {
    const CAP: u64 = 2 << 20;
    let mut hub = Hub::new().await;
    let size = |hub: &Hub| std::fs::metadata(hub.dir.path().join("telemetry.db")).unwrap().len();
    let value = |n: i64| ((n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64 / 1e16;
    let put = async |hub: &Hub, seqs: std::ops::Range<u64>| {
        for first in seqs.step_by(16) {
            let batches = (first..first + 16).map(|seq| {
                let reading = |k: i64| (0, (seq as i64 * 60 + k) * 1_000, value(seq as i64 * 60 + k));
                hub.batch(seq, &(0..60).map(reading).collect::<Vec<_>>())
            });
            store_all(hub, batches.collect()).await;
        }
    };
    put(&hub, 0..16_000).await;
    hub.store.make_blocks().await.unwrap();
    hub.store.clone().close().await.unwrap();
    assert!(size(&hub) > CAP + CAP / 4, "{} bytes", size(&hub));
    hub.store = open(hub.dir.path(), Some(CAP)).unwrap();
    put(&hub, 16_000..16_160).await;
    hub.store.make_blocks().await.unwrap();
    hub.store.clone().close().await.unwrap();
    assert!(size(&hub) <= CAP, "{} bytes", size(&hub));
    hub.store = open(hub.dir.path(), Some(CAP)).unwrap();
    let edges = vec![T0.plus(-3_600_000), T0.plus(1 << 40)];
    let answer = hub.aggregate(vec![hub.series[0]], Buckets { edges }, Group::All).await;
    assert_eq!(answer.results[0].count, [16_160 * 60], "by figures and readings together");
}

#[tokio::test]
async fn a_deleted_device_leaves_no_figures_behind() {
    let hub = Hub::new().await;
    let other = hub.store.adopt(new_device(2, "other")).await.unwrap();
    let series = hub.store.register_sensors(other.no, SensorNo(0), vec![sensor("a")]).await.unwrap();
    for day in 0..40 {
        let readings = [(0, day * DAY, 1.0)];
        hub.put(day as u64, &readings).await;
        let batches = vec![batch_of(other.no, &series, day as u64, &readings)];
        hub.store.commit(Commit { batches, ..Commit::default() }).await.unwrap();
    }
    hub.store.tidy_as_of(T0.plus(20 * DAY)).await.unwrap();
    let rows = || {
        let conn = rusqlite::Connection::open(hub.dir.path().join("telemetry.db")).unwrap();
        let count = |table: &str| {
            conn.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap()
        };
        (count("minutes"), count("hours"))
    };
    assert_eq!(rows(), (80, 14));
    hub.store.delete_device(hub.device.id).await.unwrap();
    assert_eq!(rows(), (40, 7));
    let edges = vec![T0.plus(-DAY), T0.plus(90 * DAY)];
    let answer = hub.aggregate(series, Buckets { edges }, Group::All).await;
    assert_eq!(answer.results[0].count, [40]);
}
