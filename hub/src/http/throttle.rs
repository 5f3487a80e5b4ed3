//! How often one address may try a secret: a password, a setup link, a join token in a link; and how much the log says of it.
//! PURE.
//!
//! Nobody closes the door for others: each address has its own tries, and when there are too many addresses those that came
//! first are forgotten. Whoever has many addresses is bounded by the tries at the password that all strangers have together;
//! the hub's own machine, where a proxy may stand for everybody, and addresses from which somebody signed in are none.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const TRIES: u32 = 5;
/// Of the hub's own machine.
const LOCAL_TRIES: u32 = 50;
/// At the password, of all strangers together.
const STRANGERS_TRIES: u32 = 100;
/// Addresses from which somebody signed in.
const KNOWN: usize = 1_000;
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered: at 64 bytes each under a megabyte.
const ADDRESSES: usize = 10_000;
/// Lines of the log a minute, from all addresses together: a flood must not fill it.
const LINES: u32 = 30;

/// Why an attempt is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    /// Until the next one is.
    pub(super) seconds: u32,
    /// Whether it is the first that was refused: worth a line in the log, as those that follow are not.
    pub(super) is_first: bool,
}

/// Attempts by address.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<Tries>);

#[derive(Debug, Default)]
struct Tries {
    by: HashMap<IpAddr, Minute>,
    local: Option<Minute>,
    strangers: Option<Minute>,
    /// The newest last.
    known: VecDeque<IpAddr>,
}

/// Tries since a moment.
#[derive(Debug, Clone, Copy)]
struct Minute {
    since: Instant,
    count: u32,
}

impl Minute {
    const fn new(since: Instant) -> Self {
        Self { since, count: 0 }
    }

    fn attempt(&mut self, now: Instant, most: u32) -> Result<(), Wait> {
        if now.duration_since(self.since) >= WINDOW {
            *self = Self::new(now);
        }
        self.count = (self.count + 1).min(most + 2);
        if self.count > most {
            let seconds = (WINDOW - now.duration_since(self.since)).as_secs() as u32 + 1;
            return Err(Wait { seconds, is_first: self.count == most + 1 });
        }
        Ok(())
    }
}

impl Throttle {
    /// Counts an attempt; how long to wait when there were too many.
    pub(super) fn attempt(&self, now: Instant, from: IpAddr) -> Result<(), Wait> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if from.to_canonical().is_loopback() {
            return tries.local.get_or_insert_with(|| Minute::new(now)).attempt(now, LOCAL_TRIES);
        }
        let (from, by) = (household(from), &mut tries.by);
        if !by.contains_key(&from) && by.len() >= ADDRESSES {
            by.retain(|_, minute| now.duration_since(minute.since) < WINDOW);
            let oldest = by.iter().min_by_key(|(_, minute)| minute.since).map(|(from, _)| *from);
            if let Some(oldest) = oldest.filter(|_| by.len() >= ADDRESSES) {
                by.remove(&oldest);
            }
        }
        by.entry(from).or_insert_with(|| Minute::new(now)).attempt(now, TRIES)
    }

    /// Counts a try at the password beside that: who has many addresses has no more tries by them.
    pub(super) fn guess(&self, now: Instant, from: IpAddr) -> Result<(), Wait> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if from.to_canonical().is_loopback() || tries.known.contains(&household(from)) {
            return Ok(());
        }
        tries.strangers.get_or_insert_with(|| Minute::new(now)).attempt(now, STRANGERS_TRIES)
    }

    /// Somebody signed in from an address: its tries are forgotten, and it is known from now on.
    pub(super) fn forgive(&self, from: IpAddr) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if from.to_canonical().is_loopback() {
            tries.local = None;
            return;
        }
        let from = household(from);
        tries.by.remove(&from);
        tries.known.retain(|known| *known != from);
        tries.known.push_back(from);
        if tries.known.len() > KNOWN {
            tries.known.pop_front();
        }
    }
}

/// What the log says of tries that were wrong: the first in a minute each, then how many there were.
#[derive(Debug, Default)]
pub(super) struct Lines(Mutex<Option<(Instant, u32)>>);

impl Lines {
    /// How many were left out before this one; `None` when this one is left out, too.
    pub(super) fn line(&self, now: Instant) -> Option<u32> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = minute.get_or_insert((now, 0));
        let mut left_out = 0;
        if now.duration_since(*since) >= WINDOW {
            left_out = count.saturating_sub(LINES);
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        (*count <= LINES).then_some(left_out)
    }
}

/// An IPv6 host has a /64 to itself and must not get a try for each of its addresses.
pub(super) fn household(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_tries_a_minute_and_not_one_more_from_the_same_household() {
        #[expect(clippy::disallowed_methods, reason = "a start for virtual time")]
        let (throttle, t0) = (Throttle::default(), Instant::now());
        let host = |last: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last));
        for last in 0..5 {
            assert_eq!(throttle.attempt(t0, host(last)), Ok(()));
        }
        for is_first in [true, false, false] {
            assert_eq!(throttle.attempt(t0 + Duration::from_secs(20), host(9)), Err(Wait { seconds: 41, is_first }));
        }
        assert_eq!(throttle.attempt(t0, IpAddr::from([10, 0, 0, 1])), Ok(()));
        assert_eq!(throttle.attempt(t0 + WINDOW, host(9)), Ok(()));
    }

    #[test]
    fn ten_thousand_networks_close_the_door_for_nobody_and_have_no_more_tries_by_it() {
        #[expect(clippy::disallowed_methods, reason = "a start for virtual time")]
        let (throttle, t0) = (Throttle::default(), Instant::now());
        let network = |n: u32| IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | u128::from(n) << 64));
        let (home, local) = (IpAddr::from([192, 168, 0, 9]), IpAddr::from([127, 0, 0, 1]));
        throttle.forgive(home);
        let tried = |n| throttle.attempt(t0, network(n)).and_then(|()| throttle.guess(t0, network(n)));
        assert_eq!((0..10_500).filter(|n| tried(*n).is_ok()).count(), STRANGERS_TRIES as usize);
        assert!(throttle.0.lock().unwrap().by.len() <= ADDRESSES);
        for from in [home, local] {
            assert_eq!((throttle.attempt(t0, from), throttle.guess(t0, from)), (Ok(()), Ok(())), "{from}");
        }
        // A link from the terminal is no password: also somebody new gets in by it.
        assert_eq!(throttle.attempt(t0, IpAddr::from([10, 0, 0, 1])), Ok(()));
        assert_eq!(throttle.guess(t0 + WINDOW, network(30_000)), Ok(()));
        // All come from one proxy on this machine.
        assert_eq!((0..100).filter(|_| throttle.attempt(t0, local).is_ok()).count(), LOCAL_TRIES as usize - 1);
    }

    #[test]
    fn a_flood_gets_thirty_lines_a_minute_and_then_its_number() {
        #[expect(clippy::disallowed_methods, reason = "a start for virtual time")]
        let (lines, t0) = (Lines::default(), Instant::now());
        let told = (0..1_000).filter(|_| lines.line(t0 + Duration::from_secs(59)) == Some(0)).count();
        assert_eq!(told, 30);
        let next = t0 + Duration::from_secs(59) + WINDOW;
        assert_eq!([lines.line(next), lines.line(next)], [Some(970), Some(0)]);
    }
}
