//! Second step of a start: what the parts of a hub share, and the channels between them. Nothing runs yet.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use wire::{HubId, KeyPair};

use super::binding::LinePorts;
use super::open::Opened;
use crate::clock::Clock;
use crate::config::{Config, Reach};
use crate::delivery::heartbeat::Pulse;
use crate::delivery::policy::{Mode, Policy};
use crate::delivery::sign::PictureKey;
use crate::door::line::Tallies;
use crate::door::mqtt::{self, Broker};
use crate::door::tally::Tally;
use crate::ingest::Receipt;
use crate::ingest::desk::Desk;
use crate::ingest::learning::Learning;
use crate::ingest::newcomers::Newcomers;
use crate::ingest::queue::{self, queue};
use crate::ingest::way::Way;
use crate::live::Bus;
use crate::model::DeviceId;
use crate::model::topic_rule::TopicRules;
use crate::observe::{Histogram, Meter};
use crate::presence::Presence;
use crate::pressure::Pressure;
use crate::proto::command::{Command, JoinPolicy};
use crate::proto::counters::Counters;
use crate::proto::event::Event;
use crate::store::{Floor, Store};
use crate::supervisor::Supervisor;
use crate::tls::Tls;
use crate::udp::socket::Socket;
use crate::webhook;

/// Outcomes on their way back: one a commit, taken at once.
const RECEIPT_QUEUE: usize = 64;
/// Joins, sensors, links: a fleet of a thousand that starts at once.
const EVENT_QUEUE: usize = 1_024;
/// Commands to the endpoint: people's clicks and answers to events.
const COMMAND_QUEUE: usize = 256;
/// Devices of which nothing is under way any more: one change of hardware at a time asks for two.
const PARTED_QUEUE: usize = 4;

/// What every later step takes from, and the tasks that they start.
pub(super) struct Wires {
    pub(super) supervisor: Supervisor,
    pub(super) config: Config,
    pub(super) clock: Clock,
    pub(super) store: Store,
    pub(super) id: HubId,
    pub(super) join: JoinPolicy,
    /// Where browsers connect.
    pub(super) http: SocketAddr,
    /// Where devices send to.
    pub(super) udp: SocketAddr,
    pub(super) tls: Option<Arc<Tls>>,
    /// Into the pipeline.
    pub(super) entrance: queue::Entrance,
    /// What came by the line protocol.
    pub(super) lines: Arc<Tallies>,
    /// What was scraped.
    pub(super) scraped: Arc<Tally>,
    /// What is known of the broker of MQTT, and of what it says.
    pub(super) mqtt: Arc<mqtt::Known>,
    /// What people say of topics of MQTT.
    pub(super) topic_rules: watch::Sender<Arc<TopicRules>>,
    /// To the endpoint.
    pub(super) commands: mpsc::Sender<Command>,
    /// Devices of which nothing is under way any more, once that was asked for.
    pub(super) parted: broadcast::Sender<DeviceId>,
    /// Told when sessions or tokens were ended.
    pub(super) access_ended: watch::Sender<()>,
    /// Pinged after a change of rules, webhooks, or device names and labels.
    pub(super) rules_changed: Arc<Notify>,
    /// Pinged after alerts were acknowledged.
    pub(super) acknowledged: Arc<Notify>,
    pub(super) desk: Arc<Desk>,
    /// Devices and series that were made by sending readings.
    pub(super) newcomers: Arc<Newcomers>,
    pub(super) learning: Arc<Learning>,
    pub(super) presence: Arc<Presence>,
    pub(super) bus: Bus,
    pub(super) pressure: Arc<Pressure>,
    pub(super) counters: Arc<Counters>,
    pub(super) webhook_counters: Arc<webhook::Counters>,
    pub(super) webhook_policy: Policy,
    /// Signs links to pictures of alerts.
    pub(super) pictures: PictureKey,
    /// What came of heartbeats.
    pub(super) pulse: Arc<Pulse>,
    /// Pinged when another URL is to be called, or one now.
    pub(super) heartbeat_wanted: Arc<Notify>,
    /// Seconds from receiving a batch to having it on disk.
    pub(super) latency: Arc<Histogram>,
    /// Readings committed.
    pub(super) meter: Arc<Meter>,
}

