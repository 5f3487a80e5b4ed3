//! The webhook dispatcher: claims due deliveries from the outbox, calls the receivers, and records the outcome.
//!
//! ```text
//!   commit ──▶ outbox ──claim (lease 60 s)──▶ lane of the webhook ──▶ attempt ──settle──▶ outbox
//!                 ▲                                                                          │
//!                 └───────────── lease lapses: not started, or the hub went away ◀───────────┘
//! ```
//!
//! Promises:
//!
//! - At least once: a delivery is in the outbox until it is settled. A crash between an answer and its settlement repeats the
//!   call with the same `webhook-id`.
//! - In order: of one rule on one thing only the oldest unsettled delivery to a webhook is handed out (by the store), so
//!   firing comes before resolved.
//! - Nobody has to read forty messages after an outage: what is late and more than a handful goes to people as one (`alerts.summary`),
//!   and waits for it in the outbox: so a kill at any moment neither loses nor splits it.
//! - Nor forty when a rule is true of forty things: what waits for others of its rule (`delivery::grouping`) is one message once its
//!   wait is over, made and kept in the same way.
//! - No endpoint delays another: each webhook has a lane of two calls at once, and nothing more is claimed for it while
//!   something waits there. What waits too long is left to its lease and becomes due again.
//! - When a webhook is changed, a call under way ends at the old address, and a 410 from there does not disable the new one; every
//!   later call goes to the new address. A webhook that is turned off is not called any more.
//! - The [`heartbeat`] beside it has a task of its own, and nothing in common with it but the guard.
//! - On stop nothing new begins; calls under way are dropped. They repeat at the next start, which ends the leases of the
//!   hub before it.

pub mod client;
pub mod guard;
pub mod heartbeat;

mod call;
mod counters;
mod down;
mod echo;
mod lanes;
mod request;
mod smtp;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use self::call::trust;
pub use self::client::{Client, Tried};
pub use self::counters::Counters;
use self::down::{Down, News};
use self::lanes::Lanes;
use crate::clock::Clock;
use crate::delivery::message::showing;
use crate::delivery::payload::{self, Teller};
use crate::delivery::retry::{self, GIVE_UP_ON_WEBHOOK, Next};
use crate::delivery::summary::{Sorted, Why};
use crate::model::UnixMillis;
use crate::model::webhook::{
    Delivery, DeliveryId, DeliveryState, Disabling, Settled, Settlement, Waits, Webhook, WebhookId,
};
use crate::picture::{self, Picture};
use crate::random;
use crate::store::{self, Store};

/// Deliveries taken in one claim.
const CLAIM: usize = 32;
/// How long a claimed delivery is ours: three rounds of 15 s in its lane, and a reserve.
const LEASE_MS: i64 = 60_000;
/// Pause after the store was full or busy.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How long a message waits for its picture.
const PICTURE_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest sleep: the wall clock that `next_due` speaks of may jump.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Delivers what the outbox holds. Started by [`run`].
pub struct Dispatcher {
    store: Store,
    client: Client,
    teller: Teller,
    counters: Arc<Counters>,
    clock: Clock,
    on_settled: Arc<dyn Fn(DeliveryId) + Send + Sync>,
    down: Down,
}

impl Dispatcher {
    /// A dispatcher over this store; `on_settled` hears of each attempt after it is on disk, and must not block.
    pub fn new(
        store: Store,
        client: Client,
        teller: Teller,
        counters: Arc<Counters>,
        on_settled: Arc<dyn Fn(DeliveryId) + Send + Sync>,
    ) -> Self {
        Self { store, client, teller, counters, clock: Clock, on_settled, down: Down::default() }
    }

