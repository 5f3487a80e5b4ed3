//! People who sign in: added, changed, removed; and nobody locks everybody out.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::http::tests::scene::{ADMIN, Answer, Scene, json as json_body, request, scene};
use crate::model::user::Role;

async fn open(scene: &Scene, method: &str, path: &str, body: Value) -> Answer {
    scene.send(json_body(request(method, path, ""), &body)).await
}

fn cookie(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text);
    answer.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
}

async fn is_in(scene: &Scene, cookie: &str) -> bool {
    scene.by(cookie, "GET", "/api/v1/session", &json!({})).await.status == StatusCode::OK
}

fn code(link: &Value) -> String {
    link["path"].as_str().unwrap().strip_prefix("/#invite=").unwrap().to_owned()
}

#[tokio::test]
async fn nobody_is_added_before_the_first_admin_has_a_password() {
    let scene = scene();
    let early = scene.call("POST", "/api/v1/users", &json!({"name": "admin", "role": "viewer"})).await;
    assert_eq!((early.problem().0, early.problem().2), (409, json!("password")), "{}", early.text);
    assert_eq!(open(&scene, "GET", "/api/v1/setup", json!({})).await.json()["needed"], true);
}

#[tokio::test]
async fn who_is_added_chooses_a_password_by_a_link_that_works_once() {
    let scene = scene();
    scene.person("admin", Role::Admin, "correct horse").await;
    let admin = scene.session(1).await;
    let made = scene.by(&admin, "POST", "/api/v1/users", &json!({"name": " Anna  Müller ", "role": "operator"})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let made = made.json();
    assert_eq!(
        (&made["id"], &made["name"], &made["has_password"]),
        (&json!("usr_2"), &json!("Anna Müller"), &json!(false))
    );
    assert!(
        !scene.by(&admin, "GET", "/api/v1/users", &json!({})).await.text.contains(&code(&made["link"])),
        "shown once"
    );
    let taken = scene.by(&admin, "POST", "/api/v1/users", &json!({"name": "ANNA MÜLLER", "role": "viewer"})).await;
    assert_eq!((taken.problem().0, taken.problem().2), (409, json!("name")));

    // As long as nobody else has a password, nobody is asked for a name.
    assert_eq!(open(&scene, "GET", "/api/v1/setup", json!({})).await.json()["by_name"], false);
    cookie(&open(&scene, "POST", "/api/v1/session", json!({"password": "correct horse"})).await);
    let invitation = code(&made["link"]);
    let look = open(&scene, "POST", "/api/v1/invitation", json!({"invitation": invitation})).await;
    assert_eq!(look.json(), json!({"name": "Anna Müller", "second_factor": false}));
    let accept = |password: &str| {
        open(&scene, "PUT", "/api/v1/invitation", json!({"invitation": invitation, "password": password}))
    };
    assert_eq!(accept("short").await.problem().2, "password");
    let anna = cookie(&accept("battery staple").await);
    let me = scene.by(&anna, "GET", "/api/v1/session", &json!({})).await.json();
    assert_eq!((&me["scope"], &me["user"]["name"]), (&json!("operate"), &json!("Anna Müller")));
    assert_eq!(accept("another one").await.problem().0, 401, "once");
    assert_eq!(open(&scene, "POST", "/api/v1/invitation", json!({"invitation": "guess"})).await.problem().0, 401);

    assert_eq!(open(&scene, "GET", "/api/v1/setup", json!({})).await.json()["by_name"], true);
    let nameless = open(&scene, "POST", "/api/v1/session", json!({"password": "correct horse"})).await;
    assert_eq!((nameless.problem().0, nameless.problem().2), (401, json!("name")));
    let by_name = json!({"name": "anna MÜLLER", "password": "battery staple"});
    cookie(&open(&scene, "POST", "/api/v1/session", by_name).await);
}

#[tokio::test]
async fn an_expired_link_opens_nothing() {
    let scene = scene();
    let yesterday = Clock.wall().plus(-86_400_001);
    let (path, invite) = crate::links::invite(yesterday).unwrap();
    scene.store.create_user("late".to_owned(), Role::Viewer, invite, yesterday).await.unwrap();
    let invitation = path.strip_prefix("/#invite=").unwrap();
    let look = open(&scene, "POST", "/api/v1/invitation", json!({"invitation": invitation})).await;
    assert_eq!((look.problem().0, look.problem().2), (401, json!("invitation")));
    let body = json!({"invitation": invitation, "password": "long enough"});
    assert_eq!(open(&scene, "PUT", "/api/v1/invitation", body).await.problem().0, 401);
}

#[tokio::test]
async fn who_loses_something_is_signed_out_and_others_are_not() {
    let scene = scene();
    let admin = scene.session(1).await;
    let anna = scene.person("anna", Role::Operator, "battery staple").await;
    let path = format!("/api/v1/users/usr_{anna}");
    let mut browsers = 10;
    for (method, path, body, ends) in [
        ("PATCH", path.clone(), json!({"name": "Anna"}), false),
        ("PATCH", path.clone(), json!({"role": "operator"}), false),
        ("PATCH", path.clone(), json!({"role": "viewer"}), true),
        ("PATCH", path.clone(), json!({"enabled": false}), true),
        ("PATCH", path.clone(), json!({"enabled": true}), false),
        ("DELETE", format!("{path}/second-factor"), json!({}), false),
        ("POST", format!("{path}/reset"), json!({}), true),
        ("DELETE", path, json!({}), true),
    ] {
        browsers += 1;
        let hers = scene.store.user(anna).unwrap().filter(|user| user.enabled);
        let hers = if hers.is_some() { Some(scene.session_of(anna, browsers).await) } else { None };
        let done = scene.by(&admin, method, &path, &body).await;
        assert!(done.status.is_success(), "{method} {path} {body}: {}", done.text);
        if let Some(hers) = hers {
            assert_eq!(is_in(&scene, &hers).await, !ends, "{method} {path} {body}");
        }
        assert!(is_in(&scene, &admin).await);
    }
    let sign_in = json!({"name": "anna", "password": "battery staple"});
    assert_eq!(open(&scene, "POST", "/api/v1/session", sign_in).await.problem().0, 401);
}

#[tokio::test]
async fn the_last_admin_who_can_sign_in_stays() {
    let scene = scene();
    let first = scene.person("admin", Role::Admin, "correct horse").await;
    // She could be, and has not chosen a password yet.
    let second = scene.user("second", Role::Admin).await;
    let path = format!("/api/v1/users/usr_{first}");
    let refused = async || {
        for (method, body) in [
            ("PATCH", json!({"role": "operator"})),
            ("PATCH", json!({"enabled": false})),
            ("PATCH", json!({"role": "viewer", "enabled": false, "name": "x"})),
            ("DELETE", json!({})),
        ] {
            let answer = scene.call(method, &path, &body).await;
            assert_eq!(answer.problem().0, 409, "{method} {body}: {}", answer.text);
            assert!(answer.text.contains("only admin"), "{}", answer.text);
        }
    };
    refused().await;
    scene.store.set_password(second, "a hash".to_owned(), None, Clock.wall()).await.unwrap();
    let disabled = json!({"enabled": false});
    assert_eq!(scene.call("PATCH", &format!("/api/v1/users/usr_{second}"), &disabled).await.status, 200);
    refused().await;
    assert_eq!(
        scene.call("PATCH", &format!("/api/v1/users/usr_{second}"), &json!({"enabled": true})).await.status,
        200
    );
    assert_eq!(scene.call("DELETE", &path, &json!({})).await.status, 204, "there is another");
    assert_eq!(scene.call("DELETE", &path, &json!({})).await.problem().0, 404);
}

#[tokio::test]
async fn an_open_browser_of_an_admin_takes_no_account_over() {
    let scene = scene();
    let admin = scene.person("admin", Role::Admin, "correct horse").await;
    let cookie = scene.session(1).await;
    for (method, what) in [("POST", "reset"), ("DELETE", "second-factor")] {
        let own = scene.by(&cookie, method, &format!("/api/v1/users/usr_{admin}/{what}"), &json!({})).await;
        assert_eq!(own.problem().0, 409, "{what}: {}", own.text);
    }
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions_and_change_their_own_password() {
    let scene = scene();
    scene.person("admin", Role::Admin, "correct horse").await;
    let anna = scene.person("anna", Role::Viewer, "battery staple").await;
    let (admin, hers, phone) =
        (scene.session(1).await, scene.session_of(anna, 2).await, scene.session_of(anna, 3).await);
    let listed = async |cookie: &str| {
        let list = scene.by(cookie, "GET", "/api/v1/sessions", &json!({})).await.json();
        let names = list["items"].as_array().unwrap().iter().map(|one| one["user_name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(listed(&hers).await, ["anna", "anna"]);
    assert_eq!(listed(&admin).await, ["admin", "anna", "anna"]);
    assert_eq!(scene.by(&hers, "DELETE", "/api/v1/sessions/ses_1", &json!({})).await.problem().0, 404);
    let change = json!({"password": "battery staple", "new_password": "correct stapler"});
    assert_eq!(scene.by(&hers, "PUT", "/api/v1/password", &change).await.status, 204);
    assert!(is_in(&scene, &hers).await && !is_in(&scene, &phone).await && is_in(&scene, &admin).await);
    scene.session_of(anna, 4).await;
    assert_eq!(scene.by(&hers, "DELETE", "/api/v1/sessions", &json!({})).await.status, 204);
    assert_eq!(listed(&admin).await, ["admin", "anna"]);
    // A token is none of several people.
    let by_token = json!({"password": "correct horse", "new_password": "another horse"});
    assert_eq!(scene.call("PUT", "/api/v1/password", &by_token).await.problem().0, 409);
}

#[tokio::test]
async fn what_is_done_to_people_is_written_down_without_secrets() {
    let scene = scene();
    scene.person("admin", Role::Admin, "correct horse").await;
    let admin = scene.session(1).await;
    let made = scene.by(&admin, "POST", "/api/v1/users", &json!({"name": "anna", "role": "viewer"})).await.json();
    let accept = json!({"invitation": code(&made["link"]), "password": "battery staple"});
    cookie(&open(&scene, "PUT", "/api/v1/invitation", accept).await);
    for (method, path, body) in [
        ("PATCH", "/api/v1/users/usr_2", json!({"role": "operator"})),
        ("PATCH", "/api/v1/users/usr_2", json!({"enabled": false})),
        ("DELETE", "/api/v1/users/usr_2", json!({})),
    ] {
        assert!(scene.by(&admin, method, path, &body).await.status.is_success());
    }
    let log = scene.send(request("GET", "/api/v1/audit", ADMIN).body(axum::body::Body::empty()).unwrap()).await;
    for secret in ["battery", "argon2", code(&made["link"]).as_str()] {
        assert!(!log.text.contains(secret), "{}", log.text);
    }
    let entries: Vec<Value> = log.json()["items"].as_array().unwrap().iter().rev().cloned().collect();
    let of_anna: Vec<&Value> = entries.iter().filter(|entry| entry["subject"] == "usr_2").collect();
    let deeds: Vec<_> = of_anna.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(deeds, ["user.created", "user.changed", "user.changed", "user.changed", "user.deleted"]);
    assert_eq!(of_anna[0]["by"]["name"], "usr_1 admin, ses_1 Firefox on Linux");
    assert_eq!(of_anna[1]["by"], json!({"kind": "sign_in", "name": "usr_2 anna, link", "address": "192.168.0.5"}));
    assert_eq!(of_anna[2]["changes"], json!([{"field": "role", "before": "viewer", "after": "operator"}]));
    assert_eq!(of_anna[3]["changes"], json!([{"field": "enabled", "before": "on", "after": "off"}]));
    assert_eq!(of_anna[4]["name"], "anna");
    let began = entries.iter().rfind(|entry| entry["action"] == "session.began").unwrap();
    assert!(began["changes"].to_string().contains("usr_2 anna"), "{began}");
}
