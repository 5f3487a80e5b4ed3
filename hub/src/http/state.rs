//! What the HTTP shell is given: handles to the rest of the hub, and facts about it.
//!
//! `hub` fills [`Wiring`] and makes an [`AppState`] of it. HTTP knows no other shell: figures, metrics come as functions.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::FromRef;
use axum::http::StatusCode;
use tokio::sync::{Mutex as AsyncMutex, Notify, broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::delivery::policy::Policy;
use crate::http::config::Config;
use crate::http::error::ApiError;
use crate::http::keys::Keys;
use crate::http::shares::newcomers::Newcomers;
use crate::http::shares::rooms::Rooms;
use crate::http::shares::throttle::{Codes, Lines, Throttle};
use crate::ingest::desk::Desk;
use crate::ingest::learning::Learning;
use crate::ingest::queue::Entrance;
use crate::live::Bus;
use crate::model::{DeviceId, HubId, UnixMillis};
use crate::password::Passwords;
use crate::presence::{Grace, Presence};
use crate::pressure::{Pressure, Shed};
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

/// Where readings go in.
#[derive(Debug)]
pub(crate) struct Intake {
    /// The way to the disk.
    pub entrance: Entrance,
    /// Where their acknowledgement is waited for.
    pub desk: Arc<Desk>,
    /// What the rules have learned of them.
    pub learning: Arc<Learning>,
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
    /// Where readings go in.
    pub intake: Intake,
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
    /// How long a device may be away before the hub tells of it.
    pub grace: Arc<Grace>,
    /// Figures that move.
    pub figures: Snapshot<Figures>,
    /// The text of `/metrics`.
    pub metrics: Snapshot<String>,
    /// Pinged after a rule changed, so that ingest reloads them.
    pub rules_changed: Arc<Notify>,
    /// Where webhooks may go: told to whoever makes one, before the first delivery fails.
    pub webhook_policy: Policy,
}

/// The way to the endpoint, which speaks with the devices.
#[derive(Debug, Clone)]
pub(super) struct Endpoint(mpsc::Sender<Command>);

impl Endpoint {
    /// Tells it; waits while its queue is full.
    pub(super) async fn tell(&self, command: Command) -> Result<(), ApiError> {
        self.0.send(command).await.map_err(|_| ApiError::stopping())
    }
}

/// State of every handler. Clones share it.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Shared>);

/// What the clones share.
pub(crate) struct Shared {
    wiring: Wiring,
    /// Of whoever lets somebody in.
    pub(super) keys: Arc<Keys>,
    /// The devices' end of the network.
    pub(super) endpoint: Endpoint,
    /// Room for what is held in memory, and for what runs at once.
    pub(super) rooms: Arc<Rooms>,
    /// What it says of requests by foreign names and from foreign pages.
    pub(super) foreign_lines: Lines,
    /// Devices and series that were made by sending readings.
    pub(super) newcomers: Newcomers,
    /// Join tokens in links that did not work.
    pub(super) bad_links: Throttle,
    /// One change of hardware at a time.
    pub(super) replacing: Arc<AsyncMutex<()>>,
    /// Live connections and exports.
    pub(super) sockets: TaskTracker,
    /// Cancelled when the server stops: live connections close, exports are cut.
    pub(super) closing: CancellationToken,
    open_sockets: AtomicUsize,
    /// Live connections closed because they took nothing.
    pub(super) too_slow: AtomicU64,
    /// Connections that found no place.
    pub(super) refused: AtomicU64,
    /// Connections of strangers that gave way to others.
    pub(super) gave_way: Arc<AtomicU64>,
}

impl Deref for Shared {
    type Target = Wiring;

    fn deref(&self) -> &Wiring {
        &self.wiring
    }
}

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<AppState> for Arc<Keys> {
    fn from_ref(app: &AppState) -> Self {
        Self::clone(&app.keys)
    }
}

impl FromRef<AppState> for Arc<Rooms> {
    fn from_ref(app: &AppState) -> Self {
        Self::clone(&app.rooms)
    }
}

impl FromRef<AppState> for Store {
    fn from_ref(app: &AppState) -> Self {
        app.store.clone()
    }
}

impl FromRef<AppState> for Clock {
    fn from_ref(app: &AppState) -> Self {
        app.clock
    }
}

impl AppState {
    /// Makes the state.
    #[must_use]
    pub(crate) fn new(wiring: Wiring) -> Self {
        let keys = Keys {
            store: wiring.store.clone(),
            clock: wiring.clock,
            admin_token: wiring.config.admin_token,
            local_key: wiring.config.local_key,
            login_code: wiring.config.login_code,
            hostname: wiring.config.hostname.clone(),
            passwords: Passwords::default(),
            attempts: Throttle::default(),
            codes: Codes::default(),
            attempt_lines: Lines::default(),
            access_ended: wiring.access_ended.clone(),
        };
        let endpoint = Endpoint(wiring.commands.clone());
        Self(Arc::new(Shared {
            wiring,
            endpoint,
            keys: Arc::new(keys),
            rooms: Arc::default(),
            foreign_lines: Lines::default(),
            newcomers: Newcomers::default(),
            bad_links: Throttle::default(),
            replacing: Arc::default(),
            sockets: TaskTracker::new(),
            closing: CancellationToken::new(),
            open_sockets: AtomicUsize::new(0),
            too_slow: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            gave_way: Arc::default(),
        }))
    }

    /// Open live connections.
    #[must_use]
    pub(crate) fn ws_clients(&self) -> usize {
        self.open_sockets.load(Ordering::Relaxed)
    }

    /// Counts one more live connection until the guard is dropped; `None` when there are too many.
    pub(super) fn open_socket(&self) -> Option<OpenSocket> {
        let limit = self.config.sockets;
        let more = |open: usize| (open < limit).then_some(open + 1);
        self.open_sockets.try_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(OpenSocket(self.clone()))
    }

    /// Refuses a query over the past while the hub is pressed: devices come first.
    pub(super) fn history(&self) -> Result<(), ApiError> {
        if !self.pressure.sheds(Shed::History) {
            return Ok(());
        }
        let detail = "the hub is overloaded: queries of stored readings are paused until it has caught up";
        Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).retry_after(5))
    }
}

/// One open live connection.
pub(super) struct OpenSocket(AppState);

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.open_sockets.fetch_sub(1, Ordering::Relaxed);
    }
}
