//! What whoever tries to sign in learns: nothing of who there is.

use std::net::SocketAddr;

use axum::http::header;
use serde_json::{Value, json};

use crate::http::gate::peer::Peer;
use crate::http::tests::scene::{Answer, Scene, json as json_body, request, scene};
use crate::model::user::Role;

async fn from(scene: &Scene, address: [u8; 4], body: Value) -> Answer {
    let mut asked = json_body(request("POST", "/api/v1/session", ""), &body);
    asked.extensions_mut().insert(Peer(SocketAddr::from((address, 999))));
    scene.send(asked).await
}

/// Two people, one of whom may not sign in, and one who has not chosen a password.
async fn people() -> Scene {
    let scene = scene();
    scene.person("admin", Role::Admin, "correct horse").await;
    scene.person("anna", Role::Viewer, "battery staple").await;
    let gone = scene.person("gone", Role::Viewer, "battery staple").await;
    let path = format!("/api/v1/users/usr_{gone}");
    assert_eq!(scene.call("PATCH", &path, &json!({"enabled": false})).await.status, 200);
    scene.user("invited", Role::Viewer).await;
    scene
}

#[tokio::test]
async fn a_name_that_nobody_has_is_answered_like_a_wrong_password() {
    let scene = people().await;
    let mut answers = Vec::new();
    for (n, name) in [(1, "anna"), (2, "nobody"), (3, "gone"), (4, "invited"), (5, "an\u{200b}na"), (6, "usr_1")] {
        // The right one of some of them.
        let password = if name == "anna" { "wrong" } else { "battery staple" };
        let answer = from(&scene, [10, 0, n, 1], json!({"name": name, "password": password})).await;
        let mut headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        headers.sort();
        answers.push((answer.status, answer.text, headers));
    }
    assert_eq!(answers[0].0, 401);
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn an_account_that_is_attacked_keeps_nobody_else_out_nor_its_owner() {
    let scene = people().await;
    let anna = json!({"name": "anna", "password": "battery staple"});
    let admin = json!({"name": "admin", "password": "correct horse"});
    // Where she signed in from before.
    scene.state.own.keys.attempts.remember([192, 168, 7, 7].into());
    let mut refused = Vec::new();
    for name in ["admin", "nobody"] {
        let tries = (0..40).map(|n| (n, json!({"name": name, "password": "guess"})));
        let mut looked_at = 0;
        for (n, body) in tries {
            let answer = from(&scene, [10, 1, n, name.len() as u8], body).await;
            if answer.status == 401 {
                looked_at += 1;
            } else {
                refused.push((answer.problem().1, answer.headers.contains_key(header::RETRY_AFTER)));
            }
        }
        assert_eq!(looked_at, 20, "{name}: whether there is such an account or not");
    }
    refused.dedup();
    assert_eq!(refused, [(json!("too_many_attempts"), true)]);
    assert_eq!(from(&scene, [10, 9, 9, 9], anna).await.status, 204);
    assert_eq!(from(&scene, [10, 9, 9, 8], admin.clone()).await.status, 429);
    assert_eq!(from(&scene, [192, 168, 7, 7], admin).await.status, 204);
}
