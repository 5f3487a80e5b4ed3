//! Merging: small cuts of a device that follow each other become one, so that a column costs little beside its numbers and
//! a wide query looks at few rows.
//!
//! ```text
//!   cuts     │ 720 │ 720 │ 702 │ 720 │ 12 ..        as readings came
//!            └──────── 2,862 ────────┘              one cut, numbered as the last of them; never merged again
//! ```
//!
//! Promises: a reading is written anew once. No answer changes: the cuts of a run follow each other, so what is merged
//! stands between the cuts before and behind it as its parts did. Only cuts received on one day (UTC) become one, so
//! readings are let go on the day they would have been. Where anything of a run is damaged its rows stay as they are.
//!
//! What was salvaged (cuts below 0) is left alone: a `recover` beside the hub writes there.

use std::collections::BTreeMap;

use rusqlite::{Connection, named_params};

use super::cut::{self, Blocks, Column, MOST};
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::store::error::{Error, Result};
use crate::store::span::{Level, Span, day};
use crate::store::sqlite::blocks;

/// Points of a series that are not worth waiting for more: of cuts of the usual size three make one. Larger rows cost less
/// each and waste more of their pages: with half of the most a day of the default fleet takes 4 % more.
const ENOUGH: usize = MOST * 5 / 16;
/// Readings of a run at most, held while they are merged: 16 MiB.
const MOST_READINGS: usize = 1 << 20;

/// A cut that was not merged yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Small {
    device: DeviceNo,
    cut: i64,
    /// Of the series that has most.
    points: usize,
    received: UnixMillis,
}

/// Cuts of one device that become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Run {
    device: DeviceNo,
    first: i64,
    last: i64,
    /// Points of a series, about.
    points: usize,
}

const SMALL: &str = "SELECT device, cut, MAX(count), MAX(received_at) FROM times
    WHERE level = 0 AND cut >= 0 GROUP BY device, cut ORDER BY device, cut";

/// All cuts that were not merged yet, by device and number.
pub(in crate::store) fn small(conn: &Connection) -> Result<Vec<Small>> {
    let mut statement = conn.prepare_cached(SMALL)?;
    let small = statement.query_map([], |row| {
        let points = row.get::<_, u32>(2)? as usize;
        Ok(Small { device: row.get(0)?, cut: row.get(1)?, points, received: UnixMillis(row.get(3)?) })
    })?;
    Ok(small.collect::<rusqlite::Result<_>>()?)
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

const SPANS: &str = "SELECT id, cut, start_at, end_at, count, received_at, crc FROM times
    WHERE device = :device AND level = 0 AND cut BETWEEN :first AND :last ORDER BY cut";

/// Merges a run; rows of `times` are numbered from `next`.
pub(in crate::store) fn merge(conn: &Connection, run: Run, next: &mut i64) -> Result<Merged> {
    let snapshot = conn.unchecked_transaction()?;
    let mut statement = snapshot.prepare_cached(SPANS)?;
    let params = named_params! { ":device": run.device, ":first": run.first, ":last": run.last };
    let spans = statement.query_map(params, |row| Ok((Span::of_row(row)?, row.get::<_, i64>(5)?, row.get(6)?)))?;
    let spans: Vec<(Span, i64, Option<i64>)> = spans.collect::<rusqlite::Result<_>>()?;
    let received = UnixMillis(spans.iter().map(|(_, received, _)| *received).max().unwrap_or_default());
    let before = spans.iter().map(|(span, ..)| span.id).collect();
    let after = if run.first == run.last {
        None
    } else {
        match columns(&snapshot, run.device, &spans) {
            Ok(columns) => Some(cut::pack(columns, received, run.last, next)?),
            // Whoever reads it hears of it.
            Err(Error::Corrupt { .. }) => None,
            Err(other) => return Err(other),
        }
    };
    Ok(Merged { device: run.device, before, after })
}

/// All readings of some spans in the order of their cuts.
fn columns(conn: &Connection, device: DeviceNo, spans: &[(Span, i64, Option<i64>)]) -> Result<Vec<(SeriesId, Column)>> {
    let mut columns: BTreeMap<SeriesId, Column> = BTreeMap::new();
    for (span, _, crc) in spans {
        let times = blocks::times(conn, span)?.filter(|_| span.holds(device, *crc));
        let times = times.ok_or(Error::Corrupt { what: "block" })?;
        for (series, values) in blocks::all_values(conn, span)? {
            let column = columns.entry(series).or_default();
            column.at.extend_from_slice(&times);
            column.value.extend(values.plain());
        }
    }
    columns.values_mut().for_each(Column::settle);
    Ok(columns.into_iter().collect())
}

const DONE: &str = "UPDATE times SET level = 1 WHERE id = :id";

impl Merged {
    /// Blocks that go and blocks that come; nothing where all stays as it is.
    pub(in crate::store) fn write(&self, conn: &Connection) -> Result<()> {
        match &self.after {
            Some(after) => {
                // First, so that their pages can be used again.
                blocks::delete(conn, &self.before)?;
                blocks::insert(conn, self.device, after, Level::Merged)
            }
            None => {
                let mut done = conn.prepare_cached(DONE)?;
                self.before.iter().try_for_each(|id| done.execute(named_params! { ":id": id }).map(|_| ()))?;
                Ok(())
            }
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
