//! The names and addresses in a certificate of the hub's own authority. PURE.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// Addresses in one certificate: a hub's machine has fewer.
const ADDRESSES: usize = 64;

/// What browsers may call the hub.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Names of hosts, in small letters.
    pub dns: BTreeSet<String>,
    pub addresses: BTreeSet<IpAddr>,
}

impl Names {
    /// `listed`: those an operator gave; each may be an address. What is no name of a host is left out: no browser asks by it.
    #[must_use]
    pub fn of(hostname: Option<&str>, listed: &[String], addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let mut names = Self { addresses: addresses.into_iter().take(ADDRESSES).collect(), ..Self::default() };
        names.add("localhost");
        if let Some(full) = hostname {
            let label = full.split('.').next().unwrap_or_default();
            names.add(full);
            names.add(label);
            if !label.eq_ignore_ascii_case("localhost") {
                names.add(&format!("{label}.local"));
            }
        }
        listed.iter().for_each(|name| names.add(name));
        names
    }

    fn add(&mut self, name: &str) {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if let Ok(ip) = name.trim_matches(['[', ']']).parse() {
            self.addresses.insert(ip);
        } else if is_name(&name) {
            self.dns.insert(name);
        }
    }
}

/// RFC 1123, 2.1, and what Windows calls machines: letters, digits, `-` and `_` between single dots.
fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(is_letter)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_is_called_by_its_machines_name_in_every_form_by_what_is_listed_and_by_its_addresses() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let listed =
            ["Hub.Example.", "10.0.0.7", "[fd00::1]", "not a name", "", "a..b", "-a", "*.example"].map(str::to_owned);
        let names = Names::of(Some("Attic.lan"), &listed, [ip("192.168.1.20"), ip("::1")]);
        let dns: Vec<&str> = names.dns.iter().map(String::as_str).collect();
        assert_eq!(dns, ["attic", "attic.lan", "attic.local", "hub.example", "localhost"]);
        let addresses: BTreeSet<IpAddr> = ["10.0.0.7", "192.168.1.20", "::1", "fd00::1"].map(ip).into();
        assert_eq!(names.addresses, addresses);
        assert_eq!(Names::of(Some("localhost"), &[], []).dns.len(), 1);
        assert_eq!(Names::of(None, &[], (0..200).map(|n| IpAddr::from([10, 0, 0, n]))).addresses.len(), ADDRESSES);
    }
}
