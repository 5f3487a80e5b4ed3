//! Round trips and the timeout that follows from them, as RFC 6298 computes it.
//!
//! Every transmission has a packet counter of its own, so a sample always belongs to one transmission: Karn's rule holds
//! by construction.

use std::time::Duration;

/// Timeout before the first sample.
const FIRST: Duration = Duration::from_secs(1);
/// Below what a hub's group commit may take, repeats would only add load.
const SHORTEST: Duration = Duration::from_millis(300);
/// Beyond this, a batch is better repeated than waited for.
const LONGEST: Duration = Duration::from_secs(8);

/// Smoothed round trip, its variation, and the timeout.
#[derive(Debug, Clone)]
pub(super) struct Rtt {
    smoothed: Option<Duration>,
    variation: Duration,
    /// What the samples say, before backing off.
    base: Duration,
    timeout: Duration,
}

impl Default for Rtt {
    fn default() -> Self {
        Self { smoothed: None, variation: Duration::ZERO, base: FIRST, timeout: FIRST }
    }
}

impl Rtt {
    /// Takes a measured round trip.
    pub(super) fn sample(&mut self, measured: Duration) {
        let smoothed = match self.smoothed {
            None => {
                self.variation = measured / 2;
                measured
            }
            Some(smoothed) => {
                self.variation = (self.variation * 3 + smoothed.abs_diff(measured)) / 4;
                (smoothed * 7 + measured) / 8
            }
        };
        self.smoothed = Some(smoothed);
        self.base = (smoothed + self.variation * 4).clamp(SHORTEST, LONGEST);
        self.timeout = self.base;
    }

    /// Nothing came in time: wait twice as long from here on, until the next sample.
    pub(super) fn back_off(&mut self) {
        self.timeout = (self.timeout * 2).min(LONGEST);
    }

    /// How long an answer takes at most, by what was measured.
    #[must_use]
    pub(super) const fn expected(&self) -> Duration {
        self.base
    }

    /// How long to wait before a batch is repeated.
    #[must_use]
    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The smoothed round trip, once there was a sample.
    #[must_use]
    pub(super) const fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_follows_the_round_trip_and_its_variation() {
        let mut rtt = Rtt::default();
        assert_eq!(rtt.timeout(), FIRST);
        rtt.sample(Duration::from_millis(400));
        assert_eq!(rtt.timeout(), Duration::from_millis(1200));
        for _ in 0..100 {
            rtt.sample(Duration::from_millis(400));
        }
        assert!(rtt.timeout() < Duration::from_millis(420));
        rtt.back_off();
        assert!(rtt.timeout() > Duration::from_millis(790));
        for _ in 0..10 {
            rtt.back_off();
        }
        assert_eq!(rtt.timeout(), LONGEST);
        rtt.sample(Duration::from_millis(1));
        assert!(rtt.timeout() < LONGEST);
    }
}
