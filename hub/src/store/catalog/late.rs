//! Late readings to which the rules were not applied yet: for each series, the time that they cover.

use crate::model::reading::{SeriesId, Stretch};
use crate::store::Store;
use crate::store::error::Result;

impl Store {
    /// What waits: what the rule engine starts with.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn late(&self) -> Result<Vec<(SeriesId, Stretch)>> {
        self.readers().run(|reader| reader.ask()?.late()).await
    }
}
