//! Recognises addresses on a bus and names of adapters, without the numbers by which the kernel counts adapters. Pure.

/// What comes before the number of an adapter and places on it.
const OF_ADAPTER: [&str; 5] = ["port-", "end_device-", "expander-", "phy-", "rport-"];
/// Buses whose devices go by the number of the bus and an address: `peci-0` has `0-30`, `i2c-30` has `30-a048`.
const BUSES: [&str; 3] = ["i2c-", "peci-", "i3c-"];
/// What the kernel puts before a count where a PCI device is one of these, of which it has one.
const OF_PCI: [&str; 3] = ["i2c_designware.", "pxa2xx-spi.", "dw-apb-uart."];
/// What comes before a number that only counts, of buses and devices that earlier versions took for a part of the way.
pub(super) const COUNTED_LATELY: [&str; 7] = ["peci-", "i3c-", "mem", "serial", "hci", "scmi_dev.", "w1_bus_master"];
/// Serial ports on which devices are wired: `serial0` has `serial0-0`.
const SERIAL: &str = "serial";

/// Places on an adapter without the number of that: `4:0:1:0` (adapter, channel, target, unit) is `0:1:0`, `end_device-4:0:2` is
/// `end_device-0:2`.
pub(super) fn without_adapter(part: &str) -> String {
    let is_places = |text: &str| text.contains(':') && text.split(':').all(is_number);
    let start = OF_ADAPTER.into_iter().find(|start| part.strip_prefix(start).is_some_and(is_places));
    let places = part.strip_prefix(start.unwrap_or_default()).unwrap_or(part);
    let is_meant = start.is_some() || (is_places(places) && places.split(':').count() == 4);
    match places.split_once(':').filter(|_| is_meant) {
        Some((_, rest)) => format!("{}{rest}", start.unwrap_or_default()),
        None => part.to_owned(),
    }
}

/// The address of a device, which follows its bus in a way: `0-30` after `peci-0` is `peci-30`, `1-0048` after `i2c-1` is `i2c-48`.
pub(super) fn on_bus(bus: &str, part: &str) -> Option<String> {
    let stem = bus.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = bus.get(stem.len()..).filter(|number| !number.is_empty())?;
    let within = if stem == SERIAL { part.strip_prefix(SERIAL)? } else { part };
    let address = within.strip_prefix(number)?.strip_prefix('-')?;
    let hex = !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_hexdigit());
    match stem {
        "i2c-" if hex && address.len() == 4 => Some(format!("i2c-{}", address.strip_prefix("00").unwrap_or(address))),
        "i2c-" => None,
        SERIAL => hex.then(|| format!("serial-{address}")),
        _ => (hex && BUSES.contains(&stem)).then(|| format!("{stem}{address}")),
    }
}

/// What an adapter calls itself, without the number of the one that it hangs on: of a channel of a multiplexer (`i2c-1-mux
/// (chan_id 0)`) kind and number, with what its link says to which one it belongs (`1-0070`): `mux-70-0`.
pub(super) fn adapter(name: &str, multiplexer: Option<&str>) -> String {
    let Some(channel) = of_parent(name) else { return without_place(name).to_owned() };
    let kind = channel.split([' ', '-']).next().unwrap_or_default();
    let number: String = channel.chars().filter(char::is_ascii_digit).collect();
    let whose = multiplexer.map(|device| match device.split_once('-') {
        Some((bus, address)) if is_number(bus) => address.strip_prefix("00").unwrap_or(address).to_owned(),
        _ => without_adapter(device),
    });
    [Some(kind.to_owned()), whose, Some(number)].into_iter().flatten().collect::<Vec<_>>().join("-")
}

/// `mux (chan_id 0)` of `i2c-1-mux (chan_id 0)`, `atr-2` of `i2c-1-atr-2`.
fn of_parent(name: &str) -> Option<&str> {
    let (parent, channel) = name.strip_prefix("i2c-")?.split_once('-')?;
    (is_number(parent) && ["mux", "atr"].iter().any(|kind| channel.starts_with(kind))).then_some(channel)
}

/// Bridges at a USB port say where the kernel counted them: `CP2112 SMBus Bridge on hidraw3`, `i2c-tiny-usb at bus 001 device 004`.
fn without_place(name: &str) -> &str {
    let is_place = |place: &str| {
        let mut words = place.split(' ').filter(|word| !matches!(*word, "at" | "on" | "bus" | "device"));
        let counts = place.contains(" hidraw") || place.contains(" device ");
        counts && words.all(|word| is_number(word.strip_prefix("hidraw").unwrap_or(word)))
    };
    let starts = [" on hidraw", " at bus ", " bus "].into_iter().filter_map(|start| name.find(start));
    let place = starts.filter(|at| name.get(*at..).is_some_and(|place| is_place(place.trim_start()))).min();
    place.and_then(|at| name.get(..at)).unwrap_or(name)
}

/// The adapter that a PCI device is, without the count of such: `i2c_designware.0` after `0000:00:15.0`. Elsewhere that is wired.
pub(super) fn of_pci<'a>(before: &str, part: &'a str) -> &'a str {
    let is_meant = |kind: &&&str| part.strip_prefix(**kind).is_some_and(is_number) && pci(before).is_some();
    OF_PCI.iter().find(is_meant).map_or(part, |kind| kind.trim_end_matches('.'))
}

