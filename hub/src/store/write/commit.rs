//! What one commit carries, and how it becomes rows.
//!
//! Deduplication happens here: the committed receive window of a batch's (device, epoch) decides. A batch that is there
//! already is skipped; its earlier copy is on disk, so it may be acknowledged all the same.

use crate::model::alert::{AlertId, Transition};
use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, BatchId, SeriesId, Stretch};
use crate::model::webhook::NewDelivery;
use crate::model::{BatchSeq, Epoch, SeqSet, numbering};
use crate::store::Store;
use crate::store::catalog::{alerts, outbox, silences};
use crate::store::error::Result;
use crate::store::head::{journal, late, window};
use crate::store::write::Scope;
use wire::Inserted;

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
    /// Alerts that nobody is told of from here on, or that are told after all.
    pub muted: Vec<(AlertId, bool)>,
    /// Late readings of a series that wait to be held against the rules; `None`: none do any more.
    pub late: Vec<(SeriesId, Option<Stretch>)>,
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
    /// Batches that open one hole too many in their receive window: not stored, not to be acknowledged.
    pub refused: Vec<BatchId>,
}

impl Store {
    /// Makes everything in `commit` durable, or nothing of it. When it returns `Ok`, a power cut cannot take it back.
    ///
    /// What belongs to a device or webhook that was deleted meanwhile is left out without an error.
    ///
    /// # Errors
    /// [`Error::Full`]: nothing applied, try again later. A fatal one: end the hub.
    pub async fn commit(&self, commit: Commit) -> Result<Committed> {
        self.write_commit(commit).await
    }
}

/// Writes a commit into the open transaction.
pub(in crate::store) fn apply(scope: &mut Scope<'_>, commit: Commit) -> Result<Committed> {
    let (mut fresh, mut refused) = (Vec::new(), Vec::new());
    let mut append = journal::appending(scope.conn)?;
    for batch in commit.batches {
        if !exists(scope, batch.id.device) {
            continue;
        }
        let inserted = if numbering::is_own(batch.id.epoch) {
            // Nobody sends it again: what was not answered comes in another batch, and readings of one time are one.
            Inserted::New
        } else {
            stored(scope, batch.id.device, batch.id.epoch).insert(batch.id.seq)
        };
        match inserted {
            Inserted::Repeat => scope.own.repeats += 1,
            // One device's holes must not hold up the others' readings.
            Inserted::Full => refused.push(batch.id),
            Inserted::New => {
                let row = *scope.next_row;
                if batch.is_empty() {
                    save(scope, batch.id.device, batch.id.epoch)?;
                } else {
                    journal::append(&mut append, row, &batch)?;
                    *scope.next_row += 1;
                }
                fresh.push(batch.id);
                scope.own.fresh.push((row, batch));
            }
        }
    }
    for floor in commit.floors.iter().filter(|floor| exists(scope, floor.device)).collect::<Vec<_>>() {
        stored(scope, floor.device, floor.epoch).raise_mark(floor.below);
        save(scope, floor.device, floor.epoch)?;
    }
    for transition in &commit.transitions {
        alerts::write(scope.conn, transition)?;
    }
    for delivery in &commit.deliveries {
        outbox::insert(scope.conn, delivery)?;
    }
    for mark in commit.muted {
        silences::mark(scope.conn, mark)?;
    }
    for waiting in commit.late {
        late::write(scope.conn, waiting)?;
    }
    scope.own.due |= !commit.deliveries.is_empty();
    Ok(Committed { fresh, refused })
}

fn exists(scope: &Scope<'_>, device: DeviceNo) -> bool {
    !scope.group.gone.contains(&device) && scope.memory.catalog().device(device).is_some()
}

/// The window as this write sees it; copied from what it stands on at its first use.
fn stored<'a>(scope: &'a mut Scope<'_>, device: DeviceNo, epoch: Epoch) -> &'a mut SeqSet {
    let Scope { memory, group, own, .. } = scope;
    own.windows.entry((device, epoch)).or_insert_with_key(|key| match group.windows.get(key) {
        Some(earlier) => earlier.clone(),
        None => memory.windows().get(key).cloned().unwrap_or_default(),
    })
}

/// Saves a window that grew by something of which no journal row tells.
fn save(scope: &mut Scope<'_>, device: DeviceNo, epoch: Epoch) -> Result<()> {
    let conn = scope.conn;
    window::save(conn, (device, epoch), stored(scope, device, epoch))
}
