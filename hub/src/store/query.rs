//! Readings by time: pages and buckets.
//!
//! What lies above a series' floor is answered from the head. The rest is read from the journal in slices of time, each
//! complete in itself (late batches included), so that memory stays bounded and each batch is decoded once a slice.

use std::collections::{BTreeMap, HashMap};

use super::Store;
use super::bucket::{self, Bucket};
use super::error::{Error, Result};
use super::journal::{self, Sample, Wanted};
use super::memory::Memory;
use super::readers::Reader;
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::{Point, SeriesId};

/// First slice of a page: a dense series fills a page in a minute, a sparse one doubles it soon enough.
const FIRST_SLICE: i64 = 60_000;
/// Journal rows a slice of an aggregate aims at: some 10 MiB once decoded.
const SLICE_ROWS: i64 = 2048;

/// Points of one series, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The points.
    pub points: Vec<Point>,
    /// Whether there are more after the last one.
    pub more: bool,
}

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

impl Store {
    /// The newest point of each series, from memory; also right after a restart.
    #[must_use]
    pub fn latest(&self, series: &[SeriesId]) -> Vec<Option<Point>> {
        let head = self.memory().head();
        series.iter().map(|series| head.latest(*series)).collect()
    }

    /// Points with `from <= at < to`, oldest first; of several at one time the newest batch wins.
    ///
    /// # Errors
    /// `NotFound` for the series; `Busy` when too many read at once or it takes longer than 10 s.
    pub async fn readings(&self, series: SeriesId, from: UnixMillis, to: UnixMillis, limit: usize) -> Result<Page> {
        let device = device_of(self.memory(), series)?;
        if let Some(points) = self.memory().head().range(series, from, to) {
            let shown = points.get(..limit).unwrap_or(points);
            return Ok(Page { points: shown.to_vec(), more: shown.len() < points.len() });
        }
        let wanted = Wanted::new(self.memory().catalog().sensor_numbers(device), &[series]);
        self.readers().run(move |reader| page(reader, device, (from, to), &wanted, limit)).await
    }

    /// Counts, extremes, means, first and last values by bucket; several readings at one time count once per series.
    ///
    /// # Errors
    /// `NotFound` for a series; `Busy` when too many read at once or it takes longer than 10 s.
    pub async fn aggregate(&self, series: Vec<SeriesId>, buckets: Buckets, group: Group) -> Result<Vec<Columns>> {
        // A series asked for twice is read once.
        let mut places: BTreeMap<SeriesId, usize> = BTreeMap::new();
        for series in &series {
            let next = places.len();
            places.entry(*series).or_insert(next);
        }
        let mut by_device: HashMap<DeviceNo, Vec<SeriesId>> = HashMap::new();
        for series in places.keys() {
            by_device.entry(device_of(self.memory(), *series)?).or_default().push(*series);
        }
        let memory = self.memory_shared();
        self.readers()
            .run(move |reader| {
                let mut sums = Sums::new(places, buckets, group);
                for (device, asked) in by_device {
                    reader.go_on()?;
                    add_device(reader, &memory, device, asked, &mut sums)?;
                }
                Ok(sums.columns(&series))
            })
            .await
    }
}

fn device_of(memory: &Memory, series: SeriesId) -> Result<DeviceNo> {
    Ok(memory.catalog().series(series).ok_or(Error::missing("series"))?.device)
}

/// Reads slices until the page is full or the range is done.
fn page(
    reader: &Reader,
    device: DeviceNo,
    (from, to): (UnixMillis, UnixMillis),
    wanted: &Wanted,
    limit: usize,
) -> Result<Page> {
    let conn = reader.conn()?;
    let mut page = Page::default();
    let (mut at, mut slice) = (from, FIRST_SLICE);
    while at < to {
        reader.go_on()?;
        let Some(start) = journal::next_start(conn, device, at)?.filter(|start| *start < to) else { break };
        let end = start.plus(slice).min(to);
        let mut samples = vec![Vec::new()];
        journal::collect(conn, device, (start, end), wanted, &mut samples)?;
        let mut samples = samples.swap_remove(0);
        journal::settle(&mut samples);
        if samples.len() < limit / 4 + 1 {
            slice = slice.saturating_mul(2);
        }
        page.points.extend(samples.into_iter().map(|sample| Point { at: sample.at, value: sample.value }));
        if page.points.len() > limit {
            page.points.truncate(limit);
            page.more = true;
            break;
        }
        at = end;
    }
    Ok(page)
}

/// Buckets of every result while they are being summed.
struct Sums {
    places: BTreeMap<SeriesId, usize>,
    edges: Vec<UnixMillis>,
    group: Group,
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
        Self { places, edges: buckets.edges, group, sums }
    }

    fn range(&self) -> (UnixMillis, UnixMillis) {
        let (first, last) = (self.edges.first().copied(), self.edges.last().copied());
        (first.unwrap_or_default(), last.unwrap_or_default())
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

/// Adds a device's series: from the head where it knows the whole range, the others together from the journal.
fn add_device(
    reader: &Reader,
    memory: &Memory,
    device: DeviceNo,
    mut asked: Vec<SeriesId>,
    sums: &mut Sums,
) -> Result<()> {
    let (from, to) = sums.range();
    asked.retain(|series| match memory.head().range(*series, from, to) {
        Some(points) => {
            sums.add(*series, points.iter().copied());
            false
        }
        None => true,
    });
    if asked.is_empty() {
        return Ok(());
    }
    let conn = reader.conn()?;
    let Some(extent) = journal::extent(conn, device, (from, to))? else { return Ok(()) };
    let wanted = Wanted::new(memory.catalog().sensor_numbers(device), &asked);
    let (mut at, end) = (from.max(extent.start), to.min(extent.end.plus(1)));
    let slice = end.since(at) / (extent.rows / SLICE_ROWS + 1) + 1;
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); asked.len()];
    while at < end {
        reader.go_on()?;
        let next = at.plus(slice).min(end);
        journal::collect(conn, device, (at, next), &wanted, &mut samples)?;
        for (series, samples) in asked.iter().zip(&mut samples) {
            journal::settle(samples);
            sums.add(*series, samples.drain(..).map(|sample| Point { at: sample.at, value: sample.value }));
        }
        at = next;
    }
    Ok(())
}
