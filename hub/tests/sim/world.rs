//! One run: time, the network, and everybody in it, as events in one queue ordered by virtual time.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use device_agent::clock::Now;
use device_agent::random::Random;
use telemetry_hub::clock::Clock;
use telemetry_hub::proto::Moment;
use wire::{Hour, KeyPair, UnixMillis};

use crate::device::Device;
use crate::hub::{Hub, Violation};
use crate::plan::{Bug, Fault, Plan};

/// Devices go on measuring this long after the faults end.
const CALM: Duration = Duration::from_secs(30);
/// Live readings are judged this long after the faults end: an agent waits for up to 10 s between two attempts, and then has a
/// session to open.
const SETTLED: Duration = Duration::from_secs(15);
/// Oldest that a reading may be when it is stored, 99 of 100, once the hub is there and nothing is broken.
const STALENESS: Duration = Duration::from_secs(2);
/// Datagrams lost in a burst, and how often one ends.
const IN_BURST: f64 = 0.95;
const BURST_ENDS: f64 = 0.1;
/// Events of one run; more means that somebody spins.
const MOST_EVENTS: u64 = 2_000_000;
const TEND_EVERY: Duration = Duration::from_secs(1);
/// A minute before a full hour: what is counted by the hour crosses one.
const WALL: i64 = 1_700_002_740_000;

enum Event {
    ToHub(SocketAddr, Vec<u8>),
    ToDevice(SocketAddr, Vec<u8>),
    Hub,
    HubReturns,
    Device(usize),
    Measure(usize),
    Tend(usize),
    Fault(Fault),
}

/// What a run that broke no promise has to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    pub readings: u64,
    pub dropped: u64,
    pub cut: u64,
    pub datagrams: u64,
    pub lost: u64,
    pub restarts: u64,
    pub virtual_time: Duration,
    /// From the end of the faults and of the measuring to the last spool's being empty.
    pub drained: Duration,
    /// How old readings were when they were stored, of those measured while the hub was there and it was calm; and of those
    /// among them that were measured while older ones waited.
    pub staleness: Vec<Duration>,
    pub backfilling: Vec<Duration>,
    /// Datagrams the hub refused, by reason.
    pub refused: Vec<(&'static str, u64)>,
    /// The order of everything that happened: the same for the same seed.
    pub trace: u64,
}

pub struct World {
    plan: Plan,
    start: Instant,
    at: Duration,
    events: BTreeMap<(Duration, u64), Event>,
    counted: u64,
    random: Random,
    hub: Hub,
    hub_wakes: Option<Duration>,
    devices: Vec<Device>,
    wakes: Vec<Option<Duration>>,
    /// Per device and direction.
    bursts: Vec<[bool; 2]>,
    cut_off: Vec<Duration>,
    sent: Vec<(SocketAddr, Vec<u8>)>,
    outcome: Outcome,
    trace: DefaultHasher,
}

/// Runs one seed.
///
/// # Errors
/// The promise that was broken, and when.
pub fn run(seed: u64, bug: Option<Bug>) -> Result<Outcome, Violation> {
    let mut world = World::new(Plan::new(seed, bug));
    world.run().map_err(|violation| format!("at {:?}: {violation}", world.at))
}

/// Made once: a key's bytes change nothing that is observed.
fn keys(number: usize) -> KeyPair {
    static KEYS: OnceLock<Vec<KeyPair>> = OnceLock::new();
    KEYS.get_or_init(|| (0..13).map(|_| KeyPair::generate().unwrap()).collect())[number].clone()
}

