//! A device's sensors: the dense numbers it sends, and the series they stand for.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::catalog::{Catalog, Series};
use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, SeriesId};
use crate::model::{BatchSeq, DeviceId, Epoch, Numbering, SensorKind, SensorNo, SensorSpec, numbering};
use crate::store::Store;
use crate::store::catalog::device_rows;
use crate::store::error::{Error, Result};
use crate::store::memory::Change;
use crate::store::sqlite::column::{Kind, signed, unsigned};
use crate::store::write::inbox::Scope;

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
        self.change(move |scope| {
            if !device_exists(scope.conn, device)? {
                return Err(Error::missing("device"));
            }
            let mut known = numbers(scope.conn, device)?;
            for (number, spec) in (usize::from(first.0)..).zip(&sensors) {
                match known.get(number) {
                    Some((_, name)) if *name != spec.name => {
                        let detail = format!("number {number} is {name}, not {}", spec.name);
                        return Err(Error::conflict("sensor", detail));
                    }
                    Some(_) => {
                        put_series(scope, device, spec)?;
                    }
                    None if number != known.len() || number >= usize::from(SensorNo::LIMIT) => {
                        let detail = format!("number {number} is not the next one, or beyond {}", SensorNo::LIMIT);
                        return Err(Error::conflict("sensor", detail));
                    }
                    None => {
                        let series = put_series(scope, device, spec)?;
                        push_number(scope, device, SensorNo(number as u16), series)?;
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
        self.change(move |scope| {
            if !device_exists(scope.conn, device)? {
                return Err(Error::missing("device"));
            }
            if has_own_batches(scope, device) {
                return Err(Error::conflict("numbering", "batches of the device arrived in the meantime".to_owned()));
            }
            forget_numbers(scope.conn, device)?;
            scope.conn.prepare_cached(SET_NUMBERING)?.execute(named_params! {
                ":device": device,
                ":epoch": numbering.epoch.0,
                ":seq": signed(numbering.seq.0),
            })?;
            scope.own.changes.push(Change::Renumber(device, numbering));
            Ok(())
        })
        .await
    }

    /// Says what a sensor is, whatever its senders say; with `None` they say it again.
    ///
    /// # Errors
    /// `NotFound` for the device or the sensor.
    pub async fn set_kind(&self, device: DeviceId, sensor: String, kind: Option<SensorKind>) -> Result<Series> {
        self.change(move |scope| {
            let device = device_rows::number(scope.conn, device)?.ok_or(Error::missing("device"))?;
            let find = named_params! { ":device": device, ":sensor": sensor };
            let read = |scope: &Scope<'_>| {
                let found = scope.conn.prepare_cached(FIND_SERIES)?.query_row(find, from_row).optional()?;
                found.ok_or(Error::missing("sensor"))
            };
            let series = read(scope)?.id;
            match kind {
                Some(kind) => put_own_kind(scope, series, kind)?,
                None => scope.conn.prepare_cached(NO_OWN_KIND)?.execute(named_params! { ":series": series })?,
            };
            let series = read(scope)?;
            scope.own.changes.push(Change::PutSeries(series.clone()));
            Ok(series)
        })
        .await
    }
}

/// Whether batches in a device's own numbers are in the journal, or in the group that is being written.
pub(super) fn has_own_batches(scope: &Scope<'_>, device: DeviceNo) -> bool {
    let is_own = |batch: &Batch| batch.id.device == device && numbering::speaks_device(batch.id.epoch);
    scope.memory.head().has_own(device) || scope.group.fresh.iter().any(|(_, batch)| is_own(batch))
}

/// Forgets the numbers that a device gave its sensors; those that the hub gave stay.
pub(super) fn forget_numbers(conn: &Connection, device: DeviceNo) -> Result<()> {
    let own = named_params! { ":device": device, ":limit": SensorNo::LIMIT };
    conn.prepare_cached(FORGET_NUMBERS)?.execute(own)?;
    Ok(())
}

const FORGET_NUMBERS: &str = "DELETE FROM sensor_number WHERE device = :device AND number < :limit";
const SET_NUMBERING: &str = "INSERT INTO numbering (device, epoch, seq) VALUES (:device, :epoch, :seq)
    ON CONFLICT (device) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq";
const OWN_KIND: &str = "INSERT INTO kind_by_owner (series, kind) VALUES (:series, :kind)
    ON CONFLICT (series) DO UPDATE SET kind = excluded.kind";
const NO_OWN_KIND: &str = "DELETE FROM kind_by_owner WHERE series = :series";

const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM device WHERE no = :device)";

/// Whether a device is there.
pub(in crate::store) fn device_exists(conn: &Connection, device: DeviceNo) -> Result<bool> {
    Ok(conn.prepare_cached(EXISTS)?.query_row(named_params! { ":device": device }, |row| row.get(0))?)
}

const NUMBERS: &str =
    "SELECT series.id, series.sensor FROM sensor_number JOIN series ON series.id = sensor_number.series
    WHERE sensor_number.device = :device AND number < :limit ORDER BY sensor_number.number";

/// The device's own numbers.
fn numbers(conn: &Connection, device: DeviceNo) -> Result<Vec<(SeriesId, String)>> {
    let mut statement = conn.prepare_cached(NUMBERS)?;
    let params = named_params! { ":device": device, ":limit": SensorNo::LIMIT };
    let rows = statement.query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(in crate::store) const FIND_SERIES: &str =
    "SELECT id, device, sensor, unit, series.kind, interval_ms, owned.kind AS owned
    FROM series LEFT JOIN kind_by_owner AS owned ON owned.series = id WHERE device = :device AND sensor = :sensor";
const INSERT_SERIES: &str = "INSERT INTO series (device, sensor, unit, kind, interval_ms)
    VALUES (:device, :sensor, :unit, :kind, :interval_ms)";
const UPDATE_SERIES: &str = "UPDATE series SET unit = :unit, kind = :kind, interval_ms = :interval_ms WHERE device = :device AND sensor = :sensor";

/// The series of a sensor's name: made, or brought up to date.
pub(in crate::store) fn put_series(scope: &mut Scope<'_>, device: DeviceNo, spec: &SensorSpec) -> Result<SeriesId> {
    let find = named_params! { ":device": device, ":sensor": spec.name };
    let old = scope.conn.prepare_cached(FIND_SERIES)?.query_row(find, from_row).optional()?;
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
    if let Some(old) = &old
        && *old == as_said(old.id)
    {
        return Ok(old.id);
    }
    if old.is_none() {
        scope.take_series_place()?;
    }
    let sql = if old.is_some() { UPDATE_SERIES } else { INSERT_SERIES };
    scope.conn.prepare_cached(sql)?.execute(named_params! {
        ":device": device,
        ":sensor": spec.name,
        ":unit": spec.unit,
        ":kind": Kind(spec.kind),
        ":interval_ms": spec.interval_ms,
    })?;
    let series = scope.conn.prepare_cached(FIND_SERIES)?.query_row(find, from_row)?;
    let id = series.id;
    scope.own.changes.push(Change::PutSeries(series));
    Ok(id)
}

const PUSH_NUMBER: &str = "INSERT INTO sensor_number (device, number, series) VALUES (:device, :number, :series)";

pub(in crate::store) fn push_number(
    scope: &mut Scope<'_>,
    device: DeviceNo,
    number: SensorNo,
    series: SeriesId,
) -> Result<()> {
    let params = named_params! { ":device": device, ":number": number.0, ":series": series };
    scope.conn.prepare_cached(PUSH_NUMBER)?.execute(params)?;
    scope.own.changes.push(Change::PushNumber(device, number, series));
    Ok(())
}

/// The series of a sensor's name, made where there is none, with what its owner said it is; what is known of one is left as
/// it is.
pub(in crate::store) fn put_missing(
    scope: &mut Scope<'_>,
    device: DeviceNo,
    spec: &SensorSpec,
    by_owner: Option<SensorKind>,
) -> Result<SeriesId> {
    let find = named_params! { ":device": device, ":sensor": spec.name };
    if let Some(series) = scope.conn.prepare_cached(FIND_SERIES)?.query_row(find, from_row).optional()? {
        return Ok(series.id);
    }
    let id = put_series(scope, device, spec)?;
    if let Some(kind) = by_owner {
        put_own_kind(scope, id, kind)?;
        let series = scope.conn.prepare_cached(FIND_SERIES)?.query_row(find, from_row)?;
        scope.own.changes.push(Change::PutSeries(series));
    }
    Ok(id)
}

fn put_own_kind(scope: &Scope<'_>, series: SeriesId, kind: SensorKind) -> Result<usize> {
    Ok(scope.conn.prepare_cached(OWN_KIND)?.execute(named_params! { ":series": series, ":kind": Kind(kind) })?)
}

pub(in crate::store) fn from_row(row: &Row<'_>) -> rusqlite::Result<Series> {
    let owned: Option<Kind> = row.get("owned")?;
    Ok(Series {
        id: row.get("id")?,
        device: row.get("device")?,
        sensor: row.get("sensor")?,
        unit: row.get("unit")?,
        kind_by_owner: owned.is_some(),
        kind: owned.map_or_else(|| row.get("kind"), Ok)?.0,
        interval_ms: row.get("interval_ms")?,
    })
}

const ALL_SERIES: &str = "SELECT id, device, sensor, unit, series.kind, interval_ms, owned.kind AS owned
    FROM series LEFT JOIN kind_by_owner AS owned ON owned.series = id ORDER BY id";
const ALL_NUMBERS: &str = "SELECT device, number, series FROM sensor_number ORDER BY device, number";
const ALL_NUMBERINGS: &str = "SELECT device, epoch, seq FROM numbering";

/// Fills the catalog at start.
pub(in crate::store) fn load(conn: &Connection, catalog: &mut Catalog) -> Result<()> {
    for series in conn.prepare(ALL_SERIES)?.query_map([], from_row)? {
        catalog.put_series(series?);
    }
    for numbering in conn.prepare(ALL_NUMBERINGS)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))? {
        let (device, epoch, seq) = numbering?;
        catalog.renumber(device, Numbering { epoch: Epoch(epoch), seq: BatchSeq(unsigned(seq)) });
    }
    for given in conn.prepare(ALL_NUMBERS)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))? {
        let (device, number, series) = given?;
        catalog.push_number(device, SensorNo(number), series);
    }
    Ok(())
}
