//! A local socket that takes line protocol, so that any program on the machine can hand readings in.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use tokio::net::{UdpSocket, UnixDatagram};

use super::{Address, MOST_BYTES, Outlet, line};
use crate::clock;

/// How long to wait before a socket that could not be opened is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(10);

enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Socket {
    async fn open(address: &Address) -> io::Result<Self> {
        match address {
            Address::Udp(address) => UdpSocket::bind(address).await.map(Self::Udp),
            Address::Unix(path) => {
                remove_socket(path)?;
                let socket = UnixDatagram::bind(path)?;
                // Like the UDP port of the loopback interface: for every local program.
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
                Ok(Self::Unix(socket))
            }
        }
    }

    async fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Udp(socket) => socket.recv(buffer).await,
            Self::Unix(socket) => socket.recv(buffer).await,
        }
    }
}

/// A socket that an earlier run left; anything else in its place is somebody's.
fn remove_socket(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path),
        Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "something that is no socket has this name")),
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
        if !outlet.give(Vec::new(), Some(why.to_string())).await {
            return;
        }
        clock::sleep_until(Some(clock::now().mono + RETRY_EVERY)).await;
    }
}

/// Takes datagrams until the socket fails; `None` when nobody wants them any more.
async fn serve(socket: &Socket, buffer: &mut [u8], prefix: &str, precision: i64, outlet: &Outlet) -> Option<io::Error> {
    // Whoever looked at an earlier trouble should see that it is over.
    let mut wanted = outlet.give(Vec::new(), None).await;
    while wanted {
        let length = match socket.receive(buffer).await {
            Ok(length) => length,
            Err(error) => return Some(error),
        };
        let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
        let (mut readings, mut trouble) = (Vec::new(), None);
        for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            if let Err(refused) = line::read(line, prefix, precision, &mut readings) {
                trouble = Some(refused.to_string());
            }
        }
        wanted = outlet.give(readings, trouble).await;
    }
    None
}
