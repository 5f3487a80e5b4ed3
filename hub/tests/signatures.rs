//! Receivers as the documentation prints them, with four libraries that never saw this code: each takes what the hub sends, also
//! while a secret is replaced, and refuses what another secret signed.
//!
//! The libraries come from their registries, at the versions that stand here. Where that is not possible the test is skipped by name,
//! but never in CI.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use support::port::free_port;
use support::{HubProcess, Stopped, eventually, skipped};

const SOON: Duration = Duration::from_secs(60);
const PYTHON: [&str; 2] = ["standardwebhooks==1.1.0", "svix==2.9.1"];
const NODE: [&str; 2] = ["standardwebhooks@1.1.1", "svix@2.5.0"];

#[test]
fn the_documented_receivers_in_python_take_what_the_hub_signs() {
    let folder = folder("python");
    let python = folder.join("venv/bin/python");
    let venv = ["-m", "venv", "venv"];
    let has_it = python.exists() || done(Command::new("python3").current_dir(&folder).args(venv));
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    if !has_it || !done(Command::new(&python).current_dir(&folder).args(pip).args(PYTHON)) {
        return skipped("Python with the packages standardwebhooks and svix");
    }
    for library in ["standardwebhooks", "svix"] {
        let import = |name: &str| format!("from {name}.webhooks import Webhook");
        let receiver = block("python").replace(&import("standardwebhooks"), &import(library));
        assert!(receiver.contains(&import(library)));
        takes_and_refuses(&folder, &python, &format!("with_{library}.py"), &receiver);
    }
}

#[test]
fn the_documented_receivers_in_node_take_what_the_hub_signs() {
    let folder = folder("node");
    let npm = ["install", "--no-save", "--silent", "--no-audit", "--no-fund"];
    if !done(Command::new("npm").current_dir(&folder).args(npm).args(NODE)) {
        return skipped("Node with the packages standardwebhooks and svix");
    }
    for library in ["standardwebhooks", "svix"] {
        let import = |name: &str| format!("import {{ Webhook }} from \"{name}\"");
        let receiver = block("js").replace(&import("standardwebhooks"), &import(library));
        assert!(receiver.contains(&import(library)));
        takes_and_refuses(&folder, Path::new("node"), &format!("with_{library}.mjs"), &receiver);
    }
}

/// A receiver with the first secret takes what is sent before and during a rotation, one with the new secret takes it too, and one with
/// another secret takes nothing.
fn takes_and_refuses(folder: &Path, program: &Path, file: &str, receiver: &str) {
    fs::write(folder.join(file), receiver).unwrap();
    let hub = HubProcess::start("token");
    let port = free_port();
    let listens = |secret: &str| {
        let mut command = Command::new(program);
        command.current_dir(folder).arg(file).env("WEBHOOK_SECRET", secret).env("PORT", port.to_string());
        let running = Stopped(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        eventually("the receiver listens", SOON, || TcpStream::connect(("127.0.0.1", port)).ok());
        running
    };
    let new = json!({"name": "own", "url": format!("http://127.0.0.1:{port}/")});
    let made = hub.post("/api/v1/webhooks", &new);
    let path = format!("/api/v1/webhooks/{}", text(&made["id"]));
    let status = || {
        let delivery = hub.post(&format!("{path}/test"), &json!({}));
        let path = format!("/api/v1/deliveries/{}", text(&delivery["id"]));
        eventually("it is tried", SOON, || {
            let attempts = hub.get(&path)["attempts"].clone();
            attempts.get(0).map(|attempt| attempt["status"].clone())
        })
    };
    let first = text(&made["secret"]).to_owned();
    let running = listens(&first);
    assert_eq!(status(), 204, "{file}");
    let second = text(&hub.post(&format!("{path}/rotate-secret"), &json!({}))["secret"]).to_owned();
    assert_eq!(status(), 204, "{file} with the secret that is replaced");
    drop(running);
    let running = listens(&second);
    assert_eq!(status(), 204, "{file} with the new secret");
    drop(running);
    let _running = listens("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(status(), 401, "{file} with another secret");
    assert_eq!(hub.get(&path)["problem"]["kind"], "token", "{file}");
}

/// Where libraries are kept from one run to the next.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("signatures").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn done(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The receiver in this language, as it is printed.
fn block(language: &str) -> String {
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/receivers.md")).unwrap();
    let (_, after) = docs.split_once(&format!("```{language}\n")).unwrap();
    after.split_once("```").unwrap().0.to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}
