//! Which start of its agent counts as the device, and which machines were refused its identity.

use std::collections::HashMap;

use super::device_rows::changed;
use crate::model::device::{Claim, DeviceNo};
use crate::store::Store;
use crate::store::error::Result;

impl Store {
    /// Every claim, as saved.
    ///
    /// # Errors
    /// `Busy` when too many read at once.
    pub async fn claims(&self) -> Result<HashMap<DeviceNo, Claim>> {
        self.readers().run(|reader| reader.ask()?.claims()).await
    }

    /// Saves who speaks for a device. A device that was deleted meanwhile has nobody.
    ///
    /// # Errors
    /// [`Error::Full`](crate::store::Error::Full): nothing changed. A fatal one: end the hub.
    pub async fn save_claim(&self, device: DeviceNo, claim: Claim) -> Result<()> {
        self.change(move |open| {
            if open.tx.save_claim(device, &claim)? {
                changed(open, device)?;
            }
            Ok(())
        })
        .await
    }
}
