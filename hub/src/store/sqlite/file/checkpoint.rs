//! Copies the write-ahead log back into the file, and returns free pages to the disk: the writer does this between groups.
//!
//! SQLite's own checkpoint is off: it would run inside whichever commit passes its limit and make that one slow. Ours is
//! PASSIVE, waits for nobody, and runs when nobody waits, or when the log is so long that readers begin to feel it.

use std::time::Duration;

use rusqlite::Connection;

use crate::clock::Timepiece;
use crate::store::cap::{Cap, PAGE};
use crate::store::error::{Error, Result};
use crate::store::sqlite::fault;

/// Bytes in front of each page in the log.
const FRAME_HEADER: i64 = 24;
/// Free pages given back at a time when nothing waits: 2 MiB, a few milliseconds.
const VACUUM_PAGES: i64 = 256;
/// Free pages kept for reuse: giving back the last few would only grow the file again.
const SPARE_PAGES: i64 = 1024;
/// Longest that a full log waits for the queries that read it: they end by themselves after ten seconds.
const READERS: Duration = Duration::from_secs(12);
/// Time between two tries.
const TRY: Duration = Duration::from_millis(2);

const MEASURE: &str = "PRAGMA wal_checkpoint(NOOP)";
const COPY: &str = "PRAGMA wal_checkpoint(PASSIVE)";
const RESTART: &str = "PRAGMA wal_checkpoint(RESTART)";
const FREE: &str = "PRAGMA freelist_count";
const PAGES: &str = "PRAGMA page_count";

/// Tidies up after a group, as far as that is due.
///
/// # Errors
/// One that ends the writer. After a sync that failed the kernel takes the pages for written: trying again would succeed,
/// and the log would be given up for a file that does not hold what is in it. A start reads the log again.
pub(in crate::store) fn after_group(conn: &Connection, idle: bool, cap: Cap, clock: &Timepiece) -> Result<()> {
    unless_put_off(tidy(conn, idle, cap, clock))
}

/// A full disk and whoever is in the way put a checkpoint off, and are no reason to end.
fn unless_put_off(done: rusqlite::Result<()>) -> Result<()> {
    match done.map_err(Error::from) {
        Ok(()) => Ok(()),
        // The log stays as it is until there is room, or until whoever is in the way is gone.
        Err(error @ (Error::Full | Error::Busy(_))) => {
            tracing::debug!(%error, "no checkpoint: {error}");
            Ok(())
        }
        Err(error) if fault::is_busy(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Bytes of the log: all of it, and what is not yet copied back.
fn measure(conn: &Connection) -> rusqlite::Result<(i64, i64)> {
    conn.prepare_cached(MEASURE)?.query_row([], |row| {
        let (logged, copied): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok((logged * (PAGE + FRAME_HEADER), (logged - copied) * (PAGE + FRAME_HEADER)))
    })
}

fn tidy(conn: &Connection, idle: bool, cap: Cap, clock: &Timepiece) -> rusqlite::Result<()> {
    let (_, pending) = measure(conn)?;
    // Half as much when nothing waits.
    if pending >= cap.log_copied() || idle && pending >= cap.log_copied() / 2 {
        conn.prepare_cached(COPY)?.query_row([], |_| Ok(()))?;
    }
    // Copied back in full, the log begins anew with the next commit, unless a query still reads it. Then the next commit
    // would grow it: wait, as long as queries may take, rather than break the promise of its size.
    let began = clock.now();
    while measure(conn)?.0 >= cap.log_held() {
        let busy: i64 = conn.prepare_cached(RESTART)?.query_row([], |row| row.get(0))?;
        if busy == 0 || clock.now().duration_since(began) >= READERS {
            break;
        }
        clock.sleep(TRY);
    }
    if idle {
        let give_back = spare_pages(conn)?.min(VACUUM_PAGES);
        if give_back > 0 {
            conn.execute_batch(&format!("PRAGMA incremental_vacuum({give_back})"))?;
        }
    }
    Ok(())
}

/// Free pages beyond those kept for reuse.
pub(in crate::store) fn spare_pages(conn: &Connection) -> rusqlite::Result<i64> {
    let free: i64 = conn.prepare_cached(FREE)?.query_row([], |row| row.get(0))?;
    Ok((free - SPARE_PAGES).max(0))
}

/// Pages that hold something.
pub(in crate::store) fn pages_in_use(conn: &Connection) -> rusqlite::Result<i64> {
    let all: i64 = conn.prepare_cached(PAGES)?.query_row([], |row| row.get(0))?;
    let free: i64 = conn.prepare_cached(FREE)?.query_row([], |row| row.get(0))?;
    Ok(all - free)
}

/// Gives up to `pages` free pages back, also the spare ones; `false` when there are none left.
pub(in crate::store) fn give_back(conn: &Connection, pages: i64) -> Result<bool> {
    conn.execute_batch(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let free: i64 = conn.prepare_cached(FREE)?.query_row([], |row| row.get(0))?;
    Ok(free > 0)
}

/// Copies everything back, so that the next start finds a short log.
///
/// # Errors
/// The disk failed. Nothing is lost by it: the log stays, and a start reads it again.
pub(in crate::store) fn at_close(conn: &Connection) -> Result<()> {
    unless_put_off(conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())))
}
