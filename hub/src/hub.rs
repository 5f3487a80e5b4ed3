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

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use wire::HubId;
use wire::discovery::GROUP_V4;
use wire::handshake::Responder;

use crate::bundle::agents::Agents;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::state::{AppState, Figures, HubInfo, JoinState, Wiring};
use crate::ingest::queue::queue;
use crate::ingest::{Ingest, Waiting};
use crate::live::{Bus, Update};
use crate::model::device::DeviceNo;
use crate::observe::{Exposition, Histogram, Meter};
use crate::presence::Presence;
use crate::pressure::Pressure;
use crate::proto::command::{Command, JoinPolicy};
use crate::proto::counters::Counters;
use crate::proto::discovery::Card;
use crate::proto::endpoint::{self, Endpoint};
use crate::proto::{Moment, Random};
use crate::registrar::{Registrar, known};
use crate::rules::Engine;
use crate::rules::silences::Silences;
use crate::store::{SecretKey, Store};
use crate::supervisor::Supervisor;
use crate::udp::socket::Socket;
use crate::udp::{Driver, discovery};
use crate::webhook::{self, Dispatcher};
use crate::{access, http, identity};

/// Outcomes on their way back: one a commit, taken at once.
const OUTCOME_QUEUE: usize = 64;
/// Joins, sensors, links: a fleet of a thousand that starts at once.
const EVENT_QUEUE: usize = 1_024;
/// Commands to the endpoint: people's clicks and answers to events.
const COMMAND_QUEUE: usize = 256;

/// A running hub.
pub struct Hub {
    supervisor: Supervisor,
    store: Store,
    clock: Clock,
    http: SocketAddr,
    udp: SocketAddr,
    id: HubId,
}

impl Hub {
    /// Starts everything. When it returns, the hub answers.
    ///
    /// # Errors
    /// An address that is taken, a data directory that is in use or cannot be written, a damaged key.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let clock = Clock;
        let secret_key = SecretKey::load_or_create(&config.data)?;
        let store_config = crate::store::Config {
            dir: config.data.clone(),
            max_bytes: config.max_size,
            retention: config.keep.clone().unwrap_or_default(),
            limits: config.limits,
            ..Default::default()
        };
        let store = Store::open(&store_config, &secret_key)?;
        if let (None, Some(saved)) = (&config.keep, http::retention::saved_retention(&store).await?) {
            store.set_retention(saved);
        }
        let keys = identity::load_or_create(&store).await?;
        let id = HubId::of(&keys.public);
        let join = config.join.or(http::hub::saved_policy(&store).await?).unwrap_or(JoinPolicy::Click);

        let listener = TcpListener::bind(config.http)
            .await
            .with_context(|| format!("--http {}: is another program there?", config.http))?;
        let http_address = listener.local_addr()?;
        let socket =
            Socket::bind(config.udp).with_context(|| format!("--udp {}: is another program there?", config.udp))?;
        let udp_address = SocketAddr::new(config.udp.ip(), socket.port()?);
        warn_about_buffer(&socket);

        let mut supervisor = Supervisor::default();
        let (batches_in, batches) = queue(config.ingest_queue);
        let (outcomes_in, outcomes) = mpsc::channel(OUTCOME_QUEUE);
        let (events_in, events) = mpsc::channel(EVENT_QUEUE);
        let (floors_in, floors) = mpsc::channel(COMMAND_QUEUE);
        let (commands_in, commands) = mpsc::channel(COMMAND_QUEUE);
        let rules_changed = Arc::new(Notify::new());
        let presence = Arc::new(Presence::default());
        let bus = Bus::default();
        let counters = Arc::new(Counters::default());
        let pressure = Arc::new(Pressure::default());
        let latency = Arc::new(Histogram::default());
        let meter = Arc::new(Meter::default());

