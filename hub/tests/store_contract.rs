//! What the store promises, through its public methods alone: a second engine would have to pass the same suite.

#![expect(clippy::unwrap_used, reason = "the scenes below the tests fail as loudly as the tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use telemetry_hub::model::access::Scope;
use telemetry_hub::model::alert::{Alert, AlertId, AlertState, Measure, Transition};
use telemetry_hub::model::device::{Device, DeviceNo, DevicePatch, Introduction, Labels, NewDevice, Standing};
use telemetry_hub::model::ledger::{Ledger, Line};
use telemetry_hub::model::reading::{Batch, BatchId, Point, SeriesId};
use telemetry_hub::model::retention::{Ages, LabelAges, Preview, Retention};
use telemetry_hub::model::rule::{Condition, Op, RuleId, RuleSpec, Severity};
use telemetry_hub::model::silence::SilenceSpec;
use telemetry_hub::model::webhook::{
    Attempt, DeliveryId, DeliveryState, Event, NewDelivery, Secret, Settlement, Webhook, WebhookId, WebhookSpec,
};
use telemetry_hub::model::{
    BatchSeq, DeviceId, Epoch, Hour, Lane, PublicKey, SensorKind, SensorNo, SensorSpec, UnixMillis,
};
use telemetry_hub::store::{
    Aggregated, Aggregates, AlertQuery, Buckets, Commit, Config, DeliveryQuery, Error, Floor, Group, NewJoinToken,
    Query, SecretKey, Store, Tier,
};
use wire::Reading;
use wire::batch::{BatchBuilder, MAX_BODY};
use wire::ledger::{DropReason, Entry, Report};

const T0: UnixMillis = UnixMillis(1_700_000_000_000);
const DAY: i64 = 86_400_000;

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
async fn a_closed_store_leaves_its_directory_alone() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..5 {
        open(dir.path(), None).unwrap().close().await;
        // What the maker begins with was under way when the store was closed.
        assert!(dir.path().join("catalog.db").exists() && !dir.path().join("catalog.db.new").exists());
        std::fs::remove_file(dir.path().join("catalog.db")).unwrap();
    }
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
async fn a_write_that_fails_does_not_hurt_its_group() {
    let hub = Hub::new().await;
    let other = hub.store.adopt(new_device(2, "other")).await.unwrap();
    let taken = DevicePatch { name: Some("pump".to_owned()), ..DevicePatch::default() };
    let batch = hub.batch(0, &[(0, 0, 1.0)]);
    let labels = DevicePatch { labels: Some(BTreeMap::new()), ..DevicePatch::default() };
    let (bad, good, commit) = tokio::join!(
        hub.store.patch_device(other.id, taken, T0),
        hub.store.patch_device(hub.device.id, labels, T0),
        hub.store.commit(Commit { batches: vec![batch], ..Commit::default() }),
    );
    assert!(matches!(bad, Err(Error::Conflict { field: "name", .. })));
    assert_eq!(good.unwrap().name, "pump");
    assert_eq!(commit.unwrap().fresh.len(), 1);
    assert_eq!(hub.store.catalog().device_by_name("other").map(|device| device.no), Some(other.no));
}

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
    hub.put(0, &[(1, 5_000, 42.0)]).await;
    hub.restart().await;
    for seq in 1..50 {
        hub.put(seq, &[(0, seq as i64 * 10_000, seq as f64)]).await;
    }
    hub.put(50, &[(1, 1_000, -1.0)]).await;
    hub.restart().await;
    hub.restart().await;
    let latest = hub.store.latest(&[hub.series[0], hub.series[1], hub.series[2], SeriesId(999)]);
    assert_eq!(latest, [Some(point(490_000, 49.0)), Some(point(5_000, 42.0)), None, None]);
    assert_eq!(hub.values(1, 0, 10_000).await, [-1.0, 42.0]);
}

#[tokio::test]
async fn a_store_that_was_not_closed_is_rebuilt_from_its_journal() {
    let hub = Hub::new().await;
    hub.put(0, &[(0, 0, 1.0), (1, 10, 2.0)]).await;
    let copy = tempfile::tempdir().unwrap();
    // The files as a power cut would leave them: nothing was closed, nothing checkpointed.
    for file in ["telemetry.db", "telemetry.db-wal", "secret.key"] {
        std::fs::copy(hub.dir.path().join(file), copy.path().join(file)).unwrap();
    }
    let store = open(copy.path(), None).unwrap();
    assert_eq!(store.latest(&hub.series), [Some(point(0, 1.0)), Some(point(10, 2.0)), None]);
    assert_eq!(store.windows()[0].2.mark(), BatchSeq(1));
}

#[tokio::test]
async fn a_full_disk_applies_nothing_says_so_and_recovers() {
    let hub = Hub::with(Some(2 << 20)).await;
    let webhook = hub.webhook().await;
    // Deliveries never give way to anything.
    let mut seq = 0;
    let error = loop {
        let reading = |n: i64| (0, (seq * 60 + n) * 1_000, (n * 7_919 % 1_000) as f64 / 3.0);
        let batch = hub.batch(seq as u64, &(0..60).map(reading).collect::<Vec<_>>());
        let deliveries = vec![NewDelivery { body: vec![b' '; 64 << 10], ..to(&webhook, Some(seq as u64)) }];
        match hub.store.commit(Commit { batches: vec![batch], deliveries, ..Commit::default() }).await {
            Ok(_) => seq += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Full) && !error.is_fatal(), "{error}");
    assert!(hub.store.stats().degraded);
    assert_eq!(hub.store.windows()[0].2.mark(), BatchSeq(seq as u64));
    assert_eq!(hub.store.latest(&hub.series)[0].map(|point| point.at), Some(T0.plus((seq * 60 - 1) * 1_000)));

    // Deleting makes room, and the store goes on as if nothing had been.
    hub.store.delete_webhook(webhook.id).await.unwrap();
    assert_eq!(hub.put(seq as u64, &[(0, seq * 60_000, 5.0)]).await, 1);
    assert!(!hub.store.stats().degraded);
    assert_eq!(hub.store.latest(&hub.series)[0], Some(point(seq * 60_000, 5.0)));
}

