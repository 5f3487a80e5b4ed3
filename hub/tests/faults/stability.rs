//! P18: a hub that runs for long grows nowhere: not in memory, beyond caches that fill, nor open files, nor its log.
//!
//! A day of use in little time: a fleet that reboots and loses datagrams, pages that come and go, queries, alerts that are
//! told. `SOAK_SECONDS` says how long; what is too short for a slope of memory looks at files and log alone.

use std::time::{Duration, Instant};

use wire::Lane;

use crate::soak;
use crate::support::beside::Over;
use crate::support::device::FakeDevice;
use crate::support::fleet::Fleet;
use crate::support::webhook_sink::{Answer, WebhookSink};
use crate::support::{HubProcess, memory_kib};
use crate::viewer::Viewer;

const MIB: f64 = (1 << 20) as f64;
/// What memory may grow by, an hour, in bytes.
const GROWTH: f64 = MIB;
/// The same before an hour is over: the caches of the readers, 8 MiB each, fill as the database grows.
const GROWTH_AT_FIRST: f64 = 16.0 * MIB;
/// What the log may reach: as `cap` in the store has it.
const LOG: u64 = 64 << 20;
/// Connections that may happen to be open at every look of one half and none of the other: a few seconds each.
const PASSING: usize = 3;
/// The shortest run whose slope of memory says something.
const ENOUGH: u64 = 300;

#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Seconds.
    at: f64,
    /// Bytes of memory.
    memory: f64,
    files: usize,
    log: u64,
}

#[test]
fn a_hub_that_runs_for_long_grows_nowhere() {
    let seconds = std::env::var("SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    let seconds: u64 = seconds.unwrap_or_else(|| if soak() { 600 } else { 20 });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sink = runtime.block_on(WebhookSink::answering([Answer::Status(200)]));
    let hub = HubProcess::start("token");
    hub.tell(&sink.url());
    let mut device = FakeDevice::new(hub.udp, &hub.join_token(1), 0);
    let duration = format!("{seconds}s");
    let network = ["--loss", "2%", "--duplicate", "1%", "--reorder", "1%", "--reboot", "20/h"];
    let fleet = ["--devices", "100", "--sensors", "10", "--interval", "50ms", "--duration", &duration];
    let mut fleet = Fleet::start(hub.udp, &hub.join_token(100), &[&fleet[..], &network].concat());
    let over = Over::default();
    let samples = std::thread::scope(|scope| {
        let _end = over.at_the_end();
        scope.spawn(|| {
            while !over.yet() {
                let pages = [(); 3].map(|()| Viewer::open(&hub, "*"));
                std::thread::sleep(Duration::from_secs(2));
                drop(pages);
            }
        });
        scope.spawn(|| {
            while !over.yet() {
                for path in
                    ["query?from=now-1h&points=200&limit=1000", "latest", "devices", "alerts", "deliveries", "hub"]
                {
                    let status = hub.status("GET", &format!("/api/v1/{path}"), None);
                    assert!(matches!(status, Some(200 | 503)), "{path}: {status:?}");
                }
                std::thread::sleep(Duration::from_millis(500));
            }
        });
        scope.spawn(|| {
            for value in [99.0, 1.0].into_iter().cycle() {
                if over.yet() {
                    return;
                }
                device.make_now(Lane::Live, value);
                device.exchange(Duration::from_millis(500));
            }
        });
        let began = Instant::now();
        let mut samples = Vec::new();
        while !fleet.is_over() {
            samples.push(look(&hub, began.elapsed().as_secs_f64()));
            std::thread::sleep(Duration::from_secs(1));
        }
        samples
    });
    assert!(!sink.received().is_empty(), "no alert was told");
    let environment = std::fs::read_to_string(format!("/proc/{}/environ", hub.pid())).unwrap();
    assert!(environment.contains("MALLOC_ARENA_MAX=1"), "threads have heaps of their own: memory grows for hours");
    let warm = &samples[samples.len() / 3..];
    let (early, late) = warm.split_at(warm.len() / 2);
    // Pages and calls come and go: what stays open is the least that was.
    let files = [early, late].map(|part| part.iter().map(|sample| sample.files).min().unwrap());
    let log = samples.iter().map(|sample| sample.log).max().unwrap();
    let (slope, noise) = slope(warm);
    let most = samples.iter().map(|sample| sample.memory).fold(0.0, f64::max);
    eprintln!(
        "{seconds} s, {} readings, {} webhooks: memory {:.1} MiB at most, {:+.2} MiB/h (noise {:.2}); files {} then {}; log {:.1} MiB at most",
        hub.count(),
        sink.received().len(),
        most / MIB,
        slope * 3_600.0 / MIB,
        noise * 3_600.0 / MIB,
        files[0],
        files[1],
        log as f64 / f64::from(1 << 20),
    );
    assert!(log <= LOG, "the log reached {log} bytes");
    assert!(files[1] <= files[0] + PASSING, "files stay open: {files:?}");
    // What grows for certain, beyond what the samples scatter by.
    let grows = (slope - 3.0 * noise) * 3_600.0;
    let most = if seconds < 3_600 { GROWTH_AT_FIRST } else { GROWTH };
    assert!(seconds < ENOUGH || grows <= most, "memory grows by {:.2} MiB an hour", grows / MIB);
}

fn look(hub: &HubProcess, at: f64) -> Sample {
    let process = format!("/proc/{}", hub.pid());
    let memory = memory_kib(hub.pid(), "VmRSS:") as f64 * 1_024.0;
    let files = std::fs::read_dir(format!("{process}/fd")).unwrap().count();
    let log = std::fs::metadata(hub.data.join("telemetry.db-wal")).map_or(0, |log| log.len());
    Sample { at, memory, files, log }
}

/// The line through the medians of twenty parts of the time, in bytes a second, and its standard error.
fn slope(samples: &[Sample]) -> (f64, f64) {
    let part = samples.len().div_ceil(20).max(1);
    let points: Vec<(f64, f64)> = samples
        .chunks(part)
        .map(|part| {
            let mut memory: Vec<f64> = part.iter().map(|sample| sample.memory).collect();
            memory.sort_by(f64::total_cmp);
            (part[part.len() / 2].at, memory[memory.len() / 2])
        })
        .collect();
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let slope = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>() / spread;
    let rest: f64 = points.iter().map(|point| (point.1 - y - slope * (point.0 - x)).powi(2)).sum();
    (slope, (rest / (count - 2.0) / spread).sqrt())
}
