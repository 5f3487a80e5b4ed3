//! Where readings come from, and how many of them a question may touch. PURE.

use promql_parser::label::Matcher;

use super::error::Error;
use super::labels::Labels;

/// Readings and values that a question may touch, as in Prometheus: some seconds of a core.
pub(super) const MOST_TOUCHED: usize = 50_000_000;
/// Values that a question may hold at once, of 16 bytes: 64 MB, some ten times the largest answer.
pub(super) const MOST_HELD: usize = 4_000_000;

/// Takes a series and its readings: milliseconds since 1970, and values.
pub(crate) type WithReadings<'a> = dyn FnMut(&Labels, &[i64], &[f64]) -> Result<(), Error> + 'a;

/// Where readings come from.
pub(crate) trait Source {
    /// Calls `with` for each series whose labels all matchers match, with its readings of `from..=to` (milliseconds since 1970),
    /// ascending.
    ///
    /// # Errors
    /// What `with` says, or why they cannot be had.
    fn select(&mut self, matchers: &[Matcher], from: i64, to: i64, with: &mut WithReadings<'_>) -> Result<(), Error>;
}
