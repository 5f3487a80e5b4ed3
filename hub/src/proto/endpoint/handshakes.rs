//! Who may open a session: rates and cookies first, then keys and tokens.

use std::net::SocketAddr;
use std::time::Instant;

use wire::handshake::{NO_PSK, Standing as Admitted, Verdict};
use wire::packet::Hs1;

use super::{Endpoint, MAX_HANDSHAKES, MAX_STRANGERS, Parting, Registration, known_sensors};
use crate::model::PublicKey;
use crate::model::device::Standing;
use crate::pressure::Shed;
use crate::proto::Moment;
use crate::proto::command::JoinPolicy;
use crate::proto::counters::{Counters, Drop};

/// Handshakes of one device that are remembered until it speaks in a session.
const MAX_UNCONFIRMED: usize = 64;

impl Endpoint {
    pub(super) fn queue_handshake(&mut self, now: Instant, from: SocketAddr, hs1: &Hs1<'_>, datagram: &[u8]) {
        if !self.responder.knows_us(hs1) {
            return self.counters.dropped(Drop::ForeignHandshake);
        }
        if !self.admission.calm(now, from) {
            // Most of a flood does not even pretend, and costs no more hashes.
            let tries = *hs1.mac2 != [0; 16];
            let proves = |cookie| self.responder.owns_address(hs1, cookie);
            if !tries || !self.admission.cookies(from).iter().any(proves) {
                return self.ask_for_proof(now, from, hs1);
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

    fn ask_for_proof(&mut self, now: Instant, from: SocketAddr, hs1: &Hs1<'_>) {
        if !self.admission.hand_out(now) {
            return self.counters.dropped(Drop::CookieRate);
        }
        let [cookie, _] = self.admission.cookies(from);
        let mut nonce = [0; 24];
        (self.random)(&mut nonce);
        if let Ok(reply) = self.responder.cookie_reply(hs1, &cookie, &nonce) {
            self.transmit(from, reply);
        }
        self.counters.dropped(Drop::HandshakeRate);
    }

    pub(super) fn handle_handshake(&mut self, moment: Moment, from: SocketAddr, hs1: &Hs1<'_>) {
        let received = match self.responder.read(hs1) {
            Ok(received) => received,
            Err(reason) => return self.counters.malformed(reason),
        };
        let (key, offer) = (received.device, received.offer);
        if !self.devices.contains_key(&key) && !self.sessions.knows(&key) && self.pressure.sheds(Shed::Joins) {
            return self.counters.dropped(Drop::Overload);
        }
        let token = (offer.token != 0).then_some(offer.token);
        if self.is_retired(moment.now, &key, from) {
            return self.counters.dropped(Drop::Replaced);
        }
        let (psk, standing) = match self.admit(moment, &key, token) {
            Ok(admitted) => admitted,
            Err(reason) => return self.counters.dropped(reason),
        };
        if offer.counter <= self.highest_handshake(&key) {
            return self.counters.dropped(Drop::HandshakeReplay);
        }
        if let Some(entry) = self.devices.get_mut(&key) {
            if !entry.handshakes.insert(offer.counter) {
                return self.counters.dropped(Drop::HandshakeReplay);
            }
            let highest = entry.claims.handshake_counter();
            entry.handshakes.retain(|counter| *counter > highest);
            if entry.handshakes.len() > MAX_UNCONFIRMED {
                entry.handshakes.pop_first();
            }
            if let Registration::NoPlace { left_out, .. } = &mut entry.registration {
                *left_out = 0;
            }
        } else if !self.sessions.knows(&key) && self.sessions.peers() >= self.devices.len() + MAX_STRANGERS {
            let devices = &self.devices;
            if !self.sessions.give_way(moment.now, |peer| !devices.contains_key(peer)) {
                return self.counters.dropped(Drop::PendingFull);
            }
        }
        let known_sensors = self.devices.get(&key).map_or(0, known_sensors);
        let verdict = Verdict { now: moment.wall, credit: self.credit(), known_sensors, standing };
        let index = self.free_index();
        let Ok((transport, answer)) = received.accept(&psk, &verdict, index) else {
            return self.counters.dropped(Drop::NotAdmitted);
        };
        let speaks = self.devices.get(&key).and_then(|entry| entry.claims.holder());
        self.sessions.add(moment, index, transport, (key, speaks), from, (token, offer.counter, offer.start));
        Counters::count(&self.counters.handshakes);
        self.transmit(from, answer);
    }

    /// Whether a key may open a session now, with which pre-shared key, and as what.
    pub(super) fn admit(
        &self,
        moment: Moment,
        key: &PublicKey,
        token: Option<u64>,
    ) -> Result<([u8; 32], Admitted), Drop> {
        let psk = match token {
            None => NO_PSK,
            Some(id) => match self.tokens.get(&id) {
                Some(token) => token.psk,
                None => return Err(Drop::NotAdmitted),
            },
        };
        if let Some(entry) = self.devices.get(key) {
            return match entry.device.standing {
                Standing::Adopted if entry.parting == Parting::No => Ok((psk, Admitted::Adopted)),
                Standing::Adopted | Standing::Blocked => Err(Drop::NotAdmitted),
            };
        }
        // Who only asks is listed all the same: the person who adopts it is told why that cannot be.
        let would_join = token.is_some() || self.policy_at(moment.now) == JoinPolicy::Open;
        if would_join && self.is_full() {
            return Err(Drop::DeviceLimit);
        }
        if let Some(token) = token.and_then(|id| self.tokens.get(&id)) {
            let usable = token.uses_left > 0 && token.expires_at > moment.wall && self.policy != JoinPolicy::Closed;
            return if usable { Ok((psk, Admitted::Pending)) } else { Err(Drop::NotAdmitted) };
        }
        match self.policy_at(moment.now) {
            JoinPolicy::Open | JoinPolicy::Click => Ok((psk, Admitted::Pending)),
            JoinPolicy::Token | JoinPolicy::Closed => Err(Drop::NotAdmitted),
        }
    }

    /// Whether there are, or are about to be, as many devices as the hub takes.
    pub(super) fn is_full(&self) -> bool {
        self.devices.len() + self.joining.len() >= self.max_devices
    }

    pub(super) fn highest_handshake(&self, key: &PublicKey) -> u64 {
        let known = self.devices.get(key).map(|entry| entry.claims.handshake_counter());
        known.or_else(|| self.pending.get(key).map(|(pending, _)| pending.handshake_counter)).unwrap_or(0)
    }

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
