//! The moments of lines that say none, where they come one by one and nobody means two of them to be one. PURE.
//!
//! A series has one reading a millisecond. Lines that came within the same one take the next that are free, so that none takes the
//! place of another.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::model::UnixMillis;

/// How far from its arrival a line may be moved, in milliseconds.
const AHEAD_MS: i64 = 1_000;

/// The last moments that were given away.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// By a digest of measurement and tags: two that share one move each other, which does no harm.
    last: HashMap<u64, UnixMillis>,
}

impl Arrivals {
    /// The moment of a line of a series that came at `came`; `None` when a second of lines is before it already.
    pub(crate) fn give(&mut self, series: &str, came: UnixMillis) -> Option<UnixMillis> {
        let mut digest = DefaultHasher::new();
        series.hash(&mut digest);
        let last = self.last.entry(digest.finish()).or_insert(UnixMillis(i64::MIN));
        let at = UnixMillis(came.0.max(last.0.saturating_add(1)));
        // Further ahead than it can be: the clock was set back.
        let at = if last.since(came) > AHEAD_MS { came } else { at };
        (at.since(came) <= AHEAD_MS).then(|| {
            *last = at;
            at
        })
    }

    /// Forgets what no line that comes at `now` or later can meet. What is left is of lines of a second at most.
    pub(crate) fn forget_before(&mut self, now: UnixMillis) {
        self.last.retain(|_, last| *last >= now && last.since(now) <= AHEAD_MS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_millisecond_take_the_next_and_those_of_a_second_are_too_many() {
        let (mut arrivals, now) = (Arrivals::default(), UnixMillis(1_790_000_000_000));
        let later = |ms| Some(UnixMillis(now.0 + ms));
        let given: Vec<_> = (0..1_001).map(|_| arrivals.give("a", now)).collect();
        assert!(given.iter().copied().eq((0..1_001).map(later)));
        assert_eq!((arrivals.give("a", now), arrivals.give("b", now)), (None, later(0)));
        arrivals.forget_before(UnixMillis(now.0 + 1));
        assert_eq!((arrivals.give("a", UnixMillis(now.0 + 1)), arrivals.last.len()), (later(1_001), 1));
        // The clock was set back.
        assert_eq!(arrivals.give("a", UnixMillis(now.0 - 60_000)), later(-60_000));
    }
}
