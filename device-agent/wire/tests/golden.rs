//! The protocol byte for byte: `golden/vectors.txt` is what version 1 looks like on the wire, for ever.
//!
//! - Everything that is a function of its inputs is encoded here and compared with the file.
//! - Whole frames of a handshake and its session are made by the Noise library itself with fixed ephemeral keys (a thing
//!   `wire` rightly does not offer), and read by `wire`.
//! - `golden_check.py` repeats all of it with Python's standard library, its own curve and its own cipher; and it talks:
//!   once as a device to this crate's hub, once as a hub to this crate's device.
//! - The published `IKpsk2` vector of the cacophony project is run through the same library.
//!
//! A change of the file is a change of the protocol. To write it anew: `GOLDEN_WRITE=1 cargo test -p telemetry-wire --test golden`.

#![allow(clippy::unwrap_used, clippy::unwrap_in_result, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use blake2::Blake2sMac;
use blake2::digest::{KeyInit, Mac, consts::U16};
use snow::params::DHChoice;
use snow::resolvers::{CryptoResolver, DefaultResolver};
use wire::batch::{BatchBuilder, MAX_BODY, Rows, decode};
use wire::discovery::{Answer, Probe};
use wire::handshake::{
    Initiator, JoinToken, NOISE_PATTERN, Offer, Responder, Standing, Start, Verdict, cookie_for, join_psk,
};
use wire::ledger::{DropReason, Entry, Report};
use wire::message::{Ack, Batch, Claimed, Control, Health, Hello, Message, SourceError, Status, Welcome};
use wire::packet::Packet;
use wire::{
    BatchSeq, Epoch, Hour, Id, KeyPair, Lane, Numbering, PublicKey, Reading, SensorKind, SensorNo, SensorSpec,
    UnixMillis, base32,
};

const OFFER: Offer = Offer { counter: 5 << 32 | 3, token: 1234, start: Start { number: 0, before: 0 }, mtu: 1_232 };
const VERDICT: Verdict =
    Verdict { now: UnixMillis(1_700_000_000_123), credit: 256, known_sensors: 3, standing: Standing::Pending };
const ADDRESS: &str = "192.168.1.23:41000";
const DEVICE_INDEX: u32 = 0x0102_0304;
const HUB_INDEX: u32 = 0xa1b2_c3d4;
/// Where a first message keeps its proofs; the layout is in the header of `wire::packet`.
const MAC1: usize = 126;
const MAC2: usize = 142;

type Vectors = BTreeMap<&'static str, Vec<u8>>;

#[test]
fn every_byte_is_as_it_was() {
    let vectors = vectors();
    let mut text = String::from("# What version 1 looks like on the wire; see tests/golden.rs. Name, then hex.\n");
    for (name, bytes) in &vectors {
        writeln!(text, "{name} {}", hex(bytes)).unwrap();
    }
    if std::env::var_os("GOLDEN_WRITE").is_some() {
        std::fs::write(folder().join("vectors.txt"), &text).unwrap();
    }
    let golden = golden();
    let changed: Vec<&str> =
        vectors.iter().filter(|(name, bytes)| golden.get(**name) != Some(bytes)).map(|(name, _)| *name).collect();
    assert!(changed.is_empty(), "the protocol has changed: {changed:?}");
    assert_eq!(golden.len(), vectors.len());
}

