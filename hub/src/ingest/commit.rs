//! How a group and what it caused become true, all of it or nothing, and who is told then.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};

use super::desk::Verdict;
use super::group::Owed;
use super::{Ingest, Receipt};
use crate::delivery::audience::{self, Audience};
use crate::delivery::devices;
use crate::live::Update;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, Measure, Subject, Transition};
use crate::model::explain::Reason;
use crate::model::notice::Notice;
use crate::model::reading::{Batch, BatchId};
use crate::model::rule::Message;
use crate::model::webhook::NewDelivery;
use crate::rules::Proposed;
use crate::rules::notify::Notified;
use crate::store::{self, Commit, Floor};

/// Pause after a commit for which the disk had no room. Readings that come meanwhile are refused, and come again.
const DEGRADED_PAUSE: Duration = Duration::from_millis(100);

impl Ingest {
    /// Makes a group and what it caused true, or nothing of it (`false`: the disk is full).
    pub(super) async fn commit(
        &mut self,
        batches: Vec<Batch>,
        floors: Vec<Floor>,
        proposed: Proposed,
    ) -> Result<bool, store::Error> {
        let renews = |rule| proposed.renews(rule);
        let told = {
            let (now, by_hand) = (self.clock.wall(), proposed.is_by_hand());
            self.notifier.decide(now, &proposed.transitions, &self.store.catalog(), by_hand, renews)
        };
        self.commit_telling(batches, floors, proposed, told).await
    }

    /// Like [`Ingest::commit`], with a decision made before about what is told.
    pub(super) async fn commit_telling(
        &mut self,
        batches: Vec<Batch>,
        floors: Vec<Floor>,
        proposed: Proposed,
        notified: Notified,
    ) -> Result<bool, store::Error> {
        let reasons = self.reasons(&proposed.transitions, &notified.notices).await;
        let decided = Owed {
            transitions: proposed.transitions.clone(),
            deliveries: self.deliveries(&notified.notices, &reasons.told),
            marks: notified.marks.clone(),
            explained: reasons.kept,
        };
        // Changes owed from before go first in the same commit: an alert must be raised in the store before it is resolved there.
        let owed = self.waiting.owed.and(&decided);
        let late = proposed.waiting.clone();
        if batches.is_empty() && floors.is_empty() && owed.is_empty() && late.is_empty() {
            self.engine.apply(proposed);
            self.notifier.apply(notified, &[]);
            return Ok(true);
        }
        // The store takes ownership of the batches, so what is needed of them afterwards is noted now.
        let group = Noted::of(&batches);
        let shown = if self.bus.is_heard() { self.waiting.not_shown(&batches) } else { Vec::new() };
        match self.store.commit(Commit { late, ..owed.clone().commit(batches, floors) }).await {
            Ok(committed) => {
                // Memory follows the disk, never before it: had the commit failed, the rules would decide the same again.
                self.waiting.stored(&group.ids);
                self.engine.apply(proposed);
                self.notifier.apply(notified, &decided.deliveries);
                self.grouping.note(&decided.deliveries);
                self.measure(&group);
                // Devices and programs next: until they are told that their readings are on disk, they keep them and send them again.
                self.answer(group.ids, committed.refused).await;
                // Pages last: nothing waits for them.
                self.tell(shown, decided.transitions).await;
                Ok(true)
            }
            Err(error) if error.is_fatal() => Err(error),
            Err(error) => {
                // Before anything else is tried: the endpoint must let the same batches in again.
                self.refuse(group.ids, &error, &shown).await;
                // Alerts are small enough to be stored where readings are not, and a full disk must not silence them.
                let heard = self.owe(proposed, (notified, &decided.deliveries), owed).await?;
                // Changes of alerts that could not be kept are not shown either; the readings are shown, once.
                self.tell(shown, if heard { decided.transitions } else { Vec::new() }).await;
                // The same readings come again at once: without a pause they would be tried without end.
                tokio::time::sleep(DEGRADED_PAUSE).await;
                Ok(heard)
            }
        }
    }

    /// Says to devices and programs what became of their batches: all are on disk but the `refused`.
    async fn answer(&self, batches: Vec<BatchId>, refused: Vec<BatchId>) {
        let stored = batches.into_iter().filter(|id| !refused.contains(id)).collect();
        let stored = self.desk.settle(stored, Verdict::Stored);
        // The endpoint is gone only at shutdown; nobody waits for the answer then.
        let _ = self.receipts.send(Receipt::Committed(stored)).await;
        if !refused.is_empty() {
            let _ = self.receipts.send(Receipt::Refused(refused)).await;
        }
    }

    /// Says to devices and programs that their batches are not on disk, and remembers which of them are `shown` all the same.
    async fn refuse(&mut self, batches: Vec<BatchId>, error: &store::Error, shown: &[Batch]) {
        if !matches!(error, store::Error::Full) && self.waiting.is_to_be_told() {
            tracing::error!(%error, "not storing: {error}; devices keep their readings until this ends");
        }
        // Only batches that somebody saw: a page that is opened later shows them when they come again.
        self.waiting.show(shown);
        let ids = self.desk.settle(batches, Verdict::Refused);
        let _ = self.receipts.send(Receipt::Refused(ids)).await;
    }

