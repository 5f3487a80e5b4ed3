//! Queries as a program sees them: HTTP on one connection that stays open, a real hub, the default fleet.
//!
//! The readings are loaded through the store (1,000 devices x 10 sensors, 10 s with jitter), then a hub opens the same
//! directory and is asked. Each row is the median of 200 answers; bytes are those of the body. The client sits on the
//! same machine, and its time is in the figures.
//!
//! `cargo bench -p telemetry-hub --bench queries -- [--hours 24] [--devices 1000] [--year] [--requests 200]
//! [--keep DIR] [--only TEXT]`
//!
//! `--keep` leaves the loaded directory for the next run; `--year` adds one device with a year of readings.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, reads the clock, and fails by panicking"
)]

#[path = "../figures/mod.rs"]
mod figures;
#[path = "../store/fleet.rs"]
#[allow(dead_code, reason = "the table of the store uses all of it")]
mod fleet;

use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use figures::{Client, Options, quantiles};
use fleet::{Device, INTERVAL};
use telemetry_hub::access::{ApiToken, sha256};
use telemetry_hub::config::Config;
use telemetry_hub::hub::Hub;
use telemetry_hub::model::UnixMillis;
use telemetry_hub::model::access::Scope;
use telemetry_hub::model::device::Labels;
use telemetry_hub::store::{self, Commit, SecretKey, Store};

/// Batches of one commit.
const GROUP: usize = 100;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

struct Args {
    hours: i64,
    devices: usize,
    requests: usize,
    year: bool,
    only: String,
}

fn main() {
    let options = Options::given();
    let keep: Option<PathBuf> = options.get("--keep");
    let args = Args {
        hours: options.or("--hours", 24),
        devices: options.or("--devices", 1_000),
        requests: options.or("--requests", 200),
        year: options.has("--year"),
        only: options.or("--only", String::new()),
    };
    let temporary = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let dir = keep.unwrap_or_else(|| temporary.path().to_owned());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let loaded = dir.join("loaded");
    let (from, to) = if loaded.exists() {
        let text = std::fs::read_to_string(&loaded).unwrap();
        let (from, to) = text.trim().split_once(' ').unwrap();
        (UnixMillis(from.parse().unwrap()), UnixMillis(to.parse().unwrap()))
    } else {
        std::fs::create_dir_all(&dir).unwrap();
        let range = runtime.block_on(load(&dir, &args));
        std::fs::write(&loaded, format!("{} {}", range.0.0, range.1.0)).unwrap();
        range
    };
    println!("{:<58} {:>9} {:>9} {:>9} {:>11}", "", "p50 ms", "p99 ms", "max ms", "bytes");
    let config = Config {
        data: dir,
        http: "127.0.0.1:0".parse().unwrap(),
        udp: "127.0.0.1:0".parse().unwrap(),
        discovery: false,
        ..Config::default()
    };
    let hub = runtime.block_on(Hub::start(config)).unwrap();
    let (address, store) = (hub.http(), hub.store().clone());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = runtime.spawn(hub.run(async move {
        let _ = stopped.await;
    }));
    let secret = [7; 20];
    let token =
        store.create_token("bench".to_owned(), Scope::Read, Labels::new(), sha256(&secret), None, UnixMillis(0));
    let token = ApiToken { id: runtime.block_on(token).unwrap().id, secret };
    let mut ask = Client::connect(&address.to_string(), &token.text()).unwrap();
    let stats = store.stats();
    println!("journal as it came: {} batches not in blocks", stats.journal_rows);
    rows(&mut ask, &args, (from, to));
    runtime.block_on(store.make_blocks()).unwrap();
    println!("everything in blocks, {} MiB", store.stats().file_bytes >> 20);
    drop(store);
    rows(&mut ask, &args, (from, to));
    drop(ask);
    stop.send(()).unwrap();
    runtime.block_on(running).unwrap().unwrap();
}

