//! The file that is salvaged: whose rows it has, in which steps they come, and what of them can be believed.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use rusqlite::{Connection, named_params};
use wire::Reading;
use wire::batch::{BatchBuilder, MAX_BODY};

use super::salvage;
use crate::model::catalog::Catalog;
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;
use crate::model::{DeviceId, Epoch, SensorNo, SensorSpec, UnixMillis, numbering};
use crate::store::engine::salvage::{Loaded, OldSensor, Recovered, STRIDE, Salvage};
use crate::store::engine::snapshot::{Column, Part, Rollups as _, Spans as _};
use crate::store::error::{Error, Result};
use crate::store::pack::payload::decode;
use crate::store::pack::rollup::Row;
use crate::store::sqlite::blocks;
use crate::store::sqlite::column;
use crate::store::sqlite::file::migrate;
use crate::store::sqlite::journal;
use crate::store::tier::{HOURS, MINUTES, RolledUpTo, Table, Tier};

/// Rows of `times` salvaged in one transaction: some hundred thousand readings at most.
const SPANS: usize = 8;
/// Journal rows salvaged in one transaction.
const ROWS: usize = 2_000;
/// Rows of rollups salvaged in one transaction: they are joined to those here while the writer waits, some milliseconds.
const ROLLUPS: usize = 32;

/// The file that is salvaged.
pub(in crate::store) struct Old {
    conn: Connection,
    devices: Vec<OldDevice>,
    steps: Vec<Step>,
    /// How many of them bring readings; those that bring rollups come behind.
    packing: usize,
    found: Recovered,
}

struct OldDevice {
    no: DeviceNo,
    /// Its number here.
    now: DeviceNo,
    series: Vec<(SeriesId, OldSensor)>,
    /// Series of its sensor numbers.
    numbers: Vec<SeriesId>,
    rolled: RolledUpTo,
}

/// What is done in one transaction: of which device, which rows.
enum Step {
    Blocks(usize, Vec<i64>),
    Journal(usize, Vec<i64>),
    /// Of the series at a place, from a table.
    Rollups(usize, usize, Table, Vec<i64>),
}

const DEVICES: &str = "SELECT no, id, name FROM device ORDER BY no";
const OF_DEVICE: &str = "SELECT id, sensor, unit, kind, interval_ms FROM series WHERE device = :device ORDER BY id";
// A table that files of before do not have.
const BY_OWNER: &str = "SELECT kind FROM kind_by_owner WHERE series = :series";
const NUMBERS: &str = "SELECT number, series FROM sensor_number WHERE device = :device ORDER BY number";
const JOURNAL_ROW: &str = "SELECT device, epoch, payload, crc FROM journal WHERE id = :id";

impl Old {
    /// Opens a file and plans its salvage.
    pub(in crate::store) fn open(path: &Path, catalog: &Catalog) -> Result<Self> {
        let conn = salvage::open_any(path).map_err(|error| {
            tracing::error!(%error, "{} cannot be opened: {error}", path.display());
            let detail = "not the database of a hub, or its first page is unreadable: nothing can be recovered from it";
            Error::BadFile { path: path.to_owned(), detail }
        })?;
        // Where the page that says so is damaged, it is taken for what is known.
        if let Err(error @ Error::Newer { .. }) = migrate::refuse_newer(&conn) {
            return Err(error);
        }
        let mut old = Self { conn, devices: Vec::new(), steps: Vec::new(), packing: 0, found: Recovered::default() };
        old.find_devices(catalog);
        old.plan();
        Ok(old)
    }

    fn find_devices(&mut self, catalog: &Catalog) {
        let mut ids = Vec::new();
        let whole = self.conn.prepare(DEVICES).and_then(|mut statement| {
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let id = DeviceId::from_bytes(row.get("id")?);
                ids.push((row.get("no")?, id, row.get::<_, String>("name")?));
            }
            Ok(())
        });
        for (no, id, name) in ids {
            match catalog.device_by_id(id) {
                Some(device) => self.devices.push(OldDevice::read(&self.conn, no, device.no, catalog)),
                None => self.found.strangers.push(name),
            }
        }
        if whole.is_err() {
            self.found.torn.push("device");
            // A database made in place of a damaged one keeps its numbers.
            for device in catalog.devices() {
                if !self.devices.iter().any(|known| known.no == device.no || known.now == device.no) {
                    self.devices.push(OldDevice::read(&self.conn, device.no, device.no, catalog));
                }
            }
        }
    }

    fn plan(&mut self) {
        let mut of_device: HashMap<DeviceNo, (Vec<i64>, Vec<i64>)> = HashMap::new();
        for (table, bad) in [("times", &mut self.found.bad_blocks), ("journal", &mut self.found.bad_batches)] {
            let (rows, torn) = salvage::row_numbers(&self.conn, table);
            if torn {
                self.found.torn.push(table);
            }
            for row in rows {
                let device = if table == "times" {
                    blocks::span(&self.conn, row).ok().flatten().map(|(device, _)| device)
                } else {
                    journal_row(&self.conn, row).map(|(device, ..)| device)
                };
                let Some(device) = device else {
                    *bad += 1;
                    continue;
                };
                let (times, journal) = of_device.entry(device).or_default();
                if table == "times" { times.push(row) } else { journal.push(row) }
            }
        }
        for (index, device) in self.devices.iter().enumerate() {
            let (times, journal) = of_device.remove(&device.no).unwrap_or_default();
            self.steps.extend(times.chunks(SPANS).map(|some| Step::Blocks(index, some.to_vec())));
            self.steps.extend(journal.chunks(ROWS).map(|some| Step::Journal(index, some.to_vec())));
        }
        self.packing = self.steps.len();
        for table in [MINUTES, HOURS] {
            let (keys, torn) = salvage::row_numbers(&self.conn, name_of(table));
            if torn {
                self.found.torn.push(name_of(table));
            }
            let mut of_series: HashMap<SeriesId, Vec<i64>> = HashMap::new();
            for (row, series) in keys.into_iter().map(Table::unkey) {
                of_series.entry(series).or_default().push(row);
            }
            for (index, device) in self.devices.iter().enumerate() {
                for (place, (series, _)) in device.series.iter().enumerate() {
                    let rows = of_series.remove(series).unwrap_or_default();
                    let steps = rows.chunks(ROLLUPS).map(|some| Step::Rollups(index, place, table, some.to_vec()));
                    self.steps.extend(steps);
                }
            }
        }
    }
}

