//! Makes a fleet: the hub's key, and every device with its keys and its session.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use wire::batch::{BatchBuilder, MAX_BODY};
use wire::handshake::Start;
use wire::message::Hello;
use wire::{Epoch, KeyPair};

use super::device::{Device, kind_of, next_reboot, preview, specs};
use super::past::Past;
use super::plan::Plan;
use super::{Fleet, LIMITS, START_EVERY, ask};
use crate::clock::{self, Now};
use crate::feed::Feed;
use crate::netem::Netem;
use crate::random::Random;
use crate::sampler::Schedule;
use crate::spool::Spool;
use crate::uplink::{Config, Uplink};

impl Fleet {
    /// Asks the hub for its key and makes the devices.
    ///
    /// # Errors
    /// No socket, no answer, or no randomness.
    pub async fn open(plan: Plan) -> io::Result<Self> {
        let local: SocketAddr = if plan.hub.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
        let socket = UdpSocket::bind(local).await?;
        // What the kernel grants; a small one only costs repeats.
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(8 << 20);
        let _ = socket2::SockRef::from(&socket).set_send_buffer_size(8 << 20);
        let hub_key = ask(&socket, plan.hub).await?;
        let now = clock::now();
        let mut random = Random::new(plan.seed);
        let specs = specs(&plan);
        let mut fleet = Self {
            hub_key,
            socket,
            devices: Vec::with_capacity(usize::from(plan.devices)),
            specs,
            timers: BinaryHeap::new(),
            up: Netem::new(plan.conditions, Random::new(random.bits())),
            down: Netem::new(plan.conditions, Random::new(random.bits())),
            measuring: true,
            sent: 0,
            reboots: 0,
            datagrams: (0, 0),
            latencies: Vec::new(),
            random,
            remembers: plan.history.is_some(),
            plan,
        };
        for number in 0..fleet.plan.devices {
            let device = fleet.device(number, now).map_err(io::Error::other)?;
            fleet.devices.push(device);
            fleet.timers.push(Reverse((now.mono + START_EVERY * u32::from(number), number)));
        }
        Ok(fleet)
    }

    pub(super) fn device(&mut self, number: u16, now: Now) -> Result<Device, wire::NoRandomness> {
        let mut random = Random::new(self.random.bits());
        let skew = self.plan.skew.as_millis() as f64;
        let epoch = Epoch(1);
        let keys = KeyPair::generate()?;
        let interval = self.plan.interval.unwrap_or(Duration::from_secs(1));
        // Spread over the interval, as independent devices are.
        let first = now.mono + interval.mul_f64(f64::from(number) / f64::from(self.plan.devices.max(1)));
        let start = now.plus(START_EVERY * u32::from(number));
        let mut uplink = Uplink::new(self.config(number, &keys, epoch, random.bits()), start);
        uplink.add_known(self.hub_key, self.plan.hub, start);
        uplink.set_sensors(&self.specs);
        Ok(Device {
            feed: Feed { uplink, spool: Spool::in_memory(epoch, LIMITS, now.mono) },
            keys,
            epoch,
            skew_ms: ((random.unit() * 2.0 - 1.0) * skew) as i64,
            builder: BatchBuilder::new(MAX_BODY),
            schedule: Schedule::new(interval, first),
            values: (0..self.plan.sensors).map(|sensor| kind_of(sensor).2).collect(),
            newest: i64::MIN,
            past: self.plan.history.map(|history| Past::new(history, interval, number, now.unix)),
            sensor: 0,
            reboot_at: next_reboot(self.plan.reboots, &mut random, now.mono),
            random,
            awaited: None,
            scheduled: Some(start.mono),
        })
    }

    pub(super) fn config(&self, number: u16, keys: &KeyPair, epoch: Epoch, seed: u64) -> Config {
        Config {
            keys: keys.clone(),
            epoch,
            pinned: None,
            token: self.plan.token.clone(),
            // The hub is known: nothing is searched.
            words: None,
            only_addresses: true,
            hello: Hello {
                name: format!("{}-{number:04}", self.plan.name),
                model: "simulated".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                labels: self.labels(),
                preview: preview(&self.specs),
            },
            max_in_flight: self.plan.in_flight,
            index: number,
            // As good as drawn: another with each boot.
            start: Start { number: (seed as u16).max(1), before: 0 },
            seed,
        }
    }

    fn labels(&self) -> Vec<(String, String)> {
        let fleet = ("fleet".to_owned(), self.plan.name.clone());
        let has_own = self.plan.labels.iter().any(|(key, _)| *key == fleet.0);
        let fleet = (!has_own).then_some(fleet);
        fleet.into_iter().chain(self.plan.labels.iter().cloned()).collect()
    }
}
