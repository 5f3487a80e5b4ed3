//! The hub of the simulation: the real endpoint, and behind it a store and a registrar of a few lines.
//!
//! The store is the judge: it takes each batch and each reading once, and remembers when. What is committed survives a
//! restart; the endpoint, and everything on its way to the store, does not.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use device_agent::random::Random;
use telemetry_hub::model::access::JoinToken;
use telemetry_hub::model::device::{Device, DeviceNo, Labels, NewDevice, Standing};
use telemetry_hub::model::ledger::{Counts, Ledger, Told};
use telemetry_hub::model::numbering;
use telemetry_hub::model::reading::{Batch, BatchId, Digest, SeriesId};
use telemetry_hub::proto::Moment;
use telemetry_hub::proto::command::{Command, JoinPolicy, Known};
use telemetry_hub::proto::counters::Counters;
use telemetry_hub::proto::discovery::Card;
use telemetry_hub::proto::endpoint::{Config, Endpoint};
use telemetry_hub::proto::event::Event;
use wire::handshake::Responder;
use wire::ledger::Report;
use wire::{BatchSeq, DeviceId, Epoch, Hour, Inserted, KeyPair, Lane, Numbering, PublicKey, SeqSet, UnixMillis};

use crate::plan::{Bug, Plan};

/// Batches between endpoint and store, as `ingest` bounds them.
const INGEST_QUEUE: usize = 64;
/// Batches in one commit.
const GROUP: usize = 48;
/// A commit of a disk that struggles.
const SLOW_COMMIT: Duration = Duration::from_secs(3);
/// Handshakes worked off before anything else happens again.
const HANDSHAKES_A_TURN: usize = 4;
/// What the queues of an endpoint may hold at most, by the constants at its top.
const MOST_EVENTS: usize = 4_096;
const MOST_TRANSMITS: usize = 2 * 1_024 + 64;

/// What broke a promise.
pub type Violation = String;

/// A device's row.
struct Row {
    device: Device,
    sensors: Vec<SeriesId>,
    windows: BTreeMap<Epoch, SeqSet>,
    digests: Vec<(Epoch, BatchSeq, Digest)>,
}

/// What is on disk.
#[derive(Default)]
pub struct Store {
    rows: Vec<Row>,
    batches: HashSet<BatchId>,
    /// Each reading by its number, which is also its value: when it was committed.
    pub readings: HashMap<u64, Duration>,
    /// What arrived and what devices told, by device, hour and boot.
    ledger: BTreeMap<(DeviceNo, Hour, Epoch), Counts>,
    /// The last report of each device.
    told: HashMap<DeviceNo, ((Epoch, u32), Told)>,
}

impl Store {
    fn row(&mut self, no: DeviceNo) -> &mut Row {
        &mut self.rows[no.0 as usize]
    }

    fn commit(&mut self, batch: &Batch, at: Duration) -> Result<(), Violation> {
        if batch.id.epoch == numbering::ASIDE {
            // A repeat of what the endpoint has forgotten, stored over itself; what is new in it counts as anything does.
            for value in &batch.value {
                self.readings.entry(*value as u64).or_insert(at);
            }
            return Ok(());
        }
        if !self.batches.insert(batch.id) {
            return Err(format!("{:?} was stored twice", batch.id));
        }
        for value in &batch.value {
            if self.readings.insert(*value as u64, at).is_some() {
                return Err(format!("reading {value} was stored twice, now in {:?}", batch.id));
            }
        }
        let id = batch.id;
        self.row(id.device).digests.push((id.epoch, id.seq, Digest::of(&batch.payload)));
        for at in &batch.at {
            let counts = self.ledger.entry((id.device, at.hour(), id.epoch)).or_default();
            *if batch.lane == Lane::Live { &mut counts.received } else { &mut counts.recovered } += 1;
        }
        if self.row(id.device).windows.entry(id.epoch).or_default().insert(id.seq) == Inserted::Full {
            return Err(format!("no room for {id:?} in the window on disk"));
        }
        Ok(())
    }
}

