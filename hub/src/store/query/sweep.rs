//! All readings of a series in the order of time, to somebody who needs few of them ([`Takes`]).
//!
//! ```text
//!   blocks   [ figures say that it stays ] [ the same ] [ unpacked ] [ overlap ]
//!                                                              [ each other ]  head
//!            passed over                    given       given      settled, then given
//! ```
//!
//! The last block that would be passed over is kept until it is known whether the next one is: if that is unpacked, it is too.

use std::sync::RwLockReadGuard;

use super::line::ALWAYS;
use super::plan::Plan;
use super::share::{Share, columns};
use super::totals::{Aggregates, Asked};
use super::{Page, device_of, page, recent};
use crate::counter::Lead;
use crate::model::UnixMillis;
use crate::model::catalog::Catalog;
use crate::model::reading::SeriesId;
use crate::model::run::{Run, Takes};
use crate::store::Store;
use crate::store::engine::snapshot::{Column, Part, Snapshot};
use crate::store::error::Result;
use crate::store::memory::Memory;
use crate::store::pack::packed::Figures;
use crate::store::query::line::Around;
use crate::store::readers::Reader;
use crate::store::samples::{MEMORY, Sample, Wanted, rank_of_cut, settle};
use crate::store::span::Span;

/// Reads series on a thread that may wait for the disk.
#[derive(Clone, Copy)]
pub struct Sweeper<'a> {
    reader: &'a Reader,
    memory: &'a Memory,
}

impl Store {
    /// Runs `work` on a thread that may wait for the disk, as soon as a reader is free.
    ///
    /// # Errors
    /// `Busy` when too many read at once or it takes longer than 10 s; what `work` answers.
    pub async fn sweep<T: Send + 'static>(
        &self,
        work: impl FnOnce(Sweeper<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let memory = self.memory_shared();
        self.readers().run(move |reader| work(Sweeper { reader, memory: &memory })).await
    }
}

impl Sweeper<'_> {
    /// What exists: held no longer than it takes to look.
    pub fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        self.memory.catalog()
    }

    /// As [`Store::lead`].
    ///
    /// # Errors
    /// As that.
    pub fn lead(&self, series: SeriesId, at: UnixMillis) -> Result<Lead> {
        let device = device_of(self.memory, series)?;
        let asked = Asked { device, series: vec![series], places: vec![0] };
        // The range lasts to the end of time, so nothing is searched behind it.
        let wanted = Aggregates { increase: true, ..Aggregates::default() };
        let plan = Plan::new(vec![at, ALWAYS.1], wanted, None, MEMORY);
        // The head is read before the snapshot: readings that move in between are then seen twice, and never missed.
        let fresh = self.memory.head().copy(device, ALWAYS.0, at);
        let snapshot = self.reader.snapshot()?;
        let around = Around::of(&Share::new(self.reader, self.memory, &plan), &*snapshot, &asked, &fresh)?.pop();
        Ok(around.map_or_else(Lead::default, |around| Lead { before: around.before, is_begin: around.is_begin }))
    }

    /// As [`Store::readings`].
    ///
    /// # Errors
    /// As that.
    pub fn readings(&self, series: SeriesId, from: UnixMillis, to: UnixMillis, limit: usize) -> Result<Page> {
        let device = device_of(self.memory, series)?;
        let wanted = Wanted::new(&self.memory.catalog().sensor_numbers(device), &[series]);
        let fresh = self.memory.head().copy(device, from, to);
        if fresh.blocks_from(from) {
            let recent = recent(&fresh, (from, to), &wanted, false)?;
            page(self.reader, (device, series), (from, to), recent, limit)
        } else {
            Ok(Page::of(&recent(&fresh, (from, to), &wanted, true)?, limit))
        }
    }

    /// Gives the readings with `from <= at < to`, of several at one time that of the newest batch; `false` where `goes_on` said no
    /// before the end.
    ///
    /// # Errors
    /// As [`Store::readings`].
    pub fn give(
        &self,
        series: SeriesId,
        range: (UnixMillis, UnixMillis),
        taker: &mut dyn Takes,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<bool> {
        let device = device_of(self.memory, series)?;
        let wanted = Wanted::new(&self.memory.catalog().sensor_numbers(device), &[series]);
        // The head before the snapshot here as well.
        let fresh = self.memory.head().copy(device, range.0, range.1);
        let head = recent(&fresh, range, &wanted, true)?;
        if !fresh.blocks_from(range.0) {
            take(taker, &head);
            return Ok(true);
        }
        let snapshot = self.reader.snapshot()?;
        let spans = snapshot.spans(device, range)?;
        let has = snapshot.has_blocks(&spans, series)?;
        let spans: Vec<Span> = spans.into_iter().zip(has).filter(|(_, has)| *has).map(|(span, _)| span).collect();
        let mut giving = Giving { ask: &*snapshot, series, range, head: &head, mixed: Vec::new(), kept: None, taker };
        for (n, span) in spans.iter().enumerate() {
            self.reader.go_on()?;
            if !goes_on() {
                return Ok(false);
            }
            giving.span(span, spans.get(n + 1))?;
        }
        giving.finish()?;
        Ok(true)
    }
}

