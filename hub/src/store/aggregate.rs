//! Readings by bucket of time: counts, extremes, means, first and last values.
//!
//! ```text
//!   bucket edges   |           |           |           |
//!   blocks          [figures]    [ decoded ]  [figures]
//!   head                                          · · · ·      decoded
//! ```
//!
//! A block that lies in one bucket and that nothing else overlaps is taken by its figures; blocks that an edge cuts are
//! decoded; blocks that overlap others or the head are decoded and settled point by point.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use rusqlite::Connection;

use super::Store;
use super::block::{self, Span};
use super::bucket::{self, Bucket};
use super::error::Result;
use super::head::Fresh;
use super::query::device_of;
use super::readers::Reader;
use super::rollup::{self, HOURS, MINUTES, Table};
use super::samples::{self, Sample, Wanted, rank_of_block, settle};
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::{Point, SeriesId};

/// Devices whose heads are copied before one snapshot: some hundred kilobytes.
const AT_ONCE: usize = 32;

/// Time cut into buckets: bucket `n` is `[edges[n], edges[n + 1])`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    /// Ascending; one more than there are buckets.
    pub edges: Vec<UnixMillis>,
}

/// Whether series are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// One result a series.
    None,
    /// One result for all series together.
    All,
}

/// What happened in each bucket. All columns have one entry a bucket; empty buckets are 0 and `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Columns {
    /// Points in the bucket.
    pub count: Vec<u64>,
    /// Lowest value.
    pub min: Vec<Option<f64>>,
    /// Highest value.
    pub max: Vec<Option<f64>>,
    /// Mean of the values.
    pub avg: Vec<Option<f64>>,
    /// Value with the earliest time.
    pub first: Vec<Option<f64>>,
    /// Value with the latest time.
    pub last: Vec<Option<f64>>,
}

/// What an answer was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Every reading.
    Raw,
    /// Rollups of a minute.
    Minute,
    /// Rollups of an hour.
    Hour,
}

/// The answer to [`Store::aggregate`].
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregated {
    /// One a series asked for, or a single one.
    pub columns: Vec<Columns>,
    /// The coarsest thing it was made from.
    pub tier: Tier,
}

impl Store {
    /// Counts, extremes, means, first and last values by bucket; several readings at one time count once per series.
    ///
    /// # Errors
    /// `NotFound` for a series; `Busy` when too many read at once or it takes longer than 10 s.
    pub async fn aggregate(&self, series: Vec<SeriesId>, buckets: Buckets, group: Group) -> Result<Aggregated> {
        // A series asked for twice is read once.
        let mut places: BTreeMap<SeriesId, usize> = BTreeMap::new();
        for series in &series {
            let next = places.len();
            places.entry(*series).or_insert(next);
        }
        let mut by_device: BTreeMap<DeviceNo, Vec<SeriesId>> = BTreeMap::new();
        for series in places.keys() {
            by_device.entry(device_of(self.memory(), *series)?).or_default().push(*series);
        }
        let memory = self.memory_shared();
        self.readers()
            .run(move |reader| {
                let mut sums = Sums::new(places, buckets, group);
                let (from, to) = sums.range();
                let devices: Vec<_> = by_device.into_iter().collect();
                for some in devices.chunks(AT_ONCE) {
                    // The head before the snapshot: what moves between is seen twice, not never.
                    let heads: Vec<Fresh> = {
                        let head = memory.head();
                        some.iter().map(|(device, _)| head.copy(*device, from, to)).collect()
                    };
                    let snapshot = reader.conn()?.unchecked_transaction()?;
                    let rollups = Rollups::of(&snapshot, &heads, &sums)?;
                    for ((device, asked), fresh) in some.iter().zip(heads) {
                        let wanted = Wanted::new(memory.catalog().sensor_numbers(*device), asked);
                        let recent = samples::of_head(&fresh, (from, to), &wanted, asked.len());
                        let disk = Disk { reader, conn: &snapshot, rollups: &rollups };
                        let blocks = fresh.blocks_from(from).then_some((disk, *device));
                        add_device(blocks, asked, recent, &mut sums)?;
                    }
                }
                Ok(Aggregated { columns: sums.columns(&series), tier: sums.tier })
            })
            .await
    }
}

