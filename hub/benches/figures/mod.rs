//! What a hub's process costs, by the kernel's books and the hub's own metrics; and a hub to ask.

#![allow(dead_code, reason = "each benchmark uses the part it needs")]

mod client;
mod options;
#[path = "../../tests/support/port.rs"]
mod port;

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) use client::Client;
pub(crate) use options::Options;
use port::free_port;

/// Ticks a second in `/proc/<pid>/stat`: 100 on every Linux this runs on (`getconf CLK_TCK`).
const TICKS: f64 = 100.0;

pub(crate) struct Figures {
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_rss_mib: f64,
    pub(crate) metrics: String,
}

impl Figures {
    pub(crate) fn of(pid: u32, http: &str) -> Self {
        Self {
            cpu_seconds: cpu_seconds(pid),
            peak_rss_mib: memory_mib(pid, "VmHWM:"),
            // Open to this machine.
            metrics: Client::connect(http, "").unwrap().text("/metrics"),
        }
    }
}

/// Processor time of a process.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS
}

/// A line of `/proc/<pid>/status`: `VmRSS:` what a process has in memory, `VmHWM:` the most it ever had.
pub(crate) fn memory_mib(pid: u32, key: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// The programs of a build profile.
#[derive(Clone)]
pub(crate) struct Programs(PathBuf);

impl Programs {
    pub(crate) fn of(profile: &str) -> Self {
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join("..").join(profile))
    }

    fn output(&self, args: &[&str]) -> String {
        let program = self.0.join("telemetry-hub");
        let done = Command::new(&program).args(args).output();
        let done = done.unwrap_or_else(|error| panic!("{}: {error}; build it first", program.display()));
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// The agent's program.
    pub(crate) fn agent(&self) -> PathBuf {
        self.0.join("device-agent")
    }

    /// A token for the hub on this data directory.
    pub(crate) fn token(&self, data: &Path, scope: &str) -> String {
        self.output(&["token", "create", "--scope", scope, "--data", data.to_str().unwrap()])
    }

    /// Sends to a hub; the child ends by itself and prints one line of JSON.
    pub(crate) fn simulate(&self, hub: &Hub, seconds: u64, args: &[&str]) -> Child {
        let duration = format!("{seconds}s");
        Command::new(self.agent())
            .args(["simulate", "--hub", &hub.udp, "--join-token", &hub.join_token, "--seed", "1"])
            .args(["--duration", &duration])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // One that is stopped in its turn takes nobody else along when a shell goes away.
            .process_group(0)
            .spawn()
            .unwrap()
    }
}

/// A hub on a data directory; killed when dropped.
pub(crate) struct Hub {
    child: Child,
    data: String,
    flags: Vec<String>,
    pub(crate) http: String,
    pub(crate) udp: String,
    pub(crate) join_token: String,
    token: String,
    /// From the start of the program until it was ready.
    pub(crate) ready_after: Duration,
}

impl Hub {
    /// Starts a hub that `devices` may join.
    pub(crate) fn start(programs: &Programs, data: &Path, devices: u32) -> Self {
        Self::with(programs, data, devices, &[])
    }

    /// The same with more flags.
    pub(crate) fn with(programs: &Programs, data: &Path, devices: u32, flags: &[&str]) -> Self {
        let udp = format!("127.0.0.1:{}", free_port());
        Self::starting(programs, data, devices, &udp, flags)
    }

    /// The same, where agents are told to send to.
    pub(crate) fn listening(programs: &Programs, data: &Path, devices: u32, udp: &str) -> Self {
        Self::starting(programs, data, devices, udp, &[])
    }

    fn starting(programs: &Programs, data: &Path, devices: u32, udp: &str, flags: &[&str]) -> Self {
        let token = programs.token(data, "read");
        let data = data.to_str().unwrap();
        let http = format!("127.0.0.1:{}", free_port());
        let join_token =
            programs.output(&["join-token", "create", "--uses", &devices.max(1).to_string(), "--data", data]);
        let began = Instant::now();
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let child = serve(programs, data, &http, udp, &flags);
        let (data, udp) = (data.to_owned(), udp.to_owned());
        let mut hub = Self { child, data, flags, http, udp, join_token, token, ready_after: Duration::ZERO };
        until_ready(&hub.http);
        hub.ready_after = began.elapsed();
        hub
    }

    /// Ends the program by a signal, and starts it again on the same data and ports; returns when it is ready.
    pub(crate) fn restart(&mut self, programs: &Programs, by: &str) {
        signal(&self.child, by);
        self.child.wait().unwrap();
        let began = Instant::now();
        self.child = serve(programs, &self.data, &self.http, &self.udp, &self.flags);
        until_ready(&self.http);
        self.ready_after = began.elapsed();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A connection that may read everything.
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.http, &self.token).unwrap()
    }

    pub(crate) fn figures(&self) -> Figures {
        Figures::of(self.pid(), &self.http)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(programs: &Programs, data: &str, http: &str, udp: &str, flags: &[String]) -> Child {
    Command::new(programs.0.join("telemetry-hub"))
        .args(["serve", "--data", data, "--http", http, "--udp", udp, "--discovery", "off"])
        .args(flags)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Sends a signal by name.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

pub(crate) fn until_ready(http: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while !Client::connect(http, "").is_ok_and(|mut client| client.agrees("/readyz")) {
        assert!(Instant::now() < end, "the hub is not ready within 20 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn metric(text: &str, name: &str) -> f64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no metric {name}")).parse().unwrap()
}

/// The upper edge of the bucket below which `share` of the acknowledgements between two looks lie.
pub(crate) fn quantile_ms(before: &str, after: &str, share: f64) -> String {
    let buckets = |text: &str| -> Vec<(String, f64)> {
        text.lines()
            .filter_map(|line| line.strip_prefix("hub_ack_latency_seconds_bucket{le=\""))
            .map(|line| line.split_once("\"} ").unwrap())
            .map(|(edge, count)| (edge.to_owned(), count.parse().unwrap()))
            .collect()
    };
    let counts: Vec<(String, f64)> = buckets(after)
        .into_iter()
        .zip(buckets(before))
        .map(|((edge, after), (_, before))| (edge, after - before))
        .collect();
    let all = counts.last().map_or(0.0, |(_, count)| *count);
    let edge = counts.iter().find(|(_, count)| *count >= all * share).map_or("-", |(edge, _)| edge.as_str());
    edge.parse::<f64>().map_or_else(|_| format!("> {}", 5_000), |seconds| format!("<= {}", seconds * 1e3))
}

/// Median, 99 of 100, and the most, in milliseconds.
pub(crate) fn quantiles(times: &mut [Duration]) -> [f64; 3] {
    times.sort_unstable();
    [0.5, 0.99, 1.0].map(|share| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3)
}
