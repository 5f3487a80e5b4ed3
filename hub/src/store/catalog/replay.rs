//! Deliveries that a person has sent again.

use super::outbox::read;
use super::webhooks;
use crate::model::UnixMillis;
use crate::model::webhook::{Delivery, DeliveryId, DeliveryState, MOST_ATTEMPTS, MOST_REPLAYED, Replay};
use crate::store::Store;
use crate::store::error::{Error, Result};

impl Store {
    /// Makes a delivery due now: a settled one is pending again; one that waits for its next attempt waits no longer, and neither do
    /// earlier ones of the same alert. A delivery under way stays as it is.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when its webhook is off, or when it was tried so often that a new test tells more.
    pub async fn replay_delivery(&self, id: DeliveryId, now: UnixMillis) -> Result<Delivery> {
        let key = self.key().clone();
        self.change(move |open| {
            let delivery = read(open.tx, id)?;
            let webhook = webhooks::read(open.tx, &key, delivery.webhook, None)?;
            if !webhook.works() {
                return Err(is_off());
            }
            if delivery.attempts.len() >= MOST_ATTEMPTS as usize {
                let detail = format!("this was tried {MOST_ATTEMPTS} times: send a test to see what the receiver says");
                return Err(Error::Conflict { field: "id", detail });
            }
            match delivery.state {
                DeliveryState::Pending => open.tx.try_delivery_now(id, now)?,
                DeliveryState::Delivered | DeliveryState::Failed | DeliveryState::Withdrawn => {
                    open.tx.replay_delivery(id, now)?;
                }
            }
            open.own.due = true;
            read(open.tx, id)
        })
        .await
    }

    /// Makes messages due again, the oldest first, at most [`MOST_REPLAYED`], under the ids they have: those of webhooks that work, and
    /// no tests. Returns which, and whether there are more.
    ///
    /// # Errors
    /// `NotFound` for the webhook; `Conflict` when that is off.
    pub async fn replay_deliveries(&self, which: Replay, now: UnixMillis) -> Result<(Vec<DeliveryId>, bool)> {
        let key = self.key().clone();
        self.change(move |open| {
            if let Some(id) = which.webhook
                && !webhooks::read(open.tx, &key, id, None)?.works()
            {
                return Err(is_off());
            }
            // Whether one is left is not asked: the next wish says so.
            let ids = open.tx.replay_deliveries(&which, now, MOST_REPLAYED, MOST_ATTEMPTS)?;
            let is_full = ids.len() == MOST_REPLAYED;
            open.own.due |= !ids.is_empty();
            Ok((ids, is_full))
        })
        .await
    }

    /// How many of these messages are left because their webhook is off; [`MOST_REPLAYED`] stands for more.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn deliveries_off(&self, which: Replay) -> Result<usize> {
        self.readers().run(move |reader| reader.ask()?.count_off(&which, MOST_REPLAYED)).await
    }
}

fn is_off() -> Error {
    Error::Conflict { field: "webhook", detail: "the webhook is off: turn it on, then this is sent".to_owned() }
}
