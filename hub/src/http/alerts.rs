//! `/alerts`: what is wrong, and what was.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::auth::{Reader, Writer};
use super::body::Body;
use super::dto::alert::{self as dto, AckRequest, Alert};
use super::dto::{Page, Problem};
use super::error::ApiError;
use super::page::Paging;
use super::params::{Asked, FromParams, Params};
use super::path::Id;
use super::{AppState, select};
use crate::live::Update;
use crate::model::UnixMillis;
use crate::model::alert::{AlertId, AlertState};
use crate::store::AlertQuery;

/// Longest comment of an acknowledgement.
const COMMENT: usize = 500;

/// What to list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListAlerts {
    /// Only these; repeat it for several.
    #[param(value_type = Vec<dto::AlertState>, required = false)]
    state: Vec<AlertState>,
    /// Id or name of one device.
    device: Option<String>,
    /// Only alerts that began at or after this.
    #[param(value_type = String, required = false)]
    from: Option<UnixMillis>,
    /// Only alerts that began before this.
    #[param(value_type = String, required = false)]
    to: Option<UnixMillis>,
    #[param(ignore)]
    paging: Paging,
}

impl FromParams for ListAlerts {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        let state = |text: String| {
            let detail = || format!("`{text}` is not a state: write pending, firing, resolved or historical");
            dto::state(&text).ok_or_else(|| ApiError::invalid("state", detail()))
        };
        Ok(Self {
            state: params.all("state").into_iter().map(state).collect::<Result<_, _>>()?,
            device: params.one("device")?,
            from: params.time("from")?,
            to: params.time("to")?,
            paging: params.paging(100, 1_000)?,
        })
    }
}

/// Alerts, newest first.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", params(ListAlerts, Paging),
    responses((status = 200, body = Page<Alert>), (status = 400, body = Problem)))]
pub(super) async fn list(
    State(app): State<AppState>,
    _: Reader,
    Asked(asked): Asked<ListAlerts>,
) -> Result<Json<Page<Alert>>, ApiError> {
    let device = match asked.device {
        None => None,
        Some(device) => Some(select::device(&app.store.catalog(), &device)?.no),
    };
    let query = AlertQuery {
        states: asked.state,
        device,
        from: asked.from,
        to: asked.to,
        limit: asked.paging.limit + 1,
        before: asked.paging.number()?.map(AlertId),
    };
    let alerts = app.store.alerts(query).await?;
    let catalog = app.store.catalog();
    Ok(Json(asked.paging.fetched(alerts, |alert| alert.id.0.to_string(), |alert| Alert::of(&alert, &catalog))))
}

/// Says that a person has seen it.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/ack", tag = "alerts", params(("id" = String, Path, description = "Alert id")),
    request_body = AckRequest, responses((status = 200, body = Alert), (status = 404, body = Problem)))]
pub(super) async fn ack(
    State(app): State<AppState>,
    _: Writer,
    Id(id): Id<AlertId>,
    Body(request): Body<AckRequest>,
) -> Result<Json<Alert>, ApiError> {
    if request.comment.as_ref().is_some_and(|comment| comment.len() > COMMENT) {
        return Err(ApiError::invalid("comment", format!("a comment has at most {COMMENT} bytes")));
    }
    let alert = app.store.ack_alert(id, app.clock.wall(), request.comment).await?;
    let shown = Alert::of(&alert, &app.store.catalog());
    app.bus.publish(Arc::new(Update::Alert(alert)));
    Ok(Json(shown))
}
