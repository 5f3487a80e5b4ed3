//! Readings of some series of one device, from the head and from blocks, before it is decided which of two at one time
//! counts.

use super::error::{Error, Result};
use super::head::fresh::Fresh;
use crate::model::UnixMillis;
use crate::model::reading::{Point, SeriesId};

/// Bytes of readings a query may hold at once: a year of one series at 10 s, with percentiles. There are four readers, so
/// four times this is the most that queries ever take.
pub(super) const MEMORY: usize = 96 << 20;

/// A stored reading and where it stands in the order of commits: of two at one time the higher rank counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    pub(super) at: UnixMillis,
    pub(super) rank: i64,
    pub(super) value: f64,
}

impl Sample {
    /// The reading without its rank.
    pub(super) const fn point(self) -> Point {
        Point { at: self.at, value: self.value }
    }
}

/// Rank of what is in the blocks of a cut: below every journal row, later cuts above earlier ones.
pub(super) const fn rank_of_cut(cut: i64) -> i64 {
    // Half of the lowest: what was salvaged has negative numbers and ranks below.
    i64::MIN / 2 + cut
}

/// Which of a device's sensor numbers are asked for, and the column each goes to.
pub(super) struct Wanted(Vec<Option<usize>>);

impl Wanted {
    /// `numbers` are the series of the device's sensor numbers; `columns` the series asked for, in order.
    pub(super) fn new(numbers: &[SeriesId], columns: &[SeriesId]) -> Self {
        Self(numbers.iter().map(|number| columns.iter().position(|series| series == number)).collect())
    }
}

/// The wanted readings of the head with `from <= at < to`, in order of commit, one column a wanted series.
///
/// # Errors
/// `TooLarge` when they take more than `memory` bytes.
pub(super) fn of_head(
    fresh: &Fresh,
    (from, to): (UnixMillis, UnixMillis),
    wanted: &Wanted,
    columns: usize,
    memory: usize,
) -> Result<Vec<Vec<Sample>>> {
    let mut found = vec![Vec::new(); columns];
    let mut held = 0;
    fresh.decode(|rank, rows| {
        if held > memory {
            return;
        }
        for reading in rows.iter().filter(|reading| from <= reading.at && reading.at < to) {
            let column = wanted.0.get(usize::from(reading.sensor.0)).copied().flatten();
            if let Some(column) = column.and_then(|column| found.get_mut(column)) {
                column.push(Sample { at: reading.at, rank, value: reading.value });
                held += size_of::<Sample>();
            }
        }
    });
    if held > memory { Err(Error::TooLarge { most: MEMORY }) } else { Ok(found) }
}

/// Sorts samples by time and keeps the one of the highest rank at each time.
pub(super) fn settle(samples: &mut Vec<Sample>) {
    // Stable and adaptive: what comes nearly sorted costs little, and within one batch the later reading stays last.
    samples.sort_by_key(|sample| (sample.at, sample.rank));
    let mut kept = 0;
    for index in 0..samples.len() {
        if kept > 0 && samples[kept - 1].at == samples[index].at {
            samples[kept - 1] = samples[index];
        } else {
            samples[kept] = samples[index];
            kept += 1;
        }
    }
    samples.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_one_time_the_head_counts_before_later_blocks_before_earlier_ones() {
        let sample = |at, rank, value| Sample { at: UnixMillis(at), rank, value };
        let mut samples = vec![
            sample(2, rank_of_cut(9), 1.0),
            sample(1, 5, 2.0),
            sample(1, rank_of_cut(9), 3.0),
            sample(2, rank_of_cut(8), 4.0),
            sample(1, 5, 5.0),
        ];
        settle(&mut samples);
        assert_eq!(samples.iter().map(|sample| sample.value).collect::<Vec<_>>(), [5.0, 1.0]);
    }
}
