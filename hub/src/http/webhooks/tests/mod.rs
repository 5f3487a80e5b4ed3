//! Webhooks by REST: made, changed, tried; what is given back, and what never is.

mod addresses;
mod kinds;
mod templates;

use axum::body::Body;
use axum::http::StatusCode;
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::{dto, sent};
use crate::http::tests::scene::{Scene, request, scene};
use crate::model::UnixMillis;
use crate::model::access::Scope;
use crate::model::webhook::{
    Attempt, Delivery, DeliveryId, DeliveryState, Event, Problem, ProblemKind, Webhook, WebhookId, WebhookSpec,
};

#[tokio::test]
async fn a_webhooks_secret_is_shown_once() {
    let scene = scene();
    let made = scene.call("POST", "/api/v1/webhooks", &json!({"name": "n", "url": "http://192.168.0.2/x"})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let made = made.json();
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"));
    let path = path(&made);
    assert!(
        !scene.get(&path).await.text.contains("whsec_") && !scene.get("/api/v1/webhooks").await.text.contains("whsec_")
    );
    let rotated = scene.call("POST", &format!("{path}/rotate-secret"), &json!({})).await.json();
    assert_ne!(rotated["secret"], made["secret"]);
    let tested = scene.call("POST", &format!("{path}/test"), &json!({})).await;
    assert_eq!(tested.status, StatusCode::CREATED, "{}", tested.text);
    assert_eq!((&tested.json()["event"], &tested.json()["state"]), (&json!("webhook.test"), &json!("pending")));
    let one = scene.get(&format!("/api/v1/deliveries/{}", tested.json()["id"].as_str().unwrap())).await.json();
    assert!(one["body"].as_str().unwrap().contains("webhook.test"));
    assert!(scene.get("/api/v1/deliveries?state=pending").await.json()["items"][0].get("body").is_none());
}

#[tokio::test]
async fn who_is_no_admin_sees_where_a_webhook_goes_and_not_what_lets_it_in() {
    let scene = scene();
    let new = json!({"name": "n", "url": "https://192.168.0.2:8443/services/sesame?key=sesame"});
    let path = path(&scene.call("POST", "/api/v1/webhooks", &new).await.json());
    for scope in [Scope::Read, Scope::Write] {
        let token = scene.token(scope).await;
        for path in [&*path, "/api/v1/webhooks"] {
            let seen = scene.send(request("GET", path, &token).body(Body::empty()).unwrap()).await;
            assert!(
                seen.text.contains("https://192.168.0.2:8443/...") && !seen.text.contains("sesame"),
                "{}",
                seen.text
            );
        }
    }
    let admin = scene.get(&path).await;
    assert!(admin.text.contains("https://192.168.0.2:8443/(hidden)?key=(hidden)"), "{}", admin.text);
    assert!(!admin.text.contains("sesame"), "{}", admin.text);
}

#[test]
fn who_is_no_admin_sees_neither_to_whom_an_e_mail_goes_nor_what_its_server_says() {
    let said = "the mail server refuses the recipient: ann@example.org: 550 5.1.1 no such user";
    let now = UnixMillis(7);
    let mut webhook = Webhook::new(WebhookId(1), WebhookSpec::new("m", "smtps://mail.example.org"), Vec::new(), now);
    webhook.problem = Some(Problem { kind: ProblemKind::Address, since: now, text: said.to_owned() });
    let attempt = Attempt {
        status: Some(550),
        error: Some(said.to_owned()),
        request_head: Some("to: ann@".to_owned()),
        ..Attempt::begun(now)
    };
    let delivery = Delivery {
        id: DeliveryId(1),
        webhook: WebhookId(1),
        alert: None,
        event: Event::Test,
        state: DeliveryState::Pending,
        attempts: vec![attempt],
        by_hand: 0,
        summary: None,
        urgency: crate::model::hearing::Urgency::Ordinary,
        next_attempt_at: Some(now),
        created_at: now,
        held_until: None,
        body: Vec::new(),
    };
    for (scope, is_seen) in [(Scope::Read, false), (Scope::Write, false), (Scope::Admin, true)] {
        let webhook = dto::Webhook::from(webhook.clone()).shown_to(scope);
        let delivery = sent::Delivery::of(delivery.clone(), &[]).shown_to(scope);
        for seen in [serde_json::to_string(&webhook).unwrap(), serde_json::to_string(&delivery).unwrap()] {
            assert!(seen.contains("refuses the recipient") && seen.contains("ann@") == is_seen, "{scope:?}: {seen}");
        }
    }
}

#[tokio::test]
async fn what_a_webhook_hears_is_given_back_as_it_was_said_and_errors_name_the_field() {
    let scene = scene();
    let quiet = json!({"days": ["mon", "sun"], "from": "22:00", "until": "07:00", "zone": "Europe/Berlin", "critical_passes": false});
    let new = json!({"name": "n", "url": "http://192.168.0.2/x", "least_severity": "warning", "labels": {"site": "south"}, "tags": {"team": "x"},
        "quiet_hours": quiet, "repeat_every": "4h"});
    let made = scene.call("POST", "/api/v1/webhooks", &new).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let path = path(&made.json());
    let hears = |whole: &Value| {
        ["least_severity", "labels", "tags", "quiet_hours", "repeat_every"].map(|name| whole[name].clone())
    };
    assert_eq!(hears(&scene.get(&path).await.json()), hears(&new));
    // What is not named stays, null takes away.
    let patched = scene.call("PATCH", &path, &json!({"name": "m", "repeat_every": null})).await.json();
    assert_eq!((&patched["quiet_hours"], &patched["repeat_every"]), (&quiet, &Value::Null));
    let patched = scene.call("PATCH", &path, &json!({"quiet_hours": null, "labels": {}})).await.json();
    assert_eq!(
        (&patched["quiet_hours"], &patched["labels"], &patched["quiet"]),
        (&Value::Null, &json!({}), &Value::Null)
    );
    // Every hour of the week: now too.
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let always = json!({"quiet_hours": {"days": days, "from": "00:00", "until": "00:00", "zone": "UTC"}});
    let patched = scene.call("PATCH", &path, &always).await.json();
    assert_eq!((&patched["quiet"]["waiting"], &patched["quiet_hours"]["critical_passes"]), (&json!(0), &json!(true)));
    assert!(patched["quiet"]["until"].as_str().unwrap().ends_with("T00:00:00.000Z"), "{patched}");
    for (wrong, field) in [
        (json!({"quiet_hours": {"days": [], "from": "22:00", "until": "07:00"}}), "quiet_hours.days"),
        (json!({"quiet_hours": {"days": ["mon"], "from": "22", "until": "07:00"}}), "quiet_hours.from"),
        (
            json!({"quiet_hours": {"days": ["mon"], "from": "22:00", "until": "07:00", "zone": "Mars"}}),
            "quiet_hours.zone",
        ),
        (json!({"repeat_every": "4m"}), "repeat_every"),
        (json!({"repeat_every": "often"}), "repeat_every"),
        (json!({"least_severity": "bad"}), "least_severity"),
    ] {
        let refused = scene.call("PATCH", &path, &wrong).await;
        assert_eq!((refused.status, refused.problem().2), (StatusCode::BAD_REQUEST, json!(field)), "{}", refused.text);
    }
}

#[tokio::test]
async fn headers_are_set_kept_and_removed_one_by_one_and_no_answer_has_a_value() {
    let scene = scene();
    let new = json!({"name": "n", "url": "http://192.168.0.2/x", "headers": {"Authorization": "Bearer sesame", "X-A": "sesame 1"}});
    let made = scene.call("POST", "/api/v1/webhooks", &new).await;
    let path = path(&made.json());
    let mut answers = vec![made.text];
    let mut patch = async |change: Value| {
        let answer = scene.call("PATCH", &path, &change).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answers.push(answer.text);
        stored(&scene).await
    };
    let named = patch(json!({"name": "m", "past": false})).await;
    assert_eq!(named, [("Authorization", "Bearer sesame"), ("X-A", "sesame 1")].map(owned));
    // A name is the same in upper and lower case; what came out goes in again.
    let changed = patch(json!({"headers": {"authorization": "Bearer sesame 2", "X-A": "(hidden)"}})).await;
    assert_eq!(changed, [("authorization", "Bearer sesame 2"), ("X-A", "sesame 1")].map(owned));
    assert_eq!(patch(json!({"headers": {"x-a": null, "X-None": null}})).await.len(), 1);

    let mut whole = scene.get(&path).await.json();
    assert_eq!((&whole["name"], &whole["past"]), (&json!("m"), &json!(false)));
    assert_eq!(whole["headers"], json!({"authorization": "(hidden)"}));
    for of_the_hub in
        ["id", "disabled_reason", "rules", "created_at", "last_delivery", "problem", "failed", "failing_since", "quiet"]
    {
        whole.as_object_mut().unwrap().remove(of_the_hub);
    }
    let put = scene.call("PUT", &path, &whole).await;
    assert_eq!(put.status, 200, "{}", put.text);
    assert_eq!(stored(&scene).await, [("authorization", "Bearer sesame 2")].map(owned));
    answers.extend([put.text, scene.get(&path).await.text, scene.get("/api/v1/webhooks").await.text]);
    assert!(answers.iter().all(|answer| !answer.contains("sesame")), "{answers:?}");
}

#[tokio::test]
async fn a_change_passes_the_same_guard_as_a_new_one_and_is_whole_or_not_at_all() {
    let scene = scene();
    let new = json!({"name": "n", "url": "http://192.168.0.2/x", "headers": {"X-A": "1"}});
    let path = path(&scene.call("POST", "/api/v1/webhooks", &new).await.json());
    let before = scene.get(&path).await.json();
    for (wrong, field) in [
        (json!({"url": "http://127.0.0.1/"}), "url"),
        (json!({"url": "http://localhost:8080/"}), "url"),
        (json!({"url": "http://169.254.169.254/latest"}), "url"),
        (json!({"url": "http://[::1]/"}), "url"),
        (json!({"url": "http://0x7f000001/"}), "url"),
        (json!({"url": "https://user:pass@a.example/"}), "url"),
        (json!({"url": "file:///etc/passwd"}), "url"),
        (json!({"url": ""}), "url"),
        (json!({"name": " "}), "name"),
        (json!({"headers": {"Host": "b"}}), "headers.Host"),
        (json!({"headers": {"Connection": "close"}}), "headers.Connection"),
        (json!({"headers": {"webhook-id": "1"}}), "headers.webhook-id"),
        (json!({"headers": {"X-B": "(hidden)"}}), "headers.X-B"),
        (json!({"headers": {"X-B": "a\nb"}}), "headers.X-B"),
        (
            json!({"headers": (0..16).map(|n| (format!("X-{n}"), json!("1"))).collect::<serde_json::Map<_, _>>()}),
            "headers",
        ),
        (json!({"events": ["alert.firing"]}), "events"),
    ] {
        let mut change = json!({"name": "other", "enabled": false});
        change.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let answer = scene.call("PATCH", &path, &change).await;
        assert_eq!((answer.problem().0, answer.problem().2), (400, json!(field)), "{change}: {}", answer.text);
        assert_eq!(scene.get(&path).await.json(), before, "{change}");
    }
    let unknown = scene.call("PATCH", "/api/v1/webhooks/whk_99", &json!({"name": "x"})).await;
    assert_eq!(unknown.problem().0, 404);
}

#[tokio::test]
async fn rules_tell_a_webhook_by_default_or_when_it_is_added_to_all() {
    let scene = scene();
    let rule = |webhooks: Option<Value>| {
        let mut rule = json!({"name": "r", "condition": {"type": "silence", "after": "5m"}});
        if let Some(webhooks) = webhooks {
            rule["webhooks"] = webhooks;
        }
        rule
    };
    let told = async |rule: &Value| scene.call("POST", "/api/v1/rules", rule).await.json()["webhooks"].clone();
    let rules = async || {
        let list = scene.get("/api/v1/webhooks").await.json();
        list["items"].as_array().unwrap().iter().map(|one| one["rules"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(told(&rule(None)).await, json!([]));
    let usual = json!({"name": "usual", "url": "http://10.0.0.9/", "for_new_rules": true});
    let usual = scene.call("POST", "/api/v1/webhooks", &usual).await.json();
    let other =
        scene.call("POST", "/api/v1/webhooks", &json!({"name": "other", "url": "http://10.0.0.9/"})).await.json();
    assert_eq!((&usual["for_new_rules"], &other["for_new_rules"]), (&json!(true), &json!(false)));
    assert_eq!(told(&rule(None)).await, json!([usual["id"]]));
    assert_eq!(told(&rule(Some(json!([other["id"]])))).await, json!([other["id"]]));
    assert_eq!(told(&rule(Some(json!([])))).await, json!([]), "to tell nobody can be said");
    assert_eq!(rules().await, [1, 1]);

    let _ = scene.state.wiring.rules_changed.notified().now_or_never();
    let added = scene.call("POST", &format!("{}/add-to-rules", path(&other)), &json!({})).await;
    assert_eq!((added.status, &added.json()["rules"]), (StatusCode::OK, &json!(4)), "{}", added.text);
    assert!(scene.state.wiring.rules_changed.notified().now_or_never().is_some());
    assert_eq!(rules().await, [1, 4]);
    let second = scene.get("/api/v1/rules").await.json()["items"][1]["webhooks"].clone();
    assert_eq!(second, json!([usual["id"], other["id"]]), "behind those that are told already");
    let unknown = scene.call("POST", "/api/v1/webhooks/whk_99/add-to-rules", &json!({})).await;
    assert_eq!(unknown.problem().0, 404);
}

#[tokio::test]
async fn a_delivery_of_a_webhook_that_is_off_is_not_promised_to_go() {
    let scene = scene();
    let made =
        scene.call("POST", "/api/v1/webhooks", &json!({"name": "n", "url": "http://192.168.0.2/x"})).await.json();
    let delivery = scene.call("POST", &format!("{}/test", path(&made)), &json!({})).await.json();
    let again = format!("/api/v1/deliveries/{}/replay", delivery["id"].as_str().unwrap());
    assert_eq!(scene.call("POST", &again, &json!({})).await.status, 200);
    scene.call("PATCH", &path(&made), &json!({"enabled": false})).await;
    let refused = scene.call("POST", &again, &json!({})).await;
    assert_eq!((refused.problem().0, refused.problem().2), (409, json!("webhook")));
    assert!(refused.text.contains("turn it on"), "{}", refused.text);
}

#[tokio::test]
async fn a_webhook_is_told_from_the_moment_on_that_it_is_made_or_turned_on() {
    let scene = scene();
    let is_heard = || scene.state.wiring.rules_changed.notified().now_or_never().is_some();
    let mut webhook = json!({"name": "bell", "url": "http://10.0.0.9/", "enabled": false});
    let made = scene.call("POST", "/api/v1/webhooks", &webhook).await.json();
    assert!(is_heard(), "no rule has to be made for it to be told of a device that is offline");
    webhook["enabled"] = json!(true);
    assert_eq!(scene.call("PUT", &path(&made), &webhook).await.status, 200);
    assert!(is_heard());
    assert_eq!(scene.call("PATCH", &path(&made), &json!({"past": false})).await.status, 200);
    assert!(is_heard());
    assert_eq!(scene.call("DELETE", &path(&made), &json!({})).await.status, 204);
    assert!(is_heard());
}

fn path(webhook: &Value) -> String {
    format!("/api/v1/webhooks/{}", webhook["id"].as_str().unwrap())
}

async fn stored(scene: &Scene) -> Vec<(String, String)> {
    scene.store.webhooks().await.unwrap().remove(0).spec.headers.0
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
