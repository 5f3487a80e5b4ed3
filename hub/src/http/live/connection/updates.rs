//! What the client is told of what happens in the hub.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;

use super::end::{End, NO_ROOM};
use super::{Connection, parts};
use crate::clock::Clock;
use crate::http::alerts::dto::ListedAlert;
use crate::http::devices::dto::Device;
use crate::http::live::dto::{Row, ServerMessage};
use crate::http::request::text;
use crate::http::webhooks::deliveries::lulls;
use crate::http::webhooks::sent::Delivery;
use crate::live::{Seen, Subscription, Told, Update};
use crate::model::DeviceId;
use crate::model::access::Scope;
use crate::model::device::DeviceNo;
use crate::model::reading::{Point, SeriesId};
use crate::pressure::Shed;

/// Bytes for one connection to remember which series its subscriptions want: two bits for each series of each subscription. That is
/// enough for 500 subscriptions with 8,000 series, or 80 with 50,000.
const KNOWN_BYTES: usize = 1 << 20;

impl Connection {
    /// Something happened in the hub.
    pub(super) async fn learned(&mut self, told: Result<Arc<Told>, RecvError>, scope: Scope) -> Result<(), End> {
        match told {
            Ok(told) => {
                let sent = self.tell(&told, scope).await;
                if self.updates.is_empty() {
                    self.caught_up = self.feed.clock.wall();
                }
                sent
            }
            Err(RecvError::Lagged(_)) => {
                let since = self.caught_up.0;
                self.caught_up = self.feed.clock.wall();
                let ids: Vec<u32> = self.subscriptions.keys().copied().collect();
                for id in ids {
                    self.send(&ServerMessage::Gap { id, since }).await?;
                }
                // A device event may be among what was missed.
                self.subscriptions.values_mut().for_each(Subscription::forget_verdicts);
                let gone = self.sight.missed(&self.feed.store.catalog());
                for id in gone {
                    self.send(&ServerMessage::Device { device: None, removed: Some(id.to_string()) }).await?;
                }
                Ok(())
            }
            Err(RecvError::Closed) => Err(End::STOPPING),
        }
    }

    async fn tell(&mut self, told: &Told, scope: Scope) -> Result<(), End> {
        match &*told.update {
            Update::Batches(batches) => {
                let now = self.feed.clock.now();
                let pressed = !self.subscriptions.is_empty() && self.feed.pressure.sheds(Shed::LiveRate);
                let catalog = self.feed.store.catalog();
                let rows = batches.iter().map(|batch| batch.series.len()).sum::<usize>() * self.subscriptions.len();
                self.memory.lend(self.subscriptions.values(), &mut self.room, rows);
                for subscription in self.subscriptions.values_mut() {
                    subscription.set_pressed(pressed);
                    batches.iter().for_each(|batch| subscription.observe(now, batch, &catalog, &mut self.room));
                }
                if self.subscriptions.values().map(Subscription::known_bytes).sum::<usize>() > KNOWN_BYTES {
                    return Err(End::policy(
                        "too many subscriptions for so many series: take fewer with wider patterns",
                    ));
                }
                // The verdicts of its subscriptions have grown.
                if self.memory.holds(self.subscriptions.values(), &self.room) { Ok(()) } else { Err(NO_ROOM) }
            }
            Update::Device(id) => {
                let seen = self.sight.changed(*id, &self.feed.store.catalog());
                self.tell_of_device(*id, seen).await
            }
            Update::Removed(id) => {
                let seen = self.sight.removed(*id, &self.feed.store.catalog());
                self.tell_of_device(*id, seen).await
            }
            Update::Alert { alert, silenced_until, inhibited_by } if self.sees(alert.device()) => {
                let hushed = (*silenced_until, *inhibited_by);
                let alert = Box::new(ListedAlert::of(alert, hushed, &self.feed.store.catalog()));
                self.send(&ServerMessage::Alert { alert: Some(alert), removed: None }).await
            }
            Update::NoAlert(id, device) if self.sees(*device) => {
                self.send(&ServerMessage::Alert { alert: None, removed: Some(text::id(*id)) }).await
            }
            // Deliveries are about the whole hub, so only a view of everything shows them.
            Update::Delivery(id) if self.sees(None) => {
                // Deleted meanwhile, or the store is busy: the page learns of it when it asks.
                let Ok(delivery) = told.delivery(self.feed.store.delivery(*id)).await else { return Ok(()) };
                let lulls = lulls(&self.feed.store, Clock.wall()).await.unwrap_or_default();
                let delivery = Box::new(Delivery::of(delivery.clone(), &lulls).shown_to(scope));
                self.send(&ServerMessage::Delivery { delivery }).await
            }
            Update::Alert { .. } | Update::NoAlert(..) | Update::Delivery(_) => Ok(()),
        }
    }

    async fn tell_of_device(&mut self, id: DeviceId, seen: Seen) -> Result<(), End> {
        self.subscriptions.values_mut().for_each(Subscription::forget_verdicts);
        let device = if seen == Seen::Now { self.device(id).map(Box::new) } else { None };
        let removed = (seen == Seen::Gone).then(|| id.to_string());
        if device.is_none() && removed.is_none() {
            return Ok(());
        }
        self.send(&ServerMessage::Device { device, removed }).await
    }

    fn device(&self, id: DeviceId) -> Option<Device> {
        let catalog = self.feed.store.catalog();
        if let Some(device) = self.sight.view().device(&catalog, id) {
            return Some(Device::of(device, &catalog, &self.feed.presence, self.feed.clock.wall()));
        }
        self.feed.presence.read().pending.get(&id).filter(|_| self.sight.view().is_all()).map(Device::from)
    }

    /// Whether the client may see what is about this device, or about none.
    fn sees(&self, device: Option<DeviceNo>) -> bool {
        self.sight.view().sees(&self.feed.store.catalog(), device)
    }

    pub(super) async fn send_frames(&mut self) -> Result<(), End> {
        let now = self.feed.clock.now();
        let due: Vec<_> = self
            .subscriptions
            .iter_mut()
            .flat_map(|(id, subscription)| subscription.poll(now, &mut self.room).into_iter().map(|frame| (*id, frame)))
            .collect();
        for (id, frame) in due {
            for rows in parts(&frame.rows) {
                let rows = self.rows(rows);
                if !rows.is_empty() {
                    self.send(&ServerMessage::Readings { id, lane: frame.lane.into(), rows }).await?;
                }
            }
            if let Some(since) = frame.gap {
                self.send(&ServerMessage::Gap { id, since: since.0 }).await?;
            }
        }
        if self.room.repay() {
            self.memory.holds(self.subscriptions.values(), &self.room);
        }
        Ok(())
    }

    /// Rows with names, of devices that may be seen as it is now. Rows of one device come together, so its id is written once for
    /// all of them.
    pub(super) fn rows(&self, rows: &[(SeriesId, Point)]) -> Vec<Row> {
        let catalog = self.feed.store.catalog();
        let mut last: Option<(DeviceId, Arc<str>)> = None;
        rows.iter()
            .filter_map(|(series, point)| {
                let series = catalog.series(*series)?;
                let device = catalog.device(series.device).filter(|device| self.sight.view().has(device))?.id;
                let name = match &last {
                    Some((id, name)) if *id == device => Arc::clone(name),
                    _ => Arc::from(device.to_string()),
                };
                last = Some((device, Arc::clone(&name)));
                Some(Row(name, series.sensor.clone(), point.at.0, point.value))
            })
            .collect()
    }
}
