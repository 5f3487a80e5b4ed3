//! What the HTTP shell is given: handles to the rest of the hub, and facts about it.
//!
//! `hub` fills [`Wiring`] and makes an [`AppState`] of it. HTTP knows no other shell: figures, metrics come as functions.
//! A handler never names the whole state: it takes the parts it needs by `State`, and `parts` says of what each is made.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::future::BoxFuture;
use tokio::sync::{Mutex as AsyncMutex, Notify, broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use utoipa_axum::router::OpenApiRouter;

use crate::clock::Clock;
use crate::delivery::heartbeat::Pulse;
use crate::delivery::message::echo::{Echo, Echoes};
use crate::delivery::policy::Policy;
use crate::delivery::sign::PictureKey;
use crate::door::prometheus::Said;
use crate::http::config::Config;
use crate::http::error::ApiError;
use crate::http::keys::Keys;
use crate::http::names::Names;
use crate::http::shares::rooms::Rooms;
use crate::http::shares::sockets::Sockets;
use crate::http::shares::throttle::{Codes, Lines, Throttle};
use crate::ingest::learning::Learning;
use crate::ingest::way::Way;
use crate::live::Bus;
use crate::model::topic_rule::TopicRules;
use crate::model::webhook::{Delivery, Webhook};
use crate::model::{DeviceId, HubId, UnixMillis};
use crate::password::Passwords;
use crate::presence::Presence;
use crate::pressure::Pressure;
use crate::proto::command::{Command, JoinPolicy};
use crate::store::Store;
use crate::tls::Tls;

/// Facts about the hub that do not change while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HubInfo {
    /// Its id; the words follow from it.
    pub id: HubId,
    /// Version of the program.
    pub version: String,
    /// Where it listens for browsers.
    pub http: SocketAddr,
    /// Where it listens for devices.
    pub udp: SocketAddr,
    /// Its page as others open it, where somebody said so.
    pub url: Option<String>,
    /// When it started.
    pub started_at: UnixMillis,
    /// Whether it answers discovery.
    pub discovery: bool,
    /// Multicast group it listens on.
    pub discovery_group: String,
    /// Name of the time zone of its computer, if that has one: `Europe/Berlin`.
    pub time_zone: Option<String>,
}

/// Figures that move.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Figures {
    /// Readings stored a second, over the last few seconds.
    pub readings_per_s: f64,
    /// 99 of 100 batches were acknowledged within this many milliseconds.
    pub ack_p99_ms: Option<f64>,
    /// Discovery questions answered since the start.
    pub probes: u64,
}

/// Who may join, as last set: the endpoint follows it by [`Command::Policy`].
#[derive(Debug)]
pub(crate) struct JoinState(Mutex<Join>);

/// A policy, and an open window over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Join {
    /// Outside the window.
    pub policy: JoinPolicy,
    /// End of the open window, on both clocks.
    pub open_until: Option<(Instant, UnixMillis)>,
}

impl JoinState {
    /// Begins with a policy and no window.
    #[must_use]
    pub(crate) fn new(policy: JoinPolicy) -> Self {
        Self(Mutex::new(Join { policy, open_until: None }))
    }

    /// Who may join at `now`.
    #[must_use]
    pub(crate) fn get(&self, now: Instant) -> Join {
        let mut join = self.lock();
        if join.open_until.is_some_and(|(end, _)| end <= now) {
            join.open_until = None;
        }
        *join
    }

    /// Changes who may join.
    pub(crate) fn set(&self, join: Join) {
        *self.lock() = join;
    }

    fn lock(&self) -> MutexGuard<'_, Join> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A way that readings come by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DoorState {
    pub name: &'static str,
    /// Whether somebody turned it on.
    pub is_on: bool,
    /// Where it is open, or to whom it connects.
    pub address: Option<String>,
    pub is_unauthenticated: bool,
    /// Where it connects to somebody.
    pub is_connected: Option<bool>,
    pub connected_since: Option<UnixMillis>,
    /// Requests, lines or messages since the start.
    pub came: u64,
    /// Readings of those on disk.
    pub readings: u64,
    /// What was refused or dropped, by reason.
    pub refused: Vec<(&'static str, u64)>,
    /// What went wrong last.
    pub error: Option<(UnixMillis, String)>,
}

/// A topic of MQTT that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    pub topic: String,
    pub why: &'static str,
    pub count: u64,
    pub payload: String,
    pub at: UnixMillis,
}

/// What is told of the doors.
#[derive(Clone)]
pub(crate) struct Doors {
    pub all: Snapshot<Vec<DoorState>>,
    pub unread: Snapshot<Vec<Unread>>,
}

impl Default for Doors {
    fn default() -> Self {
        Self { all: Arc::new(Vec::new), unread: Arc::new(Vec::new) }
    }
}

