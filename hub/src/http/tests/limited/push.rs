//! What a limited token sends.

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};

use super::Sites;
use crate::http::tests::scene::{ADMIN, Answer, request};
use crate::model::access::Scope;

impl Sites {
    async fn push(&self, token: &str, path: &str, kind: &str, text: &str) -> Answer {
        let request = request("POST", path, token).header(header::CONTENT_TYPE, kind);
        self.scene.send(request.body(Body::from(text.to_owned())).unwrap()).await
    }

    fn count(&self) -> (usize, usize) {
        let catalog = self.scene.store.catalog();
        (catalog.device_count(), catalog.series_count())
    }
}

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

#[tokio::test]
async fn a_device_outside_is_refused_with_its_line_and_nothing_of_the_request_is_done() {
    let sites = Sites::new().await;
    let token = sites.token(Scope::Ingest).await;
    let before = sites.count();
    let one = |device: &str| json!({"device": device, "readings": [{"sensor": "fresh", "value": 1}]});
    let items = json!([one("shed"), one("brand-new"), one("north-tower")]).to_string();
    let lines: String = ["shed", "", "brand-new", "north-tower"]
        .map(|device| if device.is_empty() { "\n".to_owned() } else { one(device).to_string() + "\n" })
        .concat();
    let points = "# a comment\nfresh,host=shed value=1\nfresh,host=brand-new value=1\nfresh,host=north-tower value=1";
    for (path, kind, text, field) in [
        ("/api/v1/readings", JSON, one("north-tower").to_string(), "device"),
        ("/api/v1/readings", JSON, items, "[2].device"),
        ("/api/v1/readings", NDJSON, lines, "line 4.device"),
    ] {
        let refused = sites.push(&token, path, kind, &text).await;
        assert_eq!(refused.problem(), (403, json!("scope"), json!(field)), "{path} {kind}: {}", refused.text);
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("`north-tower`") && detail.contains("site=south"), "{detail}");
        assert!(!field.starts_with("line") || detail.starts_with("line 4: "), "{detail}");
    }
    assert_eq!(sites.count(), before, "nothing was made");
    // Where good lines are stored, those outside are left out.
    for path in ["/write", "/api/v2/write"] {
        let partial = sites.push(&token, path, "text/plain", points).await;
        assert_eq!(partial.problem(), (400, json!("partial"), json!("line 4.device")), "{}", partial.text);
        let said = partial.json()["message"].as_str().unwrap().to_owned();
        assert!(said.starts_with("partial write: line 4: `north-tower`") && said.contains("site=south"), "{said}");
    }
    assert_eq!(sites.count(), (before.0 + 1, before.1 + 2));
}

#[tokio::test]
async fn what_is_made_is_in_the_view_and_what_is_in_it_is_sent_for() {
    let sites = Sites::new().await;
    let token = sites.token(Scope::Ingest).await;
    let both = "fresh,host=shed value=1\nfresh,host=brand-new value=2";
    for _ in 0..2 {
        let stored = sites.push(&token, "/write", "text/plain", both).await;
        assert_eq!(stored.status, 204, "{}", stored.text);
    }
    let reads = sites.token(Scope::Read).await;
    let found = sites.get(&reads, "/api/v1/devices?q=brand-new").await.json();
    assert_eq!(found["items"][0]["labels"], json!({"site": "south"}), "{found}");
    assert_eq!(sites.get(&reads, "/api/v1/latest?sensor=fresh").await.json()["items"].as_array().unwrap().len(), 2);
    // Somebody takes it away: from then on it is no device of this token.
    let id = found["items"][0]["id"].as_str().unwrap();
    let moved = sites.by(ADMIN, "PATCH", &format!("/api/v1/devices/{id}"), &json!({"labels": {}, "name": "old"})).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    let refused = sites.push(&token, "/write", "text/plain", both).await;
    assert_eq!(refused.problem(), (400, json!("partial"), json!("line 2.device")), "{}", refused.text);
    assert!(!refused.text.contains("`old`"), "what it is called since is not told: {}", refused.text);
    // One that is blocked outside is outside, no more.
    sites.by(ADMIN, "POST", &format!("/api/v1/devices/{id}/block"), &json!({})).await;
    assert_eq!(sites.push(&token, "/write", "text/plain", both).await.text, refused.text);
    let unlimited = sites.scene.token(Scope::Write).await;
    let blocked = sites.push(&unlimited, "/write", "text/plain", both).await;
    assert_eq!((blocked.problem().0, blocked.problem().2), (400, json!("line 2.device")), "{}", blocked.text);
    let stored = sites.push(&unlimited, "/write", "text/plain", "fresh,host=north-tower value=1").await;
    assert_eq!(stored.status, 204, "{}", stored.text);
    let made = sites.push(&unlimited, "/write", "text/plain", "fresh,host=another value=1").await;
    assert_eq!(made.status, 204);
    let labels = sites.scene.get("/api/v1/devices?q=another").await.json()["items"][0]["labels"].clone();
    assert_eq!(labels, Value::Object(serde_json::Map::new()), "an unlimited token gives none");
}
