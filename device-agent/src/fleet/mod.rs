//! Many simulated devices in one task over one socket: real keys, real sessions, real spools, made-up readings.
//!
//! Devices share the socket, and the lower half of a session name says which device a datagram is for. A device costs about 20 KiB
//! and is touched only when its timer is due or a datagram arrives for it.

mod device;
mod opening;
mod past;
mod plan;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use wire::discovery::Probe;
use wire::packet::{MAX_DATAGRAM, Packet};
use wire::{Epoch, PublicKey, SensorSpec};

use crate::clock::{self, Now};
use crate::netem::Netem;
use crate::quantity;
use crate::random::Random;
use crate::spool::{Limits, Spool};
use crate::uplink::Uplink;
use device::{Device, next_reboot};
pub use plan::{History, Plan, Throughput};

/// How long to wait for acknowledgements at the end.
const DRAIN_FOR: Duration = Duration::from_secs(30);
/// Pause between the first handshakes of two devices: the hub then accepts them without asking for proof of address.
const START_EVERY: Duration = Duration::from_micros(500);
/// Datagrams that are received in a row before devices are served.
const INBOX: usize = 512;
/// Devices whose timers are served before the socket is looked at again: each may begin a handshake, which costs a
/// third of a millisecond, and answers must not wait too long.
const DUE_AT_ONCE: usize = 32;
/// Devices with unsent readings that are named at the end: ten are enough to see what is wrong.
const NAMED: usize = 10;
/// Latencies kept: enough for a stable 99th percentile.
const LATENCIES: usize = 100_000;
/// Bytes of a simulated spool: as much as a small device keeps in memory.
const LIMITS: Limits = Limits { memory: 1 << 20, disk: 0, age: Duration::from_secs(7 * 86_400) };

/// The devices, their socket and their network.
pub struct Fleet {
    plan: Plan,
    hub_key: PublicKey,
    socket: UdpSocket,
    devices: Vec<Device>,
    specs: Vec<SensorSpec>,
    timers: BinaryHeap<Reverse<(Instant, u16)>>,
    up: Netem,
    down: Netem,
    measuring: bool,
    sent: u64,
    reboots: u64,
    datagrams: (u64, u64),
    latencies: Vec<u32>,
    random: Random,
    /// The made-up past is not on the hub yet.
    remembers: bool,
}

