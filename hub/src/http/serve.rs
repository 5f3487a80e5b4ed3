//! The accept loop.
//!
//! Written out because `axum::serve` installs no timer, so that a client could hold a connection without ever sending a
//! header. Promises: at most `connections` at once and `connections_per_ip` of one address (of one network of an IPv6 host),
//! with a few places that only this machine itself can take; a header arrives within ten seconds and an answer is taken
//! without a rest of twenty, or the connection ends; at stop, requests that run are finished and live connections closed,
//! within bounds.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, warn};

use super::AppState;
use super::front::Front;
use super::pace::Paced;
use super::throttle::household;

/// From accept to the first header, and from one request to the next.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// For a client to take some more of its answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);
/// Connections of this machine beside all others: whoever fills the hub does not lock its owner out.
const RESERVE: usize = 32;
/// Largest request head.
const HEAD_BYTES: usize = 16 * 1024;
/// Header fields of a request.
const HEAD_FIELDS: usize = 64;
/// For requests that run when the hub stops.
const FINISH: Duration = Duration::from_secs(5);
/// For live connections to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// Serves until `stop`, then finishes what runs.
///
/// # Errors
/// None at present; accept errors are logged and waited out, for they pass (out of file descriptors).
pub async fn serve(listener: TcpListener, state: AppState, stop: CancellationToken) -> std::io::Result<()> {
    let router = super::router(state.clone());
    let connections = TaskTracker::new();
    let room = Arc::new(Semaphore::new(state.config.connections.min(affordable())));
    let reserve = Arc::new(Semaphore::new(RESERVE));
    let guests = Guests { most: state.config.connections_per_ip, ..Guests::default() };
    let front = Arc::new(Front::new(state.config.trusted_proxies.clone(), state.info.url.as_deref()));
    while let Some((stream, peer)) = accept(&listener, &stop).await {
        let place = || match Arc::clone(&room).try_acquire_owned() {
            Err(_) if peer.ip().to_canonical().is_loopback() => Arc::clone(&reserve).try_acquire_owned().ok(),
            place => place.ok(),
        };
        // A proxy carries everybody, like loopback.
        let guest = guests.admit(peer.ip(), front.trusts(peer.ip()));
        let Some((guest, permit)) = guest.and_then(|guest| Some((guest, place()?))) else {
            state.refused.fetch_add(1, Ordering::Relaxed);
            debug!(%peer, "connection refused: too many in total, or from {peer}");
            continue;
        };
        let connection = connection(stream, peer, Arc::clone(&front), router.clone(), stop.clone());
        connections.spawn(async move {
            connection.await;
            drop((guest, permit));
        });
    }
    state.closing.cancel();
    drop(listener);
    connections.close();
    state.sockets.close();
    let finished = async {
        connections.wait().await;
        state.sockets.wait().await;
    };
    if tokio::time::timeout(FINISH + GOODBYE, finished).await.is_err() {
        warn!(open = connections.len(), "HTTP connections were cut at stop: they took too long");
    }
    Ok(())
}

/// Connections that leave the rest of the hub half of the files it may open.
fn affordable() -> usize {
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |files| usize::try_from(files / 2).unwrap_or(usize::MAX))
}

async fn accept(listener: &TcpListener, stop: &CancellationToken) -> Option<(TcpStream, SocketAddr)> {
    let next = async {
        loop {
            match listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    warn!(%error, "cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        accepted = next => Some(accepted),
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, front: Arc<Front>, router: Router, stop: CancellationToken) {
    // Frames and answers are written whole, so waiting for more to send only adds delay.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let answer = front.receive(&mut request, peer);
        let router = router.clone();
        async move {
            match answer {
                Some(answer) => Ok(answer),
                None => router.oneshot(request).await,
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_header_size(HEAD_BYTES)
        .max_headers(HEAD_FIELDS)
        .serve_connection(TokioIo::new(Paced::new(stream, ANSWER_PATIENCE)), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(FINISH, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "connection ended: {error}");
    }
}

/// Connections by address.
#[derive(Debug, Clone, Default)]
struct Guests {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
}

impl Guests {
    /// `carries_all`: through it come others, as many as they are.
    fn admit(&self, ip: IpAddr, carries_all: bool) -> Option<Guest> {
        // Before its network is meant: that of `::1` is no loopback.
        let is_exempt = carries_all || ip.to_canonical().is_loopback();
        let ip = household(ip);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(ip).or_insert(0);
        if *count >= self.most && !is_exempt {
            return None;
        }
        *count += 1;
        Some(Guest { ip, guests: self.clone() })
    }
}

struct Guest {
    ip: IpAddr,
    guests: Guests,
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut open = self.guests.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn one_address_has_so_many_connections_and_loopback_any_number() {
        let guests = Guests { most: 2, ..Guests::default() };
        let lan = IpAddr::from([192, 168, 0, 9]);
        let first = guests.admit(lan, false);
        let _second = guests.admit(lan, false);
        assert!(guests.admit(lan, false).is_none());
        drop(first);
        assert!(guests.admit(lan, false).is_some());
        for local in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into(), "::ffff:127.0.0.1".parse().unwrap()] {
            let local: Vec<_> = (0..9).map(|_| guests.admit(local, false)).collect();
            assert!(local.iter().all(Option::is_some));
        }
        assert_eq!(guests.open.lock().unwrap().len(), 1);
        let host = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        let _neighbours = [guests.admit(host(1), false), guests.admit(host(2), false)];
        assert!(guests.admit(host(3), false).is_none(), "one network");
    }
}
