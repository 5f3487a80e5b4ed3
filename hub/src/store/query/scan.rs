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

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;

use rusqlite::Connection;

use super::aggregate::{Asked, Totals};
use super::around::{ALWAYS, Around, merged};
use super::found::{Found, within};
use super::plan::Plan;
use super::rollups::Rollups;
use crate::model::UnixMillis;
use crate::model::reading::{Point, SeriesId};
use crate::store::block::{self, Span};
use crate::store::error::{Error, Result};
use crate::store::file::readers::Reader;
use crate::store::head::fresh::Fresh;
use crate::store::head::tally::{Pending, Tally};
use crate::store::memory::Memory;
use crate::store::pack::bucket::{self, Bucket};
use crate::store::pack::cells::{Cells, Scratch};
use crate::store::pack::packed::Values;
use crate::store::query::{AT_ONCE, BLOCKS_AT_ONCE};
use crate::store::rollup::again::Hour;
use crate::store::rollup::rolled;
use crate::store::rollup::{self, HOURS, MINUTES, Tier};
use crate::store::samples::{self, MEMORY, Sample, Wanted, settle};

/// Devices whose heads are copied before one snapshot: some hundred kilobytes.
const TOGETHER: usize = 32;

/// Whether a query asks for so little that it is done in a fraction of a millisecond.
pub(in crate::store) fn is_short(conn: &Connection, memory: &Memory, plan: &Plan, devices: &[Asked]) -> Result<bool> {
    let [Asked { device, series, .. }] = devices else { return Ok(false) };
    let (from, to) = plan.range();
    let most = BLOCKS_AT_ONCE / series.len().max(1);
    Ok(memory.head().bytes_of(*device) <= AT_ONCE
        && block::count_spans(conn, *device, (from, to), most + 1)? <= most
        && rolled::of(conn, *device)?.to.is_none_or(|end| end <= from))
}

/// One reader's share.
pub(in crate::store) struct Share<'a> {
    pub(super) reader: &'a Reader,
    pub(super) memory: &'a Memory,
    pub(super) plan: &'a Plan,
    tier: Cell<Tier>,
    cut: bool,
    scratch: Scratch,
}

impl<'a> Share<'a> {
    pub(in crate::store) fn new(reader: &'a Reader, memory: &'a Memory, plan: &'a Plan) -> Self {
        Self { reader, memory, plan, tier: Cell::new(Tier::Raw), cut: false, scratch: Scratch::default() }
    }

    /// The coarsest thing that was used.
    pub(in crate::store) const fn tier(&self) -> Tier {
        self.tier.get()
    }

