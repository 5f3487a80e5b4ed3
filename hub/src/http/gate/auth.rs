//! Who makes a request: a bearer token or a session cookie, and what it may do.
//!
//! A handler says who may call it by its first argument, named after the scope that is needed: [`MayRead`],
//! [`MayWrite`], [`MayOperate`] or [`MayAdmin`]. [`Account`] is for requests about the user who makes them. A session
//! may do what the role of its user allows. Secrets have 128 bits or more, so SHA-256 is enough at rest; hashes are
//! compared instead of secrets, so the time of a comparison tells nothing.
//!
//! All of these refuse a token that is limited to devices with certain labels. A handler that shows or changes only
//! what is in a [`View`] takes [`MayReadSome`], [`MayWriteSome`], [`MayIngestSome`] or [`MayIngestSomeWithQuery`], and
//! is given the view with it.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::actor;
use super::peer::Peer;
use crate::access::{ApiToken, sha256};
use crate::http::error::{ApiError, nobody};
use crate::http::keys::Keys;
use crate::http::principal::{By, Principal};
use crate::http::request::params::no_params;
use crate::http::shares::asker::Asker;
use crate::model::access::Scope;
use crate::model::audit::Actor;
use crate::model::view::View;
use crate::store::Who;

/// Name of the session cookie.
pub(crate) const COOKIE: &str = "thub";
/// Name of the session cookie over TLS: a browser lets only this host set one (RFC 6265bis, 4.1.3.2).
pub(crate) const HOST_COOKIE: &str = "__Host-thub";

/// Answer to a password of Basic authentication that cannot be a token's.
const NO_TOKEN: &str = "sign in, or send an API token (thp_...) as the password of Basic authentication: the one that came is none. Where a \
                        proxy asks for a password of its own, that is it, and signing in here works beside it";

/// Answer to a sign-in before any password is set.
pub(in crate::http) const UNSET: &str =
    "no password is set yet: open the setup link that `telemetry-hub open` prints on the hub's machine";

/// Scope `read`, for all devices. Holds the caller's scope, which decides how much is shown.
#[derive(Debug)]
pub(crate) struct MayRead(pub Scope);
/// Scope `write`, for all devices. Holds the caller's scope, which decides how long a silence may be.
#[derive(Debug)]
pub(crate) struct MayWrite(pub Scope);
/// Scope `operate`: rules, silences of any length, devices.
#[derive(Debug)]
pub(crate) struct MayOperate;
/// Scope `read` for the devices in this view, which may be all.
#[derive(Debug)]
pub(crate) struct MayReadSome(pub View);
/// Scope `write` for alerts of the devices in this view.
#[derive(Debug)]
pub(crate) struct MayWriteSome(pub View);
/// Scope `ingest` for readings of the devices in this view.
#[derive(Debug)]
pub(crate) struct MayIngestSome(pub View);
/// The same for handlers that read the query string, which [`MayIngestSome`] refuses.
#[derive(Debug)]
pub(crate) struct MayIngestSomeWithQuery(pub View);
/// Any valid credentials: for telling callers who they are.
#[derive(Debug)]
pub(crate) struct Somebody(pub Principal);
/// Scope `admin` for the import, which reads the query string; [`MayAdmin`] refuses one.
#[derive(Debug)]
pub(crate) struct MayAdminWithQuery(pub Actor);
/// Scope `admin`: everything.
#[derive(Debug)]
pub(crate) struct MayAdmin;
/// Whose account a request is about: that of the user who makes it. A program with scope `admin` means the only user.
#[derive(Debug)]
pub(crate) struct Account {
    /// Row number of the user.
    pub user: u64,
    /// Hash of the session that asks, if one does.
    pub session: Option<[u8; 32]>,
}
/// Whose sessions a caller may list and end: those of one user, or everybody's (`None`) for an admin.
#[derive(Debug)]
pub(crate) struct SessionsOf(pub Option<u64>);

impl<S: Send + Sync> FromRequestParts<S> for Principal
where
    Arc<Keys>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        for_all(parts, &Arc::from_ref(state)).await
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Somebody
where
    Arc<Keys>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        somebody(parts, &Arc::from_ref(state)).await.map(Self)
    }
}

/// The caller, if the credentials are valid.
async fn somebody(parts: &mut Parts, keys: &Keys) -> Result<Principal, ApiError> {
    let Ok(peer) = Peer::from_request_parts(parts, &()).await;
    let principal = identify(keys, peer, &parts.headers).await?.ok_or_else(nobody)?;
    if let Some(asker) = parts.extensions.get::<Asker>() {
        asker.is(principal.clone());
    }
    Ok(principal)
}

/// The caller, if not limited to some devices.
async fn for_all(parts: &mut Parts, keys: &Keys) -> Result<Principal, ApiError> {
    let principal = somebody(parts, keys).await?;
    is_for_all(&principal)?;
    Ok(principal)
}

/// Refuses a token that is only for some devices.
pub(in crate::http) fn is_for_all(principal: &Principal) -> Result<(), ApiError> {
    if principal.view.is_all() {
        return Ok(());
    }
    let detail = format!("this token is only for devices with {}, and this needs one for all devices", principal.view);
    Err(ApiError::forbidden("scope", detail))
}

/// 403: with credentials for something else.
pub(in crate::http) fn lacks(principal: &Principal, needed: Scope) -> ApiError {
    let roles = if needed == Scope::Admin { "admin" } else { "operator or admin" };
    let detail = match principal.by {
        By::Session(_) => format!("your role does not allow this: it needs {roles}"),
        By::Token(_) | By::File | By::Key => {
            format!("this needs the scope `{}`, which the token that was sent has not", needed.word())
        }
    };
    ApiError::forbidden("scope", detail)
}

