//! Handles the content of sealed packets: introductions, dictionaries and status. Batches are in `batches`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use wire::DecodeError;
use wire::ledger::Report;
use wire::message::{Control, Health, Hello, Message, Status};
use wire::packet::Data;

use super::peer::{DEVICE_RATE, NO_PLACE_FOR, Peer, Registration, known_sensors};
use super::spelled::spell;
use super::{Endpoint, waiting};
use crate::model::device::{Introduction, NewDevice, Pending};
use crate::model::{DeviceId, Numbering, PublicKey, SensorNo, SensorSpec};
use crate::pressure::Shed;
use crate::proto::Moment;
use crate::proto::claims::Stand;
use crate::proto::command::JoinPolicy;
use crate::proto::counters::Drop;
use crate::proto::event::Event;

/// Devices that may wait for adoption, in all and behind one address.
pub(crate) const MAX_PENDING: usize = 256;
const MAX_PENDING_PER_ADDRESS: usize = 4;
/// Devices that may be on their way into the store at once; beyond, they say hello again.
const MAX_JOINING: usize = 4_096;
/// A report of the ledger that took this long to reach the disk did not: the device may send it again.
pub(super) const RECORD_WITHIN: Duration = Duration::from_secs(20);

impl Endpoint {
    pub(super) fn handle_data(&mut self, moment: Moment, from: SocketAddr, data: &Data<'_>) -> Result<(), DecodeError> {
        let Some(session) = self.front.sessions.get_mut(data.receiver) else {
            self.counters.dropped(Drop::UnknownSession);
            return Ok(());
        };
        let mut plain = std::mem::take(&mut self.incoming.plain);
        let outcome = session.open(moment, from, data, &mut plain);
        let (key, token, counter) = (session.peer, session.token, session.handshake_counter);
        let start = session.start;
        let outcome = outcome.and_then(|()| {
            let mut stand = Stand::Speaks;
            if let Some(peer) = self.roster.devices.get_mut(&key) {
                stand = peer.claims.heard(moment, data.receiver, (start, counter), from);
                if stand == Stand::Speaks {
                    peer.last_seen = Some(moment.wall);
                    peer.link_changed = true;
                }
                if !peer.bucket.take(DEVICE_RATE, moment.now) {
                    self.counters.dropped(Drop::DeviceRate);
                    return Ok(());
                }
            }
            let mut message = Message::decode(&plain)?;
            if let Message::Control(control) = &mut message {
                self.counters.texts_spelled.fetch_add(spell(control), Ordering::Relaxed);
            }
            match message {
                Message::Batch(batch) if stand == Stand::Speaks => self.handle_batch(moment, key, data.receiver, batch),
                Message::Control(control) if stand == Stand::Speaks => {
                    self.handle_control(moment, key, (data.receiver, from), (token, counter), control);
                    Ok(())
                }
                Message::Batch(_) => {
                    self.handle_rival(moment, key, data.receiver, None);
                    Ok(())
                }
                Message::Control(control) => {
                    self.handle_rival(moment, key, data.receiver, Some(control));
                    Ok(())
                }
            }
        });
        self.incoming.plain = plain;
        outcome
    }

    pub(super) fn handle_control(
        &mut self,
        moment: Moment,
        key: PublicKey,
        (session, from): (u32, SocketAddr),
        (token, counter): (Option<u64>, u64),
        control: Control,
    ) {
        match control {
            Control::Hello(hello) => self.handle_hello(moment, key, (session, from), (token, counter), hello),
            Control::Dictionary { first, sensors } => {
                self.handle_sensors(moment.now, (key, session), Numbering::FIRST, first, sensors);
            }
            Control::Numbering { numbering, first, sensors } => {
                self.handle_numbering(moment.now, (key, session), numbering, first, sensors);
            }
            Control::Status(status) => self.handle_status(key, session, status),
            Control::Ledger(report) => self.handle_ledger(moment, key, session, report),
            Control::Health(health) => self.handle_health(key, session, health),
            Control::Bye => {
                // So that a device that came and left between two reports is shown as having been here.
                self.tell_links();
                self.front.sessions.end_one(session);
                if let Some(peer) = self.roster.devices.get_mut(&key) {
                    peer.claims.left(session);
                    peer.link_changed = false;
                    let no = peer.device.no;
                    self.event(Event::Left(no));
                }
            }
            // Only a hub says these.
            Control::Welcome(_)
            | Control::Ack(_)
            | Control::Recorded { .. }
            | Control::Claimed(_)
            | Control::Numbered { .. } => self.counters.malformed(DecodeError::Malformed),
        }
    }

