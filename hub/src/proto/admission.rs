//! Limits how many handshakes a source may ask for before it must prove that its address is its own.
//!
//! A handshake costs 0.4 ms of curve arithmetic. Below the rates anybody may ask. Above them only clients are served
//! that return the cookie sent to their address (WireGuard's `mac2`), and even those no faster than the hub can bear. A
//! check here takes a few hundred nanoseconds whoever asks and however many do, so that a flood does not slow it down.

use std::hash::{BuildHasher, RandomState};
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
/// Cookies handed out a second, for 15 % of a core. A fleet of 10,000 has its cookies within a second. In a larger flood some
/// senders get no answer, genuine devices among them: those ask again.
const COOKIES: Rate = Rate { per_second: 20_000.0, burst: 4_096.0 };
/// Buckets for addresses. Addresses with the same keyed hash share a bucket and its rate: at worst a device has to prove its
/// address although it alone would not have had to.
const SOURCES: usize = 4_096;
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

/// Keeps the rates and the cookie secrets.
#[derive(Debug)]
pub struct Admission {
    sources: Vec<Bucket>,
    /// Key of the hash that places addresses in `sources`: an attacker cannot tell which addresses share a bucket.
    places: RandomState,
    overall: Bucket,
    proven: Bucket,
    cookies: Bucket,
    secrets: [[u8; 32]; 2],
    rotated: Instant,
}

impl Admission {
    /// Starts with two random secrets.
    #[must_use]
    pub fn new(now: Instant, secrets: [[u8; 32]; 2]) -> Self {
        Self {
            sources: vec![Bucket::full(PER_SOURCE, now); SOURCES],
            places: RandomState::new(),
            overall: Bucket::full(OVERALL, now),
            proven: Bucket::full(PROVEN, now),
            cookies: Bucket::full(COOKIES, now),
            secrets,
            rotated: now,
        }
    }

    /// Asks for one handshake from `from` without a proof; `false`: it needs one of its [`Admission::cookies`].
    pub fn calm(&mut self, now: Instant, from: SocketAddr) -> bool {
        let place = self.place(from);
        let source = self.sources.get_mut(place);
        source.is_some_and(|bucket| bucket.take(PER_SOURCE, now)) && self.overall.take(OVERALL, now)
    }

    /// What proves an address: the cookie it gets now, and the one from before the secret rotated.
    #[must_use]
    pub fn cookies(&self, from: SocketAddr) -> [[u8; 16]; 2] {
        self.secrets.map(|secret| cookie_for(&secret, &from))
    }

    /// Asks for leave to send one cookie.
    pub fn hand_out(&mut self, now: Instant) -> bool {
        self.cookies.take(COOKIES, now)
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
        }
    }

    fn place(&self, from: SocketAddr) -> usize {
        self.places.hash_one(network(from.ip())) as usize % SOURCES
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
        let address = |n: u8| SocketAddr::from(([10, 0, 0, n], 5_000));
        let loud = address(1);
        let quiet = (2..).map(address).find(|other| admission.place(*other) != admission.place(loud)).unwrap();
        assert!((0..40).all(|_| admission.calm(t0, loud)));
        assert!(!admission.calm(t0, loud));
        assert!(admission.calm(t0, quiet));
        assert!(admission.calm(t0 + Duration::from_secs(1), loud));
    }

    #[test]
    fn a_cookie_outlives_one_rotation_of_the_secret() {
        let t0 = start();
        let mut admission = Admission::new(t0, [[1; 32], [2; 32]]);
        let from = "10.0.0.1:5000".parse().unwrap();
        let cookie = cookie_for(&[1; 32], &from);
        admission.rotate(t0 + COOKIE_LIFE, || [3; 32]);
        assert_eq!(admission.cookies(from), [cookie_for(&[3; 32], &from), cookie]);
    }

    #[test]
    fn a_flood_from_everywhere_gets_what_is_free_and_the_cookies_of_a_fleet() {
        let t0 = start();
        let mut admission = Admission::new(t0, [[1; 32], [2; 32]]);
        let from = |n: u32| SocketAddr::new(IpAddr::from(n.to_be_bytes()), 5_000);
        assert_eq!((0..20_000).filter(|n| admission.calm(t0, from(*n))).count(), 400);
        assert_eq!((0..20_000).filter(|_| admission.hand_out(t0)).count(), 4_096);
    }
}
