//! Makes batches of readings that were gathered. PURE.

use std::collections::HashMap;

use wire::Reading;
use wire::batch::{BatchBuilder, MAX_BODY};

use super::{Gathered, Row, SensorSlot, Target};
use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, BatchId, SeriesId};
use crate::model::{BatchSeq, Epoch, Lane, UnixMillis, numbering};
use crate::store::Origin;

/// If a sensor's newest reading is older than this when it arrives, its readings were kept somewhere: all of them go into the
/// recovered lane. In milliseconds.
const KEPT_MS: i64 = 5 * 60_000;

impl Gathered {
    /// The readings as batches, those of each device together and in the order they came. To be called when
    /// [`Gathered::resolve`] misses nothing: readings of what is missing are left out.
    #[must_use]
    pub(crate) fn batches(&self, now: UnixMillis) -> Vec<Batch> {
        let shelves = Shelves::of(self, now);
        let mut builder = BatchBuilder::new(MAX_BODY);
        let mut batches = Vec::new();
        for (key, rows) in shelves.iter() {
            let mut open = Open::new(key, rows.len());
            for row in rows {
                let Some(target) = self.target(row.sensor) else { continue };
                let reading = Reading { sensor: numbering::within(target.number), at: row.at, value: row.value };
                if !builder.push(&reading) {
                    batches.push(open.close(builder.finish(), now, self.origin));
                    open = Open::new(key, rows.len());
                    builder.push(&reading);
                }
                open.series.push(target.series);
                open.at.push(row.at);
                open.value.push(row.value);
            }
            if !builder.is_empty() {
                batches.push(open.close(builder.finish(), now, self.origin));
            }
        }
        batches
    }
}

/// What the readings of one batch have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shelf {
    device: DeviceNo,
    epoch: Epoch,
    lane: Lane,
}

/// Readings sorted by shelf, without comparing any two of them: shelves are few.
struct Shelves {
    shelves: Vec<Shelf>,
    /// Where the rows of each end.
    ends: Vec<usize>,
    rows: Vec<Row>,
}

impl Shelves {
    fn of(gathered: &Gathered, now: UnixMillis) -> Self {
        let mut known: HashMap<(DeviceNo, Epoch), usize> = HashMap::new();
        let mut shelves = Vec::new();
        // Each device and epoch has two shelves, one for each lane.
        let of_sensor: Vec<Option<usize>> = gathered
            .sensors
            .iter()
            .map(|sensor| {
                let Target { device, number, .. } = sensor.target?;
                let epoch = numbering::epoch_of(number)?;
                Some(*known.entry((device, epoch)).or_insert_with(|| {
                    shelves.extend([Lane::Live, Lane::Recovered].map(|lane| Shelf { device, epoch, lane }));
                    shelves.len() - 2
                }))
            })
            .collect();
        let mut newest = vec![UnixMillis(i64::MIN); gathered.sensors.len()];
        for row in &gathered.rows {
            if let Some(newest) = newest.get_mut(row.sensor.0 as usize) {
                *newest = row.at.max(*newest);
            }
        }
        let is_kept = |row: &Row| newest.get(row.sensor.0 as usize).is_none_or(|newest| now.since(*newest) > KEPT_MS);
        let kept = |row: &Row| gathered.origin == Origin::Imported || is_kept(row);
        let shelf = |row: &Row| Some(of_sensor.get(row.sensor.0 as usize).copied()?? + usize::from(kept(row)));
        let mut ends = vec![0; shelves.len()];
        for row in gathered.rows.iter().filter_map(shelf) {
            ends[row] += 1;
        }
        let mut end = 0;
        for count in &mut ends {
            // The index of its first row; once all rows are in place, the index behind its last.
            end += std::mem::replace(count, end);
        }
        let nothing = Row { sensor: SensorSlot(0), at: now, value: 0.0 };
        let mut rows = vec![nothing; end];
        for row in &gathered.rows {
            if let Some(shelf) = shelf(row) {
                rows[ends[shelf]] = *row;
                ends[shelf] += 1;
            }
        }
        Self { shelves, ends, rows }
    }

    fn iter(&self) -> impl Iterator<Item = (Shelf, &[Row])> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        let ranges = starts.zip(&self.ends).map(|(start, end)| self.rows.get(start..*end).unwrap_or_default());
        self.shelves.iter().copied().zip(ranges).filter(|(_, rows)| !rows.is_empty())
    }
}

/// A batch that is being filled.
struct Open {
    shelf: Shelf,
    series: Vec<SeriesId>,
    at: Vec<UnixMillis>,
    value: Vec<f64>,
}

impl Open {
    fn new(shelf: Shelf, readings: usize) -> Self {
        // A body holds some hundred readings.
        let room = readings.min(512);
        Self { shelf, series: Vec::with_capacity(room), at: Vec::with_capacity(room), value: Vec::with_capacity(room) }
    }

    fn close(self, payload: Vec<u8>, received_at: UnixMillis, origin: Origin) -> Batch {
        let Self { shelf: Shelf { device, epoch, lane }, series, at, value } = self;
        // The desk gives it its sequence number.
        let seq = if origin == Origin::Imported { numbering::IMPORTED } else { BatchSeq(0) };
        Batch { id: BatchId { device, epoch, seq }, lane, received_at, payload, series, at, value }
    }
}
