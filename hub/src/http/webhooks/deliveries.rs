//! `/deliveries`: every message to every webhook, with every attempt.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sent::{self, Delivery, DeliveryWithBody};
use crate::clock::Clock;
use crate::delivery::message::{self, Sender, field};
use crate::delivery::payload;
use crate::delivery::sign;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::{MayAdmin, MayRead};
use crate::http::request::body::Body;
use crate::http::request::page::{Page, Pages, Paging};
use crate::http::request::params::{Asked, FromParams, Nothing, Params, in_order};
use crate::http::request::path::Id;
use crate::http::request::text;
use crate::http::request::time::{Time, time};
use crate::live::{Bus, Update};
use crate::model::HubId;
use crate::model::UnixMillis;
use crate::model::access::Scope;
use crate::model::hearing::Lull;
use crate::model::webhook::{DeliveryId, DeliveryState, Replay, WebhookId};
use crate::store::DeliveryQuery;
use crate::store::Store;
use crate::zones;

/// What to list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListDeliveries {
    /// Only to this webhook.
    #[param(value_type = String, required = false)]
    webhook: Option<WebhookId>,
    /// Only in this state.
    #[param(value_type = sent::DeliveryState, required = false)]
    state: Option<DeliveryState>,
    #[param(ignore)]
    paging: Paging,
}

impl FromParams for ListDeliveries {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        let webhook = |text: String| text::parse_id(&text).map_err(|detail| ApiError::invalid("webhook", detail));
        let state = |text: String| {
            let detail = || format!("`{text}` is not a state: write pending, delivered, failed or withdrawn");
            sent::delivery_state(&text).ok_or_else(|| ApiError::invalid("state", detail()))
        };
        Ok(Self {
            webhook: params.one("webhook")?.map(webhook).transpose()?,
            state: params.one("state")?.map(state).transpose()?,
            paging: params.paging(100, 1_000)?,
        })
    }
}

/// Deliveries, newest first, without their bodies.
#[utoipa::path(get, path = "/api/v1/deliveries", tag = "webhooks", params(ListDeliveries, Pages),
    responses((status = 200, body = Page<Delivery>), (status = 400, body = Problem)))]
pub(in crate::http) async fn list(
    State(store): State<Store>,
    State(clock): State<Clock>,
    MayRead(scope): MayRead,
    Asked(asked): Asked<ListDeliveries>,
) -> Result<Json<Page<Delivery>>, ApiError> {
    let query = DeliveryQuery {
        webhook: asked.webhook,
        state: asked.state,
        limit: asked.paging.limit + 1,
        before: asked.paging.number()?.map(DeliveryId),
    };
    let (deliveries, lulls) = (store.deliveries(query).await?, lulls(&store, clock.wall()).await?);
    Ok(Json(asked.paging.fetched(
        deliveries,
        |delivery| delivery.id.0.to_string(),
        |delivery| Delivery::of(delivery, &lulls).shown_to(scope),
    )))
}

/// The quiet hours that last.
pub(in crate::http) async fn lulls(store: &Store, now: UnixMillis) -> Result<Vec<Lull>, ApiError> {
    let mut lulls = store.lulls(now).await?;
    lulls.retain(|lull| lull.has(now));
    Ok(lulls)
}

/// One delivery with its message.
#[utoipa::path(get, path = "/api/v1/deliveries/{id}", tag = "webhooks", params(("id" = String, Path, description = "Delivery id")),
    responses((status = 200, body = DeliveryWithBody), (status = 404, body = Problem)))]
