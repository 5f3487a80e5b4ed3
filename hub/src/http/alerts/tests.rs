//! One alert, and why it fired; and its picture.

use std::sync::Arc;

use axum::extract::FromRef as _;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::delivery::payload::Teller;
use crate::http::tests::scene::{ADMIN, Scene, request, scene};
use crate::model::access::Scope;
use crate::model::alert::{Alert, AlertId, AlertState, Measure, Subject, Transition};
use crate::model::device::Device;
use crate::model::explain::{Circumstances, Explanation, Loss, Vital};
use crate::model::reading::SeriesId;
use crate::model::rule::{RuleId, Severity};
use crate::model::webhook::{Attempt, DeliveryId, DeliveryState, Event, NewDelivery, Settlement, WebhookId};
use crate::model::{UnixMillis, when};
use crate::picture;
use crate::store::Commit;

const MINUTE: i64 = 60_000;

fn alert(id: u64, device: &Device, series: SeriesId, fired: UnixMillis) -> Alert {
    Alert {
        id: AlertId(id),
        rule: RuleId(1),
        rule_name: "hot".to_owned(),
        severity: Severity::Warning,
        tags: Arc::default(),
        about: Subject::Series { device: device.no, series },
        state: AlertState::Resolved,
        measure: Measure::Value,
        value: Some(31.0),
        worst: Some(32.0),
        last: Some(29.0),
        threshold: 30.0,
        started_at: fired.plus(-MINUTE),
        parts: Arc::default(),
        usual: None,
        well_since: None,
        unknown_since: None,
        fired_at: Some(fired),
        resolved_at: Some(fired.plus(5 * MINUTE)),
        acked: None,
        new_normal: false,
        learned_at: fired.plus(2 * MINUTE),
    }
}

async fn put(scene: &Scene, alerts: &[Alert], explained: Vec<Explanation>) {
    let put =
        |alert: &Alert| Transition::Put { alert: alert.clone(), occurred_at: alert.started_at, points: Vec::new() };
    let transitions = alerts.iter().map(put).collect();
    scene.store.commit(Commit { transitions, explained, ..Commit::default() }).await.unwrap();
}

/// A rule of which an alert is told and which has changed since, and two others that fired: one about then, one a day before.
async fn told() -> (Scene, Device, UnixMillis) {
    let mut scene = scene();
    let (device, series) = scene.device(1, "attic").await;
    let (other, of_other) = scene.device(2, "cellar").await;
    let fired = UnixMillis(Clock.wall().0 / MINUTE * MINUTE).plus(-30 * MINUTE);
    let points: Vec<_> = (-20..8).map(|n| (fired.0 + n * MINUTE, 25.0 + n as f64 / 2.0)).collect();
    scene.measure(&device, series[0], &points).await;
    let rule = |value: f64| {
        json!({"name": "hot", "device": "attic", "sensor": "temp", "for": "60s",
            "condition": {"type": "threshold", "op": ">", "value": value, "clear": value - 1.0}})
    };
    assert_eq!(scene.call("POST", "/api/v1/rules", &rule(30.0)).await.status, 201);
    let circumstances = Circumstances {
        is_online: true,
        heard_at: Some(fired),
        loss: Some(Loss { taken: 7_200, lost: 12 }),
        clock_offset_ms: Some(-3),
        agent: "1.4.0".to_owned(),
        vitals: vec![Vital { sensor: "battery".to_owned(), value: 87.5, unit: "%".to_owned() }],
    };
    let explained = Explanation {
        alert: AlertId(2),
        rule_version: Some(1),
        late_ms: 2 * MINUTE,
        circumstances: Some(circumstances),
    };
    let all = [
        alert(1, &device, series[0], fired.plus(-86_400_000)),
        alert(2, &device, series[0], fired),
        alert(3, &other, of_other[1], fired.plus(MINUTE)),
    ];
    put(&scene, &all, vec![explained]).await;
    let changed = scene.call("PUT", "/api/v1/rules/rul_1", &rule(20.0)).await.json();
    assert_eq!((&changed["version"], &changed["condition"]["value"]), (&json!(2), &json!(20.0)));
    (scene, device, fired)
}