/// Readings without end under a cap: the files stay below it at every moment, nothing is refused, and what is newest is
/// there; what gave way is counted by its rollups.
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
            let commit = Commit { batches: batches.collect(), ..Commit::default() };
            assert_eq!(hub.store.commit(commit).await.unwrap().fresh.len(), 16);
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
        hub.store.clone().close().await;
        hub.store = open(hub.dir.path(), Some(CAP)).unwrap();
        assert_eq!(counted(&hub).await, seq as u64 * 60);
    }
}

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
    let policy = Retention { ages: ages(14), by_label: vec![LabelAges { labels: lab, ages: ages(2) }] };
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

#[tokio::test]
async fn a_command_beside_the_hub_sees_and_is_seen() {
    let hub = Hub::new().await;
    let config = Config { dir: hub.dir.path().to_owned(), ..Config::default() };
    let key = SecretKey::load_or_create(hub.dir.path()).unwrap();
    assert!(matches!(Store::open(&config, &key), Err(Error::Locked(_))));
    let beside = Store::open_beside(&config, &key).unwrap();
    hub.put(0, &[(0, 0, 1.0)]).await;
    assert!(!hub.store.changed_elsewhere().unwrap());
    let token = beside.create_token("ci".to_owned(), Scope::Read, [7; 32], None, T0).await.unwrap();
    assert!(hub.store.changed_elsewhere().unwrap());
    assert!(!hub.store.changed_elsewhere().unwrap());
    assert_eq!(hub.store.token(token.id).unwrap(), Some((token.clone(), [7; 32])));
    let join = hub.store.create_join_token(join_token(1), T0).await.unwrap();
    assert_eq!(beside.join_tokens(T0).await.unwrap(), [join]);
    beside.close().await;
    hub.put(1, &[(0, 1_000, 1.0)]).await;
    hub.store.touch_token(token.id, T0).await.unwrap();
    hub.store.touch_token(token.id, T0.plus(59_999)).await.unwrap();
    assert_eq!(hub.store.tokens().await.unwrap()[0].last_used_at, Some(T0));
    hub.store.revoke_token(token.id).await.unwrap();
    assert!(matches!(hub.store.revoke_token(token.id).await, Err(Error::NotFound { what: "token" })));
}

#[tokio::test]
async fn a_join_token_admits_so_many_and_gives_its_labels() {
    let mut hub = Hub::new().await;
    let token = hub.store.create_join_token(join_token(1), T0).await.unwrap();
    let by_token = |n, at| NewDevice { join_token: Some(token.id), at, ..new_device(n, "tank") };
    let first = hub.store.adopt(by_token(2, T0)).await.unwrap();
    assert_eq!(first.labels, join_token(1).labels);
    assert!(matches!(hub.store.adopt(by_token(3, T0)).await, Err(Error::Conflict { field: "join_token", .. })));
    let two = hub.store.create_join_token(join_token(2), T0).await.unwrap();
    let late = NewDevice { join_token: Some(two.id), ..by_token(4, two.expires_at) };
    assert!(matches!(hub.store.adopt(late).await, Err(Error::Conflict { .. })));
    let unknown = NewDevice { join_token: Some(99), ..by_token(4, T0) };
    assert!(matches!(hub.store.adopt(unknown).await, Err(Error::NotFound { .. })));
    hub.restart().await;
    let uses: Vec<_> = hub.store.join_tokens(T0).await.unwrap().into_iter().map(|t| (t.uses_left, t.psk)).collect();
    assert_eq!(uses, [(0, [5; 32]), (2, [5; 32])]);
    assert_eq!(hub.store.join_tokens(T0.plus(30 * 86_400_000)).await.unwrap(), []);
    let file = std::fs::read(hub.dir.path().join("telemetry.db")).unwrap();
    assert!(!file.windows(32).any(|bytes| bytes == [5; 32]), "the key lies in the file in the clear");
}

#[tokio::test]
async fn names_are_made_unique_and_blocking_and_deleting_are_remembered() {
    let mut hub = Hub::new().await;
    let second = hub.store.adopt(new_device(2, "pump")).await.unwrap();
    let third = hub.store.adopt(new_device(3, "pump")).await.unwrap();
    let nameless = hub.store.adopt(new_device(4, " ")).await.unwrap();
    assert_eq!((&*hub.device.name, &*second.name, &*third.name), ("pump", "pump-2", "pump-3"));
    assert!(nameless.name.starts_with("device-"));
    assert_eq!(hub.store.block(second.id, None).await.unwrap().standing, Standing::Blocked);
    let stranger = new_device(9, "stranger");
    let id = DeviceId::of(&stranger.key);
    assert!(matches!(hub.store.block(id, None).await, Err(Error::NotFound { .. })));
    assert_eq!(hub.store.block(id, Some(stranger)).await.unwrap().standing, Standing::Blocked);
    let again = hub.store.adopt(new_device(2, "ignored")).await.unwrap();
    assert_eq!((again.no, again.standing, &*again.name), (second.no, Standing::Adopted, "pump-2"));
    hub.store.delete_device(third.id).await.unwrap();
    hub.restart().await;
    let catalog = hub.store.catalog();
    assert_eq!(catalog.devices().count(), 4);
    assert_eq!(catalog.device(second.no), Some(&again));
    assert!(catalog.device(third.no).is_none());
}

