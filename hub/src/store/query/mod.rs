//! Readings by time, one by one.
//!
//! What is not yet in blocks is copied from memory first; blocks are read in one snapshot taken after that. What moved
//! from the one to the other in between is then seen twice, which changes nothing, and never not at all.

pub(super) mod aggregate;
mod around;
mod found;
mod line;
mod plan;
mod rollups;
mod scan;
mod share;
pub(super) mod sweep;
mod totals;

use super::Store;
use super::engine::snapshot::{Column, Part};
use super::error::{Error, Result};
use super::head::fresh::Fresh;
use super::memory::Memory;
use super::readers::Reader;
use super::samples::{self, MEMORY, Sample, Wanted, rank_of_cut, settle};
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::{Point, SeriesId};

/// Most bytes of the head decoded without a thread of their own: a fraction of a millisecond.
pub(super) const AT_ONCE: usize = 64 << 10;
/// Most blocks unpacked without one.
pub(super) const BLOCKS_AT_ONCE: usize = 6;

/// Points of one series, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The points.
    pub points: Vec<Point>,
    /// Whether there are more after the last one.
    pub more: bool,
}

impl Page {
    /// The first `limit` of samples that are in order.
    fn of(samples: &[Sample], limit: usize) -> Self {
        let points = samples.iter().take(limit).map(|sample| sample.point()).collect();
        Self { points, more: samples.len() > limit }
    }
}

impl Store {
    /// The newest point of each series, from memory; also right after a restart.
    #[must_use]
    pub fn latest(&self, series: &[SeriesId]) -> Vec<Option<Point>> {
        let head = self.memory().head();
        series.iter().map(|series| head.latest(*series)).collect()
    }

    /// The newest point of each series, and when it was last heard, as [`Store::heard`] has it; from memory.
    #[must_use]
    pub fn latest_heard(&self, series: &[SeriesId]) -> Vec<Option<(Point, Option<UnixMillis>)>> {
        let head = self.memory().head();
        series.iter().map(|series| Some((head.latest(*series)?, head.heard_of(*series)))).collect()
    }

    /// When each series was last heard, by the hub's clock, as far as that is in memory: since the start, and of what was
    /// not yet in blocks then. What is imported is not heard.
    #[must_use]
    pub fn heard(&self) -> Vec<(SeriesId, UnixMillis)> {
        self.memory().head().heard().collect()
    }

    /// Points with `from <= at < to`, oldest first; of several at one time the newest batch wins.
    ///
    /// # Errors
    /// `NotFound` for the series; `Busy` when too many read at once or it takes longer than 10 s.
    pub async fn readings(&self, series: SeriesId, from: UnixMillis, to: UnixMillis, limit: usize) -> Result<Page> {
        let device = device_of(self.memory(), series)?;
        let wanted = Wanted::new(&self.memory().catalog().sensor_numbers(device), &[series]);
        let fresh = self.memory().head().copy(device, from, to);
        if !fresh.blocks_from(from) && fresh.bytes() <= AT_ONCE {
            return Ok(Page::of(&recent(&fresh, (from, to), &wanted, true)?, limit));
        }
        let reader = self.readers().take().await?;
        let most = BLOCKS_AT_ONCE;
        let is_short = fresh.bytes() <= AT_ONCE && reader.ask()?.count_spans(device, (from, to), most + 1)? <= most;
        reader
            .run_here_if(is_short, move |reader| {
                if fresh.blocks_from(from) {
                    let recent = recent(&fresh, (from, to), &wanted, false)?;
                    page(reader, (device, series), (from, to), recent, limit)
                } else {
                    Ok(Page::of(&recent(&fresh, (from, to), &wanted, true)?, limit))
                }
            })
            .await
    }
}

/// The device of a series that exists.
pub(super) fn device_of(memory: &Memory, series: SeriesId) -> Result<DeviceNo> {
    Ok(memory.catalog().series(series).ok_or(Error::missing("series"))?.device)
}

fn recent(fresh: &Fresh, range: (UnixMillis, UnixMillis), wanted: &Wanted, settled: bool) -> Result<Vec<Sample>> {
    let mut samples = samples::of_head(fresh, range, wanted, 1, MEMORY)?.pop().unwrap_or_default();
    if settled {
        settle(&mut samples);
    }
    Ok(samples)
}

/// Reads blocks in the order of their starts until the page is full.
fn page(
    reader: &Reader,
    (device, series): (DeviceNo, SeriesId),
    (from, to): (UnixMillis, UnixMillis),
    mut samples: Vec<Sample>,
    limit: usize,
) -> Result<Page> {
    let snapshot = reader.snapshot()?;
    let mut look_at = limit;
    for span in snapshot.spans(device, (from, to))? {
        reader.go_on()?;
        if samples.len() > look_at {
            settle(&mut samples);
            // Whatever comes from here on lies at or after the start of this block.
            let complete = samples.partition_point(|sample| sample.at < span.start);
            if complete > limit {
                break;
            }
            look_at = samples.len() * 2;
        }
        snapshot.columns(series, &[(span, Part::Values)], &mut |_, column| {
            let Column::Values(values) = column else { return Ok(()) };
            let Some(times) = snapshot.times(&[span])?.pop().flatten() else { return Ok(()) };
            let rank = rank_of_cut(span.cut);
            let points =
                times.into_iter().map(UnixMillis).zip(values.plain()).filter(|(at, _)| from <= *at && *at < to);
            samples.extend(points.map(|(at, value)| Sample { at, rank, value }));
            Ok(())
        })?;
    }
    settle(&mut samples);
    Ok(Page::of(&samples, limit))
}
