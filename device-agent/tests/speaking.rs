//! An agent that finds no hub speaks: the program, started as a person starts it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// Ends with its scene.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What an agent says until it names the doctor, which it does within seconds or the test runner ends it.
fn says(args: &[&str]) -> Vec<String> {
    let state = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_device-agent");
    let child = Command::new(program)
        .args(["run", "--state", state.path().to_str().unwrap()])
        .args(args)
        .env("DEVICE_AGENT_LOG", "info")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut agent = Agent(child.unwrap());
    let mut lines = BufReader::new(agent.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut said = Vec::new();
    for line in &mut lines {
        let is_last = line.contains("device-agent doctor");
        said.push(line);
        if is_last {
            break;
        }
    }
    said
}

#[test]
fn a_hub_that_does_not_answer_is_told_with_where_it_was_looked_for() {
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let said = says(&["--hub", &nobody]).join("\n");
    assert!(said.contains(&format!("looking for the hub at {nobody} ...")), "{said}");
    assert!(said.contains(&format!("nothing answers at {nobody}; to find out why: device-agent doctor")), "{said}");
}

#[test]
fn a_name_that_nobody_knows_is_told_by_its_name_with_the_port_that_was_meant() {
    let said = says(&["--hub", "no-such-host.invalid"]).join("\n");
    assert_eq!(said.matches("WARN").count(), 1, "once: {said}");
    assert!(said.contains("--hub no-such-host.invalid:5770: the name cannot be found"), "{said}");
}
