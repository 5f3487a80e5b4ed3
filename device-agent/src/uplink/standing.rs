//! Queries to an uplink: its state, and what it measured of the connection to the hub.

use std::net::SocketAddr;
use std::time::Duration;

use wire::{BatchSeq, Epoch, PublicKey};

use super::{State, Uplink};
use crate::clock::Now;

impl Uplink {
    /// Where the uplink stands.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.link.session {
            Some(_) if self.link.is_adopted() => State::Streaming,
            Some(_) => State::Pending,
            None if self.hubs.candidates.iter().next().is_some() => State::Handshaking,
            None => State::Searching,
        }
    }

    /// Whether readings flow.
    #[must_use]
    pub fn is_streaming(&self) -> bool {
        self.state() == State::Streaming
    }

    /// The epoch below which the hub took no handshake, if it was above this one's: the state of this device was set back.
    #[must_use]
    pub fn skipped_to(&self) -> Option<Epoch> {
        self.hubs.counter.skipped_to(self.config.epoch)
    }

    /// The hub of the session and its address.
    #[must_use]
    pub fn hub(&self) -> Option<(PublicKey, SocketAddr)> {
        self.link.session.as_ref().map(|session| (session.hub, session.address))
    }

    /// The hub that this device belongs to and where it was last, while there is no session with it.
    #[must_use]
    pub fn last_known(&self) -> Option<(PublicKey, SocketAddr)> {
        let pinned = self.config.pinned.filter(|_| self.link.session.is_none())?;
        Some((pinned, self.hubs.candidates.latest_of(pinned)?))
    }

    /// Smoothed round trip to the hub.
    #[must_use]
    pub const fn round_trip(&self) -> Option<Duration> {
        self.link.path.wire.smoothed()
    }

    /// The device's clock minus the hub's, in milliseconds.
    #[must_use]
    pub const fn clock_offset_ms(&self) -> Option<i64> {
        self.link.path.clock_offset_ms
    }

    /// How fast the device's clock runs away from the hub's, in parts per thousand million; positive: it runs fast.
    #[must_use]
    pub fn clock_drift_ppb(&self) -> Option<i64> {
        self.link.path.drift.ppb()
    }

    /// The device's clock was set: what was measured by it before says nothing of it now. A hub that is there is asked at once,
    /// because nothing is sent until it has answered.
    pub fn forget_clock_offset(&mut self, now: Now) {
        self.link.path.clock_offset_ms = None;
        self.link.path.drift.forget();
        if let Some(session) = &mut self.link.session {
            session.status_due = now.mono;
        }
        for session in self.link.sessions_mut() {
            session.forget_sending_times();
        }
    }

    /// Whether the hub of this session follows the device's numbering and knows how to follow another.
    #[must_use]
    pub fn can_renumber(&self) -> bool {
        self.link.session.as_ref().is_some_and(|session| session.numbered == Some(self.catalog.numbering))
    }

    /// Whether the hub says that it knows none of the device's sensors.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.link.session.as_ref().is_some_and(|session| session.known_sensors == 0)
    }

    /// Whether the hub is not told yet, as often as it is to be, of all that [`Uplink::restate`] was called for.
    #[must_use]
    pub const fn restates_any(&self) -> bool {
        self.catalog.restated.due().is_some()
    }

    /// Whether searching has brought nothing yet: what was left out at first, because a hub is seldom there, is asked too.
    #[must_use]
    pub const fn searches_again(&self) -> bool {
        self.probes.count > 1
    }

    /// The oldest batch in flight or queued to be.
    #[must_use]
    pub fn oldest(&self) -> Option<(Epoch, BatchSeq)> {
        self.flight.oldest()
    }

    /// Batches in flight or queued to be.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flight.len()
    }
}
