//! Binds the ports of the hub before anything is written, so that a failed start leaves no data directory behind.
//! Errors say which port cannot be bound, why, and what would help.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, UdpSocket};

use crate::config::Config;
use crate::reach;
use crate::running::{self, Running};
use crate::udp::socket::Socket;

/// Connections that wait to be accepted, at most: as many pages as reconnect within the second of a restart.
const BACKLOG: u32 = 1_024;

/// Ports that are the hub's. Nobody is answered by them yet: opening a large store takes its time.
pub(super) struct Ports {
    http: TcpSocket,
    wanted: SocketAddr,
    /// For devices.
    pub(super) udp: Socket,
    line_udp: Option<UdpSocket>,
    line_tcp: Option<(TcpSocket, SocketAddr)>,
}

/// Ports that are open.
pub(super) struct Open {
    pub(super) http: TcpListener,
    pub(super) udp: Socket,
    pub(super) line: LinePorts,
}

/// Where the line protocol comes, if it is to.
#[derive(Default)]
pub(super) struct LinePorts {
    pub(super) udp: Option<UdpSocket>,
    pub(super) tcp: Option<TcpListener>,
}

/// Bytes of receive buffer that the kernel is asked for where lines come by UDP: a burst while a group is on its way to the disk.
const LINE_BUFFER: usize = 4 << 20;

impl Ports {
    /// Takes all or none.
    ///
    /// # Errors
    /// One is taken or not this machine's; the text says what would help.
    pub(super) fn take(config: &Config) -> anyhow::Result<Self> {
        let http = tcp(config.http).map_err(|error| refused("--http", config.http, &error))?;
        let udp = Socket::bind(config.udp).map_err(|error| refused("--udp", config.udp, &error))?;
        let line_udp = config.line_udp.map(|at| lines(at).map_err(|error| refused("--line-udp", at, &error)));
        let line_tcp = config.line_tcp.map(|at| tcp(at).map_err(|error| refused("--line-tcp", at, &error)));
        let line_tcp = line_tcp.transpose()?.zip(config.line_tcp);
        Ok(Self { http, wanted: config.http, udp, line_udp: line_udp.transpose()?, line_tcp })
    }

    /// Lets browsers in.
    ///
    /// # Errors
    /// Another program was faster: a port that was bound is not kept from others until somebody listens.
    pub(super) fn open(self) -> anyhow::Result<Open> {
        let listen = |flag: &str, socket: TcpSocket, wanted| {
            socket.listen(BACKLOG).map_err(|error| refused(flag, wanted, &error))
        };
        let http = listen("--http", self.http, self.wanted)?;
        let tcp = self.line_tcp.map(|(socket, wanted)| listen("--line-tcp", socket, wanted)).transpose()?;
        Ok(Open { http, udp: self.udp, line: LinePorts { udp: self.line_udp, tcp } })
    }
}

fn lines(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    // With the right to (root, CAP_NET_ADMIN) past net.core.rmem_max; else as much of it as the kernel grants.
    if rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, LINE_BUFFER).is_err() {
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(LINE_BUFFER);
    }
    UdpSocket::from_std(socket)
}

fn tcp(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A hub that starts again does not wait for connections of the one before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// What to say when an address cannot be bound.
fn refused(flag: &str, address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let (ip, port) = (address.ip(), address.port());
    let kind = error.kind();
    anyhow::anyhow!(if kind == io::ErrorKind::AddrInUse {
        // Behind the port of devices is that of discovery.
        let further = if flag == "--udp" { 10 } else { 1 };
        let next = SocketAddr::new(ip, port.checked_add(further).unwrap_or(8081));
        let who = owner(flag, port);
        format!("port {port} is already in use{who}: stop that program, or choose another port: {flag} {next}")
    } else if kind == io::ErrorKind::AddrNotAvailable {
        let own: Vec<String> = reach::addresses().iter().map(ToString::to_string).collect();
        let own = if own.is_empty() { "none but its own loopback".to_owned() } else { own.join(", ") };
        format!("{flag} {address}: this machine does not have the address {ip}; it has {own}; 0.0.0.0:{port} means all")
    } else if kind == io::ErrorKind::PermissionDenied {
        format!("{flag} {address}: ports below 1024 need root; choose another: {flag} {}", SocketAddr::new(ip, 8080))
    } else {
        format!("{flag} {address}: {error}")
    })
}

fn owner(flag: &str, port: u16) -> String {
    let has = |running: &Running| port == if flag == "--udp" { running.udp.port() } else { running.http.port() };
    let hubs = running::elsewhere().into_iter().filter_map(|data| Running::of(&data).map(|running| (data, running)));
    hubs.into_iter().find(|(_, running)| has(running)).map_or_else(String::new, |(data, running)| {
        format!(" by the hub in {} ({})", data.display(), running.links().pop().unwrap_or_default())
    })
}
