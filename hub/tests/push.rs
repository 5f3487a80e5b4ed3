//! Readings by HTTP, by the real program: from a compressed body to the rule, the webhook, the page and the disk.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use support::webhook_sink::{Answer, WebhookSink};
use support::{HubProcess, eventually};

const SOON: Duration = Duration::from_secs(20);
/// More sensors than a device could have that numbers them itself.
const SENSORS: usize = 700;

/// A program's post of a compressed text with a token of its own; status and head of the answer.
fn post(hub: &HubProcess, token: &str, text: &str) -> (u16, String) {
    let mut body = GzEncoder::new(Vec::new(), Compression::fast());
    body.write_all(text.as_bytes()).unwrap();
    let body = body.finish().unwrap();
    let mut stream = TcpStream::connect(hub.http).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(
        stream,
        "POST /api/v2/write?bucket=x&precision=ms HTTP/1.1\r\nhost: {}\r\nauthorization: Token {token}\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        hub.http,
        body.len(),
    )
    .unwrap();
    stream.write_all(&body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer.to_ascii_lowercase())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_program_pushes_fires_rules_is_told_and_outlives_the_hub() {
    let sink = WebhookSink::answering([Answer::Status(200)]).await;
    let told = || sink.received().into_iter().map(|hook| String::from_utf8(hook.body).unwrap()).collect::<Vec<_>>();
    tokio::task::block_in_place(|| {
        let mut hub = HubProcess::start("token");
        let token = hub.output(&["token", "create", "--scope", "write"]);
        let webhook =
            hub.post("/api/v1/webhooks", &json!({"name": "sink", "url": format!("http://{}/", sink.address)}));
        hub.post(
            "/api/v1/rules",
            &json!({"name": "hot", "device": "web*", "sensor": "t.*", "webhooks": [webhook["id"]],
                "condition": {"type": "threshold", "op": ">", "value": 50}, "for": "0s", "enabled": true}),
        );
        let now = telemetry_hub::clock::Clock.wall().0;
        let text = |at: i64, value: f64| {
            let fields: Vec<_> = (0..SENSORS).map(|n| format!("f{n}={}", value + n as f64 / 1e3)).collect();
            format!("t,host=web01 {} {at}\n", fields.join(","))
        };
        // A minute of history that was kept, then what is measured now.
        let history: String = (0..10).map(|n| text(now - 3_600_000 + n * 1_000, 99.0)).collect();
        assert_eq!(post(&hub, &token, &history).0, 204);
        let (status, head) = post(&hub, &token, &text(now, 20.0));
        assert!(status == 204 && head.contains(&format!("x-readings-stored: {SENSORS}")), "{status} {head}");
        assert!(told().is_empty(), "an hour old is no alert");
        assert_eq!(post(&hub, &token, &text(now + 1, 51.0)).0, 204);
        let hook = eventually("a webhook", SOON, || told().into_iter().next());
        let hook: serde_json::Value = serde_json::from_str(&hook).unwrap();
        assert_eq!((&hook["type"], &hook["data"]["alert"]["device_name"]), (&json!("alert.firing"), &json!("web01")));
        // Answered is on disk: nothing is asked of the hub before it is killed.
        let whole = 12 * SENSORS as u64;
        for _ in 0..2 {
            hub.restart();
            assert_eq!(hub.count(), whole);
            let last = hub.get(&format!("/api/v1/latest?device=web01&sensor=t.f{}", SENSORS - 1));
            assert_eq!(last["items"][0]["value"], json!(51.0 + (SENSORS - 1) as f64 / 1e3));
            // Whoever had no answer sends it again.
            assert_eq!(post(&hub, &token, &text(now + 1, 51.0)).0, 204);
            assert_eq!(hub.count(), whole);
        }
        let id = hub.get("/api/v1/devices")["items"][0]["id"].as_str().unwrap().to_owned();
        let ledger = hub.get(&format!("/api/v1/devices/{id}/ledger?from=now-1d"));
        let total = &ledger["total"];
        // What came again is counted as it came: it is one reading, received twice.
        assert_eq!(total["recovered"], json!(10 * SENSORS));
        assert_eq!(total["taken"], json!(total["received"].as_u64().unwrap() + 10 * SENSORS as u64), "{total}");
        assert_eq!((&total["missing"], &total["waiting"]), (&json!(0), &json!(0)), "{total}");
        assert_eq!(hub.terminate().0, Some(0));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_export_wrote_comes_back_by_import_and_raises_no_alert() {
    let sink = WebhookSink::answering([Answer::Status(200)]).await;
    let told = || sink.received().into_iter().map(|hook| String::from_utf8(hook.body).unwrap()).collect::<Vec<_>>();
    tokio::task::block_in_place(|| {
        let (from, to) = (HubProcess::start("token"), HubProcess::start("token"));
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let now = telemetry_hub::clock::Clock.wall().0;
        let points: String =
            (0..3_000).map(|n| format!("t,host=web01 f={} {}\n", 60 + n % 7, now - n * 1_000)).collect();
        assert_eq!(post(&from, &from.token, &points).0, 204);
        let run = |hub: &HubProcess, args: &[&str]| {
            let at = format!("http://{}", hub.http);
            let mut all = vec![args[0], "--hub", &at, "--token", &hub.token];
            all.extend(&args[1..]);
            support::output(support::hub_program(), &all)
        };
        let webhook = to.post("/api/v1/webhooks", &json!({"name": "sink", "url": format!("http://{}/", sink.address)}));
        to.post(
            "/api/v1/rules",
            &json!({"name": "hot", "device": "web*", "sensor": "t.*", "webhooks": [webhook["id"]],
                "condition": {"type": "threshold", "op": ">", "value": 50}, "for": "0s", "enabled": true}),
        );
        for format in ["csv", "ndjson"] {
            let (one, other) = (file(&format!("one.{format}")), file(&format!("other.{format}")));
            run(&from, &["export", "--format", format, "--from", "now-1d", &one]);
            let would = run(&to, &["import", "--dry-run", &one]);
            assert!(would.starts_with("3 000 readings of 1 device ("), "{would}");
            let done = run(&to, &["import", &one]);
            assert!(done.contains("imported from 3 00"), "{done}");
            run(&to, &["export", "--format", format, "--from", "now-1d", &other]);
            assert!(std::fs::read(one).unwrap() == std::fs::read(other).unwrap(), "{format}");
        }
        // What is there already is not measured once more, nor was it late; and nobody's past gets alerts.
        let balance = |hub: &HubProcess| {
            let id = hub.get("/api/v1/devices")["items"][0]["id"].as_str().unwrap().to_owned();
            hub.get(&format!("/api/v1/devices/{id}/ledger?from=now-1d"))["total"].clone()
        };
        let before = balance(&from);
        from.post(
            "/api/v1/rules",
            &json!({"name": "hot", "device": "*", "sensor": "*", "condition": {"type": "threshold", "op": ">", "value": 65}}),
        );
        run(&from, &["import", &file("one.csv")]);
        assert_eq!(balance(&from), before);
        assert_eq!(balance(&to)["taken"], json!(0));
        // Its last reading is of this moment, and no alert. The next one that is measured is.
        assert_eq!(post(&to, &to.token, &format!("t,host=web01 f=51 {}\n", now + 1)).0, 204);
        let hook = eventually("a webhook", SOON, || told().into_iter().next());
        let hook: serde_json::Value = serde_json::from_str(&hook).unwrap();
        assert_eq!((&hook["data"]["alert"]["value"], told().len()), (&json!(51.0), 1));
        std::thread::sleep(Duration::from_secs(11));
        assert_eq!(from.get("/api/v1/alerts?state=historical")["items"], json!([]), "once it would have settled");
        let wrong = file("wrong.csv");
        std::fs::write(&wrong, "device,sensor,at,value\na,b,2026-01-01T00:00:00Z,1\na,b,2026-01-01T00:00:01Z,x\n")
            .unwrap();
        let mut command = std::process::Command::new(support::hub_program());
        command.args(["import", "--hub", &format!("http://{}", to.http), "--token", &to.token, &wrong]);
        let refused = command.output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(
            refused.status.code() == Some(2) && said.contains("line 3") && said.contains("nothing of it is stored"),
            "{said}"
        );
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_that_are_counted_are_one_alert_across_a_restart_and_what_comes_late_changes_nothing() {
    let sink = WebhookSink::answering([Answer::Status(200)]).await;
    let told = || {
        let hooks = sink.received().into_iter();
        hooks.map(|hook| serde_json::from_slice::<serde_json::Value>(&hook.body).unwrap()).collect::<Vec<_>>()
    };
    tokio::task::block_in_place(|| {
        let mut hub = HubProcess::start("token");
        let token = hub.output(&["token", "create", "--scope", "write"]);
        let webhook =
            hub.post("/api/v1/webhooks", &json!({"name": "sink", "url": format!("http://{}/", sink.address)}));
        let of = json!({"type": "threshold", "op": ">", "value": 50});
        hub.post(
            "/api/v1/rules",
            &json!({"name": "hot rooms", "device": "room*", "sensor": "t.*", "webhooks": [webhook["id"]],
                "condition": {"type": "count", "condition": of, "op": ">=", "value": 2}, "for": "0s", "enabled": true}),
        );
        let now = || telemetry_hub::clock::Clock.wall().0;
        let say = |hub: &HubProcess, room: u32, at: i64, value: f64| {
            assert_eq!(post(hub, &token, &format!("t,host=room{room} f={value} {at}\n")).0, 204);
        };
        (1..=3).for_each(|room| say(&hub, room, now(), 20.0));
        say(&hub, 1, now(), 60.0);
        // An hour ago two were hot at once: that is past, and nobody is told of it.
        (2..=3).for_each(|room| say(&hub, room, now() - 3_600_000, 99.0));
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(hub.get("/api/v1/alerts?state=firing")["items"], json!([]));
        say(&hub, 2, now(), 60.0);
        let fires = eventually("it fires", SOON, || told().into_iter().next());
        let alert = &fires["data"]["alert"];
        assert_eq!((&alert["value"], &alert["devices"]), (&json!(2.0), &json!(["room1", "room2"])), "{fires}");
        assert!(fires["text"].as_str().unwrap().contains("room1 and room2"), "{fires}");
        hub.restart();
        say(&hub, 3, now(), 60.0);
        say(&hub, 1, now(), 20.0);
        say(&hub, 2, now() - 3_600_000, 20.0);
        let open = hub.get("/api/v1/alerts?state=firing");
        let items = open["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "two are hot still: {open}");
        assert_eq!(items[0]["id"], alert["id"], "and it is the same alert");
        assert_eq!(
            hub.get("/api/v1/alerts?state=historical")["items"],
            json!([]),
            "nothing is entered of what came late"
        );
    });
}
