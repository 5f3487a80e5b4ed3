//! What a limited token reads and acknowledges.

use serde_json::{Value, json};

use super::{SECRETS, Sites};
use crate::model::DeviceId;
use crate::model::PublicKey;
use crate::model::access::Scope;
use crate::model::alert::AlertState;

/// Each thing outside, and one of its kind that does not exist.
fn pairs(sites: &Sites) -> Vec<(String, String)> {
    let nobody = |n: u8| DeviceId::of(&PublicKey([n; 32])).to_string();
    vec![
        (sites.north.id.to_string(), nobody(77)),
        // It waits to be adopted, and says of itself what it likes.
        (nobody(9), nobody(78)),
    ]
}

#[tokio::test]
async fn what_is_outside_is_answered_as_what_does_not_exist() {
    let sites = Sites::new().await;
    let token = sites.token(Scope::Write).await;
    let mut asked: Vec<(&str, String, Value, (String, String))> = Vec::new();
    for pair in pairs(&sites) {
        for path in ["", "/sensors", "/ledger", "/swaps"] {
            asked.push(("GET", format!("/devices/X{path}"), json!({}), pair.clone()));
        }
    }
    let names = ("north-tower".to_owned(), "nobody-here".to_owned());
    for pair in pairs(&sites).into_iter().chain([names]) {
        for path in [
            "/devices?q=X",
            "/readings?device=X&sensor=temp",
            "/latest?device=X",
            "/query?device=X",
            "/query?device=X&group=all",
            "/query?device=X&device=shed&sensor=temp",
            "/export?device=X",
            "/export?device=X&device=shed",
            "/alerts?device=X",
        ] {
            asked.push(("GET", path.to_owned(), json!({}), pair.clone()));
        }
        asked.push(("POST", "/query".to_owned(), json!({"queries": [{"device": ["X"]}]}), pair));
    }
    let sensors = ("northwind".to_owned(), "nosuchone".to_owned());
    for path in ["/export?sensor=X", "/latest?sensor=X", "/readings?device=shed&sensor=X", "/devices?label=site%3DX"] {
        asked.push(("GET", path.to_owned(), json!({}), sensors.clone()));
    }
    let alerts = ("alr_2".to_owned(), "alr_99".to_owned());
    asked.push(("POST", "/alerts/X/ack".to_owned(), json!({}), alerts.clone()));
    asked.push(("POST", "/alerts/ack".to_owned(), json!({"alerts": ["X"]}), alerts));
    let span = "from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z";
    for (method, path, body, (outside, nowhere)) in asked {
        let answer = async |thing: &str| {
            let mut path = format!("/api/v1{}", path.replace('X', thing));
            // A range that moves would be another in each answer.
            if path.contains("/query?") || path.contains("/export?") {
                path = format!("{path}&{span}");
            }
            let body: Value = serde_json::from_str(&body.to_string().replace('X', thing)).unwrap();
            let body = if path.ends_with("/query") { with_span(body) } else { body };
            let answer = sites.by(&token, method, &path, &body).await;
            (answer.status, answer.text.replace(thing, "X"))
        };
        assert_eq!(answer(&outside).await, answer(&nowhere).await, "{method} {path}: {outside}");
    }
    let alerts = sites.scene.get("/api/v1/alerts").await.json();
    assert_eq!((&alerts["items"][0]["id"], &alerts["items"][0]["acked_at"]), (&json!("alr_2"), &Value::Null));
}

fn with_span(mut body: Value) -> Value {
    for query in body["queries"].as_array_mut().into_iter().flatten() {
        query["from"] = json!("2026-01-01T00:00:00Z");
        query["to"] = json!("2027-01-01T00:00:00Z");
    }
    body
}

#[tokio::test]
async fn lists_hold_what_is_in_the_view_and_their_pages_are_full_to_the_end() {
    let sites = Sites::new().await;
    let token = sites.token(Scope::Read).await;
    for id in 3..23 {
        let device = if id % 4 == 0 { &sites.south } else { &sites.north };
        sites.alert(id, device, AlertState::Resolved).await;
    }
    let (mut pages, mut ids, mut next) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = sites.get(&token, &format!("/api/v1/alerts?limit=2{next}")).await.json();
        let items = page["items"].as_array().unwrap().clone();
        pages.push(items.len());
        ids.extend(items.iter().map(|alert| alert["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!((pages, ids.join(" ").as_str()), (vec![2, 2, 2], "alr_20 alr_16 alr_12 alr_8 alr_4 alr_1"));
    let devices = sites.get(&token, "/api/v1/devices?limit=1").await.json();
    assert_eq!((devices["items"].as_array().unwrap().len(), &devices["next"]), (1, &Value::Null));
    for path in ["/api/v1/latest", "/api/v1/query", "/api/v1/export", "/api/v1/devices?status=pending"] {
        let text = sites.get(&token, path).await.text;
        assert!(!SECRETS.iter().any(|secret| text.contains(secret)), "{path}: {text}");
    }
    let all = sites.get(&token, "/api/v1/query?sensor=temp&group=all&agg=count,max&points=1").await.json();
    let found = (&all["series"][0]["count"], &all["series"][0]["max"], &all["series"][0]["device"]);
    assert_eq!(
        found,
        (&json!([1]), &json!([1.0]), &json!(sites.south.id.to_string())),
        "one value of one device: {all}"
    );
}

#[tokio::test]
async fn labels_that_change_count_at_once() {
    let sites = Sites::new().await;
    let token = sites.token(Scope::Write).await;
    let status = async |device: &crate::model::device::Device| {
        sites.get(&token, &format!("/api/v1/devices/{}", device.id)).await.status.as_u16()
    };
    assert_eq!((status(&sites.south).await, status(&sites.north).await), (200, 404));
    sites.label(&sites.south, json!({"site": "south-east", "floor": "2"})).await;
    sites.label(&sites.north, json!({"site": "south"})).await;
    assert_eq!((status(&sites.south).await, status(&sites.north).await), (404, 200));
    let acked = sites.by(&token, "POST", "/api/v1/alerts/ack", &json!({"alerts": ["alr_1", "alr_2"]})).await;
    assert_eq!(acked.json(), json!({"acknowledged": 1}));
    assert_eq!(sites.by(&token, "POST", "/api/v1/alerts/alr_1/ack", &json!({})).await.status, 404);
    let acked = sites.by(&token, "POST", "/api/v1/alerts/alr_2/ack", &json!({})).await;
    assert_eq!((acked.status.as_u16(), acked.json()["acked_at"].is_string()), (200, true));
}

#[tokio::test]
async fn a_device_needs_all_the_labels_of_a_token() {
    let sites = Sites::new().await;
    for (labels, count) in [
        (&[("site", "south"), ("floor", "2")][..], 1),
        (&[("site", "south"), ("floor", "3")], 0),
        (&[("site", "south"), ("room", "")], 0),
        (&[("site", "South")], 0),
    ] {
        let token = sites.scene.token_for(Scope::Read, labels).await;
        let found = sites.get(&token, "/api/v1/devices").await.json();
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{labels:?}");
    }
}
