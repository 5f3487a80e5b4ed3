//! `/password`: people change their own; whoever sets another signs every other browser of theirs out.

use axum::extract::State;
use axum::http::StatusCode;

use super::AppState;
use super::auth::{Account, Peer, random};
use super::body::Body;
use super::dto::Problem;
use super::dto::access::PasswordChange;
use super::error::ApiError;
use super::password::check_length;
use super::tries::{attempt, note};
use crate::model::user::User;
use crate::store::Who;

/// Changes one's password. Every other browser of the same user is signed out; API tokens stay valid.
#[utoipa::path(put, path = "/api/v1/password", tag = "access", request_body = PasswordChange,
    responses((status = 204, description = "Done"), (status = 400, body = Problem),
        (status = 403, description = "The current password is wrong", body = Problem),
        (status = 409, description = "No password is set yet, or a token asks and there are several users", body = Problem),
        (status = 429, body = Problem)))]
pub(super) async fn change_password(
    State(app): State<AppState>,
    account: Account,
    peer: Peer,
    Body(request): Body<PasswordChange>,
) -> Result<StatusCode, ApiError> {
    check_length("new_password", &request.new_password)?;
    let user = prove(&app, peer, account.user, request.password).await?;
    let hash = app.passwords.hash(request.new_password, random()?).await?;
    app.store.set_password(user.id, hash, account.session, app.clock.wall()).await?;
    app.access_ended.send_replace(());
    tracing::info!(peer = %peer.0, "{} changed the password from {}; their other browsers are signed out", user.name, peer.0.ip());
    Ok(StatusCode::NO_CONTENT)
}

/// Asks somebody who is signed in for their password once more.
pub(super) async fn prove(app: &AppState, peer: Peer, user: u64, password: String) -> Result<User, ApiError> {
    attempt(app, peer).await?;
    let found = app.store.user_with_password(&Who::Id(user))?;
    let (user, hash) = found.ok_or_else(|| ApiError::conflict("password", "this user has no password"))?;
    if !app.passwords.is_of(password, Some(hash)).await? {
        note(app, peer, &format!("wrong password for {}, who is signed in", user.name)).await;
        return Err(ApiError::forbidden("wrong_password", "the current password is wrong").field("password"));
    }
    app.attempts.take_back(peer.0.ip());
    Ok(user)
}
