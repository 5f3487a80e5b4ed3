//! Discovery between machines: network namespaces on cables, behind a switch that swallows multicast, across a router.
//!
//! Needs root and `ip`. With no address typed the agent finds the hub by multicast, by broadcast or by a well-known name, and
//! finds it again after the hub came back on another port; both doctors say what is in the way.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use support::lab::{ADDRESSES, CABLE, Lab};
use support::{Stopped, agent_program, eventually, hub_program, output};

/// A switch that passes broadcasts on and swallows multicast, as many a managed one and many an access point does.
const DEAF_SWITCH: &str = "
    link add eth0 netns @hub type veth peer name p1 netns @switch
    link add eth0 netns @agent type veth peer name p2 netns @switch
    -n @switch link add br0 type bridge mcast_snooping 0
    -n @switch link set p1 master br0
    -n @switch link set p2 master br0
    -n @switch link set p1 type bridge_slave mcast_flood off
    -n @switch link set p2 type bridge_slave mcast_flood off";
/// The hub in one network, the agent in another.
const ROUTER: &str = "
    link add eth0 netns @hub type veth peer name eth0 netns @router
    link add eth0 netns @agent type veth peer name eth1 netns @router
    -n @hub addr add 10.77.1.2/24 dev eth0
    -n @router addr add 10.77.1.1/24 dev eth0
    -n @router addr add 10.77.2.1/24 dev eth1
    -n @agent addr add 10.77.2.2/24 dev eth0";
const ROUTES: &str = "
    -n @hub route add default via 10.77.1.1
    -n @agent route add default via 10.77.2.1";
/// A cable, and a container bridge that leads to the same machine by a detour; over IPv4 alone, so that there is one right way.
const DETOUR: &str = "
    link add docker0 netns @hub type veth peer name docker0 netns @agent
    link add eth0 netns @hub type veth peer name eth0 netns @agent
    -n @hub addr add 10.88.0.1/24 dev docker0
    -n @agent addr add 10.88.0.2/24 dev docker0
    -n @agent link set docker0 addrgenmode none
    -n @agent link set eth0 addrgenmode none";

/// Two hubs and an agent on one switch.
const SWITCH: &str = "
    link add eth0 netns @hub type veth peer name p1 netns @switch
    link add eth0 netns @agent type veth peer name p2 netns @switch
    link add eth0 netns @other type veth peer name p3 netns @switch
    -n @switch link add br0 type bridge mcast_snooping 0
    -n @switch link set p1 master br0
    -n @switch link set p2 master br0
    -n @switch link set p3 master br0
    -n @hub addr add 10.77.0.1/24 dev eth0
    -n @agent addr add 10.77.0.2/24 dev eth0
    -n @other addr add 10.77.0.3/24 dev eth0";
/// The figures of the hub on a machine.
const METRICS: &str =
    "import urllib.request as u\nprint(u.urlopen('http://127.0.0.1:18080/metrics', timeout=10).read().decode())";

/// A hub and an agent in a lab, each with a folder of its own.
struct Scene {
    lab: Lab,
    dir: tempfile::TempDir,
    /// API token to read with.
    token: String,
    /// Join token.
    join: String,
}

impl Scene {
    fn new(lab: Lab) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("hub");
        let data = data.to_str().unwrap();
        let token = output(hub_program(), &["token", "create", "--scope", "read", "--data", data]);
        let join = output(hub_program(), &["join-token", "create", "--data", data]);
        Self { lab, dir, token, join }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn serve(&self, udp: &str) -> Stopped {
        let data = self.path("hub");
        let args = ["serve", "--data", &data, "--http", "0.0.0.0:18080", "--udp", udp, "--join", "token"];
        let hub = self.lab.spawn("hub", &hub_program(), &args);
        eventually("a hub that answers", Duration::from_secs(20), || self.count());
        hub
    }

    fn run_agent(&self, more: &[&str]) -> Stopped {
        let state = self.path("agent");
        let args = ["run", "--join-token", &self.join, "--state", &state, "--interval", "200ms"];
        self.lab.spawn("agent", &agent_program(), &[&args[..], more].concat())
    }

