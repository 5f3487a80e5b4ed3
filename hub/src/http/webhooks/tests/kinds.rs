//! What reads a webhook's messages, by REST: said, changed, previewed, and refused where the URL is that of something else.

use axum::body::Body;
use serde_json::{Value, json};

use crate::http::tests::scene::{Scene, request, scene};
use crate::model::access::Scope;

const KEY: &str = "R0utingKeyOfPagerDuty";

#[tokio::test]
async fn a_kind_is_what_was_said_and_generic_where_nothing_was() {
    let scene = scene();
    let plain = made(&scene, json!({"name": "n", "url": "https://hooks.slack.com/services/T0/B0/x"})).await;
    assert_eq!((&plain["kind"], &plain["fields"]), (&json!("generic"), &json!({})), "whatever the URL looks like");
    let slack = json!({"name": "n", "kind": "slack", "url": "https://mattermost.example.org/hooks/x"});
    assert_eq!(made(&scene, slack).await["kind"], "slack");
    let unknown = json!({"name": "n", "kind": "carrier_pigeon", "url": "https://example.org/"});
    let refused = scene.call("POST", "/api/v1/webhooks", &unknown).await;
    assert_eq!(refused.problem().2, "kind", "{}", refused.text);
    assert!(refused.text.contains("home_assistant"), "{}", refused.text);
}

#[tokio::test]
async fn what_a_kind_is_not_told_of_is_said_and_of_all_else_the_bytes_are_shown() {
    let scene = scene();
    let events = [
        "alert.firing",
        "alert.resolved",
        "alert.past",
        "alert.flapping",
        "alert.acknowledged",
        "alert.repeated",
        "alerts.summary",
        "webhook.disabled",
        "webhook.test",
    ];
    for (kind, url, not_told) in [
        ("generic", "https://example.org/x", &["alert.flapping", "alerts.summary"][..]),
        (
            "alertmanager",
            "https://example.org/api/v2/alerts",
            &["alert.flapping", "alert.acknowledged", "alerts.summary"],
        ),
        ("home_assistant", "https://example.org/api/webhook/x", &["alert.flapping", "alerts.summary"]),
        ("slack", "https://hooks.slack.com/services/T0/B0/x", &[]),
    ] {
        for event in events {
            let ask = json!({"name": "n", "kind": kind, "url": url, "event": event});
            let shown = scene.call("POST", "/api/v1/webhooks/preview", &ask).await;
            if not_told.contains(&event) {
                assert_eq!(shown.problem().2, "event", "{kind} {event}: {}", shown.text);
                assert!(shown.text.contains(&format!("this kind is not told of {event}: ")), "{}", shown.text);
            } else {
                assert!(shown.status == 200 && shown.json()["body"] != "", "{kind} {event}: {}", shown.text);
            }
        }
    }
}

