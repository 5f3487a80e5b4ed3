//! Webhooks, and the deliveries that go to them.

use crate::model::UnixMillis;
use crate::model::alert::AlertId;
use crate::model::hearing::{Lull, QuietHours};
use crate::model::webhook::{
    Attempt, Delivery, DeliveryId, DeliveryState, NewDelivery, Problem, Replay, Webhook, WebhookId, WebhookSpec,
};
use crate::store::error::Result;

/// What of a webhook is sealed; a hub of before left it plain.
pub(in crate::store) struct SealedParts {
    pub(in crate::store) url: Option<Vec<u8>>,
    pub(in crate::store) headers: Option<Vec<u8>>,
    pub(in crate::store) fields: Option<Vec<u8>>,
    /// None of a hub of before, which had no templates.
    pub(in crate::store) template: Option<Vec<u8>>,
}

/// A webhook as it is stored: what is sealed is beside it.
pub(in crate::store) struct StoredWebhook {
    pub(in crate::store) webhook: Webhook,
    pub(in crate::store) sealed: SealedParts,
    /// Newest first.
    pub(in crate::store) secrets: Vec<Vec<u8>>,
}

/// Webhooks.
pub(in crate::store) trait Webhooks {
    /// All webhooks, oldest first.
    fn webhooks(&self) -> Result<Vec<StoredWebhook>>;
    /// One webhook; with `now`, only with the secrets that still hold.
    fn webhook(&self, id: WebhookId, now: Option<UnixMillis>) -> Result<Option<StoredWebhook>>;
    /// Those that work and have quiet hours.
    fn quiet_webhooks(&self) -> Result<Vec<(WebhookId, QuietHours)>>;
    /// Those of which something lies unsealed that a hub of before left so: its URL and its headers, empty where they are sealed.
    fn plain_webhooks(&self) -> Result<Vec<(WebhookId, String, String)>>;
}

/// Changes of webhooks.
pub(in crate::store) trait ChangeWebhooks: Webhooks {
    /// Adds a webhook without what is sealed; its number.
    fn add_webhook(&self, spec: &WebhookSpec, now: UnixMillis) -> Result<WebhookId>;
    /// Replaces what is not sealed; enabling it clears the reason it was disabled for.
    fn replace_webhook(&self, id: WebhookId, spec: &WebhookSpec, now: UnixMillis) -> Result<()>;
    /// Forgets what had to be mended, and since when attempts fail.
    fn forget_failures(&self, id: WebhookId) -> Result<()>;
    /// Replaces what is sealed.
    fn seal_webhook(&self, id: WebhookId, sealed: &SealedParts) -> Result<()>;
    /// Adds a secret.
    fn add_secret(&self, id: WebhookId, sealed: &[u8]) -> Result<()>;
    /// Drops secrets that hold no longer at `now`, and has those that hold do so until a moment; whether there is such a webhook.
    fn expire_secrets(&self, id: WebhookId, now: UnixMillis, until: UnixMillis) -> Result<bool>;
    /// Adds this webhook to every rule; returns to how many rules it was added.
    fn tell_of_all_rules(&self, id: WebhookId, now: UnixMillis) -> Result<usize>;
    /// Whether there was such a webhook to delete, with its deliveries.
    fn delete_webhook(&self, id: WebhookId) -> Result<bool>;
    /// Does `work`, and what it overwrites is gone from the disk as well.
    fn overwriting(&self, work: &mut dyn FnMut() -> Result<()>) -> Result<()>;
}

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

/// How often a webhook was told of an alert, and when last.
pub(in crate::store) type ToldOf = ((AlertId, WebhookId), (u32, UnixMillis));

/// Deliveries.
pub(in crate::store) trait Outbox {
    /// How many deliveries that are meant, at most `n`, are left because their webhook is off.
    fn count_off(&self, which: &Replay, n: usize) -> Result<usize>;
    /// Deliveries, newest first, with their attempts; of their bodies those of at most 2,000 bytes.
    fn deliveries(&self, query: &DeliveryQuery) -> Result<Vec<Delivery>>;
    /// Of alerts that are open or flap, or whose end a webhook that is off was not told of, by webhook: how many deliveries there are, and when the newest was made.
    fn told_of_open_alerts(&self) -> Result<Vec<ToldOf>>;
    /// The newest delivery of each alert that is gone with its device, by webhook, where its end was not told.
    fn told_of_gone_alerts(&self) -> Result<Vec<NewDelivery>>;
    /// One delivery, with its body.
    fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>>;
    /// Of these alerts, to which webhooks something about them waits.
    fn waits_about(&self, alerts: &[AlertId]) -> Result<Vec<(AlertId, WebhookId)>>;
    /// How many wait.
    fn deliveries_pending(&self) -> Result<u64>;
    /// When the next one can be claimed, but for what waits for the end of a lull.
    fn next_due(&self, now: UnixMillis, lulls: &[Lull]) -> Result<Option<UnixMillis>>;
}

