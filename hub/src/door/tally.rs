//! What came through a door, and what of it was dropped and why.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;

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
    /// A connection that began a line and did not end it.
    Slow,
    /// A connection that found no place, or no memory for its line.
    Full,
}

impl Dropped {
    const ALL: [Self; 9] = [
        Self::NotAllowed,
        Self::Cut,
        Self::TooLong,
        Self::Invalid,
        Self::NotTaken,
        Self::Busy,
        Self::DiskFull,
        Self::Slow,
        Self::Full,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::NotAllowed => "not_allowed",
            Self::Cut => "cut",
            Self::TooLong => "too_long",
            Self::Invalid => "invalid",
            Self::NotTaken => "not_taken",
            Self::Busy => "busy",
            Self::DiskFull => "disk_full",
            Self::Slow => "slow",
            Self::Full => "full",
        }
    }
}

/// The counters of a door.
#[derive(Debug)]
pub(crate) struct Tally {
    /// What people call the door.
    door: &'static str,
    lines: AtomicU64,
    readings: AtomicU64,
    dropped: [AtomicU64; Dropped::ALL.len()],
    /// When the log was last told, and how much was dropped since.
    told: Mutex<(Option<Instant>, u64)>,
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
        told.1 += count as u64;
        if told.0.is_none_or(|before| now.saturating_duration_since(before) >= TOLD_EVERY) {
            let door = self.door;
            tracing::warn!(dropped = told.1, "{door}: {} (dropped since this was last said: {})", say(), told.1);
            *told = (Some(now), 0);
        }
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
