//! An alert that fired is told, whatever kills the hub; what comes late is an entry in the list, told once as over.
//!
//! The hub is the program, killed by SIGKILL; the device shares no code with the agent, the receiver none with the hub.
//! `ALERT_KILLS=250` makes it longer.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::device::FakeDevice;
use support::webhook_sink::{Answer, WebhookSink};
use support::{HubProcess, eventually};
use telemetry_hub::clock::Clock;
use wire::Lane;

#[test]
fn every_alert_is_told_in_order_and_under_one_id_however_often_the_hub_is_killed() {
    let kills: u32 = std::env::var("ALERT_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(25);
    let mut scene = Scene::start(&[Answer::Status(200)]);
    let mut fired = 0;
    for kill in 0..kills {
        let until = Instant::now() + Duration::from_millis(u64::from(kill * 97 % 150));
        loop {
            // One fires, the next resolves: calls are always under way.
            scene.say(99.0);
            scene.say(1.0);
            fired += 1;
            if Instant::now() >= until {
                break;
            }
        }
        // The kill comes anywhere between the reading's arrival and the call that tells of it.
        scene.device.make_of(Lane::Live, &[(Clock.wall().0, 99.0)]);
        scene.device.exchange(Duration::from_millis(u64::from(kill * 7 % 40)));
        scene.hub.restart();
        scene.say(1.0);
        fired += 1;
    }
    eventually("all of it is told", Duration::from_secs(60), || (scene.told().len() as u64 == 2 * fired).then_some(()));

    let alerts = scene.hub.get("/api/v1/alerts?limit=1000");
    let stored: BTreeSet<String> = alerts["items"]
        .as_array()
        .unwrap()
        .iter()
        .inspect(|alert| assert_eq!(alert["state"], "resolved", "{alert}"))
        .map(|alert| alert["id"].as_str().unwrap().to_owned())
        .collect();
    assert!(alerts["next"].is_string() || stored.len() as u64 == fired, "{} alerts of {fired}", stored.len());
    let mut order: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, alert, event) in scene.told() {
        order.entry(alert).or_default().push(event);
    }
    assert_eq!(order.len() as u64, fired, "alerts told, and alerts there were");
    assert!(stored.iter().all(|alert| order.contains_key(alert)));
    for (alert, events) in order {
        assert_eq!(events, ["alert.firing", "alert.resolved"], "{alert}");
    }
}

#[test]
fn a_storm_of_backfill_raises_no_alert_leaves_an_entry_for_each_that_would_have_been_and_is_told_once() {
    let mut scene = Scene::start(&[Answer::Status(200)]);
    let now = Clock.wall().0;
    for minute in (0..60_i64).rev() {
        let hour_ago = now - 3_600_000 + minute * 60_000;
        let value = if minute % 2 == 0 { 99.0 } else { 1.0 };
        let rows: Vec<_> = (0..60).map(|second| (hour_ago + second * 1_000, value)).collect();
        scene.device.make_of(Lane::Recovered, &rows);
        // A device that does not say it is late is late all the same.
        let days_ago: Vec<_> = rows.iter().map(|(at, value)| (at - 86_400_000, *value)).collect();
        scene.device.make_of(Lane::Live, &days_ago);
    }
    scene.settle();
    assert_eq!(scene.hub.count(), 2 * 3_600 + 1);
    let live = "/api/v1/alerts?state=pending&state=firing&state=resolved";
    assert_eq!(scene.hub.get(live)["items"], json!([]));
    // Killed before it has looked at them, the hub does when it starts again.
    scene.hub.restart();
    let entries = eventually("thirty entries an hour", Duration::from_secs(20), || {
        let entries = scene.hub.get("/api/v1/alerts?state=historical&limit=1000")["items"].as_array().unwrap().clone();
        (entries.len() >= 60).then_some(entries)
    });
    assert_eq!(entries.len(), 60);
    for entry in &entries {
        let time = |key: &str| entry[key].as_str().unwrap().to_owned();
        assert!(time("started_at") < time("resolved_at") && time("resolved_at") < time("learned_at"), "{entry}");
    }
    assert_eq!(scene.hub.get(live)["items"], json!([]));
    // The rule works.
    scene.say(99.0);
    scene.say(1.0);
    eventually("it is told", Duration::from_secs(20), || (scene.told().len() == 3).then_some(()));
    let told: Vec<_> = scene.told().into_iter().map(|(_, _, event)| event).collect();
    assert_eq!(told, ["alert.past", "alert.firing", "alert.resolved"]);
}

