//! What came of the heartbeats since the start: written by who sends them, read by who shows them. PURE.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::model::UnixMillis;

/// What came of a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// The receiver answered 2xx.
    Delivered,
    /// It answered with this other status.
    Refused(u16),
    /// There was no answer, or the hub does not call that address, and why: nothing of the URL's path is in it.
    Failed(String),
    /// It was not sent, and why: a store that fails is told by silence.
    Withheld(String),
}

impl Came {
    /// For people: why it did not arrive.
    fn error(&self) -> Option<String> {
        Some(match self {
            Self::Delivered => return None,
            Self::Refused(status @ 300..=399) => format!(
                "the receiver sends to another address ({status}), which is not followed: write the final address, often the one \
                with https://"
            ),
            Self::Refused(status) => {
                format!("the receiver answered {status}, not 2xx: check the address, its path and its token")
            }
            Self::Failed(why) => why.clone(),
            Self::Withheld(why) => format!("not sent: {why}"),
        })
    }
}

/// The last of each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Last {
    /// When one was taken.
    pub success_at: Option<UnixMillis>,
    /// When one was not, and why.
    pub error: Option<(UnixMillis, String)>,
}

/// The last outcomes, and how many there were of each.
#[derive(Debug, Default)]
pub struct Pulse {
    last: Mutex<Last>,
    delivered: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    withheld: AtomicU64,
}

impl Pulse {
    /// The last of each to the address in use.
    #[must_use]
    pub fn last(&self) -> Last {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the last of each: they were about another address.
    pub fn forget(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Last::default();
    }

    /// Notes what came of one; whether that is of another kind than before, so that it is said once and not each minute.
    pub fn note(&self, came: &Came, at: UnixMillis) -> bool {
        let counter = match came {
            Came::Delivered => &self.delivered,
            Came::Refused(_) => &self.refused,
            Came::Failed(_) => &self.failed,
            Came::Withheld(_) => &self.withheld,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let failed_before =
            last.error.as_ref().is_some_and(|(error_at, _)| last.success_at.is_none_or(|ok| ok < *error_at));
        match came.error() {
            None => last.success_at = Some(at),
            Some(error) => last.error = Some((at, error)),
        }
        failed_before != (*came != Came::Delivered)
    }

    /// Each outcome by name, with its count.
    pub fn outcomes(&self) -> [(&'static str, u64); 4] {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("delivered", get(&self.delivered)),
            ("refused", get(&self.refused)),
            ("failed", get(&self.failed)),
            ("withheld", get(&self.withheld)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_said_once_and_each_outcome_is_counted() {
        let pulse = Pulse::default();
        let mut at = 0;
        let mut note = |came: Came| {
            at += 1;
            pulse.note(&came, UnixMillis(at))
        };
        let said = [
            note(Came::Delivered),
            note(Came::Refused(404)),
            note(Came::Failed("nobody".to_owned())),
            note(Came::Delivered),
            note(Came::Withheld("full".to_owned())),
        ];
        assert_eq!(said, [false, true, false, true, true]);
        assert_eq!(pulse.outcomes().map(|(_, count)| count), [2, 1, 1, 1]);
        let last = pulse.last();
        assert_eq!(
            (last.success_at, last.error),
            (Some(UnixMillis(4)), Some((UnixMillis(5), "not sent: full".to_owned())))
        );
        pulse.forget();
        assert_eq!(pulse.last(), Last::default());
        assert!(Came::Refused(302).error().unwrap().contains("final address"));
    }
}
