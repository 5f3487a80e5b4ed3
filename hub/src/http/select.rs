//! Which series are meant: globs over devices and sensors, or exactly one.

use super::error::ApiError;
use crate::model::catalog::{Catalog, Series};
use crate::model::device::Device;
use crate::model::glob::Glob;

/// All series whose device and sensor match, in the order of device name and sensor.
pub(super) fn matching<'a>(catalog: &'a Catalog, devices: &[Glob], sensors: &[Glob]) -> Vec<(&'a Device, &'a Series)> {
    let is_meant = |device: &&Device| {
        let id = device.id.to_string();
        devices.iter().any(|glob| glob.matches(&device.name) || glob.matches(&id))
    };
    let everything = devices.iter().any(|glob| glob.as_str() == "*");
    let mut meant: Vec<&Device> = catalog.devices().filter(|device| everything || is_meant(device)).collect();
    meant.sort_by(|a, b| a.name.cmp(&b.name));
    let mut found = Vec::new();
    for device in meant {
        let start = found.len();
        let series = catalog.series_of(device.no);
        let series = series.filter(|series| sensors.iter().any(|glob| glob.matches(&series.sensor)));
        found.extend(series.map(|series| (device, series)));
        found[start..].sort_by(|a, b| a.1.sensor.cmp(&b.1.sensor));
    }
    found
}

/// The device with this id or name.
pub(super) fn device<'a>(catalog: &'a Catalog, text: &str) -> Result<&'a Device, ApiError> {
    let by_id = text.parse().ok().and_then(|id| catalog.device_by_id(id));
    by_id
        .or_else(|| catalog.device_by_name(text))
        .ok_or_else(|| ApiError::not_found(format!("there is no device `{text}`")).field("device"))
}

/// The sensor of a device.
pub(super) fn series<'a>(catalog: &'a Catalog, device: &Device, sensor: &str) -> Result<&'a Series, ApiError> {
    catalog
        .series_of(device.no)
        .find(|series| series.sensor == sensor)
        .ok_or_else(|| ApiError::not_found(format!("{} has no sensor `{sensor}`", device.name)).field("sensor"))
}
