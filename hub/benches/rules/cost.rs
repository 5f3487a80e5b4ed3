//! Ingest with rules beside ingest without, by turns, by the kernel's books.
//!
//! A hub without rules, one with a thousand and one with a thousand about devices that are not there stand side by side, each with a fleet
//! of its own; a fleet sends only in its turn (`SIGSTOP`, `SIGCONT`), for some seconds, and a turn ends when the hub is done with what came.
//! Turns are short and go there and back, so what else the machine does is shared alike: the first and the last hub do the same work, and
//! how far they differ says how good the figures are. What the fleets take is in none of them.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use telemetry_hub::clock::Clock;
use telemetry_hub::model::device::Labels;
use telemetry_hub::model::rule::{Condition, Figure, Message, Op, RuleSpec, Severity};
use telemetry_hub::store::{Config, SecretKey, Store};
use tempfile::TempDir;

use crate::figures::{Hub, Options, Programs, cpu_seconds, metric, signal};

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

/// Hubs that are compared: how each is called, and whose devices its thousand rules are about.
const SIDES: [(&str, &[&str]); 3] = [("no rule", &[]), ("1,000", &["node"]), ("of others", &["other"])];
/// Each as often before as behind the others, so that a machine that gets busier or quieter is so for all of them.
const TURNS: [usize; 6] = [0, 1, 2, 2, 1, 0];
/// A hub is done with what came when it takes no more of a core than this, in so long a look; and it is waited for so long.
const IDLE: f64 = 0.1;
const LOOK: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(options: &Options) {
    let programs = Programs::of(&options.profile());
    let (seconds, rounds) = (options.or("--seconds", 3), options.or("--rounds", 8));
    // Joining a fleet is not the load, nor is that rules meet their series and read what lies before.
    let settling = options.or("--settle", 25);
    println!("{DEVICES} devices x 10 sensors, {rounds} rounds of 6 turns of {seconds} s");
    println!(
        "CPU-seconds per million readings: median (least to most); ratio to no rule, round by round: median (least to most)"
    );
    let only: String = options.or("--load", String::new());
    for load in LOADS.iter().filter(|load| load.name.contains(&only)) {
        println!("{}", load.name);
        let longest = settling * 4 + rounds * (seconds + PATIENCE.as_secs()) * TURNS.len() as u64;
        let mut sides: Vec<Side> = SIDES.iter().map(|side| Side::start(&programs, load, longest, side.1)).collect();
        for side in &mut sides {
            side.turn(Duration::from_secs(settling));
        }
        let mut costs = [const { Vec::new() }; SIDES.len()];
        let mut speeds = [const { Vec::new() }; SIDES.len()];
        for _ in 0..rounds {
            let mut sums = [(0.0, 0.0); SIDES.len()];
            for turn in TURNS {
                let (cpu, readings) = sides[turn].turn(Duration::from_secs(seconds));
                sums[turn] = (sums[turn].0 + cpu, sums[turn].1 + readings);
            }
            for (side, (cpu, readings)) in sums.into_iter().enumerate() {
                costs[side].push(cpu / readings * 1e6);
                speeds[side].push(readings / (2 * seconds) as f64);
            }
        }
        for (side, (name, _)) in SIDES.iter().enumerate() {
            let ratios = costs[side].iter().zip(&costs[0]).map(|(cost, none)| cost / none).collect();
            let ([least, cost, most], [low, ratio, high]) = (spread(costs[side].clone()), spread(ratios));
            let [_, speed, _] = spread(speeds[side].clone());
            println!(
                "  {name:<10} {cost:.3} ({least:.3} to {most:.3})   {ratio:.3} ({low:.3} to {high:.3})   {speed:>9.0} readings/s"
            );
        }
    }
}

/// A hub with a fleet that sends in its turns only.
struct Side {
    hub: Hub,
    sender: Child,
    _dir: TempDir,
}

impl Side {
    /// With a thousand rules about devices of each of these names; the fleet waits.
    fn start(programs: &Programs, load: &Load, seconds: u64, names: &[&str]) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let data = dir.path().join("data");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(make(&data, names));
        let hub = Hub::start(programs, &data, DEVICES);
        let (devices, args) = (DEVICES.to_string(), ["--sensors", "10", "--name", "node"]);
        let args = [&["--devices", &devices], &args[..], load.args].concat();
        let sender = programs.simulate(&hub, seconds, &args);
        signal(&sender, "STOP");
        Self { hub, sender, _dir: dir }
    }

    /// Processor time of the hub, in seconds, for what came in so much time until it was done with all of it; and how many readings came.
    fn turn(&mut self, time: Duration) -> (f64, f64) {
        let before = self.hub.figures();
        signal(&self.sender, "CONT");
        std::thread::sleep(time);
        signal(&self.sender, "STOP");
        // Blocks are packed a while later: that is part of what a reading costs.
        let (end, mut cpu) = (Instant::now() + PATIENCE, cpu_seconds(self.hub.pid()));
        while Instant::now() < end {
            std::thread::sleep(LOOK);
            let now = cpu_seconds(self.hub.pid());
            if now - std::mem::replace(&mut cpu, now) <= IDLE * LOOK.as_secs_f64() {
                break;
            }
        }
        let after = self.hub.figures();
        assert!(self.sender.try_wait().unwrap().is_none(), "the sender ended");
        let readings = metric(&after.metrics, "hub_readings_total") - metric(&before.metrics, "hub_readings_total");
        assert!(readings > 0.0, "nothing came");
        (after.cpu_seconds - before.cpu_seconds, readings)
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        let _ = self.sender.kill();
        let _ = self.sender.wait();
    }
}

/// The least, the median and the most.
fn spread(mut all: Vec<f64>) -> [f64; 3] {
    all.sort_by(f64::total_cmp);
    let half = all.len() / 2;
    let median = if all.len() % 2 == 1 { all[half] } else { f64::midpoint(all[half - 1], all[half]) };
    [all[0], median, all[all.len() - 1]]
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
