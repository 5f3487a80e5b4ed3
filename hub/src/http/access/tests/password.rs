//! The admin's password, set anew by whoever has the present one.

use axum::body::Body;
use axum::http::{StatusCode, header};
use serde_json::json;

use crate::http::tests::scene::{ADMIN, Answer, Scene, json as json_body, request, scene};
use crate::links::mint_setup_token;
use crate::model::access::Scope;

const FIRST: &str = "correct horse";
const NEXT: &str = "battery staple";

/// A hub with a password, and the cookie of who set it.
async fn with_password() -> (Scene, String) {
    let scene = scene();
    let token = mint_setup_token(&scene.store).await.unwrap().unwrap();
    let body = json!({"setup_token": token, "password": FIRST});
    let done = scene.send(json_body(request("POST", "/api/v1/setup", ""), &body)).await;
    (scene, cookie(&done))
}

fn cookie(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text);
    answer.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
}

async fn sign_in(scene: &Scene, password: &str) -> Answer {
    scene.send(json_body(request("POST", "/api/v1/session", ""), &json!({"password": password}))).await
}

async fn change(scene: &Scene, cookie: &str, present: &str, new: &str) -> Answer {
    let asked = request("PUT", "/api/v1/password", "").header(header::COOKIE, cookie);
    scene.send(json_body(asked, &json!({"password": present, "new_password": new}))).await
}

async fn is_in(scene: &Scene, cookie: &str) -> bool {
    let asked = request("GET", "/api/v1/session", "").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    scene.send(asked).await.status == StatusCode::OK
}

#[tokio::test]
async fn another_password_signs_everybody_else_out() {
    let (scene, own) = with_password().await;
    let other = cookie(&sign_in(&scene, FIRST).await);
    let token = scene.token(Scope::Read).await;
    assert_eq!(change(&scene, &own, FIRST, NEXT).await.status, StatusCode::NO_CONTENT);
    assert!(is_in(&scene, &own).await && !is_in(&scene, &other).await);
    assert_eq!(sign_in(&scene, FIRST).await.problem().0, 401);
    cookie(&sign_in(&scene, NEXT).await);
    let by_token = request("GET", "/api/v1/devices", &token).body(Body::empty()).unwrap();
    assert_eq!(scene.send(by_token).await.status, StatusCode::OK, "API tokens stay valid");
    // A program has no session of its own to keep.
    let body = json!({"password": NEXT, "new_password": FIRST});
    assert_eq!(scene.call("PUT", "/api/v1/password", &body).await.status, StatusCode::NO_CONTENT);
    assert!(!is_in(&scene, &own).await);
}

#[tokio::test]
async fn the_present_one_is_asked_and_not_often() {
    let (scene, own) = with_password().await;
    let short = change(&scene, &own, FIRST, "short").await;
    assert_eq!((short.problem().0, short.problem().2), (400, json!("new_password")));
    for _ in 0..5 {
        let wrong = change(&scene, &own, "guess", NEXT).await;
        assert_eq!(
            (wrong.problem().0, wrong.problem().1, wrong.problem().2),
            (403, json!("wrong_password"), json!("password"))
        );
    }
    let refused = change(&scene, &own, FIRST, NEXT).await;
    assert_eq!(refused.problem().1, "too_many_attempts");
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    assert_eq!(sign_in(&scene, FIRST).await.problem().1, "too_many_attempts", "the same tries count at the door");
    assert!(is_in(&scene, &own).await, "and nothing has changed");
}

#[tokio::test]
async fn it_takes_an_admin_and_a_password_to_change() {
    let scene = scene();
    let body = json!({"password": FIRST, "new_password": NEXT});
    let ask = |token: &str| json_body(request("PUT", "/api/v1/password", token), &body);
    assert_eq!(scene.send(ask("")).await.problem().0, 401);
    let token = scene.token(Scope::Write).await;
    assert_eq!(scene.send(ask(&token)).await.problem().0, 403);
    let unset = scene.send(ask(ADMIN)).await;
    assert_eq!(unset.problem().0, 409);
    assert!(unset.text.contains("setup link"), "{}", unset.text);
}
