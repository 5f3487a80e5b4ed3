//! How replaced hardware leaves: nothing more is taken from it, its batches on the way to the disk arrive first, and
//! then its key is ignored.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Endpoint;
use super::peer::Parting;
use crate::model::device::Retired;
use crate::model::{DeviceId, PublicKey};
use crate::proto::event::Event;

/// How often it is said that hardware is back.
const TELL_EVERY: Duration = Duration::from_secs(600);

impl Endpoint {
    /// Takes nothing more from a device. One without a key has nothing under way.
    pub(super) fn part(&mut self, id: DeviceId) {
        let Some((key, peer)) = self.roster.devices.iter_mut().find(|(_, peer)| peer.device.id == id) else {
            return self.event(Event::Parted(id));
        };
        peer.parting = Parting::Waits;
        let key = *key;
        self.front.sessions.end(&key);
        self.tell_parted();
    }

    /// Says which devices have nothing on the way any more. The event is queued behind all earlier ones about them.
    pub(super) fn tell_parted(&mut self) {
        let mut parted = Vec::new();
        for peer in self.roster.devices.values_mut() {
            if peer.parting == Parting::Waits && !peer.is_waiting() {
                peer.parting = Parting::Told;
                let claim = peer.claims.take_news();
                parted.push((peer.device.no, peer.device.id, claim));
            }
        }
        for (device, id, claim) in parted {
            claim.into_iter().for_each(|claim| self.event(Event::Claim { device, claim }));
            self.event(Event::Parted(id));
        }
    }

    /// Follows which hardware is not heard.
    pub(super) fn retire(&mut self, retired: &[Retired]) {
        let known = std::mem::take(&mut self.roster.retired);
        let told = |hardware| known.get(hardware).and_then(|(_, told)| *told);
        self.roster.retired = retired.iter().map(|one| (one.hardware, (one.device, told(&one.hardware)))).collect();
    }

    /// Whether this is hardware that was replaced; where it is, that is said now and then.
    pub(super) fn is_retired(&mut self, now: Instant, key: &PublicKey, address: SocketAddr) -> bool {
        if self.roster.retired.is_empty() || self.roster.devices.contains_key(key) {
            return false;
        }
        let hardware = DeviceId::of(key);
        let Some((device, told)) = self.roster.retired.get_mut(&hardware) else { return false };
        let retired = Retired { hardware, device: *device };
        if told.is_none_or(|at| now.saturating_duration_since(at) >= TELL_EVERY) {
            *told = Some(now);
            self.event(Event::Returned { retired, address });
        }
        true
    }
}
