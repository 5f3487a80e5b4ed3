//! Everything behind one UDP port: who may open a session, what their packets say, what is acknowledged.
//!
//! An [`Endpoint`] has four parts, each a file, and each may be borrowed beside the others:
//!
//! ```text
//!   front     probes answered, handshakes that wait, sessions          ─▶ who speaks
//!   roster    devices, keys that wait or join, tokens, the policy      ─▶ who that is
//!   incoming  batches on their way to the disk, credit                 ─▶ poll_batch
//!   outgoing  datagrams, events, acknowledgements that are owed        ─▶ poll_transmit, poll_event
//! ```
//!
//! A packet's way through this folder: `handle_input` (here) → `handle_data` (`messages`) → `handle_batch` (`batches`) →
//! `poll_batch` … `handle_committed` → `write_acks` (`acks`) → `poll_transmit`. What is kept of a device is in `peer`,
//! handshakes are in `handshakes`, what the rest of the hub tells in `commands`, what the endpoint says itself in `telling`, what
//! a second machine with a device's key gets in `rivals`, how hardware goes that is replaced in `parting`.
//!
//! # Calling order
//!
//! 1. Any `handle_*` method, with what happened.
//! 2. [`Endpoint::poll_batch`] while the pipeline has room, [`Endpoint::poll_event`] while the registrar has, and then
//!    [`Endpoint::set_congested`] with how full the pipeline has become.
//! 3. [`Endpoint::poll_transmit`] until it returns `None`: last, because acknowledgements are written here, and say how much
//!    the device may send now.
//! 4. Wait for input, or until [`Endpoint::poll_timeout`] and then call [`Endpoint::handle_timeout`].
//!
//! Methods below stand in this order: what it is made of, what can be asked, `handle_*`, what can be set, `poll_*`. The rest of
//! the contract is in the header of [`crate::proto`].

mod acks;
mod batches;
mod commands;
mod front;
mod handshakes;
mod incoming;
mod messages;
mod outgoing;
mod parting;
mod peer;
mod rivals;
mod roster;
mod spelled;
mod telling;
#[cfg(test)]
mod tests;
mod waiting;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use wire::handshake::Responder;
use wire::packet::Packet;

use self::front::Front;
use self::incoming::Incoming;
pub use self::incoming::MAX_BATCHES;
pub(crate) use self::messages::MAX_PENDING;
use self::outgoing::Outgoing;
use self::roster::Roster;
use super::command::JoinPolicy;
use super::counters::Counters;
use super::discovery::{self, Card};
use super::event::Event;
use super::{Moment, Random};
use crate::model::numbering;
use crate::model::reading::{Batch, BatchId};
use crate::pressure::Pressure;

/// Housekeeping, and how often links are told.
const TICK: Duration = Duration::from_secs(1);

/// What an endpoint is made with.
pub struct Config {
    /// The hub's Noise responder.
    pub responder: Responder,
    /// What discovery says of the hub.
    pub card: Card,
    pub policy: JoinPolicy,
    pub random: Random,
    /// The same for the discovery responder within.
    pub discovery_random: Random,
    /// Where drops are counted.
    pub counters: Arc<Counters>,
    /// How many devices the hub accepts. The store counts exactly; here newcomers are turned away before they cost anything.
    pub max_devices: usize,
    /// What is given up at the moment.
    pub pressure: Arc<Pressure>,
}

/// Protocol state of one UDP socket: every device session, and who may open one.
///
/// Does no I/O and reads no clock. After each `handle_*`, drain the `poll_*` until they return `None`, then wait for
/// input or for [`Endpoint::poll_timeout`].
pub struct Endpoint {
    front: Front,
    roster: Roster,
    incoming: Incoming,
    outgoing: Outgoing,
    counters: Arc<Counters>,
    pressure: Arc<Pressure>,
    tick_at: Instant,
}

impl Endpoint {
    /// An endpoint that knows nobody; tell it by [`Endpoint::handle_command`].
    #[must_use]
    pub fn new(now: Instant, config: Config) -> Self {
        let Config { responder, card, policy, random, discovery_random, counters, max_devices, pressure } = config;
        let accepting = Arc::clone(&card.accepting);
        let discovery = discovery::Responder::new(card, now, discovery_random, Arc::clone(&counters));
        Self {
            front: Front::new(now, responder, discovery, random, Arc::clone(&counters)),
            roster: Roster::new(policy, accepting, max_devices),
            incoming: Incoming::default(),
            outgoing: Outgoing::new(Arc::clone(&counters)),
            counters,
            pressure,
            tick_at: now + TICK,
        }
    }

