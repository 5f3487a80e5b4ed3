//! A full hub, by its program: newcomers are turned away with a reason that a person finds, the others go on.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use support::device::FakeDevice;
use support::fleet::Fleet;
use support::{HubProcess, eventually};

const START: i64 = 1_700_000_000_000;

fn metric(hub: &HubProcess, name: &str) -> u64 {
    let (_, text) = hub.request("GET", "/metrics", None).unwrap();
    support::metric(&text, name).unwrap_or_else(|| panic!("no metric {name}"))
}

#[test]
fn a_full_hub_turns_newcomers_away_with_a_reason_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let limits = [("TELEMETRY_HUB_MAX_DEVICES", "2"), ("TELEMETRY_HUB_MAX_SERIES", "2")];
    let limits = limits.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut hub = HubProcess::on(dir.path().to_owned(), "token", limits.to_vec());
    let token = hub.join_token(9);
    assert_eq!(hub.get("/api/v1/hub")["degraded"].as_str(), None);

    let mut devices: Vec<FakeDevice> = (0..2).map(|_| FakeDevice::new(hub.udp, &token, START)).collect();
    devices.iter_mut().for_each(|device| device.deliver(5));
    let about = hub.get("/api/v1/hub");
    assert_eq!((about["devices_max"].as_u64(), about["series_max"].as_u64()), (Some(2), Some(2)));
    let state = about["degraded"].as_str().unwrap();
    assert!(state.starts_with("no more devices can join: the hub has 2 devices, its maximum"), "{state}");

    let mut third = FakeDevice::new(hub.udp, &token, START);
    third.make();
    eventually("counted", Duration::from_secs(20), || {
        third.exchange(Duration::from_millis(200));
        (metric(&hub, "hub_udp_dropped_total{reason=\"device_limit\"}") >= 2).then_some(())
    });
    assert_eq!((third.acknowledged(), metric(&hub, "hub_devices"), metric(&hub, "hub_devices_max")), (0, 2, 2));
    devices.iter_mut().for_each(|device| device.deliver(5));

    // More devices, and no more series: who comes joins, and keeps what has no place.
    hub.environment[0].1 = "3".to_owned();
    hub.restart();
    devices.iter_mut().for_each(|device| device.deliver(5));
    let args = ["--devices", "1", "--sensors", "3", "--interval", "200ms", "--duration", "1m"];
    let newcomer = Fleet::start(hub.udp, &token, &args);
    eventually("counted", Duration::from_secs(20), || {
        (metric(&hub, "hub_udp_dropped_total{reason=\"series_limit\"}") >= 1).then_some(())
    });
    newcomer.stop();
    let (_, said) = newcomer.outcome(Duration::from_secs(60));
    assert_eq!((said["streaming"].as_u64(), said["acked"].as_u64()), (Some(1), Some(0)), "{said}");
    assert_eq!((metric(&hub, "hub_series"), metric(&hub, "hub_series_max"), metric(&hub, "hub_devices")), (2, 2, 3));

    // A limit below what is there: nobody is put out.
    hub.environment[0].1 = "1".to_owned();
    hub.restart();
    devices.iter_mut().for_each(|device| device.deliver(5));
    assert_eq!(hub.count(), devices.iter().map(FakeDevice::acknowledged).sum::<u64>() * support::device::READINGS);

    hub.environment.clear();
    hub.restart();
    third.deliver(5);
}
