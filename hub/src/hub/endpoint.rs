//! Builds the endpoint for a start: with every stored device, and what was received from each.

use std::collections::HashMap;
use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};
use wire::handshake::Responder;

use crate::clock::Clock;
use crate::model::UnixMillis;
use crate::model::device::{Claim, DeviceNo, Retired};
use crate::pressure::Pressure;
use crate::proto::command::{Command, JoinPolicy};
use crate::proto::counters::Counters;
use crate::proto::discovery::Card;
use crate::proto::endpoint::{self, Endpoint};
use crate::proto::{Moment, Random};
use crate::registrar::known;
use crate::store::{self, Store};

/// What is known of the machines behind devices.
pub(super) struct Machines {
    /// Which start of its agent speaks for a device.
    pub(super) claims: HashMap<DeviceNo, Claim>,
    /// Since when a device has its hardware, where it had another.
    pub(super) since: HashMap<DeviceNo, UnixMillis>,
    /// Hardware that was replaced.
    pub(super) retired: Vec<Retired>,
}

impl Machines {
    /// As stored.
    pub(super) async fn of(store: &Store) -> Result<Self, store::Error> {
        Ok(Self {
            claims: store.claims().await?,
            since: store.hardware_since().await?,
            retired: store.retired().await?,
        })
    }
}

/// An endpoint that knows every stored device and join token.
pub(super) fn new_endpoint(
    store: &Store,
    clock: Clock,
    policy: JoinPolicy,
    responder: Responder,
    card: Card,
    (counters, pressure): (&Arc<Counters>, &Arc<Pressure>),
    Machines { mut claims, since, retired }: Machines,
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
    let mut windows: HashMap<DeviceNo, Vec<_>> = HashMap::new();
    for (device, epoch, window) in store.windows() {
        windows.entry(device).or_default().push((epoch, window));
    }
    let mut digests = store.take_digests();
    let devices: Vec<DeviceNo> = store.catalog().devices().map(|device| device.no).collect();
    for no in devices {
        if let Some(mut known) = known(store, no) {
            known.windows = windows.remove(&no).unwrap_or_default();
            known.digests = digests.remove(&no).unwrap_or_default();
            known.claim = claims.remove(&no);
            known.since = since.get(&no).copied();
            endpoint.handle_command(moment, Command::Known(Box::new(known)));
        }
    }
    endpoint.handle_command(moment, Command::Retired(retired));
    Ok(endpoint)
}

/// The operating system's randomness. A hub that has none must not go on: its session keys would be weak.
pub(super) fn random() -> anyhow::Result<Random> {
    let source = SystemRandom::new();
    source.fill(&mut [0; 1]).map_err(|_| anyhow::anyhow!("no randomness from the operating system"))?;
    #[expect(clippy::panic, reason = "once seeded the kernel's generator cannot fail; weak keys would be worse")]
    Ok(Box::new(move |bytes| source.fill(bytes).unwrap_or_else(|_| panic!("no randomness"))))
}
