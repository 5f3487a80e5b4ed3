//! The parts of the hub of which `/hub` tells, and those that it changes.

use std::sync::Arc;

use crate::bundle::agents::Agents;
use crate::clock::Clock;
use crate::http::shares::sockets::Sockets;
use crate::http::state::{Endpoint, Figures, HubInfo, JoinState, Snapshot};
use crate::presence::Presence;
use crate::pressure::Pressure;
use crate::store::Store;
use crate::tls::Tls;

/// The hub as a whole.
#[derive(Clone)]
pub(in crate::http) struct Overview {
    pub(in crate::http) store: Store,
    pub(in crate::http) clock: Clock,
    pub(in crate::http) presence: Arc<Presence>,
    pub(in crate::http) info: HubInfo,
    /// Who may join, and the endpoint that follows it.
    pub(in crate::http) join: Arc<JoinState>,
    pub(in crate::http) endpoint: Endpoint,
    pub(in crate::http) figures: Snapshot<Figures>,
    pub(in crate::http) sockets: Arc<Sockets>,
    pub(in crate::http) agents: Agents,
    pub(in crate::http) pressure: Arc<Pressure>,
    pub(in crate::http) tls: Option<Arc<Tls>>,
}
