//! Letting go: readings that grew too old, or that a full file has no room for, give way to their rollups.
//!
//! ```text
//!   blocks of a device ──▶ fold into minutes and hours ──▶ one transaction: rollups in, blocks out
//! ```
//!
//! A reading is either in a block or in rollups, never in both and never in neither: what [`fold`] adds and what is
//! deleted is one transaction. So any mixture of the two answers right, and late data of any age is a block like others.
//! Of two readings of a series at one time one counts, also while the older one's block goes and the newer one's stays:
//! then the older one is not folded. What is sent again after its fold is `again`'s matter.
//!
//! Age counts from when the hub received a reading, not from the time its device gave it: a replayed history and a clock
//! that says 1970 are kept as long as everything else. Hours go when both are too old, their time and their receipt.
//! Under the cap, what came first goes first: raw readings of everybody, then minutes, then hours.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::model::retention::{Ages, Preview};
use crate::model::{SensorKind, UnixMillis};
use crate::store::engine::snapshot::{Column, Part, Snapshot};
use crate::store::engine::transaction::Transaction;
use crate::store::error::Result;
use crate::store::head::fresh::Fresh;
use crate::store::rollup;
use crate::store::samples::{Sample, Wanted, of_head, rank_of_cut, settle};
use crate::store::span::{Span, day};
use crate::store::tier::{Folded, HOURS, MINUTES, RolledUpTo, Table};

const HOUR: i64 = 3_600_000;
/// Rows of rollups looked at for deletion in one transaction: a few milliseconds.
pub(in crate::store) const EXPIRE_ROWS: usize = 500;
/// Rows of `times` folded in one transaction: some 100,000 readings, tens of milliseconds of packing off the ack path.
pub(in crate::store) const FOLD_SPANS: usize = 4;
/// Readings a minute that make a row of minutes smaller than the readings it stands for.
const WORTH_MINUTES: usize = 20;

/// A device's readings, folded, ready to be written while their blocks are deleted.
#[derive(Debug)]
pub(in crate::store) struct Fold {
    device: DeviceNo,
    spans: Vec<i64>,
    /// End of the last reading in them.
    to: UnixMillis,
    /// Set when only hours were worth it: from here on there are minutes.
    minutes_from: Option<UnixMillis>,
    rows: Vec<Folded>,
}

/// Where a tier kept for `age` begins at `now`; `None` when it is kept for ever. Whole days, so that a device's day goes
/// at once and its rollups are written once.
pub(in crate::store) fn begins(age: Option<std::time::Duration>, now: UnixMillis) -> Option<UnixMillis> {
    age.map(|age| day(now.plus(i64::try_from(age.as_millis()).map_or(i64::MIN / 2, |age| -age))))
}

/// A device whose blocks are folded: its series, and what it has in the head.
pub(in crate::store) struct Folding<'a> {
    pub(in crate::store) device: DeviceNo,
    pub(in crate::store) series: &'a [SeriesId],
    /// Of each series.
    pub(in crate::store) kinds: &'a [SensorKind],
    pub(in crate::store) fresh: &'a Fresh,
    /// Which series are in the head by which number.
    pub(in crate::store) numbers: &'a [SeriesId],
}

/// From the first reading in some spans to behind the last.
pub(in crate::store) fn reach(spans: &[Span]) -> (UnixMillis, UnixMillis) {
    let from = spans.iter().map(|span| span.start).min().unwrap_or_default();
    let to = spans.iter().map(|span| span.end).max().unwrap_or_default();
    (from, UnixMillis(to.0.saturating_add(1)))
}