pub(in crate::http) async fn show(
    State(store): State<Store>,
    State(hub): State<HubId>,
    State(clock): State<Clock>,
    MayRead(scope): MayRead,
    Id(id): Id<DeliveryId>,
    _: Asked<Nothing>,
) -> Result<Json<DeliveryWithBody>, ApiError> {
    let delivery = store.delivery(id).await?;
    let mut body = delivery.body.clone();
    if scope.includes(Scope::Admin) {
        let spec = field::hidden(&store.webhook(delivery.webhook).await?.spec);
        let was_quiet = zones::is_quiet(spec.quiet.as_ref(), delivery.created_at);
        let (hub, id) = (sign::hub_mark(hub), sign::message_id(hub, id));
        // Of one that cannot be sent the hub's own form is shown.
        if let Ok(request) = message::request(
            &spec,
            &payload::delayed(&delivery.body, delivery.delayed_by(None), was_quiet),
            Sender { hub: &hub, id: &id },
        ) {
            body = request.body;
        }
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    let lulls = lulls(&store, clock.wall()).await?;
    Ok(Json(DeliveryWithBody { delivery: Delivery::of(delivery, &lulls).shown_to(scope), body }))
}

/// Sends a delivery now, under the same `webhook-id`: one that was delivered or has failed is sent once more, with a
/// schedule of its own, one that waits for its next attempt is tried at once, without using up any of its later attempts.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/replay", tag = "webhooks", params(("id" = String, Path, description = "Delivery id")),
    responses((status = 200, body = Delivery), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(in crate::http) async fn replay(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(bus): State<Bus>,
    _: MayAdmin,
    Id(id): Id<DeliveryId>,
) -> Result<Json<Delivery>, ApiError> {
    let delivery = store.replay_delivery(id, clock.wall()).await?;
    store.note("delivery.replayed", text::id(id)).await?;
    bus.publish(Arc::new(Update::Delivery(id)));
    Ok(Json(Delivery::of(delivery, &[])))
}

/// Which messages to send again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ReplayDeliveries {
    /// Caused from then on; may be left out with the state `failed`.
    from: Option<Time>,
    /// Caused before then; now when left out.
    to: Option<Time>,
    /// To this webhook; to each that is on when left out.
    webhook: Option<String>,
    /// Those that failed, were delivered, or still wait (which are tried at once); all of them when left out.
    state: Option<sent::DeliveryState>,
}

/// What is sent again.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Replayed {
    /// How many messages.
    replayed: usize,
    /// Whether that is as many as one request sends again (1000): ask once more for the rest.
    more: bool,
    /// How many are left because their webhook is off; 1000 stands for more.
    off: usize,
}

/// Sends many deliveries again, the oldest first, each under the `webhook-id` that it has: those of a time, or all that failed. At most
/// 1000; no tests, and nothing to webhooks that are off.
#[utoipa::path(post, path = "/api/v1/deliveries/replay", tag = "webhooks", request_body = ReplayDeliveries,
    responses((status = 200, body = Replayed), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(in crate::http) async fn replay_many(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(bus): State<Bus>,
    _: MayAdmin,
    Body(asked): Body<ReplayDeliveries>,
) -> Result<Json<Replayed>, ApiError> {
    let now = clock.wall();
    let webhook = asked.webhook.map(|id| text::parse_id(&id).map_err(|detail| ApiError::invalid("webhook", detail)));
    let state = asked.state.map(DeliveryState::from);
    let from = match time("from", asked.from, now)? {
        Some(from) => from,
        None if state == Some(DeliveryState::Failed) => UnixMillis(0),
        None => return Err(ApiError::invalid("from", "`from` is missing: it may be left out with the state `failed`")),
    };
    let to = time("to", asked.to, now)?.unwrap_or_else(|| now.plus(1));
    let (from, to) = in_order(from, to)?;
    let which = Replay { from, to, webhook: webhook.transpose()?, state };
    let (ids, more) = store.replay_deliveries(which, now).await?;
    if !ids.is_empty() {
        store.note("delivery.replayed", format!("{} messages", ids.len())).await?;
    }
    for &id in &ids {
        bus.publish(Arc::new(Update::Delivery(id)));
    }
    // Of one webhook that is off there is an error above.
    let off = if which.webhook.is_some() { 0 } else { store.deliveries_off(which).await? };
    Ok(Json(Replayed { replayed: ids.len(), more, off }))
}
