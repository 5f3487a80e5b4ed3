//! The composition root: sensors or a recording, through the spool, to the hub. One task, no channels.
//!
//! ```text
//!   Input ──▶ Gather ──▶ Spool ──▶ Uplink ──▶ Net        each round of the loop: settle, send, wait, act
//! ```

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::net::{UnixListener, UnixStream};
use tracing::{error, info, warn};
use wire::handshake::JoinToken;
use wire::message::Hello;
use wire::packet::MAX_DATAGRAM;
use wire::{BatchSeq, Epoch, Reading, SensorKind, UnixMillis};

use crate::clock::{self, Now};
use crate::config::Settings;
use crate::deadband::Deadband;
use crate::feed::Feed;
use crate::identity::{self, Identity, Pin as HubPin};
use crate::input::{Input, Progress};
use crate::intake::{Arrived, Intake};
use crate::net::{Net, Received};
use crate::notice;
use crate::sampler::Gather;
use crate::sensor::SensorTable;
use crate::spool::Spool;
use crate::status::{self, Report};
use crate::timeline::{Repair, Timeline};
use crate::uplink::{Config, State, Uplink, words_of};

/// How often the spool is tended and the next status prepared.
const TEND_EVERY: Duration = Duration::from_secs(1);
/// How often the discovery groups are joined again: interfaces come and go.
const REJOIN_EVERY: Duration = Duration::from_secs(60);
/// How often a host name is looked up again while the hub is away.
const RESOLVE_EVERY: Duration = Duration::from_secs(10);
/// Datagrams taken in before anything else happens again.
const INBOX: usize = 64;
/// Batches in flight, whatever the hub allows: bounds memory.
const MAX_IN_FLIGHT: u32 = 256;

/// Why an agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state folder.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// The spool or the sensor table.
    #[error("state folder: {0}")]
    State(io::Error),
    /// No socket.
    #[error("cannot open a UDP socket: {0}")]
    Network(io::Error),
    /// The operating system has no randomness.
    #[error(transparent)]
    NoRandomness(#[from] wire::NoRandomness),
}

type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>>>>;

/// What ended a wait.
enum Woken {
    Received(Received),
    Resolved(io::Result<Vec<SocketAddr>>),
    Asked(UnixStream),
    Arrived(Arrived),
    Due,
}

/// A device at work.
pub struct Agent {
    settings: Settings,
    identity: Identity,
    epoch: Epoch,
    /// Token the pin was made with, for the next pin.
    token: u64,
    net: Net,
    feed: Feed,
    gather: Gather,
    timeline: Timeline,
    /// The first batch taken by the clock as it is.
    clock_from: BatchSeq,
    /// Batches taken before the last step of the clock.
    before_step: (BatchSeq, BatchSeq),
    table: SensorTable,
    deadband: Deadband,
    input: Input,
    intake: Intake,
    questions: Option<UnixListener>,
    lookup: Option<Lookup>,
    resolve_at: Instant,
    tend_at: Instant,
    rejoin_at: Instant,
    taken: u64,
    spool_trouble: bool,
    /// When the hub was lost, if it was.
    lost_at: Option<Instant>,
}

