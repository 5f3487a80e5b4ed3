//! The connection that writes: transactions, one write in each savepoint, and what is done between groups.

use std::path::Path;

use rusqlite::Connection;

use super::file::checkpoint;
use super::file::room::Ballast;
use super::{fault, row_sum};
use crate::clock::Timepiece;
use crate::store::cap::Cap;
use crate::store::engine::transaction::Transaction;
use crate::store::engine::{Role, Writes};
use crate::store::error::{Error, Result};

/// The writing connection of a hub, or of a command beside one, which has no ballast.
pub(in crate::store) struct Writer {
    conn: Connection,
    ballast: Option<Ballast>,
    clock: Timepiece,
}

impl Writer {
    pub(in crate::store) fn new(conn: Connection, dir: &Path, role: Role, clock: Timepiece) -> Self {
        Self { conn, clock, ballast: (role == Role::Owner).then(|| Ballast::new(dir)) }
    }
}

const MARK_BESIDE: &str = "UPDATE progress SET beside = beside + 1";

impl Writes for Writer {
    fn tx(&self) -> &dyn Transaction {
        &self.conn
    }

    fn begin(&mut self) -> Result<()> {
        loop {
            match self.conn.execute_batch("BEGIN IMMEDIATE").map_err(Error::from) {
                Err(error) if fault::is_busy(&error) => {
                    tracing::warn!("another process holds the database for over five seconds");
                }
                other => return other,
            }
        }
    }

    fn commit(&self) -> Result<()> {
        Ok(self.conn.execute_batch("COMMIT")?)
    }

    fn roll_back(&self) -> Result<()> {
        // A full disk may have rolled back by itself.
        if self.conn.is_autocommit() { Ok(()) } else { Ok(self.conn.execute_batch("ROLLBACK")?) }
    }

    fn begin_write(&self) -> Result<()> {
        self.conn.prepare_cached("SAVEPOINT one_write")?.execute([])?;
        Ok(())
    }

    fn keep_write(&self) -> Result<()> {
        self.conn.prepare_cached("RELEASE one_write")?.execute([])?;
        Ok(())
    }

    fn undo_write(&self) -> Result<()> {
        Ok(self.conn.execute_batch("ROLLBACK TO one_write; RELEASE one_write")?)
    }

    fn sum_changes(&self) -> Result<()> {
        row_sum::stamp(&self.conn)
    }

    fn mark_beside(&self) -> Result<()> {
        Ok(self.conn.execute_batch(MARK_BESIDE)?)
    }

    fn tidy(&self, is_idle: bool, cap: Cap) -> Result<()> {
        checkpoint::after_group(&self.conn, is_idle, cap, &self.clock)
    }

    fn finish(&self) -> Result<()> {
        checkpoint::at_close(&self.conn)
    }

    fn found_full(&mut self) {
        self.ballast.iter_mut().for_each(Ballast::found_full);
    }

    fn is_full(&mut self) -> bool {
        self.ballast.as_mut().is_some_and(Ballast::is_full)
    }
}
