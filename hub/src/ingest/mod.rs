//! The pipeline every reading takes: rules decide, the store commits, then everybody is told.
//!
//! ```text
//!   batches ──▶ group ──▶ Engine::evaluate ──▶ Store::commit ──▶ Engine::apply
//!                          proposes             decides           follows
//!                                                  ├──▶ udp: acknowledge    ├──▶ live
//! ```
//!
//! While one group is being synced to disk the next one gathers, so latency stays one fsync and throughput grows with
//! load. Between two commits lies the time that [`Pace`] says, unless [`group::ENOUGH`] batches wait, so a thousand devices that
//! each send once a second cost some tens of commits, not a thousand. A batch that comes alone is committed at once. Changes that
//! come from timers, people and devices do not wait for an interval. Readings, receive windows, alert changes and deliveries of a
//! group are one transaction.
//!
//! If the disk is full the readings are not stored: they are not acknowledged, and their devices send them again. All the same they
//! are shown live, once, and decide about alerts, which are committed alone (they fit where readings do not) or as soon as they
//! can be. Any other failure ends the hub; it restarts from what is on disk.

mod again;
mod commit;
pub(crate) mod desk;
mod explain;
pub(crate) mod gather;
mod group;
mod history;
pub(crate) mod learning;
pub(crate) mod making;
pub(crate) mod newcomers;
pub(crate) mod pace;
pub(crate) mod queue;
#[cfg(test)]
mod tests;
pub(crate) mod way;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::sync::{Notify, mpsc};

use self::desk::Desk;
pub(crate) use self::group::Waiting;
use self::group::{ENOUGH, Group, MAX_GROUP, MAX_GROUP_BYTES};
use self::history::{History, Past};
use self::learning::Learning;
use self::making::Making;
use self::pace::Pace;
use crate::clock::Clock;
use crate::delivery::grouping::{self, Grouping};
use crate::delivery::payload::{self, Teller};
use crate::live::Bus;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, Vitals};
use crate::model::device::DeviceNo;
use crate::model::explain::Seen;
use crate::model::looked::Looked;
use crate::model::reading::{Batch, BatchId, Point, SeriesId};
use crate::model::webhook::Webhook;
use crate::observe::{Histogram, Meter};
use crate::rules::notify::Notifier;
use crate::rules::{Engine, Proposed, Reviewed};
use crate::store::{self, Floor, Store};
use crate::zones;

/// Time between two looks at how the hub itself is.
const EXAMINE_EVERY: Duration = Duration::from_secs(1);
/// Acknowledgements that are told in one commit: as many as one request makes.
const ACKS: usize = 1_000;

/// What became of batches, for the endpoint.
#[derive(Debug)]
pub(crate) enum Receipt {
    /// On disk: acknowledge.
    Committed(Vec<BatchId>),
    /// Not on disk, and forgotten here: let them in again.
    Refused(Vec<BatchId>),
}

/// Tells how devices are at a moment.
pub(crate) type LookedAt = Arc<dyn Fn(UnixMillis) -> Looked + Send + Sync>;

/// Which sources of a device fail, by name, with what went wrong; and how many there are, of which some may have no name here.
pub(crate) type Failing = Arc<dyn Fn(DeviceNo) -> (Vec<(String, String)>, usize) + Send + Sync>;

/// Clocks of devices minus the hub's, in milliseconds, where they are known.
pub(crate) type Clocks = Arc<dyn Fn() -> HashMap<DeviceNo, i64> + Send + Sync>;

/// Tells what is known of the link of a device, given its expected interval, at a moment.
pub(crate) type SeenAt = Arc<dyn Fn(DeviceNo, u32, UnixMillis) -> Seen + Send + Sync>;

/// What the pipeline works with.
pub(crate) struct Ingest {
    pub batches: queue::Exit,
    /// What devices gave up.
    pub floors: mpsc::Receiver<Floor>,
    pub receipts: mpsc::Sender<Receipt>,
    /// To those who handed in batches that no device sent.
    pub desk: Arc<Desk>,
    /// Pinged after a change of rules, webhooks, or device names and labels.
    pub rules_changed: Arc<Notify>,
    /// Pinged after alerts were acknowledged.
    pub acknowledged: Arc<Notify>,
    pub store: Store,
    /// Who decides about alerts.
    pub engine: Engine,
    /// What that one has learned, for people.
    pub learning: Arc<Learning>,
    /// Which rules of the hub's own are made.
    pub making: Making,
    /// Webhooks as they were when the rules were last loaded.
    pub webhooks: Vec<Webhook>,
    /// What keeps changes of alerts from being told.
    pub notifier: Notifier,
    /// Of which rules people were told a moment ago.
    pub grouping: Grouping,
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
    /// How devices are at a moment.
    pub looked: LookedAt,
    /// How far the clocks of devices are off.
    pub clocks: Clocks,
    /// Which sources of a device fail.
    pub failing: Failing,
    /// How the links of devices are.
    pub seen: SeenAt,
    /// What waits for room on the disk.
    pub waiting: Waiting,
}

