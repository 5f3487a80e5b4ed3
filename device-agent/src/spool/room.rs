//! Makes room when the spool is full.
//!
//! In memory that cannot go to disk, single batches are dropped; on disk, whole segments. Every dropped reading is counted by its
//! reason.

use wire::ledger::DropReason;

use super::Spool;
use super::limits::Policy;

impl Spool {
    pub(super) fn drop_oldest_in_memory(&mut self) {
        match self.listed.in_memory.first().copied() {
            Some(key) => self.lose(key, DropReason::Oldest),
            None => self.listed.memory = 0,
        }
    }

    pub(super) fn drop_newest_in_memory(&mut self) {
        match self.listed.in_memory.last().copied() {
            Some(key) => self.lose(key, DropReason::Newest),
            None => self.listed.memory = 0,
        }
    }

    pub(super) fn make_room_on_disk(&mut self) {
        if self.policy == Policy::DropNewest {
            return;
        }
        while self.files.disk.as_ref().is_some_and(|disk| disk.bytes() > self.limits.disk) {
            if self.thin_one() {
                continue;
            }
            let Some(disk) = self.files.disk.as_mut() else { return };
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
