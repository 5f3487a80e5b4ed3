//! The memory that one live connection uses, taken from a budget that all connections share.

use crate::http::shares::{Growing, Share, Taken};
use crate::live::{Room, Subscription};

/// Bytes of each connection that are not counted: a page with a few charts needs no more.
const OWN: usize = 16 << 10;
/// Bytes of a subscription with its patterns and its own state.
const SUBSCRIPTION: usize = 1 << 10;
/// Shorter messages are not counted.
const SMALL: usize = 16 << 10;

/// The part of one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct Memory {
    share: Share,
    held: Growing,
}

impl Memory {
    /// Takes memory out of the share of the connection's caller.
    pub(super) fn new(share: Share) -> Self {
        Self { held: Growing::new(share.clone(), OWN), share }
    }

    /// Takes the memory that these subscriptions and rows need, or gives back the rest; `false` if there is not enough.
    pub(super) fn holds<'a>(&mut self, subscriptions: impl Iterator<Item = &'a Subscription>, room: &Room) -> bool {
        self.becomes(subscriptions, room.lent_bytes())
    }

    /// Lends a connection room for so many rows that may come, as far as there is any.
    pub(super) fn lend<'a>(
        &mut self,
        subscriptions: impl Iterator<Item = &'a Subscription>,
        room: &mut Room,
        coming: usize,
    ) {
        let rows = room.wants(coming);
        if rows > 0 && self.becomes(subscriptions, room.lent_bytes() + Room::bytes_of(rows)) {
            room.lend(rows);
        }
    }

    fn becomes<'a>(&mut self, subscriptions: impl Iterator<Item = &'a Subscription>, rows: usize) -> bool {
        let known: usize = subscriptions.map(|one| SUBSCRIPTION + one.known_bytes()).sum();
        self.held.becomes(known + rows)
    }

    /// Room for a message of so many bytes while it is on its way; waited for.
    pub(super) async fn of_message(&self, bytes: usize) -> Option<Taken> {
        if bytes <= SMALL {
            return None;
        }
        self.share.take(bytes).await
    }
}
