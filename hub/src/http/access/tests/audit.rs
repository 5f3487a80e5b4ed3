//! What people change is written down.

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::http::tests::scene::{ADMIN, Scene, json as json_body, request, scene};
use crate::links::mint_setup_token;
use crate::model::access::Scope;

async fn log(scene: &Scene) -> Vec<Value> {
    scene.get("/api/v1/audit?limit=1000").await.json()["items"].as_array().unwrap().clone()
}

/// What was done to what, oldest first.
async fn deeds(scene: &Scene) -> Vec<String> {
    let text = |entry: &Value| format!("{} {}", entry["action"].as_str().unwrap(), entry["subject"].as_str().unwrap());
    log(scene).await.iter().rev().map(text).collect()
}

fn change(field: &str, before: impl Into<Value>, after: impl Into<Value>) -> Value {
    json!({"field": field, "before": before.into(), "after": after.into()})
}

fn rule(limit: f64, webhooks: &[&str]) -> Value {
    let condition = json!({"type": "threshold", "op": ">", "value": limit});
    json!({"name": "hot", "condition": condition, "webhooks": webhooks, "severity": "warning"})
}

#[tokio::test]
async fn a_rule_that_is_changed_says_what_it_was_and_by_whom() {
    let scene = scene();
    let hook = json!({"name": "ntfy", "url": "http://192.168.1.5/alerts?key=s3cret"});
    let secret = scene.call("POST", "/api/v1/webhooks", &hook).await.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(scene.call("POST", "/api/v1/rules", &rule(30.0, &["whk_1"])).await.status, 201);
    let cookie = scene.session(1).await;
    let by_browser = |method: &str, path: &str, body: &Value| {
        json_body(request(method, path, "").header(header::COOKIE, cookie.as_str()), body)
    };
    assert_eq!(scene.send(by_browser("PUT", "/api/v1/rules/rul_1", &rule(25.0, &["whk_1"]))).await.status, 200);
    let changed = log(&scene).await.remove(0);
    assert_eq!(changed["action"], "rule.changed");
    assert_eq!((&changed["subject"], &changed["name"]), (&json!("rul_1"), &json!("hot")));
    let by = json!({"kind": "session", "name": "usr_1 admin, ses_1 Firefox on Linux", "address": "192.168.0.5"});
    assert_eq!(changed["by"], by);
    assert_eq!(changed["changes"], json!([change("value", "30.0", "25.0")]));
    // Sent once more as it is, nothing has changed, and nothing is said.
    let before = log(&scene).await.len();
    assert_eq!(scene.send(by_browser("PUT", "/api/v1/rules/rul_1", &rule(25.0, &["whk_1"]))).await.status, 200);
    assert_eq!(log(&scene).await.len(), before);
    assert_eq!(scene.send(by_browser("PUT", "/api/v1/rules/rul_1", &rule(25.0, &[]))).await.status, 200);
    assert_eq!(log(&scene).await[0]["changes"], json!([change("webhook 1", "whk_1", Value::Null)]));
    assert_eq!(scene.call("DELETE", "/api/v1/rules/rul_1", &json!({})).await.status, 204);
    assert_eq!(log(&scene).await[0]["action"], "rule.deleted");
    // Of a webhook it is said that it sends elsewhere, and never where.
    let elsewhere = json!({"name": "ntfy", "url": "http://192.168.1.6/?key=0ther"});
    assert_eq!(scene.call("PUT", "/api/v1/webhooks/whk_1", &elsewhere).await.status, 200);
    assert_eq!(log(&scene).await[0]["changes"], json!([change("url, headers or fields", "(hidden)", "(hidden)")]));
    assert_eq!(scene.call("POST", "/api/v1/webhooks/whk_1/rotate-secret", &json!({})).await.status, 200);
    let text = scene.get("/api/v1/audit").await.text;
    assert!(!text.contains("s3cret") && !text.contains("0ther") && !text.contains(&secret), "{text}");
    assert_eq!(deeds(&scene).await[0], "webhook.created whk_1");
}