    /// Whether handshakes wait.
    #[must_use]
    pub fn has_handshakes(&self) -> bool {
        !self.front.handshakes.is_empty()
    }

    /// Batches that wait because the way to the disk is blocked, of [`MAX_BATCHES`] and the few beyond.
    #[must_use]
    pub fn batches(&self) -> usize {
        self.incoming.batches.len()
    }

    /// One datagram from the socket. What is wrong with it, if anything, is counted; nothing is answered.
    pub fn handle_input(&mut self, moment: Moment, from: SocketAddr, datagram: &[u8]) {
        Counters::count(&self.counters.datagrams_in);
        self.counters.bytes_in.fetch_add(datagram.len() as u64, Ordering::Relaxed);
        let outcome = match Packet::parse(datagram) {
            Ok(Packet::Data(data)) => self.handle_data(moment, from, &data),
            Ok(Packet::Hs1(hs1)) => {
                self.front.queue_handshake(moment.now, from, (&hs1, datagram), &mut self.outgoing);
                Ok(())
            }
            Ok(Packet::Probe(probe)) => {
                if let Some(answer) = self.front.discovery.answer_unicast(moment.now, from, &probe) {
                    self.outgoing.transmit(from, answer);
                }
                Ok(())
            }
            Ok(Packet::Hs2(_) | Packet::Cookie(_) | Packet::Answer(_)) => Ok(()),
            Err(reason) => Err(reason),
        };
        if let Err(reason) = outcome {
            self.counters.malformed(reason);
        }
    }

    /// Works off at most `limit` waiting handshakes; each costs about 0.4 ms.
    pub fn handle_handshakes(&mut self, moment: Moment, limit: usize) {
        for _ in 0..limit {
            let Some((from, datagram)) = self.front.handshakes.pop_front() else { return };
            if let Ok(Packet::Hs1(hs1)) = Packet::parse(&datagram) {
                self.handle_handshake(moment, from, &hs1);
            }
        }
    }

    /// These batches are on disk: their devices may be told.
    pub fn handle_committed(&mut self, batches: &[BatchId]) {
        for id in batches {
            let Some(peer) = self.roster.numbered(id.device) else { continue };
            let (session, epoch, seq) = if id.epoch == numbering::ASIDE {
                let Some(aside) = peer.aside.remove(&id.seq) else { continue };
                peer.windows.entry(aside.epoch).or_default().stored_aside(aside.seq, aside.digest);
                (aside.session, aside.epoch, aside.seq)
            } else {
                let window = peer.windows.entry(id.epoch).or_default();
                let Some(session) = window.commit(id.seq) else { continue };
                (session, id.epoch, id.seq)
            };
            self.outgoing.owe_ack(&mut self.front.sessions, session, epoch, seq);
        }
    }

    /// These batches could not be committed (the disk is full): they may come again.
    pub fn handle_refused(&mut self, batches: &[BatchId]) {
        for id in batches {
            let Some(peer) = self.roster.numbered(id.device) else { continue };
            if id.epoch == numbering::ASIDE {
                peer.aside.remove(&id.seq);
            } else if let Some(window) = peer.windows.get_mut(&id.epoch) {
                window.forget(id.seq);
            }
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, moment: Moment) {
        if moment.now < self.tick_at {
            return;
        }
        self.tick_at = moment.now + TICK;
        self.front.sessions.sweep(moment.now, |key| self.roster.awaits(key));
        self.front.rotate(moment.now);
        self.roster.expire(moment.now);
        for key in self.roster.forget_silent(moment.now) {
            self.pending_gone(&key);
        }
        self.tell_links();
        self.tell_claims(moment.now);
        self.tell_parted();
    }

    /// Tells the endpoint how full the way to the disk is: devices get less credit while it is congested.
    pub const fn set_congested(&mut self, congested: bool) {
        self.incoming.congested = congested;
    }

    /// When [`Endpoint::handle_timeout`] is wanted.
    #[must_use]
    pub const fn poll_timeout(&self) -> Instant {
        self.tick_at
    }

    /// The next batch for the disk.
    pub fn poll_batch(&mut self) -> Option<Batch> {
        self.incoming.batches.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.outgoing.next_event()
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self, moment: Moment) -> Option<(SocketAddr, Vec<u8>)> {
        while let Some(session) = self.outgoing.next_ack() {
            self.write_acks(moment, session);
        }
        self.outgoing.next_transmit()
    }
}
