//! The agent's sockets: for IPv4 and for IPv6, one to talk to the hub and one to listen to the discovery group.
//!
//! The shell of [`crate::uplink`]: it decides nothing. A socket that cannot be opened (no IPv6, the discovery port in use) is left
//! out with a warning, because one way to the hub is enough.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::time::Duration;

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tracing::{debug, warn};
use wire::discovery::{DISCOVERY_PORT, GROUP_V4, GROUP_V6, HOP_LIMIT};
use wire::packet::MAX_DATAGRAM;

use crate::clock;
use crate::links::{self, Link};

/// Asked for, so that a burst of acknowledgements is not lost while the agent writes its spool.
const RECEIVE_BUFFER: usize = 1 << 20;
/// Pause before a datagram is sent again that the kernel had no room for, and how often: after that it is lost like any
/// other.
const ROOM_AFTER: Duration = Duration::from_millis(2);
const TRIES: usize = 50;

/// A socket that wakes the agent only when a datagram arrives. The runtime's own socket also wakes it after each one it sent.
type Talking = AsyncFd<UdpSocket>;

/// How a probe reaches hubs whose address nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Group,
    /// The network's broadcast address; IPv4 only.
    Broadcast,
}

/// A datagram as it arrived.
#[derive(Debug)]
pub struct Received {
    /// Where it came from.
    pub from: SocketAddr,
    /// How many bytes of the buffer it fills.
    pub length: usize,
}

/// The agent's sockets.
#[derive(Debug)]
pub struct Net {
    v4: Option<Talking>,
    v6: Option<Talking>,
    group_v4: Option<Talking>,
    group_v6: Option<Talking>,
}

impl Net {
    /// Opens the sockets that this machine can open. `discover` also listens for hubs that announce themselves.
    ///
    /// # Errors
    /// Neither IPv4 nor IPv6 can be used.
    pub fn open(discover: bool) -> io::Result<Self> {
        let v4 = talking(Domain::IPV4, (Ipv4Addr::UNSPECIFIED, 0).into());
        let v6 = talking(Domain::IPV6, (Ipv6Addr::UNSPECIFIED, 0).into());
        let (v4, v6) = match (v4, v6) {
            (Err(error), Err(_)) => return Err(error),
            (v4, v6) => (v4.ok(), v6.ok()),
        };
        let listen = |domain, address: SocketAddr| {
            let opened = discover.then(|| listening(domain, address))?;
            opened.inspect_err(|error| warn!("cannot listen for hubs on {address}: {error}")).ok()
        };
        // Bound to the group's address where possible, so that unicast to this port stays with whoever else has it.
        let group_v4 = listen(Domain::IPV4, (GROUP_V4, DISCOVERY_PORT).into()).filter(|_| v4.is_some());
        let group_v6 =
            v6.is_some().then(|| listen(Domain::IPV6, (Ipv6Addr::UNSPECIFIED, DISCOVERY_PORT).into())).flatten();
        let net = Self { v4, v6, group_v4, group_v6 };
        net.join_groups();
        Ok(net)
    }

    /// Joins the discovery groups on every interface that is up, and does so again: interfaces come and go, and a switch that
    /// has heard nothing for some minutes forgets who is a member. To be repeated.
    pub fn join_groups(&self) {
        for Link { index, address, .. } in links::up() {
            match (address, &self.group_v4, &self.group_v6) {
                (IpAddr::V4(_), Some(socket), _) => {
                    let (socket, interface) = (SockRef::from(socket), InterfaceIndexOrAddress::Index(index));
                    // Only who joins tells the switch; who is a member already would stay silent.
                    let _ = socket.leave_multicast_v4_n(&GROUP_V4, &interface);
                    let _ = socket.join_multicast_v4_n(&GROUP_V4, &interface);
                }
                (IpAddr::V6(_), _, Some(socket)) => {
                    let socket = SockRef::from(socket);
                    let _ = socket.leave_multicast_v6(&GROUP_V6, index);
                    let _ = socket.join_multicast_v6(&GROUP_V6, index);
                }
                (IpAddr::V4(_) | IpAddr::V6(_), _, _) => {}
            }
        }
    }

    /// Sends a probe to the groups and to everybody, on every interface that is up; on virtual ones only if they are `wanted`.
    pub async fn search(&self, probe: &[u8], virtual_wanted: bool) {
        for link in links::up().iter().filter(|link| virtual_wanted || !link.is_virtual()) {
            for way in [Way::Group, Way::Broadcast] {
                if let Some(Err(error)) = self.search_on(probe, link, way).await {
                    debug!("cannot search on {} ({}): {error}", link.name, link.address);
                }
            }
        }
    }

