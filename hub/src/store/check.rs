//! The weekly check of the database's structure: one part at a time, by an ordinary reader, for at most ten seconds
//! each. The checks of a start belong to the engine.
//!
//! The week outlives restarts: the database stores when it was last checked, so a hub that is restarted every day is
//! checked as well.
//!
//! The check delays no acknowledgement. A part that was not read in time was not checked, and that is reported
//! ([`Checked::whole`]).

use std::time::Duration;

use crate::model::UnixMillis;
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::stats::Checked;

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
                () = self.clock().sleep_in_task(until_due(last, self.clock().wall())) => {
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

    /// Checks how the pages hang together. Damage ends the writer, as damage met by any other way does.
    ///
    /// # Errors
    /// `Corrupt`, or those of any read but being too late.
    pub async fn check(&self) -> Result<Checked> {
        let mut whole = true;
        for part in self.readers().run(|reader| reader.ask()?.parts()).await? {
            match self.readers().run(move |reader| reader.ask()?.check_part(&part)).await {
                Ok(None) => {}
                Err(Error::Busy(_)) => whole = false,
                Ok(Some(verdict)) => return Err(self.ended_by_damage(verdict).await),
                Err(error) if error.is_damage() => return Err(self.ended_by_damage(error.to_string()).await),
                Err(error) => return Err(error),
            }
        }
        let checked = Checked { at: self.clock().wall(), whole };
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
