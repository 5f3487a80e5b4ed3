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

use wire::ledger::{DropReason, Entry, Report};

use crate::model::device::DeviceNo;
use crate::model::ledger::{Counts, Drops, Ledger};
use crate::model::{Hour, UnixMillis};
use crate::store::Store;
use crate::store::engine::nouns::Known;
use crate::store::error::Result;
use crate::store::head::arrived::arrived;
use crate::store::write::inbox::OpenWrite;

impl Store {
    /// Adds what devices report of themselves; a report that was added before changes nothing. When it returns `Ok`, they
    /// are on disk and the devices may be told.
    ///
    /// # Errors
    /// [`Error::Full`](crate::store::Error::Full): nothing added, try again later. A fatal one: end the hub.
    pub async fn record_ledger(&self, reports: Vec<(DeviceNo, Report)>, now: UnixMillis) -> Result<()> {
        self.change(move |open| reports.iter().try_for_each(|(device, report)| record(open, *device, report, now)))
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
                let snapshot = reader.snapshot()?;
                let cut = snapshot.ledger_cut(device)?;
                let mut known = snapshot.ledger_lines(device, from, to)?;
                for (key, more) in arrived(&fresh, cut) {
                    if (from..to).contains(&key.0) {
                        let counts = known.entry(key).or_default();
                        counts.received += more.received;
                        counts.recovered += more.recovered;
                    }
                }
                Ok(Ledger::of(known.into_iter().collect(), snapshot.ledger_told(device)?))
            })
            .await
    }
}

fn record(open: &mut OpenWrite<'_>, device: DeviceNo, report: &Report, now: UnixMillis) -> Result<()> {
    if !open.has_device(device) {
        return Ok(());
    }
    if open.tx.last_report(device)?.is_some_and(|last| last >= (report.epoch.0, report.number)) {
        return Ok(());
    }
    for entry in &report.entries {
        open.tx.add_to_ledger(device, &Known::from([((entry.hour, entry.epoch), counts_of(entry))]))?;
    }
    open.tx.note_report(device, report, now)
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
