//! Handles a hub that no longer answers: it is doubted first, and then counts as gone.

use std::time::Duration;

use wire::handshake::Standing;
use wire::seal::KEEP_PREVIOUS_SECS;

use super::search::TELL_AFTER_TRIES;
use super::{Event, RETURN_WITHIN, Uplink};
use crate::clock::Now;

impl Uplink {
    /// The hub has missed answers: a fresh session is tried, soon, but not by a whole fleet at once.
    pub(super) fn doubt(&mut self, now: Now) {
        let wait = self.random.between(Duration::ZERO, RETURN_WITHIN);
        for candidate in self.hubs.candidates.iter_mut() {
            candidate.rest(now.mono, wait);
        }
    }

    /// A hub that was only asked may not be ours: nothing was given to it, and nothing is taken back.
    pub(super) fn leave(&mut self, now: Now) {
        self.link.session = None;
        self.link.told = None;
        self.probes.begin(now.mono);
    }

    /// The hub is taken for gone. Handshakes that the doubt began go on.
    pub(super) fn lose(&mut self, now: Now) {
        let Some(session) = self.link.session.take() else { return };
        let wait = self.random.between(Duration::ZERO, RETURN_WITHIN);
        // The address may be one that no answer ever named: the hub roamed.
        self.hubs.candidates.note(session.address, session.hub, self.config.pinned, now.mono + wait, now.mono);
        // Tries of the doubt were made while there was a session: the one that tells of silence is still to come.
        for candidate in self.hubs.candidates.iter_mut() {
            candidate.tries = candidate.tries.min(TELL_AFTER_TRIES - 1);
        }
        if session.confirmed {
            self.link.previous = Some((session, now.mono + Duration::from_secs(KEEP_PREVIOUS_SECS)));
        }
        let was_adopted = matches!(self.link.told.take(), Some((_, _, Standing::Adopted)));
        self.flight.clear();
        self.outbox.tell(Event::Lost { was_adopted });
        self.probes.begin(now.mono + wait / 2);
    }
}
