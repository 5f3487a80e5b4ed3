//! The aarch64 binary that ships, under qemu's user mode, against a real hub: it joins with a token and its readings
//! arrive.
//!
//! `make agent-test` builds what it needs and runs it; without the variable that sets it is left out, because a binary that
//! an earlier source gave proves nothing.

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

#[test]
fn the_aarch64_binary_joins_a_hub_and_its_readings_arrive() {
    if std::env::var_os("AGENT_TEST_CROSS").is_none() {
        eprintln!("left out: `make agent-test` runs it");
        return;
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let agent = workspace.join("target/agent/device-agent-aarch64");
    let hub = Path::new(program()).with_file_name("telemetry-hub");
    let qemu = qemu(workspace).unwrap();
    assert!(agent.exists() && hub.exists(), "{} and {} are not built", agent.display(), hub.display());
    let folder = tempfile::tempdir().unwrap();
    let (data, state) = (folder.path().join("hub"), folder.path().join("agent"));
    let (data, state) = (data.to_str().unwrap(), state.to_str().unwrap());
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let http = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut serve = Command::new(&hub);
    serve.args(["serve", "--discovery", "off", "--join", "token", "--data", data, "--http", &http, "--udp", &udp]);
    let _hub = Stopped(serve.stdout(Stdio::null()).spawn().unwrap());
    let token = eventually("a join token", || {
        let output = Command::new(&hub).args(["join-token", "create", "--uses", "1", "--data", data]).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    });

    let mut run = Command::new(qemu);
    run.arg(&agent).args(["run", "--hub", &udp, "--join-token", &token, "--state", state, "--interval", "200ms"]);
    let _agent = Stopped(run.spawn().unwrap());
    let report = eventually("acknowledged readings", || {
        let output = Command::new(program()).args(["status", "--json", "--state", state]).output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        (report["readings_acked"].as_u64()? > 100).then_some(report)
    });
    assert_eq!(report["state"].as_str(), Some("streaming"), "{report}");
    assert_eq!(report["readings_dropped"].as_u64(), Some(0), "{report}");
}

struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_device-agent")
}

/// The machine's own, or the one that `.ci/agent-targets qemu` unpacked.
fn qemu(workspace: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([workspace.join("target/cross/root/usr/bin")]);
    folders.map(|folder| folder.join("qemu-aarch64-static")).find(|program| program.exists())
}

fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("no {what} within a minute")
}
