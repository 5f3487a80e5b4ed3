//! Quantiles of histograms whose buckets are series with a label `le`. PURE.

use std::collections::BTreeMap;

use super::labels::Labels;
use super::value::Row;

/// The upper bound of a bucket, in a label.
const LE: &str = "le";

struct Bucket {
    most: f64,
    count: f64,
}

/// The quantile of each histogram at each moment.
pub(super) fn quantiles(q: &[f64], rows: Vec<Row>) -> Vec<Row> {
    let mut histograms: BTreeMap<Labels, Vec<(f64, Row)>> = BTreeMap::new();
    for row in rows {
        // What has no bound is no bucket.
        let Some(most) = bound(row.labels.get(LE)) else { continue };
        histograms.entry(row.labels.without(&[LE.to_owned()])).or_default().push((most, row));
    }
    let quantiles = histograms.into_iter().map(|(labels, buckets)| {
        let of = |(moment, q): (usize, &f64)| {
            let there =
                buckets.iter().filter_map(|(most, row)| Some(Bucket { most: *most, count: row.values[moment]? }));
            let there: Vec<_> = there.collect();
            (!there.is_empty()).then(|| quantile(*q, there))
        };
        Row { labels, values: q.iter().enumerate().map(of).collect() }
    });
    quantiles.collect()
}

fn bound(le: &str) -> Option<f64> {
    match le {
        "+Inf" => Some(f64::INFINITY),
        _ => le.parse().ok(),
    }
}

fn quantile(q: f64, mut buckets: Vec<Bucket>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&q) {
        return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    buckets.sort_by(|a, b| a.most.total_cmp(&b.most));
    if buckets.last().is_none_or(|last| last.most != f64::INFINITY) {
        return f64::NAN;
    }
    buckets.dedup_by(|later, kept| {
        let same = later.most == kept.most;
        if same {
            kept.count += later.count;
        }
        same
    });
    // Buckets read at different moments may shrink with their bound, which they cannot.
    let mut most = f64::NEG_INFINITY;
    for bucket in &mut buckets {
        most = most.max(bucket.count);
        bucket.count = most;
    }
    let [.., before_last, last] = buckets.as_slice() else { return f64::NAN };
    if last.count == 0.0 {
        return f64::NAN;
    }
    let rank = q * last.count;
    let place = buckets[..buckets.len() - 1].partition_point(|bucket| bucket.count < rank || bucket.count.is_nan());
    if place == buckets.len() - 1 {
        return before_last.most;
    }
    let Bucket { most: end, count } = buckets[place];
    let Some(below) = place.checked_sub(1).map(|below| &buckets[below]) else {
        return if end <= 0.0 { end } else { end * (rank / count) };
    };
    below.most + (end - below.most) * ((rank - below.count) / (count - below.count))
}