/// What the step of UDP takes for itself.
pub(super) struct UdpEnds {
    pub(super) keys: KeyPair,
    pub(super) socket: Socket,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) receipts: mpsc::Receiver<Receipt>,
    pub(super) commands: mpsc::Receiver<Command>,
}

/// What the step of the pipeline takes for itself.
pub(super) struct PipelineEnds {
    pub(super) batches: queue::Exit,
    pub(super) receipts: mpsc::Sender<Receipt>,
    pub(super) floors_in: mpsc::Sender<Floor>,
    pub(super) floors: mpsc::Receiver<Floor>,
    pub(super) events: mpsc::Receiver<Event>,
}

/// What the step of HTTP and the doors beside it takes for itself.
pub(super) struct HttpEnds {
    pub(super) listener: TcpListener,
    pub(super) admin_token: Option<[u8; 32]>,
    /// For lines without HTTP.
    pub(super) line: LinePorts,
    /// Which the hub listens to, if it is to.
    pub(super) broker: Option<Broker>,
}

impl Wires {
    /// Makes every channel, and gives each step its ends. Renews certificates from here on.
    pub(super) fn lay(opened: Opened) -> (Self, UdpEnds, PipelineEnds, HttpEnds) {
        let Opened {
            config,
            clock,
            admin_token,
            store,
            keys,
            id,
            join,
            listener,
            socket,
            line,
            broker,
            topic_rules,
            http,
            udp,
            tls,
        } = opened;
        let mut supervisor = Supervisor::default();
        let tls = tls.map(|(tls, keeper)| {
            supervisor.spawn("tls", keeper.run(clock, supervisor.stop()));
            Arc::new(tls)
        });
        let (entrance, batches) = queue(config.ingest_queue);
        let (receipts_in, receipts) = mpsc::channel(RECEIPT_QUEUE);
        let (events_in, events) = mpsc::channel(EVENT_QUEUE);
        let (floors_in, floors) = mpsc::channel(COMMAND_QUEUE);
        let (commands, commands_out) = mpsc::channel(COMMAND_QUEUE);
        let presence = Arc::new(Presence::default());
        presence.resume(&store.catalog(), clock.wall());
        let wires = Self {
            supervisor,
            clock,
            id,
            join,
            http,
            udp,
            tls,
            entrance,
            commands,
            parted: broadcast::channel(PARTED_QUEUE).0,
            access_ended: watch::Sender::new(()),
            rules_changed: Arc::default(),
            acknowledged: Arc::default(),
            desk: Arc::default(),
            newcomers: Arc::default(),
            lines: Arc::default(),
            scraped: Arc::new(Tally::of("scrape")),
            mqtt: Arc::default(),
            topic_rules: watch::Sender::new(Arc::new(topic_rules)),
            learning: Arc::default(),
            presence,
            bus: Bus::default(),
            pressure: Arc::default(),
            counters: Arc::default(),
            webhook_counters: Arc::default(),
            webhook_policy: webhook_policy(&config, http),
            pictures: PictureKey::of(&keys.secret),
            pulse: Arc::default(),
            heartbeat_wanted: Arc::default(),
            latency: Arc::default(),
            meter: Arc::default(),
            config,
            store,
        };
        let udp = UdpEnds { keys, socket, events: events_in, receipts, commands: commands_out };
        let pipeline = PipelineEnds { batches, receipts: receipts_in, floors_in, floors, events };
        (wires, udp, pipeline, HttpEnds { listener, admin_token, line, broker })
    }
}

impl Wires {
    /// The way of readings to the disk, for the doors that take names.
    pub(super) fn way(&self) -> Way {
        Way {
            store: self.store.clone(),
            clock: self.clock,
            presence: Arc::clone(&self.presence),
            bus: self.bus.clone(),
            entrance: self.entrance.clone(),
            desk: Arc::clone(&self.desk),
            newcomers: Arc::clone(&self.newcomers),
            pressure: Arc::clone(&self.pressure),
            rules_changed: Arc::clone(&self.rules_changed),
        }
    }
}

/// Where webhooks may go.
fn webhook_policy(config: &Config, own: SocketAddr) -> Policy {
    let mode = match config.webhook_policy {
        Reach::Lan => Mode::Lan,
        Reach::Internet => Mode::Internet,
    };
    Policy { allow: config.webhook_allow.clone(), mode, own: Some(own) }
}
