//! The pipeline every reading takes: rules decide, the store commits, then everybody is told.
//!
//! ```text
//!   batches ──▶ group ──▶ Engine::evaluate ──▶ Store::commit ──▶ Engine::apply
//!                          proposes             decides           follows
//!                                                  ├──▶ udp: acknowledge    ├──▶ live
//! ```
//!
//! While one group is being synced to disk the next one gathers, so latency stays one fsync and throughput grows with
//! load; and commits keep apart ([`Pace`]) unless [`ENOUGH`] waits, so a thousand devices that each send once a second cost
//! some tens of commits, not a thousand. A batch that comes alone is committed at once. What time, people and devices ask for waits
//! for no interval. Readings, receive windows, alert changes and deliveries of a group are one transaction.
//!
//! If the disk is full the readings are not stored: their devices are not acknowledged and repeat them. What they say is
//! heard all the same: they are shown live, once, and decide about alerts, which are committed alone (they fit where
//! readings do not) or owed until they can be. Any other failure ends the hub; it restarts from what is on disk.

pub mod desk;
pub mod gather;
pub mod learning;
pub mod pace;
pub mod queue;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, OptionFuture};
use tokio::sync::{Notify, mpsc};

use self::desk::{Desk, Verdict};
use self::learning::Learning;
use self::pace::Pace;
use crate::clock::Clock;
use crate::delivery::payload::{self, Teller};
use crate::live::{Bus, Update};
use crate::model::UnixMillis;
use crate::model::alert::{Absences, AlertId, Transition, Vitals};
use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, BatchId};
use crate::model::webhook::{NewDelivery, Webhook};
use crate::observe::{Histogram, Meter};
use crate::rules::silences::{Hushed, Silences};
use crate::rules::{Engine, Proposed, Recall, Review, Reviewed};
use crate::store::{self, Commit, Floor, Store};

/// A group of this many batches is committed at once: waiting for more would no longer make a reading cheaper.
const ENOUGH: usize = 1_024;
/// Batches and bytes of readings in one commit: what waits there is taken along, as far as it is written in some tens of
/// milliseconds; what waits at once may be twice that where batches are large. On a disk that takes long to sync the queue
/// is emptied by few commits, and alerts are not behind many.
const MAX_GROUP: usize = 8_192;
const MAX_GROUP_BYTES: usize = 8 << 20;
/// After a full disk: how long to wait before the next try. Readings come again and again meanwhile, and go by.
const DEGRADED_PAUSE: Duration = Duration::from_millis(100);
/// Time between two looks at how the hub itself is.
const EXAMINE_EVERY: Duration = Duration::from_secs(1);
/// Alert changes that may wait for room on the disk, at some kilobytes each. Beyond, the engine forgets them again.
const MOST_OWED: usize = 1_000;
/// Batches remembered as shown while the disk is full, so that repeats are not: 2 MB. Beyond, some are shown twice.
const MOST_SHOWN: usize = 65_536;

/// Readings of one series read at once for a rule's memory, or to look at late ones: a millisecond of the pipeline's time.
const RECALL_PAGE: usize = 20_000;

/// What became of batches, for the endpoint.
#[derive(Debug)]
pub enum Outcome {
    /// On disk: acknowledge.
    Committed(Vec<BatchId>),
    /// Not on disk, and forgotten here: let them in again.
    Refused(Vec<BatchId>),
}

/// Tells who is offline at a moment.
pub type AbsencesAt = Arc<dyn Fn(UnixMillis) -> Absences + Send + Sync>;

/// Clocks of devices minus the hub's, in milliseconds, where they are known.
pub type Clocks = Arc<dyn Fn() -> HashMap<DeviceNo, i64> + Send + Sync>;

