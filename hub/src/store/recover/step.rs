//! What one step of a salvage brings, and how it joins what is here.

use std::collections::HashSet;

use rusqlite::Connection;

use crate::clock::Clock;
use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, BatchId, SeriesId};
use crate::model::{BatchSeq, Epoch, Lane, SensorNo, SensorSpec, UnixMillis};
use crate::store::error::Result;
use crate::store::head::{Fresh, Head};
use crate::store::memory::Forgotten;
use crate::store::rollup::{Rolled, Table};
use crate::store::write::Scope;
use crate::store::{block, cut, journal, latest, rolled, sensors};

/// What one step brings, to be written in one transaction.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) device: Option<DeviceNo>,
    /// By the sensor numbers that the payloads use.
    pub(super) sensors: Vec<SensorSpec>,
    pub(super) payloads: Vec<Vec<u8>>,
    pub(super) next_times: i64,
    pub(super) rollups: Vec<(usize, Table, Rolled)>,
    /// Where the file says that it has figures.
    pub(super) rolled: rolled::Rolled,
}

impl Loaded {
    /// Writes it; how many readings no block here had before.
    pub(super) fn write(mut self, scope: &mut Scope<'_>) -> Result<u64> {
        let Some(device) = self.device else { return Ok(0) };
        if self.payloads.is_empty() && self.rollups.is_empty() {
            return Ok(0);
        }
        let mut series = Vec::new();
        for spec in &self.sensors {
            series.push(sensors::put_missing(scope, device, spec)?);
        }
        self.begin_rollups(scope, device)?;
        for (place, table, rolled) in &self.rollups {
            let Some(series) = series.get(*place) else { continue };
            table.fold(scope.conn, *series, rolled, Clock.wall())?.iter().try_for_each(|row| row.write(scope.conn))?;
        }
        let head = head(device, &series, &self.payloads)?;
        let fresh = head.copy(device, UnixMillis(i64::MIN), UnixMillis(i64::MAX));
        let Some(cut) = cut::cut(device, &series, &fresh, &mut self.next_times)? else { return Ok(0) };
        let brought = not_here(scope.conn, device, &series, &fresh)?;
        block::insert(scope.conn, device, &cut.blocks, block::Level::Cut)?;
        latest::save_newer(scope, &head, &series)?;
        scope.own.forgotten.push(Forgotten { device, row: 0, reach: Some(cut.blocks.reach), series: Vec::new() });
        Ok(brought)
    }

    /// Figures that come back count beside the readings there are.
    fn begin_rollups(&self, scope: &mut Scope<'_>, device: DeviceNo) -> Result<()> {
        let end = |(_, table, rolled): &(usize, Table, Rolled)| {
            rolled.last_key_value().map(|(start, _)| UnixMillis(start.saturating_add(table.bucket)))
        };
        let Some(to) = self.rollups.iter().filter_map(end).max() else { return Ok(()) };
        let to = self.rolled.to.map_or(to, |known| known.max(to));
        rolled::begin(scope.conn, device, rolled::Rolled { to: Some(to), ..self.rolled })?;
        scope.own.forgotten.push(Forgotten { device, row: 0, reach: Some(to), series: Vec::new() });
        Ok(())
    }
}

/// How many of a step's readings are in no block here, by series and time. Steps before it are.
fn not_here(conn: &Connection, device: DeviceNo, series: &[SeriesId], fresh: &Fresh) -> Result<u64> {
    let mut new = HashSet::new();
    fresh.decode(|_, rows| {
        let known = rows.iter().filter_map(|reading| Some((*series.get(usize::from(reading.sensor.0))?, reading.at.0)));
        new.extend(known);
    });
    let (first, last) = (new.iter().map(|(_, at)| *at).min(), new.iter().map(|(_, at)| *at).max());
    let (Some(first), Some(last)) = (first, last) else { return Ok(0) };
    let range = (UnixMillis(first), UnixMillis(last.saturating_add(1)));
    for span in block::spans(conn, device, range)? {
        let Some(times) = block::times(conn, &span)? else { continue };
        for series in series {
            if block::exists(conn, &span, *series)? {
                for at in &times {
                    new.remove(&(*series, *at));
                }
            }
        }
    }
    Ok(new.len() as u64)
}

/// The batches in a head of their own.
fn head(device: DeviceNo, series: &[SeriesId], payloads: &[Vec<u8>]) -> Result<Head> {
    let mut head = Head::default();
    let mut rows = wire::batch::Rows::default();
    for (row, payload) in (1..).zip(payloads) {
        if !journal::decode(row, payload, &mut rows) {
            continue;
        }
        let of = |sensor: &SensorNo| series.get(usize::from(sensor.0)).copied().unwrap_or(SeriesId(0));
        let batch = Batch {
            id: BatchId { device, epoch: Epoch(0), seq: BatchSeq(0) },
            lane: Lane::Recovered,
            // What comes back is kept as long as what comes now.
            received_at: Clock.wall(),
            payload: payload.clone(),
            series: rows.sensor.iter().map(of).collect(),
            at: rows.at.clone(),
            value: rows.value.clone(),
        };
        head.add(row, &batch);
    }
    Ok(head)
}
