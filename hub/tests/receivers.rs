//! Receivers that read their own form of a message: told of an alert from its first reading to its last by a hub that runs, each in
//! the words of its documentation, and no token of theirs is anywhere in the data directory.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use support::webhook_sink::{Answer, Received, WebhookSink};
use support::{HubProcess, eventually};
use tokio::runtime::Runtime;

const SOON: Duration = Duration::from_secs(20);
const SECRETS: [&str; 4] = ["B0tTokenOfTelegram", "R0utingKeyOfPagerDuty", "tk_OfNtfy", "SecretOfSlack"];

#[test]
fn an_alert_is_told_in_the_words_of_each_receiver_and_no_token_of_theirs_is_on_disk() {
    let scene = Scene::start();
    let slack = scene.receiver(&[Answer::Text(200, "ok")]);
    let ntfy = scene.receiver(&[Answer::Text(200, r#"{"id":"x","event":"message"}"#)]);
    let telegram = scene.receiver(&[Answer::Text(200, r#"{"ok":true,"result":{}}"#)]);
    let pager = scene.receiver(&[Answer::Text(202, r#"{"status":"success","message":"Event processed"}"#)]);
    scene.webhook("slack", &format!("http://{}/services/T0/B0/SecretOfSlack", slack.address), &json!({}));
    scene.webhook("ntfy", &format!("http://{}/my-topic", ntfy.address), &json!({"token": "tk_OfNtfy"}));
    let bot = format!("http://{}/bot1:B0tTokenOfTelegram/sendMessage", telegram.address);
    scene.webhook("telegram", &bot, &json!({"chat_id": "-1001"}));
    let enqueue = format!("http://{}/v2/enqueue", pager.address);
    let paged = scene.webhook("pagerduty", &enqueue, &json!({"routing_key": "R0utingKeyOfPagerDuty"}));
    scene.fires_and_resolves();

    let [firing, resolved] = two(&slack);
    assert_eq!(firing.asked, "POST /services/T0/B0/SecretOfSlack");
    assert!(!firing.headers.contains_key("webhook-signature"), "{:?}", firing.headers);
    let text = "&lt;!channel&gt;: temp is 99 °C, above the limit of 50 °C, since ";
    assert!(said(&firing.json()["blocks"][1]["text"]["text"]).starts_with(text), "{}", firing.json());
    let title = &resolved.json()["blocks"][0]["text"]["text"];
    assert_eq!(said(title), "🟢 Resolved: too hot on &lt;!channel&gt;");

    let [firing, resolved] = two(&ntfy);
    assert_eq!((&*firing.asked, &*firing.headers["authorization"]), ("PUT /my-topic", "Bearer tk_OfNtfy"));
    assert_eq!((&*firing.headers["x-priority"], &*resolved.headers["x-priority"]), ("5", "3"));
    assert!(firing.body.starts_with(b"\x89PNG") && resolved.body.starts_with(b"\x89PNG"), "no picture");

    let [firing, _] = two(&telegram);
    assert_eq!(firing.asked, "POST /bot1:B0tTokenOfTelegram/sendPhoto");
    let form = String::from_utf8_lossy(&firing.body);
    assert!(form.contains("name=\"chat_id\"\r\n\r\n-1001\r\n") && form.contains("PNG\r\n"), "{form}");

    let [firing, resolved] = two(&pager);
    assert_eq!(
        (&firing.json()["event_action"], &resolved.json()["event_action"]),
        (&json!("trigger"), &json!("resolve"))
    );
    assert_eq!(firing.json()["dedup_key"], resolved.json()["dedup_key"]);
    assert_eq!(firing.json()["routing_key"], "R0utingKeyOfPagerDuty");

    let webhooks = scene.hub.get("/api/v1/webhooks").to_string();
    assert!(!webhooks.contains("R0utingKey") && webhooks.contains(r#""chat_id":"-1001""#), "{webhooks}");
    let deliveries = scene.hub.get(&format!("/api/v1/deliveries?webhook={paged}"));
    let shown = scene.hub.get(&format!("/api/v1/deliveries/{}", said(&deliveries["items"][1]["id"])));
    assert_eq!(shown["body"], String::from_utf8_lossy(&firing.body).replace(SECRETS[1], "(hidden)"));
    for secret in SECRETS {
        nowhere(&scene.hub.data, secret);
    }
}

#[test]
fn an_answer_that_says_no_is_tried_again_whatever_its_status() {
    let scene = Scene::start();
    let telegram = scene.receiver(&[
        Answer::Text(200, r#"{"ok":false,"description":"Internal"}"#),
        Answer::Text(429, r#"{"ok":false,"error_code":429,"parameters":{"retry_after":1}}"#),
        Answer::Text(200, r#"{"ok":true}"#),
    ]);
    let url = format!("http://{}/bot1:x", telegram.address);
    let webhook = scene.webhook("telegram", &url, &json!({"chat_id": "@a_channel"}));
    let delivery = scene.hub.post(&format!("/api/v1/webhooks/{webhook}/test"), &json!({}));
    let path = format!("/api/v1/deliveries/{}", said(&delivery["id"]));
    let again = format!("{path}/replay");
    let done = eventually("it is delivered at the third attempt", SOON, || {
        let delivery = scene.hub.get(&path);
        // The schedule would wait for half a minute.
        if delivery["attempt_count"] == 2 && delivery["state"] == "pending" {
            scene.hub.post(&again, &json!({}));
        }
        (delivery["state"] == "delivered").then_some(delivery)
    });
    let attempts = done["attempts"].as_array().unwrap();
    let statuses: Vec<_> = attempts.iter().map(|attempt| attempt["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 429, 200]);
    assert!(said(&attempts[0]["error"]).contains("ok: true"), "{}", attempts[0]);
    assert_eq!(telegram.received()[0].asked, "POST /bot1:x/sendMessage");
}

#[test]
fn what_waits_goes_out_in_the_form_of_the_new_kind() {
    let scene = Scene::start();
    let sink = scene.receiver(&[Answer::Status(503), Answer::Status(503), Answer::Text(200, "ok")]);
    let webhook = scene.webhook("generic", &sink.url(), &json!({}));
    scene.hub.post(&format!("/api/v1/webhooks/{webhook}/test"), &json!({}));
    eventually("it waits for half a minute", SOON, || (sink.received().len() == 2).then_some(()));
    let change = json!({"kind": "slack", "url": sink.url()}).to_string();
    let path = format!("/api/v1/webhooks/{webhook}");
    let settled = || scene.hub.get(&format!("/api/v1/deliveries?webhook={webhook}"))["items"][0]["attempt_count"] == 2;
    eventually("the second attempt is written down", SOON, || settled().then_some(()));
    assert_eq!(scene.hub.status("PATCH", &path, Some(change)), Some(200));
    eventually("it is sent", SOON, || (sink.received().len() == 3).then_some(()));
    let received = sink.received();
    assert!(received[1].headers.contains_key("webhook-signature") && received[1].json()["type"] == "webhook.test");
    assert!(!received[2].headers.contains_key("webhook-signature") && received[2].json()["blocks"].is_array());
}

/// A hub, and the runtime its receivers live in.
struct Scene {
    hub: HubProcess,
    runtime: Runtime,
}

impl Scene {
    fn start() -> Self {
        Self { hub: HubProcess::start("token"), runtime: Runtime::new().unwrap() }
    }

    fn receiver(&self, script: &[Answer]) -> WebhookSink {
        self.runtime.block_on(WebhookSink::answering(script.iter().cloned()))
    }

    /// Makes a webhook that new rules tell; gives its id.
    fn webhook(&self, kind: &str, url: &str, fields: &Value) -> String {
        let new = json!({"name": kind, "kind": kind, "url": url, "fields": fields, "for_new_rules": true});
        said(&self.hub.post("/api/v1/webhooks", &new)["id"]).to_owned()
    }

    /// Of a device whose name would wake a whole channel.
    fn fires_and_resolves(&self) {
        let condition = json!({"type": "threshold", "op": ">", "value": 50});
        let rule =
            json!({"name": "too hot", "sensor": "temp", "condition": condition, "for": "0s", "severity": "critical"});
        self.hub.post("/api/v1/rules", &rule);
        for value in [1.0, 99.0, 2.0] {
            let readings = json!([{"sensor": "temp", "unit": "Cel", "value": value}]);
            self.hub.post("/api/v1/readings", &json!({"device": "<!channel>", "readings": readings}));
        }
    }
}

fn two(sink: &WebhookSink) -> [Received; 2] {
    eventually("both messages arrive", SOON, || sink.received().try_into().ok())
}

fn said(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

/// No file of a folder has these bytes.
fn nowhere(dir: &Path, secret: &str) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            nowhere(&path, secret);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} is in {}", path.display());
    }
}