impl Fleet {
    /// Runs the plan; `stop` ends measuring early. What is unacknowledged then has some seconds to arrive.
    ///
    /// # Errors
    /// The socket failed.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> io::Result<Throughput> {
        let mut stop = std::pin::pin!(stop);
        let started = clock::now().mono;
        let mut until = self.plan.duration.map(|duration| started + duration);
        let mut inbox = [0; MAX_DATAGRAM];
        let mut outbox = Vec::with_capacity(MAX_DATAGRAM);
        let mut touched = Vec::new();
        loop {
            let now = clock::now();
            if self.measuring && until.is_some_and(|until| now.mono >= until) {
                self.measuring = false;
                until = Some(now.mono + DRAIN_FOR);
            }
            let drained = !self.measuring && self.devices.iter().all(|device| device.feed.spool.is_empty());
            if !self.measuring && (drained || until.is_some_and(|until| now.mono >= until)) {
                break;
            }
            self.receive(now, &mut inbox, &mut touched);
            self.due(now, &mut touched);
            for number in touched.drain(..) {
                self.serve(now, number, &mut outbox);
            }
            self.tell_history();
            while let Some((to, datagram)) = self.up.poll_late(now.mono) {
                self.put(&datagram, to);
            }
            let wake = [self.timers.peek().map(|Reverse((at, _))| *at), self.up.poll_timeout(), until];
            let wake = [wake.into_iter().flatten().min(), self.down.poll_timeout()].into_iter().flatten().min();
            tokio::select! {
                biased;
                readable = self.socket.readable() => readable?,
                () = clock::sleep_until(wake) => {}
                () = &mut stop, if self.measuring => {
                    self.measuring = false;
                    until = Some(clock::now().mono + DRAIN_FOR / 6);
                }
            }
        }
        let ended = clock::now();
        let streaming = self.devices.iter().filter(|device| device.feed.uplink.is_streaming()).count();
        self.tell_unfinished();
        for number in 0..self.devices.len() {
            let goodbye = self.devices.get_mut(number).and_then(|device| device.feed.uplink.close(ended, &mut outbox));
            if let Some(to) = goodbye {
                self.put(&outbox, to);
            }
        }
        Ok(self.throughput(streaming, ended.mono.saturating_duration_since(started)))
    }

    /// Says, once, that the made-up past is told: nothing but what was just measured is still on its way.
    fn tell_history(&mut self) {
        let is_told = |device: &Device| device.past.is_none() && device.feed.spool.len() <= 2;
        if self.remembers && self.devices.iter().all(is_told) {
            self.remembers = false;
            tracing::info!(readings = self.sent, "the history is sent: {}", quantity::of(self.sent, "reading"));
        }
    }

    /// Names devices that do not stream at the end, or whose readings are not acknowledged: the first of them.
    fn tell_unfinished(&self) {
        let unfinished = |device: &&Device| !device.feed.uplink.is_streaming() || !device.feed.spool.is_empty();
        for (number, device) in self.devices.iter().enumerate().filter(|(_, device)| unfinished(device)).take(NAMED) {
            let (state, batches) = (device.feed.uplink.state(), device.feed.spool.len());
            let batches = quantity::of(batches as u64, "batch");
            tracing::warn!("{}-{number:04} ends {state:?}, {batches} not acknowledged", self.plan.name);
        }
    }

    fn receive(&mut self, now: Now, inbox: &mut [u8; MAX_DATAGRAM], touched: &mut Vec<u16>) {
        for _ in 0..INBOX {
            let Ok((length, from)) = self.socket.try_recv_from(inbox) else { break };
            self.datagrams.1 += 1;
            let datagram = inbox.get(..length).unwrap_or_default();
            for _ in 0..self.down.pass(now.mono, from, datagram) {
                self.hand(now, from, datagram, touched);
            }
        }
        while let Some((from, datagram)) = self.down.poll_late(now.mono) {
            self.hand(now, from, &datagram, touched);
        }
    }

    fn hand(&mut self, now: Now, from: SocketAddr, datagram: &[u8], touched: &mut Vec<u16>) {
        let name = match Packet::parse(datagram) {
            Ok(Packet::Data(data)) => data.receiver,
            Ok(Packet::Hs2(hs2)) => hs2.receiver,
            Ok(Packet::Cookie(cookie)) => cookie.receiver,
            Ok(Packet::Hs1(_) | Packet::Probe(_) | Packet::Answer(_)) | Err(_) => return,
        };
        let number = (name & 0xffff) as u16;
        if let Some(device) = self.devices.get_mut(usize::from(number)) {
            device.feed.uplink.handle_input(device.time(now), from, datagram);
            if touched.last() != Some(&number) {
                touched.push(number);
            }
        }
    }

    fn due(&mut self, now: Now, touched: &mut Vec<u16>) {
        for _ in 0..DUE_AT_ONCE {
            let Some(Reverse((at, number))) = self.timers.peek().copied().filter(|Reverse((at, _))| *at <= now.mono)
            else {
                break;
            };
            self.timers.pop();
            if let Some(device) = self.devices.get_mut(usize::from(number)) {
                // An entry that an earlier one has replaced.
                if device.scheduled == Some(at) {
                    device.scheduled = None;
                    touched.push(number);
                }
            }
        }
    }

    /// Everything a touched device has to do.
    fn serve(&mut self, now: Now, number: u16, outbox: &mut Vec<u8>) {
        self.reboot_if_due(now, number);
        let Some(device) = self.devices.get_mut(usize::from(number)) else { return };
        let now = device.time(now);
        device.feed.uplink.handle_timeout(now);
        if self.measuring {
            self.sent += device.remember(now, &self.plan);
            self.sent += match self.plan.interval {
                Some(_) => device.measure_round(now, number, &self.plan),
                None => device.measure_ahead(now, &self.plan),
            };
        }
        device.feed.settle(now, |_, _| {});
        if let Some((epoch, seq, since)) = device.awaited {
            if !device.feed.spool.holds(epoch, seq) {
                device.awaited = None;
                if self.latencies.len() < LATENCIES {
                    let waited = now.mono.saturating_duration_since(since).as_micros();
                    self.latencies.push(u32::try_from(waited).unwrap_or(u32::MAX));
                }
            }
        }
        // What was acknowledged makes room for more at once.
        if self.measuring && (self.plan.interval.is_none() || device.past.is_some()) {
            self.sent += device.remember(now, &self.plan);
            if self.plan.interval.is_none() {
                self.sent += device.measure_ahead(now, &self.plan);
            }
            device.feed.settle(now, |_, _| {});
        }
        while let Some(device) = self.devices.get_mut(usize::from(number)) {
            let Some(to) = device.feed.uplink.poll_transmit(now, outbox) else { break };
            for _ in 0..self.up.pass(now.mono, to, outbox) {
                self.put(outbox, to);
            }
        }
        self.schedule(number);
    }

    fn schedule(&mut self, number: u16) {
        let rounds = self.measuring && self.plan.interval.is_some();
        let Some(device) = self.devices.get_mut(usize::from(number)) else { return };
        let round = rounds.then(|| device.schedule.next());
        let times = [device.feed.uplink.poll_timeout(), round, device.reboot_at];
        let Some(wake) = times.into_iter().flatten().min() else { return };
        if device.scheduled.is_none_or(|scheduled| wake < scheduled) {
            device.scheduled = Some(wake);
            self.timers.push(Reverse((wake, number)));
        }
    }

    fn put(&mut self, datagram: &[u8], to: SocketAddr) {
        // A full socket buffer loses it, as a network does; the uplink repeats.
        let _ = self.socket.try_send_to(datagram, to);
        self.datagrams.0 += 1;
    }

    fn reboot_if_due(&mut self, now: Now, number: u16) {
        let due = |device: &Device| device.reboot_at.is_some_and(|at| now.mono >= at);
        let Some(device) = self.devices.get_mut(usize::from(number)).filter(|device| self.measuring && due(device))
        else {
            return;
        };
        let (keys, epoch, seed) = (device.keys.clone(), Epoch(device.epoch.0 + 1), device.random.bits());
        let config = self.config(number, &keys, epoch, seed);
        let mut uplink = Uplink::new(config, now);
        uplink.add_known(self.hub_key, self.plan.hub, now);
        uplink.set_sensors(&self.specs);
        self.reboots += 1;
        if let Some(device) = self.devices.get_mut(usize::from(number)) {
            device.feed.uplink = uplink;
            device.feed.spool.begin_epoch(epoch);
            device.epoch = epoch;
            device.reboot_at = next_reboot(self.plan.reboots, &mut device.random, now.mono);
        }
    }

    fn throughput(mut self, streaming: usize, elapsed: Duration) -> Throughput {
        let sum = |count: fn(&Spool) -> u64| self.devices.iter().map(|device| count(&device.feed.spool)).sum::<u64>();
        let (acked, dropped) = (sum(Spool::acked), sum(Spool::dropped));
        let seconds = elapsed.as_secs_f64();
        self.latencies.sort_unstable();
        let percentile = |share: f64| {
            let last = self.latencies.len().saturating_sub(1) as f64;
            self.latencies.get((last * share) as usize).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
        };
        Throughput {
            devices: self.plan.devices,
            streaming,
            sent: self.sent,
            acked,
            dropped,
            reboots: self.reboots,
            datagrams_sent: self.datagrams.0,
            datagrams_received: self.datagrams.1,
            seconds,
            readings_per_s: acked as f64 / seconds.max(0.001),
            cpu_s_per_million: processor_seconds() * 1e6 / (acked.max(1) as f64),
            ack_ms_p50: percentile(0.5),
            ack_ms_p99: percentile(0.99),
        }
    }
}

/// Asks the hub at an address for its key, for up to ten seconds.
async fn ask(socket: &UdpSocket, hub: SocketAddr) -> io::Result<PublicKey> {
    let nonce = Random::from_system().map_err(io::Error::other)?.bits().to_le_bytes();
    let mut inbox = [0; MAX_DATAGRAM];
    for _ in 0..8 {
        socket.send_to(&Probe::new(nonce).encode(), hub).await?;
        let until = clock::now().mono + Duration::from_millis(1250);
        loop {
            let received = tokio::select! {
                received = socket.recv_from(&mut inbox) => received,
                () = clock::sleep_until(Some(until)) => break,
            };
            // An error is the far side's port being closed: perhaps not for long.
            let Ok((length, _)) = received else { continue };
            match Packet::parse(inbox.get(..length).unwrap_or_default()) {
                Ok(Packet::Answer(answer)) if answer.nonce == nonce => return Ok(answer.key),
                _ => {}
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("no hub answers at {hub}")))
}

/// Processor time this process has used, in user and in system.
fn processor_seconds() -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks: f64 = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / TICKS_A_SECOND
}
