//! Copies the catalog of one database into a new one: devices and their keys, sensors, rules, webhooks, tokens, alerts, the hub's own
//! key. Readings are not copied here: [`recover`](crate::store::recover) brings them.
//!
//! Row by row, around pages that cannot be read, and only rows whose sums hold. The same copy is made of a healthy
//! database now and then ([`keep_copy`]): what a damaged one lacks is taken from there, so that no device has to be
//! adopted again because one page went bad.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use crate::durable;
use crate::store::SecretKey;
use crate::store::cap::PAGE;
use crate::store::engine::upkeep::CatalogState;
use crate::store::error::{Error, Result};
use crate::store::sqlite::file::FILE;
use crate::store::sqlite::file::migrate;
use crate::store::sqlite::row_sum::{self, SUMMED};

/// The copy of who is who, beside the database.
const COPY: &str = "catalog.db";
const NEW: &str = "telemetry.db.new";
const NEW_COPY: &str = "catalog.db.new";

/// Readings and what is made of them: not for a salvage.
const READINGS: [&str; 8] = ["journal", "times", "cells", "block", "minutes", "hours", "latest", "progress"];
/// What a copy made while all is well need not hold: it changes all the time or ends by itself.
const FLEETING: [&str; 10] = [
    "alert",
    "delivery",
    "attempt",
    "session",
    "receive_window",
    "ledger",
    "ledger_told",
    "late",
    "audit",
    "audit_field",
];
/// Bytes of a page of the copy: most of its tables are empty.
const COPY_PAGE: i64 = 1024;
/// Row numbers looked at one by one where a page in the middle cannot be read: every device and series there may be.
const PROBES: i64 = 200_000;

/// Makes the database of `dir` anew from a damaged one and from the copy.
pub(in crate::store) fn replace(dir: &Path, damaged: &Path, key: &SecretKey) -> Result<()> {
    let temp = dir.join(NEW);
    let mut target = make(&temp, PAGE)?;
    for (source, skip) in [(damaged.to_owned(), &[][..]), (dir.join(COPY), &FLEETING[..])] {
        if !source.exists() {
            continue;
        }
        let copied = open_any(&source).and_then(|from| copy(&from, &mut target, skip, Some(key)));
        match copied {
            Ok((rows, bad)) => {
                tracing::warn!(rows, bad, "{rows} rows recovered from {}, {bad} unreadable", source.display())
            }
            Err(error) => tracing::warn!(%error, "nothing can be read of {}: {error}", source.display()),
        }
    }
    finish(target, &temp, &dir.join(FILE))
}

const STATE: &str = "SELECT (SELECT COUNT(*) FROM device), (SELECT COUNT(*) FROM series),
    (SELECT COALESCE(MAX(updated_at), 0) + COUNT(*) FROM rule),
    (SELECT COALESCE(MAX(updated_at), 0) + COUNT(*) FROM webhook), (SELECT COALESCE(MAX(id), 0) FROM webhook_secret),
    (SELECT COALESCE(MAX(updated_at), 0) + COUNT(*) FROM user),
    (SELECT COALESCE(MAX(id), 0) + COUNT(*) FROM token), (SELECT COALESCE(MAX(id), 0) + COALESCE(SUM(uses_left), 0) FROM join_token),
    (SELECT COALESCE(MAX(at), 0) + COUNT(*) FROM swap), (SELECT COALESCE(SUM(epoch + (seq & 1048575)), 0) FROM numbering)";

/// Tells whether a copy is still what there is.
pub(in crate::store) fn state(conn: &Connection) -> Result<CatalogState> {
    let mut state = CatalogState::default();
    conn.prepare_cached(STATE)?.query_row([], |row| {
        state.iter_mut().enumerate().try_for_each(|(n, part)| row.get(n).map(|found| *part = found))
    })?;
    Ok(state)
}

