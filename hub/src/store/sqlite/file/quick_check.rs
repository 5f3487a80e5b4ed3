//! SQLite's own check of how pages hang together, beside the rest of a start, never longer than five seconds. Once a week while the
//! hub runs it is made a table at a time ([`crate::store::check`]).
//!
//! It holds up no acknowledgement. What was not read in time was not checked, and that is said ([`Checked::whole`]).

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use rusqlite::InterruptHandle;

use crate::clock::Timepiece;
use crate::store::error::{Error, Result};
use crate::store::sqlite::reader;
use crate::store::stats::Checked;

/// What a start may take longer by. A file of a few gigabytes is read in that time; of a larger one a part.
const LIMIT: Duration = Duration::from_secs(5);
const CHECK: &str = "PRAGMA quick_check(1)";

/// A check under way, on a thread and a connection of its own.
pub(in crate::store) struct Check {
    clock: Timepiece,
    began: Instant,
    stop: InterruptHandle,
    verdict: Receiver<rusqlite::Result<String>>,
}

impl Check {
    pub(in crate::store) fn start(file: &Path, clock: &Timepiece) -> Result<Self> {
        let conn = reader::connect(file)?;
        let stop = conn.get_interrupt_handle();
        let (tell, verdict) = sync_channel(1);
        std::thread::Builder::new()
            .name("store-check".to_owned())
            .spawn(move || {
                let verdict = conn.query_row(CHECK, [], |row| row.get(0));
                // The connection is closed before anybody hears: whoever sets the file aside is alone with it.
                drop(conn);
                // A start that failed for another reason does not listen.
                let _ = tell.send(verdict);
            })
            .map_err(|source| Error::File { path: file.to_owned(), source })?;
        Ok(Self { clock: clock.clone(), began: clock.now(), stop, verdict })
    }

    /// Waits for the verdict, as long as it may take; no verdict in time is none against the file.
    ///
    /// # Errors
    /// `Corrupt`, or what SQLite met.
    pub(in crate::store) fn finish(self) -> Result<Checked> {
        let left = LIMIT.saturating_sub(self.clock.now().duration_since(self.began));
        let verdict = match self.verdict.recv_timeout(left) {
            Err(RecvTimeoutError::Timeout) => {
                self.stop.interrupt();
                tracing::info!("the check of the database was ended after {LIMIT:?} and found nothing so far");
                return Ok(Checked { at: self.clock.wall(), whole: false });
            }
            Err(RecvTimeoutError::Disconnected) => return Err(Error::Corrupt { what: "database" }),
            Ok(verdict) => verdict?,
        };
        if verdict == "ok" {
            return Ok(Checked { at: self.clock.wall(), whole: true });
        }
        tracing::error!("the check of the database says: {verdict}");
        Err(Error::Corrupt { what: "database" })
    }
}
