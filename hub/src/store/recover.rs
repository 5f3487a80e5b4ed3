//! Salvages readings from a database that was set aside, or from any other of a hub's, into this one.
//!
//! ```text
//!   old file ──▶ times and blocks whose checksums hold ─┐
//!                journal rows whose sums hold ──────────┼──▶ blocks that rank below all that is here ──▶ one step, one
//!                rollups whose checksums hold ──────────┘                                                transaction
//! ```
//!
//! Devices are told apart by their ids and sensors by their names, so numbers need not agree. What is here already wins
//! over what comes back at the same time. Each step notes in its own transaction how far the salvage is: one that was
//! interrupted goes on where it was, and one that was finished is not done twice.

use std::collections::HashMap;
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, named_params};
use wire::Reading;
use wire::batch::{BatchBuilder, MAX_BODY};

use super::error::{Error, Result};
use super::head::Head;
use super::memory::Forgotten;
use super::rollup::{HOURS, MINUTES, Rolled, Table};
use super::write::Scope;
use super::{Store, block, column, cut, damage, journal, latest, rolled, salvage, sensors};
use crate::clock::Clock;
use crate::model::catalog::Catalog;
use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, BatchId, SeriesId};
use crate::model::{BatchSeq, DeviceId, Epoch, Lane, SensorNo, SensorSpec, UnixMillis};

/// Rows of `times` salvaged in one transaction: some hundred thousand readings at most.
const SPANS: usize = 32;
/// Journal rows salvaged in one transaction.
const ROWS: usize = 2_000;
/// Series whose rollups are salvaged in one transaction.
const SERIES: usize = 8;
/// Numbers of `times` kept free for one step: each span and series of it may need one.
const STRIDE: i64 = 16_384;

/// What a salvage brought, and what it could not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Readings brought back.
    pub readings: u64,
    /// Blocks they came from.
    pub blocks: u64,
    /// Batches of the journal they came from.
    pub batches: u64,
    /// Figures of minutes and hours brought back.
    pub figures: u64,
    /// Blocks whose checksum or page is bad.
    pub bad_blocks: u64,
    /// Batches whose checksum or page is bad.
    pub bad_batches: u64,
    /// Tables with pages that could not be read: there may have been more.
    pub torn: Vec<&'static str>,
    /// Devices of the file that this hub does not know.
    pub strangers: Vec<String>,
    /// It was salvaged before, and nothing was changed.
    pub done_before: bool,
}

impl Store {
    /// Databases that were set aside as damaged and not yet salvaged, oldest first.
    #[must_use]
    pub fn set_aside(&self) -> Vec<PathBuf> {
        self.inner.file.parent().map(damage::set_aside_in).unwrap_or_default()
    }

    /// Salvages what can be read of another database of a hub. Works beside a running hub.
    ///
    /// # Errors
    /// The file is no database of a hub; those of any write.
    pub async fn recover(&self, file: &Path) -> Result<Recovered> {
        if file.canonicalize().ok() == self.inner.file.canonicalize().ok() {
            return Err(Error::BadFile { path: file.to_owned(), detail: "this is the hub's own database" });
        }
        let (path, memory) = (file.to_owned(), self.memory_shared());
        let (name, mut old) = blocking(move || {
            let name = format!("recovered {:08x}", fingerprint(&path)?);
            Ok((name, Old::open(&path, &memory.catalog())?))
        })
        .await?;
        let progress = match self.setting(&name).await? {
            Some(text) if text == DONE => return Ok(Recovered { done_before: true, ..Recovered::default() }),
            Some(text) => Progress::parse(&text),
            None => None,
        };
        let progress = match progress {
            Some(progress) => progress,
            None => Progress { step: 0, base: self.base(old.steps.len()).await? },
        };
        for step in progress.step..old.steps.len() {
            let (back, loaded) = blocking(move || {
                let loaded = old.load(step, progress.base);
                Ok((old, loaded?))
            })
            .await?;
            old = back;
            let (name, next) = (name.clone(), Progress { step: step + 1, ..progress });
            self.change(move |scope| {
                loaded.write(scope)?;
                put_setting(scope.conn, &name, next.text().as_bytes())
            })
            .await?;
        }
        self.put_setting(&name, DONE.to_vec()).await?;
        let Old { conn, found, .. } = old;
        drop(conn);
        damage::settled(file)?;
        Ok(found)
    }

