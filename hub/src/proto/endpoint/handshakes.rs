//! Decides which handshakes open a session: rates and cookies first, then keys and tokens.

use std::net::SocketAddr;
use std::time::Instant;

use wire::handshake::Verdict;
use wire::packet::Hs1;

use super::Endpoint;
use super::front::{Front, MAX_HANDSHAKES};
use super::outgoing::Outgoing;
use super::peer::Registration;
use crate::pressure::Shed;
use crate::proto::Moment;
use crate::proto::counters::{Counters, Drop};

/// Devices without a row that may have a session, besides a place for each device that has one: more than the store adopts
/// in a second, and no more than a few megabytes for who makes up keys.
pub(super) const MAX_STRANGERS: usize = 2_048;
/// Handshakes of one device that are remembered until it speaks in a session.
const MAX_UNCONFIRMED: usize = 64;

impl Front {
    /// Lets a handshake wait for its turn, or asks for proof of its address first.
    pub(super) fn queue_handshake(
        &mut self,
        now: Instant,
        from: SocketAddr,
        (hs1, datagram): (&Hs1<'_>, &[u8]),
        outgoing: &mut Outgoing,
    ) {
        if !self.responder.knows_us(hs1) {
            return self.counters.dropped(Drop::ForeignHandshake);
        }
        if !self.admission.calm(now, from) {
            // Most handshakes of a flood carry no proof of their address, and cost no further hash.
            let tries = *hs1.mac2 != [0; 16];
            let proves = |cookie| self.responder.owns_address(hs1, cookie);
            if !tries || !self.admission.cookies(from).iter().any(proves) {
                return self.ask_for_proof(now, from, hs1, outgoing);
            }
            if !self.admission.proven(now) {
                return self.counters.dropped(Drop::HandshakeRate);
            }
        }
        if self.handshakes.len() >= MAX_HANDSHAKES {
            return self.counters.dropped(Drop::HandshakeQueue);
        }
        self.handshakes.push_back((from, datagram.to_vec()));
    }

    fn ask_for_proof(&mut self, now: Instant, from: SocketAddr, hs1: &Hs1<'_>, outgoing: &mut Outgoing) {
        if !self.admission.hand_out(now) {
            return self.counters.dropped(Drop::CookieRate);
        }
        let [cookie, _] = self.admission.cookies(from);
        let mut nonce = [0; 24];
        (self.random)(&mut nonce);
        if let Ok(reply) = self.responder.cookie_reply(hs1, &cookie, &nonce) {
            outgoing.transmit(from, reply);
        }
        self.counters.dropped(Drop::HandshakeRate);
    }
}

impl Endpoint {
    /// Opens a session, if this handshake may.
    pub(super) fn handle_handshake(&mut self, moment: Moment, from: SocketAddr, hs1: &Hs1<'_>) {
        let received = match self.front.responder.read(hs1) {
            Ok(received) => received,
            Err(reason) => return self.counters.malformed(reason),
        };
        let (key, offer) = (received.device, received.offer);
        if !self.roster.devices.contains_key(&key)
            && !self.front.sessions.knows(&key)
            && self.pressure.sheds(Shed::Joins)
        {
            return self.counters.dropped(Drop::Overload);
        }
        let token = (offer.token != 0).then_some(offer.token);
        if self.is_retired(moment.now, &key, from) {
            return self.counters.dropped(Drop::Replaced);
        }
        let (psk, standing) = match self.roster.admit(moment, &key, token) {
            Ok(admitted) => admitted,
            Err(reason) => return self.counters.dropped(reason),
        };
        if offer.counter <= self.roster.highest_handshake(&key) {
            return self.counters.dropped(Drop::HandshakeReplay);
        }
        if let Some(peer) = self.roster.devices.get_mut(&key) {
            if !peer.handshakes.insert(offer.counter) {
                return self.counters.dropped(Drop::HandshakeReplay);
            }
            let highest = peer.claims.handshake_counter();
            peer.handshakes.retain(|counter| *counter > highest);
            if peer.handshakes.len() > MAX_UNCONFIRMED {
                peer.handshakes.pop_first();
            }
            if let Registration::NoPlace { left_out, .. } = &mut peer.registration {
                *left_out = 0;
            }
        } else if !self.front.sessions.knows(&key)
            && self.front.sessions.peers() >= self.roster.devices.len() + MAX_STRANGERS
        {
            let devices = &self.roster.devices;
            if !self.front.sessions.give_way(moment.now, |peer| !devices.contains_key(peer)) {
                return self.counters.dropped(Drop::PendingFull);
            }
        }
        let known_sensors = self.roster.known_sensors(&key);
        let verdict = Verdict { now: moment.wall, credit: self.incoming.credit(), known_sensors, standing };
        let index = self.front.free_index();
        let Ok((transport, answer)) = received.accept(&psk, &verdict, index) else {
            return self.counters.dropped(Drop::NotAdmitted);
        };
        let speaks = self.roster.holder(&key);
        self.front.sessions.add(moment, index, transport, (key, speaks), from, (token, offer.counter, offer.start));
        Counters::count(&self.counters.handshakes);
        self.outgoing.transmit(from, answer);
    }
}
