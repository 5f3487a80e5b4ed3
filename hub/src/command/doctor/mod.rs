//! `telemetry-hub doctor`: checks everything between a device and the disk, and says what fails and what would fix it.
//!
//! It works with and without a running hub. What only a running hub knows (probes heard, datagrams dropped) it reads
//! from the hub's metrics, the rest from the kernel.

mod certificate;
mod findings;
mod kernel;
mod reasons;

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpStream};
use std::path::Path;
use std::time::Duration;

use rustix::fs::Access;
use socket2::SockRef;
use tokio::net::UdpSocket;
use wire::discovery::{DISCOVERY_PORT, GROUP_V4, GROUP_V6, Probe};
use wire::packet::Packet;

use super::outcome::{Failure, Outcome};
use crate::clock::Clock;
use crate::config::{Config, Flags};
use crate::running::{self, Running};
use crate::udp::socket::Socket;
use crate::zones::Rules;
use crate::{reach, store};
use certificate::look_at_certificate;
use findings::Findings;
use kernel::{members_v4, members_v6, metric, udp_sockets};

/// How long to wait for the running hub's answer to a probe: its jitter is 120 ms.
const PATIENCE: Duration = Duration::from_secs(1);
/// A clock before this was never set: 2024-01-01, before the first release.
const SET_FROM_MS: i64 = 1_704_067_200_000;

pub(super) async fn run(flags: Flags) -> Outcome {
    let named = flags.data.is_some() || flags.config.is_some();
    let has_address = flags.http.is_some();
    let says_discovery = flags.discovery.is_some();
    let mut config = Config::load(flags)?;
    let mut findings = Findings::default();
    look_at_clock(&mut findings);
    look_at_zones(&mut findings);
    if !named && !store::Store::is_in(&config.data) {
        look_elsewhere(&mut config, &mut findings);
    }
    look_at_data(&config.data, &mut findings);
    let word = Running::of(&config.data);
    if let Some(running) = word.as_ref().filter(|_| !has_address) {
        (config.http, config.udp) = (running.http, running.udp);
        if !says_discovery {
            config.discovery = running.discovery;
        }
    }
    let metrics = metrics(config.http);
    match &metrics {
        Some(_) => findings.good(format_args!("a hub answers on {}", address(config.http, word.as_ref()))),
        None => tell_of_no_hub(&config, &mut findings),
    }
    if metrics.is_some() && word.as_ref().is_none_or(|running| running.http.port() != config.http.port()) {
        let owner = running::elsewhere()
            .into_iter()
            .find(|data| Running::of(data).is_some_and(|running| running.http.port() == config.http.port()));
        let (answers, data) = (config.http, config.data.display());
        match owner {
            Some(owner) => findings.bad(
                format_args!(
                    "the hub that answers on http://{answers} has its data in {}, not in {data}",
                    owner.display()
                ),
                format_args!("--data {}", owner.display()),
            ),
            None => findings.told(format_args!("it cannot be seen from here whether its data is in {data}")),
        }
    }
    if let Some(running) = word.as_ref().filter(|running| running.tls && metrics.is_some()) {
        look_at_certificate(&config.data, running, &mut findings).await;
    }
    let discoverable = look_at_sockets(&config, metrics.is_some(), &mut findings);
    look_at_buffer(&mut findings);
    if config.discovery && !discoverable {
        findings.told("network interfaces are not checked: the running hub does not answer searches");
    } else if config.discovery {
        look_at_links(metrics.is_some(), &mut findings).await;
    } else {
        findings.told("discovery is off: agents need --hub");
    }
    if let Some(metrics) = &metrics {
        tell_traffic(metrics, &mut findings);
    }
    hint_at_firewall(config.udp.port(), &mut findings);
    findings.print();
    if findings.failed.is_empty() { Ok(()) } else { Err(Failure::Told) }
}

/// Where people open the page of the hub that was asked: by its own word, if that is about this one.
fn address(http: SocketAddr, word: Option<&Running>) -> String {
    let links = word.filter(|running| running.http == http).map(Running::links).unwrap_or_default();
    links.into_iter().next().unwrap_or_else(|| format!("http://{}", reach::here(http)))
}