/// What the pipeline works with.
pub struct Ingest {
    /// From the endpoint.
    pub batches: queue::Exit,
    /// What devices gave up.
    pub floors: mpsc::Receiver<Floor>,
    /// To the endpoint.
    pub outcomes: mpsc::Sender<Outcome>,
    /// To those who handed in batches that no device sent.
    pub desk: Arc<Desk>,
    /// Pinged after a change of rules, webhooks, or device names and labels.
    pub rules_changed: Arc<Notify>,
    /// Where readings go.
    pub store: Store,
    /// Who decides about alerts.
    pub engine: Engine,
    /// What that one has learned, for people.
    pub learning: Arc<Learning>,
    /// Webhooks as they were when the rules were last loaded.
    pub webhooks: Vec<Webhook>,
    /// Whom they are not told of.
    pub silences: Silences,
    /// Who is told.
    pub bus: Bus,
    /// How far commits of readings keep apart.
    pub pace: Pace,
    /// What the hub is to those whom webhooks tell.
    pub teller: Teller,
    pub clock: Clock,
    /// Seconds from receiving a batch to having it on disk.
    pub latency: Arc<Histogram>,
    /// Readings committed.
    pub meter: Arc<Meter>,
    /// Who is offline at a moment.
    pub absences: AbsencesAt,
    /// How far the clocks of devices are off.
    pub clocks: Clocks,
    /// What waits for room on the disk.
    pub waiting: Waiting,
}

/// What a full disk keeps from being committed, while it lasts.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Decided about alerts and not on disk.
    owed: Owed,
    /// Batches that were shown before they are stored.
    shown: HashSet<BatchId>,
    /// The log says why nothing is stored. A full disk is the store's to say ([`Store::is_full`]).
    told: bool,
}

/// Alert changes, whom to tell, and which alerts are muted.
#[derive(Debug, Clone, Default)]
struct Owed {
    transitions: Vec<Transition>,
    deliveries: Vec<NewDelivery>,
    muted: Vec<(AlertId, bool)>,
}

impl Owed {
    fn and(&self, later: &Self) -> Self {
        Self {
            transitions: [&*self.transitions, &later.transitions].concat(),
            deliveries: [&*self.deliveries, &later.deliveries].concat(),
            muted: [&*self.muted, &later.muted].concat(),
        }
    }

    const fn is_empty(&self) -> bool {
        self.transitions.is_empty() && self.muted.is_empty()
    }

    fn commit(self, batches: Vec<Batch>, floors: Vec<Floor>) -> Commit {
        let Self { transitions, deliveries, muted } = self;
        Commit { batches, transitions, deliveries, floors, muted, late: Vec::new() }
    }
}

impl Ingest {
    /// Runs until the endpoint drops its sender and everything received is committed.
    ///
    /// # Errors
    /// The store failed for good.
    pub async fn run(mut self) -> Result<(), store::Error> {
        let latest = self.latest();
        let resumed = self.engine.resume(self.clock.wall(), &self.store.catalog(), latest);
        self.engine.hear(self.store.heard());
        self.commit(Vec::new(), Vec::new(), resumed).await?;
        self.engine.remember_late(self.clock.wall(), self.store.late().await?);
        self.end_silences().await?;
        let mut group = Vec::new();
        let mut floors = Vec::new();
        let mut last = self.clock.now();
        let mut look = look_later(self.store.clone(), self.clock).boxed();
        let mut recalling: Option<BoxFuture<'static, Recall>> = None;
        let mut reviewing: Option<BoxFuture<'static, Reviewed>> = None;
        loop {
            if recalling.is_none() {
                let next = self.engine.next_recall(self.clock.wall());
                recalling = next.map(|next| recall(self.store.clone(), next).boxed());
            }
            if reviewing.is_none() {
                let now = self.clock.wall();
                if self.engine.poll_review().is_some_and(|at| at <= now) {
                    self.engine.set_clocks((self.clocks)());
                }
                let next = self.engine.next_review(now, &self.store.catalog());
                reviewing = next.map(|next| review(self.store.clone(), next).boxed());
            }
            let silence_ends = self.silences.poll_timeout(self.clock.wall());
            let review_due = self.engine.poll_review().filter(|_| reviewing.is_none());
            let deadline = self.engine.poll_timeout().into_iter().chain(silence_ends).chain(review_due).min();
            let deadline = deadline.map(|at| self.clock.instant_of(at));
            let due = self.pace.due(last, &group);
            // Unbiased: steady traffic must not hold back what time, people and devices ask for.
            tokio::select! {
                more = self.batches.take(&mut group, ENOUGH), if !is_enough(&group) => {
                    if !more {
                        self.commit_readings(&mut group).await?;
                        // Nothing comes any more: what is owed has its last chance.
                        return self.commit(Vec::new(), Vec::new(), Proposed::default()).await.map(drop);
                    }
                }
                () = self.clock.sleep_until(Some(due)), if !group.is_empty() => {}
                received = self.floors.recv_many(&mut floors, ENOUGH), if !self.floors.is_closed() => {
                    if received > 0 {
                        self.commit(Vec::new(), std::mem::take(&mut floors), Proposed::default()).await?;
                    }
                }
                () = self.rules_changed.notified() => self.reload().await?,
                recalled = async { OptionFuture::from(recalling.as_mut()).await }, if recalling.is_some() => {
                    recalling = None;
                    if let Some(recalled) = recalled {
                        self.engine.recalled(recalled);
                    }
                }
                reviewed = async { OptionFuture::from(reviewing.as_mut()).await }, if reviewing.is_some() => {
                    reviewing = None;
                    if let Some(reviewed) = reviewed {
                        self.enter(reviewed).await?;
                    }
                }
                vitals = &mut look => {
                    look = look_later(self.store.clone(), self.clock).boxed();
                    self.learning.set(self.engine.watching());
                    let proposed = self.engine.examine(self.clock.wall(), vitals);
                    self.commit(Vec::new(), Vec::new(), proposed).await?;
                    self.engine.set_clocks((self.clocks)());
                    let now = self.clock.wall();
                    let proposed = self.engine.look_for(now, &self.store.catalog(), &(self.absences)(now));
                    self.commit(Vec::new(), Vec::new(), proposed).await?;
                }
                () = self.clock.sleep_until(deadline) => {
                    let proposed = self.engine.handle_timeout(self.clock.wall());
                    self.commit(Vec::new(), Vec::new(), proposed).await?;
                    self.end_silences().await?;
                }
            }
            if is_enough(&group) || !group.is_empty() && self.clock.now() >= self.pace.due(last, &group) {
                self.batches.take_waiting(&mut group, MAX_GROUP, MAX_GROUP_BYTES);
                last = self.clock.now();
                self.commit_readings(&mut group).await?;
            }
        }
    }