#[test]
fn recorded_frames_are_read() {
    let golden = golden();
    let hub = Responder::new(keys(0x01));
    let device = keys(0x41).public;
    for (name, proven) in [("hs1", false), ("hs1_proven", true)] {
        let Ok(Packet::Hs1(hs1)) = Packet::parse(&golden[name]) else { panic!("{name}") };
        assert!(hub.knows_us(&hs1));
        assert_eq!(hub.owns_address(&hs1, &golden["cookie"][..].try_into().unwrap()), proven);
        let received = hub.read(&hs1).unwrap();
        assert_eq!((hs1.sender, received.device, received.offer), (DEVICE_INDEX, device, OFFER));
    }
    let Ok(Packet::Hs2(hs2)) = Packet::parse(&golden["hs2"]) else { panic!("hs2") };
    assert_eq!((hs2.sender, hs2.receiver), (HUB_INDEX, DEVICE_INDEX));
    let Ok(Packet::Cookie(cookie)) = Packet::parse(&golden["cookie_reply"]) else { panic!("cookie") };
    assert_eq!((cookie.receiver, cookie.nonce), (DEVICE_INDEX, &[0x77; 24]));
    for (name, receiver, counter) in [("data_up", HUB_INDEX, 0x0102_0304_0506), ("data_down", DEVICE_INDEX, 0)] {
        let Ok(Packet::Data(data)) = Packet::parse(&golden[name]) else { panic!("{name}") };
        assert_eq!((data.receiver, data.counter), (receiver, counter));
    }
    assert!(matches!(Packet::parse(&golden["probe"]), Ok(Packet::Probe(probe)) if probe == Probe::new([9; 8])));
    assert!(matches!(Packet::parse(&golden["answer"]), Ok(Packet::Answer(found)) if found == answer()));
}

#[test]
fn recorded_messages_are_read() {
    let golden = golden();
    let mut rows = Rows::default();
    decode(&golden["batch_body"], &mut rows).unwrap();
    assert_eq!(rows.iter().collect::<Vec<_>>(), readings());
    let Ok(Message::Batch(batch)) = Message::decode(&golden["batch"]) else { panic!("batch") };
    assert_eq!((batch.epoch, batch.seq, batch.lane), (Epoch(300), BatchSeq(70_000), Lane::Recovered));
    for (name, control) in controls() {
        assert_eq!(Message::decode(&golden[name]), Ok(Message::Control(control)), "{name}");
    }
    let text = String::from_utf8(golden["token_text"].clone()).unwrap();
    assert_eq!(text.parse(), Ok(token()));
    let id: Id = String::from_utf8(golden["hub_id_text"].clone()).unwrap().parse().unwrap();
    assert_eq!(id.as_bytes(), &golden["hub_id"][..]);
}

#[test]
fn the_published_vector_of_the_noise_pattern_holds() {
    let text = std::fs::read_to_string(folder().join("cacophony-ikpsk2.txt")).unwrap();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        unhex(line.unwrap_or_else(|| panic!("{name}")))
    };
    let builder = |side: &str| {
        let psk: [u8; 32] = field("psk").try_into().unwrap();
        let (secret, ephemeral) = (field(&format!("{side}_static")), field(&format!("{side}_ephemeral")));
        let hub = field("init_remote_static");
        let prologue = field("prologue");
        let builder = snow::Builder::new(NOISE_PATTERN.parse().unwrap());
        let builder = builder.prologue(&prologue).unwrap().psk(2, &psk).unwrap();
        let builder = builder.local_private_key(&secret).unwrap().fixed_ephemeral_key_for_testing_only(&ephemeral);
        if side == "init" {
            builder.remote_public_key(&hub).unwrap().build_initiator().unwrap()
        } else {
            builder.build_responder().unwrap()
        }
    };
    let (mut one, mut other) = (builder("init"), builder("resp"));
    let (mut out, mut back) = ([0; 256], [0; 256]);
    for message in 0..2 {
        let (from, to) = if message == 0 { (&mut one, &mut other) } else { (&mut other, &mut one) };
        let payload = field(&format!("payload{message}"));
        let length = from.write_message(&payload, &mut out).unwrap();
        assert_eq!(out[..length], field(&format!("ciphertext{message}")));
        let length = to.read_message(&out[..length], &mut back).unwrap();
        assert_eq!(back[..length], payload);
    }
    assert_eq!(one.get_handshake_hash(), field("handshake_hash"));
    let (one, other) = (one.into_stateless_transport_mode().unwrap(), other.into_stateless_transport_mode().unwrap());
    for message in 2..6 {
        let from = if message % 2 == 0 { &one } else { &other };
        let length = from.write_message(message / 2 - 1, &field(&format!("payload{message}")), &mut out).unwrap();
        assert_eq!(out[..length], field(&format!("ciphertext{message}")));
    }
}

