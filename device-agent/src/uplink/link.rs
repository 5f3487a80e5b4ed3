//! The way to the hub: the session in use, the one before it, what was told of them, and what is known of the path. PURE.

use std::net::SocketAddr;
use std::time::Instant;

use wire::PublicKey;
use wire::handshake::Standing;

use super::session::{Path, Session};

/// What connects the device with a hub, if anything does.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) session: Option<Session>,
    /// Packets of it may still come, until then.
    pub(super) previous: Option<(Session, Instant)>,
    /// The hub and address the driver was last told of, and whether as adopted.
    pub(super) told: Option<(PublicKey, SocketAddr, Standing)>,
    /// The session in which the hub is told what it holds in memory only.
    pub(super) reporting_in: Option<u32>,
    /// Measured over all sessions.
    pub(super) path: Path,
    /// The message being opened: kept, so that its memory is.
    pub(super) plain: Vec<u8>,
}

impl Link {
    /// The session in use and the one before it.
    pub(super) fn sessions_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.session.iter_mut().chain(self.previous.iter_mut().map(|(session, _)| session))
    }

    /// Forgets the session before once its time is over.
    pub(super) fn expire(&mut self, now: Instant) {
        if self.previous.as_ref().is_some_and(|(_, until)| now >= *until) {
            self.previous = None;
        }
    }

    /// Whether the device is adopted in the session in use.
    pub(super) fn is_adopted(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.standing == Standing::Adopted)
    }
}
