//! P10: damage is found, never served, and never stops a hub for long.
//!
//! A store with blocks, a journal and rollups is damaged in many ways: bits, runs of garbage, zeroed pages and sectors, cut
//! ends, in the database and in its log. Whatever happens, it opens, serves only what was stored, knows its devices, takes
//! new readings; and what `recover` brings back of a file set aside is again only what was stored.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use telemetry_hub::identity;
use telemetry_hub::model::device::{Device, Introduction, NewDevice};
use telemetry_hub::model::reading::{Batch, BatchId, SeriesId};
use telemetry_hub::model::{BatchSeq, DeviceId, Epoch, Lane, PublicKey, SensorKind, SensorNo, SensorSpec, UnixMillis};
use telemetry_hub::store::{Aggregates, Buckets, Columns, Commit, Group, Query, Store};
use wire::Reading;
use wire::batch::{BatchBuilder, MAX_BODY};

use crate::dice::Dice;
use crate::ledger::open;
use crate::soak;
use crate::support::device::{FakeDevice, READINGS};
use crate::support::webhook_sink::{Answer, WebhookSink};
use crate::support::{HubProcess, eventually};

const T0: i64 = 1_700_000_000_000;
const DEVICES: u8 = 3;
const SENSORS: u16 = 4;
const HOUR: i64 = 3_600_000;
const PAGE: usize = 8192;

/// What was stored: by device and sensor, values by time.
type Truth = HashMap<(DeviceId, String), BTreeMap<i64, f64>>;

#[test]
fn damage_anywhere_is_found_and_never_served() {
    let rounds = if soak() { 5_000 } else { 200 };
    let seed = std::env::var("CORRUPTION_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let (whole, truth) = model();
    let panics = count_panics();
    let next = AtomicUsize::new(0);
    let tally = std::sync::Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let runtime =
                    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
                loop {
                    let round = next.fetch_add(1, Ordering::Relaxed);
                    if round >= rounds {
                        return;
                    }
                    let mut dice = Dice::new(seed * 1_000_000 + round as u64);
                    let home = scratch();
                    for (name, content) in &whole {
                        std::fs::write(home.path().join(name), content).unwrap();
                    }
                    let what = damage(home.path(), &mut dice);
                    let outcome = runtime.block_on(examine(home.path(), &truth));
                    let mut tally = tally.lock().unwrap();
                    match outcome {
                        Ok(seen) => tally.add(&seen),
                        Err(problem) => tally.problems.push(format!("seed {seed}, round {round}, {what}: {problem}")),
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    assert!(tally.problems.is_empty(), "{}", tally.problems.join("\n"));
    assert_eq!(panics.load(Ordering::Relaxed), 0, "threads panicked");
    assert!(tally.set_aside > 0 && tally.missing > 0, "hardly anything was damaged: {tally:?}");
    eprintln!(
        "{rounds} damages: {} files set aside, 0 wrong values; of {} readings {} were gone, {} after recover; slowest {:?}",
        tally.set_aside, tally.readings, tally.missing, tally.missing_after, tally.slowest
    );
}

#[derive(Debug, Default)]
struct Tally {
    problems: Vec<String>,
    set_aside: usize,
    readings: usize,
    missing: usize,
    missing_after: usize,
    slowest: Duration,
}

impl Tally {
    fn add(&mut self, seen: &Self) {
        self.set_aside += seen.set_aside;
        self.readings += seen.readings;
        self.missing += seen.missing;
        self.missing_after += seen.missing_after;
        self.slowest = self.slowest.max(seen.slowest);
    }
}

/// Panics of any thread of this process from here on.
fn count_panics() -> &'static AtomicUsize {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        before(info);
    }));
    &PANICS
}

fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// A store as it lies on disk while a hub runs, and what is in it.
fn model() -> (Vec<(String, Vec<u8>)>, Truth) {
    let home = scratch();
    let mut truth = Truth::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    runtime.block_on(async {
        let mut store = open(home.path()).unwrap();
        identity::load_or_create(&store).await.unwrap();
        let mut devices = Vec::new();
        for n in 0..DEVICES {
            devices.push(adopt(&store, n).await);
        }
        // In blocks and checkpointed, then in blocks in the log, then in the journal: each a place of its own.
        for seq in 0..30 {
            for (device, series) in &devices {
                let batch = batch(device, series, seq, &mut truth);
                store.commit(Commit { batches: vec![batch], ..Commit::default() }).await.unwrap();
            }
            if seq == 10 || seq == 20 {
                store.make_blocks().await.unwrap();
            }
            if seq == 10 {
                store.close().await.unwrap();
                store = open(home.path()).unwrap();
            }
        }
        // The copy of who is who is made by a thread of the store.
        eventually("catalog copied", Duration::from_secs(10), || home.path().join("catalog.db").exists().then_some(()));
        let files = ["telemetry.db", "telemetry.db-wal", "secret.key", "catalog.db"];
        let files = files.map(|name| (name.to_owned(), std::fs::read(home.path().join(name)).unwrap())).to_vec();
        store.close().await.unwrap();
        (files, truth)
    })
}

async fn adopt(store: &Store, n: u8) -> (Device, Vec<SeriesId>) {
    let new = NewDevice {
        key: PublicKey([n + 1; 32]),
        introduction: Introduction { name: format!("pump-{n}"), ..Introduction::default() },
        address: None,
        handshake_counter: 1,
        join_token: None,
        at: UnixMillis(T0),
    };
    let device = store.adopt(new).await.unwrap();
    let specs = (0..SENSORS).map(|sensor| SensorSpec {
        name: format!("sensor-{sensor}"),
        unit: "C".to_owned(),
        kind: SensorKind::Gauge,
        interval_ms: 1_000,
    });
    let series = store.register_sensors(device.no, SensorNo(0), specs.collect()).await.unwrap();
    (device, series)
}

/// Batch `seq` of a device, forty readings a sensor a second apart; put into the truth.
fn batch(device: &Device, series: &[SeriesId], seq: u64, truth: &mut Truth) -> Batch {
    let mut builder = BatchBuilder::new(MAX_BODY);
    let mut all = Batch {
        id: BatchId { device: device.no, epoch: Epoch(1), seq: BatchSeq(seq) },
        lane: Lane::Live,
        received_at: UnixMillis(T0 + seq as i64),
        payload: Vec::new(),
        series: Vec::new(),
        at: Vec::new(),
        value: Vec::new(),
    };
    for n in 0..40_i64 {
        for (sensor, series) in (0..SENSORS).zip(series) {
            let at = T0 + seq as i64 * 40_000 + n * 1_000;
            let value = f64::from(device.no.0 * 1_000 + u32::from(sensor) * 100) + ((at / 1_000) % 77) as f64 / 10.0;
            assert!(builder.push(&Reading { sensor: SensorNo(sensor), at: UnixMillis(at), value }));
            all.series.push(*series);
            all.at.push(UnixMillis(at));
            all.value.push(value);
            truth.entry((device.id, format!("sensor-{sensor}"))).or_default().insert(at, value);
        }
    }
    all.payload = builder.finish();
    all
}

/// Damages the files in one of many ways, and says how.
fn damage(dir: &Path, dice: &mut Dice) -> String {
    let name = if dice.below(3) == 0 { "telemetry.db-wal" } else { "telemetry.db" };
    let path = dir.join(name);
    let mut content = std::fs::read(&path).unwrap();
    let size = content.len() as u64;
    let place = dice.below(size) as usize;
    let what = match dice.below(6) {
        0 | 1 => {
            let bit = dice.below(8);
            content[place] ^= 1 << bit;
            format!("bit {bit} of byte {place}")
        }
        2 => {
            let end = (place + 16).min(content.len());
            content[place..end].iter_mut().for_each(|byte| *byte = dice.roll() as u8);
            format!("16 bytes of garbage at {place}")
        }
        3 => {
            let from = place / PAGE * PAGE;
            let end = (from + PAGE).min(content.len());
            content[from..end].fill(0);
            format!("page at {from} zeroed")
        }
        4 => {
            let from = place / 512 * 512;
            let end = (from + 512).min(content.len());
            content[from..end].fill(0);
            format!("sector at {from} zeroed")
        }
        _ => {
            content.truncate(place);
            format!("cut to {place} bytes")
        }
    };
    std::fs::write(&path, content).unwrap();
    format!("{name}: {what}")
}

