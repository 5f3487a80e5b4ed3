//! What the endpoint wants carried away: datagrams, events for the rest of the hub, and which sessions are owed an
//! acknowledgement. Each queue is bounded.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use wire::message::Control;

use crate::proto::counters::{Counters, Drop};
use crate::proto::event::Event;
use crate::proto::session::Sessions;

/// Events waiting: one for each device of a large fleet that returns at once.
pub(super) const MAX_EVENTS: usize = 4_096;
/// Datagrams waiting to be sent; acknowledgements are built only when there is room.
pub(super) const MAX_TRANSMITS: usize = 1_024;

/// What waits to leave the endpoint.
pub(super) struct Outgoing {
    pub(super) transmits: VecDeque<(SocketAddr, Vec<u8>)>,
    events: VecDeque<Event>,
    /// Sessions that are owed an acknowledgement; `acks` writes them.
    pub(super) ack_due: VecDeque<u32>,
    /// Buffer for the message being sealed, kept so that its memory is used again.
    message: Vec<u8>,
    counters: Arc<Counters>,
}

impl Outgoing {
    /// Nothing waits.
    pub(super) const fn new(counters: Arc<Counters>) -> Self {
        Self {
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            ack_due: VecDeque::new(),
            message: Vec::new(),
            counters,
        }
    }

    /// Seals a message for the device behind a session.
    pub(super) fn send(&mut self, sessions: &mut Sessions, session: u32, control: &Control) {
        let Some(session) = sessions.get_mut(session) else { return };
        control.encode(&mut self.message);
        let mut datagram = Vec::with_capacity(self.message.len() + 32);
        if session.seal(&self.message, &mut datagram) {
            let to = session.address;
            self.transmit(to, datagram);
        }
    }

    /// Sends a datagram, while there is room.
    pub(super) fn transmit(&mut self, to: SocketAddr, datagram: Vec<u8>) {
        // Acknowledgements of one device may overshoot the limit by a few; strangers may not.
        if self.transmits.len() < 2 * MAX_TRANSMITS {
            self.transmits.push_back((to, datagram));
        } else {
            self.counters.dropped(Drop::SendQueue);
        }
    }

    /// Takes an event for the rest of the hub, or gives it back when [`MAX_EVENTS`] wait.
    pub(super) fn tell(&mut self, event: Event) -> Option<Event> {
        if self.events.len() >= MAX_EVENTS {
            return Some(event);
        }
        self.events.push_back(event);
        None
    }

    /// The session whose acknowledgement is to be written next, while there is room for datagrams.
    pub(super) fn next_ack(&mut self) -> Option<u32> {
        if self.transmits.len() < MAX_TRANSMITS { self.ack_due.pop_front() } else { None }
    }

    /// The next datagram to send.
    pub(super) fn next_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let (to, datagram) = self.transmits.pop_front()?;
        Counters::count(&self.counters.datagrams_out);
        self.counters.bytes_out.fetch_add(datagram.len() as u64, Ordering::Relaxed);
        Some((to, datagram))
    }

    /// The next event.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}
