//! A full hub, by its program: newcomers are turned away with a reason that a person finds, the others go on.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::process::{Command, Stdio};
use std::time::Duration;

use support::device::FakeDevice;
use support::{HubProcess, agent_program, eventually, signal};

const START: i64 = 1_700_000_000_000;

fn metric(hub: &HubProcess, name: &str) -> u64 {
    let (_, text) = hub.request("GET", "/metrics", None).unwrap();
    support::metric(&text, name).unwrap_or_else(|| panic!("no metric {name}"))
}

/// Makes some batches and waits until all are on disk.
fn acknowledged(device: &mut FakeDevice, batches: usize) {
    (0..batches).for_each(|_| device.make());
    eventually("acknowledged", Duration::from_secs(30), || {
        device.exchange(Duration::from_millis(500));
        (device.acknowledged() == device.made()).then_some(())
    });
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
    devices.iter_mut().for_each(|device| acknowledged(device, 5));
    let about = hub.get("/api/v1/hub");
    assert_eq!((about["devices_max"].as_u64(), about["series_max"].as_u64()), (Some(2), Some(2)));
    let state = about["degraded"].as_str().unwrap();
    assert!(state.starts_with("no more devices can join: the hub has 2 devices, the most it takes"), "{state}");

    let mut third = FakeDevice::new(hub.udp, &token, START);
    third.make();
    eventually("counted", Duration::from_secs(20), || {
        third.exchange(Duration::from_millis(200));
        (metric(&hub, "hub_udp_dropped_total{reason=\"device_limit\"}") >= 2).then_some(())
    });
    assert_eq!((third.acknowledged(), metric(&hub, "hub_devices"), metric(&hub, "hub_devices_max")), (0, 2, 2));
    devices.iter_mut().for_each(|device| acknowledged(device, 5));

    // More devices, and no more series: who comes joins, and keeps what has no place.
    hub.environment[0].1 = "3".to_owned();
    hub.restart();
    devices.iter_mut().for_each(|device| acknowledged(device, 5));
    let hub_address = hub.udp.to_string();
    let newcomer = Command::new(agent_program())
        .args(["simulate", "--hub", &hub_address, "--join-token", &token, "--devices", "1", "--sensors", "3"])
        .args(["--interval", "200ms", "--duration", "1m"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("counted", Duration::from_secs(20), || {
        (metric(&hub, "hub_udp_dropped_total{reason=\"series_limit\"}") >= 1).then_some(())
    });
    signal(&newcomer, "TERM");
    let done = newcomer.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout);
    let outcome: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    assert_eq!((outcome["streaming"].as_u64(), outcome["acked"].as_u64()), (Some(1), Some(0)), "{text}");
    assert_eq!((metric(&hub, "hub_series"), metric(&hub, "hub_series_max"), metric(&hub, "hub_devices")), (2, 2, 3));

    // A limit below what is there: nobody is put out.
    hub.environment[0].1 = "1".to_owned();
    hub.restart();
    devices.iter_mut().for_each(|device| acknowledged(device, 5));
    assert_eq!(hub.count(), devices.iter().map(FakeDevice::acknowledged).sum::<u64>() * support::device::READINGS);

    hub.environment.clear();
    hub.restart();
    acknowledged(&mut third, 5);
}
