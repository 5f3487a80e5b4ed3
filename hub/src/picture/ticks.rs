//! Round numbers and round times for the axes. PURE.

use crate::model::UnixMillis;

/// Steps of a time axis, in milliseconds.
const STEPS: [i64; 21] = [
    1_000,
    2_000,
    5_000,
    10_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    10_800_000,
    21_600_000,
    43_200_000,
    DAY,
    2 * DAY,
    3 * DAY,
    7 * DAY,
    30 * DAY,
];
/// A day in milliseconds.
pub(super) const DAY: i64 = 86_400_000;

/// Round values from one to another, some five of them.
pub(super) fn values(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    if !rough.is_finite() || rough <= 0.0 {
        return vec![low];
    }
    let size = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|of| of * size).find(|step| *step >= rough).unwrap_or(size);
    let first = (low / step).ceil();
    // Counted, not added up: so zero is zero.
    (0..12).map(|n| (first + f64::from(n)) * step).take_while(|value| *value <= high + step * 1e-9).collect()
}

/// The step of a time axis of such a length that is to have no more than so many marks.
pub(super) fn time_step(length_ms: i64, most: i64) -> i64 {
    STEPS.into_iter().find(|step| length_ms / step <= most).unwrap_or(90 * DAY)
}

/// Round moments by a clock that is so far ahead of UTC.
pub(super) fn times((from, to): (UnixMillis, UnixMillis), step: i64, offset_ms: i64) -> Vec<UnixMillis> {
    let first = (from.0 + offset_ms).div_euclid(step) * step - offset_ms;
    (0..64).map(|n| UnixMillis(first + n * step)).filter(|at| (from..=to).contains(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_at_round_values_and_few() {
        assert_eq!(values(-1.2, 9.0), [0.0, 2.5, 5.0, 7.5]);
        assert_eq!(values(19.9, 20.1).len(), 5);
        assert_eq!(values(5.0, 5.0), [5.0]);
        assert!(values(f64::MIN, f64::MAX).len() <= 12);
    }

    #[test]
    fn times_are_round_by_the_clock_on_the_wall() {
        let hour = 3_600_000;
        let from = UnixMillis(20 * hour + 1);
        // Five and a half hours ahead: full hours there are half ones here.
        let found = times((from, from.plus(3 * hour)), hour, 5 * hour + hour / 2);
        assert_eq!(found.iter().map(|at| at.0 % hour).collect::<Vec<_>>(), [hour / 2; 3]);
        assert_eq!(time_step(3 * hour, 8), 1_800_000);
        assert!(times((UnixMillis(0), UnixMillis(i64::MAX / 4)), DAY, 0).len() <= 64);
    }
}
