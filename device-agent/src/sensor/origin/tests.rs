//! Things on made-up buses, by what stays of them.

use super::*;
use std::path::PathBuf;

/// A chip whose folder lies at `path` below `sys/devices`, with files of its device.
fn chip(root: &Path, class: &str, path: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = root.join("sys/devices").join(path);
    fs::create_dir_all(&folder).unwrap();
    for (file, content) in files {
        let file = root.join("sys/devices").join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    let link = root.join(class).join(folder.file_name().unwrap());
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    link
}

fn origin(path: &str, files: &[(&str, &str)], base: &str) -> Origin {
    let root = tempfile::tempdir().unwrap();
    let link = chip(root.path(), "sys/class/hwmon", path, files);
    of(root.path(), &link, base).unwrap()
}

#[test]
fn a_thing_is_the_same_whatever_the_kernel_counted() {
    for (one, other, base, hint) in [
        (
            "pci0000:00/0000:00:06.0/0000:01:00.0/nvme/nvme0/hwmon3",
            "pci0000:00/0000:00:06.0/0000:01:00.0/nvme/nvme1/hwmon5",
            "nvme",
            "pci-0100",
        ),
        ("pci0000:00/0000:00:18.3/hwmon/hwmon2", "pci0000:00/0000:00:18.3/hwmon/hwmon0", "k10temp", "pci-00c3"),
        ("platform/coretemp.1/hwmon/hwmon4", "platform/coretemp.1/hwmon/hwmon7", "coretemp", "1"),
        (
            "pci0000:00/0000:00:1f.4/i2c-0/0-0018/hwmon/hwmon4",
            "pci0000:00/0000:00:1f.4/i2c-6/6-0018/hwmon/hwmon1",
            "jc42",
            "i2c-18",
        ),
        (
            "pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/hwmon/hwmon4",
            "pci0000:00/0000:00:14.0/usb3/3-2/3-2:1.0/hwmon/hwmon1",
            "corsairpsu",
            "usb-2-1_0",
        ),
        (
            "pci0000:00/0000:00:14.0/usb1/1-5/1-5:1.0/0003:1B1C:0C10.0003/hwmon/hwmon2",
            "pci0000:00/0000:00:14.0/usb3/3-5/3-5:1.0/0003:1B1C:0C10.0007/hwmon/hwmon4",
            "corsaircpro",
            "usb-5-1_0",
        ),
        (
            "virtual/misc/uhid/0005:054C:09CC.0001/hwmon/hwmon2",
            "virtual/misc/uhid/0005:054C:09CC.000A/hwmon/hwmon1",
            "pad",
            "hid-054c-09cc",
        ),
        (
            "pci0000:00/0000:00:13.0/{33AECD58}/001F:8087:0AC2.0002/HID-SENSOR-200041.3.auto/iio:device1",
            "pci0000:00/0000:00:13.0/{33AECD58}/001F:8087:0AC2.0001/HID-SENSOR-200041.12.auto/iio:device0",
            "als",
            "hid-sensor-200041",
        ),
        (
            "pci0000:00/0000:03:00.0/ieee80211/phy0/hwmon7",
            "pci0000:00/0000:03:00.0/ieee80211/phy4/hwmon8",
            "iwlwifi_1",
            "pci-0300",
        ),
        (
            "pci0000:00/0000:00:17.0/ata7/host6/target6:0:1/6:0:1:0/hwmon/hwmon2",
            "pci0000:00/0000:00:17.0/ata3/host9/target9:0:1/9:0:1:0/hwmon/hwmon4",
            "drivetemp",
            "0:1:0",
        ),
        (
            "platform/AMDI0010:00/i2c-30/30-a048/hwmon/hwmon2",
            "platform/AMDI0010:00/i2c-31/31-a048/hwmon/hwmon1",
            "x",
            "i2c-a048",
        ),
        (
            "pci0000:00/0000:05:00.0/peci-0/0-30/peci_cpu.cputemp.48/hwmon/hwmon2",
            "pci0000:00/0000:05:00.0/peci-1/1-30/peci_cpu.cputemp.48/hwmon/hwmon1",
            "peci_cputemp.cpu0",
            "peci_cpu_cputemp_48",
        ),
        (
            "pci0000:00/0000:00:15.0/i2c_designware.0/i2c-1/1-0048/hwmon/hwmon1",
            "pci0000:00/0000:00:15.0/i2c_designware.3/i2c-4/4-0048/hwmon/hwmon0",
            "lm75",
            "i2c-48",
        ),
        ("pci0000:00/0000:07:00.0/mem0/hwmon1", "pci0000:00/0000:07:00.0/mem1/hwmon0", "cxl", "pci-0700"),
        ("soc/serial@1/serial0/serial0-0/hwmon/hwmon1", "soc/serial@1/serial1/serial1-0/hwmon/hwmon0", "x", "serial-0"),
        (
            "pci0000:00/0000:02:00.0/host0/port-0:2/end_device-0:2/target0:0:2/0:0:2:0/hwmon/hwmon2",
            "pci0000:00/0000:02:00.0/host5/port-5:2/end_device-5:2/target5:0:2/5:0:2:0/hwmon/hwmon4",
            "drivetemp",
            "0:2:0",
        ),
    ] {
        let (one, other) = (origin(one, &[], base), origin(other, &[], base));
        assert_eq!((&one.identity, &one.hints), (&other.identity, &other.hints));
        assert_eq!(one.hints.first().map(String::as_str), Some(hint), "{one:?}");
    }
}

#[test]
fn things_of_a_kind_differ_by_where_they_are() {
    for (one, other) in [
        ("pci0000:00/0000:01:00.0/nvme/nvme0/hwmon3", "pci0000:00/0000:02:00.0/nvme/nvme0/hwmon3"),
        ("soc/fe804000.i2c/i2c-1/1-0076/iio:device0", "soc/fe804000.i2c/i2c-1/1-0077/iio:device0"),
        ("platform/i2c_designware.0/i2c-1/1-0048/hwmon0", "platform/i2c_designware.1/i2c-1/1-0048/hwmon0"),
        ("soc/fe804000.i2c/i2c-1/1-0076/iio:device0", "soc/fe205000.i2c/i2c-1/1-0076/iio:device0"),
        ("soc/fe204000.spi/spi_master/spi0/spi0.0/iio:device0", "soc/fe204000.spi/spi_master/spi0/spi0.1/iio:device0"),
    ] {
        assert_ne!(origin(one, &[], "x").identity, origin(other, &[], "x").identity, "{one}");
    }
    let drive = |port: &str| {
        let files = [("pci0/0000:00:17.0/ata2/ata_port/ata2/port_no", port)];
        origin("pci0/0000:00:17.0/ata2/host1/1:0:0:0/hwmon/hwmon0", &files, "drivetemp")
    };
    assert_ne!(drive("1").identity, drive("2").identity);
    let radio = |address: &str| {
        let files = [("pci0/0000:01:00.0/ieee80211/phy1/macaddress", address)];
        origin("pci0/0000:01:00.0/ieee80211/phy1/hwmon1", &files, "mt7915")
    };
    assert_ne!(radio("00:11:22:33:44:55").identity, radio("00:11:22:33:44:56").identity);
    let named = |name: &str| {
        origin("pci0/0000:00:14.0/i2c-0/0-004c/hwmon/hwmon0", &[("pci0/0000:00:14.0/i2c-0/name", name)], "x")
    };
    assert_ne!(named("SMBus port 0").identity, named("SMBus port 2").identity);
}

#[test]
fn a_serial_number_goes_before_the_place_unless_it_means_nothing() {
    let drive = |place: &str, serial: &str| {
        let device = format!("pci0000:00/{place}/nvme/nvme0");
        let files = [(format!("{device}/serial"), serial), (format!("{device}/model"), "Disk 980 PRO  ")];
        let files: Vec<(&str, &str)> = files.iter().map(|(file, text)| (&**file, *text)).collect();
        origin(&format!("{device}/hwmon3"), &files, "nvme")
    };
    let (one, other) = (drive("0000:01:00.0", "S6B0NX0R\n"), drive("0000:02:00.0", "S6B0NX0R\n"));
    assert_eq!(one.identity.as_deref(), Some("serial Disk 980 PRO S6B0NX0R"));
    assert_eq!((&one.identity, &one.hints), (&other.identity, &other.hints));
    assert_eq!(one.hints, ["s6b0nx0r"]);
    assert!(one.is_like(&one) && !one.is_like(&other), "should both be there, they are told apart");
    for none in ["00000000", "naa.0000000000000000", "eui.ffffffffffffffff"] {
        assert_ne!(drive("0000:01:00.0", none).identity, drive("0000:02:00.0", none).identity, "{none}");
    }
}

#[test]
fn a_number_that_a_driver_counts_is_no_part_of_a_name() {
    for (name, plain) in [
        ("mt7921_phy0", "mt7921"),
        ("mt7915_phy12", "mt7915"),
        ("iwlwifi_1", "iwlwifi"),
        ("hidpp_battery_3", "hidpp_battery"),
        ("phy0", "phy"),
        ("dolphy1", "dolphy1"),
        ("nct6798", "nct6798"),
        ("k10temp", "k10temp"),
        ("coretemp-isa-0000", "coretemp-isa-0000"),
        ("enp3s0", "enp3s0"),
        ("phy", "phy"),
    ] {
        assert_eq!(without_number(name), plain);
    }
}

#[test]
fn what_has_no_device_is_told_from_nothing() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("sys/class/thermal/thermal_zone0");
    fs::create_dir_all(&folder).unwrap();
    assert_eq!(of(root.path(), &folder, "acpitz").unwrap(), Origin::default());
    let virtual_zone = chip(root.path(), "sys/class/hwmon", "virtual/thermal/thermal_zone0/hwmon1", &[]);
    assert_eq!(of(root.path(), &virtual_zone, "acpitz").unwrap(), Origin::default());
}
