//! What is to be told is told, whatever step of a delivery the hub is killed after: also of a summary, of what is told again, and of
//! what waits for the end of quiet hours.
//!
//! The hub is the program, killed by SIGKILL. `DELIVERY_KILLS=25` makes it longer: so many kills after each step.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::device::FakeDevice;
use support::{HubProcess, eventually};
use telemetry_hub::clock::Clock;
use wire::Lane;

const PATIENCE: Duration = Duration::from_secs(60);

/// A step of a delivery after which the hub is killed.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Its alert is on disk, and with it the delivery.
    Caused,
    /// The receiver has the message and has not answered.
    Called,
    /// The receiver has taken it.
    Taken,
    /// That is on disk.
    Settled,
    /// That the receiver refused it is on disk.
    Refused,
}

#[test]
fn after_each_step_of_a_delivery_nothing_is_missing_ids_are_unique_and_firing_comes_before_resolved() {
    let mut scene = Scene::start();
    let mut fired = 0;
    for step in [Step::Caused, Step::Called, Step::Taken, Step::Settled, Step::Refused] {
        for kill in 0..kills() {
            fired += 1;
            let mode = match step {
                Step::Caused | Step::Called => Mode::Hold,
                Step::Taken | Step::Settled => Mode::Take,
                Step::Refused => Mode::Refuse,
            };
            scene.sink.set(mode);
            let calls = scene.sink.calls();
            scene.say(99.0);
            match step {
                // Anywhere between the commit and the call.
                Step::Caused => std::thread::sleep(Duration::from_millis(u64::from(kill % 5))),
                Step::Called | Step::Taken => {
                    eventually("a call", PATIENCE, || (scene.sink.calls() > calls).then_some(()));
                }
                Step::Settled | Step::Refused => scene.until_tried(),
            }
            scene.hub.kill();
            scene.sink.set(Mode::Take);
            scene.hub.restart();
            scene.say(1.0);
            eventually("both are told", PATIENCE, || (scene.told().len() == 2 * fired).then_some(()));
        }
    }
    scene.check(|events| assert_eq!(events, ["alert.firing", "alert.resolved"]));
}