async fn admit(parts: &mut Parts, keys: &Keys, needed: Scope) -> Result<Principal, ApiError> {
    let principal = known(parts, keys, needed).await?;
    acts(parts, keys, &principal).await?;
    Ok(principal)
}

async fn acts(parts: &mut Parts, keys: &Keys, principal: &Principal) -> Result<(), ApiError> {
    // What changes something takes no parameters, and must not seem to; and it is somebody's.
    if !parts.method.is_safe() {
        no_params(&parts.uri)?;
        let Ok(peer) = Peer::from_request_parts(parts, &()).await;
        actor::let_act(keys, principal, peer).await?;
    }
    Ok(())
}

async fn known(parts: &mut Parts, keys: &Keys, needed: Scope) -> Result<Principal, ApiError> {
    let principal = for_all(parts, keys).await?;
    may(&principal, needed)?;
    Ok(principal)
}

/// The same of whoever may do it with some devices.
async fn with_some(parts: &mut Parts, keys: &Keys, needed: Scope) -> Result<Principal, ApiError> {
    let principal = somebody(parts, keys).await?;
    may(&principal, needed)?;
    Ok(principal)
}

fn may(principal: &Principal, needed: Scope) -> Result<(), ApiError> {
    if principal.scope.includes(needed) { Ok(()) } else { Err(lacks(principal, needed)) }
}

impl<S: Send + Sync> FromRequestParts<S> for MayReadSome
where
    Arc<Keys>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let keys = <Arc<Keys>>::from_ref(state);
        let principal = with_some(parts, &keys, Scope::Read).await?;
        acts(parts, &keys, &principal).await?;
        Ok(Self(principal.view))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MayWriteSome
where
    Arc<Keys>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let keys = <Arc<Keys>>::from_ref(state);
        let principal = with_some(parts, &keys, Scope::Write).await?;
        acts(parts, &keys, &principal).await?;
        Ok(Self(principal.view))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MayRead
where
    Arc<Keys>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let keys = <Arc<Keys>>::from_ref(state);
        admit(parts, &keys, Scope::Read).await.map(|principal| Self(principal.scope))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MayWrite
where
    Arc<Keys>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let keys = <Arc<Keys>>::from_ref(state);
        admit(parts, &keys, Scope::Write).await.map(|principal| Self(principal.scope))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MayOperate
where
    Arc<Keys>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let keys = <Arc<Keys>>::from_ref(state);
        admit(parts, &keys, Scope::Operate).await.map(|_| Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Account
where
    Arc<Keys>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let keys = <Arc<Keys>>::from_ref(state);
        let principal = for_all(parts, &keys).await?;
        let session = match principal.by {
            By::Session(hash) => Some(hash),
            By::Token(_) | By::File | By::Key if principal.scope == Scope::Admin => None,
            By::Token(_) | By::File | By::Key => return Err(lacks(&principal, Scope::Admin)),
        };
        acts(parts, &keys, &principal).await?;
        if let Some(user) = principal.user {
            return Ok(Self { user, session });
        }
        match keys.store.user_with_password(&Who::Only)? {
            Some((user, _)) => Ok(Self { user: user.id, session }),
            None if keys.store.passwords()? == 0 => Err(ApiError::conflict("password", UNSET)),
            None => {
                Err(ApiError::conflict("password", "there are several users, and a token is none of them: sign in"))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SessionsOf
where
    Arc<Keys>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let keys = <Arc<Keys>>::from_ref(state);
        let principal = for_all(parts, &keys).await?;
        let of = match (principal.scope, principal.user) {
            (Scope::Admin, _) => None,
            (_, Some(user)) => Some(user),
            (_, None) => return Err(lacks(&principal, Scope::Admin)),
        };
        acts(parts, &keys, &principal).await?;
        Ok(Self(of))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MayIngestSome
where
    Arc<Keys>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let MayIngestSomeWithQuery(view) = MayIngestSomeWithQuery::from_request_parts(parts, state).await?;
        no_params(&parts.uri)?;
        Ok(Self(view))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MayIngestSomeWithQuery
where
    Arc<Keys>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let keys = <Arc<Keys>>::from_ref(state);
        // Readings are no change of a person: devices that come with them are not in the audit log.
        with_some(parts, &keys, Scope::Ingest).await.map(|principal| Self(principal.view))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MayAdminWithQuery
where
    Arc<Keys>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let keys = <Arc<Keys>>::from_ref(state);
        // A person's, but not the devices and readings that come with it.
        let principal = known(parts, &keys, Scope::Admin).await?;
        let Ok(peer) = Peer::from_request_parts(parts, &()).await;
        actor::actor(&keys, &principal, peer).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MayAdmin
where
    Arc<Keys>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let keys = <Arc<Keys>>::from_ref(state);
        admit(parts, &keys, Scope::Admin).await.map(|_| Self)
    }
}

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

/// Whether somebody who was let in still is: for connections that stay open.
pub(crate) async fn still_holds(keys: &Keys, principal: &Principal) -> bool {
    let now = keys.clock.wall();
    match principal.by {
        By::File | By::Key => true,
        By::Session(hash) => !matches!(keys.store.session(hash, now, None).await, Ok(None)),
        By::Token(id) => match keys.store.token(id) {
            Ok(Some((row, _))) => row.expires_at.is_none_or(|end| end > now),
            Ok(None) => false,
            // A store that is busy takes nobody's access away.
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
