//! A device's sensors: the dense numbers it sends, and the series they stand for.

use super::device_rows;
use crate::model::catalog::Series;
use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, SeriesId};
use crate::model::{DeviceId, Numbering, SensorKind, SensorNo, SensorSpec, numbering};
use crate::store::Store;
use crate::store::engine::snapshot::Snapshot;
use crate::store::error::{Error, Result};
use crate::store::memory::Change;
use crate::store::write::inbox::OpenWrite;

impl Store {
    /// Gives sensor numbers from `first` on to sensors, making series as needed; repeating it changes nothing.
    /// Returns the series of all the device's numbers.
    ///
    /// # Errors
    /// `NotFound` for the device; `Conflict` when a number belongs to another sensor, leaves a gap, or is beyond the limit;
    /// `Limit` when the hub has no place for all of them: then none is taken.
    pub async fn register_sensors(
        &self,
        device: DeviceNo,
        first: SensorNo,
        sensors: Vec<SensorSpec>,
    ) -> Result<Vec<SeriesId>> {
        self.change(move |open| {
            if !open.tx.has_device(device)? {
                return Err(Error::missing("device"));
            }
            let mut known = open.tx.own_numbers(device)?;
            for (number, spec) in (usize::from(first.0)..).zip(&sensors) {
                match known.get(number) {
                    Some((_, name)) if *name != spec.name => {
                        let detail = format!("number {number} is {name}, not {}", spec.name);
                        return Err(Error::conflict("sensor", detail));
                    }
                    Some(_) => {
                        put_series(open, device, spec)?;
                    }
                    None if number != known.len() || number >= usize::from(SensorNo::LIMIT) => {
                        let detail = format!("number {number} is not the next one, or beyond {}", SensorNo::LIMIT);
                        return Err(Error::conflict("sensor", detail));
                    }
                    None => {
                        let series = put_series(open, device, spec)?;
                        push_number(open, device, SensorNo(number as u16), series)?;
                        known.push((series, spec.name.clone()));
                    }
                }
            }
            Ok(known.into_iter().map(|(series, _)| series).collect())
        })
        .await
    }

    /// Follows another numbering of a device: its own numbers stand for nothing until they are registered anew. Series and
    /// readings stay. What came under the old numbers goes into blocks first, where readings have series and no numbers.
    ///
    /// # Errors
    /// `NotFound` for the device; `Conflict` when batches of it came meanwhile: nothing is changed then.
    pub async fn renumber(&self, device: DeviceNo, numbering: Numbering) -> Result<()> {
        self.pack_device(device).await?;
        self.change(move |open| {
            if !open.tx.has_device(device)? {
                return Err(Error::missing("device"));
            }
            if has_own_batches(open, device) {
                return Err(Error::conflict("numbering", "batches of the device arrived in the meantime".to_owned()));
            }
            open.tx.forget_numbers(device)?;
            open.tx.set_numbering(device, numbering)?;
            open.own.changes.push(Change::Renumber(device, numbering));
            Ok(())
        })
        .await
    }

    /// Says what a sensor is, whatever its senders say; with `None` they say it again.
    ///
    /// # Errors
    /// `NotFound` for the device or the sensor.
    pub async fn set_kind(&self, device: DeviceId, sensor: String, kind: Option<SensorKind>) -> Result<Series> {
        self.change(move |open| {
            let device = device_rows::number(open.tx, device)?;
            let series = one(open.tx, device, &sensor)?.id;
            open.tx.set_own_kind(series, kind)?;
            let series = one(open.tx, device, &sensor)?;
            open.own.changes.push(Change::PutSeries(series.clone()));
            Ok(series)
        })
        .await
    }
}

/// The series of a sensor that is there.
fn one(ask: &dyn Snapshot, device: DeviceNo, sensor: &str) -> Result<Series> {
    ask.series_by_name(device, sensor)?.ok_or(Error::missing("sensor"))
}

/// Whether batches in a device's own numbers are in the journal, or in the group that is being written.
pub(super) fn has_own_batches(open: &OpenWrite<'_>, device: DeviceNo) -> bool {
    let is_own = |batch: &Batch| batch.id.device == device && numbering::speaks_device(batch.id.epoch);
    open.memory.head().has_own(device) || open.group.fresh.iter().any(|(_, batch)| is_own(batch))
}

/// The series of a sensor's name: made, or brought up to date.
pub(in crate::store) fn put_series(open: &mut OpenWrite<'_>, device: DeviceNo, spec: &SensorSpec) -> Result<SeriesId> {
    let old = open.tx.series_by_name(device, &spec.name)?;
    let as_said = |id| Series {
        id,
        device,
        sensor: spec.name.clone(),
        unit: spec.unit.clone(),
        // What its owner said stays.
        kind: old.as_ref().filter(|old| old.kind_by_owner).map_or(spec.kind, |old| old.kind),
        kind_by_owner: old.as_ref().is_some_and(|old| old.kind_by_owner),
        interval_ms: spec.interval_ms,
    };
    match &old {
        Some(old) if *old == as_said(old.id) => return Ok(old.id),
        Some(_) => open.tx.change_series(device, spec)?,
        None => {
            open.take_series_place()?;
            open.tx.add_series(device, spec)?;
        }
    }
    let series = one(open.tx, device, &spec.name)?;
    let id = series.id;
    open.own.changes.push(Change::PutSeries(series));
    Ok(id)
}

/// Gives a series a number of a device, and has the catalog follow.
pub(in crate::store) fn push_number(
    open: &mut OpenWrite<'_>,
    device: DeviceNo,
    number: SensorNo,
    series: SeriesId,
) -> Result<()> {
    open.tx.push_number(device, number, series)?;
    open.own.changes.push(Change::PushNumber(device, number, series));
    Ok(())
}

/// The series of a sensor's name, made where there is none, with what its owner said it is; what is known of one is left as
/// it is.
pub(in crate::store) fn put_missing(
    open: &mut OpenWrite<'_>,
    device: DeviceNo,
    spec: &SensorSpec,
    by_owner: Option<SensorKind>,
) -> Result<SeriesId> {
    if let Some(series) = open.tx.series_by_name(device, &spec.name)? {
        return Ok(series.id);
    }
    let id = put_series(open, device, spec)?;
    if let Some(kind) = by_owner {
        open.tx.set_own_kind(id, Some(kind))?;
        let series = one(open.tx, device, &spec.name)?;
        open.own.changes.push(Change::PutSeries(series));
    }
    Ok(id)
}