#[tokio::test]
async fn sensor_numbers_are_dense_and_a_name_keeps_its_series() {
    let hub = Hub::new().await;
    let no = hub.device.no;
    let register = |first, names: &[&str]| {
        let sensors = names.iter().map(|name| sensor(name)).collect();
        hub.store.register_sensors(no, SensorNo(first), sensors)
    };
    assert_eq!(register(0, &["a", "b", "c"]).await.unwrap(), hub.series);
    let more = register(2, &["c", "a", "d"]).await.unwrap();
    assert_eq!((more.len(), more[3]), (5, hub.series[0]));
    assert!(matches!(register(0, &["z"]).await, Err(Error::Conflict { .. })));
    assert!(matches!(register(9, &["z"]).await, Err(Error::Conflict { .. })));
    let changed = SensorSpec { unit: "K".to_owned(), kind: SensorKind::State, ..sensor("b") };
    hub.store.register_sensors(no, SensorNo(1), vec![changed]).await.unwrap();
    let catalog = hub.store.catalog();
    let series = catalog.series(hub.series[1]).unwrap();
    assert_eq!((&*series.unit, series.kind), ("K", SensorKind::State));
    assert_eq!((catalog.sensor_numbers(no), catalog.series_count()), (&more[..], 4));
}

#[tokio::test]
async fn alerts_are_written_with_their_readings_and_listed_newest_first() {
    let mut hub = Hub::new().await;
    assert_eq!(hub.store.next_alert_id().await.unwrap(), 1);
    let pending = alert(&hub, 1, AlertState::Pending);
    let firing = alert(&hub, 2, AlertState::Firing);
    let orphan = Alert { device: DeviceNo(77), ..alert(&hub, 3, AlertState::Firing) };
    let transitions = [&pending, &firing, &orphan].map(put).to_vec();
    let batches = vec![hub.batch(0, &[(0, 0, 99.0)])];
    hub.store.commit(Commit { batches, transitions, ..Commit::default() }).await.unwrap();
    assert_eq!(hub.store.open_alerts().await.unwrap(), [pending, firing.clone()]);
    hub.store.ack_alert(AlertId(2), T0.plus(5), Some("on it".to_owned())).await.unwrap();
    let resolved = Alert { state: AlertState::Resolved, resolved_at: Some(T0.plus(9)), ..firing };
    let transitions = vec![put(&resolved), Transition::Cancel(AlertId(1))];
    hub.store.commit(Commit { transitions, ..Commit::default() }).await.unwrap();
    hub.restart().await;
    assert_eq!(hub.store.open_alerts().await.unwrap(), []);
    // The engine's copy knew nothing of the acknowledgement; it stays.
    let stored = Alert { acked_at: Some(T0.plus(5)), ..resolved };
    assert_eq!(hub.store.alerts(AlertQuery { limit: 10, ..AlertQuery::default() }).await.unwrap(), [stored]);
    let only_firing = AlertQuery { states: vec![AlertState::Firing], limit: 10, ..AlertQuery::default() };
    assert_eq!(hub.store.alerts(only_firing).await.unwrap(), []);
    let older = AlertQuery { before: Some(AlertId(2)), limit: 10, ..AlertQuery::default() };
    assert_eq!(hub.store.alerts(older).await.unwrap(), []);
    assert!(hub.store.next_alert_id().await.unwrap() > 2);
    assert!(matches!(hub.store.alert(AlertId(1)).await, Err(Error::NotFound { what: "alert" })));
}

#[tokio::test]
async fn deliveries_of_one_alert_go_in_order_and_an_expired_lease_gives_them_again() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    let notify = hub.store.outbox_notify();
    let deliveries = vec![to(&webhook, Some(1)), to(&webhook, Some(1)), to(&webhook, Some(2)), to(&webhook, None)];
    hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    tokio::time::timeout(Duration::from_secs(1), notify.notified()).await.unwrap();
    assert_eq!(hub.store.next_due().await.unwrap(), Some(T0));
    assert!(hub.store.claim_due(T0, T0.plus(100), 10, &[webhook.id]).await.unwrap().is_empty());
    assert_eq!(hub.claim(0).await, [1, 3, 4]);
    assert_eq!(hub.claim(50).await, Vec::<u64>::new());
    assert_eq!(hub.store.next_due().await.unwrap(), Some(T0.plus(100)));
    assert_eq!(hub.claim(100).await, [1, 3, 4]);
    hub.settle(1, DeliveryState::Pending, Some(500)).await;
    assert_eq!(hub.claim(300).await, [3, 4]);
    assert_eq!(hub.claim(500).await, [3, 4, 1]);
    hub.settle(1, DeliveryState::Delivered, None).await;
    assert_eq!(hub.claim(501).await, [2]);
    let first = hub.store.delivery(DeliveryId(1)).await.unwrap();
    assert_eq!((first.attempts.len(), first.state, &*first.body), (2, DeliveryState::Delivered, &b"{}"[..]));
    let query =
        DeliveryQuery { webhook: Some(webhook.id), state: Some(DeliveryState::Pending), limit: 2, before: None };
    let list = hub.store.deliveries(query).await.unwrap();
    assert_eq!(list.iter().map(|delivery| (delivery.id.0, delivery.body.len())).collect::<Vec<_>>(), [(4, 0), (3, 0)]);
    let replayed = hub.store.replay_delivery(first.id, T0.plus(600)).await.unwrap();
    assert_eq!((replayed.state, replayed.next_attempt_at), (DeliveryState::Pending, Some(T0.plus(600))));
}

