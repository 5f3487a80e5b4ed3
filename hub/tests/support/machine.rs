//! A machine with an agent of its own, which can be copied, stopped and started again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{HubProcess, Stopped, agent_program, eventually, output, signal};

const SOON: Duration = Duration::from_secs(60);

/// A machine: its state folder, and a thermometer that says which machine it is.
pub struct Machine {
    dir: tempfile::TempDir,
    pub agent: Option<Stopped>,
    /// Set for the agent.
    pub environment: Vec<(&'static str, String)>,
}

impl Machine {
    pub fn new(degrees: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (chip, proc) = (dir.path().join("root/sys/class/hwmon/hwmon0"), dir.path().join("root/proc"));
        fs::create_dir_all(&chip).unwrap();
        fs::create_dir_all(proc).unwrap();
        fs::write(chip.join("name"), "probe\n").unwrap();
        fs::write(chip.join("temp1_input"), format!("{degrees}000\n")).unwrap();
        Self { dir, agent: None, environment: Vec::new() }
    }

    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The state folder of another, as it is at this moment.
    pub fn copy_state(&self, from: &Path) {
        let _ = fs::remove_dir_all(self.state());
        assert!(Command::new("cp").arg("-a").arg(from).arg(self.state()).status().unwrap().success());
    }

    pub fn start(&mut self, hub: &HubProcess, more: &[&str]) {
        let log = fs::File::options().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        let mut run = Command::new(agent_program());
        run.args(["run", "--hub", &hub.udp.to_string(), "--interval", "50ms", "--state"]).arg(self.state()).args(more);
        run.env("DEVICE_AGENT_SENSOR_ROOT", self.dir.path().join("root")).stdout(Stdio::null()).stderr(log);
        run.envs(self.environment.iter().map(|(key, value)| (key, value)));
        self.agent = Some(Stopped(run.spawn().unwrap()));
    }

    /// SIGTERM, and its end.
    pub fn stop(&mut self) {
        let mut agent = self.agent.take().unwrap();
        signal(&agent.0, "TERM");
        assert_eq!(eventually("the agent's end", SOON, || agent.0.try_wait().unwrap()).code(), Some(0));
    }

    /// Writes a file of this machine.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join("root").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    pub fn status(&self) -> Option<Value> {
        let asked = Command::new(agent_program()).args(["status", "--json", "--state"]).arg(self.state()).output();
        serde_json::from_slice(&asked.unwrap().stdout).ok()
    }

    pub fn acked(&self) -> u64 {
        self.status().map_or(0, |status| status["readings_acked"].as_u64().unwrap())
    }

    /// Waits until so many readings more are acknowledged.
    pub fn goes_on(&self, readings: u64) {
        let before = self.acked();
        eventually("more readings acknowledged", SOON, || (self.acked() >= before + readings).then_some(()));
    }

    pub fn id(&self) -> String {
        output(agent_program(), &["id", "--state", self.state().to_str().unwrap()])
    }

    pub fn doctor(&self, hub: &HubProcess) -> String {
        let mut doctor = Command::new(agent_program());
        doctor.args(["doctor", "--hub", &hub.udp.to_string(), "--state"]).arg(self.state());
        String::from_utf8(doctor.output().unwrap().stdout).unwrap()
    }
}
