//! The head: the newest point of every series, and what is not yet in blocks, as it came.
//!
//! ```text
//!   journal rows │ in blocks ...... cut │ batches of the device, in order of commit ──▶ latest
//!                                       └─ here, still encoded (`fresh`)
//! ```
//!
//! Invariant: the head of a device holds exactly its journal rows above its cut, so no query looks into the journal. It
//! grows after a commit, shrinks after a cut is committed, and is rebuilt from the journal at start. A query
//! copies the few bytes it needs and unpacks them after releasing the lock.

pub(super) mod arrived;
pub(super) mod fresh;
pub(super) mod tally;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::model::device::DeviceNo;
use crate::model::reading::{AHEAD_MS, Batch, Point, SeriesId};
use crate::model::{Lane, UnixMillis, numbering};
use fresh::{BatchSummary, Fresh};

/// So far apart may clocks be that are said to be the same.
const SAME_MS: i64 = 1_000;
/// A point is of this moment for so long, or for three times the time between two points.
const STILL_MS: i64 = 60_000;

/// Everything not yet in blocks.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// By series number, which is small and dense.
    series: Vec<Newest>,
    devices: HashMap<DeviceNo, Fresh>,
    /// Bytes of the journal that are not yet in blocks.
    bytes: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Newest {
    point: Option<Point>,
    /// Time between the last two points that were of the moment they came at, in milliseconds.
    every_ms: i64,
    /// When the last batch came that was not imported.
    heard: Option<UnixMillis>,
    /// Points not yet in blocks.
    points: u32,
}

impl Newest {
    /// A point came. One of this moment gives way to one from ahead of it only once nothing of the moment has come for
    /// longer than usual; one from ahead gives way to what is measured now.
    fn offer(&mut self, point: Point, batch: &Batch) {
        let came = batch.received_at;
        let is_ahead = |at: UnixMillis| at.since(came) > SAME_MS;
        let Some(known) = self.point else {
            self.point = Some(point);
            return;
        };
        let takes = match (is_ahead(known.at), is_ahead(point.at)) {
            (true, false) => batch.lane == Lane::Live || known.at.since(came) > AHEAD_MS,
            (false, true) => came.since(known.at) > self.every_ms.saturating_mul(3).max(STILL_MS),
            (false, false) | (true, true) => known.at <= point.at,
        };
        if takes {
            if !is_ahead(point.at) && !is_ahead(known.at) && point.at > known.at {
                self.every_ms = point.at.since(known.at);
            }
            self.point = Some(point);
        }
    }
}

/// How much of a device waits to be in blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) device: DeviceNo,
    /// Most points of one series.
    pub(super) points: u32,
    /// When the oldest batch came.
    pub(super) since: UnixMillis,
    pub(super) bytes: usize,
}

impl Head {
    /// Adds a committed batch and the journal row it has; of several points at one time the last added is the latest.
    pub(super) fn add(&mut self, row: i64, batch: &Batch) {
        let (mut start, mut end, mut most) = (i64::MAX, i64::MIN, 0);
        let is_imported = numbering::is_own(batch.id.epoch) && numbering::is_imported(batch.id.seq);
        for (series, point) in batch.rows() {
            start = start.min(point.at.0);
            end = end.max(point.at.0);
            let newest = self.newest(series);
            newest.points += 1;
            most = most.max(newest.points);
            if !is_imported {
                newest.heard = newest.heard.max(Some(batch.received_at));
            }
            newest.offer(point, batch);
        }
        let received_at = batch.received_at.0;
        let device = self.devices.entry(batch.id.device).or_default();
        let (epoch, lane) = (batch.id.epoch, batch.lane);
        self.bytes +=
            device.push(&BatchSummary { row, epoch, lane, is_imported, start, end, received_at }, &batch.payload);
        device.points = device.points.max(most);
    }

    /// Says how far the device's blocks and rollups reach in time.
    pub(super) fn blocks_reach(&mut self, device: DeviceNo, end: UnixMillis) {
        let device = self.devices.entry(device).or_default();
        device.blocks_end = device.blocks_end.max(Some(end));
    }

