//! Turns a commit into rows.
//!
//! Deduplication happens here: the committed receive window of a batch's (device, epoch) decides. A batch that is
//! already stored is skipped; it may be acknowledged all the same, because its earlier copy is on disk.

use wire::Inserted;

use super::commit::{Commit, Committed};
use super::inbox::{Applied, Scope, Write, answer};
use crate::model::device::DeviceNo;
use crate::model::{Epoch, SeqSet, numbering};
use crate::store::error::Result;

impl Write {
    /// Does it in the open transaction, or takes note that there is none.
    pub(super) fn apply(self, scope: Result<&mut Scope<'_>>) -> Applied {
        match self {
            Self::Group(commit, reply) => answer(scope.and_then(|scope| apply(scope, *commit)), reply),
            Self::Change(work) => work(scope),
        }
    }
}

/// Writes a commit into the open transaction.
fn apply(scope: &mut Scope<'_>, commit: Commit) -> Result<Committed> {
    let (mut fresh, mut refused) = (Vec::new(), Vec::new());
    for batch in commit.batches {
        if !scope.has_device(batch.id.device) {
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
                    *scope.next_row += 1;
                }
                fresh.push(batch.id);
                scope.own.fresh.push((row, batch));
            }
        }
    }
    scope.tx.append(&scope.own.fresh)?;
    for floor in commit.floors.iter().filter(|floor| scope.has_device(floor.device)).collect::<Vec<_>>() {
        stored(scope, floor.device, floor.epoch).raise_mark(floor.below);
        save(scope, floor.device, floor.epoch)?;
    }
    for transition in &commit.transitions {
        scope.tx.write_alert(transition)?;
    }
    for delivery in &commit.deliveries {
        scope.tx.add_delivery(delivery)?;
    }
    for mark in commit.marks {
        scope.tx.mark_alert(mark)?;
    }
    for (series, waiting) in commit.late {
        scope.tx.write_late(series, waiting)?;
    }
    scope.own.due |= !commit.deliveries.is_empty();
    Ok(Committed { fresh, refused })
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
    let tx = scope.tx;
    tx.save_windows(&[((device, epoch), stored(scope, device, epoch))])
}
