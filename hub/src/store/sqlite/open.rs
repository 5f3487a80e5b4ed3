//! Opening: the lock, what a damaged file needs before, the file's settings, the schema.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::file::quick_check::Check;
use super::file::wal::{self, Log};
use super::file::{FILE, aside, damage, migrate, room};
use super::recover::old::Old;
use super::writer::Writer;
use super::{fault, reader, row_sum, trail};
use crate::clock::Timepiece;
use crate::model::UnixMillis;
use crate::model::catalog::Catalog;
use crate::model::room::Room;
use crate::store::SecretKey;
use crate::store::cap::{Cap, PAGE};
use crate::store::engine::salvage::Salvage;
use crate::store::engine::upkeep::Seen;
use crate::store::engine::{Engine, Reads, Role, Writes};
use crate::store::error::{Error, Fault, Result};
use crate::store::stats::Checked;

/// Held by the hub that owns the directory; released by the system however the hub ends.
const LOCK: &str = "hub.lock";
/// First SQLite whose checkpoints cannot lose a commit (the WAL-reset bug).
const OLDEST_SQLITE: i32 = 3_051_003;
/// Prepared statements the writer keeps: all of the store's writes.
const STATEMENTS: usize = 128;

/// The database in a file.
#[derive(Debug)]
pub(in crate::store) struct Sqlite {
    file: PathBuf,
}

impl Sqlite {
    pub(in crate::store) const fn at(file: PathBuf) -> Self {
        Self { file }
    }

    fn dir(&self) -> &Path {
        self.file.parent().unwrap_or_else(|| Path::new("."))
    }
}

impl Engine for Sqlite {
    fn reader(&self) -> Result<Box<dyn Reads>> {
        Ok(Box::new(reader::connect(&self.file)?))
    }

    fn place(&self) -> &Path {
        &self.file
    }

    fn seen(&self) -> Seen {
        room::seen(&self.file)
    }

    fn room(&self) -> Option<Room> {
        room::on(self.dir())
    }

    fn is_scarce(&self) -> bool {
        room::is_scarce(self.dir())
    }

    fn set_aside(&self) -> Vec<PathBuf> {
        aside::set_aside_in(self.dir())
    }

    fn settled(&self, file: &Path) -> Result<()> {
        aside::settled(file)
    }

    fn salvage(&self, file: &Path, catalog: &Catalog) -> Result<Box<dyn Salvage>> {
        Ok(Box::new(Old::open(file, catalog)?))
    }

    fn note_damage(&self, at: UnixMillis, why: &str) -> Result<()> {
        damage::note(self.dir(), at, why)
    }
}

/// Whether there is a database in a directory, or one that was set aside.
pub(in crate::store) fn is_in(dir: &Path) -> bool {
    dir.join(FILE).exists() || !aside::set_aside_in(dir).is_empty()
}

/// A directory whose database is being opened.
pub(in crate::store) struct Opening {
    dir: PathBuf,
    role: Role,
    /// The hub's own lock.
    lock: Option<File>,
    log: Log,
    check: Option<Check>,
    clock: Timepiece,
}

impl Opening {
    /// Locks a directory, and sets its database aside where the last start noted that it is damaged.
    pub(in crate::store) fn of_hub(dir: &Path, key: &SecretKey, clock: Timepiece) -> Result<Self> {
        let lock = Some(lock(dir)?);
        let log = wal::look(dir, clock.wall())?;
        damage::set_aside(dir, key)?;
        Ok(Self { dir: dir.to_owned(), role: Role::Owner, lock, log, check: None, clock })
    }

    /// A directory beside whose hub something is done.
    pub(in crate::store) fn beside_hub(dir: &Path, clock: Timepiece) -> Self {
        Self { dir: dir.to_owned(), role: Role::Beside, lock: None, log: Log::Whole, check: None, clock }
    }

