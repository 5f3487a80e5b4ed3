//! Readings in bulk: columns, not rows, from the datagram to the disk.

use std::hash::Hasher as _;

use super::device::DeviceNo;
use super::{BatchSeq, Epoch, Lane, UnixMillis};

/// Row number of a series: one sensor of one device. Small, dense, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u32);

/// How far ahead of the hub's clock a reading may lie before its device's clock is taken to be wrong.
pub const AHEAD_MS: i64 = 5 * 60_000;

/// The last moment of the year 9999 in every time zone, and as far before 1970: what every calendar around here can hold.
/// What lies beyond was given by no clock, and is no time.
pub const LAST_TIME: UnixMillis = UnixMillis(253_402_207_200_000);

/// Whether a device's time may be one.
#[must_use]
pub const fn is_time(at: UnixMillis) -> bool {
    at.0.unsigned_abs() <= LAST_TIME.0.unsigned_abs()
}

/// One point of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Device time.
    pub at: UnixMillis,
    /// Finite value in the series' unit.
    pub value: f64,
}

/// A stretch of time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// First moment.
    pub from: UnixMillis,
    /// Last moment.
    pub to: UnixMillis,
}

/// A batch's place in its device's numbering; no two batches share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId {
    pub device: DeviceNo,
    /// In which boot.
    pub epoch: Epoch,
    pub seq: BatchSeq,
}

/// What tells a batch from another of the same number: a hash of its body. Known as long as the hub runs, and never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(u64);

impl Digest {
    /// That of a body, as it came.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write(body);
        Self(hasher.finish())
    }
}

/// Many readings of one device, decoded once. The three columns have the same length.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Its place in the numbering; makes storing it twice impossible.
    pub id: BatchId,
    /// Live, or recovered after an outage.
    pub lane: Lane,
    /// When the hub received it.
    pub received_at: UnixMillis,
    /// The encoded readings as received (sensor numbers, see `wire::batch`): what the journal keeps.
    pub payload: Vec<u8>,
    /// Series of each reading.
    pub series: Vec<SeriesId>,
    /// Device time of each reading.
    pub at: Vec<UnixMillis>,
    /// Value of each reading.
    pub value: Vec<f64>,
}

impl Batch {
    /// Readings in the batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The readings, in the order they were taken.
    pub fn rows(&self) -> impl Iterator<Item = (SeriesId, Point)> + '_ {
        let points = self.at.iter().zip(&self.value).map(|(&at, &value)| Point { at, value });
        self.series.iter().copied().zip(points)
    }
}
