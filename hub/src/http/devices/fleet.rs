//! The parts of the hub that the handlers of devices use.

use std::sync::Arc;

use axum::extract::FromRef;
use tokio::sync::{Mutex as AsyncMutex, Notify, broadcast};
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::http::state::{AppState, Endpoint};
use crate::live::Bus;
use crate::model::DeviceId;
use crate::presence::Presence;
use crate::store::Store;

/// The devices, and whom to tell of them.
#[derive(Clone)]
pub(in crate::http) struct Fleet {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) presence: Arc<Presence>,
    pub(super) bus: Bus,
    pub(super) endpoint: Endpoint,
    /// Devices of which nothing is under way any more, once that was asked for.
    pub(super) parted: broadcast::Sender<DeviceId>,
    /// Name, labels and interval of a device decide which rules watch it.
    pub(super) rules_changed: Arc<Notify>,
    /// One change of hardware at a time.
    pub(super) replacing: Arc<AsyncMutex<()>>,
    /// What goes on when whoever asked has gone.
    pub(super) tasks: TaskTracker,
}

impl FromRef<AppState> for Fleet {
    fn from_ref(app: &AppState) -> Self {
        Self {
            store: app.store.clone(),
            clock: app.clock,
            presence: Arc::clone(&app.presence),
            bus: app.bus.clone(),
            endpoint: app.endpoint.clone(),
            parted: app.parted.clone(),
            rules_changed: Arc::clone(&app.rules_changed),
            replacing: Arc::clone(&app.replacing),
            tasks: app.sockets.clone(),
        }
    }
}
