//! The hub asks targets for their metrics itself.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use support::{HubProcess, eventually, metric};

/// Something with a page of metrics.
struct Target {
    at: SocketAddr,
    /// What it answers: head and body.
    answer: Arc<Mutex<(String, String)>>,
    /// What it was asked last.
    asked: Arc<Mutex<String>>,
}

impl Target {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = Self { at: listener.local_addr().unwrap(), answer: Arc::default(), asked: Arc::default() };
        let (answer, asked) = (Arc::clone(&target.answer), Arc::clone(&target.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, mut request) = (stream.unwrap(), [0; 4_096]);
                let read = stream.read(&mut request).unwrap_or(0);
                *asked.lock().unwrap() = String::from_utf8_lossy(&request[..read]).into_owned();
                let (head, body) = answer.lock().unwrap().clone();
                let _ =
                    write!(stream, "HTTP/1.1 {head}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            }
        });
        target
    }

    fn answers(&self, head: &str, body: &str) {
        *self.answer.lock().unwrap() = (head.to_owned(), body.to_owned());
    }
}

/// The newest value of each sensor.
fn newest(hub: &HubProcess) -> BTreeMap<String, f64> {
    let latest = hub.get("/api/v1/latest?limit=1000");
    let of = |item: &Value| Some((item["sensor"].as_str()?.to_owned(), item["value"].as_f64()?));
    latest["items"].as_array().unwrap().iter().filter_map(of).collect()
}

#[test]
fn what_targets_show_is_on_disk_and_whether_they_answer() {
    let (dir, target) = (tempfile::tempdir().unwrap(), Target::start());
    let (config, token) = (dir.path().join("hub.toml"), dir.path().join("token"));
    std::fs::write(&token, "secret\n").unwrap();
    let text = format!(
        "[[scrape]]\nurl = \"http://{}/metrics?all=1\"\ninterval = \"1s\"\ndevice = \"boiler\"\nlabels = {{ room = \"cellar\" }}\n\
        bearer_token_file = {:?}\n",
        target.at, token
    );
    std::fs::write(&config, text).unwrap();
    target.answers(
        "200 OK\r\ncontent-type: text/plain; version=0.0.4\r\n",
        "# TYPE burnt counter\nburnt_total 7\nwater_celsius{at=\"top\"} 61.5\nbroken\n",
    );
    let environment = vec![("TELEMETRY_HUB_CONFIG".to_owned(), config.to_str().unwrap().to_owned())];
    let hub = HubProcess::on(dir.path().join("data"), "token", environment);
    let limit = Duration::from_secs(20);
    let up = "up{room=cellar}";
    eventually("readings of the target", limit, || (newest(&hub).get(up) == Some(&1.0)).then_some(()));
    let there = newest(&hub);
    assert_eq!(there.get("burnt_total{room=cellar}"), Some(&7.0), "{there:?}");
    assert_eq!(there.get("water_celsius{at=top,room=cellar}"), Some(&61.5));
    assert!(there.contains_key("scrape_duration_seconds{room=cellar}"));
    let asked = target.asked.lock().unwrap().clone();
    assert!(asked.starts_with("GET /metrics?all=1 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("authorization: Bearer secret\r\n") && asked.contains("openmetrics-text"), "{asked}");
    let devices = hub.get("/api/v1/devices");
    assert_eq!((&devices["items"][0]["name"], &devices["items"][0]["status"]), (&"boiler".into(), &"online".into()));
    let sensors = hub.get(&format!("/api/v1/devices/{}/sensors", devices["items"][0]["id"].as_str().unwrap()));
    let of =
        |name: &str| sensors["items"].as_array().unwrap().iter().find(|item| item["sensor"] == name).unwrap().clone();
    assert_eq!(of("burnt_total{room=cellar}")["kind"], "counter");
    assert_eq!(of("water_celsius{at=top,room=cellar}")["unit"], "Cel");
    // Where an answer leads elsewhere the hub does not go, and what is too large it does not read.
    for (head, body) in
        [("302 Found\r\nlocation: http://127.0.0.1:1/\r\n", String::new()), ("200 OK\r\n", "x 1\n".repeat(2 << 20))]
    {
        target.answers(head, &body);
        eventually("the target is down", limit, || (newest(&hub).get(up) == Some(&0.0)).then_some(()));
        target.answers("200 OK\r\n", "burnt_total 8\n");
        eventually("the target is up", limit, || (newest(&hub).get(up) == Some(&1.0)).then_some(()));
    }
    let (_, metrics) = hub.request("GET", "/metrics", None).unwrap();
    let dropped = |why: &str| metric(&metrics, &format!("hub_scrape_dropped_total{{reason=\"{why}\"}}")).unwrap();
    assert!(dropped("unreachable") >= 2 && dropped("invalid") >= 1, "{metrics}");
    assert!(metric(&metrics, "hub_scrape_readings_total").unwrap() > 6);
}
