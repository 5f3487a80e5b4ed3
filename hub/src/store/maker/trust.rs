//! PURE. Decides by which moment ages are counted: the clock's, unless it jumped forward by more than two days.
//!
//! ```text
//!   sure ──▶ clock at most two days further ──▶ sure
//!        └─▶ further than that ──▶ doubt, nothing is deleted ──▶ a day later still so ──▶ sure
//! ```
//!
//! A computer whose battery is empty, or that asks a wrong time server, may believe for a while that it is years later, and
//! then everything is too old at once. A day is long enough to correct a clock, and costs only room. A step back
//! deletes nothing and needs no doubt. The last moment that was sure survives a restart with the measurements of growth.

use std::time::{Duration, Instant};

use crate::model::UnixMillis;

/// Steps that are believed at once: a night in which the computer slept, a weekend without power.
const STEP: i64 = 2 * 86_400_000;
/// How long a clock has to stand by a larger one.
const PATIENCE: Duration = Duration::from_hours(24);

/// What is believed of the clock.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// The last moment that was believed; `None` before the first.
    sure: Option<UnixMillis>,
    /// Since when the clock has been further than that.
    doubt: Option<Instant>,
}

impl Trust {
    /// Begins with what was believed before the start.
    pub(super) fn new(sure: Option<UnixMillis>) -> Self {
        Self { sure, doubt: None }
    }

    /// The moment to count by; `None` while there is doubt.
    pub(super) fn moment(&mut self, wall: UnixMillis, now: Instant) -> Option<UnixMillis> {
        if self.sure.is_some_and(|sure| wall.since(sure) > STEP) {
            if self.doubt.is_none() {
                tracing::warn!(
                    "the clock jumped ahead by days: nothing is deleted for its age until it has stayed there for a day"
                );
            }
            if now.duration_since(*self.doubt.get_or_insert(now)) < PATIENCE {
                return None;
            }
        }
        *self = Self::new(Some(wall));
        Some(wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const DAY: i64 = 86_400_000;

    #[test]
    fn a_clock_that_jumps_by_years_is_believed_when_it_stands_by_it() {
        let (start, hour) = (Clock.now(), Duration::from_hours(1));
        let mut trust = Trust::new(Some(UnixMillis(0)));
        assert_eq!(trust.moment(UnixMillis(2 * DAY), start), Some(UnixMillis(2 * DAY)));
        assert_eq!(trust.moment(UnixMillis(3_650 * DAY), start + hour), None);
        // Put right in time: nothing happened.
        assert_eq!(trust.moment(UnixMillis(2 * DAY + 9), start + 2 * hour), Some(UnixMillis(2 * DAY + 9)));
        assert_eq!(trust.moment(UnixMillis(3_650 * DAY), start + 3 * hour), None);
        assert_eq!(trust.moment(UnixMillis(3_651 * DAY), start + 26 * hour), None);
        assert_eq!(trust.moment(UnixMillis(3_651 * DAY), start + 27 * hour), Some(UnixMillis(3_651 * DAY)));
        assert_eq!(trust.moment(UnixMillis(3_652 * DAY), start + 51 * hour), Some(UnixMillis(3_652 * DAY)));
        // Back is back at once.
        assert_eq!(trust.moment(UnixMillis(5 * DAY), start + 52 * hour), Some(UnixMillis(5 * DAY)));
    }

    #[test]
    fn a_hub_that_knows_no_earlier_moment_believes_its_clock() {
        assert_eq!(Trust::default().moment(UnixMillis(9), Clock.now()), Some(UnixMillis(9)));
    }
}