    pub(super) fn handle_hello(
        &mut self,
        moment: Moment,
        key: PublicKey,
        (session, from): (u32, SocketAddr),
        (token, handshake_counter): (Option<u64>, u64),
        hello: Hello,
    ) {
        let Hello { name, model, version, labels, preview } = hello;
        let introduction = Introduction { name, model, version, labels: labels.into_iter().collect() };
        if let Some(peer) = self.roster.devices.get(&key) {
            let device = peer.device.no;
            self.event(Event::Introduced { device, introduction, address: from, handshake_counter });
            return self.welcome(moment, key, Some(session));
        }
        // The store counts down the uses of the token, so a repeated hello must not become a second join meanwhile.
        if self.roster.joining.contains_key(&key) {
            return;
        }
        let token = token.filter(|id| self.roster.tokens.get(id).is_some_and(|token| token.uses_left > 0));
        if token.is_some() || self.roster.policy_at(moment.now) == JoinPolicy::Open {
            if self.roster.is_full() {
                return self.counters.dropped(Drop::DeviceLimit);
            }
            let device = NewDevice {
                key,
                introduction,
                address: Some(from),
                at: moment.wall,
                join_token: token,
                handshake_counter,
            };
            // Answered once the store has it: `know` sends the welcome.
            if self.roster.joining.len() < MAX_JOINING {
                self.roster.joining.insert(key, moment.now);
                self.event(Event::Join(Box::new(device)));
            }
            return;
        }
        // Another device used up its token since the handshake: no person needs to be asked.
        if self.roster.policy_at(moment.now) != JoinPolicy::Click && !self.roster.pending.contains_key(&key) {
            return self.counters.dropped(Drop::NotAdmitted);
        }
        self.wait_for_adoption(moment, key, from, introduction, preview, handshake_counter);
    }

    pub(super) fn wait_for_adoption(
        &mut self,
        moment: Moment,
        key: PublicKey,
        from: SocketAddr,
        introduction: Introduction,
        preview: Vec<(String, String, f64)>,
        handshake_counter: u64,
    ) {
        let first_seen = match self.roster.pending.get_mut(&key) {
            // The device is known; only the description of its sensors is old.
            Some((_, heard)) if self.pressure.sheds(Shed::Previews) => {
                *heard = moment.now;
                return self.welcome(moment, key, None);
            }
            Some((known, _)) => known.first_seen,
            None => {
                let neighbours =
                    self.roster.pending.values().filter(|(pending, _)| pending.address.ip() == from.ip()).count();
                if neighbours >= MAX_PENDING_PER_ADDRESS {
                    self.counters.dropped(Drop::PendingFull);
                    return;
                }
                if self.roster.pending.len() >= MAX_PENDING {
                    self.give_way();
                }
                moment.wall
            }
        };
        let pending = Pending {
            id: DeviceId::of(&key),
            key,
            introduction,
            address: from,
            first_seen,
            last_seen: moment.wall,
            preview,
            handshake_counter,
        };
        self.event(Event::Pending(Box::new(pending.clone())));
        self.roster.pending.insert(key, (pending, moment.now));
        self.welcome(moment, key, None);
    }

    /// One that waits gives way to another.
    fn give_way(&mut self) {
        let waiting = self.roster.pending.iter().map(|(key, (pending, _))| (key, pending));
        let Some(key) = waiting::gives_way(waiting) else { return };
        self.counters.dropped(Drop::PendingFull);
        self.roster.pending.remove(&key);
        self.pending_gone(&key);
    }

    /// A device says which numbering its batches follow. The hub follows it once no batch of the old numbering is on its way to
    /// the disk; until then the device repeats the message.
    fn handle_numbering(
        &mut self,
        now: Instant,
        (key, session): (PublicKey, u32),
        numbering: Numbering,
        first: SensorNo,
        sensors: Vec<SensorSpec>,
    ) {
        let Some(peer) = self.roster.adopted(&key) else {
            return self.counters.dropped(Drop::NotAdopted);
        };
        if peer.numbering == numbering {
            let known_sensors = known_sensors(peer);
            if !sensors.is_empty() {
                self.handle_sensors(now, (key, session), numbering, first, sensors);
            }
            return self.send(session, &Control::Numbered { numbering, known_sensors });
        }
        let (since, asked) = match peer.registration {
            Registration::UnderWay { .. } => return,
            Registration::Renumbering { since, asked } if peer.is_renumbering(now) => (since, asked),
            Registration::Renumbering { .. } | Registration::NoPlace { .. } | Registration::Open => (now, false),
        };
        let asks = !asked && !peer.is_waiting();
        peer.registration = Registration::Renumbering { since, asked: asked || asks };
        let device = peer.device.no;
        if asks {
            self.event(Event::Renumber { device, numbering });
        }
    }