/// Folds blocks of a device into its rollups. Without `thorough`, minutes are left out where they would be larger than the
/// readings: to make room.
pub(in crate::store) fn fold(
    ask: &dyn Snapshot,
    folding: &Folding<'_>,
    mut spans: Vec<Span>,
    received: UnixMillis,
    thorough: bool,
) -> Result<Fold> {
    let Folding { device, series, kinds, .. } = *folding;
    spans.sort_unstable_by_key(|span| (span.start, span.id));
    let (_, end) = reach(&spans);
    let to = UnixMillis(end.0.saturating_sub(1));
    let dense = |span: &Span| span.count >= WORTH_MINUTES * ((span.end.since(span.start) / 60_000) as usize + 1);
    let minutes = thorough || spans.iter().all(dense);
    // Hours take over on a full hour, so that none is counted by both.
    let minutes_from = (!minutes).then(|| UnixMillis((to.0.div_euclid(HOUR) + 1) * HOUR));
    let kept = ask.rolled(device)?.minutes_from.max(minutes_from);
    let mut stays = Stays::beside(ask, folding, &spans)?;
    let mut rows = Vec::new();
    let wanted: Vec<(Span, Part)> = spans.iter().map(|span| (*span, Part::Values)).collect();
    let times = ask.times(&spans)?;
    for (place, (series, kind)) in series.iter().zip(kinds).enumerate() {
        let mut samples = Vec::new();
        ask.columns(*series, &wanted, &mut |n, column| {
            let (Some(span), Some(Some(times)), Column::Values(values)) = (spans.get(n), times.get(n), column) else {
                return Ok(());
            };
            let rank = rank_of_cut(span.cut);
            let points = times.iter().copied().map(UnixMillis).zip(values.plain());
            samples.extend(points.map(|(at, value)| Sample { at, rank, value }));
            Ok(())
        })?;
        settle(&mut samples);
        let stays = stays.times_of(ask, place, *series)?;
        samples.retain(|sample| !stays.contains(&sample.at));
        rows.extend(rollup::fold(ask, (*series, *kind), &samples, received, kept)?);
    }
    Ok(Fold { device, spans: spans.into_iter().map(|span| span.id).collect(), to, minutes_from, rows })
}

/// Readings that lie between those that go, and stay.
struct Stays {
    spans: Vec<Span>,
    /// Times of each span, unpacked once.
    times: HashMap<i64, Option<Vec<i64>>>,
    /// Of the head, by place of the series.
    recent: Vec<Vec<Sample>>,
}

impl Stays {
    fn beside(ask: &dyn Snapshot, folding: &Folding<'_>, going: &[Span]) -> Result<Self> {
        let range = reach(going);
        let mut spans = ask.spans(folding.device, range)?;
        spans.retain(|span| going.iter().all(|going| going.id != span.id));
        let wanted = Wanted::new(folding.numbers, folding.series);
        let recent = of_head(folding.fresh, range, &wanted, folding.series.len(), usize::MAX)?;
        Ok(Self { spans, times: HashMap::new(), recent })
    }

    /// Their times, of one series.
    fn times_of(&mut self, ask: &dyn Snapshot, place: usize, series: SeriesId) -> Result<HashSet<UnixMillis>> {
        let recent = self.recent.get(place).map(Vec::as_slice).unwrap_or_default();
        let mut found: HashSet<UnixMillis> = recent.iter().map(|sample| sample.at).collect();
        for (span, has_series) in self.spans.iter().zip(ask.has_blocks(&self.spans, series)?) {
            if !has_series {
                continue;
            }
            let times = match self.times.entry(span.id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(ask.times(&[*span])?.pop().flatten()),
            };
            found.extend(times.iter().flatten().copied().map(UnixMillis));
        }
        Ok(found)
    }
}

impl Fold {
    /// Puts the rollups in and takes the blocks out; nothing where a block is gone already: its device is being deleted.
    pub(in crate::store) fn write(&self, tx: &dyn Transaction) -> Result<()> {
        if !tx.has_spans(&self.spans)? {
            return Ok(());
        }
        tx.put_rollups(&self.rows)?;
        let to = Some(UnixMillis(self.to.0.saturating_add(1)));
        tx.roll(self.device, RolledUpTo { to, minutes_from: self.minutes_from })?;
        tx.delete_spans(&self.spans)
    }
}

/// Deletes the oldest rows of a tier to make room, whoever's they are; `false` when there are none.
pub(in crate::store) fn drop_oldest(tx: &dyn Transaction, table: Table) -> Result<bool> {
    let Some(end) = tx.oldest_rollup_end(table)? else { return Ok(false) };
    if table == MINUTES {
        tx.minutes_go(None, end)?;
    }
    Ok(tx.drop_rollups(table, end, EXPIRE_ROWS)? > 0)
}

/// What would go by these ages at `now`, of one device.
pub(in crate::store) fn preview(
    ask: &dyn Snapshot,
    (device, series): (DeviceNo, &[SeriesId]),
    ages: Ages,
    now: UnixMillis,
) -> Result<Preview> {
    let mut preview = Preview::default();
    if let Some(before) = begins(ages.raw, now) {
        let (readings, bytes) = ask.weigh_spans(device, before)?;
        preview.readings += readings;
        preview.bytes += bytes;
    }
    if let Some(before) = begins(ages.minutes, now) {
        let (rows, bytes) = ask.weigh_rollups(MINUTES, series, before)?;
        preview.minute_days += rows;
        preview.bytes += bytes;
    }
    if let Some(before) = begins(ages.hours, now) {
        let (rows, bytes) = ask.weigh_rollups(HOURS, series, before)?;
        preview.hour_weeks += rows;
        preview.bytes += bytes;
    }
    Ok(preview)
}
