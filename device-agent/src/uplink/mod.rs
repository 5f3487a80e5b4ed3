//! The device's side of the protocol. PURE: time is an argument, randomness a seed, datagrams are values.
//!
//! ```text
//!   Searching ── answer ──▶ Handshaking ── HS2 ──▶ Pending ── adopted ──▶ Streaming
//!       ▲                                             │                      │
//!       └───────────────── three answers missed ──────┴──────────────────────┘
//! ```
//!
//! The driver's contract: after each `handle_*`, drain [`Uplink::poll_event`], give batches while [`Uplink::has_room`],
//! drain [`Uplink::poll_search`] (to every group and broadcast address) and [`Uplink::poll_transmit`], then wait for input or for
//! [`Uplink::poll_timeout`]. The driver keeps every batch until [`Event::Acked`] names it, and takes back what it gave on
//! [`Event::Lost`].
//!
//! An [`Uplink`] is made of parts, each a file: `probes` (asking for hubs), `hubs` (those that answered, see `candidates`), `link`
//! (the session and the path), `catalog` (sensors as the hub is to know them), `flight` (batches on their way), `reports` (what is
//! said besides), `outbox` (what waits for the driver). What is done with them is in `search` (up to a session), `stream` (within
//! one) and `loss` (without one again). Methods below stand in this order: what can be set, `handle_*`, `poll_*`, batches; what
//! can be asked is in `standing`.
//!
//! Promises: no reading leaves before a handshake proved the hub; a pinned device talks to no other hub, and one that is told
//! a hub's words to none but that; with several hubs and nothing to tell which is ours, none is contacted; a token is used until
//! the device has joined, and after that only if its hub does not answer without it, because it may have forgotten the device.

mod candidates;
mod catalog;
mod contract;
mod drift;
mod flight;
mod hubs;
mod link;
mod loss;
mod mentions;
mod outbox;
mod patience;
mod probes;
mod reports;
mod restated;
mod rtt;
mod search;
mod session;
mod standing;
mod stream;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wire::discovery::Probe;
use wire::handshake::Standing;
use wire::ledger::Report;
use wire::message::{Control, Health, Status};
use wire::packet::Packet;
use wire::{BatchSeq, Epoch, Id, Lane, Numbering, PublicKey, SensorNo, SensorSpec};

use crate::clock::Now;
use crate::random::Random;
use catalog::Catalog;
pub use contract::{Config, Event, State};
use flight::Flight;
pub use flight::Outgoing;
use hubs::Hubs;
use link::Link;
use outbox::Outbox;
use patience::Presence;
use probes::Probes;
use reports::Reports;

/// A fleet whose hub restarts comes back spread over this time. Ten thousand devices are a little more than a hub takes in
/// it: who finds the queue full asks again (`make bench`, the fleet).
const RETURN_WITHIN: Duration = Duration::from_secs(4);

/// Protocol state of one device.
#[derive(Debug)]
pub struct Uplink {
    config: Config,
    random: Random,
    probes: Probes,
    hubs: Hubs,
    link: Link,
    catalog: Catalog,
    flight: Flight,
    status: Status,
    reports: Reports,
    outbox: Outbox,
}

impl Uplink {
    /// An uplink that begins to search at once.
    #[must_use]
    pub fn new(config: Config, now: Now) -> Self {
        let mut random = Random::new(config.seed);
        let nonce = random.bits().to_le_bytes();
        Self {
            config,
            random,
            probes: Probes::new(nonce, now.mono),
            hubs: Hubs::default(),
            link: Link::default(),
            catalog: Catalog::default(),
            flight: Flight::default(),
            status: Status::default(),
            reports: Reports::default(),
            outbox: Outbox::default(),
        }
    }

    /// Addresses to ask directly: those `--hub` names.
    pub fn set_addresses(&mut self, addresses: Vec<SocketAddr>, now: Now) {
        self.probes.set_addresses(addresses, now.mono);
    }

    /// Addresses of well-known names: asked directly as well, wherever hubs are searched at all.
    pub fn set_named(&mut self, named: Vec<SocketAddr>, now: Now) {
        self.probes.set_named(named, now.mono);
    }

    /// A hub known from before, by its pinned key: tried without asking.
    pub fn add_known(&mut self, hub: PublicKey, address: SocketAddr, now: Now) {
        self.hubs.candidates.note(address, hub, self.config.pinned, now.mono, now.mono);
    }

    /// The device's sensors, in the order of their numbers.
    pub fn set_sensors(&mut self, sensors: &[SensorSpec]) {
        self.catalog.set_sensors(sensors);
    }

    /// The same for a device that gives numbers to other sensors: `revision` counts the changes other than at the end. No
    /// batch leaves in a numbering that is not the first until the hub follows it.
    pub fn set_numbering(&mut self, sensors: &[SensorSpec], revision: u64, numbering: Numbering) {
        if self.catalog.set_numbering(sensors, revision, numbering) {
            if let Some(session) = &mut self.link.session {
                session.renumber();
            }
        }
    }

    /// A sensor is another thing than it was: measured in another interval, or in another unit.
    pub fn restate(&mut self, number: SensorNo, spec: SensorSpec, now: Now) {
        self.catalog.restate(number, spec, now.mono);
    }