    /// Lowest number of `times` for a salvage of so many steps: below all there are, so that what is here wins.
    async fn base(&self, steps: usize) -> Result<i64> {
        let lowest =
            self.readers().run(|reader| Ok(reader.conn()?.query_row(LOWEST_TIMES, [], |row| row.get::<_, i64>(0))?));
        let base = lowest.await? - i64::try_from(steps).unwrap_or(i64::MAX / STRIDE) * STRIDE;
        // Its key is shared with the number of a series.
        if base < -(1 << 31) {
            return Err(Error::Corrupt { what: "range of block numbers: too many salvages" });
        }
        Ok(base)
    }
}

const LOWEST_TIMES: &str = "SELECT MIN(0, COALESCE(MIN(id), 0)) FROM times";
const DONE: &[u8] = b"done";

/// How far a salvage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Progress {
    step: usize,
    base: i64,
}

impl Progress {
    fn text(self) -> String {
        format!("{} {}", self.step, self.base)
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let (step, base) = std::str::from_utf8(text).ok()?.split_once(' ')?;
        Some(Self { step: step.parse().ok()?, base: base.parse().ok()? })
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Corrupt { what: "file to recover" })?
}

const PUT_SETTING: &str = "INSERT INTO setting (key, value) VALUES (:key, :value)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value";

fn put_setting(conn: &Connection, key: &str, value: &[u8]) -> Result<()> {
    conn.prepare_cached(PUT_SETTING)?.execute(named_params! { ":key": key, ":value": value })?;
    Ok(())
}

/// Tells files apart, wherever they lie.
fn fingerprint(path: &Path) -> Result<u32> {
    let read = || {
        let (mut file, mut buffer, mut sum) = (std::fs::File::open(path)?, vec![0; 1 << 20], 0);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(sum),
                read => sum = crc32c::crc32c_append(sum, buffer.get(..read).unwrap_or_default()),
            }
        }
    };
    read().map_err(|source| Error::File { path: path.to_owned(), source })
}

/// The file that is salvaged.
struct Old {
    conn: Connection,
    devices: Vec<OldDevice>,
    steps: Vec<Step>,
    found: Recovered,
}

struct OldDevice {
    no: DeviceNo,
    /// Its number here.
    now: DeviceNo,
    series: Vec<(SeriesId, SensorSpec)>,
    /// Series of its sensor numbers.
    numbers: Vec<SeriesId>,
    rolled: rolled::Rolled,
}

/// What is done in one transaction: of which device, which rows.
enum Step {
    Blocks(usize, Vec<i64>),
    Journal(usize, Vec<i64>),
    Rollups(usize, Range<usize>),
}

const DEVICES: &str = "SELECT no, id, name FROM device ORDER BY no";
const OF_DEVICE: &str = "SELECT id, sensor, unit, kind, interval_ms FROM series WHERE device = :device ORDER BY id";
const NUMBERS: &str = "SELECT series FROM sensor_number WHERE device = :device ORDER BY number";
const JOURNAL_ROW: &str = "SELECT device, payload, crc FROM journal WHERE id = :id";

