//! `/latest` and `/readings`: the newest value of many series, and every point of one.

use axum::Json;
use axum::extract::State;

use super::auth::Onlooker;
use super::dto::reading::{Latest, Point};
use super::dto::{Page, Problem};
use super::error::ApiError;
use super::page::{Paging, cursor};
use super::params::{Asked, FromParams, Params};
use super::select::{Selector, SelectorParams};
use super::{AppState, select};
use crate::model::UnixMillis;

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
#[utoipa::path(get, path = "/api/v1/latest", tag = "readings", params(SelectorParams, Paging),
    responses((status = 200, body = Page<Latest>), (status = 400, body = Problem)))]
pub(super) async fn latest(
    State(app): State<AppState>,
    Onlooker(view): Onlooker,
    Asked(asked): Asked<AskLatest>,
) -> Json<Page<Latest>> {
    let now = app.clock.wall();
    let catalog = app.store.catalog();
    let found = asked.selector.series(&catalog, &view);
    let ids: Vec<_> = found.iter().map(|(_, series)| series.id).collect();
    let rows = found.into_iter().zip(app.store.latest(&ids));
    let rows = rows.filter_map(|((device, series), point)| Some((device, series, point?))).collect();
    let key = |(device, series, _): &(&crate::model::device::Device, &crate::model::catalog::Series, _)| {
        format!("{}\0{}", device.name, series.sensor)
    };
    Json(asked.paging.cut(rows, key, |(device, series, point)| Latest::of(device, series, point, now)))
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

/// `from` and `to`, in this order; the last hour when left out.
pub(super) fn range(params: &mut Params) -> Result<(UnixMillis, UnixMillis), ApiError> {
    let to = params.time("to")?.unwrap_or_else(|| params.now().plus(1));
    let from = params.time("from")?.unwrap_or_else(|| to.plus(-3_600_000));
    in_order(from, to)
}

/// A range that holds at least a millisecond.
pub(super) fn in_order(from: UnixMillis, to: UnixMillis) -> Result<(UnixMillis, UnixMillis), ApiError> {
    if from >= to {
        return Err(ApiError::invalid("from", "`from` must be before `to`"));
    }
    Ok((from, to))
}

/// The points of one series, oldest first.
#[utoipa::path(get, path = "/api/v1/readings", tag = "readings", params(AskReadings, Paging),
    responses((status = 200, body = Page<Point>), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 503, body = Problem)))]
pub(super) async fn list(
    State(app): State<AppState>,
    Onlooker(view): Onlooker,
    Asked(asked): Asked<AskReadings>,
) -> Result<Json<Page<Point>>, ApiError> {
    app.history()?;
    let series = {
        let catalog = app.store.catalog();
        let device = select::device(&catalog, &view, &asked.device)?;
        select::series(&catalog, device, &asked.sensor)?.id
    };
    // One point a millisecond, so the next page begins a millisecond behind the last point.
    let after: Option<i64> = asked.paging.number()?;
    let from = after.map_or(asked.from, |after| asked.from.max(UnixMillis(after).plus(1)));
    if from >= asked.to {
        return Ok(Json(Page { items: Vec::new(), next: None }));
    }
    let page = app.store.readings(series, from, asked.to, asked.paging.limit).await?;
    let next = page.points.last().filter(|_| page.more).map(|last| cursor(&last.at.0.to_string()));
    Ok(Json(Page { items: page.points.into_iter().map(Point::from).collect(), next }))
}