impl Salvage for Old {
    fn steps(&self) -> usize {
        self.steps.len()
    }

    fn packing_steps(&self) -> usize {
        self.packing
    }

    fn close(self: Box<Self>) -> Recovered {
        self.found
    }

    fn load(&mut self, step: usize, base: i64) -> Result<Loaded> {
        let Self { conn, devices, steps, found, .. } = self;
        let Some(step_is) = steps.get(step) else { return Ok(Loaded::default()) };
        let (Step::Blocks(device, _) | Step::Journal(device, _) | Step::Rollups(device, ..)) = step_is;
        let Some(device) = devices.get(*device) else { return Ok(Loaded::default()) };
        let mut gathered = Gathered::default();
        let mut rollups = Vec::new();
        match step_is {
            Step::Blocks(_, times) => {
                times.iter().for_each(|&times| blocks(conn, device, times, &mut gathered, found));
            }
            Step::Journal(_, rows) => rows.iter().for_each(|&row| batch(conn, device, row, &mut gathered, found)),
            Step::Rollups(_, place, table, rows) => {
                if let Some((series, _)) = device.series.get(*place) {
                    rollups.push((*place, *table, figures(conn, *series, *table, rows, found)));
                }
            }
        }
        let next_times = base + i64::try_from(step).unwrap_or(0) * STRIDE;
        let sensors = device.series.iter().map(|(_, sensor)| sensor.clone()).collect();
        Ok(Loaded {
            device: Some(device.now),
            sensors,
            payloads: gathered.done(),
            next_times,
            rollups,
            rolled: device.rolled,
        })
    }
}

impl OldDevice {
    /// A device with its sensors as the file has them; where they cannot be read, as they are here.
    fn read(conn: &Connection, no: DeviceNo, now: DeviceNo, catalog: &Catalog) -> Self {
        let params = named_params! { ":device": no };
        let series = conn.prepare_cached(OF_DEVICE).and_then(|mut statement| {
            let series = statement.query_map(params, |row| {
                let spec = SensorSpec {
                    name: row.get("sensor")?,
                    unit: row.get("unit")?,
                    kind: row.get::<_, column::Kind>("kind")?.0,
                    interval_ms: row.get("interval_ms")?,
                };
                let id = row.get("id")?;
                let kind = conn.prepare_cached(BY_OWNER).and_then(|mut statement| {
                    statement.query_row(named_params! { ":series": id }, |row| row.get::<_, column::Kind>(0))
                });
                Ok((id, OldSensor { spec, by_owner: kind.ok().map(|kind| kind.0) }))
            })?;
            series.collect::<rusqlite::Result<Vec<_>>>()
        });
        let here = catalog.series_of(now).map(|series| {
            let (name, unit) = (series.sensor.clone(), series.unit.clone());
            let spec = SensorSpec { name, unit, kind: series.kind, interval_ms: series.interval_ms };
            (series.id, OldSensor { spec, by_owner: None })
        });
        let series = series.unwrap_or_else(|_| here.collect());
        let numbers = conn.prepare_cached(NUMBERS).and_then(|mut statement| {
            let given = statement.query_map(params, |row| Ok((row.get::<_, u16>(0)?, row.get(1)?)))?;
            let mut numbers = Vec::new();
            for given in given {
                let (number, series) = given?;
                numbers.resize(usize::from(number), SeriesId(0));
                numbers.push(series);
            }
            Ok(numbers)
        });
        let numbers = numbers.unwrap_or_else(|_| catalog.sensor_numbers(now).into_owned());
        // Where the file cannot say, its figures by the minute are taken for complete.
        Self { no, now, series, numbers, rolled: conn.rolled(no).unwrap_or_default() }
    }

