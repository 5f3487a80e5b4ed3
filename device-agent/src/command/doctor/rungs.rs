//! Tries each way by which an agent finds its hub, and explains the silence on one of them.
//!
//! All are tried at once. Each way asks from its own sockets or with its own nonce, so that an answer shows by which
//! way it came. If an error comes back instead of an answer, it tells which command would help.

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use device_agent::clock;
use device_agent::links::{self, Link};
use device_agent::net::{Net, Way};
use device_agent::random::Random;
use device_agent::seeking::HUB_PORT;
use tokio::net::UdpSocket;
use wire::discovery::Probe;
use wire::packet::{MAX_DATAGRAM, Packet};

/// How long to wait for an answer by unicast.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long to wait for answers to one multicast or broadcast, and the pause between two of them.
const ROUND: Duration = Duration::from_millis(1_100);
const ROUNDS: usize = 3;
/// How long a name may take: the resolver's own patience is longer than a person's.
const LOOKUP: Duration = Duration::from_secs(5);

/// A hub that answered.
pub(super) struct Found {
    pub(super) hub: wire::PublicKey,
    pub(super) address: SocketAddr,
    /// It takes devices that it does not know.
    pub(super) accepting: bool,
}

/// One way to find a hub, and what became of it.
pub(super) struct Rung {
    pub(super) name: String,
    pub(super) hubs: Vec<Found>,
    /// Why nothing came, if nothing came.
    pub(super) why: String,
    /// The one command that would change it.
    pub(super) fix: String,
    /// Most networks do without it.
    pub(super) is_optional: bool,
    /// A person named it: `--hub`.
    pub(super) is_given: bool,
    /// Where the hub of this device was last.
    pub(super) is_last_known: bool,
    /// Everybody is asked.
    pub(super) is_search: bool,
}

impl Rung {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            hubs: Vec::new(),
            why: String::new(),
            fix: String::new(),
            is_optional: false,
            is_given: false,
            is_last_known: false,
            is_search: false,
        }
    }
}

/// Tries every rung at once.
pub(super) async fn climb(
    hub: Option<String>,
    names: Vec<String>,
    last_known: Option<SocketAddr>,
) -> io::Result<Vec<Rung>> {
    let net = Net::open(false)?;
    let mut random = Random::from_system().map_err(io::Error::other)?;
    let mut nonce = || random.bits().to_le_bytes();
    let mut direct = tokio::task::JoinSet::new();
    let mut place = 0;
    let mut ask = |name: String, target: Target, nonce: [u8; 8]| {
        let number = place;
        place += 1;
        direct.spawn(async move { (number, ask_directly(name, target, nonce).await) });
    };
    if let Some(address) = last_known {
        ask(format!("last known hub {address}"), Target::Address(address), nonce());
    }
    if let Some(host) = hub {
        ask(format!("--hub {host}"), Target::Given(host), nonce());
    }
    for name in names {
        ask(format!("name {name}"), Target::Known(name), nonce());
    }
    let around = [
        ("multicast IPv4", true, Way::Group),
        ("multicast IPv6", false, Way::Group),
        ("broadcast", true, Way::Broadcast),
    ];
    // A hub that was found on this very network: whatever this machine is, its network does not end before the hub's.
    let was_near = last_known.is_some_and(|address| links::up().iter().any(|link| link.reaches(address.ip())));
    let is_cut_off = in_container() && !was_near;
    let mut around: Vec<Asked> = around
        .map(|(name, is_v4, way)| {
            let rung = Rung { is_search: true, ..Rung::new(name) };
            Asked { rung, nonce: nonce(), is_v4, way, is_cut_off }
        })
        .into();
    // A hub answers a source once a second, and two of these share one: who was not answered asks again.
    for _ in 0..ROUNDS {
        for asked in around.iter_mut().filter(|asked| asked.rung.hubs.is_empty()) {
            asked.ask(&net).await;
        }
        hear(&net, &mut around).await;
    }
    let mut rungs: Vec<(usize, Rung)> = direct.join_all().await;
    rungs.sort_by_key(|(number, _)| *number);
    Ok(rungs.into_iter().map(|(_, rung)| rung).chain(around.into_iter().map(|asked| asked.rung)).collect())
}

