//! The moments at which an expression is asked for, and where a selector looks at each. PURE.

use std::time::{Duration, SystemTime};

use promql_parser::parser::{AtModifier, Offset};

/// Moments of one question, as in Prometheus.
pub(crate) const MOST_STEPS: usize = 11_000;

/// Moments in milliseconds since 1970: `start`, and one each `step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    /// The first.
    pub(crate) start: i64,
    /// From one to the next; at least 1.
    pub(crate) step: i64,
    /// How many; at least 1.
    pub(crate) count: usize,
    /// Where the question ends: at the last of them, or less than a step behind it.
    pub(crate) end: i64,
}

impl Grid {
    /// One moment.
    #[must_use]
    pub(crate) const fn instant(at: i64) -> Self {
        Self { start: at, step: 1, count: 1, end: at }
    }

    /// Every moment from `start` that is not after `end`.
    #[must_use]
    pub(crate) fn range(start: i64, end: i64, step: i64) -> Self {
        let count = usize::try_from((end - start) / step).unwrap_or_default() + 1;
        Self { start, step, count, end }
    }

    /// The last.
    pub(super) const fn last(self) -> i64 {
        self.start + self.step * (self.count as i64 - 1)
    }

    /// All of them.
    pub(crate) fn moments(self) -> impl ExactSizeIterator<Item = i64> {
        (0..self.count).map(move |n| self.start + self.step * n as i64)
    }
}

/// How a selector is moved from the moment that is asked for: `offset` and `@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shift {
    /// Milliseconds that it looks back.
    offset: i64,
    /// A moment that it looks at, whatever is asked for.
    at: Option<i64>,
}

impl Shift {
    /// `whole` is the grid of the question as it was asked, for `@ start()` and `@ end()`.
    pub(super) fn of(offset: Option<&Offset>, at: Option<&AtModifier>, whole: Grid) -> Self {
        let offset = match offset {
            None => 0,
            Some(Offset::Pos(by)) => millis(*by),
            Some(Offset::Neg(by)) => -millis(*by),
        };
        let at = at.map(|at| match at {
            AtModifier::Start => whole.start,
            AtModifier::End => whole.end,
            AtModifier::At(time) => since_1970(*time),
        });
        Self { offset, at }
    }

    /// The moments that it looks at: one where all are the same.
    pub(super) fn looks(self, grid: Grid) -> Grid {
        match self.at {
            Some(at) => Grid::instant(at.saturating_sub(self.offset)),
            None => {
                let back = |moment: i64| moment.saturating_sub(self.offset);
                Grid { start: back(grid.start), end: back(grid.end), ..grid }
            }
        }
    }
}

/// The grid of a subquery: multiples of its step, so that it sees the same moments whenever it is asked.
pub(super) fn of_subquery(looks: Grid, range: i64, step: i64) -> Grid {
    let from = looks.start - range;
    // Towards zero, and then on, as Prometheus rounds.
    let mut start = step * (from / step);
    if start < from {
        start += step;
    }
    Grid::range(start, looks.last().max(start), step)
}

/// Longest duration, and moment farthest from 1970, in milliseconds: thirty thousand years. As many of them as a question can have
/// may be added up.
const FARTHEST: i64 = 1_000_000_000_000_000;

/// As milliseconds.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).map_or(FARTHEST, |millis| millis.min(FARTHEST))
}

fn since_1970(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => millis(after),
        Err(before) => -millis(before.duration()),
    }
}

/// A step in milliseconds: seconds, or a duration as in PromQL.
#[must_use]
pub(crate) fn duration(text: &str) -> Option<i64> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.abs() < 1e11);
    if let Some(seconds) = seconds {
        return Some((seconds * 1e3).round() as i64);
    }
    promql_parser::util::parse_duration(text).ok().map(millis)
}
