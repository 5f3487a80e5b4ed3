//! The loss ledger on disk; what its words mean is in [`crate::model::ledger`].
//!
//! ```text
//!   what arrived:   journal rows above the cut, counted when asked │ cut: added to `ledger` in the transaction of the blocks
//!   what was told:  reports, numbered; each added once, `ledger_told` says up to which
//! ```
//!
//! So a received reading is counted by the row that makes it durable: no write of its own on the way to the acknowledgement,
//! and no count that can differ from what is stored. A reader takes the head first and then one snapshot of the file; the
//! cut in that snapshot says which rows of the head are in the table already.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, named_params};
use wire::ledger::{DropReason, Entry, Report};

use crate::model::device::DeviceNo;
use crate::model::ledger::{Counts, Drops, Ledger, Told};
use crate::model::{Epoch, Hour, Lane, UnixMillis};
use crate::store::Store;
use crate::store::error::Result;
use crate::store::head::fresh::Fresh;
use crate::store::sqlite::column::{signed, unsigned};
use crate::store::write::inbox::Scope;

/// What is known, by hour and boot.
pub(in crate::store) type Known = BTreeMap<(Hour, Epoch), Counts>;

impl Store {
    /// Adds what devices report of themselves; a report that was added before changes nothing. When it returns `Ok`, they
    /// are on disk and the devices may be told.
    ///
    /// # Errors
    /// [`Error::Full`](crate::store::Error::Full): nothing added, try again later. A fatal one: end the hub.
    pub async fn record_ledger(&self, reports: Vec<(DeviceNo, Report)>, now: UnixMillis) -> Result<()> {
        self.change(move |scope| reports.iter().try_for_each(|(device, report)| record(scope, *device, report, now)))
            .await
    }

    /// The ledger of a device from one hour to another (not included).
    ///
    /// # Errors
    /// `Busy` when too many read at once.
    pub async fn ledger(&self, device: DeviceNo, from: Hour, to: Hour) -> Result<Ledger> {
        let fresh = self.memory().head().copy(device, from.start(), to.start());
        self.readers()
            .run(move |reader| {
                let snapshot = reader.conn()?.unchecked_transaction()?;
                let cut: i64 =
                    snapshot.prepare_cached(CUT)?.query_row(named_params! { ":device": device }, |row| row.get(0))?;
                let mut known = stored(&snapshot, device, from, to)?;
                for (key, more) in arrived(&fresh, cut) {
                    if (from..to).contains(&key.0) {
                        let counts = known.entry(key).or_default();
                        counts.received += more.received;
                        counts.recovered += more.recovered;
                    }
                }
                let told = snapshot.prepare_cached(TOLD)?;
                Ok(Ledger::of(known.into_iter().collect(), told_of(told, device)?))
            })
            .await
    }
}

const CUT: &str = "SELECT COALESCE((SELECT row FROM cut WHERE device = :device), 0)";
const TOLD: &str = "SELECT holds_from, told_at FROM ledger_told WHERE device = :device";

fn told_of(mut statement: rusqlite::CachedStatement<'_>, device: DeviceNo) -> Result<Option<Told>> {
    let told = statement.query_row(named_params! { ":device": device }, |row| {
        let holds_from: Option<i64> = row.get("holds_from")?;
        Ok(Told { at: UnixMillis(row.get("told_at")?), holds_from: holds_from.map(Hour) })
    });
    Ok(told.optional()?)
}

/// What the batches behind a journal row brought, by hour and boot. Imports are not in it: a file says nothing of what a device took,
/// and what is imported once more, or where it was exported, is there already.
pub(in crate::store) fn arrived(fresh: &Fresh, behind: i64) -> Known {
    let mut known = Known::new();
    fresh.decode_entries(|batch, rows| {
        if batch.row <= behind || batch.is_imported {
            return;
        }
        // Nearly every batch lies in one hour, and its times are in runs.
        for run in rows.at.chunk_by(|one, next| one.hour() == next.hour()) {
            let Some(hour) = run.first().map(|at| at.hour()) else { continue };
            let counts = known.entry((hour, batch.epoch)).or_default();
            match batch.lane {
                Lane::Live => counts.received += run.len() as u64,
                Lane::Recovered => counts.recovered += run.len() as u64,
            }
        }
    });
    known
}

const ADD: &str = "INSERT INTO ledger (device, hour, epoch, taken, received, recovered, thinned,
        dropped_oldest, dropped_newest, dropped_expired, dropped_unreadable, dropped_other)
    VALUES (:device, :hour, :epoch, :taken, :received, :recovered, :thinned,
        :oldest, :newest, :expired, :unreadable, :other)
    ON CONFLICT (device, hour, epoch) DO UPDATE SET
        taken = taken + excluded.taken,
        received = received + excluded.received,
        recovered = recovered + excluded.recovered,
        thinned = thinned + excluded.thinned,
        dropped_oldest = dropped_oldest + excluded.dropped_oldest,
        dropped_newest = dropped_newest + excluded.dropped_newest,
        dropped_expired = dropped_expired + excluded.dropped_expired,
        dropped_unreadable = dropped_unreadable + excluded.dropped_unreadable,
        dropped_other = dropped_other + excluded.dropped_other";

