//! `/devices/{id}/sensors`: what a device measures, and what its owner says about it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::fleet::Fleet;
use super::found::unknown;
use super::kind::Kind;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::{MayOperate, MayReadSome};
use crate::http::request::body::Body;
use crate::http::request::page::Page;
use crate::http::request::params::{Asked, Nothing};
use crate::http::request::path::{InPath, SensorInPath};
use crate::live::Update;
use crate::model::catalog::Series;
use crate::model::reading::Point;
use crate::model::when;

/// One sensor of a device.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Sensor {
    /// Its name on the device.
    pub sensor: String,
    /// Unit code; empty when dimensionless.
    pub unit: String,
    /// How its values relate over time.
    pub kind: Kind,
    /// Whether the owner set `kind`: then it stays, whatever is sent.
    pub kind_by_owner: bool,
    /// Expected time between readings, in milliseconds.
    pub interval_ms: Option<u32>,
    /// Its newest reading.
    pub last: Option<Last>,
}

/// Changes to a sensor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SensorPatch {
    /// How its values relate over time, whatever is sent; null goes back to what is sent.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    pub kind: Option<Kind>,
}

/// A reading.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Last {
    /// Device time.
    pub at: String,
    /// Value.
    pub value: f64,
}

impl Sensor {
    /// A series with its newest reading.
    #[must_use]
    pub(crate) fn of(series: &Series, last: Option<Point>) -> Self {
        Self {
            sensor: series.sensor.clone(),
            unit: series.unit.clone(),
            kind: series.kind.into(),
            kind_by_owner: series.kind_by_owner,
            interval_ms: Some(series.interval_ms).filter(|ms| *ms > 0),
            last: last.map(|point| Last { at: when::moment(point.at), value: point.value }),
        }
    }
}

/// The sensors of a device by name, with their newest readings. At most 256, so there are no pages.
#[utoipa::path(get, path = "/api/v1/devices/{id}/sensors", tag = "devices", params(("id" = String, Path, description = "Device id")),
    responses((status = 200, body = Page<Sensor>), (status = 404, body = Problem)))]
pub(in crate::http) async fn list(
    State(fleet): State<Fleet>,
    MayReadSome(view): MayReadSome,
    InPath(id): InPath,
    _: Asked<Nothing>,
) -> Result<Json<Page<Sensor>>, ApiError> {
    let mut series: Vec<_> = {
        let catalog = fleet.store.catalog();
        match view.device(&catalog, id) {
            Some(device) => catalog.series_of(device.no).cloned().collect(),
            None if view.is_all() && fleet.presence.read().pending.contains_key(&id) => Vec::new(),
            None => return Err(unknown(id)),
        }
    };
    series.sort_by(|a, b| a.sensor.cmp(&b.sensor));
    let ids: Vec<_> = series.iter().map(|series| series.id).collect();
    let latest = fleet.store.latest(&ids);
    let items = series.iter().zip(latest).map(|(series, last)| Sensor::of(series, last)).collect();
    Ok(Json(Page { items, next: None }))
}

/// Sets what a sensor's values mean over time, whatever its senders say. Queries and rules follow at once; summaries
/// made earlier count from their first to their last reading.
#[utoipa::path(patch, path = "/api/v1/devices/{id}/sensors/{sensor}", tag = "devices",
    params(("id" = String, Path, description = "Device id"), ("sensor" = String, Path, description = "Sensor")),
    request_body = Option<SensorPatch>, responses((status = 200, body = Sensor), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(in crate::http) async fn change(
    State(fleet): State<Fleet>,
    _: MayOperate,
    SensorInPath(id, sensor): SensorInPath,
    Body(patch): Body<SensorPatch>,
) -> Result<Json<Sensor>, ApiError> {
    let series = fleet.store.set_kind(id, sensor, patch.kind.map(Into::into)).await?;
    fleet.rules_changed.tell();
    fleet.bus.publish(Arc::new(Update::Device(id)));
    let last = fleet.store.latest(&[series.id]).into_iter().next().flatten();
    Ok(Json(Sensor::of(&series, last)))
}
