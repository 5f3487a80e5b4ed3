//! A device of the simulation: the agent's own gather, spool and uplink, and a ledger of what it measured.
//!
//! The ledger knows each reading by its number, which is also its value. A batch that has left the spool must be in the
//! hub's store, or be counted as dropped by the spool.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use device_agent::clock::Now;
use device_agent::feed::Feed;
use device_agent::random::Random;
use device_agent::sampler::Gather;
use device_agent::spool::{Limits, Spool};
use device_agent::uplink::{Config, Event, Outgoing, Uplink};
use wire::handshake::Start;
use wire::message::Hello;
use wire::{BatchSeq, Epoch, Hour, KeyPair, Lane, PublicKey, Reading, SensorKind, SensorNo, SensorSpec};

use crate::hub::{Store, Violation};
use crate::plan::{Bug, Plan, token};

/// Most batches an uplink may hand out in one turn before it counts as spinning.
const MOST_DATAGRAMS: usize = 4_096;

pub struct Device {
    pub number: usize,
    pub address: SocketAddr,
    keys: KeyPair,
    feed: Feed,
    gather: Gather,
    random: Random,
    plan: Plan,
    epoch: Epoch,
    pinned: Option<(PublicKey, SocketAddr)>,
    hub: SocketAddr,
    sensors: Vec<SensorSpec>,
    /// Readings measured so far.
    measured: u64,
    /// Readings in `gather`, oldest first.
    gathering: Vec<u64>,
    /// Batches in the spool and the readings in each.
    held: BTreeMap<(Epoch, BatchSeq), Vec<u64>>,
    /// The next batch of this boot.
    next: u64,
    /// Readings that reached the spool.
    pub spooled: Vec<u64>,
    /// Readings lost with a spool that a power cut took: stored or not, but never twice.
    pub cut: Vec<u64>,
    /// Readings that left the spool and are nowhere.
    vanished: u64,
    /// Readings dropped by spools of earlier boots.
    dropped_before: u64,
    forgot: bool,
    /// Readings by the hour they were taken in.
    pub hours: BTreeMap<u64, Hour>,
    /// Readings measured while the hub was there, when, and whether older ones waited.
    pub live: Vec<(u64, Duration, bool)>,
}

impl Device {
    pub fn new(number: usize, keys: KeyPair, plan: &Plan, hub: SocketAddr, now: Now) -> Self {
        let random = Random::new(plan.seed ^ (number as u64 + 1) << 32);
        let feed = Feed {
            uplink: Uplink::new(config(&keys, Epoch(1), None, plan, 1), now),
            spool: Spool::in_memory(Epoch(1), limits(plan), now.mono),
        };
        let mut device = Self {
            number,
            address: address(number, 0),
            keys,
            feed,
            gather: Gather::new(Lane::Live),
            random,
            plan: plan.clone(),
            epoch: Epoch(1),
            pinned: None,
            hub,
            sensors: (0..2).map(|n| spec(&format!("sensor {n}"))).collect(),
            measured: 0,
            gathering: Vec::new(),
            held: BTreeMap::new(),
            next: 0,
            spooled: Vec::new(),
            cut: Vec::new(),
            vanished: 0,
            dropped_before: 0,
            forgot: false,
            hours: BTreeMap::new(),
            live: Vec::new(),
        };
        device.start(now);
        device.feed.uplink.set_addresses(vec![hub], now);
        let mut backlog = Gather::new(Lane::Recovered);
        for _ in 0..plan.backlog {
            std::mem::swap(&mut device.gather, &mut backlog);
            device.push(now);
            device.close(now.mono);
            std::mem::swap(&mut device.gather, &mut backlog);
        }
        device
    }

    fn start(&mut self, now: Now) {
        let config = config(&self.keys, self.epoch, self.pinned.map(|(hub, _)| hub), &self.plan, self.random.bits());
        self.feed.uplink = Uplink::new(config, now);
        self.feed.uplink.set_addresses(vec![self.hub], now);
        if let Some((hub, address)) = self.pinned {
            self.feed.uplink.add_known(hub, address, now);
        }
        self.feed.uplink.set_sensors(&self.sensors);
    }

