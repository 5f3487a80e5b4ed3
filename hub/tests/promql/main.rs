//! PromQL against the real Prometheus: both have the same readings, and are asked the same hundreds of questions, each at one moment
//! and over two ranges. Whatever they answer is the same, series by series and value by value.
//!
//! Known to be otherwise, and left out: which of equal values `topk` keeps (Prometheus keeps another one each time), dates of what is
//! no number (there a number of Go's making), and `predict_linear` of a range pinned by `@` (there the range moves all the same).

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod queries;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::port::free_port;
use support::{HubProcess, eventually, skipped};

/// How far two values may be apart: sums of hundreds of terms in another order.
const NEAR: f64 = 1e-11;

/// A sensor of a device, and its readings: milliseconds, values.
struct Series {
    name: &'static str,
    device: &'static str,
    labels: Vec<(&'static str, &'static str)>,
    readings: Vec<(i64, f64)>,
}

/// Numbers that are the same each time.
struct Dice(u64);

impl Dice {
    /// At least 0, below 1.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Two hours of readings from a moment.
fn series(start: i64) -> Vec<Series> {
    let mut dice = Dice(7);
    let mut all = Vec::new();
    let every = |step: i64| (0..7_200_000 / step).map(move |n| start + n * step);
    for device in ["cellar", "attic", "shed", "greenhouse", "boiler"] {
        for room in ["a", "b"] {
            let mut value = 20.0 + 5.0 * dice.roll();
            let readings = every(10_000).map(|at| {
                value += dice.roll() - 0.5;
                (at + (dice.roll() * 1_800.0) as i64 - 900, (value * 1e3).round() / 1e3)
            });
            let mut readings: Vec<_> = readings.collect();
            if device == "shed" {
                readings.drain(200..320);
            }
            all.push(Series { name: "temperature", device, labels: vec![("room", room), ("unit", "Cel")], readings });
            let (mut count, phase) = ((dice.roll() * 50.0).floor(), (dice.roll() * 30_000.0) as i64);
            let readings = every(30_000).map(|at| {
                count = if dice.roll() < 0.01 { 2.0 } else { count + (dice.roll() * 9.0).floor() };
                (at + phase, count)
            });
            all.push(Series {
                name: "pulses_total",
                device,
                labels: vec![("room", room)],
                readings: readings.collect(),
            });
        }
        let falling = every(60_000).enumerate().map(|(n, at)| (at, 100.0 - n as f64 / 10.0));
        all.push(Series { name: "battery", device, labels: Vec::new(), readings: falling.collect() });
        let same = every(60_000).map(|at| (at, 7.0));
        all.push(Series { name: "const", device, labels: Vec::new(), readings: same.collect() });
    }
    for (device, jitter) in [("x", 0.0), ("y", 1.0)] {
        let mut below = 0.0;
        for (le, more) in [("0.1", 3.0), ("0.5", 5.0), ("1", 2.0), ("+Inf", 1.0)] {
            below += more;
            let readings = every(30_000).enumerate().map(|(n, at)| (at, n as f64 * below + (n % 3) as f64 * jitter));
            all.push(Series { name: "lat_bucket", device, labels: vec![("le", le)], readings: readings.collect() });
        }
    }
    let wave = every(30_000).enumerate().map(|(n, at)| (at, (n as f64 / 7.0).sin() * 10.0));
    all.push(Series { name: "neg", device: "n", labels: Vec::new(), readings: wave.collect() });
    let dates = every(30_000).enumerate().map(|(n, at)| (at, (start / 1_000 - 86_400 * 37 * n as i64) as f64));
    all.push(Series { name: "when", device: "w", labels: Vec::new(), readings: dates.collect() });
    for (device, model, fw) in [("cellar", "BME280", "1.2.3"), ("attic", "DHT22", "2.0")] {
        let readings = every(30_000).map(|at| (at, 1.0)).collect();
        all.push(Series { name: "info_sensor", device, labels: vec![("model", model), ("fw", fw)], readings });
    }
    all
}

/// A Prometheus with these readings; none where it is not installed.
struct Prometheus {
    process: Child,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Prometheus {
    fn with(series: &[Series]) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let mut families: BTreeMap<&str, String> = BTreeMap::new();
        for Series { name, device, labels, readings } in series {
            let text = families.entry(name).or_insert_with(|| format!("# TYPE {name} unknown\n"));
            let labels: String = labels.iter().map(|(label, value)| format!(",{label}=\"{value}\"")).collect();
            for (at, value) in readings {
                writeln!(text, "{name}{{device=\"{device}\"{labels}}} {value} {}", *at as f64 / 1e3).unwrap();
            }
        }
        let text = families.into_values().collect::<String>() + "# EOF\n";
        std::fs::write(path("readings"), text).unwrap();
        let mut tool = Command::new("promtool");
        tool.args(["tsdb", "create-blocks-from", "openmetrics"]).arg(path("readings")).arg(path("data"));
        let made = tool.stdout(Stdio::null()).stderr(Stdio::piped()).output().ok()?;
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        std::fs::write(path("prometheus.yml"), "global: {evaluation_interval: 1m}\n").unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", path("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", path("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let prometheus = Self { process, address, _dir: dir };
        let ready = || http(address, "/-/ready", "", "").filter(|(status, _)| *status == 200);
        eventually("prometheus answers", Duration::from_secs(60), ready);
        Some(prometheus)
    }
}

/// A POST of a form, or a GET where there is none; status and body.
fn http(to: SocketAddr, path: &str, form: &str, token: &str) -> Option<(u16, String)> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect_timeout(&to, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    let method = if form.is_empty() { "GET" } else { "POST" };
    let length = form.len();
    let request = format!(
        "{method} {path} HTTP/1.0\r\nhost: {to}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn stored(hub: &HubProcess, series: &[Series]) {
    let token = hub.output(&["token", "create", "--scope", "ingest"]);
    for Series { name, device, labels, readings } in series {
        let labels: String = labels.iter().map(|(label, value)| format!(",{label}={value}")).collect();
        let lines: String =
            readings.iter().map(|(at, value)| format!("{name},device={device}{labels} value={value} {at}\n")).collect();
        let (status, text) = http(hub.http, "/api/v2/write?precision=ms", &lines, &token).unwrap();
        assert_eq!(status, 204, "{text}");
    }
}

#[test]
fn prometheus_answers_the_same() {
    let now = telemetry_hub::clock::Clock.wall().0 / 1_000;
    // Subqueries look at round minutes.
    let start = (now / 60 - 130) * 60;
    let series = series(start * 1_000);
    let Some(prometheus) = Prometheus::with(&series) else { return skipped("prometheus") };
    let hub = HubProcess::start("token");
    stored(&hub, &series);
    let token = hub.output(&["token", "create", "--scope", "read"]);
    let asked = [
        ("query", format!("&time={}", start + 3_600)),
        ("query_range", format!("&start={}&end={}&step=60", start + 600, start + 5_400)),
        // Begins before there is anything, and its end is no moment of it.
        ("query_range", format!("&start={}&end={}&step=137", start - 400, start + 7_800)),
    ];
    let questions = queries::all(start + 3_000);
    assert!(questions.len() > 500, "only {} questions", questions.len());
    let mut differ = Vec::new();
    for question in &questions {
        for (path, moments) in &asked {
            let form = format!("query={}{moments}", encoded(question));
            let theirs = http(prometheus.address, &format!("/api/v1/{path}"), &form, "").unwrap();
            let ours = http(hub.http, &format!("/prometheus/api/v1/{path}"), &form, &token).unwrap();
            let [mut theirs, mut ours] = [theirs, ours].map(|(_, body)| serde_json::from_str(&body).unwrap());
            // Else series come in any order.
            let says_order = ["sort", "topk(", "bottomk("].iter().any(|begin| question.starts_with(begin));
            if !says_order || question.contains("by") {
                in_order(&mut theirs);
                in_order(&mut ours);
            }
            if let Some(why) = difference(&theirs, &ours) {
                differ.push(format!("{question} ({path}{moments}): {why}"));
            }
        }
    }
    assert!(differ.is_empty(), "{} of {} differ:\n{}", differ.len(), questions.len() * asked.len(), differ.join("\n"));
}

/// Series by their labels.
fn in_order(answer: &mut Value) {
    if let Some(series) = answer["data"]["result"].as_array_mut() {
        series.sort_by_key(|series| series["metric"].to_string());
    }
}

/// In what an answer is another one.
fn difference(theirs: &Value, ours: &Value) -> Option<String> {
    if theirs["status"] != ours["status"] {
        return Some(format!("they {}, we {}", cut(theirs), cut(ours)));
    }
    let (theirs, ours) = (&theirs["data"], &ours["data"]);
    if theirs["resultType"] != ours["resultType"] {
        return Some(format!("{} is {}", theirs["resultType"], ours["resultType"]));
    }
    match (theirs["result"].as_array(), ours["result"].as_array()) {
        (Some(theirs), Some(ours)) => {
            let places = theirs.iter().zip(ours).find_map(|(theirs, ours)| {
                let is_same = same(theirs, ours);
                (!is_same).then(|| format!("{} is {}", cut(theirs), cut(ours)))
            });
            places
                .or_else(|| (theirs.len() != ours.len()).then(|| format!("{} series are {}", theirs.len(), ours.len())))
        }
        _ => (theirs != ours).then(|| format!("{theirs} is {ours}")),
    }
}

/// Whether two answers, or parts of them, are the same; values may be as far apart as [`NEAR`].
fn same(theirs: &Value, ours: &Value) -> bool {
    match (theirs, ours) {
        (Value::Array(theirs), Value::Array(ours)) => {
            theirs.len() == ours.len() && theirs.iter().zip(ours).all(|(theirs, ours)| same(theirs, ours))
        }
        (Value::Object(theirs), Value::Object(ours)) => {
            theirs.len() == ours.len()
                && theirs.iter().all(|(name, theirs)| ours.get(name).is_some_and(|ours| same(theirs, ours)))
        }
        (Value::String(theirs), Value::String(ours)) if theirs != ours => {
            let [Ok(theirs), Ok(ours)] = [theirs, ours].map(|text| text.parse::<f64>()) else { return false };
            (theirs - ours).abs() <= NEAR * theirs.abs().max(ours.abs()).max(1.0)
        }
        (Value::Number(theirs), Value::Number(ours)) => theirs.as_f64() == ours.as_f64(),
        (theirs, ours) => theirs == ours,
    }
}

/// How an answer begins.
fn cut(answer: &Value) -> String {
    answer.to_string().chars().take(300).collect()
}

#[test]
fn promtool_asks_the_hub() {
    let now = telemetry_hub::clock::Clock.wall().0 / 1_000;
    let hub = HubProcess::start("token");
    let write = hub.output(&["token", "create", "--scope", "ingest"]);
    let line = format!("temperature,device=cellar value=21.5 {now}\n");
    assert_eq!(http(hub.http, "/api/v2/write?precision=s", &line, &write).unwrap().0, 204);
    let token = hub.output(&["token", "create", "--scope", "read"]);
    // It has no flag for a token, as other old clients: Basic authentication takes it as the password.
    let address = format!("http://any:{token}@{}/prometheus", hub.http);
    let Ok(said) = Command::new("promtool").args(["query", "instant", &address, "temperature * 2"]).output() else {
        return skipped("promtool");
    };
    let (text, errors) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(text.starts_with(r#"{device="cellar"} => 43 @"#), "{text}{errors}");
}