    /// Enters what late readings say into the list of alerts.
    async fn enter(&mut self, reviewed: Reviewed) -> Result<(), store::Error> {
        if reviewed.left_out > 0 {
            let left_out = reviewed.left_out;
            tracing::warn!(left_out, "late readings would have fired {left_out} more alerts, which are not listed");
        }
        let proposed = self.engine.reviewed(self.clock.wall(), reviewed);
        self.commit(Vec::new(), Vec::new(), proposed).await.map(drop)
    }

    /// Has the rules decide about a group, and commits both.
    async fn commit_readings(&mut self, group: &mut Vec<Batch>) -> Result<(), store::Error> {
        // Who was answered that a rule is there may send readings at once: it holds for them.
        if self.rules_changed.notified().now_or_never().is_some() {
            self.reload().await?;
        }
        let batches = std::mem::take(group);
        self.engine.prepare(&self.store.catalog(), &batches);
        let proposed = self.engine.evaluate(self.clock.wall(), &batches);
        self.commit(batches, Vec::new(), proposed).await.map(drop)
    }

    /// Follows a change of rules, webhooks, or device names and labels; asks for another try when the disk is full.
    async fn reload(&mut self) -> Result<(), store::Error> {
        let rules = self.store.list_rules().await?;
        let webhooks = self.store.webhooks().await?;
        self.silences.set(self.store.silences().await?);
        let now = self.clock.wall();
        let proposed = self.engine.set_rules(now, &self.store.catalog(), rules);
        if self.commit(Vec::new(), Vec::new(), proposed).await? {
            // Those told of what the change ended are the ones from before it.
            self.webhooks = webhooks;
            let latest = self.latest();
            self.engine.recall(now, &self.store.catalog(), latest);
            self.engine.hear(self.store.heard());
            self.end_silences().await
        } else {
            self.rules_changed.notify_one();
            Ok(())
        }
    }

    /// Tells of alerts that outlasted the silences over them; asks for another try when the disk is full.
    async fn end_silences(&mut self) -> Result<(), store::Error> {
        let over = self.silences.over(self.clock.wall(), &self.store.catalog());
        if !self.commit_telling(Vec::new(), Vec::new(), Proposed::default(), over).await? {
            self.rules_changed.notify_one();
        }
        Ok(())
    }

