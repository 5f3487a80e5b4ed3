//! Datagrams with lines.

use std::io;

use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use super::cut;
use super::parcel::Sender;
use crate::door::allowed::Allowed;
use crate::door::tally::{Dropped, Tally};

/// One byte more than a datagram can have: one that fills it was cut by the kernel.
const LARGEST: usize = 1 << 16;

/// Takes datagrams until `stop`.
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
            () = stop.cancelled() => return Ok(()),
            received = socket.recv_from(&mut buffer) => received,
        };
        let (length, from) = match received {
            Ok(received) => received,
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused) => {
                continue;
            }
            Err(error) => return Err(error),
        };
        if !allowed.has(from.ip()) {
            tally.dropped(Dropped::NotAllowed, 1, || format!("{} is not in a network of `--line-allow`", from.ip()));
            continue;
        }
        let (text, is_cut) = cut::whole(buffer.get(..length).unwrap_or_default());
        if is_cut || length == LARGEST {
            let say = || format!("a datagram from {} ({length} bytes) was cut within its last line", from.ip());
            tally.dropped(Dropped::Cut, 1, say);
        }
        if !text.is_empty() && !parcels.try_send(from, text) {
            tally.dropped(Dropped::Busy, 1, || format!("no room for a datagram from {}", from.ip()));
        }
    }
}
