//! `/devices/{id}/sensors`: what a device measures.

use axum::Json;
use axum::extract::State;

use super::AppState;
use super::auth::Reader;
use super::dto::device::Sensor;
use super::dto::{Page, Problem};
use super::error::ApiError;
use super::params::{Asked, Nothing};
use super::path::InPath;

/// The sensors of a device by name, with their newest readings. At most 256, so there are no pages.
#[utoipa::path(get, path = "/api/v1/devices/{id}/sensors", tag = "devices", params(("id" = String, Path, description = "Device id")),
    responses((status = 200, body = Page<Sensor>), (status = 404, body = Problem)))]
pub(super) async fn list(
    State(app): State<AppState>,
    _: Reader,
    InPath(id): InPath,
    _: Asked<Nothing>,
) -> Result<Json<Page<Sensor>>, ApiError> {
    let mut series: Vec<_> = {
        let catalog = app.store.catalog();
        match catalog.device_by_id(id) {
            Some(device) => catalog.series_of(device.no).cloned().collect(),
            None if app.presence.read().pending.contains_key(&id) => Vec::new(),
            None => return Err(ApiError::not_found(format!("there is no device {id}"))),
        }
    };
    series.sort_by(|a, b| a.sensor.cmp(&b.sensor));
    let ids: Vec<_> = series.iter().map(|series| series.id).collect();
    let latest = app.store.latest(&ids);
    let items = series.iter().zip(latest).map(|(series, last)| Sensor::of(series, last)).collect();
    Ok(Json(Page { items, next: None }))
}
