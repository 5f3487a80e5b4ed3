//! Debian's Prometheus and vmagent: while they send, the hub is killed and started again, and nothing of what they scraped is missing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::support::port::free_port;
use crate::support::{HubProcess, Stopped, eventually, skipped};

/// How often a target is scraped before the hub is killed, while it is not there, and after that.
const SCRAPES: u64 = 12;
/// How long it takes them, and what was kept meanwhile, at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// The sensor of its count.
const ASKED: &str = "asked{a=\"x,y\"}";

#[test]
fn prometheus_of_debian() {
    let dir = tempfile::tempdir().unwrap();
    let Some(program) = program("prometheus", "prometheus", dir.path()) else { return };
    let (mut hub, target) = (HubProcess::start("token"), Target::start());
    let own = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let config = format!(
        "global: {{scrape_interval: 250ms, scrape_timeout: 250ms}}
scrape_configs:
- {{job_name: counts, static_configs: [{{targets: [{}]}}]}}
- {{job_name: own, scrape_interval: 1s, static_configs: [{{targets: [{own}]}}]}}
remote_write:
- url: http://{}/api/v1/write
  authorization: {{credentials: {}}}
  send_native_histograms: true
  metadata_config: {{send_interval: 1s}}
  queue_config: {{batch_send_deadline: 300ms, min_backoff: 100ms, max_backoff: 1s}}
",
        target.at,
        hub.http,
        hub.output(&["token", "create", "--scope", "ingest"]),
    );
    let config = written(dir.path(), "prometheus.yml", &config);
    let mut command = Command::new(program);
    command.arg(format!("--config.file={}", config.display())).arg(format!("--web.listen-address={own}"));
    command.arg(format!("--storage.tsdb.path={}", dir.path().join("tsdb").display())).arg("--log.level=warn");
    let mut sender = start(&mut command);
    target.scraped_while_the_hub_ends_and_begins(&mut hub);
    let stored = all_of(&hub, &target);
    let device = format!("counts/{}", target.at);
    // Its name does not say so: metadata came behind the samples. (vmagent has none.)
    let devices = hub.get("/api/v1/devices?limit=1000");
    let id = devices["items"].as_array().unwrap().iter().find(|item| item["name"] == device).unwrap()["id"].clone();
    eventually("kind and unit", PATIENCE, || {
        let sensors = hub.get(&format!("/api/v1/devices/{}/sensors", id.as_str()?));
        let of = |name: &str| sensors["items"].as_array()?.iter().find(|item| item["sensor"] == name).cloned();
        let is_said = of(ASKED)?["kind"] == "counter";
        (is_said && of("half_celsius")?["unit"] == "Cel").then_some(())
    });
    // Its own answer, with every sample that it has.
    let range = "/api/v1/query?query=%7B__name__%3D~%22.%2B%22%7D%5B10m%5D";
    let (mut compared, mut missing) = (0, Vec::new());
    let newest = stored.keys().map(|(_, at)| *at).max().unwrap();
    let answer: Value = serde_json::from_str(&get(own, range)).unwrap();
    for series in answer["data"]["result"].as_array().unwrap() {
        let sensor = sensor(&series["metric"]);
        for sample in series["values"].as_array().unwrap() {
            let at = (sample[0].as_f64().unwrap() * 1_000.0).round() as i64;
            let value: f64 = sample[1].as_str().unwrap().parse().unwrap();
            // What it scraped since is on its way.
            if value.is_finite() && at < newest - 2_000 {
                compared += 1;
                if stored.get(&(sensor.clone(), at)) != Some(&value) {
                    missing.push(format!("{sensor} {at} {value}: {:?}", stored.get(&(sensor.clone(), at))));
                }
            }
        }
    }
    missing.truncate(20);
    assert!(missing.is_empty() && compared > 2_000, "of {compared} samples: {missing:#?}");
    stop(&mut sender);
}

#[test]
fn vmagent_of_debian() {
    let dir = tempfile::tempdir().unwrap();
    let Some(program) = program("vmagent", "victoria-metrics", dir.path()) else { return };
    let (mut hub, target) = (HubProcess::start("token"), Target::start());
    let own = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let config = format!(
        "scrape_configs:\n- {{job_name: counts, scrape_interval: 250ms, scrape_timeout: 250ms, static_configs: [{{targets: [{}]}}]}}\n",
        target.at
    );
    let config = written(dir.path(), "scrape.yml", &config);
    let mut command = Command::new(program);
    command.arg(format!("-promscrape.config={}", config.display())).arg(format!("-httpListenAddr={own}"));
    command.arg(format!("-remoteWrite.url=http://{}/api/v1/write", hub.http));
    command.arg(format!("-remoteWrite.bearerToken={}", hub.output(&["token", "create", "--scope", "ingest"])));
    command.arg(format!("-remoteWrite.tmpDataPath={}", dir.path().join("queue").display()));
    command.args(["-remoteWrite.flushInterval=300ms", "-loggerLevel=ERROR"]);
    let mut sender = start(&mut command);
    target.scraped_while_the_hub_ends_and_begins(&mut hub);
    all_of(&hub, &target);
    stop(&mut sender);
}

