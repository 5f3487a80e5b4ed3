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
mod verdicts;
mod waiting;

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::model::alert::{Alert, AlertId};
use crate::model::device::DeviceNo;
use crate::model::reading::Batch;
use crate::model::webhook::DeliveryId;
use crate::model::{DeviceId, UnixMillis};

pub(crate) use filter::Filter;
pub(crate) use room::Room;
pub(crate) use sight::{Seen, Sight};
pub(crate) use subscription::{FRAME_ROWS, Subscription};

/// Updates kept for listeners that are busy: at some 100 commits a second two seconds of them, then a listener is lagging.
/// Each is an `Arc`, so the ring holds batches that are in memory anyway.
const RING: usize = 256;

/// Something listeners may want to know; always published after it was committed.
#[derive(Debug)]
pub(crate) enum Update {
    /// Readings were stored.
    Batches(Vec<Batch>),
    /// A device changed, or asks to be adopted.
    Device(DeviceId),
    /// A device is gone: deleted, or no longer waiting to be adopted.
    Removed(DeviceId),
    /// An alert changed.
    Alert {
        alert: Box<Alert>,
        /// When the last of the silences over it ends, where there are any.
        silenced_until: Option<UnixMillis>,
    },
    /// An alert went away as if it had not been; with the device it was about.
    NoAlert(AlertId, Option<DeviceNo>),
    /// A delivery changed.
    Delivery(DeliveryId),
}

/// The ring. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Bus(broadcast::Sender<Arc<Update>>);

impl Default for Bus {
    fn default() -> Self {
        Self(broadcast::Sender::new(RING))
    }
}

impl Bus {
    /// Tells every listener.
    pub(crate) fn publish(&self, update: Arc<Update>) {
        // Nobody listening is the normal state of a hub without an open page.
        let _ = self.0.send(update);
    }

    /// Whether anybody listens: spares building updates for nobody.
    #[must_use]
    pub(crate) fn is_heard(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Listens from here on.
    #[must_use]
    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<Update>> {
        self.0.subscribe()
    }
}
