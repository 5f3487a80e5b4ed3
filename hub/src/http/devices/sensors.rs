//! `/devices/{id}/sensors`: what a device measures, and what its owner says about it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::dto::{Sensor, SensorPatch};
use super::fleet::Fleet;
use super::found::unknown;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::{MayOperate, MayReadSome};
use crate::http::request::body::Body;
use crate::http::request::page::Page;
use crate::http::request::params::{Asked, Nothing};
use crate::http::request::path::{InPath, SensorInPath};
use crate::live::Update;

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
    request_body = SensorPatch, responses((status = 200, body = Sensor), (status = 400, body = Problem), (status = 404, body = Problem)))]
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
