//! A hub without its other shells: store, bus, presence, a command channel to look into, and requests.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::{Notify, mpsc};
use tower::ServiceExt;

use crate::access::{ApiToken, sha256};
use crate::clock::Clock;
use crate::delivery::message::echo::{Came, Echo, Finding};
use crate::delivery::policy::Policy;
use crate::delivery::sign::PictureKey;
use crate::http::config::Config;
use crate::http::gate::peer::Peer;
use crate::http::router;
use crate::http::state::{AppState, Figures, HubInfo, JoinState, Wiring};
use crate::ingest::desk::{Desk, Verdict};
use crate::ingest::queue::{Exit, queue};
use crate::ingest::way::Way;
use crate::live::Bus;
use crate::model::access::{NewSession, Scope};
use crate::model::device::{Device, Introduction, Link, NewDevice, Pending};
use crate::model::reading::{Batch, BatchId, SeriesId};
use crate::model::user::{Invite, Role};
use crate::model::webhook::{Delivery, Webhook};
use crate::model::{BatchSeq, DeviceId, Epoch, HubId, Lane, PublicKey, SensorKind, SensorNo, SensorSpec, UnixMillis};
use crate::presence::Presence;
use crate::proto::command::{Command, JoinPolicy};
use crate::store::{self, Commit, SecretKey, Store};

/// The token of `--admin-token-file`.
pub(in crate::http) const ADMIN: &str = "an-admin-token-from-a-file";

pub(in crate::http) struct Scene {
    pub(in crate::http) store: Store,
    pub(in crate::http) bus: Bus,
    pub(in crate::http) presence: Arc<Presence>,
    pub(in crate::http) commands: mpsc::Receiver<Command>,
    pub(in crate::http) state: AppState,
    router: Router,
    seq: u64,
    _dir: tempfile::TempDir,
}

pub(in crate::http) fn scene() -> Scene {
    scene_with(Config::default())
}

pub(in crate::http) fn scene_with(config: Config) -> Scene {
    let http = Config { admin_token: Some(sha256(ADMIN.as_bytes())), ..config };
    let dir = tempfile::tempdir().unwrap();
    let key = SecretKey::load_or_create(dir.path()).unwrap();
    let config = store::Config { dir: dir.path().to_owned(), ..store::Config::default() };
    let store = Store::open(&config, &key).unwrap();
    let (commands_in, commands) = mpsc::channel(64);
    let (entrance, exit) = queue(1 << 20);
    let desk = Arc::new(Desk::default());
    #[expect(clippy::disallowed_methods, reason = "it ends with the scene")]
    tokio::spawn(commit_all(store.clone(), exit, Arc::clone(&desk)));
    let (bus, presence) = (Bus::default(), Arc::new(Presence::default()));
    let rules_changed = Arc::new(Notify::new());
    let way = Way {
        store: store.clone(),
        clock: Clock,
        presence: Arc::clone(&presence),
        bus: bus.clone(),
        entrance,
        desk,
        newcomers: Arc::default(),
        pressure: Arc::default(),
        rules_changed: Arc::clone(&rules_changed),
    };
    let state = AppState::new(Wiring {
        config: http,
        store: store.clone(),
        presence: Arc::clone(&presence),
        way,
        learning: Arc::default(),
        bus: bus.clone(),
        commands: commands_in,
        parted: tokio::sync::broadcast::channel(4).0,
        access_ended: tokio::sync::watch::Sender::new(()),
        pressure: Arc::default(),
        clock: Clock,
        info: HubInfo {
            id: HubId::from_bytes([7; 16]),
            version: "0.0.0-test".to_owned(),
            http: "0.0.0.0:8080".parse().unwrap(),
            udp: "0.0.0.0:5770".parse().unwrap(),
            url: None,
            started_at: Clock.wall(),
            discovery: true,
            discovery_group: "239.255.84.72".to_owned(),
            time_zone: Some("Europe/Berlin".to_owned()),
        },
        tls: None,
        join: Arc::new(JoinState::new(JoinPolicy::Click)),
        figures: Arc::new(Figures::default),
        doors: Default::default(),
        topic_rules: Default::default(),
        metrics: Arc::new(|| "hub_up 1\n".to_owned()),
        rules_changed,
        acknowledged: Arc::default(),
        webhook_policy: Policy::default(),
        send_echo: Arc::new(|webhook, delivery| Box::pin(async move { Ok(echoed(&webhook, delivery)) })),
        pictures: PictureKey::of(&[7; 32]),
        pulse: Arc::default(),
        heartbeat_wanted: Arc::default(),
    });
    let router = router(state.clone());
    Scene { store, bus, presence, commands, state, router, seq: 0, _dir: dir }
}

