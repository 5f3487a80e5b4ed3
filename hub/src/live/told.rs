//! What just happened in the hub, on its way to every listener, with what the first of them looked up to show it.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::model::alert::{Alert, AlertId};
use crate::model::device::DeviceNo;
use crate::model::reading::Batch;
use crate::model::webhook::{Delivery, DeliveryId};
use crate::model::{DeviceId, UnixMillis};

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
        /// The alert by which nobody is told of it: its device is offline.
        inhibited_by: Option<AlertId>,
    },
    /// An alert went away as if it had not been; with the device it was about.
    NoAlert(AlertId, Option<DeviceNo>),
    /// A delivery changed.
    Delivery(DeliveryId),
}

/// An update with what is known of it.
#[derive(Debug)]
pub(crate) struct Told {
    /// What happened.
    pub update: Arc<Update>,
    delivery: OnceCell<Delivery>,
}

impl Told {
    /// An update that nobody has looked at yet.
    pub(super) fn new(update: Arc<Update>) -> Self {
        Self { update, delivery: OnceCell::new() }
    }

    /// The delivery that this update is about: `read` once for all listeners, and again by the next one if it failed.
    pub(crate) async fn delivery<E>(&self, read: impl Future<Output = Result<Delivery, E>>) -> Result<&Delivery, E> {
        self.delivery.get_or_try_init(|| read).await
    }
}
