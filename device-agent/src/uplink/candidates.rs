//! Hubs that might be ours: where they are, and the handshakes under way with them.
//!
//! Candidates come from answers, which anyone can send; only a finished handshake proves one. All are tried at once, each
//! at its own pace, so that a forged answer costs the true hub nothing. One address counts as a few hubs at most,
//! however many keys it answers with, and a candidate that was not heard of for a while is forgotten. So forged answers cannot push
//! out the true hub.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wire::PublicKey;
use wire::handshake::Initiator;

use crate::random::Random;

/// Candidates kept; a liar that fills the list pushes out other unproven ones, never the pinned hub's.
const LIMIT: usize = 8;
/// Candidates kept at one address: somebody may try a second hub on the same computer.
const AT_ONE_ADDRESS: usize = 2;
/// Without a word from it a hub that was not proved is forgotten: it leaves three probes unanswered.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(35);
/// Handshakes of one candidate whose answer may still come.
const OPEN_HANDSHAKES: usize = 3;
/// Silences to handshakes after which a hub that answers probes is taken to refuse them: more than half a minute.
const REFUSED_AFTER: u32 = 6;
/// Waits between handshakes: doubling between these.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// A hub that for so long was heard by a link-local address alone is gone to by that: more than one of its answers was lost.
const LAST_CHOICE_AFTER: Duration = Duration::from_secs(8);
/// Wait for a hub that is busy with many: its queue of handshakes is shorter, and twice this longest.
const QUEUE_WAIT: Duration = Duration::from_secs(2);

/// A hub at an address.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) address: SocketAddr,
    pub(super) hub: PublicKey,
    /// Handshakes started since it was heard of.
    pub(super) tries: u32,
    /// Whether one was started since its last answer to a probe.
    is_asked: bool,
    /// How often it answered a probe after one was started: it is there, and was silent to that. However many answers one
    /// probe brings, and however many handshakes went into the void before, that is once.
    silences: u32,
    /// When it was last.
    silent_at: Option<Instant>,
    /// When it was heard of last.
    heard: Instant,
    /// When to start the next.
    pub(super) next_at: Instant,
    handshakes: Vec<Initiator>,
    /// The hub asked one of them for proof of our address since the last was started.
    asked: bool,
}

impl Candidate {
    /// Notes a started handshake and sets the time of the next, with jitter so that a fleet does not march in step.
    pub(super) fn started(&mut self, initiator: Initiator, now: Instant, random: &mut Random) {
        if self.handshakes.len() == OPEN_HANDSHAKES {
            self.handshakes.remove(0);
        }
        self.handshakes.push(initiator);
        (self.asked, self.is_asked) = (false, true);
        let wait = (FIRST_WAIT * 2_u32.pow(self.tries.min(4))).min(LONGEST_WAIT);
        self.tries += 1;
        self.next_at = now + random.between(wait / 2, wait.mul_f64(1.25).min(LONGEST_WAIT));
    }

    fn is_outdone_by(&self, other: &Self) -> bool {
        let is_as_good = other.hub == self.hub && other.heard + LAST_CHOICE_AFTER >= self.heard;
        is_as_good && is_link_local(self.address) && !is_link_local(other.address)
    }

    /// How often a hub that is there, and not only busy, was silent to a handshake beyond what loss explains.
    pub(super) fn refusals(&self) -> u32 {
        if self.asked { 0 } else { self.silences.saturating_sub(REFUSED_AFTER) }
    }

    /// The open handshake of this name.
    pub(super) fn handshake(&mut self, index: u32) -> Option<&mut Initiator> {
        self.handshakes.iter_mut().find(|initiator| initiator.index() == index)
    }

    /// The hub asks for proof of our address: it is there, and busy. Another try would only wait behind this one. That is
    /// believed once a handshake, so that who repeats the question holds nobody up.
    pub(super) fn queued(&mut self, now: Instant, random: &mut Random) {
        if !std::mem::replace(&mut self.asked, true) {
            self.next_at = self.next_at.max(now + random.between(QUEUE_WAIT, QUEUE_WAIT * 2));
        }
    }

    /// Forgets open handshakes; the next starts after `wait`.
    pub(super) fn rest(&mut self, now: Instant, wait: Duration) {
        self.handshakes.clear();
        (self.tries, self.is_asked, self.silences, self.silent_at) = (0, false, 0, None);
        self.next_at = now + wait;
    }
}