impl Ingest {
    /// Runs until the endpoint drops its sender and everything received is committed.
    ///
    /// # Errors
    /// The store failed for good.
    pub(crate) async fn run(mut self) -> Result<(), store::Error> {
        self.resume().await?;
        let mut group = Group::new(self.pace, self.clock.now());
        let mut floors = Vec::new();
        let mut look = look_later(self.store.clone(), self.clock).boxed();
        let mut history = History::default();
        loop {
            // Reads of the past are started first, so that the store does them while this turn waits.
            self.read_ahead(&mut history);
            let deadline = self.deadline(history.reviews());
            let due = group.due();
            // Unbiased: steady traffic must not hold back what time, people and devices ask for.
            tokio::select! {
                // Batches gather up to a full group; further ones stay in the queue, and a full queue slows the devices down.
                more = self.batches.take(&mut group.batches, ENOUGH), if !group.is_enough() => {
                    if !more {
                        self.commit_readings(group.take(self.clock.now())).await?;
                        // No batch will come any more: this is the last chance to commit what is owed.
                        return self.commit(Vec::new(), Vec::new(), Proposed::default()).await.map(drop);
                    }
                }
                // Only wakes the loop; a group that is due is committed below, whatever woke it.
                () = self.clock.sleep_until(Some(due)), if !group.is_empty() => {}
                // Batches that devices gave up are committed at once: until then the devices repeat the message.
                received = self.floors.recv_many(&mut floors, ENOUGH), if !self.floors.is_closed() => {
                    if received > 0 {
                        self.commit(Vec::new(), std::mem::take(&mut floors), Proposed::default()).await?;
                    }
                }
                // At once, because a person waits for the changed rule to take effect.
                () = self.rules_changed.notified() => self.reload().await?,
                // Others want to know that somebody cares.
                () = self.acknowledged.notified() => self.tell_acks().await?,
                past = history.next() => match past {
                    Past::Recalled(recalled) => self.engine.recalled(recalled),
                    Past::Reviewed(reviewed) => self.enter(reviewed).await?,
                },
                // The next look is timed from the end of this one: a slow disk is not asked ever more often.
                vitals = &mut look => {
                    look = look_later(self.store.clone(), self.clock).boxed();
                    self.examine(vitals).await?;
                }
                // What only time decides: silence, the end of a wait, the end of a silence.
                () = self.clock.sleep_until(deadline) => {
                    let proposed = self.engine.handle_timeout(self.clock.wall());
                    self.commit(Vec::new(), Vec::new(), proposed).await?;
                    self.tell_over().await?;
                    self.tell_again().await?;
                }
            }
            // Checked whatever woke the loop: another commit may have taken so long that the group is due by now.
            if group.is_due(self.clock.now()) {
                // What waits in the queue shares the sync that this group pays for.
                self.batches.take_waiting(&mut group.batches, MAX_GROUP, MAX_GROUP_BYTES);
                self.commit_readings(group.take(self.clock.now())).await?;
            }
        }
    }

    /// Goes on where the hub stopped: alerts as they would be now, readings that came late, silences that are over.
    async fn resume(&mut self) -> Result<(), store::Error> {
        let latest = self.latest();
        let resumed = self.engine.resume(self.clock.wall(), &self.store.catalog(), latest);
        self.engine.hear(self.store.heard());
        self.commit(Vec::new(), Vec::new(), resumed).await?;
        self.notifier.set_webhooks(self.clock.wall(), &self.webhooks);
        self.engine.remember_late(self.clock.wall(), self.store.late().await?);
        self.tell_over().await?;
        self.tell_acks().await?;
        self.tell_gone().await
    }

    /// Starts the next reads of the past that the rules ask for, one of each kind at a time.
    fn read_ahead(&mut self, history: &mut History) {
        if !history.recalls()
            && let Some(next) = self.engine.next_recall(self.clock.wall())
        {
            history.recall(&self.store, next);
        }
        if !history.reviews() {
            let now = self.clock.wall();
            if self.engine.poll_review().is_some_and(|at| at <= now) {
                self.engine.set_clocks((self.clocks)());
            }
            if let Some(next) = self.engine.next_review(now, &self.store.catalog()) {
                history.review(&self.store, next);
            }
        }
    }

