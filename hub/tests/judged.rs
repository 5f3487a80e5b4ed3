//! Rules judge what was measured, when it was: whatever the clock of a device says, in what uploads a logger reports, and
//! however often the hub starts. By the program, over real sockets.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::device::FakeDevice;
use support::webhook_sink::{Answer, WebhookSink};
use support::{HubProcess, eventually};
use telemetry_hub::clock::Clock;
use wire::Lane;

const SOON: Duration = Duration::from_secs(20);
const HOUR_MS: i64 = 3_600_000;

#[test]
fn a_logger_that_uploads_each_hour_is_told_of_at_once_what_lasts_and_once_what_is_over() {
    let scene = Scene::start(&[hot("*", "10m")]);
    let now = Clock.wall().0;
    // Twice for a quarter of an hour, and a moment that does not matter.
    let hours = |minute: i64| if matches!(minute, -50..-35 | -30..-15 | -5) { 99.0 } else { 20.0 };
    scene.upload("logger", now, -59, hours);
    scene.upload("second", now, -59, hours);
    let past = eventually("told as over", SOON, || (scene.told().len() == 2).then(|| scene.told()));
    for told in &past {
        assert_eq!((&told["type"], &told["data"]["alert"]["count"]), (&json!("alert.past"), &json!(2)), "{told}");
        assert!(told["data"]["alert"]["resolved_at"].is_string(), "{told}");
    }
    let lasting = |minute: i64| if minute >= -20 { 99.0 } else { 20.0 };
    scene.upload("third", now, -59, lasting);
    let told = eventually("fires", SOON, || scene.told().into_iter().nth(2));
    assert_eq!((&told["type"], &told["data"]["alert"]["device_name"]), (&json!("alert.firing"), &json!("third")));
    assert_eq!(millis(&told["data"]["alert"]["started_at"]), now - 20 * 60_000);
    let states = scene.states();
    assert_eq!(states.iter().filter(|state| *state == "historical").count(), 4, "{states:?}");
    assert_eq!(states.iter().filter(|state| *state == "firing").count(), 1, "{states:?}");

    // One webhook that does not want it, and a line at a time, the newest first.
    scene.hub.status(
        "PUT",
        &format!("/api/v1/webhooks/{}", scene.webhook),
        Some(json!({"name": "sink", "url": scene.sink.url(), "past": false}).to_string()),
    );
    scene.hub.post(
        "/api/v1/rules",
        &json!({"name": "other", "device": "fourth", "sensor": "*", "webhooks": [scene.webhook],
        "condition": {"type": "threshold", "op": ">", "value": 60}, "for": "10m"}),
    );
    for minute in (-59..=0).rev() {
        scene.push("fourth", now + minute * 60_000, hours(minute));
    }
    eventually("entered", SOON, || (scene.states().len() >= 9).then_some(()));
    assert_eq!(scene.told().len(), 3);
}

#[test]
fn a_reading_from_ahead_hides_nothing_and_a_clock_that_is_off_is_said() {
    let scene = Scene::start(&[hot("*", "0s")]);
    let now = || Clock.wall().0;
    scene.push("shed", now(), 20.0);
    scene.push("shed", now() + 240_000, 20.0);
    let latest = || scene.hub.get("/api/v1/latest?device=shed")["items"][0].clone();
    assert!((millis(&latest()["at"]) - now()).abs() < 60_000, "{}", latest());
    scene.push("shed", now(), 99.0);
    eventually("judged now", SOON, || (scene.states() == ["firing"]).then_some(()));
    assert_eq!(latest()["value"], 99.0);
    // Four minutes fast: judged as it comes, and said; six minutes slow as well.
    let offset = |device: &str| {
        let devices = scene.hub.get("/api/v1/devices");
        let device = devices["items"].as_array().unwrap().iter().find(|one| one["name"] == device).cloned();
        device.unwrap()["clock_offset_ms"].as_f64()
    };
    assert_eq!(offset("shed"), None, "three pushes tell");
    for _ in 0..3 {
        scene.push("fast", now() + 240_000, 99.0);
        scene.push("slow", now() - 360_000, 20.0);
        std::thread::sleep(Duration::from_millis(1_100));
    }
    assert!(
        (offset("fast").unwrap() - 240_000.0).abs() < 5_000.0 && (offset("slow").unwrap() + 360_000.0).abs() < 5_000.0
    );
    let alerts = scene.hub.get("/api/v1/alerts?device=fast");
    assert_eq!(alerts["items"].as_array().unwrap().len(), 1);
    assert!((millis(&alerts["items"][0]["started_at"]) - now()).abs() < 60_000, "{alerts}");
}

