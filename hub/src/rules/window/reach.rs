//! How far back readings matter to a memory, and what it learns of them by figures. PURE.

use super::{Memory, Window};
use crate::model::{SensorKind, UnixMillis};
use crate::rules::season;

/// Shortest time before a window that is read to know where a counter stood, in milliseconds.
const LEAD_MS: i64 = 10 * 60_000;
/// How far a deviation that looks back for less than that is read for at most, beside its `over`: some hours of readings are read in a
/// moment, weeks of them are not.
const FURTHER_MS: i64 = 6 * 3_600_000;

impl Window {
    /// How far back readings matter. A deviation also depends on which readings it left out, so at least twice as far: what it took for
    /// usual depends on what was before, less and less; what a counter did depends on where it stood before.
    pub(in crate::rules) fn reach_ms(&self) -> i64 {
        let reach = match self.memory {
            Memory::Rate { .. } | Memory::Increase(_) | Memory::Figure(..) | Memory::Forecast(_) => self.over_ms,
            // One reading from before it: no two of them are further apart than half of it.
            Memory::Stuck(_) => self.over_ms.saturating_add(self.over_ms / 2),
            Memory::Seasonal(_) => season::REACH_MS,
            Memory::Deviation(_) => {
                let more = self.over_ms.saturating_mul(6).min(FURTHER_MS);
                self.over_ms.saturating_add(more.max(self.over_ms))
            }
        };
        reach.saturating_add(self.counter.as_ref().map_or(0, |_| self.over_ms.max(LEAD_MS)))
    }

    /// Which of the readings wanted from there on their hours' means say as well, both whole hours; the readings behind them are
    /// wanted one by one.
    pub(in crate::rules) fn wants_hours(
        &self,
        (from, to): (UnixMillis, UnixMillis),
    ) -> Option<(UnixMillis, UnixMillis)> {
        let hour = |at: UnixMillis| UnixMillis(at.0.div_euclid(season::HOUR_MS).saturating_mul(season::HOUR_MS));
        let hours = (hour(from), hour(to.plus(-season::HOUR_MS)));
        (matches!(self.memory, Memory::Seasonal(_)) && hours.0 < hours.1).then_some(hours)
    }

    /// Learns the mean of an hour, by a moment in it; before the first reading.
    pub(in crate::rules) fn learn_hour(&mut self, within: UnixMillis, mean: f64) {
        match &mut self.memory {
            Memory::Seasonal(season) if self.kind == SensorKind::Gauge => season.learn_hour(within, mean),
            Memory::Seasonal(_)
            | Memory::Rate { .. }
            | Memory::Increase(_)
            | Memory::Deviation(_)
            | Memory::Figure(..)
            | Memory::Stuck(_)
            | Memory::Forecast(_) => {}
        }
    }
}
