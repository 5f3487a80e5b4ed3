//! Rows of the loss ledger.

use rusqlite::{Connection, OptionalExtension, named_params};
use wire::ledger::Report;

use crate::model::device::DeviceNo;
use crate::model::ledger::{Counts, Drops, Told};
use crate::model::{Epoch, Hour, UnixMillis};
use crate::store::engine::nouns::{ChangeLedger, Known, LedgerLines};
use crate::store::error::Result;
use crate::store::sqlite::column::{signed, unsigned};

const CUT: &str = "SELECT COALESCE((SELECT row FROM cut WHERE device = :device), 0)";
const STORED: &str = "SELECT hour, epoch, taken, received, recovered, thinned,
        dropped_oldest, dropped_newest, dropped_expired, dropped_unreadable, dropped_other
    FROM ledger WHERE device = :device AND hour >= :from AND hour < :to";
const BEGINS_BEFORE: &str = "SELECT EXISTS (SELECT 1 FROM ledger WHERE device = :device AND hour < :before)";
const TOLD: &str = "SELECT holds_from, told_at FROM ledger_told WHERE device = :device";
const LAST: &str = "SELECT epoch, number FROM ledger_told WHERE device = :device";

impl LedgerLines for Connection {
    fn ledger_cut(&self, device: DeviceNo) -> Result<i64> {
        Ok(self.prepare_cached(CUT)?.query_row(named_params! { ":device": device }, |row| row.get(0))?)
    }

    fn ledger_lines(&self, device: DeviceNo, from: Hour, to: Hour) -> Result<Known> {
        let mut statement = self.prepare_cached(STORED)?;
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

    fn ledger_begins_before(&self, device: DeviceNo, before: Hour) -> Result<bool> {
        let params = named_params! { ":device": device, ":before": before.0 };
        Ok(self.prepare_cached(BEGINS_BEFORE)?.query_row(params, |row| row.get(0))?)
    }

    fn ledger_told(&self, device: DeviceNo) -> Result<Option<Told>> {
        let told = self.prepare_cached(TOLD)?.query_row(named_params! { ":device": device }, |row| {
            let holds_from: Option<i64> = row.get("holds_from")?;
            Ok(Told { at: UnixMillis(row.get("told_at")?), holds_from: holds_from.map(Hour) })
        });
        Ok(told.optional()?)
    }

    fn last_report(&self, device: DeviceNo) -> Result<Option<(u32, u32)>> {
        let last = named_params! { ":device": device };
        Ok(self.prepare_cached(LAST)?.query_row(last, |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }
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
const TELL: &str = "INSERT INTO ledger_told (device, epoch, number, holds_from, told_at)
    VALUES (:device, :epoch, :number, :holds_from, :told_at)
    ON CONFLICT (device) DO UPDATE SET epoch = excluded.epoch, number = excluded.number,
        holds_from = excluded.holds_from, told_at = excluded.told_at";
const EXPIRE: &str = "DELETE FROM ledger WHERE (device, hour, epoch) IN
    (SELECT device, hour, epoch FROM ledger WHERE device = :device AND hour < :before LIMIT :rows)";

impl ChangeLedger for Connection {
    fn add_to_ledger(&self, device: DeviceNo, known: &Known) -> Result<()> {
        let mut add = self.prepare_cached(ADD)?;
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

    fn note_report(&self, device: DeviceNo, report: &Report, now: UnixMillis) -> Result<()> {
        self.prepare_cached(TELL)?.execute(named_params! {
            ":device": device,
            ":epoch": report.epoch.0,
            ":number": report.number,
            ":holds_from": report.holds_from.map(|hour| hour.0),
            ":told_at": now.0,
        })?;
        Ok(())
    }

    fn expire_ledger(&self, device: DeviceNo, before: Hour, most: usize) -> Result<()> {
        let rows = i64::try_from(most).unwrap_or(i64::MAX);
        let params = named_params! { ":device": device, ":before": before.0, ":rows": rows };
        self.prepare_cached(EXPIRE)?.execute(params)?;
        Ok(())
    }
}
