//! The demo's devices: agents as programs of their own, over the real path.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

/// How long the unreliable device runs, and how long it stays away.
const UNRELIABLE: (Duration, Duration) = (Duration::from_secs(40), Duration::from_secs(20));
/// History that the fleet invents before it continues live.
const HISTORY: &str = "7d";

/// How they are started.
pub(super) struct Programs {
    pub(super) agent: PathBuf,
    pub(super) state: PathBuf,
    pub(super) hub: SocketAddr,
    pub(super) token: String,
}

impl Programs {
    /// The real agent on the real sensors. Its name, and those of the others, put it first in a list.
    pub(super) fn this_computer(&self) -> anyhow::Result<Child> {
        let state = self.folder("computer");
        let label = ["--label", "site=home"];
        self.start(
            &[&["run", "--name", "this-computer", "--join-token", &self.token, "--state", &state], &label[..]].concat(),
        )
    }

    /// A device that waits to be adopted.
    pub(super) fn stranger(&self) -> anyhow::Result<Child> {
        self.start(&[
            "simulate",
            "--devices",
            "1",
            "--sensors",
            "4",
            "--name",
            "workshop",
            "--seed",
            "3",
            "--history",
            "1d",
        ])
    }

    /// A greenhouse with a week behind it, and one fault in it.
    pub(super) fn fleet(&self, devices: u32) -> anyhow::Result<Fleet> {
        let devices = devices.to_string();
        let mut command =
            self.command(&["simulate", "--devices", &devices, "--sensors", "6", "--seed", "7", "--name", "zone"]);
        command.args(["--history", HISTORY, "--fault", "--label", "site=greenhouse", "--join-token", &self.token]);
        let mut child = self.spawn(command.stderr(Stdio::piped()))?;
        let stderr = child.stderr.take().context("the fleet has no stderr")?;
        Ok(Fleet { log: BufReader::new(stderr).lines(), child })
    }

    /// A device that is there, and then is not.
    pub(super) async fn unreliable(&self) -> anyhow::Error {
        let state = self.folder("unreliable");
        loop {
            let args =
                ["run", "--name", "tool-shed", "--join-token", &self.token, "--state", &state, "--label", "site=home"];
            let mut child = match self.start(&args) {
                Ok(child) => child,
                Err(error) => return error,
            };
            tokio::time::sleep(UNRELIABLE.0).await;
            let _ = child.kill().await;
            tokio::time::sleep(UNRELIABLE.1).await;
        }
    }

    fn folder(&self, name: &str) -> String {
        self.state.join("agents").join(name).display().to_string()
    }

    fn start(&self, args: &[&str]) -> anyhow::Result<Child> {
        self.spawn(self.command(args).stderr(Stdio::null()))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.agent);
        command.args(args).arg("--hub").arg(self.hub.to_string()).arg("--log-format").arg("text");
        command
    }

    fn spawn(&self, command: &mut Command) -> anyhow::Result<Child> {
        // What this shell says of other agents is not about these.
        for name in ["DEVICE_AGENT_LOG", "DEVICE_AGENT_LABELS", "DEVICE_AGENT_CONFIG", "DEVICE_AGENT_INTERVAL"] {
            command.env_remove(name);
        }
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn();
        started.with_context(|| format!("starting {}", self.agent.display()))
    }
}

/// The simulated fleet.
pub(super) struct Fleet {
    log: Lines<BufReader<ChildStderr>>,
    child: Child,
}

impl Fleet {
    /// Until its week is on the hub's disk.
    pub(super) async fn history(&mut self) {
        while let Ok(Some(line)) = self.log.next_line().await {
            if line.contains("history") {
                return;
            }
        }
    }

    /// Reads what it says, so that it is never held up, until it ends.
    pub(super) async fn goes_on(mut self) -> anyhow::Error {
        let mut last = String::new();
        while let Ok(Some(line)) = self.log.next_line().await {
            last = line;
        }
        let status = self.child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
        if last.is_empty() {
            anyhow::anyhow!("it ended ({status})")
        } else {
            anyhow::anyhow!("it ended ({status}): {last}")
        }
    }
}
