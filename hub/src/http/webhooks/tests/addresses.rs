//! An address lets in: it is in no answer, and what came out goes in again as what is stored.

use serde_json::{Value, json};

use super::path;
use crate::http::tests::scene::{Scene, scene};

const SLACK: &str = "https://hooks.slack.com/services/T0/B0/sesame";
const SHOWN: &str = "https://hooks.slack.com/services/(hidden)";

async fn stored(scene: &Scene) -> String {
    scene.store.webhooks().await.unwrap().remove(0).spec.url
}

#[tokio::test]
async fn no_answer_has_what_lets_in_and_the_address_as_it_is_shown_stays_as_it_is() {
    let scene = scene();
    let whole = |url: &str| json!({"name": "n", "kind": "slack", "url": url});
    let made = scene.call("POST", "/api/v1/webhooks", &whole(SLACK)).await;
    let path = path(&made.json());
    let mut answers = vec![made.text];
    for (method, body) in [
        ("PUT", whole(SHOWN)),
        ("PATCH", json!({"name": "m", "url": SHOWN})),
        ("PATCH", json!({"kind": "slack", "url": SHOWN})),
    ] {
        let changed = scene.call(method, &path, &body).await;
        assert_eq!((changed.status.as_u16(), stored(&scene).await.as_str()), (200, SLACK), "{body}: {}", changed.text);
        answers.push(changed.text);
    }
    assert_eq!(scene.get(&path).await.json()["url"], SHOWN);
    for read in [&*path, "/api/v1/webhooks", "/api/v1/audit", "/api/v1/rules"] {
        answers.push(scene.get(read).await.text);
    }
    let test = scene.call("POST", &format!("{path}/test"), &json!({})).await;
    let delivery = format!("/api/v1/deliveries/{}", test.json()["id"].as_str().unwrap());
    answers.extend([test.text, scene.get(&delivery).await.text]);
    assert!(answers.iter().all(|answer| !answer.contains("sesame")), "{answers:#?}");

    let other = "https://hooks.slack.com/services/T0/B1/x";
    assert_eq!(scene.call("PATCH", &path, &json!({"url": other})).await.json()["url"], SHOWN);
    assert_eq!(stored(&scene).await, other);
}

#[tokio::test]
async fn a_hidden_part_stands_for_nothing_but_the_stored_address() {
    let scene = scene();
    let new = json!({"name": "n", "kind": "slack", "url": SHOWN});
    let refused = scene.call("POST", "/api/v1/webhooks", &new).await;
    assert_eq!((refused.problem().0, refused.problem().2), (400, json!("url")), "{}", refused.text);
    assert!(refused.text.contains("write the whole address"), "{}", refused.text);
    let made = scene.call("POST", "/api/v1/webhooks", &json!({"name": "n", "kind": "slack", "url": SLACK})).await;
    let path = path(&made.json());
    // The token of one host is not sent to another.
    for wrong in ["https://elsewhere.example.org/services/(hidden)", "https://hooks.slack.com/services/T0/B1/(hidden)"]
    {
        for method in ["PUT", "PATCH"] {
            let refused = scene.call(method, &path, &json!({"name": "n", "kind": "slack", "url": wrong})).await;
            assert_eq!((refused.problem().0, refused.problem().2), (400, json!("url")), "{wrong}: {}", refused.text);
        }
    }
    assert_eq!(stored(&scene).await, SLACK);
}

