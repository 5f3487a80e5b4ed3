//! PURE. Sums of points by bucket of time.

use super::aggregate::Columns;
use super::packed::Figures;
use crate::model::UnixMillis;
use crate::model::reading::Point;

/// One bucket of one result.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) first: Point,
    pub(super) last: Point,
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
    pub(super) fn merge(&mut self, other: &Self) {
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
    pub(super) fn add(&mut self, point: Point) {
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

    /// Adds many points at once, by their figures.
    fn add_figures(&mut self, count: u64, (start, end): (UnixMillis, UnixMillis), figures: &Figures<f64>) {
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
pub(super) fn around(edges: &[UnixMillis], start: UnixMillis, end: UnixMillis) -> Option<usize> {
    let n = edges.partition_point(|edge| *edge <= start).checked_sub(1)?;
    (holds(edges, n, start) && holds(edges, n, end)).then_some(n)
}

/// Adds `count` points that lie between `range` to bucket `n`.
pub(super) fn add_figures(
    buckets: &mut [Bucket],
    n: usize,
    count: usize,
    range: (UnixMillis, UnixMillis),
    figures: &Figures<f64>,
) {
    if let Some(bucket) = buckets.get_mut(n) {
        bucket.add_figures(count as u64, range, figures);
    }
}

/// Adds points, sorted by time, to the buckets `[edges[n], edges[n + 1])` they fall in; the others are left out.
pub(super) fn add(buckets: &mut [Bucket], edges: &[UnixMillis], points: impl Iterator<Item = Point>) {
    let mut index = None;
    for point in points {
        // The bucket of the point before is mostly right; else search.
        let here = index.filter(|&n: &usize| holds(edges, n, point.at)).or_else(|| {
            let n = edges.partition_point(|edge| *edge <= point.at).checked_sub(1)?;
            holds(edges, n, point.at).then_some(n)
        });
        if let Some(bucket) = here.and_then(|n| buckets.get_mut(n)) {
            bucket.add(point);
        }
        index = here;
    }
}

/// Adds a rollup's bucket that begins at `start`.
pub(super) fn add_rolled(buckets: &mut [Bucket], edges: &[UnixMillis], start: UnixMillis, rolled: &Bucket) {
    let n = edges.partition_point(|edge| *edge <= start).checked_sub(1);
    if let Some(bucket) = n.and_then(|n| buckets.get_mut(n)) {
        bucket.merge(rolled);
    }
}

fn holds(edges: &[UnixMillis], n: usize, at: UnixMillis) -> bool {
    matches!(edges.get(n..n + 2), Some(&[start, end]) if start <= at && at < end)
}

/// The buckets as columns.
pub(super) fn columns(buckets: &[Bucket]) -> Columns {
    let column = |value: fn(&Bucket) -> f64| {
        buckets.iter().map(|bucket| (bucket.count > 0).then(|| value(bucket))).collect::<Vec<_>>()
    };
    Columns {
        count: buckets.iter().map(|bucket| bucket.count).collect(),
        min: column(|bucket| bucket.min),
        max: column(|bucket| bucket.max),
        avg: column(|bucket| bucket.sum / bucket.count as f64),
        first: column(|bucket| bucket.first.value),
        last: column(|bucket| bucket.last.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_on_an_edge_belong_to_the_bucket_that_begins_there() {
        let edges = [0, 10, 20].map(UnixMillis);
        let mut buckets = vec![Bucket::default(); 2];
        let points = [(-1, 9.0), (0, 1.0), (9, 3.0), (10, 5.0), (20, 9.0)];
        add(&mut buckets, &edges, points.into_iter().map(|(at, value)| Point { at: UnixMillis(at), value }));
        let columns = columns(&buckets);
        assert_eq!(columns.count, [2, 1]);
        assert_eq!(columns.avg, [Some(2.0), Some(5.0)]);
        assert_eq!((columns.first[0], columns.last[0]), (Some(1.0), Some(3.0)));
    }

    #[test]
    fn an_empty_bucket_is_a_gap() {
        assert_eq!(columns(&[Bucket::default()]).min, [None]);
    }
}
