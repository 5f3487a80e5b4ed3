//! A whole fleet in one process against the hub's program: how it joins, what it costs, how it comes back.
//!
//! `make bench` builds both programs with the `dist` profile. Ten thousand devices with ten sensors each join by one token,
//! send once a second, and lose the hub twice: by SIGTERM and by SIGKILL. Times of a return count from the signal. The hub
//! says once a second whom it has heard, so every time is up to a second too long. The devices run on the same machine: of
//! two cores, a good part is theirs. In the end everything taken has to be acknowledged,
//! and everything acknowledged stored, once. That, and the fifteen seconds of a return, are promised: what does not hold is said,
//! and the exit code is 1.
//!
//! `cargo bench -p telemetry-hub --bench fleet -- [--devices N] [--sensors N] [--seconds N] [--profile dist|release]`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, reads the clock, and fails by panicking"
)]

mod figures;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use figures::{Hub, Options, Programs, memory_mib, metric, quantile_ms, signal};
use serde_json::Value;

/// Longer than the fleet ever takes; a bench that hangs helps nobody.
const PATIENCE: Duration = Duration::from_secs(120);
/// What is promised of a return.
const PROMISED: Duration = Duration::from_secs(15);
/// Devices the promise is about.
const FLEET: u32 = 10_000;

fn main() -> ExitCode {
    let options = Options::given();
    let (devices, sensors) = (options.or("--devices", FLEET), options.or("--sensors", 10));
    let (seconds, profile) = (options.or("--seconds", 20), options.profile());
    let programs = Programs::of(&profile);
    println!("{devices} devices x {sensors} sensors at 1 Hz, {profile} build, all on this machine");

    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut hub = Hub::start(&programs, dir.path(), devices);
    let began = Instant::now();
    let sender = programs.simulate(
        &hub,
        3_600,
        &["--devices", &devices.to_string(), "--sensors", &sensors.to_string(), "--interval", "1s"],
    );
    let joined = until_heard(&hub, devices, began);
    let series = until_known(&hub, devices * sensors, began);
    let cpu = hub.figures().cpu_seconds;
    println!("{:<12} {joined}, all series after {:.1} s, {cpu:.1} s of a core", "joined", series.as_secs_f64());
    drops(&hub);

    // Past what joining left to do.
    std::thread::sleep(Duration::from_secs(5));
    steady(&hub, seconds);

    let mut broken = Vec::new();
    for name in ["TERM", "KILL"] {
        let began = Instant::now();
        hub.restart(&programs, name);
        let ready = began.elapsed().as_secs_f64();
        let back = until_heard(&hub, devices, began);
        let cpu = hub.figures().cpu_seconds;
        println!("{:<12} hub ready after {ready:.1} s, {back}, {cpu:.1} s of a core", format!("SIG{name}"));
        if devices <= FLEET && back.all > PROMISED {
            broken.push(format!("back {:.1} s after SIG{name}, promised are {PROMISED:?}", back.all.as_secs_f64()));
        }
        drops(&hub);
        std::thread::sleep(Duration::from_secs(5));
    }

    signal(&sender, "TERM");
    let done = sender.wait_with_output().unwrap();
    let line = String::from_utf8_lossy(&done.stdout);
    let outcome: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}: {line}", done.status));
    let stored = stored(&hub);
    println!(
        "{:<12} {} taken, {} acknowledged, {} dropped, {stored} stored",
        "readings", outcome["sent"], outcome["acked"], outcome["dropped"]
    );
    println!("  fleet: {}", line.trim());
    if outcome["acked"].as_u64() != Some(stored) {
        broken.push(format!("{} readings were acknowledged, {stored} are stored", outcome["acked"]));
    }
    if !done.status.success() || outcome["dropped"].as_u64() != Some(0) {
        broken.push(format!("{} of {} readings taken were dropped", outcome["dropped"], outcome["sent"]));
    }
    broken.iter().for_each(|promise| eprintln!("BROKEN PROMISE: {promise}"));
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// When 99 of 100 devices had been heard, and all.
struct Heard {
    most: Duration,
    all: Duration,
}

impl std::fmt::Display for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "99 % heard after {:.1} s, all after {:.1} s", self.most.as_secs_f64(), self.all.as_secs_f64())
    }
}

fn until_heard(hub: &Hub, devices: u32, began: Instant) -> Heard {
    let links = || metric(&hub.figures().metrics, "hub_links");
    let most = until(began, || links() >= f64::from(devices) * 0.99);
    Heard { most, all: until(began, || links() >= f64::from(devices)) }
}

fn until_known(hub: &Hub, series: u32, began: Instant) -> Duration {
    until(began, || hub.client().json("/api/v1/hub")["series"].as_u64() == Some(series.into()))
}

fn until(began: Instant, mut check: impl FnMut() -> bool) -> Duration {
    while !check() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    began.elapsed()
}

fn steady(hub: &Hub, seconds: u32) {
    let (before, start) = (hub.figures(), Instant::now());
    std::thread::sleep(Duration::from_secs(seconds.into()));
    let (after, elapsed) = (hub.figures(), start.elapsed().as_secs_f64());
    let readings = metric(&after.metrics, "hub_readings_total") - metric(&before.metrics, "hub_readings_total");
    println!(
        "{:<12} {:.0} readings/s, {:.1} % of a core, {:.0} MiB RSS (peak {:.0}), ack p50 {} ms, p99 {} ms",
        "steady",
        readings / elapsed,
        (after.cpu_seconds - before.cpu_seconds) / elapsed * 100.0,
        memory_mib(hub.pid(), "VmRSS:"),
        after.peak_rss_mib,
        quantile_ms(&before.metrics, &after.metrics, 0.5),
        quantile_ms(&before.metrics, &after.metrics, 0.99),
    );
}

/// What the hub dropped since its start, by reason.
fn drops(hub: &Hub) {
    let metrics = hub.figures().metrics;
    let dropped: Vec<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("hub_udp_dropped_total{reason="))
        .filter(|line| !line.ends_with(" 0"))
        .collect();
    println!("  dropped: {}", if dropped.is_empty() { "nothing".to_owned() } else { dropped.join(", ") });
}

/// Readings on disk, of every series.
fn stored(hub: &Hub) -> u64 {
    const ALL: &str = "/api/v1/query?from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&points=1&agg=count&limit=10000";
    let (mut client, mut sum, mut next) = (hub.client(), 0, String::new());
    loop {
        let answer = client.json(&format!("{ALL}{next}"));
        let series = answer["series"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let counts = series.iter().flat_map(|series| series["count"].as_array().unwrap());
        sum += counts.map(|count| count.as_u64().unwrap_or(0)).sum::<u64>();
        match answer["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return sum,
        }
    }
}
