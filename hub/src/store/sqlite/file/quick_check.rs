//! SQLite's own check of how pages hang together: beside the rest of a start, never longer than five seconds, and once a week
//! while the hub runs, a table at a time by a reader like any other, never longer than ten seconds each.
//!
//! The week outlives restarts: the database keeps when it was checked last, a hub that is started anew every day is checked all
//! the same.
//!
//! Neither holds up an acknowledgement. What was not read in time was not checked, and that is said ([`Checked::whole`]).

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use rusqlite::InterruptHandle;

use super::damage;
use crate::clock::Clock;
use crate::model::UnixMillis;
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::sqlite::readers;
use crate::store::stats::Checked;

/// What a start may take longer by. A file of a few gigabytes is read in that time; of a larger one a part.
const LIMIT: Duration = Duration::from_secs(5);
const CHECK: &str = "PRAGMA quick_check(1)";
const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
/// Time between two checks of a database.
const EVERY: Duration = Duration::from_hours(7 * 24);
/// After a start, which has enough to read, and after a check that did not come about.
const NOT_BEFORE: Duration = Duration::from_hours(1);
/// Setting: when a check table by table ended last, or one of a start that read everything; epoch milliseconds.
const CHECKED: &str = "checked";

impl Store {
    /// Checks once a week until `stop` completes, however often the hub is started meanwhile.
    ///
    /// # Errors
    /// The file is damaged: the writer has ended, and the next start sets the file aside.
    pub async fn keep_checking(self, stop: impl Future<Output = ()> + Send) -> Result<()> {
        let mut stop = std::pin::pin!(stop);
        if let Some(checked) = self.memory().checked().filter(|checked| checked.whole) {
            self.remember(checked).await;
        }
        loop {
            let last = self.setting(CHECKED).await.ok().flatten().and_then(|text| parse(&text));
            tokio::select! {
                () = &mut stop => return Ok(()),
                () = tokio::time::sleep(until_due(last, Clock.wall())) => {
                    match self.check().await {
                        Ok(checked) => {
                            self.remember(checked).await;
                            tracing::info!(whole = checked.whole, "the database was checked");
                        }
                        Err(error @ Error::Corrupt { .. }) => return Err(error),
                        Err(error) => tracing::warn!(%error, "the database was not checked: {error}"),
                    }
                }
            }
        }
    }

    async fn remember(&self, checked: Checked) {
        // On a full disk it is not kept, and the check comes again an hour after it was due.
        let _ = self.put_setting(CHECKED, checked.at.0.to_string().into_bytes()).await;
    }

    /// Has SQLite check how the pages hang together. Damage ends the writer, as damage met by any other way does.
    ///
    /// # Errors
    /// `Corrupt`, or those of any read but being too late.
    pub async fn check(&self) -> Result<Checked> {
        let tables: Vec<String> = self
            .readers()
            .run(|reader| {
                let mut statement = reader.conn()?.prepare(TABLES)?;
                Ok(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
            })
            .await?;
        let mut whole = true;
        for table in tables {
            let check = format!("PRAGMA quick_check('{table}')");
            let verdict =
                self.readers().run(move |reader| Ok(reader.conn()?.query_row(&check, [], |row| row.get(0))?));
            let found: Result<String> = verdict.await;
            match found {
                Ok(verdict) if verdict == "ok" => {}
                Err(Error::Busy(_)) => whole = false,
                Ok(verdict) => return Err(self.ended_by_damage(verdict).await),
                Err(error) if damage::is_damage(&error) => return Err(self.ended_by_damage(error.to_string()).await),
                Err(error) => return Err(error),
            }
        }
        let checked = Checked { at: Clock.wall(), whole };
        self.memory_shared().set_checked(checked);
        Ok(checked)
    }

    /// Ends the writer, which notes the damage for the next start.
    async fn ended_by_damage(&self, verdict: String) -> Error {
        tracing::error!("the check of the database says: {verdict}");
        let corrupt = || Error::Corrupt { what: "database" };
        let _ = self.change(move |_| Err::<(), _>(corrupt())).await;
        corrupt()
    }
}

fn parse(text: &[u8]) -> Option<UnixMillis> {
    std::str::from_utf8(text).ok()?.parse().ok().map(UnixMillis)
}

/// How long until the next check is due.
fn until_due(last: Option<UnixMillis>, now: UnixMillis) -> Duration {
    // One from the future was noted by a clock that was wrong.
    let since = last
        .filter(|last| *last <= now)
        .map_or(EVERY, |last| Duration::from_millis(u64::try_from(now.since(last)).unwrap_or(0)));
    EVERY.saturating_sub(since).max(NOT_BEFORE)
}

/// A check under way, on a thread and a connection of its own.
pub(in crate::store) struct Check {
    began: Instant,
    stop: InterruptHandle,
    verdict: Receiver<rusqlite::Result<String>>,
}

impl Check {
    pub(in crate::store) fn start(file: &Path) -> Result<Self> {
        let conn = readers::connect(file)?;
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
        Ok(Self { began: Clock.now(), stop, verdict })
    }

    /// Waits for the verdict, as long as it may take; no verdict in time is none against the file.
    ///
    /// # Errors
    /// `Corrupt`, or what SQLite met.
    pub(in crate::store) fn finish(self) -> Result<Checked> {
        let left = LIMIT.saturating_sub(Clock.now().duration_since(self.began));
        let verdict = match self.verdict.recv_timeout(left) {
            Err(RecvTimeoutError::Timeout) => {
                self.stop.interrupt();
                tracing::info!("the check of the database was ended after {LIMIT:?} and found nothing so far");
                return Ok(Checked { at: Clock.wall(), whole: false });
            }
            Err(RecvTimeoutError::Disconnected) => return Err(Error::Corrupt { what: "database" }),
            Ok(verdict) => verdict?,
        };
        if verdict == "ok" {
            return Ok(Checked { at: Clock.wall(), whole: true });
        }
        tracing::error!("the check of the database says: {verdict}");
        Err(Error::Corrupt { what: "database" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_week_counts_from_the_last_check_over_all_starts() {
        let (day, now) = (24 * 3_600_000, UnixMillis(1_800_000_000_000));
        let until = |days_ago: i64| until_due(Some(now.plus(-days_ago * day)), now);
        assert_eq!((until(0), until(6)), (EVERY, Duration::from_hours(24)));
        assert_eq!(
            [until(7), until(700), until_due(None, now)],
            [NOT_BEFORE; 3],
            "overdue, but not in the rush of a start"
        );
        assert_eq!(until(-3), NOT_BEFORE, "noted by a clock that was wrong: it would put the check off at each start");
    }
}
