//! What follows from an attempt: delivered, tried again later, or given up. PURE: time and jitter are arguments.
//!
//! | Answer | Follows |
//! |---|---|
//! | 2xx | delivered |
//! | 410 | given up, and the webhook is disabled: its owner says it is gone |
//! | 408, 425, 429, 5xx, or none at all | tried again by [`SCHEDULE`], ±20 % so that many do not return at once |
//! | other (3xx, 4xx) | given up: repeating changes nothing, and a redirect could lead anywhere |
//!
//! `Retry-After` counts with 429, 502, 503 and 504, clamped to 1 s - 24 h. It only delays: an endpoint that says `1` for
//! minutes would otherwise use up all tries of an alert before it is back.
//!
//! A 410 disables the webhook at once, and so do days of nothing but failures, rather than pausing it: only a person can
//! know whether the receiver returns.

use std::time::Duration;

use crate::model::UnixMillis;

/// Waits after the first, second, ... attempt. The first is at once; alerts age fast, so two early tries are added to
/// Standard Webhooks' usual schedule (5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h).
pub const SCHEDULE: [Duration; 9] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(10 * 3600),
];

const JITTER: f64 = 0.2;
const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);
/// A webhook whose calls have only failed for this long is disabled.
pub const GIVE_UP_ON_WEBHOOK: Duration = Duration::from_secs(5 * 24 * 3600);

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
    /// It will not work later either.
    Refused,
}

impl Outcome {
    /// Judges an answer; `status` is `None` when none came.
    #[must_use]
    pub fn of(status: Option<u16>, retry_after: Option<&str>, now: UnixMillis) -> Self {
        match status {
            Some(200..=299) => Self::Delivered,
            Some(410) => Self::Gone,
            Some(429 | 502 | 503 | 504) => {
                Self::Unavailable { retry_after: retry_after.and_then(|text| parse_retry_after(text, now)) }
            }
            None | Some(408 | 425 | 500..=599) => Self::Unavailable { retry_after: None },
            Some(_) => Self::Refused,
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
        Outcome::Refused => Next::GaveUp,
        Outcome::Unavailable { retry_after } => {
            let Some(wait) = SCHEDULE.get(attempts.saturating_sub(1)) else { return Next::GaveUp };
            let wait = wait.mul_f64(1.0 + JITTER * jitter.clamp(-1.0, 1.0));
            let wait = retry_after.map_or(wait, |after| after.max(wait));
            Next::RetryAt(now.plus(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
        }
    }
}

/// Since when a webhook only failed, if that is too long: it is to be disabled.
///
/// `failures` are the times of its failed deliveries, `succeeded` of the last one delivered, `changed` of the last
/// change a person made to it: a repaired webhook gets five days again.
#[must_use]
pub fn failing_since(
    failures: impl IntoIterator<Item = UnixMillis>,
    succeeded: Option<UnixMillis>,
    changed: UnixMillis,
    now: UnixMillis,
) -> Option<UnixMillis> {
    let innocent = succeeded.map_or(changed, |at| at.max(changed));
    let first = failures.into_iter().filter(|&at| at > innocent).min()?;
    let limit = i64::try_from(GIVE_UP_ON_WEBHOOK.as_millis()).unwrap_or(i64::MAX);
    (now.since(first) >= limit).then_some(first)
}

/// Seconds, or an HTTP date.
fn parse_retry_after(text: &str, now: UnixMillis) -> Option<Duration> {
    let text = text.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(text).ok()?;
            let ms = date.timestamp().as_millisecond().saturating_sub(now.0);
            Duration::from_millis(u64::try_from(ms).unwrap_or(0))
        }
    };
    Some(wait.clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX))
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
        for status in [408, 425, 429, 500, 501, 503, 599] {
            assert_eq!(Outcome::of(Some(status), None, NOW), later, "{status}");
        }
        for status in [101, 301, 302, 307, 304, 400, 401, 404, 418, 422] {
            assert_eq!(Outcome::of(Some(status), None, NOW), Outcome::Refused, "{status}");
        }
        assert_eq!(Outcome::of(Some(410), None, NOW), Outcome::Gone);
        assert_eq!(Outcome::of(None, None, NOW), later);
    }

    #[test]
    fn ten_tries_spread_over_a_day_and_a_bit() {
        let later = Outcome::Unavailable { retry_after: None };
        let waits: Vec<_> = (1..=9)
            .map(|attempts| {
                let next = next(attempts, later, NOW, 0.0);
                let Next::RetryAt(at) = next else { panic!("{next:?}") };
                at.since(NOW) / 1000
            })
            .collect();
        assert_eq!(waits, [1, 5, 30, 300, 1800, 7200, 18_000, 36_000, 36_000]);
        assert_eq!(next(10, later, NOW, 0.0), Next::GaveUp);
    }

    #[test]
    fn retry_after_delays_by_seconds_or_date_within_a_second_and_a_day() {
        let wait = |status, text| {
            let outcome = Outcome::of(Some(status), Some(text), NOW);
            let Outcome::Unavailable { retry_after } = outcome else { panic!("{outcome:?}") };
            retry_after.map(|after| after.as_secs())
        };
        assert_eq!(wait(503, "120"), Some(120));
        assert_eq!(wait(429, "0"), Some(1));
        assert_eq!(wait(502, "99999999"), Some(86_400));
        assert_eq!(wait(504, "Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(wait(504, "Sun, 06 Nov 1994 08:00:00 GMT"), Some(1));
        assert_eq!(wait(503, "soon"), None);
        assert_eq!(wait(500, "120"), None, "only with 429, 502, 503 and 504");
    }

    #[test]
    fn retry_after_never_shortens_the_wait() {
        let after = |seconds| Outcome::Unavailable { retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(next(1, after(20), NOW, 0.0), Next::RetryAt(NOW.plus(20_000)));
        assert_eq!(next(4, after(1), NOW, 0.0), Next::RetryAt(NOW.plus(300_000)));
    }

    #[test]
    fn five_days_of_only_failures_are_too_many() {
        let failures = || [NOW.plus(-2 * DAY), NOW.plus(-5 * DAY), NOW];
        let born = NOW.plus(-30 * DAY);
        assert_eq!(failing_since(failures(), None, born, NOW), Some(NOW.plus(-5 * DAY)));
        assert_eq!(failing_since(failures(), None, born, NOW.plus(-1)), None);
        assert_eq!(failing_since(failures(), Some(NOW.plus(-3 * DAY)), born, NOW), None, "one success between");
        assert_eq!(failing_since(failures(), None, NOW.plus(-4 * DAY), NOW), None, "a person repaired it");
        assert_eq!(failing_since([], None, born, NOW), None);
    }

    proptest! {
        #[test]
        fn a_wait_is_within_a_fifth_of_the_schedule(attempts in 1..10_usize, jitter in -5.0..5.0_f64) {
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
