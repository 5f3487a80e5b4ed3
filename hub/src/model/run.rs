//! Readings of one series that follow each other, and who takes them: as figures where those say enough, else one by one.

use super::UnixMillis;

/// Readings that are so few are taken one by one: the last three tell how often a series reports.
pub const SHORT: usize = 3;

/// What is known of readings that were not looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// How many, each at a moment of its own.
    pub count: usize,
    /// When the first was taken.
    pub from: UnixMillis,
    /// When the last was taken.
    pub to: UnixMillis,
    /// The smallest value.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The last.
    pub last: f64,
}

/// Takes the readings of a series in the order of time.
///
/// Whoever gives them keeps the promise that before readings are taken one by one at least [`SHORT`] before them were taken so as
/// well, or all there are: what was passed over last is given after all.
pub trait Takes {
    /// Whether it can be that a run is passed over: figures are worth reading.
    fn may_pass(&self) -> bool;
    /// Whether it would be the same after the readings of a run, but for how many they were and when the last came.
    fn stays(&self, run: &Run) -> bool;
    /// Passes over a run by which it stays the same.
    fn pass(&mut self, run: &Run);
    /// Whether values matter to it, not only times.
    fn wants_values(&self) -> bool;
    /// Takes readings; both columns have the same length.
    fn take_columns(&mut self, at: &[i64], value: &[f64]);
}
