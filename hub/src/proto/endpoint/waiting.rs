//! The list of devices that wait for a person, when it is full: nobody new is turned away, so a true device is seen whatever a
//! stranger does beside it. Who gives way is of the network with the most that wait, there of the address with the most, and of
//! those the one that has waited longest.
//!
//! A network is what one stranger has all addresses of: an IPv6 /64, and an IPv4 /24, the usual size of a LAN.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::PublicKey;
use crate::model::device::Pending;

/// Which waiting device is dropped for one more.
pub(super) fn gives_way<'a>(waiting: impl Iterator<Item = (&'a PublicKey, &'a Pending)> + Clone) -> Option<PublicKey> {
    let mut of_network: HashMap<IpAddr, u32> = HashMap::new();
    let mut of_address: HashMap<IpAddr, u32> = HashMap::new();
    for (_, pending) in waiting.clone() {
        *of_network.entry(network(pending.address.ip())).or_default() += 1;
        *of_address.entry(pending.address.ip()).or_default() += 1;
    }
    let rank = |pending: &Pending| {
        let ip = pending.address.ip();
        let network = network(ip);
        // The network itself is part of the rank: of two equally large ones always the same one gives way.
        (
            of_network.get(&network).copied(),
            network,
            of_address.get(&ip).copied(),
            Reverse(pending.first_seen),
            pending.id,
        )
    };
    waiting.max_by_key(|(_, pending)| rank(pending)).map(|(key, _)| *key)
}

fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::device::Introduction;
    use crate::model::{DeviceId, UnixMillis};

    fn pending(number: u8, address: &str, since: i64) -> (PublicKey, Pending) {
        let key = PublicKey([number; 32]);
        let pending = Pending {
            id: DeviceId::of(&key),
            key,
            introduction: Introduction::default(),
            address: format!("{address}:4000").parse().unwrap(),
            first_seen: UnixMillis(since),
            last_seen: UnixMillis(since),
            preview: Vec::new(),
            handshake_counter: 1,
        };
        (key, pending)
    }

    fn first_to_go(waiting: &[(u8, &str, i64)]) -> Option<u8> {
        let all: Vec<_> = waiting.iter().map(|(number, address, since)| pending(*number, address, *since)).collect();
        gives_way(all.iter().map(|(key, pending)| (key, pending))).map(|key| key.0[0])
    }

    #[test]
    fn the_oldest_of_the_greediest_gives_way() {
        assert_eq!(first_to_go(&[]), None);
        // A /64 with three against a device that came before all of them.
        let one = [(1, "10.0.0.7", 0), (2, "[2001:db8::1]", 3), (3, "[2001:db8::2]", 2), (4, "[2001:db8::3]", 4)];
        assert_eq!(first_to_go(&one), Some(3));
        // Neighbours in another /64 are another network.
        let two = [(1, "[2001:db8:0:1::7]", 0), (2, "[2001:db8::1]", 3), (3, "[2001:db8::2]", 2)];
        assert_eq!(first_to_go(&two), Some(3));
        // In one LAN: the address with the most.
        let lan = [(1, "192.168.0.7", 0), (2, "192.168.0.9", 2), (3, "192.168.0.9", 1), (4, "192.168.1.9", 0)];
        assert_eq!(first_to_go(&lan), Some(3));
    }
}