/// Changes of deliveries.
pub(in crate::store) trait ChangeOutbox: Outbox {
    /// Adds one; `None` when its webhook is gone, or was disabled by the time something but a test is to be told: who decides
    /// about alerts hears of that a moment later.
    fn add_delivery(&self, new: &NewDelivery) -> Result<Option<DeliveryId>>;
    /// Takes up to `n` that are due until `lease_until`: of one rule on one thing to one webhook only the oldest unsettled one, none to
    /// webhooks in `except`, none that a summary tells of or is to tell of, and none that waits for the end of a lull. First come,
    /// first served.
    fn claim_deliveries(
        &self,
        now: UnixMillis,
        lease_until: UnixMillis,
        n: usize,
        except: &[WebhookId],
        lulls: &[Lull],
    ) -> Result<Vec<Delivery>>;
    /// Ends every lease; whether there was one.
    fn release_leases(&self) -> Result<bool>;
    /// Sets the state of one and its next attempt, and ends the lease; whether it is there.
    fn settle_delivery(&self, id: DeliveryId, state: DeliveryState, next: Option<UnixMillis>) -> Result<bool>;
    /// Writes down an attempt.
    fn add_attempt(&self, id: DeliveryId, attempt: &Attempt) -> Result<()>;
    /// Deletes what Alertmanager was told again of an alert before this.
    fn forget_resent(&self, newest: DeliveryId) -> Result<()>;
    /// Deletes up to `at_most` settled deliveries, with their attempts, that were caused before a moment; how many.
    fn expire_deliveries(&self, before: UnixMillis, at_most: usize) -> Result<usize>;
    /// Makes a settled delivery due again at `now`.
    fn replay_delivery(&self, id: DeliveryId, now: UnixMillis) -> Result<()>;
    /// Makes a waiting delivery due at `now`, with earlier ones of the same alert.
    fn try_delivery_now(&self, id: DeliveryId, now: UnixMillis) -> Result<()>;
    /// Makes up to `n` deliveries due at `now`, the oldest first, that were not tried `most` times yet, are no tests and no calls
    /// under way, and whose webhook works; their ids. What was settled has a schedule of its own again.
    fn replay_deliveries(&self, which: &Replay, now: UnixMillis, n: usize, most: u32) -> Result<Vec<DeliveryId>>;
    /// Makes all waiting deliveries to a webhook due at `now` that were not tried `most` times yet.
    fn try_waiting_now(&self, id: WebhookId, now: UnixMillis, most: u32) -> Result<()>;
    /// Makes up to `n` deliveries, the oldest first, due at `now` that wait for the webhook that took this one: not those that were tried
    /// `most` times, within [`RESTED_MS`](crate::model::webhook::RESTED_MS), or refused for what they say or until a moment. That is no try
    /// of their schedules.
    fn try_after_success(&self, taken: DeliveryId, now: UnixMillis, n: usize, most: u32) -> Result<()>;
}

/// What attempts tell of webhooks.
pub(in crate::store) trait ChangeReached {
    /// Writes down what a person must mend of the webhook of a delivery, unless it was changed since `seen`; whether that is news. What
    /// is of the same kind as before is so since before.
    fn put_problem_of(&self, id: DeliveryId, problem: &Problem, seen: UnixMillis) -> Result<bool>;
    /// Notes that the webhook of a delivery works, and `is_mended`, unless it was changed since `seen`; whether there was something to
    /// mend.
    fn note_success_of(&self, id: DeliveryId, is_mended: bool, seen: UnixMillis) -> Result<bool>;
    /// Notes that an attempt of a delivery failed at a moment: the webhook fails since then, unless it did before, or was changed
    /// since `seen`.
    fn note_failure_of(&self, id: DeliveryId, at: UnixMillis, seen: UnixMillis) -> Result<()>;
    /// Disables the webhook of a delivery, unless it was changed since `seen`; whether it did.
    fn disable_webhook_of(&self, id: DeliveryId, reason: &str, now: UnixMillis, seen: UnixMillis) -> Result<bool>;
}
