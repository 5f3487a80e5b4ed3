//! The composition root: binds the sockets, opens the store, makes every channel, starts every task.
//!
//! The only file that knows everybody. `main`, the demo and the tests all start the same [`Hub`]; tests bind port 0 and ask
//! for the real addresses.
//!
//! ```text
//!   agents ⇄ udp ──batches──▶ ingest ──▶ store ──▶ (disk)          http ⇄ browsers, programs
//!             ▲ └──events──▶ registrar ─┘   │ └─outbox─▶ dispatcher ──▶ webhooks
//!             └──outcomes── ingest          └─▶ live bus ──▶ http
//! ```
//!
//! At the end only `udp`, `http`, `discovery` and the dispatcher are told to stop; the rest runs dry behind them.

mod binding;
mod encryption;
mod endpoint;
mod metrics;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context;
use jiff::tz::TimeZone;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use wire::HubId;
use wire::discovery::GROUP_V4;
use wire::handshake::Responder;

use self::binding::Ports;
use self::endpoint::{Machines, new_endpoint, random};
use self::metrics::exposition;
use crate::bundle::agents::Agents;
use crate::clock::Clock;
use crate::config::{Config, Reach};
use crate::delivery::payload::Teller;
use crate::delivery::policy::{Mode, Policy};
use crate::http::state::{AppState, Figures, HubInfo, Intake, JoinState, Wiring};
use crate::ingest::desk::Desk;
use crate::ingest::learning::Learning;
use crate::ingest::pace::Pace;
use crate::ingest::queue::queue;
use crate::ingest::{Ingest, Waiting};
use crate::live::{Bus, Update};
use crate::observe::{Histogram, Meter};
use crate::presence::{Grace, Presence};
use crate::pressure::Pressure;
use crate::proto::command::JoinPolicy;
use crate::proto::counters::Counters;
use crate::proto::discovery::Card;
use crate::registrar::Registrar;
use crate::rules::Engine;
use crate::rules::silences::Silences;
use crate::running::Running;
use crate::store::{SecretKey, Store};
use crate::supervisor::Supervisor;
use crate::tls::Tls;
use crate::udp::socket::Socket;
use crate::udp::{Driver, discovery};
use crate::webhook::{self, Dispatcher};
use crate::zones::{self, Rules};
use crate::{access, http, identity, reach, running};

/// Outcomes on their way back: one a commit, taken at once.
const OUTCOME_QUEUE: usize = 64;
/// Joins, sensors, links: a fleet of a thousand that starts at once.
const EVENT_QUEUE: usize = 1_024;
/// Commands to the endpoint: people's clicks and answers to events.
const COMMAND_QUEUE: usize = 256;
/// Devices of which nothing is under way any more: one change of hardware at a time asks for two.
const PARTED_QUEUE: usize = 4;

/// A running hub.
pub struct Hub {
    supervisor: Supervisor,
    store: Store,
    clock: Clock,
    running: Running,
    tls: Option<Arc<Tls>>,
    id: HubId,
    /// What commands on this machine find it by; taken back at the end.
    word: running::Word,
}

impl Hub {
    /// Starts everything. When it returns, the hub answers.
    ///
    /// # Errors
    /// An address that is taken, a data directory that is in use or cannot be written, a damaged key.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let clock = Clock;
        let admin_token = admin_token(&config)?;
        let ports = Ports::take(&config)?;
        let files = encryption::of_files(&config, clock)?;
        let secret_key = SecretKey::load_or_create(&config.data)?;
        let store_config = crate::store::Config {
            dir: config.data.clone(),
            max_bytes: config.max_size,
            retention: config.keep.clone().unwrap_or_default(),
            limits: config.limits,
            ..Default::default()
        };
        let store = Store::open(&store_config, &secret_key)?;
        if let (None, Some(saved)) = (&config.keep, crate::settings::saved_retention(&store).await?) {
            store.set_retention(saved);
        }
        let keys = identity::load_or_create(&store).await?;
        let id = HubId::of(&keys.public);
        let join = config.join.or(crate::settings::saved_policy(&store).await?).unwrap_or(JoinPolicy::Click);

        let (listener, socket) = ports.open()?;
        let http_address = listener.local_addr()?;
        let udp_address = SocketAddr::new(config.udp.ip(), socket.port()?);
        warn_about_buffer(&socket);
        warn_about_zones(clock);

