//! Which series are meant: globs over devices and sensors and labels of devices, or exactly one. Only what is in the view of
//! whoever asks is found: the rest is as if it were not there.

use super::params::Params;
use super::text;
use crate::http::error::ApiError;
use crate::model::catalog::{Catalog, Series};
use crate::model::device::Device;
use crate::model::glob::Glob;
use crate::model::view::View;

/// The parameters of a [`Selector`], for the contract.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters")]
pub(in crate::http) struct SelectorParams {
    /// Glob over the names of devices; an id is matched whole, or by more than eight characters. Repeat it for several; all when left out.
    #[param(value_type = Vec<String>, required = false)]
    device: (),
    /// Glob over sensor names; repeat it for several; all when left out.
    #[param(value_type = Vec<String>, required = false)]
    sensor: (),
    /// A label the device must have, `key=value`; repeat it for several.
    #[param(value_type = Vec<String>, required = false)]
    label: (),
}

/// Devices by name, id and labels, and sensors of them by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) struct Selector {
    devices: Vec<Glob>,
    sensors: Vec<Glob>,
    labels: Vec<(String, String)>,
}

impl Selector {
    /// Globs, every one when none is given, and labels as `key=value`.
    pub(in crate::http) fn new(
        devices: Vec<String>,
        sensors: Vec<String>,
        labels: &[String],
    ) -> Result<Self, ApiError> {
        let globs = |field: &str, patterns: Vec<String>| {
            let all = if patterns.is_empty() { vec!["*".to_owned()] } else { patterns };
            all.into_iter().map(|glob| Ok(Glob::new(&text::glob(field, glob)?))).collect::<Result<Vec<_>, ApiError>>()
        };
        let pair = |label: &String| {
            let wrong = || ApiError::invalid("label", format!("`{label}` is not a label: write key=value"));
            let (key, value) = label.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(wrong)?;
            Ok((key.to_owned(), value.to_owned()))
        };
        Ok(Self {
            devices: globs("device", devices)?,
            sensors: globs("sensor", sensors)?,
            labels: labels.iter().map(pair).collect::<Result<_, ApiError>>()?,
        })
    }

    /// `device`, `sensor` and `label` of a query string.
    pub(in crate::http) fn of(params: &mut Params) -> Result<Self, ApiError> {
        Self::new(params.all("device"), params.all("sensor"), &params.all("label"))
    }

    /// All series that are meant, in the order of device name and sensor.
    pub(in crate::http) fn series<'a>(&self, catalog: &'a Catalog, view: &View) -> Vec<(&'a Device, &'a Series)> {
        let mut found = Vec::new();
        for device in self.devices(catalog, view) {
            let start = found.len();
            let series = catalog.series_of(device.no);
            let series = series.filter(|series| self.sensors.iter().any(|glob| glob.matches(&series.sensor)));
            found.extend(series.map(|series| (device, series)));
            found[start..].sort_by(|a, b| a.1.sensor.cmp(&b.1.sensor));
        }
        found
    }

    /// Refuses a device or a sensor that is written out and not there, where nothing in its place would be a surprise.
    pub(in crate::http) fn all_there(
        &self,
        catalog: &Catalog,
        view: &View,
        found: &[(&Device, &Series)],
    ) -> Result<(), ApiError> {
        for name in self.devices.iter().filter(|glob| !glob.is_pattern()) {
            device(catalog, view, name.as_str())?;
        }
        let missing = self
            .sensors
            .iter()
            .find(|name| !name.is_pattern() && !found.iter().any(|(_, series)| name.matches(&series.sensor)));
        missing.map_or(Ok(()), |name| {
            let detail = format!("none of these devices has a sensor `{}`", name.as_str());
            Err(ApiError::not_found(detail).field("sensor"))
        })
    }

    fn devices<'a>(&self, catalog: &'a Catalog, view: &View) -> Vec<&'a Device> {
        let mut meant: Vec<&Device> = if self.devices.iter().any(Glob::is_pattern) {
            let is_meant =
                |device: &&Device| self.devices.iter().any(|glob| glob.matches_device(&device.name, &device.id));
            catalog.devices().filter(is_meant).collect()
        } else {
            // Names and ids written out: no need to look at everybody.
            let named = |glob: &Glob| {
                let by_id = glob.as_str().parse().ok().and_then(|id| catalog.device_by_id(id));
                [by_id, catalog.device_by_name(glob.as_str())]
            };
            self.devices.iter().flat_map(named).flatten().collect()
        };
        meant.retain(|device| {
            view.has(device)
                && self.labels.iter().all(|(key, value)| device.labels.get(key).is_some_and(|has| has == value))
        });
        meant.sort_by(|a, b| a.name.cmp(&b.name));
        meant.dedup_by_key(|device| device.no);
        meant
    }
}

/// The device with this id or name.
pub(in crate::http) fn device<'a>(catalog: &'a Catalog, view: &View, text: &str) -> Result<&'a Device, ApiError> {
    let by_id = text.parse().ok().and_then(|id| view.device(catalog, id));
    by_id
        .or_else(|| catalog.device_by_name(text).filter(|device| view.has(device)))
        .ok_or_else(|| ApiError::not_found(format!("there is no device `{text}`")).field("device"))
}

/// The sensor of a device.
pub(in crate::http) fn series<'a>(catalog: &'a Catalog, device: &Device, sensor: &str) -> Result<&'a Series, ApiError> {
    catalog
        .series_of(device.no)
        .find(|series| series.sensor == sensor)
        .ok_or_else(|| ApiError::not_found(format!("{} has no sensor `{sensor}`", device.name)).field("sensor"))
}