#[test]
fn what_fired_an_alert_and_the_worst_of_it_are_known_when_it_is_over() {
    let mut scene = Scene::start(&[Answer::Status(200)]);
    let numbers = |alert: &Value| ["value", "worst_value", "last_value"].map(|key| alert[key].clone());
    let listed = |scene: &Scene| numbers(&scene.hub.get("/api/v1/alerts")["items"][0]);
    scene.say(60.0);
    assert_eq!(listed(&scene), [json!(60.0), json!(60.0), Value::Null]);
    scene.say(99.0);
    scene.say(70.0);
    assert_eq!(listed(&scene), [json!(60.0), json!(99.0), Value::Null]);
    scene.hub.restart();
    scene.say(1.5);
    assert_eq!(listed(&scene), [json!(60.0), json!(99.0), json!(1.5)]);
    eventually("both are told", Duration::from_secs(20), || (scene.told().len() == 2).then_some(()));
    let last: Value = serde_json::from_slice(&scene.sink.received().last().unwrap().body).unwrap();
    assert_eq!(numbers(&last["data"]["alert"]), [json!(60.0), json!(99.0), json!(1.5)]);
    assert!(last["text"].as_str().unwrap().contains(" is 1.5"), "{last}");
    // With the end comes what belongs to it: how the device is by then, and the rule that it was.
    let end = &last["data"]["alert"]["explain"];
    assert_eq!((&end["device"]["online"], &end["rule"]["version"]), (&json!(true), &json!(1)), "{last}");
    assert_eq!((&end["fired"]["here"], &end["beside"]), (&json!(1), &json!([])), "{last}");
}

#[test]
fn nobody_is_told_under_a_silence_and_of_what_outlasts_it_when_it_ends() {
    let mut scene = Scene::start(&[Answer::Status(200)]);
    let silence = scene.hub.post("/api/v1/silences", &json!({"device": "*", "for": "1h", "comment": "works"}));
    // The next start knows it for certain.
    scene.hub.restart();
    scene.say(99.0);
    scene.say(1.0);
    scene.say(99.0);
    // Shown, and remembered across a kill, but not told.
    scene.hub.restart();
    scene.settle();
    let firing = scene.hub.get("/api/v1/alerts?state=firing")["items"].clone();
    assert_eq!((firing.as_array().unwrap().len(), &firing[0]["silenced_until"]), (1, &silence["until"]));
    let listed = || scene.hub.outputs(&["alerts"]).swap_remove(1);
    assert!(listed().starts_with("firing, silenced until 20"), "{}", listed());
    assert_eq!(scene.hub.get("/api/v1/deliveries")["items"], json!([]));
    let path = format!("/api/v1/silences/{}", silence["id"].as_str().unwrap());
    assert_eq!(scene.hub.status("DELETE", &path, None), Some(204));
    assert!(listed().starts_with("firing  "), "{}", listed());
    eventually("told after all", Duration::from_secs(20), || (scene.told().len() == 1).then_some(()));
    scene.say(1.0);
    eventually("and of the end", Duration::from_secs(20), || (scene.told().len() == 2).then_some(()));
    let told: Vec<_> = scene.told().into_iter().map(|(_, alert, event)| format!("{alert} {event}")).collect();
    assert_eq!(told, ["alr_2 alert.firing", "alr_2 alert.resolved"]);
}

#[test]
fn the_end_of_an_alert_is_told_when_its_device_is_deleted() {
    let mut scene = Scene::start(&[Answer::Status(200)]);
    scene.say(99.0);
    eventually("it is told", Duration::from_secs(20), || (scene.told().len() == 1).then_some(()));
    let device = scene.hub.get("/api/v1/alerts?state=firing")["items"][0]["device"].as_str().unwrap().to_owned();
    assert_eq!(scene.hub.status("DELETE", &format!("/api/v1/devices/{device}"), None), Some(204));
    eventually("so is its end", Duration::from_secs(20), || (scene.told().len() == 2).then_some(()));
    assert_eq!(scene.told()[1].2, "alert.resolved");
    // Once, also after a start.
    scene.hub.restart();
    let webhook = scene.hub.get("/api/v1/webhooks")["items"][0]["id"].clone();
    let sent = || scene.hub.get("/api/v1/deliveries")["items"].as_array().unwrap().clone();
    // What waited at the start goes before what is caused after it.
    scene.hub.post(&format!("/api/v1/webhooks/{}/test", webhook.as_str().unwrap()), &json!({}));
    let all = eventually("a test arrives", Duration::from_secs(20), || {
        Some(sent()).filter(|all| all.iter().all(|one| one["state"] == "delivered"))
    });
    let mut events: Vec<_> = all.iter().map(|one| (one["event"].as_str().unwrap(), &one["attempt_count"])).collect();
    events.sort_by_key(|(event, _)| *event);
    let once = json!(1);
    assert_eq!(events, [("alert.firing", &once), ("alert.resolved", &once), ("webhook.test", &once)]);
}