impl Agent {
    /// Opens everything: identity, spool, sockets, sources. To be called inside the runtime.
    ///
    /// # Errors
    /// [`Error`]: the state folder or the network cannot be used.
    pub fn open(mut settings: Settings, input: Input) -> Result<Self, Error> {
        let now = clock::now();
        let mut identity = Identity::open(&settings.state)?;
        notice::origin(&identity);
        let folder = identity.folder().join("spool");
        let epoch = identity.begin_epoch(Spool::highest_epoch(&folder))?;
        let (mut spool, recovery) = Spool::open(&folder, epoch, settings.spool, now.mono).map_err(Error::State)?;
        spool.set_policy(settings.policy);
        if recovery.batches > 0 {
            info!(readings = recovery.readings, "{} readings of earlier runs wait to be sent", recovery.readings);
        }
        if recovery.damaged > 0 || !recovery.foreign.is_empty() {
            warn!("spool: skipped {} damaged places, set aside {:?}", recovery.damaged, recovery.foreign);
        }
        let table = SensorTable::open(identity.folder()).map_err(Error::State)?;

        let pin = trusted_pin(&identity, settings.join_token.as_ref());
        let token = settings.join_token.as_ref().map_or_else(|| pin.map_or(0, |pin| pin.token), |token| token.id);
        let net = Net::open(true).map_err(Error::Network)?;
        let mut uplink = Uplink::new(
            Config {
                keys: identity.keys().clone(),
                epoch,
                pinned: pin.map(|pin| pin.hub),
                token: settings.join_token.clone(),
                only_addresses: settings.hub.is_some(),
                hello: hello_of(&settings),
                max_in_flight: MAX_IN_FLIGHT,
                index: 0,
                seed: crate::random::Random::from_system()?.bits(),
            },
            now,
        );
        if let Some((hub, address)) = pin.and_then(|pin| Some((pin.hub, pin.address?))) {
            uplink.add_known(hub, address, now);
        }
        uplink.set_sensors(table.specs());
        let questions = status::listen(identity.folder())
            .inspect_err(|error| warn!("`device-agent status` will not work: {error}"))
            .ok();
        // A recording is played as it is: nothing of this machine belongs to it.
        let plays = matches!(input, Input::Recording { .. });
        let sources = if plays { Vec::new() } else { std::mem::take(&mut settings.sources) };
        let rules = if plays { Vec::new() } else { std::mem::take(&mut settings.rules) };
        Ok(Self {
            gather: Gather::new(input.lane()),
            timeline: Timeline::new(now),
            clock_from: BatchSeq(0),
            before_step: (BatchSeq(0), BatchSeq(0)),
            deadband: Deadband::new(rules),
            intake: Intake::start(sources),
            settings,
            identity,
            epoch,
            token,
            net,
            feed: Feed { uplink, spool },
            table,
            input,
            questions,
            lookup: None,
            resolve_at: now.mono,
            tend_at: now.mono,
            rejoin_at: now.mono + REJOIN_EVERY,
            taken: 0,
            spool_trouble: false,
            lost_at: None,
        })
    }

