//! A driver that says that there is nothing to measure: what measured before is told by name, what never did in one line.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use device_agent::clock::{self, Now};
use device_agent::sensor::{Host, Samples};
use wire::{SensorKind, SensorSpec};

const CHANNELS: [(&str, &str); 5] = [
    ("hwmon/hwmon0/temp2_input", "temp.chip.2"),
    ("hwmon/hwmon0/fan1_input", "fan.chip.1"),
    ("thermal/thermal_zone0/temp", "temp.wifi"),
    ("power_supply/BAT0/voltage_now", "power.bat0.voltage"),
    ("power_supply/BAT0/status", "power.bat0.charging"),
];

#[test]
fn what_measured_before_and_of_which_the_driver_has_nothing_to_say_is_told_by_name_until_it_measures_again() {
    let root = machine();
    let mut host = Host::new(root.path(), Vec::new());
    let start = clock::now();
    let whole = round(&mut host, start);
    assert_eq!((whole["temp.chip.2"], whole["power.bat0.voltage"]), (42.0, 3.7), "{whole:?}");
    assert_eq!(said(&host), []);
    let sockets: Vec<UnixDatagram> = CHANNELS.iter().map(|(file, _)| mute(root.path(), file)).collect();
    let left = round(&mut host, start.plus(Duration::from_secs(6)));
    let mut expected: Vec<(String, String)> = CHANNELS
        .iter()
        .map(|(file, name)| {
            let file = file.rsplit('/').next().unwrap();
            (
                (*name).to_owned(),
                format!("{file}: the driver has nothing to say (No such device or address (os error 6))"),
            )
        })
        .collect();
    // What is made of it is gone with it.
    expected.push(("power.bat0.power".to_owned(), expected[3].1.clone()));
    expected.sort();
    assert_eq!(said(&host), expected);
    assert_eq!(failing(&host), 0);
    assert_eq!(left.keys().collect::<Vec<_>>(), ["power.bat0.current", "temp.chip.1"]);
    drop(sockets);
    for ((file, _), text) in CHANNELS.iter().zip(["42000", "900", "41000", "3700000", "Discharging"]) {
        write(root.path(), file, text);
    }
    assert_eq!(round(&mut host, start.plus(Duration::from_secs(12))), whole);
    assert_eq!(round(&mut host, start.plus(Duration::from_secs(120))), whole);
    assert_eq!(said(&host), []);
}

#[test]
fn what_never_measured_is_counted_in_one_line_and_what_an_earlier_run_saw_is_told_by_name() {
    let root = machine();
    let mut sockets: Vec<UnixDatagram> = CHANNELS.iter().map(|(file, _)| mute(root.path(), file)).collect();
    sockets.extend((10..200).map(|number| mute(root.path(), &format!("hwmon/hwmon0/in{number}_input"))));
    let mut host = Host::new(root.path(), vec!["temp.chip.2".to_owned()]);
    host.remember(tempfile::tempdir().unwrap().path(), &[spec("fan.chip.1"), spec("power.bat0.voltage")]);
    let now = clock::now();
    // Two hundred are more than one round may hold on a busy machine.
    for seconds in 0..50 {
        round(&mut host, now.plus(Duration::from_secs(seconds)));
        if said(&host).iter().any(|(_, text)| text.contains("190 channels")) {
            break;
        }
    }
    let said = said(&host);
    let of = |source: &str| said.iter().filter(|(from, _)| from == source).map(|(_, text)| &**text).collect::<Vec<_>>();
    assert!(of("fan.chip.1")[0].starts_with("fan1_input: the driver has nothing to say"), "{said:?}");
    assert!(of("power.bat0.voltage")[0].starts_with("voltage_now: "), "{said:?}");
    let [chip] = of("hwmon")[..] else { panic!("{said:?}") };
    let begins = "/sys/class/hwmon/hwmon0: 190 channels never had anything to say: voltage.chip.10; voltage.chip.11; ";
    assert!(chip.starts_with(begins) && chip.ends_with(" more") && chip.len() <= 1_000, "{chip}");
    assert_eq!(of("thermal"), ["/sys/class/thermal: 1 channel never had anything to say: temp.wifi"]);
    assert_eq!(of("power"), ["/sys/class/power_supply: 1 channel never had anything to say: power.bat0.charging"]);
    assert_eq!((said.len(), failing(&host)), (5, 0), "{said:?}");
}

/// How many of the sources of this test fail; there is no `/proc`.
fn failing(host: &Host) -> usize {
    host.troubles().filter(|trouble| ["hwmon", "thermal", "power"].contains(&&*trouble.source)).count()
}

fn said(host: &Host) -> Vec<(String, String)> {
    let mut said: Vec<_> = host.remarks().map(|remark| (remark.source.clone(), remark.text.clone())).collect();
    said.sort();
    said
}

/// What is measured when all of it is back: on a busy machine a round may end before.
fn round(host: &mut Host, now: Now) -> BTreeMap<String, f64> {
    let mut samples = Samples::default();
    let mut values = BTreeMap::new();
    for _ in 0..20 {
        host.look(now, &mut samples, |_, _| {});
        values = samples.iter().map(|sample| (sample.name.to_owned(), sample.value)).collect();
        std::thread::sleep(Duration::from_millis(10));
    }
    values
}

/// Opening a socket says what a driver says whose chip is not there: no such device or address.
fn mute(root: &Path, file: &str) -> UnixDatagram {
    let path = root.join("sys/class").join(file);
    let _ = fs::remove_file(&path);
    UnixDatagram::bind(path).unwrap()
}

fn machine() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (file, text) in [
        ("hwmon/hwmon0/name", "chip"),
        ("hwmon/hwmon0/temp1_input", "41000"),
        ("hwmon/hwmon0/temp2_input", "42000"),
        ("hwmon/hwmon0/fan1_input", "900"),
        ("thermal/thermal_zone0/type", "wifi"),
        ("thermal/thermal_zone0/temp", "41000"),
        ("power_supply/BAT0/status", "Discharging"),
        ("power_supply/BAT0/voltage_now", "3700000"),
        ("power_supply/BAT0/current_now", "-500000"),
    ] {
        write(root.path(), file, text);
    }
    root
}

fn spec(name: &str) -> SensorSpec {
    SensorSpec { name: name.to_owned(), unit: String::new(), kind: SensorKind::Gauge, interval_ms: 1_000 }
}

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join("sys/class").join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(&path);
    fs::write(path, text).unwrap();
}
