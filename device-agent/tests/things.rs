//! A series is a thing: what is measured keeps its series whatever number the kernel gives it, and each drop is told.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use device_agent::clock;
use device_agent::sensor::{Host, Samples};
use wire::{SensorKind, SensorSpec};

/// A chip with one temperature: its folder below `sys/devices`, what it calls itself, and what it measures.
type Chip<'a> = (&'a str, &'a str, i32);

const FIRST: &str = "pci0000:00/0000:01:00.0/nvme/nvme";
const SECOND: &str = "pci0000:00/0000:02:00.0/nvme/nvme";

#[test]
fn two_chips_of_one_name_keep_their_series_when_the_kernel_counts_anew_and_when_one_is_gone() {
    let state = tempfile::tempdir().unwrap();
    let boots: [&[Chip<'_>]; 3] = [
        &[(&format!("{FIRST}0/hwmon3"), "nvme", 41_850), (&format!("{SECOND}1/hwmon4"), "nvme", 63_850)],
        &[(&format!("{FIRST}1/hwmon5"), "nvme", 41_850), (&format!("{SECOND}0/hwmon2"), "nvme", 63_850)],
        &[(&format!("{SECOND}0/hwmon2"), "nvme", 63_850)],
    ];
    for chips in boots {
        let values = start(chips, state.path(), &[]);
        assert_eq!(values["temp.nvme-pci-0200.1"], 63.85);
        assert_eq!(values.get("temp.nvme-pci-0100.1"), (chips.len() > 1).then_some(&41.85));
        assert_eq!(values.len(), chips.len());
    }
}

#[test]
fn the_first_of_a_name_goes_on_under_it_when_another_comes_and_while_it_is_away() {
    let (state, earlier) = (tempfile::tempdir().unwrap(), ["temp.nvme.1"]);
    let (first, second) = (format!("{FIRST}0/hwmon0"), format!("{SECOND}1/hwmon1"));
    assert_eq!(start(&[(&first, "nvme", 41_000)], state.path(), &earlier)["temp.nvme.1"], 41.0);
    // The second is found first.
    let second_first = format!("{SECOND}0/hwmon0");
    let first_second = format!("{FIRST}1/hwmon1");
    let values = start(&[(&second_first, "nvme", 63_000), (&first_second, "nvme", 41_000)], state.path(), &earlier);
    assert_eq!((values["temp.nvme.1"], values["temp.nvme-pci-0200.1"]), (41.0, 63.0));
    let values = start(&[(&second, "nvme", 63_000)], state.path(), &earlier);
    assert_eq!(values.into_iter().collect::<Vec<_>>(), [("temp.nvme-pci-0200.1".to_owned(), 63.0)]);
}

#[test]
fn a_name_that_earlier_versions_gave_to_two_goes_to_neither_and_that_is_said() {
    let (state, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    plug(root.path(), &(&*format!("{FIRST}0/hwmon0"), "nvme", 41_000));
    let mut host = Host::new(root.path(), Vec::new());
    host.remember(state.path(), &["temp.nvme.1", "temp.nvme.1.2"].map(spec));
    assert_eq!(sample(&mut host)["temp.nvme-pci-0100.1"], 41.0);
    assert!(host.remarks().any(|remark| remark.source == "nvme-pci-0100" && remark.text.contains("mixed")));
}

#[test]
fn every_channel_that_is_listed_is_read_with_its_unit() {
    let root = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| write(root.path(), &format!("sys/class/hwmon/hwmon0/{name}"), text);
    file("name", "chip\n");
    for probe in [1, 2, 6, 10, 25, 49] {
        file(&format!("temp{probe}_input"), &format!("{}\n", 50_000 + probe));
        file(&format!("temp{probe}_label"), &format!("Core {probe}\n"));
    }
    for (name, text) in [
        ("fan2_input", "1200"),
        ("in0_input", "856"),
        ("curr1_input", "-1250"),
        ("power1_average", "15000000"),
        ("power2_average", "1"),
        ("power2_input", "2000000"),
        ("energy1_input", "123456789"),
        ("humidity1_input", "45000"),
        ("temp1_max", "100000"),
        ("pwm1", "128"),
    ] {
        file(name, text);
    }
    let mut samples = Samples::default();
    Host::new(root.path(), Vec::new()).look(clock::now(), &mut samples, |_, _| {});
    let found: BTreeMap<&str, _> = samples.iter().map(|one| (one.name, (one.value, one.unit, one.kind))).collect();
    for (name, value, unit) in [
        ("temp.chip.core_49", 50.049, "Cel"),
        ("fan.chip.2", 1200.0, "/min"),
        ("voltage.chip.0", 0.856, "V"),
        ("current.chip.1", -1.25, "A"),
        ("power.chip.1", 15.0, "W"),
        ("power.chip.2", 2.0, "W"),
        ("humidity.chip.1", 45.0, "%"),
    ] {
        assert_eq!(found[name], (value, unit, SensorKind::Gauge), "{name}");
    }
    assert_eq!(found["energy.chip.1"], (123.456_789, "J", SensorKind::Counter));
    assert_eq!(found.keys().filter(|name| name.starts_with("temp")).count(), 6, "{found:?}");
    assert_eq!(found.len(), 13);
}

#[test]
fn what_is_left_out_is_told_with_its_reason_and_is_no_failure() {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("hwmon0/name", "chip"),
        ("hwmon0/temp1_input", "3892314000"),
        ("hwmon0/temp1_label", "TSI2_TEMP"),
        ("hwmon0/temp2_input", "127000"),
        ("hwmon0/temp2_fault", "1"),
        ("hwmon0/temp3_input", "0"),
        ("hwmon0/temp3_enable", "0"),
        ("hwmon0/temp4_input", "127000"),
        ("hwmon0/temp4_fault", "0"),
        ("hwmon1/name", "w1_slave_temp"),
        ("hwmon1/temp1_input", "21000"),
    ] {
        write(root.path(), &format!("sys/class/hwmon/{name}"), text);
    }
    let mut host = Host::new(root.path(), vec!["temp.chip.3".to_owned()]);
    assert_eq!(sample(&mut host).into_iter().collect::<Vec<_>>(), [("temp.chip.4".to_owned(), 127.0)]);
    let said: Vec<(&str, &str)> = host.remarks().map(|remark| (&*remark.source, &*remark.text)).collect();
    assert_eq!(
        said,
        [
            ("temp.chip.tsi2_temp", "left out: 3892314 Cel cannot be"),
            ("temp.chip.2", "left out: temp2_fault says that its sensor is broken or not connected"),
        ]
    );
    assert!(host.troubles().all(|trouble| trouble.source != "hwmon"));
}

/// A boot with these chips: what each series says.
fn start(chips: &[Chip<'_>], state: &Path, earlier: &[&str]) -> BTreeMap<String, f64> {
    let root = tempfile::tempdir().unwrap();
    chips.iter().for_each(|chip| plug(root.path(), chip));
    let mut host = Host::new(root.path(), Vec::new());
    host.remember(state, &earlier.iter().copied().map(spec).collect::<Vec<_>>());
    sample(&mut host)
}

fn plug(root: &Path, (folder, name, value): &Chip<'_>) {
    write(root, &format!("sys/devices/{folder}/name"), name);
    write(root, &format!("sys/devices/{folder}/temp1_input"), &value.to_string());
    let folder = root.join("sys/devices").join(folder);
    symlink("..", folder.join("device")).unwrap();
    let class = root.join("sys/class/hwmon");
    fs::create_dir_all(&class).unwrap();
    symlink(&folder, class.join(folder.file_name().unwrap())).unwrap();
}

fn spec(name: &str) -> SensorSpec {
    SensorSpec { name: name.to_owned(), unit: "Cel".to_owned(), kind: SensorKind::Gauge, interval_ms: 1_000 }
}

fn sample(host: &mut Host) -> BTreeMap<String, f64> {
    let mut samples = Samples::default();
    host.look(clock::now(), &mut samples, |_, _| {});
    samples.iter().map(|sample| (sample.name.to_owned(), sample.value)).collect()
}

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}