    /// Starts again, with its spool or without. What was being gathered is lost either way.
    pub fn reboot(&mut self, now: Now, keeps_spool: bool) {
        self.gather = Gather::new(Lane::Live);
        self.gathering.clear();
        if self.plan.bug != Some(Bug::EpochReused) {
            self.epoch = Epoch(self.epoch.0 + 1);
        }
        self.next = 0;
        if keeps_spool {
            self.feed.spool.begin_epoch(self.epoch);
        } else {
            self.dropped_before += self.feed.spool.dropped();
            self.forgot |= !self.feed.spool.is_told() || !self.held.is_empty();
            self.feed.spool = Spool::in_memory(self.epoch, limits(&self.plan), now.mono);
            self.cut.extend(std::mem::take(&mut self.held).into_values().flatten());
        }
        self.start(now);
    }

    pub fn roam(&mut self) {
        self.address = address(self.number, 1 + (self.random.bits() % 200) as u8);
    }

    /// Takes a reading; now and then of a sensor that the hub has not heard of.
    pub fn measure(&mut self, at: Duration, now: Now) {
        if self.sensors.len() < 12 && self.random.chance(0.02) {
            self.sensors.push(spec(&format!("sensor {}", self.sensors.len())));
            self.feed.uplink.set_sensors(&self.sensors);
        }
        let streaming = self.feed.uplink.is_streaming();
        let reading = self.push(now);
        if streaming {
            self.live.push((reading, at, self.is_backfilling()));
        }
        self.gather.round_ends(streaming, &mut self.feed.spool, now.mono);
        self.note_batches();
    }

    /// Whether something waits that was in the spool at the start, or is of an earlier boot.
    fn is_backfilling(&self) -> bool {
        let is_old = |&(epoch, seq): &(Epoch, BatchSeq)| epoch < self.epoch || seq.0 < self.plan.backlog as u64;
        self.held.keys().next().is_some_and(is_old)
    }

    /// Hands what was gathered to the spool.
    pub fn close(&mut self, now: Instant) {
        self.gather.close(&mut self.feed.spool, now);
        self.note_batches();
    }

    /// The end: what was gathered goes to the spool, and what the ledger says to the hub.
    pub fn finish(&mut self, now: Instant) {
        self.close(now);
        self.feed.spool.tell_all();
    }

    pub fn tend(&mut self, now: Now) {
        self.feed.report(now);
        self.feed.spool.maintain(now.mono).unwrap();
    }

    fn push(&mut self, now: Now) -> u64 {
        let reading = self.number as u64 * 1_000_000 + self.measured;
        self.measured += 1;
        let sensor = SensorNo((self.random.bits() % self.sensors.len() as u64) as u16);
        self.gather.push(&Reading { sensor, at: now.unix, value: reading as f64 }, &mut self.feed.spool, now.mono);
        self.note_batches();
        self.gathering.push(reading);
        self.hours.insert(reading, now.unix.hour());
        reading
    }

    /// Whatever the gather no longer has became the next batch.
    fn note_batches(&mut self) {
        let inside = self.gather.len();
        // A push that closed a full batch already counts the reading that is noted next.
        if inside < self.gathering.len() || (inside == 0 && !self.gathering.is_empty()) {
            let readings = std::mem::take(&mut self.gathering);
            self.spooled.extend(&readings);
            self.held.insert((self.epoch, BatchSeq(self.next)), readings);
            self.next += 1;
        }
    }

    pub fn receive(&mut self, now: Now, datagram: &[u8]) {
        self.feed.uplink.handle_input(now, self.hub, datagram);
    }

    /// Does everything that is due; what is to be sent goes to `sent`.
    pub fn step(&mut self, now: Now, store: &Store, sent: &mut Vec<(SocketAddr, Vec<u8>)>) -> Result<(), Violation> {
        self.feed.uplink.handle_timeout(now);
        self.settle(now);
        self.audit(store)?;
        if let Some(probe) = self.feed.uplink.poll_search() {
            sent.push((self.hub, probe));
        }
        let mut out = Vec::new();
        let before = sent.len();
        while let Some(to) = self.feed.uplink.poll_transmit(now, &mut out) {
            sent.push((to, out.clone()));
            if sent.len() - before > MOST_DATAGRAMS {
                return Err(format!("device {} sends without end", self.number));
            }
        }
        Ok(())
    }

