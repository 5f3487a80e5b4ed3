//! Webhooks by real sockets and a real store: at least once, in order, and nobody waits for somebody else's receiver.

#![expect(clippy::unwrap_used, reason = "in a test a failure is a panic")]

mod guarded;
mod lanes;
mod mend;
mod pictures;
mod sent;
#[path = "../support/mod.rs"]
mod support;
mod together;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use telemetry_hub::clock::Clock;
use telemetry_hub::delivery::audience::{Audience, deliveries_for};
use telemetry_hub::delivery::grouping::Grouping;
use telemetry_hub::delivery::payload::{Teller, test_delivery};
use telemetry_hub::delivery::policy::{Mode, Policy};
use telemetry_hub::delivery::retry::Outcome;
use telemetry_hub::delivery::sign::PictureKey;
use telemetry_hub::model::alert::{Alert, AlertId, Subject};
use telemetry_hub::model::device::{DeviceNo, Introduction, Labels, NewDevice};
use telemetry_hub::model::reading::{Batch, BatchId, SeriesId};
use telemetry_hub::model::rule::{Condition, Message, Op, RuleId, RuleSpec, Severity};
use telemetry_hub::model::webhook::{
    Attempt, Delivery, DeliveryId, DeliveryState, Event, Grouped, Headers, NewDelivery, Problem, ProblemKind, Secret,
    Settlement, Template, Webhook, WebhookId, WebhookKind, WebhookSpec,
};
use telemetry_hub::model::{BatchSeq, Epoch, HubId, Lane, PublicKey, SensorKind, SensorNo, SensorSpec, UnixMillis};
use telemetry_hub::picture::Picture;
use telemetry_hub::rules::Engine;
use telemetry_hub::rules::notify::Notifier;
use telemetry_hub::store::{Commit, Config, DeliveryQuery, SecretKey, Store};
use telemetry_hub::webhook::guard::Lookup;
use telemetry_hub::webhook::{Client, Counters, Dispatcher, Tried, run};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use support::webhook_sink::{Answer, WebhookSink};

const KEY: [u8; 32] = [7; 32];

/// A store and a dispatcher over it.
struct Running {
    store: Store,
    counters: Arc<Counters>,
    stop: CancellationToken,
    dispatcher: JoinHandle<Result<(), telemetry_hub::store::Error>>,
}

impl Running {
    #[expect(clippy::disallowed_methods, reason = "the test is the supervisor")]
    fn start(dir: &Path) -> Self {
        let store = open(dir);
        let (counters, stop) = (Arc::new(Counters::default()), CancellationToken::new());
        let dispatcher = Dispatcher::new(store.clone(), client(), teller(), Arc::clone(&counters), Arc::new(|_| {}));
        let dispatcher = tokio::spawn(run(dispatcher, stop.clone()));
        Self { store, counters, stop, dispatcher }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.dispatcher.await.unwrap().unwrap();
        self.store.close().await.unwrap();
    }

    async fn webhook(&self, sink: &WebhookSink) -> Webhook {
        self.store.create_webhook(spec(sink), Secret(KEY.to_vec()), Clock.wall()).await.unwrap()
    }

    /// One that people read.
    async fn slack(&self, sink: &WebhookSink) -> Webhook {
        let spec = WebhookSpec { kind: WebhookKind::Slack, ..spec(sink) };
        self.store.create_webhook(spec, Secret(KEY.to_vec()), Clock.wall()).await.unwrap()
    }

    async fn test(&self, webhook: WebhookId) -> DeliveryId {
        self.store.create_delivery(test_delivery(webhook, "test", Clock.wall())).await.unwrap().id
    }

    async fn test_to(&self, sink: &WebhookSink) -> DeliveryId {
        self.test(self.webhook(sink).await.id).await
    }

    async fn delivery(&self, id: DeliveryId) -> Delivery {
        self.store.delivery(id).await.unwrap()
    }

    async fn settled(&self, id: DeliveryId) -> Delivery {
        eventually("the delivery is settled", async || self.delivery(id).await.state != DeliveryState::Pending).await;
        self.delivery(id).await
    }

