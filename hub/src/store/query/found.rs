//! Where the readings of a device are that a query asks for: its blocks, of which times are unpacked once for all series.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use rusqlite::Connection;

use super::plan::Plan;
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::store::error::Result;
use crate::store::pack::bucket::{self, Piece};
use crate::store::samples::{Sample, rank_of_cut};
use crate::store::span::Span;
use crate::store::sqlite::blocks;
use crate::store::sqlite::rolled::{self, Rolled};

/// Where a device's readings are.
pub(super) struct Found<'a> {
    pub(super) conn: &'a Connection,
    /// Blocks, and whether nothing overlaps them.
    pub(super) spans: Vec<Span>,
    alone: Vec<bool>,
    /// Marks the spans whose readings were already moved into `recent` for the current series; reset for each series.
    pub(super) taken: Vec<bool>,
    times: HashMap<i64, Option<Rc<Times>>>,
    /// Where it has rollups besides.
    pub(super) rolled: Rolled,
}

/// Times of a block, shared by the series that were sampled together.
pub(super) struct Times {
    pub(super) at: Vec<i64>,
    pub(super) pieces: Vec<Piece>,
}

impl<'a> Found<'a> {
    pub(super) fn of(conn: &'a Connection, device: DeviceNo, plan: &Plan) -> Result<Self> {
        let rolled = rolled::of(conn, device)?;
        let spans = blocks::spans(conn, device, plan.range())?;
        let alone = alone(&spans);
        let taken = vec![false; spans.len()];
        Ok(Self { conn, spans, alone, taken, times: HashMap::new(), rolled })
    }

    pub(super) fn is_taken(&self, n: usize) -> bool {
        self.taken.get(n).copied().unwrap_or_default()
    }

    /// Whether nothing else has readings of a series in the time of a block.
    pub(super) fn is_alone(&self, n: usize, recent: &[Sample]) -> bool {
        let (Some(span), Some(true)) = (self.spans.get(n), self.alone.get(n)) else { return false };
        let next = recent.partition_point(|sample| sample.at < span.start);
        recent.get(next).is_none_or(|sample| sample.at > span.end)
    }

    /// The readings of a block, to be settled with others.
    pub(super) fn samples(&mut self, n: usize, series: SeriesId, plan: &Plan) -> Result<Vec<Sample>> {
        let Some(span) = self.spans.get(n).copied() else { return Ok(Vec::new()) };
        let Some(values) = blocks::values(self.conn, &span, series)? else { return Ok(Vec::new()) };
        let Some(times) = self.times(&span, plan)? else { return Ok(Vec::new()) };
        let (rank, (from, to)) = (rank_of_cut(span.cut), plan.range());
        let inside = within(&times.at, from, to);
        let values = values.plain();
        let points =
            times.at.get(inside.clone()).unwrap_or_default().iter().zip(values.get(inside).unwrap_or_default());
        Ok(points.map(|(&at, &value)| Sample { at: UnixMillis(at), rank, value }).collect())
    }

    /// Times of a block, unpacked once.
    pub(super) fn times(&mut self, span: &Span, plan: &Plan) -> Result<Option<Rc<Times>>> {
        if let Some(known) = self.times.get(&span.id) {
            return Ok(known.clone());
        }
        let times = blocks::times(self.conn, span)?;
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
