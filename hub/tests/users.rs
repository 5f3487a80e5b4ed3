//! Users from the hub's own machine: commands beside a running hub, which signs out at once whoever may no longer.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use support::{HubProcess, eventually, hub_program};

/// Sends JSON, with a cookie if there is one; the status, and the cookie of the answer.
fn send(hub: &HubProcess, method: &str, path: &str, body: &Value, cookie: &str) -> (u16, String) {
    let url = format!("http://{}{path}", hub.http);
    let done = Command::new("curl")
        .args([
            "-s",
            "-i",
            "--max-time",
            "20",
            "-X",
            method,
            "-H",
            "content-type: application/json",
            "-d",
            &body.to_string(),
        ])
        .args(["-H", &format!("cookie: {cookie}"), &url])
        .output()
        .unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{text}"));
    let set = text.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap_or_default();
    (status, set.split(';').next().unwrap_or_default().to_owned())
}

/// What a link that a command prints has behind this word.
fn linked(lines: &[String], word: &str) -> String {
    let text = lines.join("\n");
    let (_, rest) = text.split_once(&format!("#{word}=")).unwrap_or_else(|| panic!("{text}"));
    rest.chars().take_while(char::is_ascii_hexdigit).collect()
}

fn accept(hub: &HubProcess, lines: &[String], password: &str) -> String {
    let body = json!({"invitation": linked(lines, "invite"), "password": password});
    let (status, cookie) = send(hub, "PUT", "/api/v1/invitation", &body, "");
    assert_eq!(status, 204);
    cookie
}

/// Whether a command fails, and says this.
fn fails(hub: &HubProcess, args: &[&str], says: &str) {
    let done = Command::new(hub_program()).args(args).arg("--data").arg(&hub.data).output().unwrap();
    let text = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success() && text.contains(says), "{args:?}: {text}");
}

#[test]
fn people_are_added_changed_and_removed_by_commands_beside_the_hub() {
    let hub = HubProcess::start("token");
    fails(&hub, &["user", "add", "anna", "--role", "viewer"], "no admin password is set yet");
    let setup = json!({"setup_token": linked(&hub.outputs(&["open"]), "setup"), "password": "correct horse"});
    assert_eq!(send(&hub, "POST", "/api/v1/setup", &setup, "").0, 204);
    let anna = accept(&hub, &hub.outputs(&["user", "add", "anna", "--role", "viewer"]), "battery staple");
    let may = |cookie: &str, method: &str, path: &str| send(&hub, method, path, &json!({}), cookie).0;
    assert_eq!((may(&anna, "GET", "/api/v1/hub"), may(&anna, "POST", "/api/v1/rules")), (200, 403));
    let listed = hub.outputs(&["user", "list"]);
    assert!(listed[2].starts_with("usr_2  anna") && listed[2].contains("viewer"), "{listed:?}");

    hub.outputs(&["user", "role", "Anna", "operator"]);
    eventually("signed out", Duration::from_secs(10), || (may(&anna, "GET", "/api/v1/hub") == 401).then_some(()));
    let sign_in =
        |password: &str| send(&hub, "POST", "/api/v1/session", &json!({"name": "anna", "password": password}), "");
    let (status, anna) = sign_in("battery staple");
    assert_eq!((status, may(&anna, "POST", "/api/v1/rules")), (204, 400), "it may, and says nothing");
    hub.outputs(&["user", "disable", "usr_2"]);
    assert_eq!(sign_in("battery staple").0, 401);
    hub.outputs(&["user", "enable", "anna"]);
    fails(&hub, &["password", "reset"], "--user NAME (admin, anna)");
    fails(&hub, &["password", "reset", "--user", "bob"], "no user 'bob'");
    let again = hub.outputs(&["password", "reset", "--user", "anna", "--second-factor"]);
    assert_eq!(sign_in("battery staple").0, 401);
    accept(&hub, &again, "another staple");
    assert_eq!(sign_in("another staple").0, 204);
    fails(&hub, &["user", "remove", "admin"], "only admin");
    fails(&hub, &["user", "add", "  ", "--role", "viewer"], "1 to 64 characters");
    hub.outputs(&["user", "remove", "anna"]);
    assert_eq!(hub.outputs(&["user", "list"]).len(), 2);
    // Nobody is asked for a name again.
    assert_eq!(send(&hub, "POST", "/api/v1/session", &json!({"password": "correct horse"}), "").0, 204);
}
