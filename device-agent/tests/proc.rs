//! Numbers of `/proc` and of batteries that are true: percentages are percentages, and what cannot be is named, not stored.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use device_agent::clock;
use device_agent::sensor::{Host, Samples};

#[test]
fn an_iowait_that_falls_does_not_change_what_is_used() {
    let root = tempfile::tempdir().unwrap();
    let mut host = Host::new(root.path(), Vec::new());
    // 16 of 100 ticks are work each time; idle and iowait share the rest, and iowait falls.
    for (round, (idle, waiting)) in [(1_000, 500), (1_089, 495), (1_188, 480), (1_252, 500)].into_iter().enumerate() {
        let line = format!("cpu  {} 0 500 {idle} {waiting} 0 0 0 0 0\n", 1_000 + 16 * round);
        write(root.path(), "proc/stat", &line);
        let (values, _) = sample(&mut host);
        assert!(round == 0 || values["cpu.used_pct"] == 16.0, "round {round}: {}", values["cpu.used_pct"]);
    }
    write(root.path(), "proc/stat", "cpu  10 0 5 90 1 0 0 0 0 0\n");
    let (values, troubles) = sample(&mut host);
    assert!(!values.contains_key("cpu.used_pct") && troubles["cpu"].contains("fell"), "{troubles:?}");
    write(root.path(), "proc/stat", "cpu  60 0 5 140 1 0 0 0 0 0\n");
    assert_eq!(sample(&mut host).0["cpu.used_pct"], 50.0);
}

#[test]
fn memory_of_containers_and_of_zfs_is_a_percentage() {
    let root = tempfile::tempdir().unwrap();
    let mut host = Host::new(root.path(), Vec::new());
    let meminfo = |text: &str| write(root.path(), "proc/meminfo", text);
    meminfo("MemTotal: 1000 kB\nMemFree: 300 kB\nMemAvailable: 10670 kB\nBuffers: 0 kB\nCached: 100 kB\n");
    assert_eq!(sample(&mut host).0["mem.used_pct"], 60.0);
    meminfo("MemTotal: 1000 kB\nMemFree: 9000 kB\nMemAvailable: 10670 kB\nSwapTotal: 10 kB\nSwapFree: 20 kB\n");
    let (values, troubles) = sample(&mut host);
    assert!(!values.contains_key("mem.used_pct") && !values.contains_key("swap.used_pct"));
    assert!(troubles["memory"].contains("MemAvailable is more than MemTotal"), "{troubles:?}");
    meminfo("MemTotal: 1000 kB\nMemFree: 50 kB\nMemAvailable: 100 kB\n");
    assert_eq!(sample(&mut host).0["mem.used_pct"], 90.0);
    let arcstats = "13 1 0x01 123 33456 8 9\nname type data\nc_min 4 102400\nsize 4 614400\n";
    write(root.path(), "proc/spl/kstat/zfs/arcstats", arcstats);
    let (values, _) = sample(&mut host);
    assert_eq!((values["mem.used_pct"], values["mem.zfs_cache_bytes"]), (40.0, 614_400.0));
}

#[test]
fn a_battery_tells_power_by_current_and_voltage_and_an_empty_bay_tells_nothing() {
    let root = tempfile::tempdir().unwrap();
    let file = |path: &str, text: &str| write(root.path(), &format!("sys/class/power_supply/{path}"), text);
    for (path, text) in [
        ("BAT0/present", "1"),
        ("BAT0/status", "Discharging"),
        ("BAT0/current_now", "1250000"),
        ("BAT0/voltage_now", "12000000"),
        ("BAT0/charge_now", "1500000"),
        ("BAT0/charge_full", "2000000"),
        ("BAT1/present", "0"),
        ("BAT1/capacity", "0"),
        ("BAT2/current_now", "4294966046"),
        ("BAT2/capacity", "255"),
    ] {
        file(path, text);
    }
    let (values, troubles) = sample(&mut Host::new(root.path(), Vec::new()));
    assert_eq!((values["power.bat0.power"], values["power.bat0.charge_pct"]), (-15.0, 75.0));
    assert!(!values.keys().any(|name| name.starts_with("power.bat1")), "{values:?}");
    assert!((values["power.bat2.current"] + 0.00125).abs() < 1e-9 && !values.contains_key("power.bat2.charge_pct"));
    assert!(troubles["power"].contains("BAT2/capacity"), "{troubles:?}");
}

#[test]
fn cards_of_containers_are_left_out_unless_they_are_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let cards =
        ["eth0", "veth1a2b3c4", "br-1f0c9a7b2d3e", "cali0a1b2c3d4e5", "docker0", "vnet7", "ppp3", "wg0", "br-lan"];
    let lines: String = cards.iter().map(|card| format!("{card}: 9 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n")).collect();
    write(root.path(), "proc/net/dev", &format!("Inter-|\n face |\n{lines}"));
    let taken = |host: &mut Host| {
        let (values, _) = sample(host);
        let mut cards: Vec<String> =
            values.into_keys().filter_map(|name| Some(name.split('.').nth(1)?.to_owned())).collect();
        cards.sort_unstable();
        cards.dedup();
        cards
    };
    assert_eq!(taken(&mut Host::new(root.path(), Vec::new())), ["br-lan", "eth0", "ppp3", "wg0"]);
    let mut host = Host::new(root.path(), vec!["net.ppp*".into()]).including(vec!["net.docker0.*".into()]);
    assert_eq!(taken(&mut host), ["br-lan", "docker0", "eth0", "wg0"]);
}

/// What a round gives that is not skipped, and the troubles of its sources.
fn sample(host: &mut Host) -> (HashMap<String, f64>, HashMap<String, String>) {
    let mut samples = Samples::default();
    host.look(clock::now(), &mut samples, |_, _| {});
    let wanted = samples.iter().filter(|sample| !host.skips(sample.name));
    let values = wanted.map(|sample| (sample.name.to_owned(), sample.value)).collect();
    (values, host.troubles().map(|trouble| (trouble.source.clone(), trouble.error.clone())).collect())
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
