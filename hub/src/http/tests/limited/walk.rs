//! Every operation of the document, by a limited token.

use std::collections::BTreeSet;

use serde_json::json;

use super::{SECRETS, Sites};
use crate::http::tests::scene::{json as json_body, request};
use crate::model::access::Scope;
use crate::model::access::Scope::{Ingest, Read, Write};

const ANY: &[Scope] = &[Ingest, Read, Write];
const SENDS: &[Scope] = &[Ingest, Write];
const READS: &[Scope] = &[Read, Write];
const WRITES: &[Scope] = &[Write];

/// What a limited token may do, with one of these scopes. All else is refused.
const NARROWED: [(&[Scope], &str); 35] = [
    (ANY, "GET /api/v1/session"),
    (SENDS, "POST /api/v1/readings"),
    (SENDS, "POST /api/v1/write"),
    (SENDS, "POST /api/v2/write"),
    (SENDS, "POST /api/v3/write_lp"),
    (SENDS, "POST /write"),
    (SENDS, "GET /query"),
    (SENDS, "POST /query"),
    (SENDS, "POST /v1/metrics"),
    (READS, "GET /api/v1/alerts"),
    (READS, "GET /api/v1/alerts/{id}"),
    (READS, "GET /api/v1/devices"),
    (READS, "GET /api/v1/devices/{id}"),
    (READS, "GET /api/v1/devices/{id}/ledger"),
    (READS, "GET /api/v1/devices/{id}/sensors"),
    (READS, "GET /api/v1/devices/{id}/swaps"),
    (READS, "GET /api/v1/export"),
    (READS, "GET /api/v1/latest"),
    (READS, "GET /api/v1/query"),
    (READS, "POST /api/v1/query"),
    (READS, "GET /api/v1/readings"),
    (READS, "GET /api/v1/sensor-sets"),
    (READS, "GET /prometheus/api/v1/query"),
    (READS, "POST /prometheus/api/v1/query"),
    (READS, "GET /prometheus/api/v1/query_range"),
    (READS, "POST /prometheus/api/v1/query_range"),
    (READS, "GET /prometheus/api/v1/series"),
    (READS, "POST /prometheus/api/v1/series"),
    (READS, "GET /prometheus/api/v1/labels"),
    (READS, "POST /prometheus/api/v1/labels"),
    (READS, "GET /prometheus/api/v1/label/{name}/values"),
    (READS, "GET /prometheus/api/v1/metadata"),
    (READS, "GET /prometheus/api/v1/status/buildinfo"),
    (WRITES, "POST /api/v1/alerts/ack"),
    (WRITES, "POST /api/v1/alerts/{id}/ack"),
];

/// Whoever comes may ask for these; the live stream is tried over a socket.
const OPEN: [&str; 12] = [
    // Whoever has a link that the hub signed; the tests of alerts have the limits of tokens.
    "GET /api/v1/alerts/{id}/chart.png",
    "GET /api/v1/alerts/{id}/chart.svg",
    "GET /agent/{target}",
    "GET /bundle/{file}",
    "GET /install.sh",
    "GET /ca.crt",
    "GET /api/v1/setup",
    "POST /api/v1/setup",
    "POST /api/v1/invitation",
    "PUT /api/v1/invitation",
    "POST /api/v1/session",
    "DELETE /api/v1/session",
];

#[tokio::test]
async fn only_what_can_be_narrowed_is_answered_and_tells_nothing_of_what_is_outside() {
    let sites = Sites::new().await;
    let document = sites.scene.get("/api/openapi.json").await.json();
    let secrets: Vec<String> = SECRETS.map(str::to_owned).into_iter().chain([sites.north.id.to_string()]).collect();
    for scope in [Ingest, Read, Write] {
        let token = sites.token(scope).await;
        let mut done = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                let operation = format!("{method} {path}");
                let is_there = item.get(method.to_lowercase()).is_some();
                if !is_there || OPEN.contains(&operation.as_str()) || operation == "GET /api/v1/live" {
                    continue;
                }
                let answer = sites.scene.send(ask(&sites, method, path, &token)).await;
                let is_scope = answer.status == 403 && answer.problem().1 == "scope";
                let may = NARROWED.iter().find(|(_, one)| *one == operation).map(|(scopes, _)| scopes.contains(&scope));
                match may {
                    Some(true) => {
                        assert!(answer.status.is_success(), "{operation} by {scope:?}: {}", answer.text);
                        done.insert(operation.clone());
                    }
                    Some(false) => {
                        assert!(is_scope && answer.text.contains("needs the scope"), "{operation} by {scope:?}");
                    }
                    None => {
                        let says = answer.text.contains("only for devices with site=south");
                        assert!(
                            is_scope && says,
                            "{operation} does not refuse a limited token ({scope:?}) for its devices: if it shows only what is \
                            in its view, add it to NARROWED, else take an extractor for all devices: {} {}",
                            answer.status,
                            answer.text
                        );
                    }
                }
                let said = format!("{:?} {}", answer.headers, answer.text);
                let leak = secrets.iter().find(|secret| said.contains(*secret));
                assert_eq!(leak, None, "{operation} by {scope:?}: {said}");
            }
        }
        let may = NARROWED.iter().filter(|(scopes, _)| scopes.contains(&scope));
        assert_eq!(done, may.map(|(_, operation)| (*operation).to_owned()).collect(), "{scope:?}");
        let metrics = request("GET", "/metrics", &token).body(axum::body::Body::empty()).unwrap();
        assert_eq!(sites.scene.send(metrics).await.problem().1, "scope", "metrics by {scope:?}");
    }
}

/// A request that would be right if the token were for everything.
fn ask(sites: &Sites, method: &str, path: &str, token: &str) -> axum::http::Request<axum::body::Body> {
    let id = match path {
        path if path.contains("/devices/") => sites.south.id.to_string(),
        path if path.contains("/alerts/") => "alr_1".to_owned(),
        _ => "rul_1".to_owned(),
    };
    let mut to = path.replace("{id}", &id).replace("{sensor}", "temp");
    if (method, path) == ("GET", "/api/v1/readings") {
        to += "?device=shed&sensor=temp";
    }
    if path.starts_with("/prometheus/") {
        to = to.replace("{name}", "device");
        to += "?query=%7B__name__%3D~%22.%2B%22%7D&match[]=%7B__name__%3D~%22.%2B%22%7D&start=0&end=1&step=1";
    }
    if path == "/query" {
        to += "?q=SHOW%20DATABASES";
    }
    let body = match path {
        "/api/v1/query" => json!({"queries": [{}, {"group": "all"}]}),
        "/api/v1/alerts/ack" => json!({"alerts": ["alr_1", "alr_2"]}),
        "/api/v1/readings" => json!({"device": "shed", "readings": [{"sensor": "t", "value": 1}]}),
        _ => json!({}),
    };
    if path == "/api/v1/write" {
        let request = request(method, &to, token).header("content-type", "application/x-protobuf");
        return request.body(axum::body::Body::empty()).unwrap();
    }
    if path.ends_with("/write") || path.ends_with("/write_lp") {
        return request(method, &to, token).body("t,host=shed value=1".into()).unwrap();
    }
    json_body(request(method, &to, token), &body)
}
