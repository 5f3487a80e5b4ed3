//! Receive windows: which batches of a boot are stored.
//!
//! ```text
//!   as saved in `receive_window`  +  what the rows of the journal say of themselves  =  the window
//! ```
//!
//! A commit of readings writes its journal rows and no window: a thousand devices that send once a second would have all
//! of theirs written anew each second, which is more than their readings take. So a window is saved in the transaction in
//! which the journal ceases to tell it: before a sweep, when a device is deleted piece by piece, and where a batch counts
//! as there that has no row (it was empty, or the device gave it up). A start reads the saved ones and goes on by the rows.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, named_params};

use crate::model::device::DeviceNo;
use crate::model::{Epoch, SeqSet};
use crate::store::error::{Error, Result};
use crate::store::sqlite::column::{signed, unsigned};
use crate::store::sqlite::row_sum;
use crate::store::windows::{Key, Windows};

const SAVE: &str = "INSERT INTO receive_window (device, epoch, mark, islands, crc)
    VALUES (:device, :epoch, :mark, :islands, :crc)
    ON CONFLICT (device, epoch) DO UPDATE SET mark = excluded.mark, islands = excluded.islands, crc = excluded.crc";

/// Saves one window.
pub(in crate::store) fn save(conn: &Connection, (device, epoch): Key, window: &SeqSet) -> Result<()> {
    let islands: Vec<u8> =
        window.islands().iter().flat_map(|&(start, end)| [start.to_le_bytes(), end.to_le_bytes()]).flatten().collect();
    conn.prepare_cached(SAVE)?.execute(named_params! {
        ":device": device,
        ":epoch": epoch.0,
        ":mark": signed(window.mark().0),
        ":islands": islands,
        ":crc": sum(device, epoch, signed(window.mark().0), &islands),
    })?;
    Ok(())
}

fn sum(device: DeviceNo, epoch: Epoch, mark: i64, islands: &[u8]) -> i64 {
    let whole = ValueRef::Integer;
    row_sum::of(&[whole(device.0.into()), whole(epoch.0.into()), whole(mark), ValueRef::Blob(islands)])
}

const SAVED: &str = "SELECT device, epoch, mark, islands, crc FROM receive_window";

/// Reads every window as it was saved.
pub(in crate::store) fn load(conn: &Connection) -> Result<Windows> {
    let mut statement = conn.prepare(SAVED)?;
    let mut rows = statement.query([])?;
    let mut windows = Windows::new();
    while let Some(row) = rows.next()? {
        let (device, epoch, mark) = (row.get("device")?, Epoch(row.get("epoch")?), row.get("mark")?);
        let (islands, crc): (Vec<u8>, Option<i64>) = (row.get("islands")?, row.get("crc")?);
        if crc.is_some_and(|crc| crc != sum(device, epoch, mark, &islands)) {
            // Without it what is sent again is stored again, over itself. With it readings might be taken for stored.
            tracing::warn!(device = device.0, "the receive window of device {} is damaged and left out", device.0);
            continue;
        }
        let (pairs, rest) = islands.as_chunks::<16>();
        let pairs = pairs.iter().map(|pair| {
            let both = u128::from_le_bytes(*pair);
            (both as u64, (both >> 64) as u64)
        });
        let set = SeqSet::from_parts(unsigned(mark), pairs.collect()).filter(|_| rest.is_empty());
        let set = set.ok_or(Error::Corrupt { what: "receive window" })?;
        windows.insert((device, epoch), set);
    }
    Ok(windows)
}