/// Adds a device's series, from its blocks if it has any there, and from what the head had.
fn add_device(
    blocks: Option<(Disk<'_>, DeviceNo)>,
    asked: &[SeriesId],
    mut recent: Vec<Vec<Sample>>,
    sums: &mut Sums,
) -> Result<()> {
    recent.iter_mut().for_each(settle);
    if let Some((Disk { reader, conn, rollups }, device)) = blocks {
        let (from, to) = sums.range();
        let raw_from = block::raw_from(conn, device)?.unwrap_or(from).max(from);
        for series in asked.iter().filter(|_| raw_from > from) {
            reader.go_on()?;
            rollups.add(conn, *series, raw_from.min(to), sums)?;
        }
        let spans = block::spans(conn, device, (raw_from, to))?;
        let mut times = Times { conn, decoded: HashMap::new() };
        let alone = alone(&spans);
        for (series, recent) in asked.iter().zip(&mut recent) {
            reader.go_on()?;
            let mixed = add_blocks(&mut times, *series, (&spans, &alone), raw_from, recent, sums)?;
            if !mixed.is_empty() {
                recent.extend(mixed);
                settle(recent);
            }
        }
    }
    for (series, recent) in asked.iter().zip(recent) {
        sums.add(*series, recent.into_iter().map(Sample::point));
    }
    Ok(())
}

/// Adds the blocks of one series that nothing overlaps; returns the readings of the others.
fn add_blocks(
    times: &mut Times<'_>,
    series: SeriesId,
    (spans, alone): (&[Span], &[bool]),
    raw_from: UnixMillis,
    recent: &[Sample],
    sums: &mut Sums,
) -> Result<Vec<Sample>> {
    let conn = times.conn;
    let mut mixed = Vec::new();
    for (span, alone) in spans.iter().zip(alone) {
        let next = recent.partition_point(|sample| sample.at < span.start);
        let alone = *alone && recent.get(next).is_none_or(|sample| sample.at > span.end);
        if let Some(bucket) =
            bucket::around(&sums.edges, span.start, span.end).filter(|_| alone && span.start >= raw_from)
        {
            if let Some(figures) = block::figures(conn, span, series)? {
                bucket::add_figures(sums.of(series), bucket, span.count, (span.start, span.end), &figures);
            }
            continue;
        }
        let Some(values) = block::values(conn, span, series)? else { continue };
        let Some(at) = times.of(span)? else { continue };
        let points = at.iter().map(|&at| UnixMillis(at)).zip(values).filter(|(at, _)| *at >= raw_from);
        if alone {
            sums.add(series, points.map(|(at, value)| Point { at, value }));
        } else {
            let (rank, (_, to)) = (rank_of_block(span.id), sums.range());
            let inside = points.filter(|(at, _)| *at < to);
            mixed.extend(inside.map(|(at, value)| Sample { at, rank, value }));
        }
    }
    Ok(mixed)
}

/// Where the rest is read.
struct Disk<'a> {
    reader: &'a Reader,
    conn: &'a Connection,
    rollups: &'a Rollups,
}

/// Which rows of rollups the range of a query touches, and in which of the two tables to look when.
struct Rollups {
    parts: Vec<(Table, (i64, i64), Vec<i64>)>,
}

