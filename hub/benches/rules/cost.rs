//! Ingest with rules beside ingest without, by turns, by the kernel's books.

use std::path::Path;
use std::time::{Duration, Instant};

use telemetry_hub::clock::Clock;
use telemetry_hub::model::device::Labels;
use telemetry_hub::model::rule::{Condition, Figure, Message, Op, RuleSpec, Severity};
use telemetry_hub::store::{Config, SecretKey, Store};

use crate::figures::{Hub, Options, Programs, metric};

const DEVICES: u32 = 1_000;

struct Load {
    name: &'static str,
    args: &'static [&'static str],
}

const LOADS: &[Load] = &[
    Load {
        name: "as fast as acknowledged, 100 readings a batch",
        args: &["--interval", "max", "--batch", "100", "--in-flight", "16"],
    },
    Load {
        name: "as fast as acknowledged, 10 readings a batch",
        args: &["--interval", "max", "--batch", "10", "--in-flight", "16"],
    },
    Load { name: "100,000 readings/s, 10 a batch", args: &["--interval", "100ms"] },
    Load { name: "10,000 readings/s, 10 a batch", args: &["--interval", "1s"] },
];

pub(crate) fn run(options: &Options) {
    let programs = Programs::of(&options.profile());
    let (seconds, rounds) = (options.or("--seconds", 8), options.or("--rounds", 3));
    // Joining a fleet is not the load, nor is that rules meet their series and read what lies before.
    let settling = options.or("--settle", 30);
    println!(
        "{DEVICES} devices x 10 sensors, {rounds} rounds of {seconds} s, CPU-seconds per million readings, median"
    );
    let titles = ["no rule", "1,000", "ratio", "of others", "ratio"];
    println!(
        "{:<46} {:>9} {:>9} {:>7} {:>9} {:>7} {:>23}",
        "", titles[0], titles[1], titles[2], titles[3], titles[4], "readings/s"
    );
    let only: String = options.or("--load", String::new());
    for load in LOADS.iter().filter(|load| load.name.contains(&only)) {
        let (mut without, mut with, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            without.push(once(&programs, load, (settling, seconds), &[]));
            with.push(once(&programs, load, (settling, seconds), &["node"]));
            others.push(once(&programs, load, (settling, seconds), &["other"]));
        }
        let ((none, calm), (some, busy), (other, _)) = (median(without), median(with), median(others));
        let (ratio, of_others) = (some / none, other / none);
        println!(
            "{:<46} {none:>9.3} {some:>9.3} {ratio:>7.3} {other:>9.3} {of_others:>7.3} {calm:>11.0} {busy:>11.0}",
            load.name
        );
    }
}

/// CPU-seconds per million readings, and readings a second, with a thousand rules about devices of each of these names.
fn once(programs: &Programs, load: &Load, (settling, seconds): (u64, u64), names: &[&str]) -> (f64, f64) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let data = dir.path().join("data");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(make(&data, names));
    let hub = Hub::start(programs, &data, DEVICES);
    let (devices, args) = (DEVICES.to_string(), ["--sensors", "10", "--name", "node"]);
    let args = [&["--devices", &devices], &args[..], load.args].concat();
    let sender = programs.simulate(&hub, seconds + settling, &args);
    std::thread::sleep(Duration::from_secs(settling));
    let (before, start) = (hub.figures(), Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    let (after, elapsed) = (hub.figures(), start.elapsed().as_secs_f64());
    let line = sender.wait_with_output().unwrap();
    assert!(line.status.success(), "the sender failed: {}", String::from_utf8_lossy(&line.stdout));
    let readings = metric(&after.metrics, "hub_readings_total") - metric(&before.metrics, "hub_readings_total");
    ((after.cpu_seconds - before.cpu_seconds) / readings * 1e6, readings / elapsed)
}

fn median(mut all: Vec<(f64, f64)>) -> (f64, f64) {
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    all[all.len() / 2]
}

/// A database with rules: of ten, six hold a value against a limit, the others look back or at the clock.
async fn make(data: &Path, names: &[&str]) {
    let key = SecretKey::load_or_create(data).unwrap();
    let store = Store::open(&Config { dir: data.to_owned(), ..Config::default() }, &key).unwrap();
    let hour = Duration::from_secs(3_600);
    for (name, n) in names.iter().flat_map(|name| (0..1_000).map(move |n| (name, n))) {
        let condition = match n % 10 {
            0..6 => Condition::Threshold { op: Op::Above, value: 1e6, clear: Some(9e5) },
            6 => Condition::Rate { op: Op::Above, value: 1e6, per: hour / 60, over: hour / 12, clear: None },
            7 => Condition::Figure { figure: Figure::Average, op: Op::Above, value: 1e6, over: hour, clear: None },
            8 => Condition::Deviation { sigmas: 50.0, over: hour, clear: None, least: Some(1e6) },
            _ => Condition::Silence { after: hour / 12 },
        };
        let spec = RuleSpec {
            name: format!("rule {n}"),
            device: format!("{name}-{n:04}"),
            sensor: "*".to_owned(),
            labels: Labels::new(),
            condition,
            hold: Duration::from_secs(60),
            clear_for: Duration::ZERO,
            severity: Severity::Warning,
            tags: Labels::new(),
            webhooks: Vec::new(),
            all_webhooks: false,
            enabled: true,
            message: Message::default(),
        };
        store.create_rule(spec, Clock.wall()).await.unwrap();
    }
    store.close().await.unwrap();
}