#[test]
fn silence_is_that_nothing_comes_and_a_restart_decides_nothing() {
    let mut scene = Scene::start(&[json!({"name": "silent", "device": "slow", "sensor": "*",
        "condition": {"type": "silence", "after": "3s"}})]);
    let slow = |scene: &Scene| scene.push("slow", Clock.wall().0 - 360_000, 1.0);
    let keep_on = |scene: &Scene| {
        let end = Instant::now() + Duration::from_secs(6);
        while Instant::now() < end {
            slow(scene);
            std::thread::sleep(Duration::from_millis(300));
            assert!(scene.states().is_empty(), "it is pushing");
        }
    };
    keep_on(&scene);
    scene.hub.restart();
    keep_on(&scene);
    // Not missed in the first minute after a start, missed then.
    scene.hub.restart();
    let started = Instant::now();
    let patience = Duration::from_secs(100);
    eventually("missed", patience, || (scene.states() == ["firing"]).then_some(()));
    assert!(started.elapsed() > Duration::from_secs(50), "{:?}", started.elapsed());
    slow(&scene);
    eventually("heard", SOON, || (scene.states() == ["resolved"]).then_some(()));
    eventually("missed again", SOON, || (scene.states().contains(&"firing".to_owned())).then_some(()));
}

#[test]
fn what_was_pending_at_the_stop_and_over_by_the_spool_does_not_fire_at_the_start() {
    let mut scene = Scene::start(&[hot("*", "4s")]);
    let mut device = FakeDevice::new(scene.hub.udp, &scene.hub.join_token(1), 0);
    let now = || Clock.wall().0;
    for _ in 0..4 {
        device.make_of(Lane::Live, &[(now(), 99.0)]);
        device.settle();
        std::thread::sleep(Duration::from_millis(300));
    }
    assert_eq!(scene.states(), ["pending"]);
    scene.hub.kill();
    // Over a second later; the device keeps it, and its hub is away for longer than the rule's `for`.
    let over = now() + 1_000;
    std::thread::sleep(Duration::from_secs(6));
    scene.hub.restart();
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        assert_eq!(scene.states(), ["pending"], "a start decides nothing");
        std::thread::sleep(Duration::from_millis(50));
    }
    // It is hot again when the device comes back, and only then says what was meanwhile.
    device.make_of(Lane::Live, &[(now(), 99.0)]);
    device.settle();
    device.make_of(Lane::Recovered, &[(over, 20.0), (over + 1_000, 20.0)]);
    device.make_of(Lane::Live, &[(now(), 20.0)]);
    device.settle();
    std::thread::sleep(Duration::from_secs(12));
    assert_eq!((scene.states(), scene.told().len()), (vec![], 0));
}

#[test]
fn what_was_over_before_the_hub_was_back_is_told_once_by_its_clock_whatever_the_device_says() {
    let mut scene = Scene::start(&[hot("*", "0s")]);
    let now = || Clock.wall().0;
    let mut devices: Vec<_> = [0, 400_000, 7_200_000, -400_000, -7_200_000]
        .map(|off| {
            let mut device = FakeDevice::new(scene.hub.udp, &scene.hub.join_token(1), 0);
            device.clock_offset_ms = Some(off);
            (off, device)
        })
        .into();
    for (off, device) in &mut devices {
        device.make_of(Lane::Live, &[(now() + *off, 20.0)]);
        device.settle();
    }
    scene.hub.kill();
    let hot_at = now();
    std::thread::sleep(Duration::from_secs(5));
    scene.hub.restart();
    for (off, device) in &mut devices {
        let kept = [(hot_at, 99.0), (hot_at + 2_000, 20.0), (hot_at + 4_000, 20.0)];
        device.make_of(Lane::Recovered, &kept.map(|(at, value)| (at + *off, value)));
        device.make_of(Lane::Live, &[(now() + *off, 20.0)]);
        device.settle();
    }
    let told = eventually("all are told", SOON, || Some(scene.told()).filter(|told| told.len() == devices.len()));
    for told in told {
        let alert = &told["data"]["alert"];
        let apart = (millis(&alert["started_at"]) - hot_at).abs();
        assert!(told["type"] == "alert.past" && apart <= 2_000, "{apart}: {told}");
    }
    // Judged as it comes, once their clocks are known.
    for (off, device) in &mut devices {
        device.make_of(Lane::Live, &[(now() + *off, 99.0)]);
        device.settle();
    }
    let firing = || scene.states().into_iter().filter(|state| state == "firing").count();
    eventually("all fire", Duration::from_secs(5), || (firing() == devices.len()).then_some(()));
}