    /// A device describes its sensors, as numbered by `numbering`.
    fn handle_sensors(
        &mut self,
        now: Instant,
        (key, session): (PublicKey, u32),
        numbering: Numbering,
        first: SensorNo,
        mut sensors: Vec<SensorSpec>,
    ) {
        let Some(peer) = self.roster.devices.get_mut(&key).filter(|peer| peer.numbering == numbering) else {
            return;
        };
        let known = known_sensors(peer);
        let Some(repeated) = known.checked_sub(first.0).map(usize::from) else { return };
        if repeated >= sensors.len() {
            if let Some(event) = restated(peer, first, sensors) {
                self.event(event);
            }
            return self.queue_ack(session);
        }
        let below = known.saturating_add(u16::try_from(sensors.len() - repeated).unwrap_or(u16::MAX));
        match peer.registration {
            Registration::UnderWay { ref mut is_asked, .. } => {
                *is_asked = true;
                return;
            }
            Registration::Renumbering { .. } => return,
            // Numbers have no gaps: once a sensor has no place, no later one has.
            Registration::NoPlace { since, left_out }
                if left_out > 0 || now.saturating_duration_since(since) < NO_PLACE_FOR =>
            {
                self.counters.dropped(Drop::SeriesLimit);
                if peer.leave_out_sensors(since, below) {
                    self.queue_ack(session);
                }
                return;
            }
            Registration::NoPlace { .. } | Registration::Open => {}
        }
        peer.registration = Registration::UnderWay { below, is_asked: false };
        peer.described = digest(first, &sensors);
        sensors.drain(..repeated);
        let device = peer.device.no;
        self.event(Event::Sensors { device, first: SensorNo(known), sensors });
    }

    pub(super) fn handle_status(&mut self, key: PublicKey, session: u32, status: Status) {
        let Some(peer) = self.roster.devices.get_mut(&key) else { return };
        let mut floors = Vec::new();
        for &(epoch, below) in &status.floors {
            if let Some(session) = self.front.sessions.get_mut(session) {
                session.raise(epoch, below);
            }
            let Some(window) = peer.windows.get_mut(&epoch) else { continue };
            if window.committed().mark() < below {
                let missing = window.raise(below);
                self.counters.batches_given_up.fetch_add(missing, Ordering::Relaxed);
                floors.push(Event::Floor { device: peer.device.no, epoch, below });
            }
        }
        peer.status = status;
        // Answered, so that an idle device can tell that the hub is alive, and measure the way.
        self.queue_ack(session);
        floors.into_iter().for_each(|floor| self.event(floor));
    }

    fn handle_ledger(&mut self, moment: Moment, key: PublicKey, session: u32, mut report: Report) {
        let Some(peer) = self.roster.adopted(&key) else {
            return self.counters.dropped(Drop::NotAdopted);
        };
        // Acknowledged at once as a sign of life; a second answer follows when it is on disk.
        self.outgoing.queue_ack(&mut self.front.sessions, session);
        let busy = |since: Instant| moment.now.saturating_duration_since(since) < RECORD_WITHIN;
        if peer.recording.is_some_and(busy) {
            return;
        }
        peer.recording = Some(moment.now);
        // Readings from before the hardware belonged to this device are not missed here.
        let from = peer.taken_from(0).hour();
        report.entries.retain(|peer| peer.hour >= from);
        let device = peer.device.no;
        self.event(Event::Ledger { device, report });
    }

    fn handle_health(&mut self, key: PublicKey, session: u32, health: Health) {
        let Some(peer) = self.roster.adopted(&key) else {
            return self.counters.dropped(Drop::NotAdopted);
        };
        let device = peer.device.no;
        self.queue_ack(session);
        self.event(Event::Health { device, health });
    }
}

/// Sensors that the hub has may be another thing by now: measured in another interval, or in another unit. What is used is
/// noted, so that its repeat is not; what comes while others are written down is said again.
fn restated(peer: &mut Peer, first: SensorNo, mut sensors: Vec<SensorSpec>) -> Option<Event> {
    if !matches!(peer.registration, Registration::Open | Registration::NoPlace { .. }) {
        return None;
    }
    // Sensors without a place are not written.
    sensors.truncate(peer.sensors.len().saturating_sub(usize::from(first.0)));
    let described = digest(first, &sensors);
    if sensors.is_empty() || peer.described == described {
        return None;
    }
    peer.described = described;
    peer.registration = Registration::UnderWay { below: known_sensors(peer), is_asked: false };
    Some(Event::Sensors { device: peer.device.no, first, sensors })
}

/// A digest of what sensors are said to be.
fn digest(first: SensorNo, sensors: &[SensorSpec]) -> u64 {
    let mut hasher = DefaultHasher::new();
    first.0.hash(&mut hasher);
    for SensorSpec { name, unit, kind, interval_ms } in sensors {
        (name, unit, *kind as u8, interval_ms).hash(&mut hasher);
    }
    hasher.finish()
}