/// None runs where one was looked for; those that run elsewhere may be what is meant.
fn tell_of_no_hub(config: &Config, findings: &mut Findings) {
    let (address, data) = (reach::here(config.http), config.data.display());
    let start = format!("telemetry-hub serve --data {data}");
    let others: Vec<String> = running::elsewhere().iter().map(|data| format!("--data {}", data.display())).collect();
    if others.is_empty() {
        return findings.bad(format_args!("no hub answers on http://{address}"), start);
    }
    let plural = if others.len() == 1 { "another hub is" } else { "other hubs are" };
    findings.bad(
        format_args!("no hub runs with its data in {data}, and none answers on http://{address}; {plural} running"),
        format_args!("{}; or start this one: {start}", others.join(" or ")),
    );
}

/// Nobody named a hub, and there is none in the usual place: the one that runs is meant.
fn look_elsewhere(config: &mut Config, findings: &mut Findings) {
    match running::elsewhere().as_slice() {
        [] => {}
        [one] => config.data.clone_from(one),
        several => {
            let several: Vec<String> = several.iter().map(|data| data.display().to_string()).collect();
            findings.told(format_args!("hubs are running with {}: choose one with --data", several.join(", ")));
        }
    }
}

fn look_at_clock(findings: &mut Findings) {
    if Clock.wall().0 < SET_FROM_MS {
        findings
            .bad("this machine's clock is not set: readings would get wrong times", "sudo timedatectl set-ntp true");
        return;
    }
    let service = Path::new("/run/systemd/timesync");
    if service.exists() && !service.join("synchronized").exists() {
        findings
            .bad("this machine's clock is not synchronised with a time server yet", "sudo timedatectl set-ntp true");
    } else {
        findings.good("the clock is set");
    }
}

fn look_at_zones(findings: &mut Findings) {
    let rules = Rules::in_use();
    match rules.warning(Clock.wall()) {
        Some(warning) => findings.doubtful(format_args!("{warning} ({})", rules.place())),
        None => findings.good(format_args!("time zone rules: tz database {} ({})", rules.version, rules.place())),
    }
}

fn look_at_data(data: &Path, findings: &mut Findings) {
    let shown = data.display();
    // Where it is not there yet, the folder it will be made in is what counts.
    let there = data.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let Some(folder) = there.into_iter().find(|path| path.is_dir()) else {
        return findings.bad(format_args!("data directory {shown}: no part of this path exists"), "--data DIR");
    };
    match rustix::fs::access(folder, Access::WRITE_OK) {
        Ok(()) if folder == data => findings.good(format_args!("data directory {shown} can be written")),
        Ok(()) => findings.told(format_args!("data directory {shown} does not exist yet; the first start creates it")),
        Err(error) => {
            let fix = format!("sudo chown -R \"$USER\" {}", folder.display());
            findings.bad(format_args!("data directory {shown} cannot be written: {error}"), fix);
        }
    }
    let Some(room) = store::room_on(folder) else { return };
    let free = room.free as f64 / (room.total as f64).max(1.0);
    let gib = room.free as f64 / f64::from(1 << 30);
    if room.is_nearly_full() {
        let text = format!("the disk of {shown} is nearly full: {gib:.1} GiB ({:.0} %) free", free * 100.0);
        findings.bad(text, format_args!("du -xh --max-depth 2 {} | sort -h | tail", folder.display()));
    } else {
        findings.good(format_args!("disk: {gib:.1} GiB ({:.0} %) free", free * 100.0));
    }
}

/// The metrics of the hub that runs on this machine, if one does.
fn metrics(http: SocketAddr) -> Option<String> {
    let address = reach::here(http);
    let ask = || -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    ask().ok().filter(|text| text.contains("hub_"))
}

