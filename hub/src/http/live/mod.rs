//! `/live`: the WebSocket. One task a connection around pure [`Subscription`]s.
//!
//! There is no queue here: while a client is slow its task waits in `send`, the hub's ring moves on, and the connection learns how
//! much it missed; then it sends `gap` and continues with what is new. A slow client costs one message under way
//! (at most 256 KiB), what the kernel buffers, the rows its subscriptions keep for the next frame (together at most 16,384), and
//! a megabyte that says which series they want: all but the first kilobytes of it out of one room for all connections, of which
//! one token or session has half (`memory`). Rows without room are a `gap`, subscriptions without room end the connection with
//! 1013. A client that does not read a message within ten seconds is closed with 1013 as well. When the hub stops, all are closed
//! with 1001; a client that breaks the rules or loses its access is closed with 1008.

mod connection;
pub(super) mod dto;
pub(super) mod feed;
mod memory;
#[cfg(test)]
pub(in crate::http) mod tests;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use utoipa_axum::routes;

use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth;
use crate::http::gate::credentials;
use crate::http::gate::origin::from_own_page;
use crate::http::gate::peer::Peer;
use crate::http::request::params::no_params;
use crate::http::shares::places::Place;
use crate::http::state::Routes;
use crate::model::access::Scope;
use crate::random;
use connection::{Connection, End, say_goodbye};
use feed::Feed;

/// What happens, as it happens.
pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(connect))
}

/// Opens the live stream. Browsers have to come from the hub's own page; see `ClientRequest` and `ServerMessage`.
#[utoipa::path(get, path = "/api/v1/live", tag = "live",
    responses((status = 101, description = "Switching to the WebSocket protocol"), (status = 400, body = Problem),
    (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 426, description = "It is no request for a WebSocket", body = Problem)))]
pub(super) async fn connect(
    State(feed): State<Feed>,
    uri: Uri,
    peer: Peer,
    headers: HeaderMap,
    place: Option<Extension<Place>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    from_own_page(&feed.names, &uri, &headers)?;
    // Listened to before it is asked, so that access which ends meanwhile is noticed.
    let access_ended = feed.keys.access_ended.subscribe();
    let principal = credentials::identify(&feed.keys, peer, &headers).await?;
    if let Some(principal) = principal.as_ref().filter(|principal| !principal.scope.includes(Scope::Read)) {
        return Err(auth::lacks(principal, Scope::Read));
    }
    let place = place.map(|Extension(place)| place);
    if let (Some(place), Some(principal)) = (&place, &principal) {
        place.is_of(principal.by);
    }
    no_params(&uri)?;
    let upgrade = upgrade
        .map_err(|rejection| ApiError::new(StatusCode::UPGRADE_REQUIRED, "not_a_websocket", rejection.body_text()))?;
    let Some(guest) = feed.sockets.open() else {
        let detail = "too many live connections";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(10));
    };
    let session = crate::access::hex(&random::bytes::<10>()?);
    let tracked = feed.ongoing.tasks.token();
    // The library's defaults hold 256 KiB a connection and let the write buffer grow without end.
    let upgrade = upgrade
        .read_buffer_size(4 << 10)
        .write_buffer_size(16 << 10)
        .max_write_buffer_size(256 << 10)
        .max_message_size(64 << 10)
        .max_frame_size(64 << 10);
    Ok(upgrade.on_upgrade(move |socket| async move {
        match principal {
            // A browser cannot read the status of a refused upgrade, but it can read a close code.
            None => say_goodbye(socket, End::policy("sign in first")).await,
            Some(principal) => {
                Connection::new(feed, &principal, socket, access_ended, place).run(principal, session).await;
            }
        }
        drop((guest, tracked));
    }))
}
