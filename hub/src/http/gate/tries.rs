//! Counts wrong tries at secrets: how many a caller has left, and what is written about them to the log and the audit
//! log. The secret that was tried is never written.
//!
//! Tries are counted by address. Those at a password are also counted by account, and for all unknown addresses
//! together (`throttle.rs`).

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::actor;
use super::peer::Peer;
use crate::access::sha256;
use crate::http::error::ApiError;
use crate::http::keys::Keys;
use crate::http::shares::throttle::{Full, Wait};

/// Somebody who tries a secret, counted before what they send is read.
#[derive(Debug)]
pub(in crate::http) struct Attempt(pub Peer);

impl<S: Send + Sync> FromRequestParts<S> for Attempt
where
    Arc<Keys>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Ok(peer) = Peer::from_request_parts(parts, state).await;
        attempt(&Arc::from_ref(state), peer).await?;
        Ok(Self(peer))
    }
}

/// A try from an address.
pub(in crate::http) async fn attempt(keys: &Keys, peer: Peer) -> Result<(), ApiError> {
    let Err(wait) = keys.attempts.attempt(keys.clock.now(), peer.0.ip()) else { return Ok(()) };
    let detail = "too many wrong passwords from this address";
    Err(too_many(keys, peer, wait, "too many attempts to sign in", detail).await)
}

/// A try at the password of an account, known or not, beside those of its address.
pub(in crate::http) async fn guess(keys: &Keys, peer: Peer, account: &str) -> Result<(), ApiError> {
    let sum = sha256(account.as_bytes());
    let account = u64::from_be_bytes(std::array::from_fn(|n| sum[n]));
    let (log, whose, wait) = match keys.attempts.guess(keys.clock.now(), peer.0.ip(), account) {
        Ok(()) => return Ok(()),
        Err(Full::Account(wait)) => ("too many attempts to sign in to one account", "for this name ", wait),
        Err(Full::All(wait)) => ("too many attempts to sign in from everywhere together", "", wait),
    };
    let detail = format!(
        "too many wrong passwords {whose}from addresses that are not known: sign in with a link of \
         `telemetry-hub open`, or from an address that somebody signed in from before"
    );
    Err(too_many(keys, peer, wait, log, &detail).await)
}

/// A try at the code of somebody whose password is right.
pub(in crate::http) async fn guess_code(keys: &Keys, peer: Peer, user: u64) -> Result<(), ApiError> {
    let Err(wait) = keys.codes.attempt(keys.clock.now(), user) else { return Ok(()) };
    let detail = "too many wrong codes for this account: use a recovery code";
    Err(too_many(keys, peer, wait, "too many wrong codes for one account", detail).await.field("code"))
}

async fn too_many(keys: &Keys, peer: Peer, wait: Wait, log: &str, detail: &str) -> ApiError {
    let Wait { seconds, is_first } = wait;
    if is_first {
        note(keys, peer, log).await;
    }
    let detail = format!("{detail}; try again in {seconds} s");
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail).retry_after(seconds)
}

/// A line in the log, and one in the audit log, about a try that was wrong, as long as there are not too many.
pub(in crate::http) async fn note(keys: &Keys, peer: Peer, what: &str) {
    let ip = peer.0.ip();
    let line = keys.attempt_lines.line(keys.clock.now());
    if line.is_some() {
        actor::refused(keys, peer, what).await;
    }
    match line {
        None => {}
        Some(0) => tracing::warn!(peer = %peer.0, "{what} from {ip}"),
        Some(more) => {
            tracing::warn!(peer = %peer.0, more, "{what} from {ip}; before it {more} more wrong tries to sign in")
        }
    }
}
