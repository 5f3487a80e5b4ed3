//! The loss ledger on its way to the hub: what a device took, and what it gave up, by the hour of the reading's time.
//!
//! The hub counts by itself what it receives; only the device knows what it took and what it dropped. It says so in numbered
//! reports of **differences**. A report is sent again, unchanged, until the hub names it in
//! [`Control::Recorded`](crate::message::Control::Recorded); the next one follows only then. So the hub has to remember one
//! number a device to count each report once: (boot, number) only grows.
//!
//! An entry is of one boot and one hour: the boot in which the batch was numbered, also when a later boot drops it. With
//! that, what the hub received of a boot can be held against what the device says it took in it.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::reading::{Epoch, Hour};

/// Entries in one report. With ordinary numbers they fit a datagram; who writes one asks
/// [`Control::fits`](crate::message::Control::fits).
pub const ENTRY_LIMIT: usize = 16;
/// Reasons in one entry.
pub const REASON_LIMIT: usize = 8;

/// What changed since the report before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Boot that numbered this report.
    pub epoch: Epoch,
    /// Its number in that boot, from 0.
    pub number: u32,
    /// Hour of the oldest reading the device held when it wrote this; `None` when it held none. What was taken before
    /// that hour and is neither with the hub nor accounted for is lost.
    pub holds_from: Option<Hour>,
    /// At most [`ENTRY_LIMIT`].
    pub entries: Vec<Entry>,
}

/// Differences of one boot and one hour, in readings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Boot in which the readings were numbered.
    pub epoch: Epoch,
    /// Hour of the readings' own time.
    pub hour: Hour,
    /// Taken into the spool. Negative when a clock's repair moved readings to another hour.
    pub taken: i64,
    /// Left out between others that stayed.
    pub thinned: u64,
    /// Dropped, by [`DropReason::code`]; at most [`REASON_LIMIT`]. A code that is not known counts all the same.
    pub dropped: Vec<(u8, u64)>,
}

/// Why a device dropped readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// The oldest gave way for want of room.
    Oldest,
    /// The newest found no room.
    Newest,
    /// Held longer than readings are kept.
    Expired,
    /// The disk did not give them back.
    Unreadable,
}

impl DropReason {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Oldest, Self::Newest, Self::Expired, Self::Unreadable];

    /// Its number on the wire; never given to another reason.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The reason with this number, if this version knows it.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

impl Report {
    pub(crate) fn is_within_limits(&self) -> bool {
        self.entries.len() <= ENTRY_LIMIT && self.entries.iter().all(|entry| entry.dropped.len() <= REASON_LIMIT)
    }
}
