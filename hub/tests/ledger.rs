//! The loss ledger by real parts: the agent's spool on a disk that is too small, killed on the way, its uplink over UDP, and
//! the hub's program. What the hub then says balances to the reading with what this test gave to the spool.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};

use device_agent::clock::{Now, now};
use device_agent::feed::Feed;
use device_agent::random::Random;
use device_agent::spool::{Limits, Policy, Spool};
use device_agent::uplink::{Config, Uplink};
use serde_json::Value;
use support::HubProcess;
use wire::batch::{BatchBuilder, MAX_BODY};
use wire::discovery::Probe;
use wire::handshake::Start;
use wire::message::Hello;
use wire::packet::{MAX_DATAGRAM, Packet};
use wire::{BatchSeq, Epoch, Hour, KeyPair, Lane, Reading, SensorKind, SensorNo, SensorSpec, UnixMillis};

/// Two segments and a bit.
const LIMITS: Limits = Limits { memory: 96 << 10, disk: 2 << 20, age: Duration::from_secs(7 * 86_400) };
const BATCHES: u64 = 4_200;
/// A batch holds this much time, so that many cross a full hour.
const SPAN_MS: i64 = 97_000;
const START: UnixMillis = UnixMillis(1_700_000_000_000);
const SOON: Duration = Duration::from_secs(60);

/// What went into a spool, by batch and hour.
type Taken = BTreeMap<(Epoch, BatchSeq), BTreeMap<Hour, u64>>;

#[test]
fn the_oldest_that_gave_way_are_known_by_the_hour() {
    let total = balances(Policy::DropOldest, &[700, 3_100]);
    assert!(total["dropped"]["oldest"].as_u64().unwrap() > 50_000 && total["thinned"] == 0, "{total}");
}

#[test]
fn the_newest_that_found_no_room_are_known_by_the_hour() {
    let total = balances(Policy::DropNewest, &[700]);
    assert!(total["dropped"]["newest"].as_u64().unwrap() > 50_000 && total["thinned"] == 0, "{total}");
}

#[test]
fn those_that_were_thinned_are_known_by_the_hour() {
    let total = balances(Policy::Thin, &[700, 3_100]);
    assert!(total["thinned"].as_u64().unwrap() > 50_000, "{total}");
}

/// Fills a spool while there is no hub, kills it after each of `kills` batches, brings it to a hub; returns the sum that the
/// hub tells after every hour was compared.
fn balances(policy: Policy, kills: &[u64]) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, mut taken, time) = fill(dir.path(), policy, kills);
    let held = spool.len();
    assert!(held > 500, "{held} batches are left to send");
    let hub = HubProcess::start("token");
    send(&mut spool, &hub, time);

    let device = hub.get("/api/v1/devices")["items"][0]["id"].as_str().unwrap().to_owned();
    let (from, to) = (START.0 - 86_400_000, START.0 + BATCHES as i64 * SPAN_MS + 86_400_000);
    let ledger = hub.get(&format!("/api/v1/devices/{device}/ledger?from={from}&to={to}"));
    let mut expected: BTreeMap<Hour, u64> = BTreeMap::new();
    for (hour, readings) in std::mem::take(&mut taken).into_values().flatten() {
        *expected.entry(hour).or_default() += readings;
    }
    let mut told = BTreeMap::new();
    for line in ledger["items"].as_array().unwrap() {
        let count = |name: &str| line[name].as_u64().unwrap();
        let dropped: u64 = line["dropped"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
        let sum = count("received") + count("recovered") + count("thinned") + dropped;
        assert_eq!((count("taken"), count("waiting"), count("missing")), (sum, 0, 0), "{line}");
        let hour: jiff::Timestamp = line["hour"].as_str().unwrap().parse().unwrap();
        told.insert(UnixMillis(hour.as_millisecond()).hour(), count("taken"));
    }
    assert_eq!(told, expected);
    let total = ledger["total"].clone();
    assert_eq!(total["received"].as_u64().unwrap() + total["recovered"].as_u64().unwrap(), hub.count());
    total
}