    /// Commits a decision about alerts without the readings that caused it, or keeps it for the next commit. `false` when neither
    /// is possible: the decision is then dropped, and is made again when the readings come again.
    async fn owe(
        &mut self,
        proposed: Proposed,
        (notified, deliveries): (Notified, &[NewDelivery]),
        owed: Owed,
    ) -> Result<bool, store::Error> {
        let outcome = if owed.is_empty() {
            Ok(())
        } else {
            self.store.commit(owed.clone().commit(Vec::new(), Vec::new())).await.map(drop)
        };
        match outcome {
            Ok(()) => self.waiting.owed = Owed::default(),
            Err(error) if error.is_fatal() => return Err(error),
            Err(_) => {
                if !self.waiting.owe(owed) {
                    return Ok(false);
                }
            }
        }
        self.engine.apply(proposed);
        self.notifier.apply(notified, deliveries);
        self.grouping.note(deliveries);
        Ok(true)
    }

    /// Counts the readings of a group that is on disk, and how long it took to get there.
    fn measure(&self, group: &Noted) {
        if let Some(received) = group.received {
            self.latency.record_ms(self.clock.wall().since(received));
            self.meter.add(self.clock.now(), group.readings as u64);
        }
    }

    /// Who is told of this, and in which words.
    fn deliveries(&self, notices: &[Notice], reasons: &HashMap<AlertId, Reason>) -> Vec<NewDelivery> {
        if notices.is_empty() {
            return Vec::new();
        }
        let rules: Vec<_> = self.engine.rules().cloned().collect();
        let said = |alert, webhook| self.notifier.ledger().said(alert, webhook).map_or(0, |said| said.count);
        let beside = |alert: &Alert| self.beside(alert);
        let audience = Audience {
            rules: &rules,
            webhooks: &self.webhooks,
            said: &said,
            grouping: &self.grouping,
            beside: &beside,
            reasons,
        };
        let told = || audience::deliveries_for(notices, &audience, &self.store.catalog(), &self.teller);
        if rules.iter().all(|rule| rule.spec.message == Message::default()) {
            return told();
        }
        beside_others(told)
    }

    /// What is known beside an alert about a device: what it measured last, or which of its sources fail.
    fn beside(&self, alert: &Alert) -> Option<String> {
        let (Subject::Device(device), Measure::Silence | Measure::Sources) = (alert.about, alert.measure) else {
            return None;
        };
        if alert.measure == Measure::Sources {
            let (named, count) = (self.failing)(device);
            return devices::failing_sources(&named, count);
        }
        let catalog = self.store.catalog();
        let series: Vec<_> = catalog.series_of(device).collect();
        let ids: Vec<_> = series.iter().map(|series| series.id).collect();
        let newest = series.into_iter().zip(self.store.latest(&ids));
        let mut newest: Vec<_> = newest.filter_map(|(series, point)| Some((series, point?))).collect();
        // The newest first: a sensor that is long gone says nothing of the end.
        newest.sort_by(|(one, at), (other, then)| then.at.cmp(&at.at).then_with(|| one.sensor.cmp(&other.sensor)));
        let readings = newest.into_iter().map(|(series, point)| devices::LastReading {
            sensor: series.sensor.clone(),
            unit: series.unit.clone(),
            value: point.value,
        });
        devices::last_readings(&readings.collect::<Vec<_>>())
    }

    /// Publishes what happened to the pages that watch.
    async fn tell(&self, batches: Vec<Batch>, transitions: Vec<Transition>) {
        if !batches.is_empty() {
            self.bus.publish(Arc::new(Update::Batches(batches)));
        }
        for transition in transitions {
            self.bus.publish(Arc::new(match transition {
                Transition::Put { alert, .. } => self.shown(alert),
                // Somebody may have acknowledged it, which the rules do not know.
                Transition::Amend(alert) => self.shown(self.store.alert(alert.id).await.unwrap_or(alert)),
                Transition::Cancel(id, device) => Update::NoAlert(id, device),
                Transition::TellPast { .. } => continue,
            }));
        }
    }

    /// An alert as the pages show it: with the end of the silences over it.
    fn shown(&self, alert: Alert) -> Update {
        let silenced_until = self.notifier.silenced_until(self.clock.wall(), &alert, &self.store.catalog());
        let inhibited_by = self.notifier.inhibited_by(&alert);
        Update::Alert { alert: Box::new(alert), silenced_until, inhibited_by }
    }
}

/// Does work that may take a while, as templates of people do, while other threads serve everybody else.
fn beside_others<T>(work: impl FnOnce() -> T) -> T {
    let are_there = Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
    if are_there { tokio::task::block_in_place(work) } else { work() }
}

/// What is needed of a group after the store took ownership of its batches.
struct Noted {
    ids: Vec<BatchId>,
    /// When the first of them came.
    received: Option<UnixMillis>,
    readings: usize,
}

impl Noted {
    fn of(batches: &[Batch]) -> Self {
        Self {
            ids: batches.iter().map(|batch| batch.id).collect(),
            received: batches.iter().map(|batch| batch.received_at).min(),
            readings: batches.iter().map(Batch::len).sum(),
        }
    }
}
