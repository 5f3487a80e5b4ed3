//! Every text of every body in the document, with characters in it that nobody sees: none is taken. A text that is added to the API
//! fails here until it has an example, and then until it is looked at.

use serde_json::{Value, json};

use super::conditions;
use super::scene::{Answer, Scene, scene};
use crate::model::DeviceId;
use crate::model::user::Role;

/// One that turns the text, one without width, one that moves the cursor, one that ends a text in C, one of the
/// tags, one that keeps its direction apart. Spaces of any kind at an end are cut off, and no part of it.
const UNSEEN: [char; 6] = ['\u{202e}', '\u{200b}', '\u{1b}', '\0', '\u{e0041}', '\u{2066}'];

/// Texts that are asked for or compared, and not kept: what somebody types as a password is theirs, and a query finds nothing.
const NOT_KEPT: [&str; 8] = [
    "/api/v1/query",
    "/api/v1/setup",
    "/api/v1/invitation",
    "/api/v1/password",
    "/api/v1/session",
    "/api/v1/second-factor",
    "/api/v1/second-factor/off",
    "/api/v1/second-factor/recovery-codes",
];

#[tokio::test]
async fn no_text_that_is_kept_has_a_character_that_is_not_seen() {
    let scene = scene();
    let known = Known::in_(&scene).await;
    let document = scene.get("/api/openapi.json").await.json();
    let (mut tried, mut taken) = (0, Vec::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["POST", "PUT", "PATCH"] {
            let schema = &item[method.to_lowercase()]["requestBody"]["content"]["application/json"]["schema"];
            if schema.is_null() || NOT_KEPT.contains(&path.as_str()) {
                continue;
            }
            let (to, examples) = known.request(method, path);
            for example in &examples {
                let answer = scene.call(method, &to, example).await;
                if answer.status == 400 {
                    taken.push(format!("{method} {path} no example: {example}: {}", answer.text));
                }
            }
            let mut texts = Vec::new();
            walk(&document, schema, "", &mut texts);
            // Of a rule about devices as a whole there is no backtest.
            let is_refused = |place: &String| path.ends_with("/backtest") && place.ends_with(".condition.by");
            for place in texts.into_iter().filter(|place| !is_refused(place)) {
                let spoiled = |with: char| examples.iter().find_map(|example| spoil(example, &place, with));
                assert!(spoiled('x').is_some(), "{method} {path} takes `{place}`: give it an example here");
                for body in UNSEEN.into_iter().filter_map(spoiled) {
                    let answer = scene.call(method, &to, &body).await;
                    let begins = place.trim_start_matches('.').split(['.', '[']).next().unwrap();
                    let names = |answer: &Answer| {
                        answer.json()["field"].as_str().is_some_and(|field| field.starts_with(begins))
                    };
                    if answer.status != 400 || !names(&answer) {
                        taken.push(format!("{method} {path} {place:?} of {body}: {} {}", answer.status, answer.text));
                    }
                    tried += 1;
                }
            }
        }
    }
    assert!(taken.is_empty(), "{} of {tried}: {taken:#?}", taken.len());
    assert!(tried > 300, "only {tried} texts");
}

#[tokio::test]
async fn a_comment_may_have_lines() {
    let scene = scene();
    let silence = json!({"for": "1h", "comment": "boiler:\n\tnew pump"});
    assert_eq!(scene.call("POST", "/api/v1/silences", &silence).await.status, 201);
}

/// What the examples are about.
struct Known {
    device: String,
    user: String,
    rule: Value,
    webhook: Value,
}

impl Known {
    async fn in_(scene: &Scene) -> Self {
        let (device, _) = scene.device(1, "attic").await;
        let webhook = scene.call("POST", "/api/v1/webhooks", &hook()).await.json()["id"].clone();
        let rule = scene.call("POST", "/api/v1/rules", &rules(&webhook)[0]).await.json()["id"].clone();
        let user = format!("usr_{}", scene.user("ann", Role::Viewer).await);
        Self { device: device.id.to_string(), user, rule, webhook }
    }

