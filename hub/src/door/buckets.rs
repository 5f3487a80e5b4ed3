//! Counts of a histogram up to fixed bounds. PURE.
//!
//! A histogram with explicit bounds has few, and they stay. Those of an exponential one move: it has up to 160 buckets at a time,
//! and halves their number by doubling their width when a value does not fit. Bounds that are powers of two are bounds at every
//! scale, so counts up to those are exact, and are the same series for as long as the histogram is there.

use std::collections::BTreeMap;

/// Most bounds that are kept of one histogram.
pub(crate) const MOST: usize = 64;
/// Powers of two that are numbers, as far as all digits go. What is below the smallest is counted there.
const SMALLEST: i32 = -1_022;
const LARGEST: i32 = 1_023;

/// A count of values up to a bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct UpTo {
    /// The largest value that is counted.
    pub bound: f64,
    /// How many there are.
    pub count: f64,
}

/// Counts up to each of some bounds and up to infinity, from the counts between them; nothing of a histogram with more bounds than
/// [`MOST`], and `None` where there is not one count more than there are bounds.
pub(crate) fn explicit(bounds: &[f64], counts: impl ExactSizeIterator<Item = f64>) -> Option<Vec<UpTo>> {
    if counts.len() != bounds.len() + 1 {
        return (counts.len() == 0 && bounds.is_empty()).then(Vec::new);
    }
    if bounds.len() > MOST {
        return Some(Vec::new());
    }
    let sum = |sum: &mut f64, count| {
        *sum += count;
        Some(*sum)
    };
    let bounds = bounds.iter().copied().chain([f64::INFINITY]);
    Some(bounds.zip(counts.scan(0.0, sum)).map(|(bound, count)| UpTo { bound, count }).collect())
}

/// The power of two up to which the values of a bucket reach, of a histogram whose bounds are powers of 2^(2^-scale); bucket 0
/// begins at 1.
fn power(index: i64, scale: i32) -> i32 {
    let power = match scale {
        0.. => (index >> scale.min(32)) + 1,
        // Wider than a factor of two.
        _ => (index + 1).saturating_mul(1 << scale.unsigned_abs().min(12)),
    };
    i32::try_from(power.clamp(SMALLEST.into(), i64::from(LARGEST) + 1)).unwrap_or(LARGEST + 1)
}

/// Counts up to powers of two and up to infinity, of a histogram with so many values up to zero and these buckets above.
pub(crate) fn exponential(scale: i32, up_to_zero: f64, above: impl Iterator<Item = (i64, f64)>) -> Vec<UpTo> {
    let mut counts: BTreeMap<i32, f64> = BTreeMap::new();
    for (index, count) in above.filter(|(_, count)| *count > 0.0) {
        *counts.entry(power(index, scale)).or_default() += count;
    }
    let (first, last) = (counts.keys().next().copied(), counts.keys().next_back().copied());
    let mut sum = up_to_zero;
    let mut up_to: Vec<_> = (up_to_zero > 0.0).then_some(UpTo { bound: 0.0, count: sum }).into_iter().collect();
    for power in first.unwrap_or(0)..=last.unwrap_or(-1) {
        sum += counts.get(&power).copied().unwrap_or_default();
        // The counts of what is far below the largest are in those behind them.
        if power <= LARGEST && last.is_some_and(|last| last - power < MOST as i32) {
            up_to.push(UpTo { bound: f64::powi(2.0, power), count: sum });
        }
    }
    up_to.push(UpTo { bound: f64::INFINITY, count: sum });
    up_to
}

/// A bound as it is written in a name.
pub(crate) fn written(bound: f64) -> String {
    let is_plain = bound == 0.0 || (1e-6..1e15).contains(&bound.abs());
    match bound {
        f64::INFINITY => "+Inf".to_owned(),
        _ if is_plain => bound.to_string(),
        _ => format!("{bound:e}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(up_to: &[UpTo]) -> Vec<(f64, f64)> {
        up_to.iter().map(|UpTo { bound, count }| (*bound, *count)).collect()
    }

    #[test]
    fn counts_between_explicit_bounds_add_up() {
        let up_to = explicit(&[1.0, 2.5], [3.0, 0.0, 4.0].into_iter()).unwrap();
        assert_eq!(pairs(&up_to), [(1.0, 3.0), (2.5, 3.0), (f64::INFINITY, 7.0)]);
        assert_eq!(explicit(&[], [].into_iter()), Some(Vec::new()));
        assert_eq!(explicit(&[1.0], [1.0].into_iter()), None);
        assert_eq!(explicit(&[1.0; MOST + 1], [0.0; MOST + 2].into_iter()), Some(Vec::new()));
    }

    #[test]
    fn counts_of_any_scale_add_up_to_powers_of_two() {
        // At scale 0 bucket 0 is (1, 2], bucket 2 is (4, 8].
        let up_to = exponential(0, 1.0, [(0, 2.0), (2, 3.0)].into_iter());
        assert_eq!(pairs(&up_to), [(0.0, 1.0), (2.0, 3.0), (4.0, 3.0), (8.0, 6.0), (f64::INFINITY, 6.0)]);
        // At scale 1 two buckets make one of these; below 1 as well.
        let up_to = exponential(1, 0.0, [(-2, 1.0), (-1, 1.0), (0, 1.0), (1, 1.0)].into_iter());
        assert_eq!(pairs(&up_to), [(1.0, 2.0), (2.0, 4.0), (f64::INFINITY, 4.0)]);
        // At scale -1 bucket 0 is (1, 4].
        assert_eq!(pairs(&exponential(-1, 0.0, [(0, 5.0)].into_iter())), [(4.0, 5.0), (f64::INFINITY, 5.0)]);
        assert_eq!(pairs(&exponential(3, 0.0, [].into_iter())), [(f64::INFINITY, 0.0)]);
    }

    #[test]
    fn bounds_are_written_as_people_read_them() {
        let written = [0.005, 10.0, 0.0, f64::powi(2.0, 70), f64::INFINITY].map(written);
        assert_eq!(written, ["0.005", "10", "0", "1.1805916207174113e21", "+Inf"]);
    }

    proptest! {
        #[test]
        fn counts_never_fall_and_are_few(
            scale in any::<i32>(), zero in 0.0..9.0,
            above in proptest::collection::vec((any::<i32>(), 0.0..9.0), 0..300),
        ) {
            let sum: f64 = zero + above.iter().map(|(_, count)| count).sum::<f64>();
            let up_to = exponential(scale, zero, above.into_iter().map(|(index, count)| (i64::from(index), count)));
            prop_assert!(up_to.len() <= MOST + 2);
            prop_assert!(up_to.is_sorted_by(|one, other| one.bound < other.bound && one.count <= other.count));
            prop_assert!(up_to.last().is_some_and(|last| (last.count - sum).abs() < 1e-6));
        }
    }
}
