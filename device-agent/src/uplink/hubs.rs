//! Hubs that might be the device's: which are tried, what was told of them, and how handshakes with them are numbered. PURE.

use wire::Epoch;

use super::candidates::Candidates;
use super::mentions::Mentions;

/// Starts that are skipped at most: 16, 256, 4,096 and these, one after the other.
const MOST_SKIPPED: u32 = 1 << 16;

/// Every hub that was heard of.
#[derive(Debug, Default)]
pub(super) struct Hubs {
    pub(super) candidates: Candidates,
    pub(super) mentions: Mentions,
    pub(super) counter: Counter,
}

/// Counts handshakes, so that a hub can tell a new one from a replay.
#[derive(Debug, Default)]
pub(super) struct Counter {
    started: u32,
    /// Starts of the agent that are skipped: the hub may know of more than this folder does.
    skipped: u32,
}

impl Counter {
    /// A hub was silent to handshakes so often that it may take them for replays: the state folder was set back, and counts from
    /// too low.
    pub(super) fn skip(&mut self, refusals: u32) {
        self.skipped = self.skipped.max(16_u32.saturating_pow(refusals).min(MOST_SKIPPED));
    }

    /// The boot that is told instead of `epoch`, if it is another.
    pub(super) fn skipped_to(&self, epoch: Epoch) -> Option<Epoch> {
        (self.skipped > 0).then(|| self.told(epoch))
    }

    /// The number of the next handshake, and what it counts to in this boot.
    pub(super) fn next(&mut self, epoch: Epoch) -> (u32, u64) {
        let number = self.started;
        self.started = self.started.wrapping_add(1);
        (number, u64::from(self.told(epoch).0) << 32 | u64::from(number))
    }

    fn told(&self, epoch: Epoch) -> Epoch {
        Epoch(epoch.0.saturating_add(self.skipped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes_count_up_and_a_hub_that_takes_them_for_replays_is_told_a_later_start() {
        let (mut counter, epoch) = (Counter::default(), Epoch(3));
        let (first, second) = (counter.next(epoch).1, counter.next(epoch).1);
        assert_eq!((first >> 32, second), (3, first + 1));
        assert_eq!(counter.skipped_to(epoch), None);
        counter.skip(1);
        assert_eq!(counter.skipped_to(epoch), Some(Epoch(3 + 16)));
        counter.skip(9);
        counter.skip(1);
        assert_eq!(counter.skipped_to(epoch), Some(Epoch(3 + MOST_SKIPPED)), "it never counts back");
        assert_eq!(counter.next(epoch).1 >> 32, u64::from(3 + MOST_SKIPPED));
    }
}
