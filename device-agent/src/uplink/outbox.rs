//! What waits for the driver: datagrams to send besides those of a session, and events. PURE.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::contract::Event;

/// Both queues, oldest first. The driver empties them after each call, so a call's worth is all they hold.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    datagrams: VecDeque<(SocketAddr, Vec<u8>)>,
    events: VecDeque<Event>,
}

impl Outbox {
    /// Sends a datagram.
    pub(super) fn send(&mut self, to: SocketAddr, datagram: Vec<u8>) {
        self.datagrams.push_back((to, datagram));
    }

    /// Tells the driver.
    pub(super) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// The next datagram.
    pub(super) fn next_datagram(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.datagrams.pop_front()
    }

    /// The next event.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}
