//! The only place in the hub that reads time.
//!
//! Timers use [`Clock::now`] (monotonic). Times that are stored or shown come from [`Clock::wall`].

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::UnixMillis;

/// Reads the machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    /// Monotonic time.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    #[must_use]
    pub fn now(self) -> Instant {
        Instant::now()
    }

    /// Wall-clock time.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    #[must_use]
    pub fn wall(self) -> UnixMillis {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => UnixMillis(millis(since)),
            Err(before) => UnixMillis(-millis(before.duration())),
        }
    }

    /// The monotonic moment at which the wall clock will read `at`, if nobody sets it meanwhile.
    #[must_use]
    pub fn instant_of(self, at: UnixMillis) -> Instant {
        let wait = u64::try_from(at.since(self.wall())).unwrap_or(0);
        // Timers need no century; a bound keeps the sum from overflowing.
        self.now() + Duration::from_millis(wait.min(86_400_000))
    }

    /// Sleeps until a moment of [`Clock::now`]; for ever when there is none.
    pub async fn sleep_until(self, moment: Option<Instant>) {
        match moment {
            Some(moment) => tokio::time::sleep_until(moment.into()).await,
            None => std::future::pending().await,
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
