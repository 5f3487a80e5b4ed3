//! What stays of a device when the kernel counts anew: from which thing its readings come.
//!
//! The numbers in `hwmon3`, `nvme1` or `i2c-0` are places in a queue. What stays is, in this order: a serial number (drives,
//! sticks, supplies), the node of the device tree, and the way to the device along buses whose addresses are wired (PCI
//! address, I2C address, USB port, chip select, name of a platform device), with the counted parts left out.

use std::fs;
use std::path::Path;

use super::adapter::{COUNTED_LATELY, adapter, is_of_pci, of_pci, on_bus, pci, without_adapter};
use super::files::Files;
use super::spelling::number_of;
use super::{Error, name_part};

/// What comes before a number that only counts.
const COUNTED: [&str; 18] = [
    "hwmon",
    "iio:device",
    "thermal_zone",
    "nvme",
    "phy",
    "host",
    "i2c-",
    "usb",
    "ata",
    "spi",
    "input",
    "card",
    "mmc",
    "wlan",
    "wwan",
    "rtc",
    "port",
    "session",
];

/// What drivers put before a number that only counts, in what their chips and zones call themselves: `mt7921_phy0`, `iwlwifi_1`.
const COUNTED_NAMES: [&str; 3] = ["phy", "iwlwifi_", "hidpp_battery_"];

/// Longest part of a name that tells a thing from its like.
const LONGEST_HINT: usize = 20;

/// Which thing it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Origin {
    /// The same at each start for the same thing; nothing if nothing tells it from its like.
    pub(super) identity: Option<String>,
    /// What tells it from its like, for people: the shortest first.
    pub(super) hints: Vec<String>,
    /// The identity that earlier versions made of the same, where that is another.
    pub(super) earlier: Option<String>,
    /// Where it is, should another say the same of itself: some makers write one serial number into all that they make.
    pub(super) place: Option<Box<Self>>,
    /// What it says of itself, where it goes by its place because another says the same.
    pub(super) says: Option<String>,
    /// What it says of itself and could not be read.
    pub(super) unread: Option<Error>,
}

impl Origin {
    fn new(identity: String, parts: impl IntoIterator<Item = String>) -> Self {
        let mut hints: Vec<String> = Vec::new();
        for part in parts.into_iter().filter(|part| !part.is_empty()).take(3) {
            let longer = hints.last().map_or_else(|| part.clone(), |before| format!("{before}-{part}"));
            hints.push(longer);
        }
        Self { identity: Some(identity), hints, ..Self::default() }
    }

    /// A thing that is told from its like by its name alone; a hardware address in it tells which it is.
    pub(super) fn named(name: &str) -> Self {
        let number = || number_of(name);
        match hardware_address(name) {
            Some(address) => Self::new(format!("address {address}"), [number()]),
            None => Self::new(format!("name {name}"), [number()]),
        }
    }

    /// A thing that says its serial number.
    pub(super) fn serial(model: &str, serial: &str) -> Option<Self> {
        let serial = on_one_line(serial);
        let hint = name_part(&serial);
        let tail = hint.get(hint.len().saturating_sub(LONGEST_HINT)..).unwrap_or_default().to_owned();
        let is_meant = !means_nothing(&serial) && !is_kind_of_nothing(&serial);
        is_meant.then(|| Self::new(format!("serial {} {serial}", model.trim()), [tail]))
    }

    /// The same, which goes by its place should another say the same of itself.
    pub(super) fn at(self, place: Self) -> Self {
        Self { place: Some(Box::new(place)).filter(|place| place.identity.is_some()), ..self }
    }

    /// Where it is, if that is not what it goes by.
    pub(super) fn where_it_is(&self) -> Option<&String> {
        self.place.as_ref()?.identity.as_ref()
    }

    /// What is remembered beside what it goes by.
    pub(super) fn beside(&self) -> Option<String> {
        self.where_it_is().or(self.says.as_ref()).cloned()
    }

    /// Whether nothing tells it from another.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.identity == other.identity && self.where_it_is() == other.where_it_is()
    }

    /// Goes by its place from here on.
    pub(super) fn go_by_place(&mut self) {
        if let Some(place) = self.place.take() {
            *self = Self { says: self.identity.take(), earlier: None, ..*place };
        }
    }
}

/// The identity that earlier versions made of a serial number that says nothing behind the name of its kind.
fn by_nothing(model: &str, serial: &str) -> Option<String> {
    let serial = on_one_line(serial);
    is_kind_of_nothing(&serial).then(|| format!("serial {} {serial}", model.trim()))
}