    /// One delivery, from the call to its settlement. It goes to what its webhook is now: it may have been changed while this
    /// one waited. One that is off is not called: its delivery is due again when the lease lapses.
    async fn attempt(&self, delivery: Delivery) -> Result<(), store::Error> {
        let webhook = match self.store.webhook_to_call(delivery.webhook, self.clock.wall()).await {
            Ok(webhook) if webhook.works() => webhook,
            // Off, or deleted with all it waited for.
            Ok(_) | Err(store::Error::NotFound { .. }) => return Ok(()),
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => {
                tracing::warn!(%error, webhook.id = delivery.webhook.0, "a webhook could not be read, its message is sent within a minute");
                return Ok(());
            }
        };
        let Tried { attempt, outcome, problem } = {
            let picture = self.picture(&webhook, &delivery).await;
            self.client.deliver_showing(&webhook, &delivery, picture.as_ref()).await
        };
        let attempts = (delivery.attempts.len() + 1).saturating_sub(delivery.by_hand);
        let now = self.clock.wall();
        let next = retry::next(attempts, outcome, now, jitter());
        self.counters.count(next);
        let (state, next_attempt_at) = match next {
            Next::Delivered => (DeliveryState::Delivered, None),
            Next::RetryAt(at) => (DeliveryState::Pending, Some(at)),
            Next::GaveUp | Next::Disable => (DeliveryState::Failed, None),
        };
        let reason = match next {
            Next::Delivered => None,
            Next::Disable => Some("the receiver answered 410: it no longer exists".to_owned()),
            Next::GaveUp | Next::RetryAt(_) => only_fails(&webhook, &delivery, now),
        };
        let disable = match reason {
            Some(reason) => Some(self.disabling(&webhook, reason, now).await?),
            None => None,
        };
        let (id, webhook_updated_at) = (delivery.id, webhook.updated_at);
        let cause = attempt.failure(|error| error);
        let settlement =
            Settlement { delivery: id, attempt, state, next_attempt_at, disable, problem, webhook_updated_at };
        let arrived = state == DeliveryState::Delivered;
        let settled = self.store.settle(settlement, now).await?;
        // What a person has to mend is said at once.
        let is_said = webhook.problem.is_some() || settled.problem.is_some() || settled.disabled.is_some();
        say(&webhook, settled, arrived);
        let news = self.down.after(webhook.id, webhook.failing_since, arrived, now);
        if !is_said {
            say_down(&webhook, news, &cause);
        }
        (self.on_settled)(id);
        Ok(())
    }

    /// The picture of the alert that a message is about, where its receiver takes one. Whatever keeps it from being drawn, the message
    /// goes without it.
    async fn picture(&self, webhook: &Webhook, delivery: &Delivery) -> Option<Picture> {
        let shows = showing::is_shown(webhook.spec.kind, delivery.event);
        let id = delivery.alert.filter(|_| shows && payload::devices_in(&delivery.body).is_none())?;
        let drawn = async {
            let alert = self.store.alert(id).await?;
            match picture::of(&self.store, &alert, self.teller.zone.clone(), self.clock.wall()).await? {
                Some(view) => picture::draw(view).await.map(Some),
                None => Ok(None),
            }
        };
        match tokio::time::timeout(PICTURE_TIMEOUT, drawn).await {
            Ok(Ok(picture)) => picture,
            Ok(Err(store::Error::NotFound { .. })) => None,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a message goes without its picture");
                None
            }
            Err(_) => None,
        }
    }

    /// Disables a webhook for a reason, of which all others that work are told.
    async fn disabling(&self, webhook: &Webhook, reason: String, now: UnixMillis) -> Result<Disabling, store::Error> {
        let others = self.store.webhooks().await?.into_iter().filter(|other| other.id != webhook.id && other.works());
        let tell =
            others.map(|other| payload::disabled_delivery(other.id, webhook, &reason, &self.teller, now)).collect();
        Ok(Disabling { reason, tell })
    }
}

