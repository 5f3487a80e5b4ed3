//! Webhooks: where deliveries go, and the secrets they are signed with.

use super::Store;
use super::error::Result;
use crate::model::UnixMillis;
use crate::model::webhook::{Secret, Webhook, WebhookId, WebhookSpec};

impl Store {
    /// All webhooks, oldest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>> {
        todo!()
    }

    /// One webhook.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn webhook(&self, id: WebhookId) -> Result<Webhook> {
        let _ = id;
        todo!()
    }

    /// Adds a webhook.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn create_webhook(&self, spec: WebhookSpec, secret: Secret, now: UnixMillis) -> Result<Webhook> {
        let _ = (spec, secret, now);
        todo!()
    }

    /// Replaces what a person set; enabling it clears the reason it was disabled for.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn replace_webhook(&self, id: WebhookId, spec: WebhookSpec, now: UnixMillis) -> Result<Webhook> {
        let _ = (id, spec, now);
        todo!()
    }

    /// Deletes a webhook with its deliveries, and takes it out of the rules that name it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_webhook(&self, id: WebhookId) -> Result<()> {
        let _ = id;
        todo!()
    }

    /// Signs with a new secret; the old one signs along for 24 h.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn rotate_secret(&self, id: WebhookId, secret: Secret, now: UnixMillis) -> Result<Webhook> {
        let _ = (id, secret, now);
        todo!()
    }
}