/// Adds counts of a device that exists.
pub(in crate::store) fn add(conn: &Connection, device: DeviceNo, known: &Known) -> Result<()> {
    let mut add = conn.prepare_cached(ADD)?;
    for ((hour, epoch), counts) in known {
        add.execute(named_params! {
            ":device": device,
            ":hour": hour.0,
            ":epoch": epoch.0,
            ":taken": counts.taken,
            ":received": signed(counts.received),
            ":recovered": signed(counts.recovered),
            ":thinned": signed(counts.thinned),
            ":oldest": signed(counts.dropped.oldest),
            ":newest": signed(counts.dropped.newest),
            ":expired": signed(counts.dropped.expired),
            ":unreadable": signed(counts.dropped.unreadable),
            ":other": signed(counts.dropped.other),
        })?;
    }
    Ok(())
}

const LAST: &str = "SELECT epoch, number FROM ledger_told WHERE device = :device";
const TELL: &str = "INSERT INTO ledger_told (device, epoch, number, holds_from, told_at)
    VALUES (:device, :epoch, :number, :holds_from, :told_at)
    ON CONFLICT (device) DO UPDATE SET epoch = excluded.epoch, number = excluded.number,
        holds_from = excluded.holds_from, told_at = excluded.told_at";

fn record(scope: &mut Scope<'_>, device: DeviceNo, report: &Report, now: UnixMillis) -> Result<()> {
    if scope.group.gone.contains(&device) || scope.memory.catalog().device(device).is_none() {
        return Ok(());
    }
    let last: Option<(u32, u32)> = scope
        .conn
        .prepare_cached(LAST)?
        .query_row(named_params! { ":device": device }, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if last.is_some_and(|last| last >= (report.epoch.0, report.number)) {
        return Ok(());
    }
    for entry in &report.entries {
        add(scope.conn, device, &Known::from([((entry.hour, entry.epoch), counts_of(entry))]))?;
    }
    scope.conn.prepare_cached(TELL)?.execute(named_params! {
        ":device": device,
        ":epoch": report.epoch.0,
        ":number": report.number,
        ":holds_from": report.holds_from.map(|hour| hour.0),
        ":told_at": now.0,
    })?;
    Ok(())
}

/// No device takes more in an hour of a boot: what says so is wrong, and must not end a sum.
const MOST: u64 = 1 << 40;

fn counts_of(entry: &Entry) -> Counts {
    let most = MOST as i64;
    let mut counts =
        Counts { taken: entry.taken.clamp(-most, most), thinned: entry.thinned.min(MOST), ..Counts::default() };
    for &(code, readings) in &entry.dropped {
        let Drops { oldest, newest, expired, unreadable, other } = &mut counts.dropped;
        let slot = match DropReason::from_code(code) {
            Some(DropReason::Oldest) => oldest,
            Some(DropReason::Newest) => newest,
            Some(DropReason::Expired) => expired,
            Some(DropReason::Unreadable) => unreadable,
            None => other,
        };
        *slot += readings.min(MOST);
    }
    counts
}

const STORED: &str = "SELECT hour, epoch, taken, received, recovered, thinned,
        dropped_oldest, dropped_newest, dropped_expired, dropped_unreadable, dropped_other
    FROM ledger WHERE device = :device AND hour >= :from AND hour < :to";

fn stored(conn: &Connection, device: DeviceNo, from: Hour, to: Hour) -> Result<Known> {
    let mut statement = conn.prepare_cached(STORED)?;
    let mut rows = statement.query(named_params! { ":device": device, ":from": from.0, ":to": to.0 })?;
    let mut known = Known::new();
    while let Some(row) = rows.next()? {
        let count = |name: &str| row.get(name).map(unsigned);
        let counts = Counts {
            taken: row.get("taken")?,
            received: count("received")?,
            recovered: count("recovered")?,
            thinned: count("thinned")?,
            dropped: Drops {
                oldest: count("dropped_oldest")?,
                newest: count("dropped_newest")?,
                expired: count("dropped_expired")?,
                unreadable: count("dropped_unreadable")?,
                other: count("dropped_other")?,
            },
        };
        known.insert((Hour(row.get("hour")?), Epoch(row.get("epoch")?)), counts);
    }
    Ok(known)
}

const BEGINS_BEFORE: &str = "SELECT EXISTS (SELECT 1 FROM ledger WHERE device = :device AND hour < :before)";

/// Whether the ledger of a device has lines before an hour.
pub(in crate::store) fn begins_before(conn: &Connection, device: DeviceNo, before: Hour) -> Result<bool> {
    let params = named_params! { ":device": device, ":before": before.0 };
    Ok(conn.prepare_cached(BEGINS_BEFORE)?.query_row(params, |row| row.get(0))?)
}

const EXPIRE: &str = "DELETE FROM ledger WHERE (device, hour, epoch) IN
    (SELECT device, hour, epoch FROM ledger WHERE device = :device AND hour < :before LIMIT :rows)";

/// Deletes lines of a device before an hour, at most `rows` of them; returns how many there were.
pub(in crate::store) fn expire(conn: &Connection, device: DeviceNo, before: Hour, rows: i64) -> Result<usize> {
    let params = named_params! { ":device": device, ":before": before.0, ":rows": rows };
    Ok(conn.prepare_cached(EXPIRE)?.execute(params)?)
}
