//! Calls a URL each minute, so that whoever expects that notices when the hub itself is gone.
//!
//! One call at a time, under the same guard as webhooks. A call that hangs ends after [`TIMEOUT`](super::client::TIMEOUT) and holds
//! up nothing else: this task does nothing besides. The URL is read from the store before each call, so one that does not answer, or
//! is full, is told by silence.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use crate::clock::Clock;
use crate::delivery::heartbeat::{Came, Pulse};
use crate::delivery::message::heartbeat::{Beat, Vitals};
use crate::model::UnixMillis;
use crate::settings;
use crate::store::{Store, Trouble};

/// From one heartbeat to the next.
pub const EVERY: Duration = Duration::from_secs(60);

/// Sends heartbeats. Started by [`Heart::run`].
pub struct Heart {
    /// Where the URL is kept, and which has to be well.
    pub store: Store,
    /// What makes the calls.
    pub client: Client,
    /// From one to the next: [`EVERY`], in tests less.
    pub every: Duration,
    /// When the hub started.
    pub started_at: UnixMillis,
    /// What the parts of the hub tell of themselves.
    pub vitals: Arc<dyn Fn() -> Vitals + Send + Sync>,
    /// What came of them.
    pub pulse: Arc<Pulse>,
    /// Pinged when another URL was set, or a person wants one now.
    pub wanted: Arc<Notify>,
}

impl Heart {
    /// Sends until told to stop: the first at once, so that a restart is seen.
    ///
    /// # Errors
    /// None: what fails is noted.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        let clock = Clock;
        let mut next = clock.now();
        let mut before = None;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = self.wanted.notified() => {}
                () = clock.sleep_until(Some(next)) => {}
            }
            next = clock.now() + self.every;
            let url = match settings::saved_heartbeat(&self.store).await {
                Ok(Some(url)) => url,
                Ok(None) => {
                    if before.take().is_some() {
                        self.pulse.forget();
                    }
                    continue;
                }
                Err(error) => {
                    self.note(&Came::Withheld(format!("the store does not answer: {error}")));
                    continue;
                }
            };
            if before.as_ref() != Some(&url) {
                self.pulse.forget();
                before = Some(url.clone());
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = self.moved(&url) => next = clock.now(),
                came = self.beat(&url) => self.note(&came),
            }
        }
    }

    /// Until another URL is set than this one. Who wants a heartbeat while one is under way is told what comes of that.
    async fn moved(&self, url: &str) {
        loop {
            self.wanted.notified().await;
            if settings::saved_heartbeat(&self.store).await.is_ok_and(|now| now.as_deref() != Some(url)) {
                return;
            }
        }
    }

    async fn beat(&self, url: &str) -> Came {
        if self.store.is_full() {
            return Came::Withheld(Trouble::DiskFull.to_string());
        }
        let outbox_pending = match self.store.deliveries_pending().await {
            Ok(pending) => pending,
            Err(error) => return Came::Withheld(format!("the store does not answer: {error}")),
        };
        let at = Clock.wall();
        let beat = Beat { at, uptime_ms: at.since(self.started_at), outbox_pending, vitals: (self.vitals)() };
        match self.client.beat(url, &beat).await {
            Ok(200..=299) => Came::Delivered,
            Ok(status) => Came::Refused(status),
            Err(why) => Came::Failed(why),
        }
    }

    fn note(&self, came: &Came) {
        if !self.pulse.note(came, Clock.wall()) {
            return;
        }
        match self.pulse.last().error {
            Some((_, error)) if *came != Came::Delivered => tracing::warn!("the heartbeat does not arrive: {error}"),
            _ => tracing::info!("the heartbeat arrives again"),
        }
    }
}
