//! The journal: one row a batch, as received, appended in the order of commits. It makes the acknowledgement true.
//!
//! ```text
//!   [ in blocks: swept in runs ..... ][ mixed: some devices' are in blocks ][ not yet in blocks ] newest
//! ```
//!
//! Readings stay here until they are in blocks; `cut` says how far each device is. Rows that are no longer needed are deleted in
//! the order they came, a run at a time: deleting device by device would write every page once a device. Only a start
//! reads the journal; whatever it holds that is not in blocks is in the [`head`](crate::store::head) as well. What its rows say of
//! themselves completes the receive windows, which are saved before a sweep ([`windows`](super::windows)).

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, named_params, params};

use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, Point, SeriesId};
use crate::model::{BatchSeq, Epoch, Lane, SeqSet, UnixMillis, numbering};
use crate::store::engine::snapshot::{Journal, JournalRow};
use crate::store::engine::transaction::ChangeJournal;
use crate::store::error::Result;
use crate::store::sqlite::column::{signed, unsigned};
use crate::store::sqlite::{latest, row_sum, windows};
use crate::store::windows::{Key, Windows};

/// Rows a sweep looks at in one transaction: some milliseconds.
const SWEEP_ROWS: i64 = 4096;

/// Parameters by place: their names would be looked up for each of a hundred thousand rows a second.
const APPEND: &str = "INSERT INTO journal (id, device, epoch, seq, lane, received_at, payload, crc)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Sum of what places readings, and of the readings. An epoch of the hub's own says which sensors they are of.
pub(in crate::store) fn sum(row: i64, device: DeviceNo, epoch: Epoch, payload: &[u8]) -> i64 {
    let whole = ValueRef::Integer;
    let values = [whole(row), whole(device.0.into()), ValueRef::Blob(payload), whole(epoch.0.into())];
    row_sum::of(if numbering::is_own(epoch) { &values } else { &values[..3] })
}

const NEXT_ROW: &str = "SELECT 1 + MAX(COALESCE((SELECT MAX(id) FROM journal), 0),
    COALESCE((SELECT MAX(row) FROM cut), 0), latest_as_of) FROM progress";
const JOURNAL: &str = "SELECT id, journal.device AS device, epoch, seq, lane, received_at, payload, journal.crc AS crc,
    journal.id <= COALESCE(cut.row, 0) AS in_blocks
    FROM journal LEFT JOIN cut ON cut.device = journal.device ORDER BY id";
const ROWS: &str = "SELECT COALESCE((SELECT MAX(id) FROM journal) - (SELECT MIN(id) FROM journal) + 1, 0)";
const BESIDE: &str = "SELECT beside FROM progress";

impl Journal for Connection {
    fn journal(&self, with: &mut dyn FnMut(JournalRow<'_>) -> Result<()>) -> Result<()> {
        let mut statement = self.prepare(JOURNAL)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (id, device) = (row.get("id")?, row.get("device")?);
            let (epoch, payload) = (Epoch(row.get("epoch")?), row.get_ref("payload")?.as_blob().unwrap_or_default());
            if row.get::<_, Option<i64>>("crc")?.is_some_and(|crc| crc != sum(id, device, epoch, payload)) {
                tracing::warn!(row = id, "journal row {id} is damaged and left out");
                continue;
            }
            with(JournalRow {
                id,
                device,
                epoch,
                seq: BatchSeq(unsigned(row.get("seq")?)),
                lane: if row.get::<_, i64>("lane")? == 0 { Lane::Live } else { Lane::Recovered },
                received_at: UnixMillis(row.get("received_at")?),
                payload,
                in_blocks: row.get("in_blocks")?,
            })?;
        }
        Ok(())
    }

    fn journal_rows(&self) -> Result<u64> {
        // About: rows are deleted in runs, and counting millions would make a start slow.
        Ok(unsigned(self.query_row(ROWS, [], |row| row.get(0))?))
    }

    fn next_row(&self) -> Result<i64> {
        Ok(self.query_row(NEXT_ROW, [], |row| row.get(0))?)
    }

    fn windows(&self) -> Result<Windows> {
        windows::load(self)
    }

    fn latest(&self) -> Result<Vec<(SeriesId, Point)>> {
        latest::load(self)
    }

    fn latest_of(&self, series: SeriesId) -> Result<Option<UnixMillis>> {
        latest::of(self, series)
    }

    fn reaches(&self) -> Result<Vec<(DeviceNo, UnixMillis)>> {
        latest::reaches(self)
    }

    fn writes_beside(&self) -> Result<i64> {
        Ok(self.prepare_cached(BESIDE)?.query_row([], |row| row.get(0))?)
    }
}

const CUT: &str = "INSERT INTO cut (device, row) VALUES (:device, :row)
    ON CONFLICT (device) DO UPDATE SET row = MAX(row, excluded.row)";

const RUN_END: &str = "SELECT id FROM journal WHERE id >= :from ORDER BY id LIMIT 1 OFFSET :rows";
/// Rows of devices that are gone count as little as those in blocks.
const SWEEP: &str = "DELETE FROM journal WHERE id >= :from AND id < :to
    AND id <= COALESCE((SELECT cut.row FROM cut WHERE cut.device = journal.device), 0)";
const SWEEP_GONE: &str = "DELETE FROM journal WHERE id >= :from AND id < :to
    AND device NOT IN (SELECT no FROM device)";

const DELETE: &str = "DELETE FROM journal WHERE id = :id";

impl ChangeJournal for Connection {
    fn append(&self, batches: &[(i64, Batch)]) -> Result<()> {
        let mut append = self.prepare_cached(APPEND)?;
        for (row, batch) in batches.iter().filter(|(_, batch)| !batch.is_empty()) {
            append.execute(params![
                row,
                batch.id.device,
                batch.id.epoch.0,
                signed(batch.id.seq.0),
                match batch.lane {
                    Lane::Live => 0,
                    Lane::Recovered => 1,
                },
                batch.received_at.0,
                batch.payload,
                sum(*row, batch.id.device, batch.id.epoch, &batch.payload),
            ])?;
        }
        Ok(())
    }

    fn cut(&self, device: DeviceNo, row: i64) -> Result<()> {
        self.prepare_cached(CUT)?.execute(named_params! { ":device": device, ":row": row })?;
        Ok(())
    }

    fn sweep(&self, from: i64) -> Result<(usize, Option<i64>)> {
        let params = named_params! { ":from": from, ":rows": SWEEP_ROWS };
        let next: Option<i64> = self.prepare_cached(RUN_END)?.query_row(params, |row| row.get(0)).optional()?;
        let params = named_params! { ":from": from, ":to": next.unwrap_or(i64::MAX) };
        let in_blocks = self.prepare_cached(SWEEP)?.execute(params)?;
        let gone = self.prepare_cached(SWEEP_GONE)?.execute(params)?;
        Ok((in_blocks + gone, next))
    }

    fn delete_rows(&self, rows: &[i64]) -> Result<usize> {
        let mut delete = self.prepare_cached(DELETE)?;
        let mut deleted = 0;
        for id in rows {
            deleted += delete.execute(named_params! { ":id": id })?;
        }
        Ok(deleted)
    }

    fn save_windows(&self, windows: &[(Key, &SeqSet)]) -> Result<()> {
        windows.iter().try_for_each(|(key, window)| windows::save(self, *key, window))
    }

    fn save_latest(&self, points: &[(SeriesId, Point)]) -> Result<()> {
        latest::save(self, points)
    }
}
