//! Questions about one moment of the database: readings in blocks, their rollups, and what a start loads into memory.

use super::nouns::Nouns;
use super::upkeep::Upkeep;
use crate::model::device::DeviceNo;
use crate::model::reading::{Point, SeriesId};
use crate::model::{BatchSeq, Epoch, Lane, UnixMillis};
use crate::store::error::Result;
use crate::store::pack::packed::{Figures, Values};
use crate::store::pack::rollup::Row;
use crate::store::span::{Going, Outline, Small, Span, Unmerged};
use crate::store::stats::Look;
use crate::store::tier::{RolledUpTo, Table};
use crate::store::windows::Windows;

/// Everything that is asked.
pub(in crate::store) trait Snapshot: Nouns + Spans + Rollups + Journal + Looks + Upkeep {}

/// Milliseconds since 1970 of each reading of a span, ascending; `None` where they are damaged.
pub(in crate::store) type TimesOfSpan = Option<Vec<i64>>;
/// The values of every series in a span.
pub(in crate::store) type ValuesOfSpan = Vec<(SeriesId, Values)>;

/// What is wanted of a series in a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Part {
    /// Its figures alone.
    Figures,
    /// Every value.
    Values,
}

/// What a series has in a span.
pub(in crate::store) enum Column {
    /// Its figures.
    Figures(Figures<f64>),
    /// Every value, in the order of the span's times.
    Values(Values),
}

/// Readings in blocks. What is damaged is left out and said in the log, unless a question says otherwise.
pub(in crate::store) trait Spans {
    /// A device's spans that overlap `[from, to)`, by start.
    fn spans(&self, device: DeviceNo, range: (UnixMillis, UnixMillis)) -> Result<Vec<Span>>;
    /// How many there are, counted no further than `at_most`.
    fn count_spans(&self, device: DeviceNo, range: (UnixMillis, UnixMillis), at_most: usize) -> Result<usize>;
    /// The same by start, as little of each as is known without looking into it.
    fn outlines(&self, device: DeviceNo, range: (UnixMillis, UnixMillis)) -> Result<Vec<Outline>>;
    /// The times of each span.
    fn times(&self, spans: &[Span]) -> Result<Vec<TimesOfSpan>>;
    /// Calls `with` for what a series has in spans, in their order, with the place of the span; not where it has nothing.
    fn columns(
        &self,
        series: SeriesId,
        wanted: &[(Span, Part)],
        with: &mut dyn FnMut(usize, Column) -> Result<()>,
    ) -> Result<()>;
    /// Calls `with` for the cells of each span, in order, with its place; with none where it has none.
    fn cells(&self, spans: &[Outline], with: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<()>;
    /// In which of some spans a series has a block, damaged or not.
    fn has_blocks(&self, spans: &[Span], series: SeriesId) -> Result<Vec<bool>>;
    /// Whether all these spans are there.
    fn has_spans(&self, ids: &[i64]) -> Result<bool>;
    /// The number of the next span: above all that were made here.
    fn next_span(&self) -> Result<i64>;
    /// The lowest number of a span, at most 0.
    fn lowest_span(&self) -> Result<i64>;
    /// All cuts that were not merged yet, by device and number.
    fn small_cuts(&self) -> Result<Vec<Small>>;
    /// The spans of some cuts of a device that were not merged yet, by cut.
    fn unmerged(&self, device: DeviceNo, first: i64, last: i64) -> Result<Vec<Unmerged>>;
    /// Calls `with` for the times of each span and all values in it; `Corrupt` when any of it is damaged.
    fn contents(&self, spans: &[Span], with: &mut dyn FnMut(&[i64], ValuesOfSpan) -> Result<()>) -> Result<()>;
    /// Some of a device's spans whose readings all came before a moment, oldest receipt first.
    fn due(&self, device: DeviceNo, before: UnixMillis, at_most: usize) -> Result<Going>;
    /// The spans cut first, of whatever device: cuts are numbered in the order of commits.
    fn oldest(&self, at_most: usize) -> Result<Going>;
    /// What a device has in spans whose readings all came before a moment: readings, and their bytes.
    fn weigh_spans(&self, device: DeviceNo, before: UnixMillis) -> Result<(u64, u64)>;
    /// The device with the most readings, if it has more than twice what each of the others has on average.
    fn greediest(&self) -> Result<Option<DeviceNo>>;
}

/// Figures by the minute and by the hour.
pub(in crate::store) trait Rollups {
    /// Where a device has rollups.
    fn rolled(&self, device: DeviceNo) -> Result<RolledUpTo>;
    /// Whether any device has rollups of readings at or after a moment.
    fn has_rollups_from(&self, from: UnixMillis) -> Result<bool>;
    /// Numbers of the stored rows that overlap `[from, to)`, of any series.
    fn rollup_rows(&self, table: Table, range: (i64, i64)) -> Result<Vec<i64>>;
    /// Calls `with` for rows by key, in order; a row that is not there is an empty one.
    fn rollups(&self, table: Table, keys: &[i64], with: &mut dyn FnMut(&Row)) -> Result<()>;
    /// Where the oldest row ends.
    fn oldest_rollup_end(&self, table: Table) -> Result<Option<UnixMillis>>;
    /// Rows of some series that end before a moment: how many, and their bytes.
    fn weigh_rollups(&self, table: Table, series: &[SeriesId], before: UnixMillis) -> Result<(u64, u64)>;
}

/// A row of the journal that is as it was written.
pub(in crate::store) struct JournalRow<'a> {
    pub(in crate::store) id: i64,
    pub(in crate::store) device: DeviceNo,
    pub(in crate::store) epoch: Epoch,
    pub(in crate::store) seq: BatchSeq,
    pub(in crate::store) lane: Lane,
    pub(in crate::store) received_at: UnixMillis,
    pub(in crate::store) payload: &'a [u8],
    /// Whether its readings are in blocks.
    pub(in crate::store) in_blocks: bool,
}

/// The journal, and what completes it at a start.
pub(in crate::store) trait Journal {
    /// Calls `with` for each row, in the order of commits.
    fn journal(&self, with: &mut dyn FnMut(JournalRow<'_>) -> Result<()>) -> Result<()>;
    /// About how many rows it has.
    fn journal_rows(&self) -> Result<u64>;
    /// Number of the next row. Never one that a cut covers, also when the newest rows were deleted.
    fn next_row(&self) -> Result<i64>;
    /// Every receive window as it was saved.
    fn windows(&self) -> Result<Windows>;
    /// The newest point of each series, as it was saved with the last cut of its device.
    fn latest(&self) -> Result<Vec<(SeriesId, Point)>>;
    /// The time of the newest point that is saved of a series.
    fn latest_of(&self, series: SeriesId) -> Result<Option<UnixMillis>>;
    /// How far blocks and rollups of each device reach, in any order.
    fn reaches(&self) -> Result<Vec<(DeviceNo, UnixMillis)>>;
    /// A number that changes when a command beside the hub has written, rollups perhaps.
    fn writes_beside(&self) -> Result<i64>;
}

/// Looks at how fast the database grows.
pub(in crate::store) trait Looks {
    /// All that are kept, by time.
    fn looks(&self) -> Result<Vec<Look>>;
}