#[tokio::test]
async fn every_kind_of_change_is_there_and_no_reading_is() {
    let mut scene = scene();
    let (device, series) = scene.device(7, "attic").await;
    let waits = scene.wait(9, "cellar");
    scene.measure(&device, series[0], &[(Clock.wall().0, 21.5)]).await;
    let path = format!("/api/v1/devices/{}", device.id);
    let readings = json!({"device": "pushed", "readings": [{"sensor": "t", "value": 1}]});
    assert_eq!(scene.call("POST", "/api/v1/readings", &readings).await.status, 200);
    assert_eq!(deeds(&scene).await, [""; 0], "what came by itself");
    for (method, path, body, action) in [
        (
            "PATCH",
            path.as_str(),
            json!({"name": "loft", "labels": {"site": "south"}, "notes": "under the roof"}),
            "device.changed",
        ),
        ("POST", &format!("/api/v1/devices/{waits}/adopt"), json!({}), "device.added"),
        ("POST", &format!("{path}/block"), json!({}), "device.changed"),
        ("POST", "/api/v1/silences", json!({"for": "1h", "comment": "works"}), "silence.created"),
        ("DELETE", "/api/v1/silences/sil_1", json!({}), "silence.deleted"),
        ("POST", "/api/v1/tokens", json!({"name": "ci", "scope": "read"}), "token.created"),
        ("DELETE", "/api/v1/tokens/tok_1", json!({}), "token.revoked"),
        ("POST", "/api/v1/join-tokens", json!({"uses": 2}), "join_token.created"),
        ("DELETE", "/api/v1/join-tokens/jtk_1", json!({}), "join_token.revoked"),
        ("PATCH", "/api/v1/hub", json!({"join": {"policy": "closed"}}), "setting.changed"),
        ("PATCH", "/api/v1/hub", json!({"join": {"open_for": "4m"}}), "join_window.opened"),
        ("PUT", "/api/v1/retention", json!({"raw": "30d"}), "setting.changed"),
        ("POST", "/api/v1/webhooks", json!({"name": "ntfy", "url": "http://192.168.1.5/"}), "webhook.created"),
        ("POST", "/api/v1/webhooks/whk_1/test", json!({}), "webhook.tested"),
        ("POST", "/api/v1/deliveries/dlv_1/replay", json!({}), "delivery.replayed"),
        ("DELETE", path.as_str(), json!({}), "device.deleted"),
    ] {
        let answer = scene.call(method, path, &body).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
        let newest = log(&scene).await.remove(0);
        assert_eq!(newest["action"], action, "{newest}");
        assert_eq!(newest["by"]["kind"], "admin_file");
    }
    let renamed = log(&scene).await.into_iter().next_back().unwrap();
    assert_eq!(renamed["subject"], device.id.to_string());
    let changes = json!([
        change("labels", Value::Null, "site=south"),
        change("name", "attic", "loft"),
        change("notes", Value::Null, "under the roof"),
    ]);
    assert_eq!(renamed["changes"], changes);
    let policy = log(&scene).await.into_iter().find(|entry| entry["subject"] == "join_policy").unwrap();
    assert_eq!(policy["changes"][0]["after"], "closed");
}

#[tokio::test]
async fn who_signs_in_and_who_is_refused_is_there_with_an_address() {
    let scene = scene();
    let token = mint_setup_token(&scene.store).await.unwrap().unwrap();
    let send = async |path: &str, body: Value| scene.send(json_body(request("POST", path, ""), &body)).await;
    let setup = json!({"setup_token": token, "password": "correct horse"});
    assert_eq!(send("/api/v1/setup", setup).await.status, 204);
    assert_eq!(send("/api/v1/session", json!({"password": "battery staple"})).await.status, 401);
    assert_eq!(send("/api/v1/session", json!({"password": "correct horse"})).await.status, 204);
    assert_eq!(
        deeds(&scene).await,
        ["user.created usr_1", "session.began ses_1", "sign_in.refused ", "session.began ses_2"]
    );
    let entries = log(&scene).await;
    assert_eq!(entries[0]["by"], json!({"kind": "sign_in", "name": "usr_1 admin, password", "address": "192.168.0.5"}));
    assert_eq!(entries[1]["by"], json!({"kind": "nobody", "name": "", "address": "192.168.0.5"}));
    assert_eq!(entries[1]["name"], "wrong password for admin");
    assert_eq!(scene.call("DELETE", "/api/v1/sessions", &json!({})).await.status, 204);
    assert_eq!(deeds(&scene).await[4..], ["session.ended ses_1", "session.ended ses_2"]);
    let text = scene.get("/api/v1/audit").await.text;
    assert!(!text.contains("horse") && !text.contains("staple") && !text.contains("argon2"), "{text}");
}

#[tokio::test]
async fn it_is_read_in_pages_and_as_lines_by_an_admin() {
    let scene = scene();
    for n in 0..5 {
        let token = json!({"name": format!("t{n}"), "scope": "read"});
        assert_eq!(scene.call("POST", "/api/v1/tokens", &token).await.status, 201);
    }
    let mut names = Vec::new();
    let mut path = "/api/v1/audit?limit=2".to_owned();
    loop {
        let page = scene.get(&path).await.json();
        names.extend(page["items"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/audit?limit=2&cursor={next}");
    }
    assert_eq!(names, ["t4", "t3", "t2", "t1", "t0"]);
    let lines = scene.get("/api/v1/audit?format=ndjson").await;
    assert_eq!(lines.headers[header::CONTENT_TYPE], "application/x-ndjson");
    let lines: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, log(&scene).await);
    assert_eq!(scene.get("/api/v1/audit?format=xml").await.problem().2, "format");
    for scope in [Scope::Read, Scope::Write] {
        let token = scene.token(scope).await;
        let asked = request("GET", "/api/v1/audit", &token).body(Body::empty()).unwrap();
        assert_eq!(scene.send(asked).await.problem().0, 403);
    }
    let by_file = request("GET", "/api/v1/audit", ADMIN).body(Body::empty()).unwrap();
    assert_eq!(scene.send(by_file).await.status, 200);
}
