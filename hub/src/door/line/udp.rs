//! Datagrams with lines.

use std::io;
use std::net::SocketAddr;

use rustix::net::{RecvFlags, recvfrom};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use super::cut;
use super::parcel::Sender;
use crate::door::allowed::Allowed;
use crate::door::tally::{Dropped, Tally};

/// One byte more than a datagram can have: one that fills it was cut by the kernel.
const LARGEST: usize = 1 << 16;

/// Datagrams that are read when the hub stops: more than the buffer of the socket holds.
const AT_THE_END: usize = 1 << 16;

/// Takes datagrams until `stop`, then those that have arrived until then.
///
/// # Errors
/// The socket failed. What a peer's ICMP says is not a failure.
pub(super) async fn run(
    socket: &UdpSocket,
    allowed: &Allowed,
    parcels: Sender,
    tally: &Tally,
    stop: CancellationToken,
) -> io::Result<()> {
    let mut buffer = vec![0; LARGEST];
    loop {
        let received = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            received = socket.recv_from(&mut buffer) => received,
        };
        let (length, from) = match received {
            Ok(received) => received,
            Err(error) if is_of_a_peer(&error) => continue,
            Err(error) => return Err(error),
        };
        let datagram = buffer.get(..length).unwrap_or_default();
        if let Some(text) = lines(datagram, from, allowed, tally)
            && !parcels.try_send(from, text)
        {
            tally.dropped(Dropped::Busy, 1, || format!("no room for a datagram from {}", from.ip()));
        }
    }
    for _ in 0..AT_THE_END {
        // Past the runtime, which may not have heard of them yet.
        let (length, from) = match recvfrom(socket, buffer.as_mut_slice(), RecvFlags::DONTWAIT) {
            Ok((length, _, Some(from))) => match SocketAddr::try_from(from) {
                Ok(from) => (length, from),
                Err(_) => continue,
            },
            Ok(_) => continue,
            Err(error) if is_of_a_peer(&io::Error::from(error)) => continue,
            Err(_) => break,
        };
        let datagram = buffer.get(..length).unwrap_or_default();
        if let Some(text) = lines(datagram, from, allowed, tally) {
            parcels.send(from, text.to_vec()).await;
        }
    }
    Ok(())
}

/// What an earlier answer of ours met; a door has none, and the kernel may say so all the same.
fn is_of_a_peer(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused)
}

/// The lines of a datagram that are to be stored.
fn lines<'d>(datagram: &'d [u8], from: SocketAddr, allowed: &Allowed, tally: &Tally) -> Option<&'d [u8]> {
    let (length, from) = (datagram.len(), from.ip());
    if !allowed.has(from) {
        tally.dropped(Dropped::NotAllowed, 1, || format!("{from} is not in a network of `--line-allow`"));
        return None;
    }
    let (text, is_cut) = cut::whole(datagram);
    if is_cut || length == LARGEST {
        tally.dropped(Dropped::Cut, 1, || {
            format!("a datagram from {from} ({length} bytes) was cut within its last line")
        });
    }
    (!text.is_empty()).then_some(text)
}