    /// One device, one rule, and in one commit what follows from a reading beyond the limit and one within.
    async fn alert_that_fires_and_resolves(&self, sink: &WebhookSink) {
        let now = Clock.wall();
        let device = self.store.adopt(new_device(now)).await.unwrap();
        let sensor = SensorSpec { name: "temp".into(), unit: "Cel".into(), kind: SensorKind::Gauge, interval_ms: 1000 };
        let series = self.store.register_sensors(device.no, SensorNo(0), vec![sensor]).await.unwrap();
        let webhook = self.webhook(sink).await;
        let rule = self.store.create_rule(too_hot(webhook.id), now).await.unwrap();
        let next = self.store.next_alert_id().await.unwrap();

        let mut engine = Engine::new(vec![rule.clone()], Vec::<Alert>::new(), next);
        let id = BatchId { device: device.no, epoch: Epoch(1), seq: BatchSeq(1) };
        let batches = vec![two_readings(id, series[0], now)];
        let proposed = {
            let catalog = self.store.catalog();
            engine.prepare(&catalog, &batches);
            engine.evaluate(now, &batches)
        };
        let deliveries = {
            let catalog = self.store.catalog();
            let told = Notifier::default().decide(now, &proposed.transitions, &catalog, false, |_| false);
            let audience = Audience {
                rules: &[rule],
                webhooks: &[webhook],
                said: &|_, _| 0,
                grouping: &Grouping::default(),
                beside: &|_| None,
                reasons: &HashMap::new(),
            };
            deliveries_for(&told.notices, &audience, &catalog, &teller())
        };
        assert_eq!(deliveries.iter().map(|one| one.alert).collect::<Vec<_>>(), [Some(AlertId(next)); 2]);
        let transitions = proposed.transitions.clone();
        self.store.commit(Commit { transitions, deliveries, ..Commit::default() }).await.unwrap();
        engine.apply(proposed);
    }
}

fn open(dir: &Path) -> Store {
    let config = Config { dir: dir.to_owned(), ..Config::default() };
    Store::open(&config, &SecretKey::load_or_create(dir).unwrap()).unwrap()
}

/// Waits up to 10 s.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within 10 s: {what}");
}

fn status(status: u16) -> Answer {
    Answer::Status(status)
}

fn teller() -> Teller {
    Teller { url: None, zone: jiff::tz::TimeZone::UTC, pictures: PictureKey::of(&[7; 32]) }
}

fn client() -> Client {
    let policy = Policy { allow: vec!["127.0.0.0/8".parse().unwrap()], ..Policy::default() };
    Client::new(HubId::from_bytes([1; 16]), policy).unwrap()
}

fn spec(sink: &WebhookSink) -> WebhookSpec {
    WebhookSpec::new(sink.address.to_string(), sink.url())
}

fn at(sink: &WebhookSink) -> Webhook {
    Webhook::new(WebhookId(1), spec(sink), vec![Secret(KEY.to_vec())], Clock.wall())
}

fn message() -> Delivery {
    let now = Clock.wall();
    Delivery {
        id: DeliveryId(1),
        webhook: WebhookId(1),
        alert: None,
        event: Event::Test,
        state: DeliveryState::Pending,
        attempts: vec![],
        by_hand: 0,
        summary: None,
        urgency: telemetry_hub::model::hearing::Urgency::Ordinary,
        next_attempt_at: Some(now),
        created_at: now,
        held_until: None,
        body: b"{}".to_vec(),
    }
}

fn new_device(at: UnixMillis) -> NewDevice {
    let introduction = Introduction { name: "boiler".into(), ..Introduction::default() };
    NewDevice { key: PublicKey([3; 32]), introduction, address: None, at, join_token: None, handshake_counter: 1 }
}

fn too_hot(webhook: WebhookId) -> RuleSpec {
    RuleSpec {
        name: "too hot".into(),
        device: "*".into(),
        sensor: "temp".into(),
        labels: Labels::new(),
        condition: Condition::Threshold { op: Op::Above, value: 30.0, clear: None },
        hold: Duration::ZERO,
        clear_for: Duration::ZERO,
        severity: Severity::Critical,
        tags: Labels::new(),
        webhooks: vec![webhook],
        all_webhooks: false,
        enabled: true,
        message: Message::default(),
    }
}

fn two_readings(id: BatchId, series: SeriesId, now: UnixMillis) -> Batch {
    Batch {
        id,
        lane: Lane::Live,
        received_at: now,
        payload: vec![],
        series: vec![series; 2],
        at: vec![now.plus(-1000), now],
        value: vec![31.0, 20.0],
    }
}

/// `<type> <sequence>` of a body.
fn event(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    format!("{} {}", body["type"].as_str().unwrap(), body["data"]["alert"]["sequence"])
}
