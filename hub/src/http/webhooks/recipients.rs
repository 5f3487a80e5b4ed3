//! The parts of the hub that the handlers of webhooks use.

use crate::clock::Clock;
use crate::delivery::policy::Policy;
use crate::http::error::ApiError;
use crate::http::request::text;
use crate::http::state::RulesChanged;
use crate::model::webhook::{Secret, Webhook, WebhookId};
use crate::random;
use crate::store::{self, Store};

/// Those who are told by webhooks, and where such a webhook may lead.
#[derive(Clone)]
pub(in crate::http) struct Recipients {
    pub(in crate::http) store: Store,
    pub(in crate::http) clock: Clock,
    /// Where messages may go at all.
    pub(in crate::http) policy: Policy,
    /// Rules name the webhooks that they tell.
    pub(in crate::http) rules_changed: RulesChanged,
}

impl Recipients {
    /// The stored webhook that one being written would change, where it says which.
    ///
    /// # Errors
    /// [`ApiError::invalid`] where there is none of this id, and those of the store.
    pub(super) async fn stored(&self, of: Option<&str>) -> Result<Option<Webhook>, ApiError> {
        let Some(of) = of else { return Ok(None) };
        let id: WebhookId = text::parse_id(of).map_err(|detail| ApiError::invalid("of", detail))?;
        match self.store.webhook(id).await {
            Ok(webhook) => Ok(Some(webhook)),
            Err(store::Error::NotFound { .. }) => {
                Err(ApiError::invalid("of", format!("there is no webhook {}", text::id(id))))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A secret to sign with.
pub(super) fn new_secret() -> Result<Secret, ApiError> {
    Ok(Secret(random::bytes::<32>()?.to_vec()))
}
