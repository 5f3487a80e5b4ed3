//! What the agent says to hubs that are not its own: nothing that was measured. And a hub that is flooded: it goes on.
//!
//! The agent's real uplink and spool, in time moved by hand, against a liar that answers every probe, takes every handshake
//! it can read and listens. The flood is over real sockets, by the programs, from addresses that are not the sender's
//! (root; network namespaces). The other attacks are beside the code: `proto/endpoint/tests`, `proto/admission.rs`,
//! `device-agent/wire/tests`, and `tests/sim`.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use device_agent::clock::{Now, now};
use device_agent::feed::Feed;
use device_agent::spool::{Limits, Spool};
use device_agent::uplink::{Config, Uplink};
use wire::discovery::Answer;
use wire::handshake::{Initiator, JoinToken, NO_PSK, Offer, Responder, Standing, Start, Verdict};
use wire::message::Hello;
use wire::packet::Packet;
use wire::{Epoch, Id, KeyPair, Lane, PublicKey, SensorKind, SensorSpec, UnixMillis};

use support::lab::{ADDRESSES, CABLE, Lab};
use support::{agent_program, eventually, hub_program, output, signal};

const BATCHES: usize = 20;
/// Long enough for every wait of the agent to come round several times.
const PATIENCE: Duration = Duration::from_secs(300);
const STEP: Duration = Duration::from_millis(100);

/// A hub that adopts whoever it can.
struct Liar {
    responder: Responder,
    /// The key it gives as its own.
    claims: PublicKey,
    psk: [u8; 32],
    address: SocketAddr,
    handshakes: usize,
    /// Sealed packets it was sent.
    heard: usize,
}

impl Liar {
    fn new(psk: [u8; 32]) -> Self {
        let keys = KeyPair::generate().unwrap();
        let claims = keys.public;
        let address = "10.0.0.66:5770".parse().unwrap();
        Self { responder: Responder::new(keys), claims, psk, address, handshakes: 0, heard: 0 }
    }

    fn receive(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        match Packet::parse(datagram).unwrap() {
            Packet::Probe(probe) => {
                let (hub, port) = (Id::of(&self.claims), self.address.port());
                Some(Answer { accepting: true, hub, key: self.claims, port, nonce: probe.nonce }.encode())
            }
            Packet::Hs1(hs1) => {
                self.handshakes += 1;
                let now = UnixMillis(1_700_000_000_000);
                let verdict = Verdict { now, credit: 256, known_sensors: 1, standing: Standing::Adopted };
                let (_, hs2) = self.responder.read(&hs1).ok()?.accept(&self.psk, &verdict, 77).ok()?;
                Some(hs2)
            }
            Packet::Data(_) => {
                self.heard += 1;
                None
            }
            Packet::Hs2(_) | Packet::Cookie(_) | Packet::Answer(_) => None,
        }
    }
}

fn token() -> JoinToken {
    JoinToken::new(7, [5; 16])
}

/// Lets an agent with something to tell live with a liar; returns what its spool still holds.
fn live_together(liar: &mut Liar, pinned: Option<PublicKey>, token: Option<JoinToken>) -> usize {
    let mut now = Now { unix: UnixMillis(1_700_000_000_000), ..now() };
    let config = Config {
        keys: KeyPair::generate().unwrap(),
        epoch: Epoch(1),
        pinned,
        token,
        words: None,
        only_addresses: false,
        hello: Hello::default(),
        max_in_flight: 64,
        index: 0,
        start: Start::default(),
        seed: 11,
    };
    let spool = Spool::in_memory(Epoch(1), Limits::default(), now.mono);
    let mut feed = Feed { uplink: Uplink::new(config, now), spool };
    let sensor =
        SensorSpec { name: "secret".to_owned(), unit: String::new(), kind: SensorKind::Gauge, interval_ms: 1_000 };
    feed.uplink.set_sensors(&[sensor]);
    feed.uplink.set_addresses(vec![liar.address], now);
    // It sits where the pinned hub was, too.
    if let Some(hub) = pinned {
        feed.uplink.add_known(hub, liar.address, now);
    }
    for _ in 0..BATCHES {
        feed.spool.append(vec![0; 100], 1, 1, Lane::Live, now.mono);
    }
    let mut out = Vec::new();
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        feed.uplink.handle_timeout(now);
        feed.settle(now, |_, _| {});
        let mut sent: Vec<Vec<u8>> = feed.uplink.poll_search().into_iter().collect();
        while let Some(to) = feed.uplink.poll_transmit(now, &mut out) {
            assert_eq!(to, liar.address);
            sent.push(out.clone());
        }
        for answer in sent.iter().filter_map(|datagram| liar.receive(datagram)).collect::<Vec<_>>() {
            feed.uplink.handle_input(now, liar.address, &answer);
        }
        now = now.plus(STEP);
    }
    feed.spool.len()
}

