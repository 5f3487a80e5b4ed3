//! Decides when the readings of one upload were taken, and whether they are late. PURE.
//!
//! - A reading was taken no later than it came: one whose clock runs ahead is judged as of the moment it came. If a series is
//!   ahead from the first to the last reading of an upload all of them move by the same time, so that a rate stays a rate.
//!   What is more than 5 min ahead is no measurement of this moment (a forecast), and decides nothing; where the hub has
//!   measured how far ahead an agent's clock runs, more than 5 min ahead of that clock.
//! - Where the hub has measured that an agent's clock is slow, its readings were taken that much later than they say. What is
//!   pushed by programs is taken as it says: old readings may be old.
//! - An upload is as late as its newest reading: a logger that brings the last hour brings all of it in time.
//! - What a device kept while the hub was away, and says so, is late; what is imported is history, and decides nothing.

use std::collections::HashMap;

use super::slot::{BySlot, Slot};
use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, Point, SeriesId};
use crate::model::{Lane, UnixMillis, numbering};

/// A reading further ahead of the hub's clock than this is not judged.
pub(super) const FUTURE_MS: i64 = 5 * 60_000;
/// Clocks that differ by no more than this count as the same, in milliseconds.
pub(super) const SAME_MS: i64 = 1_000;
/// For readings younger than this, in milliseconds, the whole upload need not be looked at.
const FRESH_MS: i64 = 60_000;

/// Batches that came together, of one device.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) came: UnixMillis,
    /// By no agent: what was not heard while the hub was away is kept nowhere.
    pub(super) is_pushed: bool,
    /// From a file: nobody is to be told.
    pub(super) is_imported: bool,
    /// The device says that it kept them.
    pub(super) is_backlog: bool,
    /// Readings further ahead than this, in milliseconds, are not judged.
    future_ms: i64,
    /// How slow the agent's clock is, in milliseconds.
    behind_ms: i64,
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
    /// The first of some batches, and those that came with it: how many, and what they are. `rows` are from then on their readings of
    /// series that have a slot.
    pub(super) fn first(
        now: UnixMillis,
        batches: &[Batch],
        clocks: &HashMap<DeviceNo, i64>,
        slot: impl Fn(SeriesId) -> Option<Slot>,
        rows: &mut Vec<(Slot, Point)>,
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
        let is_pushed = numbering::is_pushed(first.id.epoch);
        let offset_ms = clocks.get(&first.id.device).filter(|_| !is_pushed).copied().unwrap_or(0);
        let future_ms = FUTURE_MS + offset_ms.max(0);
        let behind_ms = if offset_ms < -SAME_MS { -offset_ms } else { 0 };
        rows.clear();
        let all = batches.iter().take(many).flat_map(Batch::rows);
        rows.extend(all.filter_map(|(series, point)| Some((slot(series)?, point))));
        let taken = || rows.iter().map(|(slot, point)| (*slot, by_hub(point.at, behind_ms, came)));
        let is_fresh = |(_, at): (Slot, UnixMillis)| (-SAME_MS..=FRESH_MS).contains(&came.since(at));
        let upload = Self {
            came,
            is_pushed,
            is_imported: is_pushed && numbering::is_imported(first.id.seq),
            is_backlog: !is_pushed && first.lane == Lane::Recovered,
            future_ms,
            behind_ms,
            series: if taken().all(is_fresh) { None } else { Some(spans(came, future_ms, taken())) },
        };
        Some((many, upload))
    }

    /// When a reading was taken; `None` when it was not yet.
    pub(super) fn taken(&self, slot: Slot, at: UnixMillis) -> Option<UnixMillis> {
        if at.since(self.came) > self.future_ms {
            return None;
        }
        let at = by_hub(at, self.behind_ms, self.came);
        let Some(span) = self.series.as_ref().and_then(|series| series.get(&slot)) else { return Some(at) };
        let ahead = span.newest.since(self.came);
        Some(match (ahead > SAME_MS, span.is_in_order) {
            (false, _) => at,
            (true, true) => at.plus(-ahead),
            (true, false) => at.min(self.came),
        })
    }

    /// When a reading was taken, where it is plain that it is judged as it comes, but for one that overtook it.
    pub(super) fn plainly_taken(&self, at: UnixMillis) -> Option<UnixMillis> {
        let is_plain = self.series.is_none() && !self.is_imported && !self.is_backlog;
        let taken = by_hub(at, self.behind_ms, self.came);
        // Delays that are usual may be less than nothing, by as much as clocks may differ.
        (is_plain && self.came.since(taken) <= FRESH_MS - SAME_MS).then_some(taken)
    }

    /// Whether a reading may be looked at later. What an agent sends may be from any time, as long as nobody knows its clock.
    pub(super) const fn may_be_reviewed(&self, at: UnixMillis) -> bool {
        !self.is_imported && (!self.is_pushed || at.since(self.came) <= self.future_ms)
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

/// When something was taken by a clock that is so slow. Nothing was taken later than it came: the clock was set meanwhile.
fn by_hub(at: UnixMillis, behind_ms: i64, came: UnixMillis) -> UnixMillis {
    at.plus(behind_ms).min(came.max(at))
}

fn spans(came: UnixMillis, future_ms: i64, rows: impl Iterator<Item = (Slot, UnixMillis)>) -> BySlot<Span> {
    let mut spans = BySlot::<Span>::default();
    for (slot, at) in rows.filter(|(_, at)| at.since(came) <= future_ms) {
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
