//! S6: what a flood of first messages costs the devices that are in, and what it costs the hub.
//!
//! Two machines made of network namespaces (root). On one the hub's program; on the other fifty devices that send ten times
//! a second, and a flooder with addresses it makes up. Each round is the same fleet for the same time:
//!
//! ```text
//!   calm        no flood
//!   elsewhere   the flood goes to another port of the hub's machine: what the network and the two cores make of it
//!   strangers   random first messages: the sender does not know the hub's key, one hash tells
//!   insiders    first messages in order, by somebody who knows the key: only the proof of an address is left to ask for
//! ```
//!
//! The hub's data lie in memory, where there is a `/dev/shm`: how long a disk takes is not the question. The promise is judged
//! against `elsewhere`, by the median of three times through: the flooder is on the same two cores. Latencies are the
//! sender's, from a closed batch to its acknowledgement. `joined` is how long a newcomer took to join in the middle of it,
//! and to have a second of readings on disk.
//!
//! `cargo bench -p telemetry-hub --bench flood -- [--rate N] [--seconds N] [--times N]
//! [--profile dist|release] [--only ROUND]`

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, reads the clock, and fails by panicking"
)]

mod figures;
#[path = "../tests/support/lab.rs"]
mod lab;
#[path = "../tests/support/stopped.rs"]
mod stopped;

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use figures::{Hub, Options, Programs, cpu_seconds, memory_mib, metric};
use lab::{ADDRESSES, CABLE, Lab};
use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};
use stopped::Stopped;
use wire::discovery::Probe;
use wire::handshake::{Initiator, NO_PSK, Offer, Start};
use wire::packet::Packet;
use wire::{KeyPair, PublicKey};

const HUB: &str = "10.77.0.1:5770";
/// Where nobody takes what comes.
const ELSEWHERE: &str = "10.77.0.1:5771";
const DEVICES: u32 = 50;
/// The fleet is in before the flood begins.
const BEFORE: Duration = Duration::from_secs(2);
/// What is free of charge at the beginning of a flood is gone.
const NEWCOMER_AFTER: Duration = Duration::from_secs(2);
const ROUNDS: [&str; 4] = ["calm", "elsewhere", "strangers", "insiders"];
/// What is promised of latency, against `elsewhere`, and of memory.
const TIMES: f64 = 2.0;
const MEMORY_MIB: f64 = 8.0;

