//! What lies around the range of a query: a line between readings goes on across its ends, and what a counter did there
//! depends on what it did before and does next.
//!
//! Looked for in longer and longer stretches, until there is enough: of a counter a few rises that tell where it stands (see
//! [`counter::is_firm`]), or what there is of a day; of others one reading. So the same moment of a series has one value,
//! whichever buckets are asked for.

use std::cell::OnceCell;

use super::found::Found;
use super::line::{ALWAYS, Around, merged};
use super::plan::Plan;
use super::share::Share;
use super::totals::{Aggregates, Asked};
use crate::counter::{self, Lead};
use crate::model::reading::{Point, SeriesId};
use crate::model::{SensorKind, UnixMillis};
use crate::store::Store;
use crate::store::engine::snapshot::Snapshot;
use crate::store::error::Result;
use crate::store::head::fresh::Fresh;
use crate::store::samples::{self, Sample, Wanted, settle};

const MINUTE: i64 = 60_000;
const DAY: i64 = 1_440 * MINUTE;
/// How far the search reaches, step by step; the last step covers all of time from any moment.
const STEPS: [i64; 7] = [10 * MINUTE, 120 * MINUTE, DAY, 10 * DAY, 100 * DAY, 1_000 * DAY, i64::MAX / 2];
/// Readings of a counter that are enough once a day was searched.
const SOME: usize = 16;
/// How far the search goes on for more than one reading.
const FAR: i64 = 100 * DAY;

impl Store {
    /// The readings of a series before a moment that a query beginning there needs.
    ///
    /// # Errors
    /// `NotFound` for the series; `Busy` when too many read at once or it takes longer than 10 s; `TooLarge`.
    pub async fn lead(&self, series: SeriesId, at: UnixMillis) -> Result<Lead> {
        self.sweep(move |sweeper| sweeper.lead(series, at)).await
    }
}

impl Around {
    /// The surroundings of each series of a device.
    pub(super) fn of(share: &Share<'_>, ask: &dyn Snapshot, asked: &Asked, fresh: &Fresh) -> Result<Vec<Self>> {
        let (from, to) = share.plan.range();
        let look = Look::new(share, ask, asked, fresh)?;
        let mut all = look.kinds();
        let mut begin = from;
        for reach in STEPS {
            let next = from.plus(-reach).max(ALWAYS.0);
            let is_lacking = |around: &Self, _: usize| !around.is_enough(&around.before, reach);
            look.at((next, begin), &mut all, is_lacking, |around, points| {
                around.is_begin = next == ALWAYS.0;
                around.before = merged([points, std::mem::take(&mut around.before)].concat());
            })?;
            begin = next;
        }
        // Not the newest point by the clock, because that leaves out readings of a device whose clock is wrong.
        let last = |head: &Vec<Sample>| head.last().map(|sample| sample.at).max(fresh.blocks_end);
        let last: Vec<_> = look.head.iter().map(last).collect();
        let mut end = to;
        for reach in STEPS {
            let next = to.plus(reach).min(ALWAYS.1);
            let is_lacking = |around: &Self, n: usize| {
                last.get(n).copied().flatten() >= Some(to) && !around.is_enough(&around.after, reach)
            };
            look.at((end, next), &mut all, is_lacking, |around, points| {
                around.after = merged([std::mem::take(&mut around.after), points].concat());
            })?;
            end = next;
        }
        Ok(all)
    }

    /// Whether the readings found are enough, after a search through less than `reach`.
    fn is_enough(&self, found: &[Point], reach: i64) -> bool {
        match (self.is_counter, reach) {
            (false, _) => !found.is_empty(),
            // One reading is not enough: the first reading there ever was means something else, so the search goes on.
            (true, FAR..) => found.len() > 1,
            (true, _) => counter::is_firm(found) || reach > DAY && found.len() >= SOME,
        }
    }
}

/// Where to look.
struct Look<'a> {
    share: &'a Share<'a>,
    ask: &'a dyn Snapshot,
    asked: &'a Asked,
    head: Vec<Vec<Sample>>,
}

impl<'a> Look<'a> {
    fn new(share: &'a Share<'a>, ask: &'a dyn Snapshot, asked: &'a Asked, fresh: &Fresh) -> Result<Self> {
        let wanted = Wanted::new(&share.memory.catalog().sensor_numbers(asked.device), &asked.series);
        let mut head = samples::of_head(fresh, ALWAYS, &wanted, asked.series.len(), share.plan.memory)?;
        head.iter_mut().for_each(settle);
        Ok(Self { share, ask, asked, head })
    }

    /// Every series with its kind and no surroundings yet.
    fn kinds(&self) -> Vec<Around> {
        let catalog = self.share.memory.catalog();
        let kind = |id| self.share.plan.kind.or_else(|| Some(catalog.series(id)?.kind));
        let is_counter = |id: &_| kind(*id) == Some(SensorKind::Counter);
        self.asked.series.iter().map(|id| Around { is_counter: is_counter(id), ..Around::default() }).collect()
    }

    /// Gives each series that still lacks readings those of one stretch.
    fn at(
        &self,
        stretch: (UnixMillis, UnixMillis),
        all: &mut [Around],
        is_lacking: impl Fn(&Around, usize) -> bool,
        put: impl Fn(&mut Around, Vec<Point>),
    ) -> Result<()> {
        if stretch.0 >= stretch.1 || !all.iter().zip(0..).any(|(around, n)| is_lacking(around, n)) {
            return Ok(());
        }
        let Share { reader, memory, plan, .. } = *self.share;
        let wanted = Aggregates { increase: true, ..Aggregates::default() };
        let plan = Plan::new(vec![stretch.0, stretch.1], wanted, plan.kind, plan.memory);
        let share = Share::new(reader, memory, &plan);
        let mut found = Found::of(self.ask, self.asked.device, &plan)?;
        let rollups = OnceCell::new();
        for (n, (around, series)) in all.iter_mut().zip(&self.asked.series).enumerate() {
            if is_lacking(around, n) {
                reader.go_on()?;
                let head = self.head.get(n).map(Vec::as_slice).unwrap_or_default();
                let place = |moment| head.partition_point(|sample| sample.at < moment);
                let recent = head.get(place(stretch.0)..place(stretch.1)).unwrap_or_default().to_vec();
                put(around, share.points(&mut found, &rollups, *series, recent)?);
            }
        }
        Ok(())
    }
}