        let mut supervisor = Supervisor::default();
        let tls = match encryption::of_authority(&config, id, clock)?.or(files) {
            Some((tls, keeper)) => {
                supervisor.spawn("tls", keeper.run(clock, supervisor.stop()));
                Some(Arc::new(tls))
            }
            None => None,
        };
        let (batches_in, batches) = queue(config.ingest_queue);
        let (outcomes_in, outcomes) = mpsc::channel(OUTCOME_QUEUE);
        let (events_in, events) = mpsc::channel(EVENT_QUEUE);
        let (floors_in, floors) = mpsc::channel(COMMAND_QUEUE);
        let (commands_in, commands) = mpsc::channel(COMMAND_QUEUE);
        let (parted, _) = broadcast::channel(PARTED_QUEUE);
        let access_ended = watch::Sender::new(());
        let desk = Arc::new(Desk::default());
        let learning = Arc::new(Learning::default());
        let rules_changed = Arc::new(Notify::new());
        let presence = Arc::new(Presence::default());
        presence.resume(&store.catalog(), clock.wall());
        let bus = Bus::default();
        let counters = Arc::new(Counters::default());
        let pressure = Arc::new(Pressure::default());
        let latency = Arc::new(Histogram::default());
        let meter = Arc::new(Meter::default());

        let card = Card { hub: id, key: keys.public, port: udp_address.port(), accepting: Arc::default() };
        let machines = Machines::of(&store).await?;
        let conflicts = machines.claims.iter().filter_map(|(device, claim)| Some((*device, claim.conflict?)));
        presence.write().conflicts = conflicts.collect();
        let responder = Responder::new(keys);
        let endpoint = new_endpoint(&store, clock, join, responder, card.clone(), (&counters, &pressure), machines)?;
        let stop = supervisor.stop();
        let driver = Driver {
            endpoint,
            socket,
            batches: batches_in.clone(),
            events: events_in,
            outcomes,
            commands,
            pressure: Arc::clone(&pressure),
            clock,
        };
        supervisor.spawn("udp", driver.run(stop.clone()));
        if config.discovery {
            match discovery::Groups::join() {
                Ok(groups) => {
                    let random = random()?;
                    let responder =
                        crate::proto::discovery::Responder::new(card, clock.now(), random, Arc::clone(&counters));
                    supervisor.spawn("discovery", discovery::run(groups, responder, clock, stop.clone()));
                }
                Err(error) => tracing::warn!(%error, "no multicast here ({error}): agents need --hub"),
            }
        }

        let engine = Engine::new(store.list_rules().await?, store.open_alerts().await?, store.next_alert_id().await?);
        let grace = Arc::new(Grace::new(crate::settings::saved_grace(&store).await?));
        let absences = {
            let (store, presence, grace) = (store.clone(), Arc::clone(&presence), Arc::clone(&grace));
            Arc::new(move |now| presence.absences(&store.catalog(), &grace, now))
        };
        let clocks = {
            let presence = Arc::clone(&presence);
            Arc::new(move || presence.clocks())
        };
        let zone = zones::own().and_then(|name| zones::named(&name)).unwrap_or(TimeZone::UTC);
        let ingest = Ingest {
            batches,
            floors,
            outcomes: outcomes_in,
            desk: Arc::clone(&desk),
            rules_changed: Arc::clone(&rules_changed),
            store: store.clone(),
            engine,
            learning: Arc::clone(&learning),
            webhooks: store.webhooks().await?,
            silences: Silences::new(store.silences().await?, store.muted_alerts().await?),
            bus: bus.clone(),
            pace: config.commit_interval.map_or(Pace::ByLoad, Pace::Every),
            teller: Teller { url: config.url.clone(), zone },
            clock,
            latency: Arc::clone(&latency),
            meter: Arc::clone(&meter),
            absences,
            clocks,
            waiting: Waiting::default(),
        };
        supervisor.spawn("ingest", ingest.run());
        let registrar = Registrar {
            commands: commands_in.clone(),
            floors: floors_in,
            tokens_used: Arc::default(),
            reports: Arc::default(),
            parted: parted.clone(),
            access_ended: access_ended.clone(),
            store: store.clone(),
            rules_changed: Arc::clone(&rules_changed),
            presence: Arc::clone(&presence),
            bus: bus.clone(),
            clock,
        };
        supervisor.spawn("registrar", registrar.run(events));

        let webhook_counters = Arc::new(webhook::Counters::default());
        let settled = bus.clone();
        let webhook_policy = Policy {
            allow: config.webhook_allow.clone(),
            mode: match config.webhook_policy {
                Reach::Lan => Mode::Lan,
                Reach::Internet => Mode::Internet,
            },
            own: Some(http_address),
        };
        let dispatcher = Dispatcher::new(
            store.clone(),
            webhook::Client::new(id, webhook_policy.clone())?,
            Arc::clone(&webhook_counters),
            Arc::new(move |delivery| settled.publish(Arc::new(Update::Delivery(delivery)))),
        );
        supervisor.spawn("webhooks", webhook::run(dispatcher, stop.clone()));