/// Whether a part of a way is no more than that.
pub(super) fn is_of_pci(part: &str) -> bool {
    OF_PCI.iter().any(|kind| kind.strip_suffix('.') == Some(part))
}

/// An identity that an earlier version made, without the numbers of adapters in it.
pub(super) fn plain(identity: &str) -> String {
    let parts: Vec<&str> = identity.split('/').collect();
    let before = std::iter::once("").chain(parts.iter().copied());
    let plain = before.zip(&parts).map(|(before, part)| {
        let ten_bits = || part.split_once('-').filter(|(bus, address)| is_number(bus) && address.len() == 4);
        let address = on_bus(before, part).or_else(|| on_bus(&format!("i2c-{}", ten_bits()?.0), part));
        address.unwrap_or_else(|| match of_parent(part) {
            Some(channel) => channel.to_owned(),
            None => without_adapter(without_place(of_pci(before, bus_of(part)))),
        })
    });
    plain.collect::<Vec<_>>().join("/")
}

/// A bus that earlier versions had in a way with its number.
fn bus_of(part: &str) -> &str {
    let stem = part.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_counted = stem.len() < part.len() && COUNTED_LATELY.contains(&stem);
    if is_counted { stem } else { part }
}

/// `0000:01:00.0` is domain 0, bus 1, device 0, function 0.
pub(super) fn pci(part: &str) -> Option<(u32, u32)> {
    let (domain, rest) = part.split_once(':')?;
    let (bus, rest) = rest.split_once(':')?;
    let (device, function) = rest.split_once('.')?;
    let hex = |text: &str| u32::from_str_radix(text, 16).ok();
    Some((hex(domain)?, (hex(bus)? << 8) | (hex(device)? << 3) | hex(function)?))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_called_without_what_the_kernel_counted() {
        for (name, multiplexer, called) in [
            ("i2c-1-mux (chan_id 0)", Some("1-0070"), "mux-70-0"),
            ("i2c-12-mux (chan_id 3)", Some("12-0071"), "mux-71-3"),
            ("i2c-1-mux (chan_id 0)", None, "mux-0"),
            ("i2c-2-mux (chan_id 1)", Some("i2c-mux-gpio"), "mux-i2c-mux-gpio-1"),
            ("i2c-4-atr-2", Some("4-0030"), "atr-30-2"),
            ("Synopsys DesignWare I2C adapter", None, "Synopsys DesignWare I2C adapter"),
            ("SMBus PIIX4 adapter port 2 at 0b00", None, "SMBus PIIX4 adapter port 2 at 0b00"),
            ("i2c-1-other", None, "i2c-1-other"),
            ("CP2112 SMBus Bridge on hidraw3", None, "CP2112 SMBus Bridge"),
            ("i2c-tiny-usb at bus 001 device 004", None, "i2c-tiny-usb"),
            ("CH341 I2C USB bus 001 device 005", None, "CH341 I2C USB"),
            ("AMDGPU DM i2c hw bus 0", None, "AMDGPU DM i2c hw bus 0"),
        ] {
            assert_eq!(adapter(name, multiplexer), called, "{name}");
        }
    }

    #[test]
    fn an_address_is_told_without_the_number_of_its_bus() {
        for (bus, part, address) in [
            ("i2c-1", "1-0048", Some("i2c-48")),
            ("i2c-30", "30-a048", Some("i2c-a048")),
            ("i2c-3", "1-0048", None),
            ("i2c-1", "1-48", None),
            ("peci-0", "0-30", Some("peci-30")),
            ("i3c-2", "2-4cb0000000a", Some("i3c-4cb0000000a")),
            ("serial0", "serial0-0", Some("serial-0")),
            ("usb1", "1-2", None),
        ] {
            assert_eq!(on_bus(bus, part).as_deref(), address, "{bus} {part}");
        }
    }

    #[test]
    fn ways_of_earlier_versions_are_one_whatever_number_a_bus_had() {
        for (one, other) in [
            ("way pci0/i2c-1-mux (chan_id 0)/i2c-48", "way pci0/i2c-3-mux (chan_id 0)/i2c-48"),
            ("way pci0/Synopsys/30-a048", "way pci0/Synopsys/31-a048"),
            ("way pci0/peci-0/0-30", "way pci0/peci-1/1-30"),
            ("way pci0/mem0", "way pci0/mem1"),
            ("way pci0/0000:00:15.0/i2c_designware.0/i2c-48", "way pci0/0000:00:15.0/i2c_designware.2/i2c-48"),
            ("way pci0/4:0:0:0", "way pci0/5:0:0:0"),
            ("way pci0/CP2112 SMBus Bridge on hidraw3/i2c-48", "way pci0/CP2112 SMBus Bridge on hidraw0/i2c-48"),
        ] {
            assert_eq!(plain(one), plain(other));
        }
        assert_ne!(plain("way pci0/Synopsys/30-a048"), plain("way pci0/Synopsys/30-a049"));
        assert_ne!(plain("way pci0/i2c-1-mux (chan_id 0)"), plain("way pci0/i2c-1-mux (chan_id 1)"));
    }
}