impl Store {
    fn record(&mut self, device: DeviceNo, report: &Report, bug: Option<Bug>) {
        let number = (report.epoch, report.number);
        if bug != Some(Bug::ReportsRepeated) && self.told.get(&device).is_some_and(|(last, _)| *last >= number) {
            return;
        }
        for entry in &report.entries {
            let counts = self.ledger.entry((device, entry.hour, entry.epoch)).or_default();
            counts.taken += entry.taken;
            counts.thinned += entry.thinned;
            // A spool in memory knows one way to lose.
            counts.dropped.oldest += entry.dropped.iter().map(|(_, readings)| readings).sum::<u64>();
        }
        let told = Told { at: UnixMillis(0), holds_from: report.holds_from };
        self.told.insert(device, (number, told));
    }
}

/// Something that takes the registrar or the disk a while.
enum Work {
    Known(DeviceNo),
    Commit(Vec<Batch>, bool),
    Record(DeviceNo, Report),
}

pub struct Hub {
    pub address: SocketAddr,
    keys: KeyPair,
    endpoint: Option<Endpoint>,
    pub counters: Arc<Counters>,
    pub store: Store,
    random: Random,
    plan: Plan,
    /// Handed over by the endpoint, and neither committed nor refused yet.
    pipeline: HashSet<BatchId>,
    queue: VecDeque<Batch>,
    committing: bool,
    work: VecDeque<(Duration, Work)>,
    /// Batches by the datagram they came in, for [`Bug::Replays`].
    captured: HashMap<Vec<u8>, Batch>,
    /// The disk refuses what it is asked before this.
    pub full_until: Duration,
    /// The disk is slow before this.
    pub slow_until: Duration,
    pub restarts: u32,
}

impl Hub {
    pub fn new(keys: KeyPair, plan: &Plan, moment: Moment) -> Self {
        let mut hub = Self {
            address: "10.0.0.1:5770".parse().unwrap(),
            keys,
            endpoint: None,
            counters: Arc::default(),
            store: Store::default(),
            random: Random::new(!plan.seed << 1),
            plan: plan.clone(),
            pipeline: HashSet::new(),
            queue: VecDeque::new(),
            committing: false,
            work: VecDeque::new(),
            captured: HashMap::new(),
            full_until: Duration::ZERO,
            slow_until: Duration::ZERO,
            restarts: 0,
        };
        hub.start(moment);
        hub
    }

    /// Starts with what is on disk, and nothing else.
    pub fn start(&mut self, moment: Moment) {
        let stream = |mut random: Random| -> telemetry_hub::proto::Random {
            Box::new(move |bytes| bytes.iter_mut().for_each(|byte| *byte = random.bits() as u8))
        };
        let key = self.keys.public;
        let config = Config {
            responder: Responder::new(self.keys.clone()),
            card: Card { hub: DeviceId::of(&key), key, port: self.address.port(), accepting: Arc::default() },
            policy: if self.plan.token { JoinPolicy::Token } else { JoinPolicy::Open },
            random: stream(Random::new(self.random.bits())),
            discovery_random: stream(Random::new(self.random.bits())),
            counters: Arc::clone(&self.counters),
            max_devices: usize::MAX,
            pressure: Arc::default(),
        };
        let mut endpoint = Endpoint::new(moment.now, config);
        let token = JoinToken {
            id: 7,
            psk: crate::plan::token().psk(),
            name: String::new(),
            uses_left: 1_000,
            labels: Labels::new(),
            created_at: UnixMillis(0),
            expires_at: UnixMillis(i64::MAX),
        };
        endpoint.handle_command(moment, Command::JoinTokens(vec![token]));
        for row in &self.store.rows {
            let windows = row.windows.iter().map(|(epoch, window)| (*epoch, self.restored(window))).collect();
            let known = Known {
                device: row.device.clone(),
                sensors: row.sensors.clone(),
                windows,
                digests: row.digests.clone(),
                claim: None,
                since: None,
                numbering: Numbering::FIRST,
            };
            endpoint.handle_command(moment, Command::Known(Box::new(known)));
        }
        self.endpoint = Some(endpoint);
    }

    fn restored(&self, window: &SeqSet) -> SeqSet {
        let mut window = window.clone();
        match self.plan.bug {
            Some(Bug::WindowForgotten) => SeqSet::default(),
            Some(Bug::MarkOffByOne) => {
                window.raise_mark(BatchSeq(window.mark().0 + 1));
                window
            }
            _ => window,
        }
    }

