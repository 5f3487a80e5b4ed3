//! Browsers that are signed in: seen, and signed out by another.

use axum::body::Body;
use axum::http::{StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::http::tests::scene::{ADMIN, Answer, Scene, request, scene};
use crate::model::access::Scope;

async fn ask(scene: &Scene, cookie: &str, method: &str, path: &str) -> Answer {
    let asked = request(method, path, "").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    scene.send(asked).await
}

async fn listed(scene: &Scene, cookie: &str) -> Vec<Value> {
    let list = ask(scene, cookie, "GET", "/api/v1/sessions").await;
    assert_eq!(list.status, StatusCode::OK, "{}", list.text);
    let secret = cookie.strip_prefix("thub=").unwrap();
    assert!(!list.text.contains(secret) && !list.text.contains("hash"), "{}", list.text);
    list.json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_browser_is_listed_with_where_it_is_and_which_one_asks() {
    let scene = scene();
    let (own, _other) = (scene.session(1).await, scene.session(2).await);
    let sessions = listed(&scene, &own).await;
    let of = |name: &str| sessions.iter().map(|one| one[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("id"), [json!("ses_1"), json!("ses_2")]);
    assert_eq!(of("current"), [json!(true), json!(false)]);
    assert_eq!(of("address"), [json!("192.168.0.5"), json!("192.168.0.5")]);
    assert_eq!(of("browser")[0], "Firefox on Linux");
    let page = ask(&scene, &own, "GET", "/api/v1/sessions?limit=1").await.json();
    assert_eq!(page["items"][0]["id"], "ses_1");
    let next = format!("/api/v1/sessions?cursor={}", page["next"].as_str().unwrap());
    assert_eq!(ask(&scene, &own, "GET", &next).await.json()["items"][0]["id"], "ses_2");
}

#[tokio::test]
async fn a_browser_signs_out_another_and_then_all_others() {
    let scene = scene();
    let (own, second, third) = (scene.session(1).await, scene.session(2).await, scene.session(3).await);
    let is_in = async |cookie: &str| ask(&scene, cookie, "GET", "/api/v1/session").await.status == StatusCode::OK;
    assert_eq!(ask(&scene, &own, "DELETE", "/api/v1/sessions/ses_2").await.status, StatusCode::NO_CONTENT);
    assert!(is_in(&own).await && !is_in(&second).await && is_in(&third).await);
    for gone in ["ses_2", "ses_99", "ses_x"] {
        assert_eq!(ask(&scene, &own, "DELETE", &format!("/api/v1/sessions/{gone}")).await.problem().0, 404);
    }
    assert_eq!(ask(&scene, &own, "DELETE", "/api/v1/sessions").await.status, StatusCode::NO_CONTENT);
    assert!(is_in(&own).await && !is_in(&third).await);
    // A program has no session of its own to keep.
    assert_eq!(scene.send(request("DELETE", "/api/v1/sessions", ADMIN).body(Body::empty()).unwrap()).await.status, 204);
    assert!(!is_in(&own).await);
}

#[tokio::test]
async fn neither_cookies_of_others_nor_a_proxys_password_sign_anybody_out() {
    let scene = scene();
    let own = scene.session(1).await;
    // As many as fit into a head: pages on other ports set them for longer paths, so that a browser sends them first.
    let foreign: String = (0..200).map(|n| format!("thub={}; ", URL_SAFE_NO_PAD.encode([n; 32]))).collect();
    let many = format!("{foreign}{own}");
    assert_eq!(ask(&scene, &many, "GET", "/api/v1/session").await.status, StatusCode::OK);
    let by_proxy = |password: &str, cookie: &str| {
        let basic = format!("Basic {}", STANDARD.encode(format!("me:{password}")));
        let asked = request("GET", "/api/v1/session", "").header(header::AUTHORIZATION, basic);
        asked.header(header::COOKIE, cookie).body(Body::empty()).unwrap()
    };
    assert_eq!(scene.send(by_proxy("hunter2", &own)).await.status, StatusCode::OK);
    let refused = scene.send(by_proxy("hunter2", "")).await;
    assert_eq!(refused.problem().0, 401);
    assert!(refused.text.contains("a proxy asks for a password of its own"), "{}", refused.text);
    // A token counts more than a session.
    let token = scene.token(Scope::Read).await;
    assert_eq!(scene.send(by_proxy(&token, &own)).await.json()["via"], "token");
}

#[tokio::test]
async fn sessions_are_an_admins() {
    let scene = scene();
    scene.session(1).await;
    for scope in [Scope::Read, Scope::Write] {
        let token = scene.token(scope).await;
        for (method, path) in
            [("GET", "/api/v1/sessions"), ("DELETE", "/api/v1/sessions"), ("DELETE", "/api/v1/sessions/ses_1")]
        {
            let asked = request(method, path, &token).body(Body::empty()).unwrap();
            assert_eq!(scene.send(asked).await.problem().0, 403, "{method} {path}");
        }
    }
}
