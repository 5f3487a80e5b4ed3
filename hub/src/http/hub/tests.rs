//! Settings of the hub.

use std::net::IpAddr;

use axum::http::StatusCode;
use serde_json::json;

use super::{HubInfo, addresses};
use crate::http::hub::dto::Addresses;
use crate::http::tests::scene::scene;
use crate::proto::command::{Command, JoinPolicy};

#[tokio::test]
async fn who_may_join_is_followed_and_kept() {
    let mut scene = scene();
    let open = scene.call("PATCH", "/api/v1/hub", &json!({"join": {"open_for": "4m"}})).await.json();
    assert_eq!(open["join"]["policy"], "click");
    assert!(open["join"]["window_until"].is_string());
    assert!(matches!(
        scene.commands.try_recv(),
        Ok(Command::Policy { policy: JoinPolicy::Click, open_until: Some(_) })
    ));
    let token = scene.call("PATCH", "/api/v1/hub", &json!({"join": {"policy": "token"}})).await.json();
    assert_eq!(token["join"], json!({"policy": "token", "window_until": null}));
    assert_eq!(crate::settings::saved_policy(&scene.store).await.unwrap(), Some(JoinPolicy::Token));
    scene.commands.try_recv().unwrap();

    let made = scene.call("POST", "/api/v1/join-tokens", &json!({"uses": 3, "labels": {"room": "shed"}})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let text = made.json()["token"].as_str().unwrap().to_owned();
    let joined: wire::handshake::JoinToken = text.parse().unwrap();
    assert!(matches!(scene.commands.try_recv(), Ok(Command::JoinTokens(tokens)) if tokens[0].psk == joined.psk()));
}

#[tokio::test]
async fn retention_is_shown_changed_and_previewed() {
    let scene = scene();
    let (path, preview) = ("/api/v1/retention", "/api/v1/retention/preview");
    let shown = scene.get(path).await.json();
    assert_eq!(
        (&shown["raw"], &shown["hours"], &shown["configured"]),
        (&json!("forever"), &json!("forever"), &json!(false))
    );
    let policy =
        json!({"raw": "14d", "minutes": "90d", "hours": "5y", "by_label": [{"labels": {"site": "lab"}, "raw": "1d"}]});
    assert_eq!(scene.call("POST", preview, &policy).await.json()["text"], "nothing");
    assert_eq!(scene.get(path).await.json(), shown);
    let changed = scene.call("PUT", path, &policy).await.json();
    assert_eq!((&changed["minutes"], &changed["by_label"][0]["raw"]), (&json!("90d"), &json!("1d")));
    assert_eq!(scene.get(path).await.json(), changed);
    let saved = crate::settings::saved_retention(&scene.store).await.unwrap();
    assert_eq!(saved, Some(scene.store.retention()));
    for (body, field) in [
        (json!({"raw": "soon"}), "raw"),
        (json!({"raw": "9d", "minutes": "2d"}), "minutes"),
        (json!({"by_label": [{"labels": {}, "raw": "2d"}]}), "by_label[0].labels"),
        (json!({"by_label": [{"labels": {"a": "b"}, "hours": "1"}]}), "by_label[0].hours"),
    ] {
        let answer = scene.call("PUT", path, &body).await;
        assert_eq!((answer.status, &answer.json()["field"]), (StatusCode::BAD_REQUEST, &json!(field)), "{body}");
    }
    assert_eq!(scene.get(path).await.json(), changed);
}

#[tokio::test]
async fn a_heartbeat_is_set_shown_without_its_secret_and_refused_with_a_reason() {
    let scene = scene();
    let (path, url) = ("/api/v1/heartbeat", "https://hc.example.org/ping/s3cr3t-path?token=s3cr3t-query");
    let none = json!({"url": null, "last_success_at": null, "last_error_at": null, "last_error": null});
    assert_eq!(scene.get(path).await.json(), none);
    assert_eq!(scene.call("POST", "/api/v1/heartbeat/send", &json!({})).await.problem().0, 409);

    let set = scene.call("PUT", path, &json!({"url": url})).await;
    assert_eq!(set.json()["url"], "https://hc.example.org/(hidden)?token=(hidden)");
    let shown = set.json()["url"].clone();
    assert_eq!(scene.call("POST", "/api/v1/heartbeat/send", &json!({})).await.status, StatusCode::ACCEPTED);
    let kept = async || crate::settings::saved_heartbeat(&scene.store).await.unwrap();
    assert_eq!(kept().await.as_deref(), Some(url));
    let raw = scene.store.setting("heartbeat").await.unwrap().unwrap();
    assert!(!raw.windows(6).any(|part| part == b"s3cr3t"), "it is sealed");
    let audit = scene.get("/api/v1/audit").await.text;
    assert!(
        audit.contains("heartbeat.sent") && audit.contains("setting.changed") && !audit.contains("s3cr3t"),
        "{audit}"
    );

    for (body, why) in [
        (json!({}), "url"),
        (json!({"url": "http://127.0.0.1:9/x"}), "--webhook-allow"),
        (json!({"url": "http://169.254.169.254/latest"}), "--webhook-allow"),
        (json!({"url": "ftp://hc.example.org/"}), "only http and https"),
        (json!({"url": "https://ann:pw@hc.example.org/"}), "user name or password"),
        (json!({"url": "https://elsewhere.example.org/(hidden)"}), "write the whole URL"),
        (json!({"url": "soon"}), "not a URL"),
    ] {
        let refused = scene.call("PUT", path, &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(refused.text.contains(why), "{body}: {}", refused.text);
    }
    // As it was shown, it is meant to stay.
    assert_eq!(scene.call("PUT", path, &json!({"url": shown})).await.json()["url"], shown);
    assert_eq!(kept().await.as_deref(), Some(url));
    assert_eq!(scene.call("PUT", path, &json!({"url": null})).await.json(), none);
    assert_eq!(kept().await, None);
}

#[test]
fn what_listens_on_this_computer_only_is_offered_to_nobody_else() {
    let info = |http: &str, udp: &str| HubInfo {
        id: crate::model::HubId::from_bytes([7; 16]),
        version: String::new(),
        http: http.parse().unwrap(),
        udp: udp.parse().unwrap(),
        url: None,
        started_at: crate::model::UnixMillis(0),
        discovery: true,
        discovery_group: String::new(),
        time_zone: None,
    };
    let own: Vec<IpAddr> = ["192.168.1.20", "fd00::1"].map(|ip| ip.parse().unwrap()).to_vec();
    let found = |http, udp| addresses(&info(http, udp), &own);
    assert_eq!(found("127.0.0.1:8080", "[::1]:5770"), Addresses::default());
    let both = found("0.0.0.0:8080", "[::]:5770");
    assert_eq!(both.page, ["192.168.1.20:8080"]);
    assert_eq!(both.agents, ["192.168.1.20:5770", "[fd00::1]:5770"]);
    assert_eq!(found("10.0.0.7:81", "127.0.0.1:5770").page, ["10.0.0.7:81"]);
}
