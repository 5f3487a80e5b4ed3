//! The discovery responder: answers probes, and announces the hub from time to time.
//!
//! Answers go by unicast to the prober, are shorter than the probe, and are rationed: one a second to a source, 50 a
//! second in all. An answer to a probe that was sent to everybody (multicast or broadcast) waits 20-120 ms, so that
//! many hubs or many devices do not answer at once. It is sent only into networks that this machine is in (RFC 6762,
//! section 11): a request from elsewhere to the discovery port is ignored.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use wire::discovery::{Answer, Probe};
use wire::packet::Packet;
use wire::{HubId, PublicKey};

use super::Random;
use super::admission::{Bucket, Rate};
use super::counters::{Counters, Drop};

const OVERALL: Rate = Rate { per_second: 50.0, burst: 50.0 };
const PER_SOURCE: Duration = Duration::from_secs(1);
/// Sources remembered within their second.
const MAX_SOURCES: usize = 256;
/// Answers that wait out their jitter: what the overall rate lets through in the longest wait, and some.
const MAX_WAITING: usize = 16;
const JITTER_MS: std::ops::Range<u64> = 20..120;
/// Time between announcements, before the ±20 %.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(60);
/// Probes from lower ports are not answered: a reflected answer could reach a service.
const FIRST_USER_PORT: u16 = 1_024;

/// What a hub says of itself.
#[derive(Debug, Clone)]
pub struct Card {
    /// Hash of the key.
    pub hub: HubId,
    /// The hub's key.
    pub key: PublicKey,
    /// Its data port.
    pub port: u16,
    /// Whether strangers may ask to join; follows the join policy.
    pub accepting: Arc<AtomicBool>,
}

impl Card {
    fn answer(&self, nonce: [u8; 8]) -> Vec<u8> {
        let accepting = self.accepting.load(Ordering::Relaxed);
        Answer { accepting, hub: self.hub, key: self.key, port: self.port, nonce }.encode()
    }
}

/// Where something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// To who asked.
    Peer(SocketAddr),
    /// To the groups, on every interface.
    Groups,
}

/// Decides which probes are answered, and when.
pub struct Responder {
    card: Card,
    random: Random,
    counters: Arc<Counters>,
    overall: Bucket,
    /// Networks this machine is in.
    networks: Vec<IpNet>,
    /// When each source was answered, and the nonce of its probe.
    answered: HashMap<SocketAddr, (Instant, [u8; 8])>,
    waiting: VecDeque<(Instant, SocketAddr, [u8; 8])>,
    announce_at: Instant,
}

impl Responder {
    /// Announces itself at once.
    #[must_use]
    pub fn new(card: Card, now: Instant, random: Random, counters: Arc<Counters>) -> Self {
        Self {
            card,
            random,
            counters,
            overall: Bucket::full(OVERALL, now),
            networks: Vec::new(),
            answered: HashMap::new(),
            waiting: VecDeque::new(),
            announce_at: now,
        }
    }

    /// The networks this machine is in, from here on.
    pub fn set_networks(&mut self, networks: Vec<IpNet>) {
        self.networks = networks;
    }

    /// A datagram to the discovery port. Anything but a probe is counted and forgotten.
    pub fn handle_input(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        match Packet::parse(datagram) {
            Ok(Packet::Probe(_)) if !self.is_on_link(from.ip()) => {
                Counters::count(&self.counters.probes);
                self.counters.dropped(Drop::ProbeOffLink);
            }
            Ok(Packet::Probe(probe)) => {
                if self.admits(now, from, &probe) && self.waiting.len() < MAX_WAITING {
                    let wait = Duration::from_millis(self.jitter(JITTER_MS.start, JITTER_MS.end));
                    self.waiting.push_back((now + wait, from, probe.nonce));
                }
            }
            // Other hubs' announcements arrive here too.
            Ok(_) => {}
            Err(reason) => self.counters.malformed(reason),
        }
    }

    /// A probe sent to the data port itself: answered at once, by the same rates.
    pub fn answer_unicast(&mut self, now: Instant, from: SocketAddr, probe: &Probe) -> Option<Vec<u8>> {
        self.admits(now, from, probe).then(|| self.card.answer(probe.nonce))
    }

    /// Announces the hub at the next turn: a network appeared.
    pub const fn announce(&mut self, now: Instant) {
        self.announce_at = now;
    }