/// The reason to disable a webhook of which all attempts have failed for days.
fn only_fails(webhook: &Webhook, delivery: &Delivery, now: UnixMillis) -> Option<String> {
    let attempts: Vec<_> = delivery.attempts.iter().map(|attempt| attempt.at).collect();
    let days = GIVE_UP_ON_WEBHOOK.as_secs() / 86_400;
    retry::only_fails(webhook.failing_since, &attempts, now).then(|| format!("every attempt failed for {days} days"))
}

/// Delivers until told to stop.
///
/// # Errors
/// A fatal error of the store: the hub cannot go on either.
pub async fn run(dispatcher: Dispatcher, stop: CancellationToken) -> Result<(), store::Error> {
    let dispatcher = Arc::new(dispatcher);
    let outbox = dispatcher.store.outbox_notify();
    let mut lanes = Lanes::default();
    let mut calls: JoinSet<(WebhookId, Result<(), store::Error>)> = JoinSet::new();
    // An alert that a killed hub was about to tell must not wait for that hub's lease.
    note(dispatcher.store.release_leases().await)?;
    let (mut looks, mut wake) = (true, None);
    loop {
        // Listen before looking, so that a commit while we look is not missed.
        let rung = outbox.notified();
        tokio::pin!(rung);
        looks |= rung.as_mut().enable();

        if looks {
            let pause = match fill(&dispatcher, &mut lanes).await {
                Ok(pause) => pause,
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "cannot read deliveries from the outbox, will try again");
                    Some(STORE_PAUSE)
                }
            };
            wake = pause.map(|pause| dispatcher.clock.now() + pause);
        }
        while let Some(delivery) = lanes.next(dispatcher.clock.wall()) {
            let dispatcher = Arc::clone(&dispatcher);
            calls.spawn(async move { (delivery.webhook, dispatcher.attempt(delivery).await) });
        }

        looks = true;
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            Some(done) = calls.join_next() => match done {
                Ok((webhook, result)) => {
                    lanes.ended(webhook);
                    // As long as something waits in its lane nothing more is claimed for it.
                    looks = !lanes.is_busy(webhook);
                    note(result)?;
                }
                // A panic in one call has broken an assumption: the supervisor decides, not this loop.
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => {}
            },
            () = rung, if lanes.has_room() => {}
            () = dispatcher.clock.sleep_until(wake) => {}
        }
    }
}

/// Claims what is due while there is room; says how long to sleep unless something happens.
async fn fill(dispatcher: &Dispatcher, lanes: &mut Lanes) -> Result<Option<Duration>, store::Error> {
    while lanes.has_room() {
        let now = dispatcher.clock.wall();
        for id in dispatcher.store.withdraw_over(now).await? {
            (dispatcher.on_settled)(id);
        }
        let wait = match dispatcher.store.next_due(now).await? {
            None => return Ok(None),
            Some(due) => Duration::from_millis(u64::try_from(due.since(now)).unwrap_or(0)),
        };
        if !wait.is_zero() {
            return Ok(Some(wait.min(LONGEST_SLEEP)));
        }
        sum_up(dispatcher, now).await?;
        tell_together(dispatcher, now).await?;
        let lease_until = now.plus(LEASE_MS);
        let claimed = dispatcher.store.claim_due(now, lease_until, CLAIM, &lanes.busy()).await?;
        if claimed.is_empty() {
            // Due, but its webhook is busy: a call of it that ends looks again at once.
            return Ok(Some(STORE_PAUSE));
        }
        for delivery in claimed {
            lanes.push(delivery, lease_until);
        }
    }
    // No room: a finished call makes some.
    Ok(None)
}