#[tokio::test]
async fn fields_of_a_kind_are_kept_changed_and_gone_with_it_and_no_secret_comes_back() {
    let scene = scene();
    let new = json!({"name": "n", "kind": "pagerduty", "url": "https://events.pagerduty.com/v2/enqueue",
        "fields": {"routing_key": KEY}});
    let made = scene.call("POST", "/api/v1/webhooks", &new).await;
    let mut answers = vec![made.text.clone()];
    let path = format!("/api/v1/webhooks/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(made.json()["fields"], json!({"routing_key": "(hidden)"}));

    // What came out goes in again.
    let mut whole = made.json();
    for of_the_hub in [
        "id",
        "secret",
        "disabled_reason",
        "rules",
        "created_at",
        "last_delivery",
        "problem",
        "failed",
        "failing_since",
        "quiet",
    ] {
        whole.as_object_mut().unwrap().remove(of_the_hub);
    }
    let put = scene.call("PUT", &path, &whole).await;
    assert_eq!(put.status, 200, "{}", put.text);
    assert_eq!(stored(&scene).await, [("routing_key".to_owned(), KEY.to_owned())]);

    let telegram = json!({"kind": "telegram", "url": "https://api.telegram.org/bot1:x"});
    let refused = scene.call("PATCH", &path, &telegram).await;
    assert_eq!(refused.problem().2, "fields.chat_id", "{}", refused.text);
    assert_eq!(stored(&scene).await.len(), 1, "nothing half applied");
    let mut with_chat = telegram;
    with_chat["fields"] = json!({"chat_id": "-1001"});
    let changed = scene.call("PATCH", &path, &with_chat).await;
    assert_eq!(changed.json()["fields"], json!({"chat_id": "-1001"}), "the key is not told another receiver");
    let back = json!({"kind": "pagerduty", "url": "https://events.pagerduty.com/v2/enqueue",
        "fields": {"routing_key": "(hidden)"}});
    let refused = scene.call("PATCH", &path, &back).await;
    assert_eq!(refused.problem().2, "fields.routing_key", "{}", refused.text);
    let removed = scene.call("PATCH", &path, &json!({"fields": {"chat_id": null}})).await;
    assert_eq!(removed.problem().2, "fields.chat_id", "{}", removed.text);

    let token = scene.token(Scope::Read).await;
    let seen = scene.send(request("GET", &path, &token).body(Body::empty()).unwrap()).await;
    assert_eq!(seen.json()["fields"], json!({"chat_id": "(hidden)"}), "who is no admin sees no field");
    answers.extend([put.text, changed.text, refused.text]);
    assert!(answers.iter().all(|answer| !answer.contains(KEY)), "{answers:?}");
}

#[tokio::test]
async fn a_url_or_a_field_of_something_else_is_refused_at_its_field() {
    let scene = scene();
    for (kind, url, fields, field, right) in [
        ("telegram", "https://api.telegram.org/bot1:x/sendMessage", json!({}), "fields.chat_id", "-1001234567890"),
        ("telegram", "https://t.me/bot", json!({"chat_id": "1"}), "url", "sendMessage"),
        ("pagerduty", "https://events.pagerduty.com/", json!({"routing_key": KEY}), "url", "/v2/enqueue"),
        ("ntfy", "https://ntfy.sh/", json!({}), "url", "my-topic"),
        ("teams", "https://x.webhook.office.com/webhookb2/1", json!({}), "url", "workflow"),
        ("slack", "https://hooks.slack.com/services/x", json!({"token": KEY}), "fields.token", "no fields"),
        ("matrix", "https://m.example.org", json!({"room_id": "#a:b", "token": KEY}), "fields.room_id", "!abcdef"),
        ("ntfy", "http://127.0.0.1/topic", json!({}), "url", "--webhook-allow"),
    ] {
        let new = json!({"name": "n", "kind": kind, "url": url, "fields": fields});
        for path in ["/api/v1/webhooks", "/api/v1/webhooks/preview"] {
            let refused = scene.call("POST", path, &new).await;
            assert_eq!((refused.problem().0, refused.problem().2), (400, json!(field)), "{new}: {}", refused.text);
            assert!(refused.text.contains(right) && !refused.text.contains(KEY), "{}", refused.text);
        }
    }
    assert!(scene.store.webhooks().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_preview_has_the_bytes_and_no_secret_and_makes_nothing() {
    let scene = scene();
    let preview = async |asked: Value| {
        let answer = scene.call("POST", "/api/v1/webhooks/preview", &asked).await;
        assert_eq!(answer.status, 200, "{asked}: {}", answer.text);
        assert!(!answer.text.contains("sesame"), "{asked}: {}", answer.text);
        answer.json()
    };
    let body = |shown: &Value| serde_json::from_str::<Value>(shown["body"].as_str().unwrap()).unwrap();

    let generic = preview(json!({"url": "https://example.org/sesame?k=sesame", "headers": {"X-Key": "sesame"}})).await;
    assert_eq!(
        (&generic["method"], &generic["url"]),
        (&json!("POST"), &json!("https://example.org/(hidden)?k=(hidden)"))
    );
    assert_eq!(
        (&generic["headers"]["x-key"], &generic["headers"]["webhook-signature"]),
        (&json!("(hidden)"), &json!("v1,(hidden)"))
    );
    assert_eq!(body(&generic)["type"], "alert.firing");
    for event in ["alert.firing", "alert.resolved", "alert.past", "webhook.test"] {
        let shown = preview(json!({"name": "bell", "url": "https://example.org/", "event": event})).await;
        assert_eq!(body(&shown)["type"], event);
    }
    let slack =
        json!({"kind": "slack", "url": "https://hooks.slack.com/services/T0/B0/sesame", "event": "alert.resolved"});
    let slack = preview(slack).await;
    assert_eq!(slack["url"], "https://hooks.slack.com/services/(hidden)");
    assert_eq!(body(&slack)["blocks"][0]["text"]["text"], "🟢 Resolved: Too warm on greenhouse");
    assert!(slack["headers"].get("webhook-signature").is_none(), "{slack}");
    let telegram =
        json!({"kind": "telegram", "url": "https://api.telegram.org/bot1:sesame", "fields": {"chat_id": "-5"}});
    // What goes with a picture is shown as it goes, but for the bytes of the picture.
    let shown = preview(telegram.clone()).await;
    assert_eq!(shown["url"], "https://api.telegram.org/bot(hidden)/sendPhoto");
    let acknowledged = json!({"event": "alert.acknowledged"});
    let without = telegram.as_object().unwrap().clone().into_iter().chain(acknowledged.as_object().unwrap().clone());
    assert_eq!(preview(without.collect()).await["url"], "https://api.telegram.org/bot(hidden)/sendMessage");
    let discord = preview(json!({"kind": "discord", "url": "https://discord.com/api/webhooks/1/sesame"})).await;
    let ntfy = preview(json!({"kind": "ntfy", "url": "https://ntfy.sh/bell"})).await;
    let mail =
        json!({"kind": "email", "url": "smtp://mail.lan", "fields": {"from": "hub@mail.lan", "to": "a@mail.lan"}});
    let mail = preview(mail).await;
    for shown in [&shown, &discord, &ntfy, &mail] {
        assert_eq!(shown["body"].as_str().unwrap().matches("(picture, about 26 kB)").count(), 1, "{shown}");
    }
    assert_eq!((&ntfy["method"], &ntfy["headers"]["content-type"]), (&json!("PUT"), &json!("image/png")));
    assert!(discord["headers"]["content-type"].as_str().unwrap().starts_with("multipart/form-data"), "{discord}");
    assert!(mail["body"].as_str().unwrap().contains("Content-Transfer-Encoding: base64"), "{mail}");
    let url = "https://events.pagerduty.com/v2/enqueue";
    // Of one that is stored the page knows no more than this.
    for key in ["sesame", "(hidden)"] {
        let pager = preview(json!({"kind": "pagerduty", "url": url, "fields": {"routing_key": key}})).await;
        assert_eq!(body(&pager)["routing_key"], "(hidden)");
    }
    let fields = json!({"room_id": "!a:b", "token": "sesame"});
    let matrix = preview(json!({"kind": "matrix", "url": "https://m.example.org", "fields": fields})).await;
    assert_eq!((&matrix["method"], &matrix["headers"]["authorization"]), (&json!("PUT"), &json!("Bearer (hidden)")));
    assert!(scene.store.webhooks().await.unwrap().is_empty());
}

async fn made(scene: &Scene, new: Value) -> Value {
    let made = scene.call("POST", "/api/v1/webhooks", &new).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()
}

async fn stored(scene: &Scene) -> Vec<(String, String)> {
    scene.store.webhooks().await.unwrap().remove(0).spec.fields.0.into_iter().collect()
}
