//! What a commit is: all of it or nothing, once, and there after a restart.

use std::collections::BTreeMap;

use telemetry_hub::model::device::DevicePatch;
use telemetry_hub::model::{BatchSeq, Epoch};
use telemetry_hub::store::{Commit, Error, Floor};

use super::scene::{Hub, T0, new_device};

#[tokio::test]
async fn a_batch_committed_twice_is_stored_once() {
    let hub = Hub::new().await;
    let batch = hub.batch(0, &[(0, 0, 1.0), (0, 1_000, 2.0)]);
    let twice = Commit { batches: vec![batch.clone(), batch.clone()], ..Commit::default() };
    assert_eq!(hub.store.commit(twice.clone()).await.unwrap().fresh, [batch.id]);
    assert_eq!(hub.store.commit(twice).await.unwrap().fresh, []);
    assert_eq!(hub.values(0, 0, 10_000).await, [1.0, 2.0]);
    let stats = hub.store.stats();
    assert_eq!((stats.readings_total, stats.batches_total, stats.repeats_total), (2, 1, 3));
}

#[tokio::test]
async fn a_store_is_checked_at_its_start_and_whenever_it_is_asked_to() {
    let hub = Hub::new().await;
    let first = hub.store.stats().checked.unwrap();
    hub.store.clone().keep_checking(async {}).await.unwrap();
    let kept = hub.store.setting("checked").await.unwrap();
    assert_eq!(kept, Some(first.at.0.to_string().into_bytes()), "the next start goes on counting from there");
    hub.put(0, &[(0, 0, 1.0)]).await;
    let again = hub.store.check().await.unwrap();
    assert!(first.whole && again.whole && again.at >= first.at);
    assert_eq!(hub.store.stats().checked, Some(again));
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let hub = Hub::new().await;
    let other = hub.store.clone();
    hub.store.close().await.unwrap();
    let error = other.commit(Commit::default()).await.unwrap_err();
    assert!(matches!(error, Error::Closed) && error.is_fatal());
}

#[tokio::test]
async fn windows_and_floors_survive_a_restart() {
    let mut hub = Hub::new().await;
    let id = hub.device.no;
    hub.put(0, &[(0, 0, 1.0)]).await;
    hub.put(7, &[(0, 1_000, 1.0)]).await;
    let floor = Floor { device: id, epoch: Epoch(1), below: BatchSeq(4) };
    hub.store.commit(Commit { floors: vec![floor], ..Commit::default() }).await.unwrap();
    hub.restart().await;
    let windows = hub.store.windows();
    assert_eq!((windows.len(), windows[0].0, windows[0].1), (1, id, Epoch(1)));
    assert_eq!((windows[0].2.mark(), windows[0].2.islands()), (BatchSeq(4), &[(7, 8)][..]));
    assert_eq!(hub.put(7, &[(0, 1_000, 1.0)]).await, 0);
    assert_eq!(hub.put(2, &[(0, 2_000, 1.0)]).await, 0);
    assert_eq!(hub.put(5, &[(0, 3_000, 1.0)]).await, 1);
}

#[tokio::test]
async fn windows_outlive_the_journal_rows_that_tell_of_them() {
    let mut hub = Hub::new().await;
    // No row of the journal tells of it.
    assert_eq!(hub.put(5, &[]).await, 1);
    for seq in [0, 1, 3] {
        hub.put(seq, &[(0, seq as i64, 1.0)]).await;
    }
    hub.store.make_blocks().await.unwrap();
    hub.put(7, &[(0, 7, 1.0)]).await;
    for _ in 0..2 {
        hub.restart().await;
        let windows = hub.store.windows();
        assert_eq!((windows.len(), windows[0].2.mark()), (1, BatchSeq(2)));
        assert_eq!(windows[0].2.islands(), [(3, 4), (5, 6), (7, 8)]);
        for seq in [0, 1, 3, 5, 7] {
            assert_eq!(hub.put(seq, &[(0, seq as i64, 2.0)]).await, 0, "{seq} is stored twice");
        }
    }
    assert_eq!(hub.values(0, 0, 10).await, [1.0; 4]);
}

#[tokio::test]
async fn a_write_that_fails_does_not_hurt_its_group() {
    let mut hub = Hub::new().await;
    let other = hub.store.adopt(new_device(2, "other")).await.unwrap();
    let taken = DevicePatch { name: Some("pump".to_owned()), ..DevicePatch::default() };
    let batch = hub.batch(0, &[(0, 0, 1.0)]);
    let notes = Some("in the cellar".to_owned());
    let labels = DevicePatch { labels: Some(BTreeMap::new()), notes, ..DevicePatch::default() };
    let (bad, good, commit) = tokio::join!(
        hub.store.patch_device(other.id, taken, T0),
        hub.store.patch_device(hub.device.id, labels, T0),
        hub.store.commit(Commit { batches: vec![batch], ..Commit::default() }),
    );
    assert!(matches!(bad, Err(Error::Conflict { field: "name", .. })));
    assert_eq!(good.unwrap().name, "pump");
    assert_eq!(commit.unwrap().fresh.len(), 1);
    assert_eq!(hub.store.catalog().device_by_name("other").map(|device| device.no), Some(other.no));
    hub.restart().await;
    assert_eq!(hub.store.catalog().device_by_name("pump").unwrap().notes, "in the cellar");
}
