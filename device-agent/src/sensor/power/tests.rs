use std::fs;

use super::*;

/// What a supply with these files gives, which of its sensors failed, and which were left out and why.
fn read(files: &[(&str, &str)]) -> (Vec<(String, f64)>, Vec<String>) {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("sys/class/power_supply/BAT0");
    fs::create_dir_all(&folder).unwrap();
    for (file, text) in files {
        fs::write(folder.join(file), text).unwrap();
    }
    let mut samples = Samples::default();
    sample(&mut Files::new(root.path(), "sys/class/power_supply/BAT0"), "bat0", &mut samples);
    let found = samples.iter().map(|sample| (sample.name.replace("power.bat0.", ""), sample.value));
    let failed = samples.failed.iter().map(|(name, _)| name.clone());
    let left_out = samples.left_out.iter().map(|(name, why)| format!("{name}: {why}"));
    (found.collect(), failed.chain(left_out).collect())
}

fn value(files: &[(&str, &str)], what: &str) -> Option<f64> {
    read(files).0.into_iter().find(|(name, _)| name == what).map(|(_, value)| value)
}

#[test]
fn power_is_current_times_voltage_and_its_sign_is_the_way_it_goes() {
    for (status, current, power) in [
        ("Discharging\n", "1250000\n", -15.0),
        ("Discharging\n", "-1250000\n", -15.0),
        ("Charging\n", "-1250000\n", 15.0),
        ("Charging\n", "1250000\n", 15.0),
        ("Not charging\n", "-1250000\n", -15.0),
    ] {
        let files = [("status", status), ("current_now", current), ("voltage_now", "12000000\n")];
        assert_eq!(value(&files, "power"), Some(power), "{status}{current}");
    }
    assert_eq!(value(&[("status", "Discharging"), ("power_now", "8000000")], "power"), Some(-8.0));
    let files = [("current_now", "300000"), ("voltage_now", "3700000")];
    assert_eq!((value(&files, "voltage"), value(&files, "power")), (Some(3.7), Some(1.11)));
}

#[test]
fn a_negative_number_without_its_sign_is_understood_and_what_cannot_be_is_dropped_and_named() {
    assert_eq!(value(&[("current_now", "4294966046")], "current"), Some(-0.00125));
    for (file, text, name) in [
        ("current_now", "18446744073709550366", "power.bat0.current"),
        ("voltage_now", "4294967295", "power.bat0.voltage"),
        ("capacity", "255", "power.bat0.charge_pct"),
        ("capacity", "-1", "power.bat0.charge_pct"),
        ("temp", "65535", "power.bat0.temp"),
        ("cycle_count", "4294967295", "power.bat0.cycles"),
        ("cycle_count", "65535", "power.bat0.cycles"),
    ] {
        assert_eq!(read(&[(file, text)]), (vec![], vec![name.to_owned()]), "{file} {text}");
    }
}

#[test]
fn charge_is_told_by_the_driver_or_counted_and_never_above_full() {
    assert_eq!(value(&[("capacity", "103")], "charge_pct"), Some(100.0));
    assert_eq!(value(&[("energy_now", "25000000"), ("energy_full", "50000000")], "charge_pct"), Some(50.0));
    assert_eq!(value(&[("charge_now", "1500000"), ("charge_full", "2000000")], "charge_pct"), Some(75.0));
    assert_eq!(value(&[("charge_now", "2050000"), ("charge_full", "2000000")], "charge_pct"), Some(100.0));
    let none = vec!["power.bat0.charge_pct: left out: charge_full says 0, so that nothing is a share of it".to_owned()];
    let unlearned = [("charge_now", "1500000"), ("charge_full", "0")];
    assert_eq!(read(&unlearned), (vec![("charge".to_owned(), 1.5)], none));
    let design = [unlearned[0], unlearned[1], ("charge_full_design", "3000000")];
    assert_eq!((value(&design, "charge_pct"), read(&design).1), (Some(50.0), vec![]));
    let design = [("charge_now", "1500000"), ("charge_full_design", "3000000")];
    assert_eq!(value(&design, "charge_pct"), Some(50.0));
    // More than fits is not believed, and said; another pair may be right.
    let mut files = vec![("energy_now", "60000000"), ("energy_full", "50000000")];
    assert_eq!(read(&files).1, ["power.bat0.charge_pct: left out: it holds 60 of 50"]);
    files.extend([("charge_now", "1500000"), ("charge_full", "3000000")]);
    assert_eq!(value(&files, "charge_pct"), Some(50.0));
}

#[test]
fn means_and_counters_are_told_where_there_is_nothing_else() {
    let files = [
        ("status", "Discharging"),
        ("power_avg", "8000000"),
        ("current_avg", "500000"),
        ("voltage_avg", "16000000"),
        ("charge_counter", "-2500000"),
    ];
    let found = [("voltage", 16.0), ("current", -0.5), ("power", -8.0), ("charge", -2.5), ("charging", 0.0)];
    assert_eq!(read(&files), (found.map(|(what, value)| (what.to_owned(), value)).into(), vec![]));
    let both = [("current_now", "100000"), ("current_avg", "500000")];
    assert_eq!(value(&both, "current"), Some(0.1));
}

#[test]
fn a_file_that_cannot_be_read_is_named_whatever_it_is() {
    for (file, what) in [
        ("online", "online"),
        ("present", "present"),
        ("cycle_count", "cycles"),
        ("energy_full", "charge_pct"),
        ("charge_counter", "charge"),
    ] {
        let files = [("energy_now", "60000000"), (file, "text")];
        assert_eq!(read(&files).1, [format!("power.bat0.{what}")], "{file}");
    }
}

#[test]
fn an_empty_bay_is_no_battery() {
    let files = [("present", "0"), ("capacity", "0"), ("status", "Unknown"), ("voltage_now", "0")];
    assert_eq!(read(&files), (vec![], vec![]));
    assert_eq!(value(&[("present", "1"), ("capacity", "40")], "charge_pct"), Some(40.0));
}
