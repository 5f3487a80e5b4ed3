//! What one reader does of a query: the figures of some devices' series, from wherever their readings are.
//!
//! ```text
//!   bucket edges   |           |           |           |
//!   blocks          [ cells  ]   [ unpacked ]  [figures]
//!   head                                          · · · ·      decoded
//! ```
//!
//! A block that nothing overlaps is taken by its figures where it lies in one bucket, by its cells where all edges are
//! edges of cells, and is unpacked where an edge cuts it. Blocks that overlap others or the head are unpacked and settled
//! reading by reading; so are all when percentiles, increases or rates are asked for, and what lies where there are rollups already:
//! it may have come again (`again`).

use std::cell::OnceCell;

use super::found::Found;
use super::line::{ALWAYS, Around};
use super::plan::Plan;
use super::rollups::Rollups;
use super::share::{Share, columns, points};
use super::totals::{Asked, Totals};
use crate::model::reading::SeriesId;
use crate::store::engine::snapshot::{Column, Part, Snapshot};
use crate::store::error::{Error, Result};
use crate::store::head::fresh::Fresh;
use crate::store::head::tally::{Pending, Tally};
use crate::store::memory::Memory;
use crate::store::pack::bucket;
use crate::store::pack::cells::Cells;
use crate::store::pack::packed::Values;
use crate::store::query::{AT_ONCE, BLOCKS_AT_ONCE};
use crate::store::samples::{self, Sample, Wanted, settle};
use crate::store::span::{Span, apart};

/// Devices whose heads are copied before one snapshot: some hundred kilobytes.
const TOGETHER: usize = 32;

/// Whether a query asks for so little that it is done in a fraction of a millisecond.
pub(in crate::store) fn is_short(ask: &dyn Snapshot, memory: &Memory, plan: &Plan, devices: &[Asked]) -> Result<bool> {
    let [Asked { device, series, .. }] = devices else { return Ok(false) };
    let (from, to) = plan.range();
    let most = BLOCKS_AT_ONCE / series.len().max(1);
    Ok(memory.head().bytes_of(*device) <= AT_ONCE
        && ask.count_spans(*device, (from, to), most + 1)? <= most
        && ask.rolled(*device)?.to.is_none_or(|end| end <= from))
}

