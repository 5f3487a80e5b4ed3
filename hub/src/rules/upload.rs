//! What came together, and by it when each reading was taken and whether it is late. PURE.
//!
//! - A reading was taken no later than it came: one whose clock runs ahead is judged as of the moment it came. If a series is
//!   ahead from the first to the last reading of an upload all of them move by the same time, so that a rate stays a rate.
//!   What is more than 5 min ahead is no measurement of this moment (a forecast), and decides nothing; where the hub has
//!   measured how far ahead an agent's clock runs, more than 5 min ahead of that clock.
//! - An upload is as late as its newest reading: a logger that brings the last hour brings all of it in time.
//! - What a device kept while the hub was away, and says so, is late; what is imported is history, and decides nothing.

use std::collections::HashMap;

use super::slot::{BySlot, Slot};
use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, Point};
use crate::model::{Lane, UnixMillis, numbering};

/// A reading further ahead of the hub's clock than this is not judged.
pub(super) const FUTURE_MS: i64 = 5 * 60_000;
/// So far apart may clocks be that are said to be the same.
pub(super) const SAME_MS: i64 = 1_000;
/// Younger readings need no look at the whole upload.
const FRESH_MS: i64 = 60_000;

/// Batches that came together, of one device.
#[derive(Debug)]
pub(super) struct Upload {
    /// When they came.
    pub(super) came: UnixMillis,
    /// By no agent: what was not heard while the hub was away is kept nowhere.
    pub(super) is_pushed: bool,
    /// From a file: nobody is to be told.
    pub(super) is_imported: bool,
    /// The device says that it kept them.
    pub(super) is_backlog: bool,
    /// Readings further ahead than this, in milliseconds, are not judged.
    pub(super) future_ms: i64,
    /// Of each series; `None` when all readings are of this minute.
    series: Option<BySlot<Span>>,
}

/// The readings of one series in an upload.
#[derive(Debug, Clone, Copy)]
struct Span {
    oldest: UnixMillis,
    newest: UnixMillis,
    readings: i64,
    last: UnixMillis,
    is_in_order: bool,
}

impl Upload {
    /// The first of some batches, and those that came with it: how many, and what they are.
    pub(super) fn first(
        now: UnixMillis,
        batches: &[Batch],
        clocks_ahead: &HashMap<DeviceNo, i64>,
        slot: impl Fn(crate::model::reading::SeriesId) -> Option<Slot>,
    ) -> Option<(usize, Self)> {
        let first = batches.first()?;
        let is_with = |batch: &&Batch| {
            let (one, other) = (first.id, batch.id);
            one.device == other.device
                && numbering::is_pushed(one.epoch)
                && numbering::is_pushed(other.epoch)
                && numbering::ticket(one.seq) == numbering::ticket(other.seq)
        };
        let many = batches.iter().take_while(is_with).count().max(1);
        let came = first.received_at.min(now);
        let rows = || {
            batches.iter().take(many).flat_map(Batch::rows).filter_map(|(series, point)| Some((slot(series)?, point)))
        };
        let is_fresh = |(_, point): (Slot, Point)| (-SAME_MS..=FRESH_MS).contains(&came.since(point.at));
        let is_pushed = numbering::is_pushed(first.id.epoch);
        let ahead = clocks_ahead.get(&first.id.device).filter(|_| !is_pushed);
        let future_ms = FUTURE_MS + ahead.copied().unwrap_or(0).max(0);
        let upload = Self {
            came,
            is_pushed,
            is_imported: is_pushed && numbering::is_imported(first.id.seq),
            is_backlog: !is_pushed && first.lane == Lane::Recovered,
            future_ms,
            series: if rows().all(is_fresh) { None } else { Some(spans(came, future_ms, rows())) },
        };
        Some((many, upload))
    }

    /// When a reading was taken; `None` when it was not yet.
    pub(super) fn taken(&self, slot: Slot, at: UnixMillis) -> Option<UnixMillis> {
        if at.since(self.came) > self.future_ms {
            return None;
        }
        let Some(span) = self.series.as_ref().and_then(|series| series.get(&slot)) else { return Some(at) };
        let ahead = span.newest.since(self.came);
        Some(match (ahead > SAME_MS, span.is_in_order) {
            (false, _) => at,
            (true, true) => at.plus(-ahead),
            (true, false) => at.min(self.came),
        })
    }

    /// How old the newest reading of a series is, where `taken` is one of them.
    pub(super) fn age_ms(&self, slot: Slot, taken: UnixMillis) -> i64 {
        let span = self.series.as_ref().and_then(|series| series.get(&slot));
        self.came.since(span.map_or(taken, |span| span.newest.min(self.came)))
    }

    /// The time from one reading of a series to the next, as this upload has it; 0 where it has one reading, or only young ones.
    pub(super) fn spacing_ms(&self, slot: Slot) -> i64 {
        let span = self.series.as_ref().and_then(|series| series.get(&slot));
        span.map_or(0, |span| span.newest.since(span.oldest) / (span.readings - 1).max(1))
    }
}

fn spans(came: UnixMillis, future_ms: i64, rows: impl Iterator<Item = (Slot, Point)>) -> BySlot<Span> {
    let mut spans = BySlot::<Span>::default();
    for (slot, Point { at, .. }) in rows.filter(|(_, point)| point.at.since(came) <= future_ms) {
        let span =
            spans.entry(slot).or_insert(Span { oldest: at, newest: at, readings: 0, last: at, is_in_order: true });
        span.is_in_order &= at >= span.last;
        span.oldest = span.oldest.min(at);
        span.newest = span.newest.max(at);
        span.readings += 1;
        span.last = at;
    }
    spans
}
