//! Finding the hub and opening a session: probes, answers, handshakes.
//!
//! Which hubs are tried: the pinned one, or the one whose words were given; else, with a token, every one, because only ours can
//! finish the handshake; else the only one that answers, once others had the time to. While there are several nobody is talked
//! to, and a session in which a person was only asked ends when another hub is heard of.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wire::PublicKey;
use wire::discovery::{Answer, Probe};
use wire::handshake::{Initiator, JoinToken, NO_PSK, Offer, Standing};
use wire::packet::{Cookie, Hs2, MAX_DATAGRAM};
use wire::seal::KEEP_PREVIOUS_SECS;

use super::candidates::{Candidate, is_link_local};
use super::patience::Presence;
use super::session::Session;
use super::{Config, Event, LONGEST_PROBE, RETURN_WITHIN, Uplink, words_of};
use crate::clock::Now;

/// Pauses between probes: doubling between these.
const FIRST_PROBE: Duration = Duration::from_secs(1);
/// Head start of every other way over a link-local address: the hub's answers to one probe, by IPv4 and by IPv6, come within its
/// 120 ms of jitter. Any way is as good, but `fe80::1%2` tells the people who look for the device nothing.
const LINK_LOCAL_WAIT: Duration = Duration::from_millis(150);
/// How long other hubs have to answer, when nothing tells which is ours: two probes, and the answers to both.
const OTHERS_HAVE: Duration = Duration::from_millis(2_500);
/// Handshakes without an answer after which the user is told.
pub(super) const TELL_AFTER_TRIES: u32 = 3;

