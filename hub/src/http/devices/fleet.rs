//! The parts of the hub that the handlers of devices use.

use std::sync::Arc;

use tokio::sync::{Mutex as AsyncMutex, broadcast};
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::http::state::{Endpoint, RulesChanged};
use crate::live::Bus;
use crate::model::DeviceId;
use crate::presence::Presence;
use crate::store::Store;

/// The devices, and whom to tell of them.
#[derive(Clone)]
pub(in crate::http) struct Fleet {
    pub(in crate::http) store: Store,
    pub(in crate::http) clock: Clock,
    pub(in crate::http) presence: Arc<Presence>,
    pub(in crate::http) bus: Bus,
    pub(in crate::http) endpoint: Endpoint,
    /// Devices of which nothing is under way any more, once that was asked for.
    pub(in crate::http) parted: broadcast::Sender<DeviceId>,
    /// Name, labels and interval of a device decide which rules watch it.
    pub(in crate::http) rules_changed: RulesChanged,
    /// One change of hardware at a time.
    pub(in crate::http) replacing: Arc<AsyncMutex<()>>,
    /// What goes on when whoever asked has gone.
    pub(in crate::http) tasks: TaskTracker,
}
