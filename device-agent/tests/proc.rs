//! Numbers of `/proc` and of batteries that are true: percentages are percentages, and what cannot be is named, not stored.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

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
fn a_counter_below_zero_is_left_out_and_a_line_of_zeros_is_named() {
    let root = tempfile::tempdir().unwrap();
    let mut host = Host::new(root.path(), Vec::new());
    let mut round = |line: &str| {
        write(root.path(), "proc/stat", line);
        sample(&mut host)
    };
    round("cpu  100 0 0 100 10 0 0 7 0 0\n");
    let (values, _) = round("cpu  115 0 0 180 18446744073709551610 0 0 7 0 0\n");
    assert_eq!((values["cpu.used_pct"], values["cpu.iowait_pct"]), (100.0 * 15.0 / 95.0, 0.0));
    let (values, _) = round("cpu  130 0 0 260 18446744073709551613 0 0 18446744073709551500 0 0\n");
    assert_eq!(values["cpu.used_pct"], 100.0 * 15.0 / 95.0);
    let (values, troubles) = round("cpu  0 0 0 0 0 0 0 0 0 0\n");
    assert!(!values.contains_key("cpu.used_pct"));
    assert!(troubles["cpu"].contains("/proc/stat: all counters of its line `cpu` are zero"), "{troubles:?}");
}

#[test]
fn a_file_that_is_not_there_is_named_with_what_the_system_said_in_every_round() {
    let root = tempfile::tempdir().unwrap();
    let mut host = Host::new(root.path(), Vec::new());
    for round in 0..3 {
        let (_, troubles) = sample(&mut host);
        for (source, file) in [("cpu", "stat"), ("memory", "meminfo"), ("load", "loadavg"), ("network", "net/dev")] {
            let said = format!("/proc/{file}: No such file or directory");
            assert!(troubles[source].contains(&said), "{source} in round {round}: {troubles:?}");
        }
    }
}

#[test]
fn the_cache_of_zfs_counts_in_the_memory_in_which_it_lies() {
    const GIB: u64 = 1 << 20;
    let used = |meminfo: &[(&str, u64)], arcstats: &[(&str, u64)]| {
        let root = tempfile::tempdir().unwrap();
        let lines = meminfo.iter().map(|(name, kib)| format!("{name}: {kib} kB\n"));
        write(root.path(), "proc/meminfo", &lines.collect::<String>());
        let rows = arcstats.iter().map(|(name, kib)| format!("{name} 4 {}\n", kib * 1024));
        let text = format!("13 1 0x01 123 33456 8 9\nname type data\n{}", rows.collect::<String>());
        write(root.path(), "proc/spl/kstat/zfs/arcstats", &text);
        let mut host = Host::new(root.path(), Vec::new());
        let (values, _) = sample(&mut host);
        let said: Vec<String> = host.remarks().map(|remark| remark.source.clone()).collect();
        (values["mem.used_pct"], values.get("mem.zfs_cache_bytes").copied(), said)
    };
    // A container of 64 GiB sees the cache of its host, which has 256.
    let container = [("MemTotal", 64 * GIB), ("MemFree", 9 * GIB), ("MemAvailable", 16 * GIB)];
    let cache = [("size", 30 * GIB), ("c_min", GIB), ("memory_all_bytes", 256 * GIB)];
    assert_eq!(used(&container, &cache), (75.0, None, vec!["mem.zfs_cache_bytes".to_owned()]));
    let older = [("size", 30 * GIB), ("c_min", GIB), ("c_max", 128 * GIB)];
    assert_eq!(used(&container, &older).0, 75.0);
    // A host whose cache overlaps with what the kernel calls available: it is there up to what programs leave.
    let host =
        [("MemTotal", 64 * GIB), ("MemAvailable", 24 * GIB), ("SReclaimable", 12 * GIB), ("AnonPages", 16 * GIB)];
    let cache = [("size", 44 * GIB), ("c_min", 2 * GIB), ("memory_all_bytes", 64 * GIB)];
    assert_eq!(used(&host, &cache), (25.0, Some((44 * GIB * 1024) as f64), vec![]));
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
    meminfo("MemTotal: 1000 kB\nMemAvailable: 10670 kB\n");
    assert!(sample(&mut host).1["memory"].contains("MemAvailable is more than MemTotal, and there is no MemFree"));
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
        ("BAT3/energy_now", "60000000"),
        ("BAT3/energy_full", "50000000"),
        ("BAT3/cycle_count", "4294967295"),
        ("BAT3/charge_counter", "-1500000"),
    ] {
        file(path, text);
    }
    let pipe = root.path().join("sys/class/power_supply/BAT3/online");
    rustix::fs::mkfifoat(rustix::fs::CWD, pipe, rustix::fs::Mode::RUSR).unwrap();
    let mut host = Host::new(root.path(), Vec::new());
    // A pipe among its files is known for what it is a second later.
    let end = clock::mono() + Duration::from_secs(20);
    let (values, troubles) = loop {
        let (values, troubles) = sample(&mut host);
        let is_said = troubles.get("power").is_some_and(|said| said.contains("BAT3/online: no answer"));
        if is_said && values.contains_key("power.bat0.power") && values.contains_key("power.bat3.energy") {
            break (values, troubles);
        }
        assert!(clock::mono() < end, "{values:?} {troubles:?}");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!((values["power.bat0.power"], values["power.bat0.charge_pct"]), (-15.0, 75.0));
    assert!(!values.keys().any(|name| name.starts_with("power.bat1")), "{values:?}");
    assert!((values["power.bat2.current"] + 0.00125).abs() < 1e-9 && !values.contains_key("power.bat2.charge_pct"));
    assert_eq!((values["power.bat3.energy"], values["power.bat3.charge"]), (60.0, -1.5));
    assert!(!values.contains_key("power.bat3.cycles") && !values.contains_key("power.bat3.online"), "{values:?}");
    for said in ["BAT2/capacity", "BAT3/online: no answer", "BAT3/cycle_count: 4294967295 is more"] {
        assert!(troubles["power"].contains(said), "{troubles:?}");
    }
    let said: Vec<(&str, &str)> = host.remarks().map(|remark| (&*remark.source, &*remark.text)).collect();
    assert_eq!(said, [("power.bat3.charge_pct", "left out: it holds 60 of 50")]);
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
#[test]
fn a_card_with_a_colon_in_its_name_is_no_other_card_and_a_line_that_is_none_is_named() {
    let root = tempfile::tempdir().unwrap();
    let mut host = Host::new(root.path(), Vec::new());
    let rest = "0 0 0 0 0 0 0 20 0 0 0 0 0 0 0";
    let lines = format!("  eth0:4294967295 {rest}\neth0:1: 9 {rest}\n  bad: 1 x {rest}\n");
    write(root.path(), "proc/net/dev", &format!("Inter-|\n face |\n{lines}"));
    let (values, _) = sample(&mut host);
    assert_eq!(values["net.eth0.rx_bytes"], 4_294_967_295.0, "{values:?}");
    let other =
        |(name, value): (&String, &f64)| name.starts_with("net.") && name.ends_with(".rx_bytes") && *value == 9.0;
    assert_eq!(values.iter().filter(|one| other(*one)).count(), 1, "{values:?}");
    assert!(!values.keys().any(|name| name.starts_with("net.bad")), "{values:?}");
}

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
