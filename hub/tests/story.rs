//! The whole way of a reading, by the real programs: real sensors, encrypted UDP, disk, REST, alert, signed webhook.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use ring::hmac;
use serde_json::json;
use support::device::{FakeDevice, READINGS};
use support::{HubProcess, eventually, signal};

const SOON: Duration = Duration::from_secs(20);

/// A receiver that answers with the given statuses, then 200, and hands on what it got: head and body.
fn receiver(statuses: &'static [u16]) -> (String, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (got, hand_on) = mpsc::sync_channel(64);
    std::thread::spawn(move || {
        let mut statuses = statuses.iter().copied();
        'callers: for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut text = Vec::new();
            let mut buffer = [0; 4_096];
            let whole = loop {
                let read = stream.read(&mut buffer).unwrap_or(0);
                text.extend_from_slice(&buffer[..read]);
                let seen = String::from_utf8_lossy(&text).into_owned();
                if let Some((head, body)) = seen.split_once("\r\n\r\n") {
                    let length = head
                        .lines()
                        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
                    if body.len() >= length.unwrap_or(0) {
                        break (head.to_owned(), body.to_owned());
                    }
                }
                if read == 0 {
                    // Its caller was stopped before it said all: that asked for nothing.
                    continue 'callers;
                }
            };
            let status = statuses.next().unwrap_or(200);
            let _ = write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            if got.send(whole).is_err() {
                return;
            }
        }
    });
    (url, hand_on)
}

fn header(head: &str, name: &str) -> String {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:"))).unwrap();
    line.split_once(':').unwrap().1.trim().to_owned()
}

#[test]
fn a_reading_becomes_an_alert_that_reaches_the_webhook_across_a_restart() {
    let mut hub = HubProcess::start("token");
    let (url, hooks) = receiver(&[503]);
    let webhook = hub.post("/api/v1/webhooks", &json!({"name": "story", "url": url}));
    let rule = json!({
        "name": "always", "device": "*", "sensor": "mem*",
        "condition": {"type": "threshold", "op": ">", "value": -1}, "for": "0s",
        "severity": "warning", "webhooks": [webhook["id"]], "enabled": true
    });
    hub.post("/api/v1/rules", &rule);
    let state = tempfile::tempdir().unwrap();
    let token = hub.join_token(1);
    let _agent = hub.start_agent(state.path(), &["--join-token", &token, "--name", "story-box", "--interval", "200ms"]);
    let (first, _) = hooks.recv_timeout(SOON).expect("a first attempt");
    // Refused once; the second attempt is the restarted hub's.
    hub.restart();
    let (second, body) = eventually("a second attempt of the same delivery", Duration::from_secs(90), || {
        let next = hooks.recv_timeout(Duration::from_secs(1)).ok()?;
        (header(&next.0, "webhook-id") == header(&first, "webhook-id")).then_some(next)
    });
    let secret = webhook["secret"].as_str().unwrap().strip_prefix("whsec_").unwrap();
    let secret = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, secret).unwrap();
    let signed = format!("{}.{}.{body}", header(&second, "webhook-id"), header(&second, "webhook-timestamp"));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
    let expected = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, tag.as_ref());
    assert_eq!(header(&second, "webhook-signature"), format!("v1,{expected}"));
    let told: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&told["type"], &told["data"]["alert"]["device_name"]), (&json!("alert.firing"), &json!("story-box")));
}

#[test]
fn an_agent_killed_again_and_again_loses_nothing_it_was_acknowledged_and_doubles_nothing() {
    let hub = HubProcess::start("token");
    let state = tempfile::tempdir().unwrap();
    let token = hub.join_token(1);
    let mut high = 0;
    for round in 0..4_u64 {
        let agent =
            hub.start_agent(state.path(), &["--join-token", &token, "--name", "cut-box", "--interval", "100ms"]);
        high = eventually("more readings than before", SOON, || Some(hub.count()).filter(|count| *count > high + 20));
        std::thread::sleep(Duration::from_millis(130 * round));
        // SIGKILL.
        drop(agent);
        let after = hub.count();
        assert!(after >= high, "stored readings vanished: {after} < {high}");
        high = after;
    }
    assert_eq!(hub.get("/api/v1/devices")["items"].as_array().unwrap().len(), 1, "one identity over all boots");
    let sensors = hub.get("/api/v1/latest?device=cut-box&sensor=*");
    let sensor = sensors["items"][0]["sensor"].as_str().unwrap().to_owned();
    let page = hub.get(&format!(
        "/api/v1/readings?device=cut-box&sensor={sensor}&from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&limit=5000"
    ));
    let times: Vec<i64> = page["items"].as_array().unwrap().iter().map(|point| point[0].as_i64().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "doubled or out of order");
}

