//! What is done about each event of the endpoint.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use wire::ledger::Report;

use super::{MAX_REPORTS, Registrar};
use crate::live::Update;
use crate::model::device::{Conflict, DeviceNo, NewDevice, Pending, Retired};
use crate::model::{DeviceId, Numbering, SensorNo, SensorSpec};
use crate::proto::command::Command;
use crate::proto::endpoint::MAX_PENDING;
use crate::proto::event::Event;
use crate::store::{self, DeviceNote, Floor};

impl Registrar {
    /// Does what an event asks for.
    pub(super) async fn handle(&self, event: Event) -> Result<(), store::Error> {
        match event {
            Event::Join(device) => self.join(*device).await,
            Event::Sensors { device, first, sensors } => self.register(device, first, sensors).await,
            Event::Renumber { device, numbering } => self.renumber(device, numbering).await,
            Event::Introduced { device, introduction, address, handshake_counter } => {
                let note = DeviceNote {
                    no: device,
                    address,
                    last_seen: self.clock.wall(),
                    pushed_every_ms: None,
                    introduction: Some(introduction),
                    handshake_counter,
                };
                self.store.note_devices(vec![note]).await
            }
            Event::Links(links) => {
                self.presence.write().links.extend(links);
                Ok(())
            }
            Event::Left(device) => self.leave(device).await,
            Event::Pending(pending) => {
                self.show_pending(*pending);
                Ok(())
            }
            Event::PendingGone(id) => {
                self.hide_pending(id);
                Ok(())
            }
            Event::Ledger { device, report } => {
                self.keep_report(device, report);
                Ok(())
            }
            Event::Health { device, health } => {
                self.presence.write().health.insert(device, health);
                Ok(())
            }
            Event::Claim { device, claim } => {
                self.show_conflict(device, claim.conflict);
                self.store.save_claim(device, claim).await
            }
            Event::Returned { retired, address } => {
                self.warn_of_returned(&retired, address);
                Ok(())
            }
            // Waited for where events come in.
            Event::Parted(_) => Ok(()),
            Event::Floor { device, epoch, below } => {
                // The pipeline ends before us only at shutdown; the device says it again.
                let _ = self.floors.send(Floor { device, epoch, below }).await;
                Ok(())
            }
        }
    }

    /// Registers what a device says its sensors are. If they are not registered the endpoint hears of it, and lets the device
    /// go on without them.
    async fn register(&self, device: DeviceNo, first: SensorNo, sensors: Vec<SensorSpec>) -> Result<(), store::Error> {
        let is_restated = usize::from(first.0) < self.store.catalog().own_numbers(device).len();
        if let Err(error) = self.store.register_sensors(device, first, sensors).await {
            let no_place = matches!(error, store::Error::Limit { .. });
            let _ = self.commands.send(Command::NotRegistered { device, no_place }).await;
            return Err(error);
        }
        self.tell_known(device).await;
        if is_restated {
            self.tell_restated(device);
        }
        Ok(())
    }

    /// Follows a device that gave its numbers to other sensors.
    async fn renumber(&self, device: DeviceNo, numbering: Numbering) -> Result<(), store::Error> {
        if let Err(error) = self.store.renumber(device, numbering).await {
            let _ = self.commands.send(Command::NotRegistered { device, no_place: false }).await;
            return Err(error);
        }
        self.tell_known(device).await;
        Ok(())
    }

    /// Saves when a device was last heard that said goodbye, and forgets its link.
    async fn leave(&self, device: DeviceNo) -> Result<(), store::Error> {
        self.note_link(device).await?;
        let mut now = self.presence.write();
        now.links.remove(&device);
        now.health.remove(&device);
        Ok(())
    }

    /// Shows a device that waits to be adopted; of too many the one that was silent for longest goes.
    fn show_pending(&self, pending: Pending) {
        let id = pending.id;
        let (known, gone) = {
            let mut now = self.presence.write();
            let known = now.pending.insert(id, pending);
            // Whoever gave way says so, unless that got lost in a flood.
            let oldest = now.pending.values().min_by_key(|pending| pending.last_seen).map(|pending| pending.id);
            let gone = oldest.filter(|_| now.pending.len() > MAX_PENDING).and_then(|id| now.pending.remove(&id));
            (known, gone)
        };
        if let Some(gone) = gone {
            self.bus.publish(Arc::new(Update::Removed(gone.id)));
        }
        if known.is_none() {
            tracing::info!(device.id = %id, "device {id} asks to be adopted");
        }
        self.bus.publish(Arc::new(Update::Device(id)));
    }

    /// A device no longer waits to be adopted.
    fn hide_pending(&self, id: DeviceId) {
        let was_pending = self.presence.write().pending.remove(&id).is_some();
        if was_pending && self.store.catalog().device_by_id(id).is_none() {
            self.bus.publish(Arc::new(Update::Removed(id)));
        }
    }

    /// Keeps a report for the next look. Beyond the limit it is not answered, and the device sends it again.
    fn keep_report(&self, device: DeviceNo, report: Report) {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        if reports.len() < MAX_REPORTS {
            reports.push((device, report));
        }
    }

    /// Says that hardware is running again which was replaced.
    fn warn_of_returned(&self, retired: &Retired, address: SocketAddr) {
        let catalog = self.store.catalog();
        let Some(device) = catalog.device(retired.device) else { return };
        let (name, id, hardware) = (&device.name, device.id, retired.hardware);
        tracing::warn!(
            device.id = %id,
            "hardware {hardware}, which was replaced on {name} ({id}), is running again at {address}: its readings are refused; to use it as a separate device stop its agent, delete `identity` in its state folder, start it and adopt it; to put it back replace {name} by {hardware}"
        );
    }

    /// Says once that two machines use one identity, and once that they do no longer.
    fn show_conflict(&self, no: DeviceNo, conflict: Option<Conflict>) {
        let mut now = self.presence.write();
        let before = match conflict {
            Some(conflict) => now.conflicts.insert(no, conflict),
            None => now.conflicts.remove(&no),
        };
        drop(now);
        let catalog = self.store.catalog();
        let Some(device) = catalog.device(no).filter(|_| conflict.is_some() != before.is_some()) else { return };
        let (name, id) = (&device.name, device.id);
        match conflict {
            Some(Conflict { holder, other, .. }) => tracing::warn!(
                device.id = %id,
                "two machines use the identity of device {name} ({id}): {holder}, with which the hub continues, and {other}, whose readings it refuses; on the copy stop the agent, delete `identity` in its state folder, start it and adopt it"
            ),
            None => tracing::info!(device.id = %id, "device {name} ({id}) is used by one machine again"),
        }
        self.bus.publish(Arc::new(Update::Device(id)));
    }

    async fn join(&self, device: NewDevice) -> Result<(), store::Error> {
        let by = if device.join_token.is_some() { "a join token" } else { "the open window" };
        let device = self.store.adopt(device).await?;
        tracing::info!(device.id = %device.id, "device {} ({}) joined by {by}", device.name, device.id);
        self.tokens_used.store(true, Ordering::Relaxed);
        self.tell_known(device.no).await;
        self.bus.publish(Arc::new(Update::Device(device.id)));
        Ok(())
    }

    /// Sensors are another thing than they were: pages show it, and the rules wait for readings by their new interval.
    fn tell_restated(&self, no: DeviceNo) {
        let id = self.store.catalog().device(no).map(|device| device.id);
        if let Some(id) = id {
            self.bus.publish(Arc::new(Update::Device(id)));
        }
        self.rules_changed.notify_one();
    }
}
