//! A connection that reads.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, InterruptHandle, OpenFlags, Transaction};

use crate::store::engine::snapshot::Snapshot;
use crate::store::engine::{Held, Reads, Stop};
use crate::store::error::Result;

/// Prepared statements a connection keeps: all the store's reads.
const STATEMENTS: usize = 64;

/// Opens one read-only connection.
pub(in crate::store) fn connect(file: &Path) -> Result<Connection> {
    let conn = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    // It may be a file from elsewhere, of which something is brought back.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.execute_batch("PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;")?;
    plan_once(&conn)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

/// Makes SQLite plan statements without looking at bound values: with a partial index it would otherwise plan again for each new
/// value (measured: a tenth of a short query).
pub(in crate::store) fn plan_once(conn: &Connection) -> Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

impl Reads for Connection {
    fn ask(&self) -> &dyn Snapshot {
        self
    }

    fn hold(&self) -> Result<Box<dyn Held + '_>> {
        Ok(Box::new(self.unchecked_transaction()?))
    }

    fn stop(&self) -> Box<dyn Stop> {
        Box::new(self.get_interrupt_handle())
    }
}

impl Held for Transaction<'_> {}

impl Stop for InterruptHandle {
    fn stop(&self) {
        self.interrupt();
    }
}