    /// Asks the hub whether it can follow another numbering, see [`Uplink::can_renumber`].
    pub fn ask_numbering(&mut self, asks: bool) {
        self.catalog.asks = asks;
    }

    /// What the next status says of the spool.
    pub fn report(&mut self, spool_batches: u64, dropped_readings: u64, floors: Vec<(Epoch, BatchSeq)>) {
        self.status.spool_batches = spool_batches;
        self.status.dropped_readings = dropped_readings;
        self.status.floors = floors;
    }

    /// The ledger's report to be said until [`Event::Recorded`] names it.
    pub fn tell_ledger(&mut self, report: Option<&Report>, now: Now) {
        self.reports.tell_ledger(report, now.mono);
    }

    /// What the device finds wrong with itself.
    pub fn set_health(&mut self, health: Health, now: Now) {
        self.reports.set_health(health, now.mono);
    }

    /// A sample for the person who is asked to adopt the device.
    pub fn set_preview(&mut self, preview: Vec<(String, String, f64)>) {
        self.config.hello.preview = preview;
    }

    /// Takes a datagram.
    pub fn handle_input(&mut self, now: Now, from: SocketAddr, datagram: &[u8]) {
        // What cannot be read, or is not for us, changes nothing: silence is the answer to strangers.
        match Packet::parse(datagram) {
            Ok(Packet::Data(data)) => self.handle_data(now, from, &data),
            Ok(Packet::Hs2(hs2)) => self.handle_hs2(now, from, &hs2),
            Ok(Packet::Cookie(cookie)) => self.handle_cookie(now, &cookie),
            Ok(Packet::Answer(answer)) => self.handle_answer(now, from, &answer),
            Ok(Packet::Hs1(_) | Packet::Probe(_)) | Err(_) => {}
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        self.link.expire(now.mono);
        if self.link.session.is_none() {
            self.hubs.candidates.forget_silent(now.mono, self.config.pinned);
        }
        if let Some(session) = &mut self.link.session {
            match session.missed(now.mono) {
                _ if session.is_dead(now.mono) => self.lose(now),
                Some(Presence::Gone) => self.lose(now),
                Some(Presence::Doubtful) => self.doubt(now),
                Some(Presence::There) | None => {}
            }
        }
        if self.flight.expires(self.link.path.acks.timeout()).is_some_and(|at| now.mono >= at)
            && self.flight.expire(now.mono, self.link.path.acks.timeout()) > 0
        {
            self.link.path.acks.back_off();
        }
        if self.probes.is_due(now.mono) {
            self.probe(now);
        }
        self.tell_several(now);
        self.start_handshakes(now);
    }

    /// When [`Uplink::handle_timeout`] or [`Uplink::poll_transmit`] has something to do without input.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let mut earliest = self.probes.due;
        let mut consider = |at: Option<Instant>| earliest = [earliest, at].into_iter().flatten().min();
        if let Some(aim) = self.aim() {
            for candidate in self.hubs.candidates.to_try().filter(|candidate| aim.fits(candidate)) {
                consider(Some(aim.from.map_or(candidate.next_at, |from| from.max(candidate.next_at))));
            }
        }
        consider(self.link.previous.as_ref().map(|(_, until)| *until));
        if let Some(session) = &self.link.session {
            consider(session.answer_due());
            if session.standing == Standing::Adopted {
                consider(Some(session.status_due));
                consider(self.reports.due());
            }
            if self.wants_hello(session) {
                consider(Some(session.hello_due));
            }
            if self.wants_dictionary(session) {
                consider(Some(session.dictionary_due));
            }
            consider(self.restates(session));
            consider(self.flight.expires(self.link.path.acks.timeout()));
        }
        earliest
    }

    /// Replaces `out` with the next datagram; returns where to send it.
    pub fn poll_transmit(&mut self, now: Now, out: &mut Vec<u8>) -> Option<SocketAddr> {
        if let Some((to, datagram)) = self.outbox.next_datagram() {
            out.clear();
            out.extend_from_slice(&datagram);
            return Some(to);
        }
        self.transmit_control(now, out).or_else(|| self.transmit_batch(now, out))
    }

    /// A probe for every multicast group and broadcast address on every interface, when it is time for one.
    pub fn poll_search(&mut self) -> Option<Vec<u8>> {
        std::mem::take(&mut self.probes.to_groups).then(|| Probe::new(self.probes.nonce).encode())
    }

    /// The next thing the driver should know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.outbox.next_event()
    }

    /// Whether a batch of this lane may be given.
    #[must_use]
    pub fn has_room(&self, lane: Lane) -> bool {
        self.is_streaming() && self.flight.has_room(lane)
    }

    /// Takes a batch to send. The driver keeps it until it is acknowledged.
    pub fn push(&mut self, batch: Outgoing) {
        self.flight.push(batch);
    }

    /// Says goodbye; the datagram to send, if there is a session.
    pub fn close(&mut self, now: Now, out: &mut Vec<u8>) -> Option<SocketAddr> {
        let mut session = self.link.session.take()?;
        session.seal_control(now, &self.link.path, out, &Control::Bye)?;
        Some(session.address)
    }
}

/// The six words a person compares, as one text.
#[must_use]
pub fn words_of(key: &PublicKey) -> String {
    Id::of(key).words().join(" ")
}