impl Share<'_> {
    /// Calls `with` for each series of the devices: its place, and its figures.
    pub(in crate::store) fn run(
        &mut self,
        devices: &[Asked],
        mut with: impl FnMut(usize, &mut Totals) -> Result<()>,
    ) -> Result<()> {
        let mut totals = self.plan.totals();
        for some in devices.chunks(TOGETHER) {
            if self.plan.by_cells {
                let left = self.by_tally(some, &mut totals, &mut with)?;
                self.by_reading(&left, &mut totals, &mut with)?;
            } else {
                self.by_reading(&some.iter().collect::<Vec<_>>(), &mut totals, &mut with)?;
            }
        }
        Ok(())
    }

    /// Does what can be done without decoding the head again; returns the devices that are left.
    fn by_tally<'d>(
        &mut self,
        devices: &'d [Asked],
        totals: &mut Totals,
        with: &mut impl FnMut(usize, &mut Totals) -> Result<()>,
    ) -> Result<Vec<&'d Asked>> {
        let (from, _) = self.plan.range();
        let Memory { tallies, .. } = self.memory;
        // The head before the snapshot: what moves between is seen twice, not never.
        let pending: Vec<Pending> = {
            let head = self.memory.head();
            devices.iter().map(|asked| tallies.take(&head, asked.device)).collect()
        };
        let mut ready = Vec::with_capacity(devices.len());
        for (asked, pending) in devices.iter().zip(pending) {
            let has_blocks = pending.blocks_from(from);
            let tally = pending.complete(&self.memory.catalog().sensor_numbers(asked.device));
            ready.push((asked, tally, has_blocks));
        }
        let mut left = Vec::new();
        let snapshot = self.reader.snapshot()?;
        // Asked once for all devices: mostly none has rollups there.
        let rolled = snapshot.has_rollups_from(from)?;
        for (asked, tally, has_blocks) in ready {
            self.reader.go_on()?;
            let rolled = rolled && snapshot.rolled(asked.device)?.to.is_some_and(|end| end > from);
            if rolled || !self.by_cells(&*snapshot, asked, &tally, has_blocks, totals, with)? {
                left.push(asked);
            }
            if tally.is_worth() {
                tallies.put(asked.device, tally);
            }
        }
        Ok(left)
    }

    /// Adds a device by its tally and its blocks' cells; `false`, with nothing handed on, where readings overlap.
    fn by_cells(
        &mut self,
        ask: &dyn Snapshot,
        asked: &Asked,
        tally: &Tally,
        has_blocks: bool,
        totals: &mut Totals,
        with: &mut impl FnMut(usize, &mut Totals) -> Result<()>,
    ) -> Result<bool> {
        let Plan { edges, wanted, .. } = self.plan;
        let (from, to) = self.plan.range();
        let mut blocks = Vec::new();
        if has_blocks {
            let Some(apart) = apart(ask.outlines(asked.device, (from, to))?) else { return Ok(false) };
            blocks = apart;
        }
        if !asked.series.iter().all(|series| tally.is_apart(*series, &blocks)) {
            return Ok(false);
        }
        // Only for blocks that have no cells.
        let mut found = None;
        for (series, place) in asked.series.iter().zip(&asked.places) {
            totals.clear();
            tally.add_to(*series, edges, &mut totals.buckets);
            let (scratch, mut left) = (&mut self.scratch, Vec::new());
            ask.cells(&blocks, &mut |n, cells| {
                let Some(outline) = blocks.get(n) else { return Ok(()) };
                let added = (!cells.is_empty()).then(|| {
                    let cells = Cells::open(cells, outline.id, (outline.start, outline.end))?;
                    cells.add(*series, edges, &mut totals.buckets, wanted.min || wanted.max, scratch)
                });
                match added {
                    Some(Ok(true)) => {}
                    Some(Ok(false)) | None => left.push(outline.id),
                    // Only the cells are damaged: the readings of the block may still be whole.
                    Some(Err(Error::Corrupt { .. })) => {
                        tracing::warn!(times = outline.id, "the cells of {} are damaged and not used", outline.id);
                        left.push(outline.id);
                    }
                    Some(Err(other)) => return Err(other),
                }
                Ok(())
            })?;
            if !left.is_empty() {
                if found.is_none() {
                    found = Some(Found::of(ask, asked.device, self.plan)?);
                }
                if let Some(found) = &mut found {
                    let spans = found.spans.iter().enumerate();
                    let places: Vec<usize> =
                        spans.filter(|(_, span)| left.contains(&span.id)).map(|(n, _)| n).collect();
                    self.blocks(found, &places, *series, totals)?;
                }
            }
            with(*place, totals)?;
        }
        Ok(true)
    }

    /// Decodes the head, and settles it with what it overlaps.
    fn by_reading(
        &mut self,
        devices: &[&Asked],
        totals: &mut Totals,
        with: &mut impl FnMut(usize, &mut Totals) -> Result<()>,
    ) -> Result<()> {
        let (from, to) = self.plan.range();
        // A line also asks for what is beside the range.
        let (from, to) = if self.plan.wanted.line() { ALWAYS } else { (from, to) };
        // The head before the snapshot here as well.
        let heads: Vec<Fresh> = {
            let head = self.memory.head();
            devices.iter().map(|asked| head.copy(asked.device, from, to)).collect()
        };
        if devices.is_empty() {
            return Ok(());
        }
        let snapshot = self.reader.snapshot()?;
        let rollups = OnceCell::new();
        for (asked, fresh) in devices.iter().zip(heads) {
            self.device(&*snapshot, &rollups, asked, &fresh, totals, with)?;
        }
        Ok(())
    }

    fn device(
        &mut self,
        ask: &dyn Snapshot,
        rollups: &OnceCell<Rollups>,
        asked: &Asked,
        fresh: &Fresh,
        totals: &mut Totals,
        with: &mut impl FnMut(usize, &mut Totals) -> Result<()>,
    ) -> Result<()> {
        let (from, _) = self.plan.range();
        let recent = self.recent(asked, fresh)?;
        let mut found = if fresh.blocks_from(from) { Some(Found::of(ask, asked.device, self.plan)?) } else { None };
        let mut around = if self.plan.wanted.line() { Around::of(self, ask, asked, fresh)? } else { Vec::new() };
        for (n, ((series, place), mut recent)) in asked.series.iter().zip(&asked.places).zip(recent).enumerate() {
            self.reader.go_on()?;
            totals.clear();
            let (mut rolled, mut cut) = (Vec::new(), false);
            if let Some(found) = &mut found {
                self.rolled(found, rollups, *series, &mut recent, |bucket, knots| {
                    cut |= totals.add_rolled(&self.plan.edges, bucket);
                    rolled.extend(points(bucket, knots));
                })?;
                // Sums count a cut rollup as a whole, and a line goes straight through it: neither is exact.
                self.cut |= cut;
            }
            if self.plan.wanted.exact() {
                let column = self.gather(found.as_mut(), *series, recent)?;
                if let Some(around) = around.get_mut(n) {
                    totals.set_line(&around.line(self.plan, &rolled, &column));
                }
                self.exactly(column, totals);
            } else {
                self.quickly(found.as_mut(), *series, recent, totals)?;
            }
            with(*place, totals)?;
        }
        Ok(())
    }

    /// The readings of the series in the head, settled.
    fn recent(&self, asked: &Asked, fresh: &Fresh) -> Result<Vec<Vec<Sample>>> {
        let wanted = Wanted::new(&self.memory.catalog().sensor_numbers(asked.device), &asked.series);
        let mut recent = samples::of_head(fresh, self.plan.range(), &wanted, asked.series.len(), self.plan.memory)?;
        recent.iter_mut().for_each(settle);
        Ok(recent)
    }

    /// Adds a series without looking at every reading, where that is possible.
    fn quickly(
        &self,
        found: Option<&mut Found<'_>>,
        series: SeriesId,
        mut recent: Vec<Sample>,
        totals: &mut Totals,
    ) -> Result<()> {
        if let Some(found) = found {
            let (alone, mixed) = found.places(&recent);
            self.blocks(found, &alone, series, totals)?;
            let mixed = found.samples(&mixed, series, self.plan, |_| Ok(()))?;
            if !mixed.is_empty() {
                recent.extend(mixed);
                settle(&mut recent);
            }
        }
        let (at, value) = columns(&recent);
        bucket::add_column(&mut totals.buckets, &bucket::pieces(&self.plan.edges, &at), &at, &Values::Plain(value));
        Ok(())
    }

    /// Adds blocks that nothing overlaps.
    fn blocks(&self, found: &mut Found<'_>, places: &[usize], series: SeriesId, totals: &mut Totals) -> Result<()> {
        let edges = &self.plan.edges;
        let bucket_of = |span: &Span| bucket::around(edges, span.start, span.end);
        let part = |span: &Span| if bucket_of(span).is_some() { Part::Figures } else { Part::Values };
        found.columns(places, series, part, |found, span, column| {
            match column {
                Column::Figures(figures) => {
                    let bucket = bucket_of(span).and_then(|bucket| totals.buckets.get_mut(bucket));
                    if let Some(bucket) = bucket {
                        bucket.add_figures(span.count as u64, (span.start, span.end), &figures);
                    }
                }
                Column::Values(values) => {
                    let Some(times) = found.times(span, self.plan)? else { return Ok(()) };
                    bucket::add_column(&mut totals.buckets, &times.pieces, &times.at, &values);
                }
            }
            Ok(())
        })
    }

    /// Adds readings in order, with percentiles.
    fn exactly(&self, (at, value): (Vec<i64>, Vec<f64>), totals: &mut Totals) {
        let edges = &self.plan.edges;
        let pieces = bucket::pieces(edges, &at);
        for (bucket, range) in &pieces {
            if let (Some(values), Some(some)) = (totals.values.get_mut(*bucket), value.get(range.clone())) {
                values.extend_from_slice(some);
            }
        }
        bucket::add_column(&mut totals.buckets, &pieces, &at, &Values::Plain(value));
    }
}