#[test]
fn an_independent_implementation_agrees_on_every_vector() {
    let Some(mut python) = python("check") else { return };
    let status = python.wait().unwrap();
    assert!(status.success(), "golden_check.py: {status}");
}

#[test]
fn an_independent_device_opens_a_session_with_this_hub() {
    let Some(mut python) = python("device") else { return };
    let (mut to, mut from) = (python.stdin.take().unwrap(), BufReader::new(python.stdout.take().unwrap()));
    let hub = Responder::new(keys(0x01));
    let hs1 = hear(&mut from);
    let Ok(Packet::Hs1(parsed)) = Packet::parse(&hs1) else { panic!("hs1") };
    assert!(hub.knows_us(&parsed));
    let received = hub.read(&parsed).unwrap();
    assert_eq!((received.device, received.offer), (keys(0x41).public, OFFER));
    let (mut session, hs2) = received.accept(&token().psk(), &VERDICT, HUB_INDEX).unwrap();
    let mut down = Vec::new();
    session.seal(b"from the hub", &mut down).unwrap();
    say(&mut to, &hs2);
    say(&mut to, &down);
    let up = hear(&mut from);
    let Ok(Packet::Data(data)) = Packet::parse(&up) else { panic!("data") };
    let mut plain = Vec::new();
    session.open(&data, &mut plain).unwrap();
    assert_eq!(plain, b"from the device");
    assert!(python.wait().unwrap().success());
}

#[test]
fn an_independent_hub_takes_this_device_in() {
    let Some(mut python) = python("hub") else { return };
    let (mut to, mut from) = (python.stdin.take().unwrap(), BufReader::new(python.stdout.take().unwrap()));
    let hub = keys(0x01).public;
    let mut initiator = Initiator::start(&keys(0x41), &hub, &token().psk(), &OFFER, DEVICE_INDEX).unwrap();
    say(&mut to, initiator.datagram());
    let reply = hear(&mut from);
    let Ok(Packet::Cookie(cookie)) = Packet::parse(&reply) else { panic!("cookie") };
    initiator.take_cookie(&cookie).unwrap();
    say(&mut to, initiator.datagram());
    let hs2 = hear(&mut from);
    let Ok(Packet::Hs2(hs2)) = Packet::parse(&hs2) else { panic!("hs2") };
    let (mut session, verdict) = initiator.finish(&hs2).unwrap();
    assert_eq!((verdict, session.peer()), (VERDICT, HUB_INDEX));
    let mut up = Vec::new();
    session.seal(b"from the device", &mut up).unwrap();
    say(&mut to, &up);
    let down = hear(&mut from);
    let Ok(Packet::Data(data)) = Packet::parse(&down) else { panic!("data") };
    let mut plain = Vec::new();
    session.open(&data, &mut plain).unwrap();
    assert_eq!(plain, b"from the hub");
    assert!(python.wait().unwrap().success());
}

// ---- what the file says ----

