//! How many handshakes a source may ask for before it must prove that its address is its own.
//!
//! A handshake costs 0.4 ms of curve arithmetic. Below the rates it is free to ask; above them only who returns the
//! cookie sent to its address is heard (WireGuard's `mac2`), and even then no more than the hub can bear.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use wire::handshake::cookie_for;

/// Handshakes a second from one address (IPv4 /32, IPv6 /64) without a cookie, and how many at once.
const PER_SOURCE: Rate = Rate { per_second: 20.0, burst: 40.0 };
/// Handshakes a second from everybody without a cookie.
const OVERALL: Rate = Rate { per_second: 200.0, burst: 400.0 };
/// Handshakes a second with a cookie: 10,000 agents return within 5 s of a hub restart, for 80 % of a core. Those that
/// come at once wait in their queue, which is as long.
const PROVEN: Rate = Rate { per_second: 2_000.0, burst: 4_096.0 };
/// Addresses remembered; at the edge the least recently heard are forgotten.
const MAX_SOURCES: usize = 4_096;
/// A cookie's life: two of these (the secret rotates, the previous one still counts).
const COOKIE_LIFE: Duration = Duration::from_secs(128);

/// How often something may happen.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Sustained.
    pub per_second: f64,
    /// At once.
    pub burst: f64,
}

/// A token bucket.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    #[must_use]
    pub const fn full(rate: Rate, now: Instant) -> Self {
        Self { tokens: rate.burst, at: now }
    }

    /// Takes one token if there is one.
    pub fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * rate.per_second).min(rate.burst);
        self.at = now;
        let taken = self.tokens >= 1.0;
        if taken {
            self.tokens -= 1.0;
        }
        taken
    }
}

/// What to do with a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Read it.
    Open,
    /// Read it if it proves its address by one of these cookies; else send the first one there.
    Prove([[u8; 16]; 2]),
}

/// Keeps the rates and the cookie secrets.
#[derive(Debug)]
pub struct Admission {
    sources: HashMap<IpAddr, Bucket>,
    overall: Bucket,
    proven: Bucket,
    secrets: [[u8; 32]; 2],
    rotated: Instant,
}

impl Admission {
    /// Starts with two random secrets.
    #[must_use]
    pub fn new(now: Instant, secrets: [[u8; 32]; 2]) -> Self {
        Self {
            sources: HashMap::new(),
            overall: Bucket::full(OVERALL, now),
            proven: Bucket::full(PROVEN, now),
            secrets,
            rotated: now,
        }
    }

    /// Asks for one handshake from `from`.
    pub fn gate(&mut self, now: Instant, from: SocketAddr) -> Gate {
        let source = network(from.ip());
        if self.sources.len() >= MAX_SOURCES && !self.sources.contains_key(&source) {
            self.forget_idle(now);
        }
        let within = self.sources.len() < MAX_SOURCES || self.sources.contains_key(&source);
        let calm = within
            && self.sources.entry(source).or_insert_with(|| Bucket::full(PER_SOURCE, now)).take(PER_SOURCE, now)
            && self.overall.take(OVERALL, now);
        if calm { Gate::Open } else { Gate::Prove(self.secrets.map(|secret| cookie_for(&secret, &from))) }
    }

    /// Asks for one handshake that proved its address.
    pub fn proven(&mut self, now: Instant) -> bool {
        self.proven.take(PROVEN, now)
    }

    /// Rotates the secret when it is due; `fresh` is random.
    pub fn rotate(&mut self, now: Instant, fresh: impl FnOnce() -> [u8; 32]) {
        if now.saturating_duration_since(self.rotated) >= COOKIE_LIFE {
            self.secrets = [fresh(), self.secrets[0]];
            self.rotated = now;
            self.forget_idle(now);
        }
    }

    fn forget_idle(&mut self, now: Instant) {
        let refilled = Duration::from_secs_f64(PER_SOURCE.burst / PER_SOURCE.per_second);
        self.sources.retain(|_, bucket| now.saturating_duration_since(bucket.at) < refilled);
    }
}

/// The network that counts as one source.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        crate::clock::Clock.now()
    }

    #[test]
    fn a_burst_from_one_address_must_prove_itself_and_calms_down() {
        let t0 = start();
        let mut admission = Admission::new(t0, [[1; 32], [2; 32]]);
        let (loud, quiet) = ("10.0.0.1:5000".parse().unwrap(), "10.0.0.2:5000".parse().unwrap());
        assert!((0..40).all(|_| admission.gate(t0, loud) == Gate::Open));
        assert!(matches!(admission.gate(t0, loud), Gate::Prove(_)));
        assert_eq!(admission.gate(t0, quiet), Gate::Open);
        assert_eq!(admission.gate(t0 + Duration::from_secs(1), loud), Gate::Open);
    }

    #[test]
    fn a_cookie_outlives_one_rotation_of_the_secret() {
        let t0 = start();
        let mut admission = Admission::new(t0, [[1; 32], [2; 32]]);
        let from = "10.0.0.1:5000".parse().unwrap();
        let cookie = cookie_for(&[1; 32], &from);
        admission.rotate(t0 + COOKIE_LIFE, || [3; 32]);
        for _ in 0..40 {
            admission.gate(t0 + COOKIE_LIFE, from);
        }
        assert_eq!(admission.gate(t0 + COOKIE_LIFE, from), Gate::Prove([cookie_for(&[3; 32], &from), cookie]));
    }

    #[test]
    fn many_addresses_cost_bounded_memory() {
        let t0 = start();
        let mut admission = Admission::new(t0, [[1; 32], [2; 32]]);
        for n in 0..20_000_u32 {
            admission.gate(t0, SocketAddr::new(IpAddr::from(n.to_be_bytes()), 5000));
        }
        assert!(admission.sources.len() <= MAX_SOURCES);
    }
}
