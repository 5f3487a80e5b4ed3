//! `/retention`: how long readings are kept, and what another policy would delete.

use axum::Json;
use axum::extract::State;

use super::AppState;
use super::auth::{Admin, Reader};
use super::body::Body;
use super::dto::retention::{Retention, RetentionPreview, RetentionRequest};
use super::dto::{Problem, text};
use super::error::ApiError;
use super::params::{Asked, Nothing};
use crate::model::retention::Retention as Policy;
use crate::store::Store;

/// Setting: the policy, as it was sent.
const RETENTION: &str = "retention";

/// The policy set last, if one was ever set; it outlives restarts.
///
/// # Errors
/// Those of the store.
pub async fn saved_retention(store: &Store) -> Result<Option<Policy>, ApiError> {
    let Some(saved) = store.setting(RETENTION).await? else { return Ok(None) };
    let request: RetentionRequest = serde_json::from_slice(&saved).map_err(ApiError::internal)?;
    Policy::try_from(request).map(Some)
}

/// How long readings are kept.
#[utoipa::path(get, path = "/api/v1/retention", tag = "hub", responses((status = 200, body = Retention)))]
pub(super) async fn show(State(app): State<AppState>, _: Reader, _: Asked<Nothing>) -> Json<Retention> {
    Json(Retention::of(&app.store.retention(), app.config.retention_configured))
}

/// Changes how long readings are kept. What is too old is deleted within minutes; preview it first.
#[utoipa::path(put, path = "/api/v1/retention", tag = "hub", request_body = RetentionRequest,
    responses((status = 200, body = Retention), (status = 400, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn replace(
    State(app): State<AppState>,
    _: Admin,
    Body(request): Body<RetentionRequest>,
) -> Result<Json<Retention>, ApiError> {
    if app.config.retention_configured {
        let detail =
            "flags or the configuration file set how long readings are kept: change it there and restart the hub";
        return Err(ApiError::conflict("raw", detail));
    }
    let policy = wanted(request.clone())?;
    let saved = serde_json::to_vec(&request).map_err(ApiError::internal)?;
    app.store.put_setting(RETENTION, saved).await?;
    app.store.set_retention(policy.clone());
    tracing::info!(
        raw = request.raw,
        minutes = request.minutes,
        hours = request.hours,
        "how long readings are kept was changed"
    );
    Ok(Json(Retention::of(&policy, false)))
}

/// A policy that somebody means to set: one that was saved before there was this check still counts.
fn wanted(request: RetentionRequest) -> Result<Policy, ApiError> {
    for (n, entry) in request.by_label.iter().enumerate() {
        let mut texts = entry.labels.iter().flat_map(|(key, value)| [(key, key), (key, value)]);
        texts
            .try_for_each(|(key, text)| text::all_seen(&format!("labels.{key}"), text))
            .map_err(|error| error.within(&format!("by_label[{n}]")))?;
    }
    let policy = Policy::try_from(request)?;
    let Some((entry, before)) = policy.never_counts() else { return Ok(policy) };
    let detail = Policy::hidden_behind(&format!("by_label[{before}]"));
    Err(ApiError::invalid("labels", detail).within(&format!("by_label[{entry}]")))
}

/// What a policy would delete right away. Changes nothing.
#[utoipa::path(post, path = "/api/v1/retention/preview", tag = "hub", request_body = RetentionRequest,
    responses((status = 200, body = RetentionPreview), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn preview(
    State(app): State<AppState>,
    _: Admin,
    Body(request): Body<RetentionRequest>,
) -> Result<Json<RetentionPreview>, ApiError> {
    app.history()?;
    let preview = app.store.preview_retention(wanted(request)?, app.clock.wall()).await?;
    Ok(Json(preview.into()))
}
