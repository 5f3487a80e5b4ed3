//! PURE. What batches of the head brought, as the loss ledger counts it.

use crate::model::Lane;
use crate::store::engine::nouns::Known;
use crate::store::head::fresh::Fresh;

/// What the batches behind a journal row brought, by hour and boot. Imports are not in it: a file says nothing of what a device took,
/// and what is imported once more, or where it was exported, is there already.
pub(in crate::store) fn arrived(fresh: &Fresh, behind: i64) -> Known {
    let mut known = Known::new();
    fresh.decode_entries(|batch, rows| {
        if batch.row <= behind || batch.is_imported {
            return;
        }
        // Nearly every batch lies in one hour, and its times are in runs.
        for run in rows.at.chunk_by(|one, next| one.hour() == next.hour()) {
            let Some(hour) = run.first().map(|at| at.hour()) else { continue };
            let counts = known.entry((hour, batch.epoch)).or_default();
            match batch.lane {
                Lane::Live => counts.received += run.len() as u64,
                Lane::Recovered => counts.recovered += run.len() as u64,
            }
        }
    });
    known
}
