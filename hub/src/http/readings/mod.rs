//! `/latest` and `/readings`: the newest value of many series, and every reading of one.

mod buckets;
pub(super) mod query;
pub(super) mod result;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Clock;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::MayReadSome;
use crate::http::gate::history::History;
use crate::http::request::page::{LongPages, Page, Paging, ReadingPages, cursor};
use crate::http::request::params::{Asked, FromParams, Params, range};
use crate::http::request::select;
use crate::http::request::select::{Selector, SelectorParams};
use crate::http::state::Routes;
use crate::model::catalog::Series;
use crate::model::device::Device;
use crate::model::{UnixMillis, reading, when};
use crate::presence::Presence;
use crate::store::Store;
use utoipa_axum::routes;

/// Readings that are stored.
pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(latest)).routes(routes!(list)).routes(routes!(query::one, query::several))
}

/// How far to trust a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Quality {
    /// Recent.
    Good,
    /// Nothing came for three of its intervals, by the hub's clock; or its device is offline, or never sent anything.
    Stale,
    /// More than five minutes ahead of the hub: the device's clock is wrong.
    Future,
}

/// The newest reading of a series.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Latest {
    /// Id of the device.
    pub device: String,
    /// Sensor.
    pub sensor: String,
    /// Unit code.
    pub unit: String,
    /// Device time.
    pub at: String,
    /// Value.
    pub value: f64,
    /// How far to trust it.
    pub quality: Quality,
}

/// The newest point of a series, and when that was last heard, if it is known.
type Newest = (reading::Point, Option<UnixMillis>);

impl Latest {
    /// A point of a series of a device, which was last heard then. Without an interval a value ages with its device.
    #[must_use]
    fn of((device, is_online): (&Device, bool), series: &Series, (point, heard): Newest, now: UnixMillis) -> Self {
        let interval = device.interval_ms.unwrap_or(series.interval_ms);
        let limit = Presence::offline_after_ms(interval);
        let stale = !is_online || interval > 0 && now.since(heard.unwrap_or(point.at)) > limit;
        Self {
            device: device.id.to_string(),
            sensor: series.sensor.clone(),
            unit: series.unit.clone(),
            at: when::moment(point.at),
            value: point.value,
            quality: match point.at.since(now) {
                ahead if ahead > reading::AHEAD_MS => Quality::Future,
                _ if stale => Quality::Stale,
                _ => Quality::Good,
            },
        }
    }
}

/// `[at_ms, value]`: epoch milliseconds and a number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Point(pub i64, pub f64);

impl From<reading::Point> for Point {
    fn from(point: reading::Point) -> Self {
        Self(point.at.0, point.value)
    }
}

impl utoipa::PartialSchema for Point {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
        ArrayBuilder::new()
            .items(ObjectBuilder::new().schema_type(Type::Number))
            .min_items(Some(2))
            .max_items(Some(2))
            .description(Some("Device time in epoch milliseconds, value"))
            .into()
    }
}

impl ToSchema for Point {}

/// Which series.
#[derive(Debug)]
pub(super) struct AskLatest {
    selector: Selector,
    paging: Paging,
}

impl FromParams for AskLatest {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        Ok(Self { selector: Selector::of(params)?, paging: params.paging(1_000, 10_000)? })
    }
}

/// The newest reading of every matching series that has one, by device name and sensor.
#[utoipa::path(get, path = "/api/v1/latest", tag = "readings", params(SelectorParams, LongPages),
    responses((status = 200, body = Page<Latest>), (status = 400, body = Problem)))]
pub(super) async fn latest(
    State(presence): State<Arc<Presence>>,
    State(store): State<Store>,
    State(clock): State<Clock>,
    MayReadSome(view): MayReadSome,
    Asked(asked): Asked<AskLatest>,
) -> Json<Page<Latest>> {
    let now = clock.wall();
    let catalog = store.catalog();
    let found = asked.selector.series(&catalog, &view);
    let ids: Vec<_> = found.iter().map(|(_, series)| series.id).collect();
    let rows = found.into_iter().zip(store.latest_heard(&ids));
    let rows = rows.filter_map(|((device, series), newest)| Some((device, series, newest?))).collect();
    let key = |(device, series, _): &(&Device, &Series, _)| format!("{}\0{}", device.name, series.sensor);
    Json(asked.paging.cut(rows, key, |(device, series, newest)| {
        let interval_ms = catalog.expected_interval_ms(device.no).unwrap_or(0);
        let is_online = presence.is_online(device.no, interval_ms, now);
        Latest::of((device, is_online), series, newest, now)
    }))
}

/// Which points.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AskReadings {
    /// Id or name of one device.
    device: String,
    /// One sensor of it.
    sensor: String,
    /// Start, included: RFC 3339, epoch milliseconds, or `now-6h`; an hour before `to` when left out.
    #[param(value_type = String, required = false)]
    from: UnixMillis,
    /// End, not included; now when left out.
    #[param(value_type = String, required = false)]
    to: UnixMillis,
    #[param(ignore)]
    paging: Paging,
}

impl FromParams for AskReadings {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        let (from, to) = range(params)?;
        Ok(Self {
            device: Params::required("device", params.one("device")?)?,
            sensor: Params::required("sensor", params.one("sensor")?)?,
            from,
            to,
            paging: params.paging(1_000, 50_000)?,
        })
    }
}

/// The points of one series, oldest first.
#[utoipa::path(get, path = "/api/v1/readings", tag = "readings", params(AskReadings, ReadingPages),
    responses((status = 200, body = Page<Point>), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 503, body = Problem)))]
pub(super) async fn list(
    State(store): State<Store>,
    State(history): State<History>,
    MayReadSome(view): MayReadSome,
    Asked(asked): Asked<AskReadings>,
) -> Result<Json<Page<Point>>, ApiError> {
    history.admits()?;
    let series = {
        let catalog = store.catalog();
        let device = select::device(&catalog, &view, &asked.device)?;
        select::series(&catalog, device, &asked.sensor)?.id
    };
    // One point a millisecond, so the next page begins a millisecond behind the last point.
    let after: Option<i64> = asked.paging.number()?;
    let from = after.map_or(asked.from, |after| asked.from.max(UnixMillis(after).plus(1)));
    if from >= asked.to {
        return Ok(Json(Page { items: Vec::new(), next: None }));
    }
    let page = store.readings(series, from, asked.to, asked.paging.limit).await?;
    let next = page.points.last().filter(|_| page.more).map(|last| cursor(&last.at.0.to_string()));
    Ok(Json(Page { items: page.points.into_iter().map(Point::from).collect(), next }))
}
