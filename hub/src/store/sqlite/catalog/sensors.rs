//! Rows of series, and of the numbers they have on the way.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::catalog::{Catalog, Series};
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::model::{BatchSeq, Epoch, Numbering, SensorKind, SensorNo, SensorSpec, numbering};
use crate::store::engine::nouns::{ChangeSensors, Numbers, Sensors};
use crate::store::error::Result;
use crate::store::sqlite::column::{Kind, signed, unsigned};

const FIND_SERIES: &str = "SELECT id, device, sensor, unit, series.kind, interval_ms, owned.kind AS owned
    FROM series LEFT JOIN kind_by_owner AS owned ON owned.series = id WHERE device = :device AND sensor = :sensor";
const OWN_NUMBERS: &str =
    "SELECT series.id, series.sensor FROM sensor_number JOIN series ON series.id = sensor_number.series
    WHERE sensor_number.device = :device AND number < :limit ORDER BY sensor_number.number";
const NUMBERED: &str = "SELECT COALESCE(MIN(number) < :first, 0), COALESCE(MAX(number) >= :first, 0)
    FROM sensor_number WHERE series = :series";
const NEXT: &str =
    "SELECT 1 + COALESCE(MAX(number), :first - 1) FROM sensor_number WHERE device = :device AND number >= :first";

impl Sensors for Connection {
    fn series_by_name(&self, device: DeviceNo, sensor: &str) -> Result<Option<Series>> {
        let find = named_params! { ":device": device, ":sensor": sensor };
        Ok(self.prepare_cached(FIND_SERIES)?.query_row(find, from_row).optional()?)
    }

    fn own_numbers(&self, device: DeviceNo) -> Result<Vec<(SeriesId, String)>> {
        let mut statement = self.prepare_cached(OWN_NUMBERS)?;
        let params = named_params! { ":device": device, ":limit": SensorNo::LIMIT };
        let rows = statement.query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn numbers_of(&self, device: DeviceNo, series: SeriesId) -> Result<Numbers> {
        let first = numbering::FIRST.0;
        let params = named_params! { ":series": series, ":first": first };
        let (own, given) = self.prepare_cached(NUMBERED)?.query_row(params, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let params = named_params! { ":device": device, ":first": first };
        let next = self.prepare_cached(NEXT)?.query_row(params, |row| row.get(0))?;
        Ok(Numbers { own, given, next })
    }
}

const INSERT_SERIES: &str = "INSERT INTO series (device, sensor, unit, kind, interval_ms)
    VALUES (:device, :sensor, :unit, :kind, :interval_ms)";
const UPDATE_SERIES: &str = "UPDATE series SET unit = :unit, kind = :kind, interval_ms = :interval_ms WHERE device = :device AND sensor = :sensor";
const OWN_KIND: &str = "INSERT INTO kind_by_owner (series, kind) VALUES (:series, :kind)
    ON CONFLICT (series) DO UPDATE SET kind = excluded.kind";
const NO_OWN_KIND: &str = "DELETE FROM kind_by_owner WHERE series = :series";
const PUSH_NUMBER: &str = "INSERT INTO sensor_number (device, number, series) VALUES (:device, :number, :series)";
const FORGET_NUMBERS: &str = "DELETE FROM sensor_number WHERE device = :device AND number < :limit";
const SET_NUMBERING: &str = "INSERT INTO numbering (device, epoch, seq) VALUES (:device, :epoch, :seq)
    ON CONFLICT (device) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq";

impl ChangeSensors for Connection {
    fn add_series(&self, device: DeviceNo, spec: &SensorSpec) -> Result<()> {
        write(self, INSERT_SERIES, device, spec)
    }

    fn change_series(&self, device: DeviceNo, spec: &SensorSpec) -> Result<()> {
        write(self, UPDATE_SERIES, device, spec)
    }

    fn set_own_kind(&self, series: SeriesId, kind: Option<SensorKind>) -> Result<()> {
        match kind {
            Some(kind) => {
                self.prepare_cached(OWN_KIND)?.execute(named_params! { ":series": series, ":kind": Kind(kind) })?
            }
            None => self.prepare_cached(NO_OWN_KIND)?.execute(named_params! { ":series": series })?,
        };
        Ok(())
    }

    fn push_number(&self, device: DeviceNo, number: SensorNo, series: SeriesId) -> Result<()> {
        let params = named_params! { ":device": device, ":number": number.0, ":series": series };
        self.prepare_cached(PUSH_NUMBER)?.execute(params)?;
        Ok(())
    }

    fn forget_numbers(&self, device: DeviceNo) -> Result<()> {
        let own = named_params! { ":device": device, ":limit": SensorNo::LIMIT };
        self.prepare_cached(FORGET_NUMBERS)?.execute(own)?;
        Ok(())
    }

    fn set_numbering(&self, device: DeviceNo, numbering: Numbering) -> Result<()> {
        self.prepare_cached(SET_NUMBERING)?.execute(named_params! {
            ":device": device,
            ":epoch": numbering.epoch.0,
            ":seq": signed(numbering.seq.0),
        })?;
        Ok(())
    }
}

fn write(conn: &Connection, sql: &str, device: DeviceNo, spec: &SensorSpec) -> Result<()> {
    conn.prepare_cached(sql)?.execute(named_params! {
        ":device": device,
        ":sensor": spec.name,
        ":unit": spec.unit,
        ":kind": Kind(spec.kind),
        ":interval_ms": spec.interval_ms,
    })?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Series> {
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
pub(super) fn load(conn: &Connection, catalog: &mut Catalog) -> Result<()> {
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
