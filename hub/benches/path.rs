//! The whole path, by the programs that ship: agents seal, the hub opens, decides, commits, acknowledges.
//!
//! `make bench` builds both programs with the `dist` profile and prints, for each load, what the sender counts as
//! acknowledged after fsync and what the hub's process cost by the kernel's own books. The sender runs on the same
//! machine, so half of two cores is its own.
//!
//! `cargo bench -p telemetry-hub --bench path -- [--seconds N] [--profile dist|release]`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, reads the clock, and fails by panicking"
)]

mod figures;

use std::time::{Duration, Instant};

use figures::{Hub, Options, Programs, metric, quantile_ms};

struct Load {
    name: &'static str,
    args: &'static [&'static str],
    devices: u32,
}

const LOADS: &[Load] = &[
    Load {
        name: "500,000 readings/s, 100 readings a batch",
        args: &["--devices", "50", "--sensors", "100", "--interval", "10ms"],
        devices: 50,
    },
    Load {
        name: "as fast as acknowledged, 100 readings a batch",
        args: &["--devices", "100", "--sensors", "10", "--interval", "max", "--batch", "100"],
        devices: 100,
    },
    Load {
        name: "as fast as acknowledged, 10 readings a batch",
        args: &["--devices", "100", "--sensors", "10", "--interval", "max", "--batch", "10"],
        devices: 100,
    },
    Load {
        name: "1,000 devices x 10 sensors x 1 Hz",
        args: &["--devices", "1000", "--sensors", "10", "--interval", "1s"],
        devices: 1_000,
    },
];

fn main() {
    let options = Options::given();
    let (seconds, profile) = (options.or("--seconds", 20), options.profile());
    let programs = Programs::of(&profile);
    println!("{profile} build, {seconds} s a load, sender and hub on the same machine");
    println!(
        "{:<46} {:>12} {:>14} {:>10} {:>9} {:>11} {:>11}",
        "load", "readings/s", "CPU-s/M", "core", "RSS MiB", "ack p50 ms", "ack p99 ms"
    );
    for load in LOADS {
        run(&programs, load, seconds);
    }
}

fn run(programs: &Programs, load: &Load, seconds: u64) {
    let dir = tempfile::tempdir().unwrap();
    let hub = Hub::start(programs, dir.path(), load.devices);
    let sender = programs.simulate(&hub, seconds + 5, load.args);
    // Joining a fleet is not the load.
    std::thread::sleep(Duration::from_secs(5));
    let (before, start) = (hub.figures(), Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    let (after, elapsed) = (hub.figures(), start.elapsed().as_secs_f64());
    let line = sender.wait_with_output().unwrap();
    assert!(line.status.success(), "the sender failed: {}", String::from_utf8_lossy(&line.stdout));

    let readings = metric(&after.metrics, "hub_readings_total") - metric(&before.metrics, "hub_readings_total");
    let cpu = after.cpu_seconds - before.cpu_seconds;
    let latency = |share| quantile_ms(&before.metrics, &after.metrics, share);
    println!(
        "{:<46} {:>12.0} {:>14.2} {:>9.1}% {:>9.0} {:>11} {:>11}",
        load.name,
        readings / elapsed,
        cpu / readings * 1e6,
        cpu / elapsed * 100.0,
        after.peak_rss_mib,
        latency(0.5),
        latency(0.99),
    );
    println!("  sender: {}", String::from_utf8_lossy(&line.stdout).trim());
}