    /// Makes a group and what it caused true, or nothing of it (`false`: the disk is full).
    async fn commit(
        &mut self,
        batches: Vec<Batch>,
        floors: Vec<Floor>,
        proposed: Proposed,
    ) -> Result<bool, store::Error> {
        let told = self.silences.hush(self.clock.wall(), &proposed.transitions, &self.store.catalog());
        self.commit_telling(batches, floors, proposed, told).await
    }

    async fn commit_telling(
        &mut self,
        batches: Vec<Batch>,
        floors: Vec<Floor>,
        proposed: Proposed,
        hushed: Hushed,
    ) -> Result<bool, store::Error> {
        let decided = Owed {
            transitions: proposed.transitions.clone(),
            deliveries: self.deliveries(&hushed.told),
            muted: hushed.marks.clone(),
        };
        let owed = self.waiting.owed.and(&decided);
        let late = proposed.waiting.clone();
        if batches.is_empty() && floors.is_empty() && owed.is_empty() && late.is_empty() {
            self.engine.apply(proposed);
            return Ok(true);
        }
        let ids: Vec<BatchId> = batches.iter().map(|batch| batch.id).collect();
        let received: Option<UnixMillis> = batches.iter().map(|batch| batch.received_at).min();
        let readings: usize = batches.iter().map(Batch::len).sum();
        let shown = if self.bus.is_heard() { self.not_shown(&batches) } else { Vec::new() };
        match self.store.commit(Commit { late, ..owed.clone().commit(batches, floors) }).await {
            Ok(committed) => {
                self.waiting.owed = Owed::default();
                self.engine.apply(proposed);
                self.silences.apply(hushed);
                if !ids.is_empty() {
                    self.waiting.told = false;
                }
                for id in &ids {
                    self.waiting.shown.remove(id);
                }
                if let Some(received) = received {
                    self.latency.record_ms(self.clock.wall().since(received));
                    self.meter.add(self.clock.now(), readings as u64);
                }
                // The endpoint is gone only at shutdown; nobody waits for the answer then.
                let stored = ids.into_iter().filter(|id| !committed.refused.contains(id)).collect();
                let stored = self.desk.settle(stored, Verdict::Stored);
                let _ = self.outcomes.send(Outcome::Committed(stored)).await;
                if !committed.refused.is_empty() {
                    let _ = self.outcomes.send(Outcome::Refused(committed.refused)).await;
                }
                self.tell(shown, decided.transitions).await;
                Ok(true)
            }
            Err(error) if error.is_fatal() => Err(error),
            Err(error) => {
                if !matches!(error, store::Error::Full) && !std::mem::replace(&mut self.waiting.told, true) {
                    tracing::error!(%error, "not storing: {error}; devices keep their readings until this ends");
                }
                if self.waiting.shown.len() + shown.len() > MOST_SHOWN {
                    self.waiting.shown.clear();
                }
                // Only what somebody saw: who opens a page later sees it when it comes again.
                self.waiting.shown.extend(shown.iter().map(|batch| batch.id));
                let ids = self.desk.settle(ids, Verdict::Refused);
                let _ = self.outcomes.send(Outcome::Refused(ids)).await;
                let heard = self.owe(proposed, hushed, owed).await?;
                self.tell(shown, if heard { decided.transitions } else { Vec::new() }).await;
                tokio::time::sleep(DEGRADED_PAUSE).await;
                Ok(heard)
            }
        }
    }

    /// Commits what was decided about alerts without the readings that caused it, or owes it. `false` when neither goes:
    /// then it was not decided, and is again when the readings come again.
    async fn owe(&mut self, proposed: Proposed, hushed: Hushed, owed: Owed) -> Result<bool, store::Error> {
        let outcome = if owed.is_empty() {
            Ok(())
        } else {
            self.store.commit(owed.clone().commit(Vec::new(), Vec::new())).await.map(drop)
        };
        self.waiting.owed = match outcome {
            Ok(()) => Owed::default(),
            Err(error) if error.is_fatal() => return Err(error),
            Err(_) if owed.transitions.len() > MOST_OWED => return Ok(false),
            Err(_) => owed,
        };
        self.engine.apply(proposed);
        self.silences.apply(hushed);
        Ok(true)
    }

