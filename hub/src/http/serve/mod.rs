//! The accept loop.
//!
//! Written out because `axum::serve` installs no timer, so that a client could hold a connection without ever sending a
//! header. Promises: at most `connections` at once and `connections_per_ip` of one address (of one network of an IPv6 host),
//! of which nobody without session or token keeps those out who have one (`gate::places`); a handshake and a header within ten seconds each and an answer is taken without a rest of twenty, or the connection ends; at stop, requests that
//! run are finished and live connections closed, within bounds.

mod connection;
mod flow;
mod pace;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::clock::Clock;
use crate::http::config::Config;
use crate::http::gate::front::Front;
use crate::http::shares::places::Places;
use crate::http::state::Ongoing;
use crate::tls::Tls;
use connection::{Door, FINISH};

/// How long live connections may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// The parts of the hub that the accept loop uses.
#[derive(Clone)]
pub(super) struct Reception {
    pub(super) config: Config,
    pub(super) clock: Clock,
    pub(super) tls: Option<Arc<Tls>>,
    /// The hub's page as others open it, where somebody said so.
    pub(super) url: Option<String>,
    pub(super) ongoing: Ongoing,
    /// Connections that found no place.
    pub(super) refused: Arc<AtomicU64>,
    /// Connections of strangers that gave way to others.
    pub(super) gave_way: Arc<AtomicU64>,
}

/// Serves the router until `stop`, then finishes what runs.
///
/// # Errors
/// None at present; accept errors are logged and waited out, for they pass (out of file descriptors).
pub(super) async fn run(
    listener: TcpListener,
    reception: Reception,
    router: Router,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let connections = TaskTracker::new();
    let Reception { config, clock, tls, url, ongoing, refused, gave_way } = reception;
    let places = Places::new(&config, gave_way);
    let door = Arc::new(Door {
        router,
        front: Front::new(config.trusted_proxies, url.as_deref()),
        stop: stop.clone(),
        tasks: connections.clone(),
        clock,
        tls,
    });
    while let Some((stream, peer)) = accept(&listener, &stop).await {
        // A proxy carries everybody, like loopback.
        let Some(place) = places.admit(peer.ip(), door.front.trusts(peer.ip())) else {
            refused.fetch_add(1, Ordering::Relaxed);
            debug!(%peer, "connection refused: too many in total, or from {peer}");
            continue;
        };
        connections.spawn(Arc::clone(&door).serve(stream, peer, place));
    }
    ongoing.closing.cancel();
    drop(listener);
    connections.close();
    ongoing.tasks.close();
    let finished = async {
        connections.wait().await;
        ongoing.tasks.wait().await;
    };
    if tokio::time::timeout(FINISH + GOODBYE, finished).await.is_err() {
        warn!(open = connections.len(), "HTTP connections were cut at stop: they took too long");
    }
    Ok(())
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
