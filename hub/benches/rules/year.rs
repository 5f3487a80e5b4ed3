//! A rule that is tried on a year of 100 series at one reading a minute.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use telemetry_hub::access::{ApiToken, sha256};
use telemetry_hub::clock::Clock;
use telemetry_hub::config::Config;
use telemetry_hub::hub::Hub;
use telemetry_hub::model::access::Scope;
use telemetry_hub::model::device::{DeviceNo, Introduction, Labels, NewDevice};
use telemetry_hub::model::reading::{Batch, BatchId, SeriesId};
use telemetry_hub::model::rule::{Condition, Figure, Join, Message, Op, Part, RuleSpec, Severity};
use telemetry_hub::model::{BatchSeq, Epoch, Lane, PublicKey, SensorKind, SensorNo, SensorSpec, UnixMillis};
use telemetry_hub::rules::backtest::Trial;
use telemetry_hub::store::{self, Commit, SecretKey, Store};
use wire::Reading;
use wire::batch::{BatchBuilder, MAX_BODY};

use crate::figures::{Client, Options, cpu_seconds};
use crate::slowly;

const SENSORS: usize = 10;
const MINUTE: i64 = 60_000;
const DAY: i64 = 1_440 * MINUTE;
/// Samples a batch, and batches of a device a commit.
const SAMPLES: i64 = 10;
const BATCHES: usize = 12;

pub(crate) fn run(options: &Options) {
    let (days, devices) = (options.or("--days", 365), options.or("--devices", 10));
    let (only, fast) = (options.or("--rule", String::new()), options.has("--fast"));
    let kind = if options.has("--counters") { SensorKind::Counter } else { SensorKind::Gauge };
    let temporary = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let dir = options.get::<PathBuf>("--keep").unwrap_or_else(|| temporary.path().to_owned());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let loaded = dir.join("loaded");
    let to: i64 = if let Ok(text) = std::fs::read_to_string(&loaded) {
        text.trim().parse().unwrap()
    } else {
        std::fs::create_dir_all(&dir).unwrap();
        let to = Clock.wall().0.div_euclid(MINUTE) * MINUTE;
        runtime.block_on(load(&dir, (devices, kind), (UnixMillis(to - days * DAY), days * DAY / MINUTE)));
        std::fs::write(&loaded, to.to_string()).unwrap();
        to
    };
    let range = (UnixMillis(to - days * DAY), UnixMillis(to));
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
    let titles = ["slow s", "HTTP s", "CPU s", "readings", "fires"];
    println!(
        "{:<34} {:>8} {:>8} {:>8} {:>12} {:>9}",
        "a year of 100 series", titles[0], titles[1], titles[2], titles[3], titles[4]
    );
    for (name, rule) in rules().into_iter().filter(|(name, _)| name.contains(&only)) {
        // One that waits for the slow way is closed meanwhile.
        let mut ask = Client::connect(&address.to_string(), &token.text()).unwrap();
        let (began, cpu) = (Instant::now(), cpu_seconds(std::process::id()));
        let answer = ask.post("/api/v1/rules/backtest", &json!({"rule": rule, "from": range.0.0, "to": range.1.0}));
        let (took, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds(std::process::id()) - cpu);
        let found: Value = serde_json::from_slice(answer).unwrap();
        let cut = if found["truncated"] == true { ", cut short" } else { "" };
        let list = found["series"].as_array().unwrap();
        let readings: u64 = list.iter().map(|one| one["readings"].as_u64().unwrap()).sum();
        let slow = if fast {
            "-".to_owned()
        } else {
            let trial = Trial::new(spec(&name), Clock.wall());
            let series = trial.series(&store.catalog());
            let began = Instant::now();
            let slow = runtime.block_on(slowly::tried(&store, &trial, &series, range));
            let took = began.elapsed().as_secs_f64();
            assert!(!list.is_empty() && (found["truncated"] == true || list.len() == slow.len()), "{name}");
            for (one, other) in list.iter().zip(&slow) {
                let [readings, judged, fires] = ["readings", "judged", "fires"].map(|key| one[key].as_u64().unwrap());
                assert_eq!((readings, judged, fires), (other.readings, other.judged, other.fires), "{name}");
                assert_eq!(one["firing_s"], json!(other.firing_ms as f64 / 1e3), "{name}");
            }
            format!("{took:.2}")
        };
        println!("{name:<34} {slow:>8} {took:>8.2} {cpu:>8.2} {readings:>12} {:>9}{cut}", found["fires"]);
    }
    drop(store);
    stop.send(()).unwrap();
    runtime.block_on(running).unwrap().unwrap();
}