    /// The process dies. A commit that was running may have reached the disk all the same.
    pub fn kill(&mut self, now: Duration) -> Result<(), Violation> {
        self.endpoint = None;
        self.restarts += 1;
        for (_, work) in std::mem::take(&mut self.work) {
            match work {
                Work::Commit(batches, false) if self.random.chance(0.5) => {
                    batches.iter().try_for_each(|batch| self.store.commit(batch, now))?;
                }
                Work::Record(device, report) if self.random.chance(0.5) => {
                    self.store.record(device, &report, self.plan.bug);
                }
                Work::Commit(..) | Work::Record(..) | Work::Known(_) => {}
            }
        }
        self.queue.clear();
        self.pipeline.clear();
        self.captured.clear();
        self.committing = false;
        Ok(())
    }

    pub fn receive(&mut self, moment: Moment, from: SocketAddr, datagram: &[u8]) {
        let Some(endpoint) = &mut self.endpoint else { return };
        endpoint.handle_input(moment, from, datagram);
        if self.plan.bug == Some(Bug::Replays) {
            if let Some(batch) = self.captured.get(datagram) {
                self.queue.push_back(batch.clone());
            } else if let Some(batch) = endpoint.poll_batch() {
                self.captured.insert(datagram.to_vec(), batch.clone());
                self.pipeline.insert(batch.id);
                self.queue.push_back(batch);
            }
        }
    }

    /// Does everything that is due; what the endpoint wants sent goes to `sent`.
    pub fn step(
        &mut self,
        now: Duration,
        moment: Moment,
        sent: &mut Vec<(SocketAddr, Vec<u8>)>,
    ) -> Result<(), Violation> {
        if self.endpoint.is_none() {
            return Ok(());
        }
        while let Some(index) = self.work.iter().position(|(at, _)| *at <= now) {
            if let Some((_, work)) = self.work.remove(index) {
                self.finish(now, moment, work)?;
            }
        }
        let Some(endpoint) = &mut self.endpoint else { return Ok(()) };
        endpoint.handle_timeout(moment);
        endpoint.handle_handshakes(moment, HANDSHAKES_A_TURN);
        endpoint.set_congested(self.queue.len() > INGEST_QUEUE / 2);
        while self.queue.len() < INGEST_QUEUE {
            let Some(batch) = endpoint.poll_batch() else { break };
            if !self.pipeline.insert(batch.id) {
                return Err(format!("{:?} left the endpoint twice before it was committed", batch.id));
            }
            if self.plan.bug == Some(Bug::AckBeforeCommit) {
                endpoint.handle_committed(&[batch.id]);
            }
            self.queue.push_back(batch);
        }
        let events: Vec<Event> = std::iter::from_fn(|| endpoint.poll_event()).collect();
        let before = sent.len();
        sent.extend(std::iter::from_fn(|| endpoint.poll_transmit(moment)));
        if events.len() > MOST_EVENTS || sent.len() - before > MOST_TRANSMITS {
            return Err(format!("{} events and {} datagrams in one turn", events.len(), sent.len() - before));
        }
        events.into_iter().for_each(|event| self.register(now, event));
        if !self.committing && !self.queue.is_empty() {
            self.committing = true;
            let group: Vec<Batch> = self.queue.drain(..self.queue.len().min(GROUP)).collect();
            let refused = now < self.full_until;
            let longest = if now < self.slow_until { SLOW_COMMIT } else { self.plan.commit };
            let time = self.random.between(longest / 4, longest);
            self.work.push_back((now + time, Work::Commit(group, refused)));
        }
        Ok(())
    }

    /// When [`Hub::step`] has something to do.
    pub fn wake_at(&self, now: Duration, moment: Moment) -> Option<Duration> {
        let endpoint = self.endpoint.as_ref()?;
        let timeout = now + endpoint.poll_timeout().saturating_duration_since(moment.now);
        let busy = endpoint.has_handshakes().then_some(now + Duration::from_millis(2));
        let work = self.work.iter().map(|(at, _)| *at);
        work.chain(busy).chain([timeout]).min()
    }