fn rows(ask: &mut Client, args: &Args, (from, to): (UnixMillis, UnixMillis)) {
    let devices = args.devices;
    let node = |n: usize| format!("node-{}", n * 7 % devices);
    let sensor = |n: usize| ["temp", "hum", "press", "co2", "lux", "bat", "rssi", "door", "packets", "energy"][n % 10];
    let (whole_from, whole_to) = (from.0.div_euclid(300_000) * 300_000, to.0.div_euclid(300_000) * 300_000);
    let middle = i64::midpoint(from.0, to.0) - HOUR / 2;
    let mut row = |name: &str, requests: usize, path: &dyn Fn(usize) -> String| {
        if !name.contains(&args.only) {
            return;
        }
        let (mut times, mut bytes) = (Vec::new(), 0);
        for n in 0..requests {
            let path = path(n);
            let began = Instant::now();
            bytes = ask.get(&path).len();
            times.push(began.elapsed());
        }
        let [p50, p99, max] = quantiles(&mut times);
        println!("{name:<58} {p50:>9.3} {p99:>9.3} {max:>9.3} {bytes:>11}");
    };
    let requests = args.requests;
    row("latest of one device's 10 sensors", requests, &|n| format!("/api/v1/latest?device={}", node(n)));
    for (name, agg) in [("mean", "&agg=avg"), ("six figures", "")] {
        row(&format!("all of one series at 500 points, {name}"), requests, &|n| {
            let (device, sensor) = (node(n), sensor(n));
            format!("/api/v1/query?device={device}&sensor={sensor}&from={}&to={}&points=500{agg}", from.0, to.0)
        });
    }
    row("raw 1 h of one series", requests, &|n| {
        let (device, sensor) = (node(n), sensor(n));
        format!("/api/v1/readings?device={device}&sensor={sensor}&from={middle}&to={}", middle + HOUR)
    });
    row("raw, the newest hour of one series", requests, &|n| {
        let (device, sensor) = (node(n), sensor(n));
        format!("/api/v1/readings?device={device}&sensor={sensor}&from={}&to={}", to.0 - HOUR, to.0)
    });
    for (name, agg) in [("mean", "&agg=avg"), ("three figures", "&agg=min,avg,max"), ("six figures", "")] {
        row(&format!("one kind of all devices in 5 min buckets, {name}"), requests.min(50), &|_| {
            format!("/api/v1/query?sensor=temp&from={whole_from}&to={whole_to}&every=5m&limit=10000{agg}")
        });
    }
    row("one kind of all devices together, 5 min, mean", requests.min(50), &|_| {
        format!("/api/v1/query?sensor=temp&from={whole_from}&to={whole_to}&every=5m&limit=10000&agg=avg&group=all")
    });
    row("p95 of one series at 500 points", requests, &|n| {
        let (device, sensor) = (node(n), sensor(n));
        format!("/api/v1/query?device={device}&sensor={sensor}&from={}&to={}&points=500&agg=p95", from.0, to.0)
    });
    if args.year {
        for (name, agg) in [("mean", "&agg=avg"), ("six figures", "")] {
            row(&format!("a year of one series at 500 points, {name}"), requests, &|n| {
                let from = to.0 - 365 * DAY;
                format!(
                    "/api/v1/query?device=node-{devices}&sensor={}&from={from}&to={}&points=500{agg}",
                    sensor(n),
                    to.0
                )
            });
        }
    }
}

async fn load(dir: &Path, args: &Args) -> (UnixMillis, UnixMillis) {
    let key = SecretKey::load_or_create(dir).unwrap();
    let store = Store::open(&store::Config { dir: dir.to_owned(), ..store::Config::default() }, &key).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let (from, to) = (UnixMillis(now - args.hours * HOUR), UnixMillis(now));
    let began = Instant::now();
    let mut fleet = fleet::adopt(&store, args.devices + usize::from(args.year)).await;
    // The last one has a year, and is not asked for anything else.
    let mut annual = fleet.split_off(args.devices);
    put(&store, &mut fleet, from, args.hours * HOUR / INTERVAL).await;
    put(&store, &mut annual, to.plus(-365 * DAY), 365 * DAY / INTERVAL).await;
    println!("loaded in {:.0} s", began.elapsed().as_secs_f64());
    store.close().await.unwrap();
    (from, to)
}

async fn put(store: &Store, fleet: &mut [Device], from: UnixMillis, ticks: i64) {
    for tick in (0..ticks).step_by(10) {
        for part in fleet.chunks_mut(GROUP) {
            let batches = part.iter_mut().map(|device| device.batch(from, tick, 10.min((ticks - tick) as usize)));
            let commit = Commit { batches: batches.collect(), ..Commit::default() };
            store.commit(commit).await.unwrap();
        }
    }
}
