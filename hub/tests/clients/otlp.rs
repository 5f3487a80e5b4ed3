//! OpenTelemetry's SDKs of Python and of Node: all that they measure is on disk, and what is no number is counted.

use std::collections::BTreeMap;
use std::process::Command;

use crate::support::{HubProcess, metric};
use crate::{beside, is_installed};

/// What each of the programs measures, with the totals of one and the changes of the other.
const SENT: [(&str, f64); 20] = [
    ("orders{big=true,kind=tea,service.name=shop}", 3.0),
    ("queue{service.name=shop}", -2.0),
    ("temperature{room=attic,service.name=shop}", 21.5),
    ("duration.count{service.name=shop}", 3.0),
    ("duration.sum{service.name=shop}", 30.204),
    ("duration.min{service.name=shop}", 0.004),
    ("duration.max{service.name=shop}", 30.0),
    ("duration.bucket{le=0,service.name=shop}", 0.0),
    ("duration.bucket{le=5,service.name=shop}", 2.0),
    ("duration.bucket{le=+Inf,service.name=shop}", 3.0),
    ("orders.delta{big=true,kind=tea,service.name=mill}", 3.0),
    ("queue{service.name=mill}", -2.0),
    ("temperature{room=attic,service.name=mill}", 21.5),
    ("duration.delta.count{service.name=mill}", 3.0),
    ("duration.delta.sum{service.name=mill}", 30.204),
    ("duration.delta.min{service.name=mill}", 0.004),
    ("duration.delta.max{service.name=mill}", 30.0),
    ("duration.delta.bucket{le=0,service.name=mill}", 0.0),
    ("duration.delta.bucket{le=5,service.name=mill}", 2.0),
    ("duration.delta.bucket{le=+Inf,service.name=mill}", 3.0),
];

/// What Python's measures besides, by buckets that grow.
const EXPONENTIAL: [(&str, f64); 5] = [
    ("wait.count{service.name=shop}", 3.0),
    ("wait.bucket{le=0.00390625,service.name=shop}", 0.0),
    ("wait.bucket{le=0.25,service.name=shop}", 2.0),
    ("wait.delta.bucket{le=32,service.name=mill}", 3.0),
    ("wait.delta.bucket{le=+Inf,service.name=mill}", 3.0),
];

#[test]
fn opentelemetry_of_python() {
    let dir = tempfile::tempdir().unwrap();
    let mut install = Command::new("python3");
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]).arg(dir.path());
    install.args(["opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-http==1.45.2"]);
    if is_installed(&mut install, "opentelemetry-sdk") {
        let hub = HubProcess::start("token");
        let mut script = Command::new("python3");
        let said = says(&hub, script.env("PYTHONPATH", dir.path()).arg(beside("otlp.py")));
        assert_eq!(said.lines().collect::<Vec<_>>(), ["SUCCESS", "SUCCESS", "FAILURE"], "{said}");
        let there = sensors(&hub);
        for (name, value) in SENT.iter().chain(&EXPONENTIAL) {
            // A bound below all values is not there.
            let is = there.get(*name).copied().unwrap_or_default();
            assert!((is - value).abs() < 1e-9, "{name} is {is}: {there:?}");
        }
        assert!(!there.keys().any(|name| name.contains("thief")), "{there:?}");
    }
}

#[test]
fn opentelemetry_of_npm_by_protobuf() {
    npm("exporter-metrics-otlp-proto");
}

#[test]
fn opentelemetry_of_npm_by_json() {
    npm("exporter-metrics-otlp-http");
}

fn npm(exporter: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut install = Command::new("npm");
    install.args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(dir.path());
    install.arg(format!("@opentelemetry/{exporter}@0.301.0"));
    install.args(["@opentelemetry/sdk-metrics@3", "@opentelemetry/resources@3", "@opentelemetry/api@1"]);
    if is_installed(&mut install, exporter) {
        let hub = HubProcess::start("token");
        let mut script = Command::new("node");
        let said = says(&hub, script.arg(beside("otlp.cjs")).arg(dir.path().join("node_modules")).arg(exporter));
        assert_eq!(said.lines().collect::<Vec<_>>(), ["SUCCESS", "SUCCESS"], "{said}");
        let there = sensors(&hub);
        for (name, value) in SENT {
            let is = there.get(name).copied();
            assert!(is.is_some_and(|is| (is - value).abs() < 1e-9), "{name} is {is:?}: {there:?}");
        }
        let (_, metrics) = hub.request("GET", "/metrics", None).unwrap();
        let left_out = metric(&metrics, "hub_push_left_out_total{reason=\"invalid\"}");
        // Each of two programs sends once more when it ends.
        assert_eq!(left_out, Some(4), "a gauge that is no number");
    }
}

/// Lets a script send to a hub, and gives what it prints.
fn says(hub: &HubProcess, script: &mut Command) -> String {
    let token = hub.output(&["token", "create", "--scope", "ingest"]);
    let done = script.arg(format!("http://{}", hub.http)).arg(token).output().unwrap();
    let (said, errors) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}{errors}");
    said
}

/// The newest value of each sensor.
fn sensors(hub: &HubProcess) -> BTreeMap<String, f64> {
    let latest = hub.get("/api/v1/latest?limit=1000");
    let of = |item: &serde_json::Value| Some((item["sensor"].as_str()?.to_owned(), item["value"].as_f64()?));
    latest["items"].as_array().unwrap().iter().filter_map(of).collect()
}