#[tokio::test]
async fn what_is_stored_is_previewed_and_echoed_as_it_is_being_changed() {
    let scene = scene();
    let new = json!({"name": "n", "url": "http://192.168.0.2/hooks/sesame", "fields": {"token": "open-sesame"},
        "headers": {"X-Key": "sesame"}});
    let id = scene.call("POST", "/api/v1/webhooks", &new).await.json()["id"].clone();
    let asked = |of: Value| {
        json!({"of": of, "url": "http://192.168.0.2/(hidden)", "fields": {"token": "(hidden)"}, "headers": {"X-Key": "(hidden)"},
            "template": {"content_type": "text/plain", "body": "{{ title }} by {{ token }}"}})
    };
    let shown = scene.call("POST", "/api/v1/webhooks/preview", &asked(id.clone())).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert_eq!(shown.json()["body"], "Too warm on greenhouse by (hidden)");
    assert!(!shown.text.contains("sesame"), "{}", shown.text);
    // The scene has no echo: that it is asked at all says that the webhook is one.
    for path in ["/api/v1/webhooks/preview", "/api/v1/webhooks/echo"] {
        for (of, field) in [(json!("whk_99"), "of"), (json!("x"), "of"), (Value::Null, "url")] {
            let refused = scene.call("POST", path, &asked(of)).await;
            assert_eq!((refused.problem().0, refused.problem().2), (400, json!(field)), "{}", refused.text);
        }
    }
}

const SECRET: &str = "sEsAmE2open";
const KINDS: [&str; 12] = [
    "generic",
    "slack",
    "discord",
    "teams",
    "ntfy",
    "telegram",
    "pagerduty",
    "alertmanager",
    "gotify",
    "matrix",
    "home_assistant",
    "email",
];

fn fields(kind: &str) -> Value {
    match kind {
        "telegram" => json!({"chat_id": "-5"}),
        "pagerduty" => json!({"routing_key": "R0"}),
        "gotify" => json!({"token": "A1"}),
        "matrix" => json!({"room_id": "!a:b", "token": "A1"}),
        "email" => json!({"to": "a@mail.lan", "from": "hub@mail.lan"}),
        _ => json!({}),
    }
}

#[tokio::test]
async fn no_address_that_is_taken_is_shown_with_what_lets_in_also_as_one_of_another_kind() {
    for (kind, path) in [
        ("generic", "/x/SECRET?token=SECRET&SECRET&a[SECRET]=1"),
        ("slack", "/services/T0/B0/SECRET"),
        ("slack", "/services/T0/SECRET/"),
        ("slack", "/services/SECRET/B0/x"),
        ("slack", "/hooks/SECRET"),
        ("discord", "/api/webhooks/1/SECRET/"),
        ("discord", "/SECRET/api/webhooks/1/x"),
        ("teams", "/workflows/1/triggers/manual/paths/invoke?sig=SECRET"),
        ("teams", "/SECRET/invoke?sig=x"),
        ("ntfy", "/topic?auth=SECRET"),
        ("telegram", "/bot1/bot12:SECRET/sendMessage"),
        ("telegram", "/bot2api/bot12:SECRET"),
        ("telegram", "/SECRET/bot12:SECRET/"),
        ("pagerduty", "/SECRET/v2/enqueue?x=SECRET"),
        ("alertmanager", "/SECRET/"),
        ("alertmanager", "/SECRET/api/v2/alerts"),
        ("gotify", "/SECRET/message?token=SECRET"),
        ("matrix", "/SECRET"),
        ("home_assistant", "/api/webhook/SECRET"),
        ("home_assistant", "/SECRET"),
    ] {
        let (scene, whole) = (scene(), format!("https://p.example{}", path.replace("SECRET", SECRET)));
        let new = json!({"name": "n", "kind": kind, "url": whole, "fields": fields(kind)});
        let made = scene.call("POST", "/api/v1/webhooks", &new).await;
        assert_eq!(made.status, 201, "{new}: {}", made.text);
        let (one, id, shown) = (super::path(&made.json()), made.json()["id"].clone(), made.json()["url"].clone());
        let asked = |kind: &str, url: &Value| json!({"of": id, "kind": kind, "url": url, "fields": fields(kind)});
        let mut answers = vec![made.text, scene.get("/api/v1/webhooks").await.text];
        for url in [&shown, &json!(whole)] {
            let preview = scene.call("POST", "/api/v1/webhooks/preview", &asked(kind, url)).await;
            assert_eq!(preview.status, 200, "{new}: {}", preview.text);
            answers.push(preview.text);
        }
        for other in KINDS.into_iter().filter(|other| *other != kind) {
            let whole = json!({"name": "n", "kind": other, "url": shown, "fields": fields(other)});
            for (method, path, body) in [
                ("PATCH", &*one, json!({"kind": other, "fields": fields(other)})),
                ("PATCH", &one, json!({"kind": other, "url": shown, "fields": fields(other)})),
                ("PUT", &one, whole),
                ("POST", "/api/v1/webhooks/preview", asked(other, &shown)),
                ("POST", "/api/v1/webhooks/echo", asked(other, &shown)),
            ] {
                let refused = scene.call(method, path, &body).await;
                assert_eq!((refused.problem().0, refused.problem().2), (400, json!("url")), "{body}: {}", refused.text);
                assert!(refused.text.contains("give the whole address again"), "{}", refused.text);
                answers.push(refused.text);
            }
        }
        assert!(answers.iter().all(|answer| !answer.contains(SECRET)), "{kind} {path}: {answers:#?}");
        assert_eq!(stored(&scene).await, whole);
    }
}

