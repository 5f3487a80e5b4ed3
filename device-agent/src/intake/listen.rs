//! A local socket as a source: any program on the machine can send readings in line protocol.
//!
//! Lost readings are counted. A datagram longer than the buffer is marked by the kernel (`MSG_TRUNC`), and the number
//! of datagrams that came too fast is in `/proc/net/udp`. A Unix socket has no such count and needs none: its sender
//! waits, or gets an error.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use rustix::net::{RecvFlags, sockopt};
use tokio::io::Interest;
use tokio::net::{UdpSocket, UnixDatagram};

use super::content::{self, Taken};
use super::outlet::Outlet;
use super::source::Address;
use super::text::MOST_BYTES;
use crate::clock;

/// Pause before a socket that could not be opened is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(10);
/// How long after a datagram the kernel's count of dropped ones is read.
const LOOK_AFTER: Duration = Duration::from_secs(2);
/// Bytes of receive buffer that the kernel is asked for: a thousand datagrams at once.
const RECEIVE_BUFFER: usize = 2 << 20;

enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Socket {
    async fn open(address: &Address) -> io::Result<Self> {
        match address {
            Address::Udp(address) => {
                let socket = UdpSocket::bind(address).await?;
                if sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER).is_err() {
                    // As much as everybody may have.
                    let _ = sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER);
                }
                Ok(Self::Udp(socket))
            }
            Address::Unix(path) => {
                remove_socket(path)?;
                let socket = UnixDatagram::bind(path)?;
                // Like the UDP port of the loopback interface: for every local program.
                fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
                Ok(Self::Unix(socket))
            }
        }
    }

    /// Takes a datagram: how many of its bytes are in the buffer, and how many it has.
    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, usize)> {
        let mut take = |socket: &dyn AsFd| Ok(rustix::net::recv(socket.as_fd(), &mut *buffer, RecvFlags::TRUNC)?);
        match self {
            Self::Udp(socket) => socket.async_io(Interest::READABLE, || take(socket)).await,
            Self::Unix(socket) => socket.async_io(Interest::READABLE, || take(socket)).await,
        }
    }

    /// Datagrams that the kernel dropped since the socket was opened.
    fn dropped(&self) -> u64 {
        let Self::Udp(socket) = self else { return 0 };
        let Ok(inode) = rustix::fs::fstat(socket).map(|stat| stat.st_ino.to_string()) else { return 0 };
        let tables = ["/proc/net/udp", "/proc/net/udp6"].into_iter().filter_map(|path| fs::read_to_string(path).ok());
        tables.filter_map(|table| drops_in(&table, &inode)).next().unwrap_or(0)
    }
}

/// What a table like `/proc/net/udp` says was dropped of the socket of that inode: the tenth column and the last.
fn drops_in(table: &str, inode: &str) -> Option<u64> {
    let line = table.lines().find(|line| line.split_ascii_whitespace().nth(9) == Some(inode))?;
    line.split_ascii_whitespace().nth(12)?.parse().ok()
}

/// A socket that an earlier run left; anything else in its place is somebody's.
fn remove_socket(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file that is not a socket has this name")),
        Err(_) => Ok(()),
    }
}

pub(super) async fn listen(address: &Address, prefix: &str, precision: i64, outlet: &Outlet) {
    let mut buffer = vec![0; MOST_BYTES];
    loop {
        let why = match Socket::open(address).await {
            Ok(socket) => match serve(&socket, &mut buffer, prefix, precision, outlet).await {
                Some(error) => error,
                None => return,
            },
            Err(error) => error,
        };
        if !outlet.give(Taken::nothing(why.to_string())).await {
            return;
        }
        clock::sleep_until(Some(clock::now().mono + RETRY_EVERY)).await;
    }
}

/// Takes datagrams until the socket fails; `None` when nobody wants them any more.
async fn serve(socket: &Socket, buffer: &mut [u8], prefix: &str, precision: i64, outlet: &Outlet) -> Option<io::Error> {
    let (mut dropped, mut look_at) = (0, None);
    // Whoever looked at an earlier trouble should see that it is over.
    let mut wanted = outlet.give(Taken::default()).await;
    while wanted {
        let received = tokio::select! {
            received = socket.receive(buffer) => received,
            () = clock::sleep_until(look_at) => {
                look_at = None;
                let (before, now) = (dropped, socket.dropped());
                dropped = now;
                if now > before {
                    let mut taken = Taken::default();
                    taken.lost.dropped = now - before;
                    wanted = outlet.give(taken).await;
                }
                continue;
            }
        };
        let (length, whole) = match received {
            Ok(lengths) => lengths,
            Err(error) => return Some(error),
        };
        // Where nothing comes nothing is dropped.
        look_at = look_at.or_else(|| Some(clock::now().mono + LOOK_AFTER));
        let text = content::text_of(buffer.get(..length).unwrap_or_default());
        wanted = outlet.give(content::lines(&text, whole > length, prefix, precision)).await;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_what_it_dropped_of_a_socket() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
             12: 0100007F:1F9E 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 6359\n\
             13: 0100007F:1F9F 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 0\n";
        assert_eq!(
            (drops_in(table, "4711"), drops_in(table, "4712"), drops_in(table, "471")),
            (Some(6359), Some(0), None)
        );
    }
}