/// Opens the damaged store as a hub would, and holds all it says against the truth.
async fn examine(dir: &Path, truth: &Truth) -> Result<Tally, String> {
    let began = Instant::now();
    let store = open(dir).map_err(|error| format!("does not open: {error}"))?;
    identity::load_or_create(&store).await.map_err(|error| format!("lost its identity: {error}"))?;
    // Ingesting again, by devices that need no adoption.
    for n in 0..DEVICES {
        let key = PublicKey([n + 1; 32]);
        let device = store.catalog().device_by_id(DeviceId::of(&key)).cloned();
        let device = device.ok_or_else(|| format!("pump-{n} has to be adopted again"))?;
        if device.key != key || device.name != format!("pump-{n}") {
            return Err(format!("pump-{n} is another: {device:?}"));
        }
        let specs = (0..SENSORS).map(|sensor| SensorSpec {
            name: format!("sensor-{sensor}"),
            unit: "C".to_owned(),
            kind: SensorKind::Gauge,
            interval_ms: 1_000,
        });
        let known = store.catalog().sensor_numbers(device.no).len();
        let rest: Vec<_> = specs.skip(known).collect();
        let series = store
            .register_sensors(device.no, SensorNo(known as u16), rest)
            .await
            .map_err(|error| format!("sensors of pump-{n}: {error}"))?;
        let mut new = Truth::new();
        let batch = batch(&device, &series, 1_000, &mut new);
        let commit = Commit { batches: vec![batch], ..Commit::default() };
        let stored = store.commit(commit).await.map_err(|error| format!("takes no readings: {error}"))?;
        if stored.fresh.len() != 1 {
            return Err("took new readings for old ones".to_owned());
        }
        compare(&store, &new).await?;
    }
    if !store.set_aside().is_empty() {
        store.make_blocks().await.map_err(|error| format!("the new file makes no blocks: {error}"))?;
    }
    // Printed, not held against a limit: that says more of what else the machine does. The check of a start is bounded.
    let took = began.elapsed();
    let missing = compare(&store, truth).await?;
    let aside = store.set_aside();
    for file in &aside {
        // A file whose first page is gone says so; nothing comes back from it.
        if let Err(error) = store.recover(file).await
            && !matches!(error, telemetry_hub::store::Error::BadFile { .. })
        {
            return Err(format!("recover: {error}"));
        }
    }
    let missing_after = if aside.is_empty() { missing } else { compare(&store, truth).await? };
    if missing_after > missing {
        return Err(format!("recover lost readings: {missing} were missing, then {missing_after}"));
    }
    store.close().await.unwrap();
    let readings = truth.values().map(BTreeMap::len).sum();
    Ok(Tally { problems: Vec::new(), set_aside: aside.len(), readings, missing, missing_after, slowest: took })
}

/// Reads everything in every way; returns how many readings are missing.
async fn compare(store: &Store, truth: &Truth) -> Result<usize, String> {
    let mut missing = 0;
    for ((device, sensor), values) in truth {
        let series = {
            let catalog = store.catalog();
            let device = catalog.device_by_id(*device).ok_or("a device is gone")?;
            catalog.series_of(device.no).find(|series| series.sensor == *sensor).map(|series| series.id)
        };
        let Some(series) = series else {
            missing += values.len();
            continue;
        };
        let (first, last) = (*values.keys().next().unwrap(), *values.keys().next_back().unwrap());
        let (from, to) = (UnixMillis(first), UnixMillis(last + 1));
        // A page that cannot be read is an answer as well, as long as it is no wrong one.
        let Ok(page) = store.readings(series, from, to, 1_000_000).await else {
            missing += values.len();
            continue;
        };
        for point in &page.points {
            if values.get(&point.at.0) != Some(&point.value) {
                return Err(format!("{sensor} at {}: {} was never sent", point.at.0, point.value));
            }
        }
        missing += values.len() - page.points.len();
        if let [Some(latest)] = store.latest(&[series])[..]
            && values.get(&latest.at.0).is_some_and(|value| *value != latest.value)
        {
            return Err(format!("{sensor}: latest is {}", latest.value));
        }
        buckets(store, series, values).await?;
    }
    Ok(missing)
}