/// Addresses that are asked directly.
enum Target {
    Address(SocketAddr),
    Given(String),
    Known(String),
}

async fn ask_directly(name: String, target: Target, nonce: [u8; 8]) -> Rung {
    let is_optional = matches!(target, Target::Known(_));
    let is_given = matches!(target, Target::Given(_));
    let is_last_known = matches!(target, Target::Address(_));
    let mut rung = Rung { is_optional, is_given, is_last_known, ..Rung::new(&name) };
    let addresses = match &target {
        Target::Address(address) => vec![*address],
        Target::Given(host) | Target::Known(host) => match lookup(host).await {
            Ok(addresses) => addresses,
            Err(error) => {
                let bare = host.rsplit_once(':').map_or(&**host, |(bare, _)| bare);
                rung.why = format!("the name was not found: {error}");
                rung.fix = format!("getent hosts {bare}");
                if is_optional {
                    rung.why = "not found".to_owned();
                }
                return rung;
            }
        },
    };
    for address in addresses {
        match ask_one(address, nonce).await {
            Ok(Some(found)) => rung.hubs.push(found),
            Ok(None) => (rung.why, rung.fix) = silent(address, &links::up()),
            Err(error) => (rung.why, rung.fix) = hindered(address, &error),
        }
    }
    if let Target::Given(host) = &target {
        rung.fix = usual_port(host).unwrap_or(rung.fix);
    }
    rung
}

/// Where a person named another port than that of devices: it is that of the page more often than the hub has an own one.
fn usual_port(host: &str) -> Option<String> {
    let (bare, port) = host.rsplit_once(':')?;
    let is_other = port.parse::<u16>().is_ok_and(|port| port != HUB_PORT);
    is_other
        .then(|| format!("--hub {bare} (devices use UDP {HUB_PORT}, unless the hub was started with another --udp)"))
}

async fn lookup(host: &str) -> io::Result<Vec<SocketAddr>> {
    match tokio::time::timeout(LOOKUP, tokio::net::lookup_host(host)).await {
        Ok(found) => Ok(found?.collect()),
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the resolver does not answer")),
    }
}

/// Asks from a connected socket, because that one is told when nobody listens.
async fn ask_one(address: SocketAddr, nonce: [u8; 8]) -> io::Result<Option<Found>> {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(address).await?;
    let mut buffer = [0; MAX_DATAGRAM];
    let until = clock::now().mono + PATIENCE;
    // Two, because the first may be lost to the search for the hub's hardware address.
    for wait in [PATIENCE / 3, PATIENCE] {
        socket.send(&Probe::new(nonce).encode()).await?;
        let wait_until = until.min(clock::now().mono + wait);
        loop {
            let length = tokio::select! {
                received = socket.recv(&mut buffer) => received?,
                () = clock::sleep_until(Some(wait_until)) => break,
            };
            match Packet::parse(buffer.get(..length).unwrap_or_default()) {
                Ok(Packet::Answer(answer)) if answer.nonce == nonce => {
                    return Ok(Some(Found { hub: answer.key, address, accepting: answer.accepting }));
                }
                _ => {}
            }
        }
    }
    Ok(None)
}

/// A rung that asks everybody, while its answers are awaited.
struct Asked {
    rung: Rung,
    nonce: [u8; 8],
    is_v4: bool,
    way: Way,
    /// The network of a container ends at its host.
    is_cut_off: bool,
}

impl Asked {
    /// Asks on every interface, and says what silence would mean.
    async fn ask(&mut self, net: &Net) {
        let probe = Probe::new(self.nonce).encode();
        let (mut real, mut virtual_ones, mut trouble) = (0, 0, None);
        for link in links::up().iter().filter(|link| link.address.is_ipv4() == self.is_v4) {
            match net.search_on(&probe, link, self.way).await {
                // A hub on this very machine is heard on the loopback interface too.
                Some(_) if link.address.is_loopback() => {}
                Some(Ok(())) if link.is_virtual() => virtual_ones += 1,
                Some(Ok(())) => real += 1,
                Some(Err(error)) => trouble = Some((link.name.clone(), error)),
                None => {}
            }
        }
        self.rung.is_optional = real == 0 && virtual_ones == 0;
        (self.rung.why, self.rung.fix) = unanswered(real, virtual_ones, trouble, self.is_cut_off);
    }
}