impl World {
    fn new(plan: Plan) -> Self {
        let start = Clock.now();
        let (now, moment) = moments(start, Duration::ZERO);
        let hub = Hub::new(keys(0), &plan, moment);
        let devices: Vec<Device> =
            (0..plan.devices).map(|n| Device::new(n, keys(n + 1), &plan, hub.address, now)).collect();
        let mut world = Self {
            start,
            at: Duration::ZERO,
            events: BTreeMap::new(),
            counted: 0,
            random: Random::new(!plan.seed),
            hub,
            hub_wakes: None,
            wakes: vec![None; devices.len()],
            bursts: vec![[false; 2]; devices.len()],
            cut_off: vec![Duration::ZERO; devices.len()],
            devices,
            sent: Vec::new(),
            outcome: Outcome::default(),
            trace: DefaultHasher::new(),
            plan,
        };
        for (at, fault) in world.plan.faults.clone() {
            world.put(at, Event::Fault(fault));
        }
        for device in 0..world.devices.len() {
            let first = world.random.between(Duration::ZERO, world.plan.interval);
            world.put(Duration::ZERO, Event::Device(device));
            world.put(first, Event::Measure(device));
            world.put(first, Event::Tend(device));
        }
        world.put(Duration::ZERO, Event::Hub);
        world
    }

    fn run(&mut self) -> Result<Outcome, Violation> {
        let measured_until = self.plan.calm_at + CALM;
        let deadline = measured_until + self.plan.patience();
        while let Some(((at, _), event)) = self.events.pop_first() {
            self.at = at;
            self.outcome.virtual_time = at;
            if at >= measured_until && self.devices.iter().all(Device::is_drained) {
                break;
            }
            if at >= deadline {
                let states: Vec<String> = self.devices.iter().map(Device::state).collect();
                return Err(format!("spools do not drain: {states:?}"));
            }
            if self.counted > MOST_EVENTS {
                return Err("somebody spins".to_owned());
            }
            self.happen(event, measured_until)?;
        }
        self.outcome.drained = self.at - measured_until;
        self.judge()
    }

    fn happen(&mut self, event: Event, measured_until: Duration) -> Result<(), Violation> {
        let (now, moment) = moments(self.start, self.at);
        self.trace.write_u128(self.at.as_nanos());
        self.trace.write_u8(match &event {
            Event::ToHub(_, datagram) | Event::ToDevice(_, datagram) => datagram.len() as u8,
            Event::Hub => 1,
            Event::HubReturns => 2,
            Event::Device(_) => 3,
            Event::Measure(_) => 4,
            Event::Tend(_) => 5,
            Event::Fault(_) => 6,
        });
        match event {
            Event::ToHub(from, datagram) => {
                self.hub.receive(moment, from, &datagram);
                self.step_hub()
            }
            Event::ToDevice(to, datagram) => {
                let Some(device) = self.devices.iter().position(|device| device.address == to) else { return Ok(()) };
                self.devices[device].receive(now, &datagram);
                self.step_device(device)
            }
            Event::Hub if self.hub_wakes.is_none_or(|wake| wake <= self.at) => self.step_hub(),
            Event::HubReturns => {
                self.hub.start(moment);
                self.step_hub()
            }
            Event::Device(device) if self.wakes[device].is_none_or(|wake| wake <= self.at) => self.step_device(device),
            Event::Hub | Event::Device(_) => Ok(()),
            Event::Measure(device) if self.at >= measured_until => {
                self.devices[device].finish(now.mono);
                self.step_device(device)
            }
            Event::Measure(device) => {
                self.devices[device].measure(self.at, now);
                self.put(self.at + self.plan.interval, Event::Measure(device));
                self.step_device(device)
            }
            Event::Tend(device) => {
                self.devices[device].tend(now);
                self.put(self.at + TEND_EVERY, Event::Tend(device));
                Ok(())
            }
            Event::Fault(fault) => self.fault(fault),
        }
    }

    fn fault(&mut self, fault: Fault) -> Result<(), Violation> {
        let (now, _) = moments(self.start, self.at);
        // Whatever begins ends when it becomes calm.
        let until = |time: Duration| (self.at + time).min(self.plan.calm_at);
        match fault {
            Fault::HubRestart(away) => {
                let back = until(away);
                self.events.retain(|_, event| !matches!(event, Event::HubReturns));
                self.put(back, Event::HubReturns);
                return self.hub.kill(self.at);
            }
            Fault::Partition(device, time) => {
                let end = until(time);
                match self.cut_off.get_mut(device) {
                    Some(one) => *one = end,
                    None => self.cut_off.fill(end),
                }
            }
            Fault::Reboot(device) => self.devices[device].reboot(now, true),
            Fault::PowerCut(device) => self.devices[device].reboot(now, false),
            Fault::Roam(device) => self.devices[device].roam(),
            Fault::DiskSlow(time) => self.hub.slow_until = until(time),
            Fault::DiskFull(time) => self.hub.full_until = until(time),
        }
        (0..self.devices.len()).try_for_each(|device| self.step_device(device))
    }