    /// The next datagram that is due.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<(To, Vec<u8>)> {
        if now >= self.announce_at {
            let spread = ANNOUNCE_EVERY.as_millis() as u64 / 5;
            let wait = ANNOUNCE_EVERY.as_millis() as u64 - spread + self.jitter(0, 2 * spread);
            self.announce_at = now + Duration::from_millis(wait);
            return Some((To::Groups, self.card.answer([0; 8])));
        }
        let due = self.waiting.iter().position(|(at, ..)| *at <= now)?;
        let (_, to, nonce) = self.waiting.remove(due)?;
        Some((To::Peer(to), self.card.answer(nonce)))
    }

    /// When [`Responder::poll_transmit`] has something again.
    #[must_use]
    pub fn poll_timeout(&self) -> Instant {
        self.waiting.iter().map(|(at, ..)| *at).chain([self.announce_at]).min().unwrap_or(self.announce_at)
    }

    fn is_on_link(&self, from: IpAddr) -> bool {
        let link_local = matches!(from, IpAddr::V6(v6) if v6.is_unicast_link_local());
        link_local || self.networks.iter().any(|network| network.contains(&from))
    }

    fn admits(&mut self, now: Instant, from: SocketAddr, probe: &Probe) -> bool {
        Counters::count(&self.counters.probes);
        if !probe.is_compatible() || from.port() < FIRST_USER_PORT {
            self.counters.dropped(if probe.is_compatible() { Drop::ProbePort } else { Drop::ProbeVersion });
            return false;
        }
        self.answered.retain(|_, (at, _)| now.saturating_duration_since(*at) < PER_SOURCE);
        // A source is an address and a port: agents behind one gateway must not silence each other.
        match self.answered.get(&from) {
            // The same probe again: it came by multicast and by broadcast, or on two interfaces.
            Some((_, nonce)) if *nonce == probe.nonce => return false,
            None if self.answered.len() < MAX_SOURCES && self.overall.take(OVERALL, now) => {}
            Some(_) | None => {
                self.counters.dropped(Drop::ProbeRate);
                return false;
            }
        }
        self.answered.insert(from, (now, probe.nonce));
        Counters::count(&self.counters.probes_answered);
        true
    }

    fn jitter(&mut self, from: u64, to: u64) -> u64 {
        let mut bytes = [0; 8];
        (self.random)(&mut bytes);
        from + u64::from_le_bytes(bytes) % (to - from).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::KeyPair;

    fn responder(now: Instant) -> Responder {
        let key = KeyPair::generate().unwrap().public;
        let card = Card { hub: HubId::of(&key), key, port: 5770, accepting: Arc::default() };
        let mut responder = Responder::new(card, now, Box::new(|bytes| bytes.fill(7)), Arc::default());
        responder.set_networks(vec!["10.0.0.0/24".parse().unwrap()]);
        responder
    }

    #[test]
    fn it_announces_at_start_and_then_every_minute_or_so() {
        let t0 = crate::clock::Clock.now();
        let mut responder = responder(t0);
        assert!(matches!(responder.poll_transmit(t0), Some((To::Groups, _))));
        assert_eq!(responder.poll_transmit(t0), None);
        let wait = responder.poll_timeout() - t0;
        assert!((48..=72).contains(&wait.as_secs()), "{wait:?}");
    }

    #[test]
    fn a_source_is_answered_once_a_second_with_fewer_bytes_than_it_sent() {
        let t0 = crate::clock::Clock.now();
        let mut responder = responder(t0);
        responder.poll_transmit(t0);
        let (from, probe) = ("10.0.0.9:4000".parse().unwrap(), Probe::new([5; 8]).encode());
        responder.handle_input(t0, from, &probe);
        responder.handle_input(t0, from, &probe);
        assert_eq!(responder.poll_transmit(t0), None, "it waits a little");
        let later = t0 + Duration::from_millis(150);
        let Some((To::Peer(to), answer)) = responder.poll_transmit(later) else { panic!("no answer") };
        assert_eq!(to, from);
        assert!(answer.len() < probe.len());
        assert!(matches!(Packet::parse(&answer), Ok(Packet::Answer(answer)) if answer.nonce == [5; 8]));
        assert_eq!(responder.poll_transmit(later), None);
    }

    #[test]
    fn a_probe_from_another_network_hears_nothing_and_is_counted() {
        let t0 = crate::clock::Clock.now();
        let mut responder = responder(t0);
        responder.poll_transmit(t0);
        for stranger in ["192.0.2.9:4000", "[2001:db8::9]:4000"] {
            responder.handle_input(t0, stranger.parse().unwrap(), &Probe::new([5; 8]).encode());
        }
        assert_eq!(responder.poll_transmit(t0 + Duration::from_secs(1)), None);
        let counted = |reason: &str| responder.counters.drops().find(|(name, _)| *name == reason).map(|(_, n)| n);
        assert_eq!(counted("probe_off_link"), Some(2));
        responder.handle_input(t0, "[fe80::9%2]:4000".parse().unwrap(), &Probe::new([5; 8]).encode());
        assert!(responder.poll_transmit(t0 + Duration::from_secs(1)).is_some(), "link-local is on the link");
    }

    #[test]
    fn the_same_probe_by_multicast_and_by_broadcast_is_one() {
        let t0 = crate::clock::Clock.now();
        let mut responder = responder(t0);
        responder.poll_transmit(t0);
        let from = "10.0.0.9:4000".parse().unwrap();
        for nonce in [5, 5, 6] {
            responder.handle_input(t0, from, &Probe::new([nonce; 8]).encode());
        }
        let refused = responder.counters.drops().find(|(name, _)| *name == "probe_rate").map(|(_, n)| n);
        assert_eq!(refused, Some(1), "another probe within the second is one too many");
        let later = t0 + Duration::from_secs(1);
        assert!(responder.poll_transmit(later).is_some() && responder.poll_transmit(later).is_none());
    }

    #[test]
    fn a_service_port_is_never_answered() {
        let t0 = crate::clock::Clock.now();
        let probe = Probe::new([5; 8]);
        assert_eq!(responder(t0).answer_unicast(t0, "10.0.0.9:53".parse().unwrap(), &probe), None);
    }
}
