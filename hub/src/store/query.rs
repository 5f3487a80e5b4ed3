//! Readings by time: pages and buckets.

use super::Store;
use super::error::Result;
use crate::model::UnixMillis;
use crate::model::reading::{Point, SeriesId};

/// Points of one series, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The points.
    pub points: Vec<Point>,
    /// Whether there are more after the last one.
    pub more: bool,
}

/// Time cut into buckets: bucket `n` is `[edges[n], edges[n + 1])`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    /// Ascending; one more than there are buckets.
    pub edges: Vec<UnixMillis>,
}

/// Whether series are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// One result a series.
    None,
    /// One result for all series together.
    All,
}

/// What happened in each bucket. All columns have one entry a bucket; empty buckets are 0 and `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Columns {
    /// Points in the bucket.
    pub count: Vec<u64>,
    /// Lowest value.
    pub min: Vec<Option<f64>>,
    /// Highest value.
    pub max: Vec<Option<f64>>,
    /// Mean of the values.
    pub avg: Vec<Option<f64>>,
    /// Value with the earliest time.
    pub first: Vec<Option<f64>>,
    /// Value with the latest time.
    pub last: Vec<Option<f64>>,
}

impl Store {
    /// The newest point of each series, from memory; also right after a restart.
    #[must_use]
    pub fn latest(&self, series: &[SeriesId]) -> Vec<Option<Point>> {
        let _ = series;
        todo!()
    }

    /// Points with `from <= at < to`, oldest first; of several at one time the newest batch wins.
    ///
    /// # Errors
    /// `NotFound` for the series; `Busy` when too many read at once or it takes longer than 10 s.
    pub async fn readings(&self, series: SeriesId, from: UnixMillis, to: UnixMillis, limit: usize) -> Result<Page> {
        let _ = (series, from, to, limit);
        todo!()
    }

    /// Counts, extremes, means, first and last values by bucket; several readings at one time count once per series.
    ///
    /// # Errors
    /// `NotFound` for a series; `Busy` when too many read at once or it takes longer than 10 s.
    pub async fn aggregate(&self, series: Vec<SeriesId>, buckets: Buckets, group: Group) -> Result<Vec<Columns>> {
        let _ = (series, buckets, group);
        todo!()
    }
}
