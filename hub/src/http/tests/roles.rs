//! Who may do what: every operation of the document, tried by each role and by nobody.

use serde_json::json;

use super::scene::{json as json_body, request, scene};
use crate::model::user::Role;

/// Who at least may do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    /// Whoever comes; some of it asks for a secret of its own.
    Nobody,
    /// Whoever has an account or a token.
    Known,
    Operator,
    Admin,
}
use Needs::{Admin, Known, Nobody, Operator};

const LIST: &[(Needs, &str)] = &[
    (Nobody, "GET /agent/{target}"),
    (Nobody, "GET /bundle/{file}"),
    (Nobody, "GET /install.sh"),
    (Nobody, "GET /ca.crt"),
    (Nobody, "GET /api/v1/setup"),
    (Nobody, "POST /api/v1/setup"),
    (Nobody, "POST /api/v1/invitation"),
    (Nobody, "PUT /api/v1/invitation"),
    (Nobody, "POST /api/v1/session"),
    (Nobody, "DELETE /api/v1/session"),
    // A browser cannot read the status of a refused upgrade: nobody gets in, and is told by a close code.
    (Nobody, "GET /api/v1/live"),
    (Known, "GET /api/v1/session"),
    (Known, "GET /api/v1/sessions"),
    (Known, "DELETE /api/v1/sessions"),
    (Known, "DELETE /api/v1/sessions/{id}"),
    (Known, "PUT /api/v1/password"),
    (Known, "POST /api/v1/second-factor"),
    (Known, "PUT /api/v1/second-factor"),
    (Known, "POST /api/v1/second-factor/off"),
    (Known, "POST /api/v1/second-factor/recovery-codes"),
    (Known, "GET /api/v1/alerts"),
    (Known, "GET /api/v1/alerts/{id}"),
    (Known, "GET /api/v1/alerts/{id}/chart.png"),
    (Known, "GET /api/v1/alerts/{id}/chart.svg"),
    (Known, "GET /api/v1/deliveries"),
    (Known, "GET /api/v1/deliveries/{id}"),
    (Known, "GET /api/v1/devices"),
    (Known, "GET /api/v1/devices/{id}"),
    (Known, "GET /api/v1/devices/{id}/ledger"),
    (Known, "GET /api/v1/devices/{id}/sensors"),
    (Known, "GET /api/v1/devices/{id}/swaps"),
    (Known, "GET /api/v1/doors"),
    (Known, "GET /api/v1/doors/mqtt/rules"),
    (Known, "GET /api/v1/doors/mqtt/unread"),
    (Known, "GET /api/v1/export"),
    (Known, "GET /api/v1/heartbeat"),
    (Known, "GET /api/v1/hub"),
    (Known, "GET /api/v1/latest"),
    (Known, "GET /api/v1/query"),
    (Known, "POST /api/v1/query"),
    (Known, "GET /api/v1/readings"),
    (Known, "GET /prometheus/api/v1/query"),
    (Known, "POST /prometheus/api/v1/query"),
    (Known, "GET /prometheus/api/v1/query_range"),
    (Known, "POST /prometheus/api/v1/query_range"),
    (Known, "GET /prometheus/api/v1/series"),
    (Known, "POST /prometheus/api/v1/series"),
    (Known, "GET /prometheus/api/v1/labels"),
    (Known, "POST /prometheus/api/v1/labels"),
    (Known, "GET /prometheus/api/v1/label/{name}/values"),
    (Known, "GET /prometheus/api/v1/metadata"),
    (Known, "GET /prometheus/api/v1/status/buildinfo"),
    (Known, "GET /api/v1/retention"),
    (Known, "GET /api/v1/rules"),
    (Known, "GET /api/v1/rules/{id}"),
    (Known, "POST /api/v1/rules/backtest"),
    (Known, "GET /api/v1/sensor-sets"),
    (Known, "GET /api/v1/silences"),
    (Known, "GET /api/v1/webhooks"),
    (Known, "GET /api/v1/webhooks/{id}"),
    (Operator, "POST /api/v1/alerts/ack"),
    (Operator, "POST /api/v1/alerts/{id}/ack"),
    (Operator, "POST /api/v1/silences"),
    (Operator, "DELETE /api/v1/silences/{id}"),
    (Operator, "POST /api/v1/doors/mqtt/rules"),
    (Operator, "DELETE /api/v1/doors/mqtt/rules/{id}"),
    (Operator, "POST /api/v1/rules"),
    (Operator, "POST /api/v1/rules/apply"),
    (Operator, "POST /api/v1/rules/preview"),
    (Operator, "PUT /api/v1/rules/{id}"),
    (Operator, "DELETE /api/v1/rules/{id}"),
    (Operator, "PATCH /api/v1/devices/{id}"),
    (Operator, "POST /api/v1/devices/{id}/adopt"),
    (Operator, "POST /api/v1/devices/{id}/block"),
    (Operator, "POST /api/v1/devices/{id}/forget"),
    (Operator, "POST /api/v1/devices/{id}/replace"),
    (Operator, "PATCH /api/v1/devices/{id}/sensors/{sensor}"),
    (Operator, "POST /api/v1/readings"),
    (Operator, "POST /api/v1/write"),
    (Operator, "POST /api/v2/write"),
    (Operator, "POST /api/v3/write_lp"),
    (Operator, "POST /write"),
    (Operator, "POST /query"),
    (Operator, "POST /v1/metrics"),
    (Operator, "GET /query"),
    (Admin, "DELETE /api/v1/devices/{id}"),
    (Admin, "POST /api/v1/import"),
    (Admin, "PATCH /api/v1/hub"),
    (Admin, "PUT /api/v1/heartbeat"),
    (Admin, "POST /api/v1/heartbeat/send"),
    (Admin, "PUT /api/v1/retention"),
    (Admin, "POST /api/v1/retention/preview"),
    (Admin, "POST /api/v1/webhooks"),
    (Admin, "PUT /api/v1/webhooks/{id}"),
    (Admin, "PATCH /api/v1/webhooks/{id}"),
    (Admin, "DELETE /api/v1/webhooks/{id}"),
    (Admin, "POST /api/v1/webhooks/{id}/add-to-rules"),
    (Admin, "POST /api/v1/webhooks/{id}/rotate-secret"),
    (Admin, "POST /api/v1/webhooks/preview"),
    (Admin, "POST /api/v1/webhooks/echo"),
    (Admin, "GET /api/v1/webhooks/{id}/echo"),
    (Admin, "POST /api/v1/webhooks/{id}/echo"),
    (Admin, "POST /api/v1/webhooks/{id}/test"),
    (Admin, "POST /api/v1/deliveries/{id}/replay"),
    (Admin, "POST /api/v1/deliveries/replay"),
    (Admin, "GET /api/v1/tokens"),
    (Admin, "POST /api/v1/tokens"),
    (Admin, "DELETE /api/v1/tokens/{id}"),
    (Admin, "GET /api/v1/join-tokens"),
    (Admin, "POST /api/v1/join-tokens"),
    (Admin, "DELETE /api/v1/join-tokens/{id}"),
    (Admin, "GET /api/v1/users"),
    (Admin, "POST /api/v1/users"),
    (Admin, "PATCH /api/v1/users/{id}"),
    (Admin, "DELETE /api/v1/users/{id}"),
    (Admin, "POST /api/v1/users/{id}/reset"),
    (Admin, "DELETE /api/v1/users/{id}/second-factor"),
    (Admin, "GET /api/v1/audit"),
];

