//! Brings a database to the schema this binary knows, one step a transaction. See `migrations/README.md`.

use rusqlite::{Connection, TransactionBehavior};

use super::error::{Error, Result};

/// Every step, oldest first; the schema number is the count of steps taken.
const STEPS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_first.sql"),
    include_str!("../../../migrations/sqlite/0002_blocks.sql"),
    include_str!("../../../migrations/sqlite/0003_rollups.sql"),
    include_str!("../../../migrations/sqlite/0004_rates_and_deviations.sql"),
    include_str!("../../../migrations/sqlite/0005_ledger.sql"),
];

/// Runs the steps the database has not seen.
pub(super) fn run(conn: &mut Connection) -> Result<()> {
    loop {
        // IMMEDIATE before looking: a command beside the hub may be at the same step.
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found: u32 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let known = u32::try_from(STEPS.len()).unwrap_or(u32::MAX);
        if found > known {
            return Err(Error::Newer { found, known });
        }
        let Some(step) = STEPS.get(found as usize) else { return Ok(()) };
        tx.execute_batch(step)?;
        tx.pragma_update(None, "user_version", found + 1)?;
        tx.commit()?;
        tracing::info!(schema = found + 1, "database is at schema {}", found + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_and_the_list_agree() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/sqlite");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let texts: Vec<_> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
        assert_eq!(texts, STEPS);
    }

    #[test]
    fn every_table_is_strict() {
        let mut conn = Connection::open_in_memory().unwrap();
        run(&mut conn).unwrap();
        run(&mut conn).unwrap();
        let loose: i64 = conn
            .query_row(
                "SELECT COUNT(*) FROM pragma_table_list WHERE type = 'table' AND NOT strict AND name NOT LIKE 'sqlite_%'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(loose, 0);
    }

    #[test]
    fn a_newer_schema_is_refused_by_number() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "user_version", 99).unwrap();
        let error = run(&mut conn).unwrap_err();
        assert!(matches!(error, Error::Newer { found: 99, known } if known as usize == STEPS.len()), "{error}");
    }
}
