//! Wrong tries at secrets: how many somebody has, and what log and audit log say of them; never what was tried.
//!
//! Tries are counted by address, and those at a password also by account and of all strangers together (`throttle.rs`).

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::actor;
use super::peer::Peer;
use crate::access::sha256;
use crate::http::error::ApiError;
use crate::http::shares::throttle::{Full, Wait};
use crate::http::state::AppState;

/// Somebody who tries a secret, counted before what they send is read.
#[derive(Debug)]
pub(in crate::http) struct Attempt(pub Peer);

impl FromRequestParts<AppState> for Attempt {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Ok(peer) = Peer::from_request_parts(parts, app).await;
        attempt(app, peer).await?;
        Ok(Self(peer))
    }
}

/// A try from an address.
pub(in crate::http) async fn attempt(app: &AppState, peer: Peer) -> Result<(), ApiError> {
    let Err(wait) = app.attempts.attempt(app.clock.now(), peer.0.ip()) else { return Ok(()) };
    let detail = "too many wrong passwords from this address";
    Err(too_many(app, peer, wait, "too many attempts to sign in", detail).await)
}

/// A try at the password of an account, known or not, beside those of its address.
pub(in crate::http) async fn guess(app: &AppState, peer: Peer, account: &str) -> Result<(), ApiError> {
    let sum = sha256(account.as_bytes());
    let account = u64::from_be_bytes(std::array::from_fn(|n| sum[n]));
    let (log, whose, wait) = match app.attempts.guess(app.clock.now(), peer.0.ip(), account) {
        Ok(()) => return Ok(()),
        Err(Full::Account(wait)) => ("too many attempts to sign in to one account", "for this name ", wait),
        Err(Full::All(wait)) => ("too many attempts to sign in from everywhere together", "", wait),
    };
    let detail = format!(
        "too many wrong passwords {whose}from addresses that are not known: sign in with a link of \
         `telemetry-hub open`, or from an address that somebody signed in from before"
    );
    Err(too_many(app, peer, wait, log, &detail).await)
}

/// A try at the code of somebody whose password is right.
pub(in crate::http) async fn guess_code(app: &AppState, peer: Peer, user: u64) -> Result<(), ApiError> {
    let Err(wait) = app.codes.attempt(app.clock.now(), user) else { return Ok(()) };
    let detail = "too many wrong codes for this account: use a recovery code";
    Err(too_many(app, peer, wait, "too many wrong codes for one account", detail).await.field("code"))
}

async fn too_many(app: &AppState, peer: Peer, wait: Wait, log: &str, detail: &str) -> ApiError {
    let Wait { seconds, is_first } = wait;
    if is_first {
        note(app, peer, log).await;
    }
    let detail = format!("{detail}; try again in {seconds} s");
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail).retry_after(seconds)
}

/// A line in the log, and one in the audit log, about a try that was wrong, as long as there are not too many.
pub(in crate::http) async fn note(app: &AppState, peer: Peer, what: &str) {
    let ip = peer.0.ip();
    let line = app.attempt_lines.line(app.clock.now());
    if line.is_some() {
        actor::refused(app, peer, what).await;
    }
    match line {
        None => {}
        Some(0) => tracing::warn!(peer = %peer.0, "{what} from {ip}"),
        Some(more) => {
            tracing::warn!(peer = %peer.0, more, "{what} from {ip}; before it {more} more wrong tries to sign in")
        }
    }
}
