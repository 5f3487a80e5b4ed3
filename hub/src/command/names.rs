//! Looks up names of devices and units of sensors, for streams that carry only ids.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::outcome::Failure;
use super::remote::Link;
use crate::clock::Clock;

/// Shortest pause between two requests for names that are not known.
const AGAIN: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct Device {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Latest {
    device: String,
    sensor: String,
    unit: String,
}

/// What a hub calls things.
#[derive(Debug, Default)]
pub(super) struct Names {
    devices: HashMap<String, String>,
    units: HashMap<(String, String), String>,
    asked_at: Option<Instant>,
}

impl Names {
    /// Asks the hub, if one of these is not known and it was not asked a moment ago.
    pub(super) async fn learn(&mut self, link: &Link, row: (&str, &str)) -> Result<(), Failure> {
        let now = Clock.now();
        let known = self.devices.contains_key(row.0) && self.units.contains_key(&(row.0.to_owned(), row.1.to_owned()));
        if known || self.asked_at.is_some_and(|at| now.duration_since(at) < AGAIN) {
            return Ok(());
        }
        self.asked_at = Some(now);
        let devices: Vec<Device> = link.all("/devices", &[]).await?;
        self.devices = devices.into_iter().map(|device| (device.id, device.name)).collect();
        let latest: Vec<Latest> = link.all("/latest", &[("limit", "10000".to_owned())]).await?;
        self.units = latest.into_iter().map(|row| ((row.device, row.sensor), row.unit)).collect();
        Ok(())
    }

    /// The name of a device; its id as long as none is known.
    pub(super) fn device<'a>(&'a self, id: &'a str) -> &'a str {
        self.devices.get(id).map_or(id, |name| name)
    }

    /// The unit of a sensor.
    pub(super) fn unit(&self, device: &str, sensor: &str) -> &str {
        self.units.get(&(device.to_owned(), sensor.to_owned())).map_or("", |unit| unit)
    }
}
