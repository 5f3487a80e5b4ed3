//! Tells listeners what just happened in the hub, through one bounded ring.
//!
//! Publishing never waits and never fails. A listener that falls behind learns how much it missed and is told to fetch it from the
//! store; the publisher does not notice. [`Subscription`]s decide what a listener is sent: they take readings and `now`, and
//! return frames. A [`Sight`] decides which devices it may see. Both are pure.

mod filter;
mod room;
mod sight;
mod subscription;
#[cfg(test)]
mod tests;
mod told;
mod verdicts;
mod waiting;

use std::sync::Arc;

use tokio::sync::broadcast;

pub(crate) use filter::Filter;
pub(crate) use room::Room;
pub(crate) use sight::{Seen, Sight};
pub(crate) use subscription::{FRAME_ROWS, Subscription};
pub(crate) use told::{Told, Update};

/// Updates kept for listeners that are busy: at some 100 commits a second two seconds of them, then a listener is lagging.
/// Each is an `Arc`, so the ring holds batches that are in memory anyway.
const RING: usize = 256;

/// The ring. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Bus(broadcast::Sender<Arc<Told>>);

impl Default for Bus {
    fn default() -> Self {
        Self(broadcast::Sender::new(RING))
    }
}

impl Bus {
    /// Tells every listener.
    pub(crate) fn publish(&self, update: Arc<Update>) {
        // Nobody listening is the normal state of a hub without an open page.
        let _ = self.0.send(Arc::new(Told::new(update)));
    }

    /// Whether anybody listens: spares building updates for nobody.
    #[must_use]
    pub(crate) fn is_heard(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Listens from here on.
    #[must_use]
    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<Told>> {
        self.0.subscribe()
    }
}
