//! What follows from an attempt: delivered, tried again later, or given up. PURE: time and jitter are arguments.
//!
//! | Answer | Follows |
//! |---|---|
//! | 2xx | delivered |
//! | 410 | given up, and the webhook is disabled: its owner says it is gone |
//! | any other, or none at all | tried again by [`SCHEDULE`], ±20 % so that many do not return at once |
//!
//! A 404, a refused token or a redirect is tried again as well: a proxy answers them while its server restarts, and a person
//! needs time to mend the address. What they have to mend is said at the first attempt ([`super::mend`]). A redirect is not followed: it
//! could lead anywhere.
//!
//! A message that arrives makes those due that wait for the same webhook (in the store): an outage that is over delays nobody for hours.
//!
//! `Retry-After` is clamped to 1 s - 24 h. It only delays: an endpoint that says `1` for minutes would otherwise use up all
//! tries of an alert before it is back.
//!
//! A 410 disables the webhook at once, and so do days of nothing but failures, rather than pausing it: only a person can
//! know whether the receiver returns.

use std::time::{Duration, UNIX_EPOCH};

use crate::model::UnixMillis;

/// Waits after the first, second, ... attempt; the first attempt is at once. Twelve attempts in 76 h: longer than a weekend, as
/// the example schedule of Standard Webhooks.
pub const SCHEDULE: [Duration; 11] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(14 * 3600),
    Duration::from_secs(20 * 3600),
    Duration::from_secs(24 * 3600),
];

const JITTER: f64 = 0.2;
const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);
/// A webhook whose calls have only failed for this long is disabled.
pub const GIVE_UP_ON_WEBHOOK: Duration = Duration::from_secs(5 * 24 * 3600);
/// Attempts of one message before the one that may disable its webhook: they take 43 min.
const ENOUGH: usize = 6;
/// Longer than the longest wait of the schedule.
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 3600);

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver took it.
    Delivered,
    /// The receiver says it no longer exists.
    Gone,
    /// Not now: it may work later.
    Unavailable {
        /// Not before this long.
        retry_after: Option<Duration>,
    },
}

impl Outcome {
    /// Judges an answer; `status` is `None` when none came.
    #[must_use]
    pub fn of(status: Option<u16>, retry_after: Option<&str>, now: UnixMillis) -> Self {
        match status {
            Some(200..=299) => Self::Delivered,
            Some(410) => Self::Gone,
            _ => Self::Unavailable { retry_after: retry_after.and_then(|text| parse_retry_after(text, now)) },
        }
    }
}

/// What becomes of the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Done.
    Delivered,
    /// Try again at this moment.
    RetryAt(UnixMillis),
    /// No more tries.
    GaveUp,
    /// No more tries, and none for other deliveries of this webhook.
    Disable,
}

/// Decides after the `attempts`-th attempt. `jitter` is random in -1..=1.
#[must_use]
pub fn next(attempts: usize, outcome: Outcome, now: UnixMillis, jitter: f64) -> Next {
    match outcome {
        Outcome::Delivered => Next::Delivered,
        Outcome::Gone => Next::Disable,
        Outcome::Unavailable { retry_after } => {
            let Some(wait) = SCHEDULE.get(attempts.saturating_sub(1)) else { return Next::GaveUp };
            let wait = wait.mul_f64(1.0 + JITTER * jitter.clamp(-1.0, 1.0));
            let wait = retry_after.map_or(wait, |after| after.max(wait));
            Next::RetryAt(now.plus(millis(wait)))
        }
    }
}