/// Whether discovery can work, as far as its port goes.
fn look_at_sockets(config: &Config, runs: bool, findings: &mut Findings) -> bool {
    let mut discoverable = true;
    let table = |path: &str| udp_sockets(&std::fs::read_to_string(path).unwrap_or_default());
    let sockets = [table("/proc/net/udp"), table("/proc/net/udp6")].concat();
    let wanted = [("devices", config.udp.port(), true), ("discovery", DISCOVERY_PORT, config.discovery)];
    for (what, port, _) in wanted.into_iter().filter(|(_, _, wanted)| *wanted) {
        let bound: Vec<_> = sockets.iter().filter(|socket| socket.port == port).collect();
        let (waiting, dropped) =
            bound.iter().fold((0, 0), |(waiting, dropped), one| (waiting + one.waiting, dropped + one.dropped));
        match (bound.is_empty(), runs) {
            (true, true) if what == "discovery" => {
                discoverable = false;
                findings.bad(
                    format_args!("UDP {port} ({what}) is not open: the hub was started with --discovery off, or was not allowed to open it"),
                    "restart the hub with --discovery on (or say --discovery off here too)",
                );
            }
            (true, true) => findings.bad(format_args!("UDP {port} ({what}) is not open"), "restart the hub"),
            (true, false) => findings.told(format_args!("UDP {port} ({what}) is free")),
            (false, false) if what != "devices" => {
                findings.told(format_args!("UDP {port} ({what}) is used by other programs too, which does no harm"));
            }
            (false, false) => findings.bad(
                format_args!("UDP {port} ({what}) is taken by another program"),
                format_args!("sudo ss -lunp sport = :{port}"),
            ),
            (false, true) if dropped > 0 => findings.bad(
                format_args!(
                    "UDP {port} ({what}): the kernel dropped {dropped} datagrams, because they arrived faster than the hub read them"
                ),
                format_args!("sudo sysctl -w net.core.rmem_max={}", Socket::wanted_buffer()),
            ),
            (false, true) => findings.good(format_args!("UDP {port} ({what}) is open, {waiting} bytes queued")),
        }
    }
    discoverable
}

fn look_at_buffer(findings: &mut Findings) {
    let text = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap_or_default();
    let (granted, wanted) = (text.trim().parse::<usize>().unwrap_or(usize::MAX), Socket::wanted_buffer());
    if granted >= wanted {
        findings.good("receive buffer: as large as the hub asks for");
    } else {
        // A small fleet does well without, and root's sockets get past the limit.
        findings.told(format_args!(
            "receive buffer: the kernel allows {} KiB of {}; for thousands of devices: sudo sysctl -w net.core.rmem_max={wanted}",
            granted / 1024,
            wanted / 1024,
        ));
    }
}

/// An interface that is up.
#[derive(Default)]
struct Link {
    name: String,
    v4: Option<Ipv4Addr>,
    v6: bool,
}

async fn look_at_links(runs: bool, findings: &mut Findings) {
    let mut links: BTreeMap<u32, Link> = BTreeMap::new();
    for interface in if_addrs::get_if_addrs().unwrap_or_default() {
        let Some(index) = interface.index.filter(|_| interface.is_oper_up()) else { continue };
        let link = links.entry(index).or_default();
        link.name.clone_from(&interface.name);
        match interface.ip() {
            IpAddr::V4(v4) => link.v4 = link.v4.or(Some(v4)),
            IpAddr::V6(_) => link.v6 = true,
        }
    }
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let joined_v4 = members_v4(&read("/proc/net/igmp"), GROUP_V4);
    let joined_v6 = members_v6(&read("/proc/net/igmp6"), GROUP_V6);
    if links.values().all(|link| link.name == "lo") {
        findings.bad("no network interface is up: only programs on this machine can reach the hub", "ip -brief link");
    }
    let mut accepting = None;
    for (&index, link) in &links {
        let ways = [
            ("IPv4", link.v4.is_some(), joined_v4.contains(&link.name)),
            ("IPv6", link.v6, joined_v6.contains(&link.name)),
        ];
        for (family, _, joined) in ways.into_iter().filter(|(_, has, _)| *has) {
            let name = &link.name;
            if !runs {
                findings.told(format_args!("{name} is up with {family}"));
                continue;
            }
            let own = link.v4.filter(|_| family == "IPv4");
            match (joined, ask(index, own).await) {
                (true, Ok(Some(answer))) => {
                    accepting = Some(answer);
                    findings.good(format_args!("{name} {family}: multicast group joined, a search is answered"));
                }
                (true, Ok(None)) => findings.bad(
                    format_args!(
                        "{name} {family}: multicast group joined, but a search from this machine is not answered"
                    ),
                    firewall_command(DISCOVERY_PORT),
                ),
                (true, Err(error)) => {
                    findings.told(format_args!(
                        "{name} {family}: multicast group joined, but a search cannot be sent: {error}"
                    ));
                }
                // Loopback has no multicast on most machines, and needs none.
                (false, _) if name == "lo" => {}
                (false, _) => findings.bad(
                    format_args!("{name} {family}: the multicast group is not joined"),
                    format_args!("sudo ip link set {name} multicast on"),
                ),
            }
        }
    }
    if accepting == Some(false) {
        findings
            .told("devices without a join token are refused; to admit one: telemetry-hub join-token create --uses 1");
    }
}

