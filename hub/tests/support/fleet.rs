//! Simulated devices, as many as wanted in one process of the agent's program: its own protocol, encrypted, with real sockets.

use std::io::Read as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{Stopped, agent_program, eventually, signal};

/// Ends with its scene.
pub struct Fleet(Stopped);

impl Fleet {
    /// Lets devices join `hub` by `token`; what else they do, `device-agent simulate` says.
    pub fn start(hub: SocketAddr, token: &str, args: &[&str]) -> Self {
        let fleet = Command::new(agent_program())
            .args(["simulate", "--hub", &hub.to_string(), "--join-token", token])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        Self(Stopped(fleet.unwrap()))
    }

    pub fn is_over(&mut self) -> bool {
        self.0.0.try_wait().unwrap().is_some()
    }

    /// Asks it to end.
    pub fn stop(&self) {
        signal(&self.0.0, "TERM");
    }

    /// Waits for its end: whether everything it kept was acknowledged, and what it says of itself (`sent`, `acked`, `dropped`).
    pub fn outcome(mut self, limit: Duration) -> (bool, Value) {
        eventually("the fleet is through", limit, || self.is_over().then_some(()));
        let mut said = String::new();
        self.0.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        let status = self.0.0.wait().unwrap();
        let said = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{status}: {said}"));
        (status.success(), said)
    }
}