#[test]
fn a_pinned_agent_tells_another_hub_nothing() {
    let mut liar = Liar::new(NO_PSK);
    let hub = KeyPair::generate().unwrap().public;
    assert_eq!(live_together(&mut liar, Some(hub), None), BATCHES);
    assert_eq!(liar.heard, 0);
}

#[test]
fn a_pinned_agent_tells_a_hub_with_a_stolen_name_nothing() {
    let mut liar = Liar::new(NO_PSK);
    let hub = KeyPair::generate().unwrap().public;
    liar.claims = hub;
    assert_eq!(live_together(&mut liar, Some(hub), None), BATCHES);
    assert!(liar.handshakes > 10 && liar.heard == 0, "{} {}", liar.handshakes, liar.heard);
}

#[test]
fn an_agent_with_a_token_tells_a_hub_that_does_not_know_it_nothing() {
    for psk in [NO_PSK, JoinToken::new(7, [6; 16]).psk()] {
        let mut liar = Liar::new(psk);
        assert_eq!(live_together(&mut liar, None, Some(token())), BATCHES);
        assert!(liar.handshakes > 10 && liar.heard == 0, "{} {}", liar.handshakes, liar.heard);
    }
}

#[test]
fn the_hub_that_knows_the_token_is_told() {
    let mut hub = Liar::new(token().psk());
    live_together(&mut hub, None, Some(token()));
    assert!(hub.heard > BATCHES, "the scene would not notice a leak");
}

/// Packets a second: ten times the handshakes that strangers get without a proof of address, and no more than a hub that is
/// built for tests can count on a busy machine. `FLOOD_RATE` for more; 50,000 are for the bench `flood`.
const FLOOD_RATE: u32 = 2_000;
/// What a flood may cost in memory: the queue of handshakes and the table of addresses full, and the allocator's round figures.
const FLOOD_KIB: u64 = 16 << 10;

