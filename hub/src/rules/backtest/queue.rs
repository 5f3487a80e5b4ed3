//! Readings of several series, to be taken in the order of time.

use crate::model::reading::Point;
use crate::model::{SensorKind, UnixMillis};

/// Readings of one series that are to be taken in their turn.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) points: Vec<Point>,
    /// How many of them were taken.
    pub(super) taken: usize,
    /// Whether no more will come.
    pub(super) is_over: bool,
    /// Of a series beside the rule's own: what it is, and which parts of the rule.
    pub(super) beside: Option<(SensorKind, Vec<usize>)>,
}

impl Queue {
    pub(super) fn next(&self) -> Option<Point> {
        self.points.get(self.taken).copied()
    }

    /// The next reading, if it is of this moment.
    pub(super) fn take(&mut self, at: UnixMillis) -> Option<Point> {
        let point = self.next().filter(|point| point.at == at)?;
        self.taken += 1;
        Some(point)
    }
}
