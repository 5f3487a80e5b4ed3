//! The pipeline every reading takes: rules decide, the store commits, then everybody is told.
//!
//! ```text
//!   batches ──▶ group ──▶ Engine::evaluate ──▶ Store::commit ──▶ Engine::apply
//!                          proposes             decides           follows
//!                                                  ├──▶ udp: acknowledge    ├──▶ live
//! ```
//!
//! While one group is being synced to disk the next one gathers, so latency stays one fsync and throughput grows with
//! load. Readings, receive windows, alert changes and deliveries of a group are one transaction. If the disk is full
//! nothing of the group is true: the devices are not acknowledged and repeat, the engine forgets its proposal. Any other
//! failure ends the hub; it restarts from what is on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use crate::clock::Clock;
use crate::live::{Bus, Update};
use crate::model::UnixMillis;
use crate::model::alert::Transition;
use crate::model::reading::{Batch, BatchId};
use crate::model::webhook::Webhook;
use crate::observe::{Histogram, Meter};
use crate::rules::{Engine, Proposed};
use crate::store::{self, Commit, Floor, Store};
use crate::webhook::payload;

/// Batches in one commit: what arrives during a slow fsync (50 ms) at a million readings a second.
const MAX_GROUP: usize = 1_024;
/// After a full disk: how long to wait before the next try.
const DEGRADED_PAUSE: Duration = Duration::from_secs(1);

/// What became of batches, for the endpoint.
#[derive(Debug)]
pub enum Outcome {
    /// On disk: acknowledge.
    Committed(Vec<BatchId>),
    /// Not on disk, and forgotten here: let them in again.
    Refused(Vec<BatchId>),
}

/// What the pipeline works with.
pub struct Ingest {
    /// From the endpoint.
    pub batches: mpsc::Receiver<Batch>,
    /// What devices gave up.
    pub floors: mpsc::Receiver<Floor>,
    /// To the endpoint.
    pub outcomes: mpsc::Sender<Outcome>,
    /// Pinged after a change of rules, webhooks, or device names and labels.
    pub rules_changed: Arc<Notify>,
    /// Where readings go.
    pub store: Store,
    /// Who decides about alerts.
    pub engine: Engine,
    /// Who is told.
    pub bus: Bus,
    /// The hub's page, for links in webhooks.
    pub url: Option<String>,
    /// Time.
    pub clock: Clock,
    /// Seconds from receiving a batch to having it on disk.
    pub latency: Arc<Histogram>,
    /// Readings committed.
    pub meter: Arc<Meter>,
    /// Set while the disk is full.
    pub degraded: Arc<AtomicBool>,
}

impl Ingest {
    /// Runs until the endpoint drops its sender and everything received is committed.
    ///
    /// # Errors
    /// The store failed for good.
    pub async fn run(mut self) -> Result<(), store::Error> {
        let mut webhooks = self.store.webhooks().await?;
        let latest = self.latest();
        let resumed = self.engine.resume(self.clock.wall(), &self.store.catalog(), latest);
        self.commit(Vec::new(), Vec::new(), resumed, &webhooks).await?;
        let mut group = Vec::with_capacity(MAX_GROUP);
        loop {
            let deadline = self.engine.poll_timeout().map(|at| self.clock.instant_of(at));
            tokio::select! {
                biased;
                received = self.batches.recv_many(&mut group, MAX_GROUP) => {
                    if received == 0 {
                        return Ok(());
                    }
                    let batches = std::mem::replace(&mut group, Vec::with_capacity(MAX_GROUP));
                    self.engine.prepare(&self.store.catalog(), &batches);
                    let proposed = self.engine.evaluate(self.clock.wall(), &batches);
                    self.commit(batches, Vec::new(), proposed, &webhooks).await?;
                }
                Some(floor) = self.floors.recv() => {
                    self.commit(Vec::new(), vec![floor], Proposed::default(), &webhooks).await?;
                }
                () = self.rules_changed.notified() => {
                    let rules = self.store.list_rules().await?;
                    let now = self.clock.wall();
                    let proposed = self.engine.set_rules(now, &self.store.catalog(), rules);
                    // Those who are told are the ones from before the change, and the new ones from here on.
                    self.commit(Vec::new(), Vec::new(), proposed, &webhooks).await?;
                    webhooks = self.store.webhooks().await?;
                    let latest = self.latest();
                    self.engine.recall(now, &self.store.catalog(), latest);
                }
                () = self.clock.sleep_until(deadline) => {
                    let proposed = self.engine.handle_timeout(self.clock.wall());
                    self.commit(Vec::new(), Vec::new(), proposed, &webhooks).await?;
                }
            }
        }
    }

    /// Makes a group and what it caused true, or nothing of it.
    async fn commit(
        &mut self,
        batches: Vec<Batch>,
        floors: Vec<Floor>,
        proposed: Proposed,
        webhooks: &[Webhook],
    ) -> Result<(), store::Error> {
        if batches.is_empty() && floors.is_empty() && proposed.transitions.is_empty() {
            self.engine.apply(proposed);
            return Ok(());
        }
        let ids: Vec<BatchId> = batches.iter().map(|batch| batch.id).collect();
        let received: Option<UnixMillis> = batches.iter().map(|batch| batch.received_at).min();
        let readings: usize = batches.iter().map(Batch::len).sum();
        let transitions = proposed.transitions.clone();
        let rules: Vec<_> = self.engine.rules().cloned().collect();
        let deliveries =
            payload::deliveries_for(&transitions, &rules, webhooks, &self.store.catalog(), self.url.as_deref());
        let shown = if self.bus.is_heard() { batches.clone() } else { Vec::new() };
        let commit = Commit { batches, transitions: transitions.clone(), deliveries, floors };
        match self.store.commit(commit).await {
            Ok(_) => {
                self.degraded.store(false, Ordering::Relaxed);
                self.engine.apply(proposed);
                if let Some(received) = received {
                    self.latency.record_ms(self.clock.wall().since(received));
                    self.meter.add(readings as u64);
                }
                // The endpoint is gone only at shutdown; nobody waits for the answer then.
                let _ = self.outcomes.send(Outcome::Committed(ids)).await;
                self.tell(shown, transitions);
                Ok(())
            }
            Err(error) if error.is_fatal() => Err(error),
            Err(error) => {
                if !self.degraded.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "not storing: {error}; devices keep their readings until this ends");
                }
                let _ = self.outcomes.send(Outcome::Refused(ids)).await;
                tokio::time::sleep(DEGRADED_PAUSE).await;
                Ok(())
            }
        }
    }

    fn tell(&self, batches: Vec<Batch>, transitions: Vec<Transition>) {
        if !batches.is_empty() {
            self.bus.publish(Arc::new(Update::Batches(batches)));
        }
        for transition in transitions {
            if let Transition::Put { alert, .. } = transition {
                self.bus.publish(Arc::new(Update::Alert(alert)));
            }
        }
    }

    /// The newest point of every series.
    fn latest(&self) -> Vec<(crate::model::reading::SeriesId, crate::model::reading::Point)> {
        let series: Vec<_> = self.store.catalog().all_series().map(|series| series.id).collect();
        let points = self.store.latest(&series);
        series.into_iter().zip(points).filter_map(|(series, point)| Some((series, point?))).collect()
    }
}
