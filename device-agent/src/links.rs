//! The machine's network interfaces: which are up and connected, how each can be used to search for hubs, and which are
//! not part of a real network.

use std::net::{IpAddr, Ipv4Addr};

use if_addrs::IfAddr;

/// What container and virtual machine software calls its interfaces. A router's own bridge (`br-lan`) is a real network.
const VIRTUAL: [&str; 13] = [
    "cali", "cbr", "cni", "docker", "flannel", "lxcbr", "lxdbr", "podman", "vboxnet", "veth", "virbr", "vmnet", "vnet",
];

/// One address family of an interface that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Such as `eth0`.
    pub name: String,
    /// Number of the interface.
    pub index: u32,
    /// One of its addresses.
    pub address: IpAddr,
    /// Length of the network's prefix in that address.
    pub prefix: u8,
    /// Where to send what everybody in the network shall hear.
    pub broadcast: Option<Ipv4Addr>,
}

impl Link {
    /// Whether only containers and virtual machines of this machine are behind it.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        is_virtual(&self.name)
    }

    /// Whether an address is in the network behind this interface.
    #[must_use]
    pub fn reaches(&self, address: IpAddr) -> bool {
        let (own, other, bits) = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (u128::from(own.to_bits()), u128::from(other.to_bits()), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        let host = bits - u32::from(self.prefix).min(bits);
        (own ^ other).checked_shr(host).unwrap_or(0) == 0
    }
}

/// Every interface that is up and connected to something, once for each address family it has; the virtual ones last.
#[must_use]
pub fn up() -> Vec<Link> {
    let mut found: Vec<Link> = Vec::new();
    for interface in if_addrs::get_if_addrs().unwrap_or_default() {
        let Some(index) = interface.index.filter(|_| has_carrier(&interface.name)) else { continue };
        let (address, prefix, broadcast) = match &interface.addr {
            IfAddr::V4(v4) => {
                // Reckoned, because not every address is configured with one. Networks of two addresses have none.
                let last = Ipv4Addr::from_bits(v4.ip.to_bits() | !v4.netmask.to_bits());
                (IpAddr::V4(v4.ip), v4.prefixlen, (v4.prefixlen <= 30 && !v4.ip.is_loopback()).then_some(last))
            }
            IfAddr::V6(v6) => (IpAddr::V6(v6.ip), v6.prefixlen, None),
        };
        let known = |link: &Link| link.index == index && link.address.is_ipv4() == address.is_ipv4();
        if !found.iter().any(known) {
            found.push(Link { name: interface.name, index, address, prefix, broadcast });
        }
    }
    found.sort_by_key(Link::is_virtual);
    found
}

/// Whether there is a signal on the line; an interface keeps its address when its cable is pulled, and when it is switched off,
/// which the kernel says by refusing to tell. Where nobody says, there is one.
fn has_carrier(name: &str) -> bool {
    match std::fs::read(format!("/sys/class/net/{name}/carrier")) {
        Ok(carrier) => carrier.trim_ascii() != b"0",
        Err(error) => error.kind() != std::io::ErrorKind::InvalidInput,
    }
}

fn is_virtual(name: &str) -> bool {
    // Docker names the bridges of its further networks by twelve digits.
    let of_docker = |rest: &str| rest.len() == 12 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    VIRTUAL.iter().any(|start| name.starts_with(start)) || name.strip_prefix("br-").is_some_and(of_docker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bridges_of_containers_are_told_from_those_of_a_router() {
        for name in ["docker0", "br-9c1f00aa42de", "veth12ab", "virbr0", "lxdbr0", "cni0", "vmnet8"] {
            assert!(is_virtual(name), "{name}");
        }
        for name in ["eth0", "br-lan", "br0", "wlan0", "enp3s0", "end0", "tun0", "wg0", "lo"] {
            assert!(!is_virtual(name), "{name}");
        }
    }

    #[test]
    fn a_link_reaches_what_shares_its_prefix() {
        let link = |address: &str, prefix| Link {
            name: "eth0".into(),
            index: 2,
            address: address.parse().unwrap(),
            prefix,
            broadcast: None,
        };
        let reaches = |link: &Link, address: &str| link.reaches(address.parse().unwrap());
        let v4 = link("192.168.1.7", 24);
        assert!(reaches(&v4, "192.168.1.200") && !reaches(&v4, "192.168.2.1") && !reaches(&v4, "fe80::1"));
        let v6 = link("fe80::7", 64);
        assert!(reaches(&v6, "fe80::1:2") && !reaches(&v6, "2001:db8::1"));
        assert!(reaches(&link("10.0.0.1", 0), "192.0.2.1") && !reaches(&link("10.0.0.1", 32), "10.0.0.2"));
    }
}
