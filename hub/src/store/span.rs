//! What is known of a block without its data. PURE.

use crate::model::UnixMillis;
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