        let card = Card { hub: id, key: keys.public, port: udp_address.port(), accepting: Arc::default() };
        let endpoint = new_endpoint(&store, clock, join, Responder::new(keys), card.clone(), &counters, &pressure)?;
        let stop = supervisor.stop();
        let driver = Driver {
            endpoint,
            socket,
            batches: batches_in,
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
        let ingest = Ingest {
            batches,
            floors,
            outcomes: outcomes_in,
            rules_changed: Arc::clone(&rules_changed),
            store: store.clone(),
            engine,
            webhooks: store.webhooks().await?,
            silences: Silences::new(store.silences().await?, store.muted_alerts().await?),
            bus: bus.clone(),
            url: config.url.clone(),
            clock,
            latency: Arc::clone(&latency),
            meter: Arc::clone(&meter),
            waiting: Waiting::default(),
        };
        supervisor.spawn("ingest", ingest.run());
        let registrar = Registrar {
            commands: commands_in.clone(),
            floors: floors_in,
            tokens_used: Arc::default(),
            reports: Arc::default(),
            store: store.clone(),
            presence: Arc::clone(&presence),
            bus: bus.clone(),
            clock,
        };
        supervisor.spawn("registrar", registrar.run(events));

        let webhook_counters = Arc::new(webhook::Counters::default());
        let settled = bus.clone();
        let webhook_policy =
            webhook::guard::Policy { allow: config.webhook_allow.clone(), mode: webhook::guard::Mode::Lan };
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
            Arc::new(move || exposition(&store, &presence, &counters, &pressure, &webhook_counters, &latency, &meter))
        };
        let state = AppState::new(Wiring {
            config: http::state::Config {
                allowed_hosts: config.hosts.clone(),
                hostname: hostname(),
                admin_token: admin_token(&config)?,
                agents: Agents::new(config.agents.clone(), &config.data),
                retention_configured: config.keep.is_some(),
                ..Default::default()
            },
            store: store.clone(),
            presence,
            bus,
            commands: commands_in,
            pressure,
            clock,
            info: HubInfo {
                id,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                udp_port: udp_address.port(),
                started_at: clock.wall(),
                discovery: config.discovery,
                discovery_group: GROUP_V4.to_string(),
                plain_http: true,
            },
            join: Arc::new(JoinState::new(join)),
            figures,
            metrics,
            webhook_policy,
            rules_changed,
        });
        supervisor.spawn("check", store.clone().keep_checking(stop.clone().cancelled_owned()));
        supervisor.spawn("http", http::serve(listener, state, stop));
        Ok(Self { supervisor, store, clock, http: http_address, udp: udp_address, id })
    }

    /// Where the page is.
    #[must_use]
    pub const fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where agents send to.
    #[must_use]
    pub const fn udp(&self) -> SocketAddr {
        self.udp
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
        self.store.close().await;
        outcome
    }
}

/// An endpoint that knows every stored device and join token.
fn new_endpoint(
    store: &Store,
    clock: Clock,
    policy: JoinPolicy,
    responder: Responder,
    card: Card,
    counters: &Arc<Counters>,
    pressure: &Arc<Pressure>,
) -> anyhow::Result<Endpoint> {
    let moment = Moment { now: clock.now(), wall: clock.wall() };
    let config = endpoint::Config {
        responder,
        card,
        policy,
        random: random()?,
        discovery_random: random()?,
        max_devices: store.limits().devices,
        counters: Arc::clone(counters),
        pressure: Arc::clone(pressure),
    };
    let mut endpoint = Endpoint::new(moment.now, config);
    let mut windows: std::collections::HashMap<DeviceNo, Vec<_>> = std::collections::HashMap::new();
    for (device, epoch, window) in store.windows() {
        windows.entry(device).or_default().push((epoch, window));
    }
    let devices: Vec<DeviceNo> = store.catalog().devices().map(|device| device.no).collect();
    for no in devices {
        if let Some(mut known) = known(store, no) {
            known.windows = windows.remove(&no).unwrap_or_default();
            endpoint.handle_command(moment, Command::Known(Box::new(known)));
        }
    }
    Ok(endpoint)
}