fn vectors() -> Vectors {
    let (hub, device) = (keys(0x01), keys(0x41));
    let (hub_id, device_id) = (Id::of(&hub.public), Id::of(&device.public));
    let mut all = Vectors::new();
    all.insert("hub_public", hub.public.0.to_vec());
    all.insert("device_public", device.public.0.to_vec());
    all.insert("hub_id", hub_id.as_bytes().to_vec());
    all.insert("hub_id_text", hub_id.to_string().into_bytes());
    all.insert("hub_words", hub_id.words().join(" ").into_bytes());
    all.insert("device_id_text", device_id.to_string().into_bytes());
    all.insert("device_words", device_id.words().join(" ").into_bytes());
    all.insert("base32", base32(b"telemetry").into_bytes());
    all.insert("token_text", token().to_string().into_bytes());
    all.insert("token_psk", join_psk(b"0123456789abcdef").to_vec());
    all.insert("probe", Probe::new([9; 8]).encode());
    all.insert("answer", answer().encode());

    let mut builder = BatchBuilder::new(MAX_BODY);
    assert!(readings().iter().all(|reading| builder.push(reading)));
    let body = builder.finish();
    let mut batch = Vec::new();
    Batch { epoch: Epoch(300), seq: BatchSeq(70_000), lane: Lane::Recovered, body: &body }.encode(&mut batch);
    all.insert("batch_body", body);
    let mut ack = Vec::new();
    for (name, control) in controls() {
        let mut out = Vec::new();
        control.encode(&mut out);
        if name == "control_ack" {
            ack.clone_from(&out);
        }
        all.insert(name, out);
    }

    let mut transcript = Transcript::new(&hub, &device);
    let hs1 = transcript.hs1();
    let Ok(Packet::Hs1(parsed)) = Packet::parse(&hs1) else { panic!("hs1") };
    let cookie = cookie_for(&[3; 32], &ADDRESS.parse().unwrap());
    all.insert("cookie", cookie.to_vec());
    all.insert("cookie_reply", Responder::new(hub).cookie_reply(&parsed, &cookie, &[0x77; 24]).unwrap());
    let mut proven = hs1.clone();
    let mac2 = mac(&cookie, &hs1[..MAC2]);
    proven[MAC2..MAC2 + 16].copy_from_slice(&mac2);
    all.insert("hs1", hs1);
    all.insert("hs1_proven", proven);
    all.insert("hs2", transcript.hs2());
    all.insert("handshake_hash", transcript.device.get_handshake_hash().to_vec());
    let (up, down) = transcript.data(&batch, &ack);
    all.insert("batch", batch);
    all.insert("data_up", up);
    all.insert("data_down", down);
    all
}

fn token() -> JoinToken {
    JoinToken::new(OFFER.token, *b"0123456789abcdef")
}

fn answer() -> Answer {
    let key = keys(0x01).public;
    Answer { accepting: true, hub: Id::of(&key), key, port: 5_770, nonce: [9; 8] }
}

fn readings() -> Vec<Reading> {
    let reading = |sensor, at, value| Reading { sensor: SensorNo(sensor), at: UnixMillis(at), value };
    let t = 1_700_000_000_000;
    vec![
        reading(0, t, 21.5),
        reading(1, t, -3.0),
        reading(2, t, 1.0 / 3.0),
        reading(0, t + 1_000, 21.6),
        reading(1, t + 1_000, -3.0),
        reading(7, t + 1_250, 1_013.25),
        reading(7, t - 86_400_000, 0.0),
        reading(255, t, f64::MAX),
        reading(0, t, 31.7),
    ]
}

