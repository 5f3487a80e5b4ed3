//! What a query takes from rollups: by the hour where that is enough, else by the minute.

use std::collections::BTreeMap;

use super::plan::Plan;
use crate::model::reading::{Point, SeriesId};
use crate::store::engine::snapshot::Snapshot;
use crate::store::error::Result;
use crate::store::pack::bucket::Bucket;
use crate::store::rollup::again::Hour;
use crate::store::rollup::read;
use crate::store::tier::{HOURS, MINUTES, RolledUpTo, Tier};

/// Which rows of rollups the range of a query touches; looked for by the first device that has some.
pub(super) struct Rollups {
    /// Whether all edges lie on full hours: then hours answer alone.
    whole_hours: bool,
    minutes: Vec<i64>,
    pub(super) hours: Vec<i64>,
}

impl Rollups {
    pub(super) fn of(ask: &dyn Snapshot, plan: &Plan) -> Result<Self> {
        let (from, to) = plan.range();
        // A line goes through the finest there is, so that it is the same one in buckets of any width.
        let whole_hours = !plan.wanted.line() && plan.edges.iter().all(|edge| edge.0 % HOURS.bucket == 0);
        let minutes = if whole_hours { Vec::new() } else { ask.rollup_rows(MINUTES, (from.0, to.0))? };
        Ok(Self { whole_hours, minutes, hours: ask.rollup_rows(HOURS, (from.0, to.0))? })
    }

    /// Calls `with` for the rollups of a series: by the minute where minutes are still kept, else by the hour. Returns the tier
    /// that was used. `hours` holds the figures that count in hours with late readings.
    pub(super) fn each(
        &self,
        ask: &dyn Snapshot,
        series: SeriesId,
        rolled: RolledUpTo,
        hours: &BTreeMap<i64, Hour>,
        plan: &Plan,
        mut with: impl FnMut(&Bucket, &[Point]),
    ) -> Result<Tier> {
        let (from, end) = plan.range();
        let to = rolled.to.unwrap_or(from).clamp(from, end).0;
        let split = if self.whole_hours { to } else { rolled.minutes_from.unwrap_or(from).0.clamp(from.0, to) };
        let mut tier = Tier::Raw;
        for (table, (from, to), rows) in [(HOURS, (from.0, split), &self.hours), (MINUTES, (split, to), &self.minutes)]
        {
            if from < to {
                // A rollup that begins before an edge may have all its readings behind it.
                read(ask, table, series, (table.start(from), to), rows, |start, stored, knots| {
                    let known = hours.get(&HOURS.start(start));
                    let counts = match known {
                        Some(hour) if table == HOURS => Some(&hour.whole),
                        Some(hour) => hour.minutes.get(&start),
                        None => Some(stored),
                    };
                    let Some(counts) = counts.filter(|bucket| bucket.count > 0) else { return };
                    tier = tier.max(table.tier);
                    with(counts, knots);
                })?;
            }
        }
        Ok(tier)
    }
}
