//! A cut: everything of one device up to a journal row, sorted by time and packed by column, ready to be written.
//!
//! ```text
//!   a device's batches ──▶ a column a series ──▶ columns of equal times share one row of `times` ──▶ `block`
//! ```
//!
//! PURE: how they are written is the engine's. Within a cut no series has a moment twice; of several readings at one moment
//! the one that came last stays.

use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::store::error::Result;
use crate::store::head::fresh::Fresh;
use crate::store::pack::packed;
use crate::store::pack::{beat, cells};
use crate::store::span::{Blocks, Span, Times, key};

/// Most points of a block: so many that a column costs little beside its numbers, so few that rows fill pages of the
/// database well and a look at an hour does not unpack a day. What `merge` makes of small ones fits.
pub(in crate::store) const MOST: usize = 7168;
/// A hole worth a block of its own on either side, if it is also most of the time covered: a late batch among fresh ones.
const HOLE: i64 = 3_600_000;

/// Journal rows of one device as blocks, to be written in one transaction.
#[derive(Debug)]
pub(in crate::store) struct Cut {
    pub(in crate::store) device: DeviceNo,
    /// Journal rows up to here are in it.
    pub(in crate::store) row: i64,
    pub(in crate::store) series: Vec<SeriesId>,
    pub(in crate::store) blocks: Blocks,
}

/// Columns of one series while they are gathered.
#[derive(Debug, Default)]
pub(in crate::store) struct Column {
    pub(in crate::store) at: Vec<i64>,
    pub(in crate::store) value: Vec<f64>,
}

/// Packs what a device has in the head; `None` when there is nothing. Rows of `times` are numbered from `next`.
pub(in crate::store) fn cut(
    device: DeviceNo,
    numbers: &[SeriesId],
    fresh: &Fresh,
    next: &mut i64,
) -> Result<Option<Cut>> {
    let Some(row) = fresh.newest_row() else { return Ok(None) };
    let columns = gather(numbers, fresh);
    let series = columns.iter().map(|(series, _)| *series).collect();
    let blocks = pack(columns, fresh.received(), *next, next)?;
    Ok(Some(Cut { device, row, series, blocks }))
}

/// Packs sorted columns as the cut of that number.
pub(in crate::store) fn pack(
    columns: Vec<(SeriesId, Column)>,
    received: UnixMillis,
    cut: i64,
    next: &mut i64,
) -> Result<Blocks> {
    let mut blocks =
        Blocks { reach: UnixMillis(i64::MIN), received, readings: 0, times: Vec::new(), columns: Vec::new() };
    // Series of equal times next to each other, in the order they came.
    let mut groups: Vec<Vec<(SeriesId, Column)>> = Vec::new();
    for (series, column) in columns {
        match groups.iter_mut().find(|group| group.first().is_some_and(|(_, shared)| shared.at == column.at)) {
            Some(group) => group.push((series, column)),
            None => groups.push(vec![(series, column)]),
        }
    }
    for group in groups {
        let Some((_, shared)) = group.first() else { continue };
        for part in parts(&shared.at) {
            let Some((times, start, end)) =
                shared.at.get(part.clone()).and_then(|t| Some((t, *t.first()?, *t.last()?)))
            else {
                continue;
            };
            let span = Span { id: *next, cut, start: UnixMillis(start), end: UnixMillis(end), count: times.len() };
            *next += 1;
            blocks.reach = blocks.reach.max(span.end);
            let ranges = cells::ranges(times);
            let mut sections = Vec::new();
            for (series, column) in &group {
                let key = key(span.id, *series);
                let Some((packed, values)) = packed::pack(column.value.get(part.clone()).unwrap_or_default(), key)?
                else {
                    continue;
                };
                blocks.columns.push((key, packed));
                blocks.readings += span.count;
                let section = ranges.as_ref().and_then(|ranges| cells::section(&values, ranges));
                sections.extend(section.map(|section| (*series, section)));
            }
            let cells = ranges.and_then(|ranges| cells::pack(&ranges, &sections, span.id, (span.start, span.end)));
            blocks.times.push(Times { span, data: beat::pack_times(times, span.id)?, cells });
        }
    }
    Ok(blocks)
}

/// One sorted column a series; of equal times the one that came last.
fn gather(numbers: &[SeriesId], fresh: &Fresh) -> Vec<(SeriesId, Column)> {
    let mut series: Vec<SeriesId> = numbers.to_vec();
    series.sort_unstable();
    series.dedup();
    let places: Vec<usize> = numbers.iter().map(|number| series.binary_search(number).unwrap_or_default()).collect();
    let mut columns: Vec<Column> = series.iter().map(|_| Column::default()).collect();
    fresh.decode(|_, rows| {
        for reading in rows.iter() {
            let place = places.get(usize::from(reading.sensor.0));
            if let Some(column) = place.and_then(|&place| columns.get_mut(place)) {
                column.at.push(reading.at.0);
                column.value.push(reading.value);
            }
        }
    });
    columns.iter_mut().for_each(Column::settle);
    series.into_iter().zip(columns).filter(|(_, column)| !column.at.is_empty()).collect()
}

impl Column {
    /// Sorts it by time; of equal times the last stays.
    pub(in crate::store) fn settle(&mut self) {
        if self.at.is_sorted_by(|a, b| a < b) {
            return;
        }
        let mut order: Vec<usize> = (0..self.at.len()).collect();
        // Stable: of equal times the last that came stays last.
        order.sort_by_key(|&index| self.at[index]);
        let mut settled = Self::default();
        for index in order {
            if settled.at.last() == Some(&self.at[index]) {
                settled.at.pop();
                settled.value.pop();
            }
            settled.at.push(self.at[index]);
            settled.value.push(self.value[index]);
        }
        *self = settled;
    }
}

/// Cuts a column of times at its widest holes, then into blocks of equal size.
fn parts(times: &[i64]) -> Vec<std::ops::Range<usize>> {
    let mut parts = Vec::new();
    let mut open = Vec::from([(0, times.len())]);
    while let Some((first, end)) = open.pop() {
        let range = first..end;
        let Some(part) = times.get(range.clone()).filter(|part| !part.is_empty()) else { continue };
        let total = part[part.len() - 1].saturating_sub(part[0]);
        let holes = part.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).zip(first + 1..);
        match holes.max() {
            Some((hole, at)) if hole > HOLE && hole > total / 2 && part.len() > 2 => {
                open.extend([(at, end), (first, at)]);
            }
            _ => {
                let size = part.len().div_ceil(part.len().div_ceil(MOST));
                parts.extend(range.step_by(size).map(|at| at..(at + size).min(end)));
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_batch_gets_a_block_of_its_own() {
        let day = 86_400_000;
        let times: Vec<i64> = (0..10).chain((0..700).map(|n| day + n * 10_000)).collect();
        assert_eq!(parts(&times), [0..10, 10..710]);
        assert_eq!(parts(&(0..20).map(|n| n * day).collect::<Vec<_>>()).len(), 1);
        assert_eq!(parts(&(0..10_000).collect::<Vec<_>>()), [0..5_000, 5_000..10_000]);
        assert!(parts(&[]).is_empty());
    }

    #[test]
    fn a_column_keeps_the_last_of_equal_times() {
        let mut column = Column { at: vec![5, 3, 5, 4], value: vec![1.0, 2.0, 3.0, 4.0] };
        column.settle();
        assert_eq!((column.at, column.value), (vec![3, 4, 5], vec![2.0, 4.0, 3.0]));
    }
}
