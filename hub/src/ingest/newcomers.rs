//! How many devices and series somebody may make by sending readings: so many at once, so many a minute after that, and never
//! the last tenth of the places that the hub has. PURE.
//!
//! What exists is not touched by any of it. Devices that join by themselves, admins and their imports are not held to it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::model::limits::Limits;

/// Devices that one caller may create at once, and a minute after that: a gateway of a large site has all of them in
/// one request.
const DEVICES: Rate = Rate { at_once: 1_000, a_minute: 100 };
/// The same for series: ten for each device.
const SERIES: Rate = Rate { at_once: 10_000, a_minute: 1_000 };
/// The last part of all places, one in this many, is kept for others.
const LEFT: usize = 10;
/// Callers remembered: no hub has more tokens. One whose allowance is full again is forgotten first.
const REMEMBERED: usize = 1_024;

/// Who sends what is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Maker {
    /// Somebody's session, by the hash of its cookie.
    Session([u8; 32]),
    /// A program's token, by number.
    Token(u64),
    /// The token of `--admin-token-file`.
    File,
    /// A command on this machine.
    Key,
    /// Whoever comes through a door that asks for no token, by the name of the door.
    Door(&'static str),
}

#[derive(Debug, Clone, Copy)]
struct Rate {
    at_once: usize,
    a_minute: usize,
}

/// New devices and series that a caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    pub(crate) devices: usize,
    pub(crate) series: usize,
}

/// Who may make more.
const BY_ADMIN: &str = "a token with scope `admin`, and `telemetry-hub import`, may make more";