    /// Where a request goes, and bodies that have every text between them.
    fn request(&self, method: &str, path: &str) -> (String, Vec<Value>) {
        let id = match path.split('/').nth(3) {
            Some("devices") => &self.device,
            Some("users") => &self.user,
            Some("rules") => self.rule.as_str().unwrap(),
            Some("webhooks") => self.webhook.as_str().unwrap(),
            _ => "alr_1",
        };
        (path.replace("{id}", id).replace("{sensor}", "temp"), self.bodies(method, path))
    }

    fn bodies(&self, method: &str, path: &str) -> Vec<Value> {
        let labels = json!({"room": "cellar"});
        let ages = json!({"raw": "14d", "minutes": "6w", "hours": "5y", "labels": labels});
        match path.trim_start_matches("/api/v1/") {
            "alerts/ack" => vec![json!({"alerts": ["alr_1"], "comment": "seen"})],
            "alerts/{id}/ack" => vec![json!({"comment": "seen"})],
            "deliveries/replay" => {
                vec![json!({"from": "now-1h", "to": "now", "webhook": self.webhook, "state": "failed"})]
            }
            "devices/{id}" => vec![json!({"name": "attic", "labels": labels, "notes": "on the beam"})],
            "devices/{id}/adopt" => vec![json!({"name": "shed", "labels": labels})],
            "devices/{id}/replace" => vec![json!({"by": DeviceId::from_bytes([9; 16]).to_string()})],
            "devices/{id}/sensors/{sensor}" => vec![json!({"kind": "gauge"})],
            "doors/mqtt/rules" => vec![
                json!({"topic": "door/+/bell", "device": "door {2}", "sensor": "bell", "value": "/a", "on": "ding", "off": "dong", "unit": "Cel"}),
            ],
            "heartbeat" => vec![json!({"url": "https://hc.example.org/ping/abc"})],
            "hub" => vec![json!({"join": {"open_for": "4m"}})],
            "join-tokens" => vec![json!({"name": "shed", "labels": labels, "expires": "1d"})],
            "readings" => vec![
                json!({"device": "attic", "readings": [{"sensor": "t", "value": 1, "unit": "Cel", "kind": "gauge", "at": "now"}]}),
            ],
            "retention" | "retention/preview" => {
                vec![json!({"raw": "14d", "minutes": "6w", "hours": "5y", "by_label": [ages], "alerts": "1y"})]
            }
            "rules" | "rules/{id}" => rules(&self.webhook),
            "rules/apply" => {
                let applied = |rule: Value| json!({"files": [{"file": "rules.toml", "rules": [{"line": 1, "rule": rule}]}], "dry_run": true});
                rules(&self.webhook).into_iter().map(applied).collect()
            }
            "rules/backtest" => {
                let tried = |rule: Value| json!({"rule": rule, "against": rule, "from": "now-1h", "to": "now"});
                // How devices were is not stored.
                let is_tried = |rule: &Value| rule["sensor"] == "temp";
                rules(&self.webhook).into_iter().filter(is_tried).map(tried).collect()
            }
            "rules/preview" => {
                let tried = |rule: Value| json!({"rule": rule, "id": self.rule});
                rules(&self.webhook).into_iter().map(tried).collect()
            }
            "silences" => vec![
                json!({"rule": self.rule, "device": "a*", "sensor": "*", "labels": labels, "from": "now", "for": "1h", "comment": "pump"}),
                json!({"until": "now+1h"}),
                json!({"for": "1h", "weekly": {"days": ["sat"], "from": "22:00", "until": "06:00", "zone": "UTC"}}),
            ],
            "tokens" => vec![json!({"name": "cron", "scope": "read", "labels": labels, "expires": "30d"})],
            "users" => vec![json!({"name": "bob", "role": "viewer"})],
            "users/{id}" => vec![json!({"name": "ann", "role": "viewer"})],
            "webhooks" | "webhooks/{id}" => {
                let mut choosy = hook();
                choosy["labels"] = labels;
                choosy["tags"] = json!({"team": "x"});
                choosy["repeat_every"] = json!("4h");
                choosy["quiet_hours"] = json!({"days": ["sat"], "from": "22:00", "until": "06:00", "zone": "UTC"});
                let mut bot = bot();
                if method == "PATCH" {
                    // What let in at the other is not told this one.
                    bot["headers"] = json!({"X-Key": null});
                }
                vec![hook(), bot, choosy]
            }
            "webhooks/preview" | "webhooks/echo" => vec![of(&self.webhook, hook()), bot()],
            "webhooks/{id}/echo" => vec![json!({"event": "alert.firing"})],
            _ => panic!("{method} {path} takes a body: give it an example here"),
        }
    }
}

