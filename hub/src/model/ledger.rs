//! The loss ledger: what became of every reading a device took, by the hour of the reading's own time.
//!
//! ```text
//!   taken = received + recovered + thinned + dropped (by reason) + waiting + missing
//! ```
//!
//! In readings, of one device and one hour (UTC, by the time the reading carries):
//!
//! - **taken**: measured and put into the device's spool, as the device says. It says so every few minutes, and loses the
//!   count with the readings when it is killed between two reports; what is accounted for was taken in any case, so the
//!   larger of both counts, boot by boot.
//! - **received**, **recovered**: on this hub's disk, by the live lane, and by the lane of what was kept for later. A batch
//!   that comes again counts once: the count is that of the journal rows, which are committed with the receive window.
//! - **thinned**: left out by the device between others that stayed, for want of room.
//! - **dropped**: given up by the device, with its reason ([`Drops`]).
//! - **waiting**: taken, not accounted for, and not older than the oldest reading the device held when it last reported.
//! - **missing**: taken, not accounted for, and older: nobody has it any more.
//!
//! Pushed readings count as they come: one that is sent twice is one reading, received twice. What is imported from a file is not in it.
//!
//! Everything that is in it is exact to the reading, with these exceptions. Readings that were only in the memory of a
//! device that was killed are lost with their count: no trace but a gap in the batch numbers. Readings that the device's
//! disk did not give back count in about the hour they were taken in. A batch that a device had to drop while it was on its
//! way may have arrived all the same: it then counts as dropped and as received, and twice as taken. Readings of sensors for
//! which a full hub has no place count as missing.

use super::{Epoch, Hour};

/// Readings dropped by a device, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drops {
    /// The oldest, for want of room.
    pub oldest: u64,
    /// The newest, for want of room.
    pub newest: u64,
    /// Held longer than readings are kept.
    pub expired: u64,
    /// Its disk did not give them back.
    pub unreadable: u64,
    /// For a reason this hub does not know.
    pub other: u64,
}

/// What is known of one boot of a device in one hour, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// By the device's reports; below 0 never but between two of them.
    pub taken: i64,
    /// Live lane.
    pub received: u64,
    /// Recovered lane.
    pub recovered: u64,
    /// Left out.
    pub thinned: u64,
    /// Given up.
    pub dropped: Drops,
}

/// One line of the ledger; it balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Line {
    /// All of them.
    pub taken: u64,
    /// On disk, by the live lane.
    pub received: u64,
    /// On disk, by the recovered lane.
    pub recovered: u64,
    /// Left out by the device.
    pub thinned: u64,
    /// Given up by the device.
    pub dropped: Drops,
    /// Still on the device, by its word.
    pub waiting: u64,
    /// Nowhere.
    pub missing: u64,
}

/// What a device said in its last report that is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// When the hub heard it.
    pub at: super::UnixMillis,
    /// Hour of the oldest reading it held; `None` when it held none.
    pub holds_from: Option<Hour>,
}

/// The ledger of one device over some hours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// By hour, oldest first; hours without a reading are left out.
    pub hours: Vec<(Hour, Line)>,
    /// The device's last report, if it ever made one.
    pub told: Option<Told>,
}

impl Drops {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.oldest
            .saturating_add(self.newest)
            .saturating_add(self.expired)
            .saturating_add(self.unreadable)
            .saturating_add(self.other)
    }

    /// Adds others.
    pub const fn add(&mut self, more: &Self) {
        self.oldest = self.oldest.saturating_add(more.oldest);
        self.newest = self.newest.saturating_add(more.newest);
        self.expired = self.expired.saturating_add(more.expired);
        self.unreadable = self.unreadable.saturating_add(more.unreadable);
        self.other = self.other.saturating_add(more.other);
    }
}

impl Counts {
    const fn accounted(&self) -> u64 {
        self.received.saturating_add(self.recovered).saturating_add(self.thinned).saturating_add(self.dropped.total())
    }
}

