//! Messages that people are told together, and what waits for that.

use crate::model::UnixMillis;
use crate::model::alert::AlertId;
use crate::model::hearing::Lull;
use crate::model::rule::RuleId;
use crate::model::webhook::{DeliveryId, DeliveryState, Held, Waits, WebhookId};
use crate::store::error::Result;

/// What waits to be told together.
pub(in crate::store) trait Together {
    /// Webhooks for which more late messages to people wait than a handful, or one with an earlier summary of such that is due: time
    /// for a summary. What waits for the end of a lull is left out.
    fn webhooks_to_sum_up(&self, now: UnixMillis, lulls: &[Lull]) -> Result<Vec<WebhookId>>;
    /// What a summary for a webhook tells of at `now`, oldest first, at most `n`: late messages and what earlier summaries tell of, with
    /// those; without tests, without what is about an alert of which something is under way, and without what waits for the end of a lull.
    fn to_sum_up(&self, webhook: WebhookId, now: UnixMillis, n: usize, lulls: &[Lull]) -> Result<Vec<Waits>>;
    /// The rules of which several alerts are to be told to a webhook whose wait for each other is over; not
    /// what waits for the end of a lull.
    fn groups_due(&self, now: UnixMillis, lulls: &[Lull]) -> Result<Vec<(WebhookId, RuleId)>>;
    /// What of a rule is to be told to a webhook together at `now`, oldest first, at most `n`: what waited, and what came later about
    /// the same things; without what is about a thing of which something is under way.
    fn in_group(&self, webhook: WebhookId, rule: RuleId, now: UnixMillis, n: usize) -> Result<Vec<Waits>>;
    /// Until when something of a rule waits for others.
    fn held_deliveries(&self) -> Result<Vec<Held>>;
    /// The alerts about which something waits for others of its rule.
    fn held_alerts(&self) -> Result<Vec<AlertId>>;
    /// Whether the end of an alert waits for a webhook.
    fn waits_with_an_end(&self, webhook: WebhookId) -> Result<bool>;
    /// How many alerts were withdrawn that began in a lull.
    fn withdrawn_in(&self, lull: &Lull) -> Result<usize>;
}

/// Changes of it.
pub(in crate::store) trait ChangeTogether: Together {
    /// Withdraws what waits for others of its rule, was never tried, and is about an alert that went with its device; how many.
    fn withdraw_gone(&self) -> Result<usize>;
    /// What waits for others of its rule about an alert, and was never tried, waits until a moment instead, where that is later, or it
    /// waits for longer than until `most`; whether there is such.
    fn hold(&self, alert: AlertId, until: UnixMillis, most: UnixMillis) -> Result<bool>;
    /// Withdraws what waits of alerts that began in a lull and are over, where their webhook was told nothing of them and the lull
    /// kept all of it: which.
    fn withdraw_over(&self, lull: &Lull) -> Result<Vec<DeliveryId>>;
    /// Has a message tell of others in their place; of how many that wait and are not under way.
    fn sum_up(&self, summary: DeliveryId, ids: &[DeliveryId], now: UnixMillis) -> Result<usize>;
    /// What a summary tells of is where that is.
    fn settle_summed_up(&self, summary: DeliveryId, state: DeliveryState) -> Result<()>;
    /// What waits for a webhook is told message by message again.
    fn drop_summaries(&self, webhook: WebhookId) -> Result<()>;
}
