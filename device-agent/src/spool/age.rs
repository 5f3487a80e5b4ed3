//! The ages of batches, and which batches are too old to keep.
//!
//! In the boot that made it, a batch's age is measured by the monotonic clock, so setting the wall clock does not change it. For
//! batches of earlier boots only the times of their readings tell the age. These are believed once the clock is known to be right
//! and the boot is an hour old: until then a wrong clock can be set, and the hub can take the batches.

use std::collections::BTreeMap;
use std::time::Duration;

use wire::Hour;
use wire::ledger::DropReason;

use super::Spool;
use super::listed::Key;
use super::taken::Taken;
use crate::clock::Now;

/// How often ages are looked at: a limit of days needs no more.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How long after the start the ages of what earlier boots left are not believed.
const SETTLE: Duration = Duration::from_secs(3600);

impl Spool {
    /// Drops what is older than [`super::Limits::age`]. `sure`: the clock is right, as far as the device can know. To be called
    /// about once a second.
    pub fn expire(&mut self, now: Now, sure: bool) {
        if now.mono < self.ages_due {
            return;
        }
        self.ages_due = now.mono + LOOK_EVERY;
        let limit = self.limits.age;
        let limit_ms = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        let believed = sure && now.mono.saturating_duration_since(self.opened) >= SETTLE;
        let is_old = |taken: Taken| match taken {
            Taken::Here(at) => now.mono.saturating_duration_since(at) > limit,
            Taken::Earlier(at) => believed && now.unix.since(at) > limit_ms,
        };
        let cold = self.cold.segments.iter().map(|(number, cold)| (*number, is_old(cold.newest)));
        // A segment goes as a whole, once the last of it is too old: part of it would be back at the next start.
        let listed = self.listed.held.values().filter_map(|held| Some((held.segment()?, is_old(held.taken))));
        let mut segments: BTreeMap<u32, bool> = BTreeMap::new();
        for (number, old) in cold.chain(listed) {
            *segments.entry(number).or_insert(true) &= old;
        }
        let in_memory: Vec<Key> = self
            .listed
            .in_memory
            .iter()
            .filter(|key| self.listed.held.get(key).is_some_and(|held| is_old(held.taken)))
            .copied()
            .collect();
        for (number, _) in segments.into_iter().filter(|(_, old)| *old) {
            self.lose_segment(number, DropReason::Expired);
        }
        for key in in_memory {
            self.lose(key, DropReason::Expired);
        }
    }

    /// About the hour in which something was taken, where its readings cannot be asked.
    pub(super) fn hour_of(&self, taken: Taken) -> Hour {
        match taken {
            Taken::Earlier(at) => at.hour(),
            Taken::Here(at) => {
                let now = crate::clock::now();
                let ago = now.mono.saturating_duration_since(at).as_millis();
                now.unix.plus(-i64::try_from(ago).unwrap_or(0)).hour()
            }
        }
    }

    /// When the newest readings of a segment that an earlier boot left were taken.
    pub(super) fn taken_earlier(&self, key: Key, body: Option<Vec<u8>>) -> Taken {
        let moved = self.books.moved(key);
        body.map_or(Taken::Here(self.opened), |body| Taken::of_earlier(&body, moved, self.opened))
    }
}