/// Figures may lack readings; with all of them they are exact, and never do they hold what was not sent.
async fn buckets(store: &Store, series: SeriesId, values: &BTreeMap<i64, f64>) -> Result<(), String> {
    let first = values.keys().next().unwrap() / HOUR * HOUR;
    let edges: Vec<UnixMillis> = (0..=24).map(|n| UnixMillis(first + n * HOUR / 12)).collect();
    // Without the first and the last value it is taken from figures that were made with the blocks.
    let by_cells = Aggregates { first: false, last: false, ..Aggregates::usual() };
    for wanted in [Aggregates::usual(), by_cells] {
        let buckets = Buckets { edges: edges.clone() };
        let query = Query { series: vec![series], buckets, group: Group::None, wanted, kind: None };
        let Ok(answer) = store.aggregate(query).await else { continue };
        for (n, edge) in edges.windows(2).enumerate() {
            let inside: Vec<f64> = values.range(edge[0].0..edge[1].0).map(|(_, value)| *value).collect();
            bucket(&answer.results[0], n, &inside)?;
        }
    }
    Ok(())
}

fn bucket(columns: &Columns, n: usize, inside: &[f64]) -> Result<(), String> {
    let count = columns.count[n] as usize;
    if count > inside.len() {
        return Err(format!("a bucket counts {count} of {} readings", inside.len()));
    }
    let values =
        [&columns.min, &columns.max, &columns.first, &columns.last].map(|column| column.get(n).copied().flatten());
    if values.iter().flatten().any(|value| !inside.contains(value)) {
        return Err("a bucket has a value that was never sent".to_owned());
    }
    if count == inside.len() && count > 0 {
        let mean = inside.iter().sum::<f64>() / count as f64;
        if columns.avg[n].is_none_or(|avg| (avg - mean).abs() > 1e-6) {
            return Err(format!("a mean is {:?} instead of {mean}", columns.avg[n]));
        }
    }
    Ok(())
}

/// The same by the programs: a page of the database goes bad, the hub goes on, `recover` brings the readings back.
#[test]
fn a_hub_whose_database_is_damaged_goes_on_and_gets_its_readings_back() {
    let mut hub = HubProcess::start("token");
    let mut device = FakeDevice::new(hub.udp, &hub.join_token(1), T0);
    device.deliver(300);
    let id = hub.get("/api/v1/hub")["id"].clone();
    hub.terminate();
    let file = hub.data.join("telemetry.db");
    let mut content = std::fs::read(&file).unwrap();
    // A page that is in use, and none of the schema: without that nothing is read, and the copy beside it may be older.
    let is_of_schema = |page: &[u8]| {
        [&b"NOT NULL"[..], b"CREATE "].iter().any(|text| page.windows(text.len()).any(|some| some == *text))
    };
    let is_in_use = |page: &[u8]| page.iter().filter(|byte| **byte != 0).count() > PAGE / 2;
    let page = (1..content.len() / PAGE)
        .rev()
        .find(|page| Some(&content[page * PAGE..][..PAGE]).is_some_and(|page| is_in_use(page) && !is_of_schema(page)))
        .unwrap();
    content[page * PAGE..][..PAGE].fill(0xA5);
    std::fs::write(&file, content).unwrap();

    hub.restart();
    let answer = hub.get("/api/v1/hub");
    assert_eq!(answer["id"], id, "devices would not know it any more");
    let said = answer["degraded"].as_str().unwrap();
    assert!(said.contains("set aside") && said.contains("recover"), "{said}");
    device.deliver(50);

    let before = hub.count();
    let report = hub.outputs(&["recover"]);
    let brought = report.iter().find_map(|line| {
        let (count, _) = line.trim().strip_prefix("brought back")?.split_once(" reading")?;
        count.replace(' ', "").parse::<u64>().ok()
    });
    let brought = brought.unwrap_or_else(|| panic!("{report:?}"));
    let all = device.made() * READINGS;
    assert!(brought > 0 && before + brought <= all, "{before} of {all} were there: {report:?}");
    eventually("the running hub shows what came back, as much as was said", Duration::from_secs(10), || {
        (hub.count() == before + brought).then_some(())
    });
    eprintln!("{before} of {all} readings before recover, {} after: {report:?}", hub.count());
    // It looks at its disk four times a second.
    eventually("nothing is wrong any longer", Duration::from_secs(10), || {
        hub.get("/api/v1/hub")["degraded"].is_null().then_some(())
    });
    assert_eq!(hub.outputs(&["recover"]), [format!("nothing to recover in {}", hub.data.display())]);
    hub.restart();
    device.deliver(10);
}