    /// Those that were not shown while the disk was full.
    fn not_shown(&self, batches: &[Batch]) -> Vec<Batch> {
        batches.iter().filter(|batch| !self.waiting.shown.contains(&batch.id)).cloned().collect()
    }

    /// Who is told of these transitions.
    fn deliveries(&self, transitions: &[Transition]) -> Vec<NewDelivery> {
        if transitions.is_empty() {
            return Vec::new();
        }
        let rules: Vec<_> = self.engine.rules().cloned().collect();
        payload::deliveries_for(transitions, &rules, &self.webhooks, &self.store.catalog(), &self.teller)
    }

    async fn tell(&self, batches: Vec<Batch>, transitions: Vec<Transition>) {
        if !batches.is_empty() {
            self.bus.publish(Arc::new(Update::Batches(batches)));
        }
        for transition in transitions {
            self.bus.publish(Arc::new(match transition {
                Transition::Put { alert, .. } => Update::Alert(alert),
                // Somebody may have acknowledged it, which the rules do not know.
                Transition::Amend(alert) => Update::Alert(self.store.alert(alert.id).await.unwrap_or(alert)),
                Transition::Cancel(id, device) => Update::NoAlert(id, device),
                Transition::TellPast { .. } => continue,
            }));
        }
    }

    /// The newest point of every series.
    fn latest(&self) -> Vec<(crate::model::reading::SeriesId, crate::model::reading::Point)> {
        let series: Vec<_> = self.store.catalog().all_series().map(|series| series.id).collect();
        let points = self.store.latest(&series);
        series.into_iter().zip(points).filter_map(|(series, point)| Some((series, point?))).collect()
    }
}

/// Whether a group is not to wait for more.
fn is_enough(group: &[Batch]) -> bool {
    group.len() >= ENOUGH || queue::bytes(group) >= MAX_GROUP_BYTES
}

/// How the hub itself is, when the next look is due.
async fn look_later(store: Store, clock: Clock) -> Vitals {
    clock.sleep_until(Some(clock.now() + EXAMINE_EVERY)).await;
    store.vitals()
}

/// Reads what a rate or deviation rule has to remember of one series; what cannot be read, it learns from here on.
async fn recall(store: Store, mut recall: Recall) -> Recall {
    if recall.wants_lead() {
        match store.lead(recall.series, recall.from).await {
            Ok(lead) => recall.begin_behind(&lead),
            Err(error) => tracing::warn!(%error, "a rule does not know where a counter stood: {error}"),
        }
    }
    while recall.from < recall.to {
        match store.readings(recall.series, recall.from, recall.to, RECALL_PAGE).await {
            Ok(page) => {
                recall.take(&page.points);
                match page.points.last().filter(|_| page.more) {
                    Some(last) => recall.from = last.at.plus(1),
                    None => return recall,
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a rule starts without the history of a series: {error}");
                return recall;
            }
        }
    }
    recall
}

/// Holds rules against late readings; what cannot be read is not looked at.
async fn review(store: Store, review: Review) -> Reviewed {
    match try_review(&store, &review).await {
        Ok(reviewed) => reviewed,
        // The device was deleted meanwhile.
        Err(store::Error::NotFound { .. }) => Reviewed::default(),
        Err(error) => {
            tracing::warn!(%error, "late readings were not checked against the rules: {error}");
            Reviewed::default()
        }
    }
}

async fn try_review(store: &Store, review: &Review) -> Result<Reviewed, store::Error> {
    let lead = match review.wants_lead() {
        true => Some(store.lead(review.series(), review.begins()).await?),
        false => None,
    };
    let mut hearing = review.hear(lead.as_ref());
    while let Some((from, to)) = hearing.wants() {
        let page = store.readings(review.series(), from, to, RECALL_PAGE).await?;
        hearing.take(&page.points, page.more);
        // Pages from memory come without waiting: others want their turn too.
        tokio::task::yield_now().await;
    }
    let mut known = Vec::new();
    for rule in review.rules() {
        known.extend(store.alerts_during(rule, (review.device(), review.series()), review.span()).await?);
    }
    Ok(hearing.finish(known))
}
