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
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::http::gate::front::Front;
use crate::http::shares::places::Places;
use crate::http::state::AppState;
use connection::{Door, FINISH};

/// How long live connections may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// Serves the router until `stop`, then finishes what runs.
///
/// # Errors
/// None at present; accept errors are logged and waited out, for they pass (out of file descriptors).
pub(super) async fn run(
    listener: TcpListener,
    state: AppState,
    router: Router,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let connections = TaskTracker::new();
    let places = Places::new(&state.config, Arc::clone(&state.gave_way));
    let door = Arc::new(Door {
        router,
        front: Front::new(state.config.trusted_proxies.clone(), state.info.url.as_deref()),
        stop: stop.clone(),
        tasks: connections.clone(),
        state: state.clone(),
    });
    while let Some((stream, peer)) = accept(&listener, &stop).await {
        // A proxy carries everybody, like loopback.
        let Some(place) = places.admit(peer.ip(), door.front.trusts(peer.ip())) else {
            state.refused.fetch_add(1, Ordering::Relaxed);
            debug!(%peer, "connection refused: too many in total, or from {peer}");
            continue;
        };
        connections.spawn(Arc::clone(&door).serve(stream, peer, place));
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