/// Rules by name, as they are asked for.
fn rules() -> Vec<(String, Value)> {
    let above = |value: f64| json!({"type": "threshold", "op": ">", "value": value, "clear": value - 1.0});
    let over = |kind: &str, value: f64, over: &str| json!({"type": kind, "op": ">", "value": value, "over": over});
    let all = json!([{"condition": above(28.0)}, {"sensor": "temp.1", "condition": above(28.0)}]);
    let rule = |name: &str, hold: &str, condition: Value| {
        (name.to_owned(), json!({"sensor": "temp.*", "for": hold, "condition": condition}))
    };
    vec![
        rule("above, never", "5m", above(60.0)),
        rule("above, some days", "5m", above(33.0)),
        rule("above, each day of half a year", "5m", above(20.0)),
        rule("above, at once", "0s", above(20.0)),
        rule("silence", "0s", json!({"type": "silence", "after": "5m"})),
        rule("rate", "5m", json!({"type": "rate", "op": ">", "value": 1.0, "per": "1m", "over": "5m"})),
        rule("increase", "0s", over("increase", 10.0, "1d")),
        rule("average", "5m", over("average", 30.0, "1h")),
        rule("maximum", "5m", over("maximum", 30.0, "1h")),
        rule("stuck", "0s", json!({"type": "stuck", "least": 0.1, "after": "2h"})),
        rule("deviation", "0s", json!({"type": "deviation", "sigmas": 4.0, "over": "1h", "least": 0.5})),
        rule("seasonal", "0s", json!({"type": "seasonal", "sigmas": 4.0, "least": 1.0})),
        rule("all of two sensors", "5m", json!({"type": "all", "parts": all})),
    ]
}

/// The same rule for the slow way.
fn spec(name: &str) -> RuleSpec {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let above = |value: f64| Condition::Threshold { op: Op::Above, value, clear: Some(value - 1.0) };
    let figure = |figure| Condition::Figure { figure, op: Op::Above, value: 30.0, over: minutes(60), clear: None };
    let (hold, condition) = match name {
        "above, never" => (5, above(60.0)),
        "above, some days" => (5, above(33.0)),
        "above, each day of half a year" => (5, above(20.0)),
        "above, at once" => (0, above(20.0)),
        "silence" => (0, Condition::Silence { after: minutes(5) }),
        "rate" => {
            let (per, over) = (minutes(1), minutes(5));
            (5, Condition::Rate { op: Op::Above, value: 1.0, per, over, clear: None })
        }
        "increase" => (0, Condition::Increase { op: Op::Above, value: 10.0, over: minutes(1_440), clear: None }),
        "average" => (5, figure(Figure::Average)),
        "maximum" => (5, figure(Figure::Maximum)),
        "stuck" => (0, Condition::Stuck { least: 0.1, after: minutes(120) }),
        "deviation" => (0, Condition::Deviation { sigmas: 4.0, over: minutes(60), clear: None, least: Some(0.5) }),
        "seasonal" => (0, Condition::Seasonal { sigmas: 4.0, clear: None, least: Some(1.0) }),
        "all of two sensors" => {
            let part = |sensor: Option<&str>| Part { sensor: sensor.map(str::to_owned), condition: above(28.0) };
            let parts = vec![part(None), part(Some("temp.1"))];
            (5, Condition::Joined { join: Join::All, parts, within: minutes(5) })
        }
        other => panic!("no rule {other}"),
    };
    RuleSpec {
        name: name.to_owned(),
        device: "*".to_owned(),
        sensor: "temp.*".to_owned(),
        labels: Labels::new(),
        condition,
        hold: minutes(hold),
        clear_for: Duration::ZERO,
        severity: Severity::Warning,
        tags: Labels::new(),
        webhooks: Vec::new(),
        all_webhooks: false,
        enabled: true,
        message: Message::default(),
    }
}

