//! One reader's share of a query, and what it reads of a series: blocks, rollups, and what of them counts.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;

use super::found::{Found, within};
use super::line::merged;
use super::plan::Plan;
use super::rollups::Rollups;
use crate::model::UnixMillis;
use crate::model::reading::{Point, SeriesId};
use crate::store::engine::snapshot::{Column, Part};
use crate::store::error::{Error, Result};
use crate::store::memory::Memory;
use crate::store::pack::bucket::Bucket;
use crate::store::pack::cells::Scratch;
use crate::store::pack::rollup::Rolled;
use crate::store::readers::Reader;
use crate::store::rollup::again::Hour;
use crate::store::rollup::{read, read_within};
use crate::store::samples::{MEMORY, Sample, settle};
use crate::store::span::Span;
use crate::store::tier::{HOURS, MINUTES, Tier};

/// One reader's share.
pub(in crate::store) struct Share<'a> {
    pub(super) reader: &'a Reader,
    pub(super) memory: &'a Memory,
    pub(super) plan: &'a Plan,
    pub(super) tier: Cell<Tier>,
    pub(super) cut: bool,
    pub(super) scratch: Scratch,
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

    /// Calls `with` for the rollups of a series. Readings that stay in `recent` count beside them.
    pub(super) fn rolled(
        &self,
        found: &mut Found<'_>,
        rollups: &OnceCell<Rollups>,
        series: SeriesId,
        recent: &mut Vec<Sample>,
        with: impl FnMut(&Bucket, &[Point]),
    ) -> Result<()> {
        let (ask, (from, _)) = (found.ask, self.plan.range());
        if found.rolled.to.is_none_or(|end| end <= from) {
            return Ok(());
        }
        if rollups.get().is_none() {
            // The cell belongs to this thread alone, so it is still empty.
            let _ = rollups.set(Rollups::of(ask, self.plan)?);
        }
        if let Some(rollups) = rollups.get() {
            let hours = self.merge_with_rollups(found, rollups, series, recent)?;
            let tier = rollups.each(ask, series, found.rolled, &hours, self.plan, with)?;
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

    /// Where a series has rollups, some raw readings may already be inside their figures (sent again after the fold). Collects the
    /// raw readings of that range into `recent`, sees to it that each reading counts once (as raw or within the figures), and
    /// returns the figures of those hours as they then count.
    fn merge_with_rollups(
        &self,
        found: &mut Found<'_>,
        rollups: &Rollups,
        series: SeriesId,
        recent: &mut Vec<Sample>,
    ) -> Result<BTreeMap<i64, Hour>> {
        let ask = found.ask;
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
        let mut figures = Rolled::new();
        read(ask, HOURS, series, (HOURS.start(first.0), last.0 + 1), &rollups.hours, |start, hour, _| {
            figures.insert(start, *hour);
        })?;
        let has_figures = |span: &Span| figures.range(HOURS.start(span.start.0)..=span.end.0).next().is_some();
        let behind = found.spans.iter().enumerate().filter(|(_, span)| span.start < to && has_figures(span));
        let places: Vec<usize> = behind.map(|(n, _)| n).collect();
        let held = recent.len();
        recent.extend(found.samples(&places, series, self.plan, |more| self.within_memory(held + more))?);
        for n in places {
            found.taken[n] = true;
        }
        settle(recent);
        let mut counted = Vec::with_capacity(recent.len());
        for of_hour in recent.chunk_by(|one, next| HOURS.start(one.at.0) == HOURS.start(next.at.0)) {
            let Some(start) = of_hour.first().map(|sample| HOURS.start(sample.at.0)) else { continue };
            let Some(whole) = figures.remove(&start).filter(|_| start < to.0) else {
                counted.extend_from_slice(of_hour);
                continue;
            };
            let mut minutes = Rolled::new();
            if found.rolled.minutes_from.is_none_or(|from| from.0 <= start) {
                read_within(ask, MINUTES, series, (start, start + HOURS.bucket), |start, minute, _| {
                    minutes.insert(start, *minute);
                })?;
            }
            let whole_from = figures_count_from(from, start, &whole, &minutes);
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
        // A reading takes sixteen bytes in its column, and eight more among the values of its bucket.
        if readings * 24 > self.plan.memory { Err(Error::TooLarge { most: MEMORY }) } else { Ok(()) }
    }

    /// Every reading of a series in the range, in order.
    pub(super) fn gather(
        &self,
        found: Option<&mut Found<'_>>,
        series: SeriesId,
        mut recent: Vec<Sample>,
    ) -> Result<(Vec<i64>, Vec<f64>)> {
        let Some(found) = found else { return Ok(columns(&recent)) };
        let (from, to) = self.plan.range();
        let (mut at, mut value) = (Vec::new(), Vec::new());
        let (alone, mixed) = found.places(&recent);
        let held = recent.len();
        recent.extend(found.samples(&mixed, series, self.plan, |more| self.within_memory(held + more))?);
        found.columns(
            &alone,
            series,
            |_| Part::Values,
            |found, span, column| {
                self.within_memory(at.len() + recent.len())?;
                let Column::Values(values) = column else { return Ok(()) };
                let Some(times) = found.times(span, self.plan)? else { return Ok(()) };
                let some = within(&times.at, from, to);
                value.extend_from_slice(values.plain().get(some.clone()).unwrap_or_default());
                at.extend_from_slice(times.at.get(some).unwrap_or_default());
                Ok(())
            },
        )?;
        if recent.is_empty() {
            return Ok((at, value));
        }
        // Blocks that are alone share no moment with what is mixed: their rank does not matter.
        let blocks = at.into_iter().zip(value).map(|(at, value)| Sample { at: UnixMillis(at), rank: 0, value });
        recent.splice(0..0, blocks);
        settle(&mut recent);
        Ok(columns(&recent))
    }
}

/// What a machine has to see of a bucket of rollups.
pub(super) fn points<'a>(bucket: &Bucket, knots: &'a [Point]) -> impl Iterator<Item = Point> + use<'a> {
    let [first, last] = [bucket.first, bucket.last];
    let between = knots.iter().copied().filter(move |knot| first.at < knot.at && knot.at < last.at);
    [first].into_iter().chain(between).chain((first.at < last.at).then_some(last))
}

pub(super) fn columns(samples: &[Sample]) -> (Vec<i64>, Vec<f64>) {
    samples.iter().map(|sample| (sample.at.0, sample.value)).unzip()
}

/// From when on the figures of an hour, which begins at `start`, count in an answer that begins at `from`. Figures with readings
/// before the range are in no answer, and so stand for no reading either.
fn figures_count_from(from: UnixMillis, start: i64, whole: &Bucket, minutes: &Rolled) -> i64 {
    let begins_before = |rolled: &Bucket| rolled.first.at < from;
    match minutes.get(&MINUTES.start(from.0)) {
        Some(minute) if begins_before(minute) => MINUTES.start(from.0) + MINUTES.bucket,
        None if minutes.is_empty() && begins_before(whole) => start + HOURS.bucket,
        Some(_) | None => start,
    }
}
