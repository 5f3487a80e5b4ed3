//! `/password`: people change their own password, which signs out all of their other browsers.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use super::dto::PasswordChange;
use super::proof::check_length;
use super::proof::prove;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::Account;
use crate::http::gate::peer::Peer;
use crate::http::keys::Keys;
use crate::http::request::body::Body;
use crate::random;

/// Changes one's password. Every other browser of the same user is signed out; API tokens stay valid.
#[utoipa::path(put, path = "/api/v1/password", tag = "access", request_body = PasswordChange,
    responses((status = 204, description = "Done"), (status = 400, body = Problem),
        (status = 403, description = "The current password is wrong", body = Problem),
        (status = 409, description = "No password is set yet, or a token asks and there are several users", body = Problem),
        (status = 429, body = Problem)))]
pub(in crate::http) async fn change_password(
    State(keys): State<Arc<Keys>>,
    account: Account,
    peer: Peer,
    Body(request): Body<PasswordChange>,
) -> Result<StatusCode, ApiError> {
    check_length("new_password", &request.new_password)?;
    let user = prove(&keys, peer, account.user, request.password).await?;
    let hash = keys.passwords.hash(request.new_password, random::bytes()?).await?;
    keys.store.set_password(user.id, hash, account.session, keys.clock.wall()).await?;
    keys.access_ended.send_replace(());
    tracing::info!(peer = %peer.0, "{} changed the password from {}; their other browsers are signed out", user.name, peer.0.ip());
    Ok(StatusCode::NO_CONTENT)
}
