//! How a device reports whose readings are pushed by programs: how often, and by which clock. PURE.
//!
//! One upload may come as several requests (parts of a logger's backlog, requests of one round), which must not pass
//! for frequent reporting. A push counts as a new upload if its readings are newer by as much as it came later, or if
//! it came five minutes later. Requests within a second of each other are held against the last upload every few
//! seconds: then it shows whether they were a round, or the device pushes without a pause.

use std::net::SocketAddr;

use crate::model::UnixMillis;
use crate::model::device::Device;

/// What is heard of a device that programs push readings of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// Where the last push came from; port 0, because each comes from another.
    pub address: SocketAddr,
    /// When the last push came.
    pub last_seen: UnixMillis,
    /// Since when it is missed: that, or the start of the hub where it pushed before.
    pub(super) missed_since: UnixMillis,
    /// Times between the last nine pushes, newest first, in milliseconds; what was known before the hub started stands for all.
    pauses: [Option<i64>; 8],
    /// The newest reading of the last push.
    newest: UnixMillis,
    /// The last push that counted as another one: when it came, and its newest reading.
    counted: (UnixMillis, UnixMillis),
    /// How far the newest reading of each of the last three pushes was ahead of the hub's clock, in milliseconds.
    ahead_ms: [Option<i64>; 3],
}

/// Silence after which a device is offline of which an interval is known.
pub(super) const fn offline_after_ms(interval_ms: u32) -> i64 {
    let three = 3 * interval_ms as i64;
    if three > 10_000 { three } else { 10_000 }
}

impl Pushed {
    /// Silence for which nobody is shown as offline after the first push: most collect more often than that. Nobody is told
    /// before [`Self::MOST_MS`], because it may push once an hour, or a day.
    const FIRST_MS: i64 = 5 * 60_000;
    /// Bounds of the pause that is taken as usual: a device counts as offline after three usual pauses, so after a minute at
    /// least and three days at most. One that pushes once a week is shown as offline for four days of each.
    const LEAST_MS: i64 = 60_000;
    pub(super) const MOST_MS: i64 = 86_400_000;
    /// Short pauses that say how often it pushes: fewer may be the requests of one upload.
    const ENOUGH: usize = 3;
    /// Several requests of one round (many sensors, several programs) come within this of each other and are one push.
    const ROUND_MS: i64 = 1_000;
    /// A round that goes on for longer, with readings of each moment, is a device that pushes more often than that.
    const QUICK_MS: i64 = 5_000;

    /// A device that pushed before the hub started: what of it was saved.
    pub(super) fn of_before(device: &Device, started: UnixMillis) -> Option<Self> {
        // An agent's address has a port.
        let address = device.address.filter(|address| address.port() == 0 && !device.has_key())?;
        let (last_seen, pauses) = (device.last_seen?, [device.pushed_every_ms; 8]);
        let missed_since = started.max(last_seen);
        Some(Self {
            address,
            last_seen,
            missed_since,
            pauses,
            newest: last_seen,
            counted: (last_seen, last_seen),
            ahead_ms: [None; 3],
        })
    }

    /// A device that pushes for the first time.
    pub(super) const fn first(address: SocketAddr, newest: UnixMillis, now: UnixMillis) -> Self {
        Self {
            address,
            last_seen: now,
            missed_since: now,
            pauses: [None; 8],
            newest,
            counted: (now, newest),
            ahead_ms: [None; 3],
        }
    }

    /// Whether it pushed since the hub started.
    #[must_use]
    pub(crate) fn is_of_this_start(&self) -> bool {
        self.missed_since == self.last_seen
    }

    /// How often it pushes, in milliseconds: the longest of the last pauses, for some programs send many requests once an
    /// hour; `None` while it may have been heard of one upload only.
    #[must_use]
    pub(crate) fn every_ms(&self) -> Option<i64> {
        let known = self.pauses.iter().flatten().count();
        self.longest_ms().filter(|longest| known >= Self::ENOUGH || *longest >= Self::FIRST_MS)
    }

    fn longest_ms(&self) -> Option<i64> {
        self.pauses.iter().copied().max().flatten()
    }

    /// How long after one before a push came, if that is a pause. It belongs to that one when it came soon and its readings are
    /// not so much newer as it came later: it is another part of what a device kept, or of one round.
    fn pause_ms(&self, newest: UnixMillis, now: UnixMillis) -> Option<i64> {
        let goes_on = |(came, was): (UnixMillis, UnixMillis)| {
            let since = now.since(came);
            (newest.min(now).since(was.min(came)) - since).abs() > since / 2 + 250
        };
        let since = now.since(self.last_seen);
        if since >= Self::ROUND_MS {
            return (since >= Self::FIRST_MS || !goes_on((self.last_seen, self.newest))).then_some(since);
        }
        (now.since(self.counted.0) >= Self::QUICK_MS && !goes_on(self.counted)).then_some(Self::ROUND_MS)
    }

    /// Another push came.
    pub(super) fn heard(&mut self, address: SocketAddr, newest: UnixMillis, now: UnixMillis) {
        if let Some(pause) = self.pause_ms(newest, now) {
            // While the hub was away it may have been pushed in vain: that was no pause, if another is known.
            if self.is_of_this_start() || self.longest_ms().is_none() {
                self.pauses.rotate_right(1);
                self.pauses[0] = Some(pause);
            }
            self.ahead_ms.rotate_right(1);
            self.ahead_ms[0] = None;
            self.counted = (now, newest);
        }
        self.ahead_ms[0] = self.ahead_ms[0].max(Some(newest.since(now)));
        (self.address, self.last_seen, self.missed_since, self.newest) = (address, now, now, newest);
    }

    /// The device's clock minus the hub's, in milliseconds, by its readings; `None` before three pushes. Ahead is what all
    /// of them are; behind too, unless it is what a device keeps its readings for: less than two times between pushes.
    #[must_use]
    pub(crate) fn clock_offset_ms(&self) -> Option<i64> {
        let [Some(a), Some(b), Some(c)] = self.ahead_ms else { return None };
        let least = [a, b, c].into_iter().min_by_key(|ms| ms.abs())?;
        let is_kept = least < 0 && least.abs() <= 2 * self.longest_ms().unwrap_or(0);
        let agree = [a, b, c].iter().all(|ms| ms.signum() == least.signum());
        Some(if is_kept || !agree { 0 } else { least })
    }

    /// Three of its pauses, or of the intervals that a person set for it; `None` when neither is known.
    pub(super) fn usual_silence_ms(&self, interval_ms: u32) -> Option<i64> {
        let of_pauses = || self.every_ms().map(|ms| ms.saturating_mul(3).clamp(Self::LEAST_MS, 3 * Self::MOST_MS));
        if interval_ms > 0 { Some(offline_after_ms(interval_ms)) } else { of_pauses() }
    }

    /// Whether it is silent for longer than is usual; as long as nobody knows what is, after [`Self::FIRST_MS`].
    pub(super) fn is_silent(&self, interval_ms: u32, now: UnixMillis) -> bool {
        now.since(self.last_seen) > self.usual_silence_ms(interval_ms).unwrap_or(Self::FIRST_MS)
    }
}