fn controls() -> Vec<(&'static str, Control)> {
    let spec = |name: &str, unit: &str, kind, interval_ms| SensorSpec {
        name: name.to_owned(),
        unit: unit.to_owned(),
        kind,
        interval_ms,
    };
    let t = UnixMillis(1_700_000_000_000);
    vec![
        (
            "control_hello",
            Control::Hello(Hello {
                name: "gew\u{e4}chshaus".to_owned(),
                model: "Pi 5".to_owned(),
                version: "0.1.0".to_owned(),
                labels: vec![("room".to_owned(), "north".to_owned())],
                preview: vec![("temp".to_owned(), "Cel".to_owned(), 21.5)],
            }),
        ),
        (
            "control_dictionary",
            Control::Dictionary {
                first: SensorNo(200),
                sensors: vec![
                    spec("temp", "Cel", SensorKind::Gauge, 1_000),
                    spec("net.rx", "By", SensorKind::Counter, 0),
                    spec("door", "", SensorKind::State, u32::MAX),
                ],
            },
        ),
        (
            "control_status",
            Control::Status(Status {
                spool_batches: 300,
                dropped_readings: 0,
                rtt_us: Some(1_500),
                clock_offset_ms: Some(-250),
                floors: vec![(Epoch(2), BatchSeq(40)), (Epoch(1), BatchSeq(1 << 40))],
            }),
        ),
        ("control_bye", Control::Bye),
        (
            "control_welcome",
            Control::Welcome(Welcome { standing: Standing::Pending, known_sensors: 3, credit: 256, now: t }),
        ),
        (
            "control_ack",
            Control::Ack(Ack {
                epoch: Epoch(300),
                mark: BatchSeq(69_990),
                runs: vec![(69_995, 70_001), (70_005, 70_006)],
                credit: 16,
                known_sensors: 3,
                echo_counter: 0x0102_0304_0506,
                echo_received: t,
                now: t.plus(4),
            }),
        ),
        (
            "control_ledger",
            Control::Ledger(Report {
                epoch: Epoch(300),
                number: 7,
                holds_from: Some(Hour(472_222)),
                entries: vec![
                    Entry {
                        epoch: Epoch(299),
                        hour: Hour(472_221),
                        taken: -40,
                        thinned: 120,
                        dropped: vec![(DropReason::Oldest.code(), 1_000), (DropReason::Unreadable.code(), 1)],
                    },
                    Entry { epoch: Epoch(300), hour: Hour(-1), taken: 1 << 40, thinned: 0, dropped: Vec::new() },
                ],
            }),
        ),
        ("control_recorded", Control::Recorded { epoch: Epoch(300), number: 7 }),
        (
            "control_health",
            Control::Health(Health {
                drift_ppb: Some(-18_500),
                sources: vec![SourceError {
                    source: "exec boiler".to_owned(),
                    error: "no answer within 5 s".to_owned(),
                    since: t,
                    count: 12,
                }],
                more: 2,
            }),
        ),
        (
            "control_claimed",
            Control::Claimed(Claimed { other: "192.168.1.24:41000".to_owned(), since: t, goes_on: true }),
        ),
        (
            "control_numbering",
            Control::Numbering {
                numbering: Numbering { epoch: Epoch(300), seq: BatchSeq(70_001) },
                first: SensorNo(200),
                sensors: vec![spec("temp", "Cel", SensorKind::Gauge, 1_000)],
            },
        ),
        (
            "control_numbered",
            Control::Numbered { numbering: Numbering { epoch: Epoch(300), seq: BatchSeq(70_001) }, known_sensors: 256 },
        ),
    ]
}

/// Both ends of a session by the Noise library alone, with ephemeral keys that repeat.
struct Transcript {
    device: snow::HandshakeState,
    hub: snow::HandshakeState,
    hub_public: PublicKey,
    device_public: PublicKey,
}

impl Transcript {
    fn new(hub: &KeyPair, device: &KeyPair) -> Self {
        let mut prologue = b"thub/1".to_vec();
        prologue.extend_from_slice(Id::of(&hub.public).as_bytes());
        prologue.push(0);
        let (psk, ephemeral) = (token().psk(), [keys(0x81).secret, keys(0xc1).secret]);
        let builder = |keys: &KeyPair, ephemeral| {
            snow::Builder::new(NOISE_PATTERN.parse().unwrap())
                .prologue(&prologue)
                .and_then(|builder| builder.psk(2, &psk))
                .and_then(|builder| builder.local_private_key(&keys.secret))
                .map(|builder| builder.fixed_ephemeral_key_for_testing_only(ephemeral))
                .and_then(|builder| {
                    if keys.public == hub.public {
                        builder.build_responder()
                    } else {
                        builder.remote_public_key(&hub.public.0)?.build_initiator()
                    }
                })
                .unwrap()
        };
        Self {
            device: builder(device, &ephemeral[0]),
            hub: builder(hub, &ephemeral[1]),
            hub_public: hub.public,
            device_public: device.public,
        }
    }