fn on_one_line(serial: &str) -> String {
    serial.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is printed when nobody wrote a number.
fn means_nothing(serial: &str) -> bool {
    serial.len() < 4 || serial.chars().all(|c| matches!(c, '0' | 'F' | 'f' | '.' | '-' | ' '))
}

/// The same behind the name of a kind of number: `naa.0000000000000000`.
fn is_kind_of_nothing(serial: &str) -> bool {
    ["naa.", "eui.", "uuid."].iter().any(|kind| serial.strip_prefix(kind).is_some_and(means_nothing))
}

/// The twelve digits of `4c:b9:9b:00:11:aa` within a name.
fn hardware_address(name: &str) -> Option<String> {
    let is_address = |part: &&[u8]| {
        part.iter()
            .enumerate()
            .all(|(at, byte)| if at % 3 == 2 { matches!(byte, b':' | b'-' | b'_') } else { byte.is_ascii_hexdigit() })
    };
    let part = name.as_bytes().windows(17).find(is_address)?;
    Some(
        part.iter().filter(|byte| byte.is_ascii_hexdigit()).map(|byte| char::from(byte.to_ascii_lowercase())).collect(),
    )
}

/// Of what the folder of a class is: `sys/class/hwmon/hwmon3` below `root`; `base` is what the thing calls itself.
///
/// # Errors
/// A file that says it gives no answer.
pub(super) fn of(root: &Path, folder: &Path, base: &str) -> Result<Origin, Error> {
    let (Ok(root), Ok(place)) = (fs::canonicalize(root), fs::canonicalize(folder)) else {
        return Ok(Origin::default());
    };
    let device = match fs::canonicalize(place.join("device")) {
        Ok(device) => device,
        // A chip lies in a folder below its device, or right in it; what has none lies in its class.
        Err(_) if place.starts_with(root.join("sys/devices")) => {
            let own = |part: &&Path| part.file_name().is_some_and(|name| is_of_chip(&name.to_string_lossy()));
            place.ancestors().find(|part| !own(part)).unwrap_or(&place).to_owned()
        }
        Err(_) => return Ok(Origin::default()),
    };
    let Ok(way) = device.strip_prefix(&root) else { return Ok(Origin::default()) };
    let mut files = Files::new(&root, &way.to_string_lossy());
    let mut earlier = None;
    for file in ["serial", "wwid", "serial_number", "cid"] {
        if let Some(serial) = files.word(file)? {
            let model = files.word("model")?.unwrap_or_default();
            if let Some(origin) = Origin::serial(&model, &serial) {
                let (place, _) = along(&root, way, base)?;
                return Ok(origin.at(place));
            }
            earlier = earlier.or_else(|| by_nothing(&model, &serial));
        }
    }
    let (place, serial) = along(&root, way, base)?;
    let unread = files.take_unread().or_else(|| place.unread.clone());
    if let Ok(node) = fs::canonicalize(device.join("of_node")) {
        let node = node.to_string_lossy().into_owned();
        let node = node.rsplit_once("devicetree/base").map_or(&*node, |(_, rest)| rest).to_owned();
        let parts: Vec<String> = node.rsplit('/').map(|part| hint(part, base)).collect();
        return Ok(Origin { earlier, unread, ..Origin::new(format!("node {node}"), parts).at(place) });
    }
    let origin = match serial {
        Some(serial) => serial.at(place),
        None => place,
    };
    Ok(Origin { earlier: earlier.or(origin.earlier), unread, ..origin })
}

/// Along the buses, from the root of the machine to the device; and what the first device at a USB port says of itself.
fn along(root: &Path, way: &Path, base: &str) -> Result<(Origin, Option<Origin>), Error> {
    let (mut said, mut unread) = (None, None);
    let (mut here, mut stays, mut earlier) = (root.to_owned(), Vec::new(), Vec::new());
    let (mut below_usb, mut last) = (false, "");
    for part in way.iter().filter_map(|part| part.to_str()) {
        here.push(part);
        let before = std::mem::replace(&mut last, part);
        if matches!(part, "sys" | "devices" | "bus" | "class" | "hwmon" | "nvme" | "virtual" | "thermal") {
            continue;
        }
        let mut files = Files::new(root, &here.strip_prefix(root).unwrap_or(&here).to_string_lossy());
        below_usb |= counted(part).is_some_and(|what| what == "usb");
        if let Some(what) = counted(part) {
            // Several adapters of one chip are told apart by what they are called.
            let called = if what == "i2c-" { files.word("name")? } else { None };
            earlier.extend(called.clone());
            earlier.extend(Some(part.to_owned()).filter(|_| COUNTED_LATELY.contains(&what)));
            // Of several sockets of one controller, and radios of one card, each says which it is.
            stays.extend(match what {
                "ata" => files.word(&format!("ata_port/{part}/port_no"))?.map(|port| format!("port-{port}")),
                "phy" => files.word("macaddress")?.map(|address| address.replace(':', "")),
                _ => called.map(|called| adapter(&called, multiplexer(&here).as_deref())),
            });
        } else if let Some((_, port)) = part.split_once('-').filter(|_| below_usb && starts_with_digit(part)) {
            if let Some(serial) = files.word("serial")? {
                let product = files.word("product")?.unwrap_or_default();
                said = said.or_else(|| Origin::serial(&product, &serial));
            }
            stays.push(format!("usb-{}", port.replace(':', "-")));
            earlier.extend(stays.last().cloned());
        } else if let Some((_, address)) = part.split_once("-00").filter(|(bus, _)| bus.parse::<u32>().is_ok()) {
            stays.push(format!("i2c-{address}"));
            earlier.extend(stays.last().cloned());
        } else if let Some(address) = on_bus(before, part) {
            stays.push(address);
            earlier.push(part.to_owned());
        } else if let Some(chip) = part.strip_prefix("spi").and_then(|rest| rest.split_once('.')).map(|(_, chip)| chip)
        {
            stays.push(format!("spi-{chip}"));
            earlier.extend(stays.last().cloned());
        } else if let Some(product) = hid(part) {
            // Of one at a USB port that says enough, and its like may be at the next.
            stays.extend(Some(product.clone()).filter(|_| !below_usb));
            earlier.extend(Some(product).filter(|_| !below_usb));
        } else if part.starts_with("target") || part.starts_with("mmc") {
        } else {
            stays.push(without_adapter(of_pci(before, without_count(part))));
            earlier.push(without_count(part).to_owned());
        }
        unread = unread.or_else(|| files.take_unread());
    }
    if stays.is_empty() {
        return Ok((Origin { unread, ..Origin::default() }, said));
    }
    // What a folder is only called after says nothing to people, nor what its PCI device is.
    let telling = stays.iter().rev().filter(|part| *part != "ieee80211" && !is_of_pci(part));
    let parts: Vec<String> = telling.map(|part| hint(part, base)).collect();
    let earlier = Some(format!("way {}", earlier.join("/"))).filter(|_| earlier != stays);
    Ok((Origin { earlier, unread, ..Origin::new(format!("way {}", stays.join("/")), parts) }, said))
}

/// The device that an adapter is a channel of, as the kernel calls it.
fn multiplexer(adapter: &Path) -> Option<String> {
    let device = ["mux_device", "atr_device"].iter().find_map(|link| fs::canonicalize(adapter.join(link)).ok())?;
    Some(device.file_name()?.to_string_lossy().into_owned())
}

/// Whether a folder is a chip's own, and its device the one above.
fn is_of_chip(name: &str) -> bool {
    name == "hwmon" || matches!(counted(name), Some("hwmon" | "iio:device"))
}

/// What a part of a way counts, if it does no more than that.
fn counted(part: &str) -> Option<&'static str> {
    COUNTED.into_iter().chain(COUNTED_LATELY).find(|what| {
        part.strip_prefix(what).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// What a chip or a zone calls itself, without a number that only counts: `mt7921_phy0` is `mt7921`.
pub(super) fn without_number(name: &str) -> &str {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_counted = |what: &&&str| stem.to_ascii_lowercase().ends_with(**what);
    let Some(what) = COUNTED_NAMES.iter().find(is_counted).filter(|_| stem.len() < name.len()) else { return name };
    let start = if *what == "phy" { stem.get(..stem.len() - what.len()).unwrap_or_default() } else { stem };
    let start = start.trim_end_matches(['_', '-', '.', ' ']);
    // `phy0` alone, and a name that goes on: `dolphy1`.
    let goes_on = *what == "phy" && start.len() + what.len() == stem.len();
    if goes_on && start.is_empty() {
        stem
    } else if goes_on {
        name
    } else {
        start
    }
}

/// The maker's and the product's number of an input device, `0003:1B1C:0C10.0007`: bus, maker, product, and a number that counts.
fn hid(part: &str) -> Option<String> {
    let (id, count) = part.split_once('.')?;
    let is_number = |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut numbers = id.split(':');
    let (bus, maker, product) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let is_hid = numbers.next().is_none() && [bus, maker, product, count].into_iter().all(is_number);
    is_hid.then(|| format!("hid-{maker}-{product}").to_ascii_lowercase())
}

/// `HID-SENSOR-200041.3.auto` without what the kernel counted to have a name at all.
fn without_count(part: &str) -> &str {
    let counted = part.strip_suffix(".auto").and_then(|rest| rest.rsplit_once('.'));
    counted.filter(|(_, count)| count.bytes().all(|byte| byte.is_ascii_digit())).map_or(part, |(name, _)| name)
}

fn starts_with_digit(part: &str) -> bool {
    part.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
}

/// A part of a way as a part of a name: `0000:01:00.0` is `pci-0100`, as `sensors` calls it; `coretemp.1` of a chip that calls
/// itself `coretemp` is `1`.
fn hint(part: &str, base: &str) -> String {
    if let Some((domain, address)) = pci(part) {
        return if domain == 0 { format!("pci-{address:04x}") } else { format!("pci-{domain:04x}-{address:04x}") };
    }
    let own = part.strip_prefix(base).and_then(|rest| rest.strip_prefix(['.', '@', '-']));
    let mut hint = name_part(own.unwrap_or(part));
    hint.truncate(LONGEST_HINT);
    hint
}

#[cfg(test)]
mod tests {
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
            (
                "soc/serial@1/serial0/serial0-0/hwmon/hwmon1",
                "soc/serial@1/serial1/serial1-0/hwmon/hwmon0",
                "x",
                "serial-0",
            ),
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
            (
                "soc/fe204000.spi/spi_master/spi0/spi0.0/iio:device0",
                "soc/fe204000.spi/spi_master/spi0/spi0.1/iio:device0",
            ),
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
}