    /// Whether an edge cut a rollup.
    pub(in crate::store) const fn cut(&self) -> bool {
        self.cut
    }

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
        let snapshot = self.reader.conn()?.unchecked_transaction()?;
        // Asked once: mostly nobody has.
        let rolled = rolled::any_from(&snapshot, from)?;
        for (asked, tally, has_blocks) in ready {
            self.reader.go_on()?;
            let rolled = rolled && rolled::of(&snapshot, asked.device)?.to.is_some_and(|end| end > from);
            if rolled || !self.by_cells(&snapshot, asked, &tally, has_blocks, totals, with)? {
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
        conn: &Connection,
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
            let Some(apart) = block::apart(conn, asked.device, (from, to))? else { return Ok(false) };
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
            for outline in &blocks {
                let scratch = &mut self.scratch;
                let added = block::with_cells(conn, outline.id, |cells| {
                    let cells = Cells::open(cells, outline.id, (outline.start, outline.end))?;
                    cells.add(*series, edges, &mut totals.buckets, wanted.min || wanted.max, scratch)
                });
                match added {
                    Ok(Some(true)) => continue,
                    Ok(_) => {}
                    // The readings may still be whole.
                    Err(Error::Corrupt { .. }) => {
                        tracing::warn!(times = outline.id, "the cells of {} are damaged and not used", outline.id);
                    }
                    Err(other) => return Err(other),
                }
                if found.is_none() {
                    found = Some(Found::of(conn, asked.device, self.plan)?);
                }
                if let Some(found) = &mut found
                    && let Some(n) = found.spans.iter().position(|span| span.id == outline.id)
                {
                    self.block(found, n, *series, totals)?;
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
        let snapshot = self.reader.conn()?.unchecked_transaction()?;
        let rollups = OnceCell::new();
        for (asked, fresh) in devices.iter().zip(heads) {
            self.device(&snapshot, &rollups, asked, &fresh, totals, with)?;
        }
        Ok(())
    }

    fn device(
        &mut self,
        conn: &Connection,
        rollups: &OnceCell<Rollups>,
        asked: &Asked,
        fresh: &Fresh,
        totals: &mut Totals,
        with: &mut impl FnMut(usize, &mut Totals) -> Result<()>,
    ) -> Result<()> {
        let (from, _) = self.plan.range();
        let recent = self.recent(asked, fresh)?;
        let mut found = if fresh.blocks_from(from) { Some(Found::of(conn, asked.device, self.plan)?) } else { None };
        let mut around = if self.plan.wanted.line() { Around::of(self, conn, asked, fresh)? } else { Vec::new() };
        for (n, ((series, place), mut recent)) in asked.series.iter().zip(&asked.places).zip(recent).enumerate() {
            self.reader.go_on()?;
            totals.clear();
            let (mut rolled, mut cut) = (Vec::new(), false);
            if let Some(found) = &mut found {
                self.rolled(found, rollups, *series, &mut recent, |bucket, knots| {
                    cut |= totals.add_rolled(&self.plan.edges, bucket);
                    rolled.extend(points(bucket, knots));
                })?;
                // A line is cut wherever an edge lies.
                self.cut |= cut && self.plan.wanted.sums();
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

    /// Calls `with` for what stands in rollups of a series; of `recent` what is left counts beside it.
    fn rolled(
        &self,
        found: &mut Found<'_>,
        rollups: &OnceCell<Rollups>,
        series: SeriesId,
        recent: &mut Vec<Sample>,
        with: impl FnMut(&Bucket, &[Point]),
    ) -> Result<()> {
        let (conn, (from, _)) = (found.conn, self.plan.range());
        if found.rolled.to.is_none_or(|end| end <= from) {
            return Ok(());
        }
        if rollups.get().is_none() {
            // Nobody else can have filled it meanwhile.
            let _ = rollups.set(Rollups::of(conn, self.plan)?);
        }
        if let Some(rollups) = rollups.get() {
            let hours = self.behind_the_fold(found, rollups, series, recent)?;
            let tier = rollups.each(conn, series, found.rolled, &hours, self.plan, with)?;
            self.tier.set(self.tier.get().max(tier));
        }
        Ok(())
    }

    /// All there is to know of a series in the range, in the order of time.
    pub(super) fn points(
        &self,
        found: &mut Found<'_>,
        rollups: &OnceCell<Rollups>,
        series: SeriesId,
        mut recent: Vec<Sample>,
    ) -> Result<Vec<Point>> {
        let mut rolled = Vec::new();
        self.rolled(found, rollups, series, &mut recent, |bucket, knots| rolled.extend(points(bucket, knots)))?;
        let (at, value) = self.gather(Some(found), series, recent)?;
        let raw = at.into_iter().zip(value).map(|(at, value)| Point { at: UnixMillis(at), value });
        Ok(merged(raw.chain(rolled).collect()))
    }

    /// What the head has of the series, settled.
    fn recent(&self, asked: &Asked, fresh: &Fresh) -> Result<Vec<Vec<Sample>>> {
        let wanted = Wanted::new(&self.memory.catalog().sensor_numbers(asked.device), &asked.series);
        let mut recent = samples::of_head(fresh, self.plan.range(), &wanted, asked.series.len(), self.plan.memory)?;
        recent.iter_mut().for_each(settle);
        Ok(recent)
    }

    /// Moves the readings of a series that lie where it has rollups from their blocks to those of the head, and has each
    /// count once: what is left there counts beside the figures of the hours that are returned, and those that are not.
    fn behind_the_fold(
        &self,
        found: &mut Found<'_>,
        rollups: &Rollups,
        series: SeriesId,
        recent: &mut Vec<Sample>,
    ) -> Result<BTreeMap<i64, Hour>> {
        let conn = found.conn;
        found.taken.fill(false);
        let (from, end) = self.plan.range();
        let to = found.rolled.to.unwrap_or(from).min(end);
        let behind = recent.iter().take_while(|sample| sample.at < to).map(|sample| (sample.at, sample.at));
        let in_blocks = found.spans.iter().filter(|span| span.start < to).map(|span| (span.start, span.end));
        let reach = in_blocks.chain(behind).reduce(|(from, to), (start, end)| (from.min(start), to.max(end)));
        let mut hours = BTreeMap::new();
        let Some((first, last)) = reach.map(|(first, last)| (first.max(from), UnixMillis(last.0.min(to.0 - 1)))) else {
            return Ok(hours);
        };
        let mut figures = rollup::Rolled::new();
        HOURS.read(conn, series, (HOURS.start(first.0), last.0 + 1), &rollups.hours, |start, hour, _| {
            figures.insert(start, *hour);
        })?;
        for n in 0..found.spans.len() {
            let Some(Span { start, end, .. }) = found.spans.get(n).copied().filter(|span| span.start < to) else {
                continue;
            };
            if figures.range(HOURS.start(start.0)..=end.0).next().is_some() {
                self.within_memory(recent.len())?;
                recent.extend(found.samples(n, series, self.plan)?);
                found.taken[n] = true;
            }
        }
        settle(recent);
        let mut counted = Vec::with_capacity(recent.len());
        for of_hour in recent.chunk_by(|one, next| HOURS.start(one.at.0) == HOURS.start(next.at.0)) {
            let Some(start) = of_hour.first().map(|sample| HOURS.start(sample.at.0)) else { continue };
            let Some(whole) = figures.remove(&start).filter(|_| start < to.0) else {
                counted.extend_from_slice(of_hour);
                continue;
            };
            let mut minutes = rollup::Rolled::new();
            if found.rolled.minutes_from.is_none_or(|from| from.0 <= start) {
                MINUTES.read_within(conn, series, (start, start + HOURS.bucket), |start, minute, _| {
                    minutes.insert(start, *minute);
                })?;
            }
            // What has readings before the range is in no answer: neither does it stand for anything.
            let begins_before = |rolled: &Bucket| rolled.first.at < from;
            let whole_from = match minutes.get(&MINUTES.start(from.0)) {
                Some(minute) if begins_before(minute) => MINUTES.start(from.0) + MINUTES.bucket,
                None if minutes.is_empty() && begins_before(&whole) => start + HOURS.bucket,
                Some(_) | None => start,
            };
            let cut = of_hour.partition_point(|sample| sample.at.0 < whole_from);
            counted.extend_from_slice(&of_hour[..cut]);
            let (mut hour, mut raw) = (Hour { whole, minutes }, of_hour[cut..].to_vec());
            hour.settle(&mut raw);
            counted.append(&mut raw);
            hours.insert(start, hour);
        }
        *recent = counted;
        Ok(hours)
    }

    fn within_memory(&self, readings: usize) -> Result<()> {
        // Sixteen bytes here and eight by bucket.
        if readings * 24 > self.plan.memory { Err(Error::TooLarge { most: MEMORY }) } else { Ok(()) }
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
            let mut mixed = Vec::new();
            for n in 0..found.spans.len() {
                if found.is_taken(n) {
                    continue;
                }
                if found.is_alone(n, &recent) {
                    self.block(found, n, series, totals)?;
                } else {
                    mixed.extend(found.samples(n, series, self.plan)?);
                }
            }
            if !mixed.is_empty() {
                recent.extend(mixed);
                settle(&mut recent);
            }
        }
        let (at, value) = columns(&recent);
        bucket::add_column(&mut totals.buckets, &bucket::pieces(&self.plan.edges, &at), &at, &Values::Plain(value));
        Ok(())
    }

    /// Adds a block that nothing overlaps.
    fn block(&self, found: &mut Found<'_>, n: usize, series: SeriesId, totals: &mut Totals) -> Result<()> {
        let edges = &self.plan.edges;
        let Some(span) = found.spans.get(n).copied() else { return Ok(()) };
        if let Some(bucket) = bucket::around(edges, span.start, span.end) {
            let figures = block::figures(found.conn, &span, series)?;
            if let (Some(figures), Some(bucket)) = (figures, totals.buckets.get_mut(bucket)) {
                bucket.add_figures(span.count as u64, (span.start, span.end), &figures);
            }
            return Ok(());
        }
        let Some(values) = block::values(found.conn, &span, series)? else { return Ok(()) };
        let Some(times) = found.times(&span, self.plan)? else { return Ok(()) };
        bucket::add_column(&mut totals.buckets, &times.pieces, &times.at, &values);
        Ok(())
    }

    /// Every reading of a series in the range, in order.
    fn gather(
        &self,
        found: Option<&mut Found<'_>>,
        series: SeriesId,
        mut recent: Vec<Sample>,
    ) -> Result<(Vec<i64>, Vec<f64>)> {
        let Some(found) = found else { return Ok(columns(&recent)) };
        let (from, to) = self.plan.range();
        let (mut at, mut value) = (Vec::new(), Vec::new());
        for n in 0..found.spans.len() {
            self.within_memory(at.len() + recent.len())?;
            if found.is_taken(n) {
                continue;
            }
            if !found.is_alone(n, &recent) {
                recent.extend(found.samples(n, series, self.plan)?);
                continue;
            }
            let Some(span) = found.spans.get(n).copied() else { continue };
            let Some(values) = block::values(found.conn, &span, series)? else { continue };
            let Some(times) = found.times(&span, self.plan)? else { continue };
            let some = within(&times.at, from, to);
            value.extend_from_slice(values.plain().get(some.clone()).unwrap_or_default());
            at.extend_from_slice(times.at.get(some).unwrap_or_default());
        }
        if recent.is_empty() {
            return Ok((at, value));
        }
        // Blocks that are alone share no moment with what is mixed: their rank does not matter.
        let blocks = at.into_iter().zip(value).map(|(at, value)| Sample { at: UnixMillis(at), rank: 0, value });
        recent.splice(0..0, blocks);
        settle(&mut recent);
        Ok(columns(&recent))
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

/// What a machine has to see of a bucket of rollups.
fn points<'a>(bucket: &Bucket, knots: &'a [Point]) -> impl Iterator<Item = Point> + use<'a> {
    let [first, last] = [bucket.first, bucket.last];
    let between = knots.iter().copied().filter(move |knot| first.at < knot.at && knot.at < last.at);
    [first].into_iter().chain(between).chain((first.at < last.at).then_some(last))
}

fn columns(samples: &[Sample]) -> (Vec<i64>, Vec<f64>) {
    samples.iter().map(|sample| (sample.at.0, sample.value)).unzip()
}