    /// Sends a probe on one interface; `None` when it has no such way, or there is no socket of its address family.
    pub async fn search_on(&self, probe: &[u8], link: &Link, way: Way) -> Option<io::Result<()>> {
        let (socket, to): (_, SocketAddr) = match (link.address, way) {
            (IpAddr::V4(own), Way::Group) => {
                let socket = self.v4.as_ref()?;
                if let Err(error) = SockRef::from(socket).set_multicast_if_v4(&own) {
                    return Some(Err(error));
                }
                (socket, SocketAddrV4::new(GROUP_V4, DISCOVERY_PORT).into())
            }
            (IpAddr::V4(_), Way::Broadcast) => {
                (self.v4.as_ref()?, SocketAddrV4::new(link.broadcast?, DISCOVERY_PORT).into())
            }
            (IpAddr::V6(_), Way::Group) => {
                (self.v6.as_ref()?, SocketAddrV6::new(GROUP_V6, DISCOVERY_PORT, 0, link.index).into())
            }
            (IpAddr::V6(_), Way::Broadcast) => return None,
        };
        Some(send_to(socket, probe, to).await)
    }

    /// Sends a datagram. One that cannot be sent is lost like any other: the uplink repeats.
    pub async fn send(&self, datagram: &[u8], to: SocketAddr) {
        let socket = if to.is_ipv4() { &self.v4 } else { &self.v6 };
        let Some(socket) = socket else { return };
        if let Err(error) = send_to(socket, datagram, to).await {
            debug!("cannot send to {to}: {error}");
        }
    }

    /// Waits for a datagram on any socket. Cancel-safe.
    pub async fn receive(&self, buffer: &mut [u8; MAX_DATAGRAM]) -> Received {
        loop {
            tokio::select! {
                () = readable(self.v4.as_ref()) => {}
                () = readable(self.v6.as_ref()) => {}
                () = readable(self.group_v4.as_ref()) => {}
                () = readable(self.group_v6.as_ref()) => {}
            }
            if let Some(received) = self.try_receive(buffer) {
                return received;
            }
        }
    }

    /// Takes a datagram that is there already.
    pub fn try_receive(&self, buffer: &mut [u8; MAX_DATAGRAM]) -> Option<Received> {
        let sockets = [&self.v4, &self.v6, &self.group_v4, &self.group_v6];
        let arrived =
            |socket: &Talking, buffer: &mut [u8]| socket.try_io(Interest::READABLE, |socket| socket.recv_from(buffer));
        sockets.into_iter().flatten().find_map(|socket| match arrived(socket, buffer) {
            Ok((length, from)) => Some(Received { from, length }),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            // An ICMP answer to something sent earlier (nobody listens there): reading it clears it.
            Err(_) => None,
        })
    }
}

/// Sends a datagram, waiting a little for room where there is none.
async fn send_to(socket: &Talking, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
    for _ in 1..TRIES {
        match socket.get_ref().send_to(datagram, to) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            sent => return sent.map(drop),
        }
        clock::sleep_until(Some(clock::mono() + ROOM_AFTER)).await;
    }
    socket.get_ref().send_to(datagram, to).map(drop)
}

async fn readable(socket: Option<&Talking>) {
    match socket {
        Some(socket) => {
            let _ = socket.readable().await;
        }
        None => std::future::pending().await,
    }
}

fn talking(domain: Domain, address: SocketAddr) -> io::Result<Talking> {
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(true)?;
        socket.set_multicast_hops_v6(HOP_LIMIT)?;
    } else {
        socket.set_multicast_ttl_v4(HOP_LIMIT)?;
        // Where a switch swallows multicast, a network's broadcast address still reaches the hub.
        socket.set_broadcast(true)?;
    }
    // The kernel grants what it may; less is no reason to stop.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    bound(socket, address)
}

fn listening(domain: Domain, address: SocketAddr) -> io::Result<Talking> {
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(true)?;
    }
    // The hub on this machine, and other agents, listen to the same groups.
    socket.set_reuse_address(true)?;
    bound(socket, address)
}

#[expect(deprecated, reason = "what replaces it is `unsafe`, for descriptors that change; one that is owned does not")]
fn bound(socket: Socket, address: SocketAddr) -> io::Result<Talking> {
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    AsyncFd::with_interest(socket.into(), Interest::READABLE)
}