/// Something that is scraped, and counts how often.
struct Target {
    at: SocketAddr,
    scrapes: Arc<AtomicU64>,
}

impl Target {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (at, scrapes) = (listener.local_addr().unwrap(), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&scrapes);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, counted) = (stream.unwrap(), Arc::clone(&counted));
                // A connection may carry many requests, one after the other.
                std::thread::spawn(move || {
                    let mut asked = [0; 4_096];
                    while stream.read(&mut asked).is_ok_and(|bytes| bytes > 0) {
                        let count = counted.fetch_add(1, Ordering::Relaxed) + 1;
                        let text = format!("# TYPE asked counter\nasked{{a=\"x,y\"}} {count}\nhalf_celsius {}\n", 0.5);
                        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\n";
                        let _ = write!(stream, "{head}content-length: {}\r\n\r\n{text}", text.len());
                    }
                });
            }
        });
        Self { at, scrapes }
    }

    fn count(&self) -> u64 {
        self.scrapes.load(Ordering::Relaxed)
    }

    /// Waits until it was asked some more times.
    fn scraped(&self) {
        let until = self.count() + SCRAPES;
        eventually("scrapes", PATIENCE, || (self.count() >= until).then_some(()));
    }

    fn scraped_while_the_hub_ends_and_begins(&self, hub: &mut HubProcess) {
        self.scraped();
        hub.kill();
        self.scraped();
        hub.restart();
        self.scraped();
    }
}

/// Waits until the hub has all that a target told, and gives its readings.
fn all_of(hub: &HubProcess, target: &Target) -> BTreeMap<(String, i64), f64> {
    let mut missing: Vec<_> = (1..=target.count()).map(|count| count as f64).collect();
    eventually("all scrapes on disk", PATIENCE, || {
        let stored = readings(hub);
        missing.retain(|count| !stored.iter().any(|((name, _), value)| name.ends_with(ASKED) && value == count));
        missing.is_empty().then_some(stored)
    })
}

/// All readings of a hub, by device, sensor and time.
fn readings(hub: &HubProcess) -> BTreeMap<(String, i64), f64> {
    let (status, text) = hub.request("GET", "/api/v1/export?format=ndjson&from=now-1h&to=now%2B5m", None).unwrap();
    assert_eq!(status, 200, "{text}");
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap();
        let at: jiff::Timestamp = text("at").parse().unwrap();
        let name = format!("{} {}", text("device_name"), text("sensor"));
        ((name, at.as_millisecond()), row["value"].as_f64().unwrap())
    };
    text.lines().filter(|line| !line.is_empty()).map(row).collect()
}

/// What the hub calls a series of Prometheus.
fn sensor(labels: &Value) -> String {
    let text = |label: &str| labels[label].as_str().unwrap();
    let mut name = format!("{}/{} {}", text("job"), text("instance"), text("__name__"));
    let others =
        labels.as_object().unwrap().iter().filter(|(label, _)| !["__name__", "job", "instance"].contains(&&***label));
    let others: BTreeMap<_, _> = others.collect();
    for (index, (label, value)) in others.iter().enumerate() {
        let value = value.as_str().unwrap();
        let quote = if value.contains([',', '{', '}', '"', '\\']) { "\"" } else { "" };
        write!(name, "{}{label}={quote}{value}{quote}", if index == 0 { '{' } else { ',' }).unwrap();
    }
    if !others.is_empty() {
        name.push('}');
    }
    name
}

fn get(at: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {at}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn written(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn start(command: &mut Command) -> Stopped {
    Stopped(command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap())
}

fn stop(Stopped(child): &mut Stopped) {
    child.kill().unwrap();
}

/// A program of this machine, or of Debian, taken out of its package into a folder.
fn program(name: &str, package: &str, dir: &Path) -> Option<PathBuf> {
    let is_there = |path: &Path| Command::new(path).arg("--version").output().is_ok();
    if is_there(Path::new(name)) {
        return Some(name.into());
    }
    let loaded = Command::new("apt-get").args(["download", "--quiet", package]).current_dir(dir).output();
    let is_deb = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
    let deb = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).find(is_deb);
    if let (Ok(_), Some(deb)) = (loaded, deb) {
        let taken = Command::new("dpkg-deb").arg("-x").arg(deb).arg(dir.join("root")).status();
        let path = dir.join("root/usr/bin").join(name);
        if taken.is_ok_and(|status| status.success()) && is_there(&path) {
            return Some(path);
        }
    }
    skipped(package);
    None
}