/// Copies who is who of a healthy database beside it.
pub(in crate::store) fn keep_copy(dir: &Path, from: &Connection) -> Result<()> {
    let temp = dir.join(NEW_COPY);
    let mut target = make(&temp, COPY_PAGE)?;
    copy(from, &mut target, &FLEETING, None)?;
    finish(target, &temp, &dir.join(COPY))
}

/// A new database of today's schema, without a log beside it.
fn make(path: &Path, page: i64) -> Result<Connection> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::File { path: path.to_owned(), source });
        }
        _ => {}
    }
    let mut conn = Connection::open(path)?;
    conn.pragma_update(None, "page_size", page)?;
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    // In memory: until it is renamed nobody needs the file.
    conn.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; PRAGMA foreign_keys = OFF;")?;
    migrate::run(&mut conn)?;
    Ok(conn)
}

fn finish(conn: Connection, temp: &Path, path: &Path) -> Result<()> {
    conn.close().map_err(|(_, error)| error)?;
    durable::place(temp, path).map_err(|source| Error::File { path: path.to_owned(), source })
}

/// Opens a database that may be damaged; where it cannot be written to, as it lies there.
pub(in crate::store) fn open_any(path: &Path) -> Result<Connection> {
    let conn = match Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE) {
        Ok(conn) => conn,
        Err(_) => Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
    };
    // Reading on beside damage is the purpose here.
    conn.execute_batch("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA foreign_keys = OFF;")?;
    conn.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    conn.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(conn)
}

/// Copies rows that are not in `to` yet; returns how many were taken, and how many could not be believed.
fn copy(from: &Connection, to: &mut Connection, skip: &[&str], key: Option<&SecretKey>) -> Result<(usize, usize)> {
    let (mut taken, mut bad) = (0, 0);
    let tx = to.transaction()?;
    for table in tables(&tx)?.iter().filter(|table| !skip.contains(&table.name.as_str())) {
        let known: HashSet<String> = columns(from, &table.name)?.into_iter().map(|column| column.name).collect();
        let shared: Vec<&str> =
            table.columns.iter().map(|column| column.name.as_str()).filter(|name| known.contains(*name)).collect();
        if shared.is_empty() {
            continue;
        }
        let marks = vec!["?"; shared.len()].join(", ");
        let insert = format!("INSERT OR IGNORE INTO {} ({}) VALUES ({marks})", table.name, shared.join(", "));
        let mut insert = tx.prepare(&insert)?;
        let mut refused = 0;
        let torn = each_row(from, table, &shared, |row| {
            // What a column does not take is damaged as well.
            match believed(table, &shared, &row, key).then(|| insert.execute(params_from_iter(row))) {
                Some(Ok(rows)) => taken += rows,
                Some(Err(_)) | None => refused += 1,
            }
        });
        bad += refused + torn;
    }
    tx.execute_batch(PASSWORD_OF_BEFORE)?;
    orphans(&tx)?;
    // A device's sensor numbers have no gaps. Behind a gap they would mean other sensors; the device says them again.
    tx.execute_batch(BEHIND_GAPS)?;
    // Journal rows of the old database do not come along: nothing of the new one's is in blocks.
    tx.execute_batch("UPDATE cut SET row = 0")?;
    row_sum::stamp(&tx)?;
    numbers(from, &tx)?;
    tx.commit()?;
    Ok((taken, bad))
}

/// What the step `0027_users.sql` does, for a database that had not taken it.
const PASSWORD_OF_BEFORE: &str =
    "INSERT OR IGNORE INTO user (name, called, role, password, enabled, created_at, updated_at)
        SELECT 'admin', 'admin', 'admin', CAST(value AS TEXT), 1, unixepoch() * 1000, unixepoch() * 1000
        FROM setting WHERE key = 'admin_password' AND length(value) > 0 AND NOT EXISTS (SELECT 1 FROM user);
    DELETE FROM setting WHERE key = 'admin_password'";

const BEHIND_GAPS: &str = "DELETE FROM sensor_number WHERE number <> (SELECT COUNT(*) FROM sensor_number AS earlier
    WHERE earlier.device = sensor_number.device AND earlier.number < sensor_number.number)";

