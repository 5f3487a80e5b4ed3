//! The hub's half of the UDP protocol, pure: no socket, no clock, no task, no randomness source of its own.
//!
//! One [`endpoint::Endpoint`] holds everything behind one UDP port. Its shell (`udp`) feeds it datagrams and the passing of
//! time, and carries away what it wants sent and done:
//!
//! ```text
//!   handle_input(moment, from, datagram) ──▶ ┌──────────┐ ──▶ poll_transmit   a datagram and where it goes
//!   handle_handshakes(moment, at most n) ──▶ │ Endpoint │ ──▶ poll_batch      authentic, decoded, not seen before
//!   handle_committed(receipts)           ──▶ │          │ ──▶ poll_event      joins, sensors, links, floors
//!   handle_command(moment, command)      ──▶ └──────────┘
//!   handle_timeout(moment)               ──▶      └─────────▶ poll_timeout    when it wants to be called again
//! ```
//!
//! After each `handle_*`, drain the `poll_*` until they return `None`. The contract:
//!
//! - A batch leaves by `poll_batch` at most once until it is committed; if the queue of batches is full the datagram is
//!   dropped before it changes anything, so the device repeats it.
//! - An acknowledgement names only batches that came back by `handle_committed`, or that the store had before.
//! - To a stranger the endpoint is silent: it answers probes (shorter than they are) and handshakes of keys it accepts.
//! - Every map and queue is bounded; every refusal is counted in [`counters::Counters`] with its reason.
//!
//! Three kinds of input never wait for each other: sealed data is opened at once, handshakes (0.4 ms each) wait in their
//! own bounded queue and are worked off a few at a time, discovery has a machine and a socket of its own.

pub mod admission;
mod claims;
pub mod command;
pub mod counters;
pub mod discovery;
pub mod endpoint;
pub mod event;
mod session;
mod window;

use std::time::Instant;

use crate::model::UnixMillis;

/// One reading of both clocks: timers use `now`, records use `wall`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub now: Instant,
    pub wall: UnixMillis,
}

/// A source of unpredictable bytes, handed in so that tests can repeat themselves.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;