impl Line {
    /// Adds what is known of one boot; `may_wait` says whether the device may still hold readings of this hour.
    pub fn add(&mut self, counts: &Counts, may_wait: bool) {
        let accounted = counts.accounted();
        let taken = u64::try_from(counts.taken).unwrap_or(0).max(accounted);
        let open = taken - accounted;
        let bucket = if may_wait { &mut self.waiting } else { &mut self.missing };
        *bucket = bucket.saturating_add(open);
        self.taken = self.taken.saturating_add(taken);
        self.received = self.received.saturating_add(counts.received);
        self.recovered = self.recovered.saturating_add(counts.recovered);
        self.thinned = self.thinned.saturating_add(counts.thinned);
        self.dropped.add(&counts.dropped);
    }

    /// Adds another line.
    pub const fn sum(&mut self, more: &Self) {
        self.taken = self.taken.saturating_add(more.taken);
        self.received = self.received.saturating_add(more.received);
        self.recovered = self.recovered.saturating_add(more.recovered);
        self.thinned = self.thinned.saturating_add(more.thinned);
        self.dropped.add(&more.dropped);
        self.waiting = self.waiting.saturating_add(more.waiting);
        self.missing = self.missing.saturating_add(more.missing);
    }
}

impl Ledger {
    /// Balances what is known, by boot and hour in any order.
    #[must_use]
    pub fn of(mut known: Vec<((Hour, Epoch), Counts)>, told: Option<Told>) -> Self {
        known.sort_unstable_by_key(|(key, _)| *key);
        // A device that never reported says nothing of what it holds.
        let may_wait = |hour: Hour| told.is_none_or(|told| told.holds_from.is_some_and(|from| hour >= from));
        let mut hours: Vec<(Hour, Line)> = Vec::new();
        for ((hour, _), counts) in &known {
            if hours.last().is_none_or(|(last, _)| last != hour) {
                hours.push((*hour, Line::default()));
            }
            if let Some((_, line)) = hours.last_mut() {
                line.add(counts, may_wait(*hour));
            }
        }
        Self { hours, told }
    }

    /// The sum of its hours.
    #[must_use]
    pub fn total(&self) -> Line {
        self.hours.iter().fold(Line::default(), |mut total, (_, line)| {
            total.sum(line);
            total
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::UnixMillis;

    const HOUR: Hour = Hour(400_000);

    fn ledger(counts: &[(u32, Counts)], holds_from: Option<Hour>) -> Line {
        let told = Some(Told { at: UnixMillis(0), holds_from });
        Ledger::of(counts.iter().map(|(epoch, counts)| ((HOUR, Epoch(*epoch)), *counts)).collect(), told).total()
    }

    #[test]
    fn what_is_not_accounted_for_waits_while_the_device_holds_readings_of_that_hour() {
        let counts = Counts { taken: 100, received: 60, recovered: 20, thinned: 5, ..Counts::default() };
        let held = ledger(&[(1, counts)], Some(HOUR));
        assert_eq!((held.waiting, held.missing), (15, 0));
        for gone in [None, Some(Hour(HOUR.0 + 1))] {
            let gone = ledger(&[(1, counts)], gone);
            assert_eq!((gone.waiting, gone.missing), (0, 15));
        }
    }

    #[test]
    fn a_boot_that_could_not_report_hides_no_loss_of_another() {
        let killed = Counts { taken: 10, received: 14, ..Counts::default() };
        let next = Counts { taken: 10, received: 8, ..Counts::default() };
        let line = ledger(&[(1, killed), (2, next)], None);
        assert_eq!((line.taken, line.received, line.missing), (24, 22, 2));
    }

    proptest! {
        #[test]
        fn every_line_balances(boots in prop::collection::vec((any::<i32>(), 0_u64..1000, 0_u64..1000, 0_u64..1000, 0_u64..1000), 0..5), held: bool) {
            let counts: Vec<_> = boots
                .iter()
                .zip(1..)
                .map(|(&(taken, received, recovered, thinned, oldest), epoch)| {
                    let dropped = Drops { oldest, other: thinned, ..Drops::default() };
                    (epoch, Counts { taken: i64::from(taken), received, recovered, thinned, dropped })
                })
                .collect();
            let line = ledger(&counts, held.then_some(HOUR));
            let sum = line.received + line.recovered + line.thinned + line.dropped.total() + line.waiting + line.missing;
            prop_assert_eq!(line.taken, sum);
            prop_assert!(line.waiting == 0 || line.missing == 0);
        }
    }
}
