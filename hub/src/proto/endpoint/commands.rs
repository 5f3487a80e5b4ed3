//! What the rest of the hub tells the endpoint: devices it knows, forgets or ignores, answers to events, tokens, the policy.

use super::*;

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
                let described = entry.registering.take();
                if let Some(below) = described.filter(|_| no_place) {
                    self.counters.dropped(Drop::SeriesLimit);
                    entry.no_place = Some(moment.now);
                    Self::refuse_sensors(&mut self.ack_due, entry, below);
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
            registering: None,
            no_place: None,
            refused_below: 0,
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
        (entry.registering, entry.no_place, entry.refused_below) = (None, None, 0);
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
