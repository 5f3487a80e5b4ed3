//! Which networks a door is open to. PURE.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// The networks.
#[derive(Debug, Clone)]
pub(super) struct Allowed(Vec<IpNet>);

impl Allowed {
    /// Those of a list; this machine alone where it is empty.
    pub(super) fn of(listed: &[IpNet]) -> Self {
        if listed.is_empty() {
            let own =
                [IpNet::new(IpAddr::from([127, 0, 0, 0]), 8), IpNet::new(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]), 128)];
            return Self(own.into_iter().flatten().collect());
        }
        Self(listed.to_vec())
    }

    /// Whether an address is in one of them.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&networks.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_open_to_this_machine_or_to_what_is_listed() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let own = Allowed::of(&[]);
        assert!(own.has(ip("127.0.0.1")) && own.has(ip("::1")) && own.has(ip("::ffff:127.0.0.1")));
        assert!(!own.has(ip("192.168.0.5")));
        let home = Allowed::of(&["192.168.0.0/16".parse().unwrap()]);
        assert!(home.has(ip("192.168.0.5")) && home.has(ip("::ffff:192.168.0.5")) && !home.has(ip("127.0.0.1")));
        assert_eq!(home.to_string(), "192.168.0.0/16");
    }
}
