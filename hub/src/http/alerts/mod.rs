//! `/alerts`: alerts that are active, and past ones.

pub(super) mod chart;
pub(super) mod detail;
pub(super) mod dto;
mod found;
mod inhibiting;
pub(super) mod silences;
mod story;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::clock::Clock;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::{MayReadSome, MayWriteSome};
use crate::http::request::body::Body;
use crate::http::request::page::{Page, Pages, Paging};
use crate::http::request::params::{Asked, FromParams, Nothing, Params};
use crate::http::request::path::Id;
use crate::http::request::{select, text};
use crate::http::state::{Acknowledged, Routes};
use crate::live::{Bus, Update};
use crate::model::alert::{self, AlertId};
use crate::model::rule::Severity;
use crate::model::{UnixMillis, explain, when};
use crate::rules::notify::silences::Silences;
use crate::store::{self, AlertQuery, OfRule, Store};
use crate::zones;
use detail::{AlertDetail, Beside, DeviceThen, RuleThen};
use dto::{AckManyRequest, AckRequest, AckedMany, Alert, ListedAlert};
use found::found;
use inhibiting::Inhibiting;
use utoipa_axum::routes;

/// What rules found, and who is not told.
pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(chart::png))
        .routes(routes!(chart::svg))
        .routes(routes!(ack))
        .routes(routes!(ack_many))
        .routes(routes!(silences::list, silences::create))
        .routes(routes!(silences::delete))
}

/// Alerts that one request acknowledges at most.
const MANY: usize = 1_000;
/// Acknowledged alerts that are published to live listeners in a row: a quarter of what their ring holds.
const AT_ONCE: usize = 64;

/// What to list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListAlerts {
    /// Only these; repeat it for several.
    #[param(value_type = Vec<dto::AlertState>, required = false)]
    state: Vec<dto::AlertState>,
    /// Id or name of one device.
    device: Option<String>,
    /// Id of a rule, or its name when the alerts began; the rule need not exist any more.
    rule: Option<String>,
    /// Only alerts as bad as this.
    #[param(value_type = crate::http::rules::dto::Severity, required = false)]
    severity: Option<Severity>,
    /// Only alerts with this tag: `team:x`; repeat it for those with all of several.
    #[param(value_type = Vec<String>, required = false)]
    tag: Vec<(String, String)>,
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
            let detail = || format!("`{text}` is not a state: write pending, firing, unknown, resolved or historical");
            dto::AlertState::named(&text).ok_or_else(|| ApiError::invalid("state", detail()))
        };
        Ok(Self {
            state: params.all("state").into_iter().map(state).collect::<Result<_, _>>()?,
            device: params.one("device")?,
            rule: params.one("rule")?,
            severity: params.one("severity")?.as_deref().map(severity).transpose()?,
            tag: params.all("tag").iter().map(|tag| text::tag_asked("tag", tag)).collect::<Result<_, _>>()?,
            from: params.time("from")?,
            to: params.time("to")?,
            paging: params.paging(100, 1_000)?,
        })
    }
}

/// The severity of this name.
fn severity(text: &str) -> Result<Severity, ApiError> {
    let of = |name: &str| match name {
        "info" => Some(Severity::Info),
        "warning" => Some(Severity::Warning),
        "critical" => Some(Severity::Critical),
        _ => None,
    };
    let detail = || format!("`{text}` is not a severity: write info, warning or critical");
    of(text).ok_or_else(|| ApiError::invalid("severity", detail()))
}

/// Alerts, newest first.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", params(ListAlerts, Pages),
    responses((status = 200, body = Page<ListedAlert>), (status = 400, body = Problem)))]
pub(super) async fn list(
    State(store): State<Store>,
    State(clock): State<Clock>,
    MayReadSome(view): MayReadSome,
    Asked(asked): Asked<ListAlerts>,
) -> Result<Json<Page<ListedAlert>>, ApiError> {
    let device = match asked.device {
        None => None,
        Some(device) => Some(select::device(&store.catalog(), &view, &device)?.no),
    };
    let query = AlertQuery {
        states: asked.state.iter().filter_map(|state| state.of_rules()).collect(),
        unknown: asked.state.contains(&dto::AlertState::Unknown),
        among: view.among(&store.catalog()),
        device,
        rule: asked.rule.map(|rule| text::parse_id(&rule).map_or_else(|_| OfRule::Name(rule.clone()), OfRule::Id)),
        severity: asked.severity,
        tags: asked.tag,
        from: asked.from,
        to: asked.to,
        limit: asked.paging.limit + 1,
        before: asked.paging.number()?.map(AlertId),
    };
    let alerts = store.alerts(query).await?;
    let over = alerts.iter().filter(|alert| alert.resolved_at.is_some()).map(|alert| (alert.id, alert.rule)).collect();
    let then = store.rules_then(over).await?;
    let (silences, now) = (Silences::new(zones::of_silences(store.silences().await?), Vec::new()), clock.wall());
    let inhibiting = Inhibiting::of(&store).await?;
    let catalog = store.catalog();
    let listed = |alert| {
        let hushed = (silences.until(now, &alert, &catalog), inhibiting.of_alert(&alert));
        ListedAlert::of(&alert, hushed, &catalog).fired_by(then.get(&alert.id).map(|then| &**then))
    };
    Ok(Json(asked.paging.fetched(alerts, |alert| alert.id.0.to_string(), listed)))
}

