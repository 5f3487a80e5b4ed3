//! A refused request names what to correct.

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};

use super::scene::{ADMIN, request, scene};
use crate::clock::Clock;

#[tokio::test]
async fn a_problem_names_the_parameter() {
    let scene = scene();
    let (shed, _) = scene.device(1, "shed").await;
    let ledger = |query: &str| format!("/devices/{}/ledger?{query}", shed.id);
    for (path, status, field) in [
        (ledger("from=yesterday"), 400, "from"),
        (ledger("from=now&to=now-1h"), 400, "from"),
        (ledger("from=now-2000d"), 400, "from"),
        (ledger("limit=0"), 400, "limit"),
        (ledger("cursor=YWJj&hours=3"), 400, "hours"),
    ] {
        let answer = scene.get(&format!("/api/v1{path}")).await;
        let (is, _, named) = answer.problem();
        assert_eq!((is, named), (status, Value::from(field)), "{path}: {}", answer.text);
    }
    let nobody = scene.get("/api/v1/devices/0000000-0000000-0000000-0000000/ledger").await;
    assert_eq!(nobody.problem().0, 404);
    for (path, status, field) in [
        ("/devices?sttus=online", 400, "sttus"),
        ("/devices?status=asleep", 400, "status"),
        ("/devices?label=room", 400, "label"),
        ("/devices?limit=0", 400, "limit"),
        ("/devices?limit=1001", 400, "limit"),
        ("/devices?limit=many", 400, "limit"),
        ("/devices?limit=5&limit=6", 400, "limit"),
        ("/devices?cursor=***", 400, "cursor"),
        ("/hub?verbose=1", 400, "verbose"),
        ("/readings?sensor=temp", 400, "device"),
        ("/readings?device=shed", 400, "sensor"),
        ("/readings?device=shed&sensor=temp&from=yesterday", 400, "from"),
        ("/readings?device=shed&sensor=temp&from=now&to=now-1h", 400, "from"),
        ("/readings?device=attic&sensor=temp", 404, "device"),
        ("/readings?device=shed&sensor=noise", 404, "sensor"),
        ("/export?format=xlsx", 400, "format"),
        ("/export?format=csv&format=csv", 400, "format"),
        ("/export?from=now&to=now", 400, "from"),
        ("/export?from=yesterday", 400, "from"),
        ("/export?limit=5", 400, "limit"),
        ("/export?label=room", 400, "label"),
        ("/export?device=shed&device=attic", 404, "device"),
        ("/export?device=s*&sensor=temp&sensor=noise", 404, "sensor"),
        ("/query?points=0", 400, "points"),
        ("/query?points=10001", 400, "points"),
        ("/query?points=5&every=1m", 400, "every"),
        ("/query?every=often", 400, "every"),
        ("/query?every=1s&from=now-30d", 400, "every"),
        ("/query?every=1d&tz=Mars/Olympus", 400, "tz"),
        ("/query?group=some", 400, "group"),
        ("/query?limit=10001", 400, "limit"),
        ("/query?agg=mood", 400, "agg"),
        ("/query?agg=avg,p101", 400, "agg"),
        ("/query?every=0s", 400, "every"),
        ("/query?label=room", 400, "label"),
        ("/query?cursor=***", 400, "cursor"),
        ("/query?from=now&to=now-1h", 400, "from"),
        ("/query?from=9999-13-01T00:00:00Z", 400, "from"),
        ("/query?group=all&limit=1", 400, "limit"),
        ("/latest?label=room", 400, "label"),
        ("/alerts?state=loud", 400, "state"),
        ("/alerts?severity=bad", 400, "severity"),
        ("/alerts?device=attic", 404, "device"),
        ("/alerts?cursor=YWJj", 400, "cursor"),
        ("/deliveries?webhook=7", 400, "webhook"),
        ("/deliveries?state=lost", 400, "state"),
    ] {
        let answer = scene.get(&format!("/api/v1{path}")).await;
        let (is, _, named) = answer.problem();
        assert_eq!((is, named), (status, Value::from(field)), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_parameter_that_is_not_known_is_never_ignored() {
    let scene = scene();
    let (shed, _) = scene.device(1, "shed").await;
    let document = scene.get("/api/openapi.json").await.json();
    let mut ignored = Vec::new();
    let paths = document["paths"].as_object().unwrap().iter().filter(|(_, item)| item.get("get").is_some());
    // Clients of Prometheus send parameters that only other servers know, and are used to that.
    for (path, _) in paths.filter(|(path, _)| !path.starts_with("/prometheus/")) {
        let id = match path.split('/').nth(3) {
            Some("alerts") => "alr_1",
            Some("deliveries") => "dlv_1",
            Some("rules") => "rul_1",
            Some("webhooks") => "whk_1",
            _ => &shed.id.to_string(),
        };
        let needed = if path == "/api/v1/readings" { "&device=shed&sensor=temp" } else { "" };
        let answer = scene.get(&format!("{}?no_such=1{needed}", path.replace("{id}", id))).await;
        if answer.status != 400 || !answer.text.contains("no_such") {
            ignored.push(format!("GET {path}: {} {:.80}", answer.status, answer.text));
        }
    }
    assert!(ignored.is_empty(), "a handler without parameters takes `_: Asked<Nothing>`: {ignored:#?}");
}

#[tokio::test]
async fn a_problem_names_the_key() {
    let scene = scene();
    scene.store.set_first_password("a hash".to_owned(), Clock.wall()).await.unwrap();
    let rule = |key: &str, value: Value| {
        let mut rule = json!({"name": "hot", "condition": {"type": "threshold", "op": ">", "value": 30}});
        rule[key] = value;
        rule.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        rule
    };
    let condition = |value: Value| rule("condition", value);
    let with = |mut whole: Value, key: &str, value: Value| {
        whole[key] = value;
        whole.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        condition(whole)
    };
    let rate = |key: &str, value: Value| {
        with(json!({"type": "rate", "op": ">", "value": 5, "per": "1m", "over": "5m", "clear": 4}), key, value)
    };
    let deviation = |key: &str, value: Value| {
        with(json!({"type": "deviation", "sigmas": 4, "over": "1h", "clear": 3, "least": 0.5}), key, value)
    };
    let differs = |key: &str, value: Value| {
        let whole = json!({"type": "difference", "other": "hum", "within": "5m", "op": ">", "value": 5, "clear": 4});
        with(whole, key, value)
    };
    let forecast = |key: &str, value: Value| {
        let whole = json!({"type": "forecast", "op": ">", "value": 100, "within": "3d", "over": "1d", "clear": 95});
        with(whole, key, value)
    };
    let part = |sensor: Value, kind: &str| {
        let part = json!({"condition": {"type": kind, "op": ">", "value": 5}});
        if sensor.is_null() { part } else { json!({"sensor": sensor, "condition": part["condition"]}) }
    };
    let counts = |key: &str, value: Value| {
        let state = json!({"type": "silence", "after": "5m"});
        with(json!({"type": "count", "op": ">=", "value": 3, "clear": 2, "condition": state}), key, value)
    };
    let many_tags: Value = (0..17).map(|n| (format!("tag{n}"), json!("x"))).collect();
    let joined = |parts: Value| condition(json!({"type": "all", "parts": parts}));
    let tried = |from: Value, to: Value| json!({"rule": rate("clear", json!(4)), "from": from, "to": to});
    for (method, path, body, field) in [
        ("POST", "/rules", json!({}), "condition"),
        ("POST", "/rules", rule("name", Value::Null), "name"),
        ("POST", "/rules", rule("name", json!("")), "name"),
        ("POST", "/rules", rule("nmae", json!("x")), "nmae"),
        ("POST", "/rules", rule("for", json!("soon")), "for"),
        ("POST", "/rules", rule("for", json!("31d")), "for"),
        ("POST", "/rules", rule("severity", json!("loud")), "severity"),
        ("POST", "/rules", rule("webhooks", json!(["whk_1"])), "webhooks[0]"),
        ("POST", "/rules", rule("webhooks", json!(["bell"])), "webhooks[0]"),
        ("POST", "/rules", rule("labels", json!({"a b": "c"})), "labels.a b"),
        ("POST", "/rules", rule("tags", json!({"team:x": "c"})), "tags.team:x"),
        ("POST", "/rules", rule("tags", json!({"team": ""})), "tags.team"),
        ("POST", "/rules", rule("tags", many_tags), "tags"),
        ("POST", "/rules", condition(json!({"type": "mood"})), "condition.type"),
        ("POST", "/rules", counts("op", json!(">")), "condition.op"),
        ("POST", "/rules", counts("value", json!(0)), "condition.value"),
        ("POST", "/rules", counts("value", json!(2.5)), "condition.value"),
        ("POST", "/rules", counts("clear", json!(4)), "condition.clear"),
        ("POST", "/rules", counts("condition", Value::Null), "condition.condition"),
        ("POST", "/rules", counts("condition", json!({"type": "all", "parts": []})), "condition.condition.type"),
        ("POST", "/rules", counts("condition", json!({"type": "silence"})), "condition.condition.after"),
        ("POST", "/rules", condition(json!({"type": "threshold", "value": 3})), "condition.op"),
        ("POST", "/rules", condition(json!({"type": "threshold", "op": ">"})), "condition.value"),
        ("POST", "/rules", condition(json!({"type": "threshold", "op": ">", "value": "3"})), "condition.value"),
        (
            "POST",
            "/rules",
            condition(json!({"type": "threshold", "op": ">", "value": 3, "clear": 4})),
            "condition.clear",
        ),
        (
            "POST",
            "/rules",
            condition(json!({"type": "threshold", "op": "<", "value": 3, "after": "5m"})),
            "condition.after",
        ),
        ("POST", "/rules", condition(json!({"type": "silence", "after": "0s"})), "condition.after"),
        ("POST", "/rules", condition(json!({"type": "silence"})), "condition.after"),
        ("POST", "/rules", condition(json!({"type": "offline", "after": "9s"})), "condition.after"),
        ("POST", "/rules", condition(json!({"type": "offline"})), "condition.after"),
        ("POST", "/rules", condition(json!({"type": "source_failing", "after": "5m"})), "condition.after"),
        ("POST", "/rules", condition(json!({"type": "clock_off", "by": "0s"})), "condition.by"),
        ("POST", "/rules", condition(json!({"type": "clock_off", "by": "soon"})), "condition.by"),
        (
            "POST",
            "/rules",
            json!({"name": "it", "sensor": "temp", "condition": {"type": "offline", "after": "5m"}}),
            "sensor",
        ),
        ("POST", "/rules", forecast("within", Value::Null), "condition.within"),
        ("POST", "/rules", forecast("within", json!("59s")), "condition.within"),
        ("POST", "/rules", forecast("over", json!("8d")), "condition.over"),
        ("POST", "/rules", forecast("clear", json!(101)), "condition.clear"),
        (
            "POST",
            "/rules",
            json!({"name": "it", "all_webhooks": true, "webhooks": ["whk_1"],
                "condition": {"type": "silence", "after": "5m"}}),
            "webhooks",
        ),
        (
            "POST",
            "/rules/backtest",
            json!({"rule": {"condition": {"type": "offline", "after": "5m"}}}),
            "rule.condition.type",
        ),
        ("POST", "/rules", rate("op", json!("~")), "condition.op"),
        ("POST", "/rules", rate("value", Value::Null), "condition.value"),
        ("POST", "/rules", rate("per", Value::Null), "condition.per"),
        ("POST", "/rules", rate("per", json!("0s")), "condition.per"),
        ("POST", "/rules", rate("over", Value::Null), "condition.over"),
        ("POST", "/rules", rate("over", json!("4s")), "condition.over"),
        ("POST", "/rules", rate("over", json!("8d")), "condition.over"),
        ("POST", "/rules", rate("clear", json!(6)), "condition.clear"),
        ("POST", "/rules", rate("sigmas", json!(4)), "condition.sigmas"),
        ("POST", "/rules", deviation("sigmas", Value::Null), "condition.sigmas"),
        ("POST", "/rules", deviation("sigmas", json!(0.5)), "condition.sigmas"),
        ("POST", "/rules", deviation("over", json!("soon")), "condition.over"),
        ("POST", "/rules", deviation("clear", json!(5)), "condition.clear"),
        ("POST", "/rules", deviation("clear", json!(-1)), "condition.clear"),
        ("POST", "/rules", deviation("least", json!(-1)), "condition.least"),
        ("POST", "/rules", deviation("value", json!(1)), "condition.value"),
        ("POST", "/rules", condition(json!({"type": "average", "op": ">", "value": 3})), "condition.over"),
        ("POST", "/rules", condition(json!({"type": "maximum", "op": ">", "over": "5m"})), "condition.value"),
        (
            "POST",
            "/rules",
            condition(json!({"type": "minimum", "op": "<", "value": 3, "over": "5m", "clear": 2})),
            "condition.clear",
        ),
        ("POST", "/rules", condition(json!({"type": "stuck", "after": "1h"})), "condition.least"),
        ("POST", "/rules", condition(json!({"type": "stuck", "least": -1, "after": "1h"})), "condition.least"),
        ("POST", "/rules", condition(json!({"type": "stuck", "least": 0, "after": "8d"})), "condition.after"),
        ("POST", "/rules", condition(json!({"type": "seasonal"})), "condition.sigmas"),
        ("POST", "/rules", condition(json!({"type": "seasonal", "sigmas": 4, "over": "1h"})), "condition.over"),
        ("POST", "/rules", differs("other", json!("temp*")), "condition.other"),
        ("POST", "/rules", differs("other", Value::Null), "condition.other"),
        ("POST", "/rules", differs("other", json!("")), "condition.other"),
        (
            "POST",
            "/rules",
            json!({"name": "itself", "sensor": "hum", "condition": differs("other", json!("hum"))["condition"]}),
            "condition.other",
        ),
        ("POST", "/rules", differs("within", json!("0s")), "condition.within"),
        ("POST", "/rules", differs("clear", json!(6)), "condition.clear"),
        ("POST", "/rules", joined(json!([part(Value::Null, "threshold")])), "condition.parts"),
        (
            "POST",
            "/rules",
            joined(json!([part(json!("a"), "threshold"), part(json!("b"), "threshold")])),
            "condition.parts",
        ),
        (
            "POST",
            "/rules",
            joined(json!([part(Value::Null, "threshold"), part(json!("b*"), "threshold")])),
            "condition.parts[1].sensor",
        ),
        (
            "POST",
            "/rules",
            joined(json!([part(Value::Null, "threshold"), part(json!("b"), "average")])),
            "condition.parts[1].condition.over",
        ),
        (
            "POST",
            "/rules",
            joined(json!([part(Value::Null, "threshold"), {"condition": {"type": "silence", "after": "5m"}}])),
            "condition.parts[1].condition.type",
        ),
        ("POST", "/rules", rule("clear_for", json!("soon")), "clear_for"),
        (
            "POST",
            "/rules",
            json!({"name": "x", "condition": {"type": "silence", "after": "5m"}, "clear_for": "5m"}),
            "clear_for",
        ),
        ("POST", "/rules/backtest", json!({}), "rule"),
        ("POST", "/rules/backtest", json!({"rule": {}}), "rule.condition"),
        ("POST", "/rules/backtest", json!({"rule": condition(json!({"type": "silence"}))}), "rule.condition.after"),
        (
            "POST",
            "/rules/backtest",
            json!({"rule": condition(json!({"type": "silence", "after": "5m"})), "against": {"condition": {"type": "silence"}}}),
            "against.condition.after",
        ),
        ("POST", "/rules/backtest", tried(json!("never"), json!("now")), "from"),
        ("POST", "/rules/backtest", tried(json!("now-1h"), json!("later")), "to"),
        ("POST", "/rules/backtest", tried(json!("now"), json!("now-1h")), "from"),
        ("POST", "/rules/backtest", tried(json!("now-400d"), json!("now")), "from"),
        ("POST", "/silences", json!({}), "until"),
        ("POST", "/silences", json!({"for": "soon"}), "for"),
        ("POST", "/silences", json!({"for": "0s"}), "until"),
        ("POST", "/silences", json!({"for": "400d"}), "until"),
        ("POST", "/silences", json!({"for": "1h", "until": "now+1h"}), "for"),
        ("POST", "/silences", json!({"until": "now-1h"}), "until"),
        ("POST", "/silences", json!({"for": "1h", "rule": "7"}), "rule"),
        ("POST", "/silences", json!({"for": "1h", "device": ""}), "device"),
        ("POST", "/silences", json!({"for": "1h", "comment": "x".repeat(501)}), "comment"),
        ("POST", "/alerts/ack", json!({}), "alerts"),
        ("POST", "/alerts/ack", json!({"alerts": []}), "alerts"),
        ("POST", "/alerts/ack", json!({"alerts": vec!["alr_1"; 1_001]}), "alerts"),
        ("POST", "/alerts/ack", json!({"alerts": ["alr_1", "whk_1"]}), "alerts[1]"),
        ("POST", "/alerts/ack", json!({"alerts": ["alr_1"], "comment": "x".repeat(501)}), "comment"),
        ("POST", "/webhooks", json!({"name": "n", "url": "nowhere"}), "url"),
        ("POST", "/webhooks", json!({"name": "n", "url": "ftp://a.example"}), "url"),
        ("POST", "/webhooks", json!({"name": "n", "url": "http://u:p@a.example"}), "url"),
        ("POST", "/webhooks", json!({"name": "n", "url": "http://127.0.0.1/"}), "url"),
        (
            "POST",
            "/webhooks",
            json!({"name": "n", "url": "http://a.example", "headers": {"Host": "b"}}),
            "headers.Host",
        ),
        ("POST", "/tokens", json!({"name": "n", "scope": "root"}), "scope"),
        ("POST", "/tokens", json!({"name": "n", "scope": "read", "expires": "late"}), "expires"),
        ("POST", "/join-tokens", json!({"uses": 0}), "uses"),
        ("POST", "/join-tokens", json!({"expires": "91d"}), "expires"),
        ("PUT", "/password", json!({"password": "as it is", "new_password": "short"}), "new_password"),
        ("PUT", "/password", json!({"password": "as it is", "new_password": "x".repeat(257)}), "new_password"),
        ("PUT", "/password", json!({"new_password": "long enough"}), "password"),
        ("POST", "/users", json!({"name": "anna"}), "role"),
        ("POST", "/users", json!({"name": "anna", "role": "owner"}), "role"),
        ("POST", "/users", json!({"name": "  ", "role": "viewer"}), "name"),
        ("POST", "/users", json!({"name": "x".repeat(65), "role": "viewer"}), "name"),
        ("POST", "/users", json!({"name": "an\u{200b}na", "role": "viewer"}), "name"),
        ("POST", "/users", json!({"name": "anna", "role": "viewer", "password": "typed for her"}), "password"),
        ("PATCH", "/users/usr_1", json!({}), "role"),
        ("PATCH", "/users/usr_1", json!({"enabled": "no"}), "enabled"),
        ("PATCH", "/users/usr_1", json!({"name": "a\u{202e}b"}), "name"),
        ("POST", "/second-factor", json!({}), "password"),
        ("PUT", "/second-factor", json!({}), "code"),
        ("PATCH", "/hub", json!({"join": {"policy": "maybe"}}), "join.policy"),
        ("PATCH", "/hub", json!({"join": {"open_for": "1h"}}), "join.open_for"),
        ("PATCH", "/hub", json!({"join": {}}), "join.policy"),
        ("POST", "/query", json!({"queries": [{}, {"points": 0}]}), "queries[1].points"),
        ("POST", "/query", json!({"queries": [{"from": true}]}), "queries[0].from"),
        ("POST", "/session", json!({}), "password"),
        ("POST", "/session?now=1", json!({}), "now"),
        ("DELETE", "/rules/rul_1?dry_run=true", json!({}), "dry_run"),
    ] {
        let answer = scene.call(method, &format!("/api/v1{path}"), &body).await;
        let (status, _, named) = answer.problem();
        assert_eq!((status, named), (400, Value::from(field)), "{method} {path} {body}: {}", answer.text);
    }
}

#[tokio::test]
async fn what_is_no_request_at_all_is_a_problem_too() {
    let scene = scene();
    for (method, path, status, code) in [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/api/", 404, "not_found"),
        ("PUT", "/api/v1/devices", 405, "method"),
        ("GET", "/api/v1/rules/first", 404, "not_found"),
        ("GET", "/api/v1/rules/rul_99", 404, "not_found"),
        ("GET", "/api/v1/devices/me", 404, "not_found"),
        ("POST", "/index.html", 405, "method"),
    ] {
        let answer = scene.send(request(method, path, ADMIN).body(Body::empty()).unwrap()).await;
        let (is, named, _) = answer.problem();
        assert_eq!((is, named), (status, Value::from(code)), "{method} {path}");
    }
    let post = |kind: &str, body: Vec<u8>| {
        request("POST", "/api/v1/rules", ADMIN).header(header::CONTENT_TYPE, kind).body(Body::from(body)).unwrap()
    };
    assert_eq!(scene.send(post("application/json", b"{\"name\":".to_vec())).await.problem().1, "bad_json");
    assert_eq!(scene.send(post("text/plain", b"{}".to_vec())).await.problem().0, 415);
    assert_eq!(scene.send(post("application/json", vec![b' '; 2 << 20])).await.problem().0, 413);
}
