//! Figures of the head by five minutes, kept between queries.
//!
//! A chart of a thousand series would otherwise decode every batch of the head each time it is drawn. A query takes a
//! device's tally, adds the batches that came since, and puts it back for the next one. A cut invalidates it. It is
//! only used while the readings of a series came in order of time, each moment once; otherwise the head is decoded and merged like
//! everything that overlaps.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::fresh::Fresh;
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::{Point, SeriesId};
use crate::store::head::Head;
use crate::store::pack::bucket::{Bucket, BucketCursor};
use crate::store::pack::cells::CELL;
use crate::store::span::Outline;

/// Readings a cell that are worth remembering: rare ones cost more as cells than as they came.
const WORTH: usize = 4;

/// Tallies of all devices that were asked for since their last cut.
#[derive(Debug, Default)]
pub(in crate::store) struct Tallies(Mutex<HashMap<DeviceNo, Tally>>);

/// What the head holds of one device.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Tally {
    /// Journal rows of the first batch in the head, and of the last one that was added.
    first_row: Option<i64>,
    last_row: i64,
    readings: usize,
    cells: usize,
    series: HashMap<SeriesId, SeriesTally>,
}

/// What the head holds of one series.
#[derive(Debug, Clone)]
struct SeriesTally {
    start: i64,
    end: i64,
    in_order: bool,
    cells: Vec<Cell>,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    number: i64,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

/// A tally and what came since it was made.
pub(in crate::store) struct Pending {
    tally: Tally,
    fresh: Fresh,
}

impl Tallies {
    /// Takes the tally of a device out, with what of the head is not in it yet.
    pub(in crate::store) fn take(&self, head: &Head, device: DeviceNo) -> Pending {
        let first_row = head.first_row(device);
        let known = self.lock().remove(&device).filter(|tally| tally.first_row == first_row);
        let tally = known.unwrap_or_else(|| Tally { first_row, last_row: i64::MIN, ..Tally::default() });
        let fresh = head.copy_after(device, tally.last_row);
        Pending { tally, fresh }
    }

    /// Puts it back.
    pub(in crate::store) fn put(&self, device: DeviceNo, tally: Tally) {
        self.lock().insert(device, tally);
    }

    /// Drops what a cut made void.
    pub(in crate::store) fn forget(&self, device: DeviceNo) {
        self.lock().remove(&device);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceNo, Tally>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    /// Whether blocks may hold readings at or after `from`.
    pub(in crate::store) fn blocks_from(&self, from: UnixMillis) -> bool {
        self.fresh.blocks_from(from)
    }

    /// Adds what came since.
    pub(in crate::store) fn complete(self, numbers: &[SeriesId]) -> Tally {
        let Self { mut tally, fresh } = self;
        fresh.decode(|row, rows| {
            tally.last_row = row;
            for reading in rows.iter() {
                if let Some(series) = numbers.get(usize::from(reading.sensor.0)) {
                    tally.add(*series, Point { at: reading.at, value: reading.value });
                }
            }
        });
        tally
    }
}

impl Tally {
    fn add(&mut self, series: SeriesId, point: Point) {
        self.readings += 1;
        let at = point.at.0;
        let known = self.series.entry(series).or_insert_with(|| SeriesTally {
            start: at,
            end: i64::MIN,
            in_order: true,
            cells: Vec::new(),
        });
        if at <= known.end || !known.in_order {
            // Its cells say nothing any longer.
            known.in_order = false;
            self.cells -= std::mem::take(&mut known.cells).len();
            known.start = known.start.min(at);
            known.end = known.end.max(at);
            return;
        }
        known.end = at;
        let number = at.div_euclid(CELL);
        match known.cells.last_mut().filter(|cell| cell.number == number) {
            Some(cell) => {
                cell.count += 1;
                cell.sum += point.value;
                cell.min = cell.min.min(point.value);
                cell.max = cell.max.max(point.value);
            }
            None => {
                self.cells += 1;
                let (sum, min, max) = (point.value, point.value, point.value);
                known.cells.push(Cell { number, count: 1, sum, min, max });
            }
        }
    }

    /// Whether it is smaller than what it stands for.
    pub(in crate::store) const fn is_worth(&self) -> bool {
        self.cells * WORTH <= self.readings + 64
    }

    /// Whether its cells say all there is of a series: its readings came in order, and no block lies in their time.
    pub(in crate::store) fn is_apart(&self, series: SeriesId, blocks: &[Outline]) -> bool {
        self.series.get(&series).is_none_or(|known| {
            known.in_order && blocks.iter().all(|block| block.end.0 < known.start || known.end < block.start.0)
        })
    }

    /// Adds a series to buckets whose edges lie on those of cells.
    pub(in crate::store) fn add_to(&self, series: SeriesId, edges: &[UnixMillis], buckets: &mut [Bucket]) {
        let mut cursor = BucketCursor::new(edges);
        for cell in self.series.get(&series).iter().flat_map(|known| &known.cells) {
            if let Some(bucket) = cursor.of(cell.number * CELL, buckets) {
                bucket.add_sum(cell.count, cell.sum, cell.min, cell.max);
            }
        }
    }
}