impl Old {
    fn open(path: &Path, catalog: &Catalog) -> Result<Self> {
        let conn = salvage::open_any(path).map_err(|error| {
            tracing::error!(%error, "{} cannot be opened: {error}", path.display());
            let detail = "no database of a hub, or its first page is gone: nothing can be salvaged from it";
            Error::BadFile { path: path.to_owned(), detail }
        })?;
        let mut old = Self { conn, devices: Vec::new(), steps: Vec::new(), found: Recovered::default() };
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
                    block::span(&self.conn, row).ok().flatten().map(|(device, _)| device)
                } else {
                    journal_row(&self.conn, row).map(|(device, _)| device)
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
            let series = device.series.len();
            let rollups = (0..series).step_by(SERIES).map(|from| from..(from + SERIES).min(series));
            self.steps.extend(rollups.map(|range| Step::Rollups(index, range)));
        }
    }

    /// Reads what a step brings.
    fn load(&mut self, step: usize, base: i64) -> Result<Loaded> {
        let Self { conn, devices, steps, found } = self;
        let Some(step_is) = steps.get(step) else { return Ok(Loaded::default()) };
        let (Step::Blocks(device, _) | Step::Journal(device, _) | Step::Rollups(device, _)) = step_is;
        let Some(device) = devices.get(*device) else { return Ok(Loaded::default()) };
        let mut gathered = Gathered::default();
        let mut rollups = Vec::new();
        match step_is {
            Step::Blocks(_, times) => {
                times.iter().for_each(|&times| blocks(conn, device, times, &mut gathered, found));
            }
            Step::Journal(_, rows) => rows.iter().for_each(|&row| batch(conn, device, row, &mut gathered, found)),
            Step::Rollups(_, range) => {
                for (place, (series, _)) in device.series.iter().enumerate().skip(range.start).take(range.len()) {
                    rollups.extend(
                        figures(conn, *series, found).into_iter().map(|(table, figures)| (place, table, figures)),
                    );
                }
            }
        }
        let next_times = base + i64::try_from(step).unwrap_or(0) * STRIDE;
        let sensors = device.series.iter().map(|(_, spec)| spec.clone()).collect();
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
                Ok((row.get("id")?, spec))
            })?;
            series.collect::<rusqlite::Result<Vec<_>>>()
        });
        let here = catalog.series_of(now).map(|series| {
            let (name, unit) = (series.sensor.clone(), series.unit.clone());
            (series.id, SensorSpec { name, unit, kind: series.kind, interval_ms: series.interval_ms })
        });
        let series = series.unwrap_or_else(|_| here.collect());
        let numbers = conn.prepare_cached(NUMBERS).and_then(|mut statement| {
            statement.query_map(params, |row| row.get(0))?.collect::<rusqlite::Result<Vec<_>>>()
        });
        let numbers = numbers.unwrap_or_else(|_| catalog.sensor_numbers(now).to_vec());
        // Where the file cannot say, its figures by the minute are taken for complete.
        Self { no, now, series, numbers, rolled: rolled::of(conn, no).unwrap_or_default() }
    }

    /// Place of a series among this device's: its sensor number on the way.
    fn place(&self, series: SeriesId) -> Option<SensorNo> {
        let place = u16::try_from(self.series.iter().position(|(id, _)| *id == series)?).ok()?;
        Some(SensorNo(place)).filter(|place| place.0 < SensorNo::LIMIT)
    }
}

fn journal_row(conn: &Connection, row: i64) -> Option<(DeviceNo, Vec<u8>)> {
    let mut statement = conn.prepare_cached(JOURNAL_ROW).ok()?;
    let found = statement.query_row(named_params! { ":id": row }, |found| {
        Ok((found.get("device")?, found.get::<_, Vec<u8>>("payload")?, found.get::<_, Option<i64>>("crc")?))
    });
    let (device, payload, crc) = found.ok()?;
    crc.is_none_or(|crc| crc == journal::sum(row, device, &payload)).then_some((device, payload))
}

