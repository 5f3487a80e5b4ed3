//! What one step of a salvage brings, how it is packed beside the writer, and how it joins what is here.

use std::collections::HashSet;

use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, BatchId, SeriesId};
use crate::model::{BatchSeq, Epoch, Lane, SensorNo, UnixMillis};
use crate::store::block::cut;
use crate::store::block::cut::Cut;
use crate::store::engine::salvage::Loaded;
use crate::store::engine::snapshot::Snapshot;
use crate::store::error::Result;
use crate::store::head::Head;
use crate::store::head::fresh::Fresh;
use crate::store::memory::Forgotten;
use crate::store::pack::payload::decode;
use crate::store::pack::rollup::Row;
use crate::store::rollup::join;
use crate::store::span::Level;
use crate::store::tier::{RolledUpTo, Table};
use crate::store::write::inbox::OpenWrite;

/// The same, ready to be written.
pub(in crate::store) struct Packed {
    device: DeviceNo,
    series: Vec<SeriesId>,
    /// Figures that another file has of a series.
    rollups: Vec<(SeriesId, Table, Row)>,
    rolled: RolledUpTo,
    cut: Option<Cut>,
    /// Its newest points.
    head: Head,
    brought: u64,
    now: UnixMillis,
}

/// Packs it, as received now, and compares it with what is here; `series` are those of its sensors. `None` where it brings nothing.
pub(super) fn pack(
    mut loaded: Loaded,
    ask: &dyn Snapshot,
    series: Vec<SeriesId>,
    now: UnixMillis,
) -> Result<Option<Packed>> {
    let rollups: Vec<_> = loaded
        .rollups
        .into_iter()
        .filter(|(.., row)| !row.buckets.is_empty())
        .filter_map(|(place, table, row)| Some((*series.get(place)?, table, row)))
        .collect();
    let Some(device) = loaded.device.filter(|_| !loaded.payloads.is_empty() || !rollups.is_empty()) else {
        return Ok(None);
    };
    let head = head(device, &series, &loaded.payloads, now)?;
    let fresh = head.copy(device, UnixMillis(i64::MIN), UnixMillis(i64::MAX));
    let cut = cut::cut(device, &series, &fresh, &mut loaded.next_times)?;
    let brought = if cut.is_some() { not_here(ask, device, &series, &fresh)? } else { 0 };
    Ok(Some(Packed { device, series, rollups, rolled: loaded.rolled, cut, head, brought, now }))
}

impl Packed {
    /// Writes it; how many readings no block here had before. Nothing where the device was deleted meanwhile.
    pub(in crate::store) fn write(self, open: &mut OpenWrite<'_>) -> Result<u64> {
        if !open.tx.has_device(self.device)? {
            return Ok(0);
        }
        self.begin_rollups(open)?;
        for (series, table, row) in &self.rollups {
            open.tx.put_rollups(&join(open.tx, *table, *series, row, self.now)?)?;
        }
        let Some(cut) = self.cut else { return Ok(0) };
        open.tx.put_blocks(self.device, &cut.blocks, Level::Cut)?;
        save_newer(open, &self.head, &self.series)?;
        open.own.forgotten.push(reaches(self.device, cut.blocks.reach));
        Ok(self.brought)
    }

    /// Figures that come back count beside the readings there are.
    fn begin_rollups(&self, open: &mut OpenWrite<'_>) -> Result<()> {
        let end = |(_, table, row): &(SeriesId, Table, Row)| {
            row.buckets.last_key_value().map(|(start, _)| UnixMillis(start.saturating_add(table.bucket)))
        };
        let Some(to) = self.rollups.iter().filter_map(end).max() else { return Ok(()) };
        let to = self.rolled.to.map_or(to, |known| known.max(to));
        open.tx.begin_rollups(self.device, RolledUpTo { to: Some(to), ..self.rolled })?;
        open.own.forgotten.push(reaches(self.device, to));
        Ok(())
    }
}

/// Says that blocks or rollups of a device go on to a moment; nothing of the journal is forgotten.
fn reaches(device: DeviceNo, to: UnixMillis) -> Forgotten {
    Forgotten { device, row: 0, reach: Some(to), series: Vec::new() }
}

/// How many of a step's readings are in no block here, by series and time. Steps before it are.
fn not_here(ask: &dyn Snapshot, device: DeviceNo, series: &[SeriesId], fresh: &Fresh) -> Result<u64> {
    let mut new = HashSet::new();
    fresh.decode(|_, rows| {
        let known = rows.iter().filter_map(|reading| Some((*series.get(usize::from(reading.sensor.0))?, reading.at.0)));
        new.extend(known);
    });
    let (first, last) = (new.iter().map(|(_, at)| *at).min(), new.iter().map(|(_, at)| *at).max());
    let (Some(first), Some(last)) = (first, last) else { return Ok(0) };
    let range = (UnixMillis(first), UnixMillis(last.saturating_add(1)));
    let spans = ask.spans(device, range)?;
    let times = ask.times(&spans)?;
    for series in series {
        let there = ask.has_blocks(&spans, *series)?;
        for (times, _) in times.iter().zip(there).filter(|(_, is_there)| *is_there) {
            for at in times.iter().flatten() {
                new.remove(&(*series, *at));
            }
        }
    }
    Ok(new.len() as u64)
}

/// Saves the newest points of a head that is not the hub's, where nothing newer is known.
fn save_newer(open: &mut OpenWrite<'_>, head: &Head, series: &[SeriesId]) -> Result<()> {
    for &series in series {
        let Some(point) = head.latest(series) else { continue };
        let saved = open.tx.latest_of(series)?;
        let known = open.memory.head().latest(series).is_some_and(|known| known.at >= point.at);
        if !known && saved.is_none_or(|at| at < point.at) {
            open.tx.save_latest(&[(series, point)])?;
            open.own.newest.push((series, point));
        }
    }
    Ok(())
}

/// The batches in a head of their own.
fn head(device: DeviceNo, series: &[SeriesId], payloads: &[(Epoch, Vec<u8>)], now: UnixMillis) -> Result<Head> {
    let mut head = Head::default();
    let mut rows = wire::batch::Rows::default();
    for (row, (epoch, payload)) in (1..).zip(payloads) {
        if !decode(row, *epoch, payload, &mut rows) {
            continue;
        }
        let of = |sensor: &SensorNo| series.get(usize::from(sensor.0)).copied().unwrap_or(SeriesId(0));
        let batch = Batch {
            id: BatchId { device, epoch: *epoch, seq: BatchSeq(0) },
            lane: Lane::Recovered,
            // What comes back is kept as long as what comes now.
            received_at: now,
            payload: payload.clone(),
            series: rows.sensor.iter().map(of).collect(),
            at: rows.at.clone(),
            value: rows.value.clone(),
        };
        head.add(row, &batch);
    }
    Ok(head)
}
