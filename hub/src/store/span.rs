//! PURE. What is known of blocks without their data, and blocks that are packed and not yet written.

use std::collections::BTreeMap;

use super::pack::packed::Packed;
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;

/// A row of `times` without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) id: i64,
    pub(super) cut: i64,
    pub(super) start: UnixMillis,
    pub(super) end: UnixMillis,
    pub(super) count: usize,
}

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Start of the UTC day that holds a moment: what came on one day is merged, and let go, together.
pub(super) const fn day(at: UnixMillis) -> UnixMillis {
    UnixMillis(at.0.div_euclid(DAY) * DAY)
}

/// Key of a series' block under a row of `times`.
pub(super) const fn key(times: i64, series: SeriesId) -> i64 {
    times << 32 | series.0 as i64
}

/// Whether blocks are as they were cut, or as large as they get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// May be merged with what is cut next.
    Cut = 0,
    /// Never looked at again.
    Merged = 1,
}

/// Where a block lies in time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outline {
    pub(super) id: i64,
    pub(super) cut: i64,
    pub(super) start: UnixMillis,
    pub(super) end: UnixMillis,
}

/// Outlines by start, if none of different cuts overlap each other.
pub(super) fn apart(outlines: Vec<Outline>) -> Option<Vec<Outline>> {
    let overlap = outlines.iter().enumerate().any(|(n, one)| {
        let later = outlines.get(n + 1..).unwrap_or_default().iter().take_while(|other| other.start <= one.end);
        later.into_iter().any(|other| other.cut != one.cut)
    });
    (!overlap).then_some(outlines)
}

/// Readings of one device, packed.
#[derive(Debug)]
pub(super) struct Blocks {
    /// Latest time in them.
    pub(super) reach: UnixMillis,
    /// When the newest of them came.
    pub(super) received: UnixMillis,
    /// How many readings.
    pub(super) readings: usize,
    pub(super) times: Vec<Times>,
    pub(super) columns: Vec<(i64, Packed)>,
}

/// A row of `times`, packed.
#[derive(Debug)]
pub(super) struct Times {
    pub(super) span: Span,
    pub(super) data: Vec<u8>,
    /// Figures by five minutes, see `cells`.
    pub(super) cells: Option<Vec<u8>>,
}

/// A cut that was not merged yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Small {
    pub(super) device: DeviceNo,
    pub(super) cut: i64,
    /// Of the series that has most.
    pub(super) points: usize,
    pub(super) received: UnixMillis,
}

/// A span of a cut that was not merged yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unmerged {
    pub(super) span: Span,
    pub(super) received: UnixMillis,
    /// Whether it is as it was written.
    pub(super) is_whole: bool,
}

/// Spans that are to go, by device, and when the newest of their readings came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Going {
    pub(super) by_device: BTreeMap<DeviceNo, Vec<Span>>,
    pub(super) received: UnixMillis,
}

impl Going {
    pub(super) fn add(&mut self, device: DeviceNo, span: Span, received: UnixMillis) {
        self.by_device.entry(device).or_default().push(span);
        self.received = self.received.max(received);
    }

    /// Nothing goes.
    pub(super) fn is_empty(&self) -> bool {
        self.by_device.is_empty()
    }
}
