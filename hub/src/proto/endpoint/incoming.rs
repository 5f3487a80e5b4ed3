//! Batches between the socket and the disk: those that wait for room in the pipeline, and how much more devices may send.

use std::collections::VecDeque;

use wire::batch::Rows;

use crate::model::reading::Batch;

/// Batches waiting for room in the ingest queue: what a thousand devices send while one fsync completes.
pub const MAX_BATCHES: usize = 256;
/// Batches a device may have in flight while the way to the disk is clear, and while it is not.
pub(super) const CREDIT: u32 = 256;
const CREDIT_BUSY: u32 = 16;

/// Batches that were taken from devices and are not handed to the pipeline yet.
#[derive(Default)]
pub(super) struct Incoming {
    pub(super) batches: VecDeque<Batch>,
    /// The way to the disk is more than half full.
    pub(super) congested: bool,
    /// The number of the next batch that is stored under one of the hub's.
    pub(super) next_aside: u64,
    /// Buffers for the batch being decoded and the message being opened, kept so that their memory is used again.
    pub(super) rows: Rows,
    pub(super) plain: Vec<u8>,
}

impl Incoming {
    /// Batches that a device may have in flight now.
    pub(super) const fn credit(&self) -> u32 {
        if self.congested { CREDIT_BUSY } else { CREDIT }
    }
}
