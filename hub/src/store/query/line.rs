//! The line through the readings of a series, also beyond the range. PURE.

use super::plan::Plan;
use crate::counter::{self, Amount, Machine, Mark, Shares};
use crate::model::UnixMillis;
use crate::model::reading::Point;

/// From before the first moment to behind the last.
pub(super) const ALWAYS: (UnixMillis, UnixMillis) = (UnixMillis(i64::MIN / 4), UnixMillis(i64::MAX / 4));

/// What lies around the range, of one series.
#[derive(Debug, Clone, Default)]
pub(super) struct Around {
    pub(super) is_counter: bool,
    pub(super) before: Vec<Point>,
    /// Whether there is nothing before that.
    pub(super) is_begin: bool,
    pub(super) after: Vec<Point>,
}

impl Around {
    /// What the line through all of it does in each bucket; `rolled` and the columns are what is in the range.
    pub(super) fn line(
        &self,
        plan: &Plan,
        rolled: &[Point],
        (at, value): &(Vec<i64>, Vec<f64>),
    ) -> Vec<counter::Share> {
        let raw = at.iter().zip(value).map(|(&at, &value)| Point { at: UnixMillis(at), value });
        if rolled.is_empty() {
            let (before, after) = (self.before.iter().copied(), self.after.iter().copied());
            return self.through(plan, before.chain(raw).chain(after));
        }
        let others = [&*self.before, rolled, &self.after].into_iter().flatten().copied();
        self.through(plan, merged(raw.chain(others).collect()).into_iter())
    }

    fn through(&self, plan: &Plan, run: impl Iterator<Item = Point>) -> Vec<counter::Share> {
        let mut shares = Shares::new(&plan.edges);
        if self.is_counter {
            let mut machine = Machine::new(self.is_begin);
            run.for_each(|point| machine.take(point, |mark| shares.take(mark)));
            machine.finish(|mark| shares.take(mark));
        } else {
            run.for_each(|point| {
                let total = Amount::of(point.value);
                shares.take(Mark { at: point.at, total, shown: total });
            });
        }
        shares.finish()
    }
}

/// Points by time; of those at one time the first counts.
pub(super) fn merged(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by_key(|point| point.at);
    points.dedup_by_key(|point| point.at);
    points
}
