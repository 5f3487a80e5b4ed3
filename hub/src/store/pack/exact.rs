//! PURE. Figures that need every reading in order: percentiles, and rates of change.

use crate::model::UnixMillis;

/// The `percent`th percentile (0 to 100) of values in any order, between two of them in proportion; `None` of none.
pub(in crate::store) fn percentile(values: &mut [f64], percent: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let rank = (percent / 100.0).clamp(0.0, 1.0) * last as f64;
    let (_, &mut below, above) = values.select_nth_unstable_by(rank as usize, f64::total_cmp);
    let part = rank.fract();
    // The next larger value: the least of what lies above.
    let next = above.iter().copied().min_by(f64::total_cmp).filter(|_| part > 0.0);
    Some(next.map_or(below, |next| below + (next - below) * part))
}

/// Change a second in each bucket, of readings in the order of time. The change between two readings is spread evenly
/// over the time between them, so buckets share it rightly and nothing is lost at their edges; where no two readings lie
/// around any moment of a bucket there is nothing to say. A counter that falls began again at zero.
pub(in crate::store) fn rates(edges: &[UnixMillis], at: &[i64], value: &[f64], counter: bool) -> Vec<Option<f64>> {
    let buckets = edges.len().saturating_sub(1);
    let (mut change, mut covered) = (vec![0.0; buckets], vec![0_i64; buckets]);
    let mut bucket = 0;
    for (times, values) in at.windows(2).zip(value.windows(2)) {
        let (&[begin, end], &[before, after]) = (times, values) else { continue };
        let grown = if counter && after < before { after.max(0.0) } else { after - before };
        while edges.get(bucket + 1).is_some_and(|edge| edge.0 <= begin) {
            bucket += 1;
        }
        for (n, edge) in edges.windows(2).enumerate().skip(bucket) {
            let (from, to) = (begin.max(edge[0].0), end.min(edge[1].0));
            if from >= end {
                break;
            }
            if from < to {
                change[n] += grown * ((to - from) as f64 / (end - begin) as f64);
                covered[n] += to - from;
            }
        }
    }
    let rate = |(change, covered): (f64, i64)| (covered > 0).then(|| change / (covered as f64 / 1e3));
    change.into_iter().zip(covered).map(rate).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentiles_lie_between_values_in_proportion() {
        let mut values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(percentile(&mut values, 0.0), Some(1.0));
        assert_eq!(percentile(&mut values, 50.0), Some(2.5));
        assert_eq!(percentile(&mut values, 90.0), Some(3.7));
        assert_eq!(percentile(&mut values, 100.0), Some(4.0));
        assert_eq!(percentile(&mut [], 50.0), None);
    }

    #[test]
    fn a_rate_is_shared_at_an_edge_and_a_fall_is_a_reset() {
        let edges = [0, 1_000, 2_000, 3_000, 4_000].map(UnixMillis);
        let (at, value) = ([500, 1_500, 2_500], [10.0, 20.0, 4.0]);
        // 10 over a second, half of it in each bucket; then 4, counted from zero.
        assert_eq!(rates(&edges, &at, &value, true), [Some(10.0), Some(7.0), Some(4.0), None]);
        assert_eq!(rates(&edges, &at, &value, false), [Some(10.0), Some(-3.0), Some(-16.0), None]);
    }

    proptest! {
        /// Rates times the seconds they cover are what the counter grew by, whatever the edges.
        #[test]
        fn nothing_is_lost_at_edges(
            steps in prop::collection::vec((1_i64..5_000, 0_u32..50), 2..60),
            edges in prop::collection::btree_set(1_i64..200_000, 0..8),
        ) {
            let (mut at, mut value, mut now, mut count) = (Vec::new(), Vec::new(), 0, 0.0);
            for (step, more) in steps {
                now += step;
                count += f64::from(more);
                at.push(now);
                value.push(count);
            }
            let (first, last) = (at[0], now);
            let edges: Vec<_> = [0].into_iter().chain(edges).chain([400_000]).map(UnixMillis).collect();
            let grown: f64 = rates(&edges, &at, &value, true)
                .iter()
                .zip(edges.windows(2))
                .map(|(rate, edge)| {
                    let seconds = (edge[1].0.min(last) - edge[0].0.max(first)).max(0) as f64 / 1e3;
                    rate.unwrap_or(0.0) * seconds
                })
                .sum();
            prop_assert!((grown - (value[value.len() - 1] - value[0])).abs() < 1e-6);
        }
    }
}
