//! How the endpoint speaks: to a device, through the session that speaks for it; to the rest of the hub, by events.

use wire::handshake::Standing as Admitted;
use wire::message::{Control, Welcome};

use super::Endpoint;
use crate::model::device::Link;
use crate::model::{DeviceId, PublicKey};
use crate::proto::Moment;
use crate::proto::event::Event;

impl Endpoint {
    /// Tells a device where it stands: in the given session, or else in the one that speaks for it.
    pub(super) fn welcome(&mut self, moment: Moment, key: PublicKey, session: Option<u32>) {
        let Some(session) = session.or_else(|| self.current(&key)) else { return };
        let is_known = self.roster.devices.contains_key(&key);
        let welcome = Welcome {
            standing: if is_known { Admitted::Adopted } else { Admitted::Pending },
            known_sensors: self.roster.known_sensors(&key),
            credit: self.incoming.credit(),
            now: moment.wall,
        };
        self.send(session, &Control::Welcome(welcome));
    }

    /// The session to talk to a device through.
    pub(super) fn current(&self, key: &PublicKey) -> Option<u32> {
        self.front.sessions.current(key, self.roster.holder(key))
    }

    /// Sends a message in a session.
    pub(super) fn send(&mut self, session: u32, control: &Control) {
        self.outgoing.send(&mut self.front.sessions, session, control);
    }

    /// Owes a session an acknowledgement, if only as a sign of life.
    pub(super) fn queue_ack(&mut self, session: u32) {
        self.outgoing.queue_ack(&mut self.front.sessions, session);
    }

    /// Tells the rest of the hub. An event beyond the limit is dropped; its cause comes again, because devices repeat hellos,
    /// dictionaries, floors and reports.
    pub(super) fn event(&mut self, event: Event) {
        if let Some(lost) = self.outgoing.tell(event) {
            self.roster.take_back(&lost);
        }
    }

    /// Ends the sessions of a device that no longer waits for adoption, and says so.
    pub(super) fn pending_gone(&mut self, key: &PublicKey) {
        self.front.sessions.end(key);
        self.event(Event::PendingGone(DeviceId::of(key)));
    }

    /// Tells the state of the links to devices that were heard since the last time.
    pub(super) fn tell_links(&mut self) {
        let mut links = Vec::new();
        for (key, peer) in self.roster.devices.iter_mut().filter(|(_, peer)| peer.link_changed) {
            peer.link_changed = false;
            let session = self.front.sessions.current(key, peer.claims.holder());
            let session = session.and_then(|session| self.front.sessions.get_mut(session));
            let (Some(session), Some(last_seen)) = (session, peer.last_seen) else { continue };
            let link = Link {
                address: session.address,
                last_seen,
                session_since: session.since,
                loss_pct: session.loss_pct(),
                rtt_ms: peer.status.rtt_us.map(|us| f64::from(us) / 1_000.0),
                clock_offset_ms: peer.status.clock_offset_ms.map(|ms| ms as f64),
                spool_batches: peer.status.spool_batches,
                dropped_readings: peer.status.dropped_readings,
            };
            links.push((peer.device.no, link));
        }
        if !links.is_empty() {
            self.event(Event::Links(links));
        }
    }
}
