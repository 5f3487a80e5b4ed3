//! Readings: the newest of each series, and the points of one.

use serde::Serialize;
use utoipa::ToSchema;

use super::text;
use crate::model::UnixMillis;
use crate::model::catalog::Series;
use crate::model::device::Device;
use crate::model::reading;

/// How far to trust a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Recent.
    Good,
    /// Older than three of its intervals.
    Stale,
    /// More than five minutes ahead of the hub: the device's clock is wrong.
    Future,
}

/// The newest reading of a series.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Latest {
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

impl Latest {
    /// A point of a series of a device. Without an interval a value does not age.
    #[must_use]
    pub fn of(device: &Device, series: &Series, point: reading::Point, now: UnixMillis) -> Self {
        let interval = device.interval_ms.unwrap_or(series.interval_ms);
        let limit = crate::presence::Presence::offline_after_ms(interval);
        let stale = interval > 0 && now.since(point.at) > limit;
        Self {
            device: device.id.to_string(),
            sensor: series.sensor.clone(),
            unit: series.unit.clone(),
            at: text::moment(point.at),
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
pub struct Point(pub i64, pub f64);

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
