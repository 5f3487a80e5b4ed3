//! Begins a session: stores it, and makes the cookie that the browser gets.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::browser;
use crate::access::sha256;
use crate::http::error::ApiError;
use crate::http::gate::credentials::{COOKIE, HOST_COOKIE};
use crate::http::gate::front::Encrypted;
use crate::http::gate::peer::Peer;
use crate::http::keys::Keys;
use crate::model::access::NewSession;
use crate::model::user::User;
use crate::random;

/// Longest life of a session, in seconds; the store ends it after seven days without use.
const LIFE_S: i64 = 30 * 86_400;

/// Begins a session of somebody who has shown who they are.
pub(in crate::http) async fn begin(
    keys: &Keys,
    peer: Peer,
    user: &User,
    headers: &HeaderMap,
    Encrypted(encrypted): Encrypted,
) -> Result<Response, ApiError> {
    let now = keys.clock.wall();
    // Those end by themselves, not by whoever comes next.
    keys.store.drop_old_sessions(now).await?;
    let secret: [u8; 32] = random::bytes()?;
    let new = NewSession {
        hash: sha256(&secret),
        user: user.id,
        at: now,
        expires_at: now.plus(LIFE_S * 1000),
        address: peer.ip().to_string(),
        browser: browser::shortened(headers),
    };
    let gone = || ApiError::unauthenticated("this user may not sign in any more");
    keys.store.create_session(new).await.map_err(|error| if error.is_missing() { gone() } else { error.into() })?;
    keys.attempts.take_back(peer.0.ip());
    keys.attempts.remember(peer.0.ip());
    tracing::info!(peer = %peer.0, user = user.id, "{} signed in from {}", user.name, peer.0.ip());
    let cookie = cookie(encrypted, &URL_SAFE_NO_PAD.encode(secret), LIFE_S);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// The cookie, as a header says it: of a browser that uses TLS or does not, for so many seconds.
pub(super) fn cookie(encrypted: bool, value: &str, life_s: i64) -> String {
    let (name, secure) = if encrypted { (HOST_COOKIE, "; Secure") } else { (COOKIE, "") };
    format!("{name}={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={life_s}{secure}")
}
