//! The loss ledger by hour and boot.

use std::collections::BTreeMap;

use wire::ledger::Report;

use crate::model::device::DeviceNo;
use crate::model::ledger::{Counts, Told};
use crate::model::{Epoch, Hour, UnixMillis};
use crate::store::error::Result;

/// What is known, by hour and boot.
pub(in crate::store) type Known = BTreeMap<(Hour, Epoch), Counts>;

/// Lines of the ledger.
pub(in crate::store) trait LedgerLines {
    /// The journal row up to which a device's batches are counted in its lines.
    fn ledger_cut(&self, device: DeviceNo) -> Result<i64>;
    /// Lines of a device from one hour to another (not included).
    fn ledger_lines(&self, device: DeviceNo, from: Hour, to: Hour) -> Result<Known>;
    /// Whether a device has lines before an hour.
    fn ledger_begins_before(&self, device: DeviceNo, before: Hour) -> Result<bool>;
    /// What the last report of a device said of itself.
    fn ledger_told(&self, device: DeviceNo) -> Result<Option<Told>>;
    /// Boot and number of the last report of a device.
    fn last_report(&self, device: DeviceNo) -> Result<Option<(u32, u32)>>;
}

/// Changes of the ledger.
pub(in crate::store) trait ChangeLedger: LedgerLines {
    /// Adds counts of a device that exists.
    fn add_to_ledger(&self, device: DeviceNo, known: &Known) -> Result<()>;
    /// Notes that a report was added.
    fn note_report(&self, device: DeviceNo, report: &Report, now: UnixMillis) -> Result<()>;
    /// Deletes lines of a device before an hour, at most `most`.
    fn expire_ledger(&self, device: DeviceNo, before: Hour, most: usize) -> Result<()>;
}
