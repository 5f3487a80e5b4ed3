//! `/heartbeat`: the URL that the hub calls each minute, so that somebody notices when the hub itself is gone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use tokio::sync::Notify;
use utoipa::ToSchema;

use crate::delivery::header::HIDDEN;
use crate::delivery::heartbeat::Pulse;
use crate::delivery::message::address;
use crate::delivery::policy::Policy;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::{MayAdmin, MayRead};
use crate::http::request::body::Body;
use crate::http::request::params::{Asked, Nothing};
use crate::http::webhooks::draft;
use crate::model::webhook::WebhookKind;
use crate::model::when;
use crate::settings;
use crate::store::{self, Store};

/// The URL that the hub calls each minute, and what came of it since the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Heartbeat {
    /// With `(hidden)` for what lets in; null when none is called.
    pub url: Option<String>,
    /// When the receiver last answered 2xx.
    pub last_success_at: Option<String>,
    /// When a call last failed, or was not made.
    pub last_error_at: Option<String>,
    /// Why, and what would be right.
    pub last_error: Option<String>,
}

/// The URL to call.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeartbeatRequest {
    /// http or https URL, without user name and password; null for none. As it is shown, with `(hidden)`, it stays as it is.
    #[serde(deserialize_with = "url_or_null")]
    #[schema(required = true)]
    url: Option<String>,
}

/// One that is left out is forgotten, not meant as null.
fn url_or_null<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(from)
}

/// The parts of the hub that send heartbeats.
#[derive(Clone)]
pub(in crate::http) struct Sender {
    pub(in crate::http) store: Store,
    /// Where they may go.
    pub(in crate::http) policy: Policy,
    /// What came of them.
    pub(in crate::http) pulse: Arc<Pulse>,
    /// Pinged to have one sent.
    pub(in crate::http) wanted: Arc<Notify>,
}

impl Sender {
    async fn view(&self) -> Result<Json<Heartbeat>, ApiError> {
        let url = match settings::saved_heartbeat(&self.store).await {
            Ok(url) => url.map(|url| shown(&url)),
            // Of a database that was copied without its key: what cannot be opened can still be replaced.
            Err(store::Error::Corrupt { .. }) => Some(HIDDEN.to_owned()),
            Err(error) => return Err(error.into()),
        };
        let last = self.pulse.last();
        let (error_at, error) = last.error.unzip();
        Ok(Json(Heartbeat {
            url,
            last_success_at: last.success_at.map(when::moment),
            last_error_at: error_at.map(when::moment),
            last_error: error,
        }))
    }
}

fn shown(url: &str) -> String {
    address::shown(WebhookKind::Generic, url)
}

/// Whom the hub calls each minute, and what came of it.
#[utoipa::path(get, path = "/api/v1/heartbeat", tag = "hub", responses((status = 200, body = Heartbeat)))]
pub(in crate::http) async fn show(
    State(sender): State<Sender>,
    _: MayRead,
    _: Asked<Nothing>,
) -> Result<Json<Heartbeat>, ApiError> {
    sender.view().await
}

/// Sets the URL that the hub calls each minute, and calls it at once; null for none.
#[utoipa::path(put, path = "/api/v1/heartbeat", tag = "hub", request_body = HeartbeatRequest,
    responses((status = 200, body = Heartbeat), (status = 400, body = Problem)))]
pub(in crate::http) async fn replace(
    State(sender): State<Sender>,
    _: MayAdmin,
    Body(request): Body<HeartbeatRequest>,
) -> Result<Json<Heartbeat>, ApiError> {
    if let Some(given) = request.url.as_deref().filter(|url| url.contains(HIDDEN)) {
        let kept = settings::saved_heartbeat(&sender.store).await?;
        if kept.is_some_and(|kept| shown(&kept) == given) {
            return sender.view().await;
        }
        let detail = format!("write the whole URL: `{HIDDEN}` stands for a part of the one that is kept");
        return Err(ApiError::invalid("url", detail));
    }
    let url = request.url.map(|url| draft::url(WebhookKind::Generic, url, None, &sender.policy)).transpose()?;
    settings::save_heartbeat(&sender.store, url.as_deref()).await?;
    sender.pulse.forget();
    sender.wanted.notify_one();
    tracing::info!(is_set = url.is_some(), "the URL of the heartbeat was changed");
    sender.view().await
}

/// Sends a heartbeat now. What comes of it is told by `GET`, within 15 s.
#[utoipa::path(post, path = "/api/v1/heartbeat/send", tag = "hub",
    responses((status = 202, body = Heartbeat), (status = 409, body = Problem)))]
pub(in crate::http) async fn send(
    State(sender): State<Sender>,
    _: MayAdmin,
) -> Result<(StatusCode, Json<Heartbeat>), ApiError> {
    let view = sender.view().await?;
    if view.url.is_none() {
        return Err(ApiError::conflict("url", "there is no URL to call: set one by PUT /api/v1/heartbeat"));
    }
    sender.store.note("heartbeat.sent", String::new()).await?;
    sender.wanted.notify_one();
    Ok((StatusCode::ACCEPTED, view))
}
