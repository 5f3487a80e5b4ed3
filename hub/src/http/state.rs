//! What the HTTP shell is given: handles to the rest of the hub, and facts about it.
//!
//! `hub` fills [`Wiring`] and makes an [`AppState`] of it. HTTP knows no other shell: figures, metrics come as functions.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::http::StatusCode;
use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore, broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::delivery::policy::Policy;
use crate::http::config::Config;
use crate::http::error::ApiError;
use crate::http::limits;
use crate::http::shares::newcomers::Newcomers;
use crate::http::shares::throttle::{Codes, Lines, Throttle};
use crate::http::shares::{House, PLACE, Shares};
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
pub struct HubInfo {
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
pub struct Figures {
    /// Readings stored a second, over the last few seconds.
    pub readings_per_s: f64,
    /// 99 of 100 batches were acknowledged within this many milliseconds.
    pub ack_p99_ms: Option<f64>,
    /// Discovery questions answered since the start.
    pub probes: u64,
}

/// Who may join, as last set: the endpoint follows it by [`Command::Policy`].
#[derive(Debug)]
pub struct JoinState(Mutex<Join>);

/// A policy, and an open window over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Join {
    /// Outside the window.
    pub policy: JoinPolicy,
    /// End of the open window, on both clocks.
    pub open_until: Option<(Instant, UnixMillis)>,
}

impl JoinState {
    /// Begins with a policy and no window.
    #[must_use]
    pub fn new(policy: JoinPolicy) -> Self {
        Self(Mutex::new(Join { policy, open_until: None }))
    }

    /// Who may join at `now`.
    #[must_use]
    pub fn get(&self, now: Instant) -> Join {
        let mut join = self.lock();
        if join.open_until.is_some_and(|(end, _)| end <= now) {
            join.open_until = None;
        }
        *join
    }

    /// Changes who may join.
    pub fn set(&self, join: Join) {
        *self.lock() = join;
    }

    fn lock(&self) -> MutexGuard<'_, Join> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where readings go in.
#[derive(Debug)]
pub struct Intake {
    /// The way to the disk.
    pub entrance: Entrance,
    /// Where their acknowledgement is waited for.
    pub desk: Arc<Desk>,
    /// What the rules have learned of them.
    pub learning: Arc<Learning>,
}

/// A snapshot function.
pub type Snapshot<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// What `hub` hands over.
pub struct Wiring {
    /// What an operator set.
    pub config: Config,
    /// The store.
    pub store: Store,
    /// Links and pending devices.
    pub presence: Arc<Presence>,
    /// Where readings go in.
    pub intake: Intake,
    /// What just happened.
    pub bus: Bus,
    /// To the endpoint.
    pub commands: mpsc::Sender<Command>,
    /// Devices of which nothing is under way any more, once that was asked for.
    pub parted: broadcast::Sender<DeviceId>,
    /// Told when sessions or tokens were ended: live connections look whether theirs is among them.
    pub access_ended: watch::Sender<()>,
    /// What is given up at the moment.
    pub pressure: Arc<Pressure>,
    /// Time.
    pub clock: Clock,
    /// Facts.
    pub info: HubInfo,
    /// TLS, where it is served by that.
    pub tls: Option<Arc<Tls>>,
    /// Who may join.
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

/// State of every handler. Clones share it.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// What the clones share.
pub struct Shared {
    wiring: Wiring,
    /// Password hashes, few at a time.
    pub(super) passwords: Passwords,
    /// Attempts to sign in.
    pub(super) attempts: Throttle,
    /// Wrong codes beside right passwords, by user.
    pub(super) codes: Codes,
    /// What the log says of those that were wrong.
    pub(super) attempt_lines: Lines,
    /// What it says of requests by foreign names and from foreign pages.
    pub(super) foreign_lines: Lines,
    /// Rules being tried on the past.
    pub(super) trials: Semaphore,
    /// Turns of those who have an answer made.
    pub(super) turns: Shares,
    /// Requests that wait for one.
    pub(super) waiting: Shares,
    /// Places for exports.
    pub(super) exports: Shares,
    /// Exports that read the store at the moment.
    pub(super) export_pages: Semaphore,
    /// Devices and series that were made by sending readings.
    pub(super) newcomers: Newcomers,
    /// Join tokens in links that did not work.
    pub(super) bad_links: Throttle,
    /// Programs that are read and packed for devices.
    pub(super) packing: Semaphore,
    /// One change of hardware at a time.
    pub(super) replacing: AsyncMutex<()>,
    /// Files being imported.
    pub(super) imports: Arc<Semaphore>,
    /// Room for bodies with readings.
    pub(super) unpacking: Shares,
    /// Room for other bodies.
    pub(super) bodies: Shares,
    /// Room for answers.
    pub(super) answers: Shares,
    /// Room for live connections.
    pub(super) live: Shares,
    /// Such bodies being read.
    pub(super) reading: Semaphore,
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

impl AppState {
    /// Makes the state.
    #[must_use]
    pub fn new(wiring: Wiring) -> Self {
        let house = House::new(limits::IN_MEMORY);
        Self(Arc::new(Shared {
            wiring,
            passwords: Passwords::default(),
            attempts: Throttle::default(),
            codes: Codes::default(),
            attempt_lines: Lines::default(),
            foreign_lines: Lines::default(),
            trials: Semaphore::new(limits::TRIALS),
            turns: Shares::new(limits::TURNS * PLACE, limits::TURNS_OF_ONE * PLACE),
            waiting: Shares::new(limits::WAITING * PLACE, limits::WAITING_OF_ONE * PLACE),
            exports: Shares::new(limits::EXPORTS * PLACE, limits::EXPORTS_OF_ONE * PLACE),
            export_pages: Semaphore::new(limits::EXPORT_PAGES),
            newcomers: Newcomers::default(),
            bad_links: Throttle::default(),
            packing: Semaphore::new(limits::PACKING),
            replacing: AsyncMutex::default(),
            imports: Arc::new(Semaphore::new(limits::IMPORTS)),
            unpacking: Shares::within(&house, limits::UNPACKED, limits::UNPACKED / 2),
            bodies: Shares::within(&house, limits::BODIES, limits::BODIES / 2),
            answers: Shares::within(&house, limits::ANSWERS, limits::ANSWERS_OF_ONE),
            live: Shares::new(limits::LIVE, limits::LIVE / 2),
            reading: Semaphore::new(limits::READ_AT_ONCE),
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
    pub fn ws_clients(&self) -> usize {
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

    /// Tells the endpoint; waits while its queue is full.
    pub(super) async fn command(&self, command: Command) -> Result<(), ApiError> {
        self.commands.send(command).await.map_err(|_| ApiError::stopping())
    }
}

/// One open live connection.
pub(super) struct OpenSocket(AppState);

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.open_sockets.fetch_sub(1, Ordering::Relaxed);
    }
}
