//! What the rest of the hub tells the endpoint: devices it knows, forgets or ignores, answers to events, tokens, the policy.

use std::collections::HashMap;

use wire::message::{Control, Status};

use super::{DEVICE_RATE, Endpoint, Entry, Registration, trim_epochs};
use crate::model::device::{Device, Standing};
use crate::proto::Moment;
use crate::proto::admission::Bucket;
use crate::proto::command::{Command, Known};
use crate::proto::counters::Drop;
use crate::proto::event::Event;
use crate::proto::window::Window;

impl Endpoint {
    /// Follows a change made elsewhere in the hub.
    pub fn handle_command(&mut self, moment: Moment, command: Command) {
        match command {
            Command::Known(known) => self.know(moment, *known),
            Command::Forgotten(id) => {
                if let Some((key, no)) =
                    self.devices.iter().find(|(_, e)| e.device.id == id).map(|(k, e)| (*k, e.device.no))
                {
                    self.devices.remove(&key);
                    self.keys.remove(&no);
                    self.sessions.end(&key);
                }
            }
            Command::Ignored(id) => {
                if let Some(key) = self.pending.iter().find(|(_, (pending, _))| pending.id == id).map(|(key, _)| *key) {
                    self.pending.remove(&key);
                    self.sessions.end(&key);
                    self.event(Event::PendingGone(id));
                }
            }
            Command::Recorded(reports) => {
                for (device, epoch, number) in reports {
                    let Some(key) = self.keys.get(&device).copied() else { continue };
                    if let Some(entry) = self.devices.get_mut(&key) {
                        entry.recording = None;
                    }
                    self.send(key, &Control::Recorded { epoch, number });
                }
            }
            Command::NotRegistered { device, no_place } => {
                let Some(entry) = self.keys.get(&device).and_then(|key| self.devices.get_mut(key)) else { return };
                let Registration::UnderWay { below } = entry.registration else { return };
                entry.registration = Registration::Open;
                if no_place {
                    self.counters.dropped(Drop::SeriesLimit);
                    Self::leave_out_sensors(&mut self.ack_due, entry, moment.now, below);
                }
            }
            Command::JoinTokens(tokens) => self.tokens = tokens.into_iter().map(|token| (token.id, token)).collect(),
            Command::Policy { policy, open_until } => {
                (self.policy, self.open_until) = (policy, open_until);
                self.show_policy();
            }
        }
    }

    fn know(&mut self, moment: Moment, known: Known) {
        let Known { device, sensors, windows } = known;
        let (key, no, standing) = (device.key, device.no, device.standing);
        if self.pending.remove(&key).is_some() {
            self.event(Event::PendingGone(device.id));
        }
        self.joining.remove(&key);
        self.keys.insert(no, key);
        let entry = self.devices.entry(key).or_insert_with(|| Entry {
            device: device.clone(),
            sensors: Vec::new(),
            windows: HashMap::new(),
            bucket: Bucket::full(DEVICE_RATE, moment.now),
            unacked: Vec::new(),
            ack_queued: false,
            registration: Registration::Open,
            recording: None,
            status: Status::default(),
            last_seen: None,
            link_changed: false,
        });
        let handshake_counter = entry.device.handshake_counter.max(device.handshake_counter);
        let news =
            entry.device.standing != standing || sensors.len() != entry.sensors.len() || entry.last_seen.is_none();
        entry.device = Device { handshake_counter, ..device };
        entry.sensors = sensors;
        entry.registration = Registration::Open;
        for (epoch, committed) in windows {
            entry.windows.entry(epoch).or_insert_with(|| Window::restored(committed));
            trim_epochs(&mut entry.windows, epoch);
        }
        match standing {
            Standing::Blocked => self.sessions.end(&key),
            Standing::Adopted if news => self.welcome(moment, key),
            Standing::Adopted => {}
        }
    }
}
