//! Commands from the rest of the hub: devices to know, forget or ignore, answers to events, tokens, the policy.

use wire::message::Control;

use super::Endpoint;
use super::peer::{Parting, Peer, Registration, known_sensors};
use crate::model::DeviceId;
use crate::model::device::{Claim, Standing};
use crate::proto::Moment;
use crate::proto::command::{Command, Known};
use crate::proto::counters::Drop;
use crate::proto::event::Event;

impl Endpoint {
    /// Follows a change made elsewhere in the hub.
    pub fn handle_command(&mut self, moment: Moment, command: Command) {
        match command {
            Command::Known(known) => self.know(moment, *known),
            Command::Part(id) => self.part(id),
            Command::Retired(retired) => self.retire(&retired),
            Command::Forgotten(id) => {
                if let Some(key) = self.roster.forget(id) {
                    self.front.sessions.end(&key);
                }
            }
            Command::Ignored(id) => {
                if let Some(key) = self.roster.ignore(id) {
                    self.pending_gone(&key);
                }
            }
            Command::Recorded(reports) => {
                for (device, epoch, number) in reports {
                    let Some(peer) = self.roster.numbered(device) else { continue };
                    peer.recording = None;
                    let key = peer.device.key;
                    if let Some(session) = self.current(&key) {
                        self.send(session, &Control::Recorded { epoch, number });
                    }
                }
            }
            Command::NotRegistered { device, no_place } => {
                let Some(peer) = self.roster.numbered(device) else { return };
                let below = match peer.registration {
                    Registration::UnderWay { below, .. } => below,
                    Registration::Renumbering { .. } => 0,
                    Registration::Open | Registration::NoPlace { .. } => return,
                };
                (peer.registration, peer.described) = (Registration::Open, 0);
                if no_place {
                    self.counters.dropped(Drop::SeriesLimit);
                    let key = peer.device.key;
                    if peer.leave_out_sensors(moment.now, below)
                        && let Some(session) = self.current(&key)
                    {
                        self.queue_ack(session);
                    }
                }
            }
            Command::JoinTokens(tokens) => {
                self.roster.tokens = tokens.into_iter().map(|token| (token.id, token)).collect();
            }
            Command::Policy { policy, open_until } => self.roster.set_policy(policy, open_until),
        }
    }

    /// Knows a device from here on, or what changed about it.
    fn know(&mut self, moment: Moment, known: Known) {
        let Known { device, sensors, numbering, windows, digests, claim, since } = known;
        let (key, no, standing) = (device.key, device.no, device.standing);
        if self.roster.pending.remove(&key).is_some() {
            self.event(Event::PendingGone(DeviceId::of(&key)));
        }
        self.roster.joining.remove(&key);
        self.roster.keys.insert(no, key);
        let peer = self.roster.devices.entry(key).or_insert_with(|| {
            let claim = Claim { handshake_counter: device.handshake_counter, ..claim.unwrap_or_default() };
            Peer::new(device.clone(), numbering, claim, since, moment.now)
        });
        peer.parting = Parting::No;
        let news = peer.device.standing != standing || sensors.len() != peer.sensors.len() || peer.last_seen.is_none();
        peer.device = device;
        // A device that was only renamed keeps its numbering.
        let renumbered = std::mem::replace(&mut peer.numbering, numbering) != numbering;
        // A device that described more sensors meanwhile waits for this answer, so it is told at once.
        let is_asked = matches!(peer.registration, Registration::UnderWay { is_asked: true, .. });
        if renumbered || !matches!(peer.registration, Registration::Renumbering { .. }) {
            peer.registration = Registration::Open;
        }
        peer.sensors = sensors;
        let known_sensors = known_sensors(peer);
        peer.restore(windows, digests);
        match standing {
            Standing::Blocked => self.front.sessions.end(&key),
            Standing::Adopted if news || is_asked => self.welcome(moment, key, None),
            Standing::Adopted => {}
        }
        if renumbered && let Some(session) = self.current(&key) {
            self.send(session, &Control::Numbered { numbering, known_sensors });
        }
    }
}
