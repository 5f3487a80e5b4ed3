//! Where the readings of a device are that a query asks for: its blocks, of which times are unpacked once for all series.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use super::plan::Plan;
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::store::engine::snapshot::{Column, Part, Snapshot};
use crate::store::error::Result;
use crate::store::pack::bucket::{self, Piece};
use crate::store::samples::{Sample, rank_of_cut};
use crate::store::span::Span;
use crate::store::tier::RolledUpTo;

/// Where a device's readings are.
pub(super) struct Found<'a> {
    pub(super) ask: &'a dyn Snapshot,
    /// Blocks, and whether nothing overlaps them.
    pub(super) spans: Vec<Span>,
    alone: Vec<bool>,
    /// Marks the spans whose readings were already moved into `recent` for the current series; reset for each series.
    pub(super) taken: Vec<bool>,
    times: HashMap<i64, Option<Rc<Times>>>,
    /// How far the device's rollups reach.
    pub(super) rolled: RolledUpTo,
}

/// Times of a block, shared by the series that were sampled together.
pub(super) struct Times {
    pub(super) at: Vec<i64>,
    pub(super) pieces: Vec<Piece>,
}

impl<'a> Found<'a> {
    pub(super) fn of(ask: &'a dyn Snapshot, device: DeviceNo, plan: &Plan) -> Result<Self> {
        let rolled = ask.rolled(device)?;
        let spans = ask.spans(device, plan.range())?;
        let alone = alone(&spans);
        let taken = vec![false; spans.len()];
        Ok(Self { ask, spans, alone, taken, times: HashMap::new(), rolled })
    }

    /// Indices of the spans that are not taken yet: first those that nothing overlaps, then the others.
    pub(super) fn places(&self, recent: &[Sample]) -> (Vec<usize>, Vec<usize>) {
        let left = (0..self.spans.len()).filter(|n| !self.taken.get(*n).copied().unwrap_or_default());
        left.partition(|n| self.is_alone(*n, recent))
    }

    /// Whether nothing else has readings of a series in the time of a block.
    fn is_alone(&self, n: usize, recent: &[Sample]) -> bool {
        let (Some(span), Some(true)) = (self.spans.get(n), self.alone.get(n)) else { return false };
        let next = recent.partition_point(|sample| sample.at < span.start);
        recent.get(next).is_none_or(|sample| sample.at > span.end)
    }

    /// The readings of a series in the spans at these indices, to be settled with others; `may_hold` says whether so many fit.
    pub(super) fn samples(
        &mut self,
        places: &[usize],
        series: SeriesId,
        plan: &Plan,
        may_hold: impl Fn(usize) -> Result<()>,
    ) -> Result<Vec<Sample>> {
        let mut samples = Vec::new();
        self.columns(
            places,
            series,
            |_| Part::Values,
            |found, span, column| {
                may_hold(samples.len())?;
                let Column::Values(values) = column else { return Ok(()) };
                let Some(times) = found.times(span, plan)? else { return Ok(()) };
                let (rank, (from, to)) = (rank_of_cut(span.cut), plan.range());
                let inside = within(&times.at, from, to);
                let values = values.plain();
                let points =
                    times.at.get(inside.clone()).unwrap_or_default().iter().zip(values.get(inside).unwrap_or_default());
                samples.extend(points.map(|(&at, &value)| Sample { at: UnixMillis(at), rank, value }));
                Ok(())
            },
        )?;
        Ok(samples)
    }

    /// Calls `with` for each block of a series in the spans at these indices.
    pub(super) fn columns(
        &mut self,
        places: &[usize],
        series: SeriesId,
        part: impl Fn(&Span) -> Part,
        mut with: impl FnMut(&mut Self, &Span, Column) -> Result<()>,
    ) -> Result<()> {
        let spans = places.iter().filter_map(|n| self.spans.get(*n).copied());
        let wanted: Vec<(Span, Part)> = spans.map(|span| (span, part(&span))).collect();
        let ask = self.ask;
        ask.columns(series, &wanted, &mut |n, column| match wanted.get(n) {
            Some((span, _)) => with(self, span, column),
            None => Ok(()),
        })
    }

    /// Times of a block, unpacked once.
    pub(super) fn times(&mut self, span: &Span, plan: &Plan) -> Result<Option<Rc<Times>>> {
        if let Some(known) = self.times.get(&span.id) {
            return Ok(known.clone());
        }
        let times = self.ask.times(&[*span])?.pop().flatten();
        let times = times.map(|at| Rc::new(Times { pieces: bucket::pieces(&plan.edges, &at), at }));
        self.times.insert(span.id, times.clone());
        Ok(times)
    }
}

/// Which of sorted times lie in `[from, to)`.
pub(super) fn within(at: &[i64], from: UnixMillis, to: UnixMillis) -> Range<usize> {
    at.partition_point(|at| *at < from.0)..at.partition_point(|at| *at < to.0)
}

/// For each span, sorted by start, whether none of another cut overlaps it.
fn alone(spans: &[Span]) -> Vec<bool> {
    let mut alone = vec![true; spans.len()];
    for (n, span) in spans.iter().enumerate() {
        for (m, other) in spans.iter().enumerate().skip(n + 1).take_while(|(_, other)| other.start <= span.end) {
            if other.cut != span.cut {
                alone[n] = false;
                alone[m] = false;
            }
        }
    }
    alone
}
