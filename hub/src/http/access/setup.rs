//! `/setup`: sets the first password of a hub.
//!
//! There is no default password. The first one is set with the token in the link that the hub printed, so it takes
//! access to its terminal or its data directory, even on the machine itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::cookie::begin;
use super::dto::{SetupRequest, SetupState};
use super::proof::check_length;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::actor;
use crate::http::gate::front::Encrypted;
use crate::http::gate::peer::Peer;
use crate::http::gate::tries::{attempt, note};
use crate::http::keys::Keys;
use crate::http::request::body::Body;
use crate::http::request::params::{Asked, Nothing};
use crate::links;
use crate::random;

/// Whether the first password is still to be set, whether people sign in by name, and of which hub.
#[utoipa::path(get, path = "/api/v1/setup", tag = "access", responses((status = 200, body = SetupState)), security(()))]
pub(in crate::http) async fn setup_state(
    State(keys): State<Arc<Keys>>,
    _: Asked<Nothing>,
) -> Result<Json<SetupState>, ApiError> {
    let passwords = keys.store.passwords()?;
    let name = keys.hostname.clone().filter(|name| !name.is_empty());
    Ok(Json(SetupState { needed: passwords == 0, by_name: passwords > 1, name }))
}

/// Sets the first password, and signs in.
#[utoipa::path(post, path = "/api/v1/setup", tag = "access", request_body = SetupRequest,
    responses((status = 204, description = "Done; the answer sets the cookie"), (status = 400, body = Problem), (status = 401, body = Problem), (status = 409, body = Problem)),
    security(()))]
pub(in crate::http) async fn setup(
    State(keys): State<Arc<Keys>>,
    peer: Peer,
    encrypted: Encrypted,
    headers: HeaderMap,
    Body(request): Body<SetupRequest>,
) -> Result<Response, ApiError> {
    if keys.store.passwords()? > 0 {
        return Err(ApiError::conflict("setup_token", "the admin password is already set; sign in with it"));
    }
    attempt(&keys, peer).await?;
    if !links::is_setup_token(&keys.store, &request.setup_token).await? {
        note(&keys, peer, "an expired setup link was opened").await;
        let detail = "this setup link has expired: `telemetry-hub open` on the hub's machine prints another";
        return Err(ApiError::unauthenticated(detail).field("setup_token"));
    }
    check_length("password", &request.password)?;
    let hash = keys.passwords.hash(request.password, random::bytes()?).await?;
    links::spend_setup_token(&keys.store).await?;
    if let Some(file) = &keys.setup_file {
        // It opens nothing any more; where it cannot be removed, the next start does it.
        let _ = std::fs::remove_file(file);
    }
    actor::signs_in(peer, None, "setup link");
    let user = keys.store.set_first_password(hash, keys.clock.wall()).await?;
    tracing::info!(peer = %peer.0, "the admin password was set from {}", peer.0.ip());
    begin(&keys, peer, &user, &headers, encrypted).await
}