    /// Waits until the agent streams; the address at which it talks to the hub.
    fn hub_of_the_agent(&self) -> String {
        let state = self.path("agent");
        let report = eventually("an agent that streams", Duration::from_secs(20), || {
            let text = self.lab.output("agent", &agent_program(), &["status", "--json", "--state", &state]);
            let report: serde_json::Value = serde_json::from_str(&text).ok()?;
            (report["state"] == "streaming").then_some(report)
        });
        report["hub"].as_str().unwrap().to_owned()
    }

    /// What the agent's doctor says, by rung.
    fn agent_doctor(&self, more: &[&str]) -> String {
        let state = self.path("doctor");
        self.lab.output("agent", &agent_program(), &[&["doctor", "--state", &state][..], more].concat())
    }

    /// How many readings the hub has, asked from inside its machine; `None` while it does not answer.
    fn count(&self) -> Option<u64> {
        let url = "http://127.0.0.1:18080/api/v1/query?device=*&sensor=*&from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&points=1";
        let script = format!(
            "import json,urllib.request as u\nr=u.urlopen(u.Request('{url}',headers={{'Authorization':'Bearer {}'}}),timeout=5)\nprint(sum(c or 0 for s in json.load(r)['series'] for c in s['count']))",
            self.token
        );
        self.lab.output("hub", Path::new("python3"), &["-c", &script]).trim().parse().ok()
    }

    fn has_readings(&self, how: &str) -> u64 {
        eventually(how, Duration::from_secs(20), || self.count().filter(|n| *n > 0))
    }
}

fn line<'a>(text: &'a str, with: &str) -> &'a str {
    text.lines().find(|line| line.contains(with)).unwrap_or_else(|| panic!("no line with '{with}' in:\n{text}"))
}

fn finds_the_hub(name: &str, addresses: &str) {
    let Some(lab) = Lab::build(name, &["hub", "agent"], &[CABLE, addresses]) else { return };
    let scene = Scene::new(lab);
    let hub = scene.serve("0.0.0.0:5770");
    let _agent = scene.run_agent(&[]);
    let first = scene.has_readings("found by multicast");
    drop(hub);
    let _hub = scene.serve("0.0.0.0:5799");
    eventually("found again on another port", Duration::from_secs(60), || scene.count().filter(|n| *n > first + 50));
}

#[test]
fn an_agent_finds_the_hub_over_ipv4_and_again_on_another_port() {
    finds_the_hub("4", ADDRESSES);
}

#[test]
fn an_agent_finds_the_hub_where_there_is_only_ipv6() {
    finds_the_hub("6", "");
}

#[test]
fn an_agent_behind_a_switch_that_swallows_multicast_finds_the_hub_by_broadcast() {
    let Some(lab) = Lab::build("b", &["hub", "switch", "agent"], &[DEAF_SWITCH, ADDRESSES]) else { return };
    let scene = Scene::new(lab);
    let _hub = scene.serve("0.0.0.0:5770");
    let _agent = scene.run_agent(&[]);
    scene.has_readings("found by broadcast");
    assert_eq!(scene.hub_of_the_agent(), "10.77.0.1:5770");
    let told = scene.agent_doctor(&[]);
    assert!(line(&told, "broadcast: ").starts_with("ok   broadcast: hub at 10.77.0.1:5770"), "{told}");
    assert!(line(&told, "multicast IPv4: ").starts_with("none "), "{told}");
}

