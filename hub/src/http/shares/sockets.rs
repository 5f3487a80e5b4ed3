//! How many live connections are open, and how many were closed because they took nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The count of live connections.
#[derive(Debug)]
pub(in crate::http) struct Sockets {
    open: AtomicUsize,
    most: usize,
    /// Live connections closed because they took nothing.
    pub(in crate::http) too_slow: AtomicU64,
}

/// One open live connection.
#[derive(Debug)]
pub(in crate::http) struct OpenSocket(Arc<Sockets>);

impl Sockets {
    /// So many at once.
    pub(in crate::http) fn new(most: usize) -> Self {
        Self { open: AtomicUsize::new(0), most, too_slow: AtomicU64::new(0) }
    }

    /// Live connections that are open.
    pub(in crate::http) fn count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Counts one more live connection until the guard is dropped; `None` when there are too many.
    pub(in crate::http) fn open(self: &Arc<Self>) -> Option<OpenSocket> {
        let more = |open: usize| (open < self.most).then_some(open + 1);
        self.open.try_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(OpenSocket(Arc::clone(self)))
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
