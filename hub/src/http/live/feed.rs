//! The parts of the hub that a live connection tells of.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::http::keys::Keys;
use crate::http::names::Names;
use crate::http::shares::rooms::Rooms;
use crate::http::shares::sockets::Sockets;
use crate::http::state::Ongoing;
use crate::live::Bus;
use crate::presence::Presence;
use crate::pressure::Pressure;
use crate::store::Store;

/// What happens in the hub, and what is stored.
#[derive(Clone)]
pub(in crate::http) struct Feed {
    pub(in crate::http) store: Store,
    pub(in crate::http) clock: Clock,
    pub(in crate::http) names: Arc<Names>,
    /// To check that the client still has access.
    pub(in crate::http) keys: Arc<Keys>,
    pub(in crate::http) bus: Bus,
    pub(in crate::http) presence: Arc<Presence>,
    pub(in crate::http) rooms: Arc<Rooms>,
    pub(in crate::http) pressure: Arc<Pressure>,
    pub(in crate::http) sockets: Arc<Sockets>,
    /// Version of the program.
    pub(in crate::http) version: String,
    /// Longest wait for a connection to take a message.
    pub(in crate::http) stuck: Duration,
    pub(in crate::http) ongoing: Ongoing,
}
