//! Copies the write-ahead log back into the file, and gives free pages back to the disk: the writer's work between groups.
//!
//! SQLite's own checkpoint is off: it would run inside whichever commit passes its limit and make that one slow. Ours is
//! PASSIVE, waits for nobody, and runs when nobody waits, or when the log is so long that readers begin to feel it.

use rusqlite::{Connection, ErrorCode};

use super::error::{Error, Result};

/// Bytes of a page; larger than the default so that a batch of a datagram wastes little of one.
pub(super) const PAGE: i64 = 8192;
/// Bytes in front of each page in the log.
const FRAME_HEADER: i64 = 24;
/// Log worth copying back when nothing waits.
const IDLE: i64 = 16 << 20;
/// Log copied back even while writes wait.
const FORCED: i64 = 48 << 20;
/// Free pages given back at a time when nothing waits: 2 MiB, a few milliseconds.
const VACUUM_PAGES: i64 = 256;
/// Free pages kept for reuse: giving back the last few would only grow the file again.
const SPARE_PAGES: i64 = 1024;

const MEASURE: &str = "PRAGMA wal_checkpoint(NOOP)";
const COPY: &str = "PRAGMA wal_checkpoint(PASSIVE)";
const FREE: &str = "PRAGMA freelist_count";

/// Tidies up after a group, as far as that is due.
///
/// # Errors
/// One that ends the writer. After a sync that failed the kernel takes the pages for written: trying again would succeed,
/// and the log would be given up for a file that does not hold what is in it. A start reads the log again.
pub(super) fn after_group(conn: &Connection, idle: bool) -> Result<()> {
    match tidy(conn, idle).map_err(Error::from) {
        Ok(()) => Ok(()),
        // The log stays as it is until there is room, or until whoever is in the way is gone.
        Err(error @ (Error::Full | Error::Busy(_))) => {
            tracing::debug!(%error, "no checkpoint: {error}");
            Ok(())
        }
        Err(Error::Sqlite(error)) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(()),
        Err(error) => Err(error),
    }
}

fn tidy(conn: &Connection, idle: bool) -> rusqlite::Result<()> {
    let pending = conn.prepare_cached(MEASURE)?.query_row([], |row| {
        let (logged, copied): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok((logged - copied) * (PAGE + FRAME_HEADER))
    })?;
    if pending >= FORCED || idle && pending >= IDLE {
        conn.prepare_cached(COPY)?.query_row([], |_| Ok(()))?;
    }
    if idle {
        let free: i64 = conn.prepare_cached(FREE)?.query_row([], |row| row.get(0))?;
        let give_back = (free - SPARE_PAGES).min(VACUUM_PAGES);
        if give_back > 0 {
            conn.execute_batch(&format!("PRAGMA incremental_vacuum({give_back})"))?;
        }
    }
    Ok(())
}

/// Gives up to `pages` free pages back, also the spare ones; `false` when there are none left.
pub(super) fn give_back(conn: &Connection, pages: i64) -> Result<bool> {
    conn.execute_batch(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let free: i64 = conn.prepare_cached(FREE)?.query_row([], |row| row.get(0))?;
    Ok(free > 0)
}

/// Copies everything back, so that the next start finds a short log.
pub(super) fn at_close(conn: &Connection) {
    if let Err(error) = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        tracing::warn!(%error, "checkpoint at close failed: {error}");
    }
}