/// Whether an address means something on one link alone.
pub(super) fn is_link_local(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local())
}

/// The known candidates.
#[derive(Debug, Default)]
pub(super) struct Candidates(Vec<Candidate>);

impl Candidates {
    /// Notes a hub at an address, to be tried at `next_at`; `true` if it was not known there.
    pub(super) fn note(
        &mut self,
        address: SocketAddr,
        hub: PublicKey,
        pinned: Option<PublicKey>,
        next_at: Instant,
        now: Instant,
    ) -> bool {
        if let Some(known) = self.0.iter_mut().find(|known| known.address == address && known.hub == hub) {
            known.heard = now;
            // It has just spoken: no reason to wait out a long pause.
            known.next_at = known.next_at.min(next_at + LONGEST_WAIT / 4);
            return false;
        }
        let at = |known: &Candidate| known.address.ip() == address.ip();
        if self.0.iter().filter(|known| at(known)).count() >= AT_ONE_ADDRESS {
            self.forget_one(|known| at(known) && Some(known.hub) != pinned);
        }
        if self.0.len() >= LIMIT {
            self.forget_one(|known| Some(known.hub) != pinned);
        }
        // All are the pinned hub's.
        if self.0.len() >= LIMIT {
            self.forget_one(|_| true);
        }
        self.0.push(Candidate {
            address,
            hub,
            tries: 0,
            is_asked: false,
            silences: 0,
            silent_at: None,
            heard: now,
            next_at,
            handshakes: Vec::new(),
            asked: false,
        });
        true
    }

    /// The hub at an address answered a probe.
    pub(super) fn answered(&mut self, address: SocketAddr, hub: PublicKey, now: Instant) {
        for known in self.0.iter_mut().filter(|known| known.address == address && known.hub == hub) {
            if std::mem::take(&mut known.is_asked) {
                (known.silences, known.silent_at) = (known.silences + 1, Some(now));
            }
        }
    }

    /// Forgets the one that was noted first of some.
    fn forget_one(&mut self, of: impl Fn(&Candidate) -> bool) {
        if let Some(first) = self.0.iter().position(of) {
            self.0.remove(first);
        }
    }

    /// Forgets those that were not heard of for long, but not the hub that is known to be ours.
    pub(super) fn forget_silent(&mut self, now: Instant, pinned: Option<PublicKey>) {
        let is_kept = |known: &Candidate| {
            Some(known.hub) == pinned || now.saturating_duration_since(known.heard) < FORGOTTEN_AFTER
        };
        self.0.retain(is_kept);
    }

    /// All of them.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Candidate> {
        self.0.iter_mut()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Candidate> {
        self.0.iter()
    }

    /// Those to be gone to: a hub by a link-local address only if it was not heard as lately by one that tells people more.
    pub(super) fn to_try(&self) -> impl Iterator<Item = &Candidate> {
        self.0.iter().filter(|one| !self.0.iter().any(|other| one.is_outdone_by(other)))
    }

    /// Whether one of them answers probes these days, and was silent to so many handshakes.
    pub(super) fn any_is_silent(&self, times: u32, now: Instant) -> bool {
        let lately = |at: Instant| now.saturating_duration_since(at) < FORGOTTEN_AFTER;
        let is_silent = |one: &Candidate| one.silences >= times && one.silent_at.is_some_and(lately);
        self.0.iter().any(is_silent)
    }

    /// Where a hub was heard of last.
    pub(super) fn latest_of(&self, hub: PublicKey) -> Option<SocketAddr> {
        let of_it = self.0.iter().filter(|candidate| candidate.hub == hub);
        of_it.max_by_key(|candidate| candidate.heard).map(|candidate| candidate.address)
    }

    /// The different hubs among them, each with an address.
    pub(super) fn hubs(&self) -> Vec<(PublicKey, SocketAddr)> {
        let mut hubs: Vec<(PublicKey, SocketAddr)> = Vec::new();
        for candidate in &self.0 {
            if hubs.iter().all(|(hub, _)| *hub != candidate.hub) {
                hubs.push((candidate.hub, candidate.address));
            }
        }
        hubs
    }

    /// Keeps only those of one hub.
    pub(super) fn keep_only(&mut self, hub: PublicKey) {
        self.0.retain(|candidate| candidate.hub == hub);
    }
}
