//! A body and headers of a person's own: tried, kept, shown to admins, and by no answer a secret.

use axum::body::Body;
use serde_json::{Value, json};

use super::path;
use crate::http::tests::scene::{request, scene};
use crate::model::access::Scope;

fn hook(template: &Value) -> Value {
    json!({"name": "n", "url": "http://192.168.0.2/x", "fields": {"token": "s3cret"}, "template": template})
}

#[tokio::test]
async fn a_template_is_kept_as_it_was_written_and_previewed_to_the_byte() {
    let scene = scene();
    let template = json!({"content_type": null, "body": "{\"text\":{{ title|tojson }},\"key\":\"{{ token }}\"}", "headers": {"X-Prio": "{{ 5 if severity == 'critical' else 3 }}"}});
    let preview = json!({"url": "http://192.168.0.2/x", "fields": {"token": "s3cret"}, "template": template});
    let shown = scene.call("POST", "/api/v1/webhooks/preview", &preview).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert!(!shown.text.contains("s3cret"), "{}", shown.text);
    let shown = shown.json();
    assert_eq!(shown["body"], r#"{"text":"Too warm on greenhouse","key":"(hidden)"}"#);
    assert_eq!(
        (&shown["headers"]["x-prio"], &shown["headers"]["content-type"]),
        (&json!("3"), &json!("application/json"))
    );
    let made = scene.call("POST", "/api/v1/webhooks", &hook(&template)).await;
    assert_eq!((made.status.as_u16(), &made.json()["template"]), (201, &template), "{}", made.text);
    assert!(!made.text.contains("s3cret"), "{}", made.text);
    let path = path(&made.json());
    assert_eq!(scene.get(&path).await.json()["template"], template);
    // What is not named stays, null is the hub's own again, and so is another kind.
    let renamed = scene.call("PATCH", &path, &json!({"name": "other"})).await.json();
    assert_eq!(renamed["template"], template);
    let text = json!({"content_type": "text/plain", "body": "{{ title }}"});
    let changed = scene.call("PATCH", &path, &json!({"template": text})).await.json();
    assert_eq!(changed["template"], json!({"content_type": "text/plain", "body": "{{ title }}", "headers": {}}));
    let slack = json!({"kind": "slack", "url": "http://192.168.0.2/services/x"});
    assert_eq!(scene.call("PATCH", &path, &slack).await.json()["template"], Value::Null);
    let again = scene.call("PUT", &path, &hook(&template)).await.json();
    assert_eq!(again["template"], template);
    assert_eq!(scene.call("PATCH", &path, &json!({"template": null})).await.json()["template"], Value::Null);
}

#[tokio::test]
async fn who_is_no_admin_sees_no_template() {
    let scene = scene();
    let path =
        path(&scene.call("POST", "/api/v1/webhooks", &hook(&json!({"body": "{\"a\": \"sesame\"}"}))).await.json());
    let token = scene.token(Scope::Read).await;
    for path in [&*path, "/api/v1/webhooks"] {
        let seen = scene.send(request("GET", path, &token).body(Body::empty()).unwrap()).await;
        assert!(seen.status == 200 && !seen.text.contains("sesame"), "{}", seen.text);
    }
}

#[tokio::test]
async fn a_template_that_fails_is_refused_at_its_field_with_line_and_column() {
    let scene = scene();
    for (template, field, says) in [
        (
            json!({"body": "{\n{{ devise|tojson }}"}),
            "template.body",
            "line 2, column 4: `devise` is not known: did you mean `device`?",
        ),
        (json!({"body": "{{ 1"}), "template.body", "line 1, column "),
        (json!({"body": "{{ title }}"}), "template.body", "no JSON"),
        (json!({"headers": {"Host": "x"}}), "template.headers.Host", "sets it itself"),
        (json!({"bodi": "x"}), "template.bodi", "unknown field"),
    ] {
        let refused = scene.call("POST", "/api/v1/webhooks", &hook(&template)).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["field"]), (400, &json!(field)), "{}", refused.text);
        assert!(refused.text.contains(says), "{}", refused.text);
        let mut preview = hook(&template);
        preview.as_object_mut().unwrap().remove("for_new_rules");
        assert_eq!(scene.call("POST", "/api/v1/webhooks/preview", &preview).await.json()["field"], field);
    }
    let slack =
        json!({"name": "s", "kind": "slack", "url": "http://192.168.0.2/services/x", "template": {"body": "{}"}});
    assert_eq!(scene.call("POST", "/api/v1/webhooks", &slack).await.json()["field"], "template");
}