#[tokio::test]
async fn an_address_that_is_shown_whole_stays_when_the_kind_changes() {
    let scene = scene();
    let new = json!({"name": "n", "kind": "ntfy", "url": "https://ntfy.sh/bell"});
    let path = path(&scene.call("POST", "/api/v1/webhooks", &new).await.json());
    let changed = scene.call("PATCH", &path, &json!({"kind": "generic"})).await;
    assert_eq!(changed.json()["url"], "https://ntfy.sh/(hidden)", "{}", changed.text);
}

#[tokio::test]
async fn headers_and_secret_fields_are_not_told_another_server_or_kind() {
    let scene = scene();
    let url = "https://a.example/x";
    let new = json!({"name": "n", "url": url, "fields": {"token": "sesame"}, "headers": {"X-Key": "sesame"}});
    let path = path(&scene.call("POST", "/api/v1/webhooks", &new).await.json());
    let (kept, again) = (json!({"token": "(hidden)"}), json!({"token": "open"}));
    let (same, typed, gone) = (json!({"X-Key": "(hidden)"}), json!({"x-key": "open"}), json!({"X-Key": null}));
    for other in ["https://b.example/x", "https://a.example:8443/x", "http://a.example/x"] {
        for (method, body, field) in [
            ("PATCH", json!({"url": other}), "headers.X-Key"),
            ("PATCH", json!({"url": other, "headers": same, "fields": again}), "headers.X-Key"),
            ("PATCH", json!({"url": other, "headers": typed}), "fields.token"),
            ("PATCH", json!({"url": other, "headers": gone, "fields": kept}), "fields.token"),
            ("PUT", json!({"name": "n", "url": other, "headers": same}), "headers.X-Key"),
            ("PUT", json!({"name": "n", "url": other, "fields": kept}), "fields.token"),
        ] {
            let refused = scene.call(method, &path, &body).await;
            assert_eq!((refused.problem().0, refused.problem().2), (400, json!(field)), "{body}: {}", refused.text);
        }
    }
    for headers in [None, Some(&same)] {
        let mut body = json!({"kind": "slack", "url": "https://a.example/services/x"});
        body.as_object_mut().unwrap().extend(headers.map(|headers| ("headers".to_owned(), headers.clone())));
        let refused = scene.call("PATCH", &path, &body).await;
        assert_eq!((refused.problem().0, refused.problem().2), (400, json!("headers.X-Key")), "{body}");
    }
    assert_eq!(stored(&scene).await, url);
    // Another path of the same server is told what it knows.
    for body in [
        json!({"url": "https://a.example:443/y"}),
        json!({"url": "https://b.example/x", "headers": typed, "fields": again}),
        json!({"kind": "slack", "url": "https://a.example/services/x", "headers": gone}),
    ] {
        let changed = scene.call("PATCH", &path, &body).await;
        assert_eq!(changed.status, 200, "{body}: {}", changed.text);
    }
}
