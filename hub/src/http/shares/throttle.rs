//! How often one address may try a secret: a password, a setup link, a join token in a link; how often strangers may try one
//! account's password; how often whoever has that may try its code; and how much the log says of it. PURE.
//!
//! Nobody closes the door for others: each address has its own tries, and when there are too many addresses those that came
//! first are forgotten. Whoever has many addresses is bounded by the tries that strangers have at one account, so that the others
//! stay open, and by those they have in all; the hub's own machine, where a proxy may stand for everybody, and addresses from which
//! somebody signed in are none. Whoever signs in gets back that one try: with an account of one's own nobody tries another's
//! without end.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const TRIES: u32 = 5;
/// Tries a minute from the hub's own machine.
const LOCAL_TRIES: u32 = 50;
/// Tries a minute at passwords, of all unknown addresses together.
const STRANGERS_TRIES: u32 = 100;
/// Tries a minute at the password of one name, whether it exists or not.
const ACCOUNT_TRIES: u32 = 20;
/// Wrong codes of one user in a row: at three of a million that hold at a time, a thief of the password is in after two years on
/// average.
const CODES: u32 = 5;
const CODES_WINDOW: Duration = Duration::from_secs(15 * 60);
/// Users with wrong codes that are remembered: all there can be.
const CODERS: usize = 256;
/// Addresses from which somebody signed in.
const KNOWN: usize = 1_000;
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered: at 64 bytes each under a megabyte.
const ADDRESSES: usize = 10_000;
/// Lines of the log a minute, from all addresses together: a flood must not fill it.
const LINES: u32 = 30;

/// Why an attempt is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Wait {
    /// Until the next one is.
    pub(in crate::http) seconds: u32,
    /// Whether it is the first that was refused: worth a line in the log, as those that follow are not.
    pub(in crate::http) is_first: bool,
}

/// Attempts by address.
#[derive(Debug, Default)]
pub(in crate::http) struct Throttle(Mutex<Tries>);

#[derive(Debug, Default)]
struct Tries {
    by: HashMap<IpAddr, Minute>,
    local: Option<Minute>,
    strangers: Option<Minute>,
    accounts: HashMap<u64, Minute>,
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

    fn attempt(&mut self, now: Instant, most: u32, window: Duration) -> Result<(), Wait> {
        if now.duration_since(self.since) >= window {
            *self = Self::new(now);
        }
        self.count = (self.count + 1).min(most + 2);
        if self.count > most {
            let seconds = (window - now.duration_since(self.since)).as_secs() as u32 + 1;
            return Err(Wait { seconds, is_first: self.count == most + 1 });
        }
        Ok(())
    }
}

impl Throttle {
    /// Counts an attempt; how long to wait when there were too many.
    pub(in crate::http) fn attempt(&self, now: Instant, from: IpAddr) -> Result<(), Wait> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if from.to_canonical().is_loopback() {
            return tries.local.get_or_insert_with(|| Minute::new(now)).attempt(now, LOCAL_TRIES, WINDOW);
        }
        let (from, by) = (household(from), &mut tries.by);
        if !by.contains_key(&from) && by.len() >= ADDRESSES {
            by.retain(|_, minute| now.duration_since(minute.since) < WINDOW);
            let oldest = by.iter().min_by_key(|(_, minute)| minute.since).map(|(from, _)| *from);
            if let Some(oldest) = oldest.filter(|_| by.len() >= ADDRESSES) {
                by.remove(&oldest);
            }
        }
        by.entry(from).or_insert_with(|| Minute::new(now)).attempt(now, TRIES, WINDOW)
    }

    /// Counts a try at the password of an account beside that: who has many addresses has no more tries by them.
    pub(in crate::http) fn guess(&self, now: Instant, from: IpAddr, account: u64) -> Result<(), Full> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if from.to_canonical().is_loopback() || tries.known.contains(&household(from)) {
            return Ok(());
        }
        let mut at_it = tries.accounts.get(&account).copied().unwrap_or_else(|| Minute::new(now));
        let allowed = at_it.attempt(now, ACCOUNT_TRIES, WINDOW).map_err(Full::Account);
        // What is refused for the account takes nothing from the others; what is refused for all fills no table.
        let all = tries.strangers.get_or_insert_with(|| Minute::new(now));
        let allowed = allowed.and_then(|()| all.attempt(now, STRANGERS_TRIES, WINDOW).map_err(Full::All));
        if !matches!(allowed, Err(Full::All(_))) {
            tries.accounts.retain(|_, minute| now.duration_since(minute.since) < WINDOW);
            tries.accounts.insert(account, at_it);
        }
        allowed
    }

    /// An attempt was right: it is one less.
    pub(in crate::http) fn take_back(&self, from: IpAddr) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_here = from.to_canonical().is_loopback();
        let minute = if is_here { tries.local.as_mut() } else { tries.by.get_mut(&household(from)) };
        if let Some(minute) = minute {
            minute.count = minute.count.saturating_sub(1);
        }
    }

    /// Somebody signed in from an address: it is known from now on.
    pub(in crate::http) fn remember(&self, from: IpAddr) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if from.to_canonical().is_loopback() {
            return;
        }
        let from = household(from);
        tries.known.retain(|known| *known != from);
        tries.known.push_back(from);
        if tries.known.len() > KNOWN {
            tries.known.pop_front();
        }
    }
}

