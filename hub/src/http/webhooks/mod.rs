//! `/webhooks`: who is told. The signing secret is shown when it is made, and never again.

pub(super) mod deliveries;
pub(super) mod draft;
pub(super) mod dto;
pub(super) mod echo;
pub(super) mod hearing;
pub(super) mod preview;
pub(super) mod recipients;
pub(super) mod sent;
#[cfg(test)]
mod tests;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::clock::Clock;
use crate::delivery::payload::{Teller, test_delivery};
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::{MayAdmin, MayRead};
use crate::http::request::body::Body;
use crate::http::request::page::{AskPage, Page, Pages, Paging};
use crate::http::request::params::{Asked, Nothing};
use crate::http::request::path::Id;
use crate::http::state::Routes;
use crate::http::tried::tried;
use crate::model::HubId;
use crate::model::webhook::{WebhookId, WebhookSpec};
use crate::store::Store;
use draft::{NewWebhook, WebhookPatch};
use dto::{Webhook, WebhookWithSecret};
use preview::{AskPreview, WebhookPreview};
use recipients::{Recipients, new_secret};
use sent::Delivery;
use utoipa_axum::routes;

/// The webhooks and their deliveries.
pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list, create))
        .routes(routes!(show, replace, change, delete))
        .routes(routes!(preview))
        .routes(routes!(test))
        .routes(routes!(echo::send_unsaved))
        .routes(routes!(echo::list, echo::send))
        .routes(routes!(add_to_rules))
        .routes(routes!(rotate_secret))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::show))
        .routes(routes!(deliveries::replay))
        .routes(routes!(deliveries::replay_many))
}

/// All webhooks, oldest first.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", params(Pages),
    responses((status = 200, body = Page<Webhook>)))]
pub(super) async fn list(
    State(store): State<Store>,
    MayRead(scope): MayRead,
    Asked(AskPage(paging)): Asked<AskPage>,
) -> Result<Json<Page<Webhook>>, ApiError> {
    let webhooks = store.webhooks().await?;
    let shown = |webhook| Webhook::from(webhook).shown_to(scope);
    Ok(Json(paging.cut(webhooks, |webhook| Paging::key(webhook.id.0), shown)))
}

/// Creates a webhook. Only this answer contains its secret.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", request_body = NewWebhook,
    responses((status = 201, body = WebhookWithSecret), (status = 400, body = Problem)))]
pub(super) async fn create(
    State(recipients): State<Recipients>,
    _: MayAdmin,
    Body(new): Body<NewWebhook>,
) -> Result<(StatusCode, Json<WebhookWithSecret>), ApiError> {
    let secret = new_secret()?;
    let policy = recipients.policy.clone();
    let spec = tried(move || new.over(None, &policy)).await?;
    let webhook = recipients.store.create_webhook(spec, secret.clone(), recipients.clock.wall()).await?;
    recipients.rules_changed.tell();
    Ok((StatusCode::CREATED, Json(WebhookWithSecret::of(webhook, &secret))))
}

/// One webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path, description = "Webhook id")),
    responses((status = 200, body = Webhook), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(store): State<Store>,
    MayRead(scope): MayRead,
    Id(id): Id<WebhookId>,
    _: Asked<Nothing>,
) -> Result<Json<Webhook>, ApiError> {
    Ok(Json(Webhook::from(store.webhook(id).await?).shown_to(scope)))
}

/// Replaces the settings of a webhook; its secret stays. Enabling it also clears `disabled_reason`.
#[utoipa::path(put, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path, description = "Webhook id")),
    request_body = NewWebhook, responses((status = 200, body = Webhook), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn replace(
    State(recipients): State<Recipients>,
    _: MayAdmin,
    Id(id): Id<WebhookId>,
    Body(new): Body<NewWebhook>,
) -> Result<Json<Webhook>, ApiError> {
    let policy = recipients.policy.clone();
    changed(&recipients, id, move |before| new.over(Some(&before), &policy)).await
}

/// Changes some settings of a webhook; its secret stays. What waits for its next attempt is sent at once when the URL
/// or a header changes. Enabling it also clears `disabled_reason`.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path, description = "Webhook id")),
    request_body = WebhookPatch, responses((status = 200, body = Webhook), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn change(
    State(recipients): State<Recipients>,
    _: MayAdmin,
    Id(id): Id<WebhookId>,
    Body(patch): Body<WebhookPatch>,
) -> Result<Json<Webhook>, ApiError> {
    let policy = recipients.policy.clone();
    changed(&recipients, id, move |before| patch.over(before, &policy)).await
}

/// Adds this webhook to every existing rule but those that are kept in files.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/add-to-rules", tag = "webhooks", params(("id" = String, Path, description = "Webhook id")),
    responses((status = 200, body = Webhook), (status = 404, body = Problem)))]
