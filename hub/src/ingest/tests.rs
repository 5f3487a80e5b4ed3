//! The pipeline on a store that has no room, at its end, and beside a change of rules.

use super::group::Owed;
use super::*;
use crate::delivery::sign::PictureKey;
use crate::live::Update;
use crate::model::alert::{Ailment, Alert, AlertId, AlertState, Measure, Subject, Transition};
use crate::model::device::{Introduction, Labels, NewDevice};
use crate::model::explain::Seen;
use crate::model::rule::{Condition, Message, Op, RuleId, RuleSpec, Severity};
use crate::model::silence::SilenceSpec;
use crate::model::webhook::{Event, NewDelivery, Secret, WebhookId, WebhookSpec};
use crate::model::{BatchSeq, Epoch, PublicKey, SensorKind, SensorNo, SensorSpec};
use crate::rules::made::Made;
use crate::store::{Commit, Config, SecretKey};

#[tokio::test]
async fn what_a_full_disk_kept_from_being_told_is_told_at_the_end_if_there_is_room_then() {
    let dir = tempfile::tempdir().unwrap();
    let key = SecretKey::load_or_create(dir.path()).unwrap();
    let config = Config { dir: dir.path().to_owned(), max_bytes: Some(2 << 20), ..Config::default() };
    let store = Store::open(&config, &key).unwrap();
    let [told, filler] = [webhook(&store, "told").await, webhook(&store, "filler").await];
    fill(&store, filler).await;

    let (batches_in, mut heard, mut ingest) = pipeline(&store);
    ingest.waiting.owed = Owed {
        transitions: vec![disk_full()],
        deliveries: vec![delivery(told, Some(AlertId(1)), 2_048)],
        marks: Vec::new(),
        explained: Vec::new(),
    };
    let meanwhile = async {
        // Each try at the start fails; the next would be the look in a second.
        for _ in 0..2 {
            assert!(matches!(heard.recv().await, Some(Receipt::Refused(_))));
        }
        assert!(store.open_alerts().await.unwrap().is_empty(), "there was room for it");
        store.delete_webhook(filler).await.unwrap();
        drop(batches_in);
    };
    let (ended, ()) = tokio::join!(ingest.run(), meanwhile);
    ended.unwrap();
    assert_eq!(store.open_alerts().await.unwrap().len(), 1);
    let due = store.claim_due(Clock.wall(), Clock.wall().plus(1_000), 10, &[]).await.unwrap();
    assert_eq!(due.iter().map(|due| due.webhook).collect::<Vec<_>>(), [told]);
}

