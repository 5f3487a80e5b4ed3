//! The addresses by which other machines reach this one, for links on a terminal and for install commands.
//!
//! Best first: the IPv4 addresses of real networks, then IPv6. Loopback addresses are left out, and those that mean
//! nothing without an interface (`fe80::`), and those of bridges for containers and virtual machines, which end on this
//! machine. `NAME.local` is in the list only if a responder answers to it.

mod mdns;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Prefixes of interfaces that lead to containers and virtual machines on this machine.
const VIRTUAL: [&str; 9] = ["docker", "br-", "veth", "virbr", "vnet", "cni", "flannel", "lxc", "podman"];

/// The addresses of this machine in its networks.
#[must_use]
pub fn addresses() -> Vec<IpAddr> {
    let up = if_addrs::get_if_addrs().unwrap_or_default().into_iter().filter(if_addrs::Interface::is_oper_up);
    chosen(up.map(|interface| (interface.ip(), interface.name)))
}

fn chosen(all: impl Iterator<Item = (IpAddr, String)>) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    for (ip, name) in all {
        if is_of_a_network(ip) && !VIRTUAL.iter().any(|start| name.starts_with(start)) && !found.contains(&ip) {
            found.push(ip);
        }
    }
    found.sort_by_key(IpAddr::is_ipv6);
    found
}

fn is_of_a_network(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unspecified(),
    }
}

/// What listens for browsers.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    pub listen: SocketAddr,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Names by which it has to be called, where its certificate is for no others.
    pub names: &'a [String],
}

/// Where a browser finds a page, as `http://HOST:PORT`: one for each address, one by name, and last the one that works on this
/// machine alone; or one for each name it has to be called by.
#[must_use]
pub fn links(page: Page<'_>, hostname: Option<&str>) -> Vec<String> {
    let addresses = addresses();
    links_by(page, &addresses, || hostname.and_then(local_name).filter(|name| mdns::is_answered(name, &addresses)))
}

fn links_by(page: Page<'_>, addresses: &[IpAddr], local_name: impl FnOnce() -> Option<String>) -> Vec<String> {
    let Page { listen, scheme, names } = page;
    let named = |name: &str| format!("{scheme}://{name}:{}", listen.port());
    if !names.is_empty() {
        return names.iter().map(|name| named(name)).collect();
    }
    let link = |ip| format!("{scheme}://{}", SocketAddr::new(ip, listen.port()));
    if !listen.ip().is_unspecified() {
        return vec![link(listen.ip())];
    }
    let mut links: Vec<String> =
        addresses.iter().filter(|ip| ip.is_ipv4() || listen.is_ipv6()).map(|ip| link(*ip)).collect();
    if !links.is_empty() {
        links.extend(local_name().map(|name| named(&name)));
    }
    links.push(link(here(listen).ip()));
    links
}

/// The name by which neighbours find this machine without a name server.
fn local_name(hostname: &str) -> Option<String> {
    let label = hostname.split('.').next().unwrap_or_default().to_lowercase();
    (!label.is_empty() && label != "localhost").then(|| format!("{label}.local"))
}

/// Where a program of this machine finds what listens on `listen`.
#[must_use]
pub fn here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

/// Every address of this machine that somebody may type: not those that mean nothing without an interface, nor the temporary ones
/// of IPv6, which change every day.
#[must_use]
pub fn every_address() -> Vec<IpAddr> {
    let temporary = temporary(&std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default());
    let up = if_addrs::get_if_addrs().unwrap_or_default().into_iter().filter(if_addrs::Interface::is_oper_up);
    let typed = |ip: &IpAddr| match ip {
        IpAddr::V4(v4) => !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_unicast_link_local() && !temporary.contains(v6),
    };
    up.map(|interface| interface.ip()).filter(typed).collect()
}

/// Of lines `<address in hex> <interface> <prefix> <scope> <flags> <name>`, those with the flag `IFA_F_TEMPORARY`
/// (`if_addr.h`).
fn temporary(table: &str) -> Vec<Ipv6Addr> {
    const TEMPORARY: u8 = 1;
    let line = |line: &str| {
        let mut fields = line.split_whitespace();
        let address = u128::from_str_radix(fields.next()?, 16).ok()?;
        let flags = u8::from_str_radix(fields.nth(3)?, 16).ok()?;
        (flags & TEMPORARY != 0).then(|| Ipv6Addr::from(address))
    };
    table.lines().filter_map(line).collect()
}

