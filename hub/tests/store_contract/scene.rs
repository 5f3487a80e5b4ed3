//! A store with one device of three sensors, and what is put into it.

use std::path::Path;
use std::time::Duration;

use telemetry_hub::clock::{Hand, Timepiece};
use telemetry_hub::model::alert::AlertId;
use telemetry_hub::model::device::{Device, DeviceNo, Introduction, NewDevice};
use telemetry_hub::model::reading::{Batch, BatchId, Point, SeriesId};
use telemetry_hub::model::retention::{Ages, Retention};
use telemetry_hub::model::webhook::{
    Attempt, DeliveryId, DeliveryState, Event, Headers, NewDelivery, Secret, Settlement, Webhook, WebhookSpec,
};
use telemetry_hub::model::{BatchSeq, Epoch, Lane, PublicKey, SensorKind, SensorNo, SensorSpec, UnixMillis};
use telemetry_hub::store::{Aggregated, Aggregates, Buckets, Commit, Config, Error, Group, Query, SecretKey, Store};
use wire::Reading;
use wire::batch::{BatchBuilder, MAX_BODY};

pub(crate) const T0: UnixMillis = UnixMillis(1_700_000_000_000);
pub(crate) const DAY: i64 = 86_400_000;

/// A store with one device of three sensors.
pub(crate) struct Hub {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) device: Device,
    pub(crate) series: Vec<SeriesId>,
}

impl Hub {
    pub(crate) async fn new() -> Self {
        Self::with(None).await
    }

    pub(crate) async fn with(max_bytes: Option<u64>) -> Self {
        Self::by(max_bytes, Timepiece::Machine).await
    }

    /// One whose clock stands still at `now` until it is moved.
    pub(crate) async fn by_hand(now: UnixMillis) -> (Self, Hand) {
        let hand = Hand::at(now);
        (Self::by(None, Timepiece::ByHand(hand.clone())).await, hand)
    }

    async fn by(max_bytes: Option<u64>, clock: Timepiece) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open_by(dir.path(), max_bytes, clock).unwrap();
        let device = store.adopt(new_device(1, "pump")).await.unwrap();
        let sensors = ["a", "b", "c"].map(sensor).to_vec();
        let series = store.register_sensors(device.no, SensorNo(0), sensors).await.unwrap();
        Self { dir, store, device, series }
    }

    pub(crate) async fn restart(&mut self) {
        self.store.clone().close().await.unwrap();
        self.store = open(self.dir.path(), None).unwrap();
    }

    pub(crate) fn batch(&self, seq: u64, readings: &[(u16, i64, f64)]) -> Batch {
        batch_of(self.device.no, &self.series, seq, readings)
    }

    /// Commits one batch; returns how many were fresh.
    pub(crate) async fn put(&self, seq: u64, readings: &[(u16, i64, f64)]) -> usize {
        let batches = vec![self.batch(seq, readings)];
        self.store.commit(Commit { batches, ..Commit::default() }).await.unwrap().fresh.len()
    }

    /// Readings that arrive so many milliseconds after [`T0`], and not ahead of their time.
    pub(crate) async fn put_at(&self, came: i64, seq: u64, readings: &[(u16, i64, f64)]) {
        let batch = Batch { received_at: T0.plus(came), ..self.batch(seq, readings) };
        self.store.commit(Commit { batches: vec![batch], ..Commit::default() }).await.unwrap();
    }

    pub(crate) async fn aggregate(&self, series: Vec<SeriesId>, buckets: Buckets, group: Group) -> Aggregated {
        self.store.aggregate(Query { series, buckets, group, wanted: Aggregates::usual(), kind: None }).await.unwrap()
    }

    pub(crate) async fn values(&self, sensor: usize, from: i64, to: i64) -> Vec<f64> {
        let page = self.store.readings(self.series[sensor], T0.plus(from), T0.plus(to), 1_000).await.unwrap();
        page.points.iter().map(|point| point.value).collect()
    }

    pub(crate) async fn webhook(&self) -> Webhook {
        let headers = Headers(vec![("X-A".to_owned(), "1".to_owned()), ("X-B".to_owned(), "2".to_owned())]);
        let spec = WebhookSpec { headers, ..WebhookSpec::new("ops", "https://example.org/hook") };
        self.store.create_webhook(spec, Secret(vec![1; 24]), T0).await.unwrap()
    }

    /// Claims what is due at `now`, for 100 ms.
    pub(crate) async fn claim(&self, now: i64) -> Vec<u64> {
        let claimed = self.store.claim_due(T0.plus(now), T0.plus(now + 100), 10, &[]).await.unwrap();
        claimed.iter().map(|delivery| delivery.id.0).collect()
    }

    pub(crate) async fn settle(&self, id: u64, state: DeliveryState, next: Option<i64>) {
        self.store.settle(settlement(id, state, next), T0).await.unwrap();
    }
}

pub(crate) fn open(dir: &Path, max_bytes: Option<u64>) -> Result<Store, Error> {
    open_by(dir, max_bytes, Timepiece::Machine)
}

fn open_by(dir: &Path, max_bytes: Option<u64>, clock: Timepiece) -> Result<Store, Error> {
    let key = SecretKey::load_or_create(dir)?;
    let days = |days: u64| Some(Duration::from_hours(24 * days));
    let ages = Ages { raw: days(14), minutes: days(90), hours: days(5 * 365) };
    let retention = Retention { ages, ..Retention::default() };
    let config = Config { max_bytes, retention, clock, ..super::CONFIG(dir) };
    Store::open(&config, &key)
}

pub(crate) fn new_device(n: u8, name: &str) -> NewDevice {
    NewDevice {
        key: PublicKey([n; 32]),
        introduction: Introduction { name: name.to_owned(), ..Introduction::default() },
        address: None,
        at: T0,
        join_token: None,
        handshake_counter: u64::from(n),
    }
}

pub(crate) fn sensor(name: &str) -> SensorSpec {
    SensorSpec { name: name.to_owned(), unit: "Cel".to_owned(), kind: SensorKind::Gauge, interval_ms: 1_000 }
}

pub(crate) fn batch_of(device: DeviceNo, series: &[SeriesId], seq: u64, readings: &[(u16, i64, f64)]) -> Batch {
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

pub(crate) fn point(at: i64, value: f64) -> Point {
    Point { at: T0.plus(at), value }
}

pub(crate) fn to(webhook: &Webhook, alert: Option<u64>) -> NewDelivery {
    NewDelivery {
        webhook: webhook.id,
        alert: alert.map(AlertId),
        event: Event::AlertFiring,
        body: b"{}".to_vec(),
        created_at: T0,
        group: None,
    }
}

pub(crate) fn settlement(id: u64, state: DeliveryState, next: Option<i64>) -> Settlement {
    Settlement {
        problem: None,
        delivery: DeliveryId(id),
        attempt: Attempt { status: Some(503), duration_ms: 12, ..Attempt::begun(T0) },
        state,
        next_attempt_at: next.map(|ms| T0.plus(ms)),
        disable: None,
        webhook_updated_at: T0,
    }
}
