//! `device-agent doctor`: looks at each step a reading takes and says which one fails.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use device_agent::clock;
use device_agent::identity::{Identity, Pin};
use device_agent::net::Net;
use device_agent::random::Random;
use device_agent::sensor::{Host, Samples};
use device_agent::status;
use device_agent::uplink::words_of;
use lexopt::{Arg, Parser};
use wire::discovery::Probe;
use wire::packet::{MAX_DATAGRAM, Packet};

use super::{Common, Failure, on_one_thread, print};

const HELP: &str = "\
Looks at each step a reading takes and says which one fails.

Usage: device-agent doctor [--hub HOST:PORT] [--state DIR] [--config FILE]

Every rung by which an agent finds its hub is told with its result and the one command that would change it: the last known
hub, --hub, multicast over IPv4 and over IPv6. One that is reached is enough. Exit code 1 if a step fails.
";
/// How long answers to a probe are waited for.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn command(mut parser: Parser) -> Result<(), Failure> {
    let mut common = Common::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => common.help = true,
            Arg::Long(option @ ("state" | "config" | "hub")) => {
                let option = option.to_owned();
                common.take(&option, &mut parser)?;
            }
            other @ (Arg::Short(_) | Arg::Long(_) | Arg::Value(_)) => return Err(other.unexpected().into()),
        }
    }
    if common.help {
        return print(HELP);
    }
    let settings = common.settings()?;
    let mut healthy = true;
    let mut step = |good: bool, text: String| {
        healthy &= good;
        print(&format!("{} {text}\n", if good { "ok  " } else { "FAIL" }))
    };

    let running = status::ask(&settings.state).ok();
    let pinned = match &running {
        Some(report) => {
            step(true, format!("an agent runs as {} and is {}", report.id, report.state))?;
            None
        }
        None => match Identity::open(&settings.state) {
            Ok(identity) => {
                step(true, format!("identity {} in {}", identity.id(), settings.state.display()))?;
                step(!identity.is_volatile(), "state folder outlives a reboot".to_owned())?;
                identity.pinned_hub()
            }
            Err(error) => {
                step(false, format!("{error}"))?;
                None
            }
        },
    };

    let mut samples = Samples::default();
    let mut host = Host::new(&settings.sensor_root, settings.skip.clone());
    host.sample(&mut samples, |_, _| {});
    let count = samples.iter().filter(|sample| !host.skips(sample.name)).count();
    step(count > 0, format!("{count} sensors give readings"))?;
    for (source, error) in host.troubles() {
        step(false, format!("source {source}: {error}"))?;
    }

    if clock::now().unix < wire::UnixMillis(1_704_067_200_000) {
        step(false, "this machine's clock is not set; fix: sudo timedatectl set-ntp true".to_owned())?;
    }
    if let Some(offset) = running.as_ref().and_then(|report| report.clock_offset_ms).filter(|ms| ms.abs() > 60_000) {
        let text =
            format!("this clock and the hub's are {} s apart; fix: sudo timedatectl set-ntp true", offset / 1_000);
        step(false, text)?;
    }
    if let Some(report) = &running {
        for trouble in &report.troubles {
            step(false, format!("source {trouble}"))?;
        }
        // Without readings to send there is nothing more to look at.
        let hint = match report.state.as_str() {
            "pending" => Some(
                "a hub waits for you to adopt this device; fix: adopt it on the hub's page, or telemetry-hub join-token create --uses 1",
            ),
            "handshaking" => Some(
                "a hub was found and does not answer the handshake: closed to joins, or the token is spent; fix: telemetry-hub join-token create --uses 1",
            ),
            _ => None,
        };
        if let Some(hint) = hint {
            step(false, hint.to_owned())?;
        }
    }

    // The rungs by which an agent finds its hub. One that is reached is enough.
    let in_use = running.as_ref().and_then(|report| report.hub.as_ref()?.parse().ok());
    let last_known = pinned.as_ref().and_then(|pin| pin.address).or(in_use);
    let rungs = on_one_thread(climb(settings.hub, last_known))?;
    let rungs = rungs.map_err(|error| Failure::Failed(error.to_string()))?;
    let reached = rungs.iter().any(|rung| !rung.hubs.is_empty());
    for rung in &rungs {
        for Found { hub, address, accepting } in &rung.hubs {
            let known = if pinned.as_ref().is_some_and(|pin| pin.hub == *hub) { ", this device's own" } else { "" };
            step(true, format!("{}: hub at {address}: {}{known}", rung.name, words_of(hub)))?;
            if !accepting && running.is_none() && pinned.is_none() {
                let text =
                    format!("the hub at {address} is closed to joins; fix: telemetry-hub join-token create --uses 1");
                step(false, text)?;
            }
        }
        if rung.hubs.is_empty() {
            let text = format!("{}: {}; fix: {}", rung.name, rung.why, rung.fix);
            if reached { print(&format!("none {text}\n"))? } else { step(false, text)? }
        }
    }
    let foreign = |pin: &Pin| reached && rungs.iter().flat_map(|rung| &rung.hubs).all(|found| found.hub != pin.hub);
    if pinned.as_ref().is_some_and(foreign) {
        let text =
            "none of them is the hub this device belongs to; fix: start that hub, or join another with --join-token";
        step(false, text.to_owned())?;
    }
    if healthy { Ok(()) } else { Err(Failure::Failed("something is wrong, see above".to_owned())) }
}

