//! `/webhooks/{id}/echo`, and `/webhooks/echo` for one that is not saved: what a webhook sends, sent to a receiver of the hub's own, which
//! shows what came and what is wrong with it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::preview::{AskPreview, told_of};
use super::recipients::{Recipients, new_secret};
use super::sent::Event;
use crate::clock::Clock;
use crate::delivery::message::echo::{self, Echoes};
use crate::delivery::payload::Teller;
use crate::delivery::sample;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::MayAdmin;
use crate::http::request::body::Body;
use crate::http::request::params::{Asked, Nothing};
use crate::http::request::path::Id;
use crate::http::state::SendEcho;
use crate::http::tried::tried;
use crate::model::hearing::Urgency;
use crate::model::webhook::{self, Delivery, DeliveryId, DeliveryState, Webhook, WebhookId, WebhookKind};
use crate::model::{UnixMillis, when};
use crate::store::Store;

/// What sends to echoes, and the newest of them.
#[derive(Clone)]
pub(in crate::http) struct Echoing {
    pub(in crate::http) send: SendEcho,
    pub(in crate::http) kept: Arc<Mutex<Echoes>>,
}

/// What is sent to the echo.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct AskEcho {
    /// What happens, invented; `alert.firing` when left out.
    #[serde(default = "firing")]
    event: Event,
}

const fn firing() -> Event {
    Event::AlertFiring
}

/// A request as the echo got it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Echo {
    /// When it came.
    at: String,
    /// Method, and where it would go, with `(hidden)` for what lets in.
    request: String,
    /// Headers in the order in which they came, with `(hidden)` for what lets in.
    headers: Vec<EchoedHeader>,
    /// The bytes as text, with `(hidden)` for what lets in; at most 64 KiB.
    body: String,
    /// What a receiver checks.
    findings: Vec<EchoFinding>,
}

/// A header as it came.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EchoedHeader {
    name: String,
    value: String,
}

/// Something that a receiver checks.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EchoFinding {
    /// Whether it is as it should be.
    is_right: bool,
    /// What was found.
    text: String,
}

/// The newest echoes of a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EchoList {
    /// Newest first.
    items: Vec<Echo>,
}

impl From<&echo::Echo> for Echo {
    fn from(echo: &echo::Echo) -> Self {
        let header = |(name, value): &(String, String)| EchoedHeader { name: name.clone(), value: value.clone() };
        let finding = |finding: &echo::Finding| EchoFinding { is_right: finding.is_right, text: finding.text.clone() };
        Self {
            at: when::moment(echo.at),
            request: echo.came.first.clone(),
            headers: echo.came.headers.iter().map(header).collect(),
            body: String::from_utf8_lossy(&echo.came.body).into_owned(),
            findings: echo.findings.iter().map(finding).collect(),
        }
    }
}

/// Sends an invented event, as this webhook would send it, to an echo: a receiver of the hub's own, which shows the bytes and checks the
/// signature. Nothing goes to the webhook's URL. The last ten of all webhooks are kept until the hub stops.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/echo", tag = "webhooks", params(("id" = String, Path, description = "Webhook id")),
    request_body = AskEcho, responses((status = 200, body = Echo), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(in crate::http) async fn send(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(teller): State<Teller>,
    State(echoing): State<Echoing>,
    _: MayAdmin,
    Id(id): Id<WebhookId>,
    Body(asked): Body<AskEcho>,
) -> Result<Json<Echo>, ApiError> {
    let webhook = store.webhook(id).await?;
    let echo = echoing.echoed(webhook, asked.event.into(), &teller, clock.wall()).await?;
    let shown = Echo::from(&echo);
    echoing.kept.lock().unwrap_or_else(PoisonError::into_inner).keep(echo);
    Ok(Json(shown))
}

/// Sends an invented event, as this webhook would send it once it is saved, to an echo. It is signed with the secret of the stored webhook
/// (`of`), else with one that is made for this. Nothing is stored, and nothing goes to the URL.
#[utoipa::path(post, path = "/api/v1/webhooks/echo", tag = "webhooks", request_body = AskPreview,
    responses((status = 200, body = Echo), (status = 400, body = Problem)))]
pub(in crate::http) async fn send_unsaved(
    State(recipients): State<Recipients>,
    State(teller): State<Teller>,
    State(echoing): State<Echoing>,
    _: MayAdmin,
    Body(asked): Body<AskPreview>,
) -> Result<Json<Echo>, ApiError> {
    let (now, stored) = (recipients.clock.wall(), recipients.stored(asked.of.as_deref()).await?);
    let (id, secrets, stored) = match stored {
        Some(webhook) => (webhook.id, webhook.secrets, Some(webhook.spec)),
        None => (WebhookId(0), vec![new_secret()?], None),
    };
    let (spec, event) = tried(move || asked.read(stored.as_ref(), &recipients.policy)).await?;
    let echo = echoing.echoed(Webhook::new(id, spec, secrets, now), event, &teller, now).await?;
    Ok(Json(Echo::from(&echo)))
}

impl Echoing {
    /// What comes of an invented event of a webhook at the echo.
    async fn echoed(
        &self,
        webhook: Webhook,
        event: webhook::Event,
        teller: &Teller,
        now: UnixMillis,
    ) -> Result<echo::Echo, ApiError> {
        if webhook.spec.kind == WebhookKind::Email {
            let detail = "an e-mail goes by SMTP, which an echo does not speak: look at the preview, or send a test";
            return Err(ApiError::invalid("kind", detail));
        }
        told_of(webhook.spec.kind, event)?;
        let delivery = invented(&webhook, event, teller, now);
        (self.send)(webhook, delivery).await.map_err(|error| ApiError::invalid("url", error))
    }
}

/// A delivery that is in no outbox.
fn invented(webhook: &Webhook, event: webhook::Event, teller: &Teller, now: UnixMillis) -> Delivery {
    Delivery {
        id: DeliveryId(0),
        webhook: webhook.id,
        alert: None,
        event,
        state: DeliveryState::Pending,
        attempts: Vec::new(),
        by_hand: 0,
        next_attempt_at: Some(now),
        summary: None,
        urgency: Urgency::AskedFor,
        created_at: now,
        held_until: None,
        body: sample::event(event, &webhook.spec, teller, now),
    }
}

/// The newest echoes of a webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/echo", tag = "webhooks", params(("id" = String, Path, description = "Webhook id")),
    responses((status = 200, body = EchoList), (status = 404, body = Problem)))]
pub(in crate::http) async fn list(
    State(store): State<Store>,
    State(echoing): State<Echoing>,
    _: MayAdmin,
    Id(id): Id<WebhookId>,
    _: Asked<Nothing>,
) -> Result<Json<EchoList>, ApiError> {
    store.webhook(id).await?;
    let kept = echoing.kept.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Json(EchoList { items: kept.of(id).map(Echo::from).collect() }))
}
