//! Figures by bucket while they are being summed, and as columns.

use crate::counter::{Amount, Share};
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::store::error::Result;
use crate::store::pack::bucket::{self, Bucket};
use crate::store::pack::exact;
use crate::store::samples::MEMORY;

/// Figures of a bucket. What is not asked for is neither computed nor returned.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Aggregates {
    /// Number of readings.
    pub count: bool,
    /// Lowest value.
    pub min: bool,
    /// Highest value.
    pub max: bool,
    /// Mean of the values.
    pub avg: bool,
    /// Value with the earliest time.
    pub first: bool,
    /// Value with the latest time.
    pub last: bool,
    /// Change, spread evenly over the time between two readings; of a counter its growth (see [`crate::counter`]).
    /// Neighbouring buckets add up, whatever they are answered from and asked together with.
    pub increase: bool,
    /// The same a second, over the time of the bucket that lies between readings.
    pub rate: bool,
    /// Percentiles, 0 to 100, exact over the readings. There are none in a bucket of which rollups hold a part.
    pub percentiles: Vec<f64>,
}

impl Aggregates {
    /// What is usually asked for: all but rates and percentiles.
    #[must_use]
    pub const fn usual() -> Self {
        Self {
            count: true,
            min: true,
            max: true,
            avg: true,
            first: true,
            last: true,
            increase: false,
            rate: false,
            percentiles: Vec::new(),
        }
    }

    /// How many columns an answer has.
    #[must_use]
    pub fn columns(&self) -> usize {
        let Self { count, min, max, avg, first, last, increase, rate, percentiles } = self;
        [count, min, max, avg, first, last, increase, rate].into_iter().filter(|wanted| **wanted).count()
            + percentiles.len()
    }

    /// Whether every reading has to be looked at, in order.
    pub(in crate::store) const fn exact(&self) -> bool {
        self.line() || !self.percentiles.is_empty()
    }

    /// Whether it matters how readings follow each other, also across the ends of the range.
    pub(in crate::store) const fn line(&self) -> bool {
        self.increase || self.rate
    }
}

/// What happened in each bucket. The columns asked for have one entry a bucket, the others none; of an empty bucket the
/// count is 0 and the rest `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Columns {
    /// Readings in the bucket.
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
    /// Change.
    pub increase: Vec<Option<f64>>,
    /// Change a second.
    pub rate: Vec<Option<f64>>,
    /// One column a percentile asked for.
    pub percentiles: Vec<Vec<Option<f64>>>,
}

/// The part of a query that is about one device.
pub(in crate::store) struct Asked {
    pub(in crate::store) device: DeviceNo,
    pub(in crate::store) series: Vec<SeriesId>,
    /// Index of each series among all series of the query.
    pub(in crate::store) places: Vec<usize>,
}

/// Figures of all buckets of one result while they are being summed.
pub(in crate::store) struct Totals {
    pub(in crate::store) buckets: Vec<Bucket>,
    /// Values by bucket, where percentiles are asked for.
    pub(in crate::store) values: Vec<Vec<f64>>,
    /// Increase by bucket, where increases or rates are asked for.
    pub(in crate::store) increase: Vec<Option<Amount>>,
    pub(in crate::store) rate: Vec<Option<f64>>,
    /// Buckets in which rollups stand for some of the readings: percentiles of the others would be wrong. Empty where none
    /// are asked for.
    rolled: Vec<bool>,
}

impl Totals {
    pub(in crate::store) fn new(buckets: usize, wanted: &Aggregates) -> Self {
        Self {
            buckets: vec![Bucket::default(); buckets],
            values: if wanted.percentiles.is_empty() { Vec::new() } else { vec![Vec::new(); buckets] },
            increase: if wanted.increase { vec![None; buckets] } else { Vec::new() },
            rate: if wanted.rate { vec![None; buckets] } else { Vec::new() },
            rolled: if wanted.percentiles.is_empty() { Vec::new() } else { vec![false; buckets] },
        }
    }

