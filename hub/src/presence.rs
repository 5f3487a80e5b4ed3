//! What is known of devices right now and never stored: their links, their health, and the devices that wait to be
//! adopted.
//!
//! The UDP shell writes it, HTTP and the live stream read it. A device is online while authenticated data keeps coming;
//! discovery packets and pings never count.

mod pushed;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use wire::message::Health;

pub(crate) use self::pushed::Pushed;
use crate::model::catalog::Catalog;
use crate::model::device::{Conflict, Device, DeviceNo, Link, Pending, Standing};
use crate::model::explain::Seen;
use crate::model::looked::{Absence, Looked};
use crate::model::{DeviceId, UnixMillis};

/// Pushed readings that are further ahead than this are forecasts and say nothing of the sender's clock.
const FORECAST_MS: i64 = 5 * 60_000;
/// An agent that says nothing of its sources for this long after it came, in milliseconds, has none that fail.
const SOUND_MS: i64 = 10_000;
/// An agent's clock before this was never set (2024-01-01, the agent's own bound).
const SET_FROM: UnixMillis = UnixMillis(1_704_067_200_000);

/// Links by device, pending devices by id.
#[derive(Debug, Default)]
pub(crate) struct Now {
    /// Links of adopted devices heard since the hub started.
    pub links: HashMap<DeviceNo, Link>,
    /// Devices without a link whose readings are pushed, those of before the hub started as they were saved.
    pub pushed: HashMap<DeviceNo, Pushed>,
    /// What devices said last of what they find wrong with themselves; those that said nothing are left out.
    pub health: HashMap<DeviceNo, Health>,
    /// Devices whose identity another machine uses as well.
    pub conflicts: HashMap<DeviceNo, Conflict>,
    /// Devices that wait to be adopted; at most 256 (the endpoint's cap).
    pub pending: HashMap<DeviceId, Pending>,
}

/// What an agent's readings are off, in milliseconds: what its clock is, unless that was never set, then it stamps by the hub's.
fn stamped_by(link: &Link) -> Option<i64> {
    let offset_ms = link.clock_offset_ms? as i64;
    Some(if link.last_seen.plus(offset_ms) < SET_FROM { 0 } else { offset_ms })
}

impl Now {
    /// A device that is offline, if readings of it are expected at all and it was ever heard.
    fn absence(&self, device: &Device, interval_ms: u32, now: UnixMillis) -> Option<Absence> {
        let limit = Presence::offline_after_ms(interval_ms);
        let (link, pushed) = (self.links.get(&device.no), self.pushed.get(&device.no));
        let (is_offline, heard, usual_ms, since) = match (link, pushed) {
            (Some(link), _) => (now.since(link.last_seen) > limit, Some(link.last_seen), limit, link.last_seen),
            (None, Some(pushed)) => {
                let usual_ms = pushed.usual_silence_ms(interval_ms).unwrap_or(Pushed::MOST_MS);
                (pushed.is_silent(interval_ms, now), Some(pushed.last_seen), usual_ms, pushed.missed_since)
            }
            // Of one that was imported, or forgotten but for its history, nothing is expected.
            (None, None) => (device.has_key(), None, limit, device.last_seen?),
        };
        let heard = heard.max(device.last_seen)?;
        is_offline.then(|| Absence { device: device.no, heard, usual_ms, missed_at: since.plus(usual_ms) })
    }

    /// How many sources of an agent fail; `None` as long as it may not have said so yet.
    fn failing(&self, device: DeviceNo, link: &Link, now: UnixMillis) -> Option<u32> {
        let Some(health) = self.health.get(&device) else {
            return (now.since(link.session_since) >= SOUND_MS).then_some(0);
        };
        // Some are only to be known of and fail in nothing.
        let said = health.sources.iter().filter(|source| source.count > 0).count();
        Some(u32::try_from(said).unwrap_or(u32::MAX).saturating_add(health.more.into()))
    }
}

/// The shared table.
#[derive(Debug, Default)]
pub(crate) struct Presence(RwLock<Now>);

impl Presence {
    /// Silence after which a device is offline: three missed readings, at least 10 s (an agent says something every 5 s).
    #[must_use]
    pub(crate) const fn offline_after_ms(interval_ms: u32) -> i64 {
        pushed::offline_after_ms(interval_ms)
    }