/// What it means that nobody answered who was asked on so many interfaces.
fn unanswered(
    real: usize,
    virtual_ones: usize,
    trouble: Option<(String, io::Error)>,
    is_cut_off: bool,
) -> (String, String) {
    match trouble {
        _ if real > 0 && is_cut_off => (
            "no hub answered: this is a container, and its network ends at the host's bridge".to_owned(),
            "docker run --network host ...".to_owned(),
        ),
        _ if real > 0 => {
            let plural = if real == 1 { "" } else { "s" };
            let why = format!(
                "asked on {real} interface{plural}, no hub answered: none is on this network, its machine's firewall drops UDP \
                 5771, or the switch or access point does"
            );
            (why, "name the hub: device-agent run --hub HOST:5770".to_owned())
        }
        Some((link, error)) if error.kind() == io::ErrorKind::PermissionDenied => {
            (format!("a firewall on this machine blocks sending on {link}"), "sudo ufw allow out 5771/udp".to_owned())
        }
        Some((link, error)) => (format!("cannot send on {link}: {error}"), format!("ip address show {link}")),
        None if virtual_ones > 0 => {
            ("only bridges of containers and virtual machines are up".to_owned(), "ip -brief link".to_owned())
        }
        None => ("no interface with such an address is up".to_owned(), "ip -brief address".to_owned()),
    }
}

/// Takes answers in for a while.
async fn hear(net: &Net, asked: &mut [Asked]) {
    let mut buffer = [0; MAX_DATAGRAM];
    let until = clock::now().mono + ROUND;
    loop {
        tokio::select! {
            received = net.receive(&mut buffer) => {
                let Ok(Packet::Answer(answer)) = Packet::parse(buffer.get(..received.length).unwrap_or_default()) else {
                    continue;
                };
                let mut address = received.from;
                address.set_port(answer.port);
                for Asked { rung, .. } in asked.iter_mut().filter(|asked| asked.nonce == answer.nonce) {
                    if !rung.hubs.iter().any(|found| found.hub == answer.key) {
                        rung.hubs.push(Found { hub: answer.key, address, accepting: answer.accepting });
                    }
                }
            }
            () = clock::sleep_until(Some(until)) => return,
        }
    }
}

/// Nothing came back at all.
fn silent(address: SocketAddr, links: &[Link]) -> (String, String) {
    let port = address.port();
    let fix = format!("on the hub's machine: sudo ufw allow {port}/udp");
    if links.iter().any(|link| link.reaches(address.ip())) {
        (format!("no answer from {address}: is that machine on, and does its firewall let UDP {port} in?"), fix)
    } else {
        let why = format!(
            "no answer from {address}, which is on another network: does each router and firewall on the way let \
             UDP {port} through?"
        );
        (why, fix)
    }
}

/// Something came back that says what is wrong.
fn hindered(address: SocketAddr, error: &io::Error) -> (String, String) {
    let (ip, port) = (address.ip(), address.port());
    let kind = error.kind();
    let (why, fix) = if kind == io::ErrorKind::ConnectionRefused {
        let udp = if port == HUB_PORT { String::new() } else { format!(" --udp 0.0.0.0:{port}") };
        let fix = format!("on that machine: telemetry-hub serve{udp}");
        (format!("{ip} answers, but no hub listens on its UDP port {port}"), fix)
    } else if kind == io::ErrorKind::NetworkUnreachable {
        (format!("this machine has no route to {ip}"), format!("ip route get {ip}"))
    } else if kind == io::ErrorKind::HostUnreachable {
        (format!("{ip} cannot be reached: no machine has this address, or a router says so"), format!("ping -c 3 {ip}"))
    } else if kind == io::ErrorKind::PermissionDenied {
        let fix = format!("sudo ufw allow out {port}/udp");
        (format!("a firewall on this machine blocks sending to {address}"), fix)
    } else {
        (format!("{address} cannot be reached: {error}"), format!("ip route get {ip}"))
    };
    (why, fix)
}

/// Docker and Podman leave these.
fn in_container() -> bool {
    ["/.dockerenv", "/run/.containerenv"].iter().any(|file| Path::new(file).exists())
}