    fn hs1(&mut self) -> Vec<u8> {
        let mut payload = OFFER.counter.to_le_bytes().to_vec();
        payload.extend_from_slice(&OFFER.token.to_le_bytes());
        payload.extend_from_slice(&OFFER.start.number.to_le_bytes());
        payload.extend_from_slice(&OFFER.start.before.to_le_bytes());
        payload.extend_from_slice(&OFFER.mtu.to_le_bytes());
        let mut out = vec![0; 192];
        out[..4].copy_from_slice(&[1, 1, 0, 0]);
        out[4..8].copy_from_slice(&DEVICE_INDEX.to_le_bytes());
        assert_eq!(self.device.write_message(&payload, &mut out[8..MAC1]).unwrap(), MAC1 - 8);
        let tag = mac(&mac1_key(&self.hub_public), &out[..MAC1]);
        out[MAC1..MAC2].copy_from_slice(&tag);
        self.hub.read_message(&out[8..MAC1], &mut [0; 128]).unwrap();
        out
    }

    fn hs2(&mut self) -> Vec<u8> {
        let mut payload = VERDICT.now.0.to_le_bytes().to_vec();
        payload.extend_from_slice(&VERDICT.credit.to_le_bytes());
        payload.extend_from_slice(&VERDICT.known_sensors.to_le_bytes());
        payload.extend_from_slice(&[1, 0]);
        let mut out = vec![0; 92];
        out[..4].copy_from_slice(&[2, 1, 0, 0]);
        out[4..8].copy_from_slice(&HUB_INDEX.to_le_bytes());
        out[8..12].copy_from_slice(&DEVICE_INDEX.to_le_bytes());
        assert_eq!(self.hub.write_message(&payload, &mut out[12..76]).unwrap(), 64);
        let tag = mac(&mac1_key(&self.device_public), &out[..76]);
        out[76..].copy_from_slice(&tag);
        self.device.read_message(&out[12..76], &mut [0; 128]).unwrap();
        out
    }

    fn data(self, batch: &[u8], ack: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let frame = |keys: snow::HandshakeState, receiver: u32, counter: u64, message: &[u8]| {
            let keys = keys.into_stateless_transport_mode().unwrap();
            let mut out = vec![4, 0, 0, 0];
            out.extend_from_slice(&receiver.to_le_bytes());
            out.extend_from_slice(&counter.to_le_bytes());
            out.resize(16 + message.len() + 16, 0);
            keys.write_message(counter, message, &mut out[16..]).unwrap();
            out
        };
        (frame(self.device, HUB_INDEX, 0x0102_0304_0506, batch), frame(self.hub, DEVICE_INDEX, 0, ack))
    }
}

/// The pair whose secret is the 32 bytes from `first` on.
fn keys(first: u8) -> KeyPair {
    let secret: [u8; 32] = std::array::from_fn(|n| first.wrapping_add(n as u8));
    let mut dh = DefaultResolver.resolve_dh(&DHChoice::Curve25519).unwrap();
    dh.set(&secret);
    KeyPair { public: PublicKey(dh.pubkey().try_into().unwrap()), secret }
}

fn mac1_key(receiver: &PublicKey) -> [u8; 32] {
    use blake2::Digest as _;
    blake2::Blake2s256::new().chain_update(b"mac1----").chain_update(receiver.0).finalize().into()
}

fn mac(key: &[u8], bytes: &[u8]) -> [u8; 16] {
    let mut mac = <Blake2sMac<U16> as KeyInit>::new_from_slice(key).unwrap();
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

// ---- files, hex, and the other implementation ----

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn golden() -> BTreeMap<String, Vec<u8>> {
    let text = std::fs::read_to_string(folder().join("vectors.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' ')).map(|(name, value)| (name.to_owned(), unhex(value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap()).collect()
}

fn python(task: &str) -> Option<std::process::Child> {
    let script = folder().with_file_name("golden_check.py");
    let started = Command::new("python3").arg(script).arg(task).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    if started.is_err() {
        assert!(std::env::var_os("REQUIRE_ALL_TESTS").is_none(), "skipped: needs python3");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: needs python3\n");
    }
    started.ok()
}

fn say(to: &mut impl std::io::Write, datagram: &[u8]) {
    writeln!(to, "{}", hex(datagram)).unwrap();
}

fn hear(from: &mut impl BufRead) -> Vec<u8> {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    unhex(line.trim())
}