    fn settle(&mut self, now: Now) {
        let mut adopted = None;
        if self.plan.bug == Some(Bug::BacklogFirst) {
            while self.feed.uplink.has_room(Lane::Live) {
                let Some(batch) = self.feed.spool.take_backlog() else { break };
                self.feed.uplink.push(Outgoing { lane: Lane::Live, ..batch });
            }
        }
        match self.plan.bug {
            Some(Bug::TrimOnSend) => {
                while let Some(event) = self.feed.uplink.poll_event() {
                    if let Event::Adopted { hub, address } = event {
                        adopted = Some((hub, address));
                    } else if matches!(event, Event::Lost { .. }) {
                        self.feed.spool.rewind();
                    }
                }
                while self.feed.uplink.has_room(Lane::Live) {
                    let Some(batch) = self.feed.spool.take_live(now.mono) else { break };
                    self.feed.spool.trim(batch.epoch, BatchSeq(0), &[(batch.seq.0, batch.seq.0 + 1)]);
                    self.feed.uplink.push(batch);
                }
            }
            Some(Bug::NoRewind) => {
                while let Some(event) = self.feed.uplink.poll_event() {
                    match event {
                        Event::Adopted { hub, address } => adopted = Some((hub, address)),
                        Event::Acked { epoch, mark, runs } => {
                            self.feed.spool.trim(epoch, mark, &runs);
                        }
                        Event::Found { .. }
                        | Event::Several { .. }
                        | Event::Foreign { .. }
                        | Event::Silent { .. }
                        | Event::Pending { .. }
                        | Event::Recorded { .. }
                        | Event::Claimed(_)
                        | Event::Lost { .. } => {}
                    }
                }
                self.feed.settle(now, |_, _| {});
            }
            _ => self.feed.settle(now, |_, event| {
                if let Event::Adopted { hub, address } = event {
                    adopted = Some((hub, address));
                }
            }),
        }
        self.pinned = adopted.or(self.pinned);
    }

    /// What has left the spool must be stored, or be counted as dropped.
    fn audit(&mut self, store: &Store) -> Result<(), Violation> {
        if self.feed.spool.len() == self.held.len() {
            return Ok(());
        }
        let spool = &self.feed.spool;
        let gone: Vec<_> = self.held.keys().filter(|(epoch, seq)| !spool.holds(*epoch, *seq)).copied().collect();
        for key in gone {
            let readings = self.held.remove(&key).unwrap_or_default();
            let missing = readings.iter().filter(|reading| !store.readings.contains_key(*reading)).count() as u64;
            self.vanished += missing;
            if self.vanished > self.dropped() {
                let (epoch, seq) = key;
                return Err(format!("device {} let go of epoch {epoch} batch {seq}, which is not stored", self.number));
            }
        }
        Ok(())
    }

    /// Whether a power cut took what its ledger had not told yet.
    pub fn forgot(&self) -> bool {
        self.forgot
    }

    pub fn key(&self) -> PublicKey {
        self.keys.public
    }

    /// Readings that found no room.
    pub fn dropped(&self) -> u64 {
        self.dropped_before + self.feed.spool.dropped()
    }

    pub fn is_drained(&self) -> bool {
        self.feed.spool.is_empty() && self.gather.is_empty() && self.feed.spool.is_told()
    }

    pub fn wake_at(&self, at: Duration, now: Now) -> Option<Duration> {
        self.feed.uplink.poll_timeout().map(|wake| at + wake.saturating_duration_since(now.mono))
    }

    pub fn state(&self) -> String {
        let (uplink, spool) = (&self.feed.uplink, &self.feed.spool);
        let (in_flight, waiting) = (uplink.in_flight(), spool.waiting());
        format!("{:?}, {} held, {waiting} waiting, {in_flight} in flight", uplink.state(), spool.len())
    }
}

fn config(keys: &KeyPair, epoch: Epoch, pinned: Option<PublicKey>, plan: &Plan, seed: u64) -> Config {
    Config {
        keys: keys.clone(),
        epoch,
        pinned,
        token: plan.token.then(token),
        words: None,
        only_addresses: true,
        hello: Hello { name: "box".to_owned(), ..Hello::default() },
        max_in_flight: plan.max_in_flight,
        index: 0,
        start: Start { number: epoch.0 as u16, before: epoch.0 as u16 - 1 },
        seed,
    }
}

fn limits(plan: &Plan) -> Limits {
    Limits { memory: plan.memory, disk: 0, ..Limits::default() }
}

fn spec(name: &str) -> SensorSpec {
    SensorSpec { name: name.to_owned(), unit: "1".to_owned(), kind: SensorKind::Gauge, interval_ms: 0 }
}

fn address(number: usize, place: u8) -> SocketAddr {
    SocketAddr::from(([10, 1, number as u8, place], 4_000))
}
