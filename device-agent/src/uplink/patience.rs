//! Decides whether the hub still answers: how long to wait for an answer, and what it means if none came. PURE.
//!
//! ```text
//!   answers ── a second one missed ──▶ doubtful: a fresh session is tried beside it ── a third ──▶ gone
//!      ▲                                   │
//!      └────────────── any answer ─────────┘
//! ```

use std::time::{Duration, Instant};

/// Answers that may be missed in a row before the hub is doubted, and before it is taken for gone.
const DOUBTED_AT: u32 = 2;
const GONE_AT: u32 = 3;
/// First wait for an answer, doubled with each one missed: a hub whose disk stalls for a few seconds is not gone.
const SHORTEST: Duration = Duration::from_secs(1);

/// What the hub is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It answers, or may yet.
    There,
    /// It may have lost the session, or be elsewhere.
    Doubtful,
    /// It is not there.
    Gone,
}

/// The answer that is waited for, and those that were missed.
#[derive(Debug, Default)]
pub(super) struct Patience {
    due: Option<Instant>,
    misses: u32,
}

impl Patience {
    /// Something was sent that is answered within `usual`. What is waited for already stays so. Once an answer was missed a sign
    /// of life is asked for, which takes no more than the way, `there_and_back`: a disk that was slow makes nobody patient.
    pub(super) fn asked(&mut self, usual: Duration, there_and_back: Duration, now: Instant) {
        let usual = if self.misses == 0 { usual } else { there_and_back };
        let wait = usual.max(SHORTEST) * 2_u32.pow(self.misses.min(4));
        self.due.get_or_insert(now + wait);
    }

    /// The hub spoke.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// When the answer is overdue, if one is waited for.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Counts an answer as missed if it is overdue: then, and only then, what the hub is taken for is told anew.
    pub(super) fn missed(&mut self, now: Instant) -> Option<Presence> {
        self.due.take_if(|due| now >= *due)?;
        self.misses += 1;
        Some(self.presence())
    }

    /// Whether an answer was missed since the hub last spoke.
    pub(super) const fn is_worn(&self) -> bool {
        self.misses > 0
    }

    /// What the hub is taken for.
    pub(super) const fn presence(&self) -> Presence {
        match self.misses {
            0..DOUBTED_AT => Presence::There,
            DOUBTED_AT..GONE_AT => Presence::Doubtful,
            GONE_AT.. => Presence::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_that_is_silent_is_doubted_then_given_up_and_one_word_of_it_is_enough() {
        let t0 = crate::clock::now().mono;
        let (usual, way) = (Duration::from_millis(4_500), Duration::from_millis(1_500));
        let at = |ms| t0 + Duration::from_millis(ms);
        let mut patience = Patience::default();
        assert_eq!((patience.missed(at(60_000)), patience.due()), (None, None), "nothing was asked");
        patience.asked(usual, way, t0);
        patience.asked(usual, way, at(1_000));
        assert_eq!((patience.missed(at(4_499)), patience.missed(at(4_500))), (None, Some(Presence::There)));
        patience.asked(usual, way, at(5_000));
        assert_eq!((patience.missed(at(7_999)), patience.missed(at(8_000))), (None, Some(Presence::Doubtful)));
        assert_eq!((patience.missed(at(9_000)), patience.presence()), (None, Presence::Doubtful), "told once");
        patience.asked(usual, way, at(9_000));
        assert_eq!((patience.missed(at(14_999)), patience.missed(at(15_000))), (None, Some(Presence::Gone)));

        patience.answered();
        assert_eq!((patience.presence(), patience.due()), (Presence::There, None));
        patience.asked(Duration::ZERO, way, at(15_000));
        assert_eq!(patience.due(), Some(at(16_000)), "a fast network is no reason for haste");
    }
}
