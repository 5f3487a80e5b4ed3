//! Counters of the dispatcher, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::delivery::retry::Next;

/// Attempts by what came of them. Only ever grow; read them with [`AtomicU64::load`].
#[derive(Debug, Default)]
pub struct Counters {
    /// The receiver took it.
    pub delivered: AtomicU64,
    /// To be tried again.
    pub retried: AtomicU64,
    /// Given up.
    pub gave_up: AtomicU64,
    /// Given up, and the webhook disabled (410).
    pub gone: AtomicU64,
}

impl Counters {
    /// Each outcome by name, with its count.
    pub fn outcomes(&self) -> [(&'static str, u64); 4] {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("delivered", get(&self.delivered)),
            ("retried", get(&self.retried)),
            ("gave_up", get(&self.gave_up)),
            ("gone", get(&self.gone)),
        ]
    }

    /// Messages that were given up.
    pub fn lost(&self) -> u64 {
        self.gave_up.load(Ordering::Relaxed) + self.gone.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, next: Next) {
        let counter = match next {
            Next::Delivered => &self.delivered,
            Next::RetryAt(_) => &self.retried,
            Next::GaveUp => &self.gave_up,
            Next::Disable => &self.gone,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