    /// Whether an error of [`Opening::connect`], or of what was read then, says that the database is damaged: then it was set
    /// aside, and a new one is in its place.
    pub(in crate::store) fn sets_aside(&mut self, error: &Error, key: &SecretKey) -> Result<bool> {
        if self.role == Role::Beside || !(error.is_damage() || is_other_schema(&self.dir, error)) {
            return Ok(false);
        }
        self.check = None;
        damage::note(&self.dir, self.clock.wall(), &error.to_string())?;
        damage::set_aside(&self.dir, key)?;
        self.log = Log::Whole;
        Ok(true)
    }

    /// Opens the database, brings it to the schema of today and checks what says whose readings are.
    pub(in crate::store) fn connect(&mut self, cap: Cap) -> Result<(Arc<dyn Engine>, Box<dyn Writes>)> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            let text = format!("SQLite {} is too old: 3.51.3 fixes a way to lose commits", rusqlite::version());
            return Err(Error::Engine { what: Fault::Refused, source: text.into() });
        }
        let file = self.dir.join(FILE);
        let mut conn = connect(&file, cap)?;
        wal::forget_torn(&conn, self.log)?;
        migrate::refuse_newer(&conn)?;
        if self.role == Role::Beside && migrate::is_due(&conn)? && matches!(lock(&self.dir), Err(Error::Locked(_))) {
            let detail = "the hub that runs on it is of an older version: restart it first";
            return Err(Error::BadFile { path: file, detail });
        }
        migrate::copy_before(&conn, &file)?;
        if let Some(schema) = migrate::run(&mut conn)? {
            tracing::debug!(schema, "the database is at schema {schema}");
        }
        self.check = (self.role == Role::Owner).then(|| Check::start(&file, &self.clock)).transpose()?;
        row_sum::check(&conn)?;
        trail::lay(&conn)?;
        Ok((Arc::new(Sqlite::at(file)), Box::new(Writer::new(conn, &self.dir, self.role, self.clock.clone()))))
    }

    /// How the check of the pages went that runs beside the rest of a start; waits for it.
    pub(in crate::store) fn checked(&mut self) -> Result<Option<Checked>> {
        self.check.take().map(Check::finish).transpose()
    }

    /// What has to live as long as somebody writes.
    pub(in crate::store) fn keep(self) -> impl Send + 'static {
        self.lock
    }
}

/// Whether a statement was not understood because a table or column is called otherwise than the hub called it. What the
/// disk or an upgrade that did not end says is no sign of it.
fn is_other_schema(dir: &Path, error: &Error) -> bool {
    let Some(rusqlite::Error::SqlInputError { error, .. } | rusqlite::Error::SqliteFailure(error, _)) =
        fault::within(error)
    else {
        return false;
    };
    let is_other = |conn: Connection| Ok(!migrate::is_due(&conn)? && !migrate::is_as_made(&conn)?);
    error.extended_code == rusqlite::ffi::SQLITE_ERROR
        && reader::connect(&dir.join(FILE)).and_then(is_other).unwrap_or_else(|error| error.is_damage())
}

fn lock(dir: &Path) -> Result<File> {
    let path = dir.join(LOCK);
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|source| Error::File { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::Locked(dir.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(Error::File { path, source }),
    }
}

/// Opens the writing connection. Page size and vacuum mode count only before the first table.
fn connect(file: &Path, cap: Cap) -> Result<Connection> {
    let conn = Connection::open(file)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.pragma_update(None, "page_size", PAGE)?;
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    // Returns the mode it chose; a file system without shared memory would silently stay with another one.
    let mode: String = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Error::BadFile { path: file.to_owned(), detail: "this file system cannot hold a write-ahead log" });
    }
    // FULL, not NORMAL: an acknowledgement promises that a power cut cannot take the reading back. The cache holds what one
    // group changes: with four times as much the hub was no faster (as fast as acknowledged, 100 readings a batch).
    conn.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA temp_store = MEMORY;
         PRAGMA mmap_size = 0;
         PRAGMA cache_size = -4096;",
    )?;
    conn.pragma_update(None, "journal_size_limit", cap.log)?;
    // What is there already stays: then the oldest go until the file has shrunk to its cap.
    conn.pragma_update(None, "max_page_count", cap.full)?;
    // The writer checkpoints at its own end; a command that ends beside a hub must not.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    reader::plan_once(&conn)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}