/// Tells people in one message what waits for them, where that is late and more than a handful. Messages that change hands meanwhile
/// are summed up at the next look.
async fn sum_up(dispatcher: &Dispatcher, now: UnixMillis) -> Result<(), store::Error> {
    let store = &dispatcher.store;
    for webhook in store.webhooks_to_sum_up(now).await? {
        let waits = store.to_sum_up(webhook, now).await?;
        let since = Sorted::of(&waits).map(|sorted| sorted.since());
        let lulls = store.lulls(now).await?;
        let lull = lulls.into_iter().find(|lull| lull.webhook == webhook && since.is_some_and(|since| lull.has(since)));
        let why = match lull {
            Some(lull) => Why::QuietHours { over: store.withdrawn_in(lull).await? },
            None => Why::Late,
        };
        tell_in_one(dispatcher, webhook, why, waits, now).await?;
    }
    Ok(())
}

/// Tells people in one message what waited for others of its rule.
async fn tell_together(dispatcher: &Dispatcher, now: UnixMillis) -> Result<(), store::Error> {
    for (webhook, rule) in dispatcher.store.groups_due(now).await? {
        let waits = dispatcher.store.in_group(webhook, rule, now).await?;
        tell_in_one(dispatcher, webhook, Why::Grouped, waits, now).await?;
    }
    Ok(())
}

/// Has one message tell of all these.
async fn tell_in_one(
    dispatcher: &Dispatcher,
    webhook: WebhookId,
    why: Why,
    waits: Vec<Waits>,
    now: UnixMillis,
) -> Result<(), store::Error> {
    let store = &dispatcher.store;
    let Some(sorted) = Sorted::of(&waits) else { return Ok(()) };
    let mut bodies = BTreeMap::new();
    for id in sorted.shown() {
        bodies.insert(id, store.delivery(id).await?.body);
    }
    let summary = sorted.delivery(webhook, why, &bodies, &dispatcher.teller, now);
    let messages = waits.into_iter().map(|one| one.id).collect();
    match store.sum_up(summary, messages, now).await {
        Ok(id) => (dispatcher.on_settled)(id),
        Err(store::Error::Conflict { .. } | store::Error::NotFound { .. }) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Says what changed about a webhook: once, not at each attempt.
fn say(webhook: &Webhook, settled: Settled, arrived: bool) {
    let (id, name) = (webhook.id.0, &webhook.spec.name);
    if let Some(problem) = settled.problem {
        let text = problem.text;
        let what = if arrived { "has to be looked at" } else { "gets no messages, they are kept and tried again" };
        tracing::warn!(webhook.id = id, "webhook {id} ({name}) {what}: {text}");
    }
    if settled.works_again {
        tracing::info!(webhook.id = id, "webhook {id} ({name}) gets messages again");
    }
    if let Some(reason) = settled.disabled {
        tracing::warn!(webhook.id = id, "webhook {id} ({name}) is disabled: {reason}");
    }
}

/// Says of a webhook that nothing reaches it, or that it is reached again.
fn say_down(webhook: &Webhook, news: Option<News>, cause: &str) {
    let (id, name) = (webhook.id.0, &webhook.spec.name);
    match news {
        Some(News::Fails { minutes }) => tracing::warn!(
            webhook.id = id,
            "webhook {id} ({name}) has failed for {minutes} minutes, messages are kept and tried again: {cause}"
        ),
        Some(News::WorksAgain) => tracing::info!(webhook.id = id, "webhook {id} ({name}) gets messages again"),
        None => {}
    }
}

/// A settlement that failed leaves the delivery to its lease; only a fatal error ends the dispatcher.
fn note(result: Result<(), store::Error>) -> Result<(), store::Error> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.is_fatal() => Err(error),
        // Its webhook was deleted meanwhile, or the disk is full: the receiver may hear it twice.
        Err(error) => {
            tracing::warn!(%error, "a webhook attempt could not be recorded, it may be repeated");
            Ok(())
        }
    }
}

/// Random in -1..=1. Without randomness all wait the same: worse spread, nothing broken.
fn jitter() -> f64 {
    random::bytes().map_or(0.0, |bytes| f64::from(u16::from_le_bytes(bytes)) / f64::from(u16::MAX) * 2.0 - 1.0)
}
