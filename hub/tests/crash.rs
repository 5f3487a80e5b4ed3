//! Kill the hub with SIGKILL at any moment; what it acknowledged is on disk, once.
//!
//! The ledger is kept by a device that shares no code with the agent. `CRASH_KILLS=200` makes it longer.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use support::HubProcess;
use support::device::{FakeDevice, READINGS};
use wire::BatchSeq;

#[test]
fn every_acknowledged_reading_survives_sigkill_and_is_stored_once() {
    let kills: u32 = std::env::var("CRASH_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let mut hub = HubProcess::start("token");
    let start = 1_700_000_000_000;
    let mut device = FakeDevice::new(hub.udp, &hub.join_token(1), start);
    for kill in 0..kills {
        // From a few commits to a few hundred between kills, and never at the same point of one.
        let until = Instant::now() + Duration::from_millis(150 + u64::from(kill * 97 % 600));
        while Instant::now() < until {
            (0..8).for_each(|_| device.make());
            device.exchange(Duration::from_millis(60));
        }
        hub.restart();
    }
    device.settle();
    assert!(device.made() > u64::from(kills) * 8, "the device hardly sent anything: {}", device.made());
    hub.kill();
    hub.restart();

    let mut stored = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!(
            "/api/v1/readings?device={}&sensor=ledger&from={start}&to=2100-01-01T00:00:00Z&limit=5000{cursor}",
            device.id()
        );
        let page = hub.get(&path);
        stored.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|point| (point[0].as_i64().unwrap(), point[1].as_f64().unwrap())),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<(i64, f64)> = (0..device.made())
        .filter(|seq| device.acked.contains(BatchSeq(*seq)))
        .flat_map(|seq| (0..READINGS).map(move |n| (seq, n)))
        .map(|(seq, n)| device.reading(seq, n))
        .collect();
    let missing = expected
        .iter()
        .filter(|reading| stored.binary_search_by(|point| point.partial_cmp(reading).unwrap()).is_err())
        .count();
    assert_eq!(missing, 0, "acknowledged readings that are gone");
    assert_eq!(stored.len(), expected.len(), "stored twice, or never sent");
    assert_eq!(hub.count(), expected.len() as u64);
}
