//! The number that a small file of a driver's holds. Pure.

/// Longest number with everything around it.
pub(super) const LONGEST_NUMBER: usize = 128;

/// The finite number that is all there is, with space around it.
pub(super) fn number_in(bytes: &[u8]) -> Option<f64> {
    std::str::from_utf8(bytes).ok()?.trim().parse().ok().filter(|value: &f64| value.is_finite())
}
