//! Who gets in, and who does not.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::json;

use super::scene::{ADMIN, json as json_body, request, scene};
use crate::clock::Clock;
use crate::links::{mint_login_code, mint_setup_token};
use crate::model::access::Scope;

/// Paths that answer without credentials: what a device without any asks for is open or takes a join token.
const OPEN: [&str; 6] =
    ["/ca.crt", "/api/v1/setup", "/api/v1/invitation", "/agent/{target}", "/install.sh", "/bundle/{file}"];

#[tokio::test]
async fn every_operation_asks_for_credentials() {
    let scene = scene();
    let document = scene.get("/api/openapi.json").await.json();
    for (path, item) in document["paths"].as_object().unwrap() {
        if OPEN.contains(&path.as_str()) || path == "/api/v1/live" {
            continue;
        }
        for method in ["get", "post", "put", "patch", "delete"] {
            let signs_in = path == "/api/v1/session" && method != "get";
            if item.get(method).is_none() || signs_in {
                continue;
            }
            let path = path.replace("{id}", "rul_1");
            let answer = scene.send(json_body(request(&method.to_uppercase(), &path, ""), &json!({}))).await;
            assert_eq!(answer.problem().0, 401, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_scope_opens_what_it_says_and_no_more() {
    let scene = scene();
    let (read, write) = (scene.token(Scope::Read).await, scene.token(Scope::Write).await);
    let rule = json!({"name": "hot", "condition": {"type": "threshold", "op": ">", "value": 30}});
    for (token, method, path, status) in [
        (read.as_str(), "GET", "/api/v1/devices", 200),
        (&read, "POST", "/api/v1/alerts/alr_1/ack", 403),
        (&write, "POST", "/api/v1/alerts/alr_1/ack", 404),
        (&read, "POST", "/api/v1/alerts/ack", 403),
        (&read, "POST", "/api/v1/rules", 403),
        (&write, "POST", "/api/v1/rules", 403),
        (ADMIN, "POST", "/api/v1/rules", 201),
        (&read, "GET", "/api/v1/tokens", 403),
        (&read, "GET", "/metrics", 200),
        ("", "GET", "/metrics", 401),
        ("", "GET", "/healthz", 200),
        ("", "GET", "/ping", 204),
        ("", "GET", "/readyz", 200),
        ("", "GET", "/", 200),
        ("thp_1_wrong", "GET", "/api/v1/devices", 401),
    ] {
        let body = if path.ends_with("/rules") { rule.clone() } else { json!({}) };
        let request = request(method, path, token);
        let request = if method == "GET" { request.body(Body::empty()).unwrap() } else { json_body(request, &body) };
        let answer = scene.send(request).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_token_that_sends_does_nothing_else() {
    let scene = scene();
    let token = scene.token(Scope::Ingest).await;
    let document = scene.get("/api/openapi.json").await.json();
    let reading = json!({"device": "attic", "readings": [{"sensor": "t", "value": 1}]});
    let mut sends = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        if OPEN.contains(&path.as_str()) || path == "/api/v1/live" {
            continue;
        }
        for method in ["get", "post", "put", "patch", "delete"] {
            if item.get(method).is_none() || path == "/api/v1/session" {
                continue;
            }
            let asked = request(&method.to_uppercase(), &path.replace("{id}", "rul_1"), &token);
            let answer = scene.send(json_body(asked, &reading)).await;
            if answer.status != StatusCode::FORBIDDEN {
                sends.push(format!("{method} {path}"));
            }
        }
    }
    assert_eq!(
        sends,
        [
            "post /api/v1/readings",
            "post /api/v1/write",
            "post /api/v2/write",
            "post /api/v3/write_lp",
            "get /query",
            "post /query",
            "post /v1/metrics",
            "post /write"
        ]
    );
    let stored = scene.get("/api/v1/latest?device=attic").await.json();
    assert_eq!(stored["items"][0]["value"], 1.0);
    let metrics = request("GET", "/metrics", &token).body(Body::empty()).unwrap();
    assert_eq!(scene.send(metrics).await.problem().0, 403);
    let own = request("GET", "/api/v1/session", &token).body(Body::empty()).unwrap();
    assert_eq!(scene.send(own).await.json(), json!({"scope": "ingest", "labels": {}, "via": "token", "user": null}));
}

#[tokio::test]
async fn who_may_write_silences_for_a_day_and_an_admin_for_a_year() {
    let scene = scene();
    let token = scene.token(Scope::Write).await;
    let silence = async |token: &str, body: serde_json::Value| {
        scene.send(json_body(request("POST", "/api/v1/silences", token), &body)).await
    };
    assert_eq!(silence(&token, json!({"for": "24h"})).await.status, 201);
    for longer in [
        json!({"for": "366d"}),
        json!({"for": "25h", "device": "attic"}),
        json!({"from": "now+23h", "for": "2h"}),
        json!({"from": "now+365d", "for": "1h"}),
    ] {
        let refused = silence(&token, longer.clone()).await;
        assert_eq!((refused.problem().0, refused.problem().2), (403, json!("until")), "{longer}");
        assert_eq!(silence(ADMIN, longer).await.status, 201);
    }
}

#[tokio::test]
async fn tokens_are_shown_once_and_stop_when_revoked() {
    let scene = scene();
    let made = scene.call("POST", "/api/v1/tokens", &json!({"name": "ci", "scope": "read", "expires": "30d"})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let made = made.json();
    let token = made["token"].as_str().unwrap();
    let as_ci = || request("GET", "/api/v1/session", token).body(Body::empty()).unwrap();
    assert_eq!(scene.send(as_ci()).await.json(), json!({"scope": "read", "labels": {}, "via": "token", "user": null}));
    let listed = scene.get("/api/v1/tokens").await;
    assert!(!listed.text.contains(token) && listed.json()["items"][0]["name"] == "ci");
    let path = format!("/api/v1/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(scene.call("DELETE", &path, &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(scene.send(as_ci()).await.problem().0, 401);
}

#[tokio::test]
async fn the_first_password_is_set_once_with_the_token_of_the_link() {
    let scene = scene();
    assert_eq!(scene.get("/api/v1/setup").await.json(), json!({"needed": true, "by_name": false, "name": null}));
    let token = mint_setup_token(&scene.store).await.unwrap().unwrap();
    let setup = |token: &str, password: &str| {
        json_body(request("POST", "/api/v1/setup", ""), &json!({"setup_token": token, "password": password}))
    };
    assert_eq!(scene.send(setup("guess", "long enough")).await.problem().0, 401);
    assert_eq!(scene.send(setup(&token, "short")).await.problem().2, "password");
    let done = scene.send(setup(&token, "long enough")).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.text);
    let cookie = done.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("thub=") && cookie.contains("; HttpOnly; SameSite=Lax; Path=/;"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let who = |cookie: &str| {
        request("GET", "/api/v1/session", "").header(header::COOKIE, cookie).body(Body::empty()).unwrap()
    };
    let user = json!({"id": "usr_1", "name": "admin", "role": "admin", "second_factor": false, "recovery_codes": 0});
    let admin = json!({"scope": "admin", "labels": {}, "via": "session", "user": user});
    assert_eq!(scene.send(who(cookie)).await.json(), admin);
    // A page on another port of this machine has a cookie of the same name.
    let beside = format!("thub=short; thub={}; {cookie}", "A".repeat(43));
    assert_eq!(scene.send(who(&beside)).await.json(), admin);
    assert_eq!(scene.send(setup(&token, "another one")).await.problem().0, 409);
    assert_eq!(mint_setup_token(&scene.store).await.unwrap(), None);

    let sign_out = request("DELETE", "/api/v1/session", "").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    assert_eq!(scene.send(sign_out).await.status, StatusCode::NO_CONTENT);
    assert_eq!(scene.send(who(cookie)).await.problem().0, 401);
    let sign_in = |body| json_body(request("POST", "/api/v1/session", ""), &body);
    assert_eq!(scene.send(sign_in(json!({"password": "long enough"}))).await.status, StatusCode::NO_CONTENT);
    let code = mint_login_code(&scene.store, Clock.wall()).await.unwrap();
    assert_eq!(scene.send(sign_in(json!({"login_code": code}))).await.status, StatusCode::NO_CONTENT);
    assert_eq!(scene.send(sign_in(json!({"login_code": code}))).await.problem().0, 401, "a code works once");
    for _ in 0..2 {
        assert_eq!(scene.send(sign_in(json!({"password": "wrong"}))).await.problem().0, 401);
    }
    let refused = scene.send(sign_in(json!({"password": "long enough"}))).await;
    assert_eq!(refused.problem().1, "too_many_attempts");
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn other_sites_and_foreign_names_are_refused() {
    let scene = scene();
    let from = |name: &str, value: &str| {
        let request = request("POST", "/api/v1/session", "").header(name, value);
        json_body(request, &json!({"password": "x"}))
    };
    assert_eq!(scene.send(from("sec-fetch-site", "cross-site")).await.problem().1, "cross_site");
    assert_eq!(scene.send(from("origin", "http://evil.example")).await.problem().1, "cross_site");
    assert_eq!(scene.send(from("origin", "http://localhost:8080")).await.problem().1, "unauthenticated");
    let behind = scene.send(from("origin", "https://hub.example:8443")).await.text;
    for said in ["https://hub.example:8443", "localhost:8080", "--hosts hub.example"] {
        assert!(behind.contains(said), "{said} is missing in {behind}");
    }

    let rebound = Request::get("/").header(header::HOST, "evil.example").body(Body::empty()).unwrap();
    let answer = scene.send(rebound).await;
    assert_eq!(answer.problem().0, 421);
    assert!(answer.text.contains("`hosts`"), "the answer names the setting: {}", answer.text);
    let opened = Request::get("/").header(header::HOST, "b.example").header(header::ACCEPT, "text/html,*/*;q=0.8");
    let read = scene.send(opened.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (read.status.as_u16(), read.headers[header::CONTENT_TYPE].to_str().unwrap()),
        (421, "text/plain; charset=utf-8")
    );
    assert!(read.text.starts_with("this hub does not answer to the name"), "{}", read.text);
    let markup = Request::get("/").header(header::HOST, "<b>.example").header(header::ACCEPT, "text/html");
    let refused = scene.send(markup.body(Body::empty()).unwrap()).await;
    let kind = refused.headers[header::CONTENT_TYPE].to_str().unwrap();
    assert_eq!((refused.status.as_u16(), kind, refused.text.contains('<')), (400, "text/plain; charset=utf-8", false));
    let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
}
