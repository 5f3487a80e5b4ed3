//! What one commit carries.

use super::Store;
use super::error::Result;
use crate::model::alert::Transition;
use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, BatchId};
use crate::model::webhook::NewDelivery;
use crate::model::{BatchSeq, Epoch};

/// Everything that becomes true together: readings, and what they caused.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Commit {
    /// Batches, in the order they came; repeats are welcome and stored once.
    pub batches: Vec<Batch>,
    /// Alert changes the batches caused.
    pub transitions: Vec<Transition>,
    /// Deliveries the changes caused.
    pub deliveries: Vec<NewDelivery>,
    /// What devices gave up.
    pub floors: Vec<Floor>,
}

/// A device will never send these batches: its receive window counts them as there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
    /// Whose.
    pub device: DeviceNo,
    /// In which boot.
    pub epoch: Epoch,
    /// Every batch below will not come.
    pub below: BatchSeq,
}

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Committed {
    /// Batches that were not stored before.
    pub fresh: Vec<BatchId>,
}

impl Store {
    /// Makes everything in `commit` durable, or nothing of it. When it returns `Ok`, a power cut cannot take it back.
    ///
    /// # Errors
    /// [`super::Error::Full`]: nothing applied, try again later. A fatal one: end the hub.
    pub async fn commit(&self, commit: Commit) -> Result<Committed> {
        let _ = commit;
        todo!()
    }
}
