//! The discovery shell: listens for multicast and broadcast on every interface that is up, and sends what the responder
//! answers.
//!
//! Interfaces come and go (at boot the hub may be up before the network), so it looks at them every two seconds, and
//! joins and announces itself on a new one. Switches forget group members, so it leaves and joins again every minute.
//! If multicast is not possible at all it logs that once, and the hub continues: `--hub host:port` on the agent always
//! works.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use if_addrs::IfAddr;
use ipnet::IpNet;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Type};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use wire::discovery::{DISCOVERY_PORT, GROUP_V4, GROUP_V6, HOP_LIMIT};

use crate::clock::Clock;
use crate::proto::discovery::{Responder, To};

/// How often interfaces are looked at: as long a device may have to wait on a link that just came up.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often groups are joined again.
const REJOIN_EVERY: Duration = Duration::from_secs(60);
/// Longer than any packet of discovery.
const BUFFER: usize = 512;

/// The groups' sockets, one a family; a family the machine does not have is absent.
#[derive(Debug)]
pub(crate) struct Groups {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
    interfaces: BTreeMap<u32, Interface>,
}

/// An interface that is up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Interface {
    /// Its first IPv4 address, where it has one.
    v4: Option<Ipv4Addr>,
    /// The networks behind it.
    networks: Vec<IpNet>,
}

impl Groups {
    /// Opens the sockets and joins the groups on every interface.
    ///
    /// # Errors
    /// Neither family can be had.
    pub(crate) fn join() -> io::Result<Self> {
        let v4 = open(SocketAddr::from((Ipv4Addr::UNSPECIFIED, DISCOVERY_PORT)));
        let v6 = open(SocketAddr::from((Ipv6Addr::UNSPECIFIED, DISCOVERY_PORT)));
        if let (Err(error), Err(_)) = (&v4, &v6) {
            return Err(io::Error::new(error.kind(), error.to_string()));
        }
        let mut groups = Self { v4: v4.ok(), v6: v6.ok(), interfaces: BTreeMap::new() };
        groups.rejoin();
        Ok(groups)
    }

    /// Joins on interfaces that are up now; whether they are others than before. Only who joins tells the switch, so that
    /// a member leaves first.
    fn rejoin(&mut self) -> bool {
        let found = interfaces();
        let changed = found != self.interfaces;
        self.interfaces = found;
        for (&index, interface) in &self.interfaces {
            if let (Some(socket), Some(_)) = (&self.v4, interface.v4) {
                let (socket, interface) = (SockRef::from(socket), InterfaceIndexOrAddress::Index(index));
                let _ = socket.leave_multicast_v4_n(&GROUP_V4, &interface);
                let _ = socket.join_multicast_v4_n(&GROUP_V4, &interface);
            }
            if let Some(socket) = &self.v6 {
                let _ = socket.leave_multicast_v6(&GROUP_V6, index);
                let _ = socket.join_multicast_v6(&GROUP_V6, index);
            }
        }
        changed
    }

    /// The networks this machine is in.
    fn networks(&self) -> Vec<IpNet> {
        self.interfaces.values().flat_map(|interface| interface.networks.iter().copied()).collect()
    }

    async fn receive(socket: Option<&UdpSocket>, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match socket {
            Some(socket) => socket.recv_from(buffer).await,
            None => std::future::pending().await,
        }
    }

    /// Sends; who cannot be reached is not there.
    async fn send(&self, to: To, datagram: &[u8]) {
        match to {
            To::Peer(peer) => {
                let socket = if peer.is_ipv4() { &self.v4 } else { &self.v6 };
                if let Some(socket) = socket {
                    let _ = socket.send_to(datagram, peer).await;
                }
            }
            To::Groups => {
                for (&index, interface) in &self.interfaces {
                    if let (Some(socket), Some(address)) = (&self.v4, interface.v4) {
                        let _ = SockRef::from(socket).set_multicast_if_v4(&address);
                        let _ = socket.send_to(datagram, (GROUP_V4, DISCOVERY_PORT)).await;
                    }
                    if let Some(socket) = &self.v6 {
                        let group = SocketAddrV6::new(GROUP_V6, DISCOVERY_PORT, 0, index);
                        let _ = socket.send_to(datagram, group).await;
                    }
                }
            }
        }
    }
}

/// Interfaces that are up, by index.
fn interfaces() -> BTreeMap<u32, Interface> {
    let mut found: BTreeMap<u32, Interface> = BTreeMap::new();
    for interface in if_addrs::get_if_addrs().unwrap_or_default() {
        let Some(index) = interface.index.filter(|_| interface.is_oper_up()) else { continue };
        let known = found.entry(index).or_default();
        let prefix = match &interface.addr {
            IfAddr::V4(v4) => {
                known.v4.get_or_insert(v4.ip);
                v4.prefixlen
            }
            IfAddr::V6(v6) => v6.prefixlen,
        };
        known.networks.extend(IpNet::new(interface.ip(), prefix));
    }
    found
}

fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    // Several hubs and agents on one machine all hear the groups.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
        socket.set_multicast_hops_v6(HOP_LIMIT)?;
    } else {
        socket.set_multicast_ttl_v4(HOP_LIMIT)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Answers and announces until told to stop.
///
/// # Errors
/// A socket failed.
pub(crate) async fn run(
    mut groups: Groups,
    mut responder: Responder,
    clock: Clock,
    stop: CancellationToken,
) -> io::Result<()> {
    let (mut buffer_v4, mut buffer_v6) = ([0; BUFFER], [0; BUFFER]);
    responder.set_networks(groups.networks());
    let (mut look_at, mut rejoin_at) = (clock.now() + LOOK_EVERY, clock.now() + REJOIN_EVERY);
    loop {
        while let Some((to, datagram)) = responder.poll_transmit(clock.now()) {
            groups.send(to, &datagram).await;
        }
        let deadline = responder.poll_timeout().min(look_at);
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            received = Groups::receive(groups.v4.as_ref(), &mut buffer_v4) => {
                let (length, from) = received?;
                responder.handle_input(clock.now(), from, &buffer_v4[..length]);
            }
            received = Groups::receive(groups.v6.as_ref(), &mut buffer_v6) => {
                let (length, from) = received?;
                responder.handle_input(clock.now(), from, &buffer_v6[..length]);
            }
            () = clock.sleep_until(Some(deadline)) => {
                let now = clock.now();
                if now >= look_at {
                    look_at = now + LOOK_EVERY;
                    if (now >= rejoin_at || interfaces() != groups.interfaces) && groups.rejoin() {
                        responder.set_networks(groups.networks());
                        responder.announce(now);
                    }
                }
                if now >= rejoin_at {
                    rejoin_at = now + REJOIN_EVERY;
                }
            }
        }
    }
}
