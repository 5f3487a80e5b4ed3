//! Who sent a request: a bearer token, the password of Basic authentication, or a session cookie.
//!
//! Secrets have 128 bits or more, so SHA-256 is enough at rest; hashes are compared instead of secrets, so the time of a
//! comparison tells nothing.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::peer::Peer;
use crate::access::{ApiToken, sha256};
use crate::http::error::ApiError;
use crate::http::keys::Keys;
use crate::http::principal::{By, Principal};
use crate::model::access::Scope;
use crate::model::view::View;

/// Name of the session cookie.
pub(crate) const COOKIE: &str = "thub";
/// Name of the session cookie over TLS: a browser lets only this host set one (RFC 6265bis, 4.1.3.2).
pub(crate) const HOST_COOKIE: &str = "__Host-thub";

/// Answer to a password of Basic authentication that cannot be a token's.
const NO_TOKEN: &str = "sign in, or send an API token (thp_...) as the password of Basic authentication: the one that came is none. Where a \
                        proxy asks for a password of its own, that is it, and signing in here works beside it";

/// Who sent these headers. `None` without credentials or with a session that is over; a wrong token is an error.
pub(crate) async fn identify(keys: &Keys, peer: Peer, headers: &HeaderMap) -> Result<Option<Principal>, ApiError> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().ok().and_then(|value| value.split_once(' '));
        // Clients of InfluxDB say `Token`, older ones have a user and a password.
        let token = match text {
            Some(("Bearer" | "bearer" | "Token" | "token", token)) => Some(token.trim().to_owned()),
            Some(("Basic" | "basic", pair)) => password(pair.trim()),
            _ => None,
        };
        let Some(token) = token else {
            return Err(ApiError::unauthenticated("send an API token as `Authorization: Bearer thp_...`"));
        };
        let found = bearer(keys, &token).await;
        let is_basic = matches!(text, Some(("Basic" | "basic", _)));
        if found.is_ok() || !is_basic || ApiToken::parse(&token).is_ok() {
            return found.map(Some);
        }
        // The browser's answer to a proxy in front that asks for a password of its own: here the cookie decides.
        return signed_in(keys, peer, headers).await?.map(Some).ok_or_else(|| ApiError::unauthenticated(NO_TOKEN));
    }
    signed_in(keys, peer, headers).await
}

/// Whose session the cookies are of, if one of them is of any.
async fn signed_in(keys: &Keys, peer: Peer, headers: &HeaderMap) -> Result<Option<Principal>, ApiError> {
    for hash in cookies(headers) {
        if let Some(session) = keys.store.session(hash, keys.clock.wall(), Some(peer.ip())).await? {
            return Ok(Some(Principal::of(&session, hash)));
        }
    }
    Ok(None)
}

/// The password of Basic authentication; the user does not matter.
fn password(pair: &str) -> Option<String> {
    let pair = String::from_utf8(STANDARD.decode(pair).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

async fn bearer(keys: &Keys, text: &str) -> Result<Principal, ApiError> {
    let hash = Some(sha256(text.as_bytes()));
    if hash == keys.admin_token {
        return Ok(Principal::program(Scope::Admin, View::ALL, By::File));
    }
    if hash == keys.local_key {
        return Ok(Principal::program(Scope::Admin, View::ALL, By::Key));
    }
    let token = ApiToken::parse(text).map_err(|error| ApiError::unauthenticated(error.to_string()))?;
    let refused =
        || ApiError::unauthenticated("this token is not valid on this hub (revoked, expired, or from another hub)");
    let now = keys.clock.wall();
    let (row, hash) = keys.store.token(token.id)?.ok_or_else(refused)?;
    if hash != token.hash() || row.expires_at.is_some_and(|end| end <= now) {
        return Err(refused());
    }
    // To the minute: reading must not turn into a write each time.
    if row.last_used_at.is_none_or(|last| now.since(last) >= 60_000) {
        keys.store.touch_token(row.id, now).await?;
    }
    Ok(Principal::program(row.scope, row.view(), By::Token(row.id)))
}

/// Whether a caller who was let in still has access: for connections that stay open.
pub(crate) async fn still_holds(keys: &Keys, principal: &Principal) -> bool {
    let now = keys.clock.wall();
    match principal.by {
        By::File | By::Key => true,
        By::Session(hash) => !matches!(keys.store.session(hash, now, None).await, Ok(None)),
        By::Token(id) => match keys.store.token(id) {
            Ok(Some((row, _))) => row.expires_at.is_none_or(|end| end > now),
            Ok(None) => false,
            // While the store is too busy to answer, the caller keeps access.
            Err(_) => true,
        },
    }
}

/// Hashes of all session cookies, as many as the head of a request holds: other pages of this host, on another port or below the same
/// domain, may have set any number of that name, and a browser sends those with the longer path first.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = [u8; 32]> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let ours = all.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE || name == HOST_COOKIE).then_some(value)
    });
    let secrets = ours.filter_map(|ours| URL_SAFE_NO_PAD.decode(ours).ok().filter(|secret| secret.len() == 32));
    secrets.map(|secret| sha256(&secret))
}
