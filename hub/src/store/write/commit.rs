//! The contents of one commit.

use crate::model::alert::Transition;
use crate::model::device::DeviceNo;
use crate::model::explain::Explanation;
use crate::model::notice::Mark;
use crate::model::reading::{Batch, BatchId, SeriesId, Stretch};
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
    /// What is noted of alerts.
    pub marks: Vec<Mark>,
    /// What is kept of alerts that fire.
    pub explained: Vec<Explanation>,
    /// Late readings of a series that wait to be held against the rules; `None`: none do any more.
    pub late: Vec<(SeriesId, Option<Stretch>)>,
}

/// A device will never send these batches: its receive window counts them as there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
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
    /// Batches that open one hole too many in their receive window: not stored, not to be acknowledged.
    pub refused: Vec<BatchId>,
}