/// Whether a webhook has only failed for so long that it is to be disabled.
///
/// `failing_since` is when its attempts began to fail without one that did not, or without a change by a person. Before `now`
/// the message at hand was tried at the times of `attempts`: as it has been tried for hours itself, and not only after a long rest of
/// webhook or hub, one failure now and one last week do not end a webhook.
#[must_use]
pub fn only_fails(failing_since: Option<UnixMillis>, attempts: &[UnixMillis], now: UnixMillis) -> bool {
    let is_longer = |since: UnixMillis, length: Duration| now.since(since) >= millis(length);
    let has_rested = attempts.last().is_none_or(|&last| is_longer(last, LONGEST_PAUSE));
    failing_since.is_some_and(|since| is_longer(since, GIVE_UP_ON_WEBHOOK)) && attempts.len() >= ENOUGH && !has_rested
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

/// Seconds, or a date in one of the three forms of RFC 9110 (5.6.7). A number is read in whatever way it is written: with a
/// fraction, negative, or larger than any number that a computer has.
fn parse_retry_after(text: &str, now: UnixMillis) -> Option<Duration> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = if is_number {
        text.parse::<f64>().ok()?
    } else {
        let date = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        date.as_secs_f64() - now.0 as f64 / 1_000.0
    };
    let (least, most) = (RETRY_AFTER_MIN.as_secs_f64(), RETRY_AFTER_MAX.as_secs_f64());
    Some(Duration::from_secs_f64(seconds.clamp(least, most)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT, the example date of RFC 9110.
    const NOW: UnixMillis = UnixMillis(784_111_777_000);
    const DAY: i64 = 24 * 3600 * 1000;

    #[test]
    fn answers_mean_what_the_table_says() {
        let later = Outcome::Unavailable { retry_after: None };
        for status in [200, 202, 204, 299] {
            assert_eq!(Outcome::of(Some(status), None, NOW), Outcome::Delivered, "{status}");
        }
        for status in (100..=199).chain(300..=409).chain(411..=599) {
            assert_eq!(Outcome::of(Some(status), None, NOW), later, "{status}");
        }
        assert_eq!(Outcome::of(Some(410), None, NOW), Outcome::Gone);
        assert_eq!(Outcome::of(None, None, NOW), later);
    }

    #[test]
    fn twelve_tries_spread_over_three_days_and_a_bit() {
        let later = Outcome::Unavailable { retry_after: None };
        let waits: Vec<_> = (1..=11)
            .map(|attempts| {
                let next = next(attempts, later, NOW, 0.0);
                let Next::RetryAt(at) = next else { panic!("{next:?}") };
                at.since(NOW) / 1000
            })
            .collect();
        assert_eq!(waits, [5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        assert_eq!(waits.iter().sum::<i64>() / 3600, 75);
        assert_eq!(next(12, later, NOW, 0.0), Next::GaveUp);
    }

    #[test]
    fn retry_after_delays_by_seconds_or_date_within_a_second_and_a_day() {
        let wait = |text: &str| {
            let outcome = Outcome::of(Some(503), Some(text), NOW);
            let Outcome::Unavailable { retry_after } = outcome else { panic!("{outcome:?}") };
            retry_after.map(|after| after.as_secs_f64())
        };
        for (text, seconds) in [
            ("120", 120.0),
            (" 120 ", 120.0),
            ("+120", 120.0),
            ("120.5", 120.5),
            ("2.", 2.0),
            ("0", 1.0),
            ("0.001", 1.0),
            ("-0", 1.0),
            ("-120", 1.0),
            ("-120.5", 1.0),
            ("86401", 86_400.0),
            ("99999999", 86_400.0),
            ("18446744073709551616", 86_400.0),
            // The three forms of RFC 9110; the last two are obsolete, and have to be read.
            ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
            ("Sunday, 06-Nov-94 08:50:37 GMT", 60.0),
            ("Sun Nov  6 08:50:37 1994", 60.0),
            ("Sun, 06 Nov 1994 08:00:00 GMT", 1.0),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 1.0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
        ] {
            assert_eq!(wait(text), Some(seconds), "{text}");
        }
        assert_eq!(wait(&"9".repeat(400)), Some(86_400.0), "more than a number holds");
        for text in ["", "soon", "-", ".", ".5", "1.2.3", "1e3", "inf", "NaN", "0x10", "1 2", "120 s", "１２"] {
            assert_eq!(wait(text), None, "{text}");
        }
        let of = |status| Outcome::of(Some(status), Some("120"), NOW);
        for status in [302, 403, 413, 429, 500, 502, 503, 504] {
            assert_eq!(of(status), Outcome::Unavailable { retry_after: Some(Duration::from_secs(120)) }, "{status}");
        }
        assert_eq!((of(200), of(410)), (Outcome::Delivered, Outcome::Gone));
    }

    #[test]
    fn retry_after_never_shortens_the_wait() {
        let after = |seconds| Outcome::Unavailable { retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(next(1, after(20), NOW, 0.0), Next::RetryAt(NOW.plus(20_000)));
        assert_eq!(next(4, after(1), NOW, 0.0), Next::RetryAt(NOW.plus(600_000)));
    }

    #[test]
    fn five_days_of_only_failures_are_too_many() {
        let since = Some(NOW.plus(-5 * DAY));
        let hours = |hours: &[i64]| hours.iter().map(|hours| NOW.plus(-hours * 3_600_000)).collect::<Vec<_>>();
        let tried = hours(&[60, 60, 60, 60, 59, 57, 52, 42, 28]);
        assert!(only_fails(since, &tried, NOW));
        assert!(!only_fails(since, &tried, NOW.plus(-1)), "not five days yet");
        assert!(!only_fails(None, &tried, NOW), "something arrived, or a person changed it");
        assert!(!only_fails(since, &[], NOW), "the first attempt of this message");
        let for_most_of_an_hour = hours(&[2, 2, 2, 2, 1, 1]);
        assert!(only_fails(since, &for_most_of_an_hour, NOW));
        assert!(!only_fails(since, &for_most_of_an_hour[1..], NOW), "it was tried five times itself");
        let before_the_hub_was_off = hours(&[130, 130, 130, 129, 128, 124, 120]);
        assert!(!only_fails(since, &before_the_hub_was_off, NOW));
    }

    proptest! {
        #[test]
        fn a_wait_is_within_a_fifth_of_the_schedule(attempts in 1..12_usize, jitter in -5.0..5.0_f64) {
            let Next::RetryAt(at) = next(attempts, Outcome::Unavailable { retry_after: None }, NOW, jitter) else {
                panic!("gave up");
            };
            let share = at.since(NOW) as f64 / SCHEDULE[attempts - 1].as_millis() as f64;
            prop_assert!((0.79..=1.21).contains(&share));
        }

        #[test]
        fn any_retry_after_is_understood_or_ignored(text in ".*") {
            let _ = Outcome::of(Some(503), Some(&text), NOW);
        }
    }
}
