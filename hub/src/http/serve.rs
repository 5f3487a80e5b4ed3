//! The accept loop.
//!
//! Written out because `axum::serve` installs no timer, so that a client could hold a connection without ever sending a
//! header. Promises: at most `connections` at once and `connections_per_ip` of one address; a header arrives within ten
//! seconds or the connection ends; at stop, requests that run are finished and live connections closed, within bounds.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, warn};

use super::AppState;
use super::auth::Peer;

/// From accept to the first header, and from one request to the next.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
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
    let room = Arc::new(Semaphore::new(state.config.connections));
    let guests = Guests { most: state.config.connections_per_ip, ..Guests::default() };
    while let Some((stream, peer, permit)) = accept(&listener, &room, &stop).await {
        let Some(guest) = guests.admit(peer.ip()) else {
            debug!(%peer, "connection refused: {peer} has too many");
            continue;
        };
        let connection = connection(stream, peer, router.clone(), stop.clone());
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

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>, stop: &CancellationToken) -> Option<Accepted> {
    let next = async {
        let permit = Arc::clone(room).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => return Some((stream, peer, permit)),
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
        accepted = next => accepted,
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    // Frames and answers are written whole, so waiting for more to send only adds delay.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_header_size(HEAD_BYTES)
        .max_headers(HEAD_FIELDS)
        .serve_connection(TokioIo::new(stream), service)
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
    fn admit(&self, ip: IpAddr) -> Option<Guest> {
        let ip = ip.to_canonical();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(ip).or_insert(0);
        if *count >= self.most && !ip.is_loopback() {
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
    use super::*;

    #[test]
    fn one_address_has_so_many_connections_and_loopback_any_number() {
        let guests = Guests { most: 2, ..Guests::default() };
        let lan = IpAddr::from([192, 168, 0, 9]);
        let first = guests.admit(lan);
        let _second = guests.admit(lan);
        assert!(guests.admit(lan).is_none());
        drop(first);
        assert!(guests.admit(lan).is_some());
        let local: Vec<_> = (0..9).map(|_| guests.admit(IpAddr::from([127, 0, 0, 1]))).collect();
        assert!(local.iter().all(Option::is_some));
        drop(local);
        assert_eq!(guests.open.lock().unwrap().len(), 1);
    }
}