    /// Runs until `stop`, or until the input has ended and the hub has all of it. Whatever is not acknowledged then is on
    /// disk.
    ///
    /// # Errors
    /// [`Error::State`] when the spool could not be written at the end.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), Error> {
        info!(device.id = %self.identity.id(), "device {} ({})", self.identity.id(), words_of(&self.identity.keys().public));
        let mut stop = std::pin::pin!(stop);
        let mut inbox = [0; MAX_DATAGRAM];
        let mut outbox = Vec::with_capacity(MAX_DATAGRAM);
        loop {
            let now = clock::now();
            self.settle(now);
            self.transmit(now, &mut outbox).await;
            if self.is_done() {
                break;
            }
            let wake_at = self.wake_at();
            let woken = tokio::select! {
                biased;
                () = &mut stop => break,
                received = self.net.receive(&mut inbox) => Woken::Received(received),
                resolved = resolved(&mut self.lookup) => Woken::Resolved(resolved),
                question = asked(self.questions.as_ref()) => Woken::Asked(question),
                arrived = self.intake.next() => Woken::Arrived(arrived),
                () = clock::sleep_until(wake_at) => Woken::Due,
            };
            match woken {
                Woken::Received(received) => self.take_in(received, &mut inbox),
                Woken::Resolved(resolved) => self.resolved(resolved),
                Woken::Asked(question) => status::answer(&question, &self.report()),
                Woken::Arrived(arrived) => self.take_arrived(arrived),
                Woken::Due => {}
            }
            self.act(clock::now());
        }
        self.stop(&mut outbox).await
    }

    fn settle(&mut self, now: Now) {
        let Self { feed, identity, token, lost_at, .. } = self;
        feed.settle(now, |feed, event| notice::event(&event, feed, identity, *token, lost_at, now));
    }

    async fn transmit(&mut self, now: Now, outbox: &mut Vec<u8>) {
        while let Some(probe) = self.feed.uplink.poll_search() {
            self.net.search(&probe).await;
        }
        while let Some(to) = self.feed.uplink.poll_transmit(now, outbox) {
            self.net.send(outbox, to).await;
        }
    }

    fn take_in(&mut self, first: Received, inbox: &mut [u8; MAX_DATAGRAM]) {
        let mut received = Some(first);
        for _ in 0..INBOX {
            let Some(datagram) = received else { break };
            let bytes = inbox.get(..datagram.length).unwrap_or_default();
            self.feed.uplink.handle_input(clock::now(), datagram.from, bytes);
            received = self.net.try_receive(inbox);
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        let backlog = self.feed.spool.waiting();
        let times = [self.feed.uplink.poll_timeout(), self.input.wake_at(backlog), Some(self.tend_at)];
        times.into_iter().flatten().min()
    }

    fn act(&mut self, now: Now) {
        self.feed.uplink.handle_timeout(now);
        self.keep_time(now);
        self.sample(now);
        if now.mono >= self.tend_at {
            self.tend_at = now.mono + TEND_EVERY;
            self.tend(now);
        }
        if now.mono >= self.rejoin_at {
            self.rejoin_at = now.mono + REJOIN_EVERY;
            self.net.join_groups();
        }
        if now.mono >= self.resolve_at && self.lookup.is_none() {
            self.resolve_at = now.mono + RESOLVE_EVERY;
            let away = matches!(self.feed.uplink.state(), State::Searching | State::Handshaking);
            self.lookup = self.settings.hub.clone().filter(|_| away).map(lookup);
        }
    }

    /// Notices when the clock is set, and moves what was taken before it was.
    fn keep_time(&mut self, now: Now) {
        // A recording brings its times along.
        if matches!(self.input, Input::Recording { .. }) {
            return;
        }
        let steps = self.timeline.steps();
        let repair = self.timeline.look(now, self.feed.uplink.clock_offset_ms());
        if self.timeline.steps() != steps {
            self.feed.uplink.forget_clock_offset();
        }
        if let Some(repair) = repair {
            self.gather.close(&mut self.feed.spool, now.mono);
            self.repair(repair, self.feed.spool.next_number());
        }
        self.feed.spool.hold_back(self.timeline.is_unknown());
    }

    fn repair(&mut self, repair: Repair, until: BatchSeq) {
        let (from, to, ms) = match repair {
            Repair::Move(ms) => {
                info!(ms, "the clock was not set: readings since the start are moved by {} s", ms / 1_000);
                (self.clock_from, until, ms)
            }
            Repair::Step(ms) => {
                warn!(ms, "the clock was set by {} s", ms / 1_000);
                self.before_step = (self.clock_from, until);
                self.clock_from = until;
                return;
            }
            Repair::MoveBeforeStep(ms) => {
                info!(ms, "the clock is right since it was set: readings before are moved by {} s", ms / 1_000);
                (self.before_step.0, self.before_step.1, ms)
            }
        };
        if let Err(error) = self.feed.spool.moved(from, to, ms) {
            error!("cannot remember that the clock was wrong: {error}");
        }
        if matches!(repair, Repair::Move(_)) && !self.timeline.is_unknown() {
            self.clock_from = until;
        }
    }

    fn sample(&mut self, now: Now) {
        // Everything that waits goes by monotonic time; only readings say what time it is.
        let now = Now { unix: self.timeline.stamp(now), ..now };
        let Self { input, feed, gather, table, deadband, settings, taken, .. } = self;
        let interval_ms = u32::try_from(settings.interval.as_millis()).unwrap_or(u32::MAX);
        // From the start, so that the first introduction has one.
        let wants_preview = !feed.uplink.is_streaming();
        let mut preview = Vec::new();
        let mut intake = Taking { table, deadband, gather, feed, taken, now };
        let waiting = intake.feed.spool.waiting();
        let progress = input.round(now, waiting, |name: &str, unit: &str, kind: SensorKind, at, value| {
            if wants_preview && preview.len() < wire::message::PREVIEW_LIMIT {
                preview.push((name.to_owned(), unit.to_owned(), value));
            }
            intake.take(name, (unit, kind, interval_ms), at, value)
        });
        match progress {
            Progress::NotYet => return,
            Progress::Round => gather.round_ends(feed.uplink.is_streaming(), &mut feed.spool, now.mono),
            Progress::Ended => gather.close(&mut feed.spool, now.mono),
        }
        feed.uplink.set_sensors(table.specs());
        if wants_preview {
            feed.uplink.set_preview(preview);
        }
    }

    /// Takes in what sources of their own pace gave.
    fn take_arrived(&mut self, first: Arrived) {
        let now = clock::now();
        let now = Now { unix: self.timeline.stamp(now), ..now };
        let correction = self.timeline.correction();
        let mut arrived = Some(first);
        while let Some(Arrived { readings, interval_ms, .. }) = &arrived {
            let Self { input, feed, gather, table, deadband, taken, .. } = self;
            let mut intake = Taking { table, deadband, gather, feed, taken, now };
            for reading in readings {
                if !reading.value.is_finite() || input.skips(&reading.name) {
                    continue;
                }
                let words = (&*reading.unit, reading.kind, *interval_ms);
                // Another program of this machine has its time from the same clock.
                let at = reading.at.map_or(now.unix, |at| at.plus(correction));
                if !intake.take(&reading.name, words, at, reading.value) {
                    input.tell_full(&reading.name);
                }
            }
            if let Some(arrived) = &arrived {
                self.intake.note(arrived);
            }
            arrived = self.intake.try_next();
        }
        self.gather.round_ends(self.feed.uplink.is_streaming(), &mut self.feed.spool, now.mono);
        self.feed.uplink.set_sensors(self.table.specs());
    }

    fn tend(&mut self, now: Now) {
        self.feed.report();
        let names_kept = if self.feed.spool.will_spill(now.mono) { self.table.sync() } else { Ok(()) };
        let kept = names_kept
            .and_then(|()| self.feed.spool.maintain(now.mono))
            .and_then(|()| self.gather.journal(&mut self.feed.spool));
        if kept.is_err() != self.spool_trouble {
            self.spool_trouble = kept.is_err();
            match kept {
                Err(error) => error!("spool cannot be written, readings are kept in memory only: {error}"),
                Ok(()) => info!("spool can be written again"),
            }
        }
    }

    fn resolved(&mut self, resolved: io::Result<Vec<SocketAddr>>) {
        match resolved {
            Ok(addresses) => self.feed.uplink.set_addresses(addresses, clock::now()),
            Err(error) => warn!("cannot find {}: {error}", self.settings.hub.as_deref().unwrap_or_default()),
        }
    }

    fn is_done(&self) -> bool {
        self.input.has_ended() && self.gather.is_empty() && self.feed.spool.is_empty()
    }

    async fn stop(mut self, outbox: &mut Vec<u8>) -> Result<(), Error> {
        let now = clock::now();
        self.gather.close(&mut self.feed.spool, now.mono);
        self.feed.uplink.set_sensors(self.table.specs());
        // What was just closed still goes out live, if the hub is there; the spool keeps it all the same.
        self.feed.settle(now, |_, _| {});
        self.transmit(now, outbox).await;
        self.table.sync().and_then(|()| self.feed.spool.flush()).map_err(Error::State)?;
        if let Some(to) = self.feed.uplink.close(now, outbox) {
            self.net.send(outbox, to).await;
        }
        let _ = std::fs::remove_file(status::socket_in(self.identity.folder()));
        info!(batches = self.feed.spool.len(), "stopped; {} batches kept for the next start", self.feed.spool.len());
        Ok(())
    }

    fn report(&self) -> Report {
        let (uplink, spool) = (&self.feed.uplink, &self.feed.spool);
        let state = match uplink.state() {
            State::Searching => "searching",
            State::Handshaking => "handshaking",
            State::Pending => "pending",
            State::Streaming => "streaming",
        };
        Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            id: self.identity.id().to_string(),
            words: words_of(&self.identity.keys().public),
            name: self.settings.name.clone(),
            state: state.to_owned(),
            hub: uplink.hub().map(|(_, address)| address.to_string()),
            hub_words: uplink.hub().map(|(hub, _)| words_of(&hub)),
            boot: self.epoch.0,
            sensors: self.table.specs().len(),
            readings_taken: self.taken,
            readings_acked: spool.acked(),
            readings_dropped: spool.dropped(),
            dropped_by: spool.drops(),
            spool_batches: spool.len(),
            rtt_ms: uplink.round_trip().map(|rtt| rtt.as_secs_f64() * 1000.0),
            clock_offset_ms: uplink.clock_offset_ms(),
            clock_steps: self.timeline.steps(),
            troubles: self.input.troubles().into_iter().chain(self.intake.troubles()).collect(),
        }
    }
}

