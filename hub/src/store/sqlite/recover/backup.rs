//! Backups: one file that a hub can be made from again, taken while it runs.
//!
//! ```text
//!   telemetry.db ──online backup, one snapshot, small steps──▶ .FILE.*.partial ──check, counts, sum, sync──▶ FILE
//!   secret.key ────────────────────────────────────────────────────▲ in the table `backup`
//! ```
//!
//! The file is a whole hub: its readings, and the key that opens its secrets. It has mode 0600 and must be kept as
//! safe as the hub itself, or sealed ([`super::sealed`]). The snapshot is one moment: everything acknowledged before the
//! backup began is in it.
//!
//! A backup comes from elsewhere: what broke in it is found by the sum behind it (older hubs wrote none), and what does not
//! belong into a hub's schema by comparing that.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, named_params};

use super::trailer;
use crate::clock::Clock;
use crate::durable;
use crate::model::UnixMillis;
use crate::store::SecretKey;
use crate::store::error::{Error, Result};
use crate::store::secret;
use crate::store::sqlite::file::{FILE, migrate};
use crate::store::sqlite::{reader, row_sum};

/// Pages copied at a time: 2 MiB.
const STEP: i32 = 256;
/// Pause between two steps, so that a slow disk is the writer's most of the time.
const PAUSE: Duration = Duration::from_millis(2);
/// Tables counted in the snapshot and again in the copy.
const COUNTED: [&str; 9] =
    ["device", "series", "journal", "times", "block", "minutes", "hours", "rule", "receive_window"];

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// When it was made.
    pub made_at: UnixMillis,
    /// Version of the hub that made it.
    pub version: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// Devices in it.
    pub devices: u64,
    /// Their sensors.
    pub sensors: u64,
}

/// `summed`: a [`trailer`] follows the database.
const TABLE: &str = "CREATE TABLE backup (made_at INTEGER NOT NULL, version TEXT NOT NULL, secret_key BLOB NOT NULL,
    summed INTEGER NOT NULL) STRICT";
/// As hubs made it that summed nothing.
const OLD_TABLE: &str =
    "CREATE TABLE backup (made_at INTEGER NOT NULL, version TEXT NOT NULL, secret_key BLOB NOT NULL) STRICT";
const MADE: &str = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'backup'";
const PUT: &str =
    "INSERT INTO backup (made_at, version, secret_key, summed) VALUES (:made_at, :version, :secret_key, 1)";
const GET: &str = "SELECT made_at, version, secret_key FROM backup";
/// Browsers of then are not let in: who had access may have changed.
const STRIP: &str = "DROP TABLE backup; DELETE FROM session;";

/// What a hub made from a backup says of that; older ones had no place for it.
const RESTORED: &str = "INSERT INTO audit (at, kind, who, address, action, subject, name)
    VALUES (:at, 'command', '', '', 'hub.restored', '', 'a backup of ' || strftime('%Y-%m-%dT%H:%M:%SZ', :made_at / 1000, 'unixepoch'))";

/// Writes a backup of the hub in `dir`, running or not, to `file`, and checks it. An older backup of that name gives way
/// only to a whole new one. `told` hears how many bytes are copied, and of how many.
///
/// # Errors
/// There is no hub in `dir`; `file` is something else than a backup, or cannot be written; the copy is not like the
/// original.
pub fn backup(dir: &Path, file: &Path, told: &mut dyn FnMut(u64, u64)) -> Result<Contents> {
    let source = dir.join(FILE);
    if !source.exists() {
        return Err(Error::BadFile { path: dir.to_owned(), detail: "no hub here; use --data DIR" });
    }
    refuse_other_files(file)?;
    let key = SecretKey::load_or_create(dir)?;
    let at_file = |source| Error::File { path: file.to_owned(), source };
    let part = durable::staging(file).map_err(at_file)?;
    let made = copy(&source, &part, &key, told);
    if made.is_err() {
        // Half a backup is none; that it could not be removed changes nothing.
        let _ = fs::remove_file(&part);
    }
    let contents = made?;
    durable::place(&part, file).map_err(at_file)?;
    Ok(contents)
}

