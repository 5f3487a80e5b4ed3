//! The traffic within a session: messages from the hub, and what is sent to it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wire::handshake::Standing;
use wire::message::{Ack, Batch, Control, Message};
use wire::packet::Data;
use wire::{Numbering, SensorNo, SensorSpec};

use super::link::Link;
use super::session::{HELLO_EVERY, Session};
use super::{Event, Uplink};
use crate::clock::Now;

/// Shortest time between two tellings of the numbering: the hub has work to do before it follows.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// Bytes of dictionary entries in one message, so that it fits a datagram.
const DICTIONARY_BYTES: usize = 1_100;

impl Uplink {
    pub(super) fn handle_data(&mut self, now: Now, from: SocketAddr, data: &Data<'_>) {
        let mut plain = std::mem::take(&mut self.link.plain);
        if self.open(from, data, &mut plain) {
            // A message of a newer hub is one we can do without; that it came at all says that the hub lives.
            if let Ok(Message::Control(control)) = Message::decode(&plain) {
                self.handle_control(now, data.receiver, control);
            }
        }
        self.link.plain = plain;
    }

    fn open(&mut self, from: SocketAddr, data: &Data<'_>, plain: &mut Vec<u8>) -> bool {
        if let Some(session) = self.link.session.as_mut().filter(|session| session.index == data.receiver) {
            let opened = session.open(from, data, plain).is_ok();
            session.confirmed |= opened;
            return opened;
        }
        let Some((session, _)) = self.link.previous.as_mut().filter(|(session, _)| session.index == data.receiver)
        else {
            return false;
        };
        if session.open(from, data, plain).is_err() {
            return false;
        }
        if self.link.session.is_none() {
            // The hub was slow, not gone.
            self.link.session = self.link.previous.take().map(|(session, _)| session);
            self.probes.due = None;
        }
        true
    }

    /// `index`: the session it was said in, the one at hand or the one before.
    fn handle_control(&mut self, now: Now, index: u32, control: Control) {
        match control {
            Control::Welcome(welcome) => {
                self.flight.set_credit(welcome.credit.min(self.config.max_in_flight));
                // Off by the way here, until an acknowledgement says better: enough for a device that has no time at all.
                self.link.path.clock_offset_ms.get_or_insert_with(|| now.unix.since(welcome.now));
                let numbering = self.catalog.numbering;
                if let Some(session) = &mut self.link.session {
                    if session.follows(numbering) {
                        session.learn_sensors(welcome.known_sensors, now.mono);
                    }
                    // A hub says so of itself when it has written down what it was told.
                    session.dictionary_due = now.mono;
                    session.standing = welcome.standing;
                    session.hello_due = now.mono + HELLO_EVERY;
                }
                self.tell_standing(now);
            }
            Control::Ack(ack) => self.handle_ack(now, index, ack),
            Control::Numbered { numbering, known_sensors } => {
                if let Some(session) = self.link.session.as_mut().filter(|session| session.index == index) {
                    if numbering == self.catalog.numbering {
                        session.numbered = Some(numbering);
                        session.learn_sensors(known_sensors, now.mono);
                    }
                }
            }
            Control::Recorded { epoch, number } => self.outbox.tell(Event::Recorded { epoch, number }),
            Control::Claimed(claimed) => self.outbox.tell(Event::Claimed(claimed)),
            // Only a device says these.
            Control::Hello(_)
            | Control::Dictionary { .. }
            | Control::Numbering { .. }
            | Control::Status(_)
            | Control::Bye
            | Control::Ledger(_)
            | Control::Health(_) => {}
        }
    }

    fn handle_ack(&mut self, now: Now, index: u32, ack: Ack) {
        self.flight.set_credit(ack.credit.min(self.config.max_in_flight));
        let numbering = self.catalog.numbering;
        if let Some(session) = &mut self.link.session {
            if session.follows(numbering) {
                session.learn_sensors(ack.known_sensors, now.mono);
            }
            session.standing = Standing::Adopted;
        }
        // It echoes a packet of its own session: each numbers them from 0.
        let Link { session, previous, path, .. } = &mut self.link;
        let mut sessions = session.iter().chain(previous.iter().map(|(session, _)| session));
        if let Some(session) = sessions.find(|session| session.index == index) {
            session.measure(now, &ack, path);
        }
        let round_trip = self.link.path.acks.smoothed().unwrap_or(Duration::ZERO);
        if let Some(sent) = self.flight.acknowledged(ack.epoch, ack.mark, &ack.runs, round_trip, now.mono) {
            self.link.path.acks.sample(now.mono.saturating_duration_since(sent));
        }
        self.tell_standing(now);
        self.outbox.tell(Event::Acked { epoch: ack.epoch, mark: ack.mark, runs: ack.runs });
    }

    /// Tells the driver when standing, hub or address changed; from adoption on the hub is pinned and the token spent.
    fn tell_standing(&mut self, now: Now) {
        let Some(session) = self.link.session.as_ref().filter(|session| session.confirmed) else { return };
        let (hub, address, standing) = (session.hub, session.address, session.standing);
        // Also of a hub that was away for so short a time that nobody noticed.
        if standing == Standing::Adopted && self.link.reporting_in != Some(session.index) {
            self.link.reporting_in = Some(session.index);
            self.reports.begin_session(now.mono);
        }
        if self.link.told == Some((hub, address, standing)) {
            return;
        }
        let was_adopted = matches!(self.link.told, Some((_, _, Standing::Adopted)));
        self.link.told = Some((hub, address, standing));
        match standing {
            Standing::Adopted => {
                self.config.pinned = Some(hub);
                self.hubs.candidates.keep_only(hub);
                self.outbox.tell(Event::Adopted { hub, address });
            }
            Standing::Pending => {
                if was_adopted {
                    self.flight.clear();
                    self.outbox.tell(Event::Lost { was_adopted });
                }
                self.outbox.tell(Event::Pending { hub, address });
            }
        }
    }

