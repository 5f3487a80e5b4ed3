//! The hub's UDP socket: one system call receives many datagrams, or sends one.
//!
//! It asks the kernel for a large receive buffer and remembers the size it got. An unspecified IPv4 address binds both
//! families, so that `0.0.0.0:5770` receives from IPv6 devices too; the rest of the hub sees each address in its own
//! family.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Bytes of receive buffer that the kernel is asked for: what a million readings a second send in half a second.
const RECEIVE_BUFFER: usize = 8 << 20;
/// Datagram trains read by one system call.
const TRAINS: usize = 16;
/// Longest train the kernel joins (GRO).
const TRAIN_BYTES: usize = 1 << 16;

/// A bound socket.
#[derive(Debug)]
pub(crate) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    is_v6: bool,
    receive_buffer: usize,
}

/// Room for what one system call receives.
pub(crate) struct Inbox {
    buffers: Vec<Vec<u8>>,
    metas: [RecvMeta; TRAINS],
    trains: usize,
}

impl Socket {
    /// Binds.
    ///
    /// # Errors
    /// The address is taken or not this machine's.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let both = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), address.port());
        let dual = address.ip() == IpAddr::from([0, 0, 0, 0]);
        // A machine without IPv6 refuses the dual-stack socket; then IPv4 alone it is.
        let bound = if dual { open(both).or_else(|_| open(address)) } else { open(address) };
        let io = bound?;
        let receive_buffer = socket2::SockRef::from(&io).recv_buffer_size()?;
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        let is_v6 = io.local_addr()?.is_ipv6();
        Ok(Self { io, state, is_v6, receive_buffer })
    }

    /// The port it is bound to.
    ///
    /// # Errors
    /// The operating system does not say.
    pub(crate) fn port(&self) -> io::Result<u16> {
        self.io.local_addr().map(|address| address.port())
    }

    /// Bytes of receive buffer the kernel granted.
    #[must_use]
    pub(crate) const fn receive_buffer(&self) -> usize {
        self.receive_buffer
    }

    /// Bytes of receive buffer asked for.
    #[must_use]
    pub(crate) const fn wanted_buffer() -> usize {
        RECEIVE_BUFFER
    }

    /// Waits for datagrams and takes as many as one system call gives. Cancel-safe.
    ///
    /// # Errors
    /// The socket failed. What a peer's ICMP says is not a failure.
    pub(crate) async fn receive(&self, inbox: &mut Inbox) -> io::Result<()> {
        inbox.trains = 0;
        let received = self
            .io
            .async_io(Interest::READABLE, || {
                let mut slices: Vec<_> = inbox.buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
                self.state.recv(UdpSockRef::from(&self.io), &mut slices, &mut inbox.metas)
            })
            .await;
        match received {
            Ok(trains) => inbox.trains = trains,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Sends one datagram. An unreachable peer is no error: it is not there, and will be back or not.
    ///
    /// # Errors
    /// The socket failed.
    pub(crate) async fn send(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        let to = match (self.is_v6, to) {
            (true, SocketAddr::V4(v4)) => SocketAddr::new(IpAddr::V6(v4.ip().to_ipv6_mapped()), v4.port()),
            _ => to,
        };
        match self.io.send_to(datagram, to).await {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(error),
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::debug!(%error, %to, "not sent to {to}: {error}");
                Ok(())
            }
        }
    }
}

fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(address.ip() != IpAddr::V6(Ipv6Addr::UNSPECIFIED))?;
    }
    // With the right to (root, CAP_NET_ADMIN) past net.core.rmem_max; else what that allows. `receive_buffer` tells.
    if rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER).is_err() {
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

impl Inbox {
    /// Empty.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self { buffers: vec![vec![0; TRAIN_BYTES]; TRAINS], metas: [RecvMeta::default(); TRAINS], trains: 0 }
    }

    /// Whether the last [`Socket::receive`] took all that it could: more may wait.
    #[must_use]
    pub(crate) const fn is_full(&self) -> bool {
        self.trains == TRAINS
    }

    /// The datagrams of the last [`Socket::receive`], and where each came from.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        self.metas.iter().zip(&self.buffers).take(self.trains).flat_map(|(meta, buffer)| {
            let from = canonical(meta.addr);
            let bytes = buffer.get(..meta.len).unwrap_or_default();
            bytes.chunks(meta.stride.max(1)).map(move |datagram| (from, datagram))
        })
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

/// An IPv4 address in its own family; IPv6 keeps its scope, which a link-local answer needs.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::new(IpAddr::V4(v4), address.port()),
        IpAddr::V6(_) => address,
    }
}
