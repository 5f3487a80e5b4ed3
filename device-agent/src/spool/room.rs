//! What gives way when the spool is full.
//!
//! Memory that cannot go to disk gives way by batches, the disk by whole segments; every reading that goes is counted by
//! its reason.

use std::time::Duration;

use wire::ledger::DropReason;

use super::Spool;

/// How much the spool may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes in memory.
    pub memory: usize,
    /// Bytes in segments.
    pub disk: u64,
    /// How long readings are kept.
    pub age: Duration,
}

impl Default for Limits {
    /// 4 MiB of memory, 64 MiB of disk, a week: a day of 20 sensors once a second takes about 6 MB.
    fn default() -> Self {
        Self { memory: 4 << 20, disk: 64 << 20, age: Duration::from_secs(7 * 86_400) }
    }
}

/// What gives way when the disk's share is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// The oldest readings.
    #[default]
    DropOldest,
    /// The newest readings, beyond what fits in memory.
    DropNewest,
    /// Some of the oldest readings, with peaks kept; the oldest once all were thinned.
    Thin,
}

impl std::str::FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "drop-oldest" => Ok(Self::DropOldest),
            "drop-newest" => Ok(Self::DropNewest),
            "thin" => Ok(Self::Thin),
            other => Err(format!("'{other}' is not one of drop-oldest, drop-newest, thin")),
        }
    }
}

impl Spool {
    pub(super) fn drop_oldest_in_memory(&mut self) {
        match self.in_memory.first().copied() {
            Some(key) => self.lose(key, DropReason::Oldest),
            None => self.memory = 0,
        }
    }

    pub(super) fn drop_newest_in_memory(&mut self) {
        match self.in_memory.last().copied() {
            Some(key) => self.lose(key, DropReason::Newest),
            None => self.memory = 0,
        }
    }

    pub(super) fn make_room_on_disk(&mut self) {
        if self.policy == Policy::DropNewest {
            return;
        }
        while self.disk.as_ref().is_some_and(|disk| disk.bytes() > self.limits.disk) {
            if self.thin_one() {
                continue;
            }
            let Some(disk) = self.disk.as_mut() else { return };
            let Some(oldest) = disk.oldest() else {
                disk.close_active();
                if disk.oldest().is_none() {
                    return;
                }
                continue;
            };
            self.lose_segment(oldest, DropReason::Oldest);
        }
    }
}