    pub(super) fn wants_hello(&self, session: &Session) -> bool {
        !session.confirmed || session.standing == Standing::Pending
    }

    pub(super) fn wants_dictionary(&self, session: &Session) -> bool {
        // A hub that knows no sensor may have forgotten the device: the driver is told first, and says what there is now.
        let is_told = session.confirmed || session.known_sensors > 0;
        let describes = is_told && usize::from(session.known_sensors) < self.catalog.sensors.len();
        session.standing == Standing::Adopted
            && (describes || session.wants_numbering(self.catalog.numbering, self.catalog.asks))
    }

    /// When the hub is to be told that sensors it knows are another thing.
    pub(super) fn restates(&self, session: &Session) -> Option<Instant> {
        let may = session.standing == Standing::Adopted && session.confirmed && session.follows(self.catalog.numbering);
        self.catalog.restated.due().filter(|_| may)
    }

    fn transmit_restated(&mut self, now: Now, out: &mut Vec<u8>) -> Option<SocketAddr> {
        let due = self.restates(self.link.session.as_ref()?)?;
        let session = self.link.session.as_mut().filter(|_| now.mono >= due)?;
        let Some((first, end)) = self.catalog.restated.next(session.known_sensors) else {
            self.catalog.restated.told(None, now.mono);
            return None;
        };
        let sensors = entries_of(self.catalog.sensors.get(..usize::from(end)).unwrap_or_default(), SensorNo(first));
        self.catalog.restated.told(Some(first + (sensors.len() as u16).max(1)), now.mono);
        session.seal_control(
            now,
            &self.link.path,
            out,
            &described(self.catalog.numbering, SensorNo(first), sensors),
        )?;
        Some(session.address)
    }

    pub(super) fn transmit_control(&mut self, now: Now, out: &mut Vec<u8>) -> Option<SocketAddr> {
        let session = self.link.session.as_ref()?;
        let repeat = now.mono + self.link.path.acks.timeout();
        let (hello, dictionary) = (self.wants_hello(session), self.wants_dictionary(session));
        let session = self.link.session.as_mut()?;
        if hello && now.mono >= session.hello_due {
            session.introduced(now.mono);
            let mut hello = self.config.hello.clone();
            if session.standing == Standing::Adopted {
                hello.preview.clear();
            }
            session.seal_control(now, &self.link.path, out, &Control::Hello(hello))?;
            return Some(session.address);
        }
        if dictionary && now.mono >= session.dictionary_due {
            session.dictionary_due = repeat;
            let first = SensorNo(session.known_sensors);
            let (follows, mut sensors) =
                (session.follows(self.catalog.numbering), entries_of(&self.catalog.sensors, first));
            let control = if session.wants_numbering(self.catalog.numbering, self.catalog.asks) {
                session.numbering_told(repeat.max(now.mono + ASK_AGAIN));
                // It has to follow first.
                sensors.clear();
                Control::Numbering { numbering: self.catalog.numbering, first, sensors }
            } else {
                described(if follows { self.catalog.numbering } else { Numbering::FIRST }, first, sensors)
            };
            session.seal_control(now, &self.link.path, out, &control)?;
            return Some(session.address);
        }
        if let Some(to) = self.transmit_restated(now, out) {
            return Some(to);
        }
        let session = self.link.session.as_mut()?;
        if session.standing == Standing::Adopted && now.mono >= session.status_due {
            session.status_sent(now.mono);
            self.status.rtt_us =
                self.link.path.wire.smoothed().map(|rtt| u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX));
            self.status.clock_offset_ms = self.link.path.clock_offset_ms;
            session.seal_control(now, &self.link.path, out, &Control::Status(self.status.clone()))?;
            return Some(session.address);
        }
        let adopted = session.standing == Standing::Adopted;
        if let Some(control) = adopted.then(|| self.reports.next(now.mono, &mut self.random)).flatten() {
            session.seal_control(now, &self.link.path, out, &control)?;
            return Some(session.address);
        }
        None
    }

    pub(super) fn transmit_batch(&mut self, now: Now, out: &mut Vec<u8>) -> Option<SocketAddr> {
        let numbering = self.catalog.numbering;
        let session = self.link.session.as_mut().filter(|session| session.standing == Standing::Adopted)?;
        if !session.follows(numbering) {
            return None;
        }
        let batch = self.flight.next(session.known_sensors)?;
        let key = (batch.epoch, batch.seq);
        let message = Batch { epoch: batch.epoch, seq: batch.seq, lane: batch.lane, body: &batch.body };
        let counter = session.seal(now, &self.link.path, out, |plain| message.encode(plain))?;
        self.flight.sent(key, counter, now.mono);
        Some(session.address)
    }
}

/// What sensors are, from number `first` on, in a numbering that the hub follows.
fn described(numbering: Numbering, first: SensorNo, sensors: Vec<SensorSpec>) -> Control {
    if numbering == Numbering::FIRST {
        Control::Dictionary { first, sensors }
    } else {
        Control::Numbering { numbering, first, sensors }
    }
}

/// The entries from `first` on that fit one datagram.
fn entries_of(sensors: &[SensorSpec], first: SensorNo) -> Vec<SensorSpec> {
    let mut bytes = 0;
    sensors
        .iter()
        .skip(usize::from(first.0))
        .take_while(|spec| {
            // Two lengths, kind and the longest interval besides the texts.
            bytes += spec.name.len() + spec.unit.len() + 8;
            bytes <= DICTIONARY_BYTES
        })
        .cloned()
        .collect()
}
