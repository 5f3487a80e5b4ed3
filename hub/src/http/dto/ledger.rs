//! The loss ledger of a device.

use serde::Serialize;
use utoipa::ToSchema;

use super::text;
use crate::model::Hour;
use crate::model::ledger;

/// What became of the readings a device measured, by the hour of the readings' time. Every line balances: `taken =
/// received + recovered + thinned + dropped + waiting + missing`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Ledger {
    /// By hour, oldest first; hours without a reading are left out.
    pub items: Vec<LedgerHour>,
    /// What to send as `cursor` to go on; null at the end.
    pub next: Option<String>,
    /// The sum over all that was asked for, also when `items` is only a part of it.
    pub total: LedgerCounts,
    /// When the device last reported what it took and dropped; null if it never did: `taken` is then what is accounted for.
    pub reported_at: Option<String>,
    /// Hour of the oldest reading the device held when it last reported; null when it held none, or never reported.
    pub holds_from: Option<String>,
}

/// One hour of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LedgerHour {
    /// Its start.
    pub hour: String,
    /// What became of its readings.
    #[serde(flatten)]
    pub counts: LedgerCounts,
}

/// What became of readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct LedgerCounts {
    /// Measured and put into the device's buffer.
    pub taken: u64,
    /// On the hub's disk, sent as they were measured.
    pub received: u64,
    /// On the hub's disk, sent after a lost connection or from a recording.
    pub recovered: u64,
    /// Left out by the device between others that stayed, because its buffer was full.
    pub thinned: u64,
    /// Given up by the device.
    pub dropped: LedgerDrops,
    /// Not here, and the device may still hold them.
    pub waiting: u64,
    /// Not here, and the device does not hold them any more.
    pub missing: u64,
}

/// Readings a device gave up, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct LedgerDrops {
    /// The oldest ones, because the buffer was full.
    pub oldest: u64,
    /// The newest ones, because the buffer was full.
    pub newest: u64,
    /// Held longer than the device keeps readings.
    pub expired: u64,
    /// The device's disk did not give them back.
    pub unreadable: u64,
    /// For a reason this hub does not know.
    pub other: u64,
}

impl From<&ledger::Line> for LedgerCounts {
    fn from(line: &ledger::Line) -> Self {
        let ledger::Drops { oldest, newest, expired, unreadable, other } = line.dropped;
        Self {
            taken: line.taken,
            received: line.received,
            recovered: line.recovered,
            thinned: line.thinned,
            dropped: LedgerDrops { oldest, newest, expired, unreadable, other },
            waiting: line.waiting,
            missing: line.missing,
        }
    }
}

impl LedgerHour {
    /// One line.
    #[must_use]
    pub fn of(hour: Hour, line: &ledger::Line) -> Self {
        Self { hour: text::moment(hour.start()), counts: line.into() }
    }
}