/// The operating system's randomness. A hub that has none must not go on: its session keys would be weak.
fn random() -> anyhow::Result<Random> {
    let source = SystemRandom::new();
    source.fill(&mut [0; 1]).map_err(|_| anyhow::anyhow!("no randomness from the operating system"))?;
    #[expect(clippy::panic, reason = "once seeded the kernel's generator cannot fail; weak keys would be worse")]
    Ok(Box::new(move |bytes| source.fill(bytes).unwrap_or_else(|_| panic!("no randomness"))))
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

fn hostname() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Every metric of the hub, by name.
fn exposition(
    store: &Store,
    presence: &Presence,
    counters: &Counters,
    pressure: &Pressure,
    webhooks: &webhook::Counters,
    latency: &Histogram,
    meter: &Meter,
) -> String {
    let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let stats = store.stats();
    // Before the statement that says all: what it reads through would be held to its end, and a second look at the same
    // waits for ever behind a writer that waits for the first.
    let (devices, series) = {
        let catalog = store.catalog();
        (catalog.device_count(), catalog.series_count())
    };
    let (links, pending) = {
        let now = presence.read();
        (now.links.len(), now.pending.len())
    };
    let mut text = Exposition::default();
    text.value("counter", "hub_readings_total", "Readings on disk since the start.", meter.total())
        .value("counter", "hub_batches_total", "Batches on disk since the start.", stats.batches_total)
        .value("counter", "hub_repeated_batches_total", "Batches that came again.", stats.repeats_total)
        .value("counter", "hub_commits_total", "Transactions committed.", stats.commits_total)
        .value("counter", "hub_commit_seconds_total", "Time spent in commits.", stats.commit_seconds)
        .histogram("hub_ack_latency_seconds", "From receiving a batch to having it on disk.", latency)
        .value("gauge", "hub_database_bytes", "Size of the database file.", stats.file_bytes)
        .value("gauge", "hub_wal_bytes", "Size of the write-ahead log.", stats.wal_bytes)
        .value("gauge", "hub_database_used_bytes", "Bytes of the database file that hold something.", stats.used_bytes)
        .optional(
            "hub_database_max_bytes",
            "Cap on the database with its log.",
            stats.max_bytes.map(|bytes| bytes as f64),
        )
        .optional("hub_database_growth_bytes_per_day", "Growth over the last day.", stats.growth.bytes_per_day)
        .optional("hub_database_full_in_days", "Days until it is full at that rate.", stats.growth.full_in_days)
        .optional("hub_disk_written_bytes_per_day", "Written over the last day.", stats.growth.written_per_day)
        .value(
            "gauge",
            "hub_database_nearly_full",
            "1 from four fifths of the cap or the disk.",
            u8::from(stats.is_nearly_full()),
        )
        .value("gauge", "hub_journal_rows", "Batches in the journal.", stats.journal_rows)
        .value("counter", "hub_blocks_total", "Compressed blocks made since the start.", stats.blocks_total)
        .value("counter", "hub_block_readings_total", "Readings in those blocks.", stats.block_readings_total)
        .value("gauge", "hub_reads", "Queries that run or wait for a reader.", stats.reads)
        .value("gauge", "hub_disk_free_bytes", "Room on the disk.", stats.room.map_or(0, |room| room.free))
        .value("gauge", "hub_set_aside", "Damaged databases that wait to be recovered.", stats.set_aside)
        .optional(
            "hub_database_checked_timestamp_seconds",
            "When the pages of the database were last checked and found whole.",
            stats.checked.map(|checked| checked.at.0 as f64 / 1e3),
        )
        .optional(
            "hub_database_checked_whole",
            "0 when there was not the time to check all of it.",
            stats.checked.map(|checked| f64::from(u8::from(checked.whole))),
        )
        .value("gauge", "hub_degraded", "1 while the disk is full.", u8::from(stats.full))
        .value("gauge", "hub_devices", "Devices that are known.", devices)
        .value("gauge", "hub_devices_max", "Devices that are taken.", store.limits().devices)
        .value("gauge", "hub_series", "Series that are known.", series)
        .value("gauge", "hub_series_max", "Series that are taken.", store.limits().series)
        .value(
            "counter",
            "hub_readings_refused_total",
            "Readings of sensors without a place, or with a time beyond the year 9999.",
            get(&counters.readings_refused),
        )
        .value("gauge", "hub_pressure_level", "How many things are given up under load.", pressure.level())
        .family(("counter", "hub_shed_total", "Given up under load, in this order."), "what", pressure.counts())
        .family(("counter", "hub_shed_begun_total", "How often that began."), "what", pressure.begun())
        .value("gauge", "hub_links", "Devices heard since the start.", links)
        .value("gauge", "hub_pending_devices", "Devices waiting for adoption.", pending)
        .value("counter", "hub_udp_datagrams_received_total", "Datagrams received.", get(&counters.datagrams_in))
        .value("counter", "hub_udp_received_bytes_total", "Bytes received.", get(&counters.bytes_in))
        .value("counter", "hub_udp_datagrams_sent_total", "Datagrams sent.", get(&counters.datagrams_out))
        .value("counter", "hub_udp_sent_bytes_total", "Bytes sent.", get(&counters.bytes_out))
        .value("counter", "hub_handshakes_total", "Handshakes accepted.", get(&counters.handshakes))
        .value("counter", "hub_probes_total", "Discovery probes heard.", get(&counters.probes))
        .value("counter", "hub_probes_answered_total", "Discovery probes answered.", get(&counters.probes_answered))
        .value("counter", "hub_acks_total", "Acknowledgements sent.", get(&counters.acks))
        .value("counter", "hub_batches_given_up_total", "Batches devices gave up.", get(&counters.batches_given_up))
        .family(("counter", "hub_udp_dropped_total", "Datagrams dropped."), "reason", counters.drops())
        .family(("counter", "hub_webhook_attempts_total", "Webhook attempts."), "outcome", webhooks.outcomes());
    text.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn metrics_are_told_while_links_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let key = SecretKey::load_or_create(dir.path()).unwrap();
        let config = crate::store::Config { dir: dir.path().to_owned(), ..crate::store::Config::default() };
        let store = Store::open(&config, &key).unwrap();
        let (presence, over) = (Arc::new(Presence::default()), Arc::new(AtomicBool::new(false)));
        let (writing, until) = (Arc::clone(&presence), Arc::clone(&over));
        let (done, told) = sync_channel(1);
        // Not scoped: two that wait for each other would hold the test up instead of failing it.
        std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                drop(writing.write());
            }
        });
        std::thread::spawn(move || {
            let (counters, pressure, webhooks) = Default::default();
            let (latency, meter) = Default::default();
            for _ in 0..2_000 {
                exposition(&store, &presence, &counters, &pressure, &webhooks, &latency, &meter);
            }
            let _ = done.send(());
        });
        let outcome = told.recv_timeout(Duration::from_secs(120));
        over.store(true, Ordering::Relaxed);
        assert!(outcome.is_ok(), "whoever reads waits for whoever writes, and the other way round");
    }
}