#[tokio::test]
async fn a_disabled_webhook_gets_nothing_until_it_is_enabled() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    hub.store.create_delivery(to(&webhook, None)).await.unwrap();
    hub.store.create_delivery(to(&webhook, None)).await.unwrap();
    hub.store.claim_due(T0, T0.plus(1), 1, &[]).await.unwrap();
    let gone = Settlement { disable: Some("410 Gone".to_owned()), ..settlement(1, DeliveryState::Failed, None) };
    hub.store.settle(gone, T0).await.unwrap();
    assert_eq!(hub.claim(0).await, Vec::<u64>::new());
    assert_eq!(hub.store.next_due().await.unwrap(), None);
    let disabled = hub.store.webhook(webhook.id).await.unwrap();
    assert_eq!(disabled.disabled_reason.as_deref(), Some("410 Gone"));
    let enabled = hub.store.replace_webhook(webhook.id, webhook.spec.clone(), T0).await.unwrap();
    assert_eq!(enabled.disabled_reason, None);
    assert_eq!(hub.claim(0).await, [2]);
    let rotated = hub.store.rotate_secret(webhook.id, Secret(vec![2; 24]), T0).await.unwrap();
    assert_eq!(rotated.secrets, [Secret(vec![2; 24]), Secret(vec![1; 24])]);
    let next_day = T0.plus(86_400_001);
    let claimed = hub.store.claim_due(next_day, next_day.plus(1), 10, &[]).await.unwrap();
    assert_eq!(claimed[0].webhook.secrets, [Secret(vec![2; 24])]);
}

#[tokio::test]
async fn rules_read_back_as_written_and_lose_deleted_webhooks() {
    let mut hub = Hub::new().await;
    let webhook = hub.webhook().await;
    let hot = RuleSpec {
        name: "hot".to_owned(),
        device: "*".to_owned(),
        sensor: "t*".to_owned(),
        labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        condition: Condition::Threshold { op: Op::AtLeast, value: 30.5, clear: Some(28.0) },
        hold: Duration::from_secs(60),
        severity: Severity::Critical,
        webhooks: vec![webhook.id],
        enabled: true,
    };
    let silent = RuleSpec { condition: Condition::Silence { after: Duration::from_secs(90) }, ..hot.clone() };
    let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3_600));
    for condition in [
        Condition::Rate { op: Op::Below, value: -5.0, per: minute, over: hour, clear: Some(-4.5) },
        Condition::Deviation { sigmas: 4.0, over: hour, clear: None, least: Some(0.5) },
    ] {
        let spec = RuleSpec { condition, ..hot.clone() };
        let made = hub.store.create_rule(spec.clone(), T0).await.unwrap();
        assert_eq!(hub.store.rule(made.id).await.unwrap().spec, spec);
        hub.store.delete_rule(made.id).await.unwrap();
    }
    let first = hub.store.create_rule(hot.clone(), T0).await.unwrap();
    let second = hub.store.create_rule(silent.clone(), T0).await.unwrap();
    assert_eq!((&first.spec, &second.spec), (&hot, &silent));
    let unknown = RuleSpec { webhooks: vec![WebhookId(99)], ..hot.clone() };
    let refused = hub.store.replace_rule(first.id, unknown, T0).await;
    assert!(matches!(refused, Err(Error::Conflict { field: "webhooks", .. })));
    assert_eq!(hub.store.rule(first.id).await.unwrap(), first);
    hub.store.replace_rule(first.id, silent.clone(), T0.plus(1)).await.unwrap();
    hub.store.delete_webhook(webhook.id).await.unwrap();
    hub.store.delete_rule(second.id).await.unwrap();
    hub.restart().await;
    let rules = hub.store.list_rules().await.unwrap();
    assert_eq!((rules.len(), rules[0].updated_at), (1, T0.plus(1)));
    assert_eq!(rules[0].spec, RuleSpec { webhooks: vec![], ..silent });
    assert!(matches!(hub.store.rule(RuleId(99)).await, Err(Error::NotFound { what: "rule" })));
}

#[tokio::test]
async fn silences_read_back_as_written_and_a_muted_alert_survives_a_restart() {
    let mut hub = Hub::new().await;
    let spec = SilenceSpec {
        rule: Some(RuleId(1)),
        device: "boiler*".to_owned(),
        sensor: "t*".to_owned(),
        labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        from: T0,
        until: T0.plus(3_600_000),
        comment: "works".to_owned(),
    };
    let made = hub.store.create_silence(spec.clone(), T0).await.unwrap();
    assert_eq!(made.spec, spec);
    let (told, muted) = (alert(&hub, 1, AlertState::Firing), alert(&hub, 2, AlertState::Firing));
    let marks = vec![(muted.id, true), (told.id, true), (told.id, false)];
    let commit = Commit { transitions: vec![put(&told), put(&muted)], muted: marks, ..Commit::default() };
    hub.store.commit(commit).await.unwrap();
    hub.restart().await;
    assert_eq!(hub.store.silences().await.unwrap(), std::slice::from_ref(&made));
    assert_eq!(hub.store.muted_alerts().await.unwrap(), [muted]);
    hub.store.delete_silence(made.id).await.unwrap();
    assert!(matches!(hub.store.delete_silence(made.id).await, Err(Error::NotFound { what: "silence" })));
}

