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
use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::{Connection, named_params};

use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::model::retention::{Ages, Preview};
use crate::model::{SensorKind, UnixMillis};
use crate::store::error::Result;
use crate::store::head::fresh::Fresh;
use crate::store::rollup::table::{HOURS, MINUTES, Table};
use crate::store::rollup::{self, Folded};
use crate::store::samples::{Sample, Wanted, of_head, rank_of_cut, settle};
use crate::store::span::{Span, day};
use crate::store::sqlite::{blocks, rolled};

const HOUR: i64 = 3_600_000;
/// Rows of rollups looked at for deletion in one transaction: a few milliseconds.
pub(in crate::store) const EXPIRE_ROWS: usize = 500;
/// Rows of `times` folded in one transaction: some 100,000 readings, tens of milliseconds of packing off the ack path.
pub(in crate::store) const FOLD_SPANS: usize = 4;
/// Readings a minute that make a row of minutes smaller than the readings it stands for.
const WORTH_MINUTES: usize = 20;

/// Rows of `times` that are to go, by device, and when the newest of their readings came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Going {
    pub(in crate::store) by_device: BTreeMap<DeviceNo, Vec<Span>>,
    pub(in crate::store) received: UnixMillis,
}

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

const DUE: &str = "SELECT id, cut, start_at, end_at, count, received_at FROM times
    WHERE device = :device AND received_at < :before ORDER BY received_at LIMIT :at_most";
const OLDEST: &str =
    "SELECT id, cut, start_at, end_at, count, received_at, device FROM times ORDER BY cut LIMIT :at_most";

/// Some of a device's blocks whose readings all came before a moment, oldest receipt first.
pub(in crate::store) fn due(conn: &Connection, device: DeviceNo, before: UnixMillis, at_most: usize) -> Result<Going> {
    let mut going = Going::default();
    let mut statement = conn.prepare_cached(DUE)?;
    let params = named_params! { ":device": device, ":before": before.0, ":at_most": at_most as i64 };
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        going.add(device, Span::of_row(row)?, UnixMillis(row.get(5)?));
    }
    Ok(going)
}

/// The blocks cut first, of whatever device: cuts are numbered in the order of commits.
pub(in crate::store) fn oldest(conn: &Connection, at_most: usize) -> Result<Going> {
    let mut going = Going::default();
    let mut statement = conn.prepare_cached(OLDEST)?;
    let mut rows = statement.query(named_params! { ":at_most": at_most as i64 })?;
    while let Some(row) = rows.next()? {
        going.add(row.get(6)?, Span::of_row(row)?, UnixMillis(row.get(5)?));
    }
    Ok(going)
}

impl Going {
    fn add(&mut self, device: DeviceNo, span: Span, received: UnixMillis) {
        self.by_device.entry(device).or_default().push(span);
        self.received = self.received.max(received);
    }

    /// Nothing goes.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.by_device.is_empty()
    }
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
    conn: &Connection,
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
    let kept = rolled::of(conn, device)?.minutes_from.max(minutes_from);
    let mut stays = Stays::beside(conn, folding, &spans)?;
    let mut rows = Vec::new();
    for (place, (series, kind)) in series.iter().zip(kinds).enumerate() {
        let mut samples = Vec::new();
        for span in &spans {
            let Some(values) = blocks::values(conn, span, *series)? else { continue };
            let Some(times) = blocks::times(conn, span)? else { continue };
            let rank = rank_of_cut(span.cut);
            let points = times.into_iter().map(UnixMillis).zip(values.plain());
            samples.extend(points.map(|(at, value)| Sample { at, rank, value }));
        }
        settle(&mut samples);
        let stays = stays.times_of(conn, place, *series)?;
        samples.retain(|sample| !stays.contains(&sample.at));
        rows.extend(rollup::fold(conn, (*series, *kind), &samples, received, kept)?);
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
    fn beside(conn: &Connection, folding: &Folding<'_>, going: &[Span]) -> Result<Self> {
        let range = reach(going);
        let mut spans = blocks::spans(conn, folding.device, range)?;
        spans.retain(|span| going.iter().all(|going| going.id != span.id));
        let wanted = Wanted::new(folding.numbers, folding.series);
        let recent = of_head(folding.fresh, range, &wanted, folding.series.len(), usize::MAX)?;
        Ok(Self { spans, times: HashMap::new(), recent })
    }

    /// Their times, of one series.
    fn times_of(&mut self, conn: &Connection, place: usize, series: SeriesId) -> Result<HashSet<UnixMillis>> {
        let recent = self.recent.get(place).map(Vec::as_slice).unwrap_or_default();
        let mut found: HashSet<UnixMillis> = recent.iter().map(|sample| sample.at).collect();
        for span in &self.spans {
            if !blocks::exists(conn, span, series)? {
                continue;
            }
            let times = match self.times.entry(span.id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(blocks::times(conn, span)?),
            };
            found.extend(times.iter().flatten().copied().map(UnixMillis));
        }
        Ok(found)
    }
}

