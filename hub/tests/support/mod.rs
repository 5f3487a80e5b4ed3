//! What the stories need: the hub and the agent as programs, a client for REST, a device made of `wire` alone.

#![allow(unreachable_pub, reason = "a module of every story that uses it")]
#![allow(dead_code, reason = "every story uses some of it")]
#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

pub mod beside;
pub mod device;
pub mod fleet;
pub mod lab;
pub mod machine;
pub mod port;
pub mod stopped;
pub mod tree;
pub mod trust;
pub mod webhook_sink;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use port::free_port;
use serde_json::Value;
pub use stopped::Stopped;

/// Waits until `check` yields something; fails after `limit` with `what`.
pub fn eventually<T>(what: &str, limit: Duration, mut check: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(Instant::now() < end, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A value of a hub's metrics by its name and labels as they are written.
pub fn metric(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?.parse().ok()
}

/// KiB of a process by a line of its status: `VmRSS:`, `VmHWM:`.
pub fn memory_kib(pid: u32, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A skipped test says so, past the test runner's capture; where `REQUIRE_ALL_TESTS` is set (CI), a skip is a failure.
pub fn skipped(needs: &str) {
    assert!(std::env::var_os("REQUIRE_ALL_TESTS").is_none(), "skipped: needs {needs}");
    let _ = writeln!(std::io::stderr(), "skipped: needs {needs}");
}

/// The hub's program.
pub fn hub_program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_telemetry-hub"))
}

/// The agent's program, built beside the hub's by `make test`.
pub fn agent_program() -> PathBuf {
    let path = hub_program().with_file_name("device-agent");
    assert!(path.exists(), "{} is not built: cargo build --workspace", path.display());
    path
}

/// A hub as a process, with its own data directory, restartable on the same ports.
pub struct HubProcess {
    /// Where its data lies.
    pub data: PathBuf,
    /// Set for its programs.
    pub environment: Vec<(String, String)>,
    /// Deleted with it.
    dir: Option<tempfile::TempDir>,
    pub http: SocketAddr,
    pub udp: SocketAddr,
    pub token: String,
    join: &'static str,
    child: Option<Child>,
}

impl HubProcess {
    pub fn start(join: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut hub = Self::on(dir.path().to_owned(), join, Vec::new());
        hub.dir = Some(dir);
        hub
    }

    /// A hub on a folder of the caller's, with some environment.
    pub fn on(data: PathBuf, join: &'static str, environment: Vec<(String, String)>) -> Self {
        let http = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let udp = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut hub = Self { data, environment, dir: None, http, udp, token: String::new(), join, child: None };
        hub.token = hub.output(&["token", "create", "--scope", "admin"]);
        hub.restart();
        hub
    }

    /// Runs a command on the hub's data to its end and gives its first line.
    pub fn output(&self, args: &[&str]) -> String {
        self.outputs(args).into_iter().next().unwrap_or_default()
    }

    /// Runs a command on the hub's data to its end and gives its lines.
    pub fn outputs(&self, args: &[&str]) -> Vec<String> {
        let mut command = Command::new(hub_program());
        command.args(args).arg("--data").arg(&self.data).envs(self.environment.iter().cloned());
        let done = command.output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    pub fn restart(&mut self) {
        self.kill();
        let child = Command::new(hub_program())
            .args(["serve", "--discovery", "off", "--join", self.join, "--webhook-allow", "127.0.0.0/8"])
            .arg("--data")
            .arg(&self.data)
            .envs(self.environment.iter().cloned())
            .args(["--http", &self.http.to_string(), "--udp", &self.udp.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        self.child = Some(child);
        eventually("hub ready", Duration::from_secs(20), || {
            (self.status("GET", "/readyz", None)? == 200).then_some(())
        });
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Makes a receiver of webhooks and a rule that tells it of each reading above 50 at once.
    pub fn tell(&self, url: &str) {
        let webhook = self.post("/api/v1/webhooks", &serde_json::json!({"name": "sink", "url": url}));
        self.post(
            "/api/v1/rules",
            &serde_json::json!({
                "name": "high", "sensor": "ledger", "webhooks": [webhook["id"]],
                "condition": {"type": "threshold", "op": ">", "value": 50},
            }),
        );
    }

    /// SIGKILL: nothing is said, nothing is flushed.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// SIGTERM; the exit code and how long it took.
    pub fn terminate(&mut self) -> (Option<i32>, Duration) {
        let mut child = self.child.take().unwrap();
        let start = Instant::now();
        signal(&child, "TERM");
        let status = eventually("hub stopped", Duration::from_secs(15), || child.try_wait().unwrap());
        (status.code(), start.elapsed())
    }

    pub fn join_token(&self, uses: u32) -> String {
        self.output(&["join-token", "create", "--uses", &uses.to_string()])
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, body) = self.request("GET", path, None).unwrap();
        assert_eq!(status, 200, "GET {path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    pub fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.request("POST", path, Some(body.to_string())).unwrap();
        assert!((200..300).contains(&status), "POST {path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap_or(Value::Null)
    }

    pub fn status(&self, method: &str, path: &str, body: Option<String>) -> Option<u16> {
        self.request(method, path, body).map(|(status, _)| status)
    }

    /// One request on a connection of its own; `None` when nobody answers.
    pub fn request(&self, method: &str, path: &str, body: Option<String>) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect_timeout(&self.http, Duration::from_secs(2)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        let body = body.unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            self.http,
            self.token,
            body.len(),
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        Some((status, if chunked { unchunk(body) } else { body.to_owned() }))
    }

    /// Readings stored of every device, counted by the hub's own aggregation: a device at a time, so that fifty million of
    /// them that lie across each other are no single question.
    pub fn count(&self) -> u64 {
        let devices = self.get("/api/v1/devices?limit=1000");
        assert!(devices["next"].is_null(), "more devices than are counted");
        let devices = devices["items"].as_array().unwrap();
        let stored = devices.iter().filter(|device| device["status"] != "pending");
        stored.map(|device| self.count_of(device["id"].as_str().unwrap())).sum()
    }

    fn count_of(&self, device: &str) -> u64 {
        let answer = self.get(&format!(
            "/api/v1/query?device={device}&sensor=*&from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&points=1&limit=1000"
        ));
        let series = answer["series"].as_array().unwrap();
        series
            .iter()
            .flat_map(|series| series["count"].as_array().unwrap())
            .map(|count| count.as_u64().unwrap_or(0))
            .sum()
    }

    pub fn start_agent(&self, state: &Path, args: &[&str]) -> Stopped {
        let agent = Command::new(agent_program())
            .args(["run", "--hub", &self.udp.to_string(), "--state", state.to_str().unwrap()])
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn();
        Stopped(agent.unwrap())
    }
}

impl Drop for HubProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

fn unchunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}

/// Sends a signal by name.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Runs a program to its end and gives its first line.
pub fn output(program: PathBuf, args: &[&str]) -> String {
    let done = Command::new(&program).args(args).output().unwrap();
    assert!(done.status.success(), "{} {args:?}: {}", program.display(), String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().lines().next().unwrap_or_default().to_owned()
}
