//! What a start puts into the head: the newest point of each series, and the journal rows that are not in blocks; and into
//! the receive windows: what all journal rows say.
//!
//! The newest points are saved with each cut for the device's series, so they stand for everything in blocks, and the rows behind
//! the cut complete them: the newest point of a sensor that fell silent a year ago is still right. A start reads the
//! journal once, in order, and nothing else grows with the data.

use wire::Inserted;
use wire::batch::Rows;

use super::engine::snapshot::{JournalRow, Snapshot};
use super::error::Result;
use super::head::Head;
use super::memory::Memory;
use super::pack::payload::decode;
use super::windows::Unsaved;
use crate::model::catalog::Catalog;
use crate::model::numbering;
use crate::model::reading::{Batch, BatchId, Digest};

/// Fills the head at start, and completes the receive windows; returns those that grew. The catalog must be there already,
/// and the windows as they were saved.
pub(super) fn rebuild(ask: &dyn Snapshot, memory: &Memory) -> Result<Unsaved> {
    let catalog = memory.catalog();
    let (mut head, mut windows, mut digests) = (memory.head_mut(), memory.windows_mut(), memory.digests_mut());
    refresh(ask, &mut head)?;
    let (mut decoded, mut grown) = (Rows::default(), Unsaved::new());
    ask.journal(&mut |row| {
        let JournalRow { id, device, epoch, seq, payload, .. } = row;
        if catalog.device(device).is_none() {
            return Ok(());
        }
        // What the hub sends itself has no window: nobody sends it again.
        if !numbering::is_own(epoch) {
            if windows.entry((device, epoch)).or_default().insert(seq) == Inserted::New {
                grown.insert((device, epoch));
            }
            digests.entry(device).or_default().push((epoch, seq, Digest::of(payload)));
        }
        if !row.in_blocks && decode(id, epoch, payload, &mut decoded) {
            head.add(id, &batch(&catalog, &row, &decoded));
        }
        Ok(())
    })?;
    Ok(grown)
}

/// Takes in what is saved beside the journal; also what a command beside the hub saved.
pub(super) fn refresh(ask: &dyn Snapshot, head: &mut Head) -> Result<()> {
    ask.latest()?.into_iter().for_each(|(series, point)| head.offer_latest(series, point));
    ask.reaches()?.into_iter().for_each(|(device, reach)| head.blocks_reach(device, reach));
    Ok(())
}

/// The batch of a row, of which the payload is decoded already.
fn batch(catalog: &Catalog, row: &JournalRow<'_>, decoded: &Rows) -> Batch {
    let numbers = catalog.sensor_numbers(row.device);
    let mut batch = Batch {
        id: BatchId { device: row.device, epoch: row.epoch, seq: row.seq },
        lane: row.lane,
        received_at: row.received_at,
        payload: row.payload.to_vec(),
        series: Vec::with_capacity(decoded.len()),
        at: Vec::with_capacity(decoded.len()),
        value: Vec::with_capacity(decoded.len()),
    };
    for reading in decoded.iter() {
        if let Some(&series) = numbers.get(usize::from(reading.sensor.0)) {
            batch.series.push(series);
            batch.at.push(reading.at);
            batch.value.push(reading.value);
        }
    }
    batch
}