    /// Place of a series among this device's: its sensor number on the way.
    fn place(&self, series: SeriesId) -> Option<SensorNo> {
        u16::try_from(self.series.iter().position(|(id, _)| *id == series)?).map(SensorNo).ok()
    }
}

fn journal_row(conn: &Connection, row: i64) -> Option<(DeviceNo, Epoch, Vec<u8>)> {
    let mut statement = conn.prepare_cached(JOURNAL_ROW).ok()?;
    let found = statement.query_row(named_params! { ":id": row }, |found| {
        let epoch = Epoch(found.get("epoch")?);
        Ok((found.get("device")?, epoch, found.get::<_, Vec<u8>>("payload")?, found.get::<_, Option<i64>>("crc")?))
    });
    let (device, epoch, payload, crc) = found.ok()?;
    crc.is_none_or(|crc| crc == journal::sum(row, device, epoch, &payload)).then_some((device, epoch, payload))
}

/// Takes the readings of a row of `times` and its blocks.
fn blocks(conn: &Connection, device: &OldDevice, times: i64, gathered: &mut Gathered, found: &mut Recovered) {
    let Ok(Some((_, span))) = blocks::span(conn, times) else { return };
    let Some(at) = conn.times(&[span]).ok().and_then(|mut times| times.pop().flatten()) else {
        found.bad_blocks += 1;
        return;
    };
    for (series, _) in &device.series {
        let Some(place) = device.place(*series) else { continue };
        let mut is_read = false;
        let read = conn.columns(*series, &[(span, Part::Values)], &mut |_, column| {
            let Column::Values(values) = column else { return Ok(()) };
            is_read = true;
            found.blocks += 1;
            for (&at, value) in at.iter().zip(values.plain()) {
                gathered.push(&Reading { sensor: place, at: UnixMillis(at), value });
            }
            Ok(())
        });
        match read {
            Ok(()) if is_read => {}
            // No block, or one whose checksum does not hold: which of the two, only the row knows.
            Ok(()) => {
                let is_there = conn.has_blocks(&[span], *series).map_or(true, |there| there.contains(&true));
                found.bad_blocks += u64::from(is_there);
            }
            Err(_) => found.bad_blocks += 1,
        }
    }
}

/// Takes the readings of a journal row.
fn batch(conn: &Connection, device: &OldDevice, row: i64, gathered: &mut Gathered, found: &mut Recovered) {
    let mut rows = wire::batch::Rows::default();
    match journal_row(conn, row) {
        Some((_, epoch, payload)) if decode(row, epoch, &payload, &mut rows) => {
            found.batches += 1;
            for reading in rows.iter() {
                let series = device.numbers.get(usize::from(reading.sensor.0));
                if let Some(sensor) = series.and_then(|series| device.place(*series)) {
                    gathered.push(&Reading { sensor, ..reading });
                }
            }
        }
        _ => found.bad_batches += 1,
    }
}

/// Takes the figures of a series from some rows of a table.
fn figures(conn: &Connection, series: SeriesId, table: Table, rows: &[i64], found: &mut Recovered) -> Row {
    let mut row = Row::default();
    let keys: Vec<i64> = rows.iter().map(|row| table.key(*row, series)).collect();
    let read = conn.rollups(table, &keys, &mut |stored| {
        let knots = stored.points();
        row.buckets.extend(stored.buckets.iter().map(|(start, bucket)| (*start, *bucket)));
        row.knots.extend(knots.iter().map(|knot| (knot.at.0, knot.value)));
    });
    if read.is_err() && !found.torn.contains(&name_of(table)) {
        found.torn.push(name_of(table));
    }
    found.figures += row.buckets.len() as u64;
    row
}

/// Readings on their way, encoded as a device would, or the hub where it has more sensors than that.
#[derive(Default)]
struct Gathered {
    builders: BTreeMap<Epoch, BatchBuilder>,
    done: Vec<(Epoch, Vec<u8>)>,
}

impl Gathered {
    fn push(&mut self, reading: &Reading) {
        let epoch = numbering::epoch_of(reading.sensor).unwrap_or(Epoch(0));
        let reading = Reading { sensor: numbering::within(reading.sensor), ..*reading };
        let builder = self.builders.entry(epoch).or_insert_with(|| BatchBuilder::new(MAX_BODY));
        if !builder.push(&reading) {
            self.done.push((epoch, builder.finish()));
            builder.push(&reading);
        }
    }

    fn done(mut self) -> Vec<(Epoch, Vec<u8>)> {
        let open = self.builders.into_iter().filter(|(_, builder)| !builder.is_empty());
        self.done.extend(open.map(|(epoch, mut builder)| (epoch, builder.finish())));
        self.done
    }
}

/// What a table of rollups is called in the file.
const fn name_of(table: Table) -> &'static str {
    match table.tier {
        Tier::Hour => "hours",
        Tier::Raw | Tier::Minute => "minutes",
    }
}