/// Who opens a pipe or a terminal waits for the other end.
pub(in crate::store) fn refuse_pipes(file: &Path) -> Result<()> {
    match fs::metadata(file) {
        Ok(about) if !about.is_file() && !about.is_dir() => {
            Err(Error::BadFile { path: file.to_owned(), detail: "is a pipe or a device, and no file" })
        }
        _ => Ok(()),
    }
}

/// Only a backup may be replaced by a backup.
fn refuse_other_files(file: &Path) -> Result<()> {
    refuse_pipes(file)?;
    if !file.exists() || contents(file).is_ok() {
        return Ok(());
    }
    Err(Error::BadFile { path: file.to_owned(), detail: "already exists and is not a backup: choose another name" })
}

fn copy(source: &Path, part: &Path, key: &SecretKey, told: &mut dyn FnMut(u64, u64)) -> Result<Contents> {
    durable::create(part).map_err(|source| Error::File { path: part.to_owned(), source })?;
    let from = reader::connect(source)?;
    // One snapshot for all steps: a backup of a database that is written to would begin anew at each commit.
    let snapshot = from.unchecked_transaction()?;
    let made_at = Clock.wall();
    let before = counts(&snapshot)?;
    let mut to = Connection::open(part)?;
    // Synced once at the end; until then the file has another name.
    to.execute_batch("PRAGMA synchronous = OFF")?;
    copy_pages(&snapshot, &mut to, told)?;
    drop(snapshot);
    let mode: String = to.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
    if mode != "delete" {
        return Err(Error::BadFile { path: part.to_owned(), detail: "cannot be made one file" });
    }
    if counts(&to)? != before || quick_check(&to)? != "ok" {
        return Err(Error::Corrupt { what: "backup (it is not like the original)" });
    }
    row_sum::check(&to)?;
    to.execute_batch(TABLE)?;
    let version = env!("CARGO_PKG_VERSION");
    let params = named_params! { ":made_at": made_at.0, ":version": version, ":secret_key": key.bytes() };
    to.execute(PUT, params)?;
    to.close().map_err(|(_, error)| error)?;
    trailer::append(part).map_err(|source| Error::File { path: part.to_owned(), source })?;
    contents(part)
}

fn copy_pages(from: &Connection, to: &mut Connection, told: &mut dyn FnMut(u64, u64)) -> Result<()> {
    let page: u32 = from.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let backup = Backup::new(from, to)?;
    let mut blocked = 0;
    loop {
        let step = backup.step(STEP)?;
        let pages = |pages: i32| u64::try_from(pages).unwrap_or(0) * u64::from(page);
        let progress = backup.progress();
        told(pages(progress.pagecount - progress.remaining), pages(progress.pagecount));
        if step == StepResult::Done {
            return Ok(());
        }
        // Within a snapshot nobody is in the way; half a minute of it is a fault.
        blocked = if step == StepResult::More { 0 } else { blocked + 1 };
        if blocked == 15_000 {
            return Err(Error::Busy("another process holds the backup's file"));
        }
        std::thread::sleep(PAUSE);
    }
}

/// What a backup holds.
///
/// # Errors
/// It cannot be read, or is no backup.
pub(in crate::store) fn contents(file: &Path) -> Result<Contents> {
    let bytes = fs::metadata(file).map_err(|source| Error::File { path: file.to_owned(), source })?.len();
    let conn = open(file)?;
    let (made_at, version, _) = header(&conn, file)?;
    let count = |table| -> Result<u64> { Ok(one_count(&conn, table)?) };
    Ok(Contents { made_at, version, bytes, devices: count("device")?, sensors: count("series")? })
}

fn open(file: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(file, flags)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    Ok(conn)
}

fn header(conn: &Connection, file: &Path) -> Result<(UnixMillis, String, [u8; 32])> {
    let none = Error::BadFile { path: file.to_owned(), detail: "is not a backup made by `telemetry-hub backup`" };
    let Ok(mut statement) = conn.prepare(GET) else { return Err(none) };
    let found = statement.query_row([], |row| Ok((UnixMillis(row.get(0)?), row.get(1)?, row.get(2)?)));
    found.optional().ok().flatten().ok_or(none)
}

