//! What stands between the socket and an open session: answers to probes, handshakes that wait for their turn, the rates and
//! cookies they pass first, and the table of sessions they open.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use wire::handshake::Responder;

use crate::proto::Random;
use crate::proto::admission::Admission;
use crate::proto::counters::Counters;
use crate::proto::discovery;
use crate::proto::session::Sessions;

/// Handshakes waiting to be worked off: 1.6 s of one core, less than the devices wait for their answers; 1 MiB.
pub(super) const MAX_HANDSHAKES: usize = 4_096;

/// The way in.
pub(super) struct Front {
    pub(super) responder: Responder,
    pub(super) discovery: discovery::Responder,
    pub(super) admission: Admission,
    pub(super) sessions: Sessions,
    /// Sender and datagram of each, oldest first.
    pub(super) handshakes: VecDeque<(SocketAddr, Vec<u8>)>,
    pub(super) random: Random,
    pub(super) counters: Arc<Counters>,
}

impl Front {
    /// No session is open and no handshake waits.
    pub(super) fn new(
        now: Instant,
        responder: Responder,
        discovery: discovery::Responder,
        mut random: Random,
        counters: Arc<Counters>,
    ) -> Self {
        let mut secrets = [[0; 32]; 2];
        secrets.iter_mut().for_each(|secret| random(secret));
        Self {
            responder,
            discovery,
            admission: Admission::new(now, secrets),
            sessions: Sessions::default(),
            handshakes: VecDeque::new(),
            random,
            counters,
        }
    }

    /// Changes the secret behind cookies when it is time.
    pub(super) fn rotate(&mut self, now: Instant) {
        let random = &mut self.random;
        self.admission.rotate(now, || {
            let mut secret = [0; 32];
            random(&mut secret);
            secret
        });
    }

    /// An index that no session has and nobody can guess.
    pub(super) fn free_index(&mut self) -> u32 {
        loop {
            let mut bytes = [0; 4];
            (self.random)(&mut bytes);
            let index = u32::from_le_bytes(bytes);
            if !self.sessions.contains(index) {
                return index;
            }
        }
    }
}