#[tokio::test]
async fn an_alert_says_its_rule_as_it_was_how_the_device_was_what_else_fired_and_its_story() {
    let (scene, device, fired) = told().await;
    let silence = json!({"device": "attic", "for": "1h", "comment": "roof"});
    assert_eq!(scene.call("POST", "/api/v1/silences", &silence).await.status, 201);
    assert_eq!(scene.call("POST", "/api/v1/alerts/alr_2/ack", &json!({"comment": "on it"})).await.status, 200);
    let shown = scene.get("/api/v1/alerts/alr_2").await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    let shown = shown.json();
    assert_eq!(
        (&shown["id"], &shown["device"], &shown["value"]),
        (&json!("alr_2"), &json!(device.id.to_string()), &json!(31.0))
    );
    let then = &shown["rule_then"];
    assert_eq!((&then["version"], &then["is_current"], &then["for"]), (&json!(1), &json!(false), &json!("60s")));
    assert_eq!(then["condition"], json!({"type": "threshold", "op": ">", "value": 30.0, "clear": 29.0}));
    assert_eq!(
        shown["device_then"],
        json!({"online": true, "last_heard_at": when::moment(fired), "taken": 7200, "lost": 12, "clock_offset_ms": -3,
            "agent_version": "1.4.0", "vitals": [{"sensor": "battery", "value": 87.5, "unit": "%"}]})
    );
    assert_eq!((&shown["late_s"], &shown["fired"]), (&json!(120), &json!({"days": 30, "here": 2, "anywhere": 2})));
    let beside = shown["beside"].as_array().unwrap();
    assert_eq!(beside.len(), 1, "the one of the day before is not of then");
    assert_eq!(
        (&beside[0]["id"], &beside[0]["device_name"], &beside[0]["sensor"]),
        (&json!("alr_3"), &json!("cellar"), &json!("hum"))
    );
    let story: Vec<_> = shown["story"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(story, ["began", "fired", "learned", "resolved", "acknowledged"]);
    assert_eq!(shown["story"][4]["comment"], "on it");
    assert_eq!((&shown["threshold"], &shown["fired_by"]), (&json!(30.0), &then["condition"]));
    let current = scene.get("/api/v1/alerts/alr_1").await.json();
    assert_eq!(
        (&current["rule_then"], &current["device_then"], &current["late_s"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(scene.get("/api/v1/alerts/alr_99").await.status, 404);
    assert_eq!(scene.get("/api/v1/alerts/alr_2?x=1").await.status, 400);
    // Of a rule that is gone what it was is still known.
    assert_eq!(scene.call("DELETE", "/api/v1/rules/rul_1", &json!({})).await.status, 204);
    assert_eq!(scene.get("/api/v1/alerts/alr_2").await.json()["rule_then"]["condition"]["value"], 30.0);
    assert_eq!(scene.get("/api/v1/rules").await.json()["items"], json!([]));
}

#[tokio::test]
async fn the_list_says_the_numbers_that_an_alert_fired_with_and_the_story_that_its_rule_ended_it() {
    let (scene, device, fired) = told().await;
    let series = scene.store.catalog().series_of(device.no).next().unwrap().id;
    let kept = |id| Explanation { alert: AlertId(id), rule_version: Some(1), late_ms: 0, circumstances: None };
    // They went on under a limit of 20 when the rule was changed.
    let edited = |id, state| {
        let resolved_at = Some(fired.plus(id as i64 * MINUTE)).filter(|_| state == AlertState::Resolved);
        Alert { state, resolved_at, threshold: 20.0, last: None, ..alert(id, &device, series, fired) }
    };
    let both = [edited(4, AlertState::Resolved), edited(5, AlertState::Firing)];
    put(&scene, &both, vec![kept(4), kept(5)]).await;
    let listed = scene.get("/api/v1/alerts").await.json()["items"].clone();
    let of = |id: &str| listed.as_array().unwrap().iter().find(|one| one["id"] == id).unwrap();
    assert_eq!((&of("alr_4")["threshold"], &of("alr_4")["fired_by"]["value"]), (&json!(30.0), &json!(30.0)));
    assert_eq!((&of("alr_5")["threshold"], &of("alr_5")["fired_by"]), (&json!(20.0), &Value::Null), "that in force");
    let story = async |id: &str| {
        let shown = scene.get(&format!("/api/v1/alerts/{id}")).await.json();
        let story = shown["story"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap().to_owned());
        story.collect::<Vec<_>>()
    };
    assert_eq!(story("alr_4").await, ["began", "fired", "rule_changed", "resolved"]);
    assert!(!story("alr_2").await.contains(&"rule_changed".to_owned()), "a reading ended it");
    assert!(!story("alr_5").await.contains(&"rule_changed".to_owned()), "it is not over");
}

#[tokio::test]
async fn the_story_says_who_was_told_and_how_that_went() {
    let (scene, ..) = told().await;
    let hook = json!({"name": "phone", "kind": "generic", "url": "https://example.org/x"});
    assert_eq!(scene.call("POST", "/api/v1/webhooks", &hook).await.status, 201);
    let delivery = NewDelivery {
        webhook: WebhookId(1),
        alert: Some(AlertId(2)),
        event: Event::AlertFiring,
        body: b"{}".to_vec(),
        created_at: Clock.wall(),
        group: None,
    };
    scene.store.create_delivery(delivery).await.unwrap();
    let shown = scene.get("/api/v1/alerts/alr_2").await.json();
    let told = shown["story"].as_array().unwrap().iter().find(|one| one["what"] == "told").unwrap();
    let expected = json!({"at": told["at"], "what": "told", "delivery": "dlv_1", "webhook": "whk_1", "webhook_name": "phone",
        "event": "alert.firing", "in_summary": false, "state": "pending", "attempts": 0, "arrived_at": null, "error": null});
    assert_eq!(*told, expected);
}

#[tokio::test]
async fn the_story_says_when_a_webhook_took_it_and_what_only_a_summary_told() {
    let (scene, ..) = told().await;
    let hook = json!({"name": "chat", "kind": "generic", "url": "https://example.org/x"});
    assert_eq!(scene.call("POST", "/api/v1/webhooks", &hook).await.status, 201);
    let now = Clock.wall();
    let message = |event, alert| NewDelivery {
        webhook: WebhookId(1),
        alert,
        event,
        body: b"{}".to_vec(),
        created_at: now,
        group: None,
    };
    for event in [Event::AlertFiring, Event::AlertAcknowledged, Event::AlertResolved] {
        scene.store.create_delivery(message(event, Some(AlertId(2)))).await.unwrap();
    }
    let settled = |id, at| Settlement {
        delivery: DeliveryId(id),
        attempt: Attempt {
            at,
            status: Some(200),
            error: None,
            duration_ms: 4,
            response: None,
            request_head: None,
            response_head: None,
        },
        state: DeliveryState::Delivered,
        next_attempt_at: None,
        disable: None,
        problem: None,
        webhook_updated_at: now,
    };
    scene.store.settle(settled(1, now.plus(29_000)), now).await.unwrap();
    let both = vec![DeliveryId(2), DeliveryId(3)];
    scene.store.sum_up(message(Event::AlertsSummary, None), both, now).await.unwrap();
    scene.store.settle(settled(4, now.plus(90_000)), now).await.unwrap();
    let shown = scene.get("/api/v1/alerts/alr_2").await.json();
    let said: Vec<_> = shown["story"].as_array().unwrap().iter().filter(|one| one["what"] == "told").collect();
    let said: Vec<_> = said.iter().map(|one| [&one["event"], &one["in_summary"], &one["at"]]).collect();
    let at = |ms| json!(when::moment(now.plus(ms)));
    assert_eq!(
        said,
        [[&json!("alert.firing"), &json!(false), &at(29_000)], [&json!("alert.resolved"), &json!(true), &at(90_000)]]
    );
}

#[tokio::test]
async fn its_picture_is_for_who_is_signed_in_and_for_who_has_a_link_that_the_hub_signed() {
    let (scene, ..) = told().await;
    let path = "/api/v1/alerts/alr_2/chart.png";
    let ask = |path: String, token: &'static str| {
        scene.respond(request("GET", &path, token).body(axum::body::Body::empty()).unwrap())
    };
    let png = ask(path.to_owned(), ADMIN).await;
    assert_eq!((png.status(), &png.headers()["content-type"]), (StatusCode::OK, &"image/png".parse().unwrap()));
    let svg = scene.get("/api/v1/alerts/alr_2/chart.svg").await;
    assert!(
        svg.text.starts_with("<svg ") && svg.text.contains("hot on attic") && svg.text.contains("limit 30 °C"),
        "{}",
        svg.text
    );
    let nobody = async |path: String| ask(path, "").await.status().as_u16();
    assert_eq!(nobody(path.to_owned()).await, 401);
    let key = Teller::from_ref(&scene.state).pictures;
    let end = Clock.wall().plus(MINUTE);
    let link = key.query(AlertId(2), end);
    assert_eq!(nobody(format!("{path}?{link}")).await, 200);
    assert_eq!(nobody(format!("/api/v1/alerts/alr_1/chart.png?{link}")).await, 403, "another picture");
    assert_eq!(nobody(format!("/api/v1/alerts/alr_2?{link}")).await, 401, "anything but the picture");
    let over = key.query(AlertId(2), Clock.wall().plus(-1));
    assert_eq!(nobody(format!("{path}?{over}")).await, 403);
    assert_eq!(scene.get(&format!("{path}?until=1&sig=x")).await.problem().1, json!("sig"));
    // Who may see another site alone may not see this one.
    let token = scene.token_for(Scope::Read, &[("site", "north")]).await;
    let asked = request("GET", path, &token).body(axum::body::Body::empty()).unwrap();
    assert_eq!(scene.respond(asked).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn its_picture_has_each_reading_where_they_are_few_and_always_the_one_that_fired() {
    let (mut scene, device, fired) = told().await;
    let series = scene.store.catalog().sensor_numbers(device.no)[0];
    let store = scene.store.clone();
    let seen = async || {
        let alert = store.alert(AlertId(2)).await.unwrap();
        picture::of(&store, &alert, jiff::tz::TimeZone::UTC, Clock.wall()).await.unwrap().unwrap()
    };
    // A second after the one that fired it another one came, far below.
    scene.measure(&device, series, &[(fired.0 + 1_000, 20.0)]).await;
    let view = seen().await;
    let near = |from: i64, to: i64| {
        let points = view.points.iter().filter(move |point| (from..=to).contains(&point.at.since(fired)));
        points.map(|point| (point.low, point.mean, point.high)).collect::<Vec<_>>()
    };
    assert_eq!(near(0, 1_000), [(25.0, 25.0, 25.0), (20.0, 20.0, 20.0)]);
    assert_eq!(view.spark, Some((fired, 31.0)), "what the alert keeps");
    let many: Vec<_> = (1..1_200).map(|n| (fired.0 + 1_000 + n * 200, 20.0 + (n % 2) as f64)).collect();
    for some in many.chunks(200) {
        scene.measure(&device, series, some).await;
    }
    let view = seen().await;
    assert!(view.points.len() <= 351, "{}", view.points.len());
    assert!(view.points.iter().any(|point| (point.low, point.high) == (20.0, 21.0)), "{:?}", view.points);
    assert_eq!(view.spark, Some((fired, 31.0)));
}