/// A series on its way to who takes it.
struct Giving<'a> {
    ask: &'a dyn Snapshot,
    series: SeriesId,
    range: (UnixMillis, UnixMillis),
    /// What is left of the head, settled.
    head: &'a [Sample],
    /// Readings of blocks that overlap something, not settled.
    mixed: Vec<Sample>,
    /// A block that would be passed over.
    kept: Option<(Span, Run)>,
    taker: &'a mut dyn Takes,
}

impl Giving<'_> {
    /// The next block, and the one behind it.
    fn span(&mut self, span: &Span, next: Option<&Span>) -> Result<()> {
        self.give_before(span.start)?;
        let (from, to) = self.range;
        let is_alone = self.mixed.is_empty()
            && from <= span.start
            && span.end < to
            && next.is_none_or(|next| next.start > span.end)
            && self.head.first().is_none_or(|sample| sample.at > span.end);
        if !is_alone {
            self.give_kept()?;
            let (rank, mut some) = (rank_of_cut(span.cut), Vec::new());
            self.values(span, |at, value| {
                let samples = at.iter().zip(value).map(|(&at, &value)| Sample { at: UnixMillis(at), rank, value });
                some.extend(samples);
            })?;
            self.mixed.append(&mut some);
            return Ok(());
        }
        if let Some(run) = self.passable(span)? {
            if let Some((_, before)) = self.kept.replace((*span, run)) {
                self.taker.pass(&before);
            }
            return Ok(());
        }
        self.give_kept()?;
        self.give(span)
    }

    /// A block as a run, if it would be passed over.
    fn passable(&self, span: &Span) -> Result<Option<Run>> {
        if !self.taker.may_pass() {
            return Ok(None);
        }
        let mut figures = None;
        self.ask.columns(self.series, &[(*span, Part::Figures)], &mut |_, column| {
            if let Column::Figures(found) = column {
                figures = Some(found);
            }
            Ok(())
        })?;
        let run = |figures: Figures<f64>| {
            let Figures { min, max, last, .. } = figures;
            Run { count: span.count, from: span.start, to: span.end, min, max, last }
        };
        Ok(figures.map(run).filter(|run| self.taker.stays(run)))
    }

    fn give_kept(&mut self) -> Result<()> {
        self.kept.take().map_or(Ok(()), |(span, _)| self.give(&span))
    }

    fn give(&mut self, span: &Span) -> Result<()> {
        let (mut times, mut column) = (Vec::new(), Vec::new());
        self.values(span, |at, value| {
            times.extend_from_slice(at);
            column.extend_from_slice(value);
        })?;
        self.taker.take_columns(&times, &column);
        Ok(())
    }

    /// Calls `with` for what of a block lies in the range.
    fn values(&self, span: &Span, mut with: impl FnMut(&[i64], &[f64])) -> Result<()> {
        let (from, to) = self.range;
        let part = if self.taker.wants_values() { Part::Values } else { Part::Figures };
        self.ask.columns(self.series, &[(*span, part)], &mut |_, column| {
            let Some(times) = self.ask.times(&[*span])?.pop().flatten() else { return Ok(()) };
            let values = match column {
                Column::Values(values) => values.plain(),
                Column::Figures(figures) => vec![figures.last; times.len()],
            };
            let within = times.partition_point(|at| *at < from.0)..times.partition_point(|at| *at < to.0);
            with(times.get(within.clone()).unwrap_or_default(), values.get(within).unwrap_or_default());
            Ok(())
        })
    }

    /// Gives what lies before a moment: nothing is to come there any more.
    fn give_before(&mut self, moment: UnixMillis) -> Result<()> {
        let (before, after) = self.head.split_at(self.head.partition_point(|sample| sample.at < moment));
        if before.is_empty() && self.mixed.is_empty() {
            return Ok(());
        }
        self.head = after;
        self.mixed.extend_from_slice(before);
        settle(&mut self.mixed);
        let rest = self.mixed.split_off(self.mixed.partition_point(|sample| sample.at < moment));
        let complete = std::mem::replace(&mut self.mixed, rest);
        if !complete.is_empty() {
            self.give_kept()?;
            take(self.taker, &complete);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.give_before(UnixMillis(i64::MAX))?;
        if let Some((_, run)) = self.kept {
            self.taker.pass(&run);
        }
        Ok(())
    }
}

fn take(taker: &mut dyn Takes, samples: &[Sample]) {
    let (at, value) = columns(samples);
    taker.take_columns(&at, &value);
}
