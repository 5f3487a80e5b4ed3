//! `/sessions`: the browsers that are signed in. Admins see everybody's, others their own.
//!
//! Each session has an id with which nobody can sign in; the secret in its cookie is in no answer. Ending a session
//! closes its live connections.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::dto::Session;
use crate::clock::Clock;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::SessionsOf;
use crate::http::keys::Keys;
use crate::http::principal::{By, Principal};
use crate::http::request::page::{AskPage, Page, Pages, Paging};
use crate::http::request::params::Asked;
use crate::http::request::path::Id;
use crate::http::request::text::SessionId;
use crate::store::Store;

/// Browsers that are signed in, oldest first: all for an admin, for others their own.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "access", params(Pages), responses((status = 200, body = Page<Session>)))]
pub(in crate::http) async fn list(
    State(store): State<Store>,
    State(clock): State<Clock>,
    SessionsOf(of): SessionsOf,
    principal: Principal,
    Asked(AskPage(paging)): Asked<AskPage>,
) -> Result<Json<Page<Session>>, ApiError> {
    let now = clock.wall();
    let own = match own(&principal) {
        Some(hash) => store.session(hash, now, None).await?.map(|session| session.id),
        None => None,
    };
    let mut sessions = store.sessions(now).await?;
    sessions.retain(|one| of.is_none_or(|user| one.user == user));
    Ok(Json(paging.cut(sessions, |one| Paging::key(one.id), |one| Session::of(one, own))))
}

/// Signs one browser out; its live connections close at once.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "access", params(("id" = String, Path, description = "Session id")),
    responses((status = 204), (status = 404, body = Problem)))]
pub(in crate::http) async fn end(
    State(keys): State<Arc<Keys>>,
    SessionsOf(of): SessionsOf,
    Id(id): Id<SessionId>,
) -> Result<StatusCode, ApiError> {
    keys.store.end_session(id.0, of).await?;
    keys.access_ended.send_replace(());
    Ok(StatusCode::NO_CONTENT)
}

/// Signs out every browser but the one that asks; asked by a token, every browser. Who is no admin signs out their own.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "access", responses((status = 204)))]
pub(in crate::http) async fn end_others(
    State(keys): State<Arc<Keys>>,
    SessionsOf(of): SessionsOf,
    principal: Principal,
) -> Result<StatusCode, ApiError> {
    keys.store.end_sessions(of, own(&principal)).await?;
    keys.access_ended.send_replace(());
    Ok(StatusCode::NO_CONTENT)
}

/// The hash of the session that asks, if one does.
const fn own(principal: &Principal) -> Option<[u8; 32]> {
    match principal.by {
        By::Session(hash) => Some(hash),
        By::Token(_) | By::File | By::Key => None,
    }
}