struct Column {
    name: String,
    key: i64,
}

struct Table {
    name: String,
    columns: Vec<Column>,
    rowid: bool,
}

fn columns(conn: &Connection, table: &str) -> Result<Vec<Column>> {
    let mut statement = conn.prepare("SELECT name, pk FROM pragma_table_info(?1)")?;
    let found = statement.query_map([table], |row| Ok(Column { name: row.get(0)?, key: row.get(1)? }))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

const TABLES: &str = "SELECT name, wr FROM pragma_table_list
    WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";

fn tables(conn: &Connection) -> Result<Vec<Table>> {
    let mut statement = conn.prepare(TABLES)?;
    let names = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)))?;
    let names = names.collect::<rusqlite::Result<Vec<_>>>()?;
    let wanted = names.into_iter().filter(|(name, _)| !READINGS.contains(&name.as_str()));
    wanted.map(|(name, wr)| Ok(Table { columns: columns(conn, &name)?, name, rowid: !wr })).collect()
}

/// Calls `with` for each row that can be read, from both ends and then one by one around what cannot; returns how many
/// places could not be read.
fn each_row(conn: &Connection, table: &Table, columns: &[&str], mut with: impl FnMut(Vec<Value>)) -> usize {
    let order = if table.rowid { "rowid".to_owned() } else { key_of(table) };
    let list = columns.join(", ");
    let mut scan = |sql: &str, stop: Option<i64>| -> (bool, Option<i64>) {
        let Ok(mut statement) = conn.prepare(sql) else { return (false, None) };
        let Ok(mut rows) = statement.query([]) else { return (false, None) };
        let mut last = None;
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => return (true, last),
                Err(_) => return (false, last),
            };
            let values = (0..columns.len()).map(|column| row.get::<_, Value>(column)).collect::<Result<Vec<_>, _>>();
            let place = if table.rowid { row.get::<_, i64>(columns.len()).ok() } else { None };
            if place.is_some() && place <= stop {
                return (true, last);
            }
            last = place.or(last);
            if let Ok(values) = values {
                with(values);
            }
        }
    };
    let place = if table.rowid { ", rowid" } else { "" };
    let (done, first) = scan(&format!("SELECT {list}{place} FROM {} ORDER BY {order}", table.name), None);
    if done {
        return 0;
    }
    let backwards = order.split(", ").map(|column| format!("{column} DESC")).collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT {list}{place} FROM {} ORDER BY {backwards}", table.name);
    let (_, last) = scan(&sql, first.or(Some(i64::MIN)));
    if !table.rowid {
        return 1;
    }
    let (from, to) = (first.map_or(1, |first| first + 1), last.unwrap_or(i64::MAX));
    let mut lost = 0;
    let Ok(mut probe) = conn.prepare(&format!("SELECT {list} FROM {} WHERE rowid = ?1", table.name)) else { return 1 };
    for id in from..to.min(from.saturating_add(PROBES)) {
        let row = probe.query_row([id], |row| {
            (0..columns.len()).map(|column| row.get::<_, Value>(column)).collect::<rusqlite::Result<Vec<_>>>()
        });
        match row {
            Ok(values) => with(values),
            Err(rusqlite::Error::QueryReturnedNoRows) => {}
            Err(_) => lost = 1,
        }
    }
    lost
}

