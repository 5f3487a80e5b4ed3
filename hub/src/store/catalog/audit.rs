//! The audit log as it is read: newest first.

use crate::model::audit::Entry;
use crate::store::Store;
use crate::store::error::Result;

impl Store {
    /// At most `limit` entries older than `before`, newest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<Entry>> {
        self.readers().run(move |reader| reader.ask()?.audit(before, limit)).await
    }
}