/// Why they are not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// More than anybody may make at once: waiting does not help.
    #[error("one token may make {at_once} {what} at once and {a_minute} a minute after that: send fewer; {BY_ADMIN}")]
    TooMany { what: &'static str, at_once: usize, a_minute: usize },
    /// Too many in this minute.
    #[error("one token may make {a_minute} {what} a minute: send this again in {seconds} s; {BY_ADMIN}")]
    TooFast { what: &'static str, a_minute: usize, seconds: u32 },
    /// The rest is left to others.
    #[error("the hub takes no new {what} from a token: {BY_ADMIN}, as does a higher `--max-{what}`")]
    NoPlace { what: &'static str },
}

/// What everybody made lately.
#[derive(Debug, Default)]
pub(crate) struct Newcomers(Mutex<HashMap<Maker, Account>>);

#[derive(Debug, Clone, Copy)]
struct Account {
    devices: f64,
    series: f64,
    at: Instant,
}

impl Account {
    const fn full(now: Instant) -> Self {
        Self { devices: DEVICES.at_once as f64, series: SERIES.at_once as f64, at: now }
    }

    fn at(&self, now: Instant) -> Self {
        let minutes = now.saturating_duration_since(self.at).as_secs_f64() / 60.0;
        let grown = |left: f64, rate: Rate| (left + minutes * rate.a_minute as f64).min(rate.at_once as f64);
        Self { devices: grown(self.devices, DEVICES), series: grown(self.series, SERIES), at: now }
    }

    fn is_full(&self) -> bool {
        self.devices >= DEVICES.at_once as f64 && self.series >= SERIES.at_once as f64
    }
}

impl Newcomers {
    /// Admits everything that a caller wants to create in addition to what is `there`, or nothing of it.
    pub(crate) fn admit(
        &self,
        now: Instant,
        by: Maker,
        wanted: Wanted,
        there: Wanted,
        limits: Limits,
    ) -> Result<(), Refusal> {
        for (what, wanted, there, limit) in [
            ("devices", wanted.devices, there.devices, limits.devices),
            ("series", wanted.series, there.series, limits.series),
        ] {
            let most = limit - limit / LEFT;
            if wanted > 0 && there.saturating_add(wanted) > most {
                return Err(Refusal::NoPlace { what });
            }
        }
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let account = accounts.get(&by).map_or_else(|| Account::full(now), |account| account.at(now));
        enough("devices", wanted.devices, account.devices, DEVICES)?;
        enough("series", wanted.series, account.series, SERIES)?;
        if accounts.len() >= REMEMBERED && !accounts.contains_key(&by) {
            accounts.retain(|_, account| !account.at(now).is_full());
            // So many that are busy at once: the one that was busy first begins anew.
            let oldest = accounts.iter().min_by_key(|(_, account)| account.at).map(|(by, _)| *by);
            if let Some(oldest) = oldest.filter(|_| accounts.len() >= REMEMBERED) {
                accounts.remove(&oldest);
            }
        }
        let (devices, series) = (account.devices - wanted.devices as f64, account.series - wanted.series as f64);
        accounts.insert(by, Account { devices, series, at: now });
        Ok(())
    }

    /// Takes back what was admitted and could not be made.
    pub(crate) fn take_back(&self, by: Maker, wanted: Wanted) {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get_mut(&by) {
            account.devices += wanted.devices as f64;
            account.series += wanted.series as f64;
        }
    }
}

fn enough(what: &'static str, wanted: usize, left: f64, rate: Rate) -> Result<(), Refusal> {
    let Rate { at_once, a_minute } = rate;
    let missing = wanted as f64 - left;
    if wanted > at_once {
        return Err(Refusal::TooMany { what, at_once, a_minute });
    }
    if missing > 0.0 {
        return Err(Refusal::TooFast { what, a_minute, seconds: (missing * 60.0 / a_minute as f64).ceil() as u32 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOBODY: Wanted = Wanted { devices: 0, series: 0 };

    fn start() -> Instant {
        crate::clock::Clock.now()
    }

    #[test]
    fn one_makes_so_many_at_once_and_so_many_a_minute_and_takes_from_no_other() {
        let (newcomers, t0) = (Newcomers::default(), start());
        let (one, other) = (Maker::Token(1), Maker::Token(2));
        let make = |after: u64, by, devices| {
            let wanted = Wanted { devices, series: devices };
            newcomers.admit(t0 + Duration::from_secs(after), by, wanted, NOBODY, Limits::NONE)
        };
        assert_eq!(make(0, one, 20_000), Err(Refusal::TooMany { what: "devices", at_once: 1_000, a_minute: 100 }));
        assert_eq!(make(0, one, 1_000), Ok(()), "nothing was taken by what was refused");
        assert_eq!(make(0, one, 50), Err(Refusal::TooFast { what: "devices", a_minute: 100, seconds: 30 }));
        assert_eq!(make(0, other, 1_000), Ok(()));
        assert_eq!(make(31, one, 50), Ok(()));
        assert!(make(7 * 24 * 3_600, one, 1_001).is_err(), "it does not add up for ever");
        let wanted = Wanted { devices: 0, series: 10_001 };
        let refused = newcomers.admit(t0, Maker::File, wanted, NOBODY, Limits::NONE);
        assert!(matches!(refused, Err(Refusal::TooMany { what: "series", .. })), "{refused:?}");
    }

    #[test]
    fn the_last_places_are_left_to_others_and_what_is_there_goes_on() {
        let (newcomers, t0) = (Newcomers::default(), start());
        let limits = Limits { devices: 100, series: 1_000 };
        let make = |devices, there| {
            let (wanted, there) = (Wanted { devices, series: 1 }, Wanted { devices: there, series: 0 });
            newcomers.admit(t0, Maker::File, wanted, there, limits)
        };
        assert_eq!(make(1, 89), Ok(()));
        assert_eq!(make(1, 90), Err(Refusal::NoPlace { what: "devices" }));
        assert_eq!(make(0, 100), Ok(()), "a sensor of a device that is there");
    }

    #[test]
    fn who_asks_is_remembered_within_bounds() {
        let (newcomers, t0) = (Newcomers::default(), start());
        let wanted = Wanted { devices: 1, series: 1 };
        for id in 0..10_000 {
            newcomers.admit(t0, Maker::Token(id), wanted, NOBODY, Limits::NONE).unwrap();
        }
        assert!(newcomers.0.lock().unwrap().len() <= REMEMBERED);
    }
}