/// The new settings of one that is stored.
fn of(webhook: &Value, mut new: Value) -> Value {
    new["of"] = webhook.clone();
    new
}

fn hook() -> Value {
    json!({"name": "ntfy", "kind": "generic", "url": "http://192.168.1.5:8090/alerts", "headers": {"X-Key": "abc"},
        "template": {"content_type": "text/plain", "body": "it is {{ value }}", "headers": {"X-Event": "an {{ event }}"}}})
}

/// One whose kind asks for more than a URL.
fn bot() -> Value {
    json!({"name": "bot", "kind": "telegram", "url": "https://api.telegram.org/bot1:abc", "fields": {"chat_id": "-1001"}})
}

/// One of each condition.
fn rules(webhook: &Value) -> Vec<Value> {
    let rule = |condition: Value| {
        let hold = if condition["type"] == "silence" { "0s" } else { "60s" };
        let of_device = ["offline", "source_failing", "clock_off"].iter().any(|kind| condition["type"] == *kind);
        let sensor = if of_device { "*" } else { "temp" };
        json!({"clear_for": "0s", "name": "warm", "device": "*", "sensor": sensor, "labels": {"room": "cellar"}, "for": hold,
            "severity": "warning", "tags": {"team": "x"}, "webhooks": [webhook], "condition": condition,
            "message": {"title": "warm {{ device }}", "text": "It is {{ value_text }}."}})
    };
    let rate = json!({"type": "rate", "op": ">", "value": 5, "per": "60s", "over": "5m"});
    let line = json!({"type": "forecast", "op": ">", "value": 5, "within": "1h", "over": "5m"});
    let counted = |of: Value| json!({"type": "count", "op": ">=", "value": 3, "condition": of});
    conditions::examples().into_iter().chain([rate, line].map(counted)).map(rule).collect()
}

/// Places of the free texts in a schema: `.readings[].sensor`, `.labels.*`; keys of a map as `.labels.#`.
fn walk(document: &Value, schema: &Value, at: &str, places: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return walk(document, &document["components"]["schemas"][name], at, places);
    }
    let parts = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|of| schema[of].as_array());
    parts.flatten().for_each(|part| walk(document, part, at, places));
    let is_text =
        schema["type"] == "string" || schema["type"].as_array().is_some_and(|types| types.contains(&json!("string")));
    if is_text && schema["enum"].is_null() && !places.iter().any(|place| place == at) {
        places.push(at.to_owned());
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(document, property, &format!("{at}.{name}"), places);
    }
    if schema["additionalProperties"].is_object() {
        places.push(format!("{at}.#"));
        walk(document, &schema["additionalProperties"], &format!("{at}.*"), places);
    }
    if schema["items"].is_object() {
        walk(document, &schema["items"], &format!("{at}[]"), places);
    }
}

/// An example with a character put into the text of a place, if it has that.
fn spoil(example: &Value, place: &str, with: char) -> Option<Value> {
    let mut body = example.clone();
    let mut at = &mut body;
    for step in place.split('.').filter(|step| !step.is_empty()) {
        let (name, is_list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
        at = match name {
            "#" => {
                let (key, value) = at.as_object()?.iter().next()?;
                let (key, value) = (format!("{key}{with}"), value.clone());
                *at = json!({key: value});
                return Some(body);
            }
            "*" => at.as_object_mut()?.values_mut().next()?,
            name => at.get_mut(name)?,
        };
        if is_list {
            at = at.get_mut(0)?;
        }
    }
    // In its middle: what stands at an end may be cut off.
    let text = at.as_str()?;
    let (first, rest) = text.split_at(1);
    *at = format!("{first}{with}{rest}").into();
    Some(body)
}