/// A hub that answered.
struct Found {
    hub: wire::PublicKey,
    address: SocketAddr,
    /// It takes devices that it does not know.
    accepting: bool,
}

/// One way to find a hub, and what became of it.
struct Rung {
    name: String,
    nonce: [u8; 8],
    hubs: Vec<Found>,
    /// Why nothing came, if nothing came.
    why: String,
    /// The one command that would change it.
    fix: String,
}

/// Tries every rung at once, each with a nonce of its own that tells the answers apart.
async fn climb(hub: Option<String>, last_known: Option<SocketAddr>) -> io::Result<Vec<Rung>> {
    let net = Net::open(false)?;
    let mut random = Random::from_system().map_err(io::Error::other)?;
    let mut rungs = Vec::new();
    let mut rung = |name: &str, why: &str, fix: String| {
        let nonce = random.bits().to_le_bytes();
        Rung { name: name.to_owned(), nonce, hubs: Vec::new(), why: why.to_owned(), fix }
    };

    if let Some(address) = last_known {
        let mut known =
            rung("last known hub", &silent(address), "start the hub there, or name another with --hub".into());
        if let Err(error) = net.try_send(&Probe::new(known.nonce).encode(), address).await {
            known.unsendable(address, &error);
        }
        rungs.push(known);
    }
    if let Some(host) = hub {
        let (name, port) = host.rsplit_once(':').unwrap_or((&host, "5770"));
        let mut named = rung(&format!("--hub {host}"), "", format!("on the hub's machine: sudo ufw allow {port}/udp"));
        match tokio::net::lookup_host(&host).await {
            Ok(found) => {
                for address in found {
                    named.why = silent(address);
                    if let Err(error) = net.try_send(&Probe::new(named.nonce).encode(), address).await {
                        named.unsendable(address, &error);
                    }
                }
            }
            Err(error) => {
                named.why = format!("the name is not known: {error}");
                named.fix = format!("getent hosts {name}");
            }
        }
        rungs.push(named);
    }
    for (name, v4) in [("multicast IPv4", true), ("multicast IPv6", false)] {
        let elsewhere = "name the hub: device-agent run --hub HOST:5770";
        let mut group = rung(name, "", elsewhere.to_owned());
        let usable = |address: IpAddr| address.is_ipv4() == v4 && !address.is_loopback();
        let (sent, hindered) = net.search_by(&Probe::new(group.nonce).encode(), usable).await;
        // A hub on this very machine is heard on the loopback interface too.
        net.search_by(&Probe::new(group.nonce).encode(), |address| address.is_ipv4() == v4 && address.is_loopback())
            .await;
        (group.why, group.fix) = match hindered {
            _ if sent > 0 => {
                let why = "asked on every interface, no hub answered: none here, another subnet, a container's bridge or a firewall";
                (why.to_owned(), elsewhere.to_owned())
            }
            Some(error) if error.kind() == io::ErrorKind::PermissionDenied => (
                format!("a firewall of this machine: {error}"),
                "sudo ufw allow out to any port 5770 proto udp".to_owned(),
            ),
            Some(error) => (format!("cannot be sent: {error}"), "ip maddr show".to_owned()),
            None => ("no interface with such an address is up".to_owned(), "ip -brief address".to_owned()),
        };
        rungs.push(group);
    }
    hear(&net, &mut rungs).await;
    Ok(rungs)
}

impl Rung {
    fn unsendable(&mut self, address: SocketAddr, error: &io::Error) {
        self.why = format!("{address} cannot be reached: {error}");
        self.fix = format!("ip route get {}", address.ip());
    }
}

fn silent(address: SocketAddr) -> String {
    format!("no hub answers at {address}: is it running, and does a firewall let UDP through?")
}

/// Takes answers in for a while.
async fn hear(net: &Net, rungs: &mut [Rung]) {
    let mut buffer = [0; MAX_DATAGRAM];
    let until = clock::now().mono + PATIENCE;
    loop {
        tokio::select! {
            received = net.receive(&mut buffer) => {
                let Ok(Packet::Answer(answer)) = Packet::parse(buffer.get(..received.length).unwrap_or_default()) else {
                    continue;
                };
                let mut address = received.from;
                address.set_port(answer.port);
                for rung in rungs.iter_mut().filter(|rung| rung.nonce == answer.nonce) {
                    if !rung.hubs.iter().any(|found| found.hub == answer.key) {
                        rung.hubs.push(Found { hub: answer.key, address, accepting: answer.accepting });
                    }
                }
            }
            () = clock::sleep_until(Some(until)) => return,
        }
    }
}
