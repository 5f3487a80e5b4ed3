//! Checks that a person is who they say: by the password once more, and by a code where a second factor is on.
//!
//! Each code works once: the store keeps the newest one that was used. Wrong codes are counted by account, wherever
//! they come from, because whoever tries them already has the password. Recovery codes are too long to be guessed and
//! are not counted there, so nobody is locked out by somebody else's tries.

use axum::http::StatusCode;

use super::totp;
use crate::access::sha256;
use crate::http::error::ApiError;
use crate::http::gate::peer::Peer;
use crate::http::gate::tries::{attempt, guess_code, note};
use crate::http::keys::Keys;
use crate::model::user::User;
use crate::password::is_fit;
use crate::store::Who;

/// Refuses a new password that is too short or too long.
pub(super) fn check_length(field: &str, password: &str) -> Result<(), ApiError> {
    if is_fit(password) {
        return Ok(());
    }
    Err(ApiError::invalid(field, "a password must have 8 to 256 characters"))
}

/// Asks somebody who is signed in for their password once more.
pub(in crate::http) async fn prove(keys: &Keys, peer: Peer, user: u64, password: String) -> Result<User, ApiError> {
    attempt(keys, peer).await?;
    let found = keys.store.user_with_password(&Who::Id(user))?;
    let (user, hash) = found.ok_or_else(|| ApiError::conflict("password", "this user has no password"))?;
    if !keys.passwords.is_of(password, Some(hash)).await? {
        note(keys, peer, &format!("wrong password for {}, who is signed in", user.name)).await;
        return Err(ApiError::forbidden("wrong_password", "the current password is wrong").field("password"));
    }
    keys.attempts.take_back(peer.0.ip());
    Ok(user)
}

/// Asks somebody whose password is right for a code, if they have turned that on.
pub(in crate::http) async fn ask(keys: &Keys, peer: Peer, user: &User, code: Option<&str>) -> Result<(), ApiError> {
    if !user.second_factor {
        return Ok(());
    }
    let refused = |detail| ApiError::new(StatusCode::UNAUTHORIZED, "second_factor", detail).field("code");
    let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) else {
        keys.attempts.take_back(peer.0.ip());
        return Err(refused("enter the code that your authenticator app shows, or a recovery code"));
    };
    if take(keys, peer, user.id, code).await? {
        return Ok(());
    }
    note(keys, peer, &format!("right password and wrong code for {}", user.name)).await;
    Err(refused("this code is wrong, or was used before: enter the one that the app shows now"))
}

/// Asks for a code of somebody who is signed in: they are not signed out by it.
pub(in crate::http) async fn confirm(keys: &Keys, peer: Peer, user: u64, code: &str) -> Result<(), ApiError> {
    let user = keys.store.user(user)?.ok_or_else(|| ApiError::not_found("there is no such user"))?;
    if !user.second_factor {
        return Err(ApiError::conflict("code", "the second factor is not on"));
    }
    attempt(keys, peer).await?;
    if !take(keys, peer, user.id, code.trim()).await? {
        note(keys, peer, &format!("wrong code for {}, who is signed in", user.name)).await;
        let detail = "this code is wrong, or was used before: enter the one that the app shows now";
        return Err(ApiError::forbidden("wrong_code", detail).field("code"));
    }
    keys.attempts.take_back(peer.0.ip());
    Ok(())
}

/// Takes a code of an app or a recovery code; no code is taken twice.
async fn take(keys: &Keys, peer: Peer, user: u64, typed: &str) -> Result<bool, ApiError> {
    if !totp::is_code(typed) {
        return Ok(keys.store.take_recovery_code(user, sha256(totp::letters(typed).as_bytes())).await?);
    }
    guess_code(keys, peer, user).await?;
    let Some((secret, true)) = keys.store.second_factor(user)? else { return Ok(false) };
    let Some(step) = totp::step_of(&secret, typed, keys.clock.wall().0 / 1000) else { return Ok(false) };
    let is_taken = keys.store.take_step(user, step).await?;
    if is_taken {
        keys.codes.forgive(user);
    }
    Ok(is_taken)
}
