//! By the programs that ship: agents seal, the hub opens, decides, commits, acknowledges after fsync, makes blocks.
//!
//! The sender runs on the same machine, so part of the cores is its own.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::figures::{Hub, Programs, memory_mib, metric, quantile_ms};
use crate::table::Table;

/// Joining a fleet is not the load.
const JOINING: u64 = 5;
const DEVICES: u32 = 1_000;

/// What a load did.
struct Load {
    readings_per_s: f64,
    cpu_s_per_m: f64,
    blocks: f64,
    block_readings: f64,
    rss: (f64, f64),
    ack: (String, String),
    sender: String,
}

/// As fast as acknowledged, and what it takes to be idle.
pub(crate) fn ingest(programs: &Programs, table: &mut Table, seconds: u64) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let hub = Hub::start(programs, dir.path(), DEVICES);
    std::thread::sleep(Duration::from_secs(2));
    let idle = memory_mib(hub.pid(), "VmRSS:");
    drop(hub);
    let mut rss = format!("{idle:.1} idle");
    for (batch, asked) in [("100", "3.6 M/s, 0.3 CPU-s/M"), ("10", "1.5 M/s, 0.7 CPU-s/M")] {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let hub = Hub::start(programs, dir.path(), DEVICES);
        let devices = DEVICES.to_string();
        let flags =
            ["--devices", &devices, "--sensors", "10", "--interval", "max", "--batch", batch, "--in-flight", "16"];
        let load = run(programs, &hub, seconds, &flags);
        let what = format!("UDP ingest, {batch} readings a datagram, 10,000 series, {seconds} s");
        table.row(&what, asked, load.line(), "");
        rss += &format!("; {:.0} (peak {:.0}) at {:.2} M/s", load.rss.0, load.rss.1, load.readings_per_s / 1e6);
    }
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let hub = Hub::start(programs, dir.path(), DEVICES);
    let load = run(programs, &hub, seconds, &STEADY);
    rss += &format!("; {:.0} (peak {:.0}) at {:.0} k/s", load.rss.0, load.rss.1, load.readings_per_s / 1e3);
    table.row("RSS, 10,000 series, MiB", "12 idle, 127 at load", rss, "");
    table.row("ack at the hub, 100,000 readings/s, before blocks are due", "p99 50 ms", load.latency(), "");
}

/// 100,000 readings a second of 10,000 series.
const STEADY: [&str; 6] = ["--devices", "1000", "--sensors", "10", "--interval", "100ms"];

/// Starts on a directory with a full journal, and has it made into blocks while 100,000 readings a second come.
pub(crate) fn full_journal(programs: &Programs, table: &mut Table, data: &Path, journal: &str, seconds: u64) {
    let hub = Hub::start(programs, data, DEVICES);
    let ready = hub.ready_after.as_secs_f64();
    table.row(&format!("restart until /readyz with {journal}"), "2 s", format!("{ready:.2} s"), "");
    // Half of a full journal is made into blocks at once, and so much has come again after twenty seconds.
    let load = run(programs, &hub, seconds.max(30), &STEADY);
    assert!(load.blocks > 0.0, "no blocks were made meanwhile");
    table.row(
        "ack at the hub, 100,000 readings/s, while a full journal is made into blocks",
        "p99 50 ms",
        load.latency(),
        "",
    );
}

fn run(programs: &Programs, hub: &Hub, seconds: u64, flags: &[&str]) -> Load {
    let sender = programs.simulate(hub, seconds + JOINING, flags);
    std::thread::sleep(Duration::from_secs(JOINING));
    let (before, start, mut rss, mut looks) = (hub.figures(), Instant::now(), 0.0, 0.0);
    while start.elapsed() < Duration::from_secs(seconds) {
        std::thread::sleep(Duration::from_millis(500));
        rss += memory_mib(hub.pid(), "VmRSS:");
        looks += 1.0;
    }
    let (after, elapsed) = (hub.figures(), start.elapsed().as_secs_f64());
    let line = sender.wait_with_output().unwrap();
    let sender = String::from_utf8_lossy(&line.stdout).trim().to_owned();
    assert!(line.status.success(), "the sender failed: {sender}");
    let more = |name| metric(&after.metrics, name) - metric(&before.metrics, name);
    let readings = more("hub_readings_total");
    let latency = |share| quantile_ms(&before.metrics, &after.metrics, share);
    println!("  sender: {sender}");
    Load {
        readings_per_s: readings / elapsed,
        cpu_s_per_m: (after.cpu_seconds - before.cpu_seconds) / readings * 1e6,
        blocks: more("hub_blocks_total"),
        block_readings: more("hub_block_readings_total"),
        rss: (rss / looks, after.peak_rss_mib),
        ack: (latency(0.5), latency(0.99)),
        sender,
    }
}

impl Load {
    fn line(&self) -> String {
        format!(
            "{:.2} M/s, {:.2} CPU-s/M; {:.0} blocks of {:.1} M readings made meanwhile; ack p50 {} p99 {} ms",
            self.readings_per_s / 1e6,
            self.cpu_s_per_m,
            self.blocks,
            self.block_readings / 1e6,
            self.ack.0,
            self.ack.1,
        )
    }

    fn latency(&self) -> String {
        let key = |name: &str| {
            let value = self.sender.split(&format!("\"{name}\":")).nth(1);
            value.and_then(|rest| rest.split([',', '}']).next()).unwrap_or("?").to_owned()
        };
        format!(
            "p50 {} p99 {} ms at the hub, p50 {} p99 {} ms at the sender; {:.0} k/s, {:.0} blocks made meanwhile",
            self.ack.0,
            self.ack.1,
            key("ack_ms_p50"),
            key("ack_ms_p99"),
            self.readings_per_s / 1e3,
            self.blocks,
        )
    }
}