fn main() -> ExitCode {
    let options = Options::given();
    if let Some(kind) = options.get::<String>("--flooder") {
        flood(&kind, &options.get::<String>("--key").unwrap(), options.or("--rate", 0), options.or("--seconds", 0));
        return ExitCode::SUCCESS;
    }
    if let Some(space) = options.get("--scene") {
        return Scene::set(space, &options).play();
    }
    let Some(lab) = Lab::build("b", &["hub", "agent"], &[CABLE, ADDRESSES]) else { return ExitCode::SUCCESS };
    // The way back to addresses that nobody has.
    assert!(lab.run("-n @hub route add default via 10.77.0.2"));
    let (program, space) = (std::env::current_exe().unwrap(), lab.space("agent"));
    let mut scene = lab.command("hub", &program, &["--scene", &space]);
    let done = scene.args(std::env::args().skip(1)).status().unwrap();
    if done.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn skipped(needs: &str) {
    println!("skipped: needs {needs}");
}

struct Scene {
    /// The other machine.
    space: String,
    rate: u64,
    seconds: u64,
    times: u32,
    only: Option<String>,
    programs: Programs,
    hub: Hub,
    key: PublicKey,
    _dir: tempfile::TempDir,
}

/// What one round came to.
struct Round {
    /// Of the acknowledgements, in milliseconds.
    p99: f64,
    /// By how many MiB the hub grew.
    grown: f64,
}

fn median(rounds: &[Round], figure: fn(&Round) -> f64) -> f64 {
    let mut all: Vec<f64> = rounds.iter().map(figure).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

impl Scene {
    fn set(space: String, options: &Options) -> Self {
        let programs = Programs::of(&options.profile());
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { memory } else { Path::new(env!("CARGO_TARGET_TMPDIR")) };
        let dir = tempfile::tempdir_in(dir).unwrap();
        let mut hub = Hub::listening(&programs, dir.path(), 1_000, "0.0.0.0:5770");
        hub.udp = HUB.to_owned();
        Self {
            space,
            rate: options.or("--rate", 50_000),
            seconds: options.or("--seconds", 10),
            times: options.or("--times", 3),
            only: options.get("--only"),
            programs,
            hub,
            key: ask(),
            _dir: dir,
        }
    }

    fn play(self) -> ExitCode {
        println!("{DEVICES} devices x 10 Hz for {} s a round, flood of {} packets/s", self.seconds, self.rate);
        println!(
            "{:<10} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "round", "p50 ms", "p99 ms", "hub CPU", "flooder", "flood/s", "heard/s", "RSS MiB", "at most", "joined s"
        );
        let mut rounds: BTreeMap<&str, Vec<Round>> = BTreeMap::new();
        for _ in 0..self.times {
            for name in ROUNDS.iter().filter(|name| self.only.as_ref().is_none_or(|only| only == *name)) {
                rounds.entry(name).or_default().push(self.round(name));
            }
        }
        let medians = rounds
            .iter()
            .map(|(name, rounds)| (*name, median(rounds, |round| round.p99), median(rounds, |round| round.grown)));
        let medians: Vec<(&str, f64, f64)> = medians.collect();
        let control = medians.iter().find(|(name, ..)| *name == "elsewhere").map_or(f64::INFINITY, |(_, p99, _)| *p99);
        let mut kept = true;
        for (name, p99, grown) in medians {
            println!(
                "{name:<10} p99 {p99:.1} ms, {:.1} times that of elsewhere; grew by {grown:.1} MiB",
                p99 / control
            );
            if p99 >= TIMES * control || grown > MEMORY_MIB {
                eprintln!("BROKEN PROMISE: {name}: less than {TIMES} times, and at most {MEMORY_MIB} MiB");
                kept = false;
            }
        }
        if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn round(&self, name: &str) -> Round {
        let total = self.seconds + BEFORE.as_secs();
        let fleet = self.fleet(&["--devices", &DEVICES.to_string(), "--interval", "100ms"], total);
        std::thread::sleep(BEFORE);
        let calm = memory_mib(self.hub.pid(), "VmRSS:");
        let (before, kernel, idle, start) = (self.hub.figures(), kernel_drops(), idle_seconds(), Instant::now());
        let flooder = (name != "calm").then(|| self.flooder(name));
        let (mut most, mut joined, mut newcomer) = (calm, None, None);
        while start.elapsed() < Duration::from_secs(self.seconds) {
            std::thread::sleep(Duration::from_millis(50));
            most = most.max(memory_mib(self.hub.pid(), "VmRSS:"));
            if newcomer.is_none() && joined.is_none() && start.elapsed() > NEWCOMER_AFTER {
                let child =
                    self.fleet(&["--devices", "1", "--interval", "100ms", "--seed", &name.len().to_string()], 1);
                newcomer = Some((Instant::now(), child));
            }
            if newcomer.as_mut().is_some_and(|(_, child)| child.try_wait().unwrap().is_some()) {
                joined = newcomer.take().map(|(began, child)| (began.elapsed(), child));
            }
        }
        let (after, elapsed) = (self.hub.figures(), start.elapsed().as_secs_f64());
        let idle = (idle_seconds() - idle) / elapsed * 100.0;
        let fleet = outcome(fleet);
        let flooder = flooder.map(outcome);
        let joined = joined.map_or_else(
            || "-".to_owned(),
            |(after, child)| {
                let came = outcome(child);
                if came["streaming"] == 1 { format!("{:.1}", after.as_secs_f64()) } else { "no".to_owned() }
            },
        );
        let heard = "hub_udp_datagrams_received_total";
        let figure = |key: &str| fleet[key].as_f64().unwrap();
        let round = Round { p99: figure("ack_ms_p99"), grown: most - calm };
        let of_flooder = |key: &str| flooder.as_ref().map_or(0.0, |flooder| flooder[key].as_f64().unwrap());
        println!(
            "{name:<10} {:>8.1} {:>8.1} {:>7.1}% {:>7.1}% {:>9.0} {:>9.0} {calm:>9.1} {most:>9.1} {joined:>9}",
            figure("ack_ms_p50"),
            round.p99,
            (after.cpu_seconds - before.cpu_seconds) / elapsed * 100.0,
            of_flooder("core") * 100.0,
            of_flooder("rate"),
            (metric(&after.metrics, heard) - metric(&before.metrics, heard)) / elapsed,
        );
        println!(
            "  {idle:.0} % of a core idle; lost by the kernel: {}; dropped by the hub: {}; {} readings, {} acknowledged, in {} datagrams",
            kernel_drops() - kernel,
            dropped(&before.metrics, &after.metrics),
            fleet["sent"],
            fleet["acked"],
            fleet["datagrams_sent"],
        );
        round
    }

    fn fleet(&self, more: &[&str], seconds: u64) -> Child {
        let duration = format!("{seconds}s");
        let all = ["simulate", "--hub", HUB, "--join-token", &self.hub.join_token, "--sensors", "1"];
        let all = [&all[..], &["--duration", &duration], more].concat();
        self.beside(&self.programs.agent().to_string_lossy(), &all)
    }

    fn flooder(&self, kind: &str) -> Child {
        let key: String = self.key.0.iter().map(|byte| format!("{byte:02x}")).collect();
        let (rate, seconds) = (self.rate.to_string(), self.seconds.to_string());
        let args = ["--flooder", kind, "--key", &key, "--rate", &rate, "--seconds", &seconds];
        self.beside(&std::env::current_exe().unwrap().to_string_lossy(), &args)
    }

    /// Starts a program on the other machine that ends by itself.
    fn beside(&self, program: &str, args: &[&str]) -> Child {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space, program]).args(args);
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }
}

fn outcome(child: Child) -> Value {
    let done = child.wait_with_output().unwrap();
    serde_json::from_slice(&done.stdout).unwrap_or(Value::Null)
}

/// Asks the hub for its key.
fn ask() -> PublicKey {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket.send_to(&Probe::new([7; 8]).encode(), "127.0.0.1:5770").unwrap();
    let mut buffer = [0; 512];
    let length = socket.recv(&mut buffer).unwrap();
    let Ok(Packet::Answer(answer)) = Packet::parse(&buffer[..length]) else { panic!("no answer") };
    answer.key
}

/// Seconds that cores of this machine had nothing to do.
fn idle_seconds() -> f64 {
    let text = fs::read_to_string("/proc/uptime").unwrap();
    text.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Datagrams that found no room at any socket of this machine.
fn kernel_drops() -> u64 {
    let text = fs::read_to_string("/proc/net/snmp").unwrap();
    let mut udp = text.lines().filter_map(|line| line.strip_prefix("Udp: ")).map(str::split_whitespace);
    let (mut names, mut values) = (udp.next().unwrap(), udp.next().unwrap());
    let at = names.position(|name| name == "RcvbufErrors").unwrap();
    values.nth(at).unwrap().parse().unwrap()
}

/// What the hub dropped between two looks, by reason.
fn dropped(before: &str, after: &str) -> String {
    let counts = |text: &str| -> Vec<(String, u64)> {
        text.lines()
            .filter_map(|line| line.strip_prefix("hub_udp_dropped_total{reason=\"")?.split_once("\"} "))
            .map(|(reason, count)| (reason.to_owned(), count.parse().unwrap()))
            .collect()
    };
    let pairs = counts(after).into_iter().zip(counts(before));
    let said: Vec<String> = pairs
        .filter(|((_, after), (_, before))| after > before)
        .map(|((reason, after), (_, before))| format!("{reason} {}", after - before))
        .collect();
    if said.is_empty() { "nothing".to_owned() } else { said.join(", ") }
}

/// Sends first messages from addresses all over 11.0.0.0/8, evenly, and says what it came to.
fn flood(kind: &str, key: &str, rate: u64, seconds: u64) {
    let to: SocketAddr = if kind == "elsewhere" { ELSEWHERE } else { HUB }.parse().unwrap();
    let SocketAddr::V4(address) = to else { return };
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&key[2 * at..2 * at + 2], 16).unwrap();
    }
    let offer = Offer { counter: 1, token: 0, start: Start::default(), mtu: 1_232 };
    let mut first = |n: u32| {
        let keys = KeyPair::generate().unwrap();
        let mut body = Initiator::start(&keys, &PublicKey(bytes), &NO_PSK, &offer, n).unwrap().datagram().to_vec();
        // Noise and mac1 of a stranger are random; half of the insiders pretend to have a cookie as well.
        let made_up = if kind == "insiders" { 142..if n.is_multiple_of(2) { 158 } else { 142 } } else { 8..142 };
        body[made_up].iter_mut().for_each(|byte| *byte = next() as u8);
        body
    };
    let bodies: Vec<Vec<u8>> = (0..64).map(&mut first).collect();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(255))).unwrap();
    let (began, mut sent, mut packet) = (Instant::now(), 0_u64, Vec::new());
    while began.elapsed() < Duration::from_secs(seconds) {
        let due = (began.elapsed().as_secs_f64() * rate as f64) as u64;
        while sent < due {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let body = &bodies[sent as usize % bodies.len()];
            packet.clear();
            packet.extend([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 11]);
            packet.extend(&random.to_be_bytes()[..3]);
            packet.extend(address.ip().octets());
            packet.extend((1_024 + (random >> 32) as u16 % 60_000).to_be_bytes());
            packet.extend(address.port().to_be_bytes());
            packet.extend((8 + body.len() as u16).to_be_bytes());
            packet.extend([0, 0]);
            packet.extend(body);
            // The kernel's queue is full: that one is not sent.
            let _ = socket.send_to(&packet, &to.into());
            sent += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let elapsed = began.elapsed().as_secs_f64();
    let core = cpu_seconds(std::process::id()) / elapsed;
    println!("{}", serde_json::json!({ "rate": sent as f64 / elapsed, "core": core }));
}
