//! The only place that reads time.
//!
//! Everything that decides takes a [`Now`]; everything that waits calls [`sleep_until`].

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wire::UnixMillis;

/// One moment on both of the machine's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Never jumps: for waiting and for measuring.
    pub mono: Instant,
    /// What the machine takes for the time of day: for readings. May be wrong, and may jump.
    pub unix: UnixMillis,
}

impl Now {
    /// This moment moved forward by `by`, on both clocks.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self { mono: self.mono + by, unix: self.unix.plus(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)) }
    }
}

/// Reads both clocks.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads time")]
pub fn now() -> Now {
    let unix = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    };
    Now { mono: Instant::now(), unix: UnixMillis(unix) }
}

/// Waits until `deadline`; for ever if there is none.
pub async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