#[tokio::test]
async fn sessions_end_by_time_by_idleness_and_by_hand() {
    const DAY: i64 = 86_400_000;
    let hub = Hub::new().await;
    let holds = async |hash: u8, now: i64| hub.store.session([hash; 32], T0.plus(now)).await.unwrap().is_some();
    for hash in [1, 2, 3] {
        hub.store.create_session([hash; 32], Scope::Admin, T0, T0.plus(30 * DAY)).await.unwrap();
    }
    assert!(!holds(9, 0).await);
    assert!(holds(1, 6 * DAY).await && holds(1, 12 * DAY).await && !holds(2, 12 * DAY).await);
    for day in [18, 24, 29] {
        assert!(holds(1, day * DAY).await);
    }
    assert!(!holds(1, 30 * DAY).await);
    hub.store.delete_session([3; 32]).await.unwrap();
    assert!(!holds(3, 1).await);
    hub.store.delete_sessions().await.unwrap();
    assert!(!holds(2, 1).await);
    hub.store.put_setting("admin", vec![1]).await.unwrap();
    hub.store.put_setting("admin", vec![2]).await.unwrap();
    assert_eq!(hub.store.setting("admin").await.unwrap(), Some(vec![2]));
    assert_eq!(hub.store.setting("other").await.unwrap(), None);
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let hub = Hub::new().await;
    let other = hub.store.clone();
    hub.store.close().await;
    let error = other.commit(Commit::default()).await.unwrap_err();
    assert!(matches!(error, Error::Closed) && error.is_fatal());
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

/// What a property feeds in: batches of (sensor, time, value).
type Batches = Vec<Vec<(u16, i64, i32)>>;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Late, repeated and overlapping points, in memory and in blocks made at any moment: the answers are a plain map's.
    #[test]
    fn aggregates_equal_a_naive_reference(
        batches in prop::collection::vec(prop::collection::vec((0_u16..3, 0_i64..400_000, -50_i32..50), 1..40), 1..30),
        edges in prop::collection::btree_set(-10_i64..700_000, 2..12),
        restart in any::<bool>(),
        blocks_after in prop::collection::btree_set(0_usize..30, 0..5),
        group in prop::sample::select(vec![Group::None, Group::All]),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(compare(batches, edges.into_iter().collect(), restart, &blocks_after, group))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Readings that gave way to rollups, also late ones, count, compare and begin and end buckets as if they were there.
    #[test]
    fn rollups_answer_like_the_readings_they_stand_for(
        times in prop::collection::btree_map(0_i64..4 * 86_400, (0_u16..3, -50_i32..50, any::<bool>()), 1..150),
        minutes in prop::collection::btree_set(0_i64..5 * 1_440, 2..8),
        hourly in any::<bool>(),
        in_blocks in any::<bool>(),
        restart in any::<bool>(),
        group in prop::sample::select(vec![Group::None, Group::All]),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut hub = Hub::new().await;
            let reading = |(&second, &(sensor, value, _)): (&i64, &(u16, i32, bool))| (sensor, second * 1_000, f64::from(value));
            let (late, live): (Vec<_>, Vec<_>) = times.iter().partition(|(_, (_, _, late))| *late);
            let all: Vec<_> = times.iter().map(reading).collect();
            let live: Vec<_> = live.into_iter().map(reading).collect();
            for (seq, part) in live.chunks(50).enumerate() {
                hub.put(seq as u64, part).await;
            }
            hub.store.tidy_as_of(T0.plus(16 * 86_400_000)).await.unwrap();
            let late: Vec<_> = late.into_iter().map(reading).collect();
            for (seq, part) in (100..).zip(late.chunks(50)) {
                hub.put(seq, part).await;
            }
            if in_blocks {
                hub.store.make_blocks().await.unwrap();
            }
            if restart {
                hub.restart().await;
            }
            let length = if hourly { 3_600_000 } else { 60_000 };
            let edges: BTreeSet<i64> = minutes.iter().map(|m| (T0.0 + m * 60_000) / length * length - T0.0).collect();
            let edges: Vec<i64> = edges.into_iter().collect();
            let buckets = Buckets { edges: edges.iter().map(|edge| T0.plus(*edge)).collect() };
            let answer = hub.aggregate(hub.series.clone(), buckets, group).await;
            for (n, columns) in answer.results.iter().enumerate() {
                for (bucket, edge) in edges.windows(2).enumerate() {
                    let mine = |&&(sensor, at, _): &&(u16, i64, f64)| {
                        (group == Group::All || usize::from(sensor) == n) && edge[0] <= at && at < edge[1]
                    };
                    let values: Vec<f64> = all.iter().filter(mine).map(|reading| reading.2).collect();
                    let avg = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
                    prop_assert_eq!(columns.count[bucket], values.len() as u64);
                    prop_assert_eq!(columns.min[bucket], values.iter().copied().reduce(f64::min));
                    prop_assert_eq!(columns.max[bucket], values.iter().copied().reduce(f64::max));
                    prop_assert_eq!(columns.avg[bucket], avg);
                    prop_assert_eq!(columns.first[bucket], values.first().copied());
                    prop_assert_eq!(columns.last[bucket], values.last().copied());
                }
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn each_tier_answers_where_the_finer_one_has_gone() {
    let mut hub = Hub::new().await;
    let day = 86_400_000;
    for seq in 0..48 {
        hub.put(seq, &[(0, seq as i64 * 3_600_000, seq as f64), (0, seq as i64 * 3_600_000 + 60_000, 1.5)]).await;
    }
    let tier = async |hub: &Hub, step: i64| {
        let start = T0.0 / day * day;
        let edges = (0..=96 * 3_600_000 / step).map(|n| UnixMillis(start + n * step)).collect();
        let answer = hub.aggregate(vec![hub.series[0]], Buckets { edges }, Group::None).await;
        (answer.tier, answer.results[0].count.iter().sum::<u64>())
    };
    assert_eq!(tier(&hub, 60_000).await, (Tier::Raw, 96));
    hub.store.tidy_as_of(T0.plus(20 * day)).await.unwrap();
    assert_eq!(hub.values(0, 0, 5 * day).await, Vec::<f64>::new());
    assert_eq!(tier(&hub, 60_000).await, (Tier::Minute, 96));
    assert_eq!(tier(&hub, 3_600_000).await, (Tier::Hour, 96));
    hub.store.tidy_as_of(T0.plus(100 * day)).await.unwrap();
    hub.restart().await;
    assert_eq!(tier(&hub, 60_000).await, (Tier::Hour, 96));
    hub.store.tidy_as_of(T0.plus(6 * 365 * day)).await.unwrap();
    assert_eq!(tier(&hub, 3_600_000).await, (Tier::Raw, 0));
    assert_eq!(hub.store.latest(&hub.series)[0].map(|point| point.value), Some(1.5));
}

async fn compare(
    batches: Batches,
    edges: Vec<i64>,
    restart: bool,
    blocks_after: &BTreeSet<usize>,
    group: Group,
) -> Result<(), TestCaseError> {
    let mut hub = Hub::new().await;
    let filler: Vec<_> = (0..600).map(|n| (0, 600_000 + n, 0.0)).collect();
    for (part, seq) in filler.chunks(100).zip(1_000..) {
        hub.put(seq, part).await;
    }
    let mut reference: BTreeMap<(u16, i64), f64> = filler.iter().map(|&(s, at, value)| ((s, at), value)).collect();
    for (seq, batch) in batches.iter().enumerate() {
        // A coarse grid makes equal times likely, within a batch and between batches.
        let grid = |&(sensor, at, value): &(u16, i64, i32)| (sensor, at / 1_000 * 1_000, f64::from(value));
        let readings: Vec<_> = batch.iter().map(grid).collect();
        hub.put(seq as u64, &readings).await;
        reference.extend(readings.iter().map(|&(sensor, at, value)| ((sensor, at), value)));
        if blocks_after.contains(&seq) {
            hub.store.make_blocks().await.unwrap();
        }
    }
    if restart {
        hub.restart().await;
    }
    let (from, to) = (edges[0], edges[edges.len() - 1]);
    for (sensor, series) in hub.series.iter().enumerate() {
        let page = hub.store.readings(*series, T0.plus(from), T0.plus(to), 10_000).await.unwrap();
        let found: Vec<_> = page.points.iter().map(|point| (point.at.since(T0), point.value)).collect();
        let all = reference.iter().filter(|((of, at), _)| usize::from(*of) == sensor && from <= *at && *at < to);
        prop_assert_eq!(found, all.map(|((_, at), value)| (*at, *value)).collect::<Vec<_>>());
        let first = hub.store.readings(*series, T0.plus(from), T0.plus(to), 7).await.unwrap();
        prop_assert_eq!(&first.points[..], page.points.get(..7).unwrap_or(&page.points));
        prop_assert_eq!(first.more, page.points.len() > 7);
    }
    let buckets = Buckets { edges: edges.iter().map(|edge| T0.plus(*edge)).collect() };
    let answer = hub.aggregate(hub.series.clone(), buckets, group).await.results;
    prop_assert_eq!(answer.len(), if group == Group::All { 1 } else { 3 });
    for (n, columns) in answer.iter().enumerate() {
        for (bucket, edge) in edges.windows(2).enumerate() {
            let counts = |sensor: u16, at: i64| {
                (group == Group::All || usize::from(sensor) == n) && edge[0] <= at && at < edge[1]
            };
            let inside = reference.iter().filter(|((sensor, at), _)| counts(*sensor, *at));
            let values: Vec<f64> = inside.map(|(_, value)| *value).collect();
            let sum: f64 = values.iter().sum();
            prop_assert_eq!(columns.count[bucket], values.len() as u64);
            prop_assert_eq!(columns.min[bucket], values.iter().copied().reduce(f64::min));
            prop_assert_eq!(columns.max[bucket], values.iter().copied().reduce(f64::max));
            prop_assert_eq!(columns.avg[bucket], (!values.is_empty()).then(|| sum / values.len() as f64));
            if group == Group::None {
                prop_assert_eq!(columns.first[bucket], values.first().copied());
                prop_assert_eq!(columns.last[bucket], values.last().copied());
            }
        }
    }
    Ok(())
}

/// A store with one device of three sensors.
struct Hub {
    dir: tempfile::TempDir,
    store: Store,
    device: Device,
    series: Vec<SeriesId>,
}

const HOUR: i64 = 3_600_000;

fn report(number: u32, holds_from: Option<Hour>, entries: &[(Hour, i64, u64)]) -> Report {
    let entry = |&(hour, taken, oldest): &(Hour, i64, u64)| Entry {
        epoch: Epoch(1),
        hour,
        taken,
        thinned: 0,
        dropped: if oldest > 0 { vec![(DropReason::Oldest.code(), oldest)] } else { Vec::new() },
    };
    Report { epoch: Epoch(1), number, holds_from, entries: entries.iter().map(entry).collect() }
}

#[tokio::test]
async fn the_ledger_balances_and_counts_each_report_once() {
    let mut hub = Hub::new().await;
    let (no, hour) = (hub.device.no, T0.hour());
    hub.put(0, &[(0, 0, 1.0), (1, 0, 1.0), (0, HOUR, 1.0)]).await;
    let told = report(0, Some(Hour(hour.0 + 1)), &[(hour, 10, 3), (Hour(hour.0 + 1), 4, 0)]);
    for _ in 0..2 {
        hub.store.record_ledger(vec![(no, told.clone())], T0).await.unwrap();
    }
    let all = |ledger: &Ledger| -> Vec<_> {
        let line = |(hour, line): &(Hour, Line)| (hour.0, line.taken, line.received, line.waiting, line.missing);
        ledger.hours.iter().map(line).collect()
    };
    for restarted in [false, true] {
        let ledger = hub.store.ledger(no, Hour(i64::MIN), Hour(i64::MAX)).await.unwrap();
        assert_eq!(all(&ledger), [(hour.0, 10, 2, 0, 5), (hour.0 + 1, 4, 1, 3, 0)], "restarted: {restarted}");
        assert_eq!(ledger.total().dropped.oldest, 3);
        hub.restart().await;
        // Repeats of a report and of a batch, after a restart as well.
        hub.store.record_ledger(vec![(no, told.clone())], T0).await.unwrap();
        assert_eq!(hub.put(0, &[(0, 0, 1.0)]).await, 0);
    }
    hub.store.record_ledger(vec![(no, report(1, None, &[(hour, -2, 1)]))], T0).await.unwrap();
    let ledger = hub.store.ledger(no, hour, Hour(hour.0 + 1)).await.unwrap();
    assert_eq!((all(&ledger), ledger.total().dropped.oldest), (vec![(hour.0, 8, 2, 0, 2)], 4));

    hub.store.tidy_as_of(T0.plus(6 * 365 * 24 * HOUR)).await.unwrap();
    assert_eq!(hub.store.ledger(no, Hour(i64::MIN), Hour(i64::MAX)).await.unwrap().hours, []);
    hub.store.record_ledger(vec![(no, report(2, None, &[(hour, 1, 0)]))], T0).await.unwrap();
    hub.store.delete_device(hub.device.id).await.unwrap();
    assert_eq!(hub.store.ledger(no, hour, Hour(hour.0 + 1)).await.unwrap(), Ledger::default());
    // A report on its way meanwhile goes nowhere.
    hub.store.record_ledger(vec![(no, report(3, None, &[(hour, 1, 0)]))], T0).await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Late and repeated batches of both lanes, in memory and in blocks made at any moment: each reading counts once, in its
    /// own hour.
    #[test]
    fn what_is_received_counts_once_in_its_hour(
        batches in prop::collection::vec((0_u64..25, any::<bool>(), prop::collection::vec(-20_i64..20, 1..30)), 1..40),
        blocks_after in prop::collection::btree_set(0_usize..40, 0..5),
        restart_after in 0_usize..40,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut hub = Hub::new().await;
            let (mut seen, mut expected) = (BTreeSet::new(), BTreeMap::<i64, (u64, u64)>::new());
            for (n, (seq, recovered, quarters)) in batches.into_iter().enumerate() {
                let at = |quarter: i64| quarter * HOUR / 4;
                let readings: Vec<_> = quarters.iter().map(|&quarter| (0, at(quarter), 1.0)).collect();
                let lane = if recovered { Lane::Recovered } else { Lane::Live };
                let batch = Batch { lane, ..hub.batch(seq, &readings) };
                hub.store.commit(Commit { batches: vec![batch], ..Commit::default() }).await.unwrap();
                if seen.insert(seq) {
                    for quarter in quarters {
                        let count = expected.entry(T0.plus(at(quarter)).hour().0).or_default();
                        *if recovered { &mut count.1 } else { &mut count.0 } += 1;
                    }
                }
                if blocks_after.contains(&n) {
                    hub.store.make_blocks().await.unwrap();
                }
                if restart_after == n {
                    hub.restart().await;
                }
            }
            let ledger = hub.store.ledger(hub.device.no, Hour(i64::MIN), Hour(i64::MAX)).await.unwrap();
            let found: BTreeMap<_, _> =
                ledger.hours.iter().map(|(hour, line)| (hour.0, (line.received, line.recovered))).collect();
            prop_assert_eq!(found, expected);
            Ok(())
        })?;
    }
}

impl Hub {
    async fn new() -> Self {
        Self::with(None).await
    }

    async fn with(max_bytes: Option<u64>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), max_bytes).unwrap();
        let device = store.adopt(new_device(1, "pump")).await.unwrap();
        let sensors = ["a", "b", "c"].map(sensor).to_vec();
        let series = store.register_sensors(device.no, SensorNo(0), sensors).await.unwrap();
        Self { dir, store, device, series }
    }

    async fn restart(&mut self) {
        self.store.clone().close().await;
        self.store = open(self.dir.path(), None).unwrap();
    }

    fn batch(&self, seq: u64, readings: &[(u16, i64, f64)]) -> Batch {
        batch_of(self.device.no, &self.series, seq, readings)
    }

    /// Commits one batch; returns how many were fresh.
    async fn put(&self, seq: u64, readings: &[(u16, i64, f64)]) -> usize {
        let batches = vec![self.batch(seq, readings)];
        self.store.commit(Commit { batches, ..Commit::default() }).await.unwrap().fresh.len()
    }

    async fn aggregate(&self, series: Vec<SeriesId>, buckets: Buckets, group: Group) -> Aggregated {
        self.store.aggregate(Query { series, buckets, group, wanted: Aggregates::usual() }).await.unwrap()
    }

    async fn values(&self, sensor: usize, from: i64, to: i64) -> Vec<f64> {
        let page = self.store.readings(self.series[sensor], T0.plus(from), T0.plus(to), 1_000).await.unwrap();
        page.points.iter().map(|point| point.value).collect()
    }

    async fn webhook(&self) -> Webhook {
        let spec = WebhookSpec {
            name: "ops".to_owned(),
            url: "https://example.org/hook".to_owned(),
            headers: vec![("X-A".to_owned(), "1".to_owned()), ("X-A".to_owned(), "2".to_owned())],
            enabled: true,
        };
        self.store.create_webhook(spec, Secret(vec![1; 24]), T0).await.unwrap()
    }

    /// Claims what is due at `now`, for 100 ms.
    async fn claim(&self, now: i64) -> Vec<u64> {
        let claimed = self.store.claim_due(T0.plus(now), T0.plus(now + 100), 10, &[]).await.unwrap();
        claimed.iter().map(|claimed| claimed.delivery.id.0).collect()
    }

    async fn settle(&self, id: u64, state: DeliveryState, next: Option<i64>) {
        self.store.settle(settlement(id, state, next), T0).await.unwrap();
    }
}

