//! Reads the number in a driver's file, and converts it to another unit. Pure.

/// Longest number with everything around it.
pub(super) const LONGEST_NUMBER: usize = 128;

/// The finite number that is all there is, with space around it.
pub(super) fn number_in(bytes: &[u8]) -> Option<f64> {
    std::str::from_utf8(bytes).ok()?.trim().parse().ok().filter(|value: &f64| value.is_finite())
}

/// A number times a factor, to the last digit where the factor is a thousandth or the like: as decimals, 3700000 times
/// 0.000001 is 3.7.
pub(crate) fn times(value: f64, factor: f64) -> f64 {
    // A whole number is held exactly, its reciprocal is not.
    let whole = factor.recip().round();
    if whole.is_finite() && whole.recip() == factor { value / whole } else { value * factor }
}

/// A number as a reason names it: one with more digits than anybody reads in powers of ten.
pub(crate) fn told(value: f64) -> String {
    let is_readable = value == 0.0 || (1e-6..1e15).contains(&value.abs());
    if is_readable { value.to_string() } else { format!("{value:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_as_many_digits_as_people_read() {
        for (value, text) in [
            (3_892_314.0, "3892314"),
            (-41.85, "-41.85"),
            (0.0, "0"),
            (4_294_967_295.0, "4294967295"),
            (18_446_744_073_709_550_366.0, "1.844674407370955e19"),
            (-1e120, "-1e120"),
            (1e-120, "1e-120"),
            (f64::MAX, "1.7976931348623157e308"),
        ] {
            assert_eq!(told(value), text);
        }
    }

    #[test]
    fn what_the_kernel_counts_in_small_units_has_no_digits_that_nobody_measured() {
        for (value, factor, product) in [
            (3_700_000.0, 1e-6, 3.7),
            (11_800_000.0, 1e-6, 11.8),
            (1_001.0, 0.001, 1.001),
            (317.0, 0.1, 31.7),
            (-41_850.0, 0.001, -41.85),
            (101.325, 1_000.0, 101_325.0),
            (20.0, 1.8, 36.0),
            (7.0, -1.0, -7.0),
            (5.0, 0.0, 0.0),
        ] {
            assert_eq!(times(value, factor), product, "{value} {factor}");
        }
    }
}
