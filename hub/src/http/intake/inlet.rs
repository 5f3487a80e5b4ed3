//! The parts of the hub that readings of a request go through.

use std::ops::Deref;
use std::sync::Arc;

use crate::http::shares::rooms::Rooms;
use crate::ingest::way::Way;

/// The way of pushed and imported readings to the disk, with room for their bodies.
#[derive(Clone)]
pub(in crate::http) struct Inlet {
    pub(in crate::http) way: Way,
    /// Room for bodies.
    pub(in crate::http) rooms: Arc<Rooms>,
}

impl Deref for Inlet {
    type Target = Way;

    fn deref(&self) -> &Way {
        &self.way
    }
}