    /// Looks. Hold it briefly, never across an await.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Now> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes. Hold it briefly, never across an await.
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Now> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with the devices whose readings were pushed before the hub started, `now`.
    pub(crate) fn resume(&self, catalog: &Catalog, now: UnixMillis) {
        let pushed = catalog.devices().filter_map(|device| Some((device.no, Pushed::of_before(device, now)?)));
        self.write().pushed.extend(pushed);
    }

    /// Clocks that readings are stamped by minus the hub's, in milliseconds: as measured with agents, and of others only those
    /// that run ahead, as what is pushed shows: old readings may be old.
    #[must_use]
    pub(crate) fn clocks(&self) -> HashMap<DeviceNo, i64> {
        let table = self.read();
        let pushed = table.pushed.iter().filter_map(|(device, pushed)| Some((*device, pushed.clock_offset_ms()?)));
        let pushed = pushed.filter(|(_, ms)| (1..=FORECAST_MS).contains(ms));
        let agents = table.links.iter().filter_map(|(device, link)| Some((*device, stamped_by(link)?)));
        pushed.chain(agents).collect()
    }

    /// Whether a device is online at `now`, given its expected interval, 0 when none is known. Who pushes says nothing in
    /// between and names no interval: then three times the longest of the last pauses counts, at least a minute.
    #[must_use]
    pub(crate) fn is_online(&self, device: DeviceNo, interval_ms: u32, now: UnixMillis) -> bool {
        let limit = Self::offline_after_ms(interval_ms);
        let table = self.read();
        if let Some(link) = table.links.get(&device) {
            return now.since(link.last_seen) <= limit;
        }
        table.pushed.get(&device).is_some_and(|pushed| !pushed.is_silent(interval_ms, now))
    }

    /// What is known of the link of a device at `now`, given its expected interval, 0 when none is known.
    #[must_use]
    pub(crate) fn seen(&self, device: DeviceNo, interval_ms: u32, now: UnixMillis) -> Seen {
        let is_online = self.is_online(device, interval_ms, now);
        let table = self.read();
        let (link, pushed) = (table.links.get(&device), table.pushed.get(&device));
        let heard_at = link.map(|link| link.last_seen).max(pushed.map(|pushed| pushed.last_seen));
        let clock_offset_ms = link.and_then(|link| link.clock_offset_ms).map(|ms| ms as i64);
        Seen { is_online, heard_at, clock_offset_ms }
    }

    /// How the adopted devices are.
    #[must_use]
    pub(crate) fn looked(&self, catalog: &Catalog, now: UnixMillis) -> Looked {
        let table = self.read();
        let mut looked = Looked::default();
        for device in catalog.devices().filter(|device| device.standing == Standing::Adopted) {
            let interval_ms = catalog.expected_interval_ms(device.no).unwrap_or(0);
            if let Some(absence) = table.absence(device, interval_ms, now) {
                looked.offline.push(absence);
                continue;
            }
            let Some(link) = table.links.get(&device.no) else { continue };
            if let Some(failing) = table.failing(device.no, link, now) {
                looked.failing.insert(device.no, failing);
            }
            if let Some(offset_ms) = link.clock_offset_ms {
                looked.clocks.insert(device.no, offset_ms as i64);
            }
        }
        looked
    }

    /// Which sources of a device fail, by name, with what went wrong; and how many there are.
    #[must_use]
    pub(crate) fn failing(&self, device: DeviceNo) -> (Vec<(String, String)>, usize) {
        let table = self.read();
        let Some(health) = table.health.get(&device) else { return (Vec::new(), 0) };
        let failing = health.sources.iter().filter(|source| source.count > 0);
        let named: Vec<_> = failing.map(|source| (source.source.clone(), source.error.clone())).collect();
        let count = named.len() + usize::from(health.more);
        (named, count)
    }

    /// Readings of these devices were pushed from an address; with each its newest.
    pub(crate) fn pushed(
        &self,
        devices: impl IntoIterator<Item = (DeviceNo, UnixMillis)>,
        address: SocketAddr,
        now: UnixMillis,
    ) {
        let address = SocketAddr::new(address.ip(), 0);
        let mut table = self.write();
        for (device, newest) in devices {
            table
                .pushed
                .entry(device)
                .or_insert_with(|| Pushed::first(address, newest, now))
                .heard(address, newest, now);
        }
    }
}