fn open(dir: &Path, max_bytes: Option<u64>) -> Result<Store, Error> {
    let key = SecretKey::load_or_create(dir)?;
    let days = |days: u64| Some(Duration::from_hours(24 * days));
    let ages = Ages { raw: days(14), minutes: days(90), hours: days(5 * 365) };
    let retention = Retention { ages, by_label: Vec::new() };
    let config = Config { dir: dir.to_owned(), max_bytes, retention, ..Config::default() };
    Store::open(&config, &key)
}

fn new_device(n: u8, name: &str) -> NewDevice {
    NewDevice {
        key: PublicKey([n; 32]),
        introduction: Introduction { name: name.to_owned(), ..Introduction::default() },
        address: None,
        at: T0,
        join_token: None,
        handshake_counter: u64::from(n),
    }
}

fn sensor(name: &str) -> SensorSpec {
    SensorSpec { name: name.to_owned(), unit: "Cel".to_owned(), kind: SensorKind::Gauge, interval_ms: 1_000 }
}

fn batch_of(device: DeviceNo, series: &[SeriesId], seq: u64, readings: &[(u16, i64, f64)]) -> Batch {
    let mut builder = BatchBuilder::new(MAX_BODY);
    for &(sensor, at, value) in readings {
        assert!(builder.push(&Reading { sensor: SensorNo(sensor), at: T0.plus(at), value }), "the batch is too large");
    }
    Batch {
        id: BatchId { device, epoch: Epoch(1), seq: BatchSeq(seq) },
        lane: Lane::Live,
        received_at: T0,
        payload: builder.finish(),
        series: readings.iter().map(|reading| series[usize::from(reading.0)]).collect(),
        at: readings.iter().map(|reading| T0.plus(reading.1)).collect(),
        value: readings.iter().map(|reading| reading.2).collect(),
    }
}