fn fill(folder: &Path, policy: Policy, kills: &[u64]) -> (Spool, Taken, Now) {
    let (mut time, mut random) = (now(), Random::new(7));
    let open = |epoch: u32, time: Now| {
        let (mut spool, _) = Spool::open(folder, Epoch(epoch), LIMITS, time.mono).unwrap();
        spool.set_policy(policy);
        spool
    };
    let (mut epoch, mut spool) = (1, open(1, time));
    let (mut taken, mut unwritten) = (Taken::new(), Vec::new());
    for batch in 0..BATCHES {
        let mut builder = BatchBuilder::new(MAX_BODY);
        let mut hours = BTreeMap::new();
        for step in 0..100 {
            let at = START.plus(batch as i64 * SPAN_MS + step * SPAN_MS / 100);
            assert!(builder.push(&Reading { sensor: SensorNo(0), at, value: random.unit() }));
            *hours.entry(at.hour()).or_default() += 1;
        }
        let seq = spool.append(builder.finish(), 100, 1, Lane::Live, time.mono);
        taken.insert((Epoch(epoch), seq), hours);
        unwritten.push((Epoch(epoch), seq));
        time = time.plus(Duration::from_secs(1));
        if batch % 7 == 0 {
            spool.maintain(time.mono).unwrap();
            unwritten.clear();
        }
        if kills.contains(&batch) {
            // Nothing is flushed: what was in memory only is gone, and nobody knows of it.
            drop(spool);
            epoch += 1;
            spool = open(epoch, time);
            for key in std::mem::take(&mut unwritten) {
                if !spool.holds(key.0, key.1) {
                    taken.remove(&key);
                }
            }
        }
    }
    spool.maintain(time.mono).unwrap();
    (spool, taken, time)
}

/// Empties the spool into a hub, until the hub has the last report too.
fn send(spool: &mut Spool, hub: &HubProcess, time: Now) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let mut inbox = [0; MAX_DATAGRAM];
    let key = support::eventually("an answer", SOON, || {
        socket.send_to(&Probe::new([1; 8]).encode(), hub.udp).unwrap();
        let (length, _) = socket.recv_from(&mut inbox).ok()?;
        match Packet::parse(&inbox[..length]) {
            Ok(Packet::Answer(answer)) => Some(answer.key),
            _ => None,
        }
    });
    // The spool's time goes on from where it stood.
    let began = Instant::now();
    let time = || time.plus(began.elapsed());
    let config = Config {
        keys: KeyPair::generate().unwrap(),
        epoch: Epoch(9),
        pinned: None,
        token: Some(hub.join_token(1).parse().unwrap()),
        words: None,
        only_addresses: true,
        hello: Hello { name: "attic".to_owned(), ..Hello::default() },
        max_in_flight: 64,
        index: 0,
        start: Start::default(),
        seed: 1,
    };
    let mut uplink = Uplink::new(config, time());
    uplink.add_known(key, hub.udp, time());
    uplink.set_sensors(&[SensorSpec {
        name: "temp".to_owned(),
        unit: "Cel".to_owned(),
        kind: SensorKind::Gauge,
        interval_ms: 0,
    }]);
    let empty = Spool::in_memory(Epoch(9), LIMITS, now().mono);
    let mut feed = Feed { uplink, spool: std::mem::replace(spool, empty) };
    let mut out = Vec::new();
    while !(feed.spool.is_empty() && feed.spool.is_told()) {
        assert!(began.elapsed() < SOON, "{} batches are left, told: {}", feed.spool.len(), feed.spool.is_told());
        feed.uplink.handle_timeout(time());
        feed.settle(time(), |_, _| {});
        feed.spool.tell_all();
        feed.report(time());
        while let Some(to) = feed.uplink.poll_transmit(time(), &mut out) {
            socket.send_to(&out, to).unwrap();
        }
        while let Ok((length, from)) = socket.recv_from(&mut inbox) {
            feed.uplink.handle_input(time(), from, &inbox[..length]);
        }
    }
}
