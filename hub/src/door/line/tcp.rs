//! Connections with lines. One that is idle costs little, and may be so for ever as long as its other end is there.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::frames::{Completed, Frames};
use super::parcel::Sender;
use crate::clock::Clock;
use crate::door::allowed::Allowed;
use crate::door::tally::{Dropped, Tally};

/// Connections at once.
const MOST: usize = 12_288;
/// How long a line may be on its way: whoever sends a byte a second is closed.
const LINE_WITHIN: Duration = Duration::from_secs(30);
/// Bytes of begun lines of all connections.
const BEGUN: usize = 8 << 20;
/// Bytes that are read at once.
const READ: usize = 16 << 10;
/// Times a connection is read when the hub stops: as much as its buffer holds, some hundred kilobytes.
const AT_THE_END: usize = 32;
/// After so long without a word the other end is asked whether it is there ...
const SILENT: Duration = Duration::from_secs(60);
/// ... and again after this, so many times.
const ASK_EVERY: Duration = Duration::from_secs(15);
const ASKED: u32 = 4;
/// Pause after a connection could not be accepted: there is no free file, most likely.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections until `stop`, then what they sent until then.
pub(super) async fn run(
    listener: &TcpListener,
    allowed: &Allowed,
    parcels: Sender,
    tally: &Arc<Tally>,
    stop: CancellationToken,
) {
    let (places, begun) = (Arc::new(Semaphore::new(MOST)), Arc::new(AtomicUsize::new(0)));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            // Those that ended make room for their successors.
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tally.dropped(Dropped::Full, 1, || format!("a connection was not accepted: {error}"));
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if !allowed.has(from.ip()) {
            tally.dropped(Dropped::NotAllowed, 1, || format!("{} is not in a network of `--line-allow`", from.ip()));
            continue;
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tally.dropped(Dropped::Full, 1, || format!("{MOST} connections are open: none is left for {}", from.ip()));
            continue;
        };
        if let Err(error) = is_asked_for(&stream) {
            tally.dropped(Dropped::Full, 1, || format!("a connection has no keepalive: {error}"));
            continue;
        }
        let begun = Begun { all: Arc::clone(&begun), own: 0 };
        let (parcels, tally, stop) = (parcels.clone(), Arc::clone(tally), stop.clone());
        let connection = Connection { stream, from, frames: Frames::default(), begun, parcels, _place: place };
        connections.spawn(async move { connection.run(&tally, &stop).await });
    }
    while connections.join_next().await.is_some() {}
}

/// Lets the kernel find out whether the other end is still there.
fn is_asked_for(stream: &TcpStream) -> io::Result<()> {
    let asks = TcpKeepalive::new().with_time(SILENT).with_interval(ASK_EVERY).with_retries(ASKED);
    SockRef::from(stream).set_tcp_keepalive(&asks)
}

/// One that is open.
struct Connection {
    stream: TcpStream,
    from: SocketAddr,
    frames: Frames,
    begun: Begun,
    parcels: Sender,
    _place: OwnedSemaphorePermit,
}

/// Memory of lines that have begun, its own and that of all.
struct Begun {
    all: Arc<AtomicUsize>,
    own: usize,
}

impl Begun {
    /// Its line has so many bytes now; whether that is not too much.
    fn is(&mut self, bytes: usize) -> bool {
        let others = self.all.load(Ordering::Relaxed).saturating_sub(self.own);
        if bytes >= self.own {
            self.all.fetch_add(bytes - self.own, Ordering::Relaxed);
        } else {
            self.all.fetch_sub(self.own - bytes, Ordering::Relaxed);
        }
        self.own = bytes;
        bytes == 0 || others + bytes <= BEGUN
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.all.fetch_sub(self.own, Ordering::Relaxed);
    }
}

impl Connection {
    /// Reads lines until the other end closes, is too slow, or the hub stops.
    async fn run(mut self, tally: &Tally, stop: &CancellationToken) {
        let from = self.from.ip();
        let mut line_until: Option<Instant> = None;
        let mut left = AT_THE_END;
        loop {
            let is_readable = tokio::select! {
                biased;
                () = stop.cancelled() => false,
                () = Clock.sleep_until(line_until) => {
                    let seconds = LINE_WITHIN.as_secs();
                    return tally.dropped(Dropped::Slow, 1, || format!("{from} began a line and did not end it within {seconds} s"));
                }
                ready = self.stream.readable() => ready.is_ok(),
            };
            if !is_readable {
                // What has arrived is read, and no more than that of whoever goes on sending.
                left -= 1;
                if left == 0 {
                    return self.cut_off(tally);
                }
            }
            let read = match self.read() {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && is_readable => continue,
                Err(_) => break self.cut_off(tally),
            };
            let Some(Completed { lines, too_long }) = read else {
                match std::mem::take(&mut self.frames).end() {
                    None => tally.dropped(Dropped::Cut, 1, || format!("a connection of {from} ended within a line")),
                    Some(last) if last.is_empty() => {}
                    Some(last) => {
                        self.parcels.send(self.from, last).await;
                    }
                }
                return;
            };
            if too_long > 0 {
                tally.dropped(Dropped::TooLong, too_long, || format!("a line from {from} is longer than 64 KiB"));
            }
            if !self.begun.is(self.frames.pending()) {
                return tally
                    .dropped(Dropped::Full, 1, || format!("too many lines have begun: no memory for that of {from}"));
            }
            let is_new = !lines.is_empty();
            if is_new && !self.parcels.send(self.from, lines).await {
                return;
            }
            if !self.frames.is_within_a_line() {
                line_until = None;
            } else if is_new || line_until.is_none() {
                line_until = Some(Clock.now() + LINE_WITHIN);
            }
        }
    }

    /// The next bytes; `None` when the other end has closed. The buffer lives in here: no connection that waits keeps one.
    fn read(&mut self) -> io::Result<Option<Completed>> {
        let mut bytes = [0; READ];
        let length = self.stream.try_read(&mut bytes)?;
        Ok((length > 0).then(|| self.frames.take(bytes.get(..length).unwrap_or_default())))
    }

    /// It ended within a line, or between two.
    fn cut_off(&self, tally: &Tally) {
        if self.frames.is_within_a_line() {
            tally.dropped(Dropped::Cut, 1, || format!("a connection of {} ended within a line", self.from.ip()));
        }
    }
}
