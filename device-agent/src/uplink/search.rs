//! Finding the hub and opening a session: probes, answers, handshakes.
//!
//! Which hubs are tried: the pinned one, or the one whose words were given; else, with a token, every one, because only ours can
//! finish the handshake; else the only one that answers, once others had the time to. While there are several, no hub is
//! contacted, and a session that only waits for approval ends when another hub answers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wire::PublicKey;
use wire::discovery::Answer;
use wire::handshake::{Initiator, JoinToken, NO_PSK, Offer};
use wire::packet::{Cookie, Hs2, MAX_DATAGRAM};
use wire::seal::KEEP_PREVIOUS_SECS;

use super::candidates::{Candidate, is_link_local};
use super::patience::Presence;
use super::probes::LONGEST_PROBE;
use super::session::Session;
use super::{Config, Event, RETURN_WITHIN, Uplink, words_of};
use crate::clock::Now;

/// Head start of every other way over a link-local address: the hub's answers to one probe, by IPv4 and by IPv6, come within its
/// 120 ms of jitter. Any way is as good, but `fe80::1%2` tells the people who look for the device nothing.
const LINK_LOCAL_WAIT: Duration = Duration::from_millis(150);
/// How long other hubs have to answer, when nothing tells which is ours: two probes, and the answers to both.
const OTHERS_HAVE: Duration = Duration::from_millis(2_500);
/// Handshakes without an answer after which the user is told.
pub(super) const TELL_AFTER_TRIES: u32 = 3;

/// Which candidates to try, and not before when.
pub(super) struct Aim {
    hub: Option<PublicKey>,
    address: Option<SocketAddr>,
    pub(super) from: Option<Instant>,
}

impl Aim {
    pub(super) fn fits(&self, candidate: &Candidate) -> bool {
        self.hub.is_none_or(|hub| hub == candidate.hub)
            && self.address.is_none_or(|address| address == candidate.address)
    }
}

impl Uplink {
    pub(super) fn handle_answer(&mut self, now: Now, from: SocketAddr, answer: &Answer) {
        let asked = answer.nonce == self.probes.nonce;
        let announced = answer.nonce == [0; 8];
        if !(asked || announced) || answer.port == 0 {
            return;
        }
        if !self.may_be_ours(&answer.key) {
            if self.hubs.mentions.of_another(now.mono, &answer.key) {
                self.outbox.tell(Event::Foreign { hub: answer.key });
            }
            return;
        }
        // An answer from an address we were told stands for that very address: a router on the way may have changed the
        // port, and the hub cannot know.
        let told = self.probes.addresses.contains(&from);
        if self.config.pinned.is_none() && self.config.only_addresses && !told {
            return;
        }
        let mut address = from;
        if !told && !self.probes.named.contains(&from) {
            address.set_port(answer.port);
        }
        // A hub that announces itself unasked has every device listening: they come one after the other.
        let wait = if announced {
            self.random.between(Duration::ZERO, RETURN_WITHIN)
        } else if is_link_local(from) {
            LINK_LOCAL_WAIT
        } else {
            Duration::ZERO
        };
        if let Some(session) = &mut self.link.session {
            if announced && session.hub == answer.key && session.answer_due().is_none() {
                // It may have just started, and know nothing of this session.
                session.status_due = session.status_due.min(now.mono + wait);
            }
        }
        let is_new = self.hubs.candidates.note(address, answer.key, self.config.pinned, now.mono + wait, now.mono);
        self.hubs.candidates.answered(address, answer.key, now.mono);
        if self.link.session.is_none() {
            self.probes.heard_at.get_or_insert(now.mono);
        }
        if is_new && self.link.session.is_none() && self.hubs.mentions.of_one(now.mono) {
            self.outbox.tell(Event::Found { hub: answer.key, address });
        }
        if self.is_undecided() && !self.link.is_adopted() {
            self.wait_for_a_word(now);
        }
        self.start_handshakes(now);
    }

    /// Whether a hub of this key can be the one this device belongs to, or is to join.
    fn may_be_ours(&self, hub: &PublicKey) -> bool {
        match (self.config.pinned, &self.config.words) {
            (Some(pinned), _) => pinned == *hub,
            (None, Some(words)) => *words == words_of(hub),
            (None, None) => true,
        }
    }

    /// Several hubs, and nothing tells which is ours: a person has to say. Whoever was asked to adopt this device meanwhile may
    /// be any of them.
    fn wait_for_a_word(&mut self, now: Now) {
        if self.link.session.is_some() {
            self.leave(now);
        }
        self.tell_several(now);
    }

    /// Names the hubs between which a person has to choose, once all had the time to answer.
    pub(super) fn tell_several(&mut self, now: Now) {
        let had_time = self.probes.heard_at.is_some_and(|heard| now.mono >= heard + OTHERS_HAVE);
        if !had_time || self.link.session.is_some() || !self.is_undecided() {
            return;
        }
        let hubs = self.hubs.candidates.hubs();
        if self.hubs.mentions.of_several(now.mono, &hubs) {
            self.outbox.tell(Event::Several { hubs });
        }
    }

    pub(super) fn handle_cookie(&mut self, now: Now, cookie: &Cookie<'_>) {
        for candidate in self.hubs.candidates.iter_mut() {
            let address = candidate.address;
            if let Some(initiator) = candidate.handshake(cookie.receiver) {
                if initiator.take_cookie(cookie).is_ok() {
                    self.outbox.send(address, initiator.datagram().to_vec());
                    candidate.queued(now.mono, &mut self.random);
                }
                return;
            }
        }
    }

