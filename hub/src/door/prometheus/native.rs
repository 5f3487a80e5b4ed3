//! Native histograms of Prometheus. PURE.
//!
//! <https://github.com/prometheus/prometheus/blob/main/prompb/types.proto>

use crate::door::buckets::{UpTo, explicit, exponential};

/// Schema of a histogram with bounds of its own.
const OWN_BOUNDS: i32 = -53;
/// Hint of one that may fall as well as grow.
const GAUGE: i32 = 3;
/// Most bounds of its own that one may have.
const MOST_BOUNDS: usize = 1_000;

/// A histogram; the same in both versions.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    count_int: Option<u64>,
    #[prost(double, optional, tag = "2")]
    count_float: Option<f64>,
    #[prost(double, tag = "3")]
    pub(super) sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(uint64, optional, tag = "6")]
    zero_count_int: Option<u64>,
    #[prost(double, optional, tag = "7")]
    zero_count_float: Option<f64>,
    #[prost(sint64, repeated, tag = "9")]
    negative_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "10")]
    negative_counts: Vec<f64>,
    #[prost(message, repeated, tag = "11")]
    positive_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "12")]
    positive_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "13")]
    positive_counts: Vec<f64>,
    #[prost(int32, tag = "14")]
    reset_hint: i32,
    #[prost(int64, tag = "15")]
    pub(super) timestamp: i64,
    #[prost(double, repeated, tag = "16")]
    custom_values: Vec<f64>,
}

/// Buckets that follow each other.
#[derive(Clone, PartialEq, prost::Message)]
struct Span {
    /// How many are left out before it; of the first, the number of its first.
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

impl Histogram {
    /// One with nothing in it.
    #[cfg(test)]
    pub(super) fn of(timestamp: i64, sum: f64) -> Self {
        Self { timestamp, sum, ..Self::default() }
    }

    /// How many values there are.
    pub(super) fn count(&self) -> f64 {
        self.count_float.or_else(|| self.count_int.map(|count| count as f64)).unwrap_or_default()
    }

    /// Whether it may fall as well as grow.
    pub(super) const fn is_gauge(&self) -> bool {
        self.reset_hint == GAUGE
    }

    /// How many there are up to some bounds.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn up_to(&self) -> Result<Vec<UpTo>, &'static str> {
        let above = counts(&self.positive_deltas, &self.positive_counts);
        let above = indexes(&self.positive_spans).zip(above);
        if self.schema == OWN_BOUNDS {
            let bounds = &self.custom_values;
            if bounds.len() > MOST_BOUNDS || !bounds.is_sorted_by(|one, other| one < other) {
                return Err("its bounds must grow, and be 1000 at most");
            }
            let mut dense = vec![0.0; bounds.len() + 1];
            for (index, count) in above {
                let place = usize::try_from(index).ok().and_then(|index| dense.get_mut(index));
                *place.ok_or("it has counts beyond its bounds")? += count;
            }
            return Ok(explicit(bounds, dense.into_iter()).unwrap_or_default());
        }
        let zero = self.zero_count_float.or_else(|| self.zero_count_int.map(|count| count as f64)).unwrap_or_default();
        let below: f64 = counts(&self.negative_deltas, &self.negative_counts).sum();
        // Bucket 0 ends at 1, not begins there.
        Ok(exponential(self.schema, zero + below, above.map(|(index, count)| (index - 1, count))))
    }
}

/// The numbers of the buckets in some spans.
fn indexes(spans: &[Span]) -> impl Iterator<Item = i64> {
    let mut next = 0;
    spans.iter().flat_map(move |span| {
        let first = next + i64::from(span.offset);
        next = first + i64::from(span.length);
        first..next
    })
}

/// Counts: whole ones are written as how much more each is than the one before.
fn counts(deltas: &[i64], floats: &[f64]) -> impl Iterator<Item = f64> {
    let count = |count: &mut i64, delta: &i64| {
        *count = count.saturating_add(*delta);
        Some(*count as f64)
    };
    deltas.iter().scan(0, count).chain(floats.iter().copied()).filter(|count| count.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(histogram: &Histogram) -> Vec<(f64, f64)> {
        histogram.up_to().unwrap().iter().map(|UpTo { bound, count }| (*bound, *count)).collect()
    }

    fn span(offset: i32, length: u32) -> Span {
        Span { offset, length }
    }

    #[test]
    fn buckets_are_counts_up_to_powers_of_two() {
        // At schema 0 bucket 1 is (1, 2] and bucket 4 is (8, 16].
        let histogram = Histogram {
            count_int: Some(9),
            zero_count_int: Some(1),
            positive_spans: vec![span(1, 2), span(1, 1)],
            positive_deltas: vec![2, 1, 0],
            ..Histogram::default()
        };
        let inf = f64::INFINITY;
        assert_eq!(pairs(&histogram), [(0.0, 1.0), (2.0, 3.0), (4.0, 6.0), (8.0, 6.0), (16.0, 9.0), (inf, 9.0)]);
        let floats = Histogram {
            count_float: Some(1.5),
            positive_spans: vec![span(0, 1)],
            positive_counts: vec![1.5],
            ..Histogram::default()
        };
        assert_eq!((pairs(&floats), floats.count()), (vec![(1.0, 1.5), (inf, 1.5)], 1.5));
    }

    #[test]
    fn own_bounds_stay_and_counts_beyond_them_are_refused() {
        let own = |length| Histogram {
            schema: OWN_BOUNDS,
            custom_values: vec![0.5, 1.0],
            positive_spans: vec![span(0, 1), span(1, length)],
            positive_deltas: vec![2, 3, 0],
            ..Histogram::default()
        };
        assert_eq!(pairs(&own(1)), [(0.5, 2.0), (1.0, 2.0), (f64::INFINITY, 7.0)]);
        assert!(own(2).up_to().is_err());
        assert!(Histogram { custom_values: vec![1.0, 0.5], ..own(1) }.up_to().is_err());
    }
}
