//! Who is known: devices with a row in the store, keys that wait for a person or are on their way into the store, what they may
//! join by, and hardware that was replaced. It sends nothing and opens nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wire::handshake::{NO_PSK, Standing as Admitted};

use super::peer::{Parting, Peer, Registration, known_sensors};
use crate::model::access::JoinToken;
use crate::model::device::{DeviceNo, Pending, Standing};
use crate::model::{DeviceId, PublicKey};
use crate::proto::Moment;
use crate::proto::command::JoinPolicy;
use crate::proto::counters::Drop;
use crate::proto::event::Event;

/// A pending device that is silent for this long is forgotten.
const PENDING_TTL: Duration = Duration::from_secs(15 * 60);
/// A join that took this long failed (its token was used up meanwhile): the device may try again.
const JOIN_WITHIN: Duration = Duration::from_secs(20);

/// Everybody the endpoint knows, and who may become known.
pub(super) struct Roster {
    pub(super) devices: HashMap<PublicKey, Peer>,
    /// The keys of those, by their numbers.
    pub(super) keys: HashMap<DeviceNo, PublicKey>,
    /// Keys that wait for a person, and when each was last heard.
    pub(super) pending: HashMap<PublicKey, (Pending, Instant)>,
    /// Keys whose `Join` is on its way to the store, and since when.
    pub(super) joining: HashMap<PublicKey, Instant>,
    pub(super) tokens: HashMap<u64, JoinToken>,
    /// Hardware that was replaced, and when it was last said that it is back.
    pub(super) retired: HashMap<DeviceId, (DeviceNo, Option<Instant>)>,
    /// Devices the hub takes.
    pub(super) max_devices: usize,
    policy: JoinPolicy,
    /// Until when everybody may join, whatever the policy says.
    open_until: Option<Instant>,
    /// What the discovery responder says about joining: whether it is worth asking.
    accepting: Arc<AtomicBool>,
}

impl Roster {
    /// Nobody is known yet.
    pub(super) fn new(policy: JoinPolicy, accepting: Arc<AtomicBool>, max_devices: usize) -> Self {
        let roster = Self {
            devices: HashMap::new(),
            keys: HashMap::new(),
            pending: HashMap::new(),
            joining: HashMap::new(),
            tokens: HashMap::new(),
            retired: HashMap::new(),
            max_devices,
            policy,
            open_until: None,
            accepting,
        };
        roster.show_policy();
        roster
    }

    /// The device of this number.
    pub(super) fn numbered(&mut self, no: DeviceNo) -> Option<&mut Peer> {
        self.devices.get_mut(self.keys.get(&no)?)
    }

    /// The device of this key, if readings are taken from it.
    pub(super) fn adopted(&mut self, key: &PublicKey) -> Option<&mut Peer> {
        self.devices.get_mut(key).filter(|peer| peer.device.standing == Standing::Adopted)
    }

    /// The session that speaks for the device of this key.
    pub(super) fn holder(&self, key: &PublicKey) -> Option<u32> {
        self.devices.get(key)?.claims.holder()
    }

    /// Sensors that the device of this key need not describe.
    pub(super) fn known_sensors(&self, key: &PublicKey) -> u16 {
        self.devices.get(key).map_or(0, known_sensors)
    }

    /// Whether a session of this key is expected to stay, and which one speaks for its device.
    pub(super) fn awaits(&self, key: &PublicKey) -> (bool, Option<u32>) {
        match self.devices.get(key) {
            Some(peer) => (true, peer.claims.holder()),
            None => (self.pending.contains_key(key) || self.joining.contains_key(key), None),
        }
    }

    /// Whether there are, or are about to be, as many devices as the hub takes.
    pub(super) fn is_full(&self) -> bool {
        self.devices.len() + self.joining.len() >= self.max_devices
    }

    /// The counter that the next handshake of this key has to exceed.
    pub(super) fn highest_handshake(&self, key: &PublicKey) -> u64 {
        let known = self.devices.get(key).map(|peer| peer.claims.handshake_counter());
        known.or_else(|| self.pending.get(key).map(|(pending, _)| pending.handshake_counter)).unwrap_or(0)
    }

    /// Who may join at a moment.
    pub(super) fn policy_at(&self, now: Instant) -> JoinPolicy {
        if self.open_until.is_some_and(|until| now < until) { JoinPolicy::Open } else { self.policy }
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
        if let Some(peer) = self.devices.get(key) {
            return match peer.device.standing {
                Standing::Adopted if peer.parting == Parting::No => Ok((psk, Admitted::Adopted)),
                Standing::Adopted | Standing::Blocked => Err(Drop::NotAdmitted),
            };
        }
        // A device that only asks is listed even if the hub is full: the person who adopts it is told the reason.
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

    /// Follows who may join.
    pub(super) fn set_policy(&mut self, policy: JoinPolicy, open_until: Option<Instant>) {
        (self.policy, self.open_until) = (policy, open_until);
        self.show_policy();
    }

    /// Forgets a device; its key, if it was known.
    pub(super) fn forget(&mut self, id: DeviceId) -> Option<PublicKey> {
        let (key, no) =
            self.devices.iter().find(|(_, e)| e.device.id == id).map(|(key, peer)| (*key, peer.device.no))?;
        self.devices.remove(&key);
        self.keys.remove(&no);
        Some(key)
    }

    /// Takes one that waits for a person off the list; its key, if it was there.
    pub(super) fn ignore(&mut self, id: DeviceId) -> Option<PublicKey> {
        let key = self.pending.iter().find(|(_, (pending, _))| pending.id == id).map(|(key, _)| *key)?;
        self.pending.remove(&key);
        Some(key)
    }

    /// What time ends: the open window, and joins that the store did not answer.
    pub(super) fn expire(&mut self, now: Instant) {
        if self.open_until.is_some_and(|until| now >= until) {
            self.open_until = None;
            self.show_policy();
        }
        self.joining.retain(|_, since| now.saturating_duration_since(*since) < JOIN_WITHIN);
    }

    /// Removes devices from the waiting list that were silent for [`PENDING_TTL`], and returns their keys.
    pub(super) fn forget_silent(&mut self, now: Instant) -> Vec<PublicKey> {
        let is_silent = |heard: Instant| now.saturating_duration_since(heard) >= PENDING_TTL;
        self.pending.extract_if(|_, (_, heard)| is_silent(*heard)).map(|(key, _)| key).collect()
    }

    /// Undoes what was noted for an event that found no room in the queue, so that the device may repeat its message.
    pub(super) fn take_back(&mut self, event: &Event) {
        // Other events leave no note: their cause is repeated anyway.
        let (Event::Sensors { device, .. } | Event::Renumber { device, .. } | Event::Ledger { device, .. }) = event
        else {
            return;
        };
        let Some(peer) = self.numbered(*device) else { return };
        if matches!(event, Event::Ledger { .. }) {
            peer.recording = None;
        } else {
            (peer.registration, peer.described) = (Registration::Open, 0);
        }
    }

    fn show_policy(&self) {
        let accepting = self.open_until.is_some() || matches!(self.policy, JoinPolicy::Click | JoinPolicy::Open);
        self.accepting.store(accepting, Ordering::Relaxed);
    }
}
