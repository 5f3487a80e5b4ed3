//! The parts of the hub that readings of a request go through.

use std::sync::Arc;

use crate::clock::Clock;
use crate::http::shares::newcomers::Newcomers;
use crate::http::shares::rooms::Rooms;
use crate::http::state::RulesChanged;
use crate::ingest::desk::Desk;
use crate::ingest::queue::Entrance;
use crate::live::Bus;
use crate::presence::Presence;
use crate::pressure::Pressure;
use crate::store::Store;

/// The way of pushed and imported readings to the disk.
#[derive(Clone)]
pub(in crate::http) struct Inlet {
    pub(in crate::http) store: Store,
    pub(in crate::http) clock: Clock,
    pub(in crate::http) presence: Arc<Presence>,
    pub(in crate::http) bus: Bus,
    pub(in crate::http) entrance: Entrance,
    /// Where their acknowledgement is waited for.
    pub(in crate::http) desk: Arc<Desk>,
    /// Room for bodies.
    pub(in crate::http) rooms: Arc<Rooms>,
    /// Devices and series that were made by sending readings.
    pub(in crate::http) newcomers: Arc<Newcomers>,
    pub(in crate::http) pressure: Arc<Pressure>,
    pub(in crate::http) rules_changed: RulesChanged,
}