    pub(super) fn handle_hs2(&mut self, now: Now, from: SocketAddr, hs2: &Hs2<'_>) {
        let finished = self.hubs.candidates.iter_mut().find_map(|candidate| {
            let hub = candidate.hub;
            let initiator = candidate.handshake(hs2.receiver)?;
            let (transport, verdict) = initiator.finish(hs2).ok()?;
            Some((transport, verdict, hub))
        });
        let Some((transport, verdict, hub)) = finished else { return };
        let session = Session::new(transport, hs2.receiver, from, hub, &verdict, now.mono);
        // Where to go for fresh keys, even if no answer ever named this address.
        self.hubs.candidates.note(from, hub, self.config.pinned, now.mono, now.mono);
        for candidate in self.hubs.candidates.iter_mut() {
            candidate.rest(now.mono, Duration::ZERO);
        }
        if let Some(old) = self.link.session.replace(session) {
            self.link.previous = Some((old, now.mono + Duration::from_secs(KEEP_PREVIOUS_SECS)));
        }
        self.flight.set_credit(verdict.credit.min(self.config.max_in_flight));
        self.flight.restart();
        self.probes.end();
    }

    /// Asks for hubs.
    pub(super) fn probe(&mut self, now: Now) {
        // Told where the hub is, and not yet joined: other hubs are not asked at all.
        let everywhere = !self.config.only_addresses || self.config.pinned.is_some();
        self.probes.ask(now.mono, everywhere, &mut self.random, &mut self.outbox);
    }

    /// Which candidates to try, if any.
    pub(super) fn aim(&self) -> Option<Aim> {
        match &self.link.session {
            // Several hubs, and neither a pin nor a token to tell which is ours: a person has to say.
            None if self.is_undecided() => None,
            None => {
                let from = self.probes.heard_at.filter(|_| self.is_open()).map(|heard| heard + OTHERS_HAVE);
                Some(Aim { hub: self.config.pinned, address: None, from })
            }
            // Already doubtful: another address of the same hub may be the right one.
            Some(session) if session.presence() == Presence::Doubtful => {
                Some(Aim { hub: Some(session.hub), address: None, from: None })
            }
            Some(session) => {
                Some(Aim { hub: Some(session.hub), address: Some(session.address), from: Some(session.rekey_due()) })
            }
        }
    }

    /// Whether several hubs answer, and nothing tells which is this device's.
    pub fn is_undecided(&self) -> bool {
        let is_known = self.config.pinned.is_some() || self.config.words.is_some() || self.config.token.is_some();
        !is_known && self.hubs.candidates.hubs().len() > 1
    }

    /// Whether a hub is there at `now` that was asked and has not let this device in yet.
    pub fn is_waiting_for_one(&self, now: Now) -> bool {
        self.hubs.candidates.any_is_silent(1, now.mono)
    }

    /// Whether a hub is there at `now` that does not let this device in. The first handshake may have gone out before
    /// there was a way to the hub; what answers the second time was silent to one that it got.
    pub fn is_kept_out(&self, now: Now) -> bool {
        self.hubs.candidates.any_is_silent(2, now.mono)
    }

    /// Whether any hub that answers would do.
    const fn is_open(&self) -> bool {
        let Config { pinned, words, token, only_addresses, .. } = &self.config;
        pinned.is_none() && words.is_none() && token.is_none() && !*only_addresses
    }

    pub(super) fn start_handshakes(&mut self, now: Now) {
        let Some(aim) = self.aim().filter(|aim| aim.from.is_none_or(|from| now.mono >= from)) else { return };
        let (has_session, is_pinned) = (self.link.session.is_some(), self.config.pinned.is_some());
        let due =
            self.hubs.candidates.to_try().filter(|candidate| aim.fits(candidate) && now.mono >= candidate.next_at);
        let due: Vec<_> = due.map(|candidate| (candidate.hub, candidate.address)).collect();
        for candidate in self.hubs.candidates.iter_mut() {
            if !due.contains(&(candidate.hub, candidate.address)) {
                continue;
            }
            // A state folder that was set back counts from too low, and a hub is silent to what may be a replay.
            if candidate.refusals() > 0 {
                self.hubs.counter.skip(candidate.refusals());
            }
            // A hub that forgot the device does not answer it either, unless it brings its token: now and then, since one that
            // still knows the device may have forgotten the token.
            let is_silent = !has_session && candidate.tries % 4 == TELL_AFTER_TRIES;
            let token = self.config.token.as_ref().filter(|_| !is_pinned || is_silent);
            let psk = token.map_or(NO_PSK, JoinToken::psk);
            let (number, counter) = self.hubs.counter.next(self.config.epoch);
            let offer = Offer {
                counter,
                token: token.map_or(0, |token| token.id),
                start: self.config.start,
                mtu: MAX_DATAGRAM as u16,
            };
            let index = number << 16 | u32::from(self.config.index);
            // It fails only without randomness or with an impossible key: the next try is as good as any remedy.
            match Initiator::start(&self.config.keys, &candidate.hub, &psk, &offer, index) {
                Ok(initiator) => {
                    self.outbox.send(candidate.address, initiator.datagram().to_vec());
                    candidate.started(initiator, now.mono, &mut self.random);
                }
                Err(_) => candidate.rest(now.mono, LONGEST_PROBE),
            }
            if candidate.tries == TELL_AFTER_TRIES && self.link.session.is_none() {
                self.outbox.tell(Event::Silent { hub: candidate.hub, address: candidate.address });
            }
        }
    }
}