/// Asks the hub of this machine by multicast on one interface; whether it accepts joins, if it answers.
async fn ask(index: u32, own: Option<Ipv4Addr>) -> io::Result<Option<bool>> {
    let (any, group): (IpAddr, SocketAddr) = match own {
        Some(_) => (Ipv4Addr::UNSPECIFIED.into(), SocketAddrV4::new(GROUP_V4, DISCOVERY_PORT).into()),
        None => (Ipv6Addr::UNSPECIFIED.into(), SocketAddrV6::new(GROUP_V6, DISCOVERY_PORT, 0, index).into()),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    if let Some(own) = own {
        SockRef::from(&socket).set_multicast_if_v4(&own)?;
    }
    // Told apart from other answers by the interface and the process that asks.
    let mut nonce = [0; 8];
    nonce[..4].copy_from_slice(&index.to_le_bytes());
    nonce[4..].copy_from_slice(&std::process::id().to_le_bytes());
    socket.send_to(&Probe::new(nonce).encode(), group).await?;
    let mut buffer = [0; 512];
    let answered = tokio::time::timeout(PATIENCE, async {
        loop {
            let (length, _) = socket.recv_from(&mut buffer).await?;
            match Packet::parse(buffer.get(..length).unwrap_or_default()) {
                Ok(Packet::Answer(answer)) if answer.nonce == nonce => return Ok(answer.accepting),
                _ => {}
            }
        }
    });
    answered.await.map_or(Ok(None), |accepting| accepting.map(Some))
}

fn tell_traffic(metrics: &str, findings: &mut Findings) {
    let total = |name: &str| metric(metrics, name).map(|(_, value)| value).sum::<u64>();
    let drops: Vec<(&str, u64)> = metric(metrics, "hub_udp_dropped_total").filter(|(_, count)| *count > 0).collect();
    let by_reason = |wanted: fn(&str) -> bool| {
        let named: Vec<String> = drops
            .iter()
            .filter(|(reason, _)| wanted(reason))
            .map(|(reason, count)| format!("{count} {}", reasons::words(reason)))
            .collect();
        if named.is_empty() { "none".to_owned() } else { named.join(", ") }
    };
    findings.told(format_args!(
        "searches: {} received, {} answered; refused: {}",
        total("hub_probes_total"),
        total("hub_probes_answered_total"),
        by_reason(|reason| reason.starts_with("probe_")),
    ));
    findings.told(format_args!(
        "packets received: {}; connections opened: {}; dropped: {}",
        total("hub_udp_datagrams_received_total"),
        total("hub_handshakes_total"),
        by_reason(|reason| !reason.starts_with("probe_")),
    ));
    if total("hub_degraded") > 0 {
        findings.bad("the hub stores nothing: its disk is full", "free some space; the hub continues by itself");
    }
}

fn hint_at_firewall(port: u16, findings: &mut Findings) {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let ufw = read("/etc/ufw/ufw.conf").lines().any(|line| line.trim() == "ENABLED=yes");
    let rules = read("/etc/ufw/user.rules");
    for port in [port, DISCOVERY_PORT] {
        if ufw && !rules.contains(&format!("udp {port} ")) {
            findings.bad(format_args!("ufw is on and has no rule for UDP {port}"), firewall_command(port));
        }
    }
    if Path::new("/run/firewalld").exists() {
        findings.told(format_args!(
            "firewalld runs; devices need: sudo firewall-cmd --permanent --add-port={port}/udp --add-port={DISCOVERY_PORT}/udp"
        ));
    }
}

fn firewall_command(port: u16) -> String {
    format!("sudo ufw allow {port}/udp")
}