/// A snapshot function.
pub(crate) type Snapshot<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// What `hub` hands over.
pub(crate) struct Wiring {
    /// What an operator set.
    pub config: Config,
    pub store: Store,
    /// Links and pending devices.
    pub presence: Arc<Presence>,
    /// Of readings to the disk.
    pub way: Way,
    /// What the rules have learned of the readings.
    pub learning: Arc<Learning>,
    /// What just happened.
    pub bus: Bus,
    pub commands: mpsc::Sender<Command>,
    /// Devices of which nothing is under way any more, once that was asked for.
    pub parted: broadcast::Sender<DeviceId>,
    /// Told when sessions or tokens were ended: live connections look whether theirs is among them.
    pub access_ended: watch::Sender<()>,
    /// What is given up at the moment.
    pub pressure: Arc<Pressure>,
    pub clock: Clock,
    pub info: HubInfo,
    /// TLS, where it is served by that.
    pub tls: Option<Arc<Tls>>,
    pub join: Arc<JoinState>,
    /// Figures that move.
    pub figures: Snapshot<Figures>,
    /// What came by which door.
    pub doors: Doors,
    /// What people say of topics of MQTT; the door follows it.
    pub topic_rules: watch::Sender<Arc<TopicRules>>,
    /// The text of `/metrics`.
    pub metrics: Snapshot<String>,
    /// Pinged after a rule changed, so that ingest reloads them.
    pub rules_changed: Arc<Notify>,
    /// Pinged after alerts were acknowledged.
    pub acknowledged: Arc<Notify>,
    /// Where webhooks may go: told to whoever makes one, before the first delivery fails.
    pub webhook_policy: Policy,
    /// What sends a message of a webhook to an echo.
    pub send_echo: SendEcho,
    /// Signs links to pictures of alerts.
    pub pictures: PictureKey,
    /// What came of heartbeats.
    pub pulse: Arc<Pulse>,
    /// Pinged when another URL is to be called, or one now.
    pub heartbeat_wanted: Arc<Notify>,
}

/// Sends a message of a webhook to an echo; the error is for people.
pub(crate) type SendEcho = Arc<dyn Fn(Webhook, Delivery) -> BoxFuture<'static, Result<Echo, String>> + Send + Sync>;

/// The way to the endpoint, which speaks with the devices.
#[derive(Debug, Clone)]
pub(super) struct Endpoint(pub(super) mpsc::Sender<Command>);

impl Endpoint {
    /// Tells it; waits while its queue is full.
    pub(super) async fn tell(&self, command: Command) -> Result<(), ApiError> {
        self.0.send(command).await.map_err(|_| ApiError::stopping())
    }
}

/// Tells ingest to load its rules, silences, webhooks and device names again, for handlers that change them.
#[derive(Debug, Clone)]
pub(super) struct RulesChanged(pub(super) Arc<Notify>);

impl RulesChanged {
    /// Lets ingest load them again.
    pub(super) fn tell(&self) {
        self.0.notify_one();
    }
}

/// The bell that tells ingest of acknowledgements.
#[derive(Debug, Clone)]
pub(super) struct Acknowledged(pub(super) Arc<Notify>);

impl Acknowledged {
    /// Lets ingest tell others of them.
    pub(super) fn tell(&self) {
        self.0.notify_one();
    }
}

/// What goes on after an answer has begun: live connections, exports, an exchange of hardware.
#[derive(Debug, Clone, Default)]
pub(super) struct Ongoing {
    /// Waited for when the server stops.
    pub(super) tasks: TaskTracker,
    /// Cancelled when the server stops: live connections close, exports and imports are cut.
    pub(super) closing: CancellationToken,
}

/// State of the router. Clones share it.
#[derive(Clone)]
pub(crate) struct AppState {
    /// What `hub` handed over.
    pub(super) wiring: Arc<Wiring>,
    /// What HTTP has of its own.
    pub(super) own: Arc<Own>,
}

/// The routes of a resource.
pub(super) type Routes = OpenApiRouter<AppState>;

/// What HTTP has of its own, once for all requests.
pub(super) struct Own {
    /// For the handlers that let somebody in.
    pub(super) keys: Arc<Keys>,
    /// By which names the hub is called.
    pub(super) names: Arc<Names>,
    /// Room for what is held in memory, and for what runs at once.
    pub(super) rooms: Arc<Rooms>,
    /// Join tokens in links that did not work.
    pub(super) bad_links: Arc<Throttle>,
    /// One change of hardware at a time.
    pub(super) replacing: Arc<AsyncMutex<()>>,
    pub(super) ongoing: Ongoing,
    /// What Prometheus said of its metrics.
    pub(super) said: Arc<Said>,
    /// Live connections that are open.
    pub(super) sockets: Arc<Sockets>,
    /// Connections that found no place.
    pub(super) refused: Arc<AtomicU64>,
    /// Connections of strangers that gave way to others.
    pub(super) gave_way: Arc<AtomicU64>,
    /// One change of the rules for topics at a time.
    pub(super) ruling: Arc<AsyncMutex<()>>,
    /// What webhooks sent to an echo last.
    pub(super) echoes: Arc<Mutex<Echoes>>,
}

impl AppState {
    /// Makes the state.
    #[must_use]
    pub(crate) fn new(wiring: Wiring) -> Self {
        Self { own: Arc::new(Own::beside(&wiring)), wiring: Arc::new(wiring) }
    }
}

impl Own {
    fn beside(wiring: &Wiring) -> Self {
        let config = &wiring.config;
        let keys = Keys {
            store: wiring.store.clone(),
            clock: wiring.clock,
            admin_token: config.admin_token,
            local_key: config.local_key,
            login_code: config.login_code,
            setup_file: config.setup_file.clone(),
            hostname: config.hostname.clone(),
            passwords: Passwords::default(),
            attempts: Throttle::default(),
            codes: Codes::default(),
            attempt_lines: Lines::default(),
            access_ended: wiring.access_ended.clone(),
        };
        let names = Names {
            listed: config.allowed_hosts.clone(),
            hostname: config.hostname.clone(),
            url: wiring.info.url.clone(),
            foreign_lines: Lines::default(),
            clock: wiring.clock,
        };
        Self {
            keys: Arc::new(keys),
            names: Arc::new(names),
            rooms: Arc::default(),
            bad_links: Arc::default(),
            replacing: Arc::default(),
            ongoing: Ongoing::default(),
            said: Arc::default(),
            sockets: Arc::new(Sockets::new(config.sockets)),
            refused: Arc::default(),
            gave_way: Arc::default(),
            ruling: Arc::default(),
            echoes: Arc::default(),
        }
    }
}
