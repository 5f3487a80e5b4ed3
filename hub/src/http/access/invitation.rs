//! `/invitation`: a link with which a person who was added, or whose password was reset, chooses a password; once,
//! within a day.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::cookie::begin;
use super::person::{Invitation, InvitationRequest};
use super::proof::ask;
use super::proof::check_length;
use crate::access::sha256;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::actor;
use crate::http::gate::front::Encrypted;
use crate::http::gate::peer::Peer;
use crate::http::gate::tries::{Attempt, note};
use crate::http::keys::Keys;
use crate::http::request::body::Body;
use crate::model::user::User;
use crate::random;

/// Whom a link is for. Nothing is changed by it.
#[utoipa::path(post, path = "/api/v1/invitation", tag = "access", request_body = InvitationRequest,
    responses((status = 200, body = Invitation), (status = 401, body = Problem), (status = 429, body = Problem)), security(()))]
pub(in crate::http) async fn look(
    State(keys): State<Arc<Keys>>,
    Attempt(peer): Attempt,
    Body(request): Body<InvitationRequest>,
) -> Result<Json<Invitation>, ApiError> {
    let user = invited(&keys, peer, &request.invitation).await?;
    keys.attempts.take_back(peer.0.ip());
    Ok(Json(Invitation { name: user.name, second_factor: user.second_factor }))
}

/// Sets the password of whom a link is for, and signs in.
#[utoipa::path(put, path = "/api/v1/invitation", tag = "access", request_body = InvitationRequest,
    responses((status = 204, description = "Done; the answer sets the cookie"), (status = 400, body = Problem),
        (status = 401, description = "The link works no longer; with the code `second_factor`, all that is missing or wrong is `code`", body = Problem),
        (status = 429, body = Problem)),
    security(()))]
pub(in crate::http) async fn accept(
    State(keys): State<Arc<Keys>>,
    Attempt(peer): Attempt,
    encrypted: Encrypted,
    headers: HeaderMap,
    Body(request): Body<InvitationRequest>,
) -> Result<Response, ApiError> {
    let user = invited(&keys, peer, &request.invitation).await?;
    let password = request.password.unwrap_or_default();
    check_length("password", &password)?;
    actor::signs_in(peer, Some(&user), "link");
    ask(&keys, peer, &user, request.code.as_deref()).await?;
    let hash = keys.passwords.hash(password, random::bytes()?).await?;
    let taken = keys.store.take_invite(sha256(request.invitation.trim().as_bytes()), hash, keys.clock.wall()).await;
    let user = taken.map_err(|error| if error.is_missing() { expired() } else { error.into() })?;
    begin(&keys, peer, &user, &headers, encrypted).await
}

async fn invited(keys: &Keys, peer: Peer, code: &str) -> Result<User, ApiError> {
    if let Some(user) = keys.store.invited(sha256(code.trim().as_bytes()), keys.clock.wall())? {
        return Ok(user);
    }
    note(keys, peer, "a link for a new password that was used before or has expired was opened").await;
    Err(expired())
}

fn expired() -> ApiError {
    ApiError::unauthenticated("this link was used already or has expired; ask an admin of the hub for another")
        .field("invitation")
}
