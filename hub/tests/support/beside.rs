//! Work that goes on beside a test, in threads of its own, until the test is over.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the test is over. What goes on beside it asks; the [`End`] says so when it is dropped, also by a failure: a scope
/// waits for its threads, and would for ever.
#[derive(Debug, Default)]
pub struct Over(AtomicBool);

impl Over {
    pub fn yet(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// To be kept by the test itself, where it shall end.
    pub const fn at_the_end(&self) -> End<'_> {
        End(self)
    }
}

#[must_use = "it is over when this is dropped"]
pub struct End<'a>(&'a Over);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}