#[test]
fn across_a_router_a_well_known_name_finds_the_hub_and_the_discovery_port_is_silent() {
    let Some(lab) = Lab::build("r", &["hub", "router", "agent"], &[ROUTER]) else { return };
    // Routes can be had only once the interfaces are up.
    assert!(lab.run(ROUTES));
    let scene = Scene::new(lab);
    let forward = ["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"];
    assert_eq!(scene.lab.output("router", Path::new("sh"), &forward), "");
    let named = "10.77.1.2 telemetry-hub\n";

    // Nothing says where the hub is, and then it is not running: the doctor tells one from the other.
    let told = scene.agent_doctor(&[]);
    // In a container the fix is the container's.
    let fixes = ["fix: name the hub: device-agent run --hub", "fix: docker run --network host"];
    assert!(fixes.iter().any(|fix| line(&told, "multicast IPv4: ").contains(fix)), "{told}");
    assert!(line(&told, "name telemetry-hub:5770: ").ends_with("not found (fine if another way works)"), "{told}");
    let told = scene.agent_doctor(&["--hub", "10.77.1.2:5770"]);
    assert!(line(&told, "--hub 10.77.1.2:5770: ").contains("no hub listens on its UDP port 5770"), "{told}");
    let told = scene.agent_doctor(&["--hub", "10.77.1.77:5770"]);
    assert!(line(&told, "--hub 10.77.1.77:5770: ").starts_with("FAIL "), "{told}");

    let _hub = scene.serve("0.0.0.0:5770");
    let probe = "import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.settimeout(2)\n\
        s.sendto(bytes([16,1,1,0])+b'nonce...'+bytes(148),('10.77.1.2',int(sys.argv[1])))\n\
        try: print(len(s.recv(2000)))\nexcept TimeoutError: print('silence')";
    let ask = |port: &str| scene.lab.output("agent", Path::new("python3"), &["-c", probe, port]).trim().to_owned();
    assert_eq!((&*ask("5771"), &*ask("5770")), ("silence", "61"), "from another network only the data port answers");
    let told =
        scene.lab.output("hub", &hub_program(), &["doctor", "--data", &scene.path("hub"), "--http", "127.0.0.1:18080"]);
    assert!(line(&told, "searches: ").contains("1 from a network this machine is not in"), "{told}");
    assert!(
        line(&told, "eth0 IPv4: ").starts_with("ok   eth0 IPv4: multicast group joined, a search is answered"),
        "{told}"
    );
    assert!(line(&told, "UDP 5770").starts_with("ok ") && line(&told, "UDP 5771").starts_with("ok "), "{told}");

    scene.lab.hosts("agent", named);
    let _agent = scene.run_agent(&[]);
    scene.has_readings("found by its name");
    assert_eq!(scene.hub_of_the_agent(), "10.77.1.2:5770");
    let told = scene.agent_doctor(&[]);
    assert!(line(&told, "name telemetry-hub:5770: ").starts_with("ok "), "{told}");

    assert!(scene.lab.run("-n @agent route del default"));
    let told = scene.agent_doctor(&["--hub", "192.0.2.1:5770"]);
    assert!(
        line(&told, "--hub 192.0.2.1:5770: ").contains("no route to 192.0.2.1; fix: ip route get 192.0.2.1"),
        "{told}"
    );
}

