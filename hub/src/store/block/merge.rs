//! Merges small cuts of a device that follow each other, so that a column has little overhead and a wide query reads few rows.
//!
//! ```text
//!   cuts     │ 720 │ 720 │ 702 │ 720 │ 12 ..        as readings came
//!            └──────── 2,862 ────────┘              one cut, numbered as the last of them; never merged again
//! ```
//!
//! Promises: a reading is rewritten once. No answer changes: the cuts of a run follow each other, so the merged cut keeps its place
//! between the cuts before and after it. Only cuts received on one day (UTC) are merged, so readings are still deleted on the same
//! day. If anything in a run is damaged, its rows stay as they are.
//!
//! Salvaged cuts (numbers below 0) are not merged, because a `recover` beside the hub may write there.

use std::collections::BTreeMap;

use super::cut::{self, Column, MOST};
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::store::engine::snapshot::Snapshot;
use crate::store::engine::transaction::Transaction;
use crate::store::error::{Error, Result};
use crate::store::span::{Blocks, Level, Small, Span, Unmerged, day};

/// Points of a series that are not worth waiting for more: of cuts of the usual size three make one. Larger rows cost less
/// each and waste more of their pages: with half of the most a day of the default fleet takes 4 % more.
const ENOUGH: usize = MOST * 5 / 16;
/// Readings of a run at most, held while they are merged: 16 MiB.
const MOST_READINGS: usize = 1 << 20;

/// Cuts of one device that become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Run {
    device: DeviceNo,
    first: i64,
    last: i64,
    /// Points of a series, about.
    points: usize,
}

/// Sorted cuts as runs; `series` says how many a device has. The last run of a device waits for more while its day lasts,
/// if `today` is given.
pub(in crate::store) fn runs(
    small: &[Small],
    today: Option<UnixMillis>,
    series: impl Fn(DeviceNo) -> usize,
) -> Vec<Run> {
    let mut runs = Vec::new();
    for of_device in small.chunk_by(|one, next| one.device == next.device) {
        let most = of_device.first().map_or(MOST, |one| MOST.min(MOST_READINGS / series(one.device).max(1)));
        let mut open: Option<(Run, UnixMillis)> = None;
        for next in of_device {
            let begun =
                (Run { device: next.device, first: next.cut, last: next.cut, points: next.points }, next.received);
            open = Some(match open {
                None => begun,
                Some((run, received))
                    if run.points >= ENOUGH.min(most)
                        || run.points + next.points > most
                        || day(received) != day(next.received) =>
                {
                    runs.push(run);
                    begun
                }
                Some((run, received)) => (Run { last: next.cut, points: run.points + next.points, ..run }, received),
            });
        }
        let is_due = |(run, received): &(Run, UnixMillis)| match today {
            _ if run.points >= ENOUGH.min(most) => true,
            Some(today) => day(*received) < today,
            None => run.first != run.last,
        };
        runs.extend(open.filter(is_due).map(|(run, _)| run));
    }
    runs
}

/// A run, merged and ready to be written.
#[derive(Debug)]
pub(in crate::store) struct Merged {
    /// Whose readings they are.
    pub(in crate::store) device: DeviceNo,
    before: Vec<i64>,
    /// `None`: there is nothing to merge, or something of it is damaged.
    after: Option<Blocks>,
}

/// Merges a run, as of one moment; rows of `times` are numbered from `next`.
pub(in crate::store) fn merge(ask: &dyn Snapshot, run: Run, next: &mut i64) -> Result<Merged> {
    let spans = ask.unmerged(run.device, run.first, run.last)?;
    let received = spans.iter().map(|one| one.received).max().unwrap_or_default();
    let before = spans.iter().map(|one| one.span.id).collect();
    let after = if run.first == run.last {
        None
    } else {
        match columns(ask, &spans) {
            Ok(columns) => Some(cut::pack(columns, received, run.last, next)?),
            // Whoever reads it hears of it.
            Err(Error::Corrupt { .. }) => None,
            Err(other) => return Err(other),
        }
    };
    Ok(Merged { device: run.device, before, after })
}

/// All readings of some spans in the order of their cuts.
fn columns(ask: &dyn Snapshot, spans: &[Unmerged]) -> Result<Vec<(SeriesId, Column)>> {
    if !spans.iter().all(|one| one.is_whole) {
        return Err(Error::Corrupt { what: "block" });
    }
    let spans: Vec<Span> = spans.iter().map(|one| one.span).collect();
    let mut columns: BTreeMap<SeriesId, Column> = BTreeMap::new();
    ask.contents(&spans, &mut |times, all| {
        for (series, values) in all {
            let column = columns.entry(series).or_default();
            column.at.extend_from_slice(times);
            column.value.extend(values.plain());
        }
        Ok(())
    })?;
    columns.values_mut().for_each(Column::settle);
    Ok(columns.into_iter().collect())
}

impl Merged {
    /// Blocks that go and blocks that come; nothing where all stays as it is.
    pub(in crate::store) fn write(&self, tx: &dyn Transaction) -> Result<()> {
        match &self.after {
            Some(after) => {
                // First, so that their pages can be used again.
                tx.delete_spans(&self.before)?;
                tx.put_blocks(self.device, after, Level::Merged)
            }
            None => tx.leave_unmerged(&self.before),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    fn small(device: u32, cut: i64, points: usize, received: i64) -> Small {
        Small { device: DeviceNo(device), cut, points, received: UnixMillis(received) }
    }

    fn run(device: u32, first: i64, last: i64, points: usize) -> Run {
        Run { device: DeviceNo(device), first, last, points }
    }

    #[test]
    fn a_run_is_due_when_it_is_long_enough_or_its_day_is_over() {
        let cuts: Vec<Small> = (0..7).map(|n| small(1, n * 10, 600, 5)).collect();
        assert_eq!(runs(&cuts, Some(UnixMillis(0)), |_| 9), [run(1, 0, 30, 2_400)]);
        assert_eq!(runs(&cuts, Some(UnixMillis(DAY)), |_| 9), [run(1, 0, 30, 2_400), run(1, 40, 60, 1_800)]);
        assert_eq!(runs(&cuts, None, |_| 9).len(), 2);
        // One alone gains nothing yet.
        assert_eq!(runs(&cuts[..5], None, |_| 9).len(), 1);
    }

    #[test]
    fn a_run_keeps_to_its_device_its_day_and_what_fits() {
        let cuts = [
            small(1, 0, 700, 5),
            small(1, 10, 700, DAY - 1),
            small(1, 20, 700, DAY),
            small(2, 5, 3_700, 5),
            small(2, 10, 2_200, 6),
            small(2, 15, 700, 6),
        ];
        let all = |cuts: &[Small], series| runs(cuts, Some(UnixMillis(2 * DAY)), |_| series);
        let expected = [run(1, 0, 10, 1_400), run(1, 20, 20, 700), run(2, 5, 5, 3_700), run(2, 10, 15, 2_900)];
        assert_eq!(all(&cuts, 9), expected);
        // A thousand series: what is held at once decides.
        assert_eq!(all(&cuts[..2], 1_000), [run(1, 0, 0, 700), run(1, 10, 10, 700)]);
    }
}
