//! The outbox: deliveries written with their cause, claimed under a lease, settled after each attempt.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::model::UnixMillis;
use crate::model::alert::AlertId;
use crate::model::hearing::Lull;
use crate::model::rule::RuleId;
use crate::model::webhook::{
    Delivery, DeliveryId, DeliveryState, Disabling, Held, MOST_ATTEMPTS, MOST_SUMMED_UP, NewDelivery, Settled,
    Settlement, Waits, WebhookId,
};
use crate::store::Store;
use crate::store::engine::nouns::{DeliveryQuery, ToldOf};
use crate::store::engine::snapshot::Snapshot;
use crate::store::engine::transaction::Transaction;
use crate::store::error::{Error, Result};
use crate::zones;

impl Store {
    /// Deliveries, newest first, with their attempts; of their bodies those of at most 2,000 bytes.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn deliveries(&self, query: DeliveryQuery) -> Result<Vec<Delivery>> {
        self.readers().run(move |reader| reader.ask()?.deliveries(&query)).await
    }

    /// Who was told how often, and when last, of alerts whose end was not told yet.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn told_of_open_alerts(&self) -> Result<Vec<ToldOf>> {
        self.readers().run(|reader| reader.ask()?.told_of_open_alerts()).await
    }

    /// How many deliveries wait.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn deliveries_pending(&self) -> Result<u64> {
        self.readers().run(|reader| reader.ask()?.deliveries_pending()).await
    }

    /// The newest delivery of each alert that is gone with its device, by webhook, where its end was not told. Reads every
    /// delivery: for a start, and after a device was deleted.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn told_of_gone_alerts(&self) -> Result<Vec<NewDelivery>> {
        self.readers().run(|reader| reader.ask()?.told_of_gone_alerts()).await
    }

    /// One delivery, with its body.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Delivery> {
        self.readers().run(move |reader| reader.ask()?.delivery(id)?.ok_or(Error::missing("delivery"))).await
    }

    /// Adds a delivery that no reading caused (a test), due at once.
    ///
    /// # Errors
    /// `NotFound` for the webhook.
    pub async fn create_delivery(&self, new: NewDelivery) -> Result<Delivery> {
        self.change(move |open| {
            let id = open.tx.add_delivery(&new)?.ok_or(Error::missing("webhook"))?;
            open.own.due = true;
            read(open.tx, id)
        })
        .await
    }

    /// Takes up to `n` due deliveries until `lease_until`: of one rule on one thing to one webhook only the oldest unsettled one, and
    /// none of the webhooks in `except`, which have enough to do: else one that hangs would be handed out for ever. In the quiet hours
    /// of a webhook only what is urgent enough.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn claim_due(
        &self,
        now: UnixMillis,
        lease_until: UnixMillis,
        n: usize,
        except: &[WebhookId],
    ) -> Result<Vec<Delivery>> {
        let except = except.to_vec();
        self.change(move |open| {
            let lulls = lulls(open.tx, now)?;
            open.tx.claim_deliveries(now, lease_until, n, &except, &lulls)
        })
        .await
    }

    /// The quiet hours of each webhook that works and has some, as they are at a moment.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn lulls(&self, now: UnixMillis) -> Result<Vec<Lull>> {
        self.readers().run(move |reader| lulls(reader.ask()?, now)).await
    }

    /// Withdraws messages about alerts that began in the quiet hours of their webhook and are over: nobody was told of them. Answers
    /// which.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn withdraw_over(&self, now: UnixMillis) -> Result<Vec<DeliveryId>> {
        // Nearly always there is none.
        let over = self
            .readers()
            .run(move |reader| {
                let ask = reader.ask()?;
                let mut over = Vec::new();
                for lull in lulls(ask, now)? {
                    if ask.waits_with_an_end(lull.webhook)? {
                        over.push(lull);
                    }
                }
                Ok(over)
            })
            .await?;
        if over.is_empty() {
            return Ok(Vec::new());
        }
        self.change(move |open| {
            let mut withdrawn = Vec::new();
            for lull in &over {
                withdrawn.extend(open.tx.withdraw_over(lull)?);
            }
            Ok(withdrawn)
        })
        .await
    }

    /// Withdraws what people were to be told together with others of an alert that went with its device: they know nothing of it.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn withdraw_gone(&self) -> Result<()> {
        self.change(|open| open.tx.withdraw_gone().map(drop)).await
    }

    /// The alerts about which something waits to be told with others of its rule.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn held_alerts(&self) -> Result<Vec<AlertId>> {
        self.readers().run(|reader| reader.ask()?.held_alerts()).await
    }

    /// Has what waits about these alerts wait until a moment each instead, where that is later; what waits beyond `most` waits no longer
    /// than its moment.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn hold_until(&self, alerts: Vec<(AlertId, UnixMillis)>, most: UnixMillis) -> Result<()> {
        self.change(move |open| {
            for &(alert, until) in &alerts {
                open.own.due |= open.tx.hold(alert, until, most)?;
            }
            Ok(())
        })
        .await
    }

    /// Of these alerts, to which webhooks something about them waits.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn waits_about(&self, alerts: Vec<AlertId>) -> Result<Vec<(AlertId, WebhookId)>> {
        self.readers().run(move |reader| reader.ask()?.waits_about(&alerts)).await
    }

    /// How many alerts began and were over in quiet hours, so that nobody was told.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn withdrawn_in(&self, lull: Lull) -> Result<usize> {
        self.readers().run(move |reader| reader.ask()?.withdrawn_in(&lull)).await
    }

    /// Webhooks for which it is time to tell people in one message what waits.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn webhooks_to_sum_up(&self, now: UnixMillis) -> Result<Vec<WebhookId>> {
        self.readers()
            .run(move |reader| {
                let ask = reader.ask()?;
                ask.webhooks_to_sum_up(now, &lulls(ask, now)?)
            })
            .await
    }

    /// What a summary for a webhook tells of, oldest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn to_sum_up(&self, webhook: WebhookId, now: UnixMillis) -> Result<Vec<Waits>> {
        self.readers()
            .run(move |reader| {
                let ask = reader.ask()?;
                ask.to_sum_up(webhook, now, MOST_SUMMED_UP, &lulls(ask, now)?)
            })
            .await
    }

    /// The rules of which several alerts are to be told to a webhook in one message now.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn groups_due(&self, now: UnixMillis) -> Result<Vec<(WebhookId, RuleId)>> {
        self.readers()
            .run(move |reader| {
                let ask = reader.ask()?;
                ask.groups_due(now, &lulls(ask, now)?)
            })
            .await
    }

    /// What that message tells of, oldest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn in_group(&self, webhook: WebhookId, rule: RuleId, now: UnixMillis) -> Result<Vec<Waits>> {
        self.readers().run(move |reader| reader.ask()?.in_group(webhook, rule, now, MOST_SUMMED_UP)).await
    }

    /// What waits for others of its rule.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn held_deliveries(&self) -> Result<Vec<Held>> {
        self.readers().run(|reader| reader.ask()?.held_deliveries()).await
    }

    /// Adds a message that tells of others in their place, from now on: they go where it goes.
    ///
    /// # Errors
    /// `Conflict` when one of them does not wait any more; `NotFound` for the webhook.
    pub async fn sum_up(&self, new: NewDelivery, messages: Vec<DeliveryId>, now: UnixMillis) -> Result<DeliveryId> {
        self.change(move |open| {
            let id = open.tx.add_delivery(&new)?.ok_or(Error::missing("webhook"))?;
            if open.tx.sum_up(id, &messages, now)? < messages.len() {
                let detail = "one of the messages does not wait any more".to_owned();
                return Err(Error::Conflict { field: "messages", detail });
            }
            open.own.due = true;
            Ok(id)
        })
        .await
    }

    /// Ends every lease: those of a dispatcher that is gone. Only one hub works on a data directory.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn release_leases(&self) -> Result<()> {
        self.change(|open| {
            open.own.due |= open.tx.release_leases()?;
            Ok(())
        })
        .await
    }

    /// When the next delivery can be claimed, or quiet hours end; `None` when nothing waits and there are none.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn next_due(&self, now: UnixMillis) -> Result<Option<UnixMillis>> {
        self.readers()
            .run(move |reader| {
                let ask = reader.ask()?;
                let lulls = lulls(ask, now)?;
                let ends = lulls.iter().filter(|lull| lull.has(now)).map(|lull| lull.until);
                Ok(ends.chain(ask.next_due(now, &lulls)?).min())
            })
            .await
    }

    /// Writes down an attempt and what follows from it; ends the lease. Answers what that changed about its webhook. What may go now that
    /// it is settled rings nobody: whoever claimed it looks for more when its call has ended.
    ///
    /// # Errors
    /// `NotFound` when the delivery is gone (its webhook was deleted).
    pub async fn settle(&self, settlement: Settlement, now: UnixMillis) -> Result<Settled> {
        self.change(move |open| {
            let Settlement { delivery, attempt, state, next_attempt_at, disable, problem, webhook_updated_at } =
                settlement;
            let pending = state == DeliveryState::Pending;
            let next = pending.then(|| next_attempt_at.unwrap_or(now));
            if !open.tx.settle_delivery(delivery, state, next)? {
                return Err(Error::missing("delivery"));
            }
            open.tx.add_attempt(delivery, &attempt)?;
            if !pending {
                open.tx.settle_summed_up(delivery, state)?;
            }
            let mut settled = Settled::default();
            // One that arrived for some recipients and not for all leaves something to mend.
            let is_mended = problem.is_none();
            if let Some(problem) = problem {
                let is_news = open.tx.put_problem_of(delivery, &problem, webhook_updated_at)?;
                settled.problem = is_news.then_some(problem);
            }
            if state == DeliveryState::Delivered {
                settled.works_again = open.tx.note_success_of(delivery, is_mended, webhook_updated_at)?;
                // The receiver is back: what waits need not wait for its own schedule. Each that arrives wakes the next ones.
                open.tx.try_after_success(delivery, now, AFTER_SUCCESS, MOST_ATTEMPTS)?;
                open.tx.forget_resent(delivery)?;
            } else {
                open.tx.note_failure_of(delivery, attempt.at, webhook_updated_at)?;
            }
            // Last: from then on the webhook is another one.
            let Some(Disabling { reason, tell }) = disable else { return Ok(settled) };
            if open.tx.disable_webhook_of(delivery, &reason, now, webhook_updated_at)? {
                tell.iter().try_for_each(|told| open.tx.add_delivery(told).map(drop))?;
                open.own.due |= !tell.is_empty();
                settled.disabled = Some(reason);
            }
            Ok(settled)
        })
        .await
    }

    /// Rings when a commit, a test or a replay made a delivery due.
    #[must_use]
    pub fn outbox_notify(&self) -> Arc<Notify> {
        self.memory().outbox.clone()
    }
}

/// Messages that one that arrives makes due: as many as are taken from the outbox at once.
const AFTER_SUCCESS: usize = 32;

/// The quiet hours of each webhook that works and has some.
fn lulls(ask: &dyn Snapshot, now: UnixMillis) -> Result<Vec<Lull>> {
    let quiet = ask.quiet_webhooks()?;
    Ok(quiet.iter().filter_map(|(webhook, quiet)| zones::lull(*webhook, quiet, now)).collect())
}

pub(super) fn read(tx: &dyn Transaction, id: DeliveryId) -> Result<Delivery> {
    tx.delivery(id)?.ok_or(Error::missing("delivery"))
}