fn point(at: i64, value: f64) -> Point {
    Point { at: T0.plus(at), value }
}

fn join_token(uses: u32) -> NewJoinToken {
    NewJoinToken {
        psk: [5; 32],
        name: "north".to_owned(),
        uses,
        labels: BTreeMap::from([("site".to_owned(), "north\n=1".to_owned())]),
        expires_at: T0.plus(3_600_000),
    }
}

fn alert(hub: &Hub, id: u64, state: AlertState) -> Alert {
    Alert {
        id: AlertId(id),
        rule: RuleId(1),
        rule_name: "hot".to_owned(),
        severity: Severity::Warning,
        device: hub.device.no,
        series: hub.series[0],
        state,
        measure: Measure::Value,
        value: Some(99.0),
        threshold: 30.0,
        started_at: T0,
        fired_at: None,
        resolved_at: None,
        acked_at: None,
    }
}

fn put(alert: &Alert) -> Transition {
    Transition::Put { alert: alert.clone(), occurred_at: T0, learned_at: T0, points: vec![] }
}

fn to(webhook: &Webhook, alert: Option<u64>) -> NewDelivery {
    NewDelivery {
        webhook: webhook.id,
        alert: alert.map(AlertId),
        event: Event::AlertFiring,
        body: b"{}".to_vec(),
        created_at: T0,
    }
}

fn settlement(id: u64, state: DeliveryState, next: Option<i64>) -> Settlement {
    Settlement {
        delivery: DeliveryId(id),
        attempt: Attempt { at: T0, status: Some(503), error: None, duration_ms: 12, response: None },
        state,
        next_attempt_at: next.map(|ms| T0.plus(ms)),
        disable: None,
    }
}
