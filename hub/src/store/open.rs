//! Opening: the directory, the lock, the file's settings, the schema, and what lives in memory.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::catalog::webhooks;
use super::engine::nouns::Devices as _;
use super::handle::{Inner, Store};
use super::maker;
use super::memory::{Memory, Unsaved};
use super::secret;
use super::sqlite::file::FILE;
use super::sqlite::file::cap::Cap;
use super::sqlite::file::quick_check::Check;
use super::sqlite::file::wal::{self, Log};
use super::sqlite::file::{aside, cap, damage, migrate};
use super::sqlite::readers::{self, Readers};
use super::sqlite::{column, latest, rolled, row_sum, trail, windows};
use super::write::writer::{self, Role};
use super::{Config, Error, Result, SecretKey};
use crate::model::limits::Limits;

/// Held by the hub that owns the directory; released by the system however the hub ends.
const LOCK: &str = "hub.lock";
/// First SQLite whose checkpoints cannot lose a commit (the WAL-reset bug).
const OLDEST_SQLITE: i32 = 3_051_003;
/// Prepared statements the writer keeps: all of the store's writes.
const STATEMENTS: usize = 128;

impl Store {
    /// Opens or makes the database in `config.dir`, migrates it, rebuilds what lives in memory, starts the writer.
    ///
    /// # Errors
    /// Anything wrong with the directory or the file; [`Error::Locked`] when another hub has it.
    pub fn open(config: &Config, secret_key: &SecretKey) -> Result<Self> {
        secret::private_dir(&config.dir)?;
        let lock = lock(&config.dir)?;
        let log = wal::look(&config.dir)?;
        damage::set_aside(&config.dir, secret_key)?;
        let prepared = match prepare(config, Role::Owner, log) {
            Err(error) if damage::is_damage(&error) || is_other_schema(&config.dir, &error) => {
                damage::note(&config.dir, &error.to_string())?;
                damage::set_aside(&config.dir, secret_key)?;
                prepare(config, Role::Owner, Log::Whole)
            }
            prepared => prepared,
        };
        start(config, secret_key, Role::Owner, prepared?, lock)
    }

    /// Whether there is a database in a directory, or one that was set aside.
    #[must_use]
    pub fn is_in(dir: &Path) -> bool {
        dir.join(FILE).exists() || !aside::set_aside_in(dir).is_empty()
    }

    /// Opens the database beside a running hub, for commands that manage access. Nothing of the head is read, so `latest`
    /// knows nothing; the hub learns of writes by [`Store::changed_elsewhere`].
    ///
    /// # Errors
    /// Anything wrong with the directory or the file.
    pub fn open_beside(config: &Config, secret_key: &SecretKey) -> Result<Self> {
        secret::private_dir(&config.dir)?;
        // What `recover` brings back was there before.
        let config = &Config { limits: Limits::NONE, ..config.clone() };
        start(config, secret_key, Role::Beside, prepare(config, Role::Beside, Log::Whole)?, ())
    }
}

/// Whether a statement was not understood because a table or column is called otherwise than the hub called it. What the
/// disk or an upgrade that did not end says is no sign of it.
fn is_other_schema(dir: &Path, error: &Error) -> bool {
    let Error::Sqlite(rusqlite::Error::SqlInputError { error, .. } | rusqlite::Error::SqliteFailure(error, _)) = error
    else {
        return false;
    };
    let is_other = |conn: Connection| Ok(!migrate::is_due(&conn)? && !migrate::is_as_made(&conn)?);
    error.extended_code == rusqlite::ffi::SQLITE_ERROR
        && readers::connect(&dir.join(FILE)).and_then(is_other).unwrap_or(false)
}

/// An open database and what it says, before anybody works with it.
struct Prepared {
    conn: Connection,
    memory: Arc<Memory>,
    unsaved: Unsaved,
}

fn prepare(config: &Config, role: Role, log: Log) -> Result<Prepared> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(Error::OldSqlite { found: rusqlite::version() });
    }
    let file = config.dir.join(FILE);
    let cap = Cap::of(config.max_bytes);
    let mut conn = connect(&file, cap)?;
    wal::forget_torn(&conn, log)?;
    migrate::refuse_newer(&conn)?;
    if role == Role::Beside && migrate::is_due(&conn)? && matches!(lock(&config.dir), Err(Error::Locked(_))) {
        let detail = "the hub that runs on it is of an older version: restart it first";
        return Err(Error::BadFile { path: file, detail });
    }
    migrate::copy_before(&conn, &file)?;
    if let Some(schema) = migrate::run(&mut conn)? {
        tracing::debug!(schema, "the database is at schema {schema}");
    }
    let check = (role == Role::Owner).then(|| Check::start(&file)).transpose()?;
    row_sum::check(&conn)?;
    let memory = Arc::new(Memory::new(file, cap, config.limits, config.retention.clone()));
    conn.load_catalog(&mut memory.catalog_mut())?;
    let unsaved = match role {
        Role::Owner => {
            *memory.windows_mut() = windows::load(&conn)?;
            latest::rebuild(&conn, &memory)?
        }
        Role::Beside => Unsaved::new(),
    };
    memory.counters.journal_rows.store(journal_rows(&conn)?, Ordering::Relaxed);
    if let Some(check) = check {
        memory.set_checked(check.finish()?);
    }
    Ok(Prepared { conn, memory, unsaved })
}

fn start(
    config: &Config,
    key: &SecretKey,
    role: Role,
    Prepared { conn, memory, unsaved }: Prepared,
    keep: impl Send + 'static,
) -> Result<Store> {
    webhooks::seal_plain(&conn, key)?;
    trail::lay(&conn)?;
    let file = config.dir.join(FILE);
    let readers = Readers::open(&file, config.readers)?;
    let desk = readers::connect(&file)?;
    let seen = rolled::writes_beside(&desk)?;
    let (inbox, writer) = writer::spawn((conn, unsaved), memory.clone(), role, &file, keep)?;
    let maker = match role {
        Role::Owner => Some(maker::spawn(readers::connect(&file)?, memory.clone(), &inbox)?),
        Role::Beside => None,
    };
    let inner = Inner {
        memory,
        readers,
        inbox: Mutex::new(Some(inbox)),
        writer: Mutex::new(Some(writer)),
        maker: Mutex::new(maker),
        desk: Mutex::new((desk, seen)),
        key: key.clone(),
        actor: config.actor.clone(),
        file,
    };
    Ok(Store { inner: Arc::new(inner) })
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
    conn.pragma_update(None, "page_size", cap::PAGE)?;
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
    readers::plan_once(&conn)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

const JOURNAL_ROWS: &str = "SELECT COALESCE((SELECT MAX(id) FROM journal) - (SELECT MIN(id) FROM journal) + 1, 0)";

/// About how many rows the journal has: rows are deleted in runs, and counting millions would make a start slow.
fn journal_rows(conn: &Connection) -> Result<u64> {
    Ok(column::unsigned(conn.query_row(JOURNAL_ROWS, [], |row| row.get(0))?))
}
