//! An address lets in: it is in no answer, and what came out goes in again as what is stored.

use serde_json::{Value, json};

use super::path;
use crate::http::tests::scene::{Scene, scene};

const SLACK: &str = "https://hooks.slack.com/services/T0/B0/sesame";
const SHOWN: &str = "https://hooks.slack.com/services/T0/B0/(hidden)";

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
        // It leads to the same place, whatever is sent there.
        ("PATCH", json!({"kind": "generic", "url": SHOWN})),
        ("PATCH", json!({"kind": "slack", "url": "https://hooks.slack.com/(hidden)"})),
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
    assert_eq!(
        scene.call("PATCH", &path, &json!({"url": other})).await.json()["url"],
        "https://hooks.slack.com/services/T0/B1/(hidden)"
    );
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
    for wrong in
        ["https://elsewhere.example.org/services/T0/B0/(hidden)", "https://hooks.slack.com/services/T0/B1/(hidden)"]
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