        let figures = {
            let (meter, latency, counters) = (Arc::clone(&meter), Arc::clone(&latency), Arc::clone(&counters));
            Arc::new(move || Figures {
                readings_per_s: meter.rate(clock.now()),
                ack_p99_ms: latency.quantile_ms(0.99),
                probes: counters.probes.load(Ordering::Relaxed),
            })
        };
        let metrics = {
            let (store, presence, pressure) = (store.clone(), Arc::clone(&presence), Arc::clone(&pressure));
            let desk = Arc::clone(&desk);
            Arc::new(move || {
                let pushed = &desk.counters;
                exposition(&store, &presence, &counters, pushed, &pressure, &webhook_counters, &latency, &meter)
            })
        };
        let key = access::hex(&crate::random::bytes::<32>()?);
        let running = Running {
            http: http_address,
            udp: udp_address,
            discovery: config.discovery,
            tls: tls.is_some(),
            names: tls.as_deref().map(encryption::names).unwrap_or_default(),
            key,
        };
        let state = AppState::new(Wiring {
            config: http::config::Config {
                allowed_hosts: config.names(),
                trusted_proxies: config.trusted_proxies.clone(),
                hostname: reach::hostname(),
                admin_token,
                local_key: Some(access::sha256(running.key.as_bytes())),
                login_code: config.login_code.as_deref().map(|code| access::sha256(code.as_bytes())),
                setup_file: Some(config.data.join(crate::links::SETUP_FILE)),
                agents: Agents::new(config.agents.clone(), &config.data),
                retention_configured: config.keep.is_some(),
                ..Default::default()
            },
            store: store.clone(),
            presence,
            intake: Intake { entrance: batches_in, desk, learning },
            bus,
            commands: commands_in,
            parted,
            access_ended,
            pressure,
            clock,
            info: HubInfo {
                id,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                http: http_address,
                udp: udp_address,
                url: config.url.clone(),
                started_at: clock.wall(),
                discovery: config.discovery,
                discovery_group: GROUP_V4.to_string(),
                time_zone: zones::own(),
            },
            tls: tls.clone(),
            join: Arc::new(JoinState::new(join)),
            grace,
            figures,
            metrics,
            webhook_policy,
            rules_changed,
        });
        supervisor.spawn("check", store.clone().keep_checking(stop.clone().cancelled_owned()));
        supervisor.spawn("http", http::serve(listener, state, stop));
        let word = running.leave(&config.data).with_context(|| format!("writing into {}", config.data.display()))?;
        Ok(Self { supervisor, store, clock, running, tls, id, word })
    }

    /// Where the page is.
    #[must_use]
    pub const fn http(&self) -> SocketAddr {
        self.running.http
    }

    /// TLS, where it is served by that.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_deref()
    }

    /// Where browsers find the page.
    #[must_use]
    pub fn links(&self) -> Vec<String> {
        self.running.links()
    }

    /// Where agents send to.
    #[must_use]
    pub const fn udp(&self) -> SocketAddr {
        self.running.udp
    }

    /// The hub's id.
    #[must_use]
    pub const fn id(&self) -> HubId {
        self.id
    }

    /// The store behind it.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Time as this hub reads it.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// Runs until `until` completes, then drains, commits, says goodbye, and closes the store.
    ///
    /// # Errors
    /// The first task that failed, by name.
    pub async fn run(self, until: impl Future<Output = ()>) -> anyhow::Result<()> {
        let outcome = self.supervisor.run(until).await;
        drop(self.word);
        let closed = self.store.close().await;
        outcome?;
        Ok(closed?)
    }
}

fn warn_about_zones(clock: Clock) {
    if let Some(warning) = Rules::in_use().warning(clock.wall()) {
        tracing::warn!("{warning}");
    }
}

fn warn_about_buffer(socket: &Socket) {
    let (granted, wanted) = (socket.receive_buffer(), Socket::wanted_buffer());
    if granted < wanted {
        tracing::warn!(
            granted,
            "the kernel grants {} KiB of UDP receive buffer; for bursts of a large fleet: sysctl -w net.core.rmem_max={wanted}",
            granted / 1_024,
        );
    }
}

fn admin_token(config: &Config) -> anyhow::Result<Option<[u8; 32]>> {
    let Some(path) = &config.admin_token_file else { return Ok(None) };
    let text = std::fs::read_to_string(path).with_context(|| format!("--admin-token-file {}", path.display()))?;
    let text = text.trim();
    anyhow::ensure!(text.len() >= 16, "--admin-token-file {}: a token has at least 16 characters", path.display());
    Ok(Some(access::sha256(text.as_bytes())))
}
