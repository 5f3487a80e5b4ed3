//! In process: hours of the default fleet into an empty store, in the order of time, ten samples (100 readings) a batch,
//! committed with `synchronous=FULL` while blocks are made.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use telemetry_hub::model::UnixMillis;
use telemetry_hub::model::reading::{Batch, SeriesId};
use telemetry_hub::store::{Commit, Config, SecretKey, Store};

use crate::figures::cpu_seconds;
use crate::fleet::{self, Device, INTERVAL};
use crate::{quantiles, table::Table};

/// Batches of one commit: what gathers while the one before syncs.
const GROUP: usize = 100;
/// Commits under way at once.
const IN_FLIGHT: usize = 4;
/// Samples a batch.
const SAMPLES: i64 = 10;

/// What was filled.
pub(crate) struct Day {
    pub(crate) from: UnixMillis,
    pub(crate) to: UnixMillis,
    /// Series of each device.
    pub(crate) series: Vec<Vec<SeriesId>>,
}

pub(crate) fn open(dir: &Path) -> Store {
    let key = SecretKey::load_or_create(dir).unwrap();
    Store::open(&Config { dir: dir.to_owned(), ..Config::default() }, &key).unwrap()
}

/// Fills `dir`, makes all blocks, and closes it.
pub(crate) async fn fill(table: &mut Table, dir: &Path, devices: usize, hours: i64) -> Day {
    let store = open(dir);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let (from, to) = (UnixMillis(now - hours * 3_600_000), UnixMillis(now));
    let mut fleet = fleet::adopt(&store, devices).await;
    let me = std::process::id();
    let (mut latencies, mut readings, mut making) = (Vec::new(), 0_u64, Duration::ZERO);
    let (began, cpu) = (Instant::now(), cpu_seconds(me));
    let mut in_flight = VecDeque::new();
    let ticks = hours * 3_600_000 / INTERVAL;
    for tick in (0..ticks).step_by(SAMPLES as usize) {
        let some = SAMPLES.min(ticks - tick) as usize;
        for part in fleet.chunks_mut(GROUP) {
            let generating = Instant::now();
            let batches: Vec<Batch> = part.iter_mut().map(|device| device.batch(from, tick, some)).collect();
            making += generating.elapsed();
            readings += batches.iter().map(|batch| batch.len() as u64).sum::<u64>();
            in_flight.push_back(commit(&store, batches));
            if in_flight.len() >= IN_FLIGHT {
                latencies.push(in_flight.pop_front().unwrap().await.unwrap());
            }
        }
    }
    for left in in_flight {
        latencies.push(left.await.unwrap());
    }
    store.make_blocks().await.unwrap();
    let (wall, used) = (began.elapsed().as_secs_f64(), cpu_seconds(me) - cpu - making.as_secs_f64());
    let million = readings as f64 / 1e6;
    let hub = format!(
        "{:.2} M/s, {:.3} CPU-s/M (the generator's {:.3} left out); commits {}",
        million / wall,
        used / million,
        making.as_secs_f64() / million,
        quantiles(&mut latencies),
    );
    let span = format!("{hours} h of {} series = {million:.1} M readings", devices * fleet::SENSORS);
    table.row(&format!("in process, all blocks made: {span}"), "-", hub, "");
    let series = fleet.iter().map(|device| device.series.clone()).collect();
    store.close().await.unwrap();
    let bytes = size(dir);
    let each = |bytes: u64| bytes as f64 / readings as f64;
    let database = std::fs::metadata(dir.join("telemetry.db")).unwrap().len();
    let rows = crate::row_store::run(devices);
    table.row(
        &format!("bytes on disk a reading, {span}"),
        "0.35",
        format!("{:.3} ({bytes} bytes, the whole directory; the database {:.3})", each(bytes), each(database)),
        rows,
    );
    Day { from, to, series }
}

/// Fills `dir` with a journal that is nearly full, every batch one sample as devices send them; says what is in it.
pub(crate) async fn fill_journal(dir: &Path, devices: usize) -> String {
    const FULL: u64 = 31 << 20;
    const POINTS: i64 = 1_000;
    let store = open(dir);
    let mut fleet: Vec<Device> = fleet::adopt(&store, devices).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let from = UnixMillis(now - POINTS * INTERVAL);
    for tick in 0..POINTS {
        for part in fleet.chunks_mut(GROUP * 5) {
            let batches = part.iter_mut().map(|device| device.batch(from, tick, 1)).collect();
            store.commit(Commit { batches, ..Commit::default() }).await.unwrap();
        }
        if store.stats().journal_bytes >= FULL {
            break;
        }
    }
    let stats = store.stats();
    store.close().await.unwrap();
    let mib = stats.journal_bytes as f64 / f64::from(1 << 20);
    format!(
        "a journal of {mib:.0} MiB ({:.2} M batches, {:.1} M readings)",
        stats.journal_rows as f64 / 1e6,
        stats.readings_total as f64 / 1e6
    )
}

fn commit(store: &Store, batches: Vec<Batch>) -> tokio::task::JoinHandle<Duration> {
    let store = store.clone();
    #[expect(clippy::disallowed_methods, reason = "a benchmark has no supervisor")]
    tokio::spawn(async move {
        let began = Instant::now();
        store.commit(Commit { batches, ..Commit::default() }).await.unwrap();
        began.elapsed()
    })
}

pub(crate) fn size(dir: &Path) -> u64 {
    std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}