/// Of which tries at a password there were too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Full {
    /// Those of strangers at this account.
    Account(Wait),
    /// Those of strangers at all accounts together.
    All(Wait),
}

/// Wrong codes beside right passwords, by user.
#[derive(Debug, Default)]
pub(in crate::http) struct Codes(Mutex<HashMap<u64, Minute>>);

impl Codes {
    /// Counts a try at the code of a user; how long to wait when there were too many.
    pub(in crate::http) fn attempt(&self, now: Instant, user: u64) -> Result<(), Wait> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= CODERS {
            tries.retain(|_, minute| now.duration_since(minute.since) < CODES_WINDOW);
        }
        tries.entry(user).or_insert_with(|| Minute::new(now)).attempt(now, CODES, CODES_WINDOW)
    }

    /// A code was right.
    pub(in crate::http) fn forgive(&self, user: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&user);
    }
}

/// What the log says of tries that were wrong: the first in a minute each, then how many there were.
#[derive(Debug, Default)]
pub(in crate::http) struct Lines(Mutex<Option<(Instant, u32)>>);

impl Lines {
    /// How many were left out before this one; `None` when this one is left out, too.
    pub(in crate::http) fn line(&self, now: Instant) -> Option<u32> {
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
pub(in crate::http) fn household(ip: IpAddr) -> IpAddr {
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
        throttle.remember(home);
        let tried = |n| throttle.attempt(t0, network(n)).is_ok() && throttle.guess(t0, network(n), n.into()).is_ok();
        assert_eq!((0..10_500).filter(|n| tried(*n)).count(), STRANGERS_TRIES as usize);
        assert!(throttle.0.lock().unwrap().accounts.len() <= STRANGERS_TRIES as usize);
        assert!(throttle.0.lock().unwrap().by.len() <= ADDRESSES);
        for from in [home, local] {
            assert_eq!((throttle.attempt(t0, from), throttle.guess(t0, from, 1)), (Ok(()), Ok(())), "{from}");
        }
        // A link from the terminal is no password: also somebody new gets in by it.
        assert_eq!(throttle.attempt(t0, IpAddr::from([10, 0, 0, 1])), Ok(()));
        assert_eq!(throttle.guess(t0 + WINDOW, network(30_000), 1), Ok(()));
        // All come from one proxy on this machine.
        assert_eq!((0..100).filter(|_| throttle.attempt(t0, local).is_ok()).count(), LOCAL_TRIES as usize - 1);
    }

    #[test]
    fn one_account_that_is_tried_from_everywhere_leaves_the_others_open() {
        #[expect(clippy::disallowed_methods, reason = "a start for virtual time")]
        let (throttle, t0) = (Throttle::default(), Instant::now());
        let network = |n: u8| IpAddr::from([10, 0, n, 1]);
        let allowed = (0..200).filter(|n| throttle.guess(t0, network(*n), 7).is_ok()).count();
        assert_eq!(allowed, ACCOUNT_TRIES as usize);
        assert_eq!(throttle.guess(t0, network(201), 7), Err(Full::Account(Wait { seconds: 61, is_first: false })));
        assert_eq!(throttle.guess(t0, network(201), 8), Ok(()));
        assert_eq!(throttle.guess(t0 + WINDOW, network(201), 7), Ok(()));
    }

    #[test]
    fn with_an_account_of_ones_own_nobody_has_more_tries_at_another() {
        #[expect(clippy::disallowed_methods, reason = "a start for virtual time")]
        let (throttle, t0) = (Throttle::default(), Instant::now());
        for from in [IpAddr::from([10, 0, 0, 1]), IpAddr::from([127, 0, 0, 1])] {
            let most = if from.is_loopback() { LOCAL_TRIES } else { TRIES };
            let wrong = (0..1_000).filter(|_| {
                let tried = throttle.attempt(t0, from).is_ok();
                if throttle.attempt(t0, from).is_ok() {
                    throttle.take_back(from);
                    throttle.remember(from);
                }
                tried
            });
            assert_eq!(wrong.count(), most as usize);
        }
    }

    #[test]
    fn a_user_has_five_wrong_codes_and_others_theirs() {
        #[expect(clippy::disallowed_methods, reason = "a start for virtual time")]
        let (codes, t0) = (Codes::default(), Instant::now());
        assert_eq!((0..9).filter(|_| codes.attempt(t0, 1).is_ok()).count(), CODES as usize);
        assert_eq!(codes.attempt(t0, 2), Ok(()));
        assert_eq!(codes.attempt(t0 + CODES_WINDOW, 1), Ok(()));
        assert!((0..9).any(|_| codes.attempt(t0 + CODES_WINDOW, 1).is_err()));
        codes.forgive(1);
        assert_eq!(codes.attempt(t0 + CODES_WINDOW, 1), Ok(()));
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
