//! The outbox: deliveries written with their cause, claimed under a lease, settled after each attempt.

use std::sync::Arc;

use tokio::sync::Notify;

use super::Store;
use super::error::Result;
use crate::model::UnixMillis;
use crate::model::webhook::{Claimed, Delivery, DeliveryId, DeliveryState, NewDelivery, Settlement, WebhookId};

/// Which deliveries to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryQuery {
    /// To this webhook.
    pub webhook: Option<WebhookId>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// At most so many.
    pub limit: usize,
    /// Older than this one: the next page.
    pub before: Option<DeliveryId>,
}

impl Store {
    /// Deliveries, newest first, with their attempts and with an empty `body`.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn deliveries(&self, query: DeliveryQuery) -> Result<Vec<Delivery>> {
        let _ = query;
        todo!()
    }

    /// One delivery, with its body.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Delivery> {
        let _ = id;
        todo!()
    }

    /// Adds a delivery that no reading caused (a test), due at once.
    ///
    /// # Errors
    /// `NotFound` for the webhook.
    pub async fn create_delivery(&self, new: NewDelivery) -> Result<Delivery> {
        let _ = new;
        todo!()
    }

    /// Makes a delivery pending again, due now.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn replay_delivery(&self, id: DeliveryId, now: UnixMillis) -> Result<Delivery> {
        let _ = (id, now);
        todo!()
    }

    /// Takes up to `n` due deliveries until `lease_until`: of one alert to one webhook only the oldest unsettled one, and
    /// none of the webhooks in `except`, which have enough to do: else one that hangs would be handed out for ever.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn claim_due(
        &self,
        now: UnixMillis,
        lease_until: UnixMillis,
        n: usize,
        except: &[WebhookId],
    ) -> Result<Vec<Claimed>> {
        let _ = (now, lease_until, n, except);
        todo!()
    }

    /// When the next delivery can be claimed; `None` when nothing waits.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn next_due(&self) -> Result<Option<UnixMillis>> {
        todo!()
    }

    /// Writes down an attempt and what follows from it; ends the lease.
    ///
    /// # Errors
    /// `NotFound` when the delivery is gone (its webhook was deleted).
    pub async fn settle(&self, settlement: Settlement, now: UnixMillis) -> Result<()> {
        let _ = (settlement, now);
        todo!()
    }

    /// Rings when a commit, a test or a replay made a delivery due.
    #[must_use]
    pub fn outbox_notify(&self) -> Arc<Notify> {
        todo!()
    }
}