const ROLLED: &str = "UPDATE cut SET rolled_to = MAX(COALESCE(rolled_to, :to), :to),
    minutes_from = CASE WHEN :minutes_from IS NULL THEN minutes_from
        ELSE MAX(COALESCE(minutes_from, :minutes_from), :minutes_from) END WHERE device = :device";

impl Fold {
    /// Puts the rollups in and takes the blocks out; nothing where a block is gone already: its device is being deleted.
    pub(in crate::store) fn write(&self, conn: &Connection) -> Result<()> {
        for times in &self.spans {
            if !blocks::is_there(conn, *times)? {
                return Ok(());
            }
        }
        self.rows.iter().try_for_each(|row| row.write(conn))?;
        let params = named_params! {
            ":device": self.device,
            ":to": self.to.0.saturating_add(1),
            ":minutes_from": self.minutes_from.map(|moment| moment.0),
        };
        conn.prepare_cached(ROLLED)?.execute(params)?;
        blocks::delete(conn, &self.spans)
    }
}

const MINUTES_GO: &str =
    "UPDATE cut SET minutes_from = MAX(COALESCE(minutes_from, :moment), :moment) WHERE device = :device";

/// Says that a device's minutes before a moment are going: hours answer there.
pub(in crate::store) fn minutes_go(conn: &Connection, device: DeviceNo, moment: UnixMillis) -> Result<()> {
    conn.prepare_cached(MINUTES_GO)?.execute(named_params! { ":device": device, ":moment": moment.0 })?;
    Ok(())
}

const ALL_MINUTES_GO: &str = "UPDATE cut SET minutes_from = MAX(COALESCE(minutes_from, :moment), :moment)";

/// Deletes the oldest rows of a tier to make room, whoever's they are; `false` when there are none.
pub(in crate::store) fn drop_oldest(conn: &Connection, table: Table) -> Result<bool> {
    let Some(end) = table.oldest_row_end(conn)? else { return Ok(false) };
    if table == MINUTES {
        conn.prepare_cached(ALL_MINUTES_GO)?.execute(named_params! { ":moment": end.0 })?;
    }
    Ok(table.drop_before(conn, end, EXPIRE_ROWS)? > 0)
}

/// What would go by these ages at `now`, of one device.
pub(in crate::store) fn preview(
    conn: &Connection,
    (device, series): (DeviceNo, &[SeriesId]),
    ages: Ages,
    now: UnixMillis,
) -> Result<Preview> {
    let mut preview = Preview::default();
    if let Some(before) = begins(ages.raw, now) {
        let params = named_params! { ":device": device, ":before": before.0 };
        let mut times = conn.prepare_cached(WEIGH_TIMES)?;
        let mut of_row = conn.prepare_cached(WEIGH_BLOCKS)?;
        let mut rows = times.query(params)?;
        while let Some(row) = rows.next()? {
            let (id, count, bytes): (i64, u32, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let (blocks, data): (u32, u32) =
                of_row.query_row(named_params! { ":times": id }, |row| Ok((row.get(0)?, row.get(1)?)))?;
            preview.readings += u64::from(count) * u64::from(blocks);
            preview.bytes += u64::from(bytes) + u64::from(data);
        }
    }
    if let Some(before) = begins(ages.minutes, now) {
        let (rows, bytes) = MINUTES.weigh(conn, series, before)?;
        preview.minute_days += rows;
        preview.bytes += bytes;
    }
    if let Some(before) = begins(ages.hours, now) {
        let (rows, bytes) = HOURS.weigh(conn, series, before)?;
        preview.hour_weeks += rows;
        preview.bytes += bytes;
    }
    Ok(preview)
}

/// A row costs about this much beside its data.
const WEIGH_TIMES: &str =
    "SELECT id, count, length(data) + 60 FROM times WHERE device = :device AND received_at < :before";
const WEIGH_BLOCKS: &str = "SELECT COUNT(*), COALESCE(SUM(length(data) + 30), 0) FROM block
    WHERE id >= :times << 32 AND id < (:times + 1) << 32";