    /// Empties every bucket, for the next result.
    pub(in crate::store) fn clear(&mut self) {
        self.buckets.fill(Bucket::default());
        self.values.iter_mut().for_each(Vec::clear);
        self.increase.fill(None);
        self.rate.fill(None);
        self.rolled.fill(false);
    }

    /// Takes what a line does in each bucket.
    pub(in crate::store) fn set_line(&mut self, shares: &[Share]) {
        for (n, share) in shares.iter().enumerate().filter(|(_, share)| share.covered_ms > 0) {
            self.increase.get_mut(n).into_iter().for_each(|increase| *increase = Some(share.increase));
            self.rate.get_mut(n).into_iter().for_each(|rate| *rate = share.rate());
        }
    }

    /// Adds a rollup's figures to the bucket that holds the first of their readings; says whether an edge cuts them, so that
    /// some of the readings may lie in another.
    pub(in crate::store) fn add_rolled(&mut self, edges: &[UnixMillis], rolled: &Bucket) -> bool {
        let (first, last) = (rolled.first.at, rolled.last.at);
        let Some(n) = bucket::of(edges, first) else {
            return edges.first().is_some_and(|from| first < *from && *from <= last);
        };
        if let Some(bucket) = self.buckets.get_mut(n) {
            bucket.merge(rolled);
        }
        if let Some(is_rolled) = self.rolled.get_mut(n) {
            *is_rolled = true;
        }
        bucket::of(edges, last) != Some(n)
    }

    /// Adds another series; `memory` is what all values together may take.
    pub(in crate::store) fn absorb(&mut self, other: &mut Self, memory: usize) -> Result<()> {
        self.buckets
            .iter_mut()
            .zip(&other.buckets)
            .filter(|(_, more)| more.count > 0)
            .for_each(|(all, more)| all.merge(more));
        for (all, more) in self.values.iter_mut().zip(&mut other.values) {
            all.append(more);
        }
        both(&mut self.increase, &other.increase);
        both(&mut self.rate, &other.rate);
        self.rolled.iter_mut().zip(&other.rolled).for_each(|(all, more)| *all |= more);
        let held = self.values.iter().map(Vec::len).sum::<usize>() * size_of::<f64>();
        if held > memory { Err(crate::store::Error::TooLarge { most: MEMORY }) } else { Ok(()) }
    }

    /// The columns that are wanted.
    pub(in crate::store) fn columns(&mut self, wanted: &Aggregates) -> Columns {
        let Self { buckets, values, increase, rate, rolled } = self;
        for (n, _) in rolled.iter().enumerate().filter(|(_, rolled)| **rolled) {
            values.get_mut(n).into_iter().for_each(Vec::clear);
        }
        let column = |wanted: bool, value: fn(&Bucket) -> f64| -> Vec<Option<f64>> {
            let some = if wanted { &**buckets } else { &[] };
            some.iter().map(|bucket| (bucket.count > 0).then(|| value(bucket))).collect()
        };
        let percentile = |percent: &f64| values.iter_mut().map(|values| exact::percentile(values, *percent)).collect();
        Columns {
            count: if wanted.count { buckets.iter().map(|bucket| bucket.count).collect() } else { Vec::new() },
            min: column(wanted.min, |bucket| bucket.min),
            max: column(wanted.max, |bucket| bucket.max),
            avg: column(wanted.avg, |bucket| bucket.sum / bucket.count as f64),
            first: column(wanted.first, |bucket| bucket.first.value),
            last: column(wanted.last, |bucket| bucket.last.value),
            percentiles: wanted.percentiles.iter().map(percentile).collect(),
            increase: increase.iter().map(|increase| increase.map(Amount::value)).collect(),
            rate: rate.clone(),
        }
    }
}

/// Adds the amounts of two columns, bucket by bucket.
fn both<T: Copy + std::ops::Add<Output = T>>(all: &mut [Option<T>], more: &[Option<T>]) {
    for (all, more) in all.iter_mut().zip(more) {
        *all = match (*all, *more) {
            (Some(all), Some(more)) => Some(all + more),
            (all, more) => all.or(more),
        };
    }
}
