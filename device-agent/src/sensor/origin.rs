//! Identifies the thing that readings come from by what does not change when the kernel numbers its devices anew.
//!
//! The numbers in `hwmon3`, `nvme1` or `i2c-0` only count. What does not change is, in this order: a serial number (drives,
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
mod tests;