fn counts(conn: &Connection) -> Result<Vec<u64>> {
    COUNTED.iter().map(|table| Ok(one_count(conn, table)?)).collect()
}

fn one_count(conn: &Connection, table: &str) -> rusqlite::Result<u64> {
    let exists = conn.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?.exists([table])?;
    if !exists {
        // An older schema does not have it yet.
        return Ok(0);
    }
    conn.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| Ok(row.get::<_, i64>(0)?.unsigned_abs()))
}

fn quick_check(conn: &Connection) -> Result<String> {
    Ok(conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?)
}

/// Makes a data directory from a backup. `dir` must be empty or not there: nothing is ever overwritten.
///
/// # Errors
/// `dir` has something in it; `file` is no backup, damaged, changed, or of a later version.
pub fn restore(file: &Path, dir: &Path) -> Result<Contents> {
    refuse_pipes(file)?;
    let (held, key) = checked(file)?;
    refuse_full_folder(dir)?;
    secret::private_dir(dir)?;
    made(file, dir, (held, key))
}

/// The same where `file` is in `dir`, and alone there.
pub(in crate::store) fn restore_beside(file: &Path, dir: &Path) -> Result<Contents> {
    made(file, dir, checked(file)?)
}

/// What a backup holds, with the key in it, if it is as it was made.
fn checked(file: &Path) -> Result<(Contents, [u8; 32])> {
    let held = contents(file)?;
    let from = open(file)?;
    let (_, _, key) = header(&from, file)?;
    migrate::refuse_newer(&from)?;
    refuse_what_was_changed(&from, file)?;
    Ok((held, key))
}

fn made(file: &Path, dir: &Path, (held, key): (Contents, [u8; 32])) -> Result<Contents> {
    let from = open(file)?;
    let (part, target) = (dir.join("telemetry.db.new"), dir.join(FILE));
    let mut to = Connection::open(&part)?;
    to.execute_batch("PRAGMA synchronous = OFF")?;
    copy_pages(&from, &mut to, &mut |_, _| {})?;
    to.execute_batch(STRIP)?;
    if let Ok(mut restored) = to.prepare(RESTORED) {
        restored.execute(named_params! { ":at": Clock.wall().0, ":made_at": held.made_at.0 })?;
    }
    let alike = counts(&to)? == counts(&from)?;
    to.close().map_err(|(_, error)| error)?;
    if !alike {
        return Err(Error::Corrupt { what: "copy of the backup" });
    }
    SecretKey::restore(dir, key)?;
    // Last: without it there is no hub here, and the folder can be removed and filled again.
    durable::place(&part, &target).map_err(|source| Error::File { path: target, source })?;
    Ok(held)
}

/// What broke, and what somebody put in.
fn refuse_what_was_changed(from: &Connection, file: &Path) -> Result<()> {
    let refused = |detail| Error::BadFile { path: file.to_owned(), detail };
    let damaged = || refused("the backup is damaged; `telemetry-hub recover --from` may bring some of it back");
    let made: String = from.query_row(MADE, [], |row| row.get(0))?;
    let is_right = trailer::is_right(file).map_err(|source| Error::File { path: file.to_owned(), source })?;
    match &*made {
        TABLE if !is_right => return Err(damaged()),
        TABLE => {}
        OLD_TABLE => {
            tracing::warn!("the backup is of an older hub, which summed nothing: what broke in it may go unseen")
        }
        _ => return Err(damaged()),
    }
    if quick_check(from)? != "ok" {
        return Err(damaged());
    }
    if !migrate::is_as_made(from)? {
        return Err(refused("has tables, indices or triggers that no hub makes: it was changed, and is not restored"));
    }
    Ok(())
}

pub(in crate::store) fn refuse_full_folder(dir: &Path) -> Result<()> {
    let detail = "already has files: choose an empty folder with --data";
    match fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(Error::BadFile { path: PathBuf::from(dir), detail }),
            None => Ok(()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Error::File { path: dir.to_owned(), source }),
    }
}
