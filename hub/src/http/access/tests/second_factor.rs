//! A code beside the password: each works once, and so does each recovery code.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::http::access::totp;
use crate::http::tests::scene::{Answer, Scene, json as json_body, request, scene};
use crate::model::user::Role;

const PASSWORD: &str = "correct horse";

async fn sign_in(scene: &Scene, code: Option<&str>) -> Answer {
    let mut body = json!({"password": PASSWORD});
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    scene.send(json_body(request("POST", "/api/v1/session", ""), &body)).await
}

/// A code of so many steps from now.
fn code(secret: &[u8], steps: i64) -> String {
    totp::code(secret, Clock.wall().0 / 30_000 + steps)
}

/// An admin with a second factor: the number, the cookie, the secret, the recovery codes, and the code it was confirmed by.
async fn with_factor(scene: &Scene) -> (u64, String, Vec<u8>, Vec<String>, String) {
    let admin = scene.person("admin", Role::Admin, PASSWORD).await;
    let cookie = scene.session(1).await;
    let begun = scene.by(&cookie, "POST", "/api/v1/second-factor", &json!({"password": PASSWORD})).await.json();
    let (secret, _) = scene.store.second_factor(admin).unwrap().unwrap();
    assert_eq!(begun["secret"], totp::base32(&secret));
    assert!(begun["uri"].as_str().unwrap().starts_with("otpauth://totp/Telemetry%20hub:admin?secret="), "{begun}");
    assert!(begun["qr_svg"].as_str().unwrap().starts_with("<svg "), "{begun}");
    let first = code(&secret, -1);
    let on = scene.by(&cookie, "PUT", "/api/v1/second-factor", &json!({"code": first})).await;
    assert_eq!(on.status, StatusCode::OK, "{}", on.text);
    let recovery =
        on.json()["codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    (admin, cookie, secret, recovery, first)
}

#[tokio::test]
async fn it_counts_once_a_code_has_shown_that_the_app_has_it() {
    let scene = scene();
    scene.person("admin", Role::Admin, PASSWORD).await;
    let cookie = scene.session(1).await;
    let by = |method: &'static str, path: &'static str, body: Value| {
        let (scene, cookie) = (&scene, &cookie);
        async move { scene.by(cookie, method, path, &body).await }
    };
    let wrong = by("POST", "/api/v1/second-factor", json!({"password": "guess"})).await;
    assert_eq!((wrong.problem().0, wrong.problem().1), (403, json!("wrong_password")));
    assert_eq!(by("PUT", "/api/v1/second-factor", json!({"code": "123456"})).await.problem().0, 409, "not begun");
    assert_eq!(by("POST", "/api/v1/second-factor", json!({"password": PASSWORD})).await.status, 200);
    assert_eq!(by("PUT", "/api/v1/second-factor", json!({"code": "abcdef"})).await.problem().2, "code");
    assert_eq!(by("POST", "/api/v1/second-factor/off", json!({"code": "123456"})).await.problem().0, 409, "not on");
    assert_eq!(sign_in(&scene, None).await.status, 204, "it does not count yet");
}

#[tokio::test]
async fn a_code_is_asked_for_and_works_once() {
    let scene = scene();
    let (admin, cookie, secret, _, first) = with_factor(&scene).await;
    let asked = sign_in(&scene, None).await;
    assert_eq!((asked.problem().0, asked.problem().1, asked.problem().2), (401, json!("second_factor"), json!("code")));
    assert!(!asked.headers.contains_key(header::SET_COOKIE));
    assert_eq!(sign_in(&scene, Some(&first)).await.problem().0, 401, "the one that confirmed it");
    let next = code(&secret, 0);
    let spaced = format!("{} {}", &next[..3], &next[3..]);
    assert_eq!(sign_in(&scene, Some(&spaced)).await.status, 204);
    assert_eq!(sign_in(&scene, Some(&next)).await.problem().0, 401, "once");
    assert_eq!(sign_in(&scene, Some(&code(&secret, 3))).await.problem().0, 401, "of a later time");
    // Nothing of it lies in the file in the clear, and nothing of it is in the audit log but that it is on.
    let log = scene.get("/api/v1/audit").await;
    assert!(!log.text.contains(&totp::base32(&secret)) && !log.text.contains(&next), "{}", log.text);
    let on = json!({"field": "second factor", "before": null, "after": "on"});
    let entries = log.json()["items"].as_array().unwrap().clone();
    assert!(entries.iter().any(|entry| entry["changes"].as_array().unwrap().contains(&on)), "{}", log.text);
    // Off with another code, and asked for no more.
    let body = json!({"code": code(&secret, 1)});
    assert_eq!(scene.by(&cookie, "POST", "/api/v1/second-factor/off", &body).await.status, 204);
    assert_eq!(scene.store.second_factor(admin).unwrap(), None);
    assert_eq!(sign_in(&scene, None).await.status, 204);
}

#[tokio::test]
async fn a_code_that_two_send_at_once_lets_one_in() {
    let scene = scene();
    let (_, _, secret, ..) = with_factor(&scene).await;
    let next = code(&secret, 0);
    let (one, other) = tokio::join!(sign_in(&scene, Some(&next)), sign_in(&scene, Some(&next)));
    let mut both = [one.status.as_u16(), other.status.as_u16()];
    both.sort_unstable();
    assert_eq!(both, [204, 401]);
}

#[tokio::test]
async fn a_recovery_code_works_once_and_new_ones_replace_the_old() {
    let scene = scene();
    let (_, cookie, secret, recovery, _) = with_factor(&scene).await;
    assert_eq!(recovery.len(), 10);
    assert_eq!(sign_in(&scene, Some(&recovery[0].to_uppercase())).await.status, 204);
    assert_eq!(sign_in(&scene, Some(&recovery[0])).await.problem().0, 401, "once");
    let me = scene.by(&cookie, "GET", "/api/v1/session", &json!({})).await.json();
    assert_eq!((&me["user"]["second_factor"], &me["user"]["recovery_codes"]), (&json!(true), &json!(9)));
    let body = json!({"code": code(&secret, 0)});
    let renewed = scene.by(&cookie, "POST", "/api/v1/second-factor/recovery-codes", &body).await.json();
    assert_eq!(sign_in(&scene, Some(&recovery[1])).await.problem().0, 401, "replaced");
    assert_eq!(sign_in(&scene, Some(renewed["codes"][0].as_str().unwrap())).await.status, 204);
    let off = json!({"code": renewed["codes"][1]});
    assert_eq!(scene.by(&cookie, "POST", "/api/v1/second-factor/off", &off).await.status, 204);
}

#[tokio::test]
async fn codes_are_not_tried_for_long_and_a_recovery_code_still_opens() {
    let scene = scene();
    let (_, _, secret, recovery, _) = with_factor(&scene).await;
    let from = async |n: u8, code: &str| {
        let mut asked = json_body(
            request("POST", "/api/v1/session", ""),
            &json!({"name": "admin", "password": PASSWORD, "code": code}),
        );
        asked.extensions_mut().insert(crate::http::gate::peer::Peer(([10, 0, n, 1], 9).into()));
        scene.send(asked).await
    };
    let never = if code(&secret, 0) == "000000" { "000001" } else { "000000" };
    let mut tries = Vec::new();
    for n in 0..8 {
        tries.push(from(n, never).await.status.as_u16());
    }
    assert_eq!(tries, [401, 401, 401, 401, 401, 429, 429, 429]);
    assert_eq!(from(20, &code(&secret, 0)).await.problem().1, "too_many_attempts", "also the right one");
    assert_eq!(from(21, &recovery[3]).await.status, 204);
}

#[tokio::test]
async fn a_reset_password_leaves_the_second_factor_and_an_admin_turns_that_off() {
    let scene = scene();
    let (admin, _, secret, ..) = with_factor(&scene).await;
    let link = scene.call("POST", &format!("/api/v1/users/usr_{admin}/reset"), &json!({})).await.json();
    let invitation = link["path"].as_str().unwrap().strip_prefix("/#invite=").unwrap().to_owned();
    let accept = async |code: Option<String>| {
        let body = json!({"invitation": invitation, "password": "battery staple", "code": code});
        scene.send(json_body(request("PUT", "/api/v1/invitation", ""), &body)).await
    };
    assert_eq!(accept(None).await.problem().1, "second_factor");
    assert_eq!(accept(Some("000".to_owned())).await.problem().1, "second_factor");
    assert_eq!(accept(Some(code(&secret, 0))).await.status, 204);
    let off = scene.call("DELETE", &format!("/api/v1/users/usr_{admin}/second-factor"), &json!({})).await;
    assert_eq!(off.status, 204);
    let body = json!({"password": "battery staple"});
    assert_eq!(scene.send(json_body(request("POST", "/api/v1/session", ""), &body)).await.status, 204);
}
