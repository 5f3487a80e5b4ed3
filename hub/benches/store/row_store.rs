//! The baseline: one row a reading, as one would write it on an afternoon. WAL, `synchronous=FULL`, 10,000 rows a
//! transaction, the primary key (series, at) without a rowid, which is the smaller of the usual two layouts.

use std::time::Instant;

use rusqlite::{Connection, named_params};
use telemetry_hub::model::UnixMillis;

use crate::figures::cpu_seconds;
use crate::fleet::{self, INTERVAL};

/// A quarter of an hour is what is worth waiting for.
const TICKS: i64 = 90;

const SCHEMA: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE reading (series INTEGER, at INTEGER, value REAL, PRIMARY KEY (series, at)) WITHOUT ROWID;";
const INSERT: &str = "INSERT INTO reading (series, at, value) VALUES (:series, :at, :value)";

/// Fills a quarter of an hour of the same fleet; says what it took and how large it is.
pub(crate) fn run(devices: usize) -> String {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut conn = Connection::open(dir.path().join("rows.db")).unwrap();
    conn.execute_batch(SCHEMA).unwrap();
    let mut fleet = fleet::offline(devices);
    let me = std::process::id();
    let (began, cpu, mut rows) = (Instant::now(), cpu_seconds(me), 0_u64);
    for tick in 0..TICKS {
        let tx = conn.transaction().unwrap();
        {
            let mut insert = tx.prepare_cached(INSERT).unwrap();
            for device in &mut fleet {
                let batch = device.batch(UnixMillis(0), tick, 1);
                for (series, point) in batch.rows() {
                    insert
                        .execute(named_params! { ":series": series.0, ":at": point.at.0, ":value": point.value })
                        .unwrap();
                    rows += 1;
                }
            }
        }
        tx.commit().unwrap();
    }
    let (wall, used) = (began.elapsed().as_secs_f64(), cpu_seconds(me) - cpu);
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(conn);
    let bytes = crate::day::size(dir.path());
    let million = rows as f64 / 1e6;
    format!(
        "{} min = {million:.1} M readings: {:.1} bytes; {:.2} M/s, {:.2} CPU-s/M",
        TICKS * INTERVAL / 60_000,
        bytes as f64 / rows as f64,
        million / wall,
        used / million,
    )
}
