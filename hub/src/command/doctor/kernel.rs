//! Reads the kernel's tables of sockets and multicast groups under `/proc/net`. PURE: text in, values out.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A bound UDP socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UdpSocket {
    pub(super) port: u16,
    /// Bytes that wait to be read.
    pub(super) waiting: u64,
    /// Datagrams the kernel dropped because nobody read fast enough.
    pub(super) dropped: u64,
}

/// The sockets in `/proc/net/udp` or `/proc/net/udp6`.
pub(super) fn udp_sockets(table: &str) -> Vec<UdpSocket> {
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let port = u16::from_str_radix(fields.get(1)?.rsplit_once(':')?.1, 16).ok()?;
        let waiting = u64::from_str_radix(fields.get(4)?.rsplit_once(':')?.1, 16).ok()?;
        Some(UdpSocket { port, waiting, dropped: fields.last()?.parse().ok()? })
    };
    table.lines().skip(1).filter_map(socket).collect()
}

/// The interfaces on which somebody on this machine has joined an IPv4 group, from `/proc/net/igmp`.
pub(super) fn members_v4(table: &str, group: Ipv4Addr) -> Vec<String> {
    // As the kernel has it in memory, read as a number.
    let wanted = format!("{:08X}", u32::from_ne_bytes(group.octets()));
    let mut interface = "";
    let mut found = Vec::new();
    for line in table.lines().skip(1) {
        let mut words = line.split_whitespace();
        match (line.starts_with(char::is_whitespace), words.next()) {
            (true, Some(member)) if member == wanted => found.push(interface.to_owned()),
            (false, Some(_)) => interface = words.next().unwrap_or_default().trim_end_matches(':'),
            _ => {}
        }
    }
    found
}

/// The same for IPv6, from `/proc/net/igmp6`.
pub(super) fn members_v6(table: &str, group: Ipv6Addr) -> Vec<String> {
    let wanted: String = group.octets().iter().map(|byte| format!("{byte:02x}")).collect();
    let member = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let interface = words.next()?;
        (words.next()? == wanted).then(|| interface.to_owned())
    };
    table.lines().filter_map(member).collect()
}

/// `hub_udp_dropped_total{reason="repeat"} 3` and `hub_probes_total 5`: the values of one name in Prometheus' text, each with
/// its label's value.
pub(super) fn metric<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
    text.lines().filter_map(move |line| {
        let rest = line.strip_prefix(name)?;
        let (label, value) = match rest.strip_prefix('{') {
            Some(labelled) => {
                let (label, value) = labelled.split_once('}')?;
                (label.split('"').nth(1)?, value)
            }
            None => ("", rest.strip_prefix(' ')?),
        };
        Some((label, value.trim().parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::discovery::{GROUP_V4, GROUP_V6};

    #[test]
    fn a_socket_is_read_with_what_it_lost() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            \x20 421: 00000000:168A 00000000:0000 07 00000000:00001F00 00:00000000 00000000     0        0 12345 2 0000000000000000 17\n";
        assert_eq!(udp_sockets(table), [UdpSocket { port: 5770, waiting: 7_936, dropped: 17 }]);
    }

    #[test]
    fn members_of_the_groups_are_told_by_interface() {
        let table = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n1\tlo        :     1      V3\n\
            \t\t\t\t010000E0     1 0:00000000\t\t0\n4\teth0      :     2      V3\n\t\t\t\t4854FFEF     1 0:00000000\t\t0\n\
            \t\t\t\t010000E0     1 0:00000000\t\t0\n";
        let little_endian = cfg!(target_endian = "little");
        assert_eq!(members_v4(table, GROUP_V4) == ["eth0"], little_endian);
        let table = "1    lo              ff020000000000000000000000000001     1 0000000C 0\n\
            4    eth0            ff020000000000000000000054485542     1 00000004 0\n";
        assert_eq!(members_v6(table, GROUP_V6), ["eth0"]);
    }

    #[test]
    fn metrics_are_read_with_and_without_labels() {
        let text =
            "# TYPE hub_probes_total counter\nhub_probes_total 5\nhub_udp_dropped_total{reason=\"probe_rate\"} 3\n";
        assert_eq!(metric(text, "hub_probes_total").collect::<Vec<_>>(), [("", 5)]);
        assert_eq!(metric(text, "hub_udp_dropped_total").collect::<Vec<_>>(), [("probe_rate", 3)]);
        assert_eq!(metric(text, "hub_probes").count(), 0);
    }
}
