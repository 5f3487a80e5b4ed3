//! All rooms of the hub: what there is of each is in [`limits`].

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{House, PLACE, Shares};
use crate::http::limits;

/// One of each, for the whole hub.
#[derive(Debug)]
pub(in crate::http) struct Rooms {
    /// Rules being tried on the past.
    pub(in crate::http) trials: Semaphore,
    /// Turns of those who have an answer made.
    pub(in crate::http) turns: Shares,
    /// Requests that wait for one.
    pub(in crate::http) waiting: Shares,
    /// Places for exports.
    pub(in crate::http) exports: Shares,
    /// Exports that read the store at the moment.
    pub(in crate::http) export_pages: Semaphore,
    /// Programs that are read and packed for devices.
    pub(in crate::http) packing: Semaphore,
    /// Files being imported.
    pub(in crate::http) imports: Arc<Semaphore>,
    /// Room for bodies with readings.
    pub(in crate::http) unpacking: Shares,
    /// Such bodies being read.
    pub(in crate::http) reading: Semaphore,
    /// Room for other bodies.
    pub(in crate::http) bodies: Shares,
    /// Room for answers.
    pub(in crate::http) answers: Shares,
    /// Room for live connections.
    pub(in crate::http) live: Shares,
}

impl Default for Rooms {
    fn default() -> Self {
        let house = House::new(limits::IN_MEMORY);
        Self {
            trials: Semaphore::new(limits::TRIALS),
            turns: Shares::new(limits::TURNS * PLACE, limits::TURNS_OF_ONE * PLACE),
            waiting: Shares::new(limits::WAITING * PLACE, limits::WAITING_OF_ONE * PLACE),
            exports: Shares::new(limits::EXPORTS * PLACE, limits::EXPORTS_OF_ONE * PLACE),
            export_pages: Semaphore::new(limits::EXPORT_PAGES),
            packing: Semaphore::new(limits::PACKING),
            imports: Arc::new(Semaphore::new(limits::IMPORTS)),
            unpacking: Shares::within(&house, limits::UNPACKED, limits::UNPACKED / 2),
            reading: Semaphore::new(limits::READ_AT_ONCE),
            bodies: Shares::within(&house, limits::BODIES, limits::BODIES / 2),
            answers: Shares::within(&house, limits::ANSWERS, limits::ANSWERS_OF_ONE),
            live: Shares::new(limits::LIVE, limits::LIVE / 2),
        }
    }
}