#[tokio::test]
async fn each_role_may_do_what_is_listed_and_no_more() {
    let scene = scene();
    let document = scene.get("/api/openapi.json").await.json();
    let listed: Vec<String> = LIST.iter().map(|(_, operation)| (*operation).to_owned()).collect();
    let mut there: Vec<String> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = ["get", "post", "put", "patch", "delete"].into_iter().filter(|method| item.get(method).is_some());
        there.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    let missing: Vec<_> = there.iter().filter(|operation| !listed.contains(operation)).collect();
    let gone: Vec<_> = listed.iter().filter(|operation| !there.contains(operation)).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "missing from LIST in this file: {missing:?}; in LIST and not there: {gone:?}"
    );
    assert_eq!(listed.len(), there.len(), "an operation is in LIST twice");

    let roles = [(Role::Viewer, Known), (Role::Operator, Operator), (Role::Admin, Admin)];
    let mut users = Vec::new();
    for (role, is) in roles {
        users.push((scene.user(role.word(), role).await, is));
    }
    let mut browsers = 0;
    for (needs, operation) in LIST {
        let (method, path) = operation.split_once(' ').unwrap();
        let path = path.replace("{id}", "rul_1").replace("{sensor}", "t");
        let nobody = scene.send(json_body(request(method, &path, ""), &json!({}))).await;
        if *needs == Nobody {
            assert!(!nobody.text.contains("\"code\":\"scope\""), "{operation} by nobody: {}", nobody.text);
        } else {
            assert_eq!(nobody.status, 401, "{operation} by nobody: {}", nobody.text);
        }
        for (user, is) in &users {
            browsers += 1;
            let cookie = scene.session_of(*user, browsers).await;
            let answer = scene.by(&cookie, method, &path, &json!({})).await;
            let says_scope = [r#""code":"scope""#, r#""reason":"scope""#].iter().any(|said| answer.text.contains(said));
            let is_refused = answer.status == 403 && says_scope;
            assert_eq!(is_refused, is < needs, "{operation} by {is:?}: {} {}", answer.status, answer.text);
            if *needs != Nobody {
                assert_ne!(answer.status, 401, "{operation} by {is:?}: {}", answer.text);
            }
            if is_refused {
                let role = if *needs == Admin { "it needs admin" } else { "it needs operator or admin" };
                assert!(answer.text.contains(role), "{operation} by {is:?}: {}", answer.text);
            }
        }
    }
}
