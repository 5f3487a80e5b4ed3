//! `/silences`: for some time nobody is told of some alerts. After each change ingest is told to load them again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::AppState;
use super::auth::{Reader, Writer};
use super::body::Body;
use super::dto::silence::{NewSilence, Silence};
use super::dto::{Page, Problem};
use super::error::ApiError;
use super::page::{AskPage, Paging};
use super::params::Asked;
use super::path::Id;
use crate::model::silence::SilenceId;

/// All silences, oldest first; also those that are over.
#[utoipa::path(get, path = "/api/v1/silences", tag = "alerts", params(Paging), responses((status = 200, body = Page<Silence>)))]
pub(super) async fn list(
    State(app): State<AppState>,
    _: Reader,
    Asked(AskPage(paging)): Asked<AskPage>,
) -> Result<Json<Page<Silence>>, ApiError> {
    let (silences, now) = (app.store.silences().await?, app.clock.wall());
    Ok(Json(paging.cut(silences, |one| Paging::key(one.id.0), |one| Silence::of(one, now))))
}

/// Silences alerts for some time. Notifications of alerts that still fire when it ends are sent then. With the scope `write` it
/// must end within 24 hours; a longer one needs `operate` or `admin`.
#[utoipa::path(post, path = "/api/v1/silences", tag = "alerts", request_body = NewSilence,
    responses((status = 201, body = Silence), (status = 400, body = Problem), (status = 403, body = Problem)))]
pub(super) async fn create(
    State(app): State<AppState>,
    Writer(scope): Writer,
    Body(new): Body<NewSilence>,
) -> Result<(StatusCode, Json<Silence>), ApiError> {
    let now = app.clock.wall();
    let silence = app.store.create_silence(new.check(scope, now)?, now).await?;
    app.rules_changed.notify_one();
    Ok((StatusCode::CREATED, Json(Silence::of(silence, now))))
}

/// Deletes a silence: notifications it held back are sent now, for alerts that still fire.
#[utoipa::path(delete, path = "/api/v1/silences/{id}", tag = "alerts", params(("id" = String, Path, description = "Silence id")),
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn delete(
    State(app): State<AppState>,
    _: Writer,
    Id(id): Id<SilenceId>,
) -> Result<StatusCode, ApiError> {
    app.store.delete_silence(id).await?;
    app.rules_changed.notify_one();
    Ok(StatusCode::NO_CONTENT)
}
