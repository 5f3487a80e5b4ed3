//! Silences.

use crate::model::UnixMillis;
use crate::model::silence::{Silence, SilenceId, SilenceSpec};
use crate::store::Store;
use crate::store::error::{Error, Result};

/// Silences there may be: each alert is held against all of them.
const MOST_SILENCES: u64 = 1_000;

impl Store {
    /// All silences, oldest first: also those that are over, until somebody deletes them.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn silences(&self) -> Result<Vec<Silence>> {
        self.readers().run(|reader| reader.ask()?.silences()).await
    }

    /// Adds a silence; one that has been over for longest makes room.
    ///
    /// # Errors
    /// `Conflict` when there are too many that are not over.
    pub async fn create_silence(&self, spec: SilenceSpec, now: UnixMillis) -> Result<Silence> {
        self.change(move |open| {
            if open.tx.silence_count()? >= MOST_SILENCES && !open.tx.drop_old_silence(now)? {
                return Err(Error::conflict(
                    "until",
                    format!("there are already {MOST_SILENCES} silences, the maximum: delete one first"),
                ));
            }
            let id = open.tx.add_silence(&spec, now)?;
            open.tx.silence(id)?.ok_or(Error::missing("silence"))
        })
        .await
    }

    /// Deletes a silence.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_silence(&self, id: SilenceId) -> Result<()> {
        self.change(move |open| if open.tx.delete_silence(id)? { Ok(()) } else { Err(Error::missing("silence")) }).await
    }
}
