//! When and where the hub is asked for, while there is none: probes to every group, and to addresses that were given. PURE.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wire::discovery::Probe;

use super::outbox::Outbox;
use crate::random::Random;

/// Pauses between probes: doubling between these.
const FIRST_PROBE: Duration = Duration::from_secs(1);
pub(super) const LONGEST_PROBE: Duration = Duration::from_secs(10);

/// One search at a time, and where it asks.
#[derive(Debug)]
pub(super) struct Probes {
    /// What answers of this search bring back.
    pub(super) nonce: [u8; 8],
    /// How often was asked in it.
    pub(super) count: u32,
    /// When to ask again; `None`: nothing is searched.
    pub(super) due: Option<Instant>,
    /// The driver has a probe to send to every group.
    pub(super) to_groups: bool,
    /// Addresses to ask directly: those that `--hub` names.
    pub(super) addresses: Vec<SocketAddr>,
    /// Addresses of well-known names.
    pub(super) named: Vec<SocketAddr>,
    /// The first answer of a hub in this search, while others may still answer.
    pub(super) heard_at: Option<Instant>,
}

impl Probes {
    /// A search that begins at once.
    pub(super) const fn new(nonce: [u8; 8], now: Instant) -> Self {
        Self {
            nonce,
            count: 0,
            due: Some(now),
            to_groups: false,
            addresses: Vec::new(),
            named: Vec::new(),
            heard_at: None,
        }
    }

    /// Begins to search, from `at` on.
    pub(super) fn begin(&mut self, at: Instant) {
        (self.due, self.count) = (Some(at), 0);
    }

    /// A hub was found.
    pub(super) fn end(&mut self) {
        (self.due, self.count, self.heard_at) = (None, 0, None);
    }

    /// Whether it is time to ask.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| now >= due)
    }

    /// Follows which addresses to ask directly: asked at once while something is searched.
    pub(super) fn set_addresses(&mut self, addresses: Vec<SocketAddr>, now: Instant) {
        if addresses != self.addresses {
            self.addresses = addresses;
            self.due = self.due.map(|_| now);
        }
    }

    /// Follows the addresses of well-known names: new ones are asked at once while something is searched.
    pub(super) fn set_named(&mut self, named: Vec<SocketAddr>, now: Instant) {
        if named != self.named {
            let has_more = named.iter().any(|address| !self.named.contains(address));
            self.named = named;
            self.due = self.due.map(|due| if has_more { now } else { due });
        }
    }

    /// Asks: the given addresses, and where `everywhere` also every group and every well-known name.
    pub(super) fn ask(&mut self, now: Instant, everywhere: bool, random: &mut Random, outbox: &mut Outbox) {
        // A nonce serves one search: an answer that comes after the next probe is as good.
        for address in &self.addresses {
            outbox.send(*address, Probe::new(self.nonce).encode());
        }
        self.to_groups = everywhere;
        for address in self.named.iter().filter(|address| everywhere && !self.addresses.contains(address)) {
            outbox.send(*address, Probe::new(self.nonce).encode());
        }
        let wait = (FIRST_PROBE * 2_u32.pow(self.count.min(4))).min(LONGEST_PROBE);
        self.count += 1;
        self.due = Some(now + random.between(wait.mul_f64(0.75), wait));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_asks_each_address_once_a_round_ever_less_often_and_nobody_once_it_has_ended() {
        let start = crate::clock::now().mono;
        let (mut random, mut outbox) = (Random::new(1), Outbox::default());
        let mut probes = Probes::new([7; 8], start);
        let [given, named]: [SocketAddr; 2] = ["10.0.0.1:5770", "10.0.0.2:5770"].map(|text| text.parse().unwrap());
        probes.set_addresses(vec![given], start);
        probes.set_named(vec![given, named], start);
        let mut waits = Vec::new();
        for _ in 0..3 {
            let at = probes.due.unwrap();
            assert!(probes.is_due(at));
            probes.ask(at, true, &mut random, &mut outbox);
            let asked: Vec<_> = std::iter::from_fn(|| outbox.next_datagram()).map(|(to, _)| to).collect();
            assert_eq!(asked, [given, named]);
            waits.push(probes.due.unwrap() - at);
        }
        assert!(waits.is_sorted() && waits[0] < waits[2], "{waits:?}");
        probes.ask(start, false, &mut random, &mut outbox);
        assert_eq!(std::iter::from_fn(|| outbox.next_datagram()).count(), 1, "names are left out");
        probes.end();
        assert!(!probes.is_due(start + Duration::from_secs(3_600)));
    }
}