/// Sends, from addresses it makes up, for a minute at most: first messages that a hub has to take seriously, such whose
/// sender does not know the hub, noise, and sealed packets of no session.
const FLOOD: &str = r"
import random, socket, struct, sys, time
to, rate, first = sys.argv[1], int(sys.argv[2]), [bytes.fromhex(line) for line in sys.argv[3].split()]
random.seed(6)
junk = [body[:30] + bytes([body[30] ^ 1]) + body[31:] for body in first]
junk += [random.randbytes(random.randrange(1, 1400)) for _ in range(99)]
junk += [bytes([4, 0, 0, 0]) + random.randbytes(100) for _ in range(99)]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
target, began, sent = socket.inet_aton(to), time.monotonic(), 0
while time.monotonic() - began < 60:
    for _ in range(rate // 100):
        body = random.choice(first) if random.random() < 0.7 else random.choice(junk)
        source = struct.pack('>I', (11 << 24) + random.getrandbits(24))
        udp = struct.pack('>HHHH', random.randrange(1024, 65536), 5770, 8 + len(body), 0)
        head = struct.pack('>BBHHHBBH4s4s', 69, 0, 28 + len(body), 0, 0, 64, 17, 0, source, target)
        raw.sendto(head + udp + body, (to, 0))
    sent += rate // 100
    time.sleep(max(0, began + sent / rate - time.monotonic()))
";

/// Asks the hub for its key.
const ASK: &str = r"
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(bytes([16, 1, 1, 0]) + b'nonce...' + bytes(148), ('10.77.0.1', 5770))
print(s.recv(2000).hex())
";

const METRICS: &str =
    "import urllib.request as u\nprint(u.urlopen('http://127.0.0.1:18080/metrics', timeout=10).read().decode())";

#[test]
fn a_flood_from_everywhere_stops_neither_data_nor_a_join_and_fills_no_memory() {
    let Some(lab) = Lab::build("f", &["hub", "agent"], &[CABLE, ADDRESSES]) else { return };
    // The way back to addresses that nobody has.
    assert!(lab.run("-n @hub route add default via 10.77.0.2"));
    let python = Path::new("python3");
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let join = output(hub_program(), &["join-token", "create", "--uses", "2", "--data", data]);
    let serve = ["serve", "--data", data, "--http", "127.0.0.1:18080", "--udp", "0.0.0.0:5770", "--join", "token"];
    let hub = lab.spawn("hub", &hub_program(), &serve);
    let metrics = || lab.output("hub", python, &["-c", METRICS]);
    let count = |name: &str| support::metric(&metrics(), name);
    let dropped = |reason: &str| count(&format!("hub_udp_dropped_total{{reason=\"{reason}\"}}")).unwrap();
    let memory = |key: &str| support::memory_kib(hub.0.id(), key);
    eventually("a hub that answers", Duration::from_secs(20), || count("hub_readings_total"));
    let simulate = |name: &str, more: &[&str]| {
        let args = ["simulate", "--hub", "10.77.0.1:5770", "--join-token", &join, "--name", name, "--devices", "1"];
        let args = [&args[..], &["--sensors", "1", "--interval", "100ms"], more].concat();
        let mut command = lab.command("agent", &agent_program(), &args);
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    };
    let outcome = |child: std::process::Child| -> serde_json::Value {
        let done = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&done.stdout);
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{:?} {text}", done.status))
    };

    // Told to end; by itself where the test fails.
    let old = simulate("old", &["--duration", "5m"]);
    eventually("data before the flood", Duration::from_secs(30), || count("hub_readings_total").filter(|n| *n > 20));
    let calm = memory("VmRSS:");

    let answer = lab.output("agent", python, &["-c", ASK]);
    let answer: Vec<u8> =
        (0..answer.trim().len() / 2).map(|at| u8::from_str_radix(&answer[2 * at..2 * at + 2], 16).unwrap()).collect();
    let Ok(Packet::Answer(Answer { key, .. })) = Packet::parse(&answer) else { panic!("{answer:?}") };
    let offer = Offer { counter: 1, token: 0, start: Start::default(), mtu: 1_232 };
    let first =
        |n| Initiator::start(&KeyPair::generate().unwrap(), &key, &NO_PSK, &offer, n).unwrap().datagram().to_vec();
    let first: Vec<String> = (0..64).map(|n| first(n).iter().map(|byte| format!("{byte:02x}")).collect()).collect();
    let rate = std::env::var("FLOOD_RATE").unwrap_or_else(|_| FLOOD_RATE.to_string());
    let mut flood = lab.spawn("agent", python, &["-c", FLOOD, "10.77.0.1", &rate, &first.join(" ")]);
    eventually("a flood", Duration::from_secs(30), || (dropped("handshake_rate") > 5_000).then_some(()));

    let before = count("hub_readings_total").unwrap();
    let came = outcome(simulate("new", &["--duration", "10s"]));
    assert!(flood.0.try_wait().unwrap().is_none(), "the flood ended before the newcomer was in");
    assert_eq!((came["streaming"].as_u64(), &came["acked"]), (Some(1), &came["sent"]), "{came}");
    let newcomers = came["acked"].as_u64().unwrap();
    let wanted = before + newcomers + 20;
    eventually("data of the old device", Duration::from_secs(30), || {
        count("hub_readings_total").filter(|readings| *readings >= wanted)
    });
    assert!(flood.0.try_wait().unwrap().is_none(), "the flood ended before the data were in");
    let most = memory("VmHWM:");
    drop(flood);

    signal(&old, "TERM");
    let stayed = outcome(old);
    assert_eq!((stayed["streaming"].as_u64(), &stayed["acked"]), (Some(1), &stayed["sent"]), "{stayed}");
    assert_eq!(count("hub_readings_total"), Some(newcomers + stayed["acked"].as_u64().unwrap()), "each is there once");
    let reasons = ["handshake_rate", "foreign_handshake", "not_admitted", "unknown_session", "unknown_type"];
    let counts = reasons.map(|reason| (reason, dropped(reason)));
    assert!(counts.iter().all(|(_, count)| *count > 0), "{counts:?}");
    assert!(most < calm + FLOOD_KIB, "{calm} KiB before the flood, {most} at most in it");
    println!("flood: {counts:?}, {calm} KiB of memory before, {most} at most; the old device: {stayed}");
}
