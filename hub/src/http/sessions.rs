//! `/sessions`: the browsers that are signed in. Each has an id that opens nothing; the secret of its cookie is nowhere in an
//! answer. Whoever ends one closes its live connections with it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::AppState;
use super::auth::{Admin, By, Principal};
use super::dto::access::Session;
use super::dto::text::SessionId;
use super::dto::{Page, Problem};
use super::error::ApiError;
use super::page::{AskPage, Paging};
use super::params::Asked;
use super::path::Id;

/// All browsers that are signed in, oldest first.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "access", params(Paging), responses((status = 200, body = Page<Session>)))]
pub(super) async fn list(
    State(app): State<AppState>,
    _: Admin,
    principal: Principal,
    Asked(AskPage(paging)): Asked<AskPage>,
) -> Result<Json<Page<Session>>, ApiError> {
    let now = app.clock.wall();
    let own = match own(principal) {
        Some(hash) => app.store.session(hash, now, None).await?.map(|session| session.id),
        None => None,
    };
    let sessions = app.store.sessions(now).await?;
    Ok(Json(paging.cut(sessions, |one| Paging::key(one.id), |one| Session::of(one, own))))
}

/// Signs one browser out; its live connections close at once.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "access", params(("id" = String, Path, description = "Session id")),
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn end(State(app): State<AppState>, _: Admin, Id(id): Id<SessionId>) -> Result<StatusCode, ApiError> {
    app.store.end_session(id.0).await?;
    app.access_ended.send_replace(());
    Ok(StatusCode::NO_CONTENT)
}

/// Signs out every browser but the one that asks; asked by a token, every browser.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "access", responses((status = 204)))]
pub(super) async fn end_others(
    State(app): State<AppState>,
    _: Admin,
    principal: Principal,
) -> Result<StatusCode, ApiError> {
    app.store.end_sessions(own(principal)).await?;
    app.access_ended.send_replace(());
    Ok(StatusCode::NO_CONTENT)
}

/// The hash of the session that asks, if one does.
pub(super) const fn own(principal: Principal) -> Option<[u8; 32]> {
    match principal.by {
        By::Session(hash) => Some(hash),
        By::Token(_) | By::File | By::Key => None,
    }
}
