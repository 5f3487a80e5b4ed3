//! The store by itself on the default fleet: what readings cost to take in, to keep, and to find again.
//!
//! The fleet is that of `docs` and of every figure quoted for other stores: 1,000 devices x 10 sensors, values as real
//! sensors give them (slow, quantised, counters, states), every 10 s with a few milliseconds of jitter. Batches of ten
//! samples (100 readings) come in the order of time, are committed with `synchronous=FULL`, and blocks are made meanwhile.
//!
//! `cargo bench -p telemetry-hub --bench store -- [--hours N] [--devices N] [--samples N]`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, reads the clock, and fails by panicking"
)]

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use telemetry_hub::model::device::{DeviceNo, Introduction, NewDevice};
use telemetry_hub::model::reading::{Batch, BatchId, SeriesId};
use telemetry_hub::model::{BatchSeq, Epoch, Lane, PublicKey, SensorKind, SensorNo, SensorSpec, UnixMillis};
use telemetry_hub::store::{Buckets, Commit, Config, Group, SecretKey, Store};
use wire::Reading;
use wire::batch::{BatchBuilder, MAX_BODY};

const SENSORS: usize = 10;
const INTERVAL: i64 = 10_000;
/// Batches of one commit: what gathers while the one before syncs.
const GROUP: usize = 100;
/// Commits under way at once.
const IN_FLIGHT: usize = 4;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let option = |name: &str, usual: i64| {
        let given = args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
        given.map_or(usual, |text| text.parse().unwrap())
    };
    let (hours, devices, samples) = (option("--hours", 2), option("--devices", 1_000), option("--samples", 10));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run(hours, devices as usize, samples as usize));
}

