//! Whether the time tells a blocked key from an unknown one (S11): both get silence, and should take as long.
//!
//! First messages of both kinds by turns through the endpoint, without a socket: what a network adds hides differences, it
//! makes none. Printed: the median of each, and the mean of the differences within a pair with its 95 % interval. A
//! difference that is visible from outside would have to stand out of the jitter of a network, some ten microseconds.
//!
//! `cargo bench -p telemetry-hub --bench silence -- [--pairs N]`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, reads the clock, and fails by panicking"
)]

mod figures;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use figures::Options;
use telemetry_hub::model::device::{Device, DeviceNo, Standing};
use telemetry_hub::model::{DeviceId, Numbering, PublicKey, UnixMillis};
use telemetry_hub::proto::Moment;
use telemetry_hub::proto::command::{Command, JoinPolicy, Known};
use telemetry_hub::proto::counters::Counters;
use telemetry_hub::proto::discovery::Card;
use telemetry_hub::proto::endpoint::{Config, Endpoint};
use wire::KeyPair;
use wire::handshake::{Initiator, NO_PSK, Offer, Responder, Start};

/// Different keys of each kind.
const KEYS: usize = 64;

fn main() {
    let pairs: usize = Options::given().or("--pairs", 20_000);
    let hub = KeyPair::generate().unwrap();
    let key = hub.public;
    let mut moment = Moment { now: Instant::now(), wall: UnixMillis(1_700_000_000_000) };
    let config = Config {
        responder: Responder::new(hub),
        card: Card { hub: DeviceId::of(&key), key, port: 5770, accepting: Arc::default() },
        policy: JoinPolicy::Token,
        random: Box::new(|bytes| bytes.fill(5)),
        discovery_random: Box::new(|bytes| bytes.fill(3)),
        counters: Arc::<Counters>::default(),
        pressure: Arc::default(),
        max_devices: usize::MAX,
    };
    let mut endpoint = Endpoint::new(moment.now, config);
    let offer = Offer { counter: 1, token: 0, start: Start::default(), mtu: 1_232 };
    let keys: Vec<KeyPair> = (0..2 * KEYS).map(|_| KeyPair::generate().unwrap()).collect();
    for (no, keys) in (1..).zip(&keys[..KEYS]) {
        let known = Known {
            device: blocked(keys.public, no),
            sensors: Vec::new(),
            numbering: Numbering::FIRST,
            windows: Vec::new(),
            digests: Vec::new(),
            claim: None,
            since: None,
        };
        endpoint.handle_command(moment, Command::Known(Box::new(known)));
    }
    let first = |keys: &KeyPair| Initiator::start(keys, &key, &NO_PSK, &offer, 9).unwrap().datagram().to_vec();
    let firsts: Vec<Vec<u8>> = keys.iter().map(first).collect();
    let from: SocketAddr = "10.0.0.7:4000".parse().unwrap();
    let mut measure = |endpoint: &mut Endpoint, datagram: &[u8]| {
        // So that nobody has to prove an address.
        moment.now += Duration::from_secs(1);
        let began = Instant::now();
        endpoint.handle_input(moment, from, datagram);
        endpoint.handle_handshakes(moment, 1);
        let took = began.elapsed().as_secs_f64() * 1e6;
        assert!(endpoint.poll_transmit(moment).is_none(), "silence");
        took
    };
    let mut times = [Vec::with_capacity(pairs), Vec::with_capacity(pairs)];
    for n in 0..pairs {
        // Which one comes first takes turns as well.
        for kind in if n % 2 == 0 { [0, 1] } else { [1, 0] } {
            let took = measure(&mut endpoint, &firsts[kind * KEYS + n / 2 % KEYS]);
            times[kind].push(took);
        }
    }
    let mut differences: Vec<f64> = times[0].iter().zip(&times[1]).map(|(one, other)| one - other).collect();
    // Interruptions by the system are not the endpoint's: the outer hundredths go.
    differences.sort_unstable_by(f64::total_cmp);
    let inner = &differences[pairs / 100..pairs - pairs / 100];
    let mean = inner.iter().sum::<f64>() / inner.len() as f64;
    let variance = inner.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (inner.len() - 1) as f64;
    let interval = 1.96 * (variance / inner.len() as f64).sqrt();
    let [blocked, unknown] = times.map(median);
    println!(
        "first messages that get silence, {pairs} pairs: blocked key {blocked:.1} us, unknown key {unknown:.1} us (medians)"
    );
    println!("  blocked minus unknown: {mean:.3} us, 95 % within {interval:.3} us");
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

fn blocked(key: PublicKey, no: u32) -> Device {
    Device {
        no: DeviceNo(no),
        id: DeviceId::of(&key),
        key,
        name: format!("box-{no}"),
        standing: Standing::Blocked,
        labels: BTreeMap::new(),
        model: String::new(),
        version: String::new(),
        address: None,
        first_seen: UnixMillis(0),
        last_seen: None,
        interval_ms: None,
        pushed_every_ms: None,
        notes: String::new(),
        handshake_counter: 0,
    }
}
