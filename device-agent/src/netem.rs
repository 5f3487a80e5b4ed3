//! A simulated bad network: loses, duplicates and reorders datagrams, the same way for the same seed.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::random::Random;

/// How long a reordered datagram is held back: enough for others to pass it.
const HELD_BACK: Duration = Duration::from_millis(20);

/// How bad.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Conditions {
    /// Share of datagrams that never arrive.
    pub loss: f64,
    /// Share of datagrams that arrive twice.
    pub duplicate: f64,
    /// Share of datagrams that arrive late.
    pub reorder: f64,
}

/// One direction of the network.
#[derive(Debug)]
pub struct Netem {
    conditions: Conditions,
    random: Random,
    held: VecDeque<(Instant, SocketAddr, Vec<u8>)>,
}

impl Netem {
    /// A network of these conditions.
    #[must_use]
    pub const fn new(conditions: Conditions, random: Random) -> Self {
        Self { conditions, random, held: VecDeque::new() }
    }

    /// How often this datagram goes through at once; a late one is kept for [`Netem::poll_late`].
    pub fn pass(&mut self, now: Instant, peer: SocketAddr, datagram: &[u8]) -> u32 {
        if self.conditions == Conditions::default() {
            return 1;
        }
        if self.random.chance(self.conditions.loss) {
            return 0;
        }
        if self.random.chance(self.conditions.reorder) {
            self.held.push_back((now + HELD_BACK, peer, datagram.to_vec()));
            return 0;
        }
        if self.random.chance(self.conditions.duplicate) { 2 } else { 1 }
    }

    /// A late datagram whose time has come.
    pub fn poll_late(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        self.held.front().filter(|(at, ..)| *at <= now)?;
        self.held.pop_front().map(|(_, peer, datagram)| (peer, datagram))
    }

    /// When the next late datagram is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.held.front().map(|(at, ..)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept_and_late_ones_come() {
        let conditions = Conditions { loss: 0.1, duplicate: 0.05, reorder: 0.05 };
        let mut netem = Netem::new(conditions, Random::new(7));
        let (t0, peer) = (crate::clock::now().mono, "127.0.0.1:1".parse().unwrap());
        let mut counts = [0_u32; 3];
        for _ in 0..10_000 {
            counts[netem.pass(t0, peer, b"x") as usize] += 1;
        }
        let late = std::iter::from_fn(|| netem.poll_late(t0 + HELD_BACK)).count() as u32;
        assert!((900..1100).contains(&(counts[0] - late)) && (350..550).contains(&late), "{counts:?} {late}");
        assert!((350..550).contains(&counts[2]), "{counts:?}");
    }
}
