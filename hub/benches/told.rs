//! How soon people and programs are told, by the program that ships: from a reading that makes a rule true until the receiver has the
//! message.
//!
//! `make bench` builds both programs with the `dist` profile. A fleet sends beside it all (ten thousand devices, one reading a second
//! each). Then, one after the other:
//!
//! - one alert at a time to one receiver;
//! - the same to fifty receivers, of which ten never answer and five answer a byte at a time: how soon the other 35 have it;
//! - a rule that is true of the whole fleet at once: when people have the first message and the one that tells of the rest, when a
//!   program has all of them, and how much memory that takes.
//!
//! Receivers and fleet run on the same machine and share its cores with the hub. What is promised and does not hold is said, and the
//! exit code is 1.
//!
//! `cargo bench -p telemetry-hub --bench told -- [--devices N] [--alerts N] [--profile dist|release]`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, reads the clock, and fails by panicking"
)]

mod figures;

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use figures::{Client, Hub, Options, Programs, memory_mib, quantiles};
use serde_json::{Value, json};

/// What is promised of one alert, by 99 of 100.
const ONE: Duration = Duration::from_secs(1);
/// What is promised of many at once: until the first message, and until people know of all.
const FIRST: Duration = Duration::from_secs(2);
const ALL: Duration = Duration::from_secs(60);
/// Longer than anything takes; a bench that hangs helps nobody.
const PATIENCE: Duration = Duration::from_secs(300);