/// What a reading passes on its way to the spool.
struct Taking<'a> {
    table: &'a mut SensorTable,
    deadband: &'a mut Deadband,
    gather: &'a mut Gather,
    feed: &'a mut Feed,
    taken: &'a mut u64,
    now: Now,
}

impl Taking<'_> {
    /// `false` when the table is full: the reading has no number to travel under.
    fn take(
        &mut self,
        name: &str,
        (unit, kind, interval_ms): (&str, SensorKind, u32),
        at: UnixMillis,
        value: f64,
    ) -> bool {
        let number = match self.deadband.rule(name) {
            Some(rule) => {
                let (unit, kind) = (rule.unit.as_deref().unwrap_or(unit), rule.kind.unwrap_or(kind));
                self.table.number(name, unit, kind, rule.expect_every(interval_ms))
            }
            None => self.table.number(name, unit, kind, interval_ms),
        };
        let Ok(sensor) = number else { return false };
        if self.deadband.admit(name, sensor, value, self.now.mono) {
            self.gather.push(&Reading { sensor, at, value }, &mut self.feed.spool, self.now.mono);
            *self.taken += 1;
        }
        true
    }
}

/// How the device introduces itself.
fn hello_of(settings: &Settings) -> Hello {
    let model = std::fs::read_to_string("/proc/device-tree/model").unwrap_or_else(|_| {
        let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("Linux");
        name.trim_matches('"').to_owned()
    });
    let model: String =
        model.chars().filter(|c| !c.is_control() && c.is_ascii()).take(wire::message::TEXT_LIMIT).collect();
    Hello {
        name: settings.name.clone(),
        model,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        labels: settings.labels.clone(),
        preview: Vec::new(),
    }
}

/// The pin, unless a token other than the one it was made with says that the device shall join anew.
fn trusted_pin(identity: &Identity, token: Option<&JoinToken>) -> Option<HubPin> {
    identity.pinned_hub().filter(|pin| token.is_none_or(|token| token.id == pin.token))
}

fn lookup(host: String) -> Lookup {
    Box::pin(async move { Ok(tokio::net::lookup_host(host).await?.collect()) })
}

async fn resolved(lookup: &mut Option<Lookup>) -> io::Result<Vec<SocketAddr>> {
    match lookup {
        Some(pending) => {
            let outcome = pending.await;
            *lookup = None;
            outcome
        }
        None => std::future::pending().await,
    }
}

async fn asked(questions: Option<&UnixListener>) -> UnixStream {
    if let Some(listener) = questions {
        if let Ok((stream, _)) = listener.accept().await {
            return stream;
        }
    }
    std::future::pending().await
}