#[test]
fn a_summary_is_told_once_and_whole_after_kills_at_each_step_of_it() {
    let mut scene = Scene::start();
    // Seven rules, seven messages to people.
    let url = format!("http://{}/topic", scene.sink.address);
    let chat = scene.hub.post("/api/v1/webhooks", &json!({"name": "phone", "kind": "ntfy", "url": url}));
    for rule in 1..=7 {
        let condition = json!({"type": "threshold", "op": ">", "value": 50});
        let rule = json!({"name": format!("rule {rule}"), "sensor": "ledger", "webhooks": [chat["id"]], "condition": condition});
        scene.hub.post("/api/v1/rules", &rule);
    }
    scene.sink.set(Mode::Refuse);
    scene.say(99.0);
    eventually("all were tried", PATIENCE, || {
        let all = scene.deliveries("phone");
        (all.len() == 7 && all.iter().all(|one| one["attempt_count"].as_u64() >= Some(1))).then_some(())
    });
    for kill in 0..kills() {
        scene.hub.kill();
        if kill == 0 {
            scene.age("state = 'pending'", 120_000);
        }
        // Refused once: with each time it would wait longer.
        scene.sink.set(if kill == 1 { Mode::Refuse } else { Mode::Hold });
        let calls = scene.sink.calls();
        scene.hub.restart();
        if kill % 3 == 2 {
            std::thread::sleep(Duration::from_millis(u64::from(kill % 7)));
        } else {
            eventually("a call", PATIENCE, || (scene.sink.calls() > calls).then_some(()));
        }
    }
    scene.hub.kill();
    scene.sink.set(Mode::Take);
    scene.hub.restart();
    let told = eventually("all is told", PATIENCE, || {
        let all = scene.deliveries("phone");
        all.iter().all(|one| one["state"] == "delivered").then_some(all)
    });
    let summaries: Vec<_> = told.iter().filter(|one| one["event"] == "alerts.summary").collect();
    let last = summaries.iter().find(|one| one["summary"].is_null()).unwrap();
    let messages = told.iter().filter(|one| one["event"] == "alert.firing");
    assert_eq!(messages.filter(|one| one["summary"] == last["id"]).count(), 7, "each is in the summary: {told:?}");
    let taken: Vec<Value> = scene.sink.taken().into_iter().filter(|body| body["topic"] == "topic").collect();
    let titles: Vec<_> = taken.iter().map(|body| body["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["7 alerts still fire, of 7 messages that waited"], "once");
}

#[test]
fn what_still_fires_is_told_again_once_a_time_with_numbers_that_go_on_however_often_the_hub_is_killed() {
    let mut scene = Scene::start();
    scene.set(&json!({"repeat_every": "5m"}));
    scene.say(99.0);
    eventually("it is told", PATIENCE, || (scene.told().len() == 1).then_some(()));
    scene.until_tried();
    for kill in 0..kills() {
        scene.hub.kill();
        scene.age("state = 'delivered'", 400_000);
        scene.sink.set(Mode::Hold);
        let calls = scene.sink.calls();
        scene.hub.restart();
        if kill % 2 == 0 {
            eventually("it is told again", PATIENCE, || (scene.sink.calls() > calls).then_some(()));
        } else {
            std::thread::sleep(Duration::from_millis(u64::from(kill % 11)));
        }
        scene.hub.kill();
        scene.sink.set(Mode::Take);
        scene.hub.restart();
        eventually("it is", PATIENCE, || (scene.told().len() as u32 == 2 + kill).then_some(()));
        eventually("that is known", PATIENCE, || {
            scene.deliveries("sink").iter().all(|one| one["state"] == "delivered").then_some(())
        });
    }
    // Nothing more for five minutes; and nothing after somebody cares.
    let alert = scene.hub.get("/api/v1/alerts?state=firing")["items"][0]["id"].as_str().unwrap().to_owned();
    scene.hub.post(&format!("/api/v1/alerts/{alert}/ack"), &json!({}));
    eventually("the acknowledgement", PATIENCE, || (scene.told().len() as u32 == 2 + kills()).then_some(()));
    eventually("that is known", PATIENCE, || {
        scene.deliveries("sink").iter().all(|one| one["state"] == "delivered").then_some(())
    });
    scene.hub.kill();
    scene.age("state = 'delivered'", 400_000);
    scene.hub.restart();
    scene.say(1.0);
    eventually("its end", PATIENCE, || (scene.told().len() as u32 == 3 + kills()).then_some(()));
    scene.check(|events| {
        let again = events.len() - 3;
        assert_eq!(events[0], "alert.firing");
        assert!(events[1..=again].iter().all(|event| event == "alert.repeated"), "{events:?}");
        assert_eq!(events[again + 1..], ["alert.acknowledged", "alert.resolved"]);
    });
    let numbers: Vec<u64> =
        scene.sink.first().iter().map(|body| body["data"]["alert"]["sequence"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

#[test]
fn what_waits_for_the_end_of_quiet_hours_is_told_then_and_what_is_over_by_then_is_not() {
    let mut scene = Scene::start();
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let always = json!({"days": days, "from": "00:00", "until": "00:00", "zone": "UTC"});
    scene.set(&json!({"quiet_hours": always}));
    let waiting = |scene: &Scene| scene.hub.get("/api/v1/webhooks")["items"][0]["quiet"]["waiting"].clone();
    for _ in 0..kills() {
        // One that is over, and one that goes on.
        scene.say(99.0);
        scene.hub.restart();
        scene.say(1.0);
        scene.hub.restart();
        eventually("nobody has to be told", PATIENCE, || (waiting(&scene) == 0).then_some(()));
    }
    scene.say(99.0);
    for _ in 0..kills() {
        scene.hub.restart();
        assert_eq!(waiting(&scene), 1);
    }
    // By then whatever waits has been looked at: a message to another receiver, which is not there, was tried.
    let other = scene.hub.post("/api/v1/webhooks", &json!({"name": "other", "url": "http://127.0.0.1:9/"}));
    scene.hub.post(&format!("/api/v1/webhooks/{}/test", other["id"].as_str().unwrap()), &json!({}));
    eventually("an attempt", PATIENCE, || {
        scene.deliveries("other").first().filter(|one| one["attempt_count"].as_u64() > Some(0)).map(drop)
    });
    assert_eq!(scene.sink.calls(), 0, "{:?}", scene.told());
    let until = scene.hub.get("/api/v1/webhooks")["items"][0]["quiet"]["until"].clone();
    assert_eq!(scene.deliveries("sink")[0]["quiet_until"], until);
    let withdrawn = scene.hub.get("/api/v1/deliveries?state=withdrawn&limit=1000")["items"].clone();
    assert_eq!(withdrawn.as_array().unwrap().len() as u32, 2 * kills());
    // Whatever happens while they end.
    for _ in 0..kills() {
        scene.sink.set(Mode::Hold);
        let calls = scene.sink.calls();
        scene.set(&json!({"quiet_hours": null}));
        eventually("it is told", PATIENCE, || (scene.sink.calls() > calls).then_some(()));
        scene.set(&json!({"quiet_hours": always}));
        scene.hub.restart();
    }
    scene.sink.set(Mode::Take);
    scene.set(&json!({"quiet_hours": null}));
    eventually("it is told", PATIENCE, || (scene.told().len() == 1).then_some(()));
    scene.say(1.0);
    eventually("and its end", PATIENCE, || (scene.told().len() == 2).then_some(()));
    scene.check(|events| assert_eq!(events, ["alert.firing", "alert.resolved"]));
}

/// Kills after each step.
fn kills() -> u32 {
    std::env::var("DELIVERY_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

/// A hub with a rule that a reading above 50 fires at once, a device, and a receiver called `sink`.
struct Scene {
    hub: HubProcess,
    device: FakeDevice,
    sink: Sink,
}

impl Scene {
    fn start() -> Self {
        let sink = Sink::start();
        let hub = HubProcess::start("token");
        hub.tell(&format!("http://{}/hook", sink.address));
        let mut scene = Self { device: FakeDevice::new(hub.udp, &hub.join_token(1), 0), hub, sink };
        scene.say(0.0);
        scene
    }

    /// Changes the webhook.
    fn set(&self, change: &Value) {
        let webhooks = self.hub.get("/api/v1/webhooks");
        let path = format!("/api/v1/webhooks/{}", webhooks["items"][0]["id"].as_str().unwrap());
        assert_eq!(self.hub.status("PATCH", &path, Some(change.to_string())), Some(200));
    }

    /// Sends a value taken now, after what is not acknowledged yet, and waits until all is on disk.
    fn say(&mut self, value: f64) {
        self.device.make_of(Lane::Live, &[(Clock.wall().0, value)]);
        let end = Instant::now() + PATIENCE;
        while self.device.acknowledged() < self.device.made() {
            assert!(Instant::now() < end, "not acknowledged within a minute");
            self.device.exchange(Duration::from_millis(20));
        }
    }

    /// Deliveries to a webhook, newest first.
    fn deliveries(&self, webhook: &str) -> Vec<Value> {
        let webhooks = self.hub.get("/api/v1/webhooks")["items"].clone();
        let id = webhooks.as_array().unwrap().iter().find(|one| one["name"] == webhook).unwrap()["id"].clone();
        let path = format!("/api/v1/deliveries?webhook={}&limit=1000", id.as_str().unwrap());
        self.hub.get(&path)["items"].as_array().unwrap().clone()
    }

    /// Until an attempt of the newest delivery is on disk.
    fn until_tried(&self) {
        eventually("an attempt", PATIENCE, || {
            self.deliveries("sink").first().filter(|one| one["attempt_count"].as_u64() > Some(0)).map(drop)
        });
    }

    /// Makes deliveries older by so many milliseconds; the hub is dead.
    fn age(&self, which: &str, ms: i64) {
        let conn = rusqlite::Connection::open(self.hub.data.join("telemetry.db")).unwrap();
        conn.execute(&format!("UPDATE delivery SET created_at = created_at - {ms} WHERE {which}"), []).unwrap();
    }

    /// What was taken in the hub's own form, each id once: id, alert, event.
    fn told(&self) -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let first = self.sink.first();
        first.iter().map(|body| (text(&body["id"]), text(&body["data"]["alert"]["id"]), text(&body["type"]))).collect()
    }

    /// Looks at the events of each alert, in the order in which they first came.
    fn check(&self, is_right: impl Fn(&[String])) {
        let mut by_alert: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (_, alert, event) in self.told() {
            by_alert.entry(alert).or_default().push(event);
        }
        assert!(!by_alert.is_empty());
        by_alert.values().for_each(|events| is_right(events));
    }
}

/// What a receiver does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Take,
    Refuse,
    /// It says nothing until the hub is gone.
    Hold,
}

/// A receiver that does as it is told at the moment.
struct Sink {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

struct Seen {
    mode: Mode,
    calls: usize,
    /// Bodies that were taken, with `id` of the message where it has one.
    taken: Vec<Value>,
}

impl Sink {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen { mode: Mode::Take, calls: 0, taken: Vec::new() }));
        let shared = Arc::clone(&seen);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &seen));
            }
        });
        Self { address, seen }
    }

    fn set(&self, mode: Mode) {
        self.seen.lock().unwrap().mode = mode;
    }

    fn calls(&self) -> usize {
        self.seen.lock().unwrap().calls
    }

    fn taken(&self) -> Vec<Value> {
        self.seen.lock().unwrap().taken.clone()
    }

    /// Messages in the hub's own form that were taken, each id once; an id never stands for two messages.
    fn first(&self) -> Vec<Value> {
        let mut first: Vec<Value> = Vec::new();
        for body in self.taken().into_iter().filter(|body| body["id"].is_string()) {
            match first.iter().find(|one| one["id"] == body["id"]) {
                Some(one) => {
                    let what = |body: &Value| {
                        [&body["type"], &body["data"]["alert"]["id"], &body["data"]["alert"]["sequence"]]
                            .map(Value::clone)
                    };
                    assert_eq!(what(one), what(&body), "one id for two messages");
                }
                None => first.push(body),
            }
        }
        first
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Seen>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut id, mut length) = (Value::Null, 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? <= 2 {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => id = value.trim().into(),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut body: Value = serde_json::from_slice(&body).ok()?;
    if id.is_string() {
        body["id"] = id;
    }
    let mode = {
        let mut seen = seen.lock().unwrap();
        seen.calls += 1;
        if seen.mode == Mode::Take {
            seen.taken.push(body);
        }
        seen.mode
    };
    let status = match mode {
        Mode::Take => 200,
        Mode::Refuse => 503,
        Mode::Hold => {
            // Until the hub is killed.
            let _ = reader.read(&mut [0]);
            return None;
        }
    };
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes()).ok()
}