/// Starts that are skipped at most: 16, 256, 4,096 and these, one after the other.
const MOST_SKIPPED: u32 = 1 << 16;

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
        let asked = answer.nonce == self.nonce;
        let announced = answer.nonce == [0; 8];
        if !(asked || announced) || answer.port == 0 {
            return;
        }
        if !self.may_be_ours(&answer.key) {
            if self.mentions.of_another(now.mono, &answer.key) {
                self.events.push_back(Event::Foreign { hub: answer.key });
            }
            return;
        }
        // An answer from an address we were told stands for that very address: a router on the way may have changed the
        // port, and the hub cannot know.
        let told = self.addresses.contains(&from);
        if self.config.pinned.is_none() && self.config.only_addresses && !told {
            return;
        }
        let mut address = from;
        if !told && !self.named.contains(&from) {
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
        if let Some(session) = &mut self.session {
            if announced && session.hub == answer.key && session.answer_due().is_none() {
                // It may have just started, and know nothing of this session.
                session.status_due = session.status_due.min(now.mono + wait);
            }
        }
        let is_new = self.candidates.note(address, answer.key, self.config.pinned, now.mono + wait, now.mono);
        self.candidates.answered(address, answer.key, now.mono);
        if self.session.is_none() {
            self.heard_at.get_or_insert(now.mono);
        }
        if is_new && self.session.is_none() && self.mentions.of_one(now.mono) {
            self.events.push_back(Event::Found { hub: answer.key, address });
        }
        if self.is_undecided() && self.session.as_ref().is_none_or(|session| session.standing != Standing::Adopted) {
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
        if self.session.is_some() {
            self.leave(now);
        }
        self.tell_several(now);
    }

    /// Names the hubs between which a person has to choose, once all had the time to answer.
    pub(super) fn tell_several(&mut self, now: Now) {
        let had_time = self.heard_at.is_some_and(|heard| now.mono >= heard + OTHERS_HAVE);
        if !had_time || self.session.is_some() || !self.is_undecided() {
            return;
        }
        let hubs = self.candidates.hubs();
        if self.mentions.of_several(now.mono, &hubs) {
            self.events.push_back(Event::Several { hubs });
        }
    }

    pub(super) fn handle_cookie(&mut self, now: Now, cookie: &Cookie<'_>) {
        for candidate in self.candidates.iter_mut() {
            let address = candidate.address;
            if let Some(initiator) = candidate.handshake(cookie.receiver) {
                if initiator.take_cookie(cookie).is_ok() {
                    self.datagrams.push_back((address, initiator.datagram().to_vec()));
                    candidate.queued(now.mono, &mut self.random);
                }
                return;
            }
        }
    }

    pub(super) fn handle_hs2(&mut self, now: Now, from: SocketAddr, hs2: &Hs2<'_>) {
        let finished = self.candidates.iter_mut().find_map(|candidate| {
            let hub = candidate.hub;
            let initiator = candidate.handshake(hs2.receiver)?;
            let (transport, verdict) = initiator.finish(hs2).ok()?;
            Some((transport, verdict, hub))
        });
        let Some((transport, verdict, hub)) = finished else { return };
        let session = Session::new(transport, hs2.receiver, from, hub, &verdict, now.mono);
        // Where to go for fresh keys, even if no answer ever named this address.
        self.candidates.note(from, hub, self.config.pinned, now.mono, now.mono);
        for candidate in self.candidates.iter_mut() {
            candidate.rest(now.mono, Duration::ZERO);
        }
        if let Some(old) = self.session.replace(session) {
            self.previous = Some((old, now.mono + Duration::from_secs(KEEP_PREVIOUS_SECS)));
        }
        self.flight.set_credit(verdict.credit.min(self.config.max_in_flight));
        self.flight.restart();
        (self.probe_due, self.probes, self.heard_at) = (None, 0, None);
    }

    pub(super) fn probe(&mut self, now: Now) {
        // A nonce serves one search: an answer that comes after the next probe is as good.
        for address in &self.addresses {
            self.datagrams.push_back((*address, Probe::new(self.nonce).encode()));
        }
        // Told where the hub is, and not yet joined: other hubs are not asked at all.
        self.search = !self.config.only_addresses || self.config.pinned.is_some();
        for address in self.named.iter().filter(|address| self.search && !self.addresses.contains(address)) {
            self.datagrams.push_back((*address, Probe::new(self.nonce).encode()));
        }
        let wait = (FIRST_PROBE * 2_u32.pow(self.probes.min(4))).min(LONGEST_PROBE);
        self.probes += 1;
        self.probe_due = Some(now.mono + self.random.between(wait.mul_f64(0.75), wait));
    }

    /// Which candidates to try, if any.
    pub(super) fn aim(&self) -> Option<Aim> {
        match &self.session {
            // Several hubs, and neither a pin nor a token to tell which is ours: a person has to say.
            None if self.is_undecided() => None,
            None => {
                let from = self.heard_at.filter(|_| self.is_open()).map(|heard| heard + OTHERS_HAVE);
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
        !is_known && self.candidates.hubs().len() > 1
    }

    /// Whether a hub is there at `now` that was asked and has not let this device in.
    pub fn is_kept_out(&self, now: Now) -> bool {
        self.candidates.any_is_silent(now.mono)
    }

    /// Whether any hub that answers would do.
    const fn is_open(&self) -> bool {
        let Config { pinned, words, token, only_addresses, .. } = &self.config;
        pinned.is_none() && words.is_none() && token.is_none() && !*only_addresses
    }

    pub(super) fn start_handshakes(&mut self, now: Now) {
        let Some(aim) = self.aim().filter(|aim| aim.from.is_none_or(|from| now.mono >= from)) else { return };
        let (has_session, is_pinned) = (self.session.is_some(), self.config.pinned.is_some());
        let due = self.candidates.to_try().filter(|candidate| aim.fits(candidate) && now.mono >= candidate.next_at);
        let due: Vec<_> = due.map(|candidate| (candidate.hub, candidate.address)).collect();
        for candidate in self.candidates.iter_mut() {
            if !due.contains(&(candidate.hub, candidate.address)) {
                continue;
            }
            // A state folder that was set back counts from too low, and a hub is silent to what may be a replay.
            if let Some(refusals) = candidate.refusals().checked_sub(1) {
                self.skipped = self.skipped.max(16_u32.saturating_pow(refusals + 1).min(MOST_SKIPPED));
            }
            // A hub that forgot the device does not answer it either, unless it brings its token: now and then, since one that
            // still knows the device may have forgotten the token.
            let is_silent = !has_session && candidate.tries % 4 == TELL_AFTER_TRIES;
            let token = self.config.token.as_ref().filter(|_| !is_pinned || is_silent);
            let psk = token.map_or(NO_PSK, JoinToken::psk);
            let number = self.handshakes;
            self.handshakes = self.handshakes.wrapping_add(1);
            let offer = Offer {
                counter: u64::from(self.config.epoch.0.saturating_add(self.skipped)) << 32 | u64::from(number),
                token: token.map_or(0, |token| token.id),
                start: self.config.start,
                mtu: MAX_DATAGRAM as u16,
            };
            let index = number << 16 | u32::from(self.config.index);
            // It fails only without randomness or with an impossible key: the next try is as good as any remedy.
            match Initiator::start(&self.config.keys, &candidate.hub, &psk, &offer, index) {
                Ok(initiator) => {
                    self.datagrams.push_back((candidate.address, initiator.datagram().to_vec()));
                    candidate.started(initiator, now.mono, &mut self.random);
                }
                Err(_) => candidate.rest(now.mono, LONGEST_PROBE),
            }
            if candidate.tries == TELL_AFTER_TRIES && self.session.is_none() {
                self.events.push_back(Event::Silent { hub: candidate.hub, address: candidate.address });
            }
        }
    }
}
