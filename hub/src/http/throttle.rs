//! How often one address may try a secret: a password, a setup link, a join token in a link; and how much the log says of it.
//! PURE.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const TRIES: u32 = 5;
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered: at 64 bytes each under a megabyte. When all are in their window, strangers wait.
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
pub(super) struct Throttle(Mutex<HashMap<IpAddr, (Instant, u32)>>);

impl Throttle {
    /// Counts an attempt; how long to wait when there were too many.
    pub(super) fn attempt(&self, now: Instant, from: IpAddr) -> Result<(), Wait> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = household(from);
        if !tries.contains_key(&from) && tries.len() >= ADDRESSES {
            tries.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
            if tries.len() >= ADDRESSES {
                return Err(Wait { seconds: WINDOW.as_secs() as u32, is_first: false });
            }
        }
        let (since, count) = tries.entry(from).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = (*count + 1).min(TRIES + 2);
        if *count > TRIES {
            let seconds = (WINDOW - now.duration_since(*since)).as_secs() as u32 + 1;
            return Err(Wait { seconds, is_first: *count == TRIES + 1 });
        }
        Ok(())
    }

    /// Forgets an address after a success.
    pub(super) fn forgive(&self, from: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&household(from));
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
    fn a_flood_gets_thirty_lines_a_minute_and_then_its_number() {
        #[expect(clippy::disallowed_methods, reason = "a start for virtual time")]
        let (lines, t0) = (Lines::default(), Instant::now());
        let told = (0..1_000).filter(|_| lines.line(t0 + Duration::from_secs(59)) == Some(0)).count();
        assert_eq!(told, 30);
        let next = t0 + Duration::from_secs(59) + WINDOW;
        assert_eq!([lines.line(next), lines.line(next)], [Some(970), Some(0)]);
    }
}