/// Takes the readings of a row of `times` and its blocks.
fn blocks(conn: &Connection, device: &OldDevice, times: i64, gathered: &mut Gathered, found: &mut Recovered) {
    let Ok(Some((_, span))) = block::span(conn, times) else { return };
    let Ok(Some(at)) = block::times(conn, &span) else {
        found.bad_blocks += 1;
        return;
    };
    for (series, _) in &device.series {
        let Some(place) = device.place(*series) else { continue };
        match block::values(conn, &span, *series) {
            Ok(Some(values)) => {
                found.blocks += 1;
                for (&at, value) in at.iter().zip(values.plain()) {
                    gathered.push(&Reading { sensor: place, at: UnixMillis(at), value });
                    found.readings += 1;
                }
            }
            // No block, or one whose checksum does not hold: which of the two, only the row knows.
            Ok(None) => found.bad_blocks += u64::from(block::exists(conn, &span, *series).unwrap_or(true)),
            Err(_) => found.bad_blocks += 1,
        }
    }
}

/// Takes the readings of a journal row.
fn batch(conn: &Connection, device: &OldDevice, row: i64, gathered: &mut Gathered, found: &mut Recovered) {
    let mut rows = wire::batch::Rows::default();
    match journal_row(conn, row) {
        Some((_, payload)) if journal::decode(row, &payload, &mut rows) => {
            found.batches += 1;
            for reading in rows.iter() {
                let series = device.numbers.get(usize::from(reading.sensor.0));
                if let Some(sensor) = series.and_then(|series| device.place(*series)) {
                    gathered.push(&Reading { sensor, ..reading });
                    found.readings += 1;
                }
            }
        }
        _ => found.bad_batches += 1,
    }
}

/// Takes the figures of a series by the minute and by the hour.
fn figures(conn: &Connection, series: SeriesId, found: &mut Recovered) -> Vec<(Table, Rolled)> {
    let mut all = Vec::new();
    for (table, name) in [(MINUTES, "minutes"), (HOURS, "hours")] {
        let mut rolled = Rolled::new();
        let rows = table.rows(conn, (i64::MIN, i64::MAX));
        let read = rows.and_then(|rows| {
            table.read(conn, series, (i64::MIN, i64::MAX), &rows, |start, bucket| {
                rolled.insert(start, *bucket);
            })
        });
        if read.is_err() && !found.torn.contains(&name) {
            found.torn.push(name);
        }
        found.figures += rolled.len() as u64;
        all.push((table, rolled));
    }
    all.retain(|(_, rolled)| !rolled.is_empty());
    all
}

/// Readings on their way, encoded as a device would.
#[derive(Default)]
struct Gathered {
    builder: Option<BatchBuilder>,
    done: Vec<Vec<u8>>,
}

impl Gathered {
    fn push(&mut self, reading: &Reading) {
        let builder = self.builder.get_or_insert_with(|| BatchBuilder::new(MAX_BODY));
        if !builder.push(reading) {
            self.done.extend(self.builder.take().map(|mut builder| builder.finish()));
            let builder = self.builder.insert(BatchBuilder::new(MAX_BODY));
            builder.push(reading);
        }
    }

    fn done(mut self) -> Vec<Vec<u8>> {
        self.done.extend(self.builder.take().filter(|builder| !builder.is_empty()).map(|mut builder| builder.finish()));
        self.done
    }
}

/// What one step brings, to be written in one transaction.
#[derive(Default)]
struct Loaded {
    device: Option<DeviceNo>,
    /// By the sensor numbers that the payloads use.
    sensors: Vec<SensorSpec>,
    payloads: Vec<Vec<u8>>,
    next_times: i64,
    rollups: Vec<(usize, Table, Rolled)>,
    /// Where the file says that it has figures.
    rolled: rolled::Rolled,
}

impl Loaded {
    fn write(mut self, scope: &mut Scope<'_>) -> Result<()> {
        let Some(device) = self.device else { return Ok(()) };
        if self.payloads.is_empty() && self.rollups.is_empty() {
            return Ok(());
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
        let Some(cut) = cut::cut(device, &series, &fresh, &mut self.next_times)? else { return Ok(()) };
        block::insert(scope.conn, &cut)?;
        latest::save_newer(scope, &head, &series)?;
        scope.own.forgotten.push(Forgotten { device, row: 0, reach: Some(cut.reach), series: Vec::new() });
        Ok(())
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
