//! A series is a thing: what is measured keeps its series whatever number the kernel gives it, and each drop is told.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use device_agent::clock;
use device_agent::sensor::{Host, Samples};
use wire::{SensorKind, SensorSpec};

/// A chip with one temperature: its folder below `sys/devices`, what it calls itself, and what it measures.
type Chip<'a> = (&'a str, &'a str, i32);

/// Where a chip and its device are: by a number that stays, and one that the kernel counts.
type Place<'a> = &'a dyn Fn(u32, u32) -> (String, String);

/// Files of a device, and what is in them.
type Files = &'static [(&'static str, &'static str)];

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
fn what_a_driver_counts_in_its_name_or_an_adapter_in_its_address_is_no_part_of_a_name() {
    let radio = |at: u32, phy: u32| format!("pci0000:00/0000:0{at}:00.0/ieee80211/phy{phy}/hwmon{phy}");
    let drive = |target: u32, host: u32, number: u32| {
        format!(
            "pci0000:00/0000:00:17.0/ata1/host{host}/target{host}:0:{target}/{host}:0:{target}:0/hwmon/hwmon{number}"
        )
    };
    let state = tempfile::tempdir().unwrap();
    let boot = |first: u32, second: u32, host: u32| {
        let (one, other) = (radio(3, first), radio(4, second));
        let names = [first, second].map(|phy| format!("mt7921_phy{phy}"));
        let (upper, lower) = (drive(0, host, 7), drive(1, host, 8));
        let chips = [
            (&*one, &*names[0], 55_000),
            (&other, &names[1], 57_000),
            (&upper, "drivetemp", 41_000),
            (&lower, "drivetemp", 44_000),
        ];
        start(&chips, state.path(), &[])
    };
    let values = boot(0, 1, 6);
    let expected = [
        ("temp.drivetemp-0:0:0.1", 41.0),
        ("temp.drivetemp-0:1:0.1", 44.0),
        ("temp.mt7921-pci-0300.1", 55.0),
        ("temp.mt7921-pci-0400.1", 57.0),
    ];
    assert_eq!(values.into_iter().collect::<Vec<_>>(), expected.map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(boot(1, 0, 9), boot(0, 1, 6));
}

#[test]
fn a_name_with_a_counted_number_goes_on_where_it_can_be_told_whose_it_was() {
    let radio = |at: u32, phy: u32| format!("pci0000:00/0000:0{at}:00.0/ieee80211/phy{phy}/hwmon{phy}");
    // An earlier version remembered them by the address too.
    let state = tempfile::tempdir().unwrap();
    let line = |at: u32, phy: u32, word: &str| {
        format!(
            "{{\"class\":\"hwmon\",\"base\":\"mt7921_phy{phy}\",\"identity\":\"way pci0000:00/0000:0{at}:00.0/ieee80211\",\"word\":\"{word}\"}}\n"
        )
    };
    let things = line(3, 0, "mt7921_phy0") + &line(4, 1, "mt7921_phy1");
    fs::write(state.path().join("things"), things).unwrap();
    let (one, other) = (radio(3, 1), radio(4, 0));
    let chips = [(&*one, "mt7921_phy1", 55_000), (&*other, "mt7921_phy0", 57_000)];
    for _ in 0..2 {
        let values = start(&chips, state.path(), &["temp.mt7921_phy0.1", "temp.mt7921_phy1.1"]);
        assert_eq!((values["temp.mt7921_phy0.1"], values["temp.mt7921_phy1.1"]), (55.0, 57.0), "{values:?}");
    }
    // One before that remembered nothing but the names of sensors.
    let state = tempfile::tempdir().unwrap();
    let alone = radio(3, 4);
    for _ in 0..2 {
        let values = start(&[(&*alone, "mt7921_phy4", 55_000)], state.path(), &["temp.mt7921_phy0.1"]);
        assert_eq!(values.into_iter().collect::<Vec<_>>(), [("temp.mt7921_phy0.1".to_owned(), 55.0)]);
    }
    // Two drives had a name each by numbers of their adapters: nobody knows whose is whose.
    let state = tempfile::tempdir().unwrap();
    let given = |host: u32, word: &str| {
        format!(
            "{{\"class\":\"hwmon\",\"base\":\"drivetemp\",\"identity\":\"way pci0000:00/0000:00:17.0/{host}:0:0:0\",\"word\":\"{word}\"}}\n"
        )
    };
    let things = given(3, "drivetemp") + &given(4, "drivetemp-4:0:0:0");
    fs::write(state.path().join("things"), things).unwrap();
    let root = tempfile::tempdir().unwrap();
    for (host, value) in [(4, 41_000), (5, 44_000)] {
        let place =
            format!("pci0000:00/0000:00:17.0/ata{host}/host{host}/target{host}:0:0/{host}:0:0:0/hwmon/hwmon{host}");
        plug(root.path(), &(&*place, "drivetemp", value));
    }
    let mut host = Host::new(root.path(), Vec::new());
    host.remember(state.path(), &["temp.drivetemp.1", "temp.drivetemp-4:0:0:0.1"].map(spec));
    let values = sample(&mut host);
    assert!(values.len() == 2 && !values.contains_key("temp.drivetemp.1"), "{values:?}");
    let told = |what: &str| host.remarks().filter(|remark| remark.text.contains(what)).count();
    assert_eq!((told("cannot be told apart"), told("a number that the kernel counts")), (2, 2), "{values:?}");
}

#[test]
fn of_things_with_one_serial_number_each_goes_by_its_place() {
    let usb = "pci0000:00/0000:00:14.0/usb1";
    // One maker's sticks, drives of another, a bridge that writes no number: name of the chip, its folder, device with the files.
    let kinds: [(&str, Place<'_>, Files); 3] = [
        (
            "stick",
            &|place, _| (format!("{usb}/1-{place}/1-{place}:1.0/hwmon"), format!("{usb}/1-{place}")),
            &[("serial", "0123456789ABCDEF\n"), ("product", "TEMPer\n")],
        ),
        (
            "nvme",
            &|place, count| {
                let device = format!("pci0000:00/0000:0{place}:00.0/nvme/nvme{count}");
                (device.clone(), device)
            },
            &[("serial", "1234567890\n"), ("model", "Cheap SSD\n")],
        ),
        (
            "drivetemp",
            &|place, count| {
                let device =
                    format!("pci0000:00/0000:00:17.{place}/ata{count}/host{count}/target{count}:0:0/{count}:0:0:0");
                (format!("{device}/hwmon"), device)
            },
            &[("wwid", "t10.ATA     Bridge\n"), ("model", "Bridge\n")],
        ),
    ];
    for (name, at, files) in kinds {
        let state = tempfile::tempdir().unwrap();
        // Which of them are there, in the order in which the kernel counts.
        let boot = |places: &[u32]| {
            let root = tempfile::tempdir().unwrap();
            for (count, place) in places.iter().enumerate() {
                let (folder, device) = at(*place, count as u32);
                plug(root.path(), &(&*format!("{folder}/hwmon{count}"), name, 20_000 * *place as i32));
                let link = root.path().join("sys/devices").join(&folder).join(format!("hwmon{count}/device"));
                fs::remove_file(&link).unwrap();
                symlink(root.path().join("sys/devices").join(&device), &link).unwrap();
                for (file, text) in files {
                    write(root.path(), &format!("sys/devices/{device}/{file}"), text);
                }
            }
            let mut host = Host::new(root.path(), Vec::new());
            host.remember(state.path(), &[]);
            let values = sample(&mut host);
            assert_eq!(host.remarks().count(), 0, "they are told apart");
            values
        };
        let short = format!("temp.{name}.1");
        let other = |values: &BTreeMap<String, f64>| values.keys().find(|name| **name != short).cloned();
        // The first is alone, and moves about; then the second comes, and is found first.
        assert_eq!(boot(&[3])[&short], 60.0, "{name}");
        assert_eq!(boot(&[1])[&short], 20.0, "{name}");
        let both = boot(&[2, 1]);
        let second = other(&both).unwrap();
        assert_eq!((both[&short], both[&second], both.len()), (20.0, 40.0, 2), "{both:?}");
        assert_eq!(boot(&[1, 2]), both);
        let alone = boot(&[2]);
        assert_eq!((alone[&second], alone.len()), (40.0, 1), "{alone:?}");
        // Each alone is who it was, and one at a third place is neither.
        assert_eq!(boot(&[1])[&short], 20.0);
        let third = boot(&[4]);
        assert!(third.len() == 1 && !third.contains_key(&short) && !third.contains_key(&second), "{third:?}");
    }
}

#[test]
fn one_serial_number_of_two_that_are_found_one_after_the_other_goes_to_where_it_was() {
    let (state, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let drive = |place: u32| {
        let device = format!("pci0000:00/0000:0{place}:00.0/nvme/nvme{place}");
        plug(root.path(), &(&*format!("{device}/hwmon{place}"), "nvme", 20_000 * place as i32));
        write(root.path(), &format!("sys/devices/{device}/serial"), "1234567890");
    };
    let begin = || {
        let mut host = Host::new(root.path(), Vec::new());
        host.remember(state.path(), &[]);
        host
    };
    drive(1);
    assert_eq!(sample(&mut begin())["temp.nvme.1"], 20.0);
    // At the next start another is there earlier.
    let link = root.path().join("sys/class/hwmon/hwmon1");
    let first = fs::read_link(&link).unwrap();
    fs::remove_file(&link).unwrap();
    drive(2);
    let mut host = begin();
    assert_eq!(sample(&mut host)["temp.nvme.1"], 40.0, "it may have been moved");
    symlink(first, link).unwrap();
    let values = sample(&mut host);
    assert_eq!((values["temp.nvme.1"], values["temp.nvme-pci-0200.1"]), (20.0, 40.0), "{values:?}");
    assert_eq!(sample(&mut begin()), values);
}

#[test]
fn a_number_of_zeros_is_none_and_the_name_of_a_drive_that_went_by_it_goes_on() {
    let state = tempfile::tempdir().unwrap();
    let given = "{\"class\":\"hwmon\",\"base\":\"drivetemp\",\"identity\":\"serial Bridge naa.0000000000000000\",\"word\":\"drivetemp\"}\n";
    fs::write(state.path().join("things"), given).unwrap();
    let boot = |drives: &[(u32, u32)]| {
        let root = tempfile::tempdir().unwrap();
        for (place, count) in drives {
            let device =
                format!("pci0000:00/0000:00:17.{place}/ata{count}/host{count}/target{count}:0:0/{count}:0:0:0");
            plug(root.path(), &(&*format!("{device}/hwmon{count}"), "drivetemp", 20_000 + 1_000 * *place as i32));
            write(root.path(), &format!("sys/devices/{device}/wwid"), "naa.0000000000000000\n");
            write(root.path(), &format!("sys/devices/{device}/model"), "Bridge\n");
        }
        let mut host = Host::new(root.path(), Vec::new());
        host.remember(state.path(), &[spec("temp.drivetemp.1")]);
        sample(&mut host)
    };
    assert_eq!(boot(&[(1, 3)])["temp.drivetemp.1"], 21.0);
    let both = boot(&[(0, 3), (1, 4)]);
    assert_eq!((both["temp.drivetemp.1"], both.len()), (21.0, 2), "{both:?}");
    assert_eq!(boot(&[(0, 4), (1, 3)]), both);
}

#[test]
fn two_batteries_with_one_serial_number_are_two() {
    let (state, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (name, charge) in [("hidpp_battery_0", "50"), ("hidpp_battery_1", "90")] {
        for (file, text) in [("scope", "Device"), ("serial_number", "12345678"), ("capacity", charge)] {
            write(root.path(), &format!("sys/class/power_supply/{name}/{file}"), text);
        }
    }
    let expected = [("power.hidpp_battery_0.charge_pct", 50.0), ("power.hidpp_battery_1.charge_pct", 90.0)];
    for _ in 0..3 {
        let mut host = Host::new(root.path(), Vec::new());
        host.remember(state.path(), &[]);
        let values = sample(&mut host);
        assert_eq!(values.iter().map(|(name, value)| (&**name, *value)).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_name_or_a_serial_number_that_cannot_be_read_is_said_and_changes_no_name() {
    let (state, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = format!("{FIRST}0/hwmon0");
    plug(root.path(), &(&*first, "nvme", 41_000));
    plug(root.path(), &("platform/nct.656/hwmon/hwmon1", "nct6798", 42_000));
    plug(root.path(), &("pci0000:00/0000:00:18.3/hwmon/hwmon2", "k10temp", 43_000));
    let serial = format!("sys/devices/{FIRST}0/serial");
    write(root.path(), &serial, "S6B0NX0R");
    write(root.path(), "sys/class/thermal/thermal_zone0/type", "acpitz");
    write(root.path(), "sys/class/thermal/thermal_zone0/temp", "44000");
    let expected = [("temp.acpitz", 44.0), ("temp.k10temp.1", 43.0), ("temp.nct6798.1", 42.0), ("temp.nvme.1", 41.0)];
    let boot = |told: &[&str]| {
        let mut host = Host::new(root.path(), Vec::new());
        host.remember(state.path(), &[]);
        let values = sample(&mut host);
        for file in told {
            assert!(
                host.troubles().any(|trouble| trouble.error.contains(file)),
                "{:?}",
                host.troubles().collect::<Vec<_>>()
            );
        }
        assert_eq!(host.troubles().any(|trouble| trouble.error.contains("sys/")), !told.is_empty());
        values
    };
    let named = |values: &BTreeMap<String, f64>| values.clone().into_iter().collect::<Vec<_>>();
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(named(&boot(&[])), expected);
    // A folder in the place of a file cannot be read as one.
    for file in [&*serial, "sys/devices/platform/nct.656/hwmon/hwmon1/name"] {
        fs::remove_file(root.path().join(file)).unwrap();
        fs::create_dir(root.path().join(file)).unwrap();
    }
    assert_eq!(named(&boot(&["nvme0/serial: ", "hwmon1/name: "])), expected);
    // Of a zone that nothing tells from its like, and of a chip that was never here, nothing else is known.
    plug(root.path(), &("platform/new.1/hwmon/hwmon3", "new", 45_000));
    for file in ["sys/class/thermal/thermal_zone0/type", "sys/class/hwmon/hwmon3/name"] {
        fs::remove_file(root.path().join(file)).unwrap();
        fs::create_dir(root.path().join(file)).unwrap();
    }
    let values = boot(&["thermal_zone0/type: ", "hwmon3/name: "]);
    assert_eq!((values.get("temp.zone"), values.len()), (Some(&44.0), 5), "{values:?}");
}

#[test]
fn channels_of_multiplexers_are_who_they_are_whatever_number_their_bus_has() {
    let (state, old) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // Two multiplexers on one bus, of two channels each, with a chip at the same address behind every one.
    let boot = |bus: u32, first: u32| {
        let root = tempfile::tempdir().unwrap();
        let parent = format!("platform/AMDI0010:00/i2c-{bus}");
        write(root.path(), &format!("sys/devices/{parent}/name"), "Synopsys DesignWare I2C adapter\n");
        for place in 0..4_u32 {
            // The kernel counts the other way round the next time.
            let number = first + if bus == 1 { place } else { 3 - place };
            let adapter = format!("{parent}/i2c-{number}");
            let name = format!("i2c-{bus}-mux (chan_id {})\n", place % 2);
            write(root.path(), &format!("sys/devices/{adapter}/name"), &name);
            let multiplexer = format!("{parent}/{bus}-007{}", place / 2);
            fs::create_dir_all(root.path().join("sys/devices").join(&multiplexer)).unwrap();
            let link = root.path().join("sys/devices").join(&adapter).join("mux_device");
            symlink(root.path().join("sys/devices").join(&multiplexer), link).unwrap();
            let chip = format!("{adapter}/{number}-0048/hwmon{number}");
            plug(root.path(), &(&*chip, "lm75", 21_000 + 10_000 * place as i32));
        }
        let mut host = Host::new(root.path(), Vec::new());
        host.remember(state.path(), &[]);
        let values = sample(&mut host);
        assert!(!host.remarks().any(|remark| remark.text.contains("cannot be told apart")), "{values:?}");
        values
    };
    let values = boot(1, 11);
    let named: Vec<(&str, f64)> = values.iter().map(|(name, value)| (&**name, *value)).collect();
    let expected = [
        ("temp.lm75-i2c-48-mux-70-0.1", 21.0),
        ("temp.lm75-i2c-48-mux-70-1.1", 31.0),
        ("temp.lm75-i2c-48-mux-71-0.1", 41.0),
        ("temp.lm75-i2c-48-mux-71-1.1", 51.0),
    ];
    assert_eq!(named, expected);
    assert_eq!(boot(3, 21), values);
    // Of one multiplexer, an earlier version knew its channels by the number of the bus too: their names go on.
    let given = |channel: u32, word: &str| {
        let way = "way platform/AMDI0010:00/Synopsys DesignWare I2C adapter/i2c-1-mux";
        format!(
            "{{\"class\":\"hwmon\",\"base\":\"lm75\",\"identity\":\"{way} (chan_id {channel})/i2c-48\",\"word\":\"{word}\"}}\n"
        )
    };
    let words = ["lm75-i2c-48-i2c-1-mux__chan_id_0_", "lm75-i2c-48-i2c-1-mux__chan_id_1_"];
    fs::write(old.path().join("things"), given(0, words[0]) + &given(1, words[1])).unwrap();
    let root = tempfile::tempdir().unwrap();
    for channel in 0..2_u32 {
        let number = 12 - channel;
        let adapter = format!("platform/AMDI0010:00/i2c-3/i2c-{number}");
        write(root.path(), &format!("sys/devices/{adapter}/name"), &format!("i2c-3-mux (chan_id {channel})\n"));
        write(root.path(), "sys/devices/platform/AMDI0010:00/i2c-3/name", "Synopsys DesignWare I2C adapter\n");
        let chip = format!("{adapter}/{number}-0048/hwmon{number}");
        plug(root.path(), &(&*chip, "lm75", 21_000 + 10_000 * channel as i32));
    }
    for _ in 0..2 {
        let mut host = Host::new(root.path(), Vec::new());
        host.remember(old.path(), &words.map(|word| format!("temp.{word}.1")).each_ref().map(|name| spec(name)));
        let values = sample(&mut host);
        let found = words.map(|word| values.get(&format!("temp.{word}.1")).copied());
        assert_eq!((found, values.len()), ([Some(21.0), Some(31.0)], 2), "{values:?}");
    }
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

#[test]
fn batteries_whose_names_begin_alike_are_two_and_stay_who_they_are() {
    let state = tempfile::tempdir().unwrap();
    for kind in ["ps-controller-battery-4c:b9:9b:00:11:", "sony_controller_battery_4c:b9:9b:00:11:"] {
        let boot = |batteries: &[(&str, &str)]| {
            let root = tempfile::tempdir().unwrap();
            for (end, charge) in batteries {
                let file = |name: &str| format!("sys/class/power_supply/{kind}{end}/{name}");
                write(root.path(), &file("scope"), "Device");
                write(root.path(), &file("capacity"), charge);
            }
            let mut host = Host::new(root.path(), Vec::new());
            host.remember(state.path(), &[]);
            let values = sample(&mut host);
            assert_eq!(host.remarks().count(), 0, "they are told apart");
            values
        };
        let both = boot(&[("aa", "50"), ("bb", "90")]);
        assert!(both.len() == 2 && both.keys().all(|name| name.len() <= 64), "{both:?}");
        let other = boot(&[("bb", "90")]);
        assert_eq!(
            other.iter().collect::<Vec<_>>(),
            both.iter().filter(|(_, charge)| **charge == 90.0).collect::<Vec<_>>()
        );
    }
}

#[test]
fn channels_of_one_label_go_by_their_numbers_from_the_start_and_when_one_is_gone() {
    let (state, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = |name: &str, text: &str| write(root.path(), &format!("sys/class/hwmon/hwmon0/{name}"), text);
    for (name, text) in [
        ("name", "chip"),
        ("temp1_input", "41000"),
        ("temp1_label", "Core 0"),
        ("temp2_input", "42000"),
        ("temp2_label", "Core 0"),
        ("temp3_input", "43000"),
        ("temp3_label", "///"),
    ] {
        file(name, text);
    }
    let begin = || {
        let mut host = Host::new(root.path(), Vec::new());
        host.remember(state.path(), &[]);
        host
    };
    let mut host = begin();
    let two = [("temp.chip.3", 43.0), ("temp.chip.core_0-1", 41.0), ("temp.chip.core_0-2", 42.0)];
    let pairs = |values: BTreeMap<String, f64>| values.into_iter().collect::<Vec<_>>();
    let told =
        |values: &[(&str, f64)]| values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect::<Vec<_>>();
    assert_eq!(pairs(sample(&mut host)), told(&two));
    for name in ["temp1_input", "temp1_label"] {
        fs::remove_file(root.path().join("sys/class/hwmon/hwmon0").join(name)).unwrap();
    }
    let one = [two[0], two[2]];
    assert_eq!(pairs(sample(&mut host)), told(&one));
    assert_eq!(pairs(sample(&mut begin())), told(&one));
}

#[test]
fn a_label_that_cannot_be_read_at_a_start_changes_no_name_then_or_later() {
    for silent in ["empty", "unreadable", "no answer", "missing"] {
        let (state, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = |name: &str| root.path().join("sys/class/hwmon/hwmon0").join(name);
        for (name, text) in [
            ("name", "chip"),
            ("temp1_input", "41000"),
            ("temp1_label", "Core 0"),
            ("temp2_input", "42000"),
            ("temp3_input", "43000"),
            ("temp3_label", "Board"),
        ] {
            write(root.path(), &format!("sys/class/hwmon/hwmon0/{name}"), text);
        }
        let label = |name: &str, text: Option<&str>| {
            let path = file(&format!("{name}_label"));
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
            match (text, silent) {
                (Some(text), _) => fs::write(&path, text).unwrap(),
                (None, "empty") => fs::write(&path, "\n").unwrap(),
                (None, "unreadable") => fs::create_dir(&path).unwrap(),
                (None, "missing") => {}
                (None, _) => rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap(),
            }
        };
        let boot = |many: usize| {
            let mut host = Host::new(root.path(), Vec::new());
            host.remember(state.path(), &[]);
            let deadline = clock::now().mono + Duration::from_secs(60);
            loop {
                // A pipe is waited for.
                let values = sample(&mut host);
                if values.len() == many {
                    return values;
                }
                assert!(clock::now().mono < deadline, "{silent} {values:?}");
            }
        };
        // Silent at the first start, and at the third.
        label("temp2", if silent == "missing" { Some("Core 0") } else { None });
        let first = boot(if silent == "no answer" { 2 } else { 3 });
        label("temp2", Some("Core 0"));
        let second = boot(3);
        assert!(first.iter().all(|(name, value)| second.get(name) == Some(value)), "{silent} {first:?} {second:?}");
        for name in ["temp1", "temp2", "temp3"] {
            label(name, None);
        }
        assert_eq!(boot(3), second, "{silent}");
        // One that says something else is another.
        label("temp1", Some("Core 1"));
        label("temp2", Some("Core 0"));
        label("temp3", Some("Board"));
        let mut third = boot(3);
        assert_eq!((third.remove("temp.chip.core_1"), third.remove("temp.chip.board")), (Some(41.0), Some(43.0)));
        assert!(third.iter().all(|(name, value)| second.get(name) == Some(value)), "{silent} {second:?} {third:?}");
    }
}

#[test]
fn zones_that_nothing_tells_apart_are_all_marked_and_no_other_is() {
    let root = tempfile::tempdir().unwrap();
    for (zone, kind) in ["x86_pkg_temp", "pch", "x86_pkg_temp"].iter().enumerate() {
        write(root.path(), &format!("sys/class/thermal/thermal_zone{zone}/type"), kind);
        write(root.path(), &format!("sys/class/thermal/thermal_zone{zone}/temp"), &format!("4{zone}000"));
    }
    let mut host = Host::new(root.path(), Vec::new());
    let values = sample(&mut host).into_iter().collect::<Vec<_>>();
    let all = [("temp.pch", 41.0), ("temp.x86_pkg_temp", 40.0), ("temp.x86_pkg_temp.2", 42.0)];
    assert_eq!(values, all.map(|(name, value)| (name.to_owned(), value)));
    let marked = host.remarks().filter(|remark| remark.text.contains("may be swapped"));
    assert_eq!(marked.map(|remark| &*remark.source).collect::<Vec<_>>(), [all[1].0, all[2].0]);
}

#[test]
fn a_name_has_one_source_across_devices_and_classes_and_after_a_restart() {
    let (state, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (path, text) in [
        ("thermal/thermal_zone0/type", "acpitz"),
        ("thermal/thermal_zone0/temp", "31000"),
        ("thermal/thermal_zone1/type", "acpitz"),
        ("thermal/thermal_zone1/temp", "32000"),
        ("hwmon/hwmon0/name", "acpitz"),
        ("hwmon/hwmon0/temp1_input", "41000"),
        ("hwmon/hwmon0/temp2_input", "42000"),
        ("hwmon/hwmon1/name", "foo"),
        ("hwmon/hwmon1/temp1_input", "51000"),
        ("hwmon/hwmon1/temp1_label", "A"),
        ("hwmon/hwmon1/temp2_input", "52000"),
        ("hwmon/hwmon1/temp2_label", "A"),
        ("hwmon/hwmon2/name", "foo"),
        ("hwmon/hwmon2/temp1_input", "53000"),
        ("hwmon/hwmon2/temp1_label", "A"),
        ("hwmon/hwmon2/temp2_input", "54000"),
        ("hwmon/hwmon2/temp2_label", "A"),
    ] {
        write(root.path(), &format!("sys/class/{path}"), text);
    }
    let boot = || {
        let mut host = Host::new(root.path(), Vec::new());
        host.remember(state.path(), &[]);
        sample(&mut host)
    };
    let first = boot();
    assert_eq!((first.len(), first["temp.acpitz.1"]), (8, 41.0), "{first:?}");
    for _ in 0..3 {
        assert_eq!(boot(), first);
    }
}

#[test]
fn a_supply_and_a_chip_that_would_be_called_alike_are_two_whoever_came_first() {
    let chip = [
        ("hwmon/hwmon0/name", "bat0"),
        ("hwmon/hwmon0/power1_input", "7000000"),
        ("hwmon/hwmon0/power1_label", "Power"),
    ];
    let supply = [("power_supply/BAT0/power_now", "9000000"), ("power_supply/BAT0/capacity", "50")];
    for starts in
        [vec!["both"], vec!["chip", "both"], vec!["supply", "both"], vec!["supply", "chip"], vec!["chip", "supply"]]
    {
        let state = tempfile::tempdir().unwrap();
        let mut known: BTreeMap<String, f64> = BTreeMap::new();
        for there in starts.iter().chain(["both", "supply", "chip", "both", "chip"].iter()) {
            let root = tempfile::tempdir().unwrap();
            let chip = chip.iter().filter(|_| *there != "supply");
            for (path, text) in chip.chain(supply.iter().filter(|_| *there != "chip")) {
                write(root.path(), &format!("sys/class/{path}"), text);
            }
            let mut host = Host::new(root.path(), Vec::new());
            host.remember(state.path(), &[]);
            for (name, value) in sample(&mut host) {
                assert_eq!(*known.entry(name.clone()).or_insert(value), value, "{name} at {there} of {starts:?}");
            }
        }
        let mut values: Vec<f64> = known.values().copied().collect();
        values.sort_by(f64::total_cmp);
        assert_eq!(values, [7.0, 9.0, 50.0], "{starts:?} {known:?}");
        let short = known.get("power.bat0.power").copied();
        assert!(
            matches!((starts[0], short), ("chip", Some(7.0)) | ("supply", Some(9.0)) | ("both", Some(_))),
            "{known:?}"
        );
        assert!(starts[0] == "chip" || known.contains_key("power.bat0.charge_pct"), "{known:?}");
    }
}

#[test]
fn what_is_told_from_another_has_a_name_that_a_sensor_may_have_however_long_its_parts_are() {
    let root = tempfile::tempdir().unwrap();
    let (chip, label, supply) = ("c".repeat(30), "x".repeat(22), "s".repeat(31));
    for (path, text) in [
        ("hwmon/hwmon0/name", &*chip),
        ("hwmon/hwmon0/temp1_input", "41000"),
        ("hwmon/hwmon0/temp1_label", &*label),
        ("hwmon/hwmon0/temp2_input", "42000"),
        ("hwmon/hwmon0/temp2_label", &*label),
        ("hwmon/hwmon0/temp3_input", "43000"),
        // As the first is called because there is a second.
        ("hwmon/hwmon0/temp3_label", &*format!("{label}-1")),
        (&*format!("power_supply/{supply}a/scope"), "Device"),
        (&*format!("power_supply/{supply}a/serial_number"), "0123456789abcdef0123"),
        (&*format!("power_supply/{supply}a/capacity"), "44"),
        (&*format!("power_supply/{supply}A/scope"), "Device"),
        (&*format!("power_supply/{supply}A/serial_number"), "0123456789abcdef4567"),
        (&*format!("power_supply/{supply}A/capacity"), "45"),
    ] {
        write(root.path(), &format!("sys/class/{path}"), text);
    }
    let values = sample(&mut Host::new(root.path(), Vec::new()));
    let mut found: Vec<f64> = values.values().copied().collect();
    found.sort_by(f64::total_cmp);
    assert_eq!(found, [41.0, 42.0, 43.0, 44.0, 45.0], "{values:?}");
    assert!(values.keys().all(|name| name.len() <= SensorSpec::NAME_LIMIT), "{values:?}");
}

#[test]
fn cards_that_are_written_alike_are_two_counters() {
    let root = tempfile::tempdir().unwrap();
    let card = |name: &str, bytes: u32| format!("  {name}: {bytes} 9 1 0 0 0 0 0 2000 8 2 0 0 0 0 0\n");
    write(root.path(), "proc/net/dev", &format!("a\nb\n{}{}", card("eth0.7", 1000), card("eth0_7", 3000)));
    let values = sample(&mut Host::new(root.path(), Vec::new()));
    let received: Vec<f64> =
        values.iter().filter(|(name, _)| name.ends_with("rx_bytes")).map(|(_, value)| *value).collect();
    assert!(received.contains(&1000.0) && received.contains(&3000.0) && values.len() == 6, "{values:?}");
}

#[test]
fn a_disk_keeps_its_name_when_another_comes_that_is_written_alike() {
    let (state, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in ["mnt/Data", "mnt/data", "root", "proc/self"] {
        fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    let long = "mnt/a-very-long-path-of-a-disk-of-this-machine";
    let longs = [format!("{long}/one"), format!("{long}/other")];
    longs.iter().for_each(|folder| fs::create_dir_all(root.path().join(folder)).unwrap());
    let boot = |points: &[&str]| {
        let line = |(at, point): (usize, &&str)| format!("{at} 1 8:{at} / /{point} rw - ext4 /dev/sda{at} rw\n");
        write(root.path(), "proc/self/mountinfo", &points.iter().enumerate().map(line).collect::<String>());
        let mut host = Host::new(root.path(), Vec::new());
        host.remember(state.path(), &[]);
        let values = sample(&mut host).into_keys();
        values.filter_map(|name| name.strip_suffix(".used_pct").map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(boot(&["", "mnt/Data"]), ["disk.mnt_data", "disk.root"]);
    let both = boot(&["mnt/data", "mnt/Data"]);
    assert!(both[1] == "disk.mnt_data" && both[0].starts_with("disk.mnt_data-"), "{both:?}");
    assert_eq!(boot(&["mnt/data"]), both[..1]);
    let roots = boot(&["root", ""]);
    assert!(roots[1] == "disk.root" && roots[0].starts_with("disk.root-"), "{roots:?}");
    let both = boot(&[&longs[0], &longs[1]]);
    assert!(both.len() == 2 && both.iter().all(|name| name.len() == "disk.".len() + 32), "{both:?}");
    assert!(both.contains(&boot(&[&longs[1]])[0]));
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
