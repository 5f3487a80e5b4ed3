//! The composition root: binds the sockets, opens the store, makes every channel, starts every task.
//!
//! This is the only folder that knows every part. `main`, the demo and the tests all start the same [`Hub`]; tests bind port 0 and ask
//! for the real addresses. A start has five steps, each a file: `open` (ports, store, keys) → `wires` (channels, and what the parts
//! share) → `devices` (UDP) → `pipeline` (readings, alerts, webhooks) → `doors` (HTTP).
//!
//! ```text
//!   agents ⇄ udp ──batches──▶ ingest ──▶ store ──▶ (disk)          http ⇄ browsers, programs
//!             ▲ └──events──▶ registrar ─┘   │ └─outbox─▶ dispatcher ──▶ webhooks
//!             └──receipts── ingest          └─▶ live bus ──▶ http
//! ```
//!
//! At the end only `udp`, `http`, `discovery`, the dispatcher and the heartbeat are told to stop; the other parts finish what those left.

mod binding;
mod broker;
mod devices;
mod doors;
mod doors_shown;
mod encryption;
mod endpoint;
mod heartbeat;
mod metrics;
mod open;
mod pipeline;
mod wires;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use wire::HubId;

use self::open::Opened;
use self::wires::Wires;
use crate::clock::Clock;
use crate::config::Config;
use crate::running::{self, Running};
use crate::store::Store;
use crate::supervisor::Supervisor;
use crate::tls::Tls;

/// A running hub.
pub struct Hub {
    supervisor: Supervisor,
    store: Store,
    clock: Clock,
    running: Running,
    tls: Option<Arc<Tls>>,
    id: HubId,
    /// What commands on this machine find it by; taken back at the end.
    word: running::Word,
}

impl Hub {
    /// Starts everything. When it returns, the hub answers.
    ///
    /// # Errors
    /// An address that is taken, a data directory that is in use or cannot be written, a damaged key.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let opened = Opened::open(config, Clock).await?;
        let (mut wires, udp, batches, http) = Wires::lay(opened);
        // Devices before the pipeline: what they send waits in the queue until then.
        devices::start(&mut wires, udp).await?;
        pipeline::start(&mut wires, batches).await?;
        // People last: what they are shown is true from the first request on.
        let (running, word) = doors::open(&mut wires, http)?;
        let Wires { supervisor, store, clock, tls, id, .. } = wires;
        Ok(Self { supervisor, store, clock, running, tls, id, word })
    }

    /// Where the page is.
    #[must_use]
    pub const fn http(&self) -> SocketAddr {
        self.running.http
    }

    /// TLS, where it is served by that.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_deref()
    }

    /// Where browsers find the page.
    #[must_use]
    pub fn links(&self) -> Vec<String> {
        self.running.links()
    }

    /// Where agents send to.
    #[must_use]
    pub const fn udp(&self) -> SocketAddr {
        self.running.udp
    }

    /// The hub's id.
    #[must_use]
    pub const fn id(&self) -> HubId {
        self.id
    }

    /// The store behind it.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Time as this hub reads it.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// Runs until `until` completes, then drains, commits, says goodbye, and closes the store.
    ///
    /// # Errors
    /// The first task that failed, by name.
    pub async fn run(self, until: impl Future<Output = ()>) -> anyhow::Result<()> {
        let outcome = self.supervisor.run(until).await;
        drop(self.word);
        let closed = self.store.close().await;
        outcome?;
        Ok(closed?)
    }
}