#[test]
fn a_device_waits_for_a_click_and_nothing_of_it_is_stored_before() {
    let hub = HubProcess::start("click");
    let state = tempfile::tempdir().unwrap();
    let _agent = hub.start_agent(state.path(), &["--name", "shy-box", "--interval", "200ms"]);
    let pending = eventually("a pending device", SOON, || {
        let devices = hub.get("/api/v1/devices?status=pending");
        devices["items"].as_array().unwrap().first().cloned()
    });
    assert_eq!(pending["words"].as_array().unwrap().len(), 6);
    assert_eq!(hub.count(), 0);
    let id = pending["id"].as_str().unwrap();
    let words = support::output(support::agent_program(), &["id", "--state", state.path().to_str().unwrap()]);
    assert!(words.contains(id), "the device shows the id the hub shows: {words}");
    hub.post(&format!("/api/v1/devices/{id}/adopt"), &json!({}));
    eventually("readings after the click", SOON, || (hub.count() > 20).then_some(()));
    hub.post(&format!("/api/v1/devices/{id}/block"), &json!({}));
    let blocked = hub.count();
    std::thread::sleep(Duration::from_secs(2));
    assert!(hub.count() <= blocked + 40, "a blocked device is still heard");
}

#[test]
fn it_stops_within_ten_seconds_with_exit_code_0_and_has_everything_on_disk() {
    let mut hub = HubProcess::start("token");
    let state = tempfile::tempdir().unwrap();
    let token = hub.join_token(1);
    let mut agent = hub.start_agent(state.path(), &["--join-token", &token, "--interval", "100ms"]);
    eventually("readings", SOON, || (hub.count() > 50).then_some(()));
    let (code, took) = hub.terminate();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
    signal(&agent.0, "TERM");
    let stopped = eventually("agent stopped", SOON, || agent.0.try_wait().unwrap());
    assert_eq!(stopped.code(), Some(0));
    hub.restart();
    assert!(hub.count() > 50);
}

#[test]
fn a_second_hub_on_the_same_data_is_refused_with_a_reason() {
    let hub = HubProcess::start("token");
    let second = std::process::Command::new(support::hub_program())
        .args(["serve", "--http", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--discovery", "off", "--data"])
        .arg(&hub.data)
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(text.contains(&format!("already running in {}: open http://{}/", hub.data.display(), hub.http)), "{text}");
    assert!(text.contains("telemetry-hub open --data"), "{text}");
}

#[test]
fn a_wrong_command_line_names_the_flag_and_exits_with_2() {
    for (args, named) in [
        (&["serve", "--http", "nonsense"][..], "--http"),
        (&["serve", "--jion", "click"], "--jion"),
        (&["token", "create"], "--scope"),
    ] {
        let done = std::process::Command::new(support::hub_program()).args(args).output().unwrap();
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{args:?}: {text}");
        assert!(text.contains(named), "{args:?}: {text}");
    }
}

#[test]
fn what_is_stored_comes_out_in_the_terminal_whole_or_not_at_all() {
    let hub = HubProcess::start("token");
    let mut device = FakeDevice::new(hub.udp, &hub.join_token(1), 1_700_000_000_000);
    device.deliver(30);
    let ask = |address: &str, args: &[&str]| {
        let range = ["--sensor", "ledger", "--from", "2023-11-14T22:13:20Z", "--to", "2023-11-14T22:14:00Z"];
        let done = std::process::Command::new(support::hub_program())
            .args(args)
            .args(range)
            .env("TELEMETRY_HUB_ADDRESS", format!("http://{address}"))
            .env("TELEMETRY_HUB_TOKEN", &hub.token)
            .env("TZ", "UTC")
            .output()
            .unwrap();
        let [out, log] = [done.stdout, done.stderr].map(|text| String::from_utf8(text).unwrap());
        (done.status.code(), out, log)
    };
    let address = hub.http.to_string();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.csv");
    let path = file.to_str().unwrap();

    let nobody = ask(&address, &["export", "--device", "nobody", path]);
    assert_eq!(nobody.0, Some(2), "{}", nobody.2);
    assert!(nobody.2.contains("--device") && nobody.2.contains("nobody"), "{}", nobody.2);
    assert_eq!(ask("127.0.0.1:1", &["export", path]).0, Some(1), "nobody is there");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something was left of an export that failed");

    let whole = ask(&address, &["export", path]);
    assert_eq!((whole.0, whole.1.as_str()), (Some(0), ""), "{}", whole.2);
    let text = std::fs::read_to_string(&file).unwrap();
    let values = text.lines().skip(1).map(|line| line.split(',').nth(4).unwrap().parse::<f64>().unwrap());
    let sent = (0..30).flat_map(|seq| (0..READINGS).map(move |n| (seq, n))).map(|(seq, n)| device.reading(seq, n).1);
    assert!(values.eq(sent), "{text}");
    let lines = ask(&address, &["export", "--format", "ndjson", "--device", &device.id()]);
    assert_eq!((lines.0, lines.1.lines().count()), (Some(0), 300), "{}", lines.2);

    let table = ask(&address, &["query", "--points", "1"]);
    assert_eq!(table.0, Some(0), "{}", table.2);
    let words: Vec<_> = table.1.lines().nth(2).unwrap().split_whitespace().collect();
    assert_eq!(words, ["2023-11-14", "22:13:20", "300", "0", "14.95", "29.9"]);
    let json = ask(&address, &["query", "--every", "1m", "--json"]).1;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["series"][0]["count"], json!([300]));
}
