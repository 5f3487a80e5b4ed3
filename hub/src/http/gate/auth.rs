//! What the caller of a handler may do.
//!
//! A handler says who may call it by its first argument, named after the scope that is needed: [`MayRead`],
//! [`MayWrite`], [`MayOperate`] or [`MayAdmin`]. [`Account`] is for requests about the user who makes them. A session
//! may do what the role of its user allows. Who the caller is, `credentials` finds out.
//!
//! All of these refuse a token that is limited to devices with certain labels. A handler that shows or changes only
//! what is in a [`View`] takes [`MayReadSome`], [`MayAskSome`], [`MayWriteSome`] or [`MayIngestSome`], and is given the view with it.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

use super::actor;
use super::credentials::identify;
use super::peer::Peer;
use crate::http::error::{ApiError, nobody};
use crate::http::keys::Keys;
use crate::http::principal::{By, Principal};
use crate::http::request::params::no_params;
use crate::http::shares::asker::Asker;
use crate::model::access::Scope;
use crate::model::audit::Actor;
use crate::model::view::View;
use crate::store::Who;

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
/// The same for questions that change nothing by whatever method. The query string is the handler's to read.
#[derive(Debug)]
pub(crate) struct MayAskSome(pub View);
/// Scope `write` for alerts of the devices in this view.
#[derive(Debug)]
pub(crate) struct MayWriteSome(pub View);
/// Scope `ingest` for readings of the devices in this view. The query string is the handler's to read.
#[derive(Debug)]
pub(crate) struct MayIngestSome(pub View);
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

impl<S: Send + Sync> FromRequestParts<S> for MayAskSome
where
    Arc<Keys>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let keys = <Arc<Keys>>::from_ref(state);
        with_some(parts, &keys, Scope::Read).await.map(|principal| Self(principal.view))
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
