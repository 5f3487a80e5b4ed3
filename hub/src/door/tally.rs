//! What came through a door, and what of it was dropped and why.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::ingest::way::NotStored;
use crate::store;

/// Time between two lines of the log about what a door drops.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Why something was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// A datagram or connection from a network that is not on the list.
    NotAllowed,
    /// A line that ended before it was whole.
    Cut,
    /// A line that is too long.
    TooLong,
    /// A line with anything wrong in it.
    Invalid,
    /// Readings of a device or sensor that they are not taken for, or that would be new and has no place.
    NotTaken,
    /// A datagram, or readings, for which there was no room.
    Busy,
    /// Readings that the disk has no space for.
    DiskFull,
    /// Lines without a time that come faster than one a millisecond.
    TooFast,
    /// Readings that another of the same sensor and moment came behind.
    Replaced,
    /// Datagrams that the kernel had no room for.
    Kernel,
    /// A connection that began a line and did not end it.
    Slow,
    /// A connection that found no place, or no memory for its line.
    Full,
    /// A target that was asked and did not answer as it should.
    Unreachable,
}

impl Dropped {
    const ALL: [Self; 13] = [
        Self::NotAllowed,
        Self::Cut,
        Self::TooLong,
        Self::Invalid,
        Self::NotTaken,
        Self::Busy,
        Self::DiskFull,
        Self::TooFast,
        Self::Replaced,
        Self::Kernel,
        Self::Slow,
        Self::Full,
        Self::Unreachable,
    ];

    /// Why readings are not stored.
    pub(super) const fn of(why: &NotStored) -> Self {
        match why {
            NotStored::Store(store::Error::Full) => Self::DiskFull,
            NotStored::Busy | NotStored::Deleted | NotStored::Store(store::Error::Busy(_)) => Self::Busy,
            NotStored::Refused(_)
            | NotStored::Newcomers(_)
            | NotStored::TooMany
            | NotStored::Stopping
            | NotStored::Store(_) => Self::NotTaken,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::NotAllowed => "not_allowed",
            Self::Cut => "cut",
            Self::TooLong => "too_long",
            Self::Invalid => "invalid",
            Self::NotTaken => "not_taken",
            Self::Busy => "busy",
            Self::DiskFull => "disk_full",
            Self::TooFast => "too_fast",
            Self::Replaced => "replaced",
            Self::Kernel => "kernel",
            Self::Slow => "slow",
            Self::Full => "full",
            Self::Unreachable => "unreachable",
        }
    }
}

/// What the log knows.
#[derive(Debug, Default)]
struct Told {
    /// When it was last told.
    at: Option<Instant>,
    /// What was counted then.
    counted: [u64; Dropped::ALL.len()],
}

/// The counters of a door.
#[derive(Debug)]
pub(crate) struct Tally {
    /// What people call the door.
    door: &'static str,
    lines: AtomicU64,
    readings: AtomicU64,
    dropped: [AtomicU64; Dropped::ALL.len()],
    told: Mutex<Told>,
}

impl Tally {
    /// Of a door that is called so.
    #[must_use]
    pub(crate) fn of(door: &'static str) -> Self {
        let (lines, readings, dropped, told) = Default::default();
        Self { door, lines, readings, dropped, told }
    }

    /// Lines came.
    pub(super) fn came(&self, lines: usize) {
        self.lines.fetch_add(lines as u64, Ordering::Relaxed);
    }

    /// Readings are on disk.
    pub(super) fn stored(&self, readings: usize) {
        self.readings.fetch_add(readings as u64, Ordering::Relaxed);
    }

    /// So much was dropped; the log is told of the first in a minute.
    pub(super) fn dropped(&self, why: Dropped, count: usize, say: impl FnOnce() -> String) {
        if let Some(counter) = self.dropped.get(why as usize) {
            counter.fetch_add(count as u64, Ordering::Relaxed);
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Clock.now();
        if told.at.is_none_or(|before| now.saturating_duration_since(before) >= TOLD_EVERY) {
            self.tell(&mut told, now, &say());
        }
    }

    /// Tells the log what was dropped since it was last told, if that is a minute ago or this is the end.
    pub(super) fn say_the_rest(&self, is_end: bool) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Clock.now();
        let is_due = told.at.is_some_and(|before| is_end || now.saturating_duration_since(before) >= TOLD_EVERY);
        if is_due && told.counted != self.counted() {
            self.tell(&mut told, now, "more was dropped");
        }
    }

    fn tell(&self, told: &mut Told, now: Instant, what: &str) {
        let (door, counted) = (self.door, self.counted());
        let since = |(why, (count, before)): (&Dropped, (u64, u64))| {
            Some((why.name(), count - before)).filter(|(_, more)| *more > 0)
        };
        let more: Vec<_> = Dropped::ALL.iter().zip(counted.into_iter().zip(told.counted)).filter_map(since).collect();
        let sum: u64 = more.iter().map(|(_, more)| more).sum();
        let by_reason: Vec<_> = more.iter().map(|(why, more)| format!("{why} {more}")).collect();
        tracing::warn!(dropped = sum, "{door}: {what} (dropped since this was last said: {})", by_reason.join(", "));
        *told = Told { at: Some(now), counted };
    }

    fn counted(&self) -> [u64; Dropped::ALL.len()] {
        self.dropped.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// Lines that came.
    #[must_use]
    pub(crate) fn lines(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }

    /// Readings on disk.
    #[must_use]
    pub(crate) fn readings(&self) -> u64 {
        self.readings.load(Ordering::Relaxed)
    }

    /// What was dropped, by why.
    pub(crate) fn drops(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Dropped::ALL.iter().zip(&self.dropped).map(|(why, count)| (why.name(), count.load(Ordering::Relaxed)))
    }
}
