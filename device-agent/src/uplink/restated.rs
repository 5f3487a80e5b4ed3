//! Sensors that the hub knows and that have changed since: they have another interval, or another unit. PURE.
//!
//! The hub does not acknowledge such a change, because it only says how many sensors it knows. So the change is sent a few times, at
//! growing intervals, also in later sessions; sending it twice does no harm.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long after the change, and after the telling before, it is told.
const AFTER: [Duration; 3] = [Duration::ZERO, Duration::from_secs(5), Duration::from_secs(60)];
/// Between two datagrams of one telling: a hub writes down one at a time.
const APART: Duration = Duration::from_secs(1);

/// Numbers of the sensors that changed, and how far the hub was told.
#[derive(Debug, Default)]
pub(super) struct Restated {
    changed: BTreeSet<u16>,
    /// Those before it were told this time.
    next: u16,
    /// How often all of them were told.
    rounds: usize,
    due: Option<Instant>,
}

impl Restated {
    /// One changed.
    pub(super) fn note(&mut self, number: u16, now: Instant) {
        self.changed.insert(number);
        (self.next, self.rounds, self.due) = (0, 0, Some(now));
    }

    /// All is told otherwise.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Only those stay that are still meant.
    pub(super) fn retain(&mut self, is_meant: impl Fn(u16) -> bool) {
        self.changed.retain(|number| is_meant(*number));
    }

    /// When to tell the next.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The next to be told, of which the hub knows `known`, with all that follow it without a gap: the first, and the one after
    /// the last.
    pub(super) fn next(&self, known: u16) -> Option<(u16, u16)> {
        // A hub that was restored knows fewer than it did.
        let mut rest = self.changed.range(self.next.min(known)..known).copied();
        let first = rest.next()?;
        let end = rest.zip(first + 1..).take_while(|(number, next)| number == next).last();
        Some((first, end.map_or(first, |(number, _)| number) + 1))
    }

    /// All below `end` were told, or there are no more.
    pub(super) fn told(&mut self, end: Option<u16>, now: Instant) {
        match end {
            Some(end) if self.changed.range(end..).next().is_some() => {
                (self.next, self.due) = (end, Some(now + APART));
            }
            _ => {
                (self.next, self.rounds) = (0, self.rounds + 1);
                self.due = AFTER.get(self.rounds).map(|after| now + *after);
                if self.due.is_none() {
                    self.changed.clear();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_hub_that_knows_fewer_than_it_did_is_told_from_the_start_again() {
        let (mut restated, now) = (Restated::default(), clock::mono());
        for number in [1, 5] {
            restated.note(number, now);
        }
        assert_eq!(restated.next(9), Some((1, 2)));
        restated.told(Some(2), now);
        assert_eq!(restated.next(1), None);
        restated.told(None, now);
        assert_eq!(restated.next(9), Some((1, 2)));
    }
}
