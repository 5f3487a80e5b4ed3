//! Readings come back as they were sent: in order, in journal and blocks, and the last of each series at once.

use telemetry_hub::model::reading::SeriesId;
use telemetry_hub::model::{SensorNo, UnixMillis};

use super::scene::{Hub, new_device, point, sensor};

#[tokio::test]
async fn pages_go_through_all_readings_in_order_however_they_came() {
    let mut hub = Hub::new().await;
    // 3,000 readings, ten a batch, half of them late; one batch a day wide, and one time given twice.
    let times: Vec<i64> = (0..3_000).map(|n| n * 1_000).collect();
    let (late, live): (Vec<&[i64]>, Vec<&[i64]>) = times.chunks(10).partition(|chunk| chunk[0] % 20_000 == 0);
    for (seq, chunk) in live.into_iter().chain(late).enumerate() {
        let readings: Vec<_> = chunk.iter().map(|&at| (0, at, at as f64)).collect();
        hub.put(seq as u64, &readings).await;
    }
    hub.put(900, &[(0, 500, -1.0), (0, 86_000_000, -2.0)]).await;
    hub.put(901, &[(0, 2_000, 9.0)]).await;
    let mut expected: Vec<f64> = times.iter().map(|&at| at as f64).collect();
    expected[2] = 9.0;
    expected.insert(1, -1.0);
    expected.push(-2.0);
    for restarted in [false, true] {
        let (mut from, mut values) = (UnixMillis(i64::MIN), Vec::new());
        loop {
            let page = hub.store.readings(hub.series[0], from, UnixMillis(i64::MAX), 700).await.unwrap();
            values.extend(page.points.iter().map(|point| point.value));
            from = page.points.last().unwrap().at.plus(1);
            if !page.more {
                break;
            }
            assert_eq!(page.points.len(), 700);
        }
        assert_eq!(values, expected, "restarted: {restarted}");
        hub.restart().await;
    }
}

#[tokio::test]
async fn latest_is_right_after_a_restart_also_for_a_silent_sensor() {
    let mut hub = Hub::new().await;
    hub.put_at(5_000, 0, &[(1, 5_000, 42.0)]).await;
    hub.restart().await;
    for seq in 1..50 {
        let at = seq as i64 * 10_000;
        hub.put_at(at, seq, &[(0, at, seq as f64)]).await;
    }
    hub.put_at(500_000, 50, &[(1, 1_000, -1.0)]).await;
    hub.restart().await;
    hub.restart().await;
    let latest = hub.store.latest(&[hub.series[0], hub.series[1], hub.series[2], SeriesId(999)]);
    assert_eq!(latest, [Some(point(490_000, 49.0)), Some(point(5_000, 42.0)), None, None]);
    assert_eq!(hub.values(1, 0, 10_000).await, [-1.0, 42.0]);
}

#[tokio::test]
async fn blocks_take_the_journals_place_and_nothing_is_lost() {
    let mut hub = Hub::new().await;
    for seq in 0..50 {
        let at = seq as i64 * 10_000;
        hub.put(seq, &[(0, at, 21.5), (1, at, seq as f64 / 3.0), (0, at + 5_000, 21.6)]).await;
    }
    let before = (hub.values(0, 0, 500_000).await, hub.values(1, 0, 500_000).await);
    hub.store.make_blocks().await.unwrap();
    let stats = hub.store.stats();
    assert_eq!((stats.journal_rows, stats.journal_bytes), (0, 0));
    assert_eq!((hub.values(0, 0, 500_000).await, hub.values(1, 0, 500_000).await), before);
    let latest = hub.store.latest(&hub.series);
    // A row number is never used twice: what comes after a restart is not taken for what is in blocks.
    hub.restart().await;
    assert_eq!(hub.store.latest(&hub.series), latest);
    assert_eq!(hub.put(49, &[(0, 0, 1.0)]).await, 0);
    hub.put(50, &[(0, 0, -1.0), (2, 7, 7.0)]).await;
    hub.restart().await;
    assert_eq!(hub.values(0, 0, 5_001).await, [-1.0, 21.6]);
    hub.store.make_blocks().await.unwrap();
    assert_eq!(hub.values(0, 0, 5_001).await, [-1.0, 21.6]);
    assert_eq!(hub.values(2, 0, 500_000).await, [7.0]);
    hub.store.delete_device(hub.device.id).await.unwrap();
    let again = hub.store.adopt(new_device(1, "pump")).await.unwrap();
    let series = hub.store.register_sensors(again.no, SensorNo(0), vec![sensor("a")]).await.unwrap();
    let page = hub.store.readings(series[0], UnixMillis(i64::MIN), UnixMillis(i64::MAX), 10).await.unwrap();
    assert_eq!(page.points, []);
}

#[tokio::test]
async fn numbers_of_every_size_come_back_to_the_bit() {
    let mut hub = Hub::new().await;
    let values = [-0.0, 0.0, 5e-324, -2.2e-308, f64::MAX, f64::MIN, 0.1 + 0.2, 1e22, -1e-22, 9_007_199_254_740_993.0];
    let readings: Vec<_> = (0..).zip(values).map(|(n, value)| (0, n * 1_000, value)).collect();
    hub.put(0, &readings).await;
    hub.put(1, &[(1, 0, -0.0), (1, 1_000, 1.5), (2, 0, 7.0)]).await;
    for blocks in [false, true, true] {
        let bits = |values: Vec<f64>| values.into_iter().map(f64::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(hub.values(0, 0, 100_000).await), bits(values.to_vec()), "in blocks: {blocks}");
        assert_eq!(bits(hub.values(1, 0, 100_000).await), bits(vec![-0.0, 1.5]), "in blocks: {blocks}");
        assert_eq!(hub.values(2, 0, 100_000).await, [7.0]);
        hub.store.make_blocks().await.unwrap();
        hub.restart().await;
    }
}
