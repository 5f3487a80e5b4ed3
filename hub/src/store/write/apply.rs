//! Turns a commit into rows.
//!
//! Deduplication happens here: the committed receive window of a batch's (device, epoch) decides. A batch that is
//! already stored is skipped; it may be acknowledged all the same, because its earlier copy is on disk.

use wire::Inserted;

use super::commit::{Commit, Committed};
use super::inbox::{Applied, OpenWrite, Write, answer};
use crate::model::device::DeviceNo;
use crate::model::{Epoch, SeqSet, numbering};
use crate::store::error::Result;

impl Write {
    /// Does it in the open transaction, or takes note that there is none.
    pub(super) fn apply(self, open: Result<&mut OpenWrite<'_>>) -> Applied {
        match self {
            Self::Group(commit, reply) => answer(open.and_then(|open| apply(open, *commit)), reply),
            Self::Change(work) => work(open),
        }
    }
}

/// Writes a commit into the open transaction.
fn apply(open: &mut OpenWrite<'_>, commit: Commit) -> Result<Committed> {
    let (mut fresh, mut refused) = (Vec::new(), Vec::new());
    for batch in commit.batches {
        if !open.has_device(batch.id.device) {
            continue;
        }
        let inserted = if numbering::is_own(batch.id.epoch) {
            // Nobody sends it again: what was not answered comes in another batch, and readings of one time are one.
            Inserted::New
        } else {
            stored(open, batch.id.device, batch.id.epoch).insert(batch.id.seq)
        };
        match inserted {
            Inserted::Repeat => open.own.repeats += 1,
            // One device's holes must not hold up the others' readings.
            Inserted::Full => refused.push(batch.id),
            Inserted::New => {
                let row = *open.next_row;
                if batch.is_empty() {
                    save(open, batch.id.device, batch.id.epoch)?;
                } else {
                    *open.next_row += 1;
                }
                fresh.push(batch.id);
                open.own.fresh.push((row, batch));
            }
        }
    }
    open.tx.append(&open.own.fresh)?;
    for floor in commit.floors.iter().filter(|floor| open.has_device(floor.device)).collect::<Vec<_>>() {
        stored(open, floor.device, floor.epoch).raise_mark(floor.below);
        save(open, floor.device, floor.epoch)?;
    }
    for transition in &commit.transitions {
        open.tx.write_alert(transition)?;
    }
    for explanation in &commit.explained {
        open.tx.explain_alert(explanation)?;
    }
    for delivery in &commit.deliveries {
        open.tx.add_delivery(delivery)?;
    }
    for mark in commit.marks {
        open.tx.mark_alert(mark)?;
    }
    for (series, waiting) in commit.late {
        open.tx.write_late(series, waiting)?;
    }
    open.own.due |= !commit.deliveries.is_empty();
    Ok(Committed { fresh, refused })
}

/// The window as this write sees it; copied from what it stands on at its first use.
fn stored<'a>(open: &'a mut OpenWrite<'_>, device: DeviceNo, epoch: Epoch) -> &'a mut SeqSet {
    let OpenWrite { memory, group, own, .. } = open;
    own.windows.entry((device, epoch)).or_insert_with_key(|key| match group.windows.get(key) {
        Some(earlier) => earlier.clone(),
        None => memory.windows().get(key).cloned().unwrap_or_default(),
    })
}

/// Saves a window that grew by something of which no journal row tells.
fn save(open: &mut OpenWrite<'_>, device: DeviceNo, epoch: Epoch) -> Result<()> {
    let tx = open.tx;
    tx.save_windows(&[((device, epoch), stored(open, device, epoch))])
}
