//! Tells again of what still fires, to webhooks that want it.

use std::collections::BTreeSet;

use super::Ingest;
use crate::delivery::audience::Audience;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertState};
use crate::model::hearing::{Lull, Urgency};
use crate::model::rule::Severity;
use crate::model::webhook::WebhookId;
use crate::rules::Proposed;
use crate::store;

impl Ingest {
    /// Tells again of what still fires, where it is time for that.
    pub(super) async fn tell_again(&mut self) -> Result<(), store::Error> {
        let now = self.clock.wall();
        if !self.notifier.is_again_due(now) {
            return Ok(());
        }
        let open = self.store.open_alerts().await?;
        let firing = open.iter().filter(|alert| alert.state == AlertState::Firing).map(|alert| alert.id).collect();
        let waiting: BTreeSet<_> = self.store.waits_about(firing).await?.into_iter().collect();
        let lulls = self.store.lulls(now).await?;
        let rules: Vec<_> = self.engine.rules().cloned().collect();
        let told = {
            let audience = Audience::new(&rules, &self.webhooks);
            let catalog = self.store.catalog();
            let hears = |alert: &Alert, id: WebhookId| {
                let webhook = self.webhooks.iter().find(|webhook| webhook.id == id);
                !waiting.contains(&(alert.id, id))
                    && !is_quiet(&lulls, id, alert.severity, now)
                    && webhook.is_some_and(|webhook| audience.is_of(alert, webhook, &catalog))
            };
            self.notifier.again(now, open, &catalog, hears)
        };
        if !self.commit_telling(Vec::new(), Vec::new(), Proposed::default(), told).await? {
            self.notifier.again_later(now);
        }
        Ok(())
    }
}

/// Whether a webhook is in its quiet hours, as far as an alert goes.
fn is_quiet(lulls: &[Lull], webhook: WebhookId, severity: Severity, now: UnixMillis) -> bool {
    let urgency = if severity == Severity::Critical { Urgency::Critical } else { Urgency::Ordinary };
    lulls.iter().any(|lull| lull.webhook == webhook && lull.has(now) && urgency < lull.passes)
}
