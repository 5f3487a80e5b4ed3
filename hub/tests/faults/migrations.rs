//! P16: a database of any earlier schema is opened, killed at each step it is whole, and a later one is refused.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rusqlite::Connection;
use telemetry_hub::model::{DeviceId, PublicKey, UnixMillis};

use crate::dice::Dice;
use crate::disk::Disk;
use crate::ledger::open;
use crate::replay::{Honesty, Platter, changes};
use crate::soak;
use crate::support::hub_program;

const T0: i64 = 1_700_000_000_000;

/// One of each schema there was, oldest first.
fn fixtures() -> Vec<(u32, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.file_name().unwrap().to_string_lossy().starts_with("schema_"));
    files.sort();
    (1..).zip(files.iter().map(|file| std::fs::read_to_string(file).unwrap())).collect()
}

fn lay_out(dir: &Path, fixture: &str) {
    let conn = Connection::open(dir.join("telemetry.db")).unwrap();
    conn.execute_batch("PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;")
        .unwrap();
    conn.execute_batch(fixture).unwrap();
}

fn schema(file: &Path) -> u32 {
    let conn = Connection::open(file).unwrap();
    conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

fn known() -> u32 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/sqlite");
    std::fs::read_dir(folder).unwrap().count() as u32
}

/// What every fixture holds is there, and the rule that says that a device is offline.
fn audit(dir: &Path) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let store = open(dir).map_err(|error| format!("does not open: {error}"))?;
        let device = store.catalog().device_by_id(DeviceId::of(&PublicKey([1; 32]))).cloned();
        let device = device.ok_or("the device is gone")?;
        let series = store.catalog().sensor_numbers(device.no)[0];
        let page = store.readings(series, UnixMillis(T0), UnixMillis(T0 + 9_000), 9).await;
        let values: Vec<_> = page.map_err(|error| error.to_string())?.points.iter().map(|point| point.value).collect();
        let rules = store.list_rules().await.map_err(|error| error.to_string())?;
        let alerts = store.open_alerts().await.map_err(|error| error.to_string())?;
        let tokens = store.tokens().await.map_err(|error| error.to_string())?;
        let held = (values, device.name.as_str(), rules.len(), alerts.len(), tokens.len(), store.set_aside().len());
        if held != (vec![21.5, 21.7], "pump", 2, 1, 1, 0) {
            return Err(format!("{held:?}"));
        }
        store.close().await.unwrap();
        Ok(())
    })
}

#[test]
fn a_database_of_each_schema_is_opened_and_kept_as_it_was() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 3, "the fixtures are gone");
    for (number, fixture) in fixtures {
        let dir = tempfile::tempdir().unwrap();
        lay_out(dir.path(), &fixture);
        audit(dir.path()).unwrap_or_else(|problem| panic!("schema {number}: {problem}"));
        assert_eq!(schema(&dir.path().join("telemetry.db")), known());
        let copy = dir.path().join(format!("telemetry.db.schema-{number}"));
        assert_eq!(schema(&copy), number, "the copy from before the upgrade");
        assert!(!dir.path().join(format!("telemetry.db.schema-{number}.part")).exists());
    }
}

#[test]
fn a_later_schema_is_refused_by_both_numbers_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    lay_out(dir.path(), &fixtures()[0].1);
    Connection::open(dir.path().join("telemetry.db")).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let done = Command::new(hub_program())
        .args(["serve", "--http", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--discovery", "off", "--data"])
        .arg(dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("99") && said.contains(&known().to_string()) && said.contains("newer hub"), "{said}");
    assert_eq!(schema(&dir.path().join("telemetry.db")), 99);
    assert!(!dir.path().join("catalog.db").exists());
}

#[test]
fn killed_at_any_write_of_an_upgrade_the_next_start_finds_a_whole_step_and_goes_on() {
    let (_, fixture) = fixtures().swap_remove(0);
    let whole = tempfile::tempdir().unwrap();
    lay_out(whole.path(), &fixture);
    let mut kills = 0;
    let step = if soak() { 1 } else { 3 };
    for call in (1..).step_by(step) {
        let dir = copy_of(whole.path());
        let output = upgrade(dir.path(), None, Some(format!("{call}:kill")));
        if output.status.success() {
            break;
        }
        assert_eq!(output.status.signal(), Some(9), "{}", String::from_utf8_lossy(&output.stderr));
        kills += 1;
        let found = schema(&dir.path().join("telemetry.db"));
        assert!((1..=known()).contains(&found), "killed at call {call}: schema {found}");
        audit(dir.path()).unwrap_or_else(|problem| panic!("killed at call {call}: {problem}"));
    }
    assert!(kills > 20, "only {kills} kills: the upgrade was hardly met");
    eprintln!("upgrade from the first schema: {kills} kills, whole after each");
}

#[test]
fn a_power_cut_in_an_upgrade_leaves_a_whole_step() {
    let (_, fixture) = fixtures().swap_remove(0);
    let dir = tempfile::tempdir().unwrap();
    let (root, log) = (dir.path().join("data"), dir.path().join("log"));
    std::fs::create_dir(&root).unwrap();
    lay_out(&root, &fixture);
    let before: Vec<(String, Vec<u8>)> = ["telemetry.db", "telemetry.db-wal"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::fs::read(root.join(name)).ok()?)))
        .collect();
    let output = upgrade(&root, Some(log.clone()), None);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let log = std::fs::read(log).unwrap();
    let log = changes(&log);
    let mut dice = Dice::new(3);
    for _ in 0..if soak() { 2_000 } else { 60 } {
        let place = dice.below(log.len() as u64 + 1) as usize;
        let mut platter = Platter::holding(&before, Honesty::Honest);
        log[..place].iter().for_each(|change| platter.apply(change));
        let image = tempfile::tempdir_in(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" }).unwrap();
        for (name, content) in platter.cut(&mut dice) {
            std::fs::write(image.path().join(name), content).unwrap();
        }
        audit(image.path()).unwrap_or_else(|problem| panic!("power cut after change {place}: {problem}"));
    }
}

/// A command of the hub that opens the database, and so upgrades it.
fn upgrade(dir: &Path, log: Option<PathBuf>, fail: Option<String>) -> Output {
    let disk = Disk { root: dir.to_owned(), log, fail, ..Disk::default() };
    let mut command = Command::new(hub_program());
    command.args(["token", "list", "--data"]).arg(dir).envs(disk.environment()).output().unwrap()
}

fn copy_of(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}
