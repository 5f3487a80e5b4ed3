//! What a person meets on the terminal: commands that find the hub and make none, links to open, closed pipes, a password
//! that was forgotten, and a demo.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod asking;
mod letting_in;
mod starting;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::json;
use support::lab::{ADDRESSES, CABLE, Lab};
use support::port::free_port;
use support::{HubProcess, Stopped, eventually, hub_program, signal};

fn hub() -> Command {
    Command::new(hub_program())
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

/// What curl gets of a page.
fn fetched(args: &[&str]) -> String {
    let output = Command::new("curl").args(["-s", "-H", "content-type: application/json"]).args(args).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

/// A hub with one device that measures this machine.
fn hub_with_device(state: &Path) -> (HubProcess, Stopped) {
    let hub = HubProcess::start("token");
    let token = hub.join_token(1);
    let agent = hub.start_agent(state, &["--join-token", &token, "--name", "attic"]);
    eventually("readings", Duration::from_secs(30), || (hub.count() > 50).then_some(()));
    (hub, agent)
}