/// Numbers of all rows of a table that can be reached, ascending, and whether some could not.
pub(in crate::store) fn row_numbers(conn: &Connection, table: &str) -> (Vec<i64>, bool) {
    let scan = |order: &str, stop: i64| {
        let mut found = Vec::new();
        let whole =
            conn.prepare(&format!("SELECT rowid FROM {table} ORDER BY rowid {order}")).and_then(|mut statement| {
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let id = row.get(0)?;
                    if id <= stop {
                        break;
                    }
                    found.push(id);
                }
                Ok(())
            });
        (found, whole.is_ok())
    };
    let (mut found, whole) = scan("ASC", i64::MIN);
    if whole {
        return (found, false);
    }
    let (mut behind, _) = scan("DESC", found.last().copied().unwrap_or(i64::MIN));
    let from = found.last().map_or(1, |last| last + 1);
    let most = from.saturating_add(PROBES);
    let to = behind.last().map_or(most, |last| most.min(*last));
    if let Ok(mut probe) = conn.prepare(&format!("SELECT 1 FROM {table} WHERE rowid = ?1")) {
        found.extend((from..to).filter(|id| probe.exists([id]).unwrap_or(false)));
    }
    behind.reverse();
    found.extend(behind);
    (found, true)
}

fn key_of(table: &Table) -> String {
    let mut key: Vec<&Column> = table.columns.iter().filter(|column| column.key > 0).collect();
    key.sort_by_key(|column| column.key);
    key.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Whether a row's sum holds; of the hub's own key, whether it opens.
fn believed(table: &Table, columns: &[&str], row: &[Value], key: Option<&SecretKey>) -> bool {
    let value = |name: &str| columns.iter().position(|column| *column == name).and_then(|at| row.get(at));
    if let (Some(Value::Text(name)), Some(Value::Blob(sealed)), Some(key)) = (value("key"), value("value"), key)
        && table.name == "setting"
        && name == "hub_key"
        && key.open("setting hub_key", sealed).is_err()
    {
        return false;
    }
    let Some(Value::Integer(stored)) = value("crc") else { return true };
    let summed: Vec<&str> = match SUMMED.iter().find(|summed| summed.name == table.name) {
        Some(summed) => summed.columns().to_vec(),
        None => columns.iter().copied().filter(|column| *column != "crc").collect(),
    };
    let values: Option<Vec<_>> = summed.iter().map(|column| value(column).map(Into::into)).collect();
    values.is_some_and(|values| row_sum::holds(Some(*stored), &values))
}

/// Takes out rows that refer to rows which could not be read.
fn orphans(conn: &Connection) -> Result<()> {
    // What goes may leave orphans of its own; the tables hang together in three floors.
    for _ in 0..4 {
        let mut statement = conn.prepare("SELECT \"table\", rowid FROM pragma_foreign_key_check")?;
        let found = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?)))?;
        let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
        if found.is_empty() {
            return Ok(());
        }
        for (table, rowid) in found {
            match rowid {
                Some(rowid) => {
                    conn.execute(&format!("DELETE FROM {table} WHERE rowid = ?1"), [rowid])?;
                }
                // Without a row number there is no telling which: each such table refers to a device or a parent by its key.
                None => delete_orphans(conn, &table)?,
            }
        }
    }
    Ok(())
}

fn delete_orphans(conn: &Connection, table: &str) -> Result<()> {
    let mut statement = conn.prepare("SELECT \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1)")?;
    let parents = statement.query_map([table], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<String>>(2)?))
    })?;
    for parent in parents.collect::<rusqlite::Result<Vec<_>>>()? {
        let (parent, from, to) = (parent.0, parent.1, parent.2.unwrap_or_else(|| "rowid".to_owned()));
        conn.execute_batch(&format!("DELETE FROM {table} WHERE {from} NOT IN (SELECT {to} FROM {parent})"))?;
    }
    Ok(())
}

/// Numbers that were given once are not given again, also where their rows are gone.
fn numbers(from: &Connection, to: &Connection) -> Result<()> {
    let Ok(mut statement) = from.prepare("SELECT name, seq FROM sqlite_sequence") else { return Ok(()) };
    let Ok(rows) = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))) else {
        return Ok(());
    };
    for (name, seq) in rows.flatten() {
        let put = to.execute("UPDATE sqlite_sequence SET seq = MAX(seq, ?2) WHERE name = ?1", (&name, seq))?;
        if put == 0 && columns(to, &name).is_ok_and(|columns| !columns.is_empty()) {
            to.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", (&name, seq))?;
        }
    }
    Ok(())
}