#[test]
fn an_alert_over_what_a_counter_counted_outlasts_a_restart() {
    let rule = json!({"name": "much", "device": "*", "sensor": "e",
        "condition": {"type": "increase", "op": ">", "value": 1, "over": "1h"}});
    let mut scene = Scene::start(std::slice::from_ref(&rule));
    let now = Clock.wall().0;
    // It counts for an hour, rests for hours, and takes 2 kWh within a minute twenty minutes ago.
    let value = |minute: i64| match minute {
        ..-500 => 90.0 + 0.01 * (minute + 600) as f64,
        -500..-20 => 91.0,
        _ => 93.0,
    };
    let readings = |minutes: std::ops::RangeInclusive<i64>, now: i64| {
        let of =
            |minute| json!({"sensor": "e", "kind": "counter", "value": value(minute), "at": now + minute * 60_000});
        json!({"device": "heater", "readings": minutes.map(of).collect::<Vec<_>>()})
    };
    scene.hub.post("/api/v1/readings", &readings(-560..=0, now));
    eventually("fires", SOON, || (scene.states() == ["firing"]).then_some(()));
    scene.hub.restart();
    for _ in 0..6 {
        scene.hub.post("/api/v1/readings", &readings(0..=0, Clock.wall().0));
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(scene.states(), ["firing"], "{:?}", scene.told());
    }
    for from in ["now-9h", "now-3h", "now-1h", "now-30m"] {
        let found = scene.hub.post("/api/v1/rules/backtest", &json!({"rule": rule, "from": from}));
        let firings = &found["series"][0]["firings"];
        assert_eq!((&found["fires"], &firings[0]["to"]), (&json!(1), &Value::Null), "{from}: {found}");
        assert_eq!(firings[0]["value"], 2.0, "{found}");
    }
}

fn hot(device: &str, hold: &str) -> Value {
    json!({"name": "hot", "device": device, "sensor": "*", "for": hold,
        "condition": {"type": "threshold", "op": ">", "value": 50}})
}

fn millis(time: &Value) -> i64 {
    time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// A hub with rules, and a receiver that hears of them.
struct Scene {
    hub: HubProcess,
    sink: WebhookSink,
    webhook: String,
    _runtime: tokio::runtime::Runtime,
}

impl Scene {
    fn start(rules: &[Value]) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let sink = runtime.block_on(WebhookSink::answering(vec![Answer::Status(200)]));
        let hub = HubProcess::start("token");
        let webhook = hub.post("/api/v1/webhooks", &json!({"name": "sink", "url": sink.url()}));
        let webhook = webhook["id"].as_str().unwrap().to_owned();
        for rule in rules {
            let mut rule = rule.clone();
            rule["webhooks"] = json!([webhook]);
            hub.post("/api/v1/rules", &rule);
        }
        Self { hub, sink, webhook, _runtime: runtime }
    }

    fn push(&self, device: &str, at: i64, value: f64) {
        self.hub.post(
            "/api/v1/readings",
            &json!({"device": device, "readings": [{"sensor": "t", "value": value, "at": at}]}),
        );
    }

    /// The hour until now, a reading a minute, in one request.
    fn upload(&self, device: &str, now: i64, from: i64, value: impl Fn(i64) -> f64) {
        assert!(from * 60_000 > -HOUR_MS);
        let readings: Vec<_> = (from..=0)
            .map(|minute| json!({"sensor": "t", "value": value(minute), "at": now + minute * 60_000}))
            .collect();
        self.hub.post("/api/v1/readings", &json!({"device": device, "readings": readings}));
    }

    fn states(&self) -> Vec<String> {
        let alerts = self.hub.get("/api/v1/alerts?limit=1000");
        alerts["items"].as_array().unwrap().iter().map(|alert| alert["state"].as_str().unwrap().to_owned()).collect()
    }

    /// Bodies of what the receiver was told.
    fn told(&self) -> Vec<Value> {
        self.sink.received().into_iter().map(|told| serde_json::from_slice(&told.body).unwrap()).collect()
    }
}
