//! PURE. Figures that need every reading: percentiles.

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

#[cfg(test)]
mod tests {
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
}