    fn step_hub(&mut self) -> Result<(), Violation> {
        let (_, moment) = moments(self.start, self.at);
        let mut sent = std::mem::take(&mut self.sent);
        self.hub.step(self.at, moment, &mut sent)?;
        for (to, datagram) in sent.drain(..) {
            let device = self.devices.iter().position(|device| device.address == to);
            self.send(device, 0, datagram, |datagram| Event::ToDevice(to, datagram));
        }
        self.sent = sent;
        self.hub_wakes = self.hub.wake_at(self.at, moment);
        if let Some(wake) = self.hub_wakes {
            self.put(wake, Event::Hub);
        }
        Ok(())
    }

    fn step_device(&mut self, device: usize) -> Result<(), Violation> {
        let (now, _) = moments(self.start, self.at);
        let mut sent = std::mem::take(&mut self.sent);
        self.devices[device].step(now, &self.hub.store, &mut sent)?;
        let from = self.devices[device].address;
        for (to, datagram) in sent.drain(..) {
            if to == self.hub.address {
                self.send(Some(device), 1, datagram, |datagram| Event::ToHub(from, datagram));
            }
        }
        self.sent = sent;
        let wake = self.devices[device].wake_at(self.at, now);
        if wake != self.wakes[device] || wake.is_some_and(|wake| wake <= self.at) {
            self.wakes[device] = wake;
            if let Some(wake) = wake {
                self.put(wake.max(self.at + Duration::from_micros(100)), Event::Device(device));
            }
        }
        Ok(())
    }

    /// The network: loses, delays, doubles, damages and replays until it becomes calm, and only delays from then on.
    fn send(&mut self, device: Option<usize>, direction: usize, datagram: Vec<u8>, arrive: impl Fn(Vec<u8>) -> Event) {
        let Some(device) = device else { return };
        self.outcome.datagrams += 1;
        let weather = self.plan.weather.clone();
        let stormy = self.at < self.plan.calm_at;
        let burst = &mut self.bursts[device][direction];
        *burst = stormy && if *burst { !self.random.chance(BURST_ENDS) } else { self.random.chance(weather.burst) };
        let loss = if *burst { IN_BURST } else { weather.loss };
        if self.at < self.cut_off[device] || (stormy && self.random.chance(loss)) {
            self.outcome.lost += 1;
            return;
        }
        let mut delay = weather.delay + self.random.between(Duration::ZERO, weather.jitter);
        if stormy && self.random.chance(weather.late) {
            delay += self.random.between(Duration::from_millis(1), Duration::from_millis(500));
        }
        let mut copies = Vec::new();
        if stormy && self.random.chance(weather.duplicate) {
            copies.push((delay + self.random.between(Duration::ZERO, Duration::from_millis(50)), datagram.clone()));
        }
        if stormy && self.random.chance(weather.replay) {
            copies
                .push((delay + self.random.between(Duration::from_secs(1), Duration::from_secs(20)), datagram.clone()));
        }
        let mut first = datagram;
        if stormy && self.random.chance(weather.corrupt) {
            let bit = self.random.bits() as usize % (first.len() * 8);
            first[bit / 8] ^= 1 << (bit % 8);
        }
        copies.push((delay, first));
        for (delay, datagram) in copies {
            let at = self.at + delay;
            self.put(at, arrive(datagram));
        }
    }

    fn put(&mut self, at: Duration, event: Event) {
        self.counted += 1;
        self.events.insert((at, self.counted), event);
    }