async fn run(hours: i64, devices: usize, samples: usize) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = open(dir.path());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let (t0, end) = (UnixMillis(now - hours * 3_600_000), UnixMillis(now));
    let mut fleet = Vec::new();
    for n in 0..devices {
        fleet.push(Device::adopt(&store, n).await);
    }
    println!("{devices} devices x {SENSORS} sensors, {hours} h at 10 s, {} readings a batch", samples * SENSORS);
    println!("idle: RSS {:.0} MiB", rss());

    let ticks = hours * 3_600_000 / INTERVAL;
    let (mut latencies, mut readings, mut making) = (Vec::new(), 0_u64, Duration::ZERO);
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let mut in_flight = std::collections::VecDeque::new();
    let mut tick = 0;
    while tick < ticks {
        let some = samples.min((ticks - tick) as usize);
        for part in fleet.chunks_mut(GROUP) {
            let generating = Instant::now();
            let batches: Vec<Batch> = part.iter_mut().map(|device| device.batch(t0, tick, some)).collect();
            making += generating.elapsed();
            readings += batches.iter().map(|batch| batch.len() as u64).sum::<u64>();
            let store = store.clone();
            #[expect(clippy::disallowed_methods, reason = "a benchmark has no supervisor")]
            in_flight.push_back(tokio::spawn(async move {
                let began = Instant::now();
                store.commit(Commit { batches, ..Commit::default() }).await.unwrap();
                began.elapsed()
            }));
            if in_flight.len() >= IN_FLIGHT {
                latencies.push(in_flight.pop_front().unwrap().await.unwrap());
            }
        }
        tick += some as i64;
    }
    for left in in_flight {
        latencies.push(left.await.unwrap());
    }
    let (wall, used) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu - making.as_secs_f64());
    let million = readings as f64 / 1e6;
    println!(
        "ingest: {:.2} M readings in {wall:.1} s = {:.2} M/s; {:.3} CPU-s/M (the generator's {:.3} left out); RSS {:.0} MiB, peak {:.0}",
        million,
        million / wall,
        used / million,
        making.as_secs_f64() / million,
        rss(),
        peak(),
    );
    println!("commit, while blocks are made: {}", quantiles(&mut latencies));

    let (began, cpu) = (Instant::now(), cpu_seconds());
    store.make_blocks().await.unwrap();
    println!("the last blocks: {:.2} s, {:.2} CPU-s", began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let series: Vec<Vec<SeriesId>> = fleet.iter().map(|device| device.series.clone()).collect();
    queries(&store, &series, (t0, end)).await;
    store.close().await;
    let bytes = size(dir.path());
    println!("disk: {bytes} bytes in the data directory = {:.3} bytes/reading", bytes as f64 / readings as f64);
    let began = Instant::now();
    let store = open(dir.path());
    println!("restart, all in blocks: {:.0} ms", began.elapsed().as_secs_f64() * 1e3);

    // An hour more, left in the journal: what a crash leaves.
    for from in (0..360).step_by(samples) {
        for part in fleet.chunks_mut(GROUP) {
            let batches = part.iter_mut().map(|device| device.batch(end, from as i64, samples)).collect();
            store.commit(Commit { batches, ..Commit::default() }).await.unwrap();
        }
    }
    let stats = store.stats();
    println!(
        "an hour in the journal: {} rows, {:.1} MiB",
        stats.journal_rows,
        stats.journal_bytes as f64 / 1_048_576.0
    );
    queries(&store, &series, (t0, end.plus(3_600_000))).await;
    store.close().await;
    let began = Instant::now();
    let store = open(dir.path());
    println!("restart with that journal: {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
    store.close().await;
}

async fn queries(store: &Store, series: &[Vec<SeriesId>], (from, to): (UnixMillis, UnixMillis)) {
    let edges = |count: i64| Buckets { edges: (0..=count).map(|n| from.plus(to.since(from) * n / count)).collect() };
    let (mut latest, mut chart, mut hour, mut wide) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for n in 0..200 {
        let device = &series[n * 7 % series.len()];
        let began = Instant::now();
        assert!(store.latest(device).iter().all(Option::is_some));
        latest.push(began.elapsed());
        let one = vec![device[n % SENSORS]];
        let began = Instant::now();
        assert_eq!(store.aggregate(one, edges(500), Group::None).await.unwrap().columns[0].count.len(), 500);
        chart.push(began.elapsed());
        let began = Instant::now();
        let start = from.plus((to.since(from) - 3_600_000).max(0) / 2);
        assert!(
            !store.readings(device[n % SENSORS], start, start.plus(3_600_000), 1_000).await.unwrap().points.is_empty()
        );
        hour.push(began.elapsed());
    }
    let one_kind: Vec<SeriesId> = series.iter().map(|device| device[0]).collect();
    for _ in 0..10 {
        let began = Instant::now();
        let count = (to.since(from) / 300_000).max(1);
        store.aggregate(one_kind.clone(), edges(count), Group::None).await.unwrap();
        wide.push(began.elapsed());
    }
    println!("  latest of one device's sensors: {}", quantiles(&mut latest));
    println!("  all of one series at 500 points: {}", quantiles(&mut chart));
    println!("  raw 1 h of one series: {}", quantiles(&mut hour));
    println!("  one kind of all devices in 5 min buckets: {}", quantiles(&mut wide));
}

fn open(dir: &Path) -> Store {
    let key = SecretKey::load_or_create(dir).unwrap();
    Store::open(&Config { dir: dir.to_owned(), ..Config::default() }, &key).unwrap()
}

struct Device {
    no: DeviceNo,
    series: Vec<SeriesId>,
    seq: u64,
    noise: u64,
    /// Slow values and counters, as integers over their resolution.
    state: [i64; SENSORS],
}

impl Device {
    async fn adopt(store: &Store, n: usize) -> Self {
        let mut key = [7; 32];
        key[..8].copy_from_slice(&(n as u64).to_le_bytes());
        let device = NewDevice {
            key: PublicKey(key),
            introduction: Introduction { name: format!("node-{n}"), ..Introduction::default() },
            address: None,
            at: UnixMillis(0),
            join_token: None,
            handshake_counter: 1,
        };
        let no = store.adopt(device).await.unwrap().no;
        let names = ["temp", "hum", "press", "co2", "lux", "bat", "rssi", "door", "packets", "energy"];
        let sensor = |(n, name): (usize, &str)| SensorSpec {
            name: name.to_owned(),
            unit: String::new(),
            kind: if n >= 8 { SensorKind::Counter } else { SensorKind::Gauge },
            interval_ms: INTERVAL as u32,
        };
        let sensors = names.into_iter().enumerate().map(sensor).collect();
        let series = store.register_sensors(no, SensorNo(0), sensors).await.unwrap();
        let mut noise = (n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let state = [215, 90, 10_132, 600, 300, 3_700, -60, 0, 0, 0].map(|usual| usual + (next(&mut noise) % 7) as i64);
        Self { no, series, seq: 0, noise, state: [&state[..7], &[0, 0, 0]].concat().try_into().unwrap() }
    }

    /// `samples` samples from tick `tick` on.
    fn batch(&mut self, t0: UnixMillis, tick: i64, samples: usize) -> Batch {
        let mut builder = BatchBuilder::new(MAX_BODY);
        let count = samples * SENSORS;
        let mut batch = Batch {
            id: BatchId { device: self.no, epoch: Epoch(1), seq: BatchSeq(self.seq) },
            lane: Lane::Live,
            received_at: UnixMillis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64),
            payload: Vec::new(),
            series: Vec::with_capacity(count),
            at: Vec::with_capacity(count),
            value: Vec::with_capacity(count),
        };
        self.seq += 1;
        let phase = i64::from(self.no.0) * 7_919 % INTERVAL;
        for n in 0..samples as i64 {
            let at = t0.plus((tick + n) * INTERVAL + phase + (next(&mut self.noise) % 10) as i64);
            self.step();
            for (sensor, value) in self.values().into_iter().enumerate() {
                assert!(builder.push(&Reading { sensor: SensorNo(sensor as u16), at, value }));
                batch.series.push(self.series[sensor]);
                batch.at.push(at);
                batch.value.push(value);
            }
        }
        batch.payload = builder.finish();
        batch
    }

    /// Ten seconds pass: slow things move by one step now and then, counters grow.
    fn step(&mut self) {
        // Chance of a step in 256, by sensor: 0.1 C every two minutes, pressure and humidity alike, light and radio more.
        const MOVES: [u64; 7] = [24, 20, 28, 96, 64, 4, 110];
        for (sensor, chance) in MOVES.into_iter().enumerate() {
            let noise = next(&mut self.noise);
            if noise % 256 < chance {
                let size = if sensor == 3 || sensor == 4 { 1 + (noise >> 20) as i64 % 4 } else { 1 };
                self.state[sensor] += if noise & 0x1000 == 0 { size } else { -size };
            }
        }
        let noise = next(&mut self.noise);
        if noise % 256 < 1 {
            self.state[7] ^= 1;
        }
        self.state[8] += 10 + (noise >> 10) as i64 % 3;
        self.state[9] += 4 + i64::from((noise >> 30) & 3 == 0);
    }

    fn values(&self) -> [f64; SENSORS] {
        let mut values = self.state.map(|state| state as f64);
        values[0] /= 10.0;
        values[1] /= 2.0;
        values[2] /= 10.0;
        values
    }
}

fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn quantiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    format!("p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms", at(0.5), at(0.99), at(1.0))
}

fn size(dir: &Path) -> u64 {
    std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn status(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

fn rss() -> f64 {
    status("VmRSS:")
}

fn peak() -> f64 {
    status("VmHWM:")
}