fn main() -> ExitCode {
    let options = Options::given();
    let (devices, alerts, profile) =
        (options.or("--devices", 10_000_u32), options.or("--alerts", 200), options.profile());
    let programs = Programs::of(&profile);
    println!("{devices} devices at 1 Hz, {profile} build, receivers and fleet on the same machine");
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let hub = Hub::with(&programs, dir.path(), devices, &["--webhook-allow", "127.0.0.0/8"]);
    let mut sender =
        programs.simulate(&hub, 3_600, &["--devices", &devices.to_string(), "--sensors", "1", "--interval", "1s"]);
    let mut client = Client::connect(&hub.http, &programs.token(dir.path(), "admin")).unwrap();
    until("the fleet has joined", || client.json("/api/v1/hub")["series"].as_u64() >= Some(devices.into()));
    std::thread::sleep(Duration::from_secs(5));

    let mut broken = Vec::new();
    let one = Receiver::start(Answers::AtOnce);
    let id = webhook(&mut client, "generic", &one);
    let times = probe(&mut client, "one", &[id], &[&one], alerts);
    say("one receiver", times, &mut broken);

    let all: Vec<Receiver> = (0..50)
        .map(|n| {
            Receiver::start(if n < 10 {
                Answers::Never
            } else if n < 15 {
                Answers::Drips
            } else {
                Answers::AtOnce
            })
        })
        .collect();
    let ids: Vec<String> = all.iter().map(|receiver| webhook(&mut client, "generic", receiver)).collect();
    let good: Vec<&Receiver> = all.iter().skip(15).collect();
    let times = probe(&mut client, "fifty", &ids, &good, alerts / 2);
    say("35 beside 10 that never answer and 5 that drip", times, &mut broken);

    broken.extend(whole_fleet(&mut client, &hub, devices as usize));
    sender.kill().unwrap();
    sender.wait().unwrap();
    broken.iter().for_each(|promise| eprintln!("BROKEN PROMISE: {promise}"));
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Makes a rule true of one new device after the other, ten a second, and takes how long each receiver waited for it.
fn probe(
    client: &mut Client,
    name: &str,
    webhooks: &[String],
    receivers: &[&Receiver],
    alerts: usize,
) -> Vec<Duration> {
    let condition = json!({"type": "threshold", "op": ">", "value": 50.0});
    let rule = json!({"name": name, "device": format!("{name}-*"), "sensor": "*", "condition": condition, "webhooks": webhooks});
    post(client, "/api/v1/rules", &rule);
    let mut began = HashMap::new();
    for n in 0..alerts {
        let device = format!("{name}-{n}");
        began.insert(device.clone(), Instant::now());
        post(client, "/api/v1/readings", &json!({"device": device, "readings": [{"sensor": "t", "value": 99.0}]}));
        std::thread::sleep(Duration::from_millis(100));
    }
    until("everybody was told", || receivers.iter().all(|receiver| receiver.count() >= alerts));
    let told = receivers.iter().flat_map(|receiver| receiver.told());
    told.filter_map(|(device, at)| Some(at - *began.get(&device)?)).collect()
}

fn say(what: &str, mut times: Vec<Duration>, broken: &mut Vec<String>) {
    let count = times.len();
    let [half, most, all] = quantiles(&mut times);
    println!("{what}: {count} messages, p50 {half:.0} ms, p99 {most:.0} ms, most {all:.0} ms");
    if most > ONE.as_secs_f64() * 1e3 {
        broken.push(format!("{what}: p99 {most:.0} ms, promised are {ONE:?}"));
    }
}

/// A rule that is true of everything: a site goes down.
fn whole_fleet(client: &mut Client, hub: &Hub, devices: usize) -> Vec<String> {
    let (people, program) = (Receiver::start(Answers::AtOnce), Receiver::start(Answers::AtOnce));
    let ids = [webhook(client, "slack", &people), webhook(client, "generic", &program)];
    let (before, began) = (memory_mib(hub.pid(), "VmRSS:"), Instant::now());
    let condition = json!({"type": "threshold", "op": ">", "value": -1e12});
    let rule = json!({"name": "all", "device": "sim-*", "sensor": "*", "condition": condition, "webhooks": ids});
    post(client, "/api/v1/rules", &rule);
    let mut peak = before;
    until("the program has them all", || {
        peak = peak.max(memory_mib(hub.pid(), "VmRSS:"));
        program.count() >= devices
    });
    let program_all = began.elapsed();
    until("people know of all", || people.count() >= 2);
    let told: Vec<Duration> = people.told().into_iter().map(|(_, at)| at - began).collect();
    std::thread::sleep(Duration::from_secs(2));
    let (first, last, count) = (told[0], told[1], people.count());
    println!(
        "{devices} alerts at once: people have the first message after {:.2} s, that of the rest after {:.1} s ({count} messages); a \
         program has all after {:.1} s; {before:.0} MiB before, {peak:.0} at most",
        first.as_secs_f64(),
        last.as_secs_f64(),
        program_all.as_secs_f64(),
    );
    let mut broken = Vec::new();
    if first > FIRST {
        broken.push(format!("the first message came after {first:?}, promised are {FIRST:?}"));
    }
    if last > ALL || count > 3 {
        broken.push(format!("people knew of all after {last:?} by {count} messages, promised are {ALL:?} and few"));
    }
    broken
}

fn webhook(client: &mut Client, kind: &str, receiver: &Receiver) -> String {
    let url = format!("http://{}/hook", receiver.address);
    let made = post(client, "/api/v1/webhooks", &json!({"name": url, "kind": kind, "url": url}));
    made["id"].as_str().unwrap().to_owned()
}

fn post(client: &mut Client, path: &str, body: &Value) -> Value {
    serde_json::from_slice(client.post(path, body)).unwrap_or_default()
}

fn until(what: &str, mut check: impl FnMut() -> bool) {
    let began = Instant::now();
    while !check() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How a receiver answers.
#[derive(Clone, Copy)]
enum Answers {
    AtOnce,
    /// It takes the request and says nothing.
    Never,
    /// A byte of its answer each 100 ms, without end.
    Drips,
}

/// What came, of which device and when; a thread a connection.
struct Receiver {
    address: std::net::SocketAddr,
    told: Arc<Mutex<Vec<(String, Instant)>>>,
}

impl Receiver {
    fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&told);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let all = Arc::clone(&all);
                std::thread::spawn(move || drop(serve(stream, answers, &all)));
            }
        });
        Self { address, told }
    }

    fn count(&self) -> usize {
        self.told.lock().unwrap().len()
    }

    fn told(&self) -> Vec<(String, Instant)> {
        self.told.lock().unwrap().clone()
    }
}

fn note(told: &Mutex<Vec<(String, Instant)>>, message: (String, Instant)) {
    told.lock().unwrap().push(message);
}

fn serve(stream: TcpStream, answers: Answers, told: &Mutex<Vec<(String, Instant)>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut line) = (0, String::new());
        while {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            line != "\r\n"
        } {
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let at = Instant::now();
        let stream = reader.get_mut();
        match answers {
            Answers::AtOnce => {}
            Answers::Never => std::thread::sleep(PATIENCE),
            Answers::Drips => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")?;
                loop {
                    stream.write_all(b".")?;
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        }
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let device = body["data"]["alert"]["device_name"].as_str().unwrap_or_default().to_owned();
        note(told, (device, at));
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok")?;
    }
}
