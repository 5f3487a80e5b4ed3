//! PURE. A row of rollups: the buckets of one series, and of a counter what else its machine has to see.
//!
//! Nine columns of figures, as all series have them; then, of counters that fell, the times and the values of their knots
//! (see [`crate::counter::knots`]). Of a counter without them, and of a series that was not a counter when its readings
//! became figures, a bucket says what its first and its last reading say.

use std::collections::BTreeMap;

use super::bucket::Bucket;
use super::packed;
use crate::model::UnixMillis;
use crate::model::reading::Point;
use crate::store::error::{Error, Result};

/// Most knots of a bucket; a counter that restarts more often is none.
const KNOTS: usize = 64;

/// What is said of a row that cannot be read.
const DAMAGED: Error = Error::Corrupt { what: "rollup" };

/// Buckets by their start.
pub(in crate::store) type Rolled = BTreeMap<i64, Bucket>;

/// The buckets of one series, and knots by their time.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Row {
    pub(in crate::store) buckets: Rolled,
    pub(in crate::store) knots: BTreeMap<i64, f64>,
}

impl Row {
    /// Knots as points, in order.
    pub(in crate::store) fn points(&self) -> Vec<Point> {
        self.knots.iter().map(|(&at, &value)| Point { at: UnixMillis(at), value }).collect()
    }

    /// Keeps a reading that becomes part of figures.
    pub(in crate::store) fn keep_one(&mut self, point: Point, length: i64) {
        let start = point.at.0.div_euclid(length) * length;
        if self.knots.range(start..start + length).count() < KNOTS {
            self.knots.insert(point.at.0, point.value);
        }
    }
}

/// Buckets as columns: number, count, offsets of the first and last reading; then their values.
pub(in crate::store) fn pack(row: &Row, length: i64, key: i64) -> Result<Vec<u8>> {
    let Row { buckets, knots } = row;
    let whole = |column: &dyn Fn(i64, &Bucket) -> i64| {
        packed::pack_whole(&buckets.iter().map(|(&start, bucket)| column(start, bucket)).collect::<Vec<_>>())
    };
    let values = |column: &dyn Fn(&Bucket) -> f64| buckets.values().map(column).collect::<Vec<_>>();
    let (min, max) = (values(&|bucket| bucket.min), values(&|bucket| bucket.max));
    let (first, last) = (values(&|bucket| bucket.first.value), values(&|bucket| bucket.last.value));
    // A sum of decimals is a decimal: without the noise of adding them it packs as small as they do. Of how many places is
    // not known of those between.
    let scale = packed::scale_of([&min, &max, &first, &last].into_iter().flatten());
    let sum = values(&|bucket| {
        let largest = bucket.max.abs().max(bucket.min.abs());
        packed::rounded(bucket.sum, scale, bucket.count as f64 * largest)
    });
    let mut columns = vec![
        whole(&|start, _| start / length)?,
        whole(&|_, bucket| bucket.count.cast_signed())?,
        whole(&|start, bucket| bucket.first.at.0 - start)?,
        whole(&|start, bucket| bucket.last.at.0 - start)?,
        packed::pack_values(&min)?,
        packed::pack_values(&max)?,
        packed::pack_values(&sum)?,
        packed::pack_values(&first)?,
        packed::pack_values(&last)?,
    ];
    // The first and the last reading of a bucket are there already.
    let is_end =
        |at: i64| buckets.range(..=at).next_back().is_some_and(|(_, it)| it.first.at.0 == at || it.last.at.0 == at);
    let (at, value): (Vec<i64>, Vec<f64>) =
        knots.iter().filter(|(at, _)| !is_end(**at)).map(|(at, value)| (*at, *value)).unzip();
    if !at.is_empty() {
        columns.push((at.len() as u64).to_le_bytes().to_vec());
        columns.push(packed::pack_whole(&at)?);
        columns.push(packed::pack_values(&value)?);
    }
    Ok(packed::bundle(&columns, key))
}

pub(in crate::store) fn unpack(data: &[u8], count: usize, length: i64, key: i64) -> Result<Row> {
    let columns = packed::unbundle(data, key)?;
    let [number, counts, first_at, last_at, min, max, sum, first, last, rest @ ..] = columns.as_slice() else {
        return Err(DAMAGED);
    };
    let whole = |column: &[u8]| packed::unpack_whole(column, count);
    let values = |column: &[u8]| packed::unpack_values(column, count);
    let (number, counts, first_at, last_at) = (whole(number)?, whole(counts)?, whole(first_at)?, whole(last_at)?);
    let (min, max, sum) = (values(min)?, values(max)?, values(sum)?);
    let (first, last) = (values(first)?, values(last)?);
    let bucket = |n: usize| {
        let start = number[n] * length;
        let point = |offset: i64, value| Point { at: UnixMillis(start + offset), value };
        let bucket = Bucket {
            count: counts[n].cast_unsigned(),
            sum: sum[n],
            min: min[n],
            max: max[n],
            first: point(first_at[n], first[n]),
            last: point(last_at[n], last[n]),
        };
        (start, bucket)
    };
    Ok(Row { buckets: (0..count).map(bucket).collect(), knots: unpack_knots(rest)? })
}

fn unpack_knots(columns: &[&[u8]]) -> Result<BTreeMap<i64, f64>> {
    let [count, at, value] = columns else {
        return if columns.is_empty() { Ok(BTreeMap::new()) } else { Err(DAMAGED) };
    };
    let count = <[u8; 8]>::try_from(*count).map_err(|_| DAMAGED)?;
    let count = usize::try_from(u64::from_le_bytes(count)).map_err(|_| DAMAGED)?;
    Ok(packed::unpack_whole(at, count)?.into_iter().zip(packed::unpack_values(value, count)?).collect())
}