pub(super) async fn add_to_rules(
    State(recipients): State<Recipients>,
    _: MayAdmin,
    Id(id): Id<WebhookId>,
) -> Result<Json<Webhook>, ApiError> {
    if recipients.store.tell_of_all_rules(id, recipients.clock.wall()).await? > 0 {
        recipients.rules_changed.tell();
    }
    Ok(Json(recipients.store.webhook(id).await?.into()))
}

/// Deletes a webhook with its deliveries; rules no longer notify it.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path, description = "Webhook id")),
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn delete(
    State(recipients): State<Recipients>,
    _: MayAdmin,
    Id(id): Id<WebhookId>,
) -> Result<StatusCode, ApiError> {
    recipients.store.delete_webhook(id).await?;
    recipients.rules_changed.tell();
    Ok(StatusCode::NO_CONTENT)
}

/// What a webhook would send: the bytes of an event that did not happen. Nothing is stored or sent; what lets in at the receiver is
/// `(hidden)`, also in what is asked.
#[utoipa::path(post, path = "/api/v1/webhooks/preview", tag = "webhooks", request_body = AskPreview,
    responses((status = 200, body = WebhookPreview), (status = 400, body = Problem)))]
pub(super) async fn preview(
    State(recipients): State<Recipients>,
    State(teller): State<Teller>,
    State(hub): State<HubId>,
    _: MayAdmin,
    Body(asked): Body<AskPreview>,
) -> Result<Json<WebhookPreview>, ApiError> {
    let (now, stored) = (recipients.clock.wall(), recipients.stored(asked.of.as_deref()).await?);
    let stored = stored.map(|webhook| webhook.spec);
    tried(move || asked.answered(stored.as_ref(), &recipients.policy, &teller, hub, now).map(Json)).await
}

/// Sends a test message; the answer is the delivery to watch.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks", params(("id" = String, Path, description = "Webhook id")),
    responses((status = 201, body = Delivery), (status = 404, body = Problem)))]
pub(super) async fn test(
    State(store): State<Store>,
    State(clock): State<Clock>,
    _: MayAdmin,
    Id(id): Id<WebhookId>,
) -> Result<(StatusCode, Json<Delivery>), ApiError> {
    let webhook = store.webhook(id).await?;
    let delivery = test_delivery(id, &webhook.spec.name, clock.wall());
    let delivery = store.create_delivery(delivery).await?;
    store.note("webhook.tested", webhook.spec.name).await?;
    Ok((StatusCode::CREATED, Json(Delivery::of(delivery, &[]))))
}

/// Creates a new secret; the old one signs as well for 24 hours. Only this answer contains the new one.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/rotate-secret", tag = "webhooks", params(("id" = String, Path, description = "Webhook id")),
    responses((status = 200, body = WebhookWithSecret), (status = 404, body = Problem)))]
pub(super) async fn rotate_secret(
    State(store): State<Store>,
    State(clock): State<Clock>,
    _: MayAdmin,
    Id(id): Id<WebhookId>,
) -> Result<Json<WebhookWithSecret>, ApiError> {
    let secret = new_secret()?;
    let webhook = store.rotate_secret(id, secret.clone(), clock.wall()).await?;
    Ok(Json(WebhookWithSecret::of(webhook, &secret)))
}

/// Makes a change to a webhook as it is. Its templates are tried before, so that no transaction waits for them; where somebody else was
/// quicker, again.
async fn changed(
    recipients: &Recipients,
    id: WebhookId,
    change: impl FnOnce(WebhookSpec) -> Result<WebhookSpec, ApiError> + Clone + Send + 'static,
) -> Result<Json<Webhook>, ApiError> {
    for _ in 0..CHANGES_TRIED {
        let before = recipients.store.webhook(id).await?.spec;
        let wanted = {
            let (change, before) = (change.clone(), before.clone());
            tried(move || change(before)).await?
        };
        let as_wanted = move |now: WebhookSpec| if now == before { Ok(wanted) } else { Err(Overtaken) };
        if let Ok(webhook) = recipients.store.change_webhook(id, recipients.clock.wall(), as_wanted).await? {
            // One that was off is told again from here on.
            recipients.rules_changed.tell();
            return Ok(Json(webhook.into()));
        }
    }
    Err(ApiError::conflict("id", "others change this webhook at the same time: try again"))
}

/// How often a change is tried over again because others change the same webhook.
const CHANGES_TRIED: usize = 5;

/// A webhook was changed meanwhile.
struct Overtaken;
