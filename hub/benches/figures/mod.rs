//! What a hub's process costs, by the kernel's books and the hub's own metrics.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Ticks a second in `/proc/<pid>/stat`: 100 on every Linux this runs on (`getconf CLK_TCK`).
const TICKS: f64 = 100.0;

pub(crate) struct Figures {
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_rss_mib: f64,
    pub(crate) metrics: String,
}

impl Figures {
    pub(crate) fn of(pid: u32, http: &str) -> Self {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kib: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        Self {
            cpu_seconds: (ticks(11) + ticks(12)) / TICKS,
            peak_rss_mib: kib / 1024.0,
            metrics: get(http, "/metrics").unwrap(),
        }
    }
}

pub(crate) fn until_ready(http: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while get(http, "/readyz").is_none() {
        assert!(Instant::now() < end, "the hub is not ready within 20 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn get(http: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(http).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {http}\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").filter(|(head, _)| head.contains(" 200 ")).map(|(_, body)| body.to_owned())
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