/// Whether an address is one of this machine's own, those of its bridges and links included.
#[must_use]
pub fn is_own(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_loopback()
        || ip.is_unspecified()
        || if_addrs::get_if_addrs().unwrap_or_default().iter().any(|interface| interface.ip() == ip)
}

/// Whether this is a name by which this machine calls itself: `localhost`, its host name, that name's first part, or it with
/// `.local`.
#[must_use]
pub fn is_own_name(name: &str, hostname: Option<&str>) -> bool {
    let name = name.trim_end_matches('.').to_lowercase();
    let is_hosts = |hostname: &str| {
        let hostname = hostname.to_lowercase();
        name == hostname || hostname.split('.').next() == Some(&name) || local_name(&hostname).as_ref() == Some(&name)
    };
    name == "localhost" || hostname.is_some_and(is_hosts)
}

/// The name of this machine.
#[must_use]
pub fn hostname() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_ends_on_this_machine_is_left_out() {
        let all = [
            ("127.0.0.1", "lo"),
            ("::1", "lo"),
            ("2001:db8::5", "eth0"),
            ("fe80::1", "eth0"),
            ("192.168.1.20", "eth0"),
            ("169.254.3.4", "eth1"),
            ("172.17.0.1", "docker0"),
        ];
        let all = all.map(|(text, name)| (ip(text), name.to_owned()));
        assert_eq!(chosen(all.into_iter()), [ip("192.168.1.20"), ip("2001:db8::5")]);
    }

    #[test]
    fn this_machine_is_known_by_its_addresses_and_names() {
        for own in ["127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"] {
            assert!(is_own(ip(own)), "{own}");
        }
        assert!(!is_own(ip("192.0.2.9")) && !is_own(ip("2001:db8::9")));
        for own in ["localhost", "Attic.lan", "attic", "ATTIC.local", "attic.local."] {
            assert!(is_own_name(own, Some("attic.lan")), "{own}");
        }
        for other in ["attic.example", "local", "", "cellar.local", "attic.local.lan"] {
            assert!(!is_own_name(other, Some("attic.lan")) && !is_own_name(other, None), "{other}");
        }
    }

    #[test]
    fn a_link_for_each_address_by_name_and_for_this_machine() {
        let addresses = [ip("192.168.1.20"), ip("2001:db8::5")];
        let page = |listen: &str| Page { listen: listen.parse().unwrap(), scheme: "http", names: &[] };
        let links = |listen: &str| links_by(page(listen), &addresses, || local_name("Attic.lan"));
        assert_eq!(
            links("0.0.0.0:8080"),
            ["http://192.168.1.20:8080", "http://attic.local:8080", "http://127.0.0.1:8080"]
        );
        assert_eq!(links("[::]:80")[1], "http://[2001:db8::5]:80");
        assert_eq!(links("10.0.0.7:81"), ["http://10.0.0.7:81"]);
        assert_eq!(links_by(page("0.0.0.0:1"), &[], || local_name("a")), ["http://127.0.0.1:1"]);
        let nobody_answers = links_by(page("0.0.0.0:8080"), &addresses, || None);
        assert_eq!(nobody_answers, ["http://192.168.1.20:8080", "http://127.0.0.1:8080"]);
        let names = ["hub.example".to_owned()];
        let secure = Page { scheme: "https", names: &names, ..page("0.0.0.0:8443") };
        assert_eq!(links_by(secure, &addresses, || local_name("a")), ["https://hub.example:8443"]);
    }

    #[test]
    fn temporary_addresses_are_told_by_the_kernels_flag() {
        let table = "fd000000000000000000000000000005 02 40 00 01     eth0\n\
                     fd000000000000000000000000000006 02 40 00 80     eth0\n00000000000000000000000000000001 01 80 10 80       lo\nx\n";
        assert_eq!(temporary(table), ["fd00::5".parse::<Ipv6Addr>().unwrap()]);
    }
}
