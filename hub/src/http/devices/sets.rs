//! `/sensor-sets`: which sensors the devices have in common. The page shows thirty of ten thousand devices and takes
//! the columns of its list from here, so that they are those of the whole fleet and stay while the list scrolls.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::dto::{self, Status};
use super::fleet::Fleet;
use crate::http::gate::auth::MayReadSome;
use crate::http::request::page::Page;
use crate::http::request::params::{Asked, Nothing};

/// Sets in the answer: those of most devices.
const SETS_MOST: usize = 32;
/// A sensor belongs to a set only if at least one in this many devices has it: names that a single device has, such as
/// those of its disks, would otherwise make a set of each device.
const RARE: usize = 20;

/// Sensors that some devices have, all of them the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::http) struct SensorSet {
    /// Sensors by name, without those that fewer than one in twenty devices have.
    pub sensors: Vec<String>,
    /// How many devices have these and no others.
    pub devices: usize,
    /// How many of them are online.
    pub online: usize,
}

/// Which sensors the devices have in common: the 32 most frequent sets, the most frequent first. Devices that are blocked or
/// never measured anything count for nothing. There are no pages.
#[utoipa::path(get, path = "/api/v1/sensor-sets", tag = "devices", responses((status = 200, body = Page<SensorSet>)))]
pub(in crate::http) async fn list(
    State(fleet): State<Fleet>,
    MayReadSome(view): MayReadSome,
    _: Asked<Nothing>,
) -> Json<Page<SensorSet>> {
    let now = fleet.clock.wall();
    let catalog = fleet.store.catalog();
    let seen = catalog.devices().filter(|device| view.has(device));
    let measured = seen.filter_map(|device| {
        let status = dto::status(device, &catalog, &fleet.presence, now);
        let sensors: Vec<&str> = catalog.series_of(device.no).map(|series| series.sensor.as_str()).collect();
        (status != Status::Blocked && !sensors.is_empty()).then_some((status == Status::Online, sensors))
    });
    Json(Page { items: sets(measured.collect()), next: None })
}

/// Sets of what devices measure; each comes with whether it is online.
fn sets(devices: Vec<(bool, Vec<&str>)>) -> Vec<SensorSet> {
    let mut having: HashMap<&str, usize> = HashMap::new();
    for sensor in devices.iter().flat_map(|(_, sensors)| sensors) {
        *having.entry(sensor).or_default() += 1;
    }
    let least = devices.len().div_ceil(RARE);
    let mut found: HashMap<Vec<&str>, (usize, usize)> = HashMap::new();
    for (online, mut sensors) in devices {
        sensors.retain(|sensor| having[sensor] >= least);
        sensors.sort_unstable();
        if !sensors.is_empty() {
            let (all, up) = found.entry(sensors).or_default();
            *all += 1;
            *up += usize::from(online);
        }
    }
    let mut sets: Vec<_> = found.into_iter().collect();
    sets.sort_unstable_by(|(a, (m, _)), (b, (n, _))| n.cmp(m).then_with(|| a.cmp(b)));
    sets.truncate(SETS_MOST);
    let set = |(sensors, (devices, online)): (Vec<&str>, _)| {
        let sensors = sensors.into_iter().map(str::to_owned).collect();
        SensorSet { sensors, devices, online }
    };
    sets.into_iter().map(set).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(devices: Vec<(bool, Vec<&str>)>) -> Vec<String> {
        let text = |set: &SensorSet| format!("{} {}/{}", set.sensors.join(" "), set.online, set.devices);
        sets(devices).iter().map(text).collect()
    }

    #[test]
    fn devices_with_the_same_sensors_are_one_set_in_whatever_order_they_came() {
        let devices = vec![(true, vec!["t", "h"]), (true, vec!["power"]), (false, vec!["h", "t"])];
        assert_eq!(told(devices), ["h t 1/2", "power 1/1"]);
        assert_eq!(told(Vec::new()), [""; 0]);
    }

    #[test]
    fn what_hardly_any_device_has_makes_no_set_of_its_own() {
        let disks: Vec<String> = (0..300).map(|n| format!("disk.{n}")).collect();
        let boxes = disks.iter().map(|disk| (true, vec!["cpu", disk.as_str()]));
        assert_eq!(told(boxes.collect()), ["cpu 300/300"]);
        // Of few devices each one's own sensors count.
        let few = disks.iter().take(3).map(|disk| (true, vec!["cpu", disk.as_str()]));
        assert_eq!(told(few.collect()), ["cpu disk.0 1/1", "cpu disk.1 1/1", "cpu disk.2 1/1"]);
    }

    #[test]
    fn at_most_so_many_sets_are_told_and_those_of_most_devices() {
        // Ten sensors of which every device has one in two, each another half.
        let names: Vec<String> = (0..10).map(|n| format!("s{n}")).collect();
        let of = |device: usize| names.iter().enumerate().filter(move |(n, _)| device >> n & 1 == 1);
        let mut devices: Vec<_> =
            (1..1024).map(|device| (true, of(device).map(|(_, name)| name.as_str()).collect())).collect();
        devices.extend([(true, vec!["s0", "s9"]), (false, vec!["s9", "s0"])]);
        let told = told(devices);
        assert_eq!(told.len(), SETS_MOST);
        assert_eq!(told[0], "s0 s9 2/3");
    }
}
