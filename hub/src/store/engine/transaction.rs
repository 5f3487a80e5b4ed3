//! Changes of the database, inside the writer's open transaction.

use super::nouns::ChangeNouns;
use super::snapshot::{Journal, Looks, Rollups, Snapshot, Spans};
use super::upkeep::ChangeUpkeep;
use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, Point, SeriesId};
use crate::model::{SeqSet, UnixMillis};
use crate::store::error::Result;
use crate::store::span::{Blocks, Level};
use crate::store::stats::Look;
use crate::store::tier::{DeletionCursor, Folded, RolledUpTo, Table};
use crate::store::windows::Key;

/// Everything that is changed.
pub(in crate::store) trait Transaction:
    Snapshot + ChangeNouns + ChangeSpans + ChangeRollups + ChangeJournal + ChangeLooks + ChangeUpkeep
{
}

/// Changes of blocks.
pub(in crate::store) trait ChangeSpans: Spans {
    /// Writes blocks of a device.
    fn put_blocks(&self, device: DeviceNo, blocks: &Blocks, level: Level) -> Result<()>;
    /// Says that spans are never to be merged.
    fn leave_unmerged(&self, ids: &[i64]) -> Result<()>;
    /// Deletes spans with their blocks.
    fn delete_spans(&self, ids: &[i64]) -> Result<()>;
    /// Deletes up to `at_most` spans of a device with their blocks; how many.
    fn delete_some_spans(&self, device: DeviceNo, at_most: usize) -> Result<usize>;
}

/// Changes of rollups.
pub(in crate::store) trait ChangeRollups: Rollups {
    /// Puts rows, in the place of those that are there.
    fn put_rollups(&self, rows: &[Folded]) -> Result<()>;
    /// Says that a device has rollups, also where nothing was cut yet.
    fn begin_rollups(&self, device: DeviceNo, rolled: RolledUpTo) -> Result<()>;
    /// Says how far rollups of a device reach now, where it has blocks or rollups.
    fn roll(&self, device: DeviceNo, rolled: RolledUpTo) -> Result<()>;
    /// Says that the minutes of a device, or of everybody, before a moment are going: hours answer there.
    fn minutes_go(&self, device: Option<DeviceNo>, moment: UnixMillis) -> Result<()>;
    /// Deletes rows by key, as far as all in them came before a moment.
    fn delete_rollups(&self, table: Table, keys: &[i64], received_before: UnixMillis) -> Result<()>;
    /// Deletes up to `at_most` rows of buckets before a moment, whoever's; how many.
    fn drop_rollups(&self, table: Table, before: UnixMillis, at_most: usize) -> Result<usize>;
    /// Deletes up to `at_most` rows of some series from the cursor on; where to go on, `None` when none is left behind it.
    fn delete_some_rollups(
        &self,
        series: &[SeriesId],
        cursor: DeletionCursor,
        at_most: usize,
    ) -> Result<Option<DeletionCursor>>;
}

/// Changes of the journal, the windows and the newest points.
pub(in crate::store) trait ChangeJournal: Journal {
    /// Appends batches, each under the number of its row; an empty one has no row.
    fn append(&self, batches: &[(i64, Batch)]) -> Result<()>;
    /// Says that a device's rows up to `row` are in blocks.
    fn cut(&self, device: DeviceNo, row: i64) -> Result<()>;
    /// Deletes what counts no longer of the run of rows that begins at `from`; how many, and where the next run begins.
    fn sweep(&self, from: i64) -> Result<(usize, Option<i64>)>;
    /// Deletes rows by number; how many there were.
    fn delete_rows(&self, rows: &[i64]) -> Result<usize>;
    /// Saves receive windows.
    fn save_windows(&self, windows: &[(Key, &SeqSet)]) -> Result<()>;
    /// Saves the newest points of series.
    fn save_latest(&self, points: &[(SeriesId, Point)]) -> Result<()>;
}

/// Changes of what is kept of looks.
pub(in crate::store) trait ChangeLooks: Looks {
    /// Keeps a look; drops those from before `from`, and those from after it.
    fn keep_look(&self, look: Look, from: UnixMillis) -> Result<()>;
}
