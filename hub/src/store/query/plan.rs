//! What is asked of every reader of a query alike.

use super::totals::{Aggregates, Totals};
use crate::model::{SensorKind, UnixMillis};
use crate::store::pack::cells::CELL;

/// What all shares of a query have in common.
pub(super) struct Plan {
    pub(super) edges: Vec<UnixMillis>,
    pub(super) wanted: Aggregates,
    /// Kind to read every series as; `None` leaves each its own.
    pub(super) kind: Option<SensorKind>,
    /// Bytes of readings a share may hold.
    pub(super) memory: usize,
    /// Whether cells can answer.
    pub(super) by_cells: bool,
}

impl Plan {
    pub(super) fn new(edges: Vec<UnixMillis>, wanted: Aggregates, kind: Option<SensorKind>, memory: usize) -> Self {
        let by_cells = !wanted.exact() && !wanted.first && !wanted.last && edges.iter().all(|edge| edge.0 % CELL == 0);
        Self { edges, wanted, kind, memory, by_cells }
    }

    pub(super) fn totals(&self) -> Totals {
        Totals::new(self.edges.len().saturating_sub(1), &self.wanted)
    }

    /// From the first edge to the last.
    pub(super) fn range(&self) -> (UnixMillis, UnixMillis) {
        let (first, last) = (self.edges.first().copied(), self.edges.last().copied());
        (first.unwrap_or_default(), last.unwrap_or_default())
    }
}