#[test]
fn a_hub_that_was_killed_is_told_as_one_that_does_not_answer() {
    let Some(lab) = Lab::build("k", &["hub", "agent"], &[CABLE, ADDRESSES]) else { return };
    let scene = Scene::new(lab);
    let hub = scene.serve("0.0.0.0:5770");
    let state = scene.path("agent");
    let args = ["run", "--join-token", &scene.join, "--state", &state, "--interval", "200ms"];
    let mut command = scene.lab.command("agent", &agent_program(), &args);
    let mut agent = Stopped(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(agent.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(scene.hub_of_the_agent(), "10.77.0.1:5770");
    drop(hub);
    let mut said = String::new();
    while !said.contains("no hub after") {
        said += &(lines.next().unwrap() + "\n");
    }
    assert!(said.contains("looking for this device's hub (last at 10.77.0.1:5770; multicast"), "{said}");
    assert!(said.contains("s: this device's hub, last at 10.77.0.1:5770, does not answer: is it running?"), "{said}");
    assert!(!said.contains("a hub answered") && !said.contains("one was found"), "{said}");

    let told = scene.lab.output("agent", &agent_program(), &["doctor", "--state", &state]);
    let last = line(&told, "last known hub 10.77.0.1:5770: ");
    assert!(last.starts_with("FAIL ") && last.contains("no hub listens on its UDP port 5770"), "{told}");
    assert!(told.starts_with(&format!("1 problem found:\n{last}\n")), "{told}");
    assert!(line(&told, "broadcast: ").starts_with("none ") && !told.contains("docker run"), "{told}");
    let told = scene.lab.output("agent", &agent_program(), &["status", "--state", &state]);
    assert!(line(&told, "  hub ").ends_with("none, last at 10.77.0.1:5770"), "{told}");

    // Another hub is no help to a device that belongs to this one.
    let other = scene.path("other");
    let args = ["serve", "--data", &other, "--http", "127.0.0.1:18081", "--udp", "0.0.0.0:5798"];
    let _other = scene.lab.spawn("hub", &hub_program(), &args);
    let told = eventually("the other one is found", Duration::from_secs(40), || {
        let told = scene.lab.output("agent", &agent_program(), &["doctor", "--state", &state]);
        told.contains(": hub at 10.77.0.1:5798").then_some(told)
    });
    assert!(line(&told, "last known hub 10.77.0.1:5770: ").starts_with("FAIL "), "{told}");
    assert!(line(&told, "belongs to").starts_with("FAIL none of them is the hub this device belongs to"), "{told}");
    assert!(!told.contains("blocked or deleted"), "{told}");

    assert!(scene.lab.run("-n @agent link set eth0 down"));
    let told = scene.lab.output("agent", &agent_program(), &["doctor", "--state", &state]);
    assert!(told.starts_with("1 problem found:\nFAIL this machine has no network"), "{told}");
}

#[test]
fn bridges_of_containers_are_asked_last() {
    let Some(lab) = Lab::build("d", &["hub", "agent"], &[DETOUR, ADDRESSES]) else { return };
    let scene = Scene::new(lab);
    let _hub = scene.serve("0.0.0.0:5770");
    // Past the hub's announcements, which come by every way.
    std::thread::sleep(Duration::from_secs(3));
    let _agent = scene.run_agent(&[]);
    assert_eq!(scene.hub_of_the_agent(), "10.77.0.1:5770");
}

#[test]
fn with_two_hubs_and_no_token_an_agent_waits_names_both_and_joins_the_one_that_is_named() {
    let Some(lab) = Lab::build("w", &["hub", "agent", "other", "switch"], &[SWITCH]) else { return };
    let dir = tempfile::tempdir().unwrap();
    // Both would take whoever comes.
    let serve = |machine: &str| {
        let data = dir.path().join(machine);
        let args = ["serve", "--data", data.to_str().unwrap(), "--http", "127.0.0.1:18080", "--join", "open"];
        let mut command = lab.command(machine, &hub_program(), &args);
        let mut hub = Stopped(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let mut lines = BufReader::new(hub.0.stdout.take().unwrap()).lines();
        let words = lines.find_map(|line| line.unwrap().strip_prefix("six words").map(|words| words.trim().to_owned()));
        (hub, lines, words.unwrap())
    };
    let (_hub, _hub_says, hub_words) = serve("hub");
    let (_other, _other_says, other_words) = serve("other");
    let devices =
        |machine: &str| support::metric(&lab.output(machine, Path::new("python3"), &["-c", METRICS]), "hub_devices");
    let agent = |more: &[&str]| {
        let state = dir.path().join("agent");
        let args = [&["run", "--state", state.to_str().unwrap(), "--interval", "200ms"][..], more].concat();
        let mut command = lab.command("agent", &agent_program(), &args);
        let mut agent = Stopped(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        let lines = BufReader::new(agent.0.stderr.take().unwrap()).lines();
        (agent, lines)
    };
    let (waiting, mut lines) = agent(&[]);
    let said = lines.find(|line| line.as_ref().unwrap().contains("--hub-words")).unwrap().unwrap();
    assert!(said.contains(&hub_words) && said.contains(&other_words), "{said}");
    assert_eq!((devices("hub"), devices("other")), (Some(0), Some(0)), "it went to one of them");
    drop((waiting, lines));
    let (_joined, _lines) = agent(&["--hub-words", &other_words.to_uppercase()]);
    eventually("the one that was named", Duration::from_secs(30), || devices("other").filter(|n| *n > 0));
    assert_eq!(devices("hub"), Some(0));
}