/// What an echo finds that is no socket.
fn echoed(webhook: &Webhook, delivery: Delivery) -> Echo {
    let (first, headers) = ("POST http://192.168.0.2/...".to_owned(), vec![("x-a".to_owned(), "1".to_owned())]);
    let findings = vec![Finding { is_right: true, text: "The signature is right.".to_owned() }];
    Echo { webhook: webhook.id, at: delivery.created_at, came: Came { first, headers, body: delivery.body }, findings }
}

/// The pipeline without rules.
async fn commit_all(store: Store, mut exit: Exit, desk: Arc<Desk>) {
    let mut batches = Vec::new();
    while exit.take(&mut batches, 64).await {
        let ids = batches.iter().map(|batch| batch.id).collect();
        let commit = Commit { batches: std::mem::take(&mut batches), ..Commit::default() };
        let verdict = store.commit(commit).await.map_or(Verdict::Refused, |_| Verdict::Stored);
        desk.settle(ids, verdict);
    }
}

pub(in crate::http) struct Answer {
    pub(in crate::http) status: StatusCode,
    pub(in crate::http) headers: axum::http::HeaderMap,
    pub(in crate::http) text: String,
}

impl Answer {
    pub(in crate::http) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// What is wrong, also in the words of InfluxDB, of OpenTelemetry and of Prometheus.
    pub(in crate::http) fn problem(&self) -> (u16, Value, Value) {
        let json = self.json();
        if json["errorType"].is_string() {
            assert!(json["status"] == "error" && json["error"].is_string(), "{}", self.text);
            return (self.status.as_u16(), json["errorType"].clone(), Value::Null);
        }
        let info = &json["details"][0];
        if info.is_object() {
            let field = Some(&info["metadata"]["field"]).filter(|field| **field != "").cloned().unwrap_or_default();
            return (self.status.as_u16(), info["reason"].clone(), field);
        }
        if self.headers[header::CONTENT_TYPE] == "application/json" {
            assert!(json["message"].is_string() && json["message"] == json["error"], "{}", self.text);
        } else {
            assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{}", self.text);
            assert_eq!(json["status"], self.status.as_u16());
        }
        (self.status.as_u16(), json["code"].clone(), json["field"].clone())
    }
}

