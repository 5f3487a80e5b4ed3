//! PURE. Sums of points by bucket of time.

use std::ops::Range;

use super::packed::{Figures, Values};
use crate::model::UnixMillis;
use crate::model::reading::Point;

/// One bucket of one result.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Bucket {
    pub(in crate::store) count: u64,
    pub(in crate::store) sum: f64,
    pub(in crate::store) min: f64,
    pub(in crate::store) max: f64,
    pub(in crate::store) first: Point,
    pub(in crate::store) last: Point,
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            first: Point { at: UnixMillis(i64::MAX), value: 0.0 },
            last: Point { at: UnixMillis(i64::MIN), value: 0.0 },
        }
    }
}

impl Bucket {
    /// Adds what another bucket holds.
    pub(in crate::store) fn merge(&mut self, other: &Self) {
        let figures = Figures {
            min: other.min,
            max: other.max,
            sum: other.sum,
            first: other.first.value,
            last: other.last.value,
        };
        self.add_figures(other.count, (other.first.at, other.last.at), &figures);
    }

    /// Adds a point.
    pub(in crate::store) fn add(&mut self, point: Point) {
        self.count += 1;
        self.sum += point.value;
        self.min = self.min.min(point.value);
        self.max = self.max.max(point.value);
        if point.at < self.first.at || self.count == 1 {
            self.first = point;
        }
        if point.at >= self.last.at {
            self.last = point;
        }
    }

    /// Adds many points of which the first and the last are not asked for.
    pub(in crate::store) fn add_sum(&mut self, count: u64, sum: f64, min: f64, max: f64) {
        self.count += count;
        self.sum += sum;
        self.min = self.min.min(min);
        self.max = self.max.max(max);
    }

    /// Adds many points at once, by their figures.
    pub(in crate::store) fn add_figures(
        &mut self,
        count: u64,
        (start, end): (UnixMillis, UnixMillis),
        figures: &Figures<f64>,
    ) {
        if start < self.first.at || self.count == 0 {
            self.first = Point { at: start, value: figures.first };
        }
        if end >= self.last.at {
            self.last = Point { at: end, value: figures.last };
        }
        self.count += count;
        self.sum += figures.sum;
        self.min = self.min.min(figures.min);
        self.max = self.max.max(figures.max);
    }
}

/// The bucket that holds all of `[start, end]`, if there is one.
pub(in crate::store) fn around(edges: &[UnixMillis], start: UnixMillis, end: UnixMillis) -> Option<usize> {
    let n = edges.partition_point(|edge| *edge <= start).checked_sub(1)?;
    (holds(edges, n, start) && holds(edges, n, end)).then_some(n)
}

/// Finds the buckets of moments that only grow.
pub(in crate::store) struct BucketCursor<'a> {
    edges: &'a [UnixMillis],
    next: usize,
}

impl<'a> BucketCursor<'a> {
    pub(in crate::store) const fn new(edges: &'a [UnixMillis]) -> Self {
        Self { edges, next: 0 }
    }

    /// The bucket of a moment; `None` before the first edge and from the last on.
    pub(in crate::store) fn of<'b>(&mut self, at: i64, buckets: &'b mut [Bucket]) -> Option<&'b mut Bucket> {
        if self.next == 0 {
            self.next = self.edges.partition_point(|edge| edge.0 <= at);
        }
        while self.edges.get(self.next).is_some_and(|edge| edge.0 <= at) {
            self.next += 1;
        }
        if self.next >= self.edges.len() { None } else { buckets.get_mut(self.next.checked_sub(1)?) }
    }
}

/// A run of a column that lies in one bucket.
pub(in crate::store) type Piece = (usize, Range<usize>);

/// Where edges cut a column of times, which is sorted; what lies outside of all buckets is left out.
pub(in crate::store) fn pieces(edges: &[UnixMillis], at: &[i64]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let Some(first) = edges.first() else { return pieces };
    let mut begin = at.partition_point(|at| *at < first.0);
    while let Some(next) = at.get(begin) {
        let bucket = edges.partition_point(|edge| edge.0 <= *next);
        let Some(edge) = edges.get(bucket) else { break };
        let end = begin + at[begin..].partition_point(|at| *at < edge.0);
        pieces.push((bucket - 1, begin..end));
        begin = end;
    }
    pieces
}

/// Adds the values at these times to the buckets, run by run.
pub(in crate::store) fn add_column(buckets: &mut [Bucket], pieces: &[Piece], at: &[i64], values: &Values) {
    for (bucket, range) in pieces {
        let (Some(bucket), Some(times)) = (buckets.get_mut(*bucket), at.get(range.clone())) else { continue };
        let (Some(&start), Some(&end), Some(figures)) = (times.first(), times.last(), values.figures(range.clone()))
        else {
            continue;
        };
        bucket.add_figures(times.len() as u64, (UnixMillis(start), UnixMillis(end)), &figures);
    }
}

/// The bucket that holds a moment.
pub(in crate::store) fn of(edges: &[UnixMillis], at: UnixMillis) -> Option<usize> {
    let n = edges.partition_point(|edge| *edge <= at).checked_sub(1)?;
    (n + 1 < edges.len()).then_some(n)
}

fn holds(edges: &[UnixMillis], n: usize, at: UnixMillis) -> bool {
    matches!(edges.get(n..n + 2), Some(&[start, end]) if start <= at && at < end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_on_an_edge_belong_to_the_bucket_that_begins_there() {
        let edges = [0, 10, 20, 30].map(UnixMillis);
        let at = [-1, 0, 9, 20, 30];
        assert_eq!(pieces(&edges, &at), [(0, 1..3), (2, 3..4)]);
        assert_eq!(pieces(&edges[..1], &at), []);
        let mut buckets = vec![Bucket::default(); 3];
        add_column(&mut buckets, &pieces(&edges, &at), &at, &Values::Plain(vec![9.0, 1.0, 3.0, 5.0, 9.0]));
        assert_eq!(buckets.iter().map(|bucket| bucket.count).collect::<Vec<_>>(), [2, 0, 1]);
        assert_eq!((buckets[0].sum, buckets[0].first.value, buckets[0].last.value), (4.0, 1.0, 3.0));
    }
}