    /// The ledger of the device with this key.
    pub fn ledger(&self, key: &PublicKey) -> Ledger {
        let Some(no) = self.store.rows.iter().position(|row| row.device.key == *key) else { return Ledger::default() };
        let no = DeviceNo(no as u32);
        let own = self.store.ledger.iter().filter(|((device, ..), _)| *device == no);
        let known = own.map(|(&(_, hour, epoch), counts)| ((hour, epoch), *counts)).collect();
        Ledger::of(known, self.store.told.get(&no).map(|(_, told)| *told))
    }

    fn finish(&mut self, now: Duration, moment: Moment, work: Work) -> Result<(), Violation> {
        let Some(endpoint) = &mut self.endpoint else { return Ok(()) };
        match work {
            Work::Known(no) => {
                let row = self.store.row(no);
                // As the registrar does: windows only at the start, the endpoint has them since.
                let known = Known {
                    device: row.device.clone(),
                    sensors: row.sensors.clone(),
                    windows: Vec::new(),
                    digests: Vec::new(),
                    claim: None,
                    since: None,
                    numbering: Numbering::FIRST,
                };
                endpoint.handle_command(moment, Command::Known(Box::new(known)));
            }
            Work::Record(device, report) if now >= self.full_until => {
                self.store.record(device, &report, self.plan.bug);
                let recorded = vec![(device, report.epoch, report.number)];
                endpoint.handle_command(moment, Command::Recorded(recorded));
            }
            Work::Record(..) => {}
            Work::Commit(batches, refused) => {
                let ids: Vec<BatchId> = batches.iter().map(|batch| batch.id).collect();
                self.committing = false;
                ids.iter().for_each(|id| {
                    self.pipeline.remove(id);
                });
                if !refused {
                    batches.iter().try_for_each(|batch| self.store.commit(batch, now))?;
                    endpoint.handle_committed(&ids);
                } else if self.plan.bug != Some(Bug::RefusalForgotten) {
                    endpoint.handle_refused(&ids);
                }
            }
        }
        Ok(())
    }

    fn register(&mut self, now: Duration, event: Event) {
        let soon = now + self.random.between(Duration::from_millis(1), self.plan.commit);
        match event {
            Event::Join(device) => {
                let NewDevice { key, introduction, at, handshake_counter, .. } = *device;
                let known = self.store.rows.iter().position(|row| row.device.key == key);
                let no = known.unwrap_or_else(|| {
                    let no = self.store.rows.len();
                    let device = Device {
                        no: DeviceNo(no as u32),
                        id: DeviceId::of(&key),
                        key,
                        name: introduction.name,
                        standing: Standing::Adopted,
                        labels: Labels::new(),
                        model: String::new(),
                        version: String::new(),
                        address: None,
                        first_seen: at,
                        last_seen: None,
                        interval_ms: None,
                        pushed_every_ms: None,
                        notes: String::new(),
                        handshake_counter,
                    };
                    self.store.rows.push(Row {
                        device,
                        sensors: Vec::new(),
                        windows: BTreeMap::new(),
                        digests: Vec::new(),
                    });
                    no
                });
                self.work.push_back((soon, Work::Known(DeviceNo(no as u32))));
            }
            Event::Sensors { device, first, sensors } => {
                let row = self.store.row(device);
                if row.sensors.len() == usize::from(first.0) {
                    row.sensors.extend((0..sensors.len()).map(|n| SeriesId(device.0 * 1_000 + n as u32)));
                }
                self.work.push_back((soon, Work::Known(device)));
            }
            Event::Introduced { device, handshake_counter, .. } => {
                let counter = &mut self.store.row(device).device.handshake_counter;
                *counter = (*counter).max(handshake_counter);
            }
            Event::Floor { device, epoch, below } => {
                self.store.row(device).windows.entry(epoch).or_default().raise_mark(below);
            }
            Event::Ledger { device, report } => self.work.push_back((soon, Work::Record(device, report))),
            // These devices keep their sensors.
            Event::Renumber { .. } => {}
            Event::Claim { .. }
            | Event::Health { .. }
            | Event::Links(_)
            | Event::Left(_)
            | Event::Pending(_)
            | Event::PendingGone(_)
            | Event::Parted(_)
            | Event::Returned { .. } => {}
        }
    }
}
