//! Clients of InfluxDB, of OpenTelemetry (`otlp`) and of Prometheus (`prometheus`) as people install them, each from its registry
//! into a folder of its own: what they write is on disk, and what is wrong with a line they tell their user in words, while all the
//! others are stored.
//!
//! A client that cannot be installed, for want of its language or of a network, is skipped by its name.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod otlp;
mod prometheus;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Command;

use support::{HubProcess, skipped};

/// Good lines of a write; one more is none.
const GOOD: u64 = 499;

#[test]
fn influxdb_client_of_python() {
    python("influxdb-client", "1.50.0", &["partial write: line 251, column"]);
}

#[test]
fn influxdb3_python() {
    python("influxdb3-python", "0.21.0", &["partial write: line 251, column", "line 251: column"]);
}

#[test]
fn influxdb_client_of_npm() {
    npm("@influxdata/influxdb-client", "1.35.0", &["partial write: line 251, column"]);
}

#[test]
fn influxdb3_client_of_npm() {
    npm("@influxdata/influxdb3-client", "2.1.0", &["partial write: line 251, column", "line 251: column"]);
}

fn python(package: &str, version: &str, told: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let mut install = Command::new("python3");
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]).arg(dir.path());
    if is_installed(install.arg(format!("{package}=={version}")), package) {
        let mut script = Command::new("python3");
        script.env("PYTHONPATH", dir.path()).arg(beside("python.py"));
        writes(script.arg(package), told);
    }
}

fn npm(package: &str, version: &str, told: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let mut install = Command::new("npm");
    install.args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(dir.path());
    if is_installed(install.arg(format!("{package}@{version}")), package) {
        let mut script = Command::new("node");
        script.arg(beside("node.cjs")).arg(dir.path().join("node_modules").join(package));
        writes(script.arg(package), told);
    }
}

fn is_installed(install: &mut Command, package: &str) -> bool {
    let is_installed = install.output().is_ok_and(|done| done.status.success());
    if !is_installed {
        skipped(package);
    }
    is_installed
}

fn beside(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// Lets a script write to a hub: each of its writes has one line that is wrong, and is told in one of these ways.
fn writes(script: &mut Command, told: &[&str]) {
    let hub = HubProcess::start("token");
    let token = hub.output(&["token", "create", "--scope", "ingest"]);
    let now = telemetry_hub::clock::Clock.wall().0 / 1_000;
    let done = script.arg(format!("http://{}", hub.http)).arg(token).arg(now.to_string()).output().unwrap();
    let (said, errors) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}{errors}");
    // A line of each write: what the client told, without its line ends.
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), told.len(), "{said}{errors}");
    for (line, told) in lines.iter().zip(told) {
        assert!(line.contains(told) && line.contains("left out 1 of 500 lines, the others are stored"), "{line}");
    }
    assert_eq!(hub.count(), GOOD * told.len() as u64, "{said}");
}