/// One alert, and why it fired: the rule as it was, how its device was, what else fired, whom the hub told.
#[utoipa::path(get, path = "/api/v1/alerts/{id}", tag = "alerts", params(("id" = String, Path, description = "Alert id")),
    responses((status = 200, body = AlertDetail), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(store): State<Store>,
    State(clock): State<Clock>,
    MayReadSome(view): MayReadSome,
    Id(id): Id<AlertId>,
    _: Asked<Nothing>,
) -> Result<Json<AlertDetail>, ApiError> {
    let alert = found(&store, &view, id).await?;
    let now = clock.wall();
    let kept = store.explanation(id).await?;
    let version = kept.as_ref().and_then(|kept| kept.rule_version);
    let then = match version {
        None => None,
        Some(version) => match store.rule_version(alert.rule, version).await {
            Ok(rule) => Some((rule, store.rule(alert.rule).await.ok().map(|rule| rule.version))),
            Err(store::Error::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        },
    };
    let fired = alert.fired_at.unwrap_or(alert.started_at);
    let since = fired.plus(-explain::COUNTED_DAYS * 86_400_000);
    let tally = store.tallies(vec![alert.clone()], since).await?.pop().unwrap_or_default();
    let others = store.fired_about(fired).await?;
    // To whom the hub tells what is for those who see all of it.
    let (deliveries, webhooks) = if view.is_all() {
        (story::deliveries(&store, id).await?, store.webhooks().await?)
    } else {
        (Vec::new(), Vec::new())
    };
    let inhibited_by = Inhibiting::of(&store).await?.of_alert(&alert);
    let silences = store.silences().await?;
    let late_ms = kept.as_ref().map(|kept| kept.late_ms);
    let catalog = store.catalog();
    let among = view.among(&catalog);
    let others = others.into_iter().filter(|other| among.has(other.device())).collect();
    let beside = explain::beside(&alert, others, &catalog).iter().map(|other| Beside::of(other, &catalog)).collect();
    let until = Silences::new(zones::of_silences(silences.clone()), Vec::new()).until(now, &alert, &catalog);
    let told = story::Told { deliveries, webhooks: &webhooks, silences, late_ms: late_ms.unwrap_or(0) };
    let (from, to) = explain::around(&alert, now);
    Ok(Json(AlertDetail {
        story: story::of(&alert, told, &catalog, now),
        alert: ListedAlert::of(&alert, (until, inhibited_by), &catalog).fired_by(then.as_ref().map(|(rule, _)| rule)),
        rule_then: then.map(|(rule, current)| RuleThen::of(rule, current)),
        device_then: kept.and_then(|kept| kept.circumstances).map(DeviceThen::from),
        late_s: late_ms.map(|ms| ms / 1_000),
        fired: tally.into(),
        beside,
        chart_from: when::moment(from),
        chart_to: when::moment(to),
    }))
}

/// Acknowledges an alert.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/ack", tag = "alerts", params(("id" = String, Path, description = "Alert id")),
    request_body = Option<AckRequest>, responses((status = 200, body = Alert), (status = 404, body = Problem)))]
pub(super) async fn ack(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(bus): State<Bus>,
    State(acknowledged): State<Acknowledged>,
    MayWriteSome(view): MayWriteSome,
    Id(id): Id<AlertId>,
    Body(request): Body<AckRequest>,
) -> Result<Json<Alert>, ApiError> {
    request.comment.as_deref().map_or(Ok(()), text::comment)?;
    let among = view.among(&store.catalog());
    let alert = store.ack_alert(id, among, clock.wall(), request.comment).await?;
    acknowledged.tell();
    let shown = Alert::of(&alert, &store.catalog());
    publish(vec![alert], &store, clock, &bus).await;
    Ok(Json(shown))
}

/// Acknowledges several alerts, all of them or none. Alerts that no longer exist are skipped.
#[utoipa::path(post, path = "/api/v1/alerts/ack", tag = "alerts", request_body = AckManyRequest,
    responses((status = 200, body = AckedMany), (status = 400, body = Problem)))]
pub(super) async fn ack_many(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(bus): State<Bus>,
    State(others): State<Acknowledged>,
    MayWriteSome(view): MayWriteSome,
    Body(request): Body<AckManyRequest>,
) -> Result<Json<AckedMany>, ApiError> {
    request.comment.as_deref().map_or(Ok(()), text::comment)?;
    if !(1..=MANY).contains(&request.alerts.len()) {
        return Err(ApiError::invalid(
            "alerts",
            format!("`alerts` must have 1 to {MANY} ids, not {}", request.alerts.len()),
        ));
    }
    let ids =
        request.alerts.iter().enumerate().map(|(index, id)| {
            text::parse_id(id).map_err(|detail| ApiError::invalid(format!("alerts[{index}]"), detail))
        });
    let (ids, among) = (ids.collect::<Result<_, _>>()?, view.among(&store.catalog()));
    let alerts = store.ack_alerts(ids, among, clock.wall(), request.comment).await?;
    others.tell();
    let acknowledged = alerts.len();
    publish(alerts, &store, clock, &bus).await;
    Ok(Json(AckedMany { acknowledged }))
}

/// Shows changed alerts to those who watch, with the silences over them. Where the store is too busy to be asked for
/// those, none is told of.
async fn publish(alerts: Vec<alert::Alert>, store: &Store, clock: Clock, bus: &Bus) {
    let silences = Silences::new(zones::of_silences(store.silences().await.unwrap_or_default()), Vec::new());
    let inhibiting = Inhibiting::of(store).await.unwrap_or_default();
    for (n, alert) in alerts.into_iter().enumerate() {
        if n % AT_ONCE == AT_ONCE - 1 {
            tokio::task::yield_now().await;
        }
        let silenced_until = silences.until(clock.wall(), &alert, &store.catalog());
        let inhibited_by = inhibiting.of_alert(&alert);
        bus.publish(Arc::new(Update::Alert { alert: Box::new(alert), silenced_until, inhibited_by }));
    }
}