/// The pipeline takes what is ready in any order: often enough to meet each.
#[tokio::test]
async fn a_rule_that_was_answered_for_judges_readings_that_came_after() {
    for _ in 0..12 {
        let dir = tempfile::tempdir().unwrap();
        let key = SecretKey::load_or_create(dir.path()).unwrap();
        let store = Store::open(&Config { dir: dir.path().to_owned(), ..Config::default() }, &key).unwrap();
        let hot = hot(&store).await;
        let (batches_in, _heard, ingest) = pipeline(&store);
        store.create_rule(above(50.0), Clock.wall()).await.unwrap();
        ingest.rules_changed.notify_one();
        batches_in.reserve().await.unwrap().send(hot);
        drop(batches_in);
        ingest.run().await.unwrap();
        assert_eq!(store.open_alerts().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn whoever_watches_is_told_of_an_alert_with_the_silence_over_it() {
    let dir = tempfile::tempdir().unwrap();
    let key = SecretKey::load_or_create(dir.path()).unwrap();
    let store = Store::open(&Config { dir: dir.path().to_owned(), ..Config::default() }, &key).unwrap();
    let (hot, now) = (hot(&store).await, Clock.wall());
    let (batches_in, _heard, ingest) = pipeline(&store);
    let mut watched = ingest.bus.listen();
    store.create_rule(above(50.0), now).await.unwrap();
    let silence = SilenceSpec {
        device: "*".to_owned(),
        sensor: "temp".to_owned(),
        labels: Labels::default(),
        rule: None,
        from: now,
        until: now.plus(3_600_000),
        weekly: None,
        comment: String::new(),
    };
    store.create_silence(silence, now).await.unwrap();
    ingest.rules_changed.notify_one();
    batches_in.reserve().await.unwrap().send(hot);
    drop(batches_in);
    ingest.run().await.unwrap();
    let mut told = std::iter::from_fn(|| watched.try_recv().ok());
    let until = told.find_map(|told| {
        if let Update::Alert { silenced_until, .. } = &*told.update { Some(*silenced_until) } else { None }
    });
    assert_eq!(until, Some(Some(now.plus(3_600_000))));
}

#[tokio::test]
async fn the_hub_makes_rules_of_its_own_once_and_not_again_when_they_are_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let key = SecretKey::load_or_create(dir.path()).unwrap();
    let store = Store::open(&Config { dir: dir.path().to_owned(), ..Config::default() }, &key).unwrap();
    let run = async |looks: u64| {
        let (batches_in, _heard, ingest) = pipeline(&store);
        let meanwhile = async {
            tokio::time::sleep(EXAMINE_EVERY * u32::try_from(looks).unwrap() + Duration::from_millis(500)).await;
            drop(batches_in);
        };
        tokio::join!(ingest.run(), meanwhile).0.unwrap();
        let rules = store.list_rules().await.unwrap();
        rules.iter().map(|rule| (rule.spec.name.clone(), rule.made_by_hub)).collect::<Vec<_>>()
    };
    assert!(run(1).await.is_empty(), "there is no device");
    hot(&store).await;
    let made = ["Device offline", "Source fails", "Clock off"].map(|name| (name.to_owned(), true));
    assert_eq!(run(1).await, made);
    store.delete_rule(store.list_rules().await.unwrap()[1].id).await.unwrap();
    let left = [made[0].clone(), made[2].clone()];
    assert_eq!(run(2).await, left);
}

#[tokio::test]
async fn a_rule_that_is_there_before_the_first_device_counts_as_the_hubs() {
    let dir = tempfile::tempdir().unwrap();
    let key = SecretKey::load_or_create(dir.path()).unwrap();
    let store = Store::open(&Config { dir: dir.path().to_owned(), ..Config::default() }, &key).unwrap();
    // As another hub made it, and as somebody wrote it.
    let mine = RuleSpec { name: "clocks".to_owned(), ..Made::ClockOff.spec() };
    for spec in [Made::DeviceOffline.spec(), mine] {
        store.create_rule(spec, UnixMillis(1_800_000_000_000)).await.unwrap();
    }
    hot(&store).await;
    let (batches_in, _heard, ingest) = pipeline(&store);
    let meanwhile = async {
        tokio::time::sleep(EXAMINE_EVERY + Duration::from_millis(500)).await;
        drop(batches_in);
    };
    tokio::join!(ingest.run(), meanwhile).0.unwrap();
    let rules = store.list_rules().await.unwrap();
    let rules: Vec<_> = rules.iter().map(|rule| (&*rule.spec.name, rule.made_by_hub)).collect();
    assert_eq!(rules, [("Device offline", true), ("clocks", false), ("Source fails", true)]);
    let mut made = store.made_rules().await.unwrap();
    made.sort();
    assert_eq!(made, ["clock_off", "device_offline", "source_failing"], "none is made later");
}

/// A pipeline that knows of no rules, and the two ends of it.
fn pipeline(store: &Store) -> (queue::Entrance, mpsc::Receiver<Receipt>, Ingest) {
    let (batches_in, batches) = queue::queue(1 << 20);
    let (receipts, heard) = mpsc::channel(8);
    let ingest = Ingest {
        batches,
        floors: mpsc::channel(1).1,
        receipts,
        desk: Arc::default(),
        rules_changed: Arc::default(),
        store: store.clone(),
        engine: Engine::new(Vec::new(), Vec::new(), 2),
        learning: Arc::default(),
        making: Making::default(),
        webhooks: Vec::new(),
        notifier: Notifier::default(),
        grouping: Grouping::default(),
        acknowledged: Arc::default(),
        bus: Bus::default(),
        pace: Pace::ByLoad,
        teller: Teller { url: None, zone: jiff::tz::TimeZone::UTC, pictures: PictureKey::of(&[7; 32]) },
        clock: Clock,
        latency: Arc::default(),
        meter: Arc::default(),
        looked: Arc::new(|_| Looked::default()),
        clocks: Arc::new(Default::default),
        failing: Arc::new(|_| Default::default()),
        seen: Arc::new(|_, _, _| Seen::default()),
        waiting: Waiting::default(),
    };
    (batches_in, heard, ingest)
}

/// A reading of 99 of a new device.
async fn hot(store: &Store) -> Batch {
    let now = Clock.wall();
    let new = NewDevice {
        key: PublicKey([1; 32]),
        introduction: Introduction::default(),
        address: None,
        at: now,
        join_token: None,
        handshake_counter: 0,
    };
    let device = store.adopt(new).await.unwrap().no;
    let sensor =
        SensorSpec { name: "temp".to_owned(), unit: "Cel".to_owned(), kind: SensorKind::Gauge, interval_ms: 1_000 };
    let series = store.register_sensors(device, SensorNo(0), vec![sensor]).await.unwrap();
    let mut payload = wire::batch::BatchBuilder::new(1_200);
    assert!(payload.push(&wire::Reading { sensor: SensorNo(0), at: now, value: 99.0 }));
    Batch {
        id: BatchId { device, epoch: Epoch(1), seq: BatchSeq(0) },
        lane: wire::Lane::Live,
        received_at: now,
        payload: payload.finish(),
        series,
        at: vec![now],
        value: vec![99.0],
    }
}

fn above(value: f64) -> RuleSpec {
    RuleSpec {
        name: "hot".to_owned(),
        device: "*".to_owned(),
        sensor: "*".to_owned(),
        labels: Labels::default(),
        condition: Condition::Threshold { op: Op::Above, value, clear: None },
        hold: Duration::ZERO,
        clear_for: Duration::ZERO,
        severity: Severity::Warning,
        tags: Labels::new(),
        webhooks: Vec::new(),
        all_webhooks: false,
        enabled: true,
        message: Message::default(),
    }
}

async fn webhook(store: &Store, name: &str) -> WebhookId {
    let spec = WebhookSpec::new(name, "https://example.org/hook");
    store.create_webhook(spec, Secret(vec![1; 24]), Clock.wall()).await.unwrap().id
}

fn delivery(webhook: WebhookId, alert: Option<AlertId>, bytes: usize) -> NewDelivery {
    NewDelivery {
        webhook,
        alert,
        event: Event::AlertFiring,
        body: vec![b' '; bytes],
        created_at: Clock.wall(),
        group: None,
    }
}

/// Deliveries give way to nothing: up to the last hundred bytes.
async fn fill(store: &Store, webhook: WebhookId) {
    for bytes in [64 << 10, 4 << 10, 100] {
        loop {
            let deliveries = vec![delivery(webhook, None, bytes)];
            match store.commit(Commit { deliveries, ..Commit::default() }).await {
                Ok(_) => {}
                Err(store::Error::Full) => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn disk_full() -> Transition {
    let now = Clock.wall();
    let alert = Alert {
        id: AlertId(1),
        rule: RuleId::HUB,
        rule_name: Ailment::DiskFull.rule_name().to_owned(),
        severity: Severity::Critical,
        tags: Arc::default(),
        about: Subject::Hub(Ailment::DiskFull),
        state: AlertState::Firing,
        measure: Measure::Value,
        value: Some(100.0),
        worst: Some(100.0),
        last: None,
        threshold: 100.0,
        started_at: now,
        parts: Arc::default(),
        usual: None,
        well_since: None,
        fired_at: Some(now),
        resolved_at: None,
        acked: None,
        new_normal: false,
        unknown_since: None,
        learned_at: now,
    };
    Transition::Put { alert, occurred_at: now, points: Vec::new() }
}