#[test]
fn a_webhook_that_was_off_is_told_what_it_missed_when_it_is_on_again() {
    let mut scene = Scene::start(&[Answer::Status(200)]);
    let webhooks = scene.hub.get("/api/v1/webhooks");
    let path = format!("/api/v1/webhooks/{}", webhooks["items"][0]["id"].as_str().unwrap());
    let turn = |scene: &Scene, on: bool| {
        assert_eq!(scene.hub.status("PATCH", &path, Some(json!({"enabled": on}).to_string())), Some(200));
    };
    scene.say(99.0);
    eventually("it is told", Duration::from_secs(20), || (scene.told().len() == 1).then_some(()));
    turn(&scene, false);
    scene.say(1.0);
    scene.say(99.0);
    // What it missed is known after a start as well.
    scene.hub.restart();
    turn(&scene, true);
    eventually("what it missed", Duration::from_secs(20), || (scene.told().len() == 3).then_some(()));
    let told: Vec<_> = scene.told().into_iter().map(|(_, alert, event)| format!("{alert} {event}")).collect();
    assert_eq!(told[0], "alr_1 alert.firing");
    let (mut missed, mut expected) = (told[1..].to_vec(), ["alr_1 alert.resolved", "alr_2 alert.firing"]);
    missed.sort();
    expected.sort();
    assert_eq!(missed, expected);
}

#[test]
fn what_flaps_is_one_message_to_people_across_a_kill_and_an_acknowledgement_reaches_who_knows_the_alert() {
    let mut scene = Scene::start(&[Answer::Status(200)]);
    // A second receiver that people read.
    let chat = scene.another_sink();
    let url = format!("http://{}", chat.address);
    let phone = json!({"name": "phone", "kind": "gotify", "url": url, "fields": {"token": "A1"}});
    let made = scene.hub.post("/api/v1/webhooks", &phone);
    scene.hub.post(&format!("/api/v1/webhooks/{}/add-to-rules", made["id"].as_str().unwrap()), &json!({}));
    let titles = || -> Vec<String> {
        chat.received().iter().map(|request| request.json()["title"].as_str().unwrap().to_owned()).collect()
    };
    for round in 0..4 {
        scene.say(if round % 2 == 0 { 51.0 } else { 49.0 });
    }
    scene.hub.restart();
    scene.say(51.0);
    scene.say(49.0);
    scene.say(51.0);
    // Programs hear of each change, also of those after the kill.
    eventually("seven changes", Duration::from_secs(20), || (scene.told().len() == 7).then_some(()));
    let expected = ["high on ", "Resolved: high on ", "high on ", "Flapping: high on "];
    eventually("four messages", Duration::from_secs(20), || (titles().len() >= 4).then_some(()));
    assert!(titles().iter().zip(expected).all(|(title, begin)| title.starts_with(begin)), "{:?}", titles());
    assert_eq!(titles().len(), 4, "{:?}", titles());
    let told = |n: usize| chat.received()[n].json()["message"].to_string();
    assert!(told(3).contains("between 49") && told(3).contains("clear value 48.9"), "{}", told(3));

    let firing = scene.hub.get("/api/v1/alerts?state=firing")["items"][0].clone();
    let ack = format!("/api/v1/alerts/{}/ack", firing["id"].as_str().unwrap());
    let acked = scene.hub.post(&ack, &json!({"comment": "I look"}));
    assert_eq!((acked["ack_comment"].as_str(), acked["acked_by"].is_string()), (Some("I look"), true));
    eventually("the acknowledgement", Duration::from_secs(20), || {
        scene.told().last().is_some_and(|(_, _, event)| event == "alert.acknowledged").then_some(())
    });
    // The phone was never told of this alert, only that they flap.
    assert_eq!(titles().len(), 4, "{:?}", titles());
}

/// A hub with a rule that a reading above 50 fires at once, a device, and a receiver.
struct Scene {
    hub: HubProcess,
    device: FakeDevice,
    sink: WebhookSink,
    runtime: tokio::runtime::Runtime,
}

impl Scene {
    fn start(answers: &[Answer]) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let sink = runtime.block_on(WebhookSink::answering(answers.to_vec()));
        let hub = HubProcess::start("token");
        hub.tell(&sink.url());
        let mut scene = Self { device: FakeDevice::new(hub.udp, &hub.join_token(1), 0), hub, sink, runtime };
        scene.device.make_of(Lane::Live, &[(Clock.wall().0, 0.0)]);
        scene.settle();
        scene
    }

    /// A receiver of its own that takes everything.
    fn another_sink(&self) -> WebhookSink {
        self.runtime.block_on(WebhookSink::answering(vec![Answer::Status(200)]))
    }

    /// Sends a value taken now, after what is not acknowledged yet, and waits until all is on disk.
    fn say(&mut self, value: f64) {
        self.settle();
        self.device.make_of(Lane::Live, &[(Clock.wall().0, value)]);
        self.settle();
    }

    /// Until everything is acknowledged.
    fn settle(&mut self) {
        let device = &mut self.device;
        let end = Instant::now() + Duration::from_secs(60);
        while device.acknowledged() < device.made() {
            assert!(Instant::now() < end, "not acknowledged within a minute");
            device.exchange(Duration::from_millis(100));
        }
    }

    /// What the receiver was told, each `webhook-id` once: id, alert, event; in the order of the first time.
    fn told(&self) -> Vec<(String, String, String)> {
        let mut seen = BTreeSet::new();
        let mut told = Vec::new();
        for request in self.sink.received() {
            if seen.insert(request.id().to_owned()) {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                told.push((request.id().to_owned(), text(&body["data"]["alert"]["id"]), text(&body["type"])));
            }
        }
        told
    }
}