impl Rollups {
    /// Hours answer where all edges lie on full hours, and where there are no minutes any longer.
    fn of(conn: &Connection, heads: &[Fresh], sums: &Sums) -> Result<Self> {
        let (from, to) = sums.range();
        if heads.iter().all(|head| head.raw_from.is_none_or(|raw_from| raw_from <= from)) {
            return Ok(Self { parts: Vec::new() });
        }
        let whole_hours = sums.edges.iter().all(|edge| edge.0 % HOURS.bucket == 0);
        let minutes_from = rollup::minutes_from(conn)?.filter(|_| !whole_hours);
        let split = if whole_hours { to.0 } else { minutes_from.map_or(from.0, |moment| moment.0.clamp(from.0, to.0)) };
        let mut parts = Vec::new();
        for (table, range) in [(HOURS, (from.0, split)), (MINUTES, (split, to.0))] {
            if range.0 < range.1 {
                parts.push((table, range, table.rows(conn, range)?));
            }
        }
        Ok(Self { parts })
    }

    /// Adds what is left of a series before `raw_from`.
    fn add(&self, conn: &Connection, series: SeriesId, raw_from: UnixMillis, sums: &mut Sums) -> Result<()> {
        for (table, (from, to), rows) in &self.parts {
            let to = raw_from.0.min(*to);
            let edges = std::mem::take(&mut sums.edges);
            let mut used = false;
            let read = table.read(conn, series, (*from, to), rows, |start, rolled| {
                used = true;
                bucket::add_rolled(sums.of(series), &edges, UnixMillis(start), rolled);
            });
            sums.edges = edges;
            read?;
            if used {
                sums.tier = sums.tier.max(table.tier);
            }
        }
        Ok(())
    }
}

/// Times already decoded: series sampled together share them.
struct Times<'a> {
    conn: &'a Connection,
    decoded: HashMap<i64, Option<Rc<Vec<i64>>>>,
}

impl Times<'_> {
    fn of(&mut self, span: &Span) -> Result<Option<Rc<Vec<i64>>>> {
        if let Some(known) = self.decoded.get(&span.id) {
            return Ok(known.clone());
        }
        let times = block::times(self.conn, span)?.map(Rc::new);
        self.decoded.insert(span.id, times.clone());
        Ok(times)
    }
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

/// Buckets of every result while they are being summed.
struct Sums {
    places: BTreeMap<SeriesId, usize>,
    edges: Vec<UnixMillis>,
    group: Group,
    tier: Tier,
    /// By place for `Group::None`; a single one for `Group::All`.
    sums: Vec<Vec<Bucket>>,
}

impl Sums {
    fn new(places: BTreeMap<SeriesId, usize>, buckets: Buckets, group: Group) -> Self {
        let results = match group {
            Group::None => places.len(),
            Group::All => 1,
        };
        let sums = vec![vec![Bucket::default(); buckets.edges.len().saturating_sub(1)]; results];
        Self { places, edges: buckets.edges, group, tier: Tier::Raw, sums }
    }

    fn range(&self) -> (UnixMillis, UnixMillis) {
        let (first, last) = (self.edges.first().copied(), self.edges.last().copied());
        (first.unwrap_or_default(), last.unwrap_or_default())
    }

    /// The buckets a series goes to.
    fn of(&mut self, series: SeriesId) -> &mut [Bucket] {
        let place = match self.group {
            Group::None => self.places.get(&series).copied().unwrap_or_default(),
            Group::All => 0,
        };
        self.sums.get_mut(place).map(Vec::as_mut_slice).unwrap_or_default()
    }

    /// Adds points of one series, sorted by time.
    fn add(&mut self, series: SeriesId, points: impl Iterator<Item = Point>) {
        let place = match self.group {
            Group::None => self.places.get(&series).copied().unwrap_or_default(),
            Group::All => 0,
        };
        if let Some(sums) = self.sums.get_mut(place) {
            bucket::add(sums, &self.edges, points);
        }
    }

    fn columns(&self, series: &[SeriesId]) -> Vec<Columns> {
        match self.group {
            Group::All => self.sums.iter().map(|sums| bucket::columns(sums)).collect(),
            Group::None => {
                let sums = series.iter().filter_map(|series| self.sums.get(*self.places.get(series)?));
                sums.map(|sums| bucket::columns(sums)).collect()
            }
        }
    }
}
