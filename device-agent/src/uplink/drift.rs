//! How fast the device's clock runs away from the hub's: the slope of the offsets that acknowledgements tell. Pure.
//!
//! ```text
//!   offset │            ∙ ∙      one point a minute, the one with the shortest round trip: the others owe more of their
//!     (ms) │      ∙ ∙            offset to the way than to the clock
//!          │ ∙ ∙                 an hour of them: 1 ms of noise is then about 0.1 ppm of slope
//!          └────────────── time
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// One point is kept of this time.
const EVERY: Duration = Duration::from_secs(60);
/// Points kept: an hour.
const KEPT: usize = 60;
/// With fewer points the noise of the way would be taken for drift.
const FEWEST: usize = 6;
/// No crystal runs away by this much within a minute: one of the clocks was set.
const JUMP_MS: f64 = 1_000.0;

/// One measured offset.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: Instant,
    offset_ms: f64,
    round_trip: Duration,
}

/// The offsets of the last hour.
#[derive(Debug, Default)]
pub(super) struct Drift {
    points: VecDeque<Point>,
}

impl Drift {
    /// Takes a measured offset: the device's clock minus the hub's, at `at`.
    pub(super) fn sample(&mut self, at: Instant, offset_ms: f64, round_trip: Duration) {
        let point = Point { at, offset_ms, round_trip };
        match self.points.back_mut() {
            Some(last) if (offset_ms - last.offset_ms).abs() >= JUMP_MS => self.points.clear(),
            Some(last) if at.saturating_duration_since(last.at) < EVERY => {
                // The minute goes on from its first measurement, whichever is kept of it.
                if round_trip < last.round_trip {
                    *last = Point { at: last.at, ..point };
                }
                return;
            }
            Some(_) | None => {}
        }
        if self.points.len() == KEPT {
            self.points.pop_front();
        }
        self.points.push_back(point);
    }

    /// Parts per thousand million; positive when the device's clock runs fast. `None` until there is enough to tell.
    pub(super) fn ppb(&self) -> Option<i64> {
        let first = self.points.front().filter(|_| self.points.len() >= FEWEST)?;
        let count = self.points.len() as f64;
        let seconds = |point: &Point| point.at.saturating_duration_since(first.at).as_secs_f64();
        let mean_time = self.points.iter().map(seconds).sum::<f64>() / count;
        let mean_offset = self.points.iter().map(|point| point.offset_ms).sum::<f64>() / count;
        let (mut together, mut spread) = (0.0, 0.0);
        for point in &self.points {
            let time = seconds(point) - mean_time;
            together += time * (point.offset_ms - mean_offset);
            spread += time * time;
        }
        // Milliseconds a second are parts per thousand.
        Some((together / spread * 1e6).round() as i64)
    }

    /// A clock was set: what was measured before says nothing of it.
    pub(super) fn forget(&mut self) {
        self.points.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Offsets once a second from a clock that is off by `ppm`, over a way that adds up to 8 ms one way or the other.
    fn measured(seconds: u64, ppm: f64) -> Drift {
        let (mut drift, mut random) = (Drift::default(), Random::new(7));
        let start = crate::clock::now().mono;
        for second in 0..seconds {
            let late = Duration::from_millis(random.bits() % 8);
            let offset = -250.0 + second as f64 * ppm / 1000.0 + late.as_secs_f64() * 500.0;
            drift.sample(start + Duration::from_secs(second), offset.round(), Duration::from_millis(2) + late);
        }
        drift
    }

    #[test]
    fn an_hour_tells_the_drift_of_a_crystal_whatever_the_way_adds() {
        for ppm in [-80.0, 0.0, 0.5, 40.0] {
            let told = measured(3_600, ppm).ppb().unwrap() as f64 / 1000.0;
            assert!((told - ppm).abs() < 1.0, "{ppm} ppm told as {told}");
        }
    }

    #[test]
    fn it_is_not_told_before_some_minutes_have_passed() {
        assert_eq!(measured(300, 40.0).ppb(), None);
        assert!(measured(400, 40.0).ppb().is_some());
    }

    #[test]
    fn a_clock_that_is_set_begins_anew() {
        let mut drift = measured(3_600, 40.0);
        drift.sample(crate::clock::now().mono + Duration::from_secs(4_000), 3_600_000.0, Duration::from_millis(2));
        assert_eq!(drift.ppb(), None);
    }
}
