//! Discovery across two hosts: network namespaces joined by a veth pair, as two machines on one cable.
//!
//! Needs root and `ip`. With no address typed the agent finds the hub by multicast, and finds it again after the hub came
//! back on another port.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::{agent_program, eventually, hub_program, output, skipped};

/// Two namespaces and the cable between them; gone when dropped.
struct Cable {
    hub: String,
    agent: String,
}

impl Cable {
    /// `None` where namespaces cannot be made. `only_v6` leaves the ends without IPv4.
    fn lay(name: &str, only_v6: bool) -> Option<Self> {
        let id = std::process::id();
        let cable = Self { hub: format!("h{name}{id}"), agent: format!("a{name}{id}") };
        let (hub, agent) = (&cable.hub, &cable.agent);
        let (left, right) = (format!("v{name}h{id}"), format!("v{name}a{id}"));
        let mut steps = vec![
            format!("netns add {hub}"),
            format!("netns add {agent}"),
            format!("link add {left} netns {hub} type veth peer name {right} netns {agent}"),
        ];
        if !only_v6 {
            steps.push(format!("-n {hub} addr add 10.77.0.1/24 dev {left}"));
            steps.push(format!("-n {agent} addr add 10.77.0.2/24 dev {right}"));
        }
        for (space, end) in [(hub, &left), (agent, &right)] {
            steps.push(format!("-n {space} link set lo up"));
            steps.push(format!("-n {space} link set {end} up"));
        }
        steps.iter().all(|step| ip(step)).then_some(cable)
    }

    fn spawn(space: &str, program: &Path, args: &[&str]) -> Stopped {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", space]).arg(program).args(args);
        Stopped(command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap())
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.hub));
        ip(&format!("netns del {}", self.agent));
    }
}

struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ip(args: &str) -> bool {
    let done = Command::new("ip").args(args.split(' ')).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

/// How many readings the hub in `space` has, asked from inside it; `None` while it does not answer.
fn count(space: &str, token: &str) -> Option<u64> {
    let url = "http://127.0.0.1:18080/api/v1/query?device=*&sensor=*&from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&points=1";
    let script = format!(
        "import json,urllib.request as u\nr=u.urlopen(u.Request('{url}',headers={{'Authorization':'Bearer {token}'}}),timeout=5)\nprint(sum(c or 0 for s in json.load(r)['series'] for c in s['count']))"
    );
    let done = Command::new("ip")
        .args(["netns", "exec", space, "python3", "-c", &script])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8(done.stdout).ok()?.trim().parse().ok()
}

fn serve(cable: &Cable, data: &str, udp: &str) -> Stopped {
    let args = ["serve", "--data", data, "--http", "0.0.0.0:18080", "--udp", udp, "--join", "token"];
    Cable::spawn(&cable.hub, &hub_program(), &args)
}

fn finds_the_hub(name: &str, only_v6: bool) {
    let Some(cable) = Cable::lay(name, only_v6) else { return skipped("root and network namespaces (ip netns)") };
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("hub");
    let (data, state) = (data.to_str().unwrap(), dir.path().join("agent"));
    let token = output(hub_program(), &["token", "create", "--scope", "read", "--data", data]);
    let join = output(hub_program(), &["join-token", "create", "--data", data]);

    let hub = serve(&cable, data, "0.0.0.0:5770");
    let args = ["run", "--join-token", &join, "--state", state.to_str().unwrap(), "--interval", "200ms"];
    let _agent = Cable::spawn(&cable.agent, &agent_program(), &args);
    let first =
        eventually("found by multicast", Duration::from_secs(20), || count(&cable.hub, &token).filter(|n| *n > 0));

    drop(hub);
    let _hub = serve(&cable, data, "0.0.0.0:5799");
    eventually("found again on another port", Duration::from_secs(60), || {
        count(&cable.hub, &token).filter(|n| *n > first + 50)
    });
}

#[test]
fn an_agent_finds_the_hub_over_ipv4_and_again_on_another_port() {
    finds_the_hub("4", false);
}

#[test]
fn an_agent_finds_the_hub_where_there_is_only_ipv6() {
    finds_the_hub("6", true);
}