    /// Puts a latest point that another process saved, unless a newer one is known.
    pub(super) fn offer_latest(&mut self, series: SeriesId, point: Point) {
        let newest = self.newest(series);
        if newest.point.is_none_or(|newest| newest.at < point.at) {
            newest.point = Some(point);
        }
    }

    /// Forgets the device's batches up to a journal row, which are in blocks now; returns how many bytes that were.
    pub(super) fn forget(&mut self, no: DeviceNo, row: i64, series: &[SeriesId]) -> usize {
        let Some(device) = self.devices.get_mut(&no) else { return 0 };
        let bytes = device.forget(row);
        // Points that came during packing are dropped from this count, so their block may be made a little late: `AGE` still
        // bounds the wait.
        device.points = 0;
        for series in series {
            self.newest(*series).points = 0;
        }
        self.bytes -= bytes;
        bytes
    }

    /// Forgets a device and its series.
    pub(super) fn remove(&mut self, device: DeviceNo, series: impl Iterator<Item = SeriesId>) {
        if let Some(gone) = self.devices.remove(&device) {
            self.bytes -= gone.bytes();
        }
        for series in series {
            *self.newest(series) = Newest::default();
        }
    }

    /// When each series was last heard, of those that were since their readings are here.
    pub(super) fn heard(&self) -> impl Iterator<Item = (SeriesId, UnixMillis)> + '_ {
        (0..).map(SeriesId).zip(&self.series).filter_map(|(series, newest)| Some((series, newest.heard?)))
    }

    /// When a series was last heard, if that is known.
    pub(super) fn heard_of(&self, series: SeriesId) -> Option<UnixMillis> {
        self.series.get(series.0 as usize)?.heard
    }

    /// The newest point.
    pub(super) fn latest(&self, series: SeriesId) -> Option<Point> {
        self.series.get(series.0 as usize)?.point
    }

    /// A copy of the device's batches that have readings with `from <= at < to`.
    pub(super) fn copy(&self, device: DeviceNo, from: UnixMillis, to: UnixMillis) -> Fresh {
        let device = self.devices.get(&device);
        device.map(|device| device.copy(|batch| batch.start < to.0 && batch.end >= from.0)).unwrap_or_default()
    }

    /// Journal row of a device's oldest batch here.
    pub(super) fn first_row(&self, device: DeviceNo) -> Option<i64> {
        Some(self.devices.get(&device)?.first()?.row)
    }

    /// A copy of the device's batches behind a journal row.
    pub(super) fn copy_after(&self, device: DeviceNo, row: i64) -> Fresh {
        self.devices.get(&device).map(|device| device.copy(|batch| batch.row > row)).unwrap_or_default()
    }

    /// Journal rows of a device, oldest first.
    pub(super) fn rows(&self, device: DeviceNo) -> Vec<i64> {
        self.devices.get(&device).map(|device| device.rows().collect()).unwrap_or_default()
    }

    /// Whether batches that speak in the device's own numbers are here.
    pub(super) fn has_own(&self, device: DeviceNo) -> bool {
        self.devices.get(&device).is_some_and(|device| device.has(|batch| numbering::speaks_device(batch.epoch)))
    }

    /// What waits to be in blocks, in no order.
    pub(super) fn waiting(&self) -> impl Iterator<Item = Waiting> + '_ {
        self.devices.iter().filter_map(|(&no, device)| {
            let since = UnixMillis(device.first()?.received_at);
            Some(Waiting { device: no, points: device.points, since, bytes: device.bytes() })
        })
    }

    /// Bytes of the journal not yet in blocks.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Those of one device.
    pub(super) fn bytes_of(&self, device: DeviceNo) -> usize {
        self.devices.get(&device).map_or(0, Fresh::bytes)
    }

    fn newest(&mut self, series: SeriesId) -> &mut Newest {
        let index = series.0 as usize;
        if index >= self.series.len() {
            self.series.resize_with(index + 1, Newest::default);
        }
        &mut self.series[index]
    }
}