async fn load(dir: &Path, (devices, kind): (usize, SensorKind), (from, minutes): (UnixMillis, i64)) {
    let key = SecretKey::load_or_create(dir).unwrap();
    let store = Store::open(&store::Config { dir: dir.to_owned(), ..store::Config::default() }, &key).unwrap();
    let began = Instant::now();
    let mut fleet = Vec::new();
    for n in 0..devices {
        fleet.push(Device::adopt(&store, n, kind).await);
    }
    let mut minute = 0;
    while minute < minutes {
        let mut batches = Vec::new();
        for _ in 0..BATCHES {
            let some = SAMPLES.min(minutes - minute);
            batches.extend(fleet.iter_mut().map(|device| device.batch(from, minute, some)));
            minute += some;
        }
        store.commit(Commit { batches, ..Commit::default() }).await.unwrap();
    }
    store.make_blocks().await.unwrap();
    println!("loaded in {:.0} s, {} MiB", began.elapsed().as_secs_f64(), store.stats().file_bytes >> 20);
    store.close().await.unwrap();
}

/// Temperatures: a year and a day as they are outside, and noise; or meters of what is used now and then, some six units a day.
struct Device {
    no: DeviceNo,
    series: Vec<SeriesId>,
    seq: u64,
    noise: u64,
    drift: [f64; SENSORS],
    kind: SensorKind,
}

impl Device {
    async fn adopt(store: &Store, n: usize, kind: SensorKind) -> Self {
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
        let sensor = |n: usize| SensorSpec {
            name: format!("temp.{n}"),
            unit: "Cel".to_owned(),
            kind,
            interval_ms: MINUTE as u32,
        };
        let series = store.register_sensors(no, SensorNo(0), (0..SENSORS).map(sensor).collect()).await.unwrap();
        let noise = (n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self { no, series, seq: 0, noise, drift: [0.0; SENSORS], kind }
    }

    fn batch(&mut self, t0: UnixMillis, minute: i64, samples: i64) -> Batch {
        let mut builder = BatchBuilder::new(MAX_BODY);
        let mut batch = Batch {
            id: BatchId { device: self.no, epoch: Epoch(1), seq: BatchSeq(self.seq) },
            lane: Lane::Live,
            received_at: Clock.wall(),
            payload: Vec::new(),
            series: Vec::new(),
            at: Vec::new(),
            value: Vec::new(),
        };
        self.seq += 1;
        for minute in minute..minute + samples {
            let at = t0.plus(minute * MINUTE + (self.next() % 10) as i64);
            let turn = |length: f64| (minute as f64 / length * std::f64::consts::TAU).sin();
            let weather = 12.0 + 10.0 * turn(525_600.0) + 6.0 * turn(1_440.0);
            for sensor in 0..SENSORS {
                let value = if self.kind == SensorKind::Counter {
                    self.drift[sensor] += if self.next().is_multiple_of(11) { 0.05 } else { 0.0 };
                    (self.drift[sensor] * 100.0).round() / 100.0
                } else {
                    let step = (self.next() % 2_001) as f64 / 1_000.0 - 1.0;
                    self.drift[sensor] = self.drift[sensor] * 0.999 + step * 0.15;
                    ((weather + self.drift[sensor]) * 10.0).round() / 10.0
                };
                assert!(builder.push(&Reading { sensor: SensorNo(sensor as u16), at, value }));
                batch.series.push(self.series[sensor]);
                batch.at.push(at);
                batch.value.push(value);
            }
        }
        batch.payload = builder.finish();
        batch
    }

    fn next(&mut self) -> u64 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 7;
        self.noise ^= self.noise << 17;
        self.noise >> 11
    }
}