    /// When time decides something: about an alert, what is told of it, or late readings, unless those are `reviewing`.
    fn deadline(&self, reviewing: bool) -> Option<Instant> {
        let calm = self.notifier.poll_timeout(self.clock.wall());
        let review_due = self.engine.poll_review().filter(|_| !reviewing);
        let earliest = self.engine.poll_timeout().into_iter().chain(calm).chain(review_due).min();
        earliest.map(|at| self.clock.instant_of(at))
    }

    /// Lets the rules judge how the hub itself and the devices are; of devices that are back tells what waited for them.
    async fn examine(&mut self, vitals: Vitals) -> Result<(), store::Error> {
        self.learning.set(self.engine.watching());
        let proposed = self.engine.examine(self.clock.wall(), vitals);
        self.commit(Vec::new(), Vec::new(), proposed).await?;
        self.engine.set_clocks((self.clocks)());
        let now = self.clock.wall();
        let proposed = self.engine.look_for(now, &self.store.catalog(), &(self.looked)(now));
        self.commit(Vec::new(), Vec::new(), proposed).await?;
        if self.making.make(&self.store, now).await? {
            self.rules_changed.notify_one();
        }
        // Bound first: a guard of the catalog must not live across the await.
        let is_over = !self.notifier.over(now, &self.store.catalog()).is_nothing();
        if is_over { self.tell_over().await } else { Ok(()) }
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

    /// Asks the rules to decide about a group, and commits group and decision together.
    async fn commit_readings(&mut self, batches: Vec<Batch>) -> Result<(), store::Error> {
        // A client that was told its rule is created may send readings at once: the rule has to judge them.
        if self.rules_changed.notified().now_or_never().is_some() {
            self.reload().await?;
        }
        self.engine.prepare(&self.store.catalog(), &batches);
        self.recall_before(&batches).await;
        let proposed = self.engine.evaluate(self.clock.wall(), &batches);
        self.commit(batches, Vec::new(), proposed).await.map(drop)
    }

    /// Reads the past that the rules need to judge a group, for at most [`history::PATIENCE`].
    async fn recall_before(&mut self, batches: &[Batch]) {
        let until = self.clock.now() + history::PATIENCE;
        let is_stored = |series| self.store.latest(&[series]).first().is_some_and(Option::is_some);
        for next in self.engine.recalls_before(self.clock.wall(), batches, is_stored) {
            if self.clock.now() >= until {
                return;
            }
            self.engine.recalled(history::recall(self.store.clone(), next).await);
        }
    }

    /// Follows a change of rules, webhooks, or device names and labels; asks for another try when the disk is full.
    async fn reload(&mut self) -> Result<(), store::Error> {
        let webhooks = self.store.webhooks().await?;
        self.notifier.set_silences(zones::of_silences(self.store.silences().await?));
        let (now, proposed) = self.take_rules().await?;
        if self.commit(Vec::new(), Vec::new(), proposed).await? {
            // Only now: alerts that the change ended are notified to the webhooks from before it.
            let before = std::mem::replace(&mut self.webhooks, webhooks);
            self.notifier.set_webhooks(now, &self.webhooks);
            self.tell_those_back(&before).await?;
            self.hold_silenced().await?;
            let latest = self.latest();
            self.engine.recall(now, &self.store.catalog(), latest);
            self.engine.hear(self.store.heard());
            // An alert that somebody was told of and that is not open may have gone with its device.
            let open: HashSet<_> = self.store.open_alerts().await?.iter().map(|alert| alert.id).collect();
            if self.notifier.ledger().alerts().any(|alert| !open.contains(&alert)) {
                self.tell_gone().await?;
            }
            self.tell_over().await
        } else {
            self.rules_changed.notify_one();
            Ok(())
        }
    }

    /// Has the engine take the rules as they are now.
    async fn take_rules(&mut self) -> Result<(UnixMillis, Proposed), store::Error> {
        loop {
            let renames = self.store.catalog().renames();
            let rules = self.store.rules_in_turn().await?;
            let catalog = self.store.catalog();
            // Rules with the old name of a device beside a catalog with the new one would be about nobody.
            if catalog.renames() == renames {
                let now = self.clock.wall();
                return Ok((now, self.engine.set_rules(now, &catalog, rules)));
            }
        }
    }

    /// Tells of the end of alerts that are gone with their device.
    async fn tell_gone(&mut self) -> Result<(), store::Error> {
        match self.store.withdraw_gone().await {
            Ok(()) => {}
            Err(error) if error.is_fatal() => return Err(error),
            // The next change, or start, tries again.
            Err(error) => {
                tracing::warn!(%error, "the end of alerts of a deleted device is not told yet: {error}");
                return Ok(());
            }
        }
        let (now, told) = (self.clock.wall(), self.store.told_of_gone_alerts().await?);
        let works = |id| self.webhooks.iter().any(|webhook| webhook.id == id && webhook.works());
        let ended = told.iter().filter(|told| works(told.webhook)).filter_map(|told| payload::gone(told, now));
        let ended: Vec<_> = ended.collect();
        if ended.is_empty() {
            return Ok(());
        }
        match self.store.commit(store::Commit { deliveries: ended.clone(), ..store::Commit::default() }).await {
            Ok(_) => self.notifier.note(&ended),
            Err(error) if error.is_fatal() => return Err(error),
            // The next change, or start, asks for them again.
            Err(error) => tracing::warn!(%error, "the end of alerts of a deleted device is not told yet: {error}"),
        }
        Ok(())
    }

    /// What waits to be told with others of its rule, and is silenced now, waits until the silence ends; or no longer, where a silence
    /// was taken away.
    async fn hold_silenced(&mut self) -> Result<(), store::Error> {
        let held: HashSet<_> = self.store.held_alerts().await?.into_iter().collect();
        if held.is_empty() {
            return Ok(());
        }
        let (now, open) = (self.clock.wall(), self.store.open_alerts().await?);
        let until: Vec<_> = {
            let catalog = self.store.catalog();
            let until = |alert: &Alert| self.notifier.silenced_until(now, alert, &catalog).unwrap_or(now);
            open.iter().filter(|alert| held.contains(&alert.id)).map(|alert| (alert.id, until(alert))).collect()
        };
        let most = now.plus(grouping::LONGEST_MS);
        match self.store.hold_until(until.clone(), most).await {
            Ok(()) => {
                until.into_iter().for_each(|(alert, until)| self.grouping.hold(alert, until, most));
                Ok(())
            }
            Err(error) if error.is_fatal() => Err(error),
            Err(error) => {
                tracing::warn!(%error, "messages that a silence is to keep back are told in their time: {error}");
                Ok(())
            }
        }
    }

    /// Tells webhooks that are on again what they missed.
    async fn tell_those_back(&mut self, before: &[Webhook]) -> Result<(), store::Error> {
        let was_off = |id| before.iter().any(|webhook| webhook.id == id && !webhook.works());
        let back: Vec<_> = self.webhooks.iter().filter(|webhook| webhook.works()).map(|webhook| webhook.id).collect();
        for webhook in back.into_iter().filter(|id| was_off(*id)) {
            let mut alerts = self.store.open_alerts().await?;
            let open: HashSet<_> = alerts.iter().map(|alert| alert.id).collect();
            for id in self.notifier.ledger().told_to(webhook).into_iter().filter(|id| !open.contains(id)) {
                match self.store.alert(id).await {
                    Ok(alert) => alerts.push(alert),
                    Err(store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            let told = self.notifier.back(self.clock.wall(), webhook, alerts, &self.store.catalog());
            self.commit_telling(Vec::new(), Vec::new(), Proposed::default(), told).await?;
        }
        Ok(())
    }

    /// Tells of alerts that outlasted the silences over them, or that flap no longer; asks for another try when the disk is full.
    async fn tell_over(&mut self) -> Result<(), store::Error> {
        let over = self.notifier.over(self.clock.wall(), &self.store.catalog());
        if !self.commit_telling(Vec::new(), Vec::new(), Proposed::default(), over).await? {
            self.rules_changed.notify_one();
        }
        Ok(())
    }

    /// Tells of acknowledgements of which nobody was told yet.
    async fn tell_acks(&mut self) -> Result<(), store::Error> {
        let acked = self.store.untold_acks(ACKS).await?;
        if acked.is_empty() {
            return Ok(());
        }
        let is_last = acked.len() < ACKS;
        let told = self.notifier.acknowledged(self.clock.wall(), acked, &self.store.catalog());
        let is_stored = self.commit_telling(Vec::new(), Vec::new(), Proposed::default(), told).await?;
        // The others have a turn of their own: readings that wait come in between.
        if is_stored && !is_last {
            self.acknowledged.notify_one();
        }
        Ok(())
    }

    /// The newest point of every series.
    fn latest(&self) -> Vec<(SeriesId, Point)> {
        let series: Vec<_> = self.store.catalog().all_series().map(|series| series.id).collect();
        let points = self.store.latest(&series);
        series.into_iter().zip(points).filter_map(|(series, point)| Some((series, point?))).collect()
    }
}

/// How the hub itself is, when the next look is due.
async fn look_later(store: Store, clock: Clock) -> Vitals {
    clock.sleep_until(Some(clock.now() + EXAMINE_EVERY)).await;
    store.vitals()
}