impl Scene {
    pub(in crate::http) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.respond(request).await;
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// The answer before its body is read.
    pub(in crate::http) async fn respond(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(in crate::http) async fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path, ADMIN).body(Body::empty()).unwrap()).await
    }

    pub(in crate::http) async fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(json(request(method, path, ADMIN), body)).await
    }

    pub(in crate::http) async fn token(&self, scope: Scope) -> String {
        self.token_for(scope, &[]).await
    }

    /// A token that is only for devices with these labels.
    pub(in crate::http) async fn token_for(&self, scope: Scope, labels: &[(&str, &str)]) -> String {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (secret, now) = ([scope as u8 + 1; 20], Clock.wall());
        let row = self.store.create_token("t".to_owned(), scope, labels, sha256(&secret), None, now).await.unwrap();
        ApiToken { id: row.id, secret }.text()
    }

    /// The cookie of an admin's browser that is signed in.
    pub(in crate::http) async fn session(&self, number: u8) -> String {
        let admin = match self.store.first_admin().unwrap() {
            Some(admin) => admin.id,
            None => self.user("admin", Role::Admin).await,
        };
        self.session_of(admin, number.into()).await
    }

    /// Somebody who has not chosen a password yet; their number.
    pub(in crate::http) async fn user(&self, name: &str, role: Role) -> u64 {
        let now = Clock.wall();
        let invite = Invite { hash: sha256(name.as_bytes()), until: now.plus(86_400_000) };
        self.store.create_user(name.to_owned(), role, invite, now).await.unwrap().id
    }

    /// Somebody with a password; their number.
    pub(in crate::http) async fn person(&self, name: &str, role: Role, password: &str) -> u64 {
        let id = self.user(name, role).await;
        let hash = self.state.own.keys.passwords.hash(password.to_owned(), [7; 16]).await.unwrap();
        self.store.set_password(id, hash, None, Clock.wall()).await.unwrap();
        id
    }

    /// What a browser with a cookie is answered.
    pub(in crate::http) async fn by(&self, cookie: &str, method: &str, path: &str, body: &Value) -> Answer {
        self.send(json(request(method, path, "").header(header::COOKIE, cookie), body)).await
    }

    /// The cookie of a browser of somebody.
    pub(in crate::http) async fn session_of(&self, user: u64, number: u32) -> String {
        let (secret, at) = (sha256(&number.to_be_bytes()), Clock.wall());
        let expires_at = at.plus(30 * 86_400_000);
        let (address, browser) = ("192.168.0.5".to_owned(), "Firefox on Linux".to_owned());
        let new = NewSession { hash: sha256(&secret), user, at, expires_at, address, browser };
        self.store.create_session(new).await.unwrap();
        format!("thub={}", URL_SAFE_NO_PAD.encode(secret))
    }

    /// An adopted device with a `temp` in Cel and a `hum` in %, a reading a second.
    pub(in crate::http) async fn device(&self, number: u8, name: &str) -> (Device, Vec<SeriesId>) {
        let new = NewDevice {
            key: PublicKey([number; 32]),
            introduction: Introduction { name: name.to_owned(), model: "test".to_owned(), ..Introduction::default() },
            address: None,
            at: Clock.wall(),
            join_token: None,
            handshake_counter: 0,
        };
        let device = self.store.adopt(new).await.unwrap();
        let sensor = |name: &str, unit: &str| SensorSpec {
            name: name.to_owned(),
            unit: unit.to_owned(),
            kind: SensorKind::Gauge,
            interval_ms: 1_000,
        };
        let sensors = vec![sensor("temp", "Cel"), sensor("hum", "%")];
        let series = self.store.register_sensors(device.no, SensorNo(0), sensors).await.unwrap();
        (device, series)
    }

    /// Commits points of `temp` (sensor 0) and publishes them, as ingest does.
    pub(in crate::http) async fn measure(&mut self, device: &Device, series: SeriesId, points: &[(i64, f64)]) {
        let batch = self.batch(device, series, points, Lane::Live);
        let commit = Commit { batches: vec![batch.clone()], ..Commit::default() };
        self.store.commit(commit).await.unwrap();
        self.bus.publish(Arc::new(crate::live::Update::Batches(vec![batch])));
    }

    fn batch(&mut self, device: &Device, series: SeriesId, points: &[(i64, f64)], lane: Lane) -> Batch {
        let mut builder = wire::batch::BatchBuilder::new(1_200);
        for (at, value) in points {
            let reading = wire::Reading { sensor: SensorNo(0), at: UnixMillis(*at), value: *value };
            assert!(builder.push(&reading), "too many points for a batch");
        }
        let seq = BatchSeq(self.seq);
        self.seq += 1;
        Batch {
            id: BatchId { device: device.no, epoch: Epoch(1), seq },
            lane,
            received_at: Clock.wall(),
            payload: builder.finish(),
            series: vec![series; points.len()],
            at: points.iter().map(|point| UnixMillis(point.0)).collect(),
            value: points.iter().map(|point| point.1).collect(),
        }
    }

    /// A batch for listeners only: as many points as wanted.
    pub(in crate::http) fn unstored(&mut self, device: &Device, series: SeriesId, points: &[(i64, f64)]) -> Batch {
        let first = self.batch(device, series, &points[..1], Lane::Live);
        Batch {
            series: vec![series; points.len()],
            at: points.iter().map(|point| UnixMillis(point.0)).collect(),
            value: points.iter().map(|point| point.1).collect(),
            ..first
        }
    }

    /// A device that waits.
    pub(in crate::http) fn wait(&self, number: u8, name: &str) -> DeviceId {
        let key = PublicKey([number; 32]);
        let id = DeviceId::of(&key);
        let now = Clock.wall();
        self.presence.write().pending.insert(
            id,
            Pending {
                id,
                key,
                introduction: Introduction { name: name.to_owned(), ..Introduction::default() },
                address: SocketAddr::from(([192, 168, 0, 7], 4000)),
                first_seen: now,
                last_seen: now,
                preview: vec![("temp".to_owned(), "Cel".to_owned(), 21.5)],
                handshake_counter: 1,
            },
        );
        id
    }

    /// Authenticated data came from a device this long ago.
    pub(in crate::http) fn hear(&self, device: &Device, ago_ms: i64) {
        let now = Clock.wall();
        self.presence.write().links.insert(
            device.no,
            Link {
                address: SocketAddr::from(([192, 168, 0, 9], 4000)),
                last_seen: now.plus(-ago_ms),
                session_since: now.plus(-60_000),
                loss_pct: 0.5,
                rtt_ms: Some(1.5),
                clock_offset_ms: None,
                spool_batches: 3,
                dropped_readings: 0,
            },
        );
    }
}

pub(in crate::http) fn request(method: &str, path: &str, token: &str) -> axum::http::request::Builder {
    let builder = Request::builder().method(method).uri(path).header(header::HOST, "localhost:8080");
    let builder = builder.extension(Peer(SocketAddr::from(([192, 168, 0, 5], 999))));
    if token.is_empty() { builder } else { builder.header(header::AUTHORIZATION, format!("Bearer {token}")) }
}

pub(in crate::http) fn json(builder: axum::http::request::Builder, body: &Value) -> Request<Body> {
    builder.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
}