/// A damaged log is told from a power cut: what was acknowledged behind the damage comes back, and somebody is told.
#[test]
fn a_flipped_bit_in_the_log_costs_the_batch_it_hit_and_none_behind_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sink = runtime.block_on(WebhookSink::answering([Answer::Status(200)]));
    let mut hub = HubProcess::start("token");
    hub.tell(&sink.url());
    let mut device = FakeDevice::new(hub.udp, &hub.join_token(1), T0);
    // Some pages of the journal, and not so many readings that blocks are made of them and the journal is swept.
    for n in 0..600 {
        device.make_of(Lane::Live, &[(T0 + n, n as f64 / 100.0)]);
        if n % 8 == 7 {
            device.settle();
        }
    }
    hub.kill();
    let log = hub.data.join("telemetry.db-wal");
    let mut content = std::fs::read(&log).unwrap();
    let (row, behind) = row_in_the_log(&content).expect("a full page of the journal");
    assert!(behind > 50, "hardly anything lies behind the damage: {behind} pages");
    content[row] ^= 0x10;
    std::fs::write(&log, content).unwrap();

    hub.restart();
    let said = hub.get("/api/v1/hub")["degraded"].clone();
    assert!(said.as_str().is_some_and(|said| said.contains("set aside")), "{said}");
    assert!(hub.data.join("telemetry.db-wal.damaged").exists(), "the damaged log is kept");
    eventually("it is told", Duration::from_secs(20), || {
        sink.told().contains(&"hub.database_damaged alert.firing".to_owned()).then_some(())
    });
    let report = hub.outputs(&["recover"]);
    // Each row has a sum of its own.
    eventually("all but one batch", Duration::from_secs(10), || (hub.count() + 1 == device.made()).then_some(()));
    assert!(report.iter().any(|line| line.contains("damaged        0 blocks, 1 batch")), "{report:?}");
    device.deliver(10);
    eventually("its end is told", Duration::from_secs(20), || {
        sink.told().contains(&"hub.database_damaged alert.resolved".to_owned()).then_some(())
    });
}

/// Where in a log readings of a row of the journal lie that no later page of it holds as well, and how many pages come after.
fn row_in_the_log(log: &[u8]) -> Option<(usize, usize)> {
    const HEADER: usize = 32;
    const FRAME: usize = 24 + PAGE;
    /// A page that holds rows of a table.
    const LEAF: u8 = 13;
    let frames: Vec<&[u8]> = log[HEADER..].chunks_exact(FRAME).collect();
    let number = |bytes: &[u8], at: usize| usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    (0..frames.len()).find_map(|nth| {
        let (head, page) = frames[nth].split_at(24);
        let rows = number(page, 3);
        // No other table has so many rows on a page.
        if page[0] != LEAF
            || !(100..400).contains(&rows)
            || frames[nth + 1..].iter().any(|later| later[..4] == head[..4])
        {
            return None;
        }
        // Rows are put before those that were there, so this one ends where the one before it begins; last comes its sum of
        // four or six bytes.
        let end = number(page, 8 + (rows / 2 - 1) * 2);
        Some((HEADER + nth * FRAME + 24 + end - 8, frames.len() - nth))
    })
}