    /// Every reading that was spooled is stored once (the store refuses a second), and was stored in time.
    fn judge(&mut self) -> Result<Outcome, Violation> {
        let store = &self.hub.store;
        for device in &self.devices {
            let missing: Vec<&u64> = device.spooled.iter().filter(|n| !store.readings.contains_key(*n)).collect();
            let cut = missing.iter().filter(|n| device.cut.contains(**n)).count() as u64;
            if missing.len() as u64 - cut > device.dropped() {
                return Err(format!("device {} has nothing left, and {missing:?} are not stored", device.number));
            }
            judge_ledger(device, &self.hub)?;
            self.outcome.readings += device.spooled.len() as u64;
            self.outcome.dropped += device.dropped();
            self.outcome.cut += cut;
            // Only what was measured when it was calm and the hub had time to come back.
            let from = self.plan.calm_at + SETTLED;
            for (reading, at, backfilling) in device.live.iter().filter(|(_, at, _)| *at >= from) {
                let Some(stored) = store.readings.get(reading) else { continue };
                // Of a single seed, what was late is worth a line each.
                if *stored - *at > STALENESS && std::env::var_os("SIM_SEED").is_some() {
                    println!("device {} measured {reading} at {at:?}, stored {:?} later", device.number, *stored - *at);
                }
                self.outcome.staleness.push(*stored - *at);
                if *backfilling {
                    self.outcome.backfilling.push(*stored - *at);
                }
            }
        }
        self.outcome.restarts = u64::from(self.hub.restarts);
        let Outcome { staleness, backfilling, .. } = &mut self.outcome;
        for (readings, when) in [(&mut *staleness, ""), (backfilling, " while older ones wait")] {
            readings.sort_unstable();
            let p99 = readings.get(readings.len() * 99 / 100).copied().unwrap_or_default();
            if p99 > STALENESS {
                return Err(format!("live readings are {p99:?} old when they are stored{when} ({})", readings.len()));
            }
        }
        if staleness.is_empty() {
            return Err("no reading was live".to_owned());
        }
        self.outcome.refused = self.hub.counters.drops().collect();
        self.outcome.trace = self.trace.finish();
        Ok(self.outcome.clone())
    }
}

/// The ledger balances to the reading: with what is stored, and with what the device knows it took and dropped.
fn judge_ledger(device: &Device, hub: &Hub) -> Result<(), Violation> {
    let ledger = hub.ledger(&device.key());
    let total = ledger.total();
    let wrong = |what: &str| Err(format!("the ledger of device {} {what}: {ledger:?}", device.number));
    let own = |reading: &u64| *reading / 1_000_000 == device.number as u64;
    let stored = hub.store.readings.keys().filter(|reading| own(reading)).count() as u64;
    if total.received + total.recovered != stored {
        return wrong(&format!("does not count the {stored} readings that are stored"));
    }
    if device.forgot() {
        // A power cut took counts with the readings; no more can be missing than it took.
        let open = total.waiting + total.missing;
        return if open > device.cut.len() as u64 { wrong("misses more than was lost") } else { Ok(()) };
    }
    if total.dropped.total() != device.dropped() || total.waiting + total.missing > 0 {
        return wrong(&format!("does not know that {} were dropped and none is missing", device.dropped()));
    }
    let mut taken: BTreeMap<Hour, u64> = BTreeMap::new();
    device.spooled.iter().for_each(|reading| *taken.entry(device.hours[reading]).or_default() += 1);
    let told: BTreeMap<Hour, u64> = ledger.hours.iter().map(|(hour, line)| (*hour, line.taken)).collect();
    // A batch that was dropped while it was on its way may have arrived all the same, and counts as both.
    let excess = |hour: &Hour| told.get(hour).zip(taken.get(hour)).map(|(told, taken)| told.checked_sub(*taken));
    let excess: Option<Vec<u64>> = told.keys().chain(taken.keys()).map(|hour| excess(hour).flatten()).collect();
    match excess {
        Some(excess) if excess.iter().sum::<u64>() <= 2 * device.dropped() => Ok(()),
        _ => wrong(&format!("is not what was taken: {taken:?}")),
    }
}

fn moments(start: Instant, at: Duration) -> (Now, Moment) {
    let wall = UnixMillis(WALL + at.as_millis() as i64);
    (Now { mono: start + at, unix: wall }, Moment { now: start + at, wall })
}
