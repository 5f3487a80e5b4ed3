//! An agent whose clock is set while the hub is away, by the real programs: what it took before comes with the time that it
//! was, because it is moved before it is sent. The hub keeps the time that it is told first.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::machine::Machine;
use support::{HubProcess, eventually, skipped};

const SOON: Duration = Duration::from_secs(30);
const HOUR: i64 = 3_600;
/// A value is there for so long; a source is read ten times a second.
const WHILE: Duration = Duration::from_millis(1_200);
/// From the clock being set to an agent that has seen it.
const SEEN: Duration = Duration::from_millis(1_200);
/// A value is stored so much later than it was written, at most, with other work on the machine.
const LATE_MS: i64 = 800;

/// A machine with a clock that can be set, and a file that is measured.
struct Clocked(Machine);

impl Clocked {
    fn new(library: &Path, off: i64) -> Self {
        let mut machine = Machine::new(20);
        machine.write("value", "20\n");
        let clock = machine.write("clock", &format!("{off:+}"));
        machine.environment = vec![
            ("LD_PRELOAD", library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            // Monotonic time is what the device really has.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        Self(machine)
    }

    /// Off by so many seconds from here on. At once: half a file would be another time.
    fn set_clock(&self, off: i64) {
        let next = self.0.write("clock.next", &format!("{off:+}"));
        fs::rename(&next, next.with_file_name("clock")).unwrap();
    }
}

#[test]
fn what_was_taken_before_the_clock_was_set_comes_with_the_time_that_it_was() {
    let library = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"]
        .map(|folder| Path::new(folder).join("faketime/libfaketimeMT.so.1"));
    let Some(library) = library.iter().find(|library| library.exists()) else { return skipped("libfaketime") };
    // By how many seconds each clock is off at first, and after each time that all are set; the last are right.
    let cases: [[i64; 4]; 5] =
        [[2 * HOUR, 0, 0, 0], [30, 0, 0, 0], [-2 * HOUR, 0, 0, 0], [2 * HOUR, HOUR, -HOUR, 0], [0, HOUR, 0, 0]];
    let mut hub = HubProcess::start("token");
    let token = hub.join_token(5);
    let mut devices: Vec<Clocked> = cases.iter().map(|clocks| Clocked::new(library, clocks[0])).collect();
    for (number, device) in devices.iter_mut().enumerate() {
        let config = "[[file]]\nname = 'value'\npath = '/value'\ninterval = '100ms'\n";
        let config = device.0.write("agent.toml", config);
        let name = format!("device{number}");
        device.0.start(&hub, &["--join-token", &token, "--name", &name, "--config", config.to_str().unwrap()]);
    }
    let measured = |device: &Clocked| (device.0.acked() >= 20).then_some(());
    devices.iter().for_each(|device| eventually("readings at the hub", SOON, || measured(device)));
    hub.terminate();
    // What was on its way then is perhaps at the hub: nobody can move it.
    let is_alone = |device: &Clocked| device.0.status().is_some_and(|status| status["state"] != "streaming");
    devices.iter().for_each(|device| eventually("no hub", SOON, || is_alone(device).then_some(())));

    let mut written: Vec<(f64, i64, i64)> = Vec::new();
    for at in 0..4 {
        devices.iter().zip(cases).for_each(|(device, clocks)| device.set_clock(clocks[at]));
        sleep(SEEN);
        let (value, from) = (41.0 + at as f64, now());
        devices.iter().for_each(|device| drop(device.0.write("value", &format!("{value}\n"))));
        sleep(WHILE);
        devices.iter().for_each(|device| drop(device.0.write("value", "20\n")));
        written.push((value, from, now()));
        sleep(WHILE);
    }
    hub.restart();
    for device in &devices {
        let is_sent = || device.0.status().filter(|status| status["spool_batches"].as_u64() <= Some(1));
        eventually("an empty spool", SOON, || is_sent().map(drop));
    }
    let (begin, end) = (now() - 9 * HOUR * 1_000, now() + 9 * HOUR * 1_000);
    let mut wrong = Vec::new();
    for (number, clocks) in cases.iter().enumerate() {
        let path = format!("/api/v1/readings?device=device{number}&sensor=value&from={begin}&to={end}&limit=10000");
        let readings = hub.get(&path)["items"].as_array().unwrap().clone();
        for (value, from, until) in &written {
            let found = readings.iter().filter(|reading| reading[1].as_f64() == Some(*value));
            let off: Vec<i64> = found.map(|reading| reading[0].as_i64().unwrap() - from).collect();
            if off.len() < 3 || off.iter().any(|off| !(-50..until - from + LATE_MS).contains(off)) {
                wrong.push(format!("clock off by {clocks:?} s: {value} is stored {off:?} ms after it was written"));
            }
        }
    }
    devices.iter_mut().for_each(|device| device.0.stop());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}
