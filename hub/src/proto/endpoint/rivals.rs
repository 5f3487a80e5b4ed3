//! Handles a second machine that has a device's key: it gets signs of life, so that it waits, and is told about the
//! first machine; none of its readings are taken.

use std::time::Instant;

use wire::message::{Ack, Claimed, Control};

use super::Endpoint;
use super::peer::known_sensors;
use crate::model::{BatchSeq, Epoch, PublicKey};
use crate::proto::Moment;
use crate::proto::counters::{Counters, Drop};
use crate::proto::event::Event;

impl Endpoint {
    /// A message in a session that does not speak for its device.
    pub(super) fn handle_rival(&mut self, moment: Moment, key: PublicKey, session: u32, control: Option<Control>) {
        match control {
            Some(Control::Hello(_)) => self.welcome(moment, key, Some(session)),
            Some(Control::Status(_)) => self.queue_ack(session),
            Some(Control::Bye) => {
                self.front.sessions.end_one(session);
                if let Some(peer) = self.roster.devices.get_mut(&key) {
                    peer.claims.left(session);
                }
            }
            _ => self.counters.dropped(Drop::IdentityInUse),
        }
        self.ask_holder(moment, key);
        self.tell_conflict(moment, key);
    }

    /// Asks the session that speaks for a device whether it lives, by a question that agents of any version answer at once:
    /// what is the last of your sensors?
    fn ask_holder(&mut self, moment: Moment, key: PublicKey) {
        let Some(peer) = self.roster.devices.get_mut(&key) else { return };
        let Some(holder) = peer.claims.asks(moment.now) else { return };
        let known_sensors = known_sensors(peer).saturating_sub(1);
        let credit = self.incoming.credit();
        let Some(session) = self.front.sessions.get_mut(holder) else { return };
        let (echo_counter, echo_received) = session.echo;
        let (epoch, mark, runs) = (Epoch(0), BatchSeq(0), Vec::new());
        let ack = Ack { epoch, mark, runs, credit, known_sensors, echo_counter, echo_received, now: moment.wall };
        Counters::count(&self.counters.acks);
        self.send(holder, &Control::Ack(ack));
    }

    /// Tells both machines of each other, now and then.
    fn tell_conflict(&mut self, moment: Moment, key: PublicKey) {
        let Some(peer) = self.roster.devices.get_mut(&key) else { return };
        let Some((conflict, other)) = peer.claims.notice(moment.now) else { return };
        let holder = peer.claims.holder();
        let claimed = |other: std::net::SocketAddr, goes_on| {
            Control::Claimed(Claimed { other: other.to_string(), since: conflict.since, goes_on })
        };
        if let Some(holder) = holder {
            self.send(holder, &claimed(conflict.other, true));
        }
        if let Some(other) = other {
            self.send(other, &claimed(conflict.holder, false));
        }
    }

    /// Passes on what changed in who speaks for which device.
    pub(super) fn tell_claims(&mut self, now: Instant) {
        let mut news = Vec::new();
        for peer in self.roster.devices.values_mut() {
            peer.claims.expire(now);
            news.extend(peer.claims.take_news().map(|claim| (peer.device.no, claim)));
        }
        for (device, claim) in news {
            self.event(Event::Claim { device, claim });
        }
    }
}
